"""Installing: one at a time, given up in time, and with the reason when it fails."""

import sys
import threading
from pathlib import Path

import pytest

from ingram_demo.embedded import tools
from ingram_demo.embedded.tools import InstallFailed


def test_an_installer_may_call_another_while_other_threads_wait(tmp_path: Path) -> None:
    order: list[str] = []
    waiting = threading.Event()

    def other() -> None:
        waiting.set()
        with tools.one_at_a_time(tmp_path):
            order.append("other")

    thread = threading.Thread(target=other)
    with tools.one_at_a_time(tmp_path):
        thread.start()
        waiting.wait()
        with tools.one_at_a_time(tmp_path):
            order.append("inner")
        thread.join(0.2)  # time enough to slip in, if the inner one had given the lock away
        order.append("outer")
    thread.join()
    assert order == ["inner", "outer", "other"]


def test_a_step_that_hangs_is_given_up_with_all_it_started(tmp_path: Path) -> None:
    sleeper = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with pytest.raises(InstallFailed, match="Fetching was given up after 0 s"):
        tools.run("Fetching", [sys.executable, "-c", sleeper], seconds=0.5)


def test_a_step_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(InstallFailed, match="Fetching failed with exit code 1: Error: no route to host"):
        tools.run("Fetching", ["sh", "-c", "echo fetching; echo Error: no route to host; exit 1"], seconds=60)
    with pytest.raises(InstallFailed, match=r"Fetching failed: .*No such file"):
        tools.run("Fetching", [tmp_path / "absent"], seconds=60)


def test_a_step_of_a_user_without_a_home_gets_one_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    look = ["sh", "-c", 'touch "$HOME/x" && echo "$HOME"']
    monkeypatch.setenv("HOME", "/nonexistent")  # what Debian gives to the users of services
    given = Path(tools.run("A look", look, seconds=60).strip())
    assert given.name.startswith("ingram-home-")
    assert not given.exists()


def test_a_step_keeps_the_home_of_a_user_who_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tools.run("A look", ["sh", "-c", 'echo "$HOME"'], seconds=60).strip() == str(tmp_path)


def test_a_marker_holds_for_one_key_only(tmp_path: Path) -> None:
    marker = tmp_path / "packages.done"
    assert not tools.is_done(marker, "one lock")
    tools.mark_done(marker, "one lock")
    assert tools.is_done(marker, "one lock")
    assert not tools.is_done(marker, "another lock")
