"""Errors as pages: a clear sentence, what to do, a way back. Never a stack trace, never a 500 for bad input."""
import logging

from flask import current_app, render_template, request
from peewee import DataError, InterfaceError, OperationalError
from playhouse.pool import MaxConnectionsExceeded
from werkzeug.exceptions import HTTPException

from portal.errors import Refused

PAGES = (400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503)
RETRY_AFTER = 30  # seconds, after an outage
log = logging.getLogger("maprocuration")


class Unavailable(HTTPException):
    """Something we depend on is gone: 503 with Retry-After. `page` is the template that says what to do meanwhile."""

    code = 503
    page = "errors/503.html"


def install(app):
    app.register_error_handler(HTTPException, show)
    app.register_error_handler(Refused, refused)
    app.register_error_handler(DataError, lambda error: page(404))       # an id no column can hold
    app.register_error_handler(OverflowError, lambda error: page(404))
    for gone in (OperationalError, InterfaceError, MaxConnectionsExceeded):
        app.register_error_handler(gone, unavailable)
    app.register_error_handler(Exception, crashed)


def show(error):
    if error.code is None or error.code < 400:  # a redirect of the routing
        return error
    headers = [pair for pair in error.get_headers() if pair[0] in ("Retry-After", "Allow")]
    answer, code = page(error.code, template=getattr(error, "page", None))[:2]
    return answer, code, headers + ([("Retry-After", str(RETRY_AFTER))] if code == 503 else [])


def page(code, template=None, **facts):
    code = code if code in PAGES else 400 if code < 500 else 500
    template = template or f"errors/{code}.html"
    if code < 500:
        return render_template(template, **facts), code
    # Without context processors: they would load the user from the database that just failed.
    return current_app.jinja_env.get_template(template).render(retry_after=RETRY_AFTER, **facts), code


def refused(error):
    """A refusal nobody caught nearer: its sentence on the page of its status."""
    return page(error.status, error=error)


def unavailable(error):
    log.error("database unavailable: %s", type(error).__name__)
    return (*page(503), {"Retry-After": str(RETRY_AFTER)})


def crashed(error):
    log.exception("unexpected error on %s", request.endpoint)
    return page(500)
