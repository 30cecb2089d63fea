"""A browser that dies while somebody signs in with it: whoever waits for it gets an error, and soon."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Error as PlaywrightError

from ingram_assets.ipage.browser import _Watch, open_page
from ingram_assets_tests.conftest import browsers_below

DRIVER = """
import subprocess, sys
browser = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(browser.pid, flush=True)
browser.wait()
input()
"""
"""Playwright's driver on a bad day: its browser is gone, and it goes on as if nothing had happened."""


@contextmanager
def a_driver() -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """The driver and its browser."""
    command = [sys.executable, "-c", DRIVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        process = psutil.Process(driver.pid)
        browser = psutil.Process(int(driver.stdout.readline()))
        try:
            yield driver, browser
        finally:
            for each in (browser, process):
                with suppress(psutil.Error):
                    each.kill()


def test_a_driver_whose_browser_died_is_ended() -> None:
    with a_driver() as (driver, browser):
        watch = _Watch({psutil.Process(driver.pid)})
        browser.kill()
        assert driver.wait(timeout=60) < 0
        watch.stop()


def test_a_driver_whose_browser_lives_is_left_alone() -> None:
    with a_driver() as (driver, _):
        watch = _Watch({psutil.Process(driver.pid)})
        time.sleep(5)
        assert driver.poll() is None
        watch.stop()


@pytest.mark.parametrize("after", [0.0, 0.15, 0.3])
def test_a_killed_browser_is_not_waited_for(chromium: Path, after: float) -> None:
    """The moment lies about where pages are opened, which is where Playwright would wait for ever."""

    def visit() -> None:
        with open_page(executable=str(chromium)) as page:
            for _ in range(40):
                page.wait_for_timeout(50)

    pool = ThreadPoolExecutor(1)
    try:
        before = set(browsers_below(psutil.Process()))
        visiting = pool.submit(visit)
        victim = None
        while victim is None and not visiting.done():
            time.sleep(0.01)
            victim = next(iter(set(browsers_below(psutil.Process())) - before), None)
        time.sleep(after)
        assert victim is not None
        victim.kill()
        # Killed while it started, another one is started in its place; later than that it is an error.
        with suppress(PlaywrightError):
            visiting.result(timeout=120)
    finally:
        pool.shutdown(wait=False)
