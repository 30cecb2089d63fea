"""Looks at covers and records what came of it: the one path of the sweep, of `enrich` and of a click."""

import base64
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.coordination.cover_looks import CoverLooks
from ingram_assets.coordination.open_library_quota import LookupCount
from ingram_assets.covers import (
    ContactSheet,
    CoverOutcome,
    CoverRequest,
    Ledger,
    Source,
    keep_covers,
    load_seeds,
)
from ingram_assets.defs.events import Context, Progress, Report, json_last, log_materializations
from ingram_assets.defs.keys import COVERS, QUEUE_ROWS, TITLE_DETAILS
from ingram_assets.defs.reading_events import said, titled, titles_of
from ingram_assets.defs.scraper.from_settings import shared_site
from ingram_assets.defs.scraper.resources import R2, IPage, QueueWriterResource, state_dir
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.sources.open_library import OpenLibrary
from ingram_assets.staging.writer import QueueWriter

_BATCH = 100
_PAGE = 1000


def look_at_covers(
    context: Context,
    ipage: IPage,
    queue: QueueWriterResource,
    r2: R2,
    isbns: Sequence[str],
    report: Report,
    *,
    anew: bool,
) -> dict[str, dg.MetadataValue]:
    """Keep the covers of `isbns` that are due, or of all of them `anew`; report what came of each.

    Returns the metadata of the pass: the report, and the contact sheet if a picture came in.
    """
    sheet, bucket = ContactSheet(), r2.bucket()
    settings, common = load(ScraperSettings), load(CommonSettings)
    shared = shared_site(settings, common)
    kept, lookups = CoverLooks(shared.coordinator, bucket.identity), LookupCount(shared.coordinator)
    with (
        ipage.open(context.run.run_id, shared) as site,
        queue.open() as writer,
        OpenLibrary(lookups, base_url=settings.OPEN_LIBRARY_COVERS_URL) as open_library,
        Progress(context, "Covers looked at", len(isbns), pause=site.pause) as progress,
    ):
        wanted = _wanted(context.instance, isbns)
        looks = keep_covers(
            wanted.values(),
            bucket=bucket,
            sources=[Source("ipage", site.cover), Source("open_library", open_library.fetch)],
            ledger=Ledger(kept, seeds=load_seeds(state_dir() / "covers" / "placeholders")),
            # The shop's day: a book's art is not there on the evening before.
            now=kept.now().astimezone(ZoneInfo(common.STORE_TIME_ZONE)),
            force=anew,
            sheet=sheet,
        )
        batch: list[CoverOutcome] = []
        with closing(looks):  # What ends this waits for the titles in hand: their claims end with the site.
            try:
                for done, outcome in enumerate(looks, start=1):
                    batch.append(outcome)
                    if len(batch) >= _BATCH:
                        _record(context, writer, batch, wanted, report)
                        batch = []
                    progress.say(min(done, len(isbns)))
            finally:
                _record(context, writer, batch, wanted, report)
    return json_last(_shown(sheet) | report.metadata())


def _shown(sheet: ContactSheet) -> dict[str, dg.MetadataValue]:
    """The contact sheet, if a picture came in."""
    if not (picture := sheet.jpeg()):
        return {}
    encoded = base64.b64encode(picture).decode()
    return {"contact_sheet": dg.MetadataValue.md(f"![new covers](data:image/jpeg;base64,{encoded})")}


def _record(
    context: Context,
    queue: QueueWriter,
    batch: Sequence[CoverOutcome],
    wanted: Mapping[str, CoverRequest],
    report: Report,
) -> None:
    titles = {one.isbn: wanted[one.isbn].title for one in batch if one.isbn in wanted}
    titles |= titles_of(context.instance, [isbn for isbn, title in titles.items() if not title])
    # Also of titles that were not looked at: the bucket's public address may have changed.
    addresses = {one.isbn: (one.cover_url, one.sha256) for one in batch if one.cover_url}
    events: list[dg.AssetMaterialization] = []
    answers = queue.record_covers(
        [
            {"isbn": isbn, "cover_url": url, "cover_sha256": sha256}
            for isbn, (url, sha256) in addresses.items()
        ]
    )
    for answer in answers:
        if answer.outcome in ("refused", "untracked"):
            report.fail(answer.isbn, answer.reason or f"the queue answered {answer.outcome} for its cover")
        elif answer.outcome != "unchanged":
            cover = dg.MetadataValue.url(addresses[answer.isbn][0])
            metadata = {**titled(titles.get(answer.isbn)), "what": "cover", "cover": cover}
            events.append(dg.AssetMaterialization(QUEUE_ROWS, partition=answer.isbn, metadata=metadata))
    for outcome in batch:
        report.add(f"cover_{outcome.outcome}")
        if outcome.changed:
            report.add("covers_stored")
        if outcome.outcome in ("failed", "refused"):
            report.fail(outcome.isbn, f"cover: {outcome.reason}")
        elif outcome.outcome not in ("recent", "busy", "waiting"):
            metadata = {**titled(titles.get(outcome.isbn)), **_metadata(outcome)}
            events.append(dg.AssetMaterialization(COVERS, partition=outcome.isbn, metadata=metadata))
    log_materializations(context, events)


def _metadata(outcome: CoverOutcome) -> dict[str, Any]:
    shown = {
        "outcome": outcome.outcome,
        "source": outcome.source,
        "placeholder": outcome.placeholder,
        "bytes": outcome.size,
        "pixels": f"{outcome.width} x {outcome.height}" if outcome.width else None,
        "cover": dg.MetadataValue.url(outcome.cover_url) if outcome.cover_url else None,
        "reason": outcome.reason,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _wanted(instance: dg.DagsterInstance, isbns: Sequence[str]) -> dict[str, CoverRequest]:
    """Titles by ISBN, with what their pages said of name and date, on which a placeholder is due again."""
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        TITLE_DETAILS, dg.DagsterEventType.ASSET_MATERIALIZATION, set(isbns)
    )
    ids = list(latest.values())
    read: dict[str | None, dg.EventLogRecord] = {}
    for start in range(0, len(ids), _PAGE):
        some = dg.AssetRecordsFilter(TITLE_DETAILS, storage_ids=ids[start : start + _PAGE])
        for record in instance.fetch_materializations(some, limit=_PAGE).records:
            read[record.partition_key] = record
    return {
        isbn: CoverRequest(
            isbn, said(read.get(isbn), "title"), _date(said(read.get(isbn), "publication_date"))
        )
        for isbn in isbns
    }


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
