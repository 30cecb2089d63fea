"""Why the store shows what it shows of a title: the reading, the rule that matched, the level, the label."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.availability import Availability, is_out_of_print
from ingram_assets.domain.labels import long_date
from ingram_assets.domain.lifetime import counted_at, orders_count_since
from ingram_assets.domain.position import Orders
from ingram_assets.domain.readings import COMPLETE_READINGS_KEPT
from ingram_assets.domain.restrictions import words
from ingram_assets.domain.stock import UNSEEN, DcStock
from ingram_assets.domain.title import Title
from ingram_assets.store.plan import NO_ORDERS, NO_SHELVES, Shown, TitlePlan, desired, taken_of
from ingram_assets.store.rules import StoreRules


@dataclass(frozen=True, slots=True)
class Explanation:
    """Sentences for a person, and the values they are made of.

    `label` is `None` when unknown, and so is `shown`, what the store has now, if it does not have the title.
    `differences`: what the next push would change, or why it would not.
    """

    isbn: str
    title: str
    reading: str
    rule: str
    level: str
    shelves: str
    restrictions: str
    label: str | None
    status: str
    state: str
    shown: Shown | None
    store: str
    differences: tuple[str, ...]

    def text(self) -> str:
        """All of it, a line each."""
        lines = [
            f"{self.isbn}  {self.title}",
            f"Reading:  {self.reading}",
            f"Rule:     {self.status}: {self.rule}",
            f"Level:    {self.level}",
            *([f"Shelves:  {self.shelves}"] if self.shelves else []),
            *([f"Its page: {self.restrictions}"] if self.restrictions else []),
            f"Label:    {self.label} ({self.state.replace('_', ' ')})",
            f"Store:    {self.store}",
        ]
        return "\n".join([*lines, *(f"          {each}" for each in self.differences)])


def explain(
    title: Title,
    plan: TitlePlan,
    orders: Mapping[str, Orders],
    *,
    rules: StoreRules,
    today: date,
    shelves: Mapping[str, str] = NO_SHELVES,
) -> Explanation:
    """Explains one title: its plan, made with these orders of inventory items. Pure.

    Args:
        shelves: the shop's own locations that its sales channel sells from, id to name.
    """
    of_item = orders.get(plan.item.id, NO_ORDERS) if plan.item else NO_ORDERS
    wanted = desired(title, today=today, rules=rules, orders=of_item)
    in_step = ("In step with the rules.",) if plan.verdict == "unchanged" else ()
    return Explanation(
        title.isbn,
        title.title,
        _reading(title),
        _overruled(_rule(title, wanted, rules, today), title, plan, wanted, rules),
        _level(title, wanted, rules, of_item),
        _shelves(plan, shelves),
        words(title.restrictions),
        plan.label,
        plan.status,
        plan.state,
        plan.before,
        _store(plan.before),
        (*in_step, *plan.reasons),
    )


def _reading(title: Title) -> str:
    if title.stock is None:
        return "never read"
    at = f"{title.stock_observed_at:%Y-%m-%d %H:%M} UTC" if title.stock_observed_at else "at an unknown time"
    on_hand, on_order = stock_rules.on_hand(title.stock), stock_rules.on_order(title.stock)
    per_dc = ", ".join(_center(title, dc, counts) for dc, counts in title.stock.items() if dc != UNSEEN)
    told = f"{_count(on_hand)} on hand, {_count(on_order)} on order, read {at} ({per_dc or 'no DC'})"
    if UNSEEN in title.stock:
        told += ". No reading of it was complete: what other centers hold is not known"
    for dc, center in (title.known.gone if title.known else {}).items():
        told += (
            f". {dc} counts no longer: the last {COMPLETE_READINGS_KEPT} complete readings do not show it. "
            f"It had {_count(center.counts.on_hand)} on hand at {center.shown_at:%Y-%m-%d %H:%M} UTC"
        )
    return told


def _center(title: Title, dc: str, counts: DcStock) -> str:
    """A center's counts; with their time where that is not the reading's."""
    told = f"{dc} {_count(counts.on_hand)} on hand and {_count(counts.on_order)} on order"
    at = counted_at(title, dc)
    return told if at is None or at == title.stock_observed_at else f"{told} as of {at:%Y-%m-%d %H:%M} UTC"


def _rule(title: Title, wanted: Availability, rules: StoreRules, today: date) -> str:
    on_hand, on_order = stock_rules.on_hand(title.stock), stock_rules.on_order(title.stock)
    match wanted.status:
        case "digital":
            return f"the binding {title.binding!r} is a download, of which no copies are counted."
        case "preorder":
            assert title.publication_date is not None
            return (
                f"it is published on {long_date(title.publication_date)}, and today is {long_date(today)}: "
                "a preorder is never refused, whatever is on hand."
            )
        case _ if wanted.stale:
            return f"{on_hand} on hand, but counted too long ago to be sold as in stock (STOCK_MAX_AGE)."
        case "in_stock":
            return f"{on_hand} on hand is more than the safety stock of {rules.safety_stock}."
        case "backorder":
            safety = rules.safety_stock
            return (
                f"{on_hand} on hand is not more than the safety stock of {safety}; {on_order} are on order."
            )
        case "out_of_stock" if on_hand is None or (is_out_of_print(title.publisher_status) and not on_order):
            return f"the publisher says {title.publisher_status!r}, and none is on order."
        case "out_of_stock":
            safety = rules.safety_stock
            more = f" (not more than the safety stock of {safety})" if safety else ""
            return f"{on_hand} on hand{more}, and {_count(on_order)} on order."
        case _ if rules.orders_unread:
            return "its stock was never read, and such titles may be ordered (UNREAD_STOCK)."
        case _:
            return "its stock was never read. Unknown is never zero: what the store has stands."


def _overruled(rule: str, title: Title, plan: TitlePlan, wanted: Availability, rules: StoreRules) -> str:
    """The rule that matched, after what comes before it."""
    fixed = plan.variant.fixed_backorder if plan.variant else None
    if barring := rules.barring(title.restrictions):
        rule = f"its page says {words(barring)}, and such titles are not sold (SELL_RESTRICTED)."
    elif fixed not in (None, wanted.allow_backorder) and wanted.status != "digital":
        taken = "takes" if fixed else "takes no"
        rule = (
            f"a person has fixed that it {taken} back-orders (allow_backorder in the product's metadata). "
            f"Without that: {rule}"
        )
    return f"the shop's own copies come first. Of Ingram's: {rule}" if plan.state == "on_shelf" else rule


def _level(title: Title, wanted: Availability, rules: StoreRules, orders: Orders) -> str:
    taken = taken_of(title, orders, rules)
    if wanted.manage_inventory is False:
        return "not managed"
    if wanted.stocked_quantity is None:
        return "left as it is: how many are on hand is not known"
    parts = [f"{_count(stock_rules.on_hand(title.stock))} on hand"]
    if rules.safety_stock and wanted.status == "in_stock":
        parts.append(f"less {rules.safety_stock} safety stock")
    if title.aged is not None:
        parts.append(f"of which {title.aged.fresh} were counted lately enough")
    if taken.sold:
        parts.append(f"less {taken.sold} that orders took since")
    if (read_at := orders_count_since(title)) is not None:
        parts += [f"without a {each.words}" for each in orders.returned_since(read_at)]
    if taken.reserved:
        parts.append(f"and {taken.reserved} added back that are reserved for orders of before")
    ordered = "" if wanted.incoming_quantity is None else f"; incoming {wanted.incoming_quantity}"
    return f"{wanted.stocked_quantity} ({', '.join(parts)}{ordered})"


def _shelves(plan: TitlePlan, shelves: Mapping[str, str]) -> str:
    """The shop's own locations with what may be sold there; "": the title is kept at none of them."""
    kept = [each for each in plan.item.elsewhere if each.location_id in shelves] if plan.item else []
    return ", ".join(_shelf(each.available, shelves[each.location_id]) for each in kept)


def _shelf(available: float, name: str) -> str:
    if available > 0:
        return f"{available:g} available at {name}"
    promised = f" ({-available:g} more are promised to orders than lie there)" if available else ""
    return f"none available at {name}{promised}"


def _store(shown: Shown | None) -> str:
    if shown is None:
        return "does not have it"
    if not shown.managed:
        return "not managed: it sells without end"
    if shown.stocked is None:
        return "managed, without a level at our location"
    available = shown.stocked - shown.reserved
    return (
        f"level {shown.stocked:g}, reserved {shown.reserved:g}, available {available:g}, "
        f"incoming {_count(shown.incoming)}, allow_backorder {str(shown.allow_backorder).lower()}, "
        f"availability {shown.availability or 'none'}"
    )


def _count(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"
