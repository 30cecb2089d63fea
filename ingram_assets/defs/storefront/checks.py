"""The standing check on `medusa/inventory_levels`: whether the store follows the queue, title by title.

A push that succeeds says nothing of a change that no push was asked for: its sensor was switched off, its
code server is away. This check looks at what the store was last told of each title. It is evaluated by a
sensor, which costs no run, and by a click.
"""

import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from ingram_assets.defs.events import LOOKED_AT
from ingram_assets.defs.keys import INVENTORY_LEVELS, ISBNS_NAME, RETIRED_NAME
from ingram_assets.defs.runs_at_work import at_work_since, switched_off
from ingram_assets.defs.storefront import lag
from ingram_assets.defs.storefront.resources import QueueReaderResource, StoreJournal
from ingram_assets.domain.formatting import moment
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings

_PACE = load(PaceSettings)
_NAMED = 20
STORE_FOLLOWS_QUEUE = "store_follows_queue"


def evaluate(
    instance: dg.DagsterInstance, queue: QueueReaderResource, journal: StoreJournal, now: float
) -> dg.AssetCheckEvaluation:
    """What the check finds now (seconds since 1970)."""
    off = switched_off(instance)
    at_most = timedelta(seconds=load(PaceSettings).STORE_LAG_MAX)
    with queue.open() as reader, journal.open() as book:
        # In this order: what a push that ends in between has told the store is known then.
        rows, in_step = reader.row_states(), book.in_step()
        mode = book.mode(load(StorefrontSettings).MODE)
        first_changes = reader.first_changes(lag.not_told(rows, in_step))
    if mode.why_watching:
        return _evaluation(now, {"behind": 0}, mode.why_watching)
    found = lag.look(
        rows,
        in_step,
        first_changes,
        tracked=instance.get_dynamic_partitions(ISBNS_NAME),
        retired=frozenset(instance.get_dynamic_partitions(RETIRED_NAME)),
        now=datetime.fromtimestamp(now, UTC),
        at_most=at_most,
        sweeping_since=None if lag.PUSHES_STOCK in off else at_work_since(instance, "scraper"),
        live_since=mode.live_since,
    )
    metadata: dict[str, Any] = {
        "behind": len(found.behind),
        **{f"behind_{kind}": count for kind, count in found.count().items()},
        "failed": found.failed,
        "titles_looked_at": found.titles,
    }
    if found.behind:
        since = found.behind[0].since
        metadata["oldest"] = "ever" if since is None else dg.MetadataValue.timestamp(since)
        named = [dg.TableRecord(asdict(one) | {"since": moment(one.since)}) for one in found.behind[:_NAMED]]
        metadata["titles"] = dg.MetadataValue.table(named)
    return _evaluation(now, metadata, lag.sentence(found, at_most, off))


def _evaluation(now: float, metadata: dict[str, Any], words: str) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=INVENTORY_LEVELS,
        check_name=STORE_FOLLOWS_QUEUE,
        passed=not metadata["behind"],
        metadata={LOOKED_AT: dg.MetadataValue.timestamp(now)} | metadata,
        description=words,
    )


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
    context: dg.AssetCheckExecutionContext, queue: QueueReaderResource, journal: StoreJournal
) -> dg.AssetCheckResult:
    """The check as a run of its own, for a person's click."""
    found = evaluate(context.instance, queue, journal, time.time())
    return dg.AssetCheckResult(passed=found.passed, metadata=found.metadata, description=found.description)
