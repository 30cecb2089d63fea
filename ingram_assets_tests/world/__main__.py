"""`python -m ingram_assets_tests.world --seeds N`: live through worlds, and say how fast that was."""

import logging
import sys
import time

import click

from ingram_assets_tests.world.events import Setting, draw
from ingram_assets_tests.world.faults import prove
from ingram_assets_tests.world.shrink import shrink
from ingram_assets_tests.world.world import run


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--seeds", default=20, help="How many worlds.")
@click.option("--first", default=0, help="The first seed.")
@click.option("--hours", default=144, help="Simulated hours of each.")
@click.option("--shrink/--no-shrink", "shrinks", default=True, help="Shrink a failing seed's events.")
@click.option("--keep-going", is_flag=True, help="Go on after a failing seed.")
@click.option("--faults", is_flag=True, help="Put known faults back one by one, and find them.")
@click.option("--only", default="", help="With --faults: those that have these words.")
def main(
    seeds: int, first: int, hours: int, shrinks: bool, keep_going: bool, faults: bool, only: str
) -> None:
    """Live through worlds; exit 1 if one of them breaks a promise, or if a fault is not found."""
    if faults:
        sys.exit(_prove(seeds, hours, only))
    logging.disable(logging.WARNING)
    began, lived, failed = time.perf_counter(), 0.0, 0
    for seed in range(first, first + seeds):
        setting = Setting.draw(seed, hours)
        failure = run(setting)
        lived += hours if failure is None else failure.hour
        if failure is None:
            continue
        failed += 1
        click.echo(f"Seed {seed}, hour {failure.hour:.0f}: {failure.what}")
        if shrinks:
            smaller, events, same = shrink(setting, draw(setting), failure)
            click.echo(f"  {smaller}")
            for event in events:
                click.echo(f"  {event}")
            click.echo(f"  hour {same.hour:.0f}: {same.what}")
        if not keep_going:
            break
    minutes = (time.perf_counter() - began) / 60
    click.echo(f"{lived:,.0f} simulated hours, {lived / minutes:,.0f} a minute; {failed} seeds failed.")
    sys.exit(1 if failed else 0)


def _prove(seeds: int, hours: int, only: str) -> int:
    """Print the table of the faults, and answer with the exit code."""
    missed = 0
    click.echo("| fault | seeds needed | seen |\n|---|---|---|")
    for fault, needed, seen in prove(seeds, hours, only):
        missed += needed is None
        click.echo(f"| {fault.what} | {needed or f'not found in {seeds}'} | {seen[:110]} |")
    return 1 if missed else 0


if __name__ == "__main__":
    main()
