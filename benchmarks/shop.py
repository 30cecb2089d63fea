"""The whole shop as the benchmarks use it: every real server, and no run that nobody asked for."""

import logging
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psutil
from rich.console import Console

from ingram_assets.cli.launch import follow
from ingram_assets.defs.keys import ISBNS_NAME
from ingram_assets.overview.run_results import RunResult
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.runtime.processes import Child
from ingram_assets.settings.environment import LOCATIONS
from ingram_assets.staging.schema import let_in
from ingram_assets.staging.writer import QueueWriter
from ingram_demo.phases import Phases
from ingram_demo.stack import Stack, running_stack

TITLES = 10_000
"""In the simulated site's catalog. A case tracks the first so many of them."""

_PACE = {"SENSOR_INTERVAL": "10"}
_ONE_TITLE = ("--dial", 'export_as="404"', "--dial", "search_shows=1")
"""Discovery, which a fresh shop begins with by itself, finds at most one: the cases say what is tracked."""

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
_SENSORS = """
query Sensors($selector: RepositorySelector!) {
  sensorsOrError(repositorySelector: $selector) {
    ... on Sensors { results { minIntervalSeconds sensorState { id status } } }
  }
}
"""
_START_SENSOR = """
mutation Start($selector: SensorSelector!) { startSensor(sensorSelector: $selector) { __typename } }
"""
_STOP_SENSOR = "mutation Stop($id: String!) { stopSensor(id: $id) { __typename } }"


def _repository(location: str) -> dict[str, str]:
    return {"repositoryLocationName": location, "repositoryName": "__repository__"}


@dataclass(frozen=True, slots=True)
class Finished:
    """A launched run, from Dagster's own records. Seconds; `peak_mb` is of the run's worker process.

    Attributes:
        waited: from the launch to the run's start event: the queue, a process, its imports.
        seconds: from the start event to success.
    """

    result: RunResult
    waited: float
    seconds: float
    peak_mb: float

    @property
    def counts(self) -> dict[str, int]:
        """What its steps report."""
        return {name: count for report in self.result.reports for name, count in report["counts"].items()}


class Shop:
    """A running stack, in which nothing starts by itself."""

    def __init__(self, stack: Stack, instance: dg.DagsterInstance) -> None:
        self.stack, self.instance = stack, instance
        self.simulator = stack.simulator
        self._http = httpx.Client(timeout=120, trust_env=False)

    @cached_property
    def isbns(self) -> Sequence[str]:
        """The catalog, in a fixed order."""
        return self.simulator.isbns()

    def queue_writer(self) -> QueueWriter:
        """The queue, as the scraper opens it. Use as a context manager."""
        return QueueWriter(self.stack.url("catalog_import", "ingram_queue_writer"))

    def track(self, titles: int) -> Sequence[str]:
        """Track the first so many titles of the catalog, as discovery would; their ISBNs."""
        isbns = self.isbns[:titles]
        book = self.simulator.book()
        with self.queue_writer() as queue:
            rows = [{"isbn": isbn, "title": book[isbn]["title"], "srp_price": "18.99"} for isbn in isbns]
            queue.add_titles(rows, fill_only=True)
        self.instance.add_dynamic_partitions(ISBNS_NAME, list(isbns))
        return isbns

    def rest(self) -> None:
        """Return once no run is queued or at work."""
        while self.instance.get_runs(dg.RunsFilter(statuses=UNFINISHED), limit=1):
            time.sleep(0.5)

    def start_sensor(self, location: str, name: str) -> None:
        """Turn one sensor on."""
        selector = {**_repository(location), "sensorName": name}
        self._ask(_START_SENSOR, selector=selector)

    def sensor_intervals(self) -> list[float]:
        """How many seconds each sensor lets pass between two ticks."""
        return [
            float(sensor["minIntervalSeconds"])
            for location in LOCATIONS
            for sensor in self._ask(_SENSORS, selector=_repository(location))["sensorsOrError"]["results"]
        ]

    def stop_sensors(self) -> None:
        """Turn every sensor off, and return once nothing is left of what they had begun."""
        quiet = 0
        while quiet < 3:
            running = False
            for location in LOCATIONS:
                for sensor in self._ask(_SENSORS, selector=_repository(location))["sensorsOrError"][
                    "results"
                ]:
                    # A tick under way writes its sensor's state back: as running, if it began so.
                    if sensor["sensorState"]["status"] == "RUNNING":
                        running = True
                        self._ask(_STOP_SENSOR, id=sensor["sensorState"]["id"])
            running = running or bool(self.instance.get_runs(dg.RunsFilter(statuses=UNFINISHED), limit=1))
            quiet = 0 if running else quiet + 1
            time.sleep(2)

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """What Dagster's web server answers."""
        asked = self._http.post(f"{self.stack.ui_url}/graphql", json={"query": query, "variables": variables})
        answer = asked.raise_for_status().json()
        if "errors" in answer:
            raise RuntimeError(f"Dagster refuses: {answer['errors']}")
        return dict(answer["data"])

    def run_asset(self, location: str, asset: dg.AssetKey) -> Finished:
        """Materialize an asset as a person does in the UI: through its web server and the run queue."""
        selector = {"jobName": "__ASSET_JOB", "assetSelection": [{"path": asset.path}]}
        return self._run(location, selector, {})

    def run_job(self, location: str, job: str, config: Mapping[str, Any]) -> Finished:
        """Run a job, started in the same way."""
        return self._run(location, {"jobName": job}, config)

    def _run(self, location: str, selector: Mapping[str, Any], config: Mapping[str, Any]) -> Finished:
        params = {"selector": {**_repository(location), **selector}, "runConfigData": config}
        with PeakMemory(self.stack.supervisor.children[location]) as memory:
            launched = self._ask(_LAUNCH, params=params)["launchRun"]
            if launched["__typename"] != "LaunchRunSuccess":
                raise RuntimeError(f"The run was not launched: {launched}")
            result = follow(self.instance, launched["run"]["runId"])
        if not result.succeeded:
            raise RuntimeError(f"{selector} failed: {result.error}")
        record = self.instance.get_run_record_by_id(result.run_id)
        assert record is not None
        assert record.start_time is not None
        assert record.end_time is not None
        return Finished(
            result,
            waited=record.start_time - record.create_timestamp.timestamp(),
            seconds=record.end_time - record.start_time,
            peak_mb=memory.peak / 1e6,
        )


UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@contextmanager
def running_shop(pace: Mapping[str, str] = _PACE) -> Iterator[Shop]:
    """Start everything in a folder of its own, with every sensor off, and clear it all away at the end."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    phases = Phases(Console(stderr=True, highlight=False))
    with (
        tempfile.TemporaryDirectory(prefix="ingram-bench-", ignore_cleanup_errors=True) as folder,
        running_stack(Path(folder), phases, pace, titles=TITLES, simulator_arguments=_ONE_TITLE) as stack,
        dagster_instance(stack.common) as instance,
    ):
        shop = Shop(stack, instance)
        # More new titles than a shop has in a day; a person lets them in there too.
        let_in(stack.url("catalog_import", "queue_owner"), 10 * TITLES)
        shop.stop_sensors()
        phases.say("Everything is up.")
        yield shop


class PeakMemory:
    """The greatest resident memory, in bytes, of any one run worker of a code server, looked at often."""

    def __init__(self, server: Child) -> None:
        self.peak = 0
        self._server = server
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._looking.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._over.wait(0.2):
            with suppress(psutil.NoSuchProcess):
                for worker in psutil.Process(self._server.pid).children(recursive=True):
                    if "python" in worker.name():
                        self.peak = max(self.peak, worker.memory_info().rss)
