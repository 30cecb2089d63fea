"""What the sensors decide, as a table of cases: nothing is read, nothing is started."""

import pytest

from ingram_assets.locations.scraper.decisions import titles_to_read
from ingram_assets.locations.storefront.decisions import Place, after_run, import_rows, push_changes

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


class TestStockChanges:
    def test_each_changed_title_is_pushed_once(self):
        decision = push_changes(Place("c0"), [A, B, A], "c1", now=0)
        assert decision.isbns == (A, B)
        assert decision.place.cursor == "c0", "the cursor stays until the run has succeeded"
        assert decision.place.pending == "c1"

    def test_no_change_asks_for_nothing(self):
        decision = push_changes(Place("c0"), [], None, now=0)
        assert (decision.isbns, decision.place) == ((), Place("c0"))
        assert decision.reason

    def test_many_zeroes_wait_for_the_sweep_that_records_them(self):
        changed = [A, B, C]
        waits = push_changes(Place("c0"), changed, "c1", now=0, zeroes=5, sweeping=True)
        assert (waits.isbns, waits.place) == ((), Place("c0"))
        assert "5 titles turned to zero" in waits.reason
        assert push_changes(Place("c0"), changed, "c1", now=0, zeroes=5, sweeping=False).isbns == (A, B, C)
        assert push_changes(Place("c0"), changed, "c1", now=0, zeroes=4, sweeping=True).isbns == (A, B, C)

    def test_success_advances_the_cursor(self):
        asked = push_changes(Place("c0"), [A], "c1", now=0).place
        assert after_run(asked, "succeeded", 5, WAITS) == Place("c1")

    def test_a_run_at_work_is_waited_for(self):
        asked = push_changes(Place("c0"), [A], "c1", now=0).place
        assert after_run(asked, "in_progress", 5, WAITS) == asked

    def test_failure_goes_back_and_waits_longer_each_time(self):
        place, waited = Place("c0"), []
        for now in (100, 200, 300):
            place = after_run(push_changes(place, [A], "c1", now=now).place, "failed", now, WAITS)
            assert place.cursor == "c0"
            waited.append(place.retry_at - now)
            assert push_changes(place, [A], "c1", now=now + 1).isbns == ()
        assert waited == [10, 60, 60]

    def test_a_run_that_never_started_is_asked_for_again_at_once(self):
        asked = push_changes(Place("c0"), [A], "c1", now=0).place
        place = after_run(asked, "gone", 1, WAITS)
        again = push_changes(place, [A], "c1", now=1)
        assert again.isbns == (A,)
        assert again.place.run_key != asked.run_key, "Dagster starts a run key once"

    def test_the_place_survives_its_own_spelling(self):
        place = Place("c0", "c1", 2, 12.5)
        assert Place.parse(place.dump()) == place
        assert Place.parse(None) == Place()


class TestImportRows:
    @pytest.mark.parametrize(
        ("waiting", "importing", "asked"), [([], False, ()), ([A], True, ()), ([A], False, (A,))]
    )
    def test_rows_are_imported_unless_a_push_is_at_work(self, waiting, importing, asked):
        decision = import_rows(waiting, importing)
        assert decision.isbns == asked
        assert bool(decision.reason) is not bool(asked)
