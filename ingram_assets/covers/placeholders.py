"""What makes a picture "image coming soon" art: a seed list, and one picture for many titles."""

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from ingram_assets.covers.pictures import PictureRefused, examine

SAME_HASH = 16
"""Bits of 256 that may differ between the perceptual hashes of one picture in another size or quality."""

SAME_TILE = 12
"""Levels of 255 by which the brightness of one tile may differ. Measured: another quality makes up
to 3, another size up to 9 (from 640 down to 320 pixels wide), another number on the same art 10 to 60."""

MANY_TITLES = 4
"""Different titles with the same picture from which on it is a placeholder."""


def load_seeds(folder: Path | None = None) -> frozenset[str]:
    """The perceptual hashes of known placeholders: the list that comes with this code, and a person's own.

    `folder`, if it is there, may hold pictures of placeholders (any format that a cover may have), and `.txt`
    files with a hash a line. A picture that cannot be read is passed over: it recognizes nothing.
    """
    own = resources.files("ingram_assets.covers").joinpath("placeholders.txt").read_text("utf-8")
    seeds = set(_hashes(own))
    for path in sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []:
        if path.suffix.lower() == ".txt":
            seeds.update(_hashes(path.read_text("utf-8", errors="replace")))
        elif path.is_file():
            try:
                seeds.add(examine(path.read_bytes()).phash)
            except PictureRefused:
                continue
    return frozenset(seeds)


def near(phash: str, others: Iterable[str]) -> bool:
    """Whether `phash` is near enough to one of `others`, which are known placeholders."""
    return any(distance(phash, other) <= SAME_HASH for other in others)


def same_tiles(one: bytes, other: bytes) -> bool:
    """Whether two pictures that are near by hash are one picture: alike in every tile.

    The hash alone takes the volumes of a series for one picture, as only a number differs.
    """
    return all(abs(a - b) <= SAME_TILE for a, b in zip(one, other, strict=True))


def distance(one: str, other: str) -> int:
    """Bits that differ between two perceptual hashes of 64 hex digits."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def work_of(isbn: str, title: str | None) -> str:
    """What counts as one title: editions of a book, and volumes of a series, may share their cover rightly.

    Left out are subtitles, "(Deluxe Edition)", volume numbers; without a title it is the ISBN.
    """
    plain = re.split(r"[:;,(\[/]| - ", title or "", maxsplit=1)[0]
    plain = re.sub(r"\s+(?:(?:vol|volume|book|part|no)\.?\s*|#\s*)?\d+\s*$", "", plain, flags=re.IGNORECASE)
    return re.sub(r"[\W_]+", " ", plain).strip().casefold() or isbn


def _hashes(text: str) -> list[str]:
    words = (line.split("#", 1)[0].strip().lower() for line in text.splitlines())
    return [word for word in words if re.fullmatch(r"[0-9a-f]{64}", word)]
