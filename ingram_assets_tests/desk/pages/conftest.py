"""The pages of inventory, runs and requests on the real store of the file."""

from collections.abc import Iterator

import pytest

from ingram_assets.store.client import MedusaClient
from ingram_assets_tests.testing.desk import DeskShop
from ingram_assets_tests.testing.desk_work import Visit, common_settings, work_pages
from ingram_assets_tests.testing.queue import Queue, migrated
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres


@pytest.fixture(scope="module")
def queue(request: pytest.FixtureRequest, postgres: Postgres) -> Queue:
    return migrated(postgres, f"queue_of_{request.module.__name__.rpartition('.')[2]}")


@pytest.fixture(scope="module")
def ada(
    desk: DeskShop, medusa: Medusa, journal_url: str, queue: Queue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """Ada, who is signed in; Dagster is away."""
    client, looks = (MedusaClient(medusa.url, email=medusa.email, password=medusa.password) for _ in range(2))
    common = common_settings(tmp_path_factory.mktemp("dagster"))
    with work_pages(client, looks, journal_url, queue.reader, common) as visit:
        yield visit
