"""Dagster as the shop runs it: three code servers, each with its own settings alone, web server, daemon."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from ingram_assets.runtime.instance import EVENT_BATCH_SIZE, PORTS_FILE, code_server_argv
from ingram_assets.runtime.ports import choose_port, http_ok, port_open
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.runtime.started_with import note_settings
from ingram_assets.settings.belonging import LOCATIONS
from ingram_assets.settings.files import shipped
from ingram_assets.settings.shared import DAGSTER_PATH
from ingram_assets.whole_files import write_whole

RUN_FILES_KEPT = timedelta(days=30)
TICK_FILES_KEPT = timedelta(days=2)
FORGET_EVERY = 3600.0
EnvironmentOf = Callable[[str | None], Mapping[str, str]]
"""The whole environment of a code location's process; of the web server and the daemon for `None`."""


def start_dagster(
    supervisor: Supervisor,
    home: Path,
    environment_of: EnvironmentOf,
    *,
    ui_port: int | None,
    wanted_ports: Mapping[str, int | None] = {},
    desk_address: str | None = None,
) -> str:
    """Start the code servers, the web server and the daemon, each brought back if it dies. The UI's address.

    Dagster's tables must be there already. Ports are free ones unless named. Links of alerts lead through
    `desk_address`, where others reach the desk, if there is one.

    Raises:
        PortBusy: a port that a setting names is taken.
        ChildFailed: one of them did not come up; the message quotes its log.
    """
    ports = {name: choose_port(f"INGRAM_PORT_{name.upper()}", wanted_ports.get(name)) for name in LOCATIONS}
    ui = choose_port("INGRAM_PORT_UI", ui_port)
    ui_url = f"http://127.0.0.1:{ui}{DAGSTER_PATH}"
    note_settings(home, environment_of("storefront"))
    shared = {
        "DAGSTER_HOME": str(home),
        "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
        **{f"INGRAM_PORT_{name.upper()}": str(port) for name, port in ports.items()},
    }

    def start(name: str) -> None:
        argv, ready = _command(name, ports, ui)
        leads_to = f"{desk_address}{DAGSTER_PATH}" if name == "operations" and desk_address else ui_url
        own = environment_of(name if name in ports else None)
        supervisor.start(
            name.replace(" ", "-"),
            argv,
            env={**own, **shared, "INGRAM_UI_URL": leads_to},
            cwd=home,
            ready=ready,
            ready_seconds=180,
            restart=True,
            needs_dagster=True,
        )

    # Web server and daemon load the workspace as they start: an answering code server spares them retries.
    for group in (list(ports), ["web server", "daemon"]):
        with ThreadPoolExecutor(len(group)) as pool:
            list(pool.map(start, group))
    write_whole(home / PORTS_FILE, json.dumps(ports))
    return ui_url


def _command(name: str, ports: Mapping[str, int], ui: int) -> tuple[list[str], Callable[[], bool]]:
    """What a process is started with, and how it is seen to be ready."""
    workspace = str(shipped("workspace.yaml"))
    if name in ports:
        return code_server_argv(name, ports[name]), port_open(ports[name])
    if name == "web server":
        argv = [sys.executable, "-m", "ingram_assets.runtime.dagster_page", str(ui), workspace]
        return argv, http_ok(f"http://127.0.0.1:{ui}{DAGSTER_PATH}/server_info")
    # Else two lines a sensor and tick, 170,000 a day, of which Dagster's page shows what matters.
    quiet = ["--log-level", "warning"]
    return [sys.executable, "-m", "dagster._daemon", "run", "-w", workspace, *quiet], lambda: True


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
