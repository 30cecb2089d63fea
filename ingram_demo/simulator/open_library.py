"""A stand-in for Open Library's cover service, under `/_openlibrary` of the same server."""

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ingram_demo.simulator import art
from ingram_demo.simulator.site import Site

PREFIX = "/_openlibrary"
LOOKUP = PREFIX + "/b/isbn/"
ARCHIVE = PREFIX + "/archive/"
WINDOW_S = 300


async def by_isbn(request: Request) -> Response:
    """A redirect to the picture; 404 with `default=false`, else a blank picture; 403 over the limit."""
    site: Site = request.app.state.site
    now = site.clock()
    lookups = site.open_library_lookups
    while lookups and now - lookups[0] > WINDOW_S:
        lookups.popleft()
    if site.dials.open_library_limit and len(lookups) >= site.dials.open_library_limit:
        return PlainTextResponse("Forbidden: rate limit", 403)
    lookups.append(now)
    isbn = request.path_params["isbn"]
    title = site.book.titles.get(isbn)
    if title is not None and title.open_library:
        return RedirectResponse(f"{ARCHIVE}{isbn}-{request.path_params['size']}.jpg", 302)
    if request.query_params.get("default") == "false":
        return PlainTextResponse("not found", 404)
    return Response(art.blank(), media_type="image/gif")


async def archived(request: Request) -> Response:
    site: Site = request.app.state.site
    title = site.book.titles.get(request.path_params["isbn"])
    if title is None or not title.open_library:
        return PlainTextResponse("not found", 404)
    data = await asyncio.to_thread(art.cover, title.isbn, title.title, title.author, "open library")
    return Response(data, media_type="image/jpeg")


ROUTES = [
    Route(LOOKUP + "{isbn:str}-{size:str}.jpg", by_isbn),
    Route(ARCHIVE + "{isbn:str}-{size:str}.jpg", archived),
]
