"""Sweeps of very many titles on two workers: what the site sees, and what it takes of the machines."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import psycopg

from benchmarks.case import Figures, Machine
from ingram_assets_tests.testing.processes import TOOLS
from ingram_assets_tests.testing.several_machines import Cluster, running_cluster
from ingram_demo.embedded.chromium import ensure_chromium

_LIMIT = 8
_EVERY = 5.0
_QUESTION = """{ assetNodeOrError(assetKey: {path: ["ipage", "stock"]}) {
    ... on AssetNode { partitionStats { numMaterialized } } } }"""
"""What the page asks of an asset with a partition for each title."""


def several_machines(machine: Machine, *, titles: int, latency_ms: int) -> Iterator[Figures]:
    """Two workers of two runs each, four shards, one simulated site that counts what is in flight.

    Two sweeps: in the first the titles become known, in the second nothing may grow any more.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ingram-bench-") as folder,
        running_cluster(
            Path(folder),
            titles=titles,
            chromium=ensure_chromium(TOOLS),
            latency_ms=latency_ms,
            shard_size=-(-titles // 4),
            limit=_LIMIT,
        ) as cluster,
    ):
        sizes = {"titles": titles, "latency_ms": latency_ms, "workers": 2, "shards": 4, "limit": _LIMIT}
        with cluster.worker("second"), cluster.worker("third"):
            for number, name in enumerate(("first sweep", "second sweep"), start=1):
                pages, rows = _pages(cluster), _rows(cluster)
                began = time.monotonic()
                memory, answers = _watched(cluster, number)
                seconds = time.monotonic() - began
                asked = cluster.site.requests(log=False)
                yield {
                    "what": name,
                    "sizes": sizes,
                    "seconds": seconds,
                    "ms_per_title": 1000 * seconds / titles,
                    "pages_asked_for": _pages(cluster) - pages,
                    "requests_in_flight_at_most": asked["max_running"],
                    "sign_ins": asked["sign_ins"],
                    "titles_read": cluster.read(),
                    "events_per_title": (_rows(cluster) - rows) / titles,
                    "page_answered_in_seconds": {
                        "median": statistics.median(answers),
                        "longest": max(answers),
                    },
                }
                yield from _memory(name, sizes, seconds, memory)


def _memory(sweep: str, sizes: Figures, seconds: float, memory: dict[str, list[float]]) -> Iterator[Figures]:
    for name, sizes_mb in memory.items():
        if len(sizes_mb) * _EVERY < seconds / 4 or max(sizes_mb) < 20:
            continue  # It came and went, or is a helper's.
        half = len(sizes_mb) // 2
        yield {
            "what": f"{sweep}, memory of {name}",
            "sizes": sizes,
            "seconds": seconds,
            "megabytes": {
                "first": sizes_mb[0],
                "at most until half": max(sizes_mb[: half + 1]),
                "at most after half": max(sizes_mb[half:]),
            },
        }


def _watched(cluster: Cluster, sweeps: int) -> tuple[dict[str, list[float]], list[float]]:
    """Until so many are complete: resident megabytes by process, and seconds of Dagster's page's answers."""
    memory: dict[str, list[float]] = {}
    answers: list[float] = []
    while cluster.sweeps() < sweeps:
        for name, process in _processes(cluster):
            with suppress(psutil.Error):
                memory.setdefault(name, []).append(process.memory_info().rss / 1e6)
        began = time.monotonic()
        with suppress(httpx.HTTPError):
            httpx.post(f"{cluster.page}/graphql", json={"query": _QUESTION}, timeout=60).raise_for_status()
        answers.append(time.monotonic() - began)
        time.sleep(_EVERY)
    return memory, answers


def _pages(cluster: Cluster) -> int:
    return int(cluster.site.requests(log=False)["by_kind"].get("product", 0))


def _processes(cluster: Cluster) -> Iterator[tuple[str, psutil.Process]]:
    """The product's own; PostgreSQL's, a process for each connection, share what they hold."""
    for name, child in cluster.supervisor.children.items():
        if name == "postgres":
            continue
        with suppress(psutil.Error):
            root = psutil.Process(child.pid)
            yield name, root
            for process in root.children(recursive=True):
                yield f"{name}, process {process.pid}", process


def _rows(cluster: Cluster) -> int:
    with psycopg.connect(cluster.settings["DAGSTER_PG_URL"]) as connection:
        (row,) = connection.execute("SELECT count(*) FROM event_logs").fetchall()
    return int(row[0])
