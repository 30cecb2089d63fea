"""The site's client asks at the addresses of a shop's site.toml, and knows what comes by its words."""

import socket

import pytest

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.domain.site_file import parse_site_file
from ingram_assets.sources.ipage.pages.page_failures import NotFound
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, profile_with
from ingram_assets.sources.ipage.site import FetchOutcome, Site
from ingram_assets_tests.testing.raw_server import raw_server
from ingram_assets_tests.testing.shared_site import Shared

ISBN, GONE = "9780306406157", "9780593135204"
BOOK = f"""<html><body><h1 id="pd-title">Der Turm</h1><table><tr><th>Artikel</th><td>{ISBN}</td></tr>
<tr><th>Ladenpreis</th><td>18,99 $</td></tr></table></body></html>"""
PAGES = {
    f"/titel/{ISBN}": BOOK,
    f"/titel/{GONE}": "<html><body><p>Es wurde kein Titel gefunden.</p></body></html>",
    f"/bild/{ISBN}": "<html><body><p>Kein Bild vorhanden</p></body></html>",
    "/bild?kurz=0306406152": "<html><body><p>Kein Bild vorhanden</p></body></html>",
}
TEXT = """[addresses]
home = "/start"
login = "/anmeldung"
product = "/titel/{isbn}"
covers = ["/bild/{isbn}", "/bild?kurz={isbn10}"]
[labels]
ean = ["Artikel"]
price = ["Ladenpreis"]
[words]
not_found = ["kein Titel gefunden"]
expired = ["Sitzung ist abgelaufen"]
no_picture = ["Kein Bild"]
[numbers]
decimal = ","
"""


@pytest.fixture
def profile() -> SiteProfile:
    return profile_with(parse_site_file(TEXT.encode(), None))


def answer(connection: socket.socket, head: str) -> None:
    page = PAGES.get(head.split()[1], "<html><body><p>Ihre Sitzung ist abgelaufen.</p></body></html>")
    body = page.encode()
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body
    )


def test_titles_and_covers_are_asked_for_where_the_shop_says(shared: Shared, profile: SiteProfile) -> None:
    with (
        raw_server(answer) as (url, heads),
        Site(url, shared(url), None, session_cookie="sid=1", retry_waits=(0.0,), profile=profile) as site,
    ):
        (read, gone) = sorted(site.read_products([ISBN, GONE], named=True), key=lambda one: one.isbn)
        assert site.cover(ISBN) is None
        with pytest.raises(NotFound):
            site.product_body(GONE)
        assert site.product_body(ISBN).decode() == BOOK
    assert (read.outcome, gone.outcome) == (FetchOutcome.ok, FetchOutcome.not_found)
    assert read.page is not None
    assert (read.page.title, str(read.page.srp_price)) == ("Der Turm", "18.99")
    assert {head.split()[1] for head in heads} == {*PAGES}


def test_a_session_that_ended_is_known_by_the_shops_words(shared: Shared, profile: SiteProfile) -> None:
    with (
        raw_server(answer) as (url, _),
        Site(url, shared(url), None, session_cookie="sid=1", retry_waits=(0.0,), profile=profile) as site,
        pytest.raises(NeedsPerson, match="IPAGE_SESSION_COOKIE"),
    ):
        site.product_body("9780441172719")
