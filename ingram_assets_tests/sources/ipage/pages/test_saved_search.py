"""The export of a saved search, in every shape in which it may come."""

import gzip
import io
import subprocess
import sys
import zipfile
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingram_assets.domain.isbn import check_digit_13
from ingram_assets.sources.ipage.pages import (
    Blocked,
    NotFound,
    PageChanged,
    SessionExpired,
    parse_saved_search_csv,
)
from ingram_assets.sources.ipage.pages.saved_search import ListedTitle, RejectedRow, read_saved_search
from ingram_assets_tests.testing.page_factory import BLOCK, EXPIRED, INTERRUPTION, LOGIN, NO_MATCH
from ingram_assets_tests.testing.workbooks import xlsx

HAIL_MARY, DUNE, FIRES = "9780593135204", "9780441013593", "9781956007329"
TRUTH = [
    (HAIL_MARY, "Project Hail Mary", Decimal("28.99")),
    (DUNE, "Dune, Messiah of Dune", Decimal("9.99")),
    (FIRES, 'Between "Two" Fires', None),
]
PLAIN = (
    "ISBN,Title,Author,US SRP\r\n"
    f"{HAIL_MARY},Project Hail Mary,Andy Weir,$28.99\r\n"
    f'{DUNE},"Dune, Messiah of Dune",Frank Herbert,$9.99\r\n'
    f'{FIRES},"Between ""Two"" Fires",Christopher Buehlman,\r\n'
)


def rows(data: bytes | str) -> list[tuple[object, ...]]:
    frame = parse_saved_search_csv(data.encode() if isinstance(data, str) else data)
    assert list(frame.columns) == ["isbn", "title", "srp_price"]
    return [tuple(row) for row in frame.itertuples(index=False)]


def rejected(data: str) -> list[dict[str, object]]:
    return parse_saved_search_csv(data.encode()).attrs["rejected"]


def test_a_plain_export() -> None:
    frame = parse_saved_search_csv(PLAIN.encode())
    assert [tuple(row) for row in frame.itertuples(index=False)] == TRUTH
    assert frame.attrs["rejected"] == []
    assert frame.attrs["warnings"] == []
    assert frame["title"].tolist()[2] == 'Between "Two" Fires'
    assert frame["srp_price"].tolist()[2] is None


def test_what_the_frame_says_is_there_without_pandas() -> None:
    found = read_saved_search(PLAIN + f"{DUNE},Dune,Frank Herbert,$9.99\r\n1,One,,\r\n")
    assert found.titles == tuple(ListedTitle(*row) for row in TRUTH)
    assert found.rejected == (
        RejectedRow(5, DUNE, f"{DUNE} stands in line 3 already; that one was kept.", duplicate_of=3),
        RejectedRow(6, "1", found.rejected[1].reason),
    )
    assert found.warnings == ()
    script = (
        "import sys; from ingram_assets.sources.ipage.pages.saved_search import read_saved_search as read;"
        "read(b'ISBN\\n9780593135204\\n'); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\r\n", "\n").encode(),
        PLAIN.replace("\r\n", "\r").encode(),
        PLAIN.replace("\r\n", "\r\n\r\n").encode(),
        PLAIN.rstrip().encode(),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", ";").replace("Dune; M", "Dune, M").encode(),
        PLAIN.replace(",", "\t").replace("Dune\t M", "Dune, M").encode("utf-16"),
        PLAIN.replace(",", "|").replace("Dune| M", "Dune, M").encode(),
        ("sep=,\r\n" + PLAIN).encode(),
        ("Saved Search: Science fiction, by demand\r\nExported: 11/20/2026\r\n\r\n" + PLAIN).encode(),
        PLAIN.replace(HAIL_MARY, f'="{HAIL_MARY}"').encode(),
        PLAIN.replace(HAIL_MARY, f'"=""{HAIL_MARY}"""').encode(),
        PLAIN.replace(HAIL_MARY, f"'{HAIL_MARY}").encode(),
        PLAIN.replace(HAIL_MARY, "978-0-593-13520-4").encode(),
        PLAIN.replace(HAIL_MARY, "0593135202").encode(),
        PLAIN.replace(HAIL_MARY, "0-593-13520-2").encode(),
        PLAIN.replace(HAIL_MARY, f" {HAIL_MARY}\u00a0").encode(),
        PLAIN.replace(HAIL_MARY, f"{HAIL_MARY}.0").encode(),
        PLAIN.replace("$28.99", '="$28.99"').encode(),
        PLAIN.replace("$28.99", "USD 28.99").encode(),
        PLAIN.replace("$28.99", "28.99").encode(),
        PLAIN.replace("Project Hail Mary", '"Project\r\nHail Mary"').encode(),
        PLAIN.replace("Project Hail Mary", "Project Hail&nbsp;Mary").encode(),
        PLAIN.replace("\r\n", ",,\r\n").encode(),
        PLAIN.replace("ISBN,", "ISBN-13,").encode(),
        PLAIN.replace("ISBN,", "ISBN13,").encode(),
        PLAIN.replace("ISBN,", "EAN,").encode(),
        PLAIN.replace("ISBN,", "Product Code,").encode(),
        PLAIN.replace("ISBN,", "\u00a0isbn_13 ,").encode(),
        *(
            PLAIN.replace("ISBN,", f"{name},").encode()
            for name in ("Product Number", "Item #", "GTIN", "UPC/EAN", "Primary ISBN", "Book ISBN")
        ),
        PLAIN.replace("US SRP", "Publisher's List Price").encode(),
        PLAIN.replace("US SRP", "Cover Price").encode(),
        PLAIN.replace("US SRP", "List Price").encode(),
        PLAIN.replace("US SRP", "Price").encode(),
        PLAIN.replace("US SRP", "Price (US$)").encode(),
        PLAIN.replace("US SRP", "US SRP ($)").encode(),
        PLAIN.replace("US SRP", '"U.S. SRP"').encode(),
        PLAIN.replace("Title", "Product Name").encode(),
        (PLAIN + PLAIN.splitlines()[0] + "\r\n").encode(),
    ],
)
def test_the_same_export_in_another_shape(data: bytes) -> None:
    assert rows(data) == TRUTH
    assert parse_saved_search_csv(data).attrs["rejected"] == []


READ = {
    HAIL_MARY: [
        "09780593135204",  # GTIN-14 of a copy
        "0978-0-593-13520-4",
        "GTIN-14: 09780593135204",
        "(01)09780593135204",
        f'="0{HAIL_MARY}"',
        f"'0{HAIL_MARY}",
        f"{HAIL_MARY} 52899",  # an EAN with its add-on
        f"{HAIL_MARY}52899",
        f"{HAIL_MARY}-52899",
        f"{HAIL_MARY}+52899",
        f"{HAIL_MARY} > 52899",
        "9 780593 135204 > 52899 >",
        "978-0-593-13520-4 | 52899",
        f"{HAIL_MARY} 90000",
        f"{HAIL_MARY} 12",
        "0-593-13520-2 52899",
        f"EAN: {HAIL_MARY} 52899",
        f"{HAIL_MARY}.0",  # a number
        f"{HAIL_MARY}.00",
        f'"{HAIL_MARY},0"',
        '"9,780,593,135,204"',
        '"9,780,593,135,204.00"',
        "9.780593135204E+12",
        "9.780593135204E12",
        "9.780593135204e+12",
        f"UPC {HAIL_MARY}",
        f"={HAIL_MARY}",  # a formula
        f'=T("{HAIL_MARY}")',
        f'"=HYPERLINK(""https://example.org/?ean=1"",""{HAIL_MARY}"")"',
        f'=""{HAIL_MARY}""',
        f"'{HAIL_MARY}'",
        "９７８０５９３１３５２０４",
    ],
}
NOT_READ = [
    "9.78E+12",
    "9.78059E+12",
    "9.7805931352E+12",
    "9,78059E+12",
    "1.9780593135E+13",
    "09780593135205",  # check digits
    "19780593135204",
    f"{HAIL_MARY} 5289",  # no add-on has four digits
    f"{HAIL_MARY}5289",
    f"{HAIL_MARY}12",
    "9780593135205 52899",
    "9780593135205 90000",
    "00012345678905",  # other goods
    "10012345678902",
    f"{HAIL_MARY} {DUNE}",
    "9780593135204.5",
    "97,80,593,135,204",
]


@pytest.mark.parametrize("heading", ["ISBN", "EAN", "GTIN-14", "UPC/EAN", "Product Code"])
@pytest.mark.parametrize("cell", READ[HAIL_MARY])
def test_the_number_of_a_book_however_it_is_written(cell: str, heading: str) -> None:
    assert rows(f"{heading},Title,US SRP\n{cell},Hail,$28.99\n") == [(HAIL_MARY, "Hail", Decimal("28.99"))]


@pytest.mark.parametrize("cell", NOT_READ)
def test_what_is_no_number_of_a_book_is_refused_by_name(cell: str) -> None:
    cell = f'"{cell}"'
    frame = parse_saved_search_csv(f"ISBN,Title,US SRP\n{cell},Hail,$28.99\n{DUNE},Dune,$9.99\n".encode())
    assert frame["isbn"].tolist() == [DUNE]
    (refused,) = frame.attrs["rejected"]
    assert refused["row"] == 2
    assert refused["value"] == cell.strip('"')
    assert len(refused["reason"]) > 20
    if "E+" in cell:
        assert "export again" in refused["reason"]


def test_a_carton_names_its_book_and_not_its_price() -> None:
    carton = "19780593135201"
    frame = parse_saved_search_csv(
        f"GTIN,Title,Price\n{carton},Hail (24),$695.76\n{DUNE},Dune,$9.99\n".encode()
    )
    assert [tuple(row) for row in frame.itertuples(index=False)] == [
        (HAIL_MARY, "Hail (24)", None),
        (DUNE, "Dune", Decimal("9.99")),
    ]
    assert "carton" in frame.attrs["warnings"][0]
    # A copy's row has the word, wherever it stands.
    copy = f"0{HAIL_MARY},Hail,$28.99\n"
    for listed in (f"{carton},Hail (24),$695.76\n{copy}", f"{copy}{carton},Hail (24),$695.76\n"):
        assert rows(f"GTIN,Title,Price\n{listed}") == [(HAIL_MARY, "Hail", Decimal("28.99"))]


def test_a_gtin_and_an_add_on_of_the_same_book_are_one_book() -> None:
    data = f"GTIN,EAN,ISBN,Title\n0{HAIL_MARY},{HAIL_MARY} 52899,0593135202,Hail\n0{DUNE},,,Dune\n"
    assert [row[0] for row in rows(data)] == [HAIL_MARY, DUNE]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("bad", [b"\xff", b"\x80", b"\xe9", b"\xc3", b"\xed\xa0\x80"])
def test_one_bad_byte_costs_one_letter(encoding: str, bad: bytes) -> None:
    text = PLAIN.replace("Andy Weir", "Éric Zoë").replace("Project Hail Mary", "Café@Möwe — “1”")
    data = text.encode(encoding).replace(b"@", bad + b" ")
    title = str(rows(data)[0][1])
    assert title.startswith("Café")
    assert title.endswith("Möwe — “1”")


def test_windows_1252() -> None:
    data = PLAIN.replace("Project Hail Mary", "Café “Möwe” — 1").encode("cp1252")
    assert rows(data)[0][1] == "Café “Möwe” — 1"


def test_columns_in_any_order_and_the_best_of_several() -> None:
    data = (
        "Title,US List Discount,Canadian SRP,Price,ISBN,US SRP,EAN\n"
        f"Project Hail Mary,REG,$38.99,$15.40,0593135202,$28.99,{HAIL_MARY}\n"
        f"Dune,REG,$12.99,$5.00,,$9.99,{DUNE}\n"
        "Fires,REG,,,1956007326,,\n"
    )
    assert [row[0] for row in rows(data)[:2]] == [HAIL_MARY, DUNE]
    assert [row[2] for row in rows(data)[:2]] == [Decimal("28.99"), Decimal("9.99")]


def test_a_number_of_the_sites_own_is_no_second_book() -> None:
    # 0593135202 would pass for an ISBN-10.
    data = f"Product ID,ISBN,Title,Price\n0593135202,{DUNE},Dune,9.99\n{HAIL_MARY},,Hail Mary,28.99\n"
    assert rows(data.encode()) == [
        (DUNE, "Dune", Decimal("9.99")),
        (HAIL_MARY, "Hail Mary", Decimal("28.99")),
    ]
    data = f"ISBN,Product ID,Title\n{DUNE},0593135202,Dune\n,0593135202,A mug\n"
    assert [row[0] for row in rows(data.encode())] == [DUNE]
    assert [row["reason"] for row in rejected(data)] == ["The row has no ISBN."]


def test_an_isbn_10_stands_in_for_a_number_that_excel_rounded() -> None:
    data = f"EAN,ISBN,Title\n9.78059E+12,0593135202,Hail\n{DUNE},0593135202,Two books\n"
    assert [row[0] for row in rows(data)] == [HAIL_MARY]
    assert "two books" in str(rejected(data)[0]["reason"])


def test_without_title_or_price_columns_they_are_none() -> None:
    assert rows(f"ISBN\n{HAIL_MARY}\n") == [(HAIL_MARY, None, None)]
    assert rows(f"Canadian SRP,ISBN\n$30.00,{HAIL_MARY}\n") == [(HAIL_MARY, None, None)]


def test_refused_rows_say_where_what_and_why() -> None:
    data = (
        "Saved search\r\n\r\nISBN,Title,US SRP\r\n"
        "9.78164E+12,Rounded,$1.00\r\n"
        f"{HAIL_MARY},Project Hail Mary,$28.99\r\n"
        '9780593135205,"Wrong\r\ndigit",$1.00\r\n'
        ",No number,$1.00\r\n"
        "\r\n"
        f"0593135202,Again,$28.99\r\n"
        "012345678905,A game,$9.99\r\n"
        "593135202,No zero,$9.99\r\n"
    )
    assert rows(data) == [TRUTH[0]]
    found = rejected(data)
    assert [entry["row"] for entry in found] == [4, 6, 8, 10, 11, 12]
    assert [entry["value"] for entry in found] == [
        "9.78164E+12",
        "9780593135205",
        "No number | $1.00",
        "0593135202",
        "012345678905",
        "593135202",
    ]
    reasons = [str(entry["reason"]) for entry in found]
    assert "Excel" in reasons[0]
    assert "check digit" in reasons[1]
    assert "no ISBN" in reasons[2]
    assert "line 5" in reasons[3]
    assert "13 digits" in reasons[4]
    assert "first zero" in reasons[5]


def test_a_price_that_cannot_be_told_is_none_and_said() -> None:
    for price in ("$0.00", "call", '"1.299,00"', "CAN $24.99", "$18.99 $19.99", '"$18,99"'):
        frame = parse_saved_search_csv(f"ISBN,Title,US SRP\n{HAIL_MARY},Hail,{price}\n".encode())
        assert frame["srp_price"].tolist() == [None], price
        assert frame.attrs["warnings"]


def test_european_settings() -> None:
    assert rows(f"ISBN;Title;US SRP\n{HAIL_MARY};Hail;28,99\n") == [(HAIL_MARY, "Hail", Decimal("28.99"))]


def test_a_comma_that_nobody_quoted_moves_no_price() -> None:
    frame = parse_saved_search_csv(f"ISBN,Title,US SRP\n{HAIL_MARY},Hail, Mary,$28.99\n".encode())
    assert [tuple(row) for row in frame.itertuples(index=False)] == [(HAIL_MARY, None, None)]
    assert frame.attrs["warnings"]


def test_a_quotation_mark_that_nobody_closed_swallows_no_rows() -> None:
    data = PLAIN.replace("Project Hail Mary", '"Project Hail Mary')
    assert [row[0] for row in rows(data)] == [HAIL_MARY, DUNE, FIRES]
    assert rows(data)[1:] == TRUTH[1:]


def test_a_price_cut_short_with_the_file_is_no_price() -> None:
    whole = f"ISBN,Title,US SRP\n{DUNE},Dune,$9.99\n{HAIL_MARY},Hail,$28.99"
    assert [row[2] for row in rows(whole)] == [Decimal("9.99"), Decimal("28.99")]
    for cut in range(1, 5):
        frame = parse_saved_search_csv(whole[:-cut].encode())
        assert frame["srp_price"].tolist() == [Decimal("9.99"), None], cut
    assert [row[2] for row in rows(whole.replace("28.99", "28") + "\n")][1] == Decimal("28.00")
    assert rows(f"ISBN,Price\n{DUNE},9\n{HAIL_MARY},28")[1][2] == Decimal("28.00")


def test_an_isbn_cut_short_with_the_file_is_no_isbn() -> None:
    # The first ten digits of this ISBN-13 are a valid ISBN-10 of another book.
    whole = f"ISBN,Title,US SRP\n{DUNE},Dune,$9.99\n9780000001955,Cut,$1.00"
    assert len(rows(whole)) == 2
    for cut in range(len("9780000001955,Cut,$1.00") - 12, len("9780000001955,Cut,$1.00")):
        assert [row[0] for row in rows(whole[:-cut])] == [DUNE], whole[:-cut]


def test_header_only_is_an_empty_search() -> None:
    frame = parse_saved_search_csv(b"ISBN,Title,US SRP\r\n")
    assert frame.empty
    assert list(frame.columns) == ["isbn", "title", "srp_price"]
    assert frame.attrs["rejected"] == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\r\n\r\n",
        b"\x00\x00",
        b"Item,Name,Cost\r\n9780593135204,Hail,1\r\n",
        b"9780593135204,Hail,28.99\r\n",
        b"Service unavailable",
        b"PK\x03\x04 a workbook",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"<html><body><h1>iPage Home</h1></body></html>",
        b"\x89PNG\r\n\x1a\n",
        b"ISBN-like,Title\r\n1,2\r\n",
    ],
)
def test_what_is_no_export_has_changed(data: bytes) -> None:
    with pytest.raises(PageChanged):
        parse_saved_search_csv(data)


@pytest.mark.parametrize(
    ("html", "error"),
    [
        (BLOCK, Blocked),
        (INTERRUPTION, Blocked),
        (LOGIN, SessionExpired),
        (EXPIRED, SessionExpired),
        (NO_MATCH, NotFound),
        ("\n\n  " + LOGIN, SessionExpired),
    ],
)
def test_a_page_in_place_of_the_export(html: str, error: type[Exception]) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        with pytest.raises(error):
            parse_saved_search_csv(html.encode(encoding))


def test_a_table_of_html_as_older_sites_export_for_excel() -> None:
    body = "".join(
        f"<tr><td>{isbn}</td><td>{title}</td><td>{f'${price}' if price else ''}</td></tr>"
        for isbn, title, price in TRUTH
    )
    html = (
        f"<html><body><table><tr><th>EAN</th><th>Title</th><th>US SRP</th></tr>{body}</table></body></html>"
    )
    assert rows(html) == TRUTH


ISBNS = st.integers(978_000_000_000, 979_999_999_999).map(lambda n: f"{n}{check_digit_13(str(n))}")
TITLES = st.text(
    alphabet=st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Zs", "Cn", "Co"]), max_size=30
)


@settings(max_examples=150)
@given(
    titles=st.lists(
        st.tuples(ISBNS, TITLES, st.none() | st.decimals(Decimal("0.01"), Decimal(9999), places=2)),
        max_size=8,
        unique_by=lambda row: row[0],
    ),
    columns=st.permutations(["ISBN", "Title", "US SRP", "Author"]),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    formula=st.booleans(),
)
def test_every_shape_gives_the_same_rows(
    titles: list[tuple[str, str, Decimal | None]],
    columns: list[str],
    delimiter: str,
    encoding: str,
    newline: str,
    formula: bool,
) -> None:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    lines = [delimiter.join(columns)]
    for isbn, title, price in titles:
        cells = {
            "ISBN": quoted(f'="{isbn}"' if formula else isbn),
            "Title": quoted(f"T {title} t"),
            "US SRP": quoted(f"${price:,.2f}" if price is not None else ""),
            "Author": "N. N.",
        }
        lines.append(delimiter.join(cells[name] for name in columns))
    found = rows((newline.join(lines) + newline).encode(encoding))
    assert [(row[0], row[2]) for row in found] == [(isbn, price) for isbn, _, price in titles]
    assert all(str(row[1]).startswith("T") for row in found)


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(alphabet='ISBN,;\t|"\n\r=$.0123456789978TitlePrice EAN+-', max_size=200).map(str.encode),
        st.tuples(st.integers(0, len(PLAIN)), st.integers(0, len(PLAIN)), st.binary(max_size=6)).map(
            lambda cut: PLAIN.encode()[: cut[0]] + cut[2] + PLAIN.encode()[cut[1] :]
        ),
    )
)
def test_no_bytes_end_in_anything_but_a_frame_or_a_named_error(data: bytes) -> None:
    try:
        frame = parse_saved_search_csv(data)
    except (SessionExpired, Blocked, NotFound, PageChanged):
        return
    assert isinstance(frame, pd.DataFrame)
    assert frame["isbn"].is_unique
    text = data.decode("utf-8", "replace").replace(",", "")
    for price in frame["srp_price"]:
        if price is not None:
            forms = {str(price), f"{price:f}".rstrip("0").rstrip("."), f"{price:f}".removeprefix("0")}
            assert any(form in text for form in forms)


@pytest.mark.parametrize("add_on", ["-12", "-05", "-99", "-51899", " 12", " - 12", "\u201312"])
def test_an_add_on_of_two_digits_is_read_as_one_of_five(add_on: str) -> None:
    assert rows(f"EAN,Title\n{HAIL_MARY}{add_on},Hail\n") == [(HAIL_MARY, "Hail", None)]


@pytest.mark.parametrize("unseen", [*"\u202a\u202c\u202e\u2066\u2069\u061c\u180e\0\u200b"])
def test_what_nobody_sees_around_an_isbn_is_passed_over(unseen: str) -> None:
    for cell in (f"{unseen}{DUNE}", f"{DUNE}{unseen}", f'{unseen}"{DUNE}"{unseen}'):
        assert rows(f"ISBN,Title,US SRP\n{HAIL_MARY},Hail,\n{cell},Dune,$9.99\n")[1] == (
            DUNE,
            "Dune",
            Decimal("9.99"),
        )


@pytest.mark.parametrize("zeros", [1, 3, 4, 100, 511, 4096])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_zeros_behind_an_export_are_no_part_of_it(encoding: str, zeros: int) -> None:
    assert rows(PLAIN.encode(encoding) + bytes(zeros)) == TRUTH


@pytest.mark.parametrize("before", [b"\r\n\r\n", b"\n", b"  ", b"\xef\xbb\xbf", b"\0\0", b"\t\r\n"])
def test_blank_lines_before_a_packed_export(before: bytes) -> None:
    packed, text = io.BytesIO(), f"ISBN,Title\n{HAIL_MARY},Hail\n".encode()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export.csv", text)
    for data in (
        packed.getvalue(),
        gzip.compress(text),
        xlsx({"Titles": [("ISBN", "Title"), (HAIL_MARY, "Hail")]}),
    ):
        assert rows(before + data) == [(HAIL_MARY, "Hail", None)]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("Dune,", "Dune,$18.99", ("Dune", "18.99")),
        (",", "Dune,$18.99", ("Dune", "18.99")),
        ("Dune,TBD", "Messiah,$18.99", ("Dune", "18.99")),
        ("Dune,$9.99", "Dune,$18.99", ("Dune", "9.99")),
        (",$9.99", "Dune,", ("Dune", "9.99")),
        ("Dune,", "Dune,cheap", ("Dune", None)),
    ],
)
def test_a_second_row_of_a_book_gives_what_the_first_lacks(
    first: str, second: str, said: tuple[str, str | None]
) -> None:
    data = f"ISBN,Title,US SRP\n{DUNE},{first}\n{DUNE},{second}\n"
    title, price = said
    assert rows(data) == [(DUNE, title, Decimal(price) if price else None)]
    assert [row["duplicate_of"] for row in rejected(data)] == [2]


@pytest.mark.parametrize("title", ['"Foo and bar', 'Foo" and bar', '"', 'The 5" gun', '"Foo, bar', 'a "b'])
@pytest.mark.parametrize("last", ["", f"{HAIL_MARY}\tHail\t$28.99\n"])
def test_a_lone_quotation_mark_in_a_file_with_tabs(title: str, last: str) -> None:
    found = rows(f"ISBN\tTitle\tUS SRP\n{DUNE}\t{title}\t$18.99\n{last}")
    assert found[0] == (DUNE, title, Decimal("18.99"))
    assert found[1:] == ([(HAIL_MARY, "Hail", Decimal("28.99"))] if last else [])


def books_at(*prices: str) -> bytes:
    lines = []
    for number, price in enumerate(prices):
        twelve = f"97800000{number:04}"
        lines.append(f"{twelve}{check_digit_13(twelve)},Book,{price}\n")
    return "".join(("ISBN,Title,US SRP\n", *lines)).encode()


@pytest.mark.parametrize("cell", ["$20", "20 USD", "20.00", "20.5", "18.99"])
def test_whole_dollars_beside_one_that_is_money_are_prices(cell: str) -> None:
    found = read_saved_search(books_at("32", "24", "40", "12", cell))
    assert [title.srp_price for title in found.titles][:4] == [32, 24, 40, 12]
    assert found.titles[4].srp_price is not None
    assert found.warnings == ()


def test_a_column_in_which_nothing_looks_like_money_holds_no_prices() -> None:
    found = read_saved_search(books_at("32", "24", "40", "12", "1200"))
    assert [title.srp_price for title in found.titles] == [None] * 5
    (warning,) = found.warnings
    assert "5 of them, without a currency" in warning
    # A few may be whole dollars.
    few = read_saved_search(books_at("32", "24", "40", "12"))
    assert [title.srp_price for title in few.titles] == [32, 24, 40, 12]
