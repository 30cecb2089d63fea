"""Child processes: started, waited for, restarted, and none left behind, whatever happens to the parent.

A folder belongs to one `Supervisor` at a time (a file lock held for its lifetime). It keeps there the list of
what it started, and marks every child's environment with the folder's path, so that the next start finds and
clears what a crash left: also grandchildren whose own parent is gone, which no list of ours could name.
"""

import contextlib
import json
import logging
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import filelock
import psutil

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.child_logs import ChildLog
from ingram_assets.runtime.process_tree import await_end, family, identity, is_alive, kill_all, same_process
from ingram_assets.runtime.template import FORKS, ForkedProcess, Template
from ingram_assets.settings.proxies import sparing_this_machine
from ingram_assets.whole_files import write_whole

log = logging.getLogger(__name__)

MARK = "INGRAM_SUPERVISED_IN"
"""In every child's environment, the supervisor's folder. Children inherit it: orphans are known by it."""

POLL_SECONDS = 0.05
LOG_LINES_QUOTED = 15
BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STEADY_SECONDS = 60.0
"""Up for this long, a child's earlier deaths are forgotten and its next restart is quick again."""


class AlreadyRunning(NeedsPerson):
    """Another live instance holds the folder."""


class ChildFailed(NeedsPerson):
    """A child died before it was ready, or was not ready in time. The message quotes its log's end."""


def as_user(user: tuple[int, int] | None) -> dict[str, Any]:
    """The `subprocess` arguments that run a program as this uid and gid and no other group."""
    if user is None:
        return {}
    uid, gid = user
    return {"user": uid, "group": gid, "extra_groups": []}


@dataclass
class Child:
    """One supervised process. `pid` changes when it is restarted."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    output: ChildLog
    stop_signal: signal.Signals
    restart: bool
    user: tuple[int, int] | None
    ready: Callable[[], bool] | None
    """Whether it answers; `None`: it is ready as soon as it runs."""
    is_forked: bool
    """From the template, and not started by itself."""
    process: subprocess.Popen[bytes] | ForkedProcess
    started: float
    deaths: int = 0
    restart_at: float | None = None
    asked_to_stop: bool = False

    @property
    def pid(self) -> int:
        """Of the process that is there now."""
        return self.process.pid

    @property
    def log(self) -> Path:
        """The file of its log; older ones lie beside it."""
        return self.output.file

    @property
    def running(self) -> bool:
        """Whether it is there. Once it is not, all that it wrote is in its log."""
        if self.process.poll() is None:
            return True
        self.output.settle()
        return False

    def log_end(self) -> str:
        """The log's last lines, with the secrets of the child's own environment struck out."""
        self.output.settle()
        lines = self.output.end().splitlines()
        text = "\n".join(line for line in lines[-LOG_LINES_QUOTED:] if line.strip()) or "(its log is empty)"
        for secret in _secrets(self.env):
            text = text.replace(secret, "***")
        return text


class Supervisor:
    """Starts children and answers for their end. Use as a context manager: leaving it stops all of them.

    `folder` holds the lock, `processes.json` and the logs. Entering raises AlreadyRunning when another live
    instance holds the folder, and clears what a crashed one left. Methods may be called from several threads;
    a watcher thread brings children started with `restart=True` back. `children` are by name, in the order in
    which they were started.
    """

    def __init__(self, folder: Path, *, grace_seconds: float = 10.0, json_logs: bool = False) -> None:
        self.folder = folder.expanduser().resolve()
        self._grace_seconds, self._json_logs = grace_seconds, json_logs
        self._lock_file = filelock.FileLock(self.folder / "lock", mode=0o600, thread_local=False)
        self._list = self.folder / "processes.json"
        self.children: dict[str, Child] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._watcher: threading.Thread | None = None
        self._template = Template()

    def __enter__(self) -> Self:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._lock_file.acquire(timeout=0)
        except filelock.Timeout:
            owner = self._listed().get("owner", {}).get("pid", "unknown")
            raise AlreadyRunning(
                f"Already running, pid {owner} (its state is in {self.folder}): stop that one first."
            ) from None
        try:
            self._clear_orphans()
            self._write_list()
        except BaseException:
            self._lock_file.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop_all()
        finally:
            self._lock_file.release()

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        ready: Callable[[], bool] | None = None,
        ready_seconds: float = 60.0,
        stop_signal: signal.Signals = signal.SIGTERM,
        restart: bool = False,
        user: tuple[int, int] | None = None,
        needs_dagster: bool = False,
    ) -> Child:
        """Starts a child in a session of its own and waits until `ready()` is true.

        `env` is its whole environment (only MARK is added, and this machine to NO_PROXY); `user` the uid and
        gid to run as, if we are root; `needs_dagster`: it runs a module, and `template.py` says how. Raises
        ChildFailed if it dies or is not ready within `ready_seconds`; it is stopped then.
        """
        child = Child(
            name=name,
            argv=[str(part) for part in argv],
            env={**env, **sparing_this_machine(env), MARK: str(self.folder)},
            cwd=cwd or self.folder,
            output=ChildLog(self.folder / "logs" / f"{name}.log", as_json=self._json_logs),
            stop_signal=stop_signal,
            restart=restart,
            user=user,
            ready=ready,
            is_forked=needs_dagster and FORKS,
            process=None,  # type: ignore[arg-type]  # _spawn sets it before anyone else sees the child
            started=0.0,
        )
        with self._lock:
            if self._closing.is_set():
                raise ChildFailed(f"{name} was not started: everything is being stopped.")
            if name in self.children:
                raise ValueError(f"{name} is started already")
            self._spawn(child)
            self.children[name] = child
            self._write_list()
        try:
            self._await_ready(child, ready_seconds)
        except BaseException:
            self.stop(name)
            raise
        if restart:
            self._ensure_watcher()
        return child

    def stop(self, name: str) -> None:
        """Stops one child with its descendants. Unknown or dead already: nothing to do."""
        with self._lock:
            child = self.children.pop(name, None)
        if child is None:
            return
        self._end(child)
        with self._lock:
            self._write_list()

    def stop_all(self) -> None:
        """Stops every child. Interrupted (a second Ctrl-C), it kills at once.

        All are asked at the same moment, but the first: what was started first is what the others lean on
        (a database), and goes when they are gone.
        """
        self._closing.set()
        if self._watcher is not None:
            self._watcher.join()
        children = list(reversed(self.children.values()))
        try:
            for child in children[:-1]:
                self._ask_to_stop(child)
            for child in children:
                self._end(child)
        finally:
            self._template.stop()
            # All that is left carries our mark: what had detached itself (a run worker, say), and, after an
            # interrupt, whatever was not yet stopped.
            kill_all(self._marked())
            for child in children:
                child.output.settle()
            with self._lock:
                self.children.clear()
                self._write_list()

    def all_are_there(self) -> None:
        """What is started with Dagster's imports is started: what it is forked from may rest."""
        self._template.rest()

    # -- starting and ending one ---------------------------------------------------------------------------

    def _spawn(self, child: Child) -> None:
        try:
            if child.is_forked:
                child.process = self._template.start(child.argv, child.env, child.cwd, MARK)
            else:
                child.process = _popen(child)
        except OSError as error:
            raise ChildFailed(f"{child.name} could not be started ({child.argv[0]}: {error}).") from error
        assert child.process.stdout is not None
        child.output.follow(child.process.stdout)
        child.started = time.monotonic()
        child.restart_at = None

    @staticmethod
    def _await_ready(child: Child, seconds: float) -> None:
        if child.ready is None:
            return
        until = time.monotonic() + seconds
        while True:
            if not child.running:
                what = f"stopped with exit code {child.process.returncode} before it was ready"
            elif child.ready():
                return
            elif time.monotonic() > until:
                what = f"was not ready after {seconds:.0f} s"
            else:
                time.sleep(POLL_SECONDS)
                continue
            raise ChildFailed(f"{child.name} {what}. The end of its log ({child.log}):\n{child.log_end()}")

    @staticmethod
    def _ask_to_stop(child: Child) -> None:
        # Once: many programs take a second signal as "at once, whatever is lost".
        if child.asked_to_stop:
            return
        child.asked_to_stop = True
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(child.stop_signal)

    def _end(self, child: Child) -> None:
        # Of the living only: once it is collected, its pid may be a stranger's.
        members = family(child.pid) if child.running else []
        if members:
            self._ask_to_stop(child)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(self._grace_seconds)
        # Whatever it started and did not end itself, then the child: its exit code is for `wait` to collect.
        kill_all(process for process in members if process.pid != child.pid)
        child.process.kill()
        child.process.wait()

    # -- restarts ------------------------------------------------------------------------------------------

    def _ensure_watcher(self) -> None:
        with self._lock:
            if self._watcher is None and not self._closing.is_set():
                self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
                self._watcher.start()

    def _watch(self) -> None:
        while not self._closing.wait(POLL_SECONDS * 4):
            with self._lock:
                for child in list(self.children.values()):
                    if child.restart and not child.running:
                        self._bring_back(child)

    def _bring_back(self, child: Child) -> None:
        now = time.monotonic()
        if child.restart_at is None:
            kill_all(family(child.pid))  # now, while its pid can't be another's yet
            child.deaths = 1 if now - child.started > STEADY_SECONDS else child.deaths + 1
            wait = BACK_OFF_SECONDS[min(child.deaths, len(BACK_OFF_SECONDS)) - 1]
            child.restart_at = now + wait
            code = child.process.returncode
            log.warning("%s ended (exit code %s): starting it again in %.1f s", child.name, code, wait)
        elif now >= child.restart_at:
            try:
                self._spawn(child)
            except (ChildFailed, OSError) as error:
                child.restart_at, child.started = None, now
                log.warning("%s could not be started again: %s", child.name, error)
                return
            try:
                self._write_list()
            except OSError as error:
                # A full disk must not end the watch. An orphan would still be known by its mark.
                log.warning("%s can't be written: %s", self._list, error)
            self._template.rest()
            log.warning("%s is started again, pid %s", child.name, child.pid)

    # -- orphans -------------------------------------------------------------------------------------------

    def _write_list(self) -> None:
        listed = {
            "owner": identity(os.getpid()),
            "children": [{"name": c.name, **identity(c.pid)} for c in self.children.values()],
        }
        write_whole(self._list, json.dumps(listed, indent=1))

    def _listed(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._list.read_text()))
        except (OSError, ValueError):
            return {}

    def _clear_orphans(self) -> None:
        orphans: dict[int, psutil.Process] = {}
        for entry in self._listed().get("children", []):
            if process := same_process(entry):
                orphans.update({p.pid: p for p in family(process.pid)})
        orphans.update({p.pid: p for p in self._marked()})
        if not orphans:
            return
        log.warning("Clearing %d processes that an earlier run left behind", len(orphans))
        for process in orphans.values():
            with contextlib.suppress(psutil.Error):
                process.terminate()
        await_end(orphans.values(), self._grace_seconds / 2)
        kill_all(orphans.values())

    def _marked(self) -> list[psutil.Process]:
        """Every process that carries our mark, save ourselves and our ancestors."""
        ours = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
        found = []
        for process in psutil.process_iter():
            if process.pid in ours:
                continue
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == str(self.folder) and is_alive(process):
                    found.append(process)
        return found


def _popen(child: Child) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        child.argv,
        env=dict(child.env),
        cwd=child.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        start_new_session=True,
        # What it writes is for its own user alone: sessions, pages that are kept, run logs.
        umask=0o077,
        **as_user(child.user),
    )


def _secrets(env: Mapping[str, str]) -> list[str]:
    found = set()
    for name, value in env.items():
        if re.search(r"PASSWORD|SECRET|TOKEN|COOKIE|(^|_)KEY", name) and len(value) >= 6:
            found.add(value)
        elif "://" in value:
            with contextlib.suppress(ValueError):
                if password := urlsplit(value).password:
                    found |= {password, unquote(password)}
    return sorted(found, key=len, reverse=True)
