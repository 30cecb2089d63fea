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
    if not before or turning < thresholds.min_titles_turning_to_zero:
        return None
    if (share := turning / len(before)) <= thresholds.max_turning_to_zero:
        return None
    return Tripped(
        "mass_zero",
        f"{turning} of {len(before)} tracked titles would turn to zero at once "
        f"({_percent(share)}; more than {_percent(thresholds.max_turning_to_zero)} is stopped).",
    )


def search_shrunk(known: int, found: int, thresholds: Thresholds) -> Tripped | None:
    """A saved search that lost more titles than a week does. `known` is its size last time, 0 at first."""
    if known == 0 or (share := (known - found) / known) <= thresholds.max_search_shrinkage:
        return None
    return Tripped(
        "search_shrunk",
        f"The saved search lists {found} titles, last time it listed {known} "
        f"({_percent(share)} fewer; more than {_percent(thresholds.max_search_shrinkage)} is stopped).",
    )


def too_many_unread(tried: int, unread: int, thresholds: Thresholds) -> Tripped | None:
    """Too many pages of a sweep that gave no reading: the site changed, blocks or is down."""
    if tried == 0 or (share := unread / tried) <= thresholds.max_unread:
        return None
    return Tripped(
        "too_many_unread",
        f"{unread} of {tried} pages could not be read "
        f"({_percent(share)}; more than {_percent(thresholds.max_unread)} is stopped).",
    )


def _percent(share: float) -> str:
    """With a decimal where it has one: 30.1% is more than 30%, which rounding would hide."""
    return f"{share * 100:.1f}".removesuffix(".0") + "%"
