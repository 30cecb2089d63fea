"""Reads titles' pages and records them: the one path of the sweep, of `enrich` and of a person's click.

Readings are recorded in batches as they come in, so that a run that is stopped loses at most a moment's.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.availability import availability
from ingram_assets.domain.readings import KnownStock
from ingram_assets.domain.stock import Stock
from ingram_assets.ipage.pages import ProductPage
from ingram_assets.ipage.site import Outcome, Reading, Site
from ingram_assets.locations.events import Context, Progress, Report, log_materializations, log_observations
from ingram_assets.locations.keys import QUEUE_ROWS, STOCK, TITLE_DETAILS
from ingram_assets.locations.readings import latest_readings, reading_events
from ingram_assets.locations.scraper.history import extended, plot
from ingram_assets.queue.writer import LONGEST, QueueWriter

_BATCH = 50
_NOTES = 50
_HISTORY = "on_hand_changes"
_ENTRIES = 60
"""Contributors and subjects that are recorded of a title; the queue takes 20,000 characters of each list."""
_SHOWN = 200
"""Characters of a title that an event shows: each reading's event is kept for months."""
NO_STOCK_TABLE = "the page shows no stock"


@dataclass(frozen=True, slots=True)
class Shop:
    """What a reading is shown with: where pages and covers lie, and the day in the store's time zone."""

    base_url: str
    covers_url: str
    today: date

    def links(self, isbn: str) -> dict[str, dg.MetadataValue]:
        """A title's page on iPage and its cover in the bucket, for a person to click."""
        return {
            "page": dg.MetadataValue.url(f"{self.base_url}/ipage/productdetail?ean_id={isbn}"),
            "cover": dg.MetadataValue.url(f"{self.covers_url}/covers/raw/{isbn}.jpg"),
        }

    def status(self, page: ProductPage, stock: Stock | None) -> str:
        """The title's availability by what the page says and this stock; the store's rules are not in it."""
        return availability(
            stock,
            today=self.today,
            publication_date=page.publication_date,
            binding=page.binding,
            publisher_status=page.publisher_status,
        ).status


@dataclass
class Sweep:
    """What a pass over titles found.

    Attributes:
        seconds: one entry per page.
        statuses: titles by availability.
        there: titles that have a page, and are in the queue if their details were wanted.
        site: the site's own figures of the pass: fetches by outcome, latencies, pauses, sign-ins.
    """

    report: Report
    on_hand: int = 0
    on_order: int = 0
    seconds: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    site: dict[str, Any] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        """Pages asked for."""
        return sum(self.report.counts.get(outcome.value, 0) for outcome in Outcome)

    @property
    def unread(self) -> int:
        """Pages that gave no reading, though the title may be there: all but ok and not found."""
        fine = (Outcome.ok, Outcome.not_found)
        return sum(self.report.counts.get(outcome.value, 0) for outcome in Outcome if outcome not in fine)

    @property
    def unanswered(self) -> int:
        """Pages unread because the site did not answer, or said that it could not."""
        return self.report.counts.get(Outcome.transient.value, 0)


def read_titles(
    context: Context,
    site: Site,
    queue: QueueWriter,
    isbns: Collection[str],
    *,
    with_details: Collection[str],
    shop: Shop,
    routine: bool = False,
) -> Sweep:
    """Read the pages of `isbns` and record stock, and the details of those in `with_details`.

    With `routine` nobody asked for these titles by name: a product that was deleted in the store stays away.

    Every ISBN asked for is counted under its outcome; each that gave no reading is named with its reason,
    here and in the queue, and keeps the stock it had.
    """
    sweep = Sweep(Report(context.job_name))
    batch: list[Reading] = []

    def flush() -> None:
        _record(context, queue, batch, with_details, shop, sweep, routine)
        batch.clear()

    with Progress(context, "Pages read", len(isbns)) as progress:
        for done, reading in enumerate(site.read_products(isbns), start=1):
            batch.append(reading)
            if len(batch) >= _BATCH:
                flush()
            progress.say(done, f"{sweep.unread} unread" if sweep.unread else "")
        flush()
    return sweep


def _record(
    context: Context,
    queue: QueueWriter,
    batch: list[Reading],
    with_details: Collection[str],
    shop: Shop,
    sweep: Sweep,
    routine: bool,
) -> None:
    report = sweep.report
    pages: dict[str, tuple[Reading, ProductPage]] = {}
    stocks: list[dict[str, Any]] = []
    unread: list[dict[str, Any]] = []
    looked: list[dg.AssetObservation] = []
    for reading in batch:
        sweep.seconds.append(reading.seconds)
        report.add(reading.outcome.value)
        page = reading.page
        if reading.outcome is not Outcome.ok:
            unread.append(_unread(reading, reading.outcome.value, reading.reason or "no reason given"))
            report.fail(reading.isbn, reading.reason or reading.outcome.value)
        if page is None:
            continue
        pages[reading.isbn] = reading, page
        sweep.there.add(reading.isbn)
        status = shop.status(page, page.stock)
        sweep.statuses[status] = sweep.statuses.get(status, 0) + 1
        if page.warnings:
            report.add("pages_with_warnings")
            _note(report, f"{page.isbn}: {' '.join(page.warnings)}")
        if reading.outcome is not Outcome.ok:
            continue  # its details are sound, its stock is not
        if not shows_a_count(page):
            report.add("stock_unknown")
            unread.append(_unread(reading, "no_stock_table", NO_STOCK_TABLE))
            looked.append(_without_table(reading, status, shop))
        else:
            missing = unread_counts(page)
            if missing or page.stock_is_partial:
                report.add("stock_read_in_part")
            if missing:
                _note(report, f"{page.isbn}: not read, and left as they were: {', '.join(missing)}.")
            report.add("stock_read")
            stocks.append({"isbn": reading.isbn, "observed_at": reading.observed_at, "stock": page.stock})

    materializations: list[dg.AssetMaterialization] = []
    details = [details_of(page) for isbn, (_, page) in pages.items() if isbn in with_details]
    for outcome in queue.add_titles(details, routine=routine) if details else []:
        if outcome.outcome == "refused":
            report.fail(outcome.isbn, outcome.reason or "refused by the queue")
            sweep.there.discard(outcome.isbn)
            continue
        _, page = pages[outcome.isbn]
        materializations.append(
            dg.AssetMaterialization(
                TITLE_DETAILS, partition=outcome.isbn, metadata=details_metadata(page, shop)
            )
        )
        if outcome.outcome != "unchanged":
            materializations.append(_row(outcome.isbn, outcome.outcome, shop))
    before = _last_read(context, [entry["isbn"] for entry in stocks])
    for outcome in queue.record_stock(stocks) if stocks else []:
        if outcome.outcome in ("refused", "untracked"):
            report.fail(outcome.isbn, outcome.reason or f"the queue answered {outcome.outcome}")
            continue
        report.add(f"stock_{outcome.outcome}")
        if outcome.outcome == "stale":
            # Another run has read it since, and logged that. This reading is none any more.
            continue
        reading, page = pages[outcome.isbn]
        known = outcome.merged or KnownStock()
        sweep.on_hand += stock_rules.on_hand(known.stock) or 0
        sweep.on_order += stock_rules.on_order(known.stock) or 0
        materializations.append(
            dg.AssetMaterialization(
                STOCK,
                partition=outcome.isbn,
                metadata=stock_metadata(
                    reading, page, known, outcome.outcome, before.get(outcome.isbn), shop
                ),
            )
        )
        if outcome.outcome in ("first", "changed"):
            materializations.append(_row(outcome.isbn, f"stock {outcome.outcome}", shop))
    if unread:
        queue.record_unread(unread)
    log_materializations(context, materializations)
    log_observations(context, looked)


def shows_a_count(page: ProductPage) -> bool:
    """Whether the page shows at least one count of stock: else it says nothing of it."""
    return any(count is not None for dc in (page.stock or {}).values() for count in dc[:2])


def unread_counts(page: ProductPage) -> list[str]:
    """The counts of a page's stock table that could not be read, by DC. Their last known numbers stand."""
    return [
        f"{dc} {name}"
        for dc, counts in (page.stock or {}).items()
        for name, count in (("on hand", counts.on_hand), ("on order", counts.on_order))
        if count is None
    ]


def _note(report: Report, note: str) -> None:
    """Note something of a title, up to `_NOTES` of them: the counts say how many there were."""
    if len(report.notes) < _NOTES:
        report.notes.append(note)


def _unread(reading: Reading, outcome: str, reason: str) -> dict[str, Any]:
    return {"isbn": reading.isbn, "observed_at": reading.observed_at, "outcome": outcome, "reason": reason}


def _without_table(reading: Reading, status: str, shop: Shop) -> dg.AssetObservation:
    """The page was read, and said nothing of stock: no reading of stock, but the promise to look was kept."""
    return dg.AssetObservation(
        STOCK,
        partition=reading.isbn,
        description=f"Read, but {NO_STOCK_TABLE}: the last known stock stands.",
        metadata={
            "status": status,
            "observed_at": dg.MetadataValue.timestamp(reading.observed_at),
            "page_seconds": round(reading.seconds, 3),
            **shop.links(reading.isbn),
        },
    )


def _row(isbn: str, what: str, shop: Shop) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(QUEUE_ROWS, partition=isbn, metadata={"what": what, **shop.links(isbn)})


def _last_read(context: Context, isbns: Collection[str]) -> dict[str, dg.EventLogRecord]:
    if not isbns:
        return {}
    return reading_events(context.instance, latest_readings(context.instance, isbns))


def cut(text: str, longest: int) -> str:
    """The text, its end left out where there is no room for it: half a blurb is better than no book."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def details_of(page: ProductPage) -> dict[str, Any]:
    """A page's details under the queue's column names; what the page does not say is left out."""
    known: Mapping[str, Any] = {
        "isbn": page.isbn,
        "title": page.title,
        "author": "; ".join(contributor.name for contributor in page.contributors) or None,
        "contributors": [
            {"name": cut(one.name, 200), "role": one.role and cut(one.role, 50)}
            for one in page.contributors[:_ENTRIES]
        ]
        or None,
        "publisher": page.publisher,
        "publication_date": page.publication_date.isoformat() if page.publication_date else None,
        "binding": page.binding,
        "page_count": page.page_count,
        "srp_price": page.srp_price,
        "weight": page.weight,
        "category_hint": " | ".join(page.bisac) or None,
        "bisac": [cut(path, 200) for path in page.bisac[:_ENTRIES]] or None,
        "description": page.description,
        "series": page.series,
        "publisher_status": page.publisher_status,
    }
    return {
        name: cut(value, LONGEST[name]) if name in LONGEST else value
        for name, value in known.items()
        if value is not None
    }


def details_metadata(page: ProductPage, shop: Shop) -> dict[str, Any]:
    """What a person sees of a title's details in Dagster."""
    return {
        "title": cut(page.title, _SHOWN),
        "by": cut("; ".join(contributor.name for contributor in page.contributors), _SHOWN),
        "publisher": page.publisher or "unknown",
        "publication_date": str(page.publication_date or "unknown"),
        "binding": page.binding or "unknown",
        "price": str(page.srp_price) if page.srp_price is not None else "unknown",
        **shop.links(page.isbn),
    }


def stock_metadata(
    reading: Reading,
    page: ProductPage,
    known: KnownStock,
    outcome: str,
    before: dg.EventLogRecord | None,
    shop: Shop,
) -> dict[str, Any]:
    """What a person sees of a reading in Dagster: the sums that the store gets, plotted, and each DC.

    Args:
        known: what is known after this reading; the page itself may have shown less.
        outcome: the queue's answer: first, changed or unchanged.
        before: the event of the title's last reading.
    """
    on_hand, on_order = stock_rules.on_hand(known.stock), stock_rules.on_order(known.stock)
    on_page = stock_rules.on_hand(page.stock)
    at = reading.observed_at.timestamp()
    history = extended(_history(before), at, on_hand)
    metadata: dict[str, Any] = {
        "title": cut(page.title, _SHOWN),
        "status": shop.status(page, known.stock),
        "on_hand": on_hand,
        "on_order": on_order,
        "on_the_page": "not known" if on_page is None else f"{on_page} on hand",
        "by_dc": dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "dc": dc,
                        "role": center.counts.role,
                        "on_hand": _counted(center.counts.on_hand),
                        "on_order": _counted(center.counts.on_order),
                        "read": f"{center.on_hand_at:%Y-%m-%d %H:%M} UTC" if center.on_hand_at else "never",
                        "counts": "no: the last complete pages do not show it" if dc in known.gone else "yes",
                    }
                )
                for dc, center in known.centers.items()
            ]
        ),
        "plot": dg.MetadataValue.md(plot(history, at, cut(page.title, _SHOWN))) if len(history) > 1 else None,
        **shop.links(page.isbn),
        "not_read": ", ".join(unread_counts(page)) or None,
        "warnings": " ".join(page.warnings) or None,
        "changed": outcome in ("first", "changed"),
        "outcome": outcome,
        "observed_at": dg.MetadataValue.timestamp(reading.observed_at),
        # How old the stock had become that this reading replaces.
        "age_before_minutes": round((at - before.timestamp) / 60, 1) if before else None,
        "page_seconds": round(reading.seconds, 3),
        _HISTORY: json.dumps(history),
    }
    return {name: value for name, value in metadata.items() if value is not None}


def _counted(count: int | None) -> str:
    return "not read" if count is None else str(count)


def _history(before: dg.EventLogRecord | None) -> list[list[int]]:
    made = before.asset_materialization if before else None
    said = made.metadata.get(_HISTORY) if made else None
    return json.loads(said.text) if isinstance(said, dg.TextMetadataValue) and said.text else []
