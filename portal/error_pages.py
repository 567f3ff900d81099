"""Errors as pages: a clear sentence, what to do, a way back. Never a stack trace, never a 500 for bad input."""
import logging
import traceback

from flask import current_app, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from peewee import DatabaseError, DataError, InterfaceError, OperationalError
from playhouse.pool import MaxConnectionsExceeded
from werkzeug.exceptions import HTTPException, SecurityError

from portal.errors import Refused

PAGES = (400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503)
RETRY_AFTER = 30  # seconds, after an outage
FOR_SCRIPTS = ("pages.communes", "pages.session")       # endpoints that answer in JSON
GONE = (OperationalError, InterfaceError, MaxConnectionsExceeded)
log = logging.getLogger("maprocuration")


class Unavailable(HTTPException):
    """Something we depend on is gone: 503 with Retry-After. `page` is the template that says what to do meanwhile."""

    code = 503
    page = "errors/503.html"


def install(app):
    app.register_error_handler(HTTPException, show)
    app.register_error_handler(SecurityError, lambda error: (bare("errors/host.html"), 400))
    app.register_error_handler(Refused, refused)
    app.register_error_handler(DataError, lambda error: page(404))       # an id no column can hold
    app.register_error_handler(OverflowError, lambda error: page(404))
    for gone in (*GONE, DatabaseError):
        app.register_error_handler(gone, unavailable)
    app.register_error_handler(Exception, crashed)


def show(error):
    if error.code is None or error.code < 400:  # a redirect of the routing
        return error
    if is_outage(getattr(error, "original_exception", None)):  # met while another error's page was made
        return unavailable(error.original_exception)
    headers = [pair for pair in error.get_headers() if pair[0] in ("Retry-After", "Allow")]
    template = "errors/page_expired.html" if isinstance(error, CSRFError) else getattr(error, "page", None)
    answer, code = page(error.code, template)[:2]
    return answer, code, headers + ([("Retry-After", str(RETRY_AFTER))] if code == 503 else [])


def page(code, template=None, **facts):
    code = code if code in PAGES else 400 if code < 500 else 500
    template = template or f"errors/{code}.html"
    if code < 500:
        return render_template(template, **facts), code
    return bare(template, retry_after=RETRY_AFTER, **facts), code


def bare(template, **facts):
    """Without context processors: they would load the user from the database that just failed."""
    return current_app.jinja_env.get_template(template).render(**facts)


def refused(error):
    """A refusal nobody caught nearer: its sentence on the page of its status."""
    if error.status != 429:
        return page(error.status, error=error)
    wait = getattr(error, "retry_after", RETRY_AFTER)
    answer = ((jsonify(error=error.sentence, retry_after=wait), 429) if request.endpoint in FOR_SCRIPTS
              else page(429, error=error, retry_after=wait))
    return *answer, {"Retry-After": str(wait)}


def is_outage(error):
    """Is the database gone, or the file no database any more (the bare DatabaseError, of SQLite)?"""
    return isinstance(error, GONE) or type(error) is DatabaseError


def unavailable(error):
    if not is_outage(error):  # a constraint, a table that is missing: ours to mend
        return crashed(error)
    log.error("database unavailable: %s", type(error).__name__)
    return (*page(503), {"Retry-After": str(RETRY_AFTER)})


def crashed(error):
    # Where, and not what it says: a database quotes the row it refuses, names and addresses included.
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("unexpected error on %s: %s\n%s", request.endpoint, type(error).__name__, where)
    return page(500)
