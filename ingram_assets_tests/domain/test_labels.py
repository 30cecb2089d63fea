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
        ("on_shelf,Main Street,,Ships in {days} days", "its row has none"),
        ("on_shelf,Main Street,2,{days:>9999999}", "no other braces"),
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


@pytest.mark.parametrize(
    "again",
    ["STORE_FRONT", "store  front", "Store-Front", "ＳTORE FRONT"],
    ids=["code", "blanks", "sign", "wide"],
)
def test_a_location_in_another_spelling_is_the_same_one_and_both_lines_are_named(again: str) -> None:
    rows = f"{TEXT}on_shelf,Store Front,1,Here\n"
    with pytest.raises(ValueError, match=r"Line 13 .* on_shelf has a row already .*'Store Front'.* line 12"):
        parse_labels(f"{rows}on_shelf,{again},1,There\n")
    with pytest.raises(ValueError, match=r"Line 13 .* digital has a row already in line 10"):
        parse_labels(f"{rows}digital,,,There\n")
    assert parse_labels(rows).label("on_shelf", location=again) == "Here"


def test_a_row_that_no_shopper_reads_is_named() -> None:
    table = parse_labels(f"{TEXT}on_shelf,STORE_FRONT,1,Here\non_shelf,Atlantis,1,There\n")
    (note,) = table.idle_rows(["Store Front"])
    assert note.startswith("Line 13 of the table of labels is for 'Atlantis', which is no location")
    assert note.endswith("Those there are: Store Front.")
    assert table.idle_rows(["Store Front", "Atlantis"]) == ()
    assert "Those there are: none." in table.idle_rows([])[0]


@given(st.dates())
def test_a_day_is_found_again_in_what_was_written(day: date) -> None:
    assert day_in(f"Preorder, releases {long_date(day)}") == day


@given(st.text(max_size=40))
def test_no_text_is_too_odd_to_have_no_day(text: str) -> None:
    day_in(text)
