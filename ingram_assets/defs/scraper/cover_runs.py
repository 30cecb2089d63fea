"""Looks at covers and records what came of it: the one path of the sweep, of `enrich` and of a click."""

import base64
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.covers import (
    Bucket,
    ContactSheet,
    CoverOutcome,
    Ledger,
    Source,
    Wanted,
    keep_covers,
    load_seeds,
)
from ingram_assets.defs.events import Context, Progress, Report, log_materializations
from ingram_assets.defs.keys import COVERS, QUEUE_ROWS, TITLE_DETAILS
from ingram_assets.sources.ipage.site import Site
from ingram_assets.sources.open_library import OpenLibrary
from ingram_assets.staging.writer import QueueWriter

_BATCH = 100
_PAGE = 1000


def check_covers(
    context: Context,
    site: Site,
    queue: QueueWriter,
    bucket: Bucket,
    isbns: Sequence[str],
    *,
    state_dir: Path,
    open_library_url: str,
    time_zone: str,
    anew: bool,
) -> tuple[Report, dict[str, Any]]:
    """Keep the covers of `isbns` that are due, or of all of them `anew`; name those that failed.

    Returns the report and the metadata of the pass: its contact sheet, if a picture came in.
    """
    report, sheet = Report(context.job_name), ContactSheet()
    wanted = _wanted(context, isbns)
    batch: list[CoverOutcome] = []
    folder = state_dir / "covers"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def flush() -> None:
        _record(context, queue, batch, report)
        batch.clear()

    with (
        OpenLibrary(folder, base_url=open_library_url) as open_library,
        Progress(context, "Covers looked at", len(isbns)) as progress,
    ):
        sources = [Source("ipage", site.cover), Source("open_library", open_library.fetch)]
        ledger = Ledger(
            folder / "ledger.sqlite3", bucket=bucket.identity, seeds=load_seeds(folder / "placeholders")
        )
        try:
            looks = keep_covers(
                wanted,
                bucket=bucket,
                sources=sources,
                ledger=ledger,
                # The shop's day: a book's art is not there on the evening before.
                now=datetime.now(ZoneInfo(time_zone)),
                force=anew,
                sheet=sheet,
            )
            for done, outcome in enumerate(looks, start=1):
                batch.append(outcome)
                if len(batch) >= _BATCH:
                    flush()
                progress.say(min(done, len(isbns)))
        finally:
            flush()
            ledger.close()
    picture = sheet.jpeg()
    if picture is None:
        return report, {}
    encoded = base64.b64encode(picture).decode()
    return report, {"contact_sheet": dg.MetadataValue.md(f"![new covers](data:image/jpeg;base64,{encoded})")}


def _record(context: Context, queue: QueueWriter, batch: Sequence[CoverOutcome], report: Report) -> None:
    materializations: list[dg.AssetMaterialization] = []
    # Also of titles that were not looked at: the bucket's public address may have changed.
    covers = [
        {"isbn": outcome.isbn, "cover_url": outcome.cover_url, "cover_sha256": outcome.sha256}
        for outcome in batch
        if outcome.cover_url
    ]
    lie_at = {outcome.isbn: outcome.cover_url for outcome in batch if outcome.cover_url}
    for answer in queue.record_covers(covers) if covers else []:
        if answer.outcome in ("refused", "untracked"):
            report.fail(answer.isbn, answer.reason or f"the queue answered {answer.outcome} for its cover")
        elif answer.outcome != "unchanged":
            materializations.append(
                dg.AssetMaterialization(
                    QUEUE_ROWS,
                    partition=answer.isbn,
                    metadata={"what": "cover", "cover": dg.MetadataValue.url(lie_at[answer.isbn])},
                )
            )
    for outcome in batch:
        report.add(f"cover_{outcome.outcome}")
        if outcome.changed:
            report.add("covers_stored")
        if outcome.outcome in ("failed", "refused"):
            report.fail(outcome.isbn, f"cover: {outcome.reason}")
        elif outcome.outcome not in ("recent", "busy", "waiting"):
            materializations.append(
                dg.AssetMaterialization(COVERS, partition=outcome.isbn, metadata=_metadata(outcome))
            )
    log_materializations(context, materializations)


def _metadata(outcome: CoverOutcome) -> dict[str, Any]:
    said = {
        "outcome": outcome.outcome,
        "source": outcome.source,
        "placeholder": outcome.placeholder,
        "bytes": outcome.size,
        "pixels": f"{outcome.width} x {outcome.height}" if outcome.width else None,
        "cover": dg.MetadataValue.url(outcome.cover_url) if outcome.cover_url else None,
        "reason": outcome.reason,
    }
    return {name: value for name, value in said.items() if value is not None}


def _wanted(context: Context, isbns: Sequence[str]) -> list[Wanted]:
    """The titles with what their pages said of name and date; a placeholder is due again on that date."""
    chosen = set(isbns)
    known: dict[str, Mapping[str, dg.MetadataValue]] = {}
    cursor = None
    while len(known) < len(chosen):
        found = context.instance.fetch_materializations(TITLE_DETAILS, limit=_PAGE, cursor=cursor)
        for record in found.records:
            isbn, event = record.partition_key, record.asset_materialization
            if isbn in chosen and event:
                known.setdefault(isbn, event.metadata)
        cursor = found.cursor
        if not found.has_more:
            break
    wanted = []
    for isbn in isbns:
        said = known.get(isbn, {})
        title, day = said.get("title"), said.get("publication_date")
        wanted.append(Wanted(isbn, str(title.value) if title else None, _date(day.value if day else None)))
    return wanted


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None
