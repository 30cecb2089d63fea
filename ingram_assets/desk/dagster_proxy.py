"""The front door to Dagster's page: what comes here is passed on to its server on this machine.

That server takes commands from its own pages alone. The doors before this one have seen that somebody is
signed in, and that the desk's own pages asked: nothing of that is passed on.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from urllib.parse import urlsplit

import httpx
import websockets
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from ingram_assets.desk.refusals import refuse

log = logging.getLogger(__name__)

STILL_SIGNED_IN_EVERY = 30.0
"""Seconds between two looks whether an open websocket's person is still signed in."""

_LARGEST_MESSAGE = 64 * 2**20
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 60.0
"""Until an answer begins, or goes on: a page of Dagster's may ask for much at once."""

_HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade"),
    )
)
"""Of one connection alone (RFC 9110, 7.6.1)."""

_OF_THE_DESK = frozenset(("host", "cookie", "authorization", "origin", "referer", "forwarded", "x-real-ip"))
"""What a request tells of the desk and its people."""

_AWAY = (
    "It is brought back within seconds if it died: load this page anew. If that does not help, see whether "
    "the service page, or ingram up, is running, and what the log of its web server says."
)


class DagsterProxy:
    """An ASGI application that stands for Dagster's page, below the same path.

    Args:
        url: the page's address on this machine.
        still_signed_in: whether the person of a websocket is so still.
    """

    def __init__(self, url: str, still_signed_in: Callable[[Scope], Awaitable[bool]]) -> None:
        address = urlsplit(url)
        self._netloc = address.netloc
        self._still_signed_in = still_signed_in
        self._http = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=4.0)
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request or a websocket on, and its answers back."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    # -- requests ------------------------------------------------------------------------------------------

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = httpx.Request(
            scope["method"],
            f"http://{self._netloc}",
            headers=[(b"host", self._netloc.encode()), *_passed_on(scope["headers"])],
            content=_body(receive) if _has_body(scope) else None,
            # As a target it is sent as it came: an address would be made plain first.
            extensions={"timeout": _TIMEOUT.as_dict(), "target": _target(scope)},
        )
        try:
            response = await self._http.handle_async_request(request)
        except httpx.TransportError as error:
            log.warning("Dagster's page: %s %s: %r", scope["method"], scope["path"], error)
            await refuse(scope, receive, send, "dagster_away", _AWAY, {"Retry-After": "5"})
            return
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": response.status_code,
                    "headers": self._passed_back(response.headers.raw),
                }
            )
            async for chunk in response.stream:  # type: ignore[union-attr]  # it is asynchronous
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await response.aclose()

    def _passed_back(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """An answer's headers. Addresses in them are the desk's, and cookies there are none."""
        back = []
        for name, value in _without_hops(headers):
            if name in (b"set-cookie", b"date", b"server"):
                continue
            if name == b"location":
                value = value.removeprefix(f"http://{self._netloc}".encode())
            back.append((name, value))
        return back

    # -- websockets ----------------------------------------------------------------------------------------

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # That it wants to be accepted.
        try:
            upstream = await websockets.connect(
                f"ws://{self._netloc}{_target(scope).decode('ascii')}",
                subprotocols=[Subprotocol(each) for each in scope["subprotocols"]] or None,
                open_timeout=_CONNECT_SECONDS,
                max_size=_LARGEST_MESSAGE,
                compression=None,
                proxy=None,
                logger=logging.getLogger("websockets.door"),
            )
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            log.warning("Dagster's page: websocket %s: %r", scope["path"], error)
            await send({"type": "websocket.close", "code": 1013})
            return
        async with upstream:
            await send({"type": "websocket.accept", "subprotocol": upstream.subprotocol})
            ways = [
                asyncio.create_task(way)
                for way in (_up(receive, upstream), _down(upstream, send), self._watch(scope))
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
            # Whoever closed it, the browser's side may be closed already.
            with contextlib.suppress(RuntimeError, OSError):
                await send({"type": "websocket.close", "code": _passed_code(upstream.close_code)})

    async def _watch(self, scope: Scope) -> None:
        while await self._still_signed_in(scope):
            await asyncio.sleep(STILL_SIGNED_IN_EVERY)


def _passed_code(code: int | None) -> int:
    """Why a websocket was closed; "going away" where nobody said why. The codes for that can't be sent."""
    return 1001 if code in (None, 1005, 1006, 1015) else code


async def _up(receive: Receive, upstream: ClientConnection) -> None:
    """From the browser to Dagster, until the browser leaves."""
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        await upstream.send(message["bytes"] if text is None else text)


async def _down(upstream: ClientConnection, send: Send) -> None:
    """From Dagster to the browser, until Dagster closes."""
    async for data in upstream:
        kind = "text" if isinstance(data, str) else "bytes"
        await send({"type": "websocket.send", kind: data})


_TIMEOUT = httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)


def _target(scope: Scope) -> bytes:
    """Path and query, as they were written."""
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return path + (b"?" + query if query else b"")


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """What is sent with a request, as it comes. Raises httpx.ReadError: the browser left in the middle."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx.ReadError("The browser left.")
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _passed_on(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """A request's headers, without what Dagster has no need to know."""
    return [
        (name, value)
        for name, value in _without_hops(headers)
        if name.decode("latin-1") not in _OF_THE_DESK and not name.startswith((b"sec-", b"x-forwarded-"))
    ]


def _without_hops(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers that are not of one connection alone, in small letters."""
    small = [(name.lower(), value) for name, value in headers]
    named = {
        each.strip().lower()
        for name, value in small
        if name == b"connection"
        for each in value.decode("latin-1").split(",")
    }
    return [pair for pair in small if pair[0].decode("latin-1") not in _HOP_BY_HOP | named]
