"""Paper acts: the town hall types them as fast as it reads them, and corrects what it mistyped."""
import datetime

from flask import abort, flash, redirect, request
from flask_admin import expose
from flask_babel import gettext
from peewee import JOIN, prefetch

from admin_views import corrections
from admin_views.base import RoleView
from admin_views.policy import visible
from models import (TOWN_HALL, Commune, Couverture, Passage, Personne, Procuration, Scrutin, Status, Tour, TourDay,
                    TourVise, now)
from portal import journal, paper_forms, places, procedure, scrutins
from portal.errors import AlreadyDecided, NotYours, Refused
from portal.paper_forms import ActeForm

A_PILE = datetime.timedelta(days=30)        # how long the last authority is proposed again


class Papier(RoleView):
    roles = frozenset(TOWN_HALL)

    # --- Typing ---

    @expose("/", methods=("GET", "POST"))
    def index(self):
        if request.method == "GET":
            return self.fields(ActeForm(self.actor, **self.proposed()))
        form = ActeForm(self.actor, request.form)
        valid = form.validate()
        if filed := already_filed(form, self.actor):
            return self.go_on(filed)
        doubts = form.doubts() if valid else {}
        filed = valid and not doubts and self.attempt(form, lambda: procedure.saisir(form.acte(), self.actor))
        return self.go_on(filed) if filed else self.fields(form, doubts)

    def proposed(self):
        return paper_forms.proposed_next(self.actor, last_typed(self.actor))

    def fields(self, form, doubts=()):
        page = self.render("admin/commune/papier.html", form=form, doubts=doubts, just=self.just_typed())
        return page, 422 if form.errors or doubts else 200

    def attempt(self, form, act):
        """What the service gives, None with its refusal among the form's errors."""
        try:
            return act()
        except (NotYours, AlreadyDecided):
            raise
        except Refused as refusal:
            form.form_errors.append(refusal.sentence)

    def go_on(self, file):
        """To the next act of the pile, or to the file."""
        if "dossier" in request.form:
            flash(gettext("papier.saisie", number=file.id), "success")
            return redirect(self.get_url("procurations.details_view", id=file.id), 303)
        return redirect(self.get_url(".index", apres=file.id), 303)

    def just_typed(self):
        """The act before, with what it got: None for a number that is no file of this town hall."""
        file = request.method == "GET" and "apres" in request.args and self.found(request.args["apres"])
        return file and outcome(file)

    # --- Correcting ---

    @expose("/corriger/", methods=("GET", "POST"))
    def corriger(self):
        """The fields as they were typed; what changes; then the correction."""
        file = self.found(request.values.get("id", "")) or abort(404)
        if refusal := procedure.refusal(file, "corriger"):
            return self.too_late(file, refusal)
        if request.method == "GET":
            return self.correction(file, ActeForm(self.actor, file=file, **paper_forms.written_on(file)))
        form = ActeForm(self.actor, request.form, file=file)
        if not form.validate() or "modifier" in request.form:
            return self.correction(file, form)
        if "confirmer" not in request.form:
            return self.compared(file, form)
        return self.correct(file, form)

    def correct(self, file, form):
        seen = request.form.get("version", -1, int)
        try:
            if seen != file.version:
                raise AlreadyDecided(procedure.last_passage(file))
            if self.attempt(form, lambda: procedure.corriger(file, self.actor, form.acte()) or True):
                flash(gettext("papier.corrigee", number=file.id), "success")
                return redirect(self.get_url("procurations.details_view", id=file.id), 303)
            return self.compared(file, form)
        except AlreadyDecided as refusal:
            return self.too_late(self.found(str(file.id)), refusal, form)

    def correction(self, file, form):
        journal.record(self.actor, "consulter", "procuration", file.id)
        page = self.render("admin/commune/papier_corriger.html", model=file, form=form)
        return page, 422 if form.errors else 200

    def compared(self, file, form, refusal=None):
        changes = corrections.in_words(procedure.corrections(file, form.acte()), file.commune)
        page = self.render("admin/commune/papier_comparer.html", model=file, form=form, changes=changes,
                           doubts=form.doubts(), refusal=refusal)
        return page, refusal.status if refusal else 422 if form.errors else 200

    def too_late(self, file, refusal, form=None):
        """Somebody was faster: what was typed is compared with what they left, if it can still be corrected."""
        if form and file.status == Status.ETABLIE:
            return self.compared(file, form, refusal)
        return self.render("admin/commune/papier_trop_tard.html", model=file, refusal=refusal), refusal.status

    # --- Rows ---

    def found(self, number):
        """The paper act of this town hall, with its people and tours; None when there is none."""
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        files = visible(Procuration, self.actor).where(Procuration.id == int(number), Procuration.origin == "paper")
        found = prefetch(files, Personne.select(Personne, Commune).join(Commune, JOIN.LEFT_OUTER),
                         TourVise.select(), Tour.select(Tour, Scrutin).join(Scrutin), TourDay.select())
        return found[0] if found else None


def already_filed(form, agent):
    """The file that the same form made already: a double click is no error."""
    key = form.key.filing_key
    return key and Procuration.get_or_none(Procuration.filing_key == key, Procuration.commune == agent.commune)


def last_typed(agent):
    """The act that the agent typed last, of late."""
    passage = (Passage.select(Passage, Procuration, Commune).join(Procuration).join(Commune)
               .where(Passage.agent == agent, Passage.act == "saisir", Passage.at > now() - A_PILE)
               .order_by(Passage.at.desc()).first())
    return passage and passage.procuration


def outcome(file):
    """The file with `held`, its tours with a place; `missed`, those without; and `displaced`, how many later acts lost
    theirs to it."""
    own = list(Couverture.select().where(Couverture.procuration == file))
    tours = {tour.id: tour for tour in scrutins.upcoming()}
    days = [(row, tours[row.tour_id]) for row in own if row.tour_id in tours]
    file.held, file.missed = ([(tour, scrutins.day_shown(tour, file.commune)) for row, tour in days
                               if bool(row.place) is held] for held in (True, False))
    file.displaced = places.displaced_by(file)
    return file


def views():
    return [Papier(endpoint="papier", url="papier")]
