"""A copy is sold once: what may be for sale after orders, fulfillments and readings in any order."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.availability import after_silence, availability
from ingram_assets.domain.labels import built_in
from ingram_assets.domain.lifetime import age, orders_count_since, sold_since
from ingram_assets.domain.position import Fulfillment, InventoryMode, Orders, Reservation, taken_since
from ingram_assets.domain.stock import UNSEEN, DcStock
from ingram_assets.domain.title import Title
from ingram_assets_tests.testing.readings import StockReading, merge_all

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
TODAY = date(2026, 11, 2)
ISBN = "9781639739134"


def hours(number: float) -> datetime:
    return BEGAN + timedelta(hours=number)


def test_on_hand_takes_off_what_was_fulfilled_since() -> None:
    orders = Orders(
        (Reservation(4, hours(1)),),
        (
            Fulfillment(1, hours(-9), hours(-1)),
            Fulfillment(2, hours(-9), hours(1)),
            Fulfillment(8, hours(1), hours(2), canceled_at=hours(3)),
        ),
    )
    taken = taken_since(BEGAN, orders, "on_hand")
    assert (taken.sold, taken.reserved) == (2, 0)


def test_plus_reserved_tells_orders_of_before_the_reading_from_those_after() -> None:
    orders = Orders(
        (Reservation(4, hours(-1)), Reservation(16, hours(1))),
        (Fulfillment(1, hours(-9), hours(1)), Fulfillment(2, hours(1), hours(2))),
    )
    taken = taken_since(BEGAN, orders, "on_hand_plus_reserved")
    assert (taken.sold, taken.reserved) == (2, 4)


@pytest.mark.parametrize("mode", ["on_hand", "on_hand_plus_reserved"])
def test_what_is_below_zero_counts_as_none(mode: InventoryMode) -> None:
    odd = Orders((Reservation(-3, hours(-1)),), (Fulfillment(-2, hours(1), hours(2)),))
    taken = taken_since(BEGAN, odd, mode)
    assert (taken.sold, taken.reserved) == (0, 0)


def title(*readings: StockReading) -> Title:
    known = merge_all(readings)
    at = max((one.read_at for one in readings), default=None)
    return Title(1, ISBN, "A Book", stock=known.stock, known=known, stock_observed_at=at)


def test_copies_are_taken_off_from_the_oldest_count_that_they_may_be_in() -> None:
    whole = StockReading(ISBN, "ipage", BEGAN, True, {"TN": DcStock(1, 0), "CA": DcStock(4, 0)})
    part = StockReading(ISBN, "ipage", hours(5), False, {"TN": DcStock(2, 0)})
    assert sold_since(title(whole, part)) == BEGAN
    gone = replace(part, counts={"TN": DcStock(0, 0)})
    assert sold_since(title(whole, gone)) == BEGAN
    assert sold_since(title(whole, replace(gone, counts={"CA": DcStock(0, 0)}))) == BEGAN
    assert sold_since(title(replace(whole, counts={"TN": DcStock(0, 0)}))) is None, "nothing is for sale"
    late = age(title(whole, part), hours(24.5), timedelta(hours=24), "backorder")
    assert late.aged
    assert (late.aged.fresh, sold_since(late)) == (2, hours(5)), "what is too old is not for sale"


def test_of_the_counts_that_still_hold_the_oldest_says_what_is_taken_off() -> None:
    newest_first = [
        StockReading(ISBN, "ipage", hours(hour), False, {dc: DcStock(copies, 0)})
        for hour, dc, copies in ((9, "TN", 1), (5, "PA", 2), (0, "CA", 4))
    ]
    late = age(title(*newest_first), hours(24.5), timedelta(hours=24), "backorder")
    assert late.aged
    assert (late.aged.fresh, sold_since(late)) == (3, hours(5))


@pytest.mark.parametrize(
    ("on_hand", "safety", "sold", "reserved", "level", "status"),
    [
        (10, 0, 0, 0, 10, "in_stock"),
        (10, 2, 3, 0, 5, "in_stock"),
        (10, 2, 8, 0, 0, "out_of_stock"),
        (10, 0, 3, 4, 11, "in_stock"),
        (1, 0, 3, 4, 2, "out_of_stock"),  # oversold by two: four are reserved
        (0, 0, 0, 4, 4, "out_of_stock"),
        (1, 5, 0, 4, 4, "out_of_stock"),
        (2, 0, 9, 0, 0, "out_of_stock"),
    ],
)
def test_the_level_is_what_was_counted_less_what_was_sold_and_what_the_store_holds(
    on_hand: int, safety: int, sold: int, reserved: int, level: int, status: str
) -> None:
    found = availability(
        {"TN": DcStock(on_hand, 0)},
        today=TODAY,
        safety_stock=safety,
        sold_quantity=sold,
        reserved_quantity=reserved,
        inventory_mode="on_hand_plus_reserved",
    )
    assert (found.stocked_quantity, found.status) == (level, status)


UNKNOWN = availability(None, today=TODAY)
PARTLY = {"TN": DcStock(0, 3), UNSEEN: DcStock(None, None)}


def test_a_title_in_stock_of_which_no_copy_is_known_any_more_is_not_sold_as_such() -> None:
    assert availability(PARTLY, today=TODAY).status == "unknown"
    found = after_silence(UNKNOWN, "in_stock", PARTLY, None, "backorder", built_in())
    assert (found.label, found.stocked_quantity, found.incoming_quantity) == ("Available to order", 0, 3)
    assert (found.allow_backorder, found.stale) == (True, True)
    found = after_silence(UNKNOWN, "in_stock", PARTLY, "OP", "backorder", built_in())
    assert (found.label, found.allow_backorder) == ("Out of stock", False)
    assert after_silence(UNKNOWN, "in_stock", PARTLY, None, "keep", built_in()) == UNKNOWN
    assert after_silence(UNKNOWN, "in_stock", None, None, "backorder", built_in()) == UNKNOWN, (
        "never read: left alone"
    )
    assert after_silence(UNKNOWN, "out_of_stock", PARTLY, None, "backorder", built_in()) == UNKNOWN
    assert after_silence(UNKNOWN, "preorder", None, None, "keep", built_in()).allow_backorder is False


@pytest.mark.parametrize(
    ("policy", "status", "back_order"),
    [("backorder", "backorder", True), ("out_of_stock", "out_of_stock", False), ("keep", "in_stock", False)],
)
def test_a_reading_has_a_lifetime(policy: str, status: str, back_order: bool) -> None:
    read = title(StockReading(ISBN, "ipage", BEGAN, True, {"TN": DcStock(5, 0)}))
    for late, expected in ((24.0, "in_stock"), (24.1, status)):
        one = age(read, hours(late), timedelta(hours=24), policy)  # type: ignore[arg-type]
        found = availability(one.stock, today=TODAY, aged=one.aged)
        assert found.status == expected
    assert found.allow_backorder is back_order
    assert found.stocked_quantity == (5 if policy == "keep" else 0)
    assert (
        found.label
        == {
            "backorder": "Available to order",
            "out_of_stock": "Out of stock",
            "keep": "In stock",
        }[policy]
    )


def test_zeros_and_preorders_do_not_spoil() -> None:
    zero = title(StockReading(ISBN, "ipage", BEGAN, True, {"TN": DcStock(0, 7)}))
    old = age(zero, hours(99), timedelta(hours=24), "out_of_stock")
    assert old.aged is None
    assert availability(old.stock, today=TODAY, aged=old.aged).status == "backorder"
    coming = title(StockReading(ISBN, "ipage", BEGAN, True, {"TN": DcStock(3, 0)}))
    coming = age(coming, hours(99), timedelta(hours=24), "out_of_stock")
    found = availability(coming.stock, date(2027, 2, 3), today=TODAY, aged=coming.aged)
    assert (found.status, found.allow_backorder, found.stocked_quantity) == ("preorder", True, 0)


def test_an_old_count_that_nobody_may_have_is_out_of_stock_whatever_the_policy() -> None:
    read = title(StockReading(ISBN, "ipage", BEGAN, True, {"TN": DcStock(5, 0)}))
    old = age(read, hours(99), timedelta(hours=24), "backorder")
    found = availability(old.stock, publisher_status="OP", today=TODAY, aged=old.aged)
    assert (found.status, found.allow_backorder) == ("out_of_stock", False)


def test_zeros_read_in_part_do_not_hold_an_old_count_alive() -> None:
    whole = StockReading(ISBN, "ipage", BEGAN, True, {"TN": DcStock(0, 0), "CA": DcStock(9, 0)})
    later = [StockReading(ISBN, "ipage", hours(hour), False, {"TN": DcStock(0, 0)}) for hour in range(1, 30)]
    one = age(title(whole, *later), hours(30), timedelta(hours=24), "out_of_stock")
    assert availability(one.stock, today=TODAY, aged=one.aged).stocked_quantity == 0


events = st.lists(
    st.tuples(
        st.integers(0, 40),  # the hour
        st.sampled_from(["complete", "partial", "order", "fulfill", "cancel"]),
        st.integers(0, 6),
        st.sampled_from(["TN", "CA"]),
    ),
    max_size=30,
)


@given(events=events, mode=st.sampled_from(["on_hand", "on_hand_plus_reserved"]), safety=st.integers(0, 2))
def test_never_more_copies_are_sold_than_the_last_counts_less_what_was_sold_since_allow(
    events: list[tuple[int, str, int, str]], mode: InventoryMode, safety: int
) -> None:
    """A store that is pushed before and after each event, and shoppers who take whatever it shows.

    Before as well, since time alone takes copies off sale, with a sensor that looks every few seconds.
    """
    readings: list[StockReading] = []
    level, reserved, shown = 0, 0, "unknown"
    waiting: list[tuple[datetime, int]] = []  # orders not fulfilled yet
    fulfillments: list[Fulfillment] = []
    sold: list[tuple[datetime, int]] = []

    def push(now: datetime) -> None:
        nonlocal level, shown
        if not readings:
            return
        one = age(title(*readings), now, timedelta(hours=24), "out_of_stock")
        orders = Orders(tuple(Reservation(of, at) for at, of in waiting), tuple(fulfillments))
        taken = taken_since(orders_count_since(one), orders, mode)
        found = availability(
            one.stock,
            today=TODAY,
            safety_stock=safety,
            sold_quantity=taken.sold,
            reserved_quantity=taken.reserved,
            inventory_mode=mode,
            aged=one.aged,
        )
        found = after_silence(found, shown, one.stock, None, "out_of_stock", built_in())
        if found.stocked_quantity is not None:
            level, shown = found.stocked_quantity, found.status

    for number, (hour, what, count, dc) in enumerate(sorted(events, key=lambda one: one[0])):
        now = hours(hour) + timedelta(seconds=number)
        push(now)
        if what == "complete":
            counts = {each: DcStock(count if each == dc else 0, 0) for each in ("TN", "CA")}
            readings.append(StockReading(ISBN, "ipage", now, True, counts))
        elif what == "partial":
            readings.append(StockReading(ISBN, "ipage", now, False, {dc: DcStock(count, 0)}))
        elif what == "order" and 0 < count <= level - reserved:
            one = age(title(*readings), now, timedelta(hours=24), "out_of_stock")
            since = sold_since(one)
            assert since is not None, "something was for sale that nobody had counted lately"
            assert now - since <= timedelta(hours=24)
            known = merge_all(readings)
            there = sum(
                center.counts.on_hand or 0
                for center in known.counted.values()
                if center.on_hand_at and now - center.on_hand_at <= timedelta(hours=24)
            )
            gone = sum(quantity for at, quantity in sold if at >= since)
            assert count <= max(0, there - safety) - gone
            sold.append((now, count))
            waiting.append((now, count))
            reserved += count
        elif what == "fulfill" and waiting:
            ordered_at, quantity = waiting.pop(0)
            fulfillments.append(Fulfillment(quantity, ordered_at, now))
            level, reserved = level - quantity, reserved - quantity
        elif what == "cancel" and waiting:
            ordered_at, quantity = waiting.pop()
            sold.remove((ordered_at, quantity))
            reserved -= quantity
        push(now)
