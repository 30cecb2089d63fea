"""A simulator of its own for each test, and a client as a browser or a scraper would be."""

from collections.abc import Iterator

import httpx
import pytest

from ingram_demo.simulator import Simulator, running_simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A site with 30 titles: one of every kind."""
    with running_simulator(titles=30) as simulator:
        yield simulator


@pytest.fixture
def stranger(sim: Simulator) -> Iterator[httpx.Client]:
    """A visitor who has not signed in. Follows no redirects, so that each can be looked at."""
    with httpx.Client(base_url=sim.url, trust_env=False, verify=False, timeout=60) as client:
        yield client


@pytest.fixture
def shop(sim: Simulator) -> Iterator[httpx.Client]:
    """A client that carries the cookies of a signed-in session."""
    headers = {"Cookie": sim.signed_in_cookie("shop"), "User-Agent": "shop"}
    with httpx.Client(base_url=sim.url, headers=headers, trust_env=False, verify=False, timeout=60) as client:
        yield client
