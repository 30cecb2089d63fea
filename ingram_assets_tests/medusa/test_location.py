"""Ingram's stock location: found by name, made if missing, linked to the channel, or a person is asked."""

from collections.abc import Iterator

import pytest

from ingram_assets.demo.embedded.medusa import Medusa
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.medusa.client import MedusaClient
from ingram_assets.medusa.journal import Journal
from ingram_assets.medusa.location import ensure_location
from ingram_assets_tests.medusa.shop import Shop

pytestmark = pytest.mark.xdist_group("medusa")


@pytest.fixture
def here(medusa_store: Medusa) -> Iterator[tuple[MedusaClient, Shop]]:
    shop = Shop(medusa_store)
    with MedusaClient(medusa_store.url, email=medusa_store.email, password=medusa_store.password) as client:
        yield client, shop
    shop.close()


def test_made_once_with_address_and_channel(here: tuple[MedusaClient, Shop], journal: Journal) -> None:
    client, shop = here
    made = ensure_location(client, journal=journal, run_id="one")
    assert (made.created, made.linked, made.channel_name) == (True, True, "Online Store")
    (found,) = shop.get("stock-locations", name="Ingram (Drop-Ship)", fields="*address,*sales_channels")[
        "stock_locations"
    ]
    assert found["id"] == made.id
    address = found["address"]
    assert (address["address_1"], address["city"], address["province"], address["postal_code"]) == (
        "One Ingram Blvd",
        "La Vergne",
        "TN",
        "37086",
    )
    assert address["country_code"].upper() == "US"
    assert [each["name"] for each in found["sales_channels"]] == ["Online Store"]

    reads, writes = client.reads, client.writes
    again = ensure_location(client, journal=journal, run_id="two")
    assert (again.id, again.created, again.linked) == (made.id, False, False)
    assert (client.reads - reads, client.writes - writes) == (1, 0)
    assert [each.kind for each in journal.changes("one")] == ["location", "location"]
    assert journal.changes("two") == []


def test_one_that_is_there_is_linked_and_keeps_its_address(
    here: tuple[MedusaClient, Shop], journal: Journal
) -> None:
    client, shop = here
    address = {"address_1": "14 Ingram Blvd", "country_code": "us"}
    there = shop.post("stock-locations", {"name": "Ingram (Drop-Ship)", "address": address})
    location_id = there["stock_location"]["id"]
    # A link to a channel that does not exist is accepted, and leaves a null in the list.
    shop.post(f"stock-locations/{location_id}/sales-channels", {"add": ["sc_gone"]})
    found = ensure_location(client, journal=journal, run_id="three")
    assert (found.id, found.created, found.linked) == (location_id, False, True)
    row = shop.get(f"stock-locations/{location_id}", fields="*address")["stock_location"]
    assert row["address"]["address_1"] == "14 Ingram Blvd"


def test_a_missing_channel_lists_those_there_are(here: tuple[MedusaClient, Shop], journal: Journal) -> None:
    client, shop = here
    shop.post("sales-channels", {"name": "Book Fair"})
    with pytest.raises(NeedsPerson, match=r"no sales channel 'Web'.*'Online Store', 'Book Fair'"):
        ensure_location(client, journal=journal, run_id="five", sales_channel="Web")
    assert shop.get("stock-locations", name="Ingram (Drop-Ship)")["stock_locations"] == []


def test_of_two_with_the_name_the_linked_one_is_meant(
    here: tuple[MedusaClient, Shop], journal: Journal
) -> None:
    client, shop = here
    ours = ensure_location(client, journal=journal, run_id="six")
    twin = shop.post("stock-locations", {"name": "Ingram (Drop-Ship)"})["stock_location"]["id"]
    assert ensure_location(client, journal=journal, run_id="seven").id == ours.id
    shop.post(f"stock-locations/{twin}/sales-channels", {"add": [ours.channel_id]})
    with pytest.raises(NeedsPerson, match=f"(?s){ours.id}.*{twin}|{twin}.*{ours.id}"):
        ensure_location(client, journal=journal, run_id="eight")


def test_two_channels_with_the_name(here: tuple[MedusaClient, Shop], journal: Journal) -> None:
    client, shop = here
    shop.post("sales-channels", {"name": "Online Store"})
    with pytest.raises(NeedsPerson, match="2 sales channels are called 'Online Store'"):
        ensure_location(client, journal=journal, run_id="nine")
