"""The simulated site: what it answers at a moment, and whom it lets in.

An answer is what the network brings, which the product classifies by itself. A title's page alone is not
written out as HTML: it is a long body that names the page, which `parse` finds again.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx

from ingram_assets.domain.completeness import Shape
from ingram_assets.domain.failures import Transient
from ingram_assets.domain.stock import MAX_COUNT, DcStock, Role
from ingram_assets.sources.ipage import renewal, retries
from ingram_assets.sources.ipage import site as site_room
from ingram_assets.sources.ipage.access import fetching, politeness, turns
from ingram_assets.sources.ipage.access.answers import Fetched
from ingram_assets.sources.ipage.access.cancellation import Cancellation
from ingram_assets.sources.ipage.access.fetching import Fetching, PageRequest
from ingram_assets.sources.ipage.access.session import USER_AGENT, Cookie, Session, new_session
from ingram_assets.sources.ipage.login import refused_password
from ingram_assets.sources.ipage.login import sign_in as sign_in_room
from ingram_assets.sources.ipage.login.sign_in import WrongPassword
from ingram_assets.sources.ipage.pages.page_failures import Blocked, PageChanged
from ingram_assets.sources.ipage.pages.product_page import ProductPage
from ingram_assets.sources.ipage.profile.site_profile import built_in
from ingram_assets_tests.world.clock import Clock, replaced
from ingram_assets_tests.world.events import CENTERS

OWN = CENTERS[:2]
ADDRESS = "https://ipage.example"
COVER = "/ipage/hoverImage.jsp?ean="
LATENCY = 0.1
"""Seconds until an answer."""
ROLES: dict[str, Role] = {"TN": "primary", "PA": "secondary"}


@dataclass(slots=True)
class SiteTitle:
    """A title as Ingram has it. `hand` and `order` by center; `shown`: the centers that its page names."""

    isbn: str
    hand: dict[str, int]
    order: dict[str, int]
    shown: set[str]
    published: date = date(2020, 1, 1)
    price: Decimal = Decimal("20.00")
    broken: str | None = None
    broken_until: float = 0.0
    sound_since: float = 0.0


class Served(NamedTuple):
    """A page that came: when it was asked for, what it said, and whether it said all and the truth."""

    at: float
    stock: Mapping[str, DcStock] | None
    is_whole: bool
    is_true: bool


def copies_on(page: Served) -> int:
    """Copies on hand that a page showed."""
    return sum(counts.on_hand or 0 for counts in (page.stock or {}).values())


_LOGIN_FORM = (
    b"<html><body><form action='/ipage/li001.jsp' method='post'><input name='userid'>"
    b"<input type='password' name='password'><input type='submit' value='Go'></form></body></html>"
)
_NOTICE = b"<html><body><p>We're sorry, but your session has expired. Please log in again.</p></body></html>"
_FEDERATED = (
    b"<html><body onload='document.forms[0].submit()'><form action='https://fed.example/' method='post'>"
    b"<input type='hidden' name='SAMLRequest' value='x'></form></body></html>"
)
_HOME = b"<html><body><h1>Welcome</h1><a href='/ipage/logout'>Log out</a><p>Browse titles.</p></body></html>"
LOST: dict[str, tuple[int, bytes, str]] = {
    "status": (401, b"", ""),
    "login_form": (200, _LOGIN_FORM, ""),
    "notice": (200, _NOTICE, ""),
    "redirect": (200, _LOGIN_FORM, built_in().login),
    "federated": (200, _FEDERATED, ""),
    "empty": (200, b"", ""),
    "not_found": (404, b"", ""),
}
"""What comes in a title's place once the session is over: status, body, and where a redirect led. The last
two bear no mark of it: what the home page then says has to be asked."""


class SignIn(NamedTuple):
    """A sign-in that was tried: when, with which password, and what the site said.

    Attributes:
        refused: the site refused the password.
        needless: the last session lived.
    """

    at: float
    password: str
    refused: bool
    needless: bool


@dataclass(slots=True)
class SimulatedSite:
    """The site. `asked` are the times of all requests; `served` ISBN to the pages that came.

    Attributes:
        session: the number of the session that lives; 0: none does.
        lost_as: what a request in a session that ended gets, see `LOST`.
        pages_a_session: after so many pages a session ends, until `short_until`.
        latency: seconds until an answer.
        flights: when each request for a cover was sent and when it was answered.
        password: the account's. `password_in_settings` is the operator's, who corrects it at `corrected_at`.
    """

    own_table_only: bool
    titles: dict[str, SiteTitle] = field(default_factory=dict)
    down_until: float = 0.0
    blocking_until: float = 0.0
    wrong: str | None = None
    wrong_since: float = 0.0
    wrong_until: float = 0.0
    sound_since: float = 0.0
    prices_gone_until: float = 0.0
    prices_since: float = 0.0
    """Since when pages have the label of the price, or have it not."""
    asked: list[float] = field(default_factory=list)
    blocked_at: list[float] = field(default_factory=list)
    served: dict[str, list[Served]] = field(default_factory=dict)
    """What was read, and is still known of."""
    lost: dict[str, list[Served]] = field(default_factory=dict)
    """What was read, and went with the queue: the store was told of it."""
    session: int = 0
    lost_as: str = "redirect"
    pages_a_session: int = 0
    short_until: float = 0.0
    sign_ins_fail_until: float = 0.0
    password: str = "password 0"
    password_in_settings: str = "password 0"
    corrected_at: float = 0.0
    requests: int = 0
    pages: int = 0
    sign_ins: list[SignIn] = field(default_factory=list)
    latency: float = LATENCY
    covers_fail: bool = False
    flights: list[tuple[float, float]] = field(default_factory=list)
    _pages_left: int = 0
    _sessions: int = 0
    _bodies: dict[bytes, ProductPage | None] = field(default_factory=dict)

    def look_at_clock(self, now: float) -> None:
        """What was broken until now is mended."""
        if self.corrected_at <= now:
            self.password_in_settings = self.password
        if self.wrong and self.wrong_until <= now:
            self.wrong = None
        if 0 < self.prices_gone_until <= now:
            self.prices_gone_until, self.prices_since = 0.0, now
        for title in self.titles.values():
            if title.broken and title.broken_until <= now:
                title.broken, title.sound_since = None, now

    def hide_prices(self, now: float, until: float) -> None:
        """No page says its title's price until then, as far as a reader can tell."""
        if not self.prices_gone_until:
            self.prices_since = now
        self.prices_gone_until = max(self.prices_gone_until, until)

    def break_until(self, now: float, until: float) -> None:
        """The site as a whole is not to be relied on until then."""
        self.sound_since = max(self.sound_since, until)

    def answer(self, path: str, session: Session, now: float) -> Fetched:
        """What comes back for a path that is asked for with a session."""
        self.asked.append(now)
        self.requests += 1
        if now < self.blocking_until:
            self.blocked_at.append(now)
            return _fetched(path, 403)
        if now < self.down_until:
            return _fetched(path, 503)
        if session.cookies[0].value != str(self.session):
            status, body, led_to = (200, _LOGIN_FORM, "") if path == built_in().home else LOST[self.lost_as]
            return _fetched(led_to or path, status, body)
        if path == built_in().home:
            return _fetched(path, 200, _HOME)
        if path.startswith(COVER):
            return _fetched(path, 503 if self.covers_fail else 404)
        return self._answer_with_page(path, now)

    def _answer_with_page(self, path: str, now: float) -> Fetched:
        title = self.titles[path.rpartition("=")[2]]
        if now < self.short_until:
            if self._pages_left <= 0:
                self.session = 0
                return self.answer(path, Session("", (Cookie("JSESSIONID", "over", ""),), ""), now)
            self._pages_left -= 1
        if self.wrong == "all_404" or title.broken == "not_found":
            return _fetched(path, 404)
        body = b"%s page %d".ljust(_LONG) % (title.isbn.encode(), self.requests)
        self._bodies[body] = None
        if title.broken != "changed":
            page, is_whole = self._page(title)
            self._bodies[body], is_true = page, self.wrong is None
            self.served.setdefault(title.isbn, []).append(Served(now, page.stock, is_whole, is_true))
            self.pages += 1
        return _fetched(path, 200, body)

    def parse(self, body: bytes, *_: object) -> ProductPage:
        """What stands on the page of this body (`parse_product_page`)."""
        page = self._bodies.pop(body)
        if page is None:
            raise PageChanged("stock table", "its columns are not those that are known.")
        return page

    def end_sessions_after(self, pages: int, until: float) -> float:
        """Each session ends after so many pages until then, this one at once; the answer: until when."""
        self.session, self.pages_a_session = 0, pages
        self.short_until = max(self.short_until, until)
        return self.short_until

    def change_password(self, corrected_at: float) -> None:
        """The password is another one, and the session over."""
        self.session, self.corrected_at = 0, corrected_at
        self.password = f"password {len(self.sign_ins) + 1}"

    def sign_in(self, now: float, password: str) -> Session:
        """The browser signs in, or does not (`login.sign_in`)."""
        self.asked.append(now)
        fails = now < max(self.down_until, self.sign_ins_fail_until)
        reached = not fails and now >= self.blocking_until
        is_right = password == self.password
        self.sign_ins.append(
            SignIn(now, password, reached and not is_right, reached and is_right and self.session > 0)
        )
        if now < self.blocking_until:
            self.blocked_at.append(now)
            raise Blocked("The bot wall stands before the login form.")
        if fails:
            raise Transient("The site failed while signing in.")
        if not is_right:
            raise WrongPassword("iPage refused the user or the password.")
        self._sessions += 1
        self.session, self._pages_left = self._sessions, self.pages_a_session
        return new_session([Cookie("JSESSIONID", str(self.session), "ipage.example")], USER_AGENT)

    def _page(self, title: SiteTitle) -> tuple[ProductPage, bool]:
        wrong = self.wrong
        centers = [center for center in CENTERS if center in title.shown]
        if self.own_table_only or title.broken in ("in_part", "half"):
            centers = [center for center in centers if center in OWN]
        factor = {"times_1000": 1000, "zeros": 0}.get(wrong or "", 1)
        stock = None
        if title.broken != "no_table":
            stock = {
                center: DcStock(
                    0 if title.broken == "in_part" else min(MAX_COUNT, title.hand[center] * factor),
                    title.order[center],
                    ROLES.get(center, "other"),
                )
                for center in centers
            }
        others = stock is not None and any(center not in OWN for center in centers)
        page = ProductPage(
            isbn=title.isbn,
            title=f"Book {title.isbn}",
            publication_date=date(2099, 1, 1) if wrong == "preorder" else title.published,
            binding="E-Book" if wrong == "digital" else "Trade Paper",
            srp_price=None
            if self.prices_gone_until
            else Decimal("0.01")
            if wrong == "one_cent"
            else title.price,
            stock=stock,
            stock_shape=None if stock is None else Shape(own=True, others=int(others)),
        )
        return page, title.broken is None or (self.own_table_only and title.broken == "half")


_LONG = 8_200
"""Bytes of a title's page: so long a one is left to its reader."""


def _fetched(path: str, status: int, body: bytes = b"") -> Fetched:
    return Fetched(status, ADDRESS + path, httpx.Headers(), body)


class SimulatedFetching(Fetching):
    """The product's way of asking, with the simulated site in place of the network."""

    def __init__(self, site: SimulatedSite, clock: Clock, *given: Any) -> None:
        super().__init__(*given)
        self._simulated, self._clock = site, clock

    def _ask(self, session: Session, request: PageRequest[Any]) -> tuple[Fetched, float]:
        site, now = self._simulated, self._clock.moment().timestamp()  # a reading has it in microseconds
        answer = site.answer(request.path, session, now)
        if request.path.startswith(COVER):
            sent_at = self._clock.now
            self._clock.sleep(site.latency)
            site.flights.append((sent_at, self._clock.now))
            if now in site.blocked_at:  # who asks beside it knows of the block once it is answered
                site.blocked_at[site.blocked_at.index(now)] = self._clock.now
        return answer, site.latency


class SimulatedSemaphore:
    """`threading.Semaphore` for those that take turns on the simulated clock."""

    def __init__(self, clock: Clock, value: int) -> None:
        self._clock, self._left = clock, value

    def acquire(self, timeout: float) -> bool:
        if self._left <= 0:
            self._clock.sleep(timeout)
            return False
        self._left -= 1
        return True

    def release(self) -> None:
        self._left += 1


class SimulatedCancellation(Cancellation):
    """Nobody cancels; who waits lets the world's time go by."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._clock.sleep(seconds)


@contextmanager
def reached(site: SimulatedSite, clock: Clock) -> Iterator[None]:
    """The product's modules that read the site, with this one in place of the network and of the browser."""

    def signs_in(base_url: str, user: str, password: str, *more: Any) -> Session:
        return site.sign_in(clock.now, password)

    of_site = {
        "Fetching": lambda *given: SimulatedFetching(site, clock, *given),
        "Cancellation": lambda: SimulatedCancellation(clock),
        "parse_product_page": site.parse,
    }
    times = {"time": clock.time_module}
    in_turn = SimpleNamespace(Semaphore=lambda value: SimulatedSemaphore(clock, value))
    with replaced(
        (site_room, of_site),
        (fetching, {"Transport": lambda _: None}),
        (sign_in_room, {"sign_in": signs_in}),
        (retries, {"datetime": clock.datetime_class}),
        (turns, {"_POLL": (0.2, 0.6), "threading": in_turn}),
        *((module, times) for module in (politeness, renewal, refused_password)),
    ):
        yield
