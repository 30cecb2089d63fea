"""What a shopper meets: carts and orders on the real store, before, during and after a sync."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, date, datetime

import httpx
import pytest

from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Aged, Title
from ingram_assets.store.read import read_touched
from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.interrupted import Network, client_on
from ingram_assets_tests.testing.shop import Refusal, make_title

pytestmark = pytest.mark.xdist_group("medusa")

ADDED_BACK = StoreRules(inventory_mode="on_hand_plus_reserved")


def read(title: Title, on_hand: int) -> Title:
    """The title with its page read now: after all that was ordered and fulfilled before."""
    return replace(title, stock={"TN": DcStock(on_hand, 0, "primary")}, stock_observed_at=datetime.now(UTC))


def test_a_title_at_zero_refuses_the_cart(bench: Bench) -> None:
    title = make_title(on_hand=3)
    bench.import_(title)
    bench.sync(read(title, 0))
    assert bench.shop.shown(title.isbn)["inventory_quantity"] == 0
    with pytest.raises(Refusal) as refusal:
        bench.shop.add_to_cart(title.isbn)
    assert refusal.value.body["code"] == "insufficient_inventory"


def test_a_back_order_and_a_preorder_are_ordered(bench: Bench) -> None:
    back_order = make_title(on_hand=0, on_order=40)
    preorder = make_title(on_hand=None, publication_date=date(2027, 2, 3))
    bench.import_(back_order, preorder)
    for title in (back_order, preorder):
        assert bench.shop.order(title.isbn)["status"] == "pending"
        assert bench.level(title.isbn) == (0, 1, (title.stock and 40) or 0)
    # More ordered than there is: as it should be for these, so nothing is oversold.
    report = bench.sync(back_order, preorder)
    assert report.of("unchanged") == [back_order.isbn, preorder.isbn]
    assert report.oversold == []


def test_an_unmanaged_title_switched_over_is_ordered(bench: Bench) -> None:
    title = make_title(on_hand=2)
    bench.import_unmanaged([title])
    bench.sync(title)
    bench.shop.order(title.isbn, 2)
    assert bench.level(title.isbn) == (2, 2, 0)
    with pytest.raises(Refusal):
        bench.shop.add_to_cart(title.isbn)


def test_an_order_reserves_and_the_next_sync_does_not_lose_it(bench: Bench) -> None:
    title, other = make_title(on_hand=10), make_title(on_hand=10)
    bench.import_(title, other)
    bench.shop.order(title.isbn, 2)
    bench.shop.order(other.isbn, 2)
    assert bench.level(title.isbn) == (10, 2, 0)
    bench.sync(read(title, 9))
    assert bench.level(title.isbn) == (9, 2, 0)
    assert bench.shop.shown(title.isbn)["inventory_quantity"] == 7
    # Ingram has taken the two out of its count already: they are added back, and 8 can be sold.
    bench.sync(read(other, 8), rules=ADDED_BACK)
    assert bench.level(other.isbn) == (10, 2, 0)
    assert bench.shop.shown(other.isbn)["inventory_quantity"] == 8


def test_a_fulfilled_order_is_right_after_the_next_sync(bench: Bench) -> None:
    title, other = make_title(on_hand=10), make_title(on_hand=10)
    bench.import_(title, other)
    for each in (title, other):
        bench.shop.fulfil(bench.shop.order(each.isbn, 2), bench.location.id)
        assert bench.level(each.isbn) == (8, 0, 0)
    assert bench.sync(read(title, 8)).of("written") == [title.isbn]  # only its metadata
    assert bench.level(title.isbn) == (8, 0, 0)
    # Ingram hears of the order later: the level is its count again, and no hand edit is reported.
    bench.shop.fulfil(bench.shop.order(title.isbn, 3), bench.location.id)
    report = bench.sync(read(title, 8))
    assert bench.level(title.isbn) == (8, 0, 0)
    assert report.repaired == []
    assert "5 copies were fulfilled since we wrote 10." in report.titles[title.isbn].reasons
    bench.sync(read(other, 8), rules=ADDED_BACK)
    assert bench.level(other.isbn) == (8, 0, 0)


def test_a_fulfillment_from_another_location_takes_nothing_off_ours(bench: Bench) -> None:
    title = make_title(on_hand=10)
    bench.import_(title)
    body = {"name": "The shop's shelf", "address": {"address_1": "1 Main St", "country_code": "us"}}
    shelf = bench.shop.post("stock-locations", body)["stock_location"]["id"]
    item = bench.shop.item(title.isbn)["id"]
    level = {"location_id": shelf, "stocked_quantity": 5}
    bench.shop.post(f"inventory-items/{item}/location-levels", level)
    channel = {"add": [bench.location.channel_id]}
    bench.shop.post(f"stock-locations/{shelf}/sales-channels", channel)
    try:
        order = bench.shop.order(title.isbn, 2)
        bench.shop.fulfil(order, shelf)
        assert bench.shop.level(title.isbn, shelf)["stocked_quantity"] == 3
        bench.sync(title)
        assert (bench.level(title.isbn) or (None,))[0] == 10
    finally:
        bench.shop.delete(f"stock-locations/{shelf}")


@pytest.mark.parametrize("mode", [StoreRules(), ADDED_BACK], ids=["on_hand", "on_hand_plus_reserved"])
def test_what_orders_sold_out_is_not_said_to_be_too_old(bench: Bench, mode: StoreRules) -> None:
    title, left = read(make_title(on_hand=10), 10), read(make_title(on_hand=10), 10)
    bench.import_(title, left)
    bench.shop.fulfil(bench.shop.order(title.isbn, 10), bench.location.id)
    bench.shop.fulfil(bench.shop.order(left.isbn, 9), bench.location.id)
    old = [replace(each, aged=Aged(0, None, "backorder")) for each in (title, left)]
    report = bench.sync(*old, rules=mode)
    assert [report.titles[each.isbn].label for each in old] == ["Out of stock", "Available to order"]


def test_copies_that_come_back_are_for_sale_when_they_were_counted_again(bench: Bench) -> None:
    """Medusa puts them on sale by itself. The look at changed orders finds the title, and a push mends it."""
    title = read(make_title(on_hand=10), 10)
    bench.import_(title)
    order = bench.shop.order(title.isbn, 2)
    bench.shop.fulfil(order, bench.location.id)
    returned = bench.shop.ask_back(order, bench.location.id, 2)
    begun = datetime.now(UTC)
    bench.shop.receive(returned, order, 2)
    assert bench.level(title.isbn) == (10, 0, 0)
    assert read_touched(bench.client, begun, datetime.now(UTC)) == {title.isbn: True}
    bench.sync(title)
    assert bench.level(title.isbn) == (8, 0, 0)
    bench.sync(read(title, 10))
    assert bench.level(title.isbn) == (10, 0, 0)


@pytest.mark.parametrize("mode", [StoreRules(), ADDED_BACK], ids=["on_hand", "on_hand_plus_reserved"])
def test_what_leaves_while_a_push_is_at_work_is_not_put_up_again(bench: Bench, mode: StoreRules) -> None:
    """Medusa's write of a level is absolute: it would put back what just left."""
    title = make_title(on_hand=10)
    bench.import_(title)
    order = bench.shop.order(title.isbn, 3)
    now = read(title, 8)

    def meanwhile(number: int, request: httpx.Request) -> None:
        if number == 1:
            assert request.url.path.endswith("location-levels/batch")
            bench.shop.fulfil(order, bench.location.id)

    with client_on(bench.shop.medusa, Network(before=meanwhile)) as client:
        bench.sync(now, client=client, rules=mode)
    # With added-back copies the order was placed before the reading, which knows of it.
    assert bench.level(title.isbn) == ((5 if mode == StoreRules() else 8), 0, 0)


def test_oversold_is_written_and_said_with_the_orders(bench: Bench) -> None:
    title = make_title(on_hand=10)
    bench.import_(title)
    bench.shop.order(title.isbn, 3)
    bench.shop.order(title.isbn, 2)
    report = bench.sync(read(title, 1))
    assert bench.level(title.isbn) == (1, 5, 0)
    (oversold,) = report.oversold
    assert (oversold.isbn, oversold.stocked, oversold.reserved, oversold.orders) == (title.isbn, 1, 5, 2)
    assert bench.shop.shown(title.isbn)["inventory_quantity"] == -4
    with pytest.raises(Refusal):
        bench.shop.add_to_cart(title.isbn)
    assert bench.sync(read(title, 1)).oversold == [oversold]  # said until it is not so


@pytest.mark.timeout(900)  # a third of a minute of Medusa's own work, on a machine that may have more to do
def test_a_hundred_orders_during_a_sync_lose_nothing(bench: Bench) -> None:
    titles = [make_title(on_hand=500) for _ in range(10)]
    bench.import_(*titles)
    for each in titles:  # free and without shipping: a cart is ready as it is
        item_id = bench.shop.item(each.isbn)["id"]
        bench.shop.post(f"inventory-items/{item_id}", {"requires_shipping": False})
        bench.shop.edit_product(each.isbn, shipping_profile_id=None)
        bench.shop.edit_variant(each.isbn, prices=[{"currency_code": "usd", "amount": 0}])
    with ThreadPoolExecutor(10) as pool:
        orders = [pool.submit(bench.shop.order_for_nobody, each.isbn) for _ in range(10) for each in titles]
        on_hand, waiting = 500, set(orders)
        while waiting:
            on_hand -= 1
            report = bench.sync(*(read(each, on_hand) for each in titles))
            assert report.failed == {}
            some_later = len(waiting) - 8
            while len(waiting) > max(0, some_later):
                _, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        assert len({each.result() for each in orders}) == 100
    assert 500 - on_hand > 5
    assert [bench.level(each.isbn) for each in titles] == [(on_hand, 10, 0)] * 10
    bench.sync(*(read(each, on_hand) for each in titles), rules=ADDED_BACK)
    assert [bench.level(each.isbn) for each in titles] == [(on_hand + 10, 10, 0)] * 10
