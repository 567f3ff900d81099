"""A PostgreSQL server for the tests, with databases to lend: one that was used is emptied and lent again, for making
one costs twenty times as much."""
import itertools
import time

import psycopg

from models import TABLES

# A change of the schema rewrites rows of these; statistics would change the plans of who comes next.
SCHEMA = " UNION ALL ".join(f"SELECT xmin FROM {table} WHERE {key} >= 16384" for table, key in (
    ("pg_class", "oid"), ("pg_attribute", "attrelid"), ("pg_trigger", "oid"), ("pg_constraint", "oid"),
    ("pg_proc", "oid"), ("pg_policy", "oid"), ("pg_statistic", "starelid")))
EMPTY = "".join((
    "SET session_replication_role = replica;",      # no guard of the journal, no foreign key
    *(f"DELETE FROM {model._meta.table_name};" for model in TABLES),
    "SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences"
    " WHERE schemaname = 'public' AND last_value IS NOT NULL"))
CONNECTED = "FROM pg_stat_activity WHERE datname = %s"
MOMENT = 0.002      # seconds; the server itself looks again after 100 ms


def _schema(connection):
    return connection.execute(f"SELECT count(*), sum(xmin::text::bigint) FROM ({SCHEMA}) AS rows").fetchone()


def named(uri, name):
    return uri.replace("/postgres?", f"/{name}?")


class Server:
    """`template` is the migrated database that others are copies of, once `migrate(its address)` made it."""

    def __init__(self, uri, migrate):
        self.uri, self.numbers, self.free = uri, itertools.count(1), []
        self.admin = psycopg.connect(uri, autocommit=True)
        self.admin.execute("ALTER SYSTEM SET fsync = off")  # no test cuts the power: processes die, the disk does not
        self.admin.execute("ALTER SYSTEM SET autovacuum = off")     # it would hold databases that are to be lent
        self.admin.execute("SELECT pg_reload_conf()")
        self.admin.execute("CREATE DATABASE template")
        migrate(named(uri, "template"))
        with psycopg.connect(named(uri, "template")) as connection:
            self.schema = _schema(connection)

    def lend(self):
        """A database under a name nobody had: who still writes to an older one finds it gone."""
        name = f"test{next(self.numbers)}"
        if self.free:
            former = self.free.pop()
            self._send_away(former)
            self.admin.execute(f"ALTER DATABASE {former} RENAME TO {name}")
        else:
            self.admin.execute(f"CREATE DATABASE {name} TEMPLATE template STRATEGY file_copy")
        return name

    def take_back(self, name):
        """A schema that was changed is not lent again."""
        self._send_away(name)
        with psycopg.connect(named(self.uri, name)) as connection:
            fit = _schema(connection) == self.schema
            if fit:
                connection.execute(EMPTY)
        if fit:
            self.free.append(name)
        else:
            self.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _send_away(self, name):
        """Whoever is still connected."""
        self.admin.execute(f"SELECT pg_terminate_backend(pid) {CONNECTED}", [name])
        while self.admin.execute(f"SELECT 1 {CONNECTED}", [name]).fetchone():
            time.sleep(MOMENT)

    def close(self):
        self.admin.close()
