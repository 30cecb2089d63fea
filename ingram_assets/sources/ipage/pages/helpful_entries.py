"""Which entries of a shop's `site.toml` would help with what was not understood of its pages."""

import json
from collections.abc import Iterable, Iterator, Mapping

from ingram_assets.domain.site_file import STATUSES, as_label
from ingram_assets.sources.ipage.pages.understood import Strange

_KEY_OF = {
    **{"srp_price": "price", "publication_date": "pub_date", "page_count": "pages"},
    **{"publisher_status": "status", "restrictions": "returnable"},
}
"""Keys of [labels] that are called otherwise than the field of a page."""
_NUMBERS = {"decimal": 'decimal = ","', "dates": 'dates = "dmy"'}
_LONGEST = 60


def helpful_entries(found: Iterable[Strange], odd_pages: Mapping[str, str] | None = None) -> list[str]:
    """Lines to paste, by section. What a person has to decide is a comment, with what there is to choose.

    Args:
        found: each once.
        odd_pages: those of which nobody knows what they are: their names to what they say first.
    """
    found = [*found]
    forms = {one.form for one in found}
    found = [one for one in found if not one.is_known]
    sections = {
        "labels": [*_labels([one for one in found if one.what == "label"])],
        "numbers": [_NUMBERS[form] for form in _NUMBERS if form in forms],
        "headings": [
            *_headings([one for one in found if one.what == "heading"]),
            *_totals([one for one in found if one.perhaps == "total"]),
        ],
        "statuses": [*_statuses([one for one in found if one.what == "status"])],
        "words": [*_words(odd_pages or {})],
        "centers": [*_centers([one for one in found if one.what == "center" and one.perhaps != "total"])],
    }
    lines: list[str] = []
    for name, entries in sections.items():
        if entries:
            lines += [*([""] if lines else []), f"[{name}]", *entries]
    return lines


def _labels(found: list[Strange]) -> Iterator[str]:
    told: dict[str, list[Strange]] = {}
    for one in found:
        told.setdefault(_key(one), []).append(one)
    ignored = told.pop("", [])
    for key, ones in told.items():
        if len({as_label(one.words) for one in ones}) == 1 or len({one.text for one in ones}) == 1:
            yield f"{key} = {_listed(ones)}"
            continue
        yield f"# {key} is one of these, and the others are none:"
        for one in ones:
            yield f"# {key} = {_listed([one])}  # beside it {_quoted(one.text)}"
    for one in ignored:
        beside = f", beside it {_quoted(one.text)}" if one.text else ""
        yield f"# {_quoted(as_written(one.words))}{beside}: no field of ours, or give it to another key"
    if ignored:
        yield f"# ignored = {_listed(ignored)}"


def _key(one: Strange) -> str:
    if one.perhaps == "isbn":
        return "ean" if sum(map(str.isdigit, one.text)) >= 13 else "isbn"
    return _KEY_OF.get(one.perhaps or "", one.perhaps or "")


def _headings(found: list[Strange]) -> Iterator[str]:
    centers = [one for one in found if one.perhaps == "center"]
    if centers:
        yield f"center = {_listed(centers)}"
    for one in found:
        if one not in centers:
            keys = "on_hand, on_order or ignored" if one.perhaps else "center, on_hand, on_order or ignored"
            yield f"# {keys}?"
            yield f"# on_hand = {_listed([one])}"


def _totals(found: list[Strange]) -> Iterator[str]:
    if found:
        yield "# the first words of a row that has as many copies as all others together"
        yield f"total = {_listed(found)}"


def _statuses(found: list[Strange]) -> Iterator[str]:
    for one in found:
        yield f"# one of: {', '.join(STATUSES)}"
        yield f"# {_quoted(one.words)} = {_quoted(STATUSES[0])}"


def _centers(found: list[Strange]) -> Iterator[str]:
    for one in found:
        yield f'# the two letters of its state:  {_quoted(one.words)} = ""'


def _words(odd_pages: Mapping[str, str]) -> Iterator[str]:
    for sentence, name in {sentence: name for name, sentence in odd_pages.items() if sentence}.items():
        yield f"# {name}: the bot wall (blocked), an ended session (expired), or no such title (not_found)?"
        yield f"# expired = [{_quoted(sentence)}]"


def as_written(words: str) -> str:
    """A label without the colon behind it."""
    return words.rstrip(" :")


def _listed(ones: Iterable[Strange]) -> str:
    words = {as_label(one.words): as_written(one.words) for one in ones}
    return f"[{', '.join(map(_quoted, words.values()))}]"


def _quoted(text: str) -> str:
    return json.dumps(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…", ensure_ascii=False)
