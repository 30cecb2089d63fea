"""What the desk refuses, and how it says so: problem documents as RFC 9457 has them."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ingram_assets.domain.failures import IngramError, Permanent
from ingram_assets.store.inventory.bookkeeper import StillMoving
from ingram_assets.store.inventory.channels import UnknownChannel
from ingram_assets.store.inventory.ledger import EntryBusy
from ingram_assets.store.inventory.model import OperationRefused, RefusalKind

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

KINDS: Mapping[str, tuple[int, str]] = {
    "sign_in_needed": (401, "A token is needed"),
    "forbidden": (403, "The token may not do this"),
    "foreign_page": (403, "Another site's page asked"),
    "not_found": (404, "There is nothing here"),
    "unknown_entry": (404, "No such entry"),
    RefusalKind.NO_ENTRY: (404, "The title is not kept there"),
    RefusalKind.NO_RESERVATION: (404, "No such reservation"),
    "method_not_allowed": (405, "This can't be done here"),
    RefusalKind.UNKNOWN_TITLE: (409, "No such title"),
    RefusalKind.UNKNOWN_LOCATION: (409, "No such location, or several"),
    "unknown_store": (409, "No such store"),
    RefusalKind.STALE: (409, "The quantity is another one by now"),
    RefusalKind.OWNED_BY_SYNC: (409, "The quantity belongs to the sync"),
    RefusalKind.NOT_ENOUGH: (409, "Not enough copies"),
    RefusalKind.HELD_BY_ORDER: (409, "An order holds the copies"),
    RefusalKind.UNLIMITED: (409, "Nothing is counted of a digital title"),
    RefusalKind.HAS_RESERVATIONS: (409, "Copies are held there"),
    RefusalKind.REFUSED_BY_STORE: (409, "Medusa refuses it"),
    RefusalKind.INVALID: (409, "It does not fit what is there"),
    "too_large": (413, "The request is too large"),
    "foreign_name": (421, "This is not the desk's address"),
    "malformed": (422, "The request is malformed"),
    RefusalKind.KEY_REUSED: (422, "The key was used for another request"),
    "too_many_requests": (429, "Too many requests"),
    "failed": (500, "The desk failed"),
    "try_again": (503, "Not now"),
}
"""Each kind of problem: its status, and its title. What a GET names and is not there is 404."""

_PLAINER = {
    "string_pattern_mismatch": "It has a character that can't be in it",
    "model_attributes_type": "It has to be a JSON object, sent as application/json",
    "extra_forbidden": "There is nothing of this name here",
}
"""What says more than the words of the library that checks requests."""

_NOT_THERE = {RefusalKind.UNKNOWN_TITLE, RefusalKind.UNKNOWN_LOCATION, "unknown_store"}


class FieldFault(BaseModel):
    """What is wrong with one part of a request."""

    where: str = Field(description="body.quantity, header.Idempotency-Key", examples=["body.quantity"])
    message: str = Field(examples=["Input should be greater than or equal to 0"])


class Problem(BaseModel):
    """Why a request was refused. Nothing was changed, except where `kind` is try_again or failed."""

    type: str = Field(examples=["urn:ingram:problem:stale"])
    title: str = Field(examples=["The quantity is another one by now"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["The quantity is 4 now, not 3: read it again, and ask again."])
    kind: str = Field(description="For programs.", examples=["stale"])
    errors: list[FieldFault] = Field([], description="Of a malformed request: what is wrong where.")
    nearest: list[str] = Field([], description="Of an unknown title or location: those that may be meant.")


class DeskProblem(Permanent):
    """A request is refused: `kind` is one of `KINDS`."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        nearest: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem_kind, self.detail, self.nearest, self.headers = str(kind), detail, nearest, headers


def answer(
    kind: str,
    detail: str,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldFault] = (),
    nearest: Sequence[str] = (),
) -> JSONResponse:
    """The problem document of a kind."""
    status, title = KINDS[kind]
    if method in ("GET", "HEAD") and kind in _NOT_THERE:
        status = 404
    problem = Problem(
        type=f"urn:ingram:problem:{kind}",
        title=title,
        status=status,
        detail=detail,
        kind=str(kind),
        errors=list(errors),
        nearest=list(nearest),
    )
    return JSONResponse(problem.model_dump(), status, headers, media_type=MEDIA_TYPE)


def _refused(request: Request, error: Exception) -> JSONResponse:
    match error:
        case OperationRefused(refusal=refusal):
            error = DeskProblem(refusal.kind, refusal.message, nearest=refusal.nearest)
        case UnknownChannel():
            error = DeskProblem("unknown_store", str(error))
    assert isinstance(error, DeskProblem)
    told = error.problem_kind, error.detail
    return answer(*told, method=request.method, headers=error.headers, nearest=error.nearest)


def _later(request: Request, error: Exception) -> JSONResponse:
    # What is told of our own servers is for the log: addresses and settings are nobody's business here.
    log.warning("%s %s: %s", request.method, request.url.path, error)
    told = isinstance(error, EntryBusy | StillMoving)
    words = "The store or its database can't be asked now. Ask again with the same key."
    return answer("try_again", str(error) if told else words, headers={"Retry-After": "2"})


def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # Never of what was given: it may be huge, or no JSON could hold it.
    faults = [
        FieldFault(
            where=".".join(str(part)[:60] for part in each["loc"]),
            message=_PLAINER.get(each["type"], str(each["msg"]))[:300],
        )
        for each in error.errors()
    ]
    told = "; ".join(f"{each.where}: {each.message}" for each in faults[:5])
    return answer("malformed", f"Nothing was changed. {told}.", errors=faults[:50])


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    words = "The request can't be read."
    match error.status_code:
        case 404:
            kind, words = "not_found", "The routes are told in /api/v1/openapi.json."
        case 405:
            kind = "method_not_allowed"
            words = f"{request.method} is not for this address: see /api/v1/openapi.json."
            headers["Allow"] = ", ".join(sorted(_allowed(request)))
        case 413:
            kind = "too_large"
        case status:
            kind = "malformed" if status < 500 else "failed"
    return answer(kind, words, headers=headers)


def _allowed(request: Request) -> set[str]:
    """The methods of an address. A route knows its own alone."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    for path, methods in sorted(paths.items(), key=lambda item: item[0].count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]*", path), request.url.path):
            return {method.upper() for method in methods}
    return {"GET"}


def _failed(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer("failed", "It is in the desk's log. Whether it was done is told by asking again, same key.")


HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], JSONResponse]] = {
    DeskProblem: _refused,
    OperationRefused: _refused,
    UnknownChannel: _refused,
    IngramError: _later,
    RequestValidationError: _malformed,
    HTTPException: _http,
    Exception: _failed,
}
"""Each failure of the API to what makes its problem document."""
