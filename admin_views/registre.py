"""The register of the procurations (R. 76-1): what any voter may read at the town hall, and nothing else."""
from flask_admin.model.template import macro
from peewee import Value, fn, prefetch

from admin_views.base import ScopedView, words
from admin_views.commune import tours
from admin_views.filters import Choice
from models import TOWN_HALL, Couverture, Personne, Procuration, Status, Tour, TourDay
from portal import scrutins

A_SHEET = 200   # rows: it is printed


def holds_a_place(*on):
    """The condition that the mandataire of a file may vote (L. 73), on some tour or as `on` says."""
    return fn.EXISTS(Couverture.select(Value(1)).where(Couverture.procuration == Procuration.id,
                                                       Couverture.place.is_null(False), *on))


class OnTour(Choice):
    """Files that give a vote on a tour: not all that were asked for it do."""

    def apply(self, query, value):
        return query.where(holds_a_place(Couverture.tour == value))


class RegistreView(ScopedView):
    """Validated procurations: names and first names, the authority, day and place of the act, for when it is good.

    An act that lost its place to an older one is void by law (L. 73), whatever its town hall has decided so far.
    """

    roles = frozenset(TOWN_HALL)
    rights = {"export": TOWN_HALL}
    column_list = ("mandant", "mandataire", "authority", "act", "validity")
    column_formatters = column_formatters_detail = {name: macro(f"cell_{name}") for name in column_list}
    column_formatters_export = {
        "mandant": lambda view, context, row, name: named(row.mandant),
        "mandataire": lambda view, context, row, name: named(row.mandataire),
        "authority": lambda view, context, row, name: row.authority or words("CERTIFIED"),
        "act": lambda view, context, row, name: ", ".join(filter(None, (row.act_day.isoformat(), row.authority_place))),
        "validity": lambda view, context, row, name: validity(row),
    }
    column_filters = (OnTour(Procuration.id, tours, name="tour"),)
    form_columns = ()
    keyset = (Procuration.established_at, Procuration.id)
    page_size = A_SHEET
    related = (Procuration.commune,)
    reading_is_traced = True
    list_template = "admin/commune/registre.html"
    details_template = "admin/commune/registre_ligne.html"

    def get_query(self):
        return super().get_query().where(Procuration.status == Status.VALIDEE, holds_a_place())

    def load(self, rows):
        """The commune, the people and the tours of each file, in a constant number of statements."""
        super().load(rows)
        files = {row.id: row for row in rows}
        held = tours_held([row.id for row in rows if row.scrutin_id])
        for row in rows:
            row.people, row.act_day = {}, scrutins.local_day(row.established_at, row.commune)
            row.held = [(tour, scrutins.day_shown(tour, row.commune)) for tour in held.get(row.id, ())]
        for person in Personne.select().where(Personne.procuration.in_(list(files))):
            files[person.procuration_id].people[person.role] = person

    def title_of(self, row):
        return named(row.mandant)


def tours_held(files):
    """{file: the tours on which it gives a vote, in order}, with their local days."""
    rows = list(Couverture.select(Couverture.procuration, Couverture.tour)
                .where(Couverture.procuration.in_(files), Couverture.place.is_null(False)).tuples())
    wanted = Tour.select().where(Tour.id.in_({tour for _, tour in rows})).order_by(Tour.day, Tour.number)
    found = {}
    for tour in prefetch(wanted, TourDay.select()):
        for file in (file for file, held in rows if held == tour.id):
            found.setdefault(file, []).append(tour)
    return found


def validity(row):
    """The tours on which a file gives a vote, of a period its last day."""
    said = [f"{words('TOURS')[tour.number]} {day.isoformat()}" for tour, day in row.held]
    return " ; ".join(said) or row.valid_until.isoformat()


def named(person):
    return f"{person.birth_name} {person.first_names}"


def views():
    return [RegistreView(Procuration, "registre")]
