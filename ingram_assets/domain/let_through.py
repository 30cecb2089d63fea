"""What is let through is what a person saw: a title's change in a plan, beside its change now. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

ZERO = "zero"
"""Beside the turns of `guardrails.Turn`: no copy is left."""

_TURNS = {
    ZERO: "it would turn to zero",
    "digital": "it would turn into a file (digital), or cease to be one",
    "unmanaged": "it would sell without end",
    "preorder": "it would turn to preorder",
    "backorder": "it would turn to back-order",
    "rising": "its copies would rise",
}


@dataclass(frozen=True, slots=True)
class GuardedChange:
    """What guardrails look at in the change of one title. Without arguments: there is nothing of it.

    Attributes:
        turns: its directions, `ZERO` among them.
        copies: those after it; `None`: none are counted.
        price: the one that is written where it is let through, in US dollars; `None`: the price stays.
    """

    turns: frozenset[str] = frozenset()
    copies: float | None = None
    price: float | None = None

    @classmethod
    def parse(cls, said: Mapping[str, Any]) -> Self:
        """As a plan's report has it."""
        return cls(frozenset(said.get("turns", ())), said.get("copies"), said.get("price"))

    def as_json(self) -> dict[str, Any]:
        """As a plan's report has it."""
        return {"turns": sorted(self.turns), "copies": self.copies, "price": self.price}


def changed_since(plan: GuardedChange, now: GuardedChange) -> str | None:
    """What nobody saw of a title's change, where it is another one than planned; `None`: all of it was seen.

    Less than was planned is no change: a title that turns to zero no more, a price that stays.
    """
    news = [_TURNS.get(turn, turn) for turn in sorted(now.turns - plan.turns)]
    if "rising" in now.turns & plan.turns and (now.copies or 0) > (plan.copies or 0):
        news.append(f"its copies would rise to {now.copies or 0:,.0f}, planned were {plan.copies or 0:,.0f}")
    if now.price is not None and now.price != plan.price:
        planned = "none" if plan.price is None else f"${plan.price:,.2f}"
        news.append(f"its price would be ${now.price:,.2f}, planned was {planned}")
    return " and ".join(news) or None
