"""Dagster's page as the shop runs it, asked as browsers and programs ask it."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ingram_assets.runtime.ports import free_port, http_ok
from ingram_assets.runtime.processes import Supervisor

FOREIGN = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
MUTATION = (
    'mutation{setConcurrencyLimit(concurrencyKey:"KEY",limit:1)}',
    "{instance{concurrencyLimits{concurrencyKey}}}",
)


COMMON = {"DAGSTER_PG_URL": "postgresql://nobody@127.0.0.1:9/none"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def port(supervisor: Supervisor, home: Path) -> Iterator[int]:
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (home / "workspace.yaml").write_text("load_from: []\n")
    port = free_port()
    supervisor.start(
        "page",
        [sys.executable, "-m", "ingram_assets.runtime.dagster_page", str(port), home / "workspace.yaml"],
        env={**os.environ, "DAGSTER_HOME": str(home), **COMMON, "INGRAM_STATE_DIR": str(home)},
        cwd=home,
        ready=http_ok(f"http://127.0.0.1:{port}/dagster/server_info"),
        ready_seconds=180,
    )
    yield port
    supervisor.stop("page")


@contextmanager
def answering(path: str) -> Iterator[str]:
    """The address of a server that has this one page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == path else 404)
            self.send_header("content-length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def page(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/dagster", trust_env=False, timeout=60) as client:
        yield client


def keys(page: httpx.Client) -> set[str]:
    """What was changed so far."""
    answer = page.post("/graphql", json={"query": MUTATION[1]}).raise_for_status().json()
    return {one["concurrencyKey"] for one in answer["data"]["instance"]["concurrencyLimits"]}


def test_its_own_page_and_programs_are_answered(page: httpx.Client, port: int):
    for number, headers in enumerate(
        ({}, {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"})
    ):
        query = MUTATION[0].replace("KEY", f"own-{number}")
        assert page.post("/graphql", json={"query": query}, headers=headers).status_code == 200
        assert f"own-{number}" in keys(page)
    for host in ("localhost", "[::1]"):
        assert page.get("/server_info", headers={"Host": f"{host}:{port}"}).status_code == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    assert "Dagster" in page.get("/runs", headers=link).text


def test_a_book_is_found_by_its_name_at_the_desk(page: httpx.Client, port: int, home: Path):
    asked = page.get("/find-a-title")
    assert (asked.status_code, "start ingram up" in asked.text) == (503, True)
    # Whatever answers as the desk does: its health is asked before anybody is sent there.
    with answering("/healthz") as desk:
        (home / "desk.url").write_text(desk)
        assert page.get("/find-a-title").headers["location"] == desk
    (home / "desk.url").unlink()


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"params": "query", "headers": {**FOREIGN, "Content-Type": "text/plain"}}, id="address"),
        pytest.param({"data": "query", "headers": FOREIGN}, id="form"),
        pytest.param({"json": "query", "headers": FOREIGN}, id="JSON"),
        pytest.param({"json": "query", "headers": {"Origin": "null"}}, id="a frame without an origin"),
        pytest.param({"json": "query", "headers": {"Sec-Fetch-Site": "cross-site"}}, id="no origin"),
        pytest.param({"json": "query", "headers": {"Sec-Fetch-Site": "same-site"}}, id="another port"),
        pytest.param({"json": "query", "headers": {"Host": "elsewhere.example"}}, id="a foreign name"),
        pytest.param({"json": "query", "headers": {"Host": "127.0.0.1"}}, id="a foreign port"),
    ],
)
def test_a_command_of_another_site_is_refused(page: httpx.Client, how):
    query = {"query": MUTATION[0].replace("KEY", "foreign")}
    answer = page.post(
        "/graphql", **{name: query if value == "query" else value for name, value in how.items()}
    )
    assert answer.status_code == 403
    assert "foreign" not in keys(page)


def test_a_picture_s_address_is_no_command(page: httpx.Client):
    """An old browser says nothing of who asks for a picture, and GraphQL would do what a GET says."""
    query = {"query": MUTATION[0].replace("KEY", "picture")}
    for path in ("/graphql", "/graphql/"):
        assert page.get(path, params=query, headers={"Accept": "image/*"}).status_code in (404, 405)
    shown = page.get("/graphql", params=query, headers={"Accept": "text/html"})
    assert "GraphiQL" in shown.text
    assert "picture" not in keys(page)


def test_a_websocket_of_another_site_is_refused(port: int):
    address = f"ws://127.0.0.1:{port}/dagster/graphql"
    subprotocols = {"subprotocols": ["graphql-ws"], "proxy": None}
    with connect(address, origin=f"http://127.0.0.1:{port}", **subprotocols) as socket:
        socket.send('{"type": "connection_init"}')
        assert "connection_ack" in socket.recv(30)
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin="https://elsewhere.example", **subprotocols)
    assert refused.value.response.status_code == 403


def test_nothing_is_read_under_a_foreign_name(page: httpx.Client):
    for path in ("/", "/server_info", "/graphql?query={version}", "/logs/x", "/manifest.json"):
        answer = page.get(path, headers={"Host": "elsewhere.example"})
        assert (answer.status_code, "foreign Host" in answer.text) == (403, True)
