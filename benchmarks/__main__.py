"""`python -m benchmarks [CASE…]`: measure, and print a JSON line per figure."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from benchmarks import medusa, queue
from benchmarks.board import board
from benchmarks.case import Case, Figures, Machine
from benchmarks.commands import commands, work
from benchmarks.events import events
from benchmarks.freshness import measure as freshness
from benchmarks.growth import growth
from benchmarks.idle import idle
from benchmarks.inventory import inventory
from benchmarks.limiter import limiter
from benchmarks.pages import parse
from benchmarks.scale import scale
from benchmarks.sell_outs import sell_outs
from benchmarks.several_machines import several_machines
from benchmarks.store import change_to_level, push
from benchmarks.sweep import sweep


def _queue(machine: Machine) -> Iterator[Figures]:
    yield from queue.measure(machine.postgres)


def _board(machine: Machine) -> Iterator[Figures]:
    yield from board(machine.postgres, titles=10_000)


def _medusa(machine: Machine) -> Iterator[Figures]:
    yield from medusa.measure(machine.shop.stack.medusa, machine.shop.stack.postgres)


def _freshness(machine: Machine) -> Iterator[Figures]:
    yield from freshness()


CASES = [
    Case("commands", "--help under 1 s, status under 3 s", commands),
    Case("work", "(reported)", work),
    Case("idle", "real memory at most 550 MB", idle, {"titles": 100, "seconds": 300}),
    Case("parse", "under 1.5 ms", parse),
    Case("limiter", "ratio to no limit at most 1.03", limiter, {"titles": 600, "latency_ms": 150}),
    Case("events", "at most 2 ms an event", events, {"titles": 10_000}),
    Case("queue", "10,000 readings under 1 s", _queue),
    Case("board", "a page of 10,000 titles: at most the bare query that reads them", _board),
    Case("medusa", "import at most 1.15 times the bare batch calls", _medusa),
    Case("push", "1,000 levels: the bare call + 6 s; unchanged: 0 writes, 4 reads", push),
    Case("inventory", "(reported): operations beside the bare call", inventory),
    Case("sweep-100", "(reported)", sweep, {"titles": 100, "latency_ms": 150}),
    Case("sweep-1000", "ratio at most 1.25", sweep, {"titles": 1_000, "latency_ms": 150}),
    Case(
        "sweep-10000",
        "ms per title at most 1.2 times that of sweep-1000, memory under 400 MB",
        sweep,
        {"titles": 10_000, "latency_ms": 15},
    ),
    Case("scale", "(what docs/scale.md quotes)", scale, {"titles": 100_000}),
    Case(
        "several-machines",
        "never more than 8 requests in flight, all titles read, memory flat",
        several_machines,
        {"titles": 100_000, "latency_ms": 5},
    ),
    Case("growth", "after 30 days no more of Dagster's events", growth, {"titles": 1_000, "days": 60}),
    Case("freshness", "ratio to even sweeps 0.45, 0.75, 1.3; at 0.4 pages 0.35, 0.55, 1.0", _freshness),
    Case("sell-outs", "ratio to even sweeps under 1, on real parts", sell_outs, {"seconds": 600}),
    Case("change", "p95 under 60 s", change_to_level, {"changes": 50}),
]
_BY_NAME = {case.name: case for case in CASES}


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("names", metavar="[CASE]...", nargs=-1, type=click.Choice(list(_BY_NAME)))
@click.option("--list", "only_list", is_flag=True, help="Name the cases with what they have to reach.")
@click.option("--changes", type=click.IntRange(1, 500), help="How many changes the case `change` makes.")
def main(names: tuple[str, ...], only_list: bool, changes: int | None) -> None:
    """Measure the cases named, or all, against the real parts; a JSON line per figure.

    \b
    ./just bench                    all, which takes a while
    ./just bench sweep-1000 parse   these
    """
    if only_list:
        for case in CASES:
            click.echo(f"{case.name:16} {case.target}")
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Else the servers would go on by themselves.
    with Machine() as machine:
        for name in names or list(_BY_NAME):
            case = _BY_NAME[name]
            load, began = os.getloadavg()[0], time.perf_counter()
            arguments = {**case.arguments}
            if changes is not None and "changes" in arguments:
                arguments["changes"] = changes
            for figures in case.measure(machine, **arguments):
                say({"case": name, **figures, "load_before": load})
                load = os.getloadavg()[0]
            click.echo(f"{name}: {time.perf_counter() - began:.0f} s in all", err=True)


def say(figures: Mapping[str, Any]) -> None:
    """One line, with numbers that a person can read."""
    click.echo(json.dumps({name: _rounded(value) for name, value in figures.items()}))
    sys.stdout.flush()


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
