"""What `ingram status` finds in the real store: what shipping lacks, a wrong name, copies that wait."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingram_assets.domain.position import Returned
from ingram_assets.overview import store_look
from ingram_assets.overview.status import gather
from ingram_assets.overview.store_look import StoreLook
from ingram_assets.settings.loading import load
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import NotedReturn, StockLedger
from ingram_assets.store.journal import Journal
from ingram_assets.store.location import ensure_location
from ingram_assets_tests.testing.raw_server import raw_server
from ingram_assets_tests.testing.shop import Refusal, Shop, make_isbn
from ingram_demo.embedded.medusa import Medusa

pytestmark = pytest.mark.xdist_group("medusa")

LACKS = "The location 'Ingram (Drop-Ship)' has no way of its own to ship an order: it lacks "


@pytest.fixture
def shop(medusa_store: Medusa, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    settings = {
        "MEDUSA_BACKEND_URL": medusa_store.url,
        "MEDUSA_EMAIL": medusa_store.email,
        "MEDUSA_PASSWORD": medusa_store.password,
        "QUEUE_DB_URL": database,
        "STOREFRONT_DB_URL": database,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    shop = Shop(medusa_store)
    yield shop
    shop.close()


def made(shop: Shop) -> str:
    """Ingram's location, as the first push makes it."""
    store, settings = shop.medusa, load(StorefrontSettings)
    with (
        Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal,
        MedusaClient(store.url, email=store.email, password=store.password) as client,
    ):
        return ensure_location(client, journal=journal, run_id="setup").id


def notes() -> tuple[str, ...]:
    return StoreLook(load(StorefrontSettings)).notes()


def lacking() -> str:
    (note,) = notes()
    assert note.startswith(LACKS), note
    return note.removeprefix(LACKS).partition(".")[0]


def option(shop: Shop, zone: str, rules: list[dict[str, str]]) -> str:
    body = {
        "name": "Media Mail",
        "service_zone_id": zone,
        "shipping_profile_id": shop.medusa.store.shipping_profile_id,
        "provider_id": "manual_manual",
        "price_type": "flat",
        "type": {"label": "Media Mail", "description": "By post", "code": "media-mail"},
        "prices": [{"currency_code": "usd", "amount": 4}],
        "rules": rules,
    }
    made: str = shop.post("shipping-options", body)["shipping_option"]["id"]
    return made


def test_what_shipping_lacks_is_named_until_it_is_all_there(shop: Shop) -> None:
    assert notes() == (), "before the first push there is no location"
    place = made(shop)
    assert lacking() == "a fulfillment provider, a service zone with a country and a shipping option"
    sets = {"name": "Shipping", "type": "shipping"}
    shop.post(f"stock-locations/{place}/fulfillment-sets", sets)
    found = shop.get(f"stock-locations/{place}", fields="*fulfillment_sets")["stock_location"]
    zones = f"fulfillment-sets/{found['fulfillment_sets'][0]['id']}/service-zones"
    us: dict[str, Any] = {"name": "US", "geo_zones": [{"type": "country", "country_code": "us"}]}
    zone = shop.post(zones, us)["fulfillment_set"]["service_zones"][0]["id"]
    assert lacking() == "a fulfillment provider and a shipping option"
    with pytest.raises(Refusal, match="not enabled for the service location"):
        option(shop, zone, [])
    shop.post(f"stock-locations/{place}/fulfillment-providers", {"add": ["manual_manual"]})
    assert lacking() == "a shipping option"
    for attribute, value in (("is_return", "true"), ("enabled_in_store", "false")):
        option(shop, zone, [{"attribute": attribute, "operator": "eq", "value": value}])
        assert lacking() == "a shipping option"
    option(shop, zone, [])
    assert notes() == ()


def test_a_wrong_name_for_returns_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.open_checkout(made(shop))
    monkeypatch.setenv("RETURNS_TO", "STORE_FRINT")
    (note,) = notes()
    assert note.startswith(
        "RETURNS_TO can't be meant: There is no location 'STORE_FRINT'. The nearest: STORE"
    )
    monkeypatch.setenv("RETURNS_TO", "store front")
    assert notes() == ()


def test_that_a_store_is_away_or_hangs_is_told_soon(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert StoreLook(load(StorefrontSettings)).problem() is None
    monkeypatch.setenv("MEDUSA_BACKEND_URL", "http://127.0.0.1:9")
    assert notes() == ()
    problem = StoreLook(load(StorefrontSettings)).problem()
    assert problem is not None
    assert "Is Medusa running at http://127.0.0.1:9" in problem
    monkeypatch.setattr(store_look, "SECONDS", 0.3)
    over = threading.Event()

    def hang(connection: socket.socket, head: str) -> None:
        over.wait(60)

    with raw_server(hang) as (url, _):
        monkeypatch.setenv("MEDUSA_BACKEND_URL", url)
        problem = StoreLook(load(StorefrontSettings)).problem()
        over.set()
    assert problem is not None
    assert problem.startswith("Medusa did not answer within ")


def test_of_a_frozen_postgresql_the_store_is_not_blamed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        address = f"postgresql://one:sEcret@127.0.0.1:{frozen.getsockname()[1]}"
        for name in ("QUEUE_DB_URL", "STOREFRONT_DB_URL", "DAGSTER_PG_URL"):
            monkeypatch.setenv(name, f"{address}/{name.lower()}")
        monkeypatch.setenv("INGRAM_STATE_DIR", str(tmp_path))
        began = time.monotonic()
        look = StoreLook(load(StorefrontSettings))
        assert look.problem() is None
        assert time.monotonic() - began < 3, "it is waited for alone"
        queue, dagster, journal = gather().facts.not_asked
    assert "queue_db_url: connection timeout expired" in queue
    assert "Dagster's database can't be reached" in dagster
    assert "The journal database can't be reached (ConnectionTimeout)" in journal
    assert time.monotonic() - began < 25


def test_what_came_back_and_lies_nowhere_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.open_checkout(made(shop))
    monkeypatch.setenv("RETURNS_TO", "STORE_FRONT")
    isbn, now, hour = make_isbn(9), datetime.now(UTC), timedelta(hours=1)
    back = [(isbn, "iitem_1", hour), (isbn, "iitem_2", timedelta(0)), ("", "iitem_3", hour)]
    found = [
        NotedReturn(item_id, "order_1", number, Returned("ordchact_1", "ordli_1", 2, now - ago, 12))
        for number, item_id, ago in back
    ]
    with StockLedger(load(StorefrontSettings).STOREFRONT_DB_URL.get_secret_value()) as ledger:
        ledger.follow_returns()
        ledger.note_returns(found, now)
    assert notes() == (
        f"A return of 2 copies, order #12, of {isbn} is not at STORE_FRONT yet. To put it there, and be told "
        f"why if it can't be: ingram push {isbn}",
    ), "what has just come in is put there by the next push, and what is no book is none of ours"
