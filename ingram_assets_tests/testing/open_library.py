"""Open Library's covers over real HTTP: redirects to another path as the real one does, and counts."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BLANK = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
"""The 1 x 1 GIF that comes with status 200 when `default=false` was not asked for."""


class OpenLibraryStandIn:
    """`covers` by ISBN; `status` answers every look-up with that; `asked` are the look-ups as they came.

    `packed_as` is what covers say they are packed as, and the redirects to them, which then have a body too.
    """

    def __init__(self) -> None:
        self.covers: dict[str, bytes] = {}
        self.status: int | None = None
        self.loop = False
        self.packed_as: str | None = None
        self.asked: list[str] = []
        self.queries: list[dict[str, list[str]]] = []
        self.agents: set[str] = set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stand_in = self
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    stand_in: OpenLibraryStandIn


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        here = self.server.stand_in
        parts = urlsplit(self.path)
        isbn = parts.path.rsplit("/", 1)[-1].removesuffix("-L.jpg").removesuffix(".jpg")
        if parts.path.startswith("/archive/"):
            self._send(200, here.covers[isbn], "image/jpeg")
            return
        query = parse_qs(parts.query)
        here.asked.append(isbn)
        here.queries.append(query)
        here.agents.add(self.headers["User-Agent"])
        if here.status is not None:
            self._send(here.status, b"", "text/plain")
        elif here.loop:
            self._redirect(self.path)
        elif isbn in here.covers:
            self._redirect(f"/archive/{isbn}.jpg", here.covers[isbn] if here.packed_as else b"")
        elif query.get("default") == ["false"]:
            self._send(404, b"not found", "text/html")
        else:
            self._send(200, BLANK, "image/gif")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self._send_body(body)

    def _redirect(self, to: str, body: bytes = b"") -> None:
        self.send_response_only(302)
        self.send_header("Location", to)
        self._send_body(body)

    def _send_body(self, body: bytes) -> None:
        if body and self.server.stand_in.packed_as is not None:
            self.send_header("Content-Encoding", self.server.stand_in.packed_as)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
