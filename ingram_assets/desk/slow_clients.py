"""Connections on which no whole request comes: they are cut off, and take nobody's place."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

WHOLE_WITHIN = 30.0
"""Seconds that a connection may take to send a request, headers and body."""


class PromptProtocol(HttpToolsProtocol):
    """Uvicorn's own protocol, with an end to waiting: it knows none for a request that has begun to come."""

    _cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time begins with the connection."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """It ends with the request's last byte, and begins anew with the next one's first."""
        super().data_received(data)
        if self._is_whole:
            self._end()
        elif self._cut is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        self._end()
        super().connection_lost(exc)

    @property
    def _is_whole(self) -> bool:
        if self.transport.get_protocol() is not self:  # It became a websocket.
            return True
        return self.cycle is not None and not (self.cycle.more_body or self.cycle.response_complete)

    def _wait(self) -> None:
        self._cut = self.loop.call_later(WHOLE_WITHIN, self.transport.abort)

    def _end(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None
