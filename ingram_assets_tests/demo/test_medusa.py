"""The embedded store is a real Medusa, set up as a bookshop's is, and clean for each test that asks."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ingram_assets.domain.failures import NeedsPerson
from ingram_demo.embedded.medusa import Medusa, install_medusa
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.seed_store import SALES_CHANNEL, STORE_FRONT, seed_store

pytestmark = pytest.mark.xdist_group("medusa")


@pytest.fixture
def admin(medusa_store: Medusa) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=medusa_store.url, timeout=60, trust_env=False) as client:
        login = {"email": medusa_store.email, "password": medusa_store.password}
        token = client.post("/auth/user/emailpass", json=login).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_the_store_is_set_up_as_a_bookshop(medusa_store: Medusa, admin: httpx.Client) -> None:
    channels = admin.get("/admin/sales-channels").json()["sales_channels"]
    assert [(c["id"], c["name"]) for c in channels] == [(medusa_store.store.sales_channel_id, SALES_CHANNEL)]
    (store,) = admin.get("/admin/stores").json()["stores"]
    assert [(c["currency_code"], c["is_default"]) for c in store["supported_currencies"]] == [("usd", True)]
    (location,) = admin.get("/admin/stock-locations", params={"fields": "id,name,sales_channels.id"}).json()[
        "stock_locations"
    ]
    assert (location["name"], location["id"]) == (STORE_FRONT, medusa_store.store.store_front_id)
    assert [c["id"] for c in location["sales_channels"]] == [medusa_store.store.sales_channel_id]


@pytest.mark.parametrize(
    "name", ["it's", 'the "shop"', "ingram (1)", "[shop]", "{a,b}", "what?", "a*b", "a|b"]
)
def test_a_folder_that_medusa_finds_no_migrations_in_is_refused_before_anything_is_installed(
    postgres: Postgres, tmp_path: Path, name: str
) -> None:
    with pytest.raises(NeedsPerson, match="set INGRAM_TOOLS_DIR to a folder without"):
        install_medusa(tmp_path / name, postgres)
    assert not (tmp_path / name).exists()


def test_seeding_again_changes_nothing(medusa_store: Medusa, admin: httpx.Client) -> None:
    def counts() -> list[int]:
        kinds = ("sales-channels", "stock-locations", "regions", "api-keys", "shipping-profiles")
        return [admin.get(f"/admin/{kind}").json()["count"] for kind in kinds]

    before = counts()
    again = seed_store(medusa_store.url, medusa_store.email, medusa_store.password)
    assert again == medusa_store.store
    assert counts() == before


def test_a_shopper_sees_a_published_book_with_its_price(medusa_store: Medusa, admin: httpx.Client) -> None:
    product = {
        "title": "Between Two Fires",
        "handle": "between-two-fires",
        "status": "published",
        "options": [{"title": "Format", "values": ["Paperback"]}],
        "variants": [
            {
                "title": "Paperback",
                "sku": "9780451496454",
                "options": {"Format": "Paperback"},
                "prices": [{"amount": 18.99, "currency_code": "usd"}],
            }
        ],
        "sales_channels": [{"id": medusa_store.store.sales_channel_id}],
        "shipping_profile_id": medusa_store.store.shipping_profile_id,
    }
    assert admin.post("/admin/products", json=product).status_code == 200
    seen = httpx.get(
        f"{medusa_store.url}/store/products",
        params={"region_id": medusa_store.store.region_id, "fields": "title,*variants.calculated_price"},
        headers={"x-publishable-api-key": medusa_store.store.publishable_key},
        timeout=60,
    ).json()["products"]
    prices = [p["variants"][0]["calculated_price"]["calculated_amount"] for p in seen]
    assert ([p["title"] for p in seen], prices) == (["Between Two Fires"], [18.99])


@pytest.mark.parametrize("nth", [1, 2])
def test_the_store_is_put_back_between_tests(nth: int, admin: httpx.Client) -> None:
    assert admin.get("/admin/products").json()["count"] == 0
    assert admin.get("/admin/inventory-items").json()["count"] == 0
    made = admin.post("/admin/inventory-items", json={"sku": "9780451496454"})
    assert made.status_code == 200


def test_a_wrong_password_is_said(medusa: Medusa) -> None:
    with pytest.raises(NeedsPerson, match="does not know the admin"):
        seed_store(medusa.url, medusa.email, "wrong")
