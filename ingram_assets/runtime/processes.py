"""Child processes: started, waited for, restarted, and none left behind, whatever happens to the parent.

A folder belongs to one `Supervisor` at a time (a file lock held for its lifetime). It keeps there the list of
what it started, and marks every child's environment with the folder's path, so that the next start finds and
clears what a crash left: also grandchildren whose own parent is gone, which no list of ours could name.
"""

import contextlib
import json
import logging
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import filelock
import psutil

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.child_logs import ChildLog
from ingram_assets.settings.proxies import sparing_this_machine

log = logging.getLogger(__name__)

MARK = "INGRAM_SUPERVISED_IN"
"""In every child's environment, the supervisor's folder. Children inherit it: orphans are known by it."""

POLL_SECONDS = 0.05
LOG_LINES_QUOTED = 15
BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STEADY_SECONDS = 60.0
"""Up for this long, a child's earlier deaths are forgotten and its next restart is quick again."""

# Below the kernel's own range for outgoing connections (from 32768 on Linux, 49152 on macOS): a port within
# that range can be taken by any client between our look and the server's bind.
FREE_PORTS = range(18_000, 32_000)


class AlreadyRunning(NeedsPerson):
    """Another live instance holds the folder."""


class PortBusy(NeedsPerson):
    """A port that a setting names is taken."""


class ChildFailed(NeedsPerson):
    """A child died before it was ready, or was not ready in time. The message quotes its log's end."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on now."""
    for port in random.sample(FREE_PORTS, 200):
        if _bindable(port):
            return port
    raise NeedsPerson(
        f"No free port between {FREE_PORTS.start} and {FREE_PORTS.stop}: stop some of what is listening."
    )


def choose_port(setting: str, wanted: int | None) -> int:
    """`wanted` if it is free; any free one if it is None or 0. Raises PortBusy."""
    if not wanted:
        return free_port()
    if not _bindable(wanted):
        raise PortBusy(
            f"Port {wanted} is already in use{_held_by(wanted)}: stop what uses it, "
            f"or set {setting} to another port (0 picks a free one)."
        )
    return wanted


def _bindable(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection of the last run still in TIME_WAIT does not make the port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _held_by(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            here = connection.laddr
            if connection.status == psutil.CONN_LISTEN and here and here.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""


def port_open(port: int) -> Callable[[], bool]:
    """A readiness probe: something accepts TCP connections on 127.0.0.1:port."""

    def probe() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
        except OSError:
            return False

    return probe


def http_ok(url: str) -> Callable[[], bool]:
    """A readiness probe: GET url answers below 500. Never through a proxy: children listen on 127.0.0.1."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def probe() -> bool:
        try:
            with opener.open(url, timeout=2):
                return True
        except urllib.error.HTTPError as answer:
            return answer.code < 500
        except (OSError, ValueError):
            return False

    return probe


def write_private(file: Path, text: str) -> None:
    """Writes a file that its owner alone may read: whole, or as it was."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    draft.replace(file)


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
    ready: Callable[[], bool] | None
    ready_seconds: float
    stop_signal: signal.Signals
    restart: bool
    user: tuple[int, int] | None
    process: subprocess.Popen[bytes]
    started: float
    deaths: int = 0
    restart_at: float | None = None
    stopping: bool = field(default=False, repr=False)
    asked_to_stop: bool = field(default=False, repr=False)

    @property
    def pid(self) -> int:
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

    `folder` holds the lock, `processes.json` and, by default, the logs. Entering raises AlreadyRunning when
    another live instance holds the folder, and clears what a crashed one left. Methods may be called from
    several threads; a watcher thread brings children started with `restart=True` back.
    """

    def __init__(self, folder: Path, *, grace_seconds: float = 10.0) -> None:
        self.folder = folder.expanduser().resolve()
        self._grace_seconds = grace_seconds
        self._lock_file = filelock.FileLock(self.folder / "lock", mode=0o600, thread_local=False)
        self._list = self.folder / "processes.json"
        self._children: dict[str, Child] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._watcher: threading.Thread | None = None

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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        log_file: Path | None = None,
        ready: Callable[[], bool] | None = None,
        ready_seconds: float = 60.0,
        stop_signal: signal.Signals = signal.SIGTERM,
        restart: bool = False,
        user: tuple[int, int] | None = None,
    ) -> Child:
        """Starts a child in a session of its own and waits until `ready()` is true.

        `env` is its whole environment (only MARK is added, and this machine to NO_PROXY); `user` the uid and
        gid to run as, if we are root. Raises ChildFailed if it dies or is not ready within `ready_seconds`;
        it is stopped then.
        """
        child = Child(
            name=name,
            argv=[str(part) for part in argv],
            env={**env, **sparing_this_machine(env), MARK: str(self.folder)},
            cwd=cwd or self.folder,
            output=ChildLog(log_file or self.folder / "logs" / f"{name}.log"),
            ready=ready,
            ready_seconds=ready_seconds,
            stop_signal=stop_signal,
            restart=restart,
            user=user,
            process=None,  # type: ignore[arg-type]  # _spawn sets it before anyone else sees the child
            started=0.0,
        )
        with self._lock:
            if self._closing.is_set():
                raise ChildFailed(f"{name} was not started: everything is being stopped.")
            if name in self._children:
                raise ValueError(f"{name} is started already")
            self._spawn(child)
            self._children[name] = child
            self._write_list()
        try:
            self._await_ready(child)
        except BaseException:
            self.stop(name)
            raise
        if restart:
            self._ensure_watcher()
        return child

    def child(self, name: str) -> Child:
        """The child started under this name. Raises KeyError."""
        return self._children[name]

    def dead(self) -> list[Child]:
        """Children that ended on their own and are not to be restarted."""
        with self._lock:
            return [c for c in self._children.values() if not c.running and not c.restart and not c.stopping]

    def stop(self, name: str) -> None:
        """Stops one child with its descendants. Unknown or dead already: nothing to do."""
        with self._lock:
            child = self._children.pop(name, None)
            if child is None:
                return
            child.stopping = True
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
        children = list(reversed(list(self._children.values())))
        for child in children:
            child.stopping = True
        try:
            for child in children[:-1]:
                self._ask_to_stop(child)
            for child in children:
                self._end(child)
        finally:
            # All that is left carries our mark: what had detached itself (a run worker, say), and, after an
            # interrupt, whatever was not yet stopped.
            _kill(self._marked())
            for child in children:
                child.output.settle()
            with self._lock:
                self._children.clear()
                self._write_list()

    # -- starting and ending one ---------------------------------------------------------------------------

    def _spawn(self, child: Child) -> None:
        try:
            child.process = subprocess.Popen(
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
        except OSError as error:
            raise ChildFailed(f"{child.name} could not be started ({child.argv[0]}: {error}).") from error
        assert child.process.stdout is not None
        child.output.follow(child.process.stdout)
        child.started = time.monotonic()
        child.restart_at = None

    def _await_ready(self, child: Child) -> None:
        if child.ready is None:
            return
        until = time.monotonic() + child.ready_seconds
        while True:
            if not child.running:
                raise ChildFailed(
                    f"{child.name} stopped with exit code {child.process.returncode} before it was ready. "
                    f"The end of its log ({child.log}):\n{child.log_end()}"
                )
            if child.ready():
                return
            if time.monotonic() > until:
                raise ChildFailed(
                    f"{child.name} was not ready after {child.ready_seconds:.0f} s. "
                    f"The end of its log ({child.log}):\n{child.log_end()}"
                )
            time.sleep(POLL_SECONDS)

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
        family = _family(child.pid) if child.running else []
        if family:
            self._ask_to_stop(child)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(self._grace_seconds)
        # Whatever it started and did not end itself, then the child: its exit code is for `wait` to collect.
        _kill(process for process in family if process.pid != child.pid)
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
                for child in list(self._children.values()):
                    if child.restart and not child.stopping and not child.running:
                        self._bring_back(child)

    def _bring_back(self, child: Child) -> None:
        now = time.monotonic()
        if child.restart_at is None:
            _kill(_family(child.pid))  # now, while its pid can't be another's yet
            child.deaths = 1 if now - child.started > STEADY_SECONDS else child.deaths + 1
            wait = BACK_OFF_SECONDS[min(child.deaths, len(BACK_OFF_SECONDS)) - 1]
            child.restart_at = now + wait
            log.warning(
                "%s ended (exit code %s): starting it again in %.1f s",
                child.name,
                child.process.returncode,
                wait,
            )
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
            log.warning("%s is started again, pid %s", child.name, child.pid)

    # -- orphans -------------------------------------------------------------------------------------------

    def _write_list(self) -> None:
        listed = {
            "owner": _identity(os.getpid()),
            "children": [{"name": c.name, **_identity(c.pid)} for c in self._children.values()],
        }
        write_private(self._list, json.dumps(listed, indent=1))

    def _listed(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._list.read_text()))
        except (OSError, ValueError):
            return {}

    def _clear_orphans(self) -> None:
        orphans: dict[int, psutil.Process] = {}
        for entry in self._listed().get("children", []):
            process = _same_process(entry)
            if process is not None:
                orphans.update({p.pid: p for p in _family(process.pid)})
        orphans.update({p.pid: p for p in self._marked()})
        if not orphans:
            return
        log.warning("Clearing %d processes that an earlier run left behind", len(orphans))
        for process in orphans.values():
            with contextlib.suppress(psutil.Error):
                process.terminate()
        _wait(orphans.values(), self._grace_seconds / 2)
        _kill(orphans.values())

    def _marked(self) -> list[psutil.Process]:
        """Every process that carries our mark, save ourselves and our ancestors."""
        ours = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
        found = []
        for process in psutil.process_iter():
            if process.pid in ours:
                continue
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == str(self.folder) and _runs(process):
                    found.append(process)
        return found


def _identity(pid: int) -> dict[str, Any]:
    """A pid alone can be somebody else's tomorrow; with its time of creation it can't."""
    try:
        return {"pid": pid, "created": psutil.Process(pid).create_time()}
    except psutil.Error:
        return {"pid": pid, "created": 0.0}


def _same_process(entry: Mapping[str, Any]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(entry["pid"]))
        # Seconds of slack: on Linux the time is reckoned from the boot time, which moves with the clock.
        return process if abs(process.create_time() - float(entry["created"])) < 2 else None
    except (psutil.Error, KeyError, TypeError, ValueError):
        return None


def _family(pid: int) -> list[psutil.Process]:
    """The process, its descendants, and whoever else is in its session's process group."""
    try:
        parent = psutil.Process(pid)
        found = {p.pid: p for p in [*parent.children(recursive=True), parent]}
    except psutil.Error:
        found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            if process.pid not in found and os.getpgid(process.pid) == pid:
                found[process.pid] = process
    return list(found.values())


def _kill(processes: Iterable[psutil.Process]) -> None:
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait(processes, 5)


def _wait(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Until all have ended. A zombie has: what must collect it may never do so, as in a bare container."""
    until = time.monotonic() + seconds
    left = list(processes)
    while (left := [process for process in left if _runs(process)]) and time.monotonic() < until:
        time.sleep(POLL_SECONDS / 5)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _secrets(env: Mapping[str, str]) -> list[str]:
    found = set()
    for name, value in env.items():
        if re.search(r"PASSWORD|SECRET|TOKEN|COOKIE|(^|_)KEY", name) and len(value) >= 6:
            found.add(value)
        elif "://" in value:
            with contextlib.suppress(ValueError):
                password = urlsplit(value).password
                if password:
                    found |= {password, unquote(password)}
    return sorted(found, key=len, reverse=True)
