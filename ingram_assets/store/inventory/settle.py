"""Whether an entry's copies in Medusa are those that the ledger says, and what is to be done if not. Pure.

Medusa takes a level whole. An order that is fulfilled between our reading and our writing is overwritten,
and one that reads before we write overwrites us. Neither is refused, so both are found afterwards: the
ledger's sum and what orders did since say what the level has to be.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class OrderEffect:
    """What one fulfillment, its cancellation, or a return that was received did to a level.

    Attributes:
        id: "fulfillment:ful_…", "cancellation:ful_…" or "return:ordchact_…".
        made_at: Medusa's time. The level is written after it.
        order: the order's id.
    """

    id: str
    delta: int
    made_at: datetime
    order: str

    @property
    def operation(self) -> str:
        """What it is called in the ledger."""
        return f"order_{self.id.partition(':')[0]}"


class LevelState(Enum):
    """What a level is, beside what it has to be."""

    AGREES = auto()
    OVERWRITTEN = auto()
    """A write of ours and an order's met, and one of the two is lost."""
    UNEXPLAINED = auto()
    """Somebody else wrote it, or an order is in the middle of it."""


@dataclass(frozen=True, slots=True)
class OwnWrite:
    """Our last write of a level. `delta`: what it changed; `at`: Medusa's time, at or after the write."""

    delta: int
    at: datetime


def judge(book: int, level: int, effects: Sequence[OrderEffect], own: OwnWrite | None) -> LevelState:
    """How a level stands.

    Args:
        book: copies that the ledger says, our last write among them.
        level: copies in Medusa.
        effects: of orders, that the ledger does not have yet.
        own: the last write of ours that may have met an order's; `None` if that is long ago.
    """
    missing = book + sum(each.delta for each in effects) - level
    if missing == 0:
        return LevelState.AGREES
    if own is None:
        return LevelState.UNEXPLAINED
    met = [each.delta for each in effects if each.made_at <= own.at]
    lost = _sums(met)
    # Ours is lost only to an order's, so that there has to be one.
    ours_lost = own.delta and effects and missing - own.delta in _sums(each.delta for each in effects)
    return LevelState.OVERWRITTEN if missing in lost or ours_lost else LevelState.UNEXPLAINED


def _sums(numbers: Iterable[int]) -> set[int]:
    """The sums of all selections of these numbers. There are as many as copies, not as selections."""
    sums = {0}
    for each in numbers:
        sums |= {one + each for one in sums}
    return sums


def arrived(before: int, after: int, level: int, effects: Sequence[OrderEffect]) -> bool | None:
    """Whether a write whose answer was never heard has reached the level; `None`: it can't be told.

    Args:
        before, after: copies that the ledger says without the write, and those that were written.
        level, effects: copies in Medusa now, and what orders did since then.

    Where both are possible it counts as not arrived: the level is what it has to be without it.
    """
    since = sum(each.delta for each in effects)
    if level == before + since:
        return False
    if level - after in _sums(each.delta for each in effects):
        return True
    return None
