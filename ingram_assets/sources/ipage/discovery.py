"""Which titles a saved search has: its export and its page of results are read and compared.

Neither is known for sure: the export's address is an older one, that of the results is what a person copied.
So each stands in for the other, and where both are had and differ, a title that either lists is taken.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from ingram_assets.domain.failures import IngramError, NeedsPerson, Stopped, Transient
from ingram_assets.domain.saved_searches import is_address, with_total
from ingram_assets.sources.ipage.access.cancellation import Canceled
from ingram_assets.sources.ipage.pages.page_failures import NotFound, PageChanged, SessionExpired
from ingram_assets.sources.ipage.pages.results_page import NothingListed, ResultsPage
from ingram_assets.sources.ipage.pages.saved_search import ListedTitle, RejectedRow, SavedSearch
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in

MAX_PAGES = 400
"""Pages of results that are read of a search at most: 10,000 titles at 25 a page."""

EXPORT_LIMIT = 20_000
"""Titles that the export is asked for, since it wants to be told how many there are."""

_SHOWN = 5

Fetch = Callable[[str, bool], SavedSearch | ResultsPage]
"""What stands at a path; and whether it is all that is known of the search, so that a lost session shows."""
Tell = Callable[[int, int | None], None]
"""Is told how many titles were found so far, and of how many, if the page says that."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search lists.

    Attributes:
        notes: how its sources differ, and what of it could not be had.
        export: the ISBNs of the export by itself; `None`: it was not had.
    """

    titles: tuple[ListedTitle, ...]
    rejected: tuple[RejectedRow, ...] = ()
    notes: tuple[str, ...] = ()
    export: frozenset[str] | None = None


@dataclass(slots=True)
class _Pages:
    """The pages of results, as one. `ended`: why no more were read, where there are more."""

    titles: dict[str, ListedTitle] = field(default_factory=dict)
    rejected: list[RejectedRow] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    read: int = 0
    total: int | None = None
    ended: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether as many were read as the search has, by what its pages say."""
        return self.total is not None and len(self.titles) + len(self.rejected) >= self.total

    def add(self, page: ResultsPage) -> bool:
        """Whether it lists a title that those before it do not."""
        before = len(self.titles)
        self.read += 1
        for title in page.titles:
            self.titles.setdefault(title.isbn, title)
        self.rejected += [replace(row, reason=f"page {self.read}: {row.reason}") for row in page.rejected]
        self.warnings.update(dict.fromkeys(page.warnings))
        self.total = page.total if page.total is not None else self.total
        return len(self.titles) > before


def discover(
    search: str,
    fetch: Fetch,
    tell: Tell = lambda found, total: None,
    profile: SiteProfile | None = None,
) -> Found:
    """The titles of a search.

    Args:
        search: as `named_search` gives it.
        fetch: reads what stands at a path.
        profile: what is believed of the site; without one, what comes with the program.

    Raises:
        NotFound: there is no such search. NothingListed: there is, and it lists no title.
        PageChanged: what came is neither an export nor a page of results.
        Blocked, NeedsPerson, Transient, Permanent: nothing could be had.
    """
    profile = profile or built_in()
    sources = _Sources(fetch, search, profile)
    exports, results = _paths_of(search, profile)
    for path in exports:
        if sources.export is None and sources.first is None:
            sources.look(path)
    if sources.first is None and results is not None:
        sources.look(results, guessed=search if profile.guesses_results else None)
    if sources.first is not None and sources.export is None and (link := sources.first.export) is not None:
        sources.look(link)
    pages, why = sources.pages(tell)
    if sources.export is not None and not sources.export.titles and pages is not None:
        sources.export = None
        sources.problems.insert(0, NothingListed("it lists no title"))
    if pages is None:
        return _of_the_export(sources, why)
    return _of_both(sources.export, pages, sources.problems)


def _paths_of(search: str, profile: SiteProfile) -> tuple[list[str], str | None]:
    """Where the export may be had, best first; and where the page of results is, if that is elsewhere."""
    if is_address(search):
        return list(dict.fromkeys((with_total(search, EXPORT_LIMIT), search))), None
    return [profile.export_path(search, EXPORT_LIMIT)], profile.results_path(search, 1, EXPORT_LIMIT)


class _Sources:
    """What was had of the search so far."""

    def __init__(self, fetch: Fetch, search: str, profile: SiteProfile) -> None:
        self._fetch, self._search, self._profile = fetch, search, profile
        self.export: SavedSearch | None = None
        self.first: ResultsPage | None = None
        self._seen: set[str] = set()
        self.problems: list[IngramError] = []

    def look(self, path: str, guessed: str | None = None) -> None:
        """Takes what stands there, if it can be had and was not looked at yet.

        Args:
            guessed: the search, where nobody knows whether the path leads to it: then a page has to show it.
        """
        if path in self._seen:
            return
        self._seen.add(path)
        try:
            found = self._fetch(path, self.export is None and self.first is None)
            if guessed is not None and not self._shows(found, guessed):
                raise PageChanged(
                    "results", "the address was guessed, and leads to titles of another search."
                )
        except Canceled:
            raise
        except IngramError as error:
            if isinstance(error, Stopped | NeedsPerson | SessionExpired) and self.export is None:
                raise
            self.problems.append(error)
            return
        if isinstance(found, ResultsPage):
            self.first = self.first or found
        elif self.export is None:
            self.export = found

    def _shows(self, found: SavedSearch | ResultsPage, search: str) -> bool:
        """Whether a page is of this search: it lists what the export does, or its links name it."""
        if self.export is not None and self.export.titles:
            of_export = {title.isbn for title in self.export.titles}
            return 2 * sum(title.isbn in of_export for title in found.titles) >= len(found.titles)
        links = (found.next_page, found.export) if isinstance(found, ResultsPage) else ()
        return any(re.search(rf"=\s*{re.escape(search)}(?![\w-])", link or "") for link in links)

    def pages(self, tell: Tell) -> tuple[_Pages | None, str | None]:
        """All pages of results from the first on; or why there are none."""
        if self.first is None:
            return None, str(self.problems[0]) if self.problems else None
        pages, page = _Pages(), self.first
        while True:
            is_new = pages.add(page)
            tell(len(pages.titles), pages.total)
            path = page.next_page or self._by_number(pages)
            if path is None or path in self._seen or not is_new:
                is_end = path is None or path in self._seen or self._is_past_the_end(page, pages)
                pages.ended = None if is_end else "the next page lists the same titles"
                return pages, None
            if pages.read >= MAX_PAGES:
                pages.ended = f"no more than {MAX_PAGES} pages are read"
                return pages, None
            self._seen.add(path)
            try:
                page = self._page(path)
            except Canceled:
                raise
            except IngramError as error:
                if isinstance(error, NotFound) and self._is_past_the_end(page, pages):
                    return pages, None
                if self.export is None:
                    raise
                pages.ended = f"page {pages.read + 1} could not be read ({error})"
                return pages, None

    def _by_number(self, pages: _Pages) -> str | None:
        """Where the next page is by its number, on a site whose pages have no link to it."""
        if not self._profile.numbers_pages or is_address(self._search) or pages.is_whole:
            return None
        return self._profile.results_path(self._search, pages.read + 1, EXPORT_LIMIT)

    def _is_past_the_end(self, page: ResultsPage, pages: _Pages) -> bool:
        """Whether what follows was asked for by its number, and nobody knows whether it is there."""
        return page.next_page is None and pages.total is None

    def _page(self, path: str) -> ResultsPage:
        found = self._fetch(path, False)
        if not isinstance(found, ResultsPage):
            raise PageChanged("results", "a file came in place of the next page of results.")
        return found


def _of_the_export(sources: _Sources, why: str | None) -> Found:
    """The export alone serves; without it, what went wrong."""
    if (export := sources.export) is None:
        raise _most_telling(sources.problems)
    notes = [*export.warnings, *_is_cut(export)]
    if why is not None:
        notes.append(
            f"The page of results could not be read beside the export ({why}): the export alone serves. To "
            "have both, set IPAGE_SAVED_SEARCH_ID to the whole address of that page."
        )
    isbns = frozenset(title.isbn for title in export.titles)
    return Found(export.titles, export.rejected, tuple(notes), isbns)


def _most_telling(problems: list[IngramError]) -> IngramError:
    """What may pass comes first, so that it is tried again; a bare status that is no page comes last."""
    for kind in (Transient, NothingListed):
        if (found := next((error for error in problems if isinstance(error, kind)), None)) is not None:
            return found
    bare = [error for error in problems if isinstance(error, NotFound) and not error.in_words]
    return next((error for error in problems if error not in bare), problems[0])


def _is_cut(export: SavedSearch | None) -> list[str]:
    if export is None or len(export.titles) < EXPORT_LIMIT:
        return []
    return [f"The export has {len(export.titles):,} titles, which may not be all of them."]


def _of_both(export: SavedSearch | None, pages: _Pages, problems: Iterable[IngramError]) -> Found:
    """What the export and the pages of results list, together."""
    notes = [*(export.warnings if export else ()), *pages.warnings, *_is_cut(export)]
    listed = {title.isbn: title for title in export.titles} if export else {}
    together = dict(listed)
    for isbn, title in pages.titles.items():
        known = listed.get(isbn, title)
        together[isbn] = replace(
            known, title=known.title or title.title, srp_price=known.srp_price or title.srp_price
        )
    count = len(pages.titles)
    short = pages.total is not None and not pages.is_whole
    if export is None:
        reason = next(iter(problems), "the page of results has no link to it")
        serve = f"{pages.read:,} pages of results serve" if pages.read > 1 else "the page of results serves"
        notes.append(f"The export could not be had ({reason}): {serve}.")
    elif note := _difference(listed.keys(), pages.titles.keys(), is_whole=not (short or pages.ended)):
        notes.append(f"{note} All {len(together)} are taken.")
    if short and (export is None or len(together) < (pages.total or 0)):
        why = f", as {pages.ended}" if pages.ended else ""
        notes.append(f"The page of results says {pages.total:,} titles; {count:,} could be read there{why}.")
    elif pages.ended:
        notes.append(f"Not all pages of results were read: {pages.ended}.")
    rejected = (*(export.rejected if export else ()), *(pages.rejected))
    return Found(tuple(together.values()), rejected, tuple(notes), frozenset(listed) if export else None)


def _difference(export: Iterable[str], pages: Iterable[str], *, is_whole: bool) -> str | None:
    """How the two differ; what the pages lack is no difference where they were not read to their end."""
    of_export, of_pages = set(export), set(pages)
    parts = [
        f"{len(only)} {'is' if len(only) == 1 else 'are'} {where} alone ({_some(only)})"
        for only, where in (
            (sorted(of_pages - of_export), "on the page of results"),
            (sorted(of_export - of_pages) if is_whole else [], "in the export"),
        )
        if only
    ]
    return f"The export and the page of results differ: {', and '.join(parts)}." if parts else None


def _some(isbns: list[str]) -> str:
    return ", ".join(isbns[:_SHOWN]) + (", …" if len(isbns) > _SHOWN else "")
