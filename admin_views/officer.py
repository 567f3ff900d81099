"""The officer's screen: one field, one file at a time, own acts of the day without identities. Never a list."""
from functools import wraps

from flask import abort, flash, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from peewee import JOIN, prefetch
from wtforms import BooleanField, Form
from wtforms.validators import DataRequired

from admin_views.base import RoleView
from admin_views.reasons import ReasonForm
from models import (Commune, Couverture, Passage, Personne, Procuration, Reference, Role, Tour, TourDay, TourVise,
                    now)
from portal import opened_files, procedure, scrutins
from portal.catalogue import PARIS
from portal.communes import birth_place
from portal.errors import AlreadyDecided, Refused, TooLateToUndo
from portal.opened_files import Unfit

ACTS_SHOWN = 300  # an officer's look-ups of a day (design 8)


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

    def counter(self, error=None):
        typed = request.form.get("reference", "")[:40] if error else ""
        page = self.render("admin/officer/guichet.html", error=error, state=type(error).__name__, typed=typed)
        return page, error.status if error else 200

    def file(self, procuration, token, form, template="admin/officer/dossier.html"):
        return self.render(template, token=token, form=form, **what_is_shown(procuration))

    @expose("/")
    @at_the_counter
    def index(self):
        return self.counter()

    @expose("/", methods=["POST"])
    @at_the_counter
    def chercher(self):
        procuration, token = opened_files.look_up(request.form.get("reference", ""), *who())
        return self.file(procuration, token, ChecklistForm())

    @expose("/etablir", methods=["POST"])
    @at_the_counter
    def etablir(self):
        token, form = sent_token(), ChecklistForm(request.form)
        if not form.validate():
            return self.file(opened_files.opened(token, *who()), token, form), 422
        return told(opened_files.establish(token, *who()))

    @expose("/refuser", methods=["POST"])
    @at_the_counter
    def refuser(self):
        token, form = sent_token(), ReasonForm("refuser", request.form)
        if form.validate():
            return told(opened_files.refuse(token, *who(), form.reason.data))
        asked = "confirmer" in request.form
        page = self.file(opened_files.opened(token, *who()), token, form if asked else ReasonForm("refuser"),
                         "admin/officer/refuser.html")
        return page, 422 if asked else 200

    @expose("/plus-tard", methods=["POST"])
    @at_the_counter
    def plus_tard(self):
        opened_files.close(sent_token(), *who())
        flash(gettext("officer.later"), "info")
        return redirect(url_for(".index"), 303)

    @expose("/actes")
    @at_the_counter
    def actes(self):
        return self.render("admin/officer/actes.html", acts=list(own_acts().limit(ACTS_SHOWN)), undoable=can_be_undone)

    @expose("/actes/<int:act>")
    @at_the_counter
    def acte(self, act):
        passage = own_act(act)
        return self.render("admin/officer/acte.html", passage=passage, undoable=can_be_undone(passage),
                           without_place=stands_without_place(passage))

    @expose("/actes/<int:act>/defaire")
    @at_the_counter
    def revenir(self, act):
        passage = own_act(act)
        check_undoable(passage)
        return self.render("admin/officer/defaire.html", passage=passage, form=ReasonForm("defaire"))

    @expose("/actes/<int:act>/defaire", methods=["POST"])
    @at_the_counter
    def defaire(self, act):
        passage, form = own_act(act), ReasonForm("defaire", request.form)
        if not form.validate():
            return self.render("admin/officer/defaire.html", passage=passage, form=form), 422
        return told(undo(passage, form.reason.data))


def views():
    return [Guichet(endpoint="guichet", url="guichet")]


def who():
    """The officer and the session an opened file is bound to."""
    return current_user.actor, current_user.session


def sent_token():
    return request.form.get("file", "")


def told(passage):
    """On to the page of an own act: it can be read again, and sends nothing twice."""
    return redirect(url_for(".acte", act=passage.id), 303)


# --- What the screen shows ------------------------------------------------------------------------------------------

def what_is_shown(procuration):
    """The file with its people and tours loaded, the local days of these, and where the mandant was born."""
    procuration.people = {person.role: person for person in people_of(procuration)}
    tours = tours_of(procuration)
    procuration.tours_vises = [TourVise(procuration=procuration, tour=tour) for tour in tours]
    return {"procuration": procuration, "birth_place": birth_place(procuration.mandant.birth_place),
            "days": {tour.id: scrutins.day_of(tour, procuration.commune) or tour.day for tour in tours}}


def people_of(procuration):
    return Personne.select(Personne, Commune).join(Commune, JOIN.LEFT_OUTER).where(Personne.procuration == procuration)


def tours_of(procuration):
    tours = Tour.select().join(TourVise).where(TourVise.procuration == procuration).order_by(Tour.day, Tour.number)
    return prefetch(tours, TourDay.select())


# --- Own acts -------------------------------------------------------------------------------------------------------

def own_acts():
    """The officer's acts of the day, latest first, with commune and reference; after midnight, still the last ones."""
    midnight = now().astimezone(PARIS).replace(hour=0, minute=0, second=0, microsecond=0)
    of_file = (Reference.procuration == Procuration.id) & (Reference.kind == "etablir")
    return (Passage.select(Passage, Procuration, Commune, Reference).join(Procuration).join(Commune)
            .join_from(Procuration, Reference, on=of_file, attr="reference")
            .where(Passage.agent == current_user.actor, Passage.at >= min(midnight, now() - 2 * procedure.TIME_TO_UNDO))
            .order_by(Passage.at.desc(), Passage.id.desc()))


def own_act(number):
    return own_acts().where(Passage.id == number).get_or_none() or abort(404)


def can_be_undone(passage):
    return (passage.act == "etablir" and passage.procuration.version == passage.version
            and now() <= passage.at + procedure.TIME_TO_UNDO)


def check_undoable(passage):
    """Raise AlreadyDecided, TooLateToUndo; 404 for an act that established nothing."""
    if passage.act != "etablir":
        abort(404)
    if passage.procuration.version != passage.version:
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
    return (last.act, last.version, last.agent_id) == ("defaire", passage.version + 1, passage.agent_id)


def stands_without_place(passage):
    """The ceiling of the mandataire, or an older act, left the procuration without a place on some tour (L. 73)."""
    return passage.act == "etablir" and Couverture.select().where(
        Couverture.procuration == passage.procuration, Couverture.place.is_null()).exists()
