"""`/inventory/ledger`: every change of the inventory, and taking one back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from ingram_assets.desk.api import answers, bodies, common
from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages import entry_work
from ingram_assets.desk.pages.rendering import render
from ingram_assets.desk.pages.sent_forms import DaySpan, Form, new_key
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.domain.failures import Permanent
from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.store.inventory.ledger import LedgerLine
from ingram_assets.store.inventory.model import operation_name
from ingram_assets.store.inventory.undoing import TakenBack
from ingram_assets.store.journal_views import WantedLines

router = APIRouter(prefix="/inventory/ledger", include_in_schema=False)

PAGE = 100
"""Lines of a page."""

Filter = Annotated[str, Query(max_length=200)]
Line = Annotated[int, Path(ge=1, le=2**62)]


@dataclass(frozen=True, slots=True)
class LedgerFilters:
    """What a person chose to see; empty: all. `first`, `last`: days."""

    isbn: str = ""
    location: str = ""
    operation: str = ""
    reason: str = ""
    who: str = ""
    first: str = ""
    last: str = ""

    @property
    def is_any(self) -> bool:
        """Whether something is filtered out."""
        return any((self.isbn, self.location, self.operation, self.reason, self.who, self.first, self.last))

    def older(self, line: int) -> str:
        """The next page with the same filters."""
        values = {
            "isbn": self.isbn,
            "location": self.location,
            "operation": self.operation,
            "reason": self.reason,
            "who": self.who,
            "first": self.first,
            "last": self.last,
            "before": str(line),
        }
        return f"/inventory/ledger?{urlencode({name: value for name, value in values.items() if value})}"


class NoLine(Permanent):
    """The ledger has no such line."""


@router.get("")
def show_ledger(
    request: Request,
    isbn: Filter = "",
    location: Filter = "",
    operation: Filter = "",
    reason: Filter = "",
    who: Filter = "",
    first: Filter = "",
    last: Filter = "",
    before: Filter = "",
) -> HTMLResponse:
    """Lines, newest first."""
    lookups: Lookups = request.app.state.lookups
    filters = LedgerFilters(isbn.strip(), location, operation, reason, who.strip(), first, last)
    days = DaySpan.of(first, last, request.app.state.zone)
    spelled = isbn_spelled(filters.isbn) if filters.isbn else None
    wanted = WantedLines(
        # What is no ISBN finds nothing, rather than everything.
        spelled or filters.isbn or None,
        location or None,
        operation or None,
        reason or None,
        filters.who or None,
        days.since,
        days.until,
    )
    at = int(before) if before.isdecimal() and len(before) < 19 else None

    def look() -> list[LedgerLine]:
        return lookups.journal().ledger(wanted, PAGE + 1, before=at)

    known = lookups.journal_known.ask((wanted, at), look)
    lines = known.value
    shown: Sequence[LedgerLine] = lines[:PAGE] if lines else ()
    places = lookups.place_names()
    return render(
        request,
        "ledger.html",
        filters=filters,
        faults=days.faults,
        known=known,
        lines=None if lines is None else shown,
        older=filters.older(shown[-1].id) if lines and len(lines) > PAGE else None,
        is_first=at is None,
        titles=lookups.titles({each.isbn for each in shown}),
        visible=places.known.value,
        names=places,
        operations=entry_work.OPERATIONS,
        reasons=entry_work.REASONS,
    )


@router.get("/{line}/undo")
def ask_before_undo(request: Request, line: Line) -> HTMLResponse:
    """What would take an operation back, before it is done."""
    return _undo(request, line)


@router.post("/{line}/undo")
def take_back(request: Request, line: Line, form: Form) -> Response:
    """Takes an operation back: as many copies as it moved are moved back, whatever came since."""

    def do(write: common.Write, why: bodies.WhyBody) -> Response:
        with write.seen.store_access.working() as service:
            operation_id = service.ledger.operation_called(str(line))
            if operation_id is None:
                raise NoLine(f"The ledger has no line {line}.")
            done = service.undo(operation_id, actor=write.seen.actor)
        return entry_work.to_done(answers.OperationAnswer.of(done, write.seen.visible))

    try:
        return entry_work.perform(request, form, do)
    except entry_work.NotDone as error:
        return _undo(request, line, error)


def _undo(request: Request, line: int, error: entry_work.NotDone | None = None) -> HTMLResponse:
    lookups: Lookups = request.app.state.lookups
    plan: LastAnswer[tuple[TakenBack, LedgerLine]] = LastAnswer()
    why_not = ""
    try:
        plan = lookups.journal_known.ask(("undo", line), lambda: _plan(request.app.state.store_access, line))
    except Permanent as refused:
        why_not = str(refused)
    status = error.status if error else 409 if why_not else 200
    return render(
        request,
        "ledger_undo.html",
        status=status,
        number=line,
        known=plan,
        why_not=why_not,
        plan=plan.value[0] if plan.value else None,
        line=plan.value[1] if plan.value else None,
        would=operation_name(plan.value[0].operation) if plan.value else "",
        words=entry_work.OPERATIONS,
        names=lookups.place_names(),
        error=error,
        key=error.key if error else new_key(),
    )


def _plan(store_access: StoreAccess, line: int) -> tuple[TakenBack, LedgerLine]:
    with store_access.working() as service:
        operation_id = service.ledger.operation_called(str(line))
        if operation_id is None:
            raise NoLine(f"The ledger has no line {line}.")
        return service.plan_undo(operation_id)
