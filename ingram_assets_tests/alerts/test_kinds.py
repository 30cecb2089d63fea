"""Each kind of alert: what people are told of it, the one thing that they do next, and its row on duty."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.alerts import kinds, messages
from ingram_assets.alerts.kinds import KINDS, AlertKind, kind_of
from ingram_assets.alerts.model import AlertRules, AssetFreshness, Checked, Failed, LowStock, Watchdog
from ingram_assets.cli.main import main
from ingram_assets.defs import keys
from ingram_assets.defs.operations.watched import NAMES
from ingram_assets.domain.lifetime import StaleReadings

BACKUP = keys.BACKUP.to_user_string()
RULES = AlertRules(
    (300.0,), {NAMES.sweep: 7200.0, BACKUP: 172800.0}, ZoneInfo("America/Chicago"), "http://x", NAMES
)


def failed(kind: str, work: str) -> str:
    return messages.failed_subject(Failed(1, 0.0, "run", work, kind, "Because."), NAMES)


def checked(check: str, *, blocking: bool = False) -> str:
    asset, _, name = check.partition(": ")
    return messages.checked_subject(Checked(1, 0.0, "run", asset, name, False, blocking=blocking), NAMES)


PUSHED = Checked(1, 0.0, "run", NAMES.levels, "no_guardrail_tripped", False, blocking=True)
SWEEP_SLA, SEARCH_SLA, BACKUP_SLA = (
    AssetFreshness(asset, "FAIL", 0.0) for asset in (NAMES.sweep, NAMES.search, BACKUP)
)

SUBJECTS = [
    (failed("block", NAMES.sweep), kinds.BLOCK),
    (failed("sign_in", NAMES.sweep), kinds.SIGN_IN),
    (failed("needs_person", "push_titles"), kinds.PERSON),
    (failed("permanent", "push_titles"), kinds.RUN),
    (failed("transient", "enrich_titles"), kinds.RUN),
    (failed("guardrail", "push_titles"), kinds.GUARDRAIL_PUSH),
    (failed("guardrail", NAMES.sweep), kinds.GUARDRAIL_PAGES),
    (messages.guardrails_subject(PUSHED, ["mass_zero"], NAMES), kinds.GUARDRAIL_PUSH),
    (checked("ipage/saved_search: x", blocking=True), kinds.GUARDRAIL_SEARCH),
    (checked("ipage/stock_sweep: x", blocking=True), kinds.GUARDRAIL_PAGES),
    (checked(NAMES.titles_check), kinds.LEFT_BEHIND),
    (checked(NAMES.store_check), kinds.STORE_LAGS),
    (checked("queue/rows: any"), kinds.CHECK),
    (messages.fields_subject(["price"]), kinds.FIELDS),
    (messages.silent_subject(Watchdog(NAMES.store_check, "store_promise", 0.0, False), NAMES), kinds.SILENT),
    (messages.sla_subject(SWEEP_SLA, StaleReadings(3, 9), RULES), kinds.STOCK_TOO_OLD),
    (messages.sla_subject(SWEEP_SLA, StaleReadings(0, 9), RULES), kinds.STOCK_TOO_OLD),
    (messages.sla_subject(SEARCH_SLA, None, RULES), kinds.SLA_BROKEN),
    (messages.sla_subject(BACKUP_SLA, None, RULES), kinds.BACKUP_TOO_OLD),
    (messages.digest([LowStock(1, "9780306406157", "Emma", 9, 1)], RULES).subject, kinds.LOW_STOCK),
]


@pytest.mark.parametrize(("subject", "kind"), SUBJECTS)
def test_the_kind_of_what_people_are_told(subject: str, kind: AlertKind):
    assert kind_of(subject) is kind


def test_each_kind_is_told():
    assert {kind.begins for _, kind in SUBJECTS} == {kind.begins for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.begins)
def test_the_next_step_is_one_sentence_and_its_commands_are_there(kind: AlertKind):
    step = kind.next_step
    assert re.fullmatch(r"[A-Z][^.?!]+\.", step)
    for name, option in re.findall(r"ingram ([a-z-]+)(?: (--[a-z-]+))?", step):
        assert name in main.commands
        assert not option or option in [text for each in main.commands[name].params for text in each.opts]


DUTY = Path(__file__).parents[2] / "docs/operating.md"


def rows() -> list[list[str]]:
    """The table of alerts: what happened, how it looks, what to do, how long it takes."""
    (chapter,) = re.findall(
        r"^### What an alert says\n(.*?)^### ", DUTY.read_text(), re.DOTALL | re.MULTILINE
    )
    return [line.strip("| ").split(" | ") for line in chapter.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.begins)
def test_the_person_on_duty_finds_each_kind_with_what_to_do(kind: AlertKind):
    found = [row for row in rows() if kind in map(kind_of, re.findall('"([^"]+)"', row[1]))]
    assert found
    for _, _, what_to_do, how_long in found:
        assert how_long
        named = re.findall(r"ingram ([a-z-]+)", what_to_do)
        assert set(re.findall(r"ingram ([a-z-]+)", kind.next_step)) <= set(named)


def test_commands_for_the_person_on_duty_are_there():
    typed = re.findall(r"`ingram ([a-z-]+)((?: --[a-z-]+)*)", DUTY.read_text())
    assert len(typed) > 20
    for name, options in typed:
        assert name in main.commands
        known = [text for each in main.commands[name].params for text in each.opts]
        assert set(options.split()) <= set(known)


def test_the_duty_is_the_first_of_the_document():
    assert re.findall(r"^## (.*)", DUTY.read_text(), re.MULTILINE)[0] == "On duty"
