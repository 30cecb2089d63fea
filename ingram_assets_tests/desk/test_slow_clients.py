"""Connections that send no whole request, or come in crowds: they end, and everybody else is answered."""

import contextlib
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from ingram_assets.desk import server, slow_clients
from ingram_assets_tests.testing.desk import Visitor, running_desk
from ingram_demo.embedded.medusa import Medusa

pytestmark = pytest.mark.xdist_group("medusa")

_HEAD = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture
def port(medusa: Medusa, journal_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A desk of little patience."""
    monkeypatch.setattr(slow_clients, "WHOLE_WITHIN", 1.0)
    monkeypatch.setattr(server, "_CONNECTIONS", 40)
    with running_desk(medusa, journal_url) as url:
        yield urlsplit(url).port or 0


def connection(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def is_cut(opened: socket.socket) -> bool:
    try:
        return opened.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nX: y\r\n", _HEAD + b"email="])
def test_a_request_that_does_not_come_is_waited_for_no_longer(port: int, sent: bytes):
    with connection(port) as opened:
        opened.sendall(sent % port if b"%d" in sent else sent)
        assert is_cut(opened)


def test_neither_is_one_that_comes_drop_by_drop(port: int):
    with connection(port) as opened:
        opened.sendall(_HEAD % port)
        for _ in range(50):
            time.sleep(0.2)
            with contextlib.suppress(OSError):  # It is cut by now.
                opened.sendall(b"x")
        assert is_cut(opened)


def test_the_second_request_of_a_connection_has_its_time_too(port: int):
    with connection(port) as opened:
        opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert opened.recv(4096).startswith(b"HTTP/1.1 200")
        opened.sendall(b"GET /heal")
        assert is_cut(opened)


def test_an_answer_may_take_its_time(port: int, medusa: Medusa):
    """A refused sign-in takes a second and more: the request came whole."""
    visitor = Visitor.at(f"http://127.0.0.1:{port}")
    began = time.monotonic()
    assert visitor.sign_in(medusa.email, "wrong").status_code == 401
    assert time.monotonic() - began >= 1.0


def test_a_crowd_is_told_to_come_again_and_soon_gone(port: int):
    crowd = [connection(port) for _ in range(60)]
    for each in crowd:
        each.sendall(b"GET / HT")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as http:
        assert http.get("/healthz").status_code == 503
        assert all(map(is_cut, crowd))
        assert http.get("/healthz").status_code == 200
    for each in crowd:
        each.close()
