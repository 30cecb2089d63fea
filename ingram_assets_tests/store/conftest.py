"""One real store for each test file, set back to how it was seeded, with a checkout that works."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from ingram_assets.domain.categories import TABLE_FILE, parse_table
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import Journal
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.seeded_store import BACK_TO_THE_SEEDED_STORE
from ingram_assets_tests.testing.shop import Shop
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

_journals = itertools.count(1)


@pytest.fixture(scope="module")
def seeded(medusa: Medusa) -> Medusa:
    with psycopg.connect(medusa.database_url, autocommit=True) as connection:
        connection.execute(BACK_TO_THE_SEEDED_STORE)
    return medusa


@pytest.fixture(scope="module")
def journal_url(postgres: Postgres) -> Iterator[str]:
    name = f"journal_{next(_journals)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def journal(journal_url: str) -> Iterator[Journal]:
    with Journal(journal_url) as journal:
        yield journal


@pytest.fixture(scope="module")
def ledger(journal_url: str) -> Iterator[StockLedger]:
    with StockLedger(journal_url, wait_seconds=120) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def client(seeded: Medusa) -> Iterator[MedusaClient]:
    with MedusaClient(seeded.url, email=seeded.email, password=seeded.password) as client:
        yield client


@pytest.fixture(scope="module")
def shop(seeded: Medusa) -> Iterator[Shop]:
    shop = Shop(seeded)
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def bench(shop: Shop, client: MedusaClient, journal: Journal, ledger: StockLedger) -> Bench:
    bench = Bench(shop, client, journal, parse_table(TABLE_FILE.read_text("utf-8")), ledger)
    shop.open_checkout(bench.location.id)
    return bench
