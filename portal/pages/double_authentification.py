"""Between the password and the back office: the code of the agent's application, a recovery code, or the enrolment of
an application where there is none yet."""
from functools import wraps

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext

from portal import passkeys, second_factor, sessions
from portal.access import PUBLIC, access
from portal.account_forms import CodeForm, RecoveryForm
from portal.errors import Refused
from portal.pages import pages
from portal.pages.connexion import back_office, come_in, is_in
from portal.second_factor import LogInOver
from portal.throttling import LOG_IN, limited


def after_the_password(view):
    """For who gave the right password in this browser and is not in yet; others begin again."""
    @wraps(view)
    def answer():
        try:
            return view(second_factor.awaited(sessions.awaiting()))
        except LogInOver as error:
            if not is_in():
                flash(error.sentence, "error")
            return redirect(url_for(".connexion"), 303)     # which knows who is in already
    return answer


@pages.route("/connexion/code", methods=["GET", "POST"])
@access(PUBLIC)
@limited(LOG_IN)
@after_the_password
def code(agent):
    return _asked(agent, CodeForm(), second_factor.check, "public/code.html")


@pages.route("/connexion/code-de-secours", methods=["GET", "POST"])
@access(PUBLIC)
@limited(LOG_IN)
@after_the_password
def code_de_secours(agent):
    answer = _asked(agent, RecoveryForm(), second_factor.use_recovery_code, "public/code_de_secours.html")
    if is_in():
        flash(gettext("connexion.codes_restants", left=second_factor.recovery_codes_left(agent)), "info")
    return answer


@pages.route("/connexion/activation", methods=["GET", "POST"])
@access(PUBLIC)
@limited(LOG_IN)
@after_the_password
def activation(agent):
    if second_factor.is_on(agent):
        return redirect(url_for(".code"), 303)
    form, secret = CodeForm(), sessions.enrolment(agent)
    if form.validate_on_submit() and (codes := _enrolled(form, secret)):
        return render_template("public/codes_de_secours.html", codes=codes, next=back_office())
    return render_template("public/activation.html", form=form, secret=second_factor.in_groups(secret),
                           picture=second_factor.picture(agent, secret)), 422 if form.errors else 200


def _asked(agent, form, use, template):
    if not second_factor.is_on(agent):
        return redirect(url_for(".activation"), 303)
    if form.validate_on_submit() and _right(form, use):
        return redirect(back_office(), 303)
    return render_template(template, form=form, has_passkey=passkeys.has(agent)), 422 if form.errors else 200


def _right(form, use):
    try:
        come_in(second_factor.log_in(sessions.awaiting(), use, form.code.data))
        return True
    except LogInOver:
        raise
    except Refused as error:
        form.code.errors = [error.sentence]


def _enrolled(form, secret):
    """The recovery codes, None with the reason among the form's errors."""
    try:
        agent, codes = second_factor.log_in_enrolling(sessions.awaiting(), secret, form.code.data)
    except LogInOver:
        raise
    except Refused as error:
        form.code.errors = [error.sentence]
        return None
    come_in(agent)
    return codes
