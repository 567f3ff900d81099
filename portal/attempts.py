"""Log-ins under way at a provider: one `SingleUse` row each, good once, soon and in the browser that began it.

Nonce, PKCE verifier and session of an attempt are derived from its state and its kind, so that nothing secret is kept:
who answers twice (a double click, a reload) is known by them and shares the first answer's session, and what was begun
with one provider is worth nothing at the other's door.
"""
import hmac
import json
import secrets
import threading
import time
from datetime import timedelta
from typing import NamedTuple

from models import SingleUse, WebSession, now
from portal import sealed
from portal.single_use import digest, spend
from portal.database import transaction
from portal.errors import LinkDead, Refused

LIFE = timedelta(minutes=10)
TWIN = timedelta(seconds=30)     # how long after the first answer a second one still counts as the same click
PATIENCE = 10                    # seconds the second answer waits for the first
PAUSE = 0.1                      # seconds between two looks
WAITING = threading.BoundedSemaphore(2)  # second answers at once and per process: each keeps a thread
LONGEST = 512                    # characters of a state


class LogInLost(Refused):
    """The attempt is unknown, used, too old, or of another browser: to be begun again."""

    status = 400


class Attempt(NamedTuple):
    """`kind` is that of its row: "oidc" at FranceConnect, "proconnect". `suite` is the endpoint to go on to after the
    log-in, None for the usual one.

    `aim`, where there is one, is what somebody already logged in will do with this proof of identity: JSON. It is no
    log-in then, and a log-in has none: the answer to one is worth nothing to the other.
    """

    state: str
    kind: str = "oidc"
    suite: str | None = None
    aim: dict | None = None

    @property
    def nonce(self):
        return self._derived("nonce")

    @property
    def verifier(self):
        """64 characters (RFC 7636, 4.1)."""
        return self._derived("verifier")

    @property
    def login(self):
        """Name of the web sessions this attempt leads to (WebSession.login)."""
        return self._derived("login")

    def _derived(self, purpose):
        return sealed.derived(f"{self.kind} {purpose}", self.state)


def new_browser():
    """A random name for a browser, to be kept in its signed cookie."""
    return secrets.token_urlsafe(32)


def begin(browser, kind="oidc", suite=None, aim=None):
    state = secrets.token_urlsafe(32)
    SingleUse.create(hash=digest(state), kind=kind, expires_at=now() + LIFE,
                     subject=json.dumps({"browser": digest(browser), "suite": suite, "aim": aim}))
    return Attempt(state, kind, suite, aim)


def find(state, browser, kind="oidc", aimed=False):
    """The attempt of this state, used or not. Raises LogInLost, for an attempt of another browser or kind too, and for
    one with an aim unless `aimed`; None takes both."""
    row = SingleUse.get_or_none(SingleUse.hash == digest(state[:LONGEST]), SingleUse.kind == kind)
    subject = row and json.loads(row.subject)
    if not row or row.expires_at < now() or not hmac.compare_digest(subject["browser"], digest(browser)):
        raise LogInLost()
    if aimed not in (None, bool(subject["aim"])):
        raise LogInLost()
    return Attempt(state, kind, subject["suite"], subject["aim"])


def claim(attempt):
    """Spend the attempt; True for the one caller that has it."""
    try:
        with transaction():
            spend(attempt.state, attempt.kind)
            return True
    except LinkDead:
        return False


def drop(attempt):
    """The attempt came to nothing: who waits for it need not wait longer."""
    SingleUse.delete().where(SingleUse.hash == digest(attempt.state)).execute()


def outcome(attempt, found=None):
    """What the other answer of this attempt led to, waited for: `found()`, or the session it opened. Raises LogInLost.
    """
    if not WAITING.acquire(blocking=False):
        raise LogInLost()
    try:
        return _awaited(attempt, found or (lambda: _opened_by(attempt)))
    finally:
        WAITING.release()


def _awaited(attempt, found):
    give_up = time.monotonic() + PATIENCE
    while _under_way(attempt) and time.monotonic() < give_up:
        row = found()
        if row:
            return row
        time.sleep(PAUSE)
    raise LogInLost()


def _opened_by(attempt):
    return WebSession.get_or_none(WebSession.login == attempt.login)


def _under_way(attempt):
    return SingleUse.select().where(SingleUse.hash == digest(attempt.state), SingleUse.used_at > now() - TWIN).exists()
