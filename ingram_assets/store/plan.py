"""What has to change for the store to tell the truth: desired against actual, title by title. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.availability import Availability, Status, after_silence, availability
from ingram_assets.domain.guardrails import Seen, Tripped, all_tripped, mass_turn, mass_zero, turns
from ingram_assets.domain.lifetime import sold_since
from ingram_assets.domain.ownership import is_our_item, why_left_alone
from ingram_assets.domain.position import Orders, Taken, taken_since
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.store.journal import LastLevel
from ingram_assets.store.read import Actual, Item, Level, Variant
from ingram_assets.store.rules import StoreRules

NO_ORDERS = Orders()

OBSERVED_AT_MAX_AGE = timedelta(hours=24)
"""How far `stock_observed_at` in the store may lag behind the last reading while nothing else changed.

An hour without change writes nothing, so the stamp moves with the next change, and once a day at least.
"""

Verdict = Literal["write", "unchanged", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the store says of a title. `stocked` and `incoming` are `None` where it keeps no level."""

    managed: bool
    stocked: float | None
    incoming: float | None
    reserved: float
    allow_backorder: bool
    availability: str | None


@dataclass(frozen=True, slots=True)
class TitlePlan:
    """What is to be done about one title.

    Attributes:
        status, label: what the rules make of the title.
        reasons: why it is written, or why not: sentences for a person.
        before, after: `None` where the store does not have the title.
        variant, item: what the writes go to; `item` is `None` where one has to be made.
        name: what a new inventory item is called.
        create_item, link_item, rename_item, level, flags: the writes, in this order.
        repaired: somebody else had changed the level since we wrote it.
        shown_last: the level that we wrote last, where that is known.
        last_reading: the level that the reading which the store shows has given; fulfilments lower a level
            without one.
        zero_for_unknown: the level is 0 because there has to be one, not because 0 was read.
        by_time: it changes because time passed (its copies were counted too long ago, or its day of
            publication came), whatever was read: no guardrail keeps it from the store.
    """

    isbn: str
    title_id: int
    verdict: Verdict
    status: Status
    label: str | None
    reasons: tuple[str, ...]
    before: Shown | None = None
    after: Shown | None = None
    variant: Variant | None = None
    item: Item | None = None
    name: str | None = None
    link_item: bool = False
    rename_item: bool = False
    level: Literal["create", "update"] | None = None
    flags: dict[str, Any] = field(default_factory=dict)
    repaired: bool = False
    shown_last: float | None = None
    last_reading: float | None = None
    zero_for_unknown: bool = False
    by_time: bool = False

    @property
    def create_item(self) -> bool:
        """Whether an inventory item has to be made, with its level."""
        return self.level == "create" and self.item is None

    @property
    def oversold(self) -> bool:
        """Whether more copies are promised to orders than the store is about to show.

        Of a title that may be back-ordered or preordered that is as it should be, and is said only when it
        was this push that took copies away from orders.
        """
        before, after = self.before, self.after
        if not after or not after.managed or after.stocked is None or after.stocked >= after.reserved:
            return False
        worse = before is not None and before.stocked is not None and after.stocked < before.stocked
        return worse or not after.allow_backorder

    @property
    def sells_less(self) -> bool:
        """Whether fewer copies are in stock after it than before."""
        before, after = self.before, self.after
        if not before or not after or before.availability != "in_stock" or not after.managed:
            return False
        return before.stocked is not None and (after.stocked or 0) < before.stocked

    def fell_to(self, threshold: int) -> bool:
        """Whether the level falls from above the threshold to it or below."""
        before, after = _stocked(self.before), self.after
        if self.shown_last is not None:
            before = self.shown_last
        elif self.level is None and before is not None and self.last_reading is not None:
            before = self.last_reading
        return (
            before is not None
            and before > threshold >= (_stocked(after) or 0)
            and bool(after and after.managed)
        )


def _stocked(shown: Shown | None) -> float | None:
    return shown.stocked if shown else None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a push would do, for every title it was asked about."""

    titles: tuple[TitlePlan, ...]

    @property
    def writes(self) -> tuple[TitlePlan, ...]:
        """The titles of which something is written."""
        return tuple(each for each in self.titles if each.verdict == "write")

    def in_spite_of_guardrails(self, expired: Collection[str] = ()) -> "Plan":
        """The part of it that is written whatever a guardrail says, since it rests on nothing that was read.

        Args:
            expired: ISBNs whose last reading that the store was told is too old. They are sold as in stock no
                longer, however long a newer reading has been held back.
        """
        return Plan(
            tuple(each for each in self.titles if each.by_time or (each.isbn in expired and each.sells_less))
        )

    def with_history(self, last_levels: Mapping[str, LastLevel], orders: Mapping[str, Orders]) -> "Plan":
        """The same writes, with what the journal and the orders say of levels that differ.

        Args:
            last_levels: ISBN to the level that we wrote last, which tells a level that somebody else
                changed from one that we have to move.
            orders: inventory item's id to what orders did to it since then.
        """
        return Plan(
            tuple(
                _remember(each, last_levels[each.isbn], orders)
                if each.level == "update" and each.isbn in last_levels
                else each
                for each in self.titles
            )
        )

    @property
    def turning_to_zero(self) -> list[str]:
        """The ISBNs that show copies now and would show none."""
        return [isbn for isbn, (before, after) in self._copies().items() if before > 0 and after <= 0]

    def is_suspicious(self, rules: StoreRules) -> bool:
        """Whether one title at least turns in a direction that a guardrail looks at."""
        turning = (turns(before, after, rules.thresholds) for before, after in self._seen())
        return bool(self.turning_to_zero) or any(turning)

    def tripped(self, rules: StoreRules) -> Tripped | None:
        """The guardrails that stop this push, if any do. The plan is for all tracked titles."""
        copies = self._copies()
        before = {isbn: pair[0] for isbn, pair in copies.items()}
        after = {isbn: pair[1] for isbn, pair in copies.items()}
        return all_tripped(
            [mass_zero(before, after, rules.thresholds), *mass_turn(self._seen(), rules.thresholds)]
        )

    def _counted(self) -> list[tuple[str, Shown, Shown]]:
        """What counts in a guardrail's share: titles that the store has, before and after, but for time's."""
        return [
            (each.isbn, each.before, each.after)
            for each in self.titles
            if each.before and each.after and not each.by_time
        ]

    def _seen(self) -> list[tuple[Seen, Seen]]:
        return [(_seen(before), _seen(after)) for _, before, after in self._counted()]

    def _copies(self) -> dict[str, tuple[int, int]]:
        """ISBN to the copies shown before and after, as the guardrail counts them."""
        copies = {}
        for isbn, shown, then in self._counted():
            after = _copies(then)
            if not shown.managed and then.allow_backorder:
                after = 1  # switched over, and can be ordered as before
            copies[isbn] = (_copies(shown), after)
        return copies


def _copies(shown: Shown) -> int:
    """Copies as the guardrail counts them: a title that is not managed sells without end, so not 0."""
    if not shown.managed:
        return 1
    return max(0, int(shown.stocked or 0))


def _seen(shown: Shown) -> Seen:
    return Seen(shown.availability, (shown.stocked or 0) if shown.managed else None)


def plan_levels(
    titles: Iterable[Title],
    actual: Mapping[str, Actual],
    *,
    today: date,
    rules: StoreRules,
    orders: Mapping[str, Orders] | None = None,
) -> Plan:
    """What has to be written so that the store shows what the rules make of each title.

    Args:
        actual: what the store has, by ISBN (`read_store`).
        today: the date in the store's time zone.
        orders: inventory item's id to what orders did to it since its title's reading (`read_orders`).
    """
    orders = orders or {}
    return Plan(
        tuple(
            _plan_title(title, actual.get(title.isbn) or Actual(title.isbn), today, rules, orders)
            for title in titles
        )
    )


def plan_new(title: Title, leftover: Item | None, *, today: date, rules: StoreRules) -> TitlePlan:
    """The level of a title that the store does not have yet, and the item it goes to if there is one.

    Args:
        leftover: an inventory item with this SKU that a product long gone has left behind.
    """
    level = leftover.level if leftover else None
    wanted = desired(title, today=today, rules=rules)
    managed = wanted.manage_inventory is not False
    new = Shown(
        managed=managed,
        stocked=None,
        incoming=None,
        reserved=level.reserved if level else 0,
        allow_backorder=bool(wanted.allow_backorder),
        availability=wanted.status,
    )
    reasons: tuple[str, ...] = ("New in the store.",)
    if leftover:
        reasons += (f"The inventory item {leftover.id} was left of a product that is gone: used again.",)
    plan = TitlePlan(
        title.isbn,
        title.id,
        "write",
        wanted.status,
        wanted.label,
        reasons,
        after=new,
        item=leftover,
        name=title.title,
    )
    if not managed:
        return plan
    # What an old product left behind says nothing of this one: its level is as good as none.
    shown = replace(new, stocked=wanted.stocked_quantity or 0, incoming=wanted.incoming_quantity or 0)
    same = level is not None and (level.stocked, level.incoming) == (shown.stocked, shown.incoming)
    return replace(
        plan,
        after=shown,
        level=None if same else "update" if level else "create",
        zero_for_unknown=wanted.stocked_quantity is None,
    )


def desired(title: Title, *, today: date, rules: StoreRules, orders: Orders = NO_ORDERS) -> Availability:
    """The state that the rules want the title to have, after what orders did since it was read."""
    taken = taken_of(title, orders, rules)
    return availability(
        title.stock,
        today=today,
        publication_date=title.publication_date,
        binding=title.binding,
        publisher_status=title.publisher_status,
        safety_stock=rules.safety_stock,
        sold_quantity=taken.sold,
        reserved_quantity=taken.reserved,
        inventory_mode=rules.inventory_mode,
        aged=title.aged,
    )


def taken_of(title: Title, orders: Orders, rules: StoreRules) -> Taken:
    """What orders did to the copies of the title's last reading."""
    return taken_since(sold_since(title) or title.stock_observed_at, orders, rules.inventory_mode)


def variant_metadata(title: Title, wanted: Availability) -> dict[str, Any]:
    """Our keys of a variant's metadata; none where nothing is known, unless the title goes off sale."""
    if wanted.status == "unknown" and wanted.allow_backorder is None:
        return {}
    keys: dict[str, Any] = {
        "availability": wanted.status,
        "availability_label": wanted.label,
        "in_stock": wanted.in_stock,
    }
    if title.stock is not None:
        keys["ingram_stock"] = stock_rules.to_json(title.stock)
    if title.stock_observed_at is not None:
        keys["stock_observed_at"] = title.stock_observed_at.isoformat()
    return keys


def _plan_title(
    title: Title, actual: Actual, today: date, rules: StoreRules, orders: Mapping[str, Orders]
) -> TitlePlan:
    variant, item, problem = which(actual)
    level = item.level if item else None
    of_item = orders.get(item.id, NO_ORDERS) if item else NO_ORDERS
    wanted = desired(title, today=today, rules=rules, orders=of_item)
    shown = variant.metadata.get("availability") if variant else None
    wanted = after_silence(wanted, shown, title.stock, title.publisher_status, rules.stale_stock)
    day_came = shown == "preorder" and wanted.status != "preorder" and _is_out(title, today)

    def plan(verdict: Verdict, *reasons: str, **values: Any) -> TitlePlan:
        return TitlePlan(
            title.isbn,
            title.id,
            verdict,
            wanted.status,
            wanted.label,
            reasons,
            variant=variant,
            item=item,
            name=title.title,
            by_time=day_came or (title.aged is not None and (wanted.stale or wanted.status == "preorder")),
            **values,
        )

    if variant is None or problem:
        return plan("failed", problem or "", before=variant and _shown(variant, None, linked=False))
    linked = item is not None and any(each.id == item.id for each in variant.items)
    before = _shown(variant, level, linked)
    reasons = list(_names_amiss(title.isbn, variant))
    has_level = linked and level is not None
    if wanted.status == "unknown" and wanted.allow_backorder is not None:
        reasons.append("It is no preorder any more, and its stock was never read.")
    elif wanted.status == "unknown" and (has_level or not variant.manage_inventory):
        why = "Its stock was never read: the store's level stands."
        return plan("skipped", *reasons, why, before=before, after=before)
    if _below_the_bar(title, wanted, variant, item, of_item, today, rules):
        why = (
            f"On hand moved by less than {rules.min_stock_delta}, with no change of status: not carried over."
        )
        return plan("skipped", *reasons, why, before=before, after=before)

    last = _last_shown(title, variant, of_item, today, rules)
    managed = variant.manage_inventory if wanted.manage_inventory is None else wanted.manage_inventory
    step = _plan_level(wanted, level) if managed else _LevelStep()
    flags, why_flags = _plan_flags(title, wanted, variant, managed)
    if wanted.stale:
        why = "were counted too long ago" if title.aged else "are on its page no longer, which is not whole"
        reasons.append(f"Its copies {why}: it is not sold as in stock.")
    if sold := taken_of(title, of_item, rules).sold:
        reasons.append(f"{sold} copies were fulfilled since it was read: they are taken off its count.")
    if level and level.reserved < 0:
        reasons.append(f"Medusa has {level.reserved:g} copies reserved, which can't be: they count as none.")
    link = managed and not linked
    rename = bool(managed and item and item.made and item.sku != title.isbn and variant.sku == title.isbn)
    if rename and item:
        reasons.append(f"The inventory item's SKU was {item.sku!r}: renamed to the ISBN.")
    after = Shown(
        managed,
        step.stocked,
        step.incoming,
        before.reserved,
        flags.get("allow_backorder", variant.allow_backorder),
        flags.get("metadata", {}).get("availability", before.availability),
    )
    return plan(
        "write" if step.write or flags or link or rename else "unchanged",
        *reasons,
        *step.reasons,
        *why_flags,
        before=before,
        after=after,
        level=step.write,
        flags=flags,
        link_item=link,
        rename_item=rename,
        last_reading=last.wanted.stocked_quantity if last else None,
        zero_for_unknown=step.zero_for_unknown,
    )


def _is_out(title: Title, today: date) -> bool:
    return title.publication_date is not None and title.publication_date <= today


def _shown(variant: Variant, level: Level | None, linked: bool) -> Shown:
    counted = level if linked and variant.manage_inventory else None
    return Shown(
        variant.manage_inventory,
        counted.stocked if counted else None,
        counted.incoming if counted else None,
        level.reserved if level else 0,
        variant.allow_backorder,
        variant.metadata.get("availability"),
    )


def which(actual: Actual) -> tuple[Variant | None, Item | None, str | None]:
    """The variant and item that stand for the title, or why that can't be told, or is not ours to write."""
    if not actual.variants:
        leftover = f" Its inventory item {actual.leftover.id} is still there." if actual.leftover else ""
        return (
            None,
            None,
            f"No product in the store has the SKU or EAN {actual.isbn}: it was deleted, or never "
            f"imported.{leftover} To have it back: ingram enrich {actual.isbn}, then ingram push. To do "
            f"without it: ingram retire {actual.isbn}.",
        )
    if len(actual.variants) > 1:
        ids = ", ".join(each.id for each in actual.variants)
        return (
            None,
            None,
            f"{len(actual.variants)} variants have the number {actual.isbn} ({ids}): delete all but one.",
        )
    (variant,) = actual.variants
    item = variant.items[0] if variant.items else actual.leftover
    if len(variant.items) > 1:
        own = [each for each in variant.items if is_our_item(actual.isbn, each)]
        item = own[0] if len(own) == 1 else None
    if item:
        why = why_left_alone(actual.isbn, item, variant.id)
        return variant, None if why else item, why
    if not variant.items:
        return variant, None, None
    items = ", ".join(f"{each.id} ({each.sku})" for each in variant.items)
    return (
        variant,
        None,
        f"The variant is made of {len(variant.items)} inventory items, not exactly one of them with the SKU "
        f"{actual.isbn}: {items}. Unlink all but the book's own in Medusa's admin.",
    )


def _names_amiss(isbn: str, variant: Variant) -> Iterable[str]:
    if variant.sku != isbn:
        yield (
            f"The variant's SKU is {variant.sku!r}, not the ISBN: it was found by another number or its "
            "inventory item, and kept in step. The SKU is left as it is."
        )


def _below_the_bar(
    title: Title,
    wanted: Availability,
    variant: Variant,
    item: Item | None,
    orders: Orders,
    today: date,
    rules: StoreRules,
) -> bool:
    """Whether all that moved is on hand, by less than the shop wants to hear of.

    The store has to agree with the reading that it shows, else it was changed by somebody else and is
    put right whatever the size of the move.
    """
    if rules.min_stock_delta <= 1 or not variant.manage_inventory or not item or not item.level:
        return False
    last = _last_shown(title, variant, orders, today, rules)
    if last is None or title.stock is None or last.stock == title.stock:
        return False
    was = last.wanted
    agrees = (
        was.stocked_quantity == item.level.stocked
        and was.incoming_quantity == item.level.incoming
        and was.allow_backorder == variant.allow_backorder
        and was.status == variant.metadata.get("availability")
    )
    return agrees and not stock_rules.is_worth_pushing(
        (stock_rules.on_hand(last.stock), stock_rules.on_order(last.stock), was.status),
        (stock_rules.on_hand(title.stock), stock_rules.on_order(title.stock), wanted.status),
        rules.min_stock_delta,
    )


class _LastShown(NamedTuple):
    """The reading that the store shows, and what the rules make of it."""

    stock: dict[str, DcStock]
    wanted: Availability


def _last_shown(
    title: Title, variant: Variant, orders: Orders, today: date, rules: StoreRules
) -> _LastShown | None:
    try:
        stock = stock_rules.from_json(variant.metadata.get("ingram_stock"))
    except (ValueError, AttributeError, TypeError):  # somebody edited it
        return None
    if stock is None:
        return None
    shown = replace(title, stock=stock, known=None, aged=None)
    return _LastShown(stock, desired(shown, orders=orders, today=today, rules=rules))


class _LevelStep(NamedTuple):
    """The level's part of a plan: what it will be, and whether that takes a write."""

    stocked: float | None = None
    incoming: float | None = None
    write: Literal["create", "update"] | None = None
    reasons: tuple[str, ...] = ()
    zero_for_unknown: bool = False


def _plan_level(wanted: Availability, level: Level | None) -> _LevelStep:
    """The level of a managed title. There always is one, be it 0: without, its carts and orders break."""
    if level is None:
        why = "It had no level at our location."
        unknown = wanted.stocked_quantity is None
        if unknown:
            why += " Its stock is not known: the level is 0 because there has to be one."
        return _LevelStep(
            wanted.stocked_quantity or 0, wanted.incoming_quantity or 0, "create", (why,), unknown
        )
    stocked = level.stocked if wanted.stocked_quantity is None else wanted.stocked_quantity
    incoming = level.incoming if wanted.incoming_quantity is None else wanted.incoming_quantity
    reasons = []
    if stocked != level.stocked:
        reasons.append(f"Level {level.stocked:g} becomes {stocked:g}.")
    if incoming != level.incoming:
        reasons.append(f"On order {level.incoming:g} becomes {incoming:g}.")
    return _LevelStep(stocked, incoming, "update" if reasons else None, tuple(reasons))


def _remember(plan: TitlePlan, last: LastLevel, orders: Mapping[str, Orders]) -> TitlePlan:
    """Whether the level that is about to be moved is still the one that we wrote, and if not, why."""
    level = plan.item.level if plan.item else None
    if plan.item is None or level is None:
        return plan
    if (level.stocked, level.incoming) in last.quantities:
        return replace(plan, shown_last=level.stocked)
    taken = orders.get(plan.item.id, NO_ORDERS).taken_from_level(last.at)
    if taken and (level.stocked + taken, level.incoming) in last.quantities:
        why = f"{taken:g} copies were fulfilled since we wrote {level.stocked + taken:g}."
        shown = level.stocked + taken if plan.last_reading is None else plan.last_reading
        return replace(plan, shown_last=shown, reasons=(*plan.reasons, why))
    wrote, ordered = last.quantities[-1]
    why = f"Somebody else had changed it since we wrote {wrote:g} (on order {ordered:g})."
    return replace(plan, repaired=True, shown_last=wrote, reasons=(*plan.reasons, why))


def _plan_flags(
    title: Title, wanted: Availability, variant: Variant, managed: bool
) -> tuple[dict[str, Any], list[str]]:
    """The variant's part: the body of its update, empty where it is as it should be."""
    flags: dict[str, Any] = {}
    reasons: list[str] = []
    if managed != variant.manage_inventory:
        flags["manage_inventory"] = managed
        reasons.append(
            "Switched over to a managed inventory." if managed else "Digital: no inventory is managed."
        )
    if wanted.allow_backorder is not None and wanted.allow_backorder != variant.allow_backorder:
        flags["allow_backorder"] = wanted.allow_backorder
        reasons.append(f"allow_backorder becomes {str(wanted.allow_backorder).lower()} ({wanted.status}).")
    keys = variant_metadata(title, wanted)
    changed = {name: value for name, value in keys.items() if variant.metadata.get(name) != value}
    if set(changed) == {"stock_observed_at"} and not flags and not _is_stale(title, variant):
        changed = {}
    if changed:
        flags["metadata"] = changed
        named = [name for name in changed if name != "stock_observed_at"] or list(changed)
        reasons.append(f"Metadata: {', '.join(sorted(named))}.")
    return flags, reasons


def _is_stale(title: Title, variant: Variant) -> bool:
    if title.stock_observed_at is None:
        return False
    try:
        shown = datetime.fromisoformat(str(variant.metadata.get("stock_observed_at")))
        return title.stock_observed_at - shown >= OBSERVED_AT_MAX_AGE
    except (TypeError, ValueError):  # missing, or edited into something that is no time
        return True
