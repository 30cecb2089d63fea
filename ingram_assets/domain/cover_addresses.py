"""Where a title's cover lies in the bucket, in which sizes, and the address under which each is shown. Pure.

The scraper stores by these names, the store and the desk show by them. Between is the queue's `cover_url`:
the address of the raw cover, with its version and the sizes that there are.
"""

import re

WIDTHS = (200, 400, 800)
"""Pixels of the web sizes."""
SIZES = ",".join(map(str, WIDTHS))
"""The same, as a cover's metadata and its address say which ones it has."""
BOARD, THUMBNAIL, GALLERY = WIDTHS
"""The one that the desk's lists show, and those of a product in the store: in lists, and on its own page."""

_RAW = re.compile(r"(.*/covers)/raw/([0-9]{13})\.jpg\?v=([0-9a-f]+)&sizes=([0-9,]+)")
_PROCESSED = re.compile(r"(.*/covers)/processed/([0-9]{13})-[0-9]+\.webp")


def raw_key(isbn: str) -> str:
    """Where the cover itself lies."""
    return f"covers/raw/{isbn}.jpg"


def processed_key(isbn: str, width: int) -> str:
    """Where a web size of it lies."""
    return f"covers/processed/{isbn}-{width}.webp"


def cover_address(public_url: str, isbn: str, sha256: str, sizes: str) -> str:
    """The cover's address: another one for another picture, and for other sizes of it ("" for none)."""
    return f"{public_url}/{raw_key(isbn)}?v={sha256[:8]}" + (f"&sizes={sizes}" if sizes else "")


def in_width(address: str, width: int) -> str:
    """The address of a cover in one of its sizes; the same where it has none of that width."""
    if (raw := _RAW.fullmatch(address)) and str(width) in raw[4].split(","):
        return f"{raw[1]}/processed/{raw[2]}-{width}.webp?v={raw[3]}"
    path, mark, query = address.partition("?")
    if size := _PROCESSED.fullmatch(path):
        return f"{size[1]}/processed/{size[2]}-{width}.webp{mark}{query}"
    return address


def raw_path(path: str) -> str:
    """The path of the cover itself, of that of any of its sizes; all others as they are."""
    size = _PROCESSED.fullmatch(path)
    return f"{size[1]}/raw/{size[2]}.jpg" if size else path
