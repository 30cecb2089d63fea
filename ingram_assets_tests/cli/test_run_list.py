"""`ingram runs` and `ingram history` on a real journal and a real Dagster database."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from dagster import OpExecutionContext, job, op

from ingram_assets.cli.run_list import list_runs, sentence_of, show_run
from ingram_assets.cli.title import show_history
from ingram_assets.defs.events import Report
from ingram_assets.defs.keys import ASKED_BY_TAG
from ingram_assets.overview.run_ids import NoSuchRun
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.store.journal import Change, Journal
from ingram_assets_tests.testing.looked_at_shop import LookedAtShop

pytestmark = pytest.mark.xdist_group("operations")


@op(config_schema={"isbns": [str]})
def push_titles(context: OpExecutionContext) -> None:
    report = Report("push")
    if context.op_config["isbns"]:
        report.fail(context.op_config["isbns"][0], "Medusa refused it.")
    context.add_output_metadata(report.metadata())


@job(name="push")
def push() -> None:
    push_titles()


def run_push(shop: LookedAtShop, *isbns: str) -> str:
    config = {"ops": {"push_titles": {"config": {"isbns": list(isbns)}}}}
    with dagster_instance(shop.common()) as instance:
        return push.execute_in_process(config, instance=instance, tags={ASKED_BY_TAG: "ada"}).run_id


def write(shop: LookedAtShop, run_id: str, isbn: str) -> None:
    flags = {"metadata.availability": "in_stock"}
    with Journal(shop.journal) as journal:
        changes = [
            Change(
                "level",
                isbn,
                "l",
                {"stocked_quantity": 410},
                {"stocked_quantity": 230},
                "Level 410 becomes 230.",
            ),
            Change(
                "variant", isbn, "v", {"metadata.availability": "backorder"}, flags, "Level 410 becomes 230."
            ),
        ]
        with journal.writing(run_id, changes):
            pass


def test_runs_are_listed_with_what_became_of_them(shop: LookedAtShop) -> None:
    first, second, _ = shop.isbns
    whole, some = run_push(shop), run_push(shop, first, second)
    write(shop, whole, first)
    list_runs(20, as_json=True)
    told = json.loads(shop.capture.readouterr().out)["runs"]
    assert [one["run_id"] for one in told] == [some, whole], "the latest first"
    assert [one["outcome"] for one in told] == ["done, 1 title failed", "done"]
    assert [one["changed"] for one in told] == [0, 1]
    assert told[0]["isbns"] == [first, second]
    assert {(one["job"], one["asked_by"]) for one in told} == {("push", "ada")}
    list_runs(1, as_json=True)
    assert len(json.loads(shop.capture.readouterr().out)["runs"]) == 1
    list_runs(20, as_json=False)
    words = shop.capture.readouterr().out
    now = datetime.now(UTC).astimezone(ZoneInfo("America/Chicago"))
    assert f"{now:%Y-%m-%d} " in words
    assert "2 titles" in " ".join(words.split())
    assert whole[:8] in words
    assert whole not in words
    assert "America/Chicago" in words


def test_one_run_by_the_beginning_of_its_id(shop: LookedAtShop) -> None:
    isbn = shop.isbns[0]
    run_id = run_push(shop, isbn)
    write(shop, run_id, isbn)
    show_run(run_id[:8], as_json=False)
    words = " ".join(shop.capture.readouterr().out.split())
    assert f"{isbn} Book {isbn}: 410 → 230, in stock" in words
    assert f"{isbn}: Medusa refused it." in words
    assert f"Run {run_id}." in words
    told = sentence_of(run_id)
    assert told.startswith("Push to the store, 20")
    assert told.endswith(f", ada: 1 title changed (run {run_id[:8]}).")
    show_run(run_id[:8], as_json=True)
    told = json.loads(shop.capture.readouterr().out)
    assert [one["kind"] for one in told["changes"]] == ["level", "variant"]
    with pytest.raises(NoSuchRun, match=r"No run's id begins with ffffffff-ffff\. ingram runs"):
        show_run("ffffffff-ffff", as_json=False)


def test_history_says_a_change_once_in_the_shop_s_time(shop: LookedAtShop) -> None:
    isbn = shop.isbns[0]
    run_id = "0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa"
    write(shop, run_id, isbn)
    shop.patch.setenv("STORE_TIME_ZONE", "Asia/Tokyo")
    show_history(isbn, as_json=False)
    words = shop.capture.readouterr().out
    (line,) = [line for line in words.splitlines() if "410" in line]
    assert line.endswith("store     410 → 230, in stock (run 0b7e4c1e)")
    assert line.startswith(f"{datetime.now(ZoneInfo('Asia/Tokyo')):%Y-%m-%d %H:}")
    assert "Times are the shop's: Asia/Tokyo." in words
    show_history(isbn, as_json=True)
    events = json.loads(shop.capture.readouterr().out)["events"]
    assert [one["what"] for one in events] == ["reading", "level", "variant"]
