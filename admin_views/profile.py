"""What every agent sees of their own account: who they are, password, second factor, sessions."""
from flask import flash, redirect, request
from flask_admin import expose
from flask_babel import gettext
from flask_login import current_user

from admin_views.base import RoleView
from portal import access, accounts, journal, passkeys, passwords, second_factor, sessions, step_up
from portal.account_forms import CodeForm, PasswordForm
from portal.accounts import WrongCurrentPassword
from portal.database import transaction
from portal.errors import Refused
from portal.passwords import UnfitPassword
from portal.second_factor import TooManyCodes


class Profil(RoleView):
    roles = access.AGENTS
    own_account = True

    def is_visible(self):
        return False        # the agent's name in the header leads here

    @expose("/")
    def index(self):
        return self.render("admin/profile/profile.html", open_sessions=sessions.open_for(self.actor),
                           on=second_factor.is_on(self.actor), codes_left=second_factor.recovery_codes_left(self.actor),
                           keys=passkeys.of(self.actor), most_keys=passkeys.MOST)

    @expose("/mot-de-passe", methods=("GET", "POST"))
    @step_up.wanted
    def mot_de_passe(self):
        form = PasswordForm()
        if form.validate_on_submit() and self._change_password(form):
            flash(gettext("profil.mot_de_passe_change"), "success")
            return redirect(self.get_url(".index"), 303)
        page = self.render("admin/profile/password.html", form=form, least=passwords.least_characters(self.actor))
        return page, 422 if form.errors else 200

    @expose("/double-authentification", methods=("GET", "POST"))
    @step_up.wanted
    def double_authentification(self):
        """Turn it on, or move it to another application."""
        on, secret = second_factor.is_on(self.actor), sessions.enrolment(self.actor)
        form = CodeForm()
        if form.validate_on_submit() and (codes := self._enrol(form, secret, on)):
            return self.render("admin/profile/recovery_codes.html", codes=codes)
        page = self.render("admin/profile/second_factor.html", form=form, on=on, secret=second_factor.in_groups(secret),
                           picture=second_factor.picture(self.actor, secret))
        return page, 422 if form.errors else 200

    @expose("/codes-de-secours", methods=("GET", "POST"))
    @step_up.wanted
    def codes_de_secours(self):
        if not second_factor.is_on(self.actor):
            return redirect(self.get_url(".double_authentification"), 303)
        if request.method == "GET":
            return self.render("admin/profile/renew.html")
        return self.render("admin/profile/recovery_codes.html", codes=second_factor.renew_recovery_codes(self.actor))

    @expose("/sessions", methods=("POST",))
    def fermer_sessions(self):
        """One by its name, all others without; the one in use has the log-out button."""
        name = request.form.get("session")
        with transaction():
            if self._end(name):
                journal.record(self.actor, "fermer_sessions", "agent", self.actor.id)
        flash(gettext("profil.session_fermee" if name else "profil.sessions_fermees"), "success")
        return redirect(self.get_url(".index"), 303)

    def _end(self, name):
        here = current_user.session.login
        if not name:
            return accounts.end_sessions(self.actor, but=here)
        return name != here and sessions.end_one(self.actor, name)

    def _change_password(self, form):
        try:
            with second_factor.counted(self.actor):
                accounts.check_password(self.actor, form.current.data)
            accounts.change_password(self.actor, form.password.data, current_user.session)
            return True
        except (WrongCurrentPassword, TooManyCodes) as error:
            form.current.errors = [error.sentence]
        except UnfitPassword as error:
            form.password.errors = [error.sentence]

    def _enrol(self, form, secret, on):
        """Recovery codes, None with the reason beside the field."""
        try:
            codes = second_factor.enrol(self.actor, secret, form.code.data, replacing=on)
        except Refused as error:
            form.code.errors = [error.sentence]
        else:
            sessions.end_enrolment()
            return codes


def views():
    return [Profil(endpoint="profil", url="profil")]
