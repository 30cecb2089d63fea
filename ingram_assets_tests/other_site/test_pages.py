"""The other site's pages, read by its site.toml and by all but one entry of it."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ingram_assets.domain.failures import IngramError
from ingram_assets.domain.site_file import parse_site_file
from ingram_assets.sources.ipage.pages import ProductPage, parse_product_page
from ingram_assets.sources.ipage.pages.helpful_entries import helpful_entries
from ingram_assets.sources.ipage.pages.page_failures import NotFound
from ingram_assets.sources.ipage.pages.understood import understand
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, profile_with
from ingram_assets_tests.other_site.books import Book
from ingram_assets_tests.other_site.server import running_other_site
from ingram_assets_tests.other_site.truth import SITE_FILE, details_in, details_of, stock_in, stock_of

ENTRIES = tomllib.loads(SITE_FILE.read_text())
SECTIONS = ("labels", "headings", "centers", "numbers", "words")
OF_PAGES = [(section, key) for section in SECTIONS for key in ENTRIES[section]]

Pages = list[tuple[Book, bytes]]


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    """Every book's page, with its stock table upright and lying on its side."""
    with (
        running_other_site() as site,
        httpx.Client(
            base_url=site.url, headers={"cookie": site.signed_in_cookie()}, trust_env=False
        ) as client,
    ):
        found = []
        for site.turned in (False, True):
            for book in site.books.values():
                page = client.get("/shop/artikel.do", params={"ean": book.ean})
                found.append((book, page.content))
        yield found


def profile_of(entries: dict[str, Any]) -> SiteProfile:
    lines = []
    for section, table in entries.items():
        lines.append(f"[{section}]")
        lines += [f"{_quoted(key)} = {_quoted(value)}" for key, value in table.items()]
    return profile_with(parse_site_file("\n".join(lines).encode(), None))


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read(page: bytes, profile: SiteProfile) -> ProductPage | None:
    try:
        return parse_product_page(page, profile)
    except IngramError:
        return None


def test_every_page_is_read_as_the_site_has_it(pages: Pages) -> None:
    profile = profile_of(ENTRIES)
    for book, page in pages:
        if book.kind == "not listed":
            with pytest.raises(NotFound):
                parse_product_page(page, profile)
            continue
        found = parse_product_page(page, profile)
        assert details_in(found, book) == details_of(book)
        assert stock_in(found.stock) == stock_of(book), book.ean


@pytest.mark.parametrize(("section", "key"), OF_PAGES, ids=[f"{section} {key}" for section, key in OF_PAGES])
def test_without_one_entry_less_is_read_and_nothing_false(pages: Pages, section: str, key: str) -> None:
    entries = ENTRIES | {section: {name: words for name, words in ENTRIES[section].items() if name != key}}
    profile = profile_of(entries)
    of_each_kind = {
        (place < len(pages) / 2, book.kind): (book, page) for place, (book, page) in enumerate(pages)
    }
    for book, page in of_each_kind.values():
        if (found := read(page, profile)) is None:
            continue
        assert_nothing_false(found, book)


def assert_nothing_false(found: ProductPage, book: Book) -> None:
    """Each value of the page is right, or is not there."""
    assert book.kind != "not listed"
    right, missing = details_of(book), (None, [], ())
    for name, value in details_in(found, book).items():
        is_right = set(value) <= set(right[name]) if name == "restrictions" else value == right[name]
        assert is_right or value in missing, (book.ean, name)
    truth = stock_of(book) or {}
    for center, counts in (stock_in(found.stock) or {}).items():
        for count, true in zip(counts, truth[center], strict=True):
            assert count in (true, None), (book.ean, center)


def test_what_read_proposes_brings_nothing_false_if_it_is_pasted_as_it_stands(pages: Pages) -> None:
    strange = {(one.what, one.words): one for _, page in reversed(pages) for one in understand(page).strange}
    lines = helpful_entries(strange.values())
    assert 'decimal = ","' in lines
    assert any(line.startswith('# pub_date = ["Ersch.-Dat."]  # beside it ') for line in lines)
    assert any(line.startswith('# weight = ["Gew."]  # beside it ') for line in lines)
    assert '# price = ["Ladenpr."]  # beside it "12,50 $"' in lines
    profile = profile_of(tomllib.loads("\n".join(lines)))
    for book, page in pages:
        if (found := read(page, profile)) is not None:
            assert_nothing_false(found, book)
