"""Cover pictures on both of the site's routes."""

import asyncio

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ingram_demo.simulator import art
from ingram_demo.simulator.faults import Rule
from ingram_demo.simulator.sign_in import session_of, signed_out_of
from ingram_demo.simulator.site import Site

HOVER = "/ipage/hoverImage.jsp"
IMAGE_LOADER = "/ipage/servlet/ibg.common.titledetail.imageloader"


async def picture(request: Request) -> Response:
    """The title's art, the placeholder, or what `no_cover_as` says; the login form without a session."""
    site: Site = request.app.state.site
    rule: Rule | None = request.scope.get("fault")
    if session_of(request, site) is None:
        return signed_out_of(site)
    isbn = request.query_params.get("ean", "")
    if isbn not in site.book.titles:
        return no_picture(site)
    if rule is not None and rule.fault == "wrong_title":
        isbn = site.book.another(isbn)
    title = site.book.titles[isbn]
    if title.cover == "none":
        return no_picture(site)
    if title.cover == "placeholder":
        return Response(art.placeholder(), media_type="image/jpeg")
    # Drawing takes some milliseconds: not on the event loop, where other requests wait.
    data = await asyncio.to_thread(art.cover, isbn, title.title, title.author)
    return Response(data, media_type="image/jpeg")


def no_picture(site: Site) -> Response:
    match site.dials.no_cover_as:
        case "empty":
            return Response(b"", media_type="image/jpeg")
        case "gif":
            return Response(art.blank(), media_type="image/gif")
        case "html":
            return HTMLResponse(site.render("error.html", message="No image is available."))
    return HTMLResponse(site.render("error.html", message="The page you requested was not found."), 404)


ROUTES = [Route(HOVER, picture), Route(IMAGE_LOADER, picture)]
