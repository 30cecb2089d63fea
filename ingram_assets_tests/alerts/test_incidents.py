"""What people are told and when, as tables of cases: nothing is read, nothing is sent."""

from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.alerts.incidents import decide, open_incidents, wants_stale
from ingram_assets.alerts.kinds import BACKUP_TOO_OLD, KINDS, STOCK_TOO_OLD, STORE_LAGS, kind_of
from ingram_assets.alerts.messages import duration
from ingram_assets.alerts.model import (
    Alert,
    AlertRules,
    AssetFreshness,
    Checked,
    Failed,
    FailedPart,
    IncidentLog,
    LowStock,
    Occurrence,
    Succeeded,
    Watchdog,
)
from ingram_assets.alerts.tables import AlertTables
from ingram_assets.defs.operations.watched import NAMES
from ingram_assets.domain.lifetime import StaleReading, StaleReadings

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 20, 14, 0, tzinfo=ZONE).timestamp()
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
RULES = AlertRules(
    (5 * MINUTE, 15 * MINUTE), {"ipage/stock_sweep": 2 * HOUR}, ZONE, "http://dagster.example:3000", NAMES
)
SWEEP, PUSH = "ipage/stock_sweep", "push_titles"
_ids = count(1)


class Shop:
    """The watch over a made-up shop: a clock, what happens, and what was told so far."""

    def __init__(self, tables: AlertTables) -> None:
        self.now, self.book, self.told = NOW, IncidentLog(), list[Alert]()
        self.tables = tables
        self.promises: list[AssetFreshness] = []
        self.stale: StaleReadings | None = None
        self.watchdogs: list[Watchdog] = []
        self.look()

    def look(self, *seen: Occurrence, after: float = 10.0) -> list[str]:
        """A tick `after` seconds later; the subjects it tells."""
        self.now += after
        # As the sensor does it: the book goes through its tables between two looks.
        book = self.tables.log()
        assert book == self.book
        self.book, alerts = decide(book, seen, self.promises, self.stale, self.now, RULES, self.watchdogs)
        self.tables.record(self.book, alerts, ["somebody"])
        self.told += alerts
        for alert in alerts:
            steps = [line for line in alert.body.splitlines() if line.startswith("What to do: ")]
            assert len(steps) == (alert.tone != "success"), "exactly one next step"
            assert alert.tone == "success" or kind_of(alert.subject) in KINDS
        return [alert.subject for alert in alerts]

    def fails(self, work: str = PUSH, kind: str = "transient", *, after: float = 10.0, **more) -> list[str]:
        more = {"retried": True, "reason": "It timed out.", "run_id": f"run-{next(_ids)}"} | more
        return self.look(Failed(next(_ids), self.now + after, work=work, kind=kind, **more), after=after)

    def succeeds(self, work: str = PUSH, *, after: float = 10.0) -> list[str]:
        return self.look(Succeeded(next(_ids), self.now + after, "run-ok", work), after=after)

    def checks(self, asset: str, name: str, passed: bool, *, after: float = 10.0, **more) -> list[str]:
        more = {"run_id": f"run-{next(_ids)}"} | more
        seen = Checked(next(_ids), self.now + after, asset=asset, name=name, passed=passed, **more)
        return self.look(seen, after=after)

    def sweeps(self, state: str, last: float | None = None) -> None:
        self.promises = [AssetFreshness(SWEEP, state, self.now, last)]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(AlertTables(f"sqlite:///{tmp_path / 'alerts.sqlite'}"))


class TestRuns:
    @pytest.mark.parametrize(
        ("kind", "subject", "over"),
        [
            ("block", "iPage blocks us", "Over: iPage blocks us"),
            ("sign_in", "The sign-in to iPage needs a person", "Over: the sign-in to iPage needs a person"),
            (
                "needs_person",
                "A person has to act: the stock sweep can't go on",
                "Over: a person has to act: the stock sweep can't go on",
            ),
            (
                "permanent",
                "A run failed for good: the stock sweep",
                "Over: a run failed for good: the stock sweep",
            ),
            ("guardrail", "A guardrail stopped the stock sweep", "Over: a guardrail stopped the stock sweep"),
        ],
    )
    def test_what_will_not_pass_is_told_once_and_once_more_when_it_is_over(self, shop, kind, subject, over):
        shop.sweeps("PASS", last=shop.now)
        assert shop.fails(SWEEP, kind) == [subject]
        assert shop.fails(SWEEP, kind, after=HOUR) == []
        assert shop.fails(SWEEP, kind, after=HOUR) == []
        assert [one.subject for one in open_incidents(shop.book)] == [subject]
        assert shop.look() == []
        assert shop.succeeds(SWEEP, after=HOUR) == [over]
        assert "2 repeats counted meanwhile, not sent." in shop.told[-1].body
        assert "3 h" in shop.told[-1].body
        assert shop.succeeds(SWEEP) == []
        assert open_incidents(shop.book) == []

    def test_the_alert_says_why_and_links_to_the_run(self, shop):
        shop.fails(kind="permanent", reason="Medusa answered 422.", run_id="abc")
        (alert,) = shop.told
        assert alert.subject == "A run failed for good: the push to the store"
        assert alert.body.splitlines() == [
            "Medusa answered 422.",
            "What to do: Type ingram runs abc: it says what the run did, and why it ended.",
            "Since Nov 20, 14:00 CST.",
            "http://dagster.example:3000/runs/abc",
        ]

    def test_what_is_tried_again_is_told_when_the_tries_are_used_up(self, shop):
        assert shop.fails() == []
        assert shop.fails(after=5 * MINUTE) == []
        assert shop.fails(after=15 * MINUTE) == ["A run failed for good: the push to the store"]
        assert "Seen 3 times so far." in shop.told[-1].body
        assert shop.fails(after=HOUR) == []

    def test_what_passed_is_never_told(self, shop):
        for _ in range(5):
            assert shop.fails() == []
            assert shop.fails(after=5 * MINUTE) == []
            assert shop.succeeds(after=15 * MINUTE) == []
        assert shop.told == []

    def test_a_failure_and_its_success_within_one_look_are_not_told(self, shop):
        at = shop.now
        failed = Failed(next(_ids), at + 1, "r1", PUSH, "needs_person", "No channel.")
        succeeded = Succeeded(next(_ids), at + 2, "r2", PUSH)
        shop.look(succeeded, failed)  # In any order: the ids say which came first.
        assert [alert.tone for alert in shop.told] == ["failure", "success"]
        assert open_incidents(shop.book) == []

    def test_what_should_have_been_tried_again_and_was_not_is_told_all_the_same(self, shop):
        shop.fails()
        assert shop.look(after=39 * MINUTE) == []
        assert shop.look(after=2 * MINUTE) == ["A run failed for good: the push to the store"]

    def test_what_nobody_tries_again_is_told_at_once(self, shop):
        assert shop.fails("enrich_titles", retried=False) == ["A run failed for good: enriching titles"]

    def test_a_success_elsewhere_ends_nothing(self, shop):
        shop.fails(kind="permanent")
        assert shop.succeeds("medusa/products") == []
        assert shop.succeeds(PUSH) != []

    @pytest.mark.parametrize("kind", ["block", "sign_in"])
    @pytest.mark.parametrize(
        "proof", ["ipage/saved_search", "ipage/stock_sweep", "title_page [9780306406157]"]
    )
    def test_the_site_is_one_incident_whoever_met_it_and_whoever_got_through(self, shop, kind, proof):
        shop.fails("title_page [9780306406157]", kind)
        assert shop.fails("ipage/saved_search", kind) == []
        assert shop.succeeds("push_titles") == []
        assert len(shop.succeeds(proof)) == 1

    def test_a_success_from_before_the_failure_ends_nothing_though_it_is_seen_later(self, shop):
        shop.fails(kind="permanent")
        assert shop.look(Succeeded(next(_ids), shop.now - MINUTE, "early", PUSH)) == []
        assert len(open_incidents(shop.book)) == 1

    def test_a_repeat_after_the_end_is_a_new_incident(self, shop):
        shop.fails(kind="needs_person")
        shop.succeeds()
        assert len(shop.fails(kind="needs_person")) == 1

    def test_what_failed_once_by_hand_is_forgotten_in_the_end(self, shop):
        shop.fails("enrich_titles", retried=False)
        shop.look(after=29 * DAY)
        assert open_incidents(shop.book) != []
        assert shop.look(after=2 * DAY) == []
        assert open_incidents(shop.book) == []


class TestChecks:
    CHECK = ("medusa/inventory_levels", "no_guardrail_tripped")

    def test_a_check_and_the_run_that_it_stopped_are_one_incident(self, shop):
        told = shop.checks(
            *self.CHECK, False, run_id="r1", blocking=True, reason="40 of 100 titles would turn to zero."
        )
        assert told == ["A guardrail stopped the push to the store"]
        assert "40 of 100 titles would turn to zero." in shop.told[-1].body
        check = ": ".join(self.CHECK)
        assert shop.fails(PUSH, "guardrail", run_id="r1", check=check) == []
        # A second push is stopped by it as well: counted.
        assert shop.checks(*self.CHECK, False, run_id="r2", blocking=True) == []
        assert shop.fails(PUSH, "guardrail", run_id="r2", check=check) == []
        assert [(one.times, one.run_id) for one in open_incidents(shop.book)] == [(2, "r2")]
        assert shop.checks(*self.CHECK, True) == ["Over: a guardrail stopped the push to the store"]
        assert "1 repeat counted meanwhile" in shop.told[-1].body

    def test_the_run_may_be_seen_first(self, shop):
        told = shop.fails(PUSH, "guardrail", run_id="r1", check=": ".join(self.CHECK))
        assert told == ["A guardrail stopped the push to the store"]
        assert shop.checks(*self.CHECK, False, run_id="r1", blocking=True) == []

    def test_another_guardrail_s_stop_is_an_incident_of_its_own(self, shop):
        prices, zeros = (
            FailedPart("mass_price", "9 prices."),
            FailedPart("mass_zero", "75 to zero."),
        )
        both = (prices, zeros)

        def stops(reason: str, *standing: FailedPart) -> list[str]:
            return shop.checks(*self.CHECK, False, blocking=True, reason=reason, guardrails=standing)

        assert stops("9 prices.", prices) == ["A guardrail stopped the push to the store: prices"]
        told = shop.checks(
            *self.CHECK, False, run_id="r2", blocking=True, reason="75 to zero.", guardrails=both
        )
        assert told == ["A guardrail stopped the push to the store: titles that turn to zero"]
        assert "75 to zero." in shop.told[-1].body
        assert "9 prices." not in shop.told[-1].body
        check = ": ".join(self.CHECK)
        assert shop.fails(PUSH, "guardrail", run_id="r2", check=check, guardrails=both) == []
        assert [(one.reason, one.times) for one in open_incidents(shop.book)] == [
            ("9 prices.", 2),
            ("75 to zero.", 1),
        ]
        # A push that comes through ends what nothing waits behind, and nothing else.
        assert stops("75 to zero.", zeros) == ["Over: a guardrail stopped the push to the store: prices"]
        assert shop.checks(*self.CHECK, True, guardrails=(zeros,)) == []
        assert shop.checks(*self.CHECK, True) == [
            "Over: a guardrail stopped the push to the store: titles that turn to zero"
        ]
        assert open_incidents(shop.book) == []

    def test_guardrails_that_stop_a_push_together_are_one_incident(self, shop):
        files, zeros = (
            FailedPart("mass_digital", "9 files."),
            FailedPart("mass_zero", "75 to zero."),
        )
        subject = (
            "A guardrail stopped the push to the store: titles that turn into files, titles that turn to zero"
        )
        stop = {"blocking": True, "reason": "9 files. 75 to zero."}
        assert shop.checks(*self.CHECK, False, **stop, guardrails=(files, zeros)) == [subject]
        assert shop.checks(*self.CHECK, False, **stop, guardrails=(files,)) == []
        # One that was over is news when it stops something again.
        assert shop.checks(*self.CHECK, False, **stop, guardrails=(files, zeros)) == [
            "A guardrail stopped the push to the store: titles that turn to zero"
        ]
        assert len(shop.checks(*self.CHECK, True)) == 2

    def test_the_run_that_a_guardrail_stopped_may_be_seen_first(self, shop):
        zeros = (FailedPart("mass_zero", "75 to zero."),)
        check = ": ".join(self.CHECK)
        assert len(shop.fails(PUSH, "guardrail", run_id="r1", check=check, guardrails=zeros)) == 1
        assert shop.checks(*self.CHECK, False, run_id="r1", blocking=True, guardrails=zeros) == []

    def test_any_other_check(self, shop):
        # Of no run: somebody outside Dagster reported it.
        told = shop.checks("queue/rows", "no_orphans", False, run_id="")
        assert told == ["A check failed: queue/rows, no orphans"]
        assert shop.checks("queue/rows", "no_orphans", False, run_id="") == []
        assert shop.checks("queue/rows", "others", True) == []
        assert [one.times for one in open_incidents(shop.book)] == [2]
        assert "http://dagster.example:3000/assets/queue/rows" in shop.told[-1].body
        assert len(shop.checks("queue/rows", "no_orphans", True)) == 1


class TestSla:
    STALE = StaleReadings(97, 100, (StaleReading("9780306406157", "Between Two Fires", NOW - 3 * HOUR),))

    def test_one_alert_when_it_breaks_and_one_when_it_is_met(self, shop):
        shop.sweeps("PASS", last=NOW - 2 * HOUR)
        shop.look()
        shop.sweeps("WARN", last=NOW - 2 * HOUR)
        assert shop.look() == []
        shop.sweeps("FAIL", last=NOW - 2 * HOUR)
        assert wants_stale(shop.book, shop.promises, SWEEP)
        shop.stale = self.STALE
        assert shop.look() == ["SLA broken: the stock of 97 titles is older than 2 h"]
        assert shop.told[-1].body.splitlines() == [
            "Since Nov 20, 14:00 CST. The last complete one was at Nov 20, 12:00 CST.",
            "97 of 100 titles are concerned, the oldest reading first:",
            "- 9780306406157 Between Two Fires, read Nov 20, 11:00 CST",
            "- and 96 more",
            f"What to do: {STOCK_TOO_OLD.next_step}",
            "http://dagster.example:3000/assets/ipage/stock",
        ]
        assert not wants_stale(shop.book, shop.promises, SWEEP), "it is asked for once"
        assert shop.look(after=HOUR) == []
        shop.sweeps("PASS", last=shop.now)
        assert shop.look() == ["SLA met again: the stock sweep came through"]
        assert shop.look() == []

    def test_an_outage_is_one_incident_with_its_reason(self, shop):
        """Sweeps fail, all tries of them, the standing check fails, the SLA breaks: one alert, one over."""
        shop.sweeps("WARN", last=shop.now - HOUR)
        shop.fails(SWEEP, reason="iPage did not answer.", run_id="sweep-1")
        shop.fails(SWEEP, reason="iPage did not answer.", after=5 * MINUTE)
        shop.fails(SWEEP, reason="iPage did not answer.", after=15 * MINUTE, run_id="sweep-3")
        shop.checks("ipage/stock", "within_the_promise", False, titles=("9780306406157",))
        assert shop.look(after=39 * MINUTE) == []
        shop.sweeps("FAIL", last=shop.now - 2 * HOUR)
        shop.stale = self.STALE
        assert len(shop.look()) == 1
        assert "Why: iPage did not answer. http://dagster.example:3000/runs/sweep-3" in shop.told[-1].body
        shop.fails(SWEEP)
        shop.checks("ipage/stock", "within_the_promise", False)
        # A title read by hand changes nothing of that.
        assert shop.succeeds("title_page [9780306406157]") == []
        assert len(open_incidents(shop.book)) == 1
        shop.succeeds(SWEEP)
        shop.sweeps("PASS", last=shop.now)
        shop.look()
        assert shop.checks("ipage/stock", "within_the_promise", True) == []
        assert [alert.subject.split(":")[0] for alert in shop.told] == ["SLA broken", "SLA met again"]
        assert "2 repeats counted meanwhile, not sent." in shop.told[-1].body

    def test_a_shop_that_was_never_swept_hears_of_the_sweep_itself(self, shop):
        shop.fails(SWEEP)
        shop.fails(SWEEP, after=5 * MINUTE)
        assert shop.fails(SWEEP, after=15 * MINUTE) == ["A run failed for good: the stock sweep"]

    def test_a_known_block_is_named_as_the_reason(self, shop):
        shop.sweeps("WARN", last=shop.now - HOUR)
        shop.fails(SWEEP, "block", reason="iPage blocks us: its page says Access Denied.", run_id="b")
        shop.sweeps("FAIL", last=shop.now - 2 * HOUR)
        shop.look()
        assert "Why: iPage blocks us: its page says Access Denied." in shop.told[-1].body

    def test_a_block_keeps_no_backup_from_being_taken(self, shop):
        shop.sweeps("PASS", last=shop.now)
        shop.fails(SWEEP, "block", reason="iPage blocks us.")
        shop.promises.append(AssetFreshness("shop/backup", "FAIL", shop.now, shop.now - 2 * 24 * HOUR))
        shop.look()
        assert shop.told[-1].body.splitlines() == [
            "Since Nov 20, 14:00 CST. The last complete one was at Nov 18, 14:00 CST.",
            f"What to do: {BACKUP_TOO_OLD.next_step}",
            "http://dagster.example:3000/assets/shop/backup",
        ]

    def test_any_asset_has_its_own(self, shop):
        shop.promises = [
            AssetFreshness("ipage/saved_search", "FAIL", shop.now),
            AssetFreshness("x/y", "FAIL", shop.now),
            AssetFreshness(SWEEP, "PASS", shop.now, shop.now),
        ]
        assert shop.look() == [
            "SLA broken: the discovery of the saved search has not come through in time",
            "SLA broken: x/y has not come through in time",
        ]
        shop.promises[1] = replace(shop.promises[1], state="PASS")
        assert shop.look() == ["SLA met again: x/y came through"]


class TestLeftBehind:
    BEHIND = ("ipage/stock", "within_the_promise")

    @pytest.mark.parametrize(
        ("state", "last", "told"),
        [
            ("PASS", -MINUTE, True),
            ("PASS", +MINUTE, False),  # The look is older than the last sweep.
            ("WARN", -HOUR, False),  # The sweep is late itself: its own SLA will tell.
            ("FAIL", -3 * HOUR, False),
        ],
    )
    def test_titles_are_left_behind_only_where_sweeps_come_through(self, shop, state, last, told):
        shop.sweeps(state, last=shop.now + last)
        subjects = shop.checks(*self.BEHIND, False, reason="3 titles are stale.", titles=("978, Emma",))
        behind = [subject for subject in subjects if subject.startswith("Titles are left behind")]
        assert bool(behind) is told
        if told:
            assert "- 978, Emma" in shop.told[-1].body
            assert shop.checks(*self.BEHIND, False) == []
            assert len(shop.checks(*self.BEHIND, True)) == 1

    def test_what_is_still_behind_after_an_outage_is_told(self, shop):
        shop.sweeps("FAIL", last=shop.now - 3 * HOUR)
        shop.look()
        shop.checks(*self.BEHIND, False)
        shop.sweeps("PASS", last=shop.now)
        assert shop.look() == ["SLA met again: the stock sweep came through"]
        assert shop.checks(*self.BEHIND, False)[0].startswith("Titles are left behind")


class TestStoreFollows:
    CHECK = ("medusa/inventory_levels", "store_follows_queue")
    BEHIND: ClassVar = {
        "reason": "The store has not followed 2 of 90 titles, one since 2026-11-20 19:40:00 UTC.",
        "run_id": "",
        "titles": ("9780306406157, Emma, stock, 2026-11-20 19:40:00 UTC",),
    }

    def test_one_alert_when_it_lags_and_one_when_it_follows_again(self, shop):
        assert shop.checks(*self.CHECK, False, **self.BEHIND) == ["The store lags behind the queue"]
        assert shop.told[-1].body.splitlines() == [
            "The store has not followed 2 of 90 titles, one since Nov 20, 13:40 CST.",
            "- 9780306406157, Emma, stock, Nov 20, 13:40 CST",
            f"What to do: {STORE_LAGS.next_step}",
            "Since Nov 20, 14:00 CST.",
            "http://dagster.example:3000/assets/medusa/inventory_levels",
        ]
        assert shop.checks(*self.CHECK, False, **self.BEHIND) == []
        assert shop.checks(*self.CHECK, True, after=HOUR) == ["Over: the store lags behind the queue"]
        assert shop.checks(*self.CHECK, True) == []

    def test_what_is_known_of_the_push_is_named_as_the_reason(self, shop):
        shop.fails(reason="Medusa did not answer.", run_id="push-1")
        shop.fails("enrich_titles", reason="Nothing to do with it.", run_id="enrich-1")
        shop.checks("medusa/inventory_levels", "no_guardrail_tripped", False, reason="40 %.", blocking=True)
        shop.checks(*self.CHECK, False, **self.BEHIND)
        body = shop.told[-1].body
        assert "Why: Medusa did not answer. http://dagster.example:3000/runs/push-1" in body
        assert "Why: 40 %." in body
        assert "Nothing to do with it." not in body


class TestSilence:
    """A standing check that is evaluated no more says nothing, whatever is wrong."""

    SILENT = "Nobody looks whether the store follows the queue"

    def looks(self, shop: Shop, minutes: int, *, off: bool = False, at: float | None = None) -> list[str]:
        """Looks each minute; the check was evaluated at `at`, or is each time."""
        told = []
        for _ in range(minutes):
            evaluated_at = shop.now + MINUTE if at is None else at
            shop.watchdogs = [Watchdog(NAMES.store_check, "store_promise", evaluated_at or None, off)]
            told += shop.look(after=MINUTE)
        return told

    @pytest.mark.parametrize(
        ("off", "words"),
        [(True, "is switched off in Dagster."), (False, "does not come through.")],
    )
    def test_it_is_told_after_three_evaluations_and_when_it_is_over(self, shop, off, words):
        assert self.looks(shop, 5) == []
        last = shop.now
        assert self.looks(shop, 15, off=off, at=last) == []
        assert self.looks(shop, 30, off=off, at=last) == [self.SILENT]
        assert "was evaluated last at Nov 20, 14:05 CST" in shop.told[-1].body
        assert words in shop.told[-1].body
        assert self.looks(shop, 3) == ["Over: nobody looks whether the store follows the queue"]

    def test_what_never_spoke_is_silent_only_where_somebody_switched_it_off(self, shop):
        assert self.looks(shop, 60, at=0.0) == []
        assert self.looks(shop, 60, at=0.0, off=True) == [self.SILENT]
        assert "was never evaluated" in shop.told[-1].body

    def test_a_shop_that_was_stopped_for_a_night_is_not_told_in_the_morning(self, shop):
        self.looks(shop, 5)
        last = shop.now
        shop.look(after=10 * HOUR)
        assert self.looks(shop, 3, at=last) == [], "the check is about to be evaluated"
        assert self.looks(shop, 3) == []
        shop.look(after=10 * HOUR)
        assert self.looks(shop, 20, at=last) == [self.SILENT]

    def test_an_open_one_is_not_over_because_the_shop_was_started_again(self, shop):
        self.looks(shop, 5)
        last = shop.now
        assert self.looks(shop, 20, at=last) == [self.SILENT]
        shop.look(after=HOUR)
        assert self.looks(shop, 40, at=last) == []
        assert len(self.looks(shop, 1)) == 1


class TestLowStock:
    @staticmethod
    def low(isbn: str, before: int, after: int) -> LowStock:
        return LowStock(next(_ids), isbn, f"Title {isbn}", before, after)

    def test_one_digest_a_day_in_the_morning(self, shop):
        assert shop.look(self.low("a", 9, 4), self.low("b", 30, 0)) == []
        assert shop.look(self.low("a", 4, 2)) == []
        assert shop.look(after=17 * HOUR) == []  # 07:00
        assert shop.look(after=HOUR) == ["Low stock: 2 titles since the last digest"]
        assert shop.told[-1].body.splitlines()[:2] == ["- Title b (b): 30 → 0", "- Title a (a): 9 → 2"]
        assert shop.look(self.low("c", 6, 5), after=HOUR) == []
        assert shop.look(after=23 * HOUR) == ["Low stock: 1 title since the last digest"]

    def test_the_very_first_look_waits_for_the_morning_too(self):
        book, alerts = decide(IncidentLog(), [self.low("a", 9, 4)], [], None, NOW, RULES)
        assert alerts == []
        assert list(book.low) == ["a"]

    def test_a_morning_without_any_is_quiet(self, shop):
        assert shop.look(after=DAY) == []

    def test_a_morning_that_was_slept_through_is_made_good(self, shop):
        shop.look(self.low("a", 9, 4))
        assert len(shop.look(after=20 * HOUR)) == 1

    def test_the_book_does_not_grow_without_end(self, shop):
        shop.look(*(self.low(str(number), 9, 1) for number in range(1000)))
        assert len(shop.look(after=DAY)) == 1
        assert len(shop.told[-1].body) < 4000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (45, "45 s"), (7200, "2 h"), (4800, "1 h 20 min"), (273600, "3 d 4 h"), (90061, "1 d 1 h")],
)
def test_durations_are_short(seconds, words):
    assert duration(seconds) == words


class TestFields:
    """A check on several fields: those that go together are one incident, each told and ended once."""

    PRICE, BINDING = FailedPart("price", "price: gone."), FailedPart("binding", "binding: gone.")
    GONE = "iPage's pages have changed: {} can't be read on many"

    def see(self, shop: Shop, *gone: FailedPart, **more) -> list[str]:
        return shop.checks(SWEEP, "fields_are_read", not gone, fields=gone, **more)

    def test_those_that_go_together_are_told_together_and_over_together(self, shop):
        both = self.GONE.format("price, binding")
        assert self.see(shop, self.PRICE, self.BINDING) == [both]
        assert shop.told[-1].body.splitlines()[:2] == ["price: gone.", "binding: gone."]
        assert self.see(shop, self.PRICE, self.BINDING, after=HOUR) == []
        assert self.see(shop, self.BINDING, after=HOUR) == []
        assert self.see(shop, after=HOUR, reason="All are back.") == [f"Over: {both}"]
        assert "All are back." in shop.told[-1].body
        assert self.see(shop) == []

    def test_one_that_goes_later_is_told_for_itself(self, shop):
        self.see(shop, self.PRICE)
        assert self.see(shop, self.PRICE, self.BINDING, after=HOUR) == [self.GONE.format("binding")]
        assert shop.told[-1].body.splitlines()[0] == "binding: gone."
        assert self.see(shop, self.BINDING, after=HOUR) == [f"Over: {self.GONE.format('price')}"]
        assert self.see(shop, after=HOUR) == [f"Over: {self.GONE.format('binding')}"]

    def test_it_is_remembered_as_long_as_it_lasts(self, shop):
        self.see(shop, self.PRICE)
        assert self.see(shop, self.PRICE, after=40 * DAY) == []
