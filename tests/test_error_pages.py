"""Errors as pages: what is wrong is told, and nothing else leaks."""
import pytest
from flask import abort
from peewee import IntegrityError

from app import create_app
from portal.access import PUBLIC, access
from portal.settings import Settings
from tests.engines import ONE_ENGINE
from tests.factories import an_agent, log_in

STRICT = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control")
EVERY_PAGE = ("/", "/demande", "/connexion", "/admin/", "/franceconnect/retour?state=a&code=b", "/nowhere", "/sante")


@pytest.fixture
def alone(tmp_path, sqlite_template):
    """A portal of its own, not yet asked anything, and the path of its database."""
    path = tmp_path / "alone.db"
    path.write_bytes(sqlite_template.read_bytes())
    return create_app(Settings(database_url=f"sqlite:///{path}", secret_key="s" * 40, journal_key="j" * 40,
                               franceconnect_client_secret="f" * 40)), path


@pytest.fixture
def ruined(alone):
    """The same with something else in the file of its database."""
    alone[1].write_bytes(b"no database" * 1000)
    return alone


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_a_file_that_is_no_database_is_an_outage(ruined, path):
    answer = ruined[0].test_client().get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "not a database" not in answer.text


@pytest.mark.parametrize("path", [path for path in EVERY_PAGE if path != "/nowhere"])
def test_tables_that_vanish_while_an_error_is_told_are_an_outage(ruined, path):
    ruined[1].write_bytes(b"")
    client = ruined[0].test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "somebody"
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


def test_the_portal_comes_back_by_itself(ruined, sqlite_template):
    client = ruined[0].test_client()
    assert client.get("/connexion").status_code == 503
    ruined[1].write_bytes(sqlite_template.read_bytes())
    assert client.get("/connexion").status_code == 200


@ONE_ENGINE
@pytest.mark.parametrize("host", ["evil.example", "localhost@evil.example", "a b", "localhost:99999999"])
@pytest.mark.parametrize("path", ["/", "/demande", "/admin", "/nowhere", "/static/theme.css"])
def test_a_foreign_host_name_gets_a_page_that_names_it_nowhere(app, client, host, path):
    log_in(client, agent=an_agent())
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert "Adresse inconnue" in answer.text and "evil" not in answer.text and "<a class=\"fr-btn\"" not in answer.text
    assert all(name in answer.headers for name in STRICT)


def test_what_crashes_is_logged_without_what_it_says(alone, caplog):
    refused = "Failing row contains (1, DURAND, durand@exemple.fr)"

    def crash():
        raise IntegrityError(refused)

    answer = of_a_route(alone[0], crash).get("/fails")
    assert answer.status_code == 500
    assert "IntegrityError" in caplog.text and "test_error_pages.py" in caplog.text
    assert "DURAND" not in caplog.text + answer.text


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503])
def test_no_error_page_lacks_the_headers(alone, code):
    answer = of_a_route(alone[0], lambda: abort(code)).get("/fails")
    assert answer.status_code == code and all(name in answer.headers for name in STRICT)


def test_a_missing_file_s_page_is_not_kept_either(app, client):
    log_in(client, agent=an_agent())
    answer = client.get("/static/nothing.css")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")
    assert client.get("/static/theme.css").headers["Cache-Control"] == "no-cache"


def of_a_route(app, view):
    app.add_url_rule("/fails", "fails", access(PUBLIC)(view))
    return app.test_client()
