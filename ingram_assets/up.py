"""Dagster as the shop runs it: three code servers, each with its own settings alone, web server, daemon."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from ingram_assets.processes import Supervisor, choose_port, http_ok, port_open, write_private
from ingram_assets.runs import (
    EVENT_BATCH_SIZE,
    PORTS_FILE,
    ROOT,
    code_server_argv,
    dagster_home,
    dagster_instance,
)
from ingram_assets.settings import (
    LOCATIONS,
    CommonSettings,
    MigrateSettings,
    Pace,
    SettingsError,
    check,
    environment_of,
    environment_of_owner,
    load,
    port_settings,
)

RUN_FILES_KEPT = timedelta(days=30)
TICK_FILES_KEPT = timedelta(days=2)
FORGET_EVERY = 3600.0

EnvironmentOf = Callable[[str | None], Mapping[str, str]]
"""The whole environment of a code location's process; of the web server and the daemon for `None`."""


@dataclass(frozen=True, slots=True)
class Dagster:
    """Where the started Dagster answers."""

    ui_url: str
    ports: Mapping[str, int]


def start_dagster(
    supervisor: Supervisor,
    home: Path,
    environment_of: EnvironmentOf,
    *,
    ui_port: int | None,
    wanted_ports: Mapping[str, int | None] | None = None,
) -> Dagster:
    """Start the code servers, the web server and the daemon, each brought back if it dies.

    Dagster's tables must be there already. Ports are free ones unless named.

    Raises:
        PortBusy: a port that a setting names is taken.
        ChildFailed: one of them did not come up; the message quotes its log.
    """
    wanted_ports = wanted_ports or {}
    ports = {name: choose_port(f"INGRAM_PORT_{name.upper()}", wanted_ports.get(name)) for name in LOCATIONS}
    ui = choose_port("INGRAM_PORT_UI", ui_port)
    ui_url = f"http://127.0.0.1:{ui}"
    shared = {
        "DAGSTER_HOME": str(home),
        "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
        "INGRAM_UI_URL": ui_url,
        **{f"INGRAM_PORT_{name.upper()}": str(port) for name, port in ports.items()},
    }

    def start(name: str) -> None:
        if name in ports:
            port = ports[name]
            argv, env, ready = code_server_argv(name, port), environment_of(name), port_open(port)
        elif name == "web server":
            argv = [sys.executable, "-m", "dagster_webserver", "-w", str(ROOT / "workspace.yaml")]
            argv += ["-h", "127.0.0.1", "-p", str(ui)]
            env, ready = environment_of(None), http_ok(f"{ui_url}/server_info")
        else:
            argv = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(ROOT / "workspace.yaml")]
            # Else two lines a sensor and tick, 170,000 a day, of which Dagster's page shows what matters.
            argv += ["--log-level", "warning"]
            env, ready = environment_of(None), lambda: True
        supervisor.start(
            name.replace(" ", "-"),
            argv,
            env={**env, **shared},
            cwd=home,
            ready=ready,
            ready_seconds=180,
            restart=True,
        )

    # The web server and the daemon load the workspace as they start: an answering code server spares them
    # a round of retries.
    for group in (list(ports), ["web server", "daemon"]):
        with ThreadPoolExecutor(len(group)) as pool:
            list(pool.map(start, group))
    write_private(home / PORTS_FILE, json.dumps(ports))
    return Dagster(ui_url, ports)


def forget_old_files(home: Path, now: float) -> int:
    """Deletes what runs and ticks printed long ago; how many files. `now` in seconds of the epoch.

    Dagster keeps a file of each tick that said something, 26,000 a day, two of each run, and deletes none.
    """
    gone = 0
    # By os.walk, which passes over what vanishes or can't be read on the way.
    walked = [Path(folder) / name for folder, _, names in os.walk(home / "storage") for name in names]
    for file in walked:
        if file.suffix not in (".err", ".out"):
            continue
        kept = RUN_FILES_KEPT if file.parent.name == "compute_logs" else TICK_FILES_KEPT
        with contextlib.suppress(OSError):  # Another one may be at it, and a file less is no matter.
            if file.stat().st_mtime < now - kept.total_seconds():
                file.unlink()
                gone += 1
                if file.parent.name == "compute_logs":
                    file.parent.rmdir()
                    file.parent.parent.rmdir()
    return gone


def forget_ports(home: Path) -> None:
    """After the stop: commands start their own code server again."""
    (home / PORTS_FILE).unlink(missing_ok=True)


def _migrate_settings(root: Path) -> MigrateSettings:
    """The owner's settings, and of the scraper's where its covers are read."""
    scraper = environment_of("scraper", root)
    of_covers = {name: scraper[name] for name in ("R2_PUBLIC_URL", "ALLOW_PLAIN_HTTP") if name in scraper}
    return load(MigrateSettings, environment_of_owner(root) | of_covers)


def let_in(root: Path, titles: int) -> None:
    """Let so many new titles into the queue beyond what it takes in a day."""
    from ingram_assets.queue import migrations

    migrations.let_in(_migrate_settings(root).QUEUE_OWNER_DB_URL.get_secret_value(), titles)


def migrate_queue(root: Path) -> dict[str, Any]:
    """Bring the queue database to this version, with the roles that the settings name.

    Its `notes`, if there are any, say what the owner may not do and a superuser should.
    """
    from ingram_assets.queue.migrations import migrate

    settings = _migrate_settings(root)
    result = migrate(
        settings.QUEUE_OWNER_DB_URL.get_secret_value(),
        writer_role=settings.QUEUE_WRITER_ROLE,
        reader_role=settings.QUEUE_READER_ROLE,
        cover_prefix=settings.R2_PUBLIC_URL,
    )
    return {"version": result.after} | ({"notes": list(result.notes)} if result.notes else {})


def run_up(*, as_json: bool = False) -> None:
    """`ingram up`: check every setting, migrate, start, and stay until Ctrl-C.

    Raises:
        SettingsError: a setting of any location is missing; nothing was started.
        AlreadyRunning: another `ingram up` is at work on this state folder.
    """
    faults = []
    for name, settings in LOCATIONS.items():
        try:
            check(environment_of(name, ROOT), settings)
        except SettingsError as error:
            faults.append(str(error))
    try:
        check(environment_of_owner(ROOT), CommonSettings, Pace, MigrateSettings)
        ports = port_settings(environment_of_owner(ROOT))
    except SettingsError as error:
        faults.append(str(error))
    if faults:
        raise SettingsError("\n".join(dict.fromkeys(faults)))
    common = load(CommonSettings, environment_of(None, ROOT))
    home = dagster_home(common)
    with Supervisor(common.state_dir / "up") as supervisor:
        for note in migrate_queue(ROOT).get("notes", []):
            click.echo(note, err=True)
        with dagster_instance(common):
            pass  # Its tables are made here, once, before five processes would make them at the same time.
        try:
            dagster = start_dagster(
                supervisor,
                home,
                lambda name: environment_of(name, ROOT) | {"DAGSTER_PG_URL": os.environ["DAGSTER_PG_URL"]},
                ui_port=ports.get("UI", 3000),
                wanted_ports={name: ports.get(name.upper()) for name in LOCATIONS},
            )
            logs = supervisor.folder / "logs"
            if as_json:
                click.echo(json.dumps({"ok": True, "ui": dagster.ui_url, "logs": str(logs)}))
            else:
                click.echo(f"Dagster: {dagster.ui_url}   (logs: {logs}; Ctrl-C stops all)")
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    forget_old_files(home, time.time())
                    time.sleep(FORGET_EVERY)
            click.echo("Stopping …", err=as_json)
        finally:
            forget_ports(home)
