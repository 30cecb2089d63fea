"""`python -m benchmarks [CASE…]`: measure, and print a JSON line per figure."""

import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from benchmarks.case import Case, Machine
from benchmarks.sweep import sweep

CASES = [
    Case("sweep-100", "(reported)", sweep, {"titles": 100, "latency_ms": 150}),
    Case("sweep-1000", "ratio at most 1.25", sweep, {"titles": 1_000, "latency_ms": 150}),
    Case(
        "sweep-10000",
        "ms per title at most 1.2 times that of sweep-1000, memory under 400 MB",
        sweep,
        {"titles": 10_000, "latency_ms": 15},
    ),
]
_BY_NAME = {case.name: case for case in CASES}


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("names", metavar="[CASE]...", nargs=-1, type=click.Choice(list(_BY_NAME)))
@click.option("--list", "only_list", is_flag=True, help="Name the cases with what they have to reach.")
def main(names: tuple[str, ...], only_list: bool) -> None:
    """Measure the cases named, or all, against the real parts; a JSON line per figure.

    \b
    ./just bench                    all, which takes a while
    ./just bench sweep-1000 parse   these
    """
    if only_list:
        for case in CASES:
            click.echo(f"{case.name:16} {case.target}")
        return
    with Machine() as machine:
        for name in names or _BY_NAME:
            case = _BY_NAME[name]
            load, began = os.getloadavg()[0], time.perf_counter()
            for figures in case.measure(machine, **case.arguments):
                say({"case": name, **figures, "load_before": load})
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
