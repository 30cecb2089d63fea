"""Undo: what a run changed is put back, title by title, where nobody changed it since."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ingram_assets.domain.failures import Permanent
from ingram_assets.store.catalog_lookup import Shelves, known_ids
from ingram_assets.store.client import MedusaClient, MedusaRefused
from ingram_assets.store.journal import Change, Entry, Journal
from ingram_assets.store.levels import Work
from ingram_assets.store.location import Location
from ingram_assets.store.plan import Shown, TitlePlan, which
from ingram_assets.store.product_fields import TAG, ProductUpdate, field_now
from ingram_assets.store.products import read_products, send_updates
from ingram_assets.store.read import Actual, Item, Level, Variant, read_store

log = logging.getLogger(__name__)


class UnknownRun(Permanent):
    """The journal has no change of this run."""


@dataclass(slots=True)
class UndoReport:
    """What was put back, and what was not, by ISBN.

    Attributes:
        undone: to what was put back.
        left: to why something stayed as it is. A title may be in both.
        failed: to Medusa's words.
        removed: ISBNs whose product the run had made, and that is gone again; their queue rows still say
            that they are imported.
    """

    undone: dict[str, list[str]] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    dry_run: bool = False


@dataclass(slots=True)
class _Fold:
    """All that a run did to one thing of a title: as it was before the run, as the run left it."""

    entity: str | None
    made: bool
    before: dict[str, Any]
    after: dict[str, Any]


def undo(
    client: MedusaClient,
    journal: Journal,
    run_id: str,
    *,
    location: Location,
    undo_run_id: str,
    dry_run: bool = False,
) -> UndoReport:
    """Puts back what a run changed. The undo is journaled as a run of its own, and can be undone too.

    A field is put back if the store still has what the run left there. Somebody else's change since then,
    and a later run's, stays and is reported. Stock locations, categories and tags that were made stay.
    The next push brings levels in step with the rules again, so correct what misled the run first.

    Raises:
        UnknownRun: the journal has no change of this run.
    """
    entries = [each for each in journal.changes(run_id) if each.outcome != "failed"]
    if not entries:
        raise UnknownRun(f"The journal knows no change by the run {run_id!r}. Is the run id whole?")
    report = UndoReport(dry_run=dry_run)
    titles = _by_title(entries)
    with client.reporting(lambda failure: journal.failed_request(undo_run_id, failure)):
        actual = read_store(client, titles, location.id, journal=journal)
        undoing = _Undo(client, journal, run_id, undo_run_id, location, report)
        for isbn, folds in titles.items():
            undoing.look_at(isbn, folds, actual[isbn])
        undoing.look_at_products()
        if not dry_run:
            undoing.write()
    return report


def _by_title(entries: Sequence[Entry]) -> dict[str, dict[str, _Fold]]:
    """ISBN to kind to what the run did: a run may write the same thing twice."""
    titles: dict[str, dict[str, _Fold]] = {}
    for each in entries:
        if each.isbn is None:
            continue
        folds = titles.setdefault(each.isbn, {})
        fold = folds.get(each.kind)
        if fold is None:
            folds[each.kind] = fold = _Fold(each.entity, each.before is None, dict(each.before or {}), {})
        else:
            fold.before = (each.before or {}) | fold.before
        fold.entity = each.entity or fold.entity
        fold.after |= each.after or {}
    return titles


class _Undo:
    """Gathers what is to be put back, then writes it in batches."""

    def __init__(
        self,
        client: MedusaClient,
        journal: Journal,
        run_id: str,
        undo_run_id: str,
        location: Location,
        report: UndoReport,
    ) -> None:
        self.client, self.journal, self.location, self.report = client, journal, location, report
        self.run_id, self.undo_run_id = run_id, undo_run_id
        self.reason = f"Undo of run {run_id}."
        self.plans: list[TitlePlan] = []
        self.products: dict[str, tuple[_Fold, Variant, bool]] = {}
        self.updates: list[ProductUpdate] = []
        self.remove_products: dict[str, Variant] = {}
        self.remove_levels: dict[str, tuple[Level, dict[str, Any]]] = {}
        self.remove_items: dict[str, str] = {}
        self.renames: dict[str, tuple[Item, str | None]] = {}

    def look_at(self, isbn: str, folds: Mapping[str, _Fold], actual: Actual) -> None:
        """Decides about a title's level, flags, link and item; its product is looked at later."""
        if len(actual.variants) != 1:
            self._leave(isbn, "The product is not in the store any more, or there are several.")
            return
        (variant,) = actual.variants
        ours = {kind: folds[kind].entity for kind in ("product", "variant") if kind in folds}
        now = {"product": variant.product_id, "variant": variant.id}
        if any(entity not in (None, now[kind]) for kind, entity in ours.items()):
            self._leave(
                isbn, "The store has another product with this number now, which the run did not write."
            )
            return
        _, item, problem = which(actual)
        if problem:
            self._leave(isbn, problem)
            if "product" in folds and not folds["product"].made:
                self.products[isbn] = folds["product"], variant, False
            return
        level = item.level if item else None
        if "product" in folds:
            new = folds["product"].made
            self.products[isbn] = folds["product"], variant, new
            if new:
                if why := _in_use(folds.get("level"), item):
                    self._leave(isbn, f"{why}: it stays.")
                    del self.products[isbn]
                return
        plan = TitlePlan(isbn, 0, "write", "unknown", None, (self.reason,), variant=variant, item=item)
        shown = Shown(variant.manage_inventory, None, None, 0, variant.allow_backorder, None)
        plan = replace(plan, before=shown, after=shown)

        flags, unmanages = self._flags(isbn, folds.get("variant"), variant)
        fold = folds.get("level")
        if fold and item and fold.entity not in (None, item.id):
            self._leave(isbn, f"Its level is on another inventory item now, {item.id}, not on {fold.entity}.")
            fold = None
        if unmanages and level and level.reserved:
            self._leave(isbn, f"{level.reserved:g} copies are promised to orders: it stays managed.")
            flags.pop("manage_inventory")
            unmanages = False
        if fold and level and fold.made:
            if not unmanages:
                self._leave(isbn, "The level was made by the run and stays: a managed title has to have one.")
            elif _differs(fold.after, level):
                self._leave(isbn, f"The level is {level.stocked:g} now, which the run did not write.")
            else:
                self.remove_levels[isbn] = level, fold.after
                self._undone(isbn, "level removed")
        elif fold and level and _differs(fold.before, level):
            if _differs(fold.after, level):
                self._leave(isbn, f"The level is {level.stocked:g} now, which the run did not write.")
            else:
                plan = replace(plan, level="update", after=_with(shown, fold.before))
                self._undone(isbn, f"level {fold.before['stocked_quantity']:g}")
        elif fold and not level and not flags.get("manage_inventory"):
            self._leave(isbn, "The level is gone.")
        if flags.get("manage_inventory"):
            plan = replace(plan, link_item=item not in variant.items)
            if not level and (quantities := fold.before if fold else None):
                # The run had removed it, and a managed title has to have one.
                plan = replace(plan, level="create", after=_with(shown, quantities))
                self._undone(isbn, f"level {quantities['stocked_quantity']:g}")
            elif not level:
                self._leave(isbn, "It has no level, so it stays unmanaged.")
                flags.pop("manage_inventory")
                plan = replace(plan, link_item=False)
        renamed = folds.get("item")
        if renamed and not renamed.made and item and item.sku == renamed.after.get("sku"):
            self.renames[isbn] = item, renamed.before.get("sku")
            self._undone(isbn, f"the inventory item's SKU {renamed.before.get('sku')}")
        made = folds["item"] if "item" in folds and folds["item"].made else None
        if made and item and made.entity == item.id and isbn in self.remove_levels:
            self.remove_items[isbn] = item.id
        if flags:
            plan = replace(plan, flags=flags)
            self._undone(isbn, ", ".join(_names(flags)))
        if plan.level or plan.flags:
            self.plans.append(plan)

    def _flags(self, isbn: str, fold: _Fold | None, variant: Variant) -> tuple[dict[str, Any], bool]:
        """The variant's update that puts flags and metadata back, and whether it ends the managing."""
        flags: dict[str, Any] = {}
        for name, before in (fold.before if fold else {}).items():
            after = fold.after.get(name) if fold else None
            key = name.removeprefix("metadata.")
            now = variant.metadata.get(key) if key != name else getattr(variant, name)
            if now == before:
                continue
            if now != after:
                self._leave(isbn, f"{name} is {now!r} now, which the run did not write.")
            elif key != name:
                flags.setdefault("metadata", {})[key] = before
            else:
                flags[name] = before
        return flags, flags.get("manage_inventory") is False

    def look_at_products(self) -> None:
        """Decides about products: fields put back, or the whole product removed if the run made it."""
        ids = [variant.product_id for _, variant, _ in self.products.values()]
        rows = read_products(self.client, ids, known_ids(self.journal))
        for isbn, (fold, variant, made) in self.products.items():
            row = rows[variant.product_id]

            def now_of(name: str) -> Any:
                return field_now(row, variant, name, fold.before.get(name), fold.after.get(name))  # noqa: B023

            if made:
                edited = [name for name, value in fold.after.items() if now_of(name) != value]
                edited += _added(row, fold.after)
                if edited:
                    self._leave(isbn, f"The product was edited since ({', '.join(edited)}): it stays.")
                else:
                    self.remove_products[isbn] = variant
                    self._undone(isbn, "product removed")
                continue
            update = ProductUpdate(isbn, variant)
            for name, before in fold.before.items():
                now = now_of(name)
                if now == before:
                    continue
                if now != fold.after.get(name):
                    self._leave(isbn, f"{name} is {now!r} now, which the run did not write.")
                    continue
                update.put(row, name, now, before)
            if update.after:
                self.updates.append(update)
                self._undone(isbn, ", ".join(update.after))

    def write(self) -> None:
        """Flags before levels that go, levels before items that go: never managed without a level."""
        work = Work(self.client, self.journal, self.undo_run_id, self.location, self.plans)
        work.make_items()
        work.write_levels()
        work.link_items()
        work.write_flags()
        self._failed(work.failed)
        for isbn, (item, sku) in self.renames.items():
            change = Change("item", isbn, item.id, {"sku": item.sku}, {"sku": sku}, self.reason)
            self._send(
                isbn, change, partial(self.client.post, f"/admin/inventory-items/{item.id}", {"sku": sku})
            )
        shelves = Shelves(self.client, self.journal, self.undo_run_id)
        self._failed(
            send_updates(self.client, self.journal, self.undo_run_id, shelves, self.updates, self.reason)
        )
        for isbn, variant in self.remove_products.items():
            change = Change("product", isbn, variant.product_id, {"sku": isbn}, None, self.reason)
            if self._delete(isbn, change, f"/admin/products/{variant.product_id}"):
                self.report.removed.append(isbn)
                for item in variant.items:
                    if item.sku == isbn:
                        self.remove_items[isbn] = item.id
        for isbn, (level, after) in self.remove_levels.items():
            if isbn in self.report.failed:
                continue
            change = Change("level", isbn, level.id, after, None, self.reason)
            # Forced, as there are copies on it; one with reservations is refused even so.
            body = {"delete": [level.id], "force": True}
            path = "/admin/inventory-items/location-levels/batch"
            self._send(isbn, change, partial(self.client.post, path, body))
        self._remove_items()

    def _remove_items(self) -> None:
        """Items that the run made, unless they hold stock of somebody else's at another location."""
        wanted = {
            item_id: isbn for isbn, item_id in self.remove_items.items() if isbn not in self.report.failed
        }
        rows = self.client.list_matching(
            "/admin/inventory-items",
            "inventory_items",
            "id",
            list(wanted),
            {"fields": "id,location_levels.location_id,location_levels.reserved_quantity"},
        )
        for row in rows:
            others = [
                each
                for each in row["location_levels"] or []
                if each["location_id"] != self.location.id or each["reserved_quantity"]
            ]
            isbn = wanted[row["id"]]
            if others:
                self._leave(isbn, "Its inventory item has stock at another location: it stays.")
                continue
            change = Change("item", isbn, row["id"], {"sku": isbn}, None, self.reason)
            self._delete(isbn, change, f"/admin/inventory-items/{row['id']}")

    def _delete(self, isbn: str, change: Change, path: str) -> bool:
        return self._send(isbn, change, partial(self.client.delete, path))

    def _send(self, isbn: str, change: Change, send: Callable[[], object]) -> bool:
        with self.journal.writing(self.undo_run_id, [change]) as entry:
            try:
                send()
            except MedusaRefused as error:
                entry.failed(0, error.detail)
                self._failed({isbn: error.detail})
                return False
        return True

    def _failed(self, failed: Mapping[str, str]) -> None:
        for isbn, reason in failed.items():
            self.report.failed[isbn] = reason
            self.report.undone.pop(isbn, None)

    def _undone(self, isbn: str, what: str) -> None:
        self.report.undone.setdefault(isbn, []).append(what)

    def _leave(self, isbn: str, why: str) -> None:
        self.report.left.setdefault(isbn, []).append(why)


def _in_use(written: _Fold | None, item: Item | None) -> str | None:
    """Why a product that a run made is not to be removed: what stands on its inventory item by now.

    Medusa deletes the item with the product, and with it the levels at every location.
    """
    level = item.level if item else None
    if level and level.reserved:
        return f"{level.reserved:g} copies of it are promised to orders"
    if item and item.elsewhere:
        return "It has stock at another location, which would go with it"
    if level and written and _differs(written.after, level):
        return f"The level is {level.stocked:g} now, which the run did not write"
    return None


def _added(row: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    """What a person has put to a product since it was made, beside the fields that we wrote."""
    more = {
        "pictures": len(row["images"] or []) > bool(made.get("cover_url")),
        "tags": any(each["value"] != TAG for each in row["tags"] or []),
        "variants": len(row["variants"] or []) > 1,
    }
    return [name for name, true in more.items() if true]


def _with(shown: Shown, quantities: Mapping[str, Any]) -> Shown:
    return replace(shown, stocked=quantities["stocked_quantity"], incoming=quantities["incoming_quantity"])


def _differs(written: Mapping[str, Any], level: Level) -> bool:
    return (written.get("stocked_quantity"), written.get("incoming_quantity")) != (
        level.stocked,
        level.incoming,
    )


def _names(flags: Mapping[str, Any]) -> list[str]:
    return [name for name in flags if name != "metadata"] + sorted(flags.get("metadata", {}))
