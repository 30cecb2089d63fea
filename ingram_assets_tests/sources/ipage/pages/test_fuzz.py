"""Damaged pages: each ends in one of the four named errors, or in values that stand in the page."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from ingram_assets.sources.ipage.pages import (
    Blocked,
    NotFound,
    PageChanged,
    ProductPage,
    SessionExpired,
    parse_product_page,
)
from ingram_assets.sources.ipage.pages.charsets import decode
from ingram_assets_tests.testing.page_factory import BLOCK, EXPIRED, LOGIN, product_page
from ingram_demo.simulator.product import render_product
from ingram_demo.simulator.site import Site

NAMED = (SessionExpired, Blocked, NotFound, PageChanged)
PAGE = product_page(messages=("This item is Not Returnable",)).encode()
SIMULATED = [render_product(site, isbn).encode() for site in [Site(titles=6)] for isbn in site.book.titles]
PIECES = [
    *(
        b"<td>",
        b"</td>",
        b"<tr>",
        b"</tr>",
        b"<table class=newStockCheckTable>",
        b"</table>",
        b"<!--",
        b"-->",
        b"<b>",
    ),
    *(
        b"0",
        b"7",
        b",",
        b"-",
        b" ",
        b"&nbsp;",
        b"&#49;",
        b"\x00",
        b"\xff",
        b"\xc3",
        b"<",
        b">",
        b'"',
        b"</html>",
    ),
    *(
        b"<script>",
        b"</script>",
        b"<strong>EAN:</strong>",
        b"On Hand",
        b"colspan=2",
        b"<br>",
        b"\xe2\x80\xae",
        b"<svg>",
    ),
]


def assert_stands_in(page: ProductPage, body: bytes) -> None:
    """Every number that was read is in the page, as one piece of its text, or two of one state."""
    tree = LexborHTMLParser(decode(body).replace("\x00", "\ufffd"))
    shown = tree.text(deep=True, separator="\n").replace("\u00a0", " ")
    whole = {re.sub(r"[,]", "", number) for number in re.findall(r"[0-9][0-9,]*", shown)}
    for dc, counts in (page.stock or {}).items():
        # Damage may double a row into the other table: then it is a second center of its state.
        is_twice = len(re.findall(rf"\b{dc}\b", shown.upper())) > 1
        sums = {str(int(one) + int(other)) for one in whole for other in whole} if is_twice else set()
        for count in counts[:2]:
            assert count is None or str(count) in whole | sums
    assert page.page_count is None or str(page.page_count) in whole
    if page.srp_price is not None:
        dollars, cents = str(page.srp_price).split(".")
        assert re.search(
            rf"(?<![0-9]){dollars}(?:\.{cents}|\.{cents.rstrip('0')})?(?![0-9])", shown.replace(",", "")
        )
    if page.publication_date is not None:
        assert f"{page.publication_date:%Y}" in shown or f"{page.publication_date:%y}" in shown
    for dc in page.stock or {}:
        assert dc in shown.upper()


def assert_named(body: bytes) -> None:
    try:
        page = parse_product_page(body)
    except NAMED:
        return
    assert_stands_in(page, body)


def damaged(body: bytes, order: random.Random) -> bytes:
    data = bytearray(body)
    for _ in range(order.randint(1, 6)):
        # Most of the damage where the numbers are.
        at = (
            order.randrange(len(data))
            if order.random() < 0.4
            else data.find(b"StockCheck") + order.randrange(900)
        )
        at = max(0, min(at, len(data) - 1))
        length = order.choice([1, 1, 2, 5, 9, 30, 200])
        match order.randrange(6):
            case 0:
                del data[at : at + length]
            case 1:
                data[at:at] = data[at : at + length]
            case 2:
                data[at] ^= 1 << order.randrange(8)
            case 3:
                data[at:at] = order.choice(PIECES)
            case 4:
                data[at : at + length] = order.choice(PIECES)
            case _:
                other = order.randrange(len(data))
                data[at : at + length] = data[other : other + length]
        if not data:
            break
    return bytes(data)


def test_the_undamaged_pages_are_read() -> None:
    for body in (PAGE, *SIMULATED):
        assert_stands_in(parse_product_page(body), body)


@settings(max_examples=400)
@given(st.sampled_from([PAGE, *SIMULATED]), st.randoms(use_true_random=False))
def test_a_damaged_page_gives_no_number_that_it_does_not_show(body: bytes, order: random.Random) -> None:
    assert_named(damaged(body, order))


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=400), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)))
def test_any_bytes_end_in_a_named_error(body: bytes) -> None:
    assert_named(body)
    with pytest.raises(NAMED):
        parse_product_page(body)


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join),
    st.integers(0, len(PAGE)),
    st.integers(0, 40),
)
def test_a_page_with_foreign_pieces_in_it(piece: bytes, at: int, taken: int) -> None:
    assert_named(PAGE[:at] + piece + PAGE[at + taken :])


@settings(max_examples=60)
@given(st.sampled_from([BLOCK, LOGIN, EXPIRED]), st.text(max_size=40), st.booleans())
def test_a_page_of_the_wall_or_the_door_is_never_a_product(page: str, text: str, first: bool) -> None:
    html = text + page if first else page.replace("</body>", f"{text}</body>")
    with pytest.raises(NAMED):
        parse_product_page(html)


def test_every_single_byte_missing_from_the_stock_tables() -> None:
    start, end = PAGE.index(b"<table class="), PAGE.rindex(b"</table>")
    for at in range(start, end, 3):
        assert_named(PAGE[:at] + PAGE[at + 1 :])
