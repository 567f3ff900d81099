"""What the ministry keeps: reference data, accounts, mails and the journal. No identity of a voter."""
from flask import request, url_for
from flask_admin import expose
from flask_admin.form import BaseForm
from flask_babel import gettext, lazy_gettext
from wtforms import StringField
from wtforms.validators import Email, ValidationError

from admin_views.base import ScopedView, words
from admin_views.bulk import bulk
from admin_views.filters import Choice
from models import (AGENT_ROLES, COUNTRY, TOWN_HALL, Agent, Commune, CommuneName, Event, Mail, Role, Rules, Scrutin,
                    Tour)
from portal import accounts, journal, outbox, settings
from portal.access import access
from portal.communes import find, name_key, resolve
from portal.errors import Refused

MINISTRY = frozenset({Role.MINISTRY})
LONGEST_SHOWN = 80          # characters of the ids of an event


def of_words(name, column):
    """What people read for the value of a column; the value itself where nobody found a word."""
    return lambda view, context, row, _: words(name).get(getattr(row, column), getattr(row, column))


def trace(view, context, event, name):
    """The act of an event, in the words of the procedure or of the journal."""
    return {**words("ACTS"), **words("TRACES")}.get(event.act, event.act)


def agents_roles():
    return [(role, words("ROLES")[role]) for role in AGENT_ROLES]


# --- Reference data -------------------------------------------------------------------------------------------------

class CommuneView(ScopedView):
    roles = MINISTRY
    column_list = ("name", "departement", "code", "postal_codes", "population", "zone", "listed")
    form_columns = ()                           # `flask communes import` keeps them
    keyset = (Commune.name, Commune.code)
    searchable = True

    def matching(self, query, words):
        named = CommuneName.select(CommuneName.commune).where(CommuneName.key.begins(name_key(words)))
        return query.where(Commune.code.in_(named))


def territory(form, field):
    """The country, a département or a commune of today."""
    of_departement = Commune.select().where(Commune.departement == field.data)
    if not (field.data == COUNTRY or find(field.data) or of_departement.exists()):
        raise ValidationError(gettext("field.territory"))


class ScrutinView(ScopedView):
    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY}
    column_list = form_columns = ("name", "territory", "opens_at")
    form_args = {"territory": {"validators": [territory]}}
    newest_first = True


class TourView(ScopedView):
    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY, "delete": MINISTRY}
    column_list = ("scrutin.name", "number", "day")
    form_columns = ("scrutin", "number", "day")
    keyset = (Tour.day, Tour.id)
    newest_first = True
    related = (Tour.scrutin,)

    def title_of(self, row):
        return f"{row.scrutin.name}, {words('TOURS')[row.number]}"


class RulesView(ScopedView):
    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY, "delete": MINISTRY}
    column_list = ("territory", "scrutin.name", "places_france", "places", "same_commune", "mode")
    form_columns = ("scrutin", "territory", "places_france", "places", "same_commune", "mode")
    column_formatters = {"mode": lambda view, context, row, name: gettext(f"mode.{row.mode}")}
    form_args = {"territory": {"validators": [territory]},
                 "mode": {"choices": [(mode, lazy_gettext(f"mode.{mode}")) for mode in Rules.MODES]}}
    related = (Rules.scrutin,)

    def title_of(self, row):
        return row.territory


# --- Accounts -------------------------------------------------------------------------------------------------------

class OwnAccount(Refused):
    """Nobody suspends themselves or takes their own role away."""

    status = 409


class CommuneField(StringField):
    """A commune as people name it. The page's script offers a list; the text alone does as well."""

    def process_data(self, value):
        self.data = value.label if value else ""

    def pre_validate(self, form):
        self.found = resolve(self.data or "").exact
        if self.data and not self.found:
            raise ValidationError(gettext("field.commune"))

    def populate_obj(self, obj, name):
        setattr(obj, name, self.found)


class AgentForm(BaseForm):
    def validate(self, extra_validators=None):
        """Town halls have a commune, the others none: the database says so too."""
        valid = super().validate(extra_validators)
        if (self.role.data in TOWN_HALL) == bool(self.commune.data):
            return valid
        self.commune.errors = [*self.commune.errors, gettext("field.commune_of_town_hall")]
        return False


class AgentView(ScopedView):
    roles = MINISTRY | {Role.MANAGER}
    rights = {"create": MINISTRY, "edit": MINISTRY}
    column_list = ("name", "email", "role", "unit", "commune.label", "suspended_at")
    column_details_list = ("name", "email", "role", "quality", "unit", "place", "commune.label", "habilitated_from",
                           "habilitated_until", "created_at", "suspended_at")
    column_filters = (Choice(Agent.role, agents_roles),)
    column_formatters = {"role": of_words("ROLES", "role")}
    form_columns = ("email", "first_name", "last_name", "role", "quality", "unit", "place", "commune",
                    "habilitated_from", "habilitated_until")
    form_base_class = AgentForm
    form_overrides = {"commune": CommuneField}
    form_args = {"email": {"validators": [Email(lazy_gettext("field.email"))], "filters": [accounts.log_in_name]},
                 "role": {"choices": agents_roles},
                 "commune": {"render_kw": {"data-communes": "/communes"}}}
    related = (Agent.commune,)
    details_template = "admin/ministry/agent.html"
    newest_first = True

    def insert(self, form):
        columns = {name: getattr(form, name).data for name in self.form_columns if name != "commune"}
        agent, token = accounts.create(self.actor, commune=form.commune.found, **columns)
        self._template_args["token"] = token
        return agent

    def created(self, row):
        return self.invitation(row, self._template_args["token"])

    def invitation(self, agent, token):
        """The link, shown once: only its hash is kept."""
        link = settings.active().base_url.rstrip("/") + url_for("pages.invitation", token=token)
        return self.render("admin/ministry/invitation.html", model=agent, link=link)

    @expose("/inviter/", methods=("POST",))
    @access(MINISTRY)
    def inviter_view(self):
        agent = self.get_one(request.form.getlist("id"))
        journal.record(self.actor, "inviter", "agent", agent.id)
        return self.invitation(agent, accounts.invite(agent))

    def change(self, form, row):
        if row.id == self.actor.id and form.role.data != row.role:
            raise OwnAccount()
        changed = super().change(form, row)
        accounts.end_sessions(changed)          # whoever was logged in may have had another role or town
        return changed

    @bulk(Role.MINISTRY)
    def suspendre(self, row):
        if row.id == self.actor.id:
            raise OwnAccount()
        accounts.suspend(self.actor, row)

    @bulk(Role.MINISTRY)
    def reactiver(self, row):
        accounts.reactivate(self.actor, row)


# --- Mails and the journal ------------------------------------------------------------------------------------------

class NotDead(Refused):
    """Only a mail that was given up is sent again."""

    status = 409


class MailView(ScopedView):
    """States only: neither recipients nor contents."""

    roles = MINISTRY
    column_list = ("id", "name", "state", "tries", "created_at", "sent_at", "error")
    column_details_list = (*column_list, "next_at")
    column_filters = (Choice(Mail.state, lambda: [(state, gettext(f"mail.{state}")) for state in Mail.STATES]),)
    column_formatters = {"state": lambda view, context, row, name: gettext(f"mail.{row.state}")}
    form_columns = ()
    newest_first = True

    def title_of(self, row):
        return row.id

    @bulk(Role.MINISTRY)
    def renvoyer(self, row):
        if not outbox.resend(row):
            raise NotDead()
        journal.record(self.actor, "renvoyer", "mail", row.id)


class EventView(ScopedView):
    roles = MINISTRY
    column_list = ("id", "at", "act", "role", "actor", "subject", "subjects", "seq")
    column_filters = (Choice(Event.role, lambda: [(role, words("ROLES")[role]) for role in Role]),)
    column_formatters = {"act": trace, "role": of_words("ROLES", "role"), "subject": of_words("TABLES", "subject"),
                         "subjects": lambda view, context, row, name: row.subjects[:LONGEST_SHOWN]}
    column_details_list = (*column_list, "mac", "hash")
    column_formatters_detail = {"act": trace, "role": of_words("ROLES", "role")}
    form_columns = ()
    newest_first = True


def views():
    return [ScrutinView(Scrutin, "scrutins"), TourView(Tour, "tours"), RulesView(Rules, "regles"),
            CommuneView(Commune, "communes"), AgentView(Agent, "agents"), MailView(Mail, "courriels"),
            EventView(Event, "journal")]
