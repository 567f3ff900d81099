"""Without a visit: the voter proves who they are once more, at FranceConnect+, reads their act again and does it.

A proof is for one act on one file, so each file has its own addresses: one to establish it, one to end it.
"""
import logging

from flask import abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.local import LocalProxy

from models import LIVE, Procuration, Status
from portal import attempts, certified, oidc, places, scrutins
from portal.access import PUBLIC, VOTERS, access
from portal.attempts import LogInLost
from portal.certified import ProofMissing, SomebodyElse
from portal.communes import birth_place
from portal.error_pages import Unavailable
from portal.errors import AlreadyDecided, PollOver
from portal.pages import answers, pages
from portal.pages.answers import Answer
from portal.pages.mes_procurations import loaded
from portal.throttling import IDENTITY, limited
from portal.voters import IdentityUnusable

PATHS = {"etablir": "/mes-procurations/<int:number>/sans-deplacement",
         "resilier": "/mes-procurations/<int:number>/resilier/sans-deplacement"}
EXPLAINED = {"etablir": "public/certifiee_etablir.html", "resilier": "public/certifiee_resilier.html"}
SOURCES = {"etablir": (Status.DEPOSEE,), "resilier": LIVE}
RETURN = "/franceconnect/retour-certifie"
REFUSALS = (  # what is wrong with an answer, the gravest kinds first: (error, word of the template, status)
    (SomebodyElse, "autre_personne", 403), (IdentityUnusable, "identite", 422), (oidc.TooWeak, "niveau", 403),
    (oidc.Stale, "ancienne", 403), (oidc.Distrusted, "perdue", 400), (LogInLost, "perdue", 400))
log = logging.getLogger("maprocuration.franceconnect")
provider = LocalProxy(lambda: current_app.extensions["franceconnect_plus"])


class PlusDown(Unavailable):
    page = "errors/franceconnect_plus.html"


def install(app, settings):
    app.extensions["franceconnect_plus"] = certified.provider(settings)


def for_each_act(suffix="", **options):
    """The view answers at both addresses, and is told which act it is about."""
    def mark(view):
        for act, path in PATHS.items():
            pages.add_url_rule(path + suffix, view_func=access(VOTERS)(view), defaults={"act": act}, **options)
        return view
    return mark


# --- The voter's pages ----------------------------------------------------------------------------------------------

@for_each_act()
def certifiee(number, act):
    """What it is and the way to FranceConnect+; once back from there, the last reading before the act."""
    file = concerned(number, act)
    proof = certified.proof_of(current_user.session, act, file)
    if proof is None:
        return render_template(EXPLAINED[act], file=file)
    return render_template("public/certifiee_relire.html", **what_is_read_again(file, act, proof))


@for_each_act("/identite", methods=["POST"])
@limited(IDENTITY)
def identite_certifiee(number, act):
    file, session = concerned(number, act), current_user.session
    try:
        url = answers.departure(provider, RETURN, aim={"act": act, "file": file.id, "login": session.login})
    except oidc.Outage as error:
        raise _down(error) from error
    return render_template("public/depart.html", url=url, there="plus")


@for_each_act(methods=["POST"])
def agir_sans_deplacement(number, act):
    """The voter's last word."""
    try:
        file = concerned(number, act)
        file.version = request.form.get("version", -1, int)  # as the voter read it
        certified.perform(current_user.session, act, file)
    except ProofMissing:
        flash(gettext("certifiee.trop_tard"), "warning")
        return redirect(url_for(".certifiee", number=number, act=act), 303)
    except AlreadyDecided:
        if not certified.done_by(current_user.actor, act, number):
            raise
    else:
        flash(gettext(f"certifiee.{act}"), "success")
    return redirect(url_for(".mes_procurations"), 303)


def concerned(number, act):
    """The voter's file `number`, which `act` may befall now without a visit. Raises AlreadyDecided, PollOver."""
    found = loaded(Procuration.id == number, Procuration.voter == current_user.actor)
    if not found or not found[0].without_visit:
        abort(404)
    if found[0].state not in SOURCES[act]:
        raise AlreadyDecided(found[0].passages[-1])
    if found[0].over:
        raise PollOver()
    return found[0]


def what_is_read_again(file, act, proof):
    tours = [vise.tour for vise in file.tours_vises] or places.tours_of(file)
    return {"file": file, "act": act, "proof": proof, "birth_place": birth_place(file.mandant.birth_place),
            "until": certified.ends_at(proof),
            "days": {tour.id: scrutins.day_shown(tour, file.commune) for tour in tours},
            "without_place": places.foreseen(file, tours) if act == "etablir" else {},
            "replaced": places.pending_for_the_same_vote(file) if act == "etablir" else []}


# --- FranceConnect+ -------------------------------------------------------------------------------------------------

@pages.get("/franceconnect/cles")
@access(PUBLIC)
def cles():
    """The public halves of our keys, as a JWK set: FranceConnect+ encrypts for them."""
    answer = jsonify(provider.keys.published() if provider else abort(404))
    answer.headers["Cache-Control"] = "public, max-age=600"
    return answer


@pages.get(RETURN)
@access(PUBLIC)
@limited(IDENTITY, methods=("GET",))
def retour_certifie():
    attempt = None
    try:
        answer = Answer.of(request.args)
        attempt = under_way(answer)
        return settle(attempt, answer)
    except oidc.Outage as error:
        raise _down(error) from error
    except tuple(error for error, *_ in REFUSALS) as error:
        log.warning("certified identity refused: %s", error)
        return stopped(attempt, *next(how for kind, *how in REFUSALS if isinstance(error, kind)))


def under_way(answer):
    """The attempt of this answer, begun in the session that is now open here. Raises LogInLost."""
    if not provider:
        raise LogInLost()
    attempt = answers.begun_here(answer, aimed=True)
    if not (current_user.is_authenticated and current_user.session.login == attempt.aim["login"]):
        raise LogInLost()
    return attempt


def settle(attempt, answer):
    """Make the answer a proof, once; the second of two clicks waits for the first and shares it."""
    session = current_user.session
    if not certified.answered(session, attempt):
        if answer.error:
            return declined(attempt, answer)
        if attempts.claim(attempt):
            prove(session, attempt, answer)
        else:
            attempts.outcome(attempt, lambda: certified.answered(session, attempt))
    return redirect(page_of(attempt), 303)


def prove(session, attempt, answer):
    with answers.tokens(provider, attempt, answer, RETURN) as tokens:
        certified.keep(session, attempt, tokens)


def declined(attempt, answer):
    answers.declined(provider, attempt, answer)
    return stopped(attempt, "abandon", 200)


def stopped(attempt, why, status):
    """Nothing changed; the way back to the file, where it is known."""
    page = render_template("public/certifiee_arretee.html", why=why, back=attempt and page_of(attempt),
                           act=attempt and attempt.aim["act"], number=attempt and attempt.aim["file"])
    return page, status


def page_of(attempt):
    return url_for(".certifiee", number=attempt.aim["file"], act=attempt.aim["act"])


def _down(error):
    log.error("outage: %s", error)
    return PlusDown()
