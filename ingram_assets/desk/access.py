"""Who may come in and do what: tokens, their scopes, and how often they may ask."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingram_assets.desk.problems import DeskProblem, answer
from ingram_assets.domain.failures import IngramError
from ingram_assets.store.tokens import DeskToken, TokenStore

OPENAPI = "/api/v1/openapi.json"
"""What of the API needs no token: it says nothing of the shop."""

METRICS = "/metrics"
"""Where Prometheus reads: with a token, as the API.

A proxy before the desk often runs on this very machine: its address says nothing of who asks.
"""

BODY_LIMIT = 64_000
"""Bytes of a request."""

FAILURES_PER_MINUTE = 20
"""Tokens that are none, from one address, until it has to wait."""


def is_of_api(path: str) -> bool:
    """Whether a path is for programs, with a token; all others are for people."""
    return path.startswith("/api/") or path == METRICS


def may(token: DeskToken, method: str, path: str) -> str | None:
    """Why a token may not do this; `None`: it may. Pure."""
    if token.scope == "admin":
        return None
    if token.scope == "read":
        return None if method in ("GET", "HEAD") else "The token may look and change nothing (scope read)."
    if path.startswith("/api/v1/store/"):
        return None
    return f"The token is for the store {token.channel_name!r} and its routes, /api/v1/store/… (scope store)."


class RequestGuard:
    """Judges each request before anything of it is read."""

    def __init__(self, tokens: Callable[[], TokenStore], per_minute: int, failures: int) -> None:
        self._tokens = tokens
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._each = RateLimitItemPerMinute(per_minute)
        self._failures = RateLimitItemPerMinute(failures)

    def admit(self, authorization: str, address: str, method: str, path: str) -> DeskToken:
        """The token of a request that may go on.

        Raises:
            DeskProblem: 401, 403 or 429.
            JournalLost, NeedsPerson: the tokens can't be looked up.
        """
        scheme, _, text = authorization.strip().partition(" ")
        bearer = scheme.lower() == "bearer"
        # A right token gets through whatever else came from its address, which behind a proxy all share: of
        # 256 random bits none is guessed.
        token = self._tokens().check(text.strip()) if bearer else None
        if token is None:
            if authorization and not self._limiter.hit(self._failures, "failures", address):
                raise self._too_often(self._failures, "failures", address)
            words = "The token is none, or revoked." if authorization else "No token was sent."
            raise DeskProblem(
                "sign_in_needed",
                f"{words} Send one: Authorization: Bearer ingram_… (made by: ingram token create).",
                headers={"WWW-Authenticate": 'Bearer realm="ingram"'},
            )
        if not self._limiter.hit(self._each, "token", token.id):
            raise self._too_often(self._each, "token", token.id)
        if why := may(token, method, path):
            raise DeskProblem("forbidden", why)
        return token

    def _too_often(self, limit: RateLimitItemPerMinute, *whose: str) -> DeskProblem:
        wait = max(1, math.ceil(self._limiter.get_window_stats(limit, *whose).reset_time - time.time()))
        return DeskProblem(
            "too_many_requests",
            f"At most {limit.amount} a minute: ask again in {wait} s.",
            headers={"Retry-After": str(wait)},
        )


class TokenMiddleware:
    """The middleware that lets programs in, with their token in `request.state.token`.

    What a person's browser sends with its cookie is nobody here: a token is all that counts.
    """

    def __init__(self, app: ASGIApp, guard: RequestGuard) -> None:
        self._app, self._doorkeeper = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admits a request, or answers it. Passes on what is no program's."""
        if scope["type"] != "http" or not is_of_api(scope["path"]) or scope["path"] == OPENAPI:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        address = (scope.get("client") or ("unknown", 0))[0]
        asked = (headers.get("authorization", ""), address, scope["method"], scope["path"])
        try:
            token = await run_in_threadpool(self._doorkeeper.admit, *asked)
            again = await read_whole(scope, receive)
        except DeskProblem as error:
            refusal = answer(error.problem_kind, error.detail, headers=error.headers)
            await refusal(scope, receive, send)
            return
        except IngramError:
            words = "The tokens can't be looked up now. Ask again with the same key."
            await answer("try_again", words, headers={"Retry-After": "2"})(scope, receive, send)
            return
        scope.setdefault("state", {})["token"] = token
        await self._app(scope, again, send)


@dataclass
class Replayed:
    """A request's body that was read already, to be received once more."""

    body: bytes
    receive: Receive
    given: bool = False

    async def __call__(self) -> Message:
        """The next message of the request."""
        if self.given:
            return await self.receive()
        self.given = True
        return {"type": "http.request", "body": self.body, "more_body": False}


async def read_whole(scope: Scope, receive: Receive) -> Replayed:
    """The body of a request that is no larger than one may be. Raises DeskProblem."""
    length = Headers(scope=scope).get("content-length", "")
    body, more = b"", True
    too_large = length.isdecimal() and int(length[:12]) > BODY_LIMIT
    while more and not too_large:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        too_large = len(body) > BODY_LIMIT
    if too_large:
        raise DeskProblem("too_large", f"A request has at most {BODY_LIMIT:,} bytes.")
    return Replayed(body, receive)
