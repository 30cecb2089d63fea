"""The whole shop for tests that break it.

`stack` is one shop that the tests of an `xdist_group` share, and that is stopped after them; so each test
leaves it in good weather: no faults at the simulator, every process up. `start_shop` makes one of a test's
own, with more titles. `assert_nothing_lost` (in `oracle`) is what every test ends with.

Every test has a group, so that one worker has the shop: `faults` or `more_faults`, which take about as long
as each other, and in the long form `killed_…`, `network` and `load`, too: `./just faults` has a worker for
each. Mark what takes minutes `@pytest.mark.long`: `./just test` leaves it out.
"""

import io
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from ingram_assets.demo.phases import Phases
from ingram_assets.demo.stack import Stack, running_stack
from ingram_assets_tests.conftest import TOOLS
from ingram_assets_tests.end_to_end.conftest import Shell
from ingram_assets_tests.faults.oracle import assert_all_is_well, in_full

TITLES = 36
PACE = {"SENSOR_INTERVAL": "5", "FRESHNESS_DAEMON_INTERVAL_SECONDS": "10"}
"""Changes reach the store within seconds. Sweeps after the first come hourly, so the tests ask for theirs."""


@contextmanager
def start_shop(titles: int = TITLES, pace: Mapping[str, str] = PACE) -> Iterator[Stack]:
    """The embedded stack in a folder of its own, stopped and deleted on the way out.

    It is brought through once: every title is in the store, and all is well.
    """
    # Not in pytest's own folder, for the reason that `servers_folder` gives.
    with (
        tempfile.TemporaryDirectory(prefix="ingram-", ignore_cleanup_errors=True) as folder,
        running_stack(
            Path(folder) / "shop", Phases(Console(file=io.StringIO())), pace, tools=TOOLS, titles=titles
        ) as stack,
    ):
        in_full(stack, "scraper", "sync-stock")
        # Of a title without a cover the sensor would wait ten minutes for one.
        in_full(stack, "storefront", "push")
        assert_all_is_well(stack)
        yield stack


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """The shop that all share."""
    with start_shop() as stack:
        yield stack


@pytest.fixture(scope="package")
def scraper(stack: Stack) -> Shell:
    """Commands of the scraper on the shared shop; `with_` changes settings."""
    return Shell(stack, "scraper")


@pytest.fixture(scope="package")
def storefront(stack: Stack) -> Shell:
    """Commands of the storefront on the shared shop."""
    return Shell(stack, "storefront")


@pytest.fixture
def good_weather(stack: Stack) -> Iterator[None]:
    """Nothing is wrong with the site before the test, nor after it. The stock stays as it is."""
    stack.simulator.reset()
    yield
    stack.simulator.reset()
