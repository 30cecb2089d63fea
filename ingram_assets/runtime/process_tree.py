"""Processes of this machine: whether one is still the same, who belongs to it, and its certain end."""

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

import psutil


def identity(pid: int) -> dict[str, Any]:
    """A pid alone can be somebody else's tomorrow; with its time of creation it can't."""
    try:
        return {"pid": pid, "created": psutil.Process(pid).create_time()}
    except psutil.Error:
        return {"pid": pid, "created": 0.0}


def same_process(entry: Mapping[str, Any]) -> psutil.Process | None:
    """The process of an `identity`; `None` if it has ended, whoever has its pid now."""
    try:
        process = psutil.Process(int(entry["pid"]))
        # Seconds of slack: on Linux the time is reckoned from the boot time, which moves with the clock.
        return process if abs(process.create_time() - float(entry["created"])) < 2 else None
    except (psutil.Error, KeyError, TypeError, ValueError):
        return None


def family(pid: int) -> list[psutil.Process]:
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


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """Kill them, and wait for their end."""
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    await_end(processes, 5)


def await_end(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Until all have ended. A zombie has: what must collect it may never do so, as in a bare container."""
    until = time.monotonic() + seconds
    left = list(processes)
    while (left := [process for process in left if is_alive(process)]) and time.monotonic() < until:
        time.sleep(0.01)


def is_alive(process: psutil.Process) -> bool:
    """Whether it is there, and more than a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
