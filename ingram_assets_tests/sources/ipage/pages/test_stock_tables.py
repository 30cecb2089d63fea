"""The stock tables of a product page, read by their headers."""

import itertools
import random
import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingram_assets.domain.completeness import FIRST_GUESS
from ingram_assets.domain.site_file import parse_site_file
from ingram_assets.domain.stock import DcStock, on_hand
from ingram_assets.sources.ipage.pages import PageChanged, ProductPage, parse_product_page
from ingram_assets.sources.ipage.profile.site_profile import profile_with
from ingram_assets.sources.ipage.profile.stock_words import STATES
from ingram_assets_tests.testing.page_factory import (
    HEADER,
    OTHER_ROWS,
    OWN_ROWS,
    product_page,
    stock_tables,
    table,
)

TRUTH = {
    "TN": DcStock(1410, 0, "primary"),
    "PA": DcStock(37, 250, "secondary"),
    "IN": DcStock(0, 12, "other"),
    "OR": DcStock(3, 199_999, "other"),
}


def read(stock: str) -> ProductPage:
    return parse_product_page(product_page(stock=stock))


def test_both_tables_are_read_with_their_roles() -> None:
    page = read(stock_tables())
    assert page.stock == TRUTH
    assert list(page.stock or {}) == ["TN", "PA", "IN", "OR"]
    assert page.warnings == ()


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_row_order_is_the_accounts(order: tuple[int, ...]) -> None:
    rows = [(*OWN_ROWS, *OTHER_ROWS)[i] for i in order]
    stock = read(stock_tables(own=rows[:2], other=rows[2:])).stock
    assert stock is not None
    assert {dc: counts[:2] for dc, counts in stock.items()} == {
        dc: counts[:2] for dc, counts in TRUTH.items()
    }
    assert [counts.role for counts in stock.values()] == ["primary", "secondary", "other", "other"]
    assert list(stock) == [row[0] for row in rows]


@pytest.mark.parametrize("first", string.ascii_uppercase)
def test_the_two_letters_of_a_state_are_a_dc_and_no_others(first: str) -> None:
    codes = [first + second for second in string.ascii_uppercase]
    page = read(stock_tables(own=[(code, "1", "2") for code in codes], other=OTHER_ROWS))
    assert page.stock is not None
    states = [code for code in codes if code in STATES]
    others = {row[0] for row in OTHER_ROWS}
    assert {*page.stock} == {*states} | others
    assert all(page.stock[code].on_hand == 1 for code in states if code not in others)
    assert page.stock_rows_lost == 26 - len(states)


def test_any_state_and_what_site_toml_names() -> None:
    rows = [("OH", "3", "4"), ("ZZ", "5", "6"), ("WY", "7", "8")]
    stock = {
        "CA": DcStock(1, 2, "primary"),
        "OH": DcStock(3, 4, "other"),
        "ZZ": DcStock(5, 6, "other"),
        "WY": DcStock(7, 8, "other"),
    }
    html = product_page(stock=stock_tables(own=[("CA", "1", "2")], other=rows))
    named = profile_with(parse_site_file(b'[centers]\n"Lager Z" = "ZZ"', None))
    assert parse_product_page(html, named).stock == stock
    page = parse_product_page(html)
    assert page.stock == {code: counts for code, counts in stock.items() if code != "ZZ"}
    assert not page.shows_all_stock(FIRST_GUESS)
    assert any("“ZZ | 5 | 6”" in warning for warning in page.warnings)


@pytest.mark.parametrize("cell", ["", "&nbsp;", "-", "--", "&mdash;", "N/A", "n/a", " "])
def test_a_cell_without_a_number_is_unknown_not_zero(cell: str) -> None:
    page = read(stock_tables(own=[("TN", cell, "0"), ("PA", "37", cell)]))
    assert page.stock is not None
    assert page.stock["TN"] == DcStock(None, 0, "primary")
    assert page.stock["PA"] == DcStock(37, None, "secondary")
    assert page.warnings == ()


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "-5",
            "3.5",
            "10,000,001",
            "100+",
            "Low",
            "1,41",
            "4<br>10",
            "<b>4</b>10",
            "4<!-- -->10",
            "4 10",
            "4\x0010",
        ),
        *("<s>410</s> 300", "٤١٠", "4&shy;10", "<ul><li>4<li>10</ul>"),
    ],
)
def test_a_cell_that_is_no_count_is_unknown_and_said(cell: str) -> None:
    page = read(stock_tables(own=[("TN", cell, "0"), ("PA", "37", "250")]))
    assert page.stock is not None
    assert page.stock["TN"] == DcStock(None, 0, "primary")
    assert any("TN on hand" in warning for warning in page.warnings)


@pytest.mark.parametrize(
    "cell", ["410", " 410\n", "<b>410</b>", '<a href="#">410</a>', "&nbsp;410&nbsp;", "<span>410</span>*"]
)
def test_markup_around_a_count(cell: str) -> None:
    page = read(stock_tables(own=[("TN", cell, "0")]))
    assert page.stock is not None
    assert page.stock["TN"].on_hand == 410


# Columns


@pytest.mark.parametrize(
    "header",
    [
        ("DC", "On Hand", "On Order"),
        ("Warehouse", "On-Hand", "On-Order"),
        ("Distribution Center", "Qty On Hand", "Qty On Order"),
        ("DC:", "ON HAND:", "ON ORDER:"),
        ("Location", "Available", "On Order"),
        ("DC", "In Stock", "On<br>Order"),
        ("", "On&nbsp;Hand", "On&nbsp;Order"),
        ("Ships From", "On Hand*", "On Order"),
        ("DC", "OH", "OO"),
        ("DC", "O/H", "O/O"),
        ("DC", "O.H.", "O.O."),
        ("DC", "Current Stock", "On Order"),
        ("DC", "QOH", "QOO"),
        ("DC", "Avail.", "On Ord."),
        ("DC", "OnHand", "OnOrder"),
        ("DC", '<img src="x.gif" alt="On Hand">', '<img src="y.gif" alt="On Order">'),
        ("<b>DC</b>", "<a href='#'>On Hand</a>", "<span>On Order</span>"),
    ],
)
def test_columns_are_told_by_their_headings(header: tuple[str, ...]) -> None:
    assert read(stock_tables(header=header)).stock == TRUTH


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("own_header_only", [True, False])
def test_columns_in_any_order(order: tuple[int, ...], own_header_only: bool) -> None:
    def turn(row: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(row[i] for i in order)

    page = read(
        stock_tables(
            own=[turn(tuple(row)) for row in OWN_ROWS],
            other=[turn(tuple(row)) for row in OTHER_ROWS],
            header=turn(HEADER),
            other_header=None if own_header_only else turn(HEADER),
        )
    )
    assert page.stock == TRUTH
    assert page.warnings == ()


def test_more_columns_and_their_numbers_are_passed_over() -> None:
    header = ("City", "DC", "Reserved", "On Hand", "Backordered", "On Order", "On Order Date", "Demand", "")

    def wide(row: tuple[str, ...]) -> tuple[str, ...]:
        return ("La Vergne", row[0], "7", row[1], "9", row[2], "12/01/2026", "55", '<a href="#">Order</a>')

    own, other = [wide(tuple(row)) for row in OWN_ROWS], [wide(tuple(row)) for row in OTHER_ROWS]
    assert read(stock_tables(own, other, header)).stock == TRUTH
    assert read(stock_tables(own, other, header, header)).stock == TRUTH
    # The other table may have the known three alone.
    assert read(stock_tables(own, OTHER_ROWS, header)).stock == TRUTH


@pytest.mark.parametrize(
    "beside", ["Total On Hand", "On Hand Last Week", "Total On Order", "Max. On Order", "On-Hand (All)"]
)
def test_the_plain_name_of_a_column_outdoes_the_others(beside: str) -> None:
    own, other = ([(*row, "9,999") for row in rows] for rows in (OWN_ROWS, OTHER_ROWS))
    assert read(stock_tables(own, other, (*HEADER, beside))).stock == TRUTH


def test_each_table_goes_by_its_own_header() -> None:
    other = [(row[2], row[1], row[0]) for row in OTHER_ROWS]
    assert read(stock_tables(other=other, other_header=("On Order", "On Hand", "DC"))).stock == TRUTH


def test_the_header_may_stand_anywhere_in_the_table() -> None:
    cells = lambda tag, row: "".join(f'<{tag} class="scTabledata">{cell}</{tag}>' for cell in row)  # noqa: E731
    head = f"<tr>{cells('th', HEADER)}</tr>"
    rows = "".join(f"<tr>{cells('td', row)}</tr>" for row in OWN_ROWS)
    other = table("newAltStockCheckTable", OTHER_ROWS)
    for inner in (
        f"<thead>{head}</thead><tbody>{rows}</tbody>",
        f"<tbody>{rows}</tbody><tfoot>{head}</tfoot>",
        f'<caption>Stock</caption><tr><td colspan="3">Stock as of 11/20/2026 8:15</td></tr>{head}{rows}',
        f"{head.replace('th', 'td')}{rows}{head}",
        "<tr><th rowspan=2>DC</th><th colspan=2>Copies</th></tr><tr><th>On Hand</th><th>On Order</th></tr>"
        + rows,
        f"<tr><td></td><td></td><td></td></tr>{head}<tr></tr>{rows}<tr><td colspan=3>&nbsp;</td></tr>",
    ):
        page = read(f'<table class="newStockCheckTable">{inner}</table>{other}')
        assert page.stock == TRUTH, inner


def test_the_dc_may_be_a_heading_of_its_row() -> None:
    rows = "".join(
        f'<tr><th scope="row">{dc}</th><td class="scTabledata">{a}</td><td class="scTabledata">{b}</td></tr>'
        for dc, a, b in OWN_ROWS
    )
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in HEADER) + "</tr>"
    own = f'<table class="newStockCheckTable">{head}{rows}</table>'
    assert read(own + table("newAltStockCheckTable", OTHER_ROWS)).stock == TRUTH


@pytest.mark.parametrize("css_class", ["newStockCheckTable", "grid"])
def test_a_table_turned_on_its_side(css_class: str) -> None:
    rows = (*OWN_ROWS, *OTHER_ROWS)
    turned = [
        ["DC", *(r[0] for r in rows)],
        ["On Hand", *(r[1] for r in rows)],
        ["On Order", *(r[2] for r in rows)],
    ]
    page = read(table(css_class, turned))
    assert page.stock is not None
    assert {dc: counts[:2] for dc, counts in page.stock.items()} == {dc: c[:2] for dc, c in TRUTH.items()}


def test_a_turned_table_that_names_no_centers_is_none_of_stock_unless_its_class_says_so() -> None:
    summary = table("grid", [["On Hand", "512"], ["On Order", "30"]])
    assert read(summary).stock is None


def test_without_any_header_nothing_is_read() -> None:
    # That the known cells stand in the known order would be a guess.
    with pytest.raises(PageChanged, match="On Hand"):
        read(stock_tables(header=None))
    with pytest.raises(PageChanged, match="On Hand"):
        read(table("newAltStockCheckTable", OTHER_ROWS))


@pytest.mark.parametrize(
    ("header", "label"),
    [
        (("DC", "Qty A", "Qty B"), "On Hand"),
        (("DC", "Shelf", "On Order"), "On Hand"),
        (("DC", "On Hand", "Coming"), "On Order"),
        (("DC", "On Hand", "On Hand"), "On Hand"),
        (("DC", "On Order", "On Order"), "On Hand"),
        (("On Hand", "On Hand", "On Order"), "On Hand"),
    ],
)
def test_columns_that_cannot_be_told_stop_the_reading(header: tuple[str, ...], label: str) -> None:
    with pytest.raises(PageChanged) as caught:
        read(stock_tables(header=header))
    assert caught.value.label == label


@pytest.mark.parametrize(
    "rows",
    [
        [("", "410", "0"), ("", "5", "5")],
        [("Warehouse 7", "410", "0")],
        [("410", "TN", "0")],
        [("TN PA", "410", "0")],
    ],
)
def test_rows_that_name_no_dc_stop_the_reading(rows: list[tuple[str, ...]]) -> None:
    with pytest.raises(PageChanged) as caught:
        read(stock_tables(own=rows))
    assert caught.value.label == "DC"


@pytest.mark.parametrize(
    "dc",
    [
        "TN",
        "tn",
        " TN ",
        "TN*",
        "TN (Primary)",
        "TN - La Vergne",
        "La Vergne, TN",
        "<a href='#'>TN</a>",
        "Tennessee",
        "DC TN",
    ],
)
def test_ways_to_write_a_dc(dc: str) -> None:
    stock = read(stock_tables(own=[(dc, "1,410", "0"), ("PA", "37", "250")])).stock
    assert stock == TRUTH


@pytest.mark.parametrize(
    "dc", ["A1", "DC4", "WH12", "Note", "NOTE", "", "Warehouse 7", "TN PA", "CHA ROS", "???"]
)
@pytest.mark.parametrize("place", ["own", "other"])
def test_a_row_with_an_odd_dc_costs_the_others_nothing(dc: str, place: str) -> None:
    own, other = list(OWN_ROWS), list(OTHER_ROWS)
    rows = own if place == "own" else other
    gone = rows[0][0]
    rows[0] = (dc, "7", "5")
    page = read(stock_tables(own, other))
    assert page.stock == {code: counts for code, counts in TRUTH.items() if code != gone}
    assert not page.shows_all_stock(FIRST_GUESS)
    assert any("not understood" in warning for warning in page.warnings)


def test_an_odd_dc_alone_in_its_table_costs_the_other_table_nothing() -> None:
    page = read(stock_tables(own=[("A1", "410", "0")]))
    assert page.stock == {dc: counts for dc, counts in TRUTH.items() if counts.role == "other"}
    assert not page.shows_all_stock(FIRST_GUESS)
    page = read(stock_tables(other=[("DC4", "410", "0")]))
    assert page.stock == {dc: counts for dc, counts in TRUTH.items() if counts.role != "other"}
    assert not page.shows_all_stock(FIRST_GUESS)


def test_odd_dcs_alone_are_a_changed_page() -> None:
    with pytest.raises(PageChanged) as caught:
        read(stock_tables(own=[("A1", "410", "0")], other=[("DC4", "410", "0")]))
    assert caught.value.label == "DC"


def test_a_damaged_row_of_the_second_table_costs_that_row_alone() -> None:
    page = read(stock_tables(other=[*OTHER_ROWS, ("CA", "3")]))
    assert page.stock == {**TRUTH, "CA": DcStock(None, None, "other")}
    page = read(stock_tables(other=[*OTHER_ROWS, ("CA",)]))
    assert page.stock == {**TRUTH, "CA": DcStock(None, None, "other")}
    assert page.warnings
    with pytest.raises(PageChanged, match="On Hand"):
        read(stock_tables(other=[("IN", "0", "12", "7"), ("OR", "3", "199,999", "7"), ("CA", "1", "1")]))


def test_rows_of_totals_notes_and_nothing_are_no_dcs() -> None:
    own = [*OWN_ROWS, ("Total", "1,447", "250")]
    other = [("", "", ""), *OTHER_ROWS, ("Totals:", "3", "200,011"), ("All DCs", "1,450", "200,261")]
    page = read(stock_tables(own, other))
    assert page.stock == TRUTH
    note = '<tr><td colspan="3">Updated hourly; 2 copies may be reserved.</td></tr></table>'
    assert read(stock_tables().replace("</table>", note)).stock == TRUTH


def test_a_table_inside_a_cell_is_not_the_tables_own() -> None:
    popup = "<table><tr><td>TX</td><td>99</td><td>98</td></tr></table>"
    html = stock_tables().replace("</table>", f"<tr><td>{popup}</td><td></td><td></td></tr></table>", 1)
    assert read(html).stock == TRUTH
    in_count = read(stock_tables(own=[("TN", f"1,410{popup}", "0"), ("PA", "37", "250")]))
    assert in_count.stock is not None
    assert in_count.stock["TN"].on_hand is None
    assert "TX" not in in_count.stock


# Roles


def test_labels_of_roles_win_over_the_order() -> None:
    stock = read(stock_tables(own=[("PA (Secondary)", "37", "250"), ("TN (Primary)", "1,410", "0")])).stock
    assert stock == TRUTH
    column = ("DC", "Type", "On Hand", "On Order")
    own = [("PA", "Secondary", "37", "250"), ("TN", "Primary", "1,410", "0")]
    other = [(row[0], "Alternate", *row[1:]) for row in OTHER_ROWS]
    assert read(stock_tables(own, other, column)).stock == TRUTH
    banners = table("newStockCheckTable", [OWN_ROWS[1], OWN_ROWS[0]], HEADER)
    banners = banners.replace(
        '<tr><td class="scTabledata">PA', "<tr><td colspan=3>Secondary DC</td></tr><tr><td>PA"
    )
    banners = banners.replace(
        '<tr><td class="scTabledata">TN', "<tr><td colspan=3>Primary DC</td></tr><tr><td>TN"
    )
    assert read(banners + table("newAltStockCheckTable", OTHER_ROWS)).stock == TRUTH


def test_all_rows_in_one_table() -> None:
    page = read(table("newStockCheckTable", [*OWN_ROWS, *OTHER_ROWS], HEADER))
    assert page.stock == TRUTH
    assert any("other DCs" in warning for warning in page.warnings)


def test_the_other_table_alone_has_no_primary() -> None:
    page = read(table("newAltStockCheckTable", OTHER_ROWS, HEADER))
    assert page.stock == {dc: counts for dc, counts in TRUTH.items() if counts.role == "other"}
    assert any("own stock table" in warning for warning in page.warnings)


# What of the stock the page doesn't show

ZEROS = [("TN", "0", "5"), ("PA", "0", "0")]
OTHER_ZEROS = [("IN", "0", "0"), ("OR", "0", "0")]
OWN_TABLE, OTHER_TABLE = "newStockCheckTable", "newAltStockCheckTable"


@pytest.mark.parametrize(
    "stock",
    [
        table(OWN_TABLE, ZEROS, HEADER),
        table(OWN_TABLE, ZEROS[:1], HEADER),
        stock_tables(ZEROS, []),
        stock_tables(ZEROS, [("", "", "")]),
        stock_tables(ZEROS, [], other_header=HEADER),
        table(OTHER_TABLE, OTHER_ZEROS, HEADER),
        stock_tables([], OTHER_ZEROS),
        stock_tables(ZEROS, [*OTHER_ZEROS, ("DC4", "7", "0")]),
        stock_tables(ZEROS, [*OTHER_ZEROS, ("DC4", "", "")]),
        stock_tables(ZEROS, ZEROS),
        table(OWN_TABLE, ZEROS, HEADER) + table(OWN_TABLE, ZEROS, HEADER),
        stock_tables([*ZEROS, ("", "7", "0")], OTHER_ZEROS),
        stock_tables([("TN", "N/A", "0"), ("PA", "0", "0")], []),
    ],
)
def test_zeros_of_a_part_are_read_as_they_stand_and_said_to_be_a_part(stock: str) -> None:
    page = read(stock)
    assert page.stock
    assert {counts.on_hand for counts in page.stock.values()} <= {0, None}
    assert not page.shows_all_stock(FIRST_GUESS)
    assert page.hides_copies(FIRST_GUESS)


@pytest.mark.parametrize(
    "stock",
    [
        stock_tables(ZEROS, OTHER_ZEROS),
        stock_tables(ZEROS[:1], OTHER_ZEROS),
        stock_tables([*ZEROS, ("Total", "0", "5")], [("", "", ""), *OTHER_ZEROS, ("Totals:", "0", "0")]),
        table(OWN_TABLE, [*ZEROS, *OTHER_ZEROS], HEADER),
        table(OWN_TABLE, ZEROS, HEADER) + table(OWN_TABLE, OTHER_ZEROS),
        table("stock-grid", ZEROS, HEADER) + table("more", OTHER_ZEROS),
        table("stock-grid", [*ZEROS, *OTHER_ZEROS], HEADER),
        stock_tables(ZEROS, OTHER_ZEROS).replace("<tr>", "<tr><th colspan=3>Stock</th></tr><tr>", 1),
    ],
)
def test_zeros_of_all_dcs_are_zero(stock: str) -> None:
    page = read(stock)
    assert page.stock
    assert {counts.on_hand for counts in page.stock.values()} == {0}
    assert page.shows_all_stock(FIRST_GUESS)
    assert not page.hides_copies(FIRST_GUESS)


def test_copies_of_a_part_are_there_to_be_sold() -> None:
    page = read(table(OWN_TABLE, OWN_ROWS, HEADER))
    assert page.stock == {dc: counts for dc, counts in TRUTH.items() if counts.role != "other"}
    assert not page.shows_all_stock(FIRST_GUESS)
    assert not page.hides_copies(FIRST_GUESS)


def test_a_part_without_any_count_shows_no_stock_at_all() -> None:
    page = read(table(OWN_TABLE, [("TN", "N/A", "N/A"), ("PA", "", "")], HEADER))
    assert not page.shows_all_stock(FIRST_GUESS)
    assert not page.hides_copies(FIRST_GUESS)


def test_no_table_is_no_part() -> None:
    assert not read("").hides_copies(FIRST_GUESS)
    assert not read(stock_tables(own=[], other=[])).hides_copies(FIRST_GUESS)


# The same DC twice, damaged rows, missing tables


@pytest.mark.parametrize(
    ("own", "other", "pa"),
    [
        ([("PA", "37", "250"), ("TN", "0", "0")], [("IN", "0", "0"), ("PA", "20", "5")], (57, 255)),
        ([("PA", "20", "5"), ("TN", "0", "0")], [("IN", "0", "0"), ("PA", "20", "5")], (40, 10)),
        ([("PA", "20", "5")], [("PA", "20", "5"), ("IN", "0", "0")], (40, 10)),
        (
            [("TN", "1", "0")],
            [("PA", "5", "1"), ("IN", "0", "0"), ("PA", "6", "2"), ("PA", "7", "4")],
            (18, 7),
        ),
        ([("PAC", "1", "0"), ("PAA", "1", "0")], [("IN", "0", "0"), ("PAB", "1", "3")], (3, 3)),
        ([("pac", "1", "0"), ("PA", "1", "0")], [("IN", "0", "0")], (2, 0)),
        ([("PAC - Chambersburg", "3", "0")], [("PAA (Allentown)", "4", "9")], (7, 9)),
        ([("PA1", "3", "0"), ("PA2", "3", "0")], [("PA 3", "3", "1")], (9, 1)),
        ([("PACH", "3", "0"), ("PALLE", "4", "0")], [("Pennsylvania", "1", "1")], (8, 1)),
        ([("CHA", "3", "0"), ("TN", "4", "0")], [("Chambersburg, PA", "1", "1")], (4, 1)),
        ([("PA - East", "5", "5")], [("PA - West", "5", "5")], (10, 10)),
        ([("PA", "5", "5"), ("Total", "5", "5")], [("PA", "6", "6"), ("TOTAL", "11", "11")], (11, 11)),
    ],
)
def test_centers_of_one_state_add_up(
    own: list[tuple[str, ...]], other: list[tuple[str, ...]], pa: tuple[int, int]
) -> None:
    page = read(stock_tables(own, other))
    assert page.stock is not None
    assert page.stock["PA"][:2] == pa
    assert page.warnings == ()
    assert page.stock_rows_lost == 0


@pytest.mark.parametrize(
    ("cell", "pa"),
    [
        *(("", (None, 255)), ("N/A", (None, 255)), ("Low", (None, 255)), ("1,41", (None, 255))),
        ("9,999,999", (None, 255)),  # more than a warehouse holds
        ("0", (37, 255)),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_of_a_state_of_which_one_center_was_not_read_nothing_is_known(
    cell: str, pa: tuple[int | None, int], turned: bool
) -> None:
    rows = [("PA", "37", "250"), ("PA", cell, "5")]
    first, second = reversed(rows) if turned else rows
    page = read(stock_tables([first, ("TN", "1", "0")], [*OTHER_ROWS, second]))
    assert page.stock is not None
    assert page.stock["PA"][:2] == pa
    short = read(stock_tables([first, ("TN", "1", "0")], [*OTHER_ROWS, ("PAA", "20")]))
    assert short.stock is not None
    assert short.stock["PA"][:2] == (None, None)


@pytest.mark.parametrize("turned", [False, True])
def test_two_tables_of_the_same_centers_with_other_counts_are_no_sum(turned: bool) -> None:
    """One may be last week's: what differs is unknown, what is alike counts once."""
    now = [("TN", "187", "3"), ("PA", "96", "0")]
    last_week = [("TN", "5,000", "3"), ("PA", "96", "0")]
    page = read(stock_tables(*([last_week, now] if turned else [now, last_week])))
    assert page.stock is not None
    assert {code: counts[:2] for code, counts in page.stock.items()} == {"TN": (None, None), "PA": (96, 0)}
    assert any("two tables tell other counts of “TN”" in warning for warning in page.warnings)


def test_a_row_that_is_doubled_is_counted_once_and_said() -> None:
    doubled = read(stock_tables(other=[*OTHER_ROWS, OTHER_ROWS[1]]))
    assert doubled.stock == TRUTH
    assert any("“OR” is shown twice" in warning for warning in doubled.warnings)
    assert read(stock_tables(other=[*OTHER_ROWS, ("CA", "0", "0"), ("CA", "0", "0")])).warnings == ()


@pytest.mark.parametrize(
    ("again", "counts"),
    [
        (("OR", "3", "?"), (3, None)),
        (("OR", "?", "8"), (None, 8)),
        (("OR", "4", "?"), (7, None)),
        (("OR", "?", "?"), (None, None)),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_row_that_is_doubled_and_damaged_is_no_second_center(
    again: tuple[str, str, str], counts: tuple[int | None, int | None], turned: bool
) -> None:
    rows = [("OR", "3", "8"), again]
    page = read(stock_tables(other=[("IN", "0", "12"), *(rows[::-1] if turned else rows)]))
    assert page.stock is not None
    assert page.stock["OR"][:2] == counts


@pytest.mark.parametrize(
    "stock",
    [
        stock_tables(other=[*OWN_ROWS, *OTHER_ROWS]),
        stock_tables(own=[*OWN_ROWS, *OTHER_ROWS], other=OTHER_ROWS),
        stock_tables() + table("newStockCheckTable", OWN_ROWS, HEADER),
        stock_tables() + stock_tables(),
    ],
)
def test_a_table_that_shows_another_ones_rows_again_counts_them_once(stock: str) -> None:
    page = read(stock)
    assert {dc: counts[:2] for dc, counts in (page.stock or {}).items()} == {
        dc: counts[:2] for dc, counts in TRUTH.items()
    }
    assert any("counted once" in warning for warning in page.warnings)


@pytest.mark.parametrize(
    ("code", "key"),
    [
        *(("CHA", "PA"), ("LAV", "TN"), ("FTW", "IN"), ("ROS", "OR"), ("ROSE", "OR"), ("FAIRF", "OH")),
        *(("TN2", "TN"), ("TNB", "TN"), ("OHF", "OH"), ("CAFR", "CA"), ("KYLOU", "KY"), ("NYC", "NY")),
        *(("DC NJE", "NJ"), ("NJE (Secondary)", "NJ"), ("East Center (NVR)", "NV"), ("CA - Fresno", "CA")),
        *(("TN (LaVergne)", "TN"), ("LA VERGNE, TN", "TN"), ("Fort Wayne", "IN"), ("LaVergne", "TN")),
    ],
)
def test_longer_codes_and_towns_are_centers(code: str, key: str) -> None:
    page = read(stock_tables(own=[(code, "410", "5")], other=[("WY", "0", "0")]))
    assert page.stock is not None
    assert page.stock[key] == DcStock(410, 5, "secondary" if "Secondary" in code else "primary")
    assert list(page.stock) == [key, "WY"]
    assert page.warnings == ()
    # Where the heading of their column says nothing, too.
    assert read(stock_tables([(code, "410", "5")], [], header=("", *HEADER[1:]))).stock == {
        key: page.stock[key]
    }


def test_a_row_with_a_cell_too_few_or_too_many_is_unknown() -> None:
    page = read(stock_tables(own=[("TN", "1,4100"), ("PA", "37", "250")]))
    assert page.stock is not None
    assert page.stock["TN"] == DcStock(None, None, "primary")
    assert page.warnings
    page = read(stock_tables(own=[("TN", "9", "1,410", "0"), ("PA", "37", "250")]))
    assert page.stock is not None
    assert page.stock["TN"] == DcStock(None, None, "primary")
    page = read(stock_tables(own=[("TN", "1,410", "0", "<a>Order</a>"), ("PA", "37", "250", "")]))
    assert page.stock == TRUTH


def test_cells_that_stand_under_no_heading_in_every_row_are_a_changed_page() -> None:
    own, other = ([(*row, "9") for row in rows] for rows in (OWN_ROWS, OTHER_ROWS))
    with pytest.raises(PageChanged) as caught:
        read(stock_tables(own, [*own, *other], HEADER, HEADER))
    assert caught.value.label == "On Hand"


def test_a_count_over_two_rows_is_nobodys() -> None:
    own = (
        '<table class="newStockCheckTable"><tr><th>DC</th><th>On Hand</th><th>On Order</th></tr>'
        '<tr><td>TN</td><td rowspan="2">410</td><td>0</td></tr><tr><td>PA</td><td>250</td></tr></table>'
    )
    page = read(own)
    assert page.stock is not None
    assert page.stock["TN"].on_order == 0
    assert page.stock["PA"] == DcStock(None, 250, "secondary")


def test_words_for_counts_are_unknown_and_said() -> None:
    page = read(stock_tables(own=[("TN", "None on hand", "None on order"), ("PA", "37", "250")]))
    assert page.stock == {**TRUTH, "TN": DcStock(None, None, "primary")}
    assert len(page.warnings) == 2


@pytest.mark.parametrize("span", ["0", "-1", "x", "9" * 5000, "1.5", "٣"])
def test_a_senseless_span_is_one_cell(span: str) -> None:
    html = stock_tables().replace(
        '<td class="scTabledata">1,410', f'<td colspan="{span}" rowspan="{span}">1,410'
    )
    assert read(html).stock == TRUTH


def test_colors_of_rows_are_no_roles() -> None:
    html = stock_tables().replace("<tr>", '<tr class="table-secondary">')
    assert read(html).stock == TRUTH


def test_no_rows_are_unknown_not_zero() -> None:
    page = read(stock_tables(own=[], other=[]))
    assert page.stock is None
    assert page.warnings
    note = read(
        '<table class="newStockCheckTable"><tr><td colspan="3">No stock information</td></tr></table>'
    )
    assert note.stock is None
    assert note.warnings


def test_tables_of_another_class_are_known_by_their_header() -> None:
    renamed = (
        stock_tables().replace("newStockCheckTable", "stock-grid").replace("newAltStockCheckTable", "more")
    )
    page = parse_product_page(product_page(stock=renamed))
    assert page.stock == TRUTH
    assert read(stock_tables().replace("newStock", "STOCKS NewStock")).stock == TRUTH
    other = read(stock_tables().replace("newAltStockCheckTable", "stock-grid-more"))
    assert other.stock == TRUTH
    own = read(stock_tables().replace("newStockCheckTable", "stock-grid"))
    assert own.stock == TRUTH


def test_tables_of_another_class_within_one_that_lays_out_the_page() -> None:
    around = "<table><tr><td><table><tr><td>{}</td></tr></table></td></tr></table>"
    for known, other in itertools.product(("newStockCheckTable", "a"), ("newAltStockCheckTable", "b")):
        html = stock_tables().replace("newStockCheckTable", known).replace("newAltStockCheckTable", other)
        page = read(around.format(html))
        assert page.stock == TRUTH
        assert page.shows_all_stock(FIRST_GUESS)


def test_a_table_that_is_not_of_stock_is_left_alone() -> None:
    prices = "<table><tr><th>Qty</th><th>Price</th></tr><tr><td>10</td><td>410</td></tr></table>"
    states = (
        "<table><tr><td>TN</td><td>12</td><td>4</td></tr><tr><td>PA</td><td>1</td><td>2</td></tr></table>"
    )
    formats = "<table><tr><th>Format</th><th>Available</th><th>Price</th></tr><tr><td>TN</td></tr></table>"
    assert parse_product_page(product_page(stock="", extra=prices + states + formats)).stock is None
    assert parse_product_page(product_page(extra=prices + states)).stock == TRUTH


def test_a_table_that_a_text_tries_to_bring_along_is_text() -> None:
    title = (
        "&lt;/td&gt;&lt;table class='newStockCheckTable'&gt;&lt;tr&gt;&lt;td&gt;TN&lt;/td&gt;&lt;td&gt;999"
    )
    assert parse_product_page(product_page(title=title)).stock == TRUTH


COUNTS = st.one_of(st.none(), st.integers(0, 500), st.integers(0, 10_000_000))
DC_CODES = st.sampled_from(["TN", "PA", "IN", "OR", "CA", "OH", "IL", "TX", "NV", "WY"])
HEADINGS = {
    "dc": ["DC", "Warehouse", "Distribution Center", "Location", "dc"],
    "on_hand": ["On Hand", "ON HAND", "On-Hand", "Qty On Hand", "Available"],
    "on_order": ["On Order", "on order", "On-Order", "Qty On Order"],
}
EXTRAS = {
    "Reserved": "7",
    "City": "La Vergne",
    "Demand": "1,234",
    "Next Due": "12/01",
    "Back Orders": "99",
    "Notes": "",
}


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(DC_CODES, COUNTS, COUNTS), min_size=1, max_size=6, unique_by=lambda row: row[0]),
    own=st.integers(1, 4),
    extras=st.lists(st.sampled_from(sorted(EXTRAS)), max_size=3, unique=True),
    other_header=st.booleans(),
    total=st.booleans(),
    header_place=st.integers(0, 3),
    commas=st.booleans(),
    blank=st.sampled_from(["", "&nbsp;", "-", "N/A"]),
    seed=st.randoms(use_true_random=False),
)
def test_every_layout_gives_the_same_counts(
    rows: list[tuple[str, int | None, int | None]],
    own: int,
    extras: list[str],
    other_header: bool,
    total: bool,
    header_place: int,
    commas: bool,
    blank: str,
    seed: random.Random,
) -> None:
    columns = ["dc", "on_hand", "on_order", *extras]
    seed.shuffle(columns)
    header = [seed.choice(HEADINGS[name]) if name in HEADINGS else name for name in columns]

    def cells(row: tuple[str, int | None, int | None]) -> list[str]:
        shown = [blank if count is None else f"{count:,}" if commas else str(count) for count in row[1:]]
        known = {"dc": row[0], "on_hand": shown[0], "on_order": shown[1]}
        return [known.get(name, EXTRAS.get(name, "")) for name in columns]

    mine, others = [cells(row) for row in rows[:own]], [cells(row) for row in rows[own:]]
    mine.insert(min(header_place, len(mine)), header)
    if total and others:
        others.append(["Total" if name == "dc" else "77" for name in columns])
    page = read(stock_tables(mine, others, header=None, other_header=header if other_header else None))
    roles = ["primary", "secondary"][: min(own, 2)]
    if total and others and not any(on_hand for _, on_hand, _ in rows):
        # A total of copies that no center has: no zero is believed.
        rows = [(dc, on_hand or None, on_order or None) for dc, on_hand, on_order in rows]
    assert page.stock == {
        dc: DcStock(on_hand, on_order, roles[place] if place < len(roles) else "other")
        for place, (dc, on_hand, on_order) in enumerate(rows)
    }


ODD_NAMES = st.sampled_from(["", "&nbsp;", "-", "CHA", "TN2", "Roseburg", "A1", "TN PA", "7", "DC 4", "???"])
ODD_COUNTS = st.sampled_from(["", "N/A", "Low", "4 10", "100+", "-", "<img src=x.gif>", "None"])


@settings(max_examples=300)
@given(
    codes=st.lists(DC_CODES, min_size=3, max_size=6, unique=True),
    place=st.integers(0, 5),
    damage=st.sampled_from(["name", "count", "both", "short", "long", "alone", "table gone", "rows gone"]),
    name=ODD_NAMES,
    count=ODD_COUNTS,
    header=st.permutations(HEADER),
)
def test_copies_that_are_shown_in_a_way_not_understood_never_read_as_zero(
    codes: list[str], place: int, damage: str, name: str, count: str, header: list[str]
) -> None:
    """All DCs show 0 but one, and that one's row is damaged; a row of nothing at all shows no copies."""
    assume(damage != "both" or name not in ("", "&nbsp;"))
    place %= len(codes)
    rows: list[list[str]] = [[code, "0", "0"] for code in codes]
    rows[place] = {
        "name": [name, "410", "0"],
        "count": [codes[place], count, "0"],
        "both": [name, count, count],
        "short": [codes[place], "410"],
        "long": [codes[place], "1", "410", "0"],
        "alone": [codes[place]],
    }.get(damage, [codes[place], "410", "0"])
    order = [HEADER.index(heading) for heading in header]
    if damage in ("name", "count", "both"):
        rows[place] = [rows[place][i] for i in order]
    rows = [row if i == place else [row[j] for j in order] for i, row in enumerate(rows)]
    own, other = rows[:2], rows[2:]
    if damage == "rows gone":
        own, other = ([], other) if place < 2 else (own, [])
    tables = [table(OWN_TABLE, own, header), table(OTHER_TABLE, other, header)]
    if damage == "table gone":
        del tables[0 if place < 2 else 1]
    try:
        page = read("".join(tables))
    except PageChanged:
        return
    if on_hand(page.stock) == 0:
        assert page.hides_copies(FIRST_GUESS)


# What stands across the table, or beside its rows, and is no count.

NOTHING_OWN = [("TN", "0", "0"), ("PA", "0", "0")]
NOTHING_OTHER = [("IN", "0", "0"), ("OR", "0", "0")]


def with_row(own: list[tuple[str, str, str]], cell: str, row: str = "<tr>") -> ProductPage:
    """The tables, with one more row in the first."""
    return read(
        stock_tables(own=own, other=NOTHING_OTHER).replace("</table>", f"{row}{cell}</tr></table>", 1)
    )


@pytest.mark.parametrize(
    "text",
    [
        *("PA: temporarily unavailable", "PA 37 250", "PA see rep", "PA (37)", "PA - call", "PAC: 12"),
        *("PA not reported", "PA n/a", "PA – unavailable", "PA: 0 / 0"),
    ],
)
def test_a_center_in_a_row_of_one_cell_is_not_known(text: str) -> None:
    page = with_row(NOTHING_OWN[:1], f"<td colspan=3>{text}</td>")
    assert page.stock is not None
    assert page.stock["PA"][:2] == (None, None)
    assert on_hand(page.stock) is None
    assert not page.shows_all_stock(FIRST_GUESS)
    assert page.warnings


@pytest.mark.parametrize(
    "text",
    [
        *("Stock is temporarily unavailable", "Inventory data is being updated", "Not currently available"),
        *("Stock data unavailable: please try again later", "System maintenance", "No inventory information"),
        "Counts can't be shown right now",
    ],
)
def test_zeros_under_a_note_that_the_stock_is_not_known_are_no_counts(text: str) -> None:
    page = with_row([("TN", "0", "0"), ("PA", "7", "0")], f"<td colspan=3>{text}</td>")
    assert page.stock is not None
    assert page.stock["TN"][:2] == (None, None)
    assert page.stock["PA"][:2] == (7, None)
    assert any("no counts" in warning for warning in page.warnings)


@pytest.mark.parametrize(
    "text",
    [
        *("Updated 11/28 10:00 AM CT", "IN STOCK COUNTS ARE HOURLY", "OR CALL CUSTOMER CARE", "Primary DC"),
        *("Counts as of today", "TN (Primary)", "PA: Chambersburg"),
    ],
)
def test_other_notes_and_headings_change_nothing(text: str) -> None:
    page = with_row([("TN", "4", "0"), ("PA", "0", "0")], f"<td colspan=3>{text}</td>")
    assert page.stock is not None
    assert {dc: counts[:2] for dc, counts in page.stock.items()} == {
        "TN": (4, 0),
        "PA": (0, 0),
        "IN": (0, 0),
        "OR": (0, 0),
    }
    assert page.shows_all_stock(FIRST_GUESS)


@pytest.mark.parametrize("name", ["TOT", "ttl", "Total:", "USA", "NET", "AVG", "Nationwide", "Overall"])
def test_a_sum_is_no_center(name: str) -> None:
    page = with_row([("TN", "5", "0"), ("PA", "0", "0")], f"<td>{name}</td><td>5</td><td>0</td>")
    assert page.stock is not None
    assert on_hand(page.stock) == 5


@pytest.mark.parametrize(
    "row",
    [
        *('<tr style="display:none">', '<tr style="color:red; display : none;">', "<tr hidden>"),
        *('<tr style="visibility:hidden">', '<tr style="DISPLAY:NONE">'),
    ],
)
def test_a_row_that_is_not_shown_is_not_added(row: str) -> None:
    page = with_row([("TN", "5", "0"), ("PA", "0", "0")], "<td>PA</td><td>99</td><td>0</td>", row)
    assert page.stock is not None
    assert page.stock["PA"][:2] == (0, 0)


def test_tables_behind_a_closed_tab_count() -> None:
    page = read(f'<div style="display:none">{stock_tables()}</div>')
    assert page.stock == TRUTH


@pytest.mark.parametrize(
    "name", ["newStockCheckTableHistory", "stockchecktable-history", "StockCheckTable_HISTORY"]
)
def test_a_table_of_earlier_counts_is_none_of_stock(name: str) -> None:
    earlier = table(name, [("TN", "5", "5")])
    page = read(stock_tables(own=NOTHING_OWN, other=NOTHING_OTHER) + earlier)
    assert page.stock is not None
    assert on_hand(page.stock) == 0


@pytest.mark.parametrize(
    "heading",
    ["On Hand Limit", "On Hand Yesterday", "Consumer Direct On Hand", "Not On Hand", "Maximum On Hand"],
)
def test_another_column_is_not_taken_for_on_hand(heading: str) -> None:
    with pytest.raises(PageChanged):
        read(stock_tables().replace("On Hand", heading))
