"""Stock: sums in which an unread count is never taken for none, and the JSON that other programs read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.stock import (
    MAX_COUNT,
    DcStock,
    from_json,
    is_worth_pushing,
    on_hand,
    on_order,
    to_json,
)

counts = st.one_of(st.none(), st.integers(0, MAX_COUNT))
stocks = st.dictionaries(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2),
    st.builds(DcStock, counts, counts, st.sampled_from(["primary", "secondary", "other"])),
    max_size=7,
)


@pytest.mark.parametrize(
    ("held", "total"),
    [
        ([187, 96, 84, 43], 410),
        ([0, 0, 0, 0], 0),
        ([0], 0),
        ([], None),
        ([None], None),
        ([None, 0], None),
        ([None, None], None),
        ([None, 7], 7),
        ([0, 7, None], 7),
    ],
)
def test_sums(held, total):
    stock = {f"D{place}": DcStock(count, count) for place, count in enumerate(held)}
    assert on_hand(stock) == total
    assert on_order(stock) == total


def test_never_read():
    assert on_hand(None) is None
    assert on_order(None) is None


@given(stocks)
def test_zero_needs_every_dc_read(stock):
    if on_hand(stock) == 0:
        assert stock
        assert all(dc.on_hand == 0 for dc in stock.values())
    if on_order(stock) == 0:
        assert all(dc.on_order == 0 for dc in stock.values())


@given(stocks)
def test_a_sum_is_what_was_read_and_unknown_is_no_copy(stock):
    """A DC that was not read takes nothing from the others, and is never counted as empty."""
    for total, place in ((on_hand(stock), 0), (on_order(stock), 1)):
        read = [dc[place] for dc in stock.values() if dc[place] is not None]
        if any(read):
            assert total == sum(read)
        else:
            assert total == (0 if stock and len(read) == len(stock) else None)


@given(stocks, st.sampled_from(["A1", "TNX", "tn", "T", "total", "T\n"]))
def test_what_is_no_dc_adds_nothing(stock, beside):
    told = {**to_json(stock), beside: {"type": "primary", "onHand": 5, "onOrder": 5}}
    assert from_json(told) == stock


@given(stocks)
def test_sums_do_not_depend_on_the_order_of_the_rows(stock):
    turned = dict(reversed(stock.items()))
    assert (on_hand(turned), on_order(turned)) == (on_hand(stock), on_order(stock))


@given(stocks)
def test_json_and_back(stock):
    assert from_json(to_json(stock)) == stock


def test_the_json_is_the_shape_that_is_read_elsewhere():
    stock = {"TN": DcStock(410, 0, "primary"), "PA": DcStock(None, 12, "secondary")}
    assert to_json(stock) == {
        "TN": {"type": "primary", "onHand": 410, "onOrder": 0},
        "PA": {"type": "secondary", "onHand": None, "onOrder": 12},
    }
    assert from_json(None) is None
    assert from_json({"TN": {"type": "new role", "onHand": 1}}) == {"TN": DcStock(1, None, "other")}


@pytest.mark.parametrize(
    "count", [-1, MAX_COUNT + 1, 4.5, "410", True, False, [], {}, float("nan"), float("inf"), 10**400]
)
def test_json_with_a_count_that_is_none_costs_that_count_alone(count):
    stock = from_json({"TN": {"type": "primary", "onHand": count, "onOrder": 2}, "PA": {"onHand": 7}})
    assert stock == {"TN": DcStock(None, 2, "primary"), "PA": DcStock(7, None, "other")}
    assert from_json({"TN": {"onOrder": count}}) == {"TN": DcStock(None, None, "other")}
    assert on_hand(from_json({"TN": {"onHand": count}, "PA": {"onHand": 0}})) is None


def test_json_of_other_programs():
    """A total beside the DCs is not a DC, a whole number may be written 410.0."""
    data = {"TN": {"onHand": 410.0, "type": []}, "total": {"onHand": 410}, "Total": 410, "tn": {"onHand": 1}}
    assert from_json(data) == {"TN": DcStock(410, None, "other")}
    assert from_json({"TN": None, "PA": 12}) == {"TN": DcStock(None, None), "PA": DcStock(None, None)}
    assert from_json({"total": {"onHand": 410}}) == {}
    for junk in ([], "410", 410, True):
        with pytest.raises(ValueError, match="an object with a DC for each key"):
            from_json(junk)


def test_plain_tuples_do_as_well():
    stock = {"TN": (410, 0, "primary"), "PA": (None, 12, "secondary")}
    assert (on_hand(stock), on_order(stock)) == (410, 12)
    assert from_json(to_json(stock)) == stock


@pytest.mark.parametrize(
    ("before", "after", "delta", "pushed"),
    [
        (None, (0, 0, "out_of_stock"), 1, True),
        (None, (None, None, "unknown"), 100, True),
        ((410, 0, "in_stock"), (410, 0, "in_stock"), 1, False),
        ((410, 0, "in_stock"), (409, 0, "in_stock"), 1, True),
        ((410, 0, "in_stock"), (409, 0, "in_stock"), 5, False),
        ((410, 0, "in_stock"), (405, 0, "in_stock"), 5, True),
        ((410, 0, "in_stock"), (415, 0, "in_stock"), 5, True),
        ((410, 0, "in_stock"), (410, 1, "in_stock"), 100, True),
        ((1, 0, "in_stock"), (0, 0, "out_of_stock"), 100, True),
        ((None, 0, "preorder"), (3, 0, "preorder"), 100, True),
        ((3, 0, "preorder"), (None, 0, "preorder"), 100, True),
        ((None, None, "unknown"), (None, None, "unknown"), 1, False),
        ((0, None, "preorder"), (0, 0, "preorder"), 100, True),
        ((410, 0, "in_stock"), (410, 0, "in_stock"), 0, False),
    ],
)
def test_what_is_worth_pushing(before, after, delta, pushed):
    assert is_worth_pushing(before, after, delta) is pushed


def test_unless_told_otherwise_one_copy_is_worth_pushing():
    assert is_worth_pushing((410, 0, "in_stock"), (409, 0, "in_stock"))
    assert not is_worth_pushing((410, 0, "in_stock"), (410, 0, "in_stock"))


@given(st.tuples(counts, counts, st.sampled_from(["in_stock", "preorder"])), st.integers(0, 50))
def test_the_same_again_is_never_pushed(state, delta):
    assert not is_worth_pushing(state, state, delta)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 50))
def test_the_bar_is_for_moves_of_on_hand_alone(was, now, delta):
    assert is_worth_pushing((was, 0, "in_stock"), (now, 0, "in_stock"), delta) is (abs(now - was) >= delta)
    assert is_worth_pushing((was, 0, "in_stock"), (now, 5, "in_stock"), delta)
