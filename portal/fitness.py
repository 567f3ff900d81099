"""What makes this installation unfit for production and only the database can tell. Asked by `flask check`, at the
start of servers and worker, and, where the database was gone then, at its first answer."""
import logging
import time
from datetime import timedelta
from functools import reduce
from operator import or_

from peewee import DatabaseError, InterfaceError, fn
from playhouse.pool import MaxConnectionsExceeded

from models import Agent, Event, database, now
from portal import settings, walls
from portal.database import clock, migrations
from portal.settings import PREFIX, UnusableSetting

GONE = (DatabaseError, InterfaceError, MaxConnectionsExceeded)
SAID = f"{PREFIX}DATABASE_URL: "
TOLERANCE = timedelta(seconds=60)       # between this machine's clock and the database's, or the journal's
PAUSE = 5                               # seconds between two looks for a database that is gone
RESERVED = ("example", "test", "invalid", "localhost", "example.com", "example.net", "example.org")     # RFC 2606

log = logging.getLogger("maprocuration.fitness")


def faults():
    """Sentences, one per reason not to serve, each beginning with the setting at fault; of the database in use, on an
    open connection. Raises what a database that is gone raises."""
    pending = [migration.name for migration in migrations().status() if not migration.applied]
    if pending:
        return [f"{SAID}migrations are pending: {', '.join(pending)}; run `flask db upgrade`"]
    return [*_walls(), *_sample_accounts(), *_clocks()]


def _walls():
    for missing in walls.missing():
        yield f"{SAID}row-level security: {missing}"


def _sample_accounts():
    domain = fn.LOWER(Agent.email)
    reserved = [domain.endswith(f"{before}{name}") for name in RESERVED for before in ("@", ".")]
    found = Agent.select().where(Agent.suspended_at.is_null(), reduce(or_, reserved)).count()
    if found:
        yield (f"{SAID}sample accounts: {found}, of addresses nobody can own (.{', .'.join(RESERVED)}); suspend them, "
               "or begin with an empty database")


def _clocks():
    ahead = clock() - now()
    if abs(ahead) > TOLERANCE:
        yield f"{SAID}its clock is {_told(ahead)} this machine's; both need NTP"
    last = Event.select(Event.at).order_by(Event.id.desc()).first()
    if last and last.at - now() > TOLERANCE:
        yield f"{SAID}the journal's last event is {_told(last.at - now())} this machine's clock; set it right"


def _told(ahead):
    seconds = round(abs(ahead.total_seconds()))
    return f"{seconds} s {'ahead of' if ahead > timedelta() else 'behind'}"


def refuse():
    """Raises UnusableSetting where the database in use is unfit. Without effect outside production."""
    found = _found() if settings.active().production else []
    if found:
        raise UnusableSetting("\n".join(found))


def _found():
    if not database.is_closed():
        return faults()
    with database.connection_context():
        return faults()


def wait():
    """Until the database answers; then as `refuse`. For the worker: it has nobody to answer meanwhile."""
    said = False
    while True:
        try:
            return refuse()
        except GONE as error:
            said = said or _say_gone(error)
            time.sleep(PAUSE)


def _say_gone(error):
    log.error("database unavailable: %s; its fitness is looked at once it is back", type(error).__name__)
    return True


class Watch:
    """A server's. `state` is unknown until the database answered, then fit or unfit."""

    def __init__(self):
        self.state, self.next_look = "unknown", 0

    def start(self):
        """Raises UnusableSetting. A database that is gone is not unsafe: requests are answered 503 until it is back."""
        try:
            refuse()
            self.state = "fit"
        except GONE as error:
            _say_gone(error)
        finally:
            getattr(database.obj, "close_idle", lambda: None)()     # no process forked later shares a connection

    def admits(self):
        """May requests be served? While they may not, it is looked for anew once in PAUSE seconds."""
        if self.state != "fit" and time.monotonic() >= self.next_look:
            self._look()
            self.next_look = time.monotonic() + PAUSE
        return self.state == "fit"

    def _look(self):
        try:
            refuse()
            self.state = "fit"
        except UnusableSetting as unfit:
            self.state = "unfit"
            log.critical("not served: %s", " | ".join(str(unfit).splitlines()))
        except GONE:
            pass    # said when it went
