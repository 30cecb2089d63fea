"""When a run gives up: for a site that is down or changed, never for some titles that can't be read."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import pytest

from ingram_assets.domain.completeness import FIRST_GUESS, Habit, Shape
from ingram_assets.domain.failures import Transient
from ingram_assets.domain.isbn import check_digit_13
from ingram_assets.domain.site_limits import Limits
from ingram_assets.sources.ipage.access.answers import SiteSign, sign_of_title
from ingram_assets.sources.ipage.pages.page_failures import NotFound, PageChanged, SessionExpired
from ingram_assets.sources.ipage.site import FetchOutcome, Reading, Site, Timeouts
from ingram_assets_tests.testing.page_factory import (
    HEADER,
    NO_MATCH,
    UPPER,
    product_page,
    replaced,
    stock_tables,
    table,
)
from ingram_assets_tests.testing.raw_server import raw_server
from ingram_assets_tests.testing.shared_site import Shared

ZEROS = (("TN", "0", "0"), ("PA", "0", "0"))
ISBNS = [(first := f"97800000{number:04d}") + check_digit_13(first) for number in range(240)]
GIVES_UP_AFTER = Limits().max_failures_in_a_row
ONE_TABLE = Habit(Shape(own=True, others=0))

Page = Callable[[str], tuple[int, str]]


def page_of(isbn: str, stock: str | None = None) -> str:
    return product_page(upper=replaced(UPPER, ISBN=None, EAN=isbn), stock=stock)


def in_part(isbn: str) -> tuple[int, str]:
    return 200, page_of(isbn, table("newStockCheckTable", ZEROS, HEADER))


def renamed_columns(isbn: str) -> tuple[int, str]:
    return 200, page_of(isbn, stock_tables(header=("DC", "There", "Coming")))


def nameless(isbn: str) -> tuple[int, str]:
    return 200, product_page(upper=replaced(UPPER, ISBN=None, EAN=None))


def of_another(isbn: str) -> tuple[int, str]:
    return 200, page_of("9780593135204")


def missing(isbn: str) -> tuple[int, str]:
    return 404, "<html><body>Not here</body></html>"


def no_match(isbn: str) -> tuple[int, str]:
    return 200, NO_MATCH


def refused(isbn: str) -> tuple[int, str]:
    return 400, "<html><body>no</body></html>"


def down(isbn: str) -> tuple[int, str]:
    return 503, ""


def cut(isbn: str) -> tuple[int, str]:
    whole = page_of(isbn)
    return 200, whole[: len(whole) // 2]


OF_THE_TITLE = [in_part, renamed_columns, nameless, of_another, missing, no_match, refused]


@contextmanager
def reading(odd: Collection[str], answer: Page, shared: Shared) -> Iterator[tuple[Site, list[str]]]:
    """A site on which the odd titles are answered like that, and all others have their page."""

    def serve(connection: socket.socket, head: str) -> None:
        isbn = head.split("ean_id=")[1][:13]
        status, text = answer(isbn) if isbn in odd else (200, page_of(isbn))
        body = text.encode()
        connection.sendall(
            b"HTTP/1.1 %d X\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n" % (status, len(body)) + body
        )

    with (
        raw_server(serve) as (url, heads),
        Site(url, shared(url), None, session_cookie="J=x", retry_waits=(0.01, 0.02)) as site,
    ):
        yield site, heads


def outcomes(readings: Collection[Reading]) -> Counter[FetchOutcome]:
    return Counter(one.outcome for one in readings)


@pytest.mark.parametrize("answer", OF_THE_TITLE)
def test_titles_that_never_were_readable_stop_nobody(answer: Page, shared: Shared) -> None:
    odd = set(ISBNS[:30])
    with reading(odd, answer, shared) as (site, _):
        for _sweep in range(2):
            readings = list(site.read_products(ISBNS[:120]))
            read = {one.isbn for one in readings if one.page and one.page.shows_all_stock(FIRST_GUESS)}
            assert read == set(ISBNS[:120]) - odd
            assert all(one.reason for one in readings if one.isbn in odd)
            assert site.stopped_by is None


@pytest.mark.parametrize("answer", [one for one in OF_THE_TITLE if one is not in_part])
def test_titles_that_used_to_be_readable_stop_the_run(answer: Page, shared: Shared) -> None:
    """All of them: the site was changed, or a wall stands before it."""
    with reading(ISBNS, answer, shared) as (site, heads):
        readings = list(site.read_products(ISBNS, known=ISBNS))
        assert len(readings) == len(ISBNS)
        assert "answers in a row could not be used" in str(site.stopped_by)
        assert isinstance(site.stopped_by, Transient)
        # Each title once or twice, and what was on its way.
        assert len(heads) <= 2 * GIVES_UP_AFTER + 20


@pytest.mark.parametrize("answer", [one for one in OF_THE_TITLE if one is not in_part])
def test_a_site_of_which_nothing_can_be_read_is_not_asked_for_everything(
    answer: Page, shared: Shared
) -> None:
    with reading(ISBNS, answer, shared) as (site, heads):
        assert len(list(site.read_products(ISBNS))) == len(ISBNS)
        assert "None of " in str(site.stopped_by)
        assert len({head.split("ean_id=")[1][:13] for head in heads}) <= 4 * GIVES_UP_AFTER + 20


@pytest.mark.parametrize("answer", [down, cut])
def test_a_site_that_is_down_stops_the_run_whatever_was_readable(answer: Page, shared: Shared) -> None:
    with reading(ISBNS, answer, shared) as (site, heads):
        list(site.read_products(ISBNS))
        assert "answers in a row could not be used" in str(site.stopped_by)
        assert len(heads) <= GIVES_UP_AFTER + 20


def test_known_titles_in_part_stop_nobody(shared: Shared) -> None:
    with reading(ISBNS[:60], in_part, shared) as (site, heads):
        readings = list(site.read_products(ISBNS[:90], known=ISBNS))
        assert outcomes(readings) == {FetchOutcome.ok: 90}
        assert site.stopped_by is None
        assert len(heads) == 60 * 2 + 30


def test_the_accounts_habit_tells_what_is_asked_for_twice(shared: Shared) -> None:
    with reading(ISBNS, in_part, shared) as (site, heads):
        readings = list(site.read_products(ISBNS[:20], habit=ONE_TABLE))
        assert {one.attempts for one in readings} == {1}
        assert {one.reason for one in readings} == {None}
        assert len(heads) == 20


@pytest.mark.parametrize("is_known", [True, False])
def test_what_an_error_says_of_the_site(is_known: bool) -> None:
    def sign(error: Exception, is_first: bool = True) -> SiteSign:
        return sign_of_title(error, is_known, is_first)  # type: ignore[arg-type]

    of_known = SiteSign.FAILING if is_known else SiteSign.NEITHER
    assert sign(Transient("no answer")) is sign(Transient("no answer"), False) is SiteSign.FAILING
    for no_page in ("page", "</html>", "</table>", "redirect"):
        assert sign(PageChanged(no_page, "x")) is SiteSign.FAILING
    for error in (PageChanged("EAN", "x"), PageChanged("On Hand", "x"), NotFound("x")):
        assert sign(error) is of_known
        assert sign(error, is_first=False) is SiteSign.NEITHER, "a title's second try makes no two of it"
    assert sign(SessionExpired("x")) is SiteSign.HEALTHY, "that is the session's matter"


def test_a_page_without_end_is_cut_off_before_its_time_is_over(shared: Shared) -> None:
    """By its bytes: the seconds that a page may take would let it fill the memory."""
    sent = 0

    def endless(connection: socket.socket, head: str) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            connection.sendall(b"<p>more</p>" * 90_000)
            sent += 990_000
            time.sleep(0.02)

    timeouts = Timeouts(connect=2.0, read=2.0, total=2.0)
    with (
        raw_server(endless) as (url, _),
        Site(url, shared(url), None, session_cookie="a=b", timeouts=timeouts, retry_waits=(0.0,)) as site,
    ):
        (reading,) = site.read_products(["9780306406157"])
    assert reading.outcome is FetchOutcome.changed
    assert "longer than 8,000,000 bytes" in (reading.reason or "")
    assert sent < 2 * 8_000_000 + 5_000_000
