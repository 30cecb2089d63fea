"""A webhook as a person would have one: a real HTTP server that keeps what it is sent, and can be down."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ingram_assets.runtime.ports import free_port


class Webhook:
    """Listens on 127.0.0.1. `received` has the JSON of each request that was answered with 200.

    Asked for with GET it is a watcher of heartbeats: `beats` has the addresses that were asked for.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.beats: list[str] = []
        self.refused = 0
        self.status = 200
        self._port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Its address for ALERT_URLS."""
        return f"json://127.0.0.1:{self._port}/alerts"

    @property
    def heartbeat_url(self) -> str:
        """Its address for HEARTBEAT_URL, with what only its owner may know."""
        return f"http://127.0.0.1:{self._port}/ping/S3CRET-OF-THE-CHECK?status=up"

    @property
    def subjects(self) -> list[str]:
        """What it was told, in order."""
        return [one["title"] for one in self.received]

    def up(self) -> None:
        """Listen, on the same port as before."""
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if hook.status == 200:
                    hook.received.append(said)
                else:
                    hook.refused += 1
                self.send_response(hook.status)
                self.end_headers()

            def do_GET(self) -> None:
                hook.beats.append(self.path)
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        # Not one that any connection may be given while this is down.
        self._port = self._port or free_port()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def down(self) -> None:
        """Stop listening: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A webhook that is up."""
    hook = Webhook()
    hook.up()
    try:
        yield hook
    finally:
        hook.down()
