"""The whole shop, as `ingram demo` starts it: brought through once by the command, then started again."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from ingram_assets_tests.testing.demo import (
    Admin,
    Done,
    Shell,
    demo_once,
    left_running,
    of_a_shop,
)
from ingram_assets_tests.testing.processes import TOOLS
from ingram_demo.phases import Phases
from ingram_demo.stack import Stack, running_stack


@pytest.fixture(scope="package")
def shop(servers_folder: Path) -> Path:
    """The folder of the shop."""
    return servers_folder / "shop"


@pytest.fixture(scope="package")
def once(shop: Path) -> Done:
    """`demo --once --json` in an empty folder, to its end, from the shell of a shop."""
    done = demo_once(shop, **of_a_shop(shop))
    return replace(done, left_running=left_running(shop))


@pytest.fixture(scope="package")
def stack(once: Done, shop: Path) -> Iterator[Stack]:
    """The same shop, started a second time and kept running, with sensors that look every four seconds.

    No page is left to read between sweeps: the tests ask for what is read.
    """
    assert once.exit_code == 0, once.errors[-3000:]
    pace = {"SENSOR_INTERVAL": "4", "FRESHNESS_DAEMON_INTERVAL_SECONDS": "10", "PAGES_PER_HOUR": "1"}
    with running_stack(shop, Phases(Console(file=io.StringIO())), pace, tools=TOOLS) as running:
        yield running


@pytest.fixture(scope="package")
def scraper(stack: Stack) -> Shell:
    """Commands of the scraper."""
    return Shell(stack, "scraper")


@pytest.fixture(scope="package")
def storefront(stack: Stack) -> Shell:
    """Commands of the storefront."""
    return Shell(stack, "storefront")


@pytest.fixture(scope="package")
def admin(stack: Stack) -> Admin:
    """The store's Admin API."""
    return Admin(stack)
