"""What an import does with each row, decided before anything is written; a dry run ends here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ingram_assets.domain.ownership import why_left_alone
from ingram_assets.domain.title import Title
from ingram_assets.store.catalog_lookup import KnownIds, known_ids
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.model import Item, ProductRow, TitleInStore
from ingram_assets.store.plan import TitlePlan, plan_new, which
from ingram_assets.store.product_fields import (
    ProductUpdate,
    difference,
    held_new,
    misnumbered,
    title_fields,
    unsellable,
)
from ingram_assets.store.read import Spellings, read_store
from ingram_assets.store.rules import StoreRules
from ingram_assets.store.session import StoreSession

_PRODUCT_FIELDS = (
    "id,title,subtitle,description,weight,thumbnail,metadata,images.id,images.url,tags.id,tags.value,"
    "categories.id,categories.name,variants.id,variants.sku,variants.prices.id,variants.prices.amount,"
    "variants.prices.currency_code,variants.prices.min_quantity,variants.prices.max_quantity,"
    "variants.prices.price_rules.*"
)


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What an import does with one row of the queue. Nothing but its title: nothing has to change.

    Attributes:
        problem: why the row fails.
        level, fields: what a product that is made starts with: its level, and all that we say of it.
        update: the difference of a product that is there; its price may be held back.
        unnamed: its inventory item, which bears the variant's title still, as Medusa named it.
    """

    title: Title
    problem: str | None = None
    level: TitlePlan | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    update: ProductUpdate | None = None
    unnamed: Item | None = None

    @property
    def what(self) -> Literal["create", "update", "unchanged", "fail"]:
        """What becomes of the row's product."""
        if self.problem:
            return "fail"
        if self.level:
            return "create"
        return "update" if self.update and self.update.after else "unchanged"

    @property
    def price(self) -> float | None:
        """The price in US dollars that is written where none is held back; `None`: the price stays."""
        update = self.update
        stays = update and not update.held and "price" not in update.after
        price = self.title.srp_price
        return None if stays or price is None or not price.is_finite() else float(price)


def preview_import(session: StoreSession, titles: Iterable[Title]) -> dict[str, RowPlan]:
    """ISBN to what `import_titles` would do with it. What Medusa itself would refuse is not foreseen."""
    rows, misplaced = sorted_out(titles)
    plans = {title.isbn: RowPlan(title, problem) for title, problem in misplaced}
    if not rows:
        return plans
    spellings = session.spellings or Spellings(session.client, session.location.id, session.journal)
    actual = read_for_import(session, rows, spellings)
    return plans | plan_rows(session, rows, actual, known_ids(session.journal))


def sorted_out(titles: Iterable[Title]) -> tuple[list[Title], list[tuple[Title, str]]]:
    """The titles, each once, and apart from them those whose ISBN is none, with the reason.

    These are not looked for, since the store may have something under what is written there.
    """
    once = {title.isbn: title for title in titles}.values()
    wrong = [(title, problem) for title in once if (problem := misnumbered(title))]
    return [title for title in once if not misnumbered(title)], wrong


def read_for_import(
    session: StoreSession, titles: Sequence[Title], spellings: Spellings
) -> dict[str, TitleInStore]:
    """ISBN to what the store has of it. Where a product would be made, in whatever spelling of its number."""
    isbns = [title.isbn for title in titles]
    actual = read_store(session.client, isbns, session.location.id, (), session.journal, session.spellings)
    new = [
        title.isbn
        for title in titles
        if not actual[title.isbn].variants
        and not _why_not_made(title, actual[title.isbn].leftover, session.rules)
    ]
    return actual | spellings.look_up(new, actual)


def plan_rows(
    session: StoreSession, titles: Iterable[Title], actual: Mapping[str, TitleInStore], known: KnownIds
) -> dict[str, RowPlan]:
    """ISBN to what is to be done with the title, of which the store has what `actual` says."""
    there = {title.isbn: title for title in titles if actual[title.isbn].variants}
    ids = [variant.product_id for isbn in there for variant in actual[isbn].variants]
    products = read_products(session.client, ids, known)
    ours = session.journal.last_written(list(there), "product") if there else {}
    return {
        title.isbn: _plan_row(session, title, actual[title.isbn], products, ours.get(title.isbn))
        for title in titles
    }


def _plan_row(
    session: StoreSession,
    title: Title,
    actual: TitleInStore,
    products: Mapping[str, ProductRow],
    ours: Mapping[str, list[Any]] | None,
) -> RowPlan:
    rules, table = session.rules, session.categories
    if len(actual.variants) > 1:
        ids = ", ".join(f"{each.id} (SKU {each.sku or 'none'})" for each in actual.variants)
        why = f"Several variants have the number {title.isbn}, in whatever spelling ({ids}): "
        return RowPlan(title, f"{why}delete all but one.")
    if not actual.variants:
        if problem := _why_not_made(title, actual.leftover, rules):
            return RowPlan(title, problem)
        shelves = session.location.shelves
        level = plan_new(title, actual.leftover, today=session.today, rules=rules, shelves=shelves)
        return RowPlan(title, level=level, fields=title_fields(title, table))
    (variant,) = actual.variants
    product = products.get(variant.product_id)
    if product is None:
        return RowPlan(title, f"The product {variant.product_id} was just deleted.")
    update = difference(title, variant, product, ours, table=table, rules=rules)
    # Where several books share a product, its variants' titles tell them apart.
    alone = len(product["variants"] or []) == 1
    return RowPlan(title, update=update, unnamed=_unnamed(title, actual) if alone else None)


def _unnamed(title: Title, actual: TitleInStore) -> Item | None:
    variant, item, problem = which(actual)
    is_medusas = variant and item and not problem and item in variant.items and item.title == variant.title
    return item if is_medusas and item and item.title != title.title else None


def _why_not_made(title: Title, leftover: Item | None, rules: StoreRules) -> str | None:
    """Why no product can be made of a title that the store does not have."""
    hung = why_left_alone(title.isbn, leftover, None) if leftover else None
    return unsellable(title) or held_new(title, rules) or hung


def read_products(client: MedusaClient, ids: Iterable[str], known: KnownIds) -> dict[str, ProductRow]:
    """Product id to the product with all that an import may change of it.

    A category or tag of ours that a person renamed goes by its name with us.
    """
    path, asked = "/admin/products", {"fields": _PRODUCT_FIELDS}
    rows: list[ProductRow] = client.list_matching(path, "products", "id", sorted(set(ids)), asked)
    for row in rows:
        known.rename(row)
    return {row["id"]: row for row in rows}
