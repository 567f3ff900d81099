"""The journal: traces for the CNIL (délibération 2021-122), append-only, sealed into a chain.

`record` inserts an event with its own HMAC and no lock; `seal`, run by the worker a few times a second, numbers and
chains what is committed; `verify` names the first event that was changed, removed or reordered.
"""
import hashlib
import hmac

from models import Event, now
from portal import settings
from portal.database import hold, transaction

GENESIS = "0" * 64
BATCH = 500     # events sealed in one transaction
RUN = 5000      # events read at a time


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
    return (last.seq, last.hash) if last else (0, GENESIS)


def _seal_one(event, seq, prev):
    digest = _link(prev, seq, event)
    Event.update(seq=seq, prev=prev, hash=digest).where(Event.id == event.id).execute()
    return seq, digest


def verify():
    """The `seq` of the first bad event, or None. Unsealed events are checked against their own HMAC: bad gives 0."""
    seq, prev = 0, GENESIS
    for event in _sealed():
        seq += 1
        if event.seq != seq or event.prev != prev or event.mac != _mac(event) or event.hash != _link(prev, seq, event):
            return seq
        prev = event.hash
    loose = Event.select().where(Event.seq.is_null()).iterator()
    return 0 if any(event.mac != _mac(event) for event in loose) else None


def _sealed():
    """The sealed events in order, read by runs: a year of them would outlast a statement and fill the memory."""
    rows = Event.select().where(Event.seq.is_null(False)).order_by(Event.seq).limit(RUN)
    run = list(rows)
    while run:
        yield from run
        run = list(rows.where(Event.seq > run[-1].seq))
