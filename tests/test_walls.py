"""The second wall (design 6): on PostgreSQL a town hall's page sees and writes what is its own, whatever it asks."""
import ast
import re
from pathlib import Path

import pytest
from peewee import DatabaseError, fn

from admin_views import base, policy, start
from benchmarks.rows import fill
from models import (TABLES, Agent, Elector, Procuration, Role, Roll, RollFile, RollPart,
                    SavedSearch, WebSession, database, now)
from portal import journal, procedure, walls
from portal.database import open_database, transaction
from portal.errors import NotYours
from portal.procedure import CLOCK
from portal.walls import NoWall
from tests.factories import (a_commune, a_procuration, a_scrutin, a_voter, an_acte, an_agent, an_officer, log_in,
                             somebody)
from tests.statements import heard

POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)   # the other engine has no such wall
ROOT = Path(__file__).parent.parent
LYON, PARIS = "69123", "75056"
WHOSE = {   # table: (what names a row, its commune by the rules of design 3), said again without the policies
    "procuration": ("id", "CASE WHEN established_at IS NOT NULL THEN commune_id END"),
    "mot": ("commune_id, word, procuration_id", "commune_id"),
    "roll_file": ("id", "commune_id"),
    "roll_part": ("file_id, number", "(SELECT commune_id FROM roll_file WHERE id = file_id)"),
    "roll": ("id", "commune_id"),
    "elector": ("id", "(SELECT commune_id FROM roll WHERE id = roll_id)"),
    "mail": ("id", "commune_id"),
    "agent": ("id", "commune_id"),
    "web_session": ("token_hash", "(SELECT commune_id FROM agent WHERE id = agent_id)"),
    "saved_search": ("id", "(SELECT commune_id FROM web_session JOIN agent ON agent.id = agent_id"
                           " WHERE token_hash = session_id)"),
    **{table: (key, "(SELECT commune_id FROM procuration WHERE id = procuration_id AND established_at IS NOT NULL)")
       for table, key in (("personne", "id"), ("passage", "id"), ("reference", "code"), ("couverture", "id"),
                          ("tour_vise", "procuration_id, tour_id"))},
}
SECRETS = {"agent": policy.NEVER_READ[Agent], "mail": ("recipient",), "web_session": ("id_token", "evidence"),
           "roll_part": ("content",), "event": ("act",)}
CLOSED = ("voter", "passkey", "single_use", "hit", "opt_out", "journal_month", "job")


def a_town(code, scrutin):
    """Rows of every table, some of them of a request that no town hall knows of."""
    town = a_commune(code)
    agent = an_agent(Role.MANAGER, town)
    for status in ("deposee", "etablie", "validee"):
        a_procuration(status, commune=town, scrutin=scrutin, voter=a_voter(email=None), agent=agent)
    procedure.saisir(an_acte(scrutin, mandant=somebody()), agent)
    roll = Roll.create(commune=town, kind="LP", state="current", fingerprint="e" * 64, current_since=now())
    Elector.create(roll=roll, birth_name="Petit", first_names="Zoé", sex="F", birth_date="1980-05-17", key="PETIT ZOE")
    file = RollFile.create(commune=town, state="ready", fingerprint="f" * 64)
    RollPart.insert(file=file, number=0, content=b"x").execute()
    session = WebSession.create(token_hash=code * 12 + "0000", agent=agent, login="a" * 64)
    SavedSearch.create(id=code, session=session, words="petit")
    return agent


@pytest.fixture
def towns(db):
    scrutin = a_scrutin()
    return [a_town(code, scrutin) for code in (LYON, PARIS)]


def rows(sql):
    return set(database.execute_sql(sql).fetchall())


def strays():
    """Tables in which Lyon sees something else than its own rows."""
    def seen(table):
        try:
            with walls.around(LYON):
                return rows(f"SELECT {WHOSE[table][0]} FROM {table}")
        except DatabaseError as error:
            return type(error)
    own = {table: rows(f"SELECT {key} FROM {table} WHERE {whose} = '{LYON}'") for table, (key, whose) in WHOSE.items()}
    all_rows = {table: rows(f"SELECT {key} FROM {table}") for table, (key, _) in WHOSE.items()}
    assert all(set() < own[table] < all_rows[table] for table in WHOSE), "a table that proves nothing"
    return {table for table in WHOSE if seen(table) != own[table]}


def who():
    """Who asks, for which commune."""
    return database.execute_sql("SELECT current_user, coalesce(current_setting('app.commune', true), '')").fetchone()


def refused(sql):
    with pytest.raises(DatabaseError, match="permission denied|row-level security"), walls.around(LYON):
        database.execute_sql(sql)
    return True


# --- What it keeps --------------------------------------------------------------------------------------------------

@POSTGRESQL
def test_behind_the_wall_a_town_hall_sees_its_own_rows_of_each_table(towns):
    assert strays() == set()
    with walls.around(""):      # an account without perimeter
        assert not any(rows(f"SELECT {key} FROM {table}") for table, (key, _) in WHOSE.items())


@POSTGRESQL
@pytest.mark.parametrize("fault", [
    "DROP POLICY town_hall ON elector", "ALTER TABLE elector DISABLE ROW LEVEL SECURITY",
    "ALTER POLICY town_hall ON elector USING (true)", "REVOKE SELECT ON elector FROM maprocuration_town_hall",
    "CREATE POLICY kind ON elector TO maprocuration_town_hall USING (true)"])
def test_a_hole_in_the_wall_is_seen(towns, fault):
    database.execute_sql(fault)
    assert strays() == {"elector"}


@POSTGRESQL
def test_secrets_and_what_no_page_needs_are_out_of_reach(towns):
    assert all(refused(f"SELECT {column} FROM {table}") for table, columns in SECRETS.items() for column in columns)
    assert all(refused(f"SELECT 1 FROM {table}") for table in CLOSED)
    assert refused("DELETE FROM event") and refused("UPDATE event SET act = 'x'") and refused("TRUNCATE procuration")


@POSTGRESQL
def test_behind_the_wall_nothing_of_others_is_written(towns):
    before = {table: sorted(map(repr, table.select().tuples())) for table in TABLES}
    with walls.around(LYON):
        for change in ("UPDATE procuration SET attention = NULL", "UPDATE mail SET state = 'sent'",
                       "UPDATE agent SET role = 'commune'", "UPDATE roll SET state = 'former'",
                       "UPDATE roll_file SET state = 'refused'", "DELETE FROM roll_file"):
            table = change.split()[1 if change.startswith("UPDATE") else 2]
            database.execute_sql(f"{change} WHERE {WHOSE[table][0]} IN (SELECT {WHOSE[table][0]} FROM {table}) AND"
                                 f" {WHOSE[table][1]} <> '{LYON}'")
    assert {table: sorted(map(repr, table.select().tuples())) for table in TABLES} == before
    paris = Agent.get(Agent.commune == PARIS)
    file, session = RollFile.get(RollFile.commune == PARIS), WebSession.get(WebSession.agent == paris)
    assert refused(f"INSERT INTO roll_part (file_id, number, content) VALUES ({file.id}, 9, 'x')")
    assert refused("INSERT INTO roll_file (commune_id, state, fingerprint, position, line, created_at)"
                   f" VALUES ('{PARIS}', 'ready', 'x', 0, 0, now())")
    assert refused("INSERT INTO saved_search (id, session_id, words, created_at)"
                   f" VALUES ('x', '{session.token_hash}', 'x', now())")
    with pytest.raises(DatabaseError, match="row-level security"), walls.around(LYON):
        journal.record(paris, "consulter", "procuration", 1)    # in the name of another town hall
    assert refused("UPDATE procuration SET status = 'validee'") and refused("UPDATE agent SET suspended_at = NULL")


# --- How long it stands ---------------------------------------------------------------------------------------------

@pytest.fixture
def login(db):
    return who()


@POSTGRESQL
def test_it_stands_as_long_as_the_page_and_no_longer(login):
    with walls.around(LYON):
        assert who() == (walls.ROLE, LYON)
        with walls.whole_country():
            assert who() == login
        assert who() == (walls.ROLE, LYON)
    with pytest.raises(ZeroDivisionError), walls.around(LYON):
        raise ZeroDivisionError
    with pytest.raises(DatabaseError), walls.around(LYON), transaction():
        database.execute_sql("SELECT 1 / 0")
    assert who() == login


@POSTGRESQL
def test_within_a_transaction_it_falls_and_stands_again_whatever_happens(login):
    with walls.around(LYON):
        with pytest.raises(DatabaseError), transaction(), walls.whole_country():
            database.execute_sql("SELECT 1 / 0")
        assert who() == (walls.ROLE, LYON)
        with transaction():
            with pytest.raises(DatabaseError), transaction(), walls.whole_country():
                assert who() == login
                database.execute_sql("SELECT 1 / 0")
            assert who() == (walls.ROLE, LYON)
            with walls.whole_country(), pytest.raises(DatabaseError), transaction():
                database.execute_sql("SELECT 1 / 0")
            assert who() == (walls.ROLE, LYON)
        assert who() == (walls.ROLE, LYON)
    assert who() == login


@pytest.fixture
def pool(settings):
    """No connection is open on this thread yet."""
    yield open_database(settings.database_url)
    database.close_all()


@POSTGRESQL
def test_a_connection_taken_behind_the_wall_stands_there_and_one_put_back_there_goes_to_nobody(pool):
    with walls.around(LYON), pool.connection_context():
        assert who() == (walls.ROLE, LYON)
        taken = pool.connection().info.backend_pid
    with pool.connection_context():
        assert who()[1] == "" != who()[0] != walls.ROLE and pool.connection().info.backend_pid != taken


@POSTGRESQL
def test_without_the_role_nothing_is_read(pool, monkeypatch):
    """Nor after somebody swallowed the error: the connection is closed."""
    monkeypatch.setattr(walls, "ROLE", "maprocuration_nobody")
    with pool.connection_context():
        with pytest.raises(NoWall), walls.around(LYON):
            pytest.fail("stands nowhere")
        with pytest.raises(DatabaseError):
            Procuration.select().count()
    with walls.around(LYON):
        with pytest.raises(NoWall):
            Procuration.select().count()        # takes a connection
        with pytest.raises(DatabaseError):
            Procuration.select().count()


# --- Plans ----------------------------------------------------------------------------------------------------------

FILES = 1000                # enough for the planner to have a choice
PAGES = {   # what each must be read by, however many rows there are
    "/admin/procurations/": {"procuration_commune_id_established_at_id", "couverture_procuration_id_tour_id",
                             "personne_procuration_id_role"},
    "/admin/procurations/?recherche={found}": {"mot_pkey"},
    "/admin/procurations/details/?id={file}": {"procuration_pkey", "passage_procuration_id_version",
                                               "personne_procuration_id_role"},
    "/admin/liste/?recherche={listed}": set(),      # of two rolls the planner takes any index
    "/admin/courriers/": {"mail_letters"},
}


def plans(statements):
    """The indexes that the statements are read by, each where it was made, and "whole <table>" for each table behind
    the wall that none serves."""
    plan = ""
    for wall, sql, values in statements:
        with walls.around(wall):
            if sql.startswith(("SELECT", "(SELECT")):
                plan += "".join(f"{line}\n" for line, in database.execute_sql(f"EXPLAIN {sql}", values).fetchall())
    return {*re.findall(r"Index(?: Only)? Scan(?: Backward)? (?:using|on) (\w+)", plan),
            *(f"whole {table}" for table in re.findall(r"Seq Scan on (\w+)", plan) if table in walls.BEHIND)}


def statements_of(client, path):
    asked = []
    with heard(lambda sql, values: asked.append((walls.here(), sql, values))):
        assert client.get(path).status_code == 200
    return asked


@POSTGRESQL
def test_behind_the_wall_pages_are_read_by_their_indexes(app, client):
    app.config["WTF_CSRF_ENABLED"] = False
    for code in (LYON, PARIS):
        a_town(code, a_scrutin())
    fill(FILES, a_commune(), list(a_scrutin().tours), an_officer())
    database.execute_sql("ANALYZE")
    database.execute_sql("SET enable_seqscan = off")    # of a small table the planner would rather read all
    log_in(client, agent=an_agent())
    search = {name: client.post(f"/admin/{view}/search/", data={"words": "ma"}).location.partition("recherche=")[2]
              for name, view in (("found", "procurations"), ("listed", "liste"))}
    file = Procuration.get(Procuration.commune == LYON, Procuration.status == "validee")
    for path, indexes in PAGES.items():
        asked = statements_of(client, path.format(file=file.id, **search))
        found = plans(asked)
        assert indexes - found == set() and not any(name.startswith("whole") for name in found), path
        for index in indexes - {"mot_pkey", "procuration_pkey"}:
            with database.atomic() as dropping:
                database.execute_sql(f"DROP INDEX {index}")
                assert indexes - plans(asked) == {index}, "a dropped index goes unnoticed"
                dropping.rollback()


# --- Pages ----------------------------------------------------------------------------------------------------------

@pytest.fixture
def asked(monkeypatch):
    """Who asked the database in the start page of a town hall."""
    found, town_hall = [], start.town_hall
    monkeypatch.setattr(start, "town_hall", lambda agent: found.append(who()) or town_hall(agent))
    return found


@POSTGRESQL
def test_each_page_of_a_town_hall_stands_behind_it_and_the_next_request_does_not(app, client, asked):
    login = who()
    log_in(client, agent=an_agent())
    assert client.get("/admin/").status_code == 200
    assert asked == [(walls.ROLE, LYON)] and who() == login


@POSTGRESQL
def test_a_page_that_breaks_leaves_nothing_behind(app, client, monkeypatch):
    login, seen = who(), []
    monkeypatch.setattr(start, "town_hall", lambda agent: seen.append(who()) or 1 / 0)
    log_in(client, agent=an_agent())
    assert client.get("/admin/").status_code == 500
    assert seen == [(walls.ROLE, LYON)] and who() == login


@POSTGRESQL
def test_an_export_is_read_behind_it_to_its_end(app, client, monkeypatch):
    own, other = (a_procuration("validee", commune=a_commune(code)) for code in (LYON, PARIS))
    monkeypatch.setattr(base, "visible", lambda model, actor: model.select().order_by(model.id))
    log_in(client, agent=an_agent())
    exported = client.get("/admin/procurations/export/csv/").text
    assert own.mandant.birth_name in exported and other.mandant.birth_name not in exported


@POSTGRESQL
def test_a_page_fails_without_the_role(app, client, monkeypatch):
    file = a_procuration("validee")
    monkeypatch.setattr(walls, "ROLE", "maprocuration_nobody")
    log_in(client, agent=an_agent())
    page = client.get("/admin/procurations/")
    assert page.status_code == 500 and file.mandant.birth_name not in page.text


def test_an_account_without_a_perimeter_is_refused(db):
    """Its commune went lost in the program: the database has no such row."""
    for role in (Role.COMMUNE, Role.MANAGER):
        agent = Agent(role=role, commune=None)
        assert walls.of(agent) == ""
        for model, actors in policy.POLICY.items():
            if role in actors:
                with pytest.raises(NotYours):
                    policy.visible(model, agent)


def test_only_town_halls_have_a_wall(db):
    assert [walls.of(actor) for actor in (an_officer(), an_agent(Role.MINISTRY), a_voter(), CLOCK)] == [None] * 4
    assert walls.of(an_agent()) == LYON


# --- Ways out -------------------------------------------------------------------------------------------------------

WAYS_OUT = {    # each looks beyond the town for a reason: what an act moves elsewhere, secrets of accounts, the clock's
    "portal/accounts.py": {"chosen", "create", "end_sessions", "is_in_use", "note_address", "reactivate", "send_link",
                           "suspend", "withdraw_links"},
    "portal/jobs.py": {"bring_forward", "later", "of"},
    "portal/places.py": {"borne_elsewhere", "displaced_by", "given_otherwise", "offered", "tours_and_places"},
    "portal/procedure.py": {"annuler", "attribuer", "corriger", "distinguer", "invalider", "last_passage", "reprendre",
                            "resilier", "saisir", "valider"},
    "portal/proconnect.py": {"forget_link", "has_link", "unlink"},
    "portal/second_factor.py": {"guards", "reset"},
    "portal/silences.py": {"want_reminders"},
    "portal/step_up.py": {"demand"},
    "portal/verdicts.py": {"examined"},
}


def ways_out(source):
    """Functions of a module in which `walls.whole_country` is named."""
    return {function.name for function in ast.walk(ast.parse(source)) if isinstance(function, ast.FunctionDef)
            and any(isinstance(node, ast.Attribute) and node.attr in ("whole_country", "around")
                    for node in ast.walk(function))}


def test_the_ways_out_are_these_and_no_other():
    """A new one is reviewed: what it is given was fetched behind the wall, and what it gives back names nobody else."""
    found = {str(path.relative_to(ROOT)): ways_out(path.read_text()) for top in ("portal", "admin_views")
             for path in (ROOT / top).rglob("*.py")}
    put_behind = {"admin_views/base.py": {"_run_view"}, "admin_views/export.py": {"_run"}}
    assert {name: functions for name, functions in found.items() if functions} == {**WAYS_OUT, **put_behind}


OWN_ACCOUNT = {"cles", "profil"}


def test_pages_of_the_own_account_alone_have_no_wall(app):
    assert {view.endpoint for view in app.extensions["admin"][0]._views if view.own_account} == OWN_ACCOUNT


# --- Is it up? ------------------------------------------------------------------------------------------------------

@POSTGRESQL
def test_a_migrated_database_has_the_whole_wall(db):
    assert walls.missing() == []


@POSTGRESQL
@pytest.mark.parametrize("fault, said", [
    ("DROP POLICY town_hall ON personne", "the table personne is without policy"),
    ("ALTER TABLE mail DISABLE ROW LEVEL SECURITY", "the table mail is open"),
    ("GRANT SELECT (sub) ON voter TO maprocuration_town_hall", "the table voter is open"),
    ("GRANT SELECT ON hit TO PUBLIC", "the table hit is open"),
    ("ALTER TABLE roll OWNER TO maprocuration_town_hall", "the table roll is owned"),
    ("REVOKE ALL ON event FROM maprocuration_town_hall", "the table event is out of reach")])
def test_what_is_missing_is_named(db, fault, said):
    database.execute_sql(fault)
    assert [sentence.partition(" for the role")[0] for sentence in walls.missing()] == [said]


@POSTGRESQL
def test_a_missing_role_is_named(db, monkeypatch):
    monkeypatch.setattr(walls, "ROLE", "maprocuration_nobody")
    assert walls.missing() == ["the role maprocuration_nobody is missing"]


@POSTGRESQL
def test_the_role_reads_what_the_grids_read_of_an_account(db):
    granted = {name for name, in rows("SELECT column_name FROM information_schema.column_privileges WHERE table_name ="
                                      " 'agent' AND grantee = 'maprocuration_town_hall' AND privilege_type = 'SELECT'")}
    assert granted == {field.column_name for field in Agent._meta.sorted_fields} - {*policy.NEVER_READ[Agent]}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_sqlite_has_one_wall(towns):
    with walls.around(LYON):
        assert Procuration.select(fn.COUNT(Procuration.commune.distinct())).scalar() == 2
    assert walls.missing() == []
