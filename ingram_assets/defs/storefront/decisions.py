"""What the storefront's sensors decide, as values: no Dagster, no clock, no database."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ingram_assets.domain.lifetime import changed_by_time, valid_until
from ingram_assets.domain.title import Title
from ingram_assets.staging.reader import RowState
from ingram_assets.store.journal import InStep

RunState = Literal["in_progress", "succeeded", "failed", "gone"]


@dataclass(frozen=True, slots=True)
class SensorCursor:
    """Where the stock-change sensor stands in the queue's changes.

    `cursor` is behind everything that a successful run has carried to the store; `pending` is where it
    will stand once the run it asked for, at `asked_at`, succeeds. `tries` counts the runs asked for since the
    last success and `retry_at` holds a failed one back. Times are seconds since 1970.
    """

    cursor: str | None = None
    pending: str | None = None
    tries: int = 0
    retry_at: float = 0.0
    asked_at: float = 0.0

    @classmethod
    def parse(cls, text: str | None) -> "SensorCursor":
        """The place that `dump` wrote; the beginning for `None`, and for what a person typed instead.

        From the beginning costs reads alone: a push writes what differs.
        """
        try:
            return cls(**json.loads(text)) if text else cls()
        except (ValueError, TypeError):
            return cls()

    def dump(self) -> str:
        """The place as a sensor's cursor."""
        return json.dumps(asdict(self))

    @property
    def run_key(self) -> str:
        """A key that is new for each try, so that Dagster starts its run, and starts it once.

        The place alone would not do: after a reset of the cursor a place comes again, and Dagster starts no
        run for a key that one had.
        """
        return f"{self.cursor or 'start'}→{self.pending}#{self.tries}@{self.asked_at:.6f}"


@dataclass(frozen=True, slots=True)
class Held:
    """How often runs for something failed in a row, and until when (seconds since 1970) it is held back."""

    failures: int
    until: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sensor asks for one by one, each by a key, and what became of it.

    `keys` are those that the run of `run_key` was asked for, and is at work on as far as is known. `held` are
    those whose last run ended without doing them.
    """

    run_key: str = ""
    keys: tuple[str, ...] = ()
    held: Mapping[str, Held] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> "Asked":
        """What `dump` wrote; nothing for `None`, and for what a person typed instead."""
        try:
            values = json.loads(text) if text else {}
            held = {key: Held(*what) for *what, keys in values.get("held", []) for key in keys}
            return cls(values.get("run_key", ""), tuple(values.get("keys", ())), held)
        except (ValueError, TypeError, AttributeError):
            return cls()

    def dump(self) -> str:
        """As a sensor's cursor. Keys that were held back together are written together: there may be many."""
        together: dict[Held, list[str]] = {}
        for key, held in self.held.items():
            together.setdefault(held, []).append(key)
        groups = [[held.failures, held.until, keys] for held, keys in together.items()]
        return json.dumps({"run_key": self.run_key, "keys": self.keys, "held": groups})


@dataclass(frozen=True, slots=True)
class PushDecision:
    """Push these ISBNs and keep `place` as the cursor; or, with none, do nothing for the reason given."""

    place: SensorCursor | Asked
    isbns: tuple[str, ...] = ()
    reason: str = ""


def after_run(place: SensorCursor, state: RunState, now: float, waits: Sequence[float]) -> SensorCursor:
    """The place once the pending run ended: past its changes if it succeeded, else before them again.

    Args:
        state: "gone" is a run that was never started or was deleted.
        waits: seconds to wait after the first, second, … failure; the last goes for all later ones.
    """
    if state == "succeeded":
        return SensorCursor(cursor=place.pending)
    if state == "in_progress":
        return place
    wait = 0.0 if state == "gone" else _wait(place.tries, waits)
    return SensorCursor(place.cursor, None, place.tries, now + wait)


def _wait(failures: int, waits: Sequence[float]) -> float:
    return waits[min(failures, len(waits)) - 1]


MANY_ZEROES = 5
"""So many titles turning to zero in the middle of a sweep may be the first slice of a false one."""


def push_changes(
    place: SensorCursor,
    changed: Sequence[str],
    next_cursor: str | None,
    now: float,
    *,
    retired: Collection[str] = (),
    zeroes: int = 0,
    sweeping: bool = False,
) -> PushDecision:
    """What to do about the changes behind `place.cursor`, none of which a run is at work on.

    Args:
        changed: ISBNs in the order of their changes; one that changed twice is pushed once.
        next_cursor: where the queue's page of changes ends.
        retired: ISBNs that nobody pushes any more; the cursor goes past their changes.
        zeroes: how many of the changes leave a title that had copies with none.
        sweeping: whether pages are being read now. Many zeroes wait for the end of it: the guardrail is
            to see the whole sweep, not what is recorded of it so far.
    """
    if place.retry_at > now:
        return PushDecision(
            place, reason=f"The last push failed; it is tried again in {place.retry_at - now:.0f} s."
        )
    if not changed:
        return PushDecision(place, reason="No stock changed.")
    wanted = tuple(dict.fromkeys(isbn for isbn in changed if isbn not in retired))
    if not wanted:
        return PushDecision(SensorCursor(next_cursor), reason="No stock changed but of retired titles.")
    if sweeping and zeroes >= MANY_ZEROES:
        return PushDecision(place, reason=f"{zeroes} titles turned to zero: the sweep at work is waited for.")
    asked = SensorCursor(place.cursor, next_cursor, place.tries + 1, asked_at=now)
    return PushDecision(asked, wanted)


ORDERS_SETTLE = timedelta(seconds=3)
"""Orders changed less long ago are looked at next time: by then those of the same moment are visible, too."""

ORDERS_LOOKED_BACK = timedelta(days=1)


def orders_since(cursor: str | None, until: datetime) -> datetime:
    """From when changed orders are looked at: the time that the cursor names, a day back without one."""
    try:
        since = datetime.fromisoformat(cursor or "")
        return since if since.tzinfo else until - ORDERS_LOOKED_BACK
    except ValueError:
        return until - ORDERS_LOOKED_BACK


COMPLETE_AFTER = timedelta(minutes=10)


def is_complete(row: Title, now: datetime) -> bool:
    """Whether a row that waits for import is worth importing: read, with its cover, or old enough.

    A title is discovered, read and given a cover within a minute or two; imported in between it would be
    in the store without them and be imported again.
    """
    if row.binding is not None and row.cover_url is not None:
        return True
    return row.created_at is None or now - row.created_at > COMPLETE_AFTER


def after_asking(
    asked: Asked, state: RunState, wanted: Collection[str], now: float, waits: Sequence[float]
) -> Asked:
    """What is remembered once the run that was asked for ended.

    What is still wanted was not done, however the run ended, and is held back for longer each time. What is
    not wanted any more is forgotten.

    Args:
        state: of the run; "gone" is one that was never started or was deleted: nothing is held back for it.
        wanted: keys of all that is to be done now.
        waits: seconds to wait after the first, second, … failure; the last goes for all later ones.
    """
    wanted = frozenset(wanted)
    held = {key: what for key, what in asked.held.items() if key in wanted}
    if asked.keys and state == "in_progress":
        return replace(asked, held=held)
    if state != "gone":
        for key in wanted.intersection(asked.keys):
            failures = (held[key].failures if key in held else 0) + 1
            held[key] = Held(failures, now + _wait(failures, waits))
    return Asked(held=held)


AT_ONCE = 1000
"""At most so many changes, rows or titles are a run's."""


def ask(
    asked: Asked, wanted: Mapping[str, str], now: float, *, what: str, pushing: bool, run: str = "push"
) -> PushDecision:
    """Whether what is wanted is to have a run of its own now, and for which of it.

    What has not failed yet goes first and by itself, then what failed least: so one bad thing never holds
    back another that was not asked for together with it.

    Args:
        asked: after `after_asking`.
        wanted: key to ISBN.
        what: is wanted, for a person and for the run's key: "rows to import".
        pushing: whether a push is queued or at work; it will take them along or be followed by another.
        run: what the run is called, for a person.
    """
    if not wanted:
        return PushDecision(asked, reason=f"No {what}.")
    if pushing or asked.keys:
        return PushDecision(asked, reason=f"{len(wanted)} {what}; a {run} is at work.")
    none = Held(0, 0.0)
    due = {key: held for key in wanted if (held := asked.held.get(key, none)).until <= now}
    if not due:
        again = min(asked.held[key].until for key in wanted) - now
        reason = f"{len(wanted)} {what}; the last {run} failed, again in {again:.0f} s."
        return PushDecision(asked, reason=reason)
    fewest = min(held.failures for held in due.values())
    keys = tuple(key for key, held in due.items() if held.failures == fewest)[:AT_ONCE]
    asked = replace(asked, run_key=f"{what}@{now:.6f}", keys=keys)
    return PushDecision(asked, tuple(wanted[key] for key in keys))


def not_known_in_step(
    rows: Sequence[RowState], told: Mapping[str, InStep], retired: Collection[str]
) -> list[str]:
    """ISBNs of titles in the store of which it is not known what it was told. Failed ones wait for a person.

    So it is after a title was retired and taken back, and where the journal is new.
    """
    return [
        row.isbn
        for row in rows
        if row.isbn not in retired
        and row.imported_at is not None
        and row.failed_reason is None
        and ((entry := told.get(row.isbn)) is None or entry.pushed_at is None)
    ]


def to_look_at(
    rows: Sequence[RowState], told: Mapping[str, InStep], retired: Collection[str], now: datetime
) -> list[str]:
    """ISBNs of titles of which what the store was told may be untrue by now, with time alone.

    Those that were too old to be sold are, too: they may have been read since, with no other count than
    before. Titles that the store refuses, and has not to wait for an import of, wait for a person.
    """
    return [
        row.isbn
        for row in rows
        if row.isbn not in retired
        and not _waits_for_a_person(row)
        and (entry := told.get(row.isbn)) is not None
        and (entry.aged or (entry.valid_until is not None and entry.valid_until <= now))
    ]


def _waits_for_a_person(row: RowState) -> bool:
    """Whether the store refused the title, and no import of it is to come."""
    return row.failed_reason is not None and row.imported_at is not None


def to_push_by_time(
    rows: Sequence[RowState],
    told: Mapping[str, InStep],
    retired: Collection[str],
    changed: Sequence[str],
    too_old: Mapping[str, datetime],
) -> list[str]:
    """ISBNs of the titles to be pushed though nothing was read, each once.

    Args:
        changed: what `became_untrue`.
        too_old: of what was `told_too_long`, since when it was. Titles that wait for a person are left to
            that person, and what was pushed since then does not show such a reading any more.
    """
    left_alone = {row.isbn for row in rows if _waits_for_a_person(row)}.union(retired)
    again = [
        isbn
        for isbn, since in too_old.items()
        if isbn not in left_alone and (at := told[isbn].pushed_at) is not None and at < since
    ]
    return list(dict.fromkeys([*not_known_in_step(rows, told, retired), *changed, *again]))


def told_too_long(
    held_back: Mapping[str, datetime], now: datetime, max_age: timedelta | None
) -> dict[str, datetime]:
    """The titles whose store goes by a reading that is too old, as a newer one never reached it; since when.

    Args:
        held_back: ISBN to the first change that the store was not told of; until then its reading was good.
    """
    if max_age is None:
        return {}
    return {isbn: since + max_age for isbn, since in held_back.items() if now - since > max_age}


def became_untrue(
    titles: Sequence[Title],
    told: Mapping[str, InStep],
    now: datetime,
    max_age: timedelta | None,
    zone: ZoneInfo,
) -> tuple[list[str], dict[str, datetime | None]]:
    """What of those became untrue with time alone: its ISBNs, and until when the rest is true now.

    Args:
        titles: of `to_look_at`, as they are known now.
        max_age: of a count that is sold from; `None`: any.
    """
    changed: list[str] = []
    still_valid: dict[str, datetime | None] = {}
    for title in titles:
        entry = told[title.isbn]
        if entry.pushed_at is None:
            continue
        if changed_by_time(title, entry.pushed_at, entry.aged, now, max_age, zone):
            changed.append(title.isbn)
        elif (end := valid_until(title, now, max_age, zone)) != entry.valid_until:
            still_valid[title.isbn] = end
    return changed, still_valid
