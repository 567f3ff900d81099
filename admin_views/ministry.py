"""What the ministry keeps beside the calendar: communes, mails, the journal, the clock. No identity of a voter."""
from flask_admin.model.template import macro
from flask_babel import gettext

from admin_views.base import ScopedView, choices_of, words
from admin_views.bulk import bulk
from admin_views.filters import Choice
from models import Commune, CommuneName, Event, Job, Mail, Role, now
from portal import jobs, journal, outbox
from portal.access import MINISTRY
from portal.communes import name_key
from portal.errors import Refused

MOST_SHOWN = 5              # numbers an event names, in the grid


# --- Communes ---------------------------------------------------------------------------------------------------------

class CommuneView(ScopedView):
    roles = MINISTRY
    column_list = ("name", "departement", "code", "postal_codes", "population", "zone")
    column_details_list = (*column_list, "listed")
    column_formatters = {"population": macro("cell_population"), "postal_codes": macro("cell_postal_codes")}
    form_columns = ()                           # `flask communes import` keeps them
    keyset = (Commune.name, Commune.code)
    searchable = True
    list_template = "admin/ministry/communes.html"
    details_template = "admin/ministry/commune.html"

    def matching(self, query, words):
        named = CommuneName.select(CommuneName.commune).where(CommuneName.key.begins(name_key(words)))
        return query.where(Commune.code.in_(named))

    def beside(self, row):
        """The names that lead here, but for those made for the search."""
        found = row.names.where(CommuneName.kind.not_in(("actuelle", "postal", "mot"))).order_by(CommuneName.name)
        return {"names": list(found)}


# --- Mails and the journal ------------------------------------------------------------------------------------------

class NotDead(Refused):
    """Only a mail that was given up is sent again."""

    status = 409


def states_of_mails():
    return [(state, gettext(f"view.{state}")) for state in Mail.STATES]


class MailView(ScopedView):
    """States only: neither recipients nor contents."""

    roles = MINISTRY
    column_list = ("name", "recipient", "state", "created_at", "sent_at", "tries", "error")
    column_details_list = (*column_list, "next_at")
    column_filters = (Choice(Mail.state, states_of_mails, views=True),)
    column_formatters = {"state": macro("cell_state"), "tries": macro("cell_tries"),
                         "name": lambda view, context, row, name: gettext(f"mail.name.{row.name}"),
                         "recipient": lambda view, context, row, name: gettext(f"mail.to.{row.key.rpartition(':')[2]}")}
    column_formatters_detail = column_formatters
    form_columns = ()
    newest_first = True
    list_template = "admin/ministry/courriels.html"
    details_template = "admin/ministry/courriel.html"

    def title_of(self, row):
        return row.id

    @bulk(*MINISTRY)
    def renvoyer(self, row):
        if not outbox.resend(row):
            raise NotDead()
        journal.record(self.actor, "renvoyer", "mail", row.id)


class EventView(ScopedView):
    """Who did what to which row, and when: numbers and acts, no text and no name."""

    roles = MINISTRY
    column_list = ("at", "act", "role", "subject", "seq")
    column_details_list = ("id", "at", "act", "role", "subject", "seq", "mac", "hash")
    column_filters = (Choice(Event.role, choices_of(Role)),)
    column_formatters = {name: macro(f"cell_{name}") for name in ("act", "role", "subject", "seq")}
    column_formatters_detail = {**column_formatters, "subject": macro("cell_subjects")}
    form_columns = ()
    counted = False                             # it has millions of rows, and each page adds one
    newest_first = True
    list_template = "admin/ministry/journal.html"
    details_template = "admin/ministry/trace.html"

    def act_in_words(self, event):
        """The words of the procedure or of the journal."""
        return {**words("ACTS"), **words("TRACES")}.get(event.act, event.act)

    def some(self, event):
        """The first numbers an event names, and how many more there are."""
        numbers = event.subjects.split()
        return numbers[:MOST_SHOWN], len(numbers[MOST_SHOWN:])


# --- The clock ------------------------------------------------------------------------------------------------------

class JobView(ScopedView):
    """What is done without anybody asking: when next, how far, what failed (portal.jobs)."""

    roles = MINISTRY
    column_list = ("name", "state", "due_at", "ended_at")
    column_details_list = ("name", "subject", "state", "due_at", "began_at", "ended_at", "error")
    column_formatters = {"name": lambda view, context, row, name: gettext(f"job.{row.name}"),
                         "state": macro("cell_job")}
    column_formatters_detail = column_formatters
    form_columns = ()
    list_template = "admin/ministry/travaux.html"
    details_template = "admin/ministry/travail.html"

    def title_of(self, row):
        return gettext(f"job.{row.name}")

    def state_of(self, row):
        """One of: failed, late, under_way, planned, ended."""
        return jobs.state_of(row, now())


def views():
    return [CommuneView(Commune, "communes"), MailView(Mail, "courriels"), EventView(Event, "journal"),
            JobView(Job, "travaux")]
