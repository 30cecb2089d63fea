"""Product pages: the markup that is publicly known, with the book's own figures in it."""

import re
from datetime import datetime
from decimal import Decimal

import pytest

from ingram_assets_tests.testing import simulator_pages as reading


def test_every_page_says_what_the_book_says(sim, shop):
    for isbn, entry in sim.book().items():
        tree = reading.page(shop, isbn)
        top, small = reading.elements(tree), reading.elements(tree, "td.productDetailSmallElements")
        title = tree.css_first("#pd-title")
        assert "productDetailTitle" in title.attributes["class"]
        assert title.text() == entry["title"]
        assert title.parent.css_first("strong").text() == f"- {entry['availability']}"
        assert [node.text() for node in tree.css("a.doContributorSearch > span")] == [
            name for name, _ in entry["contributors"]
        ]
        assert f"({entry['contributors'][0][1]})" in tree.css_first(".productDetailContributors").text()
        assert tree.css_first("a.doSid").text() == entry["publisher"]
        assert top["EAN"] == isbn
        assert top["US SRP"].startswith(f"${entry['srp_price']} (Discount: ")
        assert top["Binding"] == entry["binding"]
        assert top["Pub Date"] == f"{datetime.fromisoformat(entry['publication_date']):%m/%d/%Y}"
        assert ("Release Date" in top) is (entry["publisher_status"] == "NY")
        assert top["Annotation"] == entry["annotation"]
        assert small.get("Series") == entry["series"]
        assert small["BISAC Categories"].startswith(" | ".join(entry["bisac"]) + "INGRAM Categories")
        assert [node.text() for node in tree.css(".productDetailMessage")] == entry["messages"]
        assert reading.stock(tree) == entry["stock"]
        assert "_Incapsula_Resource?SWJIYLWA=" in tree.html


def test_counts_have_thousands_commas(sim, shop):
    tree = reading.page(shop, sim.isbns("preorder_199999")[0])
    assert reading.rows(tree, "newStockCheckTable")[0] == ["TN", "0", "199,999"]


def test_messages_of_restricted_titles(sim, shop):
    def messages(kind):
        return [node.text() for node in reading.page(shop, sim.isbns(kind)[0]).css(".productDetailMessage")]

    assert messages("restricted") == ["Restricted:  Not available to all customers."]
    assert messages("not_returnable") == ["This item is Not Returnable"]
    assert messages("not_in_us") == ["Available in some countries but not the United States."]


@pytest.mark.parametrize(
    ("units", "pattern", "pounds"),
    [
        ("metric", r"^[\d.]+ cms H x [\d.]+ cms L x [\d.]+ cms W \(([\d.]+) kgs\) (\d+) pages$", "2.20462"),
        ("imperial", r'^[\d.]+" H x [\d.]+" L x [\d.]+" W \(([\d.]+) lbs\) (\d+) pages$', "1"),
    ],
)
def test_units_of_the_account(sim, shop, units, pattern, pounds):
    sim.set(units=units)
    isbn = sim.isbns()[0]
    entry = sim.entry(isbn)
    small = reading.elements(reading.page(shop, isbn), "td.productDetailSmallElements")
    weight, pages = re.match(pattern, small["Physical Info"]).groups()
    assert int(pages) == entry["page_count"]
    assert abs(Decimal(weight) * Decimal(pounds) - Decimal(entry["weight"])) < Decimal("0.02")


def test_row_order_is_the_accounts(sim, shop):
    sim.set(dcs=["OR", "CA", "PA", "TN", "OH", "IN"])
    isbn = sim.isbns()[0]
    tree = reading.page(shop, isbn)
    assert [row[0] for row in reading.rows(tree, "newStockCheckTable")] == ["OR", "CA"]
    assert [row[0] for row in reading.rows(tree, "newAltStockCheckTable")] == ["PA", "TN", "OH", "IN"]
    assert reading.stock(tree) == sim.entry(isbn)["stock"]
    assert sim.entry(isbn)["stock"]["OR"]["type"] == "primary"


@pytest.mark.parametrize("text", ["", "-", "N/A"])
def test_cells_without_a_number_are_null_in_the_book(sim, shop, text):
    sim.set(unknown_cells=text, unknown_cells_share=40)
    nulls = 0
    for isbn, entry in sim.book().items():
        assert reading.stock(reading.page(shop, isbn)) == entry["stock"]
        counts = [dc["onHand"] for dc in (entry["stock"] or {}).values()]
        nulls += counts.count(None)
        if entry["stock"] and None in counts:
            assert entry["on_hand"] != 0
    assert nulls > 5


@pytest.mark.parametrize("date_format", ["%B %d, %Y", "%d-%b-%Y", "%Y-%m-%d", "%b %Y"])
def test_date_formats(sim, shop, date_format):
    sim.set(date_format=date_format)
    isbn = sim.isbns()[0]
    shown = reading.elements(reading.page(shop, isbn))["Pub Date"]
    published = datetime.fromisoformat(sim.entry(isbn)["publication_date"])
    assert shown == published.strftime(date_format)


@pytest.mark.parametrize(
    "address",
    [
        "/ipage/servlet/ibg.common.titledetail.pd1000?ean_id={isbn}",
        "/ipage/productdetail?queryString=&R={record}&dNo=0",
    ],
)
def test_other_addresses_of_the_same_page(sim, shop, address):
    isbn, entry = next(iter(sim.book().items()))
    response = shop.get(address.format(isbn=isbn, record=entry["record_id"]))
    assert response.text == shop.get(reading.PRODUCT, params={"ean_id": isbn}).text


@pytest.mark.parametrize("query", ["ean_id=9780306406157", "ean_id=", "ean_id=../x", "R=1", "R=", "", "R=²"])
def test_no_match_is_a_page_with_status_200(shop, query):
    response = shop.get(f"{reading.PRODUCT}?{query}")
    assert response.status_code == 200
    assert reading.error_message(response).startswith("No information matches your query")


def test_titles_with_markup_are_escaped(sim, shop):
    for isbn in sim.isbns("markup"):
        tree = reading.page(shop, isbn)
        assert tree.css_first("#pd-title").text() == sim.entry(isbn)["title"]
        assert tree.css_first("#pd-title").css_first("b, i") is None


def test_hostile_texts_are_on_the_page_and_in_the_book(sim, shop):
    sim.set(hostile_share=100)
    seen = set()
    for isbn, entry in sim.book().items():
        tree = reading.page(shop, isbn)
        seen.add(entry["title"][:12])
        assert reading.stock(tree) == entry["stock"], "a title's text must not become a table"
        if "\x00" not in entry["title"] and "\r" not in entry["title"]:
            assert tree.css_first("#pd-title").text() == entry["title"]
    assert len(seen) > 8


def test_layouts_that_stay_readable_carry_the_same_cells(sim, shop):
    """Every figure of the book is somewhere on the page, in each layout that claims so."""
    isbn = sim.isbns("in_stock")[0]
    stock = {dc: (counts["onHand"], counts["onOrder"]) for dc, counts in sim.entry(isbn)["stock"].items()}
    for name, layout in sim.info()["layouts"].items():
        sim.clear_faults()
        sim.fault("layout", layout=name)
        tree = reading.page(shop, isbn)
        header = [node.text() for node in tree.css("th.scTableHeader")]
        if not layout["readable"]:
            continue
        on_hand, on_order = header.index("On Hand"), header.index("On Order")
        read = {}
        for table in ("newStockCheckTable", "newAltStockCheckTable"):
            for row in reading.rows(tree, table):
                if row[0] != "Total":
                    read[row[0]] = (int(row[on_hand].replace(",", "")), int(row[on_order].replace(",", "")))
        assert read == stock, name
        labels = [node.text().replace("\xa0", " ").strip(" \n:") for node in tree.css("strong")]
        assert {"EAN", "US SRP", "Binding", "Pub Date"} <= set(labels), name


def test_changed_layouts_are_changed(sim, shop):
    isbn = sim.isbns("in_stock")[0]
    known = shop.get(reading.PRODUCT, params={"ean_id": isbn}).text
    for name in sim.info()["layouts"]:
        sim.clear_faults()
        sim.fault("layout", layout=name)
        assert (shop.get(reading.PRODUCT, params={"ean_id": isbn}).text == known) is (name == "classic")
