"""The whole shop for tests that break it.

`stack` is one shop for all tests that run in the same process of pytest; so each leaves it in good weather:
no faults at the simulator, every process up, and nothing lost (`assert_nothing_lost`, in `oracle`).
`start_shop` makes one of a test's own, with more titles.

Any test may come after any other, in whichever process is free. Mark what takes minutes `@pytest.mark.long`:
`./just test` leaves it out.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.oracle import await_quiet, in_full, queue
from ingram_assets_tests.testing.running_shop import forget_block
from ingram_assets_tests.testing.start_shop import start_shop
from ingram_demo.stack import Stack

BUSY, WAITING = ("test_load.py", "test_killed.py"), ("test_network.py",)
"""Files whose tests take minutes: of the processors' time, and of time limits'."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes comes first, busy and waiting in turns: neither do all wait nor all compete."""
    places: dict[pytest.Item, float] = {}
    for names in (BUSY, WAITING):
        those = [item for name in names for item in items if item.path.name == name]
        places |= {item: place / len(those) for place, item in enumerate(those)}
    ours = [item for item in items if item.path.parent == Path(__file__).parent]
    in_order = iter(sorted(ours, key=lambda item: places.get(item, 1.0)))
    items[:] = [next(in_order) if item in ours else item for item in items]


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """The shop that the tests of a process share."""
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
    """Nothing is wrong with the site before the test, nor after it, and every page has been read.

    The stock stays as it is. No change of the last test waits for its push, which this one's faults may stop.
    """
    stack.simulator.reset()
    await_quiet(stack, seconds=400)  # A push that failed is tried again after 300 s at most.
    yield
    stack.simulator.reset()
    with queue(stack) as connection:
        unread = connection.execute("SELECT 1 FROM ingram_unread WHERE outcome <> 'no_stock_table'")
        is_one_unread = unread.fetchone() is not None
    if is_one_unread:  # A push would be stopped if there were many.
        forget_block(stack)
        in_full(stack, "scraper", "sync-stock")
