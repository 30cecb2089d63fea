"""What has to change for the store to tell the truth: desired against actual, title by title. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.availability import (
    Availability,
    OwnCopies,
    Status,
    after_silence,
    availability,
    with_fixed_backorder,
    with_label,
    with_restrictions,
    with_shelf,
    with_unread_orders,
)
from ingram_assets.domain.guardrails import (
    SLICES_WITHIN,
    Seen,
    TrippedGuardrail,
    all_tripped,
    mass_turn,
    mass_zero,
    turns,
)
from ingram_assets.domain.labels import State
from ingram_assets.domain.let_through import ZERO, GuardedChange
from ingram_assets.domain.lifetime import orders_count_since
from ingram_assets.domain.ownership import is_our_item, why_left_alone
from ingram_assets.domain.position import Orders, Taken, taken_since
from ingram_assets.domain.restrictions import words as restrictions_words
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.store.journal import LastLevel
from ingram_assets.store.model import (
    STATE_TAG,
    Item,
    Level,
    Quantities,
    TitleInStore,
    Variant,
    VariantUpdate,
)
from ingram_assets.store.rules import StoreRules

NO_ORDERS = Orders()

NO_SHELVES: Mapping[str, str] = {}
"""Where the shop has no location of its own that its sales channel sells from."""

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
    label: str | None = None

    @property
    def seen(self) -> Seen:
        """What a shopper is told."""
        return Seen(self.availability, (self.stocked or 0) if self.managed else None)

    @property
    def for_sale(self) -> int:
        """Copies that no order has, as a guardrail counts them; 1 where none are managed, and it sells on."""
        return max(0, int((self.stocked or 0) - max(0, self.reserved))) if self.managed else 1

    @property
    def copies(self) -> int:
        """The same with those that orders have."""
        return max(0, int(self.stocked or 0)) if self.managed else 1


@dataclass(frozen=True, slots=True)
class TitleWrites:
    """What is written of one title, and why. What is `None`, empty or false stays as it is.

    Attributes:
        reasons: sentences for a person, and for the journal.
        variant, item, name: what the writes go to; an item that is missing is made with its level, and name.
        quantities, flags: the level's copies, and the variant's update.
        link_item, rename_item: the variant is linked to the item; the item's SKU becomes the ISBN.
        name_item: the item's title becomes `name`.
        tag: the product's tag that says its state, in the place of any other such tag.
        old_tags: tags of ours that say a state and are taken off, since the shop wants none any more.
    """

    isbn: str
    reasons: tuple[str, ...] = ()
    variant: Variant | None = None
    item: Item | None = None
    name: str | None = None
    quantities: Quantities | None = None
    flags: VariantUpdate = field(default_factory=VariantUpdate)
    link_item: bool = False
    rename_item: bool = False
    name_item: bool = False
    tag: str | None = None
    old_tags: tuple[str, ...] = ()

    @property
    def level_before(self) -> Level | None:
        """The level as it is."""
        return self.item.level if self.item else None

    @property
    def level(self) -> Literal["create", "update"] | None:
        """What is done to the level."""
        if self.quantities is None:
            return None
        return "update" if self.level_before else "create"

    @property
    def create_item(self) -> bool:
        """Whether an inventory item has to be made, with its level."""
        return self.level == "create" and self.item is None

    def writes_all_of(self, other: "TitleWrites") -> bool:
        """Whether nothing is left to be written of the other, but the time of its reading."""
        mine, others = (_but_the_stamp(each.flags) for each in (self, other))
        rest = (self.quantities, mine) == (other.quantities, others)
        rest = rest and (self.tag, self.old_tags) == (other.tag, other.old_tags)
        return rest and not other.link_item and not other.rename_item


@dataclass(frozen=True, slots=True, kw_only=True)
class TitlePlan(TitleWrites):
    """What is to be done about one title. The reasons say why it is written, or why not.

    Attributes:
        status, state, label: what the rules make of the title.
        before, after: `None` where the store does not have the title.
        repaired: somebody else had changed the level since we wrote it.
        shown_last: the level that we wrote last, where that is known.
        last_reading: the level that the reading which the store shows has given; fulfilments lower a level
            without one.
        zero_for_unknown: the level is 0 because there has to be one, not because 0 was read.
        earlier: what the store showed in the hours before, where that is known.
        by_time: it changes because time passed (its copies were counted too long ago, or its day of
            publication came), whatever was read: no guardrail keeps it from the store.
    """

    verdict: Verdict
    status: Status
    state: State
    label: str | None
    before: Shown | None = None
    after: Shown | None = None
    repaired: bool = False
    shown_last: float | None = None
    last_reading: float | None = None
    zero_for_unknown: bool = False
    earlier: tuple[Shown, ...] = ()
    by_time: bool = False

    def undone(self) -> "TitlePlan":
        """The same title with nothing written of it."""
        return TitlePlan(
            isbn=self.isbn,
            verdict="unchanged",
            status=self.status,
            state=self.state,
            label=self.label,
            before=self.before,
            after=self.before,
        )

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
    def sells_no_more(self) -> bool:
        """Whether a level is kept before and after it, and has no more copies then."""
        before, after = self.before, self.after
        if not before or not after or before.stocked is None or after.stocked is None:
            return False
        return after.stocked <= before.stocked

    @property
    def sells_less(self) -> bool:
        """Whether fewer copies are in stock after it than before."""
        before, after = self.before, self.after
        if not before or not after or before.availability != "in_stock" or not after.managed:
            return False
        return before.stocked is not None and (after.stocked or 0) < before.stocked

    def fell_to(self, threshold: int) -> bool:
        """Whether the level falls from above the threshold to it or below."""
        if not self.after or not self.after.managed:
            return False
        before = self.before.stocked if self.before else None
        if self.shown_last is not None:
            before = self.shown_last
        elif self.level is None and before is not None and self.last_reading is not None:
            before = self.last_reading
        return before is not None and before > threshold >= (self.after.stocked or 0)


def _as_before(shown: Shown, then: Mapping[str, Any]) -> Shown:
    """What the store showed before these fields were written; of what it did not know, what it shows."""
    if (status := then.get("metadata.availability")) not in (None, "unknown"):
        shown = replace(shown, availability=status)
    if (managed := then.get("manage_inventory")) is not None:
        shown = replace(shown, managed=managed)
    if (stocked := then.get("stocked_quantity")) is not None:
        shown = replace(shown, stocked=stocked)
    return shown


@dataclass(frozen=True, slots=True)
class Plan:
    """What a push would do, for every title it was asked about."""

    titles: tuple[TitlePlan, ...]

    @property
    def writes(self) -> tuple[TitlePlan, ...]:
        """The titles of which something is written."""
        return tuple(each for each in self.titles if each.verdict == "write")

    def ended_by_time(self, aged: Collection[str]) -> "Plan":
        """What time takes off sale, or releases, of a plan for titles as the store was told of them (`told`).

        No guardrail stops it: it rests on no reading that is doubted. A level gets no copies back that orders
        took meanwhile.

        Args:
            aged: ISBNs of titles with copies that are too old by now.
        """
        return Plan(
            tuple(
                _no_more_copies(each)
                for each in self.titles
                if each.before and each.before.availability in ("in_stock", "preorder")
                if each.by_time or (each.isbn in aged and each.sells_less)
            )
        )

    def writing_only(self, some: Iterable[TitlePlan]) -> "Plan":
        """These titles as they are given, and the others with nothing written of them."""
        given = {each.isbn: each for each in some}
        return Plan(tuple(given.get(each.isbn) or each.undone() for each in self.titles))

    def owed_to_orders(self) -> "Plan":
        """What puts no more on sale, of the same plan. No guardrail stops it, either.

        What orders took of the counts, or Medusa put back on sale for them, is taken off. What would put more
        on sale waits for the guardrail: a newer count may be true. What a changed setting makes of the counts
        is among it: whoever asks has to see that it is no more than orders do.
        """
        why = "A guardrail holds back what was read since: this follows from counts of before, and orders."
        return Plan(
            tuple(replace(each, reasons=(*each.reasons, why)) for each in self.writes if each.sells_no_more)
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

    def since(self, shown_before: Mapping[str, Sequence[Mapping[str, Any]]]) -> "Plan":
        """The same change beside what the store showed before and between our last writes, for guardrails.

        So what turns in several pushes, each with too few titles to be stopped, is seen as one; and what
        turned, was put right and turns again, is seen to turn.

        Args:
            shown_before: ISBN to states, each as fields, as the journal has them, to their values then.
                Titles of which time changed something are not in it.
        """
        return Plan(
            tuple(
                replace(
                    each, earlier=tuple(_as_before(each.before, then) for then in shown_before[each.isbn])
                )
                if each.before and each.isbn in shown_before
                else each
                for each in self.titles
            )
        )

    @property
    def turning_to_zero(self) -> list[str]:
        """The ISBNs that have copies now and would have none (`_copies`)."""
        return [isbn for isbn, (before, after) in self._copies().items() if before > 0 and after <= 0]

    def is_suspicious(self, rules: StoreRules) -> bool:
        """Whether one title at least turns in a direction that a guardrail looks at."""
        limits = rules.thresholds
        turning = (turns(before, after, limits) for earlier, after in self._seen() for before in earlier)
        return bool(self.turning_to_zero) or any(turning)

    def looked(self, rules: StoreRules) -> dict[str, GuardedChange]:
        """ISBN to what guardrails look at in what is written; titles of which that is nothing are missing."""
        copies, found = self._copies(), {}
        shown = {isbn: (lately[0], after) for isbn, lately, after in self._counted()}
        for isbn in (each.isbn for each in self.writes if each.isbn in shown):
            before, after = shown[isbn]
            directions = set[str](turns(before.seen, after.seen, rules.thresholds))
            directions |= {ZERO} if copies[isbn][0] > 0 >= copies[isbn][1] else set()
            if directions:
                found[isbn] = GuardedChange(frozenset(directions), after.seen.copies)
        return found

    def tripped(self, rules: StoreRules) -> TrippedGuardrail | None:
        """The guardrails that stop this push, if any do. The plan is for all tracked titles."""
        found = self._tripped(rules)
        now = (
            Plan(tuple(replace(each, earlier=()) for each in self.titles))._tripped(rules) if found else None
        )
        if found is None or found == now:
            return found
        lately = f"What turned within the last {SLICES_WITHIN.total_seconds() / 3600:g} hours counts, too."
        return replace(found, reason=f"{found.reason} {lately}")

    def _tripped(self, rules: StoreRules) -> TrippedGuardrail | None:
        copies = self._copies()
        before = {isbn: pair[0] for isbn, pair in copies.items()}
        after = {isbn: pair[1] for isbn, pair in copies.items()}
        limits = rules.thresholds
        return all_tripped([mass_zero(before, after, limits), *mass_turn(self._seen(), limits)])

    def _counted(self) -> list[tuple[str, tuple[Shown, ...], Shown]]:
        """What counts in a guardrail's share: titles that the store has, lately and after, but for time's."""
        return [
            (each.isbn, (each.before, *each.earlier), each.after)
            for each in self.titles
            if each.before and each.after and not each.by_time
        ]

    def _seen(self) -> list[tuple[list[Seen], Seen]]:
        return [([one.seen for one in lately], after.seen) for _, lately, after in self._counted()]

    def _copies(self) -> dict[str, tuple[int, int]]:
        """ISBN to the most copies for sale lately, and after; 1 of one that is switched over, and can be had.

        Those reserved for orders keep a level above 0 with `on_hand_plus_reserved`. Where orders have all of
        them, it is those copies that may turn to none.
        """
        copies = {}
        for isbn, lately, then in self._counted():
            shown, after = max(lately, key=lambda one: one.for_sale), then.for_sale
            before = shown.for_sale
            if before <= 0:
                before, after = max(one.copies for one in lately), then.copies
            copies[isbn] = before, 1 if not shown.managed and then.allow_backorder else after
        return copies


def plan_levels(
    titles: Iterable[Title],
    actual: Mapping[str, TitleInStore],
    *,
    today: date,
    rules: StoreRules,
    orders: Mapping[str, Orders] | None = None,
    shelves: Mapping[str, str] = NO_SHELVES,
) -> Plan:
    """What has to be written so that the store shows what the rules make of each title.

    Args:
        actual: what the store has, by ISBN (`read_store`).
        today: the date in the store's time zone.
        orders: inventory item's id to what orders did to it since its title's reading (`read_orders`).
        shelves: the shop's own locations that its sales channel sells from, id to name.
    """
    by_rules = _Rules(today, rules, orders or {}, shelves)
    return Plan(
        tuple(
            _plan_title(title, actual.get(title.isbn) or TitleInStore(title.isbn), by_rules)
            for title in titles
        )
    )


def wanted_of_new(
    title: Title, leftover: Item | None, *, today: date, rules: StoreRules, shelves: Mapping[str, str]
) -> Availability:
    """What a title that the store does not have yet has to show there. `leftover` as for `plan_new`."""
    return _Rules(today, rules, {}, shelves).wanted(title, None, leftover)


def plan_new(
    title: Title,
    leftover: Item | None,
    *,
    today: date,
    rules: StoreRules,
    shelves: Mapping[str, str] = NO_SHELVES,
) -> TitlePlan:
    """The level of a title that the store does not have yet, and the item it goes to if there is one.

    Args:
        leftover: an inventory item with this SKU that a product long gone has left behind.
    """
    level = leftover.level if leftover else None
    wanted = wanted_of_new(title, leftover, today=today, rules=rules, shelves=shelves)
    # What an old product left behind says nothing of this one: its level is as good as none.
    quantities = None if wanted.manage_inventory is False else _quantities(wanted, None)
    reasons: tuple[str, ...] = ("New in the store.",)
    if leftover:
        reasons += (f"The inventory item {leftover.id}, left of a product that is gone, is used again.",)
    return TitlePlan(
        isbn=title.isbn,
        verdict="write",
        status=wanted.status,
        state=wanted.state,
        label=wanted.label,
        reasons=reasons,
        after=_shown_then(quantities, level, bool(wanted.allow_backorder), variant_metadata(title, wanted)),
        item=leftover,
        name=title.title,
        quantities=None if level and level.quantities == quantities else quantities,
        zero_for_unknown=quantities is not None and wanted.stocked_quantity is None,
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
        labels=rules.labels,
    )


def taken_of(title: Title, orders: Orders, rules: StoreRules) -> Taken:
    """What orders did to the copies of the title's last reading."""
    return taken_since(orders_count_since(title), orders, rules.inventory_mode)


def variant_metadata(title: Title, wanted: Availability) -> dict[str, Any]:
    """Our keys of a variant's metadata. One that is `None` is taken away."""
    release = wanted.release if wanted.status == "preorder" else None
    keys: dict[str, Any] = {
        "availability": wanted.status,
        "availability_state": wanted.state,
        "availability_label": wanted.label,
        "in_stock": wanted.in_stock,
        "release_date": release and release.isoformat(),
    }
    if title.stock is not None:
        keys["ingram_stock"] = stock_rules.to_json(title.stock)
    if title.stock_observed_at is not None:
        keys["stock_observed_at"] = title.stock_observed_at.isoformat()
    return keys


@dataclass(frozen=True, slots=True)
class _Rules:
    """By what titles are planned, as `plan_levels` is given it."""

    today: date
    rules: StoreRules
    orders: Mapping[str, Orders]
    shelves: Mapping[str, str]

    def of_item(self, item: Item | None) -> Orders:
        return self.orders.get(item.id, NO_ORDERS) if item else NO_ORDERS

    def wanted(self, title: Title, variant: Variant | None, item: Item | None) -> Availability:
        """What the store has to show: Ingram's copies by the rules, what a person fixed, the shop's own."""
        rules = self.rules
        found = desired(title, today=self.today, rules=rules, orders=self.of_item(item))
        shown = variant.metadata.get("availability") if variant else None
        silent = (title.stock, title.publisher_status, rules.stale_stock)
        found = after_silence(found, shown, *silent, rules.labels)
        ours = variant is not None and variant.our_backorder
        found = with_unread_orders(found, rules.orders_unread, ours, rules.labels)
        found = with_fixed_backorder(found, variant.fixed_backorder if variant else None, rules.labels)
        found = with_restrictions(found, bool(rules.barring(title.restrictions)), rules.labels)
        shelf = shelf_copies(item, found.stocked_quantity, self.shelves)
        return with_label(with_shelf(found, shelf, rules.labels, self.today), rules.labels)


def shelf_copies(item: Item | None, level: int | None, shelves: Mapping[str, str]) -> OwnCopies | None:
    """The shop's own copies that a cart may sell; `None`: there are none.

    A cart adds up all locations of the channel: what orders have of Ingram's copies beyond the level that
    these are to have, it takes off the shop's own.

    Args:
        level: what our level is to be; `None`: what it is.
    """
    own = (
        {each.location_id: each.available for each in item.elsewhere if each.location_id in shelves}
        if item
        else {}
    )
    if not item or not own:
        return None
    ours = item.level.stocked - item.level.reserved if item.level else 0
    if level is not None:
        ours = level - (item.level.reserved if item.level else 0)
    available = int(sum(own.values()) + min(0, ours))
    return OwnCopies(available, shelves[max(own, key=lambda place: own[place])]) if available > 0 else None


@dataclass(frozen=True, slots=True)
class _Case:
    """One title to plan: as it was read, as the store has it, and what the rules want of it."""

    title: Title
    variant: Variant
    item: Item | None
    wanted: Availability
    by: _Rules

    @property
    def rules(self) -> StoreRules:
        return self.by.rules

    @property
    def orders(self) -> Orders:
        return self.by.of_item(self.item)

    @property
    def metadata(self) -> dict[str, Any]:
        """Our keys as they are to be; none of a title that was never read, if the store shows a reading.

        No reading makes a title unavailable: that it may not be sold was taken back, and stands no more.
        """
        wanted, shown = self.wanted, self.variant.metadata
        stands = wanted.status == "unknown" and wanted.allow_backorder is None
        stands = stands and shown.get("availability") not in (None, "unknown")
        stands = stands and shown.get("availability_state") != "unavailable"
        return {} if stands else variant_metadata(self.title, wanted)

    @property
    def level(self) -> Level | None:
        return self.item.level if self.item else None

    @property
    def linked(self) -> bool:
        return self.item is not None and self.item.id in {each.id for each in self.variant.items}

    @property
    def managed(self) -> bool:
        """Whether the title's inventory is to be managed."""
        wanted = self.wanted.manage_inventory
        return self.variant.manage_inventory if wanted is None else wanted

    @property
    def renames_item(self) -> bool:
        """Whether the SKU of an item of ours was left behind by its variant's."""
        ours = self.managed and self.item is not None and self.item.made
        return ours and self.variant.sku == self.title.isbn != (self.item and self.item.sku)

    def last_shown(self) -> tuple[dict[str, DcStock], Availability] | None:
        """The reading that the store shows, and what the rules make of it."""
        try:
            stock = stock_rules.from_json(self.variant.metadata.get("ingram_stock"))
        except (ValueError, AttributeError, TypeError):  # somebody edited it
            return None
        if stock is None:
            return None
        shown = replace(self.title, stock=stock, known=None, aged=None)
        return stock, self.by.wanted(shown, self.variant, self.item)


def _no_more_copies(plan: TitlePlan) -> TitlePlan:
    """The same, but for copies that the level does not have any more: orders of meanwhile took them."""
    level, quantities, after = plan.level_before, plan.quantities, plan.after
    if not level or not quantities or not after or quantities["stocked_quantity"] <= level.stocked:
        return plan
    quantities = {**quantities, "stocked_quantity": level.stocked}
    return replace(
        plan,
        quantities=None if quantities == level.quantities else quantities,
        after=replace(after, stocked=level.stocked),
    )


def _plan_title(title: Title, actual: TitleInStore, by: _Rules) -> TitlePlan:
    variant, item, problem = which(actual)
    shown = variant.metadata.get("availability") if variant else None
    wanted = by.wanted(title, variant, item)
    is_out = title.publication_date is not None and title.publication_date <= by.today
    day_came = shown == "preorder" and wanted.status not in ("preorder", "digital") and is_out
    # So is one whose last old copies were sold by orders, and a preorder that has only old ones.
    ran_out = wanted.stale or wanted.status in ("backorder", "out_of_stock")
    ran_out = title.aged is not None and (ran_out or shown == wanted.status == "preorder")
    plan = TitlePlan(
        isbn=title.isbn,
        verdict="failed",
        status=wanted.status,
        state=wanted.state,
        label=wanted.label,
        reasons=(problem,) if problem else (),
        variant=variant,
        item=item,
        name=title.title,
        by_time=day_came or ran_out,
    )
    if variant is None or problem:
        return replace(plan, before=_shown(variant, None, linked=False) if variant else None)
    case = _Case(title, variant, item, wanted, by)
    before = _shown(variant, case.level, case.linked)
    if variant.sku != title.isbn:
        amiss = (
            f"The variant's SKU is {variant.sku!r}, not the ISBN: it was found by another number or its "
            "inventory item, and kept in step. The SKU is left as it is."
        )
        plan = replace(plan, reasons=(amiss,))
    if why := _why_skipped(case):
        return replace(plan, verdict="skipped", reasons=(*plan.reasons, why), before=before, after=before)
    return _plan_writes(case, replace(plan, before=before))


def _why_skipped(case: _Case) -> str | None:
    if _plan_tag(case) or _old_tags(case):
        return None
    unknown = case.wanted.status == "unknown" and case.wanted.allow_backorder is None
    unknown = unknown and all(case.variant.metadata.get(key) == value for key, value in case.metadata.items())
    if unknown and ((case.linked and case.level) or not case.variant.manage_inventory):
        return "Its stock was never read: the store's level stands."
    if _below_the_bar(case):
        bar = case.rules.min_stock_delta
        return f"On hand moved by less than {bar}, with no change of status: not carried over."
    return None


def _plan_writes(case: _Case, plan: TitlePlan) -> TitlePlan:
    variant, wanted, level = case.variant, case.wanted, case.level
    quantities = _quantities(wanted, level) if case.managed else None
    writes = quantities is not None and (level is None or quantities != level.quantities)
    flags, why_flags = _plan_flags(case, moves=writes)
    link = case.managed and not case.linked
    tag, old_tags = _plan_tag(case), _old_tags(case)
    last = case.last_shown()
    return replace(
        plan,
        verdict="write" if writes or flags or link or case.renames_item or tag or old_tags else "unchanged",
        reasons=(
            *plan.reasons,
            *_why_so(case),
            *(_why_level(wanted, level, quantities) if writes and quantities else ()),
            *why_flags,
            *([f"The product's tag becomes {tag!r}."] if tag else ()),
            *(f"The product's tag {each!r} is taken off (AVAILABILITY_TAGS)." for each in old_tags),
        ),
        after=_shown_then(
            quantities,
            level,
            flags.get("allow_backorder", variant.allow_backorder),
            variant.metadata | flags.get("metadata", {}),
        ),
        quantities=quantities if writes else None,
        flags=flags,
        link_item=link,
        rename_item=case.renames_item,
        tag=tag,
        old_tags=old_tags,
        last_reading=last[1].stocked_quantity if last else None,
        zero_for_unknown=quantities is not None and level is None and wanted.stocked_quantity is None,
    )


def _why_so(case: _Case) -> Iterator[str]:
    """What a person should know of the title, beside what is written."""
    title, wanted, level, item = case.title, case.wanted, case.level, case.item
    yield from _why_orders(case)
    if barring := case.rules.barring(title.restrictions):
        yield f"Its page says {restrictions_words(barring)}: no copies of Ingram's are sold."
    if wanted.state == "on_shelf" and (own := shelf_copies(item, wanted.stocked_quantity, case.by.shelves)):
        yield f"{own.available:g} copies of the shop's own are for sale, at {own.location}: they come first."
    if wanted.stale and wanted.status != "in_stock":
        why = "were counted too long ago" if title.aged else "are on its page no longer, which is not whole"
        yield f"Its copies {why}: it is not sold as in stock."
    if sold := taken_of(title, case.orders, case.rules).sold:
        yield f"{sold} copies were fulfilled since it was read: they are taken off its count."
    if level and level.reserved < 0:
        yield f"Medusa has {level.reserved:g} copies reserved, which can't be: they count as none."
    if item and case.managed and not case.linked:
        yield f"The variant becomes linked to its inventory item {item.id}."
    if item and case.renames_item:
        yield f"The inventory item's SKU becomes the ISBN, instead of {item.sku!r}."


def _why_orders(case: _Case) -> Iterator[str]:
    """Why the title may be ordered, or not, where its copies do not say so."""
    wanted, fixed = case.wanted, case.variant.fixed_backorder
    if fixed is None and wanted.status == "unknown" and wanted.allow_backorder is not None:
        never = "and its stock was never read"
        if wanted.allow_backorder:
            yield "Its stock was never read, and it may be ordered all the same (UNREAD_STOCK)."
        elif case.variant.our_backorder:
            yield f"What let it be ordered was taken back (UNREAD_STOCK, or a person), {never}."
        else:
            yield f"It is no preorder any more, {never}."
    if fixed is not None and wanted.allow_backorder is not None:
        taken = "takes" if fixed else "takes no"
        yield f"A person has fixed that it {taken} back-orders (allow_backorder in the product's metadata)."


def _shown(variant: Variant, level: Level | None, linked: bool) -> Shown:
    counted = level.quantities if level and linked and variant.manage_inventory else None
    told = _shown_then(counted, level, variant.allow_backorder, variant.metadata)
    return replace(told, managed=variant.manage_inventory)


def _shown_then(
    quantities: Quantities | None, level: Level | None, allow_backorder: bool, metadata: Mapping[str, Any]
) -> Shown:
    """What the store will say; without quantities the title is not managed."""
    return Shown(
        quantities is not None,
        quantities["stocked_quantity"] if quantities else None,
        quantities["incoming_quantity"] if quantities else None,
        level.reserved if level else 0,
        allow_backorder,
        metadata.get("availability"),
        metadata.get("availability_label"),
    )


def which(actual: TitleInStore) -> tuple[Variant | None, Item | None, str | None]:
    """The variant and item that stand for the title, or why that can't be told, or is not ours to write."""
    isbn = actual.isbn
    if not actual.variants:
        leftover = f" Its inventory item {actual.leftover.id} is still there." if actual.leftover else ""
        why = (
            f"The store has no product of this title (nothing there has the SKU or EAN {isbn}): it was "
            "deleted, or never imported."
            f"{leftover} To have it back: ingram enrich {isbn}, then ingram push. To do without it: "
            f"ingram retire {isbn}."
        )
        return None, None, why
    if len(actual.variants) > 1:
        ids = ", ".join(each.id for each in actual.variants)
        why = f"{len(actual.variants)} variants have the number {isbn} ({ids}): delete all but one."
        return None, None, why
    (variant,) = actual.variants
    items = variant.items
    if not items and not actual.leftover:
        return variant, None, None
    own = items if len(items) == 1 else [each for each in items if is_our_item(isbn, each)]
    item = own[0] if len(own) == 1 else None if items else actual.leftover
    if item:
        problem = why_left_alone(isbn, item, variant.id)
        return variant, None if problem else item, problem
    listed = ", ".join(f"{each.id} ({each.sku})" for each in items)
    why = (
        f"The variant is made of {len(items)} inventory items, not exactly one of them with the SKU "
        f"{isbn}: {listed}. Unlink all but the book's own in Medusa's admin."
    )
    return variant, None, why


def _below_the_bar(case: _Case) -> bool:
    """Whether all that moved is on hand, by less than the shop wants to hear of.

    The store has to agree with the reading that it shows, else it was changed by somebody else and is
    put right whatever the size of the move.
    """
    stock, variant, level = case.title.stock, case.variant, case.level
    if case.rules.min_stock_delta <= 1 or not variant.manage_inventory or not level:
        return False
    last = case.last_shown()
    if last is None or stock is None or last[0] == stock:
        return False
    last_stock, was = last
    agrees = (
        was.stocked_quantity == level.stocked
        and was.incoming_quantity == level.incoming
        and was.allow_backorder == variant.allow_backorder
        and was.status == variant.metadata.get("availability")
    )
    return agrees and not stock_rules.is_worth_pushing(
        (stock_rules.on_hand(last_stock), stock_rules.on_order(last_stock), was.status),
        (stock_rules.on_hand(stock), stock_rules.on_order(stock), case.wanted.status),
        case.rules.min_stock_delta,
    )


def _quantities(wanted: Availability, level: Level | None) -> Quantities:
    """The copies of a managed title's level; what is not known stays.

    There always is a level, be it 0: without, its carts and orders break.
    """
    stocked, incoming = wanted.stocked_quantity, wanted.incoming_quantity
    return {
        "stocked_quantity": (level.stocked if level else 0) if stocked is None else stocked,
        "incoming_quantity": (level.incoming if level else 0) if incoming is None else incoming,
    }


def _why_level(wanted: Availability, level: Level | None, now: Quantities) -> Iterator[str]:
    if level is None:
        why = " Its stock is not known: the level is 0 because there has to be one."
        yield "It gets a level at our location." + (why if wanted.stocked_quantity is None else "")
        return
    if now["stocked_quantity"] != level.stocked:
        yield f"Level {level.stocked:g} becomes {now['stocked_quantity']:g}."
    if now["incoming_quantity"] != level.incoming:
        yield f"On order {level.incoming:g} becomes {now['incoming_quantity']:g}."


def _remember(plan: TitlePlan, last: LastLevel, orders: Mapping[str, Orders]) -> TitlePlan:
    """Whether the level that is about to be moved is still the one that we wrote, and if not, why."""
    level = plan.level_before
    if plan.item is None or level is None:
        return plan
    of_item = orders.get(plan.item.id, NO_ORDERS)
    taken, returned = of_item.taken_from_level(last.at), of_item.returned_since(last.at)
    whys = (f"A {each.words}, had raised the level." for each in returned)
    plan = replace(plan, reasons=(*plan.reasons, *whys))
    if (level.stocked, level.incoming) in last.quantities:
        return replace(plan, shown_last=level.stocked)
    wrote = level.stocked + taken - sum(each.quantity for each in returned)
    if (taken or returned) and (wrote, level.incoming) in last.quantities:
        fulfilled = (f"{taken:g} copies were fulfilled since we wrote {wrote:g}.",) if taken else ()
        shown = wrote if plan.last_reading is None else plan.last_reading
        return replace(plan, shown_last=shown, reasons=(*plan.reasons, *fulfilled))
    wrote, ordered = last.quantities[-1]
    why = f"Somebody else changed it since we wrote {wrote:g} (on order {ordered:g})."
    return replace(plan, repaired=True, shown_last=wrote, reasons=(*plan.reasons, why))


def _plan_flags(case: _Case, *, moves: bool) -> tuple[VariantUpdate, list[str]]:
    """The variant's part: the body of its update, empty where it is as it should be, and why.

    Args:
        moves: the level is written. Then the reading's time is, too: what orders do from then on counts.
    """
    title, wanted, variant = case.title, case.wanted, case.variant
    flags: VariantUpdate = {}
    reasons: list[str] = []
    if case.managed != variant.manage_inventory:
        flags["manage_inventory"] = case.managed
        reasons.append(
            "Its inventory becomes managed." if case.managed else "Digital: its inventory becomes unmanaged."
        )
    if wanted.allow_backorder is not None and wanted.allow_backorder != variant.allow_backorder:
        flags["allow_backorder"] = wanted.allow_backorder
        reasons.append(f"allow_backorder becomes {str(wanted.allow_backorder).lower()} ({wanted.status}).")
    keys = case.metadata
    changed = {name: value for name, value in keys.items() if variant.metadata.get(name) != value}
    if set(changed) == {"stock_observed_at"} and not flags and not moves and not _is_stale(title, variant):
        changed = {}
    if changed:
        flags["metadata"] = changed
        named = [name for name in changed if name != "stock_observed_at"] or list(changed)
        reasons.append(f"Metadata: {', '.join(sorted(named))}.")
    return flags, reasons


def _plan_tag(case: _Case) -> str | None:
    """The tag that the product lacks, or has beside another of a state; `None`: it is as it should be."""
    tags = case.variant.tags
    if tags is None or not case.rules.availability_tags or not case.metadata:
        return None
    wanted = f"{STATE_TAG}{case.wanted.state.replace('_', ' ')}"
    there = [each["value"] for each in tags if each["value"].startswith(STATE_TAG)]
    return None if there == [wanted] else wanted


def _old_tags(case: _Case) -> tuple[str, ...]:
    """Our tags of a state that the product still has, where the shop wants none."""
    if case.rules.availability_tags:
        return ()
    there = [each["value"] for each in case.variant.tags or ()]
    return tuple(each for each in there if each in case.variant.our_tags)


def _but_the_stamp(flags: VariantUpdate) -> dict[str, Any]:
    """The same update without the time of the reading."""
    metadata = flags.get("metadata", {})
    rest = {name: value for name, value in metadata.items() if name != "stock_observed_at"}
    return {**flags, "metadata": rest}


def _is_stale(title: Title, variant: Variant) -> bool:
    if title.stock_observed_at is None:
        return False
    try:
        shown = datetime.fromisoformat(str(variant.metadata.get("stock_observed_at")))
        return title.stock_observed_at - shown >= OBSERVED_AT_MAX_AGE
    except (TypeError, ValueError):  # missing, or edited into something that is no time
        return True
