"""A page as a person is told of it: what was understood, where on the page it stands, and what was not.

The one reader is `product_page`, as for each page of a sweep. Here its notes are put into words, and what it
passed over is looked for.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Literal, NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.domain import bindings, field_shares
from ingram_assets.domain.contributor_roles import is_role
from ingram_assets.domain.failures import IngramError
from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.domain.site_file import SiteEntries
from ingram_assets.sources.ipage.pages import fields, recognize
from ingram_assets.sources.ipage.pages.charsets import decode
from ingram_assets.sources.ipage.pages.labels import Labels
from ingram_assets.sources.ipage.pages.notes import LABEL, Notes, Spot
from ingram_assets.sources.ipage.pages.product_page import ProductPage, read_product_page
from ingram_assets.sources.ipage.pages.recognize import PageKind
from ingram_assets.sources.ipage.pages.stock_tables import (
    StockTable,
    columns_of_counts,
    headings_of,
    tables_like_stock,
)
from ingram_assets.sources.ipage.pages.visible_text import BLOCKS, flowing_text
from ingram_assets.sources.ipage.profile.number_forms import NumberForms
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in

KINDS: Mapping[str, str] = {
    "product": "a product page",
    "list": "a list of titles, as search results are",
    "other": "another page",
    "not_html": "no web page",
    PageKind.BLOCKED: "the bot wall's page",
    PageKind.BARE: "nothing but a script, as bot walls send",
    PageKind.SIGN_IN: "a sign-in page",
    PageKind.EXPIRED: "the notice of a session that is over",
    PageKind.CLOSED: "the notice of a site that is closed for a while",
    PageKind.NOT_FOUND: "the notice that nothing matches",
    PageKind.ERROR: "an error page of the site",
    PageKind.UNREAD: "a page that is not looked at",
}
"""What a page can be, in words."""

FIELDS = tuple(
    name
    for name in ProductPage.__dataclass_fields__
    if name not in ("stock", "stock_shape", "stock_rows_lost", "warnings")
)
"""The fields of a page beside its stock, in their order."""

_CALLED = {"isbn": "ISBN", "page_count": "pages", "srp_price": "list price", "bisac": "BISAC"}

_FIELD_OF_LABEL = {
    **{"ean": "isbn", "price": "srp_price", "pub_date": "publication_date", "sale_date": "publication_date"},
    **{"physical": "weight", "pages": "page_count", "status": "publisher_status"},
    **{"returnable": "restrictions"},
}
"""Fields that are called otherwise than their labels."""

_MAY_BE_MISSING = tuple(name for name in FIELDS if name not in ("isbn", "title"))

_STATUS_WORDS = re.compile(
    r"\b(?:in print|in stock|active|available|pre-?order|back-?order|limited|on demand|forthcoming|published|"
    r"printing|reprint\w*|out of|demand|cancell?ed|withdrawn|abandoned|postponed|indefinitely|temporarily|"
    r"remainder\w*|unknown|recalled|no longer|not sold|special order|pending|replaced|import\w*|apply|"
    r"contact)\b",
    re.IGNORECASE,
)
"""Of a publisher's status in English."""
_FORMED = {"price": "srp_price", "pub_date": "publication_date", "weight": "weight"}
"""Labels to the fields whose values have a form that differs from country to country."""
_DAY_FIRST = re.compile(r"(?<![0-9/])(?:1[3-9]|2[0-9]|3[01])/[0-9]{1,2}/[0-9]{2,4}(?![0-9/])")
"""A day that can be read in one way, and not as the US writes it: others of the site can't be told then."""
_MAY_HOLD_A_LABEL = (
    "td, th, dt, dd, div, p, li, span, label, strong, b, em, font, section, article, legend, "
    "h2, h3, h4, h5, h6"
)
_HEADS = {"th": "td", "dt": "dd"}
"""Elements that hold a label and nothing else, to those of their values."""
_PAIRED = ("td", "div", "span", "p")
"""Elements that stand two by two in a list of labels and values."""
_NO_LABELS_IN = frozenset({"nav", "header", "footer", "button", "select", "script", "style", "a"})
_HOLD_LABELS = frozenset({"th", "dt", "label", "strong", "b"})
_MOST_SHOWN = 500
_OWN = "#pd-title, .productDetailTitle, .productDetailElements"
_MOST_HEADINGS, _SHORTEST_BLURB, _LONGEST_BLURB = 3, 200, 10_000
_MOST_ELEMENTS, _MOST_STRANGE = 20_000, 50
_MOST_ROLES = 10
_MOST_ABOVE = 20
_LONGEST_LABEL, _LONGEST_TEXT = 40, 80
_PATH_PARTS = 4
_RESULTS = re.compile(r"\bresults?\b", re.IGNORECASE)
_TITLE_LINK = "a[href*=productdetail i], a[href*=titledetail i]"
_OF_EUROPE = NumberForms(SiteEntries(decimal=",", dates="dmy"))
_Form = Literal["decimal", "dates"] | None
_LISTED = re.compile(r"97[89][0-9]{10}")


class FieldPlace(NamedTuple):
    """Where a value stands: an element, and the words of its label or message as they stand there."""

    path: str
    words: str

    def __str__(self) -> str:
        return f"{self.path} “{self.words}”" if self.words else self.path


class CenterPlace(NamedTuple):
    """Where the counts of a center stand: a table, what its row is called, and the headings of its counts."""

    path: str
    row: str
    on_hand: str
    on_order: str

    def __str__(self) -> str:
        return f"{self.path}, row “{self.row}”, “{self.on_hand}” and “{self.on_order}”"


class NotUnderstood(NamedTuple):
    """What stands on the page and was not understood.

    Attributes:
        words: as they stand there; of an element, what `[elements]` of site.toml would call it.
        text: what stands beside a label, or below a heading; of a role, whose it is; of an element,
            what it says.
        perhaps: the field that a label may be of, by its words or by what stands beside it; of a heading
            "center" or "count", by what stands below it; of a center "total", if it is as many as all.
        is_known: these words are a label of that field, but in an element where none is looked for; or a
            heading that is known to head no count.
        form: what stands there could be read, if numbers ("decimal") or dates ("dates") are of Europe's form.
        is_sure: its words say that it is of that field, or the cells below a heading are known centers. Else
            `perhaps` goes by looks alone.
    """

    what: Literal["label", "heading", "center", "status", "binding", "role", "element"]
    words: str
    text: str
    path: str
    perhaps: str | None = None
    is_known: bool = False
    form: _Form = None
    is_sure: bool = False


@dataclass(frozen=True, slots=True)
class Understood:
    """What is understood of a page.

    Attributes:
        kind: one of `KINDS`.
        said_by: what on the page says so.
        page: what was read. Of a page that can't be used (`refused`) it may lack ISBN and title ("").
        refused: why it is no reading, in sentences.
        places: field to where it stands.
        centers: DC to where its counts stand; several rows of a state add up.
        strange: what was not understood.
        sentence: of a page of which nobody knows what it is: what it says first.
    """

    kind: str
    said_by: str
    page: ProductPage | None = None
    refused: tuple[str, ...] = ()
    places: Mapping[str, tuple[FieldPlace, ...]] = field(default_factory=dict)
    centers: Mapping[str, tuple[CenterPlace, ...]] = field(default_factory=dict)
    strange: tuple[NotUnderstood, ...] = ()
    sentence: str = ""

    @property
    def is_reading(self) -> bool:
        """Whether a sweep would take it."""
        return self.kind == "product" and self.page is not None and not self.refused


def understand(body: bytes, profile: SiteProfile | None = None, read_on: date | None = None) -> Understood:
    """What is understood of a page, product page or not. Never raises an error of ours.

    Args:
        read_on: as for `parse_product_page`.
    """
    profile = profile or built_in()
    found = recognize.recognize(body, profile=profile)
    if found.kind is not PageKind.PAGE:
        return Understood(found.kind.value, found.detail)
    if not recognize.looks_like_html(body) or recognize.other_root(decode(body)) is not None:
        return Understood("not_html", "it does not begin as HTML does")
    try:
        tree = recognize.parse(body)
        if not _labels_one_book(tree, profile) and (listed := _listed_titles(tree)) is not None:
            return Understood("list", listed)
        page, notes = read_product_page(body, profile, read_on)
    except IngramError as error:
        return Understood("product" if found.is_product else "other", found.detail, None, (str(error),))
    return Understood(
        kind="product" if found.is_product else "other",
        said_by=found.detail,
        page=page,
        refused=tuple(str(error) for error in notes.refused),
        places={name: tuple(map(_place, spots)) for name, spots in notes.spots.items()},
        centers=_centers(notes.stock.tables),
        strange=(
            *_strange_labels(notes, page),
            *_strange_elements(notes, page),
            *_strange_values(notes, page),
            *_strange_status(notes, page),
            *_strange_binding(notes, page),
            *_strange_roles(notes, page),
            *_strange_headings(notes),
            *_strange_centers(notes),
        ),
        sentence="" if found.is_product else _first_sentence(notes.tree),
    )


def called(name: str) -> str:
    """A field's name for a person."""
    return _CALLED.get(name, name.replace("_", " "))


def _first_sentence(tree: LexborHTMLParser) -> str:
    """That of the first paragraph of several words, else the first heading."""
    for selector, least in (("p", 3), ("h1, h2, h3", 1)):
        for node in tree.css(selector)[:_MOST_STRANGE]:
            said = re.split(r"(?<=[.!?])\s", recognize.words(node))[0].strip(" .!?")
            if len(said.split()) >= least:
                return _cut(said)
    return ""


def is_read(value: object) -> bool:
    """Whether the page says anything of a field."""
    return value not in (None, "", ())


def fields_shown(page: ProductPage) -> frozenset[str]:
    """The fields that were read of a page, its stock and centers too, as `domain.field_shares` calls them."""
    shown = {called(name) for name in _MAY_BE_MISSING if is_read(getattr(page, name))}
    if page.stock:
        shown |= {field_shares.STOCK_TABLE, *map(field_shares.center, page.stock)}
    return frozenset(shown)


def _labels_one_book(tree: LexborHTMLParser, profile: SiteProfile) -> bool:
    """Whether a label of ISBNs stands on the page, and one number under it, whatever stands beside."""
    labels = Labels(tree, profile.labels)
    texts = [fields.clean(text) for name in ("ean", "isbn") for text in labels.all(name)]
    return len({isbn for text in texts if (isbn := isbn_spelled(text)) is not None}) == 1


def _listed_titles(tree: LexborHTMLParser) -> str | None:
    """What says that this is a list of titles; `None`: it is none."""
    if tree.css_first("#pd-title, .productDetailTitle") is not None:
        return None
    isbns: dict[str, None] = {}
    for link in islice(tree.css(_TITLE_LINK), _MOST_ELEMENTS):
        isbns.update(dict.fromkeys(_LISTED.findall(link.attributes.get("href") or "")))
    for cell in islice(tree.css("td, li, [data-ean], [data-isbn]"), _MOST_ELEMENTS):
        attributes = cell.attributes
        shown = (flowing_text(cell, most=60), attributes.get("data-ean"), attributes.get("data-isbn"))
        isbns.update(dict.fromkeys(filter(None, map(isbn_spelled, shown))))
    title = recognize.words(tree.css_first("title"))
    if len(isbns) > 1:
        return f"no title of one book, and {len(isbns):,} ISBNs, {next(iter(isbns))} among them"
    return f"“{title[:100]}”" if isbns and _RESULTS.search(title) else None


def _place(spot: Spot) -> FieldPlace:
    node, words = spot
    return FieldPlace(_path(node), _words(node) if words == LABEL else _cut(fields.clean(words)))


def _path(node: LexborNode) -> str:
    """From the nearest element with a name of its own, id or class, down to this one."""
    parts: list[str] = []
    at: LexborNode | None = node
    while at is not None and at.tag and at.tag != "html" and len(parts) < _PATH_PARTS:
        name = _name(at)
        if name != at.tag or at.tag not in ("strong", "b", "tbody"):
            parts.append(name)
        if name != at.tag or at.tag == "body":
            break
        at = at.parent
    return " ".join(reversed(parts)) or str(node.tag)


def _name(node: LexborNode) -> str:
    attributes = node.attributes
    names = [f"#{attributes['id']}"] if attributes.get("id") else []
    names += [f".{name}" for name in (attributes.get("class") or "").split()[:2]]
    return str(node.tag)[:_LONGEST_LABEL] + "".join(fields.clean(name)[:_LONGEST_LABEL] for name in names)


def _words(label: LexborNode) -> str:
    name, colon, _ = flowing_text(label, most=300).partition(":")
    return _cut(fields.clean(name) + colon)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1].rstrip() + "…"


def _centers(tables: list[StockTable]) -> dict[str, tuple[CenterPlace, ...]]:
    places: dict[str, tuple[CenterPlace, ...]] = {}
    headings: list[str] = []
    for table in tables:
        headings = table.headings or headings
        if (columns := table.columns) is None:
            continue
        heads = [headings[at] if at < len(headings) else "" for at in (columns.on_hand, columns.on_order)]
        for entry in table.entries:
            if entry.code is not None:
                place = CenterPlace(_path(table.node), _cut(entry.name), _cut(heads[0]), _cut(heads[1]))
                places[entry.code] = (*places.get(entry.code, ()), place)
    return places


def _strange_headings(notes: Notes) -> Iterator[NotUnderstood]:
    """Headings of stock tables that head no column of ours, and all of tables that look like one."""
    tables, words = notes.stock.tables, notes.profile.stock
    for table in tables:
        if table.is_left_out:
            continue
        read = table.columns
        texts = table.headings or ([] if read is not None else headings_of(table.node))
        for at, text in enumerate(texts):
            if text and (read is None or at not in (read.dc, read.on_hand, read.on_order)):
                is_known = words.is_no_count(text.lower())
                yield NotUnderstood("heading", _cut(text), "", _path(table.node), is_known=is_known)
    others = tables_like_stock(notes.tree, [table.node for table in tables], words)
    for node in islice(others, _MOST_STRANGE):
        for column in columns_of_counts(node, words):
            yield NotUnderstood(
                "heading",
                _cut(column.heading),
                _cut(column.first),
                _path(node),
                column.holds,
                is_sure=column.is_sure,
            )


def _strange_centers(notes: Notes) -> Iterator[NotUnderstood]:
    for table in notes.stock.tables:
        for entry in table.entries:
            if entry.code is None:
                perhaps = "total" if table.is_sum(entry) else None
                yield NotUnderstood("center", _cut(entry.name), "", _path(table.node), perhaps)


def _strange_labels(notes: Notes, page: ProductPage) -> list[NotUnderstood]:
    """Words before a colon, or in a heading's cell, that stand for no field, or where none is looked for."""
    read = [node for spots in notes.spots.values() for node, words in spots if words != LABEL]
    out = notes.labels.descriptions() | {node.mem_id for node in read if node.tag != "body"}
    out |= {table.node.mem_id for table in notes.stock.tables}
    around = {above.mem_id for node in read for above in _above(node)}
    found: dict[str, NotUnderstood] = {}
    for node in islice(notes.tree.css(_MAY_HOLD_A_LABEL), _MOST_ELEMENTS):
        if node.mem_id in around or notes.labels.is_known(node):
            continue
        for words, text in _labels_in(node, notes):
            if words.casefold() in found or _is_within(node, out):
                continue
            if (strange := _strange_label(node, words, text, notes, page)) is not None:
                found[words.casefold()] = strange
        if len(found) >= _MOST_STRANGE:
            break
    return list(found.values())


def _strange_elements(notes: Notes, page: ProductPage) -> Iterator[NotUnderstood]:
    """What may hold the title, or the description, of a page unlike iPage's that has no label for it."""
    if notes.tree.css_first(_OWN) is not None:
        return
    if not page.title:
        headings = {_cut(fields.clean(flowing_text(node))): node for node in notes.tree.css("h1, h2")[:20]}
        for text, node in [*headings.items()][:_MOST_HEADINGS]:
            if text and not _is_within(node, set()):
                yield NotUnderstood("element", _name(node), text, _path(node), "title")
    if page.description is None and notes.labels.node("description") is None:
        blurbs = {len(text): (node, text) for node, text in _long_texts(notes)}
        if blurbs:
            node, text = blurbs[max(blurbs)]
            yield NotUnderstood("element", _selector(node), _cut(text), _path(node), "description")


def _long_texts(notes: Notes) -> Iterator[tuple[LexborNode, str]]:
    """Paragraphs of a description's length, in what does not lead about the site."""
    for node in islice(notes.tree.css("p, div, td, section, span"), _MOST_ELEMENTS):
        if not any(child.tag in BLOCKS for child in islice(node.iter(), _MOST_ABOVE)):
            text = fields.clean(flowing_text(node, most=_LONGEST_BLURB))
            if len(text) >= _SHORTEST_BLURB and not _is_within(node, set()):
                yield node, text


def _selector(node: LexborNode) -> str:
    """What tells an element, or the nearest one around it that has a class or an id."""
    for each in (node, *islice(_above(node), _PATH_PARTS)):
        if each.tag in ("body", "html"):
            break
        if _name(each) != each.tag:
            return _name(each)
    return ""


def _strange_label(
    node: LexborNode, words: str, text: str, notes: Notes, page: ProductPage
) -> NotUnderstood | None:
    """What is not understood of a label; `None` for one that is known and stands elsewhere as well."""
    named, _ = notes.profile.labels.field_named(words)
    if named is not None and (named == "" or notes.labels.node(named) is not None):
        return None
    name, form = _FIELD_OF_LABEL.get(named or "", named), None
    if name is None:
        name, form = _perhaps(words, text, page, notes.profile)
    is_sure = name in {_FIELD_OF_LABEL.get(one, one) for one in notes.profile.labels.fields_alike(words)}
    return NotUnderstood(
        "label", f"{words}:", _cut(text), _path(node), name, named is not None, form, is_sure
    )


def _strange_status(notes: Notes, page: ProductPage) -> Iterator[NotUnderstood]:
    """A publisher's status of words that say nothing to us: a title that is canceled would be sold."""
    status = page.publisher_status or ""
    if status and not _STATUS_WORDS.search(status) and not re.fullmatch(r"[A-Z]{2}", status):
        yield NotUnderstood("status", _cut(status), "", _path_of("publisher_status", notes))


def _strange_binding(notes: Notes, page: ProductPage) -> Iterator[NotUnderstood]:
    """A binding that no list has: it is counted like a thing, though it may be a file."""
    if page.binding and bindings.kind(page.binding) is bindings.BindingKind.UNKNOWN:
        yield NotUnderstood("binding", _cut(page.binding), "", _path_of("binding", notes))


def _strange_roles(notes: Notes, page: ProductPage) -> Iterator[NotUnderstood]:
    """Roles of contributors that are not known, each once."""
    whose = {role: one.name for one in reversed(page.contributors) for role in (one.role or "").split(", ")}
    unknown = [role for role in reversed(whose) if role and not is_role(role)]
    for role in unknown[:_MOST_ROLES]:
        yield NotUnderstood("role", _cut(role), _cut(whose[role]), _path_of("contributors", notes))


def _path_of(name: str, notes: Notes) -> str:
    places = notes.spots.get(name, [])
    return _path(places[0][0]) if places else ""


def _strange_values(notes: Notes, page: ProductPage) -> Iterator[NotUnderstood]:
    """What stands under known labels, and can only be read if numbers or dates are of Europe's form."""
    for label, name in _FORMED.items():
        node, text = notes.labels.node(label), notes.labels.one_line(label)
        if node is None or not text:
            continue
        numbers = notes.profile.numbers
        is_unread = not is_read(getattr(page, name)) and name not in _looks(text, numbers)
        is_foreign = is_unread or _DAY_FIRST.search(numbers.date(text))
        if is_foreign and (form := _looks(text, _OF_EUROPE).get(name)) is not None:
            words = fields.clean(node.text(deep=True).partition(":")[0])
            yield NotUnderstood("label", f"{_cut(words)}:", _cut(text), _path(node), name, True, form)


def _labels_in(node: LexborNode, notes: Notes) -> list[tuple[str, str]]:
    """The words of the labels that an element is, or that its lines begin with; and what belongs to each."""
    after = _next(node)
    heads = after is not None and _HEADS.get(str(node.tag)) == after.tag
    if not heads and any(child.tag in BLOCKS for child in islice(node.iter(), _MOST_ABOVE)):
        return []
    shown = flowing_text(node, most=_MOST_SHOWN).strip()
    name, colon, rest = shown.partition(":")
    bare = heads or notes.labels.stands_as_one(node) or _is_first_of_two(node)
    if "\n" in name or not (words := _words_of_label(name, node)) or not (colon or bare):
        return []
    first, *others = rest.strip().split("\n")
    found = [(words, fields.clean(first or notes.labels.after(node)[:1_000]))]
    for line in others:
        name, colon, rest = line.partition(":")
        if colon and rest.strip() and (words := _words_of_label(name, node)):
            found.append((words, fields.clean(rest)))
    return found


def _words_of_label(name: str, node: LexborNode) -> str:
    """The words, if they may be a label's; longer ones where an element holds nothing else."""
    words = fields.clean(name)
    longest, most = (60, 9) if node.tag in _HOLD_LABELS else (_LONGEST_LABEL, 5)
    is_label = len(words) < longest and len(words.split()) <= most and re.search(r"[^\W\d_]", words)
    return words if is_label and not words.startswith("http") else ""


def _is_first_of_two(node: LexborNode) -> bool:
    """Whether this is the first of two elements in a row, beside a row like it: a label and its value."""
    row = node.parent
    if row is None or not _is_pair(row, node):
        return False
    return any(other is not None and _is_pair(other) for other in (_next(row), _before(row)))


def _is_pair(row: LexborNode, first: LexborNode | None = None) -> bool:
    cells = list(islice(row.iter(), 3))
    if len(cells) != 2 or {cell.tag for cell in cells} - {*_PAIRED} or cells[0].tag != cells[1].tag:
        return False
    texts = [fields.clean(flowing_text(cell, most=2 * _LONGEST_TEXT)) for cell in cells]
    is_short = all(0 < len(text) <= _LONGEST_TEXT for text in texts)
    if fields.read_count(texts[1])[0] is not None:
        return False  # copies of a center
    has_link = cells[0].css_first("a, input, img") is not None
    return is_short and not has_link and (first is None or cells[0].mem_id == first.mem_id)


def _next(node: LexborNode) -> LexborNode | None:
    """The next element beside this one."""
    after = node.next
    while after is not None and not after.is_element_node:
        after = after.next
    return after


def _before(node: LexborNode) -> LexborNode | None:
    """The element before this one."""
    before = node.prev
    while before is not None and not before.is_element_node:
        before = before.prev
    return before


def _is_within(node: LexborNode, out: set[int]) -> bool:
    """Whether an element is in one of these, or in what leads about the site."""
    if node.tag in _HEADS and node.parent is not None and node.parent.mem_id in out:
        out = out - {node.parent.mem_id}  # it is a pair of a list, of which the description is one
    return any(each.mem_id in out or each.tag in _NO_LABELS_IN for each in (node, *_above(node)))


def _above(node: LexborNode) -> Iterator[LexborNode]:
    """The elements around this one, the innermost first."""
    at = node.parent
    for _ in range(_MOST_ABOVE):
        if at is None:
            return
        yield at
        at = at.parent


def _perhaps(words: str, text: str, page: ProductPage, profile: SiteProfile) -> tuple[str | None, _Form]:
    """The field, of those not read, whose label is written alike, or whose values look like this.

    With it, in which form its value is written, if that is not the site's as it is known.
    """
    alike = difflib.get_close_matches(words.lower(), profile.labels.of_fields, 1, 0.8)
    named = profile.labels.field_named(alike[0])[0] if alike else ""
    by_words = _FIELD_OF_LABEL.get(named or "", named)
    known = dict.fromkeys(_looks(text, profile.numbers))
    foreign = {name: form for name, form in _looks(text, _OF_EUROPE).items() if name not in known}
    for name in (by_words, *known, *foreign):
        if name and not is_read(getattr(page, name)):
            return name, foreign.get(name)
    return None, None


def _looks(text: str, numbers: NumberForms) -> dict[str, _Form]:
    """The fields whose values look like this, and whether by the form of numbers or of dates."""
    number, price = numbers.number(text), numbers.price(text)
    looks: dict[str, tuple[bool, _Form]] = {
        "isbn": (isbn_spelled(text) is not None, None),
        "srp_price": ("$" in price and fields.read_price(price)[0] is not None, "decimal"),
        "publication_date": (fields.read_date(numbers.date(text))[0] is not None, "dates"),
        "weight": (fields.read_weight(number)[0] is not None, "decimal"),
        "page_count": (fields.read_page_count(number) is not None, None),
        "bisac": (re.match(r"[A-Z][A-Z &]+ / \w", text) is not None, None),
    }
    return {name: form for name, (fits, form) in looks.items() if fits}
