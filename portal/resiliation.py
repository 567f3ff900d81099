"""A résiliation asked online and presented in person, as the procuration itself was (L. 75, R. 78).

The request is a reference of kind "resilier" of a procuration that lives; no state is kept. It ends with the
procuration, on the last day covered, after `law.life_of_a_request()`, when the mandant gives it up or when an officer
refuses it: the procuration holds until the résiliation is established, which is `portal.procedure.resilier`.
"""
from models import LIVE, TRANSITIONS, Commune, Procuration, Reference, now
from portal import journal, law, mail, procedure, references, scrutins, separation
from portal.catalogue import day, instant
from portal.database import hold, transaction
from portal.errors import AlreadyDecided, NotYours, PollOver, ReasonMissing, Refused

KIND = "resilier"
ASKED, REFUSED = "resiliation_demandee", "resiliation_refusee"      # its mails
GIVEN_UP, LAPSED = "choix_du_mandant", "caduque"                    # why it ended, beside the reasons of a refusal
REASONS = TRANSITIONS["refuser"].reasons


class ResiliationEnded(Refused):
    """It can be presented no more, while the procuration lives on; `at` in words."""

    status = 409


class ResiliationGivenUp(ResiliationEnded):
    """The mandant keeps the procuration."""


class ResiliationRefused(ResiliationEnded):
    """An officer did not establish it."""


class ResiliationLapsed(ResiliationEnded):
    """Nobody presented it by the day `by`, in words."""


# --- What is asked --------------------------------------------------------------------------------------------------

def ends_at(reference):
    """The instant from which it can be presented no more."""
    file = reference.procuration
    return min(reference.drawn_at + law.life_of_a_request(), scrutins.end_of(file.valid_until, file.commune))


def present_by(reference):
    """The last whole local day to present it."""
    return scrutins.last_whole_day(ends_at(reference), reference.procuration.commune)


def waits(reference):
    """Can it be presented today?"""
    return (reference.used_at is None and reference.ended_at is None and reference.procuration.status in LIVE
            and now() < ends_at(reference))


def awaited(procuration):
    """The reference of the résiliation that waits for its mandant, None where none does."""
    latest = _drawn(procuration).order_by(Reference.drawn_at.desc()).first()
    return latest if latest and waits(latest) else None


def _drawn(procuration):
    return (Reference.select(Reference, Procuration, Commune).join(Procuration).join(Commune)
            .where(Reference.procuration == procuration, Reference.kind == KIND))


def facts(reference):
    """What its mail and its sheet say."""
    return {**mail.preview(reference.procuration, KIND), **_named(reference)}


def facts_of_a_refusal(reference, reason):
    """What the mail of `refuser` says."""
    return {**mail.preview(reference.procuration, mail.NOTICES[REFUSED], reason), **_named(reference)}


def _named(reference):
    return {"reference": reference.shown, "present_by": present_by(reference).isoformat()}


# --- The voter ------------------------------------------------------------------------------------------------------

def demander(procuration, voter):
    """Ask for it; asked again, the same reference as long as it waits. Raises NotYours, AlreadyDecided when the
    procuration lives no more, PollOver after its last day."""
    with transaction():
        hold(_lock(procuration))
        current = _live(procuration, voter)
        return awaited(current) or _ask(current, voter)


def _live(procuration, voter):
    current = Procuration.select(Procuration, Commune).join(Commune).where(Procuration.id == procuration.id).get()
    if current.voter_id != voter.id:
        raise NotYours()
    if current.status not in LIVE:
        raise AlreadyDecided(procedure.last_passage(current))
    if scrutins.has_ended(current):
        raise PollOver()
    return current


def _ask(procuration, voter):
    _end(Reference.procuration == procuration, reason=LAPSED)
    occasion = _drawn(procuration).count()
    reference = references.draw(procuration, KIND)
    journal.record(voter, "demander_resiliation", "procuration", procuration.id)
    _tell(ASKED, reference, occasion, facts(reference))
    return reference


def _tell(name, reference, occasion, said):
    """A mail. Who has no address sees it on the page, or hears it at the counter: no letter is due."""
    if reference.procuration.email:
        mail.queue(reference.procuration, f"{name}:{reference.procuration_id}:{occasion}:mandant", name, said)


def renoncer(procuration, voter):
    """The mandant keeps the procuration: what waits ends. Nothing happens where nothing waits."""
    if procuration.voter_id != voter.id:
        raise NotYours()
    with transaction():
        hold(_lock(procuration))
        reference = awaited(procuration)
        if reference and _end(Reference.code == reference.code, reason=GIVEN_UP):
            journal.record(voter, "garder_procuration", "procuration", procuration.id)


# --- The officer ----------------------------------------------------------------------------------------------------

def ended(reference):
    """Why it can be presented no more while the procuration lives: a ResiliationEnded, None when it can."""
    if reference.ended_at and reference.reason != LAPSED:
        refusal = ResiliationGivenUp if reference.reason == GIVEN_UP else ResiliationRefused
        return refusal(at=instant(reference.ended_at))
    lapsed = reference.ended_at or ends_at(reference) <= now()
    return ResiliationLapsed(by=day(present_by(reference))) if lapsed else None


def etablir(reference, officer):
    """The officer establishes it: the procuration ends. Raises ResiliationEnded, AlreadyDecided."""
    with transaction():
        _hold_awaited(reference)
        procedure.resilier(reference.procuration, officer)


def refuser(reference, officer, reason):
    """The officer does not establish it, for one of REASONS: the procuration stays as it is. Raises ReasonMissing,
    ResiliationEnded."""
    if reason not in REASONS:
        raise ReasonMissing()
    procuration = reference.procuration
    separation.check(procuration, officer)
    with transaction():
        _hold_awaited(reference)
        _end(Reference.code == reference.code, reason=reason)
        journal.record(officer, "refuser_resiliation", "procuration", procuration.id)
        _tell(REFUSED, reference, _drawn(procuration).count(), facts_of_a_refusal(reference, reason))


def _hold_awaited(reference):
    """Nobody gives it up before the transaction ends."""
    hold(_lock(reference.procuration))
    current = references.find(reference.code)
    if current and (refusal := ended(current)):
        raise refusal


def _lock(procuration):
    return f"resilier|{procuration.id}"


def _end(which, reason):
    return (Reference.update(ended_at=now(), reason=reason)
            .where(which, Reference.kind == KIND, Reference.used_at.is_null(), Reference.ended_at.is_null()).execute())
