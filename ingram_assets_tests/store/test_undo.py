"""Undo on the real store: a run put back title by title, and what somebody changed since left alone."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.store.undo import UnknownRun
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.shop import make_title

pytestmark = pytest.mark.xdist_group("medusa")


def read(title: Title, on_hand: int, on_order: int = 0) -> Title:
    return replace(title, stock={"TN": DcStock(on_hand, on_order, "primary")})


def test_a_push_is_put_back_where_nobody_changed_it_since(bench: Bench) -> None:
    plain, edited, flagged, later = (make_title(on_hand=10) for _ in range(4))
    bench.import_(plain, edited, flagged, later)
    before = {each.isbn: bench.shop.variant(each.isbn) for each in (plain, flagged)}
    run_id = bench.run_id()
    bench.sync(
        *(read(each, 0, 30) for each in (plain, edited, flagged, later)), let_through=True, run_id=run_id
    )
    bench.shop.set_level(edited.isbn, bench.location.id, 5)
    bench.shop.edit_variant(flagged.isbn, allow_backorder=False)
    bench.sync(read(later, 6, 30))

    dry = bench.undo(run_id, dry_run=True)
    assert plain.isbn in dry.undone
    assert bench.level(plain.isbn) == (0, 0, 30)

    report = bench.undo(run_id)
    assert report.failed == {}
    assert bench.level(plain.isbn) == (10, 0, 0)
    now, was = bench.shop.variant(plain.isbn), before[plain.isbn]
    assert now
    assert was
    assert (now["allow_backorder"], now["metadata"]) == (False, was["metadata"])
    assert bench.level(edited.isbn) == (5, 0, 30)
    assert "level is 5 now" in " ".join(report.left[edited.isbn])
    assert bench.level(later.isbn) == (6, 0, 30)
    words = "metadata.ingram_stock is TN 6 on hand and 30 on order now"
    assert words in " ".join(report.left[later.isbn])
    assert "{" not in str(report.left[later.isbn])
    assert bench.level(flagged.isbn) == (10, 0, 0)
    assert [each.outcome for each in bench.journal.changes(f"undo-of-{run_id}")] != []
    assert bench.undo(run_id).undone == {}  # all is back already


def test_a_switch_over_is_undone(bench: Bench) -> None:
    title, sold = make_title(on_hand=7), make_title(on_hand=7)
    bench.import_unmanaged([title, sold])
    run_id = bench.run_id()
    bench.sync(title, sold, run_id=run_id)
    bench.shop.order(sold.isbn)
    report = bench.undo(run_id)
    assert report.failed == {}
    variant = bench.shop.variant(title.isbn)
    assert variant
    assert (variant["manage_inventory"], variant["metadata"]) == (False, {"shelf": "B4"})
    assert bench.shop.get("inventory-items", sku=title.isbn)["count"] == 0
    # Copies promised to an order keep their level.
    assert bench.level(sold.isbn) == (7, 1, 0)
    assert "promised" in " ".join(report.left[sold.isbn])
    assert bench.shop.managed_without_level(bench.location.id) == {}
    assert bench.sync(title).failed == {}


def test_a_link_is_named_where_it_stays_and_goes_with_the_managing(bench: Bench) -> None:
    managed, digital = make_title(on_hand=7), make_title(on_hand=7)
    bench.import_(managed, digital)
    bench.shop.unlink(managed.isbn)
    bench.sync(replace(digital, binding="eBook"))
    run_id = bench.run_id()
    done = bench.sync(managed, digital, run_id=run_id)
    item_id = bench.shop.item(managed.isbn)["id"]
    assert f"becomes linked to its inventory item {item_id}" in " ".join(done.titles[managed.isbn].reasons)
    report = bench.undo(run_id)
    assert report.failed == {}
    assert report.left.keys() == {managed.isbn}
    assert f"The link to its inventory item {item_id} stays" in report.left[managed.isbn][0]
    assert "link to the inventory item" in report.undone[digital.isbn]
    links = [bench.shop.variant(each.isbn)["inventory_items"] for each in (managed, digital)]
    assert [len(each) for each in links] == [1, 0]
    assert bench.shop.managed_without_level(bench.location.id) == {}


def test_an_end_of_managing_is_undone(bench: Bench) -> None:
    title = make_title(on_hand=7)
    bench.import_(title)
    run_id = bench.run_id()
    bench.sync(replace(title, binding="eBook"), run_id=run_id)
    report = bench.undo(run_id)
    assert report.failed == {}
    assert bench.level(title.isbn) == (7, 0, 0)
    variant = bench.shop.variant(title.isbn)
    assert variant
    assert variant["manage_inventory"] is True


def test_an_import_is_undone(bench: Bench) -> None:
    made, praised, ordered = (make_title(on_hand=7) for _ in range(3))
    run_id = bench.run_id()
    bench.import_(made, praised, ordered, run_id=run_id)
    bench.shop.edit_product(praised.isbn, description="Read it.")
    bench.shop.order(ordered.isbn)
    report = bench.undo(run_id)
    assert report.failed == {}
    assert report.removed == [made.isbn]
    assert bench.shop.variant(made.isbn) is None
    assert bench.shop.get("inventory-items", sku=made.isbn)["count"] == 0
    assert bench.level(praised.isbn) == (7, 0, 0)
    assert "description" in report.left[praised.isbn][0]
    assert bench.level(ordered.isbn) == (7, 1, 0)
    assert bench.import_(made).created == [made.isbn]


def test_an_import_stays_where_somebody_put_something_to_it(bench: Bench) -> None:
    """Medusa deletes the inventory item with the product, and with that the shop's own stock of it."""
    shelved, moved, pictured, later, fulfilled = (make_title(on_hand=7) for _ in range(5))
    every = (shelved, moved, pictured, later, fulfilled)
    run_id = bench.run_id()
    bench.import_(*every, run_id=run_id)
    shelf = bench.shop.medusa.store.store_front_id
    bench.shop.set_level(shelved.isbn, shelf, 3)
    bench.shop.set_level(moved.isbn, bench.location.id, 4)
    cover = bench.shop.product(pictured.isbn)["images"][0]
    bench.shop.edit_product(pictured.isbn, images=[cover, {"url": "https://shop.example/shelf.jpg"}])
    bench.sync(read(later, 6))
    bench.shop.fulfil(bench.shop.order(fulfilled.isbn), bench.location.id)
    report = bench.undo(run_id)
    assert (report.failed, report.removed, report.undone) == ({}, [], {})
    assert report.left.keys() == {each.isbn for each in every}
    assert "stock at another location" in report.left[shelved.isbn][0]
    assert "level is 4 now" in report.left[moved.isbn][0]
    assert "pictures" in report.left[pictured.isbn][0]
    level = bench.shop.level(shelved.isbn, shelf)
    assert level
    assert level["stocked_quantity"] == 3
    assert [bench.level(each.isbn) for each in every] == [(count, 0, 0) for count in (7, 4, 7, 6, 6)]


def test_a_cover_that_a_later_push_of_ours_brought_is_nobodys_edit(bench: Bench) -> None:
    bare, covered = make_title(cover_url=None), make_title()
    run_id = bench.run_id()
    bench.import_(bare, covered, run_id=run_id)
    with_cover = replace(bare, cover_url=f"https://covers.example/covers/raw/{bare.isbn}.jpg?v=1")
    another = replace(covered, cover_url=f"{covered.cover_url}2", title="A Better Title")
    assert bench.import_(with_cover, another).updated == [bare.isbn, covered.isbn]
    report = bench.undo(run_id)
    assert (report.left, report.removed) == ({}, [bare.isbn, covered.isbn])


def test_another_product_in_its_place_is_not_taken_for_it(bench: Bench) -> None:
    title = make_title(on_hand=7)
    run_id = bench.run_id()
    bench.import_(title, run_id=run_id)
    bench.shop.delete(f"products/{bench.shop.product(title.isbn)['id']}")
    bench.import_(title)
    report = bench.undo(run_id)
    assert (report.undone, report.removed) == ({}, [])
    assert "another product" in report.left[title.isbn][0]
    assert bench.level(title.isbn) == (7, 0, 0)


def test_an_undo_is_undone(bench: Bench) -> None:
    moved, switched, renamed, made = (make_title(on_hand=7) for _ in range(4))
    bench.import_(moved, renamed)
    bench.import_unmanaged([switched])
    bench.shop.post(f"inventory-items/{bench.shop.item(renamed.isbn)['id']}", {"sku": f"OLD-{renamed.id}"})
    run_id = bench.run_id()
    bench.import_(made, run_id=run_id)
    bench.sync(read(moved, 3, 9), switched, renamed, run_id=run_id)
    assert bench.shop.item(renamed.isbn)["sku"] == renamed.isbn
    assert bench.undo(run_id).failed == {}
    assert bench.level(moved.isbn) == (7, 0, 0)
    assert bench.shop.item(renamed.isbn)["sku"] == f"OLD-{renamed.id}"
    assert bench.shop.variant(made.isbn) is None

    report = bench.undo(f"undo-of-{run_id}")
    assert report.failed == {}
    assert bench.level(moved.isbn) == (3, 0, 9)
    # Managed again, so with a level again: without one its carts would break.
    assert bench.level(switched.isbn) == (7, 0, 0)
    variant = bench.shop.variant(switched.isbn)
    assert variant
    assert (variant["manage_inventory"], variant["metadata"]["availability"]) == (True, "in_stock")
    assert bench.shop.managed_without_level(bench.location.id) == {}
    assert bench.shop.item(renamed.isbn)["sku"] == renamed.isbn
    assert "not in the store" in report.left[made.isbn][0]
    assert bench.sync(read(moved, 3, 9), switched, renamed).failed == {}


def test_an_update_is_undone_field_by_field(bench: Bench) -> None:
    title = make_title(on_hand=7)
    bench.import_(title)
    before = bench.shop.product(title.isbn)
    run_id = bench.run_id()
    changed = replace(
        title,
        title="Other",
        description="Else",
        srp_price=Decimal("30"),
        page_count=1,
        cover_url=f"{title.cover_url}2",
        category_hint="FICTION / Horror",
    )
    bench.import_(changed, run_id=run_id)
    bench.shop.edit_product(title.isbn, description="Read it.")
    report = bench.undo(run_id)
    assert report.failed == {}
    after = bench.shop.product(title.isbn)
    for name in ("title", "thumbnail", "metadata"):
        assert after[name] == before[name]
    assert [each["url"] for each in after["images"]] == [each["url"] for each in before["images"]]
    assert [each["name"] for each in after["categories"]] == ["Fantasy"]
    variant = bench.shop.variant(title.isbn)
    assert variant
    assert [each["amount"] for each in variant["prices"]] == [18.99]
    assert after["description"] == "Read it."
    assert "description" in report.left[title.isbn][0]


def test_what_hangs_on_a_persons_item_is_left_alone(bench: Bench) -> None:
    """Whatever the run wrote: the item that the variant is linked to now is not the run's."""
    pushed, shared, made, other = (make_title(on_hand=7) for _ in range(4))
    bench.import_(pushed, shared, other)
    run_id = bench.run_id()
    bench.import_(made, replace(pushed, title="Else"), run_id=run_id)
    bench.sync(read(pushed, 3), read(shared, 3), run_id=run_id)
    levels = [{"location_id": bench.location.id, "stocked_quantity": 3}]
    used = bench.shop.post("inventory-items", {"sku": f"USED-{pushed.id}", "location_levels": levels})
    bench.relink(pushed.isbn, used["inventory_item"]["id"])
    bench.relink(other.isbn, bench.shop.item(shared.isbn)["id"])
    bundle = bench.by_hand({"sku": f"BUNDLE-{made.id}"})["variants"][0]["sku"]
    bench.relink(bundle, bench.shop.item(made.isbn)["id"])
    report = bench.undo(run_id)
    assert report.failed == {}
    assert report.removed == []
    assert set(report.left) == {each.isbn for each in (pushed, shared, made)}
    assert "not Ingram's" in report.left[pushed.isbn][0]
    assert [bench.level(each) for each in (pushed.isbn, shared.isbn, bundle)] == [
        (3, 0, 0),
        (3, 0, 0),
        (7, 0, 0),
    ]
    assert report.undone == {pushed.isbn: ["title"]}  # words are no matter of the item
    assert bench.shop.product(pushed.isbn)["title"] == pushed.title


def test_a_level_on_another_item_of_the_title_is_not_put_back(bench: Bench) -> None:
    title = make_title(on_hand=7)
    bench.import_(title)
    run_id = bench.run_id()
    bench.sync(read(title, 3), run_id=run_id)
    bench.shop.post(f"inventory-items/{bench.shop.item(title.isbn)['id']}", {"sku": f"OLD-{title.id}"})
    levels = [{"location_id": bench.location.id, "stocked_quantity": 3}]
    anew = bench.shop.post("inventory-items", {"sku": title.isbn, "location_levels": levels})
    bench.relink(title.isbn, anew["inventory_item"]["id"])
    assert "on another inventory item now" in bench.undo(run_id).left[title.isbn][0]
    assert bench.level(title.isbn) == (3, 0, 0)


def test_a_run_nobody_knows(bench: Bench) -> None:
    with pytest.raises(UnknownRun, match="'nope'"):
        bench.undo("nope")
