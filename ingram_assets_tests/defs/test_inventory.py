"""Inventory operations without a caller: swept by a sensor's runs, and counted beside every level."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest

from ingram_assets.defs.keys import RETIRED_NAME, STORE_INVENTORY
from ingram_assets.defs.storefront import sensors
from ingram_assets.defs.storefront.definitions import defs
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.inventory.model import Actor, Adjust, Operation, OperationDone, Reserve, SetQuantity
from ingram_assets.store.inventory.service import InventoryService
from ingram_assets.store.journal import Journal
from ingram_assets_tests.testing.fickle import FickleTransport, Killed
from ingram_assets_tests.testing.storefront import NAME, Storefront, tick

pytestmark = pytest.mark.xdist_group("medusa")

REPOSITORY = defs.get_repository_def()
ADA = Actor("person", "ada")


@dataclass
class Cellar:
    """A title on a shelf of the shop's own, and somebody who operates on it."""

    storefront: Storefront
    service: InventoryService
    way: FickleTransport
    isbn: str
    place: str
    cursor: str | None = None
    calls: int = 0

    def apply(self, operation: Operation) -> OperationDone:
        self.calls += 1
        key = f"{self.isbn} {self.calls}"
        return self.service.apply(operation, isbn=self.isbn, location="CELLAR", actor=ADA, key=key)

    @property
    def level(self) -> tuple[int, int]:
        found = self.storefront.shop.level(self.isbn, self.place)
        assert found
        return found["stocked_quantity"], found["reserved_quantity"]

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.storefront.journal, autocommit=True) as connection:
            connection.execute(statement.encode())

    def tick(self) -> dg.ExecuteInProcessResult | str:
        """One tick of the sensor; the run that it asked for, or why it asked for none."""
        with dg.build_sensor_context(
            instance=self.storefront.instance,
            cursor=self.cursor,
            repository_def=REPOSITORY,
            resources=defs.resources,
        ) as context:
            data: Any = REPOSITORY.get_sensor_def("inventory_work").evaluate_tick(context)
        self.cursor = data.cursor
        if not data.run_requests:
            return data.skip_message or ""
        (asked,) = data.run_requests
        return defs.resolve_job_def("inventory_sweep").execute_in_process(
            instance=self.storefront.instance,
            tags={**asked.tags, "dagster/run_key": str(asked.run_key)},
            raise_on_error=False,
        )

    def count(self) -> tuple[dict[str, Any], dg.AssetCheckEvaluation]:
        """What the asset says of itself and its check, once it is made."""
        done = defs.resolve_job_def("count_inventory").execute_in_process(instance=self.storefront.instance)
        (made,) = done.asset_materializations_for_node(STORE_INVENTORY.to_python_identifier())
        (check,) = done.get_asset_check_evaluations()
        return {name: value.value for name, value in made.metadata.items()}, check

    def lines(self) -> list[tuple[str, int, str]]:
        lines = self.service.ledger.lines(self.isbn)
        return [(line.operation, line.delta, str(line.actor)) for line in lines]

    @property
    def book(self) -> int:
        book = self.service.ledger.book((self.storefront.shop.item(self.isbn)["id"], self.place))
        return book.quantity if book else 0


@pytest.fixture(scope="module")
def place(storefront: Storefront) -> str:
    """A location of the shop's own from which orders are sent, beside Ingram's."""
    shop = storefront.shop
    storefront.titles(1)
    assert storefront.push().succeeded
    (ingram,) = shop.get("stock-locations", name=NAME, fields="id,sales_channels.id")["stock_locations"]
    body = {"name": "Cellar", "address": {"address_1": "1 Main St", "country_code": "us"}}
    made: str = shop.post("stock-locations", body)["stock_location"]["id"]
    channels = [each["id"] for each in ingram["sales_channels"]]
    shop.post(f"stock-locations/{made}/sales-channels", {"add": channels})
    shop.open_checkout(made)
    return made


@pytest.fixture
def cellar(storefront: Storefront, place: str) -> Iterator[Cellar]:
    (isbn,) = storefront.titles(1, copies=0)
    assert storefront.push(isbn, let_through=True).succeeded
    store, way = storefront.shop.medusa, FickleTransport()
    with (
        Journal(storefront.journal) as journal,
        StockLedger(storefront.journal) as ledger,
        MedusaClient(store.url, email=store.email, password=store.password, transport=way) as client,
    ):
        service = InventoryService(client, journal, ledger)
        cellar = Cellar(storefront, service, way, isbn, place)
        cellar.apply(SetQuantity(10))
        cellar.sql("UPDATE inventory_entry SET unseen_since = NULL")
        yield cellar


def runs(found: dg.ExecuteInProcessResult | str) -> dg.ExecuteInProcessResult:
    assert not isinstance(found, str), found
    return found


def test_a_reservation_whose_time_is_over_is_freed_by_the_next_run(cellar: Cellar) -> None:
    cellar.apply(Reserve(3, "Ada", datetime.now(UTC) + timedelta(hours=1)))
    cellar.sql("UPDATE inventory_entry SET unseen_since = NULL")
    assert cellar.tick() == "No things to sweep."
    cellar.sql("UPDATE inventory_reservation SET expires_at = now() - interval '1 second'")
    assert runs(cellar.tick()).success
    assert cellar.level == (10, 0)
    assert cellar.lines()[-1] == ("release", 0, "system:expiry")
    cellar.sql("UPDATE inventory_entry SET unseen_since = NULL")
    assert cellar.tick() == "No things to sweep."


def test_what_shoppers_read_follows_the_shops_own_copies(
    cellar: Cellar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "ORDERS_SETTLE", timedelta(0))
    shop, isbn = cellar.storefront.shop, cellar.isbn

    def told() -> tuple[str, str, bool, int]:
        shown = shop.shown(isbn)
        keys = ("availability_state", "availability_label", "in_stock")
        state, label, in_stock = (shown["metadata"][key] for key in keys)
        return state, label, in_stock, shown["inventory_quantity"]

    assert told() == ("hard_to_find", "Out of stock", False, 10)
    orders = datetime.now(UTC).isoformat()
    asked, shelves = tick(cellar.storefront, "shelf_changes", None)
    assert [isbn in each for each in asked] == [True]
    assert told() == ("on_shelf", "In stock, ships in 2 days", True, 10)
    assert cellar.level == (10, 0), "it is the person's"
    assert cellar.storefront.level(isbn) == 0
    _, shelves = tick(cellar.storefront, "shelf_changes", shelves)
    assert tick(cellar.storefront, "shelf_changes", shelves)[0] == [], "each change is looked at once"
    # The last copies are promised to an order, which moves no level.
    shop.order(isbn, 10)
    asked, _ = tick(cellar.storefront, "order_changes", orders)
    assert [isbn in each for each in asked] == [True]
    assert told() == ("hard_to_find", "Out of stock", False, 0)


def test_what_comes_back_lies_on_the_shelf_that_the_setting_names(
    storefront: Storefront, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "ORDERS_SETTLE", timedelta(0))
    shop, began = storefront.shop, datetime.now(UTC).isoformat()
    isbn, retired = storefront.titles(2)
    assert storefront.push(isbn, retired).succeeded
    # From then on the sensor knows of it, though it asks for no push.
    monkeypatch.setenv("RETURNS_TO", "cellar")
    _, cursor = tick(storefront, "order_changes", began)
    (ingram,) = shop.get("stock-locations", name=NAME)["stock_locations"]
    for each in (isbn, retired):
        order = shop.order(each)
        shop.fulfil(order, ingram["id"])
        shop.receive(shop.ask_back(order, ingram["id"], 1), order, 1)
    storefront.instance.add_dynamic_partitions(RETIRED_NAME, [retired])
    asked, _ = tick(storefront, "order_changes", cursor)
    assert asked == [[isbn]]

    def levels(each: str) -> tuple[float | None, float | None]:
        own = shop.level(each, place)
        return storefront.level(each), own and own["stocked_quantity"]

    assert (levels(isbn), levels(retired)) == ((9, 1), (10, None))
    (report,) = storefront.push(isbn, retired).reports
    assert levels(retired) == (9, 1), "whoever names it means it"
    (note,) = [one for one in report["notes"] if "return" in one]
    assert note == f"A return of 1 copy, order #{order['display_id']}, of {retired} went to Cellar."
    storefront.instance.delete_dynamic_partition(RETIRED_NAME, retired)


def test_a_shelf_for_returns_that_is_not_there_stops_a_push(
    storefront: Storefront, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (isbn,) = storefront.titles(1)
    monkeypatch.setenv("RETURNS_TO", "Celar")
    done = storefront.push(isbn)
    assert not done.succeeded
    assert "RETURNS_TO can't be meant: There is no location 'Celar'. The nearest: CELLAR." in str(done.error)
    assert storefront.shop.variant(isbn) is None, "nothing was written"


def test_what_broke_off_is_finished_and_looked_at_again(cellar: Cellar) -> None:
    cellar.way.fate = lambda request, number: "killed after"
    with pytest.raises(Killed):
        cellar.apply(Adjust(-2))
    assert cellar.tick() == "No things to sweep.", "its caller may still be at work on it"
    cellar.sql("UPDATE inventory_ledger SET at = at - interval '1 minute' WHERE state = 'pending'")
    assert runs(cellar.tick()).success
    assert [line.state for line in cellar.service.ledger.lines(cellar.isbn)][-1] == "done"
    assert (cellar.level, cellar.book) == ((8, 0), 8)
    cellar.sql("UPDATE inventory_entry SET unseen_since = unseen_since - interval '1 minute'")
    assert runs(cellar.tick()).success
    assert cellar.tick() == "No things to sweep."


def test_what_can_t_be_swept_fails_and_is_asked_for_again_after_a_while(
    cellar: Cellar, monkeypatch: pytest.MonkeyPatch
) -> None:
    cellar.apply(Reserve(3, "Ada", datetime.now(UTC) + timedelta(hours=1)))
    cellar.sql("UPDATE inventory_entry SET unseen_since = NULL")
    cellar.sql("UPDATE inventory_reservation SET expires_at = now() - interval '1 second'")
    with monkeypatch.context() as away:
        away.setenv("MEDUSA_BACKEND_URL", "http://127.0.0.1:1")
        done = runs(cellar.tick())
    assert not done.success
    said = " ".join(str(event.event_specific_data) for event in done.all_events if event.is_failure)
    assert "1 of 1 things are left for the next sweep" in said
    answer = cellar.tick()
    assert isinstance(answer, str)
    assert "the last sweep failed, again in 1" in answer
    cellar.service.expire_reservations(datetime.now(UTC))
    cellar.sql("UPDATE inventory_entry SET unseen_since = NULL")


def test_the_hourly_count_enters_what_orders_and_unknown_hands_did(cellar: Cellar) -> None:
    shop = cellar.storefront.shop
    cellar.count()
    order = shop.order(cellar.isbn, 4)
    shop.fulfil(order, cellar.place)
    shop.receive(shop.ask_back(order, cellar.place, 1), order, 1)
    told, _ = cellar.count()
    assert cellar.lines()[-2:] == [
        ("order_fulfillment", -4, f"order:{order['id']}"),
        ("order_return", 1, f"order:{order['id']}"),
    ]
    assert (told["books_settled"], told["by_orders"], told["by_unknown_hands"]) == (1, 2, 0)
    shop.set_level(cellar.isbn, cellar.place, 30)
    told, _ = cellar.count()
    assert cellar.lines()[-1] == ("found", 23, "unknown:hand")
    assert (told["by_orders"], told["by_unknown_hands"], cellar.book) == (0, 1, 30)
    told, _ = cellar.count()
    assert (told["books_settled"], told["books_left"], told["books_waiting"]) == (0, 0, 0)
    shop.remove_level(cellar.isbn, cellar.place)
    cellar.count()
    assert cellar.book == 0


def test_a_shelf_that_nobody_operated_on_gets_a_book(cellar: Cellar) -> None:
    (other,) = cellar.storefront.titles(1)
    assert cellar.storefront.push(other).succeeded
    cellar.storefront.shop.set_level(other, cellar.place, 7)
    cellar.count()
    lines = cellar.service.ledger.lines(other)
    assert [(line.operation, line.location_id, line.delta) for line in lines] == [
        ("opening", cellar.place, 7)
    ], "not at Ingram's location: what the sync writes is in the journal"


def test_the_count_has_sums_to_plot_and_warns_of_low_shelves(cellar: Cellar) -> None:
    before, _ = cellar.count()
    cellar.apply(SetQuantity(13))
    cellar.apply(Reserve(2))
    told, _ = cellar.count()
    assert told["quantity"] - before["quantity"] == 3
    assert told["available"] - before["available"] == 1
    assert told["locations"] == 2
    cellar.apply(SetQuantity(4))
    _, check = cellar.count()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    table = check.metadata["titles"]
    assert isinstance(table, dg.TableMetadataValue)
    rows = [record.data for record in table.records]
    assert {"isbn": cellar.isbn, "title": "A Book", "location": "CELLAR", "available": 2} in rows
    assert not [row for row in rows if row["location"] != "CELLAR"], "Ingram's own shelves are the sync's"
