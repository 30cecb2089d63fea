"""Commands that stay: up and demo."""

import sys

import click

from ingram_assets.cli.common import as_json, handle_errors
from ingram_assets.domain.failures import NeedsPerson


@click.command()
@as_json
@handle_errors
def up(as_json: bool) -> None:
    r"""Run it for real: migrations, three code servers, web server, daemon. Ctrl-C stops all.

    Settings come from .env, .env.scraper, .env.storefront and .env.operations (see the .example files).
    With --json the line that says where it answers is an object.

    \b
    ingram up
    """
    from ingram_assets.cli.up import run_up

    run_up(as_json=as_json)


@click.command()
@click.option("--once", is_flag=True, help="Bring every title through once, then stop everything.")
@as_json
@handle_errors
def demo(once: bool, as_json: bool) -> None:
    r"""Watch it work on this machine: a simulated iPage, a real Medusa, and everything between.

    \b
    ingram demo                     stays up, sells and restocks, until Ctrl-C
    ingram demo --once --json       once through; the last line is the result
    """
    try:
        from ingram_demo.show import run_demo
    except ModuleNotFoundError as error:
        raise NeedsPerson(
            f"The demo can't be started ({error}): it is no part of the installed package. In a checkout: "
            "./just demo"
        ) from None

    sys.exit(run_demo(once=once, as_json=as_json))
