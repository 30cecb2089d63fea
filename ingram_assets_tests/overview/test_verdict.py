"""The verdict on the shop: what is named first, since when, and what a person is told to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.domain.guardrails import TOO_MANY_UNREAD
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.overview.failed_runs import FailedRun, UnfinishedPush
from ingram_assets.overview.verdict import Block, ShopFacts, Verdict, VerdictKind, judge
from ingram_assets.runtime.started_by import service_lock, started_by
from ingram_assets.store.journal import HeldTitle
from ingram_assets.store.observe_mode import DayPlan, Outlook, PlanFigures, StoreMode

NOW = datetime(2026, 11, 29, 20, tzinfo=UTC)
AGO = NOW - timedelta(minutes=30)
ZONE = ZoneInfo("America/Chicago")
STOPPED = UnfinishedPush("run", AGO, True, "2 of 3 would turn to zero. The commands: these.", ("a", "b"), AGO)
BLOCK = Block(60, AGO, "The site blocks this machine.")
PAUSE = SitePause(AGO, NOW + timedelta(seconds=81), "The site blocks this machine (status 429)")
FAILED = FailedRun("push", "0b7e4c1e-3f52", AGO, "Medusa does not answer.")
SWEEP = FailedRun("ipage/stock_sweep", "run", AGO, "It was stopped.")
HELD = HeldTitle("mass_zero", "a", "75 of 100 would turn to zero.", "run", AGO)
UNREAD = replace(HELD, guardrail=TOO_MANY_UNREAD, reason="100 of 100 pages could not be read.")
BEHIND = {"behind": 2, "behind_since": AGO, "behind_text": "Two are behind. ingram push brings it."}
LATE = {"late": 4, "oldest": NOW - timedelta(hours=3)}


def verdict(**facts: Any) -> Verdict:
    given: dict[str, Any] = {"titles": 3, "within": timedelta(hours=2), "is_running": True, "oldest": AGO}
    return judge(ShopFacts(**given | facts), NOW)


def test_all_is_well() -> None:
    found = verdict()
    assert (found.kind, found.kept, found.since, found.what_to_do) == (VerdictKind.KEPT, True, None, "")
    assert found.sentence(ZONE).startswith(
        "The store tells the truth. 3 titles: each was read within 120 min"
    )


def test_what_an_undo_left_is_not_said_to_be_what_was_read() -> None:
    found = verdict(undone=2, undone_since=AGO)
    assert (found.kind, found.kept, found.since) == (VerdictKind.UNDONE, False, AGO)
    assert found.why == "2 titles are as an undo left them, and not as was read."
    assert "ingram push" in found.what_to_do


def test_a_daemon_that_begins_no_run_is_named_before_what_comes_of_it() -> None:
    found = verdict(**LATE, silent_since=AGO)
    assert (found.kind, found.kept) == (VerdictKind.NOT_RUNNING, False)
    assert found.why.startswith("Dagster's daemon was not heard of since 2026-11-29 19:30")
    assert found.what_to_do == "Stop ingram up, and start it anew."
    assert verdict(silent_since=AGO).kept is True, "what was read is told as yet"
    assert verdict(silent_since=AGO, is_running=False).kind is VerdictKind.KEPT


def test_a_store_that_does_not_answer_is_not_said_to_tell_the_truth() -> None:
    found = verdict(not_asked=("Medusa did not answer within 5 s.",))
    assert found.kept is None
    assert found.sentence(ZONE) == (
        "Whether the store tells the truth is not known. Medusa did not answer within 5 s."
    )


def test_titles_without_a_reading_are_not_said_to_have_been_read() -> None:
    assert "each but 2 whose pages showed no stock yet was read within 120 min" in verdict(never_read=2).why
    assert "each but 1 whose page showed no stock yet was read" in verdict(never_read=1).why


def test_titles_on_their_way_are_not_said_to_be_shown() -> None:
    assert verdict(on_the_way=12).why.endswith("the store shows what was read of all but 12 on their way.")
    found = verdict(on_the_way=1)
    assert found.why.endswith("the store shows what was read of all but 1 on its way.")
    assert found.kept, "within the time that is promised"


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (BEHIND, "behind"),
        (LATE, "late"),
        (BEHIND | {"unfinished_pushes": [STOPPED], "block": BLOCK}, "guardrail"),
        ({"held": [HELD]}, "guardrail"),
        ({"held": [HELD], "failed_runs": [SWEEP]}, "guardrail"),
        ({"held": [UNREAD]}, "guardrail"),
        ({"held": [UNREAD], "failed_runs": [SWEEP]}, "failed_runs"),
        ({"held": [UNREAD], "unfinished_pushes": [STOPPED], "failed_runs": [SWEEP]}, "failed_runs"),
        ({"held": [UNREAD], "block": BLOCK, "failed_runs": [SWEEP]}, "block"),
        (LATE | {"block": BLOCK, "failed_runs": [FAILED]}, "block"),
        (LATE | {"block": BLOCK, "pause": PAUSE, "failed_runs": [FAILED]}, "block"),
        (LATE | {"failed_runs": [FAILED], "switched_off": ["sweeps"]}, "failed_runs"),
        (BEHIND | {"switched_off": ["stock_changes"]}, "switched_off"),
        (BEHIND | {"is_running": False}, "not_running"),
    ],
)
def test_not_kept_and_what_keeps_it_from_that(facts: dict[str, Any], kind: str) -> None:
    found = verdict(**facts)
    assert (found.kind, found.kept) == (kind, False)
    assert found.what_to_do
    assert found.since == (NOW - timedelta(hours=1) if "late" in facts else AGO)
    at = "13:00" if "late" in facts else "13:30"
    assert found.sentence(ZONE).startswith(f"The store has not told the truth since 2026-11-29 {at} CST. ")


@pytest.mark.parametrize(
    ("facts", "kind", "kept"),
    [
        ({"block": BLOCK}, "block", True),
        ({"pause": PAUSE}, "block", True),
        ({"failed_runs": [FAILED, replace(SWEEP, stopped_by="block")]}, "block", True),
        ({"failed_runs": [replace(SWEEP, stopped_by="guardrail")]}, "guardrail", True),
        ({"failed_runs": [FAILED]}, "failed_runs", True),
        # No title waits behind it any more: it is over, whatever push brought them.
        ({"failed_runs": [replace(FAILED, stopped_by="guardrail")]}, "kept", True),
        ({"switched_off": ["sweeps"]}, "switched_off", True),
        ({"failed": 1}, "failed_titles", True),
        ({"is_running": False}, "kept", True),
        ({"failed_runs": [FailedRun("undo", "run", AGO, "No.")]}, "kept", True),
        ({"not_asked": ["Dagster is away."], "behind": None}, "not_known", None),
        ({"oldest": None}, "not_known", None),
        ({"titles": 0}, "no_titles", None),
        ({"titles": 0, "not_asked": ["The journal is away."]}, "not_known", None),
    ],
)
def test_kept_so_far_or_not_known(facts: dict[str, Any], kind: str, kept: bool | None) -> None:
    found = verdict(**facts)
    assert (found.kind, found.kept, found.since) == (kind, kept, None)
    assert "has not told" not in found.sentence(ZONE)


def test_a_guardrail_s_figures_are_told_and_its_commands_once() -> None:
    found = verdict(unfinished_pushes=[STOPPED])
    assert found.why == "A guardrail stopped the push that 2 titles wait for: 2 of 3 would turn to zero."
    assert found.since == AGO
    assert "ingram push --let-through" in found.what_to_do


def test_what_waits_behind_a_guardrail_is_told_though_the_queue_has_no_change_of_it() -> None:
    found = verdict(held=[HELD, replace(HELD, isbn="b", at=NOW)])
    assert (found.kept, found.since) == (False, AGO)
    assert found.why == "A guardrail stopped the push that 2 titles wait for: 75 of 100 would turn to zero."


def test_a_pause_after_a_block_is_told_with_its_end_in_one_line() -> None:
    found = verdict(**LATE, block=BLOCK, pause=PAUSE)
    assert found.why == (
        "iPage blocked us, and is left alone until 2026-11-29 20:01:21 UTC. The site blocks this machine "
        "(status 429). 4 titles were read longer ago than 120 min, the oldest 180 min ago."
    )
    assert found.what_to_do.startswith("Nothing until then: the reading goes on by itself.")


def test_without_titles_the_first_command_is_named() -> None:
    assert "ingram sync-stock" in verdict(titles=0).what_to_do
    assert "ingram up" not in verdict(titles=0).what_to_do
    assert "ingram up" in verdict(titles=0, is_running=False).what_to_do


@pytest.mark.parametrize(
    "facts", [LATE | {"silent_since": AGO}, LATE | {"is_running": False}, {"titles": 0, "is_running": False}]
)
def test_a_shop_of_services_is_not_told_to_start_what_it_does_not_have(
    tmp_path: Path, facts: dict[str, Any]
) -> None:
    service_lock(tmp_path, "daemon").touch()
    found = verdict(**facts, started_by=started_by(tmp_path))
    assert "Start the shop's services" in found.what_to_do
    assert "ingram up" not in found.why + found.what_to_do


WATCHED = Outlook(StoreMode(None), (DayPlan(NOW.date(), NOW, "run", PlanFigures(2, 0, 0, 0, 2)),))


def test_a_shop_that_only_watches_says_what_a_push_would_do() -> None:
    found = verdict(watching=WATCHED)
    assert (found.kind, found.kept, found.since) == (VerdictKind.WATCHING, None, None)
    assert found.sentence(ZONE) == (
        "Watching only: nothing is written to the store. A push now would change 2 titles: 2 would be new in "
        "the store."
    )
    assert found.what_to_do == "To bring it there: ingram go-live"


def test_what_is_wrong_with_the_reading_is_told_while_watching_too() -> None:
    found = verdict(watching=WATCHED, **LATE)
    assert "2 would be new" in found.why
    assert "4 titles were read longer ago" in found.why
    assert found.what_to_do == "Read all of them now: ingram sync-stock. To bring it there: ingram go-live"
    assert "no title is tracked" in verdict(watching=WATCHED, titles=0).why
