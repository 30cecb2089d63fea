"""A child's log stays small, always has the newest lines, and stops nobody who writes into it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingram_assets.runtime import child_logs
from ingram_assets.runtime.child_logs import LOG_BYTES, LOG_FILES, ChildLog
from ingram_assets.runtime.processes import ChildFailed, Supervisor

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """The same, with files of 10,000 bytes."""
    monkeypatch.setattr(child_logs, "LOG_BYTES", 10_000)
    return 10_000


def until(true: Callable[[], object], what: str) -> None:
    limit = time.monotonic() + 60
    while not true():
        assert time.monotonic() < limit, f"never happened: {what}"
        time.sleep(0.02)


def lines(folder: Path) -> list[int]:
    """The numbered lines of all files of the log `x`, the oldest first."""
    names = [*(f"x.{number}.log" for number in range(LOG_FILES - 1, 0, -1)), "x.log"]
    return [
        int(line)
        for name in names
        if (folder / name).exists()
        for line in (folder / name).read_text().split()
    ]


@pytest.mark.parametrize(
    ("pieces", "count"),
    [
        pytest.param(["%d\n"], 30_000, id="line by line"),
        pytest.param(["%d\n"] * 1, 100, id="a few"),
        pytest.param(["%04d", "%04d\n"], 8_000, id="half a line at a time"),
        pytest.param(["%d\n" * 7], 3_000, id="several at once"),
        pytest.param(["%d" + " " * 3000 + "\n"], 60, id="long lines"),
    ],
)
def test_whatever_is_written_the_newest_lines_stay_whole(
    tmp_path: Path, small: int, pieces: list[str], count: int
) -> None:
    log = ChildLog(tmp_path / "x.log")
    for number in range(count):
        for piece in pieces:
            log.write((piece.replace("%d", "%(n)d").replace("%04d", "%(n)04d") % {"n": number}).encode())
    files = list(tmp_path.iterdir())
    assert len(files) <= LOG_FILES
    assert all(file.stat().st_size <= small for file in files)
    assert log.end().split()[-1].endswith(str(count - 1))
    if pieces == ["%d\n"]:
        found = lines(tmp_path)
        assert found == list(range(found[0], count)), "no line is lost or cut where a file ends"
        assert len(found) > 3_000 or count == len(found)


def test_much_at_once_is_bounded_too(tmp_path: Path, small: int) -> None:
    log = ChildLog(tmp_path / "x.log")
    log.write(b"before\n")
    log.write(b"".join(b"%d\n" % number for number in range(20_000)))
    found = lines(tmp_path)
    assert found == list(range(found[0], 20_000))
    assert len(found) > 4_000
    log.write(b"x" * 100_000)
    assert all(file.stat().st_size <= small for file in tmp_path.iterdir())
    assert (tmp_path / "x.1.log").stat().st_size == small


def test_a_line_without_end_is_bounded_too(tmp_path: Path, small: int) -> None:
    log = ChildLog(tmp_path / "x.log")
    for _ in range(100):
        log.write(b"x" * 9_000)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= small * LOG_FILES


def test_a_child_that_writes_without_end_while_it_runs(tmp_path: Path, small: int) -> None:
    program = "n = 0\nwhile n < 200_000: n += 1; print(n, flush=n % 1000 == 0)\nimport time; time.sleep(600)"
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("x", [sys.executable, "-c", program], env=ENV, restart=True)
        until(lambda: child.log_end().endswith("200000"), "its last line")
        assert child.running
        found = lines(tmp_path / "logs")
        assert found == list(range(found[0], 200_001))
        assert all(file.stat().st_size <= small for file in (tmp_path / "logs").iterdir())
        assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "logs").iterdir())


def test_the_last_words_of_a_child_that_ended_are_there(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        for number in range(20):
            program = f"print('x' * 100_000); print('last words of {number}')"
            child = supervisor.start(f"c{number}", [sys.executable, "-c", program], env=ENV)
            until(lambda child=child: not child.running, "its end")
            assert child.log.read_text().endswith(f"last words of {number}\n")


def test_what_a_grandchild_writes_is_in_it(tmp_path: Path) -> None:
    """As a run's worker does, which outlives the process that started it."""
    late = "import time; time.sleep(0.5); print('late words', flush=True)"
    program = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {late!r}], start_new_session=True)"
    )
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("x", [sys.executable, "-c", program], env=ENV)
        until(lambda: "late words" in child.log.read_text(), "the grandchild's words")


def test_a_child_that_is_brought_back_goes_on_with_its_log(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        program = "import os; print('I am', os.getpid(), flush=True); raise SystemExit(1)"
        child = supervisor.start("x", [sys.executable, "-c", program], env=ENV, restart=True)
        until(lambda: child.log.read_text().count("I am") >= 2, "its return")
    with Supervisor(tmp_path) as supervisor:
        other = supervisor.start("x", [sys.executable, "-c", "print('another day')"], env=ENV)
        until(lambda: not other.running, "its end")
    text = (tmp_path / "logs" / "x.log").read_text()
    assert text.count("I am") >= 2
    assert text.endswith("another day\n")


def test_a_log_of_an_earlier_program_is_turned_over(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"old\n" * 4_000_000)
    ChildLog(tmp_path / "x.log").write(b"new\n")
    assert (tmp_path / "x.log").read_bytes() == b"new\n"
    assert (tmp_path / "x.1.log").stat().st_size == 16_000_000


TROUBLES: dict[str, Callable[[Path], None]] = {
    "a folder that is gone": lambda logs: subprocess.run(["rm", "-rf", logs], check=True) and None,
    "a file that was deleted": lambda logs: (logs / "x.log").unlink(),
    "a file that was moved away": lambda logs: (logs / "x.log").rename(logs / "elsewhere") and None,
    "older files that can't be replaced": lambda logs: (logs / "x.1.log" / "in the way").mkdir(parents=True),
    "an older file that is not there": lambda logs: (logs / "x.2.log").write_text("2") and None,
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
def test_whatever_becomes_of_the_files_the_newest_lines_come(
    tmp_path: Path, small: int, trouble: Callable[[Path], None]
) -> None:
    logs = tmp_path / "logs"
    log = ChildLog(logs / "x.log")
    log.write(b"before\n")
    trouble(logs)
    for number in range(10_000):
        log.write(b"%d\n" % number)
    assert (logs / "x.log").read_text().endswith("\n9999\n")
    assert (logs / "x.log").stat().st_size <= small
    assert log.end().endswith("\n9999\n")


def test_a_log_that_cant_be_written_stops_nothing(tmp_path: Path) -> None:
    """A file where the folder should be, as a disk that is full: refused for root too."""
    (tmp_path / "logs").write_text("in the way")
    program = "print('words ' * 100_000)\nopen('done', 'w').write('x')\nimport time; time.sleep(600)"
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("x", [sys.executable, "-uc", program], env=ENV)
        until((tmp_path / "done").exists, "it comes to its end")
        assert child.log_end().strip().endswith("words")
        with pytest.raises(ChildFailed, match="why it ended"):
            supervisor.start(
                "y", [sys.executable, "-c", "raise SystemExit('why it ended')"], env=ENV, ready=lambda: False
            )
        (tmp_path / "logs").unlink()
        last = supervisor.start("z", [sys.executable, "-c", "print('room again')"], env=ENV)
        until(lambda: not last.running, "its end")
    assert (tmp_path / "logs" / "z.log").read_text() == "room again\n"


def test_a_disk_that_is_full_stops_nothing(tmp_path: Path, small: int) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "x.log").symlink_to("/dev/full")
    program = "print('words ' * 100_000)\nopen('done', 'w').write('x')\nimport time; time.sleep(600)"
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("x", [sys.executable, "-uc", program], env=ENV)
        until((tmp_path / "done").exists, "it comes to its end")
        assert child.log_end().strip().endswith("words")
        assert child.running


@pytest.mark.parametrize("count", [10, 5_000])
def test_who_follows_the_file_by_its_name_sees_the_newest(tmp_path: Path, small: int, count: int) -> None:
    """As `tail -F` does, which opens the new file when the one it reads was turned over."""
    log = ChildLog(tmp_path / "x.log")
    seen = tmp_path / "seen"
    command = ["tail", "-F", "-s", "0.05", str(log.file)]
    with seen.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL) as tail:
        try:
            for number in range(count):
                log.write(b"%d\n" % number)
            until(lambda: seen.read_text().endswith(f"\n{count - 1}\n"), "its last line")
        finally:
            tail.kill()


@pytest.mark.parametrize(
    "end",
    [
        "raise SystemExit(3)",
        "raise ValueError('why')",
        "os.abort()",
        "os.kill(os.getpid(), 9)",
        "os._exit(0)",
    ],
)
def test_however_a_child_dies_its_last_lines_are_kept(tmp_path: Path, end: str) -> None:
    with Supervisor(tmp_path) as supervisor:
        program = f"import os; print('last words', flush=True); {end}"
        child = supervisor.start("x", [sys.executable, "-c", program], env=ENV)
        until(lambda: not child.running, "its end")
        assert "last words\n" in child.log.read_text()
        assert "last words" in child.log_end()


def test_a_child_that_talks_without_end_is_stopped_as_any_other(tmp_path: Path) -> None:
    program = (
        "import signal, sys\n"
        "def end(*_): print('told to stop'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "while True: print('x' * 80)"
    )
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("x", [sys.executable, "-c", program], env=ENV, restart=True)
        until(lambda: child.log.stat().st_size > 100_000, "its words")
    # Not killed: one that is says nothing more.
    assert child.log.read_text().endswith("told to stop\n")


def test_what_was_lost_is_told_once_there_is_room_again(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.write_text("in the way")
    log = ChildLog(logs / "x.log")
    log.write(b"lost\n")
    log.write(b"lost\n")
    logs.unlink()
    log.write(b"kept\n")
    log.write(b"kept too\n")
    told, *rest = (logs / "x.log").read_text().splitlines()
    assert "could not be written" in told
    assert rest == ["kept", "kept too"]


def test_all_logs_of_a_shop_together(tmp_path: Path) -> None:
    """`ingram up` has five children, the demo eleven."""
    assert LOG_BYTES * LOG_FILES * 5 <= 100_000_000
