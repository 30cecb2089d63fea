"""Dagster's instance: its home, its database, and which of the processes of `ingram up` are at work."""

import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ingram_assets.domain.failures import NeedsPerson, Transient
from ingram_assets.runtime.ports import port_open
from ingram_assets.runtime.started_by import started_by
from ingram_assets.settings.base import secret
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets.settings.files import SITE_TOML, are_copies, env_dir, shipped
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.whole_files import write_whole

if TYPE_CHECKING:
    from dagster import DagsterInstance


PORTS_FILE = "ports.json"
THIS_HOST = "127.0.0.1"
OF_CELERY = ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND_URL")
EVENT_BATCH_SIZE = "500"
"""A run's materializations are written in batches: about 1 ms each instead of 13."""


def dagster_home(common: CommonSettings) -> Path:
    """The folder of Dagster's instance, with the project's `dagster.yaml` in it."""
    home = _home(common)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours = shipped("dagster.yaml").read_text()
    there = home / "dagster.yaml"
    if not there.exists() or there.read_text() != ours:
        write_whole(there, ours)
    return home


def _home(common: CommonSettings) -> Path:
    return (common.DAGSTER_HOME or common.state_dir / "dagster").expanduser().resolve()


@contextlib.contextmanager
def dagster_instance(common: CommonSettings) -> Iterator["DagsterInstance"]:
    """Dagster's instance on its Postgres, its tables made if they are missing.

    Raises:
        NeedsPerson: the database can't be reached with `DAGSTER_PG_URL`.
    """
    os.environ["DAGSTER_HOME"] = str(dagster_home(common))
    os.environ["DAGSTER_PG_URL"] = common.DAGSTER_PG_URL.get_secret_value()
    # Named by a file alone, it is told to Dagster, too; and one of a file that is not there any more is none.
    for name in OF_CELERY:
        os.environ.pop(name, None)
        if address := secret(getattr(common, name)):
            os.environ[name] = address
    logging.getLogger("alembic").setLevel(logging.WARNING)
    import sqlalchemy.exc
    from dagster import DagsterInstance

    from ingram_assets.runtime.dagster_internals import DagsterPostgresException

    try:
        with without_tries():
            instance = DagsterInstance.get()
    except (sqlalchemy.exc.ArgumentError, ValueError, ImportError):
        raise NeedsPerson(
            "DAGSTER_PG_URL is malformed: an example is postgresql://dagster:password@db.example.com:5432/dagster."
        ) from None
    except (sqlalchemy.exc.SQLAlchemyError, DagsterPostgresException, OSError) as error:
        raise NeedsPerson(
            f"Dagster's database can't be reached ({type(error).__name__}): is PostgreSQL up, and is "
            "DAGSTER_PG_URL right?"
        ) from None
    with instance:
        yield instance


@contextlib.contextmanager
def told_if_away() -> Iterator[None]:
    """Within it Dagster's own errors about a database or code server that is away become a sentence.

    Raises:
        Transient: one of them does not answer, or does so no longer, or the database takes no writes.
    """
    import sqlalchemy.exc

    from ingram_assets.postgres import takes_no_writes
    from ingram_assets.runtime.broker import BrokerAway
    from ingram_assets.runtime.dagster_internals import (
        DagsterPostgresException,
        DagsterUserCodeUnreachableError,
    )

    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, DagsterPostgresException) as error:
        if _is_of_a_read_only_database(error):
            raise Transient(f"Dagster's database {takes_no_writes('DAGSTER_PG_URL')}") from None
        raise Transient(
            f"Dagster's database answers no more ({type(error).__name__}). A run that was started goes on or "
            "is marked failed once it is back: look at Dagster's page, and repeat the command."
        ) from None
    except BrokerAway as error:
        raise Transient(f"{error} No run was begun: repeat the command once it is back.") from None
    except DagsterUserCodeUnreachableError:
        raise Transient(
            "A code server answers no more. It is brought back within seconds: repeat the command."
        ) from None


def _is_of_a_read_only_database(error: BaseException | None) -> bool:
    """Whether a write was refused since the database takes none. Dagster raises some errors from others."""
    from psycopg.errors import ReadOnlySqlTransaction

    while error is not None:
        # Dagster's driver is another one, with the same states.
        if getattr(getattr(error, "orig", None), "pgcode", None) == ReadOnlySqlTransaction.sqlstate:
            return True
        error = error.__cause__
    return False


def takes_writes(instance: "DagsterInstance") -> bool:
    """Whether Dagster's database does: a standby, say, only lets look."""
    instance.get_daemon_heartbeats()  # Its tables are there.
    storage = cast(Any, instance.run_storage)  # PostgreSQL's, as `dagster.yaml` has it.
    with storage.connect() as connection:
        return bool(connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "off")


@contextlib.contextmanager
def without_tries() -> Iterator[None]:
    """Dagster tells of each of its tries to connect at length; what comes of them is one sentence of ours."""

    def is_none(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("Retrying failed database")

    root = logging.getLogger()
    root.addFilter(is_none)
    try:
        yield
    finally:
        root.removeFilter(is_none)


def code_server_argv(location: str, port: int, host: str = THIS_HOST) -> list[str]:
    """The command line of a code location's gRPC server."""
    words = [sys.executable, "-m", "ingram_assets.runtime.code_server"]
    words += ["--module-name", f"ingram_assets.defs.{location}.definitions"]
    at = f"[{host}]" if ":" in host else host
    return [*words, "--host", at, "--port", str(port), "--location-name", location]


def note_ports(home: Path, ports: Mapping[str, int]) -> None:
    """Write down where processes of the shop answer on this machine, for commands that are typed here."""
    write_whole(home / PORTS_FILE, json.dumps(ports))


def older_settings(common: CommonSettings, tables: Iterable[str | Path | None]) -> str | None:
    """That the processes still go by other settings than are written now, for a person; `None`: they do not.

    Args:
        tables: files that the shop's settings name.
    """
    files = [Path(table) for table in tables if table]
    if not are_copies():  # Those were made when this process began.
        of_the_shop = (".env", SITE_TOML, *(of.file for of in LOCATIONS.values()))
        files = [*(env_dir() / name for name in of_the_shop), *files]
    changed = [file.name for file in files if _is_newer(file, _home(common) / PORTS_FILE)]
    if not changed or not running_ports(common):
        return None
    names = ", ".join(dict.fromkeys(changed))
    return (
        f"Changed since the shop's processes were started: {names}. They still go by what was there then. "
        f"{started_by(common.state_dir).anew}"
    )


def _is_newer(file: Path, than: Path) -> bool:
    try:
        return file.stat().st_mtime > than.stat().st_mtime
    except OSError:
        return False


def running_ports(common: CommonSettings) -> dict[str, int]:
    """The ports of `ingram up`'s processes by name; empty if it is not at work.

    One that died is brought back: it is at work as long as any of them answers.
    """
    try:
        ports: dict[str, int] = json.loads((_home(common) / PORTS_FILE).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return ports if any(port_open(port)() for port in ports.values()) else {}
