"""Titles of the queue into the real store: made, brought up to date, and a person's edits left alone."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ingram_assets.domain.categories import CategoryTable, parse_table
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.store.import_plan import RowPlan, preview_import
from ingram_assets.store.journal import Change, Journal
from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.interrupted import Killed, Network, client_on, killed_before
from ingram_assets_tests.testing.shop import Refusal, make_title

pytestmark = pytest.mark.xdist_group("medusa")


def test_a_new_title_is_all_there(bench: Bench) -> None:
    title = make_title(
        on_hand=10,
        on_order=4,
        title="Between Two Fires",
        author="Christopher Buehlman",
        description="A knight, a girl, a plague.",
        weight=Decimal("0.90"),
        category_hint="horror",
        bisac=("FICTION / Horror", "FICTION / Fantasy / Historical"),
        series="Alone",
    )
    report = bench.import_(title)
    assert report.created == [title.isbn]
    product = bench.shop.product(title.isbn)
    assert product["title"] == "Between Two Fires"
    assert product["subtitle"] == "Christopher Buehlman"
    assert product["description"] == "A knight, a girl, a plague."
    assert product["status"] == "published"
    assert product["weight"] == 408  # grams
    assert [each["url"] for each in product["images"]] == [title.cover_url]
    assert product["thumbnail"] == title.cover_url
    assert sorted(each["name"] for each in product["categories"]) == ["Fantasy", "Horror"]
    assert [each["value"] for each in product["tags"]] == ["special_order"]
    assert product["metadata"] == {
        "procurement_type": "special_order",
        "isbn13": title.isbn,
        "author": "Christopher Buehlman",
        "publisher": "Tor",
        "publication_date": "2020-05-01",
        "binding": "Paperback",
        "page_count": 320,
        "series": "Alone",
    }
    variant = bench.shop.variant(title.isbn)
    assert variant
    assert (variant["sku"], variant["ean"]) == (title.isbn, title.isbn)
    assert (variant["manage_inventory"], variant["allow_backorder"]) == (True, False)
    assert [(each["currency_code"], each["amount"]) for each in variant["prices"]] == [("usd", 18.99)]
    assert variant["metadata"]["availability"] == "in_stock"
    assert bench.level(title.isbn) == (10, 0, 4)
    assert bench.shop.shown(title.isbn)["inventory_quantity"] == 10
    assert bench.sync(title).of("unchanged") == [title.isbn]


def test_inventory_items_bear_the_books_titles_for_one_request_more(bench: Bench) -> None:
    titles = [make_title(title=f"The Book {number} " + "x" * 250 * (number == 1)) for number in range(4)]
    bench.import_(make_title())  # categories and tag are there from now on
    counts = []
    for some in (titles[:1], titles[1:]):
        writes = bench.client.writes
        assert bench.import_(*some).failed == {}
        counts.append(bench.client.writes - writes)
    assert counts == [3, 3], "products, levels, names"
    assert [bench.shop.item(each.isbn)["title"] for each in titles] == [each.title[:250] for each in titles]
    assert [(bench.shop.variant(each.isbn) or {})["title"] for each in titles] == ["Paperback"] * 4
    entries = [each for each in bench.journal.history(titles[0].isbn) if each.kind == "item"]
    told = [(each.before, each.after, each.outcome) for each in entries]
    assert told == [({"item_title": "Paperback"}, {"item_title": titles[0].title}, "written")]


def test_an_older_item_gets_the_books_title_unless_a_person_named_it(bench: Bench) -> None:
    old, named, same = titles = [make_title() for _ in range(3)]
    bench.import_(*titles)
    for title, called in ((old, "Paperback"), (named, "The signed one")):
        bench.shop.post(f"inventory-items/{bench.shop.item(title.isbn)['id']}", {"title": called})
    reads, run_id = bench.client.reads, bench.run_id()
    assert len(bench.import_(*titles, run_id=run_id).unchanged) == 3
    mended = bench.client.reads - reads
    called = [bench.shop.item(each.isbn)["title"] for each in titles]
    assert called == [old.title, "The signed one", same.title]
    reads, writes = bench.client.reads, bench.client.writes
    bench.import_(*titles)
    assert (bench.client.reads - reads, bench.client.writes - writes) == (mended, 0)
    assert bench.undo(run_id).undone == {old.isbn: ["the inventory item's title Paperback"]}
    assert bench.shop.item(old.isbn)["title"] == "Paperback"


def test_a_title_whose_item_can_t_be_named_is_imported_all_the_same(bench: Bench) -> None:
    title = make_title()

    def refuse(number: int, request: httpx.Request) -> None:
        if "workflows-executions" in request.url.path:
            bench.shop.delete(f"products/{bench.shop.product(title.isbn)['id']}")

    with client_on(bench.shop.medusa, Network(before=refuse)) as client:
        assert bench.import_(title, client=client).created == [title.isbn]
    (entry,) = [each for each in bench.journal.history(title.isbn) if each.kind == "item"]
    assert entry.outcome == "failed"


def test_what_each_kind_of_title_starts_as(bench: Bench) -> None:
    unknown = make_title(on_hand=None)
    digital = make_title(on_hand=None, binding="eBook")
    coming = make_title(on_hand=None, publication_date=date(2027, 2, 3))
    cooking = make_title(category_hint="bread", bisac=("COOKING / Bread",))
    report = bench.import_(unknown, digital, coming, cooking)
    assert len(report.created) == 4
    assert report.zero_for_unknown == [unknown.isbn, coming.isbn]
    assert bench.level(unknown.isbn) == (0, 0, 0)
    variant = bench.shop.variant(unknown.isbn)
    assert variant
    assert variant["metadata"] == {
        "availability": "unknown",
        "availability_state": "not_read",
        "availability_label": "Ask us whether we can get it",
        "in_stock": False,
    }, "so that no shopper is told it is sold out"
    assert bench.level(coming.isbn) == (0, 0, 0)
    variant = bench.shop.variant(coming.isbn)
    assert variant
    assert variant["allow_backorder"] is True
    assert variant["metadata"]["availability_label"] == "Preorder, releases February 3, 2027"
    variant = bench.shop.variant(digital.isbn)
    assert variant
    assert (variant["manage_inventory"], variant["inventory_items"]) == (False, [])
    assert report.unmapped == {cooking.isbn: "COOKING / Bread"}
    assert [each["name"] for each in bench.shop.product(cooking.isbn)["categories"]] == ["Other Books"]
    assert bench.sync(unknown, digital, coming, cooking).of("written") == []


def test_found_by_sku_it_is_updated_never_duplicated(bench: Bench) -> None:
    title = make_title()
    bench.import_(title)
    assert bench.import_(title).unchanged == [title.isbn]
    better = replace(
        title,
        title="A better title",
        description="More.",
        srp_price=Decimal("21.50"),
        weight=Decimal("2"),
        publication_date=date(2021, 1, 1),
        cover_url=title.cover_url and title.cover_url.replace("v=1", "v=2"),
        category_hint="FICTION / Horror",
    )
    assert bench.import_(better).updated == [title.isbn]
    product = bench.shop.product(title.isbn)
    assert (product["title"], product["description"], product["weight"]) == ("A better title", "More.", 907)
    assert product["metadata"]["publication_date"] == "2021-01-01"
    assert [each["url"] for each in product["images"]] == [better.cover_url]
    assert product["thumbnail"] == better.cover_url
    assert [each["name"] for each in product["categories"]] == ["Horror"]
    assert len(product["variants"]) == 1
    variant = bench.shop.variant(title.isbn)
    assert variant
    assert [each["amount"] for each in variant["prices"]] == [21.5]
    assert bench.shop.get("product-variants", ean=title.isbn)["count"] == 1
    assert bench.import_(better).unchanged == [title.isbn]


COVERS = "https://covers.example/covers"


def sized(title: Title, version: int) -> Title:
    """The title with a cover in the bucket that has its web sizes."""
    address = f"{COVERS}/raw/{title.isbn}.jpg?v=0000000{version}&sizes=200,400,800"
    return replace(title, cover_url=address)


def covers_in_store(bench: Bench, title: Title) -> tuple[str, list[str]]:
    product = bench.shop.product(title.isbn)
    return product["thumbnail"], [each["url"] for each in product["images"]]


def in_sizes(title: Title, version: int) -> tuple[str, list[str]]:
    small, large = (f"{COVERS}/processed/{title.isbn}-{n}.webp?v=0000000{version}" for n in (400, 800))
    return small, [large]


def test_a_cover_is_small_in_lists_and_large_on_its_page(bench: Bench) -> None:
    title = make_title()
    bench.import_(sized(title, 1))
    assert covers_in_store(bench, title) == in_sizes(title, 1)
    assert bench.import_(sized(title, 1)).unchanged == [title.isbn]
    assert bench.import_(sized(title, 2)).updated == [title.isbn]
    assert covers_in_store(bench, title) == in_sizes(title, 2)


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "journal of another store"])
def test_a_cover_that_gets_its_sizes_takes_the_place_of_the_raw_one(
    bench: Bench, database: str, is_known: bool
) -> None:
    title, run_id = make_title(), bench.run_id()
    bench.import_(title)
    raw = str(title.cover_url)
    assert covers_in_store(bench, title) == (raw, [raw])
    (picture,) = bench.shop.product(title.isbn)["images"]
    with Journal(database) as lost:
        options = {} if is_known else {"journal": lost}
        assert bench.import_(sized(title, 1), run_id=run_id, **options).updated == [title.isbn]
    assert covers_in_store(bench, title) == in_sizes(title, 1)
    assert bench.shop.product(title.isbn)["images"][0]["id"] == picture["id"], "no second picture"
    if is_known:
        assert list(bench.undo(run_id).undone) == [title.isbn]
        assert covers_in_store(bench, title) == (raw, [raw])


def test_a_thumbnail_that_a_person_chose_stays(bench: Bench) -> None:
    title, own = make_title(), "https://shop.example/signed-copy.jpg"
    bench.import_(sized(title, 1))
    bench.shop.edit_product(title.isbn, thumbnail=own)
    bench.import_(sized(title, 2))
    assert covers_in_store(bench, title) == (own, in_sizes(title, 2)[1])


def test_what_a_person_edited_is_left_alone(bench: Bench) -> None:
    title = make_title()
    bench.import_(title)
    own = {"url": "https://shop.example/signed-copy.jpg"}
    images = [
        *({"id": each["id"], "url": each["url"]} for each in bench.shop.product(title.isbn)["images"]),
        own,
    ]
    bench.shop.edit_product(
        title.isbn,
        title="Our favourite",
        description="Read it.",
        images=images,
        metadata={"staff_pick": "yes"},
    )
    changed = replace(
        title,
        title="Ingram's title",
        description="Ingram's words.",
        author="Someone Else",
        cover_url=f"https://covers.example/covers/raw/{title.isbn}.jpg?v=2",
    )
    report = bench.import_(changed)
    assert report.updated == [title.isbn]
    assert sorted(report.kept[title.isbn]) == ["description", "title"]
    product = bench.shop.product(title.isbn)
    assert (product["title"], product["description"]) == ("Our favourite", "Read it.")
    assert product["subtitle"] == "Someone Else"
    assert sorted(each["url"] for each in product["images"]) == sorted([changed.cover_url, own["url"]])
    assert product["metadata"]["staff_pick"] == "yes"

    only_own = [{"url": own["url"]}]
    bench.shop.edit_product(title.isbn, images=only_own, tags=[])
    report = bench.import_(replace(changed, cover_url=f"{title.cover_url}3"))
    assert {"cover_url", "tag"} <= set(report.kept[title.isbn])
    product = bench.shop.product(title.isbn)
    assert [each["url"] for each in product["images"]] == [own["url"]]
    assert product["tags"] == []


def test_the_price_follows_the_list_price_or_a_person(bench: Bench) -> None:
    title = make_title()
    bench.import_(title)
    variant = bench.shop.variant(title.isbn)
    assert variant
    sale = [{"id": variant["prices"][0]["id"], "amount": 9.99, "currency_code": "usd"}]
    bench.shop.edit_variant(title.isbn, prices=[*sale, {"currency_code": "eur", "amount": 17}])
    kept = bench.import_(title, rules=StoreRules(price_policy="keep"))
    assert kept.kept == {title.isbn: ["price"]}
    assert prices(bench, title.isbn) == {"usd": 9.99, "eur": 17}
    assert bench.import_(replace(title, srp_price=None)).unchanged == [title.isbn]  # it has a price
    bench.import_(title, rules=StoreRules(price_policy="srp"))
    assert prices(bench, title.isbn) == {"usd": 18.99, "eur": 17}


def prices(bench: Bench, isbn: str) -> dict[str, float]:
    variant = bench.shop.variant(isbn)
    assert variant
    return {each["currency_code"]: each["amount"] for each in variant["prices"]}


def whole_prices(bench: Bench, isbn: str) -> dict[str, dict[str, Any]]:
    """Price's id to all that makes it what it is."""
    product_id = bench.shop.product(isbn)["id"]
    fields = "variants.sku,variants.prices.*,variants.prices.price_rules.*"
    variants = bench.shop.get(f"products/{product_id}", fields=fields)["product"]["variants"]
    (prices,) = [each["prices"] for each in variants if each["sku"] == isbn]
    names = ("currency_code", "amount", "min_quantity", "max_quantity", "rules")
    return {each["id"]: {name: each[name] for name in names} for each in prices}


def test_a_new_list_price_leaves_every_other_price_whole(bench: Bench) -> None:
    """Currencies, quantities, regions, sales: an update replaces all, and Medusa merges what looks alike."""
    title = make_title()
    bench.import_(title)
    ((plain, was),) = whole_prices(bench, title.isbn).items()
    canada = {"name": f"Canada {title.id}", "currency_code": "cad", "countries": []}
    canada_id = bench.shop.post("regions", canada)["region"]["id"]
    here = {"region_id": bench.shop.medusa.store.region_id}
    own = [
        {"currency_code": "eur", "amount": 17.5},
        {"currency_code": "cad", "amount": 25},
        {"currency_code": "usd", "amount": 17, "min_quantity": 5, "max_quantity": 9},
        {"currency_code": "usd", "amount": 15.25, "min_quantity": 10},
        {"currency_code": "eur", "amount": 14, "min_quantity": 10},
        {"currency_code": "usd", "amount": 16, "rules": here},
        {"currency_code": "usd", "amount": 12, "min_quantity": 10, "rules": here},
        {"currency_code": "cad", "amount": 24, "rules": {"region_id": canada_id}},
    ]
    bench.shop.edit_variant(title.isbn, prices=[{"id": plain, "currency_code": "usd", "amount": 18.99}, *own])
    variant = bench.shop.variant(title.isbn)
    assert variant
    sale = {"title": "Sale", "description": "Sale", "type": "sale", "status": "active"}
    of_the_sale = {"variant_id": variant["id"], "currency_code": "usd", "amount": 3}
    sale_id = bench.shop.post("price-lists", {**sale, "prices": [of_the_sale]})["price_list"]["id"]
    before = whole_prices(bench, title.isbn)
    assert len(before) == 9
    run_id = bench.run_id()
    report = bench.import_(replace(title, srp_price=Decimal("21.99")), run_id=run_id)
    assert report.updated == [title.isbn]
    assert whole_prices(bench, title.isbn) == {**before, plain: {**was, "amount": 21.99}}
    undone = bench.undo(run_id)
    assert undone.undone == {title.isbn: ["price"]}
    assert whole_prices(bench, title.isbn) == before
    kept = bench.shop.get(f"price-lists/{sale_id}", fields="prices.amount")["price_list"]["prices"]
    assert [each["amount"] for each in kept] == [3]


def test_a_regions_price_is_not_taken_for_the_list_price(bench: Bench) -> None:
    """It is the only one in dollars: the list price is put beside it, and an undo takes that away again."""
    title = make_title()
    bench.import_(title)
    here = {"region_id": bench.shop.medusa.store.region_id}
    own = [
        {"currency_code": "usd", "amount": 16, "rules": here},
        {"currency_code": "usd", "amount": 15, "min_quantity": 10},
        {"currency_code": "eur", "amount": 17.5},
    ]
    bench.shop.edit_variant(title.isbn, prices=own)
    before = whole_prices(bench, title.isbn)
    run_id = bench.run_id()
    bench.import_(replace(title, srp_price=Decimal("21.99")), run_id=run_id)
    after = whole_prices(bench, title.isbn)
    assert {id_: price for id_, price in after.items() if id_ in before} == before
    (added,) = [price for id_, price in after.items() if id_ not in before]
    assert (added["currency_code"], added["amount"], added["rules"]) == ("usd", 21.99, {})
    bench.undo(run_id)
    assert whole_prices(bench, title.isbn) == before


def test_what_the_shop_put_into_a_list_is_sent_back_whole(bench: Bench) -> None:
    """Pictures, tags, categories, sales channels: whatever list an update of ours replaces."""
    title = make_title()
    shop = bench.shop
    tags = [shop.post("product-tags", {"value": f"{name} {title.id}"})["product_tag"]["id"] for name in "abc"]
    categories = [
        shop.post("product-categories", {"name": f"{name} {title.id}", "is_active": True})
        for name in ("Signed", "Local", "Gifts")
    ]
    channels = [
        shop.post("sales-channels", {"name": f"{name} {title.id}"})["sales_channel"]["id"] for name in "xyz"
    ]
    made = bench.by_hand(
        {"sku": title.isbn},
        images=[{"url": f"https://shop.example/{title.id}-{number}.jpg"} for number in range(3)],
        tags=[{"id": each} for each in tags],
        categories=[{"id": each["product_category"]["id"]} for each in categories],
        sales_channels=[{"id": each} for each in channels],
    )

    def lists() -> dict[str, Any]:
        fields = "images.id,images.url,images.variants.id,tags.id,categories.id,sales_channels.id"
        fields += ",options.title,options.values.value"
        product: dict[str, Any] = shop.get(f"products/{made['id']}", fields=fields)["product"]
        return product

    variant_id = made["variants"][0]["id"]
    before = lists()
    run_id = bench.run_id()
    assert bench.import_(title, run_id=run_id).updated == [title.isbn]
    for picture in lists()["images"]:  # the shop gives pictures to its variant, our cover as well
        shop.post(f"products/{made['id']}/images/{picture['id']}/variants/batch", {"add": [variant_id]})
    with_cover = lists()["images"]
    cover = next(each for each in with_cover if each["url"] == title.cover_url)
    second = replace(title, cover_url=f"{title.cover_url}2", category_hint="FICTION / Horror")
    assert bench.import_(second).kept == {title.isbn: ["title", "categories"]}
    after = lists()
    assert after["images"] == [
        {**each, "url": second.cover_url} if each["id"] == cover["id"] else each for each in with_cover
    ]
    assert [each["id"] for each in after["images"] if each["id"] != cover["id"]] == [
        each["id"] for each in before["images"]
    ]
    assert {each["id"] for each in after["tags"]} > set(tags)
    for name in ("categories", "sales_channels", "options"):
        assert after[name] == before[name]
    bench.undo(run_id)
    assert {each["id"] for each in lists()["tags"]} == set(tags)


def isbn_10(isbn: str) -> str:
    total = sum(int(digit) * (10 - place) for place, digit in enumerate(isbn[3:12]))
    return isbn[3:12] + "0123456789X"[-total % 11]


def hyphens(isbn: str) -> str:
    return "-".join((isbn[:3], isbn[3], isbn[4:9], isbn[9:12], isbn[12]))


IN_THE_SKU = {
    "hyphens": lambda isbn: {"sku": hyphens(isbn)},
    "a blank before": lambda isbn: {"sku": f" {isbn}"},
    "ISBN-10": lambda isbn: {"sku": isbn_10(isbn)},
    "words": lambda isbn: {"sku": f"ISBN: {hyphens(isbn)}"},
    "full-width digits": lambda isbn: {"sku": "".join(chr(ord(each) + 0xFEE0) for each in isbn)},
    "beside another EAN": lambda isbn: {"sku": hyphens(isbn), "ean": f"40{isbn[2:]}"},
}
ELSEWHERE = {
    "in the EAN": lambda isbn: {"sku": f"A-{isbn}", "ean": hyphens(isbn)},
    "in the UPC": lambda isbn: {"upc": f"{isbn[:3]} {isbn[3:]}"},
    "in the barcode": lambda isbn: {"sku": f"B-{isbn}", "barcode": isbn},
}


def look(bench: Bench, *titles: Title, categories: CategoryTable | None = None) -> dict[str, RowPlan]:
    """What an import would do; it writes nothing."""
    writes = bench.client.writes
    previews = preview_import(bench.session(categories=categories or bench.table), titles)
    assert bench.client.writes == writes
    return previews


@pytest.mark.parametrize("status", ["published", "draft"])
@pytest.mark.parametrize("spelling", IN_THE_SKU.values(), ids=IN_THE_SKU.keys())
def test_a_title_that_the_shop_has_in_another_spelling_is_not_made_twice(
    bench: Bench, spelling: Any, status: str
) -> None:
    title = make_title(on_hand=7)
    numbers = spelling(title.isbn)
    made = bench.by_hand(numbers, status=status)
    products = bench.shop.get("products", limit=1)["count"]
    assert look(bench, title)[title.isbn].what == "update"
    report = bench.import_(title)
    assert (report.created, report.updated, report.failed) == ([], [title.isbn], {})
    assert bench.shop.get("products", limit=1)["count"] == products
    assert bench.level(numbers["sku"]) == (7, 0, 0)
    # Later pushes find it as well, though its SKU is what it was, and its EAN may not be free.
    sold = replace(title, stock={"TN": DcStock(3, 0, "primary")})
    assert bench.sync(sold).of("written") == [title.isbn]
    assert bench.level(numbers["sku"]) == (3, 0, 0)
    variant = bench.shop.variant(numbers["sku"])
    assert variant
    assert (variant["product_id"], variant["ean"]) == (made["id"], numbers.get("ean", title.isbn))


@pytest.mark.parametrize("spelling", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_a_title_that_another_number_spells_is_not_made_twice_and_its_item_is_a_persons(
    bench: Bench, spelling: Any
) -> None:
    title = make_title(on_hand=7)
    made = bench.by_hand(spelling(title.isbn))
    products = bench.shop.get("products", limit=1)["count"]
    report = bench.import_(title)
    assert (report.created, report.failed) == ([], {})
    assert bench.shop.get("products", limit=1)["count"] == products
    assert "not Ingram's" in bench.sync(title).failed[title.isbn]
    variant_id = made["variants"][0]["id"]
    links = f"products/{made['id']}/variants/{variant_id}/inventory-items"
    fields = "inventory_items.inventory_item_id"
    (variant,) = bench.shop.get("product-variants", id=variant_id, fields=fields)["variants"]
    for link in variant["inventory_items"]:
        bench.shop.delete(f"{links}/{link['inventory_item_id']}")
    assert bench.sync(title).of("written") == [title.isbn]  # as the sentence says
    (item,) = bench.shop.get("inventory-items", sku=title.isbn, fields="variants.id,location_levels.*")[
        "inventory_items"
    ]
    assert [each["id"] for each in item["variants"]] == [variant_id]
    assert [each["stocked_quantity"] for each in item["location_levels"]] == [7]


def test_a_title_that_the_shop_has_twice_is_named_with_its_doubles(bench: Bench) -> None:
    title, fine = make_title(on_hand=7), make_title(on_hand=4)
    skus = [hyphens(title.isbn), isbn_10(title.isbn)]
    made = [bench.by_hand({"sku": sku}) for sku in skus]
    ids = [each["variants"][0]["id"] for each in made]
    before = [bench.shop.variant(sku) for sku in skus]
    reason = look(bench, title)[title.isbn].problem
    report = bench.import_(title, fine)
    assert report.failed == {title.isbn: reason}
    assert report.created == [fine.isbn]
    assert reason
    assert all(each in reason for each in (*ids, *skus))
    assert [bench.shop.variant(sku) for sku in skus] == before
    bench.shop.delete(f"products/{made[0]['id']}")  # as the reason says
    assert bench.import_(title).updated == [title.isbn]
    assert bench.level(skus[1]) == (7, 0, 0)


DOUBLES = {
    "hyphens in its SKU": lambda isbn: {"sku": hyphens(isbn)},
    "an ISBN-10 in its barcode": lambda isbn: {"sku": f"X-{isbn}", "barcode": isbn_10(isbn)},
    "hyphens in its barcode": lambda isbn: {"barcode": hyphens(isbn)},
}


@pytest.mark.parametrize("spelling", DOUBLES.values(), ids=DOUBLES.keys())
def test_a_second_product_beside_the_one_with_the_exact_number_is_noticed(
    bench: Bench, spelling: Any
) -> None:
    title, fine = make_title(on_hand=7), make_title(on_hand=4)
    bench.import_(title, fine)
    variant = bench.shop.variant(title.isbn)
    assert variant
    second = bench.by_hand(spelling(title.isbn))
    ids = {variant["id"], second["variants"][0]["id"]}
    spellings = bench.spellings()
    report = bench.import_(title, fine, spellings=spellings)
    assert list(report.failed) == [title.isbn]
    sold = replace(title, stock={"TN": DcStock(3, 0, "primary")})
    synced = bench.sync(sold, replace(fine, stock=sold.stock), spellings=spellings)
    assert (list(synced.failed), synced.of("written")) == ([title.isbn], [fine.isbn])
    for reason in (report.failed[title.isbn], synced.failed[title.isbn]):
        assert all(each in reason for each in ids), reason
    assert bench.level(title.isbn) == (7, 0, 0)
    # Who looks at this title alone knows it from then on, until the second one is gone.
    assert bench.sync(sold).of("written") == [title.isbn]
    spellings.remember_doubles()
    assert list(bench.sync(title).failed) == [title.isbn]
    bench.shop.delete(f"products/{second['id']}")
    assert bench.sync(title).of("written") == [title.isbn]


def test_the_second_product_is_kept_in_step_once_the_exact_one_is_gone(bench: Bench) -> None:
    title = make_title(on_hand=7)
    bench.import_(title)
    bench.by_hand({"sku": hyphens(title.isbn)})
    spellings = bench.spellings()
    assert list(bench.sync(title, spellings=spellings).failed) == [title.isbn]
    spellings.remember_doubles()
    bench.shop.delete(f"products/{bench.shop.product(title.isbn)['id']}")
    assert bench.sync(title).of("written") == [title.isbn]
    assert bench.level(hyphens(title.isbn)) == (7, 0, 0)


def test_used_copies_beside_a_title_are_no_double(bench: Bench) -> None:
    """A variant of the same product with a SKU of its own, though the barcode is the book's."""
    title = make_title(on_hand=7)
    shared = bench.by_hand({"sku": title.isbn}, {"sku": f"USED-{title.isbn}", "barcode": title.isbn})
    spellings = bench.spellings()
    assert bench.import_(title, spellings=spellings).failed == {}
    assert bench.sync(title, spellings=spellings).failed == {}
    spellings.remember_doubles()
    assert bench.journal.known("variant", [title.isbn]) == []
    bench.shop.delete(f"products/{shared['id']}")


def test_a_look_at_all_costs_no_more_requests_the_more_titles_there_are(bench: Bench) -> None:
    titles = [make_title() for _ in range(40)]
    bench.import_(*titles)
    reads: list[int] = []
    for some in (titles[:2], titles):
        before = bench.client.reads
        assert bench.sync(*some, spellings=bench.spellings()).failed == {}
        reads.append(bench.client.reads - before)
    assert reads[0] == reads[1]


def test_a_mistyped_ean_makes_no_title_of_another_book(bench: Bench) -> None:
    title, other = make_title(on_hand=7), make_title(on_hand=5)
    mistyped = bench.by_hand({"sku": hyphens(other.isbn), "barcode": hyphens(title.isbn)})
    assert bench.import_(title).created == [title.isbn]
    assert bench.level(hyphens(other.isbn)) is None
    bench.shop.delete(f"products/{mistyped['id']}")


def test_the_store_is_listed_once_and_only_where_a_product_is_to_be_made(bench: Bench) -> None:
    known, new, priceless = make_title(), [make_title() for _ in range(3)], make_title(srp_price=None)
    bench.import_(known)
    listed: list[str] = []

    class Listening(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/admin/product-variants" and "[]" not in str(request.url):
                listed.append(str(request.url))
            return super().handle_request(request)

    with client_on(bench.shop.medusa, Listening()) as client:
        bench.import_(known, priceless, client=client)
        assert listed == []
        report = bench.import_(*new, known, client=client, rules=StoreRules(import_batch=1))
        assert report.created == [each.isbn for each in new]
        assert len(listed) == 1


@pytest.mark.parametrize("batch", [2, 5], ids=["two", "all"])
def test_a_request_carries_as_many_products_as_the_shop_says(bench: Bench, batch: int) -> None:
    titles = [make_title() for _ in range(5)]
    carried: dict[str, list[int]] = {"create": [], "update": []}

    class Listening(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/admin/products/batch":
                for what, rows in json.loads(request.content).items():
                    carried[what].append(len(rows))
            return super().handle_request(request)

    with client_on(bench.shop.medusa, Listening()) as client:
        for some in (titles, [replace(one, title=f"{one.title}, revised") for one in titles]):
            assert bench.import_(*some, client=client, rules=StoreRules(import_batch=batch)).failed == {}
    expected = [2, 2, 1] if batch == 2 else [5]
    assert carried == {"create": expected, "update": expected}


def test_a_category_and_a_tag_that_a_person_renamed_are_the_same_ones(bench: Bench, database: str) -> None:
    rows = ("bisac_code,heading,category", "FIC1,,Sea Stories", "FIC2,,Air Stories", "*,*,Other Books")
    table = parse_table("\n".join(rows))
    first, second = make_title(category_hint="FIC100"), make_title(category_hint="FIC100")
    bench.import_(first, categories=table)
    product = bench.shop.product(first.isbn)
    ((category,), (tag,)) = product["categories"], product["tags"]
    bench.shop.post(f"product-categories/{category['id']}", {"name": "Ships", "handle": f"ships-{first.id}"})
    bench.shop.post(f"product-tags/{tag['id']}", {"value": f"drop-ship-{first.id}"})
    try:
        with Journal(database) as earlier:  # which had no kept ids, but its entries
            for entry in bench.journal.written("category"):
                change = Change("category", None, entry.entity, None, entry.after, entry.reason)
                earlier.settle(earlier.begin("run", [change]))
            for number, journal in enumerate((bench.journal, earlier)):
                title = replace(second, id=second.id + 500 + number, isbn=make_title().isbn)
                assert look(bench, first, categories=table)[first.isbn].what == "unchanged"
                assert bench.import_(first, categories=table).unchanged == [first.isbn]
                assert bench.import_(title, categories=table, journal=journal).failed == {}
                made = bench.shop.product(title.isbn)
                assert [each["id"] for each in made["categories"]] == [category["id"]]
                assert [each["id"] for each in made["tags"]] == [tag["id"]]
        # It goes on being ours: what the queue says anew is carried over.
        moved = replace(first, category_hint="FIC200")
        assert bench.import_(moved, categories=table).updated == [first.isbn]
        assert [each["name"] for each in bench.shop.product(first.isbn)["categories"]] == ["Air Stories"]
        names = [
            each["name"] for each in bench.shop.get("product-categories", limit=999)["product_categories"]
        ]
        assert "Ships" in names
        assert "Sea Stories" not in names
        # One that was deleted is made anew.
        bench.shop.delete(f"product-categories/{category['id']}")
        assert bench.import_(first, categories=table).updated == [first.isbn]
        assert [each["name"] for each in bench.shop.product(first.isbn)["categories"]] == ["Sea Stories"]
    finally:
        bench.shop.post(f"product-tags/{tag['id']}", {"value": "special_order"})


def test_a_product_from_before_there_was_a_journal_keeps_its_words(bench: Bench) -> None:
    title = make_title()
    bench.import_unmanaged([title])
    report = bench.import_(title)
    assert report.updated == [title.isbn]
    product = bench.shop.product(title.isbn)
    assert product["title"] == f"By hand {title.isbn}"
    assert product["description"] == title.description  # it had none
    assert [each["value"] for each in product["tags"]] == ["special_order"]
    assert product["metadata"]["procurement_type"] == "special_order"
    variant = bench.shop.variant(title.isbn)
    assert variant
    assert variant["metadata"]["shelf"] == "B4"
    assert prices(bench, title.isbn) == {"usd": 18.99}


def test_a_preview_says_what_the_import_does_and_writes_nothing(bench: Bench) -> None:
    new, known, same, priceless = (
        make_title(on_hand=4),
        make_title(),
        make_title(),
        make_title(srp_price=None),
    )
    bench.import_(known, same)
    bench.shop.edit_product(known.isbn, title="Our favourite")
    better = replace(known, description="More.", title="Else", category_hint="CRAFTS / Knitting | FIC015000")
    rows = [new, better, same, priceless]
    writes = bench.client.writes
    previews = preview_import(bench.session(), rows)
    assert bench.client.writes == writes
    assert [previews[each.isbn].what for each in rows] == ["create", "update", "unchanged", "fail"]
    level, update = previews[new.isbn].level, previews[known.isbn].update
    assert level
    assert level.after
    assert (level.after.stocked, level.label) == (4, "In stock")
    assert update
    assert update.kept == ["title"]
    run_id = bench.run_id()
    report = bench.import_(*rows, run_id=run_id)
    assert (report.created, report.updated, report.unchanged) == ([new.isbn], [known.isbn], [same.isbn])
    written = {each.isbn: each for each in bench.journal.changes(run_id) if each.kind == "product"}
    assert update.before == written[known.isbn].before
    assert update.after == written[known.isbn].after
    assert report.failed == {priceless.isbn: previews[priceless.isbn].problem}


def test_one_bad_row_costs_itself_alone(bench: Bench) -> None:
    good = [make_title() for _ in range(6)]
    squatted, priceless, nul = make_title(), make_title(srp_price=None), make_title(title="A\x00 B")
    free = make_title(srp_price=Decimal(0))
    bench.shop.post(
        "products",
        {
            "title": "Squatter",
            "handle": squatted.isbn,
            "options": [{"title": "Format", "values": ["Paperback"]}],
        },
    )
    done: list[int] = []
    failed: dict[int, str] = {}

    def on_done(ids: list[int], reasons: dict[int, str]) -> None:
        done.extend(ids)
        failed.update(reasons)

    rows = [*good[:3], squatted, priceless, nul, free, *good[3:]]
    run_id = bench.run_id()
    report = bench.import_(*rows, run_id=run_id, on_done=on_done)
    assert sorted(done) == sorted(each.id for each in [*good, nul])
    assert set(failed) == {squatted.id, priceless.id, free.id}
    assert failed[squatted.id] == f"Product with handle: {squatted.isbn}, already exists."
    assert "no list price" in failed[priceless.id]
    assert "given away" in failed[free.id]
    assert set(report.failed) == {squatted.isbn, priceless.isbn, free.isbn}
    assert bench.shop.product(nul.isbn)["title"] == "A B"
    refused = [each for each in bench.journal.changes(run_id) if each.outcome == "failed"]
    assert [(each.isbn, each.kind) for each in refused] == [(squatted.isbn, "product")]
    requests = bench.journal.failed_requests(run_id)
    assert {each.status for each in requests} == {400}
    assert squatted.isbn in requests[-1].body


@pytest.mark.parametrize("write", [1, 2, 3, 4, 5, 7])
def test_killed_anywhere_the_next_run_completes_it(bench: Bench, write: int) -> None:
    # A batch: products, levels, the flag of the one that takes back-orders, and the items' names.
    titles = [make_title(on_hand=number % 2 * 5, on_order=7) for number in range(6)]
    stamped: list[int] = []
    network = killed_before(write)
    with client_on(bench.shop.medusa, network) as dying, pytest.raises(Killed):
        bench.import_(
            *titles,
            client=dying,
            rules=StoreRules(import_batch=2),
            on_done=lambda done, failed: stamped.extend(done),
        )
    assert not any(bench.shop.managed_without_level(bench.location.id).values())  # no broken checkout
    left = [each for each in titles if each.id not in stamped]
    assert left
    report = bench.import_(*left)
    assert report.failed == {}
    assert bench.shop.managed_without_level(bench.location.id) == {}
    bench.sync(*titles)
    assert [bench.level(each.isbn) for each in titles] == [(0, 0, 7), (5, 0, 7)] * 3
    variants = [bench.shop.variant(each.isbn) for each in titles]
    assert [each and each["allow_backorder"] for each in variants] == [True, False] * 3
    assert [bench.shop.item(each.isbn)["title"] for each in titles] == [each.title for each in titles]
    assert bench.sync(*titles).of("unchanged") == [each.isbn for each in titles]


@pytest.mark.parametrize("arrived", [False, True])
def test_a_killed_update_is_not_taken_for_a_persons_edit(bench: Bench, arrived: bool) -> None:
    title = make_title()
    bench.import_(title)
    better = replace(title, title="Better", cover_url=f"{title.cover_url}2")

    def die(number: int, request: httpx.Request) -> None:
        raise Killed

    network = Network(after=die) if arrived else Network(before=die)
    with client_on(bench.shop.medusa, network) as dying, pytest.raises(Killed):
        bench.import_(better, client=dying)
    best = replace(better, title="Best")
    report = bench.import_(best)
    assert (report.updated, report.kept) == ([title.isbn], {})
    product = bench.shop.product(title.isbn)
    assert (product["title"], product["thumbnail"]) == ("Best", best.cover_url)


def test_an_answer_that_got_lost_makes_no_duplicate_and_no_failure(bench: Bench) -> None:
    titles = [make_title() for _ in range(3)]
    lost: list[str] = []

    def lose(number: int, request: httpx.Request) -> None:
        if request.url.path == "/admin/products/batch" and not lost:
            lost.append(request.url.path)
            raise httpx.ReadError("gone")

    with client_on(bench.shop.medusa, Network(after=lose)) as client:
        report = bench.import_(*titles, client=client)
    assert lost
    assert report.failed == {}
    assert [bench.shop.get("product-variants", ean=each.isbn)["count"] for each in titles] == [1, 1, 1]
    assert bench.sync(*titles).of("unchanged") == [each.isbn for each in titles]


def test_a_deleted_product_is_named_and_can_be_imported_again(bench: Bench) -> None:
    title = make_title(on_hand=6)
    bench.import_(title)
    item_id = bench.shop.item(title.isbn)["id"]
    bench.shop.delete(f"products/{bench.shop.product(title.isbn)['id']}")
    assert "deleted" in bench.sync(title).failed[title.isbn]
    assert bench.import_(title).created == [title.isbn]
    assert bench.level(title.isbn) == (6, 0, 0)
    # Whether Medusa kept the item or not, there is one with this SKU.
    assert bench.shop.get("inventory-items", sku=title.isbn)["count"] == 1
    assert item_id


def test_a_leftover_item_is_used_again(bench: Bench) -> None:
    title = make_title(on_hand=6)
    left = bench.shop.post("inventory-items", {"sku": title.isbn})["inventory_item"]["id"]
    shelf = bench.shop.medusa.store.store_front_id
    bench.shop.post(f"inventory-items/{left}/location-levels", {"location_id": shelf, "stocked_quantity": 2})
    assert bench.import_(title).created == [title.isbn]
    assert bench.shop.item(title.isbn)["id"] == left
    assert bench.level(title.isbn) == (6, 0, 0)
    own = bench.shop.level(title.isbn, shelf)
    assert own
    assert own["stocked_quantity"] == 2


def test_a_category_of_the_shop_s_own_spelling_is_used(bench: Bench) -> None:
    """Medusa refuses a second category with the same handle, and both names make that."""
    own = bench.shop.post("product-categories", {"name": "weird-WEST", "is_active": True})["product_category"]
    with pytest.raises(Refusal):
        bench.shop.post("product-categories", {"name": "Weird West"})
    table = parse_table("bisac_code,heading,category\nFIC033,,Weird West\n*,*,Other Books\n")
    title = make_title(category_hint="FIC033000")
    assert bench.import_(title, categories=table).failed == {}
    assert [each["id"] for each in bench.shop.product(title.isbn)["categories"]] == [own["id"]]
    again = bench.import_(title, categories=table)
    assert (again.unchanged, again.kept) == ([title.isbn], {})


def test_two_books_that_share_a_product_are_both_brought_up_to_date(bench: Bench) -> None:
    paper, cloth = make_title(), make_title(srp_price=Decimal("30.00"))
    variants = [
        {
            "title": each.isbn,
            "sku": each.isbn,
            "manage_inventory": False,
            "options": {"Format": each.isbn},
            "prices": [{"currency_code": "usd", "amount": 10}],
        }
        for each in (paper, cloth)
    ]
    product = {
        "title": "In two bindings",
        "options": [{"title": "Format", "values": [paper.isbn, cloth.isbn]}],
        "variants": variants,
    }
    bench.shop.post("products", product, fields="id")
    report = bench.import_(paper, cloth)
    assert (report.updated, report.failed) == ([paper.isbn, cloth.isbn], {})
    shared = bench.shop.product(paper.isbn)
    assert (shared["title"], shared["metadata"]["procurement_type"]) == ("In two bindings", "special_order")
    assert [each["value"] for each in shared["tags"]] == ["special_order"]
    assert [prices(bench, each.isbn) for each in (paper, cloth)] == [{"usd": 18.99}, {"usd": 30}]
    assert bench.import_(paper, cloth).unchanged == [paper.isbn, cloth.isbn]


def test_odd_values_of_another_program_do_no_harm(bench: Bench) -> None:
    """NaN in a NUMERIC column, addresses that are none, texts that an index of Medusa's is too small for."""
    nan, long = Decimal("NaN"), "".join(f"{number:x}" for number in range(4_000))
    odd = [
        make_title(weight=nan, cover_url="https://[covers.example/a.jpg", page_count=-1),
        make_title(weight=Decimal("Infinity"), cover_url=f"https://covers.example/{long}.jpg"),
        make_title(binding=long, cover_url="ftp://covers.example/a.jpg", category_hint=long),
        make_title(title=long, cover_url="https://covers.example/a b.jpg", author=long),
        make_title(srp_price=Decimal("99999999.99"), description=long, publisher=long, series=long),
    ]
    priceless = [make_title(srp_price=nan), make_title(srp_price=Decimal("Infinity"))]
    dear = odd[4].isbn
    assert f"ingram push --let-through {dear}" in bench.import_(odd[4]).failed[dear]
    report = bench.import_(*odd, *priceless, let_through=True)
    assert report.created == [each.isbn for each in odd]
    assert list(report.failed) == [each.isbn for each in priceless]
    assert all("is no number" in reason for reason in report.failed.values())
    assert [bench.shop.product(each.isbn)["images"] for each in odd[:4]] == [[]] * 4
    # Of a product that is there they are not taken over, and whatever a person put there is left alone.
    bench.shop.edit_product(odd[4].isbn, images=[{"url": "https://[by hand"}, {"url": odd[4].cover_url}])
    worse = replace(odd[4], srp_price=nan, weight=nan, cover_url="https://[covers.example/a.jpg")
    assert bench.import_(worse).unchanged == [worse.isbn]
    assert prices(bench, worse.isbn) == {"usd": 99999999.99}


@pytest.mark.parametrize("isbn", ["978-0-306-40616-4", "0306406160", "9780306406169"])
def test_a_row_with_the_store_s_own_odd_number_touches_nothing(bench: Bench, isbn: str) -> None:
    """What is written there may be a SKU of the store's, and no book of Ingram's."""
    there = replace(make_title(), isbn=isbn)
    bench.import_unmanaged([there])
    before = bench.shop.product(isbn), bench.shop.variant(isbn)
    writes = bench.client.writes
    marked: dict[int, str] = {}
    report = bench.import_(there, on_done=lambda done, failed: marked.update(failed))
    assert list(report.failed) == [isbn]
    assert marked == {there.id: report.failed[isbn]}
    assert bench.client.writes == writes
    assert (bench.shop.product(isbn), bench.shop.variant(isbn)) == before


@pytest.mark.parametrize("isbn", ["", "not an isbn", "978-0-306-40615-7", "9780306406158", "9" * 20_000])
def test_a_row_whose_isbn_is_none_costs_itself_alone(bench: Bench, isbn: str) -> None:
    sound, bad = make_title(on_hand=4), replace(make_title(on_hand=3), isbn=isbn)
    report = bench.import_(bad, sound)
    assert list(report.failed) == [isbn]
    assert "ISBN" in report.failed[isbn]
    assert bench.level(sound.isbn) == (4, 0, 0)
    skus = [item["sku"] for item in bench.client.list_all("/admin/inventory-items", "inventory_items")]
    assert isbn not in skus
