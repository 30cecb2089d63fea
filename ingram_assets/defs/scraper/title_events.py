"""What Dagster's events say of one title, for a person who looks at its partition; and what is read back."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from ingram_assets.defs.keys import QUEUE_ROWS, STOCK, TITLE_DETAILS, UNREAD_PAGES
from ingram_assets.defs.reading_events import (
    HISTORY,
    OUTCOME,
    PUBLISHED,
    REASON,
    cut,
    history_of,
    said,
    titled,
)
from ingram_assets.defs.scraper.stock_plot import extended, plot
from ingram_assets.defs.scraper.sweep_result import PageReading, unread_counts
from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.availability import availability
from ingram_assets.domain.cover_addresses import raw_key
from ingram_assets.domain.readings import KnownStock
from ingram_assets.domain.stock import Stock
from ingram_assets.sources.ipage.pages import ProductPage
from ingram_assets.sources.ipage.site import Reading

_IN_PART_SINCE = "in_part_since"
"""The metadata key of a reading that shows zeros of a part of the stock alone: since when."""
_SHOWN = 200
_REASON_SHOWN = 500
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
            "cover": dg.MetadataValue.url(f"{self.covers_url}/{raw_key(isbn)}"),
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


def row_changed(page: ProductPage, what: str, shop: Shop) -> dg.AssetMaterialization:
    """The title's row in the queue became another one."""
    metadata = {**titled(page.title), "what": what, **shop.links(page.isbn)}
    return dg.AssetMaterialization(QUEUE_ROWS, partition=page.isbn, metadata=metadata)


def details_read(page: ProductPage, shop: Shop) -> dg.AssetMaterialization:
    """The title's details were recorded."""
    restrictions = {"restrictions": "; ".join(page.restrictions)} if page.restrictions else {}
    metadata: dict[str, Any] = {
        **titled(page.title),
        "by": cut("; ".join(contributor.name for contributor in page.contributors), _SHOWN),
        "publisher": page.publisher or "unknown",
        "publication_date": str(page.publication_date or "unknown"),
        "binding": page.binding or "unknown",
        "price": str(page.srp_price) if page.srp_price is not None else "unknown",
        **restrictions,
        **shop.links(page.isbn),
    }
    return dg.AssetMaterialization(TITLE_DETAILS, partition=page.isbn, metadata=metadata)


def no_stock_shown(one: PageReading, shop: Shop) -> dg.AssetObservation:
    """The page was read, and said nothing of stock: no reading of stock, but the promise to look was kept."""
    return dg.AssetObservation(
        STOCK,
        partition=one.reading.isbn,
        description=f"Read, but {NO_STOCK_TABLE}: the last known stock stands.",
        metadata={
            **titled(one.page.title),
            "status": shop.status(one.page, one.page.stock),
            **_published(one.page),
            "observed_at": dg.MetadataValue.timestamp(one.reading.observed_at),
            "page_seconds": round(one.reading.seconds, 3),
            **shop.links(one.reading.isbn),
        },
    )


def page_not_read(
    reading: Reading, title: str | None, outcome: str, reason: str, shop: Shop
) -> dg.AssetObservation:
    """The page was asked for, and gave nothing: no reading of stock, and no look that kept the promise."""
    return dg.AssetObservation(
        UNREAD_PAGES,
        partition=reading.isbn,
        description=cut(reason, _REASON_SHOWN),
        metadata={
            **titled(title),
            OUTCOME: outcome,
            REASON: cut(reason, _REASON_SHOWN),
            "attempts": reading.attempts,
            "observed_at": dg.MetadataValue.timestamp(reading.observed_at),
            "page_seconds": round(reading.seconds, 3),
            **shop.links(reading.isbn),
        },
    )


def stock_read(
    one: PageReading,
    known: KnownStock,
    outcome: str,
    before: dg.EventLogRecord | None,
    shop: Shop,
    in_part: dict[str, Any],
) -> dg.AssetMaterialization:
    """The title's stock was recorded: the sums that the store gets, plotted, and each DC.

    Args:
        known: what is known after this reading; the page itself may have shown less.
        outcome: the queue's answer: first, changed or unchanged.
        before: the event of the title's last reading.
        in_part: what `shown_in_part` says of a page that shows zeros of a part alone.
    """
    reading, page = one.reading, one.page
    on_hand, on_page = stock_rules.on_hand(known.stock), stock_rules.on_hand(page.stock)
    at = reading.observed_at.timestamp()
    history = extended(history_of(before), at, on_hand)
    metadata: dict[str, Any] = {
        **titled(page.title),
        "status": shop.status(page, known.stock),
        **_published(page),
        "on_hand": on_hand,
        "on_order": stock_rules.on_order(known.stock),
        "on_the_page": "not known" if on_page is None else f"{on_page} on hand",
        "by_dc": _by_dc(known),
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
        HISTORY: json.dumps(history),
        **in_part,
        "complete": one.complete,
    }
    shown = {name: value for name, value in metadata.items() if value is not None}
    return dg.AssetMaterialization(STOCK, partition=page.isbn, metadata=shown)


def _published(page: ProductPage) -> dict[str, str]:
    return {PUBLISHED: page.publication_date.isoformat()} if page.publication_date else {}


def _by_dc(known: KnownStock) -> dg.MetadataValue:
    def counted(count: int | None) -> str:
        return "not read" if count is None else str(count)

    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "dc": dc,
                    "role": center.counts.role,
                    "on_hand": counted(center.counts.on_hand),
                    "on_order": counted(center.counts.on_order),
                    "read": f"{center.on_hand_at:%Y-%m-%d %H:%M} UTC" if center.on_hand_at else "never",
                    "counts": "no: the last complete pages do not show it" if dc in known.gone else "yes",
                }
            )
            for dc, center in known.centers.items()
        ]
    )


def shown_in_part(since: float, reason: str) -> dict[str, Any]:
    """What the event of a page that shows zeros of a part alone says of that."""
    return {_IN_PART_SINCE: since, "not_shown": reason}


def in_part_before(before: dg.EventLogRecord | None) -> float | None:
    """Since when the title's page showed zeros of a part alone, at its last reading; None: it did not."""
    since: float | None = said(before, _IN_PART_SINCE)
    return since
