"""What a shop that is left alone gathers: a real hour's rows, for sixty days, and what is forgotten daily."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg

from benchmarks.case import Figures, Machine
from benchmarks.shop import Shop
from benchmarks.store import push_titles
from ingram_assets.defs.keys import STOCK_SWEEP
from ingram_assets.defs.scraper.event_pruning import prune_events, prune_runs, vacuum

_OWN_KEPT = timedelta(days=400)
"""As `HISTORY_RETENTION_DAYS`, unless a shop says otherwise."""
_TICKS_KEPT = timedelta(days=2)
"""Of ticks that did nothing, nearly all: `retention` of `dagster.yaml`."""
_TOLD = (1, 7, 15, 30, 45, 60)
_AT = "%(day)s::timestamp + h * interval '1 hour'"
_RUN = {"run_id": "md5(run_id || %(day)s::text || h)"}
_TABLES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "dagster": {
        "runs": {
            **_RUN,
            "create_timestamp": _AT,
            "update_timestamp": _AT,
            "start_time": f"extract(epoch FROM {_AT})",
            "end_time": f"extract(epoch FROM {_AT})",
        },
        "run_tags": _RUN,
        "event_logs": {**_RUN, "timestamp": _AT},
        "asset_check_executions": {**_RUN, "create_timestamp": _AT},
    },
    "queue": {"ingram_stock_history": {"stock_observed_at": _AT, "stock_changed_at": _AT}},
    "journal": {"store_change": {**_RUN, "at": _AT}},
}
"""By database and table: what differs in a row that is copied to the hour `h` of a day."""


def growth(machine: Machine, *, titles: int, days: int) -> Iterator[Figures]:
    """Megabytes by table after so many days, a tenth of the titles changing each hour.

    The hour is real: a sweep, and the push of what changed. Its rows are copied to each hour of the days;
    after each day the daily job's own functions forget what is old by then.
    """
    shop = machine.shop
    isbns = shop.track(titles)
    shop.run_asset("scraper", STOCK_SWEEP)
    push_titles(shop, isbns)
    urls = {
        "dagster": shop.stack.url("dagster", "dagster"),
        "queue": shop.stack.url("catalog_import", "queue_owner"),
        "journal": shop.stack.url("storefront", "storefront"),
    }
    tables = [
        _Table(name, urls[of], changed) for of, some in _TABLES.items() for name, changed in some.items()
    ]
    for table in tables:
        table.hour_begins()
    shop.simulator.move_all([{"isbn": isbn, "dc": "TN", "on_hand": 90 + titles % 7} for isbn in isbns[::10]])
    shop.run_asset("scraper", STOCK_SWEEP)
    push_titles(shop, isbns[::10])
    rows = {table.name: table.hour_ends() for table in tables}
    began = datetime.now(UTC) - timedelta(days=days + 1)
    sizes: dict[int, dict[str, float]] = {0: {table.name: table.megabytes() for table in tables}}
    for day in range(1, days + 1):
        at = began + timedelta(days=day)
        for table in tables:
            table.copy_day(at)
        now = at + timedelta(days=1)
        for _ in prune_events(shop.instance, now, _OWN_KEPT):
            pass
        prune_runs(shop.instance, now, _OWN_KEPT)
        vacuum(shop.instance)
        if day in _TOLD:
            sizes[day] = {table.name: table.megabytes() for table in tables}
    for table in tables:
        of = {day: each[table.name] for day, each in sizes.items()}
        last, before = max(of), sorted(of)[-2]
        yield {
            "what": f"{table.name}, megabytes by day",
            "sizes": {"titles": titles, "days": days, "changed_an_hour": len(isbns[::10])},
            "rows_an_hour": rows[table.name],
            "megabytes": {str(day): size for day, size in of.items()},
            "megabytes_a_day_at_first": of[1] - of[0],
            "megabytes_a_day_at_the_end": (of[last] - of[before]) / (last - before),
        }
    yield _ticks(shop, urls["dagster"])


@dataclass
class _Table:
    """A table that grows, and a real hour's rows of it."""

    name: str
    url: str = field(repr=False)
    changed: Mapping[str, str]
    columns: list[str] = field(init=False)

    def hour_begins(self) -> None:
        """Of what comes from now on the hour is made."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
            self.columns = [name for (name,) in connection.execute(query, [self.name]) if name != "id"]
            query = f"CREATE TABLE before_{self.name} AS SELECT id FROM {self.name}"
            connection.execute(query.encode())

    def hour_ends(self) -> int:
        """Keeps the hour's rows; how many they are."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            query = f"CREATE TABLE hour_{self.name} AS SELECT * FROM {self.name} t WHERE NOT EXISTS "
            query += f"(SELECT FROM before_{self.name} b WHERE b.id = t.id)"
            return connection.execute(query.encode()).rowcount

    def copy_day(self, day: datetime) -> None:
        """Adds the hour's rows for each hour of a day."""
        values = ", ".join(self.changed.get(column, f'"{column}"') for column in self.columns)
        names = ", ".join(f'"{column}"' for column in self.columns)
        query = f"INSERT INTO {self.name} ({names}) "
        query += f"SELECT {values} FROM hour_{self.name}, generate_series(0, 23) h"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(query.encode(), {"day": day.replace(tzinfo=None)})

    def megabytes(self) -> float:
        """With its indexes and what it keeps beside itself."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT pg_total_relation_size(%s)", [self.name]).fetchone()
        assert row is not None
        return float(row[0]) / 1e6


def _ticks(shop: Shop, url: str) -> Figures:
    """Ticks that are kept: what one takes, times how many come while the oldest is not yet forgotten."""
    a_day = sum(86_400 / seconds for seconds in shop.sensor_intervals())
    with psycopg.connect(url) as connection:
        query = "SELECT avg(pg_column_size(t)) FROM job_ticks t"
        row = connection.execute(query).fetchone()
    assert row is not None
    return {
        "what": "job_ticks, by arithmetic: ticks of two days, each as large as those of this shop",
        "sizes": {"ticks_a_day": a_day, "bytes": float(row[0])},
        "megabytes": a_day * float(row[0]) * _TICKS_KEPT.days / 1e6,
    }
