"""A shop of three titles for the commands that only look."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingram_assets.defs.keys import ISBNS_NAME
from ingram_assets.domain.stock import DcStock
from ingram_assets.overview import status
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.journal import InStep, Journal
from ingram_assets_tests.testing.looked_at_shop import LookedAtShop
from ingram_assets_tests.testing.queue import migrated
from ingram_assets_tests.testing.shop import make_isbn
from ingram_demo.embedded.postgres import Postgres

_numbers = count(1)


@pytest.fixture
def shop(
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[LookedAtShop]:
    # Dagster's storage keeps a process' connections by address: each test has addresses of its own.
    names = [f"status_{what}_{next(_numbers)}" for what in ("queue", "journal", "dagster")]
    queue = migrated(postgres, names[0])
    journal, dagster = (postgres.create_database(name) for name in names[1:])
    isbns = [make_isbn(number) for number in range(90_000, 90_003)]
    now = datetime.now(UTC)
    with QueueWriter(queue.writer) as writer:
        writer.add_titles([{"isbn": isbn, "title": f"Book {isbn}", "srp_price": "9"} for isbn in isbns])
        stock = {"TN": DcStock(3, 0, "primary")}
        writer.record_stock([{"isbn": isbn, "observed_at": now, "stock": stock} for isbn in isbns])
    with QueueReader(queue.reader) as reader, Journal(journal) as book:
        rows = reader.row_states()
        reader.mark_imported([row.id for row in rows])
        book.record_in_step(
            [InStep(row.isbn, row.id, row.stock_changed_at, None, datetime.now(UTC)) for row in rows]
        )
    settings = {
        "MEDUSA_BACKEND_URL": "http://127.0.0.1:9",
        "MEDUSA_API_KEY": "none",
        "QUEUE_DB_URL": queue.reader,
        "STOREFRONT_DB_URL": journal,
        "MODE": "live",
        "DAGSTER_PG_URL": dagster,
        "INGRAM_STATE_DIR": str(tmp_path / "state"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    # The store answers, and has nothing to say: of a real one, `overview/test_store_look.py`.
    monkeypatch.setattr(status, "StoreLook", lambda _: SimpleNamespace(notes=tuple, problem=lambda: None))
    with dagster_instance(CommonSettings(DAGSTER_PG_URL=dagster, INGRAM_STATE_DIR=tmp_path / "state")) as one:
        one.add_dynamic_partitions(ISBNS_NAME, isbns)
    yield LookedAtShop(queue, journal, dagster, isbns, monkeypatch, capsys)
    for name in names:
        postgres.drop_database(name)
