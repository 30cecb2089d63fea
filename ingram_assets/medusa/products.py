"""Products and variants: titles of the queue brought into the store, and what a person edited left alone."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from ingram_assets.domain.categories import CategoryTable, categorize
from ingram_assets.domain.title import Title
from ingram_assets.medusa.client import MedusaClient, Refused, batches, send_splitting
from ingram_assets.medusa.journal import Change, Journal
from ingram_assets.medusa.levels import Work
from ingram_assets.medusa.location import Location
from ingram_assets.medusa.plan import TitlePlan, desired, plan_new, variant_metadata
from ingram_assets.medusa.rules import StoreRules
from ingram_assets.medusa.store import Actual, Variant, read_store

log = logging.getLogger(__name__)

PRODUCTS_PER_BATCH = 50
"""1,000 products take 20.7 s in batches of 25, 17.1 s of 50, 15.2 s of 100; a bad row costs as many."""

TAG = "special_order"
CURRENCY = "usd"
GRAMS_PER_POUND = 453.59237

_PRODUCT_FIELDS = (
    *("id", "title", "subtitle", "description", "weight", "thumbnail", "metadata"),
    *("images.id", "images.url", "tags.id", "tags.value", "categories.id", "categories.name"),
    *("variants.id", "variants.sku", "variants.prices.id", "variants.prices.amount"),
    *("variants.prices.currency_code", "variants.prices.min_quantity", "variants.prices.max_quantity"),
    "variants.prices.price_rules.*",
)

_EMPTY: tuple[Any, ...] = (None, "", [])

OnDone = Callable[[list[int], dict[int, str]], None]


@dataclass(slots=True)
class ImportReport:
    """What became of the titles, by ISBN.

    Attributes:
        failed: ISBN to why, in Medusa's words where it was Medusa that refused.
        unmapped: ISBN to the category hint that the table does not know: it went to the one category.
        zero_for_unknown: new titles whose stock was never read: they start at 0, as they need a level.
        kept: ISBN to the fields that a person edited, and that were left alone.
    """

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unmapped: dict[str, str | None] = field(default_factory=dict)
    zero_for_unknown: list[str] = field(default_factory=list)
    kept: dict[str, list[str]] = field(default_factory=dict)


def import_titles(
    client: MedusaClient,
    titles: Iterable[Title],
    *,
    location: Location,
    today: date,
    rules: StoreRules,
    categories: CategoryTable,
    journal: Journal,
    run_id: str,
    on_done: OnDone | None = None,
    batch_size: int = PRODUCTS_PER_BATCH,
) -> ImportReport:
    """Makes the products that the store does not have, and brings those it has up to date.

    A new product is made with its level. Levels and flags of a product that is there are `sync_levels`'s,
    behind its guardrail. A title that Medusa refuses costs itself alone.

    Args:
        on_done: called after each batch with the queue ids that are imported, and queue id to reason for
            those that failed, so that a run which is killed has stamped what it did.
    """
    report = ImportReport()
    rows = list({title.isbn: title for title in titles}.values())
    with client.reporting(lambda failure: journal.failed_request(run_id, failure)):
        shop: _Shop | None = None
        for batch in batches(rows, batch_size, lambda title: [title.description, "x" * 4_000]):
            shop = shop or _Shop(client, journal, run_id, location, today, rules, categories)
            ids = {title.isbn: title.id for title in batch}
            failed = _import_batch(shop, batch, report)
            report.failed |= failed
            if on_done:
                on_done(
                    [each for isbn, each in ids.items() if isbn not in failed],
                    {ids[isbn]: reason for isbn, reason in failed.items()},
                )
    return report


def _import_batch(shop: "_Shop", titles: Sequence[Title], report: ImportReport) -> dict[str, str]:
    for title in titles:
        if not categorize(title.category_hint, shop.table).mapped:
            report.unmapped[title.isbn] = title.category_hint
    actual = read_store(shop.client, [title.isbn for title in titles], shop.location.id)
    failed: dict[str, str] = {}
    new = []
    for title in titles:
        variants = actual[title.isbn].variants
        if len(variants) > 1:
            ids = ", ".join(variant.id for variant in variants)
            failed[title.isbn] = f"Several variants have the number {title.isbn} ({ids}): delete all but one."
        elif not variants and (reason := _unsellable(title)):
            failed[title.isbn] = reason
        elif not variants:
            new.append(title)
    refused = _create(shop, new, actual, report)
    # A create whose answer was lost is refused when it is sent again: the product is there.
    doubtful = [isbn for isbn, reason in refused.items() if "already exists" in reason]
    if doubtful:
        there = read_store(shop.client, doubtful, shop.location.id)
        actual |= {isbn: each for isbn, each in there.items() if each.variants}
        refused = {isbn: reason for isbn, reason in refused.items() if not actual[isbn].variants}
    failed |= refused
    known = [title for title in titles if actual[title.isbn].variants and title.isbn not in failed]
    return failed | _update(shop, known, actual, report)


def _unsellable(title: Title) -> str | None:
    """Why no product can be made of the title."""
    if not _text(title.title):
        return "It has no title. Enrich it again."
    if title.srp_price is None:
        return "It has no list price (SRP), and a product without a price can't be sold. Enrich it again."
    if title.srp_price <= 0:
        return f"Its list price (SRP) is {title.srp_price}: it would be given away. Enrich it again."
    return None


class _Shop:
    """What every batch needs of the store: ids that are looked up once, and made where they are missing."""

    def __init__(
        self,
        client: MedusaClient,
        journal: Journal,
        run_id: str,
        location: Location,
        today: date,
        rules: StoreRules,
        table: CategoryTable,
    ) -> None:
        self.client, self.journal, self.run_id, self.location = client, journal, run_id, location
        self.today, self.rules, self.table = today, rules, table
        self.shipping_profile_id = self._shipping_profile()
        self.tag_id = self._tag()
        self._categories = read_categories(client)

    def category_ids(self, names: Iterable[str]) -> list[str]:
        """Ids of categories, made where the store lacks them."""
        return [self._categories.get(name) or self._make_category(name) for name in names]

    def _shipping_profile(self) -> str | None:
        profiles = self.client.list_all(
            "/admin/shipping-profiles", "shipping_profiles", {"fields": "id,type"}
        )
        profiles.sort(key=lambda each: each["type"] != "default")
        return profiles[0]["id"] if profiles else None

    def _tag(self) -> str:
        def find() -> str | None:
            found = self.client.get("/admin/product-tags", {"value": TAG, "fields": "id"})["product_tags"]
            return found[0]["id"] if found else None

        return find() or self._make("/admin/product-tags", "product_tag", {"value": TAG}, find)

    def _make_category(self, name: str) -> str:
        body = {"name": name, "is_active": True}
        made = self._make(
            "/admin/product-categories",
            "product_category",
            body,
            lambda: read_categories(self.client).get(name),
        )
        self._categories[name] = made
        return made

    def _make(self, path: str, key: str, body: dict[str, Any], find: Callable[[], str | None]) -> str:
        """Makes a thing whose name is unique; finds it where somebody was faster."""
        change = Change("category", None, None, None, body, "The store did not have it.")
        try:
            with self.journal.writing(self.run_id, [change]) as entry:
                made: str = self.client.post(path, body, {"fields": "id"})[key]["id"]
                entry.made(0, made)
                return made
        except Refused:
            if there := find():
                return there
            raise


def _create(
    shop: _Shop, titles: Sequence[Title], actual: Mapping[str, Actual], report: ImportReport
) -> dict[str, str]:
    """Makes products, each with an item and level that are there before it. Returns ISBN to reason."""
    if not titles:
        return {}
    plans = [
        plan_new(title, actual[title.isbn].leftover, today=shop.today, rules=shop.rules) for title in titles
    ]
    work = Work(shop.client, shop.journal, shop.run_id, shop.location, plans)
    work.make_items()
    work.write_levels()
    failed = dict(work.failed)
    pairs = [(title, plan) for title, plan in zip(titles, plans, strict=True) if title.isbn not in failed]
    bodies = [_new_product(shop, title, plan, work.item_ids.get(title.isbn)) for title, plan in pairs]
    ids: dict[str, str] = {}

    def send(some: Sequence[dict[str, Any]]) -> None:
        answer = shop.client.post("/admin/products/batch", {"create": some}, {"fields": "id,handle"})
        ids.update({each["handle"]: each["id"] for each in answer["created"]})

    changes = [
        Change("product", title.isbn, None, None, _fields(shop, title), "New in the store.")
        for title, _ in pairs
    ]
    with shop.journal.writing(shop.run_id, changes) as entry:
        refused = send_splitting(bodies, send)
        for number, (title, plan) in enumerate(pairs):
            if number in refused:
                entry.failed(number, refused[number].detail)
                failed[title.isbn] = refused[number].detail
                continue
            entry.made(number, ids[bodies[number]["handle"]])
            report.created.append(title.isbn)
            if plan.zero_for_unknown:
                report.zero_for_unknown.append(title.isbn)
    return failed


def _new_product(shop: _Shop, title: Title, plan: TitlePlan, item_id: str | None) -> dict[str, Any]:
    wanted = desired(title, reserved=0, today=shop.today, rules=shop.rules)
    fields = _fields(shop, title)
    binding = fields["metadata.binding"] or "Book"
    managed = plan.after is not None and plan.after.managed
    variant: dict[str, Any] = {
        "title": binding,
        "sku": title.isbn,
        "ean": title.isbn,
        "barcode": title.isbn,
        "manage_inventory": managed,
        "allow_backorder": bool(wanted.allow_backorder),
        "options": {"Format": binding},
        "prices": [{"currency_code": CURRENCY, "amount": fields["price"]}],
        "metadata": variant_metadata(title, wanted),
    }
    if managed:
        variant["inventory_items"] = [{"inventory_item_id": item_id, "required_quantity": 1}]
    product: dict[str, Any] = {
        **{name: fields[name] for name in ("title", "subtitle", "description", "weight")},
        "handle": title.isbn,
        "status": "published",
        "options": [{"title": "Format", "values": [binding]}],
        "categories": [{"id": each} for each in shop.category_ids(fields["categories"])],
        "tags": [{"id": shop.tag_id}],
        "sales_channels": [{"id": shop.location.channel_id}],
        "metadata": _metadata(fields),
        "external_id": f"ingram:{title.isbn}",
        "variants": [variant],
    }
    if fields["cover_url"]:
        product |= {"thumbnail": fields["cover_url"], "images": [{"url": fields["cover_url"]}]}
    if shop.shipping_profile_id:
        product["shipping_profile_id"] = shop.shipping_profile_id
    return product


def _fields(shop: _Shop, title: Title) -> dict[str, Any]:
    """What we say of a title, field by field, as the journal keeps it.

    Weight is in grams, as Medusa's admin shows it; the queue's is in pounds.
    """
    grams = None if title.weight is None else round(float(title.weight) * GRAMS_PER_POUND)
    return {
        "title": _text(title.title),
        "subtitle": _text(title.author),
        "description": _text(title.description),
        "weight": grams,
        "price": float(title.srp_price) if title.srp_price and title.srp_price > 0 else None,
        "cover_url": title.cover_url,
        "categories": sorted(categorize(title.category_hint, shop.table).names),
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


def _text(text: str | None) -> str | None:
    # PostgreSQL's text refuses the NUL character, and Medusa answers it with a bare 500.
    return (text or "").replace("\x00", "").strip() or None


def _metadata(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix("metadata."): value
        for name, value in fields.items()
        if name.startswith("metadata.") and value is not None
    }


@dataclass(slots=True)
class ProductUpdate:
    """The difference of one product: the bodies to send, and the fields for the journal."""

    isbn: str
    variant: Variant
    product: dict[str, Any] = field(default_factory=dict)
    of_variant: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


def read_categories(client: MedusaClient) -> dict[str, str]:
    """Category name to id; of several with the same name, the oldest."""
    rows = client.list_all(
        "/admin/product-categories",
        "product_categories",
        {"fields": "id,name,created_at", "order": "created_at"},
    )
    return {each["name"]: each["id"] for each in reversed(rows)}


def read_products(client: MedusaClient, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Product id to the product with all that an import may change of it."""
    rows = client.list_matching(
        "/admin/products", "products", "id", sorted(set(ids)), {"fields": ",".join(_PRODUCT_FIELDS)}
    )
    return {row["id"]: row for row in rows}


def _update(
    shop: _Shop, titles: Sequence[Title], actual: Mapping[str, Actual], report: ImportReport
) -> dict[str, str]:
    """Brings products that are there up to date, field by field. Returns ISBN to reason."""
    if not titles:
        return {}
    variants = {title.isbn: actual[title.isbn].variants[0] for title in titles}
    products = read_products(shop.client, (each.product_id for each in variants.values()))
    ours = shop.journal.last_written([title.isbn for title in titles], "product")
    updates = []
    for title in titles:
        variant = variants[title.isbn]
        update = _difference(shop, title, variant, products[variant.product_id], ours.get(title.isbn))
        if update.kept:
            report.kept[title.isbn] = update.kept
        if update.after:
            updates.append(update)
        else:
            report.unchanged.append(title.isbn)

    refused = send_updates(shop.client, shop.journal, shop.run_id, updates, "The queue's row.")
    report.updated += [each.isbn for each in updates if each.isbn not in refused]
    return refused


def send_updates(
    client: MedusaClient, journal: Journal, run_id: str, updates: Sequence[ProductUpdate], reason: str
) -> dict[str, str]:
    """Sends the differences of products, journaled. Returns ISBN to reason for those refused."""

    def send(some: Sequence[ProductUpdate]) -> None:
        rows = [{"id": each.variant.product_id, **each.product} for each in some if each.product]
        if rows:
            client.post("/admin/products/batch", {"update": rows}, {"fields": "id"})
        rows = [{"id": each.variant.id, **each.of_variant} for each in some if each.of_variant]
        if rows:
            path = f"/admin/products/{some[0].variant.product_id}/variants/batch"
            client.post(path, {"update": rows}, {"fields": "id"})

    failed: dict[str, str] = {}
    for batch in batches(updates, PRODUCTS_PER_BATCH, lambda each: each.product):
        changes = [
            Change("product", each.isbn, each.variant.product_id, each.before, each.after, reason)
            for each in batch
        ]
        with journal.writing(run_id, changes) as entry:
            for number, error in send_splitting(batch, send).items():
                entry.failed(number, error.detail)
                failed[batch[number].isbn] = error.detail
    return failed


def _difference(
    shop: _Shop, title: Title, variant: Variant, row: Mapping[str, Any], ours: Mapping[str, list[Any]] | None
) -> ProductUpdate:
    """What to change of a product that is there.

    A field is ours to change where the store still has what we wrote last, or nothing at all. Anything
    else a person put there, and so did whoever imported it before there was a journal.
    """
    update = ProductUpdate(title.isbn, variant)
    wanted = _fields(shop, title)
    ours = ours or {}
    alone = len(row.get("variants") or []) <= 1

    def change(name: str, now: Any, then: Any) -> bool:
        if now == then or then is None:
            return False
        known = ours.get(name, [None])
        if now not in known and (now not in _EMPTY or all(each not in _EMPTY for each in known)):
            update.kept.append(name)  # a person put it there, or took away what we had put
            return False
        update.before[name], update.after[name] = now, then
        return True

    if alone:  # else several books share the product, and its words are nobody's in particular
        for name in ("title", "subtitle", "description", "weight"):
            if change(name, row[name], wanted[name]):
                update.product[name] = wanted[name]
        names = sorted(each["name"] for each in row["categories"] or [])
        if change("categories", names, wanted["categories"]):
            update.product["categories"] = [{"id": each} for each in shop.category_ids(wanted["categories"])]
        _cover(update, row, wanted["cover_url"], ours)
    tags = row["tags"] or []
    if change("tag", TAG if any(each["value"] == TAG for each in tags) else None, TAG):
        update.product["tags"] = [{"id": each} for each in [*(each["id"] for each in tags), shop.tag_id]]
    metadata = row["metadata"] or {}
    for name in [name for name in wanted if name.startswith("metadata.")]:
        key = name.removeprefix("metadata.")
        if change(name, metadata.get(key), wanted[name]):
            update.product.setdefault("metadata", {})[key] = wanted[name]
    if change("ean", variant.ean, title.isbn):
        update.of_variant["ean"] = title.isbn
    _price(update, row, wanted["price"], shop.rules)
    return update


def _cover(
    update: ProductUpdate, row: Mapping[str, Any], url: str | None, ours: Mapping[str, list[Any]]
) -> None:
    """Our own cover replaced, whatever its `?v=`; every other picture stays, and so does its place."""
    if not url:
        return
    before = ours.get("cover_url", [None])
    now = cover_of(row, url, *before)
    if now == url:
        return
    if now is None and None not in before:
        update.kept.append("cover_url")  # a person took our cover away
        return
    put_cover(update, row, now, url)


def cover_of(row: Mapping[str, Any], *ours: str | None) -> str | None:
    """The picture of a product that is one of our covers, be it another version of it."""
    paths = {_path(each) for each in ours if each}
    return next((each["url"] for each in row["images"] or [] if each and _path(each["url"]) in paths), None)


def put_cover(update: ProductUpdate, row: Mapping[str, Any], now: str | None, then: str | None) -> None:
    """Puts the cover `then` where `now` is (`None`: at the end; `then` `None`: takes it away)."""
    pictures = []
    for each in row["images"] or []:
        if each["url"] != now:
            pictures.append({"id": each["id"], "url": each["url"]})
        elif then:
            pictures.append({"url": then})
    if now is None and then:
        pictures.append({"url": then})
    update.product["images"] = pictures
    update.before["cover_url"], update.after["cover_url"] = now, then
    if not row["thumbnail"] or (now and _path(row["thumbnail"]) == _path(now)):
        update.product["thumbnail"] = then


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"


def _price(update: ProductUpdate, row: Mapping[str, Any], price: float | None, rules: StoreRules) -> None:
    if price is None:
        return
    now = base_price(row, update.variant.id)
    if now is not None and (now == price or rules.price_policy == "keep"):
        if now != price:
            update.kept.append("price")
        return
    put_price(update, row, price)


def base_price(row: Mapping[str, Any], variant_id: str) -> float | None:
    """The variant's plain price in dollars: the one without a quantity or a rule."""
    prices = _prices(row, variant_id)
    base = next((each for each in prices if _is_base(each)), None)
    return base["amount"] if base else None


def put_price(update: ProductUpdate, row: Mapping[str, Any], price: float | None) -> None:
    """Sets or takes away the plain price. An update replaces all prices, so the others are sent along."""
    prices = _prices(row, update.variant.id)
    base = next((each for each in prices if _is_base(each)), None)
    rows = [{"id": each["id"]} for each in prices if each is not base]
    if price is not None:
        rows.append({"currency_code": CURRENCY, "amount": price} | ({"id": base["id"]} if base else {}))
    update.of_variant["prices"] = rows
    update.before["price"], update.after["price"] = base["amount"] if base else None, price


def _prices(row: Mapping[str, Any], variant_id: str) -> list[dict[str, Any]]:
    (variant,) = [each for each in row["variants"] if each["id"] == variant_id]
    return [each for each in variant["prices"] or [] if each]


def _is_base(price: Mapping[str, Any]) -> bool:
    return (
        price["currency_code"] == CURRENCY
        and price.get("min_quantity") is None
        and price.get("max_quantity") is None
        and not price.get("price_rules")
    )
