"""A process that has imported Dagster, and is forked to become each process that needs it.

Six processes of a shop import the same 90 MB. Forked from one that did, they share what none of them writes
to, some 230 MB of an idle shop. What is forked then runs a module as `python -m` does.

The template holds no secret, and so passes none on: it gets the machine's environment, and what a process is
to be told (its own environment first of all) goes to that process alone, once it is there. It has one thread
and no connection, as what is forked has to begin with none.

Linux alone: elsewhere system libraries do not live through a fork, and each process is started by itself.
"""

import contextlib
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing import resource_tracker
from pathlib import Path
from typing import IO

from ingram_assets.settings.environment import of_the_machine

FORKS = sys.platform == "linux"
_COMES_WITHIN = 60.0
"""Seconds: the template imports first, on a busy machine."""
_SAVING = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""How the C library keeps memory: else some arenas for each core, of which little is ever given back."""


class ForkedProcess:
    """A process that the template forked, with as much of `subprocess.Popen` as a supervisor needs.

    Its exit code is told by the template. Without the template it is not known: then -SIGKILL is told.
    """

    def __init__(self, line: socket.socket, pid: int, stdout: IO[bytes]) -> None:
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None
        self._line = line
        self._mutex = threading.Lock()

    def poll(self) -> int | None:
        """The exit code; `None`: it is at work."""
        with self._mutex:
            if self.returncode is None and _is_readable(self._line, 0):
                # Both ends of the line that are not ours, the process' and the template's, are closed by now
                # or in a moment: what can be read is the code, or the end.
                told = _line_of(self._line)
                self.returncode = int(told) if told else -signal.SIGKILL
                self._line.close()
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended.

        Raises:
            TimeoutExpired: it did not end in time.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        """Does nothing once it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Template:
    """The template as a supervisor has it: started when the first process is asked for, or if it has died."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None

    def start(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, mark: str) -> ForkedProcess:
        """A process in a session of its own that runs a module.

        Args:
            argv: `[sys.executable, "-m", module, …]`.
            env: its whole environment.
            mark: the name of what is in its environment, and has to be in the template's, too.

        Raises:
            OSError: it did not come.
        """
        line, its_line = socket.socketpair()
        reading, writing = os.pipe()
        stdout = os.fdopen(reading, "rb", buffering=0)
        try:
            with self._mutex, its_line:
                door = self._open(of_the_machine(env) | {mark: env[mark]} | _SAVING)
                socket.send_fds(door, [b"fork"], [its_line.fileno(), writing])
            line.sendall(json.dumps({"argv": argv[2:], "env": dict(env), "cwd": str(cwd)}).encode() + b"\n")
            if not _is_readable(line, _COMES_WITHIN) or not (pid := _line_of(line)):
                raise OSError("the template of Dagster's processes does not answer")
        except BaseException:
            line.close()
            stdout.close()
            raise
        finally:
            os.close(writing)
        return ForkedProcess(line, int(pid), stdout)

    def stop(self) -> None:
        """End it; what it forked goes on."""
        with self._mutex:
            if self._door and self._process:
                self._door.close()
                self._process.kill()
                self._process.wait()
                self._door = self._process = None

    def _open(self, environment: Mapping[str, str]) -> socket.socket:
        if self._door is None or self._process is None or self._process.poll() is not None:
            if self._door:
                self._door.close()
            self._door, its_door = socket.socketpair()
            with its_door:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", __name__],
                    env=environment,
                    stdin=its_door.fileno(),
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                    umask=0o077,
                )
        return self._door


def _is_readable(line: socket.socket, seconds: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(line, selectors.EVENT_READ)
        return bool(selector.select(seconds))


def _line_of(line: socket.socket) -> bytes:
    """Byte by byte, as nothing beyond the line may be taken; b"" at the end."""
    read = b""
    while (byte := _byte_of(line)) not in (b"", b"\n"):
        read += byte
    return read


def _byte_of(line: socket.socket) -> bytes:
    try:
        return line.recv(1)
    except ConnectionError:
        return b""


# -- in the template ---------------------------------------------------------------------------------------


def _keep_forking() -> list[str]:
    """Forks whenever it is asked to.

    Returns in what was forked: the module that it runs, and the words for it. In the template nothing, once
    nobody is there that could ask.
    """
    lines: dict[int, socket.socket] = {}
    door = socket.socket(fileno=os.dup(0))
    children, wakes = socket.socketpair()
    children.setblocking(False)
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    with selectors.DefaultSelector() as selector:
        for one in (door, children):
            selector.register(one, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is children:
                    children.recv(1000)
                    _tell_ends(lines)
                    continue
                message, fds, *_ = socket.recv_fds(door, 4, 2)
                if not message:
                    return []
                line, output = socket.socket(fileno=fds[0]), fds[1]
                if pid := os.fork():
                    lines[pid] = line
                    os.close(output)
                    continue
                for other in (door, children, wakes, *lines.values()):
                    other.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return _become(line, output)


def _tell_ends(lines: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            if line := lines.pop(pid, None):  # Else it is the tracker of semaphores.
                with line, contextlib.suppress(OSError):
                    line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(line: socket.socket, output: int) -> list[str]:
    """Make a process of its own of this one. The line stays open until it ends: so its end is seen."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)
    told = json.loads(_line_of(line))
    os.environ.clear()
    os.environ.update(told["env"])
    time.tzset()
    os.chdir(told["cwd"])
    sys.path[0] = told["cwd"]
    line.sendall(b"%d\n" % os.getpid())
    _open_to_the_end.append(line)
    return list(told["argv"])


_open_to_the_end: list[socket.socket] = []


def main() -> None:
    """Import what most of them need, then fork; what is forked runs its module here."""
    import ingram_assets.runtime.preloaded  # noqa: F401

    # Code servers count runs by semaphores, which Python has a process look after: one for all of them.
    resource_tracker.ensure_running()
    gc.collect()
    gc.freeze()  # Else each process' first collection writes to all that is shared.
    if argv := _keep_forking():
        sys.argv = argv
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
