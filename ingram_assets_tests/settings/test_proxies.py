"""Proxies: those of the environment are used, for other machines, and never for this one."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from ingram_assets.cli.main import main
from ingram_assets.coordination.connection import Coordinator
from ingram_assets.coordination.open_library_quota import LookupCount
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.settings.proxies import sparing_this_machine
from ingram_assets.sources.ipage.access.cancellation import Cancellation
from ingram_assets.sources.ipage.access.transport import RequestDeadline, Transport
from ingram_assets.sources.open_library import OpenLibrary
from ingram_assets.store.client import MedusaClient
from ingram_assets_tests.testing.queue import Queue, migrated
from ingram_demo.embedded.postgres import Postgres

SPELLINGS = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
ELSEWHERE = "elsewhere.invalid"


class Proxy:
    """Answers whatever it is asked, and knows what that was."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                body = b'{"products": [], "count": 0}'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_CONNECT(self) -> None:
                asked.append(self.path)
                self.send_error(502)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy; no setting of this machine's own is left."""
    for name in (*SPELLINGS, "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running = Proxy()
    yield running
    running.close()


def ask_as_medusa(url: str) -> None:
    with MedusaClient(url, api_key="sk_x", attempts=1) as client:
        client.get("/admin/products")


def ask_as_ipage(url: str) -> None:
    with httpx.Client(transport=Transport(RequestDeadline(Cancellation())), trust_env=False) as client:
        client.get(f"{url}/a-page")


@pytest.fixture(scope="module")
def queue(postgres: Postgres) -> Iterator[Queue]:
    yield migrated(postgres, "queue_behind_proxies")
    postgres.drop_database("queue_behind_proxies")


def ask_as_open_library(url: str, queue: Queue) -> None:
    with (
        closing(Coordinator(queue.writer)) as coordinator,
        OpenLibrary(LookupCount(coordinator), base_url=url) as library,
    ):
        library.fetch("9780306406157")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("spelling", [str.lower, str.upper])
@pytest.mark.parametrize("name", ["{}_proxy", "all_proxy"])
def test_other_machines_are_asked_through_the_proxy(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, queue: Queue, scheme: str, spelling, name: str
) -> None:
    monkeypatch.setenv(spelling(name.format(scheme)), proxy.url)
    for ask in (ask_as_medusa, ask_as_ipage, lambda url: ask_as_open_library(url, queue)):
        with suppress(Exception):  # This proxy leads nowhere.
            ask(f"{scheme}://{ELSEWHERE}")
        assert proxy.asked, ask
        assert all(ELSEWHERE in each for each in proxy.asked)
        proxy.asked.clear()


def test_a_host_of_no_proxy_is_asked_directly(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", ELSEWHERE)
    for ask in (ask_as_medusa, ask_as_ipage):
        with pytest.raises(Exception, match=r"connection to the site|resol|Name|address|got no answer"):
            ask(f"https://{ELSEWHERE}")
    assert proxy.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_never_asked_through_a_proxy(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, queue: Queue, host: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    for name in SPELLINGS:
        monkeypatch.setenv(name, gone)
    there = proxy.url.replace("127.0.0.1", host)
    ask_as_medusa(there)
    ask_as_ipage(there)
    ask_as_open_library(there, queue)
    assert len(proxy.asked) == 3


@pytest.mark.parametrize(
    ("environment", "spared"),
    [
        ({}, None),
        ({"PATH": "/bin", "no_proxy": "a"}, None),
        ({"https_proxy": ""}, None),
        ({"https_proxy": "http://p:1"}, "127.0.0.1,localhost,::1"),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "a.b, c.d"}, "a.b,c.d,127.0.0.1,localhost,::1"),
        ({"HTTP_PROXY": "p:1", "no_proxy": "a", "NO_PROXY": "b,localhost"}, "a,b,localhost,127.0.0.1,::1"),
        ({"http_proxy": "http://p:1", "no_proxy": "*"}, "*"),
    ],
)
def test_this_machine_is_added_to_no_proxy(environment: dict[str, str], spared: str | None) -> None:
    added = sparing_this_machine(environment)
    assert added == ({} if spared is None else {"no_proxy": spared, "NO_PROXY": spared})


def test_every_child_spares_this_machine(tmp_path: Path) -> None:
    path = {"PATH": os.environ["PATH"]}
    shown = "import os; print(os.environ.get('no_proxy'), os.environ.get('NO_PROXY'))"
    with Supervisor(tmp_path) as supervisor:
        for name, more in {"behind": {"https_proxy": "http://p:1"}, "before": {}}.items():
            child = supervisor.start(name, [sys.executable, "-c", shown], env=path | more)
            child.process.wait(60)
        assert (tmp_path / "logs" / "behind.log").read_text().split() == 2 * ["127.0.0.1,localhost,::1"]
        assert (tmp_path / "logs" / "before.log").read_text().split() == ["None", "None"]


def test_a_command_spares_this_machine_before_it_asks_for_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    CliRunner().invoke(main, ["queue", "--help"])
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "127.0.0.1,localhost,::1"
