"""Pages that are not as iPage's are: read right with a shop's site.toml, and nothing wrong without it."""

from datetime import date
from decimal import Decimal

import httpx
import pytest

from ingram_assets.domain.bindings import is_digital
from ingram_assets.domain.site_file import parse_site_file
from ingram_assets.domain.stock import DcStock
from ingram_assets.sources.ipage.access.answers import ExpectedAnswer, Fetched, bears_no_mark, classify
from ingram_assets.sources.ipage.pages.helpful_entries import helpful_entries
from ingram_assets.sources.ipage.pages.listings import read_file, read_listing
from ingram_assets.sources.ipage.pages.page_failures import (
    Blocked,
    NotFound,
    PageChanged,
    SessionExpired,
    SiteClosed,
)
from ingram_assets.sources.ipage.pages.pictures import check_picture
from ingram_assets.sources.ipage.pages.product_page import parse_product_page, read_product_page
from ingram_assets.sources.ipage.pages.recognize import PageKind, recognize, shows_a_session
from ingram_assets.sources.ipage.pages.results_page import NothingListed, ResultsPage, read_results_page
from ingram_assets.sources.ipage.pages.understood import understand
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, profile_with

ISBN, OTHER = "9780306406157", "9780593135204"


def profile(text: str) -> SiteProfile:
    return profile_with(parse_site_file(text.encode(), None))


OWN = profile(
    """
[labels]
ean = ["Artikel-Nr."]
contributors = ["Verfasser"]
publisher = ["Verlag"]
price = ["Ladenpreis"]
binding = ["Einband"]
pub_date = ["Erscheint am"]
weight = ["Gewicht"]
pages = ["Umfang"]
description = ["Inhalt"]
returnable = ["Remission"]
ignored = ["Einkauf"]
[headings]
center = ["Lager"]
on_hand = ["Bestand"]
on_order = ["Bestellt"]
total = ["Summe"]
ignored = ["erwartet", "reserviert"]
[centers]
"Zentrallager Nord" = "TN"
Ost = "PA"
[bindings]
gebunden = "Hardcover"
[columns]
isbn = ["Art.-Nr."]
title = ["Werk"]
price = ["Ladenpreis"]
[words]
blocked = ["Zugriff verweigert"]
expired = ["Sitzung ist abgelaufen"]
closed = ["Wartungsarbeiten"]
not_found = ["kein Titel gefunden"]
no_picture = ["Kein Bild"]
sign_out = ["Abmelden"]
results = ["Treffer"]
next_page = ["Weiter"]
download = ["Herunterladen"]
beside = ["Kunden kauften auch"]
no = ["nein"]
[numbers]
decimal = ","
dates = "dmy"
pages = ["Seiten"]
"""
)

ROWS = {
    "Artikel-Nr.": ISBN,
    "Verfasser": "Eva Beispiel",
    "Verlag": "Insel",
    "Einkauf": "11,39 $",
    "Ladenpreis": "1.018,99 $",
    "Erscheint am": "03.04.2026",
    "Einband": "gebunden",
    "Gewicht": "0,350 kg",
    "Umfang": "320 Seiten",
    "Inhalt": "Ein Turm.",
    "Remission": "nein",
}
STOCK = (
    ("Lager", "Bestand", "Bestellt", "erwartet am", "Bestand reserviert"),
    ("Zentrallager Nord", "1.204", "3", "03.04.2026", "7"),
    ("Ost", "4", "0", "", "0"),
    ("Summe", "1.208", "3", "", "7"),
)


def page(*, title: str = '<h1 id="pd-title">Der Turm</h1>', rows: dict[str, str] = ROWS) -> str:
    labels = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows.items())
    stock = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in STOCK)
    return f"<html><body>{title}<table>{labels}</table><table>{stock}</table></body></html>"


def test_a_page_of_other_words_is_read_right() -> None:
    found = parse_product_page(page(), OWN)
    assert (found.isbn, found.title, found.publisher) == (ISBN, "Der Turm", "Insel")
    assert [person.name for person in found.contributors] == ["Eva Beispiel"]
    assert (found.srp_price, found.publication_date) == (Decimal("1018.99"), date(2026, 4, 3))
    assert (found.weight, found.page_count) == (Decimal("0.77"), 320)
    assert (found.binding, found.description) == ("Hardcover", "Ein Turm.")
    assert found.restrictions == ("not_returnable",)
    assert found.stock == {"TN": DcStock(1204, 3, "primary"), "PA": DcStock(4, 0, "secondary")}
    assert found.warnings == ("The table of the other DCs is missing.",)


def test_without_the_file_nothing_of_it_is_read_wrong() -> None:
    with pytest.raises(PageChanged, match="neither EAN nor ISBN"):
        parse_product_page(page())
    found = parse_product_page(page(rows={**ROWS, "ISBN": ISBN}))
    assert found.isbn == ISBN
    assert found.stock is None
    for name in (
        "publisher",
        "srp_price",
        "publication_date",
        "weight",
        "page_count",
        "binding",
        "description",
    ):
        assert getattr(found, name) is None, name
    assert (found.contributors, found.restrictions) == ((), ())


@pytest.mark.parametrize(
    "entries",
    [
        '[labels]\nprice = ["Ladenpreis"]\nweight = ["Gewicht"]\npub_date = ["Erscheint am"]',
        '[headings]\non_hand = ["Bestand"]',
        '[headings]\non_hand = ["Bestand"]\non_order = ["Bestellt"]',
        '[headings]\non_hand = ["Bestand"]\non_order = ["Bestellt"]\ncenter = ["Lager"]',
        '[headings]\non_hand = ["Bestand"]\non_order = ["Bestellt"]\nignored = ["reserviert"]',
    ],
)
def test_half_a_file_reads_nothing_wrong(entries: str) -> None:
    found, notes = read_product_page(page(rows={**ROWS, "EAN": ISBN}), profile(entries))
    assert (found.srp_price, found.weight, found.publication_date) == (None, None, None)
    # A count in the other form is none; a center of three letters is counted under its first two.
    assert (found.stock or {}) in ({}, {"OS": DcStock(4, 0, "secondary")})
    assert notes.refused or notes.stock.lost_rows or not notes.stock.tables


def test_what_is_not_understood_leads_to_the_entries_that_help() -> None:
    strange = understand(page(rows={**ROWS, "EAN": ISBN}).encode()).strange
    lines = helpful_entries(strange)
    # Which of two prices is the book's, a person has to say.
    assert '# price = ["Ladenpreis"]  # beside it "1.018,99 $"' in lines
    assert '# price = ["Einkauf"]  # beside it "11,39 $"' in lines
    assert '# pub_date = ["Erscheint am"]  # beside it "03.04.2026"' in lines
    assert '# center = ["Lager"]  # below it "Zentrallager Nord"' in lines
    assert {'decimal = ","', 'dates = "dmy"'} <= {*lines}
    assert "[labels]" in lines
    assert '# on_hand = ["Bestand"]' in lines
    parse_site_file("\n".join(lines).encode(), None)
    assert helpful_entries(understand(page().encode(), OWN).strange) == []


def test_a_center_that_is_not_known_is_told_with_its_entry() -> None:
    own = profile(
        '[headings]\non_hand = ["Bestand"]\non_order = ["Bestellt"]\ncenter = ["Lager"]\n'
        'ignored = ["reserviert"]\n[centers]\nOst = "PA"'
    )
    lines = helpful_entries(understand(page(rows={"EAN": ISBN}).encode(), own).strange)
    assert "[centers]" in lines
    assert any('"Zentrallager Nord" = ""' in line for line in lines)


def test_a_row_that_adds_up_the_others_is_no_center() -> None:
    own = profile(
        '[headings]\non_hand = ["Bestand"]\non_order = ["Bestellt"]\ncenter = ["Lager"]\n'
        'ignored = ["reserviert"]\n[centers]\nOst = "PA"\n"Zentrallager Nord" = "TN"\n'
        '[numbers]\ndecimal = ","'
    )
    lines = helpful_entries(understand(page(rows={"EAN": ISBN}).encode(), own).strange)
    assert '# total = ["Summe"]' in lines
    assert not any('"Summe" = ' in line for line in lines)


@pytest.mark.parametrize("apart", [" ", "\u00a0", "\u202f", "\u2009", "."])
def test_thousands_stand_apart_as_where_the_comma_is_decimal(apart: str) -> None:
    text = page(rows={**ROWS, "Ladenpreis": f"1{apart}018,99 $"}).replace("1.204", f"1{apart}204")
    found = parse_product_page(text, OWN)
    assert found.srp_price == Decimal("1018.99")
    assert (found.stock or {})["TN"] == DcStock(1204, 3, "primary")


@pytest.mark.parametrize(
    ("entries", "row"),
    [
        ('[labels]\nprice = ["Carton quantity"]', {"Carton Quantity": "32"}),
        ('[labels]\nprice = ["Carton quantity"]', {"Carton Quantity": "1,200", "US SRP": "$18.99"}),
        ('[labels]\nprice = ["Karton"]\n[numbers]\ndecimal = ","', {"Karton": "1.200"}),
        ('[labels]\nprice = ["Karton"]\n[numbers]\ndecimal = ","', {"Karton": "1,5"}),
        ("", {"US SRP": "32"}),
    ],
)
def test_a_number_that_does_not_look_like_money_is_no_price(entries: str, row: dict[str, str]) -> None:
    found = understand(page(rows={"EAN": ISBN, **row}).encode(), profile(entries)).page
    assert found is not None
    assert found.srp_price is None
    (warning,) = [each for each in found.warnings if "nothing says that it is money" in each]
    assert f"(under “{next(iter(row))}”)" in warning


@pytest.mark.parametrize("shown", ["18,99", "18.99", "18,99 $", "$ 18,99", "18,99 US-Dollar"])
def test_what_looks_like_money_in_the_site_s_form_is_a_price(shown: str) -> None:
    own = profile('[labels]\nprice = ["Preis"]\n[numbers]\ndecimal = ","\ndollars = ["US-Dollar"]')
    assert parse_product_page(page(rows={"EAN": ISBN, "Preis": shown}), own).srp_price == Decimal("18.99")


STATUS = {**ROWS, "Publisher Status": "Storniert"}


def test_a_publisher_s_status_in_other_words() -> None:
    own = profile('[statuses]\n"storniert" = "canceled"')
    assert parse_product_page(page(rows={"EAN": ISBN, **STATUS}), own).publisher_status == "Canceled"
    understood = understand(page(rows={"EAN": ISBN, **STATUS}).encode())
    assert any(one.what == "status" and one.words == "Storniert" for one in understood.strange)
    lines = helpful_entries(understood.strange)
    assert "[statuses]" in lines
    assert '# "Storniert" = "In Print"' in lines
    known = page(rows={"EAN": ISBN, "Publisher Status": "Out of Stock Indefinitely"})
    assert not [one for one in understand(known.encode()).strange if one.what == "status"]


BINDINGS = profile(
    '[bindings]\nTaschenbuch = "Paperback"\n"livre de poche" = "Mass Market Paperback"\n'
    '"Téléchargement" = "Audio Download"\n"livre numérique" = "e-book"'
)


@pytest.mark.parametrize(
    ("shown", "meant", "is_file"),
    [
        ("Taschenbuch", "Paperback", False),
        ("LIVRE-DE  POCHE", "Mass Market Paperback", False),
        ("Téléchargement", "Audio Download", True),
        ("Livre numérique", "e-book", True),
        ("E-Book", "E-Book", True),
        ("Hardcover", "Hardcover", False),
    ],
)
def test_a_binding_in_other_words(shown: str, meant: str, is_file: bool) -> None:
    text = page(rows={"EAN": ISBN, "Binding": shown})
    found = parse_product_page(text, BINDINGS)
    assert found.binding == meant
    assert is_digital(meant) is is_file
    assert not [one for one in understand(text.encode(), BINDINGS).strange if one.what == "binding"]


@pytest.mark.parametrize(
    "shown", ["Taschenbuch", "Livre de poche", "Téléchargement", "Livre numérique", "Kindle-Ausgabe", "Tb."]
)
def test_a_binding_that_is_not_known_is_named_and_no_file(shown: str) -> None:
    understood = understand(page(rows={"EAN": ISBN, "Binding": shown}).encode())
    assert understood.page is not None
    assert understood.page.binding == shown
    assert not is_digital(shown)
    (strange,) = [one for one in understood.strange if one.what == "binding"]
    assert (strange.words, strange.path) == (shown, "body table tr th")
    lines = helpful_entries([strange])
    assert lines[0] == "[bindings]"
    assert f'# "{shown}" = "Paperback"' in lines
    # Of what the line proposes, a person has to choose.
    assert parse_site_file("\n".join(lines).encode(), None).bindings == {}


def test_two_words_for_one_binding_are_no_two_bindings() -> None:
    text = "".join(
        f'<div class="productDetailElements"><b>{label}:</b> {shown}</div>'
        for label, shown in (("EAN", ISBN), ("Binding", "Taschenbuch"), ("Format", "Paperback"))
    )
    text = f'<html><body><h1 id="pd-title">Der Turm</h1>{text}</body></html>'
    assert parse_product_page(text, BINDINGS).binding == "Paperback"
    assert parse_product_page(text).binding is None


ROLES = profile('[roles]\n"Übersetzer" = "Translator"\n"übersetzt von" = "Translated by"\n"Hrsg." = "Editor"')


@pytest.mark.parametrize(
    ("shown", "people"),
    [
        ("Weber, Anna (Übersetzer)", [("Weber, Anna", "Translator")]),
        ("Weber, Anna [Hrsg.]; Köhler, Jörg (Hrsg., Übersetzer)", ["Editor", "Editor, Translator"]),
        ("Übersetzer: Anna Weber", [("Anna Weber", "Translator")]),
        ("Übersetzt  von Anna Weber | Jörg Köhler", [("Anna Weber", "Translated by"), ("Jörg Köhler", None)]),
        ("Weber, Anna, Übersetzer", [("Weber, Anna", "Translator")]),
        ("Anna Weber – Übersetzer", [("Anna Weber", "Translator")]),
        ("Übersetzer - Anna Weber", [("Anna Weber", "Translator")]),
        ("(Hrsg.) Anna Weber", [("Anna Weber", "Editor")]),
        ("Weber, Anna (1970-) (Author)", [("Weber, Anna", "Author")]),
        ("Translated by Anna Weber", [("Anna Weber", "Translated by")]),
        ("Weber, Anna", [("Weber, Anna", None)]),
        ("Anna Weber-Köhler; Jean-Luc O'Neill", [("Anna Weber-Köhler", None), ("Jean-Luc O'Neill", None)]),
        ("(Hrsg.)", [("(Hrsg.)", None)]),
    ],
)
def test_roles_in_other_words_are_no_part_of_a_name(shown: str, people: list[object]) -> None:
    found = parse_product_page(page(rows={"EAN": ISBN, "Contributors": shown}), ROLES).contributors
    told: list[object] = [one.role if isinstance(people[0], str) else tuple(one) for one in found]
    assert told == people


@pytest.mark.parametrize(
    "shown",
    [
        "Weber, Anna (Sprecherin)",
        "Weber, Anna [Sprecherin]",
        "Sprecherin: Weber, Anna",
        "Weber, Anna - Sprecherin",
    ],
)
def test_a_role_that_is_not_known_is_named_and_no_part_of_a_name(shown: str) -> None:
    understood = understand(page(rows={"EAN": ISBN, "Contributors": shown}).encode(), ROLES)
    assert understood.page is not None
    assert [one.name for one in understood.page.contributors] == ["Weber, Anna"]
    (strange,) = [one for one in understood.strange if one.what == "role"]
    assert (strange.words, strange.text) == ("Sprecherin", "Weber, Anna")
    lines = helpful_entries([strange])
    assert lines[0] == "[roles]"
    assert '# "Sprecherin" = "Author"  # of "Weber, Anna"' in lines


def test_a_role_beside_a_link_in_other_words() -> None:
    link = '<a class="doContributorSearch"><span>Anna Weber</span></a> (Übersetzer)'
    text = page(title=f'<h1 id="pd-title">Der Turm</h1>{link}', rows={"EAN": ISBN}).replace(
        "<table>", '<table class="productDetailElements">', 1
    )
    (person,) = parse_product_page(text, ROLES).contributors
    assert person == ("Anna Weber", "Translator")


def test_a_day_that_the_us_does_not_write_so_casts_doubt_on_all() -> None:
    """03/02/2027 of the same site is the third of February."""
    lines = helpful_entries(understand(page(rows={"EAN": ISBN, "Pub Date": "14/06/2027"}).encode()).strange)
    assert 'dates = "dmy"' in lines
    usual = understand(page(rows={"EAN": ISBN, "Pub Date": "06/14/2027"}).encode()).strange
    assert 'dates = "dmy"' not in helpful_entries(usual)


def test_nothing_that_is_only_guessed_is_ready_to_paste() -> None:
    lines = helpful_entries(understand(page(rows={**ROWS, "EAN": ISBN}).encode()).strange)
    assert not [line for line in lines if line.startswith("ignored")]


def ready(rows: dict[str, str], more: str = "") -> list[str]:
    """The entries that are ready to paste, of a page in which the rest is understood."""
    lines = helpful_entries(
        understand(page(rows={"EAN": ISBN, **rows}).replace("</body>", f"{more}</body>").encode()).strange
    )
    parse_site_file("\n".join(lines).encode(), None)
    return [line for line in lines if " = " in line and not line.startswith("#")]


@pytest.mark.parametrize(
    ("label", "value", "question"),
    [
        ("Dealer cost", "$10.25", "list price"),
        ("UK price", "$10.25", "list price"),
        ("Our price", "$10.25", "list price"),
        ("Backlist price", "$10.25", "list price"),
        ("Balance due", "$9,876.54", "list price"),
        ("Reprint", "01/02/2030", "publication date"),
        ("Excerpt", "12 pages", "pages"),
        ("Publisher ID", "Insel", "publisher"),
        ("Item height", "9 lb", "weight"),
        ("Pallet", "1,204 lb", "weight"),
        ("eISBN", "9780593135204", "ISBN"),
    ],
)
def test_what_only_looks_like_a_value_is_a_question(label: str, value: str, question: str) -> None:
    assert ready({label: value}) == []
    lines = helpful_entries(understand(page(rows={"EAN": ISBN, label: value}).encode()).strange)
    if label == "eISBN":
        return  # The page has a number of its own.
    place = lines.index(f"# is this the {question}?")
    assert f'["{label}"]  # beside it "{value}"' in lines[place + 1]


@pytest.mark.parametrize(
    ("label", "value", "entry"),
    [
        ("List prices", "$10.25", 'price = ["List prices"]'),
        ("Publicaton date", "01/02/2030", 'pub_date = ["Publicaton date"]'),
        ("Publishers", "Insel", 'publisher = ["Publishers"]'),
    ],
)
def test_words_that_are_alike_are_ready_whatever_stands_beside(label: str, value: str, entry: str) -> None:
    assert ready({label: value, "Dealer cost": "$3.00"}) == [entry]


def other_list(heading: str, *cells: str) -> str:
    rows = "".join(f"<tr><td>{cell}</td><td>{place}</td></tr>" for place, cell in enumerate(cells, 2))
    return f"<table><tr><th>{heading}</th><th>Copies sold</th></tr>{rows}</table>"


@pytest.mark.parametrize(
    ("heading", "cells", "entries"),
    [
        ("New titles", ("Der Turm", "Die Stadt"), []),
        ("Form", ("HB", "PB"), []),
        ("Ort", ("TN", "La Vergne"), ['center = ["Ort"]']),
        ("Warehoues", ("Nord", "West"), ['center = ["Warehoues"]']),
    ],
)
def test_a_column_of_another_list_is_no_center_that_is_ready(
    heading: str, cells: tuple[str, ...], entries: list[str]
) -> None:
    assert ready({}, other_list(heading, *cells)) == entries


def message(text: str, title: str = "Portal") -> bytes:
    return (
        f"<html><head><title>{title}</title></head><body><h3>Hinweis</h3><p>{text}</p></body></html>".encode()
    )


@pytest.mark.parametrize(
    ("text", "kind", "error"),
    [
        ("Ihr Zugriff   verweigert: später erneut versuchen.", PageKind.BLOCKED, Blocked),
        ("Ihre Sitzung ist abgelaufen.", PageKind.EXPIRED, SessionExpired),
        ("Wegen Wartungsarbeiten geschlossen.", PageKind.CLOSED, SiteClosed),
        ("Es wurde kein Titel gefunden.", PageKind.NOT_FOUND, NotFound),
    ],
)
def test_pages_in_the_place_of_another_are_known_by_their_words(
    text: str, kind: PageKind, error: type[Exception]
) -> None:
    body = message(text)
    assert recognize(body).kind is PageKind.PAGE
    assert recognize(body, profile=OWN).kind is kind
    answer = Fetched(200, "https://site.example/a", httpx.Headers(), body)
    classify(answer, ExpectedAnswer.PRODUCT)
    with pytest.raises(error):
        classify(answer, ExpectedAnswer.PRODUCT, OWN)
    # A book may be described with any of these words.
    of_a_book = page(rows={**ROWS, "Inhalt": text}).encode()
    assert recognize(of_a_book, profile=OWN).kind is PageKind.PAGE
    assert parse_product_page(of_a_book, OWN).isbn == ISBN


def test_a_book_is_known_by_the_label_of_its_number() -> None:
    body = b"<html><body><p>Artikel-Nr. 978-0-306-40615-7</p><p>Zugriff verweigert</p></body></html>"
    assert recognize(body, profile=OWN).is_product
    assert not recognize(body).is_product


def test_the_words_of_a_live_session_and_of_the_login() -> None:
    body = b'<html><body><p>Willkommen</p><a href="/raus.do">Abmelden</a></body></html>'
    assert shows_a_session(body, OWN)
    assert not shows_a_session(body, profile(""))
    own = profile('[addresses]\nlogin = "/anmeldung/benutzer.do?x=1"')
    answer = Fetched(200, "https://site.example/anmeldung/benutzer.do", httpx.Headers(), message("Ihr Name?"))
    classify(answer, ExpectedAnswer.PAGE, OWN)
    with pytest.raises(SessionExpired, match="the site sends to /anmeldung"):
        classify(answer, ExpectedAnswer.PAGE, own)


def test_that_there_is_no_picture_is_no_lost_session() -> None:
    body = message("Kein Bild vorhanden")
    with pytest.raises(Exception, match="web page came in place of the cover") as caught:
        check_picture(body, OWN)
    assert not bears_no_mark(caught.value, body, ExpectedAnswer.PICTURE, OWN)
    assert bears_no_mark(caught.value, body, ExpectedAnswer.PICTURE)


LIST = f"""<html><body><form><input name=q></form><a href="/l/1.xlsx">Herunterladen</a>
<h3>Liste 1: 1.002 Treffer</h3><a href="/l/1?s=2">Weiter »</a>
<table><tr><th>Art.-Nr.</th><th>Werk</th><th>Ladenpreis</th></tr>
<tr><td>{ISBN}</td><td>Der Turm</td><td>18,99 $</td></tr>
<tr><td>{OTHER}</td><td>Die Stadt</td><td>7,50 $</td></tr></table>
<h4>Kunden kauften auch</h4><ul><li><a href="/t?ean=9780441172719">Dune</a></li></ul></body></html>"""


def test_a_page_of_results_of_other_words() -> None:
    found = read_results_page(LIST, "https://site.example/l/1", OWN)
    assert [(each.isbn, each.title, str(each.srp_price)) for each in found.titles] == [
        (ISBN, "Der Turm", "18.99"),
        (OTHER, "Die Stadt", "7.50"),
    ]
    assert (found.total, found.next_page, found.export) == (1002, "/l/1?s=2", "/l/1.xlsx")
    without = read_results_page(LIST, "https://site.example/l/1")
    assert [(each.isbn, each.title, each.srp_price) for each in without.titles] == [
        (ISBN, None, None),
        (OTHER, None, None),
    ]
    assert (without.total, without.next_page) == (None, None)
    assert isinstance(read_listing(LIST.encode(), OWN), ResultsPage)


def test_a_search_without_titles_says_so_in_its_words() -> None:
    body = "<html><body><form><input name=q></form><p>Liste 1: 0 Treffer</p></body></html>"
    with pytest.raises(NothingListed):
        read_results_page(body, "", OWN)


@pytest.mark.parametrize("price", ["18,99", "18.99", "18,99 $"])
def test_an_export_of_other_columns(price: str) -> None:
    data = f"Liste 1;;\nArt.-Nr.;Werk;Ladenpreis\n{ISBN};Der Turm;{price}\n".encode()
    for read in (read_file, read_listing):
        (title,) = read(data, OWN).titles
        assert (title.isbn, title.title, str(title.srp_price)) == (ISBN, "Der Turm", "18.99")
    with pytest.raises(PageChanged, match="no column of this name"):
        read_listing(data)


@pytest.mark.parametrize("shown", [["Der Turm"], ["Der Turm", "Der Turm"]])
def test_a_title_stands_under_its_label_where_it_has_no_element_of_its_own(shown: list[str]) -> None:
    own = profile('[labels]\nean = ["Artikel-Nr."]\ntitle = ["Werk"]')
    titles = "".join(f"<table><tr><th>Werk</th><td>{title}</td></tr></table>" for title in shown)
    assert parse_product_page(page(title=titles), own).title == "Der Turm"
    with pytest.raises(PageChanged, match="title"):
        parse_product_page(page(title=titles), OWN)
    # Its own element comes first.
    assert parse_product_page(page(rows={**ROWS, "Werk": "Die Stadt"}), own).title == "Der Turm"


ELEMENTS = profile(
    '[labels]\nean = ["Artikel-Nr."]\n[elements]\ntitle = ["h1", "h2.werk"]\ndescription = [".klappentext"]'
)
BLURB = "Ein Turm, und was bleibt. " * 12


@pytest.mark.parametrize("title", ["<h1>Der Turm</h1>", "<h2 class='a werk'>Der <i>Turm</i></h2>"])
def test_a_title_and_a_description_without_a_label(title: str) -> None:
    blurb = f"<section class='klappentext'><p>{BLURB}</p><p><b>Binding:</b> E-Book</p></section>"
    text = page(title=title + blurb, rows={"Artikel-Nr.": ISBN, "Title": "x"})
    found = understand(text.encode(), ELEMENTS)
    assert found.is_reading
    assert found.page is not None
    assert found.page.title == "Der Turm"
    assert (found.page.description or "").splitlines() == [BLURB.strip(), "", "Binding: E-Book"]
    assert found.page.binding is None, "what a blurb says is none of ours"
    assert [str(place) for place in found.places["description"]] == ["section.klappentext"]
    with pytest.raises(PageChanged, match=r"\[elements\] of site.toml"):
        parse_product_page(text, profile('[labels]\nean = ["Artikel-Nr."]'))


def test_elements_that_say_different_things_are_nobodys() -> None:
    several = page(title="<h1>Shop</h1><h1>Der Turm</h1>", rows={"Artikel-Nr.": ISBN})
    with pytest.raises(PageChanged, match="several books"):
        parse_product_page(several, ELEMENTS)
    blurbs = "<h1>Der Turm</h1><p class=klappentext>One.</p><p class=klappentext>Two.</p>"
    found = parse_product_page(page(title=blurbs, rows={"Artikel-Nr.": ISBN}), ELEMENTS)
    assert found.description is None
    assert any("names 2 of the page that say different things" in each for each in found.warnings)
    away = page(title="<h1>Der Turm</h1><h1 hidden>Shop</h1>", rows={"Artikel-Nr.": ISBN})
    assert parse_product_page(away, ELEMENTS).title == "Der Turm"


def test_a_title_and_a_description_without_a_label_are_proposed() -> None:
    title = f"<h1>Der Turm</h1><div class=text><p>{BLURB}</p></div>"
    text = page(title=title, rows={"EAN": ISBN}).encode()
    lines = helpful_entries(understand(text).strange)
    place = lines.index("[elements]")
    assert lines[place + 1 : place + 5] == [
        '# is this the title? It says "Der Turm"',
        '# title = ["h1"]',
        f'# is this the description? It says "{BLURB[:59]}…"',
        '# description = ["div.text"]',
    ]
    pasted = "\n".join(line.removeprefix("# ") for line in lines[place : place + 5] if "? " not in line)
    found = parse_product_page(text, profile(pasted))
    assert (found.title, found.description) == ("Der Turm", BLURB.strip())


def test_two_titles_are_two_books() -> None:
    own = profile('[labels]\nean = ["Artikel-Nr."]\ntitle = ["Werk", "Titel"]')
    with pytest.raises(PageChanged, match="several books"):
        parse_product_page(page(title="", rows={**ROWS, "Werk": "Der Turm", "Titel": "Die Stadt"}), own)


def test_a_problem_quotes_the_page_and_then_how_it_was_read() -> None:
    html = page(rows={"EAN": ISBN, "US SRP": "$18.99 (Discount: REG)"})
    found = understand(html.encode(), profile('[numbers]\ndecimal = ","')).page
    assert found.srp_price is None
    (told,) = [warning for warning in found.warnings if warning.startswith("US SRP")]
    assert "“$18.99 (Discount: REG)”, read as “$18,99 (Discount: REG)” is no single price" in told
