"""Who may do what in the queue database: the two roles, their grants, and a check that no more is open."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from ingram_assets.domain.failures import NeedsPerson

TABLES = ("ingram_queue", "ingram_stock_history", "ingram_unread", "ingram_current_titles")
"""What the reader may read."""

WRITE_FUNCTIONS = (
    "ingram_add_titles(text)",
    "ingram_record_stock(text)",
    "ingram_record_covers(text)",
    "ingram_record_unread(text)",
    "ingram_prune_history(integer)",
)
"""What the writer may execute."""

READ_FUNCTIONS = ("ingram_requests_in_flight()",)
"""What the reader may execute."""

CONNECTIONS = {"writer": 40, "reader": 40}
"""Connections that a role may have at once, unless a person gave it another limit.

A run, sensor or command of ours has one at a time, and a second one for a moment, while it looks whether a
server that cut the first one is back; one that asks the site has another, for what runs share. So ten runs on
several machines have 30 of the writer's at most, six runs and four sensors 20 of the reader's, and each
command beside them 2. Both limits leave a fifth of PostgreSQL's usual 100 to others.
"""


@dataclass(frozen=True, slots=True)
class Roles:
    """The names of the two roles, as the settings have them."""

    writer: str
    reader: str

    def __post_init__(self) -> None:
        for setting, name in (("QUEUE_WRITER_ROLE", self.writer), ("QUEUE_READER_ROLE", self.reader)):
            is_reserved = name.startswith("pg_") or name in ("", "public", "none")
            if is_reserved or "\0" in name or len(name.encode()) > 63:
                raise NeedsPerson(f"{setting} can't be the name of a role in PostgreSQL: choose another.")
        if self.writer == self.reader:
            raise NeedsPerson(
                "QUEUE_WRITER_ROLE and QUEUE_READER_ROLE are the same: "
                "what one may the other may not. Name two roles."
            )


def grant(connection: psycopg.Connection, roles: Roles) -> tuple[str, ...]:
    """Makes the roles that are missing and gives both what they need; nothing to PUBLIC. The roles made.

    Run after each upgrade, as the owner, in its transaction.
    """
    created = tuple(name for name in (roles.writer, roles.reader) if _create(connection, name))
    (database,) = _column(connection, "SELECT current_database()")
    names = {
        "database": sql.Identifier(database),
        "writer": sql.Identifier(roles.writer),
        "reader": sql.Identifier(roles.reader),
    }

    def run(statement: str, **more: sql.Composable) -> None:
        connection.execute(sql.SQL(statement).format(**names, **more))

    # What PostgreSQL gives everybody by default: to connect, temporary tables, new tables, every function.
    run("REVOKE ALL ON DATABASE {database} FROM PUBLIC, {writer}, {reader}")
    run("REVOKE ALL ON SCHEMA public FROM PUBLIC, {writer}, {reader}")
    run("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    run("ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC")
    connection.execute("SET LOCAL search_path = pg_catalog")  # so that names come out with their schema
    for thing in _column(connection, _OURS):
        run("REVOKE ALL ON {thing} FROM PUBLIC, {writer}, {reader}", thing=sql.SQL(thing))

    _close_large_objects(connection, run)
    run("GRANT CONNECT ON DATABASE {database} TO {writer}, {reader}")
    run("GRANT USAGE ON SCHEMA public TO {writer}, {reader}")
    for function in WRITE_FUNCTIONS:
        run("GRANT EXECUTE ON FUNCTION public.{function} TO {writer}", function=sql.SQL(function))
    for function in READ_FUNCTIONS:
        run("GRANT EXECUTE ON FUNCTION public.{function} TO {reader}", function=sql.SQL(function))
    for table in TABLES:
        run("GRANT SELECT ON public.{table} TO {reader}", table=sql.Identifier(table))
    run("GRANT UPDATE (imported_at, failed_reason) ON public.ingram_queue TO {reader}")
    _open_what_runs_share(run)
    _check(connection, roles)
    return created


def _open_what_runs_share(run: Callable[..., None]) -> None:
    """The schema of what the scraper's runs share: the writer's alone, which is what they sign in as."""
    for things in ("TABLES", "FUNCTIONS"):
        run(
            f"REVOKE ALL ON ALL {things} IN SCHEMA scraper FROM PUBLIC, {{writer}}, {{reader}}",
        )
    run("REVOKE ALL ON SCHEMA scraper FROM PUBLIC, {writer}, {reader}")
    run("GRANT USAGE ON SCHEMA scraper TO {writer}")
    run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA scraper TO {writer}")
    run("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA scraper TO {writer}")


def end_sessions(connection: psycopg.Connection, roles: Roles, *, everywhere: bool) -> None:
    """Ends the roles' sessions, as far as the owner may: in this database, or in all, since all count.

    A session outlives the password that it was opened with. Ours are made anew within the call under way.

    Raises:
        NeedsPerson: a role left a transaction that is no session's any more, and would be waited for.
    """
    prepared = connection.execute(
        "SELECT owner, gid FROM pg_prepared_xacts WHERE database = current_database() AND owner = ANY(%s)",
        [[roles.writer, roles.reader]],
    ).fetchone()
    if prepared:
        raise NeedsPerson(
            f"The role {prepared[0]} has left a prepared transaction, which holds back all writes. Let a "
            f"superuser run ROLLBACK PREPARED {sql.Literal(prepared[1]).as_string(connection)} in this "
            "database, and set max_prepared_transactions = 0 if nobody else needs them. Then run this again."
        )
    for name in (roles.writer, roles.reader):
        # A role that is refused later is left alone: the owner itself, or a superuser.
        wanted = "SELECT 1 FROM pg_roles WHERE rolname = %s AND NOT rolsuper AND rolname <> current_user"
        if not _column(connection, wanted, name):
            continue
        _may_end_sessions_of(connection, name)
        with _as_far_as_may_be(connection):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = %s AND (%s OR datname = current_database())",
                [name, everywhere],
            )


def bound(connection: psycopg.Connection, roles: Roles, cover_prefix: str | None) -> tuple[str, ...]:
    """Bounds what a stolen role can do, and ends what it left behind. What the owner may not do, in words.

    Run after `grant`, in the same transaction.
    """
    notes: list[str] = []
    for name, limit in ((roles.writer, CONNECTIONS["writer"]), (roles.reader, CONNECTIONS["reader"])):
        shown = sql.Identifier(name).as_string(connection)
        if left := _reset_settings(connection, name):
            notes.append(
                f"The role {name} has settings that whoever had its password may have left, and the owner "
                f"may not reset: {', '.join(left)}. Let a superuser run "
                f"ALTER ROLE {shown} RESET ALL (and IN DATABASE … RESET ALL)."
            )
        if not _unlinks_large_objects(connection, name):
            notes.append(
                f"The role {name} has left large objects, which nothing of ours makes. Run `ingram queue "
                f"migrate` again, which deletes {LARGE_OBJECTS:,} of them, until this is said no more; if it "
                f"stays, let a superuser run GRANT {shown} TO the queue's owner."
            )
        if not _limits_connections(connection, name, limit):
            notes.append(
                f"The role {name} may take all connections of the server, and the owner may not limit "
                f"them. Let a superuser run ALTER ROLE {shown} CONNECTION LIMIT {limit}."
            )
        if not _may_end_sessions_of(connection, name):
            (owner,) = _column(connection, "SELECT quote_ident(current_user)")
            notes.append(
                f"The owner may not end sessions of the role {name}: one that keeps its transaction open "
                f"holds back all writes. Let a superuser run GRANT {shown} TO {owner}."
            )
    notes += _elsewhere(connection, roles)
    # A write that is taken back uses up ids all the same, and there are two billion. The few that ours lose
    # are not given out again: another program may go by the ids.
    connection.execute(
        "SELECT setval(ids, max(id)) FROM public.ingram_queue, "
        "CAST(pg_get_serial_sequence('public.ingram_queue', 'id') AS regclass) AS ids "
        "GROUP BY ids HAVING pg_sequence_last_value(ids) > max(id) + 100000000"
    )
    connection.execute(
        "UPDATE public.ingram_limits SET day = '-infinity', cover_prefix = COALESCE(%s, cover_prefix)",
        [cover_prefix.rstrip("/") if cover_prefix else None],
    )
    return tuple(notes)


# Where PostgreSQL lets everybody in, as it does by default. What a person granted to a role is meant so.
_OPEN_TO_ALL = """
    SELECT datname FROM pg_database
    WHERE datallowconn AND datname <> current_database() AND has_database_privilege('public', oid, 'CONNECT')
    ORDER BY datname
"""


def _elsewhere(connection: psycopg.Connection, roles: Roles) -> Iterator[str]:
    """Which other databases of the server the roles may connect to. To close them may lock others out."""
    if names := _column(connection, _OPEN_TO_ALL):
        databases = sql.SQL(", ").join(map(sql.Identifier, names)).as_string(connection)
        yield (
            f"The roles {roles.writer} and {roles.reader} may connect to other databases of this server, as "
            f"everybody may, and list their tables: {', '.join(names)}. GRANT CONNECT on each to those who "
            "use it and do not own it; then let their owner, or a superuser, run "
            f"REVOKE CONNECT ON DATABASE {databases} FROM PUBLIC."
        )


# The settings of a role that it may have made itself. Others, such as temp_file_limit, a superuser gave it.
_OWN_SETTINGS = """
    SELECT d.datname, split_part(c.setting, '=', 1)
    FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
    LEFT JOIN pg_database d ON d.oid = s.setdatabase CROSS JOIN unnest(s.setconfig) AS c (setting)
    WHERE r.rolname = %s AND NOT EXISTS (
        SELECT FROM pg_settings p
        WHERE lower(p.name) = lower(split_part(c.setting, '=', 1)) AND p.context <> 'user'
    )
"""

LARGE_OBJECTS = 1000
"""Large objects that one migration deletes at most: each is locked until its end."""
_LARGE_OBJECTS = """
    SELECT l.oid FROM pg_largeobject_metadata l JOIN pg_roles r ON r.oid = l.lomowner WHERE r.rolname = %s
"""
_UNLINK = f"SELECT lo_unlink(mine.oid) FROM ({_LARGE_OBJECTS} LIMIT %s) mine"


def _reset_settings(connection: psycopg.Connection, name: str) -> list[str]:
    """Resets the settings that a role may have made itself; the names of those that are left."""
    for database, setting in connection.execute(_OWN_SETTINGS, [name]).fetchall():
        where = sql.SQL(" IN DATABASE {}").format(sql.Identifier(database)) if database else sql.SQL("")
        of_role = (sql.Identifier(name), where, sql.Identifier(setting))
        _try(connection, "ALTER ROLE {}{} RESET {}", *of_role)
    return sorted({setting for _, setting in connection.execute(_OWN_SETTINGS, [name])})


def _unlinks_large_objects(connection: psycopg.Connection, name: str) -> bool:
    """Deletes `LARGE_OBJECTS` of a role's large objects; whether none are left."""
    with _as_far_as_may_be(connection):
        connection.execute(_UNLINK, [name, LARGE_OBJECTS])
    return not _column(connection, _LARGE_OBJECTS, name)


def _limits_connections(connection: psycopg.Connection, name: str, limit: int) -> bool:
    """Limits a role's connections, unless a person did; whether there is a limit now."""
    unlimited = "SELECT 1 FROM pg_roles WHERE rolname = %s AND rolconnlimit = -1"
    if _column(connection, unlimited, name):
        _try(connection, "ALTER ROLE {} CONNECTION LIMIT {}", sql.Identifier(name), sql.Literal(limit))
    return not _column(connection, unlimited, name)


def _may_end_sessions_of(connection: psycopg.Connection, name: str) -> bool:
    """Whether the owner may end the role's sessions: as its member, which it is made if it may be.

    The write functions, which run as the owner, need it too. It gains nothing else: the role has less.
    """
    question = "SELECT 1 WHERE pg_has_role(current_user, %s, 'USAGE')"
    if not _column(connection, question, name):
        _try(connection, "GRANT {} TO CURRENT_USER", sql.Identifier(name))
    return bool(_column(connection, question, name))


def _column(connection: psycopg.Connection, query: str, *values: str) -> list[Any]:
    """The only column of what a query finds."""
    return [row[0] for row in connection.execute(query.encode(), values or None)]


def _try(connection: psycopg.Connection, statement: str, *parts: sql.Composable) -> None:
    with _as_far_as_may_be(connection):
        connection.execute(sql.SQL(statement).format(*parts))


@contextlib.contextmanager
def _as_far_as_may_be(connection: psycopg.Connection) -> Iterator[None]:
    """What the owner may not do, or another database's migration does at this moment, leaves nothing."""
    try:
        with connection.transaction():
            yield
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.InvalidGrantOperation,  # The role is a member of the owner: `grant` refuses it.
        psycopg.errors.UniqueViolation,
    ):
        pass
    except psycopg.errors.InternalError_ as error:
        if "concurrently" not in str(error):
            raise


def _create(connection: psycopg.Connection, name: str) -> bool:
    if _column(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", name):
        return False
    try:
        with connection.transaction():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return False  # Roles belong to the whole server: a migration of another database on it was faster.
    return True


def _close_large_objects(connection: psycopg.Connection, run: Callable[..., None]) -> None:
    """Everybody may fill a database with large objects, without any right on a table.

    Only a superuser can take that away. A managed server's owner is none: there a thief of one of the two
    roles could fill the disk, and still read and change nothing.
    """
    if _column(connection, "SELECT 1 FROM pg_roles WHERE rolname = current_user AND rolsuper"):
        for function in ("lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)"):
            run(
                "REVOKE ALL ON FUNCTION pg_catalog.{function} FROM PUBLIC, {writer}, {reader}",
                function=sql.SQL(function),
            )


# Everything of ours that the public schema holds, as it is written in a GRANT.
_OURS = """
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' WHEN 'c' THEN 'TYPE ' ELSE 'TABLE ' END || c.oid::regclass
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm', 'S', 'c')
        AND c.relname LIKE 'ingram\\_%'
    UNION ALL
    SELECT 'FUNCTION ' || p.oid::regprocedure FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'ingram\\_%'
"""


def _check(connection: psycopg.Connection, roles: Roles) -> None:
    """A role that was there before may hold more than it was given here, through attributes or memberships.

    Raises:
        NeedsPerson: names the role and what it could do.
    """
    for name, what, holds in connection.execute(_TOO_MUCH, {"writer": roles.writer, "reader": roles.reader}):
        if holds:
            remedy = "Take that from it, or name another role in the settings."
            if "make tables" in what and connection.info.server_version < 150_000:
                owner = f"ALTER SCHEMA public OWNER TO {connection.info.user}"
                remedy = (
                    f"Before PostgreSQL 15 everybody may: have a superuser run, in this database, {owner}."
                )
            stolen = "whoever steals its password gets more than the queue gives."
            raise NeedsPerson(f"The role {name} {what}: {stolen} {remedy}")


def faults_of(connection: psycopg.Connection, *, is_writer: bool) -> list[str]:
    """What the role that signed in on this connection lacks of the writer's or reader's rights, or has more.

    Only the catalog is looked at, which every role may read: the queue has to be migrated.
    """
    (name,) = _column(connection, "SELECT current_user")
    roles = {"writer": name if is_writer else None, "reader": None if is_writer else name}
    lacking = _column(connection, _WRITER_LACKS if is_writer else _READER_LACKS)
    beyond = [what for _, what, holds in connection.execute(_TOO_MUCH, roles) if holds]
    return [*(f"may not {what}" for what in lacking), *beyond]


_WRITER_LACKS = f"""
    SELECT 'execute ' || split_part(f, '(', 1) FROM unnest(ARRAY{[*WRITE_FUNCTIONS]}) f
    WHERE NOT has_function_privilege('public.' || f, 'EXECUTE')
    UNION ALL
    SELECT 'use the schema scraper' WHERE NOT EXISTS (
        SELECT FROM pg_namespace n WHERE n.nspname = 'scraper' AND has_schema_privilege(n.oid, 'USAGE')
    )
"""
_READER_LACKS = f"""
    SELECT 'read ' || t FROM unnest(ARRAY{[*TABLES]}) t
    WHERE NOT has_table_privilege('public.' || t, 'SELECT')
    UNION ALL
    SELECT 'mark rows of ingram_queue (' || c || ')' FROM unnest(ARRAY['imported_at', 'failed_reason']) c
    WHERE NOT has_column_privilege('public.ingram_queue', c, 'UPDATE')
"""

_TOO_MUCH = """
    WITH tables AS (
        SELECT c.oid, c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm')
            AND NOT EXISTS (
                -- What an extension opens to everybody, as pg_stat_statements, is nothing of the queue's.
                SELECT FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
            )
    )
    SELECT r.rolname, 'is a superuser, may make roles or passes over row security',
        r.rolsuper OR r.rolcreaterole OR r.rolbypassrls OR r.rolreplication OR r.rolcreatedb
    FROM pg_roles r WHERE r.rolname IN (%(writer)s, %(reader)s)
    UNION ALL
    SELECT r.rolname, 'is a member of the role that owns the queue', pg_has_role(r.oid, c.relowner, 'MEMBER')
    FROM pg_roles r, pg_class c
    WHERE r.rolname IN (%(writer)s, %(reader)s) AND c.oid = 'public.ingram_queue'::regclass
    UNION ALL
    SELECT r.rolname, 'has rights on the table ' || t.relname,
        has_table_privilege(r.oid, t.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
        OR has_any_column_privilege(r.oid, t.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
    FROM pg_roles r, tables t WHERE r.rolname = %(writer)s
    UNION ALL
    SELECT r.rolname, 'may write to the table ' || t.relname,
        has_table_privilege(r.oid, t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
    FROM pg_roles r, tables t WHERE r.rolname = %(reader)s
    UNION ALL
    SELECT r.rolname, 'is a member of the role ' || w.rolname, pg_has_role(r.oid, w.oid, 'MEMBER')
    FROM pg_roles r, pg_roles w WHERE r.rolname = %(reader)s AND w.rolname = %(writer)s
    UNION ALL
    SELECT r.rolname, 'may see what the scraper''s runs share', has_schema_privilege(r.oid, n.oid, 'USAGE')
    FROM pg_roles r, pg_namespace n WHERE r.rolname = %(reader)s AND n.nspname = 'scraper'
    UNION ALL
    SELECT r.rolname, 'may make tables here',
        has_schema_privilege(r.oid, 'public', 'CREATE')
        OR EXISTS (
            SELECT FROM pg_namespace n
            WHERE n.nspname = 'scraper' AND has_schema_privilege(r.oid, n.oid, 'CREATE')
        )
        OR has_database_privilege(r.oid, current_database(), 'CREATE, TEMP')
    FROM pg_roles r WHERE r.rolname IN (%(writer)s, %(reader)s)
"""
