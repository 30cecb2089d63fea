"""How long a person waits for a command that only tells, and what one that starts a run works."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil

from benchmarks.case import Figures, Machine

ROUNDS = 5
IDLE_SECONDS = 30


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


def work(machine: Machine) -> Iterator[Figures]:
    """Processor seconds of the whole machine for commands of one title, without what the idle shop works.

    Each through the running Dagster, and with a code server of its own: the median of `ROUNDS`.
    """
    stack = machine.shop.stack
    began = _processor()
    time.sleep(IDLE_SECONDS)
    idle = (_processor() - began) / IDLE_SECONDS
    yield {
        "what": "the idle shop",
        "sizes": {"seconds": IDLE_SECONDS},
        "seconds": IDLE_SECONDS,
        "cores": idle,
    }
    (isbn,) = machine.shop.track(1)
    for location, words in (("scraper", ["enrich", isbn]), ("storefront", ["push"])):
        through_up = dict(stack.environments[location])
        _seconds(through_up, words)  # signs in, and imports the title
        with tempfile.TemporaryDirectory(prefix="ingram-bench-") as state:
            shutil.copytree(stack.common.state_dir / "ipage", Path(state) / "ipage")
            alone = through_up | {"INGRAM_STATE_DIR": state}
            for how, environment in (("with", through_up), ("without", alone)):
                worked, taken = [], []
                for _ in range(ROUNDS):
                    began = _processor()
                    taken.append(_seconds(environment, words))
                    worked.append(_processor() - began - idle * taken[-1])
                yield {
                    "what": f"ingram {words[0]} {how} ingram up at work",
                    "sizes": {"titles": 1, "rounds": ROUNDS},
                    "seconds": median(taken),
                    "processor_seconds": median(worked),
                }


def _processor() -> float:
    times = psutil.cpu_times()
    return times.user + times.system


def _seconds(environment: dict[str, str], words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "ingram_assets.cli", *words],
        env=environment,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began
