"""What makes a picture "image coming soon" art: a seed list, and one picture for many titles."""

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from ingram_assets.covers.pictures import Refused, examine

SAME_PICTURE = 12
"""Bits of 1,024 that may differ between the perceptual hashes of one picture in another size or quality
(measured: up to 12, from 640 down to 180 pixels wide). Another volume number in the same design differs by 22
and more, so a series is no placeholder."""

MANY_TITLES = 4
"""Different titles with the same picture from which on it is a placeholder."""


def load_seeds(folder: Path | None = None) -> frozenset[str]:
    """The perceptual hashes of known placeholders: the list that comes with this code, and a person's own.

    `folder`, if it is there, may hold pictures of placeholders (any format that a cover may have), and `.txt`
    files with a hash a line. A picture that cannot be read is passed over: it recognises nothing.
    """
    own = resources.files("ingram_assets.covers").joinpath("placeholders.txt").read_text("utf-8")
    seeds = set(_hashes(own))
    for path in sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []:
        if path.suffix.lower() == ".txt":
            seeds.update(_hashes(path.read_text("utf-8", errors="replace")))
        elif path.is_file():
            try:
                seeds.add(examine(path.read_bytes()).phash)
            except Refused:
                continue
    return frozenset(seeds)


def near(phash: str, others: Iterable[str]) -> bool:
    """Whether `phash` is that of the same picture as one of `others`."""
    return any(distance(phash, other) <= SAME_PICTURE for other in others)


def distance(one: str, other: str) -> int:
    """Bits that differ between two perceptual hashes of 256 hex digits."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def work_of(isbn: str, title: str | None) -> str:
    """What counts as one title: the editions of a book (hardcover, paperback, audio) share their cover
    rightly.

    Subtitles, "(Deluxe Edition)" and volume marks after a comma are left out; without a title it is the ISBN.
    """
    plain = re.split(r"[:;,(\[/]| - ", title or "", maxsplit=1)[0]
    return re.sub(r"[\W_]+", " ", plain).strip().casefold() or isbn


def _hashes(text: str) -> list[str]:
    words = (line.split("#", 1)[0].strip().lower() for line in text.splitlines())
    return [word for word in words if re.fullmatch(r"[0-9a-f]{256}", word)]
