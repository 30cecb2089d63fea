"""What is known of a title's stock: merged per center, in whatever order readings come."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.readings import KnownStock, from_queue
from ingram_assets.domain.stock import UNSEEN, DcStock
from ingram_assets_tests.testing.readings import StockReading, is_complete, merge, merge_all

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
COMPLETE, PARTIAL = True, False


def reading(
    hour: float, complete: bool = COMPLETE, **counts: int | tuple[int | None, int | None]
) -> StockReading:
    """At so many hours, of these centers: copies on hand, or on hand and on order."""
    stock = {dc: DcStock(*((of, 0) if isinstance(of, int) else of)) for dc, of in counts.items()}
    return StockReading("9781639739134", "ipage", BEGAN + timedelta(hours=hour), complete, stock)


def on_hand(*readings: StockReading) -> int | None:
    return stock_rules.on_hand(merge_all(readings).stock)


def test_the_newest_count_of_each_center_wins() -> None:
    known = merge_all([reading(0, TN=5, CA=7), reading(1, PARTIAL, TN=3)])
    assert known.stock == {"TN": DcStock(3, 0), "CA": DcStock(7, 0)}
    assert known.centers["TN"].on_hand_at == BEGAN + timedelta(hours=1)
    assert known.centers["CA"].on_hand_at == BEGAN


def test_a_count_that_was_not_read_changes_nothing() -> None:
    known = merge_all([reading(0, TN=(5, 9)), reading(1, TN=(None, 4))])
    assert known.stock == {"TN": DcStock(5, 4)}
    assert known.centers["TN"].on_hand_at == BEGAN
    assert known.centers["TN"].on_order_at == BEGAN + timedelta(hours=1)
    assert known.completed == (BEGAN,), "a page with a count unread is not complete"


def test_a_center_counts_until_three_complete_readings_in_a_row_do_not_show_it() -> None:
    seen = [reading(0, TN=3, CA=500)]
    for hour in range(1, 20):
        seen.append(reading(hour, PARTIAL, TN=0))
        assert on_hand(*seen) == 500, "a part of a page says nothing of the rest"
    for hour in (20, 21):
        seen.append(reading(hour, TN=0))
        assert on_hand(*seen) == 500, "one page may be half rendered, and so may the next"
    shown_between = [*seen, reading(22, PARTIAL, CA=400), reading(23, TN=0), reading(24, TN=0)]
    assert on_hand(*shown_between) == 400
    known = merge_all([*seen, reading(22, TN=0)])
    assert known.stock == {"TN": DcStock(0, 0)}
    assert known.gone["CA"].counts.on_hand == 500
    assert known.gone["CA"].shown_at == BEGAN


def test_a_center_that_comes_back_counts() -> None:
    gone = [reading(0, TN=3, CA=500), *(reading(hour, TN=0) for hour in (1, 2, 3))]
    assert on_hand(*gone, reading(4, TN=0, CA=2)) == 2


def test_zeros_without_a_complete_reading_are_no_zero() -> None:
    assert on_hand(reading(0, PARTIAL, TN=0, PA=0)) is None
    known = merge(KnownStock(), reading(0, PARTIAL, TN=0))
    assert known.stock == {"TN": DcStock(0, 0), UNSEEN: DcStock(None, None)}
    assert on_hand(reading(0, PARTIAL, TN=4)) == 4, "copies that were counted are there"
    assert on_hand(reading(0, PARTIAL, TN=0), reading(1, TN=0)) == 0


def test_a_time_of_the_future_is_overruled() -> None:
    now = BEGAN + timedelta(hours=2)
    wrong = merge(KnownStock(), reading(99, TN=5))
    assert merge(wrong, reading(1, TN=3)).stock == {"TN": DcStock(5, 0)}
    assert merge(wrong, reading(1, TN=3), now=now).stock == {"TN": DcStock(3, 0)}


def test_nothing_is_known_of_nothing() -> None:
    assert KnownStock().stock is None
    assert from_queue(None, None, None, BEGAN) is None
    assert from_queue({}, None, [], BEGAN) is None


def test_a_row_of_another_program_is_taken_at_its_word() -> None:
    known = from_queue({"TN": {"onHand": 0, "onOrder": 0}, "total": 9}, None, None, BEGAN)
    assert known
    assert known.stock == {"TN": DcStock(0, 0)}
    assert known.centers["TN"].on_hand_at == BEGAN


counts = st.none() | st.integers(0, 9)
readings = st.builds(
    lambda hour, complete, stock: reading(hour, complete, **stock),
    st.integers(0, 8),
    st.booleans(),
    st.dictionaries(st.sampled_from(["TN", "PA", "CA"]), st.tuples(counts, counts), min_size=1),
)
some = st.lists(readings, max_size=4, unique_by=lambda one: one.read_at)


@given(some)
def test_the_order_in_which_readings_come_does_not_matter(given_: list[StockReading]) -> None:
    assert len({str(_plain(merge_all(order))) for order in permutations(given_)}) == 1


@given(some, readings)
def test_a_reading_merged_twice_changes_nothing(given_: list[StockReading], one: StockReading) -> None:
    once = merge(merge_all(given_), one)
    assert merge(once, one) == once


@given(st.lists(readings, max_size=12))
def test_no_more_is_counted_than_the_last_counts_allow(given_: list[StockReading]) -> None:
    """Each center's newest count, and none of a center that three later complete readings did not show."""
    newest: dict[str, tuple[datetime, int]] = {}
    for one in given_:
        for dc, of in one.counts.items():
            if of[0] is not None and (dc not in newest or one.read_at >= newest[dc][0]):
                newest[dc] = one.read_at, of[0]
    whole = {one.read_at for one in given_ if is_complete(one)}
    shown = {dc: max(one.read_at for one in given_ if dc in one.counts) for dc in newest}
    allowed = sum(
        copies for dc, (_, copies) in newest.items() if len([at for at in whole if at > shown[dc]]) < 3
    )
    assert (stock_rules.on_hand(merge_all(given_).stock) or 0) == allowed


def _plain(known: KnownStock) -> object:
    """For two merges of readings of which none are of the same time."""
    return sorted(known.centers.items()), known.completed
