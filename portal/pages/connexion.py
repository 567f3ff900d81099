"""The agents' way in: log-in by password, and the link by which an account's password is chosen. The code that follows
is in `double_authentification`."""
import logging
import unicodedata

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, ValidationError
from wtforms.validators import InputRequired

from models import Role
from portal import accounts, journal, second_factor, sessions, settings
from portal.access import PUBLIC, access
from portal.account_forms import NewPasswordForm
from portal.database import transaction
from portal.errors import LinkDead, WeakPassword, WrongPassword
from portal.pages import pages
from portal.throttling import LINKS, LOG_IN, limited

log = logging.getLogger("maprocuration.connexion")


def readable(form, field):
    """No database holds a NUL, and no address a control character: such an account cannot be."""
    if any(unicodedata.category(character).startswith("C") for character in field.data or ""):
        raise ValidationError(gettext("connexion.adresse_illisible"))


class ConnexionForm(FlaskForm):
    email = EmailField(lazy_gettext("connexion.adresse"), [InputRequired(lazy_gettext("connexion.adresse_manque")),
                                                           readable])
    password = PasswordField(lazy_gettext("connexion.mot_de_passe"),
                             [InputRequired(lazy_gettext("connexion.mot_de_passe_manque"))])


@pages.route("/connexion", methods=["GET", "POST"])
@access(PUBLIC)
@limited(LOG_IN)
def connexion():
    if request.method == "GET" and is_in():
        return redirect(back_office(), 303)
    form = ConnexionForm()
    if form.validate_on_submit() and (agent := _known(form)):
        return redirect(_after_password(agent), 303)
    return render_template("public/connexion.html", form=form), 422 if form.errors else 200


@pages.route("/invitation/<token>", methods=["GET", "POST"])
@access(PUBLIC)
@limited(LINKS, methods=("GET", "POST"))
def invitation(token):
    try:
        agent, form = accounts.invited(token), NewPasswordForm()
        if form.validate_on_submit() and _choose(form, token):
            flash(gettext("invitation.choisi"), "success")
            return redirect(url_for(".connexion"), 303)
    except LinkDead as error:
        return render_template("public/invitation_perdue.html"), error.status
    return render_template("public/invitation.html", form=form, agent=agent,
                           least=accounts.least_characters(agent)), 422 if form.errors else 200


def is_in():
    """Is an agent logged in here?"""
    return current_user.is_authenticated and current_user.actor.role != Role.VOTER


def _known(form):
    """The agent of a right password, None with the reason among the form's errors."""
    try:
        return accounts.authenticate(form.email.data, form.password.data)
    except WrongPassword as error:
        log.warning("an agent's log-in was refused")  # ASVS 16.3.1; what was typed may be somebody's
        form.form_errors.append(error.sentence)


def _after_password(agent):
    """Where to go on. In production nobody comes in by a password alone; the demonstration leaves it to the visitor."""
    if second_factor.is_on(agent):
        sessions.await_code(agent)
        return url_for(".code")
    if settings.active().production:
        sessions.await_code(agent)
        return url_for(".activation")
    come_in(agent)
    flash(gettext("connexion.sans_second_facteur"), "info")
    return back_office()


def come_in(agent):
    """Open the session of `agent`. A voter's in the same browser ends here, and not before."""
    with transaction():
        sessions.begin(agent=agent)
        journal.record(agent, "connexion", "agent", agent.id)


def _choose(form, token):
    try:
        accounts.choose_password(token, form.password.data)
    except WeakPassword as error:
        form.password.errors = [error.sentence]
        return False
    return True


def back_office():
    return f"{request.script_root}/admin/"
