"""What an import would do, title by title: the same reads and the same rules, and not one write."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ingram_assets.domain.guardrails import HeldPrice
from ingram_assets.domain.title import Title
from ingram_assets.store.catalog_lookup import known_ids
from ingram_assets.store.model import Actual, Item, ProductRow
from ingram_assets.store.plan import plan_new
from ingram_assets.store.product_fields import difference, misnumbered, title_fields
from ingram_assets.store.products import read_for_import, read_products, several, why_not_made
from ingram_assets.store.read import Spellings
from ingram_assets.store.session import StoreSession


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


def preview_import(session: StoreSession, titles: Iterable[Title]) -> dict[str, Preview]:
    """ISBN to what `import_titles` would do with it. What Medusa itself would refuse is not foreseen."""
    client, journal = session.client, session.journal
    titles = {title.isbn: title for title in titles}.values()
    wrong = {title.isbn: reason for title in titles if (reason := misnumbered(title))}
    previews = {isbn: Preview(isbn, "fail", reason=reason) for isbn, reason in wrong.items()}
    rows = [title for title in titles if title.isbn not in wrong]
    if not rows:
        return previews
    actual = read_for_import(session, rows, Spellings(client, session.location.id, journal))
    ids = [variant.product_id for each in actual.values() for variant in each.variants]
    products = read_products(client, ids, known_ids(journal)) if ids else {}
    ours = journal.last_written([title.isbn for title in rows], "product")
    for title in rows:
        there = actual[title.isbn]
        if there.variants:
            previews[title.isbn] = _of_known(session, title, there, products, ours.get(title.isbn))
        else:
            previews[title.isbn] = _of_new(session, title, there.leftover)
    return previews


def _of_new(session: StoreSession, title: Title, leftover: Item | None) -> Preview:
    if reason := why_not_made(title, leftover, session.rules):
        return Preview(title.isbn, "fail", reason=reason)
    plan = plan_new(title, leftover, today=session.today, rules=session.rules)
    fields = title_fields(title, session.categories)
    return Preview(
        title.isbn,
        "create",
        after={name: value for name, value in fields.items() if value is not None},
        level=plan.after.stocked if plan.after else None,
        status=plan.status,
        label=plan.label,
    )


def _of_known(
    session: StoreSession,
    title: Title,
    actual: Actual,
    products: Mapping[str, ProductRow],
    ours: Mapping[str, list[Any]] | None,
) -> Preview:
    if len(actual.variants) > 1:
        return Preview(title.isbn, "fail", reason=several(title.isbn, actual.variants))
    (variant,) = actual.variants
    row = products.get(variant.product_id)
    if row is None:
        return Preview(title.isbn, "fail", reason=f"The product {variant.product_id} was just deleted.")
    update = difference(title, variant, row, ours, table=session.categories, rules=session.rules)
    return Preview(
        title.isbn,
        "update" if update.after else "unchanged",
        update.before,
        update.after,
        reason=update.why_held,
        kept=tuple(update.kept),
        held=update.held,
    )
