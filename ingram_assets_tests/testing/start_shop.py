"""A whole shop of a test's own, brought through once."""

import io
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock
from rich.console import Console

from ingram_assets_tests.testing.oracle import assert_all_is_well, in_full
from ingram_assets_tests.testing.processes import TOOLS
from ingram_demo.phases import Phases
from ingram_demo.stack import Stack, running_stack

TITLES = 36

PACE = {"SENSOR_INTERVAL": "5", "PAGES_PER_HOUR": "1"}
"""Changes reach the store within seconds. Sweeps after the first are far away, and no page is left to read
between them, so the tests ask for theirs."""


@contextmanager
def a_stack(pace: Mapping[str, str], titles: int) -> Iterator[Stack]:
    """The embedded stack in a folder of its own, stopped and deleted on the way out."""
    with ExitStack() as exits:
        # Not in pytest's own folder, for the reason that `servers_folder` gives.
        folder = exits.enter_context(
            tempfile.TemporaryDirectory(prefix="ingram-", ignore_cleanup_errors=True)
        )
        shop, quiet = Path(folder) / "shop", Phases(Console(file=io.StringIO()))
        TOOLS.mkdir(parents=True, exist_ok=True)
        # One at a time: all at once they would keep each other from coming up, for minutes.
        with FileLock(TOOLS / "a_shop_starts.lock"):
            stack = exits.enter_context(running_stack(shop, quiet, pace, tools=TOOLS, titles=titles))
        yield stack


@contextmanager
def start_shop(titles: int = TITLES) -> Iterator[Stack]:
    """A stack that is brought through once: every title is in the store, and all is well."""
    with a_stack(PACE, titles) as stack:
        in_full(stack, "scraper", "sync-stock")
        # Of a title without a cover the sensor would wait ten minutes for one.
        in_full(stack, "storefront", "push")
        assert_all_is_well(stack)
        yield stack
