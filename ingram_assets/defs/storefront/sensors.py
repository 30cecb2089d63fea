"""Carries the queue's changes to the store within a minute, and looks whether the store follows."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.defs.keys import INVENTORY_LEVELS, ORDERS, RETIRED_NAME
from ingram_assets.defs.reading_events import titled
from ingram_assets.defs.runs_at_work import runs_at_work
from ingram_assets.defs.storefront.checks import evaluate
from ingram_assets.defs.storefront.decisions import (
    AT_ONCE,
    ORDERS_SETTLE,
    Asked,
    ChangeBatch,
    ChangeRange,
    PushDecision,
    RunState,
    SensorCursor,
    after_asking,
    after_run,
    ask,
    became_untrue,
    is_complete,
    no_plan_now,
    orders_since,
    push_changes,
    queue_news,
    second_look,
    to_look_at,
    to_push_by_time,
    told_too_long,
)
from ingram_assets.defs.storefront.from_settings import store_rules
from ingram_assets.defs.storefront.inventory import due_now
from ingram_assets.defs.storefront.jobs import inventory_sweep, push
from ingram_assets.defs.storefront.lag import not_told
from ingram_assets.defs.storefront.ops import push_titles
from ingram_assets.defs.storefront.resources import Medusa, QueueReaderResource, StoreJournal
from ingram_assets.domain.title import Title
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import PaceSettings, store_time_zone
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.location import OURS, find_location
from ingram_assets.store.read import read_store, read_touched

_PACE = load(PaceSettings)
_RETRY_AFTER_SECONDS = (15.0, 60.0, 300.0)
_SAID_AGAIN_AFTER = 300.0

_OFTEN = _PACE.SENSOR_INTERVAL
_LESS_OFTEN = max(_PACE.SENSOR_INTERVAL, min(30, 3 * _PACE.SENSOR_INTERVAL))

Answer = dg.RunRequest | dg.SkipReason | dg.SensorResult


def _sensor_of(job: dg.JobDefinition, seconds: int) -> Callable[[Callable[..., Answer]], dg.SensorDefinition]:
    """A sensor that asks for runs of a job from the start on. Dagster shows its docstring."""

    def define(look: Callable[..., Answer]) -> dg.SensorDefinition:
        return dg.sensor(
            job=job,
            minimum_interval_seconds=seconds,
            default_status=dg.DefaultSensorStatus.RUNNING,
            description=" ".join((look.__doc__ or "").split()),
        )(look)

    return define


@_sensor_of(push, _OFTEN)
def stock_changes(
    context: dg.SensorEvaluationContext, queue: QueueReaderResource, journal: StoreJournal
) -> Answer:
    """From each stock change in the queue to one run that names the changed titles.

    What a run did not bring to the store is asked for again after growing pauses, and holds back no change
    that came after it.
    """
    retired = _retired(context.instance)
    with queue.open() as reader:

        def read(stretch: ChangeRange) -> ChangeBatch:
            return ChangeBatch.of_stock(reader.changes_since(stretch.after, AT_ONCE, stretch.until), retired)

        def is_sweeping() -> bool:
            return bool(runs_at_work(context.instance, "scraper"))

        return _carry(context, journal, read, "stock changes", is_sweeping)


@_sensor_of(push, _OFTEN)
def rows_to_import(
    context: dg.SensorEvaluationContext, queue: QueueReaderResource, journal: StoreJournal
) -> Answer:
    """Brings new and changed titles to the store, once their page and cover have been read.

    What a run did not bring there is asked for again after growing pauses, and holds back no other.
    """
    retired, now = _retired(context.instance), datetime.now(UTC)
    with queue.open() as reader:
        # By row, not by title: a title's next state has not failed yet. Their texts are let go of at once.
        waiting = {
            str(row.id): row.isbn
            for row in _waiting(reader)
            if row.isbn not in retired and is_complete(row, now)
        }
    return _ask(context, journal, waiting, "rows to import")


@_sensor_of(push, _LESS_OFTEN)
def clock_changes(
    context: dg.SensorEvaluationContext, queue: QueueReaderResource, journal: StoreJournal
) -> Answer:
    """Pushes titles whose state ends with time alone, though nothing was read.

    These are: copies that were counted too long ago to be sold (STOCK_MAX_AGE), and such that are counted
    anew; a preorder whose day has come; titles of which it is not known what the store was told, as when a
    push broke off with a write on its way.
    """
    retired, now = _retired(context.instance), datetime.now(UTC)
    max_age, zone = store_rules(load(StorefrontSettings)).sold_for, ZoneInfo(store_time_zone())
    with queue.open() as reader, journal.open() as book:
        book.doubt_late_writes()
        rows, told = reader.row_states(), book.in_step()
        book.hold_to_nothing([isbn for isbn in retired if isbn in told and told[isbn].pushed_at])
        titles = reader.titles(to_look_at(rows, told, retired, now, max_age))
        changed, still_valid = became_untrue(titles, told, now, max_age, zone)
        book.still_valid(still_valid)
        too_old = told_too_long(reader.first_changes(not_told(rows, told)), now, max_age)
    wanted = to_push_by_time(rows, told, retired, changed, too_old)
    return _ask(context, journal, {isbn: isbn for isbn in wanted}, "titles changed by time")


@_sensor_of(push, _LESS_OFTEN)
def order_changes(
    context: dg.SensorEvaluationContext, queue: QueueReaderResource, medusa: Medusa, journal: StoreJournal
) -> Answer:
    """Pushes titles of orders that were fulfilled or canceled, and those of all orders once more later.

    Medusa moves their levels by itself, and what comes back on sale may be more than was counted. By the
    second look (after STOCK_FAIL_AFTER) the titles were read again, and what their orders took is in the
    counts, though these may be the same as before. What was ordered is told as `medusa/orders`, by title
    alone: such titles are read sooner. From the first look on what comes back is moved (RETURNS_TO).
    """
    if load(StorefrontSettings).RETURNS_TO:
        with journal.open_ledger() as ledger:
            ledger.follow_returns()
    settled = (datetime.fromtimestamp(time.time(), UTC) - ORDERS_SETTLE).isoformat()
    placed = store_rules(load(StorefrontSettings)).inventory_mode == "on_hand_plus_reserved"
    ordered: dict[str, str] = {}
    with medusa.open() as client, queue.open() as reader:

        def read(stretch: ChangeRange) -> ChangeBatch:
            until = datetime.fromisoformat(end := stretch.until or settled)
            since = orders_since(stretch.after, until)
            touched = read_touched(client, since, until)
            # What is only reserved moves no level of ours, but may be the last copy on a shelf of the shop's.
            placed_only = [isbn for isbn, moved in touched.items() if not moved]
            wanted = [isbn for isbn, moved in touched.items() if moved]
            wanted += _kept_on_shelves(client, journal, placed_only) if placed_only else []
            if again := second_look(since, until, _PACE.stock_sla):
                wanted += [isbn for isbn, moved in read_touched(client, *again).items() if moved or placed]
            found = reader.titles([*touched, *wanted]) if touched or wanted else ()
            known = {title.isbn: title.title for title in found}
            ordered.update({isbn: title for isbn, title in known.items() if isbn in touched})
            return ChangeBatch([isbn for isbn in dict.fromkeys(wanted) if isbn in known], end)

        answer = _carry(context, journal, read, "titles of changed orders")
    told = [
        dg.AssetMaterialization(ORDERS, partition=isbn, metadata=titled(title))
        for isbn, title in sorted(ordered.items())
    ]
    return _with_events(answer, told)


@_sensor_of(push, _LESS_OFTEN)
def shelf_changes(
    context: dg.SensorEvaluationContext, queue: QueueReaderResource, journal: StoreJournal
) -> Answer:
    """Pushes titles whose copies at the shop's own locations changed: their label tells of those, too.

    These are the ledger's lines: operations, and what orders and others did there, which the hourly count of
    the inventory enters.
    """
    settled = (datetime.fromtimestamp(time.time(), UTC) - ORDERS_SETTLE).isoformat()
    with queue.open() as reader, journal.open() as book, journal.open_ledger() as ledger:
        ours = [known.id for known in book.known("location", [OURS])]

        def read(stretch: ChangeRange) -> ChangeBatch:
            until = datetime.fromisoformat(end := stretch.until or settled)
            moved = ledger.moved_between(orders_since(stretch.after, until), until, ours)
            known = {title.isbn for title in reader.titles(moved)} if moved else set()
            return ChangeBatch([isbn for isbn in moved if isbn in known], end)

        return _carry(context, journal, read, "titles on the shop's shelves")


@_sensor_of(push, _LESS_OFTEN)
def watching_plans(
    context: dg.SensorEvaluationContext, queue: QueueReaderResource, journal: StoreJournal
) -> Answer:
    """Plans a push of all titles while the shop only watches, when there is news in the queue.

    Every ten minutes at most. What it finds is on the board and in `ingram status`.
    """
    if journal.mode().is_live:
        return dg.SkipReason("The store is live: what is planned is written.")
    now = time.time()
    with queue.open() as reader:
        news = queue_news(reader.row_states())
    if why_not := no_plan_now(context.cursor, news, now):
        return dg.SkipReason(why_not)
    if _is_pushing(context.instance):
        return dg.SkipReason("A plan is at work.")
    context.update_cursor(f"{news}@{now}")
    return dg.RunRequest(
        run_key=f"plan@{now:.6f}", run_config={"ops": {push_titles.name: {"config": {"dry_run": True}}}}
    )


@_sensor_of(inventory_sweep, _LESS_OFTEN)
def inventory_work(context: dg.SensorEvaluationContext, journal: StoreJournal) -> Answer:
    """Asks for a sweep of inventory operations within a minute where there is something to sweep.

    That is: a reservation whose time is over, an operation that broke off, a level that was written lately.
    What a sweep leaves is asked for again after growing pauses.
    """
    with journal.open_ledger() as ledger:
        due = due_now(ledger, datetime.now(UTC))
    return _ask(context, journal, {key: key for key in due}, "things to sweep", "sweep")


@dg.sensor(
    # It asks for no run; named here, it is shown on the asset's page, among what looks after it.
    asset_selection=dg.AssetSelection.assets(INVENTORY_LEVELS),
    minimum_interval_seconds=max(_PACE.SENSOR_INTERVAL, min(60, 6 * _PACE.SENSOR_INTERVAL)),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Evaluates the standing check store_follows_queue of medusa/inventory_levels without a run: tells "
        "Dagster when there is news of what the store does not follow, when levels were written, and every "
        "five minutes."
    ),
)
def store_promise(
    context: dg.SensorEvaluationContext, queue: QueueReaderResource, journal: StoreJournal
) -> dg.SensorResult:
    """Look whether the store follows each title; report if there is news, or if the last report is old."""
    now = time.time()
    found = evaluate(context.instance, queue, journal, now)
    behind = ",".join(f"{name}={value.value}" for name, value in found.metadata.items() if "behind" in name)
    said, _, at = (context.cursor or "").partition("@")
    # Dagster takes a check as not evaluated when its asset was made after it.
    made = context.instance.get_latest_materialization_event(INVENTORY_LEVELS)
    made_since = made is not None and bool(at) and made.timestamp > float(at)
    if said == behind and not made_since and now - float(at) < _SAID_AGAIN_AFTER:
        return dg.SensorResult(skip_reason=f"No news: {found.description}")
    return dg.SensorResult(
        asset_events=[found], cursor=f"{behind}@{now}", skip_reason=f"Reported: {found.description}"
    )


def _kept_on_shelves(client: MedusaClient, journal: StoreJournal, isbns: Sequence[str]) -> list[str]:
    """Those of the titles that are kept at a location of the shop's own that its sales channel sells from."""
    settings = load(StorefrontSettings)
    names = {"name": settings.MEDUSA_STOCK_LOCATION, "sales_channel": settings.MEDUSA_SALES_CHANNEL}
    with journal.open() as book:
        location = find_location(client, journal=book, **names)
    if not location.shelves:
        return []
    found = read_store(client, isbns, location.id)
    levels = {isbn: [item.elsewhere for one in found[isbn].variants for item in one.items] for isbn in isbns}
    return [
        isbn
        for isbn, elsewhere in levels.items()
        if any(level.location_id in location.shelves for of_item in elsewhere for level in of_item)
    ]


def _carry(
    context: dg.SensorEvaluationContext,
    journal: StoreJournal,
    read: Callable[[ChangeRange], ChangeBatch],
    what: str,
    is_sweeping: Callable[[], bool] = lambda: False,
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a push of what changed after a sensor's place, once it is known how its last run ended.

    While a shop only watches, what changes is passed by: going live brings all titles. Where it was live and
    MODE alone holds it back, the place stays, and what changes is carried once that is over.
    """
    mode = journal.mode()
    if mode.why_watching and mode.is_live_by_journal:
        return dg.SkipReason(mode.why_watching)
    place, now = SensorCursor.parse(context.cursor), time.time()
    if place.pending is not None:
        place = after_run(place, _state(context.instance, place.run_key), now, _RETRY_AFTER_SECONDS)
    if place.pending is not None:
        return dg.SkipReason("A push of the last changes is at work.")
    if mode.why_watching:
        passed_by = push_changes(place, lambda stretch: replace(read(stretch), isbns=()), now)
        context.update_cursor(passed_by.place.dump())
        return dg.SkipReason(mode.why_watching)
    retired = _retired(context.instance)
    return _answer(context, push_changes(place, read, now, retired=retired, is_sweeping=is_sweeping), what)


def _answer(
    context: dg.SensorEvaluationContext, decision: PushDecision, what: str, run: str = "push"
) -> dg.RunRequest | dg.SkipReason:
    """What was decided, for Dagster; where the sensor stands then is its cursor."""
    context.update_cursor(decision.place.dump())
    if not decision.isbns:
        return dg.SkipReason(decision.reason)
    of_push = {"ops": {push_titles.name: {"config": {"isbns": list(decision.isbns)}}}}
    return dg.RunRequest(
        run_key=decision.place.run_key,
        run_config=of_push if run == "push" else None,
        tags={"ingram/why": f"{len(decision.isbns)} {what}"},
    )


def _with_events(answer: dg.RunRequest | dg.SkipReason, told: list[dg.AssetMaterialization]) -> Answer:
    if not told:
        return answer
    if isinstance(answer, dg.SkipReason):
        return dg.SensorResult(skip_reason=answer, asset_events=told)
    return dg.SensorResult(run_requests=[answer], asset_events=told)


def _ask(
    context: dg.SensorEvaluationContext,
    journal: StoreJournal,
    wanted: Mapping[str, str],
    what: str,
    run: str = "push",
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run for what is wanted (key to ISBN), and remember what was asked for and how it ended."""
    if why_watching := journal.mode().why_watching:
        return dg.SkipReason(why_watching)
    asked, now = Asked.parse(context.cursor), time.time()
    state = _state(context.instance, asked.run_key) if asked.keys else "gone"
    asked = after_asking(asked, state, wanted.keys(), now, _RETRY_AFTER_SECONDS)
    pushing = run == "push" and _is_pushing(context.instance)
    return _answer(context, ask(asked, wanted, now, what=what, pushing=pushing, run=run), what, run)


def _is_pushing(instance: dg.DagsterInstance) -> bool:
    return any(one.job_name == push.name for one in runs_at_work(instance, "storefront"))


def _waiting(reader: QueueReader) -> Iterator[Title]:
    """All rows that wait for import: the first of them may be none to ask for."""
    after = 0
    while page := reader.rows_to_import(AT_ONCE, after):
        yield from page
        after = page[-1].id


def _retired(instance: dg.DagsterInstance) -> frozenset[str]:
    """The titles that a person retired: what changes of them is carried nowhere."""
    return frozenset(instance.get_dynamic_partitions(RETIRED_NAME))


def _state(instance: dg.DagsterInstance, run_key: str) -> RunState:
    """What became of the run that was asked for under a run key."""
    runs = instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": run_key}), limit=1)
    if not runs:
        return "gone"
    if runs[0].is_success:
        return "succeeded"
    return "failed" if runs[0].is_finished else "in_progress"
