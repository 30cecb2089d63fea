"""Files in which browsers save a page, and the page that is in them."""

import gzip
import io
import plistlib
import zipfile
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from ingram_assets.sources.ipage.pages import parse_product_page
from ingram_assets.sources.ipage.pages.saved_pages import MAX_BYTES, NoSavedPage, page_in
from ingram_assets_tests.testing.page_factory import LOGIN, product_page

TITLE = "Die Möwe Jonathan – «Œuvre»"
PAGE = product_page(title=TITLE).replace('<meta charset="utf-8">', "")


def archive(*parts: MIMEText) -> bytes:
    whole = MIMEMultipart("related", type="text/html")
    for part in parts:
        whole.attach(part)
    return whole.as_bytes()


def safari(**main: object) -> bytes:
    return plistlib.dumps({"WebMainResource": main}, fmt=plistlib.FMT_BINARY)


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        PAGE.encode(),
        PAGE.replace("<head>", '<head><meta charset="windows-1252">').encode("cp1252"),
        archive(MIMEText(PAGE, "html", "utf-8")),
        archive(MIMEText(PAGE, "html", "windows-1252"), MIMEText("a {}", "css")),
        archive(MIMEText("<html><body>A frame.</body></html>", "html"), MIMEText(PAGE, "html", "utf-8")),
        safari(WebResourceData=PAGE.encode("utf-16-le"), WebResourceTextEncodingName="UTF-16LE"),
        safari(WebResourceData=PAGE.encode(), WebResourceTextEncodingName="UTF-8"),
        gzip.compress(PAGE.encode()),
        zipped("page.html", PAGE.encode()),
    ],
    ids=["html", "meta", "mhtml", "mhtml 1252", "frames", "safari 16", "safari", "gzip", "zip"],
)
def test_the_page_in_a_saved_file(data: bytes) -> None:
    assert parse_product_page(page_in(data)).title == TITLE


def test_the_charset_of_a_part_s_header() -> None:
    page = product_page(title="Łódź i Žilina").replace('<meta charset="utf-8">', "")
    assert parse_product_page(page_in(archive(MIMEText(page, "html", "iso-8859-2")))).title == "Łódź i Žilina"


def test_a_page_without_a_book_is_a_page() -> None:
    assert page_in(archive(MIMEText(LOGIN, "html"))).strip() == LOGIN.encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b" \n", "empty"),
        (b"<" * (MAX_BYTES + 1), "20,000,000 bytes"),
        (b"\x1f\x8bnonsense", "gzip"),
        (b"PK\x03\x04nonsense", "zip"),
        (zipped("empty.html", b""), "zip"),
        (archive(MIMEText("a {}", "css")), "web archive"),
        (b"bplist00nonsense", "Safari"),
        (safari(WebResourceURL="https://x"), "Safari"),
    ],
    ids=[
        "empty",
        "large",
        "gzip",
        "zip",
        "nothing zipped",
        "no page",
        "damaged safari",
        "safari without one",
    ],
)
def test_a_file_without_a_page_is_refused_in_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(NoSavedPage, match=says):
        page_in(data)
