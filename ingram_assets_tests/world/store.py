"""The store in memory: Medusa's products, levels and orders, and the journal beside it."""

import copy
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ingram_assets.domain.failures import Transient
from ingram_assets.domain.guardrails import held_price
from ingram_assets.domain.title import Title
from ingram_assets.store.apply import Applied
from ingram_assets.store.import_plan import RowPlan
from ingram_assets.store.journal import (
    Change,
    Entry,
    HeldTitle,
    InStep,
    Journal,
    Kind,
    Known,
    LastLevel,
    What,
    Writing,
)
from ingram_assets.store.model import Item, Level, OtherLevel, Quantities, TitleInStore, Variant
from ingram_assets.store.plan import TitleWrites, desired, plan_new, variant_metadata
from ingram_assets.store.product_fields import ProductUpdate
from ingram_assets.store.products import ImportReport
from ingram_assets.store.session import StoreSession

OURS, SHELF = "sloc_ours", "sloc_shelf"


class Killed(BaseException):
    """The run's process died in the middle of its work."""


@dataclass(slots=True)
class StoreLevel:
    """Copies at a location."""

    stocked: float = 0
    reserved: float = 0
    incoming: float = 0


@dataclass(slots=True)
class StoreItem:
    """An inventory item, with its levels by location."""

    id: str
    sku: str
    levels: dict[str, StoreLevel] = field(default_factory=dict)


@dataclass(slots=True)
class Product:
    """A product with its one variant."""

    isbn: str
    variant: str
    price: Decimal
    managed: bool = True
    allow_backorder: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    item: StoreItem | None = None


@dataclass(slots=True)
class Order:
    """One line of an order. `fulfillments`: when each was made, and canceled or None."""

    isbn: str
    item: StoreItem
    quantity: int
    placed_at: datetime
    changed_at: datetime
    fulfillments: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    canceled: bool = False
    returned: bool = False

    @property
    def is_fulfilled(self) -> bool:
        return any(canceled is None for _, canceled in self.fulfillments)

    @property
    def is_open(self) -> bool:
        return not self.canceled and not self.is_fulfilled


@dataclass(slots=True)
class SimulatedStore:
    """Medusa, and what shoppers and staff do there. `dies_after`: writes until the run at work is killed."""

    now: Callable[[], datetime]
    products: dict[str, Product] = field(default_factory=dict)
    leftovers: dict[str, StoreItem] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    is_down: bool = False
    dies_after: int | None = None
    pauses: Callable[[], None] = lambda: None
    """Called at each request: what lets others go on before its answer comes."""
    wrote: list[str] = field(default_factory=list)
    """Whose run wrote, write by write."""
    doubled: list[str] = field(default_factory=list)
    """Titles of which a second product was made."""
    _numbers: Any = field(default_factory=itertools.count)

    def available(self, isbn: str) -> tuple[float, bool]:
        """Copies that a shopper can have at once, and whether more can be ordered."""
        product = self.products[isbn]
        if not product.managed:
            return float("inf"), True
        level = product.item.levels.get(OURS) if product.item else None
        return (level.stocked - level.reserved if level else 0), product.allow_backorder

    # What shoppers and staff do.

    def place(self, isbn: str, quantity: int) -> Order | None:
        """An order, if the store takes it."""
        product = self.products.get(isbn)
        if product is None or product.item is None or OURS not in product.item.levels:
            return None
        copies, may_be_ordered = self.available(isbn)
        if quantity <= 0 or (copies < quantity and not may_be_ordered):
            return None
        product.item.levels[OURS].reserved += quantity
        order = Order(isbn, product.item, quantity, self.now(), self.now())
        self.orders.append(order)
        return order

    def fulfill(self, order: Order) -> None:
        level = order.item.levels[OURS]
        level.stocked -= order.quantity
        level.reserved -= order.quantity
        order.changed_at = self.now()
        order.fulfillments.append((self.now(), None))

    def cancel_fulfillment(self, order: Order) -> None:
        level = order.item.levels[OURS]
        level.stocked += order.quantity
        level.reserved += order.quantity
        order.changed_at = self.now()
        order.fulfillments = [(made, canceled or self.now()) for made, canceled in order.fulfillments]

    def cancel(self, order: Order) -> None:
        order.item.levels[OURS].reserved -= order.quantity
        order.changed_at, order.canceled = self.now(), True

    def take_back(self, order: Order) -> None:
        """Copies of a fulfilled order are here again. Medusa puts them on sale by itself."""
        order.item.levels[OURS].stocked += order.quantity
        order.changed_at, order.returned = self.now(), True

    def delete(self, isbn: str) -> None:
        """A person deletes the product; its inventory item stays behind, as Medusa has it."""
        product = self.products.pop(isbn)
        if product.item and product.item.sku == isbn:
            self.leftovers[isbn] = product.item

    def saved(self) -> Any:
        """A backup."""
        return copy.deepcopy((self.products, self.leftovers, self.orders))

    def restore(self, backup: Any) -> None:
        self.products, self.leftovers, self.orders = copy.deepcopy(backup)

    # What a push reads.

    def read_store(
        self, client: Any, isbns: Iterable[str], location_id: str, *more: Any, **named: Any
    ) -> dict[str, TitleInStore]:
        self._ask()
        return {isbn: self._actual(isbn, location_id) for isbn in isbns}

    def _actual(self, isbn: str, place: str) -> TitleInStore:
        product = self.products.get(isbn)
        leftover = self.leftovers.get(isbn)
        left = self._item(leftover, (), place) if leftover else None
        if product is None:
            return TitleInStore(isbn, (), left)
        items = (self._item(product.item, (product.variant,), place),) if product.item else ()
        variant = Variant(
            product.variant,
            f"prod_{isbn}",
            isbn,
            isbn,
            product.managed,
            product.allow_backorder,
            dict(product.metadata),
            items,
        )
        return TitleInStore(isbn, (variant,), None if items else left)

    def _item(self, item: StoreItem, variants: tuple[str, ...], place: str) -> Item:
        level = item.levels.get(place)
        ours = Level(f"{item.id}_level", level.stocked, level.reserved, level.incoming) if level else None
        return Item(
            item.id,
            item.sku,
            ours,
            elsewhere=tuple(
                OtherLevel(place, one.stocked - one.reserved)
                for place, one in item.levels.items()
                if one is not level
            ),
            variants=variants,
        )

    # What a push writes.

    def apply(
        self, session: StoreSession, titles: Sequence[TitleWrites], read_at: datetime | None = None
    ) -> Applied:
        for title in titles:
            self._write_one(session)
            if title.quantities is not None or title.link_item:
                item = self._item_of(title)
                if title.quantities is not None:
                    self._write_level(session, title, item, title.quantities)
                self.products[title.isbn].item = item
            if title.flags:
                self._write_flags(session, title)
        return Applied()

    def _write_level(
        self, session: StoreSession, title: TitleWrites, item: StoreItem, copies: Quantities
    ) -> None:
        before = title.level_before.quantities if title.level_before else None
        session.journal.entered(session.run_id, "level", title, item.id, before, dict(copies))
        level = item.levels.setdefault(session.location.id, StoreLevel())
        level.stocked, level.incoming = copies["stocked_quantity"], copies["incoming_quantity"]
        session.journal.wrote(title.isbn, level.stocked, level.incoming)

    def _write_flags(self, session: StoreSession, title: TitleWrites) -> None:
        product = self.products[title.isbn]
        metadata = title.flags.get("metadata", {})
        after = {name: value for name, value in title.flags.items() if name != "metadata"}
        names = {"manage_inventory": product.managed, "allow_backorder": product.allow_backorder}
        before = {name: names[name] for name in after}
        before |= {f"metadata.{key}": product.metadata.get(key) for key in metadata}
        after |= {f"metadata.{key}": value for key, value in metadata.items()}
        session.journal.entered(session.run_id, "variant", title, product.variant, before, after)
        product.managed = title.flags.get("manage_inventory", product.managed)
        product.allow_backorder = title.flags.get("allow_backorder", product.allow_backorder)
        merged = {**product.metadata, **metadata}
        product.metadata = {key: value for key, value in merged.items() if value is not None}

    def _item_of(self, title: TitleWrites) -> StoreItem:
        product = self.products[title.isbn]
        if title.item is None:
            return self._new_item(title.isbn)
        if product.item and product.item.id == title.item.id:
            return product.item
        return self.leftovers.pop(title.isbn)

    def _new_item(self, sku: str) -> StoreItem:
        return StoreItem(f"iitem_{next(self._numbers)}", sku)

    def preview_import(self, session: StoreSession, titles: Iterable[Title]) -> dict[str, RowPlan]:
        self._ask()
        return {title.isbn: self._row_plan(session, title) for title in titles}

    def _row_plan(self, session: StoreSession, title: Title) -> RowPlan:
        if title.srp_price is None:
            return RowPlan(title, "It has no price.")
        actual, product = self._actual(title.isbn, session.location.id), self.products.get(title.isbn)
        thresholds = session.rules.thresholds
        if product is None:
            if held := held_price(title.srp_price, (), thresholds):
                return RowPlan(title, held.reason)
            return RowPlan(
                title, level=plan_new(title, actual.leftover, today=session.today, rules=session.rules)
            )
        if product.price == title.srp_price:
            return RowPlan(title, update=ProductUpdate(title.isbn, actual.variants[0]))
        held = held_price(title.srp_price, (product.price,), thresholds)
        after = {} if held else {"price": title.srp_price}
        return RowPlan(title, update=ProductUpdate(title.isbn, actual.variants[0], after=after, held=held))

    def import_titles(
        self,
        session: StoreSession,
        titles: Iterable[Title],
        *,
        on_done: Callable[[list[int], dict[int, str]], None],
    ) -> ImportReport:
        report = ImportReport()
        for title in titles:
            row = self._row_plan(session, title)
            self._write_one(session)
            if row.problem:
                report.failed[title.isbn] = row.problem
                on_done([], {title.id: row.problem})
                continue
            if row.level:
                self._create(session, title, row.level)
            elif row.update and row.update.after:
                self.products[title.isbn].price = row.update.after["price"]
            if row.update and row.update.held:
                on_done([], {title.id: row.update.held.reason})
            else:
                on_done([title.id], {})
        return report

    def _create(self, session: StoreSession, title: Title, level: TitleWrites) -> None:
        wanted = desired(title, today=session.today, rules=session.rules)
        assert title.srp_price is not None
        product = Product(title.isbn, f"variant_{next(self._numbers)}", title.srp_price)
        product.managed = wanted.manage_inventory is not False
        product.allow_backorder = bool(wanted.allow_backorder)
        product.metadata = variant_metadata(title, wanted)
        self.doubled += [title.isbn] if title.isbn in self.products else []
        self.products[title.isbn] = product
        if product.managed:
            product.item = self.leftovers.pop(title.isbn, None) or self._new_item(title.isbn)
            if level.quantities is not None:
                copies = product.item.levels.setdefault(session.location.id, StoreLevel())
                copies.stocked = level.quantities["stocked_quantity"]
                copies.incoming = level.quantities["incoming_quantity"]
                session.journal.wrote(title.isbn, copies.stocked, copies.incoming)

    def _ask(self) -> None:
        if self.is_down:
            raise Transient("Medusa does not answer.")
        self.pauses()

    def _write_one(self, session: StoreSession) -> None:
        self._ask()
        self.wrote.append(session.run_id)
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                self.dies_after = None
                raise Killed


class Holder:
    """A connection to the journal's database, with whose end its lock goes."""

    def __init__(self, journal: "SimulatedJournal") -> None:
        self._journal, self.run_id = journal, ""

    def takes_lock(self, run_id: str) -> bool:
        """Whether the lock is this one's now."""
        self.run_id = run_id
        self._journal.holder = self._journal.holder or self
        return self._journal.holder is self

    def who_has_lock(self) -> str:
        """The run whose it is."""
        return self._journal.holder.run_id if self._journal.holder else ""

    def execute(self, statement: str) -> None:
        """That its run lives, which nobody doubts here."""

    def close(self) -> None:
        if self._journal.holder is self:
            self._journal.holder = None


@dataclass(slots=True)
class SimulatedJournal:
    """The storefront's own memory (`store.journal.Journal`)."""

    now: Callable[[], datetime]
    told: dict[str, InStep] = field(default_factory=dict)
    levels: dict[str, LastLevel] = field(default_factory=dict)
    runs: dict[str, list[Entry]] = field(default_factory=dict)
    ids: dict[What, dict[str, Known]] = field(default_factory=dict)
    looked_at: dict[str, tuple[datetime, Collection[str] | None]] = field(default_factory=dict)
    """Run's id to when a person let it through, and of which titles; `None`: of all."""
    behind: dict[tuple[str, str], HeldTitle] = field(default_factory=dict)
    """By guardrail and ISBN, the titles that wait behind it."""
    holder: "Holder | None" = None
    """Who has the lock of the one run that may be at work."""

    alone = Journal.alone

    def _connect(self) -> "Holder":
        return Holder(self)

    def know(self, what: What, things: Iterable[Known]) -> None:
        self.ids.setdefault(what, {}).update({one.called: one for one in things})

    def known(self, what: What, called: Sequence[str] | None = None) -> list[Known]:
        known = self.ids.get(what, {})
        return [one for name, one in known.items() if called is None or name in called]

    def written(self, kind: str) -> list[Any]:
        """What earlier versions wrote: there were none."""
        return []

    @contextmanager
    def writing(self, run_id: str, changes: Sequence[Change]) -> Iterator[Writing]:
        yield Writing(list(range(len(changes))))

    def entered(
        self,
        run_id: str,
        kind: Kind,
        title: TitleWrites,
        entity: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any],
    ) -> None:
        """A write to a title, as the run's entry of the journal."""
        entries = self.runs.setdefault(run_id, [])
        was = None if before is None else dict(before)
        entries.append(
            Entry(
                *(kind, title.isbn, entity, was, dict(after), " ".join(title.reasons)),
                *(len(entries) + 1, run_id, "written", None, self.now()),
            )
        )

    def changes(self, run_id: str) -> list[Entry]:
        return list(self.runs.get(run_id, ()))

    def last_written(self, isbns: Sequence[str], kind: Kind) -> dict[str, dict[str, list[Any]]]:
        """Of products, which alone are asked for: nothing of them is entered."""
        return {}

    def switched_on_backorders(self, isbns: Sequence[str]) -> set[str]:
        last: dict[str, bool] = {}
        for entry in sorted((one for run in self.runs.values() for one in run), key=lambda one: one.at):
            if entry.isbn in isbns and entry.kind == "variant" and "allow_backorder" in (entry.after or {}):
                last[entry.isbn or ""] = (entry.after or {})["allow_backorder"]
        return {isbn for isbn, is_on in last.items() if is_on}

    def state_tags(self, isbns: Sequence[str]) -> dict[str, frozenset[str]]:
        """The world's shop has no such tags."""
        return {}

    def let_through(self, run_id: str, isbns: Collection[str] | None) -> None:
        self.looked_at[run_id] = self.now(), isbns

    def shown_before(self, within: timedelta) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, dict[str, Any]] = {}
        since_then: dict[str, list[dict[str, Any]]] = {}
        since = self.now() - within
        lately = [one for run in self.runs.values() for one in run if one.at > since]
        for entry in sorted(lately, key=lambda one: one.at, reverse=True):
            if entry.before is None or entry.isbn is None or self._was_let_through(entry):
                continue
            fields = found.setdefault(entry.isbn, {})
            fields.update(entry.before)
            since_then.setdefault(entry.isbn, []).append(dict(entry.after or {}))
            if (shown := self._shown_by_us(entry)) is not None and "stocked_quantity" in fields:
                fields["stocked_quantity"] = min(fields["stocked_quantity"], shown)
        return {isbn: [first, *(first | one for one in since_then[isbn])] for isbn, first in found.items()}

    def _was_let_through(self, entry: Entry) -> bool:
        return any(
            (isbns is None or entry.isbn in isbns) and (entry.run_id == run_id or entry.at <= at)
            for run_id, (at, isbns) in self.looked_at.items()
        )

    def _shown_by_us(self, entry: Entry) -> float | None:
        """The copies that we wrote last before an entry."""
        of_title = [one for run in self.runs.values() for one in run if one.isbn == entry.isbn]
        earlier = [one for one in of_title if one.kind == "level" and one.at < entry.at and one.after]
        return max(earlier, key=lambda one: one.at).after["stocked_quantity"] if earlier else None

    def wrote(self, isbn: str, stocked: float, incoming: float) -> None:
        self.levels[isbn] = LastLevel(((stocked, incoming),), self.now())

    def last_levels(self, isbns: Sequence[str]) -> dict[str, LastLevel]:
        return {isbn: self.levels[isbn] for isbn in isbns if isbn in self.levels}

    def in_step(self) -> dict[str, InStep]:
        return dict(self.told)

    def record_in_step(self, entries: Sequence[InStep]) -> None:
        self.told |= {entry.isbn: entry for entry in entries}

    def still_valid(self, valid_until: Mapping[str, datetime | None]) -> None:
        for isbn, until in valid_until.items():
            self.told[isbn] = replace(self.told[isbn], valid_until=until)

    def held(self) -> list[HeldTitle]:
        return list(self.behind.values())

    def hold(self, run_id: str, reasons: Mapping[str, str], isbns: Collection[str]) -> None:
        self.release(isbns, reasons)
        for isbn in isbns:
            for name, reason in reasons.items():
                self.behind[name, isbn] = HeldTitle(name, isbn, reason, run_id, self.now())

    def release(self, isbns: Collection[str], stay: Collection[str] = ()) -> None:
        for name, isbn in list(self.behind):
            if isbn in isbns and name not in stay:
                del self.behind[name, isbn]

    def put_back(self, isbns: Sequence[str]) -> None:
        for isbn in self.told.keys() & set(isbns):
            self.told[isbn] = replace(self.told[isbn], undone_at=self.now())

    def hold_to_nothing(self, isbns: Sequence[str]) -> None:
        for isbn in self.told.keys() & set(isbns):
            entry = self.told[isbn]
            self.told[isbn] = replace(entry, pushed_at=None, valid_until=None, stock_changed_at=self.now())
