"""What is kept too long goes, with everything that names somebody, and the journal says which numbers went."""
import datetime
import random
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from peewee import chunked

from models import (TABLES, Couverture, Event, Mail, Mot, Passage, Personne, Procuration, Reference,
                    SingleUse, Status, TourVise, Voter, WebSession, database, now)
from portal import accounts, addresses, clock, erasure, jobs, outbox, scrutins
from portal.database import transaction
from tests.factories import EMAIL, a_mandataire, a_period, a_procuration, a_scrutin, a_voter
from tests.test_clock import SECOND, all_due, at, each_town, in_turn, move

YEAR_AND_A_DAY = datetime.timedelta(days=367)


def erased_at(instant, *names):
    """All that is due at an instant: the works of the clock, or those named."""
    with time_machine.travel(instant, tick=False):
        for name in names or erasure.WORKS:
            all_due(name)


def is_there(file):
    return Procuration.select().where(Procuration.id == file.id).exists()


def send_all():
    Mail.update(state="sent", sent_at=now()).execute()


# --- How long -------------------------------------------------------------------------------------------------------

def test_an_established_file_is_kept_a_year_after_its_last_day_arrete_2021(db):
    scrutin = a_scrutin()
    files = [a_procuration(Status.VALIDEE, scrutin=scrutin, commune=commune) for commune in each_town()]
    day, kept = files[0].valid_until, set(files)
    for midnight, some in in_turn(files, lambda file: datetime.datetime.combine(
            day.replace(year=day.year + 1) + datetime.timedelta(days=1), datetime.time(), ZoneInfo(file.commune.zone))):
        erased_at(midnight - SECOND, "dossiers")
        assert set(Procuration.select()) == kept
        erased_at(midnight + SECOND, "dossiers")
        kept -= set(some)
        assert set(Procuration.select()) == kept
    assert not kept


def test_a_year_after_29_february_ends_with_28_february_arrete_2021(db):
    file = move(a_procuration(Status.ETABLIE), valid_until=datetime.date(2028, 2, 29))
    erased_at(at(2029, 2, 28, 23, 59, 59))
    assert is_there(file)
    erased_at(at(2029, 3, 1, 0, 0, 1))
    assert not is_there(file)


@pytest.mark.parametrize("status", [Status.VALIDEE, Status.INVALIDEE, Status.ANNULEE, Status.RESILIEE, Status.ETABLIE])
def test_every_established_file_is_kept_whatever_became_of_it_arrete_2021(db, status):
    file = a_procuration(status)
    send_all()
    erased_at(now() + datetime.timedelta(days=365))
    assert is_there(file)
    erased_at(now() + datetime.timedelta(days=31) + YEAR_AND_A_DAY + datetime.timedelta(days=7))
    assert not is_there(file)


@pytest.mark.parametrize("status", [Status.RETIREE, Status.REFUSEE, Status.CADUQUE])
@pytest.mark.parametrize("filed, ends", [(at(2026, 12, 31, 12), at(2027, 2, 28, 12)),
                                         (at(2027, 1, 28, 12), at(2027, 3, 28, 13))])
def test_a_request_never_established_is_kept_two_months_after_filing_arrete_2021(db, status, filed, ends):
    file = move(a_procuration(status), filed_at=filed)
    send_all()
    erased_at(ends - SECOND)
    assert is_there(file)
    erased_at(ends + SECOND)
    assert not is_there(file)


def test_a_request_nobody_presented_is_told_that_it_lapsed_before_it_goes(db):
    file = a_procuration(demande=a_period(now().date() + datetime.timedelta(days=200)))
    send_all()
    with time_machine.travel(file.lapses_at + SECOND, tick=False):
        erased_at(now())
        assert is_there(file), "it has not lapsed: the worker was stopped"
        all_due("perimer")
        erased_at(now())
        assert is_there(file), "its last mail has not left"
        send_all()
        erased_at(now())
    assert not is_there(file)


def test_a_mail_that_cannot_leave_keeps_its_request_three_days_at_most(db):
    file = a_procuration(Status.CADUQUE)
    ends = file.filed_at + datetime.timedelta(days=70)
    Mail.update(created_at=ends).execute()
    erased_at(ends + datetime.timedelta(days=3) - SECOND)
    assert is_there(file)
    erased_at(ends + datetime.timedelta(days=3) + SECOND)
    assert not is_there(file)


@pytest.mark.parametrize("state, kept", [("sent", False), ("dead", False), ("held", True), ("waiting", True),
                                         ("letter", True)])
def test_the_content_of_a_mail_is_kept_30_days_and_until_it_left(db, state, kept):
    a_procuration()
    written = Mail.get().created_at
    Mail.update(state=state).execute()
    erased_at(written + datetime.timedelta(days=30) - SECOND, "courriels")
    assert Mail.get().context and Mail.get().recipient == EMAIL
    erased_at(written + datetime.timedelta(days=30) + SECOND, "courriels")
    mail = Mail.get()
    assert (mail.context is not None, mail.recipient != "") == (kept, kept)
    assert mail.state == state and mail.name == "deposee", "that it was told stays with the file"


def test_a_mail_without_content_is_not_sent_again(db):
    a_procuration()
    Mail.update(state="dead", context=None, recipient="").execute()
    assert not outbox.resend(Mail.get())


def test_a_mail_of_no_file_goes_as_a_whole(db):
    Mail.create(key="invitation:1:x:agent", name="invitation", recipient="agent@exemple.fr", context={"draw": "x"},
                state="sent")
    erased_at(now() + datetime.timedelta(days=31), "courriels")
    assert not Mail.select().exists()


def test_a_voter_goes_with_the_last_file_and_a_day_after_a_log_in_without_any(db):
    with_file, without, logged_in = a_procuration(Status.VALIDEE).voter, a_voter(), a_voter()
    WebSession.create(token_hash="0" * 64, voter=logged_in, login="x")
    erased_at(now() + datetime.timedelta(days=1) - datetime.timedelta(minutes=1), "electeurs")
    assert Voter.select().count() == 3
    erased_at(now() + datetime.timedelta(days=1, minutes=1), "electeurs")
    assert {voter.id for voter in Voter.select()} == {with_file.id, logged_in.id}
    assert not Voter.select().where(Voter.id == without.id).exists()
    erased_at(now() + datetime.timedelta(days=40) + YEAR_AND_A_DAY, "dossiers", "sessions", "electeurs")
    assert not Voter.select().exists()


def test_ended_sessions_and_links_go_batch_by_batch(db, monkeypatch):
    monkeypatch.setattr(accounts, "BATCH", 2)
    for number in range(5):
        WebSession.create(token_hash=f"{number:064}", voter=a_voter(), login="x",
                          started_at=now() - datetime.timedelta(hours=25))
        SingleUse.create(hash=f"{number:064}", kind="oidc", subject="{}",
                         expires_at=now() - datetime.timedelta(hours=25))
    SingleUse.create(hash="a" * 64, kind="oidc", subject="{}", expires_at=now())
    assert erasure.count()["sessions"] == 10
    all_due("sessions")
    assert WebSession.select().count() == 0 and SingleUse.select().count() == 1


# --- Everything that names somebody ---------------------------------------------------------------------------------

NAMES = ("Zzyrianovskaïa", "Quetzalcoatline", "Wolffelsheimer", "Ébroïn-Théophraste")
MARKS = [text.encode() for name in NAMES for text in (name, name.upper(), name.lower())]
MARKS += [b"zzyrianovskaia", b"quetzalcoatline", b"wolffelsheimer", b"ebroin", b"zzyrianov@exemple.fr"]


def a_marked_procuration(status=Status.VALIDEE, **columns):
    """Names found nowhere else, and a trace in every table that may hold one."""
    voter = a_voter(birth_name=NAMES[0], first_names=NAMES[1], email="zzyrianov@exemple.fr")
    file = a_procuration(status, voter=voter,
                         mandataire=a_mandataire(birth_name=NAMES[2], first_names=NAMES[3]), **columns)
    addresses.send_link(file)
    send_all()
    return file


def test_nothing_of_a_file_is_left_in_any_table(db):
    a_marked_procuration()
    kept = a_procuration(Status.VALIDEE, scrutin=a_scrutin(in_days=90))
    erased_at(scrutins.end_of(kept.valid_until, kept.commune) + datetime.timedelta(days=340))
    assert [row.id for row in Procuration.select()] == [kept.id]
    for table, column in ((Personne, "procuration"), (Reference, "procuration"), (Passage, "procuration"),
                          (Couverture, "procuration"), (Mot, "procuration"), (TourVise, "procuration")):
        assert {getattr(row, f"{column}_id") for row in table.select()} == {kept.id}, table
    assert not SingleUse.select().where(SingleUse.kind == "address").exists()
    everything = repr([row for table in TABLES for row in table.select().tuples()]).encode()
    assert not any(mark in everything for mark in MARKS)


def test_the_journal_says_which_numbers_went_and_no_more(db):
    file = a_marked_procuration()
    erased_at(now() + datetime.timedelta(days=40) + YEAR_AND_A_DAY, "dossiers", "electeurs")
    said = {(event.subject, event.subjects, event.role) for event in Event.select().where(Event.act == "effacer")}
    assert said == {("procuration", str(file.id), "clock"), ("voter", str(file.voter_id), "clock")}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_no_byte_of_a_name_is_left_in_the_files_of_sqlite(db, settings):
    """In its pages and in the log beside it; pages split while they grow, and keep bytes of what moved to another."""
    kept = a_procuration(Status.ETABLIE, scrutin=a_scrutin(in_days=90))
    for number in range(6):
        a_marked_procuration(scrutin=a_scrutin())
        _grow(kept, number)
    assert any(mark in _bytes(settings) for mark in MARKS)
    erased_at(now() + datetime.timedelta(days=41) + YEAR_AND_A_DAY)
    assert [row.id for row in Procuration.select()] == [kept.id]
    found = _bytes(settings)
    assert [mark for mark in MARKS if mark in found] == []


def _grow(file, number):
    """Words on both sides of those that are to go."""
    draw = random.Random(number)
    rows = [(file.commune_id, draw.choice(("QUETZA", "WOLFFE", "ZZYRIA", "EBROIN"))
             + "".join(draw.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=12)), file.id) for _ in range(150)]
    with transaction():
        for some in chunked(rows, 100):
            Mot.insert_many(some, fields=[Mot.commune, Mot.word, Mot.procuration]).execute()


def _bytes(settings):
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    return b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*"))


# --- A dry run, a worker killed, two at once ------------------------------------------------------------------------

def test_a_dry_run_counts_and_writes_nothing(db):
    a_marked_procuration()
    a_procuration(Status.RETIREE)
    send_all()
    before = _everything()
    with time_machine.travel(now() + datetime.timedelta(days=45) + YEAR_AND_A_DAY, tick=False):
        assert erasure.count() == {"dossiers": 1, "demandes": 1, "courriels": 6, "electeurs": 0, "sessions": 1,
                                   "journal": 0}
        assert _everything() == before
        assert erasure.erase()
        assert erasure.count() == dict.fromkeys(erasure.count(), 0)


def _everything():
    return repr([row for table in TABLES for row in table.select().tuples()])


def test_a_dry_run_of_the_command_counts_what_the_next_run_erases(app):
    file = move(a_procuration(Status.ETABLIE), valid_until=now().date() - datetime.timedelta(days=400))
    run = app.test_cli_runner().invoke
    assert "dossiers: 1 to erase" in run(args=["jobs", "run", "dossiers", "--dry-run"]).output
    assert is_there(file)
    assert "dossiers: 1 rows" in run(args=["jobs", "run", "dossiers"]).output
    assert not is_there(file)
    assert run(args=["jobs", "run", "inconnu"]).exit_code == 2


def _over(count):
    """Files that are all to be erased now."""
    for _ in range(count):
        move(a_procuration(Status.ETABLIE), valid_until=now().date() - datetime.timedelta(days=400))


def test_an_erasure_killed_in_the_middle_goes_on_where_it_was(db, monkeypatch):
    monkeypatch.setattr(erasure, "BATCH", 2)
    _over(5)
    plain = clock.WORKS["dossiers"].step

    class Killed(BaseException):
        """The process is gone; its lease stays."""

    def dies(job):
        done = plain(job)
        if Procuration.select().count() < 3:
            raise Killed()
        return done
    jobs.plan(clock.WORKS)
    with pytest.raises(Killed):
        jobs.run({"dossiers": jobs.Work(dies, jobs.at_night)})
    assert Procuration.select().count() == 3, "its last batch is there again"
    with time_machine.travel(now() + jobs.LEASE + SECOND, tick=False):
        all_due("dossiers")
    assert not Procuration.select().exists()
    went = [number for event in Event.select().where(Event.act == "effacer") for number in event.subjects.split()]
    assert len(went) == len(set(went)) == 5


def test_two_workers_erase_a_file_once(db, monkeypatch):
    monkeypatch.setattr(erasure, "BATCH", 1)
    _over(4)
    jobs.plan(clock.WORKS)
    threads = [threading.Thread(target=_work_apart) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not Procuration.select().exists()
    assert Event.select().where(Event.act == "effacer", Event.subject == "procuration").count() == 4


def _work_apart():
    with database.connection_context():
        while clock.run():
            pass


def test_rows_that_are_kept_do_not_hold_back_those_behind_them(db, monkeypatch):
    """A batch of nothing but kept rows: mails that still wait, older than one that left."""
    monkeypatch.setattr(erasure, "BATCH", 1)
    for _ in range(3):
        a_procuration()
    last = Mail.select().order_by(Mail.id.desc()).get()
    Mail.update(state="sent").where(Mail.id == last.id).execute()
    erased_at(now() + datetime.timedelta(days=31), "courriels")
    assert [mail.context is None for mail in Mail.select().order_by(Mail.id)] == [False, False, True]


# --- Millions of rows -----------------------------------------------------------------------------------------------

def test_what_goes_with_a_file_or_a_voter_is_found_by_an_index():
    """Else each erasure reads a whole table for each row it erases."""
    for table in TABLES:
        firsts = {index._expressions[0] for index in table._meta.fields_to_index() if not index._where}
        key = table._meta.primary_key
        firsts.add(table._meta.fields[key.field_names[0]] if table._meta.composite_key else key)
        for field in table._meta.refs:
            if field.rel_model in (Procuration, Voter):
                assert field in firsts, f"{table.__name__}.{field.name}: an index that begins with it"
