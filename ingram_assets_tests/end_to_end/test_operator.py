"""What a person does with a running shop: looks first, pushes some, takes it back, asks why, stops a run."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from dagster import AssetKey, DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter

from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.runtime.processes import MARK
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.demo import Admin, Shell, caught_up
from ingram_demo.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

NEW = "9780306406157"
"""In no saved search of the simulator."""
LEVELS = "medusa/inventory_levels"


@pytest.fixture(scope="module")
def instance(stack: Stack) -> Iterator[DagsterInstance]:
    with dagster_instance(stack.common) as instance:
        yield instance


@pytest.fixture(scope="module", autouse=True)
def nothing_comes_between(stack: Stack, instance: DagsterInstance, eventually) -> None:
    """No push of the sensors does."""
    eventually(lambda: caught_up(stack, instance))


@pytest.fixture
def alone(storefront: Shell, tmp_path: Path) -> Shell:
    """Commands of a machine where `ingram up` is not at work: each starts its own code server."""
    return storefront.with_(INGRAM_STATE_DIR=str(tmp_path / "state"))


@pytest.fixture(scope="module")
def sold(stack: Stack, admin: Admin) -> list[str]:
    """Titles in stock, plenty of each, the fewest copies first."""
    levels = admin.levels()
    plenty = [
        isbn
        for isbn, truth in stack.simulator.book().items()
        if isbn in levels
        and levels[isbn]["stocked_quantity"] == truth["on_hand"]
        and (truth["on_hand"] or 0) > 20
        and date.fromisoformat(truth["publication_date"]) < date(2026, 1, 1)
    ]
    return sorted(plenty, key=lambda isbn: (levels[isbn]["stocked_quantity"], isbn))


def journaled(stack: Stack) -> int:
    with psycopg.connect(stack.postgres.url("storefront")) as connection:
        row = connection.execute("SELECT count(*) FROM store_change").fetchone()
    assert row
    return row[0]


def materialized(instance: DagsterInstance, run_id: str, asset: str) -> list[str]:
    """The partitions that a run materialized, each time that it did."""
    logs = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
    events = [entry.get_dagster_event() for entry in logs]
    return sorted(str(event.partition) for event in events if event.asset_key == AssetKey(asset.split("/")))


def left_of_commands(state: Path) -> list[str]:
    """Folders and processes that a command left."""
    commands = state / "commands"
    folders = [folder.name for folder in commands.iterdir()]
    processes = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK, "").startswith(str(commands)):
                processes.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return folders + processes


def test_a_dry_run_shows_the_whole_change_and_writes_nothing(
    stack: Stack, alone: Shell, admin: Admin, sold: list[str], tmp_path: Path
):
    edited = sold[0]
    level = admin.levels()[edited]["stocked_quantity"]
    with QueueWriter(stack.url("catalog_import", "ingram_queue_writer")) as writer:
        writer.add_titles([{"isbn": NEW, "title": "A Book Nobody Pushed Yet", "srp_price": "17.99"}])
    try:
        admin.set_level(edited, 3)
        before = (admin.products(), admin.levels(), journaled(stack))
        looked = alone.with_(COLUMNS="300")("push", NEW, edited, "--dry-run")
        assert looked.exit_code == 0, looked.errors
        assert f"{NEW} A Book Nobody Pushed Yet: no level → 0" in looked.output
        assert "New in the store, for $17.99." in looked.output
        assert f": 3 → {level}, In stock" in looked.output
        assert "Somebody else changed it" in looked.output
        # The location is known by its id: another name in the setting means no other one.
        renamed = {"MEDUSA_STOCK_LOCATION": "A Place Not Made Yet"}
        looked = alone.with_(**renamed)("push", edited, "--dry-run", "--json")
        assert looked.exit_code == 0, looked.errors
        assert looked.result["changes"][edited]["before"] == 3
        # A shop that never had one gets none from a look.
        nobodys = stack.postgres.create_database("journal_of_nobody")
        elsewhere = alone.with_(**renamed, STOREFRONT_DB_URL=nobodys)
        looked = elsewhere("push", edited, "--dry-run", "--json")
        assert looked.exit_code == 0, looked.errors
        assert looked.result["medusa_writes"] == 0
        assert looked.result["changes"][edited]["before"] is None
        assert admin.all("/admin/stock-locations", "stock_locations", name="A Place Not Made Yet") == []
        assert (admin.products(), admin.levels(), journaled(stack)) == before
        assert left_of_commands(tmp_path / "state") == []
    finally:
        admin.set_level(edited, level)
        stack.postgres.drop_database("journal_of_nobody")
        with psycopg.connect(stack.postgres.url("catalog_import")) as connection:
            connection.execute("DELETE FROM ingram_queue WHERE isbn = %s", [NEW])


def test_a_push_of_some_is_taken_back(
    stack: Stack, storefront: Shell, alone: Shell, admin: Admin, instance: DagsterInstance, sold: list[str]
):
    low, other, not_named = sold[1], sold[-1], sold[-2]
    before = {isbn: level["stocked_quantity"] for isbn, level in admin.levels().items()}
    admin.set_level(not_named, 1)
    safety = before[low] - 3
    pushed = alone.with_(SAFETY_STOCK=str(safety))("push", other, low, "--json")
    assert pushed.exit_code == 0, pushed.errors
    run_id = pushed.result["run_id"]
    levels = admin.levels()
    assert levels[low]["stocked_quantity"] == 3
    assert levels[other]["stocked_quantity"] == before[other] - safety
    assert levels[not_named]["stocked_quantity"] == 1, "it was not named"
    assert pushed.result["written"] == 2
    # For both: a batch of levels, and one of variants if a page was read since the time that they have.
    assert pushed.result["medusa_writes"] <= 2
    assert materialized(instance, run_id, LEVELS) == sorted([low, other])
    admin.set_level(not_named, int(before[not_named]))

    # Low stock is an event on the asset, of the title that fell to the threshold alone.
    observed = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_OBSERVATION)
    events = [entry.get_dagster_event() for entry in observed]
    fell = {
        event.partition: event.asset_observation_data.asset_observation.metadata["after"].value
        for event in events
    }
    left = {isbn: levels[isbn]["stocked_quantity"] for isbn in (low, other)}
    assert fell == {isbn: copies for isbn, copies in left.items() if copies <= 5}

    admin.set_level(other, 7)
    undone = storefront("undo", run_id, "--yes", "--json")
    after = admin.levels()
    admin.set_level(other, int(before[other]))
    assert undone.exit_code == 0, undone.errors
    # Of the other one, at most the time of its reading, which a push writes beside a level.
    put_back = undone.result["undone"]
    assert f"level {before[low]:g}" in put_back.pop(low)
    assert put_back in ({}, {other: ["stock_observed_at"]})
    assert "level is 7 now" in " ".join(undone.result["left"][other])
    assert materialized(instance, undone.result["run_id"], LEVELS) == sorted([low, *put_back])
    assert after[low]["stocked_quantity"] == before[low]
    assert after[other]["stocked_quantity"] == 7

    # The line of time has it all, in order.
    told = storefront("history", low, "--json")
    assert told.exit_code == 0, told.errors
    events = told.result["events"]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    whats = [event["what"] for event in events]
    assert whats.index("reading") < whats.index("product")
    last = [event for event in events if event["what"] == "level"][-2:]
    assert [event["run_id"] for event in last] == [run_id, undone.result["run_id"]]
    assert [event["after"]["stocked_quantity"] for event in last] == [3, before[low]]
    words = storefront("history", low)
    assert f"3 → {before[low]:,}, in stock. Undo of run {run_id}." in words.output


def test_why_the_store_shows_what_it_shows(stack: Stack, storefront: Shell, sold: list[str]):
    isbn = sold[1]
    copies = stack.simulator.entry(isbn)["on_hand"]
    done = storefront("explain", isbn)
    assert done.exit_code == 0, done.errors
    assert f"Reading:  {copies} on hand" in done.output
    assert f"Rule:     in_stock: {copies} on hand is more than the safety stock of 0." in done.output
    assert f"Level:    {copies} (" in done.output
    assert "Label:    In stock" in done.output
    assert f"Store:    level {copies}, reserved 0" in done.output
    assert "In step with the rules." in done.output
    for command in ("explain", "history"):
        unknown = storefront(command, NEW, "--json")
        assert unknown.exit_code == 2
        assert f"{NEW} is not tracked" in unknown.result["error"]
        assert f"ingram enrich {NEW}" in unknown.result["error"]


def test_an_unknown_run_is_named(storefront: Shell):
    done = storefront("undo", "no-such-run", "--yes", "--json")
    assert done.exit_code == 2
    assert "'no-such-run'" in done.result["error"]


def test_without_change_nothing_is_written(stack: Stack, storefront: Shell):
    # A title that was asked for by name is looked up once more, by the next push.
    assert storefront("push", "--json").exit_code == 0
    before = journaled(stack)
    done = storefront("push", "--json")
    assert done.exit_code == 0, done.errors
    assert done.result["medusa_writes"] == 0
    assert done.result["medusa_reads"] <= 4
    assert done.result.get("written", 0) == 0
    assert journaled(stack) == before


def test_a_guardrail_stops_until_a_person_lets_it_through(stack: Stack, alone: Shell, admin: Admin):
    levels = admin.levels()
    gone = next(
        isbn
        for isbn, truth in stack.simulator.book().items()
        if isbn in levels and truth["on_hand"] == truth["on_order"] == 0 == levels[isbn]["stocked_quantity"]
    )
    wary = alone.with_(GUARDRAIL_MAX_TURNING_TO_ZERO="0.001", GUARDRAIL_MIN_TITLES_TURNING_TO_ZERO="1")
    admin.set_level(gone, 8)
    # Else the level would be put right in spite of the guardrail: by the reading that the store was told.
    admin.set_metadata(gone, stock_observed_at="some time ago")
    stopped = wary("push", gone, "--json")
    assert stopped.exit_code == 3, stopped.errors
    assert stopped.result["stopped"]["by"] == "guardrail"
    for words in ("1 of 100 tracked titles would turn to zero", "ingram push --let-through"):
        assert words in stopped.result["error"]
    assert admin.levels()[gone]["stocked_quantity"] == 8
    check = check_in_the_ui(stack)
    assert check["blocking"] is True
    assert check["executionForLatestMaterialization"]["status"] == "FAILED"
    told = check["executionForLatestMaterialization"]["evaluation"]["description"]
    assert "1 of 100 tracked titles" in told

    passed = wary("push", gone, "--let-through", "--json")
    assert passed.exit_code == 0, passed.errors
    assert admin.levels()[gone]["stocked_quantity"] == 0
    check = check_in_the_ui(stack)
    assert check["executionForLatestMaterialization"]["status"] == "SUCCEEDED"


def check_in_the_ui(stack: Stack) -> dict[str, Any]:
    """The guardrails' check as Dagster's web page asks for it."""
    query = """
        query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
            assetChecksOrError { ... on AssetChecks { checks {
                name blocking
                executionForLatestMaterialization { status evaluation { description } }
            } } }
        } } }
    """
    variables = {"key": {"path": LEVELS.split("/")}}
    answer = httpx.post(f"{stack.ui_url}/graphql", json={"query": query, "variables": variables}, timeout=30)
    checks = answer.raise_for_status().json()["data"]["assetNodeOrError"]["assetChecksOrError"]["checks"]
    (check,) = (check for check in checks if check["name"] == "no_guardrail_tripped")
    return check


def test_status_lists_what_runs_low(stack: Stack, storefront: Shell):
    done = storefront("status", "--json")
    assert done.exit_code == 0, done.errors
    shelf = {isbn: truth["on_hand"] for isbn, truth in stack.simulator.book().items()}
    low = {title["isbn"]: title["copies"] for title in done.result["low_stock"]}
    assert low
    assert all(0 < copies == shelf[isbn] <= 5 for isbn, copies in low.items())
    counted = {
        isbn
        for isbn, truth in stack.simulator.book().items()
        if "e-book" not in truth["binding"].lower() and 0 < (truth["on_hand"] or 0) <= 5
    }
    # Forthcoming titles aside: nobody is refused one.
    assert set(low) <= counted


def test_ctrl_c_stops_the_run_and_leaves_nothing(
    stack: Stack, scraper: Shell, instance: DagsterInstance, tmp_path: Path, eventually
):
    state = tmp_path / "state"
    shutil.copytree(stack.common.state_dir / "ipage", state / "ipage")
    before = {run.run_id for run in instance.get_runs(RunsFilter(job_name="enrich"))}
    stack.simulator.set(latency_ms=60_000)
    command = subprocess.Popen(
        [sys.executable, "-m", "ingram_assets.cli", "enrich", stack.simulator.isbns()[0], "--json"],
        env=scraper.with_(INGRAM_STATE_DIR=str(state)).environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:

        def reading() -> list[str]:
            runs = instance.get_runs(RunsFilter(job_name="enrich", statuses=[DagsterRunStatus.STARTED]))
            return [
                run.run_id
                for run in runs
                if run.run_id not in before
                and instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_START)
            ]

        eventually(lambda: bool(reading()))
        (run_id,) = reading()
        os.kill(command.pid, signal.SIGINT)
        output, errors = command.communicate(timeout=90)
    finally:
        command.kill()
        stack.simulator.set(latency_ms=0)
    assert command.returncode == 130, errors
    assert json.loads(output.splitlines()[-1])["error"] == "Stopped."
    assert "Traceback" not in errors
    run = instance.get_run_by_id(run_id)
    assert run
    assert run.status == DagsterRunStatus.CANCELED
    assert left_of_commands(state) == []
