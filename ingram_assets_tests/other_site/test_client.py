"""The other site's list, pictures, wall and sign-in, as the one client meets them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingram_assets.domain.site_file import parse_site_file
from ingram_assets.sources.ipage.access.answers import FetchOutcome
from ingram_assets.sources.ipage.login.sign_in import AccountLocked, WrongPassword
from ingram_assets.sources.ipage.pages.page_failures import Blocked
from ingram_assets.sources.ipage.profile.site_profile import profile_with
from ingram_assets.sources.ipage.site import Credentials, Site
from ingram_assets_tests.other_site.books import LIST
from ingram_assets_tests.other_site.server import running_other_site
from ingram_assets_tests.other_site.state import OtherSite
from ingram_assets_tests.other_site.truth import SITE_FILE
from ingram_assets_tests.testing.shared_site import Shared
from ingram_assets_tests.testing.site import QUICK
from ingram_demo.embedded.imap import Imap

PROFILE = profile_with(parse_site_file(SITE_FILE.read_bytes(), None))


@pytest.fixture
def other() -> Iterator[OtherSite]:
    with running_other_site() as site:
        yield site


@pytest.fixture
def open_site(other: OtherSite, shared: Shared) -> Iterator[Callable[..., Site]]:
    opened = []

    def make(credentials: Credentials | None = None, **options: Any) -> Site:
        cookie = None if credentials else other.signed_in_cookie()
        given = {"session_cookie": cookie, "limits": QUICK, "retry_waits": (0.02,), **options}
        opened.append(Site(other.url, shared(other.url), credentials, profile=PROFILE, **given))
        return opened[-1]

    yield make
    for site in opened:
        site.close()


@pytest.mark.parametrize(
    "search",
    [
        LIST,
        f"/recherche/merkliste.do?liste={LIST}",
        f"/recherche/merkliste.do?liste={LIST}&seite=1",
        f"/recherche/mappe.do?liste={LIST}&art=xlsx",
    ],
)
def test_whatever_a_person_copies_leads_to_the_same_titles(
    other: OtherSite, open_site: Callable[..., Site], search: str
) -> None:
    found = open_site().discover(search)
    assert {title.isbn: (title.title, title.srp_price) for title in found.titles} == {
        book.ean: (book.title, book.price) for book in other.books.values()
    }
    assert (found.rejected, found.notes) == ((), ())


def test_pictures_and_the_words_for_none(other: OtherSite, open_site: Callable[..., Site]) -> None:
    site = open_site()
    pictures = {
        book.picture: site.cover(book.ean) for book in other.books.values() if book.kind == "in stock"
    }
    assert pictures["none"] is None
    for drawn in ("art", "placeholder"):
        assert (pictures[drawn] or b"").startswith(b"\x89PNG")


def test_an_ended_session_and_the_wall_are_known(other: OtherSite, open_site: Callable[..., Site]) -> None:
    site, some = open_site(), list(other.books)[:2]
    assert [reading.outcome for reading in site.read_products(some)] == [FetchOutcome.ok] * 2
    other.end_visits()
    assert {reading.outcome for reading in site.read_products(some)} == {FetchOutcome.expired}
    other.closed = True
    site = open_site()
    assert {reading.outcome for reading in site.read_products(some)} == {FetchOutcome.blocked}
    assert isinstance(site.stopped_by, Blocked)


@pytest.mark.parametrize(("wrong_before", "told"), [(0, WrongPassword), (5, AccountLocked)])
def test_a_refused_password_is_typed_once(
    other: OtherSite,
    open_site: Callable[..., Site],
    chromium: Path,
    imap: Imap,
    wrong_before: int,
    told: type[Exception],
) -> None:
    other.wrong_passwords = wrong_before
    account = Credentials(other.customer.name, "not-the-password", "", imap_url=imap.url)
    site = open_site(account, browser_executable=str(chromium))
    (reading,) = site.read_products(list(other.books)[:1])
    assert reading.page is None
    assert isinstance(site.stopped_by, told)
    assert other.asked["/anmeldung/kennwort.do"] == 2, "its page, and the password once"
