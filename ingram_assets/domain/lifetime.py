"""A reading has a lifetime: a count that is too old is not sold from, whatever it says."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from ingram_assets.domain.title import Aged, Title

StalePolicy = Literal["backorder", "out_of_stock", "keep"]
"""What becomes of a title in stock whose counts are too old: to order, not for sale, or sold as before."""


def age(title: Title, now: datetime, max_age: timedelta, policy: StalePolicy) -> Title:
    """The title as it may be sold now: marked if copies that it has on hand were counted too long ago.

    Zeros do not spoil: an old 0 is no reason to sell.
    """
    if policy == "keep" or title.stock is None:
        return title
    read = {dc: counted_at(title, dc) for dc, counts in title.stock.items() if counts[0]}
    fresh = {dc: at for dc, at in read.items() if at is not None and now - at <= max_age}
    if len(fresh) == len(read):
        return replace(title, aged=None)
    copies = sum(title.stock[dc][0] or 0 for dc in fresh)
    return replace(title, aged=Aged(copies, min(fresh.values(), default=None), policy))


def sold_since(title: Title) -> datetime | None:
    """The oldest time at which copies that are for sale were counted; `None` if none are, or none has a time.

    What orders took since then may still be in the counts.
    """
    if title.aged is not None:
        return title.aged.since
    times = (counted_at(title, dc) for dc, counts in (title.stock or {}).items() if counts[0])
    return min((at for at in times if at is not None), default=None)


def counted_at(title: Title, dc: str) -> datetime | None:
    """When the copies on hand at a center were counted; its last reading's time where no other is kept."""
    center = title.known.centers.get(dc) if title.known else None
    return center.on_hand_at if center else title.stock_observed_at
