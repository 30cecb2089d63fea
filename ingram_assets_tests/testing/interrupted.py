"""A network that fails where a test wants it to: a run killed between two writes, an answer lost."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from ingram_assets.store.client import MedusaClient
from ingram_demo.embedded.medusa import Medusa


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


class Network(httpx.BaseTransport):
    """Real requests, with something happening around a write.

    Args:
        before: called with the number of the write (from 1) and its request, before it is sent. What it
            answers, a proxy answers in Medusa's place.
        after: called after Medusa answered, before the answer arrives.
    """

    def __init__(
        self,
        before: Callable[[int, httpx.Request], httpx.Response | None] | None = None,
        after: Callable[[int, httpx.Request], None] | None = None,
    ) -> None:
        self._real = httpx.HTTPTransport()
        self._before, self._after = before, after
        self._lock = threading.Lock()
        self.writes = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" or request.url.path.startswith("/auth/"):
            return self._real.handle_request(request)
        with self._lock:  # one write at a time, so that their numbers are the same in every run
            self.writes += 1
            if self._before and (answer := self._before(self.writes, request)):
                return answer
            response = self._real.handle_request(request)
            response.read()
            if self._after:
                self._after(self.writes, request)
            return response

    def close(self) -> None:
        self._real.close()


@contextmanager
def client_on(medusa: Medusa, network: Network) -> Iterator[MedusaClient]:
    """A client whose requests take this network."""
    with MedusaClient(medusa.url, email=medusa.email, password=medusa.password, transport=network) as client:
        yield client


def killed_before(write: int) -> Network:
    """A network on which the run dies just before this write is sent."""

    def die(number: int, request: httpx.Request) -> None:
        if number >= write:
            raise Killed

    return Network(before=die)
