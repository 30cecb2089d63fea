"""What of a table that a person edits can't be meant, whichever table it is: refused, with its line."""

import contextlib
import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain import categories, labels
from ingram_assets.domain.tables import decoded, table_rows


def rows(text: str) -> list[tuple[int, dict[str, str]]]:
    return list(table_rows(text, ("name", "text"), "table"))


READERS: dict[str, tuple[Callable[[str], object], str, str]] = {
    "labels": (labels.parse_labels, labels.TABLE_FILE.read_text("utf-8"), "hard_to_find,,,{}"),
    "categories": (categories.parse_table, categories.TABLE_FILE.read_text("utf-8"), "CKB,,{}"),
}
WRONG = {
    "an unquoted comma": ("In stock at our partner, not here", "has more columns"),
    "one before braces": ("In stock, ships {whenever}", "has more columns"),
    "one at the end": ("In stock,", "has more columns"),
    "an unclosed quote": ('"In stock', "a quotation mark"),
    "a quote within": ('"In "stock" today"', "a quotation mark"),
    "two lines": ('"In\nstock"', "a quotation mark"),
    "nothing to be seen": ("\u200b", r"nothing can be seen \(U\+200B\)"),
    "a filler": ("\u3164", r"nothing can be seen \(U\+3164\)"),
    "a bell": ("In \a stock", r"control character in it \(U\+0007\)"),
    "a line separator": ("In \u2028 stock", r"control character in it \(U\+2028\)"),
    "a tab": ("In\tstock", r"control character in it \(U\+0009\)"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("reader", READERS)
def test_a_row_that_breaks_is_named_by_its_line_in_either_table(reader: str, wrong: str) -> None:
    parse, text, row = READERS[reader]
    value, says = WRONG[wrong]
    head, *rest = text.splitlines()
    with pytest.raises(ValueError, match=f"^Line 3 of the .*{says}"):
        parse("\n".join([head, "", row.format(value), *rest]))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "mac"])
def test_what_spreadsheets_write_is_read(end: str) -> None:
    lines = ["\ufeffname,text,,", "a,one", ",,,", 'b, "one, ""two""",,', "", "c"]
    assert rows(end.join(lines)) == [
        (2, {"name": "a", "text": "one"}),
        (4, {"name": "b", "text": 'one, "two"'}),
        (6, {"name": "c", "text": ""}),
    ]
    assert rows("text,name\none,a\n") == [(2, {"name": "a", "text": "one"})]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The table is empty: its first line has to be name,text."),
        ("\n \n,,\n", "is empty"),
        ("name;text\na;one\n", "lacks the column 'name': its first line is 'name;text', and has to be"),
        ("name,text,notes\n", "a column that is none of its own"),
        ("name,,text\n", "a column that is none of its own"),
        ("name,text,text\n", "a column that is none of its own"),
        (
            "name,text,,\na,one, two\n",
            "Line 2 of the table has more columns than the first line, which has 2",
        ),
    ],
    ids=["nothing", "blanks", "semicolons", "notes", "a gap", "twice", "beyond"],
)
def test_a_first_line_that_is_none_says_what_it_has_to_be(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        rows(text)


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"a\nships in 1\x962 weeks", 2), (b"a\r\nb\r\n\x96", 3), (b"\xff\xfea\0", 1)],
    ids=["within", "at its start", "UTF-16"],
)
def test_another_encoding_is_named_by_its_line_with_what_to_do(data: bytes, line: int) -> None:
    with pytest.raises(ValueError, match=f"^Line {line} is not in UTF-8. Save .* “CSV UTF-8”"):
        decoded(data)


def test_utf_8_is_read_with_its_mark_or_without() -> None:
    assert decoded("\ufeff1–2".encode()) == decoded("1–2".encode()) == "1–2"


@given(st.text(st.sampled_from(string.printable + "\u200b\u2028–"), max_size=80))
def test_no_text_is_too_odd_to_be_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(line > 1 for line, _ in rows("name,text\n" + text))
