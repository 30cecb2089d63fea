"""Plain words out of site.toml as patterns, forms of numbers, names of centers."""

import pickle
import re

import pytest

from ingram_assets.domain.site_file import SiteEntries, parse_site_file
from ingram_assets.sources.ipage.pages import fields
from ingram_assets.sources.ipage.profile.column_words import words_of
from ingram_assets.sources.ipage.profile.number_forms import NumberForms
from ingram_assets.sources.ipage.profile.phrases import beginning_as, filling, finding
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in, profile_with


def profile(text: str) -> SiteProfile:
    return profile_with(parse_site_file(text.encode(), None))


@pytest.mark.parametrize(
    ("phrase", "text", "is_there"),
    [
        ("on hand", "Copies On-Hand now", True),
        ("on hand", "ONHAND", True),
        ("on hand", "on  \u00a0hand", True),
        ("on hand", "on handle", False),
        ("on hand", "upon hand", False),
        ("Bestand", "Mindestbestand", False),
        ("*bestand", "Mindestbestand", True),
        ("abgelaufen*", "abgelaufene Sitzung", True),
        ("don't ask", "Don’t ask again", True),
        ("S.", "320 S.", True),
        ("# pages", "The # pages", True),
        ("a.b", "axb", False),
        ("Größe", "GRÖSSE", False),
        ("Größe", "GRÖßE", True),
    ],
)
def test_a_phrase_is_found_as_a_person_would(phrase: str, text: str, is_there: bool) -> None:
    assert (finding([phrase]).search(text) is not None) is is_there


def test_of_no_phrases_none_is_found() -> None:
    for pattern in (finding([]), filling([]), re.compile(beginning_as([]))):
        assert pattern.search("") is None
        assert pattern.search("anything") is None


def test_a_phrase_may_fill_a_button() -> None:
    pattern = filling(["Weiter"])
    assert pattern.match(" » weiter » ")
    assert not pattern.match("Weiter suchen")


EUROPE = profile(
    '[numbers]\ndecimal = ","\ndates = "dmy"\npages = ["Seiten", "S."]\ngrams = ["Gramm"]\n'
    'copies = ["Stück"]\ndollars = ["US-Dollar"]\n[words]\nmonths = { Januar = 1, "März" = 3 }'
).numbers


@pytest.mark.parametrize(
    ("text", "price"),
    [
        *(("18,99 $", "18.99"), ("$ 18,99", "18.99"), ("18,99 US-Dollar", "18.99"), ("18,99", "18.99")),
        *(("1.299,00 $", "1299.00"), ("18.99", "18.99"), ("1.299", None), ("18,99 €", None)),
        *(("1.299 $", "1299.00"), ("18,999 $", None), ("32", None), ("18,9", None)),
    ],
)
def test_a_price_of_europe(text: str, price: str | None) -> None:
    found, _ = fields.read_price(EUROPE.price(text))
    assert (str(found) if found is not None else None) == price


@pytest.mark.parametrize(
    ("text", "day"),
    [
        *(("03.04.2026", "2026-04-03"), ("3.4.26", "2026-04-03"), ("3/4/2026", "2026-04-03")),
        *(("3. März 2026", "2026-03-03"), ("31.04.2026", "None"), ("04.31.2026", "None")),
        *(("Januar 2026", "2026-01-01"), ("2026-04-03", "2026-04-03"), ("3.4.99", "1999-04-03")),
        ("v3.4.2026", "None"),
    ],
)
def test_a_day_of_europe(text: str, day: str) -> None:
    assert str(fields.read_date(EUROPE.date(text))[0]) == day


def test_other_numbers_of_europe() -> None:
    assert fields.read_count(EUROPE.number("1.204 Stück")) == (1204, None)
    assert fields.read_count(EUROPE.number("1,204"))[0] is None
    assert str(fields.read_weight(EUROPE.number("1.204,5 Gramm"))[0]) == "2.66"
    assert fields.read_page_count(EUROPE.number("320 S.")) == 320
    assert fields.read_page_count(EUROPE.number("320Seiten")) == 320


def test_without_entries_texts_stay_as_they_are() -> None:
    ours = built_in().numbers
    for text in ("18,99 $", "03.04.2026", "1.204 Stück", "3. März 2026"):
        assert (ours.number(text), ours.price(text), ours.date(text)) == (text, text, text)
    assert NumberForms(SiteEntries(dates="mdy")).date("03.04.2026") == "2026-03-04"


def test_centers_by_their_own_names() -> None:
    stock = profile(
        '[centers]\n"Zentrallager Nord" = "TN"\nZentrallager = "PA"\nZN = "OR"\nXYZ = "IN"\n"Lager NO" = "CA"'
    ).stock
    for text, code in {
        "Zentrallager Nord": "TN",
        "ZENTRALLAGER-NORD (Primary):": "TN",
        "Ihr Zentrallager Nord, heute": "TN",
        "Zentrallager": "PA",
        "ZN": "OR",
        "XYZ2": "IN",
        "Lager NO": "CA",
        "TN": "TN",
        "La Vergne": "TN",
        "Südlager": None,
    }.items():
        assert stock.code(text) == code, text
    assert stock.is_code("Zentrallager Nord")
    assert built_in().stock.code("Zentrallager Nord") is None


def test_words_of_headings_are_of_any_alphabet() -> None:
    assert words_of("Verfügbarkeit_neu (Art.-Nr.)") == {"verfügbarkeit", "neu", "art", "nr"}


def test_a_profile_goes_to_another_process() -> None:
    own = profile('[labels]\nprice = ["Preis"]')
    assert own.labels.field_named("Preis:") == ("price", 0)
    again = pickle.loads(pickle.dumps(own))
    assert again.fingerprint == own.fingerprint
    assert again.labels.field_named("Preis:") == ("price", 0)


@pytest.mark.parametrize(
    ("isbn", "covers"),
    [
        ("9780306406157", ["/c/9780306406157.jpg", "/c?i=0306406152"]),
        ("9791032305690", ["/c/9791032305690.jpg"]),
    ],
)
def test_addresses_are_filled_in(isbn: str, covers: list[str]) -> None:
    own = profile(
        '[addresses]\nproduct = "/t/{isbn}?x={isbn}"\ncovers = ["/c/{isbn}.jpg", "/c?i={isbn10}"]\n'
        'search_export = "/l/{search}.xlsx"\nsearch_results = "/l/{search}?p={page}"'
    )
    assert own.product_path(isbn) == f"/t/{isbn}?x={isbn}"
    assert own.cover_paths(isbn) == covers
    assert own.export_path("SF-1", 20_000) == "/l/SF-1.xlsx"
    assert own.results_path("SF 1&x", 2, 20_000) == "/l/SF%201%26x?p=2"
    assert own.product_link.search(f"https://site.example/t/{isbn}")
    assert not built_in().product_link.search(f"https://site.example/t/{isbn}")
