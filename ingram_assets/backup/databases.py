"""The shop's own databases: which they are, as of what moment they are dumped, and whether one is empty."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from ingram_assets.backup.client_tools import CALLED
from ingram_assets.checked_with import check_postgres
from ingram_assets.doctor.whose_database import tables_of, whose_else
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.postgres import Server, failure
from ingram_assets.settings.owner import BackupSettings
from ingram_assets.store import journal_schema


@dataclass(frozen=True, slots=True)
class OwnDatabase:
    """One of them.

    Attributes:
        name: in an archive.
        words: for a person: "the queue".
        whose: as `whose_else` has it.
        version_table: where the version of its tables stands.
    """

    name: str
    words: str
    server: Server
    whose: str
    version_table: str


def own_databases(settings: BackupSettings) -> tuple[OwnDatabase, ...]:
    """The three, in the order in which they are to be looked at for one moment.

    What refers to another one comes before it, so that it can't know of what that one does not have: Dagster
    keeps the sensors' places in the queue and the journal, the journal what of the queue the store was told.
    """
    places = [
        ("dagster", "Dagster's database", "DAGSTER_PG_URL", "Dagster's", "alembic_version"),
        ("journal", "the journal", "STOREFRONT_DB_URL", "the journal's", journal_schema.VERSION_TABLE),
        ("queue", "the queue", "QUEUE_OWNER_DB_URL", "the queue's", "ingram_queue_version"),
    ]
    return tuple(
        OwnDatabase(name, words, Server(getattr(settings, setting).get_secret_value(), setting), *of)
        for name, words, setting, *of in places
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A database as it was at one moment, for as long as the transaction lives that shows it."""

    database: OwnDatabase
    id: str
    version: str
    server: int
    at: datetime
    connection: psycopg.Connection

    def waits_for(self) -> str | None:
        """The table that a dump of it waits for, and who has locked it; `None`: it waits for none."""
        with suppress(psycopg.Error):
            self.connection.execute("SELECT pg_stat_clear_snapshot()")  # Else it goes on saying the same.
            if row := self.connection.execute(_WAITS_FOR.encode(), [CALLED]).fetchone():
                table, process, role, program = row
                who = f"{role}, {program or 'a program without a name'}"
                return f"the table {table}, which process {process} of PostgreSQL ({who}) has locked"
        return None


_WAITS_FOR = """
    SELECT wanted.relation::regclass::text, holder.pid, holder.usename, holder.application_name
    FROM pg_locks wanted JOIN pg_stat_activity dump USING (pid)
    JOIN pg_stat_activity holder ON holder.pid = ANY (pg_blocking_pids(wanted.pid))
    WHERE NOT wanted.granted AND wanted.relation IS NOT NULL AND dump.datname = current_database()
        AND dump.application_name = %s
    LIMIT 1
"""


@contextmanager
def as_of_now(databases: Sequence[OwnDatabase]) -> Iterator[list[Snapshot]]:
    """All of them as of the same moment, but for milliseconds, until the block ends.

    Raises:
        NeedsPerson: one is another's, has no tables of ours, or can't be read.
        Transient: one can't be reached.
    """
    with ExitStack() as stack:
        open_ones = [
            (one, stack.enter_context(_connected(one, "look at what is to be backed up")))
            for one in databases
        ]
        yield [_snapshot(one, connection) for one, connection in open_ones]


def _snapshot(database: OwnDatabase, connection: psycopg.Connection) -> Snapshot:
    with _told(database, "take a snapshot"):
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot(), clock_timestamp()").fetchone()
        assert row is not None
        tables = tables_of(connection)
        if else_is := whose_else(tables, database.whose):
            raise NeedsPerson(
                f"{database.server.setting} leads to {database.server.name}, which {else_is}: nothing was "
                f"written. Correct {database.server.setting}."
            )
        if database.version_table not in tables:
            raise NeedsPerson(
                f"{database.server.name} of {database.server.setting} has no tables of ours yet: there is "
                "nothing to back up. Is it the right one? `ingram up` makes them."
            )
        version = connection.execute(f"SELECT version_num FROM {database.version_table}".encode()).fetchone()
        return Snapshot(
            database,
            str(row[0]),
            str(version[0]) if version else "",
            check_postgres(connection.info.server_version),
            row[1].astimezone(UTC),
            connection,
        )


def clock_of(database: OwnDatabase) -> datetime:
    """The time by its server.

    Raises:
        NeedsPerson, Transient: it can't be asked.
    """
    with _connected(database, "ask the time") as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        at: datetime = row[0].astimezone(UTC)
        return at


def empty_servers(databases: Sequence[OwnDatabase]) -> dict[str, int]:
    """The servers' names to their major versions, of databases that are there and empty.

    Raises:
        NeedsPerson: two settings lead to one database, or one is not empty, or can't be used.
        Transient: one can't be reached.
    """
    names = [one.server.name for one in databases]
    if twice := [one for one in databases if names.count(one.server.name) > 1]:
        settings = " and ".join(one.server.setting for one in twice)
        raise NeedsPerson(f"{settings} lead to the same database: each needs its own.")
    found = {}
    for one in databases:
        with _connected(one, "look whether it is empty") as connection:
            if there := _what_is_there(connection):
                raise NeedsPerson(
                    f"{one.server.name} of {one.server.setting} is not empty (it has {there}), and nothing "
                    f"is overwritten. {made_empty(one)} Nothing was restored."
                )
            found[one.server.name] = check_postgres(connection.info.server_version)
    return found


def made_empty(database: OwnDatabase) -> str:
    """How a person makes it empty."""
    return (
        f"Name an empty database in {database.server.setting}; or, if nothing in this one is needed, drop it "
        "and create it anew (DROP DATABASE …; CREATE DATABASE …), with what roles were granted in it."
    )


_ANYTHING = """
    SELECT what FROM (
        SELECT CASE relkind WHEN 'r' THEN 'the table ' ELSE 'the relation ' END || relname AS what,
            relnamespace AS schema, oid, 'pg_class'::regclass AS class
        FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        UNION ALL
        SELECT 'the function ' || proname, pronamespace, oid, 'pg_proc'::regclass FROM pg_proc
        UNION ALL
        SELECT 'the schema ' || nspname, oid, oid, 'pg_namespace'::regclass FROM pg_namespace
        WHERE nspname <> 'public'
    ) AS things JOIN pg_namespace n ON n.oid = schema
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = class AND d.objid = things.oid AND d.deptype = 'e'
    )
    ORDER BY what LIMIT 1
"""
"""Anything that a person or a program made. What an extension brings is its own."""


def _what_is_there(connection: psycopg.Connection) -> str | None:
    row = connection.execute(_ANYTHING.encode()).fetchone()
    return str(row[0]) if row else None


@contextmanager
def _connected(database: OwnDatabase, doing: str) -> Iterator[psycopg.Connection]:
    with _told(database, doing):
        connection = database.server.connect()
    with connection:
        connection.autocommit = True
        yield connection


@contextmanager
def _told(database: OwnDatabase, doing: str) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise NeedsPerson(
            f"Could not {doing} at {database.server.name}: {error.diag.message_primary}. Let "
            f"{database.server.setting} sign in as the role that owns the database."
        ) from None
    except psycopg.Error as error:
        raise failure(error, database.server, doing) from None
