"""The tables of the journal: made in an empty database, and brought up from any earlier version."""

import threading
from pathlib import Path

import psycopg

from ingram_assets.domain.failures import NeedsPerson

VERSION = "0013"
"""The version of the tables that this program needs: the last one in `migrations/versions`."""

VERSION_TABLE = "store_journal_version"
"""Where the version of the tables stands."""
_MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 0x1A6A4D5A
"""Advisory lock of the one migration at work: two runs may start at once."""

_alembic_is_not_thread_safe = threading.Lock()


def ensure_tables(connection: psycopg.Connection, url: str) -> None:
    """Brings the tables to `VERSION`, in one transaction. Costs one query where they are there already.

    Tables that were made before versions were kept are taken over with their rows.

    Args:
        connection: an autocommitting connection to the database.
        url: its address, for a connection of the migration's own.

    Raises:
        NeedsPerson: the tables are of a newer version than this program.
        psycopg.Error: the database went away, or its role may not make tables.
    """
    if (version := journal_version(connection)) == VERSION:
        return
    if version is not None and not knows(version):
        raise NeedsPerson(
            f"The journal of STOREFRONT_DB_URL is at version {version}, which this program does not know: "
            "it was migrated by a newer one. Install that one."
        )
    _upgrade(url)


def journal_version(connection: psycopg.Connection) -> str | None:
    """The version of the tables; `None`: they are not there, or were made before versions were kept."""
    try:
        row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return None if row is None else str(row[0])


def knows(version: str) -> bool:
    """Whether this program knows a version of the tables: a newer one's it can't use."""
    return bool(list(_MIGRATIONS.glob(f"versions/{version}_*.py")))


def _upgrade(url: str) -> None:
    # Only here: importing them takes longer than a look into the journal, and most looks need neither.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import DBAPIError

    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, connect_timeout=20),
        poolclass=pool.NullPool,
    )
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with _alembic_is_not_thread_safe, engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            config.attributes |= {"connection": connection, "version_table": VERSION_TABLE}
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise (error.orig if isinstance(error.orig, psycopg.Error) else error) from None
