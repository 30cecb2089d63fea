"""Each route that the desk has, as it is: nobody comes in without a sign-in or a token of their own."""

import re
from collections.abc import Iterator

import httpx
import pytest
from starlette.routing import BaseRoute, Mount, Route

from ingram_assets.desk.access import is_of_api
from ingram_assets.desk.app import make_app
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.store.client import MedusaClient
from ingram_assets_tests.testing.desk import DeskShop, Program, Visitor, looks

pytestmark = pytest.mark.xdist_group("medusa")

OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/static/x"),
}
"""What is meant to be open to all."""


def routes() -> list[tuple[str, str]]:
    """Method and an address of each route. No server is asked for it."""
    away = "postgresql://nobody@127.0.0.1:9/none"
    lookups, watch = looks("http://127.0.0.1:9", "nobody@example.com", "none", away)
    with MedusaClient("http://127.0.0.1:9", api_key="sk_none") as client:
        app = make_app(StoreAccess(client, away, low=5), lookups, watch)
    return sorted({pair for route in app.routes for pair in _addresses(route)})


def _addresses(route: BaseRoute) -> Iterator[tuple[str, str]]:
    if router := getattr(route, "original_router", None):
        for each in router.routes:
            yield from _addresses(each)
        return
    if isinstance(route, Mount):
        yield from ((method, f"{route.path}/x") for method in ("GET", "POST"))
        return
    assert isinstance(route, Route), f"{route} is of a kind that this test does not know"
    for method in (route.methods or {"GET", "POST"}) - {"HEAD"}:
        yield method, re.sub(r"\{[^}]*\}", "x", route.path)


ROUTES = routes()
API = [each for each in ROUTES if is_of_api(each[1]) and each not in OPEN]
PAGES = [each for each in ROUTES if not is_of_api(each[1]) and each not in OPEN]
UNDER_ANY_NAME = {("GET", "/healthz"), ("GET", "/readyz")}


def test_there_are_routes():
    assert len(API) > 20
    assert ("GET", "/metrics") in API
    assert {path for _, path in PAGES} >= {"/account", "/sign-out", "/dagster", "/dagster/x"}
    assert set(ROUTES) >= OPEN - {("GET", "/static/x")}


@pytest.mark.parametrize(("method", "path"), API)
def test_no_route_of_programs_without_a_token(desk: DeskShop, signed_in: Visitor, method: str, path: str):
    visitor = Visitor.at(desk.url)
    assert visitor.http.request(method, path).status_code == 401
    visitor.http.cookies = signed_in.http.cookies
    csrf = {"X-CSRF-Token": visitor.csrf}
    assert visitor.http.request(method, path, headers=csrf).status_code == 401, "a person's session is none"


@pytest.mark.parametrize(("method", "path"), API)
def test_no_route_of_programs_with_another_store_s_token(fair: Program, method: str, path: str):
    """Those of one store show and change that store alone (test_access.py); all others are closed to it."""
    answer = fair.http.request(method, path, headers={"Idempotency-Key": "x"})
    if path.startswith("/api/v1/store/"):
        assert answer.status_code in (200, 404, 409, 422)
    else:
        assert (answer.status_code, answer.json()["kind"]) == (403, "forbidden")


@pytest.fixture(scope="module")
def signed_in(desk: DeskShop) -> Visitor:
    """Somebody who signed in once: so many sign-ins as there are routes would be refused."""
    visitor, medusa = Visitor.at(desk.url), desk.bench.shop.medusa
    assert visitor.sign_in(medusa.email, medusa.password).status_code == 303
    return visitor


@pytest.fixture(scope="module")
def fair(desk: DeskShop) -> Program:
    return desk.program("store", "Fair")


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_no_page_without_a_sign_in(desk: DeskShop, boss: Program, method: str, path: str):
    ways = {
        "nobody": {},
        "a forged cookie": {"Cookie": f"ingram-desk-{desk.url.rpartition(':')[2]}=" + "x" * 43},
        "a program": {"Authorization": boss.http.headers["Authorization"]},
    }
    for who, headers in ways.items():
        with httpx.Client(
            base_url=desk.url, headers={"Origin": desk.url, **headers}, trust_env=False
        ) as http:
            assert http.request(method, path).status_code == 401, who
            answer = http.request(method, path, headers={"Accept": "text/html"})
            if method == "GET":
                assert (answer.status_code, answer.headers["Location"][:13]) == (303, "/sign-in?next"), who
            else:
                assert answer.status_code == 401, who


@pytest.mark.parametrize(("method", "path"), [each for each in PAGES if each[0] != "GET"])
def test_nothing_is_changed_without_the_form_s_token(
    desk: DeskShop, signed_in: Visitor, method: str, path: str
):
    visitor = Visitor.at(desk.url)
    visitor.http.cookies = signed_in.http.cookies
    if not path.startswith("/dagster/"):  # Its page has none, and a browser's word instead.
        assert visitor.http.request(method, path).status_code == 403
    del visitor.http.headers["Origin"]
    assert visitor.http.request(method, path).status_code == 403
    foreign = {"Origin": "https://elsewhere.example"}
    assert visitor.http.request(method, path, headers=foreign).status_code == 403
    assert visitor.http.get("/account").status_code == 200


@pytest.mark.parametrize(("method", "path"), sorted({*PAGES, *API, *OPEN} - UNDER_ANY_NAME))
def test_nothing_under_a_foreign_name(desk: DeskShop, boss: Program, method: str, path: str):
    headers = {"Host": "elsewhere.example", "Authorization": boss.http.headers["Authorization"]}
    answer = httpx.request(method, f"{desk.url}{path}", headers=headers, trust_env=False)
    assert answer.status_code == 421
