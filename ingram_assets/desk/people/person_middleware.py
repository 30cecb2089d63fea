"""The middleware of the pages: who is signed in, and whether what they send comes from a form of theirs."""

import hmac
import re
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ingram_assets.desk.access import is_of_api, read_whole
from ingram_assets.desk.people.sessions import DeskSession, SignedIn
from ingram_assets.desk.problems import DeskProblem
from ingram_assets.desk.refusals import refuse, wants_page
from ingram_assets.desk.site_guard import OF_WATCHERS
from ingram_assets.domain.failures import IngramError
from ingram_assets.settings.shared import DAGSTER_PATH
from ingram_assets.store.journal_connections import JournalLost

SIGN_IN = "/sign-in"
_STATIC = "/static/"

CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf_token"

_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}")


def own_path(text: str) -> str:
    """Where to go after a sign-in: a path of the desk's own; the board for whatever else is asked for."""
    return text if _OWN_PATH.fullmatch(text) and not text.startswith(SIGN_IN) else "/"


class SessionCookie:
    """The cookie of a session: out of reach of scripts, of other sites' forms, and of other servers.

    Args:
        desk_url: as `StorefrontSettings.DESK_URL`.
    """

    def __init__(self, desk_url: str | None) -> None:
        self.secure = (desk_url or "").startswith("https:")

    def name(self, scope: Scope) -> str:
        """By the port, too, where it is not bound to the host: a name's cookies go to all of its ports."""
        return "__Host-ingram-desk" if self.secure else f"ingram-desk-{scope['server'][1]}"

    def of(self, scope: Scope) -> str:
        """What a request brought; empty: nothing."""
        return HTTPConnection(scope).cookies.get(self.name(scope), "")


class PersonMiddleware:
    """The middleware that lets people in: `request.state.person` and `.csrf`. `SiteGuard` is before it."""

    def __init__(self, app: ASGIApp, signed_in: SignedIn, cookie: SessionCookie) -> None:
        self._app, self._signed_in, self._cookie = app, signed_in, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admits a request, or answers it. Passes on what is no page's."""
        if scope["type"] not in ("http", "websocket") or _is_nobodys(scope["path"]):
            await self._app(scope, receive, send)
            return
        open_to_all = scope["path"] == SIGN_IN
        try:
            session = await self._session(scope)
        except IngramError:
            session = None
            if not open_to_all:
                words = "Who is signed in can't be looked up: the journal's database is away. Try again soon."
                await refuse(scope, receive, send, "try_again", words, {"Retry-After": "5"})
                return
        if session is None and not open_to_all:
            await _to_sign_in(scope, receive, send)
            return
        if session is not None:
            scope["state"] |= {"person": session.person, "csrf": session.csrf}
        try:
            receive = await _proven(scope, receive, "" if open_to_all or session is None else session.csrf)
        except DeskProblem as error:
            await refuse(scope, receive, send, error.problem_kind, error.detail)
            return
        await self._app(scope, receive, send)

    async def _session(self, scope: Scope) -> DeskSession | None:
        text = self._cookie.of(scope)
        if not text:
            return None
        return await find_session(self._signed_in, text)


async def find_session(signed_in: SignedIn, text: str) -> DeskSession | None:
    """As `SignedIn.find`, within seconds. Raises JournalLost, NeedsPerson."""
    try:
        return await signed_in.promptly(signed_in.find, text)
    except JournalLost:
        return signed_in.find(text)  # It may be remembered.


async def is_signed_in(signed_in: SignedIn, cookie: SessionCookie, scope: Scope) -> bool:
    """Whether the person of an open connection is signed in still; while that can't be told, they are."""
    try:
        return await find_session(signed_in, cookie.of(scope)) is not None
    except IngramError:
        return True


def _is_nobodys(path: str) -> bool:
    """Whether a path is for programs, or says nothing of the shop."""
    return is_of_api(path) or path in OF_WATCHERS or path.startswith(_STATIC)


async def _to_sign_in(scope: Scope, receive: Receive, send: Send) -> None:
    if wants_page(scope) and scope["method"] == "GET":
        query = scope["query_string"]
        wanted = own_path((scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1"))
        await RedirectResponse(f"{SIGN_IN}?next={quote(wanted, safe='')}", 303)(scope, receive, send)
        return
    # A part of a page, that looks for what is new: the whole page is loaded anew, and leads to the sign-in.
    words = f"Nobody is signed in, or not any more: sign in at {SIGN_IN}, then try again."
    await refuse(scope, receive, send, "not_signed_in", words, {"HX-Refresh": "true"})


async def _proven(scope: Scope, receive: Receive, csrf: str) -> Receive:
    """What a request that changes something is received with, once it is a form's of this session.

    Dagster's page knows no token of ours: there the browser has to say that one of our own pages asked.

    Args:
        csrf: the session's token; empty: there is no session to misuse.

    Raises:
        DeskProblem: it is none, or too large.
    """
    changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
    if scope["path"].startswith(f"{DAGSTER_PATH}/"):
        if changes and not scope["state"]["vouched"]:
            raise DeskProblem("not_your_form", "The browser does not say that one of the desk's pages asked.")
        return receive
    if not changes or scope["type"] == "websocket":
        return receive
    replayed = await read_whole(scope, receive)
    if csrf and not hmac.compare_digest(csrf.encode(), _sent_token(scope, replayed.body).encode()):
        words = "Nothing was done. Go back, load the page anew, and send the form again."
        raise DeskProblem("not_your_form", words)
    return replayed


def _sent_token(scope: Scope, body: bytes) -> str:
    headers = Headers(scope=scope)
    if CSRF_HEADER in headers:
        return headers[CSRF_HEADER]
    if not headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return ""
    try:
        found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=1000).get(CSRF_FIELD, [])
    except ValueError:  # More fields than any form has.
        return ""
    return found[0] if len(found) == 1 else ""
