"""A process that has imported Dagster, and is forked to become each process that needs it.

Six processes of a shop import the same 90 MB. Forked from one that did, they share what none of them writes
to, some 230 MB of an idle shop. What is forked then runs a module as `python -m` does.

The template (`forking.py`) holds no secret, and so passes none on: it gets the machine's environment, and
what a process is to be told (its own environment first of all) goes to that process alone, once it is there.
When all are there it forgets what it has imported, until another one is asked for.

Linux alone: elsewhere system libraries do not live through a fork, and each process is started by itself.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from ingram_assets.runtime import forking
from ingram_assets.runtime.forking import FORK, REST, is_readable, line_of
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
            if self.returncode is None and is_readable(self._line, 0):
                # Both ends of the line that are not ours, the process' and the template's, are closed by now
                # or in a moment: what can be read is the code, or the end.
                told = line_of(self._line)
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
                socket.send_fds(door, [FORK], [its_line.fileno(), writing])
            line.sendall(json.dumps({"argv": argv[2:], "env": dict(env), "cwd": str(cwd)}).encode() + b"\n")
            if not is_readable(line, _COMES_WITHIN) or not (pid := line_of(line)):
                raise OSError("the template of Dagster's processes does not answer")
        except BaseException:
            line.close()
            stdout.close()
            raise
        finally:
            os.close(writing)
        return ForkedProcess(line, int(pid), stdout)

    def rest(self) -> None:
        """All are there: have it give back the memory that none of them shares any more."""
        with self._mutex:
            if self._door:
                with contextlib.suppress(OSError):  # It has died, and has none.
                    self._door.sendall(REST)

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
                    [sys.executable, "-m", forking.__name__],
                    env=environment,
                    stdin=its_door.fileno(),
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                    umask=0o077,
                )
        return self._door
