"""What a whole page of an account shows: learnt from its pages, unlearnt slowly."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingram_assets.domain.completeness import (
    FEWEST_PAGES,
    FIRST_GUESS,
    SECONDS_TO_UNLEARN,
    SWEEPS_TO_UNLEARN,
    Habit,
    Shape,
    from_json,
    is_complete,
    learnt,
    to_json,
    usual_shape,
)

NOTHING, OWN, OTHERS = Shape(False, 0), Shape(True, 0), Shape(False, 1)
BOTH, THREE = Shape(True, 1), Shape(True, 2)
HOUR = 3600.0

shapes = st.builds(Shape, st.booleans(), st.integers(0, 3))
pages = st.dictionaries(shapes, st.integers(1, 2000))
habits = st.builds(Habit, shapes, st.integers(0, 50), st.none() | st.floats(0, 1e9))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, None),
        ({OWN: FEWEST_PAGES - 1}, None),
        ({OWN: FEWEST_PAGES}, OWN),
        ({OTHERS: 40}, OTHERS),
        ({BOTH: 40}, BOTH),
        ({BOTH: 90, OWN: 30}, BOTH),
        ({BOTH: 30, OWN: 90}, BOTH),
        ({BOTH: 5, OWN: 95}, OWN),
        ({BOTH: 6, OWN: 94}, BOTH),
        ({OWN: 50, OTHERS: 50}, BOTH),
        ({THREE: 20, BOTH: 80}, THREE),
        # None of three tables is seldom, though each number of them is.
        ({THREE: 4, BOTH: 4, OWN: 92}, BOTH),
    ],
)
def test_the_usual_shape(seen: dict[Shape, int], expected: Shape | None) -> None:
    assert usual_shape(seen) == expected


def test_an_account_with_one_table_has_whole_pages_with_one() -> None:
    habit = learnt(None, {OWN: 40}, 0)
    assert habit == Habit(OWN)
    assert is_complete(OWN, habit)
    assert is_complete(BOTH, habit)
    assert not is_complete(OTHERS, habit)
    assert not is_complete(None, habit)


def test_with_too_few_pages_nothing_is_learnt() -> None:
    assert learnt(None, {OWN: FEWEST_PAGES - 1}, 0) is None
    assert learnt(Habit(BOTH, 2, 5.0), {OWN: 3}, 9) == Habit(BOTH, 2, 5.0)
    assert not is_complete(OWN, FIRST_GUESS)


def test_one_sweep_that_shows_less_unlearns_nothing() -> None:
    habit = learnt(Habit(BOTH), {OWN: 5000}, 1000.0)
    assert habit == Habit(BOTH, 1, 1000.0)
    assert not is_complete(OWN, habit)


def test_many_sweeps_over_a_day_unlearn() -> None:
    habit: Habit | None = Habit(BOTH)
    hours = 0
    while habit is not None and habit.shape == BOTH:
        habit = learnt(habit, {OWN: 40}, hours * HOUR)
        hours += 1
    assert habit == Habit(OWN)
    assert (hours - 1) * HOUR == SECONDS_TO_UNLEARN


def test_a_day_without_sweeps_is_no_evidence() -> None:
    habit: Habit | None = Habit(BOTH)
    for sweep in range(SWEEPS_TO_UNLEARN):
        assert habit is not None
        assert habit.shape == BOTH
        habit = learnt(habit, {OWN: 40}, sweep * 5 * SECONDS_TO_UNLEARN)
    assert habit == Habit(OWN)


def test_one_whole_sweep_between_begins_the_count_anew() -> None:
    assert learnt(Habit(BOTH, 40, 0.0), {BOTH: 40}, 99 * HOUR) == Habit(BOTH)


def test_more_is_believed_at_once() -> None:
    assert learnt(Habit(OWN), {BOTH: 30, OWN: 10}, 0) == Habit(BOTH)


@given(pages)
def test_what_is_usual_is_shown_by_some_page_and_left_out_parts_by_few(seen: dict[Shape, int]) -> None:
    shape = usual_shape(seen)
    total = sum(seen.values())
    if shape is None:
        assert total < FEWEST_PAGES
        return
    assert shape.own in {one.own for one in seen}
    assert shape.others <= max(one.others for one in seen)
    assert sum(count for one, count in seen.items() if one.others > shape.others) <= total * 0.05
    assert shape.own or sum(count for one, count in seen.items() if one.own) <= total * 0.05


@given(habits, pages, st.floats(0, 1e9))
@example(Habit(BOTH, 2, 0.0), {OWN: 40}, SECONDS_TO_UNLEARN)
def test_no_single_sweep_makes_a_page_whole(known: Habit, seen: dict[Shape, int], now: float) -> None:
    """Only the last of many sweeps can: what it needs is counted beforehand."""
    after = learnt(known, seen, now)
    assert after is not None
    since = now if known.since is None else known.since
    if known.sweeps + 1 < SWEEPS_TO_UNLEARN or now - since < SECONDS_TO_UNLEARN:
        for shape in [*seen, NOTHING, OWN, OTHERS, BOTH, THREE]:
            assert is_complete(shape, known) or not is_complete(shape, after)


@given(habits)
def test_a_habit_is_carried_over(habit: Habit) -> None:
    assert from_json(to_json(habit)) == habit


@pytest.mark.parametrize(
    "data", [None, 7, {}, {"own": 1, "others": 1, "sweeps": 0}, {"own": True, "others": "1", "sweeps": 0}]
)
def test_what_is_no_habit_is_learnt_anew(data: object) -> None:
    assert from_json(data) is None


def test_shapes_are_named_for_a_person() -> None:
    told = [str(shape) for shape in (NOTHING, OWN, OTHERS, BOTH, THREE)]
    assert told == [
        "no table",
        "the account's own table",
        "other centers",
        "the account's own table and other centers",
        "the account's own table and 2 tables of other centers",
    ]
    assert Counter(told).most_common(1)[0][1] == 1
