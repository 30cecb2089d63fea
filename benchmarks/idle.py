"""What a shop takes of its machine while nothing happens: memory and processor, by process."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import dagster as dg
import psutil
from rich.console import Console

from benchmarks.case import Figures, Machine
from benchmarks.shop import UNFINISHED
from ingram_assets.defs.keys import STOCK_SWEEP
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.runtime.processes import Child
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_demo import CHECKOUT
from ingram_demo.phases import Phases
from ingram_demo.stack import Servers, running_servers

TARGET_MB = 550
_LOOK_EVERY = 5.0
_BROUGHT_THROUGH_WITHIN = 600.0
_SETTLES_IN = 60.0


@dataclass
class _Seen:
    """A process of the shop: its real memory at each look, a page that several have counted in parts."""

    megabytes: list[float] = field(default_factory=list)
    worked: float = 0.0


def idle(machine: Machine, *, titles: int, seconds: int) -> Iterator[Figures]:
    """`ingram up` beside real servers, once it has read its titles and brought them to the store.

    Counted are the processes of `ingram up`, and no server. Runs that are due meanwhile (a sweep, a title
    that is likely to sell out) are told of by themselves, and memory is looked at between them.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ingram-bench-", ignore_cleanup_errors=True) as folder,
        running_servers(Path(folder), Phases(Console(stderr=True)), {}, titles=titles) as servers,
        _ingram_up(servers) as (up, instance),
    ):
        _await_idle(instance)
        seen, runs = _watched(psutil.Process(up.pid), Path(folder) / "state" / "up", seconds)
    sizes = {"titles": titles, "processes": len(seen)}
    for name, one in seen.items():
        yield {
            "what": name,
            "sizes": sizes,
            "seconds": seconds,
            "real_memory_mb": median(one.megabytes),
            "cores": one.worked / seconds,
        }
    memory = sum(median(one.megabytes) for one in seen.values())
    yield {
        "what": "all of it",
        "sizes": sizes,
        "seconds": seconds,
        "real_memory_mb": memory,
        "ratio": memory / TARGET_MB,
        "cores": sum(one.worked for one in seen.values()) / seconds,
    }
    yield {"what": "runs meanwhile", "sizes": sizes, "seconds": seconds, "cores": runs / seconds}


@contextmanager
def _ingram_up(servers: Servers) -> Iterator[tuple[Child, dg.DagsterInstance]]:
    environment = {
        **{"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(CHECKOUT), "LC_ALL": "C.UTF-8"},
        "INGRAM_ENV_DIR": str(servers.settings),
        **{"INGRAM_PORT_UI": "0", "INGRAM_PORT_DESK": "0"},
    }
    common = load(CommonSettings, servers.environments[None])
    log = servers.supervisor.folder / "logs" / "ingram-up.log"
    child = servers.supervisor.start(
        "ingram-up",
        [sys.executable, "-m", "ingram_assets.cli", "up"],
        env=environment,
        ready=lambda: "Dagster: http" in log.read_text(),
        ready_seconds=180,
    )
    try:
        with dagster_instance(common) as instance:
            yield child, instance
    finally:
        servers.supervisor.stop("ingram-up")


def _await_idle(instance: dg.DagsterInstance) -> None:
    until = time.monotonic() + _BROUGHT_THROUGH_WITHIN
    quiet_since = time.monotonic()
    while time.monotonic() < quiet_since + _SETTLES_IN:
        if time.monotonic() > until:
            raise RuntimeError("The titles did not come through, or runs did not end.")
        if not _is_through(instance):
            quiet_since = time.monotonic()
        time.sleep(_LOOK_EVERY)


def _is_through(instance: dg.DagsterInstance) -> bool:
    def runs(*statuses: dg.DagsterRunStatus, job: str | None = None) -> bool:
        return bool(instance.get_runs(dg.RunsFilter(statuses=statuses, job_name=job), limit=1))

    swept = instance.fetch_materializations(STOCK_SWEEP, limit=1).records
    return bool(swept) and runs(dg.DagsterRunStatus.SUCCESS, job="push") and not runs(*UNFINISHED)


def _watched(up: psutil.Process, folder: Path, seconds: int) -> tuple[dict[str, _Seen], float]:
    """What each process takes; and processor seconds of the runs that ended meanwhile."""
    seen: dict[str, _Seen] = {}
    began, runs_began = _worked(up, folder)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        processes = _processes(up, folder)
        if all(name for name in processes.values()):
            for process, name in processes.items():
                one = seen.setdefault(name, _Seen())
                one.megabytes.append(process.memory_full_info().pss / 1e6)
        time.sleep(_LOOK_EVERY)
    ended, runs_ended = _worked(up, folder)
    for name, one in seen.items():
        one.worked = ended.get(name, 0.0) - began.get(name, 0.0)
    return seen, runs_ended - runs_began


def _worked(up: psutil.Process, folder: Path) -> tuple[dict[str, float], float]:
    """Processor seconds so far of each process, and of the runs that have ended."""
    own: dict[str, float] = {}
    runs = 0.0
    for process, name in _processes(up, folder).items():
        if name:
            times = process.cpu_times()
            own[name] = times.user + times.system
            runs += times.children_user + times.children_system
    return own, runs


def _processes(up: psutil.Process, folder: Path) -> dict[psutil.Process, str]:
    """All that `ingram up` started, with the names that it gave them; "" for runs, and what they started."""
    listed = json.loads((folder / "processes.json").read_text())["children"]
    names = {up.pid: "ingram up", **{one["pid"]: one["name"] for one in listed}}
    found: dict[psutil.Process, str] = {}
    for process in (up, *up.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            if process.ppid() == up.pid:
                found[process] = names.get(process.pid, "template")
            elif "resource_tracker" in " ".join(process.cmdline()):
                found[process] = "semaphores of runs"
            else:
                found[process] = names.get(process.pid, "")
    return found
