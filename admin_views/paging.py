"""Pages by position: no OFFSET and no COUNT, so that the millionth row costs what the first does.

A cursor is the position of a row in the order of the page: instants, numbers and codes, never the name of a person.
"""
import datetime
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from peewee import SQL, IntegerField, Tuple
from werkzeug.exceptions import BadRequest

from models import UtcDateTimeField

LONGEST_CURSOR = 200    # characters
MOST_COUNTED = 1000     # rows: beyond, the exact number is of no use
GREATEST = 2 ** 63      # of the engines' integers


class Page(NamedTuple):
    """Rows in order, and the cursors of the pages around them (None where there is none)."""

    rows: list
    previous: str | None
    next: str | None


def page(query, keyset, size, *, newest_first=False, after=None, before=None):
    """The page of `size` rows after or before a cursor. `keyset` is a tuple of fields, the last one unique.

    Raises BadRequest for a cursor that is none.
    """
    backwards, position = before is not None, before if before is not None else after
    descending = newest_first != backwards
    query = ordered(query, keyset, descending)
    if position is not None:
        query = query.where(beyond(keyset, read(position, keyset), descending))
    rows = list(query.limit(size + 1))
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    return _page(rows, keyset, earlier=more if backwards else position is not None,
                 later=backwards or more)


def _page(rows, keyset, earlier, later):
    if not rows:
        return Page(rows, None, None)
    return Page(rows, cursor(rows[0], keyset) if earlier else None, cursor(rows[-1], keyset) if later else None)


def count(query, most):
    """How many rows, `most` + 1 where there are more: the millionth is not looked at."""
    return query.select(SQL("1")).limit(most + 1).count()


def ordered(query, keyset, descending=False):
    return query.order_by(*(field.desc() if descending else field.asc() for field in keyset))


def beyond(keyset, values, descending=False):
    """The condition that a row comes after the one whose keyset has `values`."""
    here, there = Tuple(*keyset), Tuple(*(field.db_value(value) for field, value in zip(keyset, values)))
    return here < there if descending else here > there


def cursor(row, keyset):
    position = [field.db_value(getattr(row, field.name)) for field in keyset]
    return urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def read(text, keyset):
    """The values of a cursor. Raises BadRequest."""
    try:
        values = json.loads(urlsafe_b64decode(text[:LONGEST_CURSOR] + "==="))
        return [_value(field, value) for field, value in zip(keyset, values, strict=True)]
    except (ValueError, TypeError, RecursionError) as error:
        raise BadRequest() from error


def _value(field, value):
    if isinstance(field, IntegerField):
        if type(value) is int and abs(value) < GREATEST:
            return value
    elif isinstance(value, str) and value.isprintable():
        return field.python_value(_instant(value)) if isinstance(field, UtcDateTimeField) else value
    raise ValueError("not a position")


def _instant(text):
    instant = datetime.datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant without a time zone")
    return instant
