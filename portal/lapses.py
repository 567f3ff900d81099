"""Requests that nobody presents: their mandants are warned, then they are caduques (design 4).

A warning leaves at eight in the morning of the town hall's own clock: 14 and 3 days before the last day on which the
request may be presented, and 3 days before each poll it asks for. A day brings one warning at most, the poll's first.
"""
import datetime
from contextlib import suppress
from typing import NamedTuple

from peewee import prefetch

from models import Commune, Mail, Personne, Procuration, Status, TourVise, now
from portal import jobs, mail, procedure, scrutins
from portal.database import free_rows
from portal.errors import AlreadyDecided

BATCH = 100                                     # requests that lapse in one transaction
READ = 500                                      # requests looked at in one transaction
DAYS_BEFORE = (14, 3)                           # the last day to present it
DAYS_BEFORE_A_POLL = 3
DAYS_OPEN = 3                                   # a warning that could not leave by then is left out
MORNING = 8                                     # o'clock
IN_ORDER = jobs.Order(Procuration.lapses_at, Procuration.id)


# --- Lapse ----------------------------------------------------------------------------------------------------------

def lapse(job):
    """A batch of the requests whose time is over. Those somebody holds in this instant are for the next time."""
    overdue = (Procuration.select(Procuration.id)
               .where(Procuration.status == Status.DEPOSEE, Procuration.lapses_at <= now())
               .order_by(Procuration.lapses_at, Procuration.id).limit(BATCH))
    files = _with_people([row.id for row in free_rows(overdue)])
    for file in files:
        with suppress(AlreadyDecided):
            procedure.perimer(file)
    return len(files)


def _with_people(ids):
    files = Procuration.select(Procuration, Commune).join(Commune).where(Procuration.id.in_(ids))
    return prefetch(files.order_by(Procuration.id), Personne.select()) if ids else []


# --- Warnings -------------------------------------------------------------------------------------------------------

class Warning(NamedTuple):
    """`kind` is said once a file; `tour` is the poll it is about, None for the time to present the request."""

    kind: str
    day: datetime.date      # local, on which it leaves
    tour: object = None


def warn(job):
    """Look at a batch of the requests that wait, in the order of their end, and warn whom it is time to warn."""
    files = _waiting(job.cursor)
    due = {file.id: warning for file, tours in zip(files, _tours_asked(files))
           if (warning := warning_due(file, tours, now()))}
    for file in _with_people(_free(due.keys() - _warned(due))):
        _queue(file, due[file.id])
    if files:
        job.cursor = IN_ORDER.position(files[-1])
    return len(files)


def warning_due(file, tours, at):
    """The warning to give to the mandant of a request at the instant `at`, None outside its hours.

    The latest one wins, and the poll's on the same day; what was due before the request was filed is not said.
    """
    reached = [warning for warning in _warnings(file, tours) if _is_open(warning, file.commune, at)]
    latest = max(reached, key=lambda warning: warning.day, default=None)
    return latest if latest and _morning(latest.day, file.commune) > file.filed_at else None


def _warnings(file, tours):
    """All of a request, the polls' first."""
    last_day = scrutins.last_whole_day(file.lapses_at, file.commune)
    for tour in tours:
        if day := scrutins.day_of(tour, file.commune):
            yield Warning(f"tour-{tour.id}", day - datetime.timedelta(DAYS_BEFORE_A_POLL), tour)
    for days in DAYS_BEFORE:
        yield Warning(f"delai-{days}", last_day - datetime.timedelta(days))


def _is_open(warning, commune, at):
    ends = warning.day + datetime.timedelta(DAYS_OPEN)
    return _morning(warning.day, commune) <= at < _morning(ends, commune)


def _morning(day, commune):
    return scrutins.hour_of(day, MORNING, commune)


def _waiting(cursor):
    """The requests after `cursor` whose mandant can be told: no address, or one not confirmed, cannot."""
    rows = (Procuration.select(Procuration, Commune).join(Commune)
            .where(Procuration.status == Status.DEPOSEE, Procuration.lapses_at > now(),
                   Procuration.email_confirmed_at.is_null(False)))
    return list(IN_ORDER.after(rows, cursor).limit(READ))


def _tours_asked(files):
    """The polls to come of each file: those it names, or those of its period. Three statements."""
    known, named = scrutins.upcoming(), {}
    for file, tour in TourVise.select(TourVise.procuration, TourVise.tour).where(
            TourVise.procuration.in_([file.id for file in files])).tuples():
        named.setdefault(file, set()).add(tour)
    for file in files:
        if file.scrutin_id:
            yield [tour for tour in known if tour.id in named.get(file.id, ())]
        else:
            yield scrutins.voted_in(known, file.commune, scrutins.today(file.commune), file.valid_until)


def _warned(due):
    """Ids of the files of `due` that had this very warning."""
    keys = {_key(file, warning): file for file, warning in due.items()}
    return {keys[key] for key, in Mail.select(Mail.key).where(Mail.key.in_(list(keys))).tuples()} if keys else set()


def _key(file, warning):
    return f"avertissement:{file}:{warning.kind}:mandant"


def _free(ids):
    """Of `ids`, the requests that still wait and that nobody holds in this instant."""
    rows = Procuration.select(Procuration.id).where(Procuration.id.in_(ids), Procuration.status == Status.DEPOSEE)
    return [row.id for row in free_rows(rows.order_by(Procuration.id))] if ids else []


def _queue(file, warning):
    vote = warning.tour and scrutins.day_of(warning.tour, file.commune).isoformat()
    mail.queue(file, _key(file.id, warning), "avertissement", {**mail.preview(file, "deposer"), "vote": vote})


LAPSE = jobs.Work(lapse, jobs.every(minutes=5))
WARN = jobs.Work(warn, jobs.every(hours=1))
