"""What is believed of the site, as its readers go by it: our entries with a shop's own over them.

An immutable object that is handed on to whoever reads a page. What its words are compiled to is kept with it,
so that a page costs nothing of that.
"""

import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from urllib.parse import quote

from ingram_assets.domain.isbn import isbn10_of
from ingram_assets.domain.site_file import SiteEntries, as_phrase, parse_site_file
from ingram_assets.sources.ipage.profile.column_words import ColumnWords
from ingram_assets.sources.ipage.profile.label_names import LabelNames
from ingram_assets.sources.ipage.profile.number_forms import NumberForms
from ingram_assets.sources.ipage.profile.page_words import PageWords
from ingram_assets.sources.ipage.profile.role_words import RoleWords
from ingram_assets.sources.ipage.profile.sign_in_words import SignInWords
from ingram_assets.sources.ipage.profile.stock_words import StockWords

SITE_FILE = resources.files("ingram_assets.sources.ipage") / "site.toml"
"""The entries that come with the program."""

_PRODUCT_LINK = r"/productdetail\b|\.pd1000\b|[?&](?:ean|isbn)\w*="


@dataclass(frozen=True, eq=False)
class SiteProfile:
    """What is believed of the site.

    Attributes:
        entries: ours and the shop's own, as one.
    """

    entries: SiteEntries

    def __reduce__(self) -> tuple[type["SiteProfile"], tuple[SiteEntries]]:
        # Another process compiles its words anew.
        return SiteProfile, (self.entries,)

    @property
    def fingerprint(self) -> str:
        """Another one as soon as anything that is believed of the site is."""
        return self.entries.fingerprint

    @cached_property
    def labels(self) -> LabelNames:
        """Names of the labels on a product page."""
        return LabelNames(self.entries.labels)

    def element(self, field: str) -> str:
        """What finds the elements that hold a field without a label; "" if nobody has told."""
        return ", ".join(self.entries.elements[field])

    @cached_property
    def numbers(self) -> NumberForms:
        """How numbers and dates are written."""
        return NumberForms(self.entries)

    @cached_property
    def stock(self) -> StockWords:
        """The words of stock tables."""
        return StockWords(self.entries.headings, self.entries.centers, self.numbers, self.entries.words)

    def publisher_status(self, words: str) -> str:
        """What a page says of the publisher's status, in the words that are understood; or as it stands."""
        return self.entries.statuses.get(as_phrase(words), words)

    def binding(self, words: str) -> str:
        """What a page calls a binding, in the words that are understood; or as it stands."""
        return self.entries.bindings.get(as_phrase(words), words)

    @cached_property
    def roles(self) -> RoleWords:
        """The roles of a book's contributors."""
        return RoleWords(self.entries.roles)

    @cached_property
    def columns(self) -> ColumnWords:
        """The columns of an export, and of tables of results."""
        return ColumnWords(self.entries.columns)

    @cached_property
    def words(self) -> PageWords:
        """What pages say."""
        return PageWords(self.entries)

    @cached_property
    def sign_in(self) -> SignInWords:
        """What the pages on the way in say."""
        return SignInWords(self.entries.sign_in)

    @cached_property
    def product_link(self) -> re.Pattern[str]:
        """Finds in a link's address that it leads to a title's page."""
        before = self.entries.addresses["product"][0].partition("{")[0]
        return re.compile(rf"{_PRODUCT_LINK}|{re.escape(before)}[0-9]", re.IGNORECASE)

    @property
    def home(self) -> str:
        """The page that a sign-in leads to, from the host on."""
        return self.entries.addresses["home"][0]

    @property
    def login(self) -> str:
        """The page where a sign-in begins."""
        return self.entries.addresses["login"][0]

    def product_path(self, isbn: str) -> str:
        """Where a title's page is; without an ISBN-10 that place in it stays empty."""
        return _filled(self.entries.addresses["product"][0], isbn=isbn, isbn10=isbn10_of(isbn) or "")

    def cover_paths(self, isbn: str) -> list[str]:
        """Where a title's cover may be, to be asked for in this order."""
        ten = isbn10_of(isbn)
        templates = self.entries.addresses["covers"]
        return [
            _filled(template, isbn=isbn, isbn10=ten or "")
            for template in templates
            if ten is not None or "{isbn10}" not in template
        ]

    def export_path(self, search: str, total: int) -> str:
        """Where the export of a saved search is, of so many titles."""
        return _filled(self.entries.addresses["search_export"][0], search=search, page="1", total=str(total))

    def results_path(self, search: str, page: int, total: int) -> str:
        """Where a page of a saved search's results is; the first one is 1."""
        template = self.entries.addresses["search_results"][0]
        return _filled(template, search=search, page=str(page), total=str(total))

    @property
    def guesses_results(self) -> bool:
        """Whether nobody of the shop has said where the results of a search are."""
        return self.entries.addresses["search_results"] == built_in().entries.addresses["search_results"]

    @property
    def numbers_pages(self) -> bool:
        """Whether the address of the results takes a page's number."""
        return "{page}" in self.entries.addresses["search_results"][0]


@cache
def built_in() -> SiteProfile:
    """What comes with the program."""
    return SiteProfile(parse_site_file(SITE_FILE.read_bytes(), None))


def profile_with(own: SiteEntries) -> SiteProfile:
    """What comes with the program, with a shop's own entries over it."""
    return SiteProfile(built_in().entries.under(own))


def _filled(template: str, **values: str) -> str:
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", quote(value, safe=""))
    return template
