"""A title by the reading that the store was told last, for what its orders make of it meanwhile. Pure.

A guardrail doubts what was read since. It does not doubt the store's own orders.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.lifetime import StalePolicy
from ingram_assets.domain.stock import UNSEEN, DcStock
from ingram_assets.domain.title import Aged, Title
from ingram_assets.store.model import Variant

_COUNTED = ("in_stock", "backorder", "out_of_stock")
"""What the store shows of titles whose counts say what may be sold. A preorder is sold without."""


def as_told(title: Title, variant: Variant, aged: Collection[str], policy: StalePolicy) -> Title | None:
    """The title by the counts and the time that its variant's metadata has.

    Its binding and its day of publication are left out: they were read with the counts that are doubted, and
    the store shows that it is neither a file nor to come.

    Args:
        aged: the centers whose copies were too old to be sold when the store was told.

    Returns:
        `None` where no counts say what may be sold of it, or somebody edited them.
    """
    metadata = variant.metadata
    if not variant.manage_inventory or metadata.get("availability") not in _COUNTED:
        return None
    try:
        stock = stock_rules.from_json(metadata.get("ingram_stock"))
        read_at = datetime.fromisoformat(str(metadata.get("stock_observed_at")))
    except ValueError:
        return None
    if stock is None or read_at.tzinfo is None:
        return None
    if UNSEEN in (title.stock or {}):
        stock[UNSEEN] = DcStock(None, None)
    return replace(
        title,
        stock=stock,
        known=None,
        stock_observed_at=read_at,
        binding=None,
        publication_date=None,
        aged=_aged(stock, read_at, aged, policy),
    )


def _aged(
    stock: dict[str, DcStock], read_at: datetime, aged: Collection[str], policy: StalePolicy
) -> Aged | None:
    counted = {dc: of.on_hand for dc, of in stock.items() if of.on_hand}
    fresh = [copies for dc, copies in counted.items() if dc not in aged]
    if policy == "keep" or len(fresh) == len(counted):
        return None
    return Aged(sum(fresh), read_at if fresh else None, policy)
