"""The journal shows what was done to it, even by somebody who may drop its triggers."""
import datetime
import threading
from dataclasses import replace

import pytest
import time_machine

from models import Event, Job, JournalMonth, database
from portal import jobs, journal
from portal.database import transaction
from portal.procedure import CLOCK
from portal.settings import use


@pytest.fixture
def sealed(db, engine):
    """Six sealed events, in a table without its guards: the reach of a database administrator."""
    for number in range(6):
        journal.record(CLOCK, "essai", "agent", number)
    journal.seal()
    take_guards_off(engine)


def take_guards_off(engine):
    for table in ("event", "journal_month"):
        if engine == "sqlite":
            for act in ("insert", "update", "delete"):
                database.execute_sql(f"DROP TRIGGER {table}_{act}")
        else:
            database.execute_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")


def test_an_untouched_journal_is_intact(sealed):
    assert journal.verify() is None


@pytest.mark.parametrize("tampering, first_bad, wrong", [
    ("UPDATE event SET act = 'autre' WHERE seq = 3", 3, "changed"),
    ("UPDATE event SET subjects = '9' WHERE seq = 5", 5, "changed"),
    ("UPDATE event SET actor = 7 WHERE seq = 1", 1, "changed"),
    ("UPDATE event SET at = '2020-01-01 00:00:00.000000+00:00' WHERE seq = 6", 6, "changed"),
    ("UPDATE event SET mac = hash WHERE seq = 2", 2, "changed"),
    ("UPDATE event SET hash = mac WHERE seq = 2", 2, "changed"),
    ("UPDATE event SET prev = 'x' WHERE seq = 2", 2, "changed"),
    ("DELETE FROM event WHERE seq = 4", 4, "removed"),
    ("DELETE FROM event WHERE seq = 1", 1, "removed"),
    ("DELETE FROM event WHERE seq = 4; UPDATE event SET seq = 4 WHERE seq = 5; UPDATE event SET seq = 5 WHERE seq = 6",
     4, "removed"),
    ("UPDATE event SET seq = 0 WHERE seq = 2; UPDATE event SET seq = 2 WHERE seq = 3;"
     "UPDATE event SET seq = 3 WHERE seq = 0", 2, "reordered"),
    ("UPDATE event SET seq = CASE seq WHEN 2 THEN -3 ELSE -2 END WHERE seq IN (2, 3)", 2, "reordered"),
    ("UPDATE event SET seq = -6 WHERE seq = 6", -6, "reordered"),
])
def test_the_first_bad_event_is_named_and_what_is_wrong_with_it(sealed, tampering, first_bad, wrong):
    for statement in tampering.split(";"):
        database.execute_sql(statement)
    assert journal.verify() == (first_bad, wrong)


def test_an_event_inserted_without_the_key_is_bad_before_and_after_the_sealer_took_it(sealed):
    database.execute_sql("INSERT INTO event (at, act, role, subject, subjects, mac)"
                         " SELECT at, 'faux', role, subject, subjects, mac FROM event WHERE seq = 1")
    assert journal.verify() == (0, "changed")
    journal.seal()
    assert journal.verify() == (7, "changed")


def test_a_journal_longer_than_one_reading_is_verified_to_its_end(sealed, monkeypatch):
    monkeypatch.setattr(journal, "RUN", 2)
    assert journal.verify() is None
    database.execute_sql("UPDATE event SET act = 'autre' WHERE seq = 5")
    assert journal.verify() == (5, "changed")


def test_a_changed_event_that_is_not_sealed_yet_is_seen(sealed):
    journal.record(CLOCK, "essai", "agent", 7)
    database.execute_sql("UPDATE event SET act = 'autre' WHERE seq IS NULL")
    assert journal.verify() == (0, "changed")


def test_a_key_from_elsewhere_forges_nothing(sealed, settings):
    use(replace(settings, journal_key="k" * 64))
    journal.record(CLOCK, "essai", "agent", 8)
    journal.seal()
    use(settings)
    assert journal.verify() == (7, "changed")


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


# --- Months that are erased -----------------------------------------------------------------------------------------

UTC = datetime.timezone.utc
JANUARY, FEBRUARY, MARCH = (datetime.datetime(2027, month, 1, tzinfo=UTC) for month in (1, 2, 3))
A_YEAR_LATER = datetime.datetime(2028, 3, 1, tzinfo=UTC)        # January and February are a year old, March is not
SECOND = datetime.timedelta(seconds=1)


@pytest.fixture
def months(db):
    """Three months of the journal: four events in January, two in February, one in March."""
    for instant in (JANUARY, JANUARY + SECOND, FEBRUARY - 2 * SECOND, FEBRUARY - SECOND, FEBRUARY, MARCH - SECOND,
                    MARCH):
        with time_machine.travel(instant, tick=False):
            journal.record(CLOCK, "essai", "agent", 1)
    journal.seal()


def forgets(instant=A_YEAR_LATER):
    with time_machine.travel(instant, tick=False):
        jobs.through(journal.FORGET)


def left():
    return [event.seq for event in Event.select().order_by(Event.seq)]


def test_whole_months_are_erased_a_year_after_their_last_day_and_the_chain_still_holds_cnil_2021_122(months):
    forgets(datetime.datetime(2028, 1, 31, 23, 59, 59, tzinfo=UTC))
    assert left() == [1, 2, 3, 4, 5, 6, 7]
    forgets(datetime.datetime(2028, 2, 1, tzinfo=UTC))
    assert left() == [5, 6, 7] and journal.verify() is None
    forgets()
    assert left() == [7] and journal.verify() is None
    assert [(row.month, row.first_seq, row.last_seq) for row in JournalMonth.select().order_by(JournalMonth.month)] == [
        ("2027-01", 1, 4), ("2027-02", 5, 6)]


def test_what_comes_after_an_erased_journal_is_chained_to_it(months):
    forgets(A_YEAR_LATER + datetime.timedelta(days=90))
    assert left() == []
    journal.record(CLOCK, "essai", "agent", 2)
    journal.seal()
    assert left() == [8] and journal.verify() is None


def test_the_first_bad_event_after_erased_months_is_named(months, engine):
    forgets(datetime.datetime(2028, 2, 1, tzinfo=UTC))
    take_guards_off(engine)
    database.execute_sql("UPDATE event SET act = 'autre' WHERE seq = 6")
    assert journal.verify() == (6, "changed")


@pytest.mark.parametrize("tampering, first_bad, wrong", [
    ("UPDATE journal_month SET last_hash = 'x' WHERE month = '2027-02'", 5, "month"),
    ("UPDATE journal_month SET last_seq = 3 WHERE month = '2027-01'", 1, "month"),
    ("DELETE FROM journal_month WHERE month = '2027-01'", 5, "month"),
    ("DELETE FROM journal_month", 1, "removed"),
    ("DELETE FROM journal_month WHERE month = '2027-02'", 5, "removed"),
    ("INSERT INTO journal_month SELECT '2027-03', 7, 7, hash, 'x', '2028-01-01' FROM event WHERE seq = 7", 7, "month"),
])
def test_a_forged_month_is_caught(months, engine, tampering, first_bad, wrong):
    forgets()
    take_guards_off(engine)
    database.execute_sql(tampering)
    assert journal.verify() == (first_bad, wrong)


@pytest.mark.parametrize("change", ["UPDATE journal_month SET mac = 'x'", "DELETE FROM journal_month",
                                    "INSERT INTO journal_month VALUES ('2030-01', 9, 9, 'x', 'x', '2028-01-01')",
                                    "DELETE FROM event WHERE seq = 7"])
def test_the_database_refuses_every_change_of_a_month_and_every_erasure_without_one(months, change):
    forgets()
    with pytest.raises(Exception, match="append-only"), transaction():
        database.execute_sql(change)
    assert journal.verify() is None


def test_a_chain_that_does_not_hold_is_evidence_and_is_not_erased(months, engine):
    take_guards_off(engine)
    database.execute_sql("UPDATE event SET act = 'autre' WHERE seq = 2")
    with pytest.raises(journal.JournalBroken):
        forgets()
    assert left() == [1, 2, 3, 4, 5, 6, 7] and not JournalMonth.select().exists()


@pytest.mark.parametrize("steps", range(1, 9))
def test_an_erasure_killed_after_any_step_leaves_a_chain_that_holds(months, monkeypatch, steps):
    monkeypatch.setattr(journal, "BATCH", 2)
    job = Job(cursor="")
    with time_machine.travel(A_YEAR_LATER, tick=False):
        for _ in range(steps):
            with transaction():
                journal.forget(job)
        assert journal.verify() is None
        jobs.through(journal.FORGET)
    assert left() == [7] and journal.verify() is None


def test_events_of_a_clock_set_back_an_hour_go_with_the_month_they_were_sealed_in(db):
    for instant in (FEBRUARY, FEBRUARY - SECOND, MARCH):
        with time_machine.travel(instant, tick=False):
            journal.record(CLOCK, "essai", "agent", 1)
    journal.seal()
    forgets(datetime.datetime(2028, 2, 1, tzinfo=UTC))
    assert left() == [1, 2, 3]
    forgets()
    assert left() == [3] and journal.verify() is None


def test_a_dry_run_counts_the_events_of_whole_months(months):
    with time_machine.travel(A_YEAR_LATER, tick=False):
        assert journal.forgettable() == 6
