"""The journal: traces for the CNIL (délibération 2021-122), append-only, sealed into a chain.

`record` inserts an event with its own HMAC and no lock; `seal`, run by the worker a few times a second, numbers and
chains what is committed; `verify` names the first event that was changed, removed or reordered. `forget` erases whole
months, each after a row of `JournalMonth` that stands for it in the chain.
"""
import hashlib
import hmac
import itertools

from dateutil.relativedelta import relativedelta

from models import Event, JournalMonth, now
from portal import jobs, law, settings
from portal.database import hold, transaction

GENESIS = "0" * 64
BATCH = 500     # events sealed in one transaction
RUN = 5000      # events read at a time
MONTH = relativedelta(months=1)


class JournalBroken(Exception):
    """The chain does not hold: nothing of it is erased, it is evidence."""


def record(actor, act, subject, *ids):
    """Insert the trace of one act of `actor` on rows `ids` of the table `subject`."""
    event = Event(at=now(), act=act, role=str(actor.role), actor=getattr(actor, "id", None),
                  commune=getattr(actor, "commune_id", None), subject=subject, subjects=" ".join(map(str, ids)))
    event.mac = _mac(event)
    event.save(force_insert=True)


def _mac(event):
    return _hmac("|".join((event.at.isoformat(timespec="microseconds"), event.act, event.role, str(event.actor),
                           event.commune or "", event.subject, event.subjects)))


def _hmac(text):
    return hmac.new(settings.active().journal_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _link(prev, seq, event):
    return _hmac(f"{prev}|{seq}|{event.mac}")


def seal(batch=BATCH):
    """Chain at most `batch` committed events, oldest first. Returns how many."""
    if not Event.select().where(Event.seq.is_null()).exists():
        return 0  # without the write lock, which SQLite gives to one at a time
    with transaction():
        hold("journal")
        events = list(Event.select().where(Event.seq.is_null()).order_by(Event.id).limit(batch))
        if events:
            seq, prev = _head()
            for event in events:
                seq, prev = _seal_one(event, seq + 1, prev)
    return len(events)


def _head():
    last = Event.select(Event.seq, Event.hash).where(Event.seq.is_null(False)).order_by(Event.seq.desc()).first()
    return (last.seq, last.hash) if last else _end_of(_last_month())


def _seal_one(event, seq, prev):
    digest = _link(prev, seq, event)
    Event.update(seq=seq, prev=prev, hash=digest).where(Event.id == event.id).execute()
    return seq, digest


def verify():
    """The `seq` of the first bad event, or None. Unsealed events are checked against their own HMAC: bad gives 0. Where
    months were erased, their rows are checked first, then the chain from the last one on."""
    months = list(JournalMonth.select().order_by(JournalMonth.last_seq))
    bad = _first_bad_month(months) or _first_bad_event(months[-1] if months else None)
    if bad:
        return bad
    loose = Event.select().where(Event.seq.is_null()).iterator()
    return 0 if any(event.mac != _mac(event) for event in loose) else None


def _first_bad_month(months):
    """The first `seq` of the first month that was changed, forged or left out; None when all are whole."""
    seq, before = 0, GENESIS
    for month in months:
        if month.first_seq != seq + 1 or month.mac != _month_mac(month, before):
            return month.first_seq
        seq, before = month.last_seq, month.mac


def _first_bad_event(month):
    """From the first event that is left: the erasure of `month`, the last one, may be under way."""
    events = _sealed()
    first = next(events, None)
    if first is None:
        return None
    covered, seal_of_month = _end_of(month)
    seq, prev = (first.seq - 1, first.prev) if 0 < first.seq <= covered else (covered, seal_of_month)
    for event in itertools.chain([first], events):
        seq += 1
        if not _follows(event, seq, prev) or (seq == covered and event.hash != seal_of_month):
            return seq
        prev = event.hash
    return seq + 1 if seq < covered else None


def _end_of(month):
    return (month.last_seq, month.last_hash) if month else (0, GENESIS)


def _follows(event, seq, prev):
    return (event.seq == seq and event.prev == prev and event.mac == _mac(event)
            and event.hash == _link(prev, seq, event))


def _sealed():
    """The sealed events in order, read by runs: a year of them would outlast a statement and fill the memory."""
    rows = Event.select().where(Event.seq.is_null(False)).order_by(Event.seq).limit(RUN)
    run = list(rows)
    while run:
        yield from run
        run = list(rows.where(Event.seq > run[-1].seq))


# --- Months that are erased -----------------------------------------------------------------------------------------

def forget(job):
    """The oldest month of the journal, once it is a retention old: its events are verified, its row is written, they
    go. Raises JournalBroken and erases nothing where the chain does not hold."""
    return _erase_covered(_last_month()) or _read_on(job)


def forgettable():
    """How many events `forget` would erase now. Read as it reads them, and no further: no index knows their instants.
    """
    kept = _first_month_kept()
    return sum(1 for _ in itertools.takewhile(lambda event: event.at < kept, _sealed()))


def _last_month():
    return JournalMonth.select().order_by(JournalMonth.last_seq.desc()).first()


def _first_month_kept():
    """The instant at which it begins: whole months are kept until their last event is a retention old. UTC."""
    return _month_of(now() - law.retention_of_the_journal())


def _month_of(instant):
    return instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _erase_covered(month):
    """A batch of the events that `month`, the last one, stands for."""
    covered = Event.select(Event.id).where(Event.seq <= _end_of(month)[0]).order_by(Event.seq).limit(BATCH)
    ids = [event.id for event in covered] if month else []
    return Event.delete().where(Event.id.in_(ids)).execute() if ids else 0


def _read_on(job):
    """Verify a batch of the oldest month from `job.cursor` on; after its last event, write its row."""
    first = Event.select().where(Event.seq.is_null(False)).order_by(Event.seq).first()
    if first is None or _month_of(first.at) >= _first_month_kept():
        return 0
    last = Event.get(Event.seq == int(job.cursor)) if job.cursor else None
    seq, prev = (last.seq, last.hash) if last else _end_of(_last_month())
    events = list(Event.select().where(Event.seq > seq).order_by(Event.seq).limit(BATCH))
    ends = _month_of(first.at) + MONTH
    whole = list(itertools.takewhile(lambda event: event.at < ends, events))
    seq, prev = _verified(whole, seq, prev)
    job.cursor = str(seq)
    if len(whole) < BATCH:
        _write_month(first, seq, prev)
        job.cursor = ""
    return len(whole) or 1


def _verified(events, seq, prev):
    """Where the chain stands after `events`. Raises JournalBroken."""
    for event in events:
        seq += 1
        if not _follows(event, seq, prev):
            raise JournalBroken()
        prev = event.hash
    return seq, prev


def _write_month(first, seq, digest):
    before = _last_month()
    month = JournalMonth(month=f"{first.at:%Y-%m}", first_seq=first.seq, last_seq=seq, last_hash=digest)
    month.mac = _month_mac(month, before.mac if before else GENESIS)
    month.save(force_insert=True)


def _month_mac(month, before):
    """`before` is the HMAC of the month before."""
    return _hmac("|".join((before, month.month, str(month.first_seq), str(month.last_seq), month.last_hash)))


FORGET = jobs.Work(forget, jobs.at_night)
