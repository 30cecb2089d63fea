"""What a person hands in: lists of ISBNs in any spelling, exports, and pages that a browser saved."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from ingram_assets.sources.ipage.pages.listings import read_file, read_listing
from ingram_assets.sources.ipage.pages.page_failures import PageChanged, SessionExpired
from ingram_assets.sources.ipage.pages.results_page import ResultsPage
from ingram_assets.sources.ipage.pages.saved_search import SavedSearch
from ingram_assets_tests.testing.page_factory import LOGIN
from ingram_assets_tests.testing.shop import make_isbn
from ingram_assets_tests.testing.workbooks import xlsx

HAIL, DUNE, FIRES = "9780593135204", "9780441013593", "9781956007329"
PAGE = (
    "<!-- saved from url=(0040)https://ipage.ingramcontent.com/ipage/s -->\n<!DOCTYPE html><html><head>"
    "<script>var a = 1;</script></head><body><p>3 results</p><table><tr><th>Title</th><th>EAN</th></tr>"
    f"<tr><td>Hail</td><td>{HAIL}</td></tr><tr><td>Dune</td><td>{DUNE}</td></tr></table></body></html>"
)


def isbns(found: SavedSearch | ResultsPage) -> list[str]:
    return [title.isbn for title in found.titles]


@pytest.mark.parametrize(
    "text",
    [
        f"{HAIL}\n{DUNE}\n",
        f"{HAIL}\r\n\r\n{DUNE}",
        f"{HAIL}\r{DUNE}",
        f"{HAIL} {DUNE}",
        f"{HAIL},{DUNE}",
        f"{HAIL}; {DUNE}\n",
        f"{HAIL}\t{DUNE}",
        f"{HAIL}|{DUNE}",
        f"{HAIL}/{DUNE}",
        f"['{HAIL}', '{DUNE}']",
        f'="{HAIL}"\n="{DUNE}"',
        "978-0-593-13520-4 978-0-441-01359-3",
        "978 0 593 13520 4 978 0 441 01359 3",
        "978–0–593–13520–4\n978‑0‑441‑01359‑3",
        "0-593-13520-2\n0441013597",
        "0593135202 0441013597",
        "ISBN: 0593135202, ISBN-13: 9780441013593",
        f"EAN {HAIL}\nISBN-10 0-441-01359-7",
        f"{HAIL} Project Hail Mary, $28.99\n1. {DUNE} Dune (1965)",
        f"1) {HAIL}\n2) 0-441-01359-7",
        f"# what we sell\n{HAIL} # Hail Mary 9781956007329\n   # {FIRES}\n{DUNE}",
        f"ISBN\n{HAIL}\n{DUNE}",
        f"ISBN\n{HAIL} {DUNE}\n# no more",
        f"\ufeff{HAIL}\n{DUNE}",
        f"{HAIL} 52899\n0{DUNE}",
        "９７８０５９３１３５２０４\n9780441013593",
        f"\u200b{HAIL}\u200b\n\u00a0{DUNE}",
        f"https://ipage.ingramcontent.com/ipage/productdetail?ean_id={HAIL} {DUNE}",
    ],
)
def test_a_list_of_isbns_however_it_is_written(text: str) -> None:
    found = read_file(text.encode())
    assert isbns(found) == [HAIL, DUNE]
    assert found.rejected == ()
    for charset in ("utf-16", "utf-8-sig"):
        assert isbns(read_file(text.encode(charset))) == [HAIL, DUNE]


def test_a_list_on_one_line_is_read_to_its_end() -> None:
    many = [make_isbn(number) for number in range(5_000)]
    for between in (" ", ", ", "; "):
        assert isbns(read_file(between.join(many).encode())) == many


def test_a_sheet_is_read_by_its_column_of_isbns_alone() -> None:
    """Not by whatever else is one, nor cut where a title has the sign of a comment."""
    found = read_file(f"ISBN,Title,Also as\n{HAIL},Hail #1,\n{DUNE},Dune,{FIRES}\n".encode())
    assert isbns(found) == [HAIL, DUNE]
    assert found.titles[0].title == "Hail #1"


@pytest.mark.parametrize(
    ("line", "value", "reason"),
    [
        ("9780593135205", "9780593135205", "check digit 5 should be 4"),
        ("978 0 593 13520 5", "978 0 593 13520 5", "check digit 5 should be 4"),
        (f"{FIRES} 9780593135205", "9780593135205", "check digit 5 should be 4"),
        ("5012345678900", "5012345678900", "starts with 501"),
        ("9.78E+12", "9.78E+12", "Excel has rounded"),
        ("059313520", "059313520", "an ISBN has 13 digits"),
        ("hello", "hello", "has no ISBN in it"),
        ("97805931352041", "97805931352041", "an ISBN has 13 digits"),
    ],
)
def test_a_line_that_is_none_is_named_and_the_rest_goes_on(line: str, value: str, reason: str) -> None:
    found = read_file(f"{HAIL}\n\n{line}\n{DUNE}\n".encode())
    assert set(isbns(found)) >= {HAIL, DUNE}
    assert len(isbns(found)) == 2 + (FIRES in line)
    (row,) = found.rejected
    assert (row.row, row.value) == (3, value)
    assert reason in row.reason


def test_a_number_that_stands_twice_is_one_title() -> None:
    found = read_file(f"{HAIL}\n0593135202\n{DUNE}\n".encode())
    assert isbns(found) == [HAIL, DUNE]
    assert [(row.row, row.duplicate_of) for row in found.rejected] == [(2, 1)]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "it is empty"),
        (b"\n \n", "it is empty"),
        (b"Dear Ada,\nplease find enclosed\n", "no ISBN stands in it.*Line 1: “Dear Ada,”"),
        (b"9780593135205\n", "check digit 5"),
        (b"%PDF-1.7 9780593135204", "it is a PDF"),
        (b"\x89PNG\r\n" + bytes(100), "it is a picture"),
        (bytes(range(128, 256)) * 40, "no ISBN stands in it"),
        (b"PK\x03\x04damaged", "damaged"),
        (b"<html><body><p>Hello</p><script></script></body></html>", "no title stands on it"),
        (b"9" * 21_000_000, "too many for a saved search"),
    ],
    ids=["empty", "blank", "a letter", "wrong digit", "pdf", "picture", "noise", "zip", "page", "huge"],
)
def test_what_lists_nothing_is_refused_with_the_reason(data: bytes, told: str) -> None:
    with pytest.raises(PageChanged, match=f"(?s){told}"):
        read_file(data)


def rows(*numbers: str) -> str:
    return (
        "<table><tr><th>EAN</th><th>Title</th></tr>"
        + "".join(f'<tr><td>{each}</td><td><a href="/p?ean_id={each}">A</a></td></tr>' for each in numbers)
        + "</table>"
    )


def test_a_saved_page_without_a_script_is_no_export() -> None:
    """Its count, or a heading, tells it: what it shows beside the results is not tracked."""
    page = f"<html><body><h1>1 Results</h1>{rows(HAIL)}<h3>You may also like</h3>{rows(DUNE)}</body></html>"
    for data in (page, page.replace("h1>", "p>").replace("h3>", "b>")):
        found = read_file(data.encode())
        assert isinstance(found, ResultsPage)
        assert isbns(found) == [HAIL]
        assert found.headed == (DUNE,)
    part = read_file(f"<html><body><h1>98 Results</h1>{rows(HAIL)}</body></html>".encode())
    assert isinstance(part, ResultsPage)
    assert (isbns(part), part.total) == ([HAIL], 98)
    headed = f"<html><body><h2>My search</h2>{rows(HAIL, DUNE)}</body></html>"
    assert isbns(read_file(headed.encode())) == [HAIL, DUNE]


def test_an_export_keeps_its_titles_and_prices() -> None:
    table = [
        ["ISBN", "Title", "US SRP"],
        [HAIL, "Hail", "$28.99"],
        ["x", "Bad", "$1.00"],
        [DUNE, "Dune", "$9.99"],
    ]
    csv = "\n".join(",".join(row) for row in table).encode()
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export.csv", csv)
    html = (
        "<table>" + "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in table) + "</table>"
    )
    for data in (csv, xlsx({"Sheet": [list(row) for row in table]}), packed.getvalue(), html.encode()):
        found = read_file(data)
        assert isinstance(found, SavedSearch)
        assert [(each.title, str(each.srp_price)) for each in found.titles] == [
            ("Hail", "28.99"),
            ("Dune", "9.99"),
        ]
        assert [row.row for row in found.rejected] == [3]


def test_a_page_that_a_browser_saved_is_one_of_results(tmp_path: Path) -> None:
    boundary = "----=_Part"
    mhtml = (
        "From: <Saved>\nSubject: iPage\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/related; boundary="{boundary}"\n\n'
        f"--{boundary}\nContent-Type: text/html\nContent-Location: https://site.example/ipage/s\n\n{PAGE}\n--{boundary}--\n"
    )
    for data in (PAGE.encode(), PAGE.encode("utf-16"), mhtml.encode()):
        found = read_file(data)
        assert isinstance(found, ResultsPage)
        assert isbns(found) == [HAIL, DUNE]
        assert found.total == 3
    with pytest.raises(SessionExpired):
        read_file(LOGIN.encode())


def test_a_page_of_results_in_the_place_of_an_export_is_known_for_what_it_is() -> None:
    """Else its first 25 titles would be taken for all."""
    found = read_listing(PAGE.replace("</table>", '</table><a href="/p2">Next</a>').encode())
    assert isinstance(found, ResultsPage)
    assert found.next_page == "/p2"
