"""A store with Ingram's location and two of the shop's own, and the inventory service on it."""

from collections.abc import Iterator

import pytest

from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.inventory.service import InventoryService
from ingram_assets.store.journal import Journal
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.fickle import FickleTransport
from ingram_assets_tests.testing.stockroom import Stockroom
from ingram_demo.embedded.medusa import Medusa


@pytest.fixture(scope="module")
def stockroom(
    bench: Bench, seeded: Medusa, journal: Journal, ledger: StockLedger, journal_url: str
) -> Iterator[Stockroom]:
    places = []
    for name in ("Cellar", "Attic"):
        body = {"name": name, "address": {"address_1": "1 Main St", "country_code": "us"}}
        place = bench.shop.post("stock-locations", body)["stock_location"]["id"]
        bench.shop.post(f"stock-locations/{place}/sales-channels", {"add": [bench.location.channel_id]})
        places.append(place)
    way = FickleTransport()
    with MedusaClient(seeded.url, email=seeded.email, password=seeded.password, transport=way) as client:
        service = InventoryService(client, journal, ledger)
        yield Stockroom(bench, service, ledger, way, places[0], places[1], journal_url)


@pytest.fixture
def room(stockroom: Stockroom) -> Iterator[Stockroom]:
    """The stockroom, its way to Medusa in order again after each test."""
    fate, sleep = stockroom.way.fate, stockroom.service.sleep
    yield stockroom
    stockroom.way.fate, stockroom.service.sleep = fate, sleep
