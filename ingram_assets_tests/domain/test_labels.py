"""The table of labels: what shoppers read of each state, and what of a table can't be meant."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.labels import (
    LONGEST_LABEL,
    STATES,
    TABLE_FILE,
    built_in,
    day_in,
    long_date,
    parse_labels,
)

TEXT = TABLE_FILE.read_text("utf-8")


def test_the_table_that_comes_with_the_program() -> None:
    table = built_in()
    assert set(table.by_state) == set(STATES)
    assert table.label("on_shelf") == "In stock, ships in 2 days"
    assert table.label("coming_soon", release=date(2027, 2, 3)) == "Preorder, releases February 3, 2027"


@pytest.mark.parametrize(
    ("days", "state"), [(30, "coming_soon"), (31, "not_yet_published"), (1, "coming_soon")]
)
def test_a_preorder_is_coming_soon_within_the_days_of_its_row(days: int, state: str) -> None:
    today = date(2026, 11, 20)
    assert built_in().of_preorder(date.fromordinal(today.toordinal() + days), today) == state


def test_a_location_has_its_own_label_in_whatever_spelling_of_its_name() -> None:
    table = parse_labels(TEXT + "on_shelf,Main  Street,1,Here by tomorrow ({days} day)\n")
    assert table.label("on_shelf", location="main street") == "Here by tomorrow (1 day)"
    assert table.label("on_shelf", location="Book Fair") == "In stock, ships in 2 days"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("in_stok,,,In stock", "no state"),
        ("in_stock,,,Again", "a row already"),
        ("backorder,Main Street,,There", "only on_shelf"),
        ("on_shelf,Main Street,,", "1 to"),
        (f"on_shelf,Main Street,,{'x' * (LONGEST_LABEL + 1)}", "1 to"),
        ("on_shelf,Main Street,two,Ships in {days} days", "whole number"),
        ("on_shelf,Main Street,,Ships in {days} days", "nothing in braces"),
        ("on_shelf,Main Street,2,Ships on {date}", "{days}"),
        ("on_shelf,Main Street,2,{days.__class__}", "{days}"),
        ("on_shelf,Main Street,2,{", "{days}"),
    ],
)
def test_what_cannot_be_meant_is_named_by_its_line(line: str, says: str) -> None:
    with pytest.raises(ValueError, match="Line 12 of the table of labels") as error:
        parse_labels(f"{TEXT}{line}\n")
    assert says in str(error.value)


def test_each_state_and_column_is_needed() -> None:
    lines = TEXT.splitlines()
    for number, state in enumerate(STATES, start=1):
        with pytest.raises(ValueError, match=state):
            parse_labels("\n".join(lines[:number] + lines[number + 1 :]))
    with pytest.raises(ValueError, match="lacks the column"):
        parse_labels(TEXT.replace("label", "text", 1))


@given(st.dates())
def test_a_day_is_found_again_in_what_was_written(day: date) -> None:
    assert day_in(f"Preorder, releases {long_date(day)}") == day


@given(st.text(max_size=40))
def test_no_text_is_too_odd_to_have_no_day(text: str) -> None:
    day_in(text)
