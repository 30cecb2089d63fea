"""What an outside system last said, when, and why it does not say it anew."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LastAnswer(Generic[T]):
    """The last answer of an outside system, and how good it is.

    Attributes:
        value: `None`: it never answered.
        at: when it last did.
        why_not: why it does not now; `None`: it does.
    """

    value: T | None = None
    at: datetime | None = None
    why_not: str | None = None
