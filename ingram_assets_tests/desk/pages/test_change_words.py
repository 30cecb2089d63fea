"""What a run changed, in words."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ingram_assets.desk.pages.change_words import FieldMove, PlannedTitle, moves_of, planned_titles, words
from ingram_assets.desk.pages.sentences import for_pages
from ingram_assets.store.journal import Entry


def entry(before: dict[str, Any] | None, after: dict[str, Any] | None) -> Entry:
    return Entry(
        "level", "9780306406157", "x", before, after, "why", 1, "run", "written", None, datetime.now(UTC)
    )


def test_only_what_moved_is_told():
    before = {"stocked_quantity": 410, "incoming_quantity": 5}
    moved = moves_of(entry(before, before | {"stocked_quantity": 371}))
    assert moved == [FieldMove("copies", "410", "371")]


def test_metadata_is_told_field_by_field():
    before = {"metadata": {"in_stock": True, "availability_label": "In stock"}}
    after = {"metadata": {"in_stock": False, "availability_label": "Out of stock"}}
    assert moves_of(entry(before, after)) == [
        FieldMove("marked in stock", "yes", "no"),
        FieldMove("label", "In stock", "Out of stock"),
    ]


def test_what_was_made_was_nothing_before():
    assert moves_of(entry(None, {"stocked_quantity": 3})) == [FieldMove("copies", "none", "3")]


def test_a_plan_names_what_fails_first():
    fields = {
        "price": {"before": 5, "after": 6},
        "availability": {"before": "in_stock", "after": "out_of_stock"},
        "availability_label": {"before": "In stock", "after": "Out of stock"},
    }
    change = {"title": "A Book", "before": 3, "after": 0, "fields": fields, "reasons": ["Sold out."]}
    new = {"title": "New", "before": None, "after": 5, "import": "create", "reasons": [], "fields": {}}
    plan = planned_titles({"changes": {"1": change, "2": new}}, {"3": "Would fail: no."})
    assert plan == [
        PlannedTitle("3", "", "held back", reasons=("Would fail: no.",)),
        PlannedTitle(
            *("1", "A Book", "would change"),
            (
                FieldMove("label", "In stock", "Out of stock"),
                FieldMove("status", "In stock", "Out of stock"),
                FieldMove("copies", "3", "0"),
                FieldMove("price", "5", "6"),
            ),
            ("Sold out.",),
        ),
        PlannedTitle("2", "New", "would be new", (FieldMove("copies", "no level", "5"),)),
    ]


def test_an_undos_plan_has_what_is_put_back_and_what_is_left():
    fields = {
        "1": {
            "level 5": {"stocked_quantity": {"before": 3, "after": 5}},
            "availability, stock_observed_at": {
                "stock_observed_at": {"before": "today", "after": "yesterday"},
                "availability": {"before": "in_stock", "after": "backorder"},
            },
        }
    }
    undone = {
        "1": ["level 5", "availability, stock_observed_at", "link to the inventory item"],
        "3": ["product removed"],
    }
    plan = planned_titles({"undone": undone, "fields": fields, "left": {"2": ["Changed since."]}}, {})
    assert plan == [
        PlannedTitle(
            *("1", "", "would be put back"),
            (
                FieldMove("status", "In stock", "Back-order"),
                FieldMove("copies", "3", "5"),
                FieldMove("stock read at", "today", "yesterday"),
            ),
            ("link to the inventory item",),
        ),
        PlannedTitle("3", "", "would be put back", reasons=("product removed",)),
        PlannedTitle("2", "", "left as it is", reasons=("Changed since.",)),
    ]


def test_no_name_of_a_field_is_a_programs():
    move = moves_of(entry({"metadata.stock_observed_at": "x"}, {"metadata.stock_observed_at": "y"}))
    assert move == [FieldMove("stock read at", "x", "y")]
    for left, on_page in (
        ("metadata.stock_observed_at is “x”", "stock read at is “x”"),
        ("allow_backorder is true", "back-order is yes"),
        ("metadata.availability is “in_stock”", "status is In stock"),
        (
            "metadata.ingram_stock is TN 4 on hand and 0 on order",
            "copies per center is TN 4 on hand and 0 on order",
        ),
    ):
        kept = for_pages(f"{left} now, which the run did not write.")
        assert kept == f"{on_page} now, which the run did not write."


def test_a_stopped_discovery_names_its_way_out_at_the_desk():
    said = "Nothing was added. The commands: ingram discover --let-through, if it is right."
    let_through = "If it is right, let it through in a terminal: ingram discover --let-through."
    assert for_pages(said) == f"Nothing was added. {let_through}"


def test_copies_per_center_are_said_in_words():
    stock = {"TN": {"type": "primary", "onHand": 1410, "onOrder": None}}
    (move,) = moves_of(entry({"metadata.ingram_stock": None}, {"metadata.ingram_stock": stock}))
    assert move == FieldMove("copies per center", "none", "TN 1,410 on hand and unknown on order")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "none"),
        (True, "yes"),
        (1234, "1,234"),
        (18.99, "18.99"),
        ("", "empty"),
        ([], "none"),
        ({"TN": {"onHand": 3}}, "TN onHand 3"),
    ],
)
def test_values_are_told_in_words(value: Any, said: str):
    assert words(value) == said


def test_a_long_value_is_cut():
    assert len(words("x" * 1_000)) == 120
