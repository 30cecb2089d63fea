"""Whose an inventory item and a level are: the sync writes its own, and names what it leaves alone."""

from dataclasses import dataclass

import pytest

from ingram_assets.domain.ownership import is_our_item, may_write_level, why_left_alone

ISBN = "9780306406157"


@dataclass(frozen=True)
class Item:
    sku: str | None
    made: bool = False
    variants: tuple[str, ...] = ("variant",)
    id: str = "iitem_1"


@pytest.mark.parametrize(
    "sku", [ISBN, "978-0-306-40615-7", " 9780306406157", "0306406152", "ISBN 0-306-40615-2"]
)
def test_an_item_whose_sku_spells_the_isbn_is_the_titles(sku):
    assert is_our_item(ISBN, Item(sku))
    assert why_left_alone(ISBN, Item(sku), "variant") is None


@pytest.mark.parametrize(
    "sku", ["USED-SHELF-3", "", None, "9780306406158", "9780451524935", "978030640615", "OLD-1"]
)
def test_any_other_is_a_persons_unless_we_made_it(sku):
    assert not is_our_item(ISBN, Item(sku))
    assert f"set its SKU to {ISBN}" in why_left_alone(ISBN, Item(sku), "variant")
    assert why_left_alone(ISBN, Item(sku, made=True), "variant") is None


@pytest.mark.parametrize("made", [False, True])
def test_an_item_on_which_others_hang_is_left_alone(made):
    shared = Item(ISBN, made, ("variant", "b", "a"))
    assert "(a, b)" in why_left_alone(ISBN, shared, "variant")
    assert "(variant)" in why_left_alone(ISBN, Item(ISBN, made), None)  # the title has no variant yet
    assert why_left_alone(ISBN, Item(ISBN, made, ()), None) is None


def test_levels_are_written_at_ingrams_location_alone():
    assert may_write_level("sloc_ours", "sloc_ours")
    assert not may_write_level("sloc_shelf", "sloc_ours")
    assert not may_write_level("", "")  # there is no location yet
