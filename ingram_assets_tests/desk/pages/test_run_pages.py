"""`/runs` on a real store, a real Dagster and its journal."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
import psycopg
import pytest

from ingram_assets.defs.keys import ASKED_BY_TAG
from ingram_assets.store.client import MedusaClient
from ingram_assets_tests.testing.dagster_page import DagsterPage, running_dagster_page
from ingram_assets_tests.testing.desk_work import Visit, work_pages
from ingram_assets_tests.testing.queue import migrated
from ingram_assets_tests.testing.seeded_store import BACK_TO_THE_SEEDED_STORE
from ingram_assets_tests.testing.shop import Shop
from ingram_assets_tests.testing.storefront import Storefront
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("medusa")

_keys = itertools.count(1)


@dataclass
class Works:
    """A shop whose runs are started at the desk, and done here, in the daemon's place."""

    storefront: Storefront
    page: DagsterPage
    ada: Visit

    def queued(self) -> dg.DagsterRun:
        """The one run that waits; it waits no longer."""
        (run,) = self.page.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
        self.page.instance.delete_run(run.run_id)
        return run

    def done(self) -> str:
        """Does what the run that waits asks for; the id of the run that did it."""
        run = self.queued()
        ((op, config),) = run.run_config["ops"].items()
        return self.storefront.run(run.job_name, op, **config["config"]).run_id


@pytest.fixture(scope="module")
def works(medusa: Medusa, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    with psycopg.connect(medusa.database_url, autocommit=True) as connection:
        connection.execute(BACK_TO_THE_SEEDED_STORE)
    queue, journal = migrated(postgres, "queue_of_the_runs"), postgres.create_database("journal_of_the_runs")
    settings = {
        "MEDUSA_BACKEND_URL": medusa.url,
        "MEDUSA_EMAIL": medusa.email,
        "MEDUSA_PASSWORD": medusa.password,
        "QUEUE_DB_URL": queue.reader,
        "STOREFRONT_DB_URL": journal,
        "MODE": "live",
    }
    shop = Shop(medusa)
    client, looks = (MedusaClient(medusa.url, email=medusa.email, password=medusa.password) for _ in range(2))
    folder, database = tmp_path_factory.mktemp("dagster"), postgres.create_database("dagster_of_the_runs")
    with pytest.MonkeyPatch.context() as patch, running_dagster_page(folder, database) as page:
        for name, value in settings.items():
            patch.setenv(name, value)
        common = page.common.model_copy(update={"INGRAM_UI_URL": page.url})
        with work_pages(client, looks, journal, queue.reader, common) as ada:
            yield Works(Storefront(queue, shop, journal, page.instance), page, ada)
    shop.close()


def test_a_plan_is_shown_and_let_through_and_taken_back(works: Works):
    ada, shop = works.ada, works.storefront
    (isbn,) = shop.titles(1, copies=10, title="The Planned Book")
    started = ada.send(ada.get("/runs"), "/runs/plan")
    assert "Plan of a push" in started.text
    assert "it starts as soon as no run before it is at work" in started.text
    plan = works.done()
    page = ada.get(f"/runs/{plan}")
    (row,) = page.rows("The plan")
    assert row.startswith(
        f"The Planned Book {isbn} would be new label: none → In stock status: none → In stock "
    )
    assert "copies: no level → 10" in row
    assert shop.written() == 0, "a plan writes nothing"
    asked = ada.get(f"/runs/{plan}/go")
    assert "1 title" in asked.text
    assert shop.written() == 0, "nor does asking"
    other = ada.get(f"/runs/{plan}/go")
    ada.send(asked, f"/runs/{plan}/go")
    ada.send(other, f"/runs/{plan}/go")
    assert "It was let through" in ada.get(f"/runs/{plan}").text
    assert "This plan was let through already." in ada.get(f"/runs/{plan}/go").text
    run = works.queued()  # A plan is let through once, from however many pages.
    assert run.tags["ingram/asked_by"] == "ada@example.com"
    assert run.run_config["ops"]["push_titles"]["config"] == {
        "isbns": [isbn],
        "dry_run": False,
        "let_through": False,
    }
    pushed = shop.push().run_id
    assert shop.level(isbn) == 10
    page = ada.get(f"/runs/{pushed}")
    assert any("copies: none → 10" in row and "arrived" in row for row in page.rows("Changes in the store"))
    assert all("The Planned Book" in row for row in page.rows("Changes in the store") if isbn in row)
    ada.send(page, f"/runs/{pushed}/undo-plan")
    undo_plan = works.done()
    page = ada.get(f"/runs/{undo_plan}")
    assert "What an undo would put back" in page.text
    assert isbn in page.rows("The plan")[0]
    assert shop.level(isbn) == 10
    ada.send(ada.get(f"/runs/{undo_plan}/go"), f"/runs/{undo_plan}/go")
    run = works.queued()
    assert run.run_config["ops"]["undo_run"]["config"] == {"run_id": pushed, "dry_run": False}


def test_a_plan_says_what_would_change_and_what_is_held_back(works: Works):
    ada, shop = works.ada, works.storefront
    moved, held = shop.titles(2, copies=10)
    pushed = shop.push(moved, held)
    assert pushed.succeeded, pushed.error
    shop.read([moved], 7)
    repaired = shop.push(moved).run_id
    shop.edit_level(moved, 3)
    plan = shop.run("push", "push_titles", isbns=[moved, "9780306406157"], dry_run=True)
    page = ada.get(f"/runs/{plan.run_id}")
    assert "1 title would change; 1 is held back. Nothing of it was written." in page.text
    assert "Would be repaired" in page.text
    assert "Repaired" not in page.text
    assert "had been" not in page.text
    assert "for 1 title," in ada.get(f"/runs/{plan.run_id}/go").text
    shop.push(moved)
    undo = shop.run("undo", "undo_run", run_id=repaired, dry_run=True)
    (row,) = ada.get(f"/runs/{undo.run_id}").rows("The plan")
    assert "copies: 7 → 10" in row
    assert "stock read at: " in row
    assert "+00:00" not in row, "times are in the store's zone"
    assert "metadata" not in row


def test_a_plan_shows_what_shoppers_see_from_what_to_what(works: Works):
    shop = works.storefront
    (isbn,) = shop.titles(1, copies=10)
    shop.push(isbn)
    shop.read([isbn], 0)
    plan = shop.run("push", "push_titles", isbns=[isbn], dry_run=True)
    (row,) = works.ada.get(f"/runs/{plan.run_id}").rows("The plan")
    moves = "label: In stock → Out of stock status: In stock → Out of stock copies: 10 → 0"
    assert f"{isbn} would change {moves}" in row


def test_what_a_guardrail_stops_needs_a_person_who_looked(works: Works):
    ada, shop = works.ada, works.storefront
    isbns = shop.titles(12, copies=10)
    shop.push(*isbns)
    shop.read(isbns, 0)
    ada.send(ada.get("/runs"), "/runs/plan")
    plan = works.done()
    page = ada.get(f"/runs/{plan}")
    assert "A guardrail would stop this push" in page.text
    assert "ingram push" not in " ".join(each.text() for each in page.tree.css(".notice"))
    asked = ada.get(f"/runs/{plan}/go")
    refused = ada.send(asked, f"/runs/{plan}/go")
    assert refused.status == 409
    assert "Say that you looked at it" in refused.text
    assert works.page.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])) == []
    # Meanwhile another title turns to zero, which nobody looked at.
    (other,) = shop.titles(1, copies=10)
    ada.send(asked, f"/runs/{plan}/go", looked="yes")
    config = works.queued().run_config["ops"]["push_titles"]["config"]
    assert (config["let_through"], config["plan"]) == (True, plan)
    assert set(isbns) <= set(config["isbns"])
    assert other not in config["isbns"]


def test_a_guardrail_that_stopped_a_push_is_told_on_its_page(works: Works):
    shop = works.storefront
    isbns = shop.titles(12, copies=10)
    shop.push(*isbns)
    shop.read(isbns, 0)
    stopped = shop.push(*isbns)
    page = works.ada.get(f"/runs/{stopped.run_id}")
    assert "A guardrail stopped it" in page.text
    assert "Press “Plan a push”" in page.text
    assert "ingram push" not in page.text
    assert "stopped by a guardrail" in works.ada.get("/runs").text


def test_an_old_plan_is_not_let_through(works: Works, monkeypatch: pytest.MonkeyPatch):
    ada, shop = works.ada, works.storefront
    shop.titles(1)
    ada.send(ada.get("/runs"), "/runs/plan")
    plan = works.done()
    asked = ada.get(f"/runs/{plan}/go")
    monkeypatch.setattr("ingram_assets.desk.pages.run.PLAN_LIFETIME", timedelta(0))
    refused = ada.send(asked, f"/runs/{plan}/go")
    assert refused.status == 409
    assert "plan it anew" in refused.text
    assert works.page.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])) == []


def test_sync_inventory_is_one_at_a_time(works: Works):
    ada = works.ada
    pages = [ada.get("/runs/sync") for _ in range(2)]
    assert re.search(r"all \d+ titles.* Guardrails stay on, and the run can be undone", pages[0].text)
    waiting = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])
    assert works.page.instance.get_runs(waiting) == [], "asking starts nothing"
    first, second = (ada.post("/runs/sync", page.form("/runs/sync")) for page in pages)
    assert first.status == second.status == 303
    assert first.headers["location"] == second.headers["location"], "the second press shows the one at work"
    run_id = first.headers["location"].rpartition("/")[2]
    works.page.instance.add_run_tags(run_id, {"ingram/progress": "levels: 3 of 12"})
    for address in (f"/runs/{run_id}", "/runs", "/runs/sync/now"):
        assert "Sync of the whole inventory" in ada.get(address).text, "a person finds what was pressed"
    at_work = ada.get(f"/runs/{run_id}/state")
    assert "levels: 3 of 12" in at_work.text or "waiting" in at_work.text
    assert "HX-Refresh" not in at_work.headers
    stopped = ada.send(ada.get(f"/runs/{run_id}"), f"/runs/{run_id}/stop")
    assert "stopped" in stopped.text
    assert ada.get(f"/runs/{run_id}/state").headers["HX-Refresh"] == "true"
    works.page.instance.delete_run(run_id)


def test_who_asked_is_in_the_journal_too(works: Works):
    shop = works.storefront
    (isbn,) = shop.titles(1)
    done = shop.run("push", "push_titles", tags={ASKED_BY_TAG: "ada@example.com"}, isbns=[isbn])
    assert done.succeeded, done.error
    works.page.instance.delete_run(done.run_id)
    page = works.ada.get(f"/runs/{done.run_id}")
    assert "ada@example.com asked for it" in page.text


def test_runs_are_listed_with_what_they_changed(works: Works):
    shop = works.storefront
    (isbn,) = shop.titles(1)
    shop.push(isbn)
    shop.push(isbn)
    last, before = works.ada.get("/runs", job="push").rows("Runs")[:2]
    assert last.startswith("Push to the store done")
    assert "nothing" in last
    assert "1 title" in before
    assert works.ada.get("/runs", job="retire").rows("Runs") == []


def test_requests_that_medusa_refused_are_on_the_runs_page(works: Works):
    with psycopg.connect(works.storefront.journal, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO store_change (run_id, isbn, kind, before, after, reason, outcome, detail)"
            " VALUES ('forgotten-run', '9780306406157', 'level', '{\"stocked_quantity\": 3}',"
            " '{\"stocked_quantity\": 4}', 'A reading.', 'failed', 'Item was not found')"
        )
        connection.execute(
            "INSERT INTO store_failed_request (run_id, method, path, status, body)"
            " VALUES ('forgotten-run', 'POST', '/admin/inventory-items/x', 404, '<b>not</b> found')"
        )
    page = works.ada.get("/runs/forgotten-run")
    assert page.status == 200
    assert "Dagster has no such run" in page.text
    assert "copies: 3 → 4" in page.rows("Changes in the store")[0]
    assert "Item was not found" in page.rows("Changes in the store")[0]
    assert "404 <b>not</b> found" in page.rows("Requests that failed")[0]
    assert works.ada.get("/runs/0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa").status == 404


def test_a_push_while_the_shop_only_watches_is_a_plan_that_nobody_lets_through(
    works: Works, monkeypatch: pytest.MonkeyPatch
):
    ada, shop = works.ada, works.storefront
    (isbn,) = shop.titles(1, copies=10, title="The Watched Book")
    monkeypatch.setenv("MODE", "observe")
    run = shop.push(isbn).run_id
    before = shop.written()
    page = ada.get(f"/runs/{run}")
    assert "Plan of a push" in page.text
    assert "Watching only: nothing is written to the store." in page.text
    assert any("The Watched Book" in row and "would be new" in row for row in page.rows("The plan"))
    assert "Let it through" not in page.text
    assert "Watching only" in ada.get(f"/runs/{run}/go").text
    refused = ada.post(f"/runs/{run}/go", {"csrf_token": "token-of-the-session", "looked": "yes"})
    assert (refused.status, "Watching only" in refused.text) == (409, True)
    assert shop.written() == before
    assert shop.row(isbn) == (False, None)
    shop.queue.sql("DELETE FROM ingram_queue WHERE isbn = %s", isbn)
