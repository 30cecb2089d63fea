"""Signing in with a browser: the old login form, the second factor, and every way in which it can end.

The form is really filled in and submitted, so that its hidden token and whatever scripts add go along.
"""

import contextlib
import functools
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import ElementHandle, Frame, Page, Request, Response
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from ingram_assets.domain.failures import IngramError, NeedsPerson, Transient
from ingram_assets.sources.ipage.access.cancellation import Cancellation
from ingram_assets.sources.ipage.access.session import Cookie, Session, new_session
from ingram_assets.sources.ipage.login import forms
from ingram_assets.sources.ipage.login.browser import open_page
from ingram_assets.sources.ipage.login.forms import Control, Step, VisiblePage
from ingram_assets.sources.ipage.login.second_factor import CodeMissing, CodeSource, PromptCodes
from ingram_assets.sources.ipage.login.step_pictures import SignInStep, Watch, picture_of
from ingram_assets.sources.ipage.pages.page_failures import Blocked
from ingram_assets.sources.ipage.pages.recognize import recognize
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in

if TYPE_CHECKING:
    from ingram_assets.sources.ipage.login.account import Browser

log = logging.getLogger(__name__)

_LINGER = 1.5
"""Seconds that a page which asks for nothing is given to move on by itself."""

SOLVING = 4.0
"""Seconds that a bot wall's page is given: a browser solves some of them by itself."""

_NO_PAGE = (403, 429)
"""Statuses of a block, whatever comes with them; those of the site's own failures are above 500."""

TYPING = 5_000.0
"""Milliseconds that a field is waited for to take what is typed."""

RESENDING = 5.0
"""Seconds that the page is given to say that a new code was sent; some say nothing."""

MAX_OKTA_HOPS = 3
"""Trips to Okta in one sign-in after which it is a loop: an honest sign-in makes one at most."""


_BEFORE_THE_CODE = (Step.FACTOR, Step.SEND)
"""Where asking for a new code may lead back to."""

MAX_NOTICES = 3
"""Pages in between that are passed by in one sign-in."""


class SignInFailed(NeedsPerson):
    """The sign-in ended in a way that only a person can change."""

    kind = "sign_in"


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
    """A page on the way in that is not known; `html` is what it was."""

    def __init__(self, message: str, html: str) -> None:
        super().__init__(message)
        self.html = html


def sign_in(
    base_url: str,
    username: str,
    password: str,
    account: str,
    codes: CodeSource,
    browser: "Browser",
    last: Session | None,
    canceled: Cancellation,
    profile: SiteProfile | None = None,
    watch: Watch | None = None,
) -> Session:
    """Signs in and returns the session that the browser then has.

    Args:
        watch: is shown each page on the way.
        last: the session before, whose lasting cookies (the device's trust) the browser gets back, so that
            the site asks for no code.
        profile: what is believed of the site; without one, what comes with the program.

    Raises:
        SignInFailed: one of its kinds, each a sentence for the operator.
        CodeMissing, NoBrowser: as their rooms say.
        Blocked: the bot wall stands before the login form.
        Transient: the site or the browser failed; later it may work.
    """

    def run() -> Session:
        try:
            with open_page(executable=browser.executable, cdp_url=browser.cdp_url) as page:
                visit = _Visit(page, base_url, codes, browser.patience, canceled, profile or built_in())
                if watch is not None:
                    visit.show_to(watch, (username, password, account))
                return visit.sign_in(username, password, account, last)
        except PlaywrightError as error:
            what = _first_line(error)
        # Not while handling that error: below its first line it can quote what was typed.
        raise Transient(f"The browser failed while signing in ({what}): run again later.")

    # Playwright's synchronous API refuses a thread with an event loop: it gets one without.
    with ThreadPoolExecutor(1, thread_name_prefix="sign-in") as thread:
        return thread.submit(run).result()


def look_at(frame: Frame, profile: SiteProfile) -> VisiblePage | None:
    """What a person sees in a frame; `None` while it loads."""
    if frame.url in ("", "about:blank") or frame.url.startswith("chrome-error:"):
        return None
    found = frame.evaluate(_look())
    if found is None:
        return None
    controls = tuple(Control(**control) for control in found["controls"])
    said = (found["url"], found["title"], found["text"], found["messages"])
    kind = recognize(found["html"], profile=profile).kind
    return VisiblePage(*said, controls, kind, profile, found["html"])


class _Visit:
    def __init__(
        self,
        page: Page,
        base_url: str,
        codes: CodeSource,
        patience: float,
        canceled: Cancellation,
        profile: SiteProfile,
    ) -> None:
        self._profile, self._login = profile, f"{base_url.rstrip('/')}{profile.login}"
        self._page, self._base_url = page, base_url.rstrip("/")
        self._codes, self._patience, self._canceled = codes, patience, canceled
        self._hops: list[str] = []
        self._navigations = 0
        self._clock_skew = timedelta()
        self._posts = self._users_typed = self._codes_typed = self._factors_chosen = self._notices = 0
        self._has_asked_again = False
        self._went_home = self._was_expired = False
        self._failure = ""
        self._status = 0  # of the answer that the page shows
        self._frame = page.main_frame
        self._watch: Watch | None = None
        self._secrets: tuple[str, ...] = ()
        page.on("request", self._saw_request)
        page.on("response", self._saw_response)
        page.on("requestfailed", self._saw_failure)
        page.on("framenavigated", self._saw_navigation)

    def show_to(self, watch: Watch, secrets: tuple[str, ...]) -> None:
        """From now on `watch` sees each page; nothing of what is typed, and no secret, can be read on it."""
        self._watch, self._secrets = watch, secrets

    def _show(self, view: VisiblePage | None) -> None:
        if self._watch is not None:
            step = "nothing" if view is None else forms.step_of(view).value
            path = urlsplit(self._page.url).path
            self._watch(SignInStep(step, path, picture_of(self._page, self._secrets), self._clock_skew))

    def sign_in(self, username: str, password: str, account: str, last: Session | None) -> Session:
        if last is not None and (lasting := last.lasting_cookies()):
            self._page.context.add_cookies([_for_browser(cookie) for cookie in lasting])
        view = self._move_to(self._profile.login)
        while True:
            step = forms.step_of(view)
            log.debug("Sign-in: %s shows step %s.", urlsplit(view.url).path, step)
            if step is Step.PAGE and (self._went_home or forms.is_home(view)):
                return self._session()
            if step is Step.USER and self._users_typed < 2:
                view = self._name_the_user(view, username, account)
            elif step is Step.LOGIN:
                view = self._log_in(view, username, password, account)
            else:
                view = self._step_on(view, step)

    def _step_on(self, view: VisiblePage, step: Step) -> VisiblePage:
        """The page after one that is not the login form."""
        match step:
            case Step.BLOCKED:
                raise Blocked("The bot wall stands before the login form: wait before signing in again.")
            case Step.TERMS:
                raise TermsNotAccepted(
                    "iPage shows its terms and conditions, which a person has to accept: sign in at "
                    f"{self._login} in a browser, read and accept them, and run again."
                )
            case Step.FACTOR if self._factors_chosen < 2:
                self._factors_chosen += 1
                return self._choose_factor(view)
            case Step.SEND if self._factors_chosen < 3:
                self._factors_chosen += 1
                self._codes.about_to_ask()
                return self._click(view, forms.send_button(view))
            case Step.CODE:
                return self._type_code(view)
            case Step.PAGE if self._posts and self._notices < MAX_NOTICES and forms.notice_button(view):
                self._notices += 1
                return self._click(view, forms.notice_button(view))
            case Step.PAGE if self._posts:
                # Some page in between (a notice, a survey): whether we are in, the home page shows.
                self._went_home = True
                return self._move_to(self._profile.home)
            case Step.EXPIRED if not self._was_expired:
                self._was_expired = True
                return self._move_to(self._profile.login)
        raise self._unknown(view)

    def _raise_if_refused(self, view: VisiblePage) -> None:
        """Raises what it means that the login form came back, unless it may be sent once more."""
        said = _quoted(view.messages)
        if not (self._posts or self._users_typed):
            return
        if self._codes_typed:
            raise CodeRefused(
                f"The site took the password but not the code, and asks to log in again{said}: check "
                "IPAGE_MFA and run again in a few minutes."
            )
        # Where the message is in no element for one, it stands among the words of the page.
        shown = view.messages or (view.text if self._posts else "")
        if self._profile.sign_in.locked.search(shown):
            raise AccountLocked(
                f"The iPage account is locked{said}: have Ingram's customer care unlock it, then run again."
            )
        if self._profile.sign_in.wrong.search(shown):
            raise WrongPassword(
                f"iPage refused the user or the password{said}: correct IPAGE_USERNAME and IPAGE_PASSWORD. "
                "They were tried once, since more tries lock the account."
            )
        if not self._posts:
            return  # the page with the password, after that with the user's name
        if view.messages and self._posts < 2:
            return  # "Your log in page is out of date": the password was not even looked at
        raise SignInPageChanged(
            f"The login form came back and does not say what was wrong{said}: sign in at "
            f"{self._login} in a browser and see what it asks for.",
            view.html,
        )

    def _log_in(self, view: VisiblePage, username: str, password: str, account: str) -> VisiblePage:
        self._raise_if_refused(view)
        self._posts += 1
        secret = forms.password_field(view)
        user = forms.user_field(view, secret) if secret else None
        if secret is None or (user is None and not self._users_typed):
            raise self._unknown(view)
        # Some accounts get their code as soon as the password is right.
        self._codes.about_to_ask()
        if user is not None:
            self._type_the_user(view, user, username, account)
        self._element(secret).fill(password, timeout=TYPING)
        return self._click(view, forms.go_button(view, secret), enter_in=secret)

    def _name_the_user(self, view: VisiblePage, username: str, account: str) -> VisiblePage:
        """The page that asks for the user's name alone."""
        self._raise_if_refused(view)
        self._users_typed += 1
        user = forms.lone_user_field(view)
        if user is None:
            raise self._unknown(view)
        self._type_the_user(view, user, username, account)
        return self._click(view, forms.go_button(view, user), enter_in=user)

    def _type_the_user(self, view: VisiblePage, user: Control, username: str, account: str) -> None:
        self._element(user).fill(username, timeout=TYPING)
        customer = forms.account_field(view, user)
        if customer is not None and account:
            self._element(customer).fill(account, timeout=TYPING)

    def _choose_factor(self, view: VisiblePage) -> VisiblePage:
        options = forms.factor_options(view)
        labels = [label for label, _ in options]
        if isinstance(self._codes, PromptCodes):
            number: int | None = self._codes.choose(labels)
        else:
            number = forms.wanted_factor(view, options, self._codes.factor)
        if number is None:
            raise FactorNotOffered(
                f"iPage offers {', '.join(map(repr, labels))} as second factor and not "
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
        return self._click(view, forms.go_button(view, control), enter_in=control)

    def _type_code(self, view: VisiblePage) -> VisiblePage:
        if self._codes_typed >= 2:
            raise CodeRefused(
                f"The site refused two codes in a row{_quoted(view.messages)}: check that IPAGE_MFA and its "
                "mailbox or secret belong to this account, and run again in a few minutes."
            )
        again = self._codes_typed > 0
        if again and self._codes.factor == "email" and not self._has_asked_again:
            log.info("The site refused the code%s: asking for a new one.", _quoted(view.messages))
            view = self._ask_again(view)
            if forms.step_of(view) in _BEFORE_THE_CODE:
                return view
        try:
            code = self._codes.code(self._clock_skew)
        except CodeMissing:
            is_last = again or self._has_asked_again
            if is_last or self._codes.factor != "email" or forms.resend_control(view) is None:
                raise
            log.info("No code came: asking for it once more.")
            view = self._ask_again(view)
            if forms.step_of(view) in _BEFORE_THE_CODE:
                return view
            code = self._codes.code(self._clock_skew)
        self._codes_typed += 1
        field = forms.code_field(view)
        if field is None:
            raise self._unknown(view)
        singles = forms.single_digit_fields(view)
        has_single = len(singles) >= len(code)
        for control, typed in zip(singles, code, strict=False) if has_single else [(field, code)]:
            self._element(control).fill(typed, timeout=TYPING)
        if trust := forms.trust_box(view):
            self._element(trust).check()
        return self._click(view, forms.go_button(view, field), enter_in=field)

    def _ask_again(self, view: VisiblePage) -> VisiblePage:
        resend = forms.resend_control(view)
        if resend is None:
            raise CodeRefused(
                f"The site refused the code{_quoted(view.messages)} and offers no new one: run again in a "
                "few minutes."
            )
        self._has_asked_again = True
        self._codes.about_to_ask()
        return self._click(view, resend, patience=RESENDING)

    def _session(self) -> Session:
        host = urlsplit(self._base_url).hostname or ""
        cookies = [
            _from_browser(cookie)
            for cookie in self._page.context.cookies()
            if _is_of_site(cookie.get("domain", ""), host)
        ]
        agent = self._page.evaluate("navigator.userAgent")
        return new_session(cookies, agent)

    def _unknown(self, view: VisiblePage) -> SignInPageChanged:
        return SignInPageChanged(
            f"Signing in led to a page that is not known: {urlsplit(view.url).path}, titled "
            f"{view.title[:80]!r}{_quoted(view.messages)}, with {forms.controls_in_words(view)}. Sign in at "
            f"{self._login} in a browser and see what it asks for.",
            view.html,
        )

    # How the page is moved and looked at.

    def _move_to(self, path: str) -> VisiblePage:
        """Goes to a page from inside the page: a remote browser that is moved by a tool loses its session."""
        before = self._begin_step()
        with _page_moves_on():
            self._page.evaluate("url => { window.location.href = url }", self._base_url + path)
        return self._settled(before, None, self._patience)

    def _click(
        self,
        view: VisiblePage,
        control: Control | None,
        *,
        enter_in: Control | None = None,
        patience: float | None = None,
    ) -> VisiblePage:
        """Clicks, or where there is no button presses Enter in a field."""
        before = self._begin_step()
        with _page_moves_on():
            if control is not None:
                element = self._element(control)
                try:
                    element.click(no_wait_after=True, timeout=5_000)
                except PlaywrightTimeout:
                    element.evaluate("element => element.click()")  # a banner lies over it
            elif enter_in is not None:
                self._element(enter_in).press("Enter", no_wait_after=True)
            else:
                raise self._unknown(view)
        return self._settled(before, view, patience or self._patience)

    def _begin_step(self) -> int:
        """Forgets what the step before brought; how many pages there have been so far."""
        self._hops, self._failure, self._status = [], "", 0
        return self._navigations

    def _settled(self, navigations: int, acted_on: VisiblePage | None, patience: float) -> VisiblePage:
        """The page after a step, once it asks for something; the same one if nothing comes of it."""
        try:
            view = self._waited_for(navigations, acted_on, patience)
        except IngramError:
            self._show(None)
            raise
        self._show(view)
        return view

    def _waited_for(self, navigations: int, acted_on: VisiblePage | None, patience: float) -> VisiblePage:
        until = time.monotonic() + patience
        previous: tuple[VisiblePage | None, int] = (None, 0)
        since = time.monotonic()
        while True:
            view = self._look()
            self._check()
            now = time.monotonic()
            if (view, self._status) != previous:
                previous, since = (view, self._status), now
            has_moved = self._navigations > navigations
            if self._shows_a_failure(view):
                if now - since > _LINGER:
                    raise self._refusal()
            elif view is not None and self._is_answer(view, acted_on, has_moved, now - since, now > until):
                return view
            if now > until:
                raise Transient(
                    f"The site's sign-in did not answer within {patience:.0f} s: run again later."
                )
            self._page.wait_for_timeout(50)

    def _shows_a_failure(self, view: VisiblePage | None) -> bool:
        step = None if view is None else forms.step_of(view)
        refused = self._status in _NO_PAGE and step in (None, Step.PAGE)
        return step is not Step.BLOCKED and (self._status >= 500 or refused)

    @staticmethod
    def _is_answer(
        view: VisiblePage, acted_on: VisiblePage | None, has_moved: bool, settled_for: float, is_late: bool
    ) -> bool:
        """Whether a page is what a step led to, and not one on the way there."""
        step = forms.step_of(view)
        if step is Step.BLOCKED:
            return is_late or settled_for > SOLVING
        if has_moved:
            # A page that asks for nothing may be on its way to another one: it gets a moment.
            return step is not Step.PAGE or forms.is_home(view) or settled_for > _LINGER
        if acted_on is None or settled_for <= 0.2:
            return False
        # Pages that change in place: another step, or an error message, is the answer.
        said = view.messages != "" and view.messages != acted_on.messages
        return said or step is not forms.step_of(acted_on) or is_late

    def _refusal(self) -> Transient | Blocked:
        if self._status in _NO_PAGE:
            return Blocked(
                f"The site blocks the sign-in (status {self._status}): wait before signing in again."
            )
        return Transient(
            f"The site's sign-in failed with status {self._status}, which says nothing of user and password: "
            "run again later."
        )

    def _check(self) -> None:
        self._canceled.raise_if_set()
        okta = [urlsplit(url) for url in self._hops if forms.OKTA.search(url)]
        if len(okta) >= MAX_OKTA_HOPS:
            raise OktaLoop(
                f"iPage sends to Okta ({okta[0].netloc}{okta[0].path}) and back in a loop, {len(okta)} times "
                "so far, instead of letting this account in: sign in by hand and put the browser's Cookie "
                "header into IPAGE_SESSION_COOKIE, or run again later."
            )
        if self._failure:
            raise Transient(f"The browser could not open the sign-in ({self._failure}): run again later.")

    def _look(self) -> VisiblePage | None:
        """What the page shows, or the frame in it that asks for something; `None` while it loads."""
        try:
            main = look_at(self._page.main_frame, self._profile)
            self._frame = self._page.main_frame
            if main is None or forms.step_of(main) is not Step.PAGE:
                return main
            for frame in self._page.frames[1:]:
                inner = look_at(frame, self._profile)
                if inner is not None and forms.step_of(inner) is not Step.PAGE:
                    self._frame = frame
                    return inner
            return main
        except PlaywrightError:
            return None  # the page is just being replaced

    def _element(self, control: Control) -> ElementHandle:
        found = self._frame.evaluate_handle(_look(), [control.index, control.key]).as_element()
        if found is None:
            raise Transient("A field of the sign-in page went away while it was filled in: run again later.")
        return found

    def _saw_request(self, request: Request) -> None:
        with contextlib.suppress(PlaywrightError):
            if request.is_navigation_request() and request.frame == self._page.main_frame:
                self._hops.append(request.url)

    def _saw_response(self, response: Response) -> None:
        with contextlib.suppress(PlaywrightError, ValueError, TypeError):
            if not response.request.is_navigation_request():
                return
            if response.frame == self._page.main_frame:
                self._status = response.status
            if date := response.headers.get("date"):
                self._clock_skew = parsedate_to_datetime(date) - datetime.now(UTC)

    def _saw_failure(self, request: Request) -> None:
        with contextlib.suppress(PlaywrightError):
            why = request.failure or ""
            # Aborted is what a page is whose script moved on before it was there.
            if request.is_navigation_request() and request.frame == self._page.main_frame:
                self._failure = "" if "ERR_ABORTED" in why else why

    def _saw_navigation(self, frame: Frame) -> None:
        if frame == self._page.main_frame and frame.url != "about:blank":
            self._navigations += 1


@functools.cache
def _look() -> str:
    return Path(__file__).with_name("snapshot.js").read_text(encoding="utf-8")


@contextlib.contextmanager
def _page_moves_on() -> Any:
    """A step that makes the page go away can end in an error of the call that made it."""
    try:
        yield
    except PlaywrightError as error:
        if not re.search(r"context was destroyed|navigat|detached", str(error), re.IGNORECASE):
            raise


def _for_browser(cookie: Cookie) -> Any:
    kept = asdict(cookie)
    return {"httpOnly": kept.pop("http_only"), **kept, "expires": cookie.expires or -1}


def _from_browser(cookie: Any) -> Cookie:
    expires = cookie.get("expires")
    return Cookie(
        **{name: cookie[name] for name in ("name", "value", "domain", "path")},
        expires=None if expires is None or expires < 0 else float(expires),
        secure=bool(cookie.get("secure")),
        http_only=bool(cookie.get("httpOnly")),
    )


def _is_of_site(domain: str, host: str) -> bool:
    """Whether a cookie belongs to the site or to its Okta: a remote browser may hold others' cookies too."""
    domain = domain.lstrip(".")
    return domain == host or domain.split(".")[-2:] == host.split(".")[-2:] or "okta" in domain


def _quoted(message: str) -> str:
    return f" (it says “{message[:200]}”)" if message else ""


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
