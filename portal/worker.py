"""`flask worker`: sends the mails, seals the journal, does the works of the clock, each on its own thread, until told
to stop.

Any number may run. SIGTERM finishes the mail in hand; SIGKILL loses nothing, a lease runs out.
"""
import logging
import signal
import threading
from typing import Callable, NamedTuple

from models import database
from portal import clock, journal, outbox

IDLE = 0.5            # seconds between two looks when there is nothing to do
TICK = 5              # seconds between two looks at the clock's works
FIRST_PAUSE = 1       # seconds after a failure, doubled by each that follows
LONGEST_PAUSE = 60
GRACE = 60            # seconds a thread may take to finish what it holds

log = logging.getLogger("maprocuration.worker")


class Duty(NamedTuple):
    """Something to do again and again. `act(stopping)` returns how much it did; after 0 it rests `idle` seconds."""

    name: str
    act: Callable
    idle: float = IDLE


DUTIES = (
    Duty("mails", lambda stopping: outbox.send_batch(stopping=stopping)),
    Duty("journal", lambda stopping: journal.seal()),
    Duty("clock", clock.run, TICK),
)


def run():
    """Work until SIGTERM or SIGINT."""
    signs = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signs)  # waited for below: a handler could meet its own lock
    stop = threading.Event()
    threads = [threading.Thread(target=keep_on, args=(duty, stop), daemon=True) for duty in DUTIES]
    for thread in threads:
        thread.start()
    signal.sigwait(signs)
    stop.set()
    for thread in threads:
        thread.join(GRACE)


def run_once():
    """Do what is due now, then return. Raises what a duty raises."""
    for duty in DUTIES:
        with database.connection_context():
            while duty.act(lambda: False):
                pass


def keep_on(duty, stop):
    """Do `duty` until `stop`. Survives any failure (database, mail server): one line then, pauses that grow, one
    line when it works again."""
    pause = 0
    while not stop.is_set():
        try:
            with database.connection_context():
                done = duty.act(stop.is_set)
        except Exception as failure:
            pause = _longer(duty, pause, failure)
            stop.wait(pause)
        else:
            pause = _recovered(duty, pause)
            stop.wait(0 if done else duty.idle)


def _longer(duty, pause, failure):
    if not pause:
        log.warning("%s: %s; trying again, less and less often", duty.name, _told(failure))
    return min(LONGEST_PAUSE, pause * 2 or FIRST_PAUSE)


def _recovered(duty, pause):
    if pause:
        log.warning("%s: working again", duty.name)
    return 0


def _told(failure):
    """What a log may say: no message of a database or a server, which may quote rows or addresses."""
    return type(failure).__name__
