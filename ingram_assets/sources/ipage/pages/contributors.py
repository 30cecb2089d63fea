"""Who had a part in the book, and which: by the links to their other books, else under their label.

What says a role stands apart from the name: in brackets, before a colon, behind a dash. It is never a part of
the name, whether or not its words are known.
"""

import re

from selectolax.lexbor import LexborNode

from ingram_assets.domain.title import Contributor
from ingram_assets.sources.ipage.pages import fields
from ingram_assets.sources.ipage.pages.notes import Notes
from ingram_assets.sources.ipage.pages.visible_text import flowing_text
from ingram_assets.sources.ipage.profile.role_words import RoleWords

_PARTED = re.compile(r"\s*[;|]\s*|(?<=[)\]]),\s*")
_IN_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_BRACKETS_BEHIND = re.compile(r"(?:[\s,;&]*[(\[][^()\[\]]*[)\]])+$")
_BRACKETS_BEFORE = re.compile(r"^[(\[][^()\[\]]*[)\]]\s*")
_LONGEST = 300
_ENDS_OF_A_NAME = frozenset({"br", "strong", "table", "div", "p"})


def read_contributors(anchors: list[LexborNode], notes: Notes) -> tuple[Contributor, ...]:
    """The people, each once. `anchors`: the book's own links to people."""
    roles = notes.profile.roles
    people = dict.fromkeys(filter(None, (_of_link(anchor, roles) for anchor in anchors)))
    if people:
        notes.at("contributors", anchors[0])
        return tuple(people)
    listed = notes.labels.one_line("contributors")
    notes.under("contributors", "contributors")
    pieces = (piece.strip(" ,") for piece in _PARTED.split(listed or ""))
    return tuple(dict.fromkeys(filter(None, (listed_person(piece, roles) for piece in pieces))))


def _of_link(anchor: LexborNode, roles: RoleWords) -> Contributor | None:
    inner = anchor.css_first("span")
    name = fields.clean(flowing_text(inner if inner is not None else anchor)).strip(" ,;")
    after = flowing_text(inner.next) if inner is not None and inner.next is not None else ""
    sibling = anchor.next
    while sibling is not None and not _ends_a_name(sibling):
        after += flowing_text(sibling)
        sibling = sibling.next
    said = re.search(r"\([^()0-9]+\)(?:[\s,;&]*\([^()0-9]+\))*", after)
    return _person(name, re.findall(r"\(([^()]+)\)", said[0]) if said else [], roles)


def _ends_a_name(node: LexborNode) -> bool:
    """Whether the next name, or something else, begins here."""
    if not node.is_element_node:
        return False
    return node.tag in _ENDS_OF_A_NAME or node.css_matches("a") or node.css_first("a") is not None


def listed_person(text: str, roles: RoleWords) -> Contributor | None:
    """One of those under a label: "Weir, Andy (Author)", "Translated by A. Other", "Editor: A. Other"."""
    text, said = text[:_LONGEST], []
    for brackets in (_BRACKETS_BEHIND, _BRACKETS_BEFORE):
        if (found := brackets.search(text)) is not None and found[0].strip() != text.strip():
            said += _IN_BRACKETS.findall(found[0])
            text = f"{text[: found.start()]}{text[found.end() :]}".strip(" ,;&")
    if re.search(r"\S\s*:\s*\S", text):
        role, _, text = text.partition(":")
        said.insert(0, role)
    elif role := roles.before_a_name(text):
        said.insert(0, role)
        text = text[len(role) :]
    elif (parts := re.fullmatch(r"(.+)\s[-–—]\s(.+)", text)) is not None:
        role, text = (parts[1], parts[2]) if roles.is_alone(parts[1]) else (parts[2], parts[1])
        said.insert(0, role)
    elif (parts := re.fullmatch(r"(.+),\s*([^,]+)", text)) is not None and roles.is_alone(parts[2]):
        said.insert(0, parts[2])
        text = parts[1]
    # Years of a life stand in brackets as well.
    without_years = [role for role in said if not re.search("[0-9]", role)]
    return _person(text.strip(" ,"), without_years, roles)


def _person(name: str, said: list[str], roles: RoleWords) -> Contributor | None:
    if not name or fields.is_absent(name):
        return None
    words = [fields.clean(word) for text in said for word in _one_by_one(fields.clean(text), roles)]
    return Contributor(name, ", ".join(dict.fromkeys(map(roles.meant, filter(None, words)))) or None)


def _one_by_one(text: str, roles: RoleWords) -> list[str]:
    """The roles of "Author, Editor"; whole where it is one of the shop's words."""
    return [text] if roles.meant(text) != text else re.split(r"\s*[,/]\s*", text)
