"""Products and variants: titles of the queue brought into the store, a batch at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ingram_assets.domain.categories import categories_of
from ingram_assets.domain.cover_addresses import THUMBNAIL, in_width
from ingram_assets.domain.title import Title
from ingram_assets.store.apply import apply
from ingram_assets.store.catalog_lookup import CatalogIds
from ingram_assets.store.client import batches, send_splitting
from ingram_assets.store.import_plan import RowPlan, plan_rows, read_for_import, sorted_out
from ingram_assets.store.journal import Change, Journal, Known
from ingram_assets.store.model import Item, TitleInStore, Variant, VariantUpdate
from ingram_assets.store.plan import TitlePlan, TitleWrites, plan_levels, variant_metadata, wanted_of_new
from ingram_assets.store.product_fields import CURRENCY, ProductUpdate, product_metadata
from ingram_assets.store.read import Spellings, read_store
from ingram_assets.store.session import StoreSession

READ_AT_ONCE = 500

LONGEST_OPTION = 200
"""Characters of an option's value, which is in an index of Medusa's: 2,700 are answered with a bare 500."""

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
    on_done: OnDone = lambda imported, failed: None,
) -> ImportReport:
    """Makes the products that the store does not have, and brings those it has up to date.

    A new product gets its level at once. Levels and flags of a product that is there are `sync_levels`'s,
    behind its guardrail, unless it has no level at all. A title that Medusa refuses costs itself alone. A
    price that is not believed (`guardrails.held_price`) costs its title that price alone, or its product
    where that is new.

    Args:
        on_done: called after each batch with the queue ids that are imported, and queue id to reason for
            those that failed, so that a run which is killed has stamped what it did.
    """
    rows, misplaced = sorted_out(titles)
    bringing = _Import(session)
    report = bringing.report
    for title, problem in misplaced:
        report.failed[title.isbn] = problem
        on_done([], {title.id: problem})
    spellings = session.spellings or Spellings(session.client, session.location.id, session.journal)
    for some in batches(rows, READ_AT_ONCE, lambda title: title.isbn):
        actual = read_for_import(session, some, spellings)
        _remember_variants(some, actual, session.journal)
        for batch in batches(
            some, session.rules.import_batch, lambda title: [title.description, "x" * 4_000]
        ):
            bringing.bring(batch, actual)
            failed = {title.id: report.failed[title.isbn] for title in batch if title.isbn in report.failed}
            on_done([title.id for title in batch if title.id not in failed], failed)
    return report


def _remember_variants(titles: Sequence[Title], actual: Mapping[str, TitleInStore], journal: Journal) -> None:
    """Variants that only a look at all of them has found, for the pushes to come."""
    there = {each.isbn: actual[each.isbn].variants for each in titles}
    alone = [(isbn, variants[0]) for isbn, variants in there.items() if len(variants) == 1]
    new = [(isbn, variant) for isbn, variant in alone if isbn not in (variant.sku, variant.ean)]
    journal.know("variant", [Known(isbn, variant.id, variant.sku or "") for isbn, variant in new])


class _Import:
    """Brings batches of titles into the store, and reports. A title that fails is in the report."""

    def __init__(self, session: StoreSession) -> None:
        self.session, self.shelves, self.report = session, CatalogIds(session), ImportReport()

    def bring(self, titles: Sequence[Title], actual: Mapping[str, TitleInStore]) -> None:
        """Makes products of a batch's titles, or updates those there are."""
        for title in titles:
            if not categories_of(title.bisac, title.category_hint, self.session.categories).mapped:
                self.report.unmapped[title.isbn] = " | ".join(title.bisac) or title.category_hint
        rows = self._plan(titles, actual)
        self._create([row for row in rows.values() if row.level])
        # A create whose answer was lost is refused when it is sent again: the product is there.
        failed = self.report.failed
        new = [isbn for isbn, row in rows.items() if row.level]
        doubtful = [isbn for isbn in new if "already exists" in failed.get(isbn, "")]
        if doubtful:
            client, journal = self.session.client, self.session.journal
            there = read_store(client, doubtful, self.session.location.id, journal=journal)
            actual = {**actual, **{isbn: each for isbn, each in there.items() if each.variants}}
            made = [rows[isbn].title for isbn in doubtful if actual[isbn].variants]
            for title in made:
                del failed[title.isbn]
            rows |= self._plan(made, actual)
        self._give_levels([row.title for row in rows.values() if row.update], actual)
        self._update([(row.title, row.update) for row in rows.values() if row.update])
        self._apply(
            [
                TitleWrites(row.title.isbn, item=row.unnamed, name=row.title.title, name_item=True)
                for row in rows.values()
                if row.unnamed and row.title.isbn not in self.report.failed
            ]
        )

    def _plan(self, titles: Sequence[Title], actual: Mapping[str, TitleInStore]) -> dict[str, RowPlan]:
        rows = plan_rows(self.session, titles, actual, self.shelves.known)
        self.report.failed |= {isbn: row.problem for isbn, row in rows.items() if row.problem}
        return rows

    def _create(self, rows: Sequence[RowPlan]) -> None:
        """Makes products, and their levels right after.

        Medusa makes the items along with the products, without levels: that takes half the time of making
        items one by one before. Until a product has its level it takes no back-orders, so that all that a
        shopper can meet in between, or after a run that was killed there, is a cart that refuses the book.
        """
        levels = {row.title.isbn: row.level for row in rows if row.level}
        self._apply([each for each in levels.values() if each.item])
        rows = [row for row in rows if row.title.isbn not in self.report.failed]
        bodies = [self._new_product(row.title, levels[row.title.isbn], row.fields) for row in rows]
        made: dict[str, dict[str, Any]] = {}

        def send(some: Sequence[dict[str, Any]]) -> None:
            fields = "id,handle,variants.id,variants.title,variants.inventory_items.inventory_item_id"
            answer = self.session.client.post("/admin/products/batch", {"create": some}, {"fields": fields})
            made.update({each["handle"]: each for each in answer["created"]})

        why = "New in the store."
        changes = [Change("product", row.title.isbn, None, None, row.fields, why) for row in rows]
        with self.session.journal.writing(self.session.run_id, changes) as entry:
            refused = send_splitting(bodies, send)
            for number, row in enumerate(rows):
                if number in refused:
                    entry.failed(number, refused[number].detail)
                    self.report.failed[row.title.isbn] = refused[number].detail
                else:
                    entry.made(number, made[row.title.isbn]["id"])
        self._apply([each for isbn in made for each in _unfinished(levels[isbn], made[isbn])])
        new = [row.title.isbn for row in rows if row.title.isbn not in self.report.failed]
        self.report.created += new
        self.report.zero_for_unknown += [isbn for isbn in new if levels[isbn].zero_for_unknown]

    def _new_product(self, title: Title, plan: TitlePlan, fields: dict[str, Any]) -> dict[str, Any]:
        session = self.session
        shelves = session.location.shelves
        wanted = wanted_of_new(title, plan.item, today=session.today, rules=session.rules, shelves=shelves)
        binding = (fields["metadata.binding"] or "Book")[:LONGEST_OPTION]
        variant: dict[str, Any] = {
            "title": binding,
            "sku": title.isbn,
            "ean": title.isbn,
            "barcode": title.isbn,
            "manage_inventory": plan.after is not None and plan.after.managed,
            "allow_backorder": False,
            "options": {"Format": binding},
            "prices": [{"currency_code": CURRENCY, "amount": fields["price"]}],
            "metadata": {
                key: value for key, value in variant_metadata(title, wanted).items() if value is not None
            },
        }
        if plan.item:
            variant["inventory_items"] = [{"inventory_item_id": plan.item.id, "required_quantity": 1}]
        product: dict[str, Any] = {
            **{name: fields[name] for name in ("title", "subtitle", "description", "weight")},
            "handle": title.isbn,
            "status": "published",
            "options": [{"title": "Format", "values": [binding]}],
            "categories": [{"id": each} for each in self.shelves.category_ids(fields["categories"])],
            "tags": [{"id": self.shelves.tag_id}],
            "sales_channels": [{"id": self.session.location.channel_id}],
            "metadata": product_metadata(fields),
            "external_id": f"ingram:{title.isbn}",
            "variants": [variant],
        }
        if fields["cover_url"]:
            thumbnail = in_width(fields["cover_url"], THUMBNAIL)
            product |= {"thumbnail": thumbnail, "images": [{"url": fields["cover_url"]}]}
        if self.shelves.shipping_profile_id:
            product["shipping_profile_id"] = self.shelves.shipping_profile_id
        return product

    def _give_levels(self, titles: Sequence[Title], actual: Mapping[str, TitleInStore]) -> None:
        """Levels for managed products that have none, since a run was killed before it came to them."""
        without = [
            title
            for title in titles
            for variant in actual[title.isbn].variants
            if variant.manage_inventory and not any(item.level for item in variant.items)
        ]
        session = self.session
        plan = plan_levels(
            without, actual, today=session.today, rules=session.rules, shelves=session.location.shelves
        )
        self._apply(plan.writes)

    def _apply(self, writes: Sequence[TitleWrites]) -> None:
        self.report.failed |= apply(self.session, writes).all_failed()

    def _update(self, updates: Sequence[tuple[Title, ProductUpdate]]) -> None:
        """Brings products that are there up to date, field by field."""
        report = self.report
        for title, update in updates:
            if update.kept:
                report.kept[title.isbn] = update.kept
            if update.why_held:
                report.failed[title.isbn] = update.why_held
            elif not update.after:
                report.unchanged.append(title.isbn)
        changed = [update for _, update in updates if update.after]
        report.failed |= send_updates(self.session, self.shelves, changed, "The queue's row.")
        report.updated += [each.isbn for each in changed if each.isbn not in report.failed]


def _unfinished(plan: TitlePlan, product: Mapping[str, Any]) -> Iterator[TitleWrites]:
    """What is left to do once a product is made: its level, the back-orders it may take, its item's name."""
    (made,) = product["variants"]
    items = tuple(
        Item(link["inventory_item_id"], plan.isbn, None, title=made["title"])
        for link in made["inventory_items"] or []
    )
    variant = Variant(made["id"], product["id"], plan.isbn, plan.isbn, True, False, {}, items)
    takes_orders = plan.after is not None and plan.after.allow_backorder
    flags: VariantUpdate = {"allow_backorder": True} if takes_orders else {}
    if plan.item:  # it has its level and its name
        yield TitleWrites(plan.isbn, plan.reasons, variant, flags=flags)
    if plan.item or not items:
        return
    writes = TitleWrites(plan.isbn, plan.reasons, variant, items[0], plan.name, plan.quantities, flags)
    yield replace(writes, name_item=plan.name != made["title"])


def send_updates(
    session: StoreSession, shelves: CatalogIds, updates: Sequence[ProductUpdate], reason: str
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
    for batch in batches(updates, session.rules.import_batch, lambda each: each.product):
        changes = [
            Change("product", each.isbn, each.variant.product_id, each.before, each.after, reason)
            for each in batch
        ]
        with session.journal.writing(session.run_id, changes) as entry:
            for number, error in send_splitting(batch, send).items():
                entry.failed(number, error.detail)
                failed[batch[number].isbn] = error.detail
    return failed


def _body(update: ProductUpdate, shelves: CatalogIds) -> dict[str, Any]:
    body = dict(update.product)
    if update.categories is not None:
        body["categories"] = [{"id": each} for each in shelves.category_ids(update.categories)]
    if update.tag is not None:
        tags = [*update.other_tags, shelves.tag_id] if update.tag else update.other_tags
        body["tags"] = [{"id": each} for each in tags]
    return body
