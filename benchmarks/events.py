"""What Dagster takes to write down a title's reading: an event of a partition, in one run, on PostgreSQL."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator

import dagster as dg

from benchmarks.case import Figures, Machine
from ingram_assets.locations.events import log_materializations
from ingram_assets.locations.keys import STOCK
from ingram_assets.runs import EVENT_BATCH_SIZE, dagster_instance
from ingram_assets.settings import CommonSettings, load

BATCH = 100
"""As many as a sweep logs at once."""


def events(machine: Machine, *, titles: int) -> Iterator[Figures]:
    """Milliseconds an event, in batches, as a sweep logs them; then one by one, as Dagster would."""
    postgres = machine.shop.stack.postgres
    url = postgres.create_database("benchmark_events")
    # Each event is also a line on the console, which is a file where a run is launched.
    logging.getLogger("dagster").setLevel(logging.INFO)
    kept = {name: os.environ.get(name) for name in ("DAGSTER_HOME", "DAGSTER_PG_URL")}
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = EVENT_BATCH_SIZE
    try:
        with tempfile.TemporaryDirectory() as folder:
            common = load(CommonSettings, {"DAGSTER_PG_URL": url, "INGRAM_STATE_DIR": folder})
            with dagster_instance(common) as instance:
                batched, rows = _seconds(instance, titles, one_by_one=False)
                yield _figures("in batches, as a sweep logs them", titles, batched, rows)
                few = titles // 10
                alone, rows = _seconds(instance, few, one_by_one=True)
                yield _figures("one by one, for comparison", few, alone, rows)
    finally:
        del os.environ["DAGSTER_EVENT_BATCH_SIZE"]
        os.environ.update({name: value for name, value in kept.items() if value is not None})
        postgres.drop_database("benchmark_events")


def _figures(what: str, titles: int, seconds: float, rows: int) -> Figures:
    return {
        "what": f"materializations of partitions, {what}",
        "sizes": {"events": titles, "rows_in_event_log": rows},
        "seconds": seconds,
        "ms_per_event": 1000 * seconds / titles,
        "ratio": 1000 * seconds / titles / 2.0,
    }


def _seconds(instance: dg.DagsterInstance, titles: int, *, one_by_one: bool) -> tuple[float, int]:
    """Seconds that logging takes within a run, and the rows that are in the event log for it."""
    taken: list[float] = []

    @dg.op
    def log_all(context: dg.OpExecutionContext) -> None:
        made = [_materialization(number) for number in range(titles)]
        began = time.perf_counter()
        if one_by_one:
            for one in made:
                context.log_event(one)
        else:
            for first in range(0, titles, BATCH):
                log_materializations(context, made[first : first + BATCH])
        taken.append(time.perf_counter() - began)

    @dg.job
    def logging_job() -> None:
        log_all()

    result = logging_job.execute_in_process(instance=instance)
    logged = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert len(logged) == titles, "every event is there"
    return taken[0], len(logged)


def _materialization(number: int) -> dg.AssetMaterialization:
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
