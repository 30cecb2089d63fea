"""One real store with a desk for each test file."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from ingram_assets.domain.categories import TABLE_FILE, parse_table
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Journal
from ingram_assets.store.tokens import TokenStore
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.desk import DeskShop, Program, running_desk
from ingram_assets_tests.testing.seeded_store import BACK_TO_THE_SEEDED_STORE
from ingram_assets_tests.testing.shop import Shop
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

_databases = itertools.count(1)


@pytest.fixture(scope="module")
def journal_url(postgres: Postgres) -> Iterator[str]:
    name = f"desk_{next(_databases)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def desk(medusa: Medusa, journal_url: str) -> Iterator[DeskShop]:
    with psycopg.connect(medusa.database_url, autocommit=True) as connection:
        connection.execute(BACK_TO_THE_SEEDED_STORE)
    shop = Shop(medusa)
    with (
        Journal(journal_url) as journal,
        MedusaClient(medusa.url, email=medusa.email, password=medusa.password) as client,
        TokenStore(journal_url) as tokens,
        running_desk(medusa, journal_url) as url,
    ):
        bench = Bench(shop, client, journal, parse_table(TABLE_FILE.read_text("utf-8")))
        shop.open_checkout(bench.location.id)
        fair = shop.post("sales-channels", {"name": "Fair"})["sales_channel"]["id"]
        channels = {"Online Store": bench.location.channel_id, "Fair": fair}
        places = {"ingram": bench.location.id}
        for name, channel in (("Cellar", "Online Store"), ("Attic", "Online Store"), ("Booth", "Fair")):
            body = {"name": name, "address": {"address_1": "1 Main St", "country_code": "us"}}
            place = shop.post("stock-locations", body)["stock_location"]["id"]
            shop.post(f"stock-locations/{place}/sales-channels", {"add": [channels[channel]]})
            places[name.lower()] = place
        yield DeskShop(url, bench, tokens, places, channels)
    shop.close()


@pytest.fixture(scope="module")
def boss(desk: DeskShop) -> Program:
    """Somebody who may do everything."""
    return desk.program("admin")
