"""A shop of three titles for the commands that only look: a real queue, journal and Dagster database."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingram_assets.cli.status import show_status
from ingram_assets.defs.keys import ISBNS_NAME
from ingram_assets.domain.stock import DcStock
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.journal import InStep, Journal
from ingram_assets_tests.testing.queue import Queue, migrated
from ingram_assets_tests.testing.shop import make_isbn
from ingram_demo.embedded.postgres import Postgres

_numbers = count(1)


@dataclass
class Shop:
    """A shop of three titles, each tracked, imported and in step."""

    queue: Queue
    journal: str
    dagster: str
    isbns: list[str]
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def status(self) -> dict[str, Any]:
        show_status(as_json=True)
        return json.loads(self.capture.readouterr().out.splitlines()[-1])

    def words(self) -> str:
        show_status(as_json=False)
        return self.capture.readouterr().out

    def common(self) -> CommonSettings:
        return load(CommonSettings)

    def changed(self, isbn: str, minutes: float) -> None:
        """Its stock changed so long ago, and nobody pushed it."""
        ago = timedelta(minutes=minutes)
        self.queue.sql("UPDATE ingram_queue SET stock_changed_at = now() - %s WHERE isbn = %s", ago, isbn)


@pytest.fixture
def shop(
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shop]:
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
        "DAGSTER_PG_URL": dagster,
        "INGRAM_STATE_DIR": str(tmp_path / "state"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with dagster_instance(CommonSettings(DAGSTER_PG_URL=dagster, INGRAM_STATE_DIR=tmp_path / "state")) as one:
        one.add_dynamic_partitions(ISBNS_NAME, isbns)
    yield Shop(queue, journal, dagster, isbns, monkeypatch, capsys)
    for name in names:
        postgres.drop_database(name)


def partitions(shop: Shop, name: str, isbn: str, *, there: bool) -> None:
    with psycopg.connect(shop.dagster, autocommit=True) as connection:
        if there:
            connection.execute(
                "INSERT INTO dynamic_partitions (partitions_def_name, partition) VALUES (%s, %s)",
                [name, isbn],
            )
        else:
            connection.execute(
                "DELETE FROM dynamic_partitions WHERE partitions_def_name = %s AND partition = %s",
                [name, isbn],
            )
