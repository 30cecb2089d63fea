"""How long a person waits for a command that only tells."""

import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.case import Figures, Machine

ROUNDS = 5


def commands(machine: Machine) -> Iterator[Figures]:
    """`ingram --help` and `ingram status`, each a process of its own: the median of `ROUNDS`."""
    environment = dict(machine.shop.stack.environments["storefront"])
    for words, target in ((["--help"], 1.0), (["status"], 3.0)):
        taken = [_seconds(environment, words) for _ in range(ROUNDS)]
        yield {
            "what": f"ingram {' '.join(words)}",
            "sizes": {"rounds": ROUNDS},
            "seconds": median(taken),
            "seconds_of_the_slowest": max(taken),
            "ratio": median(taken) / target,
        }


def _seconds(environment: dict[str, str], words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "ingram_assets.cli", *words],
        env=environment,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began
