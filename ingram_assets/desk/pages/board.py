"""`/`: every title as shoppers see it, and above it whether the promise is kept."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages import rendering
from ingram_assets.desk.pages.rendering import NOT_KEPT, PART, plural, render, render_part
from ingram_assets.overview.board import STATUSES, BoardCounts, BoardQuery, TitleFilter, find
from ingram_assets.overview.board_watch import BoardState, BoardWatch
from ingram_assets.overview.verdict import Verdict, VerdictKind
from ingram_assets.store.observe_mode import FIGURE_NAMES

router = APIRouter(include_in_schema=False)

LIST = "board-list"
"""The part of the page that a filter changes."""


_LEGACY_SHOWN = 100
"""So many products that are sold without a count are named; all of them on the plan's page."""
_ANY_MOMENT = timedelta(minutes=2)
"""A sweep that is due for less is not late: what begins it looks once a minute or so."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What a person does about a verdict, on these pages. `address`: where; empty: nowhere here."""

    words: str
    address: str = ""


_WAYS_OUT: Mapping[VerdictKind, NextStep] = {
    VerdictKind.GUARDRAIL: NextStep("Look at what would change, and let it through if it is right", "/runs"),
    VerdictKind.FAILED_RUNS: NextStep("See what failed", "/runs"),
    VerdictKind.BEHIND: NextStep("See the last pushes, or sync all of it now", "/runs"),
    VerdictKind.UNDONE: NextStep("See what was undone, or sync all of it now", "/runs"),
    VerdictKind.LATE: NextStep("See the last sweeps, or sync all of it now", "/runs"),
    VerdictKind.SWITCHED_OFF: NextStep("Switch on again under Automation", "/dagster/automation"),
    VerdictKind.FAILED_TITLES: NextStep("See them", BoardQuery(trait=TitleFilter.FAILED).address),
}


def way_out(verdict: Verdict) -> NextStep:
    """What to do about a verdict. Pure."""
    return _WAYS_OUT.get(verdict.kind, NextStep(verdict.what_to_do))


@dataclass(frozen=True, slots=True)
class WrongTitles:
    """Titles of which something is the matter, and the board's address that shows them."""

    kind: str
    count: int
    words: str
    address: str


def wrong_titles(counts: BoardCounts) -> list[WrongTitles]:
    """What is the matter with titles, the worst first; empty: nothing. Pure."""
    said = (
        ("bad", TitleFilter.FAILED, "failed"),
        ("bad", TitleFilter.BEHIND, "should be in the store by now"),
        ("warn", TitleFilter.LATE, "read too long ago"),
    )
    return [
        WrongTitles(kind, count, f"{plural(count, 'title')} {words}", BoardQuery(trait=trait).address)
        for kind, trait, words in said
        if (count := counts.by_trait[trait])
    ]


@router.get("/")
def show_board(request: Request) -> HTMLResponse:
    """The whole page, or the list of titles alone where htmx asks for that."""
    watch: BoardWatch = request.app.state.board
    query, state = BoardQuery.of(request.query_params), watch.state()
    is_part = request.headers.get("hx-target") == LIST
    listed = find(state.titles, query)
    lookups: Lookups = request.app.state.lookups
    read_on = [one.isbn for one in listed.titles if not one.is_retired]
    values: dict[str, Any] = {
        "query": query,
        "state": state,
        "listed": listed,
        "due": lookups.readings_due(read_on, watch.settings.pace) if read_on else {},
        "statuses": STATUSES,
        "is_part": is_part,
    }
    if is_part:
        page = render(request, "_board_list.html", **values)
    else:
        page = render(request, "board.html", now_part=_now(request, state)[0], **values)
    page.headers["Vary"] = "HX-Target"
    return page


@router.get("/board/now", tags=[PART])
def show_now(request: Request, seen: str = "") -> Response:
    """How the shop is doing; nothing (204) where the page shows just that, so that no ear hears it twice."""
    watch: BoardWatch = request.app.state.board
    part, version = _now(request, watch.state())
    return Response(status_code=204) if version == seen else HTMLResponse(part, headers=NOT_KEPT)


def _now(request: Request, state: BoardState) -> tuple[Markup, str]:
    """How the shop is doing, as a part of a page that asks for itself anew; and its version."""
    due = state.dagster.value.sweep_due if state.dagster.value else None
    begins = due is not None and rendering.current_time() - due < _ANY_MOMENT
    part = render_part(
        request,
        "_board_now.html",
        state=state,
        told=state.verdict.sentence(request.app.state.zone),
        way_out=way_out(state.verdict),
        wrong=wrong_titles(state.counts),
        outlook=state.journal.value.outlook if state.journal.value else None,
        figure_names=FIGURE_NAMES,
        legacy_shown=_LEGACY_SHOWN,
        sweep_begins=begins,
    )
    version = hashlib.sha256(part.encode()).hexdigest()[:12]
    return render_part(request, "_board_now_live.html", part=part, version=version), version
