"""What is understood of a page, where it stands, and what was not understood."""

import dataclasses

import pytest

from ingram_assets.sources.ipage.pages import PageChanged, parse_product_page
from ingram_assets.sources.ipage.pages.charsets import Body
from ingram_assets.sources.ipage.pages.product_page import ProductPage, read_product_page
from ingram_assets.sources.ipage.pages.understood import (
    FIELDS,
    KINDS,
    NotUnderstood,
    Understood,
    is_read,
    understand,
)
from ingram_assets_tests.testing.page_factory import (
    BLOCK,
    EXPIRED,
    HEADER,
    INTERRUPTION,
    LOGIN,
    LOWER,
    NO_MATCH,
    UPPER,
    message_page,
    product_page,
    replaced,
    stock_tables,
)
from ingram_demo.simulator.product import render_product
from ingram_demo.simulator.site import Site

RESULTS = (
    "<html><head><title>iPage Search Results</title></head><body><table><tr><th>Title</th><th>EAN</th></tr>"
    "<tr><td>Dune</td><td>9780441013593</td></tr><tr><td>Project</td><td>978-0-593-13520-4</td></tr></table>"
    "</body></html>"
)
FOREIGN = (
    '<html><body><h1 id="pd-title">Die Stadt: Roman</h1><table class="d"><tr><th>EAN</th>'
    '<td>9780593135204</td></tr><tr><td class="l">Verlag:</td><td>Klett</td></tr>'
    '<tr><td class="l">Preis:</td><td>$18.99</td></tr>'
    "<tr><td>Ersch. Datum:</td><td>May 4, 2021</td></tr><tr><td>Binding:</td><td>Paperback</td></tr></table>"
    "<div><strong>Description:</strong> A town. <b>Note:</b> it is not there.</div>"
    '<table class="lager"><tr><th>Lager</th><th>Bestand</th><th>Bestellt</th></tr>'
    "<tr><td>TN</td><td>410</td><td>0</td></tr></table><nav><b>Kunde:</b> 4711</nav></body></html>"
)


def understood(html: str) -> Understood:
    return understand(html.encode())


def places(found: Understood, name: str) -> list[str]:
    return [str(place) for place in found.places.get(name, ())]


def strange(found: Understood, what: str) -> dict[str, NotUnderstood]:
    return {one.words: one for one in found.strange if one.what == what}


def test_each_field_has_its_place() -> None:
    found = understood(product_page(messages=("This item is Not Returnable",)))
    assert found.is_reading
    assert {name: places(found, name) for name in FIELDS} == {
        "isbn": ["div.productDetailElements “EAN:”"],
        "title": ["span#pd-title.productDetailTitle"],
        "contributors": ["a.doContributorSearch"],
        "publisher": ["a.doSid"],
        "publication_date": ["div.productDetailElements “Pub Date:”"],
        "binding": ["div.productDetailElements “Binding:”"],
        "page_count": ["td.productDetailSmallElements “Physical Info:”"],
        "srp_price": ["div.productDetailElements “US SRP:”"],
        "weight": ["td.productDetailSmallElements “Physical Info:”"],
        "bisac": ["td.productDetailSmallElements “BISAC Categories:”"],
        "series": ["td.productDetailSmallElements “Series:”"],
        "description": ["div.productDetailElements “Annotation:”"],
        "publisher_status": ["span#pd-title.productDetailTitle “- In Stock”"],
        "restrictions": ["body “This item is Not Returnable”"],
    }
    assert [str(place) for place in found.centers["IN"]] == [
        "table.newAltStockCheckTable, row “IN”, “On Hand” and “On Order”"
    ]
    assert found.strange == ()


def elsewhere(*pairs: tuple[str, str], **changes: str | None) -> str:
    """A page with some labels changed or taken out, and these added."""
    upper = replaced(UPPER, **{name: value for name, value in changes.items() if name != "Physical_Info"})
    lower = replaced(LOWER, **{name: value for name, value in changes.items() if name == "Physical_Info"})
    return product_page(upper=[*upper, *pairs], lower=lower)


@pytest.mark.parametrize(
    ("page", "name", "label"),
    [
        (elsewhere(("Publisher Status", "OP")), "publisher_status", "Publisher Status:"),
        (elsewhere(EAN=None), "isbn", "ISBN:"),
        (elsewhere(("On Sale Date", "May 4, 2021"), Pub_Date=None), "publication_date", "On Sale Date:"),
        (elsewhere(("Weight", "2 lbs"), Physical_Info="476 pages"), "weight", "Weight:"),
        (elsewhere(("Page Count", "476"), Physical_Info=None), "page_count", "Page Count:"),
        (product_page(publisher="", upper=[*UPPER, ("Publisher", "Tor")]), "publisher", "Publisher:"),
        (product_page(people=(), upper=[*UPPER, ("Author", "Weir, A")]), "contributors", "Author:"),
        (elsewhere(("Returnable", "N")), "restrictions", "Returnable:"),
    ],
    ids=["status", "isbn", "date", "weight", "pages", "publisher", "author", "returnable"],
)
def test_a_value_s_place_is_where_it_was_taken_from(page: str, name: str, label: str) -> None:
    found = understood(page)
    assert is_read(getattr(found.page, name))
    assert [one.words for one in found.places[name]] == [label]


def test_what_can_t_be_told_has_a_place_and_no_value() -> None:
    found = understood(product_page(upper=replaced(UPPER, US_SRP="ask us")))
    assert found.page is not None
    assert found.page.srp_price is None
    assert places(found, "srp_price") == ["div.productDetailElements “US SRP:”"]
    assert any("ask us" in warning for warning in found.page.warnings)


def test_rows_of_one_state_and_tables_without_a_header() -> None:
    found = understood(product_page(stock=stock_tables(other=[("PAC", "1", "0"), ("PAA", "2", "0")])))
    assert [place.row for place in found.centers["PA"]] == ["PA", "PAC", "PAA"]
    assert {place.on_hand for place in found.centers["PA"]} == {"On Hand"}


def test_labels_that_were_not_understood() -> None:
    found = strange(understood(FOREIGN), "label")
    assert {words: (one.text, one.perhaps) for words, one in found.items()} == {
        "Verlag:": ("Klett", None),
        "Preis:": ("$18.99", "srp_price"),
        "Ersch. Datum:": ("May 4, 2021", "publication_date"),
        "Binding:": ("Paperback", "binding"),
    }
    assert [words for words, one in found.items() if one.is_known] == ["Binding:"]
    assert found["Verlag:"].path == "td.l"


def test_labels_of_the_site_s_own_elements_that_were_not_understood() -> None:
    upper = [*UPPER, ("Erscheint", "2 lbs"), ("Publ. Date", "May 5, 2021")]
    found = strange(understood(product_page(upper=upper)), "label")
    assert {words: one.perhaps for words, one in found.items()} == {"Erscheint:": None, "Publ. Date:": None}
    lacking = strange(understood(product_page(upper=replaced(upper, Pub_Date=None))), "label")
    assert lacking["Publ. Date:"].perhaps == "publication_date"


HEAD = '<h1 id="pd-title">T</h1><table><tr><th>EAN</th><td>9780593135204</td></tr></table>'


@pytest.mark.parametrize(
    "markup",
    [
        "<table><tr><th>Collection</th><td>Folio</td></tr></table>",
        "<table><tr><th><div>Collection</div></th><td><div>Folio</div></td></tr></table>",
        "<table><tr><td>Reihe</td><td>B</td></tr><tr><td>Collection</td><td>Folio</td></tr></table>",
        "<div><div>Reihe</div><div>B</div></div><div><div>Collection</div><div>Folio</div></div>",
        "<p><span>Reihe</span> <span>B</span></p><p><span>Collection</span> <span>Folio</span></p>",
        "<dl><dt>Description</dt><dd>A tale.</dd><dt>Collection</dt><dd>Folio</dd></dl>",
        "<dl><dt>Publisher</dt><dd></dd><dt>Collection</dt><dd>Folio</dd></dl>",
        "<div><b>Publisher</b> Tor</div><div><b>Collection</b> Folio</div>",
        "<div class=r><label>Publisher</label> Tor</div><div class=r><label>Collection</label> Folio</div>",
        "<p>Reihe: B<br>Collection: Folio</p>",
        "<h4>Collection:</h4><p>Folio</p>",
        "<fieldset><legend>Collection:</legend>Folio</fieldset>",
        "<ul><li>Collection: Folio</li></ul>",
    ],
)
def test_no_kind_of_label_is_passed_over_in_silence(markup: str) -> None:
    found = understood(f"<html><body>{HEAD}{markup}</body></html>")
    assert (strange(found, "label")["Collection:"].text) == "Folio"
    assert found.page is not None
    told = (found.page.publisher, found.page.description, found.page.series)
    assert not any("Collection" in (text or "") or "Folio" in (text or "") for text in told)


def test_a_long_label_that_was_not_understood() -> None:
    words = "Collection of the publisher's own books, by number:"
    found = understood(f"<html><body>{HEAD}<div><b>{words}</b> Folio</div></body></html>")
    assert strange(found, "label")[words].text == "Folio"


@pytest.mark.parametrize(
    "markup",
    [
        "<p><b>Free shipping</b> on all orders</p><p><b>New here</b> Sign up</p>",
        "<table><tr><td><a href=/1>Dune</a></td><td>Herbert</td></tr><tr><td><a href=/2>It</a></td>"
        "<td>King</td></tr></table>",
        "<table><tr><td>Nord</td><td>410</td></tr><tr><td>Ost</td><td>7</td></tr></table>",
        "<table><tr><td>Menu</td><td>Cart</td></tr></table>",
        f"<div><div>Menu</div><div>{'A long text. ' * 20}</div></div>" * 2,
    ],
)
def test_what_is_no_pair_of_a_label_and_its_value(markup: str) -> None:
    assert not strange(understood(f"<html><body>{HEAD}{markup}</body></html>"), "label")


def test_a_title_or_message_with_a_colon_is_no_label() -> None:
    messages = ('<span class="productDetailMessage">Restricted: Not available to all customers.</span>',)
    found = understood(product_page(title="The Lantern: A Novel", messages=messages))
    assert found.strange == ()
    assert found.page is not None
    assert found.page.restrictions


def test_headings_that_were_not_understood() -> None:
    found = understood(product_page(stock=stock_tables(header=(*HEADER, "ETA"), own=[("TN", "1", "0", "")])))
    assert list(strange(found, "heading")) == ["ETA"]
    assert list(strange(understood(FOREIGN), "heading")) == ["Lager", "Bestand", "Bestellt"]


def test_centers_that_were_not_understood() -> None:
    found = understood(product_page(stock=stock_tables(other=[("Reno Annex", "1", "0"), ("OR", "2", "0")])))
    assert list(strange(found, "center")) == ["Reno Annex"]
    assert found.is_reading


@pytest.mark.parametrize(
    ("html", "lacks"),
    [
        (product_page().replace("pd-title", "pt").replace("productDetailTitle", "pt"), {"title"}),
        (product_page(upper=replaced(UPPER, EAN=None, ISBN=None)), {"isbn"}),
        (product_page(stock=stock_tables(header=("DC", "Here", "Coming"))), {"stock"}),
    ],
    ids=["title", "isbn", "stock"],
)
def test_of_a_page_that_is_no_reading_the_rest_is_told(html: str, lacks: set[str]) -> None:
    """Refused by a sweep as before, and for the same reason."""
    found, whole = understood(html), parse_product_page(product_page())
    with pytest.raises(PageChanged) as refused:
        parse_product_page(html)
    assert found.refused == (str(refused.value),)
    assert not found.is_reading
    assert found.page is not None
    names = {field.name for field in dataclasses.fields(ProductPage) if not field.name.startswith("stock_")}
    different = {name for name in names if getattr(found.page, name) != getattr(whole, name)}
    assert different - {"publisher_status"} == lacks


def test_headings_of_a_stock_table_that_was_refused() -> None:
    found = understood(product_page(stock=stock_tables(header=("DC", "Here", "Coming"))))
    assert list(strange(found, "heading")) == ["DC", "Here", "Coming"]


@pytest.mark.parametrize(
    ("html", "kind", "said_by"),
    [
        (BLOCK, "blocked", "Imperva"),
        (INTERRUPTION, "blocked", "Pardon Our Interruption"),
        (LOGIN, "sign_in", "sign-in form"),
        (EXPIRED, "expired", "session has expired"),
        (NO_MATCH, "not_found", "No information matches"),
        (message_page("We could not do that."), "error", "We could not do that"),
        (RESULTS, "list", "2 ISBNs, 9780441013593"),
        ("<html><head><title>Home</title></head><body><p>Hello</p></body></html>", "other", "Home"),
        ("%PDF-1.4 and so on", "not_html", "HTML"),
    ],
    ids=["wall", "interruption", "login", "expired", "no match", "error", "results", "home", "pdf"],
)
def test_another_page_is_named_as_what_it_is(html: str, kind: str, said_by: str) -> None:
    found = understood(html)
    assert found.kind == kind
    assert kind in KINDS
    assert said_by in found.said_by
    assert not found.is_reading


def test_half_a_page() -> None:
    html = product_page()
    found = understood(html[: len(html) // 2])
    assert found.kind == "product"
    assert "cut short" in found.refused[0]


def test_an_empty_page_with_a_charset() -> None:
    body = Body("<html><head></head><body></body></html>".encode("cp1252"))
    body.charset = "windows-1252"
    assert understand(body).kind == "other"


def test_the_reader_of_a_sweep_and_this_one_are_the_same() -> None:
    site = Site(titles=12)
    for isbn in site.book.titles:
        html = render_product(site, isbn)
        page, notes = read_product_page(html)
        assert page == parse_product_page(html) == understood(html).page
        assert not notes.refused
        for name in FIELDS:
            assert bool(notes.spots.get(name)) >= is_read(getattr(page, name)), name


HOSTILE = {
    "deep": f"<html><body><h1 id=pd-title>x</h1>{'<div>' * 1_900}<b>A:</b> 1{'</div>' * 1_900}</body></html>",
    "many labels": product_page(extra="".join(f"<div><b>Label{n}x:</b> {n}</div>" for n in range(9_000))),
    "long names": product_page(
        extra=f"<p class='{'k' * 9_000}' id='{'i' * 9_000}'><b>A\x1b[2J:</b> {'v' * 90_000}</p>"
    ),
    "a long table": product_page(
        extra=f"<table>{'<tr><th>A</th><th>B</th><th>C</th></tr><tr><td>1</td></tr>' * 900}</table>"
    ),
    "many tables": product_page(
        extra="<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>" * 400
    ),
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_pages_are_told_in_few_words(html: str) -> None:
    found = understood(html)
    assert len(found.strange) <= 50 + 50 * 3
    for one in found.strange:
        assert len(one.words) <= 81
        assert len(one.text) <= 81
        assert len(one.path) < 600
        assert not any(ord(character) < 32 for character in one.words + one.text + one.path)
