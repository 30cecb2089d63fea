"""The desk's board of many titles beside the bare query that reads them."""

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import psycopg
from fastapi import FastAPI
from starlette.requests import Request

from benchmarks.case import Figures
from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages import board as board_page
from ingram_assets.domain.isbn import check_digit_13
from ingram_assets.domain.stock import DcStock
from ingram_assets.overview.board import BoardQuery
from ingram_assets.overview.board_watch import BoardWatch, ShopSettings
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.schema import let_in, migrate
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import InStep, Journal
from ingram_demo.embedded.postgres import Postgres

_TIMES = 9
_BATCH = 1_000
_QUERIES = {
    "the first page": BoardQuery(),
    "a search": BoardQuery(search="title 99"),
    "a filter, sorted by price": BoardQuery(status="in_stock", sort="price", down=True),
    "the last page": BoardQuery(page=10**6),
}


def board(postgres: Postgres, *, titles: int) -> Iterator[Figures]:
    """Seconds of a page out of memory, and of reading all anew in the thread behind it, as ratios."""
    queue, journal_url = (
        postgres.create_database("benchmark_board"),
        postgres.create_database("benchmark_told"),
    )
    try:
        _fill(queue, journal_url, titles)
        with tempfile.TemporaryDirectory() as folder:
            yield from _figures(postgres, queue, journal_url, folder, titles)
    finally:
        for name in ("benchmark_board", "benchmark_told"):
            postgres.drop_database(name)


def _fill(queue: str, journal_url: str, titles: int) -> None:
    migrate(queue)
    let_in(queue, titles)
    at = datetime.now(UTC) - timedelta(minutes=30)
    isbns = [first + check_digit_13(first) for first in (f"978{number:09d}" for number in range(titles))]
    with QueueWriter(queue) as writer:
        for start in range(0, titles, _BATCH):
            part = isbns[start : start + _BATCH]
            writer.add_titles([{"isbn": one, "title": f"Title {one[-6:]}", "srp_price": "9"} for one in part])
            stock = {dc: DcStock(int(part[0][-4:]) % 50, 4) for dc in ("TN", "PA", "IN", "OR")}
            writer.record_stock([{"isbn": one, "observed_at": at, "stock": stock} for one in part])
    with QueueReader(queue) as reader, Journal(journal_url) as journal:
        rows = reader.row_states()
        reader.mark_imported([row.id for row in rows])
        now = datetime.now(UTC)
        journal.record_in_step([InStep(row.isbn, row.id, row.stock_changed_at, None, now) for row in rows])


def _figures(postgres: Postgres, queue: str, journal_url: str, folder: str, titles: int) -> Iterator[Figures]:
    given = {
        "MEDUSA_BACKEND_URL": "http://127.0.0.1:9",
        "MEDUSA_API_KEY": "none",
        "QUEUE_DB_URL": queue,
        "STOREFRONT_DB_URL": journal_url,
        "MODE": "live",
        "DAGSTER_PG_URL": postgres.create_database("benchmark_dagster"),
        "INGRAM_STATE_DIR": folder,
    }
    common = load(CommonSettings, given)
    away = MedusaClient(given["MEDUSA_BACKEND_URL"], api_key="none", attempts=1)
    lookups = Lookups(away, journal_url, queue, common)
    settings = ShopSettings(load(StorefrontSettings, given), common, load(PaceSettings, given))
    sizes = {"titles": titles}
    with psycopg.connect(queue) as connection, QueueReader(queue) as reader:
        bare = _seconds(lambda: connection.execute("SELECT * FROM public.ingram_current_titles").fetchall())
        yield {"what": "the bare query", "sizes": sizes, "seconds": bare}
        watch = BoardWatch(settings, reader, lookups.journal, lookups.view, lookups.floor_answer)
        watch.refresh()
        anew = _seconds(watch.refresh)
        yield {
            "what": "all read and judged anew, behind the pages",
            "sizes": sizes,
            "seconds": anew,
            "ratio_to_bare_query": anew / bare,
        }
        state = watch.refresh()
        watch.state = lambda: state  # type: ignore[method-assign]
        for what, query in _QUERIES.items():
            seconds, size = _page(watch, lookups, query)
            yield {
                "what": what,
                "sizes": sizes,
                "seconds": seconds,
                "bytes": size,
                "ratio": seconds / bare,
            }
    lookups.close()
    postgres.drop_database("benchmark_dagster")


def _page(watch: BoardWatch, lookups: Lookups, query: BoardQuery) -> tuple[float, int]:
    """A page as the desk makes it, without the network: seconds and bytes."""
    app = FastAPI()
    app.state.board, app.state.lookups, app.state.zone = watch, lookups, ZoneInfo("America/Chicago")
    scope = {
        "type": "http",
        "app": app,
        "method": "GET",
        "path": "/",
        "query_string": query.address.partition("?")[2].encode(),
        "headers": [],
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "state": {},
    }
    size = len(bytes(board_page.show_board(Request(scope)).body))
    return _seconds(lambda: board_page.show_board(Request(scope))), size


def _seconds(work: Callable[[], object]) -> float:
    """The median of some times."""
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return median(took)
