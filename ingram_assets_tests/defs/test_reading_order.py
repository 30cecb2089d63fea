"""In which order a sweep asks, and whose pages count for something: a minority never stops the rest."""

import itertools
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.defs.scraper.decisions import (
    WITNESS_EVERY,
    dealt,
    in_part_since,
    old_news,
    reading_order,
    suspects,
)
from ingram_assets.domain.guardrails import MIN_TITLES_VANISHED, Thresholds, vanished
from ingram_assets.domain.site_limits import Limits

GIVES_UP_AFTER = Limits().max_failures_in_a_row
draws = st.text(max_size=5)


def named(*numbers: int) -> list[str]:
    return [f"{number:04d}" for number in numbers]


def without_witnesses(line: list[str]) -> list[str]:
    return [isbn for place, isbn in enumerate(line, start=1) if place % WITNESS_EVERY]


# The order.


@given(draws)
def test_the_never_read_are_asked_for_first_then_the_stalest(draw: str) -> None:
    tracked = named(*range(100))
    read = {isbn: 10_000 - place for place, isbn in enumerate(tracked) if place >= 10}
    line = reading_order(tracked, read, (), draw)
    head = without_witnesses(line)
    assert set(head[:10]) == set(tracked[:10])
    stalest = sorted(read, key=lambda isbn: read[isbn])
    assert head[10:50] == stalest[:40]


@given(st.sets(st.integers(0, 300)), st.sets(st.integers(0, 300)), st.sets(st.integers(0, 300)), draws)
def test_every_tracked_title_is_asked_for_once(
    tracked: set[int], read: set[int], doubted: set[int], draw: str
) -> None:
    line = reading_order(named(*tracked), {isbn: int(isbn) for isbn in named(*read)}, named(*doubted), draw)
    assert sorted(line) == named(*sorted(tracked))


@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 200), draws)
def test_suspects_are_spread_evenly(fine: int, odd: int, new: int, draw: str) -> None:
    tracked = named(*range(fine + odd + new))
    doubted = set(tracked[:odd])
    read = {isbn: int(isbn) for isbn in tracked[odd + new :]}
    line = reading_order(tracked, read, doubted, draw)
    share = odd / len(line)
    for cut in range(1, len(line)):  # however short the sweep, both have their share of it
        asked = sum(isbn in doubted for isbn in line[:cut])
        assert abs(asked - share * cut) <= 1.5


def test_no_order_comes_again_for_suspects_and_new_titles() -> None:
    tracked = named(*range(60))
    read = {isbn: int(isbn) for isbn in tracked[40:]}
    lines = {tuple(reading_order(tracked, read, tracked[:20], draw)) for draw in ("a", "b", "c")}
    assert len(lines) == 3
    assert reading_order(tracked, read, tracked[:20], "a") in [list(line) for line in lines]
    # Of many suspects a sweep that is always cut short tries others each time.
    doubted = [
        [isbn for isbn in reading_order(tracked, read, tracked[:20], draw) if isbn in tracked[:20]]
        for draw in ("a", "b", "c")
    ]
    assert len({tuple(line[:5]) for line in doubted}) == 3


def test_few_witnesses_are_spread_over_many_new_titles() -> None:
    tracked = named(*range(420))
    read = {isbn: int(isbn) for isbn in tracked[400:]}
    line = reading_order(tracked, read, (), "x")
    places = [place for place, isbn in enumerate(line[:400]) if isbn in read]
    assert places
    assert max(later - sooner for sooner, later in itertools.pairwise(places)) <= 2 * 420 // 10


# Suspects.


def test_suspects_are_what_a_whole_sweep_could_not_read() -> None:
    read = {"read by the last": 250, "by the one before": 150, "long ago": 5}
    tracked = [*read, "new", "never"]
    found = suspects(tracked, read, last_but_one=200, failed={"never", "read by the last", "not tracked"})
    assert found == {"by the one before", "long ago", "never"}
    assert suspects(tracked, read, last_but_one=None, failed=()) == frozenset()
    assert suspects(tracked, {}, last_but_one=None, failed={"never"}) == {"never"}


def test_suspects_count_until_it_is_old_news() -> None:
    read = {"long ago": 50, "yesterday": 51, "let through": 51, "fine": 999}
    doubted = {"never", "long ago", "yesterday", "let through"}
    found = old_news(doubted, read, old=50, let_through={"let through", "fine"})
    assert found == {"never", "long ago", "let through"}


@pytest.mark.parametrize(
    ("was_read", "since", "expected"),
    [(False, None, 0.0), (True, None, 7.0), (True, 3.0, 3.0), (True, 0.0, 0.0)],
)
def test_since_when_a_page_is_in_part(was_read: bool, since: float | None, expected: float) -> None:
    assert in_part_since(was_read, since, 7.0) == expected


# A minority never stops the rest.


def asked(line: list[str], fails: Collection[str], known: Collection[str]) -> list[str]:
    """The head of the line that a run asks for before it gives up, one title at a time.

    As `Site.read_products`: only titles that were readable lately tell something when they can't be read.
    """
    in_a_row = 0
    for place, isbn in enumerate(line):
        if isbn in fails:
            in_a_row += isbn in known
        else:
            in_a_row = 0
        if in_a_row >= GIVES_UP_AFTER:
            return line[: place + 1]
    return line


@given(st.integers(2, 400), st.data(), draws)
def test_titles_that_never_were_readable_stop_nobody(titles: int, data: st.DataObject, draw: str) -> None:
    tracked = named(*range(titles))
    fails = set(data.draw(st.lists(st.sampled_from(tracked), unique=True, max_size=titles - 1)))
    doubted = {isbn for isbn in fails if data.draw(st.booleans())}
    read = {isbn: int(isbn) for isbn in tracked if isbn not in fails}
    line = reading_order(tracked, read, doubted, draw)
    assert asked(line, fails, read.keys() - doubted) == line


@pytest.mark.parametrize("titles", [120, 1200])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.45])
@pytest.mark.parametrize("standing", ["stalest", "freshest", "together", "scattered"])
def test_titles_that_go_wrong_at_once_stop_nobody_for_long(titles: int, share: float, standing: str) -> None:
    """However they stand among the others: some sweeps later all the others have been read."""
    tracked, many = named(*range(titles)), int(titles * share)
    fails = {
        "stalest": set(tracked[:many]),
        "freshest": set(tracked[-many:]),
        "together": set(tracked[titles // 2 - many // 2 :][:many]),
        "scattered": set(tracked[:: int(1 / share)]),
    }[standing]
    read, now = {isbn: int(isbn) for isbn in tracked}, titles
    for sweep in range(6):
        for isbn in asked(reading_order(tracked, read, (), f"run {sweep}"), fails, tracked):
            now += 1
            if isbn not in fails:
                read[isbn] = now
    assert all(read[isbn] >= titles for isbn in set(tracked) - fails)


def test_a_redesign_of_the_whole_site_is_noticed_soon() -> None:
    tracked = named(*range(1200))
    read = {isbn: int(isbn) for isbn in tracked[300:]}
    line = reading_order(tracked, read, tracked[:200], "x")
    assert len(asked(line, tracked, tracked[200:])) < 60


# Titles that vanish.


@pytest.mark.parametrize(
    ("there", "gone", "stops"),
    [
        (40, 40, True),
        (5, 5, True),
        (4, 4, False),
        (10, MIN_TITLES_VANISHED - 1, False),
        (25, 5, False),
        (24, 5, True),
        (1000, 200, False),
        (1000, 201, True),
        (0, 0, False),
    ],
)
def test_many_titles_that_were_there_vanish_at_once(there: int, gone: int, stops: bool) -> None:
    tripped = vanished(there, gone, Thresholds())
    assert (tripped is not None) is stops
    if tripped:
        assert tripped.reason.startswith(f"{gone} of {there} titles that were there before are gone at once")


@given(st.integers(0, 300), st.integers(1, 400), st.text(max_size=3))
def test_a_sweep_is_dealt_out_whole_and_evenly(titles: int, most: int, draw: str):
    order = [str(number) for number in range(titles)]
    lists = dealt(order, most, draw)
    assert sorted(isbn for one in lists for isbn in one) == sorted(order)
    assert len(lists) == -(-titles // most)
    for one in lists:
        assert len(one) <= most
        # Each has one of every time round, in the order of the whole.
        assert [int(isbn) // len(lists) for isbn in one] == list(range(len(one)))


@pytest.mark.parametrize("runs", [2, 3, 4, 5, 6, 8])
def test_what_comes_at_even_distances_is_spread_over_all_runs(runs: int):
    """As titles that can't be read do: a run that had them all would give up."""
    order = [str(number) for number in range(1200)]
    for distance in range(2, 13):
        lists = dealt(order, 1200 // runs, "a draw")
        bad = [sum(int(isbn) % distance == 0 for isbn in one) for one in lists]
        assert max(bad) < 2 * sum(bad) / runs
