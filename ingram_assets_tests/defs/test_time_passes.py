"""What the store says as time passes: old readings, orders since then, titles that people take away and back.

On a real store and a real queue. A reading is made old by the time that it says it was read.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import dagster as dg
import psycopg
import pytest

from ingram_assets.defs.keys import ISBNS_NAME, ORDERS, RETIRED_NAME
from ingram_assets.defs.storefront import sensors
from ingram_assets.defs.storefront.decisions import LOOKED_AT_TOGETHER
from ingram_assets.defs.storefront.definitions import defs
from ingram_assets.domain.stock import DcStock
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import PaceSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.storefront import NAME, Storefront, tick

pytestmark = pytest.mark.xdist_group("medusa")


@pytest.fixture(autouse=True)
def _an_empty_queue(storefront: Storefront) -> Iterator[None]:
    storefront.queue.sql("TRUNCATE ingram_queue, ingram_stock_history, ingram_unread RESTART IDENTITY")
    yield
    for name in (ISBNS_NAME, RETIRED_NAME):
        for isbn in storefront.instance.get_dynamic_partitions(name):
            storefront.instance.delete_dynamic_partition(name, isbn)


def read(shop: Storefront, isbn: str, *, hours_ago: float = 0, complete: bool = True, **counts: int) -> None:
    """A reading of these centers, made so long ago."""
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    stock = {dc: DcStock(copies, 0) for dc, copies in counts.items()}
    with QueueWriter(shop.queue.writer) as writer:
        (answer,) = writer.record_stock(
            [{"isbn": isbn, "observed_at": at, "stock": stock, "complete": complete}]
        )
    assert answer.outcome in ("first", "changed", "unchanged")


def told(shop: Storefront, isbn: str) -> dict[str, Any]:
    """What the store tells of a title, beside its level."""
    variant = shop.shop.variant(isbn)
    assert variant
    metadata = variant["metadata"]
    return {
        "status": metadata.get("availability"),
        "label": metadata.get("availability_label"),
        "back_order": variant["allow_backorder"],
        "level": shop.level(isbn),
    }


def make_old(shop: Storefront, isbn: str, hours: float) -> None:
    """As if so much time had passed since the title was read."""
    shop.queue.sql(
        """
        UPDATE ingram_queue SET
            stock_observed_at = stock_observed_at - make_interval(mins => %s),
            stock_json = (
                SELECT jsonb_object_agg(key, value || jsonb_build_object(
                    'readAt', (value->>'readAt')::timestamptz - make_interval(mins => %s)
                )) FROM jsonb_each(stock_json)
            )
        WHERE isbn = %s
        """,
        int(hours * 60),
        int(hours * 60),
        isbn,
    )


IN_STOCK = {"status": "in_stock", "label": "In stock", "back_order": False}
TO_ORDER = {"status": "backorder", "label": "Available to order", "back_order": True, "level": 0}
SOLD_OUT = {"status": "out_of_stock", "label": "Out of stock", "back_order": False, "level": 0}


@pytest.mark.parametrize(
    ("policy", "then"),
    [("backorder", TO_ORDER), ("out_of_stock", SOLD_OUT), ("keep", {**IN_STOCK, "level": 10})],
)
def test_an_old_reading_is_not_sold_as_in_stock(
    storefront: Storefront,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    then: dict[str, Any],
) -> None:
    monkeypatch.setenv("STALE_STOCK", policy)
    old, young = storefront.titles(2, copies=None)
    for isbn in (old, young):
        read(storefront, isbn, TN=10)
    assert storefront.push().succeeded
    assert told(storefront, old) == {**IN_STOCK, "level": 10}
    make_old(storefront, old, 25)
    make_old(storefront, young, 23)
    assert storefront.push().succeeded
    assert told(storefront, old) == then
    assert told(storefront, young) == {**IN_STOCK, "level": 10}
    read(storefront, old, TN=10)
    assert storefront.push().succeeded
    assert told(storefront, old) == {**IN_STOCK, "level": 10}


def test_a_whole_shop_that_grows_old_is_told_so_although_nothing_can_be_read(
    storefront: Storefront,
) -> None:
    """The site is down for a day: the guardrails doubt readings, and this needs none."""
    isbns = storefront.titles(8, copies=None)
    for isbn in isbns:
        read(storefront, isbn, TN=10)
    assert storefront.push().succeeded
    for isbn in isbns:
        make_old(storefront, isbn, 30)
    now = datetime.now(UTC)
    with QueueWriter(storefront.queue.writer) as writer:
        down = {"observed_at": now, "outcome": "transient", "reason": "The site did not answer."}
        writer.record_unread([{"isbn": isbn, **down} for isbn in isbns])
    done = storefront.push()
    assert done.succeeded, done.error
    assert [told(storefront, isbn) for isbn in isbns] == [TO_ORDER] * 8


def test_what_was_read_in_part_does_not_hold_an_old_count_alive(storefront: Storefront) -> None:
    (isbn,) = storefront.titles(1, copies=None)
    read(storefront, isbn, hours_ago=20, TN=0, CA=50)
    assert storefront.push().succeeded
    assert told(storefront, isbn)["level"] == 50
    for hours_ago in (15, 10, 5, 0):
        read(storefront, isbn, hours_ago=hours_ago, complete=False, TN=0)
    assert storefront.push().succeeded
    assert told(storefront, isbn)["level"] == 50, "a part of a page says nothing of the rest"
    make_old(storefront, isbn, 5)
    assert storefront.push().succeeded
    assert told(storefront, isbn) == TO_ORDER


def test_a_title_that_was_never_read_whole_is_not_sold_on_counts_that_are_gone(
    storefront: Storefront,
) -> None:
    (isbn,) = storefront.titles(1, copies=None)
    read(storefront, isbn, complete=False, TN=4)
    assert storefront.push().succeeded
    assert told(storefront, isbn) == {**IN_STOCK, "level": 4}
    read(storefront, isbn, complete=False, TN=0)
    assert storefront.push().succeeded
    assert told(storefront, isbn) == TO_ORDER


def test_a_center_that_left_the_page_is_not_sold(storefront: Storefront) -> None:
    (isbn,) = storefront.titles(1, copies=None)
    read(storefront, isbn, hours_ago=4, TN=3, CA=500)
    for hours_ago in (3, 2):
        read(storefront, isbn, hours_ago=hours_ago, TN=1)
    assert storefront.push().succeeded
    assert told(storefront, isbn)["level"] == 501
    read(storefront, isbn, TN=1)
    assert storefront.push().succeeded
    assert told(storefront, isbn)["level"] == 1


@pytest.mark.parametrize("mode", ["on_hand", "on_hand_plus_reserved"])
def test_copies_are_sold_once_whatever_is_pushed_in_between(
    storefront: Storefront,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    monkeypatch.setenv("INVENTORY_MODE", mode)
    (isbn,) = storefront.titles(1, copies=None)
    read(storefront, isbn, TN=5)
    assert storefront.push().succeeded
    (location,) = storefront.shop.get("stock-locations", name=NAME)["stock_locations"]
    if not storefront.shop.shipping_option_id:
        storefront.shop.open_checkout(location["id"])

    def available() -> float:
        return storefront.shop.shown(isbn)["inventory_quantity"]

    first = storefront.shop.order(isbn, 2)
    assert storefront.push().succeeded
    assert available() == 3
    storefront.shop.fulfil(first, location["id"])
    assert storefront.push().succeeded
    assert available() == 3, "the two that left are not for sale again"
    second = storefront.shop.order(isbn, 3)
    storefront.shop.fulfil(second, location["id"])
    for _ in range(2):
        assert storefront.push().succeeded
        assert available() == 0
    assert told(storefront, isbn)["status"] == "out_of_stock"
    read(storefront, isbn, TN=4)
    assert storefront.push().succeeded
    assert available() == 4, "a page that was read after the orders knows of them"


@pytest.mark.parametrize("mode", ["on_hand", "on_hand_plus_reserved"])
def test_what_a_cancellation_puts_back_on_sale_is_looked_at_within_a_minute(
    storefront: Storefront,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    """Nothing changes in the queue then: only the store knows of it."""
    monkeypatch.setenv("INVENTORY_MODE", mode)
    monkeypatch.setattr(sensors, "ORDERS_SETTLE", timedelta(0))
    (isbn,) = storefront.titles(1, copies=None)
    read(storefront, isbn, TN=10)
    assert storefront.push().succeeded
    (location,) = storefront.shop.get("stock-locations", name=NAME)["stock_locations"]
    if not storefront.shop.shipping_option_id:
        storefront.shop.open_checkout(location["id"])
    _, cursor = tick(storefront, "order_changes", datetime.now(UTC).isoformat())
    order = storefront.shop.order(isbn, 3)
    asked, cursor = tick(storefront, "order_changes", cursor)
    assert asked == [], "the store reserves what is ordered"
    storefront.shop.fulfil(order, location["id"])
    found = storefront.shop.get(f"orders/{order['id']}", fields="id,fulfillments.id")["order"]
    read(storefront, isbn, TN=7)
    assert storefront.push().succeeded
    _, cursor = tick(storefront, "order_changes", cursor)
    assert storefront.shop.shown(isbn)["inventory_quantity"] == 7
    storefront.shop.post(f"orders/{order['id']}/fulfillments/{found['fulfillments'][0]['id']}/cancel", {})
    storefront.shop.post(f"orders/{order['id']}/cancel", {})
    assert storefront.shop.shown(isbn)["inventory_quantity"] == 10, "as Medusa has it by itself"
    asked, cursor = tick(storefront, "order_changes", cursor)
    assert asked == [[isbn]]
    assert storefront.shop.shown(isbn)["inventory_quantity"] == 7
    assert tick(storefront, "order_changes", cursor)[0] == [], "each change is looked at once"


def test_which_titles_were_ordered_is_told_by_title_alone(
    storefront: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "ORDERS_SETTLE", timedelta(0))
    ordered, _ = storefront.titles(2, copies=10)
    assert storefront.push().succeeded
    (location,) = storefront.shop.get("stock-locations", name=NAME)["stock_locations"]
    if not storefront.shop.shipping_option_id:
        storefront.shop.open_checkout(location["id"])
    began = datetime.now(UTC).isoformat()
    storefront.shop.order(ordered, 1)
    repository = defs.get_repository_def()
    with dg.build_sensor_context(
        instance=storefront.instance, cursor=began, repository_def=repository, resources=defs.resources
    ) as context:
        data = repository.get_sensor_def("order_changes").evaluate_tick(context)
    told = [event for event in data.asset_events if isinstance(event, dg.AssetMaterialization)]
    assert [(event.asset_key, event.partition) for event in told] == [(ORDERS, ordered)]
    title = storefront.shop.product(ordered)["title"]
    assert {name: value.value for name, value in told[0].metadata.items()} == {"title": title}
    assert not data.run_requests, "the store reserves what is ordered"


@pytest.mark.parametrize("mode", ["on_hand", "on_hand_plus_reserved"])
def test_what_an_order_took_is_for_sale_again_once_it_was_counted_anew(
    storefront: Storefront,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    """The counts are the same as before, and no change of the queue asks for a push."""
    monkeypatch.setenv("INVENTORY_MODE", mode)
    (isbn,) = storefront.titles(1, copies=None)
    read(storefront, isbn, TN=10)
    assert storefront.push().succeeded
    (location,) = storefront.shop.get("stock-locations", name=NAME)["stock_locations"]
    if not storefront.shop.shipping_option_id:
        storefront.shop.open_checkout(location["id"])
    before = datetime.now(UTC)
    order = storefront.shop.order(isbn, 3)
    if mode == "on_hand":
        storefront.shop.fulfil(order, location["id"])
    monkeypatch.setattr(sensors, "ORDERS_SETTLE", timedelta(0))
    asked, cursor = tick(storefront, "order_changes", before.isoformat())
    assert asked == ([[isbn]] if mode == "on_hand" else []), "one that is only placed moves no level"
    assert storefront.shop.shown(isbn)["inventory_quantity"] == 7
    read(storefront, isbn, TN=10)
    later = before + load(PaceSettings).stock_sla + 2 * LOOKED_AT_TOGETHER
    monkeypatch.setattr(sensors, "time", SimpleNamespace(time=later.timestamp))
    asked, cursor = tick(storefront, "order_changes", cursor)
    assert asked == [[isbn]]
    assert storefront.shop.shown(isbn)["inventory_quantity"] == 10
    assert tick(storefront, "order_changes", cursor)[0] == [], "each order has one second look"


def test_a_reading_that_a_guardrail_holds_back_does_not_make_the_old_one_last(
    storefront: Storefront,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STOCK_MAX_AGE", "3600")
    isbns = storefront.titles(8, copies=None)
    for isbn in isbns:
        read(storefront, isbn, TN=10)
    assert storefront.push().succeeded
    for isbn in isbns:
        read(storefront, isbn, TN=0)
    stopped = storefront.push()
    assert not stopped.succeeded
    assert told(storefront, isbns[0])["level"] == 10, "a person is asked first"
    # Two hours later the store still goes by a reading that is too old, whatever was read since.
    for table in ("ingram_stock_history", "ingram_queue"):
        storefront.queue.sql(f"UPDATE {table} SET stock_changed_at = stock_changed_at - interval '2 hours'")
    with psycopg.connect(storefront.journal, autocommit=True) as journal:
        journal.execute(
            "UPDATE store_in_step SET stock_changed_at = stock_changed_at - interval '2 hours',"
            " pushed_at = pushed_at - interval '2 hours'"
        )
    asked, _ = tick(storefront, "clock_changes", None)
    assert [sorted(each) for each in asked] == [sorted(isbns)]
    # It is sold from no longer, and the newer one is not believed all the same.
    assert [told(storefront, isbn) for isbn in isbns] == [TO_ORDER] * 8
    assert tick(storefront, "clock_changes", None)[0] == []
    assert storefront.push().succeeded, "nothing in stock turns to zero any more"
    assert [told(storefront, isbn) for isbn in isbns] == [SOLD_OUT] * 8


def verdicts(shop: Storefront, run_id: str) -> list[bool]:
    """What a run said of the guardrails."""
    logs = shop.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return [entry.get_dagster_event().asset_check_evaluation_data.passed for entry in logs]


def test_a_push_of_some_is_no_all_clear_for_what_was_stopped(storefront: Storefront) -> None:
    isbns = storefront.titles(12)
    assert verdicts(storefront, storefront.push().run_id) == [True]
    storefront.read(isbns[:8], 0)
    assert verdicts(storefront, storefront.push().run_id) == [False]
    storefront.read(isbns[8:9], 9)
    fewer = storefront.push(isbns[8])
    assert fewer.succeeded
    assert storefront.level(isbns[8]) == 9
    assert verdicts(storefront, fewer.run_id) == [], "it says nothing of the eight"
    assert verdicts(storefront, storefront.push(let_through=True).run_id) == [True]


def test_a_dry_run_of_what_is_let_through_says_what_would_be_written(storefront: Storefront) -> None:
    (isbn,) = storefront.titles(1)
    assert storefront.push().succeeded
    with QueueWriter(storefront.queue.writer) as writer:
        writer.add_titles([{"isbn": isbn, "srp_price": "2.00"}])
    held = storefront.push(isbn, dry_run=True).reports[0]
    assert "Would keep its price" in held["failed"][0]["reason"]
    looked = storefront.push(isbn, dry_run=True, let_through=True).reports[0]
    assert looked["failed"] == []
    assert looked["details"]["changes"][isbn]["fields"]["price"]["after"] == 2


def test_a_preorder_ends_with_its_day(storefront: Storefront) -> None:
    tomorrow = (date.today() + timedelta(days=2)).isoformat()  # noqa: DTZ011
    (isbn,) = storefront.titles(1, copies=None, publication_date=tomorrow)
    assert storefront.push().succeeded
    assert told(storefront, isbn)["status"] == "preorder"
    storefront.queue.sql("UPDATE ingram_queue SET publication_date = '2026-01-05' WHERE isbn = %s", isbn)
    assert storefront.push().succeeded
    label = "Ask us whether we can get it"
    assert told(storefront, isbn) == {"status": "unknown", "label": label, "back_order": False, "level": 0}
    before = storefront.written()
    assert storefront.push().succeeded
    assert storefront.written() == before


def test_a_retired_title_is_touched_by_no_push_unless_it_is_named(storefront: Storefront) -> None:
    retired, other, waiting = storefront.titles(3)
    storefront.instance.add_dynamic_partitions(RETIRED_NAME, [waiting])
    assert storefront.push().succeeded
    assert storefront.shop.variant(waiting) is None, "not even its import"
    storefront.instance.add_dynamic_partitions(RETIRED_NAME, [retired])
    (location,) = storefront.shop.get("stock-locations", name=NAME)["stock_locations"]
    for isbn in (retired, other):
        storefront.shop.set_level(isbn, location["id"], 0)
    assert storefront.push().succeeded
    assert [storefront.level(isbn) for isbn in (retired, other)] == [0, 10]
    assert storefront.push(retired).succeeded
    assert storefront.level(retired) == 10


def enrich(shop: Storefront, isbn: str, *, routine: bool = False) -> None:
    """What an `ingram enrich` that finds nothing new records; with `routine` what a sweep does."""
    with QueueWriter(shop.queue.writer) as writer:
        title = {"isbn": isbn, "title": "A Book", "srp_price": "18.99", "binding": "Paperback"}
        (answer,) = writer.add_titles([title], routine=routine)
    assert answer.outcome == "unchanged"


def test_a_deleted_product_comes_back_when_a_person_asks_and_not_before(
    storefront: Storefront,
) -> None:
    deleted, there = storefront.titles(2)
    assert storefront.push().succeeded
    enrich(storefront, there)
    storefront.shop.delete(f"products/{storefront.shop.product(deleted)['id']}")
    done = storefront.push()
    ((named, reason),) = [(each["isbn"], each["reason"]) for each in done.reports[0]["failed"]]
    assert named == deleted
    assert f"ingram enrich {deleted}" in reason
    assert f"ingram retire {deleted}" in reason
    enrich(storefront, deleted, routine=True)
    storefront.push()
    assert storefront.shop.variant(deleted) is None, "a sweep asks for nothing"
    enrich(storefront, deleted)
    done = storefront.push()
    assert done.succeeded
    assert done.reports[0]["failed"] == []
    assert told(storefront, deleted) == {**IN_STOCK, "level": 10}
    assert storefront.row(deleted) == (True, None)
    with QueueReader(storefront.queue.reader) as reader:
        assert reader.wanted_again() == [], "each was asked for once"


def test_a_dry_run_says_what_would_come_back_and_writes_nothing(storefront: Storefront) -> None:
    (deleted,) = storefront.titles(1)
    assert storefront.push().succeeded
    storefront.shop.delete(f"products/{storefront.shop.product(deleted)['id']}")
    enrich(storefront, deleted)
    before = storefront.written(), storefront.row(deleted)
    (report,) = storefront.push(dry_run=True).reports
    assert report["details"]["changes"][deleted]["import"] == "create"
    assert (storefront.written(), storefront.row(deleted)) == before
    assert isinstance(storefront.instance, dg.DagsterInstance)
