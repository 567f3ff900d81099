"""Sessions, carried by Flask-Login: a random token in the cookie, its hash in the table. No row, no session."""
import datetime
import secrets

from flask import request
from flask import session as cookie
from flask_login import LoginManager, UserMixin, login_user, logout_user
from peewee import JOIN

from models import Agent, Commune, Role, Voter, WebSession, now
from portal import accounts, second_factor
from portal.devices import device
from portal.sealed import Unreadable
from portal.single_use import digest

MINUTE = datetime.timedelta(minutes=1)
LIMITS = {  # idle, absolute: minutes (ASVS 7.3)
    Role.VOTER: (20, 120),
    Role.OFFICER: (15, 480),
    Role.COMMUNE: (30, 480),
    Role.MANAGER: (30, 480),
    Role.MINISTRY: (15, 240),
}
MOST = 3    # open at once, of one agent


class SignedIn(UserMixin):
    """Flask-Login's user: `actor` is the Voter or the Agent, `session` the row behind it."""

    def __init__(self, session, token):
        self.session = session
        self.actor = session.voter or session.agent
        self.token = token

    def get_id(self):
        return self.token

    @property
    def seconds_left(self):
        """Until the session ends if nothing more is asked of it."""
        return max(0, round((_ends_at(self.session) - now()).total_seconds()))


def install(app):
    manager = LoginManager(app)
    manager.session_protection = None  # the random token is the protection; addresses of phones change
    manager.user_loader(load)


def begin(*, voter=None, agent=None, login=None, **identification):
    """Open a session for a voter or an agent. Whatever the browser carried before is dropped.

    `login` is shared by the sessions of one log-in (a double click makes two): they end together. `identification`
    is a provider's: `id_token`, a voter's `evidence`, and since when an agent's proof stands, `proved_at`; for others
    it is now.
    """
    end()
    token = secrets.token_urlsafe(32)
    row = WebSession.create(**{"proved_at": now() if agent else None, **identification},
                            token_hash=digest(token), voter=voter, agent=agent, login=login or secrets.token_hex(32),
                            device=device(request.user_agent.string) if agent else "")
    login_user(SignedIn(row, token))


def end():
    """Close the browser's session and its twins; the cookie starts afresh. Returns the row that was, or None."""
    token = cookie.get("_user_id")
    row = token and WebSession.get_or_none(WebSession.token_hash == digest(token))
    if row:
        WebSession.delete().where(WebSession.login == row.login).execute()
    logout_user()
    cookie.clear()
    return row


def load(token):
    """Flask-Login's loader: the user of a cookie's token, None when the session is unknown, idle or too old."""
    row = (WebSession.select(WebSession, Voter, Agent, Commune)
           .join(Voter, JOIN.LEFT_OUTER).join_from(WebSession, Agent, JOIN.LEFT_OUTER).join(Commune, JOIN.LEFT_OUTER)
           .where(WebSession.token_hash == digest(token)).get_or_none())
    if row is None or not _alive(row):
        return None
    if now() - row.seen_at > MINUTE:  # reads do not write: at most once a minute
        row.seen_at = now()
        WebSession.update(seen_at=row.seen_at).where(WebSession.token_hash == row.token_hash).execute()
    return SignedIn(row, token)


def _alive(row):
    return (row.agent is None or accounts.is_open(row.agent)) and now() < _ends_at(row)


def _ends_at(row):
    idle, absolute = LIMITS[(row.voter or row.agent).role]
    return min(row.seen_at + idle * MINUTE, row.started_at + absolute * MINUTE)


def prove(session):
    """Its agent has just proved anew that it is them, see `portal.step_up`."""
    session.proved_at = now()
    WebSession.update(proved_at=session.proved_at).where(WebSession.token_hash == session.token_hash).execute()


# --- An agent's own -------------------------------------------------------------------------------------------------

def open_for(agent):
    """The sessions of an agent that still open something, the latest first."""
    rows = (WebSession.select(WebSession, Agent).join(Agent).where(WebSession.agent == agent.id)
            .order_by(WebSession.seen_at.desc(), WebSession.started_at.desc()))
    return [row for row in rows if _alive(row)]


def keep_latest(agent):
    """An agent has so many places to work at: of more sessions, those used longest ago end."""
    if ended := [row.token_hash for row in open_for(agent)[MOST:]]:
        WebSession.delete().where(WebSession.token_hash.in_(ended)).execute()


def end_one(agent, login):
    """End one log-in of `agent`, by its name. False when there is none."""
    return bool(WebSession.delete().where(WebSession.agent == agent.id, WebSession.login == login).execute())


# --- Between the challenge of a passkey and its answer --------------------------------------------------------------

def keep_challenge(kept):
    """This browser, and no other, may answer: the last one it was given."""
    cookie["passkey"] = kept


def challenge():
    return cookie.pop("passkey", "")


# --- Between the password and the code ------------------------------------------------------------------------------

def await_code(agent):
    """This browser gave the right password of `agent`. It is nobody yet, or who it was before."""
    cookie["password"] = second_factor.await_code(agent)
    cookie.pop("enrolment", None)


def awaiting():
    """The token of a log-in that waits for its code, empty where none does."""
    return cookie.get("password", "")


def enrolment(agent):
    """The secret this browser enrols for `agent`: a reload shows the same."""
    try:
        return second_factor.enrolled_secret(agent, cookie.get("enrolment", ""))
    except Unreadable:
        cookie["enrolment"] = second_factor.begin_enrolment(agent)
        return second_factor.enrolled_secret(agent, cookie["enrolment"])


def end_enrolment():
    cookie.pop("enrolment", None)
