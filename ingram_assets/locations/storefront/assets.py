"""The storefront's assets: the stock location, each title's product, and its inventory level."""

from collections.abc import Iterator

import dagster as dg
from dagster import AssetExecutionContext
from pydantic import Field

from ingram_assets.locations.events import Report, classified
from ingram_assets.locations.keys import (
    INVENTORY_LEVELS,
    ISBNS,
    PRODUCTS,
    QUEUE_ROWS,
    STOCK_LOCATION,
    STORE_POOL,
)
from ingram_assets.locations.storefront.push import (
    NO_FALSE_ZEROES,
    NOTHING_TRIPPED,
    import_rows,
    open_store,
    preview_push,
    push_levels,
    push_rows,
    stop_if_tripped,
    waiting_rows,
)
from ingram_assets.locations.storefront.resources import Medusa, Queue, StoreJournal
from ingram_assets.settings import StorefrontSettings, load

OWNERS = ["team:bookstore"]


@dg.asset(
    key=STOCK_LOCATION,
    group_name="store",
    kinds={"medusa"},
    owners=OWNERS,
    pool=STORE_POOL,
    description="Ingram's one virtual stock location, linked to the sales channel. Known by its id.",
)
def stock_location(
    context: AssetExecutionContext, medusa: Medusa, queue: Queue, journal: StoreJournal
) -> dg.MaterializeResult:
    """See to the location."""
    with classified(), open_store(context, medusa, queue, journal) as store:
        location = store.location()
    return dg.MaterializeResult(metadata={"id": location.id, "sells_through": location.channel_name})


@dg.asset(
    key=PRODUCTS,
    partitions_def=ISBNS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[QUEUE_ROWS],
    group_name="store",
    kinds={"medusa"},
    owners=OWNERS,
    pool=STORE_POOL,
    output_required=False,
    description="The title's product and variant: sku and ean are the ISBN, the price is the list price.",
)
def products(
    context: AssetExecutionContext, medusa: Medusa, queue: Queue, journal: StoreJournal
) -> Iterator[dg.Output[None]]:
    """Import the rows of the partitions a person chose that wait for it, failed ones too."""
    with classified(), open_store(context, medusa, queue, journal) as store:
        isbns = list(context.partition_keys)
        rows = waiting_rows(store, isbns)
        stop_if_tripped(store, store.find_location(), isbns, rows)
        report = import_rows(store, store.location(), rows)
    _fail_for(report)
    yield from ()


@dg.asset(
    key=INVENTORY_LEVELS,
    partitions_def=ISBNS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[PRODUCTS, STOCK_LOCATION, QUEUE_ROWS],
    group_name="store",
    kinds={"medusa"},
    owners=OWNERS,
    pool=STORE_POOL,
    output_required=False,
    check_specs=[
        dg.AssetCheckSpec(
            NO_FALSE_ZEROES,
            asset=INVENTORY_LEVELS,
            blocking=True,
            description="The change looked like an honest one: not a third of the shop sold out at once.",
        )
    ],
    description="The level at Ingram's location, the variant's flags, and what a shopper is told.",
)
def inventory_levels(
    context: AssetExecutionContext, medusa: Medusa, queue: Queue, journal: StoreJournal
) -> Iterator[dg.AssetCheckResult]:
    """Bring the levels of the partitions a person chose in step."""
    isbns = list(context.partition_keys)
    with classified(), open_store(context, medusa, queue, journal) as store:
        report = push_levels(store, store.location(), isbns)
    yield dg.AssetCheckResult(
        passed=True, check_name=NO_FALSE_ZEROES, asset_key=INVENTORY_LEVELS, description=NOTHING_TRIPPED
    )
    _fail_for(report)


def _fail_for(report: Report) -> None:
    if report.failed:
        first = report.failed[0]
        raise dg.Failure(
            f"{len(report.failed)} titles failed, {first['isbn']} first: {first['reason']}",
            metadata=report.metadata(),
            allow_retries=False,
        )


class PushConfig(dg.Config):
    """What a push brings to the store."""

    isbns: list[str] = Field(
        default_factory=list, description="ISBNs of these titles alone (13 digits). Empty: all titles."
    )
    dry_run: bool = Field(False, description="Say what would change, per title, and write nothing.")
    let_through: bool = Field(
        False, description="A person looked at what a guardrail stopped, and it is right."
    )


@dg.op(pool=STORE_POOL, description="New products, then every level and flag that differs.")
def push_titles(
    context: dg.OpExecutionContext, config: PushConfig, medusa: Medusa, queue: Queue, journal: StoreJournal
) -> dg.Output[None]:
    """Import what waits, then bring levels in step."""
    isbns = list(config.isbns) or None
    with classified(), open_store(context, medusa, queue, journal) as store:
        if config.dry_run:
            report = preview_push(store, isbns, let_through=config.let_through)
        else:
            report = push_rows(store, isbns, let_through=config.let_through)
        report.counts |= {"medusa_reads": store.client.reads, "medusa_writes": store.client.writes}
    report.details["medusa_url"] = load(StorefrontSettings).MEDUSA_BACKEND_URL
    return dg.Output(None, metadata=report.metadata())
