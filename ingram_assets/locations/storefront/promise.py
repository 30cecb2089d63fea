"""The standing check on `medusa/inventory_levels`: whether the store follows the queue, title by title.

A push that succeeds says nothing of a change that no push was asked for: its sensor was switched off, its
code server is away. This check looks at what the store was last told of each title. It is evaluated by a
sensor, which costs no run, and by a click.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from ingram_assets.locations.events import LOOKED_AT
from ingram_assets.locations.keys import INVENTORY_LEVELS, ISBNS_NAME, RETIRED_NAME
from ingram_assets.locations.runs_at_work import at_work_since
from ingram_assets.locations.storefront import lag
from ingram_assets.locations.storefront.resources import Queue, StoreJournal
from ingram_assets.locations.switched_off import switched_off
from ingram_assets.settings import Pace, load

_PACE = load(Pace)
_NAMED = 20
_SAID_AGAIN_AFTER = 300.0

STORE_FOLLOWS_QUEUE = "store_follows_queue"


def evaluate(instance: dg.DagsterInstance, queue: Queue, journal: StoreJournal, now: float) -> dict[str, Any]:
    """`passed`, `metadata` and `description` of the check, now (seconds since 1970)."""
    off = switched_off(instance)
    at_most = timedelta(seconds=load(Pace).STORE_LAG_MAX)
    with queue.open() as reader, journal.open() as book:
        # In this order: what a push that ends in between has told the store is known then.
        rows, in_step = reader.row_states(), book.in_step()
        first_changes = reader.first_changes(lag.not_told(rows, in_step))
    found = lag.look(
        rows,
        in_step,
        first_changes,
        tracked=instance.get_dynamic_partitions(ISBNS_NAME),
        retired=frozenset(instance.get_dynamic_partitions(RETIRED_NAME)),
        now=datetime.fromtimestamp(now, UTC),
        at_most=at_most,
        sweeping_since=None if lag.PUSHES_STOCK in off else at_work_since(instance, "scraper"),
    )
    metadata: dict[str, Any] = {
        LOOKED_AT: dg.MetadataValue.timestamp(now),
        "behind": len(found.behind),
        **{f"behind_{kind}": count for kind, count in found.count().items()},
        "failed": found.failed,
        "titles_looked_at": found.titles,
    }
    if found.behind:
        since = found.behind[0].since
        metadata["oldest"] = "ever" if since is None else dg.MetadataValue.timestamp(since)
        metadata["titles"] = dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {"isbn": one.isbn, "title": one.title, "what": one.kind, "since": lag.moment(one.since)}
                )
                for one in found.behind[:_NAMED]
            ]
        )
    words = lag.sentence(found, at_most, off)
    return {"passed": not found.behind, "metadata": metadata, "description": words}


@dg.asset_check(
    asset=INVENTORY_LEVELS,
    name=STORE_FOLLOWS_QUEUE,
    description=(
        "The store shows each title as the queue has it, within STORE_LAG_MAX "
        f"({_PACE.STORE_LAG_MAX / 60:.0f} min): what waits for its import, what changed, what is past its "
        "time, what the daily reconcile compares, what nobody reads. Says exactly of how many titles it does "
        f"not, since when, and names the first {_NAMED}. Evaluated every minute, without a run."
    ),
)
def store_follows_queue(
    context: dg.AssetCheckExecutionContext, queue: Queue, journal: StoreJournal
) -> dg.AssetCheckResult:
    """The check as a run of its own, for a person's click."""
    return dg.AssetCheckResult(**evaluate(context.instance, queue, journal, time.time()))


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
    context: dg.SensorEvaluationContext, queue: Queue, journal: StoreJournal
) -> dg.SensorResult:
    """Look whether the store follows each title; report if there is news, or if the last report is old."""
    now = time.time()
    found = dg.AssetCheckEvaluation(
        asset_key=INVENTORY_LEVELS,
        check_name=STORE_FOLLOWS_QUEUE,
        **evaluate(context.instance, queue, journal, now),
    )
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
