"""A refusal as who asked can read it: a page for people, a problem document for programs."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from ingram_assets.desk.access import is_of_api
from ingram_assets.desk.pages.rendering import render
from ingram_assets.desk.problems import KINDS, answer

_OF_PAGES = {
    "not_signed_in": (401, "Please sign in"),
    "not_your_form": (403, "That did not come from a page of the desk"),
    "dagster_away": (502, "Dagster's page is away"),
}
"""What only people are refused with: status and title of each kind, as `KINDS` has them."""


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
    response: Response
    if is_of_api(scope["path"]):
        response = answer(kind, words, headers=headers)
    else:
        status, title = _OF_PAGES.get(kind) or KINDS[kind]
        response = PlainTextResponse(f"{title}. {words}\n", status)
        if wants_page(scope):
            response = render(Request(scope), "refused.html", status=status, title=title, words=words)
        response.headers.update(headers or {})
    await response(scope, receive, send)
