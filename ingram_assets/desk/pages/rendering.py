"""Pages out of templates, with what every page needs: who is signed in, times in the store's zone, money."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ingram_assets.desk.pages.change_words import STATUS_WORDS
from ingram_assets.desk.pages.sentences import for_pages
from ingram_assets.desk.pages.static_files import address_of
from ingram_assets.domain.formatting import with_moments

HTMX_SETTINGS: Mapping[str, object] = {
    # So that pages need no more of the browser than their Content-Security-Policy allows.
    "allowEval": False,
    "allowScriptTags": False,
    "includeIndicatorStyles": False,
    "selfRequestsOnly": True,
    # A page kept by the browser would outlive the sign-out.
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "timeout": 15_000,
}


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """A page of the navigation."""

    words: str
    path: str

    def is_of(self, path: str) -> bool:
        """Whether a page belongs to it: the board has the titles, too."""
        if self.path == "/":
            return path == "/" or path.startswith("/titles/")
        return path == self.path or path.startswith(f"{self.path.rstrip('/')}/")


NAVIGATION = (
    NavigationLink("Board", "/"),
    NavigationLink("Inventory", "/inventory"),
    NavigationLink("Runs", "/runs"),
    NavigationLink("Requests", "/requests"),
    NavigationLink("Dagster", "/dagster/"),
)


@dataclass(frozen=True, slots=True)
class Clock:
    """Times as a page tells them: in the store's zone, against one moment."""

    now: datetime
    zone: ZoneInfo

    def when(self, at: datetime | None) -> Markup:
        """Nov 29, 3:54 PM, with the year if it is another one; "never" for none."""
        if at is None:
            return Markup("never")
        return self._time(at, self._words(at))

    def ago(self, at: datetime | None) -> Markup:
        """12 min ago, in 3 h; "never" for none."""
        if at is None:
            return Markup("never")
        span = self.now - at
        if abs(span) < timedelta(minutes=1):
            return self._time(at, "just now" if span >= timedelta(0) else "in a moment")
        return self._time(at, f"{lasting(span)} ago" if span > timedelta(0) else f"in {lasting(-span)}")

    def in_zone(self, text: str) -> str:
        """A sentence of ours with its times told in the zone."""
        return with_moments(text, self._words)

    def _words(self, at: datetime) -> str:
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        year = "" if local.year == today.year else f", {local.year}"
        hour = f"{local.hour % 12 or 12}:{local:%M} {'AM' if local.hour < 12 else 'PM'}"
        return f"{local:%b} {local.day}{year}, {hour}"

    def _time(self, at: datetime, words: str) -> Markup:
        local = at.astimezone(self.zone)
        full = f"{local:%A, %B} {local.day}, {local:%Y, %H:%M:%S %Z}"
        stamp = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, full, words)


@pass_context
def _for_page(context: Context, text: str) -> str:
    clock: Clock = context["clock"]
    return clock.in_zone(for_pages(text))


def lasting(span: timedelta) -> str:
    """40 s, 12 min, 3 h 5 min, 2 days."""
    seconds = int(abs(span).total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"
    days = seconds // 86400
    return "1 day" if days == 1 else f"{days:,} days"


def money(amount: Decimal | float | None) -> str:
    """$1,234.50; a dash where there is none."""
    return "–" if amount is None else f"${amount:,.2f}"


def number(value: float | None) -> str:
    """1,234; "unknown" for what was not read."""
    if value is None:
        return "unknown"
    return f"{int(value):,}" if value == int(value) else f"{value:,}"


def plural(count: int, one: str, many: str = "") -> str:
    """1 title, 2 titles."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


environment = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.globals |= {
    "static": address_of,
    "navigation": NAVIGATION,
    "status_words": STATUS_WORDS,
    "htmx_settings": json.dumps(HTMX_SETTINGS),
}
environment.filters |= {
    "money": money,
    "number": number,
    "lasting": lasting,
    "plural": plural,
    "for_page": _for_page,
    "utc": lambda seconds: datetime.fromtimestamp(seconds, UTC),
}


def current_time() -> datetime:
    """The moment against which a page tells ages."""
    return datetime.now(UTC)


NOT_KEPT = {"Cache-Control": "no-store"}
"""What a person saw is not to be had from the browser's memory after the sign-out."""


PART = "part of a page"
"""Tag of a route whose answer is a part that a page loads: nothing to look at by itself."""


def render(request: Request, name: str, /, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, or a part of one, out of a template.

    Every template has `person` (`None` before the sign-in), `csrf`, `path`, `now`, and the functions `when`
    and `ago` for times; the filters `money`, `number`, `plural`, `lasting`, `for_page` for a
    sentence of ours (its times in the zone, buttons for commands), and `utc` for seconds since 1970.

    Args:
        values: what this template needs beyond that. One that it names and is not given is an error.
    """
    return HTMLResponse(render_part(request, name, **values), status, headers=NOT_KEPT)


def render_part(request: Request, name: str, /, **values: Any) -> Markup:
    """The same as text, for another template to show."""
    clock = Clock(current_time(), request.app.state.zone)
    of_request = {
        "person": getattr(request.state, "person", None),
        "csrf": getattr(request.state, "csrf", ""),
        "path": request.url.path,
        "clock": clock,
        "now": clock.now,
        "when": clock.when,
        "ago": clock.ago,
    }
    # Autoescaped, so that it may be shown as it is.
    return Markup(environment.get_template(name).render(of_request | values))
