"""A migrated queue database on the real server, with each role's URL; emptied before each test."""

from collections.abc import Iterator

import pytest

from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.queue import (
    Queue,
    migrated,
)
from ingram_demo.embedded.postgres import Postgres


@pytest.fixture(scope="session")
def _queue(postgres: Postgres) -> Queue:
    return migrated(postgres, "queue_of_tests")


@pytest.fixture
def queue(_queue: Queue) -> Queue:
    _queue.sql("TRUNCATE ingram_queue, ingram_stock_history, ingram_unread RESTART IDENTITY")
    _queue.sql("UPDATE ingram_limits SET day = '-infinity', let_in = 0, cover_prefix = NULL")
    return _queue


@pytest.fixture
def writer(queue: Queue) -> Iterator[QueueWriter]:
    with QueueWriter(queue.writer) as writer:
        yield writer


@pytest.fixture
def reader(queue: Queue) -> Iterator[QueueReader]:
    with QueueReader(queue.reader) as reader:
        yield reader
