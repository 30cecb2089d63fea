"""Products and variants: titles of the queue brought into the store, a batch at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingram_assets.domain.categories import categorize
from ingram_assets.domain.ownership import why_left_alone
from ingram_assets.domain.title import Title
from ingram_assets.store.catalog_lookup import KnownIds, Shelves
from ingram_assets.store.client import MedusaClient, batches, send_splitting
from ingram_assets.store.journal import Change, Journal, Known
from ingram_assets.store.levels import apply
from ingram_assets.store.model import Actual, Item, ProductRow, Variant
from ingram_assets.store.plan import (
    TitlePlan,
    TitleWrites,
    desired,
    plan_levels,
    plan_new,
    variant_metadata,
)
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
from ingram_assets.store.read import Spellings, read_store
from ingram_assets.store.rules import StoreRules
from ingram_assets.store.session import StoreSession

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
    session: StoreSession,
    titles: Iterable[Title],
    *,
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
        on_done: called after each batch with the queue ids that are imported, and queue id to reason for
            those that failed, so that a run which is killed has stamped what it did.
    """
    report = ImportReport()

    def settle(batch: Sequence[Title], failed: Mapping[str, str]) -> None:
        report.failed |= failed
        if on_done:
            imported = [title.id for title in batch if title.isbn not in failed]
            on_done(imported, {title.id: failed[title.isbn] for title in batch if title.isbn in failed})

    rows = []
    for title in {title.isbn: title for title in titles}.values():
        if reason := misnumbered(title):
            settle([title], {title.isbn: reason})
        else:
            rows.append(title)
    shelves = Shelves(session)
    spellings = Spellings(session.client, session.location.id, session.journal)
    for some in batches(rows, READ_AT_ONCE, lambda title: title.isbn):
        actual = read_for_import(session, some, spellings)
        _remember_variants(some, actual, session.journal)
        for batch in batches(some, batch_size, lambda title: [title.description, "x" * 4_000]):
            settle(batch, _import_batch(session, shelves, batch, actual, report))
    return report


def read_for_import(
    session: StoreSession, titles: Sequence[Title], spellings: Spellings
) -> dict[str, Actual]:
    """ISBN to what the store has of it. Where a product would be made, in whatever spelling of its number."""
    isbns = [title.isbn for title in titles]
    actual = read_store(session.client, isbns, session.location.id, journal=session.journal)
    missing = [title for title in titles if not actual[title.isbn].variants]
    new = [each.isbn for each in missing if not why_not_made(each, actual[each.isbn].leftover, session.rules)]
    return actual | spellings.look_up(new, actual)


def _remember_variants(titles: Sequence[Title], actual: Mapping[str, Actual], journal: Journal) -> None:
    """Variants that only a look at all of them has found, for the pushes to come."""
    found = [(each.isbn, actual[each.isbn].variants) for each in titles]
    journal.know(
        "variant",
        [
            Known(isbn, variants[0].id, variants[0].sku or "")
            for isbn, variants in found
            if len(variants) == 1 and isbn not in (variants[0].sku, variants[0].ean)
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
    session: StoreSession,
    shelves: Shelves,
    titles: Sequence[Title],
    actual: dict[str, Actual],
    report: ImportReport,
) -> dict[str, str]:
    """Makes and updates. Returns ISBN to reason of those that failed."""
    failed: dict[str, str] = {}
    new = []
    for title in titles:
        if not categorize(title.category_hint, session.categories).mapped:
            report.unmapped[title.isbn] = title.category_hint
        variants = actual[title.isbn].variants
        if len(variants) > 1:
            failed[title.isbn] = several(title.isbn, variants)
        elif not variants and (reason := why_not_made(title, actual[title.isbn].leftover, session.rules)):
            failed[title.isbn] = reason
        elif not variants:
            new.append(title)
    refused = _create(session, shelves, new, actual, report)
    # A create whose answer was lost is refused when it is sent again: the product is there.
    doubtful = [isbn for isbn, reason in refused.items() if "already exists" in reason]
    if doubtful:
        there = read_store(session.client, doubtful, session.location.id, journal=session.journal)
        actual.update({isbn: each for isbn, each in there.items() if each.variants})
        refused = {isbn: reason for isbn, reason in refused.items() if not actual[isbn].variants}
    failed |= refused
    known = [title for title in titles if actual[title.isbn].variants and title.isbn not in failed]
    return failed | _update(session, shelves, known, actual, report)


def _create(
    session: StoreSession,
    shelves: Shelves,
    titles: Sequence[Title],
    actual: Mapping[str, Actual],
    report: ImportReport,
) -> dict[str, str]:
    """Makes products, and their levels right after. Returns ISBN to reason.

    Medusa makes the items along with the products, without levels: that takes half the time of making items
    one by one before. Until a product has its level it takes no back-orders, so that all that a shopper
    can meet in between, or after a run that was killed there, is a cart that refuses the book.
    """
    plans = {
        title.isbn: plan_new(title, actual[title.isbn].leftover, today=session.today, rules=session.rules)
        for title in titles
    }
    failed = apply(session, [each for each in plans.values() if each.item]).failed
    titles = [title for title in titles if title.isbn not in failed]
    if not titles:
        return failed
    bodies = [_new_product(session, shelves, title, plans[title.isbn]) for title in titles]
    made: dict[str, dict[str, Any]] = {}

    def send(some: Sequence[dict[str, Any]]) -> None:
        fields = "id,handle,variants.id,variants.inventory_items.inventory_item_id"
        answer = session.client.post("/admin/products/batch", {"create": some}, {"fields": fields})
        made.update({each["handle"]: each for each in answer["created"]})

    changes = [
        Change(
            "product", title.isbn, None, None, title_fields(title, session.categories), "New in the store."
        )
        for title in titles
    ]
    with session.journal.writing(session.run_id, changes) as entry:
        refused = send_splitting(bodies, send)
        for number, title in enumerate(titles):
            if number in refused:
                entry.failed(number, refused[number].detail)
                failed[title.isbn] = refused[number].detail
            else:
                entry.made(number, made[title.isbn]["id"])
    failed |= apply(session, [each for isbn in made for each in _unfinished(plans[isbn], made[isbn])]).failed
    new = [title.isbn for title in titles if title.isbn not in failed]
    report.created += new
    report.zero_for_unknown += [isbn for isbn in new if plans[isbn].zero_for_unknown]
    return failed


def _unfinished(plan: TitlePlan, product: Mapping[str, Any]) -> Iterator[TitleWrites]:
    """What is left to do once a product is made: its level, and then the back-orders it may take."""
    (made,) = product["variants"]
    items = tuple(Item(link["inventory_item_id"], plan.isbn, None) for link in made["inventory_items"] or [])
    if plan.item or not items:
        return
    variant = Variant(made["id"], product["id"], plan.isbn, plan.isbn, True, False, {}, items)
    takes_orders = plan.after is not None and plan.after.allow_backorder
    yield TitleWrites(
        plan.isbn,
        plan.reasons,
        variant=variant,
        item=items[0],
        quantities=plan.quantities,
        flags={"allow_backorder": True} if takes_orders else {},
    )


def _new_product(session: StoreSession, shelves: Shelves, title: Title, plan: TitlePlan) -> dict[str, Any]:
    wanted = desired(title, today=session.today, rules=session.rules)
    fields = title_fields(title, session.categories)
    binding = (fields["metadata.binding"] or "Book")[:LONGEST_OPTION]
    variant: dict[str, Any] = {
        "title": binding,
        "sku": title.isbn,
        "ean": title.isbn,
        "barcode": title.isbn,
        "manage_inventory": plan.after is not None and plan.after.managed,
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
        "categories": [{"id": each} for each in shelves.category_ids(fields["categories"])],
        "tags": [{"id": shelves.tag_id}],
        "sales_channels": [{"id": session.location.channel_id}],
        "metadata": product_metadata(fields),
        "external_id": f"ingram:{title.isbn}",
        "variants": [variant],
    }
    if fields["cover_url"]:
        product |= {"thumbnail": fields["cover_url"], "images": [{"url": fields["cover_url"]}]}
    if shelves.shipping_profile_id:
        product["shipping_profile_id"] = shelves.shipping_profile_id
    return product


def read_products(client: MedusaClient, ids: Iterable[str], known: KnownIds) -> dict[str, ProductRow]:
    """Product id to the product with all that an import may change of it.

    A category or tag of ours that a person renamed goes by its name with us.
    """
    rows: list[ProductRow] = client.list_matching(
        "/admin/products", "products", "id", sorted(set(ids)), {"fields": ",".join(_PRODUCT_FIELDS)}
    )
    for row in rows:
        known.rename(row)
    return {row["id"]: row for row in rows}


def _update(
    session: StoreSession,
    shelves: Shelves,
    titles: Sequence[Title],
    actual: Mapping[str, Actual],
    report: ImportReport,
) -> dict[str, str]:
    """Brings products that are there up to date, field by field. Returns ISBN to reason."""
    if not titles:
        return {}
    failed = _give_levels(session, titles, actual)
    variants = {title.isbn: actual[title.isbn].variants[0] for title in titles}
    products = read_products(session.client, (each.product_id for each in variants.values()), shelves.known)
    ours = session.journal.last_written([title.isbn for title in titles], "product")
    updates = []
    for title in titles:
        variant = variants[title.isbn]
        row = products.get(variant.product_id)
        if row is None:
            failed[title.isbn] = f"The product {variant.product_id} was deleted while it was imported."
            continue
        update = difference(
            title, variant, row, ours.get(title.isbn), table=session.categories, rules=session.rules
        )
        if update.kept:
            report.kept[title.isbn] = update.kept
        if update.why_held:
            failed[title.isbn] = update.why_held
        if update.after:
            updates.append(update)
        elif not update.why_held:
            report.unchanged.append(title.isbn)
    failed |= send_updates(session, shelves, updates, "The queue's row.")
    report.updated += [each.isbn for each in updates if each.isbn not in failed]
    return failed


def _give_levels(
    session: StoreSession, titles: Sequence[Title], actual: Mapping[str, Actual]
) -> dict[str, str]:
    """Levels for managed products that have none: those of a run that was killed before it came to them."""
    without = [
        title
        for title in titles
        for variant in actual[title.isbn].variants
        if variant.manage_inventory and not any(item.level for item in variant.items)
    ]
    return apply(
        session, plan_levels(without, actual, today=session.today, rules=session.rules).writes
    ).failed


def send_updates(
    session: StoreSession, shelves: Shelves, updates: Sequence[ProductUpdate], reason: str
) -> dict[str, str]:
    """Sends the differences of products, journaled. Returns ISBN to reason for those refused."""

    def send(some: Sequence[ProductUpdate]) -> None:
        bodies = [(each.variant.product_id, _body(each, shelves)) for each in some]
        if rows := [{"id": product_id, **body} for product_id, body in bodies if body]:
            session.client.post("/admin/products/batch", {"update": rows}, {"fields": "id"})
        if rows := [{"id": each.variant.id, **each.of_variant} for each in some if each.of_variant]:
            path = f"/admin/products/{some[0].variant.product_id}/variants/batch"
            session.client.post(path, {"update": rows}, {"fields": "id"})

    failed: dict[str, str] = {}
    for batch in batches(updates, PRODUCTS_PER_BATCH, lambda each: each.product):
        changes = [
            Change("product", each.isbn, each.variant.product_id, each.before, each.after, reason)
            for each in batch
        ]
        with session.journal.writing(session.run_id, changes) as entry:
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
