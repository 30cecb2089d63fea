"""The client against servers that misbehave as real ones do, and against the real Medusa's sign-in."""

import base64
import json
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stamina

from ingram_assets.domain.failures import NeedsPerson, NothingWritten, Permanent, Transient
from ingram_assets.store.client import (
    KEEPALIVE_EXPIRY,
    MedusaClient,
    MedusaError,
    MedusaRefused,
    SignInRefused,
    Unavailable,
    batches,
    send_splitting,
)
from ingram_assets.store.journal_connections import JournalLost
from ingram_assets_tests.testing.shop import Shop


@dataclass
class Server:
    """Answers from a script: a status with a body, or `None` to hang up. The last answer repeats."""

    script: list[tuple[int, str] | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    authorized: list[str] = field(default_factory=list)
    token: str = "token"
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("content-length", 0)))
        if handler.path == "/auth/user/emailpass":
            self._send(handler, 200, json.dumps({"token": f"{self.token}-{len(self.asked)}"}))
            return
        self.asked.append(f"{handler.command} {handler.path}")
        self.authorized.append(handler.headers["authorization"])
        scripted = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if scripted is None:
            handler.close_connection = True
            handler.connection.close()
            return
        self._send(handler, *scripted)

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, status: int, body: str) -> None:
        handler.send_response(status)
        if body.startswith("<!doctype"):
            handler.send_header("content-type", "text/html; charset=utf-8")
        handler.send_header("content-length", str(len(body.encode())))
        handler.end_headers()
        handler.wfile.write(body.encode())


@pytest.fixture
def server() -> Iterator[Server]:
    scripted = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            scripted.answer(self)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        scripted.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield scripted
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries are as many as ever, without the seconds between them."""
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


@pytest.fixture
def scripted(server: Server) -> Iterator[Callable[..., MedusaClient]]:
    made: list[MedusaClient] = []

    def make(*script: tuple[int, str] | None) -> MedusaClient:
        server.script = list(script)
        made.append(MedusaClient(server.url, email="a@b.example", password="secret-word"))
        return made[-1]

    yield make
    for client in made:
        client.close()


OK = (200, '{"ok": true}')


def test_a_hang_up_and_a_busy_server_are_tried_again(
    server: Server, scripted: Callable[..., MedusaClient], caplog: pytest.LogCaptureFixture
) -> None:
    client = scripted(None, (503, "busy"), OK)
    failures: list[MedusaError] = []
    with client.reporting(failures.append):
        assert client.get("/admin/things") == {"ok": True}
    hang_up, busy = (record.getMessage() for record in caplog.records if record.name.startswith("ingram"))
    assert re.fullmatch(r"Trying again in [\d.]+ s: GET /admin/things got no answer: .*", hang_up)
    assert busy.endswith("s: GET /admin/things answered 503: busy")
    assert server.asked == ["GET /admin/things"] * 3
    assert [each.status for each in failures] == [None, 503]
    assert (client.reads, client.writes) == (1, 0)


def test_what_may_be_written_is_asked_before_each_attempt(
    server: Server, scripted: Callable[..., MedusaClient]
) -> None:
    client = scripted((503, "busy"), OK, OK)
    may_write = [True, False]

    def look() -> None:
        if not may_write.pop(0):
            raise JournalLost("Not any more.")

    client.before_write = look
    with pytest.raises(JournalLost):
        client.post("/admin/things", {"a": 1})
    assert server.asked == ["POST /admin/things"], "the second attempt was not sent"
    assert client.get("/admin/things") == {"ok": True}, "reads need no leave"


@pytest.mark.parametrize("status", [400, 404, 405, 409, 413, 422, 429])
def test_a_4xx_is_never_tried_again(
    server: Server, scripted: Callable[..., MedusaClient], caplog: pytest.LogCaptureFixture, status: int
) -> None:
    client = scripted((status, '{"type": "invalid_data", "message": "Unrecognized fields: isbn"}'))
    with pytest.raises(MedusaError) as caught:
        client.post("/admin/products", {"isbn": 1})
    assert len(server.asked) == 1
    assert str(caught.value) == f"POST /admin/products answered {status}: Unrecognized fields: isbn"
    assert not [record for record in caplog.records if record.name.startswith("ingram")], "the error says it"
    assert isinstance(caught.value, Transient if status == 429 else Permanent)


def test_an_outage_ends_with_what_to_do(server: Server, scripted: Callable[..., MedusaClient]) -> None:
    client = scripted((503, "busy"))
    with pytest.raises(Unavailable, match=r"GET /admin/things answered 503: busy"):
        client.get("/admin/things")
    assert len(server.asked) == 5


def test_a_500_is_tried_twice(server: Server, scripted: Callable[..., MedusaClient]) -> None:
    client = scripted((500, '{"message": "An unknown error occurred."}'))
    with pytest.raises(Transient, match="An unknown error occurred"):
        client.post("/admin/products", {})
    assert len(server.asked) == 2


def test_nobody_there() -> None:
    client = MedusaClient("http://127.0.0.1:9", api_key="sk_secret")
    with pytest.raises(Unavailable, match="MEDUSA_BACKEND_URL") as caught:
        client.get("/admin/stores")
    assert "sk_secret" not in str(caught.value) + repr(client)


def test_something_else_than_medusa(server: Server, scripted: Callable[..., MedusaClient]) -> None:
    client = scripted((200, "<html>Welcome to nginx</html>"))
    with pytest.raises(Unavailable, match="not an answer of Medusa"):
        client.get("/admin/stores")
    # Such a page in the place of an answer is no title's fault: none is tried alone, and none is blamed.
    asked = len(server.asked)
    with pytest.raises(Unavailable):
        send_splitting(range(8), lambda rows: client.post("/admin/products/batch", {"create": list(rows)}))
    assert len(server.asked) == asked + 1


def test_a_token_that_ended_is_renewed_once(server: Server, scripted: Callable[..., MedusaClient]) -> None:
    unauthorized = (401, '{"message": "Unauthorized"}')
    client = scripted(unauthorized, OK)
    assert client.get("/admin/things") == {"ok": True}
    assert server.authorized == ["Bearer token-0", "Bearer token-1"]
    server.script = [unauthorized]
    with pytest.raises(SignInRefused, match="MEDUSA_EMAIL"):
        client.get("/admin/things")
    assert len(server.asked) == 4


@pytest.mark.parametrize("sign", ["\n", "\r\nx-evil: 1", "\0", "\r", "\x0b"])
def test_a_token_that_no_header_can_hold_is_shown_nowhere(
    server: Server, scripted: Callable[..., MedusaClient], sign: str
) -> None:
    server.token = f"hush{sign}"
    failures: list[MedusaError] = []
    client = scripted(OK)
    with client.reporting(failures.append), pytest.raises(NeedsPerson, match="MEDUSA_API_KEY") as caught:
        client.get("/admin/users/me")
    assert "hush" not in "".join(traceback.format_exception(caught.value))
    assert not failures
    assert not server.asked


def test_neither_key_nor_password() -> None:
    with pytest.raises(NeedsPerson, match="MEDUSA_API_KEY"):
        MedusaClient("http://127.0.0.1:9", email="a@b.example")


def test_connections_are_left_before_the_server_leaves_them() -> None:
    assert KEEPALIVE_EXPIRY < 5


def test_batches_keep_both_limits() -> None:
    assert [len(each) for each in batches(list(range(10)), 4)] == [4, 4, 2]
    large = ["x" * 400_000] * 5
    assert [len(each) for each in batches(large, 100)] == [3, 2]


@pytest.mark.parametrize("bad", [set(), {0}, {7}, {3, 4}, set(range(8))])
def test_a_refused_batch_is_split_until_the_bad_are_alone(bad: set[int]) -> None:
    accepted: list[int] = []

    def send(items: object) -> None:
        assert isinstance(items, list)
        if bad & set(items):
            raise MedusaRefused("POST", "/admin/products/batch", 400, "no")
        accepted.extend(items)

    assert set(send_splitting(list(range(8)), send)) == bad
    assert accepted == [each for each in range(8) if each not in bad]


def test_a_server_in_trouble_is_not_taken_for_bad_rows(
    server: Server, scripted: Callable[..., MedusaClient]
) -> None:
    client = scripted((500, '{"message": "An unknown error occurred."}'))
    with pytest.raises(Transient):
        send_splitting(list(range(64)), lambda items: client.post("/admin/x", {"n": items}) and None)
    assert len(server.asked) < 30


@pytest.mark.xdist_group("medusa")
def test_wrong_password(shop: Shop) -> None:
    with (
        MedusaClient(shop.medusa.url, email=shop.medusa.email, password="wrong-word") as client,
        pytest.raises(SignInRefused, match="POST /auth/user/emailpass answered 401") as caught,
    ):
        client.get("/admin/stores")
    assert "wrong-word" not in str(caught.value)


@pytest.mark.xdist_group("medusa")
def test_a_token_that_medusa_knows_no_more_is_renewed(shop: Shop) -> None:
    with MedusaClient(shop.medusa.url, email=shop.medusa.email, password=shop.medusa.password) as client:
        client.token = "a.token.long-gone"
        assert client.get("/admin/stores")["stores"]


@pytest.mark.xdist_group("medusa")
def test_a_secret_key_signs_in_as_well(shop: Shop) -> None:
    token = shop.post("api-keys", {"title": "sync", "type": "secret"})["api_key"]["token"]
    with MedusaClient(shop.medusa.url, api_key=token) as client:
        assert client.get("/admin/stores")["stores"]
        assert base64.b64encode(f"{token}:".encode()).decode() not in repr(client)
    with (
        MedusaClient(shop.medusa.url, api_key="sk_wrong") as client,
        pytest.raises(SignInRefused, match="MEDUSA_API_KEY"),
    ):
        client.get("/admin/stores")


@pytest.mark.xdist_group("medusa")
def test_a_list_longer_than_medusas_page_is_read_whole(shop: Shop, client: MedusaClient) -> None:
    for number in range(5):
        shop.post("product-tags", {"value": f"tag-{number}"})
    rows = client.list_all("/admin/product-tags", "product_tags", {"q": "tag-", "fields": "id"}, page=2)
    assert len({each["id"] for each in rows}) == 5


@pytest.mark.xdist_group("medusa")
@pytest.mark.parametrize("value", ["9780000000000", "prod_01K00000000000000000000000", "a/b c&d=é"])
def test_a_thousand_values_fit_into_urls_whatever_they_are(client: MedusaClient, value: str) -> None:
    path, params = "/admin/product-variants", {"fields": "id"}
    assert client.list_matching(path, "variants", "sku", [f"{value}{n}" for n in range(1_000)], params) == []


@pytest.mark.xdist_group("medusa")
def test_medusas_own_words(client: MedusaClient) -> None:
    with pytest.raises(MedusaRefused, match=r"POST /admin/product-tags\?fields=id answered 400: .*value"):
        client.post("/admin/product-tags", {"nothing": 1}, {"fields": "id"})
    with pytest.raises(MedusaRefused, match="answered 404: This is not an answer of Medusa's Admin API"):
        client.get("/admin/nope")


ADMIN = (200, "<!doctype html><title>Medusa</title>")


@pytest.mark.parametrize(
    ("answer", "is_there"),
    [(ADMIN, True), ((404, "<!doctype html>Cannot GET /app"), False), (OK, False), (None, False)],
    ids=["page", "none", "no page", "hangs up"],
)
def test_the_admin_s_page_is_named_where_one_is_served(
    server: Server,
    scripted: Callable[..., MedusaClient],
    answer: tuple[int, str] | None,
    is_there: bool,
) -> None:
    assert scripted(answer).admin_page() == (f"{server.url}/app" if is_there else None)
    assert server.asked == ["GET /app"]


def test_a_medusa_without_its_admin_s_page_has_none(client: MedusaClient) -> None:
    assert client.admin_page() is None


def test_while_the_shop_only_watches_no_write_is_sent(server: Server) -> None:
    server.script = [(200, "{}")]
    with MedusaClient(server.url, email="a@b.example", password="x") as client:
        client.read_only = "Watching only."
        for write in (
            lambda: client.post("/admin/products/batch", {}),
            lambda: client.delete("/admin/products/prod_1"),
        ):
            with pytest.raises(NothingWritten, match="Watching only"):
                write()
        client.get("/admin/products")
    assert server.asked == ["GET /admin/products"]
