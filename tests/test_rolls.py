"""Electoral rolls: their files, their replacement as a whole, and who is found on them."""
import inspect
import io
import re
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from peewee import OperationalError

from benchmarks import roll as sample
from models import CommuneName, Elector, Event, Job, Personne, Roll, RollFile, RollPart, Rules, database, now
from portal import clock, roll_files, roll_import, rolls
from portal.procedure import CLOCK
from portal.typography import loosen
from tests.factories import a_commune, a_procuration, an_agent, an_officer
from tests.statements import count_statements
from tests.test_back_office import Desk
from tests.test_house import catalogue_keys


def a_roll(commune=None, kind="LP", state="current"):
    return Roll.create(commune=commune or a_commune(), kind=kind, state=state, fingerprint="0" * 64)


def an_elector(roll, birth_name="DURAND", first_names="Camille Andrée", birth_date="1980-05-04", **columns):
    used = columns.get("used_name")
    return Elector.create(**{"roll": roll, "birth_name": birth_name, "first_names": first_names, "sex": "F",
                             "birth_date": birth_date, "key": rolls.key_of(birth_name, first_names), "station": "0012",
                             "used_key": used and rolls.key_of(used, first_names), **columns})


def somebody(birth_name="Durand", first_names="Camille Andrée", birth_date="1980-05-04", **more):
    return SimpleNamespace(birth_name=birth_name, first_names=first_names, birth_date=birth_date, **more)


def found(commune, person, lists="LP"):
    """How each candidate matches: exact or near."""
    return ["exact" if match.exact else "near" for match in rolls.candidates(commune, person, lists)]


# --- Who is on a roll -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("person, answer", [
    (somebody(), ["exact"]),
    (somebody("DURAND", "CAMILLE, ANDREE"), ["exact"]),
    (somebody(first_names="Camille"), ["near"]),
    (somebody(first_names="Camil"), []),
    (somebody(first_names="Andrée Camille"), []),
    (somebody(birth_date="1980-00-00"), ["near"]),
    (somebody(birth_date="1980-05-00"), ["near"]),
    (somebody(birth_date="1980-06-00"), []),
    (somebody(birth_date="1980-05-05"), []),
    (somebody("Martin", "Camille"), ["near"]),
    (somebody("Bernard", used_name="Martin"), ["near"]),
    (somebody("Duran"), []),
    (somebody(nne="123456789"), ["exact"]),
    (somebody(nne="987654321"), ["near"]),
    (somebody(first_names=""), []),
])
def test_a_person_is_found_by_what_is_known_of_them(db, person, answer):
    an_elector(a_roll(), used_name="MARTIN", nne="123456789")
    assert found(a_commune(), person) == answer


@pytest.mark.parametrize("written", ["1953-00-00", "1953-07-00", "1953-07-14"])
def test_a_birth_date_known_in_part_agrees_with_what_it_says(db, written):
    an_elector(a_roll(), birth_date=written)
    assert found(a_commune(), somebody(birth_date=written)) == ["exact"]
    assert found(a_commune(), somebody(birth_date="1953-07-14")) == ["exact" if written == "1953-07-14" else "near"]
    assert found(a_commune(), somebody(birth_date="1953-08-14")) == (["near"] if written == "1953-00-00" else [])


def test_a_birth_date_nobody_could_read_is_never_exact(db):
    an_elector(a_roll(), birth_date=rolls.UNKNOWN)
    assert found(a_commune(), somebody()) == ["near"]


def test_homonyms_born_the_same_day_are_both_told(db):
    roll = a_roll()
    an_elector(roll), an_elector(roll)
    assert found(a_commune(), somebody()) == ["exact", "exact"]


def test_a_compound_first_name_is_found_with_or_without_its_hyphen(db):
    an_elector(a_roll(), first_names="Jean Pierre Marie")
    assert found(a_commune(), somebody(first_names="Jean-Pierre Marie")) == ["exact"]
    assert found(a_commune(), somebody(first_names="Jean-Pierre")) == ["near"]


def test_only_current_rolls_of_the_commune_and_of_the_lists_asked_for_are_read(db):
    for roll in (a_roll(a_commune("75056")), a_roll(state="draft"), a_roll(state="former"), a_roll(kind="LCM")):
        an_elector(roll)
    assert found(a_commune(), somebody()) == []
    assert found(a_commune(), somebody(), "LP LCM") == ["exact"]
    assert found(a_commune(), somebody(), ("LCM",)) == ["exact"]


def test_without_a_commune_exact_names_are_looked_for_on_every_roll(db):
    an_elector(a_roll(a_commune("75056"))), an_elector(a_roll())
    assert found(None, somebody()) == ["exact", "exact"]
    assert found(None, somebody(first_names="Camille")) == []


def test_two_statements_find_a_person_and_one_the_rolls(db):
    an_elector(a_roll())
    with count_statements() as statements:
        rolls.candidates(a_commune(), somebody(used_name="Martin"), "LP LCE")
    assert len(statements) == 2 + 1     # a_commune() is one
    with count_statements() as statements:
        assert set(rolls.current("69123")) == {"LP"}
    assert len(statements) == 1


@pytest.mark.parametrize("words, names", [
    ("dur", ["DURAND", "DURAND-NOËL"]), ("durand noel", ["DURAND-NOËL"]), ("DURAND Cam", ["DURAND"]),
    ("mart", ["DURAND"]), ("Durand-Noël C", ["DURAND-NOËL"]), ("de la", ["de La Tour"]),
    ("Delatour camille", ["de La Tour"]), ("and", []), ("", []), ("’", [])])
def test_the_roll_is_searched_by_the_beginning_of_a_name(db, words, names):
    roll = a_roll()
    an_elector(roll, used_name="MARTIN"), an_elector(roll, "DURAND-NOËL"), an_elector(roll, "de La Tour")
    an_elector(a_roll(a_commune("75056")))
    assert [elector.birth_name for elector in rolls.search(a_commune(), words, 50)] == names


def test_a_search_answers_the_first_names_only(db):
    roll = a_roll()
    for name in ("DURAND", "DUPONT", "DUVAL"):
        an_elector(roll, name)
    assert [elector.birth_name for elector in rolls.search(a_commune(), "DU", 2)] == ["DUPONT", "DURAND"]


# --- What a file says -----------------------------------------------------------------------------------------------

ANNE = {"birth_name": "DURAND", "used_name": "", "first_names": "Anne Zoé", "sex": "F", "birth_date": "04/05/1980"}
OLD_FORMAT = ("TypeListe;InfoListe;DateCreationListe;CodeDepartement;CodeCommune;NomCommune;NoElecteurGeneral;Sexe;"
              "NomdeNaissance;NomDusage;Prenoms;DateDeNaissance;NomComNaissance;DeptNaissance;PaysNaissance;"
              "Nationalite;NomBureauDeVote;NoBureauDeVote;CodeCanton;CodeCirconscription;ComplementDeLocalisation1;"
              "ComplementDeLocalisation2;NumeroVoie;TypeVoie;LibelleVoie;LieuDit;CodePostal;VilleLocalite;Pays\n")


def a_file(*people, commune="69123", kind="LP", headers=sample.HEADERS):
    """The bytes of a roll in the REU's format, of ANNE with changes."""
    rows = [sample.cells({**ANNE, **person}, number, commune, kind) for number, person in enumerate(people)]
    return "".join(map(sample._line, (headers, *rows))).encode()


def in_pieces(content, size=1000):
    def source(position):
        return (content[start:start + size] for start in range(position, len(content), size))
    return source


def reading_of(content, communes=("69123",)):
    reading, rows = roll_files.Reading(frozenset(communes)), []
    while not reading.ended:
        rows += reading.advance(in_pieces(content))
    return reading, rows


def first(content, *columns):
    """Some columns of the first elector of a file."""
    names = [column.name for column in roll_files.COLUMNS[1:]]
    row = dict(zip(names, reading_of(content)[1][0][1]))
    return tuple(row[column] for column in columns)


def test_the_reu_s_file_is_read_by_its_headers():
    reading, rows = reading_of(a_file({"used_name": "MARTIN"}))
    assert rows == [("LP", ("DURAND", "MARTIN", "Anne Zoé", "F", "1980-05-04", "DURAND ANNEZOE", "MARTIN ANNEZOE",
                            "0001", "École n° 1", "1", None))]
    assert reading.report == {"electors": {"LP": 1, "LCM": 0, "LCE": 0}, "left_out": 0, "faults": [], "fault_count": 0}


def test_columns_may_stand_anywhere_under_other_headers():
    content = ("prénom;Nom d’usage;NOM DE NAISSANCE;sexe;Date de naissance;Bureau de vote;code ugle;type de liste;"
               "NNE\r\nZoé;;Œuvrard;f;1961;12;69123;LCE;12 345 678\r\n").encode()
    assert first(content, "birth_name", "key", "birth_date", "station", "nne") == (
        "Œuvrard", "OEUVRARD ZOE", "1961-00-00", "12", "12345678")
    assert reading_of(content)[1][0][0] == "LCE"


@pytest.mark.parametrize("departement, town, commune", [("69", "123", "69123"), ("01", "4", "01004"),
                                                        ("1", "004", "01004"), ("69", "69123", "69123"),
                                                        ("972", "209", "97209"), ("972", "09", "97209"),
                                                        ("2A", "004", "2A004")])
def test_the_columns_of_the_arrete_of_2013_are_read(departement, town, commune):
    row = (f"LP;;01/02/2016;{departement};{town};LYON;17;M;DURAND;;Jean;00/07/1953;LYON;69;FRANCE;F;École;"
           "0003;;;;;;;;;69001;LYON;FRANCE\n")
    reading, rows = reading_of((OLD_FORMAT + row).encode(), (commune,))
    assert rows == [("LP", ("DURAND", None, "Jean", "M", "1953-07-00", "DURAND JEAN", None, "0003", "École", "17",
                            None))]


@pytest.mark.parametrize("written, read", [
    ("04/05/1980", "1980-05-04"), ("4/5/1980", "1980-05-04"), ("00/00/1953", "1953-00-00"),
    ("00/05/1953", "1953-05-00"), ("05/1961", "1961-05-00"), ("1961", "1961-00-00"),
    ("1980-05-04", "1980-05-04"), ("29/02/1980", "1980-02-29"),
    ("29/02/1981", None), ("29/02/1900", None), ("12/00/1953", None), ("31/04/1980", None), ("", None),
    ("00/00/0000", None), ("04/05/80", None), ("04.05.1980", None), ("04/05/2999", None),
    ("٠٤/٠٥/١٩٨٠", None), ("1875", "1875-00-00")])
def test_birth_dates(written, read):
    assert roll_files.birth_date_of(written) == read


@pytest.mark.parametrize("written, read", [("12345678", "12345678"), (" 123 456 789 ", "123456789"), ("1234567", None),
                                           ("12345678A", None), ("1234567890", None), ("", None)])
def test_numbers_of_electors(written, read):
    assert roll_files.number(written) == read


def test_a_number_with_letters_is_told_and_not_kept():
    content = ("prénom;nom de naissance;sexe;date de naissance;bureau de vote;code ugle;type de liste;NNE\n"
               "Zoé;DURAND;F;1961;12;69123;LP;12345678A\n").encode()
    reading, rows = reading_of(content)
    assert rows[0][1][-1] is None and reading.report["faults"] == [[2, "nne", True]]


@pytest.mark.parametrize("person, fault", [
    ({"birth_date": "29/02/1981"}, "date"), ({"birth_date": ""}, "date"), ({"birth_date": "01/01/1875"}, "old"),
    ({"birth_date": "01/01/2999"}, "date"), ({"birth_date": "00/00/0000"}, "date"),
    ({"sex": "?"}, "sex"), ({"birth_name": "D\ufffdRAND"}, "characters")])
def test_who_is_badly_written_stays_on_the_roll_and_is_told(person, fault):
    """To leave them out could cost a vote."""
    reading, rows = reading_of(a_file({}, person))
    assert len(rows) == 2 and reading.report["faults"] == [[3, fault, True]] and reading.report["left_out"] == 0


@pytest.mark.parametrize("change, fault", [
    ((b"1980", b'1980";"x'), "columns"), ((b';"0001";', b";"), "columns"),
    ((b"liste principale", b"?"), "kind"), ((b'"DURAND"', b""), "name"), ((b"DURAND", b"-"), "name"),
    ((b"DURAND", b"A" * 201), "too_long"),
    ((b'"69123"', b"", 1), "unit"), ((b'"DURAND"', b'"DUR"AND""'), "quotes")])
def test_a_line_that_names_nobody_is_left_out_and_told(change, fault):
    head, row = a_file({}).splitlines(keepends=True)
    reading, rows = reading_of(head + row + row.replace(*change) + row)
    assert len(rows) == 2 and reading.report["left_out"] == 1
    assert reading.report["faults"] == [[3, fault, False]]


def test_each_fault_of_a_line_has_a_sentence():
    source = Path(roll_files.__file__).read_text()
    doubts = inspect.getsource(roll_files.elector).partition("doubts = ")[2]
    faults = {*re.findall(r'LeftOut\("(\w+)"\)', source), *re.findall(r'\("(\w+)", ', doubts)}
    assert {"quotes", "date", "nne"} <= faults
    assert {f"roll.fault.{fault}" for fault in faults} == {key for key in catalogue_keys() if "roll.fault" in key}


def test_a_hundred_faults_are_told_and_all_are_counted():
    reading, _ = reading_of(a_file({}, *[{"sex": "?"}] * 150))
    assert len(reading.report["faults"]) == 100 and reading.report["fault_count"] == 150


def test_a_bom_quotes_line_breaks_and_empty_lines_are_read():
    people = {"birth_name": 'DURAND ""DIT"" X'}, {"birth_name": "DU\nPONT"}
    content = b"\xef\xbb\xbf" + a_file(*people).replace(b"\n", b"\r\n") + b";" * 26 + b"\r\n\r\n"
    reading, rows = reading_of(content)
    assert [row[1][0] for row in rows] == ['DURAND "DIT" X', "DU PONT"]
    assert reading.report["fault_count"] == 0


@pytest.mark.parametrize("content, refusal", [
    (b"", roll_files.RollEmpty),
    (a_file(), roll_files.RollEmpty),
    (a_file({}, commune="75056"), roll_files.RollForeign),
    (a_file({}) + a_file({}, commune="75056").splitlines(keepends=True)[1], roll_files.RollForeign),
    (a_file({}, {}).decode().encode("latin-1"), roll_files.RollEncoding),
    (a_file({}).decode().encode("utf-16"), roll_files.RollBinary),
    (a_file({}).replace(b"DURAND", b"DUR\0AND"), roll_files.RollBinary),
    (b"PK\3\4" + b"\0\xff" * 90_000, roll_files.RollBinary),
    (b"%PDF-1.7\n%\xe2\xe3\n", roll_files.RollHeaders),
    (b"<!doctype html>\n<title>ELIRE</title>\n", roll_files.RollHeaders),
    (b";" * 60_000 + b"\n", roll_files.RollHeaders),
    (a_file({}).replace(b"\n", b"\r"), roll_files.RollTruncated),
    (a_file({}).replace("nom de naissance".encode(), b"nom"), roll_files.RollHeaders),
    (a_file({}).replace(b";", b","), roll_files.RollHeaders),
    (b'"une "premi\xc3\xa8re" ligne"\n', roll_files.RollHeaders),
    (a_file({}).replace(b"DURAND", b"D" * 70_000), roll_files.RollTooWide),
    (a_file({}, *[{}] * 20).replace(b'DURAND"', b"DURAND", 1), roll_files.RollQuotes),
])
def test_a_file_that_cannot_be_the_roll_is_refused(content, refusal):
    with pytest.raises(refusal):
        reading_of(content)


@pytest.mark.parametrize("kept", [*range(1, 60), 100, 200])
def test_a_file_cut_anywhere_but_between_two_lines_is_refused(kept):
    content = a_file({}, {}, {})
    with pytest.raises((roll_files.RollTruncated, roll_files.RollEncoding)):
        reading_of(content[:-kept])


def test_a_million_columns_are_refused_in_little_memory():
    def source(position):
        return (b"colonne;" * 1000 for _ in range(1000))
    tracemalloc.start()
    with pytest.raises(roll_files.RollTooWide):
        roll_files.Reading(frozenset()).advance(source)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_file_read_in_small_pieces_is_the_same(monkeypatch):
    content = a_file(*({"birth_name": f"DURAND{number}", "birth_date": "?"} for number in range(50)))
    whole = reading_of(content)
    monkeypatch.setattr(roll_files, "BATCH", 7)
    assert reading_of(content)[1] == whole[1] and reading_of(content)[0].report == whole[0].report


def test_parts_of_a_commune_may_list_its_electors(db):
    lyon = a_commune()
    CommuneName.create(commune=lyon, name="Lyon 3e", key="LYON 3E", kind="arrondissement", code="69383")
    assert roll_import.communes_of(lyon) == {"69123", "69383"}
    reading_of(a_file({}, commune="69383"), roll_import.communes_of(lyon))


# --- A file becomes the roll ----------------------------------------------------------------------------------------

def saved(tmp_path, *people, name="liste.csv", **columns):
    path = tmp_path / name
    path.write_bytes(a_file(*people, **columns))
    return path


def many(count, **columns):
    return [{"birth_name": f"DURAND-{'abcdefghij'[number % 10] * (number // 10 + 1)}", **columns}
            for number in range(count)]


def work():
    """What the workers do of it."""
    for name in (roll_import.READ, roll_import.ERASE):
        roll_import.jobs.plan(clock.WORKS)
        roll_import.jobs.bring_forward(name)
        while clock.run(name=name):
            pass


def names_on(kind="LP"):
    roll = rolls.current("69123").get(kind)
    return roll and [name for name, in Elector.select(Elector.birth_name).where(Elector.roll == roll)
                     .order_by(Elector.id).tuples()]


def test_a_file_becomes_the_roll_and_the_former_one_is_erased(db, tmp_path):
    lyon = a_commune()
    roll_import.import_file(lyon, saved(tmp_path, ANNE), CLOCK)
    roll_import.import_file(lyon, saved(tmp_path, {"birth_name": "MARTIN"}), CLOCK)
    assert names_on() == ["MARTIN"]
    assert Elector.select().count() == 2
    work()
    assert Elector.select().count() == Roll.select().count() == 1
    assert not RollFile.select().exists()
    assert Event.select().where(Event.act == "importer").count() == 2


def test_another_kind_of_list_stands_beside(db, tmp_path):
    lyon = a_commune()
    roll_import.import_file(lyon, saved(tmp_path, ANNE), CLOCK)
    roll_import.import_file(lyon, saved(tmp_path, {"birth_name": "ROSSI"}, kind="LCM"), CLOCK)
    assert names_on("LP") == ["DURAND"] and names_on("LCM") == ["ROSSI"]


def test_a_roll_that_changed_has_the_files_of_its_commune_checked_again(db, tmp_path):
    roll_import.import_file(a_commune(), saved(tmp_path, ANNE), CLOCK)
    assert Job.get(Job.name == "revoir").subject == "69123"


def test_a_dry_run_writes_nothing(db, tmp_path):
    report = roll_import.check_file(a_commune(), saved(tmp_path, ANNE, {"sex": "?"}))
    assert report["electors"]["LP"] == 2 and report["faults"] == [[3, "sex", True]]
    assert not (Roll.select().exists() or RollFile.select().exists() or Elector.select().exists())


def test_the_same_file_twice_changes_nothing(db, tmp_path):
    lyon, path = a_commune(), saved(tmp_path, ANNE)
    roll_import.import_file(lyon, path, CLOCK)
    for act in (roll_import.check_file, lambda *given: roll_import.import_file(*given, CLOCK)):
        with pytest.raises(roll_import.RollKnown):
            act(lyon, path)
    assert Elector.select().count() == 1


def test_less_than_half_of_the_former_roll_is_to_be_confirmed(db, tmp_path):
    lyon = a_commune()
    roll_import.import_file(lyon, saved(tmp_path, *many(9)), CLOCK)
    path = saved(tmp_path, *many(4))
    for act in (roll_import.check_file, lambda *given: roll_import.import_file(*given, CLOCK)):
        with pytest.raises(roll_import.RollSmaller):
            act(lyon, path)
    assert len(names_on()) == 9
    roll_import.import_file(lyon, path, CLOCK, smaller=True)
    assert len(names_on()) == 4
    roll_import.import_file(lyon, saved(tmp_path, *many(2)), CLOCK)


@pytest.mark.parametrize("cut", [3, 900])
def test_a_refused_file_leaves_the_former_roll_and_nothing_else(db, tmp_path, monkeypatch, cut):
    lyon = a_commune()
    roll_import.import_file(lyon, saved(tmp_path, ANNE), CLOCK)
    monkeypatch.setattr(roll_files, "BATCH", 3)
    path = saved(tmp_path, *many(20))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(roll_files.RollTruncated):
        roll_import.import_file(lyon, path, CLOCK)
    work()
    assert names_on() == ["DURAND"]
    assert Elector.select().count() == 1 and not RollFile.select().exists()


def test_a_full_disk_or_a_lost_database_keeps_the_former_roll_until_the_same_file_is_read(app, engine, tmp_path,
                                                                                          settings, monkeypatch):
    lyon, path = a_commune(), saved(tmp_path, *many(300))
    roll_import.import_file(lyon, saved(tmp_path, ANNE, name="former.csv"), CLOCK)
    monkeypatch.setattr(roll_files, "BATCH", 100)
    fail, mend = FAULTS[engine]
    with pytest.raises(OperationalError):
        roll_import.import_file(lyon, path, CLOCK, progress=lambda done, total: fail(settings.database_url))
    mend()
    assert names_on() == ["DURAND"]
    roll_import.import_file(lyon, path, CLOCK)
    assert len(names_on()) == 300


def fill_the_disk(url):
    database.execute_sql("PRAGMA max_page_count = 1")


def end_the_connections(url):
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                      " WHERE datname = current_database() AND pid <> pg_backend_pid()")


def connect_again():
    database.close()
    database.connect()


FAULTS = {"sqlite": (fill_the_disk, lambda: database.execute_sql("PRAGMA max_page_count = 1000000")),
          "postgresql": (end_the_connections, connect_again)}


class Killed(BaseException):
    """The process ends here."""


def test_an_import_killed_in_the_middle_shows_nothing_half_and_runs_again(db, tmp_path, monkeypatch):
    lyon, path = a_commune(), saved(tmp_path, *many(20))
    roll_import.import_file(lyon, saved(tmp_path, ANNE, name="former.csv"), CLOCK)
    monkeypatch.setattr(roll_files, "BATCH", 6)

    def kill(done, total):
        if done > total / 2:
            raise Killed
    with pytest.raises(Killed):
        roll_import.import_file(lyon, path, CLOCK, progress=kill)
    assert names_on() == ["DURAND"]
    roll_import.import_file(lyon, path, CLOCK)
    assert names_on() == [person["birth_name"] for person in many(20)]
    work()
    assert Elector.select().count() == 20


def upload(path, commune=None, agent=None):
    with path.open("rb") as stream:
        return roll_import.receive(commune or a_commune(), agent or an_agent(commune=commune), stream)


def test_an_uploaded_file_waits_in_the_database_until_it_is_read_then_confirmed(db, tmp_path, monkeypatch):
    monkeypatch.setattr(roll_import, "PIECE", 500)
    monkeypatch.setattr(roll_files, "BATCH", 3)
    lyon, agent = a_commune(), an_agent()
    file = upload(saved(tmp_path, *many(10)), lyon, agent)
    assert RollPart.select().count() > 3
    work()
    file = roll_import.of(lyon)
    assert file.state == "ready" and file.report["electors"]["LP"] == 10
    assert not RollPart.select().exists() and not rolls.current(lyon)
    roll_import.replace(file, agent)
    assert len(names_on()) == 10 and rolls.current(lyon)["LP"].agent == agent
    with pytest.raises(roll_import.RollReplaced):
        roll_import.replace(file, agent)


def test_a_worker_killed_between_two_steps_loses_and_repeats_no_line(db, tmp_path, monkeypatch):
    monkeypatch.setattr(roll_files, "BATCH", 3)
    upload(saved(tmp_path, *many(10)))
    clock.run(lambda: Elector.select().count() > 4, name=roll_import.READ)
    assert 4 < Elector.select().count() < 10
    work()
    assert Elector.select().count() == 10


def test_two_workers_on_one_file_write_each_line_once(db, tmp_path, monkeypatch):
    monkeypatch.setattr(roll_files, "BATCH", 3)
    file = upload(saved(tmp_path, *many(10)))
    slower = RollFile.get_by_id(file.id)
    work()
    with pytest.raises(roll_import.RollReplaced), db.atomic():
        roll_import.read_on(slower, lambda position: roll_import._parts(file, position))


def test_an_uploaded_file_that_is_refused_says_why(db, tmp_path):
    lyon = a_commune()
    upload(saved(tmp_path, *many(2), commune="75056"), lyon)
    work()
    refusal = roll_import.refusal_of(roll_import.of(lyon))
    assert isinstance(refusal, roll_files.RollForeign) and refusal.facts == {"line": 2, "code": "75056"}


def test_a_second_upload_takes_the_place_of_the_first(db, tmp_path):
    lyon, agent = a_commune(), an_agent()
    first_file = upload(saved(tmp_path, *many(2)), lyon, agent)
    work()
    upload(saved(tmp_path, *many(3)), lyon, agent)
    with pytest.raises(roll_import.RollReplaced):
        roll_import.replace(first_file, agent)
    work()
    assert roll_import.of(lyon).report["electors"]["LP"] == 3 and Elector.select().count() == 3


class Interrupted(io.BytesIO):
    """A file in whose second reading, which keeps it, something else happens after the first piece."""

    def __init__(self, content, happens):
        super().__init__(content)
        self.happens, self.pieces = happens, None

    def seek(self, place):
        self.pieces = 0
        return super().seek(place)

    def read(self, size):
        if self.pieces is not None:
            self.pieces += 1
            if self.pieces == 2:
                self.happens()
        return super().read(size)


@pytest.mark.parametrize("others", [3, 10])
def test_of_two_uploads_at_once_the_last_one_stands_even_of_the_same_file(db, tmp_path, monkeypatch, others):
    monkeypatch.setattr(roll_import, "PIECE", 500)
    monkeypatch.setattr(roll_files, "BATCH", 3)
    lyon, agent = a_commune(), an_agent()
    second = saved(tmp_path, *many(others))
    with pytest.raises(roll_import.RollReplaced):
        roll_import.receive(lyon, agent, Interrupted(a_file(*many(10)), lambda: upload(second, lyon, agent)))
    work()
    file = roll_import.of(lyon)
    assert file.report["electors"]["LP"] == Elector.select().count() == others
    roll_import.replace(file, agent)


@pytest.mark.parametrize("others", [3, 20])
def test_of_two_imports_of_one_commune_at_once_the_last_one_stands(db, tmp_path, monkeypatch, others):
    monkeypatch.setattr(roll_files, "BATCH", 6)
    lyon, second, began = a_commune(), saved(tmp_path, *many(others), name="second.csv"), []

    def another(done, total):
        if not began:
            began.append(roll_import.import_file(lyon, second, CLOCK))
    with pytest.raises(roll_import.RollReplaced):
        roll_import.import_file(lyon, saved(tmp_path, *many(20)), CLOCK, progress=another)
    work()
    assert len(names_on()) == Elector.select().count() == others


def test_an_import_overtaken_by_an_upload_leaves_it_in_peace(db, tmp_path, monkeypatch):
    monkeypatch.setattr(roll_files, "BATCH", 6)
    lyon, agent, other = a_commune(), an_agent(), saved(tmp_path, *many(3), name="second.csv")
    with pytest.raises(roll_import.RollReplaced):
        roll_import.import_file(lyon, saved(tmp_path, *many(20)), CLOCK,
                                progress=lambda *_: upload(other, lyon, agent))
    work()
    assert roll_import.of(lyon).report["electors"]["LP"] == Elector.select().count() == 3


def test_a_file_nobody_confirms_is_erased_after_a_day(db, tmp_path):
    upload(saved(tmp_path, *many(2)))
    work()
    RollFile.update(created_at=now() - roll_import.LIFE).execute()
    work()
    assert not (RollFile.select().exists() or Roll.select().exists() or Elector.select().exists())


def test_the_command_tells_what_it_found_and_what_it_refused(app, tmp_path):
    a_commune()
    path, run = saved(tmp_path, ANNE, {"birth_date": "30/02/1980"}), app.test_cli_runner().invoke
    answer = run(args=["roll", "import", "69123", str(path), "--dry-run"])
    assert answer.exit_code == 0 and "2 LP; 1 lines to look at, 0 left out; nothing written" in answer.output
    assert "3: La date de naissance" in answer.output and "100 %" in answer.output
    assert run(args=["roll", "import", "Lyon (69)", str(path)]).exit_code == 0
    again = run(args=["roll", "import", "69123", str(path)])
    assert again.exit_code == 1 and "déjà été importée" in again.output
    assert run(args=["roll", "import", "99999", str(path)]).exit_code == 1


# --- The town hall's screen -----------------------------------------------------------------------------------------

LIST, IMPORT = "/admin/liste/", "/admin/liste/importer"


@pytest.fixture
def desk(app):
    return Desk(app, an_agent())


def sends(desk, *people, **columns):
    content = a_file(*people, **columns) if people else b""
    return desk.opens(IMPORT).presses("Envoyer", file=(io.BytesIO(content), "liste.csv"))


def test_a_town_hall_without_a_roll_is_told_what_it_misses(desk):
    assert "Aucune liste électorale n’est importée" in desk.opens(LIST).text
    assert "électeurs actifs" in desk.opens(IMPORT).text


def test_a_file_is_sent_read_confirmed_and_searched(desk):
    sends(desk, {"used_name": "MARTIN"}, {"birth_name": "DUPUY", "sex": "?"})
    assert "Lecture du fichier" in desk.text and desk.page.headers["Refresh"]
    assert "Refresh" not in desk.opens(IMPORT, pause="oui").page.headers
    work()
    desk.opens(IMPORT)
    assert "2 électeurs" in desk.text and "Gardé" in desk.text and "Refresh" not in desk.page.headers
    desk.presses("Utiliser cette liste")
    assert "La liste électorale est remplacée" in desk.text
    desk.presses("Chercher", words="mart")
    assert "1 électeur" in desk.text and "DURAND" in desk.text and "4 mai 1980" in loosen(desk.text)
    assert "mart" not in desk.page.request.full_path
    assert Event.select().where(Event.act == "consulter", Event.subject == "elector").count() == 1
    assert "ne commence par" in desk.presses("Chercher", words="zzz").text


def test_nothing_chosen_is_said_in_the_form(desk):
    desk.opens(IMPORT).presses("Envoyer", file=(io.BytesIO(b""), ""))
    assert desk.page.status_code == 422 and "Choisissez le fichier à envoyer" in desk.text


def test_an_empty_file_and_one_already_imported_are_refused_at_once(desk):
    sends(desk)
    assert desk.page.status_code == 422 and "Aucun électeur n’a été lu" in desk.text
    sends(desk, ANNE), work()
    desk.opens(IMPORT).presses("Utiliser cette liste")
    sends(desk, ANNE)
    assert desk.page.status_code == 409 and "déjà été importée" in desk.text


def test_a_refused_file_is_told_and_another_may_be_sent(desk):
    sends(desk, ANNE, commune="75056"), work()
    assert "Fichier refusé" in desk.opens(IMPORT).text and "code 75056" in desk.text
    sends(desk, ANNE), work()
    assert "Fichier lu" in desk.opens(IMPORT).text


def test_a_much_smaller_roll_is_to_be_ticked(desk):
    for people in (many(9), many(3)):
        sends(desk, *people), work()
        desk.opens(IMPORT).presses("Remplacer la liste" if rolls.current("69123") else "Utiliser cette liste")
    assert desk.page.status_code == 422 and "Cochez" in desk.text and len(names_on()) == 9
    desk.presses("Remplacer la liste", whole="y")
    assert len(names_on()) == 3


def test_a_roll_that_knows_nobody_of_the_last_mandants_is_questioned_before_and_after(desk):
    for _ in range(3):
        a_procuration("etablie", commune=desk.agent.commune)
    sends(desk, *many(9)), work()
    assert "ne connaît aucun des 3 derniers mandants" in loosen(desk.opens(IMPORT).text)
    desk.presses("Utiliser cette liste")
    assert "ne connaît aucun des 3 derniers mandants" in loosen(desk.text)
    a_roll(kind="LCM")
    for mandant in Personne.select().where(Personne.role == "mandant"):
        an_elector(Roll.get(kind="LCM"), mandant.birth_name, mandant.first_names)
    assert "derniers mandants" not in desk.opens(LIST).text


def test_a_file_says_what_another_roll_speaks_against_and_one_of_strangers_proposes_nothing(desk):
    Rules.create(mode="assisted")
    decided, waiting = (a_procuration(status, commune=desk.agent.commune) for status in ("validee", "etablie"))
    sends(desk, *many(9)), work()
    desk.opens(IMPORT).presses("Utiliser cette liste")
    clock.run(name="revoir")
    text = loosen(desk.opens("/admin/procurations/details/", id=decided.id).text)
    assert "La liste électorale dit autre chose" in text and "Le mandant n’est pas inscrit" in text
    text = loosen(desk.opens("/admin/procurations/details/", id=waiting.id).text)
    assert "Le mandant n’est pas inscrit" in text and "Pas de décision proposée" in text


def test_a_file_given_up_leaves_nothing(desk):
    sends(desk, ANNE), work()
    assert "n’a pas changé" in desk.opens(IMPORT).presses("Abandonner ce fichier").text
    work()
    assert not Elector.select().exists()


def test_the_file_of_before_is_not_confirmed_in_the_place_of_another(desk, tmp_path):
    sends(desk, ANNE), work()
    desk.opens(IMPORT)
    upload(saved(tmp_path, *many(2)), desk.agent.commune, an_agent()), work()
    desk.presses("Utiliser cette liste")
    assert desk.page.status_code == 409 and not rolls.current("69123")


def test_another_town_hall_sees_neither_the_roll_nor_the_file(app, desk):
    sends(desk, ANNE), work()
    desk.opens(IMPORT).presses("Utiliser cette liste")
    sends(desk, ANNE, {"birth_name": "AUTRE"}), work()
    paris = Desk(app, an_agent(commune=a_commune("75056")))
    assert "Aucune liste électorale n’est importée" in paris.opens(LIST).text
    assert "Envoyer" in paris.opens(IMPORT).text
    own = desk.opens(LIST).presses("Chercher", words="dur").page.request.full_path
    assert paris.opens(own).page.status_code == 404


def test_large_files_are_read_of_this_form_and_of_this_town_hall_only(app, desk):
    large = {"file": (io.BytesIO(b"x" * 2_000_000), "liste.csv")}
    assert desk.client.post("/admin/liste/envoyer", data=large).status_code == 400      # no token: read, then refused
    large = {"file": (io.BytesIO(b"x" * 2_000_000), "liste.csv")}
    assert desk.client.post("/admin/liste/abandonner", data=large).status_code == 413
    for client, answer in ((app.test_client(), 303), (Desk(app, an_officer()).client, 404)):
        large = {"file": (io.BytesIO(b"x" * 2_000_000), "liste.csv")}
        assert client.post("/admin/liste/envoyer", data=large).status_code == answer
