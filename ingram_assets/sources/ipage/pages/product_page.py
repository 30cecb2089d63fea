"""One product page: what the site says of a title, by the labels it stands under.

A value that is required and not there stops the reading; any other is `None`. What stood there but was
not understood is said in `warnings`, so that a change of the site shows before it hurts.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.domain import restrictions
from ingram_assets.domain.completeness import Habit, Shape, is_complete
from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.domain.restrictions import Restriction, Restrictions
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Contributor
from ingram_assets.sources.ipage.pages import asides, charsets, fields, recognize, shortened_text
from ingram_assets.sources.ipage.pages.contributors import read_contributors
from ingram_assets.sources.ipage.pages.labels import Labels
from ingram_assets.sources.ipage.pages.notes import Notes, Spot
from ingram_assets.sources.ipage.pages.page_failures import PageChanged
from ingram_assets.sources.ipage.pages.stock_tables import PageStock, read_stock
from ingram_assets.sources.ipage.pages.visible_text import flow, flowing_text, is_hidden
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in


@dataclass(frozen=True, slots=True)
class ProductPage:
    """What one page said. `None`: the page doesn't say, or not in a way that can be told.

    `srp_price` in US dollars, `weight` in pounds. `stock`: DC ("TN") to its counts, `None` where the page
    shows no stock table. `stock_shape`: which parts of the stock it shows, `stock_rows_lost`: rows of it
    whose DC can't be told; what the account's other pages show decides whether that is all
    (`shows_all_stock`). `bisac`: heading paths ("FICTION / Fantasy / Epic"). `publisher_status`: the words
    beside the title or under "Publisher Status" ("Out of Print"). `restrictions`: who may not buy it, where,
    and whether it can't be returned; none is known, since a page that has one shows it. `warnings`: what was
    there and not understood, for a person.
    """

    isbn: str
    title: str
    contributors: tuple[Contributor, ...] = ()
    publisher: str | None = None
    publication_date: date | None = None
    binding: str | None = None
    page_count: int | None = None
    srp_price: Decimal | None = None
    weight: Decimal | None = None
    bisac: tuple[str, ...] = ()
    series: str | None = None
    description: str | None = None
    stock: dict[str, DcStock] | None = None
    stock_shape: Shape | None = None
    stock_rows_lost: int = 0
    publisher_status: str | None = None
    restrictions: Restrictions = ()
    warnings: tuple[str, ...] = ()

    def shows_all_stock(self, habit: Habit) -> bool:
        """Whether its stock is a complete reading: every part that the account's pages have, every count."""
        counts = [count for dc in (self.stock or {}).values() for count in dc[:2]]
        return self.shows_every_part(habit) and bool(counts) and None not in counts

    def shows_every_part(self, habit: Habit) -> bool:
        """Whether no table and no row is missing of what the account's pages have."""
        return is_complete(self.stock_shape, habit) and not self.stock_rows_lost

    def hides_copies(self, habit: Habit) -> bool:
        """Whether it shows zeros alone, and not of all that the account's pages have."""
        on_hand = [dc.on_hand for dc in (self.stock or {}).values()]
        return 0 in on_hand and not any(on_hand) and not self.shows_every_part(habit)


class StockInPart(PageChanged):
    """A part of the stock is not on the page, and the rest is zeros: there may be copies all the same.

    The page may be half a one. Where it stays like that, `page` is what it says, and no reading of 0 copies.
    """

    def __init__(self, page: ProductPage) -> None:
        shown = ", ".join(f"{dc} {counts.on_hand}" for dc, counts in (page.stock or {}).items())
        less = f"This account's pages show more than {page.stock_shape}, which is all there is here."
        why = " ".join(page.warnings) if page.stock_rows_lost else less
        super().__init__(
            "stock table",
            f"it is read in part ({shown} on hand), which does not say that there are no copies. {why} "
            "What it does not show stands; open the page in a browser.",
        )
        self.page = page


_MAX_OTHER_FORM = 20_000
_MAX_OTHER_FORMS = 200_000
"""Steps after which a text is cut that may be the whole form of a description; and all of these together."""
_MESSAGES = "[class*=message i]:not([class*=error i])"
_NOT_SHOWN = frozenset({"script", "style", "select", "noscript", "template", "textarea", "title"})
_TITLE = "#pd-title, .productDetailTitle"
_OWN_ELEMENTS = ".productDetailElements, .productDetailSmallElements, table[class*=stockchecktable i]"
_LINKS = frozenset({"doContributorSearch", "doSid"})
_TITLE_LINKS_AND_OWN = ", ".join([_TITLE, *(f"a.{kind}" for kind in _LINKS), _OWN_ELEMENTS])
_PANEL = re.compile(r"INGRAM\s+[A-Za-z]|\b(?i:ingram\s+(?:categor|subject))")
_MARKUP = re.compile(
    r"</?(?:p|br|div|span|i|b|em|strong|u|ul|ol|li|a|h[1-6]|script|style|sup|sub|font|blockquote)\b[^<>]*>",
    re.IGNORECASE,
)
_SIZE = re.compile(
    r"(?:[0-9]+(?:[.,][0-9]+)?\s*(?:cms?|mms?|in(?:ch(?:es)?)?|[\"″'])?\.?\s*[HLWDT]?\s*(?:[x×*]\s*|$))+",
    re.IGNORECASE,
)
"""What a book measures: it stands under "Format" on some sites."""
_MAX_ELEMENTS = 20
_MAX_MESSAGES, _MAX_MESSAGE = 20, 2_000
_ISBN_LIKE = re.compile(
    r"(?<![0-9A-Za-z])(?:97[89][-\s]?)?[0-9](?:[-\s]?[0-9]){8}[-\s]?[0-9Xx](?![0-9A-Za-z])"
)


def parse_product_page(
    html: str | bytes, profile: SiteProfile | None = None, read_on: date | None = None
) -> ProductPage:
    """What the page says of its title.

    Args:
        profile: what is believed of the site; without one, what comes with the program.
        read_on: the day on which the page came; counts that it says to be older are unknown. Without one
            nobody looks.

    Raises:
        SessionExpired: the sign-in form or the expired-session notice came instead.
        Blocked: the bot wall's page came instead.
        NotFound: the site lists no such title.
        PageChanged: cut short, no ISBN or title on it, or a stock table whose columns or DCs can't be
            told; `label` names what.
    """
    page, notes = read_product_page(html, profile, read_on)
    if notes.refused:
        raise notes.refused[0]
    return page


def read_product_page(
    html: str | bytes, profile: SiteProfile | None = None, read_on: date | None = None
) -> tuple[ProductPage, Notes]:
    """As `parse_product_page`, with where all of it stands.

    What is required and can't be told is in `Notes.refused`: then the page is no reading, though the rest
    of it was read.

    Raises:
        SessionExpired, Blocked, NotFound: another page came instead.
        PageChanged: it is cut short, or an error page.
    """
    profile = profile or built_in()
    tree = _the_whole_page(html, profile)
    labels = Labels(tree, profile.labels, _elements("description", tree, profile))
    notes = Notes(tree, profile, labels, PageStock(profile.stock))
    stock = notes.stock
    untold: tuple[str, Spot | None] = ("", None)
    title, beside = notes.required(lambda: _title(notes), untold)
    isbn = notes.required(lambda: _isbn(notes), "")
    stock.isbn, stock.title, stock.ends_at, stock.read_on = isbn, title, labels.holds_any, read_on
    notes.required(lambda: read_stock(tree, stock), None)
    links = _links_of_the_book(tree)
    physical = profile.numbers.number(labels.first("physical") or "")
    page = ProductPage(
        isbn=isbn,
        title=title,
        contributors=read_contributors(links["doContributorSearch"], notes),
        publisher=_publisher(links["doSid"], notes),
        publication_date=_publication_date(notes),
        binding=_binding(notes),
        page_count=_page_count(physical, notes),
        srp_price=_price(notes),
        weight=_weight(physical, notes),
        bisac=_bisac(notes),
        series=_one_line("series", "series", notes),
        description=_description(notes),
        stock=stock.stock or None,
        stock_shape=stock.shape,
        stock_rows_lost=stock.lost_rows,
        publisher_status=_publisher_status(beside, notes),
        restrictions=_restrictions(notes),
        warnings=(*notes.warnings, *stock.warnings),
    )
    return _with_what_is_damaged(page), notes


def _the_whole_page(html: str | bytes, profile: SiteProfile) -> LexborHTMLParser:
    """The parsed page without other books on it."""
    text = html if isinstance(html, str) else charsets.decode(html)
    tree = recognize.parse(text)
    recognize.raise_unless_page(recognize.recognize_tree(tree, text, profile))
    recognize.refuse_cut_page(text)
    for aside in tree.css(asides.NAMED):
        if aside.tag not in ("body", "html", "table", "form") and aside.css_first(_TITLE) is None:
            aside.decompose()
    return tree


def _one_line(name: str, label: str, notes: Notes) -> str | None:
    text = _present(notes.labels.one_line(label))
    notes.under(name, label)
    return text


def _price(notes: Notes) -> Decimal | None:
    texts = notes.labels.amounts("price")
    forms = notes.profile.numbers
    readings = [fields.read_in_forms(fields.read_price, forms.price, text) for text in texts]
    notes.under("srp_price", "price")
    if len({price for price, _ in readings}) > 1:
        several = ", ".join(map(fields.clean, texts))[:80]
        notes.warnings.append(f"US SRP: the page shows several ({several}): none is taken.")
        return None
    price, problem = readings[0] if readings else (None, None)
    if problem and (label := notes.labels.read_at.get("price")) is not None:
        problem += f" (under “{fields.clean(label.text(deep=True).partition(':')[0])[:40]}”)"
    return _noted("US SRP", (price, problem), notes)


def _noted(name: str, reading: tuple[Decimal | None, str | None], notes: Notes) -> Decimal | None:
    """The value that was read; what was wrong with it goes to the warnings."""
    value, problem = reading
    if problem:
        notes.warnings.append(f"{name}: {problem}.")
    return value


def _with_what_is_damaged(page: ProductPage) -> ProductPage:
    """The page, with a warning that names the texts in which characters were lost."""
    texts = {
        "title": page.title,
        "contributors": " ".join(person.name for person in page.contributors),
        **{"publisher": page.publisher, "series": page.series, "description": page.description},
        **{"binding": page.binding, "BISAC": " ".join(page.bisac)},
    }
    if not (damaged := [name for name, text in texts.items() if "\ufffd" in (text or "")]):
        return page
    warning = f"Characters can't be read in: {', '.join(damaged)}; each shows as “\ufffd”."
    return replace(page, warnings=(*page.warnings, warning))


def _title(notes: Notes) -> tuple[str, Spot | None]:
    """The title, and the bold words that stand beside it."""
    tree = notes.tree
    titles = {fields.clean(flowing_text(each)) for each in tree.css("#pd-title")} - {""}
    if len(titles) > 1:
        raise PageChanged("title", "the page shows several books, and nobody knows whose stock it is.")
    holder = tree.css_first("#pd-title") or tree.css_first(".productDetailTitle")
    if holder is None:
        return _title_elsewhere(notes), None
    inner = holder if holder.css_matches(".productDetailTitle") else holder.css_first(".productDetailTitle")
    node = inner if inner is not None and fields.clean(flowing_text(inner)) else holder
    notes.at("title", node)
    beside = _dash_beside(node)
    title = fields.clean(flowing_text(node))
    if not title:
        raise PageChanged("title", "#pd-title is empty; open the page in a browser.")
    beside = beside or next(filter(None, map(_bold_after, (node, holder))), "")
    return title, (holder, beside) if beside else None


def _title_elsewhere(notes: Notes) -> str:
    """The title under its label, or in the element that the shop's site.toml names."""
    titles = {fields.clean(text) for text in notes.labels.all("title")} - {""}
    if titles:
        notes.under("title", "title")
    else:
        titles = _texts_of_elements("title", notes)
    if not titles:
        raise PageChanged(
            "title",
            "there is no #pd-title on the page; open it in a browser. Where it stands otherwise, [labels] or "
            "[elements] of site.toml can say.",
        )
    if len(titles) > 1:
        raise PageChanged("title", "the page shows several books, and nobody knows whose stock it is.")
    return titles.pop()


def _elements(field: str, tree: LexborHTMLParser, profile: SiteProfile) -> list[LexborNode]:
    """The elements that hold a field, as the shop's site.toml says; what is not shown holds none."""
    selector = profile.element(field)
    return [node for node in tree.css(selector)[:_MAX_ELEMENTS] if not is_hidden(node)] if selector else []


def _texts_of_elements(field: str, notes: Notes) -> set[str]:
    """The texts of those elements, each once."""
    texts: dict[str, LexborNode] = {}
    for node in _elements(field, notes.tree, notes.profile):
        if text := _present(_paragraphs(flowing_text(node, shortened_text.is_away))):
            texts.setdefault(text, node)
    for node in texts.values():
        notes.at(field, node)
    return {fields.clean(text) for text in texts} if field == "title" else {*texts}


def _publisher_status(beside: Spot | None, notes: Notes) -> str | None:
    status = _one_line("publisher_status", "status", notes)
    if status is None and beside is not None:
        node, words = beside
        notes.at("publisher_status", node, words)
        status = words.strip(" -–—") or None
    return None if status is None else notes.profile.publisher_status(status)


def _dash_beside(title: LexborNode) -> str:
    """The bold words that begin with a dash within the title's element, which are taken out of it."""
    for strong in title.css("strong, b"):
        if strong.mem_id != title.mem_id and fields.clean(strong.text()).startswith(("-", "–", "—")):
            beside = fields.clean(strong.text())
            strong.decompose()
            return beside
    return ""


def _bold_after(node: LexborNode) -> str:
    """The bold words that follow the title's element."""
    sibling = node.next
    while sibling is not None and (sibling.is_text_node or sibling.tag == "br"):
        sibling = sibling.next
    is_bold = sibling is not None and sibling.tag in ("strong", "b") and ":" not in sibling.text()
    return fields.clean(sibling.text()) if sibling is not None and is_bold else ""


def _isbn(notes: Notes) -> str:
    labels = notes.labels
    if labels.node("ean") is None and labels.node("isbn") is None:
        raise PageChanged("EAN", "the page shows neither EAN nor ISBN; open it in a browser.")
    ean, isbn = labels.one_line("ean"), labels.one_line("isbn")
    if not ean and not isbn:
        raise PageChanged("EAN", "the label is there, the number is not; open the page in a browser.")
    numbers = set()
    for shown in (*labels.own("ean"), *labels.own("isbn")):
        with contextlib.suppress(InvalidIsbn):
            numbers.add(parse_isbn(fields.clean(shown)))
    if len(numbers) > 1:
        raise PageChanged("EAN", f"the page shows several books: {', '.join(sorted(numbers)[:3])}.")
    thirteen = _one_isbn(ean, "EAN") if ean else None
    try:
        ten = _one_isbn(isbn, "ISBN") if isbn else None
    except PageChanged:
        if thirteen is None:
            raise
        ten = None
        notes.warnings.append(f"ISBN: “{(isbn or '')[:40]}” is no ISBN; the EAN is.")
    if thirteen and ten and thirteen != ten:
        raise PageChanged("EAN", f"the page's EAN {thirteen} and its ISBN {ten} are two different books.")
    notes.under("isbn", "ean" if thirteen else "isbn")
    return thirteen or ten or ""


def _binding(notes: Notes) -> str | None:
    """What the title is bound in; `None` where the page says two things, so that no book becomes a file."""
    meant = notes.profile.binding
    own = (meant(fields.clean(text)) for text in notes.labels.own("binding"))
    shown = {text.casefold(): text for text in own if _present(text) and not _SIZE.fullmatch(text)}
    texts = (meant(fields.clean(text)) for text in notes.labels.all("binding"))
    binding = _present(next((text for text in texts if text and not _SIZE.fullmatch(text)), None))
    if binding is not None:
        notes.under("binding", "binding")
    if len(shown) > 1:
        several = ", ".join(shown.values())[:80]
        notes.warnings.append(f"Binding: the page shows several ({several}): none is taken.")
        return None
    return binding


def _one_isbn(text: str, label: str) -> str:
    try:
        return parse_isbn(text)
    except InvalidIsbn as error:
        reason = str(error)
    found = set()
    for candidate in _ISBN_LIKE.findall(text):
        try:
            found.add(parse_isbn(candidate))
        except InvalidIsbn as error:
            reason = str(error)
    if len(found) != 1:
        raise PageChanged(label, reason)
    return found.pop()


def _links_of_the_book(tree: LexborHTMLParser) -> dict[str, list[LexborNode]]:
    """The links of each class among the title and the book's own elements; around them stand other books."""
    title, own = -1, []
    links: list[tuple[int, list[str], LexborNode]] = []
    for place, node in enumerate(tree.css(_TITLE_LINKS_AND_OWN)):
        classes = (node.attrs.get("class") or "").split()
        if node.tag == "a" and not _LINKS.isdisjoint(classes):
            links.append((place, classes, node))
        elif node.id == "pd-title" or "productDetailTitle" in classes:
            title = place if title < 0 else title
        else:
            own.append(place)
    first, last = min([title, *own]), max(own, default=-1)
    of_the_book: dict[str, list[LexborNode]] = {kind: [] for kind in _LINKS}
    for place, classes, node in links:
        if first < place and (place < last or last < title):
            for kind in _LINKS.intersection(classes):
                of_the_book[kind].append(node)
    return of_the_book


def _publisher(anchors: list[LexborNode], notes: Notes) -> str | None:
    for anchor in anchors:
        if name := _present(fields.clean(flowing_text(anchor))):
            notes.at("publisher", anchor)
            return name
    return _one_line("publisher", "publisher", notes)


def _publication_date(notes: Notes) -> date | None:
    for label in ("pub_date", "sale_date"):
        for text in notes.labels.all(label):
            forms = notes.profile.numbers
            day, problem = fields.read_in_forms(fields.read_date, forms.date, text)
            if problem:
                notes.warnings.append(f"{label.replace('_', ' ').capitalize()}: {problem}.")
            if day is not None:
                notes.under("publication_date", label)
                return day
        notes.under("publication_date", label)
    return None


def _weight(physical: str, notes: Notes) -> Decimal | None:
    """That of the physical info, where it is known to stand in parentheses; else that under its own label."""
    reading, label = _weight_of_physical(physical), "physical"
    if reading is None:
        text, label = notes.labels.first("weight") or "", "weight"
        reading = fields.read_in_forms(fields.read_weight, notes.profile.numbers.number, text)
    notes.under("weight", label)
    return _noted("Weight", reading, notes)


def _weight_of_physical(physical: str) -> tuple[Decimal | None, str | None] | None:
    enclosed = [piece for piece in re.findall(r"\(([^()]*)\)", physical) if re.search(r"[0-9]", piece)]
    weights = [reading for reading in map(fields.read_weight, enclosed) if reading[0] is not None]
    if len(weights) == 1:
        return weights[0]
    whole = fields.read_weight(physical)
    return whole if enclosed or whole[0] is not None else None


def _page_count(physical: str, notes: Notes) -> int | None:
    if (pages := fields.read_page_count(physical)) is not None:
        notes.under("page_count", "physical")
        return pages
    text = notes.labels.first("pages")
    notes.under("page_count", "pages")
    if not text:
        return None
    text = notes.profile.numbers.number(text)
    return fields.read_page_count(text) or fields.read_page_count(f"{text} pages")


def _bisac(notes: Notes) -> tuple[str, ...]:
    text = notes.labels.first("bisac", shortened_text.is_switch)
    notes.under("bisac", "bisac")
    if text is None:
        return ()
    lines = (line.strip() for line in _PANEL.split(text)[0].splitlines())
    text = re.sub(r"/\n|\n/", " / ", "\n".join(filter(None, lines)))
    paths = (_present(fields.clean(piece).strip(" ,;")) for piece in re.split(r"[|\n]", text))
    return tuple(dict.fromkeys(filter(None, paths)))


def _restrictions(notes: Notes) -> Restrictions:
    """What the page says of who may buy the title, wherever on it that stands as a line of its own."""
    found: list[str] = []
    of_site = notes.profile.words
    if of_site.no.match(notes.labels.one_line("returnable") or ""):
        found.append(Restriction.NOT_RETURNABLE)
        notes.under("restrictions", "returnable")

    def take(node: LexborNode, line: str, *, is_message: bool) -> None:
        line = fields.clean(line)
        if said := [*restrictions.said(line, is_message=is_message), *of_site.restrictions_in(line)]:
            if not set(said) <= set(found):
                notes.at("restrictions", node, line)
            found.extend(said)

    for message in notes.tree.css(_MESSAGES)[:_MAX_MESSAGES]:
        for line in flowing_text(message, _is_not_shown, _MAX_MESSAGE).splitlines():
            take(message, line, is_message=True)
    body = notes.tree.body
    if body is not None and (of_site.has_restrictions or restrictions.may_be_in(body.text(deep=True))):
        for line in flowing_text(body, _is_not_shown).splitlines():
            if of_site.has_restrictions or restrictions.may_be_in(line):
                take(body, line, is_message=False)
    return restrictions.in_order(found)


def _is_not_shown(node: LexborNode) -> bool:
    return node.tag in _NOT_SHOWN or shortened_text.is_away(node)


def _description(notes: Notes) -> str | None:
    labels = notes.labels
    text = labels.first("description")
    notes.under("description", "description")
    if text is None:
        return _description_without_label(notes)
    every = _paragraphs(labels.first("description", shortened_text.is_switch) or "")
    shown = _paragraphs(labels.first("description", shortened_text.is_away) or "") or every
    has_switch = every != _paragraphs(text)
    every, shown = (shortened_text.once(form, has_switch=has_switch) for form in (every, shown))
    if has_switch or shortened_text.is_short(shown):
        every = shortened_text.whole(shown, every, _other_forms(notes))
    return _present(shortened_text.without_switch(every))


def _description_without_label(notes: Notes) -> str | None:
    texts = _texts_of_elements("description", notes)
    if len(texts) > 1:
        what = f"[elements] of site.toml names {len(texts)} of the page that say different things"
        notes.warnings.append(f"Description: {what}: none is taken.")
        return None
    return _present(shortened_text.without_switch(texts.pop())) if texts else None


def _other_forms(notes: Notes) -> Iterator[str]:
    """Texts of the page that may be the whole of a shortened description."""
    labels, named = notes.labels, notes.profile.labels.field_named
    for text in labels.all("description", shortened_text.is_switch):
        yield shortened_text.once(_paragraphs(text), has_switch=True)
    label, left = labels.node("description"), _MAX_OTHER_FORMS
    for place in shortened_text.elsewhere(notes.tree, label) if label is not None else ():
        if left <= 0:
            return
        if isinstance(place, str):
            text, used = place[:_MAX_OTHER_FORM], min(len(place), _MAX_OTHER_FORM)
        else:
            text, rest_of_most = flow(place, shortened_text.is_switch, _MAX_OTHER_FORM)
            used = _MAX_OTHER_FORM - rest_of_most
        left -= used
        name, colon, rest = text.partition(":")
        yield _paragraphs(rest if colon and named(name)[0] == "description" else text)


def _paragraphs(text: str) -> str:
    """The clean text; markup that the site escaped, and so shows as text, is taken out again."""
    text = fields.clean_paragraphs(text)
    if not _MARKUP.search(text):
        return text
    try:
        body = recognize.parse(text).body
    except PageChanged:
        return fields.clean_paragraphs(_MARKUP.sub(" ", text))
    return fields.clean_paragraphs(flowing_text(body)) if body is not None else ""


def _present(text: str | None) -> str | None:
    return text if text and not fields.is_absent(text) else None
