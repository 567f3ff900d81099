"""The journal shows what was done to it, even by somebody who may drop its triggers."""
import threading
from dataclasses import replace

import pytest

from models import Event, database
from portal import journal
from portal.procedure import CLOCK
from portal.settings import use


@pytest.fixture
def sealed(db, engine):
    """Six sealed events, in a table without its guards: the reach of a database administrator."""
    for number in range(6):
        journal.record(CLOCK, "essai", "agent", number)
    journal.seal()
    if engine == "sqlite":
        for trigger in ("event_insert", "event_update", "event_delete"):
            database.execute_sql(f"DROP TRIGGER {trigger}")
    else:
        database.execute_sql("ALTER TABLE event DISABLE TRIGGER ALL")


def test_an_untouched_journal_is_intact(sealed):
    assert journal.verify() is None


@pytest.mark.parametrize("tampering, first_bad", [
    ("UPDATE event SET act = 'autre' WHERE seq = 3", 3),
    ("UPDATE event SET subjects = '9' WHERE seq = 5", 5),
    ("UPDATE event SET actor = 7 WHERE seq = 1", 1),
    ("DELETE FROM event WHERE seq = 4", 4),
    ("UPDATE event SET seq = CASE seq WHEN 2 THEN -3 ELSE -2 END WHERE seq IN (2, 3)", 1),
    ("UPDATE event SET mac = hash WHERE seq = 2", 2),
])
def test_the_first_bad_event_is_named(sealed, tampering, first_bad):
    database.execute_sql(tampering)
    assert journal.verify() == first_bad


def test_a_journal_longer_than_one_reading_is_verified_to_its_end(sealed, monkeypatch):
    monkeypatch.setattr(journal, "RUN", 2)
    assert journal.verify() is None
    database.execute_sql("UPDATE event SET act = 'autre' WHERE seq = 5")
    assert journal.verify() == 5


def test_a_changed_event_that_is_not_sealed_yet_is_seen(sealed):
    journal.record(CLOCK, "essai", "agent", 7)
    database.execute_sql("UPDATE event SET act = 'autre' WHERE seq IS NULL")
    assert journal.verify() == 0


def test_a_key_from_elsewhere_forges_nothing(sealed, settings):
    use(replace(settings, journal_key="k" * 64))
    journal.record(CLOCK, "essai", "agent", 8)
    journal.seal()
    use(settings)
    assert journal.verify() == 7


def test_two_sealers_make_one_chain(db):
    for number in range(60):
        journal.record(CLOCK, "essai", "agent", number)
    threads = [threading.Thread(target=_seal_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Event.select().where(Event.seq.is_null()).count() == 0
    assert journal.verify() is None


def _seal_all():
    with database.connection_context():
        while journal.seal(batch=7):
            pass
