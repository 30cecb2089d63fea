"""Bytes under a wrong, a doubled or no charset: what fits is read, and a stray byte costs itself."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.sources.ipage.pages import parse_product_page, parse_saved_search_csv
from ingram_assets.sources.ipage.pages.charsets import Body, decode
from ingram_assets.sources.ipage.site import Limits, Site
from ingram_assets_tests.testing.page_factory import UPPER, product_page, replaced
from ingram_assets_tests.testing.raw_server import raw_server
from ingram_assets_tests.testing.shared_site import Shared

META = '<meta charset="utf-8">'
WEST = "It’s García’s “Crème brûlée” – €5 Ångström"
RUSSIAN = "Михаил Булгаков, «Мастер и Маргарита»"


def page(text: str = WEST, meta: str = "") -> str:
    return f"<html><head>{meta}<title>iPage</title></head><body><p>{text}</p></body></html>"


def declares(charset: str, form: str = '<meta charset="{}">') -> str:
    return form.format(charset)


OLD = "<META HTTP-EQUIV='Content-Type' content='text/html; charset={}'>"
UTF_8 = WEST.encode()

# Name: body, the charset of its header, what its paragraph says.
BODIES: dict[str, tuple[bytes, str | None, str]] = {
    "nothing is declared": (page().encode(), None, WEST),
    "nothing is declared, Windows-1252": (page().encode("cp1252"), None, WEST),
    "UTF-8 that says utf8": (page(meta=declares("utf8")).encode(), None, WEST),
    "UTF-8 under iso-8859-1": (page(meta=declares("iso-8859-1")).encode(), "ISO-8859-1", WEST),
    "Windows-1252 as iso-8859-1": (page(meta=declares("iso-8859-1")).encode("cp1252"), None, WEST),
    "Windows-1252 as us-ascii": (page(meta=declares("us-ascii")).encode("cp1252"), None, WEST),
    "Windows-1252 as utf-8": (page(meta=declares("utf-8")).encode("cp1252"), "utf-8", WEST),
    "Windows-1252 under a name that is none": (
        page(meta=declares("x-nothing")).encode("cp1252"),
        "x-y",
        WEST,
    ),
    "single quotes": (page(RUSSIAN, OLD.format("windows-1251")).encode("cp1251"), None, RUSSIAN),
    "no quotes": (page(RUSSIAN, "<meta charset=koi8-r>").encode("koi8-r", "ignore"), None, RUSSIAN[:16]),
    "XHTML": (
        ('<?xml version="1.0" encoding="windows-1251"?>' + page(RUSSIAN)).encode("cp1251"),
        None,
        RUSSIAN,
    ),
    "the header alone": (page(RUSSIAN).encode("cp1251"), "windows-1251", RUSSIAN),
    "the header before the page": (
        page(RUSSIAN, declares("iso-8859-1")).encode("cp1251"),
        "Windows-1251",
        RUSSIAN,
    ),
    "the page, where the header is wrong": (
        page(RUSSIAN, declares("windows-1251")).encode("cp1251"),
        "utf-8",
        RUSSIAN,
    ),
    "declared twice": (
        page(RUSSIAN, declares("windows-1251") + declares("iso-8859-1")).encode("cp1251"),
        None,
        RUSSIAN,
    ),
    "a mark": (codecs.BOM_UTF8 + page(meta=declares("iso-8859-1")).encode(), "iso-8859-1", WEST),
    "a mark, and a stray byte": (
        codecs.BOM_UTF8 + page(f"{WEST}|").encode().replace(b"|", b"\x85"),
        None,
        f"{WEST}…",
    ),
    "UTF-16": (page(meta=declares("utf-8")).encode("utf-16"), "utf-8", WEST),
    "UTF-16 without a mark": (page(RUSSIAN).encode("utf-16-be"), None, RUSSIAN),
    "UTF-16, cut": (page().encode("utf-16-le") + b"<", None, WEST),
    "UTF-32": (page().encode("utf-32"), None, WEST),
    "UTF-16 that is none": (page(meta=declares("utf-16")).encode(), "utf-16", WEST),
    "a mainframe's that is none": (page(meta=declares("cp037")).encode("cp1252"), None, WEST),
    "no charset of text": (page(meta=declares("unicode_escape")).encode("cp1252"), "base64", WEST),
    "stray bytes": (page(f"{WEST}|odd|").encode().replace(b"|odd|", b"\x93odd\x94"), None, f"{WEST}“odd”"),
    "stray bytes of the declared charset": (
        page(f"{RUSSIAN}|", declares("windows-1251")).encode().replace(b"|", b"\xdf"),
        None,
        f"{RUSSIAN}Я",
    ),
    "more stray bytes than others": (
        page("García |").encode().replace(b"|", "“Très déjà été” – ’".encode("cp1252")),
        "utf-8",
        "García “Très déjà été” – ’",
    ),
    "one in UTF-8 on a page that is not": (
        page("“Très déjà été” – |", declares("windows-1252")).encode("cp1252").replace(b"|", "é€".encode()),
        None,
        "“Très déjà été” – é€",
    ),
    "quotes after letters stay": (page("“CAFÉ” ‘Ê’").encode("cp1252"), None, "“CAFÉ” ‘Ê’"),
    "a stray byte among Cyrillic": (page(f"{RUSSIAN}|").encode().replace(b"|", b"\x85"), None, f"{RUSSIAN}…"),
    "a field that is cut": (
        page(f"{WEST} Garc|").encode().replace(b"|", b"\xc3"),
        None,
        f"{WEST} Garc\ufffd",
    ),
    "a dash that is cut": (page(f"{WEST} a|").encode().replace(b"|", b"\xe2\x80"), None, f"{WEST} a\ufffd"),
    "a page that is cut": (page().encode()[:-14] + b"\xe2\x80", None, f"{WEST}</p>\ufffd"),
}


@pytest.mark.parametrize("name", BODIES)
def test_what_fits_is_read(name: str) -> None:
    body, charset, right = BODIES[name]
    headers = {"content-type": f'text/html; Charset="{charset}"'} if charset else {}
    text = decode(Body.of(body, headers))
    assert f"<p>{right}" in text
    assert not text.startswith("\ufeff")


@given(st.text(alphabet="aáàâäãåæçéèêëíñóòôöõøúùûüß’“”–—…€ ", min_size=1, max_size=80), st.data())
def test_a_stray_byte_costs_itself_alone(text: str, data: st.DataObject) -> None:
    around = f"{WEST} {text}|"
    stray = data.draw(st.sampled_from([b"\x91", b"\x96", b"\xa0", b"\xff", b"\x81"]))
    read = decode(around.encode().replace(b"|", stray + b" " + WEST.encode()))
    assert read[: len(around) - 1] == around[:-1]
    assert read[len(around) :] == f" {WEST}"


@given(st.binary(max_size=300), st.sampled_from(["", "utf-8", "cp1252", "shift_jis", "utf-16", "idna", "hz"]))
def test_any_bytes_are_some_text(body: bytes, charset: str) -> None:
    decode(Body.of(body, {"content-type": f"text/html; charset={charset}"})).encode()
    decode(b"<html>" + Body.of(body, {}) + WEST.encode()).encode()


def test_lost_characters_are_reported_with_where_they_were() -> None:
    html = product_page(
        people=(("Gabriel Garc|", "Author"),), upper=replaced(UPPER, Annotation=f"{WEST} and more of it")
    )
    read = parse_product_page(html.encode().replace(b"|", b"\xc3"))
    assert read.contributors[0].name == "Gabriel Garc\ufffd"
    (warning,) = read.warnings
    assert "contributors" in warning
    assert "title" not in warning


@pytest.mark.parametrize(
    ("charset", "header", "meta"),
    [
        ("cp1251", "text/html; charset=windows-1251", ""),
        ("cp1251", 'text/html;charset="windows-1251"', META),
        ("utf-8", "text/html; charset=iso-8859-1", ""),
        ("cp1251", "text/html", '<meta charset="windows-1251">'),
        ("utf-16", "text/html; charset=utf-8", META),
        ("utf-16-le", "text/html; charset=utf-16", ""),
    ],
)
def test_a_page_as_the_site_sends_it(charset: str, header: str, meta: str, shared: Shared) -> None:
    body = product_page(title="Мастер", people=(("Булгаков", "Author"),)).replace(META, meta).encode(charset)

    def answer(connection, head) -> None:
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nContent-Type: {header}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + body
        )

    with raw_server(answer) as (url, _):
        site = Site(url, shared(url), None, session_cookie="J=x", limits=Limits(pauses=(0.1, 0.2, 3.0)))
        (reading,) = site.read_products(["9780593135204"])
        site.close()
    assert reading.page is not None, reading.reason
    assert (reading.page.title, reading.page.contributors[0].name) == ("Мастер", "Булгаков")
    assert reading.page.warnings == ()


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_stray_byte_of_an_export_costs_itself_as_well(mark: bytes) -> None:
    rows = f"ISBN,Title\n9780593135204,{WEST}\n9780593135211,An |odd day\n"
    found = parse_saved_search_csv(mark + rows.encode().replace(b"|", b"\x93"))
    assert [*found.title] == [WEST, "An “odd day"]
