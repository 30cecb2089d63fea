"""Which entries of a shop's `site.toml` would help with what was not understood of its pages.

Whoever pastes them blindly must read nothing falsely: what only looks like a value of ours is a question.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from ingram_assets.domain.site_file import SOME_BINDINGS, SOME_ROLES, STATUSES, as_label
from ingram_assets.sources.ipage.pages.understood import NotUnderstood, called

_KEY_OF = {
    **{"srp_price": "price", "publication_date": "pub_date", "page_count": "pages"},
    **{"publisher_status": "status", "restrictions": "returnable"},
}
"""Keys of [labels] that are called otherwise than the field of a page."""
_NUMBERS = {"decimal": 'decimal = ","', "dates": 'dates = "dmy"'}
_GROUPED = re.compile(r"(?<![0-9.,])[0-9]{1,3},[0-9]{3}(?![0-9.,])")
"""1,204: a thousand, or a little more than one."""
_LONGEST = 60


def helpful_entries(found: Iterable[NotUnderstood], odd_pages: Mapping[str, str] | None = None) -> list[str]:
    """Lines to paste, by section. What a person has to decide is a comment, with what there is to choose.

    Args:
        found: each once.
        odd_pages: those of which nobody knows what they are: their names to what they say first.
    """
    found = [*found]
    forms = [*_forms(found)]
    found = [one for one in found if not one.is_known]
    sections = {
        "labels": [*_labels([one for one in found if one.what == "label"])],
        "elements": [*_elements([one for one in found if one.what == "element"])],
        "numbers": forms,
        "headings": [
            *_headings([one for one in found if one.what == "heading"]),
            *_totals([one for one in found if one.perhaps == "total"]),
        ],
        "statuses": [*_statuses([one for one in found if one.what == "status"])],
        "bindings": [*_bindings([one for one in found if one.what == "binding"])],
        "roles": [*_roles([one for one in found if one.what == "role"])],
        "words": [*_words(odd_pages or {})],
        "centers": [*_centers([one for one in found if one.what == "center" and one.perhaps != "total"])],
    }
    lines: list[str] = []
    for name, entries in sections.items():
        if entries:
            lines += [*([""] if lines else []), f"[{name}]", *entries]
    return lines


def _forms(found: list[NotUnderstood]) -> Iterator[str]:
    for form, entry in _NUMBERS.items():
        said = [one for one in found if one.form == form]
        sure = [one for one in said if one.is_known or one.is_sure or not _GROUPED.search(one.text)]
        if said and not sure:
            yield "# is the comma decimal here?"
            yield f"# {entry}  # as in {_quoted(said[0].text)}"
        elif said:
            yield entry


def _labels(found: list[NotUnderstood]) -> Iterator[str]:
    told: dict[str, list[NotUnderstood]] = {}
    for one in found:
        told.setdefault(_key(one), []).append(one)
    ignored = told.pop("", [])
    for key, ones in told.items():
        sure = [one for one in ones if one.is_sure]
        if sure and (len({as_label(one.words) for one in sure}) == 1 or len({one.text for one in sure}) == 1):
            yield f"{key} = {_listed(sure)}"
            ones = [one for one in ones if not one.is_sure]
        if len(ones) == 1:
            yield f"# is this the {called(ones[0].perhaps or key)}?"
        elif ones:
            yield f"# {key} is one of these, and the others are none:"
        for one in ones:
            yield f"# {key} = {_listed([one])}  # beside it {_quoted(one.text)}"
    for one in ignored:
        beside = f", beside it {_quoted(one.text)}" if one.text else ""
        yield f"# {_quoted(as_written(one.words))}{beside}: no field of ours, or give it to another key"
    if ignored:
        yield f"# ignored = {_listed(ignored)}"


def _key(one: NotUnderstood) -> str:
    if one.perhaps == "isbn":
        return "ean" if sum(map(str.isdigit, one.text)) >= 13 else "isbn"
    return _KEY_OF.get(one.perhaps or "", one.perhaps or "")


def _elements(found: list[NotUnderstood]) -> Iterator[str]:
    for one in found:
        if one.words:
            yield f"# is this the {one.perhaps}? It says {_quoted(one.text)}"
            yield f"# {one.perhaps} = [{_quoted(one.words)}]"


def _headings(found: list[NotUnderstood]) -> Iterator[str]:
    centers = [one for one in found if one.perhaps == "center"]
    if sure := [one for one in centers if one.is_sure]:
        yield f"center = {_listed(sure)}"
    for one in found:
        if one in sure:
            continue
        if one in centers:
            yield "# are these the centers?"
            yield f"# center = {_listed([one])}  # below it {_quoted(one.text)}"
        else:
            keys = "on_hand, on_order or ignored" if one.perhaps else "center, on_hand, on_order or ignored"
            yield f"# {keys}?"
            yield f"# on_hand = {_listed([one])}"


def _totals(found: list[NotUnderstood]) -> Iterator[str]:
    if found:
        yield "# does this row add up the others? It has as many copies as all of them together"
        yield f"# total = {_listed(found)}"


def _statuses(found: list[NotUnderstood]) -> Iterator[str]:
    for one in found:
        yield f"# one of: {', '.join(STATUSES)}"
        yield f"# {_quoted(one.words)} = {_quoted(STATUSES[0])}"


def _bindings(found: list[NotUnderstood]) -> Iterator[str]:
    if found:
        yield f"# which is it? {', '.join(SOME_BINDINGS)}, … Files are sold without a count"
    for one in found:
        yield f"# {_quoted(one.words)} = {_quoted(SOME_BINDINGS[0])}"


def _roles(found: list[NotUnderstood]) -> Iterator[str]:
    if found:
        yield f"# what part had they in the book? {', '.join(SOME_ROLES)}, …"
    for one in found:
        yield f"# {_quoted(one.words)} = {_quoted(SOME_ROLES[0])}  # of {_quoted(one.text)}"


def _centers(found: list[NotUnderstood]) -> Iterator[str]:
    for one in found:
        yield f'# the two letters of its state:  {_quoted(one.words)} = ""'


def _words(odd_pages: Mapping[str, str]) -> Iterator[str]:
    for sentence, name in {sentence: name for name, sentence in odd_pages.items() if sentence}.items():
        yield f"# {name}: the bot wall (blocked), an ended session (expired), or no such title (not_found)?"
        yield f"# expired = [{_quoted(sentence)}]"


def as_written(words: str) -> str:
    """A label without the colon behind it."""
    return words.rstrip(" :")


def _listed(ones: Iterable[NotUnderstood]) -> str:
    words = {as_label(one.words): as_written(one.words) for one in ones}
    return f"[{', '.join(map(_quoted, words.values()))}]"


def _quoted(text: str) -> str:
    return json.dumps(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…", ensure_ascii=False)
