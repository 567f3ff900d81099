"""The request: one form, one URL, two renderings (the fields, then the check page), and its confirmation."""
from flask import abort, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from peewee import prefetch

from models import LIVE, Commune, Procuration, Role, Status, TourVise
from portal import catalogue, error_pages, procedure, scrutins, verdicts
from portal.access import VOTERS, SessionOver, access
from portal.communes import birth_place
from portal.limits import TooOften
from portal.pages import pages
from portal.pages.forms import DemandeForm
from portal.pages.mes_procurations import loaded
from portal.throttling import FILED, FILED_FROM_HERE, actor, limited

CONCURRENT = (Status.DEPOSEE, *LIVE)
ELSEWHERE = ("cross-site", "same-site")     # what a browser says of another site's form


@pages.get("/demande")
@access(VOTERS)
def demande():
    return show_fields(DemandeForm(current_user.actor))


def confirms():
    """Is a request filed, not only read again?"""
    return "confirmer" in request.form


@pages.post("/demande")
@access(VOTERS)
@limited(FILED_FROM_HERE, when=confirms)
@limited(*FILED, by=actor, when=confirms)
def deposer():
    """The check page; with `confirmer` the request itself, once per key; with `modifier` the fields again."""
    form = DemandeForm(current_user.actor, request.form)
    if not form.validate():
        return show_fields(form), 422
    if confirms():
        filed = procedure.deposer(form.demande(current_user.session.evidence), current_user.actor)
        return redirect(url_for(".confirmation", number=filed.id), 303)
    return show_fields(form) if "modifier" in request.form else show_check(form)


@pages.get("/demande/<int:number>/confirmation")
@access(VOTERS)
def confirmation(number):
    found = loaded(Procuration.id == number, Procuration.voter == current_user.actor)
    if not found:
        abort(404)
    if found[0].status != Status.DEPOSEE:
        return redirect(url_for(".mes_procurations"), 303)
    return render_template("public/confirmation.html", procuration=found[0])


# --- What cannot be taken any more ----------------------------------------------------------------------------------

@pages.errorhandler(SessionOver)
@pages.errorhandler(CSRFError)
def unsent(error):
    """A request typed before the session ended, or before another log-in: it goes back to the page that sent it, and
    is kept nowhere."""
    if not is_own_form():
        return error_pages.show(error)
    if not is_voter():
        return render_template("public/reprendre.html", typed=typed()), error.code
    return show_again(gettext("form.key.late")), error.code


@pages.errorhandler(TooOften)
def too_often(error):
    """What was typed is there again, with the time to wait."""
    if not (is_own_form() and is_voter()):
        return error_pages.refused(error)
    sentence = gettext("form.key.too_often", wait=catalogue.wait(error.retry_after))
    return show_again(sentence), error.status, {"Retry-After": str(error.retry_after)}


def is_own_form():
    return request.endpoint == "pages.deposer" and request.headers.get("Sec-Fetch-Site") not in ELSEWHERE


def is_voter():
    return current_user.is_authenticated and current_user.actor.role == Role.VOTER


def show_again(sentence):
    form = DemandeForm(current_user.actor, request.form)
    form.validate()
    form.form_errors.append(sentence)
    return show_fields(form)


def typed():
    """What the browser sent, as (name, value), but for the buttons and the token."""
    return [(name, value) for name, value in request.form.items(multi=True)
            if name not in ("csrf_token", "confirmer", "modifier")]


# --- Renderings -----------------------------------------------------------------------------------------------------

def show_fields(form):
    form.offer()
    return render_template("public/demande.html", form=form, birth_place=birth_place(form.voter.birth_place))


def show_check(form):
    if Procuration.select().where(Procuration.filing_key == form.key.filing_key).exists():
        form.key.draw(form.voter)  # sent already, then changed: another request
    return render_template("public/verification.html", form=form, others=concurrent(form),
                           birth_place=birth_place(form.voter.birth_place), found=looked_up(form))


def looked_up(form):
    """Whether the rolls know the voter and the person designated, see portal.verdicts.found."""
    return verdicts.found(form.voter, form.commune.commune, form.mandataire.form.named(), form.covered)


def concurrent(form):
    """The voter's files, waiting or alive, that cover a tour now asked for. Two periods always meet."""
    files = (Procuration.select(Procuration, Commune).join(Commune).order_by(Procuration.id.desc())
             .where(Procuration.voter == form.voter, Procuration.status.in_(CONCURRENT)))
    asked = {tour.id for tour in form.covered}
    return [file for file in prefetch(files, TourVise.select())
            if asked & covered(file, form.upcoming) or not (form.chosen or file.scrutin_id)]


def covered(file, upcoming):
    """Ids of the tours of a file, among `upcoming` where it names none."""
    named = {vise.tour_id for vise in file.tours_vises}
    within = scrutins.voted_in(upcoming, file.commune, scrutins.today(file.commune), file.valid_until)
    return named or {tour.id for tour in within}
