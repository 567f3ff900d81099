"""How often something may be asked (design 8), counted by all workers together.

The limits of one request are one statement of its own, before any business transaction: a rollback forgives nothing.
"""
import math
from datetime import timedelta
from typing import NamedTuple

from peewee import EXCLUDED, Case

from models import Hit, now
from portal import sealed
from portal.errors import Refused


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
    keys = [_key(limit, subject) for limit, subject in asked]
    at = now()
    rows = [{"key": key, "count": 1, "until": at + timedelta(seconds=limit.seconds)}
            for key, (limit, _) in sorted(zip(keys, asked))]        # sorted: two at once wait in no circle
    over = Hit.until <= at
    upsert = Hit.insert_many(rows).on_conflict(
        conflict_target=[Hit.key],
        update={Hit.count: Case(None, ((over, 1),), Hit.count + 1),
                Hit.until: Case(None, ((over, EXCLUDED.until),), Hit.until)})
    found = {row.key: row for row in upsert.returning(Hit.key, Hit.count, Hit.until).execute()}
    return [Counted(found[key].count, math.ceil((found[key].until - at).total_seconds())) for key in keys]


def spend(*asked):
    """The same. Raises TooOften where one of the limits is passed."""
    waits = [stands.left for (limit, _), stands in zip(asked, count(*asked)) if stands.times > limit.most]
    if waits:
        raise TooOften(max(waits))


def _key(limit, subject):
    """Addresses and accounts are people's: the table keeps an HMAC."""
    return sealed.derived("limit", f"{limit.name}|{subject}")
