"""Signing in with a browser: the old login form, the second factor, and every way in which it can end.

The form is really filled in and submitted, so that its hidden token and whatever scripts add go along. What
comes after the password is known only in part, so pages are told apart by what a person would go by: the
labels of their fields and the words on their buttons.
"""

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ElementHandle, Frame, Page, Request, Response
from playwright.sync_api import Error as PlaywrightError

from ingram_assets.domain.failures import NeedsPerson, Transient
from ingram_assets.ipage.browser import open_page
from ingram_assets.ipage.page_failures import Blocked
from ingram_assets.ipage.politeness import Cancelled
from ingram_assets.ipage.recognise import Kind, recognise
from ingram_assets.ipage.second_factor import CodeMissing, CodeSource
from ingram_assets.ipage.session import DEVICE_TRUST, Cookie, Session, new_session

log = logging.getLogger(__name__)

LOGIN = "/ipage/li001.jsp"
HOME = "/ipage/common/contentdelivery/hm001View.action"

MAX_OKTA_HOPS = 3
"""Trips to Okta in one sign-in after which it is a loop: an honest sign-in makes one at most."""


class SignInFailed(NeedsPerson):
    """The sign-in ended in a way that only a person can change."""


class WrongPassword(SignInFailed):
    """The site refused user and password. Not tried again: some tries more lock the account."""


class AccountLocked(SignInFailed):
    """The account is locked or suspended."""


class TermsNotAccepted(SignInFailed):
    """The site shows terms that a person has to read and accept."""


class OktaLoop(SignInFailed):
    """The site sends to Okta and back without end."""


class FactorNotOffered(SignInFailed):
    """The second factor that is set up here is not among those on the page."""


class CodeRefused(SignInFailed):
    """The site refused the codes of the second factor."""


class SignInPageChanged(SignInFailed):
    """A page on the way in that is not known."""


class Step(StrEnum):
    """What a page on the way in asks for."""

    LOGIN = "login"
    TERMS = "terms"
    FACTOR = "factor"
    SEND = "send"
    CODE = "code"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Control:
    """A field, button or link that can be seen and used. `says` are all the words a person reads on it."""

    index: int
    tag: str
    type: str
    key: str
    """Its name and id."""
    says: str
    form: int
    """Number of the form it is in; -1 for none."""
    maxlength: int
    autocomplete: str
    options: tuple[str, ...] = ()

    @property
    def is_button(self) -> bool:
        return self.tag == "button" or (self.tag == "input" and self.type in ("submit", "button", "image"))

    @property
    def is_text_field(self) -> bool:
        return self.tag == "input" and self.type in ("text", "tel", "number", "password", "email", "")

    def matches(self, pattern: re.Pattern[str]) -> bool:
        return bool(pattern.search(self.says) or pattern.search(self.key))


@dataclass(frozen=True, slots=True)
class View:
    """A page as a person sees it."""

    url: str
    title: str
    text: str
    messages: str
    """The words of its error messages."""
    controls: tuple[Control, ...]
    kind: Kind = Kind.PAGE

    def first(self, wanted: Callable[[Control], Any]) -> Control | None:
        """The first control that fits."""
        return next((control for control in self.controls if wanted(control)), None)


_CODE_FIELD = re.compile(r"code|otp\b|one.?time|pin\b|verif|token|answer", re.IGNORECASE)
_ABOUT_CODES = re.compile(
    r"verif|identity|two.?(?:factor|step)|second factor|multi.?factor|authenticat|one.?time|security code|passcode",
    re.IGNORECASE,
)
_FACTORS = {
    "email": re.compile(r"e-?mail", re.IGNORECASE),
    "totp": re.compile(r"authenticat(?:or|ion) app|authenticator|verification app|\btotp\b", re.IGNORECASE),
    "sms": re.compile(r"\bsms\b|text message|\btext me\b|mobile", re.IGNORECASE),
    "voice": re.compile(r"\bvoice\b|phone call|\bcall me\b|\bphone\b", re.IGNORECASE),
}
_SEND = re.compile(r"\bsend\b.{0,20}\b(?:code|e-?mail|push)|get (?:a |the )?code|\bsend\b\s*$", re.IGNORECASE)
_RESEND = re.compile(
    r"re-?send|send (?:it )?again|(?:new|another) code|did(?:n.t| not) (?:get|receive)", re.IGNORECASE
)
_GO = re.compile(
    r"^\W*(?:ok|okay|verify|submit|continue|next|confirm|sign ?in|log ?in|send(?: (?:me )?(?:a |the )?(?:code|e-?mail))?)\W*$",
    re.IGNORECASE,
)
_NOT_GO = re.compile(
    r"re-?send|\bnew\b|another|again|back|cancel|help|forgot|log ?out|sign ?out|search", re.IGNORECASE
)
_TRUST = re.compile(
    r"remember|trust|(?:do not|don.t) (?:ask|challenge)|(?:device|browser|computer) for", re.IGNORECASE
)
_TERMS = re.compile(r"terms (?:and|&|of)|terms.{0,20}conditions|(?:license|user) agreement", re.IGNORECASE)
_ACCEPT = re.compile(r"\baccept\b|\bagree\b", re.IGNORECASE)
_LOCKED = re.compile(r"\block(?:ed)?\b|\bdisabled\b|\bsuspended\b|\bdeactivated\b|too many", re.IGNORECASE)
_WRONG = re.compile(
    r"incorrect|invalid|wrong|not recogni[sz]ed|(?:do|does) not match|not match|not valid|unable to (?:sign|log)"
    r"|(?:sign|log).?in failed|authentication failed",
    re.IGNORECASE,
)
_OKTA = re.compile(r"okta|/oauth2/|/authorize\b|/saml2?\b|/sso/", re.IGNORECASE)
_LOG_OUT = re.compile(r"\blog ?(?:out|off)\b|\bsign ?(?:out|off)\b", re.IGNORECASE)


def step_of(view: View) -> Step:
    """What the page asks for, by what can be seen on it."""
    if view.kind is Kind.BLOCKED:
        return Step.BLOCKED
    if code_field(view) is not None:
        return Step.CODE
    if password_field(view) is not None:
        return Step.LOGIN
    if view.kind is Kind.EXPIRED:
        return Step.EXPIRED
    if _TERMS.search(view.text) and view.first(
        lambda c: (c.is_button or c.type == "checkbox") and c.matches(_ACCEPT)
    ):
        return Step.TERMS
    if not is_home(view) and _ABOUT_CODES.search(f"{view.title} {view.text[:3000]}"):
        if factor_options(view):
            return Step.FACTOR
        if view.first(lambda c: c.is_button and _SEND.search(c.says)):
            return Step.SEND
    return Step.PAGE


def is_home(view: View) -> bool:
    """Whether this can only be seen by someone who is signed in."""
    return view.kind is Kind.PAGE and (
        urlsplit(view.url).path == HOME or view.first(lambda c: _LOG_OUT.search(c.says)) is not None
    )


def password_field(view: View) -> Control | None:
    """Where the password goes: the known field, else the first that hides what is typed."""
    return view.first(lambda c: "passwordText" in c.key.split()) or view.first(
        lambda c: c.type == "password" and not _CODE_FIELD.search(c.says)
    )


def user_field(view: View, password: Control) -> Control | None:
    """Where the user's name goes: the known field, else the last text field before the password."""
    known = view.first(lambda c: "userIDText" in c.key.split() or "username" in c.key.split())
    before = [
        control
        for control in view.controls
        if control.is_text_field and control.form == password.form and control.index < password.index
    ]
    return known or (before[-1] if before else None)


def code_field(view: View) -> Control | None:
    """Where the code goes: a field made for one, else the only text field of a page that speaks of codes."""
    fields = [control for control in view.controls if control.is_text_field]
    if any("passwordText" in control.key.split() for control in fields):
        return None
    for field in fields:
        if field.autocomplete == "one-time-code":
            return field
    named = [
        field
        for field in fields
        if field.matches(_CODE_FIELD)
        and not re.search(r"zip|postal|promo|search|user", field.key, re.IGNORECASE)
    ]
    if named and (len(fields) == len(named) or _ABOUT_CODES.search(view.text)) and not is_home(view):
        return named[0]
    lone = len(fields) == 1 or (len(fields) >= 6 and all(field.maxlength == 1 for field in fields[:6]))
    if lone and fields[0].type != "password" and not is_home(view) and _ABOUT_CODES.search(view.text):
        if re.search(r"\bcode\b|\bdigits?\b", view.text, re.IGNORECASE):
            return fields[0]
    return None


def factor_options(view: View) -> list[tuple[str, Control]]:
    """The ways to get a code that the page offers: their words, and the control to use.

    For a drop-down list the control comes once per option.
    """

    def is_factor(words: str) -> bool:
        return any(pattern.search(words) for pattern in _FACTORS.values())

    radios = [(c.says, c) for c in view.controls if c.type == "radio" and is_factor(f"{c.says} {c.key}")]
    lists = [
        (option, c) for c in view.controls if c.tag == "select" for option in c.options if is_factor(option)
    ]
    buttons = [(c.says, c) for c in view.controls if c.is_button and is_factor(c.says)]
    links = [(c.says, c) for c in view.controls if c.tag == "a" and is_factor(c.says) and len(c.says) < 60]
    return radios or lists or buttons or links


def go_button(view: View, beside: Control | None) -> Control | None:
    """The button that sends the form that `beside` is in."""
    buttons = [
        c
        for c in view.controls
        if c.is_button and (beside is None or c.form == beside.form) and not _NOT_GO.search(c.says)
    ]
    return next((b for b in buttons if _GO.search(b.says)), None) or next(
        (b for b in buttons if b.type in ("submit", "")), buttons[0] if buttons else None
    )


def wanted_factor(options: list[str], factor: str) -> int | None:
    """Which of the options is the factor set up here ("email", "totp")."""
    pattern = _FACTORS[factor]
    return next((number for number, words in enumerate(options) if pattern.search(words)), None)


@dataclass(frozen=True, slots=True)
class Browser:
    """Which browser signs in, see `browser.open_page`, and how patient it is (seconds)."""

    executable: str | None = None
    cdp_url: str | None = None
    patience: float = 45.0


def sign_in(
    base_url: str,
    username: str,
    password: str,
    account: str,
    codes: CodeSource,
    browser: Browser,
    last: Session | None,
    cancelled: threading.Event,
) -> Session:
    """Signs in and returns the session that the browser then has.

    Args:
        last: the session before, whose lasting cookies (the device's trust) the browser gets back, so that
            the site asks for no code.

    Raises:
        SignInFailed: one of its kinds, each a sentence for the operator.
        CodeMissing, NoBrowser: as their rooms say.
        Blocked: the bot wall stands before the login form.
        Transient: the site or the browser failed; later it may work.
    """

    def run() -> Session:
        try:
            with open_page(executable=browser.executable, cdp_url=browser.cdp_url) as page:
                visit = _Visit(page, base_url, codes, browser.patience, cancelled)
                return visit.sign_in(username, password, account, last)
        except PlaywrightError as error:
            raise Transient(
                f"The browser failed while signing in ({_first_line(error)}): run again later."
            ) from error

    # Playwright's synchronous API refuses a thread with an event loop: it gets one without.
    with ThreadPoolExecutor(1, thread_name_prefix="sign-in") as thread:
        return thread.submit(run).result()


class _Visit:
    """One sign-in in one page."""

    def __init__(
        self, page: Page, base_url: str, codes: CodeSource, patience: float, cancelled: threading.Event
    ) -> None:
        self._page = page
        self._base_url = base_url.rstrip("/")
        self._codes = codes
        self._patience = patience
        self._cancelled = cancelled
        self._hops: list[str] = []
        self._navigations = 0
        self._clock_skew = timedelta()
        self._trusted = False
        self._failure = ""
        self._frame = page.main_frame
        page.on("request", self._saw_request)
        page.on("response", self._saw_response)
        page.on("framenavigated", self._saw_navigation)

    def sign_in(self, username: str, password: str, account: str, last: Session | None) -> Session:
        """See the function of this name."""
        if last is not None and (lasting := last.lasting_cookies()):
            self._page.context.add_cookies([_for_browser(cookie) for cookie in lasting])
        view = self._move_to(LOGIN)
        posts = codes_typed = factors_chosen = 0
        went_home = False
        while True:
            step = step_of(view)
            log.debug("Sign-in: %s shows step %s.", urlsplit(view.url).path, step)
            match step:
                case Step.BLOCKED:
                    raise Blocked("The bot wall stands before the login form: wait before signing in again.")
                case Step.LOGIN if codes_typed:
                    raise CodeRefused(
                        "The site took the password but not the code, and asks to log in again"
                        f"{_quoted(view.messages)}: check IPAGE_MFA and run again in a few minutes."
                    )
                case Step.LOGIN if posts and self._refused(view, posts) is not None:
                    raise self._refused(view, posts)  # type: ignore[misc]
                case Step.LOGIN:
                    posts += 1
                    view = self._log_in(view, username, password, account)
                case Step.TERMS:
                    raise TermsNotAccepted(
                        "iPage shows its terms and conditions, which a person has to accept: sign in at "
                        f"{self._base_url}{LOGIN} in a browser, read and accept them, and run again."
                    )
                case Step.FACTOR if factors_chosen < 2:
                    factors_chosen += 1
                    view = self._choose_factor(view)
                case Step.SEND if factors_chosen < 3:
                    factors_chosen += 1
                    self._codes.about_to_ask()
                    view = self._click(view, view.first(lambda c: c.is_button and _SEND.search(c.says)))
                case Step.CODE:
                    if codes_typed >= 2:
                        raise CodeRefused(
                            f"The site refused two codes in a row{_quoted(view.messages)}: check that IPAGE_MFA "
                            "and its mailbox or secret belong to this account, and run again in a few minutes."
                        )
                    codes_typed += 1
                    view = self._type_code(view, again=codes_typed > 1)
                case Step.PAGE if posts and is_home(view):
                    return self._session()
                case Step.PAGE if posts and not went_home:
                    # Some page in between (a notice, a survey): whether we are in, the home page shows.
                    went_home = True
                    view = self._move_to(HOME)
                case Step.EXPIRED if not posts and not went_home:
                    went_home = True
                    view = self._move_to(LOGIN)
                case _:
                    raise self._unknown(view)

    def _refused(self, view: View, posts: int) -> SignInFailed | None:
        """The error that the login form's return means; `None` if the same form may be sent once more."""
        said = _quoted(view.messages)
        if _LOCKED.search(view.messages):
            return AccountLocked(
                f"The iPage account is locked{said}: have Ingram's customer care unlock it, then run again."
            )
        if _WRONG.search(view.messages):
            return WrongPassword(
                f"iPage refused the user or the password{said}: correct IPAGE_USERNAME and IPAGE_PASSWORD. It "
                "was tried once, since more tries lock the account."
            )
        if view.messages and posts < 2:
            return None  # "Your log in page is out of date": the password was not even looked at
        return SignInPageChanged(
            f"The login form came back without saying that anything was wrong{said}: sign in at "
            f"{self._base_url}{LOGIN} in a browser and see what it asks for."
        )

    def _log_in(self, view: View, username: str, password: str, account: str) -> View:
        secret = password_field(view)
        user = user_field(view, secret) if secret else None
        if secret is None or user is None:
            raise self._unknown(view)
        # Some accounts get their code as soon as the password is right.
        self._codes.about_to_ask()
        self._element(user).fill(username)
        customer = view.first(
            lambda c: (
                c.is_text_field
                and c.index not in (user.index, secret.index)
                and re.search("account", c.key, re.I)
            )
        )
        if customer is not None and account:
            self._element(customer).fill(account)
        self._element(secret).fill(password)
        return self._click(view, go_button(view, secret), enter_in=secret)

    def _choose_factor(self, view: View) -> View:
        options = factor_options(view)
        labels = [label for label, _ in options]
        if self._codes.factor == "prompt":
            number = self._codes.choose(labels)  # type: ignore[attr-defined]
        else:
            number = wanted_factor(
                [f"{label} {c.key}" if c.tag != "select" else label for label, c in options],
                self._codes.factor,
            )
        if number is None:
            raise FactorNotOffered(
                f"iPage offers {', '.join(repr(label) for label in labels)} as second factor and not "
                f"{self._codes.factor}: set IPAGE_MFA to one of them, or set it up in iPage."
            )
        label, control = options[number]
        log.info("The site asks for a second factor: choosing %s.", label)
        self._codes.about_to_ask()
        if control.tag == "select":
            self._element(control).select_option(label=label)
        elif control.type == "radio":
            self._element(control).check()
        else:
            return self._click(view, control)
        return self._click(view, go_button(view, control), enter_in=control)

    def _type_code(self, view: View, again: bool) -> View:
        if again and self._codes.factor == "email":
            log.info("The site refused the code%s: asking for a new one.", _quoted(view.messages))
            view = self._ask_again(view)
        try:
            code = self._codes.code(self._clock_skew)
        except CodeMissing:
            if again or self._codes.factor != "email" or self._resend_control(view) is None:
                raise
            log.info("No code came: asking for it once more.")
            view = self._ask_again(view)
            code = self._codes.code(self._clock_skew)
        field = code_field(view)
        if field is None:
            raise self._unknown(view)
        singles = [c for c in view.controls if c.is_text_field and c.maxlength == 1]
        if len(singles) >= len(code):
            for control, digit in zip(singles, code, strict=False):
                self._element(control).fill(digit)
        else:
            self._element(field).fill(code)
        if trust := view.first(lambda c: c.type == "checkbox" and c.matches(_TRUST)):
            self._element(trust).check()
            self._trusted = True
        return self._click(view, go_button(view, field), enter_in=field)

    def _resend_control(self, view: View) -> Control | None:
        return view.first(lambda c: (c.is_button or c.tag == "a") and _RESEND.search(c.says))

    def _ask_again(self, view: View) -> View:
        resend = self._resend_control(view)
        if resend is None:
            raise CodeRefused(
                f"The site refused the code{_quoted(view.messages)} and offers no new one: run again in a few minutes."
            )
        self._codes.about_to_ask()
        return self._click(view, resend)

    def _session(self) -> Session:
        cookies = [_from_browser(cookie) for cookie in self._page.context.cookies()]
        agent = self._page.evaluate("navigator.userAgent")
        until = datetime.now(UTC) + DEVICE_TRUST if self._trusted else None
        return new_session(cookies, agent, until)

    def _unknown(self, view: View) -> SignInPageChanged:
        return SignInPageChanged(
            f"Signing in led to a page that is not known: {urlsplit(view.url).path}, titled {view.title[:80]!r}"
            f"{_quoted(view.messages)}. Sign in at {self._base_url}{LOGIN} in a browser and see what it asks for."
        )

    # How the page is moved and looked at.

    def _move_to(self, path: str) -> View:
        """Goes to a page of the site from inside the page: a remote browser ends sessions that a tool moves."""
        before, self._hops, self._failure = self._navigations, [], ""
        with _page_moves_on():
            self._page.evaluate("url => { window.location.href = url }", self._base_url + path)
        return self._settled(before, None)

    def _click(self, view: View, control: Control | None, enter_in: Control | None = None) -> View:
        before, self._hops, self._failure = self._navigations, [], ""
        with _page_moves_on():
            if control is not None:
                self._element(control).click(no_wait_after=True, timeout=10_000)
            elif enter_in is not None:
                self._element(enter_in).press("Enter", no_wait_after=True)
            else:
                raise self._unknown(view)
        return self._settled(before, view)

    def _settled(self, navigations: int, acted_on: View | None) -> View:
        """The page after a step, once it is there; the same one if nothing happens within the patience."""
        until = time.monotonic() + self._patience
        previous: View | None = None
        while True:
            self._check(until)
            view = self._look()
            if view is not None:
                moved = self._navigations > navigations
                changed = acted_on is not None and view != acted_on and view == previous
                said = changed and (view.messages != "" or step_of(view) is not step_of(acted_on))  # type: ignore[arg-type]
                leaving = _OKTA.search(view.url) and view.kind is Kind.PAGE and step_of(view) is Step.PAGE
                if (moved and not leaving) or said:
                    return view
                previous = view
            if time.monotonic() > until - 1 and view is not None and acted_on is not None:
                return view
            self._page.wait_for_timeout(50)

    def _check(self, until: float) -> None:
        if self._cancelled.is_set():
            raise Cancelled("The sign-in was stopped before it was through; run again.")
        okta = [url for url in self._hops if _OKTA.search(url)]
        if len(okta) >= MAX_OKTA_HOPS:
            raise OktaLoop(
                f"iPage sends to Okta ({urlsplit(okta[0]).netloc}{urlsplit(okta[0]).path}) and back in a loop, "
                f"{len(okta)} times so far, instead of showing the old login form: sign in by hand and put the "
                "browser's Cookie header into IPAGE_SESSION_COOKIE, or try again later."
            )
        if self._failure:
            raise Transient(
                f"The site could not be opened in the browser ({self._failure}): run again later."
            )
        if time.monotonic() > until:
            raise Transient(
                f"The site's sign-in did not answer within {self._patience:.0f} s: run again later."
            )

    def _look(self) -> View | None:
        """What the page shows, or the frame in it that asks for something; `None` while it loads."""
        try:
            main = self._look_at(self._page.main_frame)
            self._frame = self._page.main_frame
            if main is None or step_of(main) is not Step.PAGE:
                return main
            for frame in self._page.frames[1:]:
                inner = self._look_at(frame)
                if inner is not None and step_of(inner) is not Step.PAGE:
                    self._frame = frame
                    return inner
            return main
        except PlaywrightError:
            return None  # the page is just being replaced

    @staticmethod
    def _look_at(frame: Frame) -> View | None:
        if frame.url in ("", "about:blank") or frame.url.startswith("chrome-error:"):
            return None
        found = frame.evaluate(_LOOK)
        if found is None:
            return None
        controls = tuple(
            Control(**control | {"options": tuple(control["options"])}) for control in found["controls"]
        )
        kind = recognise(found["html"]).kind
        return View(found["url"], found["title"], found["text"], found["messages"], controls, kind)

    def _element(self, control: Control) -> ElementHandle:
        found = self._frame.evaluate_handle(_FIND, [control.index, control.key]).as_element()
        if found is None:
            raise Transient("A field of the sign-in page went away while it was filled in: run again later.")
        return found

    def _saw_request(self, request: Request) -> None:
        with contextlib.suppress(PlaywrightError):
            if request.is_navigation_request() and request.frame == self._page.main_frame:
                self._hops.append(request.url)

    def _saw_response(self, response: Response) -> None:
        with contextlib.suppress(PlaywrightError, ValueError, TypeError):
            if response.request.is_navigation_request() and (date := response.headers.get("date")):
                self._clock_skew = parsedate_to_datetime(date) - datetime.now(UTC)

    def _saw_navigation(self, frame: Any) -> None:
        if frame == self._page.main_frame and frame.url != "about:blank":
            if frame.url.startswith("chrome-error:"):
                self._failure = "the browser shows its error page"
            self._navigations += 1


_SELECTOR = "input, select, button, a[href], textarea"

_LOOK = """() => {
    if (document.readyState !== 'complete') return null;
    const clean = text => (text || '').replace(/\\s+/g, ' ').trim();
    const seen = element => {
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        return box.width > 0 && box.height > 0 && style.visibility !== 'hidden' && style.display !== 'none';
    };
    const forms = [...document.forms];
    const says = element => {
        const labels = [...(element.labels || [])];
        const words = [
            ...labels.map(label => label.innerText),
            element.getAttribute('aria-label'), element.getAttribute('placeholder'), element.getAttribute('title'),
            ...(element.getAttribute('aria-labelledby') || '').split(' ').filter(Boolean)
                .map(id => (document.getElementById(id) || {}).innerText),
            element.tagName === 'INPUT' && ['submit', 'button'].includes(element.type) ? element.value : '',
            ['BUTTON', 'A'].includes(element.tagName) ? element.innerText || element.value : '',
        ];
        if (element.type === 'radio' && !labels.length && element.nextSibling) words.push(element.nextSibling.textContent);
        return clean(words.filter(Boolean).join(' ')).slice(0, 300);
    };
    const controls = [];
    [...document.querySelectorAll('SELECTOR')].forEach((element, index) => {
        const label = (element.labels || [])[0];
        const usable = !element.disabled && element.type !== 'hidden';
        if (!usable || !(seen(element) || (label && seen(label)))) return;
        controls.push({
            index, tag: element.tagName.toLowerCase(), type: (element.getAttribute('type') || '').toLowerCase(),
            key: clean((element.name || '') + ' ' + (element.id || '')), says: says(element),
            form: forms.indexOf(element.form), maxlength: Number(element.maxLength || -1),
            autocomplete: (element.getAttribute('autocomplete') || '').toLowerCase(),
            options: element.tagName === 'SELECT' ? [...element.options].map(option => clean(option.text)) : [],
        });
    });
    const messages = [...document.querySelectorAll(
        '.errorMessage, .error, .error-message, .alert, .alert-danger, [role=alert], .o-form-error-container'
    )].filter(seen).map(element => clean(element.innerText)).filter(Boolean);
    return {
        url: location.href, title: clean(document.title), controls,
        text: clean(document.body ? document.body.innerText : '').slice(0, 6000),
        messages: [...new Set(messages)].join(' ').slice(0, 500),
        html: document.documentElement.outerHTML.slice(0, 1000000),
    };
}""".replace("SELECTOR", _SELECTOR)

_FIND = """([index, key]) => {
    const element = document.querySelectorAll('SELECTOR')[index];
    if (!element) return null;
    const found = ((element.name || '') + ' ' + (element.id || '')).replace(/\\s+/g, ' ').trim();
    return found === key ? element : null;
}""".replace("SELECTOR", _SELECTOR)


@contextlib.contextmanager
def _page_moves_on() -> Any:
    """A step that makes the page go away can end in an error of the call that made it."""
    try:
        yield
    except PlaywrightError as error:
        if not re.search(r"context was destroyed|navigat|detached", str(error), re.IGNORECASE):
            raise


def _for_browser(cookie: Cookie) -> Any:
    return {
        "name": cookie.name,
        "value": cookie.value,
        "domain": cookie.domain,
        "path": cookie.path,
        "expires": cookie.expires or -1,
        "secure": cookie.secure,
        "httpOnly": cookie.http_only,
    }


def _from_browser(cookie: Any) -> Cookie:
    expires = cookie.get("expires", -1)
    return Cookie(
        name=cookie["name"],
        value=cookie["value"],
        domain=cookie["domain"],
        path=cookie["path"],
        expires=None if expires is None or expires < 0 else float(expires),
        secure=bool(cookie.get("secure")),
        http_only=bool(cookie.get("httpOnly")),
    )


def _quoted(message: str) -> str:
    return f" (it says “{message[:200]}”)" if message else ""


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
