"""Agents' second factor: six digits that change every 30 seconds (TOTP, RFC 6238), and ten recovery codes.

The secret is sealed under a key kept out of the database; a step serves once; recovery codes are kept as hashes. A
log-in whose password was right waits here, ten minutes at most, for its code.
"""
import base64
import datetime
import re
import secrets
from contextlib import contextmanager

import pyotp
import segno
from argon2.low_level import Type, hash_secret_raw
from peewee import IntegrityError

from models import Agent, SingleUse, now
from portal import accounts, journal, limits, passkeys, passwords, sealed, walls
from portal.database import hold, transaction
from portal.errors import LinkDead, Refused
from portal.limits import Limit, TooOften
from portal.single_use import digest, spend

STEP = 30                                           # seconds (ASVS 6.5.5)
WINDOW = (0, -1, 1)                                 # steps: clocks differ, and typing takes time
LIFE_OF_A_LOG_IN = datetime.timedelta(minutes=10)   # between the password and the code
LIFE_OF_AN_ENROLMENT = datetime.timedelta(minutes=30)
TRIES = Limit("code", 5, 15 * 60)                   # wrong codes for one account
RECOVERY_CODES = 10
LIFE_OF_A_RECOVERY_CODE = datetime.timedelta(days=3650)     # until it is used or replaced
LOOK_ALIKES = str.maketrans("018", "OIB")           # no code holds a 0, a 1 or an 8 (RFC 4648)
ISSUER = "Maprocuration"


class WrongCode(Refused):
    """Not the code of this moment."""


class CodeUsed(Refused):
    """The code was right, and served already: the next one comes within 30 seconds."""


class WrongRecoveryCode(Refused):
    """Unknown, replaced or used."""


class AlreadyOn(Refused):
    """Somebody turned it on meanwhile."""

    status = 409


class LogInOver(Refused):
    """No right password in this browser for the last ten minutes, or the account was changed since."""

    status = 400


class TooManyCodes(TooOften):
    """No code is compared for this account now, not even the right one: its password may be known to somebody."""


# --- Codes ----------------------------------------------------------------------------------------------------------

def is_on(agent):
    return agent.totp_secret is not None


def check(agent, typed):
    """Spend the code an application shows now. Raises WrongCode, CodeUsed."""
    _check(agent, _secret(agent), typed)


def _secret(agent):
    """None where there is none, or none that can still be read: then no code is right."""
    try:
        return agent.totp_secret and _unsealed("totp", agent, agent.totp_secret)
    except sealed.Unreadable:
        return None


def _check(agent, secret, typed):
    step = secret and _step(secret, re.sub(r"[\s.\-]", "", typed))
    if not step:
        raise WrongCode()
    _spend_step(agent, secret, step)


@contextmanager
def counted(agent):
    """Around a comparison and its transaction: what fails in it stays counted, for the account and not for the browser,
    since who knows the password has as many browsers as they like. Raises TooManyCodes."""
    try:
        limits.spend((TRIES, agent.id))
    except TooOften as over:
        raise TooManyCodes(over.retry_after) from over
    yield
    limits.give_back((TRIES, agent.id))


def confirm(agent, typed):
    """Who is in proves it anew, see `portal.step_up`. Raises WrongCode, CodeUsed, WrongRecoveryCode, TooManyCodes."""
    with counted(agent), transaction():
        use_any(agent, typed)


def _step(secret, code):
    """The step whose code this is, None when it is none of now."""
    totp, current = pyotp.TOTP(secret, interval=STEP), int(now().timestamp()) // STEP
    return next((current + lag for lag in WINDOW if secrets.compare_digest(
        totp.generate_otp(current + lag).encode(), code.encode())), None)


def _spend_step(agent, secret, step):
    """A code serves once (ASVS 6.5.1): the row's key says so to every process."""
    expires_at = now() + datetime.timedelta(seconds=STEP * len(WINDOW))
    try:
        with transaction():
            SingleUse.create(hash=digest(f"totp|{agent.id}|{secret}|{step}"), kind="totp", subject=f"totp {agent.id}",
                             expires_at=expires_at, used_at=now())
    except IntegrityError as twice:
        raise CodeUsed() from twice


# --- Enrolment ------------------------------------------------------------------------------------------------------

def begin_enrolment(agent):
    """A new secret, sealed: the browser keeps it until a code proves that the application has it."""
    return _sealed("enrolment", agent, pyotp.random_base32())


def enrolled_secret(agent, kept):
    """The secret a browser kept. Raises sealed.Unreadable: too old, or another agent's."""
    return _unsealed("enrolment", agent, kept, LIFE_OF_AN_ENROLMENT)


def in_groups(secret):
    """For typing: groups of four."""
    return " ".join(re.findall(".{1,4}", secret))


def picture(agent, secret):
    """The QR code of an enrolment, as a data: address of an SVG image."""
    address = pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=agent.email, issuer_name=ISSUER)
    return segno.make(address, micro=False).svg_data_uri(scale=5, border=4, light="white")


def enrol(agent, secret, typed, replacing=False, token=None):
    """Turn the second factor on, or replace it, by an application that has `secret`; `token`, of the log-in that waits
    for it, is spent. Returns new recovery codes. Raises WrongCode, CodeUsed, TooManyCodes, LogInOver, and AlreadyOn
    unless `replacing`."""
    with counted(agent):
        codes = _drawn_codes(agent)
        with transaction():
            if token:
                _finish(token)
            _turn_on(agent, secret, typed, replacing)
            _keep_codes(agent, codes)
    return list(codes)


def _turn_on(agent, secret, typed, replacing):
    hold(f"second factor|{agent.id}")       # two at once: the later one finds it on
    agent = Agent.get_by_id(agent.id)
    if is_on(agent) and not replacing:
        raise AlreadyOn()
    _check(agent, secret, typed)
    Agent.update(totp_secret=_sealed("totp", agent, secret), totp_since=now()).where(Agent.id == agent.id).execute()
    journal.record(agent, "second_facteur", "agent", agent.id)


def use_any(agent, typed):
    """Six digits or sixteen signs. Raises WrongCode, CodeUsed, WrongRecoveryCode."""
    use = check if len(re.sub(r"\D", "", typed)) == len(re.sub(r"\W", "", typed)) else use_recovery_code
    use(agent, typed)


@walls.whole_country()
def guards(agent):
    """Has the account a second factor, of whatever kind?"""
    return agent.totp_since is not None or passkeys.has(agent)


@walls.whole_country()
def reset(actor, agent):
    """Take the second factor away, for somebody who lost it: sessions end, the next log-in enrols anew. The password
    goes too, since whoever asked may have it: the way back in is a link, mailed to the owner. Returns its token."""
    with transaction():
        Agent.update(totp_secret=None, totp_since=None, password_hash=None).where(Agent.id == agent.id).execute()
        _recovery_codes(agent).execute()
        passkeys.forget(agent)
        accounts.withdraw_links(agent)
        accounts.end_sessions(agent)
        journal.record(actor, "oter_second_facteur", "agent", agent.id)
        return accounts.mail_link(agent, "second_facteur_ote", sender=getattr(actor, "name", None))


def _sealed(purpose, agent, secret):
    """Bound to its agent: moved to another row, it opens nothing."""
    return sealed.seal(purpose, f"{agent.id} {secret}")


def _unsealed(purpose, agent, kept, life=None):
    owner, _, secret = sealed.unseal(purpose, kept, life).partition(" ")
    if owner != str(agent.id):
        raise sealed.Unreadable()
    return secret


# --- Recovery codes -------------------------------------------------------------------------------------------------

def renew_recovery_codes(agent):
    """Ten new codes, which replace the old ones."""
    codes = _drawn_codes(agent)
    with transaction():
        journal.record(agent, "codes_de_secours", "agent", agent.id)
        _keep_codes(agent, codes)
    return list(codes)


def recovery_codes_left(agent):
    return SingleUse.select().where(SingleUse.kind == "recovery", SingleUse.subject == _owner(agent),
                                    SingleUse.used_at.is_null()).count()


def use_recovery_code(agent, typed):
    """Spend one. Raises WrongRecoveryCode."""
    code = re.sub(r"[\W_]", "", typed[:100]).upper().translate(LOOK_ALIKES)
    used = (SingleUse.update(used_at=now())
            .where(SingleUse.hash == _hash(agent, code), SingleUse.kind == "recovery",
                   SingleUse.subject == _owner(agent), SingleUse.used_at.is_null()).execute())
    if not used:
        raise WrongRecoveryCode()


def _drawn_codes(agent):
    """{code: its hash}, before any transaction: hashes are slow. Four groups of four signs, 80 bits each."""
    codes = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY_CODES)]
    hashes = [passwords.HASHING.submit(_hash_now, agent, code) for code in codes]
    return {"-".join(re.findall("....", code)): kept.result() for code, kept in zip(codes, hashes)}


def _keep_codes(agent, codes):
    """In place of the former ones."""
    _recovery_codes(agent).execute()
    expires_at = now() + LIFE_OF_A_RECOVERY_CODE
    SingleUse.insert_many([{"hash": kept, "kind": "recovery", "subject": _owner(agent), "expires_at": expires_at}
                           for kept in codes.values()]).execute()


def _recovery_codes(agent):
    return SingleUse.delete().where(SingleUse.kind == "recovery", SingleUse.subject == _owner(agent))


def _owner(agent):
    return f"recovery {agent.id}"


def _hash(agent, code):
    return passwords.slowly(_hash_now, agent, code)


def _hash_now(agent, code):
    """Under 112 bits a slow hash is due (ASVS 6.5.2); one salt an agent, so that a try costs one hash and not ten."""
    salt = sealed.key(f"recovery {agent.id}")[:16]
    parameters = passwords.HASHER
    return hash_secret_raw(code.encode(), salt, parameters.time_cost, parameters.memory_cost, parameters.parallelism,
                           32, Type.ID).hex()


# --- Between the password and the code ------------------------------------------------------------------------------

def await_code(agent):
    """A token for the browser that gave the right password: it lets that browser, and no other, try codes."""
    token = secrets.token_urlsafe(32)
    SingleUse.create(hash=digest(token), kind="password", subject=accounts.password_given(agent.id),
                     expires_at=now() + LIFE_OF_A_LOG_IN)
    return token


def awaited(token):
    """The agent whose code a token waits for. Raises LogInOver."""
    row = SingleUse.get_or_none(SingleUse.hash == digest(token), SingleUse.kind == "password",
                                SingleUse.used_at.is_null(), SingleUse.expires_at > now())
    agent = row and Agent.get_or_none(Agent.id == int(row.subject.split()[-1]), Agent.suspended_at.is_null())
    if not agent:
        raise LogInOver()
    return agent


def log_in(token, use, typed):
    """Spend the waiting log-in and the code; `use` is `check` or `use_recovery_code`. Returns the agent. Raises
    LogInOver, WrongCode, CodeUsed, WrongRecoveryCode, TooManyCodes."""
    agent = awaited(token)
    try:
        with counted(agent), transaction():
            use(agent, typed)
            _finish(token)
    except (WrongCode, WrongRecoveryCode):
        journal.record(agent, "code_refuse", "agent", agent.id)
        raise
    return agent


def log_in_enrolling(token, secret, typed):
    """The same for an account that has no second factor yet: it gets one. Returns the agent and recovery codes."""
    agent = awaited(token)
    return agent, enrol(agent, secret, typed, token=token)


def _finish(token):
    try:
        spend(token, "password")
    except LinkDead as gone:
        raise LogInOver() from gone
