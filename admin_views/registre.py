"""The register of the procurations (R. 76-1): what any voter may read at the town hall, and nothing else."""
from flask_admin.model.template import macro

from admin_views.base import ScopedView, words
from admin_views.commune import OfTour, tours
from models import TOWN_HALL, Personne, Procuration, Status
from portal import scrutins

A_SHEET = 200   # rows: it is printed


class RegistreView(ScopedView):
    """Validated procurations: names and first names, the authority, day and place of the act, until when it is good."""

    roles = frozenset(TOWN_HALL)
    rights = {"export": TOWN_HALL}
    column_list = ("mandant", "mandataire", "authority", "act", "validity")
    column_formatters = column_formatters_detail = {name: macro(f"cell_{name}") for name in column_list}
    column_formatters_export = {
        "mandant": lambda view, context, row, name: named(row.mandant),
        "mandataire": lambda view, context, row, name: named(row.mandataire),
        "authority": lambda view, context, row, name: row.authority or words("CERTIFIED"),
        "act": lambda view, context, row, name: ", ".join(filter(None, (row.act_day.isoformat(), row.authority_place))),
        "validity": lambda view, context, row, name: row.valid_until.isoformat(),
    }
    column_filters = (OfTour(Procuration.id, tours, name="tour"),)
    form_columns = ()
    keyset = (Procuration.established_at, Procuration.id)
    page_size = A_SHEET
    related = (Procuration.commune,)
    reading_is_traced = True
    list_template = "admin/commune/registre.html"
    details_template = "admin/commune/registre_ligne.html"

    def get_query(self):
        return super().get_query().where(Procuration.status == Status.VALIDEE)

    def load(self, rows):
        """The commune and the people of each file, in two statements."""
        super().load(rows)
        files = {row.id: row for row in rows}
        for row in rows:
            row.people, row.act_day = {}, scrutins.local_day(row.established_at, row.commune)
        for person in Personne.select().where(Personne.procuration.in_(list(files))):
            files[person.procuration_id].people[person.role] = person

    def title_of(self, row):
        return named(row.mandant)


def named(person):
    return f"{person.birth_name} {person.first_names}"


def views():
    return [RegistreView(Procuration, "registre")]
