"""Pages out of templates."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
)


def render(request: Request, name: str, **values: Any) -> HTMLResponse:
    """A page of a template."""
    of_request = {"request": request, "person": request.state.person, "csrf": request.state.csrf}
    return HTMLResponse(_environment.get_template(name).render(of_request | values))
