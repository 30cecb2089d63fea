"""The signed-in session that all runs share, on whichever machine: kept once, renewed by one at a time.

A sign-in is the dearest thing this room does: it costs a browser, a code by mail, and the site's trust. So
whoever finds the session expired first renews it, and everybody else waits and takes what that one brought.
"""

import contextlib
import hashlib
import http.cookiejar
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from ingram_assets.domain.cookies import NotCookies, read_pasted
from ingram_assets.domain.failures import IngramError, NeedsPerson
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.access.shared_state import SharedSession

log = logging.getLogger(__name__)

USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
"""Sent with cookies that a person captured without saying which browser they came from."""

MAX_FAILURES = 3
"""Sign-ins in a row that failed for the site's or the browser's sake, after which a run tries no more."""


_POLL = 0.1
"""Seconds between two tries to be the one that may sign in."""
_TELL_AFTER = 2.0
"""Seconds after which a run says that it waits for another's sign-in."""


class SessionLost(NeedsPerson):
    """The session ended and can't be renewed without a person."""

    kind = "sign_in"


@dataclass(frozen=True, slots=True)
class Cookie:
    """As a browser keeps it. `expires` in seconds since 1970, `None` for the browser session's length."""

    name: str
    value: str = field(repr=False)
    domain: str
    path: str = "/"
    expires: float | None = None
    secure: bool = False
    http_only: bool = True


@dataclass(frozen=True, slots=True)
class Session:
    """What a request needs to be taken for the signed-in browser. `id` is new with each sign-in."""

    id: str
    cookies: tuple[Cookie, ...] = field(repr=False)
    user_agent: str

    def jar(self) -> http.cookiejar.CookieJar:
        """The cookies for a client to send, each to its own host only."""
        jar = http.cookiejar.CookieJar()
        for cookie in self.cookies:
            jar.set_cookie(_for_jar(cookie))
        return jar

    def lasting_cookies(self) -> tuple[Cookie, ...]:
        """Those that outlive the browser: the device's trust is one, the session itself is not."""
        now = time.time()
        return tuple(cookie for cookie in self.cookies if cookie.expires and cookie.expires > now)


def new_session(cookies: Iterable[Cookie], user_agent: str) -> Session:
    """A session that was signed in just now."""
    return Session(secrets.token_hex(8), tuple(cookies), user_agent)


def session_from_header(text: str, base_url: str) -> Session:
    """The session of cookies that a person copied from a signed-in browser.

    Args:
        text: in any form that `domain/cookies.py` knows; better with the `User-Agent` of the same browser.

    Raises:
        NeedsPerson: there is no cookie for the site in it, or what is there can't be sent.
    """
    host = urlsplit(base_url).hostname or ""
    try:
        pasted = read_pasted(text)
        cookies = [
            Cookie(
                each.name,
                each.value,
                each.domain if each.domain and each.domain.startswith(".") else host,
                each.path,
                secure=base_url.startswith("https:"),
            )
            for each in pasted.of_host(host)
        ]
    except NotCookies as error:
        raise NeedsPerson(f"IPAGE_SESSION_COOKIE can't be sent: {error}.") from None
    return new_session(cookies, pasted.user_agent or USER_AGENT)


class KeptSession:
    """The current session of one account on one site. Thread-safe, and safe between runs.

    Args:
        shared: where it is kept.
        sign_in: makes a new session; gets the last one, for its device trust. `None`: nobody can sign in.
        by_hand: the text of IPAGE_SESSION_COOKIE, if any.
        canceled: ends the wait for another run's sign-in.
    """

    def __init__(
        self,
        shared: SharedSession,
        base_url: str,
        sign_in: Callable[[Session | None], Session] | None,
        by_hand: str | None,
        canceled: Cancellation,
    ) -> None:
        self._shared, self._base_url = shared, base_url
        self._sign_in = sign_in
        self._by_hand = by_hand
        self._by_hand_digest = hashlib.sha256(by_hand.encode()).hexdigest() if by_hand else None
        self._canceled = canceled
        self._mutex = threading.Lock()
        self.can_sign_in = sign_in is not None
        """Whether a session that ended can be made anew without a person."""
        self.last: Session | None = None
        """The session last used in this process, if there was one."""
        self.failed: IngramError | None = None
        """Why no further sign-in is tried in this run."""
        self._failures = 0
        self.sign_ins = 0

    def keep(self, session: Session, jar: Iterable[http.cookiejar.Cookie]) -> None:
        """Keeps the cookies as the site changed them, if the session is still the kept one.

        Not if another run is signing in just now: it is about to replace them.
        """
        changed = replace(session, cookies=tuple(_from_jar(cookie) for cookie in jar))
        if set(changed.cookies) == set(session.cookies):
            return
        if not self._shared.take():
            return
        try:
            kept = self._load()
            if kept.session is not None and kept.session.id == session.id:
                self._save(replace(kept, session=changed))
        finally:
            self._shared.give_back()

    def renewed(self) -> Session:
        """A session that was signed in for just now, whatever is kept. As `current` otherwise."""
        with self._alone():
            kept = self._load().session
        return self.current(kept)

    def current(self, stale: Session | None = None) -> Session:
        """The session to use: the kept one, else the one captured by hand, else a new sign-in.

        It is newer than `stale`: by a sign-in, unless another thread or process has had one.

        Raises:
            NeedsPerson: nobody can sign in, or the sign-in was refused; the same error to every caller.
        """
        if stale is None and (session := self.last) is not None:
            return session
        with self._mutex:
            if (session := self.last) is not None and (stale is None or session.id != stale.id):
                return session
            if self.failed is not None:
                raise self.failed
            try:
                self.last, is_signed_in = self._obtain_under_lock(stale)
            except Canceled:
                raise
            except IngramError as error:
                self._failures += 1
                # What needs a person is not tried again in this run: each wrong password counts to a lock.
                if isinstance(error, NeedsPerson) or self._failures >= MAX_FAILURES:
                    self.failed = error
                raise
            self._failures = 0
            # Counted once the new session is there to be used: who reads the count takes it for that one.
            self.sign_ins += is_signed_in
            return self.last

    def _obtain_under_lock(self, stale: Session | None) -> tuple[Session, bool]:
        """The session, and whether it was signed in for."""
        with self._alone():
            kept = self._load()
            newer = kept.session is not None and (stale is None or kept.session.id != stale.id)
            spent = kept.spent_by_hand
            if self._by_hand and stale is not None and not newer and self._by_hand_digest == kept.by_hand:
                spent = kept.by_hand
            if self._by_hand and self._by_hand_digest not in (spent, kept.by_hand):
                session = session_from_header(self._by_hand, self._base_url)
                self._save(_Kept(session, self._by_hand_digest, spent))
                return session, False
            if kept.session is not None and newer:
                return kept.session, False
            if spent != kept.spent_by_hand:
                self._save(replace(kept, spent_by_hand=spent))
            if self._sign_in is None:
                raise SessionLost(
                    "The session of IPAGE_SESSION_COOKIE has expired: sign in with a browser, copy its "
                    "Cookie header into IPAGE_SESSION_COOKIE and run again (or set IPAGE_USERNAME and "
                    "IPAGE_PASSWORD)."
                    if self._by_hand
                    else "Nothing to sign in to iPage with: set IPAGE_USERNAME and IPAGE_PASSWORD, or "
                    "IPAGE_SESSION_COOKIE."
                )
            # A session that can't be kept is not asked for: every run would sign in anew.
            self._save(kept)
            log.info("Signing in to %s.", urlsplit(self._base_url).hostname)
            began = time.monotonic()
            session = self._sign_in(kept.session)
            log.info("Signed in after %.1f s.", time.monotonic() - began)
            self._save(_Kept(session, None, spent))
            return session, True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """The right to replace the session, the wait for which ends when the caller closes the site."""
        began, is_told = time.monotonic(), False
        while not self._shared.take():
            if not is_told and time.monotonic() - began > _TELL_AFTER:
                log.info("Waiting for the sign-in of another run, whose session this one uses then.")
                is_told = True
            self._canceled.sleep(_POLL)
        try:
            yield
        finally:
            self._shared.give_back()

    def _load(self) -> "_Kept":
        if (kept := self._shared.load()) is not None:
            try:
                return _KEPT.validate_json(kept)
            except ValueError:
                log.warning("The kept session can't be read and is made anew by signing in.")
        return _Kept()

    def _save(self, kept: "_Kept") -> None:
        self._shared.save(_KEPT.dump_json(kept))


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept. `by_hand` and `spent_by_hand` are digests of IPAGE_SESSION_COOKIE texts."""

    session: Session | None = None
    by_hand: str | None = None
    spent_by_hand: str | None = None


_KEPT = TypeAdapter(_Kept)


def _for_jar(cookie: Cookie) -> http.cookiejar.Cookie:
    return http.cookiejar.Cookie(
        version=0,
        name=cookie.name,
        value=cookie.value,
        port=None,
        port_specified=False,
        # A host without a dot is "host.local" to this module, which then looks for that.
        domain=cookie.domain if "." in cookie.domain else cookie.domain + ".local",
        domain_specified=cookie.domain.startswith("."),
        domain_initial_dot=cookie.domain.startswith("."),
        path=cookie.path,
        path_specified=True,
        secure=cookie.secure,
        expires=int(cookie.expires) if cookie.expires else None,
        discard=cookie.expires is None,
        comment=None,
        comment_url=None,
        rest={"HttpOnly": ""} if cookie.http_only else {},
    )


def _from_jar(cookie: http.cookiejar.Cookie) -> Cookie:
    return Cookie(
        name=cookie.name,
        value=cookie.value or "",
        domain=cookie.domain.removesuffix(".local"),
        path=cookie.path,
        expires=float(cookie.expires) if cookie.expires else None,
        secure=bool(cookie.secure),
        http_only=cookie.has_nonstandard_attr("HttpOnly"),
    )
