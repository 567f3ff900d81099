"""What machines that watch the portal are told."""
import datetime
import time

import pytest

from app import create_app
from models import Job, Mail, database, now
from portal import journal
from portal.procedure import CLOCK
from portal.settings import Settings


def a_mail(**columns):
    return Mail.create(**{"key": f"test {time.monotonic_ns()}", "name": "deposee", "recipient": "a@exemple.fr",
                          **columns})


def ago(seconds):
    return now() - datetime.timedelta(seconds=seconds)


def test_all_is_well(client):
    answer = client.get("/sante")
    assert answer.status_code == 200
    assert answer.json == {"database": "ok", "outbox_age": 0, "journal_unsealed_age": 0, "anchor_age": None,
                           "version": "0.1.0"}
    assert "Set-Cookie" not in answer.headers


def test_the_oldest_mail_due_tells_its_age(client):
    a_mail(next_at=ago(-500))
    assert client.get("/sante").json["outbox_age"] == 0
    a_mail(next_at=ago(90))
    a_mail(next_at=ago(30))
    a_mail(next_at=ago(500), state="sent")
    assert 90 <= client.get("/sante").json["outbox_age"] < 100


def test_the_oldest_unsealed_event_tells_its_age(client, monkeypatch):
    monkeypatch.setattr(journal, "now", lambda: ago(40))
    journal.record(CLOCK, "essai", "agent")
    assert 40 <= client.get("/sante").json["journal_unsealed_age"] < 50
    journal.seal()
    assert client.get("/sante").json["journal_unsealed_age"] == 0


def test_the_last_anchor_of_the_journal_tells_its_age(client):
    Job.create(name="ancrer", ended_at=ago(4000))
    assert 4000 <= client.get("/sante").json["anchor_age"] < 4010


@pytest.fixture
def portal_on(tmp_path):
    """A client of a portal on the database of any address."""
    def start(url):
        return create_app(Settings(database_url=url, secret_key="s" * 64, journal_key="j" * 64)).test_client()
    yield start
    getattr(database.obj, "close_all", database.close)()


def test_a_sqlite_file_that_is_gone_is_said(portal_on, tmp_path):
    portal = portal_on(f"sqlite:///{tmp_path}/folder/gone.db")
    (tmp_path / "folder").rmdir()
    says_down(portal)


def test_a_server_that_is_gone_is_said(portal_on):
    says_down(portal_on("postgresql://nobody@127.0.0.1:1/nowhere"))


def test_a_database_without_our_tables_is_said(portal_on, tmp_path):
    says_down(portal_on(f"sqlite:///{tmp_path}/empty.db"))


def test_a_server_without_our_tables_is_said(portal_on, postgresql_server):
    says_down(portal_on(postgresql_server))


def says_down(portal):
    began = time.monotonic()
    answer = portal.get("/sante")
    assert (answer.status_code, answer.json["database"]) == (503, "down")
    assert time.monotonic() - began < 6
