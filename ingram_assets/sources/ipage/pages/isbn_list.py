"""ISBNs that a person wrote down or copied together: in any spelling, parted by anything, with comments."""

import re

from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.sources.ipage.pages import fields
from ingram_assets.sources.ipage.pages.export_file import header_of
from ingram_assets.sources.ipage.pages.saved_search import ListedTitle, RejectedRow, SavedSearch, why_no_isbn
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile

_LINES = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_PARTS = re.compile(r"[,;|\t/\"'=()\[\]{}<>]+")
_DASH = r"[-‐‑‒–—\s]?"
_NO_MORE = r"(?![0-9A-Za-z])"
_THIRTEEN = re.compile(rf"(?<![0-9A-Za-z])97[89](?:{_DASH}[0-9]){{10}}{_NO_MORE}")
_TEN = re.compile(rf"(?<![0-9A-Za-z])(?=([0-9](?:{_DASH}[0-9]){{8}}{_DASH}[0-9Xx]){_NO_MORE})")
_MEANT = re.compile(
    r"(?<![0-9A-Za-z.,])[0-9](?:[-‐‑‒–— ]?[0-9]){8,}[Xx]?|[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}\b"
)
"""What is meant as an ISBN, so long is it: a price or a day is shorter."""
_ALONE = re.compile(r"[ \t]*(97[89][0-9]{10})[ \t]*")
_TAKEN = "·"
_SHOWN = 60


def read_isbn_list(text: str, profile: SiteProfile) -> SavedSearch:
    """The ISBNs of a list, each once, in its order. A line that has none is refused by its number."""
    titles: dict[str, int] = {}
    rejected: list[RejectedRow] = []
    for number, line in enumerate(_LINES.split(text.lstrip("\ufeff")), start=1):
        if (plain := _ALONE.fullmatch(line)) is not None:  # Most lines are so, and there may be very many.
            isbns, bad = _read_number(plain[1])
        else:
            line = fields.without_unseen(_COMMENT.sub("", line))
            if not line or header_of(re.split(r"[,;|\t]", line), profile) is not None:
                continue
            isbns, bad = _read_line(line)
        rejected += [RejectedRow(number, value[:_SHOWN], reason) for value, reason in bad]
        for isbn in isbns:
            if isbn in titles:
                told = f"{isbn} stands in line {titles[isbn]} already."
                rejected.append(RejectedRow(number, isbn, told, titles[isbn]))
            titles.setdefault(isbn, number)
    return SavedSearch(tuple(ListedTitle(isbn, None, None) for isbn in titles), tuple(rejected), ())


def _read_number(digits: str) -> tuple[list[str], list[tuple[str, str]]]:
    """As `_read_line`, of 13 digits that have it for themselves."""
    try:
        return [parse_isbn(digits)], []
    except InvalidIsbn as error:
        return [], [(digits, str(error))]


def _read_line(line: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The ISBNs of a line; and what is meant as one and is none, with the reason."""
    isbns: list[str] = []
    bad: list[tuple[str, str]] = []
    for part in filter(None, map(str.strip, _PARTS.split(line))):
        try:
            isbns.append(fields.read_book_number(part)[0])
        except InvalidIsbn as error:
            found, wrong = _several(part)
            isbns += found
            if not (found or wrong) and re.search("[0-9]{5}", part) and not _PARTS.search(line):
                wrong = [(part, str(error))]
            bad += wrong
    if not isbns and not bad:
        bad = [(line, f"“{line[:_SHOWN]}” has no ISBN in it.")]
    return isbns, bad


def _several(part: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The ISBNs among other words or one behind the other, parted by blanks alone."""
    placed: list[tuple[int, str]] = []
    bad: list[tuple[str, str]] = []
    left = list(part)  # without what was taken

    def take(found: str, start: int) -> str | None:
        """Why it is no ISBN; `None`: it is, and is taken."""
        try:
            placed.append((start, fields.read_book_number(found)[0]))
        except InvalidIsbn as error:
            return why_no_isbn(found, str(error))
        left[start : start + len(found)] = _TAKEN * len(found)
        return None

    for match in _THIRTEEN.finditer(part):
        if (reason := take(match[0], match.start())) is not None:
            bad.append((match[0], reason))
            left[match.start() : match.end()] = _TAKEN * len(match[0])
    for match in _TEN.finditer("".join(left)):
        if _TAKEN not in left[match.start() : match.start() + len(match[1])]:
            take(match[1], match.start())
    for match in _MEANT.finditer("".join(left)):
        if (reason := take(match[0], match.start())) is not None:
            bad.append((match[0], reason))
    return [isbn for _, isbn in sorted(placed)], bad
