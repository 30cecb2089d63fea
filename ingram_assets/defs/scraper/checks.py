"""The standing check on `ipage/stock`: how many titles' readings are older than the shop promises.

Dagster's freshness looks at an asset's last materialization alone, whichever title it was of. This check
looks at each title. It is evaluated at the end of each sweep, by a sensor in between, which costs no run, and
by a click.
"""

import time
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ingram_assets.defs.events import LOOKED_AT
from ingram_assets.defs.keys import STOCK
from ingram_assets.defs.reading_events import stale_readings
from ingram_assets.defs.scraper.decisions import span
from ingram_assets.domain.lifetime import StaleReadings
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import PaceSettings

_PACE = load(PaceSettings)
_NAMED = 20
WITHIN_THE_PROMISE = "within_the_promise"


def evaluation(instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    """The check's evaluation now, to be logged by whoever asked for it."""
    now, sla = time.time(), float(_PACE.STOCK_FAIL_AFTER)
    found = stale_readings(instance, sla, now, _NAMED)
    metadata: dict[str, Any] = {
        LOOKED_AT: dg.MetadataValue.timestamp(now),
        "stale": found.titles,
        "tracked": found.tracked,
    }
    if found.oldest:
        read_at = found.oldest[0].read_at
        metadata["oldest"] = "never read" if read_at is None else dg.MetadataValue.timestamp(read_at)
        metadata["titles"] = dg.MetadataValue.table(
            [
                dg.TableRecord({"isbn": one.isbn, "title": one.title or "", "read_at": _moment(one.read_at)})
                for one in found.oldest
            ]
        )
    return dg.AssetCheckEvaluation(
        asset_key=STOCK,
        check_name=WITHIN_THE_PROMISE,
        passed=not found.titles,
        metadata=metadata,
        description=_sentence(found, sla, now),
    )


def _sentence(found: StaleReadings, sla: float, now: float) -> str:
    """What the check found, for a person."""
    within = f"within {span(sla)}"
    if not found.tracked:
        return "No title is tracked yet."
    if not found.titles:
        return f"All {found.tracked:,} titles were read {within}."
    oldest = found.oldest[0]
    age = "was never read" if oldest.read_at is None else f"was read {span(now - oldest.read_at)} ago"
    return (
        f"{found.titles:,} of {found.tracked:,} titles were not read {within}; {oldest.isbn} {age}. The next "
        "sweep reads them first. A title that Ingram no longer has can be retired (job retire)."
    )


def _moment(at: float | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@dg.asset_check(
    asset=STOCK,
    name=WITHIN_THE_PROMISE,
    description=(
        "Every tracked title was read within the promise "
        f"(STOCK_FAIL_AFTER, {span(_PACE.STOCK_FAIL_AFTER)}). "
        f"Says exactly how many were not, which is the oldest, and names the first {_NAMED}. Evaluated every "
        "minute, without a run."
    ),
)
def within_the_promise(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """The check as a run of its own, for a person's click."""
    found = evaluation(context.instance)
    return dg.AssetCheckResult(passed=found.passed, metadata=found.metadata, description=found.description)
