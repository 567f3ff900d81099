"""How many SQL statements something takes, on either engine."""
from contextlib import contextmanager

from models import database

FREE = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SELECT SET_CONFIG", "SET LOCAL")


@contextmanager
def count_statements():
    """The list of statements run inside, of any thread; transaction control is not counted.

    Opening a connection is not counted either: those statements do not pass through the database object.
    """
    engine, run = database.obj, []
    plain = engine.execute_sql

    def execute_sql(sql, *args, **kwargs):
        if not sql.upper().startswith(FREE):
            run.append(sql)
        return plain(sql, *args, **kwargs)

    engine.execute_sql = execute_sql
    try:
        yield run
    finally:
        del engine.execute_sql
