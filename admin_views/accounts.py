"""The accounts of agents: all of them for the ministry, those of the own town hall for its manager."""
from flask import flash, redirect, request
from flask_admin import expose
from flask_admin.form import BaseForm
from flask_admin.model.template import macro
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from wtforms import StringField
from wtforms.validators import Email, ValidationError

from admin_views.base import ScopedView, choices_of
from admin_views.bulk import bulk
from admin_views.filters import Choice
from models import AGENT_ROLES, TOWN_HALL, Agent, Role
from portal import accounts, agent_files, look_ups, proconnect, second_factor, siret, step_up
from portal.access import MANAGERS, MINISTRY
from portal.communes import resolve
from portal.database import transaction
from portal.errors import Refused
from portal.names import MOST_WORDS, leads_to_a_site


class OwnAccount(Refused):
    """Nobody suspends themselves, takes their own role away or their own second factor off here, or gives themselves a
    link: it would spare the password in use."""

    status = 409


class AddressInUse(Refused):
    """Links go to the address of an account: a manager who wrote their own there would soon be the colleague."""

    status = 409


def address(form, field):
    """What is missing is said by another validator."""
    if field.data:
        Email(lazy_gettext("field.email"))(form, field)


def siret_kept(typed):
    """Fourteen digits; what is none of them stays as it was typed, for `right_siret` to refuse. Nothing is None."""
    return siret.read(typed) or typed or None


def right_siret(form, field):
    if field.data and not siret.read(field.data):
        raise ValidationError(gettext("field.siret"))


def plain_words(form, field):
    """They stand in our mails, which must lead nobody anywhere."""
    if leads_to_a_site(field.data or ""):
        raise ValidationError(gettext("field.site"))


def born(form, field):
    """As files of accounts say it."""
    try:
        field.data = agent_files.birth_day(field.name, field.data.strip()) if field.data else None
    except agent_files.Unfit as error:
        raise ValidationError(gettext("field.birth_date")) from error


class Accounts(ScopedView):
    """What both have in common: the state of an account, its link, its suspension, its second factor."""

    column_formatters = {name: macro(f"cell_{name}") for name in ("state", "role", "totp_since")}
    column_formatters_detail = column_formatters
    form_args = {"email": {"validators": [address], "filters": [accounts.log_in_name],
                           "render_kw": {"type": "email"}},
                 "siret": {"validators": [right_siret], "filters": [siret_kept],
                           "render_kw": {"inputmode": "numeric"}},
                 **{name: {"validators": [plain_words]}
                    for name in ("first_name", "last_name", "quality", "unit", "place")}}
    hints = ("quality", "siret")
    list_template = "admin/accounts/accounts.html"
    details_template = "admin/accounts/account.html"
    create_template = "admin/accounts/invite.html"
    newest_first = searchable = True

    create_view = step_up.wanted(ScopedView.create_view)
    edit_view = step_up.wanted(ScopedView.edit_view)
    action_view = step_up.wanted(ScopedView.action_view)

    def roles_for(self, method):
        return super().roles_for(method) & self.roles

    def load(self, rows):
        super().load(rows)
        known = accounts.chosen(rows)
        for row in rows:
            row.state = "suspended" if row.suspended_at else "open" if row.id in known else "invited"

    def matching(self, query, words):
        """Each word begins a name or the address."""
        for word in words.split()[:MOST_WORDS]:
            query = query.where(Agent.last_name.startswith(word) | Agent.first_name.startswith(word)
                                | Agent.email.startswith(word))
        return query

    def beside(self, row):
        return {"own": row.id == self.actor.id, "guarded": second_factor.guards(row),
                "linked": proconnect.has_link(row)}

    # --- Invitation ---

    def insert(self, form):
        agent, _ = accounts.create(self.actor, **self.columns(form))
        accounts.send_link(self.actor, agent)
        return agent

    def created(self, row):
        """The link is mailed, never shown: whoever saw it would choose the password of somebody else."""
        return self.render("admin/accounts/invitation.html", model=row)

    @expose("/inviter/", methods=("POST",))
    @step_up.wanted
    def inviter_view(self):
        agent = self.get_one(request.form.getlist("id"))
        if agent.id == self.actor.id:
            raise OwnAccount()
        with transaction():
            accounts.send_link(self.actor, agent)
        return self.created(agent)

    # --- Changes ---

    def change(self, form, row):
        """Whoever was logged in may have had another role or town; links were for who had the address of before."""
        if row.id == self.actor.id and form.role.data != row.role:
            raise OwnAccount()
        if self.actor.role == Role.MANAGER and form.email.data != row.email and accounts.is_in_use(row):
            raise AddressInUse()
        changed = super().change(form, row)
        if changed.email != row.email:
            accounts.note_address(self.actor, changed, row.email)
        if (changed.email, changed.siret) != (row.email, row.siret):
            proconnect.forget_link(changed)
        accounts.end_sessions(changed, but=current_user.session.login)
        return changed

    @bulk(*MINISTRY, *MANAGERS)
    def suspendre(self, row):
        if row.id == self.actor.id:
            raise OwnAccount()
        accounts.suspend(self.actor, row)

    @bulk(*MINISTRY, *MANAGERS)
    def reactiver(self, row):
        accounts.reactivate(self.actor, row)

    @expose("/double-authentification/", methods=("GET", "POST"))
    @step_up.wanted
    def double_authentification_view(self):
        """For a colleague who lost telephone and recovery codes."""
        return self.asked_first("admin/accounts/second_factor.html", second_factor.reset, "account.second_factor_off")

    @expose("/proconnect/", methods=("GET", "POST"))
    @step_up.wanted
    def proconnect_view(self):
        """For a colleague whom ProConnect knows under another subject since their service changed its directory."""
        return self.asked_first("admin/accounts/proconnect.html", proconnect.unlink, "account.proconnect_unlinked")

    def asked_first(self, template, act, said):
        """GET asks whether `act` shall befall the account of somebody else."""
        agent = self.get_one(request.values.getlist("id"))
        if agent.id == self.actor.id:
            raise OwnAccount()
        if request.method == "GET":
            return self.render(template, model=agent)
        act(self.actor, agent)
        flash(gettext(said), "success")
        return redirect(self.get_url(".details_view", id=agent.id), 303)


# --- The town hall's ------------------------------------------------------------------------------------------------

class TownHallAccounts(Accounts):
    roles = MANAGERS
    rights = {"create": MANAGERS, "edit": MANAGERS}
    column_list = ("name", "quality", "role", "email", "state")
    column_details_list = ("name", "email", "role", "quality", "delegated_from", "delegated_until", "siret", "state",
                           "created_at", "totp_since")
    form_columns = ("first_name", "last_name", "email", "role", "quality", "siret")
    form_args = {**Accounts.form_args, "role": {"choices": choices_of(TOWN_HALL)}}

    def columns(self, form):
        return {"commune": self.actor.commune, **{name: form[name].data for name in self.form_columns},
                **self.delegation(form.role.data)}

    def _fill(self, row, form):
        for name, value in self.delegation(form.role.data, row.role).items():
            setattr(row, name, value)
        super()._fill(row, form)

    def delegation(self, role, before=None):
        """Columns of who becomes a manager: nobody hands on more than the mayor gave them, or else they would stay on
        under another name once their delegation is over."""
        if role != Role.MANAGER or role == before:
            return {}
        return {"delegated_from": self.actor.delegated_from, "delegated_until": self.actor.delegated_until}


# --- The ministry's -------------------------------------------------------------------------------------------------

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


class AgentView(Accounts):
    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY}
    column_list = ("name", "email", "role", "unit", "commune.label", "state")
    column_details_list = ("name", "email", "role", "quality", "unit", "place", "siret", "commune.label",
                           "habilitated_from", "habilitated_until", "delegated_from", "delegated_until", "birth_date",
                           "state", "look_up_suspended_at", "created_at", "totp_since")
    column_filters = (Choice(Agent.role, choices_of(AGENT_ROLES)),)
    form_columns = ("first_name", "last_name", "email", "role", "commune", "quality", "unit", "place", "siret",
                    "habilitated_from", "habilitated_until", "birth_date")
    hints = ("quality", "commune", "place", "siret", "birth_date")
    form_base_class = AgentForm
    form_overrides = {"commune": CommuneField}
    form_args = {**Accounts.form_args, "role": {"choices": choices_of(AGENT_ROLES)},
                 "commune": {"render_kw": {"data-communes": "/communes"}}, "birth_date": {"validators": [born]}}
    related = (Agent.commune,)

    def columns(self, form):
        return {**{name: form[name].data for name in self.form_columns}, "commune": form.commune.found}

    @bulk(*MINISTRY)
    def retablir_recherche(self, row):
        look_ups.lift(self.actor, row)


def views():
    return [AgentView(Agent, "agents"), TownHallAccounts(Agent, "comptes")]
