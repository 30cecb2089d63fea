"""The terminal sessions of the README are what the commands print: typed again on a demo, after a sale.

`./just sessions` writes them anew.
"""

import difflib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from ingram_assets.defs.runs_at_work import runs_at_work
from ingram_assets.defs.scraper import definitions as scraper
from ingram_assets.defs.storefront import definitions as storefront
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets_tests.testing.demo import Shell
from ingram_assets_tests.testing.oracle import in_full
from ingram_assets_tests.testing.sessions import MARK, regenerated, stood_in
from ingram_assets_tests.testing.start_shop import a_stack
from ingram_demo.stack import Stack

README = Path(__file__).parents[2] / "README.md"
BETWEEN_TWO_FIRES = "9781639739134"


def test_what_differs_from_run_to_run_has_stand_ins() -> None:
    text = """2026-11-29 16:40:53  store     410 → 371 (run 28cdbd7b)
Reading:  371 on hand, read 2026-11-29 22:43 UTC, due 2026-07-04 02:40 CDT.
    100  titles tracked   \nRun 4c4e7bad-2813-48dc-8ed9-73d1942cce6a, 17 s.
The desk answers at http://127.0.0.1:24736
9781639739134 Between Two Fires, run 28cdbd7b-a82b-4c6e-875a-321525cfd1ca"""
    assert (
        stood_in(text)
        == """2027-03-01 09:30:00  store     410 → 371 (run 0b7e4c01)
Reading:  371 on hand, read 2027-03-01 09:30 UTC, due 2027-03-01 09:30 CST.
    100  titles tracked\nRun 0b7e4c02-3f52-4f0f-9c1d-2a60a3f4b7aa, 4 s.
The desk answers at http://127.0.0.1:3001
9781639739134 Between Two Fires, run 0b7e4c01-3f52-4f0f-9c1d-2a60a3f4b7aa"""
    )
    assert stood_in(stood_in(text)) == stood_in(text)


def test_only_sessions_are_written_anew() -> None:
    answers = {"ingram runs": "one\ntwo\nthree\n", "ingram status": "16:40 all is well\n"}
    document = f"At 16:40:\n\n{MARK}$ ingram runs | head -2\nolder\n$ ingram status\n```\n\n```\n$ ls\n```\n"
    now = regenerated(document, answers.__getitem__)
    typed = "$ ingram runs | head -2\none\ntwo\n$ ingram status\n09:30 all is well\n"
    assert now == f"At 16:40:\n\n{MARK}{typed}```\n\n```\n$ ls\n```\n"


@pytest.fixture(scope="module")
def after_a_sale(eventually: Callable[..., None]) -> Iterator[Stack]:
    """The demo once it has come through, and Ingram sold 39 copies of a title. No sensor ticks twice."""
    sensors = [
        sensor.name
        for each in (scraper.defs, storefront.defs)
        for sensor in each.get_repository_def().sensor_defs
    ]
    with (
        a_stack({"SENSOR_INTERVAL": "3600"}, titles=100) as stack,
        dagster_instance(stack.common) as instance,
    ):
        eventually(lambda: _have_ticked(instance, sensors))
        in_full(stack, "scraper", "sync-stock")
        in_full(stack, "storefront", "push")
        stack.simulator.move(BETWEEN_TWO_FIRES, "TN", on_hand=148)
        done = Shell(stack, "scraper").with_(LOGNAME="ada")("enrich", BETWEEN_TWO_FIRES)
        assert done.exit_code == 0, done.errors
        yield stack


def _have_ticked(instance: DagsterInstance, sensors: list[str]) -> bool:
    """Whether each sensor has looked once, and what came of that is done."""
    states = {each.name: each.instigator_data for each in instance.all_instigator_state()}
    if not all(getattr(states.get(name), "last_tick_timestamp", None) for name in sensors):
        return False
    return not [run for location in ("scraper", "storefront") for run in runs_at_work(instance, location)]


@pytest.mark.xdist_group("sessions")
def test_the_readme_shows_what_commands_print(after_a_sale: Stack) -> None:
    shell = Shell(after_a_sale, "storefront").with_(LOGNAME="ada", COLUMNS="132")

    def type_(command: str) -> str:
        ingram, *words = command.split()
        done = shell(*words)
        assert (ingram, done.exit_code) == ("ingram", 0), f"{command}: {done.errors}"
        return done.output

    shown = README.read_text()
    now = regenerated(shown, type_)
    if os.environ.get("INGRAM_WRITE_SESSIONS"):
        README.write_text(now)
        return
    if now != shown:
        differs = difflib.unified_diff(
            *(each.splitlines() for each in (shown, now)), "README.md", "now", n=1, lineterm=""
        )
        pytest.fail("\n".join([*differs, "./just sessions writes them anew."]), pytrace=False)
