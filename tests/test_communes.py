"""The communes: the real list on both engines, and what people type."""
import gzip
import json
import logging
import random
import re
import shutil
import statistics
import time
from contextlib import contextmanager

import psycopg
import pytest
from flask import Flask
from peewee import fn

from models import Commune, CommuneName, database
from portal import catalogue, cli, commune_list, communes
from portal.commune_list import check, import_communes, read_list, take_in
from portal.communes import birth_place, find, name_key, resolve, suggest
from portal.database import open_database


# --- The real list, imported once per engine by the command ---------------------------------------------------------

@pytest.fixture(scope="session")
def filled(request, tmp_path_factory):
    """engine -> (address, outcome of the command) of a database that holds the shipped list; made when first asked."""
    made, folder = {}, tmp_path_factory.mktemp("communes")

    def of(engine):
        if engine not in made:
            url = empty_database(engine, request, folder)
            with opened(url):
                made[engine] = url, flask_command("communes", "import")
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


def flask_command(*words):
    """The outcome of a command of `flask`, with the catalogue and the tables but none of the pages."""
    commands = Flask("commands")
    catalogue.install(commands)
    cli.install(commands)
    return commands.test_cli_runner().invoke(args=words)


@pytest.fixture
def country(filled, engine):
    """The database with the real list. What a test changes is rolled back."""
    with opened(filled(engine)[0]), database.atomic() as transaction:
        yield
        transaction.rollback()


@pytest.fixture(scope="session")
def entries():
    return read_list(commune_list.SHIPPED)


@pytest.fixture(scope="session")
def of_the_rhone(entries):
    return [entry for entry in entries if entry.departement == "69"]


@pytest.fixture
def rhone(db, of_the_rhone):
    """A fresh database with one département of the real list: imports are quick."""
    return take_in(of_the_rhone)


def changed(entries, code, **columns):
    return [entry._replace(**columns) if entry.code == code else entry for entry in entries]


def without(entries, code):
    return [entry for entry in entries if entry.code != code]


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

def test_the_command_takes_in_the_whole_country(filled, engine, country):
    outcome = filled(engine)[1]
    assert outcome.exit_code == 0
    assert "34969 communes listed: 34969 added, 0 changed, 0 left" in outcome.output
    assert Commune.select().where(Commune.listed).count() == 34_969


def test_each_way_to_a_commune_has_its_kind(country):
    assert dict(CommuneName.select(CommuneName.kind, fn.COUNT(1)).group_by(CommuneName.kind).tuples()) == {
        "actuelle": 34_969, "deleguee": 2_105, "associee": 471, "arrondissement": 45, "ancienne": 2_248,
        "postal": 35_493, "mot": 16_853}


def test_progress_reaches_its_total(filled, engine):
    steps = [tuple(map(int, step)) for step in re.findall(r"(\d+) of (\d+) rows", filled(engine)[1].stderr)]
    assert len(steps) > 10 and steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1] == Commune.select().count() + CommuneName.select().count()


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


def test_importing_again_changes_nothing(country, entries):
    before = everything()
    assert take_in(entries) == (34_969, 0, 0, 0, 0, 0)
    assert everything() == before


def test_the_address_of_a_mairie_survives_an_import(rhone, of_the_rhone):
    Commune.update(email="mairie@exemple.fr").where(Commune.code == "69123").execute()
    counts = take_in(changed(of_the_rhone, "69123", population=1))
    assert (counts.changed, find("69123").population, find("69123").email) == (1, 1, "mairie@exemple.fr")


def test_a_new_name_that_is_written_alike_takes_the_place_of_the_old_one(rhone, of_the_rhone):
    take_in(changed(of_the_rhone, "69029", name="BRON"))
    assert [name.name for name in CommuneName.select().where(CommuneName.key == "BRON")] == ["BRON"]


def merged(entries):
    """Bron became a part of Lyon and kept no name of its own."""
    return changed(without(entries, "69029"), "69123", former_codes=("69029",))


def test_a_commune_that_left_stays_and_its_name_leads_on(rhone, of_the_rhone):
    counts = take_in(merged(of_the_rhone))
    assert (counts.left, counts.listed) == (1, rhone.listed - 1)
    assert not Commune.get_by_id("69029").listed and find("69029") is None
    assert resolve("Bron").exact.code == resolve("69029").exact.code == "69123"
    assert resolve("Bron").found_as["69123"].name == "Bron"
    assert birth_place("69029") == "Bron (69)"
    assert take_in(merged(of_the_rhone))[1:] == (0, 0, 0, 0, 0)


def test_a_commune_that_comes_back_is_offered_again(rhone, of_the_rhone):
    take_in(merged(of_the_rhone))
    counts = take_in(of_the_rhone)
    assert (counts.changed, counts.added) == (1, 0)
    assert resolve("Bron").exact.code == "69029"


def test_a_commune_gone_without_a_successor_is_not_offered(rhone, of_the_rhone):
    take_in(without(of_the_rhone, "69029"))
    assert resolve("Bron").exact is None
    assert Commune.get_by_id("69029").name == "Bron"


def test_a_new_commune_is_added(rhone, of_the_rhone):
    new = of_the_rhone[0]._replace(code="69999", leads_to="69999", kind="actuelle", name="Neuville-Test",
                                   key="NEUVILLE TEST", postal_codes=("69999",))
    take_in([*of_the_rhone, new])
    assert resolve("neuville test").exact == resolve("69999").exact == find("69999")


def test_an_import_cut_short_changes_nothing(rhone, of_the_rhone):
    def interrupt(done, total):
        raise KeyboardInterrupt
    before = everything()
    with pytest.raises(KeyboardInterrupt):
        take_in(changed(of_the_rhone, "69123", population=1), interrupt)
    assert everything() == before


# --- Files that are refused -----------------------------------------------------------------------------------------

LYON = {"code": "69123", "nom": "Lyon", "type": "commune-actuelle", "departement": "69", "codesPostaux": ["69001"],
        "population": 520_774}


def cut(content):
    return content[:len(content) // 2]


@pytest.mark.parametrize("content", [
    b"", b"PK\x03\x04", b"\x1f\x8b", b"code;nom\n69123;Lyon", b"\xff\xfe[]", b"[" * 100_000,
    cut(commune_list.SHIPPED.read_bytes()), cut(gzip.decompress(commune_list.SHIPPED.read_bytes())),
    commune_list.SHIPPED.read_bytes()[:-4] + b"0000"])
def test_a_file_cut_short_or_of_another_kind_is_unreadable(tmp_path, content):
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(commune_list.ListUnreadable):
        read_list(tmp_path / "list")


@pytest.mark.parametrize("content", [
    '{"communes": []}', "null", "[1]", '["69123"]', "[null]", '[{"code": "69123", "nom": "Lyon"}]'])
def test_json_of_another_layout_is_foreign(tmp_path, content):
    (tmp_path / "list").write_text(content)
    with pytest.raises(commune_list.ListForeign) as refusal:
        read_list(tmp_path / "list")
    assert refusal.value.facts == {"row": 1}


@pytest.mark.parametrize("column, value", [
    ("code", "6912"), ("code", 69123), ("code", "69123\n"), ("nom", ""), ("nom", "-" * 9), ("nom", "x" * 81),
    ("nom", None), ("nom", "Ly\ud800on"), ("nom", "Ly\x00on"), ("type", "canton"), ("type", []),
    ("departement", "100"), ("departement", None), ("population", -1), ("population", "many"), ("population", True),
    ("codesPostaux", ["6900"]), ("codesPostaux", 69001), ("codesPostaux", [69001]), ("anciensCodes", ["x"]),
    ("chefLieu", "69001")])
def test_one_unsound_row_is_named(tmp_path, column, value):
    (tmp_path / "list").write_text(json.dumps([LYON, {**LYON, column: value}]))
    with pytest.raises(commune_list.ListForeign) as refusal:
        read_list(tmp_path / "list")
    assert refusal.value.facts == {"row": 2}


@pytest.mark.parametrize("kept, missing", [
    (lambda entry: entry.departement != "2B", "2B"), (lambda entry: entry.departement < "97", "971 972"),
    (lambda entry: entry.code < "60", "60 61 62"), (lambda entry: entry.code[-1] in "1236", "–")])
def test_a_list_without_its_end_or_a_departement_is_incomplete(entries, kept, missing):
    with pytest.raises(commune_list.ListIncomplete) as refusal:
        check([entry for entry in entries if kept(entry)])
    assert refusal.value.facts["departements"].startswith(missing)


@pytest.mark.parametrize("columns", [
    {"code": "69123"}, {"code": "69999", "leads_to": "69999", "name": "LYON"},
    {"code": "69999", "leads_to": "69998", "kind": "deleguee", "name": "Ailleurs", "key": "AILLEURS"}])
def test_a_list_that_contradicts_itself_is_refused(entries, columns):
    lyon = next(entry for entry in entries if entry.code == "69123")
    with pytest.raises(commune_list.ListIncoherent) as refusal:
        check([*entries, lyon._replace(**columns)])
    assert refusal.value.facts == {"code": columns["code"]}


def test_a_refused_file_changes_nothing(rhone, tmp_path):
    (tmp_path / "list").write_text(json.dumps([LYON]))
    before = everything()
    with pytest.raises(commune_list.ListIncomplete):
        import_communes(tmp_path / "list")
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
    ("Bois-Plage", "Le Bois-Plage-en-Ré (17)"), ("Les Abymmes", "Les Abymes (971)"),
    ("mrseille", "Marseille (13)"), ("Abimes", "Les Abymes (971)"),
    ("L'Abîme", "Les Abymes (971)"), ("Grnoble", "Grenoble (38)")])
def test_a_mistake_is_met_with_suggestions(country, typed, meant):
    found = resolve(typed)
    assert (found.exact, found.choices) == (None, ()) and len(found.suggestions) <= 8
    assert found.suggestions[0].label == meant


@pytest.mark.parametrize("typed, meant", [
    ("bicêtre", "Le Kremlin-Bicêtre (94)"), ("Ascq", "Villeneuve-d'Ascq (59)"),
    ("saint mandrier", "Saint-Mandrier-sur-Mer (83)"), ("maur des fosses", "Saint-Maur-des-Fossés (94)")])
def test_a_later_word_of_a_name_is_met_with_suggestions(country, typed, meant):
    assert resolve(typed).exact is None
    assert resolve(typed).suggestions[0].label == suggest(typed)[0].commune.label == meant


def test_names_that_begin_so_and_names_that_go_on_so_are_one_choice(country):
    found = resolve("Bresse")
    assert found.choices[0].name == "Bourg-en-Bresse" and "Bresse-sur-Grosne" in [town.name for town in found.choices]
    assert found.found_as == {}


def test_a_whole_name_beats_a_later_word(country):
    assert resolve("Billancourt").exact.label == "Billancourt (80)"
    assert resolve("Havre").exact.label == "Le Havre (76)"


@pytest.mark.parametrize("typed", [
    None, "", "   ", "()", "%", "'; DROP TABLE commune; --", "x" * 10_000, "Lyon" + " " * 10_000, "Ly\x00on",
    "Ly\u202eon", "Lyon\x00", "Lyon\u202e", "\ud800",
    "Ly\x7fon", "9" * 30, "00000", "2A999", "Лион", "里昂", "😀", "🇫🇷 (69)", "²", "١٢٣٤٥"])
def test_anything_else_is_nothing(country, typed):
    assert resolve(typed) == communes.NOTHING
    assert suggest(typed) == []


def test_every_label_is_understood(entries):
    for entry in entries:
        if entry.of_today:
            assert communes._question(f"{entry.name} ({entry.departement})") == (entry.key, "", entry.departement)


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
    assert [name.kind for name in found] == ["actuelle"] * 6 + ["deleguee", "mot", "mot"]
    assert (found[6].name, found[6].commune.label) == ("Épinay", "Mesnil-en-Ouche (27)")
    assert len({name.commune_id for name in found}) == len(found)
    assert len(suggest("saint")) == 12 and len(suggest("saint", limit=3)) == 3
    assert len(suggest("paris")) == len({name.commune_id for name in suggest("paris")})


def rank(name, key):
    """Its class by the order of the issue, from what a reader sees; then by population."""
    today, whole = name.name == name.commune.name, name.key == key
    if today and name.kind == "mot":
        return 4, -name.commune.population
    return (0 if whole else 1) if today else (2 if whole else 3), -name.commune.population


@pytest.mark.parametrize("typed", ["saint", "epinay", "ville", "sainte-co", "paris", "bourg", "mont", "neuil",
                                   "la roche", "cha", "arbignieu"])
def test_today_s_names_come_first_then_old_ones_then_inner_words(country, typed):
    found = suggest(typed)
    order = [rank(name, name_key(typed)) for name in found]
    assert order == sorted(order) and found


def test_the_most_shared_name_is_shown_whole(country):
    most = (Commune.select(Commune.name).where(Commune.listed).group_by(Commune.name)
            .order_by(fn.COUNT(Commune.code).desc()).limit(1).scalar())
    labels = [name.commune.label for name in suggest(most)]
    assert len(set(labels)) == 12 and {label.rpartition(" (")[0] for label in labels} == {most}


@pytest.mark.parametrize("ways", [
    ("st-etienne", "Saint Étienne", "SAINT-ETIENNE", "st etienne"), ("l'hay", "l’haÿ", "L HAY"),
    ("œuilly", "oeuilly", "OEUILLY"), ("marcq en b", "Marcq-en-B", "MARCQ‑EN‑B"), ("ste-colombe", "Sainte  Colombe")])
def test_ways_of_typing_find_the_same(country, ways):
    found = [[name.commune_id for name in suggest(typed)] for typed in ways]
    assert found[0] and all(one == found[0] for one in found)


@pytest.mark.parametrize("digits, labels", [
    ("69003", {"Lyon (69)"}), ("69123", {"Lyon (69)"}), ("2a004", {"Ajaccio (2A)"}),
    ("97133", {"Saint-Barthélemy (977)"}), ("01400", None)])
def test_digits_are_postal_and_insee_codes(country, digits, labels):
    found = suggest(digits)
    assert all(digits in name.commune.postal_codes or digits.upper() == name.code for name in found)
    assert labels is None or labels <= {name.commune.label for name in found}


def test_one_letter_is_not_enough_to_suggest(country):
    assert suggest("l") == [] and suggest("6") == []


# --- Cost -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("typed", ["Lyon", "lyon (69)", "69003", "01400", "Épinay", "Saint", "Monpellier",
                                   "Sant Denis"])
def test_a_question_costs_three_statements_at_most(country, typed):
    with statements(at_most=3):
        found = resolve(typed)
        for commune in (*filter(None, [found.exact]), *found.choices, *found.suggestions):
            assert commune.label and [name.name for name in found.found_as.values()] is not None


def as_typed(entries, count):
    """Beginnings of names and of postal codes, big towns more often, as `count` people would type them."""
    chance = random.Random(2026)
    towns = [entry for entry in entries if entry.of_today]
    for town in chance.choices(towns, [entry.population + 100 for entry in towns], k=count):
        text = town.postal_codes[0] if chance.random() < .15 and town.postal_codes else town.name.lower()
        yield text[:chance.randint(2, len(text))]


def test_a_suggestion_takes_under_five_milliseconds(country, entries):
    """The median of 300; of three tries the best, since others use the machine too."""
    def median():
        return statistics.median(timed(question) for question in as_typed(entries, 300))
    assert any(median() < 0.005 for _ in range(3))


def timed(question):
    started = time.perf_counter()
    suggest(question)
    return time.perf_counter() - started


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


# --- Where somebody was born ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("code, label", [
    ("69123", "Lyon (69)"), ("2A004", "Ajaccio (2A)"), ("75111", "Paris 11e Arrondissement (75)"),
    ("27221", "Épinay (27)"), ("01015", "Arbignieu (01)"), ("01262", "Montluel (01)"), ("97411", "Saint-Denis (974)")])
def test_a_place_of_birth_has_the_name_of_the_day(country, code, label):
    with statements(at_most=1):
        assert birth_place(code) == label


def test_a_lost_place_of_birth_is_named_by_its_successor(country):
    assert birth_place("01018") == "Valserhône (01)"


@pytest.mark.parametrize("code", [None, "", "99999", "99100", "6912", "x" * 10_000, "Ly\x00on"])
def test_an_unknown_place_of_birth_is_nothing(country, code):
    assert birth_place(code) is None


# --- The command ----------------------------------------------------------------------------------------------------

def test_the_command_says_in_french_why_a_file_is_refused(db, tmp_path):
    (tmp_path / "list.json").write_text("{}")
    outcome = flask_command("communes", "import", str(tmp_path / "list.json"))
    assert outcome.exit_code == 1
    assert "Ce fichier n’est pas une liste de communes" in outcome.output
    assert Commune.select().count() == 0


def test_each_refusal_has_its_sentence():
    commands = Flask("commands")
    catalogue.install(commands)
    with commands.app_context():
        for refusal in commune_list.UnusableList.__subclasses__():
            sentence = refusal(row=1, count=2, departements="2A", code="69123").sentence
            assert sentence.endswith("La liste des communes n’a pas changé.") and "%(" not in sentence
