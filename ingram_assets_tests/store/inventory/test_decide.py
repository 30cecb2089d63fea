"""What each inventory operation does to an entry: worlds nobody wrote down, and the refusals one by one."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.store.inventory.decide import decide
from ingram_assets.store.inventory.model import (
    Adjust,
    Decision,
    Delete,
    Fulfill,
    Hold,
    LevelChange,
    NewReservation,
    Operation,
    Refusal,
    RefusalKind,
    Release,
    ReservationChange,
    Reserve,
    SetQuantity,
    StockEntry,
    Transfer,
    Unfulfill,
)

DAY = datetime(2027, 2, 1, tzinfo=UTC)


def held(*quantities: int, of_orders: int = 0) -> tuple[Hold, ...]:
    """Reservations `r0`, `r1` …; the last `of_orders` are orders' own."""
    first_of_orders = len(quantities) - of_orders
    return tuple(
        Hold(f"r{n}", quantity, DAY, line_item_id=f"item_{n}" if n >= first_of_orders else None)
        for n, quantity in enumerate(quantities)
    )


def entry(quantity: int = 10, *reservations: Hold, **more: object) -> StockEntry:
    reserved = sum(each.quantity for each in reservations)
    usual = {"level_id": "level", "location_id": "shelf", "reserved": reserved, "reservations": reservations}
    return StockEntry("9780000000019", "item", **(usual | {"quantity": quantity} | more))  # type: ignore[arg-type]


def refused(operation: Operation, here: StockEntry, **more: object) -> RefusalKind:
    answer = decide(operation, here, **more)  # type: ignore[arg-type]
    assert isinstance(answer, Refusal), answer
    assert answer.message.endswith(".")
    return answer.kind


def steps(operation: Operation, here: StockEntry, **more: object) -> tuple[object, ...]:
    answer = decide(operation, here, **more)  # type: ignore[arg-type]
    assert isinstance(answer, Decision), answer
    return answer.steps


def test_copies_that_are_back_are_held_before_they_are_for_sale() -> None:
    held_first = NewReservation(3, "Ada", DAY, copies_follow=True)
    assert steps(Unfulfill(3, "Ada", DAY), entry(0)) == (held_first, LevelChange("shelf", 0, 3))
    assert len(steps(Unfulfill(3), entry(1, is_synced=True))) == 2, "as a fulfillment is allowed there"
    assert refused(Unfulfill(0), entry()) is RefusalKind.INVALID
    assert refused(Unfulfill(1), entry(0, level_id=None)) is RefusalKind.NO_ENTRY
    assert refused(Unfulfill(1), entry(1_000_000)) is RefusalKind.INVALID


def test_a_quantity_is_set_and_a_missing_entry_made() -> None:
    assert steps(SetQuantity(4), entry(10)) == (LevelChange("shelf", 10, 4),)
    assert steps(SetQuantity(0), entry(0, level_id=None)) == (LevelChange("shelf", None, 0),)
    assert steps(SetQuantity(10), entry(10)) == ()


def test_an_adjustment_never_goes_below_nothing() -> None:
    assert steps(Adjust(-10), entry(10)) == (LevelChange("shelf", 10, 0),)
    assert refused(Adjust(-11), entry(10)) is RefusalKind.NOT_ENOUGH
    assert steps(Adjust(3), entry(-2)) == (LevelChange("shelf", -2, 1),)
    assert steps(Adjust(0), entry(10)) == ()


@pytest.mark.parametrize("operation", [SetQuantity(1), Adjust(-1), Transfer(1), Delete()])
def test_the_quantity_at_ingram_s_location_is_the_sync_s(operation: Operation) -> None:
    other = entry(5, location_id="cellar")
    assert refused(operation, entry(10, is_synced=True), target=other) is RefusalKind.OWNED_BY_SYNC


def test_copies_at_ingram_s_location_are_held_released_and_fulfilled() -> None:
    here = entry(10, *held(2), is_synced=True)
    assert steps(Reserve(8), here) == (NewReservation(8, None, None),)
    assert steps(Release(reservation_id="r0"), here) == (ReservationChange("r0", 2, 0),)
    assert steps(Fulfill(2), here) == (LevelChange("shelf", 10, 8), ReservationChange("r0", 2, 0))
    assert refused(Transfer(1), entry(10), target=here) is RefusalKind.INVALID
    assert refused(Transfer(1), entry(10, location_id="cellar"), target=here) is RefusalKind.OWNED_BY_SYNC


def test_more_than_there_is_is_held_only_of_a_title_on_back_order() -> None:
    assert refused(Reserve(11), entry(10)) is RefusalKind.NOT_ENOUGH
    assert refused(Reserve(9), entry(10, *held(2))) is RefusalKind.NOT_ENOUGH
    assert steps(Reserve(11), entry(10, allow_backorder=True)) == (NewReservation(11, None, None),)
    assert entry(10, *held(15)).available == -5, "oversold is shown, not clamped"


def test_a_reserved_quantity_below_nothing_holds_nothing() -> None:
    assert entry(10, reserved=-4).available == 10


def test_the_oldest_reservations_are_taken_first_and_the_last_in_part() -> None:
    here = entry(10, *held(2, 3, 4))
    assert steps(Release(4), here) == (ReservationChange("r0", 2, 0), ReservationChange("r1", 3, 1))
    assert refused(Release(10), here) is RefusalKind.NOT_ENOUGH


def test_one_reservation_is_taken_whole_or_in_part() -> None:
    here = entry(10, *held(2, 3))
    assert steps(Release(reservation_id="r1"), here) == (ReservationChange("r1", 3, 0),)
    assert steps(Release(1, "r1"), here) == (ReservationChange("r1", 3, 2),)
    assert refused(Release(4, "r1"), here) is RefusalKind.NOT_ENOUGH
    assert refused(Release(reservation_id="none"), here) is RefusalKind.NO_RESERVATION
    assert refused(Release(), here) is RefusalKind.INVALID


def test_what_an_order_holds_is_the_order_s() -> None:
    here = entry(10, *held(2, 3, of_orders=1))
    assert refused(Fulfill(reservation_id="r1"), here) is RefusalKind.HELD_BY_ORDER
    assert refused(Release(3), here) is RefusalKind.NOT_ENOUGH
    assert steps(Release(2), here) == (ReservationChange("r0", 2, 0),)


def test_what_is_not_there_is_fulfilled_only_of_a_title_on_back_order() -> None:
    assert refused(Fulfill(3), entry(2, *held(3))) is RefusalKind.NOT_ENOUGH
    late = entry(2, *held(3), allow_backorder=True)
    assert steps(Fulfill(3), late) == (LevelChange("shelf", 2, -1), ReservationChange("r0", 3, 0))


def test_an_entry_with_reservations_is_not_deleted() -> None:
    assert refused(Delete(), entry(10, *held(1))) is RefusalKind.HAS_RESERVATIONS
    assert steps(Delete(), entry(10)) == (LevelChange("shelf", 10, None),)
    assert refused(Delete(), entry(level_id=None)) is RefusalKind.NO_ENTRY


def test_a_transfer_takes_what_nobody_holds() -> None:
    there = entry(1, location_id="cellar")
    expected = (LevelChange("shelf", 10, 4), LevelChange("cellar", 1, 7))
    assert steps(Transfer(6), entry(10), target=there) == expected
    assert refused(Transfer(9), entry(10, *held(2)), target=there) is RefusalKind.NOT_ENOUGH
    assert refused(Transfer(1), entry(10), target=entry(10)) is RefusalKind.INVALID


@pytest.mark.parametrize("quantity", [-1, 1_000_001])
def test_a_quantity_that_can_t_be_meant_changes_nothing(quantity: int) -> None:
    here = entry(10, *held(2))
    for operation in (SetQuantity(quantity), Reserve(quantity), Release(quantity), Fulfill(quantity)):
        assert refused(operation, here) is RefusalKind.INVALID
    assert refused(Transfer(quantity), here, target=entry(1, location_id="cellar")) is RefusalKind.INVALID


@pytest.mark.parametrize(
    "operation", [SetQuantity(1), Adjust(1), Reserve(1), Release(1), Fulfill(1), Delete(), Transfer(1)]
)
def test_a_caller_who_saw_another_quantity_is_told(operation: Operation) -> None:
    assert refused(operation, entry(10, *held(2)), expected_quantity=9) is RefusalKind.STALE


def test_a_digital_title_is_held_without_end_and_never_counted() -> None:
    here = entry(0, level_id=None, is_unlimited=True)
    assert here.available == 999_999
    for operation in (Reserve(1_000_000), Release(3), Fulfill(3), Release(reservation_id="r0")):
        assert steps(operation, here) == ()
    assert refused(Reserve(0), here) is RefusalKind.INVALID
    for change in (SetQuantity(1), Adjust(1), Delete(), Transfer(1)):
        assert refused(change, here) is RefusalKind.UNLIMITED


NUMBERS = st.integers(-3, 40)
OPERATIONS = st.one_of(
    st.builds(SetQuantity, NUMBERS),
    st.builds(Adjust, NUMBERS),
    st.builds(Reserve, NUMBERS),
    st.builds(Release, st.none() | NUMBERS, st.none() | st.sampled_from(["r0", "r1"])),
    st.builds(Fulfill, st.none() | NUMBERS, st.none() | st.sampled_from(["r0", "r1"])),
    st.builds(Transfer, NUMBERS),
    st.builds(Delete),
)


@given(OPERATIONS, NUMBERS, st.lists(st.integers(1, 9), max_size=3), NUMBERS, st.booleans())
def test_no_step_has_a_copy_too_many_for_sale(
    operation: Operation, quantity: int, holds: list[int], elsewhere: int, allow_backorder: bool
) -> None:
    """After each step no more is for sale, over both locations, than before the operation or after it."""
    here = entry(quantity, *held(*holds), allow_backorder=allow_backorder)
    answer = decide(operation, here, target=entry(elsewhere, location_id="cellar"))
    if isinstance(answer, Refusal):
        return
    stocked = {"shelf": quantity, "cellar": elsewhere}
    reserved = sum(holds)
    for_sale = [sum(stocked.values()) - reserved]
    for step in answer.steps:
        match step:
            case LevelChange(location_id=location, before=before, after=after):
                assert before == stocked[location]
                stocked[location] = after or 0
            case NewReservation(quantity=copies):
                reserved += copies
            case ReservationChange(before=before, after=after):
                reserved -= before - after
        for_sale.append(sum(stocked.values()) - reserved)
    assert max(for_sale) <= max(for_sale[0], for_sale[-1])
    if isinstance(operation, Transfer):
        assert sum(stocked.values()) == quantity + elsewhere
    if isinstance(operation, Fulfill):
        assert for_sale[0] == for_sale[-1], "what was held was not for sale"
