"""Anchors: where the journal's chain stood, hour by hour, kept out of the database's reach (JOURNAL_ANCHORS).

Who has the database and the journal's key may write a whole new chain; who restores a backup cuts it: an anchor shows
both. One line of JSON each, appended to a file or sent to syslog:

    {"at": "2027-01-31T23:00:00.000000+00:00", "count": 1204, "hash": "…", "mac": "…", "seq": 1204}
"""
import datetime
import json
import logging
import os
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from models import now
from portal import jobs, journal, settings

DEVICE = "/dev/log"                     # this machine's syslog
PORT = 514
NAME = "maprocuration-anchor: "         # what the lines begin with in syslog: `grep` finds them
SEALED = "sealed"                       # where the job stands once nothing waits for the sealer


class NotAnAnchor(Exception):
    """A line that nobody with the key wrote. `line`: its number."""

    def __init__(self, line):
        super().__init__(line)
        self.line = line


class Anchor(NamedTuple):
    """Number and hash of the last sealed event `at` an instant, and how many events were not erased yet."""

    seq: int
    hash: str
    count: int
    at: datetime.datetime

    @property
    def mac(self):
        return journal.signed("|".join(("anchor", str(self.seq), self.hash, str(self.count), self.instant)))

    @property
    def instant(self):
        return self.at.isoformat(timespec="microseconds")

    @property
    def line(self):
        return json.dumps({"seq": self.seq, "hash": self.hash, "count": self.count, "at": self.instant,
                           "mac": self.mac}, sort_keys=True)


def drop(job):
    """Seal what is there, then write the anchor. What is committed only: a seal rolled back would be another one."""
    if job.cursor != SEALED:
        sealed = journal.seal()
        job.cursor = "" if sealed == journal.BATCH else SEALED
        return sealed or 1
    write(Anchor(*journal.head(), now()))
    return 0


def on_the_hour(ended_at):
    """`again`: each whole hour. Every town's clock is whole hours from Paris': one anchor each falls on the close of
    the polls and on the midnight that ends their day, overseas too."""
    return ended_at.replace(minute=0, second=0, microsecond=0) + datetime.timedelta(hours=1)


def write(anchor):
    """To where JOURNAL_ANCHORS says; nowhere when it is empty. Raises OSError: the work is tried again."""
    where = settings.active().journal_anchors
    if where.startswith("file:"):
        _append(Path(where.removeprefix("file:")), anchor.line)
    elif where:
        _send(urlsplit(where), anchor.line)


def _append(path, line):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
        file.write(f"{_end_of_torn_line(file)}{line}\n".encode())
        os.fsync(file.fileno())


def _end_of_torn_line(file):
    """What a crash left of the line before must not spoil this one."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    return "\n" if file.read(1) not in (b"", b"\n") else ""


class _Syslog(SysLogHandler):
    def handleError(self, record):
        raise       # what could not be sent is tried again, not swallowed


def _send(url, line):
    handler = _Syslog((url.hostname, url.port or PORT) if url.hostname else DEVICE, SysLogHandler.LOG_AUTHPRIV)
    handler.ident, handler.append_nul = NAME, False
    try:
        handler.emit(logging.makeLogRecord({"msg": line, "levelno": logging.INFO, "levelname": "INFO"}))
    finally:
        handler.close()


def read(path):
    """The anchors of a file: ours, or what syslog made of them. Raises NotAnAnchor, OSError."""
    lines = Path(path).read_text(errors="replace").splitlines()
    return [_parse(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _parse(number, line):
    try:
        told = json.loads(line[line.index("{"):])
        anchor = Anchor(told["seq"], told["hash"], told["count"], datetime.datetime.fromisoformat(told["at"]))
        genuine = told["mac"] == anchor.mac
    except (ValueError, KeyError, TypeError, AttributeError):
        genuine = False
    if not genuine:
        raise NotAnAnchor(number)
    return anchor


def kept():
    """The path of the anchors this portal keeps itself; None when it sends them away, or keeps none."""
    where = settings.active().journal_anchors
    return Path(where.removeprefix("file:")) if where.startswith("file:") else None


WORK = jobs.Work(drop, on_the_hour)
