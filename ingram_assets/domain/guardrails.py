"""Guardrails: figures that no honest day produces, and that stop a change until a person lets it through."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares are fractions of 1."""

    max_turning_to_zero: float = 0.30
    min_titles_turning_to_zero: int = 5
    max_search_shrinkage: float = 0.50
    max_unread: float = 0.20


@dataclass(frozen=True, slots=True)
class Tripped:
    """A guardrail that stops the change. `reason` names the figures and is shown to a person."""

    guardrail: str
    reason: str


def mass_zero(before: Mapping[str, int], after: Mapping[str, int], thresholds: Thresholds) -> Tripped | None:
    """Too many titles turning from some copies to none in one push.

    Args:
        before: ISBN to the level the store shows now, every tracked title.
        after: ISBN to the level it is about to show; titles left alone may be missing.
    """
    turning = sum(1 for isbn, level in before.items() if level > 0 and after.get(isbn, level) <= 0)
    limit = thresholds.max_turning_to_zero * len(before)
    if turning < thresholds.min_titles_turning_to_zero or turning <= limit:
        return None
    return Tripped(
        "mass_zero",
        f"{turning} of {len(before)} tracked titles would turn to zero at once "
        f"({turning / len(before):.0%}; more than {thresholds.max_turning_to_zero:.0%} is stopped).",
    )


def search_shrunk(known: int, found: int, thresholds: Thresholds) -> Tripped | None:
    """A saved search that lost more titles than a week does. `known` is its size last time, 0 at first."""
    if known == 0 or (known - found) <= thresholds.max_search_shrinkage * known:
        return None
    return Tripped(
        "search_shrunk",
        f"The saved search lists {found} titles, last time it listed {known} "
        f"({(known - found) / known:.0%} fewer; more than {thresholds.max_search_shrinkage:.0%} is stopped).",
    )


def too_many_unread(tried: int, unread: int, thresholds: Thresholds) -> Tripped | None:
    """Too many pages of a sweep that gave no reading: the site changed, blocks or is down."""
    if tried == 0 or unread <= thresholds.max_unread * tried:
        return None
    return Tripped(
        "too_many_unread",
        f"{unread} of {tried} pages could not be read "
        f"({unread / tried:.0%}; more than {thresholds.max_unread:.0%} is stopped).",
    )
