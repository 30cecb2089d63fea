"""Levels and flags on the real store: the difference alone, repaired, split, stopped, and never half done."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from ingram_assets.domain.restrictions import Restriction
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.store.levels import PushStopped, look_at
from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.interrupted import Killed, Network, client_on, killed_before
from ingram_assets_tests.testing.shop import READ_AT, make_isbn, make_title

pytestmark = pytest.mark.xdist_group("medusa")


def read(title: Title, on_hand: int, on_order: int = 0) -> Title:
    """The title after another reading."""
    stock = {"TN": DcStock(on_hand, on_order, "primary"), "PA": DcStock(0, 0, "secondary")}
    return replace(title, stock=stock, stock_observed_at=READ_AT + timedelta(hours=1))


def test_only_the_difference_is_written_and_a_run_without_change_writes_nothing(bench: Bench) -> None:
    titles = [make_title(on_hand=10 + number) for number in range(6)]
    bench.import_(*titles)
    changed = [read(titles[4], 3), read(titles[1], 99, 7)]
    now = [titles[0], changed[1], titles[2], titles[3], changed[0], titles[5]]
    run_id = bench.run_id()
    writes = bench.client.writes
    report = bench.sync(*now, run_id=run_id)
    assert sorted(report.of("written")) == sorted(each.isbn for each in changed)
    assert len(report.of("unchanged")) == 4
    assert bench.client.writes - writes == 2  # one batch of levels, one of variants
    assert bench.level(titles[4].isbn) == (3, 0, 0)
    assert bench.level(titles[1].isbn) == (99, 0, 7)
    entries = bench.journal.changes(run_id)
    assert {(each.isbn, each.kind) for each in entries} == {
        (each.isbn, kind) for each in changed for kind in ("level", "variant")
    }
    (level,) = [each for each in entries if (each.isbn, each.kind) == (titles[4].isbn, "level")]
    assert level.before == {"stocked_quantity": 14, "incoming_quantity": 0}
    assert level.after == {"stocked_quantity": 3, "incoming_quantity": 0}
    assert level.outcome == "written"
    assert report.low == [titles[4].isbn]

    reads, writes = bench.client.reads, bench.client.writes
    an_hour_later = [replace(each, stock_observed_at=READ_AT + timedelta(hours=2)) for each in now]
    assert len(bench.sync(*an_hour_later).of("unchanged")) == 6
    # The store, and what orders took since the reading.
    assert (bench.client.reads - reads, bench.client.writes - writes) == (2, 0)


def test_selected_titles_are_written_alone_whatever_their_order(bench: Bench) -> None:
    titles = [make_title(on_hand=10) for _ in range(5)]
    bench.import_(*titles)
    sold = [read(each, 4) for each in titles]
    report = bench.sync(sold[3], sold[0], everything=lambda: titles)
    assert report.of("written") == [titles[3].isbn, titles[0].isbn]
    assert [bench.level(each.isbn) for each in titles] == [
        (4, 0, 0),
        *[(10, 0, 0)] * 2,
        (4, 0, 0),
        (10, 0, 0),
    ]


def orders(bench: Bench, title: Title) -> tuple[bool, str]:
    """Whether back-orders of the title are taken, and what shoppers read."""
    variant = bench.shop.variant(title.isbn)
    assert variant
    return variant["allow_backorder"], variant["metadata"]["availability_label"]


UNREAD_SELL = StoreRules(orders_unread=True)
ASK_US, TO_ORDER = "Ask us whether we can get it", "Available to order"


@pytest.mark.parametrize("by", ["an import", "an import on an old item", "a push", "a person's word"])
def test_back_orders_that_a_setting_switched_on_end_with_it(bench: Bench, by: str) -> None:
    title = make_title(on_hand=None, publication_date=date(2024, 3, 1))
    if by == "an import on an old item":
        bench.shop.post("inventory-items", {"sku": title.isbn})
    bench.import_(title, **({"rules": UNREAD_SELL} if "import" in by else {}))
    product = bench.shop.product(title.isbn)
    if by == "a person's word":
        bench.shop.post(f"products/{product['id']}", {"metadata": {"allow_backorder": "true"}})
    else:
        bench.sync(title, rules=UNREAD_SELL)
    bench.sync(title)
    if by == "a person's word":
        assert orders(bench, title) == (True, TO_ORDER)
        bench.shop.post(f"products/{product['id']}", {"metadata": {"allow_backorder": ""}})
        bench.sync(title)
    assert orders(bench, title) == (False, ASK_US)
    assert bench.sync(title).of("written") == []


def test_back_orders_that_a_person_switched_on_outlive_a_setting(bench: Bench) -> None:
    before, since = make_title(on_hand=None), make_title(on_hand=None)
    bench.import_(before, since)
    bench.shop.edit_variant(before.isbn, allow_backorder=True)
    bench.sync(before, since, rules=UNREAD_SELL)
    bench.sync(before, since)
    assert orders(bench, before) == (True, ASK_US)
    assert orders(bench, since) == (False, ASK_US)
    bench.shop.edit_variant(since.isbn, allow_backorder=True)
    assert bench.sync(before, since).of("written") == []
    assert orders(bench, since) == (True, ASK_US)


def test_a_restriction_that_was_lifted_says_nothing_of_a_title_that_was_never_read(bench: Bench) -> None:
    title = make_title(on_hand=None, restrictions=(Restriction.RESTRICTED,))
    bench.import_(title)
    bench.sync(title, rules=StoreRules(sells_restricted=frozenset()))
    assert orders(bench, title) == (False, "Not available")
    bench.sync(title)
    assert orders(bench, title) == (False, ASK_US)


def tags(bench: Bench, title: Title) -> set[str]:
    return {each["value"] for each in bench.shop.product(title.isbn)["tags"]}


def test_a_product_s_tag_says_its_state_and_the_shop_s_own_stay(bench: Bench) -> None:
    title, rules = make_title(on_hand=10), StoreRules(availability_tags=True)
    bench.import_(title)
    shop, product = bench.shop, bench.shop.product(title.isbn)
    own = shop.post("product-tags", {"value": f"signed {title.isbn}"})["product_tag"]
    shop.post(f"products/{product['id']}", {"tags": [{"id": each["id"]} for each in (*product["tags"], own)]})

    def found(value: str) -> list[str]:
        """The products that a storefront finds in one request, by the tag's id."""
        (tag,) = shop.get("product-tags", **{"value[]": value, "fields": "id"})["product_tags"]
        answer = shop.store.get("/store/products", params={"tag_id[]": tag["id"], "limit": 1000})
        return [each["id"] for each in answer.json()["products"]]

    before = tags(bench, title)
    assert own["value"] in before
    assert bench.sync(title, rules=rules).of("written") == [title.isbn]
    assert tags(bench, title) == before | {"availability: in stock"}
    assert product["id"] in found("availability: in stock")
    bench.sync(read(title, 0), rules=rules)
    assert tags(bench, title) == before | {"availability: hard to find"}
    assert product["id"] not in found("availability: in stock")
    writes = bench.client.writes
    assert bench.sync(read(title, 0), rules=rules).of("unchanged") == [title.isbn]
    assert bench.client.writes == writes
    # An import that changes the product leaves the tag.
    bench.import_(replace(title, title="Another Title", imported_at=None))
    assert tags(bench, title) == before | {"availability: hard to find"}


def test_tags_of_states_are_taken_off_once_the_shop_wants_none(bench: Bench) -> None:
    kept, sold, never = (make_title(on_hand=10) for _ in range(3))
    bench.import_(kept, sold, never)
    # A tag of the shop's own that looks like ours: we have put none to this product.
    shop, product = bench.shop, bench.shop.product(never.isbn)
    own = shop.post("product-tags", {"value": f"availability: on demand {never.isbn}"})["product_tag"]
    shop.post(f"products/{product['id']}", {"tags": [{"id": each["id"]} for each in (*product["tags"], own)]})
    before = [tags(bench, title) for title in (kept, sold, never)]
    barred = StoreRules(availability_tags=True, safety_stock=20)
    bench.sync(kept, sold, rules=barred)
    assert tags(bench, kept) == before[0] | {"availability: hard to find"}
    (plan,) = look_at(bench.session(), [kept]).plan.titles
    assert plan.old_tags == ("availability: hard to find",)
    assert bench.sync(kept, read(sold, 0), never).failed == {}
    assert [tags(bench, title) for title in (kept, sold, never)] == before
    reads = bench.client.reads
    assert bench.sync(kept, read(sold, 0), never).of("written") == []
    assert bench.client.reads - reads == 2, "the store, and its orders"
    # A person puts it there again: it is theirs.
    again = {"id": state_tag(bench, "availability: hard to find")}
    shop.post(f"products/{bench.shop.product(kept.isbn)['id']}", {"tags": [again]})
    assert bench.sync(kept).of("written") == []
    assert tags(bench, kept) == {"availability: hard to find"}


def state_tag(bench: Bench, value: str) -> str | None:
    """The id of a tag of a state; `None`: the store has none of that name."""
    found = bench.shop.get("product-tags", **{"value[]": value, "fields": "id"})["product_tags"]
    return found[0]["id"] if found else None


BAD_TAG, GOOD_TAG = "availability: backorder", "availability: in stock"
WITH_TAGS = StoreRules(availability_tags=True)


def on_order_and_in_stock(bench: Bench) -> tuple[list[Title], list[str]]:
    """Six titles of which the store shows neither state; the ISBNs of those on order."""
    titles = [make_title(on_hand=10) for _ in range(6)]
    bench.import_(*titles)
    sold = [read(each, 0, 9) if number in (1, 4) else read(each, 7) for number, each in enumerate(titles)]
    return sold, [titles[1].isbn, titles[4].isbn]


@pytest.mark.parametrize("when", ["it is made", "products get it"])
def test_a_tag_that_is_refused_costs_its_own_titles_alone(bench: Bench, when: str) -> None:
    sold, theirs = on_order_and_in_stock(bench)
    tag = state_tag(bench, BAD_TAG)
    if when == "it is made":
        refused = ("/admin/product-tags", BAD_TAG)
        if tag:
            bench.shop.delete(f"product-tags/{tag}")
    else:
        tag = tag or bench.shop.post("product-tags", {"value": BAD_TAG})["product_tag"]["id"]
        refused = ("/admin/products/batch", str(tag))

    def proxy(number: int, request: httpx.Request) -> httpx.Response | None:
        path, words = refused
        if request.url.path != path or words not in request.content.decode():
            return None
        return httpx.Response(400, json={"message": "Not this one."})

    run_id = bench.run_id()
    with client_on(bench.shop.medusa, Network(before=proxy)) as client:
        report = bench.sync(*sold, client=client, rules=WITH_TAGS, run_id=run_id)
    assert sorted(report.failed) == sorted(theirs)
    assert all("answered 400: Not this one." in why for why in report.failed.values())
    for title in sold:
        assert bench.level(title.isbn) == ((0, 0, 9) if title.isbn in theirs else (7, 0, 0))
        assert (GOOD_TAG in tags(bench, title)) == (title.isbn not in theirs)
    failed = [each for each in bench.journal.changes(run_id) if each.outcome == "failed"]
    assert {each.kind for each in failed} == {"category" if when == "it is made" else "tags"}
    assert sorted(bench.sync(*sold, rules=WITH_TAGS).of("written")) == sorted(theirs)
    assert [BAD_TAG in tags(bench, each) for each in sold] == [each.isbn in theirs for each in sold]


def test_a_tag_that_is_deleted_between_look_and_write_is_made_by_the_next_push(bench: Bench) -> None:
    sold, theirs = on_order_and_in_stock(bench)
    bench.sync(*sold[1:2], rules=WITH_TAGS)
    first = state_tag(bench, BAD_TAG)
    assert first

    def delete_it(number: int, request: httpx.Request) -> None:
        if request.url.path == "/admin/products/batch" and state_tag(bench, BAD_TAG) == first:
            bench.shop.delete(f"product-tags/{first}")

    with client_on(bench.shop.medusa, Network(before=delete_it)) as client:
        assert bench.sync(*sold, client=client, rules=WITH_TAGS).failed == {}
    assert not [each for each in sold if BAD_TAG in tags(bench, each)], "Medusa takes it, and shows it not"
    assert sorted(bench.sync(*sold, rules=WITH_TAGS).of("written")) == sorted(theirs)
    assert [BAD_TAG in tags(bench, each) for each in sold] == [each.isbn in theirs for each in sold]


def test_flags_and_metadata_follow_at_every_sync_and_other_keys_stay(bench: Bench) -> None:
    title = make_title(on_hand=10)
    bench.import_(title)
    bench.shop.edit_variant(title.isbn, metadata={"shelf": "B4"})
    bench.sync(read(title, 0, 40))
    variant = bench.shop.variant(title.isbn)
    assert variant
    assert variant["allow_backorder"] is True
    assert variant["metadata"] == {
        "shelf": "B4",
        "availability": "backorder",
        "availability_state": "backorder",
        "availability_label": "Available to order, ships in 1–2 weeks",
        "in_stock": False,
        "ingram_stock": {
            "TN": {"type": "primary", "onHand": 0, "onOrder": 40},
            "PA": {"type": "secondary", "onHand": 0, "onOrder": 0},
        },
        "stock_observed_at": "2026-11-20T16:00:00+00:00",
    }
    assert bench.level(title.isbn) == (0, 0, 40)
    bench.shop.edit_variant(title.isbn, allow_backorder=False)  # a hand edit
    report = bench.sync(read(title, 0, 40))
    assert report.of("written") == [title.isbn]
    assert "allow_backorder becomes true (backorder)." in report.titles[title.isbn].reasons
    bench.sync(read(title, 0, 0))
    variant = bench.shop.variant(title.isbn)
    assert variant
    assert variant["allow_backorder"] is False
    assert variant["metadata"]["availability"] == "out_of_stock"


def test_a_hand_edited_level_is_repaired_and_reported(bench: Bench) -> None:
    title = make_title(on_hand=10)
    bench.import_(title)
    bench.shop.set_level(title.isbn, bench.location.id, 50)
    run_id = bench.run_id()
    report = bench.sync(title, run_id=run_id)
    assert report.repaired == [title.isbn]
    assert bench.level(title.isbn) == (10, 0, 0)
    (entry,) = bench.journal.changes(run_id)
    assert entry.before == {"stocked_quantity": 50, "incoming_quantity": 0}
    assert "Somebody else changed it" in entry.reason
    assert bench.sync(title).repaired == []


@pytest.mark.parametrize("arrived", [False, True])
def test_a_killed_push_is_not_taken_for_a_hand_edit(bench: Bench, arrived: bool) -> None:
    title = make_title(on_hand=10)
    bench.import_(title)

    def die(number: int, request: httpx.Request) -> None:
        raise Killed

    run_id = bench.run_id()
    network = Network(after=die) if arrived else Network(before=die)
    with client_on(bench.shop.medusa, network) as dying, pytest.raises(Killed):
        bench.sync(read(title, 6), client=dying, run_id=run_id)
    assert [each.outcome for each in bench.journal.changes(run_id)] == ["pending"]
    report = bench.sync(read(title, 5))
    assert (report.of("written"), report.repaired) == ([title.isbn], [])
    assert bench.level(title.isbn) == (5, 0, 0)


def test_unknown_is_never_zero(bench: Bench) -> None:
    title = make_title(on_hand=10)
    bench.import_(title)
    report = bench.sync(replace(title, stock=None, stock_observed_at=None))
    assert report.of("skipped") == [title.isbn]
    assert bench.level(title.isbn) == (10, 0, 0)


def test_another_locations_level_is_untouched_by_everything(bench: Bench) -> None:
    shelf = bench.shop.medusa.store.store_front_id
    title, old = make_title(on_hand=10), make_title(on_hand=8)
    bench.import_(title)
    bench.import_unmanaged([old])
    item = bench.shop.post("inventory-items", {"sku": old.isbn})["inventory_item"]["id"]
    bench.shop.post(f"inventory-items/{item}/location-levels", {"location_id": shelf, "stocked_quantity": 2})
    bench.shop.set_level(title.isbn, shelf, 3)
    assert bench.shop.shown(title.isbn)["inventory_quantity"] == 13
    bench.import_(replace(title, title="Another"))
    bench.sync(read(title, 0), old)
    bench.sync(read(title, 6), old)
    levels = [bench.shop.level(each.isbn, shelf) for each in (title, old)]
    assert [each and each["stocked_quantity"] for each in levels] == [3, 2]
    assert bench.shop.shown(title.isbn)["inventory_quantity"] == 9
    assert bench.level(old.isbn) == (8, 0, 0)


def test_titles_imported_long_ago_are_switched_over(bench: Bench) -> None:
    plain, leftover, coming, unread = (
        make_title(on_hand=7, on_order=1),
        make_title(on_hand=8),
        make_title(on_hand=0, on_order=50),
        make_title(on_hand=None),
    )
    bench.import_unmanaged([plain, leftover, coming, unread])
    bench.shop.post("inventory-items", {"sku": leftover.isbn})
    report = bench.sync(plain, leftover, coming, unread)
    assert report.failed == {}
    assert report.of("written") == [each.isbn for each in (plain, leftover, coming, unread)]
    never_read = bench.shop.variant(unread.isbn)
    assert never_read
    assert never_read["manage_inventory"] is False, "it has a label, and nothing else is touched"
    assert never_read["metadata"]["availability_state"] == "not_read"
    assert [bench.level(each.isbn) for each in (plain, leftover, coming)] == [
        (7, 0, 1),
        (8, 0, 0),
        (0, 0, 50),
    ]
    for each in (plain, leftover, coming):
        variant = bench.shop.variant(each.isbn)
        assert variant
        assert variant["manage_inventory"] is True
        assert variant["metadata"]["shelf"] == "B4"
    assert len(bench.sync(plain, leftover, coming, unread).of("unchanged")) == 3


@pytest.mark.parametrize("write", [1, 2, 3, 4, 5])
def test_a_switch_over_killed_anywhere_leaves_none_managed_without_a_level(bench: Bench, write: int) -> None:
    titles = [make_title(on_hand=7) for _ in range(2)]
    bench.import_unmanaged(titles)
    bench.shop.post("inventory-items", {"sku": titles[1].isbn})  # a leftover: item, level, link, flag
    with client_on(bench.shop.medusa, killed_before(write)) as dying:
        if write <= 4:
            with pytest.raises(Killed):
                bench.sync(*titles, client=dying)
        else:
            bench.sync(*titles, client=dying)  # there are four writes: none was killed
    assert bench.shop.managed_without_level(bench.location.id) == {}
    report = bench.sync(*titles)
    assert report.failed == {}
    assert [bench.level(each.isbn) for each in titles] == [(7, 0, 0)] * 2
    assert len(bench.sync(*titles).of("unchanged")) == 2


def test_turned_digital_and_back(bench: Bench) -> None:
    title = make_title(on_hand=7)
    bench.import_(title)
    bench.sync(replace(title, binding="eBook"))
    variant = bench.shop.variant(title.isbn)
    assert variant
    assert variant["manage_inventory"] is False
    assert bench.sync(title).failed == {}  # its item is still there, unlinked
    assert bench.level(title.isbn) == (7, 0, 0)


def test_renamed_skus_are_followed(bench: Bench) -> None:
    renamed, half, hidden = make_title(on_hand=7), make_title(on_hand=7), make_title(on_hand=7)
    bench.import_(renamed, half, hidden)
    old_ids = {each.isbn: bench.shop.variant(each.isbn) for each in (renamed, hidden)}
    bench.shop.edit_variant(renamed.isbn, sku=f"BTF-{renamed.id}")
    bench.shop.edit_variant(hidden.isbn, sku=f"X-{hidden.id}", ean=None)  # only its item tells
    bench.shop.post(f"inventory-items/{bench.shop.item(half.isbn)['id']}", {"sku": f"OLD-{half.id}"})
    report = bench.sync(*(read(each, 4) for each in (renamed, half, hidden)))
    assert report.failed == {}
    assert f"'BTF-{renamed.id}'" in " ".join(report.titles[renamed.isbn].reasons)
    assert bench.shop.item(half.isbn)["sku"] == half.isbn
    assert bench.level(half.isbn) == (4, 0, 0)
    for sku in (f"BTF-{renamed.id}", f"X-{hidden.id}"):
        assert bench.level(sku) == (4, 0, 0)
    # An import finds them too, and makes no second product.
    assert bench.import_(renamed, hidden).created == []
    variant = bench.shop.variant(f"BTF-{renamed.id}")
    assert variant
    before = old_ids[renamed.isbn]
    assert before
    assert variant["id"] == before["id"]


def item_of_a_person(bench: Bench, sku: str | None, stocked: int) -> str:
    """An inventory item that a person made, with copies of their own, at Ingram's location as well."""
    shelf = bench.shop.medusa.store.store_front_id
    levels = [{"location_id": each, "stocked_quantity": stocked} for each in (bench.location.id, shelf)]
    item = bench.shop.post("inventory-items", {"sku": sku, "location_levels": levels})["inventory_item"]["id"]
    return str(item)


def state(bench: Bench, item_id: str) -> Any:
    item = bench.shop.get(f"inventory-items/{item_id}", fields="sku,updated_at,location_levels.*")
    # Medusa tells them in any order.
    item["inventory_item"]["location_levels"].sort(key=lambda level: level["id"])
    return item["inventory_item"]


@pytest.mark.parametrize("sku", ["USED-SHELF-{}", "BOOK {}", "isbn-of-another", None])
def test_an_item_that_is_not_ours_is_left_alone_and_the_title_is_named(bench: Bench, sku: str | None) -> None:
    title, fine = make_title(on_hand=7), make_title(on_hand=7)
    bench.import_(title, fine)
    if sku == "isbn-of-another":
        sku = make_isbn(title.id + 900_000)
    item_id = item_of_a_person(bench, sku and sku.format(title.id), 1)
    bench.relink(title.isbn, item_id)
    before, variant = state(bench, item_id), bench.shop.variant(title.isbn)
    sold = [read(title, 3), read(fine, 3)]
    for dry_run in (True, False):
        report = bench.sync(*sold, dry_run=dry_run)
        assert list(report.failed) == [title.isbn]
        assert f"the inventory item {item_id}" in report.failed[title.isbn]
        assert f"set its SKU to {title.isbn}" in report.failed[title.isbn]
    assert (state(bench, item_id), bench.shop.variant(title.isbn)) == (before, variant)
    assert bench.level(fine.isbn) == (3, 0, 0)
    assert bench.import_(replace(title, title="Else")).failed == {}  # its words are no matter of the item
    assert state(bench, item_id) == before
    # What the sentence says to do ends it: the title's own item is there, and taken again.
    variant = bench.shop.variant(title.isbn)
    assert variant
    links = f"products/{variant['product_id']}/variants/{variant['id']}/inventory-items"
    bench.shop.delete(f"{links}/{item_id}")
    assert bench.sync(*sold).failed == {}
    assert bench.level(title.isbn) == (3, 0, 0)
    assert state(bench, item_id) == before


def test_an_item_that_others_hang_on_is_left_alone(bench: Bench) -> None:
    """Two titles, or a title and something of the shop's own: the second push writes nothing either."""
    one, two, third, fine = (make_title(on_hand=5 + number) for number in range(4))
    bench.import_(one, two, third, fine)
    shared = bench.shop.item(one.isbn)["id"]
    bench.relink(two.isbn, shared)
    gift = bench.by_hand({"sku": f"GIFT-{third.id}"})["variants"][0]["sku"]
    with_gift = bench.shop.item(third.isbn)["id"]
    bench.relink(gift, with_gift)
    before = [state(bench, each) for each in (shared, with_gift)]
    titles = [read(each, 2) for each in (one, two, third, fine)]
    for _ in range(2):
        report = bench.sync(*titles)
        assert set(report.failed) == {each.isbn for each in (one, two, third)}
        other = bench.shop.variant(two.isbn)
        assert other
        assert other["id"] in report.failed[one.isbn]
        assert [state(bench, each) for each in (shared, with_gift)] == before
    assert report.of("written") == []
    assert report.of("unchanged") == [fine.isbn]


def test_an_item_left_of_a_title_is_not_taken_from_another_variant(bench: Bench) -> None:
    title, other = make_title(on_hand=5), make_title(on_hand=6)
    bench.import_(other)
    item_id = item_of_a_person(bench, title.isbn, 2)
    bench.relink(other.isbn, item_id)
    before = state(bench, item_id)
    report = bench.import_(title)
    assert item_id in report.failed[title.isbn]
    assert state(bench, item_id) == before


def test_a_persons_spelling_of_an_items_sku_stays(bench: Bench) -> None:
    title = make_title(on_hand=7)
    bench.import_(title)
    sku = f"{title.isbn[:3]}-{title.isbn[3:]}"
    bench.shop.post(f"inventory-items/{bench.shop.item(title.isbn)['id']}", {"sku": sku})
    bench.sync(read(title, 4))
    assert bench.level(title.isbn) == (4, 0, 0)
    assert bench.shop.item(title.isbn)["sku"] == sku


def test_a_level_that_is_gone_is_made_again(bench: Bench) -> None:
    title = make_title(on_hand=7)
    bench.import_(title)
    bench.shop.remove_level(title.isbn, bench.location.id)
    assert bench.level(title.isbn) is None
    assert bench.sync(title).of("written") == [title.isbn]
    assert bench.level(title.isbn) == (7, 0, 0)


def test_one_bad_pair_is_found_and_costs_itself_alone(bench: Bench) -> None:
    titles = [make_title(on_hand=7) for _ in range(5)]
    bench.import_(*titles)
    victim = bench.shop.item(titles[2].isbn)["id"]

    def delete_it(number: int, request: httpx.Request) -> None:
        if number == 1:  # between our read and our write
            bench.shop.remove_level(titles[2].isbn, bench.location.id)

    run_id = bench.run_id()
    with client_on(bench.shop.medusa, Network(before=delete_it)) as client:
        report = bench.sync(*(read(each, 4) for each in titles), client=client, run_id=run_id)
    assert list(report.failed) == [titles[2].isbn]
    assert f"Item {victim} is not stocked at location" in report.failed[titles[2].isbn]
    assert [bench.level(each.isbn) for each in titles if each is not titles[2]] == [(4, 0, 0)] * 4
    outcomes = {(each.isbn, each.outcome) for each in bench.journal.changes(run_id) if each.kind == "level"}
    assert (titles[2].isbn, "failed") in outcomes
    assert bench.journal.failed_requests(run_id)[0].status == 404
    assert bench.sync(*(read(each, 4) for each in titles)).of("written") == [titles[2].isbn]


def test_a_lost_answer_to_a_new_level_is_no_failure(bench: Bench) -> None:
    title = make_title(on_hand=7)
    bench.import_(title)
    bench.shop.remove_level(title.isbn, bench.location.id)

    def lose(number: int, request: httpx.Request) -> None:
        if number == 1:
            raise httpx.ReadError("gone")

    with client_on(bench.shop.medusa, Network(after=lose)) as client:
        assert bench.sync(title, client=client).failed == {}
    assert bench.level(title.isbn) == (7, 0, 0)


def test_a_guardrail_stops_before_anything_is_written(bench: Bench) -> None:
    titles = [make_title(on_hand=10) for _ in range(8)]
    bench.import_(*titles)
    wiped = [*(read(each, 0) for each in titles[:6]), *(read(each, 9) for each in titles[6:])]
    writes = bench.client.writes
    with pytest.raises(PushStopped, match=r"6 of 8 tracked titles would turn to zero at once \(75%"):
        bench.sync(*wiped)
    assert bench.client.writes == writes
    assert [bench.level(each.isbn) for each in titles] == [(10, 0, 0)] * 8
    dry = bench.sync(*wiped, dry_run=True)
    assert len(dry.of("planned")) == 8
    assert bench.client.writes == writes
    assert len(bench.sync(*wiped, let_through=True).of("written")) == 8
    assert bench.level(titles[0].isbn) == (0, 0, 0)


def test_a_false_sweep_does_not_pass_in_slices(bench: Bench) -> None:
    titles = [make_title(on_hand=10) for _ in range(12)]
    bench.import_(*titles)
    wiped = [*(read(each, 0) for each in titles[:8]), *titles[8:]]
    for slice_ in (wiped[:1], wiped[1:4]):
        with pytest.raises(PushStopped, match="8 of 12 tracked titles"):
            bench.sync(*slice_, everything=lambda: wiped)
    assert [bench.level(each.isbn) for each in titles] == [(10, 0, 0)] * 12
    # What turns nothing to zero passes, and so does one title that is honestly sold out.
    assert bench.sync(read(titles[9], 7), everything=lambda: wiped).of("written") == [titles[9].isbn]
    one = [read(titles[0], 0), *titles[1:]]
    assert bench.sync(one[0], everything=lambda: one).of("written") == [titles[0].isbn]


def test_a_setting_that_empties_the_store_is_stopped_whole_and_in_slices(bench: Bench) -> None:
    """With it the rules make nothing of the counts that the store knows, too; orders have not."""
    titles = [make_title(on_hand=10) for _ in range(8)]
    bench.import_(*titles)
    sold_out_by = StoreRules(safety_stock=100_000)
    writes = bench.client.writes
    for slice_ in (titles, titles[:1], titles[1:4]):
        with pytest.raises(PushStopped, match="8 of 8 tracked titles would turn to zero") as stopped:
            bench.sync(*slice_, everything=lambda: titles, rules=sold_out_by)
        assert "Nothing was written. " in str(stopped.value)
        assert stopped.value.titles == {each.isbn for each in slice_}
        with pytest.raises(PushStopped, match="The pages can't be read"):
            bench.sync(
                *slice_, everything=lambda: titles, rules=sold_out_by, halted="The pages can't be read."
            )
    assert bench.client.writes == writes
    assert [bench.level(each.isbn) for each in titles] == [(10, 0, 0)] * 8
    bench.sync(*titles, rules=sold_out_by, let_through=True)
    assert [bench.level(each.isbn) for each in titles] == [(0, 0, 0)] * 8


def test_a_dry_run_says_what_would_change_per_title(bench: Bench) -> None:
    title, same = make_title(on_hand=10), make_title(on_hand=10)
    bench.import_(title, same)
    run_id = bench.run_id()
    report = bench.sync(read(title, 4), same, dry_run=True, run_id=run_id)
    planned = report.titles[title.isbn]
    assert (report.of("planned"), report.of("unchanged")) == ([title.isbn], [same.isbn])
    assert planned.before
    assert planned.after
    assert (planned.before.stocked, planned.after.stocked) == (10, 4)
    assert planned.label == "In stock"
    assert "Level 10 becomes 4." in planned.reasons
    assert bench.level(title.isbn) == (10, 0, 0)
    assert bench.journal.changes(run_id) == []


def test_low_stock_is_reported_once(bench: Bench) -> None:
    title = make_title(on_hand=10)
    bench.import_(title)
    rules = StoreRules(low_stock_threshold=5)
    assert bench.sync(read(title, 6), rules=rules).low == []
    assert bench.sync(read(title, 5), rules=rules).low == [title.isbn]
    assert bench.sync(read(title, 4), rules=rules).low == []
