"""`/titles/{isbn}`: why the store shows what it shows of a title, its history, and what can be done."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages.change_words import kind_words, moves_between
from ingram_assets.desk.pages.chart import ChartSeries, StepChart, step_chart
from ingram_assets.desk.pages.entry_work import OPERATIONS, REASONS
from ingram_assets.desk.pages.last_known import LastKnown
from ingram_assets.desk.pages.rendering import PART, render
from ingram_assets.desk.pages.runs import not_started
from ingram_assets.desk.pages.sent_forms import Form, new_key
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.failures import IngramError
from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.domain.title import Title
from ingram_assets.overview.board import BoardTitle
from ingram_assets.overview.board_watch import BoardState, BoardWatch, ShopSettings
from ingram_assets.overview.dagster_runs import ShopRun
from ingram_assets.overview.job_requests import JobRequest, push_titles, read_titles, retire_titles
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.overview.request_log import AttemptStatus, PageAttempt, WantedAttempts, attempts
from ingram_assets.overview.title_story import (
    ExplainedTitle,
    TimelineEntry,
    explain_title,
    explain_without_store,
    line_of_time,
    readings_due,
    write_words,
)
from ingram_assets.staging.reader import StockChange, TitleTrouble
from ingram_assets.store.inventory.ledger import LedgerLine
from ingram_assets.store.journal import Entry, HeldTitle
from ingram_assets.store.journal_views import WantedLines
from ingram_assets.store.plan import Shown

router = APIRouter(prefix="/titles", include_in_schema=False)

T = TypeVar("T")

_CHANGES = 500
"""So many of the last changes of a title are looked at; `_SHOWN` of them are told in its line of time."""
_SHOWN = 100
_IN_TABLE = 50

Spelled = Annotated[str, Path(max_length=60)]
RunId = Annotated[str, Query(pattern=r"^[0-9A-Za-z-]{0,64}$")]


@dataclass(frozen=True, slots=True)
class QueueTitle:
    """What the queue has of a title; `title` is `None` where it has none."""

    title: Title | None
    unread: TitleTrouble | None
    readings: Sequence[StockChange]


@dataclass(frozen=True, slots=True)
class JournalTitle:
    """What was written of a title to the store, and done with it at the shop's own locations."""

    entries: Sequence[Entry]
    lines: Sequence[LedgerLine]
    held: Sequence[HeldTitle] = ()


@dataclass(frozen=True, slots=True)
class DagsterTitle:
    """When a title is read next, in a sentence; attempts to read it that gave nothing, newest first."""

    due: str
    failures: Sequence[PageAttempt]


@dataclass(frozen=True, slots=True)
class SeenTitle:
    """What all of them say; empty where one never answered.

    Attributes:
        is_unknown: the queue has no such title, and the store was never told of one.
        away: the systems that can't be asked now, by name.
    """

    row: QueueTitle
    written: JournalTitle
    dagster: DagsterTitle | None
    store: LastAnswer[ExplainedTitle]
    is_unknown: bool
    away: Sequence[tuple[str, LastAnswer[Any]]]


@dataclass(frozen=True, slots=True)
class LastTold:
    """What the store was told of a title last, by the journal; `None`: it never was."""

    label: str | None = None
    level: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TimelineMoment:
    """A moment of a title's line of time, in words; `run_id`: of the run that tells more."""

    at: datetime
    what: str
    words: str
    run_id: str | None


@dataclass(frozen=True, slots=True)
class CopiesRow:
    """A row of the chart's table: copies from a moment on; `None`: this one did not change then."""

    at: datetime
    on_hand: str | None = None
    level: str | None = None


@router.get("/{spelled}")
def show_title(request: Request, spelled: Spelled, run: RunId = "") -> Response:
    """One title."""
    isbn = isbn_spelled(spelled)
    if isbn is None:
        return render(request, "title_none.html", status=404, spelled=spelled)
    if isbn != spelled:
        return RedirectResponse(f"/titles/{isbn}", 308)
    watch: BoardWatch = request.app.state.board
    state = watch.state()
    one = _on_board(state, isbn)
    looks = TitleLooks(request.app.state.lookups, request.app.state.store_access, watch.settings, isbn)
    seen = looks.all_at_once()
    begun = _run(request.app.state.lookups, run)
    if seen.is_unknown:
        return render(request, "title_unknown.html", status=404, isbn=isbn, key=new_key(), run=begun)
    held = () if one and one.is_retired else seen.written.held
    title, explained = seen.row.title, seen.store.value or looks.explained_without_store(seen.row)
    return render(
        request,
        "title.html",
        isbn=isbn,
        title=title,
        name=title.title if title else one.title if one else isbn,
        one=one,
        away=seen.away,
        explained=explained,
        is_live=seen.store.value is not None and not seen.store.why_not,
        store=seen.store,
        told=last_told(seen.written.entries),
        due=seen.dagster.due if seen.dagster else None,
        chart=_chart(request, seen.row, seen.written),
        rows=copies_rows(seen.row.readings, seen.written.entries),
        happened=[told_moment(each) for each in looks.happened(seen)[:_SHOWN]],
        difference=difference_words(explained, is_held=bool(held))
        if explained and not (one and one.is_retired)
        else "",
        held=held,
        shown=shown_words(explained.explanation.shown) if explained else "",
        is_gone=is_gone(title, seen.store),
        links=_links(request.app.state.lookups.admin_page(), isbn, explained),
        run=begun,
        keys={"read": new_key(), "push": new_key()},
    )


@router.get("/{isbn}/run/{run_id}", tags=[PART])
def show_progress(request: Request, isbn: Spelled, run_id: Annotated[str, Path(max_length=64)]) -> Response:
    """How far a run is that was begun here; once it is over, the page is to be loaded anew."""
    run = _run(request.app.state.lookups, run_id)
    part = render(request, "_title_run.html", run=run, isbn=isbn)
    if run is not None and run.state.is_over:
        watch: BoardWatch = request.app.state.board
        watch.hurry()
        part.headers["HX-Refresh"] = "true"
    return part


@router.post("/{isbn}/read")
def read_now(request: Request, isbn: Spelled, form: Form) -> Response:
    """Details, stock and cover of the title, now; one that is not tracked is from now on."""
    return _start(request, isbn, form.key, read_titles)


@router.post("/{isbn}/push")
def push_now(request: Request, isbn: Spelled, form: Form) -> Response:
    """What the queue has of the title, to the store."""
    return _start(request, isbn, form.key, push_titles)


@router.get("/{spelled}/retire")
def ask_whether_to_retire(request: Request, spelled: Spelled) -> Response:
    """What retiring means, before it is done."""
    isbn = isbn_spelled(spelled)
    if isbn is None:
        return render(request, "title_none.html", status=404, spelled=spelled)
    one = _on_board(request.app.state.board.state(), isbn)
    return render(request, "title_retire.html", isbn=isbn, name=one.title if one else isbn, key=new_key())


@router.post("/{isbn}/retire")
def retire(request: Request, isbn: Spelled, form: Form) -> Response:
    """The title is tracked no more."""
    return _start(request, isbn, form.key, retire_titles)


def _start(request: Request, spelled: str, key: str, job: Callable[[Sequence[str]], JobRequest]) -> Response:
    """Starts a job for one title; on to the title, which shows how far it is."""
    isbn = isbn_spelled(spelled)
    if isbn is None:
        return render(request, "title_none.html", status=404, spelled=spelled)
    lookups: Lookups = request.app.state.lookups
    try:
        run_id = lookups.runs.start(job([isbn]), by=request.state.person.email, key=key)
    except IngramError as error:
        return not_started(request, error, key)
    return RedirectResponse(f"/titles/{isbn}?run={quote(run_id, safe='')}", 303)


def _on_board(state: BoardState, isbn: str) -> BoardTitle | None:
    return next((one for one in state.titles if one.isbn == isbn), None)


def _run(lookups: Lookups, run_id: str) -> ShopRun | None:
    """A run that was begun here; `None`: none was, or Dagster can't tell."""
    if not run_id:
        return None
    try:
        return lookups.runs.of_id(run_id)
    except IngramError:
        return None


class TitleLooks:
    """What each outside system says of one title, each for itself."""

    def __init__(
        self, lookups: Lookups, store_access: StoreAccess, settings: ShopSettings, isbn: str
    ) -> None:
        self._lookups, self._store_access, self.settings, self._isbn = lookups, store_access, settings, isbn

    def all_at_once(self) -> SeenTitle:
        """All of it: a page waits for the slowest, and then for the store."""
        with ThreadPoolExecutor(3) as pool:
            asked = pool.submit(self.queue), pool.submit(self.journal), pool.submit(self.dagster)
            queue, journal, dagster = asked[0].result(), asked[1].result(), asked[2].result()
        row = queue.value or QueueTitle(None, None, ())
        written = journal.value or JournalTitle((), ())
        # Medusa's side can't be told without the journal: who waits for that waits twice, and blames Medusa.
        away = journal.why_not
        store = replace(self._last_explained, why_not=away) if away else self.store(row)
        is_unknown = queue.value is not None and row.title is None and not written.entries
        named: list[tuple[str, LastAnswer[Any]]] = [
            ("The queue", queue),
            ("The journal", journal),
            ("Dagster", dagster),
            ("Medusa", LastAnswer() if away else store),
        ]
        told = [(name, answer) for name, answer in named if answer.why_not]
        return SeenTitle(row, written, dagster.value, store, is_unknown, told)

    def queue(self) -> LastAnswer[QueueTitle]:
        """Its row, and its readings, oldest first."""
        queue, isbn = self._lookups.queue, self._isbn

        def look() -> QueueTitle:
            title = next(iter(queue.titles([isbn])), None)
            return QueueTitle(title, queue.unread(isbn), queue.history(isbn, _CHANGES))

        return self._ask(self._lookups.queue_known, "title", look)

    def journal(self) -> LastAnswer[JournalTitle]:
        """Its writes and the ledger's lines, oldest first."""
        isbn = self._isbn

        def look() -> JournalTitle:
            views = self._lookups.journal()
            lines = views.ledger(WantedLines(isbn=isbn), _CHANGES)
            held = [one for one in views.held() if one.isbn == isbn]
            return JournalTitle(views.history(isbn, _CHANGES), lines[::-1], held)

        return self._ask(self._lookups.journal_known, "title", look)

    def store(self, row: QueueTitle) -> LastAnswer[ExplainedTitle]:
        """Why the store shows what it shows, as it is now."""
        if row.title is None:
            return LastAnswer()
        title, unread, settings = row.title, row.unread, self.settings

        def look() -> ExplainedTitle:
            with self._store_access.working() as service:
                return explain_title(
                    title,
                    unread,
                    self._lookups.client,
                    service.journal,
                    service.ledger,
                    settings=settings.store,
                    common=settings.common,
                )

        return self._ask(self._lookups.store, "explained", look)

    @property
    def _last_explained(self) -> LastAnswer[ExplainedTitle]:
        return self._lookups.store.last(("explained", self._isbn))

    def explained_without_store(self, row: QueueTitle) -> ExplainedTitle | None:
        """By the rules alone; `None`: the queue does not know the title."""
        if row.title is None:
            return None
        return explain_without_store(
            row.title, row.unread, settings=self.settings.store, common=self.settings.common
        )

    def dagster(self) -> LastAnswer[DagsterTitle]:
        """When it is read next, and which attempts to read it gave nothing."""
        view, isbn, settings = self._lookups.view, self._isbn, self.settings

        def look() -> DagsterTitle:
            due = view.ask(lambda instance: readings_due(instance, [isbn], settings.common, settings.pace))
            wanted = WantedAttempts(AttemptStatus.FAILED, (isbn,))
            return DagsterTitle(due[isbn].why, view.ask(lambda instance: attempts(instance, wanted, _SHOWN)))

        return self._ask(self._lookups.dagster_known, "title", look)

    def happened(self, seen: SeenTitle) -> list[TimelineEntry]:
        """Its line of time, the latest first."""
        visible = self._lookups.visible() if seen.written.lines else None
        places = {place.id: place.name for place in visible.places} if visible else {}
        failures = seen.dagster.failures if seen.dagster else ()
        entries, lines = seen.written.entries, seen.written.lines
        return line_of_time(seen.row.readings, entries, lines, places, failures)[::-1]

    def _ask(self, known: LastKnown, what: str, look: Callable[[], T]) -> LastAnswer[T]:
        try:
            return known.ask((what, self._isbn), look)
        except IngramError as error:
            # Refused, not away: a page of what there is else is better than none.
            return LastAnswer(None, None, str(error))


def last_told(entries: Sequence[Entry]) -> LastTold:
    """What the store was told last, from a title's writes, oldest first. Pure."""
    label: str | None = None
    level: float | None = None
    at: datetime | None = None
    for entry in entries:
        if entry.outcome != "written" or not entry.after:
            continue
        if entry.kind == "level" and "stocked_quantity" in entry.after:
            level, at = entry.after["stocked_quantity"], entry.at
        elif "metadata.availability_label" in entry.after:
            label, at = entry.after["metadata.availability_label"], entry.at
    return LastTold(label, level, at)


def store_levels(entries: Sequence[Entry]) -> list[tuple[datetime, float | None]]:
    """When the store's level became what, oldest first. Pure."""
    return [
        (entry.at.astimezone(UTC), entry.after["stocked_quantity"] if entry.after else None)
        for entry in entries
        if entry.kind == "level" and entry.outcome == "written"
        if entry.after is None or "stocked_quantity" in entry.after
    ]


_WHAT = {
    "reading": "Read",
    "not read": "Not read",
    "operation": "Inventory",
    "level": "Copies in the store",
    "variant": "Label and flags",
}
_TOLD_BY_OTHERS = ("stock read at", "copies per center")
"""Fields of a write that the readings tell better."""


def told_moment(happened: TimelineEntry) -> TimelineMoment:
    """What happened, in words for who sells books. Pure."""
    details, run_id = happened.details, happened.details.get("run_id")
    what = _WHAT.get(happened.what) or kind_words(happened.what)
    if happened.what == "operation":
        return TimelineMoment(happened.at, what, _operated(happened), run_id)
    if happened.what in ("reading", "not read"):
        return TimelineMoment(happened.at, what, happened.words, run_id)
    moves = moves_between(details["before"], details["after"])
    moved = [
        f"{move.name} {move.after}"
        if details["before"] is None
        else f"{move.name} {move.before} → {move.after}"
        for move in moves
        if move.name not in _TOLD_BY_OTHERS
    ]
    return TimelineMoment(happened.at, what, write_words(happened.what, details, "; ".join(moved)), run_id)


def _operated(happened: TimelineEntry) -> str:
    """An operation as the ledger's page calls it, and why."""
    operation: str = happened.details["operation"]
    reason: str | None = happened.details["reason"]
    spelled = operation.replace("_", " ")
    words = OPERATIONS.get(operation, spelled) + happened.words.removeprefix(spelled)
    return words.replace(f"({reason}", f"({REASONS.get(reason, reason)}", 1) if reason else words


def shown_words(shown: Shown | None) -> str:
    """What Medusa has of a title, in words for who sells books. Pure."""
    if shown is None:
        return "Medusa does not have it."
    if not shown.managed:
        return "Its copies are not counted: it sells without end."
    if shown.stocked is None:
        return "Its copies are counted, but none were counted at Ingram's location."
    reserved = max(0, shown.reserved)
    copies = "copy" if shown.stocked == 1 else "copies"
    told = (
        f"{shown.stocked:,g} {copies}, {reserved:,g} held for orders, {shown.stocked - reserved:,g} to sell"
    )
    if shown.incoming:
        told += f"; {shown.incoming:,g} on order"
    then = "it may be ordered all the same" if shown.allow_backorder else "it can't be ordered"
    return f"At Ingram’s location {told}. With none left at any location {then}."


def is_gone(title: Title | None, store: LastAnswer[ExplainedTitle]) -> bool:
    """Whether the store, asked just now, has no product of a title that was brought to it. Pure."""
    explained = None if store.why_not else store.value
    imported = title is not None and title.imported_at is not None
    return imported and explained is not None and explained.product_id is None


def difference_words(explained: ExplainedTitle, *, is_held: bool = False) -> str:
    """How what the store has differs from what it should have; "": it does not, or can't be told. Pure."""
    has, then = explained.explanation.shown, explained.after_push
    if then is None:
        return ""
    so = "(a guardrail holds it back)" if is_held else "(the next push puts it right)"
    if has is None or has.stocked is None or then.stocked is None or has.stocked == then.stocked:
        return f"differs: see “Store” below {so}"
    return f"differs: the store has {has.stocked:,g}, should have {then.stocked:,g} {so}"


def copies_rows(readings: Sequence[StockChange], entries: Sequence[Entry]) -> list[CopiesRow]:
    """The numbers of the chart, the latest first. Pure."""
    rows = [
        CopiesRow(one.stock_observed_at, on_hand=_words(stock_rules.on_hand(one.stock))) for one in readings
    ]
    rows += [CopiesRow(at, level=_words(level)) for at, level in store_levels(entries)]
    return sorted(rows, key=lambda row: row.at, reverse=True)[:_IN_TABLE]


def _words(copies: float | None) -> str:
    return "not known" if copies is None else f"{copies:,.0f}"


def _chart(request: Request, row: QueueTitle, written: JournalTitle) -> StepChart | None:
    at_ingram = [(one.stock_observed_at, stock_rules.on_hand(one.stock)) for one in row.readings]
    series = [ChartSeries("Ingram", at_ingram), ChartSeries("Store", store_levels(written.entries))]
    return step_chart(series, datetime.now(UTC), request.app.state.zone)


def _links(admin: str | None, isbn: str, explained: ExplainedTitle | None) -> list[tuple[str, str]]:
    """Where else the title is to be seen: words and address.

    Args:
        admin: the address of Medusa's admin, if it is served.
    """
    assets, shown = "/dagster/assets", f"view=partitions&partition={isbn}"
    links = [
        ("Its readings in Dagster", f"{assets}/ipage/stock?{shown}"),
        ("Its levels in Dagster", f"{assets}/medusa/inventory_levels?{shown}"),
    ]
    if admin and explained and explained.product_id:
        links.insert(0, ("The product in Medusa", f"{admin}/products/{quote(explained.product_id)}"))
    links.append(("Its copies at your locations", f"/inventory?search={isbn}"))
    return links
