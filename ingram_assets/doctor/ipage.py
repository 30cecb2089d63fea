"""iPage itself: the sign-in step by step, one export, three product pages and a cover; ten pages at most."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

from ingram_assets.defs.scraper.from_settings import open_site
from ingram_assets.doctor.browser import BROWSER
from ingram_assets.doctor.clock import off_by
from ingram_assets.doctor.given import OF_LOCATION, SHARED, SITE_TABLE, Given, server_of
from ingram_assets.doctor.mailbox import MAILBOX
from ingram_assets.doctor.model import Check, Observed, Outcome
from ingram_assets.domain.formatting import moment
from ingram_assets.domain.saved_searches import is_address
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.sources.ipage.access.session import SessionLost
from ingram_assets.sources.ipage.login.sign_in import CodeRefused, SignInPageChanged
from ingram_assets.sources.ipage.login.step_pictures import SignInStep
from ingram_assets.sources.ipage.pages.helpful_entries import helpful_entries
from ingram_assets.sources.ipage.pages.page_failures import NotFound, PageChanged
from ingram_assets.sources.ipage.pages.results_page import ResultsPage
from ingram_assets.sources.ipage.pages.understood import (
    FIELDS,
    KINDS,
    Understood,
    called,
    is_read,
    understand,
)
from ingram_assets.sources.ipage.site import PagesUsedUp, RequestBudget, Site, Timeouts
from ingram_assets.whole_files import write_whole

PAUSE, SIGN_IN, CLOCK = "iPage: asked at all", "iPage: sign-in", "iPage: clock"
SEARCH, COVER = "iPage: search export", "iPage: cover"
PAGES = tuple(f"iPage: product page {number}" for number in (1, 2, 3))

MOST_PAGES = 10
CODE_PATIENCE = 60.0
"""Seconds in which a mail with a code should be there. It is asked for twice."""
_VISITS_KEPT = 5
_MOST_STRANGE = 8

_STEPS = {
    **{"login": "the login form", "factor": "the choice of the second factor", "send": "a code is sent"},
    **{"code": "the code", "terms": "terms to accept", "blocked": "the bot wall"},
    **{"expired": "a session that is over", "page": "a page", "nothing": "no page"},
}


class SiteVisit:
    """One visit of the site. `tell` is told what is at work, as it changes."""

    def __init__(self, given: Given, tell: Callable[[str], None]) -> None:
        self._given, self._tell = given, tell
        self._steps: list[str] = []
        self._skew = 0.0
        self._isbns: list[str] = []
        self._last_path = ""
        self._began = datetime.now(UTC)

    @cached_property
    def _site(self) -> Site:
        return open_site(
            self._given.scraper,
            self._given.common,
            f"doctor-{self._began:%Y%m%dT%H%M%S}",
            code_patience=CODE_PATIENCE,
            sign_in_patience=20.0,
            timeouts=Timeouts(connect=10.0, read=15.0, total=20.0),
            visit=RequestBudget(tries=1, most_pages=MOST_PAGES, watch=self._saw),
        )

    @cached_property
    def pictures(self) -> Path:
        """The folder of this visit's pictures, for the owner of the state folder alone."""
        above = self._given.common.state_dir / "ipage" / "doctor"
        above.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in sorted(above.iterdir())[: 1 - _VISITS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        folder = above / f"{self._began:%Y%m%dT%H%M%S}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def cancel(self) -> None:
        """Ends what is under way."""
        self._site.cancel()

    def leave(self) -> None:
        """Keeps the session for the runs, and ends what is under way."""
        if "_site" in self.__dict__:
            self._site.close()

    def pause(self) -> Observed:
        """Whether the site may be asked now."""
        if pause := self._site.pause():
            words = (
                f"It is left alone until {moment(pause.until)}, after a block ({pause.reason}), so nothing "
                "was asked of it. Run ingram doctor again then; or, if iPage answers in a browser, end the "
                "wait with `ingram forget block`."
            )
            return Observed(words, Outcome.MISSING, settings=())
        return Observed("Nothing keeps us from asking.")

    def sign_in(self) -> Observed:
        """Signs in as runs do when a session is lost, whether one is kept or not."""
        settings = self._given.scraper
        if settings.IPAGE_SESSION_COOKIE is not None:
            return self._by_hand()
        try:
            self._site.sign_in()
        except CodeRefused as error:
            if settings.IPAGE_MFA != "totp":
                raise
            return Observed(f"{error} The secret is IPAGE_TOTP_SECRET.", Outcome.MISSING)
        except SignInPageChanged as error:
            words = "In site.toml: new words of its fields and buttons go into [sign_in]."
            return Observed(str(error), Outcome.MISSING, (words, self._if_elsewhere("login")))
        words = f"{settings.IPAGE_USERNAME} is signed in, after {len(self._steps)} pages."
        home = self._site.profile.home.partition("?")[0]
        if not self._last_path or self._last_path == home:
            return Observed(words)
        notice = (
            f"The last one ({self._last_path}) is not the first page of a session ({home}). In site.toml: if "
            "it is a notice, the button that leaves it goes into [sign_in] notice; else [addresses] home."
        )
        return Observed(words, Outcome.NOTE, (notice,))

    def _by_hand(self) -> Observed:
        """Whether the session that a person captured lives."""
        try:
            self._site.open_home()
        except SessionLost:
            words = "The session of IPAGE_SESSION_COOKIE is over: sign in with a browser, and copy it anew."
            return Observed(words, Outcome.MISSING)
        except (NotFound, PageChanged) as error:
            words = f"iPage's first page, by which it is seen that the session lives, can't be had: {error}"
            return Observed(words, Outcome.MISSING, (self._if_elsewhere("home"),))
        if self._steps:
            words = "The session of IPAGE_SESSION_COOKIE is over, and the account was signed in: take it out."
            return Observed(words, Outcome.NOTE)
        return Observed("The session of IPAGE_SESSION_COOKIE lives.")

    def steps(self) -> tuple[str, ...]:
        """The pages of the sign-in so far, and where their pictures are."""
        return tuple(self._steps)

    def _saw(self, step: SignInStep) -> None:
        self._skew, self._last_path = step.clock_skew.total_seconds(), step.path
        what = _STEPS.get(step.asks, step.asks)
        line = f"{len(self._steps) + 1}. {what} ({step.path})"
        self._tell(f"{SIGN_IN}: {what}")
        if step.picture is not None:
            file = self.pictures / f"{len(self._steps) + 1}-{step.asks}.png"
            write_whole(file, step.picture)
            line += f": {file}"
        self._steps.append(line)

    def clock(self) -> Observed:
        """This machine's clock beside the site's, as its pages told it."""
        if not self._steps:
            return Observed("not tried: without a sign-in, iPage told no time.", Outcome.NOT_TRIED)
        ours = datetime.now(UTC)
        theirs = datetime.fromtimestamp(ours.timestamp() + self._skew, UTC)
        return off_by(theirs, ours, "iPage")

    def search(self) -> Observed:
        """The export of the saved search, or what stands in its place."""
        search = self._given.scraper.IPAGE_SAVED_SEARCH_ID
        if search is None:
            words = "not tried: IPAGE_SAVED_SEARCH_ID is not set (titles come by ingram discover --file)."
            return Observed(words, Outcome.NOT_TRIED)
        try:
            found = self._site.export(search)
        except (NotFound, PageChanged) as error:
            is_guessed = not is_address(search)
            beside = (self._if_elsewhere("search_export"),) if is_guessed else ()
            return Observed(str(error), Outcome.MISSING, beside)
        self._isbns = [title.isbn for title in found.titles]
        what = (
            "A page of results, in place of the export," if isinstance(found, ResultsPage) else "The export"
        )
        more = (
            *found.warnings,
            *(f"Not understood: {row.value} ({row.reason})" for row in found.rejected[:5]),
        )
        if not self._isbns:
            words = f"{what} lists no title: look at the search in a browser. Is IPAGE_SAVED_SEARCH_ID right?"
            return Observed(words, Outcome.MISSING, more)
        outcome = Outcome.NOTE if found.rejected or isinstance(found, ResultsPage) else Outcome.FINE
        return Observed(f"{what} lists {len(self._isbns):,} titles, {self._isbns[0]} first.", outcome, more)

    def page(self, number: int) -> Observed:
        """The page of one of the first titles, and what is understood of it."""
        if number >= len(self._isbns):
            return Observed("not tried: the search has no more titles.", Outcome.NOT_TRIED)
        isbn = self._isbns[number]
        try:
            body = self._site.product_body(isbn)
        except (NotFound, PageChanged) as error:
            return Observed(f"{isbn}: {error}", Outcome.MISSING, (self._if_elsewhere("product"),))
        return understood_in_words(isbn, understand(body, self._site.profile, datetime.now(UTC).date()))

    def cover(self) -> Observed:
        """The cover of the first title."""
        picture = self._site.cover(self._isbns[0])
        if picture is None:
            words = f"iPage has none of {self._isbns[0]}."
            return Observed(words, Outcome.NOTE, (self._if_elsewhere("covers"),))
        return Observed(f"That of {self._isbns[0]} came ({len(picture):,} bytes).")

    def _if_elsewhere(self, key: str) -> str:
        """What to do where a browser finds it at another address than the one that was asked for."""
        asked = " or ".join(self._site.profile.entries.addresses[key])
        return f"In site.toml: [addresses] {key}, if your browser has it elsewhere than at {asked}."


def _within_the_pages(look: Callable[[], Observed]) -> Observed:
    """What is seen, unless all pages of a visit are used up."""
    try:
        return look()
    except PagesUsedUp:
        return Observed(f"not tried: {MOST_PAGES} pages were read, and no more are.", Outcome.NOT_TRIED)


def understood_in_words(isbn: str, understood: Understood) -> Observed:
    """What is understood of a title's page, and what is not. Pure."""
    page = understood.page
    if page is None or not understood.is_reading or page.isbn != isbn:
        why = [*understood.refused]
        if understood.kind != "product":
            why.insert(0, f"it is {KINDS[understood.kind]} ({understood.said_by})")
        elif page is not None and page.isbn not in ("", isbn):
            why.insert(0, f"it is of {page.isbn}")
        words = f"{isbn} can't be read: {'; '.join(why)} See ingram read {isbn}"
        return Observed(words, Outcome.MISSING, _strange_lines(isbn, understood), settings=())
    said = [name for name in FIELDS if name != "restrictions"]  # Most titles have none.
    lacking = [called(name) for name in said if not is_read(getattr(page, name))]
    stock = "no stock" if page.stock is None else f"stock of {len(page.stock)} centers"
    words = f"{isbn} {page.title}: {len(said) - len(lacking)} of {len(said)} fields, {stock}."
    if lacking:
        words += f" It does not say: {', '.join(lacking)}."
    outcome = Outcome.NOTE if understood.strange or page.warnings else Outcome.FINE
    return Observed(words, outcome, (*page.warnings, *_strange_lines(isbn, understood)))


def _strange_lines(isbn: str, understood: Understood) -> tuple[str, ...]:
    """What was not understood, a line each, how to see it on the page, and what in site.toml would help."""
    strange, lines = understood.strange, []
    for one in strange[:_MOST_STRANGE]:
        perhaps = f", perhaps {called(one.perhaps)}" if one.perhaps else ""
        lines.append(f"Not understood: the {one.what} “{one.words}”{perhaps}, see ingram read {isbn}")
    if len(strange) > _MOST_STRANGE:
        lines.append(f"… and {len(strange) - _MOST_STRANGE} more: ingram read {isbn}")
    odd = {isbn: understood.sentence} if understood.page is None else {}
    if entries := [entry for entry in helpful_entries(strange, odd) if entry]:
        lines += ["In site.toml this would help:", *(f"    {entry}" for entry in entries)]
    return tuple(lines)


def checks(given: Given, visit: SiteVisit) -> Iterator[Check]:
    """Those of the site, if the scraper's settings are here."""
    if "scraper" not in given.here:
        return

    def server() -> str:
        return server_of(given.scraper.IPAGE_BASE_URL)

    def check(
        name: str, look: Callable[[], Observed], seconds: float, setting: tuple[str, ...], *needs: str
    ) -> Check:
        file, canceled = ScraperSettings.file, visit.cancel
        so_far = visit.steps if name == SIGN_IN else tuple
        bounded = partial(_within_the_pages, look)
        return Check("ipage", name, bounded, file, setting, needs, seconds, canceled, so_far, server)

    yield check(PAUSE, visit.pause, 15.0, (), OF_LOCATION["scraper"], SITE_TABLE, SHARED)
    yield check(
        SIGN_IN, visit.sign_in, 3 * CODE_PATIENCE + 20.0, ("IPAGE_BASE_URL",), PAUSE, MAILBOX, BROWSER
    )
    yield check(CLOCK, visit.clock, 15.0, (), SIGN_IN)
    yield check(SEARCH, visit.search, 60.0, ("IPAGE_SAVED_SEARCH_ID",), SIGN_IN)
    for number, name in enumerate(PAGES):
        yield check(name, lambda number=number: visit.page(number), 40.0, (), SEARCH)  # type: ignore[misc]
    yield check(COVER, visit.cover, 40.0, (), SEARCH)
