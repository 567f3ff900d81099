"""The one database: SQLite in a file, or PostgreSQL through psycopg 3 and a pool. Transactions and locks."""
import hashlib
from pathlib import Path

from peewee import PostgresqlDatabase, SqliteDatabase
from playhouse.migrations import Runner

import models
from models import database
from portal.walls import WalledDatabase

MIGRATIONS = Path(__file__).parent.parent / "migrations"
POOL = 20        # connections per process
PATIENCE = 5     # seconds, for a connection of the pool or of the server
SQLITE_PRAGMAS = {"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1, "secure_delete": 1,
                  "busy_timeout": 20_000}       # writers wait in no order: one of eight may be the last
POSTGRES_OPTIONS = ("-c statement_timeout=15s -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s"
                    " -c synchronous_commit=on")


def open_database(url):
    """Point `models.database` at `url` (`sqlite:///file` or `postgresql://…`). Connects when first used."""
    database.initialize(_sqlite(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else _postgresql(url))
    return database


def _sqlite(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return SqliteDatabase(path, pragmas=SQLITE_PRAGMAS)


def _postgresql(url):
    return WalledDatabase(url, max_connections=POOL, stale_timeout=300, timeout=PATIENCE, connect_timeout=PATIENCE,
                          options=POSTGRES_OPTIONS)


def on_postgresql():
    return isinstance(database.obj, PostgresqlDatabase)


def transaction():
    """A transaction that may read, then write: SQLite takes its write lock at once."""
    return database.atomic() if on_postgresql() else database.atomic("IMMEDIATE")


def hold(*keys):
    """Inside a transaction, wait for others that hold one of `keys`. Sorted, so that nobody waits in a circle."""
    if on_postgresql():
        numbers = sorted(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], signed=True) for key in keys)
        database.execute_sql("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", (numbers,))


def free_rows(query):
    """The rows of `query` that nobody else holds, held until the transaction ends. SQLite's has one writer anyway."""
    return list(query.for_update("FOR UPDATE SKIP LOCKED") if on_postgresql() else query)


def forget_what_was_written():
    """SQLite's pages and its log still hold bytes of rows that were moved before they were erased: the file is written
    anew, then the log emptied. PostgreSQL recycles its own and vacuums by itself."""
    if not on_postgresql():
        database.execute_sql("VACUUM")
        database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def clock():
    """The instant by the database's own clock: acts of several servers keep one order."""
    if not on_postgresql():
        return models.now()
    return database.execute_sql("SELECT clock_timestamp()").fetchone()[0].astimezone(models.UTC)


def migrations():
    return Runner(database.obj, str(MIGRATIONS))
