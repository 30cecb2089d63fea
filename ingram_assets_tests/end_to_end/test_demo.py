"""The main job on real parts: from the site's stock book to every level in the store, and again."""

import io
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psutil
import psycopg
import pytest
from PIL import Image

from ingram_assets.domain.isbn import parse_isbn
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets_tests.testing.demo import Admin, Done, Shell
from ingram_assets_tests.testing.memory import in_memory
from ingram_demo.show import bring_through
from ingram_demo.stack import OWNERS, ROLES, Stack

pytestmark = pytest.mark.xdist_group("stack")

BETWEEN_TWO_FIRES = "9781639739134"
CONTRACT = {
    *("discovered", "stock_read", "stock_unknown", "covers_stored", "queue_rows", "products", "levels"),
    *("availability", "medusa_version", "seconds"),
}


def test_every_title_comes_through(once: Done):
    assert once.exit_code == 0, once.errors[-3000:]
    summary = once.result
    assert summary.keys() >= CONTRACT
    assert summary["discovered"] == summary["queue_rows"] == summary["products"] == 100
    assert summary["stock_read"] + summary["stock_unknown"] == 100
    assert sum(summary["availability"].values()) == 100
    assert summary["availability"].keys() >= {
        *("digital", "preorder", "in_stock", "backorder", "out_of_stock"),
    }
    assert summary["medusa_version"] == "2.21.2"
    assert {"total", "start", "discover", "read", "covers", "push"} <= summary["seconds"].keys()
    assert summary["failed"] == []


def test_the_readme_shows_these_figures(once: Done):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    shown = {words: int(number) for words, number in re.findall(r"│ (\w[\w ]+\w) +│ +(\d+) │", readme)}
    counted = {
        "titles discovered": "discovered",
        "stock read": "stock_read",
        "no stock table yet": "stock_unknown",
        "covers in the bucket": "covers_stored",
        "products in the store": "products",
        "inventory levels": "levels",
    }
    statuses = {status.replace("_", " "): number for status, number in once.result["availability"].items()}
    assert shown == {words: once.result[name] for words, name in counted.items()} | statuses


def test_nothing_is_left_running(once: Done):
    assert once.left_running == []


def test_the_figures_agree_with_what_is_there(once: Done, stack: Stack, admin: Admin):
    summary = once.result
    products = admin.products()
    skus = [variant["sku"] for product in products for variant in product["variants"]]
    assert len(skus) == len(set(skus)) == summary["products"]
    assert len(admin.levels()) == summary["levels"]
    assert len(stack.covers()) == summary["covers_stored"]
    with psycopg.connect(stack.postgres.url("catalog_import")) as connection:
        rows = connection.execute("SELECT isbn, imported_at, failed_reason FROM ingram_queue").fetchall()
    assert sorted(row[0] for row in rows if row[1]) == sorted(skus)
    assert not [row for row in rows if row[2]]


def test_every_level_is_what_the_site_says(stack: Stack, admin: Admin):
    """Against the simulator's own stock book, with the arithmetic written out here."""
    book, levels = stack.simulator.book(), admin.levels()
    today = datetime.now(ZoneInfo("America/Chicago")).date()
    variants = {variant["sku"]: variant for one in admin.products() for variant in one["variants"]}
    assert book.keys() == variants.keys()
    for isbn, truth in book.items():
        variant = variants[isbn]
        if "e-book" in truth["binding"].lower() or "ebook" in truth["binding"].lower():
            assert isbn not in levels
            assert variant["manage_inventory"] is False
            continue
        preorder = date.fromisoformat(truth["publication_date"]) > today
        on_hand, on_order = truth["on_hand"], truth["on_order"]
        assert variant["manage_inventory"] is True
        assert levels[isbn]["stocked_quantity"] == (on_hand or 0), isbn
        assert levels[isbn]["incoming_quantity"] == (on_order or 0), isbn
        assert variant["allow_backorder"] is (preorder or (on_hand == 0 and bool(on_order))), isbn
        if preorder:
            assert variant["metadata"]["availability"] == "preorder"
    assert levels[BETWEEN_TWO_FIRES]["stocked_quantity"] == 410
    assert book[BETWEEN_TWO_FIRES]["on_hand"] == 410


def test_a_shopper_sees_the_cover_and_the_label(stack: Stack):
    store = httpx.Client(
        base_url=stack.medusa.url,
        headers={"x-publishable-api-key": stack.medusa.store.publishable_key, "Connection": "close"},
        timeout=60,
    )
    query = {
        "handle": BETWEEN_TWO_FIRES,
        "fields": "+variants.inventory_quantity,+variants.metadata",
    }
    (product,) = store.get("/store/products", params=query).raise_for_status().json()["products"]
    (variant,) = product["variants"]
    assert product["title"] == "Between Two Fires"
    assert variant["inventory_quantity"] == 410
    assert variant["metadata"]["availability"] == "in_stock"
    assert variant["metadata"]["in_stock"] is True
    assert sum(dc["onHand"] for dc in variant["metadata"]["ingram_stock"].values()) == 410
    shown = {product["thumbnail"]: 400, product["images"][0]["url"]: 800}
    for address, width in shown.items():
        assert re.search(rf"/covers/processed/{BETWEEN_TWO_FIRES}-{width}\.webp\?v=[0-9a-f]{{8}}$", address)
        cover = httpx.get(address, timeout=60)
        assert cover.headers["content-type"] == "image/webp"
        assert Image.open(io.BytesIO(cover.content)).width <= width
    keys = {str(file.relative_to(stack.s3.files / stack.s3.bucket)) for file in _stored(stack)}
    assert {key.split("/")[1] for key in keys} == {"raw", "processed"}


def _stored(stack: Stack) -> list[Path]:
    return [file for file in (stack.s3.files / stack.s3.bucket / "covers").rglob("*") if file.is_file()]


def test_the_assets_of_the_plan_were_materialized(stack: Stack):
    from dagster import AssetKey

    with dagster_instance(stack.common) as instance:
        partitions = instance.get_dynamic_partitions("isbn")
        assert len(partitions) == 100
        assert all(parse_isbn(isbn) == isbn for isbn in partitions)
        for key in ("ipage/saved_search", "ipage/stock_sweep", "medusa/stock_location"):
            assert instance.get_latest_materialization_event(AssetKey(key.split("/"))), key
        book = stack.simulator.book()
        with_table = {isbn for isbn, truth in book.items() if truth["stock"] is not None}
        with_level = {isbn for isbn, truth in book.items() if "e-book" not in truth["binding"].lower()}
        for key, expected in {
            "ipage/title_details": set(book),
            "ipage/stock": with_table,
            "queue/rows": set(book),
            "medusa/products": set(book),
        }.items():
            assert instance.get_materialized_partitions(AssetKey(key.split("/"))) == expected, key
        levels = instance.get_materialized_partitions(AssetKey(["medusa", "inventory_levels"]))
        assert levels >= with_level - {isbn for isbn in with_level if book[isbn]["stock"] is None}


def test_a_second_run_changes_nothing(once: Done, stack: Stack, admin: Admin):
    import io

    from rich.console import Console

    from ingram_demo.phases import Phases

    before = (admin.products(), admin.levels())
    with dagster_instance(stack.common) as instance:
        summary = bring_through(stack, instance, Phases(Console(file=io.StringIO())))
    assert summary["complete"]
    assert summary["imported"] == 0
    for name in (
        "discovered",
        "stock_read",
        "covers_stored",
        "queue_rows",
        "products",
        "levels",
        "availability",
    ):
        assert summary[name] == once.result[name], name
    after = (admin.products(), admin.levels())
    assert after == before, "no write reached the store, not even the same value again"
    assert len(admin.all("/admin/stock-locations", "stock_locations", name="Ingram (Drop-Ship)")) == 1


def test_a_stock_move_reaches_the_store_by_the_sensor(stack: Stack, scraper: Shell, admin: Admin, eventually):
    stack.simulator.move(BETWEEN_TWO_FIRES, "TN", on_hand=371)
    truth = stack.simulator.entry(BETWEEN_TWO_FIRES)["on_hand"]
    done = scraper("enrich", BETWEEN_TWO_FIRES, "--json")
    assert done.exit_code == 0, done.errors
    assert done.result["stock_changed"] == 1
    eventually(lambda: admin.levels()[BETWEEN_TWO_FIRES]["stocked_quantity"] == truth)


def test_what_a_page_says_beside_its_stock_reaches_the_store_with_the_next_push(
    stack: Stack, scraper: Shell, admin: Admin, eventually
):
    """A price and a date that the site changed, read by the sweep, which records no details anew."""
    simulator = stack.simulator
    priced, dated = [isbn for isbn in simulator.isbns("in_stock") if isbn != BETWEEN_TWO_FIRES][:2]
    price = Decimal(simulator.entry(priced)["srp_price"]) + 1
    simulator.edit(priced, srp_price=str(price))
    simulator.edit(dated, publication_date="2031-02-03")
    done = scraper("sync-stock", "--json")
    assert done.exit_code == 0, done.errors

    def in_store(isbn: str) -> dict[str, Any]:
        fields = "*variants,*variants.prices"
        (product,) = admin.all("/admin/products", "products", fields=fields, q=isbn)
        (variant,) = product["variants"]
        return variant

    eventually(lambda: [each["amount"] for each in in_store(priced)["prices"]] == [float(price)])
    eventually(lambda: in_store(dated)["metadata"]["availability"] == "preorder")
    assert "February 3, 2031" in in_store(dated)["metadata"]["availability_label"]


def test_a_hand_edit_is_seen_and_repaired(stack: Stack, storefront: Shell, admin: Admin):
    levels = admin.levels()
    isbn = next(
        isbn for isbn in stack.simulator.isbns() if levels.get(isbn, {}).get("stocked_quantity", 0) > 9
    )
    admin.set_level(isbn, 3)
    looked = storefront("push", "--dry-run", "--json")
    assert looked.exit_code == 0, looked.errors
    assert list(looked.result["changes"]) == [isbn]
    assert admin.levels()[isbn]["stocked_quantity"] == 3, "a dry run writes nothing"
    done = storefront("push", isbn, "--json")
    assert done.exit_code == 0, done.errors
    assert done.result["repaired"] == 1
    assert admin.levels()[isbn]["stocked_quantity"] == levels[isbn]["stocked_quantity"]


def test_status_says_what_is_there(storefront: Shell):
    done = storefront("status", "--json")
    assert done.exit_code == 0, done.errors
    assert done.result["up"] is True
    assert done.result["titles"] == 100
    assert done.result["failed"] == 0


def test_each_code_server_knows_its_own_secrets_alone(stack: Stack):
    """What a stolen process could read from its own environment."""
    secrets = {
        "scraper": {
            stack.url("catalog_import", "ingram_queue_writer"),
            stack.s3.secret,
            stack.imap.url,
            stack.simulator.account.password,
        },
        "storefront": {
            stack.url("catalog_import", "ingram_queue_reader"),
            stack.url("storefront", "storefront"),
            stack.medusa.password,
        },
    }
    everything = set().union(*secrets.values()) | {
        stack.postgres.url(),
        *(password for role, password in stack.passwords.items() if role == "queue_owner"),
    }
    for name in ("scraper", "storefront", "operations", "web-server", "daemon"):
        process = psutil.Process(stack.supervisor.children[name].pid)
        for one in (process, *process.children(recursive=True)):
            try:
                held = in_memory(one.pid, {secret: [secret.encode()] for secret in everything})
                arguments = " ".join(one.cmdline())
            except psutil.NoSuchProcess:  # A run's worker that has ended since.
                assert one is not process, name
                continue
            if not arguments:  # One that is ending now.
                assert one is not process, name
                continue
            assert held == secrets.get(name, set()), name
            assert not [secret for secret in everything if secret in arguments], name


def test_a_shoppers_browser_loads_the_cover(stack: Stack, chromium, admin: Admin):
    """A page with the products' pictures, as a storefront makes it, in a real browser."""
    from playwright.sync_api import sync_playwright

    pictures = [one["thumbnail"] for one in admin.products() if one["thumbnail"]][:12]
    page_text = "".join(f'<img src="{picture}">' for picture in pictures)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium))
        page = browser.new_page()
        page.set_content(page_text, wait_until="load")
        widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
        browser.close()
    assert len(widths) == len(pictures) == 12
    assert all(width > 100 for width in widths)


def test_each_role_connects_to_its_own_database_alone(stack: Stack):
    with psycopg.connect(stack.postgres.url()) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datallowconn").fetchall()
    databases = {name for (name,) in found}
    assert {"medusa", "postgres", "template1", *OWNERS} <= databases
    owned = {owner: database for database, owner in OWNERS.items()}
    for role in ROLES:
        own = owned.get(role, "catalog_import")
        psycopg.connect(stack.url(own, role)).close()
        for other in databases - {own}:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(stack.url(other, role))
