"""A title as the store was last told of it: what time ends of that while newer readings are doubted. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.availability import release_of
from ingram_assets.domain.bindings import is_digital
from ingram_assets.domain.lifetime import StalePolicy
from ingram_assets.domain.readings import Center, KnownStock
from ingram_assets.domain.stock import UNSEEN, DcStock
from ingram_assets.domain.title import Aged, Title
from ingram_assets.store.model import Variant

_RUN_OUT = ("in_stock", "preorder")
"""What the store says of a title that time alone takes off sale, or releases."""


def as_told(
    title: Title, variant: Variant, *, today: date, policy: StalePolicy, expired: bool = False
) -> Title | None:
    """The title with the counts, the day of publication and the kind (never a file) that the store shows.

    Args:
        title: as it was read last, and may be doubted.
        expired: the counts that the store shows are too old, however young those of the title are.

    Returns:
        The title itself if the store shows what was read last; `None` if time ends nothing of what it shows.
    """
    metadata = variant.metadata
    shown = metadata.get("availability")
    day = title.publication_date
    if shown == "preorder":
        day = release_of(metadata.get("availability_label")) or day
    elif day is not None and day > today:
        day = None
    is_file = bool(title.binding) and is_digital(title.binding or "")
    stock = _shown_stock(metadata)
    is_last = stock == _counted(title.stock)
    if is_last and day == title.publication_date and not is_file:
        return title
    if shown not in _RUN_OUT or not variant.manage_inventory:
        return None
    if stock == {} and not (expired or title.aged):
        return None
    told = title if is_last else _with_counts(title, stock, metadata, policy, expired=expired)
    return replace(told, binding=None if is_file else title.binding, publication_date=day)


def _with_counts(
    title: Title,
    stock: dict[str, DcStock] | None,
    metadata: Mapping[str, Any],
    policy: StalePolicy,
    *,
    expired: bool,
) -> Title:
    """The title with other counts. Of orders those are known that were changed since it was read last."""
    at = title.stock_observed_at
    if stock and UNSEEN in (title.stock or {}):
        stock = {**stock, UNSEEN: DcStock(None, None)}
    copies = {dc: of.on_hand for dc, of in (stock or {}).items() if of.on_hand}
    known = KnownStock({dc: Center(of, at, at, at) for dc, of in (stock or {}).items()} if at else {})
    old = frozenset(copies) if expired else _aged_alike(title, stock or {})
    fresh = sum(count for dc, count in copies.items() if dc not in old)
    aged = None
    if policy != "keep" and not old.isdisjoint(copies):
        aged = Aged(fresh, at, policy)
    return replace(title, stock=stock, known=known, stock_observed_at=_stamp(metadata), aged=aged)


def _aged_alike(title: Title, stock: Mapping[str, DcStock]) -> frozenset[str]:
    """The centers that are too old to be sold from, and have the same copies in both."""
    counts = title.stock or {}
    aged = title.aged.centers if title.aged else frozenset[str]()
    return frozenset(dc for dc in aged if dc in stock and stock[dc].on_hand == counts[dc][0])


def _counted(stock: Mapping[str, DcStock] | None) -> dict[str, DcStock] | None:
    if stock is None:
        return None
    return {dc: DcStock(*of) for dc, of in stock.items() if dc != UNSEEN}


def _shown_stock(metadata: Mapping[str, Any]) -> dict[str, DcStock] | None:
    """The counts in the store; none of them if somebody edited them into something else."""
    try:
        return stock_rules.from_json(metadata.get("ingram_stock"))
    except ValueError:
        return {}


def _stamp(metadata: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(metadata.get("stock_observed_at")))
    except ValueError:
        return None
