"""The catalog has every kind of title that the rules know, with valid numbers, on any day."""

from collections import Counter
from datetime import date, timedelta

import pytest

from ingram_assets.domain.availability import availability
from ingram_assets.domain.isbn import parse_isbn
from ingram_assets.domain.stock import DcStock
from ingram_demo.simulator.catalog import KINDS, isbn_10, make_catalog, make_title

TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def hundred():
    return make_catalog(100, TODAY)


def test_ten_thousand_titles_are_all_different_and_valid():
    titles = make_catalog(10_000, TODAY)
    assert all(parse_isbn(title.isbn) == title.isbn for title in titles)
    assert len({title.isbn for title in titles}) == 10_000
    assert len({title.title for title in titles}) == 10_000
    assert len({title.record_id for title in titles}) == 10_000
    assert titles[:100] == make_catalog(100, TODAY)
    assert titles[7777] == make_title(7777, TODAY)


def test_every_kind_is_there_and_the_first_thirty_have_them_all(hundred):
    assert {title.kind for title in hundred} == set(KINDS)
    assert {title.kind for title in hundred[:30]} == set(KINDS)


def test_between_two_fires_has_410_on_hand(hundred):
    (title,) = [title for title in hundred if title.title == "Between Two Fires"]
    assert title.author == "Christopher Buehlman"
    assert sum(held for held, _ in title.stock.values()) == 410


def test_the_rules_find_every_availability_in_it(hundred):
    found = Counter()
    for title in hundred:
        stock = title.stock and {dc: DcStock(*counts) for dc, counts in title.stock.items()}
        found[
            availability(
                stock,
                today=TODAY,
                publication_date=title.publication_date,
                binding=title.binding,
                publisher_status=title.publisher_status,
            ).status
        ] += 1
    assert set(found) == {"digital", "preorder", "in_stock", "backorder", "out_of_stock", "unknown"}
    assert found["in_stock"] > 50


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2028, 2, 29), date(2035, 12, 31)])
def test_kinds_stay_true_on_any_day(day):
    for title in make_catalog(300, day):
        forthcoming = title.publisher_status == "NY"
        assert (title.publication_date > day) is forthcoming, title
        if title.kind == "preorder_199999":
            assert sum(coming for _, coming in title.stock.values()) == 199_999
            assert sum(held for held, _ in title.stock.values()) == 0
        if title.kind in ("preorder_no_table", "no_table", "out_of_print_no_table"):
            assert title.stock is None
        if title.kind == "zero_on_order":
            assert sum(held for held, _ in title.stock.values()) == 0
            assert sum(coming for _, coming in title.stock.values()) > 0
        if title.kind == "print_on_demand":
            assert sum(held for held, _ in title.stock.values()) == 100


def test_isbn_10():
    assert isbn_10("9780306406157") == "0306406152"
    assert isbn_10("9780804429573") == "080442957X"
    assert isbn_10("9798702930039") is None


def test_weights_and_prices_are_those_of_books(hundred):
    for title in hundred:
        assert 0.2 < title.weight < 4
        assert 5 < title.srp_price < 50
        assert title.publication_date < TODAY + timedelta(days=500)
