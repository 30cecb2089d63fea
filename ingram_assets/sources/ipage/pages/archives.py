"""What is packed in an answer: the files of a zip, gzip or web archive. Bounded, whatever they claim."""

import email
import gzip
import io
import re
import zipfile
from pathlib import PurePosixPath

from ingram_assets.sources.ipage.pages.page_failures import PageChanged

ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
GZIP = b"\x1f\x8b"

_MAX_FILES = 1_000
_ENTRY = b"PK\x01\x02"


def open_zip(data: bytes) -> zipfile.ZipFile:
    """The zip, whose files can be read.

    Raises:
        PageChanged: damaged, locked, or with too many files.
    """
    if data.count(_ENTRY) > _MAX_FILES:
        raise _refused("it has too many files in it")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # a stranger's directory of files: struct.error, UnicodeDecodeError, …
        raise _refused(f"it is damaged or cut short ({error})") from None
    if any(entry.flag_bits & 0x1 for entry in archive.infolist()):
        raise _refused("it is locked with a password")
    return archive


def unpacked_size(archive: zipfile.ZipFile) -> int:
    """Bytes of all files, as the zip claims."""
    return sum(entry.file_size for entry in archive.infolist())


def files_of(archive: zipfile.ZipFile, max_bytes: int) -> list[tuple[str, bytes]]:
    """Name and content of each file with something in it, without what a Mac adds of its own.

    Raises:
        PageChanged: damaged, nothing in it, or more than `max_bytes` in all.
    """
    files: list[tuple[str, bytes]] = []
    left = max_bytes
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if entry.is_dir() or "__MACOSX" in path.parts or path.name.startswith("."):
            continue
        try:
            with archive.open(entry) as file:
                content = file.read(left + 1)
        except Exception as error:  # a stranger's bytes: zlib.error, EOFError, RuntimeError, …
            raise _refused(f"{path.name[:80]} in it can't be unpacked ({error})") from None
        left -= len(content)
        if left < 0:
            raise _refused(f"it unpacks to more than {max_bytes:,} bytes")
        if content:
            files.append((path.name[:80], content))
    if not files:
        raise _refused("there is nothing in it")
    return files


def gunzip(data: bytes, max_bytes: int) -> bytes:
    """What is packed in a gzip.

    Raises:
        PageChanged: damaged, or more than `max_bytes`.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(max_bytes + 1)
    except Exception as error:  # a stranger's bytes: zlib.error, EOFError, RuntimeError, …
        raise _refused(f"it is damaged or cut short ({error})") from None
    if len(content) > max_bytes:
        raise _refused(f"it unpacks to more than {max_bytes:,} bytes")
    return content


def is_web_archive(data: bytes) -> bool:
    """Whether this is a web page saved with all that belongs to it (MHTML), as some sites send for .xls."""
    head = data[:2_000]
    return re.match(rb"\s*[A-Za-z-]{2,40}:", head) is not None and b"multipart/related" in head.lower()


def pages_of(data: bytes) -> list[tuple[str, bytes]]:
    """Name and content of each page in a web archive.

    Raises:
        PageChanged: damaged, or no page in it.
    """
    try:
        parts = [
            part for part in email.message_from_bytes(data).walk() if part.get_content_type() == "text/html"
        ]
        pages = [
            (str(part.get("Content-Location", "a page"))[-80:], content)
            for part in parts[:_MAX_FILES]
            if isinstance(content := part.get_payload(decode=True), bytes) and content.strip()
        ]
    except Exception as error:  # a stranger's headers
        raise _refused(f"it is damaged ({error})") from None
    if not pages:
        raise _refused("there is no page in it")
    return pages


def _refused(why: str) -> PageChanged:
    return PageChanged("export", f"as a packed file, {why}: export again, as CSV if the site offers it.")
