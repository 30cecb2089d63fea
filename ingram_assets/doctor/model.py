"""A check, what it saw, and what a person is told of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How a check ended. `NOTE`: it works, and a person should know something of it."""

    FINE = "fine"
    NOTE = "note"
    MISSING = "missing"
    NOT_TRIED = "not tried"


class NamedSetting(NamedTuple):
    """A setting, and the file where a person writes it."""

    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What a check saw.

    Attributes:
        words: in a sentence; if something is `MISSING`, what to do, too.
        more: further lines.
        settings: those that are at fault; `None`: those that the sentence names.
        in_time: whether the system answered, or refused, before its time was over.
    """

    words: str
    outcome: Outcome = Outcome.FINE
    more: tuple[str, ...] = ()
    settings: tuple[NamedSetting, ...] | None = None
    in_time: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """One look at an outside system.

    Attributes:
        name: what is looked at, as its line begins; no other check has it.
        look: returns what was seen, or raises one of our errors.
        file: where the settings stand that it goes by.
        settings: those that are named if what went wrong names none.
        needs: names of checks before it without which it makes no sense.
        seconds: so long it may take.
        canceled: called if it takes longer, or a person stops all.
        so_far: further lines, also of a check that failed.
        server: host and port of who is asked: if it does not answer in time, no other check waits for it.
        is_aside: it asks a system that has checks of its own, for something beside: if that does not answer,
            the first of those says so.
    """

    system: str
    name: str
    look: Callable[[], Observed]
    file: str = ".env"
    settings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    seconds: float = 15.0
    canceled: Callable[[], None] = lambda: None
    so_far: Callable[[], tuple[str, ...]] = tuple
    server: Callable[[], str] = str
    is_aside: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a check. `settings`: those that it names, if something is missing."""

    system: str
    name: str
    outcome: Outcome
    words: str
    more: tuple[str, ...] = ()
    settings: tuple[NamedSetting, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether what others build on this may be tried."""
        return self.outcome in (Outcome.FINE, Outcome.NOTE)


def unless(faults: list[str], words: str, then: str) -> Observed:
    """Fine with these words, or what is wrong and what to do `then`."""
    if faults:
        return Observed(f"{'; '.join(faults)}. {then}", Outcome.MISSING)
    return Observed(words)
