"""The desk as a server of its own on a real store, and a program that asks it."""

import itertools
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from ingram_assets.desk.app import make_app
from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.server import server_config
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.overview.board_watch import BoardWatch, ShopSettings
from ingram_assets.runtime.ports import free_port
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.tokens import TokenStore
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.shop import make_title
from ingram_demo.embedded.medusa import Medusa

_keys = itertools.count(1)


def looks(
    medusa_url: str, email: str, password: str, journal_url: str, **more: str
) -> tuple[Lookups, BoardWatch]:
    """Where a desk looks; what is not given is away."""
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    given = {
        "MEDUSA_BACKEND_URL": medusa_url,
        "MEDUSA_EMAIL": email,
        "MEDUSA_PASSWORD": password,
        "STOREFRONT_DB_URL": journal_url,
        "MODE": "live",
        "QUEUE_DB_URL": away,
        "DAGSTER_PG_URL": away,
        "INGRAM_UI_URL": f"http://127.0.0.1:{free_port()}",
        "INGRAM_STATE_DIR": str(Path(tempfile.gettempdir(), "ingram-desk")),
    } | more
    settings, common = load(StorefrontSettings, given), load(CommonSettings, given)
    client = MedusaClient(medusa_url, email=email, password=password, attempts=1, patience=8)
    lookups = Lookups(client, journal_url, given["QUEUE_DB_URL"], common)
    watch = BoardWatch(
        ShopSettings(settings, common, load(PaceSettings, given)),
        QueueReader(given["QUEUE_DB_URL"]),
        lookups.journal,
        lookups.view,
        lookups.floor_answer,
    )
    return lookups, watch


@contextmanager
def running_desk(
    medusa: Medusa,
    journal_url: str,
    port: int | None = None,
    proxies: Sequence[str] = (),
    *,
    queue_url: str | None = None,
    **settings: Any,
) -> Iterator[str]:
    """A desk that answers, by its address; it ends with the block. Without `queue_url` the queue is away."""
    client = MedusaClient(medusa.url, email=medusa.email, password=medusa.password)
    store_access = StoreAccess(client, journal_url, low=5)
    queue = {"QUEUE_DB_URL": queue_url} if queue_url else {}
    lookups, watch = looks(medusa.url, medusa.email, medusa.password, journal_url, **queue)
    app = make_app(store_access, lookups, watch, **({"per_minute": 1_000_000} | settings))
    with served(app, port, proxies) as url:
        yield url


@contextmanager
def served(app: FastAPI, port: int | None = None, proxies: Sequence[str] = ()) -> Iterator[str]:
    """An application of the desk's that answers, by its address; it ends with the block."""
    port = port or free_port()
    server = uvicorn.Server(server_config(app, "127.0.0.1", port, proxies))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


@dataclass
class Program:
    """Somebody with a token. Answers come as they are; `json` of those that have to be good."""

    http: httpx.Client

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(f"/api/v1/{path}", params=query)

    def write(
        self, method: str, path: str, body: Any = None, key: str | None = None, **query: Any
    ) -> httpx.Response:
        """A write with a key of its own, unless one is given."""
        headers = {"Idempotency-Key": key or f"key-{next(_keys)}"}
        return self.http.request(method, f"/api/v1/{path}", json=body, headers=headers, params=query)

    def post(self, path: str, key: str | None = None, **body: Any) -> httpx.Response:
        return self.write("POST", path, body, key)

    def json(self, path: str, **query: Any) -> Any:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass
class DeskShop:
    """A store with its desk: Ingram's location, Cellar and Attic of "Online Store", Booth of "Fair"."""

    url: str
    bench: Bench
    tokens: TokenStore
    places: dict[str, str]
    channels: dict[str, str]

    def program(self, scope: str, channel: str | None = None) -> Program:
        """Somebody with a new token."""
        of_channel = {"channel_id": self.channels[channel], "channel_name": channel} if channel else {}
        _, text = self.tokens.create(f"{scope}-{next(_keys)}", scope, by="ada", **of_channel)  # type: ignore[arg-type]
        return self.with_token(text)

    def with_token(self, text: str) -> Program:
        headers = {"Authorization": f"Bearer {text}"}
        return Program(httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False))

    def title(self, name: str = "", ingram: int = 7, **copies: int) -> str:
        """A title's ISBN, with so many copies at Ingram's location and, by name, at the shop's own."""
        values = {"title": name} if name else {}
        title = make_title(ingram, **values)
        self.bench.import_(title)
        self.bench.sync(title)
        for place, many in copies.items():
            self.bench.shop.set_level(title.isbn, self.places[place], many)
        return title.isbn

    def level(self, isbn: str, place: str) -> tuple[int, int] | None:
        """Stocked and reserved in Medusa."""
        found = self.bench.shop.level(isbn, self.places[place])
        return (found["stocked_quantity"], found["reserved_quantity"]) if found else None


@dataclass
class Visitor:
    """A person at the desk's pages, with the cookies of one browser; redirects are not followed."""

    http: httpx.Client

    @classmethod
    def at(cls, url: str, **headers: str) -> "Visitor":
        """Nobody yet."""
        told = {"Accept": "text/html", "Origin": url, "Sec-Fetch-Site": "same-origin"} | headers
        return cls(httpx.Client(base_url=url, headers=told, timeout=60, trust_env=False))

    def sign_in(self, email: str, password: str, wanted: str = "/") -> httpx.Response:
        """The form, filled in and sent."""
        form = {"email": email, "password": password, "next": wanted}
        return self.http.post("/sign-in", data=form)

    @property
    def csrf(self) -> str:
        """What the page's forms send."""
        page = self.http.get("/account")
        assert page.status_code == 200, page.text
        return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]

    def send(self, path: str, **form: str) -> httpx.Response:
        """A form of a page, sent."""
        return self.http.post(path, data={"csrf_token": self.csrf} | form)
