"""What orders owe of the counts that the store was told, while a guardrail doubts what was read since."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingram_assets.domain.position import Fulfillment, InventoryMode, Orders, Reservation
from ingram_assets.domain.stock import UNSEEN, DcStock
from ingram_assets.domain.title import Title
from ingram_assets.store.levels import PushStopped
from ingram_assets.store.model import Actual
from ingram_assets.store.plan import TitlePlan, plan_levels
from ingram_assets.store.rules import StoreRules
from ingram_assets.store.told import as_told
from ingram_assets_tests.store.test_plan import in_store, with_level
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.shop import READ_AT, TODAY, make_title

LATER = READ_AT + timedelta(minutes=30)
FULFILLED = Fulfillment(10, ordered_at=LATER, made_at=LATER)
OF_BEFORE = READ_AT - timedelta(hours=1)


def doubted(title: Title, **values: Any) -> Title:
    """The title with its page read anew, and wrong."""
    wrong: dict[str, Any] = {"stock": {"TN": DcStock(0, 0, "primary")}, "stock_observed_at": LATER}
    return replace(title, **wrong | values)


def owed(
    title: Title, actual: Actual, orders: Orders, mode: InventoryMode = "on_hand", aged: Collection[str] = ()
) -> TitlePlan | None:
    """What is written of a title in spite of a guardrail, for its orders."""
    told = as_told(title, actual.variants[0], aged, "backorder")
    if told is None:
        return None
    rules = StoreRules(inventory_mode=mode)
    plan = plan_levels([told], {title.isbn: actual}, today=TODAY, rules=rules, orders={"item": orders})
    return next(iter(plan.owed_to_orders().titles), None)


def test_without_orders_nothing_is_owed_whatever_was_read() -> None:
    title = make_title(on_hand=10)
    tomorrow = TODAY + timedelta(days=1)
    for wrong in (
        doubted(title),
        doubted(title, stock={"TN": DcStock(10_000, 0, "primary")}),
        doubted(title, binding="E-Book"),
        doubted(title, publication_date=tomorrow),
    ):
        assert owed(wrong, in_store(title), Orders()) is None


def test_what_medusa_put_back_on_sale_is_taken_off() -> None:
    title = make_title(on_hand=7)
    canceled = Fulfillment(3, OF_BEFORE, OF_BEFORE, canceled_at=LATER)
    plan = owed(doubted(title), with_level(in_store(title), stocked=10), Orders(fulfillments=(canceled,)))
    assert plan
    assert plan.quantities == {"stocked_quantity": 7, "incoming_quantity": 0}
    assert "this follows from its orders alone" in plan.reasons[-1]


def test_an_order_that_was_canceled_is_not_added_back() -> None:
    title, mode = make_title(on_hand=7), "on_hand_plus_reserved"
    had_two_orders = with_level(in_store(title), stocked=12, reserved=3)
    plan = owed(doubted(title), had_two_orders, Orders((Reservation(3, OF_BEFORE),)), mode)
    assert plan
    assert plan.quantities == {"stocked_quantity": 10, "incoming_quantity": 0}


def test_what_orders_sold_out_says_so() -> None:
    title = make_title(on_hand=10)
    plan = owed(doubted(title), with_level(in_store(title), stocked=0), Orders(fulfillments=(FULFILLED,)))
    assert plan
    assert (plan.status, plan.quantities) == ("out_of_stock", None)
    assert plan.flags["metadata"]["availability"] == "out_of_stock"
    assert "ingram_stock" not in plan.flags["metadata"], "the store is not told what is doubted"


def test_what_would_put_more_on_sale_waits() -> None:
    title = make_title(on_hand=10)
    assert owed(doubted(title), with_level(in_store(title), stocked=4), Orders()) is None


def test_centers_that_were_too_old_stay_so() -> None:
    title = make_title(on_hand=0)
    title = replace(title, stock={"TN": DcStock(5, 0), "PA": DcStock(3, 0)})
    level = with_level(in_store(title), stocked=5)
    plan = owed(doubted(title), level, Orders(), aged=("TN",))
    assert plan
    assert plan.quantities == {"stocked_quantity": 3, "incoming_quantity": 0}


@pytest.mark.parametrize(
    "metadata",
    [
        {"ingram_stock": "ten"},
        {"ingram_stock": None},
        {"stock_observed_at": "yesterday"},
        {"stock_observed_at": "2026-11-20T15:00:00"},
        {"availability": "preorder"},
        {"availability": None},
    ],
)
def test_what_somebody_edited_and_what_is_sold_without_counts_is_left(metadata: dict[str, Any]) -> None:
    title = make_title(on_hand=10)
    (variant,) = in_store(title).variants
    assert as_told(doubted(title), variant, (), "backorder")
    edited = replace(variant, metadata=variant.metadata | metadata)
    assert as_told(doubted(title), edited, (), "backorder") is None
    assert as_told(doubted(title), replace(variant, manage_inventory=False), (), "backorder") is None


def test_what_was_never_read_whole_is_not_said_to_be_none() -> None:
    title = make_title(on_hand=10)
    (variant,) = in_store(title).variants
    told = as_told(doubted(title, stock={UNSEEN: DcStock(None, None)}), variant, (), "backorder")
    assert told
    assert told.stock
    assert UNSEEN in told.stock


@pytest.mark.xdist_group("medusa")
def test_what_orders_owe_passes_a_guardrail_on_the_real_store(bench: Bench) -> None:
    titles = [make_title(on_hand=10) for _ in range(8)]
    bench.import_(*titles)
    sold_out, canceled = titles[0].isbn, titles[1].isbn
    bench.shop.fulfil(bench.shop.order(sold_out, 10), bench.location.id)
    order = bench.shop.order(canceled, 3)
    bench.shop.fulfil(order, bench.location.id)
    now = datetime.now(UTC)
    seven = replace(titles[1], stock={"TN": DcStock(7, 0, "primary")}, stock_observed_at=now)
    bench.sync(seven)
    (done,) = bench.shop.get(f"orders/{order['id']}", fields="id,fulfillments.id")["order"]["fulfillments"]
    bench.shop.post(f"orders/{order['id']}/fulfillments/{done['id']}/cancel", {})
    bench.shop.post(f"orders/{order['id']}/cancel", {})
    assert bench.level(canceled) == (10, 0, 0), "as Medusa has it by itself"
    zeros = [
        replace(each, stock={"TN": DcStock(0, 0, "primary")}, stock_observed_at=datetime.now(UTC))
        for each in titles
    ]
    with pytest.raises(PushStopped, match="but 2 titles with what their orders took") as stopped:
        bench.sync(*zeros)
    assert bench.level(canceled) == (7, 0, 0)
    assert [bench.level(each.isbn) for each in titles[2:]] == [(10, 0, 0)] * 6
    variant = bench.shop.variant(sold_out)
    assert variant
    assert variant["metadata"]["availability"] == "out_of_stock"
    assert stopped.value.report.owed == {sold_out, canceled}


@pytest.mark.xdist_group("medusa")
def test_a_push_that_orders_alone_explain_is_not_stopped(bench: Bench) -> None:
    title = make_title(on_hand=10)
    bench.import_(title)
    bench.shop.fulfil(bench.shop.order(title.isbn, 10), bench.location.id)
    report = bench.sync(title, halted="The site can't be read.")
    assert report.of("written") == [title.isbn]
    assert not report.held_back
