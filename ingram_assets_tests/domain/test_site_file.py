"""A shop's site.toml: what is taken, what is refused and in which words, and what is laid over what."""

import re
from pathlib import Path

import pytest

from ingram_assets.domain.site_file import (
    COLUMNS,
    ELEMENTS,
    HEADINGS,
    LABELS,
    SIGN_IN,
    UNITS,
    WORDS,
    SiteEntries,
    SiteFileError,
    parse_site_file,
)
from ingram_assets.sources.ipage.profile.site_profile import SITE_FILE, built_in, profile_with

SITE = "https://ipage.example"
DOCUMENTATION = Path(__file__).parents[2] / "docs/site.md"
OURS = SITE_FILE.read_bytes()
EXAMPLES = re.findall(r"```toml\n(.*?)```", DOCUMENTATION.read_text("utf-8"), re.DOTALL)


def entries(text: str, site: str | None = SITE) -> SiteEntries:
    return parse_site_file(text.encode(), site)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[lables]", "[lables] is no section of it: is labels meant?"),
        ("[xyz]", "[xyz] is no section of it: there are addresses, labels"),
        ('labels = "price"', "labels is a section: write [labels]"),
        ('[labels]\nprise = ["Preis"]', "[labels] has no key prise: is price meant?"),
        ('[labels]\npub-date = ["Datum"]', "[labels] has no key pub-date: is pub_date meant?"),
        ('[headings]\nonhand = ["Bestand"]', "[headings] has no key onhand: is on_hand meant?"),
        ('[columns]\nwidth = ["Breite"]', "[columns] has no key width: there are isbn"),
        ('[words]\nblock = ["Zugriff verweigert"]', "[words] has no key block: is blocked meant?"),
        ('[numbers]\ndecimals = ","', "[numbers] has no key decimals: is decimal meant?"),
        ('[sign_in]\nusers = ["Name"]', "[sign_in] has no key users: is user meant?"),
        ('[addresses]\nproducts = "/a/{isbn}"', "[addresses] has no key products: is product meant?"),
        ('[labels]\nprice = "Preis"', '[labels] price has to be a list of texts, as ["one", "another"]'),
        ("[labels]\nprice = 5", "and is the number 5"),
        ("[labels]\nprice = [5]", "[labels] price has the number 5 in it"),
        ('[labels]\nprice = [["Preis"]]', "[labels] price has a list in it"),
        ('[labels]\nprice = [""]', '[labels] price has "" in it, which has no letter or digit'),
        ('[labels]\nprice = [" : "]', "which has no letter or digit: take it out"),
        ('[labels]\nprice = ["a\\nb"]', "a control character or a line break"),
        (f'[labels]\nprice = ["{"x" * 300}"]', "a text of more than 200 characters"),
        (
            '[labels]\nprice = ["Preis"]\nweight = ["preis:"]',
            '[labels] has "preis:" under price and under weight: leave it under one of them',
        ),
        ('[headings]\non_hand = ["da"]\nignored = ["DA"]', '[headings] has "DA" under on_hand and under'),
        ('[sign_in]\nsubmit = ["los"]\nuser = ["Los"]', '[sign_in] has "Los" under submit and under user'),
        ('[centers]\nNord = "TNX"', '[centers] "Nord" has to be two letters, those of its state, as "TN"'),
        ("[centers]\nNord = 5", '[centers] "Nord" has to be two letters'),
        ('[centers]\nNord = "TN"\nNORD = "PA"', '[centers] "NORD" stands there twice, as TN and as PA'),
        ('[centers]\n"" = "TN"', "which has no letter or digit"),
        ('[statuses]\nweg = "gone"', '[statuses] "weg" has to be one of In Print, Not Yet Published'),
        ('[bindings]\n"Tb." = "Tb."', '[bindings] "Tb." has to be a binding that is known, as Paperback'),
        ("[bindings]\nTb = 5", '[bindings] "Tb" has to be a binding that is known'),
        ('[bindings]\n"Tb" = ["Paperback"]', '[bindings] "Tb" has to be a binding that is known'),
        (
            '[bindings]\n"E Buch" = "E-Book"\n"e-buch" = "Paperback"',
            '[bindings] "e-buch" stands there twice, as E-Book and as Paperback',
        ),
        ('[elements]\nprice = [".p"]', "[elements] has no key price: there are title, description"),
        ('[elements]\ntitle = "h1"', "[elements] title has to be a list of texts"),
        ('[elements]\ntitle = ["div h1"]', '[elements] title has "div h1" in it: write the element\'s name'),
        ('[elements]\ntitle = ["h1:hover"]', "write the element's name, its class behind a point"),
        ('[elements]\ntitle = ["h1, h2"]', "write the element's name"),
        ('[elements]\ntitle = ["h1"]\ndescription = ["h1"]', '[elements] has "h1" under title and under'),
        ('[roles]\n"Hrsg." = "Hrsg."', '[roles] "Hrsg." has to be a role that is known, as Author'),
        ('[words]\nblocked = ["nein"]', '[words] blocked has "nein" in it, which may stand on any page'),
        ("[words]\nmonths = { mai = 13 }", '[words] months "mai" has to be the number of a month'),
        ("[words]\nmonths = { mai = true }", '[words] months "mai" has to be the number of a month'),
        ('[words]\nmonths = ["mai"]', "[words] months has to be a table"),
        ('[numbers]\ndecimal = ";"', '[numbers] decimal has to be "." or ","'),
        ('[numbers]\ndates = "ymd"', '[numbers] dates has to be "mdy" or "dmy"'),
        ('[addresses]\nproduct = "/a"', "[addresses] product lacks {isbn}"),
        ('[addresses]\nproduct = "/a/{isbn10}"', "[addresses] product lacks {isbn}"),
        ('[addresses]\nproduct = "/a/{ean}"', "[addresses] product has {ean} in it, which is filled in by"),
        ('[addresses]\nhome = "/a/{isbn}"', "there is none"),
        ('[addresses]\nproduct = "/a/{isbn"', "a brace without its partner"),
        ('[addresses]\nsearch_results = "/a"', "[addresses] search_results lacks {search}"),
        ('[addresses]\ncovers = "/a/{isbn}"', "[addresses] covers has to be a list of addresses"),
        ("[addresses]\ncovers = []", "[addresses] covers has to be a list of addresses"),
        ('[addresses]\ncovers = ["/a/{isbn}", "/b"]', "[addresses] covers lacks {isbn} or {isbn10}"),
        ("[addresses]\nhome = 5", "[addresses] home has to be an address in quotes"),
        ('[addresses]\nhome = "start"', "[addresses] home has to begin with /"),
        ('[addresses]\nhome = "//other.example/a"', "[addresses] home has to begin with /"),
        ('[addresses]\nhome = "/a b"', "has a blank, a # or another sign in it that no address has"),
        ('[addresses]\nhome = "/a#b"', "has a blank, a # or another sign"),
        (
            '[addresses]\nhome = "https://other.example/a"',
            "[addresses] home is of another host than the site's, ipage.example",
        ),
        ('[addresses]\nhome = "https://ipage.example.evil/a"', "is of another host than the site's"),
        ('[addresses]\nhome = "https://ipage.example:8443/a"', "is of another host than the site's"),
        ('[addresses]\nhome = "https://ipage.example@evil/a"', "is of another host than the site's"),
        ("[labels\nprice", "it is no TOML (Expected ']'"),
        ("[labels]\nprice = [“Preis”]", "texts in straight quotes"),
        (
            '[labels]\nprice = ["a"]\nprice = ["b"]',
            "a section or key stands there twice (at end of document)",
        ),
        ("[labels]\n[words]\n[labels]\n", "a section or key stands there twice (at line 3"),
        ("# " + "x" * 200_001, "it has more than 200,000 bytes"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_key(text: str, told: str) -> None:
    with pytest.raises(SiteFileError, match=re.escape(told)):
        entries(text)


def test_another_encoding_says_how_to_save_it() -> None:
    with pytest.raises(
        SiteFileError, match=r"line 2 is not in UTF-8: have the editor save the file as UTF-8"
    ):
        parse_site_file('[labels]\nprice = ["Größe"]'.encode("cp1252"), SITE)


def test_an_editors_mark_and_line_ends_are_no_matter() -> None:
    text = b'\xef\xbb\xbf[labels]\r\nprice = [\r\n"Preis"\r\n]\r\n'
    assert parse_site_file(text, SITE).labels == {"price": ("Preis",)}


@pytest.mark.parametrize(
    ("site", "address"),
    [
        ("https://ipage.example", "https://IPAGE.example/start?a=1"),
        ("https://ipage.example:443", "https://ipage.example/start?a=1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/start?a=1"),
        (None, "https://anywhere.example/start?a=1"),
    ],
)
def test_a_whole_address_of_the_site_is_its_path(site: str | None, address: str) -> None:
    assert entries(f'[addresses]\nhome = "{address}"', site).addresses == {"home": ("/start?a=1",)}
    assert entries(f'[addresses]\nhome = "{address.partition("/start")[0]}"', site).addresses["home"] == (
        "/",
    )


def test_the_file_that_comes_with_the_program_is_such_a_file_and_whole() -> None:
    ours = parse_site_file(OURS, "https://ipage.ingramcontent.com")
    assert [*ours.labels] == [*LABELS]
    assert [*ours.elements] == [*ELEMENTS]
    assert [*ours.headings] == [*HEADINGS]
    assert {*ours.columns} == {*COLUMNS}
    assert {*ours.words} == {*WORDS}
    assert {*ours.units} == {*UNITS}
    assert {*ours.sign_in} == {*SIGN_IN}
    assert ours.under(SiteEntries()) == ours
    assert ours.under(ours) == ours
    assert built_in().fingerprint == ours.fingerprint == ours.under(ours).fingerprint


def test_a_shops_words_come_first_and_are_taken_from_other_keys() -> None:
    ours = parse_site_file(OURS, None)
    both = ours.under(
        entries(
            '[labels]\nprice = ["Ladenpreis", "list-price"]\nignored = ["Format"]\n'
            '[centers]\n"la vergne" = "PA"\nNord = "tn"\n[words]\nmonths = { Mai = 5 }\n'
            '[numbers]\ndecimal = ","\n[addresses]\nhome = "/start"'
        )
    )
    assert both.labels["price"][:3] == ("Ladenpreis", "list-price", "us srp")
    assert "list price" not in both.labels["price"]
    assert both.labels["ignored"][0] == "Format"
    assert "format" not in both.labels["binding"]
    assert "binding" in both.labels["binding"]
    assert both.labels["weight"] == ours.labels["weight"]
    assert (both.centers["la vergne"], both.centers["Nord"]) == ("PA", "TN")
    assert "La Vergne" not in both.centers
    assert both.months == {"mai": 5}
    assert (both.decimal, both.dates) == (",", "")
    assert both.addresses == {**ours.addresses, "home": ("/start",)}


@pytest.mark.parametrize(
    "text",
    [
        '[labels]\nprice = ["Ladenpreis"]',
        '[centers]\nNord = "TN"',
        '[numbers]\ndecimal = ","',
        '[addresses]\nhome = "/start"',
        "[words]\nmonths = { mai = 5 }",
        '[sign_in]\nuser = ["Name"]',
    ],
)
def test_another_fingerprint_for_each_change_and_the_same_for_the_same(text: str) -> None:
    one = profile_with(entries(text)).fingerprint
    assert one == profile_with(entries(f"# a comment\n{text}\n")).fingerprint
    assert one != built_in().fingerprint


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_documentation_are_taken(example: str) -> None:
    found = entries(example)
    assert found != SiteEntries()
    assert profile_with(found).fingerprint != built_in().fingerprint


def test_the_documentation_names_every_section_and_key() -> None:
    text = DOCUMENTATION.read_text("utf-8")
    names = {*LABELS, *ELEMENTS, *HEADINGS, *COLUMNS, *WORDS, *UNITS, *SIGN_IN, "decimal", "dates", "months"}
    lacking = [name for name in names if not re.search(rf"`{name}`|^{name} = ", text, re.MULTILINE)]
    assert lacking == []
