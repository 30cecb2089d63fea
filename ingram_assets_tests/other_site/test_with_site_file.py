"""The other site with a `site.toml`: from the sign-in to the store, each title as the site has it."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

import httpx
import pytest

from ingram_assets.domain.site_limits import Limits
from ingram_assets.sources.ipage import site as site_module
from ingram_assets_tests.other_site.books import LIST, Book
from ingram_assets_tests.other_site.mail import SENDER
from ingram_assets_tests.other_site.server import running_other_site
from ingram_assets_tests.other_site.state import Customer, OtherSite
from ingram_assets_tests.other_site.truth import SITE_FILE, details_in, details_of, stock_in, stock_of
from ingram_assets_tests.other_site.whole_shop import OtherShop, whole_shop
from ingram_demo.embedded.imap import Imap
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.s3 import S3
from ingram_demo.simulator.mail import MaildirMailer

pytestmark = pytest.mark.xdist_group("medusa")


@pytest.fixture(scope="module")
def site(imap: Imap) -> Iterator[OtherSite]:
    with running_other_site(customer=Customer(email=imap.user), mailer=MaildirMailer(imap.maildir)) as site:
        yield site


@pytest.fixture(scope="module")
def shop(
    site: OtherSite,
    imap: Imap,
    chromium: Path,
    postgres: Postgres,
    s3: S3,
    medusa: Medusa,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OtherShop]:
    """A shop with an account, brought through once."""
    settings = {
        "SITE_FILE": str(SITE_FILE),
        "IPAGE_SAVED_SEARCH_ID": LIST,
        "IPAGE_SESSION_COOKIE": "",
        "IPAGE_USERNAME": site.customer.name,
        "IPAGE_PASSWORD": site.customer.password,
        "IPAGE_MFA_IMAP_URL": imap.url,
        "IPAGE_MFA_SENDERS": SENDER,
        "SSL_CERT_FILE": str(imap.ca_file),
        "BROWSER_EXECUTABLE": str(chromium),
    }
    home = tmp_path_factory.mktemp("dagster")
    with whole_shop(site, "with_site_file", home, postgres, s3, medusa, settings) as shop:
        for run in (shop.discover, shop.sweep, shop.look_at_covers):
            result = run()
            assert result.succeeded, result.error
        # What is dearer than most is created by a second push, once a person looked.
        pushed = shop.push(let_through=True)
        assert pushed.succeeded, pushed.error
        yield shop


def read(book: Book) -> bool:
    """Whether the site shows its page."""
    return book.kind != "not listed"


def test_the_site_file_is_short() -> None:
    assert len(SITE_FILE.read_text().splitlines()) < 60


def test_the_account_signed_in_once_with_one_code(shop: OtherShop) -> None:
    assert shop.site.codes_sent == 1
    assert shop.site.wrong_passwords == 0


def test_the_list_s_titles_are_tracked_and_no_others(shop: OtherShop) -> None:
    assert shop.tracked == set(shop.site.books)


def test_the_queue_has_each_title_as_the_site_does(shop: OtherShop) -> None:
    titles = shop.titles()
    assert set(titles) == set(shop.site.books)
    for isbn, book in shop.site.books.items():
        title = titles[isbn]
        if read(book):
            assert details_in(title, book) == details_of(book)
            assert stock_in(title.stock) == stock_of(book), isbn
        else:
            assert (title.title, title.srp_price, title.stock) == (book.title, book.price, None), isbn


def test_what_gave_no_stock_is_named(shop: OtherShop) -> None:
    without = {book.ean for book in shop.site.books.values() if book.stock is None or not read(book)}
    assert set(shop.unread()) == without


def test_the_store_has_each_title_as_the_site_does(shop: OtherShop) -> None:
    store = shop.storefront.shop
    for isbn, book in shop.site.books.items():
        variant = store.variant(isbn)
        assert variant, isbn
        (price,) = variant["prices"]
        assert (Decimal(str(price["amount"])), price["currency_code"]) == (book.price, "usd"), isbn
        product = store.product(isbn)
        assert product["title"] == book.title, isbn
        published = book.published.isoformat() if read(book) else None
        assert product["metadata"].get("publication_date") == published, isbn
        if book.kind == "file":
            assert not variant["manage_inventory"], isbn
            continue
        copies = [counts.on_hand or 0 for counts in (book.stock or {}).values()] if read(book) else []
        assert shop.storefront.level(isbn) == sum(copies), isbn
        assert variant["metadata"]["availability"] == availability_of(book), isbn
        release = book.published.isoformat() if availability_of(book) == "preorder" else None
        assert variant["metadata"].get("release_date") == release, isbn


def availability_of(book: Book) -> str:
    match book.kind:
        case "to come" | "to come, listed":
            return "preorder"
        case "back-order":
            return "backorder"
        case "out of stock":
            return "out_of_stock"
        case "not listed":
            return "unknown"
    return "in_stock"


def test_the_words_for_no_picture_are_no_cover(shop: OtherShop) -> None:
    for isbn, title in shop.titles().items():
        book = shop.site.books[isbn]
        has_one = book.picture != "none" and read(book)
        assert (title.cover_url is not None) == has_one, isbn
        if title.cover_url is not None:
            assert httpx.get(title.cover_url, timeout=60).status_code == 200, isbn


def test_a_session_that_ended_is_renewed_without_a_code(shop: OtherShop) -> None:
    shop.site.end_visits()
    result = shop.sweep()
    assert result.succeeded, result.error
    assert shop.site.codes_sent == 1


def test_the_wall_is_known_and_what_was_read_stands(shop: OtherShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "Limits", partial(Limits, pauses=(0.2,)))
    titles = shop.titles()
    shop.site.closed = True
    result = shop.sweep()
    shop.site.closed = False
    assert not result.succeeded
    assert result.stopped
    assert result.stopped["by"] == "Blocked"
    assert {isbn: title.stock for isbn, title in shop.titles().items()} == {
        isbn: title.stock for isbn, title in titles.items()
    }
