"""Whether a shop writes to its store, and what a push would do in words."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ingram_assets.store.going_live import legacy_titles, plan_figures
from ingram_assets.store.journal import Change, Journal
from ingram_assets.store.levels import TitleOutcome
from ingram_assets.store.observe_mode import (
    DayPlan,
    LegacyTitle,
    ModeSetting,
    Outlook,
    PlanFigures,
    StoreMode,
    WentLive,
)
from ingram_assets.store.plan import Shown

NOW = datetime(2026, 11, 29, 20, tzinfo=UTC)
WENT = WentLive(NOW, "ada (terminal)", "run")
ISBN = "9781639739134"
LEVEL = Change("level", ISBN, "iitem_1", None, {"stocked_quantity": 1, "incoming_quantity": 0}, "New.")


@pytest.mark.parametrize(
    ("setting", "went", "has_written", "is_live"),
    [
        (None, None, False, False),
        (None, None, True, True),
        (None, WENT, False, True),
        ("observe", WENT, True, False),
        ("live", None, False, True),
    ],
)
def test_the_setting_says_and_without_it_the_journal(
    setting: ModeSetting, went: WentLive | None, has_written: bool, is_live: bool
) -> None:
    mode = StoreMode(setting, went, has_written)
    assert mode.is_live is is_live
    assert (mode.why_watching is None) is is_live


def test_what_a_person_does_about_it() -> None:
    assert StoreMode(None).way_to_live == "To bring it there: ingram go-live"
    held = StoreMode("observe", WENT).way_to_live
    assert "take it out of .env.storefront" in held
    assert "go-live" not in held, "it is live by itself then"
    assert StoreMode("observe").way_to_live.endswith("Then: ingram go-live")


def test_a_shop_whose_journal_has_a_write_stays_live(database: str) -> None:
    with Journal(database) as journal:
        assert not journal.mode(None).is_live
        journal.begin("a run that broke off", [LEVEL])
        assert not journal.mode(None).is_live
        with journal.writing("run", [LEVEL]):
            pass
        assert journal.mode(None).is_live
        assert journal.outlook(journal.mode(None)) is None
        assert journal.outlook(journal.mode("observe")) == Outlook(StoreMode("observe", None, True))


def test_going_live_is_remembered_with_who_and_when(database: str) -> None:
    with Journal(database) as journal:
        journal.go_live("run", "ada (terminal)")
    with Journal(database) as journal:
        went = journal.mode(None).went_live
        assert went is not None
        assert (went.by, went.run_id) == ("ada (terminal)", "run")
        assert datetime.now(UTC) - went.at < timedelta(hours=1)


def test_plans_are_kept_day_by_day_and_legacy_products_of_the_newest(database: str) -> None:
    first, second = date(2026, 11, 28), date(2026, 11, 29)
    mug = LegacyTitle("MUG-1", "A mug\x00", "stays as it is")
    with Journal(database) as journal:
        journal.record_plan(first, "run-1", PlanFigures(1), None, [mug])
        journal.record_plan(second, "run-2", PlanFigures(2), "Too many.", [mug])
        journal.record_plan(second, "run-3", PlanFigures(3), None, [mug])
        outlook = journal.outlook(journal.mode(None))
    assert outlook is not None
    assert [(one.day, one.run_id, one.figures.would_create) for one in outlook.plans] == [
        (second, "run-3", 3),
        (first, "run-1", 1),
    ]
    assert [len(one.legacy) for one in outlook.plans] == [1, 0]
    assert outlook.legacy[0].title == "A mug"
    assert outlook.mode.live_since == outlook.mode.planned_at is not None


def test_the_outlook_in_words() -> None:
    assert Outlook(StoreMode(None)).words.endswith("What a push would do is not planned yet.")
    figures = PlanFigures(12_000, 3, 1, 2, 12_010)
    words = Outlook(StoreMode(None), (DayPlan(NOW.date(), NOW, "run", figures, "Too many prices."),)).words
    assert words == (
        "Watching only: nothing is written to the store. A push now would change 12,010 titles: 12,000 would "
        "be new in the store, 3 sold without a count would be counted, 1 would be set to zero, 2 "
        "would have another price. A guardrail would stop it: Too many prices."
    )
    assert PlanFigures().words == "A push now would change nothing."
    assert PlanFigures(would_change=1).words == "A push now would change 1 title."


def shown(copies: float | None, *, managed: bool = True, reserved: float = 0) -> Shown:
    return Shown(managed, copies, 0, reserved, False, "in_stock")


def outcome(
    before: Shown | None, after: Shown | None, what: Any = "planned", isbn: str = ISBN
) -> TitleOutcome:
    return TitleOutcome(isbn, what, "in_stock", "In stock", ("Why.",), before, after)


@pytest.mark.parametrize(
    ("before", "after", "what", "switched", "zeroed"),
    [
        (shown(None, managed=False), shown(4), "planned", 1, 0),
        (shown(None, managed=False), shown(0), "planned", 1, 1),
        (shown(5), shown(0), "planned", 0, 1),
        (shown(0), shown(0), "planned", 0, 0),
        (shown(5), shown(0), "failed", 0, 0),
        (shown(5), shown(None, managed=False), "planned", 0, 0),
    ],
    ids=["switched", "switched-to-zero", "to-zero", "was-zero", "fails", "a-file"],
)
def test_figures(before: Shown, after: Shown, what: str, switched: int, zeroed: int) -> None:
    figures = plan_figures([outcome(before, after, what)], {}, 1)
    assert (figures.would_switch_over, figures.would_turn_to_zero) == (switched, zeroed)


@pytest.mark.parametrize(
    ("found", "failed", "becomes"),
    [
        (outcome(shown(None, managed=False), shown(4)), {}, "is counted: 4 copies, In stock"),
        (None, {ISBN: "Two have it."}, "stays as it is: Two have it."),
        (None, {}, "stays as it is: it is not tracked"),
        (outcome(shown(None, managed=False), None, "skipped"), {}, "stays as it is: Why."),
    ],
    ids=["counted", "fails", "untracked", "never-read"],
)
def test_what_becomes_of_a_legacy_product(
    found: TitleOutcome | None, failed: dict[str, str], becomes: str
) -> None:
    row = {"id": "v", "sku": "978-1-63973-913-4", "ean": None, "upc": None, "barcode": None, "product": None}
    outcomes = {ISBN: found} if found else {}
    (one,) = legacy_titles([row], outcomes, {}, failed)
    assert (one.number, one.becomes) == (ISBN, becomes)
