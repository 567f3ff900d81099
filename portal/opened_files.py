"""The file an officer opens at the counter: one, by its exact reference, for 15 minutes, acted on once.

What the reference asks for, a procuration or a résiliation, is the only act it opens the file for.

Opening draws a token that only this officer's session can use (an act never goes by the id of a file). The
token is spent in the transaction of the act; sent again, it gives the first act back: a double click is no error.
"""
import datetime
import secrets

from peewee import JOIN

from models import LIVE, Commune, Passage, Personne, Reference, SingleUse, Status, now
from portal import journal, look_ups, procedure, references, resiliation, scrutins, separation
from portal.catalogue import PARIS, day, instant
from portal.database import transaction
from portal.errors import AlreadyDecided, LinkDead, PollOver, Refused
from portal.single_use import digest, spend

MINUTE = datetime.timedelta(minutes=1)
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


class NothingTyped(MalformedReference):
    """The field was left empty."""


class ImpossibleCharacters(MalformedReference):
    """No reference holds the characters `found`."""


class WrongLength(MalformedReference):
    """A reference has 6 characters; these are `count`."""


class UnknownReference(Refused):
    """No file bears this reference."""

    status = 404


class UnknownPair(UnknownReference):
    """No file bears this reference and has a mandant of this birth date."""


class Ended(Refused):
    """The file can be presented no more: `passage` ended the request, `at` in words."""

    status = 409

    def __init__(self, passage):
        super().__init__(at=instant(passage.at))
        self.passage = passage


class ReferenceUsed(Ended):
    """The procuration was established, whatever became of it."""


class RequestWithdrawn(Ended):
    """The mandant gave the request up."""


class RequestReplaced(Ended):
    """Another request of the same voter was established for the same vote."""


class RequestRefused(Ended):
    """An officer turned the request down."""


class NothingToEnd(Ended):
    """The procuration whose résiliation is asked lives no more, or not yet."""


class ResiliationDone(Ended):
    """The procuration is résiliée already."""


class RequestLapsed(Refused):
    """Nobody presented the request by the day `by`, in words."""

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

def look_up(typed, officer, session, birth_date=None):
    """Open the file of a typed reference: the file, with its commune and scrutin, and its token. `birth_date` of the
    mandant as typed beside it (YYYY-MM-DD, 00 for what the document does not say), asked after some misses.

    Raises Refused, one class per reason. Each look-up that was answered leaves one event, found or not.
    """
    check(officer)
    look_ups.check(officer)
    code = references.read(typed)
    if code is None:
        look_ups.spend(officer)
        raise _malformed(typed)
    left = look_ups.spend_guess(officer, birth_date)
    reference = _with_people(references.find(code))
    try:
        if reference is None or birth_date and not _born(reference.procuration.mandant, birth_date):
            look_ups.missed(officer, left)
            raise (UnknownPair if birth_date else UnknownReference)(left=left)
        look_ups.found(officer)
        separation.check(reference.procuration, officer)
        _check_presentable(reference)
    except Refused:
        journal.record(officer, "recherche_vaine", "procuration", *([reference.procuration_id] if reference else []))
        raise
    return reference.procuration, _open(reference, officer, session)


def _with_people(reference):
    """With the communes where they are registered, in one statement."""
    if reference:
        people = (Personne.select(Personne, Commune).join(Commune, JOIN.LEFT_OUTER)
                  .where(Personne.procuration == reference.procuration))
        reference.procuration.people = {person.role: person for person in people}
    return reference


def _born(mandant, day):
    """As far as the registry says; what is typed as unknown must be unknown there too."""
    return all(its in (part, "00") for its, part in zip(mandant.birth_date.split("-"), day.split("-")))


def _malformed(typed):
    """What is wrong with it: the officer reads it again with the mandant."""
    plain = references.plain(typed)
    if not plain:
        return NothingTyped()
    impossible = dict.fromkeys(character for character in plain if character not in references.ALPHABET)
    if impossible and len(impossible) <= references.LENGTH:
        return ImpossibleCharacters(found=", ".join(impossible))
    return WrongLength(count=len(plain))


def _check_presentable(reference):
    file = reference.procuration
    ends = reference.kind == resiliation.KIND
    if refusal := _nothing_to_end(file) or resiliation.ended(reference) if ends else _ended(file) or _late(file):
        raise refusal


def _nothing_to_end(procuration):
    if procuration.status not in LIVE:
        last = procedure.last_passage(procuration)
        return ResiliationDone(last) if procuration.status == Status.RESILIEE else NothingToEnd(last)
    return PollOver() if scrutins.has_ended(procuration) else None


def _ended(procuration):
    if procuration.established_at:
        return ReferenceUsed(_establishment(procuration))
    last = procuration.status in (Status.RETIREE, Status.REFUSEE) and procedure.last_passage(procuration)
    return last and _endings(last)(last)


def _endings(passage):
    if passage.act == "refuser":
        return RequestRefused
    return RequestReplaced if passage.reason == "remplacee_par_une_autre" else RequestWithdrawn


def _establishment(procuration):
    return (Passage.select().where(Passage.procuration == procuration, Passage.act == "etablir")
            .order_by(Passage.version.desc()).first())


def _late(procuration):
    if scrutins.has_ended(procuration):
        return PollOver()
    if procuration.status == Status.CADUQUE or procuration.lapses_at <= now():
        return RequestLapsed(by=day(scrutins.last_whole_day(procuration.lapses_at, procuration.commune)))
    return None


def _open(reference, officer, session):
    token, procuration = secrets.token_urlsafe(32), reference.procuration
    subject = " ".join(map(str, (officer.id, session.token_hash, procuration.id, procuration.version, reference.code)))
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


def minutes_left(token):
    """For how long the file stays open, in minutes begun."""
    return minutes(_row(token).expires_at - now())


def minutes(left):
    """A duration in minutes begun: 14 minutes and a second are 15."""
    return max(0, -(-left // MINUTE))


def establish(token, officer, session):
    """Establish the procuration, or the résiliation, that the file was opened for; returns the passage. Raises
    FileClosed, AlreadyDecided, ResiliationEnded, PollOver, Unfit."""
    def act(file):
        if file.reference.kind == resiliation.KIND:
            resiliation.etablir(file.reference, officer)
        else:
            procedure.etablir(file, officer)
    return _act(token, officer, session, act)


def refuse(token, officer, session, reason):
    """Turn down what the file was opened for; returns the passage, None for a résiliation: the procuration did not
    move. Raises FileClosed, AlreadyDecided, ResiliationEnded, ReasonMissing, Unfit."""
    def act(file):
        if file.reference.kind == resiliation.KIND:
            resiliation.refuser(file.reference, officer, reason)
        else:
            procedure.refuser(file, officer, reason)
    return _act(token, officer, session, act)


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
            version = procuration.version
            act(procuration)
            return procedure.last_passage(procuration) if procuration.version > version else None
    except LinkDead:
        return _done_before(token, officer, session)


def _done_before(token, officer, session):
    """The act this token was spent for, None when it was the refusal of a résiliation. Raises FileClosed when there is
    none."""
    row = _row(token)
    if row is None or not row.used_at:
        raise FileClosed()
    file, version, code = _bound(row, officer, session)
    passage = Passage.get_or_none(Passage.procuration == file, Passage.version == version + 1, Passage.agent == officer)
    refused = Reference.select().where(Reference.code == code, Reference.reason.in_(resiliation.REASONS))
    if passage is None and not refused.exists():
        raise FileClosed()
    return passage


def _row(token):
    return SingleUse.get_or_none(SingleUse.hash == digest(token), SingleUse.kind == "file")


def _bound(row, officer, session):
    """The id and version of the file and the reference, for the officer and session that opened it. Raises
    FileClosed."""
    agent, token_hash, file, version, code = row.subject.split()
    if (agent, token_hash) != (str(officer.id), session.token_hash):
        raise FileClosed()
    return int(file), int(version), code


def _file(row, officer, session):
    """The file as it was when it was opened, with its reference. Raises FileClosed, AlreadyDecided,
    ResiliationEnded."""
    _, version, code = _bound(row, officer, session)
    reference = _with_people(references.find(code))
    if reference is None:
        raise FileClosed()
    if reference.procuration.version != version:
        raise AlreadyDecided(procedure.last_passage(reference.procuration))
    if reference.kind == resiliation.KIND and (refusal := resiliation.ended(reference)):
        raise refusal
    return reference.procuration
