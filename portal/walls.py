"""The second wall (design 6, docs/adr/0011). Where the database is PostgreSQL, a town hall's page of the back office
reads and writes as a role that row-level security keeps within its commune: a query that forgot its perimeter finds
nothing of others. SQLite has one wall, `admin_views.policy`.

`around` puts the statements of a page behind it. The acts whose consequences reach other communes step out, whole
function by whole function, by `whole_country`: a test lists them.
"""
from contextlib import contextmanager
from contextvars import ContextVar

from peewee import DatabaseError, __exception_wrapper__
from playhouse.pool import PooledPostgresqlDatabase
from psycopg.pq import TransactionStatus

from models import TOWN_HALL, database

ROLE = "maprocuration_town_hall"        # created in migrations/0001_policies.postgresql.sql
NONE = ("none", "")                     # the user who logged in, and no commune
UNDER_WAY = "?"
BEHIND = ("agent", "couverture", "elector", "event", "mail", "mot", "passage", "personne", "procuration", "reference",
          "roll", "roll_file", "roll_part", "saved_search", "tour_vise", "web_session")  # tables with a policy
OPEN = ("commune", "commune_name", "rules", "scrutin", "tour", "tour_day")  # that the role reads without one
MOVE = "SELECT set_config('role', %s, %s), set_config('app.commune', %s, %s)"

_behind = ContextVar("wall", default=None)


class NoWall(RuntimeError):
    """The role cannot be taken: nothing is read without it. `flask check` says what is missing."""


class WalledDatabase(PooledPostgresqlDatabase):
    """Connections that know where they stand: one taken behind a wall is put there at once, and one that did not come
    back goes to nobody else."""

    def _initialize_connection(self, conn):
        super()._initialize_connection(conn)
        conn.behind = None
        if here() is not None:
            move(conn)

    def _can_reuse(self, conn):
        return getattr(conn, "behind", UNDER_WAY) is None and super()._can_reuse(conn)


def of(actor):
    """The commune that `actor` is kept in, None where there is no wall. An account without perimeter sees nothing."""
    return actor.commune_id or "" if actor.role in TOWN_HALL else None


def here():
    """The commune whose wall stands around what is done now, None where there is none."""
    return _behind.get()


@contextmanager
def around(commune):
    """What is done inside stands behind the wall of `commune`, a code; None: behind none."""
    if here() == commune:
        yield
        return
    token = _behind.set(commune)
    try:
        _follow()
        yield
    finally:
        _behind.reset(token)
        _follow()


def whole_country():
    """What is done inside looks beyond the town; also a decorator. For whole functions, given what a page found behind
    the wall."""
    return around(None)


def _follow():
    """Bring the connection of this thread, if it has one, to where it belongs."""
    if isinstance(database.obj, WalledDatabase) and not database.is_closed():
        move(database.connection())


def move(conn):
    """Within a transaction, until it ends: what it was before is what its end brings back. A transaction that failed
    can only end; a connection that cannot be moved is closed, and serves nobody any more."""
    status = conn.info.transaction_status
    if status not in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
        return
    commune, local = here(), status == TransactionStatus.INTRANS
    conn.behind = conn.behind if local else UNDER_WAY
    role, value = NONE if commune is None else (ROLE, commune)
    try:
        with __exception_wrapper__:
            conn.execute(MOVE, (role, local, value, local))
    except DatabaseError as error:
        conn.close()
        raise NoWall() from error
    conn.behind = conn.behind if local else commune


# --- Is it up? ------------------------------------------------------------------------------------------------------

def missing():
    """Sentences, one per gap in the wall of the database in use; none on SQLite, which has no such wall. The user of
    the portal may well own the tables or be a superuser: only the role has to be kept in."""
    if not isinstance(database.obj, WalledDatabase):
        return []
    role = database.execute_sql(ABOUT_ROLE.format(may="SET" if database.server_version >= SETS_APART else "MEMBER"),
                                (ROLE,)).fetchone()
    if role is None:
        return [f"the role {ROLE} is missing"]
    known = dict(database.execute_sql(ABOUT_TABLES, {"role": ROLE}).fetchall())
    return [*(sentence for sentence, gap in zip(OF_ROLE, role) if gap), *_of_tables(known)]


SETS_APART = 160000         # from this version on, to be in a role and to take it are two things
ABOUT_ROLE = """SELECT rolsuper OR rolbypassrls, rolcanlogin, NOT pg_has_role(session_user, oid, '{may}')
                FROM pg_roles WHERE rolname = %s"""
OF_ROLE = (f"the role {ROLE} bypasses row-level security", f"the role {ROLE} may log in",
           f"the portal's user may not SET ROLE {ROLE}")
ABOUT_TABLES = """
SELECT relname, CASE WHEN pg_has_role(%(role)s, relowner, 'USAGE') THEN 'owned'
                     WHEN NOT relrowsecurity THEN 'open'
                     WHEN NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid
                                      AND polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = %(role)s)])
                     THEN 'without policy' ELSE 'kept' END
FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
AND (pg_has_role(%(role)s, relowner, 'USAGE') OR has_any_column_privilege(%(role)s, oid, 'SELECT, INSERT, UPDATE')
     OR has_table_privilege(%(role)s, oid, 'DELETE, TRUNCATE'))"""


def _of_tables(known):
    """`known`: what keeps the role in, by table that it reaches."""
    for table in sorted({*known, *BEHIND}):
        state = known.get(table, "out of reach")
        if state != "kept" and (state, table in OPEN) != ("open", True):
            yield f"the table {table} is {state} for the role {ROLE}"
