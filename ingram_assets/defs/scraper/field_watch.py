"""What a sweep says of the fields on its pages: a check, a table, and why, where a guardrail stopped it."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from ingram_assets.defs.keys import FIELDS_READ, GONE_FIELDS, STOCK_SWEEP
from ingram_assets.defs.scraper.sweep_result import SweepResult
from ingram_assets.domain.field_shares import STOCK_TABLE, FieldWatch


def fields_result(fields: FieldWatch) -> dg.AssetCheckResult:
    """The check's result, of a sweep that comes through."""
    found = fields_evaluation(fields)
    return dg.AssetCheckResult(
        check_name=found.check_name,
        asset_key=found.asset_key,
        passed=found.passed,
        metadata=found.metadata,
        description=found.description,
    )


def fields_evaluation(fields: FieldWatch, *, stopped: bool = False) -> dg.AssetCheckEvaluation:
    """The check's evaluation.

    Args:
        stopped: a guardrail stopped the sweep. What it tells of is not told a second time.
    """
    drops = [drop for drop in fields.drops.values() if not (stopped and drop.field == STOCK_TABLE)]
    settled = " ".join(fields.settled)
    metadata: dict[str, Any] = {}
    if drops:
        rows = [dg.TableRecord({"field": drop.field, "what": drop.sentence}) for drop in drops]
        metadata[GONE_FIELDS] = dg.MetadataValue.table(rows)
    return dg.AssetCheckEvaluation(
        asset_key=STOCK_SWEEP,
        check_name=FIELDS_READ,
        passed=not drops,
        metadata=metadata,
        description=" ".join(drop.sentence for drop in drops)
        or settled
        or "Each field is read on as many pages as usual.",
    )


def why_stopped(sweep: SweepResult, fields: FieldWatch) -> Iterator[str]:
    """What a guardrail's reason says beside its figures: what is not on the pages any more."""
    if (drop := fields.drops.get(STOCK_TABLE)) is not None:
        yield f"{drop.sentence[:1].upper()}{drop.sentence[1:]}"
    for label, isbns in sorted(sweep.not_understood.items(), key=lambda one: -len(one[1]))[:1]:
        yield f"Not found or not understood on {len(isbns):,} pages: {label}, {isbns[0]} for one."


def notes_on(fields: FieldWatch) -> list[str]:
    """What the report of a sweep that comes through says of fields."""
    return [*(drop.sentence for drop in fields.drops.values()), *fields.settled]


def fields_shown_as(fields: FieldWatch, sweep: SweepResult) -> dict[str, dg.MetadataValue]:
    """On how many of the sweep's pages each field was read, beside what is usual, for the sweep's page."""
    counts = sweep.known_pages + sweep.new_pages
    rows = [
        dg.TableRecord(
            {
                "field": name,
                "pages": counts.of(name),
                "read": counts.had[name],
                "share": f"{counts.had[name] / counts.of(name):.0%}" if counts.of(name) else "",
                "usual": f"{fields.usual[name].share:.0%}" if name in fields.usual else "not known yet",
            }
        )
        for name in sorted({*counts.had, *fields.usual}, key=lambda name: (" " in name, name))
    ]
    return {"fields_read": dg.MetadataValue.table(rows)} if rows else {}
