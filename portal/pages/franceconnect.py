"""The voter's way in: FranceConnect."""
import logging

from flask import current_app, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.local import LocalProxy

from portal import attempts, journal, oidc, sessions, voters
from portal.access import PUBLIC, access
from portal.attempts import LogInLost
from portal.database import transaction
from portal.error_pages import Unavailable, show
from portal.pages import answers, pages
from portal.pages.answers import Answer
from portal.throttling import IDENTITY, limited

SCOPE = "openid identite_pivot idp_birthdate preferred_username email"
ACR = "eidas1"
ENOUGH = ("eidas1", "eidas2", "eidas3")
SUITES = ("pages.demande", "pages.mes_procurations")  # where a log-in may lead
RETURN = "/franceconnect/retour"
log = logging.getLogger("maprocuration.franceconnect")
provider = LocalProxy(lambda: current_app.extensions["franceconnect"])


class FranceConnectDown(Unavailable):
    page = "errors/franceconnect.html"


def install(app, settings):
    app.extensions["franceconnect"] = oidc.Provider(
        settings.franceconnect_issuer, settings.franceconnect_client_id, settings.franceconnect_client_secret,
        scope=SCOPE, acr=ACR, enough=ENOUGH)


@pages.post("/franceconnect/connexion")
@access(PUBLIC)
@limited(IDENTITY)
def connexion_franceconnect():
    url = answers.departure(provider, RETURN, suite=_suite())
    return render_template("public/depart.html", url=url, there="franceconnect")


@pages.get(RETURN)
@access(PUBLIC)
@limited(IDENTITY, methods=("GET",))
def retour():
    answer = Answer.of(request.args)
    if answers.already_in(answer):
        return _go_on(None)
    attempt = answers.begun_here(answer)
    if answer.error:
        return _declined(attempt, answer)
    if attempts.claim(attempt):
        _log_in(attempt, answer)
    else:
        _log_in_again(attempt)
    return _go_on(attempt.suite)


@pages.errorhandler(oidc.Outage)
def down(error):
    log.error("outage: %s", error)
    return show(FranceConnectDown())


@pages.errorhandler(oidc.Distrusted)
@pages.errorhandler(LogInLost)
def lost(error):
    log.warning("log-in refused: %s", error)
    return render_template("public/franceconnect_perdu.html"), 400


@pages.errorhandler(voters.IdentityUnusable)
def unusable(error):
    return render_template("public/franceconnect_identite.html"), error.status


def _suite():
    """The endpoint that the posted path leads to, None unless it is one of ours."""
    return next((endpoint for endpoint in SUITES if url_for(endpoint) == request.form.get("suite")), None)


def _go_on(suite):
    known = voters.has_files(current_user.actor)
    return redirect(url_for(suite or ("pages.mes_procurations" if known else "pages.demande")), 303)


def _declined(attempt, answer):
    """Given up, unknown to INSEE, an account blocked… FranceConnect says the same of all."""
    answers.declined(provider, attempt, answer)
    return render_template("public/franceconnect_abandon.html", suite=attempt.suite)


def _log_in(attempt, answer):
    with answers.tokens(provider, attempt, answer, RETURN) as tokens, transaction():
        voter = voters.recognise(provider.issuer, tokens.claims["sub"], tokens.userinfo)
        _enter(voter, attempt, tokens)
        journal.record(voter, "connexion", "voter", voter.id)


def _log_in_again(attempt):
    """The second of two clicks: the code is spent, so the session is the first one's, under a token of its own."""
    first = attempts.outcome(attempt)
    _enter(first.voter, attempt, first)


def _enter(voter, attempt, found):
    """`found`: the Tokens of the log-in, or the session that holds the same."""
    with answers.same_browser():
        sessions.begin(voter=voter, login=attempt.login, id_token=found.id_token, evidence=found.evidence)
