"""BISAC subjects to the shop's categories, by the table that ships and by a bookseller's own."""

import time

import pytest

from ingram_assets.domain.categories import (
    TABLE_FILE,
    Categories,
    categories_of,
    categorize,
    hint_of,
    parse_table,
)

SHIPPED = parse_table(TABLE_FILE.read_text("utf-8"))


@pytest.mark.parametrize(
    ("hint", "categories"),
    [
        ("FICTION / Fantasy / Epic", ("Fantasy",)),
        ("FICTION / Science Fiction / Space Opera", ("Science Fiction",)),
        ("FICTION / Horror", ("Horror",)),
        ("FICTION / Fairy Tales, Folk Tales, Legends & Mythology", ("Fantasy",)),
        ("FICTION / Ghost", ("Horror",)),
        ("FICTION / Occult & Supernatural", ("Horror",)),
        ("FICTION / Romance / Fantasy", ("Fantasy",)),
        ("FICTION / Romance / Science Fiction", ("Science Fiction",)),
        ("FICTION / Alternative History", ("Science Fiction",)),
        ("FICTION / Dystopian", ("Science Fiction",)),
        ("FICTION / Magical Realism", ("Fantasy",)),
        ("FICTION / LitRPG", ("Fantasy",)),
        ("YOUNG ADULT FICTION / Fantasy / Wizards & Witches", ("Fantasy",)),
        ("YOUNG ADULT FICTION / Science Fiction / General", ("Science Fiction",)),
        ("YOUNG ADULT FICTION / Horror", ("Horror",)),
        ("JUVENILE FICTION / Fantasy & Magic", ("Fantasy",)),
        ("JUVENILE FICTION / Science Fiction", ("Science Fiction",)),
        ("JUVENILE FICTION / Horror", ("Horror",)),
        ("FIC009020", ("Fantasy",)),
        ("fic009020", ("Fantasy",)),
        ("FIC028000; FIC015000", ("Science Fiction", "Horror")),
        ("FIC027030", ("Fantasy",)),
        ("FIC027130", ("Science Fiction",)),
        ("FIC129000 - FICTION / LitRPG", ("Fantasy",)),
        ("FICTION / Horror | FICTION / Fantasy / Dark Fantasy | FICTION / Horror", ("Horror", "Fantasy")),
        ("  fiction /  FANTASY/epic ", ("Fantasy",)),
        ("COOKING / Bread | FICTION / Ghost", ("Horror",)),
        ("science fiction", ("Science Fiction",)),
    ],
)
def test_the_table_that_ships(hint: str, categories: tuple[str, ...]) -> None:
    assert categorize(hint, SHIPPED) == Categories(categories, mapped=True)


@pytest.mark.parametrize(
    "hint", [None, "", "COOKING / Bread", "FIC027020", "FICTION / Fantasy & Magic", "|;"]
)
def test_what_no_row_covers_goes_to_one_category_and_says_so(hint: str | None) -> None:
    assert categorize(hint, SHIPPED) == Categories(("Other Books",), mapped=False)


def test_a_hint_of_64_kilobytes_costs_no_time() -> None:
    started = time.process_time()
    for hint in ("x" * 65_536, "FICTION / Fantasy" + " / a" * 16_000, "a;" * 32_768, "FIC" * 21_845):
        categorize(hint, SHIPPED)
    assert time.process_time() - started < 5, "a row of another program's would hold up all the others"


def test_the_longest_match_wins() -> None:
    table = parse_table(
        "bisac_code,heading,category\nFIC009,FICTION / Fantasy,Fantasy\n"
        "FIC009070,FICTION / Fantasy / Dark Fantasy,Grimdark\n*,*,Rest\n"
    )
    assert categorize("FICTION / Fantasy / Dark Fantasy", table).names == ("Grimdark",)
    assert categorize("FIC009070", table).names == ("Grimdark",)
    assert categorize("FIC009020", table).names == ("Fantasy",)


def test_a_spreadsheets_table_is_read() -> None:
    table = parse_table("\ufeffbisac_code,heading,category\r\nCKB,,Cookery\r\n,,\r\n*,,Rest\r\n")
    assert categorize("CKB009000", table).names == ("Cookery",)
    assert categorize("anything", table).names == ("Rest",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("code,heading,category\n", "bisac_code"),
        ("bisac_code,heading,category\nFIC009,,Fantasy\n", r"\*,\*,NAME"),
        ("bisac_code,heading,category\n*,*,Rest\nFIC009,,\n", "Line 3"),
        ("bisac_code,heading,category\n*,*,Rest\nfantasy,,Fantasy\n", "'fantasy' is not the start"),
        ("bisac_code,heading,category\n*,*,Rest\nFIC009,,A\nFIC009,,B\n", "Line 4 .* 'B', line 3 into 'A'"),
        (
            "bisac_code,heading,category\n*,*,Rest\n,FICTION / Horror,A\n,fiction/horror,B\n",
            "Line 4 .* line 3",
        ),
        ("bisac_code,heading,category\n*,*,Rest\n*,*,Others\n", "Line 3 .* puts everything else .* line 2"),
    ],
)
def test_a_table_that_cant_be_meant_names_its_line(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_table(text)


@pytest.mark.parametrize(
    ("bisac", "hint"),
    [
        (("FICTION / Science Fiction / Space Opera", "FICTION / Horror"), "science fiction"),
        (("FICTION / Romance / Fantasy",), "fantasy"),
        (("FICTION / Thrillers / Technological", "FICTION / Horror"), "horror"),
        (("FICTION / Thrillers / Technological",), "thrillers"),
        (("COOKING",), "cooking"),
        ((" / ",), None),
        ((), None),
    ],
)
def test_a_hint_is_a_word_or_two(bisac: tuple[str, ...], hint: str | None) -> None:
    assert hint_of(bisac) == hint


def test_headings_come_before_the_hint() -> None:
    both = ("FICTION / Horror", "FICTION / Fantasy / Epic")
    assert categories_of(both, "horror", SHIPPED).names == ("Horror", "Fantasy")
    assert categories_of((), "science fiction", SHIPPED) == Categories(("Science Fiction",), mapped=True)
    assert categories_of(("COOKING / Bread",), "fantasy", SHIPPED).names == ("Fantasy",)
    assert not categories_of(("COOKING / Bread",), "bread", SHIPPED).mapped
