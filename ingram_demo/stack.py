"""The embedded stack: every server of the shop on this machine, each process with its own settings alone."""

import contextlib
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from ingram_assets.runtime.dagster_processes import forget_ports, start_dagster
from ingram_assets.runtime.desk_process import forget_desk, start_desk
from ingram_assets.runtime.instance import dagster_home, dagster_instance
from ingram_assets.runtime.ports import PortBusy, choose_port, free_port, http_ok
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.runtime.worker_places import PlaceCount
from ingram_assets.settings.base import Settings
from ingram_assets.settings.demo import SETTINGS, at_work
from ingram_assets.settings.environment import (
    environment_of_machine,
    environment_of_owner,
    port_settings,
)
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets.settings.files import ENV_DIR
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.operations import OperationsSettings
from ingram_assets.settings.shared import CommonSettings, LogSettings, PaceSettings
from ingram_assets.staging.schema import migrate
from ingram_demo import CHECKOUT
from ingram_demo.embedded.chromium import ensure_chromium
from ingram_demo.embedded.imap import Imap, start_imap
from ingram_demo.embedded.medusa import Medusa, start_medusa
from ingram_demo.embedded.postgres import Postgres, start_postgres
from ingram_demo.embedded.redis import start_redis
from ingram_demo.embedded.s3 import S3, public_url, start_s3
from ingram_demo.env_files import write_env_files
from ingram_demo.phases import Phases
from ingram_demo.simulator import Account, Simulator

ROLES = ("dagster", "queue_owner", "ingram_queue_writer", "ingram_queue_reader", "storefront")
OWNERS = {"dagster": "dagster", "catalog_import": "queue_owner", "storefront": "storefront"}
"""Database to the role that owns it. Nobody else may connect to it, unless told so."""


@dataclass(frozen=True)
class Servers:
    """What is around a shop, and running. `environments` has the whole environment of each code location."""

    supervisor: Supervisor
    postgres: Postgres
    passwords: Mapping[str, str]
    s3: S3
    imap: Imap
    simulator: Simulator
    medusa: Medusa
    ports: Mapping[str, int]
    environments: Mapping[str | None, Mapping[str, str]]

    def url(self, database: str, role: str) -> str:
        """A database's address for one of the roles."""
        return self.postgres.url(database, role, self.passwords[role])

    @property
    def settings(self) -> Path:
        """The folder of its settings, for `ingram --env-dir`."""
        return self.supervisor.folder / SETTINGS

    def covers(self) -> list[str]:
        """The public addresses of the raw covers in the bucket, as its public server lists them."""
        raw = self.s3.files / self.s3.bucket / "covers" / "raw"
        return sorted(f"{self.s3.public_url}/covers/raw/{file.name}" for file in raw.glob("*.jpg"))


@dataclass(frozen=True)
class Stack(Servers):
    """All that is running: what is around the shop, and the shop itself."""

    ui_url: str
    desk_url: str
    common: CommonSettings


@contextmanager
def running_stack(
    folder: Path,
    phases: Phases,
    pace: Mapping[str, str],
    *,
    tools: Path | None = None,
    titles: int = 100,
    simulator_arguments: tuple[str, ...] = (),
    has_workers: bool = False,
) -> Iterator[Stack]:
    """Install what is missing, start everything, and stop everything on the way out.

    Arguments, and what is raised, are those of `running_servers`.
    """
    fixed = port_settings(environment_of_owner())
    around = running_servers(
        folder,
        phases,
        pace,
        tools=tools,
        titles=titles,
        simulator_arguments=simulator_arguments,
        has_workers=has_workers,
    )
    with around as servers, contextlib.ExitStack() as at_its_end:
        with phases.phase("start", "Starting Dagster and the desk"):
            common = load(CommonSettings, servers.environments[None])
            home = dagster_home(common)
            with dagster_instance(common):
                pass  # Its tables are made here, once, before five processes would make them at once.
            at_its_end.callback(forget_ports, home)
            at_its_end.callback(forget_desk, common.state_dir)
            ui_url = start_dagster(
                servers.supervisor,
                home,
                servers.environments.__getitem__,
                ui_port=servers.ports["UI"],
                wanted_ports={name: fixed.get(name.upper()) for name in LOCATIONS},
            )
            desk_url = start_desk(
                servers.supervisor,
                common.state_dir,
                servers.environments["storefront"],
                home=home,
                ui_url=ui_url,
                port=servers.ports["DESK"],
            )
            if has_workers:
                _start_workers(servers)
            servers.supervisor.all_are_there()
        at_its_end.enter_context(at_work(servers.supervisor.folder))
        yield Stack(**vars(servers), ui_url=ui_url, desk_url=desk_url, common=common)


@contextmanager
def running_servers(
    folder: Path,
    phases: Phases,
    pace: Mapping[str, str],
    *,
    tools: Path | None = None,
    titles: int = 100,
    simulator_arguments: tuple[str, ...] = (),
    has_workers: bool = False,
) -> Iterator[Servers]:
    """Install what is missing, start what is around a shop, and stop it on the way out.

    Args:
        folder: keeps the databases, the bucket, the mailbox and the logs from start to start.
        pace: settings of the clock (`settings.Pace`) that every process gets.
        tools: where Node, Chromium and Medusa's packages are installed, once for all folders.
        has_workers: runs are done by workers, to whom a Redis carries them, as in a shop on several machines.

    Raises:
        AlreadyRunning, PortBusy, ChildFailed, InstallFailed, NoBrowser, NeedsPerson: one sentence each;
            nothing stays.
    """
    folder = folder.resolve()
    tools = tools or tools_folder()
    fixed = port_settings(environment_of_owner())
    check({**_taken(OperationsSettings), **pace}, OperationsSettings, PaceSettings)
    logs = load(LogSettings, _taken(LogSettings))
    with Supervisor(folder, json_logs=logs.LOG_FORMAT == "json") as supervisor:
        with phases.phase("install", "Looking for a browser, Node and Medusa's packages"):
            given = os.environ.get("BROWSER_EXECUTABLE")
            chromium = ensure_chromium(tools, Path(given) if given else None)
        with phases.phase("start", "Starting PostgreSQL, S3, a mailbox, a simulated iPage, Medusa"):
            ports = _ports(folder, fixed)
            postgres = start_postgres(supervisor, folder / "postgres", port=ports["POSTGRES"])
            passwords = _databases(postgres, folder, public_url(ports["COVERS"]))
            with ThreadPoolExecutor(4) as pool:
                medusa_coming = pool.submit(
                    start_medusa, supervisor, folder / "medusa", tools, postgres, port=ports["MEDUSA"]
                )
                s3_coming = pool.submit(
                    start_s3, supervisor, folder / "s3", port=ports["S3"], public_port=ports["COVERS"]
                )
                imap = start_imap(supervisor, folder / "imap", port=ports["IMAP"])
                simulator = _start_simulator(
                    supervisor, folder, imap, ports["IPAGE"], titles, simulator_arguments
                )
                s3, medusa = s3_coming.result(), medusa_coming.result()
            of_all = {**pace, **(_broker(supervisor, folder) if has_workers else {})}
            environments = environments_of(
                folder, postgres, passwords, s3, imap, simulator, medusa, chromium, of_all
            )
            owner_url = postgres.url("catalog_import", "queue_owner", passwords["queue_owner"])
            write_env_files(folder / SETTINGS, environments, owner_url)
        yield Servers(supervisor, postgres, passwords, s3, imap, simulator, medusa, ports, environments)


def _broker(supervisor: Supervisor, folder: Path) -> dict[str, str]:
    """The settings of a Redis that carries runs to workers, and keeps how they ended."""
    redis = start_redis(supervisor, folder / "redis")
    return {"CELERY_BROKER_URL": redis.url, "CELERY_RESULT_BACKEND_URL": f"{redis.url.removesuffix('/0')}/1"}


def _start_workers(servers: Servers) -> None:
    """A worker of each code location, which has that location's settings alone."""
    places = PlaceCount(servers.environments[None]["DAGSTER_PG_URL"])

    def start(location: str) -> None:
        servers.supervisor.start(
            f"worker-{location}",
            [sys.executable, "-m", "ingram_assets.cli", "worker", location, "--grace", "5"],
            env={**servers.environments[location], ENV_DIR: str(servers.settings)},
            ready=lambda: bool(places.of(LOCATIONS).get(location)),
            ready_seconds=120,
            restart=True,
        )

    with ThreadPoolExecutor(len(LOCATIONS)) as pool:
        list(pool.map(start, LOCATIONS))


def _ports(folder: Path, fixed: Mapping[str, int]) -> dict[str, int]:
    """A port for each server: the setting's, else the last start's, else a free one.

    The same from start to start, because addresses are kept: a cover's, in the store; a person's bookmark.
    """
    kept = folder / "ports.json"
    last: dict[str, int] = json.loads(kept.read_text()) if kept.exists() else {}
    ports: dict[str, int] = {}
    for name in ("POSTGRES", "S3", "COVERS", "IMAP", "IPAGE", "MEDUSA", "UI", "DESK"):
        try:
            ports[name] = choose_port(f"INGRAM_PORT_{name}", fixed.get(name) or last.get(name))
        except PortBusy:
            if fixed.get(name):
                raise
            ports[name] = free_port()
    kept.write_text(json.dumps(ports))
    return ports


def tools_folder() -> Path:
    """Where what pip can't install lies: `INGRAM_TOOLS_DIR`, or `.demo/tools` in the checkout."""
    return Path(os.environ.get("INGRAM_TOOLS_DIR") or CHECKOUT / ".demo" / "tools")


def _databases(postgres: Postgres, folder: Path, covers: str) -> dict[str, str]:
    """The databases with an owner each, the queue's migrations and its two roles; the roles' passwords."""
    kept = folder / "passwords.json"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(json.dumps({role: secrets.token_urlsafe(24) for role in ROLES}))
    passwords: dict[str, str] = json.loads(kept.read_text())
    with psycopg.connect(postgres.url(), autocommit=True) as connection:

        def run(statement: str, **names: str) -> None:
            words = {
                name: sql.Literal(value) if name == "password" else sql.Identifier(value)
                for name, value in names.items()
            }
            connection.execute(sql.SQL(statement).format(**words))

        there = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role in OWNERS.values():
            verb = "ALTER" if role in there else "CREATE"
            more = " CREATEROLE" if role == "queue_owner" else ""
            run(
                f"{verb} ROLE {{role}} LOGIN{more} PASSWORD {{password}}", role=role, password=passwords[role]
            )
        for database, owner in OWNERS.items():
            if not postgres.has_database(database):
                postgres.create_database(database)
            run("ALTER DATABASE {database} OWNER TO {owner}", database=database, owner=owner)
        owner = postgres.url("catalog_import", "queue_owner", passwords["queue_owner"])
        migrate(owner, cover_prefix=covers)
        for role in ("ingram_queue_writer", "ingram_queue_reader"):
            run("ALTER ROLE {role} PASSWORD {password}", role=role, password=passwords[role])
            run("GRANT CONNECT ON DATABASE catalog_import TO {role}", role=role)
    return passwords


def _start_simulator(
    supervisor: Supervisor,
    folder: Path,
    imap: Imap,
    port: int,
    titles: int,
    arguments: tuple[str, ...],
) -> Simulator:
    simulator = Simulator(f"http://127.0.0.1:{port}", Account())
    supervisor.start(
        "ipage-simulator",
        [
            *(sys.executable, "-m", "ingram_demo.simulator", "--port", str(port)),
            *("--titles", str(titles), "--state", str(folder / "ipage.sqlite")),
            *("--maildir", str(imap.maildir), *arguments),
        ],
        env=environment_of_machine(),
        ready=http_ok(f"{simulator.url}/_control"),
        restart=True,
    )
    return simulator


def _taken(settings: type[Settings]) -> dict[str, str]:
    """What is set of these settings' own in the environment."""
    own = [name for name in settings.model_fields if name not in Settings.model_fields]
    return {name: os.environ[name] for name in own if name in os.environ}


def environments_of(
    folder: Path,
    postgres: Postgres,
    passwords: Mapping[str, str],
    s3: S3,
    imap: Imap,
    simulator: Simulator,
    medusa: Medusa,
    chromium: Path,
    of_all: Mapping[str, str],
) -> dict[str | None, dict[str, str]]:
    """Each code location's environment: the machine's, the common settings, and its own secrets.

    `of_all`: what every process gets, beside where Dagster's database and the state folder are.

    What a shop's own shell exports is no setting of the demo's: its home and its pace are the demo's own.
    But whom it tells, and how its logs are written, anybody may want to see.
    """

    def url(database: str, role: str) -> str:
        return postgres.url(database, role, passwords[role])

    account = Account()
    own: dict[str | None, dict[str, str]] = {
        "scraper": {
            "IPAGE_BASE_URL": simulator.url,
            "IPAGE_USERNAME": account.username,
            "IPAGE_PASSWORD": account.password,
            "IPAGE_ACCOUNT": account.account,
            "IPAGE_SAVED_SEARCH_ID": simulator.search_id,
            "IPAGE_MFA": "email",
            "IPAGE_MFA_IMAP_URL": imap.url,
            "SSL_CERT_FILE": str(imap.ca_file),
            "BROWSER_EXECUTABLE": str(chromium),
            "QUEUE_DB_URL": url("catalog_import", "ingram_queue_writer"),
            "R2_ENDPOINT": s3.endpoint,
            "R2_ACCESS_KEY_ID": s3.key,
            "R2_SECRET_ACCESS_KEY": s3.secret,
            "R2_BUCKET_NAME": s3.bucket,
            "R2_PUBLIC_URL": s3.public_url,
            "OPEN_LIBRARY_COVERS_URL": simulator.open_library_url,
        },
        "storefront": {
            "MEDUSA_BACKEND_URL": medusa.url,
            "MEDUSA_EMAIL": medusa.email,
            "MEDUSA_PASSWORD": medusa.password,
            "QUEUE_DB_URL": url("catalog_import", "ingram_queue_reader"),
            "STOREFRONT_DB_URL": url("storefront", "storefront"),
            "MODE": "live",
        },
        "operations": _taken(OperationsSettings),
        None: {},
    }
    common = {
        "DAGSTER_PG_URL": url("dagster", "dagster"),
        "INGRAM_STATE_DIR": str(folder / "state"),
        **_taken(LogSettings),
        **of_all,
    }
    machine = environment_of_machine()
    return {location: machine | common | settings for location, settings in own.items()}
