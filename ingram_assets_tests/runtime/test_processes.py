"""Children are waited for, brought back, and never left behind: not after a crash, nor a second Ctrl-C."""

import contextlib
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ingram_assets.runtime.ports import PortBusy, choose_port, free_port, http_ok, port_open
from ingram_assets.runtime.processes import MARK, AlreadyRunning, ChildFailed, Supervisor
from ingram_assets_tests.testing.processes import gone

ENV = {"PATH": os.environ["PATH"]}
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
DETACHING = [
    sys.executable,
    "-c",
    "import subprocess, sys\n"
    f"p = subprocess.Popen([sys.executable, '-c', {SLEEPER[-1]!r}], start_new_session=True)\n"
    "print(p.pid)",
]
"""Starts a sleeper in a session of its own and ends: no tree of processes leads to it then."""

STUBBORN = [
    sys.executable,
    "-u",
    "-c",
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: print('asked to stop'))\n"
    "print('listening'); end = time.monotonic() + 600\n"
    "while time.monotonic() < end: time.sleep(60)",
]


def until(true: Callable[[], object], what: str) -> None:
    """Polls; the limit only ends a test that has failed."""
    limit = time.monotonic() + 60
    while not true():
        assert time.monotonic() < limit, f"never happened: {what}"
        time.sleep(0.02)


@pytest.fixture
def parents(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes of the test's own, ended with it; their children too, by what is tested here."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()
    for state in {found.parent for found in tmp_path.glob("**/processes.json")}:
        with Supervisor(state):
            pass


def another_instance(
    folder: Path, body: str, parents: list[subprocess.Popen[bytes]]
) -> subprocess.Popen[bytes]:
    """A process with a supervisor `s` on the folder, which runs `body` and says `up`."""
    program = f"""
import os, pathlib, sys, time
from ingram_assets.runtime.processes import Supervisor
with Supervisor(pathlib.Path(sys.argv[1]), grace_seconds=600) as s:
{textwrap.indent(textwrap.dedent(body), "    ")}
    print("up", flush=True)
    time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", program, folder], stdout=subprocess.PIPE)
    parents.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


def test_leaving_stops_every_child_and_what_it_started(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "state") as supervisor:
        child = supervisor.start("sleeper", SLEEPER, env=ENV)
        double = supervisor.start("double", DETACHING, env=ENV)
        until(lambda: not double.running, "its end")
        grandchild = int(double.log.read_text())
        assert not gone(child.pid)
        assert not gone(grandchild)
    assert gone(child.pid)
    assert gone(grandchild)


def test_stopping_one_child_stops_its_own_children_and_no_others(tmp_path: Path) -> None:
    parent = f"import subprocess; p = subprocess.Popen({SLEEPER!r}); print(p.pid, flush=True); p.wait()"
    with Supervisor(tmp_path) as supervisor:
        other = supervisor.start("other", SLEEPER, env=ENV)
        child = supervisor.start("parent", [sys.executable, "-c", parent], env=ENV)
        until(child.log.read_text, "its own child's start")
        grandchild = int(child.log.read_text())
        supervisor.stop("parent")
        assert gone(grandchild)
        assert other.running
        supervisor.start("parent", SLEEPER, env=ENV)  # the name is free again


def test_what_was_started_first_goes_when_the_others_are_gone(tmp_path: Path) -> None:
    said = tmp_path / "said"
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    time.sleep(float(sys.argv[3]))\n"
        "    open(sys.argv[1], 'a').write(sys.argv[2])\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('listening', flush=True); time.sleep(600)"
    )
    with Supervisor(tmp_path / "state") as supervisor:
        for name, leave_taking in (("database", "0"), ("store", "0.3"), ("web", "0.3")):
            child = supervisor.start(
                name, [sys.executable, "-c", program, said, f"{name} ", leave_taking], env=ENV
            )
            until(lambda child=child: "listening" in child.log_end(), "its handler")
    *others, last = said.read_text().split()
    assert (sorted(others), last) == (["store", "web"], "database")


def test_the_environment_is_the_given_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPAGE_PASSWORD", "not for this child")
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start(
            "env", [sys.executable, "-c", "import os; print(sorted(os.environ))"], env=ENV
        )
        until(lambda: not child.running, "its end")
        shown = child.log_end()
    assert "PATH" in shown
    assert "IPAGE_PASSWORD" not in shown


def test_a_child_that_dies_quotes_its_log_without_secrets(tmp_path: Path) -> None:
    program = (
        "import os; print(os.environ['QUEUE_DB_URL'], os.environ['R2_SECRET_ACCESS_KEY'], 'Pa55word!')\n"
        "raise SystemExit('relation does not exist')"
    )
    secrets = {
        "QUEUE_DB_URL": "postgresql://writer:Pa55word%21@127.0.0.1/queue",
        "R2_SECRET_ACCESS_KEY": "topsecret",
    }
    with Supervisor(tmp_path) as supervisor, pytest.raises(ChildFailed) as failure:
        supervisor.start(
            "code server", [sys.executable, "-c", program], env={**ENV, **secrets}, ready=lambda: False
        )
    message = str(failure.value)
    assert "code server stopped with exit code 1 before it was ready" in message
    assert "relation does not exist" in message
    assert "Pa55word" not in message
    assert "topsecret" not in message


def test_a_child_that_is_never_ready_is_stopped(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        with pytest.raises(ChildFailed, match="slow was not ready after 0 s"):
            supervisor.start("slow", SLEEPER, env=ENV, ready=lambda: False, ready_seconds=0.2)
        assert json.loads((tmp_path / "processes.json").read_text())["children"] == []
    with pytest.raises(ChildFailed, match="could not be started"), Supervisor(tmp_path) as supervisor:
        supervisor.start("absent", [tmp_path / "no such program"], env=ENV)


def test_ready_means_that_it_answers(tmp_path: Path) -> None:
    port = free_port()
    serve = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    url = f"http://127.0.0.1:{port}/"
    assert not http_ok(url)()
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("web", serve, env=ENV, ready=http_ok(url))
        assert port_open(port)()
    assert not port_open(port)()


def test_a_child_deaf_to_sigterm_is_killed(tmp_path: Path) -> None:
    with Supervisor(tmp_path, grace_seconds=0.2) as supervisor:
        child = supervisor.start("deaf", STUBBORN, env=ENV)
        until(lambda: "listening" in child.log_end(), "its handler")
    assert gone(child.pid)
    assert child.process.returncode == -signal.SIGKILL


def test_a_second_instance_is_refused_and_harms_nothing(
    tmp_path: Path, parents: list[subprocess.Popen[bytes]]
) -> None:
    first = another_instance(tmp_path, f"s.start('sleeper', {SLEEPER!r}, env=dict(os.environ))", parents)
    listed = json.loads((tmp_path / "processes.json").read_text())
    (child,) = listed["children"]

    with pytest.raises(AlreadyRunning, match=f"pid {first.pid}"), Supervisor(tmp_path):
        pass

    assert not gone(child["pid"])
    assert json.loads((tmp_path / "processes.json").read_text()) == listed
    assert stat.S_IMODE((tmp_path / "processes.json").stat().st_mode) == 0o600


def test_the_next_start_clears_what_a_crash_left(
    tmp_path: Path, parents: list[subprocess.Popen[bytes]]
) -> None:
    body = f"""
    s.start("sleeper", {SLEEPER!r}, env=dict(os.environ))
    s.start("double", {DETACHING!r}, env=dict(os.environ))
    """
    crashed = another_instance(tmp_path / "crashed", body, parents)
    another_instance(tmp_path / "live", body, parents)
    until(lambda: len(children_of(tmp_path / "crashed")) == 2, "the orphans-to-be, one of them detached")
    until(lambda: len(children_of(tmp_path / "live")) == 2, "the neighbour's")
    crashed.kill()
    crashed.wait()
    assert len(children_of(tmp_path / "crashed")) == 2

    with Supervisor(tmp_path / "crashed"):
        assert children_of(tmp_path / "crashed") == []
        assert len(children_of(tmp_path / "live")) == 2


def children_of(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == str(folder) and process.cmdline()[-1:] == SLEEPER[-1:]:
                found.append(process.pid)
    return found


def test_a_process_that_has_an_orphans_pid_by_chance_is_left_alone(
    tmp_path: Path, parents: list[subprocess.Popen[bytes]]
) -> None:
    stranger = subprocess.Popen(SLEEPER)
    parents.append(stranger)
    entry = {
        "name": "old",
        "pid": stranger.pid,
        "created": psutil.Process(stranger.pid).create_time() - 86_400,
    }
    (tmp_path / "processes.json").write_text(json.dumps({"owner": {}, "children": [entry]}))
    with Supervisor(tmp_path):
        pass
    assert stranger.poll() is None


def test_a_second_ctrl_c_kills_at_once(tmp_path: Path, parents: list[subprocess.Popen[bytes]]) -> None:
    body = f"s.start('deaf', {STUBBORN!r}, env=dict(os.environ))"
    instance = another_instance(tmp_path, body, parents)
    child = json.loads((tmp_path / "processes.json").read_text())["children"][0]["pid"]
    output = tmp_path / "logs" / "deaf.log"
    until(lambda: "listening" in output.read_text(), "its handler")

    instance.send_signal(signal.SIGINT)
    until(lambda: "asked to stop" in output.read_text(), "the first Ctrl-C's effect")
    assert not gone(child)
    instance.send_signal(signal.SIGINT)
    instance.wait(timeout=60)

    assert gone(child)


def test_a_child_that_dies_is_brought_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "ingram_assets.runtime.processes")
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("code server", SLEEPER, env=ENV, restart=True)
        first = child.pid
        psutil.Process(first).kill()
        # Its pid is known a moment before the list is written; the log's line is the last of its return.
        until(lambda: "is started again" in caplog.text, "its return")
        assert child.running
        assert child.pid != first
        listed = json.loads((tmp_path / "processes.json").read_text())["children"]
        assert [(entry["name"], entry["pid"]) for entry in listed] == [("code server", child.pid)]
        second = child.pid
    assert gone(second)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "code server ended (exit code -9): starting it again in 0.5 s",
        f"code server is started again, pid {second}",
    ]


def test_what_a_child_had_started_goes_before_it_is_brought_back(tmp_path: Path) -> None:
    parent = f"import subprocess; p = subprocess.Popen({SLEEPER!r}); print(p.pid, flush=True); p.wait()"
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("parent", [sys.executable, "-c", parent], env=ENV, restart=True)
        until(child.log.read_text, "its own child's start")
        grandchild, first = int(child.log.read_text()), child.pid
        psutil.Process(first).kill()
        until(lambda: child.pid != first and child.running, "its return")
        assert gone(grandchild), "a run's worker would go on beside the next one"


def test_a_child_that_keeps_dying_is_brought_back_ever_more_slowly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "ingram_assets.runtime.processes")

    def waits() -> list[str]:
        ends = [r.getMessage() for r in caplog.records if "starting it again in" in r.getMessage()]
        return [line.rsplit(" in ", 1)[1] for line in ends]

    with Supervisor(tmp_path) as supervisor:
        supervisor.start("broken", [sys.executable, "-c", "raise SystemExit(3)"], env=ENV, restart=True)
        until(lambda: len(waits()) >= 3, "its third end")
    assert waits()[:3] == ["0.5 s", "1.0 s", "2.0 s"]


def test_a_stopped_child_stays_stopped(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        stopped = supervisor.start("a", SLEEPER, env=ENV, restart=True)
        other = supervisor.start("b", SLEEPER, env=ENV, restart=True)
        supervisor.stop("a")
        psutil.Process(other.pid).kill()
        died = other.pid
        until(lambda: other.pid != died and other.running, "the other's return: the watcher has looked")
        assert not stopped.running


def test_a_busy_port_is_named_with_its_setting() -> None:
    port = free_port()  # not one that any connection may be given once it is free again
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(PortBusy, match=f"Port {port} is already in use.*INGRAM_WEB_PORT"),
    ):
        choose_port("INGRAM_WEB_PORT", port)
    assert choose_port("INGRAM_WEB_PORT", port) == port
    assert choose_port("INGRAM_WEB_PORT", 0) != port


def test_what_a_child_writes_is_for_its_own_user_alone(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "folder") as supervisor:
        child = supervisor.start("writer", ["touch", "written"], env={"PATH": os.environ["PATH"]})
        assert child.process.wait(30) == 0
        for file in ("written", "logs/writer.log", "processes.json", "lock"):
            assert (supervisor.folder / file).stat().st_mode & 0o077 == 0, file
