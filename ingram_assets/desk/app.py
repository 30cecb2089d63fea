"""The desk as a web application: its routes, its middleware, its problems."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import version
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from ingram_assets.desk import outside
from ingram_assets.desk.access import FAILURES_PER_MINUTE, OPENAPI, RequestGuard, TokenMiddleware
from ingram_assets.desk.api import admin, store
from ingram_assets.desk.api.openapi import described
from ingram_assets.desk.dagster_proxy import DagsterProxy
from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages import (
    board,
    inventory,
    inventory_entry,
    ledger,
    requests,
    run,
    runs,
    sign_in,
    static_files,
    title,
)
from ingram_assets.desk.pages.rendering import PART
from ingram_assets.desk.people.medusa_sign_in import AdminWatch, MedusaSignIn
from ingram_assets.desk.people.person_middleware import PersonMiddleware, SessionCookie, is_signed_in
from ingram_assets.desk.people.sessions import SignedIn
from ingram_assets.desk.readiness import Readiness
from ingram_assets.desk.refusals import answer_failures
from ingram_assets.desk.site_guard import SiteGuard
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.overview.board_watch import BoardWatch
from ingram_assets.settings.shared import DAGSTER_PATH, FIND_A_TITLE

PAGES = (static_files, sign_in, board, title, inventory, ledger, inventory_entry, runs, run, requests)
"""What people see, each with its router."""

DESCRIPTION = """
Inventory of the shop, for programs. Send a token (`ingram token create`) as `Authorization: Bearer …`, and
with each write a key of your own as `Idempotency-Key`: repeated with the same key, a write is done once and
answered again. Answers of a write have the entry before and after. What is refused is told by a problem
document (RFC 9457), and has changed nothing. Numbers are whole copies; times are UTC.
"""


def make_app(
    store_access: StoreAccess,
    lookups: Lookups,
    watch: BoardWatch,
    *,
    per_minute: int = 600,
    failures: int = FAILURES_PER_MINUTE,
    desk_url: str | None = None,
    dagster_url: str = f"http://127.0.0.1:3000{DAGSTER_PATH}",
    time_zone: str = "America/Chicago",
) -> FastAPI:
    """The application on a store. It closes what it is given when it stops.

    Args:
        per_minute: requests of one token.
        failures: tokens a minute that are none, from one address, until it has to wait.
        desk_url: as the setting DESK_URL.
        dagster_url: of Dagster's page, on this machine.
        time_zone: the store's, in which pages tell times.
    """
    signed_in, cookie = SignedIn(store_access.sessions, store_access.renew_sessions), SessionCookie(desk_url)
    admins = AdminWatch(store_access.client, signed_in)
    dagster = DagsterProxy(dagster_url, partial(is_signed_in, signed_in, cookie))
    app = FastAPI(
        title="Ingram desk",
        version=version("ingram-assets"),
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan((watch, lookups, store_access), admins, dagster),
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.store_access, app.state.zone = store_access, ZoneInfo(time_zone)
    app.state.lookups, app.state.board, app.state.readiness = lookups, watch, Readiness(lookups)
    app.state.signed_in, app.state.cookie = signed_in, cookie
    app.state.medusa_sign_in = MedusaSignIn(store_access.client.base_url)
    # The one that is added last is asked first.
    app.add_middleware(PersonMiddleware, signed_in=signed_in, cookie=cookie)
    app.add_middleware(TokenMiddleware, guard=RequestGuard(store_access.tokens, per_minute, failures))
    app.add_middleware(SiteGuard, desk_url=desk_url)
    answer_failures(app)
    app.state.pages = _to_look_at()
    for module in (outside, store, admin, *PAGES):
        app.include_router(module.router)
    _add_what_is_open(app)
    _add_dagster(app, dagster)
    app.openapi = partial(described, app)  # type: ignore[method-assign]
    return app


def _lifespan(
    closing: Iterable[BoardWatch | Lookups | StoreAccess], watch: AdminWatch, dagster: DagsterProxy
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watch.start()
        yield
        watch.stop()
        await dagster.close()
        for each in closing:
            await run_in_threadpool(each.close)

    return lifespan


def _to_look_at() -> list[APIRoute]:
    """Routes of whole pages, which a sign-in may lead to."""
    routes = (route for module in PAGES if module is not static_files for route in module.router.routes)
    return [route for route in routes if isinstance(route, APIRoute) and PART not in route.tags]


def _add_dagster(app: FastAPI, dagster: DagsterProxy) -> None:
    """Dagster's page, and what below its path is the desk's own."""
    app.add_route(FIND_A_TITLE, lambda _: RedirectResponse("/"), include_in_schema=False)
    app.add_route(DAGSTER_PATH, lambda _: RedirectResponse(f"{DAGSTER_PATH}/"), include_in_schema=False)
    app.mount(DAGSTER_PATH, dagster)


def _add_what_is_open(app: FastAPI) -> None:
    """A route for everybody: it says nothing of the shop."""

    @app.get(OPENAPI, include_in_schema=False)
    def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())
