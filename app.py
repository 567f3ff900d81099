"""Assembles Maprocuration. `flask` finds create_app() here; nobody but servers and tests imports it."""
from flask import Flask, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

import admin_views
from models import database
from portal import access, catalogue, cli, error_pages, fitness, headers, logs, pages, sessions, theme, throttling
from portal.database import open_database
from portal.settings import load, use

LARGEST_FORM = 1024 * 1024  # bytes


def create_app(settings=None):
    """The WSGI application for `settings`, or for the environment. Raises UnusableSetting, RouteWithoutAccess; for a
    command of `flask`, nothing that is only unsafe: it may have come to tell or to mend it."""
    serves = not cli.is_under_way()
    settings = use(settings or load(strict=serves))
    app = Flask("app")
    configure(app, settings)
    logs.install(app, settings)
    connect(app, settings)
    if settings.production and serves:
        watch_fitness(app)
    throttling.install(app)
    headers.install(app, settings)
    error_pages.install(app)
    catalogue.install(app)
    theme.install(app, settings)
    allow_files(app)
    CSRFProtect(app)
    sessions.install(app)
    access.install(app)
    pages.install(app, settings)
    admin_views.install(app)
    cli.install(app)
    access.guard(app)
    return app


def configure(app, settings):
    secure = settings.base_url.startswith("https://")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        TRUSTED_HOSTS=settings.hosts,
        SESSION_COOKIE_NAME="__Host-maprocuration" if secure else "maprocuration",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",  # Strict would lose the session on the way back from FranceConnect
        WTF_CSRF_TIME_LIMIT=None,       # as long as the session
        WTF_CSRF_SSL_STRICT=False,      # our Referrer-Policy sends none
    )
    app.jinja_env.globals["settings"] = settings
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if settings.proxies:
        believe_proxies(app, settings.proxies)


def believe_proxies(app, count):
    """`count` of them. Where what they write does not arrive, all browsers would share one limit: the log says so."""
    app.wsgi_app = ProxyFix(app.wsgi_app, *[count] * 3)

    @app.before_request
    def miss_header():
        if "X-Forwarded-For" not in request.headers and not app.extensions.get("proxy_missed"):
            app.extensions["proxy_missed"] = True
            logs.log.error("no X-Forwarded-For, though PROXIES is %s: does the server drop it? See the README", count)


def allow_files(app):
    """Before CSRFProtect, which reads the form: what a view takes beyond LARGEST_FORM (its `largest_form`, bytes), and
    only from who may open it."""
    @app.before_request
    def allow():
        largest = getattr(app.view_functions.get(request.endpoint), "largest_form", None)
        refused = access.enforce() if largest else None
        if largest and not refused:
            request.max_content_length = largest
        return refused


def connect(app, settings):
    """One connection a request, from the pool; none for static files, and /sante asks for its own."""
    open_database(settings.database_url)

    @app.before_request
    def take_connection():
        if request.endpoint not in ("static", "theme", "pages.sante"):
            database.connect(reuse_if_open=True)

    @app.teardown_request
    def give_connection_back(error):
        if not database.is_closed():
            database.close()


def watch_fitness(app):
    """Nothing is served from a database that is unfit for production (`portal.fitness`)."""
    watch = fitness.Watch()
    watch.start()

    @app.before_request
    def refuse_unfit():
        if request.endpoint == "pages.sante" and watch.state == "unknown":
            return  # it says itself that the database is gone
        if request.endpoint not in ("static", "theme") and not watch.admits():
            raise error_pages.Unavailable()
