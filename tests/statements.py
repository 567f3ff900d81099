"""How many SQL statements something takes, and which tables it reads whole, on either engine."""
import re
from contextlib import contextmanager

from models import database
from portal.database import on_postgresql

FREE = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SELECT SET_CONFIG", "SET LOCAL")


@contextmanager
def count_statements():
    """The list of statements run inside, of any thread; transaction control is not counted.

    Opening a connection is not counted either: those statements do not pass through the database object.
    """
    run = []
    with heard(lambda sql, values: run.append(sql)):
        yield run


@contextmanager
def heard(hear):
    """`hear(sql, values)` is called before each statement."""
    engine = database.obj
    plain = engine.execute_sql

    def execute_sql(sql, *args, **kwargs):
        if not sql.upper().startswith(FREE):
            hear(sql, args[0] if args else ())
        return plain(sql, *args, **kwargs)

    engine.execute_sql = execute_sql
    try:
        yield
    finally:
        del engine.execute_sql


@contextmanager
def whole_tables():
    """The tables that the statements run inside read from end to end, a range of no index. PostgreSQL does so with any
    small table unless it is told not to."""
    run, found = [], []
    if on_postgresql():
        database.execute_sql("SET enable_seqscan = off")
    with heard(lambda sql, values: run.append((sql, values))):
        yield found
    for sql, values in run:
        if sql.upper().startswith(("SELECT", "UPDATE", "DELETE")):
            found += _read_whole(sql, values)


def _read_whole(sql, values):
    if on_postgresql():
        plan = [line for line, in database.execute_sql(f"EXPLAIN {sql}", values).fetchall()]
        return re.findall(r"Seq Scan on (\w+)", "\n".join(plan))
    plan = [row[-1] for row in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()]
    called = {alias: table for table, alias in re.findall(r'"(\w+)" AS "(\w+)"', sql)}
    scanned = re.findall(r"^SCAN (?!CONSTANT ROW)(\w+)", "\n".join(plan), re.MULTILINE)
    return [called.get(name, name) for name in scanned]
