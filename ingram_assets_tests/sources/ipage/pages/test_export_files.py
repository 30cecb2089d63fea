"""The export of a saved search as a link "Download Excel" may send it: workbooks, markup, packed files."""

import base64
import gzip
import quopri
import socket
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingram_assets.domain.failures import IngramError
from ingram_assets.sources.ipage.access.answers import ExpectedAnswer, Fetched, classify
from ingram_assets.sources.ipage.pages import (
    Blocked,
    NotFound,
    PageChanged,
    SessionExpired,
    archives,
    parse_saved_search_csv,
    spreadsheets,
)
from ingram_assets.sources.ipage.site import Site
from ingram_assets_tests.testing import workbooks
from ingram_assets_tests.testing.page_factory import BLOCK, LOGIN, NO_MATCH
from ingram_assets_tests.testing.raw_server import raw_server
from ingram_assets_tests.testing.shared_site import Shared
from ingram_assets_tests.testing.workbooks import (
    container,
    html,
    html_page,
    locked,
    ods,
    spreadsheetml,
    xls,
    xlsx,
    xlsx_of,
    xml_workbook,
    zipped,
)

HAIL_MARY, DUNE, FIRES = "9780593135204", "9780441013593", "9781956007329"
ROWS: list[list[object]] = [
    ["Saved search: science fiction & fantasy"],
    ["Exported", "11/20/2026"],
    [],
    ["EAN", "Title", "Author", "US SRP"],
    [HAIL_MARY, "Project Hail Mary", "Andy Weir", 28.99],
    [],
    [int(DUNE), "Dune & Messiah of Dune", "Frank Herbert", 9.99],
    [f'="{FIRES}"', 'Between "Two" Fires – café', "Christopher Buehlman", None],
]
TRUTH = [
    (HAIL_MARY, "Project Hail Mary", Decimal("28.99")),
    (DUNE, "Dune & Messiah of Dune", Decimal("9.99")),
    (FIRES, 'Between "Two" Fires – café', None),
]


A_CELL = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'


def csv(delimiter: str = ",") -> str:
    def cell(value: object) -> str:
        return "" if value is None else '"' + str(value).replace('"', '""') + '"'

    return "\r\n".join(delimiter.join(map(cell, row)) for row in ROWS) + "\r\n"


def _web_archive(encoding: str, page: bytes) -> bytes:
    part = "------=_Part\r\nContent-Location: file:///{}\r\nContent-Transfer-Encoding: {}\r\n{}\r\n\r\n"
    return (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="----=_Part"\r\n\r\n'
        + part.format("book.htm", "7bit", "Content-Type: text/html").encode()
        + b"<html><frameset><frame src=sheet001.htm></frameset></html>\r\n"
        + part.format("sheet001.htm", encoding, 'Content-Type: text/html; charset="utf-8"').encode()
        + page
        + b"\r\n------=_Part--\r\n"
    )


FILES: dict[str, bytes] = {
    **{
        f"{name} in {encoding}": csv(delimiter).encode(encoding)
        for name, delimiter in {"commas": ",", "semicolons": ";", "tabs": "\t"}.items()
        for encoding in (*("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"),)
    },
    "XLSX": xlsx({"Titles": ROWS}),
    "XLSX, the sheet after an empty one": xlsx({"Sheet1": [], "Titles": ROWS}),
    "XLSX, the sheet after another": xlsx(
        {"About": [["Made by"], ["Ingram"]], "Titles": ROWS, "Notes": [["x"]]}
    ),
    "XLSX with a hidden sheet": xlsx(
        {"Old": [["EAN", "Title", "US SRP", "List"], ["9780261103573", "The Lord", 1, 1]], "Titles": ROWS},
        hidden=["Old"],
    ),
    "XLS": xls({"Titles": ROWS}),
    "XLS, the sheet after an empty one": xls({"Sheet1": [], "Titles": ROWS}),
    "ODS": ods(ROWS),
    "SpreadsheetML": spreadsheetml({"Titles": ROWS}).encode(),
    "SpreadsheetML with a mark": spreadsheetml({"Titles": ROWS}).encode("utf-8-sig"),
    "SpreadsheetML in UTF-16": spreadsheetml({"Titles": ROWS}).encode("utf-16"),
    "SpreadsheetML in UTF-16 without a mark": spreadsheetml({"Titles": ROWS}).encode("utf-16-le"),
    "SpreadsheetML in Windows-1252": spreadsheetml({"Titles": ROWS})
    .replace('version="1.0"', 'version="1.0" encoding="windows-1252"')
    .encode("cp1252"),
    "SpreadsheetML with prefixes": spreadsheetml({"Notes": [["x"]], "Titles": ROWS}, prefix="ss:").encode(),
    "SpreadsheetML with a bare ampersand": spreadsheetml({"Titles": ROWS}, escaped=False).encode(),
    "SpreadsheetML with a control character": spreadsheetml(
        {"Titles": [*ROWS[:3], ["\x02"], *ROWS[3:]]}
    ).encode(),
    "HTML": html(ROWS).encode(),
    "HTML with a mark": html(ROWS).encode("utf-8-sig"),
    "HTML in UTF-16": html(ROWS).encode("utf-16"),
    "HTML in UTF-16 without a mark": html(ROWS).encode("utf-16-le"),
    "HTML in Windows-1252": html(ROWS).replace("utf-8", "windows-1252").encode("cp1252"),
    "a web archive": _web_archive("quoted-printable", quopri.encodestring(html(ROWS).encode())),
    "a web archive in base64": _web_archive("base64", base64.encodebytes(html(ROWS).encode())),
    "HTML in another table": html_page(f"<tr><td>{html(ROWS)}</td></tr>").encode(),
}


def rows(data: bytes) -> list[tuple[object, ...]]:
    frame = parse_saved_search_csv(data)
    assert list(frame.columns) == ["isbn", "title", "srp_price"]
    return [tuple(row) for row in frame.itertuples(index=False)]


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_the_same_titles_whatever_the_file_is(data: bytes) -> None:
    frame = parse_saved_search_csv(data)
    assert [tuple(row) for row in frame.itertuples(index=False)] == TRUTH
    assert frame.attrs == {"rejected": [], "warnings": []}


@pytest.mark.parametrize(
    "name",
    ["commas in utf-8", "tabs in utf-16", "XLS", "SpreadsheetML", "HTML in Windows-1252"],
)
def test_a_packed_file_is_unpacked(name: str) -> None:
    data = FILES[name]
    packed = {
        "a zip": zipped({"SavedSearch.xls": data}),
        "stored": zipped({"SavedSearch.xls": data}, zipfile.ZIP_STORED),
        "in a folder": zipped({"export/": b"", "export\\data.bin": data}),
        "by a Mac": zipped({"a.csv": data, "__MACOSX/._a.csv": b"\x00\x05", ".DS_Store": b"\x00"}),
        "with a note": zipped({"readme.txt": "Thank you.\r\n", "empty.txt": b"", "a.csv": data}),
        "a gzip": gzip.compress(data),
        "a zip in a gzip": gzip.compress(zipped({"a": data})),
    }
    for what, content in packed.items():
        assert rows(content) == TRUTH, what


def test_a_csv_starts_no_process_and_loads_no_reader_of_workbooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", None)
    for name in ("commas in utf-8", "tabs in utf-16", "HTML", "SpreadsheetML"):
        assert rows(FILES[name]) == TRUTH
    script = (
        "import sys; from ingram_assets.sources.ipage.pages import parse_saved_search_csv as parse;"
        "parse(b'ISBN\\n9780593135204\\n');"
        "print([name for name in sys.modules if 'calamine' in name.partition('.')[0]])"
    )
    done = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert done.communicate()[0].strip() == "[]"


def test_the_process_that_reads_a_workbook_has_none_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    run = subprocess.run

    def noted(*args: object, **options: object) -> object:
        seen.append(options["env"])
        return run(*args, **options)  # type: ignore[call-overload]

    monkeypatch.setenv("IPAGE_PASSWORD", "secret")
    monkeypatch.setattr(subprocess, "run", noted)
    assert rows(FILES["XLSX"]) == TRUTH
    assert seen == [{}]


def test_sheets_under_the_same_header_are_one_list() -> None:
    sheets = {
        "A-M": [["EAN", "Title"], [HAIL_MARY, "Hail"], ["1", "No book"]],
        "Summary": [["EANs", "Price"], ["2", "x"]],
        "N-Z": [["More"], ["EAN", "Title"], [DUNE, "Dune"], [HAIL_MARY, "Hail"]],
    }
    for data in (xlsx(sheets), xls(sheets), spreadsheetml(sheets).encode()):
        frame = parse_saved_search_csv(data)
        assert frame["isbn"].tolist() == [HAIL_MARY, DUNE]
        assert [entry["row"] for entry in frame.attrs["rejected"]] == [3, 9]
        assert frame.attrs["rejected"][1]["duplicate_of"] == 2
    two = html_page(
        f"<tr><td>EAN<td>Title<tr><td>{HAIL_MARY}<td>Hail</table><table><tr><td>EAN<td>Title<tr><td>{DUNE}"
    )
    assert [row[0] for row in rows(two.encode())] == [HAIL_MARY, DUNE]


def test_of_several_sheets_that_with_the_best_header() -> None:
    sheets: dict[str, list[list[object]]] = {"Codes": [["ISBN"], [FIRES]], "Titles": ROWS[3:5]}
    for data in (xlsx(sheets), spreadsheetml(sheets).encode(), xlsx(dict(reversed(sheets.items())))):
        frame = parse_saved_search_csv(data)
        assert [tuple(row) for row in frame.itertuples(index=False)] == TRUTH[:1]
        assert "under other headings" in frame.attrs["warnings"][0]


def test_a_column_without_a_name_moves_nothing() -> None:
    sheet: list[list[object]] = [
        ["ISBN", "Title", "US SRP"],
        [HAIL_MARY, "Project Hail Mary", 28.99, "new", 7],
    ]
    for data in (xlsx({"T": sheet}), xls({"T": sheet}), spreadsheetml({"T": sheet}).encode()):
        frame = parse_saved_search_csv(data)
        assert [tuple(row) for row in frame.itertuples(index=False)] == TRUTH[:1]
        assert frame.attrs["warnings"] == []


def test_cells_keep_their_place_in_spreadsheetml() -> None:
    sheet = (
        '<Worksheet ss:Name="T"><Table><Column ss:Width="50"/>'
        '<Row><Cell ss:MergeAcross="3"><Data ss:Type="String">Saved search</Data></Cell></Row>'
        '<Row ss:Index="4"><Cell><Data ss:Type="String">ISBN</Data></Cell><Cell ss:Index="3">'
        '<Data ss:Type="String">Title</Data></Cell><Cell ss:MergeAcross="1"><Data ss:Type="String">Author'
        '</Data></Cell><Cell><Data ss:Type="String">US SRP</Data></Cell></Row>'
        f'<Row><Cell><Data ss:Type="Number">{float(HAIL_MARY):.12E}</Data><Comment ss:Author="A"><ss:Data>'
        '9781956007329</ss:Data></Comment></Cell><Cell/><Cell><ss:Data ss:Type="String"><B>Hail</B> Mary'
        '</ss:Data></Cell><Cell ss:Index="6"><Data ss:Type="Number">28.989999999999998</Data></Cell></Row>'
        "</Table></Worksheet>"
    )
    frame = parse_saved_search_csv(xml_workbook(sheet).encode())
    assert [tuple(row) for row in frame.itertuples(index=False)] == [
        (HAIL_MARY, "Hail Mary", Decimal("28.99"))
    ]


def test_cells_keep_their_place_in_html() -> None:
    page = html_page(
        "<tr><th colspan=4>Saved search</th></tr>"
        "<tr><th>Publisher<th>ISBN<th colspan=2>Title<th>US SRP</tr>"
        f"<tr><td rowspan=2>Ballantine<td>{HAIL_MARY}<td>Hail<br>Mary<td>x<td>$28.99</tr>"
        f"<tr><td x:num='{DUNE}'>9.78E+12</td><td>Dune<td><td>$9.99</tr>"
        f"<tr><td>Ohm<td>{FIRES}<td>Fires<td colspan=99999999><td>$1.00</tr>"
    )
    frame = parse_saved_search_csv(page.encode())
    assert [tuple(row) for row in frame.itertuples(index=False)][:2] == [
        (HAIL_MARY, "Hail Mary", Decimal("28.99")),
        (DUNE, "Dune", Decimal("9.99")),
    ]
    assert frame["isbn"].tolist()[2:] == [FIRES]
    assert frame["srp_price"].tolist()[2] is None


def test_numbers_as_a_workbook_has_them() -> None:
    data = xlsx_of(
        {
            "T": f'<row r="1">{A_CELL.format("A1", "ISBN")}{A_CELL.format("B1", "Price")}</row>'
            + "".join(
                f"<row><c><v>{number}</v></c><c><v>{price}</v></c></row>"
                for number, price in (
                    (HAIL_MARY, "28.989999999999998"),
                    ("9.780441013593E+12", "9.99"),
                    ("9.78059E+12", "1"),
                    ("9781956007329.0", "18"),
                    ("593135202", "2"),
                    ("9780261103573.5", "3"),
                )
            )
        }
    )
    frame = parse_saved_search_csv(data)
    assert [tuple(row) for row in frame.itertuples(index=False)] == [
        (HAIL_MARY, None, Decimal("28.99")),
        (DUNE, None, Decimal("9.99")),
        (FIRES, None, Decimal("18.00")),
    ]
    assert [(entry["row"], entry["value"]) for entry in frame.attrs["rejected"]] == [
        (4, "9.78059E+12"),
        (6, "593135202"),
        (7, "9780261103573.5"),
    ]
    assert "Excel has rounded" in frame.attrs["rejected"][0]["reason"]
    assert "first zero" in frame.attrs["rejected"][1]["reason"]


def test_an_empty_search_is_an_empty_search_in_every_file() -> None:
    head = ROWS[:4]
    for data in (
        xlsx({"T": head}),
        xls({"T": head}),
        spreadsheetml({"T": head}).encode(),
        html(head).encode(),
    ):
        assert parse_saved_search_csv(data).empty


def test_a_page_longer_than_any_of_the_site_is_read_in_pieces() -> None:
    many = [[f"978{number:09d}", "A title " * 12, "", 5] for number in range(40_000)]
    page = html([*ROWS[:4], *many, *ROWS[4:]])
    assert len(page) > 3_000_000
    frame = parse_saved_search_csv(page.encode())
    assert [tuple(row) for row in frame.itertuples(index=False)] == TRUTH
    assert [entry["row"] for entry in frame.attrs["rejected"]] == list(range(5, 40_005))


@pytest.mark.parametrize("make", [lambda sheet: html(sheet), lambda sheet: spreadsheetml({"T": sheet})])
def test_an_export_longer_than_any_page_comes_through(
    make: Callable[[list[list[object]]], str], shared: Shared
) -> None:
    """It is not taken for an error page because of its length, or for a bomb because of its empty cells."""
    many: list[list[object]] = [[f"978{number:09d}", "A title " * 26, None, 5] for number in range(12_000)]
    body = make([*ROWS[:4], *many, *ROWS[4:]]).encode()
    assert len(body) > 3_000_000

    def send(connection: socket.socket, head: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with raw_server(send) as (url, _), Site(url, shared(url), None, session_cookie="a=b") as site:
        found = site.discover("/export?listId=7").titles
    assert [(each.isbn, each.title, each.srp_price) for each in found] == TRUTH


@pytest.mark.parametrize(("page", "error"), [(BLOCK, Blocked), (LOGIN, SessionExpired), (NO_MATCH, NotFound)])
def test_a_long_page_in_place_of_the_export_is_recognized(page: str, error: type[IngramError]) -> None:
    body = page.replace("</body>", "<!-- " + "x" * 250_000 + " --></body>").encode()
    assert len(body) > 250_000
    classify(Fetched(200, "https://example.org", httpx.Headers(), body), ExpectedAnswer.EXPORT)
    with pytest.raises(error):
        parse_saved_search_csv(body)


def test_what_is_cut_short_is_no_shorter_list() -> None:
    for whole in (
        xlsx({"T": ROWS}),
        xls({"T": [*ROWS, *[[HAIL_MARY, "Again"]] * 200]}),
        spreadsheetml({"T": ROWS}).encode(),
        gzip.compress(csv().encode()),
    ):
        for kept in (0.3, 0.6, 0.9):
            with pytest.raises(PageChanged):
                parse_saved_search_csv(whole[: int(len(whole) * kept)])
    # The first ten digits of this ISBN-13 are an ISBN-10 of another book.
    cut = html_page(f"<tr><td>EAN<td>Title<tr><td>{DUNE}<td>Dune<tr><td>9780000001955<td>").partition(
        "001955"
    )[0]
    assert [row[0] for row in rows((cut + "001").encode())] == [DUNE]


def _one_cell_in_the_corner_of_an_xls() -> bytes:
    biff = workbooks.biff({"T": [["EAN"]]}, False)[:-4]
    corner = struct.pack("<HHHHHHB", 0x204, 10, 65535, 65535, 0, 1, 0) + b"x"
    return container({"Workbook": biff + corner + struct.pack("<HH", 0x0A, 0)})


REFUSED = {
    "a locked XLSX": (
        container({"EncryptionInfo": b"\x04\x00\x04\x00", "EncryptedPackage": b"\x07" * 900}),
        "locked with a password",
    ),
    "a locked XLS": (xls({"T": ROWS}, locked=True), "locked with a password"),
    "a locked zip": (locked(zipped({"a.csv": csv()})), "locked with a password"),
    "a locked zip with a workbook": (locked(zipped({"a.xlsx": xlsx({"T": ROWS})})), "locked with a password"),
    "a workbook whose parts are locked": (locked(xlsx({"T": ROWS})), "locked with a password"),
    "an empty sheet": (xlsx({"T": []}), "nothing in it"),
    "empty sheets": (xls({"A": [], "B": []}), "nothing in it"),
    "SpreadsheetML with an empty sheet": (spreadsheetml({"T": []}).encode(), "ISBN: "),
    "a workbook without ISBNs": (xlsx({"T": [["Item", "Cost"], ["9780593135204", 1]]}), "ISBN: "),
    "a hidden sheet alone": (xlsx({"T": ROWS, "B": [["x"]]}, hidden=["T"]), "ISBN: "),
    "an empty zip": (zipped({}), "nothing in it"),
    "a zip with nothing in it": (zipped({"a/": b"", "b.csv": b""}), "nothing in it"),
    "two exports in a zip": (zipped({"a.csv": csv(), "b.csv": csv(";")}), "several of its files"),
    "a zip of pictures": (zipped({"a.png": b"\x89PNG\r\n\x1a\n", "b.txt": "x"}), "none of its files"),
    "a zip in a zip in a zip": (zipped({"a": zipped({"b": zipped({"c.csv": csv()})})}), "packed in packed"),
    "a cut zip": (zipped({"a.csv": csv()})[:-30], "damaged or cut short"),
    "a damaged zip": (zipped({"a.csv": csv()}).replace(b"PK\x01\x02", b"PK\x01\x09"), "damaged"),
    "a zip with a wrong checksum": (
        zipped({"a.csv": csv()}, zipfile.ZIP_STORED).replace(b"Hail", b"Fail"),
        "can't be unpacked",
    ),
    "a cut gzip": (gzip.compress(csv().encode())[:-20], "damaged or cut short"),
    "a document": (zipped({"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"}), "damaged"),
    "nothing of a workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "damaged"),
    "a zip bomb": (zipped({"a.csv": bytes(60_000_000)}), "unpacks to more than"),
    "a zip bomb of many files": (
        zipped({f"{n}.csv": bytes(9_000_000) for n in range(3)}),
        "unpacks to more than",
    ),
    "a zip of a thousand files": (zipped({f"{n}.csv": b"x" for n in range(1_001)}), "too many files"),
    "a gzip bomb": (gzip.compress(bytes(60_000_000)), "unpacks to more than"),
    "a workbook that unpacks to too much": (
        xlsx_of({"T": "<row/>" * 34_000_000}),
        "unpacks to more than 200,000,000 bytes",
    ),
    "too many rows": (xlsx_of({"T": "<row><c><v>1</v></c></row>" * 100_001}), "more than 100,000 rows"),
    "too many rows of XML": (
        spreadsheetml({"T": [["EAN"], *[["1"]] * 100_000]}).encode(),
        "more than 100,000 rows",
    ),
    "too many columns of XML": (
        xml_workbook('<Worksheet><Table><Row><Cell ss:Index="9999999"/></Row></Table></Worksheet>').encode(),
        "more than 300 columns",
    ),
    "a cell in the last corner": (
        xlsx_of(
            {
                "T": f'<row r="1">{A_CELL.format("A1", "ISBN")}</row>'
                f'<row r="1048576">{A_CELL.format("XFD1048576", "x")}</row>'
            }
        ),
        "too large",
    ),
    "a cell in the last corner of an XLS": (_one_cell_in_the_corner_of_an_xls(), "too large"),
    "a web archive without a page": (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="x"\r\n\r\n--x\r\n\r\nISBN\r\n--x--',
        "no page in it",
    ),
    "a web archive without ISBNs": (_web_archive("7bit", b"<html>Thank you</html>"), "none of its files"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
    "a RAR": (b"Rar!\x1a\x07\x01\x00", "RAR"),
    "a sheet of Excel 5": (b"\x09\x08\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x0a\x00\x00\x00", "Excel 5"),
    "too many bytes": (b"ISBN\n" + b"x" * 20_000_000, "too many"),
}


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_read_says_why_and_what_to_do(data: bytes, why: str) -> None:
    with pytest.raises(PageChanged, match=why) as refused:
        parse_saved_search_csv(data)
    assert any(word in str(refused.value) for word in ("export", "browser"))


def test_a_workbook_that_takes_too_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "SECONDS", 0.001)
    with pytest.raises(PageChanged, match="within"):
        parse_saved_search_csv(FILES["XLSX"])


@pytest.mark.parametrize(("page", "error"), [(BLOCK, Blocked), (LOGIN, SessionExpired), (NO_MATCH, NotFound)])
def test_a_page_in_place_of_the_export_is_told_packed_or_not(page: str, error: type[IngramError]) -> None:
    for data in (
        page.encode(),
        gzip.compress(page.encode()),
        zipped({"a.xls": page}),
        page.encode("utf-16-le"),
    ):
        with pytest.raises(error):
            parse_saved_search_csv(data)


def test_a_lying_zip_is_not_believed() -> None:
    """Its directory names a small file; what is packed is large."""
    data = zipped({"a.csv": bytes(60_000_000)})
    lying = data.replace(struct.pack("<I", 60_000_000), struct.pack("<I", 100))
    assert lying != data
    with pytest.raises(PageChanged):
        parse_saved_search_csv(lying)
    with archives.open_zip(data) as archive:
        assert sum(part.file_size for part in archive.infolist()) == 60_000_000


SAMPLES = [
    *(FILES[name] for name in ("SpreadsheetML", "HTML", "commas in utf-16-le", "tabs in cp1252")),
    *(zipped({"a.csv": csv()}), gzip.compress(csv().encode()), zipped({"a": html(ROWS), "b": "x"})),
]


@settings(max_examples=200)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_damaged_file_ends_in_a_frame_or_a_named_error(sample: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, min(len(sample), start + 40)))
    damaged = sample[:start] + data.draw(st.binary(max_size=8)) + sample[end:]
    try:
        frame = parse_saved_search_csv(damaged)
    except IngramError:
        return
    assert frame["isbn"].is_unique


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([FILES["XLSX"], FILES["XLS"]]), st.data())
def test_a_damaged_workbook_ends_in_a_frame_or_a_named_error(sample: bytes, data: st.DataObject) -> None:
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        frame = parse_saved_search_csv(bytes(damaged))
    except IngramError:
        return
    assert frame["isbn"].is_unique
