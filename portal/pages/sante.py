"""Is the portal well? For machines that watch it: no session, no cookie, no person."""
from configparser import ConfigParser
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flask import jsonify
from peewee import DatabaseError, InterfaceError, fn
from playhouse.pool import MaxConnectionsExceeded

from models import Event, Job, Mail, database, now
from portal.access import PUBLIC, access
from portal.error_pages import RETRY_AFTER
from portal.pages import pages

SOURCE = Path(__file__).parents[2] / "setup.cfg"


@pages.get("/sante")
@access(PUBLIC)
def sante():
    """Ages in seconds, 0 where nothing waits; that of the journal's last anchor, null before the first. 503 when the
    database is gone or not ours."""
    try:
        with database.connection_context():
            ages = {"outbox_age": _age(_oldest_mail_due()), "journal_unsealed_age": _age(_oldest_unsealed()),
                    "anchor_age": _age(_last_anchor(), None)}
    except (DatabaseError, InterfaceError, MaxConnectionsExceeded):
        down = jsonify(database="down", outbox_age=None, journal_unsealed_age=None, anchor_age=None,
                       version=_version())
        return down, 503, {"Retry-After": RETRY_AFTER}
    return jsonify(database="ok", version=_version(), **ages)


def _oldest_mail_due():
    """When the mail that waits longest should have left."""
    return Mail.select(fn.MIN(Mail.next_at)).where(Mail.state == "waiting", Mail.next_at <= now()).scalar()


def _oldest_unsealed():
    oldest = Event.select(Event.at).where(Event.seq.is_null()).order_by(Event.id).first()
    return oldest and oldest.at


def _last_anchor():
    return Job.select(Job.ended_at).where(Job.name == "ancrer", Job.subject == "").scalar()


def _age(instant, none=0):
    return round((now() - instant).total_seconds(), 1) if instant else none


@cache
def _version():
    try:
        return version("maprocuration")
    except PackageNotFoundError:  # run from a checkout, as `make run` does
        setup = ConfigParser()
        setup.read(SOURCE)
        return setup["metadata"]["version"]
