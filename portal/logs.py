"""Logs on stderr, one line an event: JSON in production, readable text in the demonstration (ASVS 16.2).

What a line may hold: instant (UTC), level, logger, event; of a request its own random name, the endpoint (its path may
hold a link's token), status and duration, and the number of the agent or voter. No body, query, cookie, reference,
name, e-mail or address. Other people's code says what it likes: of its lines, the fixed part of a warning is kept, and
of an exception its type and where it was raised.
"""
import json
import logging
import secrets
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

from flask import g, has_request_context, request
from flask.logging import wsgi_errors_stream

OURS = "maprocuration"
UNLOGGED = ("static", "theme")      # endpoints
ROOT = Path(__file__).parents[1]

log = logging.getLogger("maprocuration")
access = logging.getLogger("maprocuration.access")


def install(app, settings):
    _speak(JsonLines() if settings.production else TextLines(), logging.INFO if settings.production else None)

    @app.before_request
    def begin():
        g.request_name, g.request_began = secrets.token_hex(8), time.perf_counter()

    @app.after_request
    def tell(response):
        if request.endpoint not in UNLOGGED and "request_began" in g:
            milliseconds = round((time.perf_counter() - g.request_began) * 1000)
            access.info("answered", extra={"facts": {"method": request.method if request.endpoint else None,
                                                     "status": response.status_code, "duration_ms": milliseconds}})
        return response


class Handler(logging.StreamHandler):
    """The one of this process."""


HANDLER = Handler(wsgi_errors_stream)


def _speak(formatter, level):
    """Servers add handlers of their own, which would print what ours leaves out."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if type(handler) is logging.StreamHandler]:
        root.removeHandler(handler)
    HANDLER.setFormatter(formatter)
    if HANDLER not in root.handlers:
        HANDLER.addFilter(is_wanted)
        root.addHandler(HANDLER)
    if level:
        root.setLevel(level)


def _is_ours(record):
    return record.name.partition(".")[0] == OURS


def is_wanted(record):
    """A library's debug lines hold SQL, its values, addresses."""
    return _is_ours(record) or record.levelno >= logging.WARNING


def facts(record):
    """{name: value}, all that may be known of it."""
    told = {"time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(), "logger": record.name,
            "event": record.getMessage() if _is_ours(record) else str(record.msg),
            **_of_the_request(), **getattr(record, "facts", {}), **_of_the_exception(record.exc_info)}
    return {name: value for name, value in told.items() if value is not None}


def _of_the_request():
    if not has_request_context() or "request_name" not in g:
        return {}
    actor = getattr(g.get("_login_user"), "actor", None)    # Flask-Login's, once asked for: a log reads no row
    return {"request": g.request_name, "endpoint": request.endpoint,
            **({type(actor).__name__.lower(): actor.id} if actor else {})}


def _of_the_exception(raised):
    """Type and places. Its message may quote a row."""
    if not raised or not raised[0]:
        return {}
    return {"error": raised[0].__name__,
            "where": [f"{_short(frame.filename)}:{frame.lineno}" for frame in traceback.extract_tb(raised[2])]}


def _short(path):
    return str(Path(path).relative_to(ROOT)) if Path(path).is_relative_to(ROOT) else "/".join(Path(path).parts[-2:])


class JsonLines(logging.Formatter):
    def format(self, record):
        return json.dumps(facts(record), default=str)      # ASCII: whatever ends a line is escaped


class TextLines(logging.Formatter):
    """What follows a line break is indented: none forges a line."""

    def format(self, record):
        told = facts(record)
        head = " ".join(str(told.pop(name)) for name in ("time", "level", "logger", "event"))
        tail = " ".join(f"{name}={value}" for name, value in told.items())
        return "\n    ".join(f"{head} {tail}".rstrip().splitlines())
