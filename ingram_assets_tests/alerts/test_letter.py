"""The weekly letter: what it says, and when it is due."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from ingram_assets.alerts.letter import PATIENCE, WatchedWeek, due_week, waits_for_titles, weekly_letter
from ingram_assets.alerts.model import Alert, AlertRules, IncidentLog, PastIncident
from ingram_assets.alerts.tables import PAST_KEPT, AlertTables
from ingram_assets.defs.operations.watched import NAMES
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.domain.quiet_hours import QuietHours
from ingram_assets.domain.week import SomeTitles, TitleWeek, Week

ZONE = ZoneInfo("America/Chicago")
RULES = AlertRules((300.0,), {NAMES.sweep: 7200.0}, ZONE, "http://x", NAMES)
HOUR = 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


WEEK = Week.of(date(2026, 11, 23), ZONE)
MONDAY = at("2026-11-30T08:00")
NONE = SomeTitles(0)
NOTHING = TitleWeek(NONE, NONE, NONE, NONE)
BACKUP = NotedBackup(datetime(2026, 11, 29, 9, 15, tzinfo=UTC), "taken", 40_000_000, "0.1.0")
FINE = WatchedWeek(
    NONE,
    sweeps=112,
    longest=5700.0,
    pages=11_200,
    stale=0,
    tracked=100,
    known_since=WEEK.begins,
    backup=BACKUP,
)


def letter(titles: TitleWeek | None = NOTHING, watched: WatchedWeek = FINE, now: float = MONDAY) -> Alert:
    return weekly_letter(WEEK, titles, watched, now, RULES)


def test_a_week_without_anything_is_one_line():
    told = letter()
    assert told.subject == "The shop's week, Nov 23 to Nov 29, 2026"
    assert told.body == (
        "Nothing to tell: no title came or went, none sold out or came back, no price changed, all 112 "
        "sweeps came in time, and nothing was wrong. The last backup: taken Nov 29, 03:15 CST."
    )
    assert told.tone == "info"


def test_counts_come_first_then_what_was_slow_or_wrong_then_titles():
    twelve = [f"Title {number} (978{number})" for number in range(12)]
    titles = TitleWeek(
        came=SomeTitles.of(twelve),
        sold_out=SomeTitles.of(["Emma (9780306406157)"]),
        back=NONE,
        prices=SomeTitles.of(["Piranesi (9781635575637): $18.99 → $19.99"]),
    )
    wrong = (
        PastIncident("iPage blocks us", at("2026-11-24T03:10"), at("2026-11-24T05:15")),
        PastIncident("The store lags behind the queue", at("2026-11-29T23:00")),
    )
    watched = replace(
        FINE,
        went=SomeTitles.of(["Old (9780000000002)"]),
        late=1,
        longest=9 * HOUR,
        unread={"blocked": 80, "not_found": 4},
        stale=3,
        wrong=wrong,
    )
    assert letter(titles, watched).body.splitlines() == [
        "12 new titles, 1 retired, 1 sold out, 0 back in stock, 1 other price.",
        "112 complete sweeps, 1 later than promised (2 h); the longest wait for one: 9 h.",
        "11,200 pages read, of which 84 stay unknown (80 blocked, 4 not found).",
        "Too old at the end: 3 of 100 titles.",
        "The last backup: taken Nov 29, 03:15 CST.",
        "2 alerts.",
        "- iPage blocks us: Nov 24, 03:10 CST, lasted 2 h 5 min",
        "- The store lags behind the queue: Nov 29, 23:00 CST, not over after 9 h",
        "New:",
        *(f"- {line}" for line in twelve[:10]),
        "- and 2 more",
        "Retired:",
        "- Old (9780000000002)",
        "Sold out:",
        "- Emma (9780306406157)",
        "Other prices in the store:",
        "- Piranesi (9781635575637): $18.99 → $19.99",
    ]


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (replace(BACKUP, how="restored"), "The last backup: restored Nov 29, 03:15 CST."),
        (None, "The last backup: never; take one with ingram backup FOLDER."),
    ],
)
def test_the_last_backup(last: NotedBackup | None, words: str):
    for titles in (NOTHING, replace(NOTHING, came=SomeTitles(1))):
        assert letter(titles, replace(FINE, backup=last)).body.count(words) == 1


def test_the_longest_letter_fits_a_message():
    many = SomeTitles.of([f"{'A long title ' * 5}{number} (9780306406157)" for number in range(5000)])
    wrong = tuple(PastIncident(f"Something {n} was wrong", WEEK.begins, WEEK.ends) for n in range(99))
    told = letter(TitleWeek(many, many, many, many), replace(FINE, went=many, wrong=wrong))
    assert "- and 87 more" in told.body
    assert len(told.body) < 6500


class TestUnknown:
    """It is said, and never counted as zero; nor is the week then one of which there is nothing to tell."""

    def test_the_queue_and_the_journal_could_not_be_asked(self):
        first, *_ = letter(None).body.splitlines()
        assert first == (
            "new titles: not known, 0 retired, sold out: not known, back in stock: not known, "
            "other prices: not known."
        )

    def test_who_was_retired_is_forgotten(self):
        first, *_ = letter(watched=replace(FINE, went=None)).body.splitlines()
        assert "retired: not known" in first

    def test_the_history_did_not_reach_back(self):
        first, *_ = letter(replace(NOTHING, sold_out=None, back=None)).body.splitlines()
        assert first == (
            "0 new titles, 0 retired, sold out: not known, back in stock: not known, 0 other prices."
        )

    @pytest.mark.parametrize(
        ("watched", "words"),
        [
            (replace(FINE, stale=None, tracked=None), "Too old at the end: not known."),
            (replace(FINE, known_since=None), "What was wrong: not known."),
            (replace(FINE, known_since=WEEK.ends), "What was wrong: not known."),
            (
                replace(FINE, known_since=at("2026-11-25T09:00")),
                "No alerts (known since Nov 25, 09:00 CST).",
            ),
            (replace(FINE, sweeps=0, pages=0), "No complete sweep of all titles."),
            (
                replace(FINE, sweeps=0, pages=0, all_sweeps=False),
                "No complete sweep of all titles is known of.",
            ),
            (
                replace(FINE, all_sweeps=False),
                "112 complete sweeps known of, all in time; the longest wait for one: 1 h 35 min.",
            ),
        ],
    )
    def test_what_the_watch_does_not_know(self, watched: WatchedWeek, words: str):
        assert words in letter(watched=watched).body.splitlines()


def test_a_week_that_lasts_is_told_until_today():
    assert letter(now=at("2026-11-25T12:00")).subject == "The shop's week, Nov 23 to Nov 25, 2026"


def test_a_week_over_new_year_has_both_years():
    week = Week.of(date(2027, 1, 1), ZONE)
    told = weekly_letter(week, NOTHING, FINE, week.ends, RULES)
    assert told.subject == "The shop's week, Dec 28, 2026 to Jan 03, 2027"


class TestWhenItIsDue:
    @pytest.mark.parametrize(
        ("now", "last", "due"),
        [
            ("2026-11-30T07:59", "2026-11-16", None),
            ("2026-11-30T08:00", "2026-11-16", "2026-11-23"),
            ("2026-11-30T08:00", "2026-11-23", None),
            # Off on Monday, back on Thursday; off for weeks, of which only the last is told.
            ("2026-12-03T22:00", "2026-11-16", "2026-11-23"),
            ("2026-12-03T22:00", "2026-09-07", "2026-11-23"),
            # A clock that was set back tells of no week anew.
            ("2026-11-16T08:00", "2026-11-23", None),
        ],
    )
    def test_once_from_monday_morning_on(self, now: str, last: str, due: str | None):
        week = due_week(last, at(now), RULES)
        assert (week and week.name) == due

    def test_it_wakes_nobody(self):
        quiet = replace(RULES, quiet=QuietHours.parse("22:00-09:30"))
        assert due_week("", at("2026-11-30T09:29"), quiet) is None
        assert due_week("", at("2026-11-30T09:30"), quiet) is not None

    def test_it_waits_for_what_the_storefront_knows_but_not_for_ever(self):
        assert waits_for_titles(WEEK, MONDAY + PATIENCE - 1, MONDAY - 5 * HOUR)
        assert not waits_for_titles(WEEK, MONDAY + PATIENCE, MONDAY - 5 * HOUR)
        back = MONDAY + 70 * HOUR
        assert waits_for_titles(WEEK, back + 60, back), "the storefront is only just back, too"
        assert not waits_for_titles(WEEK, back + PATIENCE, back)


class TestMemory:
    @pytest.fixture
    def tables(self, tmp_path: Path) -> AlertTables:
        return AlertTables(f"sqlite:///{tmp_path / 'alerts.sqlite'}")

    def test_two_looks_do_not_tell_of_one_week(self, tables: AlertTables):
        assert (tables.last_letter(), tables.past_kept_since()) == ("", None)
        told = letter()
        tables.record(IncidentLog(looked_at=MONDAY), [told], ["somebody"], letter=WEEK.name)
        # Another daemon looked at the same moment.
        with pytest.raises(sa.exc.IntegrityError):
            tables.record(IncidentLog(looked_at=MONDAY + 1), [told], ["somebody"], letter=WEEK.name)
        assert len(tables.waiting()) == 1
        assert (tables.last_letter(), tables.past_kept_since()) == (WEEK.name, MONDAY)

    def test_what_was_wrong_is_kept(self, tables: AlertTables):
        early = PastIncident("Early", WEEK.begins - 50, WEEK.begins - 10)
        into = PastIncident("Into the week", WEEK.begins - 50, WEEK.begins + 10)
        after = PastIncident("After it", WEEK.ends, WEEK.ends + 10)
        tables.record(IncidentLog(looked_at=WEEK.ends), [], [], over=[after, into, early])
        assert tables.past(WEEK.begins, WEEK.ends) == [into]
        tables.record(IncidentLog(looked_at=WEEK.begins + PAST_KEPT + 20), [], [])
        assert tables.past(0.0, WEEK.ends + 1) == [after]
