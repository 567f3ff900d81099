"""Work in steps: done once however many workers there are, and taken up again where a killed one left it.

`later` asks for some, in the transaction of whoever needs it. `run` does what is due: each step is one transaction that
also moves the job's cursor, under a lease; who lost the lease writes nothing. What there is to do is in `portal.clock`.
"""
import datetime
import logging
import time
from typing import Callable, NamedTuple
from zoneinfo import ZoneInfo

from peewee import DateField

from models import UTC, Job, now
from portal import walls
from portal.database import transaction

LEASE = datetime.timedelta(minutes=2)       # a step takes seconds
PAUSE = datetime.timedelta(minutes=5)       # after a failure
PARIS = ZoneInfo("Europe/Paris")
NIGHT = 4                                   # o'clock there: no clock skips that hour, and Réunion has begun its day
LATE = datetime.timedelta(minutes=15)      # after its hour: no worker is there
TURN = 20                                   # seconds of one job before it lets others go first

log = logging.getLogger("maprocuration.jobs")


class Work(NamedTuple):
    """`step(job)` does some of it, moves `job.cursor`, and returns how many rows it did; 0 ends the job.

    `again(ended_at)` says when it is due next, None for work that is asked for by `later`. `after()` is called once
    the job has ended, outside any transaction.
    """

    step: Callable
    again: Callable | None = None
    after: Callable | None = None


def every(**duration):
    """`again` of work that is due so long after it ended; see datetime.timedelta."""
    return lambda ended_at: ended_at + datetime.timedelta(**duration)


def at_night(ended_at):
    """`again` of work for the hours when few people are there."""
    local = ended_at.astimezone(PARIS)
    night = local.replace(hour=NIGHT, minute=0, second=0, microsecond=0)
    return (night if night > local else night + datetime.timedelta(days=1)).astimezone(UTC)


class Order(NamedTuple):
    """Rows in the order of an index: a column that may be the same for many (a day, an instant), then the key."""

    column: object
    key: object

    def after(self, query, cursor):
        """The rows of `query` that follow the `position` of one, all when it is empty."""
        if cursor:
            value, _, last = cursor.partition("|")
            of = datetime.date if isinstance(self.column, DateField) else datetime.datetime
            value = of.fromisoformat(value)
            query = query.where(self.column >= value, (self.column > value) | (self.key > int(last)))
        return query.order_by(self.column, self.key)

    def position(self, row):
        return f"{getattr(row, self.column.name).isoformat()}|{row.id}"


class LeaseLost(Exception):
    """Another worker has taken the job up: this step is rolled back."""


@walls.whole_country()
def later(name, subject="", total=None):
    """Have the work `name` about `subject` done, from the beginning, even if it was under way."""
    fresh = {"due_at": now(), "lease_until": None, "cursor": "", "done": 0, "total": total, "began_at": None,
             "ended_at": None, "error": None}
    (Job.insert(name=name, subject=str(subject), **fresh)
     .on_conflict(conflict_target=(Job.name, Job.subject), update=fresh).execute())


@walls.whole_country()
def of(name, subject):
    """The job `name` about `subject`, None where none was ever asked for."""
    return Job.get_or_none(Job.name == name, Job.subject == str(subject))


def through(work):
    """Do all of a work that comes again and again, here and now, without its row. Returns how many rows."""
    job, total = Job(cursor=""), 0
    while done := _one_step(work, job):
        total += done
    if work.after:
        work.after()
    return total


def _one_step(work, job):
    with transaction():
        return work.step(job)


def plan(works):
    """A row for each work that comes again and again. Rows already there keep their hour; nothing is written then."""
    wanted = {name for name, work in works.items() if work.again}
    known = {name for name, in Job.select(Job.name).where(Job.name.in_(wanted), Job.subject == "").tuples()}
    if wanted > known:
        rows = [{"name": name, "due_at": now()} for name in sorted(wanted - known)]
        Job.insert_many(rows).on_conflict_ignore().execute()


@walls.whole_country()
def bring_forward(name):
    """What comes again and again is due now, unless it is under way."""
    (Job.update(due_at=now())
     .where(Job.name == name, Job.subject == "", Job.lease_until.is_null() | (Job.lease_until < now())).execute())


def state_of(job, instant):
    """What there is to say of a job at `instant`: failed, late, under_way, planned or ended."""
    if job.error:
        return "failed"
    if job.lease_until and job.lease_until > instant:
        return "under_way"
    if not job.due_at:
        return "ended"
    return "late" if job.due_at < instant - LATE else "planned"


def troubled(instant):
    """Jobs that failed at their last step, or that nobody takes up."""
    free = Job.lease_until.is_null() | (Job.lease_until < instant)
    return Job.select().where(Job.error.is_null(False) | (free & (Job.due_at < instant - LATE)))


def ended_since(name, instant):
    """The jobs of the work `name` that ended at `instant` or later."""
    return list(Job.select().where(Job.name == name, Job.ended_at >= instant).order_by(Job.ended_at))


def run(works, stopping=lambda: False, name=None):
    """Do a step of the job that is due the longest (of `name` only, if given). Returns how many rows it did, at least
    1 when a job ended; 0 when nothing is due."""
    job = _claim(works, name)
    if job is None:
        return 0
    try:
        return _work(job, works[job.name], stopping)
    except LeaseLost:
        return 1
    except Exception as failure:
        _put_off(job, failure)
        raise


def _claim(works, name):
    """Take a lease on a due job; None when there is none, or another worker was faster."""
    free = Job.lease_until.is_null() | (Job.lease_until < now())
    due = Job.select().where(Job.due_at <= now(), free, Job.name.in_([name] if name else list(works)))
    job = due.order_by(Job.due_at).first()
    if job is None:
        return None
    mine = Job.lease_until == job.lease_until if job.lease_until else Job.lease_until.is_null()
    held = {"lease_until": now() + LEASE, **_where_it_goes_on(job)}
    if not Job.update(held).where(Job.id == job.id, Job.due_at == job.due_at, mine).execute():
        return None
    job.__data__.update(held)
    return job


def _where_it_goes_on(job):
    """A job that ended begins anew; one that was killed keeps its count."""
    under_way = job.began_at and not (job.ended_at and job.ended_at >= job.began_at)
    return {} if under_way else {"began_at": now(), "done": 0}


def _work(job, work, stopping):
    """Steps until the end of the job, until `stopping()`, or until others have waited long enough; one at least."""
    total, turn_ends = 0, time.monotonic() + TURN
    while done := _one_step_kept(job, work):
        total += done
        if stopping() or time.monotonic() >= turn_ends:
            _keep(job, job.lease_until, lease_until=None, due_at=now())
            return total
    if work.after:
        work.after()
    return total or 1


def _one_step_kept(job, work):
    """With what the job's row says of it, in one transaction."""
    held = job.lease_until
    with transaction():
        done = work.step(job)
        _keep(job, held, **(_progress(job, done) if done else _end(work)))
    return done


def _progress(job, done):
    return {"cursor": job.cursor, "done": job.done + done, "lease_until": now() + LEASE}


def _end(work):
    ended_at = now()
    return {"cursor": "", "lease_until": None, "ended_at": ended_at, "error": None,
            "due_at": work.again(ended_at) if work.again else None}


def _keep(job, held, **columns):
    """Write `columns` if the lease is still ours."""
    if not Job.update(**columns).where(Job.id == job.id, Job.lease_until == held).execute():
        raise LeaseLost()
    for name, value in columns.items():
        setattr(job, name, value)


def _put_off(job, failure):
    """It goes on from its cursor after a pause. No message of a database is kept: it may quote rows."""
    log.warning("job %s: %s", job.name, type(failure).__name__)
    (Job.update(lease_until=None, due_at=now() + PAUSE, error=type(failure).__name__)
     .where(Job.id == job.id, Job.lease_until == job.lease_until).execute())
