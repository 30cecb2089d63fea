"""`ingram up`: checks every setting, migrates, starts Dagster, and stays; `ingram desk`: the desk alone.

What stays is small: what sets up needs Dagster and SQLAlchemy, and is a process of its own that ends.
"""

import contextlib
import threading
from collections.abc import Sequence

import click

from ingram_assets.cli.common import print_json
from ingram_assets.runtime.dagster_processes import forget_ports, start_dagster
from ingram_assets.runtime.desk_process import DESK_PORT, forget_desk, start_desk
from ingram_assets.runtime.instance import dagster_home
from ingram_assets.runtime.own_process import apart
from ingram_assets.runtime.ports import choose_port
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.runtime.started_by import start_by_up
from ingram_assets.settings.base import SettingsError
from ingram_assets.settings.environment import environment_of, environment_of_owner, port_settings
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.owner import MigrateSettings
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings


def run_up(as_json: bool) -> None:
    """Check every setting, migrate, start, and stay until Ctrl-C.

    Raises:
        SettingsError: a setting of any location is missing; nothing was started.
        AlreadyRunning, NeedsPerson: another `ingram up`, or a service, is at work on this state folder.
    """
    ports = _ports_of_checked_settings()
    common = load(CommonSettings, environment_of(None))
    home = dagster_home(common)
    with Supervisor(common.state_dir / "up", json_logs=common.LOG_FORMAT == "json") as supervisor:
        start_by_up(common.state_dir)
        for note in apart(lambda: _set_up(common)):
            click.echo(note, err=True)
        dagster_url = {"DAGSTER_PG_URL": common.DAGSTER_PG_URL.get_secret_value()}
        try:
            ui = start_dagster(
                supervisor,
                home,
                lambda name: environment_of(name) | dagster_url,
                ui_port=ports.get("UI", 3000),
                wanted_ports={name: ports.get(name.upper()) for name in LOCATIONS},
                desk_address=load(StorefrontSettings, environment_of("storefront")).DESK_URL,
            )
            desk = start_desk(
                supervisor,
                common.state_dir,
                environment_of("storefront") | dagster_url,
                home=home,
                ui_url=ui,
                port=ports.get("DESK", DESK_PORT),
            )
            supervisor.all_are_there()
            logs = supervisor.folder / "logs"
            if as_json:
                print_json(ui=ui, desk=desk, logs=str(logs))
            else:
                click.echo(f"Dagster: {ui}   Desk: {desk}   (logs: {logs}; Ctrl-C stops all)")
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
            click.echo("Stopping …", err=as_json)
        finally:
            forget_ports(home)
            forget_desk(common.state_dir)


def _set_up(common: CommonSettings) -> Sequence[str]:
    """The queue's tables and Dagster's, up to date. What a person has to know of them."""
    from ingram_assets.cli.migrate import migrate_all

    return migrate_all(common).notes


def _ports_of_checked_settings() -> dict[str, int]:
    """The ports that are fixed, once every setting of every process was looked at."""
    faults, ports = [], {}
    for name, settings in LOCATIONS.items():
        try:
            check(environment_of(name), settings)
        except SettingsError as error:
            faults.append(str(error))
    try:
        check(environment_of_owner(), CommonSettings, PaceSettings, MigrateSettings)
        ports = port_settings(environment_of_owner())
    except SettingsError as error:
        faults.append(str(error))
    if faults:
        raise SettingsError("\n".join(dict.fromkeys(faults)))
    return ports


def run_desk(host: str, port: int | None) -> None:
    """Answer people and programs until Ctrl-C.

    Raises:
        SettingsError: a setting of the storefront is missing or malformed.
        PortBusy: the port is taken.
    """
    environment = environment_of("storefront")
    settings = load(StorefrontSettings, environment)
    common, pace = load(CommonSettings, environment), load(PaceSettings, environment)
    if port is None:
        port = port_settings(environment_of_owner()).get("DESK", DESK_PORT)
    port = choose_port("INGRAM_PORT_DESK", port)
    from ingram_assets.desk.server import serve

    click.echo(f"Desk: http://{host}:{port}   (Ctrl-C stops it)", err=True)
    serve(settings, common, pace, host=host, port=port)
