"""On how many pages a field stands: what is learnt, what is a drop, and how one ends."""

import json
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.field_shares import (
    FEWEST_PAGES,
    GATHERED_WITHIN,
    NEW_NORMAL_AFTER,
    STOCK_TABLE,
    FieldWatch,
    PageCounts,
    ShareDrop,
    SweptPages,
    after_sweep,
    center,
    from_json,
    is_drop,
    to_json,
)

HOUR, DAY = 3600.0, 86400.0
ALL = ("price", "binding", STOCK_TABLE, center("TN"))


def pages(*shown: tuple[int, Collection[str]]) -> PageCounts:
    """So many pages with these fields each."""
    counts, number = PageCounts(), 0
    for times, names in shown:
        for _ in range(times):
            number += 1
            counts.count(names, ALL, f"978000000{number:04} Book {number}")
    return counts


NONE = PageCounts()


def swept(watch: FieldWatch, at: float, *shown: tuple[int, Collection[str]]) -> FieldWatch:
    return after_sweep(watch, SweptPages(at, pages(*shown), NONE))


def learnt(*shown: tuple[int, Collection[str]]) -> FieldWatch:
    return after_sweep(FieldWatch(), SweptPages(0, NONE, pages(*shown)))


USUAL = learnt((97, ALL), (3, ("binding",)))


def test_a_label_that_vanishes_is_a_drop_with_its_shares_and_an_example() -> None:
    watch = swept(USUAL, HOUR, (100, ("binding", STOCK_TABLE, center("TN"))))
    assert watch.drops == {"price": ShareDrop("price", HOUR, 0.97, 0, 100, "9780000000001 Book 1")}
    assert watch.drops["price"].sentence == (
        "price: read on 97% of the pages before, and on 0 of 100 now (0%), 9780000000001 Book 1 for one."
    )


def test_the_usual_ups_and_downs_are_none() -> None:
    watch = USUAL
    for hour in range(1, 200):
        watch = swept(watch, hour * HOUR, (90 + hour % 9, ALL), (10, ("binding",)))
        assert not watch.drops


@pytest.mark.parametrize(
    ("usual", "had", "of", "expected"),
    [
        (0.97, 0, 20, True),
        (0.97, 48, 100, True),
        (0.97, 60, 100, False),
        (0.8, 9, 20, False),  # a small sweep may happen to read these
        (0.4, 0, 20, False),
        (0.4, 0, 100, True),  # not even the titles that had it
        (0.4, 25, 100, False),
        (0.1, 0, 1000, False),  # rare: that none has it says little
        (1.0, 10, 20, True),
    ],
)
def test_what_is_a_drop(usual: float, had: int, of: int, expected: bool) -> None:
    assert is_drop(usual, had, of) is expected


def test_a_field_that_many_titles_lack_alarms_nobody() -> None:
    watch = learnt((30, ("series", "binding")), (70, ("binding",)))
    for hour in range(1, 50):
        series = 22 + hour % 13
        watch = swept(watch, hour * HOUR, (series, ("series", "binding")), (100 - series, ("binding",)))
        assert not watch.drops


def test_centers_are_a_share_of_the_pages_with_a_stock_table() -> None:
    no_stock = swept(USUAL, HOUR, (100, ("price", "binding")))
    assert set(no_stock.drops) == {STOCK_TABLE}, "one thing, and not each center of it as well"
    moved = swept(USUAL, HOUR, (100, ("price", "binding", STOCK_TABLE, center("PA"))))
    assert set(moved.drops) == {center("TN")}


def test_a_drop_goes_on_until_the_share_is_nearly_what_it_was() -> None:
    gone = swept(USUAL, HOUR, (100, ("binding",)))
    half = swept(gone, 2 * HOUR, (60, ALL), (40, ("binding",)))
    assert half.drops["price"].since == HOUR
    assert half.drops["price"].before == 0.97, "what is wrong is not learnt"
    assert half.drops["price"].had == 60
    back = swept(half, 3 * HOUR, (95, ALL), (5, ("binding",)))
    assert not back.drops
    assert back.usual["price"].share > 0.9


def test_after_a_week_it_is_usual_and_nobody_is_told_again() -> None:
    watch, without = USUAL, (100, ("binding", STOCK_TABLE, center("TN")))
    for at in (HOUR, DAY, NEW_NORMAL_AFTER):
        watch = swept(watch, at, without)
        assert set(watch.drops) == {"price"}
    watch = swept(watch, HOUR + NEW_NORMAL_AFTER, without)
    assert not watch.drops
    assert watch.settled[0].endswith("That is taken as usual from now on.")
    assert not swept(watch, DAY + NEW_NORMAL_AFTER, without).drops


def test_a_person_says_that_what_was_told_is_right_and_no_more_than_that() -> None:
    gone = swept(USUAL, HOUR, (100, ("binding", STOCK_TABLE, center("TN"))))
    watch = after_sweep(
        gone, SweptPages(2 * HOUR, pages((100, (STOCK_TABLE, center("TN")))), NONE), is_right=True
    )
    assert set(watch.drops) == {"binding"}, "nobody was told of that yet"
    assert watch.usual["price"].share == 0


def test_small_sweeps_are_added_together_for_some_hours() -> None:
    watch = USUAL
    for number in (1, 2):
        watch = swept(watch, number * HOUR, (9, ("binding",)))
        assert not watch.drops
    assert "price" in swept(watch, 3 * HOUR, (9, ("binding",))).drops
    late = swept(watch, 3 * HOUR + GATHERED_WITHIN, (9, ("binding",)))
    assert not late.drops, "what was read too long ago counts no more"


def test_many_new_titles_of_another_kind_become_usual_and_are_no_drop() -> None:
    """A shop of 100 books tracks 300 audiobooks, which have no page count."""
    watch = learnt((100, ("page count", "binding")))
    books = pages((100, ("page count", "binding")))
    watch = after_sweep(watch, SweptPages(HOUR, books, pages((300, ("binding",)))))
    assert not watch.drops
    assert watch.usual["page count"].share == pytest.approx(0.25)
    watch = swept(watch, 2 * HOUR, (100, ("page count", "binding")), (300, ("binding",)))
    assert not watch.drops
    assert "page count" in swept(watch, 3 * HOUR, (400, ("binding",))).drops


def test_a_change_that_comes_page_by_page_over_days_is_seen() -> None:
    watch = USUAL
    for hour in range(1, 5 * 24):
        having = max(0, 97 - hour)
        watch = swept(watch, hour * HOUR, (having, ALL), (100 - having, ("binding",)))
    assert "price" in watch.drops


def test_nothing_is_learnt_or_judged_by_a_handful_of_pages() -> None:
    watch = learnt((FEWEST_PAGES - 1, ALL))
    assert not watch.usual
    assert not swept(FieldWatch(), 0, (3, ())).usual


counts = st.builds(
    lambda had, rest: pages((had, ALL), (rest, ("binding",))), st.integers(0, 60), st.integers(0, 60)
)
sweeps = st.lists(st.tuples(st.floats(0, 30 * DAY), counts, counts, st.booleans()), max_size=6)


@given(sweeps)
def test_what_is_carried_over_is_what_was_known(
    given_: list[tuple[float, PageCounts, PageCounts, bool]],
) -> None:
    watch, at = FieldWatch(), 0.0
    for passed, known, new, is_right in given_:
        at += passed
        watch = after_sweep(watch, SweptPages(at, known, new), is_right=is_right)
        assert all(0 <= usual.share <= 1 for usual in watch.usual.values())
        carried = from_json(json.loads(json.dumps(to_json(watch))))
        assert carried == FieldWatch(watch.usual, watch.learnt_at, watch.gathered, watch.drops)


@pytest.mark.parametrize("data", [None, [], {}, "x", {"usual": 3}, {"usual": {"price": [1]}, "learnt_at": 0}])
def test_anything_else_is_learnt_anew(data: object) -> None:
    assert from_json(data) == FieldWatch()
