"""A Chromium that starts here: one that is there, else the first of several ways to get one.

A candidate counts only once it has shown a form, headless: a browser can lie complete on the disk and still
lack a library of the system's, or its fonts (then it opens a page and dies at the first input field). What
was found is remembered, so a second start looks at one file.
"""

import json
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.node import drive_playwright, find_node
from ingram_demo.embedded import tools
from ingram_demo.embedded.tools import InstallFailed

log = logging.getLogger(__name__)

NPM_PROJECT = Path(__file__).parent / "chromium_npm"

ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
ON_MACOS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)

# The package's own fonts.conf names folders of AWS Lambda.
FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""

VERIFY_SECONDS = 60
VERIFY = """
import sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    browser = p.chromium.launch(executable_path=sys.argv[1], timeout=30_000)
    page = browser.new_page()
    page.set_content("<form><p>started</p><input><button>Ok</button></form>")
    assert "started" in page.inner_text("form"), "it shows no text: it finds no fonts"
    browser.close()
"""
PLAYWRIGHTS_OWN = """
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    print(p.chromium.executable_path)
"""


class NoBrowser(NeedsPerson):
    """No Chromium is here that starts, and none could be installed."""


def ensure_chromium(tools_folder: Path, given: Path | None = None) -> Path:
    """The path to give to Playwright as `executable_path`; it needs no arguments besides Playwright's own.

    `given` (BROWSER_EXECUTABLE) is the only candidate when it is set. Else, in this order: Playwright's own
    if downloaded; Chromium, Chrome or Edge of the system; Playwright's download; the npm package
    @sparticuz/chromium; as root with apt, Debian's package. 0 s when found before, else seconds to minutes.
    Raises NoBrowser or NoNode, whose message says what was tried and what to install.
    """
    drive_playwright()
    if given is not None:
        why = _does_not_start(given)
        if why:
            raise NoBrowser(
                f"BROWSER_EXECUTABLE names {given}, which does not start ({why}): correct it or unset it."
            )
        return given
    marker = tools_folder.resolve() / "chromium.json"
    if (known := _remembered(marker)) is not None:
        return known
    with tools.one_at_a_time(tools_folder):
        if (known := _remembered(marker)) is not None:
            return known
        found = _search(tools_folder.resolve())
        tools.mark_done(marker, json.dumps({"executable": str(found), **_stamp(found)}))
    log.info("Chromium: %s", found)
    return found


def _search(tools_folder: Path) -> Path:
    refused: list[str] = []
    for candidate in _present():
        why = _does_not_start(candidate)
        if not why:
            return candidate
        refused.append(f"{candidate} does not start ({why})")
    ways: list[Callable[[Path], Path]] = [_playwright_download, _npm_package, _debian_package]
    for way in ways:
        try:
            candidate = way(tools_folder)
        except NeedsPerson as error:
            refused.append(str(error).rstrip("."))
            continue
        why = _does_not_start(candidate)
        if not why:
            return candidate
        refused.append(f"{candidate} does not start ({why})")
    raise NoBrowser(
        "No Chromium is here and none could be installed: install Google Chrome or Chromium, or set "
        "BROWSER_EXECUTABLE to one. What was tried: " + "; ".join(refused) + "."
    )


def _present() -> Iterator[Path]:
    own = _playwrights_own()
    if own is not None and own.exists():
        yield own
    for name in ON_PATH:
        if found := shutil.which(name):
            yield Path(found)
    if sys.platform == "darwin":
        yield from (Path(place) for place in ON_MACOS if Path(place).exists())


def _playwrights_own() -> Path | None:
    # In a process of its own, as below: Playwright's synchronous API refuses a thread with an event loop.
    done = subprocess.run(
        [sys.executable, "-c", PLAYWRIGHTS_OWN], capture_output=True, text=True, timeout=VERIFY_SECONDS
    )
    return Path(done.stdout.strip()) if done.returncode == 0 and done.stdout.strip() else None


def _playwright_download(tools_folder: Path) -> Path:
    argv = [sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"]
    # Playwright tries several addresses, each with this patience: no minutes of silence behind a firewall.
    patience = {"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000"}
    tools.run("Playwright's download of Chromium", argv, seconds=900, env=patience)
    own = _playwrights_own()
    if own is None or not own.exists():
        raise InstallFailed("Playwright's download of Chromium left no browser.")
    return own


def _npm_package(tools_folder: Path) -> Path:
    what = "Chromium from the npm package @sparticuz/chromium"
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise InstallFailed(f"{what} is for Linux on x86-64 only")
    project = tools_folder / "chromium-npm"
    browser = project / "browser"
    node = find_node()
    tools.install_npm(what, NPM_PROJECT, project, node, seconds=600)
    browser.mkdir()
    env = {"PATH": node.path(os.environ.get("PATH", os.defpath)), "TMPDIR": str(browser)}
    tools.run(f"Unpacking {what}", [node.program, "unpack.js"], seconds=300, cwd=project, env=env)
    (browser / "fonts" / "fonts.conf").write_text(FONTS_CONF)
    shutil.rmtree(project / "node_modules")  # the packed browser is not needed any more
    start = project / "chromium"
    start.write_text(
        "#!/bin/sh\n"
        "# Chromium with the libraries and fonts that came with it.\n"
        'here="$(cd "$(dirname "$0")" && pwd)/browser"\n'
        'export LD_LIBRARY_PATH="$here/al2023/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"\n'
        'export FONTCONFIG_PATH="$here/fonts"\n'
        'exec "$here/chromium" "$@"\n'
    )
    start.chmod(0o755)
    return start


def _debian_package(tools_folder: Path) -> Path:
    what = "Debian's package chromium"
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise InstallFailed(f"{what} needs root and apt")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    tools.run("apt-get update", [apt, "update"], seconds=180, env=quiet)
    tools.run(what, [apt, "install", "-y", "--no-install-recommends", "chromium"], seconds=600, env=quiet)
    found = shutil.which("chromium")
    if found is None:
        raise InstallFailed(f"{what} left no browser")
    return Path(found)


def _does_not_start(executable: Path) -> str:
    """Why this browser can't be used; empty when it opened a page."""
    if not executable.is_file() or not os.access(executable, os.X_OK):
        return "it is not there or not a program"
    argv: list[str | Path] = [sys.executable, "-c", VERIFY, executable]
    try:
        tools.run(f"A try of {executable}", argv, seconds=VERIFY_SECONDS)
    except InstallFailed as error:
        return str(error).rstrip(".")
    return ""


def _stamp(executable: Path) -> dict[str, int]:
    seen = executable.stat()
    return {"size": seen.st_size, "modified": seen.st_mtime_ns}


def _remembered(marker: Path) -> Path | None:
    """The browser that started last time, if it is still the same file."""
    try:
        known = json.loads(marker.read_text())
        executable = Path(known.pop("executable"))
        return executable if known == _stamp(executable) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
