"""The agents' way in: log-in by password, and the links by which an account's password is chosen. The code that follows
is in `double_authentification`."""
import logging
import time
import unicodedata

from flask import after_this_request, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, ValidationError
from wtforms.validators import InputRequired

from models import Role
from portal import accounts, devices, journal, passkeys, passwords, second_factor, sessions, settings
from portal.access import PUBLIC, access
from portal.account_forms import NewPasswordForm
from portal.database import transaction
from portal.errors import LinkDead, Refused, WrongPassword
from portal.limits import HOUR, Limit
from portal.pages import pages
from portal.passwords import UnfitPassword
from portal.throttling import LINKS, LOG_IN, address, limited

FORGOTTEN = Limit("forgotten", 10, HOUR)
ANSWERED_AFTER = 0.3        # seconds, whether a link is drawn or not
log = logging.getLogger("maprocuration.connexion")


def readable(form, field):
    """No database holds a NUL, and no address a control character: such an account cannot be."""
    if any(unicodedata.category(character).startswith("C") for character in field.data or ""):
        raise ValidationError(gettext("connexion.adresse_illisible"))


class AddressForm(FlaskForm):
    email = EmailField(lazy_gettext("connexion.adresse"), [InputRequired(lazy_gettext("connexion.adresse_manque")),
                                                           readable])


class ConnexionForm(AddressForm):
    password = PasswordField(lazy_gettext("connexion.mot_de_passe"),
                             [InputRequired(lazy_gettext("connexion.mot_de_passe_manque"))])


@pages.route("/connexion", methods=["GET", "POST"])
@access(PUBLIC)
@limited(LOG_IN)
def connexion():
    if request.method == "GET" and is_in():
        return redirect(back_office(), 303)
    form = ConnexionForm()
    try:
        if form.validate_on_submit():
            return redirect(_after_password(_known(form)), 303)
    except Refused as refusal:
        form.form_errors.append(refusal.sentence)
        wait = getattr(refusal, "retry_after", None)
        return (render_template("public/connexion.html", form=form), refusal.status,
                {"Retry-After": str(wait)} if wait else {})
    return render_template("public/connexion.html", form=form), 422 if form.errors else 200


@pages.route("/connexion/mot-de-passe-oublie", methods=["GET", "POST"])
@access(PUBLIC)
@limited(FORGOTTEN)
def mot_de_passe_oublie():
    """The answer and its time are the same, whether there is such an account or not."""
    form, began = AddressForm(), time.monotonic()
    if form.validate_on_submit():
        accounts.forgotten(form.email.data)
        time.sleep(max(0, ANSWERED_AFTER - (time.monotonic() - began)))
        flash(gettext("connexion.lien_envoye"), "success")
        return redirect(url_for(".connexion"), 303)
    return render_template("public/mot_de_passe_oublie.html", form=form), 422 if form.errors else 200


@pages.route("/mot-de-passe/<token>", methods=["GET", "POST"])
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
                           least=passwords.least_characters(agent)), 422 if form.errors else 200


def is_in():
    """Is an agent logged in here?"""
    return current_user.is_authenticated and current_user.actor.role != Role.VOTER


def _known(form):
    """The agent of a right password."""
    device = devices.recognised(request.cookies.get(_device_cookie(), ""), accounts.log_in_name(form.email.data))
    try:
        return accounts.authenticate(form.email.data, form.password.data, device or address())
    except WrongPassword:
        log.warning("an agent's log-in was refused")  # ASVS 16.3.1; what was typed may be somebody's
        raise


def _after_password(agent):
    """Where to go on. In production nobody comes in by a password alone; the demonstration leaves it to the visitor."""
    if second_factor.is_on(agent):
        sessions.await_code(agent)
        return url_for(".code")
    if passkeys.has(agent):
        flash(gettext("connexion.par_cle"), "info")
        return url_for(".connexion")
    if settings.active().production:
        sessions.await_code(agent)
        return url_for(".activation")
    come_in(agent)
    flash(gettext("connexion.sans_second_facteur"), "info")
    return back_office()


def come_in(agent, **identification):
    """Open the session of `agent`, however they proved who they are. A voter's in the same browser ends here, and not
    before. Raises AccountSuspended, DelegationOver."""
    accounts.check_open(agent)
    with transaction():
        sessions.begin(agent=agent, **identification)
        sessions.keep_latest(agent)
        accounts.note_log_in(agent)
        journal.record(agent, "connexion", "agent", agent.id)
    _remember_device(agent)


def _device_cookie():
    return f"{current_app.config['SESSION_COOKIE_NAME']}_appareil"


def _remember_device(agent):
    """A stranger's wrong passwords then never make this browser wait, wherever it is."""
    kept = request.cookies.get(_device_cookie(), "")
    value = kept if devices.recognised(kept, agent.email) else devices.remembered(agent.email)

    @after_this_request
    def keep(response):
        response.set_cookie(_device_cookie(), value, max_age=devices.LIFE, httponly=True, samesite="Lax",
                            secure=current_app.config["SESSION_COOKIE_SECURE"])
        return response


def _choose(form, token):
    try:
        accounts.choose_password(token, form.password.data)
    except UnfitPassword as error:
        form.password.errors = [error.sentence]
        return False
    return True


def back_office():
    return f"{request.script_root}/admin/"
