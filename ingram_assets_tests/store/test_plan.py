"""Desired against actual, without a store: what is written, what is left, and why."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.availability import with_label
from ingram_assets.domain.labels import TABLE_FILE, parse_labels
from ingram_assets.domain.lifetime import age
from ingram_assets.domain.position import Fulfillment, InventoryMode, Orders, Reservation
from ingram_assets.domain.restrictions import Restriction
from ingram_assets.domain.stock import DcStock, to_json
from ingram_assets.domain.title import Aged, Title
from ingram_assets.store.explain import Explanation
from ingram_assets.store.explain import explain as explain_plan
from ingram_assets.store.journal import LastLevel
from ingram_assets.store.model import Item, Level, OtherLevel, TitleInStore, Variant
from ingram_assets.store.plan import Plan, TitlePlan, desired, plan_levels, plan_new, variant_metadata
from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.testing.readings import StockReading, merge_all
from ingram_assets_tests.testing.shop import READ_AT, TODAY, make_title

RULES = StoreRules()
WROTE_AT = READ_AT - timedelta(hours=1)


def before_the_reading(quantity: float) -> dict[str, Orders]:
    """So many copies went out after our last write, and before the page was read."""
    at = READ_AT - timedelta(minutes=30)
    return {"item": Orders(fulfillments=(Fulfillment(quantity, ordered_at=at, made_at=at),))}


def in_store(title: Title, rules: StoreRules = RULES, reserved: float = 0, **values: Any) -> TitleInStore:
    """The title as the store has it when it is in step."""
    wanted = with_label(desired(title, today=TODAY, rules=rules), rules.labels)
    level = Level("ilev", wanted.stocked_quantity or 0, reserved, wanted.incoming_quantity or 0)
    variant = Variant(
        id="variant",
        product_id="prod",
        sku=title.isbn,
        ean=title.isbn,
        manage_inventory=wanted.manage_inventory is not False,
        allow_backorder=bool(wanted.allow_backorder),
        metadata=variant_metadata(title, wanted),
        items=(Item("item", title.isbn, level),),
    )
    return TitleInStore(title.isbn, (replace(variant, **values),))


def with_level(actual: TitleInStore, **values: float) -> TitleInStore:
    (variant,) = actual.variants
    (item,) = variant.items
    assert item.level
    item = replace(item, level=replace(item.level, **values))
    return replace(actual, variants=(replace(variant, items=(item,)),))


def plan_one(
    title: Title,
    actual: TitleInStore,
    rules: StoreRules = RULES,
    last_levels: Mapping[str, LastLevel] | None = None,
    orders: Mapping[str, Orders] | None = None,
) -> TitlePlan:
    plan = plan_levels([title], {title.isbn: actual}, today=TODAY, rules=rules, orders=orders)
    (one,) = plan.with_history(last_levels or {}, orders or {}).titles
    return one


def explain(
    title: Title,
    actual: TitleInStore,
    *,
    rules: StoreRules,
    today: date,
    last_levels: Mapping[str, LastLevel] | None = None,
    orders: Mapping[str, Orders] | None = None,
) -> Explanation:
    plan = plan_one(title, actual, rules, last_levels, orders)
    return explain_plan(title, plan, orders or {}, rules=rules, today=today)


@pytest.mark.parametrize(
    "title",
    [
        make_title(on_hand=10, on_order=4),
        make_title(on_hand=0),
        make_title(on_hand=0, on_order=40),
        make_title(on_hand=None, publication_date=date(2027, 2, 3)),
        make_title(on_hand=0, on_order=199_999, publication_date=date(2027, 2, 3)),
        make_title(on_hand=None, publisher_status="OP"),
    ],
)
def test_a_title_in_step_is_not_written(title: Title) -> None:
    assert plan_one(title, in_store(title)).verdict == "unchanged"


def test_a_new_reading_alone_writes_nothing_within_a_day() -> None:
    title = make_title()
    later = replace(title, stock_observed_at=READ_AT + timedelta(hours=23))
    assert plan_one(later, in_store(title)).verdict == "unchanged"
    next_day = replace(title, stock_observed_at=READ_AT + timedelta(hours=24))
    plan = plan_one(next_day, in_store(title))
    assert plan.flags == {"metadata": {"stock_observed_at": "2026-11-21T15:00:00+00:00"}}
    assert plan.level is None


def test_a_title_never_read_is_left_alone() -> None:
    title = make_title(on_hand=None)
    hand_made = with_level(
        in_store(title, allow_backorder=True, metadata={"availability": "mine"}), stocked=3
    )
    plan = plan_one(title, hand_made)
    assert (plan.verdict, plan.level, plan.flags) == ("skipped", None, {})
    assert "never read" in plan.reasons[0]
    unmanaged = in_store(title, manage_inventory=False, items=())
    assert plan_one(title, unmanaged).verdict == "skipped"


def test_a_managed_title_never_read_gets_the_level_it_needs() -> None:
    title = make_title(on_hand=None)
    plan = plan_one(title, in_store(title, items=(Item("item", title.isbn, None),)))
    assert (plan.level, plan.zero_for_unknown, plan.flags) == ("create", True, {})
    assert plan.after
    assert plan.after.stocked == 0


SHELVES = {"sloc_shop": "Main Street", "sloc_fair": "Book Fair"}


def on_shelves(title: Title, *copies: tuple[str, float], reserved: float = 0) -> TitleInStore:
    """The title in step, with copies at other locations."""
    (variant,) = in_store(title, reserved=reserved).variants
    elsewhere = tuple(OtherLevel(place, available) for place, available in copies)
    items = (replace(variant.items[0], elsewhere=elsewhere),)
    return TitleInStore(title.isbn, (replace(variant, items=items),))


def shown_with(title: Title, actual: TitleInStore, rules: StoreRules = RULES) -> TitlePlan:
    (plan,) = plan_levels([title], {title.isbn: actual}, today=TODAY, rules=rules, shelves=SHELVES).titles
    return plan


class TestTheShopsOwnCopies:
    @pytest.mark.parametrize(
        ("title", "level", "backorder"),
        [
            (make_title(on_hand=410), 410, False),
            (make_title(on_hand=0, on_order=9), 0, True),
            (make_title(on_hand=0), 0, False),
            (make_title(on_hand=None, publisher_status="OP"), 0, False),
            (make_title(on_hand=None), 0, False),
        ],
    )
    def test_they_come_first_and_ingrams_level_stands(
        self, title: Title, level: int, backorder: bool
    ) -> None:
        plan = shown_with(title, on_shelves(title, ("sloc_shop", 7)))
        assert (plan.status, plan.state, plan.label) == ("in_stock", "on_shelf", "In stock, ships in 2 days")
        assert plan.after
        assert (plan.after.stocked, plan.after.allow_backorder) == (level, backorder)
        assert "7 copies of the shop's own are for sale, at Main Street" in " ".join(plan.reasons)
        explained = explain_plan(title, plan, {}, rules=RULES, today=TODAY, shelves=SHELVES).text()
        assert "7 available at Main Street" in explained

    @pytest.mark.parametrize(
        "title",
        [make_title(binding="eBook"), make_title(on_hand=0, publication_date=date(2027, 2, 3))],
    )
    def test_a_download_and_a_book_that_is_not_out_are_not_sold_from_the_shelf(self, title: Title) -> None:
        assert shown_with(title, on_shelves(title, ("sloc_shop", 7))).state != "on_shelf"

    def test_what_lies_where_the_channel_does_not_sell_is_not_told(self) -> None:
        title = make_title(on_hand=0)
        assert shown_with(title, on_shelves(title, ("sloc_cellar", 7))).verdict == "unchanged"

    @pytest.mark.parametrize(
        ("available", "said"),
        [
            (0, "none available at Main Street\n"),
            (-3, "none available at Main Street (3 more are promised to orders than lie there)\n"),
        ],
        ids=["none", "promised"],
    )
    def test_an_empty_shelf_has_none_and_never_less(self, available: float, said: str) -> None:
        title = make_title(on_hand=5)
        plan = shown_with(title, on_shelves(title, ("sloc_shop", available)))
        explained = explain_plan(title, plan, {}, rules=RULES, today=TODAY, shelves=SHELVES).text()
        assert f"Shelves:  {said}" in explained

    def test_copies_that_orders_have_are_none(self) -> None:
        title = make_title(on_hand=0, on_order=5)
        assert shown_with(title, on_shelves(title, ("sloc_shop", 0))).verdict == "unchanged"
        # Two are promised beyond Ingram's level of 0: a cart sees none of the two in the shop.
        assert shown_with(title, on_shelves(title, ("sloc_shop", 2), reserved=2)).state == "backorder"
        assert shown_with(title, on_shelves(title, ("sloc_shop", 3), reserved=2)).state == "on_shelf"

    def test_the_location_with_the_most_copies_is_named_by_its_own_label(self) -> None:
        table = TABLE_FILE.read_text("utf-8") + "on_shelf,book  FAIR,,At our stand\n"
        rules = StoreRules(labels=parse_labels(table))
        title = make_title(on_hand=0)
        actual = on_shelves(title, ("sloc_shop", 2), ("sloc_fair", 5))
        assert shown_with(title, actual, rules).label == "At our stand"


class TestWhatMayNotBeSold:
    RULES = StoreRules(sells_restricted=frozenset({Restriction.NOT_RETURNABLE}))

    @pytest.mark.parametrize("said", [one for one in Restriction if one is not Restriction.NOT_RETURNABLE])
    @pytest.mark.parametrize(
        "title",
        [
            make_title(on_hand=410),
            make_title(on_hand=0, on_order=9),
            make_title(on_hand=None),
            make_title(on_hand=0, publication_date=date(2027, 2, 3)),
            make_title(binding="eBook"),
        ],
    )
    def test_nothing_of_ingrams_is_sold_unless_the_shop_says_so(
        self, title: Title, said: Restriction
    ) -> None:
        barred = replace(title, restrictions=(said,))
        plan = plan_one(barred, in_store(title), self.RULES)
        assert plan.after
        assert (plan.status, plan.state, plan.label) == ("out_of_stock", "unavailable", "Not available")
        assert (plan.after.stocked, plan.after.allow_backorder) == (0, False)
        assert plan_one(barred, written(plan, in_store(title)), self.RULES).verdict == "unchanged"
        # All may be sold where the shop does not say otherwise.
        assert plan_one(barred, in_store(title)).state == plan_one(title, in_store(title)).state

    def test_what_is_not_returnable_is_sold_and_so_is_what_nobody_understands(self) -> None:
        for said in (Restriction.NOT_RETURNABLE, "Sold by weight only."):
            title = make_title(on_hand=410, restrictions=(said,))
            assert plan_one(title, in_store(title), self.RULES).verdict == "unchanged"
            assert said.replace("_", " ") in explain(title, in_store(title), rules=RULES, today=TODAY).text()

    def test_the_shops_own_copies_are_sold_and_preordered_before_their_day(self) -> None:
        title = make_title(on_hand=5, restrictions=(Restriction.RESTRICTED,))
        plan = shown_with(title, on_shelves(title, ("sloc_shop", 2)), self.RULES)
        assert plan.after
        assert (plan.state, plan.after.stocked) == ("on_shelf", 0)
        to_come = replace(title, publication_date=date(2027, 2, 3))
        plan = shown_with(to_come, on_shelves(to_come, ("sloc_shop", 2)), self.RULES)
        assert plan.after
        assert (plan.status, plan.state, plan.after.stocked) == ("preorder", "not_yet_published", 0)
        assert not plan.after.allow_backorder, "there are these two, and no more"


class TestWhatAPersonFixed:
    @pytest.mark.parametrize(
        ("title", "fixed", "expected"),
        [
            (make_title(on_hand=0), True, ("backorder", "special_order", True)),
            (make_title(on_hand=0, on_order=9), False, ("out_of_stock", "hard_to_find", False)),
            (make_title(on_hand=410), True, ("in_stock", "in_stock", True)),
            (make_title(on_hand=410), False, ("in_stock", "in_stock", False)),
            (
                make_title(on_hand=0, publication_date=date(2027, 2, 3)),
                False,
                ("out_of_stock", "unavailable", False),
            ),
            (make_title(on_hand=None), True, ("unknown", "special_order", True)),
        ],
    )
    def test_it_is_kept_and_named(self, title: Title, fixed: bool, expected: tuple[str, str, bool]) -> None:
        plan = plan_one(title, in_store(title, fixed_backorder=fixed))
        assert plan.after
        assert (plan.status, plan.state, plan.after.allow_backorder) == expected
        assert "A person has fixed that it takes" in " ".join(plan.reasons)
        assert plan_one(title, written(plan, in_store(title, fixed_backorder=fixed))).verdict == "unchanged"


def test_a_release_date_goes_when_a_title_can_be_preordered_no_more() -> None:
    title = make_title(on_hand=0, publication_date=TODAY + timedelta(days=10))
    shown = in_store(title, fixed_backorder=False)
    assert shown.variants[0].metadata["release_date"] == (TODAY + timedelta(days=10)).isoformat()
    plan = plan_one(title, shown)
    assert (plan.status, plan.label) == ("out_of_stock", "Not available")
    assert plan.flags["metadata"]["release_date"] is None
    assert plan_one(title, written(plan, shown)).verdict == "unchanged"


def test_a_title_that_was_never_read_is_not_in_stock_and_no_copies_are_told_of_it() -> None:
    title = make_title(on_hand=None)
    metadata = {**in_store(title).variants[0].metadata}
    assert metadata.pop("in_stock") is False
    assert metadata.keys() & {"ingram_stock", "stock_observed_at"} == set()
    plan = plan_one(title, in_store(title, metadata=metadata))
    assert plan.flags == {"metadata": {"in_stock": False}}
    assert plan.quantities is None, "unknown is never zero"


def test_a_tag_is_owed_though_nothing_else_is_written() -> None:
    rules = StoreRules(availability_tags=True, min_stock_delta=5)
    unread, moved = make_title(on_hand=None), make_title(on_hand=10)
    plan = plan_one(unread, in_store(unread, tags=()), rules)
    assert (plan.verdict, plan.tag) == ("write", "availability: not read")
    assert (plan.quantities, plan.flags) == (None, {})
    a_copy_less = replace(moved, stock=make_title(on_hand=9).stock)
    plan = plan_one(a_copy_less, in_store(moved, tags=()), rules)
    assert (plan.verdict, plan.tag) == ("write", "availability: in stock")
    plan = plan_one(
        a_copy_less, in_store(moved, tags=({"id": "tag", "value": "availability: in stock"},)), rules
    )
    assert (plan.verdict, plan.tag) == ("skipped", None)


def test_titles_that_were_never_read_may_be_ordered_where_the_shop_says_so() -> None:
    title, rules = make_title(on_hand=None), StoreRules(orders_unread=True)
    plan = plan_one(title, in_store(title), rules)
    assert plan.after
    assert (plan.label, plan.status, plan.after.allow_backorder) == ("Available to order", "unknown", True)
    assert plan_one(title, written(plan, in_store(title)), rules).verdict == "unchanged"


def test_a_preorder_of_unknown_stock_keeps_its_level_and_may_be_ordered() -> None:
    title = make_title(on_hand=None, publication_date=date(2027, 2, 3))
    actual = with_level(in_store(title, allow_backorder=False), stocked=7)
    plan = plan_one(title, actual)
    assert plan.level is None
    assert plan.flags["allow_backorder"] is True


def test_flags_follow_the_rules_at_every_sync() -> None:
    back_ordered = make_title(on_hand=0, on_order=5)
    actual = in_store(back_ordered)
    sold_out = replace(back_ordered, stock={"TN": DcStock(0, 0, "primary")})
    plan = plan_one(sold_out, actual)
    assert plan.flags["allow_backorder"] is False
    assert plan.flags["metadata"]["availability"] == "out_of_stock"
    assert plan.level == "update"  # no more are on order


def test_only_our_keys_that_differ_are_written() -> None:
    title = make_title(on_hand=10)
    metadata = {**in_store(title).variants[0].metadata, "shelf": "B4", "in_stock": False}
    plan = plan_one(title, in_store(title, metadata=metadata))
    assert plan.flags == {"metadata": {"in_stock": True}}


def test_a_hand_edit_is_told_from_our_own_last_write() -> None:
    title = make_title(on_hand=10)
    edited = with_level(in_store(title), stocked=50)
    ours = {title.isbn: LastLevel(((10, 0),), READ_AT)}
    plan = plan_one(title, edited, last_levels=ours)
    assert (plan.level, plan.repaired) == ("update", True)
    assert any("Somebody else" in each for each in plan.reasons)
    moved = {title.isbn: LastLevel(((50, 0),), READ_AT)}
    assert plan_one(title, edited, last_levels=moved).repaired is False
    broken_off = {title.isbn: LastLevel(((10, 0), (10, 0), (50, 0)), READ_AT)}
    assert plan_one(title, edited, last_levels=broken_off).repaired is False


def test_a_fulfilment_is_told_from_a_hand_edit() -> None:
    title = make_title(on_hand=10)
    shipped = with_level(in_store(title), stocked=8)
    ours = {title.isbn: LastLevel(((10, 0),), WROTE_AT)}
    plan = plan_one(title, shipped, last_levels=ours, orders=before_the_reading(2))
    assert (plan.level, plan.repaired) == ("update", False)
    assert "2 copies were fulfilled since we wrote 10." in plan.reasons
    assert plan_one(title, shipped, last_levels=ours, orders=before_the_reading(1)).repaired


def test_a_fraction_is_put_right() -> None:
    title = make_title(on_hand=7)
    plan = plan_one(title, with_level(in_store(title), stocked=7.5))
    assert plan.after
    assert plan.after.stocked == 7


def test_min_stock_delta_holds_back_small_moves_of_on_hand_alone() -> None:
    rules = StoreRules(min_stock_delta=5)
    was, now = make_title(on_hand=100), make_title(on_hand=97)
    actual = in_store(replace(was, isbn=now.isbn))
    assert plan_one(now, actual, rules).verdict == "skipped"
    assert plan_one(replace(now, stock={"TN": DcStock(94, 0, "primary")}), actual, rules).verdict == "write"
    assert plan_one(replace(now, stock={"TN": DcStock(97, 1, "primary")}), actual, rules).verdict == "write"
    few = in_store(replace(was, isbn=now.isbn, stock={"TN": DcStock(2, 0, "primary")}))
    assert plan_one(replace(now, stock={"TN": DcStock(0, 0, "primary")}), few, rules).verdict == "write"
    edited = with_level(actual, stocked=98)
    assert plan_one(now, edited, rules).verdict == "write"


def test_what_is_reserved_is_added_back_where_ingram_has_taken_it_out() -> None:
    title, rules = make_title(on_hand=8), StoreRules(inventory_mode="on_hand_plus_reserved")
    before, after = READ_AT - timedelta(hours=1), READ_AT + timedelta(hours=1)

    def planned(reserved: float, *reservations: Reservation) -> TitlePlan:
        actual = with_level(in_store(title), stocked=10, reserved=reserved)
        orders = {"item": Orders(reservations)}
        (plan,) = plan_levels([title], {title.isbn: actual}, today=TODAY, rules=rules, orders=orders).titles
        return plan

    assert planned(2, Reservation(2, before)).level is None
    plan = planned(3, Reservation(3, before))
    assert plan.after
    assert plan.after.stocked == 11
    newer = planned(3, Reservation(2, before), Reservation(1, after))
    assert newer.level is None, "an order that the reading could not know of is taken off by the store"


def fulfilled(quantity: float, at: datetime = READ_AT + timedelta(hours=1)) -> Fulfillment:
    return Fulfillment(quantity, ordered_at=at, made_at=at)


@pytest.mark.parametrize("mode", ["on_hand", "on_hand_plus_reserved"])
def test_copies_that_were_fulfilled_since_the_reading_are_not_sold_again(mode: InventoryMode) -> None:
    title, rules = make_title(on_hand=5), StoreRules(inventory_mode=mode)

    def level(actual: TitleInStore, *made: Fulfillment) -> tuple[TitlePlan, float | None]:
        orders = {"item": Orders(fulfillments=made)}
        (plan,) = plan_levels([title], {title.isbn: actual}, today=TODAY, rules=rules, orders=orders).titles
        return plan, plan.after and plan.after.stocked

    plan, stocked = level(with_level(in_store(title), stocked=3), fulfilled(2))
    assert (plan.level, stocked) == (None, 3)
    plan, stocked = level(in_store(title), fulfilled(2))
    assert (plan.level, stocked) == ("update", 3), "somebody had put it back up"
    assert "2 copies were fulfilled since it was read" in " ".join(plan.reasons)
    plan, stocked = level(with_level(in_store(title), stocked=0), fulfilled(3), fulfilled(2))
    assert (plan.status, stocked) == ("out_of_stock", 0)
    before = fulfilled(2, READ_AT - timedelta(minutes=1))
    assert level(in_store(title), before)[1] == 5, "the copies were counted after that"
    canceled = replace(fulfilled(2), canceled_at=READ_AT + timedelta(hours=2))
    assert level(in_store(title), canceled)[1] == 5


def test_what_is_too_old_is_not_sold_as_in_stock_and_no_guardrail_keeps_it() -> None:
    title = make_title(on_hand=10)
    later = READ_AT + timedelta(hours=25)
    for policy, label, back_order in (
        ("backorder", "Available to order", True),
        ("out_of_stock", "Out of stock", False),
    ):
        old = age(title, later, timedelta(hours=24), policy)  # type: ignore[arg-type]
        plan = plan_one(old, in_store(title))
        assert plan.after
        assert (plan.label, plan.after.stocked, plan.after.allow_backorder) == (label, 0, back_order)
        assert plan.by_time
    assert plan_one(age(title, later, timedelta(hours=24), "keep"), in_store(title)).verdict == "unchanged"
    assert not plan_one(title, in_store(title)).by_time


def test_a_preorder_whose_day_came_is_none_any_more_even_if_nobody_read_it() -> None:
    title = make_title(None, publication_date=TODAY + timedelta(days=1))
    sold = in_store(title)
    (plan,) = plan_levels([title], {title.isbn: sold}, today=TODAY + timedelta(days=1), rules=RULES).titles
    assert plan.flags == {
        "allow_backorder": False,
        "metadata": {
            "availability": "unknown",
            "availability_state": "not_read",
            "availability_label": "Ask us whether we can get it",
            "release_date": None,
        },
    }
    assert plan.level is None, "what nobody read is not written over"
    assert plan.by_time


def test_a_reservation_below_zero_counts_as_none() -> None:
    title, rules = make_title(on_hand=2), StoreRules(inventory_mode="on_hand_plus_reserved")
    plan = plan_one(title, with_level(in_store(title), stocked=9, reserved=-3), rules)
    assert plan.after
    assert plan.after.stocked == 2
    assert "-3 copies reserved, which can't be" in " ".join(plan.reasons)


def test_the_safety_stock_is_held_back() -> None:
    title = make_title(on_hand=10)
    plan = plan_one(title, in_store(title), StoreRules(safety_stock=3))
    assert plan.after
    assert plan.after.stocked == 7


def test_a_digital_title_is_not_managed() -> None:
    title = make_title(on_hand=10)
    plan = plan_one(replace(title, binding="eBook"), in_store(title))
    assert plan.flags["manage_inventory"] is False
    assert plan.level is None


def test_an_unmanaged_title_gets_item_level_link_and_flag() -> None:
    title = make_title(on_hand=10)
    plan = plan_one(title, in_store(title, manage_inventory=False, items=(), metadata={}))
    assert plan.create_item
    assert (plan.level, plan.link_item, plan.flags["manage_inventory"]) == ("create", True, True)


def test_a_leftover_item_is_used_again() -> None:
    title = make_title(on_hand=10)
    actual = in_store(title, manage_inventory=False, items=())
    leftover = Item("left", title.isbn, Level("ilev", 3, 0, 0))
    plan = plan_one(title, replace(actual, leftover=leftover))
    assert not plan.create_item
    assert (plan.item, plan.level, plan.link_item) == (leftover, "update", True)


def test_whatever_is_written_has_a_reason() -> None:
    title = make_title(on_hand=10)
    item = in_store(title).variants[0].items[0]
    unlinked = replace(in_store(title, items=()), leftover=item)
    plan = plan_one(title, unlinked)
    assert (plan.verdict, plan.link_item, plan.quantities, plan.flags) == ("write", True, None, {})
    assert plan.reasons == (f"The variant becomes linked to its inventory item {item.id}.",)


def test_a_title_that_is_gone_is_named() -> None:
    title = make_title()
    plan = plan_one(title, TitleInStore(title.isbn))
    assert plan.verdict == "failed"
    assert "deleted" in plan.reasons[0]
    assert f"ingram enrich {title.isbn}" in plan.reasons[0]
    assert f"ingram retire {title.isbn}" in plan.reasons[0]


def test_two_variants_with_the_number_are_named_and_left() -> None:
    title = make_title()
    (variant,) = in_store(title).variants
    plan = plan_one(title, TitleInStore(title.isbn, (variant, replace(variant, id="other"))))
    assert plan.verdict == "failed"
    assert "variant, other" in plan.reasons[0]


def test_a_bundle_uses_the_item_with_the_isbn_or_says_it_has_none() -> None:
    title = make_title(on_hand=4)
    own, map_ = Item("own", title.isbn, Level("a", 4, 0, 0)), Item("map", "MAP-1", None)
    assert plan_one(title, in_store(title, items=(map_, own))).verdict == "unchanged"
    plan = plan_one(title, in_store(title, items=(map_, replace(own, sku="BOOK"))))
    assert plan.verdict == "failed"
    assert "2 inventory items" in plan.reasons[0]


def test_renamed_skus_are_followed_and_named() -> None:
    title = make_title(on_hand=4)
    plan = plan_one(title, in_store(title, sku="BTF-PB"))
    assert plan.verdict == "unchanged"
    assert "'BTF-PB'" in plan.reasons[0]
    old = in_store(title)
    item = replace(old.variants[0].items[0], sku="OLD", made=True)
    plan = plan_one(title, in_store(title, items=(item,)))
    assert plan.rename_item
    assert plan.verdict == "write"


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ({"sku": "USED-SHELF-3"}, "not Ingram's"),
        ({"sku": None}, "not Ingram's"),
        ({"variants": ("variant", "another")}, "Other variants"),
        ({"sku": "OLD", "made": True, "variants": ("another", "variant")}, "Other variants"),
    ],
)
def test_an_item_that_is_not_the_titles_alone_is_not_written_and_explained(
    item: dict[str, Any], why: str
) -> None:
    title = make_title(on_hand=4)
    (there,) = in_store(title).variants[0].items
    actual = with_level(in_store(title, items=(replace(there, **item),)), stocked=50)
    plan = plan_one(title, actual)
    assert (plan.verdict, plan.level, plan.flags, plan.item) == ("failed", None, {}, None)
    assert why in plan.reasons[0]
    told = explain(title, actual, rules=RULES, today=TODAY)
    assert why in told.differences[0]
    assert told.shown  # the store has the title


def test_oversold_is_what_is_promised_beyond_the_level() -> None:
    title = make_title(on_hand=2)
    assert plan_one(title, with_level(in_store(title), stocked=10, reserved=5)).oversold
    assert not plan_one(title, with_level(in_store(title), stocked=10, reserved=2)).oversold
    assert plan_one(title, with_level(in_store(title), reserved=5)).oversold  # said as long as it is so
    coming = make_title(on_hand=0, on_order=9)
    assert not plan_one(coming, with_level(in_store(coming), reserved=5)).oversold  # as a back-order is
    assert plan_one(coming, with_level(in_store(coming), stocked=5, reserved=5)).oversold  # had been promised


def test_low_stock_is_a_crossing() -> None:
    title = make_title(on_hand=3)
    assert plan_one(title, with_level(in_store(title), stocked=4)).fell_to(3)
    assert not plan_one(title, with_level(in_store(title), stocked=3)).fell_to(3)
    assert not plan_one(title, with_level(in_store(title), stocked=2)).fell_to(3)
    # A hand edit upwards that is repaired is no crossing.
    ours = {title.isbn: LastLevel(((3, 0),), READ_AT)}
    assert not plan_one(title, with_level(in_store(title), stocked=50), last_levels=ours).fell_to(3)


def test_low_stock_is_seen_behind_a_fulfilment_and_once() -> None:
    was, ours = make_title(on_hand=10), LastLevel(((10, 0),), WROTE_AT)
    shipped, last_levels = with_level(in_store(was), stocked=4), {was.isbn: ours}
    # Ingram has counted the same six out: the level stands, and it was 10 when it was last shown.
    same = plan_one(replace(was, stock={"TN": DcStock(4, 0, "primary")}), shipped)
    assert (same.level, same.fell_to(5)) == (None, True)
    fewer = replace(was, stock={"TN": DcStock(3, 0, "primary")})
    assert plan_one(fewer, shipped, last_levels=last_levels, orders=before_the_reading(6)).fell_to(5)
    told = with_level(in_store(replace(was, stock={"TN": DcStock(4, 0, "primary")})), stocked=4)
    assert not plan_one(fewer, told, last_levels=last_levels, orders=before_the_reading(6)).fell_to(5)


def many(count: int, zeroed: int) -> Plan:
    titles = [make_title(on_hand=10) for _ in range(count)]
    actual = {each.isbn: in_store(each) for each in titles}
    gone = [replace(each, stock={"TN": DcStock(0, 0, "primary")}) for each in titles[:zeroed]]
    return plan_levels([*gone, *titles[zeroed:]], actual, today=TODAY, rules=RULES)


def test_the_guardrail_counts_all_that_is_tracked() -> None:
    tripped = many(10, 5).tripped(RULES)
    assert tripped
    assert "5 of 10" in tripped.reason
    assert many(10, 3).tripped(RULES) is None
    assert many(10, 4).tripped(RULES) is None  # fewer than five titles
    assert many(5, 5).tripped(RULES)
    assert many(5, 5).turning_to_zero
    assert not many(5, 0).turning_to_zero


def test_the_guardrail_counts_what_is_for_sale() -> None:
    """What is reserved for orders of before the reading is added to the level, which is above 0 then."""
    rules = StoreRules(inventory_mode="on_hand_plus_reserved")
    titles = [make_title(on_hand=10) for _ in range(10)]
    actual = {each.isbn: with_level(in_store(each), stocked=13, reserved=3) for each in titles}
    orders = {"item": Orders((Reservation(3, READ_AT - timedelta(hours=1)),))}
    zeros = [replace(each, stock={"TN": DcStock(0, 0, "primary")}) for each in titles]
    plan = plan_levels(zeros, actual, today=TODAY, rules=rules, orders=orders)
    assert [each.after.stocked for each in plan.titles if each.after] == [3] * 10
    tripped = plan.tripped(rules)
    assert tripped
    assert "10 of 10" in tripped.reason
    sold_out = {isbn: with_level(each, stocked=3) for isbn, each in actual.items()}
    plan = plan_levels(zeros, sold_out, today=TODAY, rules=rules, orders=orders)
    assert plan.tripped(rules) is None, "all copies were sold before"


def test_the_guardrail_counts_copies_that_orders_have_where_no_others_are_left() -> None:
    titles = [make_title(on_hand=10) for _ in range(10)]
    actual = {each.isbn: with_level(in_store(each), reserved=10) for each in titles}
    zeros = [replace(each, stock={"TN": DcStock(0, 0, "primary")}) for each in titles]
    tripped = plan_levels(zeros, actual, today=TODAY, rules=RULES).tripped(RULES)
    assert tripped
    assert "10 of 10" in tripped.reason


def test_the_guardrail_sees_a_switch_over_that_ends_the_sale() -> None:
    titles = [make_title(on_hand=0, on_order=order) for order in (0, 0, 0, 0, 0)]
    actual = {each.isbn: in_store(each, manage_inventory=False, items=()) for each in titles}
    assert plan_levels(titles, actual, today=TODAY, rules=RULES).tripped(RULES)
    coming = [replace(each, stock={"TN": DcStock(0, 9, "primary")}) for each in titles]
    assert plan_levels(coming, actual, today=TODAY, rules=RULES).tripped(RULES) is None


def test_what_time_changes_is_in_no_share() -> None:
    """A sweep that did not come makes all titles too old at once, and a day releases many preorders."""
    titles = [make_title(on_hand=10) for _ in range(10)]
    actual = {each.isbn: in_store(each) for each in titles}
    aged = [replace(each, aged=Aged(0, None, "backorder")) for each in titles]
    plan = plan_levels(aged, actual, today=TODAY, rules=RULES)
    assert len(plan.writes) == 10
    assert not plan.is_suspicious(RULES)
    assert plan.tripped(RULES) is None
    # Nor does it hide what is read beside it.
    read = [replace(each, stock={"TN": DcStock(0, 0, "primary")}) for each in titles[:5]]
    mixed = plan_levels([*read, *aged[5:]], actual, today=TODAY, rules=RULES)
    tripped = mixed.tripped(RULES)
    assert tripped
    assert "5 of 5" in tripped.reason


def test_a_slice_with_one_title_that_turns_has_the_whole_looked_at() -> None:
    title = make_title(on_hand=10)
    actual = {title.isbn: in_store(title)}
    for turned in (
        replace(title, publication_date=date(2099, 1, 1)),
        replace(title, stock={"TN": DcStock(100, 0, "primary")}),
        replace(title, stock={"TN": DcStock(0, 0, "primary")}),
    ):
        assert plan_levels([turned], actual, today=TODAY, rules=RULES).is_suspicious(RULES)
    more = replace(title, stock={"TN": DcStock(99, 0, "primary")})
    assert not plan_levels([more], actual, today=TODAY, rules=RULES).is_suspicious(RULES)


def test_a_new_title_starts_with_its_level() -> None:
    title = make_title(on_hand=10, on_order=3)
    plan = plan_new(title, None, today=TODAY, rules=RULES)
    assert plan.create_item
    assert plan.after
    assert (plan.after.stocked, plan.after.incoming) == (10, 3)
    unknown = plan_new(make_title(on_hand=None), None, today=TODAY, rules=RULES)
    assert unknown.zero_for_unknown
    digital = plan_new(make_title(binding="eBook"), None, today=TODAY, rules=RULES)
    assert digital.level is None


@pytest.mark.parametrize(
    ("title", "says"),
    [
        (make_title(on_hand=410), ["410 on hand, 0 on order", "TN 410", "in_stock", "In stock", "level 410"]),
        (make_title(on_hand=0, on_order=9), ["backorder", "9 are on order", "ships in 1–2 weeks"]),
        (make_title(on_hand=0), ["out_of_stock", "Out of stock"]),
        (
            make_title(on_hand=None, publication_date=date(2027, 2, 3)),
            ["never read", "preorder", "February 3, 2027", "left as it is"],
        ),
        (make_title(on_hand=None), ["unknown", "Unknown is never zero", "left as it is", "Ask us"]),
        (make_title(on_hand=None, publisher_status="OP"), ["out_of_stock", "'OP'"]),
    ],
)
def test_explain(title: Title, says: list[str]) -> None:
    text = explain(title, in_store(title), rules=RULES, today=TODAY).text()
    for each in says:
        assert each in text


@pytest.mark.parametrize(
    ("title", "fixed", "says"),
    [
        (make_title(on_hand=0, publication_date=date(2027, 2, 3)), False, "takes no back-orders"),
        (make_title(on_hand=8, publication_date=date(2027, 2, 3)), False, "takes no back-orders"),
        (make_title(on_hand=0, publisher_status="Out of Print"), True, "takes back-orders"),
        (make_title(on_hand=None), True, "takes back-orders"),
        (make_title(on_hand=0, publication_date=date(2027, 2, 3)), True, None),
        (make_title(on_hand=0, on_order=3), None, None),
    ],
)
def test_the_rule_says_first_what_a_person_has_fixed(
    title: Title, fixed: bool | None, says: str | None
) -> None:
    found = explain(title, in_store(title, fixed_backorder=fixed), rules=RULES, today=TODAY)
    if says is None:
        assert "a person" not in found.rule
        return
    first, _, rest = found.rule.partition(" Without that: ")
    assert first == f"a person has fixed that it {says} (allow_backorder in the product's metadata)."
    assert rest


def test_the_rule_says_that_titles_never_read_may_be_ordered() -> None:
    title, rules = make_title(on_hand=None), StoreRules(orders_unread=True)
    found = explain(title, in_store(title), rules=rules, today=TODAY)
    assert (found.status, found.rule) == (
        "unknown",
        "its stock was never read, and such titles may be ordered (UNREAD_STOCK).",
    )


def test_explain_a_store_out_of_step() -> None:
    title = make_title(on_hand=10)
    told = explain(title, with_level(in_store(title), stocked=50), rules=RULES, today=TODAY)
    assert told.differences == ("Level 50 becomes 10.",)
    assert "does not have it" in explain(title, TitleInStore(title.isbn), rules=RULES, today=TODAY).text()


def known(*readings: StockReading) -> dict[str, Any]:
    """What a title has after these readings."""
    merged = merge_all(readings)
    return {
        "stock": merged.stock,
        "known": merged,
        "stock_observed_at": max(one.read_at for one in readings),
    }


def test_explain_says_which_counts_are_older_gone_or_too_old() -> None:
    title = make_title()

    def reading(hours_ago: float, complete: bool = True, **copies: int) -> StockReading:
        at = READ_AT - timedelta(hours=hours_ago)
        counts = {dc: DcStock(of, 0) for dc, of in copies.items()}
        return StockReading(title.isbn, "ipage", at, complete, counts)

    def text(*readings: StockReading) -> str:
        told = age(replace(title, **known(*readings)), READ_AT, timedelta(hours=24), "backorder")
        return explain(told, in_store(told), rules=RULES, today=TODAY).text()

    older = text(reading(2, TN=4, CA=9), reading(0, False, TN=3))
    assert "TN 3 on hand and 0 on order, CA 9 on hand and 0 on order as of 2026-11-20 13:00 UTC" in older
    gone = text(reading(9, TN=4, CA=500), *(reading(hours, TN=4) for hours in (3, 2, 1)))
    assert "CA counts no longer: the last 3 complete readings do not show it. It had 500 on hand at" in gone
    assert "2026-11-20 06:00 UTC" in gone
    assert "No reading of it was complete" in text(reading(1, False, TN=4))
    old = text(reading(30, TN=4))
    assert "backorder: 4 on hand, but counted too long ago to be sold as in stock" in old
    assert "Label:    Available to order" in old
    partly = text(reading(30, TN=4, CA=9), reading(0, False, TN=3))
    assert "3 (12 on hand, of which 3 were counted lately enough" in partly


def test_explain_says_what_orders_took() -> None:
    title = make_title(on_hand=10)
    orders = {"item": Orders((Reservation(1, WROTE_AT),), (fulfilled(2),))}
    told = explain(title, in_store(title), rules=RULES, today=TODAY, orders=orders)
    assert told.level.startswith("8 (10 on hand, less 2 that orders took since")
    added = StoreRules(inventory_mode="on_hand_plus_reserved")
    told = explain(title, in_store(title), rules=added, today=TODAY, orders=orders)
    assert told.level.startswith("9 (10 on hand, less 2 that orders took since, and 1 added back")


def test_explain_tells_a_fulfilment_from_a_hand() -> None:
    title = make_title(on_hand=10)
    shipped, ours = with_level(in_store(title), stocked=8), {title.isbn: LastLevel(((10, 0),), WROTE_AT)}
    orders = before_the_reading(2)
    for made, says in ((orders, "2 copies were fulfilled"), ({}, "Somebody else changed it")):
        found = explain(title, shipped, rules=RULES, today=TODAY, last_levels=ours, orders=made)
        assert says in " ".join(found.differences)


def test_metadata_has_the_reading_per_dc() -> None:
    title = make_title(on_hand=10, on_order=2)
    keys = variant_metadata(title, desired(title, today=TODAY, rules=RULES))
    assert keys["ingram_stock"] == to_json(title.stock or {})
    assert keys["ingram_stock"]["TN"] == {"type": "primary", "onHand": 10, "onOrder": 2}
    assert (keys["availability"], keys["in_stock"]) == ("in_stock", True)
    assert keys["stock_observed_at"] == "2026-11-20T15:00:00+00:00"


def written(plan: TitlePlan, actual: TitleInStore) -> TitleInStore:
    """The store after the plan's writes."""
    variant, after = plan.variant, plan.after
    assert variant
    assert after
    item, items = plan.item, variant.items
    if plan.level:
        assert after.stocked is not None
        assert after.incoming is not None
        level = Level("ilev", after.stocked, after.reserved, after.incoming)
        item = replace(item or Item("new", plan.isbn, None), level=level)
    if item and (plan.link_item or item.id in {each.id for each in items}):
        items = (item, *(each for each in items if each.id != item.id))
    if plan.flags.get("manage_inventory") is False:
        items = ()  # Medusa takes the link away, and leaves the item
    flags = {name: value for name, value in plan.flags.items() if name != "metadata"}
    metadata = variant.metadata | plan.flags.get("metadata", {})
    return TitleInStore(plan.isbn, (replace(variant, items=items, metadata=metadata, **flags),), item)


titles = st.builds(
    make_title,
    on_hand=st.none() | st.integers(0, 500),
    on_order=st.integers(0, 300_000),
    binding=st.sampled_from(["Paperback", "eBook", None]),
    publication_date=st.sampled_from([None, date(2020, 5, 1), TODAY, date(2027, 2, 3)]),
    publisher_status=st.sampled_from([None, "IP", "OP"]),
    id=st.just(7),
)
quantities = st.integers(0, 600) | st.just(7.5)
levels = st.builds(Level, st.just("ilev"), quantities, st.integers(0, 20), quantities)
items = st.builds(Item, st.just("item"), st.just(make_title(id=7).isbn), st.none() | levels)
variants = st.builds(
    Variant,
    st.just("variant"),
    st.just("prod"),
    st.just(make_title(id=7).isbn),
    st.none(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([{}, {"availability": "in_stock", "shelf": "B4"}, {"ingram_stock": "by hand"}]),
    st.lists(items, max_size=1).map(tuple),
)
rules = st.builds(
    StoreRules,
    safety_stock=st.integers(0, 5),
    inventory_mode=st.sampled_from(["on_hand", "on_hand_plus_reserved"]),
    min_stock_delta=st.sampled_from([1, 10]),
)


@given(titles, variants, st.none() | items, rules)
def test_whatever_the_store_has_one_push_brings_it_in_step(
    title: Title, variant: Variant, leftover: Item | None, rules: StoreRules
) -> None:
    actual = TitleInStore(title.isbn, (variant,), None if variant.items else leftover)
    plan = plan_one(title, actual, rules)
    after = written(plan, actual)
    again = plan_one(title, after, rules)
    assert again.verdict in ("unchanged", "skipped")
    (now,) = after.variants
    assert not now.manage_inventory or any(each.level for each in now.items)
    if title.stock is None and plan.status == "unknown":
        assert not plan.flags.keys() - {"metadata"}
        assert variant.metadata.get("availability") in (None, "unknown") or not plan.flags
        assert plan.level in (None, "create")
    assert now.metadata.get("shelf") == variant.metadata.get("shelf")
