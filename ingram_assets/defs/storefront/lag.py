"""Whether the store follows the queue: which titles' change, day or daily look has not reached it, and since.

The promise of the storefront, measured at its end: whatever is to bring a title to the store, a sensor, its
code server, a run, a guardrail, what counts is how long the store has been behind. Pure: rows and times in, a
finding out; without Dagster, so that `ingram status` says the same as the check.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ingram_assets.defs.storefront.decisions import COMPLETE_AFTER
from ingram_assets.domain.formatting import moment
from ingram_assets.domain.isbn import is_isbn13
from ingram_assets.staging.reader import RowState
from ingram_assets.store.journal import InStep

Kind = Literal["untracked", "import", "stock", "time", "look"]

COMPARED_WITHIN = timedelta(hours=26)
"""The daily reconcile compares every title with the store: a day, and two hours for it to come through."""

_WHAT: Mapping[Kind, tuple[str, str]] = {
    "untracked": (
        "is not tracked by Dagster, so nobody reads it",
        "are not tracked by Dagster, so nobody reads them",
    ),
    "import": ("waits for its import", "wait for their import"),
    "stock": (
        "has a change of stock that the store does not show",
        "have a change of stock that the store does not show",
    ),
    "time": (
        "is past its time: too old a reading, or its day has come",
        "are past their time: too old a reading, or their day has come",
    ),
    "look": ("was not compared with the store for 26 h", "were not compared with the store for 26 h"),
}
PUSHES_STOCK = "stock_changes"
_WHO: Mapping[Kind, str] = {
    "import": "rows_to_import",
    "stock": PUSHES_STOCK,
    "time": "clock_changes",
    "look": "daily_reconcile",
}
"""What in Dagster brings them to the store by itself."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A title that the store does not follow. `since` is `None` where the queue has no time of it."""

    isbn: str
    title: str
    what: Kind
    since: datetime | None

    @property
    def words(self) -> str:
        """What is the matter: "waits for its import"."""
        return _WHAT[self.what][0]


@dataclass(frozen=True, slots=True)
class Lag:
    """What was found.

    Attributes:
        behind: all titles that the store has not followed for longer than is promised, the longest first.
        titles: how many were looked at; retired ones are not.
        failed: how many have a `failed_reason`: they wait for a person, and their row says why.
    """

    behind: tuple[Behind, ...]
    titles: int
    failed: int

    def count(self) -> dict[Kind, int]:
        """How many of each kind, in the order of `Kind`."""
        kinds = [one.what for one in self.behind]
        return {kind: kinds.count(kind) for kind in _WHAT if kind in kinds}


def not_told(rows: Sequence[RowState], in_step: Mapping[str, InStep]) -> dict[str, datetime]:
    """ISBN to when the stock was changed of which the store was last told, where it has changed since."""
    never = datetime.min.replace(tzinfo=UTC)
    told_of = {row.isbn: in_step[row.isbn].stock_changed_at or never for row in rows if row.isbn in in_step}
    return {
        row.isbn: told_of[row.isbn]
        for row in rows
        if row.isbn in told_of and (row.stock_changed_at or never) > told_of[row.isbn]
    }


def waiting_since(
    rows: Sequence[RowState], in_step: Mapping[str, InStep], first_changes: Mapping[str, datetime]
) -> dict[str, datetime]:
    """ISBN to the first change that the store was not told of, for all titles of which there is one.

    Titles that failed wait for a person, and are not among them.

    Args:
        first_changes: as for `look`.
    """
    changed = not_told(rows, in_step)
    found: dict[str, datetime | None] = {}
    for row in rows:
        if row.failed_reason is None and (row.imported_at is None or row.isbn not in in_step):
            found[row.isbn] = row.created_at
        elif row.failed_reason is None and row.isbn in changed:
            found[row.isbn] = first_changes.get(row.isbn, row.stock_changed_at)
    return {isbn: since for isbn, since in found.items() if since is not None}


def look(
    rows: Sequence[RowState],
    in_step: Mapping[str, InStep],
    first_changes: Mapping[str, datetime],
    *,
    tracked: Collection[str] | None,
    retired: Collection[str],
    now: datetime,
    at_most: timedelta,
    sweeping_since: datetime | None = None,
    live_since: datetime | None = None,
) -> Lag:
    """Which titles' store has been behind for longer than `at_most`.

    Args:
        rows: the queue's current rows.
        in_step: ISBN to what the store was last told.
        first_changes: ISBN to the first change that the store was not told of, for those of `not_told`. The
            row has the last one, and a title that changes every hour would never be late by more.
        tracked: the ISBNs that Dagster tracks; `None` if Dagster can't be asked.
        sweeping_since: since when pages are being read, and a change may wait for the end of that, so that a
            guardrail sees the whole (`decisions.push_changes`): one that was recorded since then is not late.
        live_since: since when the store is told anything, if once it was not: nothing was late before.
    """
    looked_at = [row for row in rows if row.isbn not in retired]
    sound = [row for row in looked_at if row.failed_reason is None]
    tracked = None if tracked is None else frozenset(tracked)
    found = []
    # What waits for the end of a sweep is recorded from its beginning on.
    recorded = datetime.max.replace(tzinfo=UTC) if sweeping_since is None else sweeping_since
    for row in sound:
        told, untracked = in_step.get(row.isbn), tracked is not None and row.isbn not in tracked
        late = _behind(row, told, first_changes.get(row.isbn), untracked, now)
        for kind, since, allowed in late:
            if kind == "stock" and since is not None and since >= recorded:
                continue
            if live_since is not None:
                since = max(since or live_since, live_since)
            if since is None or now - since > (allowed or at_most):
                found.append(Behind(row.isbn, row.title, kind, since))
                break
    found.sort(key=lambda one: (one.since is not None, one.since or now, one.isbn))
    return Lag(tuple(found), len(looked_at), len(looked_at) - len(sound))


def _behind(
    row: RowState, told: InStep | None, first_change: datetime | None, untracked: bool, now: datetime
) -> Iterator[tuple[Kind, datetime | None, timedelta | None]]:
    """What the store does not follow, since when, and how long that may last if not as long as usual."""
    if untracked:
        yield "untracked", row.created_at, None
    if row.imported_at is None:
        yield "import", _complete_at(row), None
    elif told is None:
        yield "stock", row.stock_changed_at or row.imported_at, None
    if told is None:
        return
    changed_at = row.stock_changed_at
    if changed_at is not None and (told.stock_changed_at is None or changed_at > told.stock_changed_at):
        yield "stock", min(changed_at, first_change or changed_at), None
    if told.valid_until is not None and told.valid_until <= now:
        yield "time", told.valid_until, None
    if told.pushed_at is not None:
        yield "look", told.pushed_at, COMPARED_WITHIN


def _complete_at(row: RowState) -> datetime | None:
    """Since when a row has been worth importing (`decisions.is_complete`), as near as its times tell it.

    When its cover came is not kept. Its page was read before that, and at the latest it is old enough.
    """
    if row.created_at is None:
        return None
    at_last = row.created_at + COMPLETE_AFTER
    if row.has_details and row.has_cover:
        return min(at_last, max(row.created_at, row.stock_changed_at or row.created_at))
    return at_last


def sentence(lag: Lag, at_most: timedelta, switched_off: Collection[str] = ()) -> str:
    """What was found, and what to do about it, for a person.

    Args:
        switched_off: names of what a person switched off in Dagster.
    """
    failed = ""
    if lag.failed:
        are = "is" if lag.failed == 1 else "are"
        failed = f" {_titles(lag.failed)} failed and {are} not counted: ingram status says why."
    if not lag.behind:
        return f"The store follows the queue: {_titles(lag.titles - lag.failed)} in step.{failed}"
    first = lag.behind[0]
    since = f", {first.isbn} since {moment(first.since)}" if first.since else ""
    counts = lag.count()
    kinds = "; ".join(f"{count:,} {_WHAT[kind][count > 1]}" for kind, count in counts.items())
    words = [
        f"The store has not followed {len(lag.behind):,} of {lag.titles:,} titles for more than "
        f"{at_most.total_seconds() / 60:,.0f} min{since}: {kinds}."
    ]
    who = [_WHO[kind] for kind in counts if kind in _WHO]
    off = [name for name in who if name in switched_off]
    if off:
        words.append(f"Switched off in Dagster: {', '.join(off)}. Switch on again under Automation.")
    if on := [name for name in who if name not in switched_off]:
        words.append(f"Look at the last runs and ticks of {', '.join(on)} in Dagster.")
    if who:
        words.append("Once Medusa answers, ingram push brings all of it.")
    if "untracked" in counts:
        isbns = (one.isbn for one in lag.behind if one.what == "untracked" and is_isbn13(one.isbn))
        isbn = next(isbns, "ISBN")
        words.append(f"Track a title again: ingram enrich {isbn}. Or let it go: ingram retire {isbn}.")
    return " ".join(words) + failed


def _titles(count: int) -> str:
    return f"{count:,} title{'' if count == 1 else 's'}"
