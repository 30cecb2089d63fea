"""That no copy is sold that is not there: what was left of the last counts when an order came."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ingram_assets_tests.world.promises import STORE_LAG, Broken, Trouble, expected
from ingram_assets_tests.world.store import Order

if TYPE_CHECKING:
    from ingram_assets_tests.world.world import World


def sale_is_covered(world: "World", isbn: str, quantity: int, before: list[Order]) -> None:
    """A copy that was sold as in stock was there, by the last counts less what was sold since.

    Args:
        before: the title's orders without this one.

    Raises:
        Broken: it was not.
    """
    now, excuses = world.clock.now, world.excuses
    exempt = isbn in excuses.odd or isbn in excuses.edited or isbn in excuses.foreign
    if exempt or isbn not in world.scraper.tracked or excuses.settling.get(isbn, 0.0) > now:
        return
    if expected(world, world.queue.rows[isbn], world.store.products[isbn]).level is None:
        return  # nothing is known of it: its level is what a person makes it
    if _was_canceled_in(excuses.clock, now, before):
        return  # what Medusa put back on sale by itself is taken off with the next push that comes through
    left = max((_left(world, view, before) for view in _views(world, isbn)), default=0)
    if quantity > left:
        raise Broken(
            "no copy is sold that is not there",
            f"{quantity} of {world.name(isbn)}, of which {left} were left",
        )


def _was_canceled_in(trouble: Trouble, now: float, orders: list[Order]) -> bool:
    """Whether an order or its fulfillment was canceled in a time in which no push comes through."""
    since = trouble.since - STORE_LAG
    return trouble.is_on(now) and any(
        order.changed_at.timestamp() >= since
        and (order.canceled or any(canceled for _, canceled in order.fulfillments))
        for order in orders
    )


LEFT_AFTER = (3, 7)
"""Of a center that left: whole pages without it from which on it may count no more, and must not."""


def _views(world: "World", isbn: str) -> Iterator[list[tuple[float, int]]]:
    """What may have been known when the store was told last: copies, with the time of their count."""
    now, excuses = world.clock.now, world.excuses
    since = excuses.last_followed(now)
    oldest = now - world.rules.stock_max_age.total_seconds() - STORE_LAG
    if excuses.clock.is_on(now):
        oldest = min(oldest, excuses.clock.since - world.rules.stock_max_age.total_seconds() - STORE_LAG)
    known: dict[str, tuple[float, int, int]] = {}
    views: list[list[tuple[float, int]]] = []
    last: list[list[tuple[float, int]]] = []
    whole = 0
    for page in world.site.served.get(isbn, []):
        whole += page.is_whole
        for center, counts in (page.stock or {}).items():
            if counts.on_hand is not None:
                known[center] = (page.at, counts.on_hand, whole)
        now_known = [
            [(at, copies) for at, copies, seen in known.values() if copies and whole - seen < missed]
            for missed in LEFT_AFTER
        ]
        if page.at >= since and not views:
            views += last
        if page.at >= since:
            views += now_known
        last = now_known
    for view in views or last:
        yield [(at, copies) for at, copies in view if at >= oldest]


def _left(world: "World", view: list[tuple[float, int]], before: list[Order]) -> int:
    """Copies of a view that no order has taken."""
    if not view:
        return 0
    read_at = min(at for at, _ in view)
    copies = sum(copies for _, copies in view) - world.rules.safety_stock
    if world.rules.inventory_mode == "on_hand":
        gone = sum(
            order.quantity
            for order in before
            if order.is_open
            or any(made.timestamp() >= read_at and canceled is None for made, canceled in order.fulfillments)
        )
    else:
        gone = sum(
            order.quantity
            for order in before
            if order.placed_at.timestamp() >= read_at and (order.is_open or order.is_fulfilled)
        )
    return copies - gone
