"""The first schema. Its DDL is written out for each engine beside this file and reviewed by hand: generated migrations
lose CHECKs, partial indexes and triggers."""
from pathlib import Path

from peewee import PostgresqlDatabase

HERE = Path(__file__).parent


def up(migrator, db):
    engine = "postgresql" if isinstance(db, PostgresqlDatabase) else "sqlite"
    for part in ("0001_tables", "0001_triggers"):
        for statement in (HERE / f"{part}.{engine}.sql").read_text().rstrip(";\n").split(";\n\n"):
            if statement.strip():
                db.execute_sql(statement)
