"""What the storefront's sensors decide, as values: no Dagster, no clock, no database."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.lifetime import changed_by_time, valid_until
from ingram_assets.domain.title import Title
from ingram_assets.staging.reader import Page, RowState
from ingram_assets.store.journal import InStep

RunState = Literal["in_progress", "succeeded", "failed", "gone"]


@dataclass(frozen=True, slots=True)
class ChangeRange:
    """Changes in a row: those behind `after` (`None`: from the first), up to `until` (`None`: to the last).

    `failures` is how many runs for it failed in a row, and `retry_at` (seconds since 1970) until when it is
    held back for that.
    """

    after: str | None
    until: str | None = None
    failures: int = 0
    retry_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SensorCursor:
    """Where a sensor stands in a row of changes that it carries to the store.

    What lies before `cursor` has been carried there, or a run for it failed: then it is in `held`, a stretch
    for each such run, and holds back nothing that changed after it. A run that was asked for at `asked_at`
    (seconds since 1970) goes up to `pending`: from `cursor` on, or, with `again`, of that held stretch.
    """

    cursor: str | None = None
    pending: str | None = None
    asked_at: float = 0.0
    again: ChangeRange | None = None
    held: tuple[ChangeRange, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> "SensorCursor":
        """The place that `dump` wrote; the beginning for `None`, and for what a person typed instead.

        From the beginning costs reads alone: a push writes what differs. A place that an earlier version
        wrote keeps its `cursor`.
        """
        try:
            values = json.loads(text) if text else {}
            again, held = values.get("again"), values.get("held", ())
            return cls(
                values.get("cursor"),
                values.get("pending"),
                values.get("asked_at", 0.0),
                ChangeRange(**again) if again else None,
                tuple(ChangeRange(**one) for one in held),
            )
        except (ValueError, TypeError, AttributeError):
            return cls()

    def dump(self) -> str:
        """The place as a sensor's cursor."""
        return json.dumps(asdict(self))

    @property
    def asked_for(self) -> ChangeRange:
        """What the run at work is for, as it stood when that was asked for."""
        return self.again or ChangeRange(self.cursor)

    @property
    def run_key(self) -> str:
        """A key that is new for each try, so that Dagster starts its run, and starts it once.

        The place alone would not do: after a reset of the cursor a place comes again, and Dagster starts no
        run for a key that one had.
        """
        asked = self.asked_for
        return f"{asked.after or 'start'}→{self.pending}#{asked.failures + 1}@{self.asked_at:.6f}"

    def past(self, stretch: ChangeRange, end: str | None) -> "SensorCursor":
        """The place once a stretch needs no run any more up to `end`; no run is at work."""
        if stretch.until is None:
            return SensorCursor(end, held=self.held)
        rest = () if end == stretch.until else (ChangeRange(end, stretch.until),)
        return SensorCursor(self.cursor, held=_instead(self.held, stretch, *rest))


def _instead(
    held: Sequence[ChangeRange], stretch: ChangeRange, *others: ChangeRange
) -> tuple[ChangeRange, ...]:
    """The held stretches with others in the place of one."""
    return tuple(each for one in held for each in (others if one == stretch else (one,)))


@dataclass(frozen=True, slots=True)
class HeldBack:
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
    held: Mapping[str, HeldBack] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> "Asked":
        """What `dump` wrote; nothing for `None`, and for what a person typed instead."""
        try:
            values = json.loads(text) if text else {}
            held = {key: HeldBack(*what) for *what, keys in values.get("held", []) for key in keys}
            return cls(values.get("run_key", ""), tuple(values.get("keys", ())), held)
        except (ValueError, TypeError, AttributeError):
            return cls()

    def dump(self) -> str:
        """As a sensor's cursor. Keys that were held back together are written together: there may be many."""
        together: dict[HeldBack, list[str]] = {}
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
    """The place once the pending run ended: past its changes if it succeeded, else with these held back.

    Args:
        state: "gone" is a run that was never started or was deleted: it is asked for again at once.
        waits: seconds to wait after the first, second, … failure; the last goes for all later ones.
    """
    if place.pending is None or state == "in_progress":
        return place
    stretch, idle = place.asked_for, SensorCursor(place.cursor, held=place.held)
    if state == "succeeded":
        return idle.past(stretch, place.pending)
    if state == "gone":
        return idle
    failures = stretch.failures + 1
    failed = replace(stretch, failures=failures, retry_at=now + _wait(failures, waits))
    if place.again:
        return replace(idle, held=_instead(place.held, stretch, failed))
    return SensorCursor(place.pending, held=_few((*place.held, replace(failed, until=place.pending))))


MANY_HELD = 4
"""At most so many stretches are held: each is tried again by a run of its own, every few minutes."""


def _few(held: tuple[ChangeRange, ...]) -> tuple[ChangeRange, ...]:
    """The held stretches, neighbors joined where they are too many: those that failed nearly as often.

    What an outage held back for a minute is not joined to what a guardrail has stopped for hours, and which
    may wait for a person.
    """
    while len(held) > MANY_HELD:
        at = min(range(len(held) - 1), key=lambda at: abs(held[at].failures - held[at + 1].failures))
        first, second = held[at : at + 2]
        failures, retry_at = max(first.failures, second.failures), min(first.retry_at, second.retry_at)
        held = (
            *held[:at],
            ChangeRange(first.after, second.until, failures, retry_at),
            *held[at + 2 :],
        )
    return held


def _wait(failures: int, waits: Sequence[float]) -> float:
    return waits[min(failures, len(waits)) - 1]


MANY_ZEROES = 5
"""So many titles turning to zero in the middle of a sweep may be the first slice of a false one."""


OVERDUE = 60.0
"""Seconds. What could be tried again for so long goes before what is new, so that it comes to its turn."""


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """What stands in a stretch, as much of it as one run takes.

    Attributes:
        isbns: in the order of their changes; one that changed twice is there twice.
        end: up to where they go: the stretch's `until` if they are all of it.
        zeroes: how many of them leave a title that had copies with none.
    """

    isbns: Sequence[str]
    end: str | None
    zeroes: int = 0

    @classmethod
    def of_stock(cls, page: Page, retired: Collection[str]) -> "ChangeBatch":
        """Those of a page of the queue's changes."""
        zeroes = sum(
            stock_rules.on_hand(change.stock) == 0 and bool(stock_rules.on_hand(change.before))
            for change in page.changes
            if change.isbn not in retired
        )
        return cls([change.isbn for change in page.changes], page.cursor, zeroes)


def push_changes(
    place: SensorCursor,
    read: Callable[[ChangeRange], ChangeBatch],
    now: float,
    *,
    retired: Collection[str] = (),
    is_sweeping: Callable[[], bool] = lambda: False,
) -> PushDecision:
    """What to do about the changes that were not carried to the store, none of which a run is at work on.

    A run that failed is asked for again after a pause, for the same changes; what changed after those is
    asked for at once, by itself. So a guardrail doubts no title for what it stopped before, unless that title
    turns in a direction that it looks at (`levels.tripped_by`).

    Args:
        read: gives what stands in a stretch.
        retired: ISBNs that nobody pushes any more; the place goes past their changes.
        is_sweeping: whether pages are being read now. Many zeroes wait for the end of it: the guardrail is
            to see the whole sweep, not what is recorded of it so far.
    """
    reasons: list[str] = []
    for stretch in _in_turn(place, now):
        found = read(stretch)
        wanted = tuple(dict.fromkeys(isbn for isbn in found.isbns if isbn not in retired))
        if not wanted:
            place = place.past(stretch, found.end)
            if stretch.until is None:
                reasons.append(f"No stock changed{' but of retired titles' if found.isbns else ''}.")
        elif found.zeroes >= MANY_ZEROES and is_sweeping():
            reasons.append(f"{found.zeroes} titles turned to zero: the sweep at work is waited for.")
        else:
            again = None if stretch.until is None else stretch
            return PushDecision(replace(place, pending=found.end, asked_at=now, again=again), wanted)
    if waiting := [stretch.retry_at - now for stretch in place.held if stretch.retry_at > now]:
        reasons.append(f"What a failed push was for is tried again in {min(waiting):.0f} s.")
    return PushDecision(place, reason=" ".join(reasons))


def _in_turn(place: SensorCursor, now: float) -> list[ChangeRange]:
    """The stretches that may be asked for now: what is new before what failed, unless that is overdue."""
    due = [stretch for stretch in place.held if stretch.retry_at <= now]
    due.sort(key=lambda stretch: (stretch.failures, stretch.retry_at))
    overdue = [stretch for stretch in due if now - stretch.retry_at > OVERDUE]
    return [*overdue, ChangeRange(place.cursor), *(stretch for stretch in due if stretch not in overdue)]


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


LOOKED_AT_TOGETHER = timedelta(minutes=15)
"""Orders of so long a span have their second look in one run."""


def second_look(since: datetime, until: datetime, after: timedelta) -> tuple[datetime, datetime] | None:
    """The orders whose titles are looked at once more by a look at those from `since` to `until`.

    What an order takes is taken off the counts that were read before it, until they are read again. Are they
    the same then, no change asks for a push, and copies that are there would not be for sale. So each order
    has a second look when its title was read again.

    Args:
        after: within which each title is read again.

    Returns:
        From after when, and until when, those orders were changed; `None` where it is not time for any. One
        look begins where the last one ended.
    """
    begin, end = (_span_of(at - after) for at in (since, until))
    return (begin, end) if begin < end else None


def _span_of(at: datetime) -> datetime:
    """The beginning of the span in which a time is."""
    return at - (at - datetime.min.replace(tzinfo=UTC)) % LOOKED_AT_TOGETHER


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
            held[key] = HeldBack(failures, now + _wait(failures, waits))
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
    none = HeldBack(0, 0.0)
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
    rows: Sequence[RowState],
    told: Mapping[str, InStep],
    retired: Collection[str],
    now: datetime,
    max_age: timedelta | None,
) -> list[str]:
    """ISBNs of titles of which what the store was told may be untrue by now, with time alone.

    Those that were too old to be sold are, too: they may have been read since, with no other count than
    before. So may those of a queue that was restored from a backup, which knows less than the store was told.

    Titles that the store refuses, and has not to wait for an import of, wait for a person.
    """
    return [
        row.isbn
        for row in rows
        if row.isbn not in retired
        and not _waits_for_a_person(row)
        and (entry := told.get(row.isbn)) is not None
        and (
            entry.aged
            or (entry.valid_until is not None and entry.valid_until <= now)
            or _knows_less(row.stock_changed_at, entry)
            or _ends_sooner(row, entry, now, max_age)
        )
    ]


def _knows_less(stock_changed_at: datetime | None, told: InStep) -> bool:
    """Whether the queue's last change is from before that of which the store was told: it was restored."""
    if stock_changed_at is None or told.stock_changed_at is None:
        return False
    return stock_changed_at < told.stock_changed_at


def _ends_sooner(row: RowState, told: InStep, now: datetime, max_age: timedelta | None) -> bool:
    """Whether the queue's last reading is too old sooner than what the store was told: it was restored.

    What is true for longer than a reading lasts ends with something else, a day of publication.
    """
    if row.stock_observed_at is None or told.valid_until is None or max_age is None:
        return False
    return row.stock_observed_at + max_age < told.valid_until <= now + max_age


def _is_read_again(title: Title, told: InStep) -> bool:
    """Whether a title of a restored queue was read since it was pushed.

    Its count may be the one that the queue has from the backup, and no change, but not the one that was told.
    """
    if told.pushed_at is None or title.stock_observed_at is None:
        return False
    return title.stock_observed_at > told.pushed_at and _knows_less(title.stock_changed_at, told)


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
    """What of those became untrue without a change: its ISBNs, and until when the rest is true now.

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
        by_time = changed_by_time(title, entry.pushed_at, entry.aged, now, max_age, zone)
        if by_time or _is_read_again(title, entry):
            changed.append(title.isbn)
        elif (end := valid_until(title, now, max_age, zone)) != entry.valid_until:
            still_valid[title.isbn] = end
    return changed, still_valid


PLANS_EVERY = 600.0
"""Seconds between two plans of a shop that only watches: each reads the whole store."""


def queue_news(rows: Sequence[RowState]) -> str:
    """What differs as soon as the queue knows something that it did not; "": it has no title."""
    if not rows:
        return ""
    never = datetime.min.replace(tzinfo=UTC)
    newest = [
        max(at or never for at in times)
        for times in zip(
            *((row.created_at, row.stock_observed_at, row.stock_changed_at) for row in rows), strict=True
        )
    ]
    return " ".join([f"{len(rows)} {max(row.id for row in rows)}", *(at.isoformat() for at in newest)])


def no_plan_now(cursor: str | None, news: str, now: float) -> str:
    """Why a shop that only watches needs no plan now; "": it does.

    Args:
        cursor: the news of the last plan, "@", and when it was asked for.
    """
    seen, _, at = (cursor or "").rpartition("@")
    if not news:
        return "The queue has no title yet."
    if seen == news:
        return "Nothing is new since the last plan."
    wait = float(at or 0) + PLANS_EVERY - now
    return f"The next plan is made in {wait:.0f} s." if wait > 0 else ""
