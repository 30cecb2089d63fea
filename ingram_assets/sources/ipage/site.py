"""Ingram's site as the rest of the program sees it: a saved search, product pages, covers.

The one client. It reads with plain HTTP in the name of a session that a browser signed in, and everything
that can go wrong has been tried again (`retries`), renewed (`renewal`) or given a name by the time it comes
out here.
"""

import logging
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ingram_assets.domain.completeness import FIRST_GUESS, Habit
from ingram_assets.domain.failures import IngramError
from ingram_assets.domain.site_limits import Limits
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.sources.ipage.access.answers import (
    OF_ONE_PAGE,
    ExpectedAnswer,
    FetchOutcome,
    SiteSign,
    outcome_of,
    sign_of_title,
)
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.access.fetching import Fetching, PageRequest, PagesUsedUp, Timeouts
from ingram_assets.sources.ipage.access.kept_pages import name_of, packed_page
from ingram_assets.sources.ipage.access.politeness import Politeness
from ingram_assets.sources.ipage.access.session import Cookie, KeptSession
from ingram_assets.sources.ipage.access.shared_state import SharedState
from ingram_assets.sources.ipage.discovery import Found, Tell, discover, export_path
from ingram_assets.sources.ipage.login.account import AccountSignIn, Browser, Credentials
from ingram_assets.sources.ipage.login.step_pictures import SignInStep, Watch
from ingram_assets.sources.ipage.pages.export_file import MAX_BYTES as EXPORT_BYTES
from ingram_assets.sources.ipage.pages.listings import read_listing
from ingram_assets.sources.ipage.pages.page_failures import NO_PAGE_OF_THE_SITE, NotFound, PageChanged
from ingram_assets.sources.ipage.pages.pictures import NotAPicture, UnfitPicture, check_picture
from ingram_assets.sources.ipage.pages.product_page import ProductPage, StockInPart, parse_product_page
from ingram_assets.sources.ipage.pages.recognize import recognize
from ingram_assets.sources.ipage.pages.results_page import ResultsPage
from ingram_assets.sources.ipage.pages.saved_search import SavedSearch
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in
from ingram_assets.sources.ipage.renewal import SessionRenewal
from ingram_assets.sources.ipage.retries import MAX_TRIES, WAITS, PageJob, RetryPolicy
from ingram_assets.sources.ipage.worker_pool import TryAgain, WorkerPool

__all__ = [
    "Credentials",
    "FetchOutcome",
    "Limits",
    "PagesUsedUp",
    "Reading",
    "RequestBudget",
    "Site",
    "Timeouts",
]

log = logging.getLogger(__name__)

_CONFIRMED_AFTER = 1.0
"""Seconds that a title's "not here" waits for a page that proves the session right."""

PARSING_WORKERS = 2
"""Workers beyond those with a request in flight, so that no slot stays empty while a page is parsed."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one title's page.

    Attributes:
        page: what stood on it, with outcome `ok`.
        reason: why there is no page, or what of its stock it does not show: a sentence for a person.
        observed_at: UTC, taken before the request was sent: the stock is not younger than this.
        seconds: from the first try to the last answer.
        attempts: requests for this page, not counting those that found the session expired.
    """

    isbn: str
    outcome: FetchOutcome
    page: ProductPage | None
    reason: str | None
    observed_at: datetime
    seconds: float
    attempts: int


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """How much is asked of the site.

    Attributes:
        tries: of one page at most.
        most_pages: so many are asked for at most, those of a sign-in among them; `None`: what it takes.
        watch: is shown each page of a sign-in.
    """

    tries: int = MAX_TRIES
    most_pages: int | None = None
    watch: Watch | None = None


USUAL = RequestBudget()


class Site:
    """Reads the site. A context manager; every method may be called from several threads.

    Args:
        base_url: `https://ipage.ingramcontent.com`.
        shared: what all runs share: the session, the pace, the breaker, kept pages. It is closed with this.
        credentials: `None` where only `session_cookie` is to be used.
        session_cookie: the Cookie header of a browser that a person signed in; skips our own sign-in.
        concurrency: requests in flight at once, over all runs.
        browser_cdp_url: a remote browser to sign in with.
        browser_executable: a local one.
        run_id: names the pages that are kept for a person to look at.
        profile: what is believed of the site; without one, what comes with the program.
        limits: the finer points of politeness; its `concurrency` is overruled by the argument.
        visit: for who only looks: how much is asked for.
    """

    def __init__(
        self,
        base_url: str,
        shared: SharedState,
        credentials: Credentials | None,
        *,
        session_cookie: str | None = None,
        concurrency: int = 8,
        browser_cdp_url: str | None = None,
        browser_executable: str | None = None,
        run_id: str | None = None,
        profile: SiteProfile | None = None,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        retry_waits: tuple[float, ...] = WAITS,
        sign_in_patience: float = 45.0,
        visit: RequestBudget = USUAL,
    ) -> None:
        base_url = base_url.rstrip("/")
        self._secrets = credentials.secrets if credentials else ()
        self._concurrency = concurrency
        self.profile = profile or built_in()
        """What is believed of the site."""
        self._run_id = run_id or f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        self._canceled = Cancellation()
        polite = replace(limits or Limits(), concurrency=concurrency)
        self._politeness = Politeness(shared.limits(polite), polite, self._canceled, self.profile.fingerprint)
        rules = (self._politeness, timeouts or Timeouts(), self._canceled, self.profile)
        self._fetching = Fetching(base_url, *rules)
        self._fetching.pages_left = visit.most_pages
        self.counts = self._fetching.counts
        """How many fetches ended how; a page that was tried three times counts three times."""
        self._shared = shared
        common = (self._politeness, self._canceled, self._keep_page, self.profile)
        sign_in = None
        if credentials is not None and credentials.username and credentials.password:
            browser = Browser(browser_executable, browser_cdp_url, sign_in_patience)
            watch = partial(self._saw_sign_in, visit.watch) if visit.watch else None
            refusals = shared.refusals(credentials.username)
            sign_in = AccountSignIn(base_url, credentials, browser, refusals, *common, watch)
        whose = shared.session(credentials.username if credentials else "")
        self._sessions = KeptSession(whose, base_url, sign_in, session_cookie or None, self._canceled)
        self._retries = RetryPolicy(self._politeness, self._canceled, retry_waits, visit.tries)
        self._renewal = SessionRenewal(self._sessions, self._fetching, self._retries, *common)
        self._sweeps: list[WorkerPool[PageJob, Reading]] = []
        self._opened, self._closed = time.monotonic(), False

    def pause(self) -> SitePause | None:
        """Why nothing is asked of the site now, until when, and what then; `None`: it may be asked."""
        return self._politeness.pause()

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cancel(self) -> None:
        """Ends every wait and request within a moment; what is under way raises `Canceled`."""
        self._canceled.set()

    def close(self) -> None:
        """Ends what is under way, keeps the cookies as the site changed them, closes the connections."""
        if self._closed:
            return
        self._closed = True
        self._keep_cookies()
        self.cancel()
        until = time.monotonic() + 2.0
        for thread in [thread for sweep in self._sweeps for thread in sweep.threads]:
            thread.join(max(0.0, until - time.monotonic()))
        self._fetching.close()
        self._shared.close()

    @property
    def stopped_by(self) -> IngramError | None:
        """What ended this run's reading before its time: `Blocked`, `NeedsPerson` or `Transient` (down)."""
        return self._retries.stopped_by

    def metadata(self) -> dict[str, Any]:
        """Figures for the run: fetches by outcome, latencies, pauses, sign-ins."""
        return {
            **{f"fetches_{outcome}": self.counts[outcome] for outcome in FetchOutcome},
            **self._politeness.figures(),
            "sign_ins": self._sessions.sign_ins,
            "seconds_open": round(time.monotonic() - self._opened, 3),
        }

    def sign_in(self) -> None:
        """Signs in with the account, though a session may be kept; all runs then use the new one.

        Raises:
            Blocked, NeedsPerson, Transient: it did not come to that.
        """
        self._sessions.renewed()

    def open_home(self) -> None:
        """Asks for the home page, in the session that there is.

        Raises:
            SessionLost: it is over, and there is no account to sign in with.
            Blocked, NeedsPerson, Transient, Permanent: as for every page.
        """
        home = PageRequest(self.profile.home, ExpectedAnswer.PAGE, bytes)
        self._retries.until_done(PageJob("the home page"), lambda job: self._renewal.fetch(job, home)[0])

    def _saw_sign_in(self, watch: Watch, step: SignInStep) -> None:
        with suppress(PagesUsedUp):  # A sign-in that was begun is not broken off for that.
            self._fetching.count_page()
        watch(step)

    def export(self, search: str) -> SavedSearch | ResultsPage:
        """What stands where the export of a saved search is looked for first: as a rule the export.

        Raises:
            NotFound, PageChanged, Blocked, NeedsPerson, Transient, Permanent: as `discover`.
        """
        return self._listing(search, export_path(search, self.profile), is_all=True)

    def _listing(self, search: str, path: str, *, is_all: bool) -> SavedSearch | ResultsPage:
        expected = ExpectedAnswer.EXPORT if is_all else ExpectedAnswer.PAGE

        def read(body: bytes) -> SavedSearch | ResultsPage:
            return read_listing(body, self.profile)

        request = PageRequest(path, expected, read, max_bytes=EXPORT_BYTES, total=300.0)
        return self._retries.until_done(
            PageJob(f"the saved search {search}"), lambda job: self._renewal.fetch(job, request)[0]
        )

    def discover(self, search: str, tell: Tell = lambda found, total: None) -> Found:
        """The titles of a saved search, by its export and its page of results.

        Args:
            search: as `named_search` gives it: its number, or the path of one of its addresses.

        Raises:
            NotFound: there is no such search; NothingListed: it lists no title.
            PageChanged: the site sends something else than an export or a page of results.
            Blocked, NeedsPerson, Transient, Permanent: as for every page.
        """

        def fetch(path: str, is_all: bool) -> SavedSearch | ResultsPage:
            return self._listing(search, path, is_all=is_all)

        return discover(search, fetch, tell, self.profile)

    def read_products(
        self,
        isbns: Iterable[str],
        *,
        known: Collection[str] = (),
        habit: Habit = FIRST_GUESS,
        named: bool = False,
    ) -> Iterator[Reading]:
        """The page of every ISBN, in order of completion; ISBNs are taken from the iterable as needed.

        When the site is down the run gives up: the rest come out as `blocked` (or `expired`, `transient`),
        with the reason, without a request. `stopped_by` then has the error.

        Args:
            known: titles that were readable lately.
            habit: what a whole page shows. One that shows zeros alone and less than that is asked for once
                more, since it may have been half a page; then it is read as it stands.
            named: they are some titles, as a person names them: that the site says it lists none of them is
                no sign that it can't be read.

        Raises:
            Canceled: `cancel` was called; the pages not read come out with no reading.
        """

        def read(job: PageJob) -> Reading | TryAgain[PageJob]:
            return self.try_product(job, job.isbn in known, habit, named)

        jobs = (PageJob(f"the page of {isbn}", isbn) for isbn in isbns)
        sweep = WorkerPool(jobs, read, self._concurrency + PARSING_WORKERS, self._canceled)
        self._sweeps.append(sweep)
        try:
            yield from sweep
        finally:
            self._keep_cookies()

    def cover(self, isbn: str) -> bytes | None:
        """The cover's bytes, a complete JPEG, PNG, WebP or GIF; `None`: the site has none.

        Where neither route gives one, but bytes that are meant as a picture and can't be shown: those. Who
        keeps covers refuses them with the reason.

        Raises:
            Blocked, NeedsPerson, Transient, Permanent: as for every page.
        """
        routes = self.profile.cover_paths(isbn)
        unfit: bytes | None = None

        def read(body: bytes) -> bytes:
            nonlocal unfit
            try:
                check_picture(body, self.profile)
            except UnfitPicture:
                unfit = body
                raise
            except PageChanged as error:
                # The site's own error page, with status 200. That there is no picture is no failure.
                if self.profile.words.no_picture.search(str(error)):
                    raise NotFound(str(error)) from error
                raise
            return body

        def try_all(job: PageJob) -> bytes | None:
            for route in [*routes]:
                try:
                    request = PageRequest(route, ExpectedAnswer.PICTURE, read, max_bytes=25_000_000)
                    return self._renewal.fetch(job, request)[0]
                except (NotFound, NotAPicture) as error:
                    log.debug("No cover of %s at %s: %s", isbn, urlsplit(route).path, error)
                    routes.remove(route)  # it is not tried again
            return unfit

        return self._retries.until_done(PageJob(f"the cover of {isbn}"), try_all)

    def product_body(self, isbn: str) -> bytes:
        """The page of an ISBN as it came, for a person who looks at how it is read.

        One that came whole and can't be read is handed over as well; so is one without a mark of a product,
        once it stayed like that in a session that lives.

        Raises:
            NotFound: the site lists no such title.
            Blocked, NeedsPerson, Transient, Permanent: as for every page.
        """
        last: list[bytes] = []

        def read(body: bytes) -> bytes:
            last[:] = [body]
            try:
                parse_product_page(body, self.profile)
            except PageChanged as error:
                if error.label in NO_PAGE_OF_THE_SITE or not recognize(body, profile=self.profile).is_product:
                    raise
            return body

        request = PageRequest(self.profile.product_path(isbn), ExpectedAnswer.PRODUCT, read)
        try:
            return self._retries.until_done(
                PageJob(f"the page of {isbn}", isbn), lambda job: self._renewal.fetch(job, request)[0]
            )
        except PageChanged:
            if not last:
                raise
            return last[0]
        finally:
            self._keep_cookies()

    def try_product(
        self, job: PageJob, is_known: bool, habit: Habit, named: bool
    ) -> Reading | TryAgain[PageJob]:
        """One try of one title's page, in the caller's thread: its reading, or that it is to be tried again.

        Raises:
            Canceled: `cancel` was called.
        """
        isbn = job.isbn or ""

        def read(body: bytes) -> ProductPage:
            page = parse_product_page(body, self.profile, datetime.now(UTC).date())
            if page.isbn != isbn:
                raise PageChanged("EAN", f"the page is of {page.isbn}, not of {isbn}, which was asked for.")
            if page.hides_copies(habit):
                raise StockInPart(page)
            return page

        def sign(error: IngramError) -> SiteSign:
            return sign_of_title(error, is_known, job.tries == 0)

        request = PageRequest(self.profile.product_path(isbn), ExpectedAnswer.PRODUCT, read, sign)
        try:
            self._renewal.confirm_gone(job)
            page, sent_at = self._renewal.fetch(job, request)
        except Canceled:
            raise
        except IngramError as error:
            is_told = named and isinstance(error, NotFound) and error.in_words
            return self._failed(job, error, is_known or is_told)
        self._retries.read_one()
        return _reading(job, FetchOutcome.ok, page, None, sent_at)

    def _failed(self, job: PageJob, error: IngramError, understood: bool) -> Reading | TryAgain[PageJob]:
        """Another try, or the reading that says why there is no page.

        Args:
            understood: it does not count among the pages of which nobody knows whether they can be read.
        """
        if (wait := self._retries.wait_before_next(job, error)) is not None:
            return TryAgain(job, wait)
        if job.gone is not None and job.gone.error is error and self.stopped_by is None:
            at_once = self._renewal.too_many_are_gone(job.gone.session)
            return TryAgain(job, 0.0 if at_once else _CONFIRMED_AFTER)
        if not understood and outcome_of(error) in OF_ONE_PAGE:
            self._retries.count_unreadable(error)
        page = error.page if isinstance(error, StockInPart) else None
        return _reading(job, outcome_of(error), page, str(error), job.began_at)

    def _keep_page(self, page: str | bytes, what: str, reason: str, cookies: Iterable[Cookie]) -> None:
        """Keeps a page that changed for a person to look at, without what opens the account."""
        secrets = [*self._secrets, *(cookie.value for cookie in cookies)]
        try:
            run, isbn = name_of(self._run_id), name_of(what)
            packed = packed_page(page, run_id=run, isbn=isbn, reason=reason, secrets=secrets)
            self._shared.keep_page(run, isbn, packed)
            log.warning("A page changed shape (%s: %s) and is kept: `ingram kept-pages`.", what, reason)
        except IngramError as error:
            log.warning("A page changed shape (%s: %s) and could not be kept: %s", what, reason, error)

    def _keep_cookies(self) -> None:
        if (session := self._sessions.last) is None:
            return
        try:
            self._sessions.keep(session, self._fetching.cookies(session))
        except IngramError as error:
            log.warning("The session's changed cookies could not be kept: %s", error)


def _reading(
    job: PageJob, outcome: FetchOutcome, page: ProductPage | None, reason: str | None, observed_at: datetime
) -> Reading:
    return Reading(
        job.isbn or "", outcome, page, reason, observed_at, time.monotonic() - job.began, job.tries
    )
