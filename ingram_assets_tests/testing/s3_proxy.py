"""A real HTTP proxy in front of the S3 server that writes down requests and can break them."""

import http.client
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str


Fault = Callable[[Request, "_Handler"], bool]
"""Called with each request. True: it has dealt with it, so the request goes no further."""


class Proxy:
    """`endpoint` is where the client sends to; `requests` what came; `fault` what is done to them."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 80)
        self.requests: list[Request] = []
        self.fault: Fault | None = None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self) -> Counter[str]:
        """Requests by method."""
        return Counter(request.method for request in self.requests)

    def forget(self) -> None:
        self.requests.clear()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # eight clients at once, on a machine that may be slow to accept them
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was cut off is what some tests are about: no traceback for it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do(self) -> None:
        request = Request(self.command, self.path)
        self.server.proxy.requests.append(request)
        fault = self.server.proxy.fault
        if fault is not None and fault(request, self):
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        upstream = http.client.HTTPConnection(*self.server.proxy.upstream)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            # The Host header is signed: it goes on as it came.
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            data = answer.read()
        except OSError:
            self.drop()
            return
        finally:
            upstream.close()
        self.send_response_only(answer.status)
        length = answer.headers.get("Content-Length", str(len(data)))
        for name, value in answer.headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do

    def answer(self, status: int, body: bytes = b"") -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cut_half_way(self) -> None:
        """Pass on the head and half of the body, then break both connections."""
        length = int(self.headers["Content-Length"])
        half = self.rfile.read(length // 2)
        with socket.create_connection(self.server.proxy.upstream) as upstream:
            lines = [f"{self.command} {self.path} HTTP/1.1", *(f"{k}: {v}" for k, v in self.headers.items())]
            upstream.sendall("\r\n".join([*lines, "", ""]).encode() + half)
            upstream.shutdown(socket.SHUT_WR)
            upstream.recv(1)  # Until the server has noticed.
        self.drop()

    def drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        pass
