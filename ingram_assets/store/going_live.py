"""What a push of all titles would do to the store, in figures, and to products that nobody counts."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ingram_assets.store.client import MedusaClient
from ingram_assets.store.import_plan import RowPlan
from ingram_assets.store.levels import TitleOutcome
from ingram_assets.store.observe_mode import LegacyTitle, PlanFigures
from ingram_assets.store.read import spelled_by

_LEGACY_FIELDS = "id,sku,ean,upc,barcode,product.title"


def plan_figures(
    outcomes: Iterable[TitleOutcome], imports: Mapping[str, RowPlan], changed: int
) -> PlanFigures:
    """The figures of a plan. Pure.

    Args:
        outcomes: of titles that the store has; `imports`: of rows that wait, by ISBN.
        changed: titles of which anything changes.
    """
    pairs = [(one.before, one.after) for one in outcomes if one.outcome == "planned"]
    moves = [(before, after) for before, after in pairs if before and after and after.managed]
    return PlanFigures(
        would_create=sum(row.what == "create" for row in imports.values()),
        would_switch_over=sum(not before.managed for before, _ in moves),
        would_turn_to_zero=sum(before.for_sale > 0 and after.for_sale <= 0 for before, after in moves),
        would_reprice=sum("price" in row.update.after for row in imports.values() if row.update),
        would_change=changed,
    )


def read_legacy(client: MedusaClient) -> list[Mapping[str, Any]]:
    """The store's variants that are sold without a count."""
    asked = {"manage_inventory": "false", "fields": _LEGACY_FIELDS, "order": "id"}
    return client.list_all("/admin/product-variants", "variants", asked)


def legacy_titles(
    rows: Iterable[Mapping[str, Any]],
    outcomes: Mapping[str, TitleOutcome],
    imports: Mapping[str, RowPlan],
    failed: Mapping[str, str],
) -> Iterator[LegacyTitle]:
    """What becomes of products that are sold without a count. Pure.

    Args:
        rows: of `read_legacy`.
        outcomes: what a plan says of titles that the store has; `imports`: of rows that wait.
        failed: why others would fail.
    """
    for row in rows:
        isbn = min(spelled_by(row), default="")
        name = (row.get("product") or {}).get("title") or row["sku"] or row["id"]
        number = isbn or row["sku"] or row["id"]
        becomes = _becomes(isbn, outcomes.get(isbn), failed.get(isbn))
        yield LegacyTitle(number, name, becomes + _price_move(imports.get(isbn)))


def _becomes(isbn: str, outcome: TitleOutcome | None, failed: str | None) -> str:
    if failed:
        return f"stays as it is: {failed}"
    if not isbn:
        return "stays as it is: none of its numbers is an ISBN"
    if outcome is None:
        return "stays as it is: it is not tracked"
    after = outcome.after
    if outcome.outcome == "skipped" or after is None:
        return f"stays as it is: {' '.join(outcome.reasons)}"
    label = f", {outcome.label}" if outcome.label else ""
    if not after.managed:
        return f"goes on being sold without a count{label}"
    return f"is counted: {after.stocked or 0:g} copies{label}"


def _price_move(row: RowPlan | None) -> str:
    update = row.update if row else None
    if not update or "price" not in update.after:
        return ""
    before, after = update.before.get("price"), update.after["price"]
    return f"; the price becomes ${after:g}{f', and is ${before:g} now' if before else ''}"
