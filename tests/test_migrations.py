"""A migrated database is what the models say: columns, types, keys, CHECKs, indexes; and it has the triggers."""
import re

import psycopg
import pytest

from models import TABLES, Event, database
from portal import journal, walls
from portal.database import MIGRATIONS, migrations, open_database, transaction
from portal.procedure import CLOCK
from tests.postgresql import named

HISTORY = "schema_migration"
POSTGRESQL_CATALOGUE = {
    "columns": """SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default,
                         collation_name
                  FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """SELECT conrelid::regclass::text, pg_get_constraintdef(oid)
                      FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}
TOWN_HALL = "maprocuration_town_hall"
GUARDS = {"sqlite": ("insert", "update", "delete"), "postgresql": ("guard", "truncate")}


def catalogue(engine):
    """What the engine itself says of the schema, without the migrations' own table."""
    if engine == "sqlite":
        rows = database.execute_sql("SELECT type, name, sql FROM sqlite_master WHERE type <> 'trigger'").fetchall()
        return {(kind, name, _plain(sql)) for kind, name, sql in rows if HISTORY not in name}
    return {(part, *row) for part, sql in POSTGRESQL_CATALOGUE.items()
            for row in database.execute_sql(sql).fetchall() if HISTORY not in str(row)}


def _plain(sql):
    return re.sub(r"\s+", " ", (sql or "").replace('"', "").replace("IF NOT EXISTS ", "")).replace("( ", "(") \
        .replace(" )", ")")


@pytest.fixture
def from_the_models(engine, request, tmp_path):
    """The address of an empty database where peewee itself creates the tables."""
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path / 'models.db'}"
        return
    uri = request.getfixturevalue("postgresql_server")
    with psycopg.connect(uri, autocommit=True) as admin:
        admin.execute("CREATE DATABASE models")
        yield named(uri, "models")
        admin.execute("DROP DATABASE models WITH (FORCE)")


def test_migrations_equal_models(db, engine, from_the_models):
    migrated, ours = catalogue(engine), database.obj
    open_database(from_the_models)
    database.create_tables(TABLES)
    declared = catalogue(engine)
    database.close()
    database.initialize(ours)
    assert migrated - declared == set(), "in the migrations, not in models.py"
    assert declared - migrated == set(), "in models.py, not in the migrations: write one, on both engines"


def test_the_triggers_are_there(db, engine):
    sql = {"sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
           "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"}[engine]
    assert {name for name, in database.execute_sql(sql).fetchall()} == {
        f"{table}_{guard}" for table in ("event", "journal_month") for guard in GUARDS[engine]}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_the_policies_are_there(db):
    found = database.execute_sql("SELECT tablename, policyname, permissive, cmd, roles::text FROM pg_policies")
    assert {tuple(row) for row in found.fetchall()} == {
        (table, "town_hall", "PERMISSIVE", "INSERT" if table == "event" else "ALL", f"{{{TOWN_HALL}}}")
        for table in walls.BEHIND}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_the_role_may_do_what_pages_need_and_no_more(db):
    """Columns apart, see test_walls."""
    rights = database.execute_sql("SELECT table_name, privilege_type FROM information_schema.table_privileges"
                                  " WHERE grantee = %s UNION SELECT table_name, privilege_type"
                                  " FROM information_schema.column_privileges WHERE grantee = %s", (TOWN_HALL,) * 2)
    found = {}
    for table, right in rights.fetchall():
        found.setdefault(table, set()).add(right)
    more = {"agent": {"UPDATE"}, "mail": {"UPDATE"}, "procuration": {"UPDATE"}, "roll": {"UPDATE"},
            "roll_file": {"INSERT", "UPDATE", "DELETE"}, "roll_part": {"INSERT"}, "saved_search": {"INSERT"}}
    assert found == {**{table: {"SELECT", *more.get(table, ())} for table in (*walls.BEHIND, *walls.OPEN)},
                     "event": {"INSERT"}}


def test_a_role_that_another_database_made_is_taken_as_it_is(postgresql_server):
    """Several databases of one server are migrated, at once or not."""
    policies = (MIGRATIONS / "0001_policies.postgresql.sql").read_text().partition("GRANT SELECT")[0]
    with psycopg.connect(postgresql_server, autocommit=True) as admin:
        admin.execute(policies)
        admin.execute(policies)


def test_migrations_applied_twice_change_nothing(db):
    assert migrations().up() == []


@pytest.mark.parametrize("change", ["UPDATE event SET act = 'autre'", "DELETE FROM event",
                                    "UPDATE event SET seq = NULL, prev = NULL, hash = NULL",
                                    "UPDATE event SET hash = 'x'"])
@pytest.mark.parametrize("sealed", [False, True])
def test_the_journal_refuses_every_change_but_its_sealing(db, change, sealed):
    journal.record(CLOCK, "essai", "agent", 1)
    if sealed:
        journal.seal()
    before = list(Event.select().dicts())
    with pytest.raises(Exception, match="append-only"), transaction():
        database.execute_sql(change)
    assert list(Event.select().dicts()) == before


def test_nobody_but_the_sealer_numbers_an_event(db):
    with pytest.raises(Exception, match="event"), transaction():
        Event.create(act="essai", role="clock", subject="agent", mac="0" * 64, seq=1, prev="0" * 64, hash="1" * 64)
