"""Each route of the desk on a real Medusa: what it answers, and what is in the store after it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ingram_assets_tests.testing.desk import DeskShop, Program
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("medusa")

STORE, ADMIN = "store/inventory", "admin/inventory"


def at(isbn: str, quantity: int | None = None, location: str = "CELLAR", **more: Any) -> dict[str, Any]:
    copies = {} if quantity is None else {"quantity": quantity}
    return {"product_id": isbn, "location": location, **copies, **more}


def good(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def problem(answer: Any, status: int, kind: str) -> Any:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told = answer.json()
    assert (told["status"], told["kind"], told["type"]) == (status, kind, f"urn:ingram:problem:{kind}")
    return told


def entry_id(boss: Program, isbn: str, location: str = "CELLAR") -> str:
    rows = boss.json(f"{STORE}/product/{isbn}")["entries"]
    return next(row["id"] for row in rows if row["location"] == location)


def numbers(entry: Any) -> tuple[int, int, int]:
    return entry["quantity"], entry["reserved_quantity"], entry["available_quantity"]


@pytest.mark.parametrize("prefix", [STORE, ADMIN])
def test_set_and_adjust(desk: DeskShop, boss: Program, prefix: str) -> None:
    isbn = desk.title()
    made = good(boss.post(f"{prefix}/set", **at(isbn, 12, "Cellar", reason="cycle_count", note="new shelf")))
    assert (made["before"]["id"], numbers(made["after"])) == (None, (12, 0, 12))
    spelled = f"{isbn[:3]}-{isbn[3]}-{isbn[4:]}"
    after = good(boss.post(f"{prefix}/adjust", **at(spelled, -2, desk.places["cellar"], reason="damaged")))
    assert (numbers(after["before"])[0], numbers(after["after"])[0]) == (12, 10)
    product = desk.bench.shop.product(isbn)["id"]
    good(boss.post(f"{prefix}/adjust", **at(product, 1, "cellar", expected_quantity=10)))
    assert desk.level(isbn, "cellar") == (11, 0)
    assert after["ledger_ids"]


def test_reserve_release_and_fulfill(desk: DeskShop, boss: Program) -> None:
    isbn = desk.title(cellar=5)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    held = good(boss.post(f"{STORE}/reserve", **at(isbn, 3, owner="Ada", reference="desk", expires_at=until)))
    assert numbers(held["after"]) == (5, 3, 2)
    shown = boss.json(f"{STORE}/{entry_id(boss, isbn)}")
    assert [(one["id"], one["quantity"], one["owner"]) for one in shown["reservations"]] == [
        (held["reservation_id"], 3, "Ada")
    ]
    problem(boss.post(f"{STORE}/reserve", **at(isbn, 3)), 409, "not_enough")
    good(boss.post(f"{STORE}/release", **at(isbn, 1)))
    good(boss.post(f"{STORE}/fulfill", **at(isbn, reservation_id=held["reservation_id"])))
    assert desk.level(isbn, "cellar") == (3, 0)
    problem(boss.post(f"{STORE}/fulfill", **at(isbn, 1)), 409, "not_enough")


def test_transfer(desk: DeskShop, boss: Program) -> None:
    isbn = desk.title(cellar=5)
    moved = good(boss.post(f"{STORE}/transfer", **at(isbn, 2, target_location="attic")))
    assert (numbers(moved["after"])[0], numbers(moved["target_after"])[0]) == (3, 2)
    assert desk.level(isbn, "attic") == (2, 0)


@pytest.mark.parametrize("prefix", [STORE, ADMIN])
def test_an_entry_by_its_id(desk: DeskShop, boss: Program, prefix: str) -> None:
    isbn = desk.title(cellar=5)
    path = f"{prefix}/{entry_id(boss, isbn)}"
    shown = boss.json(path)
    assert (shown["isbn"], shown["location"], numbers(shown)) == (isbn, "CELLAR", (5, 0, 5))
    assert shown["product_title"] == desk.bench.shop.product(isbn)["title"]
    assert shown["stores"] == [{"id": desk.channels["Online Store"], "name": "Online Store"}]
    good(boss.write("PUT", path, {"quantity": 9, "expected_quantity": 5}))
    problem(boss.write("PUT", path, {"quantity": 3, "expected_quantity": 5}), 409, "stale")
    problem(boss.write("DELETE", path, expected_quantity=5), 409, "stale")
    first = boss.write("DELETE", path, key=f"gone-{isbn}", expected_quantity=9, reason="correction")
    assert good(first)["after"]["id"] is None
    assert desk.level(isbn, "cellar") is None
    again = boss.write("DELETE", path, key=f"gone-{isbn}", expected_quantity=9, reason="correction")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    problem(boss.write("DELETE", path), 404, "unknown_entry")
    problem(boss.get(path), 404, "unknown_entry")


def test_the_list_and_its_filters(desk: DeskShop, boss: Program) -> None:
    low = desk.title("Tannhäuser in Venice", cellar=1, booth=30)
    many = desk.title("Low Tide", cellar=40)
    listed = boss.json(STORE, search="TANNHÄUSER")["items"]
    assert {(one["location"], one["quantity"]) for one in listed} == {
        ("INGRAM_DROP_SHIP", 7),
        ("CELLAR", 1),
        ("BOOTH", 30),
    }
    for search in (low, f"{low[:3]} {low[3:]}", "in venice"):
        assert {one["isbn"] for one in boss.json(ADMIN, search=search)["items"]} == {low}
    in_cellar = {one["isbn"]: one for one in boss.json(STORE, location="cellar", limit=1000)["items"]}
    assert in_cellar[many]["quantity"] == 40
    assert {one["location"] for one in in_cellar.values()} == {"CELLAR"}
    few = boss.json(ADMIN, low_stock=1, store_id="online store", search=low)["items"]
    assert [(one["isbn"], one["location"]) for one in few] == [(low, "CELLAR")]
    assert [
        one["location"] for one in boss.json(ADMIN, store_id=desk.channels["Fair"], search=low)["items"]
    ] == ["BOOTH"]
    assert boss.json(ADMIN, search="no such book at all")["items"] == []


def test_figures_stores_locations_and_products(desk: DeskShop, boss: Program) -> None:
    isbn = desk.title(cellar=2, booth=3)
    good(boss.post(f"{STORE}/reserve", **at(isbn, 1)))
    figures = boss.json(f"{ADMIN}/stats")
    rows = boss.json(ADMIN, limit=1000)["items"]
    assert figures["total_entries"] == len(rows)
    assert figures["total_quantity"] == sum(one["quantity"] for one in rows)
    assert figures["total_available"] == figures["total_quantity"] - figures["total_reserved"]
    assert figures["low_stock_count"] == sum(one["available_quantity"] <= 5 for one in rows)
    assert figures["stores_with_inventory"] == 2
    low = boss.json(f"{ADMIN}/low-stock", threshold=1, limit=1000)
    assert {
        "product_title": desk.bench.shop.product(isbn)["title"],
        "product_id": desk.bench.shop.product(isbn)["id"],
        "store_name": "Online Store",
        "location": "CELLAR",
        "quantity": 2,
        "available_quantity": 1,
    }.items() <= next(one for one in low["items"] if one["isbn"] == isbn).items()
    assert boss.json(f"{ADMIN}/low-stock")["threshold"] == 5
    stores = {one["name"]: one for one in boss.json(f"{ADMIN}/stores")["items"]}
    assert stores["Fair"]["locations"] == ["BOOTH"]
    fair = boss.json(f"{ADMIN}/stores/fair", limit=1)
    assert fair["store"] == stores["Fair"]
    assert len(fair["items"]) == 1
    places = {one["location"]: one for one in boss.json(f"{ADMIN}/locations")["items"]}
    assert places["BOOTH"]["total_quantity"] == stores["Fair"]["total_quantity"]
    whole = boss.json(f"{ADMIN}/products/{isbn}")
    assert (whole["total_quantity"], whole["total_reserved"], whole["total_available"]) == (12, 1, 11)
    assert whole["product_id"] == desk.bench.shop.product(isbn)["id"]


def test_a_digital_title_has_no_end(desk: DeskShop, boss: Program) -> None:
    isbn = desk.title()
    desk.bench.shop.edit_variant(isbn, manage_inventory=False)
    whole = boss.json(f"{STORE}/product/{isbn}")
    assert (whole["is_unlimited"], whole["total_available"]) == (True, 999_999)
    assert whole["product_title"]
    held = good(boss.post(f"{STORE}/reserve", **at(isbn, 500_000)))
    assert held["after"]["available_quantity"] == 999_999
    problem(boss.post(f"{STORE}/set", **at(isbn, 3)), 409, "unlimited")


def test_what_belongs_to_the_sync_is_not_changed(desk: DeskShop, boss: Program) -> None:
    isbn = desk.title()
    problem(boss.post(f"{STORE}/set", **at(isbn, 3, "INGRAM_DROP_SHIP")), 409, "owned_by_sync")
    path = f"{ADMIN}/{entry_id(boss, isbn, 'INGRAM_DROP_SHIP')}"
    problem(boss.write("PUT", path, {"quantity": 3}), 409, "owned_by_sync")
    problem(boss.write("DELETE", path), 409, "owned_by_sync")
    assert desk.level(isbn, "ingram") == (7, 0)
    good(boss.post(f"{STORE}/reserve", **at(isbn, 3, "INGRAM_DROP_SHIP")))


def test_the_same_key_is_done_once(desk: DeskShop, boss: Program) -> None:
    isbn = desk.title(cellar=5)
    body = at(isbn, 3)
    first = boss.post(f"{STORE}/adjust", key=f"once-{isbn}", **body)
    again = boss.post(f"{STORE}/adjust", key=f"once-{isbn}", **body)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    problem(boss.post(f"{STORE}/adjust", key=f"once-{isbn}", **at(isbn, 4)), 422, "key_reused")
    other = desk.program("admin")
    assert "Idempotent-Replayed" not in other.post(f"{STORE}/adjust", key=f"once-{isbn}", **body).headers
    assert desk.level(isbn, "cellar") == (11, 0)


def test_a_page_loses_and_doubles_nothing_while_entries_change(desk: DeskShop, boss: Program) -> None:
    isbns = [desk.title(attic=number) for number in range(6)]
    stays = {entry_id(boss, isbn, "ATTIC") for isbn in isbns[1:5]}
    seen, cursor = [], None
    for turn in range(100):
        query = {"cursor": cursor} if cursor else {}
        page = boss.json(STORE, location="ATTIC", limit=2, **query)
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if turn == 0:
            # What was listed goes, which moves all others; what is listed later changes; another one is made.
            gone = page["items"][0]
            stays -= {gone["id"]}
            good(boss.write("DELETE", f"{STORE}/{gone['id']}"))
            good(boss.post(f"{STORE}/adjust", **at(isbns[4], 50, "ATTIC")))
            desk.title(attic=3)
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert stays <= set(seen)


def test_copies_at_a_location_that_was_deleted_count_nowhere(desk: DeskShop, boss: Program) -> None:
    shop, isbn = desk.bench.shop, desk.title(cellar=5)
    body = {"name": f"Doomed {isbn}", "address": {"address_1": "1 Main St", "country_code": "us"}}
    place = shop.post("stock-locations", body)["stock_location"]["id"]
    wanted = {"product_id": isbn, "location": f"doomed {isbn}", "quantity": 6}
    first = good(boss.post(f"{STORE}/set", key=f"doomed-{isbn}", **wanted))
    before = boss.json(f"{ADMIN}/stats")
    shop.delete(f"stock-locations/{place}")
    again = boss.post(f"{STORE}/set", key=f"doomed-{isbn}", **wanted)
    assert again.headers["Idempotent-Replayed"] == "true", "the key's answer outlives the location"
    assert numbers(good(again)["after"]) == numbers(first["after"])
    problem(boss.post(f"{STORE}/set", **wanted), 409, "unknown_location")
    assert {one["location"] for one in boss.json(f"{STORE}/product/{isbn}")["entries"]} == {
        "CELLAR",
        "INGRAM_DROP_SHIP",
    }
    after = boss.json(f"{ADMIN}/stats")
    assert before["total_quantity"] - after["total_quantity"] == 6
    assert before["unique_locations"] - after["unique_locations"] == 1
    problem(boss.get(f"{STORE}/{first['after']['id']}"), 404, "unknown_entry")


@pytest.mark.parametrize("path", [STORE, f"{ADMIN}/stats", f"{ADMIN}/locations", f"{ADMIN}/low-stock"])
def test_a_mistyped_filter_is_no_filter_that_finds_all(boss: Program, path: str) -> None:
    told = problem(boss.get(path, locatoin="cellar"), 422, "malformed")
    assert told["errors"] == [{"where": "query.locatoin", "message": "There is nothing of this name here"}]


def test_the_journal_is_opened_anew_after_it_was_lost(
    desk: DeskShop, boss: Program, postgres: Postgres, journal_url: str
) -> None:
    isbn = desk.title(cellar=5)
    name = psycopg.conninfo.conninfo_to_dict(journal_url)["dbname"]
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
    tries = [boss.post(f"{STORE}/adjust", key=f"anew-{isbn}", **at(isbn, 1)) for _ in range(6)]
    assert {one.status_code for one in tries} <= {200, 503}
    assert tries[-1].status_code == 200
    assert desk.level(isbn, "cellar") == (6, 0)
