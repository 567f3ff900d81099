"""The voter's way in and out: FranceConnect.

The browser leaves and comes back by pages of ours that go on by themselves: a redirect after a post would have to be
allowed by `form-action`, for every address FranceConnect may pass through.
"""
import logging
import re
import secrets
from typing import NamedTuple

from flask import current_app, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask_babel import gettext
from flask_login import current_user
from werkzeug.local import LocalProxy

from models import SingleUse, now
from portal import attempts, journal, oidc, sealed, sessions, settings, voters
from portal.access import PUBLIC, access
from portal.attempts import Attempt, LogInLost
from portal.database import transaction
from portal.error_pages import Unavailable, show
from portal.errors import LinkDead
from portal.pages import pages
from portal.single_use import digest, spend
from portal.throttling import IDENTITY, limited

SCOPE = "openid identite_pivot idp_birthdate preferred_username email"
ACR = "eidas1"
ENOUGH = ("eidas1", "eidas2", "eidas3")
SUITES = ("pages.demande", "pages.mes_procurations")  # where a log-in may lead
OUTAGES = ("temporarily_unavailable", "server_error")
BROWSER = "browser"   # in the signed cookie: only the browser that began an attempt may end it
LONGEST = 4096        # characters of a parameter
log = logging.getLogger("maprocuration.franceconnect")
provider = LocalProxy(lambda: current_app.extensions["franceconnect"])


class FranceConnectDown(Unavailable):
    page = "errors/franceconnect.html"


class Answer(NamedTuple):
    """What the browser brought back. `error_description` is left where it is: anybody can write it."""

    state: str
    code: str
    error: str
    iss: str | None

    @classmethod
    def of(cls, query):
        """Raises LogInLost for a query that is no answer: something missing, repeated or endless."""
        values = {name: query.getlist(name) for name in cls._fields}
        if any(len(found) > 1 or len("".join(found)) > LONGEST for found in values.values()):
            raise LogInLost()
        answer = cls(*("".join(values[name]) for name in ("state", "code", "error")), *(values["iss"] or [None]))
        if not answer.state or bool(answer.code) == bool(answer.error):
            raise LogInLost()
        return answer


def install(app, settings):
    app.extensions["franceconnect"] = oidc.Provider(
        settings.franceconnect_issuer, settings.franceconnect_client_id, settings.franceconnect_client_secret,
        scope=SCOPE, acr=ACR, enough=ENOUGH)


@pages.post("/franceconnect/connexion")
@access(PUBLIC)
@limited(IDENTITY)
def connexion_franceconnect():
    attempt = attempts.begin(cookie.setdefault(BROWSER, attempts.new_browser()), _suite())
    return render_template("public/franceconnect_depart.html",
                           url=provider.log_in_url(our("/franceconnect/retour"), attempt.state, attempt.nonce))


@pages.get("/franceconnect/retour")
@access(PUBLIC)
@limited(IDENTITY, methods=("GET",))
def retour():
    answer = Answer.of(request.args)
    if _already_in(Attempt(answer.state, None)):
        return _go_on(None)
    attempt = attempts.find(answer.state, cookie.get(BROWSER) or "")
    if answer.error:
        return _declined(attempt, answer)
    if attempts.claim(attempt):
        _log_in(attempt, answer)
    else:
        _log_in_again(attempt)
    return _go_on(attempt.suite)


@pages.post("/deconnexion")
@access(PUBLIC)
def deconnexion():
    """Ours ends first, whatever becomes of FranceConnect's. Someone else may use this computer: all must end."""
    ended = _end()
    if ended and ended.agent_id:
        flash(gettext("deconnexion.faite"), "info")
        return redirect(url_for(".connexion"), 303)
    if ended and ended.certified_token and (url := _way_by_plus(ended)):
        return render_template("public/franceconnect_fin.html", url=url, plus=True)
    return _leave(ended and ended.id_token, whole=not (ended and ended.certified_token))


@pages.get("/deconnexion/suite")
@access(PUBLIC)
def suite_de_deconnexion():
    """Back from FranceConnect+; FranceConnect's own session comes next."""
    return _leave(_left_behind(request.args.get("state", "")))


def _leave(id_token, whole=True):
    """Out of FranceConnect, and back to the start page. `whole` unless FranceConnect+ did not answer."""
    url = id_token and _log_out_url(provider, id_token, secrets.token_urlsafe(32), "/")
    whole = whole and bool(url or not id_token)
    said = gettext("deconnexion.faite" if whole else "deconnexion.seulement_ici")
    page = render_template("public/franceconnect_fin.html", url=url) if url else redirect(url_for(".accueil"), 303)
    flash(said, "info")  # for the start page, where FranceConnect sends the browser back
    return page


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


def our(path):
    return settings.active().base_url.rstrip("/") + path


def _already_in(attempt):
    return current_user.is_authenticated and current_user.session.login == attempt.login


def _go_on(suite):
    known = voters.has_files(current_user.actor)
    return redirect(url_for(suite or ("pages.mes_procurations" if known else "pages.demande")), 303)


def _declined(attempt, answer):
    """`access_denied` says as little as "not identified": given up, unknown to INSEE, an account blocked…"""
    provider.check_callback(answer.iss)
    attempts.drop(attempt)
    log.info("declined: %s", answer.error if re.fullmatch("[a-z_]{1,40}", answer.error) else "?")
    if answer.error in OUTAGES:
        raise oidc.Outage(answer.error)
    return render_template("public/franceconnect_abandon.html", suite=attempt.suite)


def _log_in(attempt, answer):
    try:
        provider.check_callback(answer.iss)
        tokens = provider.log_in(answer.code, our("/franceconnect/retour"), attempt.nonce)
        with transaction():
            voter = voters.recognise(provider.issuer, tokens.claims["sub"], tokens.userinfo)
            _enter(voter, attempt, tokens)
            journal.record(voter, "connexion", "voter", voter.id)
    except Exception:
        attempts.drop(attempt)
        raise


def _log_in_again(attempt):
    """The second of two clicks: the code is spent, so the session is the first one's, under a token of its own."""
    first = attempts.outcome(attempt)
    _enter(first.voter, attempt, first)


def _enter(voter, attempt, found):
    """`found`: the Tokens of the log-in, or the session that holds the same."""
    browser = cookie[BROWSER]
    sessions.begin(voter=voter, login=attempt.login, id_token=found.id_token, evidence=found.evidence)
    cookie[BROWSER] = browser  # log-ins begun in other tabs can still end


def _end():
    with transaction():
        ended = sessions.end()
        actor = ended and (ended.voter or ended.agent)
        if actor:
            journal.record(actor, "deconnexion", "voter" if ended.voter_id else "agent", actor.id)
    return ended


def _log_out_url(there, id_token, state, back):
    try:
        return there.log_out_url(id_token, state, our(back))
    except oidc.Outage as error:
        log.error("outage at log-out: %s", error)
        return None


# --- Two log-outs, one after the other ------------------------------------------------------------------------------

def _way_by_plus(ended):
    """To FranceConnect+, which ends first; the way on is found again by its state."""
    plus, state = current_app.extensions["franceconnect_plus"], secrets.token_urlsafe(32)
    url = plus and _log_out_url(plus, ended.certified_token, state, "/deconnexion/suite")
    if url:
        SingleUse.create(hash=digest(state), kind="logout", expires_at=now() + attempts.LIFE,
                         subject=sealed.seal("logout", ended.id_token or ""))
    return url


def _left_behind(state):
    """FranceConnect's id_token of the session that ended, once; empty for a state that leads nowhere."""
    try:
        return sealed.unseal("logout", spend(state, "logout").subject)
    except (LinkDead, sealed.Unreadable):
        return ""
