"""Carries the queue's changes to the store: stock within a minute, new titles when they are complete."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.title import Title
from ingram_assets.locations.runs_at_work import runs_at_work
from ingram_assets.locations.storefront.assets import push_titles
from ingram_assets.locations.storefront.decisions import (
    Place,
    RunState,
    after_run,
    import_rows,
    push_changes,
)
from ingram_assets.locations.storefront.resources import Queue
from ingram_assets.settings import Pace, load, store_time_zone

_PACE = load(Pace)
_RETRY_AFTER_SECONDS = (15.0, 60.0, 300.0)
_CHANGES_AT_ONCE = 1000
_COMPLETE_AFTER = timedelta(minutes=10)


@dg.job(description="Queue to Medusa: new products, then every level and flag that differs.")
def push() -> None:
    """Bring the queue to the store."""
    push_titles()


@dg.sensor(
    job=push,
    minimum_interval_seconds=_PACE.SENSOR_INTERVAL,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "From each stock change in the queue to one run that names the changed titles. Its cursor moves on "
        "only when that run has succeeded."
    ),
)
def stock_changes(
    context: dg.SensorEvaluationContext, queue: Queue
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Look behind the cursor and ask for a push of what changed."""
    place, now = Place.parse(context.cursor), time.time()
    if place.pending is not None:
        place = after_run(place, _state(context.instance, place.run_key), now, _RETRY_AFTER_SECONDS)
        if place.pending is not None:
            yield dg.SkipReason("A push of the last changes is at work.")
            return
    with queue.open() as reader:
        page = reader.changes_since(place.cursor, limit=_CHANGES_AT_ONCE)
    zeroes = sum(
        stock_rules.on_hand(change.stock) == 0 and bool(stock_rules.on_hand(change.before))
        for change in page.changes
    )
    decision = push_changes(
        place,
        [change.isbn for change in page.changes],
        page.cursor,
        now,
        zeroes=zeroes,
        sweeping=bool(zeroes and runs_at_work(context.instance, "scraper")),
    )
    context.update_cursor(decision.place.dump())
    if not decision.isbns:
        yield dg.SkipReason(decision.reason)
        return
    yield dg.RunRequest(
        run_key=decision.place.run_key,
        run_config=_config(decision.isbns),
        tags={"ingram/why": f"{len(decision.isbns)} stock changes"},
    )


@dg.sensor(
    job=push,
    minimum_interval_seconds=_PACE.SENSOR_INTERVAL,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Brings new and changed titles to the store, once their page and cover have been read.",
)
def rows_to_import(
    context: dg.SensorEvaluationContext, queue: Queue
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for a push of the rows that wait and are complete."""
    with queue.open() as reader:
        waiting = reader.rows_to_import(_CHANGES_AT_ONCE)
    now = datetime.now(UTC)
    complete = [row.isbn for row in waiting if is_complete(row, now)]
    pushing = any(run.job_name == push.name for run in runs_at_work(context.instance, "storefront"))
    decision = import_rows(complete, pushing)
    if not decision.isbns:
        yield dg.SkipReason(decision.reason)
        return
    yield dg.RunRequest(
        run_config=_config(decision.isbns), tags={"ingram/why": f"{len(decision.isbns)} rows to import"}
    )


def is_complete(row: Title, now: datetime) -> bool:
    """Whether a row that waits for import is worth importing: read, with its cover, or old enough.

    A title is discovered, read and given a cover within a minute or two; imported in between it would be
    in the store without them and be imported again.
    """
    if row.binding is not None and row.cover_url is not None:
        return True
    return row.created_at is None or now - row.created_at > _COMPLETE_AFTER


def _config(isbns: tuple[str, ...]) -> dict[str, object]:
    return {"ops": {push_titles.name: {"config": {"isbns": list(isbns)}}}}


def _state(instance: dg.DagsterInstance, run_key: str) -> RunState:
    """What became of the run that was asked for under a run key."""
    runs = instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": run_key}), limit=1)
    if not runs:
        return "gone"
    if runs[0].is_success:
        return "succeeded"
    return "failed" if runs[0].is_finished else "in_progress"


reconcile = dg.ScheduleDefinition(
    name="daily_reconcile",
    job=push,
    # A new day releases preorders, with no reading that changed: soon after the store's midnight.
    cron_schedule="10 0 * * *",
    execution_timezone=store_time_zone(),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=(
        "Once a day, ten minutes into it, every level against the rules: what is out today is no preorder "
        "any more, hand edits are repaired, failed rows retried."
    ),
)
