"""The description of the interface: what FastAPI makes of it, with problems, sign-in and links."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ingram_assets.desk.problems import KINDS, MEDIA_TYPE, Problem

_EXAMPLES: Mapping[str, str] = {
    "sign_in_needed": "No token was sent. Send one: Authorization: Bearer ingram_…",
    "forbidden": "The token may look and change nothing (scope read).",
    "unknown_entry": "There is no entry 'ilev_01JCD3P4Z8'.",
    "unknown_title": "There is no title 9781639739134 in the store.",
    "unknown_location": "There is no location 'SHOPFLOOR'. The nearest: SHOP_FLOOR.",
    "stale": "The quantity is 4 now, not 3: read it again, and ask again.",
    "owned_by_sync": "The quantity at this location is Ingram's and belongs to the sync.",
    "not_enough": "1 of 4 copies are available: 3 can't be held.",
    "too_large": "A request has at most 64,000 bytes.",
    "malformed": "Nothing was changed. body.quantity: Input should be greater than or equal to 0.",
    "key_reused": "The key '1' was used for another request: take a new one for each request.",
    "too_many_requests": "At most 600 a minute: ask again in 12 s.",
    "failed": "It is in the desk's log.",
    "try_again": "The store or its database can't be asked now. Ask again with the same key.",
}
"""Kind of problem to an example of it."""


def described(app: FastAPI) -> dict[str, Any]:
    """The whole description, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        components = made.setdefault("components", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components.setdefault("schemas", {}).update(problem.pop("$defs", {}), Problem=problem)
        for name in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(name, None)
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "ingram token create"}
        }
        for path, methods in made["paths"].items():
            for method, operation in methods.items():
                if path.startswith("/api/"):
                    _complete(method, operation)
        app.openapi_schema = made
    return app.openapi_schema


def _complete(method: str, operation: dict[str, Any]) -> None:
    operation["security"] = [{"token": []}]
    answers = operation["responses"]
    answers.pop("422", None)
    for status in sorted({status for status, _ in KINDS.values()} - {405}):
        answers[str(status)] = _problem(status)
    if method != "get":
        answers["200"]["headers"] = {
            "Idempotent-Replayed": {
                "description": "true: it was done before, with the same key.",
                "schema": {"type": "string", "enum": ["true"]},
            }
        }
    answers["200"]["links"] = _links(operation)


def _problem(status: int) -> dict[str, Any]:
    kinds = {kind: title for kind, (of, title) in KINDS.items() if of == status}
    examples = {
        str(kind): {
            "value": {
                "type": f"urn:ingram:problem:{kind}",
                "title": title,
                "status": status,
                "detail": _EXAMPLES[kind],
                "kind": str(kind),
                "errors": [],
                "nearest": [],
            }
        }
        for kind, title in kinds.items()
        if kind in _EXAMPLES
    }
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    told = "; ".join(f"{kind}: {title}" for kind, title in kinds.items())
    return {"description": told, "content": {MEDIA_TYPE: content}}


def _links(operation: Mapping[str, Any]) -> dict[str, Any]:
    """Where an answer leads to: the entries that it names."""
    of = "any_entry" if "admin" in operation["tags"] else "entry"
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    where = {"EntriesPage": "/items/0/id", "OperationAnswer": "/after/id", "EntryAnswer": "/id"}.get(schema)
    if where is None:
        return {}
    return {
        name: {"operationId": f"{name}_{of}", "parameters": {"path.id": f"$response.body#{where}"}}
        for name in ("show", "put", "delete")
    }
