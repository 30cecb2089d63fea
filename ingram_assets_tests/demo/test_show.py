"""What `ingram demo` tells the person who watches it."""

import logging
from collections.abc import Iterator

import pytest

from ingram_assets.demo.show import tell_log


@pytest.fixture
def told() -> Iterator[list[str]]:
    ours, demo = logging.getLogger("ingram_assets"), logging.getLogger("ingram_assets.demo")
    before = (list(ours.handlers), ours.propagate, demo.level)
    lines: list[str] = []
    tell_log(lines.append)
    yield lines
    ours.handlers, ours.propagate = before[:2]
    demo.setLevel(before[2])


def test_what_is_installed_and_what_was_brought_back_is_told_once_each(told: list[str]):
    logging.getLogger("ingram_assets.demo.embedded.tools").info("%s", "Installing Medusa's npm packages")
    logging.getLogger("ingram_assets.processes").warning("%s is started again, pid %s", "daemon", 7)
    logging.getLogger("ingram_assets.queue.writer").info("nothing for a person")
    assert told == ["  Installing Medusa's npm packages", "  daemon is started again, pid 7"]
