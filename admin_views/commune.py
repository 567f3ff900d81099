"""What a town hall sees and decides: the procurations established for its voters."""
import datetime
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from flask import flash, g, redirect, request
from flask_admin import expose
from flask_admin.model.template import macro
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from peewee import JOIN, Value, fn, prefetch
from wtforms import HiddenField, TextAreaField
from wtforms.validators import Length, ValidationError

from admin_views import paging
from admin_views.base import ScopedView, words
from admin_views.bulk import bulk
from admin_views.fields import printable
from admin_views.filters import Choice, Day
from admin_views.reasons import ReasonForm
from models import (BEFORE_ESTABLISHMENT, TOWN_HALL, Agent, Couverture, Mot, Passage, Personne, Procuration, Scrutin,
                    Status, Tour, TourDay, TourVise)
from portal import mail, names, outbox, procedure, scrutins
from portal.communes import birth_place
from portal.errors import AlreadyDecided, NotYours, Refused

MOST_COUNTED = 1000         # files that wait: beyond, the exact number is of no use
MOST_WORDS = 6              # of a search
LONGEST_COMMENT = 1000      # characters
ASKED = -1                  # beside the places of a file: the tour is one it names


# --- The grid's filters ---------------------------------------------------------------------------------------------

def statuses():
    return [(status, words("STATUSES")[status]) for status in Status if status not in BEFORE_ESTABLISHMENT]


def every_tour():
    """Each tour with its scrutin, the latest first. Read once a request."""
    if "every_tour" not in g:
        g.every_tour = list(Tour.select(Tour, Scrutin).join(Scrutin).order_by(Tour.day.desc(), Tour.number.desc()))
    return g.every_tour


def tours():
    return [(tour.id, f"{tour.scrutin.name}, {words('TOURS')[tour.number]}") for tour in every_tour()]


def zone_of(row):
    """The clock of the file's town, read once a town and request."""
    zones = g.setdefault("zones", {})
    if row.commune_id not in zones:
        zones[row.commune_id] = ZoneInfo(row.commune.zone)
    return zones[row.commune_id]


class OfTour(Choice):
    """Files that name a tour, and periods that cover it.

    Asked file by file: the whole country names the same tour, and a list of its files is too long to be compared.
    """

    def apply(self, query, value):
        rows = (of.select(Value(1)).where(of.procuration == Procuration.id, of.tour == value)
                for of in (TourVise, Couverture))
        return query.where(reduce(or_, map(fn.EXISTS, rows)))


class LocalDay(Day):
    """A day on the clock of the agent's town."""

    def apply(self, query, value):
        commune = current_user.actor.commune
        begins = scrutins.end_of(value - datetime.timedelta(days=1), commune)
        return query.where(self.column >= begins, self.column < scrutins.end_of(value, commune))


# --- The reason of an invalidation ----------------------------------------------------------------------------------

class InvalidationForm(ReasonForm):
    """The reason, and words the mandant will read."""

    version = HiddenField()
    comment = TextAreaField(lazy_gettext("invalidation.comment"), [
        Length(max=LONGEST_COMMENT, message=lazy_gettext("field.too_long", most=LONGEST_COMMENT)), printable])

    def __init__(self, *sent, **columns):
        super().__init__("invalider", *sent, **columns)

    def validate_comment(self, field):
        field.data = (field.data or "").replace("\r\n", "\n").strip()
        if self.reason.data == "autre" and not field.data:
            raise ValidationError(gettext("invalidation.say_which"))


# --- The view -------------------------------------------------------------------------------------------------------

class ProcurationView(ScopedView):
    roles = frozenset(TOWN_HALL)
    rights = {"export": TOWN_HALL}
    column_list = ("mandant", "mandataire", "covers", "established_at", "status", "places")
    column_export_list = ("id", "mandant.birth_name", "mandant.used_name", "mandant.first_names", "mandant.birth_date",
                          "mandataire.birth_name", "mandataire.first_names", "mandataire.birth_date", "covers",
                          "valid_until", "established_at", "authority", "authority_place", "status", "places")
    column_filters = (Choice(Procuration.status, statuses), OfTour(Procuration.id, tours, name="tour"),
                      LocalDay(Procuration.established_at, name="day"))
    column_formatters = {name: macro(f"cell_{name}") for name in column_list}
    column_formatters_export = {
        "established_at": lambda view, context, row, name: f"{row.established_at.astimezone(zone_of(row)):%F %H:%M}",
        "status": lambda view, context, row, name: words("STATUSES")[row.status],
        "covers": lambda view, context, row, name: view.covers_in_words(row),
        "places": lambda view, context, row, name: f"{row.places[0]}/{row.places[1]}",
    }
    form_columns = ()
    keyset = (Procuration.established_at, Procuration.id)   # the order of the acts decides who keeps a place (L. 73)
    searchable = reading_is_traced = True
    opening = {"flt_status": Status.ETABLIE}
    list_template = "admin/commune/procurations.html"
    details_template = "admin/commune/procuration.html"

    def matching(self, query, words):
        """Each word typed begins a word of a name."""
        for word in sorted(names.words(words))[:MOST_WORDS]:
            query = query.where(Procuration.id.in_(Mot.select(Mot.procuration).where(
                Mot.commune == self.actor.commune_id, Mot.word.begins(word))))
        return query

    def load(self, rows):
        """People, tours and places of each file, in three statements."""
        for row in rows:
            row.people, row.covers, row.places = {}, [], [0, 0]
        files = {row.id: row for row in rows}
        for person in Personne.select().where(Personne.procuration.in_(list(files))):
            files[person.procuration_id].people[person.role] = person
        known = {tour.id: tour for tour in every_tour()}
        for file, tour, place in tours_and_places(list(files)):
            if place == ASKED:
                files[file].covers.append(known[tour])
            else:
                files[file].places[0] += place is not None
                files[file].places[1] += 1
        for row in rows:
            row.covers.sort(key=lambda tour: (tour.day, tour.number))

    def covers_in_words(self, row):
        """For a file of data: tours, or the last day of a period."""
        return ", ".join(dict(tours())[tour.id] for tour in row.covers) or row.valid_until.isoformat()

    def render(self, template, **kwargs):
        if template == self.list_template:
            kwargs["waiting"] = self.waiting().limit(MOST_COUNTED + 1).count()
        return super().render(template, most_counted=MOST_COUNTED, **kwargs)

    # --- One file ---

    def beside(self, row):
        """History, tours with their local days and places, and the neighbours in the queue."""
        passages = (Passage.select(Passage, Agent).join(Agent, JOIN.LEFT_OUTER)
                    .where(Passage.procuration == row).order_by(Passage.version))
        places = dict(Couverture.select(Couverture.tour, Couverture.place)
                      .where(Couverture.procuration == row).tuples())
        wanted = Tour.id.in_({*places, *(tour.id for tour in row.covers)})
        covered = prefetch(Tour.select(Tour, Scrutin).join(Scrutin).where(wanted).order_by(Tour.day),
                           TourDay.select())
        return {"passages": list(passages), "places": places,
                "tours": [(tour, scrutins.day_of(tour, row.commune) or tour.day) for tour in covered],
                "birth_place": birth_place(row.mandant.birth_place),
                "previous": self.neighbour(row, backwards=True), "following": self.neighbour(row)}

    def title_of(self, row):
        return f"{row.id}, {row.mandant.birth_name} {row.mandant.first_names}"

    def waiting(self):
        """The queue: established, not decided."""
        return self.get_query().where(Procuration.status == Status.ETABLIE)

    def neighbour(self, row, backwards=False):
        """The id of the file that waits before or after `row`, None at the end."""
        beside = self.waiting().where(paging.beyond(self.keyset, (row.established_at, row.id), backwards))
        found = paging.ordered(beside, self.keyset, backwards).first()
        return found and found.id

    def first_waiting(self):
        first = paging.ordered(self.waiting(), self.keyset).first()
        return first and first.id

    # --- Decisions ---

    @expose("/valider/", methods=("POST",))
    def valider_view(self):
        return self.decide(self.as_seen(), procedure.valider)

    @expose("/invalider/", methods=("GET", "POST"))
    def invalider_view(self):
        """The reason, then the mail as it will leave, then the act."""
        row = self.get_one(request.values.getlist("id"))
        form = InvalidationForm(request.form if request.method == "POST" else None, version=row.version)
        if row.status != Status.ETABLIE:
            return self.told(row, AlreadyDecided(procedure.last_passage(row)))
        if not self.validate_form(form) or "modifier" in request.form:
            return self.ask_reason(row, form, 422 if form.errors else 200)
        if "confirmer" in request.form:
            return self.decide(self.as_seen(), procedure.invalider, form.reason.data, form.comment.data)
        return self.preview(row, form)

    def ask_reason(self, row, form, status):
        self.load([row])
        self.trace_reading([row])
        return self.render("admin/commune/invalider.html", model=row, form=form), status

    def preview(self, row, form):
        told = mail.preview(row, "invalider", form.reason.data, form.comment.data)
        letter = outbox.render(mail.NAMES["invalider"], told) if row.email else None
        return self.render("admin/commune/invalider_apercu.html", model=row, form=form, letter=letter)

    def as_seen(self):
        """The file posted, with the version that was on the screen: the service refuses any other."""
        row = self.get_one(request.form.getlist("id"))
        version = request.form.get("version", "")
        row.version = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else -1
        return row

    def decide(self, row, act, *reasons):
        """Do it and open the next file that waits."""
        try:
            act(row, self.actor, *reasons)
        except NotYours:
            raise
        except Refused as refusal:
            return self.told(row, refusal)
        following = self.neighbour(row) or self.first_waiting()
        flash(gettext(f"decision.{'' if following else 'last.'}{act.__name__}", number=row.id), "success")
        return redirect(self.get_url(".details_view", id=following) if following
                        else self.get_url(".index_view", **self.opening), 303)

    def told(self, row, refusal):
        """A refusal on a page of its own: who decided, what and when."""
        return self.render("admin/commune/refus.html", model=row, refusal=refusal), refusal.status

    @bulk(*TOWN_HALL)
    def valider(self, row):
        procedure.valider(row, self.actor)

    def changed(self, row):
        return AlreadyDecided(procedure.last_passage(row))


def tours_and_places(files):
    """(file, tour, ASKED) for each tour a file names, (file, tour, place or None) for each it covers. One statement."""
    named = TourVise.select(TourVise.procuration, TourVise.tour, Value(ASKED)).where(TourVise.procuration.in_(files))
    covered = (Couverture.select(Couverture.procuration, Couverture.tour, Couverture.place)
               .where(Couverture.procuration.in_(files)))
    return named.union_all(covered).tuples()


def views():
    return [ProcurationView(Procuration, "procurations")]
