"""The parsers against the simulator's pages and its book, in every layout that it knows."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.completeness import FIRST_GUESS
from ingram_assets.domain.restrictions import Restriction, in_order
from ingram_assets.sources.ipage.pages import PageChanged, fields, parse_product_page, parse_saved_search_csv
from ingram_demo.simulator.catalog import NOT_IN_US, NOT_RETURNABLE, RESTRICTED
from ingram_demo.simulator.dials import ALL_DCS, CSV_LAYOUTS, Dials
from ingram_demo.simulator.export import export_csv
from ingram_demo.simulator.faults import Rule
from ingram_demo.simulator.layouts import LAYOUTS
from ingram_demo.simulator.product import render_product
from ingram_demo.simulator.shown import book_entry, shown_title
from ingram_demo.simulator.site import Site

SAID = {
    NOT_RETURNABLE: (Restriction.NOT_RETURNABLE,),
    NOT_IN_US: (Restriction.SOME_COUNTRIES,),
    RESTRICTED: (Restriction.RESTRICTED, Restriction.SOME_CUSTOMERS),
}


def site(**dials: Any) -> Site:
    return Site(titles=120, dials=Dials(**dials))


def assert_is_the_books(html: str, entry: dict[str, Any], *, weight_within: str = "0.02") -> None:
    page = parse_product_page(html)
    assert page.isbn == entry["isbn"]
    assert page.title == fields.clean(entry["title"])
    assert [[person.name, person.role] for person in page.contributors] == [
        [fields.clean(name), role] for name, role in entry["contributors"]
    ]
    assert page.publisher == entry["publisher"]
    assert page.publication_date == date.fromisoformat(entry["publication_date"])
    assert page.binding == entry["binding"]
    assert page.page_count == (entry["page_count"] or None)
    assert page.srp_price == Decimal(entry["srp_price"])
    if entry["binding"] != "E-Book":
        assert page.weight is not None
        assert abs(page.weight - Decimal(entry["weight"])) <= Decimal(weight_within)
    assert page.bisac == tuple(entry["bisac"])
    assert page.series == (entry["series"] or None)
    assert page.publisher_status == entry["availability"]
    assert page.restrictions == in_order(word for message in entry["messages"] for word in SAID[message])
    assert (None if page.stock is None else stock_rules.to_json(page.stock)) == entry["stock"]
    assert page.stock is None or page.shows_every_part(FIRST_GUESS)


@pytest.mark.parametrize(
    "dials",
    [
        {},
        {"units": "imperial"},
        {"date_format": "%b %d, %Y"},
        {"date_format": "%B %d, %Y"},
        {"date_format": "%Y-%m-%d"},
        {"dcs": ("PA", "TN", "OR", "IN")},
        {"dcs": tuple(reversed(ALL_DCS))},
        {"unknown_cells_share": 40.0},
        {"unknown_cells_share": 40.0, "unknown_cells": ""},
        {"unknown_cells_share": 40.0, "unknown_cells": "--"},
    ],
    ids=str,
)
def test_every_title_of_the_book(dials: dict[str, Any]) -> None:
    shop = site(**dials)
    for isbn in shop.book.titles:
        assert_is_the_books(render_product(shop, isbn), book_entry(shop, isbn))


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_layout_is_read_rightly_or_refused(name: str) -> None:
    layout, shop = LAYOUTS[name], site()
    rule = Rule(fault="layout", layout=name)
    for isbn in list(shop.book.titles)[:40]:
        html, entry = render_product(shop, isbn, rule), book_entry(shop, isbn)
        if layout.readable:
            if layout.rows_in_main > 2 and entry["stock"]:
                # All in one table: the first two are still the account's own.
                roles = ["primary", "secondary", "other", "other"]
                assert [dc["type"] for dc in entry["stock"].values()] == roles
            assert_is_the_books(html, entry)
            continue
        try:
            page = parse_product_page(html)
        except PageChanged:
            continue
        assert page.isbn == isbn
        for dc, counts in (page.stock or {}).items():
            truth = entry["stock"][dc]
            assert counts.on_hand in (None, truth["onHand"])
            assert counts.on_order in (None, truth["onOrder"])
        on_hand = stock_rules.on_hand(page.stock)
        if not page.warnings:
            assert on_hand == entry["on_hand"]
        if on_hand == 0 and entry["on_hand"] != 0:
            assert page.hides_copies(FIRST_GUESS)
        if layout.counts_in_words:
            assert page.warnings or not page.stock


def test_hostile_texts_come_out_as_plain_text() -> None:
    shop = site(hostile_share=100.0)
    for isbn in shop.book.titles:
        entry = book_entry(shop, isbn)
        page = parse_product_page(render_product(shop, isbn))
        assert page.isbn == isbn
        assert (None if page.stock is None else stock_rules.to_json(page.stock)) == entry["stock"]
        assert page.description == "A tale of fire & ice."
        assert not any(ord(c) < 32 or c in "\u202e\u2066\u200b\ufeff" for c in page.title)


@pytest.mark.parametrize("layout", CSV_LAYOUTS)
def test_every_shape_of_the_export(layout: str) -> None:
    shop = site()
    titles = list(shop.book.titles.values())
    data = export_csv(titles, layout)
    if layout == "unknown_columns":
        with pytest.raises(PageChanged, match="ISBN"):
            parse_saved_search_csv(data)
        return
    frame = parse_saved_search_csv(data)
    assert [tuple(row) for row in frame.itertuples(index=False)] == [
        (title.isbn, fields.clean(title.title), title.srp_price) for title in titles
    ]
    assert frame.attrs["rejected"] == []


@pytest.mark.parametrize("layout", ["classic", "isbn13", "tabs"])
def test_hostile_titles_in_the_export(layout: str) -> None:
    shop = site(hostile_share=100.0)
    titles = [shown_title(shop, isbn) for isbn in shop.book.titles]
    frame = parse_saved_search_csv(export_csv(titles, layout))
    assert [tuple(row) for row in frame.itertuples(index=False)] == [
        (title.isbn, fields.clean(title.title), title.srp_price) for title in titles
    ]
