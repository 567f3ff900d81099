"""How often an officer may look a reference up, and what befalls who guesses (design 8).

A look-up is counted as a miss before it is answered, and given back once it named a file: asked at the same instant by
any number of workers, no more are answered than the limits say, and whoever is killed in between has missed.
"""
from models import Agent, Mail, Role, now
from portal import journal, limits
from portal.database import transaction
from portal.errors import Refused
from portal.limits import DAY, HOUR, Limit, TooOften
from portal.procedure import CLOCK

OFTEN = Limit("look-ups", 10, 60), Limit("look-ups-day", 300, DAY)
GUESSES = Limit("guesses", 3, 900)                      # within 15 minutes; then the birth date is asked as well
MISSES = Limit("misses", 20, DAY)                       # then no look-up is answered
OF_THE_COUNTRY = Limit("misses-country", 200, HOUR)
FEW = 5                                                 # misses left: the officer is told
SUSPENDED, MANY = "recherche_suspendue", "recherches_vaines"    # events, and the mails to the ministry


class LookUpSuspended(Refused):
    """Too many references that name no file: the ministry lifts it."""

    status = 403


class TooManyLookUps(TooOften):
    """More than OFTEN allows."""


class NotSuspended(Refused):
    """There is nothing to lift."""

    status = 409


class BirthDateAsked(Refused):
    """After some misses the reference alone is no longer enough."""


def suspension(officer):
    """LookUpSuspended, None for who may look up."""
    return LookUpSuspended() if officer.look_up_suspended_at else None


def check(officer):
    """Raises LookUpSuspended."""
    if refusal := suspension(officer):
        raise refusal


def asks_birth_date(officer):
    return limits.times(GUESSES, officer.id) >= GUESSES.most


def spend(officer):
    """Count one that cannot name a file. Raises TooManyLookUps."""
    often = _of(officer, *OFTEN)
    _check_often(often, limits.count(*often))


def _check_often(often, counted):
    try:
        limits.check(often, counted)
    except TooOften as error:
        raise TooManyLookUps(error.retry_after) from error


def spend_guess(officer, birth_date):
    """Count one that may, before it is answered; `birth_date` is what was typed beside it, or None. Raises
    TooManyLookUps, BirthDateAsked, LookUpSuspended. Returns how many misses this day allows if it is one."""
    often, misses = _of(officer, *OFTEN), _of(officer, GUESSES, MISSES)
    *counted, lately, today = limits.count(*often, *misses)
    try:
        _check_often(often, counted)
        if lately.times > GUESSES.most and not birth_date:
            raise BirthDateAsked()
    except (TooOften, BirthDateAsked):
        limits.give_back(*misses)       # it is not answered
        raise
    if today.times > MISSES.most:
        suspend(officer)
        raise LookUpSuspended()
    return MISSES.most - today.times


def found(officer):
    """It named a file: it was no miss."""
    limits.give_back(*_of(officer, GUESSES, MISSES))


def missed(officer, left):
    """It named none, and `left` more may."""
    stands, = limits.count((OF_THE_COUNTRY, "all"))
    if stands.times == OF_THE_COUNTRY.most + 1:         # once an hour, whoever comes after
        _alert(CLOCK, MANY, now(), {"count": OF_THE_COUNTRY.most})
    if left <= 0:
        suspend(officer)


def _of(officer, *some):
    return [(limit, officer.id) for limit in some]


# --- Suspended ------------------------------------------------------------------------------------------------------

def suspend(officer):
    """No more look-ups, until the ministry lifts it; whoever finds it out first says so, once."""
    officer.look_up_suspended_at = at = now()
    with transaction():
        if (Agent.update(look_up_suspended_at=at)
                .where(Agent.id == officer.id, Agent.look_up_suspended_at.is_null()).execute()):
            _alert(officer, SUSPENDED, at, {"officer": officer.id, "name": officer.name, "unit": officer.unit,
                                            "place": officer.place, "count": MISSES.most})


def lift(actor, officer):
    """The ministry lets the officer look up again, as if nothing had been missed. Raises NotSuspended."""
    with transaction():
        if not (Agent.update(look_up_suspended_at=None)
                .where(Agent.id == officer.id, Agent.look_up_suspended_at.is_null(False)).execute()):
            raise NotSuspended()
        journal.record(actor, "recherche_retablie", "agent", officer.id)
        limits.forgive(*_of(officer, GUESSES, MISSES))


def _alert(actor, name, at, facts):
    """An event, and a mail to each account of the ministry: it names no voter."""
    with transaction():
        journal.record(actor, name, "agent", *filter(None, [actor.id]))
        for account in Agent.select().where(Agent.role == Role.MINISTRY, Agent.suspended_at.is_null()):
            Mail.create(key=f"{name}:{actor.id or ''}:{at:%Y%m%dT%H%M%S}:{account.id}", name=name,
                        recipient=account.email, context={"at": at.isoformat(), **facts})
