"""The communes: the real list on both engines, and what people type."""
import gzip
import json
import logging
import shutil
from contextlib import contextmanager

import psycopg
import pytest
from flask import Flask
from peewee import fn

from models import Commune, CommuneName, database
from portal import catalogue, cli, communes
from portal.communes import find, import_communes, name_key, resolve, suggest
from portal.database import open_database


# --- The real list, imported once per engine ------------------------------------------------------------------------

@pytest.fixture(scope="module")
def filled(request, tmp_path_factory):
    """engine -> (address, Counts, progress) of a database that holds the shipped list; made at the first request."""
    made, folder = {}, tmp_path_factory.mktemp("communes")

    def of(engine):
        if engine not in made:
            url, steps = empty_database(engine, request, folder), []
            with opened(url):
                made[engine] = url, import_communes(progress=lambda *step: steps.append(step)), steps
        return made[engine]
    return of


def empty_database(engine, request, folder):
    if engine == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "communes.db")
        return f"sqlite:///{folder / 'communes.db'}"
    server = request.getfixturevalue("postgresql_server")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE communes TEMPLATE template")
    return server.replace("/postgres?", "/communes?")


@contextmanager
def opened(url):
    with open_database(url).connection_context():
        yield
    getattr(database.obj, "close_all", lambda: None)()


@pytest.fixture
def country(filled, engine):
    """The database with the real list. What a test changes is rolled back."""
    url, counts, _ = filled(engine)
    with opened(url), database.atomic() as transaction:
        yield counts
        transaction.rollback()


@pytest.fixture(scope="module")
def shipped():
    return json.loads(gzip.decompress(communes.SHIPPED.read_bytes()))


@pytest.fixture
def newer(shipped, tmp_path):
    """Writes a list: the shipped rows after `change` (of one row; None drops it), and `more` rows."""
    def write(change=lambda row: row, more=()):
        rows = [row for row in map(change, map(dict, shipped)) if row]
        path = tmp_path / "newer.json"
        path.write_text(json.dumps([*rows, *more]))
        return path
    return write


def everything():
    return (list(Commune.select().order_by(Commune.code).tuples()),
            list(CommuneName.select().order_by(CommuneName.id).tuples()))


@contextmanager
def statements(at_most):
    """Fails when the block sends more SQL statements."""
    sent, logger = [], logging.getLogger("peewee")
    handler, level = logging.Handler(), logger.level
    handler.emit = lambda record: sent.append(record.getMessage())
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield sent
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert len(sent) <= at_most, sent


# --- The list -------------------------------------------------------------------------------------------------------

def test_the_whole_country_is_there(country):
    assert country.listed == country.added == Commune.select().where(Commune.listed).count() == 34_969
    parts = dict(CommuneName.select(CommuneName.kind, fn.COUNT(1)).where(CommuneName.key > ":")
                 .group_by(CommuneName.kind).tuples())
    assert parts == {"actuelle": 34_969, "deleguee": 2_105, "associee": 471, "arrondissement": 45}


def test_former_codes_lead_to_a_commune_of_today(country):
    assert CommuneName.select().where(CommuneName.kind == "ancienne").count() == 2_248


def test_progress_reaches_its_total(filled, engine):
    steps = filled(engine)[2]
    assert len(steps) > 10 and steps[-1][0] == steps[-1][1]
    assert steps == sorted(steps)


@pytest.mark.parametrize("code, departement, zone", [
    ("75056", "75", "Europe/Paris"), ("2A004", "2A", "Europe/Paris"), ("97105", "971", "America/Guadeloupe"),
    ("97209", "972", "America/Martinique"), ("97302", "973", "America/Cayenne"), ("97411", "974", "Indian/Reunion"),
    ("97502", "975", "America/Miquelon"), ("97611", "976", "Indian/Mayotte"),
    ("97701", "977", "America/St_Barthelemy"), ("97801", "978", "America/Marigot"),
    ("98613", "986", "Pacific/Wallis"), ("98735", "987", "Pacific/Tahiti"), ("98731", "987", "Pacific/Marquesas"),
    ("98719", "987", "Pacific/Gambier"), ("98818", "988", "Pacific/Noumea")])
def test_days_are_those_of_the_territory(country, code, departement, zone):
    commune = find(code)
    assert (commune.departement, commune.zone) == (departement, zone)


def test_a_commune_has_its_people_and_postal_codes(country):
    lyon = find("69123")
    assert lyon.population > 500_000
    assert "69003" in lyon.postal_codes.split()


def test_importing_again_changes_nothing(country):
    before = everything()
    again = import_communes()
    assert again == (34_969, 0, 0, 0, 0, 0)
    assert everything() == before


def test_the_address_of_a_mairie_survives_an_import(country, newer):
    Commune.update(email="mairie@exemple.fr").where(Commune.code == "69123").execute()
    counts = import_communes(newer(lambda row: {**row, "population": 1} if row["code"] == "69123" else row))
    assert (counts.changed, find("69123").population, find("69123").email) == (1, 1, "mairie@exemple.fr")


def merged(row):
    """Bron became a part of Lyon and kept no name of its own."""
    if row["code"] == "69029":
        return None
    return {**row, "anciensCodes": ["69029"]} if row["code"] == "69123" else row


def test_a_commune_that_left_stays_and_its_name_leads_on(country, newer):
    counts = import_communes(newer(merged))
    assert (counts.left, counts.listed) == (1, 34_968)
    assert not Commune.get_by_id("69029").listed and find("69029") is None
    assert resolve("Bron").exact.code == resolve("69029").exact.code == "69123"
    assert resolve("Bron").found_as["69123"].name == "Bron"
    assert import_communes(newer(merged))[1:] == (0, 0, 0, 0, 0)


def test_a_commune_that_comes_back_is_offered_again(country, newer):
    import_communes(newer(merged))
    counts = import_communes()
    assert (counts.changed, counts.added) == (1, 0)
    assert resolve("Bron").exact.code == "69029"


def test_a_commune_gone_without_a_successor_is_not_offered(country, newer):
    import_communes(newer(lambda row: None if row["code"] == "69029" else row))
    assert resolve("Bron").exact is None
    assert Commune.get_by_id("69029").name == "Bron"


def test_a_new_commune_is_added(country, newer):
    import_communes(newer(more=[{"code": "69999", "nom": "Neuville-Test", "type": "commune-actuelle",
                                 "departement": "69", "codesPostaux": ["69999"]}]))
    assert resolve("neuville test").exact == resolve("69999").exact == find("69999")


# --- Files that are refused -----------------------------------------------------------------------------------------

def cut(content):
    return content[:len(content) // 2]


@pytest.mark.parametrize("content", [
    b"", b"PK\x03\x04", b"\x1f\x8b", b"code;nom\n69123;Lyon", b"\xff\xfe[]", b"[" * 100_000,
    cut(communes.SHIPPED.read_bytes()), cut(gzip.decompress(communes.SHIPPED.read_bytes())),
    communes.SHIPPED.read_bytes()[:-4] + b"0000"])
def test_a_file_cut_short_or_of_another_kind_is_unreadable(tmp_path, content):
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(communes.ListUnreadable):
        communes.read_list(tmp_path / "list")


@pytest.mark.parametrize("content", [
    '{"communes": []}', "null", "[1]", '["69123"]', "[null]", '[{"code": "69123", "nom": "Lyon"}]'])
def test_json_of_another_layout_is_foreign(tmp_path, content):
    (tmp_path / "list").write_text(content)
    with pytest.raises(communes.ListForeign) as refusal:
        communes.read_list(tmp_path / "list")
    assert refusal.value.facts == {"row": 1}


@pytest.mark.parametrize("column, value", [
    ("code", "6912"), ("code", 69123), ("code", "69123\n"), ("nom", ""), ("nom", "-" * 9), ("nom", "x" * 81),
    ("nom", None), ("nom", "Ly\ud800on"), ("nom", "Ly\x00on"), ("type", "canton"), ("type", []),
    ("departement", "100"), ("departement", None), ("population", -1), ("population", "many"), ("population", True),
    ("codesPostaux", ["6900"]), ("codesPostaux", 69001), ("codesPostaux", [69001]), ("anciensCodes", ["x"]),
    ("chefLieu", "69001")])
def test_one_unsound_row_is_named(shipped, tmp_path, column, value):
    (tmp_path / "list").write_text(json.dumps([shipped[0], {**shipped[1], column: value}]))
    with pytest.raises(communes.ListForeign) as refusal:
        communes.read_list(tmp_path / "list")
    assert refusal.value.facts == {"row": 2}


@pytest.mark.parametrize("kept, missing", [
    (lambda row: row["departement"] != "2B", "2B"), (lambda row: row["departement"] < "97", "971 972"),
    (lambda row: row["code"] < "60", "60 61 62"), (lambda row: row["code"][-1] in "1236", "–")])
def test_a_list_without_its_end_or_a_departement_is_incomplete(newer, kept, missing):
    with pytest.raises(communes.ListIncomplete) as refusal:
        communes.read_list(newer(lambda row: row if kept(row) else None))
    assert refusal.value.facts["departements"].startswith(missing)


@pytest.mark.parametrize("row", [
    {"code": "69123", "nom": "Lyon", "type": "commune-actuelle", "departement": "69"},
    {"code": "69999", "nom": "LYON", "type": "commune-actuelle", "departement": "69"},
    {"code": "69999", "nom": "Ailleurs", "type": "commune-deleguee", "departement": "69", "chefLieu": "69998"}])
def test_a_list_that_contradicts_itself_is_refused(newer, row):
    with pytest.raises(communes.ListIncoherent) as refusal:
        communes.read_list(newer(more=[row]))
    assert refusal.value.facts == {"code": row["code"]}


def test_a_refused_file_changes_nothing(country, newer):
    before = everything()
    with pytest.raises(communes.UnusableList):
        import_communes(newer(lambda row: None if row["departement"] == "69" else row))
    assert everything() == before


def test_an_import_cut_short_changes_nothing(country, newer):
    def interrupt(done, total):
        raise KeyboardInterrupt
    before = everything()
    with pytest.raises(KeyboardInterrupt):
        import_communes(newer(lambda row: {**row, "population": 1}), interrupt)
    assert everything() == before


# --- The normal form ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("typed, meant", [
    ("LYON", "Lyon"), ("  lyon ", "Lyon"), ("st-etienne", "Saint-Étienne"), ("Ste Colombe", "Sainte-Colombe"),
    ("l’hay les roses", "L'Haÿ-les-Roses"), ("MARCQ EN BAROEUL", "Marcq-en-Barœul"), ("paris 1er", "Paris 1"),
    ("Paris 11e Arrondissement", "paris 11ème arr."), ("Bourg‑en‑Bresse", "bourg en bresse")])
def test_ways_of_writing_are_one_name(typed, meant):
    assert name_key(typed) == name_key(meant)


def test_different_names_stay_different():
    assert len({name_key(name) for name in ("Stains", "Saintains", "Saintes", "Sainte", "Paris 1", "Paris 11")}) == 6


# --- What people type -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("typed, code", [
    ("Lyon", "69123"), ("lyon (69)", "69123"), ("Lyon, 69", "69123"), ("Lyon\u00a0(69)", "69123"), ("69123", "69123"),
    ("69003", "69123"), ("69003 Lyon", "69123"), ("Lyon 69003", "69123"), ("Sainte-Colombe (46)", "46260"),
    ("ste colombe (46)", "46260"), ("bourg-en-bresse (1)", "01053"), ("ajaccio (2a)", "2A004"), ("2a004", "2A004"),
    ("20000 Ajaccio", "2A004"), ("Fort-de-France (972)", "97209"), ("l'hay les roses", "94038"), ("Havre", "76351"),
    ("Château-Chinon (Ville) (58)", "58062"), ("Y", "80829"), ("97133", "97701")])
def test_one_commune_is_accepted(country, typed, code):
    found = resolve(typed)
    assert (found.exact and found.exact.code, found.choices, found.suggestions) == (code, (), ())
    assert found.found_as == {}


@pytest.mark.parametrize("typed, code, name, kind", [
    ("Paris 11e Arrondissement", "75056", "Paris 11e Arrondissement", "arrondissement"),
    ("Marseille 8e", "13055", "Marseille 8e Arrondissement", "arrondissement"),
    ("Arbignieu", "01015", "Arbignieu", "deleguee"), ("epinay (27)", "27049", "Épinay", "deleguee"),
    ("Cordieux", "01262", "Cordieux", "associee"), ("27221", "27049", "Épinay", "deleguee")])
def test_an_old_name_leads_to_today_and_says_so(country, typed, code, name, kind):
    found = resolve(typed)
    assert found.exact.code == code
    assert (found.found_as[code].name, found.found_as[code].kind) == (name, kind)


def test_a_lost_code_leads_to_today(country):
    assert resolve("01144").exact.code == "01025"


def test_names_that_several_bear_are_a_choice(country):
    choices = resolve("sainte colombe").choices
    assert len(choices) == 12 and {commune.name for commune in choices} == {"Sainte-Colombe"}
    assert [commune.population for commune in choices] == sorted(
        (commune.population for commune in choices), reverse=True)


def test_a_postal_code_that_several_share_is_a_choice(country):
    found = resolve("01400")
    assert len(found.choices) == 10 and all("01400" in commune.postal_codes for commune in found.choices)


def test_a_choice_is_capped(country):
    choices = resolve("Saint").choices
    assert len(choices) == 50 and choices[0].name == "Saint-Étienne"


def test_a_name_of_today_beats_an_old_one(country):
    assert CommuneName.select().where((CommuneName.key == "SAINT DENIS") & (CommuneName.kind != "actuelle")).exists()
    found = resolve("Saint-Denis")
    assert {commune.name for commune in found.choices} == {"Saint-Denis"} and not found.found_as


def test_an_old_name_that_begins_names_of_today_is_a_choice(country):
    found = resolve("Épinay")
    assert found.exact is None
    assert found.choices[0].name == "Épinay-sur-Seine" and "27049" in [commune.code for commune in found.choices]
    assert list(found.found_as) == ["27049"]


@pytest.mark.parametrize("typed, meant", [
    ("Monpellier", "Montpellier (34)"), ("Bordeau", "Bordeaux (33)"), ("St Etiene", "Saint-Étienne (42)"),
    ("Sant Denis", "Saint-Denis (974)"), ("Bourg-la-Rene", "Bourg-la-Reine (92)"), ("Lyon (34)", "Lyon (69)"),
    ("Bois-Plage", "Le Bois-Plage-en-Ré (17)"), ("Les Abymmes", "Les Abymes (971)")])
def test_a_mistake_is_met_with_suggestions(country, typed, meant):
    found = resolve(typed)
    assert (found.exact, found.choices) == (None, ()) and len(found.suggestions) <= 8
    assert found.suggestions[0].label == meant


@pytest.mark.parametrize("typed", [
    None, "", "   ", "()", "%", "'; DROP TABLE commune; --", "x" * 10_000, "Lyon" + " " * 10_000, "Ly\x00on",
    "Ly\u202eon", "Lyon\x00", "Lyon\u202e", "\ud800",
    "Ly\x7fon", "9" * 30, "00000", "2A999", "Лион", "里昂", "😀", "🇫🇷 (69)", "²", "١٢٣٤٥"])
def test_anything_else_is_nothing(country, typed):
    assert resolve(typed) == communes.NOTHING
    assert suggest(typed) == []


def test_every_label_is_understood(shipped):
    for row in shipped:
        if row["type"] == "commune-actuelle":
            asked = communes._question(f"{row['nom']} ({row['departement']})")
            assert asked == (name_key(row["nom"]), "", row["departement"])


def test_a_code_from_the_list_is_found(country):
    assert find("69123").label == "Lyon (69)"
    assert [find(code) for code in (None, "", "6912", "69001 ", "99999", "01018", "x" * 10_000)] == [None] * 7


# --- While it is typed ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("typed, first", [
    ("ly", "Lyon (69)"), ("marseil", "Marseille (13)"), ("st-et", "Saint-Étienne (42)"), ("690", "Lyon (69)"),
    ("75011", "Paris (75)"), ("69123", "Lyon (69)"), ("2a004", "Ajaccio (2A)"), ("epinay", "Épinay-sur-Seine (93)"),
    ("paris 11", "Paris (75)"), ("havre", "Le Havre (76)"), ("Sainte-Colombe (46)", "Sainte-Colombe (46)"),
    ("arbignieu", "Arboys en Bugey (01)")])
def test_the_likeliest_commune_comes_first(country, typed, first):
    assert suggest(typed)[0].commune.label == first


def test_suggestions_say_the_old_name_and_come_once_per_commune(country):
    found = suggest("epinay")
    assert (found[-1].name, found[-1].kind, found[-1].commune.label) == ("Épinay", "deleguee", "Mesnil-en-Ouche (27)")
    assert len({name.commune_id for name in found}) == len(found) == 7
    assert len(suggest("saint")) == 8 and len(suggest("saint", limit=3)) == 3
    assert len(suggest("paris")) == len({name.commune_id for name in suggest("paris")})


def test_one_letter_is_not_enough_to_suggest(country):
    assert suggest("l") == [] and suggest("6") == []


# --- Cost -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("typed", ["Lyon", "lyon (69)", "69003", "01400", "Épinay", "Saint", "Monpellier",
                                   "Sant Denis"])
def test_a_question_costs_two_statements_at_most(country, typed):
    with statements(at_most=2):
        found = resolve(typed)
        for commune in (*filter(None, [found.exact]), *found.choices, *found.suggestions):
            assert commune.label and [name.name for name in found.found_as.values()] is not None


def test_suggesting_costs_one_statement(country):
    with statements(at_most=1):
        assert all(name.commune.label for name in suggest("sainte"))


@pytest.mark.parametrize("question", ["Lyon", "69003", "Lyon (69)"])
def test_a_question_reads_ranges_of_an_index(country, engine, question):
    for query in (communes._names(communes._question(question)), communes._select(*communes._suggested("LYO")),
                  communes._select(*communes._suggested_by_code("690"))):
        assert not reads_a_whole_table(query, engine)


def test_the_plan_of_a_whole_table_is_seen(country, engine):
    assert reads_a_whole_table(CommuneName.select().where(CommuneName.name == "Lyon"), engine)


def reads_a_whole_table(query, engine):
    sql, parameters = query.sql()
    explain, whole = ("EXPLAIN QUERY PLAN", "SCAN") if engine == "sqlite" else ("EXPLAIN", "Seq Scan")
    plan = [str(row[-1]) for row in database.execute_sql(f"{explain} {sql}", parameters).fetchall()]
    return any(whole in line for line in plan)


# --- The command ----------------------------------------------------------------------------------------------------

@pytest.fixture
def flask_command(db):
    """Runs a command of `flask`, with the catalogue and the tables but none of the pages."""
    commands = Flask("commands")
    catalogue.install(commands)
    cli.install(commands)
    return lambda *words: commands.test_cli_runner().invoke(args=words)


def test_the_command_says_in_french_why_a_file_is_refused(flask_command, tmp_path):
    (tmp_path / "list.json").write_text("{}")
    outcome = flask_command("communes", "import", str(tmp_path / "list.json"))
    assert outcome.exit_code == 1
    assert "Ce fichier n’est pas une liste de communes" in outcome.output
    assert Commune.select().count() == 0


def test_each_refusal_has_its_sentence():
    commands = Flask("commands")
    catalogue.install(commands)
    with commands.app_context():
        for refusal in communes.UnusableList.__subclasses__():
            sentence = refusal(row=1, count=2, departements="2A", code="69123").sentence
            assert sentence.endswith("La liste des communes n’a pas changé.") and "%(" not in sentence


def test_the_command_takes_in_the_shipped_list(flask_command):
    outcome = flask_command("communes", "import")
    assert outcome.exit_code == 0
    assert "34969 communes listed: 34969 added, 0 changed, 0 left" in outcome.output


# --- Where somebody was born ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("code, label", [
    ("69123", "Lyon (69)"), ("2A004", "Ajaccio (2A)"), ("75111", "Paris 11e Arrondissement (75)"),
    ("27221", "Épinay (27)"), ("01015", "Arbignieu (01)"), ("01262", "Montluel (01)"), ("97411", "Saint-Denis (974)")])
def test_a_place_of_birth_has_the_name_of_the_day(country, code, label):
    with statements(at_most=1):
        assert communes.birth_place(code) == label


def test_a_lost_place_of_birth_is_named_by_its_successor(country):
    assert communes.birth_place("01018") == "Valserhône (01)"


@pytest.mark.parametrize("code", [None, "", "99999", "99100", "6912", "x" * 10_000, "Ly\x00on"])
def test_an_unknown_place_of_birth_is_nothing(country, code):
    assert communes.birth_place(code) is None
