"""Refusals and failures as who asked can read them: a page for people, a problem document for programs."""

import logging
from collections.abc import Callable, Mapping

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from ingram_assets.desk.access import is_of_api
from ingram_assets.desk.pages.rendering import render
from ingram_assets.desk.problems import HANDLERS, KINDS, DeskProblem, answer
from ingram_assets.domain.failures import IngramError
from ingram_assets.store.inventory.model import OperationRefused

log = logging.getLogger(__name__)

_OF_PAGES = {
    "not_signed_in": (401, "Please sign in"),
    "not_your_form": (403, "That did not come from a page of the desk"),
    "no_page": (404, "There is no such page"),
    "no_button": (405, "That can't be done here"),
    "not_readable": (422, "The desk can't read that"),
    "page_failed": (500, "The desk failed"),
    "dagster_away": (502, "Dagster's page is away"),
}
"""What people are told in other words than programs: status and title of each kind, as `KINDS` has them."""

PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Covers: in a bucket, and in the demo on this machine.
        "img-src 'self' data: https: http://127.0.0.1:*",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)
"""Content-Security-Policy of the desk's own pages: no script and no style but from files of its own."""


def wants_page(scope: Scope) -> bool:
    """Whether a person's browser asks for a whole page."""
    headers = Headers(scope=scope)
    return (
        scope["type"] == "http"
        and not is_of_api(scope["path"])
        and "text/html" in headers.get("accept", "")
        and "hx-request" not in headers
    )


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    kind: str,
    words: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer a request, or a websocket that is not accepted yet.

    Args:
        kind: of `KINDS`, or of those that only people are refused with.
        words: what to do next.
    """
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    response = _refusal(Request(scope), kind, words, headers)
    await response(scope, receive, send)


def _refusal(request: Request, kind: str, words: str, headers: Mapping[str, str] | None = None) -> Response:
    if is_of_api(request.url.path):
        return answer(kind, words, headers=headers)
    status, title = _OF_PAGES.get(kind) or KINDS[kind]
    response: Response = PlainTextResponse(f"{title}. {words}\n", status)
    if wants_page(request.scope):
        response = render(request, "refused.html", status=status, title=title, words=words)
    response.headers.update(headers or {})
    return response


def answer_failures(app: FastAPI) -> None:
    """Let an application answer every failure as who asked can read it."""
    for failure, handler in HANDLERS.items():
        app.add_exception_handler(failure, _for_whom(handler))


def _for_whom(of_api: Callable[[Request, Exception], Response]) -> Callable[[Request, Exception], Response]:
    def told(request: Request, error: Exception) -> Response:
        return of_api(request, error) if is_of_api(request.url.path) else _told_to_people(request, error)

    return told


def _told_to_people(request: Request, error: Exception) -> Response:
    match error:
        case DeskProblem():
            return _refusal(request, error.problem_kind, error.detail)
        case OperationRefused(refusal=refusal):
            return _refusal(request, refusal.kind, refusal.message)
        case IngramError():
            # What is told of our own servers is for the log.
            log.warning("%s %s: %s", request.method, request.url.path, error)
            words = "The store, or one of its databases, does not answer. Load the page again in a moment."
            return _refusal(request, "try_again", words, {"Retry-After": "2"})
        case RequestValidationError():
            return _refusal(request, "not_readable", "Nothing was changed. Go back, and correct it.")
        case HTTPException(status_code=404):
            return _refusal(request, "no_page", "See whether its address is right, or begin at the board.")
        case HTTPException(status_code=405):
            return _refusal(request, "no_button", "Go back, load the page anew, and try again.")
        case HTTPException(status_code=status) if status < 500:
            return _refusal(request, "not_readable", "Nothing was changed. Go back, and try again.")
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    words = "Its log says why. Load the page before again, to see whether it was done."
    # What failed past all doors comes back past them, too.
    return _refusal(request, "page_failed", words, {"Content-Security-Policy": PAGE_POLICY})
