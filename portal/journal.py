"""The journal: traces for the CNIL (délibération 2021-122), append-only, sealed into a chain.

`record` inserts an event with its own HMAC and no lock; `seal`, run by the worker a few times a second, numbers and
chains what is committed; `verify` names the first event that was changed, removed, reordered or, where anchors say what
stood there (`portal.anchors`), cut or rewritten. `forget` erases whole months, each after a row of `JournalMonth` that
stands for it in the chain.
"""
import datetime
import hmac
import itertools
from collections import defaultdict
from typing import NamedTuple

from dateutil.relativedelta import relativedelta
from peewee import fn

from models import Event, JournalMonth, now
from portal import jobs, law, settings
from portal.database import hold, transaction

GENESIS = "0" * 64
BATCH = 500     # events sealed in one transaction
RUN = 5000      # events read at a time
MONTH = relativedelta(months=1)
SLACK = datetime.timedelta(days=1)      # an event is anchored within the hour, or once the worker is back


class JournalBroken(Exception):
    """The chain does not hold: nothing of it is erased, it is evidence."""


def record(actor, act, subject, *ids):
    """Insert the trace of one act of `actor` on rows `ids` of the table `subject`."""
    event = Event(at=now(), act=act, role=str(actor.role), actor=getattr(actor, "id", None),
                  commune=getattr(actor, "commune_id", None), subject=subject, subjects=" ".join(map(str, ids)))
    event.mac = _mac(event)
    Event.insert(event.__data__).returning().execute()      # nothing is read back: a town hall may only add


def _mac(event):
    return signed("|".join((event.at.isoformat(timespec="microseconds"), event.act, event.role, str(event.actor),
                           event.commune or "", event.subject, event.subjects)))


def signed(text):
    """The HMAC of `text` under the journal's key."""
    return hmac.digest(settings.active().journal_key.encode(), text.encode(), "sha256").hex()


def _link(prev, seq, event):
    return signed(f"{prev}|{seq}|{event.mac}")


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


def head():
    """(seq, hash, count) of the last sealed event; `count` events of the chain are not erased yet."""
    seq, digest = _head()
    first = Event.select(Event.seq).where(Event.seq > 0).order_by(Event.seq).first()
    return seq, digest, seq - first.seq + 1 if first else 0


# --- Verification ---------------------------------------------------------------------------------------------------

WRONG = {
    "changed": "it is not what was signed: changed, or never signed with the key",
    "removed": "it is missing: removed",
    "reordered": "it does not stand where it was sealed: reordered",
    "month": "the row that stands for its month was changed, forged or removed",
    "cut": "it is missing, and so is all that followed: cut, or a backup was restored",
    "rewritten": "it, or one since the anchor before, is not what was anchored: rewritten by who has the key, or a "
                 "backup was restored and went on",
    "early": "it was erased with a month that an anchor shows to be a later one",
}


class Fault(NamedTuple):
    """The first bad event: its `seq`, 0 while it is not sealed, and what is wrong, of WRONG."""

    seq: int
    kind: str

    def __str__(self):
        name = f"event {self.seq}" if self.seq else "an event that is not sealed yet"
        return f"{name}: {WRONG[self.kind]}"


class Sealed(NamedTuple):
    """What the verification reads of an Event: a model each would take four times as long."""

    at: object
    act: str
    role: str
    actor: int
    commune: str
    subject: str
    subjects: str
    mac: str
    seq: int
    prev: str
    hash: str


READ = [getattr(Event, name) for name in Sealed._fields]


def verify(anchors=()):
    """The first Fault, or None. Where months were erased, their rows are checked first, then the chain from the last
    one on and, beside it, `anchors` (portal.anchors.Anchor); at last the events that are not sealed yet."""
    months = list(JournalMonth.select().order_by(JournalMonth.last_seq))
    hashes = defaultdict(set)
    for anchor in anchors:
        hashes[anchor.seq].add(anchor.hash)
    return (_first_bad_month(months, hashes) or _first_erased_early(months, anchors)
            or _first_bad_event(months[-1] if months else None, hashes) or _bad_loose_event())


def _first_bad_month(months, hashes):
    """The first month that was changed, forged or left out, by its first `seq`; None when all are whole."""
    seq, before = 0, GENESIS
    for month in months:
        if month.first_seq != seq + 1 or month.mac != _month_mac(month, before):
            return Fault(month.first_seq, "month")
        if hashes.get(month.last_seq, {month.last_hash}) != {month.last_hash}:
            return Fault(month.last_seq, "rewritten")
        seq, before = month.last_seq, month.mac


def _first_erased_early(months, anchors):
    """What follows an anchor was sealed after its instant: no month that had ended before can stand for it."""
    for month in months:
        ends = datetime.datetime.strptime(month.month, "%Y-%m").replace(tzinfo=datetime.timezone.utc) + MONTH + SLACK
        latest = max((anchor.seq for anchor in anchors if anchor.at > ends), default=month.last_seq)
        if latest < month.last_seq:
            return Fault(latest + 1, "early")


def _first_bad_event(month, hashes):
    """From the first event that is left: the erasure of `month`, the last one, may be under way."""
    covered, seal_of_month = seq, prev = _end_of(month)
    events = _sealed()
    first = next(events, None)
    if first and first.seq <= covered:
        seq, prev = first.seq - 1, first.prev
    for event in itertools.chain([first] if first else [], events):
        seq += 1
        if not _follows(event, seq, prev):
            return Fault(seq, _wrong(event, seq, prev))
        if seq == covered and event.hash != seal_of_month:
            return Fault(seq, "month")
        if hashes.get(seq, {event.hash}) != {event.hash}:
            return Fault(seq, "rewritten")
        prev = event.hash
    return _first_missing(seq, covered, hashes)


def _first_missing(seq, covered, hashes):
    """Beyond the last event that is left, `seq`."""
    if seq < covered:
        return Fault(seq + 1, "removed")
    if max(hashes, default=0) > seq:
        return Fault(seq + 1, "cut")
    if Event.select().where(Event.seq < 1).exists():
        return Fault(Event.select(fn.MIN(Event.seq)).scalar(), "reordered")


def _wrong(event, seq, prev):
    """Why `event` does not follow `prev` as number `seq`."""
    if event.seq == seq and (event.mac != _mac(event) or event.hash == _link(prev, seq, event) or event.prev == prev):
        return "changed"
    elsewhere = Event.select().where(Event.prev == prev, Event.seq != seq).exists()
    return "reordered" if elsewhere else "removed"


def _bad_loose_event():
    loose = Event.select().where(Event.seq.is_null()).iterator()
    return Fault(0, "changed") if any(event.mac != _mac(event) for event in loose) else None


def _end_of(month):
    return (month.last_seq, month.last_hash) if month else (0, GENESIS)


def _follows(event, seq, prev):
    return (event.seq == seq and event.prev == prev and event.mac == _mac(event)
            and event.hash == _link(prev, seq, event))


def _sealed():
    """The sealed events in order, read by runs: a year of them would outlast a statement and fill the memory."""
    rows = Event.select(*READ).where(Event.seq > 0).order_by(Event.seq).limit(RUN).tuples()
    run = [Sealed(*row) for row in rows]
    while run:
        yield from run
        run = [Sealed(*row) for row in rows.where(Event.seq > run[-1].seq)]


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
    return signed("|".join((before, month.month, str(month.first_seq), str(month.last_seq), month.last_hash)))


FORGET = jobs.Work(forget, jobs.at_night)
