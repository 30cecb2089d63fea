"""Dagster's page through the front door: its own server behind it, and one that writes down what it got."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from ingram_assets.desk import dagster_proxy
from ingram_assets.runtime.ports import free_port
from ingram_assets.settings.shared import DAGSTER_PATH
from ingram_assets_tests.testing.dagster_page import DagsterPage, running_dagster_page
from ingram_assets_tests.testing.desk import Visitor, running_desk
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("medusa")


@pytest.fixture(scope="module")
def page(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterPage]:
    url = postgres.create_database("dagster_of_door")
    with running_dagster_page(tmp_path_factory.mktemp("dagster"), url) as running:
        yield running
    postgres.drop_database("dagster_of_door")


@pytest.fixture(scope="module")
def ada(medusa: Medusa, journal_url: str, page: DagsterPage) -> Iterator[Visitor]:
    """Somebody who is signed in at a desk before Dagster's page."""
    with running_desk(medusa, journal_url, dagster_url=page.url) as url:
        yield _signed_in(url, medusa)


def _signed_in(url: str, medusa: Medusa) -> Visitor:
    visitor = Visitor.at(url)
    assert visitor.sign_in(medusa.email, medusa.password).status_code == 303
    return visitor


def open_socket(visitor: Visitor, path: str = "/dagster/graphql", **changed: Any) -> ClientConnection:
    """A websocket as the visitor's browser opens it."""
    base = str(visitor.http.base_url).rstrip("/")
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
    told: dict[str, Any] = {
        "origin": base,
        "additional_headers": {"Cookie": cookies} if cookies else {},
        "subprotocols": ["graphql-ws"],
        "proxy": None,
    }
    return connect(f"{base.replace('http', 'ws', 1)}{path}", **told | changed)


# -- Dagster's own server ------------------------------------------------------------------------------


def test_the_page_comes_with_its_own_policy(ada: Visitor):
    answer = ada.http.get("/dagster/runs")
    assert answer.status_code == 200
    assert '"pathPrefix": "/dagster"' in answer.text
    own, added = answer.headers.get_list("content-security-policy")
    assert "'nonce-" in own
    assert added == "frame-ancestors 'self'"
    script = answer.text.split('src="')[1].split('"')[0]
    assert script.startswith("/dagster/_next/")
    code = ada.http.get(script)
    assert "javascript" in code.headers["content-type"]
    assert len(code.content) == int(code.headers["content-length"])
    # It is kept by the browser; what is said of the shop is not.
    assert "cache-control" not in code.headers
    again = {"If-None-Match": code.headers["etag"]}
    assert ada.http.get(script, headers=again).status_code == 304
    assert (
        ada.http.post("/dagster/graphql", json={"query": "{version}"}).headers["cache-control"] == "no-store"
    )


def test_the_page_for_queries_may_run_its_own_script_alone(ada: Visitor):
    answer = ada.http.get("/dagster/graphql")
    assert "GraphiQL" in answer.text
    own, added = answer.headers.get_list("content-security-policy")
    assert "script-src 'self' 'sha256-" in own
    assert added == "frame-ancestors 'self'"


def test_what_brings_no_policy_gets_ours(ada: Visitor):
    (policy,) = ada.http.post("/dagster/graphql", json={"query": "{version}"}).headers.get_list(
        "content-security-policy"
    )
    assert policy.startswith("default-src 'self'; ")


def test_the_path_without_its_slash_leads_on_at_the_desk(ada: Visitor):
    assert ada.http.get("/dagster").headers["Location"] == "/dagster/"


def test_a_book_is_found_by_its_name_on_the_board(ada: Visitor):
    answer = ada.http.get("/dagster/find-a-title")
    assert (answer.status_code, answer.headers["Location"]) == (307, "/")


def test_it_asks_and_commands(ada: Visitor, page: DagsterPage):
    answer = ada.http.post("/dagster/graphql", json={"query": "{version}"})
    assert answer.json()["data"]["version"]
    limit = 'mutation{setConcurrencyLimit(concurrencyKey:"door",limit:3)}'
    assert ada.http.post("/dagster/graphql", json={"query": limit}).status_code == 200
    assert page.instance.event_log_storage.get_concurrency_info("door").slot_count == 3


def test_without_the_browser_s_word_nothing_is_done(ada: Visitor, page: DagsterPage):
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin"},
        {},
    ):
        with httpx.Client(
            base_url=ada.http.base_url, cookies=ada.http.cookies, headers=headers, trust_env=False
        ) as bare:
            limit = 'mutation{setConcurrencyLimit(concurrencyKey:"foreign",limit:3)}'
            for how in ({"json": {"query": limit}}, {"params": {"query": limit}}):
                assert bare.post("/dagster/graphql", **how).status_code == 403, headers
            # A link may lead here: GraphQL would do what its address says.
            link = {"Accept": "*/*", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
            assert bare.get("/dagster/graphql", params={"query": limit}, headers=link).status_code in (
                403,
                405,
            )
    assert page.instance.event_log_storage.get_concurrency_info("foreign").slot_count == 0


def test_a_websocket_goes_both_ways(ada: Visitor):
    with open_socket(ada) as socket:
        assert socket.subprotocol == "graphql-ws"
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(60)) == {"type": "connection_ack"}
        query = "subscription{locationStateChangeEvents{event{message}}}"
        socket.send(json.dumps({"id": "1", "type": "start", "payload": {"query": query}}))
        socket.send(json.dumps({"id": "2", "type": "start", "payload": {"query": "subscription{nothing}"}}))
        assert json.loads(socket.recv(60))["id"] == "2"
        socket.send(json.dumps({"type": "connection_terminate"}))
        with pytest.raises(ConnectionClosed):
            socket.recv(60)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"origin": "https://elsewhere.example"}, id="another site"),
        pytest.param({"origin": "http://127.0.0.1:3000"}, id="another port"),
        pytest.param({"origin": None}, id="no browser"),
        pytest.param({"additional_headers": {}}, id="not signed in"),
    ],
)
def test_a_websocket_of_somebody_else_is_refused(ada: Visitor, changed: dict[str, Any]):
    with pytest.raises(InvalidStatus) as refused:
        open_socket(ada, **changed)
    assert refused.value.response.status_code == 403


def test_a_websocket_ends_with_the_session(
    ada: Visitor, medusa: Medusa, journal_url: str, page: DagsterPage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dagster_proxy, "STILL_SIGNED_IN_EVERY", 0.1)
    with running_desk(medusa, journal_url, dagster_url=page.url) as url:
        bo = _signed_in(url, medusa)
        with open_socket(bo) as socket:
            socket.send(json.dumps({"type": "connection_init"}))
            assert socket.recv(60)
            bo.send("/sign-out")
            with pytest.raises(ConnectionClosed):
                socket.recv(60)


def test_a_desk_that_stops_does_not_wait_for_open_pages(medusa: Medusa, journal_url: str, page: DagsterPage):
    with running_desk(medusa, journal_url, dagster_url=page.url) as url:
        socket = ExitStack().enter_context(open_socket(_signed_in(url, medusa)))
    with pytest.raises(ConnectionClosed):
        socket.recv(60)


def test_dagster_away_says_so(medusa: Medusa, journal_url: str):
    with running_desk(medusa, journal_url, dagster_url=f"http://127.0.0.1:9{DAGSTER_PATH}") as url:
        bo = _signed_in(url, medusa)
        answer = bo.http.get("/dagster/runs")
        assert (answer.status_code, answer.headers["Retry-After"]) == (502, "5")
        assert "<h1>Dagster&#39;s page is away</h1>" in answer.text
        assert "web server" in answer.text
        answer = bo.http.post("/dagster/graphql", json={}, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.headers["content-type"]) == (502, "text/plain; charset=utf-8")
        with pytest.raises(InvalidStatus):
            open_socket(bo)
        assert bo.http.get("/account").status_code == 200


# -- a server that writes down what it got -------------------------------------------------------------

MEGABYTE = 2**20


@dataclass
class Recorder:
    """An ASGI application in Dagster's place."""

    requests: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        if scope["type"] == "websocket":
            await self._echo(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.requests.append((scope, body))
        status, headers, chunks = self._answer(scope["path"], scope["headers"])
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    @staticmethod
    def _answer(path: str, asked: Any) -> tuple[int, list[tuple[bytes, bytes]], Any]:
        match path.removeprefix("/dagster/"):
            case "moved":
                host = dict(asked)[b"host"]
                return 307, [(b"location", b"http://" + host + b"/dagster/there?a=b")], []
            case "elsewhere":
                return 302, [(b"location", b"https://docs.dagster.example/")], []
            case "packed":
                data = gzip.compress(b"much " * 1000)
                return 200, [(b"content-encoding", b"gzip"), (b"content-type", b"text/plain")], [data]
            case "large":
                return 200, [], (bytes([number % 251]) * MEGABYTE for number in range(64))
            case _:
                headers = [
                    (b"set-cookie", b"dagster=1"),
                    (b"connection", b"x-hop"),
                    (b"x-hop", b"1"),
                    (b"keep-alive", b"timeout=5"),
                    (b"x-kept", b"1"),
                    (b"cache-control", b"max-age=60"),
                ]
                return 418, headers, [b"seen"]

    async def _echo(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append((scope, b""))
        await receive()
        await send({"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "fail":
                raise RuntimeError("as it was told")
            if message.get("text") == "close":
                await send({"type": "websocket.close", "code": 4000})
                return
            kind = "text" if message.get("text") is not None else "bytes"
            await send({"type": "websocket.send", kind: message[kind]})


@contextmanager
def serving(app: Any) -> Iterator[int]:
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_config=None, access_log=False, ws_max_size=64 * MEGABYTE)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield port
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def bo(medusa: Medusa, journal_url: str, recorder: Recorder) -> Iterator[Visitor]:
    """Somebody who is signed in at a desk before the recorder."""
    with (
        serving(recorder) as port,
        running_desk(medusa, journal_url, dagster_url=f"http://127.0.0.1:{port}{DAGSTER_PATH}") as url,
    ):
        yield _signed_in(url, medusa)


def test_path_query_and_body_are_passed_on_as_they_are(bo: Visitor, recorder: Recorder):
    target = "/dagster/a%2Fb/%C3%A4;x/../c//d?x=%20&y=a+b&&z=%2F"
    body = bytes(range(256)) * 1000
    answer = bo.http.put("/dagster/x", content=body, extensions={"target": target.encode()})
    assert (answer.status_code, answer.text) == (418, "seen")
    scope, got = recorder.requests[-1]
    assert scope["raw_path"] + b"?" + scope["query_string"] == target.encode()
    assert (scope["method"], got) == ("PUT", body)


def test_a_body_of_unknown_length_is_passed_on(bo: Visitor, recorder: Recorder):
    sent = [b"one", b"two" * 100_000]
    assert bo.http.post("/dagster/x", content=iter(sent)).status_code == 418
    assert recorder.requests[-1][1] == b"".join(sent)
    bo.http.get("/dagster/x")
    names = [name for name, _ in recorder.requests[-1][0]["headers"]]
    assert not {b"transfer-encoding", b"content-length"} & set(names)


def test_what_is_of_the_desk_stays_there(bo: Visitor, recorder: Recorder):
    told = {
        "Authorization": "Bearer x",
        "Referer": f"{bo.http.base_url}/",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "elsewhere.example",
        "Forwarded": "for=10.0.0.1",
        "Connection": "keep-alive, X-Mine",
        "X-Mine": "1",
        "TE": "trailers",
        "X-Passed": "1",
    }
    answer = bo.http.get("/dagster/x", headers=told)
    headers = dict(recorder.requests[-1][0]["headers"])
    assert headers.pop(b"host").startswith(b"127.0.0.1:")
    assert headers.pop(b"x-passed") == b"1"
    assert set(headers) <= {b"accept", b"accept-encoding", b"user-agent", b"connection"}
    assert headers.get(b"connection") in (None, b"keep-alive")
    assert not answer.headers.keys() & {"set-cookie", "x-hop", "keep-alive"}
    assert (answer.headers["x-kept"], answer.headers["cache-control"]) == ("1", "max-age=60")
    assert len(answer.headers.get_list("date")) == 1


def test_addresses_lead_through_the_desk(bo: Visitor):
    assert bo.http.get("/dagster/moved").headers["Location"] == "/dagster/there?a=b"
    assert bo.http.get("/dagster/elsewhere").headers["Location"] == "https://docs.dagster.example/"


def test_what_is_packed_stays_so(bo: Visitor):
    answer = bo.http.get("/dagster/packed", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == "much " * 1000


def test_a_download_has_no_limit_and_is_never_whole_in_memory(bo: Visitor):
    with bo.http.stream("GET", "/dagster/large") as answer:
        sizes = [len(chunk) for chunk in answer.iter_raw()]
    assert sum(sizes) == 64 * MEGABYTE
    assert max(sizes) <= MEGABYTE


def test_a_page_that_fails_ends_its_websocket(bo: Visitor):
    with open_socket(bo, "/dagster/echo") as socket:
        socket.send("fail")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(60)
    assert closed.value.rcvd is not None, "it is told, not cut off"


def test_texts_and_bytes_of_any_size(bo: Visitor, recorder: Recorder):
    with open_socket(bo, "/dagster/echo?a=%2F", subprotocols=["one", "two"], max_size=None) as socket:
        assert socket.subprotocol == "one"
        for message in ("a text", b"bytes", "", b"", "ä" * (4 * MEGABYTE)):
            socket.send(message)
            assert socket.recv(60) == message
        socket.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4000
    scope = recorder.requests[-1][0]
    assert (scope["raw_path"], scope["query_string"]) == (b"/dagster/echo", b"a=%2F")
    assert not {b"cookie", b"origin", b"authorization"} & {name for name, _ in scope["headers"]}
