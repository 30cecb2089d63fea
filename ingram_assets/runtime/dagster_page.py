"""Dagster's web page as the shop runs it: below a path, and deaf to other sites' pages.

`python -m ingram_assets.runtime.dagster_page PORT WORKSPACE [HOST]`. Started by Dagster's own command it
would obey whatever page is open in a browser on this machine: its GraphQL asks for no password, no token,
and no header that a foreign page could not send.
"""

import hashlib
import logging
import os
import sys
from base64 import b64encode
from pathlib import Path

import uvicorn
from dagster import DagsterInstance
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.templates.graphiql import TEMPLATE
from dagster_webserver.version import __version__
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingram_assets.domain.own_site import FetchMetadata, own_site
from ingram_assets.runtime.dagster_internals import WorkspaceFileTarget, WorkspaceProcessContext
from ingram_assets.runtime.desk_process import desk_at
from ingram_assets.runtime.instance import THIS_HOST
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import DAGSTER_PATH, FIND_A_TITLE, CommonSettings

HEALTH = "/healthz"
"""Asked by what watches over servers, under whatever name: it says nothing."""

_NO_DESK = (
    "The desk is not on this machine: start ingram up or the service desk, or come to this page through the "
    "desk.\n"
)

_LIVE_DATA_MILLISECONDS = 2000
"""How often the page asks for what is new: as Dagster's own command has it."""

_STATEMENT_MILLISECONDS = 15_000
_RECYCLE_SECONDS = 3600
_POOL_OVERFLOW = 20


class OwnPagesOnly:
    """ASGI middleware that refuses what another site's page sent, or what came under a foreign name."""

    def __init__(self, app: ASGIApp, port: int, address: str | None) -> None:
        self._app, self._site = app, own_site(port, address)
        self._playground_policy = _policy_of(TEMPLATE).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers it with 403 or 405."""
        if scope["type"] == "lifespan" or scope["path"] == HEALTH:
            await self._app(scope, receive, send)
            return
        reads = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        told = FetchMetadata.of(scope["headers"], reads=reads)
        refusal = None
        if not self._site.has_name(told) or self._site.is_foreign(told):
            refusal = PlainTextResponse("Refused: another site's page, or a foreign Host, asked.\n", 403)
        elif reads and scope["path"].rstrip("/").endswith("/graphql"):
            if _wants_page(scope):
                send = self._with_policy(send)
            else:
                # What is asked so is done, changes too, and an old browser says of no GET which page asked.
                refusal = PlainTextResponse("GraphQL takes POST here.\n", 405, {"Allow": "POST"})
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _with_policy(self, send: Send) -> Send:
        """Dagster gives its page for queries no policy, and the desk's own one allows no script in a page."""

        async def bound(message: Message) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", self._playground_policy)
                message = {**message, "headers": [*message["headers"], policy]}
            await send(message)

        return bound


def _policy_of(page: str) -> str:
    """A Content-Security-Policy that lets a page run the script that stands in it, and no other."""
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    known = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'self'; script-src 'self' 'sha256-{known}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; base-uri 'none'; object-src 'none'; form-action 'none'"
    )


def _find_a_title(_: Request) -> Response:
    """To the desk's board on this machine. Who comes by the desk's door is led there by the desk itself."""
    url = desk_at(load(CommonSettings).state_dir)
    return RedirectResponse(url) if url else PlainTextResponse(_NO_DESK, 503)


def _wants_page(scope: Scope) -> bool:
    """Whether Dagster answers a GET with its page for queries, which does nothing by itself."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def serve(port: int, workspace: Path, host: str) -> None:
    """Answer until SIGINT or SIGTERM, under this machine's names and that of INGRAM_UI_URL.

    The instance is that of DAGSTER_HOME.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_MILLISECONDS, _RECYCLE_SECONDS, _POOL_OVERFLOW)
        target = WorkspaceFileTarget([str(workspace)])
        with WorkspaceProcessContext(instance, target, version=__version__) as context:
            app = create_app_from_workspace_process_context(context, DAGSTER_PATH, _LIVE_DATA_MILLISECONDS)
            app.router.routes.insert(0, Route(FIND_A_TITLE, _find_a_title))
            app.router.routes.insert(0, Route(HEALTH, lambda _: PlainTextResponse("ok\n")))
            app.add_middleware(OwnPagesOnly, port=port, address=os.environ.get("INGRAM_UI_URL"))
            uvicorn.run(app, host=host, port=port, log_level="warning", proxy_headers=False)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]), *(sys.argv[3:] or [THIS_HOST]))
