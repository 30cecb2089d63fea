"""A bucket on the real S3 server behind a proxy that counts, and a stand-in for Open Library that counts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingram_assets.covers import CoverOutcome
from ingram_assets_tests.testing.cover_shop import FORGET_COVERS, CoverShop
from ingram_assets_tests.testing.open_library import OpenLibraryStandIn
from ingram_assets_tests.testing.queue import Queue, migrated
from ingram_assets_tests.testing.s3_proxy import Proxy
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.s3 import S3


@pytest.fixture(scope="module")
def _queue(postgres: Postgres) -> Iterator[Queue]:
    yield migrated(postgres, "queue_of_covers")
    postgres.drop_database("queue_of_covers")


@pytest.fixture
def queue(_queue: Queue) -> Queue:
    """A queue database in which nothing is remembered of covers."""
    _queue.sql(FORGET_COVERS)
    return _queue


@pytest.fixture
def shop(s3: S3, tmp_path: Path, queue: Queue) -> Iterator[CoverShop]:
    proxy = Proxy(s3.endpoint)
    made = CoverShop(s3, proxy, tmp_path, queue)
    yield made
    made.close()
    proxy.close()


@pytest.fixture
def open_library() -> Iterator[OpenLibraryStandIn]:
    stand_in = OpenLibraryStandIn()
    yield stand_in
    stand_in.close()


@pytest.fixture
def by_isbn() -> Callable[[list[CoverOutcome]], dict[str, CoverOutcome]]:
    """Outcomes by ISBN; of two for one title the later stands."""
    return lambda outcomes: {outcome.isbn: outcome for outcome in outcomes}
