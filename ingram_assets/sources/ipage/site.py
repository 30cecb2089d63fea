"""Ingram's site as the rest of the program sees it: a saved search, product pages, covers.

The one client. It reads with plain HTTP in the name of a session that a browser signed in, and everything
that can go wrong has been tried again, renewed or given a name by the time it comes out here.
"""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from ingram_assets.domain.completeness import FIRST_GUESS, Habit
from ingram_assets.domain.failures import IngramError, NeedsPerson, Transient
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.access.fetching import (
    NO_PICTURE,
    Expected,
    Fetched,
    Fetching,
    FetchOutcome,
    SessionSuspected,
    Sign,
    SiteFailed,
    Timeouts,
    outcome_of,
    sign_of,
)
from ingram_assets.sources.ipage.access.kept_pages import KeptPages
from ingram_assets.sources.ipage.access.limits import Limits
from ingram_assets.sources.ipage.access.politeness import Politeness, breaker_open_until
from ingram_assets.sources.ipage.access.session import Cookie, KeptSession, Session, SessionLost
from ingram_assets.sources.ipage.login import sign_in as sign_in_room
from ingram_assets.sources.ipage.login.code_mail import SENDERS, EmailCodes
from ingram_assets.sources.ipage.login.forms import HOME
from ingram_assets.sources.ipage.login.refused_password import RefusedPassword
from ingram_assets.sources.ipage.login.second_factor import CODE_LIFETIME, CodeSource, PromptCodes, TotpCodes
from ingram_assets.sources.ipage.pages.export_file import MAX_BYTES as EXPORT_BYTES
from ingram_assets.sources.ipage.pages.page_failures import (
    NO_PAGE_OF_THE_SITE,
    Blocked,
    NotFound,
    PageChanged,
    PerhapsBlocked,
    SessionExpired,
    SiteClosed,
)
from ingram_assets.sources.ipage.pages.pictures import NotAPicture, UnfitPicture, check_picture
from ingram_assets.sources.ipage.pages.product_page import ProductPage, StockInPart, parse_product_page
from ingram_assets.sources.ipage.pages.recognize import shows_a_session
from ingram_assets.sources.ipage.pages.saved_search import read_saved_search
from ingram_assets.sources.ipage.worker_pool import Again, WorkerPool

__all__ = ["Credentials", "FetchOutcome", "Limits", "Reading", "Site", "Timeouts", "breaker_open_until"]

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_TRIES = 3
"""Of one page, whatever goes wrong with it."""

MAX_SESSIONS = 6
"""That one page may find over. More than tries, since it may not be the page's fault."""

MAX_SIGN_INS = 10
"""In one run, beside one for every `_PAGES_A_SIGN_IN` read."""

_PAGES_A_SIGN_IN = 5
"""A site that ends sessions faster than that is not to be fought with sign-ins."""

_SHORT_LIVED = 50
"""Pages. After two sessions that gave fewer, pages are read one at a time, so that the end of the next one
costs one page and not all that are in flight."""

_NONE_READABLE = 4
"""Times `Limits.max_failures_in_a_row`: so many titles of which nobody knows whether they ever were readable,
and not one page read before or among them, and it is the site that is not understood, not they."""

_TOO_MANY_GONE = 3
"""Answers in a row that say "not here" or "I failed", no page read between: perhaps it is the session."""

_BELIEVED_AFTER = 1.0
"""Seconds that a title's "not here" waits for a page that proves the session right."""

_WAITS = (1.0, 4.0)
"""Seconds before the second and the third try."""

_PARSING = 2
"""Workers beyond those with a request in flight, so that no slot stays empty while a page is parsed."""

_EXPORT_LIMIT = 20_000
"""Titles that the export is asked for, since it wants to be told how many there are."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account, and how it gives its second factor.

    Attributes:
        account: the customer number; typed where a form asks for it.
        mfa: `email` reads codes from `imap_url`, `totp` makes them of `totp_secret`, `prompt` asks a person.
        imap_url: `imaps://user:password@host:993/INBOX`, user and password percent-encoded.
        mfa_senders: domains, or addresses, whose mails bring codes.
        code_lifetime: seconds to wait for a mail.
    """

    username: str
    password: str = field(repr=False)
    account: str = ""
    mfa: Literal["email", "totp", "prompt"] = "email"
    totp_secret: str | None = field(default=None, repr=False)
    imap_url: str | None = field(default=None, repr=False)
    mfa_senders: tuple[str, ...] = SENDERS
    code_lifetime: float = CODE_LIFETIME.total_seconds()


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
class _Gone:
    """That a title is not there, as a session was told that may be over; `at`: when (seconds since 1970)."""

    error: NotFound
    session: Session
    at: float


@dataclass(slots=True)
class _Job:
    """A page on its way. `expired_under` are the sessions that it was refused with."""

    what: str
    began: float = field(default_factory=time.monotonic)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tries: int = 0
    expired_under: list[str] = field(default_factory=list)
    is_title: bool = False
    gone: _Gone | None = None  # waits to be believed
    is_suspect: bool = False  # it bore no mark, and waits for a new session to show whether that was why


class Site:
    """Reads the site. A context manager; every method may be called from several threads.

    Args:
        base_url: `https://ipage.ingramcontent.com`.
        state_dir: what all runs of the machine share: the session, the pace, the breaker, kept pages.
        credentials: `None` where only `session_cookie` is to be used.
        session_cookie: the Cookie header of a browser that a person signed in; skips our own sign-in.
        concurrency: requests in flight at once, over all runs of the machine.
        browser_cdp_url: a remote browser to sign in with.
        browser_executable: a local one.
        run_id: names the pages that are kept for a person to look at.
        limits: the finer points of politeness; its `concurrency` is overruled by the argument.
    """

    def __init__(
        self,
        base_url: str,
        state_dir: Path,
        credentials: Credentials | None,
        *,
        session_cookie: str | None = None,
        concurrency: int = 8,
        browser_cdp_url: str | None = None,
        browser_executable: str | None = None,
        run_id: str | None = None,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        retry_waits: tuple[float, ...] = _WAITS,
        sign_in_patience: float = 45.0,
    ) -> None:
        self._state_dir = state_dir = Path(state_dir)
        state_dir.mkdir(parents=True, exist_ok=True)
        self._base_url = base_url.rstrip("/")
        self._credentials = credentials
        self._browser = sign_in_room.Browser(browser_executable, browser_cdp_url, sign_in_patience)
        self._run_id = run_id or f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        self._waits = retry_waits
        self._canceled = Cancellation()
        limits = replace(limits or Limits(), concurrency=concurrency)
        self._politeness = Politeness(state_dir, limits, self._canceled)
        self._fetching = Fetching(self._base_url, self._politeness, timeouts or Timeouts(), self._canceled)
        self._kept_pages = KeptPages(state_dir / "kept_pages")
        can_sign_in = credentials is not None and bool(credentials.username and credentials.password)
        self._sessions = KeptSession(
            state_dir,
            self._base_url,
            f"{credentials.username if credentials else ''}@{urlsplit(self._base_url).netloc}",
            self._sign_in if can_sign_in else None,
            session_cookie or None,
            self._canceled,
        )
        self._concurrency = concurrency
        self._pages: Counter[str] = Counter()  # by session
        self._refused: dict[str, None] = {}  # sessions, in the order of their end
        self._can_sign_in = can_sign_in
        self._suspecting = threading.Lock()
        self._suspected: str | None = None  # the session given up on suspicion, while nothing proved it right
        self._read_at: dict[str, float] = {}  # by session: when the last page with marks was asked for
        self._home_said: dict[str, bool | None] = {}  # by session, since its last page with marks
        self._home_lives: set[str] = set()  # sessions that read nothing, though the home page answers them
        self._in_a_row: Counter[str] = Counter()  # by session: `_TOO_MANY_GONE`
        self._alone = threading.Lock()
        self._mutex = threading.Lock()
        self._readable = False  # a title's page was read in this run
        self._unreadable = 0  # titles before that, of which nobody knows whether they ever were readable
        self._stopped_by: IngramError | None = None
        self._sweeps: list[WorkerPool[Any, Reading]] = []
        self._opened = time.monotonic()
        self._closed = False

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

    @property
    def counts(self) -> Counter[FetchOutcome]:
        """How many fetches ended how; a page that was tried three times counts three times."""
        return self._fetching.counts

    @property
    def stopped_by(self) -> IngramError | None:
        """What ended this run's reading before its time: `Blocked`, `NeedsPerson` or `Transient` (down)."""
        return self._stopped_by or self._politeness.given_up()

    @property
    def given_up(self) -> str | None:
        """The sentence of `stopped_by`."""
        error = self.stopped_by
        return str(error) if error is not None else None

    def metadata(self) -> dict[str, Any]:
        """Figures for the run: fetches by outcome, latencies, pauses, sign-ins."""
        return {
            **{f"fetches_{outcome}": self.counts[outcome] for outcome in FetchOutcome},
            **self._politeness.figures(),
            "sign_ins": self._sessions.sign_ins,
            "seconds_open": round(time.monotonic() - self._opened, 3),
        }

    def saved_search(self, search_id: str) -> bytes:
        """The export of a saved search, whole, for `read_saved_search`.

        Args:
            search_id: its number, or the path of the Download link as the browser shows it.

        Raises:
            NotFound: there is no such search.
            PageChanged: the site sends something else than an export.
            Blocked, NeedsPerson, Transient, Permanent: as for every page.
        """
        if search_id.startswith("/"):
            path = search_id
        else:
            query = {
                "method": "downloadExcelPopup",
                "listTypeId": "SR",
                "listId": search_id,
                "searchId": search_id,
                "totalRecords": _EXPORT_LIMIT,
                "No": 0,
            }
            path = f"/ipage/browseRow/downloadExcel.action?{urlencode(query)}"

        def read(body: bytes) -> bytes:
            if len(read_saved_search(body).titles) >= _EXPORT_LIMIT:
                log.warning("The export has %d titles, which may not be all of them.", _EXPORT_LIMIT)
            return body

        what = f"the saved search {search_id}"
        return self._until_done(
            _Job(what),
            lambda job: self._fetch(job, path, Expected.EXPORT, read, max_bytes=EXPORT_BYTES, total=300.0)[0],
        )

    def read_products(
        self, isbns: Iterable[str], *, known: Collection[str] = (), habit: Habit = FIRST_GUESS
    ) -> Iterator[Reading]:
        """The page of every ISBN, in order of completion; ISBNs are taken from the iterable as needed.

        The run gives up when the site is down: on so many answers in a row that are no page, or of titles
        that used to be readable and no more are. What is wrong with other titles' pages is theirs alone.

        Args:
            known: titles that were readable lately.
            habit: what a whole page shows. One that shows zeros alone and less than that is asked for once
                more, since it may have been half a page; then it is read as it stands.

        Every ISBN gets its reading: when the run has given up, the rest come out as `blocked` (or
        `expired`, `transient`), with the reason, without a request. `stopped_by` then has the error.

        Raises:
            Canceled: `cancel` was called; the pages not read come out with no reading.
        """
        jobs = ((isbn, _Job(f"the page of {isbn}", is_title=True)) for isbn in isbns)

        def read(item: tuple[str, _Job]) -> "Reading | Again[tuple[str, _Job]]":
            return self._read_product(item, item[0] in known, habit)

        sweep: WorkerPool[tuple[str, _Job], Reading] = WorkerPool(
            jobs, read, self._concurrency + _PARSING, self._canceled
        )
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
        query = f"ean={quote(isbn)}&size=640&howerType=Y"
        routes = [
            f"/ipage/hoverImage.jsp?{query}",
            f"/ipage/servlet/ibg.common.titledetail.imageloader?{query}",
        ]
        none_here: set[str] = set()
        unfit: list[bytes] = []

        def read(body: bytes) -> bytes:
            try:
                check_picture(body)
            except UnfitPicture:
                unfit[:] = [body]
                raise
            except PageChanged as error:
                # The site's own error page, with status 200. That there is no picture is no failure.
                if NO_PICTURE.search(str(error)):
                    raise NotFound(str(error)) from error
                raise
            return body

        def try_routes(job: _Job) -> bytes | None:
            for route in [route for route in routes if route not in none_here]:
                try:
                    return self._fetch(job, route, Expected.PICTURE, read, max_bytes=25_000_000)[0]
                except (NotFound, NotAPicture) as error:
                    log.debug("No cover of %s at %s: %s", isbn, urlsplit(route).path, error)
                    none_here.add(route)
            return unfit[0] if unfit else None

        return self._until_done(_Job(f"the cover of {isbn}"), try_routes)

    # One page.

    def _read_product(
        self, item: tuple[str, _Job], is_known: bool, habit: Habit
    ) -> "Reading | Again[tuple[str, _Job]]":
        isbn, job = item

        def read(body: bytes) -> ProductPage:
            page = parse_product_page(body)
            if page.isbn != isbn:
                raise PageChanged("EAN", f"the page is of {page.isbn}, not of {isbn}, which was asked for.")
            if page.hides_copies(habit):
                raise StockInPart(page)
            return page

        def sign(error: IngramError) -> Sign:
            return _sign_of_title(error, is_known, job.tries == 0)

        def reading(
            outcome: FetchOutcome, page: ProductPage | None, reason: str | None, at: datetime
        ) -> Reading:
            return Reading(isbn, outcome, page, reason, at, time.monotonic() - job.began, job.tries)

        path = f"/ipage/productdetail?ean_id={quote(isbn)}"
        try:
            self._believe_what_is_gone(job)
            page, sent_at = self._fetch(job, path, Expected.PRODUCT, read, isbn=isbn, sign=sign)
        except Canceled:
            raise
        except IngramError as error:
            if (wait := self._wait_before_next(job, error)) is not None:
                return Again(item, wait)
            if job.gone is not None and job.gone.error is error and self.stopped_by is None:
                in_a_row = self._in_a_row[job.gone.session.id]
                return Again(item, _BELIEVED_AFTER if in_a_row < _TOO_MANY_GONE else 0.0)
            outcome = outcome_of(error)
            if isinstance(error, StockInPart):
                return reading(outcome, error.page, str(error), job.began_at)
            if not is_known and outcome in (
                FetchOutcome.changed,
                FetchOutcome.not_found,
                FetchOutcome.permanent,
            ):
                self._count_unreadable(error)
            return reading(outcome, None, str(error), job.began_at)
        self._readable = True
        return reading(FetchOutcome.ok, page, None, sent_at)

    def _believe_what_is_gone(self, job: _Job) -> None:
        """Raises what was said of a title that is not there, once the session has proved right since.

        By a page that was read later, which costs nothing, or else by the home page. If neither proves it,
        the session is renewed, and the title asked for again.
        """
        if (gone := job.gone) is None:
            return
        if self.stopped_by is not None:
            return  # nobody knows: it comes out like every title that was not asked for
        job.gone = None
        if not self._suspects(gone.session, job, gone.error, gone.at):
            raise gone.error
        self._renew(gone.session, job, SessionSuspected(f"The session may be over ({gone.error})"))

    def _count_unreadable(self, error: IngramError) -> None:
        """Ends the run when not one title could be read, of many that may never have been readable.

        As soon as one was, it is not the site that can't be read.
        """
        with self._mutex:
            self._unreadable += 1
        most = _NONE_READABLE * self._politeness.limits.max_failures_in_a_row
        if not self._readable and self._unreadable >= most and self._stopped_by is None:
            self._stopped_by = Transient(
                f"None of {self._unreadable} pages could be used, so this run stopped asking; look at iPage "
                f"in a browser, and run again. The last one: {error}"
            )

    def _until_done(self, job: _Job, attempt: Callable[[_Job], T]) -> T:
        """Tries one thing until it is done or its error is final."""
        while True:
            try:
                return attempt(job)
            except Canceled:
                raise
            except IngramError as error:
                if (wait := self._wait_before_next(job, error)) is None:
                    if (ended := self.stopped_by) is not None and ended is not error:
                        raise ended from error
                    raise
                self._canceled.sleep(wait)

    def _wait_before_next(self, job: _Job, error: IngramError) -> float | None:
        """Seconds until the next try, `None` if there is none."""
        if self.stopped_by is not None or job.tries >= MAX_TRIES:
            return None
        if isinstance(error, Blocked):
            return 0.0  # the breaker makes it wait
        if isinstance(error, PageChanged):
            # Once more, for it may have been half a page or a notice; a new layout stays.
            return self._waits[0] if job.tries < 2 else None
        if isinstance(error, Transient) and not isinstance(error, SessionExpired):
            own = self._waits[min(job.tries, len(self._waits)) - 1] * random.uniform(0.75, 1.25)
            return max(own, min(getattr(error, "retry_after", None) or 0.0, 60.0))
        return None

    def _fetch(
        self,
        job: _Job,
        path: str,
        expected: Expected,
        read: Callable[[bytes], T],
        *,
        isbn: str | None = None,
        **options: Any,
    ) -> tuple[T, datetime]:
        """One try of a page, with its session renewed if that is what it takes."""

        def keep(error: PageChanged, answer: Fetched) -> None:
            self._keep_page(answer.body, isbn or expected, str(error), session.cookies)

        with ExitStack() as turn:
            is_alone = False
            while True:
                if (error := self.stopped_by) is not None:
                    raise error
                if not is_alone and self._sessions_keep_ending():
                    # Until it is read: what found the session over is the first to be asked for in the next.
                    turn.enter_context(self._one_at_a_time())
                    is_alone = True
                session = self._session(job)

                def suspect(error: IngramError, sent_at: float, session: Session = session) -> bool:
                    if isinstance(error, SiteFailed) and self._one_more(session) < _TOO_MANY_GONE:
                        return False
                    return self._suspects(session, job, error, sent_at)

                try:
                    result = self._fetching.fetch(
                        session, path, expected, read, on_changed=keep, suspect=suspect, **options
                    )
                except SessionExpired as expired:
                    self._renew(session, job, expired)
                    continue
                except Canceled:
                    raise
                except IngramError as failure:
                    if failure is not self._politeness.given_up():  # then nothing was sent
                        job.tries += 1
                    if isinstance(failure, NotFound) and expected is Expected.PRODUCT and self._can_sign_in:
                        self._one_more(session)
                        job.gone = _Gone(failure, session, time.time())
                    raise
                job.tries += 1
                self._pages[session.id] += 1
                if expected is not Expected.PICTURE:  # a picture may be shown to anybody
                    self._bore_marks(session, job, result[1].timestamp())
                return result

    def _sessions_keep_ending(self) -> bool:
        return sum(self._pages[ended] < _SHORT_LIVED for ended in [*self._refused]) >= 2

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        while not self._alone.acquire(timeout=0.3):
            self._canceled.raise_if_set()
        try:
            yield
        finally:
            self._alone.release()

    def _keep_page(self, page: str | bytes, what: str, reason: str, cookies: Iterable[Cookie]) -> None:
        """Keeps a page that changed for a person to look at, without what opens the account."""
        secrets = [cookie.value for cookie in cookies]
        if self._credentials is not None:
            secrets += [self._credentials.username, self._credentials.password, self._credentials.account]
        try:
            kept = self._kept_pages.keep(page, run_id=self._run_id, isbn=what, reason=reason, secrets=secrets)
            log.warning("A page changed shape (%s: %s) and is kept as %s.", what, reason, kept)
        except OSError as error:
            log.warning("A page changed shape (%s: %s) and could not be kept: %s", what, reason, error)

    # The session.

    def _renew(self, session: Session, job: _Job, expired: SessionExpired) -> None:
        """A new session for a page that was refused, unless it is the page that is odd.

        A page that is refused right after a sign-in must not cause another one, and another: so before the
        second, the home page is asked whether the session lives. A sign-in that failed (the browser died, the
        site was down) left the old session, which says nothing when it is refused again. Nor does one that
        ended before its first pages were taken in: only two such sign-ins in a row were in vain.
        """
        job.expired_under.append(session.id)
        self._refused.setdefault(session.id)
        in_vain = not any(self._pages[ended] for ended in [*self._refused][-2:])
        is_second_in_vain = in_vain and self._sessions.sign_ins > 1
        is_doubtful = len(set(job.expired_under)) > 1 or (in_vain and len(self._refused) > 1)
        if (is_doubtful or is_second_in_vain) and self._session(job).id == session.id:
            if self._home_answers(session):
                raise SessionExpired(
                    f"{job.what} says that the session is over, though it was signed in afresh and other "
                    "pages answer: open it in a browser."
                ) from expired
            if is_second_in_vain:
                self._stopped_by = SessionLost(
                    f"The session is refused right after signing in ({job.what}): sign in to iPage by hand "
                    "and see what it says, or put that browser's Cookie header into IPAGE_SESSION_COOKIE."
                )
                raise self._stopped_by from expired
        if len(job.expired_under) > MAX_SESSIONS:
            raise SessionExpired(
                f"{job.what} found the session over {len(job.expired_under)} times: see whether somebody "
                "else signs in with this account."
            ) from expired
        enough = MAX_SIGN_INS + self.counts[FetchOutcome.ok] // _PAGES_A_SIGN_IN
        if (made := self._sessions.sign_ins) >= enough and self._session(job).id == session.id:
            self._stopped_by = SessionLost(
                f"The session was lost again after {made} sign-ins in this run: see whether somebody "
                "else signs in with this account, and run again later."
            )
            raise self._stopped_by from expired
        self._session(job, stale=session)

    def _suspects(self, session: Session, job: _Job, error: IngramError, sent_at: float) -> bool:
        """Whether what came, and bore no mark of anything, is taken for the end of the session.

        So is that a title is not there, though it is asked only after no page proved the session right.

        A sign-in costs a browser, a code by mail and the site's trust, and a site that was redesigned sends
        nothing but such pages. So first the home page is asked, once as long as nothing was read between;
        where that says neither yes nor no, one sign-in is made on suspicion, and no other before that one
        turned out to be right: by a page that is read in the new session and bore no mark in the old one.
        """
        if not self._can_sign_in:
            return False  # a session captured by hand is not thrown away on suspicion
        with self._suspecting:
            last = self._sessions.last
            if last is None or last.id != session.id or session.id == self._suspected:
                job.is_suspect = True
                return True  # it is renewed already: to read the page again costs no sign-in
            if self._read_at.get(session.id, 0.0) > sent_at:
                return False
            if session.id not in self._home_said:
                self._home_said[session.id] = self._home_shows_a_session(session)
            lives = self._home_said[session.id]
            if lives or (lives is None and self._suspected is not None):
                return False
            # Where home says nothing, none is made during maintenance, nor for one title that may be gone.
            is_one_gone = isinstance(error, NotFound) and job.is_title
            is_one_gone = is_one_gone and self._in_a_row[session.id] < _TOO_MANY_GONE
            if lives is None and (is_one_gone or isinstance(error, SiteClosed)):
                return False
            self._suspected = session.id if lives is None else self._suspected
            job.is_suspect = True
            return True

    def _one_more(self, session: Session) -> int:
        with self._mutex:
            self._in_a_row[session.id] += 1
            return self._in_a_row[session.id]

    def _bore_marks(self, session: Session, job: _Job, sent_at: float) -> None:
        with self._mutex:
            self._read_at[session.id] = max(sent_at, self._read_at.get(session.id, 0.0))
            self._home_said.pop(session.id, None)
            self._in_a_row.pop(session.id, None)
            if job.is_suspect:
                job.is_suspect, self._suspected = False, None

    def _home_shows_a_session(self, session: Session) -> bool | None:
        """Whether the session lives, by the home page; `None`: that does not tell."""

        def is_a_script_alone(error: IngramError, _: float) -> bool:
            return isinstance(error, PerhapsBlocked)

        try:
            shows, _ = self._fetching.fetch(
                session, HOME, Expected.PAGE, shows_a_session, suspect=is_a_script_alone
            )
        except Canceled:
            raise
        except SiteClosed:
            return True  # to say so it need not know who asks, and there is no sign-in while it is closed
        except SessionSuspected:
            return None
        except SessionExpired:
            return False
        except IngramError:
            return None
        return shows or None

    def _session(self, job: _Job, stale: Session | None = None) -> Session:
        try:
            return self._sessions.current() if stale is None else self._sessions.renew(stale)
        except Canceled:
            raise
        except IngramError as error:
            job.tries += 1
            if self._sessions.gave_up:
                self._stopped_by = self._politeness.given_up() or error
            raise

    def _home_answers(self, session: Session) -> bool:
        if session.id in self._home_lives and not self._pages[session.id]:
            return True
        try:
            self._fetching.fetch(session, HOME, Expected.PAGE, bytes)
        except SessionExpired:
            return False
        self._home_lives.add(session.id)
        return True

    def _sign_in(self, last: Session | None) -> Session:
        credentials = self._credentials
        assert credentials is not None
        refused = RefusedPassword(
            self._state_dir / "refused-password.json",
            "\n".join((self._base_url, credentials.username, credentials.password)),
        )
        if (reason := refused.reason()) is not None:
            raise sign_in_room.WrongPassword(reason)
        codes = _code_source(credentials, self._canceled)
        # The sign-in takes its turn like every request, and none while the breaker is open.
        with self._politeness.turn() as sent_at:
            try:
                session = sign_in_room.sign_in(
                    self._base_url,
                    credentials.username,
                    credentials.password,
                    credentials.account,
                    codes,
                    self._browser,
                    last,
                    self._canceled,
                )
            except Blocked as error:
                self._politeness.blocked(str(error), None, sent_at)
                raise
            except sign_in_room.WrongPassword as error:
                refused.remember(str(error))
                raise
            except sign_in_room.SignInPageChanged as error:
                self._keep_page(error.html, "sign-in", str(error), ())
                raise
        refused.forget()
        return session

    def _keep_cookies(self) -> None:
        session = self._sessions.last
        if session is not None:
            self._sessions.keep(session, self._fetching.cookies(session))


def _sign_of_title(error: IngramError, is_known: bool, is_first: bool) -> Sign:
    """What a title's page says of the site: one that used to be readable may be the first of many that were.

    Counted once a title, so that a second try does not make two of it.
    """
    if isinstance(error, StockInPart):
        return Sign.NEITHER
    is_page = not isinstance(error, PageChanged) or error.label not in NO_PAGE_OF_THE_SITE
    if is_page and outcome_of(error) in (
        FetchOutcome.changed,
        FetchOutcome.not_found,
        FetchOutcome.permanent,
    ):
        return Sign.FAILING if is_known and is_first else Sign.NEITHER
    return sign_of(error)


def _code_source(credentials: Credentials, canceled: Cancellation) -> CodeSource:
    match credentials.mfa:
        case "email":
            if not credentials.imap_url:
                raise NeedsPerson(
                    "IPAGE_MFA is email but IPAGE_MFA_IMAP_URL is not set: set it to the mailbox that gets "
                    "the codes, imaps://user:password@host:993/INBOX."
                )
            return EmailCodes(
                credentials.imap_url,
                canceled,
                senders=credentials.mfa_senders,
                lifetime=timedelta(seconds=credentials.code_lifetime),
            )
        case "totp":
            if not credentials.totp_secret:
                raise NeedsPerson("IPAGE_MFA is totp but IPAGE_TOTP_SECRET is not set: set it.")
            return TotpCodes(credentials.totp_secret, canceled)
        case "prompt":
            return PromptCodes()
