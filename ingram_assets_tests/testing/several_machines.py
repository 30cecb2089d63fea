"""A scraper on several machines: `ingram up` on one, workers on others, one simulated site for all."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from ingram_assets.defs.keys import ISBNS_NAME, SHARD_JOB, STOCK_SWEEP, SWEEP_TAG
from ingram_assets.defs.reading_events import latest_readings
from ingram_assets.runtime.broker import WORKER_TAG
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.runtime.processes import Child, Supervisor
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.staging.schema import let_in
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.oracle import counts_of
from ingram_assets_tests.testing.processes import environment_kept
from ingram_assets_tests.testing.queue import Queue, migrated
from ingram_assets_tests.testing.shared_site import KEY
from ingram_demo.embedded.postgres import Postgres, start_postgres
from ingram_demo.embedded.redis import Redis, start_redis
from ingram_demo.embedded.s3 import start_s3
from ingram_demo.simulator import Simulator, running_simulator

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"
MACHINE = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}


@dataclass
class Cluster:
    """The machines, what they share, and what is asked of them. `limit`: requests in flight at most."""

    supervisor: Supervisor
    site: Simulator
    queue: Queue
    redis: Redis
    postgres: Postgres
    instance: DagsterInstance
    limit: int
    settings: Mapping[str, str] = field(repr=False)
    folder: Path

    @contextmanager
    def worker(self, name: str, *, runs: int = 2) -> Iterator[Child]:
        """A machine that does runs of the scraper, with a state folder of its own."""
        state = self.folder / name
        log = self.supervisor.folder / "logs" / f"{name}.log"
        before = log.read_text(errors="replace").count(" ready.") if log.exists() else 0
        child = self.supervisor.start(
            name,
            [sys.executable, "-m", "ingram_assets.cli", "worker", "scraper", "--concurrency", str(runs)],
            env={**MACHINE, **self.settings, "INGRAM_STATE_DIR": str(state)},
            ready=lambda: log.exists() and log.read_text(errors="replace").count(" ready.") > before,
            ready_seconds=180,
        )
        try:
            yield child
        finally:
            self.supervisor.stop(name)

    @property
    def page(self) -> str:
        """Where Dagster's page is."""
        said = (self.supervisor.folder / "logs" / "ingram-up.log").read_text(errors="replace")
        return next(word for word in said.split() if word.startswith("http://"))

    def read(self) -> int:
        """How many titles were read so far."""
        return len(latest_readings(self.instance))

    def sweeps(self) -> int:
        """How many sweeps were complete so far."""
        return len(self.instance.fetch_materializations(STOCK_SWEEP, limit=1000).records)

    def shards(self, *, at_work: bool = False) -> list[DagsterRun]:
        """The runs of the sweep whose shards were asked for last, or those of them that are at work."""
        newest = self.instance.get_runs(RunsFilter(job_name=SHARD_JOB), limit=1)
        tags = {SWEEP_TAG: newest[0].tags[SWEEP_TAG]} if newest else {}
        runs = self.instance.get_runs(RunsFilter(job_name=SHARD_JOB, tags=tags)) if newest else []
        return [run for run in runs if not at_work or run.status == DagsterRunStatus.STARTED]

    def workers_of(self, runs: list[DagsterRun]) -> set[str]:
        """Which workers did these runs."""
        return {run.tags[WORKER_TAG] for run in runs if WORKER_TAG in run.tags}

    def pages(self) -> list[dict[str, Any]]:
        """The requests for titles' pages since they were counted anew, in their order."""
        log = [one for one in self.site.requests()["log"] if one["kind"] == "product"]
        return sorted(log, key=lambda one: one["started"])

    def assert_is_the_book(self) -> None:
        """The queue knows of each title once what the site says now, and no reading twice."""
        rows = self.queue.sql("SELECT isbn, stock_json FROM ingram_current_titles")
        truth = {isbn: of["stock"] for isbn, of in self.site.book().items() if of["stock"] is not None}
        known = {isbn: counts_of(stock) for isbn, stock in rows}
        assert {isbn: known[isbn] for isbn in truth} == truth
        assert len(rows) == len(known)
        doubled = "SELECT isbn FROM ingram_stock_history GROUP BY isbn, stock_observed_at HAVING count(*) > 1"
        assert not self.queue.sql(doubled)

    def kill_server(self, name: str) -> None:
        """Redis or PostgreSQL, at once and without a word; both are brought back with what they had."""
        pid = self.redis.child.pid
        if name == "postgres":
            pid = int((self.folder.parent / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        psutil.Process(pid).kill()

    def waits_for_pages(self, pages: int, seconds: float = 240) -> None:
        """Until so many pages were asked for, since they were counted anew."""
        end = time.monotonic() + seconds
        while self.site.requests(log=False)["by_kind"].get("product", 0) < pages:
            assert time.monotonic() < end, f"no {pages} pages within {seconds:g} s"
            time.sleep(0.1)


@contextmanager
def running_cluster(
    folder: Path, *, titles: int, chromium: Path, latency_ms: float, shard_size: int = 100, limit: int = 4
) -> Iterator[Cluster]:
    """`ingram up` at work, and its databases, broker, bucket and site; no worker yet, so nothing is read.

    A sweep is due every minute, if the last one is over. The store is not there.
    """
    with (
        environment_kept(),
        Supervisor(folder / "up", grace_seconds=60) as supervisor,
        running_simulator(titles=titles) as site,
    ):
        site.set(latency_ms=latency_ms)
        postgres = start_postgres(supervisor, folder / "postgres")
        redis = start_redis(supervisor, folder / "redis")
        s3 = start_s3(supervisor, folder / "s3")
        queue = migrated(postgres, "queue")
        account, isbns = site.account, site.isbns()
        of_scraper = {
            "IPAGE_BASE_URL": site.url,
            "IPAGE_USERNAME": account.username,
            "IPAGE_PASSWORD": account.password,
            "IPAGE_ACCOUNT": account.account,
            "IPAGE_MFA": "totp",
            "IPAGE_TOTP_SECRET": account.totp_secret,
            "IPAGE_CONCURRENCY": str(limit),
            "SESSION_KEY": KEY,
            "BROWSER_EXECUTABLE": str(chromium),
            "QUEUE_DB_URL": queue.writer,
            "R2_ENDPOINT": s3.endpoint,
            "R2_ACCESS_KEY_ID": s3.key,
            "R2_SECRET_ACCESS_KEY": s3.secret,
            "R2_BUCKET_NAME": s3.bucket,
            "R2_PUBLIC_URL": s3.public_url,
            "OPEN_LIBRARY_COVERS_URL": NOWHERE,
            "SWEEP_SHARD_SIZE": str(shard_size),
            # All that may be read is what the sweeps take.
            "PAGES_PER_HOUR": str(titles * 60),
        }
        of_all = {
            "DAGSTER_PG_URL": postgres.create_database("dagster"),
            "INGRAM_STATE_DIR": str(folder / "first"),
            "CELERY_BROKER_URL": redis.url,
            "CELERY_RESULT_BACKEND_URL": f"{redis.url.removesuffix('/0')}/1",
            "STOCK_WARN_AFTER": "60",
            "SWEEP_RETRY_AFTER": "5",
            "SENSOR_INTERVAL": "2",
            "FRESHNESS_DAEMON_INTERVAL_SECONDS": "5",
        }
        of_up = {"INGRAM_PORT_UI": "0", "INGRAM_PORT_DESK": "0", "QUEUE_OWNER_DB_URL": queue.owner}
        of_storefront = {
            "QUEUE_DB_URL": queue.reader,
            "STOREFRONT_DB_URL": postgres.create_database("journal"),
            "MEDUSA_BACKEND_URL": NOWHERE,
            "MEDUSA_API_KEY": "sk_example",
        }
        files = {".env": of_all | of_up, ".env.scraper": of_scraper, ".env.storefront": of_storefront}
        for name, given in files.items():
            file = folder / name
            file.touch(mode=0o600)
            file.write_text("".join(f"{key}='{value}'\n" for key, value in given.items()))
        with dagster_instance(load(CommonSettings, of_all)) as instance:
            let_in(queue.owner, titles)  # As a person does, of more than a shop begins with.
            with QueueWriter(queue.writer) as writer:
                for some in batched(isbns, 1000):
                    writer.add_titles([{"isbn": isbn, "title": isbn} for isbn in some])
            instance.add_dynamic_partitions(ISBNS_NAME, isbns)
            log = supervisor.folder / "logs" / "ingram-up.log"
            supervisor.start(
                "ingram-up",
                [sys.executable, "-m", "ingram_assets.cli", "up"],
                env={**MACHINE, "INGRAM_ENV_DIR": str(folder)},
                ready=lambda: log.exists() and "http://" in log.read_text(errors="replace"),
                ready_seconds=180,
            )
            of_worker = of_all | of_scraper
            yield Cluster(
                supervisor, site, queue, redis, postgres, instance, limit, of_worker, folder / "machines"
            )


def batched(isbns: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The titles in lists of at most `size`."""
    for start in range(0, len(isbns), size):
        yield isbns[start : start + size]


def kill(child: Child) -> None:
    """The process and all that it started, at once."""
    processes = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=30)
