"""What is known of a title's stock: readings merged per distribution center (DC), each count with its time.

One reading may show less than there is, or come late. So the newest count of each center stands until a newer
one comes, and a center that complete readings stop showing is counted no longer. The order in which readings
arrive does not matter. The queue merges them, in SQL (`ingram_merge_centers`), since who writes readings may
read none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.stock import UNSEEN, DcStock

COMPLETE_READINGS_KEPT = 3
"""A center that so many complete readings in a row do not show is counted no longer. One page may be half
rendered, and so may the next."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""A time further ahead than this was written under a clock that was wrong: anything newer overrules it."""


class Center(NamedTuple):
    """What is known of one DC. `shown_at` is the newest reading that showed it, even without a number."""

    counts: DcStock
    on_hand_at: datetime | None
    on_order_at: datetime | None
    shown_at: datetime


@dataclass(frozen=True, slots=True)
class KnownStock:
    """What all readings of one title say together.

    Attributes:
        centers: DC to what is known of it, those no longer counted included.
        completed: the times of the last complete readings, the newest first.
    """

    centers: Mapping[str, Center] = field(default_factory=dict)
    completed: tuple[datetime, ...] = ()

    @property
    def counted(self) -> dict[str, Center]:
        """The centers that count."""
        return {dc: center for dc, center in self.centers.items() if not self._is_gone(center)}

    @property
    def gone(self) -> dict[str, Center]:
        """The centers that the last complete readings did not show: their copies are not for sale."""
        return {dc: center for dc, center in self.centers.items() if self._is_gone(center)}

    def _is_gone(self, center: Center) -> bool:
        return len(self.completed) == COMPLETE_READINGS_KEPT and center.shown_at < self.completed[-1]

    @property
    def stock(self) -> dict[str, DcStock] | None:
        """The counts that count, for the rules; `None` if nothing was ever read."""
        stock = {dc: center.counts for dc, center in self.counted.items()}
        if stock and not self.completed:
            stock[UNSEEN] = DcStock(None, None)
        return stock or None


def from_queue(
    stock: Mapping[str, Any] | None,
    gone: Mapping[str, Any] | None,
    completed: Iterable[datetime] | None,
    observed_at: datetime | None,
) -> KnownStock | None:
    """What is known of a title, from its row in the queue; `None` if nothing is.

    Args:
        stock: `stock_json`: a center's counts with `readAt`, the time of its count on hand, and, where they
            differ, `orderReadAt` and `shownAt`. Another program may have left the times out.
        gone: `stock_gone`, of the same shape: the centers that are counted no longer.
        completed: `stock_complete_at`; `None` in a row of another program, which is taken at its word.
        observed_at: `stock_observed_at`, the time of a center that has none of its own.

    Raises:
        ValueError: the stock is not an object of centers at all.
    """
    told = {**(gone or {}), **(stock or {})}
    counts = stock_rules.from_json(told)
    if not counts:
        return None
    centers = {}
    for dc, of in counts.items():
        of_dc = told[dc] if isinstance(told[dc], Mapping) else {}
        on_hand_at = None if of.on_hand is None else _time(of_dc.get("readAt"), observed_at)
        ordered = on_hand_at or observed_at
        on_order_at = None if of.on_order is None else _time(of_dc.get("orderReadAt"), ordered)
        read_at = max(filter(None, (on_hand_at, on_order_at)), default=observed_at)
        shown_at = _time(of_dc.get("shownAt"), read_at) or _LONG_AGO
        centers[dc] = Center(of, on_hand_at, on_order_at, shown_at)
    return KnownStock(centers, tuple([observed_at or _LONG_AGO] if completed is None else completed))


_LONG_AGO = datetime.fromisoformat("0001-01-01T00:00:00+00:00")


def _time(text: Any, otherwise: datetime | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return otherwise
    return at if at.tzinfo else otherwise
