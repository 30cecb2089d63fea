"""Killed at any moment: SIGKILL while the shop sweeps and pushes. It comes back, and nothing is lost.

The moments are drawn from a seed, which every round prints; FAULTS_SEED=… repeats them.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from uuid import uuid4

import psutil
import pytest

from ingram_assets.runtime.instance import dagster_instance
from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.oracle import assert_nothing_lost, await_up, unfinished, until
from ingram_assets_tests.testing.processes import browsers_below, gone
from ingram_demo.stack import Stack

_TEST_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)
SEED = int(os.environ.get("FAULTS_SEED") or int(_TEST_RUN[:5], 16))
"""One for all processes of a test run: each plays some of the same rounds."""
ROUNDS, ROUNDS_PER_LOOK = int(os.environ.get("FAULTS_ROUNDS", "50")), 5
WITHIN = {"run worker": 4.0, "browser": 1.0}
"""Seconds from the victim's appearance (else from the command's start) within which the moment is drawn."""
SERVERS = ("scraper", "storefront", "daemon", "web-server", "postgres", "medusa", "s3")
VICTIMS = ("run worker", "browser", *SERVERS)


def run_workers(stack: Stack) -> list[psutil.Process]:
    """The processes of runs: what multiprocessing spawns in the code servers."""
    servers = [psutil.Process(stack.supervisor.children[name].pid) for name in ("scraper", "storefront")]
    below = [process for server in servers for process in server.children(recursive=False)]
    return [worker for worker in below if "spawn_main" in " ".join(worker.cmdline())]


def browsers(stack: Stack) -> list[psutil.Process]:
    """The browser that signs in."""
    return [browser for worker in run_workers(stack) for browser in browsers_below(worker)]


def find(stack: Stack, victim: str) -> psutil.Process | None:
    """The process to kill, if it is there now."""
    try:
        if victim in SERVERS:
            return psutil.Process(stack.supervisor.children[victim].pid)
        return next(iter(run_workers(stack) if victim == "run worker" else browsers(stack)), None)
    except psutil.Error:  # One ended while it was looked at.
        return None


def is_asked_for(stack: Stack) -> bool:
    """Whether a run waits or is at work. Of a server every moment from here on will do."""
    with dagster_instance(stack.common) as instance:
        return bool(unfinished(instance))


def kill_one(stack: Stack, number: int, victim: str) -> str:
    """A round: the stock moves, a command is at work, the victim dies at a random moment of it.

    Returns what was seen. The command ends in its own time and says in a sentence how.
    """
    chance = random.Random(f"{SEED} {number}")
    stack.simulator.step(6)
    if victim == "browser":
        stack.simulator.expire_sessions()
        stack.simulator.forget_devices()
    is_push = victim in ("storefront", "medusa") and chance.random() < 0.5
    location, word = ("storefront", "push") if is_push else ("scraper", "sync-stock")
    # Slow enough that a sweep lasts some seconds, so that moments within it are drawn, too.
    stack.simulator.set(latency_ms=500)
    began, command = time.monotonic(), Shell(stack, location).start(word, "--json")
    try:
        if victim not in SERVERS:
            until(lambda: find(stack, victim) or command.poll() is not None, 120, f"a {victim} is at work")
        elif chance.random() < 0.8:
            until(lambda: is_asked_for(stack) or command.poll() is not None, 120, "a run is asked for")
        after = chance.uniform(0, WITHIN.get(victim, 10.0))
        time.sleep(after)
        process = find(stack, victim)
        try:
            if process is not None:
                process.kill()
                # Dead, and not only about to be: what is looked at next must not take it for up.
                until(lambda: gone(process.pid), 10, f"the {victim} is dead")
        except psutil.NoSuchProcess:  # ended by itself just now
            process = None
        done = command.wait(280)
    finally:
        command.kill()
        stack.simulator.set(latency_ms=0)
    seen = (
        f"round {number}: {victim} {'killed' if process else 'was gone'} {after:.1f} s into {word}, "
        f"exit {done.exit_code} after {time.monotonic() - began:.0f} s"
    )
    assert done.exit_code in (0, 1, 2, 3), (seen, done.output, done.errors[-3000:])
    assert "Traceback" not in done.errors, (seen, done.errors[-3000:])
    if done.exit_code:
        said = done.result
        assert said["error"] or said["failed"], (seen, said)
        if process and victim == "run worker" and done.exit_code == 1:
            assert "own process ended before its time" in said["error"], seen
        seen += f": {(said['error'] or said['failed'][0]['reason'])[:160]}"
    await_up(stack)
    return seen


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Says something past pytest's capture, of a run that passes, too: the seed has to be known."""

    def tell(line: str) -> None:
        with capsys.disabled():
            sys.stderr.write(f"\n{line}")

    tell(f"FAULTS_SEED={SEED}")
    return tell


@pytest.mark.usefixtures("good_weather")
def test_a_handful(stack: Stack, told: Callable[[str], None]):
    """The two whose end costs most: a run's own process, and every database at once. The moment is random."""
    for number, victim in enumerate(["run worker", "postgres"]):
        told(kill_one(stack, number, victim))
    assert_nothing_lost(stack)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("good_weather")
@pytest.mark.parametrize("first", range(0, ROUNDS, ROUNDS_PER_LOOK))
def test_every_victim(stack: Stack, told: Callable[[str], None], first: int):
    """Some of the rounds, and a look at everything. In all fifty every victim comes five times or more."""
    order = [VICTIMS[number % len(VICTIMS)] for number in range(ROUNDS)]
    random.Random(SEED).shuffle(order)
    rounds = list(enumerate(order, start=100))
    for number, victim in rounds[first : first + ROUNDS_PER_LOOK]:
        told(kill_one(stack, number, victim))
    assert_nothing_lost(stack)
