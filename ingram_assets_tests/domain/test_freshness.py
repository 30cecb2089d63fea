"""Which titles are read between sweeps."""

import math
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingram_assets.domain.freshness import (
    COPIES_AN_ORDER,
    HOUR,
    LEARNED_FROM,
    LastReading,
    SeenDemand,
    demand,
    pages_a_day,
    pages_left,
    read_next,
    sweep_every,
    usual_demand,
    why,
    worth,
    worth_after,
)

NOW = 1_800_000_000.0
USUAL = 0.02
SELLS = SeenDemand(orders=48.0, hours=48.0)
HARDLY_SELLS = SeenDemand(orders=0.0, hours=480.0)


def reading(
    isbn: str = "9780000000002", *, hours_ago: float = 0.5, copies: int | None = 10, seen: SeenDemand = SELLS
) -> LastReading:
    return LastReading(isbn, NOW - hours_ago * HOUR, copies, seen=seen)


readings = st.builds(
    LastReading,
    isbn=st.integers(0, 10**6).map(str),
    at=st.floats(NOW - 6 * HOUR, NOW),
    copies=st.none() | st.integers(0, 5_000),
    on_order=st.integers(0, 3),
    seen=st.builds(SeenDemand, orders=st.floats(0, 10_000), hours=st.floats(0, 720)),
    wanted=st.booleans(),
)


def chosen(titles: list[LastReading], pages: int, late_unless_read: float = 0.0) -> list[str]:
    return [one.isbn for one in read_next(titles, NOW, pages, late_unless_read=late_unless_read)]


class TestTheOrder:
    def test_few_copies_that_sell_come_before_many_and_before_those_that_do_not(self):
        few = reading("few", copies=4)
        many, still = reading("many", copies=400), reading("still", copies=4, seen=HARDLY_SELLS)
        assert chosen([many, still, few], 3)[0] == "few"

    def test_the_older_of_two_alike_comes_first(self):
        assert chosen([reading("new", hours_ago=0.2), reading("old", hours_ago=1.2)], 1) == ["old"]

    def test_what_shoppers_want_comes_first(self):
        wanted = replace(reading("wanted", hours_ago=0.9), wanted=True)
        assert chosen([reading("other"), wanted], 1) == ["wanted"]

    def test_a_delivery_on_its_way_is_looked_for_before_one_that_nobody_ordered(self):
        none = reading("none", copies=0)
        assert chosen([none, replace(none, isbn="on its way", on_order=20)], 1) == ["on its way"]

    def test_what_no_delivery_will_come_for_waits_for_the_sweep(self):
        nothing = replace(reading("file", copies=None), awaited=False)
        sold_out = replace(reading("not out yet", copies=0), awaited=False)
        assert chosen([nothing, sold_out, reading("other", copies=900)], 3) == ["other"]
        assert chosen([nothing], 1, late_unless_read=NOW) == ["file"], "the promise is for all"

    def test_a_title_that_the_sweep_would_read_too_late_comes_before_all(self):
        late, hot = reading("late", hours_ago=1.5, copies=900), reading("hot", copies=1)
        first, second = read_next([hot, late], NOW, 2, late_unless_read=NOW - HOUR)
        assert (first.isbn, first.worth) == ("late", math.inf)
        assert second.isbn == "hot"
        assert chosen([hot, late], 1, late_unless_read=NOW - HOUR) == ["late"]

    def test_until_a_sale_was_seen_the_oldest_come_first(self):
        titles = [reading(str(number), hours_ago=number / 10, seen=HARDLY_SELLS) for number in range(5)]
        assert chosen(titles, 2) == ["4", "3"]

    @given(st.lists(readings, max_size=30, unique_by=lambda one: one.isbn), st.integers(0, 40))
    def test_each_once_and_never_more_than_the_pages(self, titles: list[LastReading], pages: int):
        found = chosen(titles, pages, late_unless_read=NOW - 2 * HOUR)
        assert len(found) == len(set(found)) == min(pages, len(titles))


class TestWorth:
    @given(readings, st.floats(0, 48), st.floats(0, 48))
    @example(reading(copies=1), 0.0, 0.0)
    def test_it_grows_with_the_age(self, title: LastReading, hours: float, more: float):
        sooner, later = (worth(title, title.at + each * HOUR, USUAL) for each in (hours, hours + more))
        assert 0 <= sooner <= later + 1e-9 * max(1.0, later)
        assert math.isfinite(later)

    def test_it_is_the_chance_that_more_was_ordered_than_there_was(self):
        """Checked against the sum of Poisson's probabilities, for whole orders."""
        title = reading(hours_ago=3.0, copies=8)
        rate, orders = demand(title, USUAL), 8 / COPIES_AN_ORDER
        expected = rate * 3.0
        chance = 1 - sum(
            math.exp(-expected) * expected**each / math.factorial(each) for each in range(int(orders) + 1)
        )
        assert worth(title, NOW, USUAL) == pytest.approx(orders / rate * chance)

    @given(readings, st.floats(1e-6, 10))
    def test_when_it_reaches_a_threshold(self, title: LastReading, threshold: float):
        after = worth_after(title, USUAL, threshold, 2 * HOUR)
        if after is None:
            assert worth(title, title.at + 2 * HOUR, USUAL) < threshold
        else:
            assert worth(title, title.at + after, USUAL) >= threshold * 0.999
            assert worth(title, title.at + after - 61, USUAL) < threshold or after <= 61


class TestDemand:
    def test_it_is_learned_from_the_falls(self):
        history = [(NOW - 10 * HOUR, 20), (NOW - 5 * HOUR, 12), (NOW - 2 * HOUR, 40), (NOW - HOUR, 38)]
        assert SeenDemand.of(history, NOW) == SeenDemand(orders=10 / COPIES_AN_ORDER, hours=10.0)

    def test_a_count_that_comes_back_within_hours_was_misread(self):
        history = [(NOW - 9 * HOUR, 410), (NOW - 5 * HOUR, 0), (NOW - 4 * HOUR, 408)]
        assert SeenDemand.of(history, NOW).orders == 0
        thousandfold = [(NOW - 9 * HOUR, 410), (NOW - 5 * HOUR, 410_000), (NOW - 4 * HOUR, 410)]
        assert SeenDemand.of(thousandfold, NOW) == SeenDemand(0, 9)
        delivered = [(NOW - 90 * HOUR, 12), (NOW - 50 * HOUR, 0), (NOW - 4 * HOUR, 12)]
        assert SeenDemand.of(delivered, NOW).orders == 6

    def test_hours_without_a_copy_tell_nothing(self):
        history = [(NOW - 10 * HOUR, 4), (NOW - 8 * HOUR, 0)]
        assert SeenDemand.of(history, NOW) == SeenDemand(orders=4 / COPIES_AN_ORDER, hours=2.0)

    def test_what_is_long_ago_tells_nothing(self):
        history = [(NOW - 3 * LEARNED_FROM, 50), (NOW - 2 * LEARNED_FROM, 4)]
        seen = SeenDemand.of(history, NOW)
        assert (seen.orders, seen.hours) == (0.0, pytest.approx(LEARNED_FROM / HOUR))
        assert SeenDemand.of([], NOW) == SeenDemand()

    def test_a_short_history_is_drawn_toward_what_is_usual(self):
        unknown, known = demand(reading(seen=SeenDemand()), USUAL), demand(reading(), USUAL)
        assert unknown == pytest.approx(USUAL)
        assert known == pytest.approx(1.0, rel=0.5)

    def test_nothing_is_usual_before_the_first_sale(self):
        assert usual_demand([reading(seen=HARDLY_SELLS), reading(seen=SeenDemand())]) is None
        assert usual_demand([]) is None
        few = usual_demand([reading(seen=HARDLY_SELLS)] * 9 + [reading()])
        assert few is not None
        assert 0 < few < 0.1


class TestTheBudget:
    @pytest.mark.parametrize(
        ("per_hour", "every", "since", "read", "pages"),
        [
            (None, 5400, 300, 0, 2),  # a third of 100 pages an hour is left
            (None, 5400, 600, 2, 3),
            (None, 5400, 600, 9, 0),
            (None, 3600, 3000, 0, 0),  # the sweeps use it up
            (50, 5400, 3000, 0, 0),
            (1_000, 5400, 300, 0, 77),
        ],
    )
    def test_what_the_sweeps_leave(self, per_hour, every, since, read, pages):
        assert pages_left(100, per_hour, every, since_sweep=since, read=read) == pages

    @given(st.integers(1, 5_000), st.none() | st.integers(1, 20_000), st.integers(600, 20_000))
    def test_an_hour_never_has_more_pages_than_allowed(self, titles: int, per_hour: int | None, every: int):
        read = 0
        for since in range(0, every, 300):
            read += pages_left(titles, per_hour, every, since_sweep=since, read=read)
        allowed = titles if per_hour is None else per_hour
        assert titles + read <= max(titles, allowed * every / HOUR + 1)


@pytest.mark.parametrize(
    ("titles", "per_hour", "every"),
    [(1_000, None, 5_400), (1_000, 1_000, 5_400), (1_000, 200, 18_000), (0, 200, 5_400)],
)
def test_a_sweep_comes_less_often_where_its_pages_are_too_many(titles, per_hour, every):
    assert sweep_every(titles, per_hour, 5_400) == every


@pytest.mark.parametrize(
    ("titles", "per_hour", "every", "pages"),
    [
        (100, None, 5_400, 2_400),
        (100, None, 1_800, 4_800),
        (1_000, 200, 18_000, 4_800),
        (100, 300, 3_600, 7_200),
        (0, None, 3_600, 0),
    ],
)
def test_a_day_s_pages_are_those_of_its_sweeps_and_between_them(titles, per_hour, every, pages):
    assert pages_a_day(titles, per_hour, every) == pages


def test_reasons_are_sentences_for_a_person():
    assert why(reading(copies=4), USUAL) == "4 copies left, and it sells about 32 a day"
    assert (
        why(reading(copies=1, seen=SeenDemand(1, 48)), USUAL) == "1 copy left, and it sells about 0.99 a day"
    )
    assert why(reading(copies=9, seen=HARDLY_SELLS), USUAL) == "9 copies left, and no sale of it was seen yet"
    assert why(reading(copies=0), USUAL) == "it has no copies, and a delivery is looked for"
    of_a_file = why(replace(reading(copies=0), awaited=False), USUAL)
    assert of_a_file == "it has no copies, and none is looked for: it is a file, or not out yet"
