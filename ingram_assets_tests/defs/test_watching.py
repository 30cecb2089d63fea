"""A new shop on a real store that has products already: it only watches, until a person says otherwise."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingram_assets.defs.keys import ASKED_BY_TAG, ISBNS_NAME
from ingram_assets.defs.storefront import checks
from ingram_assets.defs.storefront.assets import inventory_levels, products, stock_location
from ingram_assets.defs.storefront.definitions import defs
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.store.journal import Journal
from ingram_assets.store.observe_mode import LegacyTitle, Outlook, PlanFigures
from ingram_assets_tests.testing.oracle import until
from ingram_assets_tests.testing.shop import make_isbn
from ingram_assets_tests.testing.storefront import Storefront, count, numbers, shown_by, tick
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("medusa")

PUSHING = ("stock_changes", "rows_to_import", "clock_changes", "order_changes", "shelf_changes")


@pytest.fixture(autouse=True)
def _mode_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODE", raising=False)


class OldShop:
    """A shop with products of its own that nobody counts, and a queue that knows some of them."""

    def __init__(self, shop: Storefront) -> None:
        self.shop = shop
        (self.channel,) = shop.shop.get("sales-channels", name="Online Store")["sales_channels"]
        self.new = shop.titles(3, copies=10)
        (self.counted,), (self.gone,) = shop.titles(1, copies=12), shop.titles(1, copies=0)
        (self.file,) = shop.titles(1, copies=0, binding="Digital Download")
        self.untracked, self.mug = make_isbn(next(numbers)), "MUG-1"
        for number in (self.counted, self.gone, self.file, self.untracked, self.mug):
            self.make_legacy(number, 25 if number == self.counted else 18.99)
        shop.instance.add_dynamic_partitions(ISBNS_NAME, self.tracked)

    def make_legacy(self, number: str, dollars: float) -> None:
        """A product as a person made it long ago, which nobody counts."""
        self.shop.shop.make_unmanaged(number, self.channel["id"], amount=dollars)

    @property
    def tracked(self) -> list[str]:
        return [*self.new, self.counted, self.gone, self.file]

    def whole_store(self) -> dict[str, Any]:
        return shown_by(self.shop.shop)

    def price(self, isbn: str) -> float:
        variant = self.shop.shop.variant(isbn)
        assert variant
        (price,) = variant["prices"]
        return float(price["amount"])

    def outlook(self) -> Outlook | None:
        with Journal(self.shop.journal) as journal:
            return journal.outlook(journal.mode(None))

    def is_managed(self, isbn: str) -> bool:
        variant = self.shop.shop.variant(isbn)
        assert variant
        return bool(variant["manage_inventory"])


@pytest.fixture(scope="module")
def old(storefront: Storefront) -> OldShop:
    return OldShop(storefront)


def ticked(shop: Storefront, name: str, cursor: str | None = None) -> tuple[Any, list[str]]:
    """A tick of a sensor: what it says, and the ids of the runs that it asked for, which were run."""
    repository = defs.get_repository_def()
    with dg.build_sensor_context(
        instance=shop.instance, cursor=cursor, repository_def=repository, resources=defs.resources
    ) as context:
        data = repository.get_sensor_def(name).evaluate_tick(context)
    runs = [
        defs.resolve_job_def("push")
        .execute_in_process(run_config=one.run_config, instance=shop.instance, raise_on_error=False)
        .run_id
        for one in data.run_requests or []
    ]
    return data, runs


def test_sensors_schedules_and_people_write_nothing(old: OldShop) -> None:
    shop, before = old.shop, old.whole_store()
    cursors: dict[str, str | None] = {}
    for _ in range(3):
        for name in PUSHING:
            data, runs = ticked(shop, name, cursors.get(name))
            cursors[name] = data.cursor
            assert not runs, name
            assert "Watching only" in data.skip_message, name
        data, runs = ticked(shop, "watching_plans", cursors.get("watching_plans"))
        cursors["watching_plans"] = data.cursor
        # What a slow code server would still ask for, and what people and schedules do.
        for done in (shop.push(), shop.push(*old.tracked), shop.push(old.new[0], let_through=True)):
            assert done.succeeded, done.error
            assert done.reports[0]["details"]["dry_run"]
            assert count(done, "medusa_writes") == 0
            assert "ingram go-live" in " ".join(done.reports[0]["notes"])
    assert data.skip_message == "Nothing is new since the last plan."
    assert cursors["stock_changes"], "what changed was passed by: going live brings all of it"
    assert old.whole_store() == before
    assert shop.written() == 0
    assert {shop.row(isbn) for isbn in old.tracked} == {(False, None)}


@pytest.mark.parametrize(
    "asset", [stock_location, products, inventory_levels], ids=lambda asset: asset.key.path[-1]
)
def test_an_asset_that_a_person_materializes_is_refused(old: OldShop, asset: Any) -> None:
    before = old.whole_store()
    selected = [stock_location, products, inventory_levels]
    done = dg.materialize(
        selected,
        instance=old.shop.instance,
        selection=[asset],
        partition_key=None if asset is stock_location else old.new[0],
        resources=defs.resources,
        raise_on_error=False,
    )
    assert not done.success
    (failed,) = done.filter_events(lambda event: event.is_step_failure)
    assert "Watching only" in failed.step_failure_data.user_failure_data.description
    assert old.whole_store() == before
    assert old.shop.written() == 0


def test_what_a_push_would_do_is_kept_with_legacy_products_by_name(old: OldShop) -> None:
    shop = old.shop
    assert shop.push().succeeded
    outlook = old.outlook()
    assert outlook is not None
    (today,) = outlook.plans
    assert today.figures == PlanFigures(3, 2, 1, 1, 6)
    assert outlook.words == (
        "Watching only: nothing is written to the store. A push now would change 6 titles: 3 would be new in "
        "the store, 2 sold without a count would be counted, 1 would be set to zero, 1 would have "
        "another price."
    )
    becomes = {one.number: one for one in outlook.legacy}
    assert becomes.keys() == {old.counted, old.gone, old.file, old.untracked, old.mug}
    assert becomes[old.counted] == LegacyTitle(
        old.counted,
        f"By hand {old.counted}",
        "is counted: 12 copies, In stock; the price becomes $18.99, and is $25 now",
    )
    assert becomes[old.gone].becomes == "is counted: 0 copies, Out of stock"
    assert becomes[old.file].becomes == "goes on being sold without a count, Available now"
    assert becomes[old.untracked].becomes == "stays as it is: it is not tracked"
    assert becomes[old.mug].becomes == "stays as it is: none of its numbers is an ISBN"


def test_that_the_store_does_not_follow_is_nobody_s_alarm(old: OldShop) -> None:
    storefront = old.shop
    storefront.queue.sql("UPDATE ingram_queue SET created_at = now() - interval '3 days'")
    resources: Any = defs.resources
    found = checks.evaluate(storefront.instance, resources["queue"], resources["journal"], 2e9)
    assert found.passed
    assert "Watching only" in (found.description or "")


@pytest.fixture(scope="module")
def shell(
    storefront: Storefront, old: OldShop, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Typed"]:
    folder = tmp_path_factory.mktemp("going-live")
    database = postgres.create_database("dagster_of_going_live")
    names = ("MEDUSA_BACKEND_URL", "MEDUSA_EMAIL", "MEDUSA_PASSWORD", "QUEUE_DB_URL", "STOREFRONT_DB_URL")
    given = {name: os.environ[name] for name in names}
    common = CommonSettings(DAGSTER_PG_URL=database, INGRAM_STATE_DIR=folder)
    with dagster_instance(common) as instance:
        instance.add_dynamic_partitions(ISBNS_NAME, old.tracked)
    machine = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    yield Typed(machine | given | {"DAGSTER_PG_URL": database, "INGRAM_STATE_DIR": str(folder)}, folder)
    postgres.drop_database("dagster_of_going_live")


class Typed:
    """Commands of the shop, without `ingram up`."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment, self.folder = environment, folder

    def __call__(self, *words: str, **more: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "ingram_assets.cli", *words],
            env=self.environment | more,
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=600,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def begun(self, *words: str) -> "Begun":
        """A command that is at work."""
        errors = self.folder / f"errors-{len(words)}"
        with errors.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "ingram_assets.cli", *words],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        return Begun(process, errors)

    def json(self, *words: str, **more: str) -> dict[str, Any]:
        code, output, errors = self(*words, "--json", **more)
        assert code == 0, errors
        return json.loads(output.splitlines()[-1])


class Begun:
    """A command that is at work, and what it says."""

    def __init__(self, process: "subprocess.Popen[str]", errors: Path) -> None:
        self._process, self._errors = process, errors

    def errors(self) -> str:
        """What it said so far beside its answer."""
        return self._errors.read_text()

    def ended(self) -> tuple[int, str]:
        """Its exit code and its answer."""
        output, _ = self._process.communicate(timeout=600)
        return self._process.returncode, output


def test_going_live_is_refused_without_a_yes_and_against_the_setting(old: OldShop, shell: Typed) -> None:
    before = old.whole_store()
    code, _, errors = shell("go-live")
    assert code == 2
    assert "ingram go-live --yes" in errors
    code, _, errors = shell("go-live", "--yes", MODE="observe")
    assert code == 2
    assert "take it out of .env.storefront" in errors
    assert old.whole_store() == before


def test_status_says_what_a_push_would_do(old: OldShop, shell: Typed) -> None:
    status = shell.json("status")
    assert status["verdict"]["kind"] == "watching"
    assert "Watching only: nothing is written to the store. A push now would" in status["verdict"]["sentence"]
    assert "ingram go-live" in status["verdict"]["what_to_do"]
    assert status["behind"] == 0
    (day,) = status["watching"]["days"]
    assert (day["would_create"], day["would_switch_over"], day["would_turn_to_zero"]) == (3, 2, 1)
    assert f"By hand {old.counted}" in [one["title"] for one in status["watching"]["legacy"]]
    _, words, _ = shell("status")
    assert "switched over" in words
    assert f"{old.counted}  By hand {old.counted}: is counted: 12 copies, In stock" in words


def test_a_guardrail_stops_going_live_as_any_push(old: OldShop, shell: Typed) -> None:
    """What sells without end today, and has no copies at Ingram, turns to zero like anything else."""
    none_left = old.shop.titles(6, copies=0)
    for isbn in none_left:
        old.make_legacy(isbn, 18.99)
    before = old.whole_store()
    code, output, errors = shell("go-live", "--yes", "--json")
    assert code == 3, errors
    assert "If it is right: ingram go-live --let-through" in json.loads(output.splitlines()[-1])["error"]
    assert shell("go-live", "--yes", "--let-through", MODE="observe")[0] == 2
    assert old.whole_store() == before
    assert (outlook := old.outlook())
    assert "A guardrail would stop it: 7 of 9" in outlook.words


def test_going_live_brings_what_was_planned_and_notes_who_said_so(old: OldShop, shell: Typed) -> None:
    shop = old.shop
    # Two people say so at once, and both have looked at a plan.
    with Journal(shop.journal) as journal, ExitStack() as alone:
        alone.enter_context(journal.alone("another", lambda _: None))
        both = [shell.begun("go-live", "--yes", "--let-through", *more) for more in (["--json"], [])]
        waiting = "waiting for another run"
        until(lambda: all(waiting in one.errors() for one in both), 120, "two plans that wait")
        alone.close()
        codes, outputs = zip(*(one.ended() for one in both), strict=True)
    assert codes == (0, 0), [one.errors() for one in both]
    gone_live, words = json.loads(outputs[0].splitlines()[-1]), outputs[1]
    with Journal(shop.journal) as journal:
        went = journal.mode(None).went_live
        (first,) = journal.runs_called("")
        written = {one.isbn for one in journal.changes(first) if one.outcome == "written" and one.isbn}
    assert went
    assert went.run_id == first, "one of them took it live, and wrote all of it"
    if first == gone_live.get("run_id"):
        assert "The store is live already: " in words
        assert "ingram undo" not in words
        assert gone_live["created"] == 3
    else:
        assert "created" not in gone_live
        told = f"This first push changed {len(written)} titles there; put back by: ingram undo {first[:8]}"
        assert told in words
        assert "The store is live already" not in words
    assert gone_live["live"] is True
    assert gone_live["live_by"].endswith("(terminal)")
    assert [shop.level(isbn) for isbn in old.new] == [10, 10, 10]
    assert [shop.level(old.counted), shop.level(old.gone)] == [12, 0]
    assert [old.is_managed(isbn) for isbn in (old.file, old.untracked, old.mug)] == [False] * 3
    assert shop.written() > 0
    assert old.price(old.counted) == 18.99
    code, words, _ = shell("go-live")
    assert code == 0
    assert "The store is live already" in words
    assert "MODE=observe" in words
    assert shell.json("status")["watching"] is None
    resources: Any = defs.resources
    found = checks.evaluate(shop.instance, resources["queue"], resources["journal"], _now(shop))
    assert found.passed, "what waited while the shop watched is not late at once"


def _now(shop: Storefront) -> float:
    ((now,),) = shop.queue.sql("SELECT extract(epoch FROM now())")
    return float(now)


def test_the_next_pushes_are_live_until_the_setting_holds_them_back(
    old: OldShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = old.shop
    _, place = tick(shop, "stock_changes", None)
    shop.read(old.new[:1], 7)
    asked, place = tick(shop, "stock_changes", place)
    assert asked == [old.new[:1]]
    assert shop.level(old.new[0]) == 7

    monkeypatch.setenv("MODE", "observe")
    _, place = tick(shop, "stock_changes", place)
    shop.read(old.new[:1], 6)
    held, place = tick(shop, "stock_changes", place)
    undone = shop.run("undo", "undo_run", run_id=_first_run(shop))
    assert count(undone, "undone") > 0
    assert undone.reports[0]["details"]["dry_run"]
    assert (held, shop.level(old.new[0])) == ([], 7)

    monkeypatch.delenv("MODE")
    asked, _ = tick(shop, "stock_changes", place)
    assert asked == [old.new[:1]], "what changed meanwhile is carried, not passed by"
    assert shop.level(old.new[0]) == 6


def _first_run(shop: Storefront) -> str:
    with Journal(shop.journal) as journal:
        went = journal.mode(None).went_live
    assert went
    return went.run_id


def test_who_said_so_on_dagster_s_page_is_noted_too(old: OldShop) -> None:
    shop = old.shop
    with Journal(shop.journal) as journal:
        journal.go_live("a run", "ada (desk)")
        mode = journal.mode(None)
    assert mode.went_live
    assert (mode.is_live, mode.went_live.by) == (True, "ada (desk)")
    assert shop.run("push", "push_titles", {ASKED_BY_TAG: "eve"}, isbns=old.new, go_live=True).succeeded
    with Journal(shop.journal) as journal:
        assert journal.mode(None).went_live == mode.went_live, "it was live already"


def test_a_run_that_is_to_go_live_writes_nothing_where_another_one_did(old: OldShop) -> None:
    shop = old.shop
    shop.read(old.new[:1], 5)
    with Journal(shop.journal) as journal:
        journal.go_live("yet another", "ada (terminal)")
    before = old.whole_store()
    done = shop.run("push", "push_titles", {ASKED_BY_TAG: "eve"}, isbns=old.new, go_live=True)
    assert done.succeeded
    (note,) = done.reports[0]["notes"]
    assert note.startswith("The store is live already: ada (terminal) said so 20")
    assert old.whole_store() == before
    assert shop.push(*old.new).succeeded
    assert shop.level(old.new[0]) == 5
