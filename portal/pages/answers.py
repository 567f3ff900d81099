"""What FranceConnect's, FranceConnect+'s and ProConnect's pages have in common: the way there, and the answer back.

The browser leaves and comes back by pages of ours that go on by themselves: a redirect after a post would have to be
allowed by `form-action`, for every address a provider may pass through.
"""
import logging
import re
import secrets
from contextlib import contextmanager
from typing import NamedTuple

from flask import session as cookie
from flask_login import current_user

from portal import attempts, oidc, settings
from portal.attempts import Attempt, LogInLost

OUTAGES = ("temporarily_unavailable", "server_error")
BROWSER = "browser"   # in the signed cookie: only the browser that began an attempt may end it
LONGEST = 4096        # characters of a parameter
log = logging.getLogger("maprocuration.answers")


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


def our(path):
    return settings.active().base_url.rstrip("/") + path


# --- There ----------------------------------------------------------------------------------------------------------

def departure(provider, back, **attempt):
    """The address to send this browser to; `back` is the path of the way back. Raises Outage."""
    begun = attempts.begin(cookie.setdefault(BROWSER, attempts.new_browser()), **attempt)
    return provider.log_in_url(our(back), begun)


def log_out_url(provider, id_token, back, state=None):
    """Where the provider's own session ends; None when nobody answers there."""
    try:
        return provider.log_out_url(id_token, state or secrets.token_urlsafe(32), our(back))
    except oidc.Outage as error:
        log.error("outage at log-out: %s", error)
        return None


# --- Back -----------------------------------------------------------------------------------------------------------

def already_in(answer, kind="oidc"):
    """Did this very answer open the session of this browser? A reload asks the provider nothing."""
    return current_user.is_authenticated and current_user.session.login == Attempt(answer.state, kind).login


def begun_here(answer, **which):
    """The attempt of an answer, begun in this browser. Raises LogInLost."""
    return attempts.find(answer.state, cookie.get(BROWSER) or "", **which)


def declined(provider, attempt, answer):
    """The provider sent the person back without a code. `access_denied` says as little as "not identified". Raises
    Outage, Distrusted."""
    provider.check_callback(answer.iss)
    attempts.drop(attempt)
    log.info("declined: %s", answer.error if re.fullmatch("[a-z_]{1,40}", answer.error) else "?")
    if answer.error in OUTAGES:
        raise oidc.Outage(answer.error)


@contextmanager
def tokens(provider, attempt, answer, back):
    """The Tokens that a claimed attempt gives; what fails in the block drops it too. Raises Outage, Distrusted."""
    try:
        provider.check_callback(answer.iss)
        yield provider.log_in(answer.code, our(back), attempt)
    except Exception:
        attempts.drop(attempt)
        raise


@contextmanager
def same_browser():
    """Around what begins a session, which empties the cookie: log-ins begun in other tabs can still end."""
    browser = cookie[BROWSER]
    yield
    cookie[BROWSER] = browser
