"""Communes where procurations await a decision and nobody was there for two days; and the mail that says so to the
mairie, one a day, in the morning there. Counts only: no name.
"""
import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from peewee import SQL, Case, Value, fn

from models import Agent, Commune, Mail, Procuration, now
from portal import eves, first_doors, jobs, journal, scrutins, walls
from portal.commune_list import ZONES, ZONES_OF_ISLANDS
from portal.database import transaction
from portal.errors import Refused

AWAY = datetime.timedelta(hours=48)
HERE = "Europe/Paris"
EVERYWHERE = sorted({HERE, *ZONES.values(), *ZONES_OF_ISLANDS.values()})
COMMUNES = 500                  # looked at in one transaction
MORNING, NOON = 8, 12           # o'clock there
REMINDER = "rappel_mairie"      # the mail
COUNT, OLDEST, UNTIL = fn.COUNT(Procuration.id), fn.MIN(Procuration.established_at), fn.MIN(Procuration.valid_until)


class NothingToDecide(Refused):
    """Nothing awaits a decision of the mairie."""

    status = 409


class ReminderSent(Refused):
    """One a day: the mairie was reminded today."""

    status = 409


class Silence(NamedTuple):
    """`waiting` files await `commune`, the oldest since the instant `oldest`; the first of them covers no day after
    `until`. `seen_at`: when somebody of the town hall was there last. `invited_at`: when the mairie was invited."""

    commune: Commune
    waiting: int
    oldest: datetime.datetime
    until: datetime.date
    seen_at: datetime.datetime | None
    invited_at: datetime.datetime | None


# --- What waits -----------------------------------------------------------------------------------------------------

def undecided():
    """The condition that a file awaits a decision which may still be taken in its Commune, which is to be joined. The
    state is written out: an index of these files alone serves no other way."""
    days = {}
    for zone in EVERYWHERE:
        days.setdefault(now().astimezone(ZoneInfo(zone)).date(), []).append(zone)
    today = now().astimezone(ZoneInfo(HERE)).date()
    elsewhere = [(Commune.zone.in_(zones), day) for day, zones in days.items() if day != today]
    return ((Procuration.status == SQL("'etablie'"))
            & (Procuration.valid_until >= (Case(None, elsewhere, today) if elsewhere else today)))


def _by_commune(*conditions):
    """Rows (code, how many files await, the instant since when, the first of their last days)."""
    return (Procuration.select(Procuration.commune, COUNT, OLDEST, UNTIL).join(Commune)
            .where(undecided(), *conditions).group_by(Procuration.commune))


def waiting(communes):
    """{code: (how many files await, the instant since when)}."""
    rows = _by_commune(Procuration.commune.in_([commune.code for commune in communes])).tuples() if communes else ()
    return {code: (count, oldest) for code, count, oldest, _ in rows}


# --- Nobody there ---------------------------------------------------------------------------------------------------

def silent():
    """The communes nobody answers for, as a query to count."""
    some = Procuration.select(Value(1)).where(Procuration.commune == Commune.code, undecided())
    return Commune.select().where(fn.EXISTS(some), ~fn.EXISTS(_there()))


def _there():
    return Agent.select(Value(1)).where(Agent.commune == Commune.code, Agent.suspended_at.is_null(),
                                        Agent.seen_at >= now() - AWAY)


def _ranked():
    """Those whose poll is nearest first, then those with most to decide."""
    return _by_commune(~fn.EXISTS(_there())).order_by(UNTIL, COUNT.desc(), Procuration.commune)


def page(size, offset=0):
    """Some of them in that order: [Silence]. Four statements."""
    return _told(_ranked().limit(size).offset(offset))


def codes():
    """All of them in that order: there may be more than a statement can name."""
    return [code for code, *_ in _ranked().tuples()]


def some(codes):
    """[Silence] of `codes`, in their order."""
    return sorted(_told(_by_commune(Procuration.commune.in_(codes))), key=lambda one: codes.index(one.commune.code))


def _told(rows):
    """With the communes, when somebody was there last and when the mairie was invited."""
    rows = list(rows.tuples())
    codes = [code for code, *_ in rows]
    communes = {commune.code: commune for commune in Commune.select().where(Commune.code.in_(codes))}
    seen = dict(Agent.select(Agent.commune, fn.MAX(Agent.seen_at)).where(Agent.commune.in_(codes))
                .group_by(Agent.commune).tuples())
    invited = first_doors.invited(codes)
    return [Silence(communes[code], *counts, seen.get(code), invited.get(code)) for code, *counts in rows]


# --- The mail of the morning ----------------------------------------------------------------------------------------

def remind(job):
    """A batch of the mairies where it is morning: those that have something to decide are told, once a day."""
    zones = [zone for zone in EVERYWHERE if MORNING <= now().astimezone(ZoneInfo(zone)).hour < NOON]
    communes = _next(job.cursor, zones) if zones else []
    if communes:
        job.cursor = communes[-1].code
        tours = scrutins.upcoming()
        _remind([commune for commune in communes if commune.unreminded_at is None and commune.email
                 and not any(eves.eve_has_come(tour, commune, now()) for tour in tours)], tours)
    return len(communes)


def _next(code, zones):
    return list(Commune.select().where(Commune.code > code, Commune.zone.in_(zones)).order_by(Commune.code)
                .limit(COMMUNES))


def _remind(communes, tours):
    """Those that were not told today. Returns how many are."""
    keys = {_key(commune): commune for commune in communes}
    told = {key for key, in Mail.select(Mail.key).where(Mail.key.in_(list(keys))).tuples()} if keys else ()
    fresh = {commune.code: (key, commune) for key, commune in keys.items() if key not in told}
    counts = waiting([commune for _, commune in fresh.values()])
    mails = [{"key": fresh[code][0], "name": REMINDER, "recipient": fresh[code][1].email,
              "context": _facts(fresh[code][1], *found, tours)} for code, found in counts.items()]
    if mails:
        Mail.insert_many(mails).execute()
    return len(mails)


def _key(commune):
    return f"rappel:{commune.code}:{scrutins.today(commune).isoformat()}:mairie"


def _facts(commune, count, oldest, tours):
    polls = scrutins.still_to_vote([tour for tour in tours if tour.scrutin.territory in commune.territories], commune)
    return {"commune": commune.label, "count": count, "oldest": scrutins.local_day(oldest, commune).isoformat(),
            "vote": min((scrutins.day_of(tour, commune).isoformat() for tour in polls), default=None)}


def remind_now(actor, commune):
    """The ministry has the mairie told today. Raises MairieWithoutAddress, NothingToDecide, ReminderSent."""
    if not commune.email:
        raise first_doors.MairieWithoutAddress()
    with transaction():
        if Mail.select().where(Mail.key == _key(commune)).exists():
            raise ReminderSent()
        if not _remind([commune], scrutins.upcoming()):
            raise NothingToDecide()
        journal.record(actor, "relancer_mairie", "commune", commune.code)


@walls.whole_country()
def want_reminders(manager, wanted):
    """The manager of a commune wants the mail of the morning there, or none any more."""
    with transaction():
        Commune.update(unreminded_at=None if wanted else now()).where(Commune.code == manager.commune_id).execute()
        journal.record(manager, "regler_rappels", "commune", manager.commune_id)


WORK = jobs.Work(remind, jobs.every(hours=1))
