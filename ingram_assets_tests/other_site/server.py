"""The site on a real socket, in a thread of the tests' process."""

import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import date, datetime
from email.message import EmailMessage
from urllib.parse import urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response

from ingram_assets_tests.other_site import lists, shop, sign_in
from ingram_assets_tests.other_site.rendering import page
from ingram_assets_tests.other_site.state import Customer, OtherSite
from ingram_demo.simulator.server import listen


async def _wall(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    """Counts what is asked; when the site is closed, its wall answers in place of every page."""
    site: OtherSite = request.app.state.site
    site.asked[request.url.path] += 1
    if site.at_ipage_s_addresses:
        _move(request)
    return page(request, "gesperrt.html") if site.closed else await go_on(request)


def _move(request: Request) -> None:
    """As if an iPage had this site's pages behind its own addresses."""
    query = request.query_params
    places = {
        "/ipage/productdetail": (shop.ARTICLE, {"ean": query.get("ean_id", "")}),
        "/ipage/hoverImage.jsp": (shop.PICTURE.format(ean=query.get("ean", "")), {}),
        "/ipage/browseRow/downloadExcel.action": (lists.EXPORT, {"liste": query.get("listId", "")}),
        "/ipage/search/savedSearch.action": (lists.RESULTS, {"liste": query.get("searchId", "")}),
        "/ipage/common/contentdelivery/hm001View.action": (sign_in.START, {}),
        "/ipage/li001.jsp": (sign_in.NAME, {}),
    }
    if request.url.path in places:
        path, query_there = places[request.url.path]
        request.scope["path"], request.scope["query_string"] = path, urlencode(query_there).encode()


async def _missing(request: Request, error: Exception) -> Response:
    return page(request, "fehlt.html", 404)


@contextlib.contextmanager
def running_other_site(
    *,
    customer: Customer | None = None,
    mailer: Callable[[EmailMessage], None] | None = None,
    today: date | None = None,
) -> Iterator[OtherSite]:
    """The site at its `url`; a test may turn its switches."""
    sock = listen(0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    site = OtherSite(url, customer or Customer(), today or datetime.now().astimezone().date(), mailer)
    app = Starlette(
        routes=[route for room in (sign_in, shop, lists) for route in room.ROUTES],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=_wall)],
        exception_handlers={404: _missing},
    )
    app.state.site = site
    config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="other site", daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        sock.close()
