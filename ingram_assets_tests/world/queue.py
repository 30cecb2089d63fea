"""The queue in memory: what its write functions and its reader do, without SQL."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ingram_assets.domain.guardrails import Attempt
from ingram_assets.domain.readings import KnownStock
from ingram_assets.domain.title import Title
from ingram_assets.staging.reader import Page, RowState, StockChange
from ingram_assets_tests.testing.readings import StockReading, merge


@dataclass(slots=True)
class Unread:
    """How the last attempts to read a title failed."""

    outcome: str
    since: datetime


@dataclass(slots=True)
class SimulatedQueue:
    """The queue's current rows, its history and its list of what was not read."""

    now: Callable[[], datetime]
    rows: dict[str, Title] = field(default_factory=dict)
    log: list[StockChange] = field(default_factory=list)
    unread: dict[str, Unread] = field(default_factory=dict)
    _last_id: int = 0

    # What the scraper writes.

    def add_title(self, isbn: str, details: Mapping[str, object], *, routine: bool) -> None:
        """A title's row, added or refreshed; a row whose details changed waits for its import again."""
        row, now = self.rows.get(isbn), self.now()
        if row is None:
            row = Title(self._next_id(), isbn, f"Book {isbn}", created_at=now)
        fresh = replace(row, **details)
        if fresh != row:
            created = now if row.imported_at else row.created_at
            fresh = replace(
                fresh, id=self._next_id(), imported_at=None, failed_reason=None, created_at=created
            )
        self.rows[isbn] = fresh if routine else replace(fresh, wanted_at=now)

    def record_stock(self, reading: StockReading) -> bool:
        """A reading, merged into what is known; whether anything moved."""
        row, now = self.rows[reading.isbn], self.now()
        self.unread.pop(reading.isbn, None)
        before = row.known or KnownStock()
        known = merge(before, reading, now=now)
        observed = max(reading.read_at, row.stock_observed_at or reading.read_at)
        row = replace(row, known=known, stock=known.stock, stock_observed_at=observed)
        moved = row.stock_changed_at is None or _counts(before) != _counts(known)
        if moved:
            row = replace(row, stock_changed_at=now)
            was = before.stock if before.centers else None
            self.log.append(StockChange(len(self.log) + 1, row.isbn, reading.read_at, now, known.stock, was))
        self.rows[row.isbn] = row
        return moved

    def record_unread(self, isbn: str, outcome: str, at: datetime) -> None:
        """That a page gave no stock."""
        since = self.unread[isbn].since if isbn in self.unread else at
        self.unread[isbn] = Unread(outcome, since)

    def saved(self) -> Any:
        """A backup: rows are never changed, but replaced."""
        return dict(self.rows), list(self.log), copy.deepcopy(self.unread), self._last_id

    def restore(self, backup: Any) -> None:
        rows, log, unread, self._last_id = backup
        self.rows, self.log, self.unread = dict(rows), list(log), copy.deepcopy(unread)

    # What the storefront reads, and marks (`staging.reader.QueueReader`).

    def titles(self, isbns: Sequence[str] | None = None) -> list[Title]:
        wanted = sorted(self.rows if isbns is None else self.rows.keys() & set(isbns))
        return [self.rows[isbn] for isbn in wanted]

    def row_states(self) -> list[RowState]:
        return [
            RowState(
                row.id,
                row.isbn,
                row.title,
                row.binding is not None,
                row.cover_url is not None,
                row.created_at,
                row.imported_at,
                row.failed_reason,
                row.stock_changed_at,
                row.stock_observed_at,
            )
            for row in self.titles()
        ]

    def attempts(self) -> list[Attempt]:
        unread = self.unread
        return [
            Attempt(isbn, unread[isbn].outcome, unread[isbn].since, row.stock_observed_at is not None)
            if isbn in unread
            else Attempt(isbn, known=row.stock_observed_at is not None)
            for isbn, row in sorted(self.rows.items())
        ]

    def rows_to_import(self, limit: int = 25, after: int = 0, *, retry_failed: bool = False) -> list[Title]:
        waiting = (
            row
            for row in self.rows.values()
            if row.imported_at is None and row.id > after and (retry_failed or row.failed_reason is None)
        )
        return sorted(waiting, key=lambda row: row.id)[:limit]

    def wanted_again(self) -> list[Title]:
        return [row for row in self.titles() if row.is_wanted_again]

    def changes_since(self, cursor: str | None, limit: int = 1000, until: str | None = None) -> Page:
        begin, end = _place(cursor), _place(until) if until else None
        behind = [
            change
            for change in self.log
            if (at := (change.stock_changed_at, change.id)) > begin and (end is None or at <= end)
        ]
        changes = tuple(behind[:limit])
        if until and len(changes) < limit:
            return Page(changes, until)
        last = changes[-1] if changes else None
        return Page(changes, f"{last.stock_changed_at.isoformat()}/{last.id}" if last else cursor)

    def first_changes(self, since: Mapping[str, datetime]) -> dict[str, datetime]:
        first: dict[str, datetime] = {}
        for change in reversed(self.log) if since else ():
            if change.isbn in since and change.stock_changed_at > since[change.isbn]:
                first[change.isbn] = change.stock_changed_at
        return first

    def mark_imported(self, ids: Iterable[int]) -> set[int]:
        return self._mark(ids, imported_at=self.now(), failed_reason=None)

    def mark_failed(self, reasons: Mapping[int, str]) -> set[int]:
        for number, reason in reasons.items():
            self._mark([number], failed_reason=reason)
        return set(reasons)

    def clear_failed(self, ids: Iterable[int]) -> set[int]:
        return self._mark(ids, failed_reason=None)

    def _mark(self, ids: Iterable[int], **values: object) -> set[int]:
        ids, marked = set(ids), set()
        for isbn, row in self.rows.items() if ids else ():
            if row.id in ids:
                self.rows[isbn] = replace(row, **values)
                marked.add(row.id)
        return marked

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _counts(known: KnownStock) -> dict[str, tuple[int | None, int | None]]:
    return {center: of.counts[:2] for center, of in known.counted.items()}


def _place(cursor: str | None) -> tuple[datetime, int]:
    """The time and the number of the change that a cursor names."""
    at, _, number = (cursor or f"{datetime.min.replace(tzinfo=UTC).isoformat()}/0").rpartition("/")
    return datetime.fromisoformat(at), int(number)
