"""A full disk, and a state folder that can't be written: one sentence, nothing corrupted, and on it goes.

A limit on the size of files stands for the full disk: it works for any user, and a write fails with the same
kind of error in the same places.
"""

import ctypes
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingram_assets.domain.failures import CantBeWritten, of_the_disk
from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.oracle import assert_nothing_lost, await_quiet
from ingram_assets_tests.testing.running_shop import Store, alone, known
from ingram_demo.stack import Stack

pytestmark = pytest.mark.timeout(900)

_DAC_OVERRIDE, _DAC_READ_SEARCH, _FOWNER = 1, 2, 3
_PR_CAPBSET_DROP = 24


def full_disk() -> None:
    """In the child: no file can grow any more."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def modes_count() -> None:
    """In the child: file modes count for root as well."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH, _FOWNER):
            assert libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A state folder that its owner can read and not write."""
    folder = tmp_path / "state"
    (folder / "dagster").mkdir(parents=True)
    folder.chmod(0o500)
    (folder / "dagster").chmod(0o500)
    yield folder
    for each in (folder, folder / "dagster"):
        each.chmod(0o700)


@pytest.mark.parametrize(
    "words",
    [
        ("push",),
        pytest.param(("sync-stock",), marks=pytest.mark.long),
        pytest.param(("enrich", "9780306406157"), marks=pytest.mark.long),
    ],
)
def test_a_read_only_state_folder_is_one_sentence(
    stack: Stack, scraper: Shell, storefront: Shell, closed: Path, words: tuple[str, ...]
) -> None:
    shell = (storefront if words[0] == "push" else scraper).with_(INGRAM_STATE_DIR=str(closed))
    done = shell(*words, "--json", before=modes_count)
    assert done.exit_code == 2, done.errors
    assert "can't be written (Permission denied)" in done.result["error"]
    assert str(closed) in done.result["error"]
    assert "INGRAM_STATE_DIR" in done.result["error"]
    assert "Traceback" not in done.errors
    assert list((closed / "dagster").iterdir()) == []


def test_looking_needs_no_room(storefront: Shell, closed: Path) -> None:
    done = storefront.with_(INGRAM_STATE_DIR=str(closed))("status", "--json", before=modes_count)
    assert done.exit_code == 0, done.errors


@pytest.mark.parametrize("words", [("push",), pytest.param(("sync-stock",), marks=pytest.mark.long)])
def test_a_full_disk_is_one_sentence_and_changes_nothing(
    stack: Stack, scraper: Shell, storefront: Shell, tmp_path: Path, words: tuple[str, ...]
) -> None:
    await_quiet(stack)
    before, store = known(stack), Store.of(stack)
    shell = alone(storefront if words[0] == "push" else scraper, stack, tmp_path / "state")
    done = shell(*words, "--json", before=full_disk)
    assert done.exit_code == 2, (done.output, done.errors)
    assert "The disk is full (File too large" in done.result["error"]
    assert "Traceback" not in done.errors
    assert (known(stack), Store.of(stack)) == (before, store)
    # With room again the same folder serves.
    done = shell(*words, "--json")
    assert done.exit_code == 0, done.errors


@pytest.mark.long
def test_the_disk_of_a_running_shop_fills_up_and_has_room_again(stack: Stack, scraper: Shell) -> None:
    """The limit of the scraper's code server is its runs' as well."""
    psutil = pytest.importorskip("psutil")
    await_quiet(stack)
    before = known(stack)
    server = psutil.Process(stack.supervisor.children["scraper"].pid)
    kept = server.rlimit(psutil.RLIMIT_FSIZE)
    server.rlimit(psutil.RLIMIT_FSIZE, (0, kept[1]))
    try:
        done = scraper("sync-stock", "--json")
    finally:
        server.rlimit(psutil.RLIMIT_FSIZE, kept)
    assert done.exit_code in (1, 2), (done.output, done.errors)
    assert done.result["error"]
    assert known(stack) == before
    assert_nothing_lost(stack)


def test_the_watch_over_children_outlives_a_full_disk(tmp_path: Path) -> None:
    """A child that dies while the disk is full comes back, and so does the next one."""
    script = textwrap.dedent(
        """
        import os, resource, signal, sys, time
        from pathlib import Path
        from ingram_assets.runtime.processes import Supervisor

        def restarted(child, pid):
            end = time.monotonic() + 30
            while child.pid == pid or not child.running:
                assert time.monotonic() < end, "it did not come back"
                time.sleep(0.05)

        with Supervisor(Path(sys.argv[1])) as supervisor:
            path = {"PATH": os.environ["PATH"]}
            child = supervisor.start("sleeper", ["sleep", "600"], env=path, restart=True)
            for limit in (0, resource.RLIM_INFINITY):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
                pid = child.pid
                os.kill(pid, signal.SIGKILL)
                restarted(child, pid)
            until = time.monotonic() + 10
            while str(child.pid) not in (supervisor.folder / "processes.json").read_text():
                assert time.monotonic() < until, "the list is written again"
                time.sleep(0.05)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "folder")], capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "The disk is full (No space left on device)"),
        (OSError(27, "File too large"), "The disk is full"),
        (OSError(30, "Read-only file system", "/srv/state/x"), "/srv/state/x can't be written (Read-only"),
        (PermissionError(13, "Permission denied", "/srv/state/x"), "let this user write there"),
    ],
)
def test_the_sentence(error: OSError, words: str) -> None:
    told = of_the_disk(error)
    assert isinstance(told, CantBeWritten)
    assert words in str(told)


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "Connection refused"), ValueError("28")])
def test_other_errors_are_not_of_the_disk(error: Exception) -> None:
    assert of_the_disk(error) is None
