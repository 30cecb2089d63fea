"""Reads titles' pages and records them: the one path of the sweep, of `enrich` and of a person's click.

Readings are recorded in batches as they come in, so that a run that is stopped loses at most a moment's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from ingram_assets.domain import stock as stock_rules
from ingram_assets.ipage.pages import ProductPage
from ingram_assets.ipage.site import Outcome, Reading, Site
from ingram_assets.locations.events import Context, Progress, Report, log_materializations
from ingram_assets.locations.keys import QUEUE_ROWS, STOCK, TITLE_DETAILS
from ingram_assets.queue.writer import QueueWriter

_BATCH = 100
NO_STOCK_TABLE = "the page shows no stock table"


@dataclass
class Sweep:
    """What a pass over titles found. `seconds` has one entry per page."""

    report: Report
    on_hand: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """Pages asked for."""
        return sum(self.report.counts.get(outcome.value, 0) for outcome in Outcome)

    @property
    def unread(self) -> int:
        """Pages that gave no reading, though the title may be there: all but ok and not found."""
        fine = (Outcome.ok, Outcome.not_found)
        return sum(self.report.counts.get(outcome.value, 0) for outcome in Outcome if outcome not in fine)


def read_titles(
    context: Context,
    site: Site,
    queue: QueueWriter,
    isbns: Collection[str],
    *,
    with_details: Collection[str],
    base_url: str,
) -> Sweep:
    """Read the pages of `isbns` and record stock, and the details of those in `with_details`.

    Every ISBN asked for is counted under its outcome; each that gave no reading is named with its reason,
    here and in the queue, and keeps the stock it had.
    """
    sweep = Sweep(Report(context.job_name))
    progress = Progress(context, "Pages read", len(isbns))
    batch: list[Reading] = []

    def flush() -> None:
        _record(context, queue, batch, with_details, base_url, sweep)
        batch.clear()

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
    base_url: str,
    sweep: Sweep,
) -> None:
    report, read = sweep.report, {}
    details: list[dict[str, Any]] = []
    stocks: list[dict[str, Any]] = []
    unread: list[dict[str, Any]] = []
    for reading in batch:
        sweep.seconds.append(reading.seconds)
        report.add(reading.outcome.value)
        page = reading.page
        if page is None:
            unread.append(_unread(reading, reading.outcome.value, reading.reason or "no reason given"))
            report.fail(reading.isbn, reading.reason or reading.outcome.value)
            continue
        read[reading.isbn] = reading
        if reading.isbn in with_details:
            details.append(details_of(page))
        if page.stock is None:
            report.add("stock_unknown")
            unread.append(_unread(reading, "no_stock_table", NO_STOCK_TABLE))
        else:
            report.add("stock_read")
            sweep.on_hand += stock_rules.on_hand(page.stock) or 0
            stocks.append({"isbn": reading.isbn, "observed_at": reading.observed_at, "stock": page.stock})

    materializations: list[dg.AssetMaterialization] = []
    for outcome in queue.add_titles(details) if details else []:
        if outcome.outcome == "refused":
            report.fail(outcome.isbn, outcome.reason or "refused by the queue")
            continue
        metadata = details_metadata(read[outcome.isbn].page, base_url)
        materializations.append(
            dg.AssetMaterialization(TITLE_DETAILS, partition=outcome.isbn, metadata=metadata)
        )
        if outcome.outcome != "unchanged":
            materializations.append(_row(outcome.isbn, outcome.outcome))
    for outcome in queue.record_stock(stocks) if stocks else []:
        if outcome.outcome in ("refused", "untracked"):
            report.fail(outcome.isbn, outcome.reason or f"the queue answered {outcome.outcome}")
            continue
        report.add(f"stock_{outcome.outcome}")
        metadata = stock_metadata(read[outcome.isbn], outcome.outcome, base_url)
        materializations.append(dg.AssetMaterialization(STOCK, partition=outcome.isbn, metadata=metadata))
        if outcome.outcome in ("first", "changed"):
            materializations.append(_row(outcome.isbn, f"stock {outcome.outcome}"))
    if unread:
        queue.record_unread(unread)
    log_materializations(context, materializations)


def _unread(reading: Reading, outcome: str, reason: str) -> dict[str, Any]:
    return {"isbn": reading.isbn, "observed_at": reading.observed_at, "outcome": outcome, "reason": reason}


def _row(isbn: str, what: str) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(QUEUE_ROWS, partition=isbn, metadata={"what": what})


def details_of(page: ProductPage) -> dict[str, Any]:
    """A page's details under the queue's column names; what the page does not say is left out."""
    known: Mapping[str, Any] = {
        "isbn": page.isbn,
        "title": page.title,
        "author": "; ".join(contributor.name for contributor in page.contributors) or None,
        "contributors": [{"name": one.name, "role": one.role} for one in page.contributors] or None,
        "publisher": page.publisher,
        "publication_date": page.publication_date.isoformat() if page.publication_date else None,
        "binding": page.binding,
        "page_count": page.page_count,
        "srp_price": page.srp_price,
        "weight": page.weight,
        "category_hint": " | ".join(page.bisac) or None,
        "bisac": list(page.bisac) or None,
        "description": page.description,
        "series": page.series,
        "publisher_status": page.publisher_status,
    }
    return {name: value for name, value in known.items() if value is not None}


def details_metadata(page: ProductPage | None, base_url: str) -> dict[str, Any]:
    """What a person sees of a title's details in Dagster."""
    if page is None:
        return {}
    return {
        "title": page.title,
        "by": "; ".join(contributor.name for contributor in page.contributors),
        "publication_date": str(page.publication_date or "unknown"),
        "binding": page.binding or "unknown",
        "price": str(page.srp_price) if page.srp_price is not None else "unknown",
        "page": dg.MetadataValue.url(product_url(base_url, page.isbn)),
    }


def stock_metadata(reading: Reading, outcome: str, base_url: str) -> dict[str, Any]:
    """What a person sees of a reading in Dagster: the sums as numbers that are plotted, and each DC."""
    stock = reading.page.stock if reading.page else None
    on_hand, on_order = stock_rules.on_hand(stock), stock_rules.on_order(stock)
    return {
        **({} if on_hand is None else {"on_hand": on_hand}),
        **({} if on_order is None else {"on_order": on_order}),
        "by_dc": dg.MetadataValue.json(stock_rules.to_json(stock or {})),
        "outcome": outcome,
        "observed_at": dg.MetadataValue.timestamp(reading.observed_at),
        "page": dg.MetadataValue.url(product_url(base_url, reading.isbn)),
    }


def product_url(base_url: str, isbn: str) -> str:
    """The title's page on iPage, for a person to click."""
    return f"{base_url}/ipage/productdetail?ean_id={isbn}"
