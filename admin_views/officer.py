"""The officer's screen: one field, one file at a time, own acts of the day without identities. Never a list."""
from collections import Counter
from functools import wraps

from flask import abort, flash, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from peewee import prefetch
from wtforms import BooleanField, Form
from wtforms.validators import DataRequired

from admin_views.base import RoleView
from admin_views.reasons import ReasonForm
from models import Commune, Couverture, Passage, Procuration, Reference, Role, Status, Tour, TourDay, TourVise, now
from portal import look_ups, opened_files, outbox, places, procedure, references, resiliation, scrutins
from portal.catalogue import PARIS
from portal.cautions import cautions, cautions_of_an_end
from portal.communes import birth_place
from portal.errors import AlreadyDecided, Refused, TooLateToUndo
from portal.fields import BirthDateField, PlainForm
from portal.limits import TooOften
from portal.opened_files import Unfit, minutes

ACTS_SHOWN = 300  # an officer's look-ups of a day (design 8)


class LookUpForm(PlainForm):
    """What may be asked beside the reference, see portal.look_ups."""

    scope = "officer."

    birth_date = BirthDateField(needed=False)


class ChecklistForm(Form):
    """What the officer vouches for: each point is ticked, none is by default."""

    document = BooleanField(lazy_gettext("officer.document"), [DataRequired(lazy_gettext("officer.document.missing"))])
    identity = BooleanField(lazy_gettext("officer.identity"), [DataRequired(lazy_gettext("officer.identity.missing"))])
    consent = BooleanField(lazy_gettext("officer.consent"), [DataRequired(lazy_gettext("officer.consent.missing"))])


def at_the_counter(view):
    """Whatever is refused is told where the next reference is typed; who may not act today sees nothing else."""
    @wraps(view)
    def answer(self, **url):
        try:
            opened_files.check(current_user.actor)
            return view(self, **url)
        except Unfit as error:
            return self.render("admin/officer/unfit.html", error=error), error.status
        except Refused as error:
            return self.counter(error)
    return answer


class Guichet(RoleView):
    roles = frozenset({Role.OFFICER})

    def counter(self, error=None, form=None):
        """With `error`, what was refused; with `form`, a birth date that is none."""
        officer = current_user.actor
        error = error or look_ups.suspension(officer)
        form = form or LookUpForm(request.form)
        form.birth_date.flags.required = form.birth_date.is_typed or look_ups.asks_birth_date(officer)
        page = self.render("admin/officer/guichet.html", error=error, state=type(error).__name__, typed=typed(),
                           plain=references.plain(typed()), form=form, suspended=officer.look_up_suspended_at,
                           few=look_ups.FEW, asks_birth_date=form.birth_date.flags.required)
        return page, error.status if error else 422 if form.errors else 200, retry_after(error)

    def file(self, procuration, token, form):
        return self.render("admin/officer/dossier.html", token=token, form=form, **what_is_shown(procuration),
                           minutes_left=opened_files.minutes_left(token))

    def refusal(self, token, form, procuration):
        return self.render("admin/officer/refuser.html", token=token, form=form, ending=asks_for_an_end(procuration))

    def undoing(self, passage, form):
        return self.render("admin/officer/defaire.html", passage=passage, form=form,
                           minutes_left=minutes_to_undo(passage))

    @expose("/")
    @at_the_counter
    def index(self):
        return self.counter()

    @expose("/", methods=["POST"])
    @at_the_counter
    def chercher(self):
        form = LookUpForm(request.form)
        if not form.validate():
            return self.counter(form=form)
        procuration, token = opened_files.look_up(request.form.get("reference", ""), *who(), form.birth_date.data)
        return self.file(procuration, token, ChecklistForm())

    @expose("/etablir", methods=["POST"])
    @at_the_counter
    def etablir(self):
        token, form = sent_token(), ChecklistForm(request.form)
        if not form.validate():
            return self.file(opened_files.opened(token, *who()), token, form), 422
        return told(opened_files.establish(token, *who()))

    @expose("/dossier", methods=["POST"])
    @at_the_counter
    def dossier(self):
        """Back to the opened file, as it was left."""
        token = sent_token()
        return self.file(opened_files.opened(token, *who()), token, ChecklistForm())

    @expose("/refuser", methods=["POST"])
    @at_the_counter
    def refuser(self):
        token, form = sent_token(), ReasonForm("refuser", request.form)
        procuration = opened_files.opened(token, *who())
        if "choisir" in request.form:
            return self.refusal(token, ReasonForm("refuser", reason=form.reason.data), procuration)
        if not form.validate():
            return self.refusal(token, form, procuration), 422
        return self.render("admin/officer/refuser_apercu.html", token=token, form=form, procuration=procuration,
                           ending=asks_for_an_end(procuration), letter=letter_of(procuration, form.reason.data))

    @expose("/refuser/confirmer", methods=["POST"])
    @at_the_counter
    def confirmer(self):
        token, form = sent_token(), ReasonForm("refuser", request.form)
        if not form.validate():
            return self.refusal(token, form, opened_files.opened(token, *who())), 422
        return told(opened_files.refuse(token, *who(), form.reason.data))

    @expose("/plus-tard", methods=["POST"])
    @at_the_counter
    def plus_tard(self):
        opened_files.close(sent_token(), *who())
        flash(gettext("officer.later"), "info")
        return redirect(url_for(".index"), 303)

    @expose("/actes")
    @at_the_counter
    def actes(self):
        acts = list(own_acts().limit(ACTS_SHOWN))
        return self.render("admin/officer/actes.html", acts=acts, counts=Counter(passage.act for passage in acts),
                           minutes_to_undo=minutes_to_undo)

    @expose("/actes/<int:act>")
    @at_the_counter
    def acte(self, act):
        passage = own_act(act)
        return self.render("admin/officer/acte.html", passage=passage, minutes_left=minutes_to_undo(passage),
                           without_place=stands_without_place(passage))

    @expose("/actes/<int:act>/defaire")
    @at_the_counter
    def revenir(self, act):
        passage = own_act(act)
        check_undoable(passage)
        return self.undoing(passage, ReasonForm("defaire"))

    @expose("/actes/<int:act>/defaire", methods=["POST"])
    @at_the_counter
    def defaire(self, act):
        passage, form = own_act(act), ReasonForm("defaire", request.form)
        if not form.validate():
            return self.undoing(passage, form), 422
        return told(undo(passage, form.reason.data))


def views():
    return [Guichet(endpoint="guichet", url="guichet")]


def who():
    """The officer and the session an opened file is bound to."""
    return current_user.actor, current_user.session


def sent_token():
    return request.form.get("file", "")


def typed():
    """What was sent as a reference, as it may be shown again."""
    sent = request.form.get("reference", "")[:references.LONGEST]
    return "".join(character for character in sent if character.isprintable())


def retry_after(error):
    return {"Retry-After": str(error.retry_after)} if isinstance(error, TooOften) else {}


def told(passage):
    """On to the page of an own act: it can be read again, and sends nothing twice. None: a résiliation was refused,
    which leaves the procuration as it is."""
    if passage is None:
        flash(gettext("officer.kept"), "info")
        return redirect(url_for(".index"), 303)
    return redirect(url_for(".acte", act=passage.id), 303)


def asks_for_an_end(procuration):
    """Was the file opened for a résiliation?"""
    return procuration.reference.kind == resiliation.KIND


def letter_of(procuration, reason):
    """The mail that a refusal would send, None without an address."""
    if not asks_for_an_end(procuration):
        return outbox.previewed(procuration, "refuser", reason)
    facts = resiliation.facts_of_a_refusal(procuration.reference, reason)
    return outbox.render(resiliation.REFUSED, facts) if procuration.email else None


# --- What the screen shows ------------------------------------------------------------------------------------------

def what_is_shown(procuration):
    """The file with its tours loaded, the local days of these, and where the mandant was born."""
    named = tours_of(procuration)
    tours = named or places.tours_of(procuration)
    procuration.tours_vises = [TourVise(procuration=procuration, tour=tour) for tour in named]
    ending = asks_for_an_end(procuration)
    return {"procuration": procuration, "ending": ending, "birth_place": birth_place(procuration.mandant.birth_place),
            "ages": ages(procuration.mandant.birth_date, scrutins.today(procuration.commune)),
            "cautions": list((cautions_of_an_end if ending else cautions)(procuration, tours)),
            "days": {tour.id: scrutins.day_shown(tour, procuration.commune) for tour in tours}}


def ages(birth_date, day):
    """Full years on `day`, at least and at most: they differ where the registry has only the year or the month."""
    year, month_and_day = birth_date.split("-", 1)
    return [day.year - int(year) - (f"{day:%m-%d}" < turned) for turned in (month_and_day.replace("00", "99"),
                                                                            month_and_day)]


def tours_of(procuration):
    tours = Tour.select().join(TourVise).where(TourVise.procuration == procuration).order_by(Tour.day, Tour.number)
    return prefetch(tours, TourDay.select())


# --- Own acts -------------------------------------------------------------------------------------------------------

def own_acts():
    """The officer's acts of the day, latest first, with commune and reference; after midnight, still the last ones."""
    midnight = now().astimezone(PARIS).replace(hour=0, minute=0, second=0, microsecond=0)
    ending = (Passage.act == "resilier") & (Reference.kind == "resilier") & Reference.used_at.is_null(False)
    presented = ending | ((Passage.act != "resilier") & (Reference.kind == "etablir"))
    of_file = (Reference.procuration == Procuration.id) & presented
    return (Passage.select(Passage, Procuration, Commune, Reference).join(Procuration).join(Commune)
            .join_from(Procuration, Reference, on=of_file, attr="reference")
            .where(Passage.agent == current_user.actor, Passage.at >= min(midnight, now() - 2 * procedure.TIME_TO_UNDO))
            .order_by(Passage.at.desc(), Passage.id.desc()))


def own_act(number):
    return own_acts().where(Passage.id == number).get_or_none() or abort(404)


def can_be_undone(passage):
    return (passage.act == "etablir" and stands(passage)
            and now() <= passage.at + procedure.TIME_TO_UNDO)


def stands(passage):
    """Nobody decided on the act since. A place that an older act took is no decision."""
    file = passage.procuration
    return file.status == Status.ETABLIE and file.established_at == passage.at


def minutes_to_undo(passage):
    """How long the act may still be undone, in minutes begun; 0 when it cannot be."""
    return minutes(passage.at + procedure.TIME_TO_UNDO - now()) if can_be_undone(passage) else 0


def check_undoable(passage):
    """Raise AlreadyDecided, TooLateToUndo; 404 for an act that established nothing."""
    if passage.act != "etablir":
        abort(404)
    if not stands(passage):
        raise AlreadyDecided(procedure.last_passage(passage.procuration))
    if not can_be_undone(passage):
        raise TooLateToUndo()


def undo(passage, reason):
    """Take the act back; a second click gives the first one's passage. Raises AlreadyDecided, TooLateToUndo."""
    try:
        check_undoable(passage)
        procedure.defaire(passage.procuration, current_user.actor, reason)
    except AlreadyDecided as lost:
        if not undoes(lost.passage, passage):
            raise
    return procedure.last_passage(passage.procuration)


def undoes(last, passage):
    return last.act == "defaire" and last.version > passage.version and last.agent_id == passage.agent_id


def stands_without_place(passage):
    """The ceiling of the mandataire, or an older act, left the procuration without a place on some tour (L. 73)."""
    return passage.act == "etablir" and Couverture.select().where(
        Couverture.procuration == passage.procuration, Couverture.place.is_null()).exists()
