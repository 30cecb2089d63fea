"""`ingram status` on a real queue, a real journal and a real Dagster database."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import psycopg
import pytest
from click.testing import CliRunner
from dagster import (
    AssetExecutionContext,
    AssetKey,
    Definitions,
    OpExecutionContext,
    asset,
    define_asset_job,
    job,
    op,
)

from ingram_assets.alerts.model import Incident, IncidentLog
from ingram_assets.cli.main import main
from ingram_assets.cli.terminal import in_shop_zone
from ingram_assets.defs.backups import note_backup
from ingram_assets.defs.events import failure_of, stopped
from ingram_assets.defs.keys import ISBNS_NAME, PLAN_TAG, RETIRED_NAME
from ingram_assets.defs.operations.sensors import tables_of
from ingram_assets.defs.site_pauses import PAUSE_TAG, tag_of
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.domain.formatting import local_moment
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.overview.failed_runs import held_back
from ingram_assets.overview.verdict import left_alone
from ingram_assets.runtime.dagster_internals import InstigatorStatus
from ingram_assets.runtime.instance import dagster_home, dagster_instance
from ingram_assets.runtime.started_by import service_lock, start_by_up
from ingram_assets.runtime.started_with import STARTED_FILE, note_settings
from ingram_assets.sources.ipage.pages import Blocked
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.dagster_internals import (
    InstigatorState,
    InstigatorType,
    RegisteredCodeLocationOrigin,
    RemoteRepositoryOrigin,
    SensorInstigatorData,
)
from ingram_assets_tests.testing.looked_at_shop import LookedAtShop, partitions
from ingram_assets_tests.testing.queue import read_only
from ingram_assets_tests.testing.shop import make_isbn

# Beside the other tests that have a Dagster database, on one worker's PostgreSQL.
pytestmark = pytest.mark.xdist_group("operations")

NOWHERE = "postgresql://nobody:sEcret@127.0.0.1:1/none"


def test_a_shop_in_order(shop: LookedAtShop) -> None:
    status = shop.status()
    assert (status["titles"], status["rows"], status["retired"]) == (3, 3, 0)
    assert (status["behind"], status["behind_since"], status["behind_titles"]) == (0, None, [])
    assert (status["untracked"], status["broken"], status["not_asked"]) == ([], [], [])
    assert len(status["low_stock"]) == 3
    words = shop.words()
    assert words.startswith("The store tells the truth. 3 titles: each was read within 120 min")
    assert "What to do" not in words
    assert "      3  titles tracked" in words
    assert "      0  " not in words, "a row of nothing tells nothing"
    assert status["verdict"]["kind"] == "kept"
    assert status["verdict"]["kept"] is True
    assert words.startswith(status["verdict"]["sentence"])


def test_the_last_backup(shop: LookedAtShop) -> None:
    assert shop.status()["last_backup"] is None
    assert "The last backup: never; take one with ingram backup FOLDER\n" in shop.words()
    at = datetime.now(UTC) - timedelta(hours=9, minutes=12)
    with dagster_instance(shop.common()) as instance:
        note_backup(instance, NotedBackup(at, "taken", 41_000_000, "0.1.0"))
        status, words = shop.status(), shop.words()
        local = f"{at.astimezone(ZoneInfo('America/Chicago')):%Y-%m-%d %H:%M %Z}"
        assert f"The last backup: taken 9 h 12 min ago, {local} (41.0 MB)\n" in words
        assert status["last_backup"].pop("at").startswith(f"{at:%Y-%m-%dT%H:%M:%S}")
        assert status["last_backup"] == {"how": "taken", "bytes": 41_000_000, "program": "0.1.0"}
        note_backup(instance, NotedBackup(datetime.now(UTC), "restored", 41_000_000, "0.1.0"))
        assert "The last backup: restored " in shop.words()
    shop.patch.setenv("DAGSTER_PG_URL", NOWHERE)
    assert "The last backup" not in shop.words(), "unknown is not never"


def test_a_setting_that_was_changed_since_ingram_up_was_started_is_named(
    shop: LookedAtShop, tmp_path: Path
) -> None:
    home = tmp_path / "state" / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shop.patch.setenv("INGRAM_ENV_DIR", str(tmp_path))
    (tmp_path / ".env.storefront").write_text("MODE=live\n")
    (tmp_path / ".env.storefront").chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ports = home / "ports.json"
        ports.write_text(json.dumps({"storefront": server.getsockname()[1]}))
        os.utime(ports, (time.time() + 60,) * 2)
        assert shop.status()["notes"] == []
        os.utime(ports, (time.time() - 60,) * 2)
        assert (
            "Note: Changed since the shop's processes were started: .env.storefront. They still go by"
            in shop.words()
        )
        (tmp_path / "site.toml").write_text("")
        assert "started: site.toml, .env.storefront. They" in shop.words()
        assert "Stop ingram up, and start it anew." in shop.words()
    assert shop.status()["notes"] == [], "it is not at work"


@contextmanager
def up_at_work(shop: LookedAtShop, **started_with: str) -> Iterator[None]:
    """As if `ingram up` had been started with these settings and no others."""
    home = dagster_home(shop.common())
    with socket.create_server(("127.0.0.1", 0)) as server:
        (home / "ports.json").write_text(json.dumps({"storefront": server.getsockname()[1]}))
        note_settings(home, started_with)
        yield
    (home / "ports.json").unlink()


def test_the_verdict_goes_by_what_runs_and_its_first_sentence_says_so(shop: LookedAtShop) -> None:
    shop.patch.setenv("MODE", "observe")
    assert shop.status()["verdict"]["kind"] == "watching", "nothing runs: what is typed goes"
    with up_at_work(shop, MODE="live", QUEUE_DB_URL="postgresql://sEcret"):
        words = shop.words()
        assert words.startswith(
            "The shop's processes go by the settings that they were started with: MODE was live then, and is "
            "observe by now. Stop ingram up, and start it anew. The store tells the truth. 3 titles"
        )
        assert "Watching only" not in words
        assert "take it out of" not in words
        assert shop.status()["verdict"]["sentence"] in words
        assert "sEcret" not in (dagster_home(shop.common()) / STARTED_FILE).read_text()
    shop.patch.setenv("MODE", "live")
    with up_at_work(shop, MODE="Observe", STORE_LAG_MAX="600"):
        words = shop.words()
        assert "MODE was observe then, and is live by now. Stop" in words.splitlines()[0]
        assert "STORE_LAG_MAX" not in words, "as good as unset"
        assert ". Watching only: nothing is written to the store." in words
        assert "take it out of" not in words
    with up_at_work(shop, MODE="LIVE"):
        assert shop.words().startswith("The store tells the truth")


def test_a_shop_of_services_is_told_of_services(shop: LookedAtShop) -> None:
    lock = service_lock(shop.common().state_dir, "storefront")
    lock.touch()
    shop.patch.setenv("MODE", "observe")
    assert "The service storefront is not running." in shop.words()
    with up_at_work(shop, MODE="live"):
        words = shop.words()
    assert "is observe by now. Start the shop's services anew (docs/deploying.md)." in words
    assert "The service storefront is running." in words
    assert "ingram up" not in words
    start_by_up(shop.common().state_dir)
    assert "ingram up is not running." in shop.words()


@pytest.mark.parametrize(("typed", "runs"), [("observe", {}), ("live", {"MODE": "observe"})])
@pytest.mark.parametrize("words", [["push"], ["undo", "0b7e4c1e", "--yes"], ["go-live", "--yes"]])
def test_no_command_writes_where_one_of_both_says_observe(
    shop: LookedAtShop, typed: str, runs: dict[str, str], words: list[str]
) -> None:
    shop.patch.setenv("MODE", typed)
    run = "0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa"
    shop.patch.setattr("ingram_assets.cli.title.run_to_undo", lambda _: run)
    shop.patch.setattr("ingram_assets.cli.run_list.sentence_of", lambda _: "A push.")
    shop.patch.setattr("ingram_assets.cli.launch.launch", lambda *_, **__: pytest.fail("it was started"))
    with up_at_work(shop, **runs):
        done = CliRunner().invoke(main, words)
    assert done.exit_code == 2, done.output
    assert f"Nothing was written to the store: MODE is {typed} here, and the process" in done.output
    assert f"start it anew. Then: ingram {words[0]}" in done.output


def test_a_queue_that_does_not_answer_is_no_failure_of_status(shop: LookedAtShop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        at = f"127.0.0.1:{frozen.getsockname()[1]}"
        shop.patch.setenv("QUEUE_DB_URL", f"postgresql://reader:sEcret@{at}/frozen")
        started = time.monotonic()
        words = shop.words()
        assert time.monotonic() - started < 15
        status = shop.status()
    assert words.startswith("Whether the store tells the truth is not known. Could not read the state of the")
    assert (
        f"queue's rows at {at}/frozen: connection timeout expired. Check that the server runs."
        in words.splitlines()[0]
    )
    assert "sEcret" not in words
    assert "      3  titles tracked" in words
    assert (status["verdict"]["kind"], status["verdict"]["kept"]) == ("not_known", None)
    assert status["titles"] == 3
    unknown = ("rows", "retired", "to_import", "failed", "unread", "never_read", "late", "behind")
    assert {name: status[name] for name in unknown} == dict.fromkeys(unknown), "unknown is never zero"
    assert status["promise_broken"] is None


def test_a_queue_that_refuses_the_password_is_no_failure_of_status(shop: LookedAtShop) -> None:
    right = urlsplit(os.environ["QUEUE_DB_URL"])
    wrong = f"{right.username}:sEcret@{right.hostname}:{right.port}"
    shop.patch.setenv("QUEUE_DB_URL", right._replace(netloc=wrong).geturl())
    words = shop.words()
    assert words.startswith("Whether the store tells the truth is not known. ")
    assert "QUEUE_DB_URL" in words.splitlines()[0]
    assert "sEcret" not in words
    assert "rows are counted" not in words
    assert shop.status()["verdict"]["kind"] == "not_known"


@pytest.mark.parametrize(
    ("setting", "whose"),
    [("QUEUE_DB_URL", "queue's"), ("STOREFRONT_DB_URL", "journal's"), ("DAGSTER_PG_URL", "Dagster's")],
)
def test_a_database_that_takes_no_writes_is_named(shop: LookedAtShop, setting: str, whose: str) -> None:
    assert not any("takes no writes" in note for note in shop.status()["notes"])
    shop.patch.setenv(setting, read_only(os.environ[setting]))
    (note,) = [note for note in shop.status()["notes"] if "takes no writes" in note]
    assert whose in note
    assert setting in note


def test_a_wrong_table_of_labels_is_no_fault_of_the_queue(shop: LookedAtShop, tmp_path: Path) -> None:
    (table := tmp_path / "labels.csv").write_text("none\n")
    shop.patch.setenv("LABELS_FILE", str(table))
    done = CliRunner().invoke(main, ["status"])
    assert done.exit_code == 2
    assert "LABELS_FILE can't be read" in done.output
    assert "tells the truth" not in done.output


def test_it_says_when_the_store_lags(shop: LookedAtShop) -> None:
    first, second, _ = shop.isbns
    shop.changed(first, 30)
    shop.changed(second, 20)
    with psycopg.connect(shop.journal, autocommit=True) as connection:
        connection.execute("UPDATE store_in_step SET stock_changed_at = now() - interval '1 day'")
    shop.changed(shop.isbns[2], 5)
    status = shop.status()
    assert (status["behind"], status["on_the_way"]) == (2, 3)
    assert [one["isbn"] for one in status["behind_titles"]] == [first, second]
    assert {one["what"] for one in status["behind_titles"]} == {"stock"}
    since = datetime.fromisoformat(status["behind_since"])
    assert timedelta(minutes=29) < datetime.now(UTC) - since < timedelta(minutes=31)
    words = shop.words()
    local = since.astimezone(ZoneInfo("America/Chicago"))
    assert words.startswith(f"The store has not told the truth since {local:%Y-%m-%d %H:%M} C")
    assert "The store has not followed 2 of 3 titles for more than 10 min" in words
    assert "ingram push brings all of it." in words
    assert f"{first}  Book {first}: has a change of stock that the store does not show, since" in words
    assert status["verdict"]["kind"] == "not_running"
    assert status["verdict"]["kept"] is False
    shop.patch.setenv("STORE_LAG_MAX", "1500")
    assert shop.status()["behind"] == 1


def test_a_retired_title_is_in_no_count(shop: LookedAtShop) -> None:
    gone = shop.isbns[0]
    shop.queue.sql("UPDATE ingram_queue SET failed_reason = 'No.', imported_at = NULL WHERE isbn = %s", gone)
    shop.queue.sql("INSERT INTO ingram_unread SELECT %s, 'transient', 'No answer.', now(), now(), 1", gone)
    shop.queue.sql(
        "UPDATE ingram_queue SET stock_observed_at = now() - interval '9 days' WHERE isbn = %s", gone
    )
    shop.changed(gone, 30)
    before = shop.status()
    assert (before["failed"], before["unread"], before["promise_broken"]) == (1, 1, True)
    assert {one["isbn"] for one in before["broken"]} == {gone}
    partitions(shop, ISBNS_NAME, gone, there=False)
    partitions(shop, RETIRED_NAME, gone, there=True)
    status = shop.status()
    assert (status["titles"], status["rows"], status["retired"]) == (2, 2, 1)
    assert (status["failed"], status["unread"], status["promise_broken"]) == (0, 0, False)
    assert (status["broken"], status["behind"], status["untracked"]) == ([], 0, [])
    assert gone not in {one["isbn"] for one in status["low_stock"]}
    words = shop.words()
    assert words.startswith("The store tells the truth. 2 titles")
    assert gone not in words
    assert "retired" not in words


def test_only_titles_of_the_shop_count_as_retired(shop: LookedAtShop) -> None:
    """A person may name others: these are kept out from then on, and were never there."""
    for isbn in map(make_isbn, range(91_000, 91_005)):
        partitions(shop, RETIRED_NAME, isbn, there=True)
    assert shop.status()["retired"] == 0
    assert "retired" not in shop.words()
    partitions(shop, RETIRED_NAME, shop.isbns[0], there=True)
    assert shop.status()["retired"] == 1


def test_a_row_that_is_not_tracked_is_named(shop: LookedAtShop) -> None:
    lost = shop.isbns[1]
    partitions(shop, ISBNS_NAME, lost, there=False)
    assert shop.status()["untracked"] == [], "it may be about to be"
    shop.queue.sql("UPDATE ingram_queue SET created_at = now() - interval '11 minutes'")
    status = shop.status()
    assert (status["titles"], status["rows"], status["untracked"]) == (2, 3, [lost])
    assert f"ingram enrich {lost}" in shop.words()


def test_without_titles_it_says_what_to_do_next(shop: LookedAtShop) -> None:
    for isbn in shop.isbns:
        partitions(shop, ISBNS_NAME, isbn, there=False)
        partitions(shop, RETIRED_NAME, isbn, there=True)
    words = shop.words()
    assert words.startswith("There is nothing to tell the truth of yet: no title is tracked.\nWhat to do: ")
    assert "To track the titles of the saved search: ingram sync-stock" in words


def test_a_failed_run_is_named_until_the_job_succeeds_again(shop: LookedAtShop) -> None:
    @op
    def fails_at_first(context: OpExecutionContext) -> None:
        assert context.run.tags["try"] != "first", "no luck"

    @job(name="push")
    def push() -> None:
        fails_at_first()

    with dagster_instance(shop.common()) as instance:
        failed = push.execute_in_process(instance=instance, raise_on_error=False, tags={"try": "first"})
        (run,) = shop.status()["failed_runs"]
        assert (run["job"], run["run_id"]) == ("push", failed.run_id)
        assert "no luck" in run["reason"]
        assert datetime.now(UTC) - datetime.fromisoformat(run["ended_at"]) < timedelta(minutes=1)
        words = shop.words()
        assert words.startswith("The store tells the truth so far. The last run of push failed:")
        assert f"Look at it: ingram runs {failed.run_id[:8]}" in words
        assert words.count("no luck") == 1
        push.execute_in_process(instance=instance, tags={"try": "second"})
        assert shop.status()["failed_runs"] == []
        plan = {"try": "first", PLAN_TAG: "The shop only watches."}
        push.execute_in_process(instance=instance, raise_on_error=False, tags=plan)
        assert shop.status()["failed_runs"] == [], "who asked for a plan saw what came of it"
        assert shop.words().startswith("The store tells the truth. ")


def test_a_failed_run_is_over_once_all_that_it_was_to_make_was_made_by_any_job(shop: LookedAtShop) -> None:
    keys = [AssetKey(["ipage", "saved_search"]), AssetKey(["ipage", "stock_sweep"])]

    @asset(key=keys[0])
    def saved_search() -> None: ...

    @asset(key=keys[1], deps=[saved_search])
    def stock_sweep(context: AssetExecutionContext) -> None:
        assert "fails" not in context.run.tags, "no luck"

    jobs = [define_asset_job("discover", [saved_search]), define_asset_job("sync_stock")]
    defs = Definitions([saved_search, stock_sweep], jobs=jobs)
    discover, sync_stock = (defs.resolve_job_def(one.name) for one in jobs)
    by_itself = defs.resolve_implicit_global_asset_job_def()

    def told() -> set[str]:
        return {one["job"] for one in shop.status()["failed_runs"]}

    def never_began(*assets: AssetKey) -> None:
        run = instance.create_run_for_job(
            by_itself.get_subset(asset_selection=set(assets)), asset_selection=frozenset(assets)
        )
        instance.report_run_failed(run, "No worker was up. Start it again.")

    with dagster_instance(shop.common()) as instance:
        discover.execute_in_process(instance=instance)
        never_began(keys[0])
        assert told() == {"ipage/saved_search"}
        assert "The last run of ipage/saved_search failed: No worker was up." in shop.words()
        by_itself.execute_in_process(instance=instance, asset_selection=[keys[1]])
        assert told() == {"ipage/saved_search"}, "that was other work"
        discover.execute_in_process(instance=instance)
        assert told() == set()
        assert shop.words().startswith("The store tells the truth. ")

        never_began(*keys)
        both = "ipage/saved_search, ipage/stock_sweep"
        assert told() == {both}
        sync_stock.execute_in_process(instance=instance, raise_on_error=False, tags={"fails": "yes"})
        assert told() == {both, "sync_stock"}, "half of it is not all"
        by_itself.execute_in_process(instance=instance, asset_selection=[keys[1]])
        assert told() == set(), "what the sweep's run made before it failed counts"


def test_a_push_that_a_guardrail_stopped_is_told_while_its_changes_wait(shop: LookedAtShop) -> None:
    """Whatever other pushes do meanwhile: one by hand for another title says nothing of these."""
    reason = "2 of 3 tracked titles would turn to zero at once. Nothing was written. Look at a dry run."

    @op(config_schema={"isbns": [str], "fails": bool})
    def push_titles(context: OpExecutionContext) -> None:
        if context.op_config["fails"]:
            raise stopped("guardrail", reason)

    @job(name="push")
    def push() -> None:
        push_titles()

    def run(*isbns: str, fails: bool = False) -> str:
        config = {"ops": {"push_titles": {"config": {"isbns": list(isbns), "fails": fails}}}}
        return push.execute_in_process(config, instance=instance, raise_on_error=False).run_id

    first, second, other = shop.isbns
    with dagster_instance(shop.common()) as instance:
        for isbn in (first, second):
            shop.changed(isbn, 1)
        with psycopg.connect(shop.journal, autocommit=True) as connection:
            connection.execute("UPDATE store_in_step SET stock_changed_at = now() - interval '1 day'")
        run(first, second, other, fails=True)
        run_id = run(first, second, fails=True)
        run(other)
        status = shop.status()
        assert status["failed_runs"] == []
        (of_other, of_both) = reversed(status["unfinished_pushes"])
        assert of_other["titles"] == [other]
        assert (of_both["run_id"], of_both["by_guardrail"], of_both["reason"]) == (run_id, True, reason)
        assert of_both["titles"] == [first, second]
        assert of_both["since"] == of_other["since"] < of_both["ended_at"], "each try is not news"
        since = datetime.now(UTC) - timedelta(hours=1)
        assert reason in (held_back(instance, first, since) or "")
        assert held_back(instance, first, None) is None
        assert held_back(instance, first, datetime.now(UTC)) is None, "it changed after that"
        words = " ".join(shop.words().split())
        assert words.startswith("The store has not told the truth since ")
        assert f"A guardrail stopped the push that 3 titles wait for: {reason}" in words
        assert words.count(reason) == 1
        assert "If it is right: ingram push --let-through" in words
        assert status["verdict"]["kind"] == "guardrail"
        with psycopg.connect(shop.journal, autocommit=True) as connection:
            connection.execute("UPDATE store_in_step SET stock_changed_at = now()")
        assert shop.status()["unfinished_pushes"] == []
        assert shop.words().startswith("The store tells the truth. ")
        # What changed after the push that was stopped has not waited for it.
        shop.queue.sql("UPDATE ingram_queue SET stock_changed_at = now() + interval '1 second'")
        assert shop.status()["unfinished_pushes"] == []


def test_a_pause_after_a_block_is_named_with_its_end_in_one_line(shop: LookedAtShop) -> None:
    """Though the run that met the block was killed, and nothing was recorded of it."""

    @op
    def read_pages() -> None:
        raise failure_of(Blocked("The site blocked this run once; it is left alone."))

    @job(name="sync_stock")
    def sweep() -> None:
        read_pages()

    since = datetime.now(UTC)
    pause = SitePause(since, since + timedelta(seconds=100), "The site blocks this machine (status 429)")
    line = in_shop_zone(left_alone(pause))
    assert f"until {local_moment(pause.until, ZoneInfo('America/Chicago'))}" in line
    with dagster_instance(shop.common()) as instance:
        run = instance.create_run_for_job(sweep, tags={PAUSE_TAG: tag_of(pause)})
        instance.report_run_failed(run, "It was killed.")
        sweep.execute_in_process(instance=instance, raise_on_error=False)
        words = shop.words()
        assert words.startswith(f"The store tells the truth so far. {line}\nWhat to do: Nothing until then")
        shop.queue.sql("UPDATE ingram_queue SET stock_observed_at = now() - interval '3 hours'")
        status, words = shop.status(), " ".join(shop.words().split())
        assert words.startswith("The store has not told the truth since ")
        assert words.partition(". ")[2].startswith(line)
        assert words.count(line) == 1
        assert "left alone." not in words, "the run that gave up says nothing else"
        assert [one["stopped_by"] for one in status["failed_runs"]] == ["block"]
        assert (status["verdict"]["kind"], status["verdict"]["kept"]) == ("block", False)
        assert datetime.fromisoformat(status["ipage_left_alone_until"]) == pause.until
        for isbn in shop.isbns:
            partitions(shop, ISBNS_NAME, isbn, there=False)
        assert line in shop.words(), "where the verdict is another one, too"


def test_what_is_switched_off_is_named(shop: LookedAtShop) -> None:
    with dagster_instance(shop.common()) as instance:
        origin = RemoteRepositoryOrigin(
            RegisteredCodeLocationOrigin("storefront"), "__repository__"
        ).get_instigator_origin("stock_changes")
        instance.add_instigator_state(
            InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.STOPPED, SensorInstigatorData())
        )
    assert shop.status()["switched_off"] == ["stock_changes"]
    words = shop.words()
    assert words.startswith("The store tells the truth so far. Switched off in Dagster: stock_changes.\n")
    assert "What to do: Switch on again on Dagster's page, under Automation." in words


def test_what_people_were_told_of_and_is_not_over_is_listed(shop: LookedAtShop) -> None:
    since = datetime(2026, 11, 30, 3, 0, tzinfo=UTC).timestamp()
    told = Incident("a", "iPage's pages have changed: list price", since, since, "read on 3%", told=True)
    untold = Incident("b", "It may pass", since, since)
    with dagster_instance(shop.common()) as instance:
        tables_of(instance).record(IncidentLog({"a": told, "b": untold}), [], [])
    (one,) = shop.status()["incidents"]
    assert (one["subject"], one["reason"]) == ("iPage's pages have changed: list price", "read on 3%")
    words = shop.words()
    assert (
        "People were told of it, and it is not over:\n  iPage's pages have changed: list price, since"
        in words
    )
    assert "It may pass" not in words


def test_without_dagster_and_journal_it_says_so_and_counts_rows(shop: LookedAtShop) -> None:
    shop.patch.setenv("DAGSTER_PG_URL", NOWHERE)
    shop.patch.setenv("STOREFRONT_DB_URL", NOWHERE)
    status = shop.status()
    assert (status["titles"], status["behind"]) == (3, None)
    dagster, journal = status["not_asked"]
    assert "Dagster's database can't be reached" in dagster
    assert "The journal database can't be reached" in journal
    words = shop.words()
    assert "      3  titles in the queue" in words
    assert "sEcret" not in words + str(status)
    assert words.startswith("Whether the store tells the truth is not known. Dagster's database can't be")
    assert status["verdict"]["kept"] is None


def test_a_block_is_one_line_and_json_is_never_cut(shop: LookedAtShop) -> None:
    """Sixty titles that the bot wall kept: a person reads one sentence, a program all of them."""
    isbns = [make_isbn(number) for number in range(92_000, 92_060)]
    with QueueWriter(shop.queue.writer) as writer:
        writer.add_titles([{"isbn": isbn, "title": f"Book {isbn}", "srp_price": "9"} for isbn in isbns])
    for isbn in isbns:
        partitions(shop, ISBNS_NAME, isbn, there=True)
        reason = f"The site blocks this machine (status 403, page {isbn})."
        shop.queue.sql("INSERT INTO ingram_unread SELECT %s, 'blocked', %s, now(), now(), 1", isbn, reason)
    status = shop.status()
    assert sorted(one["isbn"] for one in status["broken"]) == sorted(isbns)
    assert (status["verdict"]["kind"], status["verdict"]["kept"]) == ("block", True)
    words = shop.words()
    assert words.startswith(
        "The store tells the truth so far. iPage blocks this machine: 60 titles could not"
    )
    assert "What to do: Wait;" in words
    assert sum("The site blocks this machine" in line for line in words.splitlines()) == 1


def test_bindings_that_are_not_known_are_named_as_long_as_there_are_any(shop: LookedAtShop) -> None:
    assert not any("bindings" in note for note in shop.status()["notes"])
    with QueueWriter(shop.queue.writer) as writer:
        kinds = ("Livre numérique", "Livre numérique", "E-Book")
        rows = zip(shop.isbns, kinds, strict=True)
        writer.add_titles([{"isbn": isbn, "title": isbn, "binding": kind} for isbn, kind in rows])
    (note,) = [note for note in shop.status()["notes"] if "bindings" in note]
    assert f"copies are counted: “Livre numérique” (2, such as {shop.isbns[0]})." in note
    assert "[bindings] of site.toml" in note
    assert f"Note: {note}" in " ".join(shop.words().split())
