"""A product page, read by its labels."""

import contextlib
import dataclasses
import random
from datetime import date
from decimal import Decimal
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingram_assets.domain.isbn import check_digit_13
from ingram_assets.domain.restrictions import Restriction
from ingram_assets.domain.site_file import parse_site_file
from ingram_assets.domain.stock import DcStock
from ingram_assets.sources.ipage.pages import Contributor, PageChanged, fields, parse_product_page
from ingram_assets.sources.ipage.profile.site_profile import profile_with
from ingram_assets_tests.testing.page_factory import (
    LOWER,
    UPPER,
    contributors,
    product_page,
    replaced,
    stock_tables,
)


def upper(**changes: str | None) -> str:
    return product_page(upper=replaced(UPPER, **changes))


def lower(**changes: str | None) -> str:
    return product_page(lower=replaced(LOWER, **changes))


def test_everything_on_the_page_is_read() -> None:
    page = parse_product_page(product_page())
    assert page.isbn == "9780593135204"
    assert page.title == "Project Hail Mary"
    assert page.contributors == (Contributor("Andy Weir", "Author"), Contributor("Ray Porter", "Narrator"))
    assert page.publisher == "Ballantine Books"
    assert page.publication_date == date(2021, 5, 4)
    assert page.binding == "Hardcover"
    assert page.page_count == 476
    assert page.srp_price == Decimal("28.99")
    assert page.weight == Decimal("0.77")
    assert page.bisac == (
        "FICTION / Science Fiction / Hard Science Fiction",
        "FICTION / Thrillers / Technological",
    )
    assert page.series == "Hail Mary"
    assert page.description == "A lone astronaut must save the earth."
    assert page.publisher_status == "In Stock"
    assert page.stock == {
        "TN": DcStock(1410, 0, "primary"),
        "PA": DcStock(37, 250, "secondary"),
        "IN": DcStock(0, 12, "other"),
        "OR": DcStock(3, 199_999, "other"),
    }
    assert page.warnings == ()


def test_a_page_with_no_more_than_isbn_and_title_is_a_page() -> None:
    page = parse_product_page(
        '<html><body><span id="pd-title">Dune</span> <strong>EAN:</strong> 9780441013593</body></html>'
    )
    empty = {
        field.name: field.default for field in dataclasses.fields(page) if field.name not in ("isbn", "title")
    }
    assert {name: getattr(page, name) for name in empty} == empty


@pytest.mark.parametrize("label", ["Binding", "Pub Date", "US SRP", "Annotation", "Copyright Date"])
def test_an_optional_label_missing_above_is_none(label: str) -> None:
    page = parse_product_page(product_page(upper=[pair for pair in UPPER if pair[0] != label]))
    read = {
        "Binding": page.binding,
        "Pub Date": page.publication_date,
        "US SRP": page.srp_price,
        "Annotation": page.description,
    }
    assert read.get(label) is None
    assert page.warnings == ()


@pytest.mark.parametrize("label", ["Physical Info", "Series", "BISAC Categories"])
def test_an_optional_label_missing_below_is_none(label: str) -> None:
    page = parse_product_page(product_page(lower=[pair for pair in LOWER if pair[0] != label]))
    read = {
        "Physical Info": page.weight or page.page_count,
        "Series": page.series,
        "BISAC Categories": page.bisac or None,
    }
    assert read[label] is None
    assert page.warnings == ()


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_labels_says_nothing(seed: int) -> None:
    order = random.Random(seed)
    shuffled = product_page(
        upper=order.sample(UPPER, len(UPPER)),
        lower=order.sample(LOWER, len(LOWER)),
    )
    assert parse_product_page(shuffled) == parse_product_page(product_page())


def test_bytes_are_read_as_text_is() -> None:
    html = product_page(title="Die Möwe Jonathan — ÆØÅ")
    expected = parse_product_page(html)
    assert expected.title == "Die Möwe Jonathan — ÆØÅ"
    assert parse_product_page(html.encode()) == expected
    assert parse_product_page(b"\xef\xbb\xbf" + html.encode()) == expected
    assert parse_product_page(html.encode("utf-16")) == expected
    assert parse_product_page(html.replace("utf-8", "windows-1252").encode("cp1252")) == expected
    assert parse_product_page(html.replace("utf-8", "ISO-8859-1").encode("cp1252")) == expected


# ISBN


@pytest.mark.parametrize(
    "pairs",
    [
        [("EAN", "9780593135204")],
        [("ISBN", "0593135202")],
        [("ISBN", "0-593-13520-2")],
        [("ISBN-13", "978-0-593-13520-4")],
        [("ISBN", "978-0-593-13520-4")],
        [("ISBN13", "9780593135204")],
        [("EAN", "9780593135204 (Hardcover)")],
        [("ISBN/EAN", "0593135202 / 9780593135204")],
        [("ISBN", ""), ("EAN", "9780593135204")],
        [("ISBN", "N/A"), ("EAN", "9780593135204")],
        [("EAN", '<a href="/x?ean_id=9780441013593">9780593135204</a>')],
        [("EAN", "<span>9780593135204</span>&nbsp;")],
    ],
)
def test_the_isbn_is_read_under_either_label(pairs: list[tuple[str, str]]) -> None:
    others = [pair for pair in UPPER if pair[0] not in ("ISBN", "EAN")]
    assert parse_product_page(product_page(upper=[*others, *pairs])).isbn == "9780593135204"


@pytest.mark.parametrize(
    "html",
    [
        upper(EAN=None, ISBN=None),
        upper(EAN="", ISBN=""),
        upper(EAN="", ISBN=None),
        upper(EAN="9780593135205", ISBN=None),
        upper(EAN="978059313520", ISBN=None),
        upper(EAN="9780593135204 9780441013593", ISBN=None),
        upper(EAN="unknown", ISBN=None),
        upper(EAN="9780593135205"),
        upper(ISBN="0441013597"),
    ],
)
def test_a_page_whose_isbn_cannot_be_told_has_changed(html: str) -> None:
    with pytest.raises(PageChanged) as caught:
        parse_product_page(html)
    assert caught.value.label in ("EAN", "ISBN")
    assert caught.value.label in str(caught.value)


def test_a_damaged_isbn_10_beside_a_good_ean_is_said() -> None:
    page = parse_product_page(upper(ISBN="0593135203"))
    assert page.isbn == "9780593135204"
    assert any("ISBN" in warning for warning in page.warnings)


def test_numbers_of_other_books_on_the_page_are_not_its_own() -> None:
    aside = (
        '<div class="relatedTitles"><h4>Customers also ordered</h4><div><b>EAN:</b> 9780441013593 '
        f"<b>US SRP:</b> $9.99 <b>Binding:</b> Paperback {contributors([('Frank Herbert', 'Author')])}"
        f"{stock_tables(own=[('TX', '5', '5')])}</div></div>"
    )
    html = product_page()
    before = html.replace("<body>", f"<body>{aside}")
    assert parse_product_page(before) == parse_product_page(html)
    assert parse_product_page(product_page(extra=aside)) == parse_product_page(html)
    plain = "<div><b>EAN:</b> 9780441013593 <b>US SRP:</b> $9.99</div>"
    assert parse_product_page(html.replace("<body>", f"<body>{plain}")) == parse_product_page(html)


# Title, contributors, publisher


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("Dune", "Dune"),
        ("  The\n  Left Hand of&nbsp;Darkness ", "The Left Hand of Darkness"),
        ("Pride &amp; Prejudice &amp; Zombies", "Pride & Prejudice & Zombies"),
        ("Simon &amp;amp; Garfunkel", "Simon & Garfunkel"),
        ("Caf&eacute; &#8212; &ldquo;Nord&rdquo;", "Café — “Nord”"),
        ("三体", "三体"),
        ("Un<i>believ</i>able", "Unbelievable"),
        ("Dune<br>Messiah", "Dune Messiah"),
        ("The &lt;b&gt;Bold&lt;/b&gt;", "The <b>Bold</b>"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),
        ("Dune<script>alert(1)</script>", "Dune"),
        ("\u202eenuD\u202c", "enuD"),
        ("EAN: A Memoir", "EAN: A Memoir"),
        ("Pardon Our Interruption", "Pardon Our Interruption"),
        ("Your Session Has Expired", "Your Session Has Expired"),
        ("No Information Matches Your Query", "No Information Matches Your Query"),
        ("Request Unsuccessful. Incapsula Incident ID: 4", "Request Unsuccessful. Incapsula Incident ID: 4"),
        ("A - B", "A - B"),
        ("1984", "1984"),
    ],
)
def test_titles(markup: str, title: str) -> None:
    assert parse_product_page(product_page(title=markup)).title == title


def test_the_availability_is_no_part_of_the_title() -> None:
    html = product_page().replace(
        '<span id="pd-title" class="productDetailTitle">Project Hail Mary</span> <strong>- In Stock</strong>',
        '<div id="pd-title"><span class="productDetailTitle">Project Hail Mary</span> <strong>- Out of Print'
        "</strong></div>",
    )
    page = parse_product_page(html)
    assert (page.title, page.publisher_status) == ("Project Hail Mary", "Out of Print")
    html = product_page().replace(
        "Project Hail Mary</span> <strong>- In Stock</strong>", "Project Hail Mary <b>- In Stock</b></span>"
    )
    page = parse_product_page(html)
    assert (page.title, page.publisher_status) == ("Project Hail Mary", "In Stock")


def test_a_publisher_status_of_its_own_comes_first() -> None:
    assert parse_product_page(upper(Publisher_Status="OP")).publisher_status == "OP"
    assert parse_product_page(product_page(availability="")).publisher_status is None


@pytest.mark.parametrize("markup", ["", " &nbsp; ", "<i></i>", "\u200b"])
def test_a_page_without_a_title_has_changed(markup: str) -> None:
    with pytest.raises(PageChanged) as caught:
        parse_product_page(product_page(title=markup))
    assert caught.value.label == "title"


def test_the_title_is_known_by_its_class_where_the_id_is_gone() -> None:
    assert parse_product_page(product_page().replace(' id="pd-title"', "")).title == "Project Hail Mary"
    with pytest.raises(PageChanged, match="title"):
        parse_product_page(product_page().replace(' id="pd-title" class="productDetailTitle"', ""))


@pytest.mark.parametrize(
    "markup",
    [
        "<a class=doContributorSearch><span>A B</span></a> (Author), <a class=doContributorSearch>C</a>",
        "<a class='x doContributorSearch'><span>A B</span></a>\n(Author)<br><a class=doContributorSearch>C",
        "<a class=doContributorSearch><span>A B</span> (Author)</a>; <a class=doContributorSearch>C</a>",
        "<a class=doContributorSearch><span>A B</span></a> <i>(Author)</i> <a class=doContributorSearch>C",
    ],
)
def test_contributors_with_and_without_roles(markup: str) -> None:
    html = product_page().replace(contributors([("Andy Weir", "Author"), ("Ray Porter", "Narrator")]), markup)
    assert parse_product_page(html).contributors == (Contributor("A B", "Author"), Contributor("C", None))


@pytest.mark.parametrize(
    "said", ["(Author, Editor)", "(Author) (Editor)", "(Author), (Editor) from (Penguin)"]
)
def test_a_contributor_of_several_roles(said: str) -> None:
    markup = f'<a class="doContributorSearch"><span>A B</span></a> {said}'
    html = product_page().replace(contributors([("Andy Weir", "Author"), ("Ray Porter", "Narrator")]), markup)
    assert parse_product_page(html).contributors == (Contributor("A B", "Author, Editor"),)


def test_contributors_under_a_label() -> None:
    html = product_page(
        people=(), upper=[("Contributors", "Andy Weir (Author); Ray Porter (Narrator)"), *UPPER]
    )
    assert parse_product_page(html).contributors == (
        Contributor("Andy Weir", "Author"),
        Contributor("Ray Porter", "Narrator"),
    )
    assert parse_product_page(product_page(people=())).contributors == ()


def test_publisher_by_link_or_label() -> None:
    assert parse_product_page(product_page(publisher="Simon &amp; Schuster")).publisher == "Simon & Schuster"
    assert parse_product_page(product_page(publisher="")).publisher is None
    html = product_page(publisher="", upper=[*UPPER, ("Publisher", "Tor Books")])
    assert parse_product_page(html).publisher == "Tor Books"


# Labels


def test_labels_and_values_in_other_markup() -> None:
    truth = parse_product_page(product_page())
    html = product_page()
    assert parse_product_page(html.replace("<strong>", "<b>").replace("</strong>", "</b>")) == truth
    assert parse_product_page(html.replace(":</strong> ", "</strong>: ")) == truth
    assert parse_product_page(html.replace(":</strong> ", "&nbsp;:&nbsp;\n</strong>&nbsp;")) == truth
    assert (
        parse_product_page(
            html.replace("<strong>", "<strong><span>").replace("</strong>", "</span></strong>")
        )
        == truth
    )
    assert parse_product_page(html.replace("<strong>Pub Date", "<strong>PUB  DATE")) == truth
    cells = html.replace(":</strong> ", ':</strong></td><td class="v">').replace(
        '<div class="productDetailElements">', '<table class="productDetailElements"><tr><td>'
    )
    cells = "".join(
        line.replace("</div>", "</td></tr></table>") if "productDetailElements" in line else line
        for line in cells.splitlines(keepends=True)
    )
    assert parse_product_page(cells) == truth
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in (*UPPER, *LOWER))
    assert parse_product_page(product_page(upper=(), lower=(), extra=f"<dl>{listed}</dl>")) == truth
    plain = html.replace("<strong>", "").replace("</strong>", "").replace("- In Stock", "<b>- In Stock</b>")
    assert parse_product_page(plain) == truth


def test_several_labels_in_one_element() -> None:
    together = "<br>".join(f"<strong>{name}:</strong> {value}" for name, value in UPPER[:-1])
    html = product_page(upper=UPPER[-1:], extra=f'<div class="productDetailElements">{together}</div>')
    assert parse_product_page(html) == parse_product_page(product_page())
    html = product_page(
        upper=UPPER[-1:], extra=f'<div class="productDetailElements">{together.replace("<br>", " ")}</div>'
    )
    assert parse_product_page(html) == parse_product_page(product_page())


def test_what_the_book_lacks_is_not_taken_from_another() -> None:
    other = (
        "<section><strong>EAN:</strong> 9780441013593 <strong>US SRP:</strong> $9.99 "
        "<strong>Series:</strong> Dune <strong>Pub Date:</strong> Jan 1, 1999"
        f"<div>{contributors([('Frank Herbert', 'Author')])}</div><a class='doSid'>Ace</a></section>"
    )
    lacking = {
        "people": (),
        "publisher": "",
        "upper": replaced(UPPER, US_SRP=None, Pub_Date=None),
        "lower": replaced(LOWER, Series=None),
    }
    page = product_page(**lacking)  # type: ignore[arg-type]
    assert parse_product_page(page).srp_price is None
    for html in (page.replace("<body>", f"<body>{other}"), page.replace("</body>", f"{other}</body>")):
        assert parse_product_page(html) == parse_product_page(page)
    for html in (upper(EAN=None, ISBN=None).replace("</body>", f"{other}</body>"),):
        with pytest.raises(PageChanged, match="EAN"):
            parse_product_page(html)


def test_labels_in_scripts_comments_and_templates_are_no_labels() -> None:
    other = '<div class="productDetailElements"><strong>EAN:</strong> 9780441013593</div>'
    for hidden in (
        f"<!-- {other} -->",
        f"<script>{other}</script>",
        f"<template>{other}</template>",
        f"<noscript>{other}</noscript>",
        f"<style>{other}</style>",
    ):
        html = product_page().replace("<body>", f"<body>{hidden}")
        assert parse_product_page(html) == parse_product_page(product_page())


def test_labels_inside_the_description_are_its_words() -> None:
    text = "Story.<p><strong>Binding:</strong> the ties that bind.</p><p><b>Pub Date:</b> Jan 1, 1999</p>"
    others = [pair for pair in UPPER if pair[0] not in ("Annotation", "Binding", "Pub Date")]
    page = parse_product_page(product_page(upper=[("Annotation", text), *others]))
    assert page.binding is None
    assert page.publication_date is None
    assert page.description == "Story.\n\nBinding: the ties that bind.\n\nPub Date: Jan 1, 1999"


# Values under labels


def test_a_title_under_a_label_of_ones_own() -> None:
    profile = profile_with(parse_site_file(b'[labels]\ntitle = ["Titel"]', None))
    plain = product_page().replace('id="pd-title"', "").replace("productDetailTitle", "heading")

    def with_rows(*titles: str) -> str:
        rows = [f'<div class="productDetailElements"><b>Titel:</b> {title}</div>' for title in titles]
        return plain.replace("<body>", "<body>" + "".join(rows))

    assert parse_product_page(with_rows("Der Turm", "Der Turm"), profile).title == "Der Turm"
    for refused in ((), ("",), ("Der Turm", "Die Stadt")):
        with pytest.raises(PageChanged, match="title"):
            parse_product_page(with_rows(*refused), profile)
    with pytest.raises(PageChanged, match="title"):
        parse_product_page(with_rows("Der Turm"))
    assert parse_product_page(product_page(), profile) == parse_product_page(product_page())


@pytest.mark.parametrize(
    "size", ["21,0 x 13,5 x 2,8 cm", "5.5 x 8.25 in.", "8 × 5", '9" x 6" x 1"', "21.0 cms H x 14.0 cms W"]
)
def test_what_a_book_measures_is_no_binding(size: str) -> None:
    page = parse_product_page(upper(Binding=None, Format=size))
    assert page.binding is None
    assert parse_product_page(upper(Binding="Paperback", Format=size)).binding == "Paperback"


def test_a_binding_with_a_figure_stays_one() -> None:
    for binding in ("2 CDs", "Paperback 5 x 8", "Box 3"):
        assert parse_product_page(upper(Binding=binding)).binding == binding


def test_dates() -> None:
    assert parse_product_page(upper(Pub_Date="02/03/2027")).publication_date == date(2027, 2, 3)
    released = upper(Pub_Date=None, Release_Date="Feb 03, 2027")
    assert parse_product_page(released).publication_date == date(2027, 2, 3)
    both = upper(Release_Date="Feb 03, 2027")
    assert parse_product_page(both).publication_date == date(2021, 5, 4)
    copyright_only = parse_product_page(upper(Pub_Date=None))
    assert copyright_only.publication_date is None
    odd = parse_product_page(upper(Pub_Date="Spring 2027"))
    assert odd.publication_date is None
    assert any("Spring 2027" in warning for warning in odd.warnings)


def test_prices() -> None:
    assert parse_product_page(upper(US_SRP="$1,299.00")).srp_price == Decimal("1299.00")
    page = parse_product_page(upper(US_SRP="$18.99 (Discount: 40%)"))
    assert page.srp_price == Decimal("18.99")
    canadian = product_page(upper=[("Canadian SRP", "$38.99"), *UPPER])
    assert parse_product_page(canadian).srp_price == Decimal("28.99")
    only_canadian = product_page(upper=[*replaced(UPPER, US_SRP=None), ("Canadian SRP", "$38.99")])
    assert parse_product_page(only_canadian).srp_price is None
    several = product_page(upper=[("Price", "$15.40"), ("List Price", "$30.00"), *UPPER])
    assert parse_product_page(several).srp_price == Decimal("28.99")
    own = product_page(upper=replaced(UPPER, US_SRP="$28.99<br>You pay: $15.40"))
    assert parse_product_page(own).srp_price == Decimal("28.99")
    odd = parse_product_page(upper(US_SRP="$0.00"))
    assert odd.srp_price is None
    assert any("0.00" in warning for warning in odd.warnings)


@pytest.mark.parametrize(
    ("physical", "weight", "pages"),
    [
        ('0.9" H x 8.3" L x 5.5" W (0.77 lbs) 320 pages', "0.77", 320),
        ("2.3 cms H x 21.0 cms L x 14.0 cms W (0.35 kgs) 1,024 pages", "0.77", 1024),
        ("320 pages", None, 320),
        ("(12 oz)", "0.75", None),
        ("0.77 lbs (320 pages)", "0.77", 320),
        ("(Pbk) 2.3 cms H x 21.0 cms L (0.35 kgs) 320 pages", "0.77", 320),
        ("1 audio disc", None, None),
        ("0.9 in H x 8.3 in L x 5.5 in W (1 lb 4 oz)", "1.25", None),
    ],
)
def test_physical_info(physical: str, weight: str | None, pages: int | None) -> None:
    page = parse_product_page(lower(Physical_Info=physical))
    assert page.warnings == ()
    assert page.weight == (Decimal(weight) if weight else None)
    assert page.page_count == pages


def test_weight_and_pages_under_labels_of_their_own() -> None:
    html = lower(Physical_Info=None, Weight="1.2 lbs", Page_Count="384")
    page = parse_product_page(html)
    assert (page.weight, page.page_count) == (Decimal("1.20"), 384)


@pytest.mark.parametrize(
    "markup",
    [
        "FICTION / Fantasy / Epic | FICTION / Romance",
        "FICTION / Fantasy / Epic|FICTION / Romance|",
        "FICTION /\n Fantasy / Epic\n | FICTION / Romance",
        "FICTION / Fantasy / Epic<br>FICTION / Romance",
        "FICTION / Fantasy / Epic | FICTION / Romance | FICTION / Fantasy / Epic",
        "<ul><li>FICTION / Fantasy / Epic</li><li>FICTION / Romance</li></ul>",
        "FICTION / Fantasy / Epic | FICTION / Romance<strong>INGRAM Categories:</strong> FICTION / Other",
        "FICTION / Fantasy / Epic | FICTION / RomanceINGRAM Categories Other | Things",
        "FICTION / Fantasy / Epic | FICTION / Romance <table><tr><td>INGRAM Categories</td></tr></table>",
        "FICTION / Fantasy / Epic | FICTION / Romance<div>INGRAM&nbsp;Thematics</div><div>Other</div>",
        "FICTION / Fantasy / Epic | FICTION / Romance<div><b>Ingram Categories</b><br>X | Y</div>",
    ],
)
def test_bisac_paths_end_where_the_panel_begins(markup: str) -> None:
    page = parse_product_page(lower(BISAC_Categories=markup))
    assert page.bisac == ("FICTION / Fantasy / Epic", "FICTION / Romance")


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("One.<p>Two.</p><p>Three.</p>", "One.\n\nTwo.\n\nThree."),
        ("One.<br>Two.<br/>Three.", "One.\nTwo.\nThree."),
        ("One &amp; two &mdash; three", "One & two — three"),
        ("<p>One <b>bold:</b> two.</p>", "One bold: two."),
        ("One.<script>alert(1)</script><style>p{}</style>", "One."),
        (
            "&lt;p&gt;One.&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;p&gt;Two.&lt;/p&gt;",
            "One.\n\nTwo.",
        ),
        ("a < b and 3 > 2", "a < b and 3 > 2"),
        ("<ul><li>One</li><li>Two</li></ul>", "One\n\nTwo"),
        ("N/A", None),
        ("", None),
    ],
)
def test_descriptions_are_plain_paragraphs(markup: str, text: str | None) -> None:
    assert parse_product_page(upper(Annotation=markup)).description == text


def test_a_title_not_yet_published_shows_no_stock_table() -> None:
    assert parse_product_page(product_page(stock="")).stock is None


def test_stock_stands_wherever_it_stands() -> None:
    truth = parse_product_page(product_page())
    first = product_page(stock="").replace("<body>", f"<body>{stock_tables()}")
    assert parse_product_page(first) == truth
    laid_out = product_page(
        stock=f"<table><tr><td><table><tr><td>{stock_tables()}</td></tr></table></td></tr></table>"
    )
    assert parse_product_page(laid_out) == truth


WORDS = st.text(
    alphabet=st.characters(categories=["L", "Nd", "P", "Sm", "Sc", "So"], exclude_characters="|&"),
    min_size=1,
    max_size=20,
)
TEXTS = st.lists(WORDS, min_size=1, max_size=5).map(" ".join).filter(lambda text: not fields.is_absent(text))
ISBNS = st.integers(978_000_000_000, 979_999_999_999).map(lambda n: f"{n}{check_digit_13(str(n))}")
DATE_FORMS = ("%b %d, %Y", "%B %d, %Y", "%m/%d/%Y", "%d %b %Y", "%Y-%m-%d", "%m/%d/%y")
LABEL_FORMS = (
    "<strong>{}:</strong> {}",
    "<b>{}:</b> {}",
    "<strong>{}</strong>: {}",
    "<strong>\n {}&nbsp;:\n</strong>&nbsp;{}",
    "<strong>{}:</strong><span>{}</span>",
    "<strong>{}:</strong><br>{}",
    "{}: {}",
)


@settings(max_examples=150)
@given(
    isbn=ISBNS,
    title=TEXTS,
    people=st.lists(
        st.tuples(TEXTS.filter(lambda name: "(" not in name), st.sampled_from(["Author", "Editor"])),
        max_size=3,
        unique=True,
    ),
    publisher=TEXTS,
    series=TEXTS,
    day=st.dates(date(1951, 1, 1), date(2049, 12, 31)),
    date_form=st.sampled_from(DATE_FORMS),
    price=st.decimals(Decimal("0.01"), Decimal("9999.99"), places=2),
    grams=st.integers(50, 5000),
    metric=st.booleans(),
    pages=st.integers(1, 4000),
    label=st.sampled_from(LABEL_FORMS),
    order=st.randoms(use_true_random=False),
)
def test_every_layout_gives_the_same_book(
    isbn: str,
    title: str,
    people: list[tuple[str, str]],
    publisher: str,
    series: str,
    day: date,
    date_form: str,
    price: Decimal,
    grams: int,
    metric: bool,
    pages: int,
    label: str,
    order: random.Random,
) -> None:
    pounds = Decimal(grams) / 1000 * fields.POUNDS_PER_KILOGRAM
    weight = f"{Decimal(grams) / 1000} kgs" if metric else f"{pounds:.4f} lbs"
    upper = [
        ("EAN", isbn),
        ("US SRP", f"${price:,.2f} (Discount: REG)"),
        ("Binding", "Trade Paper"),
        ("Pub Date", day.strftime(date_form)),
        ("Copyright Date", f"{day.year}"),
    ]
    lower = [
        ("Physical Info", f"(  {weight} ) {pages:,} pages"),
        ("Series", escape(series)),
        ("Carton Quantity", "24"),
    ]
    order.shuffle(upper)
    order.shuffle(lower)
    html = product_page(title=escape(title), people=people, publisher=escape(publisher), upper=(), lower=())
    shown = [f'<div class="productDetailElements">{label.format(*pair)}</div>' for pair in upper]
    shown += [
        f'<table><tr><td class="productDetailSmallElements">{label.format(*pair)}</td></tr></table>'
        for pair in lower
    ]
    order.shuffle(shown)
    page = parse_product_page(html.replace("<table>", "\n".join(shown) + "<table>", 1))
    assert page.isbn == isbn
    assert page.title == fields.clean(title)
    assert page.contributors == tuple(
        (name, role)
        for name, role in dict.fromkeys((fields.clean(name).strip(" ,;"), role) for name, role in people)
        if name
    )
    assert page.publisher == fields.clean(publisher)
    assert page.series == fields.clean(series)
    assert page.publication_date == day
    assert page.srp_price == price
    assert page.weight is not None
    assert abs(page.weight - pounds) <= Decimal("0.0051")
    assert page.page_count == pages
    assert page.binding == "Trade Paper"
    assert page.warnings == ()


# Pages made to take long

_BLURB = "A lone astronaut must save the earth."
_ANNOTATION = '<div class="productDetailElements"><strong>Annotation:</strong> A lone</div>'
LONG_PAGES = {
    "dashes": lambda n: upper(Annotation="-" * n),
    "commas": lambda n: upper(Annotation="," * n),
    "semicolons after a text": lambda n: upper(Annotation=f"{_BLURB}<br>" + ";" * n),
    "dots": lambda n: upper(Annotation="." * n + "x"),
    "blanks that are kept": lambda n: upper(Annotation=_BLURB + "&nbsp;" * n + "x"),
    "ellipses": lambda n: upper(Annotation="a, … " * (n // 5)),
    "a switch after each word": lambda n: upper(Annotation='text <a href="#">more</a> ' * (n // 25)),
    "annotations": lambda n: upper(Annotation=f"{_BLURB}</div>{_ANNOTATION * (n // 75)}<div>"),
    "annotations in each other": lambda n: upper(Annotation=_BLURB + _ANNOTATION[:-6] * (n // 75)),
    "annotations with a switch": lambda n: upper(
        Annotation=f"{_BLURB} <a>more</a></div>{_ANNOTATION * (n // 75)}<div>"
    ),
    "hidden texts in each other": lambda n: upper(
        Annotation="A lone… <a>more</a>" + "<span hidden>A lone man<i></i>" * (n // 30)
    ),
    "labels in each other": lambda n: product_page(
        extra='<div class="productDetailElements">EAN: 9780593135204' * (n // 60)
    ),
    "blank labels side by side": lambda n: upper(
        Annotation="".join("<div><strong>Series:</strong></div>" for _ in range(n // 35))
    ),
    "line breaks after a label": lambda n: upper(Series="<br>" * (n // 4)),
    "other people": lambda n: product_page(people=[(f"A{each}", "Author") for each in range(n // 70)]),
    "other subjects": lambda n: lower(BISAC_Categories=" | ".join(f"A{each}" for each in range(n // 8))),
    "brackets": lambda n: lower(Physical_Info="(1" * (n // 2)),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", LONG_PAGES)
def test_a_page_made_to_take_long_is_read_or_refused(kind: str) -> None:
    """In a fraction of a second; what reads such a text anew from each of its signs takes minutes."""
    with contextlib.suppress(PageChanged):
        parse_product_page(LONG_PAGES[kind](300_000))


def test_restrictions_are_read_wherever_they_stand() -> None:
    assert parse_product_page(product_page()).restrictions == ()
    told = (
        "This item is Not Returnable",
        "<strong>Restricted:</strong>&nbsp; Not available to all <i>customers</i>.",
        "Available in some countries but not the United States.",
    )
    found = parse_product_page(product_page(messages=told)).restrictions
    assert found == tuple(Restriction)
    assert parse_product_page(lower(Returnable="No")).restrictions == (Restriction.NOT_RETURNABLE,)
    assert parse_product_page(lower(Returnable="Yes")).restrictions == ()


@pytest.mark.parametrize(
    "extra",
    [
        '<div class="message" style="display: none">This item is Not Returnable</div>',
        '<script>say("Restricted: Not available to all customers.")</script>',
        "<select><option>Not Returnable</option></select>",
        '<div class="relatedTitles"><p>This item is Not Returnable</p></div>',
        '<div class="promoMessage">Free freight on all returnable titles</div>',
    ],
)
def test_what_is_not_said_of_this_book_restricts_nothing(extra: str) -> None:
    assert parse_product_page(product_page(extra=extra)).restrictions == ()


def test_a_blurb_that_speaks_of_it_restricts_nothing() -> None:
    blurb = "Restricted: not available to all customers, said the sign. She went in. Not returnable, it said."
    assert parse_product_page(upper(Annotation=blurb)).restrictions == ()


def test_a_message_that_is_not_known_is_kept_as_it_stands() -> None:
    extra = '<div class="productDetailMessage">For sale only in Canada.<br>Ships on pallets.</div>'
    page = parse_product_page(product_page(extra=extra))
    assert page.restrictions == ("For sale only in Canada.",)


def test_restrictions_in_a_sites_own_words() -> None:
    words = b'[words]\nsome_customers = ["Nur an Bibliotheken."]\nrestricted = ["Verkauf untersagt"]'
    profile = profile_with(parse_site_file(words, None))

    def restricted(line: str) -> tuple[str, ...]:
        html = product_page().replace("<body>", f"<body><p><font>{line}</font></p>")
        return parse_product_page(html, profile).restrictions

    assert restricted("Nur an Bibliotheken") == (Restriction.SOME_CUSTOMERS,)
    assert restricted("Verkauf untersagt!") == (Restriction.RESTRICTED,)
    assert restricted("This book was sold nur an Bibliotheken.") == ()
