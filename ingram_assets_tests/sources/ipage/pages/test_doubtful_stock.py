"""Pages whose stock looks whole and is not: counts that are none, of others, hidden, or of another day."""

from collections.abc import Iterable
from datetime import date

import pytest

from ingram_assets.domain.completeness import FIRST_GUESS
from ingram_assets.domain.site_file import parse_site_file
from ingram_assets.domain.stock import DcStock, on_hand
from ingram_assets.sources.ipage.pages import PageChanged, ProductPage, parse_product_page
from ingram_assets.sources.ipage.pages.helpful_entries import helpful_entries
from ingram_assets.sources.ipage.pages.understood import understand
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, profile_with
from ingram_assets_tests.testing.page_factory import HEADER, OTHER_ROWS, OWN_ROWS, product_page, table

TODAY = date(2026, 11, 30)
OWN, OTHER = "newStockCheckTable", "newAltStockCheckTable"
ZERO_OWN = [("TN", "0", "0"), ("PA", "0", "0")]
ZERO_OTHER = [("IN", "0", "0"), ("OR", "0", "0")]
ALL = {"TN": 1410, "PA": 37, "IN": 0, "OR": 3}


def stock(
    own: Iterable[tuple[str, ...]] = OWN_ROWS,
    other: Iterable[tuple[str, ...]] = OTHER_ROWS,
    header: tuple[str, ...] = HEADER,
) -> str:
    return table(OWN, own, header) + table(OTHER, other)


def read(html: str, profile: SiteProfile | None = None) -> ProductPage:
    """A page with this in the element of its stock."""
    inner = f'<div class="stockCheck"><h4>Stock</h4>{html}</div>'
    return parse_product_page(product_page(stock=inner), profile, TODAY)


def counts(page: ProductPage) -> dict[str, int | None]:
    return {code: dc.on_hand for code, dc in (page.stock or {}).items()}


def site(text: str) -> SiteProfile:
    return profile_with(parse_site_file(text.encode(), None))


# Zeros that are no counts

TROUBLE = [
    "Stock is temporarily unavailable. Please try again later.",
    "Inventory service error: counts could not be retrieved.",
    "Stock check is down for maintenance",
    "Stock request timed out",
    "Please sign in to see stock",
    "Stock counts couldn’t be loaded",
]


@pytest.mark.parametrize("text", TROUBLE)
@pytest.mark.parametrize("place", ["above", "below", "beside", "row", "across", "caption"])
def test_zeros_beside_a_sentence_of_trouble_are_unknown_in_every_table(text: str, place: str) -> None:
    own, other = table(OWN, ZERO_OWN, HEADER), table(OTHER, ZERO_OTHER)
    html = {
        "above": f"<p>{text}</p>{own}{other}",
        "below": f"{own}{other}<div><p>{text}</p></div>",
        "beside": f"{own}{text}{other}",
        "row": table(OWN, [*ZERO_OWN, (text, "", "")], HEADER) + other,
        "across": own.replace("</table>", f"<tr><td colspan=3>{text}</td></tr></table>") + other,
        "caption": own.replace("<tr>", f"<caption>{text}</caption><tr>", 1) + other,
    }[place]
    page = read(html)
    assert set(counts(page).values()) == {None}
    assert on_hand(page.stock) is None
    assert not page.shows_all_stock(FIRST_GUESS)
    assert any(text[:40] in warning for warning in page.warnings)


@pytest.mark.parametrize(
    "html",
    [
        stock(ZERO_OWN, ZERO_OTHER),
        f"<p>In stock items ship today.</p>{stock(ZERO_OWN, ZERO_OTHER)}<p>Updated hourly.</p>",
        f"<p hidden>{TROUBLE[0]}</p>{stock(ZERO_OWN, ZERO_OTHER)}",
        f'<div style="display:none"><p>{TROUBLE[0]}</p></div>{stock(ZERO_OWN, ZERO_OTHER)}',
        f"<p>This title is not available to some customers.</p>{stock(ZERO_OWN, ZERO_OTHER)}",
    ],
)
def test_zeros_without_trouble_are_zero(html: str) -> None:
    page = read(html)
    assert set(counts(page).values()) == {0}
    assert page.shows_all_stock(FIRST_GUESS)


def test_copies_that_are_shown_stand_whatever_is_said() -> None:
    assert counts(read(f"<p>{TROUBLE[1]}</p>{stock()}")) == ALL


def test_a_sentence_elsewhere_on_the_page_is_none_of_the_stock() -> None:
    html = product_page(stock=stock(ZERO_OWN, ZERO_OTHER), extra=f"<p>{TROUBLE[0]}</p>")
    assert set(counts(parse_product_page(html)).values()) == {0}


def test_site_toml_has_words_of_trouble() -> None:
    html = f"<p>Bestand derzeit nicht abrufbar</p>{stock(ZERO_OWN, ZERO_OTHER)}"
    assert set(counts(read(html)).values()) == {0}
    assert set(counts(read(html, site('[words]\ntrouble = ["nicht abrufbar"]'))).values()) == {None}


@pytest.mark.parametrize(
    "text",
    [
        *("An error occurred", "Unable to load", "Try again", "System error 500", "Inven\u200btory offline"),
        *("Stock tempo\u00adrarily unavailable", '<img src="e.gif" alt="Stock temporarily unavailable">'),
    ],
)
def test_trouble_in_other_forms_above_zeros(text: str) -> None:
    assert set(counts(read(f"<p>{text}</p>{stock(ZERO_OWN, ZERO_OTHER)}")).values()) == {None}
    assert counts(read(f"<p>{text}</p>{stock()}")) == ALL


@pytest.mark.parametrize("text", ["Loading…", "Pending", "ERR", "Moon", "…calculating"])
@pytest.mark.parametrize(
    "form", ["<td colspan=3>{0}</td>", "<td>{0}</td><td></td><td></td>", "<td>{0}</td>" * 3]
)
def test_zeros_beside_a_row_of_words_are_unknown_in_its_table(text: str, form: str) -> None:
    own = table(OWN, ZERO_OWN, HEADER).replace("</table>", f"<tr>{form.format(text)}</tr></table>")
    page = read(own + table(OTHER, ZERO_OTHER))
    assert counts(page) == {"TN": None, "PA": None, "IN": 0, "OR": 0}
    assert any(f"“{text}" in warning and "zeros" in warning for warning in page.warnings)


@pytest.mark.parametrize("name", ["Total", "TOT", "All DCs"])
def test_zeros_beside_a_total_of_copies_are_unknown(name: str) -> None:
    page = read(stock([*ZERO_OWN, (name, "244", "0")], ZERO_OTHER))
    assert set(counts(page).values()) == {None}
    assert any("total of 244" in warning for warning in page.warnings)
    assert set(counts(read(stock([*ZERO_OWN, (name, "0", "0")], ZERO_OTHER))).values()) == {0}


# Further tables

FURTHER = table(OWN, [("CA", "500", "0")], HEADER)
OTHERS = ["Stock of 9780316769488", "Hardcover (9780316769488)", "Also bought: Dune", "Related title"]
DOUBTFUL = [
    *("Large Print edition", "Used copies", "Remainders", "Ingram UK", "Yesterday", "Hurt books"),
    *("Projected for next month", "At the publisher", "Closed distribution centers"),
]


def under(heading: str, form: str, further: str = FURTHER) -> str:
    return (
        stock()
        + {
            "above": f"<h4>{heading}</h4>{further}",
            "bold": f"<div><b>{heading}</b></div><div>{further}</div>",
            "caption": further.replace("<tr>", f"<caption>{heading}</caption><tr>", 1),
            "across": further.replace("<tr>", f"<tr><th colspan=3>{heading}</th></tr><tr>", 1),
        }[form]
    )


@pytest.mark.parametrize("heading", [*OTHERS, *DOUBTFUL])
@pytest.mark.parametrize("form", ["above", "bold", "caption", "across"])
def test_a_further_table_under_a_heading_of_its_own_is_not_added(heading: str, form: str) -> None:
    page = read(under(heading, form))
    assert counts(page) == ALL
    assert any(heading in warning and "not added" in warning for warning in page.warnings)
    # Another book's is none of ours; what else it may be, nobody knows.
    assert page.shows_all_stock(FIRST_GUESS) is (heading in OTHERS)


@pytest.mark.parametrize(
    "heading",
    [
        *("Other distribution centers", "Stock at more warehouses", "Additional Stock", "Available copies"),
        *("CA Distribution Center", "Stock of 9780593135204", "Stock as of 11/30/2026"),
    ],
)
@pytest.mark.parametrize("form", ["above", "caption", "across"])
def test_a_further_table_under_a_heading_of_stock_is_added(heading: str, form: str) -> None:
    assert counts(read(under(heading, form))) == {**ALL, "CA": 500}


LINK = '<a href="/ipage/productdetail?ean_id=9780316769488">{}</a>'


@pytest.mark.parametrize(
    "between",
    [
        *(f"<h4>{LINK.format('Stock')}</h4>", LINK.format("Stock"), f"<div>{LINK.format('Stock')}</div>"),
        *(LINK.format("<img src=x.png>"), '<h4>Stock</h4><a href="/isbn/9780316769488"></a>'),
    ],
)
@pytest.mark.parametrize("is_first", [False, True])
def test_a_link_to_another_book_above_a_table_says_whose_it_is(between: str, is_first: bool) -> None:
    further = f"<div>{between}{FURTHER}</div>"
    page = read(f"{further}<h4>Stock</h4>{stock()}" if is_first else stock() + further)
    assert counts(page) == ALL
    assert any("of another book" in warning for warning in page.warnings)
    own = between.replace("9780316769488", "9780593135204")
    assert counts(read(f"{stock()}<div>{own}{FURTHER}</div>"))["CA"] == 500


@pytest.mark.parametrize(
    "above",
    [*(LINK.format("Dune").replace("978", "x"), "Dune", "<center>Dune</center>", "<p>" + "Dune " * 50)],
)
def test_whatever_stands_right_above_a_further_table_is_its_heading(above: str) -> None:
    page = read(f"{stock()}<div>{above}{FURTHER}</div>")
    assert counts(page) == ALL
    assert not page.shows_all_stock(FIRST_GUESS)


def test_two_tables_stand_under_one_heading() -> None:
    page = read(stock() + f"<h4>Reserve</h4>{FURTHER}" + table(OWN, [("NV", "7", "0")], HEADER))
    assert counts(page) == ALL


def test_a_further_table_without_a_heading_is_added() -> None:
    assert counts(read(stock() + FURTHER)) == {**ALL, "CA": 500}


def test_a_further_table_that_repeats_a_center_is_not_added() -> None:
    page = read(stock() + table(OWN, [("TN", "9", "0"), ("CA", "500", "0")], HEADER))
    assert counts(page) == {**ALL, "TN": None}
    assert not page.shows_all_stock(FIRST_GUESS)
    assert any("two tables tell other counts of “TN”" in warning for warning in page.warnings)


def test_zeros_are_not_all_while_a_table_is_left_out() -> None:
    page = read(stock(ZERO_OWN, ZERO_OTHER) + f"<h4>Reserve</h4>{FURTHER}")
    assert set(counts(page).values()) == {0}
    assert page.hides_copies(FIRST_GUESS)


def test_site_toml_says_whose_a_further_table_is() -> None:
    assert counts(read(under("Reserve", "above"), site('[words]\nour_stock = ["Reserve"]')))["CA"] == 500
    page = read(under("Reserve", "above"), site('[words]\nbeside = ["Reserve"]'))
    assert counts(page) == ALL
    assert page.shows_all_stock(FIRST_GUESS)


def test_a_table_that_is_left_out_is_no_riddle_of_headings() -> None:
    html = product_page(stock=under("Ingram UK", "above"))
    assert not [one for one in understand(html.encode()).strange if one.what == "heading"]


@pytest.mark.parametrize(
    "heading",
    ["Ingram Canada / UK stock", "Remainders (hurt copies)", "Stock as of yesterday", "Stock of 0316769487"],
)
def test_the_first_table_may_be_of_others_by_its_heading(heading: str) -> None:
    page = read(f"<h5>{heading}</h5>{stock()}")
    assert set(counts(page).values()) == {None}
    assert any(heading in warning for warning in page.warnings)


@pytest.mark.parametrize(
    "heading",
    ["Other editions", "Stock at competitors", "Stock history", "Dune", "Incoming stock", "Reserve"],
)
@pytest.mark.parametrize("form", ["h4", "b", "caption"])
def test_a_first_table_under_another_heading_is_not_added(heading: str, form: str) -> None:
    first = f"<div><{form}>{heading}</{form}>{FURTHER}</div>"
    if form == "caption":
        first = FURTHER.replace("<tr>", f"<caption>{heading}</caption><tr>", 1)
    page = read(f"{first}<h4>Stock</h4>{stock()}")
    assert counts(page) == ALL
    assert any(heading in warning and "not added" in warning for warning in page.warnings)


@pytest.mark.parametrize(
    "heading",
    [
        "Other editions",
        "Stock at competitors",
        "Stock history",
        "Incoming stock",
        "E-book licences",
        "Library stock",
        "Stock of comparable titles",
        "Reserved copies",
        "Large print",
        "Returns center",
    ],
)
def test_the_page_s_only_tables_under_a_heading_of_others_are_unknown(heading: str) -> None:
    page = read(f"<h5>{heading}</h5>{stock()}")
    assert set(counts(page).values()) == {None}
    assert any(heading in warning and "our_stock" in warning for warning in page.warnings)


def test_the_page_s_only_tables_may_stand_under_a_word_that_nobody_knows() -> None:
    assert counts(read(f"<h5>Bestände</h5>{stock()}")) == ALL


@pytest.mark.parametrize(
    "above", ["<h1>Dune</h1>", "<h2>Project Hail Mary</h2>", "<p>In stock items ship today.</p>"]
)
def test_what_heads_the_page_is_no_heading_of_its_first_table(above: str) -> None:
    assert counts(parse_product_page(product_page(stock=above + stock()))) == ALL


# What is not shown

HIDDEN = [
    '<div style="display:none">{}</div>',
    '<div style="VISIBILITY : hidden"><div>{}</div></div>',
    '<div aria-hidden="true">{}</div>',
    "<section hidden>{}</section>",
    "<template>{}</template>",
    "<noscript>{}</noscript>",
]


@pytest.mark.parametrize("around", HIDDEN)
@pytest.mark.parametrize("css_class", [OWN, OTHER, "grid"])
def test_a_table_that_is_not_shown_is_not_read(around: str, css_class: str) -> None:
    page = read(around.format(table(css_class, [("CA", "500", "0")], HEADER)) + stock())
    assert counts(page) == ALL
    assert page.shows_all_stock(FIRST_GUESS)


@pytest.mark.parametrize(
    "around",
    [
        *(
            "<style>#x1{{display:none}}</style><div id=x1>{}</div>",
            "<style>.q{{display:none!important}}</style><p class=q><div class=q>{}</div>",
        ),
        *(
            "<style>[data-h]{{opacity:0}}</style><div data-h=1>{}</div>",
            "<style>div.stockCheck > div.q{{display:none}}</style><div class=q>{}</div>",
        ),
        *(
            "<style>@media screen{{.q{{visibility:collapse}}}}</style><div class=q>{}</div>",
            "<style>.q{{display:n\\6fne}}.r{{}}div{{display:block}}</style><div class=q>{}</div>",
        ),
        *(
            '<div style="opacity:0">{}</div>',
            '<div style="position:absolute;left:-9999px">{}</div>',
            '<div style="font-size:0">{}</div>',
        ),
        *(
            '<div style="height:0;overflow:hidden">{}</div>',
            '<div style="display:/*x*/none">{}</div>',
            '<div style="DISPLAY : n\\6fne !important">{}</div>',
        ),
        *(
            "<details><summary>More</summary>{}</details>",
            "<dialog>{}</dialog>",
            "<div popover>{}</div>",
            "<div inert>{}</div>",
        ),
        *(
            '<div class="d-none">{}</div>',
            '<div class="modal fade">{}</div>',
            '<div class="tab-pane">{}</div>',
            '<div class="ng-hide">{}</div>',
        ),
    ],
)
def test_what_style_sheets_classes_and_elements_hide_is_not_read(around: str) -> None:
    page = read(around.format(FURTHER) + stock())
    assert counts(page) == ALL
    assert page.shows_all_stock(FIRST_GUESS)


@pytest.mark.parametrize(
    "around",
    [
        *(
            "<style>.q{{display:none}}.q.on{{display:block}}</style><div class='q on'>{}</div>",
            "<style>@media print{{.q{{display:none}}}}</style><div class=q>{}</div>",
        ),
        *(
            "<style>.q{{display:none}}</style><div class=q style='display:block'>{}</div>",
            "<style>.q[[{{display:none}}</style><div class=q>{}</div>",
        ),
        *(
            "<style>.q{{display:none}}</style><div class=qq>{}</div>",
            '<div class="tab-pane active">{}</div>',
            "<details open>{}</details>",
        ),
        *(
            "<style>/*.q{{display:none}}*/</style><div class=q>{}</div>",
            "<style>@media (max-width:600px){{.q{{display:none}}}}</style><div class=q>{}</div>",
        ),
    ],
)
def test_what_is_shown_is_read(around: str) -> None:
    assert counts(read(around.format(stock(ZERO_OWN, ZERO_OTHER)))) == dict.fromkeys(ALL, 0)


@pytest.mark.parametrize("around", HIDDEN[:4])
def test_zeros_alone_behind_a_closed_tab_are_no_counts(around: str) -> None:
    page = read(around.format(stock(ZERO_OWN, ZERO_OTHER)))
    assert set(counts(page).values()) == {None}
    assert counts(read(around.format(stock()))) == ALL


@pytest.mark.parametrize("around", HIDDEN[4:])
def test_what_a_browser_never_shows_is_no_stock(around: str) -> None:
    assert read(around.format(stock())).stock is None


@pytest.mark.parametrize(
    "cell", ['<span style="display:none">120</span>3', "<span hidden>120</span>3", "<noscript>99</noscript>3"]
)
def test_what_a_cell_does_not_show_is_no_part_of_its_count(cell: str) -> None:
    assert counts(read(stock([("TN", cell, "0"), ("PA", "37", "250")])))["TN"] == 3


def test_a_cell_that_is_not_shown_holds_no_count() -> None:
    html = stock().replace(
        '<td class="scTabledata">1,410', '<td class="scTabledata" style="display:none">1,410'
    )
    assert counts(read(html)) == {**ALL, "TN": None}


def test_a_price_that_is_not_shown_is_none() -> None:
    html = product_page().replace("$28.99", '<span style="display:none">$99.99</span>$28.99')
    assert str(parse_product_page(html).srp_price) == "28.99"


# Rows that are no center

ROWS = [("TN", "148", "7"), ("PA", "96", "0")]
READ = {"TN": 148, "PA": 96, "IN": 0, "OR": 3}


@pytest.mark.parametrize(
    "name",
    ["US", "NA", "XX", "UK", "AU", "IN stock", "OR more", "Hi", "Oh", "New", "USX", "Σ", "TN + PA"],
)
@pytest.mark.parametrize("copies", [("244", "7"), ("5", "0")])
def test_what_is_no_state_is_no_center(name: str, copies: tuple[str, str]) -> None:
    page = read(stock([*ROWS, (name, *copies)]))
    assert counts(page) == READ
    assert not page.shows_all_stock(FIRST_GUESS)
    assert any(f"“{name} | " in warning for warning in page.warnings)


@pytest.mark.parametrize("name", ["AL", "ME", "OK"])
def test_a_row_of_as_many_copies_as_all_others_is_their_total(name: str) -> None:
    page = read(stock([*ROWS, (name, "244", "7")]))
    assert counts(page) == READ
    assert not page.shows_all_stock(FIRST_GUESS)
    assert any(f"“{name}”" in warning and "[centers]" in warning for warning in page.warnings)
    # It has to be the sum of both columns, and no center that is known.
    assert counts(read(stock([*ROWS, (name, "244", "6")]))) == {**READ, name: 244}
    named = site(f'[centers]\nHere = "{name}"')
    assert counts(read(stock([*ROWS, (name, "244", "7")]), named)) == {**READ, name: 244}
    assert counts(read(stock([*ROWS, ("CA", "244", "7")]))) == {**READ, "CA": 244}


def test_a_row_of_the_other_table_may_be_the_total_of_both() -> None:
    other = [("IN", "2", "0"), ("OR", "0", "3"), ("CO", "246", "10")]
    page = read(stock(ROWS, other))
    assert counts(page) == {"TN": 148, "PA": 96, "IN": 2, "OR": 0}
    assert not page.shows_all_stock(FIRST_GUESS)
    assert any("“CO”" in warning and "[centers]" in warning for warning in page.warnings)
    other[-1] = ("CO", "246", "9")
    assert counts(read(stock(ROWS, other)))["CO"] == 246
    assert counts(read(stock(ROWS, [*other[:2], ("CA", "246", "10")])))["CA"] == 246


@pytest.mark.parametrize(
    "cell", ["148 on order", "On order: 148", "<del>148</del>", "<s>148</s>", "<b><strike>148</strike></b>"]
)
def test_a_count_of_another_kind_or_struck_out_is_none(cell: str) -> None:
    page = read(stock([("TN", cell, "0"), ("PA", "96", "0")]))
    assert counts(page)["TN"] is None
    assert any("TN on hand" in warning for warning in page.warnings)


# Headings of other numbers


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "Max On Hand",
            "Average On Hand",
            "Old On Hand",
            "Damaged On Hand",
            "Hurt On Hand",
            "Future On Hand",
        ),
        *(
            "Unsellable On Hand",
            "Planned On Hand",
            "No longer On Hand",
            "On Hand Capacity",
            "On Hand Threshold",
        ),
        *("On Hand Value", "On Hand Cost", "On Hand %", "On Hand Cartons", "On Hand Pallets", "On Hand $"),
        *(
            "On Hand (thousands)",
            "On Hand at publisher",
            "Customer On Hand",
            "On Hand in QC",
            "On Hand - Hold",
        ),
        *("Not Available", "Available to order", "Stock Value", "In Stock elsewhere"),
    ],
)
def test_a_heading_with_another_word_is_no_on_hand(heading: str) -> None:
    with pytest.raises(PageChanged) as caught:
        read(stock(header=("DC", heading, "On Order")))
    assert caught.value.label == "On Hand"
    understood = understand(product_page(stock=stock(header=("DC", heading, "On Order"))).encode())
    assert understood.page is not None
    assert understood.page.stock is None
    assert any(heading in problem for problem in understood.refused)


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "On Order Cancelled",
            "Customers On Order",
            "Max On Order",
            "Stopped On Order",
            "On Order by customers",
        ),
        *("Requests on order", "On Order (cartons)", "On Order Value", "Incoming returns"),
    ],
)
def test_a_heading_with_another_word_is_no_on_order(heading: str) -> None:
    with pytest.raises(PageChanged) as caught:
        read(stock(header=("DC", "On Hand", heading)))
    assert caught.value.label == "On Order"


@pytest.mark.parametrize(
    "header",
    [
        *(("DC", "Qty. On Hand", "Qty. On Order"), ("DC", "On Hand (Units)", "On Order (Units)")),
        *(("DC", "Copies on hand now", "Copies on order"), ("DC", "Current On-Hand Qty*", "Total On Order†")),
        *(("DC", "Available Copies", "Ordered"), ("DC", "Number in stock", "No. on order")),
        ("DC", "Quantity Available", "Quantity Incoming"),
    ],
)
def test_harmless_words_change_nothing(header: tuple[str, ...]) -> None:
    assert counts(read(stock(header=header))) == ALL


def test_another_number_beside_on_hand_is_passed_over() -> None:
    rows = [(*row, "999") for row in OWN_ROWS]
    html = table(OWN, rows, (*HEADER, "Max On Hand")) + table(OTHER, [(*row, "999") for row in OTHER_ROWS])
    assert counts(read(html)) == ALL


# How old the counts are


@pytest.mark.parametrize(
    "text",
    [
        *("Stock figures as of 01/01/2019", "As of January 1, 2019", "Inventory last updated 2019-01-01"),
        *("Updated 01/01/2019 08:15", "Counts as of 11/28/2026", "Stock as of 12/24/2026"),
    ],
)
@pytest.mark.parametrize("place", ["above", "below", "across", "caption", "row"])
def test_counts_of_another_day_are_unknown(text: str, place: str) -> None:
    own, other = table(OWN, OWN_ROWS, HEADER), table(OTHER, OTHER_ROWS)
    html = {
        "above": f"<p>{text}</p>{own}{other}",
        "below": f"{own}{other}<p>{text}</p>",
        "across": own.replace("<tr>", f"<tr><td colspan=3>{text}</td></tr><tr>", 1) + other,
        "caption": own.replace("<tr>", f"<caption>{text}</caption><tr>", 1) + other,
        "row": table(OWN, [*OWN_ROWS, (text, "", "")], HEADER) + other,
    }[place]
    page = read(html)
    assert [dc[:2] for dc in (page.stock or {}).values()] == [(None, None)] * 4
    assert any("as of 20" in warning for warning in page.warnings)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Stock as of 11/30/2026 8:15",
            "Stock as of 11/29/2026",
            "As of 8:15 AM CT",
            "Updated 11/29 10:00 AM",
        ),
        *("Prices of 01/01/2019", "New price as of 01/01/2019", "Counts as of today"),
    ],
)
def test_a_time_or_a_day_of_now_changes_nothing(text: str) -> None:
    assert counts(read(f"<p>{text}</p>{stock()}")) == ALL


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Stock as of 2019",
            "Stock as of 11/01",
            "As of 48 hours ago",
            "As<br>of 01/01/2019",
            "As of last Friday",
        ),
        *(
            "As of 01/01/2019 (next update 11/30/2026)",
            "As of 11/30/2026, counted 01/01/2019",
            "As of<br>2019",
        ),
        *(
            '<time datetime="2019-01-01">New Year</time>',
            '<time datetime="2019">As of now</time>',
            "As o\u00adf 2019",
        ),
    ],
)
@pytest.mark.parametrize("place", ["above", "below"])
def test_a_day_that_cannot_be_told_is_not_today(text: str, place: str) -> None:
    page = read(f"<p>{text}</p>{stock()}" if place == "above" else f"{stock()}<p>{text}</p>")
    assert set(counts(page).values()) == {None}
    assert any("as of 2019-01-01" in warning or "which day" in warning for warning in page.warnings)


def test_how_old_counts_are_goes_by_the_day_of_the_reading() -> None:
    html = product_page(stock=f"<p>Stock as of 01/01/2019</p>{stock()}")
    assert counts(parse_product_page(html, None, date(2019, 1, 2))) == ALL
    assert counts(parse_product_page(html)) == ALL
    assert set(counts(parse_product_page(html, None, TODAY)).values()) == {None}
    german = site('[words]\nas_of = ["Stand vom"]\n[numbers]\ndates = "dmy"')
    page = read(f"<p>Stand vom 03.04.2019</p>{stock()}", german)
    assert page.stock is not None
    assert page.stock["TN"] == DcStock(None, None, "primary")
    assert any("2019-04-03" in warning for warning in page.warnings)


# Prices


@pytest.mark.parametrize(
    "value", ["$6<sup>99</sup>", "$<b>6</b><sup>99</sup>", "<span>$6</span><span>99</span>", "$18<!-- -->99"]
)
def test_cents_in_an_element_of_their_own_are_not_glued(value: str) -> None:
    page = parse_product_page(product_page().replace("$28.99", value))
    assert page.srp_price is None
    assert any("US SRP" in warning for warning in page.warnings)
    # That it is not understood says nothing of how the site writes numbers.
    strange = understand(product_page().replace("$28.99", value).encode()).strange
    assert not any("decimal" in line for line in helpful_entries(strange))


@pytest.mark.parametrize("value", ["$<!-- -->28.99", "<b>$28</b>.99", "<span>$</span><span>28.99</span>"])
def test_a_price_in_several_elements_is_one(value: str) -> None:
    assert str(parse_product_page(product_page().replace("$28.99", value)).srp_price) == "28.99"


def test_two_prices_under_one_label_are_none() -> None:
    second = '<div class="productDetailElements"><strong>US SRP:</strong> {}</div>'
    html = product_page()
    end = '<div class="productDetailElements"><strong>Binding:'
    other = parse_product_page(html.replace(end, second.format("$18.99") + end))
    assert other.srp_price is None
    assert any("$28.99 (Discount: REG), $18.99" in warning for warning in other.warnings)
    same = parse_product_page(html.replace(end, second.format("$28.99") + end))
    assert str(same.srp_price) == "28.99"
    rows = "<tr><th>US SRP</th><td>$9.99</td></tr><tr><th>US SRP</th><td>$7.99</td></tr>"
    plain = (
        "<html><body><h1 id=pd-title>Dune</h1><table><tr><th>EAN</th><td>9780441013593</td></tr>"
        f"{rows}</table></body></html>"
    )
    assert parse_product_page(plain).srp_price is None
