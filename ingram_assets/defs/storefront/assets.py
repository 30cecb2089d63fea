"""The storefront's assets: the stock location, each title's product, and its inventory level."""

from collections.abc import Iterator

import dagster as dg
from dagster import AssetExecutionContext

from ingram_assets.defs.events import Report, classified
from ingram_assets.defs.keys import (
    FIND_BY_NAME,
    INVENTORY_LEVELS,
    ISBNS,
    ORDERS,
    PRODUCTS,
    QUEUE_ROWS,
    STOCK_LOCATION,
    STORE_POOL,
)
from ingram_assets.defs.storefront.push import (
    NO_FALSE_ZEROES,
    NOTHING_TRIPPED,
    came_through,
    held_by,
    import_rows,
    open_store,
    push_levels,
    stop_if_tripped,
    waiting_rows,
)
from ingram_assets.defs.storefront.resources import Medusa, QueueReaderResource, StoreJournal

OWNERS = ["team:bookstore"]


@dg.asset(key=STOCK_LOCATION, group_name="store", kinds={"medusa"}, owners=OWNERS, pool=STORE_POOL)
def stock_location(
    context: AssetExecutionContext, medusa: Medusa, queue: QueueReaderResource, journal: StoreJournal
) -> dg.MaterializeResult:
    """Ingram's one virtual stock location, linked to the sales channel. Known by its id."""
    with classified(), open_store(context, medusa, queue, journal) as run:
        location = run.ensured().session.location
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
    description=(
        "The title's product and variant: sku and ean are the ISBN, the price is the list price. A run "
        f"imports the rows of the partitions a person chose that wait for it, failed ones too. {FIND_BY_NAME}"
    ),
)
def products(
    context: AssetExecutionContext, medusa: Medusa, queue: QueueReaderResource, journal: StoreJournal
) -> Iterator[dg.Output[None]]:
    """Import the rows of the partitions that a person chose and that wait for it, failed ones too."""
    with classified(), open_store(context, medusa, queue, journal) as run:
        isbns = list(context.partition_keys)
        rows = waiting_rows(run, isbns)
        stop_if_tripped(run, isbns, rows)
        report = import_rows(run.ensured(), rows)
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
    description=(
        "The level at Ingram's location, the variant's flags, and what a shopper is told. " + FIND_BY_NAME
    ),
    check_specs=[
        dg.AssetCheckSpec(
            NO_FALSE_ZEROES,
            asset=INVENTORY_LEVELS,
            blocking=True,
            description="The change looked like an honest one: not a third of the shop sold out at once.",
        )
    ],
)
def inventory_levels(
    context: AssetExecutionContext, medusa: Medusa, queue: QueueReaderResource, journal: StoreJournal
) -> Iterator[dg.AssetCheckResult]:
    """Bring the titles of the partitions that a person chose in step."""
    report = Report(context.job_name)
    with classified(), open_store(context, medusa, queue, journal) as run:
        isbns = list(context.partition_keys)
        push_levels(run.ensured(), isbns, report)
        standing = came_through(run, isbns)
    yield dg.AssetCheckResult(
        passed=True,
        check_name=NO_FALSE_ZEROES,
        asset_key=INVENTORY_LEVELS,
        description="No guardrail stopped these titles." if standing else NOTHING_TRIPPED,
        metadata=held_by(standing),
    )
    _fail_for(report)


def _fail_for(report: Report) -> None:
    if report.failed:
        raise report.failure("titles failed")


orders = dg.AssetSpec(
    ORDERS,
    partitions_def=ISBNS,
    group_name="store",
    kinds={"medusa"},
    owners=OWNERS,
    description=(
        "Titles of orders that changed, as the sensor order_changes sees them; no order, number or customer. "
        f"What shoppers want is read sooner. {FIND_BY_NAME}"
    ),
)
