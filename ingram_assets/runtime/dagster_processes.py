"""Dagster as the shop runs it: three code servers, each with its own settings alone, web server, daemon."""

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ingram_assets.runtime.instance import (
    EVENT_BATCH_SIZE,
    PORTS_FILE,
    THIS_HOST,
    code_server_argv,
    note_ports,
)
from ingram_assets.runtime.ports import choose_port, http_ok, port_open
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.runtime.started_with import note_settings
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets.settings.files import shipped
from ingram_assets.settings.shared import DAGSTER_PATH

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
        **where_code_servers_are(ports, {}),
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
    note_ports(home, ports)
    return ui_url


def _command(name: str, ports: Mapping[str, int], ui: int) -> tuple[list[str], Callable[[], bool]]:
    """What a process is started with, and how it is seen to be ready."""
    if name in ports:
        return code_server_argv(name, ports[name]), port_open(ports[name])
    if name == "web server":
        return page_argv(ui), http_ok(f"http://{THIS_HOST}:{ui}{DAGSTER_PATH}/server_info")
    return daemon_argv(), lambda: True


def where_code_servers_are(ports: Mapping[str, int], given: Mapping[str, str]) -> dict[str, str]:
    """What `workspace.yaml` asks for. On this machine, where `given` has no other hosts."""
    hosts = {f"INGRAM_HOST_{name.upper()}": THIS_HOST for name in LOCATIONS}
    return {
        **{f"INGRAM_PORT_{name.upper()}": str(ports[name]) for name in LOCATIONS},
        **{name: given.get(name) or host for name, host in hosts.items()},
    }


def page_argv(port: int, host: str = THIS_HOST) -> list[str]:
    """The command line of Dagster's web page."""
    words = [sys.executable, "-m", "ingram_assets.runtime.dagster_page"]
    return [*words, str(port), str(shipped("workspace.yaml")), host]


def daemon_argv() -> list[str]:
    """The command line of Dagster's daemon."""
    words = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(shipped("workspace.yaml"))]
    # Else two lines a sensor and tick, 170,000 a day, of which Dagster's page shows what matters.
    return [*words, "--log-level", "warning"]


def forget_ports(home: Path) -> None:
    """After the stop: commands start their own code server again."""
    (home / PORTS_FILE).unlink(missing_ok=True)
