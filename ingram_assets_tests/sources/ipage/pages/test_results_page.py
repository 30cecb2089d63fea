"""A page of results, in markups that nobody has seen: which books it lists, and which stand beside them."""

import contextlib
import time
from collections.abc import Iterable
from decimal import Decimal

import pytest

from ingram_assets.domain.isbn import isbn10_of
from ingram_assets.sources.ipage.pages.page_failures import Blocked, NotFound, PageChanged, SessionExpired
from ingram_assets.sources.ipage.pages.results_page import NothingListed, ResultsPage, read_results_page
from ingram_assets_tests.testing.page_factory import BLOCK, EXPIRED, INTERRUPTION, LOGIN, NO_MATCH
from ingram_assets_tests.testing.shop import make_isbn as isbn

NAV = '<ul><li><a href="/ipage/home">Home</a></li><li><a href="/ipage/logout.action">Log Out</a></li></ul>'
ADDRESS = "https://site.example/ipage/search/s.action?searchId=1"
PRODUCT = "/ipage/productdetail?ean_id="
COUNT = "<p><strong>4</strong> results</p>"
HEAD = "<tr><th>Title</th><th>EAN</th><th>US SRP</th></tr>"


def read(body: str) -> ResultsPage:
    html = f"<!DOCTYPE html><html><head><title>iPage</title></head><body>{NAV}<div>{body}</div></body></html>"
    return read_results_page(html, ADDRESS)


def listed(page: ResultsPage) -> list[str]:
    return [title.isbn for title in page.titles]


def rows(numbers: Iterable[int]) -> str:
    """Rows of a table whose links have numbers of the site's own."""
    return "".join(
        f'<tr class="sc{"Light" if n % 2 else "Dark"}Row">'
        f'<td><a href="/ipage/productdetail?R={n}">Book {n}</a></td>'
        f"<td>{isbn(n)}</td><td>$9.{n:02}</td></tr>"
        for n in numbers
    )


def cards(numbers: Iterable[int], kind: str = "hit") -> str:
    """Boxes with a cover, a link, labels, two prices, and a link to another binding."""
    return "".join(
        f'<div class="{kind} {kind}{n}"><a href="{PRODUCT}{isbn(n)}"><img src="/c?ean={isbn(n)}"></a>'
        f'<a href="{PRODUCT}{isbn(n)}">Book {n}</a> by Ada <span><b>EAN:</b> {isbn(n)}</span>'
        f" <span>ISBN: {isbn10_of(isbn(n))}</span><br>US SRP: $1{n}.00 (Discount: REG) Your Price: $5.00"
        f' <i>Other formats:</i> <a href="{PRODUCT}{isbn(1000 + n)}">Hardcover</a></div>'
        for n in numbers
    )


def tiles(numbers: Iterable[int]) -> str:
    return "".join(
        f'<p class="t"><a href="{PRODUCT}{isbn(n)}">Other {n}</a> EAN: {isbn(n)}</p>' for n in numbers
    )


FOUR = [isbn(n) for n in range(1, 5)]
FOUR_ROWS, FOUR_CARDS = rows(range(1, 5)), cards(range(1, 5))
MARKUPS = {
    "a table with a column of numbers": f"<table>{HEAD}{FOUR_ROWS}</table>",
    "cards": f"{COUNT}<div>{FOUR_CARDS}</div>",
    "a table without a heading": f"{COUNT}<table>{FOUR_ROWS}</table>",
    "a grid": f"{COUNT}<table>"
    + "".join(
        "<tr>" + "".join(f'<td><a href="{PRODUCT}{isbn(n)}">Book {n}</a></td>' for n in pair) + "</tr>"
        for pair in ((1, 2), (3, 4))
    )
    + "</table>",
    "a list of definitions": f"{COUNT}<dl>"
    + "".join(
        f'<dt><a href="{PRODUCT}{isbn(n)}">Book {n}</a></dt><dd>EAN: {isbn(n)}</dd>' for n in range(1, 5)
    )
    + "</dl>",
    "two rows for each": f"{COUNT}<table>"
    + "".join(
        f'<tr><td><a href="{PRODUCT}{isbn(n)}">Book {n}</a></td></tr><tr><td>EAN: {isbn(n)}</td></tr>'
        for n in range(1, 5)
    )
    + "</table>",
    "a table for each": COUNT
    + "".join(
        f'<table class="hit"><tr><td><a href="{PRODUCT}{isbn(n)}">Book {n}</a></td></tr>'
        f"<tr><td>ISBN-13: {isbn(n)}</td></tr></table>"
        for n in range(1, 5)
    ),
    "flat": COUNT
    + "".join(f'<a href="{PRODUCT}{isbn(n)}">Book {n}</a><br>EAN: {isbn(n)}<br>' for n in range(1, 5)),
    "labels alone": COUNT
    + "".join(f"<div class='r'><h3>Book {n}</h3><p>ISBN {isbn10_of(isbn(n))}</p></div>" for n in range(1, 5)),
}


@pytest.mark.parametrize("body", MARKUPS.values(), ids=MARKUPS)
def test_the_books_are_told_in_any_markup(body: str) -> None:
    page = read(body)
    assert listed(page) == FOUR
    assert page.rejected == ()


BESIDE = {
    "a carousel by its class": f'<div class="bookCarousel">{tiles(range(50, 56))}</div>',
    "also bought, by its class": f'<div id="alsoBought">{tiles(range(50, 56))}</div>',
    "by its heading, in a box": f"<div><h4>Customers also bought</h4><div>{tiles(range(50, 56))}</div></div>",
    "by its heading, flat": f"<h3>You may also like</h3>{tiles(range(50, 56))}",
    "by its bold heading": f"<b>Recently viewed</b>{tiles(range(50, 56))}",
    "in an aside": f"<aside>{tiles(range(50, 56))}</aside>",
    "in the navigation": f"<nav>{tiles(range(50, 56))}</nav>",
    "not shown": f'<div style="display: none">{tiles(range(50, 56))}</div>',
    "by no name": f'<div class="x">{tiles(range(50, 56))}</div>',
    "more of them than results": f"<h4>Bestsellers</h4><div>{cards(range(50, 80), 'b')}</div>",
}


@pytest.mark.parametrize("before", [False, True], ids=["behind", "before"])
@pytest.mark.parametrize("name", ["a table with a column of numbers", "cards", "a grid", "flat"])
@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_books_beside_the_results_do_not_come_in(beside: str, name: str, before: bool) -> None:
    results = f'<div class="main"><h3>Saved Search: Fantasy</h3>{MARKUPS[name]}</div>'
    page = read(beside + results if before else results + beside)
    assert listed(page) == FOUR


def test_one_result_is_told_among_many_others() -> None:
    cells = f'<td><a href="{PRODUCT}{isbn(1)}">Book</a></td><td>List Price: $3.50</td>'
    one = f"<p>1 result</p><table><tr>{cells}</tr></table>"
    page = read(f'{one}<div class="x">{cards(range(50, 58))}</div>')
    assert [(title.isbn, title.title, title.srp_price) for title in page.titles] == [
        (isbn(1), "Book", Decimal("3.50"))
    ]
    first = ", ".join(sorted(isbn(n) for n in range(50, 58))[:5])
    assert page.warnings == (f"Books beside the results were left out: 8 of them ({first}, …).",)


def table(numbers: Iterable[int]) -> str:
    return f"<table>{HEAD}{rows(numbers)}</table>"


@pytest.mark.parametrize("heading", ["<h3>Ihre Empfehlungen</h3>", "<h2>Lagerware</h2>"])
@pytest.mark.parametrize("count", ["<h1>4 Results</h1>", "<p>Showing 1 - 4 of 98</p>"])
def test_a_second_table_under_another_heading_is_left_out_and_named(count: str, heading: str) -> None:
    page = read(f"{count}{table(range(1, 5))}{heading}{table(range(50, 53))}")
    assert listed(page) == FOUR
    assert page.warnings == (
        f"Books beside the results were left out: 3 of them ({', '.join(map(isbn, range(50, 53)))}).",
    )


def test_what_stands_under_a_heading_of_other_books_is_named() -> None:
    page = read(f"<h1>1 Results</h1>{table([1])}<h3>Customers also bought</h3>{table([2])}")
    assert listed(page) == [isbn(1)]
    assert (page.warnings, page.headed) == ((), (isbn(2),))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            f"<h1>1 Results</h1>{table([1])}<h3>Lagerware</h3>{table([2])}",
            "it says “1 Results”, and lists 2 books, under “1 Results” 1, “Lagerware” 1",
        ),
        (f"<h1>3 Results</h1>{table(range(1, 5))}", "it says “3 Results”, and lists 4 books: which"),
        (
            f"<h1>98 Results</h1>{table(range(1, 5))}<h3>Lagerware</h3>{table([5, 6])}",
            "it says “98 Results”, and lists 6 books, under “98 Results” 4, “Lagerware” 2",
        ),
        (
            f"<h2>A</h2>{table(range(1, 5))}<h2>B</h2>{table([5, 6])}",
            "it does not say how many it has, and lists 6 books, under “A” 4, “B” 2",
        ),
    ],
    ids=["as many", "too many", "fewer than all", "no count"],
)
def test_more_than_the_page_says_is_refused_and_not_guessed_at(body: str, told: str) -> None:
    with pytest.raises(PageChanged) as refused:
        read(body)
    assert told in str(refused.value)
    assert "[words] beside" in str(refused.value)


def test_a_list_in_parts_is_one_where_the_count_says_so() -> None:
    parts = f"<h2>A</h2>{table(range(1, 3))}<h2>B</h2>{table(range(3, 5))}"
    assert listed(read(f"<h1>4 Results</h1>{parts}")) == FOUR
    each = "".join(f"<h3>Book {n}</h3><div class='r'>EAN: {isbn(n)}</div>" for n in range(1, 5))
    assert listed(read(f"<p>98 results</p>{each}")) == FOUR


def test_titles_and_prices_are_read_where_they_are_shown() -> None:
    for body in (MARKUPS["cards"], f"<table>{HEAD}{FOUR_ROWS}</table>"):
        first = read(body).titles[0]
        assert first.title == "Book 1"
        assert first.srp_price in (Decimal("11.00"), Decimal("9.01"))
    assert read(MARKUPS["flat"]).titles[0].srp_price is None


def test_a_search_may_be_called_as_what_stands_beside_results() -> None:
    assert listed(read(f"<h2>New releases in fantasy</h2>{COUNT}<div>{FOUR_CARDS}</div>")) == FOUR


def test_rows_that_can_not_be_told_are_named() -> None:
    body = f"{rows([1, 2])}<tr><td>Bad</td><td>9780593135205</td><td></td></tr><tr><td>Sum</td></tr>"
    page = read(f"<table>{HEAD}{body}</table>")
    assert listed(page) == [isbn(1), isbn(2)]
    (row,) = page.rejected
    assert (row.row, row.value) == (3, "9780593135205")
    assert "check digit" in row.reason
    two = f'<div class="hit"><a href="{PRODUCT}{isbn(7)}">A set</a> EAN: {isbn(8)}</div>'
    (row,) = read(f"{COUNT}{cards([1, 2])}{two}").rejected
    assert row.reason == f"It names several books: {isbn(7)}, {isbn(8)}."
    no_number = '<div class="hit"><a href="/ipage/productdetail?R=9">A mug</a></div>'
    (row,) = read(f"{COUNT}{cards([1, 2])}{no_number}").rejected
    assert (row.value, row.reason) == ("A mug", "It has no ISBN.")


@pytest.mark.parametrize(
    "body",
    [
        f"<table>{HEAD}{rows([1])}<tr><td>Bad</td><td>9780593135205</td><td></td></tr></table>",
        f'{cards([1])}<div class="hit"><a href="{PRODUCT}9780593135205">Bad</a></div>',
        f"<ul><li>{isbn(1)}</li><li>9780593135205</li></ul>",
    ],
)
def test_a_wrong_number_beside_a_single_right_one_is_named(body: str) -> None:
    page = read(f"<h1>2 results</h1>{body}")
    assert listed(page) == [isbn(1)]
    (row,) = page.rejected
    assert row.value == "9780593135205"
    assert "check digit" in row.reason


@pytest.mark.parametrize(
    "words",
    ["Shopping cart: 4 items", "Your cart (4 titles)", "Cart items: 4", "Your shopping cart has 4 items"],
)
def test_a_cart_is_no_page_of_results(words: str) -> None:
    for body in (f"<table>{HEAD}{FOUR_ROWS}</table>", f"<div>{FOUR_CARDS}</div>"):
        with pytest.raises(PageChanged, match="it is a cart's page"):
            read(f"<h1>{words}</h1>{body}")
    assert read(f"<h1>98 results</h1><p>{words}</p><table>{HEAD}{FOUR_ROWS}</table>").total == 98
    assert read(f"<p>{words}</p><table>{HEAD}{FOUR_ROWS}</table>").total is None


def test_numbers_in_a_description_and_numbers_of_the_site_are_no_books() -> None:
    note = f"<p>Companion to {isbn(77)}; order 5012345678900; call 0306406152.</p>"
    assert listed(read(f"{COUNT}<div>{FOUR_CARDS.replace('by Ada', note)}</div>")) == FOUR


@pytest.mark.parametrize(
    ("count", "total"),
    [
        ("Showing 1 - 4 of 1,234", 1234),
        ("<b>1,234</b> results", 1234),
        ("Your search returned 98 titles", 98),
        ("Results: 98", 98),
        ("Total Records: 98", 98),
        ("98 matching titles found", 98),
        ("Cart: 3 items <b>98</b> titles", 98),
        ("25 titles per page. 98 results", 98),
        ("nothing is said", None),
    ],
)
def test_how_many_there_are(count: str, total: int | None) -> None:
    assert read(f"<p>{count}</p><table>{HEAD}{FOUR_ROWS}</table>").total == total


@pytest.mark.parametrize(
    ("link", "path"),
    [
        (f'<a href="{ADDRESS}&amp;No=25">Next</a>', "/ipage/search/s.action?searchId=1&No=25"),
        ('<a href="?searchId=1&amp;page=2">Next page ›</a>', "/ipage/search/s.action?searchId=1&page=2"),
        ('<a rel="next" href="/ipage/p2"><img src="r.gif"></a>', "/ipage/p2"),
        ('<a aria-label="Next" href="/ipage/p2">⟩</a>', "/ipage/p2"),
        ('<a href="/ipage/p9">&gt;&gt;</a><a href="/ipage/p2">&gt;</a>', "/ipage/p2"),
        (
            '<ul class="pagination"><li class="active"><a href="/ipage/p1">1</a></li>'
            '<li><a href="/ipage/p2">2</a></li></ul>',
            "/ipage/p2",
        ),
        (
            '<div class="pager"><b>2</b> <a href="/ipage/p1">1</a> <a href="/ipage/p3">3</a></div>',
            "/ipage/p3",
        ),
        ('<a href="#" onclick="go(\'/ipage/p2\', 1)">Next</a>', "/ipage/p2"),
        ('<li class="disabled"><a href="/ipage/p2">Next</a></li>', None),
        ('<a href="https://evil.example/p2">Next</a>', None),
        ('<a href="#">Next</a>', None),
        ('<ul class="pagination"><li class="active">2</li><li><a href="/ipage/p1">1</a></li></ul>', None),
        ("", None),
    ],
    ids=[
        "word",
        "relative",
        "rel",
        "label",
        "arrows",
        "numbers",
        "bold number",
        "script",
        "disabled",
        "other host",
        "nowhere",
        "last of the numbers",
        "none",
    ],
)
def test_where_the_next_page_is(link: str, path: str | None) -> None:
    assert read(f"{COUNT}<table>{HEAD}{FOUR_ROWS}</table>{link}").next_page == path


def test_a_next_page_behind_a_script_is_said() -> None:
    page = read(f'{COUNT}<table>{HEAD}{FOUR_ROWS}</table><a href="javascript:go(2)">Next</a>')
    assert page.next_page is None
    assert page.warnings == ("The link to its next page is a script, which can't be followed.",)


@pytest.mark.parametrize(
    ("link", "path"),
    [
        (
            '<a href="/ipage/browseRow/downloadExcel.action?listId=1">Go</a>',
            "/ipage/browseRow/downloadExcel.action?listId=1",
        ),
        ('<a href="/ipage/x?y=1">Export</a>', "/ipage/x?y=1"),
        ("<button onclick=\"window.open('/ipage/x?y=1')\">Download</button>", "/ipage/x?y=1"),
        (
            "<a href=\"javascript:popup('/ipage/downloadExcel.action')\">XLS</a>",
            "/ipage/downloadExcel.action",
        ),
        ('<a href="https://apps.example/download">Download our app</a>', None),
        ("", None),
    ],
    ids=["by its address", "by its word", "button", "script", "other host", "none"],
)
def test_where_the_export_is(link: str, path: str | None) -> None:
    assert read(f"{link}<table>{HEAD}{FOUR_ROWS}</table>").export == path


@pytest.mark.parametrize(
    "body",
    [
        "<p>0 results</p>",
        "<p>Your search did not match any titles.</p>",
        f"<p>No titles found.</p><h4>You may also like</h4>{tiles(range(5))}",
        f'<p>0 results</p><div class="x">{tiles(range(5))}</div>',
        f"<p>0 items</p><table>{HEAD}</table>",
    ],
    ids=["0", "did not match", "others by heading", "others by no name", "0 items"],
)
def test_a_page_of_no_results_is_no_page_of_others(body: str) -> None:
    with pytest.raises(NothingListed, match="lists no title now"):
        read(body)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<p>Welcome to iPage</p>", "no title stands on it"),
        (f"<h3>Welcome</h3><div>{FOUR_CARDS}</div>", "nothing says that they are a search's results"),
        (f"<h3>New & Noteworthy</h3><div>{FOUR_CARDS}</div>", "no title stands on it"),
        (f'<h2 id="pd-title">A Book</h2><p>EAN: {isbn(1)}</p>', "the page of one title"),
        (
            f'<p>30 results</p><div>{cards([1, 2])}</div><div class="x">{tiles([5, 6])}</div>',
            "which is the search's can't be told",
        ),
    ],
    ids=["welcome", "books", "new titles", "a title", "two lists"],
)
def test_what_is_no_page_of_results_is_refused(body: str, told: str) -> None:
    with pytest.raises(PageChanged, match=told):
        read(body)


@pytest.mark.parametrize(
    ("html", "error"),
    [
        (BLOCK, Blocked),
        (INTERRUPTION, Blocked),
        (LOGIN, SessionExpired),
        (EXPIRED, SessionExpired),
        (NO_MATCH, NotFound),
    ],
    ids=["block", "interruption", "login", "expired", "no match"],
)
def test_what_came_in_its_place_has_its_own_error(html: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_results_page(html)


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 1_500 + f"<p>{isbn(1)}</p>" * 3_000,
        "".join(f'<div class="c{"x" * n}">{isbn(n)}</div>' for n in range(3_000)),
        "<p>1 - 2 - 3 of 4 - " * 20_000,
        f'<a href="{PRODUCT}{isbn(1)}">' * 4_000,
        "<b>Recently viewed</b>" * 5_000 + FOUR_CARDS,
        "<table>" + f"<tr>{HEAD}</tr>" * 2_000 + "</table>",
    ],
    ids=["deep", "of many kinds", "counts", "links in links", "headings", "heads"],
)
def test_a_hostile_page_takes_no_forever(body: str) -> None:
    began = time.process_time()
    with contextlib.suppress(PageChanged, NotFound):
        read(body)
    assert time.process_time() - began < 60, "and not hours"


def test_half_a_page_is_asked_for_again_and_not_taken_for_a_short_one() -> None:
    html = f"<!DOCTYPE html><html><body>{NAV}{COUNT}<table>{HEAD}{FOUR_ROWS}"
    with pytest.raises(PageChanged, match="cut short"):
        read_results_page(html)
