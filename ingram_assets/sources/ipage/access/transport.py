"""Connections that end when a page's time is over or the caller wants to stop, whatever the server does."""

import contextlib
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from ingram_assets.domain.addresses import is_this_machine
from ingram_assets.sources.ipage.access.cancellation import Cancellation


class RequestDeadline:
    """The deadline of the request that the current thread is in, and the caller's wish to stop.

    A timeout per read does not bound a page: a server that sends a byte now and then would hold a worker
    for ever. So reads are cut into short waits that look here.
    """

    STEP = 0.25

    def __init__(self, canceled: Cancellation) -> None:
        self._canceled = canceled
        self._local = threading.local()

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bounds all reads and writes of this thread in the block."""
        self._local.deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            self._local.deadline = None

    def remaining(self) -> float:
        """Seconds left. Raises Canceled: the caller closed the site. httpcore.ReadTimeout: none left."""
        self._canceled.raise_if_set()
        deadline = getattr(self._local, "deadline", None)
        left = float("inf") if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the page took too long in total")
        return left


class Transport(httpx.BaseTransport):
    """httpx's own transport, but on connections that the guard watches.

    The proxy is the environment's, as for the browser that signs in: the site sees both come from one place.
    """

    def __init__(self, guard: RequestDeadline) -> None:
        self._options: dict[str, Any] = {
            "ssl_context": httpx.create_ssl_context(),
            "max_connections": None,  # the slots limit them
            "keepalive_expiry": 30.0,
            "network_backend": _Backend(guard),
        }
        self._pools: dict[str | None, httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = _proxy_to(url)
        with self._lock:
            if proxy not in self._pools:
                of = httpx.Proxy(proxy) if proxy else None
                self._pools[proxy] = (
                    httpcore.HTTPProxy(str(of.url), of.raw_auth, of.headers.raw, **self._options)
                    if of is not None
                    else httpcore.ConnectionPool(**self._options)
                )
            return self._pools[proxy]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request by way of the environment's proxy for it."""
        to = request.url
        url = httpcore.URL(scheme=to.raw_scheme, host=to.raw_host, port=to.port, target=to.raw_path)
        answer = self._pool(to).handle_request(
            httpcore.Request(request.method, url, headers=request.headers.raw, extensions=request.extensions)
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Stream(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        """Closes all connections."""
        for pool in self._pools.values():
            pool.close()


def _proxy_to(url: httpx.URL) -> str | None:
    """The environment's proxy for this address; none leads to this machine, whatever NO_PROXY says."""
    if is_this_machine(url.host) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


class _Stream(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _Backend(httpcore.SyncBackend):
    def __init__(self, guard: RequestDeadline) -> None:
        super().__init__()
        self._guard = guard

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **options: Any
    ) -> Any:
        left = self._guard.remaining()
        stream = super().connect_tcp(host, port, min(timeout or left, left), *args, **options)
        return _GuardedStream(stream, self._guard)


class _GuardedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, guard: RequestDeadline) -> None:
        self._stream, self._guard = stream, guard

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        until = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while True:
            wait = min(self._guard.remaining(), until - time.monotonic(), RequestDeadline.STEP)
            if wait <= 0:
                raise httpcore.ReadTimeout("no answer in time")
            try:
                return self._stream.read(max_bytes, timeout=wait)
            except httpcore.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, min(timeout or float("inf"), self._guard.remaining()))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._guard.remaining()
        return _GuardedStream(
            self._stream.start_tls(ssl_context, server_hostname, min(timeout or left, left)), self._guard
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
