"""`ingram desk`: the web application by itself."""

import click

from ingram_assets.runtime.desk_process import DESK_PORT
from ingram_assets.runtime.ports import choose_port
from ingram_assets.settings.environment import environment_of, environment_of_owner, port_settings
from ingram_assets.settings.loading import load
from ingram_assets.settings.storefront import StorefrontSettings


def run_desk(host: str, port: int | None) -> None:
    """Answer until Ctrl-C.

    Raises:
        SettingsError: a setting of the storefront is missing or malformed.
        PortBusy: the port is taken.
    """
    settings = load(StorefrontSettings, environment_of("storefront"))
    if port is None:
        port = port_settings(environment_of_owner()).get("DESK", DESK_PORT)
    port = choose_port("INGRAM_PORT_DESK", port)
    from ingram_assets.desk.server import serve

    click.echo(f"Desk: http://{host}:{port}   (Ctrl-C stops it)", err=True)
    serve(settings, host=host, port=port)
