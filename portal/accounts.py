"""Agents' accounts: the first one by a command, a password by a single-use link, log-in by e-mail and password."""
import datetime
import secrets

from models import Agent, Mail, Role, SingleUse, WebSession, now
from portal import journal, limits, passwords, scrutins, settings, walls
from portal.database import transaction
from portal.errors import LinkDead, Refused, WrongPassword
from portal.limits import Limit, TooOften
from portal.single_use import digest, spend, token_of

INVITATION = "invitation"                           # the kind of its links and the name of its mail
RESET = "reset"                                     # the kind of the links that the owner of an account asks for
LIFE = {INVITATION: datetime.timedelta(hours=24), RESET: datetime.timedelta(minutes=30)}    # of links
WRONG = Limit("password", 5, 15 * 60)               # wrong passwords for one account from one place, then each waits
LONGEST_WAIT = 60                                   # seconds
WRONG_A_DAY = Limit("password-day", 100, 24 * 3600)     # for one account from anywhere, then its owner is told
RESETS = Limit("reset", 3, 3600)                    # links asked for, of one account
FORGOTTEN_AFTER = datetime.timedelta(hours=24)      # no role's log-in lasts longer; what expired may still be told
BATCH = 500                                         # rows deleted at once


class AddressTaken(Refused):
    """One address, one account."""

    status = 409


class WrongCurrentPassword(Refused):
    """Who changes a password gives the one in use."""


class TooManyPasswords(TooOften):
    """Several wrong ones were given for the account from here: the next is compared after a while, right or wrong."""


class AccountSuspended(Refused):
    """Told only to who proved that it is theirs."""

    status = 403


class SuspendedAbove(Refused):
    """What the ministry closed, the ministry opens again."""

    status = 409


class DelegationOver(Refused):
    """The mayor's delegation ended, or has not begun. Told as above."""

    status = 403


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


@walls.whole_country()
def is_in_use(agent):
    """Did its owner ever come in, or choose how to?"""
    return bool(agent.seen_at or chosen([agent]) or Agent.select().where(
        Agent.id == agent.id, Agent.sub.is_null(False)).exists())


def log_in_name(email):
    """An address as accounts keep it."""
    return (email or "").strip().lower()


def invite(agent):
    """A token that lets `agent` choose a password once, within a day."""
    return token_of(_draw_link(agent), INVITATION)


@walls.whole_country()
def send_link(actor, agent):
    """Queue a mail with such a link. In the transaction of the caller."""
    send_links(actor, [Agent.get_by_id(agent.id)])


def send_links(actor, agents):
    """The same for each of `agents`, under one event."""
    drawn = [(agent, secrets.token_urlsafe(32)) for agent in agents]
    if drawn:
        SingleUse.insert_many([_link(agent, draw) for agent, draw in drawn]).execute()
        Mail.insert_many([_invitation(actor, agent, draw) for agent, draw in drawn]).execute()
        journal.record(actor, "inviter", "agent", *(agent.id for agent in agents))


def _invitation(actor, agent, draw):
    """Row of the outbox. `sender` is None for a command."""
    facts = {"draw": draw, "known": agent.password_hash is not None, "address": agent.email,
             "sender": getattr(actor, "name", None), "service": agent.commune.label if agent.commune else agent.unit,
             "proconnect": bool(agent.siret and settings.active().proconnect_client_id)}
    return {"key": f"{INVITATION}:{agent.id}:{draw[:22]}:agent", "name": INVITATION, "recipient": agent.email,
            "context": facts}


def _draw_link(agent, kind=INVITATION):
    draw = secrets.token_urlsafe(32)
    SingleUse.create(**_link(agent, draw, kind))
    return draw


def _link(agent, draw, kind=INVITATION):
    """Row of a single use."""
    return {"hash": digest(token_of(draw, kind)), "kind": kind, "subject": str(agent.id),
            "expires_at": now() + LIFE[kind]}


def invited(token):
    """The agent a link was made for. Raises LinkDead."""
    return _led_to(token)[0]


def _led_to(token):
    """The agent of a link, and its kind."""
    link = SingleUse.get_or_none(SingleUse.hash == digest(token), SingleUse.kind.in_(list(LIFE)),
                                 SingleUse.used_at.is_null(), SingleUse.expires_at > now())
    agent = link and Agent.get_or_none(Agent.id == int(link.subject), Agent.suspended_at.is_null())
    if not agent:
        raise LinkDead()
    return agent, link.kind


def forgotten(email):
    """Mail a link to who forgot the password of an open account, if there is one at this address; nothing says which.
    An account that ProConnect alone opens keeps that one door."""
    name = _name_typed(email)
    agent = Agent.get_or_none(Agent.email == name, Agent.suspended_at.is_null())
    if limits.count((RESETS, name))[0].times > RESETS.most or not agent or agent.sub and not agent.password_hash:
        return
    with transaction():
        mail_link(agent, "mot_de_passe_oublie", RESET)
        journal.record(agent, "mot_de_passe_oublie", "agent", agent.id)


def mail_link(agent, name, kind=INVITATION, **facts):
    """Queue a mail that holds such a link, and return its token too. In the transaction of the caller."""
    draw = _draw_link(agent, kind)
    tell(agent, name, draw=draw, address=agent.email, **facts)
    return token_of(draw, kind)


def tell(agent, name, to=None, **facts):
    """Queue a mail to the owner of an account, at its address or another one. In the transaction of the caller."""
    Mail.create(key=f"{name}:{agent.id}:{secrets.token_hex(8)}:agent", name=name, recipient=to or agent.email,
                context=facts)


@walls.whole_country()
def note_address(actor, agent, before):
    """The address of `agent` was another one `before`: links sent there die, and both addresses are told. In the
    transaction of the caller."""
    withdraw_links(agent)
    for to in (before, agent.email):
        tell(agent, "adresse_de_compte", to, before=before, after=agent.email, sender=actor.name)


# --- The password ---------------------------------------------------------------------------------------------------

def choose_password(token, password):
    """Spend the link and set the password of its agent; other links and sessions of that account end, since whoever
    is locked out may have lost it to somebody. Raises LinkDead, UnfitPassword."""
    agent, kind = _led_to(token)
    passwords.check(agent, password)
    kept = passwords.hashed(password)
    with transaction():
        spend(token, kind)
        _set_password(agent, kept)
        end_sessions(agent)
        return agent


def change_password(agent, password, session):
    """By its owner, who has given the current one; sessions other than `session` end, and links under way die. Raises
    UnfitPassword."""
    passwords.check(agent, password)
    kept = passwords.hashed(password)
    with transaction():
        _set_password(agent, kept)
        end_sessions(agent, but=session.login)


def _set_password(agent, kept):
    Agent.update(password_hash=kept).where(Agent.id == agent.id).execute()
    withdraw_links(agent)
    journal.record(agent, "choisir_mot_de_passe", "agent", agent.id)


@walls.whole_country()
def withdraw_links(agent):
    """Links that still let somebody choose a password of `agent` die."""
    _withdraw_links([agent.id])


def _withdraw_links(numbers):
    SingleUse.delete().where(SingleUse.kind.in_(list(LIFE)), SingleUse.subject.in_(list(map(str, numbers))),
                             SingleUse.used_at.is_null()).execute()


def check_password(agent, password):
    """Of who is in already. Raises WrongCurrentPassword."""
    if not passwords.matches(password, agent.password_hash):
        raise WrongCurrentPassword()


# --- The log-in -----------------------------------------------------------------------------------------------------

def authenticate(email, password, place=""):
    """The agent whose password was given at `place`, a browser or an address. Raises WrongPassword in the same time
    whatever was wrong, AccountSuspended and DelegationOver only after the right one, TooManyPasswords, Busy."""
    name = _name_typed(email)
    _wait(name, place)
    agent = Agent.get_or_none(Agent.email == name)
    if not passwords.matches(password, agent and agent.password_hash):
        _count_wrong(name, agent)
        raise WrongPassword()
    limits.give_back((WRONG, f"{name} {place}"))
    check_open(agent)
    if passwords.is_old(agent.password_hash):
        Agent.update(password_hash=passwords.hashed(password)).where(Agent.id == agent.id).execute()
    return agent


def _name_typed(email):
    return log_in_name(email)[:254]


def _wait(name, place):
    """Whoever fails waits, 1, 2, 4… seconds: who has the account is never kept out of it by somebody elsewhere. The
    unknown account waits like another. Raises TooManyPasswords."""
    here = f"{name} {place}"
    beyond = limits.count((WRONG, here))[0].times - WRONG.most
    if beyond >= 0:
        try:
            limits.spend((Limit("password-turn", 1, min(2 ** min(beyond, 6), LONGEST_WAIT)), here))
        except TooOften as early:
            raise TooManyPasswords(early.retry_after) from early


def _count_wrong(name, agent):
    """Who guesses from many places is not kept out: the owner is told, once a day."""
    times = limits.count((WRONG_A_DAY, name))[0].times
    if times == WRONG_A_DAY.most and agent and not agent.suspended_at:
        tell(agent, "essais_de_connexion", address=agent.email, times=times)


def note_log_in(agent):
    Agent.update(seen_at=now()).where(Agent.id == agent.id).execute()


def check_open(agent):
    """Raises AccountSuspended, DelegationOver."""
    if agent.suspended_at:
        raise AccountSuspended()
    if not is_delegated(agent):
        raise DelegationOver()


def is_open(agent):
    return not agent.suspended_at and is_delegated(agent)


def is_delegated(agent):
    """A manager who is not the mayor acts within the dates of the delegation, on the commune's calendar."""
    if agent.role != Role.MANAGER or not (agent.delegated_from or agent.delegated_until):
        return True
    today = scrutins.today(agent.commune)
    return (agent.delegated_from or today) <= today <= (agent.delegated_until or today)


# --- Suspension -----------------------------------------------------------------------------------------------------

@walls.whole_country()
def suspend(actor, agent):
    """Close an account at once: no log-in, and the sessions and links under way end."""
    with transaction():
        suspend_all(actor, [agent.id])


def suspend_all(actor, numbers):
    """The same for the accounts of these numbers, in the transaction of the caller."""
    open_ones = Agent.id.in_(numbers), Agent.suspended_at.is_null()
    Agent.update(suspended_at=now(), suspended_by=actor.role).where(*open_ones).execute()
    _withdraw_links(numbers)
    _end_log_ins(numbers)
    WebSession.delete().where(WebSession.agent.in_(numbers)).execute()
    journal.record(actor, "suspendre", "agent", *numbers)


@walls.whole_country()
def reactivate(actor, agent):
    """Open a suspended account again, with the password it had; from now on it counts as used. Raises
    SuspendedAbove."""
    with transaction():
        if actor.role == Role.MANAGER and agent.suspended_by == Role.MINISTRY:
            raise SuspendedAbove()
        Agent.update(suspended_at=None, suspended_by=None, seen_at=now()).where(Agent.id == agent.id).execute()
        journal.record(actor, "reactiver", "agent", agent.id)


@walls.whole_country()
def end_sessions(agent, but=""):
    """All of an agent's, except those of the log-in `but`. A log-in that waits for its code ends as well: its password
    may be the one that was changed."""
    _end_log_ins([agent.id])
    return WebSession.delete().where(WebSession.agent == agent.id, WebSession.login != but).execute()


def _end_log_ins(numbers):
    SingleUse.delete().where(SingleUse.kind == "password",
                             SingleUse.subject.in_([password_given(number) for number in numbers])).execute()


def password_given(number):
    """Subject of the log-ins of an agent that wait for their code, see `portal.second_factor`."""
    return f"password {number}"


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
