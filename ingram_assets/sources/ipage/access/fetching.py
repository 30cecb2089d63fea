"""One request to the site: sent in its turn, in the name of a session, followed, read and counted."""

import contextlib
import http.cookiejar
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from ingram_assets.domain import unpacking
from ingram_assets.domain.failures import IngramError, NeedsPerson, Permanent, Stopped
from ingram_assets.sources.ipage.access.answers import (
    ExpectedAnswer,
    Fetched,
    FetchOutcome,
    Refused,
    SessionSuspected,
    SiteSign,
    Unanswered,
    bears_no_mark,
    classify,
    outcome_of,
    path_of,
    seconds_of,
    sign_of,
)
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.access.politeness import Politeness
from ingram_assets.sources.ipage.access.session import Session
from ingram_assets.sources.ipage.access.transport import RequestDeadline, Transport
from ingram_assets.sources.ipage.pages import lost_session, walls
from ingram_assets.sources.ipage.pages.charsets import Body
from ingram_assets.sources.ipage.pages.page_failures import (
    Blocked,
    PageChanged,
    PerhapsBlocked,
    SessionExpired,
)
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in

log = logging.getLogger(__name__)

T = TypeVar("T")

_MAX_REDIRECTS = 5

_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,image/*,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.9",
    "Accept-Encoding": "gzip, deflate",
}


class PagesUsedUp(Stopped):
    """All pages were asked for that may be asked for this time."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `total` bounds a page from its first byte sent to its last one read, however it trickles."""

    connect: float = 10.0
    read: float = 30.0
    total: float = 60.0


@dataclass(frozen=True, slots=True)
class PageRequest(Generic[T]):
    """What is asked for, and what becomes of the answer.

    Attributes:
        path: from the host on, with its query.
        read: makes the value of the body; its errors are classified like the answer's own.
        sign: what an error that is no block says of the site.
        total: seconds for all of it, where that is not the usual.
    """

    path: str
    expected: ExpectedAnswer
    read: Callable[[bytes], T]
    sign: Callable[[IngramError], SiteSign] = sign_of
    max_bytes: int = 8_000_000
    total: float | None = None


@dataclass(slots=True)
class _Exchange:
    """A request on its way: when it was sent (seconds since 1970, 0 for not yet), and what came."""

    sent_at: float = 0.0
    latency: float = 0.0
    answer: Fetched | None = None


class Fetching:
    """Sends requests in the name of a session, politely, and counts what became of them. Thread-safe.

    Args:
        base_url: scheme and host of the site; cookies go nowhere else.
        canceled: set by the caller to end every request within a moment.
        profile: what is believed of the site, by which answers are told apart.
    """

    def __init__(
        self,
        base_url: str,
        politeness: Politeness,
        timeouts: Timeouts,
        canceled: Cancellation,
        profile: SiteProfile | None = None,
    ) -> None:
        self._profile = profile or built_in()
        self._base_url = base_url.rstrip("/")
        self._site = _origin(self._base_url)
        self._politeness = politeness
        self._timeouts = timeouts
        self._guard = RequestDeadline(canceled)
        self._transport = Transport(self._guard)
        self._clients: dict[str, httpx.Client] = {}
        self._mutex = threading.Lock()
        self.counts: Counter[FetchOutcome] = Counter()
        self.pages_left: int | None = None
        """How many pages may still be asked for; `None`: as many as one likes."""

    def count_page(self) -> None:
        """One of those that may be asked for is used up. Raises PagesUsedUp: none was left."""
        with self._mutex:
            if self.pages_left is None:
                return
            if self.pages_left <= 0:
                raise PagesUsedUp("No more pages are read this time.")
            self.pages_left -= 1

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def cookies(self, session: Session) -> tuple[http.cookiejar.Cookie, ...]:
        """The session's cookies as the site has changed them since."""
        jar = self._client(session).cookies.jar
        while True:
            with contextlib.suppress(RuntimeError):  # a worker is just adding one
                return tuple(jar)

    def fetch(
        self,
        session: Session,
        request: PageRequest[T],
        *,
        on_changed: Callable[[PageChanged, Fetched], None] | None = None,
        suspect: Callable[[IngramError, float], bool] | None = None,
    ) -> tuple[T, datetime]:
        """Asks for one path and reads the answer; with it, when the request was sent (UTC).

        Args:
            on_changed: gets the answer that was not understood.
            suspect: decides whether an answer without any mark, which is this error, to a request sent then
                (seconds since 1970, by the clock of all runs), is to be taken for the end of the session.

        Raises:
            SessionExpired, Blocked, NotFound, PageChanged, Transient, Permanent: see `classify`.
            Blocked, Transient, Canceled: also without a request, see `Politeness.turn`.
        """
        self.count_page()
        exchange = _Exchange()
        try:
            with self._politeness.turn(session.id) as exchange.sent_at:
                body = self._answer(session, request, exchange)
            value = self._read(request.read, body)
        except Canceled:
            raise
        except IngramError as error:
            if not exchange.sent_at:
                raise
            answer = exchange.answer
            if answer is None:
                is_unmarked = isinstance(error, PageChanged) and error.label == "redirect"
            else:
                is_unmarked = bears_no_mark(error, answer.body, request.expected, self._profile)
            if suspect is not None and is_unmarked and suspect(error, exchange.sent_at):
                lost = SessionSuspected(
                    f"The session may be over (nothing of what was asked for came: {error}): sign in "
                    "again, then read this page."
                )
                self._count(lost, SiteSign.NEITHER, exchange)
                raise lost from error
            self._count(error, request.sign(error), exchange)
            if isinstance(error, PageChanged) and answer is not None and on_changed is not None:
                on_changed(error, answer)
            raise
        self._count(None, SiteSign.HEALTHY, exchange)
        if request.expected is ExpectedAnswer.PRODUCT:
            self._politeness.read_page(session.id)
        return value, datetime.fromtimestamp(exchange.sent_at, UTC)

    def _answer(self, session: Session, request: PageRequest[T], exchange: _Exchange) -> bytes:
        """The body that came, if it is what a healthy site sends.

        A block is counted here, before the slot is free for another request: all fetching stops at once.
        """
        began = time.monotonic()
        try:
            answer, exchange.latency = self._ask(session, request)
        finally:
            exchange.latency = exchange.latency or time.monotonic() - began
        exchange.answer = answer
        try:
            classify(answer, request.expected, self._profile)
        except Blocked as error:
            is_doubtful = isinstance(error, PerhapsBlocked)
            if is_doubtful and not self._politeness.is_half_open:
                raise
            self._blocked(error, exchange.sent_at)
            if is_doubtful:  # Right after a block it is another one, and no end of the session.
                raise Blocked(str(error)) from error
            raise
        if request.expected is ExpectedAnswer.PICTURE:
            return answer.body
        return Body.of(answer.body, answer.headers, answer.url)

    def _count(self, error: IngramError | None, sign: SiteSign, exchange: _Exchange) -> None:
        latency, sent_at = exchange.latency, exchange.sent_at
        outcome = FetchOutcome.ok if error is None else outcome_of(error)
        with self._mutex:
            self.counts[outcome] += 1
        self._politeness.latencies.append(latency)
        if outcome is FetchOutcome.blocked:
            self._blocked(error, sent_at)
        elif sign is SiteSign.FAILING:
            self._politeness.failed(latency, str(error), sent_at)
        elif sign is SiteSign.NEITHER:
            self._politeness.set_aside(latency, sent_at)
        else:
            self._politeness.answered(latency, sent_at)

    @staticmethod
    def _read(read: Callable[[bytes], T], body: bytes) -> T:
        try:
            return read(body)
        except IngramError:
            raise
        except Exception as error:
            # One page that nobody thought of must not end the reading of all the others.
            log.exception("A page could not be read.")
            raise PageChanged("its parts", f"reading it failed ({type(error).__name__}: {error}).") from error

    def _blocked(self, error: IngramError | None, sent_at: float) -> None:
        self._politeness.blocked(str(error), getattr(error, "retry_after", None), sent_at)

    def _ask(self, session: Session, request: PageRequest[T]) -> tuple[Fetched, float]:
        """The answer, after redirects, and the seconds until its headers.

        A picture may lie on another host, which gets no cookies; a page never does.
        """
        url, latency, leads_in = self._base_url + request.path, 0.0, False
        client = self._client(session)
        with self._guard.within(request.total or self._timeouts.total):
            for _ in range(_MAX_REDIRECTS + 1):
                began = time.monotonic()
                with _network_failures(), client.stream("GET", url) as response:
                    latency = latency or time.monotonic() - began
                    if response.next_request is None:
                        body = _body(response, request.max_bytes)
                        return Fetched(response.status_code, url, response.headers, body), latency
                    url = urljoin(url, response.headers["location"])
                leads_in = leads_in or self._leads_in(path_of(url))
                if walls.is_address(url):
                    raise Refused(
                        "The site blocks this machine (it sends to its bot wall): wait before reading on.",
                        seconds_of(response.headers.get("retry-after")),
                    )
                if _origin(url) != self._site:
                    if self._leads_in(url):
                        raise SessionExpired(
                            "The session is over (the site sends to the sign-in of "
                            f"{urlsplit(url).hostname}): sign in again, then read this page."
                        )
                    if request.expected is not ExpectedAnswer.PICTURE or _origin(url)[0] != self._site[0]:
                        raise PageChanged(
                            "redirect",
                            f"the site sends this page to another host, {urlsplit(url).hostname}, where the "
                            "session's cookies don't go; open it in a browser.",
                        )
                    client = self._new_client(session.user_agent)
        if leads_in:
            raise SessionExpired(
                "The session is over (the site redirects in a circle by way of its sign-in): sign in again, "
                "then read this page."
            )
        raise Unanswered("The site redirects in a circle: try again later, or open the page in a browser.")

    def _leads_in(self, address: str) -> bool:
        return lost_session.is_sign_in_address(address, self._profile.words)

    def _client(self, session: Session) -> httpx.Client:
        """One client per session: a late answer to an old session can't spoil the new one's cookies."""
        with self._mutex:
            if session.id not in self._clients:
                client = self._new_client(session.user_agent)
                client.cookies = httpx.Cookies(session.jar())
                self._clients[session.id] = client
            return self._clients[session.id]

    def _new_client(self, user_agent: str) -> httpx.Client:
        return httpx.Client(
            transport=self._transport,
            headers=_HEADERS | {"User-Agent": user_agent},
            timeout=httpx.Timeout(self._timeouts.read, connect=self._timeouts.connect),
            follow_redirects=False,
            trust_env=False,
        )


def _body(response: httpx.Response, max_bytes: int) -> bytes:
    """The body, unpacked within the limit."""
    try:
        return unpacking.unpacked(response.iter_raw(), response.headers.get("content-encoding"), max_bytes)
    except unpacking.Damaged as error:
        raise Unanswered(f"The answer did not come whole: {error}. Try again later.") from error
    except unpacking.NotUnpacked as error:
        if response.status_code in (401, 403, 429) or response.status_code >= 500:
            return b""  # The status says what it is.
        raise PageChanged("page", f"{error}; open it in a browser.") from error


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port


@contextlib.contextmanager
def _network_failures() -> Iterator[None]:
    try:
        yield
    except (httpcore.TimeoutException, httpx.TimeoutException) as error:
        raise Unanswered("The site did not answer in time: try again later.") from error
    except (httpcore.LocalProtocolError, httpx.LocalProtocolError) as error:
        # Its text may quote a header, and those hold the session. So may the error that it comes from.
        if not str(error).startswith("Illegal header"):
            raise Unanswered("The connection to the site was not in order: try again later.") from None
        raise NeedsPerson(
            "The session's cookies can't be sent, since one has a sign that no cookie has. Paste "
            "IPAGE_SESSION_COOKIE anew, or run `ingram forget session` to sign in anew."
        ) from None
    except (
        *(httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError),
        *(httpx.HTTPError, OSError),
    ) as error:
        raise Unanswered(
            f"The connection to the site failed ({type(error).__name__}: {error}): try again later."
        ) from error
    except httpx.InvalidURL as error:
        raise Permanent(f"The site redirects to no address ({error}): open the page in a browser.") from error
