"""Writes levels, links and flags of titles, in batches, each write journaled before it is sent."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingram_assets.store.beside_operations import beside_operations, enter_levels
from ingram_assets.store.catalog_lookup import CatalogIds
from ingram_assets.store.client import MedusaError, MedusaRefused, batches, send_splitting
from ingram_assets.store.journal import Change
from ingram_assets.store.model import STATE_TAG, TagRow, Variant, VariantUpdate
from ingram_assets.store.plan import TitleWrites
from ingram_assets.store.session import StoreSession

log = logging.getLogger(__name__)

ITEMS_AT_ONCE = 4
"""Requests at the same time where there is no batch: four take a third of the time of one by one."""

LONGEST_NAME = 250
"""Characters. The route that makes an item refuses a body of 100 KB."""

LEVELS_PER_BATCH = 1_000
"""1,000 levels in one batch take 0.6 s, in ten batches 1.5 s, one at a time 24 s."""

_NAMED_BY_MEDUSA = "The inventory item bore its variant's title."

BUSY = (
    "Inventory operations were at work on its copies: its level is left to the next push. If none comes by "
    "itself: ingram push."
)

LEVELS = "/admin/inventory-items/location-levels/batch"

# Medusa's routes change one item at a time; the workflow that they run takes many.
_NAME_ITEMS = "/admin/workflows-executions/update-inventory-items-workflow/run"


@dataclass(slots=True)
class Applied:
    """What became of writes.

    Attributes:
        failed: ISBN to reason, in Medusa's words.
        reserved_since: ISBNs of titles to which orders came between read and write.
        held_back: ISBNs of which nothing was written, since inventory operations were at work on them.
    """

    failed: dict[str, str] = field(default_factory=dict)
    reserved_since: set[str] = field(default_factory=set)
    held_back: set[str] = field(default_factory=set)

    def all_failed(self) -> dict[str, str]:
        """ISBN to reason of all titles that are not as they should be."""
        return self.failed | dict.fromkeys(self.held_back, BUSY)


def apply(session: StoreSession, titles: Sequence[TitleWrites], read_at: datetime | None = None) -> Applied:
    """Writes what is to be written of these titles.

    A level that an inventory operation has changed since it was read is not written.

    The order keeps one promise at every moment, wherever a run is killed: no variant is managed without
    a level. First the items that are missing, each made with its level; then all other levels; then the
    links; then the flags. What is only for the eye comes last.

    Args:
        read_at: when the store was read for them, by the ledger's clock (`read_began`).
    """
    done = Applied()
    for some in batches(titles, LEVELS_PER_BATCH, lambda each: [each.flags, "x" * 200]):
        batch = _Batch(session, some, done, read_at)
        batch.make_items()
        batch.rename_items()
        batch.write_levels()
        batch.link_items()
        batch.write_flags()
        batch.write_tags()
        batch.name_items()
    return done


class _Batch:
    """Titles on their way into the store together. One that fails takes no further step."""

    def __init__(
        self, session: StoreSession, titles: Sequence[TitleWrites], done: Applied, read_at: datetime | None
    ) -> None:
        self.session, self.titles, self.done, self.read_at = session, titles, done, read_at
        self.client, self.location_id = session.client, session.location.id
        self.item_ids: dict[str, str] = {each.isbn: each.item.id for each in titles if each.item}

    def make_items(self) -> None:
        """Items that are missing, each with its level in the same request.

        Medusa has no batch for these, so a few go at once.
        """

        def make(title: TitleWrites) -> None:
            new = {"sku": title.isbn}
            changes = [
                Change("item", title.isbn, None, None, new, "The title had no inventory item."),
                Change("level", title.isbn, None, None, _copies(title), _because(title)),
            ]
            level = {"location_id": self.location_id, **_copies(title)}
            body = {**new, "title": item_name(title), "location_levels": [level]}
            try:
                with self.session.journal.writing(self.session.run_id, changes) as entry:
                    answer = self.client.post("/admin/inventory-items", body, {"fields": "id"})
                    self.item_ids[title.isbn] = answer["inventory_item"]["id"]
                    entry.made(0, self.item_ids[title.isbn])
                    entry.made(1, self.item_ids[title.isbn])
            except MedusaRefused as error:
                self.done.failed[title.isbn] = str(error)

        with ThreadPoolExecutor(ITEMS_AT_ONCE, "medusa-items") as pool:
            list(pool.map(make, self._still(lambda title: title.create_item)))

    def rename_items(self) -> None:
        """Items whose SKU was left behind by their variant's. Only a name: a refusal holds nothing back."""
        for title in self._still(lambda title: title.rename_item):
            item_id, old = self.item_ids[title.isbn], title.item.sku if title.item else None
            new = {"sku": title.isbn}
            reason = "The variant's SKU was changed without its item's."
            change = Change("item", title.isbn, item_id, {"sku": old}, new, reason)
            try:
                with self.session.journal.writing(self.session.run_id, [change]):
                    self.client.post(f"/admin/inventory-items/{item_id}", new, {"fields": "id"})
            except MedusaRefused as error:
                log.warning("%s: its inventory item %s keeps the SKU %r: %s", title.isbn, item_id, old, error)

    def write_levels(self) -> None:
        """Levels at our location: those missing are made, those that differ updated, in one request."""

        def row(title: TitleWrites) -> dict[str, Any]:
            before, item_id = _copies_before(title) or {}, self.item_ids[title.isbn]
            changed = {name: value for name, value in _copies(title).items() if before.get(name) != value}
            return {"inventory_item_id": item_id, "location_id": self.location_id, **changed}

        def change(title: TitleWrites) -> Change:
            item_id, before = self.item_ids[title.isbn], _copies_before(title)
            return Change("level", title.isbn, item_id, before, _copies(title), _because(title))

        def send(titles: Sequence[TitleWrites]) -> None:
            body = {
                "create": [row(each) for each in titles if each.level == "create"],
                "update": [row(each) for each in titles if each.level == "update"],
            }
            try:
                answer = self.client.post(LEVELS, body)
            except MedusaRefused as error:
                if len(titles) > 1 or not body["create"] or "already exists" not in error.detail:
                    raise
                # Made since we looked, or by our own request whose answer got lost.
                answer = self.client.post(LEVELS, {"update": body["create"]})
            now = {
                each["inventory_item_id"]: each["reserved_quantity"] for each in answer.get("updated") or []
            }
            for title in titles:
                before = title.level_before.reserved if title.level_before else 0
                if now.get(self.item_ids[title.isbn], before) != before:
                    self.done.reserved_since.add(title.isbn)

        def to_write() -> list[TitleWrites]:
            return self._still(lambda title: title.level and not title.create_item)

        shelves = {(self.item_ids[each.isbn], self.location_id): each for each in to_write()}
        with beside_operations(self.session, shelves, self.read_at) as free:
            self.done.held_back |= {each.isbn for shelf, each in shelves.items() if shelf not in free}
            self._send(to_write(), change, send)
            enter_levels(self.session, {self.item_ids[each.isbn]: each for each in to_write()})

    def link_items(self) -> None:
        """Variants to their items, before they are managed: flipping the flag would make a second item."""

        def change(title: TitleWrites) -> Change:
            link, none = {"inventory_item_id": self.item_ids[title.isbn]}, {"inventory_item_id": None}
            reason = "The variant was not linked to its inventory item."
            return Change("link", title.isbn, _variant(title).id, none, link, reason)

        def send(titles: Sequence[TitleWrites]) -> None:
            ids = [(_variant(each).id, self.item_ids[each.isbn]) for each in titles]
            rows = [
                {"variant_id": variant_id, "inventory_item_id": item_id, "required_quantity": 1}
                for variant_id, item_id in ids
            ]
            self.client.post(_of_any_product(titles, "inventory-items/batch"), {"create": rows})

        self._send(self._still(lambda title: title.link_item), change, send)

    def write_flags(self) -> None:
        """Flags and metadata of variants of any product, in one request; metadata merges key by key."""

        def change(title: TitleWrites) -> Change:
            variant, flags = _variant(title), title.flags
            before: VariantUpdate = {
                "manage_inventory": variant.manage_inventory,
                "allow_backorder": variant.allow_backorder,
                "metadata": {key: variant.metadata.get(key) for key in flags.get("metadata", {})},
            }
            after = _fields(flags)
            was = {name: value for name, value in _fields(before).items() if name in after}
            return Change("variant", title.isbn, variant.id, was, after, _because(title))

        def send(titles: Sequence[TitleWrites]) -> None:
            rows = [{"id": _variant(each).id, **_as_sent(each.flags)} for each in titles]
            # fields=id: without it the answer holds each variant whole, and takes twice as long.
            self.client.post(_of_any_product(titles, "batch"), {"update": rows}, {"fields": "id"})

        self._send(self._still(lambda title: title.flags), change, send)

    def write_tags(self) -> None:
        """The tags that say products' states, in one request. All other tags of theirs stay."""
        if not (titles := self._still(lambda title: title.tag or title.old_tags)):
            return
        ids, refused = CatalogIds(self.session).tag_ids(each.tag for each in titles if each.tag)
        self.done.failed |= {each.isbn: str(refused[each.tag]) for each in titles if each.tag in refused}
        titles = [each for each in titles if each.tag not in refused]

        def of(title: TitleWrites) -> tuple[list[TagRow], list[TagRow]]:
            before = list(_variant(title).tags or ())
            if title.tag is None:
                return before, [each for each in before if each["value"] not in title.old_tags]
            kept = [each for each in before if not each["value"].startswith(STATE_TAG)]
            return before, [*kept, {"id": ids[title.tag], "value": title.tag}]

        def change(title: TitleWrites) -> Change:
            before, after = ({"tags": [each["value"] for each in some]} for some in of(title))
            return Change("tags", title.isbn, _variant(title).product_id, before, after, _because(title))

        def send(titles: Sequence[TitleWrites]) -> None:
            rows = [
                {"id": _variant(each).product_id, "tags": [{"id": one["id"]} for one in of(each)[1]]}
                for each in titles
            ]
            self.client.post("/admin/products/batch", {"update": rows}, {"fields": "id"})

        self._send(titles, change, send)

    def name_items(self) -> None:
        """Items get the books' titles, in one request. Only names: a refusal holds nothing back."""
        if not (titles := self._still(lambda title: title.name_item)):
            return
        rows = [{"id": self.item_ids[each.isbn], "title": item_name(each)} for each in titles]
        changes = [
            Change("item", each.isbn, row["id"], before, {"item_title": row["title"]}, _NAMED_BY_MEDUSA)
            for each, row in zip(titles, rows, strict=True)
            for before in [{"item_title": each.item and each.item.title}]
        ]
        try:
            with self.session.journal.writing(self.session.run_id, changes):
                self.client.post(_NAME_ITEMS, {"input": {"updates": rows}})
        except MedusaError as error:
            if error.status is None:
                raise
            log.warning("%s inventory items keep their titles, %s among them: %s", len(rows), rows[0], error)

    def _still(self, wanted: Callable[[TitleWrites], Any]) -> list[TitleWrites]:
        gone = self.done.failed.keys() | self.done.held_back
        return [each for each in self.titles if each.isbn not in gone and wanted(each)]

    def _send(
        self,
        titles: Sequence[TitleWrites],
        change: Callable[[TitleWrites], Change],
        send: Callable[[Sequence[TitleWrites]], None],
    ) -> None:
        """Journals, sends, splits a batch that is refused, and settles each title's entry."""
        if not titles:
            return
        with self.session.journal.writing(self.session.run_id, [change(each) for each in titles]) as entry:
            for number, error in send_splitting(titles, send).items():
                entry.failed(number, error.detail)
                self.done.failed[titles[number].isbn] = str(error)


def item_name(title: TitleWrites) -> str:
    """What a title's inventory item is called."""
    return (title.name or title.isbn).replace("\x00", "")[:LONGEST_NAME]


def _variant(title: TitleWrites) -> Variant:
    assert title.variant is not None, "only a title that is in the store is linked or gets flags"
    return title.variant


def _of_any_product(titles: Sequence[TitleWrites], route: str) -> str:
    """The routes want a product in their path, and take variants of any."""
    return f"/admin/products/{_variant(titles[0]).product_id}/variants/{route}"


def _copies(title: TitleWrites) -> dict[str, Any]:
    return dict(title.quantities or {})


def _copies_before(title: TitleWrites) -> dict[str, Any] | None:
    return dict(title.level_before.quantities) if title.level_before else None


def _as_sent(flags: VariantUpdate) -> dict[str, Any]:
    """Medusa deletes a metadata key that is given as an empty text; a null it would store."""
    told = {key: "" if value is None else value for key, value in flags.get("metadata", {}).items()}
    return {**flags, "metadata": told} if "metadata" in flags else {**flags}


def _fields(flags: VariantUpdate) -> dict[str, Any]:
    """The journal's form of a variant's update: a metadata key is a field of its own."""
    fields = {name: value for name, value in flags.items() if name != "metadata"}
    return fields | {f"metadata.{key}": value for key, value in flags.get("metadata", {}).items()}


def _because(title: TitleWrites) -> str:
    return " ".join(title.reasons)
