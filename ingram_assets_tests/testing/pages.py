"""The desk's pages without the rest of the desk: its frame, and somebody who is signed in."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from ingram_assets.desk.pages import static_files


@dataclass(frozen=True, slots=True)
class SomePerson:
    id: str = "user_1"
    email: str = "ada@example.com"
    name: str = "Ada"


def page_app(
    routers: Sequence[APIRouter], *, signed_in: bool = True, zone: str = "America/Chicago"
) -> FastAPI:
    """An application with these pages."""
    app = FastAPI()
    app.state.zone = ZoneInfo(zone)

    @app.middleware("http")
    async def let_in(request: Request, call_next):
        request.state.person = SomePerson() if signed_in else None
        request.state.csrf = "token-of-the-session" if signed_in else ""
        return await call_next(request)

    app.include_router(static_files.router)
    for router in routers:
        app.include_router(router)
    return app


def visitor(app: FastAPI) -> TestClient:
    """Somebody who looks at the pages."""
    return TestClient(app, base_url="http://desk.example", follow_redirects=False)
