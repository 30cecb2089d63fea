"""Undo: what a run changed is put back, title by title, where nobody changed it since."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, cast

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.failures import Permanent
from ingram_assets.store.apply import BUSY, LEVELS, apply
from ingram_assets.store.beside_operations import beside_operations, enter_levels, read_began
from ingram_assets.store.catalog_lookup import CatalogIds, known_ids
from ingram_assets.store.client import MedusaRefused
from ingram_assets.store.import_plan import read_products
from ingram_assets.store.journal import Change, Entry
from ingram_assets.store.model import (
    Item,
    Level,
    ProductRow,
    Quantities,
    TitleInStore,
    Variant,
    VariantUpdate,
)
from ingram_assets.store.plan import TitleWrites, which
from ingram_assets.store.product_fields import TAG, ProductUpdate, field_now
from ingram_assets.store.products import send_updates
from ingram_assets.store.read import read_store
from ingram_assets.store.session import StoreSession

Moves = dict[str, dict[str, Any]]
"""A field's name to what it is before and after."""


class UnknownRun(Permanent):
    """The journal has no change of this run."""


@dataclass(slots=True)
class UndoReport:
    """What was put back, and what was not, by ISBN.

    Attributes:
        undone: to what was put back; `fields`: to that which is a matter of fields, with each field as it is
            (`before`) and as it is put back (`after`).
        left: to why something stayed as it is. A title may be in both.
        failed: to Medusa's words.
        removed: ISBNs whose product the run had made, and that is gone again; their queue rows still say
            that they are imported.
    """

    undone: dict[str, list[str]] = field(default_factory=dict)
    fields: dict[str, dict[str, Moves]] = field(default_factory=dict)
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


def undo(session: StoreSession, run_id: str, *, dry_run: bool = False) -> UndoReport:
    """Puts back what a run changed. The undo is journaled as a run of its own, and can be undone too.

    A field is put back if the store still has what the run left there. Somebody else's change since then,
    and a later run's, stays and is reported. So does the link of a managed title to its inventory item,
    without which nobody can buy it. Stock locations, categories and tags that were made stay.
    The next push brings levels in step with the rules again, so correct what misled the run first.

    Args:
        session: of the run that undoes.
        run_id: of the one that is undone.

    Raises:
        UnknownRun: the journal has no change of this run.
    """
    entries = [each for each in session.journal.changes(run_id) if each.outcome != "failed"]
    if not entries:
        raise UnknownRun(f"The journal knows no change by the run {run_id!r}. Is the run id whole?")
    titles = _by_title(entries)
    read_at = read_began(session)
    actual = read_store(session.client, titles, session.location.id, journal=session.journal)
    undoing = _Undo(session, f"Undo of run {run_id}.", UndoReport(dry_run=dry_run), read_at)
    for isbn, folds in titles.items():
        undoing.look_at(isbn, folds, actual[isbn])
    undoing.look_at_products()
    if not dry_run:
        session.journal.let_through(session.run_id, titles)
        session.journal.put_back(list(undoing.report.undone))
        undoing.write()
    return undoing.report


def _by_title(entries: Sequence[Entry]) -> dict[str, dict[str, _Fold]]:
    """ISBN to kind to what the run did: a run may write the same thing twice."""
    titles: dict[str, dict[str, _Fold]] = {}
    for each in entries:
        if each.isbn is None:
            continue
        folds = titles.setdefault(each.isbn, {})
        fold = folds.setdefault(each.kind, _Fold(each.entity, each.before is None, {}, {}))
        fold.before = (each.before or {}) | fold.before
        fold.entity = each.entity or fold.entity
        fold.after |= each.after or {}
    return titles


class _Undo:
    """Gathers what is to be put back, then writes it in batches."""

    def __init__(
        self, session: StoreSession, reason: str, report: UndoReport, read_at: datetime | None
    ) -> None:
        self.session, self.reason, self.report, self.read_at = session, reason, report, read_at
        self.writes: list[TitleWrites] = []
        self.products: dict[str, tuple[_Fold, Variant]] = {}
        self.updates: list[ProductUpdate] = []
        self.remove_products: dict[str, Variant] = {}
        self.remove_levels: dict[str, tuple[Level, dict[str, Any]]] = {}
        self.remove_items: dict[str, str] = {}
        self.renames: dict[str, tuple[Item, dict[str, Any]]] = {}

    def look_at(self, isbn: str, folds: Mapping[str, _Fold], actual: TitleInStore) -> None:
        """Decides about a title's level, flags, link and item; its product is looked at later."""
        if len(actual.variants) != 1:
            self._leave(isbn, "The product is not in the store any more, or there are several.")
            return
        (variant,) = actual.variants
        ours = {kind: folds[kind].entity for kind in ("product", "variant") if kind in folds}
        now = {"product": variant.product_id, "variant": variant.id}
        if any(entity not in (None, now[kind]) for kind, entity in ours.items()):
            words = "The store has another product with this number now, which the run did not write."
            self._leave(isbn, words)
            return
        _, item, problem = which(actual)
        product = folds.get("product")
        if product and not product.made:
            self.products[isbn] = product, variant
        if problem:
            self._leave(isbn, problem)
        elif not product or not product.made:
            self._put_back(isbn, folds, variant, item)
        elif why := _in_use(folds.get("level"), item):
            self._leave(isbn, f"{why}: it stays.")
        else:
            self.products[isbn] = product, variant

    def _put_back(self, isbn: str, folds: Mapping[str, _Fold], variant: Variant, item: Item | None) -> None:
        """Decides about level, flags, link and item of a title whose product stays."""
        flags = self._flags(isbn, folds.get("variant"), variant)
        fold, level = folds.get("level"), item.level if item else None
        if fold and item and fold.entity not in (None, item.id):
            self._leave(isbn, f"Its level is on another inventory item now, {item.id}, not on {fold.entity}.")
            fold = None
        if flags.get("manage_inventory") is False and level and level.reserved:
            self._leave(isbn, f"{level.reserved:g} copies are promised to orders: it stays managed.")
            del flags["manage_inventory"]
        quantities = self._level(isbn, fold, level, flags)
        made = folds.get("item")
        if made and item and not made.made:
            self._rename(isbn, made, item)
        if made and item and made.made and made.entity == item.id and isbn in self.remove_levels:
            self.remove_items[isbn] = item.id
        if flags:
            self._undone(isbn, ", ".join(_names(flags)), _flag_moves(variant, flags))
        # By the run, and still.
        linked = folds["link"].after.get("inventory_item_id") if "link" in folds else None
        if item and item.id == linked and any(each.id == linked for each in variant.items):
            # Medusa takes the link away with the flag.
            if flags.get("manage_inventory") is False:
                self._undone(isbn, "link to the inventory item")
            else:
                words = "stays: nobody can buy a managed title without one"
                self._leave(isbn, f"The link to its inventory item {item.id} {words}.")
        link = bool(flags.get("manage_inventory")) and item not in variant.items
        writes = TitleWrites(isbn, (self.reason,), variant, item, quantities=quantities, flags=flags)
        self.writes.append(replace(writes, link_item=link))

    def _rename(self, isbn: str, fold: _Fold, item: Item) -> None:
        """Decides about the SKU and the title of an inventory item."""
        now = _called(item)
        put = {name: was for name, was in fold.before.items() if now[name] == fold.after.get(name)}
        for name, was in put.items():
            what = "SKU" if name == "sku" else "title"
            self._undone(isbn, f"the inventory item's {what} {was}", {name: _moved(now[name], was)})
        if put:
            self.renames[isbn] = item, put

    def _level(
        self, isbn: str, fold: _Fold | None, level: Level | None, flags: VariantUpdate
    ) -> Quantities | None:
        """The copies that the level gets back. Nothing is managed that would have no level."""
        manages = flags.get("manage_inventory")
        if level is None:
            if manages and fold and fold.before:  # the run had removed it
                return self._copies(isbn, fold.before, level)
            if manages:
                self._leave(isbn, "It has no level, so it stays unmanaged.")
                del flags["manage_inventory"]
            elif fold:
                self._leave(isbn, "The level is gone.")
            return None
        if fold is None or not (fold.made or _differs(fold.before, level)):
            return None
        if fold.made and manages is not False:
            self._leave(isbn, "The level was made by the run and stays: a managed title has to have one.")
        elif _differs(fold.after, level):
            self._leave(isbn, f"The level is {level.stocked:g} now, which the run did not write.")
        elif fold.made:
            self.remove_levels[isbn] = level, fold.after
            self._undone(isbn, "level removed", {"stocked_quantity": _moved(level.stocked, None)})
        else:
            return self._copies(isbn, fold.before, level)
        return None

    def _copies(self, isbn: str, before: Mapping[str, Any], level: Level | None) -> Quantities:
        now: Mapping[str, Any] = level.quantities if level else {}
        moves = {name: _moved(now.get(name), put) for name, put in before.items() if now.get(name) != put}
        self._undone(isbn, f"level {before['stocked_quantity']:g}", moves)
        return cast(Quantities, before)

    def _flags(self, isbn: str, fold: _Fold | None, variant: Variant) -> VariantUpdate:
        """The variant's update that puts flags and metadata back."""
        flags: dict[str, Any] = {}
        for name, before in (fold.before if fold else {}).items():
            after = fold.after.get(name) if fold else None
            key = name.removeprefix("metadata.")
            now = variant.metadata.get(key) if key != name else getattr(variant, name)
            if now == before:
                continue
            if now != after:
                self._leave(isbn, _other_now(name, now))
            elif key != name:
                flags.setdefault("metadata", {})[key] = before
            else:
                flags[name] = before
        return cast(VariantUpdate, flags)

    def look_at_products(self) -> None:
        """Decides about products: fields put back, or the whole product removed if the run made it."""
        ids = [variant.product_id for _, variant in self.products.values()]
        rows = read_products(self.session.client, ids, known_ids(self.session.journal))
        made = [isbn for isbn, (fold, _) in self.products.items() if fold.made]
        written = self.session.journal.last_written(made, "product")
        for isbn, (fold, variant) in self.products.items():
            row = rows[variant.product_id]
            if fold.made:
                self._look_at_made(isbn, fold, variant, row, written.get(isbn, {}))
                continue
            self._put_fields_back(isbn, fold, variant, row)

    def _look_at_made(
        self, isbn: str, fold: _Fold, variant: Variant, row: ProductRow, written: Mapping[str, list[Any]]
    ) -> None:
        """Decides about a product that the run made. What later runs of ours wrote to it is nobody's edit."""
        ours = {name: [value, *written.get(name, [])] for name, value in fold.after.items()}
        now = {name: field_now(row, variant, name, *values) for name, values in ours.items()}
        edited = [name for name, values in ours.items() if now[name] not in values]
        edited += _added(row, any(ours.get("cover_url", [])))
        if edited:
            self._leave(isbn, f"The product was edited since ({', '.join(edited)}): it stays.")
        else:
            self.remove_products[isbn] = variant
            self._undone(isbn, "product removed")

    def _put_fields_back(self, isbn: str, fold: _Fold, variant: Variant, row: ProductRow) -> None:
        update = ProductUpdate(isbn, variant)
        for name, before in fold.before.items():
            after = fold.after.get(name)
            now = field_now(row, variant, name, before, after)
            if now != before and now != after:
                self._leave(isbn, _other_now(name, now))
            elif now != before:
                update.put(row, name, now, before)
        if update.after:
            self.updates.append(update)
            moves = {name: _moved(update.before.get(name), put) for name, put in update.after.items()}
            self._undone(isbn, ", ".join(update.after), moves)

    def write(self) -> None:
        """Flags before levels that go, levels before items that go: never managed without a level."""
        client = self.session.client
        self._failed(apply(self.session, self.writes, self.read_at).all_failed())
        for isbn, (item, put) in self.renames.items():
            now = {name: _called(item)[name] for name in put}
            body = {name.removeprefix("item_"): was for name, was in put.items()}
            change = Change("item", isbn, item.id, now, put, self.reason)
            self._send(change, partial(client.post, f"/admin/inventory-items/{item.id}", body))
        self._failed(send_updates(self.session, CatalogIds(self.session), self.updates, self.reason))
        for isbn, variant in self.remove_products.items():
            change = Change("product", isbn, variant.product_id, {"sku": isbn}, None, self.reason)
            if self._send(change, partial(client.delete, f"/admin/products/{variant.product_id}")):
                self.report.removed.append(isbn)
                for item_id in (each.id for each in variant.items if each.sku == isbn):
                    self.remove_items[isbn] = item_id
        self._remove_levels()
        self._remove_items()

    def _remove_levels(self) -> None:
        client, place = self.session.client, self.session.location.id
        gone = {each.item.id: each for each in self.writes if each.isbn in self.remove_levels and each.item}
        shelves = [(item_id, place) for item_id in gone]
        with beside_operations(self.session, shelves, self.read_at) as free:
            for item_id, title in gone.items():
                isbn, (level, after) = title.isbn, self.remove_levels[title.isbn]
                if isbn in self.report.failed:
                    continue
                if (item_id, place) not in free:
                    self._failed({isbn: BUSY})
                    continue
                change = Change("level", isbn, level.id, after, None, self.reason)
                # Forced, as there are copies on it; one with reservations is refused even so.
                body = {"delete": [level.id], "force": True}
                if self._send(change, partial(client.post, LEVELS, body)):
                    enter_levels(self.session, {item_id: replace(title, quantities=None)})

    def _remove_items(self) -> None:
        """Items that the run made, unless they hold stock of somebody else's at another location."""
        client, location_id = self.session.client, self.session.location.id
        kept = self.report.failed
        wanted = {item_id: isbn for isbn, item_id in self.remove_items.items() if isbn not in kept}
        fields = {"fields": "id,location_levels.location_id,location_levels.reserved_quantity"}
        path = "/admin/inventory-items"
        for row in client.list_matching(path, "inventory_items", "id", list(wanted), fields):
            isbn, levels = wanted[row["id"]], row["location_levels"] or []
            if any(each["location_id"] != location_id or each["reserved_quantity"] for each in levels):
                self._leave(isbn, "Its inventory item has stock at another location: it stays.")
                continue
            change = Change("item", isbn, row["id"], {"sku": isbn}, None, self.reason)
            self._send(change, partial(client.delete, f"/admin/inventory-items/{row['id']}"))

    def _send(self, change: Change, send: Callable[[], object]) -> bool:
        with self.session.journal.writing(self.session.run_id, [change]) as entry:
            try:
                send()
            except MedusaRefused as error:
                entry.failed(0, error.detail)
                self._failed({change.isbn or "": error.detail})
                return False
        return True

    def _failed(self, failed: Mapping[str, str]) -> None:
        for isbn, reason in failed.items():
            self.report.failed[isbn] = reason
            self.report.undone.pop(isbn, None)

    def _undone(self, isbn: str, what: str, moves: Moves | None = None) -> None:
        self.report.undone.setdefault(isbn, []).append(what)
        if moves:
            self.report.fields.setdefault(isbn, {})[what] = moves

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


def _added(row: ProductRow, has_our_cover: bool) -> list[str]:
    """What a person has put to a product since it was made, beside the fields that we wrote."""
    more = {
        "pictures": len(row["images"] or []) > has_our_cover,
        "tags": any(each["value"] != TAG for each in row["tags"] or []),
        "variants": len(row["variants"] or []) > 1,
    }
    return [name for name, true in more.items() if true]


def _other_now(name: str, now: Any) -> str:
    """Why a field stays as somebody else has left it, in words."""
    match now:
        case _ if now in (None, "", [], {}):
            said = "none"
        case bool():
            said = str(now).lower()
        case list():
            said = ", ".join(map(str, now))
        case dict():
            said = stock_rules.in_words(now) or ", ".join(f"{key} {value}" for key, value in now.items())
        case str():
            said = f"“{now}”"
        case _:
            said = str(now)
    return f"{name} is {said} now, which the run did not write."


def _called(item: Item) -> dict[str, str | None]:
    """An inventory item's names, as the journal has them."""
    return {"sku": item.sku, "item_title": item.title}


def _differs(written: Mapping[str, Any], level: Level) -> bool:
    return any(written.get(name) != copies for name, copies in level.quantities.items())


def _moved(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def _flag_moves(variant: Variant, flags: VariantUpdate) -> Moves:
    own = {name: _moved(getattr(variant, name), put) for name, put in flags.items() if name != "metadata"}
    metadata = flags.get("metadata", {})
    return own | {name: _moved(variant.metadata.get(name), put) for name, put in metadata.items()}


def _names(flags: VariantUpdate) -> list[str]:
    return [name for name in flags if name != "metadata"] + sorted(flags.get("metadata", {}))
