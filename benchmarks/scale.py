"""What 100,000 titles are to Dagster: its tables filled as a day of sweeps would, its questions timed."""

import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import psycopg
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from benchmarks.case import Figures, Machine
from benchmarks.events import a_reading, own_dagster
from ingram_assets.defs.keys import ISBNS, ISBNS_NAME, STOCK
from ingram_assets.defs.reading_events import latest_readings, stale_readings
from ingram_demo.embedded.postgres import Postgres

_COPY = """
INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
SELECT run_id, replace(event, %(old)s, isbn), dagster_event_type, now() AT TIME ZONE 'utc', step_key,
       asset_key, isbn
FROM (SELECT * FROM event_logs WHERE partition = %(old)s) one, unnest(%(isbns)s::text[]) isbn
"""


def scale(machine: Machine, *, titles: int) -> Iterator[Figures]:
    """Seconds of each question that a sweep, a sensor or the UI asks, over two readings of every title."""
    yield from questions(machine.shop.stack.postgres, titles)


def questions(postgres: Postgres, titles: int) -> Iterator[Figures]:
    """The same, on any server."""
    isbns = [f"978{number:010d}" for number in range(titles)]
    sizes = {"titles": titles, "readings_a_title": 2}
    with tempfile.TemporaryDirectory() as folder, own_dagster(postgres, folder) as (instance, url):

        @dg.op
        def read_one(context: dg.OpExecutionContext) -> None:
            context.log_event(a_reading(0))

        @dg.job
        def reading() -> None:
            read_one()

        seconds = _timed(lambda: instance.add_dynamic_partitions(ISBNS_NAME, isbns))
        yield {"what": "add the partitions", "sizes": sizes, "seconds": seconds}
        reading.execute_in_process(instance=instance)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_COPY, {"old": isbns[0], "isbns": isbns[1:]})
            before = _size(connection)
            connection.execute(_COPY, {"old": isbns[0], "isbns": isbns[1:]})
            connection.execute("ANALYZE")
            grown = _size(connection) - before
        yield {
            "what": "event log of one sweep",
            "sizes": sizes,
            "megabytes": grown / 1e6,
            "bytes_per_reading": grown / titles,
        }
        now = time.time()
        asked: dict[str, Callable[[], Any]] = {
            "list the partitions": lambda: instance.get_dynamic_partitions(ISBNS_NAME),
            "each title's last reading (a sweep's order)": lambda: latest_readings(instance),
            "which titles are stale (the standing check)": lambda: stale_readings(instance, 7200, now, 20),
            "partitions that were ever made (sensors)": lambda: instance.get_materialized_partitions(STOCK),
            "status of all partitions, cold (the UI)": lambda: _statuses(instance),
            "status of all partitions, cached (the UI)": lambda: _statuses(instance),
        }
        for what, question in asked.items():
            yield {"what": what, "sizes": sizes, "seconds": _timed(question)}


def _statuses(instance: dg.DagsterInstance) -> None:
    get_and_update_asset_status_cache_value(instance, STOCK, ISBNS)


def _size(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_total_relation_size('event_logs')").fetchone()
    assert row is not None
    return int(row[0])


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
