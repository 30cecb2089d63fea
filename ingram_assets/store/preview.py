"""What an import would do, title by title: the same reads and the same rules, and not one write."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from ingram_assets.domain.categories import CategoryTable
from ingram_assets.domain.guardrails import HeldPrice
from ingram_assets.domain.title import Title
from ingram_assets.store.catalog_lookup import known_ids
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Journal
from ingram_assets.store.location import Location
from ingram_assets.store.plan import plan_new
from ingram_assets.store.product_fields import difference, misnumbered, title_fields
from ingram_assets.store.products import read_for_import, read_products, several, why_not_made
from ingram_assets.store.read import Actual, Item, Spellings
from ingram_assets.store.rules import StoreRules


@dataclass(frozen=True, slots=True)
class Preview:
    """What the import of one row would do.

    Attributes:
        before, after: the product's fields that would be written; `before` is empty for a new product.
        level: copies that a new product starts with; `None` where it is not managed, or not new.
        status, label: what a shopper would be told of a new product.
        reason: why the row would fail, in whole or, with `held`, in its price.
        kept: fields that a person edited, and that would be left alone.
        held: the price of a product that is there, and that a guardrail would hold back.
    """

    isbn: str
    what: Literal["create", "update", "unchanged", "fail"]
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    level: float | None = None
    status: str | None = None
    label: str | None = None
    reason: str | None = None
    kept: tuple[str, ...] = ()
    held: HeldPrice | None = None


def preview_import(
    client: MedusaClient,
    titles: Iterable[Title],
    *,
    location: Location,
    today: date,
    rules: StoreRules,
    categories: CategoryTable,
    journal: Journal,
) -> dict[str, Preview]:
    """ISBN to what `import_titles` would do with it. What Medusa itself would refuse is not foreseen."""
    previews: dict[str, Preview] = {}
    rows = []
    for title in {title.isbn: title for title in titles}.values():
        if reason := misnumbered(title):
            previews[title.isbn] = Preview(title.isbn, "fail", reason=reason)
        else:
            rows.append(title)
    if not rows:
        return previews
    spellings = Spellings(client, location.id, journal)
    actual = read_for_import(client, rows, location, journal, spellings, rules)
    variants = [variant for each in actual.values() for variant in each.variants]
    ids = [variant.product_id for variant in variants]
    products = read_products(client, ids, known_ids(journal)) if ids else {}
    ours = journal.last_written([title.isbn for title in rows], "product")
    for title in rows:
        there = actual[title.isbn]
        if there.variants:
            previews[title.isbn] = _of_known(
                title, there, products, ours.get(title.isbn), table=categories, rules=rules
            )
        else:
            previews[title.isbn] = _of_new(title, there.leftover, table=categories, today=today, rules=rules)
    return previews


def _of_new(
    title: Title, leftover: Item | None, *, table: CategoryTable, today: date, rules: StoreRules
) -> Preview:
    if reason := why_not_made(title, leftover, rules):
        return Preview(title.isbn, "fail", reason=reason)
    plan = plan_new(title, leftover, today=today, rules=rules)
    return Preview(
        title.isbn,
        "create",
        after={name: value for name, value in title_fields(title, table).items() if value is not None},
        level=plan.after.stocked if plan.after else None,
        status=plan.status,
        label=plan.label,
    )


def _of_known(
    title: Title,
    actual: Actual,
    products: Mapping[str, Mapping[str, Any]],
    ours: Mapping[str, list[Any]] | None,
    *,
    table: CategoryTable,
    rules: StoreRules,
) -> Preview:
    if len(actual.variants) > 1:
        return Preview(title.isbn, "fail", reason=several(title.isbn, actual.variants))
    (variant,) = actual.variants
    row = products.get(variant.product_id)
    if row is None:
        return Preview(title.isbn, "fail", reason=f"The product {variant.product_id} was just deleted.")
    update = difference(title, variant, row, ours, table=table, rules=rules)
    what: Literal["update", "unchanged"] = "update" if update.after else "unchanged"
    return Preview(
        title.isbn,
        what,
        update.before,
        update.after,
        reason=update.why_held,
        kept=tuple(update.kept),
        held=update.held,
    )
