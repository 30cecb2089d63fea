"""What pages load: style, script, icon and htmx. Packed once; a browser asks for each version once."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

router = APIRouter(include_in_schema=False)

_OWN = Path(__file__).with_name("static")
_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FOR_A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent."""

    kind: str
    body: bytes
    packed: bytes
    version: str


@cache
def static_files() -> dict[str, StaticFile]:
    """All files by name."""
    # Out of an installed package, whose code (Django's) is not imported.
    htmx = files("django_htmx") / "static" / "django_htmx" / "htmx-2.min.js"
    bodies = {path.name: path.read_bytes() for path in sorted(_OWN.iterdir()) if path.suffix in _KINDS}
    bodies["htmx.js"] = htmx.read_bytes()
    return {
        name: StaticFile(
            _KINDS[Path(name).suffix],
            body,
            gzip.compress(body, 9, mtime=0),
            hashlib.sha256(body).hexdigest()[:12],
        )
        for name, body in bodies.items()
    }


def address_of(name: str) -> str:
    """Where a page finds the file: another address for each version of it."""
    return f"/static/{name}?v={static_files()[name].version}"


@router.get("/static/{name}")
def send(request: Request, name: str, v: str = "") -> Response:
    """One file."""
    file = static_files().get(name)
    if file is None:
        raise HTTPException(404)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {
        "ETag": f'"{file.version}{"-gz" if packed else ""}"',
        "Cache-Control": _FOR_A_YEAR if v == file.version else "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(file.packed if packed else file.body, media_type=file.kind, headers=headers)
