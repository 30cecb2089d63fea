"""A shop that the commands look at: a real queue, journal and Dagster database, and what became of them."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from ingram_assets.cli.status import show_status
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_assets_tests.testing.queue import Queue


@dataclass
class LookedAtShop:
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


def partitions(shop: LookedAtShop, name: str, isbn: str, *, there: bool) -> None:
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
