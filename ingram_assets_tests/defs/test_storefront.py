"""The storefront's jobs on a real store and a real queue, in this process: what a push and an undo do."""

from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from ingram_assets.defs.keys import INVENTORY_LEVELS, ISBNS, PRODUCTS
from ingram_assets.defs.storefront import push
from ingram_assets.defs.storefront.definitions import defs
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.products import ImportReport, OnDone, import_titles
from ingram_assets_tests.testing.shop import make_isbn
from ingram_assets_tests.testing.storefront import NAME, Storefront, count, numbers

pytestmark = pytest.mark.xdist_group("medusa")


def test_a_look_at_an_empty_store_makes_nothing(storefront: Storefront) -> None:
    priced, priceless = storefront.titles(1) + storefront.titles(1, srp_price=None)
    looked = storefront.push(dry_run=True)
    (report,) = looked.reports
    assert report["details"]["changes"].keys() == {priced}
    assert report["details"]["changes"][priced]["import"] == "create"
    assert report["details"]["changes"][priced]["after"] == 10
    assert [entry["isbn"] for entry in report["failed"]] == [priceless]
    assert f"The store has no stock location {NAME!r} yet" in " ".join(report["notes"])
    assert report["counts"]["medusa_writes"] == 0
    assert storefront.shop.get("stock-locations", name=NAME)["count"] == 0
    assert storefront.shop.get("products")["count"] == 0
    assert storefront.shop.get("product-tags")["count"] == 0
    assert storefront.written() == 0
    assert storefront.row(priced) == (False, None)
    assert storefront.row(priceless) == (False, None)
    storefront.queue.sql("DELETE FROM ingram_queue WHERE isbn = ANY(%s)", [priced, priceless])


def test_a_stopped_push_wrote_nothing_and_a_person_lets_it_through(storefront: Storefront) -> None:
    there = storefront.titles(6)
    first = storefront.push()
    assert count(first, "created") == 6
    assert sorted(storefront.partitions(first.run_id, PRODUCTS)) == sorted(there)
    storefront.read(there, 0)
    (new,) = storefront.titles(1)
    before = storefront.written()

    stopped = storefront.push()
    assert not stopped.succeeded
    assert stopped.stopped is not None
    assert stopped.stopped["by"] == "guardrail"
    assert "6 of 6 tracked titles would turn to zero at once (100%" in str(stopped.error)
    assert "Nothing was written" in str(stopped.error)
    assert "ingram push --let-through" in str(stopped.error)
    assert storefront.written() == before, "the new title was not imported either"
    assert storefront.row(new) == (False, None)
    assert {storefront.level(isbn) for isbn in there} == {10}
    looked = storefront.push(dry_run=True)
    assert "A push would be stopped: 6 of 6" in " ".join(looked.reports[0]["notes"])
    assert looked.reports[0]["details"]["changes"].keys() == {*there, new}

    passed = storefront.push(let_through=True)
    assert count(passed, "written") == 6
    assert {storefront.level(isbn) for isbn in there} == {0}
    assert storefront.row(new) == (True, None)


def test_a_push_counts_what_it_lowered_to_low_stock(storefront: Storefront) -> None:
    isbns = storefront.titles(3)
    assert count(storefront.push(*isbns), "fell_to_low_stock") == 0
    storefront.read(isbns[:1], 4)
    done = storefront.push(*isbns)
    assert count(done, "fell_to_low_stock") == 1
    assert f"Low stock: {isbns[0]} fell to 4." in done.reports[0]["notes"]
    assert count(storefront.push(*isbns), "fell_to_low_stock") == 0, "it is told once"
    storefront.queue.sql("DELETE FROM ingram_queue WHERE isbn = ANY(%s)", isbns)


def test_an_hour_without_change_reads_little_and_writes_nothing(storefront: Storefront) -> None:
    before = storefront.written()
    done = storefront.push()
    assert count(done, "unchanged") == 7
    # The location; the variants, one read for each 500 titles; all numbers of the store, one for each 5,000;
    # and what orders took since.
    assert count(done, "medusa_reads") == 4
    assert count(done, "medusa_writes") == 0
    assert storefront.written() == before


def test_a_run_for_some_writes_those_alone(storefront: Storefront) -> None:
    titles = storefront.titles(5)
    storefront.push()
    storefront.read(titles, 8)
    some = [titles[4], titles[0], titles[2]]
    done = storefront.push(*some)
    assert sorted(storefront.partitions(done.run_id, INVENTORY_LEVELS)) == sorted(some)
    assert [storefront.level(isbn) for isbn in titles] == [8, 10, 8, 10, 8]
    # Levels and flags of all three, in a request each.
    assert count(done, "medusa_writes") == 2
    assert count(storefront.push(), "written") == 2


def test_one_bad_row_costs_itself_alone(storefront: Storefront) -> None:
    (bad,) = storefront.titles(1, srp_price=None)
    (good,) = storefront.titles(1)
    done = storefront.push(good, bad, make_isbn(1))
    assert done.succeeded
    failed = {entry["isbn"]: entry["reason"] for entry in done.reports[0]["failed"]}
    assert failed.keys() == {bad, make_isbn(1)}
    assert "no list price" in failed[bad]
    assert "not tracked" in failed[make_isbn(1)]
    assert storefront.row(good) == (True, None)
    assert storefront.row(bad) == (False, failed[bad])
    storefront.queue.sql("DELETE FROM ingram_queue WHERE isbn = %s", bad)


def test_rows_of_another_program_cost_no_other(storefront: Storefront) -> None:
    (good,) = storefront.titles(1)
    nan, odd = make_isbn(next(numbers)), make_isbn(next(numbers))
    insert = (
        "INSERT INTO ingram_queue (isbn, title, srp_price, weight, cover_url, stock_json, publication_date)"
    )
    insert += " VALUES (%s, %s, %s, 'NaN', 'http://[', %s::jsonb, '0000-00-00')"
    storefront.queue.sql(insert, nan, "Not a number", "NaN", '{"TN": {"onHand": 1e5000}}')
    storefront.queue.sql(insert, odd, "Odd", "18.99", '["TN"]')
    storefront.queue.sql(insert, "978-1-25031-318-8", "Hyphens", "18.99", '{"TN": {"onHand": 4}}')
    looked, done = storefront.push(dry_run=True), storefront.push()
    (report,) = done.reports
    failed = {entry["isbn"]: entry["reason"] for entry in report["failed"]}
    assert failed.keys() == {nan, "978-1-25031-318-8"}
    assert {entry["isbn"] for entry in looked.reports[0]["failed"]} == failed.keys()
    assert storefront.row(nan) == (False, failed[nan])
    assert "write 9781250313188" in str(storefront.row("978-1-25031-318-8")[1])
    assert (storefront.row(good), storefront.level(good)) == ((True, None), 10)
    assert (storefront.row(odd), storefront.level(odd)) == ((True, None), 0)
    assert f"Unknown: {odd} starts at 0" in " ".join(report["notes"])
    assert f"Unmapped: no row of the categories' table fits {odd} (no hint)." in report["notes"]
    storefront.queue.sql("DELETE FROM ingram_queue WHERE isbn = ANY(%s)", [nan, "978-1-25031-318-8"])


def test_a_title_out_of_step_says_so_on_its_row_until_it_is_in_step(storefront: Storefront) -> None:
    gone, good = storefront.titles(2)
    storefront.push(gone, good)
    product = storefront.shop.product(gone)
    storefront.shop.delete(f"products/{product['id']}")
    storefront.read([good], 7)
    done = storefront.push(gone, good)
    (report,) = done.reports
    assert [entry["isbn"] for entry in report["failed"]] == [gone]
    assert storefront.row(gone) == (True, report["failed"][0]["reason"])
    assert storefront.row(good) == (True, None)
    assert storefront.level(good) == 7
    # A person does what the reason says.
    storefront.queue.sql("UPDATE ingram_queue SET imported_at = NULL WHERE isbn = %s", gone)
    assert count(storefront.push(gone), "created") == 1
    assert storefront.row(gone) == (True, None)
    storefront.queue.sql("UPDATE ingram_queue SET failed_reason = 'As before' WHERE isbn = %s", gone)
    storefront.push(gone)
    assert storefront.row(gone) == (True, None)


def test_a_push_of_all_notices_a_second_product_and_a_push_of_some_knows_it(storefront: Storefront) -> None:
    (title,) = storefront.titles(1)
    storefront.push(title)
    variant = {"title": "Paper", "barcode": f"{title[:3]}-{title[3:]}", "manage_inventory": False}
    variant |= {"options": {"Format": "Paper"}, "prices": [{"currency_code": "usd", "amount": 10}]}
    options = [{"title": "Format", "values": ["Paper"]}]
    second = {"title": "Once more", "options": options, "variants": [variant]}
    made = storefront.shop.post("products", second, fields="id")["product"]
    storefront.read([title], 3)
    for done in (storefront.push(dry_run=True), storefront.push(), storefront.push(title)):
        failed = {entry["isbn"]: entry["reason"] for entry in done.reports[0]["failed"]}
        assert "2 variants have the number" in failed[title]
    assert storefront.level(title) == 10
    storefront.shop.delete(f"products/{made['id']}")
    storefront.push(title)
    assert storefront.level(title) == 3


def test_a_row_that_changed_meanwhile_waits_for_the_next_push(
    storefront: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, same = storefront.titles(2)

    def import_slowly(*args: Any, on_done: OnDone, **values: Any) -> ImportReport:
        def then(imported: list[int], failed: dict[int, str]) -> None:
            with QueueWriter(storefront.queue.writer) as writer:
                writer.add_titles([{"isbn": changed, "title": "A Better Title", "srp_price": "18.99"}])
            on_done(imported, failed)

        return import_titles(*args, on_done=then, **values)

    monkeypatch.setattr(push, "import_titles", import_slowly)
    done = storefront.push(changed, same)
    assert count(done, "created") == 2
    assert storefront.row(same) == (True, None)
    assert storefront.row(changed) == (False, None), "its new state is not in the store yet"
    assert storefront.partitions(done.run_id, PRODUCTS) == [same]
    monkeypatch.undo()
    again = storefront.push(changed)
    assert storefront.partitions(again.run_id, PRODUCTS) == [changed]
    assert storefront.shop.product(changed)["title"] == "A Better Title"


def test_a_push_whose_lock_was_taken_from_it_writes_nothing_more(
    storefront: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    (isbn,) = storefront.titles(1)

    def import_without_lock(*args: Any, **values: Any) -> ImportReport:
        with psycopg.connect(storefront.journal, autocommit=True) as connection:
            connection.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name LIKE 'ingram writes to the store: %'
                """
            )
        return import_titles(*args, **values)

    monkeypatch.setattr(push, "import_titles", import_without_lock)
    stopped = storefront.push(isbn)
    assert not stopped.succeeded
    assert "ended this run's right to write to the store" in str(stopped.error)
    assert storefront.row(isbn) == (False, None)
    monkeypatch.undo()
    assert count(storefront.push(isbn), "created") == 1, "nothing was there yet"


def test_a_renamed_location_is_followed_and_a_second_one_stops_every_job(storefront: Storefront) -> None:
    (isbn,) = storefront.titles(1)
    pushed = storefront.push(isbn)
    assert pushed.succeeded
    (location,) = storefront.shop.get("stock-locations", name=NAME)["stock_locations"]
    place = f"stock-locations/{location['id']}"
    storefront.shop.post(place, {"name": "Ingram warehouse"})
    storefront.read([isbn], 6)
    try:
        looked = storefront.push(isbn, dry_run=True)
        assert looked.reports[0]["counts"]["medusa_writes"] == 0
        notes = []
        for done in (looked, storefront.push(isbn), storefront.push(isbn)):
            assert done.succeeded
            notes.append(
                [note for note in done.reports[0]["notes"] if "is called 'Ingram warehouse' now" in note]
            )
        assert [len(each) for each in notes] == [1, 1, 0]  # said by the run that followed it, once
        levels = storefront.shop.item(isbn)["location_levels"]
        assert [(each["location_id"], each["stocked_quantity"]) for each in levels] == [(location["id"], 6)]

        twin = storefront.shop.post("stock-locations", {"name": NAME.lower()})["stock_location"]["id"]
        before = storefront.written()
        storefront.read([isbn], 5)
        for done in (
            storefront.push(isbn, dry_run=True),
            storefront.push(isbn),
            storefront.run("undo", "undo_run", run_id=pushed.run_id),
        ):
            assert done.kind == "needs_person"  # exit 2
            assert all(each in str(done.error) for each in (location["id"], twin, "MEDUSA_STOCK_LOCATION"))
        assert storefront.written() == before
        storefront.shop.delete(f"stock-locations/{twin}")
        assert count(storefront.push(isbn), "written") == 1
    finally:
        storefront.shop.post(place, {"name": NAME})


def test_a_title_on_a_persons_item_is_named_on_its_row(storefront: Storefront) -> None:
    used, good = storefront.titles(2)
    storefront.push(used, good)
    item = storefront.shop.post("inventory-items", {"sku": f"USED-{used}"})["inventory_item"]["id"]
    variant = storefront.shop.variant(used)
    assert variant
    links = f"products/{variant['product_id']}/variants/{variant['id']}/inventory-items"
    storefront.shop.delete(f"{links}/{variant['inventory_items'][0]['inventory_item_id']}")
    storefront.shop.post(links, {"inventory_item_id": item, "required_quantity": 1})
    storefront.read([used, good], 7)
    done = storefront.push(used, good)
    (failed,) = done.reports[0]["failed"]
    assert failed["isbn"] == used
    assert "not Ingram's" in failed["reason"]
    assert storefront.row(used) == (True, failed["reason"])
    assert storefront.level(good) == 7
    storefront.shop.delete(f"{links}/{item}")
    assert count(storefront.push(used), "written") == 1
    assert storefront.row(used) == (True, None)
    assert storefront.level(used) == 7


def test_a_request_that_fails_before_anything_is_in_the_journal(
    storefront: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDUSA_PASSWORD", "wrong-word")
    for dry_run in (True, False):
        done = storefront.push(dry_run=dry_run)
        assert done.kind == "needs_person"
        with psycopg.connect(storefront.journal) as connection:
            (request,) = connection.execute(
                "SELECT method, path, status, body FROM store_failed_request WHERE run_id = %s", [done.run_id]
            ).fetchall()
        assert request[:3] == ("POST", "/auth/user/emailpass", 401)
        assert "wrong-word" not in request[3]


def test_a_table_of_categories_that_is_none_stops_before_anything(
    storefront: Storefront, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    storefront.titles(1)
    table, before = tmp_path / "categories.csv", storefront.written()
    table.write_text("bisac_code,heading,category\nFIC009,,Fantasy\n")
    monkeypatch.setenv("CATEGORIES_FILE", str(table))
    done = storefront.push()
    assert done.kind == "needs_person"
    assert "CATEGORIES_FILE" in str(done.error)
    assert "*,*" in str(done.error)
    assert storefront.written() == before
    table.write_text("bisac_code,heading,category\nFIC009,,Fantasy\n*,*,Everything else\n")
    done = storefront.push()
    assert done.succeeded
    assert storefront.shop.get("product-categories", q="Everything else")["count"] == 1


def test_partitions_that_a_person_chose_in_the_ui(storefront: Storefront) -> None:
    (isbn,) = storefront.titles(1)
    storefront.push(isbn)
    storefront.read([isbn], 4)
    storefront.instance.add_dynamic_partitions(str(ISBNS.name), [isbn])
    done = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[INVENTORY_LEVELS], partition_key=isbn, instance=storefront.instance
    )
    assert storefront.level(isbn) == 4
    assert storefront.partitions(done.run_id, INVENTORY_LEVELS) == [isbn]
    assert [check.passed for check in done.get_asset_check_evaluations()] == [True]
    low = storefront.instance.all_logs(done.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION)
    assert [entry.get_dagster_event().partition for entry in low] == [isbn], "it fell to the threshold of 5"


def test_an_undo_with_nothing_to_put_back_says_so(storefront: Storefront) -> None:
    (isbn,) = storefront.titles(1)
    storefront.push(isbn)
    storefront.read([isbn], 7)
    pushed = storefront.push(isbn)
    first, second = (storefront.run("undo", "undo_run", run_id=pushed.run_id) for _ in range(2))
    assert (count(first, "undone"), storefront.level(isbn)) == (1, 10)
    assert "Nothing is to be put back" not in " ".join(first.reports[0]["notes"])
    assert count(second, "undone") == 0
    assert "Nothing is to be put back" in " ".join(second.reports[0]["notes"])


def test_an_import_is_taken_back(storefront: Storefront) -> None:
    (isbn,) = storefront.titles(1)
    pushed = storefront.push(isbn)
    looked = storefront.run("undo", "undo_run", run_id=pushed.run_id, dry_run=True)
    assert looked.reports[0]["details"]["undone"] == {isbn: ["product removed"]}
    assert count(looked, "medusa_writes") == 0
    assert storefront.level(isbn) == 10

    undone = storefront.run("undo", "undo_run", run_id=pushed.run_id)
    assert undone.reports[0]["details"]["removed"] == [isbn]
    assert f"ingram push --reimport {isbn}" in " ".join(undone.reports[0]["notes"])
    assert storefront.shop.get("product-variants", sku=isbn)["count"] == 0
    assert storefront.partitions(undone.run_id, PRODUCTS) == [isbn]
    assert storefront.row(isbn) == (True, None)

    unknown = storefront.run("undo", "undo_run", run_id="no-such-run")
    assert (unknown.succeeded, unknown.kind) == (False, "needs_person")
    assert "'no-such-run'" in str(unknown.error)


def test_a_title_that_was_taken_out_is_imported_anew_where_a_person_says_so(storefront: Storefront) -> None:
    (isbn,) = storefront.titles(1)
    made = storefront.push(isbn)
    assert count(made, "created") == 1
    undone = storefront.run("undo", "undo_run", run_id=made.run_id)
    assert f"ingram push --reimport {isbn}" in " ".join(undone.reports[0]["notes"])
    assert storefront.shop.variant(isbn) is None
    looked = storefront.push(isbn, dry_run=True, reimport=[isbn])
    assert looked.reports[0]["details"]["changes"][isbn]["import"] == "create"
    assert storefront.shop.variant(isbn) is None
    again = storefront.push(isbn, reimport=[isbn])
    assert count(again, "created") == 1
    assert storefront.level(isbn) == 10
    assert storefront.row(isbn) == (True, None)
    # One that is there is compared with the queue as at its first import.
    assert count(storefront.push(isbn, reimport=[isbn]), "imported") == 1
