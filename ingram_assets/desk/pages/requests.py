"""`/requests`: what was asked of Ingram's pages and of the store, and what came of it; failures first."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages.rendering import render
from ingram_assets.desk.pages.sent_forms import DaySpan
from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.overview import request_log
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.overview.request_log import AttemptStatus, PageAttempt, WantedAttempts
from ingram_assets.staging.reader import UnreadTitle
from ingram_assets.store.journal_views import FailedRequest

router = APIRouter(prefix="/requests", include_in_schema=False)

PAGE = 50
"""Attempts of a page."""
_FOUND = 500
"""So many titles a search may mean; with more, the first of them are looked at."""
_BROKEN_SHOWN = 50
_RETIRED_FRESH = timedelta(minutes=1)

STATUSES = {
    AttemptStatus.FAILED.value: "Failed, of any kind",
    **{code: f"Failed: {words}" for code, words in request_log.OUTCOMES.items()},
    AttemptStatus.READ.value: "Read",
    AttemptStatus.NO_STOCK_TABLE.value: "No stock table",
}

Filter = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class RequestFilters:
    """What a person chose to see; empty: all. `first`, `last`: days."""

    search: str = ""
    status: str = ""
    first: str = ""
    last: str = ""

    @property
    def is_any(self) -> bool:
        """Whether something is filtered out."""
        return any((self.search, self.status, self.first, self.last))

    def link(self, path: str, before: int | None = None) -> str:
        """A page with these filters; `before`: of what is older than that."""
        chosen = {name: value for name, value in asdict(self).items() if value}
        if before is not None:
            chosen["before"] = str(before)
        return f"{path}{'?' if chosen else ''}{urlencode(chosen)}"


@router.get("")
def show_page_requests(
    request: Request,
    search: Filter = "",
    chosen: Annotated[str, Query(max_length=200, alias="status")] = "",
    first: Filter = "",
    last: Filter = "",
    before: Filter = "",
) -> HTMLResponse:
    """Attempts to read titles' pages, newest first; before them the titles that can't be read now."""
    lookups: Lookups = request.app.state.lookups
    filters = RequestFilters(search.strip(), chosen if chosen in STATUSES else "", first, last)
    days, at = DaySpan.of(first, last, request.app.state.zone), _number(before)
    meant = _isbns(lookups, filters.search)
    kind = filters.status if filters.status in request_log.OUTCOMES else None
    status = AttemptStatus.FAILED if kind else AttemptStatus(filters.status) if filters.status else None
    wanted = WantedAttempts(status, meant.value, days.since, days.until, kind)

    def look() -> list[PageAttempt]:
        return lookups.view.ask(lambda instance: request_log.attempts(instance, wanted, PAGE + 1, before=at))

    known: LastAnswer[list[PageAttempt]] = LastAnswer(None, None, meant.why_not)
    if not meant.why_not:
        known = lookups.dagster_known.ask((wanted, at), look)
    shown = (known.value or [])[:PAGE]
    broken: LastAnswer[list[UnreadTitle]] = LastAnswer([], None)
    if at is None and status in (None, AttemptStatus.FAILED):
        broken = _broken(lookups, meant.value, kind)
    return render(
        request,
        "requests.html",
        filters=filters,
        faults=days.faults,
        statuses=STATUSES,
        known=known,
        attempts=None if known.value is None else shown,
        broken=broken,
        outcomes=request_log.OUTCOMES,
        titles=lookups.titles({each.isbn for each in shown if not each.title}),
        is_first=at is None,
        older=filters.link("/requests", shown[-1].id) if len(known.value or []) > PAGE else None,
    )


@router.get("/store")
def show_store_requests(
    request: Request, search: Filter = "", first: Filter = "", last: Filter = "", before: Filter = ""
) -> HTMLResponse:
    """Requests to the store that failed, newest first."""
    lookups: Lookups = request.app.state.lookups
    filters = RequestFilters(search.strip(), "", first, last)
    days, at = DaySpan.of(first, last, request.app.state.zone), _number(before)
    words = (isbn_spelled(filters.search) or filters.search) or None

    def look() -> list[FailedRequest]:
        return lookups.journal().failed_requests(
            PAGE + 1, words=words, since=days.since, until=days.until, before=at
        )

    known = lookups.journal_known.ask(("store requests", words, days, at), look)
    shown = (known.value or [])[:PAGE]
    return render(
        request,
        "requests_store.html",
        filters=filters,
        faults=days.faults,
        known=known,
        requests=None if known.value is None else shown,
        is_first=at is None,
        older=filters.link("/requests/store", shown[-1].id) if len(known.value or []) > PAGE else None,
    )


def _isbns(lookups: Lookups, search: str) -> LastAnswer[tuple[str, ...] | None]:
    """The titles that a search means; `None`: all."""
    if not search:
        return LastAnswer()
    if isbn := isbn_spelled(search):
        return LastAnswer((isbn,), None)
    known = lookups.queue_known.ask(
        ("called", search), lambda: tuple(lookups.queue.isbns_called(search, _FOUND))
    )
    return LastAnswer(known.value or (), known.at, known.why_not)


def _broken(
    lookups: Lookups, isbns: tuple[str, ...] | None, outcome: str | None
) -> LastAnswer[list[UnreadTitle]]:
    retired = lookups.dagster_known.ask(
        "retired", lambda: lookups.view.ask(request_log.retired_titles), fresh_for=_RETIRED_FRESH
    )
    out = retired.value or ()
    return lookups.queue_known.ask(
        ("broken", isbns, out, outcome),
        lambda: lookups.queue.unread_titles(_BROKEN_SHOWN, isbns, out, outcome),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None
