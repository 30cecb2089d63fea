"""What keeps inventory operations whole without a caller, and the asset that shows what all entries hold."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster import AssetExecutionContext

from ingram_assets.defs.events import classified
from ingram_assets.defs.keys import INVENTORY_LEVELS, STORE_INVENTORY
from ingram_assets.defs.storefront.assets import OWNERS
from ingram_assets.defs.storefront.resources import Medusa, StoreJournal
from ingram_assets.domain.failures import NothingWritten, Transient
from ingram_assets.settings.loading import load
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.channels import VisibleLocations, read_visible_locations
from ingram_assets.store.inventory.figures import StockFigures
from ingram_assets.store.inventory.hourly_count import HourlyCount, count_all
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.inventory.listing import EntryList, ListedEntry, WantedEntries
from ingram_assets.store.inventory.service import InventoryService

LOW_STOCK = "low_stock"

_BROKEN_OFF = 15.0
"""Seconds after which an operation that is not closed has lost its caller, or its caller asks again."""

_SECOND_LOOK = 20.0
"""Seconds after a write of a level by when it is looked at again: what met it has come to light by then."""

_NAMED = 20


class DueNotDone(Transient):
    """Something that was due could not be done; the message says what. The next sweep tries it again."""


def due_now(ledger: StockLedger, now: datetime) -> list[str]:
    """What a sweep has to do now: keys that never come again once it is done."""
    return ledger.due(now, broken_off=_BROKEN_OFF, unseen=_SECOND_LOOK)


@contextmanager
def _operations(medusa: Medusa, journal: StoreJournal) -> Iterator[tuple[InventoryService, MedusaClient]]:
    with journal.open() as book, journal.open_ledger() as ledger, medusa.open() as client:
        yield InventoryService(client, book, ledger), client


@dg.op
def sweep_inventory(context: dg.OpExecutionContext, medusa: Medusa, journal: StoreJournal) -> dg.Output[None]:
    """Frees reservations whose time is over, ends what broke off, and looks again at levels written lately.

    It takes no turn with pushes: each entry has a lock of its own. Not done while the shop only watches.
    """
    with classified(), _operations(medusa, journal) as (service, client):
        if client.read_only:
            raise NothingWritten(client.read_only)
        now = datetime.now(UTC)
        due = due_now(service.ledger, now)
        done = service.recover()
        freed = service.expire_reservations(now)
        for each in freed:
            context.log.info(
                f"Freed {each.reservation_id} of {each.isbn}, held for {each.owner or 'somebody'}."
            )
        if left := set(due) & set(due_now(service.ledger, now)):
            first = done.left[0] if done.left else min(left)
            raise DueNotDone(f"{len(left)} of {len(due)} things are left for the next sweep. {first}")
    counts = {"expired": len(freed)} | asdict(done)
    del counts["left"]
    return dg.Output(None, metadata={name: dg.MetadataValue.int(value) for name, value in counts.items()})


@dg.asset(
    key=STORE_INVENTORY,
    deps=[INVENTORY_LEVELS],
    group_name="store",
    kinds={"medusa"},
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec(
            LOW_STOCK,
            asset=STORE_INVENTORY,
            description=(
                "At the shop's own locations, no title has LOW_STOCK_THRESHOLD copies or fewer available. "
                "A warning: nobody is told but who looks."
            ),
        )
    ],
)
def store_inventory(
    context: AssetExecutionContext, medusa: Medusa, journal: StoreJournal
) -> dg.MaterializeResult:
    """What all entries at all locations add up to, with every book of the ledger beside its level.

    Where a level is not what the ledger's lines add up to, what orders did to it is entered, and the rest as
    an unknown hand's.
    """
    low = load(StorefrontSettings).LOW_STOCK_THRESHOLD
    with classified(), _operations(medusa, journal) as (service, client):
        listed = EntryList(client)
        done = count_all(service, listed.all(WantedEntries()))
        for words in done.left:
            context.log.warning(words)
        visible = read_visible_locations(client)
        entries = list(listed.all(WantedEntries(visible.place_ids)))
        synced = service.shelves.synced_location()
    own = [each for each in entries if each.location_id != synced]
    return dg.MaterializeResult(
        metadata=_figures(StockFigures.of(entries, visible, low), done),
        check_results=[_low_stock(own, visible, low)],
    )


def _figures(figures: StockFigures, done: HourlyCount) -> dict[str, dg.MetadataValue]:
    """Numbers, which Dagster plots over time."""
    told = {
        **asdict(figures),
        "books_settled": done.settled,
        "books_left": len(done.left),
        "books_waiting": done.waiting,
        "by_orders": sum(count for name, count in done.entered.items() if name.startswith("order_")),
        "by_unknown_hands": done.entered.get("found", 0),
    }
    return {name: dg.MetadataValue.int(value) for name, value in told.items()}


def _low_stock(own: Sequence[ListedEntry], visible: VisibleLocations, low: int) -> dg.AssetCheckResult:
    codes = {place.id: place.code for place in visible.places}
    few = sorted((each for each in own if each.available <= low), key=lambda each: (each.available, each.sku))
    metadata: dict[str, Any] = {"low": len(few), "threshold": low}
    if few:
        rows = [
            dg.TableRecord(
                {
                    "isbn": each.isbn or each.sku,
                    "title": each.title,
                    "location": codes.get(each.location_id, each.location_id),
                    "available": each.available,
                }
            )
            for each in few[:_NAMED]
        ]
        metadata["titles"] = dg.MetadataValue.table(rows)
    return dg.AssetCheckResult(
        passed=not few,
        check_name=LOW_STOCK,
        asset_key=STORE_INVENTORY,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
        description=f"{len(few)} of {len(own)} entries of the shop's own have {low} copies or less.",
    )
