"""What the ministry keeps beside the calendar: communes, mails, the journal, the clock. No identity of a voter."""
from flask import flash, redirect, request
from flask_admin import expose
from flask_admin.model.template import macro
from flask_babel import gettext, lazy_gettext
from wtforms import BooleanField, Form

from admin_views.accounts import address
from admin_views.base import ScopedView, choices_of, words
from admin_views.bulk import bulk
from admin_views.filters import Choice
from models import Commune, CommuneName, Event, Job, Mail, Role, now
from portal import accounts, first_doors, jobs, journal, outbox, silences, step_up
from portal.access import MINISTRY
from portal.communes import name_key
from portal.errors import Refused

MOST_SHOWN = 5              # numbers an event names, in the grid


# --- Communes ---------------------------------------------------------------------------------------------------------

class AnywayForm(Form):
    """Asked where somebody manages the accounts of the commune already."""

    anyway = BooleanField(lazy_gettext("communes.anyway"))


def known_address(text):
    return accounts.log_in_name(text) or None


class CommuneView(ScopedView):
    roles = MINISTRY
    rights = {"edit": MINISTRY}
    column_list = ("name", "departement", "code", "postal_codes", "population", "zone")
    column_details_list = (*column_list, "listed", "email")
    column_formatters = {"population": macro("cell_population"), "postal_codes": macro("cell_postal_codes")}
    form_columns = ("email",)                   # `flask communes import` keeps the others
    form_args = {"email": {"validators": [address], "filters": [known_address], "render_kw": {"type": "email"}}}
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
        return {"names": list(found), "managers": first_doors.managers(row),
                "invited_at": first_doors.invited([row.code]).get(row.code)}

    # --- The mairie ---

    edit_view = step_up.wanted(ScopedView.edit_view)

    def follow(self, row):
        """A link under way went to the address before."""
        first_doors.withdraw(row.code)

    @expose("/inviter/", methods=("GET", "POST"))
    @step_up.wanted
    def inviter_view(self):
        """GET asks."""
        commune, form = self.get_one(request.values.getlist("id")), AnywayForm(request.form)
        if request.method == "GET":
            return self.asked(commune, form)
        try:
            first_doors.invite(self.actor, commune, anyway=form.anyway.data)
        except Refused as refusal:
            form.anyway.errors = [refusal.sentence]
            return self.asked(commune, form), refusal.status
        flash(gettext("communes.invited"), "success")
        return redirect(self.get_url(".details_view", id=commune.code), 303)

    def asked(self, commune, form):
        return self.render("admin/ministry/inviter_mairie.html", model=commune, form=form,
                           managers=first_doors.managers(commune),
                           waiting=silences.waiting([commune]).get(commune.code),
                           invited_at=first_doors.invited([commune.code]).get(commune.code))

    @expose("/relancer/", methods=("POST",))
    def relancer_view(self):
        commune = self.get_one(request.form.getlist("id"))
        silences.remind_now(self.actor, commune)
        flash(gettext("communes.reminded"), "success")
        return redirect(self.get_url(".details_view", id=commune.code), 303)


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
