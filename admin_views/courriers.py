"""Mandants without an address, told on paper: the letters of a town hall, to print and to post."""
from flask_admin import expose
from flask_admin.model.template import macro
from flask_babel import gettext

from admin_views.base import ScopedView
from admin_views.bulk import bulk
from admin_views.filters import Choice
from admin_views.writing import fingerprint
from models import TOWN_HALL, Mail
from portal import journal, letters

MOST_PRINTED = 100          # letters at once


def states():
    return [(state, gettext(f"view.courrier.{state}")) for state in ("letter", "sent")]


class CourrierView(ScopedView):
    roles = frozenset(TOWN_HALL)
    table = "courrier"
    column_list = ("mandant", "name", "created_at", "state")
    column_filters = (Choice(Mail.state, states, views=True),)
    column_formatters = {**{name: macro(f"cell_{name}") for name in ("mandant", "created_at", "state")},
                         "name": lambda view, context, row, name: gettext(f"mail.name.{row.name}")}
    form_columns = ()
    opening = {"flt_state": "letter"}
    reading_is_traced = True
    list_template = "admin/commune/courriers.html"
    details_template = "admin/commune/courrier.html"
    action_template = "admin/commune/courriers_notes.html"

    def load(self, rows):
        people = letters.mandants(rows)
        for row in rows:
            row.mandant = people[row.procuration_id]

    def trace_reading(self, rows):
        """Who reads a letter reads of its file."""
        if rows:
            journal.record(self.actor, "consulter", "procuration", *dict.fromkeys(row.procuration_id for row in rows))

    def title_of(self, row):
        return f"{row.procuration_id}, {row.mandant.birth_name} {row.mandant.first_names}"

    def beside(self, row):
        return {"letters": letters.written([row]), "fingerprint": fingerprint}

    @expose("/imprimer/")
    def imprimer(self):
        """The letters that wait, the oldest first, one a sheet."""
        rows = list(self.get_query().where(Mail.state == "letter").order_by(Mail.id).limit(MOST_PRINTED))
        self.trace_reading(rows)
        return self.render("admin/commune/courriers_imprimer.html", rows=rows, letters=letters.written(rows),
                           most=MOST_PRINTED)

    @bulk(*TOWN_HALL)
    def poster(self, row):
        letters.post(row, self.actor)

    @bulk(*TOWN_HALL)
    def remettre(self, row):
        letters.take_back(row, self.actor)


def views():
    return [CourrierView(Mail, "courriers")]
