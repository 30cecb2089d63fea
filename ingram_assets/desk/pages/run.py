"""`/runs/{id}`: one run: how far it is, what it changed or would change, letting a plan through, undo."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any
from uuid import NAMESPACE_OID, uuid5

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages import change_words
from ingram_assets.desk.pages.change_words import PlannedTitle
from ingram_assets.desk.pages.rendering import PART, plural, render
from ingram_assets.desk.pages.runs import not_started, took
from ingram_assets.desk.pages.sent_forms import Form, new_key
from ingram_assets.domain.failures import IngramError
from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.overview import job_requests
from ingram_assets.overview.dagster_runs import RunState, ShopRun, UnknownShopRun
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.overview.run_results import RunResult
from ingram_assets.store.journal import Entry
from ingram_assets.store.journal_views import FailedRequest, RunChanges
from ingram_assets.store.observe_mode import LegacyTitle

router = APIRouter(prefix="/runs/{run_id}", include_in_schema=False)

PAGE = 200
"""Changes, or titles of a plan, of a page."""
_REQUESTS = 50
PLAN_LIFETIME = timedelta(hours=1)
"""After so long the store and the queue are others than those that a plan was made of."""

RunId = Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{1,64}$")]
Number = Annotated[int, Query(ge=0, le=2**62)]


@dataclass(frozen=True, slots=True)
class RunStory:
    """What a run's reports say, in one.

    Attributes:
        failed: ISBN to why.
        would_stop: why a guardrail would stop what is planned; "": none would.
        plan: the titles of a dry run.
        legacy: products that are sold without a count, and what becomes of them; of a shop that only watches.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    would_stop: str = ""
    plan: tuple[PlannedTitle, ...] = ()
    legacy: tuple[LegacyTitle, ...] = ()

    @classmethod
    def of(cls, result: RunResult | None) -> "RunStory":
        """Of a run that has ended; of one that has not, nothing."""
        counts: dict[str, int] = {}
        notes: list[str] = []
        failed: dict[str, str] = {}
        details: dict[str, Any] = {}
        for report in result.reports if result else ():
            counts |= report["counts"]
            # A guardrail is told beside the plan, without the commands of a terminal.
            notes += [note for note in report["notes"] if not note.startswith("A push would be stopped")]
            failed |= {one["isbn"]: one["reason"] for one in report["failed"]}
            details |= report["details"]
        plan = change_words.planned_titles(details, failed) if details.get("dry_run") else []
        would_stop = str(details.get("guardrail_would_stop", ""))
        legacy = tuple(LegacyTitle(**one) for one in details.get("legacy", ()))
        return cls(counts, tuple(notes), failed, would_stop, tuple(plan), legacy)

    @property
    def asks_for_let_through(self) -> bool:
        """Whether something of the plan is only done if a person says that it is right."""
        return bool(self.would_stop) or any("Would keep its price" in why for why in self.failed.values())

    @property
    def planned_isbns(self) -> tuple[str, ...]:
        """The titles that would be changed; with them those held back, where a person lets them through."""
        kept = ("left as it is",) if self.asks_for_let_through else ("left as it is", "held back")
        return tuple(dict.fromkeys(each.isbn for each in self.plan if each.what not in kept))

    @property
    def outlook(self) -> str:
        """How many titles would change, and how many would not."""
        of: dict[str, set[str]] = {"held back": set(), "left as it is": set()}
        change: set[str] = set()
        for each in self.plan:
            of.get(each.what, change).add(each.isbn)
        held, left = len(of["held back"]), len(of["left as it is"])
        said = [f"{plural(len(change), 'title')} would change"]
        said += [f"{held:,} {'is' if held == 1 else 'are'} held back"] if held else []
        said += [f"of {left:,} something stays as it is"] if left else []
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A run, and what it left behind once it is over. `run` is `None` where Dagster has forgotten it.

    `let_through`: of a plan, the run that did what it says; `None`: nobody has let it through.
    """

    run: ShopRun | None
    result: RunResult | None = None
    let_through: ShopRun | None = None


def _seen(lookups: Lookups, run_id: str) -> LastAnswer[SeenRun]:
    def look() -> SeenRun:
        try:
            run = lookups.runs.of_id(run_id)
        except UnknownShopRun:
            return SeenRun(None)
        done = lookups.runs.of_key(_once(run_id)) if run.dry_run else None
        return SeenRun(run, lookups.runs.result(run_id) if run.state.is_over else None, done)

    return lookups.dagster_known.ask(("run", run_id), look)


@router.get("")
def show_run(
    request: Request,
    run_id: RunId,
    after: Number = 0,
    isbn: Annotated[str, Query(max_length=40)] = "",
    failed: Annotated[str, Query(max_length=10)] = "",
) -> HTMLResponse:
    """One run."""
    lookups: Lookups = request.app.state.lookups
    known = _seen(lookups, run_id)
    seen = known.value or SeenRun(None)
    story = RunStory.of(seen.result)
    written = _written(lookups, run_id, after, isbn.strip(), failed=bool(failed))
    plan = story.plan[after : after + PAGE]
    named = {entry.isbn for entry in written.entries if entry.isbn} | {one.isbn for one in plan}
    return render(
        request,
        "run.html",
        status=404 if known.value and seen.run is None and not written.sums else 200,
        run_id=run_id,
        known=known,
        run=seen.run,
        result=seen.result,
        let_through=seen.let_through,
        why_not=(seen.result.error or "") if seen.result else "",
        story=story,
        plan=plan,
        next_plan=after + PAGE if len(story.plan) > after + PAGE else None,
        written=written,
        titles=lookups.titles(named | set(islice(story.failed, PAGE))),
        words=change_words,
        took=took,
        isbn=isbn,
        failed_only=bool(failed),
        key=new_key(),
        is_plan=bool(seen.run and seen.run.dry_run),
        is_old=_is_old(seen.run),
    )


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """What the journal has of a run: a page of its changes, their sums, and requests that failed."""

    changes: LastAnswer[list[Entry]]
    sums: RunChanges | None
    asked_by: str | None
    requests: list[FailedRequest]

    @property
    def entries(self) -> list[Entry]:
        """The changes of the page."""
        return (self.changes.value or [])[:PAGE]

    @property
    def next_change(self) -> int | None:
        """The id behind which the next page begins; `None`: this is the last one."""
        return self.entries[-1].id if len(self.changes.value or []) > PAGE else None


def _written(lookups: Lookups, run_id: str, after: int, isbn: str, *, failed: bool) -> WrittenPart:
    journal, spelled = lookups.journal, (isbn_spelled(isbn) or isbn) or None
    changes = lookups.journal_known.ask(
        ("run changes", run_id, after, spelled, failed),
        lambda: journal().changes(run_id, PAGE + 1, after=after, isbn=spelled, failed=failed),
    )
    sums = lookups.journal_known.ask(("changes", (run_id,)), lambda: journal().of_runs([run_id]))
    requests = lookups.journal_known.ask(
        ("failed requests", run_id), lambda: journal().failed_requests(_REQUESTS, run_id=run_id)
    )
    by = lookups.journal_known.ask(("asked by", run_id), lambda: journal().asked_by(run_id))
    return WrittenPart(changes, (sums.value or {}).get(run_id), by.value, requests.value or [])


@router.get("/state", tags=[PART])
def show_state(request: Request, run_id: RunId) -> HTMLResponse:
    """The part of the page that is alive. Once the run is over, the browser takes the whole page anew."""
    lookups: Lookups = request.app.state.lookups
    known = _seen(lookups, run_id)
    run = known.value.run if known.value else None
    page = render(request, "_run_state.html", known=known, run=run, run_id=run_id, took=took, key=new_key())
    if run and run.state.is_over:
        page.headers["HX-Refresh"] = "true"
    return page


@router.post("/stop")
def stop_run(request: Request, run_id: RunId, form: Form) -> Response:
    """Asks the run to stop."""
    lookups: Lookups = request.app.state.lookups
    try:
        lookups.runs.stop(run_id)
    except IngramError as error:
        return not_started(request, error, form.key)
    return RedirectResponse(f"/runs/{run_id}", 303)


@router.post("/undo-plan")
def plan_undo(request: Request, run_id: RunId, form: Form) -> Response:
    """Starts a dry run: what an undo would put back, before it puts anything back."""
    lookups: Lookups = request.app.state.lookups
    try:
        plan = lookups.runs.start(
            job_requests.undo_run(run_id, dry_run=True), by=request.state.person.email, key=form.key
        )
    except IngramError as error:
        return not_started(request, error, form.key)
    return RedirectResponse(f"/runs/{plan}", 303)


@router.get("/go")
def ask_before_go(request: Request, run_id: RunId) -> HTMLResponse:
    """What letting a plan through would do, before it is done."""
    return _ask(request, run_id)


@router.post("/go")
def let_through(request: Request, run_id: RunId, form: Form) -> Response:
    """Does what a plan says: a push, or an undo."""
    lookups: Lookups = request.app.state.lookups
    known = _seen(lookups, run_id)
    seen = known.value or SeenRun(None)
    story = RunStory.of(seen.result)
    why_not = _why_not(seen, story)
    if not why_not and story.asks_for_let_through and form.values.get("looked") != "yes":
        why_not = "Say that you looked at it, with the box above the button, or leave it."
    if seen.let_through:
        return RedirectResponse(f"/runs/{seen.let_through.run_id}", 303)
    if why_not or seen.run is None:
        return _ask(request, run_id, why_not or "Dagster does not answer: nothing was done.")
    try:
        request_of, by = _request_of(seen.run, story), request.state.person.email
        started = lookups.runs.start(request_of, by=by, key=_once(run_id))
    except IngramError as error:
        return _ask(request, run_id, str(error), status=503)
    return RedirectResponse(f"/runs/{started}", 303)


def _once(plan_id: str) -> str:
    """A plan's own key: it is let through once, whoever presses the button, and however often."""
    return str(uuid5(NAMESPACE_OID, f"{plan_id} is let through"))


def _request_of(plan: ShopRun, story: RunStory) -> job_requests.JobRequest:
    """What a plan was made for."""
    if plan.job == "undo":
        return job_requests.undo_run(plan.of_run or "")
    # Of the planned titles, and of them what was planned alone: what changed since, nobody has looked at.
    let_through = story.asks_for_let_through
    return job_requests.push_titles(story.planned_isbns, let_through=let_through, plan=plan.run_id)


def _ask(request: Request, run_id: str, why_not: str = "", *, status: int = 409) -> HTMLResponse:
    known = _seen(request.app.state.lookups, run_id)
    seen = known.value or SeenRun(None)
    story = RunStory.of(seen.result)
    return render(
        request,
        "run_go.html",
        status=status if why_not else 200,
        run_id=run_id,
        known=known,
        run=seen.run,
        story=story,
        why_not=why_not,
        can_not=_why_not(seen, story),
    )


def _why_not(seen: SeenRun, story: RunStory) -> str:
    """Why a plan can't be let through; "": it can."""
    run = seen.run
    if run is None:
        return "Dagster has no such run, or does not answer."
    if not run.dry_run or run.job not in ("push", "undo"):
        return "This run is no plan: there is nothing to let through."
    if run.state is not RunState.DONE:
        return "The plan is not finished. Wait for its end." if not run.state.is_over else "The plan failed."
    if run.why_only_plan:
        return run.why_only_plan
    if seen.let_through:
        return "This plan was let through already."
    if not story.planned_isbns:
        return "The plan changes nothing."
    if _is_old(run):
        return "The plan is more than an hour old, and the shop is another one by now: plan it anew."
    return ""


def _is_old(run: ShopRun | None) -> bool:
    return bool(run and run.ended_at and datetime.now(UTC) - run.ended_at > PLAN_LIFETIME)
