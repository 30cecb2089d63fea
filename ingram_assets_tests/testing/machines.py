"""A shop on several machines: code servers on one, a broker, and a worker of each location on others."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from ingram_assets.cli import launch
from ingram_assets.runtime.instance import code_server_argv, dagster_instance
from ingram_assets.runtime.ports import free_port, port_open
from ingram_assets.runtime.processes import Child, Supervisor
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_assets_tests.testing.dagster_internals import GrpcServerTarget, WorkspaceProcessContext
from ingram_demo.embedded.redis import Redis, start_redis

ROOT = Path(__file__).parents[2]
OWN_FILE = {
    "scraper": "IPAGE_USERNAME=user\nIPAGE_PASSWORD=pass\nIPAGE_MFA=prompt\n"
    "QUEUE_DB_URL={database}\nR2_ENDPOINT=http://127.0.0.1:1\nR2_ACCESS_KEY_ID=key\n"
    "R2_SECRET_ACCESS_KEY=secret\nR2_BUCKET_NAME=covers\nR2_PUBLIC_URL=http://127.0.0.1:2\n",
    "operations": "ALERT_URLS=json://127.0.0.1\n",
}
"""What stands in the file of each location that has a machine here; `database` is one that lets it in."""
DEFINITIONS = """
import os, time
import dagster as dg
from ingram_assets.defs.events import classified

@dg.op
def tell(context):
    knows = [name for name in ("IPAGE_PASSWORD", "ALERT_URLS") if name in os.environ]
    context.log.info(f"It knows {knows}.")

@dg.op
def stay(context):
    with classified():
        context.log.info("It waits.")
        time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def short(): tell()

@dg.job(executor_def=dg.in_process_executor)
def long(): stay()

defs = dg.Definitions(jobs=[short, long])
"""
Eventually = Callable[..., None]


@dataclass
class Machines:
    """The shop: `launch` on its first machine, workers on others."""

    supervisor: Supervisor
    instance: DagsterInstance
    redis: Redis
    folder: Path
    ports: dict[str, int]
    postgres: str = field(repr=False)
    results: str | None = field(default=None, repr=False)

    def launch(self, location: str, job: str, *, queued: bool = False) -> str:
        """A run of the location's job, sent to its workers, or left to the queue's daemon: its id."""
        return launch.launch(launch.CodeServer(location, self.ports[location], is_queued=queued), job, {})

    def run(self, run_id: str) -> DagsterRun:
        """The run as it is now."""
        run = self.instance.get_run_by_id(run_id)
        assert run
        return run

    def said(self, run_id: str) -> list[str]:
        """What the run logged."""
        return [one.user_message for one in self.instance.all_logs(run_id)]

    def waits(self, run_id: str) -> bool:
        """Whether a run of `long` is at its work."""
        return self.run(run_id).status == DagsterRunStatus.STARTED and "It waits." in self.said(run_id)

    def machine(self, location: str, broker: str) -> Path:
        """The folder of the settings of a machine that has a worker of this location."""
        results = f"CELERY_RESULT_BACKEND_URL={self.results}\n" if self.results else ""
        folder = self.folder / f"machine-of-{location}"
        folder.mkdir(exist_ok=True)
        for name, text in (
            (".env", f"DAGSTER_PG_URL={self.postgres}\nCELERY_BROKER_URL={broker}\n{results}"),
            (f".env.{location}", OWN_FILE[location].format(database=self.postgres)),
        ):
            (folder / name).touch(0o600)
            (folder / name).write_text(text)
        return folder

    @contextmanager
    def worker(self, location: str, *options: str) -> Iterator[Child]:
        """A worker of the location on a machine with that location's settings alone."""
        machine = self.machine(location, self.redis.url)
        child = self.supervisor.start(
            f"worker-{location}",
            [sys.executable, "-m", "ingram_assets.cli", "worker", location, *options],
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": f"{self.folder}:{ROOT}",
                "INGRAM_ENV_DIR": str(machine),
            },
            ready=lambda: f"{location}-" in (log := _text(self.supervisor, location)) and " ready." in log,
            ready_seconds=120,
        )
        try:
            yield child
        finally:
            self.supervisor.stop(f"worker-{location}")
            (self.supervisor.folder / "logs" / f"worker-{location}.log").unlink(missing_ok=True)

    @contextmanager
    def workspace(self, location: str) -> Iterator[WorkspaceProcessContext]:
        """What the daemon has of a location."""
        port = self.ports[location]
        target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name=location)
        with WorkspaceProcessContext(self.instance, target) as workspace:
            yield workspace


def _text(supervisor: Supervisor, location: str) -> str:
    log = supervisor.folder / "logs" / f"worker-{location}.log"
    return log.read_text(errors="replace") if log.exists() else ""


@contextmanager
def running_machines(folder: Path, postgres: str, *, keeps_results: bool = False) -> Iterator[Machines]:
    """The first machine at work, with code servers and the broker; Dagster's tables are in `postgres`.

    `keeps_results`: how runs ended is kept, in the broker's Redis.
    It writes to the environment: use it where that is kept.
    """
    (folder / "a_location.py").write_text(DEFINITIONS)
    with Supervisor(folder / "up", grace_seconds=60) as supervisor:
        redis = start_redis(supervisor, folder / "redis")
        results = f"{redis.url.removesuffix('/0')}/1" if keeps_results else None
        settings = {
            "DAGSTER_PG_URL": postgres,
            "CELERY_RESULT_BACKEND_URL": results or "",
            "CELERY_BROKER_URL": redis.url,
            "INGRAM_STATE_DIR": str(folder / "state"),
        }
        with dagster_instance(load(CommonSettings, settings)) as instance:
            ports = {}
            for location in OWN_FILE:
                ports[location] = free_port()
                argv = code_server_argv(location, ports[location])
                argv[argv.index("--module-name") + 1] = "a_location"
                told = ("DAGSTER_HOME", "DAGSTER_PG_URL", "CELERY_BROKER_URL")
                supervisor.start(
                    f"code-{location}",
                    argv,
                    env={
                        "PATH": "/usr/bin:/bin",
                        "PYTHONPATH": f"{folder}:{ROOT}",
                        **{name: os.environ[name] for name in told},
                    },
                    ready=port_open(ports[location]),
                    ready_seconds=120,
                )
            yield Machines(supervisor, instance, redis, folder, ports, postgres, results)
