"""What is looked at before all else: under which name the desk is asked, and by which site's page."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingram_assets.desk.access import is_of_api
from ingram_assets.desk.refusals import PAGE_POLICY, refuse
from ingram_assets.domain.own_site import FetchMetadata, own_site
from ingram_assets.settings.shared import DAGSTER_PATH

HEALTH = "/healthz"
"""Asked by what watches over servers, under whatever name: it says nothing."""
READY = "/readyz"
"""Likewise: it says which of the outside systems are away, by their kinds."""
OF_WATCHERS = frozenset((HEALTH, READY))

FRAMES_POLICY = "frame-ancestors 'self'"
"""Beside the policy that Dagster's page brings. It shows notebooks in a frame of its own."""

_DAGSTER_CODE = f"{DAGSTER_PATH}/_next/"
_YEAR = 365 * 86400


class SiteGuard:
    """The middleware that refuses foreign names and pages, and sets the headers that bind a browser."""

    def __init__(self, app: ASGIApp, desk_url: str | None) -> None:
        self._app, self._desk_url = app, desk_url
        self._secure = (desk_url or "").startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers it with 403 or 421."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path, state = scope["path"], scope.setdefault("state", {})
        state |= {"person": None, "csrf": "", "vouched": False}

        async def bound(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._bind(MutableHeaders(raw=message["headers"]), path)
            await send(message)

        if path in OF_WATCHERS:
            await self._app(scope, receive, bound)
            return
        reads = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        told = FetchMetadata.of(scope["headers"], reads=reads)
        site = own_site(scope["server"][1], self._desk_url)
        if not site.has_name(told):
            known = self._desk_url or "http://127.0.0.1 or http://localhost, with its port"
            words = f"The desk is at {known}. If it is to be reached here, write the address into DESK_URL."
            await refuse(scope, receive, bound, "foreign_name", words)
        elif not is_of_api(path) and b"%00" in scope["query_string"]:
            words = "The address has a character that nobody types: begin at the board."
            await refuse(scope, receive, bound, "not_readable", words)
        elif site.is_foreign(told):
            words = "A page of another site wanted this done at the desk. Nothing was done."
            await refuse(scope, receive, bound, "foreign_page", words)
        else:
            state["vouched"] = site.vouches_for(told)
            await self._app(scope, receive, bound)

    def _bind(self, headers: MutableHeaders, path: str) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        if not path.startswith(_DAGSTER_CODE):  # It is the same for everybody, and many megabytes.
            headers.setdefault("Cache-Control", "no-store")
        if self._secure:
            headers["Strict-Transport-Security"] = f"max-age={_YEAR}"
        if is_of_api(path):
            return
        of_dagster = path.startswith(f"{DAGSTER_PATH}/") and "Content-Security-Policy" in headers
        headers.append("Content-Security-Policy", FRAMES_POLICY if of_dagster else PAGE_POLICY)
