"""`/runs`: what is at work and what was done, and starting what a person may start."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages.rendering import render
from ingram_assets.desk.pages.sent_forms import Form, new_key
from ingram_assets.domain.failures import IngramError
from ingram_assets.overview import job_requests
from ingram_assets.overview.dagster_runs import ShopRun
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.overview.request_log import retired_titles
from ingram_assets.store.journal_views import RunChanges

router = APIRouter(prefix="/runs", include_in_schema=False)

PAGE = 40
"""Runs of a page."""
_SYNC_FRESH = timedelta(seconds=1)
_COUNT_FRESH = timedelta(minutes=1)

JOBS = {
    "push": "Pushes to the store, and syncs of the whole inventory",
    "undo": "Undos",
    "enrich": "Readings of named titles",
    "sync_stock": "Discoveries, with stock of all titles",
    "discover": "Discoveries",
    "discover_in_file": "Tracking of a file's titles",
    "retire": "Retiring of titles",
    "count_inventory": "Hourly counts of the inventory",
}
"""Jobs by which runs may be filtered."""

Filter = Annotated[str, Query(max_length=100)]


@router.get("")
def show_runs(request: Request, job: Filter = "", before: Filter = "") -> HTMLResponse:
    """The last runs, those at work first among them."""
    lookups: Lookups = request.app.state.lookups
    chosen = job if job in JOBS else ""

    def look() -> tuple[list[ShopRun], Mapping[str, str]]:
        found = lookups.runs.last(PAGE + 1, job=chosen or None, before=before or None)
        return found, lookups.runs.outcomes(found[:PAGE])

    known = lookups.dagster_known.ask(("runs", chosen, before), look)
    found, outcomes = known.value or ([], {})
    runs = found[:PAGE]
    ids = tuple(run.run_id for run in runs if run.writes_to_store)
    changes: LastAnswer[dict[str, RunChanges]] = LastAnswer({}, None)
    if ids:
        changes = lookups.journal_known.ask(("changes", ids), lambda: lookups.journal().of_runs(ids))
    onward = {"job": chosen, "before": runs[-1].run_id} if len(found) > PAGE else {}
    return render(
        request,
        "runs.html",
        known=known,
        runs=None if known.value is None else runs,
        outcomes=outcomes,
        changed=changes,
        jobs=JOBS,
        job=chosen,
        is_first=not before,
        older=f"/runs?{urlencode({name: value for name, value in onward.items() if value})}"
        if onward
        else None,
        key=new_key(),
    )


@router.get("/sync")
def ask_before_sync(request: Request) -> HTMLResponse:
    """What a sync would do, before it is done."""
    lookups: Lookups = request.app.state.lookups
    retired = lookups.dagster_known.ask("retired", lambda: lookups.view.ask(retired_titles)).value or ()
    titles = lookups.queue_known.ask(
        ("titles", retired), lambda: lookups.queue.count_titles(retired), fresh_for=_COUNT_FRESH
    )
    return render(request, "runs_sync.html", titles=titles.value, key=new_key())


@router.get("/sync/now")
def show_sync(request: Request) -> HTMLResponse:
    """The part of a page with the way to a sync, or with the one that is at work."""
    lookups: Lookups = request.app.state.lookups
    known = lookups.dagster_known.ask(
        "sync", lambda: lookups.runs.at_work_on_all("push"), fresh_for=_SYNC_FRESH
    )
    return render(request, "_sync_now.html", known=known, run=known.value)


@router.post("/sync")
def sync_inventory(request: Request, form: Form) -> Response:
    """Brings all titles in step, as the daily reconcile does: one such run at a time."""
    lookups: Lookups = request.app.state.lookups
    try:
        run_id, _ = lookups.runs.start_alone(
            job_requests.push_titles(), by=request.state.person.email, key=form.key
        )
    except IngramError as error:
        return not_started(request, error, form.key)
    return RedirectResponse(f"/runs/{run_id}", 303)


@router.post("/plan")
def plan_push(request: Request, form: Form) -> Response:
    """Starts a dry run: what a push would change, before it changes anything."""
    lookups: Lookups = request.app.state.lookups
    try:
        run_id = lookups.runs.start(
            job_requests.push_titles(dry_run=True), by=request.state.person.email, key=form.key
        )
    except IngramError as error:
        return not_started(request, error, form.key)
    return RedirectResponse(f"/runs/{run_id}", 303)


def not_started(request: Request, error: IngramError, key: str) -> HTMLResponse:
    """A page that says why a run could not be started, with the way to try again."""
    again = request.url.path
    return render(request, "run_not_started.html", status=503, error=error, again=again, key=key)


def took(run: ShopRun, now: datetime | None = None) -> timedelta | None:
    """How long a run took, or has been at work; `None`: it did not begin."""
    if run.started_at is None:
        return None
    return (run.ended_at or now or datetime.now(UTC)) - run.started_at
