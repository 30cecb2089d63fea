"""A title as the store was told of it last, for while a guardrail doubts what was read since. Pure.

The doubt is about pages. That time passes is sure, and so is what the store's own orders took: both are
written while a guardrail stops a push, with the counts and the day of publication that the variant's metadata
has.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.availability import release_of
from ingram_assets.domain.bindings import is_digital
from ingram_assets.domain.lifetime import StalePolicy
from ingram_assets.domain.stock import UNSEEN, DcStock, Stock
from ingram_assets.domain.title import Aged, Title
from ingram_assets.store.model import Variant

_COUNTED = ("in_stock", "preorder", "backorder", "out_of_stock")
"""What the store says of titles whose copies are counted."""


def as_told(
    title: Title,
    variant: Variant,
    aged: Collection[str] = (),
    *,
    today: date,
    policy: StalePolicy,
    expired: bool = False,
) -> Title | None:
    """The title with what the store shows of it in the place of what was read last. It is never a file.

    Counts that are the same as those read last are not doubted, and keep the times of the last reading. Of
    others the store knows one time alone, that of its last reading, and orders count from then on. They are
    too old where those of the same center and number, read last, are.

    Args:
        title: as it was read last.
        aged: the centers whose copies were too old to be sold when the store was told.
        expired: the store was told so long ago that all its counts are too old.

    Returns:
        The title itself if the store shows what was read last. `None` if it shows nothing that counts: the
        title was never brought in step, its copies are not managed, or somebody edited the counts. Edited
        ones that expired are no copies.
    """
    metadata = variant.metadata
    stock, read_at = _counts(metadata)
    binding = None if is_digital(title.binding or "") else title.binding
    told = replace(title, binding=binding, publication_date=_day(title, metadata, today))
    read = title.stock
    # The store is told the counts of centers alone.
    is_last = stock == (read and {dc: DcStock(*of) for dc, of in read.items() if dc != UNSEEN})
    if is_last and told == title:
        return title
    if not variant.manage_inventory or metadata.get("availability") not in _COUNTED:
        return None
    if is_last:
        return told
    if stock == {} and not expired:
        return None
    if stock is not None and UNSEEN in (title.stock or {}):
        stock[UNSEEN] = DcStock(None, None)
    old = _too_old(title, stock or {}, aged, expired=expired)
    left = _aged(stock or {}, read_at, old, policy)
    return replace(told, stock=stock, known=None, stock_observed_at=read_at, aged=left)


def _counts(metadata: Mapping[str, Any]) -> tuple[dict[str, DcStock] | None, datetime | None]:
    """The counts in the store, and when the last of them was read. No centers if either was edited.

    Without counts and time the title was never read: `None`.
    """
    counts, stamp = metadata.get("ingram_stock"), metadata.get("stock_observed_at")
    if counts is None and stamp is None:
        return None, None
    try:
        stock, read_at = stock_rules.from_json(counts), datetime.fromisoformat(str(stamp))
    except ValueError:
        return {}, None
    return (stock, read_at) if stock is not None and read_at.tzinfo else ({}, None)


def _day(title: Title, metadata: Mapping[str, Any], today: date) -> date | None:
    """The day of publication that the store shows of a preorder. Of any other title, none that is to come."""
    day = title.publication_date
    if metadata.get("availability") == "preorder":
        return _stored_day(metadata) or release_of(metadata.get("availability_label")) or day
    return None if day is not None and day > today else day


def _stored_day(metadata: Mapping[str, Any]) -> date | None:
    try:
        return date.fromisoformat(str(metadata.get("release_date")))
    except ValueError:
        return None


def _too_old(title: Title, stock: Stock, aged: Collection[str], *, expired: bool) -> set[str]:
    """The centers whose copies, as the store shows them, are too old to be sold."""
    if expired:
        return set(stock)
    read = title.stock or {}
    alike = title.aged.centers if title.aged else ()
    return {*aged, *(dc for dc in alike if dc in stock and stock[dc][0] == read[dc][0])}


def _aged(stock: Stock, read_at: datetime | None, old: set[str], policy: StalePolicy) -> Aged | None:
    """What is left of the copies without those that are too old; `None` if none of them are."""
    copies = {dc: of[0] for dc, of in stock.items() if of[0]}
    fresh = [count for dc, count in copies.items() if dc not in old]
    if policy == "keep" or len(fresh) == len(copies):
        return None
    return Aged(sum(fresh), read_at if fresh else None, policy)
