"""The desk as a web application: its routes, its door, its problems."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from ingram_assets.desk.access import FAILURES_PER_MINUTE, Door, Doorkeeper
from ingram_assets.desk.api import admin, store
from ingram_assets.desk.api.openapi import described
from ingram_assets.desk.backroom import Backroom
from ingram_assets.desk.pages import static_files
from ingram_assets.desk.problems import answer_problems

DESCRIPTION = """
Inventory of the shop, for programs. Send a token (`ingram token create`) as `Authorization: Bearer …`, and
with each write a key of your own as `Idempotency-Key`: repeated with the same key, a write is done once and
answered again. Answers of a write have the entry before and after. What is refused is told by a problem
document (RFC 9457), and has changed nothing. Numbers are whole copies; times are UTC.
"""


def make_app(
    room: Backroom,
    *,
    per_minute: int = 600,
    failures: int = FAILURES_PER_MINUTE,
    time_zone: str = "America/Chicago",
) -> FastAPI:
    """The application on a store. It closes the backroom when it stops.

    Args:
        per_minute: requests of one token.
        failures: tokens a minute that are none, from one address, until it has to wait.
        time_zone: the store's, in which pages tell times.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(room.close)

    app = FastAPI(
        title="Ingram desk",
        version=version("ingram-assets"),
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.room, app.state.zone = room, ZoneInfo(time_zone)
    app.add_middleware(Door, doorkeeper=Doorkeeper(room.tokens, per_minute, failures))
    answer_problems(app)
    app.include_router(store.router)
    app.include_router(admin.router)
    app.include_router(static_files.router)

    @app.get("/healthz", include_in_schema=False)
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/api/v1/openapi.json", include_in_schema=False)
    def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    app.openapi = partial(described, app)  # type: ignore[method-assign]
    return app
