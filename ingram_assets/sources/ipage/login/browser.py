"""A page in a browser: one of our own, or one that runs elsewhere and is only visited."""

import contextlib
import logging
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Playwright, sync_playwright

from ingram_assets.domain.failures import NeedsPerson, Transient

log = logging.getLogger(__name__)

_ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
_ON_MACOS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_QUIET = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
"""No graphics card, no first-run page, and no requests of the browser's own: many machines allow none."""

_NO_SANDBOX = re.compile(r"sandboxing failed|no usable sandbox|SUID sandbox|new namespace", re.IGNORECASE)
"""What Playwright and Chromium say where the kernel lets a plain user make no namespaces."""


class NoBrowser(NeedsPerson):
    """No browser can be started or reached here."""


@contextlib.contextmanager
def open_page(*, executable: str | None = None, cdp_url: str | None = None) -> Iterator[Page]:
    """A page to sign in with. Not for a thread that runs an event loop.

    Args:
        executable: the Chromium to start; without it Playwright's own or one of the system is looked for.
        cdp_url: the address of a browser that runs already (Browserbase). Its first context and page are
            used, and it is left running: it isn't ours to close.

    Raises:
        NoBrowser: none starts, or Playwright's driver does not; and what to install.
        Transient: the running browser can't be reached.
    """
    others = set(psutil.Process().children())
    with _driver() as playwright:
        if cdp_url:
            browser = None
            with contextlib.suppress(PlaywrightError):  # whose text quotes the address, and its key
                browser = playwright.chromium.connect_over_cdp(cdp_url, timeout=30_000)
            if browser is None:
                raise Transient(
                    "The browser at BROWSER_CDP_URL can't be reached: check the address and its key, or run "
                    "again (Browserbase closes a session that idles)."
                )
            context = browser.contexts[0] if browser.contexts else browser.new_context()
            # Leaving `sync_playwright` disconnects; `browser.close()` would end what others may be using.
            yield context.pages[0] if context.pages else context.new_page()
            return
        browser = launch(playwright, executable)
        watch = BrowserWatch(set(psutil.Process().children()) - others)
        try:
            agent = browser.new_page().evaluate("navigator.userAgent")
            # The wall turns away what calls itself headless, and the later requests must be the same browser.
            context = browser.new_context(
                user_agent=agent.replace("HeadlessChrome", "Chrome"), locale="en-US"
            )
            yield context.new_page()
        finally:
            with contextlib.suppress(PlaywrightError):
                browser.close()
            watch.stop()


@contextlib.contextmanager
def _driver() -> Iterator[Playwright]:
    with contextlib.ExitStack() as open_until_left:
        try:
            playwright = open_until_left.enter_context(sync_playwright())
        except Exception as error:  # A driver that ends at once is no PlaywrightError, but a bare one.
            fault = (str(error).splitlines() or [type(error).__name__])[0]
            raise NoBrowser(
                f"Playwright's driver does not start ({fault}): install the package that its Node lacks (on "
                "Debian and Ubuntu libatomic1), or set PLAYWRIGHT_NODEJS_PATH to a Node that starts."
            ) from error
        yield playwright


def browser_version(*, executable: str | None = None, cdp_url: str | None = None) -> str:
    """Which browser it is that signs in, by its own word. Starts it, or visits it, and leaves it as it was.

    Raises:
        NoBrowser, Transient: as `open_page`.
    """
    with open_page(executable=executable, cdp_url=cdp_url) as page:
        browser = page.context.browser
        return f"{browser.browser_type.name.capitalize()} {browser.version}" if browser else "a browser"


class BrowserWatch:
    """Ends Playwright's driver when its browser is gone, so that whoever waits for that one gets an error.

    By itself Playwright waits for ever for a page that was being opened when the browser died (seen in 1.65).
    """

    def __init__(self, drivers: set[psutil.Process]) -> None:
        self._drivers = drivers
        self._over = threading.Event()
        threading.Thread(target=self._watch, name="browser-watch", daemon=True).start()

    def stop(self) -> None:
        """The browser is about to be closed."""
        self._over.set()

    def _watch(self) -> None:
        looks_without = 0
        while looks_without < 3:
            if self._over.wait(1.0):
                return
            looks_without = 0 if any(map(_has_browser, self._drivers)) else looks_without + 1
        log.warning("The browser ended by itself, or was killed, in the middle of a sign-in.")
        for driver in self._drivers:
            with contextlib.suppress(psutil.Error):
                driver.kill()


def _has_browser(driver: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(child.status() != psutil.STATUS_ZOMBIE for child in driver.children())
    return False


def launch(playwright: Playwright, executable: str | None):  # type: ignore[no-untyped-def]
    """The browser that starts first: the one that is named, else Playwright's own or one of the system."""
    tried = []
    # Twice, since one that was killed while it started, or found no memory just then, is no broken one.
    for candidate in 2 * ([executable] if executable else _candidates(playwright)):
        try:
            return _start(playwright, candidate)
        except PlaywrightError as error:
            tried.append(f"{candidate} ({str(error).splitlines()[0]})")
    if executable:
        raise NoBrowser(f"BROWSER_EXECUTABLE does not start: {tried[0]}; correct it or unset it.")
    raise NoBrowser(
        "No browser to sign in with: install Chromium or Google Chrome (on Debian and Ubuntu: apt install "
        "chromium), or set BROWSER_EXECUTABLE or BROWSER_CDP_URL."
        + (f" Tried: {'; '.join(dict.fromkeys(tried))}." if tried else "")
    )


def _start(playwright: Playwright, executable: str):  # type: ignore[no-untyped-def]
    """With Chromium's sandbox, which keeps a page that breaks it from the environment and its passwords.

    Playwright starts it without, unless it is told not to. Where it can't be had, that is said.
    """
    options: dict[str, Any] = {"executable_path": executable, "args": [*_QUIET], "timeout": 60_000}
    if os.geteuid() == 0:
        log.warning("Chromium runs without its sandbox, which root can't have: run this as another user.")
    else:
        try:
            return playwright.chromium.launch(chromium_sandbox=True, **options)
        except PlaywrightError as error:
            if not _NO_SANDBOX.search(str(error)):
                raise
        log.warning(
            "Chromium runs without its sandbox: the kernel lets no user make the namespaces for it. Allow "
            "that (kernel.apparmor_restrict_unprivileged_userns=0, or a container's security options)."
        )
    return playwright.chromium.launch(chromium_sandbox=False, **options)


def _candidates(playwright: Playwright) -> list[str]:
    places = [playwright.chromium.executable_path, *map(shutil.which, _ON_PATH), *_ON_MACOS]
    return [place for place in places if place and Path(place).exists()]
