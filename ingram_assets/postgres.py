"""Connections to the queue database: a lazy pool, one retry when one is lost, and every error sorted."""

import contextlib
import json
import logging
import math
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

import psycopg
from psycopg import conninfo
from psycopg.rows import BaseRowFactory, scalar_row
from psycopg.types.datetime import TimestampLoader, TimestamptzLoader
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout

from ingram_assets.domain.addresses import MalformedAddress, database_address
from ingram_assets.domain.failures import IngramError, NeedsPerson, Permanent, Transient
from ingram_assets.domain.readings import CLOCKS_DIFFER

log = logging.getLogger(__name__)
T = TypeVar("T")

_DEFAULTS: dict[str, Any] = {
    "application_name": "ingram_queue",
    "connect_timeout": "20",
    # A network that swallows packets ends the connection within half a minute, not never.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
ANSWER_TIMEOUTS = 4
"""So many statement timeouts one call may last: it has several statements, which the server itself ends."""


class Server:
    """Where a URL leads. What it prints is host, port and database; the URL with its password stays inside.

    Args:
        setting: which one the URL is from, for whoever has to correct it.

    Raises:
        NeedsPerson: the URL can't be read.
    """

    def __init__(self, url: str, setting: str = "QUEUE_DB_URL") -> None:
        self.setting = setting
        try:
            parts = conninfo.conninfo_to_dict(database_address(url))
        except MalformedAddress as error:
            raise NeedsPerson(f"{setting} can't be read: {error}.") from None
        except psycopg.Error:  # its message quotes the URL
            raise NeedsPerson(
                f"{setting} can't be read: it looks like postgresql://user:password@host:5432/name."
            ) from None
        self._conninfo = conninfo.make_conninfo("", **(_DEFAULTS | parts))
        self.user = str(parts.get("user", ""))
        self.sets_statement_timeout = "statement_timeout" in str(parts.get("options", ""))
        host = parts.get("host") or parts.get("hostaddr") or "localhost"
        self.name = f"{host}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"

    def __repr__(self) -> str:
        return f"Server({self.name})"

    def connect(self, *, seconds: int | None = None) -> psycopg.Connection:
        """A connection of its own. `seconds`: so long the server may take to answer; default: 20."""
        return psycopg.connect(self._conninfo, connect_timeout=seconds)

    def for_programs(self, called: str) -> tuple[str, dict[str, str]]:
        """For PostgreSQL's own programs: the address without a secret, and the environment that has it.

        Every user of a machine can list the arguments of all its programs.

        Args:
            called: the name by which the server lists the session.

        Raises:
            NeedsPerson: the address has a secret that no environment can carry.
        """
        parts = conninfo.conninfo_to_dict(self._conninfo) | {"application_name": called}
        if parts.pop("sslpassword", None):
            raise NeedsPerson(
                f"{self.setting} has an sslpassword, which PostgreSQL's programs take where other users of "
                "this machine can read it alone: use a key without one."
            )
        password = parts.pop("password", None)
        return conninfo.make_conninfo("", **parts), {"PGPASSWORD": str(password)} if password else {}

    def pool(self, size: int, statement_timeout: float) -> ConnectionPool:
        """Connections on which a statement may last so many seconds; not opened yet."""

        def configure(connection: psycopg.Connection) -> None:
            # By a statement, since a pooler such as PgBouncer refuses it among the start-up options.
            if not self.sets_statement_timeout:
                connection.execute(f"SET statement_timeout = {int(statement_timeout * 1000)}")
            set_json_loads(_json, connection)
            connection.adapters.register_loader("timestamp", _Timestamp)
            connection.adapters.register_loader("timestamptz", _Timestamptz)

        return ConnectionPool(
            self._conninfo,
            min_size=0,
            max_size=size,
            open=False,
            timeout=statement_timeout,
            num_workers=1,
            configure=configure,
            # A prepared statement is lost when a pooler hands out another session; one gains nothing here.
            kwargs={"autocommit": True, "prepare_threshold": None},
        )


def takes_no_writes(setting: str) -> str:
    """What is said of a database that answers and takes none; begins with what it does, and ends a sentence.

    Args:
        setting: the one that leads there.
    """
    return (
        f"takes no writes: it is read-only, as a standby is. Let it take them, or have {setting} lead to the "
        "server that does."
    )


def takes_writes(connection: psycopg.Connection) -> bool:
    """Whether the database does: a standby, say, only lets look."""
    return connection.execute("SHOW transaction_read_only").fetchone() == ("off",)


class Client:
    """What writer and reader share. Opens on first use; use as a context manager, or `close` it."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 4,
        statement_timeout: float = 30.0,
        connect_seconds: int | None = None,
        setting: str = "QUEUE_DB_URL",
    ) -> None:
        """Both in seconds. The URL's own `options=-c statement_timeout=…` wins over `statement_timeout`.

        Args:
            connect_seconds: as for `Server.connect`, for who waits at a terminal and only looks.
            setting: which one the URL is from, as for `Server`.
        """
        self._server, self._connect_seconds = Server(url, setting), connect_seconds
        self._pool = self._server.pool(pool_size, statement_timeout)
        self._patience = None if self._server.sets_statement_timeout else ANSWER_TIMEOUTS * statement_timeout
        self._opening = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._server.name})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections. Once more is harmless."""
        self._pool.close()

    def rows(
        self,
        doing: str,
        query: str,
        values: Sequence[Any] | Mapping[str, Any],
        row_factory: BaseRowFactory[T],
    ) -> list[T]:
        """All rows of one statement, done as `run` does."""

        def fetch(connection: psycopg.Connection) -> list[T]:
            with connection.cursor(row_factory=row_factory) as cursor:
                return cursor.execute(query.encode(), values).fetchall()

        return self.run(doing, fetch)

    def check_clock(self, now: datetime) -> None:
        """Compares this machine's clock with the database's, before readings are timed by it.

        Raises:
            NeedsPerson: they differ by more than `CLOCKS_DIFFER`, beyond which readings would be refused
                (ours is ahead) or taken for older than what is known (it is behind).
        """
        (there,) = self.rows("ask for the time", "SELECT clock_timestamp()", [], scalar_row)
        ahead = now - there
        if abs(ahead) > CLOCKS_DIFFER:
            minutes = round(abs(ahead).total_seconds() / 60)
            where = "ahead of" if ahead > timedelta() else "behind"
            raise NeedsPerson(
                f"The clock of this machine ({socket.gethostname()}) is {minutes:,} min {where} that of the "
                f"database {self._server.name}: set whichever is wrong, and run again."
            )

    def run(self, doing: str, work: Callable[[psycopg.Connection], T]) -> T:
        """Does `work` on a connection, once more if that was lost or the database asks for another try.

        So `work` has to leave the same behind when it is done twice: an answer can be lost after a commit.
        `doing` completes "could not …" in a message.
        """
        with self._opening:
            if self._pool.closed:
                # Names a wrong password at once, where the pool would try on until its timeout.
                self._probe(doing)
                self._pool.open()
        try:
            return self._once(work)
        except psycopg.Error as error:
            if not _worth_another_try(error):
                raise failure(error, self._server, doing) from None
            log.warning("Lost the database %s while about to %s; trying once more.", self._server.name, doing)
        self._probe(doing)
        self._pool.check()  # the others that were idle are likely gone too
        try:
            return self._once(work)
        except psycopg.Error as error:
            raise failure(error, self._server, doing) from None

    def _once(self, work: Callable[[psycopg.Connection], T]) -> T:
        with self._pool.connection() as connection, broken_off_after(connection, self._patience):
            return work(connection)

    def _probe(self, doing: str) -> None:
        try:
            self._server.connect(seconds=self._connect_seconds).close()
        except psycopg.Error as error:
            raise failure(error, self._server, doing) from None


def break_off(connection: psycopg.Connection) -> None:
    """Ends a connection for whoever waits on it, from another thread."""
    with (
        contextlib.suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def broken_off_after(connection: psycopg.Connection, seconds: float | None) -> Iterator[None]:
    """Ends a connection whose other side says nothing any more, which no statement timeout of its would."""
    timer = threading.Timer(seconds, break_off, [connection]) if seconds else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        if timer:
            timer.cancel()


class _Timestamp(TimestampLoader):
    """A column's time, written in UTC; `None` for one that Python has no date for ("infinity")."""

    def load(self, data: Any) -> Any:
        try:
            return super().load(data).replace(tzinfo=UTC)
        except (psycopg.DataError, OverflowError, ValueError):
            return None


class _Timestamptz(TimestamptzLoader):
    """The same for a column with a zone."""

    def load(self, data: Any) -> Any:
        try:
            return super().load(data).astimezone(UTC)
        except (psycopg.DataError, OverflowError, ValueError):
            return None


def _json(text: str | bytes) -> Any:
    """JSON as PostgreSQL keeps it, which takes what Python does not: then it is null.

    Other programs write to the queue as well, and a row of theirs must not cost the others.
    """
    try:
        return json.loads(text, parse_int=_whole_number)
    except (ValueError, RecursionError):
        return None


def _whole_number(digits: str) -> int | float:
    """A number of more digits is none that anything here counts; Python refuses to read one of 4,301."""
    return int(digits) if len(digits) <= 30 else math.inf


def _worth_another_try(error: psycopg.Error) -> bool:
    return (
        isinstance(error, psycopg.OperationalError)
        and not isinstance(error, PoolTimeout | psycopg.errors.QueryCanceled)
    ) or isinstance(error, psycopg.errors.UniqueViolation)


def failure(error: psycopg.Error, server: Server, doing: str) -> IngramError:
    """The error as one of ours, by what the caller can do. Names the host; quotes no row, no password."""
    state = error.sqlstate or ""
    told = _first_line(error)
    at = f"Could not {doing} at {server.name}"
    if words := _may_pass(error, server):
        return Transient(f"{at}: {words} {_AGAIN}")
    if isinstance(error, psycopg.errors.RaiseException):  # a migration of ours speaks
        return NeedsPerson(f"{at}: {told}")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return NeedsPerson(
            f"{at}: {told}. Check that {server.setting} signs in as the role meant for this ({server.user} "
            "now), and run `ingram queue migrate` with the owner's URL."
        )
    if isinstance(
        error,
        psycopg.errors.UndefinedFunction | psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn,
    ):
        return NeedsPerson(f"{at}: the database is not migrated to this version. Run `ingram queue migrate`.")
    if state[:2] in ("28", "3D"):
        return NeedsPerson(f"{at}: {told}. Correct {server.setting}.")
    if not state and _REFUSED.search(str(error)):
        return NeedsPerson(f"{at}: the server refused the connection ({told}). Correct {server.setting}.")
    if state[:2] in ("53", "54") and state != "53300":
        return NeedsPerson(f"{at}: the server has no room left ({told}). Give it room.")
    if isinstance(error, psycopg.OperationalError | psycopg.errors.UniqueViolation):
        return Transient(f"{at}: {told}. Check that the server runs. {_AGAIN}")
    return Permanent(f"{at}: the database refused the statement ({state or type(error).__name__}: {told}).")


def _may_pass(error: psycopg.Error, server: Server) -> str | None:
    """What is said of what is so for a while, at a server that answers; `None`: it is something else."""
    match error:
        case PoolTimeout():
            return "all its connections were busy for too long."
        case psycopg.errors.QueryCanceled() | psycopg.errors.LockNotAvailable():
            return "it took longer than allowed. See what holds a lock there."
        case psycopg.errors.ReadOnlySqlTransaction():
            return f"the database {takes_no_writes(server.setting)}"
    return None


_AGAIN = "Then run the command again; what runs on a schedule is tried again by itself."
"""Who tries again after a failure that may pass: the sentence is read on a terminal and of scheduled runs."""

_REFUSED = re.compile(
    r"password|role \".*\" does not exist|is not permitted to log in|database \".*\" does not exist"
    r"|no pg_hba\.conf entry|permission denied|certificate|does not support SSL|root\.crt"
    r"|invalid (sslmode|connection option)|authentication"
)
"""What libpq says, in words alone, when another try will say the same."""


def _first_line(error: psycopg.Error) -> str:
    """The server's own first line, else the driver's. Neither quotes the password; details may quote rows."""
    text: Any = error.diag.message_primary or str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return re.sub(r"\s+", " ", lines[0]).rstrip(".") if lines else type(error).__name__
