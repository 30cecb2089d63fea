"""A simulated site of the module's `TITLES` titles, and a queue for what is read there."""

from collections.abc import Iterator

import dagster as dg
import psycopg
import pytest

from ingram_assets_tests.testing.queue import Queue, migrated
from ingram_assets_tests.testing.seeded_store import BACK_TO_THE_SEEDED_STORE
from ingram_assets_tests.testing.shop import Shop
from ingram_assets_tests.testing.storefront import Storefront
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator, running_simulator


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    with running_simulator(titles=request.module.TITLES) as running:
        yield running


@pytest.fixture(scope="module")
def queue(request: pytest.FixtureRequest, postgres: Postgres) -> Queue:
    return migrated(postgres, f"queue_of_{request.module.__name__.rpartition('.')[2]}")


@pytest.fixture(scope="module")
def storefront(medusa: Medusa, postgres: Postgres) -> Iterator[Storefront]:
    with psycopg.connect(medusa.database_url, autocommit=True) as connection:
        connection.execute(BACK_TO_THE_SEEDED_STORE)
    queue = migrated(postgres, "queue_of_the_storefront")
    journal = postgres.create_database("journal_of_the_storefront")
    settings = {
        "MEDUSA_BACKEND_URL": medusa.url,
        "MEDUSA_EMAIL": medusa.email,
        "MEDUSA_PASSWORD": medusa.password,
        "QUEUE_DB_URL": queue.reader,
        "STOREFRONT_DB_URL": journal,
        "MODE": "live",
        "DAGSTER_PG_URL": "postgresql://nobody@localhost/none",
    }
    shop = Shop(medusa)
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        for name, value in settings.items():
            patch.setenv(name, value)
        yield Storefront(queue, shop, journal, instance)
    shop.close()
    postgres.drop_database("journal_of_the_storefront")
    postgres.drop_database("queue_of_the_storefront")
