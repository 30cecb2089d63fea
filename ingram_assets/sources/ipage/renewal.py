"""Which session a page is asked for with, and when that one is taken for over and a new one is made.

A sign-in costs a browser, a code by mail and the site's trust. So it is not made because one page is odd, nor
again and again for a site that ends every session.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from ingram_assets.domain.failures import IngramError
from ingram_assets.sources.ipage.access.answers import (
    ExpectedAnswer,
    Fetched,
    FetchOutcome,
    SessionSuspected,
    SiteFailed,
)
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.access.fetching import Fetching, PageRequest
from ingram_assets.sources.ipage.access.kept_pages import KeepPage
from ingram_assets.sources.ipage.access.politeness import Politeness
from ingram_assets.sources.ipage.access.session import KeptSession, Session, SessionLost
from ingram_assets.sources.ipage.pages.page_failures import (
    NotFound,
    PageChanged,
    PerhapsBlocked,
    SessionExpired,
    SiteClosed,
)
from ingram_assets.sources.ipage.pages.recognize import shows_a_session
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile
from ingram_assets.sources.ipage.retries import PageJob, RetryPolicy, TitleGone

T = TypeVar("T")

MAX_SESSIONS = 6
"""That one page may find over. More than tries, since it may not be the page's fault."""

MAX_SIGN_INS = 10
"""In one run, beside one for every `_PAGES_A_SIGN_IN` read."""

_PAGES_A_SIGN_IN = 5
"""A site that ends sessions faster than that is not to be fought with sign-ins."""

_SHORT_LIVED = 50
"""Pages. After two sessions that gave fewer, pages are read one at a time, so that the end of the next one
costs one page and not all that are in flight."""

TOO_MANY_GONE = 3
"""Answers in a row that say "not here" or "I failed", no page read between: perhaps it is the session."""


@dataclass(slots=True)
class _SessionRecord:
    """What a session brought.

    Attributes:
        pages: read with it.
        read_at: when the last page with marks was asked for (seconds since 1970).
        home_asked: whether the home page was asked of it since.
        home_lives: what that said; `None`: it does not tell.
        home_answers: it reads nothing, though the home page answers it.
        failures_in_a_row: see `TOO_MANY_GONE`.
    """

    pages: int = 0
    read_at: float = 0.0
    home_asked: bool = False
    home_lives: bool | None = None
    home_answers: bool = False
    failures_in_a_row: int = 0


class SessionRenewal:
    """Fetches pages, each with a session that lives as far as is known. Thread-safe.

    Args:
        keep_page: gets each page that changed, for a person to look at.
        profile: what is believed of the site.
    """

    def __init__(
        self,
        sessions: KeptSession,
        fetching: Fetching,
        retries: RetryPolicy,
        politeness: Politeness,
        canceled: Cancellation,
        keep_page: KeepPage,
        profile: SiteProfile,
    ) -> None:
        self._profile = profile
        self._sessions, self._fetching, self._politeness = sessions, fetching, politeness
        self._retries, self._canceled, self._keep_page = retries, canceled, keep_page
        self._records: dict[str, _SessionRecord] = {}  # by session
        self._refused: dict[str, None] = {}  # sessions, in the order of their end
        self._suspecting, self._alone, self._mutex = threading.Lock(), threading.Lock(), threading.Lock()
        self._suspected: str | None = None  # the session given up on suspicion, while nothing proved it right

    def fetch(self, job: PageJob, request: PageRequest[T]) -> tuple[T, datetime]:
        """One try of a page, with its session renewed if that is what it takes."""
        with ExitStack() as turn:
            is_alone = False
            while True:
                if (error := self._retries.stopped_by) is not None:
                    raise error
                if not is_alone and self._sessions_keep_ending():
                    # Until it is read: what found the session over is the first to be asked for in the next.
                    turn.enter_context(self._one_at_a_time())
                    is_alone = True
                session = self._session(job)
                try:
                    return self._fetch_with(session, job, request)
                except SessionExpired as expired:
                    self._renew(session, job, expired)

    def _fetch_with(self, session: Session, job: PageJob, request: PageRequest[T]) -> tuple[T, datetime]:
        def suspect(error: IngramError, sent_at: float) -> bool:
            if isinstance(error, SiteFailed) and self._one_more_failure(session) < TOO_MANY_GONE:
                return False
            return self._suspects(session, job, error, sent_at)

        def keep(error: PageChanged, answer: Fetched) -> None:
            self._keep_page(answer.body, job.isbn or request.expected, str(error), session.cookies)

        try:
            result = self._fetching.fetch(session, request, on_changed=keep, suspect=suspect)
        except (SessionExpired, Canceled):
            raise
        except IngramError as failure:
            if failure is not self._politeness.given_up():  # then nothing was sent
                job.tries += 1
            is_title = request.expected is ExpectedAnswer.PRODUCT and self._sessions.can_sign_in
            if isinstance(failure, NotFound) and is_title:
                self._one_more_failure(session)
                job.gone = TitleGone(failure, session, time.time())
            raise
        job.tries += 1
        # A picture may be shown to anybody.
        read_at = None if request.expected is ExpectedAnswer.PICTURE else result[1].timestamp()
        self._count_page(session, job, read_at)
        return result

    def confirm_gone(self, job: PageJob) -> None:
        """Raises what was said of a title that is not there, once the session has proved right since.

        By a page that was read later, which costs nothing, or else by the home page. If neither proves it,
        the session is renewed, and the title asked for again.
        """
        if (gone := job.gone) is None:
            return
        if self._retries.stopped_by is not None:
            return  # nobody knows: it comes out like every title that was not asked for
        job.gone = None
        if not self._suspects(gone.session, job, gone.error, gone.at):
            raise gone.error
        self._renew(gone.session, job, SessionSuspected(f"The session may be over ({gone.error})"))

    def too_many_are_gone(self, session: Session) -> bool:
        """Whether so many answers in a row said "not here" that it is perhaps the session."""
        return self._record(session.id).failures_in_a_row >= TOO_MANY_GONE

    def _renew(self, session: Session, job: PageJob, expired: SessionExpired) -> None:
        """A new session for a page that was refused, unless it is the page that is odd.

        A page that is refused right after a sign-in must not cause another one, and another: so before the
        second, the home page is asked whether the session lives. A sign-in that failed (the browser died, the
        site was down) left the old session, which says nothing when it is refused again. Nor does one that
        ended before its first pages were taken in: only two such sign-ins in a row were in vain.
        """
        job.expired_under.append(session.id)
        self._refused.setdefault(session.id)
        in_vain = not any(self._record(ended).pages for ended in [*self._refused][-2:])
        is_second_in_vain = in_vain and self._sessions.sign_ins > 1
        is_doubtful = len(set(job.expired_under)) > 1 or (in_vain and len(self._refused) > 1)
        if (is_doubtful or is_second_in_vain) and self._session(job).id == session.id:
            if self._home_answers(session):
                raise SessionExpired(
                    f"{job.what} says that the session is over, though it was signed in afresh and other "
                    "pages answer: open it in a browser."
                ) from expired
            if is_second_in_vain:
                raise self._stopped(
                    f"The session is refused right after signing in ({job.what}): sign in to iPage by hand "
                    "and see what it says, or put that browser's Cookie header into IPAGE_SESSION_COOKIE."
                ) from expired
        if len(job.expired_under) > MAX_SESSIONS:
            raise SessionExpired(
                f"{job.what} found the session over {len(job.expired_under)} times: see whether somebody "
                "else signs in with this account."
            ) from expired
        enough = MAX_SIGN_INS + self._fetching.counts[FetchOutcome.ok] // _PAGES_A_SIGN_IN
        if (made := self._sessions.sign_ins) >= enough and self._session(job).id == session.id:
            raise self._stopped(
                f"The session was lost again after {made} sign-ins in this run: see whether somebody "
                "else signs in with this account, and run again later."
            ) from expired
        self._session(job, stale=session)

    def _stopped(self, why: str) -> SessionLost:
        error = SessionLost(why)
        self._retries.stop(error)
        return error

    def _suspects(self, session: Session, job: PageJob, error: IngramError, sent_at: float) -> bool:
        """Whether what came, and bore no mark of anything, is taken for the end of the session.

        So is that a title is not there, though it is asked only after no page proved the session right.

        A site that was redesigned sends nothing but such pages. So first the home page is asked, once as long
        as nothing was read between; where that says neither yes nor no, one sign-in is made on suspicion, and
        no other before that one turned out to be right: by a page that is read in the new session and bore no
        mark in the old one.
        """
        if not self._sessions.can_sign_in:
            return False  # a session captured by hand is not thrown away on suspicion
        with self._suspecting:
            last = self._sessions.last
            if last is None or last.id != session.id or session.id == self._suspected:
                job.is_suspect = True
                return True  # it is renewed already: to read the page again costs no sign-in
            record = self._record(session.id)
            if record.read_at > sent_at:
                return False
            if not record.home_asked:
                record.home_asked, record.home_lives = True, self._home_shows_a_session(session)
            lives = record.home_lives
            if lives or (lives is None and self._suspected is not None):
                return False
            # Where home says nothing, none is made during maintenance, nor for one title that may be gone.
            is_one_gone = isinstance(error, NotFound) and job.isbn is not None
            is_one_gone = is_one_gone and record.failures_in_a_row < TOO_MANY_GONE
            if lives is None and (is_one_gone or isinstance(error, SiteClosed)):
                return False
            self._suspected = session.id if lives is None else self._suspected
            job.is_suspect = True
            return True

    def _record(self, session_id: str) -> _SessionRecord:
        return self._records.setdefault(session_id, _SessionRecord())

    def _one_more_failure(self, session: Session) -> int:
        with self._mutex:
            record = self._record(session.id)
            record.failures_in_a_row += 1
            return record.failures_in_a_row

    def _count_page(self, session: Session, job: PageJob, read_at: float | None) -> None:
        """A page was read; `read_at`: when it was asked for, if it proves that the session lives."""
        with self._mutex:
            record = self._record(session.id)
            record.pages += 1
            if read_at is None:
                return
            record.read_at = max(read_at, record.read_at)
            record.home_asked, record.failures_in_a_row = False, 0
            if job.is_suspect:
                job.is_suspect, self._suspected = False, None

    def _home_shows_a_session(self, session: Session) -> bool | None:
        """Whether the session lives, by the home page; `None`: that does not tell."""

        def is_a_script_alone(error: IngramError, _: float) -> bool:
            return isinstance(error, PerhapsBlocked)

        profile = self._profile
        home = PageRequest(profile.home, ExpectedAnswer.PAGE, lambda body: shows_a_session(body, profile))
        try:
            shows, _ = self._fetching.fetch(session, home, suspect=is_a_script_alone)
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

    def _home_answers(self, session: Session) -> bool:
        record = self._record(session.id)
        if record.home_answers and not record.pages:
            return True
        try:
            self._fetching.fetch(session, PageRequest(self._profile.home, ExpectedAnswer.PAGE, bytes))
        except SessionExpired:
            return False
        record.home_answers = True
        return True

    def _session(self, job: PageJob, stale: Session | None = None) -> Session:
        try:
            return self._sessions.current(stale)
        except Canceled:
            raise
        except IngramError as error:
            job.tries += 1
            if self._sessions.failed is not None:
                self._retries.stop(self._politeness.given_up() or error)
            raise

    def _sessions_keep_ending(self) -> bool:
        return sum(self._record(ended).pages < _SHORT_LIVED for ended in [*self._refused]) >= 2

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        while not self._alone.acquire(timeout=0.3):
            self._canceled.raise_if_set()
        try:
            yield
        finally:
            self._alone.release()
