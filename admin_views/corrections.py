"""What a correction changed, in words: the columns that `portal.procedure.corrections` names."""
import datetime

from flask_babel import gettext

from admin_views.base import words
from models import Commune, Scrutin, Tour
from portal import scrutins
from portal.catalogue import day, instant

UNSAID = ("scrutin", "timed")               # said by the tours, by the instant


def in_words(changes, commune):
    """[(label, before, after)] of {column: [before, after]}, on the clock of `commune`. Texts; None where nothing was.
    """
    names = {column: column.rpartition(".")[2] for column in changes or ()}
    return [(gettext(f"change.{column}"), *(_said(names[column], value, commune) for value in values))
            for column, values in sorted((changes or {}).items()) if names[column] not in UNSAID]


def _said(name, value, commune):
    if name == "key":       # the number of the file that `procedure.distinguer` told apart
        return gettext("change.apart" if value else "change.alike")
    if value in (None, "", []):
        return None
    return SAYS[name](value, commune) if name in SAYS else str(value)


def _instant(value, commune):
    """An act without an hour stands at the last instant of its day: hours are typed without seconds."""
    at = datetime.datetime.fromisoformat(value)
    return day(scrutins.local_day(at, commune)) if at.second else instant(at, commune.zone)


def _tours(value, commune):
    known = Tour.select(Tour, Scrutin).join(Scrutin).where(Tour.id.in_(value)).order_by(Tour.day)
    return ", ".join(f"{tour.scrutin.name}, {words('TOURS')[tour.number]}" for tour in known)


def _commune(value, commune):
    return Commune.get_by_id(value).label


def _birth_date(value, commune):
    year, month, number = value.split("-")
    return day(value) if "00" not in (month, number) else f"{number}/{month}/{year}"


def _yes(value, commune):
    return gettext("yes" if value else "no")


SAYS = {
    "established_at": _instant, "valid_until": lambda value, *more: day(value), "tours": _tours, "commune": _commune,
    "birth_date": _birth_date, "sex": lambda value, *more: words("SEXES")[value], "abroad": _yes,
}
