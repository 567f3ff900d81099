"""How often something may be asked (design 8), counted by all workers together.

The limits of one request are one statement of its own, before any business transaction: a rollback forgives nothing.
"""
import math
from datetime import timedelta
from typing import NamedTuple

from peewee import EXCLUDED, Case, fn

from models import Hit, now
from portal import sealed
from portal.database import on_postgresql
from portal.errors import Refused

BATCH = 500                 # rows deleted at once
HOUR, DAY = 3600, 86_400    # seconds


class TooOften(Refused):
    """Asked too often; `retry_after` in seconds."""

    status = 429

    def __init__(self, retry_after):
        super().__init__(seconds=retry_after)
        self.retry_after = retry_after


class Limit(NamedTuple):
    """At most `most` times within `seconds`, from the first one on."""

    name: str
    most: int
    seconds: int


class Counted(NamedTuple):
    """Where a limit stands: times within its window, this one included, and seconds until the window ends."""

    times: int
    left: int


def count(*asked):
    """Count each (limit, subject) once more, in one statement. Returns what stands for each, in their order."""
    return _move(asked, 1)


def spend(*asked):
    """The same. Raises TooOften where one of the limits is passed."""
    check(asked, count(*asked))


def check(asked, counted):
    """Raises TooOften where one of the limits is passed."""
    waits = [stands.left for (limit, _), stands in zip(asked, counted) if stands.times > limit.most]
    if waits:
        raise TooOften(max(waits))


def give_back(*asked):
    """What was counted before it was known turned out to be none: once less of each."""
    _move(asked, -1)


def times(limit, subject):
    """How often it was asked within the window under way. Reads only."""
    row = Hit.get_or_none(Hit.key == _key(limit, subject), Hit.until > now())
    return row.count if row else 0


def forgive(*asked):
    """Each (limit, subject) begins anew."""
    Hit.delete().where(Hit.key.in_([_key(limit, subject) for limit, subject in asked])).execute()


def _move(asked, step):
    keys = [_key(limit, subject) for limit, subject in asked]
    at = now()
    rows = [{"key": key, "count": max(step, 0), "until": at + timedelta(seconds=limit.seconds)}
            for key, (limit, _) in sorted(zip(keys, asked))]        # sorted: two at once wait in no circle
    over = Hit.until <= at
    upsert = Hit.insert_many(rows).on_conflict(
        conflict_target=[Hit.key],
        update={Hit.count: Case(None, ((over, EXCLUDED.count),), Hit.count + step),
                Hit.until: Case(None, ((over, EXCLUDED.until),), Hit.until)})
    found = {key: Counted(times, math.ceil((until - at).total_seconds()))
             for key, times, until, *_ in upsert.returning(Hit.key, Hit.count, Hit.until, *_in_haste()).tuples()}
    return [found[key] for key in keys]


def _in_haste():
    """PostgreSQL need not wait for the disk: a server that falls forgets half a second of counts, no more."""
    return [fn.set_config("synchronous_commit", "off", True)] if on_postgresql() else []


def _key(limit, subject):
    """Addresses and accounts are people's: the table keeps an HMAC."""
    return sealed.derived("limit", f"{limit.name}|{subject}")


# --- What is over ---------------------------------------------------------------------------------------------------

def forget_ended():
    """Delete a batch of the counts whose window ended, unless it begins anew meanwhile. Returns how many."""
    return Hit.delete().where(Hit.key.in_(_ended().limit(BATCH)), Hit.until <= now()).execute()


def ended():
    """How many of them there are."""
    return _ended().count()


def _ended():
    return Hit.select(Hit.key).where(Hit.until <= now())
