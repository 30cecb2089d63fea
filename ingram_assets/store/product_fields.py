"""What we say of a title, field by field, and what of it to change in a product that is there. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from ingram_assets.domain.categories import CategoryTable, categories_of
from ingram_assets.domain.cover_addresses import GALLERY, THUMBNAIL, in_width, raw_path
from ingram_assets.domain.guardrails import HeldPrice, held_price
from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.domain.title import Title
from ingram_assets.store.model import PriceRow, ProductRow, Variant
from ingram_assets.store.rules import StoreRules

TAG = "special_order"
CURRENCY = "usd"
GRAMS_PER_POUND = 453.59237
MOST_POUNDS = 200
LONGEST_ADDRESS = 2_000

_PRICE = ("id", "currency_code", "amount", "min_quantity", "max_quantity", "rules")
"""All that Medusa lets be sent of a price. It answers rules as it takes them: attribute to value."""

_EMPTY: tuple[Any, ...] = (None, "", [])


def misnumbered(title: Title) -> str | None:
    """Why the row is nobody's: other programs write rows too, and an ISBN may be none, or written oddly."""
    try:
        isbn = parse_isbn(title.isbn)
    except InvalidIsbn as error:
        return f"{error} Correct the row's isbn."
    if isbn != title.isbn:
        return f"Its ISBN is written {title.isbn!r}: write {isbn}, as everything else does."
    return None


def unsellable(title: Title) -> str | None:
    """Why no product can be made of the title."""
    if not _text(title.title):
        return "It has no title. Enrich it again."
    if title.srp_price is None:
        return "It has no list price (SRP), and a product without a price can't be sold. Enrich it again."
    if not title.srp_price.is_finite():
        return f"Its list price (SRP) is {title.srp_price}, which is no number. Enrich it again."
    if title.srp_price <= 0:
        return f"Its list price (SRP) is {title.srp_price}: it would be given away. Enrich it again."
    return None


def held_new(title: Title, rules: StoreRules) -> str | None:
    """Why no product is made of the title though it could be sold: nobody asks such a price."""
    price = _positive(title.srp_price)
    held = held_price(price, (), rules.thresholds) if price else None
    return _held_back(title, held, "It is not put into the store") if held else None


def _held_back(title: Title, held: HeldPrice, so: str) -> str:
    return (
        f"Its list price (SRP) is not believed: {held.reason}. {so}. If it is right: "
        f"ingram push --let-through {title.isbn}"
    )


def title_fields(title: Title, table: CategoryTable) -> dict[str, Any]:
    """What we say of a title, field by field, as the journal keeps it.

    Weight is in grams, as Medusa's admin shows it; the queue's is in pounds.
    """
    pounds, price = _positive(title.weight), _positive(title.srp_price)
    # Above this it is no book but a misprint, or another unit.
    grams = round(pounds * GRAMS_PER_POUND) if pounds and pounds <= MOST_POUNDS else None
    return {
        "title": _text(title.title),
        "subtitle": _text(title.author),
        "description": _text(title.description),
        "weight": grams,
        "price": price,
        "cover_url": _gallery_cover(title.cover_url),
        "categories": sorted(categories_of(title.bisac, title.category_hint, table).names),
        "tag": TAG,
        "metadata.procurement_type": TAG,
        "metadata.isbn13": title.isbn,
        "metadata.author": _text(title.author),
        "metadata.publisher": _text(title.publisher),
        "metadata.publication_date": title.publication_date and title.publication_date.isoformat(),
        "metadata.binding": _text(title.binding),
        "metadata.page_count": title.page_count,
        "metadata.series": _text(title.series),
    }


def _positive(number: Decimal | None) -> float | None:
    """The number, if it is one above zero. A NUMERIC column holds NaN as well, which can't be compared."""
    return float(number) if number is not None and number.is_finite() and number > 0 else None


def _web_address(text: str | None) -> str | None:
    """The text, if a browser can load it. Medusa's index of pictures takes no longer one: it answers 500."""
    text = (text or "").strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    sound = parts.scheme in ("http", "https") and parts.netloc and len(text) <= LONGEST_ADDRESS
    return text if sound and not re.search(r"[\s\x00-\x1f\x7f]", text) else None


def _gallery_cover(text: str | None) -> str | None:
    """The cover as a product's page shows it; its thumbnail is another size of the same."""
    address = _web_address(text)
    return in_width(address, GALLERY) if address else None


def _text(text: str | None) -> str | None:
    # PostgreSQL's text refuses the NUL character, and Medusa answers it with a bare 500.
    return (text or "").replace("\x00", "").strip() or None


def category_key(name: str) -> str:
    """What two names of one category have in common: Medusa lets no two have the same handle."""
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-")


def product_metadata(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `title_fields` that is the product's metadata, under its own names."""
    return {
        name.removeprefix("metadata."): value
        for name, value in fields.items()
        if name.startswith("metadata.") and value is not None
    }


@dataclass(slots=True)
class ProductUpdate:
    """The difference of one product: what to send, and the fields for the journal.

    Attributes:
        product, of_variant: bodies, but for categories and tag, whose ids the store has to be asked for.
        categories: names; `None` leaves them.
        tag: to be put (`True`), taken away or left (`None`).
        other_tags: ids of the tags that stay.
        before, after: the fields that change.
        kept: fields that a person edited, and that are left alone.
        held: the price that a guardrail holds back; everything else of the title is changed.
        why_held: a sentence for a person, with the command that lets it through.
    """

    isbn: str
    variant: Variant
    product: dict[str, Any] = field(default_factory=dict)
    of_variant: dict[str, Any] = field(default_factory=dict)
    categories: list[str] | None = None
    tag: bool | None = None
    other_tags: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    held: HeldPrice | None = None
    why_held: str | None = None

    def put(self, row: ProductRow, name: str, now: Any, then: Any) -> None:
        """Changes one field of `title_fields`, in the bodies and for the journal."""
        if name == "price":
            _put_price(self, row, then)
        elif name == "cover_url":
            _put_cover(self, row, now, then)
        elif name.startswith("metadata."):
            # An empty text deletes the key, a null would be stored.
            key = name.removeprefix("metadata.")
            self.product.setdefault("metadata", {})[key] = "" if then is None else then
        elif name == "categories":
            self.categories = then
        elif name == "tag":
            self.tag = then is not None
            self.other_tags = [each["id"] for each in row["tags"] or [] if each["value"] != TAG]
        elif name == "ean":
            self.of_variant["ean"] = then
        else:
            self.product[name] = then
        self.before[name], self.after[name] = now, then


def field_now(row: ProductRow, variant: Variant, name: str, *ours: Any) -> Any:
    """What a product has in a field of `title_fields`.

    Args:
        ours: values of the field that are ours. They tell which of a product's pictures is our cover, in
            whatever version; the other pictures are not looked at. And they spell the categories.
    """
    if name.startswith("metadata."):
        return (row["metadata"] or {}).get(name.removeprefix("metadata."))
    if name == "price":
        return _base_price(row, variant.id)
    if name == "cover_url":
        paths = {_path(each) for each in ours if each}
        return next((one["url"] for one in row["images"] or [] if one and _path(one["url"]) in paths), None)
    if name == "categories":
        spelled = {category_key(one): one for each in ours for one in each or []}
        names = [each["name"] for each in row["categories"] or []]
        return sorted(spelled.get(category_key(each), each) for each in names)
    if name == "tag":
        return TAG if any(each["value"] == TAG for each in row["tags"] or []) else None
    if name == "ean":
        return variant.ean
    return row.get(name)


def difference(
    title: Title,
    variant: Variant,
    row: ProductRow,
    ours: Mapping[str, list[Any]] | None,
    *,
    table: CategoryTable,
    rules: StoreRules,
) -> ProductUpdate:
    """What to change of a product that is there.

    A field is ours to change where the store still has what we wrote last, or nothing at all. Anything
    else a person put there, and so did whoever imported it before there was a journal. The price is
    Ingram's or a person's by the shop's own policy.

    Args:
        row: the product (`read_products`).
        ours: field to what we wrote last (`Journal.last_written`); `None` if we never did.
    """
    update = ProductUpdate(title.isbn, variant)
    ours = ours or {}
    wanted = title_fields(title, table) | {"ean": title.isbn}
    if len(row["variants"] or []) > 1:
        # Several books share the product, and its words are nobody's in particular.
        wanted = {name: wanted[name] for name in ("tag", "metadata.procurement_type", "price", "ean")}
    for name, then in wanted.items():
        known = ours.get(name, [None])
        now = field_now(row, variant, name, then, *known)
        if then is None or now == then:
            continue
        if name == "price":
            free = now is None or rules.price_policy == "srp"
            # The first switch-over is no move: what a product cost before us says nothing of the list price.
            was = (now, *known) if ours or variant.metadata.get("availability") else ()
            if free and (held := held_price(then, was, rules.thresholds)):
                update.held, update.why_held = held, _held_back(title, held, "The price in the store stands")
                continue
        elif name == "cover_url":
            # Our cover in another version, or none: because there never was one, or a person took it away.
            free = now is not None or None in known
        else:
            free = now in known or (now in _EMPTY and any(each in _EMPTY for each in known))
        if free:
            update.put(row, name, now, then)
        else:
            update.kept.append(name)
    return update


def _put_cover(update: ProductUpdate, row: ProductRow, now: str | None, then: str | None) -> None:
    """Puts the cover `then` in the place of `now`, or at the end; all other pictures stay as they are."""
    pictures = []
    for each in row["images"] or []:
        if each["url"] != now:
            pictures.append({"id": each["id"], "url": each["url"]})
        elif then:
            # By its id, or it would lose the variants that a person has given it to.
            pictures.append({"id": each["id"], "url": then})
    if now is None and then:
        pictures.append({"url": then})
    update.product["images"] = pictures
    if not row["thumbnail"] or (now and _path(row["thumbnail"]) == _path(now)):
        update.product["thumbnail"] = in_width(then, THUMBNAIL) if then else None


def _path(url: str) -> str:
    """An address without version and size: what two of one cover have in common."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a person may have put anything there
        return url
    return f"{parts.netloc}{raw_path(parts.path)}"


def _base_price(row: ProductRow, variant_id: str) -> float | None:
    """The variant's plain price in dollars: the one without a quantity or a rule."""
    base = next((each for each in _prices(row, variant_id) if _is_base(each)), None)
    return base["amount"] if base else None


def _put_price(update: ProductUpdate, row: ProductRow, price: float | None) -> None:
    """Sets or takes away the plain price. An update replaces all prices, so the others are sent along, whole.

    Medusa takes two for the same, and keeps one of them, that do not differ in what is sent of them.
    """
    prices = _prices(row, update.variant.id)
    base = next((each for each in prices if _is_base(each)), None)
    others = [each for each in prices if each is not base]
    rows = [{name: value for name, value in each.items() if name in _PRICE} for each in others]
    if price is not None:
        rows.append({"currency_code": CURRENCY, "amount": price} | ({"id": base["id"]} if base else {}))
    update.of_variant["prices"] = rows


def _prices(row: ProductRow, variant_id: str) -> list[PriceRow]:
    (variant,) = [each for each in row["variants"] or [] if each["id"] == variant_id]
    return [each for each in variant["prices"] or [] if each]


def _is_base(price: Mapping[str, Any]) -> bool:
    return (
        price["currency_code"] == CURRENCY
        and price.get("min_quantity") is None
        and price.get("max_quantity") is None
        and not price.get("rules")
    )
