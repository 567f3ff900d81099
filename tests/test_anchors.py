"""Anchors outlive the database: what its administrator cuts or writes anew, even with the journal's key, is seen."""
import datetime
import socket
import time
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
import time_machine

from models import Event, JournalMonth, database, now
from portal import anchors, clock, jobs, journal
from portal.procedure import CLOCK
from portal.settings import use
from tests.engines import ONE_ENGINE
from tests.test_journal import A_YEAR_LATER, MARCH, UTC, months, take_guards_off  # noqa: F401

HOUR = datetime.timedelta(hours=1)


def records(times):
    for number in range(times):
        journal.record(CLOCK, "essai", "agent", number)


def drops():
    """The hourly work, now."""
    clock.bring_forward("ancrer")
    while clock.run(name="ancrer"):
        pass


@pytest.fixture
def anchored(db, engine):
    """Three events, an anchor, three more, an anchor, two more; and no guards."""
    for times in (3, 3):
        records(times)
        drops()
    records(2)
    journal.seal()
    take_guards_off(engine)


def known():
    return anchors.read(anchors.kept())


def wrong():
    return journal.verify(known())


def writes_anew(first, last):
    """What whoever has the database and the key may do: another journal, every seal of it right."""
    database.execute_sql("DELETE FROM event")
    for number in range(first, last):
        journal.record(CLOCK, "autre", "agent", number)
    journal.seal()


def test_anchors_are_dropped_and_hold(anchored):
    assert [(anchor.seq, anchor.count) for anchor in known()] == [(3, 3), (6, 6)]
    assert wrong() is None


def test_what_waits_for_the_sealer_is_sealed_before_it_is_anchored(db, monkeypatch):
    monkeypatch.setattr(journal, "BATCH", 500)
    records(4)
    drops()
    assert known()[-1].seq == 4 and known()[-1].hash == Event.get(Event.seq == 4).hash


def test_a_tail_cut_after_an_anchor_is_named(anchored):
    database.execute_sql("DELETE FROM event WHERE seq > 4")
    assert journal.verify() is None, "without anchors the shorter chain holds"
    assert wrong() == (5, "cut")


def test_an_emptied_journal_is_named(anchored):
    database.execute_sql("DELETE FROM event")
    assert wrong() == (1, "cut")


def test_a_chain_written_anew_with_the_key_is_named(anchored):
    writes_anew(0, 8)
    assert journal.verify() is None, "the key makes every seal right"
    assert wrong() == (3, "rewritten")


def test_a_backup_restored_is_named_and_still_is_once_it_went_on(anchored):
    database.execute_sql("DELETE FROM event WHERE seq > 4")
    assert wrong() == (5, "cut")
    records(5)
    journal.seal()
    assert wrong() == (6, "rewritten")


def test_what_came_after_the_last_anchor_is_held_by_the_chain_alone(anchored):
    database.execute_sql("DELETE FROM event WHERE seq > 6")
    assert wrong() is None


def test_a_fault_of_the_chain_before_the_anchor_comes_first(anchored):
    database.execute_sql("UPDATE event SET act = 'faux' WHERE seq = 2")
    database.execute_sql("DELETE FROM event WHERE seq > 4")
    assert wrong() == (2, "changed")


def test_anchors_hold_across_months_that_are_erased(months):  # noqa: F811
    with time_machine.travel(MARCH, tick=False):
        drops()
    with time_machine.travel(A_YEAR_LATER, tick=False):
        jobs.through(journal.FORGET)
        drops()
    assert JournalMonth.select().count() == 2 and wrong() is None
    assert [(anchor.seq, anchor.count) for anchor in known()] == [(7, 7), (7, 1)]


def test_events_hidden_in_the_row_of_an_older_month_are_named(months, engine):  # noqa: F811
    """Who has the key lets January stand for February too: its anchor came before February's events."""
    anchor = anchors.Anchor(4, Event.get(Event.seq == 4).hash, 4, datetime.datetime(2027, 2, 5, tzinfo=UTC))
    take_guards_off(engine)
    january = JournalMonth(month="2027-01", first_seq=1, last_seq=6, last_hash=Event.get(Event.seq == 6).hash)
    january.mac = journal._month_mac(january, journal.GENESIS)
    january.save(force_insert=True)
    database.execute_sql("DELETE FROM event WHERE seq <= 6")
    assert journal.verify() is None
    assert journal.verify([anchor]) == (5, "early")


@ONE_ENGINE
def test_a_line_nobody_signed_is_named(anchored):
    genuine = known()[0].line
    for forged in (genuine.replace('"seq": 3', '"seq": 2'), "tout va bien", '{"seq": 1}', "[]", "{}"):
        anchors.kept().write_text(f"{genuine}\n{forged}\n")
        with pytest.raises(anchors.NotAnAnchor) as refusal:
            known()
        assert refusal.value.line == 2


@ONE_ENGINE
def test_an_anchor_of_another_key_is_not_ours(anchored, settings):
    use(replace(settings, journal_key="autre clé"))
    with pytest.raises(anchors.NotAnAnchor):
        known()


@ONE_ENGINE
def test_the_file_is_for_the_worker_alone_and_a_torn_line_spoils_no_other(db):
    records(1)
    drops()
    with anchors.kept().open("a") as file:
        file.write('{"at": "2027')
    drops()
    lines = anchors.kept().read_text().splitlines()
    assert anchors.kept().stat().st_mode & 0o077 == 0
    assert len(lines) == 3 and lines[1] == '{"at": "2027' and "mac" in lines[2]


@ONE_ENGINE
def test_an_anchor_that_cannot_be_written_is_tried_again_and_seen(db, settings, tmp_path):
    (tmp_path / "file").touch()
    use(replace(settings, journal_anchors=f"file:{tmp_path}/file/ancres"))
    with pytest.raises(OSError):
        drops()
    assert jobs.of("ancrer", "").error and list(jobs.troubled(now()))


@ONE_ENGINE
def test_syslog_is_told_and_what_it_wrote_is_read_again(db, settings, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        use(replace(settings, journal_anchors=f"syslog://127.0.0.1:{server.getsockname()[1]}"))
        records(2)
        drops()
        told = server.recv(2000).decode()
    (tmp_path / "syslog").write_text(f"Nov 23 17:00:00 bdd {told.partition('>')[2]}\n")
    assert [anchor.seq for anchor in anchors.read(tmp_path / "syslog")] == [2]


@ONE_ENGINE
def test_nowhere_is_nothing(db, settings):
    use(replace(settings, journal_anchors=""))
    drops()
    assert anchors.kept() is None


@pytest.mark.parametrize("zone", ["Europe/Paris", "Indian/Reunion", "America/Martinique", "Pacific/Noumea",
                                  "Pacific/Tahiti", "America/Miquelon"])
def test_an_anchor_falls_on_the_close_of_the_polls_and_on_the_end_of_their_day_everywhere(zone):
    """Each whole hour: of the worker's clock, and so of each town's."""
    for hour in (18, 0):
        wanted = datetime.datetime(2027, 4, 11, hour, tzinfo=ZoneInfo(zone))
        assert anchors.on_the_hour(wanted.astimezone(UTC) - datetime.timedelta(minutes=12)) == wanted
        assert anchors.on_the_hour(wanted.astimezone(UTC)) == wanted + HOUR


# --- The command ----------------------------------------------------------------------------------------------------

@pytest.fixture
def command(app):
    return app.test_cli_runner()


@ONE_ENGINE
def test_the_command_names_the_first_bad_event_and_what_is_wrong(command, anchored, tmp_path):
    intact = command.invoke(args=["journal", "verify"])
    assert intact.exit_code == 0 and "8 events, anchors compared: 2" in intact.output
    database.execute_sql("DELETE FROM event WHERE seq > 4")
    broken = command.invoke(args=["journal", "verify"])
    assert broken.exit_code == 1 and broken.output.startswith("journal broken at event 5: it is missing")
    elsewhere = tmp_path / "copie"
    elsewhere.write_text(known()[0].line)
    assert command.invoke(args=["journal", "verify", "--anchors", str(elsewhere)]).exit_code == 0
    elsewhere.write_text("rien")
    forged = command.invoke(args=["journal", "verify", "--anchors", str(elsewhere)])
    assert forged.exit_code == 1 and "line 1" in forged.output


@ONE_ENGINE
def test_the_command_says_that_nothing_was_compared_and_that_anchors_are_gone(command, db):
    records(1)
    journal.seal()
    assert "no anchor" in command.invoke(args=["journal", "verify"]).output
    drops()
    anchors.kept().unlink()
    gone = command.invoke(args=["journal", "verify"])
    assert gone.exit_code == 1 and "the anchors are gone" in gone.output


# --- How fast -------------------------------------------------------------------------------------------------------

def fill(count):
    """That many sealed events, written 5 000 at a time: sealing them would take minutes."""
    seq, prev, rows = 0, journal.GENESIS, []
    while seq < count:
        seq += 1
        event = Event(act="consulter", role="officer", actor=seq % 1000, commune="69123", subject="procuration",
                      subjects=str(seq), seq=seq, prev=prev)
        event.mac = journal._mac(event)
        prev = event.hash = journal._link(prev, seq, event)
        rows.append(event.__data__)
        if len(rows) == 5000 or seq == count:
            Event.insert_many([{name: value for name, value in row.items() if name != "id"} for row in rows]).execute()
            rows = []


def seconds(count):
    """What verifying so many takes: of this process, whatever else the machine does."""
    began = time.process_time()
    assert journal.verify() is None
    return (time.process_time() - began) * 1_000_000 / count


def test_a_million_events_would_be_verified_within_a_minute(db, engine):
    take_guards_off(engine)
    fill(20_000)
    assert seconds(20_000) < 60


@pytest.mark.long
def test_a_million_events_are_verified_within_a_minute(db, engine):
    take_guards_off(engine)
    fill(1_000_000)
    began = time.perf_counter()
    assert journal.verify() is None
    took = time.perf_counter() - began
    print(f"{engine}: {took:.1f} s")
    assert took < 60
