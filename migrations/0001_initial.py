"""The first schema. Its DDL is written out for each engine beside this file and reviewed by hand: generated migrations
lose CHECKs, partial indexes, triggers, roles and policies."""
from pathlib import Path

from peewee import PostgresqlDatabase

HERE = Path(__file__).parent


def up(migrator, db):
    engine = "postgresql" if isinstance(db, PostgresqlDatabase) else "sqlite"
    for path in (HERE / f"0001_{part}.{engine}.sql" for part in ("tables", "triggers", "policies")):
        if path.exists():       # SQLite knows neither roles nor policies
            for statement in path.read_text().rstrip(";\n").split(";\n\n"):
                if statement.strip():
                    db.execute_sql(statement)
