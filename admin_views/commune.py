"""What a town hall sees and decides: the procurations established for its voters."""
import re
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from flask import flash, g, redirect, request
from flask_admin import expose
from flask_admin.model.template import macro
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from peewee import Value, fn, prefetch
from wtforms import HiddenField, TextAreaField
from wtforms.validators import Length, ValidationError

from admin_views import corrections, paging
from admin_views.base import ScopedView, words
from admin_views.bulk import bulk
from admin_views.fields import printable
from admin_views.filters import Choice, Day
from admin_views.paging import MOST_COUNTED
from admin_views.homonyms import ToldApart, homonyms, places_there
from admin_views.reasons import ReasonForm
from admin_views.resiliation import EndedOnPaper
from models import (BEFORE_ESTABLISHMENT, TOWN_HALL, Couverture, Mot, Passage, Personne, Procuration, Scrutin,
                    Status, Tour, TourDay, TourVise, now)
from portal import attention, checks, letters, mail, names, outbox, places, procedure, scrutins, verdicts
from portal.communes import birth_place
from portal.errors import AlreadyDecided, NotYours, Refused

LONGEST_COMMENT = 1000      # characters
DECISIONS = ("valider", "invalider")                        # what the queue waits for
SEEKS_PLACES = ("reprendre", "distinguer")                  # and may find none
ANY = "any"


# --- The grid's filters ---------------------------------------------------------------------------------------------

def statuses():
    return [(status, gettext(f"view.{status}")) for status in Status if status not in BEFORE_ESTABLISHMENT]


def every_tour():
    """Each tour with its scrutin, the latest first. Read once a request."""
    if "every_tour" not in g:
        g.every_tour = list(Tour.select(Tour, Scrutin).join(Scrutin).order_by(Tour.day.desc(), Tour.number.desc()))
    return g.every_tour


def tours():
    return [(tour.id, f"{tour.scrutin.name}, {words('TOURS')[tour.number]}") for tour in every_tour()]


def shortages():
    return [("sans", gettext("view.sans"))]


def attentions():
    return [(ANY, gettext("view.any"))] + [(name, gettext(f"view.{name}")) for name in Procuration.ATTENTIONS]


def outcomes():
    """Of the usual checks, as they were kept with the file."""
    return [(verdict, gettext(f"view.{verdict}")) for verdict in (checks.OK, checks.KO, checks.TO_VERIFY)]


def without_a_place():
    """The condition that a file covers a tour on which its mandataire cannot vote."""
    return fn.EXISTS(Couverture.select(Value(1)).where(Couverture.procuration == Procuration.id,
                                                       Couverture.place.is_null()))


def zone_of(row):
    """The clock of the file's town, read once a town and request."""
    zones = g.setdefault("zones", {})
    if row.commune_id not in zones:
        zones[row.commune_id] = ZoneInfo(row.commune.zone)
    return zones[row.commune_id]


def days_since(instant, zone):
    return (now().astimezone(zone).date() - instant.astimezone(zone).date()).days


class OfTour(Choice):
    """Files that name a tour, and periods that cover it.

    Asked file by file: the whole country names the same tour, and a list of its files is too long to be compared. An
    offset keeps PostgreSQL from making that list all the same.
    """

    def apply(self, query, value):
        rows = (of.select(Value(1)).where(of.procuration == Procuration.id, of.tour == value).offset(0)
                for of in (TourVise, Couverture))
        return query.where(reduce(or_, map(fn.EXISTS, rows)))


class WithoutPlace(Choice):
    """Files whose mandataire cannot vote for every tour they cover."""

    def apply(self, query, value):
        return query.where(without_a_place())


class ToSeeAgain(Choice):
    """Files that something happened to since they were established or decided."""

    def apply(self, query, value):
        wanted = self.column.is_null(False) if value == ANY else self.column == value
        return query.where(wanted, attention.still_matters(current_user.actor.commune))


class LocalDay(Day):
    """A day on the clock of the agent's town."""

    def apply(self, query, value):
        commune = current_user.actor.commune
        return query.where(self.column >= scrutins.begin_of(value, commune),
                           self.column < scrutins.end_of(value, commune))


# --- The reason of a decision ---------------------------------------------------------------------------------------

class DecisionForm(ReasonForm):
    """The reason of `act`, where it wants one, and words the mandant will read."""

    version = HiddenField()
    comment = TextAreaField(lazy_gettext("decision.comment"), [
        Length(max=LONGEST_COMMENT, message=lazy_gettext("field.too_long", most=LONGEST_COMMENT)), printable])

    def __init__(self, act, *sent, **columns):
        super().__init__(act, *sent, **columns)
        if not self.reason.choices:
            del self.reason, self.comment

    def validate_comment(self, field):
        field.data = (field.data or "").replace("\r\n", "\n").strip()
        if self.reason.data == "autre" and not field.data:
            raise ValidationError(gettext("decision.say_which"))

    @property
    def reasons(self):
        """What the service wants beside the file and the actor."""
        return (self.reason.data, self.comment.data) if self.reason else ()


# --- The view -------------------------------------------------------------------------------------------------------

class ProcurationView(ToldApart, EndedOnPaper, ScopedView):
    roles = frozenset(TOWN_HALL)
    rights = {"export": TOWN_HALL}
    column_list = ("mandant", "mandataire", "covers", "established_at", "status")
    column_export_list = ("id", "mandant.birth_name", "mandant.used_name", "mandant.first_names", "mandant.birth_date",
                          "mandataire.birth_name", "mandataire.first_names", "mandataire.birth_date", "covers",
                          "valid_until", "established_at", "authority", "authority_place", "status", "places")
    column_filters = (Choice(Procuration.status, statuses, views=True), OfTour(Procuration.id, tours, name="tour"),
                      WithoutPlace(Procuration.id, shortages, name="place"), Choice(Procuration.verdict, outcomes),
                      ToSeeAgain(Procuration.attention, attentions),
                      LocalDay(Procuration.established_at, name="day"))
    column_formatters = {name: macro(f"cell_{name}") for name in column_list}
    column_formatters_export = {
        "established_at": lambda view, context, row, name: f"{row.established_at.astimezone(zone_of(row)):%F %H:%M}",
        "status": lambda view, context, row, name: words("STATUSES")[row.status],
        "authority": lambda view, context, row, name: row.authority or words("CERTIFIED"),
        "covers": lambda view, context, row, name: view.covers_in_words(row),
        "places": lambda view, context, row, name: f"{len(row.places) - len(row.obstacles)}/{len(row.places)}",
    }
    form_columns = ()
    keyset = (Procuration.established_at, Procuration.id)   # the order of the acts decides who keeps a place (L. 73)
    searchable = reading_is_traced = True
    opening = {"flt_status": Status.ETABLIE}
    list_template = "admin/commune/procurations.html"
    details_template = "admin/commune/procuration.html"
    action_template = "admin/commune/plusieurs.html"

    def matching(self, query, words):
        """Each word typed begins a word of a name."""
        for word in folded(words):
            query = query.where(Procuration.id.in_(Mot.select(Mot.procuration).where(
                Mot.commune == self.actor.commune_id, Mot.word.begins(word))))
        return query

    def pieces(self, name):
        """`name` in pieces: (text, whether it is a word that answers the search)."""
        wanted = tuple(folded(self.search().words)) if self.search() else ()
        return [(piece, bool(wanted) and names.fold(piece).startswith(wanted))
                for piece in re.split(r"([^\W_]+)", names.tidy(name or "")) if piece]

    def load(self, rows):
        """People, tours and places of each file, in three statements."""
        for row in rows:
            row.people, row.covers, row.places, row.obstacles = {}, [], {}, {}
            row.waits = days_since(row.established_at, zone_of(row))
            row.over = now().astimezone(zone_of(row)).date() > row.valid_until
        files = {row.id: row for row in rows}
        for person in Personne.select().where(Personne.procuration.in_(list(files))):
            files[person.procuration_id].people[person.role] = person
        known = {tour.id: tour for tour in every_tour()}
        for file, tour, place, given in places.tours_and_places(list(files)):
            files[file].covers += [known[tour]] if place == places.ASKED else []
            files[file].places |= {} if place == places.ASKED else {tour: place}
            files[file].obstacles |= {tour: "acte_anterieur" if given else "plafond_atteint"} if place is None else {}
        for row in rows:
            row.covers.sort(key=lambda tour: (tour.day, tour.number))

    def covers_in_words(self, row):
        """For a file of data: tours, or the last day of a period."""
        return ", ".join(dict(tours())[tour.id] for tour in row.covers) or row.valid_until.isoformat()

    def above(self, rows):
        """How many wait, and what a search that found nothing finds elsewhere."""
        return {"counts": {Status.ETABLIE: paging.count(self.waiting(), MOST_COUNTED)},
                "elsewhere": self.elsewhere(rows)}

    def elsewhere(self, rows):
        """Where a search found nothing among what is filtered: how many rows it finds without the filters."""
        if rows or not self.search():
            return 0
        return paging.count(self.matching(self.get_query(), self.search().words), MOST_COUNTED)

    # --- One file ---

    def beside(self, row):
        """Verdicts, history, tours with their local days, and the neighbours in the list."""
        passages = Passage.select().where(Passage.procuration == row).order_by(Passage.version)
        wanted = Tour.id.in_({*row.places, *(tour.id for tour in row.covers)})
        covered = prefetch(Tour.select(Tour, Scrutin).join(Scrutin).where(wanted).order_by(Tour.day),
                           TourDay.select())
        tours = [(tour, scrutins.day_shown(tour, row.commune)) for tour in covered]
        before, after = self.neighbour(row, backwards=True), self.neighbour(row)
        passages = list(passages)
        for passage in passages:
            passage.told = corrections.in_words(passage.changes, row.commune)
        there = places_there(row)
        return {"passages": passages, "tours": tours, "decided": self.just_decided(), "homonyms": homonyms(row, there),
                "seen_is_enough": row.status != Status.ETABLIE and row.attention in attention.SEEN_IS_ENOUGH,
                "held": [(tour, day) for tour, day in tours if row.places.get(tour.id)],
                "free": [(tour, day) for tour, day in tours if tour.id in there],
                **self.checked(row),
                "birth_place": birth_place(row.mandant.birth_place), "previous": before, "following": after}

    def checked(self, row):
        """The usual checks as they are now, who decides by the rules, and what the checks leave no doubt about."""
        found, mode, proposed = verdicts.examined(row)
        return {"verdicts": found, "mode": mode, "proposed": proposed}

    def title_of(self, row):
        return f"{row.id}, {row.mandant.birth_name} {row.mandant.first_names}"

    def waiting(self):
        """The queue: established, not decided."""
        return self.get_query().where(to_decide(self.actor.commune))

    def listed(self):
        """The rows of the grid one came from."""
        return self.filtered(self._get_list_filter_args())

    def neighbour(self, row, backwards=False, among=None):
        """The id of the file before or after `row` in the list one came from (or `among`), None at the end."""
        rows = self.listed() if among is None else among
        beside = rows.where(paging.beyond(self.keyset, (row.established_at, row.id), backwards))
        return first_id(paging.ordered(beside, self.keyset, backwards))

    def next_to_decide(self, row):
        """The file that waits after `row`, of the same list if there is one left, else the oldest."""
        listed = self.listed().where(to_decide(self.actor.commune))
        return (self.neighbour(row, among=listed) or first_id(paging.ordered(listed, self.keyset))
                or first_id(paging.ordered(self.waiting(), self.keyset)))

    def just_decided(self):
        """The number of the file decided just before, to be read again."""
        return self.clean_pk(request.args.get("apres", ""))

    # --- Decisions ---

    @expose("/valider/", methods=("POST",))
    def valider_view(self):
        return self.decide("valider", self.as_seen())

    @expose("/invalider/", methods=("GET", "POST"))
    def invalider_view(self):
        return self.weigh("invalider")

    @expose("/annuler/", methods=("GET", "POST"))
    def annuler_view(self):
        return self.weigh("annuler")

    @expose("/reprendre/", methods=("GET", "POST"))
    def reprendre_view(self):
        return self.weigh("reprendre")

    @expose("/attribuer/", methods=("POST",))
    def attribuer_view(self):
        return self.decide("attribuer", self.as_seen())

    @expose("/vu/", methods=("POST",))
    def vu_view(self):
        row = self.get_one(request.form.getlist("id"))
        try:
            attention.put_aside(row, self.actor, request.form.get("attention"))
        except Refused as refusal:
            return self.told(row, refusal)
        return self.go_on("vu", row)

    def weigh(self, act):
        """The reason, then the mail as it will leave, then the act."""
        row = self.get_one(request.values.getlist("id"))
        posted = request.method == "POST"
        if refusal := procedure.refusal(row, act):
            return self.told(row, refusal)
        self.load([row])
        form = DecisionForm(act, request.form if posted else None, version=row.version, reason=self.likely(act, row))
        if form.reason and (not self.validate_form(form) or "modifier" in request.form):
            return self.ask_reason(act, row, form)
        if "confirmer" in request.form:
            return self.decide(act, self.as_seen(), *form.reasons)
        return self.preview(act, row, form)

    def likely(self, act, row):
        """The reason the places themselves give, when none is held."""
        blocked = act == "invalider" and row.places and len(row.obstacles) == len(row.places)
        return next(iter(row.obstacles.values())) if blocked else None

    def ask_reason(self, act, row, form):
        self.trace_reading([row])
        return self.render("admin/commune/motif.html", model=row, form=form, act=act,
                           possible=self.possible(row)), 422 if form.errors else 200

    def possible(self, row):
        """Whether the ceiling may be a reason: only where no place is held."""
        return len(row.obstacles) == len(row.places)

    def preview(self, act, row, form):
        self.trace_reading([row])
        return self.render("admin/commune/apercu.html", model=row, form=form, act=act,
                           letter=self.letter(act, row, form), **(places_anew(row) if act == "reprendre" else {}))

    def letter(self, act, row, form):
        """The mail or the letter that `act` would send now."""
        return (outbox if row.email else letters).previewed(row, act, *form.reasons)

    def as_seen(self):
        """The file posted, with the version that was on the screen: the service refuses any other."""
        row = self.get_one(request.form.getlist("id"))
        version = request.form.get("version", "")
        row.version = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else -1
        return row

    def decide(self, act, row, *reasons):
        """Do it, say what was done, and go on."""
        try:
            getattr(procedure, act)(row, self.actor, *reasons)
        except NotYours:
            raise
        except Refused as refusal:
            return self.told(row, refusal)
        return self.go_on(act, row)

    def go_on(self, act, row):
        """To the next file that waits after a decision; the file stays open after any other act."""
        following = self.next_to_decide(row) if act in DECISIONS else row.id
        said = [gettext(f"decision.{act}", number=row.id)]
        said += [gettext("decision.told" if row.email else "decision.untold")] if act in mail.NAMES else []
        said += [] if act not in DECISIONS else [gettext("decision.next" if following else "decision.none")]
        lacking = self.lacking(row) if act in SEEKS_PLACES else []
        flash(" ".join(said + lacking), "warning" if lacking else "success")
        if not following:
            return redirect(self.get_url(".index_view", **self.opening), 303)
        return redirect(self.get_url(".details_view", id=following, **self.whereabouts(),
                                     apres=row.id if act in DECISIONS else None), 303)

    def lacking(self, row):
        """What is to be said of the places that an act sought and did not get."""
        self.load([row])
        every = len(row.obstacles) == len(row.places)
        return [gettext("decision.no_place" if every else "decision.some_place")] if row.obstacles else []

    def told(self, row, refusal):
        """A refusal on a page of its own: who decided, what and when."""
        return self.render("admin/commune/refus.html", model=row, refusal=refusal), refusal.status

    @bulk(*TOWN_HALL)
    def valider(self, row):
        procedure.valider(row, self.actor)

    def changed(self, row):
        return AlreadyDecided(procedure.last_passage(row))


def to_decide(commune):
    """The condition that a file waits for its town hall, which may decide until the end of the last day covered."""
    return (Procuration.status == Status.ETABLIE) & attention.still_matters(commune)


def folded(search):
    return sorted(names.words(search))[:names.MOST_WORDS]


def first_id(rows):
    first = rows.first()
    return first and first.id


def places_anew(file):
    """What a loaded file would have after its examination is taken up again: tours `held` and `missed`, with their
    local days."""
    there = {tour.id for tour in places.offered(file)} | {tour for tour, place in file.places.items() if place}
    tours = [(tour, scrutins.day_shown(tour, file.commune)) for tour in places.tours_of(file)]
    return {"held": [pair for pair in tours if pair[0].id in there],
            "missed": [pair for pair in tours if pair[0].id not in there]}


def views():
    return [ProcurationView(Procuration, "procurations")]
