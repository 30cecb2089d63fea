"""What is packed in an answer: the files of a zip, gzip or web archive. Bounded, whatever they claim."""

import email
import gzip
import io
import re
import zipfile
from email.message import Message
from pathlib import PurePosixPath

from ingram_assets.sources.ipage.pages.charsets import Body
from ingram_assets.sources.ipage.pages.page_failures import PageChanged

ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
GZIP = b"\x1f\x8b"

_MAX_FILES = 1_000
_ENTRY = b"PK\x01\x02"


def kind_of(data: bytes) -> str | None:
    """How the data is packed, in words; `None` if it isn't."""
    if data.startswith(ZIP):
        return "a zip"
    if data.startswith(GZIP):
        return "a gzip"
    # A web page saved with all that belongs to it (MHTML), as some sites send for .xls.
    head = data[:2_000]
    if re.match(rb"\s*[A-Za-z-]{2,40}:", head) and b"multipart/related" in head.lower():
        return "a web archive"
    return None


def files_of(data: bytes, max_bytes: int) -> list[tuple[str, bytes]]:
    """Name and content of each file that is packed in the data and has something in it.

    Raises:
        PageChanged: damaged, locked, nothing in it, or more than `max_bytes` in all.
    """
    if data.startswith(GZIP):
        return [("", _gunzip(data, max_bytes))]
    is_zip = data.startswith(ZIP)
    if not (files := _unzip(data, max_bytes) if is_zip else _pages_of(data)):
        raise refused(f"there is {'nothing' if is_zip else 'no page'} in it")
    return files


def open_zip(data: bytes) -> zipfile.ZipFile:
    """The zip, whose files can be read. Raises PageChanged: damaged, locked, or with too many files."""
    if data.count(_ENTRY) > _MAX_FILES:
        raise refused("it has too many files in it")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # a stranger's directory of files: struct.error, UnicodeDecodeError, …
        raise refused(f"it is damaged or cut short ({error})") from None
    if any(entry.flag_bits & 0x1 for entry in archive.infolist()):
        raise refused("it is locked with a password")
    return archive


def refused(why: str, what: str = "a packed file") -> PageChanged:
    """The error of an export that can't be unpacked or read."""
    return PageChanged("export", f"as {what}, {why}: export again, as CSV if the site offers it.")


def _unzip(data: bytes, max_bytes: int) -> list[tuple[str, bytes]]:
    """The files of a zip, without what a Mac adds of its own."""
    files: list[tuple[str, bytes]] = []
    left = max_bytes
    archive = open_zip(data)
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if entry.is_dir() or "__MACOSX" in path.parts or path.name.startswith("."):
            continue
        try:
            with archive.open(entry) as file:
                content = file.read(left + 1)
        except Exception as error:  # a stranger's bytes: zlib.error, EOFError, RuntimeError, …
            raise refused(f"{path.name[:80]} in it can't be unpacked ({error})") from None
        left -= len(content)
        if left < 0:
            raise refused(f"it unpacks to more than {max_bytes:,} bytes")
        if content:
            files.append((path.name[:80], content))
    return files


def _gunzip(data: bytes, max_bytes: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(max_bytes + 1)
    except Exception as error:  # a stranger's bytes: zlib.error, EOFError, RuntimeError, …
        raise refused(f"it is damaged or cut short ({error})") from None
    if len(content) > max_bytes:
        raise refused(f"it unpacks to more than {max_bytes:,} bytes")
    return content


def _pages_of(data: bytes) -> list[tuple[str, bytes]]:
    try:
        parts = [
            part for part in email.message_from_bytes(data).walk() if part.get_content_type() == "text/html"
        ]
        return [
            (str(part.get("Content-Location", "a page"))[-80:], _with_charset(content, part))
            for part in parts[:_MAX_FILES]
            if isinstance(content := part.get_payload(decode=True), bytes) and content.strip()
        ]
    except Exception as error:  # a stranger's headers
        raise refused(f"it is damaged ({error})") from None


def _with_charset(content: bytes, part: Message) -> Body:
    return Body.of(content, {"content-type": str(part.get("Content-Type", ""))})
