"""What a shopper is told of a title, and what the store's inventory level has to be for it to be true."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from ingram_assets.domain import labels as label_rules
from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.bindings import is_digital
from ingram_assets.domain.labels import LabelTable, State
from ingram_assets.domain.lifetime import StalePolicy
from ingram_assets.domain.position import InventoryMode
from ingram_assets.domain.stock import Stock
from ingram_assets.domain.title import Aged

Status = Literal["digital", "preorder", "in_stock", "backorder", "out_of_stock", "unknown"]

OUT_OF_PRINT = frozenset({"OP", "OI", "AB", "WS"})
"""Publisher status codes of titles that no printer will bring back: out of print, out of stock
indefinitely, canceled, withdrawn (codes of Ingram's stock file)."""
_GIVEN_UP = r"\b(?:cancell?ed|withdrawn|abandoned)\b"
_OUT_OF_PRINT_WORDS = re.compile(rf"\bout of print\b|\bout of stock indefinitely\b|{_GIVEN_UP}")
_CALLED_OFF = frozenset({"AB", "WS", "PP"})
"""Codes of titles whose date holds no more: canceled, withdrawn, postponed indefinitely."""
_CALLED_OFF_WORDS = re.compile(rf"{_GIVEN_UP}|\bpostponed indefinitely\b")

_RELEASES = re.compile(r"Preorder, releases (.+)")


@dataclass(frozen=True, slots=True)
class OwnCopies:
    """Copies at the shop's own locations that no order has, and the location where most of them lie."""

    available: int
    location: str


@dataclass(frozen=True, slots=True)
class Availability:
    """The state a title has to have in the store.

    `None` in a quantity or flag means: leave what the store has.
    """

    status: Status
    label: str | None
    stocked_quantity: int | None
    incoming_quantity: int | None
    allow_backorder: bool | None
    manage_inventory: bool | None
    stale: bool = False
    """It was in stock, and no copy is known of to be there now: the counts are too old, or gone."""
    state: State = "not_read"
    """What booksellers tell apart within a status."""
    release: date | None = None
    """The day on which a title that is not out yet comes out, also where it can't be preordered."""

    @property
    def in_stock(self) -> bool:
        """Whether a copy is known of that can be had at once."""
        return self.status in ("in_stock", "digital")


def availability(
    stock: Stock | None,
    publication_date: date | str | None = None,
    binding: str | None = None,
    publisher_status: str | None = None,
    *,
    today: date | None = None,
    safety_stock: int = 0,
    sold_quantity: int = 0,
    reserved_quantity: int = 0,
    inventory_mode: InventoryMode = "on_hand",
    aged: Aged | None = None,
    labels: LabelTable | None = None,
) -> Availability:
    """The first rule that matches: digital, preorder, in stock, back-order, out of stock, unknown.

    Args:
        stock: the last known stock, by DC; `None` if it was never read.
        publication_date: a date, a time, or either as ISO text; other text ("Spring 2027") says nothing.
        binding: as Ingram names it ("Trade Paper", "E-Book").
        publisher_status: a code of Ingram's stock file ("IP", "OP", …) or words such as "Out of Print".
        today: the date in the store's time zone; default: the machine's, which may be another.
        safety_stock: copies kept back from sale, for what Ingram sells between two readings.
        sold_quantity: copies that orders took since the stock was read (`position.taken_since`).
        reserved_quantity: copies that the store holds for orders which the stock knows of already.
        inventory_mode: `on_hand_plus_reserved` adds those to the level, from which the store takes them off.
        aged: copies in `stock` that nobody counted lately enough are not sold from (`lifetime.age`).
        labels: what shoppers read; default: the table that comes with the program.
    """
    labels, today = labels or label_rules.built_in(), _as_date(today or date.today())  # noqa: DTZ011
    if binding and is_digital(binding):
        return replace(_labeled("digital", "digital", (None, None), None, labels), manage_inventory=False)
    on_hand, on_order = stock_rules.on_hand(stock), stock_rules.on_order(stock)
    sold = max(0, sold_quantity)
    kept = max(0, reserved_quantity) if inventory_mode == "on_hand_plus_reserved" else 0
    fresh = on_hand if aged is None else aged.fresh
    if release := _release(publication_date, publisher_status, today):
        held = None if fresh is None else max(0, fresh + kept - sold)
        return _preorder(release, today, (held, on_order), labels)
    copies = max(0, (fresh or 0) - safety_stock)
    level_and_order = max(0, copies + kept - sold), on_order
    if copies > sold:
        return _labeled("in_stock", "in_stock", level_and_order, False, labels)
    if aged is not None and on_hand is not None and on_hand - safety_stock > sold:
        return _not_known_to_be_there(aged.policy, publisher_status, level_and_order, labels)
    if on_hand is not None and on_order:
        return _labeled("backorder", "backorder", level_and_order, True, labels)
    if on_hand is not None or is_out_of_print(publisher_status):
        return _labeled("out_of_stock", "hard_to_find", level_and_order, False, labels)
    return Availability("unknown", None, None, None, None, None)


def _labeled(
    status: Status,
    state: State,
    copies: tuple[int | None, int | None],
    backorder: bool | None,
    labels: LabelTable,
) -> Availability:
    """A state with its label. `copies`: the level, and what is on order."""
    return Availability(status, labels.label(state), *copies, backorder, True, state=state)


def _preorder(
    release: date, today: date, copies: tuple[int | None, int | None], labels: LabelTable
) -> Availability:
    state = labels.of_preorder(release, today)
    label = labels.label(state, release=release)
    return Availability("preorder", label, *copies, True, True, state=state, release=release)


def _release(publication_date: date | str | None, publisher_status: str | None, today: date) -> date | None:
    """The day on which the title comes out; `None` if it is out, called off, or nobody knows."""
    published = _day(publication_date)
    is_to_come = published is not None and published > today
    is_called_off = _says(publisher_status, _CALLED_OFF, _CALLED_OFF_WORDS)
    return published if is_to_come and not is_called_off else None


def after_silence(
    found: Availability,
    shown: str | None,
    stock: Stock | None,
    publisher_status: str | None,
    policy: StalePolicy,
    labels: LabelTable,
) -> Availability:
    """What becomes of a title of which nothing can be told now, but that the store sells as if it could.

    A preorder whose day came is one no more. Of a title in stock each count that made it so was replaced, and
    no copy is known: it is sold as one whose counts are too old. Anything else is left as it is.

    Args:
        found: what the rules say now.
        shown: the status that the store shows.
    """
    if found.status != "unknown" or found.allow_backorder:
        return found
    if shown == "preorder":
        return replace(found, allow_backorder=False)
    if shown == "in_stock" and stock is not None and policy != "keep":
        return _not_known_to_be_there(policy, publisher_status, (0, stock_rules.on_order(stock)), labels)
    return found


def with_unread_orders(
    found: Availability, may_be_ordered: bool, switched_on: bool, labels: LabelTable
) -> Availability:
    """The same where a title that was never read may be ordered, as one whose copies nobody knows of.

    Args:
        switched_on: it takes back-orders, by a setting or a person's word that was taken back.
    """
    if found.status != "unknown" or found.allow_backorder is not None:
        return found
    if may_be_ordered:
        return _labeled("unknown", "special_order", (None, None), True, labels)
    return replace(found, allow_backorder=False) if switched_on else found


def with_fixed_backorder(found: Availability, fixed: bool | None, labels: LabelTable) -> Availability:
    """The same where a person has fixed whether back-orders of the title are taken; `None`: nobody has.

    What could not be ordered can be, with no date known. What is sold on back-order alone can't be had.
    """
    if fixed is None or found.allow_backorder is fixed or found.status == "digital":
        return found
    status: Status = found.status
    state: State
    match status, fixed:
        case "out_of_stock", True:
            status, state = "backorder", "special_order"
        case "unknown", True:
            state = "special_order"
        case "backorder", False:
            status, state = "out_of_stock", "hard_to_find"
        case "preorder", False if not found.stocked_quantity:
            status, state = "out_of_stock", "unavailable"
        case "unknown", False:
            state = "not_read"
        case _:
            return replace(found, allow_backorder=fixed)
    return replace(found, status=status, state=state, label=labels.label(state), allow_backorder=fixed)


def with_restrictions(found: Availability, barred: bool, labels: LabelTable) -> Availability:
    """The same where the title may not be sold: nothing of Ingram's is for sale or to order."""
    if not barred:
        return found
    nothing = replace(found, status="out_of_stock", state="unavailable", label=labels.label("unavailable"))
    return replace(nothing, stocked_quantity=0, allow_backorder=False, manage_inventory=True)


def with_label(found: Availability, labels: LabelTable) -> Availability:
    """The same with a label in any case: a shopper reads that nobody has looked yet, and not nothing."""
    return replace(found, label=labels.label(found.state)) if found.label is None else found


def with_shelf(found: Availability, shelf: OwnCopies | None, labels: LabelTable, today: date) -> Availability:
    """The same where the shop has copies of its own: they come first. Ingram's level stays what it is.

    Those of a title that is not out yet are preordered, be it that none of Ingram's are for sale. What is
    downloaded lies on no shelf.
    """
    if shelf is None or found.status == "digital":
        return found
    if found.release is not None:
        state = labels.of_preorder(found.release, today)
        label = labels.label(state, release=found.release)
        return replace(found, status="preorder", state=state, label=label)
    label = labels.label("on_shelf", location=shelf.location)
    return replace(found, status="in_stock", state="on_shelf", label=label)


def _not_known_to_be_there(
    policy: Literal["backorder", "out_of_stock"],
    publisher_status: str | None,
    copies: tuple[int, int | None],
    labels: LabelTable,
) -> Availability:
    orders = policy == "backorder" and not is_out_of_print(publisher_status)
    status: Status = "backorder" if orders else "out_of_stock"
    state: State = "special_order" if orders else "hard_to_find"
    return replace(_labeled(status, state, copies, orders, labels), stale=True)


def _day(when: date | str | None) -> date | None:
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when.strip())
        except ValueError:
            return None
    return None if when is None else _as_date(when)


def _as_date(when: date) -> date:
    return when.date() if isinstance(when, datetime) else when


def is_out_of_print(publisher_status: str | None) -> bool:
    """Whether a publisher status, code or words, says that the title will not come again."""
    return _says(publisher_status, OUT_OF_PRINT, _OUT_OF_PRINT_WORDS)


def _says(publisher_status: str | None, codes: frozenset[str], words: re.Pattern[str]) -> bool:
    said = (publisher_status or "").strip()
    return said.upper() in codes or bool(words.search(re.sub(r"[^a-z]+", " ", said.lower())))


def release_of(label: object) -> date | None:
    """The day that a preorder's label named before its day stood beside it; `None` where it names none."""
    found = _RELEASES.fullmatch(label) if isinstance(label, str) else None
    return label_rules.day_in(found[1]) if found else None
