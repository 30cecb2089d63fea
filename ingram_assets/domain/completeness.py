"""Whether a page shows all of the stock there is: judged by what the other pages of this account show.

Ingram gives one account two stock tables and another one. So no fixed shape tells a whole page from half a
one: the account's own habit does, learnt from the pages of a sweep and carried over to the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

FEWEST_PAGES = 10
"""Pages with stock that a sweep needs before it says anything of the habit."""

ODD_SHARE = 0.05
"""What no more than this share of the pages show is an oddity of theirs, and no part of the habit."""

SWEEPS_TO_UNLEARN = 3
SECONDS_TO_UNLEARN = 24 * 3600.0
"""So many whole sweeps, over so long a time, have to show less before the habit becomes less. A fault of the
site lasts some hours; and after a day the old counts of what is no longer shown are too old to be sold by,
whatever the habit. That the pages show more is believed at once: it only makes more pages doubted."""


class Shape(NamedTuple):
    """Which parts of the stock a page shows, with rows in them.

    Attributes:
        own: whether the account's own table, of its primary and secondary center.
        others: how many parts with other centers; rows of them within the own table are one.
    """

    own: bool
    others: int

    def covers(self, other: "Shape") -> bool:
        """Whether it has every part of the other shape."""
        return self.own >= other.own and self.others >= other.others

    def __str__(self) -> str:
        parts = ["the account's own table"] if self.own else []
        if self.others:
            parts.append("other centers" if self.others == 1 else f"{self.others} tables of other centers")
        return " and ".join(parts) or "no table"


@dataclass(frozen=True, slots=True)
class Habit:
    """What a whole page of this account shows.

    Attributes:
        shape: the parts that it has.
        sweeps: whole sweeps in a row whose pages showed less than that.
        since: when the first of them ended, in seconds since 1970; None without any.
    """

    shape: Shape
    sweeps: int = 0
    since: float | None = None


FIRST_GUESS = Habit(Shape(own=True, others=1))
"""Before any page was seen: Ingram's usual account has its own two centers, and other ones beside them."""


def is_complete(shape: Shape | None, habit: Habit) -> bool:
    """Whether a page of this shape leaves out nothing that the account's pages usually show."""
    return shape is not None and shape.covers(habit.shape)


def usual_shape(pages: Mapping[Shape, int]) -> Shape | None:
    """The parts that this account's pages have, by how many pages had which shape; None: too few to tell.

    A part belongs to the account if more than `ODD_SHARE` of the pages show it: those without it may hide
    copies.
    """
    total = sum(pages.values())
    if total < FEWEST_PAGES:
        return None

    few = total * ODD_SHARE
    own = sum(count for shape, count in pages.items() if shape.own) > few
    # How many tables of others more than a few pages have, at least.
    having = {n: sum(count for shape, count in pages.items() if shape.others >= n) for _, n in pages}
    return Shape(own, max((others for others, count in having.items() if count > few), default=0))


def learnt(known: Habit | None, pages: Mapping[Shape, int], now: float) -> Habit | None:
    """The habit after a whole sweep.

    With no habit known the sweep's own pages make it; None where they are too few. A known one grows at once,
    and becomes less only as `SWEEPS_TO_UNLEARN` says.

    Args:
        now: when the sweep ended, in seconds since 1970.
    """
    seen = usual_shape(pages)
    if seen is None:
        return known
    if known is None or seen.covers(known.shape):
        return Habit(seen)
    more = Shape(known.shape.own or seen.own, max(known.shape.others, seen.others))
    since = now if known.since is None else min(known.since, now)
    sweeps = known.sweeps + 1
    if sweeps >= SWEEPS_TO_UNLEARN and now - since >= SECONDS_TO_UNLEARN:
        return Habit(seen)
    return Habit(more, sweeps, since)


def to_json(habit: Habit) -> dict[str, Any]:
    """As it is carried from one sweep to the next."""
    return {**habit.shape._asdict(), "sweeps": habit.sweeps, "since": habit.since}


def from_json(data: Any) -> Habit | None:
    """What `to_json` wrote; None for anything else: then the next sweep learns it anew."""
    match data:
        case {
            "own": bool(own),
            "others": int(others),
            "sweeps": int(sweeps),
            "since": None | int() | float() as since,
        }:
            return Habit(Shape(own, others), sweeps, since)
    return None
