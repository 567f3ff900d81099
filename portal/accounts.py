"""Agents' accounts: the first one by a command, a password by a single-use link, log-in by e-mail and password."""
import datetime
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from models import Agent, Mail, Role, SingleUse, WebSession, now
from portal import journal, settings, walls
from portal.database import transaction
from portal.errors import LinkDead, Refused, WeakPassword, WrongPassword
from portal.single_use import digest, spend, token_of

HASHER = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)  # OWASP's floor; the default takes 64 MiB
HASHING = ThreadPoolExecutor(2, "password")         # each thread keeps its 19 MiB: a flood of log-ins gets no more
NOBODY = HASHER.hash(secrets.token_hex())           # an unknown account costs the same time as a known one
INVITATION = "invitation"                           # the kind of its links and the name of its mail
LIFE_OF_AN_INVITATION = datetime.timedelta(hours=24)
FORGOTTEN_AFTER = datetime.timedelta(hours=24)      # no role's log-in lasts longer; what expired may still be told
BATCH = 500                                         # rows deleted at once
SHORTEST = {Role.MANAGER: 16, Role.MINISTRY: 16}    # characters; 14 for the others. No composition rule (ANSSI, CNIL)
LONGEST = 128


class AddressTaken(Refused):
    """One address, one account."""

    status = 409


class WrongCurrentPassword(Refused):
    """Who changes a password gives the one in use."""


@walls.whole_country()
def create(actor, *, email, role, **columns):
    """A new account without password; returns it with the token of an invitation. Raises AddressTaken."""
    with transaction():
        if Agent.select().where(Agent.email == log_in_name(email)).exists():
            raise AddressTaken()
        agent = Agent.create(email=log_in_name(email), role=role, **columns)
        journal.record(actor, "creer_compte", "agent", agent.id)
        return agent, invite(agent)


@walls.whole_country()
def chosen(agents):
    """Ids of those among `agents` who chose a password: no hash is read."""
    ids = [agent.id for agent in agents]
    return {number for number, in Agent.select(Agent.id).where(
        Agent.id.in_(ids), Agent.password_hash.is_null(False)).tuples()}


def log_in_name(email):
    """An address as accounts keep it."""
    return (email or "").strip().lower()


def invite(agent):
    """A token that lets `agent` choose a password once, within a day."""
    return token_of(_draw_link(agent), INVITATION)


@walls.whole_country()
def send_link(actor, agent):
    """Queue a mail with such a link, and return its token too: mails get lost. In the transaction of the caller."""
    return send_links(actor, [Agent.get_by_id(agent.id)])[0]


def send_links(actor, agents):
    """The same for each of `agents`, under one event; returns the tokens."""
    draws = [_draw_link(agent) for agent in agents]
    if agents:
        Mail.insert_many([_invitation(actor, agent, draw) for agent, draw in zip(agents, draws)]).execute()
        journal.record(actor, "inviter", "agent", *(agent.id for agent in agents))
    return [token_of(draw, INVITATION) for draw in draws]


def _invitation(actor, agent, draw):
    """Row of the outbox. `sender` is None for a command."""
    facts = {"draw": draw, "known": agent.password_hash is not None, "address": agent.email,
             "sender": getattr(actor, "name", None), "service": agent.commune.label if agent.commune else agent.unit,
             "proconnect": bool(agent.siret and settings.active().proconnect_client_id)}
    return {"key": f"{INVITATION}:{agent.id}:{draw[:22]}:agent", "name": INVITATION, "recipient": agent.email,
            "context": facts}


def _draw_link(agent):
    draw = secrets.token_urlsafe(32)
    SingleUse.create(hash=digest(token_of(draw, INVITATION)), kind=INVITATION, subject=str(agent.id),
                     expires_at=now() + LIFE_OF_AN_INVITATION)
    return draw


def invited(token):
    """The agent a link was made for. Raises LinkDead."""
    link = SingleUse.get_or_none(SingleUse.hash == digest(token), SingleUse.kind == INVITATION,
                                 SingleUse.used_at.is_null(), SingleUse.expires_at > now())
    agent = link and Agent.get_or_none(Agent.id == int(link.subject), Agent.suspended_at.is_null())
    if not agent:
        raise LinkDead()
    return agent


def least_characters(agent):
    return SHORTEST.get(agent.role, 14)


def choose_password(token, password):
    """Spend the link and set the password of its agent; other links and sessions of that account end, since whoever
    is locked out may have lost it to somebody. Raises LinkDead, WeakPassword."""
    with transaction():
        agent = invited(token)
        check_strength(agent, password)
        spend(token, INVITATION)
        _set_password(agent, password)
        end_sessions(agent)
        return agent


def change_password(agent, current, password, session):
    """By its owner, who gives the current one; sessions other than `session` end, and links under way die. Raises
    WrongCurrentPassword, WeakPassword."""
    with transaction():
        agent = Agent.get_by_id(agent.id)
        check_password(agent, current)
        check_strength(agent, password)
        _set_password(agent, password)
        end_sessions(agent, but=session.login)


def check_strength(agent, password):
    """Raises WeakPassword."""
    least = least_characters(agent)
    if not least <= len(password) <= LONGEST:
        raise WeakPassword(least=least, most=LONGEST)


def _set_password(agent, password):
    Agent.update(password_hash=HASHING.submit(HASHER.hash, password).result()).where(Agent.id == agent.id).execute()
    withdraw_links(agent)
    journal.record(agent, "choisir_mot_de_passe", "agent", agent.id)


@walls.whole_country()
def withdraw_links(agent):
    """Links that still let somebody choose a password of `agent` die."""
    SingleUse.delete().where(SingleUse.kind == INVITATION, SingleUse.subject == str(agent.id),
                             SingleUse.used_at.is_null()).execute()


def authenticate(email, password):
    """The agent, or WrongPassword, in the same time whatever was wrong."""
    agent = Agent.get_or_none(Agent.email == log_in_name(email)[:254])
    if not _matches(agent, password) or agent.suspended_at:
        raise WrongPassword()
    return agent


def check_password(agent, password):
    """Of who is in already. Raises WrongCurrentPassword."""
    if not _matches(agent, password):
        raise WrongCurrentPassword()


def _matches(agent, password):
    try:
        known = agent and agent.password_hash or NOBODY
        return HASHING.submit(HASHER.verify, known, password[:LONGEST + 1]).result()
    except (VerifyMismatchError, InvalidHashError):
        return False


@walls.whole_country()
def suspend(actor, agent):
    """Close an account at once: no log-in, and the sessions under way end."""
    with transaction():
        Agent.update(suspended_at=now()).where(Agent.id == agent.id, Agent.suspended_at.is_null()).execute()
        end_sessions(agent)
        journal.record(actor, "suspendre", "agent", agent.id)


@walls.whole_country()
def reactivate(actor, agent):
    """Open a suspended account again, with the password it had."""
    with transaction():
        Agent.update(suspended_at=None).where(Agent.id == agent.id).execute()
        journal.record(actor, "reactiver", "agent", agent.id)


@walls.whole_country()
def end_sessions(agent, but=""):
    """All of an agent's, except those of the log-in `but`. A log-in that waits for its code ends as well: its password
    may be the one that was changed."""
    SingleUse.delete().where(SingleUse.kind == "password", SingleUse.subject == password_given(agent)).execute()
    return WebSession.delete().where(WebSession.agent == agent.id, WebSession.login != but).execute()


def password_given(agent):
    """Subject of the log-ins of `agent` that wait for their code, see `portal.second_factor`."""
    return f"password {agent.id}"


def forget_expired():
    """Delete a batch of the sessions and single-use tokens that can serve nobody any more. Returns how many."""
    return sum(of.delete().where(of._meta.primary_key.in_(_expired(of).limit(BATCH))).execute()
               for of in (WebSession, SingleUse))


def expired():
    """How many of them there are."""
    return sum(_expired(of).count() for of in (WebSession, SingleUse))


def _expired(of):
    since = {WebSession: WebSession.started_at, SingleUse: SingleUse.expires_at}[of]
    return of.select(of._meta.primary_key).where(since < now() - FORGOTTEN_AFTER)
