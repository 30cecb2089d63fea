"""Two absolute writes that meet: every order of their steps, played through, is found and put right."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.store.inventory.settle import LevelState, OrderEffect, OwnWrite, arrived, judge

NOON = datetime(2027, 2, 1, 12, tzinfo=UTC)


def effect(delta: int, seconds: float = 0, id: str = "fulfillment:ful_1") -> OrderEffect:
    return OrderEffect(id, delta, NOON + timedelta(seconds=seconds), "order_1")


def test_what_orders_did_explains_a_level() -> None:
    assert judge(10, 10, [], None) is LevelState.AGREES
    assert judge(10, 7, [effect(-2), effect(-1)], None) is LevelState.AGREES
    assert judge(10, 10, [effect(-2), effect(2, 1, "cancellation:ful_1")], None) is LevelState.AGREES


def test_a_hand_edit_explains_nothing() -> None:
    assert judge(10, 12, [], None) is LevelState.UNEXPLAINED
    assert judge(10, 12, [], OwnWrite(-2, NOON)) is LevelState.UNEXPLAINED, (
        "there is no order it could have met"
    )
    assert judge(10, 9, [effect(-2)], OwnWrite(4, NOON)) is LevelState.UNEXPLAINED


def test_an_order_that_came_after_our_write_was_not_overwritten_by_it() -> None:
    assert judge(10, 10, [effect(-2, 5)], OwnWrite(3, NOON)) is LevelState.UNEXPLAINED
    assert judge(10, 10, [effect(-2, -5)], OwnWrite(3, NOON)) is LevelState.OVERWRITTEN


STEPS = ("we read", "we write", "they read", "they write")
MEETING = [
    order
    for order in permutations(STEPS)
    if order.index("we read") < order.index("we write")
    and max(order.index("they read"), order.index("we read")) < order.index("they write")
]


@pytest.mark.parametrize("order", MEETING, ids=", ".join)
@given(start=st.integers(0, 30), ours=st.integers(-9, 9), theirs=st.integers(-9, -1))
def test_what_two_writes_lost_of_each_other_is_seen(
    order: tuple[str, ...], start: int, ours: int, theirs: int
) -> None:
    level, we_saw, they_saw = start, 0, 0
    for step in order:
        if step == "we read":
            we_saw = level
        elif step == "they read":
            they_saw = level
        else:
            level = we_saw + ours if step == "we write" else they_saw + theirs
    # A fulfillment is made before it reads the level.
    made = effect(theirs, -1 if order.index("they read") < order.index("we write") else 1)
    standing = judge(start + ours, level, [made], OwnWrite(ours, NOON))
    right = start + ours + theirs
    assert standing is (LevelState.AGREES if level == right else LevelState.OVERWRITTEN)


def test_a_write_without_an_answer_is_looked_for() -> None:
    assert arrived(10, 6, 10, []) is False
    assert arrived(10, 6, 6, []) is True
    assert arrived(10, 6, 8, [effect(-2)]) is False
    assert arrived(10, 6, 4, [effect(-2)]) is True
    assert arrived(10, 6, 6, [effect(-2)]) is True, "it overwrote the order's"
    assert arrived(10, 8, 8, [effect(-2)]) is False, "either way the level is right without it"
    assert arrived(10, 6, 50, []) is None
