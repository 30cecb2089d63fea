"""Guardrails: they stop what no honest day does, at exactly their thresholds."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.guardrails import Thresholds, mass_zero, search_shrunk, too_many_unread

DEFAULT = Thresholds()
percents = st.integers(0, 100)


def levels(count: int, level: int = 5) -> dict[str, int]:
    return {str(number): level for number in range(count)}


def turned(before: dict[str, int], zeros: int) -> dict[str, int]:
    return {isbn: 0 if place < zeros else level for place, (isbn, level) in enumerate(before.items())}


@pytest.mark.parametrize(
    ("tracked", "zeros", "stopped"),
    [
        *((100, 0, False), (100, 30, False), (100, 31, True), (100, 100, True)),
        *((4, 4, False), (5, 5, True), (10, 4, False), (10, 5, True), (16, 5, True), (17, 5, False)),
        *((10, 3, False), (0, 0, False), (1, 1, False)),
    ],
)
def test_too_many_turn_to_zero(tracked, zeros, stopped):
    before = levels(tracked)
    assert (mass_zero(before, turned(before, zeros), DEFAULT) is not None) is stopped


def test_titles_at_zero_already_do_not_turn():
    before = {**levels(60), **{f"gone {number}": 0 for number in range(40)}}
    assert mass_zero(before, dict.fromkeys(before, 0), DEFAULT) is not None
    assert mass_zero(dict.fromkeys(before, 0), dict.fromkeys(before, 0), DEFAULT) is None


def test_titles_left_alone_do_not_turn():
    before = levels(100)
    assert mass_zero(before, {}, DEFAULT) is None
    assert mass_zero(before, {"0": 0, "1": 0}, DEFAULT) is None


def test_new_titles_at_zero_do_not_turn():
    assert mass_zero(levels(10), {f"new {number}": 0 for number in range(100)}, DEFAULT) is None


@pytest.mark.parametrize(
    ("known", "found", "stopped"),
    [
        *((0, 0, False), (0, 100, False), (100, 100, False), (100, 50, False), (100, 49, True)),
        *((100, 0, True), (1, 0, True), (2, 1, False), (3, 1, True), (100, 300, False)),
    ],
)
def test_a_search_that_shrank(known, found, stopped):
    assert (search_shrunk(known, found, DEFAULT) is not None) is stopped


@pytest.mark.parametrize(
    ("tried", "unread", "stopped"),
    [
        (0, 0, False),
        (100, 20, False),
        (100, 21, True),
        (4, 1, True),
        (5, 1, False),
        (1, 1, True),
        (100, 0, False),
    ],
)
def test_too_many_pages_unread(tried, unread, stopped):
    assert (too_many_unread(tried, unread, DEFAULT) is not None) is stopped


@given(st.integers(1, 400), st.data(), percents)
def test_a_share_at_the_threshold_passes_and_one_above_does_not(count, data, percent):
    """For any threshold a person may set: 29 of 100 is not more than 29 %."""
    part = data.draw(st.integers(0, count))
    beyond = Fraction(part, count) > Fraction(percent, 100)
    share = percent / 100
    thresholds = Thresholds(
        max_turning_to_zero=share, min_titles_turning_to_zero=0, max_search_shrinkage=share, max_unread=share
    )
    before = levels(count)
    assert (mass_zero(before, turned(before, part), thresholds) is not None) is beyond
    assert (search_shrunk(count, count - part, thresholds) is not None) is beyond
    assert (too_many_unread(count, part, thresholds) is not None) is beyond


@pytest.mark.parametrize(("count", "part", "percent"), [(100, 29, 29), (180, 63, 35), (340, 119, 35)])
def test_thresholds_that_binary_fractions_do_not_have(count, part, percent):
    assert too_many_unread(count, part, Thresholds(max_unread=percent / 100)) is None
    assert too_many_unread(count, part + 1, Thresholds(max_unread=percent / 100)) is not None


def test_the_reason_names_the_figures():
    before = levels(103)
    reason = mass_zero(before, turned(before, 31), DEFAULT).reason
    assert reason == (
        "31 of 103 tracked titles would turn to zero at once (30.1%; more than 30% is stopped)."
    )
    assert search_shrunk(100, 20, DEFAULT).reason == (
        "The saved search lists 20 titles, last time it listed 100 (80% fewer; more than 50% is stopped)."
    )
    assert too_many_unread(100, 45, DEFAULT).reason == (
        "45 of 100 pages could not be read (45%; more than 20% is stopped)."
    )
