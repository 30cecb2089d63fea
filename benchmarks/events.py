"""What Dagster takes to write down a title's reading: an event of a partition, in one run, on PostgreSQL."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from benchmarks.case import Figures, Machine
from ingram_assets.defs.events import log_materializations
from ingram_assets.defs.keys import STOCK
from ingram_assets.runtime.instance import EVENT_BATCH_SIZE, dagster_instance
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_demo.embedded.postgres import Postgres

BATCH = 100
"""As many as a sweep logs at once."""


def events(machine: Machine, *, titles: int) -> Iterator[Figures]:
    """Milliseconds an event, in batches, as a sweep logs them; then one by one, as Dagster would."""
    postgres = machine.shop.stack.postgres
    with tempfile.TemporaryDirectory() as folder, own_dagster(postgres, folder) as (instance, _):
        batched = _measure(instance, titles, one_by_one=False)
        yield {"what": "materializations of partitions, in batches, as a sweep logs them", **batched}
        alone = _measure(instance, titles // 10, one_by_one=True)
        yield {"what": "materializations of partitions, one by one, for comparison", **alone}


@contextmanager
def own_dagster(postgres: Postgres, folder: str) -> Iterator[tuple[dg.DagsterInstance, str]]:
    """A Dagster instance on a database of its own, in this process, and the database's URL."""
    url = postgres.create_database("benchmark_dagster")
    kept = {name: os.environ.get(name) for name in ("DAGSTER_HOME", "DAGSTER_PG_URL")}
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = EVENT_BATCH_SIZE
    try:
        with dagster_instance(
            load(CommonSettings, {"DAGSTER_PG_URL": url, "INGRAM_STATE_DIR": folder})
        ) as instance:
            yield instance, url
    finally:
        del os.environ["DAGSTER_EVENT_BATCH_SIZE"]
        os.environ.update({name: value for name, value in kept.items() if value is not None})
        postgres.drop_database("benchmark_dagster")


def _measure(instance: dg.DagsterInstance, titles: int, *, one_by_one: bool) -> dict[str, Any]:
    """What logging takes within a run. `processor` is of this process: the rest is PostgreSQL, or waiting."""
    taken: list[float] = []

    @dg.op
    def log_all(context: dg.OpExecutionContext) -> None:
        made = [a_reading(number) for number in range(titles)]
        began, worked = time.perf_counter(), time.process_time()
        if one_by_one:
            for one in made:
                context.log_event(one)
        else:
            for first in range(0, titles, BATCH):
                log_materializations(context, made[first : first + BATCH])
        taken.extend((time.perf_counter() - began, time.process_time() - worked))

    # Without a line on the console for each event, of which a launched run has a file.
    @dg.job(logger_defs={})
    def logging_job() -> None:
        log_all()

    result = logging_job.execute_in_process(instance=instance)
    logged = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert len(logged) == titles, "every event is there"
    return {
        "sizes": {"events": titles},
        "seconds": taken[0],
        "ms_per_event": 1000 * taken[0] / titles,
        "processor_ms_per_event": 1000 * taken[1] / titles,
        "ratio": 1000 * taken[0] / titles / 2.0,
    }


def a_reading(number: int) -> dg.AssetMaterialization:
    """As large as a reading's own."""
    by_dc = [
        dg.TableRecord({"dc": dc, "role": "other", "on_hand": str(number % 90), "on_order": "0"})
        for dc in ("TN", "PA", "IN", "OR")
    ]
    return dg.AssetMaterialization(
        STOCK,
        partition=f"978{number:010d}",
        metadata={
            "title": f"The Long Way to Title {number}",
            "status": "in_stock",
            "changed": number % 10 == 0,
            "outcome": "unchanged",
            "observed_at": dg.MetadataValue.timestamp(time.time()),
            "page_seconds": 0.151,
            "by_dc": dg.MetadataValue.table(by_dc),
            "page": dg.MetadataValue.url(f"http://127.0.0.1/ipage/productdetail?ean_id=978{number:010d}"),
            "cover": dg.MetadataValue.url(f"http://127.0.0.1/covers/raw/978{number:010d}.jpg"),
            "on_hand": number % 90,
            "on_order": 0,
            "age_before_minutes": 60.0,
        },
    )
