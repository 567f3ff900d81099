"""The file an officer opens at the counter: one, by its exact reference, for 15 minutes, acted on once.

Opening draws a token that only this officer's session can use (an act never goes by the id of a file). The
token is spent in the transaction of the act; sent again, it gives the first act back: a double click is no error.
"""
import datetime
import secrets

from peewee import JOIN

from models import Commune, Passage, Procuration, Scrutin, SingleUse, Status, now
from portal import journal, procedure, references, scrutins
from portal.accounts import digest, spend
from portal.catalogue import PARIS, instant
from portal.database import transaction
from portal.errors import AlreadyDecided, LinkDead, PollOver, Refused

LIFE = datetime.timedelta(minutes=15)           # design 8
ALWAYS = (datetime.date.min, datetime.date.max)


class Unfit(Refused):
    """The officer may not act today, whatever the file."""

    status = 403


class NotHabilitated(Unfit):
    """Today is outside the dates of the judge's designation (R. 72-1)."""


class AuthorityIncomplete(Unfit):
    """The act must bear the authority's quality and place, and the account has none."""


class MalformedReference(Refused):
    """What was typed cannot be a reference."""


class UnknownReference(Refused):
    """No file bears this reference."""

    status = 404


class ReferenceOfResiliation(Refused):
    """The reference asks for an end, not for a procuration."""


class ReferenceUsed(Refused):
    """The procuration was established, `at` in words, whatever became of it."""

    status = 409


class RequestWithdrawn(Refused):
    """The mandant gave the request up, `at` in words."""

    status = 409


class RequestRefused(Refused):
    """An officer turned the request down, `at` in words."""

    status = 409


class RequestLapsed(Refused):
    """Nobody presented the request before `at`, in words."""

    status = 409


class FileClosed(Refused):
    """The token is unknown, too old, already used, or of another officer or session."""

    status = 409


def check(officer):
    """Raise Unfit for an officer who may not establish anything today."""
    since, until = (bound or default for bound, default in
                    zip((officer.habilitated_from, officer.habilitated_until), ALWAYS))
    if not since <= now().astimezone(PARIS).date() <= until:
        raise NotHabilitated()
    if not (officer.quality.strip() and officer.place.strip()):
        raise AuthorityIncomplete()


# --- Opening --------------------------------------------------------------------------------------------------------

def look_up(typed, officer, session):
    """Open the file of a typed reference: the file, with its commune and scrutin, and its token. Raises Refused, one
    class per reason. Each look-up leaves one event, found or not."""
    check(officer)
    code = references.read(typed)
    if code is None:
        raise MalformedReference()
    reference = references.find(code) or references.find(code, "resilier")
    if refusal := _refusal(reference):
        journal.record(officer, "recherche_vaine", "procuration", *([reference.procuration_id] if reference else []))
        raise refusal
    reference.procuration.reference = reference
    return reference.procuration, _open(reference.procuration, officer, session)


def _refusal(reference):
    """Why the file cannot be presented, None when it can."""
    if reference is None:
        return UnknownReference()
    if reference.kind == "resilier":
        return ReferenceOfResiliation()
    return _ended(reference.procuration) or _late(reference.procuration)


def _ended(procuration):
    if procuration.established_at:
        return ReferenceUsed(at=instant(procuration.established_at))
    ended = {Status.RETIREE: RequestWithdrawn, Status.REFUSEE: RequestRefused}.get(procuration.status)
    return ended and ended(at=instant(procedure.last_passage(procuration).at))


def _late(procuration):
    if scrutins.end_of(procuration.valid_until, procuration.commune) <= now():
        return PollOver()
    if procuration.status == Status.CADUQUE or procuration.lapses_at <= now():
        return RequestLapsed(at=instant(procuration.lapses_at))
    return None


def _open(procuration, officer, session):
    token = secrets.token_urlsafe(32)
    subject = " ".join(map(str, (officer.id, session.token_hash, procuration.id, procuration.version)))
    with transaction():
        SingleUse.create(hash=digest(token), kind="file", subject=subject, expires_at=now() + LIFE)
        journal.record(officer, "consulter", "procuration", procuration.id)
    return token


# --- Opened ---------------------------------------------------------------------------------------------------------

def opened(token, officer, session):
    """The file of a token, not spent: to show it again. Raises FileClosed, AlreadyDecided."""
    row = _row(token)
    if row is None or row.used_at or row.expires_at <= now():
        raise FileClosed()
    return _file(row, officer, session)


def establish(token, officer, session):
    """Establish the opened file; returns the passage. Raises FileClosed, AlreadyDecided, PollOver, Unfit."""
    return _act(token, officer, session, lambda file: procedure.etablir(file, officer))


def refuse(token, officer, session, reason):
    """Turn the opened file down; returns the passage. Raises FileClosed, AlreadyDecided, ReasonMissing, Unfit."""
    return _act(token, officer, session, lambda file: procedure.refuser(file, officer, reason))


def close(token, officer, session):
    """Put the file back as it was. What is closed already stays so."""
    try:
        with transaction():
            _file(spend(token, "file"), officer, session)
    except (LinkDead, FileClosed, AlreadyDecided):
        pass


def _act(token, officer, session, act):
    check(officer)
    try:
        with transaction():
            procuration = _file(spend(token, "file"), officer, session)
            act(procuration)
            return procedure.last_passage(procuration)
    except LinkDead:
        return _done_before(token, officer, session)


def _done_before(token, officer, session):
    """The act this token was spent for. Raises FileClosed when there is none."""
    row = _row(token)
    if row is None or not row.used_at:
        raise FileClosed()
    file, version = _bound(row, officer, session)
    passage = Passage.get_or_none(Passage.procuration == file, Passage.version == version + 1, Passage.agent == officer)
    if passage is None:
        raise FileClosed()
    return passage


def _row(token):
    return SingleUse.get_or_none(SingleUse.hash == digest(token), SingleUse.kind == "file")


def _bound(row, officer, session):
    """The id and version of the file, for the officer and session that opened it. Raises FileClosed."""
    agent, token_hash, file, version = row.subject.split()
    if (agent, token_hash) != (str(officer.id), session.token_hash):
        raise FileClosed()
    return int(file), int(version)


def _file(row, officer, session):
    """The file as it was when it was opened. Raises FileClosed, AlreadyDecided."""
    file, version = _bound(row, officer, session)
    procuration = (Procuration.select(Procuration, Commune, Scrutin).join(Commune)
                   .join_from(Procuration, Scrutin, JOIN.LEFT_OUTER).where(Procuration.id == file).get_or_none())
    if procuration is None:
        raise FileClosed()
    if procuration.version != version:
        raise AlreadyDecided(procedure.last_passage(procuration))
    return procuration
