"""Pages in the site's own words and in its own, old charset."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import Response

from ingram_assets_tests.other_site.books import NOT_SAID
from ingram_assets_tests.other_site.state import OtherSite

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def money(amount: Decimal) -> str:
    """19,99 $; 1.249,00 $."""
    whole, cents = f"{amount:,.2f}".split(".")
    return f"{whole.replace(',', '.')},{cents} $"


def count(number: int | None) -> str:
    """1.204."""
    return NOT_SAID if number is None else f"{number:,}".replace(",", ".")


def day(when: date) -> str:
    """03.04.2027."""
    return f"{when:%d.%m.%Y}"


_templates.filters.update(money=money, count=count, day=day)


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    site: OtherSite = request.app.state.site
    text = _templates.get_template(template).render(site=site, **{"error": ""} | values)
    # A sign that the charset lacks is written as a reference, as such applications do.
    data = text.encode("iso-8859-1", "xmlcharrefreplace")
    return Response(data, status, media_type="text/html; charset=ISO-8859-1")
