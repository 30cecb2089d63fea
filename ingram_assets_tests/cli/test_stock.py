"""`ingram stock` on a real Medusa: what a person types, what is printed, and what a program reads."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from click.testing import CliRunner, Result

from ingram_assets.cli.main import main
from ingram_assets.domain.categories import TABLE_FILE, parse_table
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import until_words
from ingram_assets.store.journal import Journal
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.queue import migrated
from ingram_assets_tests.testing.shop import Shop, make_title
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("medusa")


@pytest.fixture
def bench(
    medusa_store: Medusa, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    store = medusa_store
    for name, value in {
        "INGRAM_ENV_DIR": str(tmp_path),
        "MEDUSA_BACKEND_URL": store.url,
        "MEDUSA_EMAIL": store.email,
        "MEDUSA_PASSWORD": store.password,
        "QUEUE_DB_URL": "postgresql://nobody@127.0.0.1:1/queue",
        "STOREFRONT_DB_URL": database,
        "USER": "ada",
        "LOGNAME": "ada",
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)
    shop = Shop(store)
    with (
        Journal(database) as journal,
        MedusaClient(store.url, email=store.email, password=store.password) as client,
    ):
        yield Bench(shop, client, journal, parse_table(TABLE_FILE.read_text("utf-8")))
    shop.close()


@pytest.fixture
def isbn(bench: Bench) -> str:
    """A title, in a store with the locations Warehouse A and Store 01."""
    for name in ("Warehouse A", "Store 01"):
        address = {"address_1": "1 Main St", "country_code": "us"}
        bench.shop.post("stock-locations", {"name": name, "address": address})
    title = make_title(7)
    bench.import_(title)
    bench.sync(title)
    return title.isbn


def of_ingram(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


def stock(*words: str, code: int = 0) -> Result:
    return of_ingram("stock", *words, code=code)


def told(*words: str, code: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(stock(*words, "--json", code=code).stdout.splitlines()[-1])
    assert answer["ok"] is (code == 0)
    return answer


def rows(text: str) -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines() if line.strip()]


def test_a_shelf_is_counted_held_moved_and_told(isbn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows(stock("set", isbn, "warehouse_a", "12", "--reason", "cycle_count").stdout)[1:-1] == [
        ["WAREHOUSE_A", "0 → 12", "0", "0 → 12"]
    ]
    stock("adjust", isbn, "Warehouse A", "-2", "--reason", "damaged", "--note", "wet")
    held = told("reserve", isbn, "WAREHOUSE_A", "3", "--owner", "Bob", "--minutes", "60")
    assert (held["after"]["location"], held["after"]["available"]) == ("WAREHOUSE_A", 7)
    assert "3 held for Bob at WAREHOUSE_A, until " in stock("show", isbn).stdout
    stock("release", isbn, "WAREHOUSE_A", "1")
    stock("fulfill", isbn, "WAREHOUSE_A", "--id", held["reservation_id"])
    moved = stock("transfer", isbn, "WAREHOUSE_A", "STORE_01", "5", "--reference", "van 1").stdout
    assert rows(moved)[1:-1] == [["WAREHOUSE_A", "8 → 3", "0", "8 → 3"], ["STORE_01", "0 → 5", "0", "0 → 5"]]
    stock("delete", isbn, "STORE_01")
    places = {each["location"]: each["quantity"] for each in told("show", isbn)["entries"]}
    assert places == {"INGRAM_DROP_SHIP": 7, "WAREHOUSE_A": 3}
    lines = told("ledger", isbn)["lines"]
    assert [each["delta"] for each in lines if each["location"] == "WAREHOUSE_A"] == [12, -2, 0, 0, -2, -5]
    assert {each["actor_name"] for each in lines if each["operation"] == "adjust"} == {"ada"}
    monkeypatch.setenv("STORE_TIME_ZONE", "Asia/Tokyo")
    printed = stock("ledger", isbn).stdout
    assert "12 → 10" in printed
    assert f"{datetime.now(ZoneInfo('Asia/Tokyo')):%Y-%m-%d %H:}" in printed
    assert "Times are the shop's: Asia/Tokyo." in printed
    assert re.search(r"for Bob until 20\S+ \d\d:\d\d JST", printed)
    assert "person ada: damaged; wet" in printed
    assert re.search(r"reserve +held 0 → 3 +person ada: for Bob until 20", printed)


def test_the_ledger_has_what_was_done_past_it_until_now(isbn: str, bench: Bench) -> None:
    stock("set", isbn, "STORE_01", "5")
    place = next(each["id"] for each in told("locations")["locations"] if each["location"] == "STORE_01")
    bench.shop.set_level(isbn, place, 9)
    answer = told("ledger", isbn)
    assert (answer["lines"][-1]["operation"], answer["lines"][-1]["delta"]) == ("found", 4)
    assert answer["left"] == []
    assert "found  5 → 9" in stock("ledger", isbn).stdout


def test_the_end_of_a_reservation_is_told_in_utc() -> None:
    at = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert until_words(at) == "until 2025-12-31 23:30 UTC"
    assert until_words(None) == ""


def test_an_operation_is_undone_by_the_number_of_its_line(isbn: str) -> None:
    stock("set", isbn, "STORE_01", "12")
    said = stock("adjust", isbn, "STORE_01", "-2", "--reference", "van 1").stdout
    found = re.search(r"Take it back: ingram undo (\d+)", said)
    assert found
    line = found[1]
    assert any(row[0] == line and "adjust" in row for row in rows(stock("ledger", isbn).stdout))
    would = of_ingram("undo", line, "--dry-run").stdout
    assert would == f"Would adjust {isbn} at STORE_01: delta 2, reason correction.\n"
    assert told("show", isbn)["entries"][-1]["quantity"] == 10
    assert rows(of_ingram("undo", line).stdout)[1] == ["STORE_01", "10 → 12", "0", "10 → 12"]
    (done,) = [each for each in told("ledger", isbn)["lines"] if each["undoes"]]
    assert (done["delta"], done["reference"], done["actor_name"]) == (2, "van 1", "ada")
    again = json.loads(of_ingram("undo", done["operation_id"], "--json").stdout)
    assert (again["ok"], again["after"]["quantity"]) == (True, 10)
    stock("reserve", isbn, "INGRAM_DROP_SHIP", "1")
    (opening,) = [each for each in told("ledger", isbn)["lines"] if each["operation"] == "opening"]
    refused = of_ingram("undo", str(opening["id"]), "--json", code=1).stdout
    assert json.loads(refused.splitlines()[-1])["kind"] == "invalid"


def test_the_history_of_a_title_has_its_operations(
    isbn: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = migrated(postgres, "queue_of_the_history")
    monkeypatch.setenv("QUEUE_DB_URL", queue.reader)
    stock("set", isbn, "STORE_01", "12", "--reason", "cycle_count", "--note", "counted twice")
    stock("reserve", isbn, "STORE_01", "2", "--owner", "Bob")
    printed = of_ingram("history", isbn).stdout
    assert "set at STORE_01: 0 → 12 (cycle_count; counted twice). By person ada (line " in printed
    assert "reserve at STORE_01: held 0 → 2 (for Bob). By person ada (line " in printed
    events = json.loads(of_ingram("history", isbn, "--json").stdout)["events"]
    counted = next(each for each in events if each.get("operation") == "set")
    assert (counted["what"], counted["location"], counted["quantity_after"]) == ("operation", "STORE_01", 12)
    assert events == sorted(events, key=lambda each: each["at"])
    monkeypatch.setenv("MEDUSA_BACKEND_URL", "http://127.0.0.1:1")
    assert ": 0 → 12 (cycle_count" in of_ingram("history", isbn).stdout, "the store may be away"


def test_what_lies_where_is_summed(isbn: str) -> None:
    stock("set", isbn, "STORE_01", "3")
    stock("reserve", isbn, "STORE_01", "1")
    figures = told("stats")
    assert (figures["entries"], figures["quantity"], figures["available"], figures["low"]) == (2, 10, 9, 1)
    assert figures["none_left"] == 0
    assert ["quantity", "10"] in rows(stock("stats").stdout)
    by_name = {each["location"]: each for each in told("locations")["locations"]}
    assert (by_name["STORE_01"]["quantity"], by_name["STORE_01"]["reserved"]) == (3, 1)
    assert (by_name["INGRAM_DROP_SHIP"]["synced"], by_name["WAREHOUSE_A"]["entries"]) == (True, 0)
    assert ["STORE_01", "1", "3", "1", "yours"] in rows(stock("locations").stdout)
    assert [each["location"] for each in told("low")["entries"]] == ["STORE_01"]
    assert told("low", "--threshold", "1")["entries"] == []
    assert len(told("low", "--threshold", "7")["entries"]) == 2


def test_the_list_has_what_is_low_first(isbn: str) -> None:
    stock("set", isbn, "STORE_01", "2")
    assert [row[2:] for row in rows(stock("list").stdout)[1:-1]] == [
        ["STORE_01", "2", "0", "2"],
        ["INGRAM_DROP_SHIP", "7", "0", "7"],
    ]
    (low,) = told("list", "--low", "5")["entries"]
    assert (low["sku"], low["location"], low["available"]) == (isbn, "STORE_01", 2)
    assert low["title"].startswith("Book "), "the book's title, not its binding, which Medusa's item has"
    assert told("list", "--location", "warehouse a")["entries"] == []
    assert told("list", "--search", "no such book")["entries"] == []


def test_the_same_key_is_answered_again(isbn: str) -> None:
    for replayed in (False, True):
        answer = told("adjust", isbn, "STORE_01", "4", "--key", "delivery 7")
        assert (answer["replayed"], answer["after"]["quantity"]) == (replayed, 4)
    assert told("adjust", isbn, "STORE_01", "4")["after"]["quantity"] == 8


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (["set", "ISBN", "STORE_1", "4"], "unknown_location", "The nearest: STORE_01"),
        (["set", "9780306406157", "STORE_01", "4"], "unknown_title", "9780306406157"),
        (["set", "ISBN", "INGRAM_DROP_SHIP", "4"], "owned_by_sync", "belongs to the sync"),
        (["set", "ISBN", "STORE_01", "-4"], "invalid", "a whole number from 0"),
        (["set", "ISBN", "STORE_01", "4", "--expected", "3"], "stale", "The quantity is 0 now"),
        (["reserve", "ISBN", "STORE_01", "4"], "no_entry", "set its quantity first"),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
def test_what_is_refused_is_said_in_words_and_by_kind(
    isbn: str, words: list[str], kind: str, said: str
) -> None:
    answer = told(*(isbn if word == "ISBN" else word for word in words), code=1)
    assert answer["kind"] == kind
    assert said in answer["error"]
    assert all(each["quantity"] == 7 for each in told("show", isbn)["entries"])


def test_a_sweep_frees_what_is_over(isbn: str, database: str) -> None:
    stock("set", isbn, "STORE_01", "5")
    stock("reserve", isbn, "STORE_01", "2", "--minutes", "5")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE inventory_reservation SET expires_at = now() - interval '1 minute'")
    assert told("sweep")["expired"] == 1
    assert [each["reserved"] for each in told("list", "--location", "STORE_01")["entries"]] == [0]


def test_a_store_that_is_away_leaves_the_key_to_repeat_with(
    isbn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDUSA_BACKEND_URL", "http://127.0.0.1:1")
    answer = told("set", isbn, "STORE_01", "5", "--key", "mine", code=1)
    assert answer["error"].endswith("The key is mine: repeat the command with --key.")
