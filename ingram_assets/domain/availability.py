"""What a shopper is told of a title, and what the store's inventory level has to be for it to be true."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.bindings import is_digital
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

_ON_ORDER = "Available to order, ships in 1–2 weeks"
_COUNT_TOO_OLD = "Available to order"
"""The labels of a back-order: what is on order comes soon; what nobody counted lately has no date."""
_RELEASES = re.compile(r"Preorder, releases (\w+) (\d{1,2}), (\d{4})")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


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

    @property
    def in_stock(self) -> bool | None:
        """Whether a copy can be had at once; `None` when unknown."""
        return None if self.status == "unknown" else self.status in ("in_stock", "digital")


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
        aged: copies in `stock` are too old to be sold from (`lifetime.age`).
    """
    if binding and is_digital(binding):
        return Availability("digital", "Available now", None, None, None, manage_inventory=False)
    on_hand, on_order = stock_rules.on_hand(stock), stock_rules.on_order(stock)
    # What nobody has counted lately is not sold from.
    fresh = on_hand if aged is None else aged.fresh
    sold = max(0, sold_quantity)
    moved = (max(0, reserved_quantity) if inventory_mode == "on_hand_plus_reserved" else 0) - sold
    copies = max(0, (fresh or 0) - safety_stock)
    level = max(0, copies + moved)
    if release := _release(publication_date, publisher_status, today):
        held = None if fresh is None else max(0, fresh + moved)
        label = f"Preorder, releases {long_date(release)}"
        return Availability("preorder", label, held, on_order, True, True)
    if copies > sold:
        return Availability("in_stock", "In stock", level, on_order, False, True)
    if aged is not None and on_hand is not None and on_hand - safety_stock > sold:
        return _not_known_to_be_there(aged.policy, publisher_status, level, on_order)
    if on_hand is not None and on_order:
        return Availability("backorder", _ON_ORDER, level, on_order, True, True)
    if on_hand is not None or is_out_of_print(publisher_status):
        return Availability("out_of_stock", "Out of stock", level, on_order, False, True)
    return Availability("unknown", None, None, None, None, None)


def _release(
    publication_date: date | str | None, publisher_status: str | None, today: date | None
) -> date | None:
    """The day on which the title comes out; `None` if it is out, called off, or nobody knows."""
    published, today = _day(publication_date), _day(today)
    is_to_come = published is not None and published > (today or date.today())  # noqa: DTZ011
    is_called_off = _says(publisher_status, _CALLED_OFF, _CALLED_OFF_WORDS)
    return published if is_to_come and not is_called_off else None


def after_silence(
    found: Availability,
    shown: str | None,
    stock: Stock | None,
    publisher_status: str | None,
    policy: StalePolicy,
) -> Availability:
    """What becomes of a title of which nothing can be told now, but that the store sells as if it could.

    A preorder whose day came is one no more. Of a title in stock each count that made it so was replaced, and
    no copy is known: it is sold as one whose counts are too old. Anything else is left as it is.

    Args:
        found: what the rules say now.
        shown: the status that the store shows.
    """
    if found.status != "unknown":
        return found
    if shown == "preorder":
        return replace(found, allow_backorder=False)
    if shown == "in_stock" and stock is not None and policy != "keep":
        return _not_known_to_be_there(policy, publisher_status, 0, stock_rules.on_order(stock))
    return found


def _not_known_to_be_there(
    policy: Literal["backorder", "out_of_stock"],
    publisher_status: str | None,
    level: int,
    on_order: int | None,
) -> Availability:
    if policy == "backorder" and not is_out_of_print(publisher_status):
        return Availability("backorder", _COUNT_TOO_OLD, level, on_order, True, True, stale=True)
    return Availability("out_of_stock", "Out of stock", level, on_order, False, True, stale=True)


def _day(when: date | str | None) -> date | None:
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when.strip())
        except ValueError:
            return None
    return when.date() if isinstance(when, datetime) else when


def is_out_of_print(publisher_status: str | None) -> bool:
    """Whether a publisher status, code or words, says that the title will not come again."""
    return _says(publisher_status, OUT_OF_PRINT, _OUT_OF_PRINT_WORDS)


def _says(publisher_status: str | None, codes: frozenset[str], words: re.Pattern[str]) -> bool:
    said = (publisher_status or "").strip()
    return said.upper() in codes or bool(words.search(re.sub(r"[^a-z]+", " ", said.lower())))


def long_date(day: date) -> str:
    """February 3, 2027, whatever the machine's locale."""
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"


def release_of(label: object) -> date | None:
    """The day that a preorder's label names; `None` where it names none."""
    found = _RELEASES.fullmatch(label) if isinstance(label, str) else None
    if found is None or found[1] not in _MONTHS:
        return None
    try:
        return date(int(found[3]), _MONTHS.index(found[1]) + 1, int(found[2]))
    except ValueError:
        return None
