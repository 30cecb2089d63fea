"""How long the queue takes to record stock, 1,000 readings a call, and to follow the changes."""

import itertools
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple, TypeVar

import psutil
import psycopg

from ingram_assets.domain.isbn import check_digit_13
from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.schema import migrate
from ingram_assets.staging.writer import QueueWriter
from ingram_demo.embedded.postgres import Postgres

T = TypeVar("T")

TITLES = 10_000
ROUNDS = 5
_PAGE = {"publication_date": "2021-05-04", "srp_price": "18.99", "publisher_status": "Available"}


def measure(postgres: Postgres) -> Iterator[dict[str, Any]]:
    """Figures as JSON-ready mappings, in a database of its own on this server.

    Every title has its details, so that rows have the size of real ones. Seconds are of whole recordings,
    with spelling the rows: the median of `ROUNDS`. `call_seconds` are those of them in which the database is
    called, one round trip for 1,000 rows. `processor_seconds` is what the server and this process worked for
    it: on two quiet cores about the same as the seconds, however busy the machine is.
    """
    database = "benchmark_queue"
    owner = postgres.create_database(database)
    try:
        migrate(owner, writer_role="benchmark_writer", reader_role="benchmark_reader")
        password = secrets.token_urlsafe()
        with psycopg.connect(owner, autocommit=True) as connection:
            for role in ("benchmark_writer", "benchmark_reader"):
                connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
        with (
            _TimedWriter(postgres.url(database, "benchmark_writer", password)) as writer,
            QueueReader(postgres.url(database, "benchmark_reader", password)) as reader,
        ):
            rows = _titles()
            writer.add_titles(rows[:1])
            reader.summary()
            clock = _Clock(owner, writer)
            yield _figure(f"add {TITLES:,} titles", [clock(lambda: writer.add_titles(rows))])
            minutes = itertools.count()

            def record(titles: int, moved: int, *, every: int = 1) -> _Took:
                at = datetime.now(UTC) - timedelta(days=1) + timedelta(minutes=next(minutes))
                readings = _readings(at, moved, every)[:titles]
                return clock(lambda: writer.record_stock(readings))

            record(TITLES, 0)
            for titles in (1_000, TITLES):
                changed = [record(titles, round_ + 1) for round_ in range(ROUNDS)]
                yield _figure(f"record {titles:,} readings, all changed", changed)
                record(titles, 0)
                some = [record(titles, round_ + 1, every=20) for round_ in range(ROUNDS)]
                yield _figure(f"record {titles:,} readings, one in 20 changed", some)
                record(titles, ROUNDS)
                unchanged = [record(titles, ROUNDS) for _ in range(ROUNDS)]
                yield _figure(f"record {titles:,} readings, none changed", unchanged)
            pages = [clock(lambda: reader.changes_since(None, 1_000)) for _ in range(ROUNDS)]
            yield _figure("read a page of 1,000 changes", pages)
    finally:
        postgres.drop_database(database)
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS benchmark_writer, benchmark_reader")


class _TimedWriter(QueueWriter):
    """A writer that counts the seconds in which it calls the database."""

    in_calls = 0.0

    def run(self, doing: str, work: Callable[[psycopg.Connection], T]) -> T:
        began = time.perf_counter()
        try:
            return super().run(doing, work)
        finally:
            self.in_calls += time.perf_counter() - began


class _Took(NamedTuple):
    seconds: float
    calls: float
    processor: float


class _Clock:
    """Times a recording, and counts what the two sessions of the benchmark's roles worked for it."""

    def __init__(self, owner: str, writer: _TimedWriter) -> None:
        self._writer = writer
        with psycopg.connect(owner) as connection:
            sessions = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename IN ('benchmark_writer', 'benchmark_reader')"
            ).fetchall()
        self._processes = [psutil.Process(pid) for (pid,) in sessions]

    def __call__(self, work: Callable[[], object]) -> _Took:
        began, in_calls, worked = time.perf_counter(), self._writer.in_calls, self._worked()
        work()
        return _Took(time.perf_counter() - began, self._writer.in_calls - in_calls, self._worked() - worked)

    def _worked(self) -> float:
        return time.process_time() + sum(sum(one.cpu_times()[:2]) for one in self._processes)


def _figure(what: str, took: list[_Took]) -> dict[str, Any]:
    calls = median(each.calls for each in took)
    return {
        "benchmark": f"queue: {what}",
        "seconds": round(median(each.seconds for each in took), 4),
        **({"call_seconds": round(calls, 4)} if calls else {}),
        "processor_seconds": round(median(each.processor for each in took), 4),
        "rounds": len(took),
    }


def _titles() -> list[dict[str, Any]]:
    return [
        {
            "isbn": isbn,
            "title": f"The Long Way to Title {number}",
            "author": "Somebody Somewhere",
            "publisher": "A Publisher",
            **_PAGE,
            "description": "What it is about, in a few hundred words. " * 20,
            "bisac": ["Fiction | Science Fiction | Space Opera"],
        }
        for number, isbn in enumerate(_isbns())
    ]


def _readings(observed_at: datetime, moved: int, every: int = 1) -> list[dict[str, Any]]:
    """A reading a title; at one in `every` of them as many copies were sold as `moved` says.

    What else each page says is what is known, as it is of nearly every page.
    """
    stock = {
        "TN": DcStock(410, 0, "primary"),
        "PA": DcStock(12, None, "secondary"),
        "IN": DcStock(0, 30),
        "OR": DcStock(7, 0),
    }
    other = {**stock, "TN": DcStock(410 - moved, 0, "primary")}
    details = {**_PAGE, "restrictions": []}
    return [
        {
            "isbn": isbn,
            "observed_at": observed_at,
            "stock": stock if place % every else other,
            "details": details,
        }
        for place, isbn in enumerate(_isbns())
    ]


def _isbns() -> list[str]:
    firsts = (f"978{number:09d}" for number in range(TITLES))
    return [first + check_digit_13(first) for first in firsts]
