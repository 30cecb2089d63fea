"""The simulator as one ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp

from ingram_demo.simulator import control, covers, export, open_library, product, sign_in, static
from ingram_demo.simulator.gate import Gate
from ingram_demo.simulator.mover import Mover
from ingram_demo.simulator.site import Site


def make_app(site: Site, move_every_s: float = 0.0) -> ASGIApp:
    """The site, Open Library's stand-in and the control side, behind the gate."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.site = site
        app.state.mover = Mover(site.book, move_every_s)
        moving = asyncio.create_task(app.state.mover.run())
        yield
        moving.cancel()
        site.state.close()

    modules = (product, covers, export, sign_in, static, open_library, control)
    routes = [route for module in modules for route in module.ROUTES]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: _not_found})
    return Gate(app, site)


async def _not_found(request: Request, error: Exception) -> Response:
    site: Site = request.app.state.site
    return HTMLResponse(site.render("error.html", message="The page you requested was not found."), 404)
