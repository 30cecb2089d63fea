"""What is written while a guardrail doubts what was read since: what time ends, and what orders took."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ingram_assets.domain.lifetime import StalePolicy, age
from ingram_assets.domain.position import Fulfillment, InventoryMode, Orders, Reservation
from ingram_assets.domain.stock import UNSEEN, DcStock
from ingram_assets.domain.title import Title
from ingram_assets.store.last_told import as_told
from ingram_assets.store.levels import PushStopped
from ingram_assets.store.model import TitleInStore, Variant
from ingram_assets.store.plan import NO_ORDERS, Plan, TitlePlan, plan_levels
from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.store.test_plan import in_store, plan_one, with_level
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.readings import StockReading, merge_all
from ingram_assets_tests.testing.shop import READ_AT, TODAY, make_title

LATER = READ_AT + timedelta(minutes=30)
NEXT_DAY = READ_AT + timedelta(hours=25)
TOMORROW = TODAY + timedelta(days=1)
OUT = TODAY - timedelta(days=1)
FULFILLED = Fulfillment(10, ordered_at=LATER, made_at=LATER)
OF_BEFORE = READ_AT - timedelta(hours=1)
A_DAY = timedelta(hours=24)


def doubted(title: Title, **values: Any) -> Title:
    """The title with its page read anew, and wrong."""
    wrong: dict[str, Any] = {"stock": {"TN": DcStock(0, 0, "primary")}, "stock_observed_at": LATER}
    return replace(title, **wrong | values)


def told(
    title: Title,
    variant: Variant,
    aged: Collection[str] = (),
    *,
    today: date = TODAY,
    policy: StalePolicy = "backorder",
    expired: bool = False,
) -> Title | None:
    return as_told(title, variant, aged, today=today, policy=policy, expired=expired)


def owed(
    title: Title,
    actual: TitleInStore,
    orders: Orders,
    mode: InventoryMode = "on_hand",
    aged: Collection[str] = (),
) -> TitlePlan | None:
    """What is written of a title in spite of a guardrail, for its orders."""
    one = told(title, actual.variants[0], aged)
    return next(iter(_plan(one, actual, orders, mode).owed_to_orders().titles), None) if one else None


def ended(
    title: Title, was: Title, orders: Orders = NO_ORDERS, *, expired: bool = False, **level: float
) -> TitlePlan | None:
    """What is written of a title in spite of a guardrail, as time has passed since the store was told."""
    actual = with_level(in_store(was), **level) if level else in_store(was)
    one = told(title, actual.variants[0], today=TOMORROW, expired=expired)
    if one is None:
        return None
    plan = _plan(one, actual, orders, today=TOMORROW)
    return next(iter(plan.ended_by_time([one.isbn] if one.aged else []).titles), None)


def _plan(
    one: Title, actual: TitleInStore, orders: Orders, mode: InventoryMode = "on_hand", today: date = TODAY
) -> Plan:
    rules = StoreRules(inventory_mode=mode)
    return plan_levels([one], {one.isbn: actual}, today=today, rules=rules, orders={"item": orders})


def test_without_orders_nothing_is_owed_whatever_was_read() -> None:
    title = make_title(on_hand=10)
    for wrong in (
        doubted(title),
        doubted(title, stock={"TN": DcStock(10_000, 0, "primary")}),
        doubted(title, binding="E-Book"),
        doubted(title, publication_date=TOMORROW),
    ):
        assert owed(wrong, in_store(title), Orders()) is None


def test_what_medusa_put_back_on_sale_is_taken_off() -> None:
    title = make_title(on_hand=7)
    canceled = Fulfillment(3, OF_BEFORE, OF_BEFORE, canceled_at=LATER)
    plan = owed(doubted(title), with_level(in_store(title), stocked=10), Orders(fulfillments=(canceled,)))
    assert plan
    assert plan.quantities == {"stocked_quantity": 7, "incoming_quantity": 0}
    assert "this follows from counts of before, and orders" in plan.reasons[-1]


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
        {"availability": None},
    ],
)
def test_what_somebody_edited_is_left_and_what_is_sold_without_counts_too(metadata: dict[str, Any]) -> None:
    title = make_title(on_hand=10)
    (variant,) = in_store(title).variants
    assert told(doubted(title), variant)
    edited = replace(variant, metadata=variant.metadata | metadata)
    assert told(doubted(title), edited) is None
    assert told(doubted(title), replace(variant, manage_inventory=False)) is None


def test_what_somebody_edited_is_no_copies_once_it_expired() -> None:
    title = make_title(on_hand=10)
    (variant,) = in_store(title).variants
    edited = replace(variant, metadata=variant.metadata | {"ingram_stock": "ten"})
    one = told(doubted(title), edited, expired=True)
    assert one
    assert one.stock == {}


def test_what_was_never_read_whole_is_not_said_to_be_none() -> None:
    title = make_title(on_hand=10)
    (variant,) = in_store(title).variants
    one = told(doubted(title, stock={UNSEEN: DcStock(None, None)}), variant)
    assert one
    assert one.stock
    assert UNSEEN in one.stock


def test_counts_that_are_the_same_are_not_doubted() -> None:
    title = make_title(on_hand=10)
    (variant,) = in_store(title).variants
    again = replace(title, stock_observed_at=LATER)
    assert told(again, variant) is again
    for wrong in (replace(again, binding="E-Book"), replace(again, publication_date=TOMORROW)):
        one = told(wrong, variant)
        assert one
        assert (one.binding, one.publication_date, one.stock_observed_at) == (
            None if wrong.binding == "E-Book" else title.binding,
            None if wrong.publication_date == TOMORROW else title.publication_date,
            LATER,
        )


class TestEndedByTime:
    """What time changes is written of what the store was told last, and of no newer reading."""

    def preorder(self, copies: int | None = None) -> Title:
        return make_title(copies, publication_date=TOMORROW)

    def test_a_preorder_whose_day_came_never_becomes_a_file(self) -> None:
        for copies, status in ((None, "unknown"), (5, "in_stock"), (0, "out_of_stock")):
            was = self.preorder(copies)
            plan = ended(replace(was, binding="E-Book"), was)
            assert plan
            assert (plan.status, plan.flags["allow_backorder"]) == (status, False)
            assert "manage_inventory" not in plan.flags
            whole = plan_one(replace(was, binding="E-Book"), in_store(was))
            assert not whole.by_time, "it counts in the guardrail's share"

    def test_a_preorder_whose_day_came_has_the_copies_of_the_reading_before(self) -> None:
        was = self.preorder(5)
        read = replace(was, stock={"TN": DcStock(5000, 0, "primary")}, stock_observed_at=NEXT_DAY)
        plan = ended(read, was)
        assert plan
        assert plan.after
        assert (plan.status, plan.after.stocked, plan.level) == ("in_stock", 5, None)
        assert set(plan.flags["metadata"]) == {
            *("availability", "availability_state", "availability_label", "in_stock", "release_date"),
        }
        plan = ended(read, was, stocked=2)
        assert plan
        assert plan.level is None, "three were fulfilled, and do not come back"

    def test_a_doubted_day_of_publication_neither_comes_nor_keeps_the_told_one_from_coming(self) -> None:
        was = self.preorder(5)
        plan = ended(replace(was, publication_date=date(2099, 1, 1)), was)
        assert plan
        assert plan.status == "in_stock"
        later = replace(was, publication_date=TODAY + timedelta(days=30))
        assert ended(replace(later, publication_date=OUT), later) is None
        sold = make_title(on_hand=10, publication_date=OUT)
        old = age(sold, NEXT_DAY, A_DAY, "backorder")
        plan = ended(replace(old, publication_date=date(2099, 1, 1)), sold)
        assert plan
        assert plan.label == "Available to order", "and no preorder"

    def test_a_reading_that_is_too_old_is_not_sold_whatever_was_read_since(self) -> None:
        was = make_title(on_hand=10, publication_date=OUT)
        for count in (0, 7, 5000):
            read = replace(was, stock={"TN": DcStock(count, 0, "primary")}, stock_observed_at=NEXT_DAY)
            assert ended(read, was) is None, "the store's is not too old yet"
            plan = ended(read, was, expired=True)
            assert plan
            assert plan.after
            assert (plan.label, plan.after.stocked) == ("Available to order", 0)
            assert "ingram_stock" not in plan.flags["metadata"]

    @pytest.mark.parametrize(("at_pa", "status"), [(0, "backorder"), (3, "in_stock")])
    def test_old_copies_end_beside_a_center_whose_newer_count_is_doubted(
        self, at_pa: int, status: str
    ) -> None:
        stock = {"TN": DcStock(10, 0, "primary"), "PA": DcStock(at_pa, 0, "secondary")}
        was = replace(make_title(on_hand=10, publication_date=OUT), stock=stock)
        wrong = DcStock(5000, 0, "secondary")
        known = merge_all(
            StockReading(was.isbn, "ipage", at, False, {dc: counts})
            for at, dc, counts in ((READ_AT, "TN", stock["TN"]), (NEXT_DAY, "PA", wrong))
        )
        read = age(replace(was, known=known, stock={**stock, "PA": wrong}), NEXT_DAY, A_DAY, "backorder")
        plan = ended(read, was)
        assert plan
        assert plan.after
        assert (plan.status, plan.after.stocked) == (status, at_pa)

    def test_nothing_is_made_of_what_the_store_was_never_told(self) -> None:
        was = self.preorder(5)
        (variant,) = in_store(was, metadata={}).variants
        assert told(replace(was, binding="E-Book", publication_date=OUT), variant, expired=True) is None

    def test_copies_of_old_counts_that_orders_took_end_with_time(self) -> None:
        was = make_title(on_hand=5)
        old = age(was, NEXT_DAY, A_DAY, "backorder")
        plan = ended(old, was, Orders(fulfillments=(replace(FULFILLED, quantity=5),)), stocked=1)
        assert plan
        assert plan.after
        assert (plan.status, plan.after.stocked) == ("out_of_stock", 0)


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


@pytest.mark.xdist_group("medusa")
def test_a_title_that_shows_nothing_too_old_was_looked_at(bench: Bench) -> None:
    """So that the clock does not ask for it again and again."""
    title = make_title(on_hand=0)
    bench.import_(title)
    read = replace(title, stock={"TN": DcStock(9, 0, "primary")}, stock_observed_at=datetime.now(UTC))
    with pytest.raises(PushStopped) as stopped:
        bench.sync(read, halted="The site can't be read.", expired=lambda: [title.isbn])
    report = stopped.value.report
    assert report.of("unchanged") == [title.isbn]
    assert report.held_back == {title.isbn}
    assert bench.level(title.isbn) == (0, 0, 0)
