"""Commands that stay: up, serve, worker, desk and demo; and migrate, which goes before."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

import click

from ingram_assets.cli.common import handle_errors, print_json, with_json
from ingram_assets.cli.terminal import say
from ingram_assets.domain.failures import NeedsPerson, Transient
from ingram_assets.runtime.instance import THIS_HOST
from ingram_assets.runtime.serve import SERVICES
from ingram_assets.settings.environment import environment_of_owner
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings

T = TypeVar("T")
_PATIENCE, _TRIES_EVERY = 600.0, 5.0
"""Seconds in which `ingram migrate` waits for a database, and from one try to the next."""


@click.command()
@with_json
def up(as_json: bool) -> None:
    r"""Run it for real: migrations, three code servers, web server, daemon, desk. Ctrl-C stops all.

    Settings come from .env, .env.scraper, .env.storefront and .env.operations (see the .example files).
    With --json the line that says where it answers is an object.

    \b
    ingram up
    """
    from ingram_assets.cli.up import run_up

    run_up(as_json)


@click.command()
@click.argument("service", type=click.Choice(SERVICES))
@click.option("--host", default=THIS_HOST, show_default=True, help="The address to listen at.")
@click.option("--check", is_flag=True, help="Only look whether it is well, and say why: exit code 0, or 1.")
@handle_errors
def serve(service: str, host: str, check: bool) -> None:
    r"""Start one process of `ingram up` by itself, as a container or a unit of systemd has it.

    It reads .env and its code location's file; no other's. Run `ingram migrate` first. Where the processes
    have machines of their own, INGRAM_HOST_SCRAPER and its kind tell page and daemon where the others are.

    
    ingram serve scraper --host 0.0.0.0
    ingram serve daemon
    ingram serve desk --check
    """
    from ingram_assets.runtime import serve as services

    if check:
        seen = services.look_at(service)
        say(seen.sentence)
        sys.exit(0 if seen.is_well else 1)
    services.serve(service, host)


def _once_it_answers(work: Callable[[], T]) -> T:
    """After a power cut this machine may be there before that of the database."""
    until, is_told = time.monotonic() + _PATIENCE, False
    while True:
        try:
            return work()
        except Transient as error:
            if time.monotonic() > until:
                raise
            if not is_told:
                click.echo(f"{error} Waiting for it. (Ctrl-C stops)", err=True)
                is_told = True
            time.sleep(_TRIES_EVERY)


@click.command()
@with_json
def migrate(as_json: bool) -> None:
    r"""Bring the databases to this version, as `ingram up` does before all else. Safe to repeat.

    The queue, as its owner (QUEUE_OWNER_DB_URL), and Dagster's tables (DAGSTER_PG_URL). The journal is the
    storefront's own, which sees to it. A database that can't be reached is waited for, ten minutes at most.

    
    ingram migrate
    """
    from ingram_assets.cli.migrate import migrate_all

    common = load(CommonSettings, environment_of_owner())
    result = _once_it_answers(lambda: migrate_all(common))
    if as_json:
        print_json(version=result.after, notes=result.notes)
        return
    click.echo(f"The queue is at version {result.after}, and Dagster's tables are there.")
    for note in result.notes:
        click.echo(note, err=True)


@click.command()
@click.argument("location", type=click.Choice(list(LOCATIONS)))
@click.option(
    "--concurrency", type=click.IntRange(1), default=4, show_default=True, help="Runs at a time, at most."
)
@click.option(
    "--grace",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    help="Seconds that runs at work have to end by themselves after a stop.",
)
@handle_errors
def worker(location: str, concurrency: int, grace: int) -> None:
    r"""Do the runs of a code location on this machine, for `ingram up` on another. Ctrl-C stops it.

    It needs CELERY_BROKER_URL and DAGSTER_PG_URL of .env, and the location's own file; no other's is read.
    Stopped, it begins no more; what is at work after --grace seconds is interrupted, and says so.

    \b
    ingram worker scraper
    ingram worker storefront --concurrency 2
    ingram worker operations --grace 5
    """
    from ingram_assets.cli.worker import run_worker

    run_worker(location, concurrency, grace)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: INGRAM_PORT_DESK, or 3001.")
@handle_errors
def desk(host: str, port: int | None) -> None:
    r"""Answer programs over REST, as the desk of `ingram up` does. Ctrl-C stops it.

    It speaks plain HTTP: for other machines put a proxy with HTTPS before it.

    \b
    ingram token create --name till --scope "store:Online Store"
    ingram desk --port 3001
    """
    from ingram_assets.cli.up import run_desk

    run_desk(host, port)


@click.command()
@click.option("--once", is_flag=True, help="Bring every title through once, then stop everything.")
@click.option(
    "--workers", "has_workers", is_flag=True, help="Workers do the runs, as in a shop on several machines."
)
@with_json
def demo(once: bool, has_workers: bool, as_json: bool) -> None:
    r"""Watch it work on this machine: a simulated iPage, a real Medusa, and everything between.

    \b
    ingram demo                     stays up, sells and restocks, until Ctrl-C
    ingram demo --once --json       once through; the last line is the result
    ingram demo --workers           a Redis and a worker of each code location beside it
    """
    try:
        from ingram_demo.show import run_demo
    except ModuleNotFoundError as error:
        raise NeedsPerson(
            f"The demo can't be started ({error}): it is no part of the installed package. In a checkout: "
            "./just demo"
        ) from None

    sys.exit(run_demo(once=once, has_workers=has_workers, as_json=as_json))
