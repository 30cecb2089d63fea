"""What the sensors decide, as a table of cases: nothing is read, nothing is started."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.defs.scraper.decisions import titles_to_read
from ingram_assets.defs.storefront.decisions import (
    AT_ONCE,
    LOOKED_AT_TOGETHER,
    MANY_HELD,
    OVERDUE,
    PLANS_EVERY,
    Asked,
    ChangeBatch,
    ChangeRange,
    PushDecision,
    SensorCursor,
    after_asking,
    after_run,
    ask,
    became_untrue,
    is_complete,
    no_plan_now,
    not_known_in_step,
    push_changes,
    queue_news,
    second_look,
    to_look_at,
    to_push_by_time,
    told_too_long,
)
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.staging.reader import RowState
from ingram_assets.store.journal import InStep

A, B, C = "9780306406157", "9781639739134", "9780000000002"
WAITS = (10.0, 60.0)


class TestTitlesToRead:
    def test_new_titles_are_asked_for_once(self):
        first = titles_to_read(tracked=[A, B], read=[A], asked=[], reading=False)
        assert first.isbns == (B,)
        again = titles_to_read(tracked=[A, B], read=[A], asked=first.asked, reading=False)
        assert again.isbns == ()
        assert "1 titles could not be read" in again.reason

    def test_a_title_that_was_read_is_forgotten(self):
        assert titles_to_read(tracked=[A, B], read=[A, B], asked=[B], reading=False).asked == frozenset()

    def test_a_run_at_work_reads_them_anyway(self):
        decision = titles_to_read(tracked=[A, B], read=[], asked=[], reading=True)
        assert decision.isbns == ()
        assert decision.asked == frozenset(), "else nobody would ask again once that run has failed"

    def test_a_retired_title_is_not_asked_for(self):
        assert titles_to_read(tracked=[A], read=[A], asked=[C], reading=False).asked == frozenset()


class Line:
    """Changes that stand in a row: "c0" is before the first of them, "c1" behind it."""

    def __init__(self, *isbns: str, zeroes: int = 0, a_page: int = AT_ONCE) -> None:
        self.isbns, self.zeroes, self.a_page = list(isbns), zeroes, a_page

    def read(self, stretch: ChangeRange) -> ChangeBatch:
        after = int((stretch.after or "c0")[1:])
        last = len(self.isbns) if stretch.until is None else int(stretch.until[1:])
        end = min(after + self.a_page, last)
        return ChangeBatch(self.isbns[after:end], f"c{end}", self.zeroes)

    def decide(self, place: SensorCursor, now: float = 0.0, **more: Any) -> PushDecision:
        return push_changes(place, self.read, now, **more)

    def fail(self, place: SensorCursor, now: float) -> SensorCursor:
        """The place after a run that is asked for now, and that fails at once."""
        asked = self.decide(place, now)
        assert asked.isbns
        return after_run(asked.place, "failed", now, WAITS)


START = SensorCursor("c0")


class TestStockChanges:
    def test_each_changed_title_is_pushed_once(self):
        decision = Line(A, B, A).decide(START)
        assert decision.isbns == (A, B)
        assert decision.place.cursor == "c0", "the cursor stays until the run has ended"
        assert decision.place.pending == "c3"

    def test_no_change_asks_for_nothing(self):
        decision = Line().decide(START)
        assert (decision.isbns, decision.place, decision.reason) == ((), START, "No stock changed.")

    def test_many_zeroes_wait_for_the_sweep_that_records_them(self):
        line = Line(A, B, C, zeroes=5)
        waits = line.decide(START, is_sweeping=lambda: True)
        assert (waits.isbns, waits.place) == ((), START)
        assert "5 titles turned to zero" in waits.reason
        assert line.decide(START, is_sweeping=lambda: False).isbns == (A, B, C)
        line.zeroes = 4
        assert line.decide(START, is_sweeping=lambda: True).isbns == (A, B, C)

    def test_success_advances_the_cursor(self):
        asked = Line(A).decide(START).place
        assert after_run(asked, "succeeded", 5, WAITS) == SensorCursor("c1")

    def test_a_run_at_work_is_waited_for(self):
        asked = Line(A).decide(START).place
        assert after_run(asked, "in_progress", 5, WAITS) == asked

    def test_what_a_failed_run_was_for_waits_longer_each_time(self):
        line, place, now, waited = Line(A), START, 100.0, []
        for _ in range(3):
            place = line.fail(place, now)
            (held,) = place.held
            assert (held.after, held.until) == ("c0", "c1")
            waited.append(held.retry_at - now)
            waits = line.decide(place, held.retry_at - 1)
            assert (waits.isbns, waits.place) == ((), place)
            assert "is tried again in 1 s." in waits.reason
            now = held.retry_at
        assert waited == [10, 60, 60]
        again = line.decide(place, now)
        assert again.isbns == (A,)
        assert after_run(again.place, "succeeded", now, WAITS) == SensorCursor("c1")

    def test_what_changes_after_a_failed_run_is_asked_for_at_once_and_alone(self):
        line = Line(A)
        place = line.fail(START, 100)
        line.isbns += [B, C]
        new = line.decide(place, 101)
        assert new.isbns == (B, C)
        assert after_run(new.place, "succeeded", 102, WAITS) == replace(place, cursor="c3")
        assert after_run(new.place, "failed", 102, WAITS).held == (
            *place.held,
            ChangeRange("c1", "c3", 1, 112),
        )
        assert new.place.run_key != line.decide(START, 100).place.run_key

    def test_a_title_that_changed_again_does_not_wait_for_its_own_failure(self):
        line = Line(A)
        place = line.fail(START, 100)
        line.isbns += [A]
        assert line.decide(place, 101).isbns == (A,)

    def test_new_changes_go_first_unless_what_failed_is_overdue(self):
        line = Line(A)
        place = line.fail(START, 100)
        line.isbns += [B]
        assert line.decide(place, 110 + OVERDUE).isbns == (B,)
        assert line.decide(place, 111 + OVERDUE).isbns == (A,)

    def test_what_failed_least_is_tried_again_first(self):
        line, place = Line(A), START
        for now in (100.0, 110.0):
            place = line.fail(place, now)
        line.isbns += [B]
        place = line.fail(place, 160)
        assert line.decide(place, 175).isbns == (B,)

    def test_a_stretch_of_several_pages_goes_on_where_a_page_came_through(self):
        line = Line(A, B, C, a_page=2)
        place = replace(START, cursor="c3", held=(ChangeRange("c0", "c3", 2, 50.0),))
        first = line.decide(place, 60)
        assert first.isbns == (A, B)
        place = after_run(first.place, "succeeded", 61, WAITS)
        second = line.decide(place, 62)
        assert second.isbns == (C,)
        assert after_run(second.place, "succeeded", 63, WAITS) == SensorCursor("c3")

    def test_few_stretches_are_held_and_an_outage_does_not_join_what_was_stopped_long_ago(self):
        line, place, now = Line(A), START, 0.0
        for _ in range(5):
            place = line.fail(place, now)
            now += 60
        stopped = place.held[0]
        now -= 30
        for second in range(3 * MANY_HELD):
            line.isbns.append(B)
            place = line.fail(place, now + second)
            assert len(place.held) <= MANY_HELD
        assert place.held[0] == stopped
        covered = [(one.after, one.until) for one in place.held]
        assert [until for _, until in covered[:-1]] == [after for after, _ in covered[1:]]
        assert covered[-1][1] == place.cursor == f"c{len(line.isbns)}"

    def test_a_run_that_never_started_is_asked_for_again_at_once(self):
        line = Line(A)
        asked = line.decide(START).place
        place = after_run(asked, "gone", 1, WAITS)
        again = line.decide(place, 1)
        assert again.isbns == (A,)
        assert again.place.run_key != asked.run_key, "Dagster starts a run key once"
        held = line.fail(START, 100)
        tried = line.decide(held, 110)
        assert after_run(tried.place, "gone", 111, WAITS) == held

    def test_the_place_survives_its_own_spelling(self):
        held = ChangeRange("c0", "c1", 2, 12.5), ChangeRange("c2", "c3", 1, 13.0)
        place = SensorCursor("c3", "c1", 99.25, held[0], held)
        assert SensorCursor.parse(place.dump()) == place
        assert SensorCursor.parse(None) == SensorCursor()

    def test_a_place_of_an_earlier_version_keeps_its_cursor(self):
        text = '{"cursor": "c0", "pending": null, "tries": 2, "retry_at": 12.5, "asked_at": 0.0}'
        assert SensorCursor.parse(text) == SensorCursor("c0")

    @pytest.mark.parametrize("text", ["", "c0", "[1]", '{"cursor": "c0", "held": [1]}', "7"])
    def test_a_cursor_that_is_none_is_the_beginning(self, text):
        assert SensorCursor.parse(text) == SensorCursor()

    def test_a_place_that_comes_again_has_another_key(self):
        first = Line(A).decide(SensorCursor(), now=100).place
        again = Line(A).decide(SensorCursor(), now=100.01).place
        assert first.run_key != again.run_key, "the cursor was reset, and the push is meant to run"

    def test_retired_titles_are_not_pushed_and_hold_nobody_back(self):
        assert Line(A, B).decide(START, retired=[A]).isbns == (B,)
        alone = Line(A).decide(START, retired=[A])
        assert (alone.isbns, alone.place) == ((), SensorCursor("c1")), (
            "else a page full of them would be the last"
        )
        held = Line(A).fail(START, 100)
        assert Line(A).decide(held, 200, retired=[A]).place == SensorCursor("c1")


class TestAsking:
    """What `rows_to_import` and `clock_changes` remember of what they asked for."""

    @staticmethod
    def ask(asked: Asked, *wanted: str, now: float = 0.0, pushing: bool = False) -> PushDecision:
        by_key = {isbn: isbn for isbn in wanted}
        return ask(asked, by_key, now, what="rows to import", pushing=pushing)

    def ended(self, request: PushDecision, state: Any, *wanted: str, now: float) -> Asked:
        asked = Asked.parse(request.place.dump())
        assert asked == request.place, "it survives its own spelling"
        return after_asking(asked, state, wanted, now, WAITS)

    @pytest.mark.parametrize(
        ("waiting", "importing", "asked"), [([], False, ()), ([A], True, ()), ([A], False, (A,))]
    )
    def test_rows_are_imported_unless_a_push_is_at_work(self, waiting, importing, asked):
        request = self.ask(Asked(), *waiting, pushing=importing)
        assert request.isbns == asked
        assert bool(request.reason) is not bool(asked)

    def test_a_run_at_work_is_waited_for(self):
        request = self.ask(Asked(), A)
        asked = self.ended(request, "in_progress", A, B, now=5)
        assert asked == request.place
        assert self.ask(asked, A, B, now=5).isbns == ()

    def test_a_failure_waits_longer_each_time(self):
        asked, waited, now = Asked(), [], 100.0
        for _ in range(3):
            asked = self.ended(self.ask(asked, A, now=now), "failed", A, now=now)
            waited.append(asked.held[A].until - now)
            assert self.ask(asked, A, now=now + waited[-1] - 1).isbns == ()
            now += waited[-1]
        assert waited == [10, 60, 60]

    def test_what_a_run_that_succeeded_left_undone_waits_too(self):
        asked = self.ended(self.ask(Asked(), A, B), "succeeded", B, now=1)
        assert asked.held.keys() == {B}
        assert self.ask(asked, B, now=2).isbns == ()

    def test_what_was_done_is_forgotten(self):
        asked = self.ended(self.ask(Asked(), A), "failed", A, now=1)
        assert after_asking(asked, "gone", [], 2, WAITS) == Asked()

    def test_a_new_one_is_asked_for_while_an_old_one_is_held_back_and_never_with_it(self):
        asked = self.ended(self.ask(Asked(), A), "failed", A, now=0)
        new = self.ask(asked, A, B, now=1)
        assert new.isbns == (B,)
        asked = self.ended(new, "succeeded", A, now=2)
        # Nor when both are due: the old one would take the new one down again.
        assert self.ask(asked, A, C, now=1000).isbns == (C,)
        assert self.ask(asked, A, now=1000).isbns == (A,)

    def test_a_run_that_never_started_is_asked_for_again_at_once_under_another_key(self):
        first = self.ask(Asked(), A, now=0)
        again = self.ask(self.ended(first, "gone", A, now=1), A, now=1)
        assert again.isbns == (A,)
        assert again.place.run_key != first.place.run_key

    def test_many_are_asked_for_in_turn(self):
        wanted = [str(number) for number in range(AT_ONCE + 1)]
        first = self.ask(Asked(), *wanted)
        assert len(first.isbns) == AT_ONCE
        asked = self.ended(first, "failed", *wanted, now=1)
        assert self.ask(asked, *wanted, now=1).isbns == (wanted[-1],)
        assert len(asked.dump()) < 20_000, "a cursor is kept with each tick"

    def test_what_is_asked_for_is_remembered_by_its_key_and_pushed_by_its_isbn(self):
        decision = ask(Asked(), {"row 7": A}, 0.0, what="rows to import", pushing=False)
        assert (decision.isbns, decision.place.keys) == ((A,), ("row 7",))

    @pytest.mark.parametrize("text", ["", "x", "[1]", '{"held": [[1]]}', '{"keys": 7}', "7"])
    def test_a_cursor_that_is_none_is_the_beginning(self, text):
        assert Asked.parse(text) == Asked()


class TestCompleteRows:
    NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("binding", "cover", "minutes", "complete"),
        [
            ("Paperback", "https://covers/1.jpg", 0, True),
            ("Paperback", None, 9, False),
            (None, "https://covers/1.jpg", 9, False),
            (None, None, 9, False),
            ("Paperback", None, 11, True),
            (None, None, 11, True),
        ],
    )
    def test_a_row_without_page_or_cover_waits(self, binding, cover, minutes, complete):
        created_at = self.NOW - timedelta(minutes=minutes)
        row = Title(1, A, "A book", binding=binding, cover_url=cover, created_at=created_at)
        assert is_complete(row, self.NOW) is complete

    def test_a_row_without_a_time_is_old(self):
        assert is_complete(Title(1, A, "A book"), self.NOW)


class TestSecondLook:
    AFTER = timedelta(hours=2)

    def test_each_order_has_one_when_its_title_was_read_again(self):
        at = datetime(2026, 3, 2, 0, 7, tzinfo=UTC)
        looks = [at + timedelta(minutes=minute) for minute in (0, 1, 9, 100, 101, 300)]
        spans = [span for pair in pairwise(looks) if (span := second_look(*pair, self.AFTER))]
        assert all(before[1] == after[0] for before, after in pairwise(spans)), "none twice, none left out"
        assert spans[0][0] <= at - self.AFTER
        last = looks[-1] - self.AFTER
        assert last - LOOKED_AT_TOGETHER < spans[-1][1] <= last, "soon, and never too early"

    def test_those_of_a_quarter_of_an_hour_have_it_together(self):
        at = datetime(2026, 3, 2, 12, 1, tzinfo=UTC)
        assert second_look(at, at + timedelta(minutes=13), self.AFTER) is None
        begin, end = second_look(at, at + timedelta(minutes=14), self.AFTER)
        assert (begin, end) == (at - timedelta(minutes=121), at - timedelta(minutes=106))


class TestClock:
    """What time alone made untrue of what the store was told."""

    ZONE = ZoneInfo("America/Chicago")
    NOON = datetime(2026, 11, 20, 12, 0, tzinfo=ZONE)
    DAY = timedelta(hours=24)

    def title(self, read_hours_ago: float, copies: int = 5, day: date | None = None) -> Title:
        read_at = self.NOON - timedelta(hours=read_hours_ago)
        stock = {"TN": DcStock(copies, 0, "primary")}
        return Title(1, A, "A book", stock=stock, stock_observed_at=read_at, publication_date=day)

    def told(self, hours_ago: float, until: datetime | None = None, *aged: str) -> Mapping[str, InStep]:
        return {A: InStep(A, 1, None, until, self.NOON - timedelta(hours=hours_ago), aged)}

    def over(self, title: Title, told: Mapping[str, InStep], max_age: timedelta | None = DAY) -> Any:
        return became_untrue([title], told, self.NOON, max_age, self.ZONE)

    def test_a_reading_that_is_too_old_now_is_pushed(self):
        assert self.over(self.title(25), self.told(25, self.NOON - timedelta(hours=1))) == ([A], {})

    def test_a_newer_reading_moves_its_end_on_and_pushes_nothing(self):
        changed, still = self.over(self.title(1), self.told(25, self.NOON - timedelta(hours=1)))
        assert (changed, still) == ([], {A: self.NOON + timedelta(hours=23)})

    def test_copies_that_are_counted_anew_are_pushed(self):
        assert self.over(self.title(1), self.told(3, None, "TN")) == ([A], {})
        assert self.over(self.title(40), self.told(3, None, "TN")) == ([], {}), "they are as old as before"

    def test_a_preorder_whose_day_came_is_pushed_whatever_was_read(self):
        midnight = datetime(2026, 11, 20, tzinfo=self.ZONE)
        for read in (1, 20):
            title = self.title(read, day=midnight.date())
            assert self.over(title, self.told(13, midnight), None) == ([A], {})
            assert self.over(title, self.told(11, midnight), None)[0] == [], "told after it"

    ROW = RowState(7, A, "A book", True, True, NOON, NOON, None, NOON)

    @pytest.mark.parametrize("read_ago", [2, 4])
    def test_a_queue_that_was_restored_is_carried_to_the_store_once_it_was_read_again(self, read_ago):
        """The count is the one of the backup, and no change; the store was told of a later one."""
        last_change = self.NOON - timedelta(hours=20)
        told = {A: replace(self.told(3)[A], stock_changed_at=self.NOON - timedelta(hours=5))}
        row = replace(self.ROW, stock_changed_at=last_change)
        assert to_look_at([row], told, [], self.NOON, None) == [A]
        title = replace(self.title(read_ago), stock_changed_at=last_change)
        assert self.over(title, told)[0] == ([A] if read_ago < 3 else []), "what was read before may be older"

    @pytest.mark.parametrize(("read_ago", "looked_at"), [(21, True), (20, False), (1, False)])
    def test_a_restored_queue_whose_reading_is_too_old_sooner_than_what_was_told(self, read_ago, looked_at):
        """Its count is the same, and the title may never be read again."""
        row = replace(self.ROW, stock_observed_at=self.NOON - timedelta(hours=read_ago))
        day, until = timedelta(hours=24), self.NOON + timedelta(hours=4)
        assert to_look_at([row], self.told(30, until), [], self.NOON, day) == ([A] if looked_at else [])
        of_a_preorder = self.told(30, self.NOON + timedelta(days=60))
        assert to_look_at([row], of_a_preorder, [], self.NOON, day) == []

    @pytest.mark.parametrize(
        ("row", "hours", "aged", "looked_at"),
        [
            (ROW, -1, (), True),
            (ROW, +1, (), False),
            (ROW, None, (), False),
            (ROW, None, ("TN",), True),
            (replace(ROW, imported_at=None), -1, (), True),
            (replace(ROW, imported_at=None, failed_reason="No price."), -1, (), True),
            (replace(ROW, failed_reason="Its product is gone."), -1, (), False),
        ],
    )
    def test_what_is_looked_at(self, row, hours, aged, looked_at):
        until = None if hours is None else self.NOON + timedelta(hours=hours)
        told = self.told(30, until, *aged)
        assert to_look_at([row], told, [], self.NOON, None) == ([A] if looked_at else [])
        assert to_look_at([row], told, [A], self.NOON, None) == [], "nobody pushes a retired title"

    @pytest.mark.parametrize(
        ("row", "pushed"),
        [
            (ROW, True),
            (replace(ROW, imported_at=None, failed_reason="No price."), True),
            (replace(ROW, failed_reason="Its product is gone."), False),
        ],
    )
    def test_what_the_store_refuses_is_not_asked_for_again_by_the_clock(self, row, pushed):
        told, since = self.told(30, None), {A: self.NOON - timedelta(hours=2)}
        assert to_push_by_time([row], told, [], [], since) == ([A] if pushed else [])
        assert to_push_by_time([row], told, [A], [], since) == []
        assert to_push_by_time([self.ROW], told, [], [A], since) == [A]

    def test_a_title_that_was_told_that_its_reading_is_too_old_is_not_told_again(self):
        too_old = told_too_long({A: self.NOON - timedelta(hours=26)}, self.NOON, self.DAY)
        assert too_old == {A: self.NOON - timedelta(hours=2)}
        assert told_too_long({A: self.NOON - timedelta(hours=26)}, self.NOON, None) == {}
        assert to_push_by_time([self.ROW], self.told(3), [], [], too_old) == [A]
        assert to_push_by_time([self.ROW], self.told(1), [], [], too_old) == []

    @pytest.mark.parametrize(
        ("row", "wanted"),
        [
            (ROW, True),
            (replace(ROW, imported_at=None), False),
            (replace(ROW, failed_reason="Its product is gone."), False),
        ],
    )
    def test_a_title_of_which_nothing_is_known_is_pushed(self, row, wanted):
        for told in ({}, {A: replace(self.told(1)[A], pushed_at=None)}):
            assert not_known_in_step([row], told, []) == ([A] if wanted else [])
            assert not_known_in_step([row], told, [A]) == []
        assert not_known_in_step([row], self.told(1), []) == []


def test_a_shop_that_only_watches_plans_when_there_is_news_and_not_all_the_time() -> None:
    at = datetime(2026, 11, 29, 12, tzinfo=UTC)
    row = RowState(7, "9781639739134", "A book", True, True, at, None, None, at, at)
    news = queue_news([row])
    assert no_plan_now(None, "", 1000.0) == "The queue has no title yet."
    assert no_plan_now(None, news, 1000.0) == ""
    asked = f"{news}@1000.0"
    assert no_plan_now(asked, news, 9000.0) == "Nothing is new since the last plan."
    read = queue_news([replace(row, stock_observed_at=at + timedelta(hours=1))])
    assert no_plan_now(asked, read, 1060.0) == f"The next plan is made in {PLANS_EVERY - 60:.0f} s."
    assert no_plan_now(asked, read, 1000.0 + PLANS_EVERY) == ""
    assert len({news, read, queue_news([row, replace(row, id=8)])}) == 3
    assert queue_news([replace(row, created_at=None)])
