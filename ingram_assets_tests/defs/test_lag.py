"""Whether the store follows the queue, as a table of cases: rows and times in, a finding out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ingram_assets.defs.storefront.lag import Lag, look, not_told, sentence
from ingram_assets.staging.reader import RowState
from ingram_assets.store.journal import InStep

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
AT_MOST = timedelta(minutes=10)
A, B, C = "9780306406157", "9781639739134", "9780000000002"


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


ROW = RowState(7, A, "A book", True, True, ago(9000), ago(8000), None, ago(5000))
TOLD = InStep(A, 7, ago(5000), NOW + timedelta(hours=1), ago(60))
"""A title in step."""


def found(
    row: RowState,
    told: InStep | None = TOLD,
    *,
    tracked: bool = True,
    retired: bool = False,
    live_since: datetime | None = None,
) -> Lag:
    return look(
        [row],
        {A: told} if told else {},
        {},
        tracked=[A] if tracked else [],
        retired=[A] if retired else [],
        now=NOW,
        at_most=AT_MOST,
        live_since=live_since,
    )


WAITS = replace(ROW, imported_at=None)


@pytest.mark.parametrize(
    ("row", "told", "kind"),
    [
        (ROW, TOLD, None),
        # A row that waits: it may take ten minutes to be complete, and as long again to be imported.
        (replace(WAITS, created_at=ago(11), stock_changed_at=ago(11)), None, "import"),
        (replace(WAITS, created_at=ago(9), stock_changed_at=ago(8)), None, None),
        (replace(WAITS, created_at=ago(19), stock_changed_at=ago(9)), None, None),
        (replace(WAITS, created_at=ago(21), stock_changed_at=ago(1)), None, "import"),
        (replace(WAITS, created_at=ago(19), has_cover=False), None, None),
        (replace(WAITS, created_at=ago(21), has_cover=False), None, "import"),
        (replace(WAITS, created_at=ago(21), has_details=False), None, "import"),
        (replace(WAITS, created_at=None), None, "import"),
        (replace(WAITS, created_at=ago(5)), TOLD, None),
        # A change of stock that the store was not told of.
        (replace(ROW, stock_changed_at=ago(11)), TOLD, "stock"),
        (replace(ROW, stock_changed_at=ago(9)), TOLD, None),
        (replace(ROW, stock_changed_at=ago(11)), replace(TOLD, stock_changed_at=None), "stock"),
        (replace(WAITS, created_at=ago(5), stock_changed_at=ago(11)), TOLD, "stock"),
        # Never told, although the row says that it was imported.
        (ROW, None, "stock"),
        (replace(ROW, stock_changed_at=ago(9)), None, None),
        (replace(ROW, stock_changed_at=None, imported_at=ago(11)), None, "stock"),
        # What it was told has ended.
        (ROW, replace(TOLD, valid_until=ago(11)), "time"),
        (ROW, replace(TOLD, valid_until=ago(9)), None),
        (ROW, replace(TOLD, valid_until=None), None),
        # The daily look.
        (ROW, replace(TOLD, pushed_at=ago(25 * 60)), None),
        (ROW, replace(TOLD, pushed_at=ago(27 * 60)), "look"),
        # Not known to be in step, since it was retired until now: what comes from now on counts.
        (ROW, replace(TOLD, pushed_at=None, valid_until=None), None),
    ],
)
def test_what_the_store_does_not_follow(row: RowState, told: InStep | None, kind: str | None) -> None:
    assert [one.what for one in found(row, told).behind] == ([kind] if kind else [])
    assert found(row, told, retired=True) == Lag((), 0, 0)
    refused = found(replace(row, failed_reason="No price."), told)
    assert (refused.behind, refused.titles, refused.failed) == ((), 1, 1)


@pytest.mark.parametrize(("minutes", "kind"), [(9, None), (11, "untracked"), (None, "untracked")])
def test_a_row_that_nobody_reads(minutes: float | None, kind: str | None) -> None:
    row = replace(ROW, created_at=None if minutes is None else ago(minutes))
    assert [one.what for one in found(row, tracked=False).behind] == ([kind] if kind else [])
    unasked = look([row], {A: TOLD}, {}, tracked=None, retired=[], now=NOW, at_most=AT_MOST)
    assert unasked.behind == (), "Dagster can't be asked"


def test_a_title_that_changes_all_the_time_is_late_since_its_first_change() -> None:
    row = replace(ROW, stock_changed_at=ago(1))
    told_at = TOLD.stock_changed_at
    assert not_told([row, replace(ROW, isbn=B), replace(ROW, isbn=C)], {A: TOLD, B: TOLD}) == {A: told_at}
    lag = look([row], {A: TOLD}, {A: ago(90)}, tracked=[A], retired=[], now=NOW, at_most=AT_MOST)
    assert [(one.what, one.since) for one in lag.behind] == [("stock", ago(90))]


@pytest.mark.parametrize(
    ("changed", "sweeping", "behind"), [(30, None, True), (30, 40, False), (30, 20, True)]
)
def test_a_change_may_wait_for_the_end_of_the_sweep_that_recorded_it(
    changed: float, sweeping: float | None, behind: bool
) -> None:
    row = replace(ROW, stock_changed_at=ago(changed))
    since = None if sweeping is None else ago(sweeping)
    how = {"tracked": [A], "retired": [], "now": NOW, "at_most": AT_MOST, "sweeping_since": since}
    assert bool(look([row], {A: TOLD}, {}, **how).behind) is behind
    waits = replace(WAITS, created_at=ago(30), stock_changed_at=ago(30))
    assert look([waits], {}, {}, **how).behind, "an import waits for no sweep"


def test_the_longest_is_first_and_all_are_counted() -> None:
    rows = [replace(ROW, isbn=A, stock_changed_at=ago(20)), replace(ROW, isbn=B, stock_changed_at=ago(30))]
    rows += [replace(WAITS, isbn=C, created_at=None)]
    told = {isbn: replace(TOLD, isbn=isbn) for isbn in (A, B)}
    lag = look(rows, told, {}, tracked=[A, B, C], retired=[], now=NOW, at_most=AT_MOST)
    assert [one.isbn for one in lag.behind] == [C, B, A]
    assert lag.count() == {"import": 1, "stock": 2}


class TestSentence:
    def say(self, *rows: RowState, tracked: tuple[str, ...] = (A, B), off: tuple[str, ...] = ()) -> str:
        told = {row.isbn: replace(TOLD, isbn=row.isbn) for row in rows}
        return sentence(
            look(rows, told, {}, tracked=tracked, retired=[], now=NOW, at_most=AT_MOST), AT_MOST, off
        )

    def test_all_is_well(self) -> None:
        assert self.say(ROW) == "The store follows the queue: 1 title in step."
        failed = self.say(ROW, replace(ROW, isbn=B, failed_reason="No."))
        assert failed.endswith("1 title failed and is not counted: ingram status says why.")

    def test_it_says_how_many_since_when_and_what_to_do(self) -> None:
        rows = [replace(ROW, stock_changed_at=ago(30)), replace(ROW, isbn=B, stock_changed_at=ago(20))]
        assert self.say(*rows) == (
            "The store has not followed 2 of 2 titles for more than 10 min, 9780306406157 since "
            "2026-11-20 13:30:00 UTC: 2 have a change of stock that the store does not show. Look at the "
            "last runs and ticks of stock_changes in Dagster. Once Medusa answers, ingram push brings all of "
            "it."
        )
        off = self.say(*rows, off=("stock_changes", "sweep_due"))
        assert "Switched off in Dagster: stock_changes. Switch on again under Automation." in off
        assert "Look at" not in off

    def test_a_row_that_nobody_reads_has_its_two_ways_out(self) -> None:
        said = self.say(replace(ROW, isbn="x; rm -rf /"), ROW, tracked=())
        assert "2 are not tracked by Dagster" in said
        assert f"ingram enrich {A}. Or let it go: ingram retire {A}." in said
        assert "ingram push" not in said
        assert "ingram enrich ISBN." in self.say(replace(ROW, isbn="x; rm -rf /"), tracked=())


@pytest.mark.parametrize(
    "row",
    [
        replace(WAITS, created_at=ago(9000)),
        replace(WAITS, created_at=None),
        replace(ROW, stock_changed_at=ago(4000)),
    ],
    ids=["to-import", "without-a-time", "changed"],
)
def test_what_waited_while_the_shop_only_watched_is_late_from_when_it_went_live(row: RowState) -> None:
    told = None if row.imported_at is None else TOLD
    assert found(row, told).behind
    assert not found(row, told, live_since=ago(9)).behind
    assert [one.since for one in found(row, told, live_since=ago(11)).behind] == [ago(11)]
