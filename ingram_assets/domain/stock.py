"""Stock per distribution center (DC), and when a new reading counts as a change.

A count that was not read is `None`, never 0: what is shown to a shopper comes from these sums.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, cast, get_args

from ingram_assets.domain.formatting import count

Role = Literal["primary", "secondary", "other"]

MAX_COUNT = 10_000_000
"""A count above this is a misread page, not a warehouse."""

UNSEEN = "others"
"""Stands beside the DCs of a title of which no complete reading was made: what the other centers hold is not
known, so the copies on hand are never said to be 0."""

_DC = re.compile(r"[A-Z]{2}")


class DcStock(NamedTuple):
    """What one DC holds, in copies. `None` where the page showed no number."""

    on_hand: int | None
    on_order: int | None
    role: Role = "other"


Stock = Mapping[str, DcStock]
"""DC (two letters, "TN") to its stock. No stock table on the page is `None`, not an empty mapping.

Plain tuples (on hand, on order, role) do as well."""


def on_hand(stock: Stock | None) -> int | None:
    """Copies on hand over all DCs; `None` when that can't be said.

    A DC that was not read adds nothing to copies that were: they are there to be sold. It does forbid
    the answer 0, since what it holds is not known.
    """
    return _sum(dc[0] for dc in (stock or {}).values())


def on_order(stock: Stock | None) -> int | None:
    """Copies on order over all DCs; `None` as for `on_hand`."""
    return _sum(dc[1] for dc in (stock or {}).values())


def _sum(counts: Iterable[int | None]) -> int | None:
    counts = list(counts)
    known = sum(count for count in counts if count is not None)
    return known if known or (counts and None not in counts) else None


def to_json(stock: Stock) -> dict[str, dict[str, Any]]:
    """The queue's `stock_json`: `{"TN": {"type": "primary", "onHand": 410, "onOrder": 0}, …}`.

    Other programs of the store read this shape. An unread count is null.
    """
    counted = {dc: DcStock(*counts) for dc, counts in stock.items() if dc != UNSEEN}
    return {dc: {"type": of.role, "onHand": of.on_hand, "onOrder": of.on_order} for dc, of in counted.items()}


def from_json(data: Mapping[str, Any] | None) -> dict[str, DcStock] | None:
    """The stock that `to_json` or another program wrote; `None` for null (never read).

    Only keys of two capital letters are DCs: a "total" beside them would be counted twice. A count that is
    none ("410", -3, 4.5) is an unread one, and costs no other DC its own.

    Raises:
        ValueError: not an object of DCs at all.
    """
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise ValueError(f"Stock is an object with a DC for each key, not {type(data).__name__}.")
    stock = {}
    for dc, counts in data.items():
        if _DC.fullmatch(dc):
            of = counts if isinstance(counts, Mapping) else {}
            stock[dc] = DcStock(_count(of.get("onHand")), _count(of.get("onOrder")), _role(of.get("type")))
    return stock


def in_words(data: object) -> str | None:
    """What `to_json` wrote, for a person: "TN 410 on hand and 0 on order, …"; `None`: it is no stock."""
    if not isinstance(data, Mapping) or not data:
        return None
    if not all(isinstance(one, Mapping) and one.keys() >= {"onHand", "onOrder"} for one in data.values()):
        return None
    stock = from_json(data) or {}
    said = [f"{dc} {count(of.on_hand)} on hand and {count(of.on_order)} on order" for dc, of in stock.items()]
    return ", ".join(said) or None


def _role(value: Any) -> Role:
    return cast(Role, value) if isinstance(value, str) and value in get_args(Role) else "other"


def _count(value: Any) -> int | None:
    """A whole number from 0 to `MAX_COUNT` (410.0 is one), or `None`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_COUNT:
        return None
    return int(value) if value == int(value) else None


def is_worth_pushing(
    before: tuple[int | None, int | None, str] | None,
    after: tuple[int | None, int | None, str],
    min_stock_delta: int = 1,
) -> bool:
    """Whether a move from one (on hand, on order, status) to the next is carried to the store.

    The first reading, any change of status and any move of on order always are. `min_stock_delta`
    raises the bar for a move of on hand alone.
    """
    if before is None or before[1:] != after[1:]:
        return True
    was, now = before[0], after[0]
    if was is None or now is None:
        return was is not now
    return was != now and abs(now - was) >= min_stock_delta
