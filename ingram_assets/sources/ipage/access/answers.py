"""What an answer of the site is: the one place where it is classified, and what that says of the site."""

import contextlib
import email.utils
import time
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import httpx

from ingram_assets.domain.failures import IngramError, NeedsPerson, Permanent, Stopped, Transient
from ingram_assets.sources.ipage.pages import lost_session, walls
from ingram_assets.sources.ipage.pages.charsets import decode
from ingram_assets.sources.ipage.pages.page_failures import (
    NO_PAGE_OF_THE_SITE,
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
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in

_LEFT_TO_THEIR_READERS = {"product": 8_000, "export": 200_000}
"""Bytes above which an answer with status 200 is left to its reader, which recognizes what came in its place
and knows more of it: a product's page that was cut, an export that is longer than any page."""


class FetchOutcome(StrEnum):
    """What became of a fetch. The names are those of the run's metadata."""

    ok = "ok"
    not_found = "not_found"
    expired = "expired"
    blocked = "blocked"
    changed = "changed"
    transient = "transient"
    permanent = "permanent"


OF_ONE_PAGE = (FetchOutcome.changed, FetchOutcome.not_found, FetchOutcome.permanent)
"""Outcomes that may be one page's own, while the site is well."""


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


class _AsksToWait(IngramError):
    """`retry_after` is the pause in seconds that the site asks for."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(_AsksToWait, Blocked):
    """A status that says no: 403, 429."""


class SessionSuspected(SessionExpired):
    """The answer bears no mark of what was asked for, and is taken for the end of the session."""


class Unanswered(_AsksToWait, Transient):
    """No answer, half an answer, or a failure of the site's own."""


class EmptyAnswer(Unanswered):
    """Status 200 and not a byte: a failure of the site's own, or what it sends to a session that is over."""


class SiteFailed(Unanswered):
    """A status of 500 and more, without a word on when to come again."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came back. `body` is decompressed; `url` is where redirects on the site's host ended."""

    status: int
    url: str
    headers: httpx.Headers
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """The pause in seconds that the site asks for."""
        return seconds_of(self.headers.get("retry-after"))


class ExpectedAnswer(StrEnum):
    """What is asked for."""

    PRODUCT = "product"
    PAGE = "page"
    EXPORT = "export"
    PICTURE = "picture"


def classify(answer: Fetched, expected: ExpectedAnswer, profile: SiteProfile | None = None) -> None:
    """Passes an answer that is what a healthy site sends; what stands in its body is for the reader to say.

    Raises:
        Blocked: 403, 429, or the bot wall's page or headers whatever its status. PerhapsBlocked: a script
            alone, whatever its status.
        SessionExpired: 401, the login form, the expired-session page.
        SiteClosed: the page that says that the site is closed for a while.
        NotFound: 404, 410, the page that says that nothing matches, or nothing in a picture's place.
        PageChanged: an error page of the site, or one that is too large or too deep to be looked at.
        Unanswered: the site's own failures (5xx, 408, 425) and an empty body.
        Permanent: any other status.
    """
    profile = profile or built_in()
    status, found = answer.status, _recognized(answer, expected, profile)
    asked = "export" if expected is ExpectedAnswer.EXPORT else "page"
    if found.kind is PageKind.BLOCKED or status in (403, 429):
        shown = found.detail if found.kind is PageKind.BLOCKED else f"status {status}"
        asks = f", and asks to wait {answer.retry_after:.0f} s" if answer.retry_after else ""
        raise Refused(
            f"The site blocks this machine ({shown}{asks}): wait before reading on.", answer.retry_after
        )
    if (sign := _sign_of_the_end(answer, found, profile)) is not None:
        raise SessionExpired(f"The session is over ({sign}): sign in again, then read this page.")
    if found.kind in (PageKind.BARE, PageKind.CLOSED):
        raise_unless_page(found)
    if status in (404, 410) or found.kind is PageKind.NOT_FOUND:
        in_words = found.kind is PageKind.NOT_FOUND
        shown = found.detail if in_words else f"status {status}"
        is_search = expected in (ExpectedAnswer.EXPORT, ExpectedAnswer.PAGE)
        check = "the saved search's number or address" if is_search else "the ISBN"
        raise NotFound(f"The site lists nothing here ({shown}): check {check}.", in_words=in_words)
    if status != 200:
        raise _failure(answer)
    if not answer.body:
        if expected is ExpectedAnswer.PICTURE:
            raise NotFound("The site has no picture here (an empty answer).")
        raise EmptyAnswer("The site answered with an empty body: try again later.")
    if found.kind in (PageKind.ERROR, PageKind.UNREAD) and expected is not ExpectedAnswer.PICTURE:
        what = (
            f"the site sent an error page ({found.detail})" if found.kind is PageKind.ERROR else found.detail
        )
        raise PageChanged(asked, f"{what}; open it in a browser.")


def _recognized(answer: Fetched, expected: ExpectedAnswer, profile: SiteProfile) -> Recognized:
    headers = answer.headers.multi_items()
    longest = _LEFT_TO_THEIR_READERS.get(expected)
    is_sign_in = lost_session.is_sign_in_address(path_of(answer.url), profile.words)
    is_in_place = answer.status == 200 and not is_sign_in
    if is_in_place and longest is not None and len(answer.body) > longest:
        wall = walls.in_headers(headers)
        return Recognized(PageKind.BLOCKED, wall) if wall else Recognized(PageKind.PAGE, "left to its reader")
    may_be_empty = expected is ExpectedAnswer.PICTURE and answer.status in (200, 204, 404, 410)
    return recognize(answer.body, headers, may_be_empty=may_be_empty, profile=profile)


def _sign_of_the_end(answer: Fetched, found: Recognized, profile: SiteProfile) -> str | None:
    """What shows that the session is over, if anything does."""
    if answer.status == 401:
        return "status 401"
    if found.kind in (PageKind.SIGN_IN, PageKind.EXPIRED):
        return found.detail
    path = path_of(answer.url)
    is_sign_in = lost_session.is_sign_in_address(path, profile.words)
    if is_sign_in and not found.is_product and answer.status < 500:
        return f"the site sends to {path}"
    return None


def _failure(answer: Fetched) -> IngramError:
    """What a status means that is no page's, no block's and no session's."""
    status, retry_after = answer.status, answer.retry_after
    if status >= 500 and retry_after is None:
        return SiteFailed(f"The site failed with status {status}: try again later.")
    if status >= 500 or status in (408, 425):
        return Unanswered(f"The site failed with status {status}: try again later.", retry_after)
    return Permanent(f"The site answered with status {status}, which is no page: open it in a browser.")


def bears_no_mark(
    error: IngramError, body: bytes, expected: ExpectedAnswer, profile: SiteProfile | None = None
) -> bool:
    """Whether what came in the place of what was expected bears no mark of it, nor of anything known.

    It may be the end of a session in clothes that nobody has seen.
    """
    if isinstance(error, PerhapsBlocked | EmptyAnswer | SiteFailed | SiteClosed):
        return True
    if isinstance(error, NotFound) and expected is ExpectedAnswer.EXPORT:
        return True  # the saved search that was there; a title may be gone for good
    if expected is ExpectedAnswer.PICTURE:
        is_page = isinstance(error, PageChanged | NotAPicture) and not isinstance(error, UnfitPicture)
        no_picture = (profile or built_in()).words.no_picture
        return is_page and looks_like_html(body) and no_picture.search(decode(body)[:20_000]) is None
    if not isinstance(error, PageChanged) or expected is ExpectedAnswer.PAGE:
        return False
    if expected is ExpectedAnswer.EXPORT and not looks_like_html(body) and len(body) > 4_000:
        return False
    return not recognize(body, profile=profile).is_product


class SiteSign(StrEnum):
    """What an answer says of the site as a whole."""

    HEALTHY = "healthy"
    FAILING = "failing"
    NEITHER = "neither"
    """It says something of this one page alone."""


def sign_of(error: IngramError) -> SiteSign:
    """What an error says of the site, as far as can be told without knowing the page."""
    failing = outcome_of(error) in (FetchOutcome.transient, FetchOutcome.changed)
    return SiteSign.FAILING if failing else SiteSign.HEALTHY


def sign_of_title(error: IngramError, is_known: bool, is_first: bool) -> SiteSign:
    """What a title's page says of the site: one that used to be readable may be the first of many that were.

    Counted once a title, so that a second try does not make two of it.
    """
    if isinstance(error, StockInPart):
        return SiteSign.NEITHER
    came_whole = not isinstance(error, PageChanged) or error.label not in NO_PAGE_OF_THE_SITE
    if came_whole and outcome_of(error) in OF_ONE_PAGE:
        return SiteSign.FAILING if is_known and is_first else SiteSign.NEITHER
    return sign_of(error)


def path_of(url: str) -> str:
    """The address from its host on."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def seconds_of(text: str | None) -> float | None:
    """Seconds of a `Retry-After`, which is a number of them or a date."""
    if not text:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(text))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    return None
