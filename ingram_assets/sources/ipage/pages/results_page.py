"""A page of a search's results: the books it lists, how many there are in all, and where its links lead.

What the site's own looks like is not known. Books beside the results (carousels, "also bought") are left out,
and a page on which it can't be told which books are the results is refused: nothing is tracked on a guess.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.sources.ipage.pages import charsets, fields, recognize
from ingram_assets.sources.ipage.pages.page_failures import NotFound, PageChanged
from ingram_assets.sources.ipage.pages.result_rows import BookList, Books, Row
from ingram_assets.sources.ipage.pages.result_sections import within_count
from ingram_assets.sources.ipage.pages.saved_search import ListedTitle, RejectedRow
from ingram_assets.sources.ipage.pages.visible_text import flowing_text
from ingram_assets.sources.ipage.profile.page_words import N, totals
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in

_RANGE = re.compile(
    rf"(?<![0-9$.]){N}\s*(?:-|–|—|to|through)\s*{N}\s+(?:of|from|out of)\s+(?:about\s+)?{N}\b", re.I
)


_NONE = re.compile(r"\b(?:did\s+not|didn.t|does\s+not)\s+(?:match|return)\b()", re.I)
"""That a search has no title. Where a pattern of totals finds no number there is none."""
_UNSURE = (
    *totals(r"(?:items?|products?|records?|books?|entries)"),
    re.compile(r"\b(?:did\s+not|didn.t)\s+find\b()|\b(?:found|returned)\s+(?:no\b|nothing)()", re.I),
)
"""In words that may be of the cart, too: that there is none is believed where there is no book."""
_CART = re.compile(
    r"\b(?:cart|basket|bag|order|lists?)\b\W{0,3}[0-9][0-9,]*\s+\w+|[0-9,]+\s+\w+\s+in\s+(?:your|the)\b|"
    r"\b(?:cart|basket|bag)\s+(?:has|holds|contains|items?)\W{1,3}[0-9][0-9,]*(?:\s+\w+)?",
    re.I,
)
_HEADED_AS_A_CART = re.compile(r"\W*(?:(?:my|your|the|shopping)\s+){0,2}(?:cart|basket|bag)\b", re.I)
_NEXT = re.compile(
    r"\W*(?:next|more\s+(?:results|titles))(?:\s+(?:page|\d+|results|titles|items))?\W*", re.IGNORECASE
)
_ARROWS = (">", "›", "→", "▶", "►", "»")
_PAGER = "[class*=pag i], [id*=pag i], [class*=pager i], [role=navigation], [aria-label*=pag i]"
_HERE = "[aria-current], .active, .current, .selected, .currentPage, .on, strong, b"
_EXPORT = re.compile(r"download|export|excel|spreadsheet|\b(?:csv|xlsx?)\b", re.IGNORECASE)
_IN_A_SCRIPT = re.compile(r"[\"'](/[^\"'<>\s]{1,2000}|https?://[^\"'<>\s]{1,2000})[\"']")
_PRICE = re.compile(
    r"(?<!your )(?<!net )(?<!can )(?<!canadian )(?<!uk )\b(?:(?:us|u\.s\.)\s+)?"
    r"(?:srp|msrp|list\s+price|us\s+list|retail\s+price|price)(?:\s*\(us\))?\s*[:.]?\s*"
    r"((?:usd?\s*)?\$?\s*[0-9][0-9.,]*)",
    re.IGNORECASE,
)
_WORDS_OF_LINKS = re.compile(
    r"\W*(?:view|details?|more|add to (?:cart|list)|see|hardcover|paperback|e-?book|audio(?:book)?|cd|"
    r"[0-9Xx\s-]{10,17})\b.{0,12}",
    re.IGNORECASE,
)
_MOST_LINKS = 5_000
_NAMED = 5


class NothingListed(NotFound):
    """The page is one of results, and lists no title."""


@dataclass(frozen=True, slots=True)
class ResultsPage:
    """What a page of results says.

    Attributes:
        total: how many titles the search has, as the page says; `None`: it does not say.
        next_page, export: where its links lead, from the host on; `None`: it has none.
        warnings: what was left out or not understood, for a person.
        headed: ISBNs that stand under a heading of other books, and are left out.
    """

    titles: tuple[ListedTitle, ...]
    rejected: tuple[RejectedRow, ...] = ()
    total: int | None = None
    next_page: str | None = None
    export: str | None = None
    warnings: tuple[str, ...] = ()
    headed: tuple[str, ...] = ()


def read_results_page(
    html: str | bytes, address: str = "", profile: SiteProfile | None = None
) -> ResultsPage:
    """The books that a page of results lists.

    Args:
        address: where it came from, for the links on it; of a saved page it is not known.

    Raises:
        SessionExpired, Blocked, NotFound: that page came in its place. NothingListed: it lists no title.
        PageChanged: it is no page of results, or it can't be told which of its books are.
    """
    profile = profile or built_in()
    text = html if isinstance(html, str) else charsets.decode(html)
    tree = recognize.parse(text)
    recognize.raise_unless_page(recognize.recognize_tree(tree, text, profile))
    recognize.refuse_cut_page(text)
    if tree.css_first("#pd-title, .productDetailTitle") is not None:
        raise PageChanged("results", "it is the page of one title; ingram enrich takes a title's ISBN.")
    links, books = _Links(tree, address, profile), Books(tree, profile)
    count = _Count.of(tree, profile)
    if not books.are_there and count.total:
        books.take_all()
    lists = books.lists()
    if count.total == 0 and (not lists or (count.is_sure and not any(found.has_column for found in lists))):
        raise NothingListed(f"The search lists no title now (“{count.words.strip()}”).", in_words=True)
    if not lists:
        raise PageChanged("results", "no title stands on it that can be told by its ISBN.")
    if count.total is None and (heading := _cart_heading(tree)):
        raise PageChanged("results", f"it is a cart's page (“{heading}”), and no search's.")
    chosen, beside = _the_results(lists, count)
    chosen, others = within_count(tree, chosen, count.limit, count.words)
    beside |= others
    is_told = count.total is not None or links.export or links.next_page or links.needs_a_script
    if not (is_told or chosen.has_column):
        raise PageChanged(
            "results",
            "books stand on it, but nothing says that they are a search's results: no count, no "
            "column of ISBNs, no Download link.",
        )
    titles, rejected = _read(chosen.rows, profile)
    warnings = _warnings(beside, links)
    headed = sorted(books.headed - beside - {title.isbn for title in titles})
    return ResultsPage(titles, rejected, count.total, links.next_page, links.export, warnings, tuple(headed))


def left_out(isbns: Iterable[str]) -> str:
    """That these books beside the results were left out, in a sentence."""
    found = sorted(isbns)
    more = ", …" if len(found) > _NAMED else ""
    named = ", ".join(found[:_NAMED])
    return f"Books beside the results were left out: {len(found)} of them ({named}{more})."


def _warnings(beside: set[str], links: "_Links") -> tuple[str, ...]:
    found = [left_out(beside)] if beside else []
    if links.needs_a_script:
        found.append("The link to its next page is a script, which can't be followed.")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Count:
    """How many titles the page says there are, and how many it says it shows.

    `is_sure`: in words that are of nothing else.
    """

    total: int | None = None
    shown: int | None = None
    is_sure: bool = False
    words: str = ""

    @property
    def limit(self) -> int | None:
        """So many titles the page may show, in words that are of nothing else; `None`: it does not say."""
        return (self.total if self.shown is None else self.shown) if self.is_sure else None

    @classmethod
    def of(cls, tree: LexborHTMLParser, profile: SiteProfile) -> "_Count":
        """By the words outside of links, which may be a title's."""
        if tree.body is None:
            return cls()
        shown = flowing_text(tree.body, without=lambda node: node.tag in ("a", "nav", "select"))
        text = _CART.sub(" ", profile.numbers.number(" ".join(shown.split())))
        sure = (*profile.words.totals, _NONE)
        if (ranged := _RANGE.search(text)) is not None:
            first, last, total = map(_number, ranged.groups())
            if first <= last <= total:
                return cls(total, last - first + 1, True, ranged[0])
        for patterns in (sure, _UNSURE):
            for pattern in patterns:
                found = {_number(match[match.lastindex or 0]): match[0] for match in pattern.finditer(text)}
                if len(found) == 1:
                    total, words = found.popitem()
                    return cls(total, None, patterns is sure, words)
        return cls()


def _cart_heading(tree: LexborHTMLParser) -> str | None:
    """The heading of the page, or of a table on it, that says that a cart's books follow."""
    texts = (" ".join(node.text(deep=True)[:200].split()) for node in tree.css("h1, caption, legend")[:50])
    return next((text[:60] for text in texts if _HEADED_AS_A_CART.match(text)), None)


def _number(text: str) -> int:
    return int(re.sub("[^0-9]", "", text) or 0)


def _the_results(lists: list[BookList], count: _Count) -> tuple[BookList, set[str]]:
    """The list that is the search's, and the books of the others."""
    chosen = lists
    for fits in (
        lambda found: found.has_column,
        lambda found: len(found.isbns) in (count.shown, count.total),
        lambda found: len(found.rows) > 1,
    ):
        if len(chosen) > 1 and any(map(fits, chosen)):
            chosen = [found for found in chosen if fits(found)]
    if len(chosen) > 1:
        sizes = " and ".join(str(len(found.isbns)) for found in chosen[:5])
        raise PageChanged(
            "results", f"lists of {sizes} books stand on it, and which is the search's can't be told."
        )
    others = [isbn for found in lists if found is not chosen[0] for isbn in found.isbns]
    return chosen[0], set(others) - chosen[0].isbns


def _read(
    rows: Iterable[Row], profile: SiteProfile
) -> tuple[tuple[ListedTitle, ...], tuple[RejectedRow, ...]]:
    found: dict[str, ListedTitle] = {}
    rejected = []
    for number, row in enumerate(rows, start=1):
        if (isbn := row.isbn()) is None:
            rejected.append(_rejected(number, row))
            continue
        title, price = _title(row, isbn, profile), _price(row, profile)
        known = found.get(isbn)
        found[isbn] = ListedTitle(
            isbn, (known and known.title) or title, (known and known.srp_price) or price
        )
    return tuple(found.values()), tuple(rejected)


def _rejected(number: int, row: Row) -> RejectedRow:
    names = sorted(row.isbns())
    shown = fields.clean(row.node.text(deep=True, separator=" ")[:2_000])[:80]
    if names:
        return RejectedRow(number, shown, f"It names several books: {', '.join(names[:3])}.")
    return RejectedRow(
        number, row.bad.value if row.bad else shown, row.bad.reason if row.bad else "It has no ISBN."
    )


def _title(row: Row, isbn: str, profile: SiteProfile) -> str | None:
    header = row.header
    if header is not None and header.title is not None and header.title < len(row.cells):
        return row.cells[header.title] or None
    own = {sign.node.mem_id for sign in row.signs if sign.isbn == isbn and sign.how == "link"}
    texts = []
    for link in row.node.css("a[href]"):
        href = link.attributes.get("href") or ""
        is_of_it = link.mem_id in own or (not own and profile.product_link.search(href))
        text = fields.clean(flowing_text(link))
        if is_of_it and text and not _WORDS_OF_LINKS.fullmatch(text):
            texts.append(text)
    return max(texts, key=len, default=None)


def _price(row: Row, profile: SiteProfile) -> Decimal | None:
    header = row.header
    if header is not None and header.price is not None:
        text = row.cells[header.price] if header.price < len(row.cells) else ""
        return fields.read_price(profile.numbers.price(text))[0]
    text = profile.numbers.number(" ".join(flowing_text(row.node).split()))
    prices = {price for found in _PRICE.findall(text) if (price := fields.read_price(found.rstrip(".,"))[0])}
    return prices.pop() if len(prices) == 1 else None


class _Links:
    """Where a page of results leads: to its next page, and to its export."""

    def __init__(self, tree: LexborHTMLParser, address: str, profile: SiteProfile) -> None:
        self._address, self._words = address, profile.words
        self.needs_a_script = False
        links = tree.css("a[href], a[onclick], button[onclick], link[rel=next]")[:_MOST_LINKS]
        self.export = next(filter(None, map(self._export, links)), None)
        self.next_page = self._next(tree, links)

    def _export(self, link: LexborNode) -> str | None:
        attributes = link.attributes
        named = " ".join(
            filter(None, (link.id, attributes.get("class"), attributes.get("title"), attributes.get("href")))
        )
        shown = link.text(deep=True)[:200]
        is_named = _EXPORT.search(f"{named} {attributes.get('onclick') or ''} {shown}")
        if not (is_named or self._words.download.search(shown)):
            return None
        return self._leads_to(link)

    def _next(self, tree: LexborHTMLParser, links: list[LexborNode]) -> str | None:
        for fits in (self._is_next, *(lambda link, arrow=arrow: _text(link) == arrow for arrow in _ARROWS)):
            for link in links:
                if fits(link) and not _is_off(link):
                    if (found := self._leads_to(link)) is not None:
                        return found
                    self.needs_a_script |= not (link.attributes.get("href") or "#").startswith("#") or bool(
                        link.attributes.get("onclick")
                    )
        return self._by_number(tree)

    def _is_next(self, link: LexborNode) -> bool:
        attributes = link.attributes
        if "next" in (attributes.get("rel") or "").lower().split():
            return True
        names = (_text(link), attributes.get("aria-label") or "", attributes.get("title") or "")
        return any(_NEXT.fullmatch(name) or self._words.next_page.match(name) for name in names if name)

    def _by_number(self, tree: LexborHTMLParser) -> str | None:
        """The link with the number behind that of this page, in a row of numbers."""
        for pager in tree.css(_PAGER):
            numbers = {
                text: link for link in pager.css("a") if (text := _text(link)).isdecimal() and len(text) < 6
            }
            here = [text for node in pager.css(_HERE) if (text := _text(node)).isdecimal() and len(text) < 6]
            if not numbers:
                continue
            page = int(here[0]) if here else 1
            if (link := numbers.get(str(page + 1))) is not None:
                found = self._leads_to(link)
                self.needs_a_script |= found is None
                return found
        return None

    def _leads_to(self, link: LexborNode) -> str | None:
        """The path of a link's address on the same host; of a script's, where it names one."""
        href = (link.attributes.get("href") or "").strip()
        if not href or href.startswith("#") or href.lower().startswith(("javascript:", "mailto:", "data:")):
            named = _IN_A_SCRIPT.search(f"{href} {link.attributes.get('onclick') or ''}")
            if named is None:
                return None
            href = named[1]
        try:
            here, there = urlsplit(self._address), urlsplit(urljoin(self._address, href))
        except ValueError:
            return None
        if there.scheme not in ("", "http", "https") or (here.hostname and there.hostname != here.hostname):
            return None
        return there.path + (f"?{there.query}" if there.query else "") or None


def _text(node: LexborNode) -> str:
    return " ".join(node.text(deep=True)[:200].split())


def _is_off(link: LexborNode) -> bool:
    around = [link, *([link.parent] if link.parent is not None else [])]
    return any(
        "disabled" in (node.attributes.get("class") or "").lower()
        or "disabled" in node.attributes
        or node.attributes.get("aria-disabled") == "true"
        for node in around
    )
