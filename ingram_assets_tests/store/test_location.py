"""Ingram's stock location: known by its id, else found by name or made, linked, or a person is asked."""

from collections.abc import Iterator

import psycopg
import pytest

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Journal
from ingram_assets.store.location import Location, ensure_location, find_location
from ingram_assets_tests.testing.shop import Shop
from ingram_demo.embedded.medusa import Medusa

pytestmark = pytest.mark.xdist_group("medusa")


@pytest.fixture
def here(medusa_store: Medusa) -> Iterator[tuple[MedusaClient, Shop]]:
    shop = Shop(medusa_store)
    with MedusaClient(medusa_store.url, email=medusa_store.email, password=medusa_store.password) as client:
        yield client, shop
    shop.close()


@pytest.fixture
def journal(database: str) -> Iterator[Journal]:
    """Of each test's own: the store is another one in each."""
    with Journal(database) as journal:
        yield journal


NAME = "Ingram (Drop-Ship)"


def locations(shop: Shop) -> list[str]:
    """Ids of all locations but the shop's own shelves."""
    return [
        each["id"] for each in shop.get("stock-locations")["stock_locations"] if each["name"] != "STORE_FRONT"
    ]


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


def test_of_two_with_the_name_the_linked_one_is_meant_as_long_as_none_is_known(
    here: tuple[MedusaClient, Shop], journal: Journal
) -> None:
    client, shop = here
    ours, twin = (shop.post("stock-locations", {"name": NAME})["stock_location"]["id"] for _ in range(2))
    channel = {"add": [shop.medusa.store.sales_channel_id]}
    with pytest.raises(NeedsPerson, match=f"(?s){ours}.*{twin}|{twin}.*{ours}"):
        ensure_location(client, journal=journal, run_id="six")  # none is linked
    shop.post(f"stock-locations/{twin}/sales-channels", channel)
    shop.post(f"stock-locations/{ours}/sales-channels", channel)
    with pytest.raises(NeedsPerson, match=f"(?s){ours}.*{twin}|{twin}.*{ours}"):
        ensure_location(client, journal=journal, run_id="six")  # both are
    shop.post(f"stock-locations/{twin}/sales-channels", {"remove": channel["add"]})
    assert find_location(client, journal=journal).id == ours
    assert ensure_location(client, journal=journal, run_id="seven").id == ours


def test_two_channels_with_the_name(here: tuple[MedusaClient, Shop], journal: Journal) -> None:
    client, shop = here
    shop.post("sales-channels", {"name": "Online Store"})
    with pytest.raises(NeedsPerson, match="2 sales channels are called 'Online Store'"):
        ensure_location(client, journal=journal, run_id="nine")


def test_a_renamed_one_is_followed_and_that_is_said_once(
    here: tuple[MedusaClient, Shop], journal: Journal
) -> None:
    client, shop = here
    ours = ensure_location(client, journal=journal, run_id="one")
    shop.post(f"stock-locations/{ours.id}", {"name": "Ingram warehouse"})
    looked = find_location(client, journal=journal)
    assert (looked.id, looked.name, looked.known) == (ours.id, "Ingram warehouse", False)
    found = ensure_location(client, journal=journal, run_id="two")
    assert (found.id, found.created, found.linked) == (ours.id, False, False)
    assert found.notes == looked.notes
    (note,) = found.notes
    assert "'Ingram (Drop-Ship)' is called 'Ingram warehouse' now" in note
    reads = client.reads
    assert ensure_location(client, journal=journal, run_id="three").notes == ()
    assert client.reads - reads == 1
    assert locations(shop) == [ours.id]


@pytest.mark.parametrize(
    "spelling", [f"{NAME} ", f" {NAME}\r", "ingram  (DROP-Ship)", "Ingram\u00a0(Drop-Ship)"]
)
def test_another_spelling_is_the_same_name(
    here: tuple[MedusaClient, Shop], journal: Journal, spelling: str
) -> None:
    client, shop = here
    there = shop.post("stock-locations", {"name": spelling})["stock_location"]["id"]
    assert ensure_location(client, journal=journal, run_id="one").id == there  # the journal is fresh
    assert ensure_location(client, journal=journal, run_id="two", name=f" {spelling.upper()}").id == there
    assert locations(shop) == [there]


def test_one_that_was_deleted_is_not_made_again_in_silence(
    here: tuple[MedusaClient, Shop], journal: Journal
) -> None:
    """Nor where the store or the journal is another one: a backup, a copy for tests."""
    client, shop = here
    ours = ensure_location(client, journal=journal, run_id="one")
    shop.delete(f"stock-locations/{ours.id}")
    for look in (find_location, ensure):
        with pytest.raises(
            NeedsPerson, match=rf"{ours.id}\) is not in the store any more.*'STORE_FRONT'.*MEDUSA_"
        ):
            look(client, journal=journal)
    assert locations(shop) == []
    another = shop.post("stock-locations", {"name": "Ingram, again"})["stock_location"]["id"]
    assert ensure(client, journal=journal, name=another).id == another
    assert ensure(client, journal=journal).id == another  # remembered from now on


def ensure(client: MedusaClient, *, journal: Journal, name: str = NAME) -> Location:
    return ensure_location(client, journal=journal, run_id="again", name=name)


def test_a_second_one_with_the_name_stops_until_a_person_says_which(
    here: tuple[MedusaClient, Shop], journal: Journal
) -> None:
    client, shop = here
    ours = ensure_location(client, journal=journal, run_id="one")
    twin = shop.post("stock-locations", {"name": "INGRAM (drop-ship) "})["stock_location"]["id"]
    for look in (find_location, ensure):
        with pytest.raises(NeedsPerson, match=f"(?s){ours.id}.*{twin}.*MEDUSA_STOCK_LOCATION to the id"):
            look(client, journal=journal)
    assert ensure(client, journal=journal, name=f" {ours.id} ").id == ours.id
    meant = find_location(client, journal=journal, name=twin)
    assert (meant.id, meant.known) == (twin, False)
    moved = ensure(client, journal=journal, name=twin)
    assert (moved.id, moved.linked) == (twin, True)
    (note,) = moved.notes
    assert ours.id in note  # its levels stand, and are sold as well
    assert "stand and are sold as well" in note
    with pytest.raises(NeedsPerson, match=f"(?s){twin}.*{ours.id}"):
        ensure(client, journal=journal)
    shop.delete(f"stock-locations/{ours.id}")
    assert ensure(client, journal=journal).id == twin


def test_an_id_that_the_store_does_not_have(here: tuple[MedusaClient, Shop], journal: Journal) -> None:
    client, shop = here
    ours = ensure_location(client, journal=journal, run_id="one")
    with pytest.raises(NeedsPerson, match=f"(?s)MEDUSA_STOCK_LOCATION names .*sloc_gone.*{ours.id}"):
        ensure(client, journal=journal, name="sloc_gone")
    assert locations(shop) == [ours.id]


def test_what_an_earlier_version_made_is_known_from_its_entries(
    here: tuple[MedusaClient, Shop], journal: Journal, database: str
) -> None:
    client, shop = here
    ours = ensure_location(client, journal=journal, run_id="one")
    forget(database)
    shop.post(f"stock-locations/{ours.id}", {"name": "Ingram warehouse"})
    looked = find_location(client, journal=journal)
    assert (looked.id, looked.known, len(looked.notes)) == (ours.id, False, 1)
    assert not journal.known("location")
    assert ensure(client, journal=journal).id == ours.id
    forget(database)
    twin = shop.post("stock-locations", {"name": NAME})["stock_location"]["id"]
    with pytest.raises(NeedsPerson, match=f"(?s){ours.id}.*{twin}"):
        ensure(client, journal=journal)
    shop.delete(f"stock-locations/{twin}")
    shop.delete(f"stock-locations/{ours.id}")
    with pytest.raises(NeedsPerson, match=f"{ours.id}.* is not in the store any more"):
        ensure(client, journal=journal)


def forget(database: str) -> None:
    """The journal as an earlier version left it."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DELETE FROM store_known")


def test_a_renamed_channel_is_followed(
    here: tuple[MedusaClient, Shop], journal: Journal, database: str
) -> None:
    client, shop = here
    ours = ensure_location(client, journal=journal, run_id="one")
    for name in ("Web", "Shop"):
        shop.post(f"sales-channels/{ours.channel_id}", {"name": name})
        found = ensure_location(client, journal=journal, run_id="two")
        assert (found.channel_id, found.channel_name, found.linked) == (ours.channel_id, name, False)
        assert f"is called {name!r} now" in found.notes[0]
        assert ensure_location(client, journal=journal, run_id="three").notes == ()
        forget(database)  # the second time it is known from the entries of an earlier version
    twin = shop.post("sales-channels", {"name": "online store"})["sales_channel"]["id"]
    with pytest.raises(NeedsPerson, match=f"(?s){ours.channel_id}.*{twin}.*MEDUSA_SALES_CHANNEL to the id"):
        ensure_location(client, journal=journal, run_id="four")
    by_id = ensure_location(client, journal=journal, run_id="five", sales_channel=f"{ours.channel_id} ")
    assert (by_id.channel_id, by_id.channel_name) == (ours.channel_id, "Shop")
    shop.post(f"sales-channels/{twin}", {"name": "Another"})
    (store,) = shop.get("stores")["stores"]
    shop.post(f"stores/{store['id']}", {"default_sales_channel_id": twin})  # else it can't be deleted
    shop.delete(f"sales-channels/{ours.channel_id}")
    with pytest.raises(NeedsPerson, match=f"{ours.channel_id}.* is not in the store any more"):
        ensure_location(client, journal=journal, run_id="six")


def test_a_look_writes_nothing(here: tuple[MedusaClient, Shop], journal: Journal) -> None:
    client, shop = here
    writes = client.writes
    looked = find_location(client, journal=journal)
    assert (looked.id, looked.name) == ("", NAME)
    assert "no stock location" in (looked.missing or "")
    there = shop.post("stock-locations", {"name": NAME})["stock_location"]["id"]
    looked = find_location(client, journal=journal)
    assert (looked.id, looked.known) == (there, False)
    assert "not linked" in (looked.missing or "")
    assert client.writes == writes
    assert [journal.known("location"), journal.known("sales_channel"), journal.changes("six")] == [[], [], []]


def test_the_channels_of_the_shops_own_stay_linked(here: tuple[MedusaClient, Shop], journal: Journal) -> None:
    client, shop = here
    own = [shop.post("sales-channels", {"name": name})["sales_channel"]["id"] for name in ("A", "B", "C")]
    there = shop.post("stock-locations", {"name": NAME})["stock_location"]["id"]
    shop.post(f"stock-locations/{there}/sales-channels", {"add": own})
    found = ensure_location(client, journal=journal, run_id="one")
    assert (found.id, found.linked) == (there, True)
    row = shop.get(f"stock-locations/{there}", fields="sales_channels.id")["stock_location"]
    assert {each["id"] for each in row["sales_channels"]} == {*own, found.channel_id}
