"""Brings the queue database up from empty, or from any earlier version, and sets who may do what in it."""

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, pool
from sqlalchemy.exc import DBAPIError

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.postgres import Server, failure
from ingram_assets.staging.schema.roles import Roles, bound, end_sessions, grant

_FOLDER = Path(__file__).parent
_FUNCTIONS = ("write", "coordination")
"""Files of `functions/`: what the writer role may call."""
_alembic_is_not_thread_safe = threading.Lock()


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """What a call of `migrate` did. A version is `None` before the first migration."""

    before: str | None
    after: str
    created_roles: tuple[str, ...]
    """Roles made by this call. They can't sign in by password until a person gives them one."""
    notes: tuple[str, ...] = ()
    """What the owner may not do itself, with the statement that a superuser runs for it."""


def migrate(
    owner_url: str,
    *,
    writer_role: str = "ingram_queue_writer",
    reader_role: str = "ingram_queue_reader",
    cover_prefix: str | None = None,
    gently: bool = False,
) -> MigrationResult:
    """Applies the versions that are missing and grants the two roles what they need, in one transaction.

    Safe to call twice, and by two processes at once. A role that exists is kept as it is, with its password;
    one that does not is made with LOGIN and no password. A table `ingram_queue` with the contract's columns
    that an earlier program made is taken over with its rows. A role that the settings named before keeps its
    rights until a person drops it.

    What a thief of a role may have left ends here: its sessions (ours make theirs anew), the settings of the
    role, its large objects, the ids that nothing has, and what of the day's limits is used up.

    Args:
        cover_prefix: the address below which covers lie; without it, the one that the last call was given.
        gently: end no sessions but those in this database, and none if it is of this version already: runs
            on other machines have their turns at the site there. What a thief left may stay.

    Raises:
        NeedsPerson: the sign-in is refused or may not do this; a role's name can't be used, or the role could
            reach more than it should (a superuser, the owner itself); the database is newer than the program.
        Transient: the server can't be reached, or is held up by somebody else's lock.
    """
    server = Server(owner_url, "QUEUE_OWNER_DB_URL")
    roles = Roles(writer=writer_role, reader=reader_role)
    # The driver reads the URL itself: all that libpq knows of TLS holds here as it does for the two roles.
    engine = create_engine("postgresql+psycopg://", creator=server.connect, poolclass=pool.NullPool)
    with _failures_named(server, "migrate the queue database"), engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        there, newest = versions(driver)
        stays = gently and there == newest and is_of_this_version(driver)
        if not stays:
            end_sessions(driver, roles, everywhere=not gently)  # what they hold would be waited for
        _lock(driver)
        before, after = _upgrade(connection)
        # Drops every function and type of ours and makes those of now: no older one stays behind.
        for name in () if stays else ("drop", *_FUNCTIONS):
            driver.execute(_functions(name))
        created = grant(driver, roles)
        return MigrationResult(before, after, created, bound(driver, roles, cover_prefix))


def is_of_this_version(connection: psycopg.Connection) -> bool:
    """Whether the queue was migrated by this version of the program, for whoever may read the catalog alone.

    Each migration makes all functions anew, as they are in this version.
    """
    ours = "".join(map(_functions, _FUNCTIONS))
    there = connection.execute(
        "SELECT p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE n.nspname = 'scraper' OR n.nspname = 'public' AND starts_with(p.proname, 'ingram_')"
    ).fetchall()
    return sum(source in ours for (source,) in there) == len(
        re.findall("^CREATE FUNCTION", ours, re.MULTILINE)
    )


def _functions(name: str) -> str:
    return (_FOLDER / "functions" / f"{name}.sql").read_text("utf-8")


def versions(connection: psycopg.Connection) -> tuple[str | None, str]:
    """The version of the queue, as its owner sees it (`None`: it was never migrated), and this program's."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER / "migrations").replace("%", "%%"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    assert newest is not None
    there = connection.execute("SELECT to_regclass('public.ingram_queue_version') IS NOT NULL").fetchone()
    if there is None or not there[0]:
        return None, newest
    row = connection.execute("SELECT version_num FROM public.ingram_queue_version").fetchone()
    return (str(row[0]) if row else None), newest


def knows(version: str) -> bool:
    """Whether this program knows a version of the queue: a newer one's tables it can't use."""
    return bool(list((_FOLDER / "migrations" / "versions").glob(f"{version}_*.py")))


def _upgrade(connection: Connection) -> tuple[str | None, str]:
    """Runs the versions that are missing; the version before and after."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER / "migrations").replace("%", "%%"))
    with _alembic_is_not_thread_safe:
        script = ScriptDirectory.from_config(config)
        before = _version(connection)
        if before is not None and before not in {each.revision for each in script.walk_revisions()}:
            raise NeedsPerson(
                f"The queue database is at version {before}, which this program does not know: "
                "it was migrated by a newer one. Install that one."
            )
        command.upgrade(config, "head")
        after = _version(connection)
    assert after is not None
    return before, after


def run_sql(name: str) -> None:
    """Runs a file of `migrations/sql/` in the transaction as it stands: `:name` and `%` are no parameters."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute((_FOLDER / "migrations" / "sql" / name).read_text(encoding="utf-8"))


@contextlib.contextmanager
def _failures_named(server: Server, doing: str) -> Iterator[None]:
    """The database's errors as ours. SQLAlchemy wraps those of its own statements."""
    try:
        yield
    except psycopg.Error as error:
        raise failure(error, server, doing) from None
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        raise failure(error.orig, server, doing) from None


def let_in(owner_url: str, titles: int) -> None:
    """Lets so many new titles in beyond what the queue takes in a day, until they are used up.

    Raises:
        NeedsPerson: the sign-in is refused or is not the owner's; the database is not migrated.
        Transient: the server can't be reached.
    """
    server = Server(owner_url, "QUEUE_OWNER_DB_URL")
    with _failures_named(server, "let new titles in"), server.connect() as connection:
        # As one who writes: whoever holds the row of the limits holds that lock too, and is ended.
        connection.execute("SELECT public.ingram_begin_write()")
        connection.execute("UPDATE public.ingram_limits SET let_in = %s", [titles])


def _lock(connection: psycopg.Connection) -> None:
    """Waits for another migration, and for who is writing: for the row that only the owner can lock.

    The write functions lock it as well. It is made here, since a migration needs it before it does anything.
    """
    # Of two that come to an empty database at once one makes it, and the other one waits and fails at it.
    with contextlib.suppress(psycopg.errors.UniqueViolation), connection.transaction():
        connection.execute("CREATE TABLE IF NOT EXISTS public.ingram_write_lock (is_row BOOLEAN PRIMARY KEY)")
        connection.execute("INSERT INTO public.ingram_write_lock VALUES (true) ON CONFLICT DO NOTHING")
    connection.execute("SELECT FROM public.ingram_write_lock FOR UPDATE")


def _version(connection: Connection) -> str | None:
    options = {"version_table": "ingram_queue_version", "version_table_schema": "public"}
    return MigrationContext.configure(connection, opts=options).get_current_revision()
