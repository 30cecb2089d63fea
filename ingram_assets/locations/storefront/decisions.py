"""What the storefront's sensors decide, as values: no Dagster, no clock, no database."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

RunState = Literal["in_progress", "succeeded", "failed", "gone"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stock-change sensor stands in the queue's changes.

    `cursor` is behind everything that a successful run has carried to the store; `pending` is where it
    will stand once the run it asked for succeeds. `tries` counts the runs asked for since the last success
    and `retry_at` (seconds since the epoch) holds a failed one back.
    """

    cursor: str | None = None
    pending: str | None = None
    tries: int = 0
    retry_at: float = 0.0

    @classmethod
    def parse(cls, text: str | None) -> "Place":
        """The place that `dump` wrote; the beginning for `None`."""
        return cls(**json.loads(text)) if text else cls()

    def dump(self) -> str:
        """The place as a sensor's cursor."""
        return json.dumps(asdict(self))

    @property
    def run_key(self) -> str:
        """A key that is new for each try at each place, so that Dagster starts its run once."""
        return f"{self.cursor or 'start'}→{self.pending}#{self.tries}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Push these ISBNs and stand at `place`; or, with none, do nothing for the reason given."""

    place: Place
    isbns: tuple[str, ...] = ()
    reason: str = ""


def after_run(place: Place, state: RunState, now: float, waits: Sequence[float]) -> Place:
    """The place once the pending run ended: past its changes if it succeeded, else before them again.

    Args:
        state: "gone" is a run that was never started or was deleted.
        waits: seconds to wait after the first, second, … failure; the last goes for all later ones.
    """
    if state == "succeeded":
        return Place(cursor=place.pending)
    if state == "in_progress":
        return place
    wait = 0.0 if state == "gone" else waits[min(place.tries, len(waits)) - 1]
    return Place(place.cursor, None, place.tries, now + wait)


MANY_ZEROES = 5
"""So many titles turning to zero in the middle of a sweep may be the first slice of a false one."""


def push_changes(
    place: Place,
    changed: Sequence[str],
    next_cursor: str | None,
    now: float,
    *,
    zeroes: int = 0,
    sweeping: bool = False,
) -> Decision:
    """What to do about the changes behind `place.cursor`, none of which a run is at work on.

    Args:
        changed: ISBNs in the order of their changes; one that changed twice is pushed once.
        next_cursor: where the queue's page of changes ends.
        zeroes: how many of the changes leave a title that had copies with none.
        sweeping: whether pages are being read now. Many zeroes wait for the end of it: the guardrail is
            to see the whole sweep, not what is recorded of it so far.
    """
    if place.retry_at > now:
        return Decision(
            place, reason=f"The last push failed; it is tried again in {place.retry_at - now:.0f} s."
        )
    if not changed:
        return Decision(place, reason="No stock changed.")
    if sweeping and zeroes >= MANY_ZEROES:
        return Decision(place, reason=f"{zeroes} titles turned to zero: the sweep at work is waited for.")
    asked = Place(place.cursor, next_cursor, place.tries + 1)
    return Decision(asked, tuple(dict.fromkeys(changed)))


def import_rows(waiting: Sequence[str], importing: bool) -> Decision:
    """Whether the rows that wait for import want a run of their own.

    Args:
        waiting: ISBNs of rows not imported yet that have not failed; a failed one waits for a person or
            for the daily reconcile, so that a permanent refusal is not tried without end.
        importing: whether a push is queued or at work; it will take them along or be followed by another.
    """
    if not waiting:
        return Decision(Place(), reason="No row waits for import.")
    if importing:
        return Decision(Place(), reason=f"{len(waiting)} rows wait for import; a push is at work.")
    return Decision(Place(), tuple(waiting))
