"""One request to the site, and the one place where its answer is classified and counted."""

import contextlib
import email.utils
import http.cookiejar
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from ingram_assets.domain import unpacking
from ingram_assets.domain.failures import IngramError, NeedsPerson, Permanent, Stopped, Transient
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.access.politeness import Politeness
from ingram_assets.sources.ipage.access.session import Session
from ingram_assets.sources.ipage.access.transport import Guard, Transport
from ingram_assets.sources.ipage.pages import lost_session, walls
from ingram_assets.sources.ipage.pages.charsets import Body, decode
from ingram_assets.sources.ipage.pages.page_failures import (
    Blocked,
    NotFound,
    PageChanged,
    PerhapsBlocked,
    SessionExpired,
    SiteClosed,
)
from ingram_assets.sources.ipage.pages.pictures import NotAPicture, UnfitPicture
from ingram_assets.sources.ipage.pages.product_page import StockInPart
from ingram_assets.sources.ipage.pages.recognize import (
    PageKind,
    Recognized,
    looks_like_html,
    raise_unless_page,
    recognize,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

_MAX_REDIRECTS = 5

_READ_BY_THEIR_READERS = {"product": 8_000, "export": 200_000}
"""Bytes above which an answer with status 200 is left to its reader to recognize: parsed once, not twice, in
a sweep of thousands; and an export may be longer than any page. What comes in their place is mostly less."""

NO_PICTURE = re.compile(r"\bno (?:image|picture|cover)|not (?:available|found)", re.IGNORECASE)

_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,image/*,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.9",
    "Accept-Encoding": "gzip, deflate",
}


class FetchOutcome(StrEnum):
    """What became of a fetch. The names are those of the run's metadata."""

    ok = "ok"
    not_found = "not_found"
    expired = "expired"
    blocked = "blocked"
    changed = "changed"
    transient = "transient"
    permanent = "permanent"


def outcome_of(error: IngramError) -> FetchOutcome:
    """The name under which an error is counted."""
    match error:
        case NotFound():
            return FetchOutcome.not_found
        case SessionExpired() | NeedsPerson():
            return FetchOutcome.expired
        case Stopped():
            return FetchOutcome.blocked
        case StockInPart():
            return FetchOutcome.ok  # of the title's page; how much its stock says is another matter
        case PageChanged():
            return FetchOutcome.changed
        case Transient():
            return FetchOutcome.transient
        case _:
            return FetchOutcome.permanent


class Refused(Blocked):
    """A status that says no: 403, 429. `retry_after` is the pause in seconds that the site asks for."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SessionSuspected(SessionExpired):
    """The answer bears no mark of what was asked for, and is taken for the end of the session."""


class Unanswered(Transient):
    """No answer, half an answer, or a failure of the site's own. `retry_after` as for `Refused`."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EmptyAnswer(Unanswered):
    """Status 200 and not a byte: a failure of the site's own, or what it sends to a session that is over."""


class SiteFailed(Unanswered):
    """A status of 500 and more, without a word on when to come again."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `total` bounds a page from its first byte sent to its last one read, however it trickles."""

    connect: float = 10.0
    read: float = 30.0
    total: float = 60.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came back. `body` is decompressed; `url` is where redirects on the site's host ended."""

    status: int
    url: str
    headers: httpx.Headers
    body: bytes


class Expected(StrEnum):
    """What is asked for. The readers of product pages and exports recognize what came in their place."""

    PRODUCT = "product"
    PAGE = "page"
    EXPORT = "export"
    PICTURE = "picture"


def classify(answer: Fetched, expected: Expected) -> None:
    """Passes an answer that is what a healthy site sends; what stands in its body is for the reader to say.

    Raises:
        Blocked: 403, 429, or the bot wall's page or headers whatever its status. PerhapsBlocked: a script
            alone, whatever its status.
        SessionExpired: 401, the login form, the expired-session page.
        SiteClosed: the page that says that the site is closed for a while.
        NotFound: 404, 410, the page that says that nothing matches, or nothing in a picture's place.
        PageChanged: an error page of the site.
        Unanswered: the site's own failures (5xx, 408, 425) and an empty body.
        Permanent: any other status.
    """
    status, body = answer.status, answer.body
    retry_after = _retry_after(answer.headers.get("retry-after"))
    sent_to_sign_in = lost_session.is_sign_in_address(_path(answer.url))
    most = _READ_BY_THEIR_READERS.get(expected)
    if status == 200 and most is not None and len(body) > most and not sent_to_sign_in:
        found = Recognized(PageKind.PAGE, "left to its reader")
        wall = walls.in_headers(answer.headers.multi_items())
        if wall is not None:
            found = Recognized(PageKind.BLOCKED, wall)
    else:
        may_be_empty = expected is Expected.PICTURE and status in (200, 204, 404, 410)
        found = recognize(body, answer.headers.multi_items(), may_be_empty=may_be_empty)
    if found.kind is PageKind.BLOCKED or status in (403, 429):
        shown = found.detail if found.kind is PageKind.BLOCKED else f"status {status}"
        raise Refused(f"The site blocks this machine ({shown}): wait before reading on.", retry_after)
    is_elsewhere = sent_to_sign_in and not found.is_product and status < 500
    if status == 401 or found.kind in (PageKind.SIGN_IN, PageKind.EXPIRED) or is_elsewhere:
        shown = found.detail
        if status == 401:
            shown = f"status {status}"
        elif found.kind not in (PageKind.SIGN_IN, PageKind.EXPIRED):
            shown = f"the site sends to {_path(answer.url)}"
        raise SessionExpired(f"The session is over ({shown}): sign in again, then read this page.")
    if found.kind in (PageKind.BARE, PageKind.CLOSED):
        raise_unless_page(found)
    if status in (404, 410) or found.kind is PageKind.NOT_FOUND:
        shown = found.detail if found.kind is PageKind.NOT_FOUND else f"status {status}"
        asked = "the saved search's number" if expected is Expected.EXPORT else "the ISBN"
        raise NotFound(f"The site lists nothing here ({shown}): check {asked}.")
    if status >= 500 and retry_after is None:
        raise SiteFailed(f"The site failed with status {status}: try again later.")
    if status >= 500 or status in (408, 425):
        raise Unanswered(f"The site failed with status {status}: try again later.", retry_after)
    if status != 200:
        raise Permanent(f"The site answered with status {status}, which is no page: open it in a browser.")
    if not body:
        if expected is Expected.PICTURE:
            raise NotFound("The site has no picture here (an empty answer).")
        raise EmptyAnswer("The site answered with an empty body: try again later.")
    if found.kind is PageKind.ERROR and expected is not Expected.PICTURE:
        asked = "export" if expected is Expected.EXPORT else "page"
        raise PageChanged(asked, f"the site sent an error page ({found.detail}); open it in a browser.")


def bears_no_mark(error: IngramError, body: bytes, expected: Expected) -> bool:
    """Whether what came in the place of what was expected bears no mark of it, nor of anything known.

    It may be the end of a session in clothes that nobody has seen.
    """
    if isinstance(error, PerhapsBlocked | EmptyAnswer | SiteFailed | SiteClosed):
        return True
    if isinstance(error, NotFound) and expected is Expected.EXPORT:
        return True  # the saved search that was there; a title may be gone for good
    if expected is Expected.PICTURE:
        is_page = isinstance(error, PageChanged | NotAPicture) and not isinstance(error, UnfitPicture)
        return is_page and looks_like_html(body) and NO_PICTURE.search(decode(body)[:20_000]) is None
    if not isinstance(error, PageChanged) or expected is Expected.PAGE:
        return False
    if expected is Expected.EXPORT and not looks_like_html(body) and len(body) > 4_000:
        return False
    return not recognize(body).is_product


class Sign(StrEnum):
    """What an answer says of the site as a whole."""

    HEALTHY = "healthy"
    FAILING = "failing"
    NEITHER = "neither"
    """It says something of this one page alone."""


def sign_of(error: IngramError) -> Sign:
    """What an error says of the site, as far as can be told without knowing the page."""
    failing = outcome_of(error) in (FetchOutcome.transient, FetchOutcome.changed)
    return Sign.FAILING if failing else Sign.HEALTHY


class Fetching:
    """Sends requests in the name of a session, politely, and counts what became of them. Thread-safe.

    Args:
        base_url: scheme and host of the site; cookies go nowhere else.
        canceled: set by the caller to end every request within a moment.
    """

    def __init__(
        self, base_url: str, politeness: Politeness, timeouts: Timeouts, canceled: Cancellation
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._site = _origin(self._base_url)
        self._politeness = politeness
        self._timeouts = timeouts
        self._guard = Guard(canceled)
        self._transport = Transport(self._guard)
        self._clients: dict[str, httpx.Client] = {}
        self._mutex = threading.Lock()
        self.counts: Counter[FetchOutcome] = Counter()

    def close(self) -> None:
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
        path: str,
        expected: Expected,
        read: Callable[[bytes], T],
        *,
        max_bytes: int = 8_000_000,
        total: float | None = None,
        on_changed: Callable[[PageChanged, Fetched], None] | None = None,
        sign: Callable[[IngramError], Sign] = sign_of,
        suspect: Callable[[IngramError, float], bool] | None = None,
    ) -> tuple[T, datetime]:
        """Asks for one path and reads the answer; with it, when the request was sent (UTC).

        Args:
            path: from the host on, with its query.
            read: makes the value of the body; its errors are classified like the answer's own.
            total: seconds for all of it, where that is not the usual.
            on_changed: gets the answer that was not understood.
            sign: what an error that is no block says of the site.
            suspect: decides whether an answer without any mark, which is this error, to a request sent then
                (seconds since 1970), is to be taken for the end of the session.

        Raises:
            SessionExpired, Blocked, NotFound, PageChanged, Transient, Permanent: see `classify`.
            Blocked, Transient, Canceled: also without a request, see `Politeness.turn`.
        """
        answer, latency, sent_at = None, 0.0, 0.0
        try:
            with self._politeness.turn() as sent_at:
                began = time.monotonic()
                try:
                    answer, latency = self._ask(
                        session, path, expected, max_bytes, total or self._timeouts.total
                    )
                finally:
                    latency = latency or time.monotonic() - began
                try:
                    classify(answer, expected)
                except PerhapsBlocked as error:
                    if self._politeness.is_proven:
                        raise
                    # Right after a block it is another one, and no end of the session: see below.
                    self._blocked(error, sent_at)
                    raise Blocked(str(error)) from error
                except Blocked as error:
                    # Before the slot is free for another request: all fetching stops at once.
                    self._blocked(error, sent_at)
                    raise
            body = answer.body
            if expected is Expected.PRODUCT:
                body = Body.of(body, answer.headers)
            value = self._read(read, body)
        except IngramError as error:
            if sent_at and not isinstance(error, Canceled):
                if suspect is not None and _is_unmarked(error, answer, expected) and suspect(error, sent_at):
                    lost = SessionSuspected(
                        f"The session may be over (nothing of what was asked for came: {error}): sign in "
                        "again, then read this page."
                    )
                    self._count(lost, Sign.NEITHER, latency, sent_at)
                    raise lost from error
                self._count(error, sign(error), latency, sent_at)
                if isinstance(error, PageChanged) and answer is not None and on_changed is not None:
                    on_changed(error, answer)
            raise
        self._count(None, Sign.HEALTHY, latency, sent_at)
        return value, datetime.fromtimestamp(sent_at, UTC)

    def _count(self, error: IngramError | None, sign: Sign, latency: float, sent_at: float) -> None:
        outcome = FetchOutcome.ok if error is None else outcome_of(error)
        with self._mutex:
            self.counts[outcome] += 1
        self._politeness.measured(latency)
        if outcome is FetchOutcome.blocked:
            self._blocked(error, sent_at)
        elif sign is Sign.FAILING:
            self._politeness.failed(latency, str(error))
        elif sign is Sign.NEITHER:
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

    def _ask(
        self, session: Session, path: str, expected: Expected, max_bytes: int, total: float
    ) -> tuple[Fetched, float]:
        """The answer, after redirects, and the seconds until its headers.

        A picture may lie on another host, which gets no cookies; a page never does.
        """
        url, latency, leads_in = self._base_url + path, 0.0, False
        client = self._client(session)
        with self._guard.within(total):
            for _ in range(_MAX_REDIRECTS + 1):
                began = time.monotonic()
                with _network_failures(), client.stream("GET", url) as response:
                    latency = latency or time.monotonic() - began
                    if response.next_request is None:
                        body = _body(response, max_bytes)
                        return Fetched(response.status_code, url, response.headers, body), latency
                    url = urljoin(url, response.headers["location"])
                leads_in = leads_in or lost_session.is_sign_in_address(_path(url))
                if walls.is_address(url):
                    raise Refused(
                        "The site blocks this machine (it sends to its bot wall): wait before reading on.",
                        _retry_after(response.headers.get("retry-after")),
                    )
                if _origin(url) != self._site:
                    if lost_session.is_sign_in_address(url):
                        raise SessionExpired(
                            "The session is over (the site sends to the sign-in of "
                            f"{urlsplit(url).hostname}): sign in again, then read this page."
                        )
                    if expected is not Expected.PICTURE or _origin(url)[0] != self._site[0]:
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


def _is_unmarked(error: IngramError, answer: Fetched | None, expected: Expected) -> bool:
    if answer is None:
        return isinstance(error, PageChanged) and error.label == "redirect"
    return bears_no_mark(error, answer.body, expected)


def _body(response: httpx.Response, max_bytes: int) -> bytes:
    """The body, unpacked within the limit.

    Raises:
        PageChanged: it is too long, or packed in a way that nobody asked for.
        Unanswered: it did not come whole.
    """
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


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _retry_after(text: str | None) -> float | None:
    """Seconds of a `Retry-After`, which is a number of them or a date."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


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
            "IPAGE_SESSION_COOKIE anew, or remove session.json in INGRAM_STATE_DIR/ipage to sign in anew."
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
