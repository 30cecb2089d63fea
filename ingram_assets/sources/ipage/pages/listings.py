"""What lists the titles of a search, whatever it is: an export, a page of results, or a list of ISBNs."""

import re

from selectolax.lexbor import LexborNode

from ingram_assets.sources.ipage.pages import archives, charsets, recognize
from ingram_assets.sources.ipage.pages.export_file import MAX_BYTES, text_of
from ingram_assets.sources.ipage.pages.isbn_list import read_isbn_list
from ingram_assets.sources.ipage.pages.page_failures import PageChanged
from ingram_assets.sources.ipage.pages.results_page import ResultsPage, read_results_page
from ingram_assets.sources.ipage.pages.saved_search import SavedSearch, read_saved_search
from ingram_assets.sources.ipage.pages.visible_text import flowing_text
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in

_COLUMNS = re.compile(r"\A\ufeff?(?:[ \t]*(?:#.*)?[\r\n]+)*[^\r\n#]*[,;\t|]")
"""A first line of several cells."""
_NOT_OF_A_FILE = "form, input, button, nav"
"""Elements of a page for people; an export that is HTML has its table and nothing else."""
_MOST_ROWS = 4_000
"""No page for people has more of them, whatever stands around them."""


def read_listing(data: bytes, profile: SiteProfile | None = None) -> SavedSearch | ResultsPage:
    """An export, or a page of results that came in its place.

    Args:
        data: a `Body` knows where it came from, for the links on a page.

    Raises:
        SessionExpired, Blocked, NotFound, PageChanged: as `read_results_page` and `read_saved_search`.
    """
    profile = profile or built_in()
    if (html := _page_in(data, profile)) is None:
        return read_saved_search(data, profile)
    return read_results_page(html, data.url if isinstance(data, charsets.Body) else "", profile)


def read_file(data: bytes, profile: SiteProfile | None = None) -> SavedSearch | ResultsPage:
    """A file of a person's: as `read_listing`; or a list of ISBNs.

    Raises:
        As `read_listing`.
    """
    profile, text = profile or built_in(), text_of(data)
    if text is None or not text.strip() or recognize.looks_like_html(text[:4_000].encode("utf-8", "replace")):
        return read_listing(data, profile)
    try:
        found = read_saved_search(data, profile)
    except PageChanged as error:
        if error.label != "ISBN":
            raise
        return _of_a_list(text, error, profile)
    # A heading above a list makes no sheet of it: a line of it may hold several ISBNs, and comments.
    return found if _COLUMNS.search(text) else _better(found, read_isbn_list(text, profile))


def _of_a_list(text: str, error: PageChanged, profile: SiteProfile) -> SavedSearch:
    found = read_isbn_list(text, profile)
    if found.titles:
        return found
    first = f" Line {row.row}: {row.reason}" if (row := next(iter(found.rejected), None)) else ""
    raise PageChanged("ISBN", f"no ISBN stands in it, nor a column of this name.{first}") from error


def _better(sheet: SavedSearch, plain: SavedSearch) -> SavedSearch:
    """The reading that finds more titles, or leaves less that it does not understand."""
    return max(sheet, plain, key=lambda found: (len(found.titles), -len(found.rejected)))


def _page_in(data: bytes, profile: SiteProfile) -> str | None:
    """The page for people that the data is, also one saved with all that belongs to it; else `None`."""
    if archives.kind_of(data) == "a web archive":
        pages = [text for _, content in archives.files_of(data, MAX_BYTES) if (text := text_of(content))]
        return next((text for text in pages if _is_for_people(text, profile)), None)
    text = text_of(data)
    return text if text is not None and _is_for_people(text, profile) else None


def _is_for_people(text: str, profile: SiteProfile) -> bool:
    is_html = recognize.looks_like_html(text[:4_000].encode("utf-8", "replace"))
    if not is_html or recognize.other_root(text) is not None or len(text) > recognize.MAX_CHARACTERS:
        return False  # so long is an export alone
    if re.search(r"<script\b", text, re.IGNORECASE):
        return True
    tree = recognize.parse(text)
    has_more = tree.css_first(_NOT_OF_A_FILE) is not None
    if has_more or any(not _is_in_a_cell(link) for link in tree.css("a[href]")[:200]):
        return True
    if tree.body is None or len(tree.css("tr")) > _MOST_ROWS:
        return False
    # A count says which of its rows are the search's; below a heading others may stand.
    around = flowing_text(tree.body, without=lambda node: node.tag == "table")
    says_how_many = any(pattern.search(around) for pattern in profile.words.totals)
    return says_how_many or any(not _is_in_a_cell(node) for node in tree.css("h1, h2, h3, h4, h5, h6")[:200])


def _is_in_a_cell(node: LexborNode) -> bool:
    at: LexborNode | None = node
    while at is not None and at.tag not in ("td", "th"):
        at = at.parent
    return at is not None
