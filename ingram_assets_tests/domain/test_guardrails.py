"""Guardrails: they stop what no honest day does, at exactly their thresholds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.availability import Status
from ingram_assets.domain.guardrails import (
    GONE,
    LONG,
    MANY_COPIES,
    Attempt,
    HeldPrice,
    OddCounts,
    Seen,
    Thresholds,
    TrippedGuardrail,
    all_tripped,
    held_price,
    mass_price,
    mass_turn,
    mass_zero,
    readable,
    search_shrunk,
    too_many_unread,
    turns,
)

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


IN_STOCK = Seen("in_stock", 10)
OUT = Seen("out_of_stock", 0)
BACKORDER = Seen("backorder", 0)
PREORDER = Seen("preorder", 0)
DIGITAL = Seen("digital", None)
NEVER_IN_STEP = Seen(None, None)
UNKNOWN = Seen("unknown", 0)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (IN_STOCK, IN_STOCK, set()),
        (IN_STOCK, OUT, set()),  # that is the matter of `mass_zero`
        (IN_STOCK, DIGITAL, {"digital", "unmanaged"}),
        (IN_STOCK, Seen("digital", 10), {"digital"}),
        (IN_STOCK, Seen("in_stock", None), {"unmanaged"}),
        (DIGITAL, DIGITAL, set()),
        (DIGITAL, IN_STOCK, set()),
        (IN_STOCK, Seen("preorder", 10), {"preorder"}),
        (OUT, PREORDER, {"preorder"}),
        (PREORDER, PREORDER, set()),
        (IN_STOCK, BACKORDER, {"backorder"}),
        (OUT, BACKORDER, {"backorder"}),
        (BACKORDER, BACKORDER, set()),
        # Honest days: a release, a delivery, the end of an outage.
        (PREORDER, BACKORDER, set()),
        (PREORDER, Seen("in_stock", 900), set()),
        (BACKORDER, Seen("in_stock", 410), set()),
        (OUT, Seen("in_stock", 410), set()),
        (Seen("in_stock", 3), Seen("in_stock", 29), set()),
        # A zero too many behind each count.
        (Seen("in_stock", 3), Seen("in_stock", 30), {"rising"}),
        (IN_STOCK, Seen("in_stock", 10_000), {"rising"}),
        (OUT, Seen("in_stock", MANY_COPIES - 1), set()),
        (OUT, Seen("in_stock", MANY_COPIES), {"rising"}),
        (Seen("out_of_stock", -2), Seen("in_stock", 410), set()),
        # What we never brought in step does not turn, whatever it becomes.
        *((before, after, set()) for before in (NEVER_IN_STEP, UNKNOWN) for after in (DIGITAL, PREORDER)),
        (NEVER_IN_STEP, BACKORDER, set()),
        (Seen(None, 5), DIGITAL, set()),
        (Seen("out_of_stock", None), BACKORDER, set()),  # it sold without end, and can be ordered as before
    ],
)
def test_where_a_title_turns(before: Seen, after: Seen, found: set[str]) -> None:
    assert turns(before, after, DEFAULT) == found


TURNED = {
    "digital": (Seen("digital", 10), "turn into files (digital)"),
    "unmanaged": (Seen("in_stock", None), "turn to selling without end (unmanaged)"),
    "preorder": (Seen("preorder", 10), "turn to preorder"),
    "backorder": (BACKORDER, "turn to back-order"),
    "rising": (Seen("in_stock", 10_000), "rise to 10 times their copies or more"),
}
SHARES = {
    "digital": "max_turning_digital",
    "unmanaged": "max_turning_unmanaged",
    "preorder": "max_turning_to_preorder",
    "backorder": "max_turning_to_backorder",
    "rising": "max_rising",
}


@pytest.mark.parametrize("turn", TURNED)
@given(count=st.integers(1, 400), data=st.data(), percent=percents, least=st.integers(0, 10))
def test_too_many_turn(turn, count, data, percent, least):
    """At the threshold it passes, and one above is stopped; never fewer than the least number."""
    part = data.draw(st.integers(0, count))
    thresholds = Thresholds(**{SHARES[turn]: percent / 100, "min_titles": least})
    changes = [([IN_STOCK], TURNED[turn][0])] * part + [([IN_STOCK], IN_STOCK)] * (count - part)
    stopped = [one for one in mass_turn(changes, thresholds) if one.guardrail == f"mass_{turn}"]
    assert bool(stopped) is (Fraction(part, count) > Fraction(percent, 100) and part >= max(1, least))


@pytest.mark.parametrize("turn", TURNED)
def test_titles_that_were_never_in_step_are_in_no_share(turn):
    """Neither do they turn, nor do they hide those that do among many."""
    after, words = TURNED[turn]
    turning, legacy = [([IN_STOCK], after)] * 5, [([NEVER_IN_STEP], after)] * 1_000
    (tripped,) = mass_turn([*turning, *legacy], DEFAULT)
    assert tripped.reason.startswith(f"5 of 5 titles in the store would {words} at once (100%; more than ")
    assert mass_turn([*turning[:4], *legacy], DEFAULT) == []
    assert mass_turn(legacy, DEFAULT) == []


@pytest.mark.parametrize("turn", TURNED)
def test_a_title_counts_once_whatever_it_was_lately(turn):
    after, words = TURNED[turn]
    turning = [([after, IN_STOCK, IN_STOCK, after], after)] * 5
    (tripped,) = mass_turn(turning, DEFAULT)
    assert tripped.reason.startswith(f"5 of 5 titles in the store would {words} at once (100%; more than ")


def test_an_empty_store_trips_nothing():
    assert mass_turn([], DEFAULT) == []
    assert mass_price([], 0, replace(DEFAULT, min_titles=0)) is None


@given(st.lists(st.tuples(st.sampled_from(get_args(Status)), st.integers(0, 3_000)), min_size=1, max_size=60))
def test_titles_that_come_back_after_an_outage_trip_nothing(titles):
    """Whatever the rules make of a reading, none of a title that was orderable is worth a stop going up."""
    changes = [
        ([BACKORDER], Seen(status, copies))
        for status, copies in titles
        if status in ("in_stock", "out_of_stock", "backorder")
    ]
    assert mass_turn(changes, DEFAULT) == []


def test_all_that_trip_are_named():
    zero, rising = TrippedGuardrail("mass_zero", "One."), TrippedGuardrail("mass_rising", "Two.")
    assert all_tripped([None, None]) is None
    assert all_tripped([None, zero]) == zero
    assert all_tripped([zero, None, rising]) == TrippedGuardrail("mass_zero, mass_rising", "One. Two.")


@pytest.mark.parametrize(
    ("price", "known", "what"),
    [
        ("18.99", ["18.99"], None),
        ("19.99", ["18.99"], None),
        ("20.00", ["10.00"], None),  # double is at the limit
        ("20.01", ["10.00"], "rise"),
        ("5.00", ["10.00"], None),
        ("4.99", ["10.00"], "fall"),
        ("0.01", ["18.99"], "are below the floor"),
        ("0.50", [], None),
        ("0.49", [], "are below the floor"),
        ("1000", [], None),
        ("1000.01", [], "are above the ceiling"),
        ("1899", ["1899"], "are above the ceiling"),
        # A person's sale is no reason to doubt the list price that we wrote; nor is what was never a price.
        ("18.99", ["4.00", "18.99"], None),
        ("18.99", ["4.00", "5.00"], "rise"),
        ("18.99", [None, 0], None),
        ("18.99", [None, "4.00"], "rise"),
    ],
)
def test_a_price_that_is_held_back(price, known, what):
    held = held_price(Decimal(price), [Decimal(one) if one else one for one in known], DEFAULT)
    assert (held.what if held else None) == what
    assert held_price(Decimal(price), [], DEFAULT.with_any_price()) is None


def test_the_reason_of_a_held_price_names_the_figures():
    assert held_price(1.9, [18.99], DEFAULT).reason == (
        "from $18.99 to $1.90 it would fall by 90%, and more than 50% is held back"
    )
    assert held_price(0.01, [18.99], DEFAULT).reason == "$0.01 is below $0.50"
    assert held_price(1899, [18.99], DEFAULT).reason == "$1,899.00 is above $1,000.00"


prices = st.decimals(Decimal("0.01"), Decimal(20_000), places=2)


@given(prices, prices, st.integers(0, 100), st.integers(0, 500))
def test_a_price_within_its_share_is_believed_and_beyond_it_is_not(was, then, fall, rise):
    thresholds = replace(
        DEFAULT.with_any_price(), max_price_fall=fall / 100, max_price_rise=rise / 100, price_floor=0
    )
    believed = was * (100 - fall) / 100 <= then <= was * (100 + rise) / 100
    assert (held_price(then, [was], thresholds) is None) is believed


@pytest.mark.parametrize(
    ("titles", "held", "stopped"),
    [(100, 5, False), (100, 6, True), (10, 4, False), (10, 5, True), (10_000, 500, False), (5, 5, True)],
)
def test_too_many_prices_are_held_back(titles, held, stopped):
    fall = HeldPrice("fall", "so")
    assert (mass_price([fall] * held, titles, DEFAULT) is not None) is stopped


def test_the_reason_of_many_held_prices_counts_each_way():
    held = [*[HeldPrice("fall", "")] * 3, HeldPrice("rise", ""), HeldPrice("are below the floor", "")]
    held.append(HeldPrice("are above the ceiling", ""))
    assert mass_price(held, 60, DEFAULT).reason == (
        "The prices of 6 of 60 titles in the store are not believed: 3 fall by more than 50%, "
        "1 rise by more than 100%, 1 are below the floor of $0.50, 1 are above the ceiling of $1,000.00 "
        "(10%; more than 5% is stopped)."
    )


NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("outcome", "ago", "known", "counts"),
    [
        (None, None, True, True),
        (None, None, False, True),
        ("blocked", timedelta(), True, True),
        ("changed", LONG - SECOND, True, True),
        ("changed", LONG, True, False),
        ("transient", timedelta(), False, True),
        ("no_stock_table", timedelta(), True, False),
        ("no_stock_table", timedelta(days=90), False, False),
        # Found until a moment ago; gone; and never there.
        ("not_found", timedelta(), True, True),
        ("not_found", GONE - SECOND, True, True),
        ("not_found", GONE, True, False),
        ("not_found", timedelta(), False, False),
    ],
)
def test_attempts_that_tell_whether_the_site_can_be_read(outcome, ago, known, counts):
    attempt = Attempt("isbn", outcome, None if ago is None else NOW - ago, known)
    assert readable([attempt], NOW) == ([attempt] if counts else [])


@given(st.integers(0, 200), st.integers(0, 60), st.integers(0, 60))
def test_titles_that_are_gone_neither_stop_nor_hide(read, unread, gone):
    """The share is of those that could be read: however many are gone, it is the same."""
    sound = [Attempt(f"read {number}") for number in range(read)]
    sound += [Attempt(f"unread {number}", "changed", NOW) for number in range(unread)]
    lost = [Attempt(f"gone {number}", "not_found", NOW - GONE) for number in range(gone)]
    assert readable([*sound, *lost], NOW) == sound


class TestOddCounts:
    THRESHOLDS = Thresholds()

    def doubt(self, *counts: tuple[int | None, int | None]) -> str | None:
        return OddCounts.of(counts, self.THRESHOLDS).doubt(self.THRESHOLDS)

    def test_an_honest_day_is_believed(self):
        assert self.doubt(*[(9, 0)] * 4) is None, "so few may be sold out at once"
        assert self.doubt(*[(9, 0)] * 5, *[(9, 8)] * 12) is None
        assert self.doubt(*[(0, 30)] * 6, *[(0, 0)] * 20) is None
        assert self.doubt(*[(None, 0)] * 20, *[(None, 400)] * 20) is None, "the first reading"

    def test_zeros_and_absurd_rises_of_many_are_doubted(self):
        assert "5 of the last 5 pages say that no copy is left" in (self.doubt(*[(9, 0)] * 5) or "")
        assert self.doubt(*[(9, 9_000)] * 5)

    def test_pages_that_say_the_same_as_before_hide_nothing(self):
        assert self.doubt(*[(9, 0)] * 5, *[(0, 0)] * 50)

    def test_the_end_of_false_zeros_is_noticed_before_some_of_them_are_put_right(self):
        assert "copy say that there are some" in (self.doubt(*[(0, 9)] * 5) or "")
