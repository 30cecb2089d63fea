"""What other sites' pages, foreign names, forged forms and forged headers get at the desk."""

from collections.abc import Iterator

import httpx
import pytest

from ingram_assets_tests.testing.desk import DeskShop, Program, Visitor, running_desk

pytestmark = pytest.mark.xdist_group("medusa")

FOREIGN = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def ada(desk: DeskShop) -> Visitor:
    """Somebody who is signed in."""
    visitor, medusa = Visitor.at(desk.url), desk.bench.shop.medusa
    assert visitor.sign_in(medusa.email, medusa.password).status_code == 303
    return visitor


@pytest.fixture
def bare(desk: DeskShop, ada: Visitor) -> Iterator[httpx.Client]:
    """Her browser, as it says nothing of where a request comes from."""
    with httpx.Client(
        base_url=desk.url, cookies=ada.http.cookies, headers={"Accept": "text/html"}, trust_env=False
    ) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/account", "/sign-in", "/nothing", "/dagster/", "/api/v1/openapi.json", "/"]
)
@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1", "localhost:1", "desk.bookstore.example"])
def test_a_foreign_name_is_refused(bare: httpx.Client, host: str, path: str):
    answer = bare.get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert "DESK_URL" in answer.text


def test_what_watches_over_servers_may_use_any_name(bare: httpx.Client):
    assert bare.get("/healthz", headers={"Host": "10.0.0.7"}).json() == {"status": "ok"}


def test_a_program_is_told_by_a_problem_document(boss: Program):
    for headers, status, kind in (
        ({"Host": "elsewhere.example"}, 421, "foreign_name"),
        (FOREIGN, 403, "foreign_page"),
    ):
        answer = boss.http.get("/api/v1/admin/inventory", headers=headers)
        assert (answer.status_code, answer.json()["kind"]) == (status, kind)


def test_the_names_that_others_use_are_those_of_the_setting(desk: DeskShop, journal_url: str):
    with (
        running_desk(desk.bench.shop.medusa, journal_url, desk_url="https://desk.bookstore.example") as url,
        httpx.Client(base_url=url, headers={"Accept": "text/html"}, trust_env=False) as client,
    ):
        port = url.rpartition(":")[2]
        for host in ("desk.bookstore.example", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
            assert client.get("/sign-in", headers={"Host": host}).status_code == 200
        answer = client.get("/sign-in", headers={"Host": "elsewhere.example"})
        assert answer.status_code == 421
        assert "https://desk.bookstore.example" in answer.text
        own = {"Host": "desk.bookstore.example", "Origin": "https://desk.bookstore.example"}
        assert client.post("/sign-in", data={"email": "a"}, headers=own).status_code == 401
        own["Origin"] = "http://desk.bookstore.example"
        assert client.post("/sign-in", data={"email": "a"}, headers=own).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(FOREIGN, id="another site"),
        pytest.param({"Origin": "null"}, id="a frame without an origin"),
        pytest.param({"Origin": "http://127.0.0.1:3000"}, id="another port"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="no origin"),
        pytest.param({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, id="a sibling's form"),
    ],
)
def test_another_site_s_page_changes_nothing(bare: httpx.Client, ada: Visitor, headers: dict[str, str]):
    """Not even with a form that has the right token."""
    for path in ("/sign-out", "/sign-out-everywhere", "/sign-in", "/dagster/graphql"):
        answer = bare.post(path, data={"csrf_token": ada.csrf}, headers=headers)
        assert answer.status_code == 403, path
    assert bare.get("/account").status_code == 200


def test_a_link_from_elsewhere_leads_in(bare: httpx.Client):
    assert bare.get("/account", headers=LINK).status_code == 200
    picture = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert bare.get("/account", headers=picture).status_code == 403


def test_a_form_needs_the_token_of_its_own_session(desk: DeskShop, ada: Visitor, bare: httpx.Client):
    medusa, phone = desk.bench.shop.medusa, Visitor.at(desk.url)
    phone.sign_in(medusa.email, medusa.password)
    right, other = ada.csrf, phone.csrf
    assert right != other
    as_json = {"Content-Type": "application/json"}
    refused = [
        bare.post("/sign-out"),
        bare.post("/sign-out", data={"csrf_token": ""}),
        bare.post("/sign-out", data={"csrf_token": other}),
        bare.post("/sign-out", data={"csrf_token": right[:-1]}),
        bare.post("/sign-out", data={"csrf_token": [right, other]}),
        bare.post("/sign-out", params={"csrf_token": right}),
        bare.post("/sign-out", headers={"X-CSRF-Token": other}, data={"csrf_token": right}),
        bare.post("/sign-out", headers={"X-CSRF-Token": "ä".encode()}),
        bare.post("/sign-out", headers=as_json, json={"csrf_token": right}),
        bare.post("/sign-out", headers={"Content-Type": "text/plain"}, content=f"csrf_token={right}"),
        bare.post("/sign-out", content="&".join(["a=b"] * 1001), headers=form_type()),
        bare.request("DELETE", "/account"),
        bare.request("PUT", "/nothing"),
    ]
    assert {answer.status_code for answer in refused} == {403}
    assert "send the form again" in refused[0].text
    assert bare.get("/account").status_code == 200
    # What htmx sends.
    assert phone.http.post("/sign-out", headers={"X-CSRF-Token": other}).status_code == 303


def form_type() -> dict[str, str]:
    return {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("path", ["/inventory/ledger?who=%00", "/runs?before=a%00", "/requests?search=%00"])
def test_an_address_that_nobody_types_is_refused(bare: httpx.Client, path: str):
    answer = bare.get(path)
    assert answer.status_code == 422
    assert "begin at the board" in answer.text


def test_a_form_has_its_limits(bare: httpx.Client):
    for path in ("/sign-out", "/sign-in"):
        assert bare.post(path, content=b"a=" + b"x" * 70_000, headers=form_type()).status_code == 413


def test_a_session_is_no_token(ada: Visitor, bare: httpx.Client):
    """The API knows tokens alone, so that no page can ask it in somebody's name."""
    for headers in ({}, {"X-CSRF-Token": ada.csrf}, {"Authorization": f"Bearer {ada.csrf}"}):
        for path in ("/api/v1/store/inventory", "/api/v1/admin/inventory/stats"):
            answer = bare.get(path, headers=headers)
            assert (answer.status_code, answer.json()["kind"]) == (401, "sign_in_needed")


def test_a_token_is_no_session(boss: Program):
    for accept, status in (("text/html", 303), ("*/*", 401)):
        for path in ("/account", "/dagster/", "/"):
            assert boss.http.get(path, headers={"Accept": accept}).status_code == status


def test_a_part_of_a_page_has_the_page_loaded_anew(desk: DeskShop):
    headers = {"HX-Request": "true", "Accept": "text/html"}
    answer = httpx.get(f"{desk.url}/account", headers=headers, trust_env=False)
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (401, "true")


@pytest.mark.parametrize("path", ["/account", "/sign-in", "/nothing", "/dagster/"])
def test_each_page_binds_the_browser(bare: httpx.Client, path: str):
    for answer in (bare.get(path), bare.get(path, headers={"Host": "elsewhere.example"})):
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'self'", "frame-ancestors 'none'", "form-action 'self'"} <= set(policy)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answer.headers


def test_a_forged_address_of_the_asker_is_not_believed(desk: DeskShop, journal_url: str):
    """Else whoever guesses tokens would come from everywhere."""
    guess = {"Authorization": "Bearer ingram_0123456789ab_" + "x" * 43}
    medusa = desk.bench.shop.medusa

    def statuses(*proxies: str) -> list[int]:
        with running_desk(medusa, journal_url, failures=1, proxies=proxies) as url:
            return [
                httpx.get(
                    f"{url}/api/v1/store/inventory",
                    headers={**guess, "X-Forwarded-For": f"10.0.0.{number}", "X-Forwarded-Host": "x.example"},
                    trust_env=False,
                ).status_code
                for number in range(3)
            ]

    assert statuses() == [401, 429, 429]
    assert statuses("10.0.0.0/8") == [401, 429, 429], "not the proxy that asks"
    assert statuses("127.0.0.0/8") == [401, 401, 401]
