"""The log-in by passkey: alone, or in place of the code that follows the password. Scripts ask for the challenge, forms
bring the answer; without a script there are the password and the code."""
import logging

from flask import Response, redirect, render_template, request, url_for
from flask_login import current_user

from portal import passkeys, sessions
from portal.access import AGENTS, PUBLIC, access
from portal.account_forms import CodeForm
from portal.errors import Refused
from portal.pages import pages
from portal.pages.connexion import ConnexionForm, back_office, come_in, is_in
from portal.pages.double_authentification import after_the_password
from portal.throttling import LOG_IN, limited

log = logging.getLogger("maprocuration.connexion")


@pages.route("/connexion/cle/defi")
@access(PUBLIC)
@limited(LOG_IN, methods=("GET",))
def defi():
    return _challenge(*passkeys.begin_log_in())


@pages.route("/connexion/preuve/defi")
@access(AGENTS)
def defi_de_preuve():
    return _challenge(*passkeys.begin_proof(current_user.actor))


@pages.route("/connexion/cle", methods=["GET", "POST"])
@access(PUBLIC)
@limited(LOG_IN)
def cle():
    """GET: somebody reloads a refusal."""
    if request.method == "GET" or is_in():
        return redirect(url_for(".connexion"), 303)
    return _log_in(ConnexionForm(formdata=None), "public/connexion.html")


@pages.route("/connexion/code/cle", methods=["GET", "POST"])
@access(PUBLIC)
@limited(LOG_IN)
@after_the_password
def cle_en_second(agent):
    if request.method == "GET":
        return redirect(url_for(".code"), 303)
    return _log_in(CodeForm(formdata=None), "public/code.html", agent)


def _challenge(kept, options):
    sessions.keep_challenge(kept)
    return Response(options, mimetype="application/json")


def _log_in(form, template, awaited=None):
    """The back office, or the page the answer came from, with the reason."""
    try:
        come_in(passkeys.finish_log_in(sessions.challenge(), request.form.get("cle", ""), awaited))
        return redirect(back_office(), 303)
    except Refused as error:
        log.warning("an agent's log-in by passkey was refused")     # ASVS 16.3.1
        form.form_errors.append(error.sentence)
        return render_template(template, form=form, has_passkey=True), error.status
