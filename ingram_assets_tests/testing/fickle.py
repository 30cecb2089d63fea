"""A way to Medusa on which answers get lost, requests never leave, and callers die in the middle."""

import random
import threading
from collections.abc import Callable
from typing import Literal

import httpx

Fate = Literal["arrives", "never sent", "answer lost", "killed before", "killed after"]


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


class FickleTransport(httpx.BaseTransport):
    """Asks for the fate of each request that writes. `writes` counts them."""

    def __init__(
        self, fate: Callable[[httpx.Request, int], Fate] = lambda request, number: "arrives"
    ) -> None:
        self._way = httpx.HTTPTransport(retries=0)
        self._lock = threading.Lock()
        self.fate = fate
        self.writes = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends it, or what else its fate is."""
        if request.method == "GET" or request.url.path.startswith("/auth/"):
            return self._way.handle_request(request)
        with self._lock:
            self.writes += 1
            fate = self.fate(request, self.writes)
        if fate == "killed before":
            raise Killed
        if fate == "never sent":
            raise httpx.ConnectError("dropped", request=request)
        answer = self._way.handle_request(request)
        if fate == "arrives":
            return answer
        answer.read()
        answer.close()
        if fate == "killed after":
            raise Killed
        raise httpx.ReadError("dropped", request=request)

    def close(self) -> None:
        """Closes the connections."""
        self._way.close()


def now_and_then(seed: int, share: float) -> Callable[[httpx.Request, int], Fate]:
    """A share of the writes is lost, half of them on the way there and half on the way back."""
    chance = random.Random(seed)

    def fate(request: httpx.Request, number: int) -> Fate:
        if chance.random() >= share:
            return "arrives"
        return "never sent" if chance.random() < 0.5 else "answer lost"

    return fate
