"""Products and variants: titles of the queue brought into the store, a batch at a time."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from ingram_assets.domain.categories import CategoryTable, categorize
from ingram_assets.domain.ownership import why_left_alone
from ingram_assets.domain.title import Title
from ingram_assets.store.catalog_lookup import KnownIds, Shelves
from ingram_assets.store.client import MedusaClient, batches, send_splitting
from ingram_assets.store.journal import Change, Journal, Known
from ingram_assets.store.levels import Work, apply
from ingram_assets.store.location import Location
from ingram_assets.store.plan import TitlePlan, desired, plan_levels, plan_new, variant_metadata
from ingram_assets.store.product_fields import (
    CURRENCY,
    ProductUpdate,
    difference,
    held_new,
    misnumbered,
    product_metadata,
    title_fields,
    unsellable,
)
from ingram_assets.store.read import Actual, Item, Spellings, Variant, read_store
from ingram_assets.store.rules import StoreRules

log = logging.getLogger(__name__)

READ_AT_ONCE = 500

PRODUCTS_PER_BATCH = 50
"""1,000 products take 20.7 s in batches of 25, 17.1 s of 50, 15.2 s of 100; a bad row costs as many."""

LONGEST_OPTION = 200
"""Characters of an option's value, which is in an index of Medusa's: 2,700 are answered with a bare 500."""

_PRODUCT_FIELDS = (
    *("id", "title", "subtitle", "description", "weight", "thumbnail", "metadata"),
    *("images.id", "images.url", "tags.id", "tags.value", "categories.id", "categories.name"),
    *("variants.id", "variants.sku", "variants.prices.id", "variants.prices.amount"),
    *("variants.prices.currency_code", "variants.prices.min_quantity", "variants.prices.max_quantity"),
    "variants.prices.price_rules.*",
)

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
    let_through: bool = False,
    on_done: OnDone | None = None,
    batch_size: int = PRODUCTS_PER_BATCH,
) -> ImportReport:
    """Makes the products that the store does not have, and brings those it has up to date.

    A new product gets its level at once. Levels and flags of a product that is there are `sync_levels`'s,
    behind its guardrail, unless it has no level at all. A title that Medusa refuses costs itself alone, and
    one whose ISBN is none is not looked for, since the store may have something under what is written there.
    A price that is not believed (`guardrails.held_price`) costs its title that price alone, or its product
    where that is new.

    Args:
        let_through: a person has looked, and any price is right.
        on_done: called after each batch with the queue ids that are imported, and queue id to reason for
            those that failed, so that a run which is killed has stamped what it did.
    """
    if let_through:
        rules = replace(rules, thresholds=rules.thresholds.with_any_price())
    report = ImportReport()
    rows = []
    for title in {title.isbn: title for title in titles}.values():
        if reason := misnumbered(title):
            report.failed[title.isbn] = reason
            if on_done:
                on_done([], {title.id: reason})
        else:
            rows.append(title)
    with client.reporting(lambda failure: journal.failed_request(run_id, failure)):
        shelves = Shelves(client, journal, run_id)
        shop = _Shop(client, journal, run_id, location, today, rules, categories, shelves)
        spellings = Spellings(client, location.id, journal)
        for some in batches(rows, READ_AT_ONCE, lambda title: title.isbn):
            actual = read_for_import(client, some, location, journal, spellings, rules)
            _remember_variants(some, actual, journal)
            for batch in batches(some, batch_size, lambda title: [title.description, "x" * 4_000]):
                ids = {title.isbn: title.id for title in batch}
                failed = _import_batch(shop, batch, actual, report)
                report.failed |= failed
                if on_done:
                    on_done(
                        [each for isbn, each in ids.items() if isbn not in failed],
                        {ids[isbn]: reason for isbn, reason in failed.items()},
                    )
    return report


def read_for_import(
    client: MedusaClient,
    titles: Sequence[Title],
    location: Location,
    journal: Journal,
    spellings: Spellings,
    rules: StoreRules,
) -> dict[str, Actual]:
    """ISBN to what the store has of it. Where a product would be made, in whatever spelling of its number."""
    actual = read_store(client, [title.isbn for title in titles], location.id, journal=journal)
    missing = [title for title in titles if not actual[title.isbn].variants]
    new = [each.isbn for each in missing if not why_not_made(each, actual[each.isbn].leftover, rules)]
    return actual | spellings.look_up(new, actual)


def _remember_variants(titles: Sequence[Title], actual: Mapping[str, Actual], journal: Journal) -> None:
    """Variants that only a look at all of them has found, for the pushes to come."""
    journal.know(
        "variant",
        [
            Known(title.isbn, variant.id, variant.sku or "")
            for title in titles
            if len(actual[title.isbn].variants) == 1
            for variant in actual[title.isbn].variants
            if title.isbn not in (variant.sku, variant.ean)
        ],
    )


def why_not_made(title: Title, leftover: Item | None, rules: StoreRules) -> str | None:
    """Why no product can be made of a title that the store does not have."""
    hung = why_left_alone(title.isbn, leftover, None) if leftover else None
    return unsellable(title) or held_new(title, rules) or hung


def several(isbn: str, variants: Sequence[Variant]) -> str:
    """What a person is told of a title that is in the store more than once."""
    ids = ", ".join(f"{each.id} (SKU {each.sku or 'none'})" for each in variants)
    return f"Several variants have the number {isbn}, in whatever spelling ({ids}): delete all but one."


def _import_batch(
    shop: "_Shop", titles: Sequence[Title], actual: dict[str, Actual], report: ImportReport
) -> dict[str, str]:
    for title in titles:
        if not categorize(title.category_hint, shop.table).mapped:
            report.unmapped[title.isbn] = title.category_hint
    failed: dict[str, str] = {}
    new = []
    for title in titles:
        variants = actual[title.isbn].variants
        if len(variants) > 1:
            failed[title.isbn] = several(title.isbn, variants)
        elif not variants and (reason := why_not_made(title, actual[title.isbn].leftover, shop.rules)):
            failed[title.isbn] = reason
        elif not variants:
            new.append(title)
    refused = _create(shop, new, actual, report)
    # A create whose answer was lost is refused when it is sent again: the product is there.
    doubtful = [isbn for isbn, reason in refused.items() if "already exists" in reason]
    if doubtful:
        there = read_store(shop.client, doubtful, shop.location.id, journal=shop.journal)
        actual.update({isbn: each for isbn, each in there.items() if each.variants})
        refused = {isbn: reason for isbn, reason in refused.items() if not actual[isbn].variants}
    failed |= refused
    known = [title for title in titles if actual[title.isbn].variants and title.isbn not in failed]
    return failed | _update(shop, known, actual, report)


@dataclass(frozen=True, slots=True)
class _Shop:
    """What every batch of an import needs to know."""

    client: MedusaClient
    journal: Journal
    run_id: str
    location: Location
    today: date
    rules: StoreRules
    table: CategoryTable
    shelves: Shelves


def _create(
    shop: _Shop, titles: Sequence[Title], actual: Mapping[str, Actual], report: ImportReport
) -> dict[str, str]:
    """Makes products, and their levels right after. Returns ISBN to reason.

    Medusa makes the items along with the products, without levels: that takes half the time of making items
    one by one before. Until a product has its level it takes no back-orders, so that all that a shopper
    can meet in between, or after a run that was killed there, is a cart that refuses the book.
    """
    if not titles:
        return {}
    plans = {
        title.isbn: plan_new(title, actual[title.isbn].leftover, today=shop.today, rules=shop.rules)
        for title in titles
    }
    before = Work(shop.client, shop.journal, shop.run_id, shop.location, [*_on_leftovers(plans.values())])
    before.write_levels()
    failed = dict(before.failed)
    titles = [title for title in titles if title.isbn not in failed]
    bodies = [_new_product(shop, title, plans[title.isbn]) for title in titles]
    made: dict[str, dict[str, Any]] = {}

    def send(some: Sequence[dict[str, Any]]) -> None:
        fields = "id,handle,variants.id,variants.inventory_items.inventory_item_id"
        answer = shop.client.post("/admin/products/batch", {"create": some}, {"fields": fields})
        made.update({each["handle"]: each for each in answer["created"]})

    changes = [
        Change("product", title.isbn, None, None, title_fields(title, shop.table), "New in the store.")
        for title in titles
    ]
    with shop.journal.writing(shop.run_id, changes) as entry:
        refused = send_splitting(bodies, send)
        for number, title in enumerate(titles):
            if number in refused:
                entry.failed(number, refused[number].detail)
                failed[title.isbn] = refused[number].detail
            else:
                entry.made(number, made[title.isbn]["id"])
    unfinished = [_finish(plans[isbn], product) for isbn, product in made.items()]
    after = Work(shop.client, shop.journal, shop.run_id, shop.location, unfinished)
    after.write_levels()
    after.write_flags()
    failed |= after.failed
    new = [title.isbn for title in titles if title.isbn not in failed]
    report.created += new
    report.zero_for_unknown += [isbn for isbn in new if plans[isbn].zero_for_unknown]
    return failed


def _on_leftovers(plans: Iterable[TitlePlan]) -> Iterable[TitlePlan]:
    return (each for each in plans if each.item and each.level)


def _finish(plan: TitlePlan, product: Mapping[str, Any]) -> TitlePlan:
    """What is left to do once the product is made: its level, and then the back-orders it may take."""
    (made,) = product["variants"]
    items = tuple(Item(link["inventory_item_id"], plan.isbn, None) for link in made["inventory_items"] or [])
    variant = Variant(made["id"], product["id"], plan.isbn, plan.isbn, bool(items), False, {}, items)
    if plan.item or not items:
        return replace(plan, variant=variant, level=None)
    flags = {"allow_backorder": True} if plan.after and plan.after.allow_backorder else {}
    return replace(plan, variant=variant, item=items[0], flags=flags)


def _new_product(shop: _Shop, title: Title, plan: TitlePlan) -> dict[str, Any]:
    wanted = desired(title, today=shop.today, rules=shop.rules)
    fields = title_fields(title, shop.table)
    binding = (fields["metadata.binding"] or "Book")[:LONGEST_OPTION]
    managed = plan.after is not None and plan.after.managed
    variant: dict[str, Any] = {
        "title": binding,
        "sku": title.isbn,
        "ean": title.isbn,
        "barcode": title.isbn,
        "manage_inventory": managed,
        "allow_backorder": bool(plan.item and wanted.allow_backorder),
        "options": {"Format": binding},
        "prices": [{"currency_code": CURRENCY, "amount": fields["price"]}],
        "metadata": variant_metadata(title, wanted) or {"availability": wanted.status},
    }
    if plan.item:
        variant["inventory_items"] = [{"inventory_item_id": plan.item.id, "required_quantity": 1}]
    product: dict[str, Any] = {
        **{name: fields[name] for name in ("title", "subtitle", "description", "weight")},
        "handle": title.isbn,
        "status": "published",
        "options": [{"title": "Format", "values": [binding]}],
        "categories": [{"id": each} for each in shop.shelves.category_ids(fields["categories"])],
        "tags": [{"id": shop.shelves.tag_id}],
        "sales_channels": [{"id": shop.location.channel_id}],
        "metadata": product_metadata(fields),
        "external_id": f"ingram:{title.isbn}",
        "variants": [variant],
    }
    if fields["cover_url"]:
        product |= {"thumbnail": fields["cover_url"], "images": [{"url": fields["cover_url"]}]}
    if shop.shelves.shipping_profile_id:
        product["shipping_profile_id"] = shop.shelves.shipping_profile_id
    return product


def read_products(client: MedusaClient, ids: Iterable[str], known: KnownIds) -> dict[str, dict[str, Any]]:
    """Product id to the product with all that an import may change of it.

    A category or tag of ours that a person renamed goes by its name with us.
    """
    rows = client.list_matching(
        "/admin/products", "products", "id", sorted(set(ids)), {"fields": ",".join(_PRODUCT_FIELDS)}
    )
    for row in rows:
        known.rename(row)
    return {row["id"]: row for row in rows}


def _update(
    shop: _Shop, titles: Sequence[Title], actual: Mapping[str, Actual], report: ImportReport
) -> dict[str, str]:
    """Brings products that are there up to date, field by field. Returns ISBN to reason."""
    if not titles:
        return {}
    failed = _give_levels(shop, titles, actual)
    variants = {title.isbn: actual[title.isbn].variants[0] for title in titles}
    products = read_products(shop.client, (each.product_id for each in variants.values()), shop.shelves.known)
    ours = shop.journal.last_written([title.isbn for title in titles], "product")
    updates = []
    for title in titles:
        variant = variants[title.isbn]
        row = products.get(variant.product_id)
        if row is None:
            failed[title.isbn] = f"The product {variant.product_id} was deleted while it was imported."
            continue
        update = difference(title, variant, row, ours.get(title.isbn), table=shop.table, rules=shop.rules)
        if update.kept:
            report.kept[title.isbn] = update.kept
        if update.why_held:
            failed[title.isbn] = update.why_held
        if update.after:
            updates.append(update)
        elif not update.why_held:
            report.unchanged.append(title.isbn)

    refused = send_updates(shop.client, shop.journal, shop.run_id, shop.shelves, updates, "The queue's row.")
    failed |= refused
    report.updated += [each.isbn for each in updates if each.isbn not in failed]
    return failed


def _give_levels(shop: _Shop, titles: Sequence[Title], actual: Mapping[str, Actual]) -> dict[str, str]:
    """Levels for managed products that have none: those of a run that was killed before it came to them."""
    without = [
        title
        for title in titles
        for variant in actual[title.isbn].variants
        if variant.manage_inventory and not any(item.level for item in variant.items)
    ]
    plan = plan_levels(without, actual, today=shop.today, rules=shop.rules)
    done = apply(shop.client, plan, location=shop.location, journal=shop.journal, run_id=shop.run_id)
    return done.failed


def send_updates(
    client: MedusaClient,
    journal: Journal,
    run_id: str,
    shelves: Shelves,
    updates: Sequence[ProductUpdate],
    reason: str,
) -> dict[str, str]:
    """Sends the differences of products, journaled. Returns ISBN to reason for those refused."""

    def send(some: Sequence[ProductUpdate]) -> None:
        bodies = [(each.variant.product_id, _body(each, shelves)) for each in some]
        if rows := [{"id": product_id, **body} for product_id, body in bodies if body]:
            client.post("/admin/products/batch", {"update": rows}, {"fields": "id"})
        if rows := [{"id": each.variant.id, **each.of_variant} for each in some if each.of_variant]:
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


def _body(update: ProductUpdate, shelves: Shelves) -> dict[str, Any]:
    body = dict(update.product)
    if update.categories is not None:
        body["categories"] = [{"id": each} for each in shelves.category_ids(update.categories)]
    if update.tag is not None:
        tags = [*update.other_tags, shelves.tag_id] if update.tag else update.other_tags
        body["tags"] = [{"id": each} for each in tags]
    return body
