"""A bad line: a TCP proxy between the project and one of its peers, HTTP or not, that a test makes fail.

`covers/proxy.py` understands HTTP and writes requests down; this one passes on bytes, so that it also stands
before PostgreSQL and a mailbox.
"""

import contextlib
import os
import re
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

Fault = Literal["slow", "hang", "cut", "garbage", "429", "500", "502", "503"]
"""What a line can do to a peer's answers; the numbers are HTTP statuses."""

FAULTS: tuple[Fault, ...] = get_args(Fault)


@dataclass
class Trouble:
    """What is done to requests, to those alone whose first bytes match `only`.

    `slow` passes on `seconds` late, `hang` never, `cut` passes the request on and breaks the connection in
    the middle of the answer, `garbage` answers with 4 kB of nonsense. `times` is how many suffer, 0 for all.
    """

    fault: Fault
    only: bytes = b""
    times: int = 0
    seconds: float = 10.0
    suffered: int = 0


class Line:
    """Listens at `port` on 127.0.0.1 and passes on to the peer. Use as a context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._peer = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._troubles: list[Trouble] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *exception: object) -> None:
        self._closed.set()
        self._listener.close()

    def through(self, url: str) -> str:
        """The peer's address, but over this line."""
        return url.replace(f":{self._peer[1]}", f":{self.port}", 1)

    def make(self, fault: Fault, *, only: bytes = b"", times: int = 0, seconds: float = 10.0) -> Trouble:
        """The line is bad from now on, in this way too. What comes back counts what suffered."""
        trouble = Trouble(fault, only, times, seconds)
        with self._lock:
            self._troubles.append(trouble)
        return trouble

    def heal(self) -> None:
        """The line is good again."""
        with self._lock:
            self._troubles.clear()

    def _due(self, data: bytes) -> Trouble | None:
        """The first of the troubles that this request suffers."""
        with self._lock:
            for trouble in self._troubles:
                over = trouble.times and trouble.suffered >= trouble.times
                if not over and re.search(trouble.only, data):
                    trouble.suffered += 1
                    return trouble
        return None

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        cut = threading.Event()
        with client, contextlib.suppress(OSError), _ended(socket.create_connection(self._peer)) as peer:
            back = threading.Thread(target=_pass_back, args=(peer, client, cut), daemon=True)
            back.start()
            while data := client.recv(1 << 16):
                trouble = self._due(data)
                match trouble.fault if trouble else None:
                    case None:
                        peer.sendall(data)
                    case "slow":
                        self._closed.wait(trouble.seconds)
                        peer.sendall(data)
                    case "hang":
                        while client.recv(1 << 16):  # Until the client has had enough.
                            pass
                        return
                    case "cut":
                        cut.set()
                        peer.sendall(data)
                    case "garbage":
                        client.sendall(os.urandom(4096))
                        return
                    case status:
                        _take_in(client, data)
                        client.sendall(_answer(int(status)))
                        return
            peer.shutdown(socket.SHUT_WR)
            back.join(60)


@contextlib.contextmanager
def _ended(peer: socket.socket) -> Iterator[socket.socket]:
    """Ends the connection on the way out, which closing alone does not while a thread reads from it."""
    with peer:
        try:
            yield peer
        finally:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)


def _pass_back(peer: socket.socket, client: socket.socket, cut: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := peer.recv(1 << 16):
            if cut.is_set():
                body = data.find(b"\r\n\r\n") + 4 if data.startswith(b"HTTP/") else 0
                if body == len(data):  # There is none: then in the middle of the head.
                    body = 0
                client.sendall(data[: body + max(1, (len(data) - body) // 2)])
                # A reset, not a close that could pass for the end of the answer.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.shutdown(socket.SHUT_RD)
                client.close()
                return
            client.sendall(data)
        client.shutdown(socket.SHUT_WR)


def _take_in(client: socket.socket, data: bytes) -> None:
    """The rest of an HTTP request's body."""
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", data)
    missing = int(length[1]) - (len(data) - data.find(b"\r\n\r\n") - 4) if length else 0
    while missing > 0 and (more := client.recv(1 << 16)):
        missing -= len(more)


def _answer(status: int) -> bytes:
    body = b"<html><body>Out of order</body></html>"
    return (
        f"HTTP/1.1 {status} Out of Order\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode() + body
