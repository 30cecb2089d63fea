"""The databases: the queue as its writer, reader and owner see it, the journal, and Dagster's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from ingram_assets.checked_with import check_postgres, not_checked_with, versions_in_words
from ingram_assets.doctor import given as settings_of
from ingram_assets.doctor import whose_database as whose
from ingram_assets.doctor.given import Given
from ingram_assets.doctor.model import Check, Observed, Outcome
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.postgres import Server, failure
from ingram_assets.settings.base import Settings, SettingsError
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.schema import is_of_this_version, versions
from ingram_assets.staging.schema.roles import faults_of
from ingram_assets.store.journal_schema import VERSION, journal_version
from ingram_assets.store.observe_mode import read_mode

WRITER, READER, OWNER = "Queue, as its writer", "Queue, as its reader", "Queue, as its owner"
ONE_QUEUE = "Queue, one for all"
JOURNAL, DAGSTER, VERSIONS = "Journal", "Dagster's database", "Versions"

_CONNECT_SECONDS = 8
_THEN_MIGRATE = "run ingram queue migrate"
_MIGRATE = "Run ingram queue migrate"


class Databases:
    """Looks at each database. `identities`: which one each of them is, that is looked at."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self.identities: dict[str, tuple[Any, ...]] = {}
        self._queue_owner: tuple[str, Any] | None = None
        """The role that owns the queue, and the server where it does."""
        self.journal_is_current = self.journal_is_empty = False
        self._majors: set[int] = set()

    def writer(self) -> Observed:
        """The queue, as the scraper signs in to it."""
        return self._role(Server(self._given.scraper.QUEUE_DB_URL.get_secret_value()), is_writer=True)

    def reader(self) -> Observed:
        """The queue, as the storefront signs in to it."""
        return self._role(Server(self._given.storefront.QUEUE_DB_URL.get_secret_value()), is_writer=False)

    def _role(self, server: Server, *, is_writer: bool) -> Observed:
        called = "writer" if is_writer else "reader"
        with self._connected(server, f"look at the queue as its {called}") as connection:
            there = _one(connection, "SELECT to_regclass('public.ingram_queue') IS NOT NULL")
            if not there or not is_of_this_version(connection):
                what = "is not migrated to this version" if there else "has no tables of the queue"
                words = f"{server.name} {what}. {_MIGRATE}; if QUEUE_DB_URL leads elsewhere, correct it."
                return Observed(words, Outcome.MISSING)
            self.identities[called] = _one_row(connection, _IDENTITY)
            self._queue_owner = _one(connection, _QUEUE_OWNER), self.identities[called][-1]
            faults = faults_of(connection, is_writer=is_writer)
        if faults:
            words = (
                f"The role {server.user} at {server.name} {'; '.join(faults)}. Set QUEUE_DB_URL to the role "
                f"ingram_queue_{called}; if it is that one, {_THEN_MIGRATE}."
            )
            return Observed(words, Outcome.MISSING)
        can = "calls the five write functions and reads nothing" if is_writer else "reads, and marks rows"
        return Observed(f"{server.user} at {server.name} {can}, as it should.")

    def owner(self) -> Observed:
        """The queue, as `ingram queue migrate` signs in to it, and the roles that it names."""
        settings = self._given.owner
        server = Server(settings.QUEUE_OWNER_DB_URL.get_secret_value(), "QUEUE_OWNER_DB_URL")
        with self._connected(server, "look at the queue as its owner") as connection:
            may = _one(connection, "SELECT has_schema_privilege('public', 'CREATE')")
            version, newest = versions(connection) if may else (None, "")
            roles = {
                name: _one(
                    connection, "SELECT to_regrole(quote_ident(%s)) IS NOT NULL", getattr(settings, name)
                )
                for name in ("QUEUE_WRITER_ROLE", "QUEUE_READER_ROLE")
            }
            self.identities["owner"] = _one_row(connection, _IDENTITY)
            is_ours = version is not None and version == newest
            below = _one(connection, "SELECT cover_prefix FROM public.ingram_limits") if is_ours else None
        if not may:
            words = (
                f"The role {server.user} may make no tables at {server.name}: set QUEUE_OWNER_DB_URL to its "
                "owner."
            )
            return Observed(words, Outcome.MISSING)
        if version != newest:
            at = (
                "was never migrated"
                if version is None
                else f"is at version {version}, this program's is {newest}"
            )
            words = f"{server.name} {at}. {_MIGRATE}; if QUEUE_OWNER_DB_URL leads elsewhere, correct it."
            return Observed(words, Outcome.MISSING)
        if lacking := [f"{name} ({getattr(settings, name)})" for name, there in roles.items() if not there]:
            words = f"{server.name} has no such role: {', '.join(lacking)}. Correct it, or {_THEN_MIGRATE}."
            return Observed(words, Outcome.MISSING)
        if below is not None and self._covers() not in (None, below):
            words = f"The queue takes covers below {below} alone, R2_PUBLIC_URL is another: {_THEN_MIGRATE}."
            return Observed(words, Outcome.MISSING)
        return Observed(f"{server.name} is at version {version}, the newest.")

    def _covers(self) -> str | None:
        """Where covers lie, if the scraper's settings are here and right."""
        if "scraper" not in self._given.here:
            return None
        with suppress(SettingsError):
            return self._given.scraper.R2_PUBLIC_URL.rstrip("/")
        return None

    def same_queue(self) -> Observed:
        """Whether writer, reader and owner look at the same database."""
        if self.identities["writer"] != self.identities["reader"]:
            words = (
                "The scraper writes to another database than the storefront reads: set QUEUE_DB_URL of "
                f"{ScraperSettings.file} and of {StorefrontSettings.file} to the same one."
            )
            return Observed(words, Outcome.MISSING)
        owners = self.identities.get("owner")
        if owners not in (None, self.identities["writer"]):
            words = "It is another one than the writer's and the reader's: correct QUEUE_OWNER_DB_URL."
            return Observed(words, Outcome.MISSING)
        whose = "the reader's" if owners is None else "the reader's and the owner's"
        return Observed(f"The writer's database is {whose}, too.")

    def journal(self) -> Observed:
        """The journal's tables, and whether they can be made where they are not there yet."""
        settings = self._given.storefront
        server = Server(settings.STOREFRONT_DB_URL.get_secret_value(), "STOREFRONT_DB_URL")
        with self._connected(server, "look at the journal") as connection:
            version = journal_version(connection)
            mode = read_mode(connection, settings.MODE) if version == VERSION else None
            may_make = _one(connection, "SELECT has_schema_privilege('public', 'CREATE')")
            other = self._other_database(connection, server, "journal", whose.JOURNAL)
            beyond = whose.rights_beyond(connection, self._owner_beside(self.identities["journal"]))
        if other is not None:
            return other
        if beyond is not None:
            words = (
                f"The role {server.user} of {server.name} {beyond}: whoever gets hold of the storefront's "
                "settings could change the queue. Set STOREFRONT_DB_URL to a role that owns the journal's "
                "database and nothing else."
            )
            return Observed(words, Outcome.MISSING)
        self.journal_is_current, self.journal_is_empty = version == VERSION, version is None
        if version is not None and version > VERSION:
            words = (
                f"The journal of STOREFRONT_DB_URL is at version {version}, this program's is {VERSION}: "
                "install the newer program."
            )
            return Observed(words, Outcome.MISSING, settings=())
        if not may_make:
            words = (
                f"The role {server.user} may make no tables: let the role of STOREFRONT_DB_URL own "
                f"{server.name}."
            )
            return Observed(words, Outcome.MISSING)
        if version != VERSION:
            at = "is empty" if version is None else f"is at version {version}"
            return Observed(f"{server.name} {at}: its tables are made at the first start.")
        assert mode is not None
        is_live = "the store is written to." if mode.is_live else mode.why_watching
        return Observed(f"{server.name} is at version {version}; {is_live}")

    def dagster(self) -> Observed:
        """Dagster's own database."""
        server = Server(self._given.common.DAGSTER_PG_URL.get_secret_value(), "DAGSTER_PG_URL")
        with self._connected(server, "look at Dagster's database") as connection:
            there = _one(
                connection, "SELECT to_regclass('runs') IS NOT NULL AND to_regclass('event_logs') IS NOT NULL"
            )
            may = _one(
                connection,
                "SELECT CASE WHEN to_regclass('runs') IS NULL THEN has_schema_privilege('public', 'CREATE') "
                "ELSE has_table_privilege('runs', 'SELECT, INSERT') END",
            )
            other = self._other_database(connection, server, "dagster", whose.DAGSTER)
        if other is not None:
            return other
        if not may:
            words = (
                f"The role {server.user} may not use {server.name}: let the role of DAGSTER_PG_URL own a "
                "database."
            )
            return Observed(words, Outcome.MISSING)
        return Observed(
            f"{server.name} has Dagster's tables."
            if there
            else f"{server.name} is empty: its tables are made at the first start."
        )

    def versions(self) -> Observed:
        """This program's, and whether it was checked with what is here."""
        words = versions_in_words()
        if others := not_checked_with(self._majors):
            words = f"{words} Here is {' and '.join(others)}: should something be odd, try one of those."
            return Observed(words, Outcome.NOTE, settings=())
        return Observed(words)

    @contextmanager
    def _connected(self, server: Server, doing: str) -> Iterator[psycopg.Connection]:
        """A connection that can change nothing, and the database's errors as ours."""
        try:
            with server.connect(seconds=_CONNECT_SECONDS) as connection:
                self._majors.add(check_postgres(connection.info.server_version))
                connection.autocommit = True
                connection.execute("SET default_transaction_read_only = on")
                yield connection
        except psycopg.Error as error:
            raise failure(error, server, doing) from None

    def _owner_beside(self, database: tuple[Any, ...]) -> str | None:
        """The role that owns the queue, if it is on the server of this database."""
        name, server = self._queue_owner or (None, None)
        return name if server == database[-1] else None

    def _other_database(
        self, connection: psycopg.Connection, server: Server, called: str, own: str
    ) -> Observed | None:
        """That this database is not the one that is meant, by its tables or since it is another's already."""
        here = self.identities[called] = _one_row(connection, _IDENTITY)
        is_else = whose.whose_else(whose.tables_of(connection), own)
        if is_else is None:
            at = next((name for name in _WHOSE if name != called and self.identities.get(name) == here), None)
            is_else = f"is {_WHOSE[at]} database" if at else None
        if is_else is None:
            return None
        words = (
            f"{server.name} {is_else}, and can't be {own} as well: set {server.setting} to a database of its "
            "own, an empty one for the first start."
        )
        return Observed(words, Outcome.MISSING)


_WHOSE = {
    **{"writer": "the queue's", "reader": "the queue's", "owner": "the queue's"},
    **{"journal": whose.JOURNAL, "dagster": whose.DAGSTER},
}
"""What is looked at, and whose database it is."""

_QUEUE_OWNER = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'public.ingram_queue'::regclass"
_IDENTITY = """
    SELECT oid, datname, pg_postmaster_start_time() FROM pg_database WHERE datname = current_database()
"""


def checks(given: Given, databases: Databases) -> Iterator[Check]:
    """Those of the databases whose settings are here."""

    def check(
        name: str,
        look: Callable[[], Observed],
        settings: Callable[[], Settings],
        setting: str,
        need: str,
        file: str = ".env",
    ) -> Check:
        def server() -> str:
            return Server(getattr(settings(), setting).get_secret_value(), setting).name.rpartition("/")[0]

        return Check("postgresql", name, look, file, (setting,), (need,), server=server)

    of, writers, readers = settings_of.OF_LOCATION, ScraperSettings.file, StorefrontSettings.file
    if "scraper" in given.here:
        yield check(WRITER, databases.writer, lambda: given.scraper, "QUEUE_DB_URL", of["scraper"], writers)
    if "storefront" in given.here:
        need = of["storefront"]
        yield check(READER, databases.reader, lambda: given.storefront, "QUEUE_DB_URL", need, readers)
    yield check(OWNER, databases.owner, lambda: given.owner, "QUEUE_OWNER_DB_URL", settings_of.OWNER)
    if {"scraper", "storefront"} <= given.here:
        yield Check("postgresql", ONE_QUEUE, databases.same_queue, readers, needs=(WRITER, READER))
    if "storefront" in given.here:
        need = of["storefront"]
        yield check(JOURNAL, databases.journal, lambda: given.storefront, "STOREFRONT_DB_URL", need, readers)
    yield check(DAGSTER, databases.dagster, lambda: given.common, "DAGSTER_PG_URL", settings_of.SHARED)
    yield Check("versions", VERSIONS, databases.versions)


def _one(connection: psycopg.Connection, query: str, *values: Any) -> Any:
    return _one_row(connection, query, *values)[0]


def _one_row(connection: psycopg.Connection, query: str, *values: Any) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), values or None).fetchone()
    if row is None:
        raise NeedsPerson("The database answers nothing to a question that it always can answer.")
    return row
