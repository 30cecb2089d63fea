"""The browser that signs in: with its sandbox where it can be had; dead, whoever waits for it soon knows."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from playwright.sync_api import Error as PlaywrightError

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.sources.ipage.login.browser import NoBrowser, _launch, _Watch, open_page
from ingram_assets_tests.testing.processes import browsers_below

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


class Launches:
    """Playwright's `chromium`, for what a browser is started with."""

    executable_path = "chromium"

    def __init__(self, *errors: str) -> None:
        self.asked: list[dict[str, Any]] = []
        self._errors = list(errors)

    def launch(self, **options: Any) -> str:
        self.asked.append(options)
        if self._errors:
            raise PlaywrightError(self._errors.pop(0))
        return "a browser"

    @property
    def sandboxes(self) -> list[bool]:
        assert not any("sandbox" in arg for options in self.asked for arg in options["args"])
        return [options["chromium_sandbox"] for options in self.asked]


@pytest.mark.parametrize(
    ("user", "errors", "sandboxes", "said"),
    [
        (1000, [], [True], None),
        (0, [], [False], "root can't have"),
        # What Playwright says of it, and what Chromium does itself.
        (1000, ["Target closed\nBrowser logs:\nChromium sandboxing failed!"], [True, False], "kernel lets"),
        (1000, ["x\n[err] FATAL:zygote_host] No usable sandbox! If"], [True, False], "kernel lets"),
        (1000, ["x\nThe SUID sandbox helper binary was found, but"], [True, False], "kernel lets"),
        (1000, ["x\nFATAL: Failed to move to new namespace: PID"], [True, False], "kernel lets"),
        # Another fault is no reason to do without: it is started once more as it was.
        (1000, ["Timeout 60000ms exceeded.\n--enable-features=X"], [True, True], None),
        (1000, ["spawn ENOMEM"], [True, True], None),
        (1000, ["error while loading shared libraries: libatomic.so.1"], [True, True], None),
    ],
)
def test_the_sandbox_is_given_up_only_where_it_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    user: int,
    errors: list[str],
    sandboxes: list[bool],
    said: str | None,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    chromium = Launches(*errors)
    assert _launch(SimpleNamespace(chromium=chromium), "chromium") == "a browser"
    assert chromium.sandboxes == sandboxes
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == (said is not None)
    assert said is None or said in told[0]


def test_a_browser_that_does_not_start_at_all_is_no_question_of_the_sandbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    chromium = Launches("no such file", "no such file")
    with pytest.raises(NeedsPerson, match="BROWSER_EXECUTABLE does not start"):
        _launch(SimpleNamespace(chromium=chromium), "chromium")
    assert chromium.sandboxes == [True, True]


@pytest.mark.parametrize("node", ["/bin/false", "/bin/true", "/bin/echo"])
def test_a_driver_that_does_not_start_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", node)
    with pytest.raises(NoBrowser) as refusal, open_page():
        pass
    for word in ("driver does not start", "libatomic1", "PLAYWRIGHT_NODEJS_PATH"):
        assert word in str(refusal.value)


SHOW = """
import logging, sys
import psutil
from ingram_assets.sources.ipage.login.browser import open_page
logging.basicConfig(format="%(message)s")
with open_page(executable=sys.argv[1]) as page:
    page.set_content("<p>shown</p>")
    print(page.inner_text("p"))
    print(any("--no-sandbox" in each.cmdline() for each in psutil.Process().children(recursive=True)))
"""


@pytest.mark.parametrize("refused", [False, True], ids=["allowed", "refused by the kernel"])
def test_a_plain_user_s_browser_has_its_sandbox_where_the_kernel_allows_it(
    chromium: Path, tmp_path: Path, refused: bool
) -> None:
    """A real one, not as root, in a namespace of its own: there the kernel's limit is ours to set."""
    to_be_one = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--keep-caps"]
    if not shutil.which("unshare") or subprocess.run([*to_be_one, "true"], check=False).returncode:
        pytest.skip("this machine's kernel lets nobody make a namespace")
    limit = "echo 0 > /proc/sys/user/max_user_namespaces && " if refused else ""
    without_rights = 'exec setpriv --inh-caps=-all --ambient-caps=-all "$@"'
    done = subprocess.run(
        [*to_be_one, "sh", "-c", limit + without_rights, "sh", sys.executable, "-c", SHOW, str(chromium)],
        env={**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.stdout.split() == ["shown", str(refused)], done.stderr
    assert ("Chromium runs without its sandbox" in done.stderr) is refused
