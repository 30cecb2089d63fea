"""Guardrails: figures that no honest day produces, and that stop a change until a person lets it through.

They look at the whole change, in every direction, as shares of the titles that it could concern. Titles that
are new, that are brought in step for the first time, that a person retired or that have long been unreadable
are in no share: a guardrail counts what is new and unexpected.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf
from typing import Literal, NamedTuple

LONG = timedelta(days=3)
"""What has been wrong with a title for so long is known by now, and no news that could stop a change.

An outage over a weekend is shorter, and still stops; by the third day its alert has been told for two.
"""

GONE = timedelta(days=1)
"""After so long of not being found a title is gone: every sweep of a day has asked, and had an answer."""

SLICES_WITHIN = timedelta(hours=4)
"""What turns within this time is judged as one change, in however many pushes: by then every title was read
twice, as is promised, and false counts that came in slices are put right or stopped."""

MANY_COPIES = 10_000
"""From none to so many is an absurd rise too: Ingram has as many of a best seller, and not of every title."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Above which figures a change is stopped. Shares are fractions of 1.

    The defaults are above what an honest day brings a shop of 100 to 10,000 titles, and below what a changed
    page brings, which concerns nearly all titles at once:

    - Titles sell out and are reprinted by the percent a day, so `max_turning_to_zero` and
      `max_turning_to_backorder` leave room for a week without a reading.
    - A book that is out hardly ever turns into a file, out of the inventory, or back into a preorder.
    - A delivery takes a title from 3 copies to 60: up tenfold, but not a fifth of the shop at once. From
      none to some is no rise at all: so titles come back after an outage.
    - List prices move by tenths. Half or double is one book in thousands, which a person can look at.
    - `min_titles` keeps a shop of ten titles from being stopped by the day on which three of them sell out.

    Attributes:
        min_titles_turning_to_zero: so many have to turn to zero at least; `min_titles` is that of all others.
        rise_factor: a count that is so many times as high as the level is an absurd rise.
        max_prices: share of the titles whose new price is held back, each for itself.
        max_price_fall, max_price_rise: of one title's price, as shares of what it was.
        price_floor, price_ceiling: in US dollars; a price outside is nobody's, in a new title either.
    """

    max_turning_to_zero: float = 0.30
    min_titles_turning_to_zero: int = 5
    max_search_shrinkage: float = 0.50
    max_unread: float = 0.20
    min_titles: int = 5
    max_turning_digital: float = 0.02
    max_turning_unmanaged: float = 0.02
    max_turning_to_preorder: float = 0.05
    max_turning_to_backorder: float = 0.30
    max_rising: float = 0.20
    rise_factor: float = 10
    max_prices: float = 0.05
    max_price_fall: float = 0.50
    max_price_rise: float = 1.00
    price_floor: float = 0.50
    price_ceiling: float = 1_000

    def with_any_price(self) -> "Thresholds":
        """The same, but that no price is held back: a person has looked at them."""
        return replace(self, max_price_fall=1, max_price_rise=inf, price_floor=0, price_ceiling=inf)


@dataclass(frozen=True, slots=True)
class TrippedGuardrail:
    """A guardrail that stops the change. `reason` names the figures and is shown to a person.

    `parts`: where it is several in one, each of them.
    """

    guardrail: str
    reason: str
    parts: tuple["TrippedGuardrail", ...] = field(default=(), compare=False)

    @property
    def each(self) -> tuple["TrippedGuardrail", ...]:
        """Each guardrail for itself."""
        return self.parts or (self,)


def _trips(
    name: str, words: str, count: int, of: int, limit: float, *, at_least: int = 1
) -> TrippedGuardrail | None:
    """The guardrail, if so many of a total are more than its share, and no fewer than `at_least`."""
    if of <= 0 or count < max(1, at_least) or (share := count / of) <= limit:
        return None
    return TrippedGuardrail(name, f"{words} ({_percent(share)}; more than {_percent(limit)} is stopped).")


def all_tripped(tripped: Iterable[TrippedGuardrail | None]) -> TrippedGuardrail | None:
    """All that tripped as one: a person is told of each, not of the first alone."""
    found = [one for one in tripped if one]
    if not found:
        return None
    if len(found) == 1:
        return found[0]
    names, reasons = ", ".join(one.guardrail for one in found), " ".join(one.reason for one in found)
    return TrippedGuardrail(names, reasons, tuple(part for one in found for part in one.each))


def mass_zero(
    before: Mapping[str, int], after: Mapping[str, int], thresholds: Thresholds
) -> TrippedGuardrail | None:
    """Too many titles turning from some copies to none in one push.

    Args:
        before: ISBN to the copies now, less those that orders have, every tracked title.
        after: ISBN to those that are about to be; titles left alone may be missing.
    """
    turning = sum(1 for isbn, level in before.items() if level > 0 and after.get(isbn, level) <= 0)
    return _trips(
        "mass_zero",
        f"{turning} of {len(before)} tracked titles would turn to zero at once",
        turning,
        len(before),
        thresholds.max_turning_to_zero,
        at_least=thresholds.min_titles_turning_to_zero,
    )


class Seen(NamedTuple):
    """What a shopper is told of a title.

    Attributes:
        status: as `availability` gives it; `None` for a title that was never brought in step.
        copies: `None` where none are counted, so that it sells without end.
    """

    status: str | None
    copies: float | None


Turn = Literal["digital", "unmanaged", "preorder", "backorder", "rising"]


def turns(before: Seen, after: Seen, thresholds: Thresholds) -> set[Turn]:
    """The directions in which a title would turn that a guardrail looks at, besides to zero.

    A title that was never in step does not turn, and neither does one whose stock was never read: what it was
    is not known. A preorder that comes out and waits for its copies is back-ordered honestly, and a title
    that sold without end can be ordered as before.
    """
    found: set[Turn] = set()
    if not _was_in_step(before):
        return found
    if after.status == "digital" != before.status:
        found.add("digital")
    if after.copies is None and before.copies is not None:
        found.add("unmanaged")
    if after.status == "preorder" != before.status:
        found.add("preorder")
    if after.copies is not None and before.copies is not None:
        if after.status == "backorder" and before.status not in ("backorder", "preorder"):
            found.add("backorder")
        absurd = thresholds.rise_factor * before.copies if before.copies > 0 else MANY_COPIES
        if after.copies >= absurd and after.copies > before.copies:
            found.add("rising")
    return found


def mass_turn(
    changes: Collection[tuple[Collection[Seen], Seen]], thresholds: Thresholds
) -> list[TrippedGuardrail]:
    """Every direction in which too many titles turn in one push, or have turned lately.

    Args:
        changes: of every tracked title that the store has, whether it changes or not, what it showed lately
            and what it is to show.
    """
    in_step = [(earlier, after) for earlier, after in changes if any(map(_was_in_step, earlier))]
    turning = [
        turn
        for earlier, after in in_step
        for turn in set[Turn]().union(*(turns(before, after, thresholds) for before in earlier))
    ]
    rise = f"rise to {thresholds.rise_factor:g} times their copies or more"
    limits: dict[Turn, tuple[float, str]] = {
        "digital": (thresholds.max_turning_digital, "turn into files (digital)"),
        "unmanaged": (thresholds.max_turning_unmanaged, "turn to selling without end (unmanaged)"),
        "preorder": (thresholds.max_turning_to_preorder, "turn to preorder"),
        "backorder": (thresholds.max_turning_to_backorder, "turn to back-order"),
        "rising": (thresholds.max_rising, rise),
    }
    tripped = []
    for turn, (limit, words) in limits.items():
        count, of = turning.count(turn), len(in_step)
        words = f"{count} of {of} titles in the store would {words} at once"
        tripped.append(_trips(f"mass_{turn}", words, count, of, limit, at_least=thresholds.min_titles))
    return [one for one in tripped if one]


def _was_in_step(before: Seen) -> bool:
    return before.status not in (None, "unknown")


class HeldPrice(NamedTuple):
    """Why one title's price is not believed: `what` it does, and a clause for a person."""

    what: Literal["fall", "rise", "are below the floor", "are above the ceiling"]
    reason: str


def held_price(
    price: Decimal | float, known: Iterable[Decimal | float | None], thresholds: Thresholds
) -> HeldPrice | None:
    """Whether a title's price is held back until a person lets it through.

    Args:
        price: in US dollars.
        known: what it was: the store's price, and the one that we wrote last. A move that is small from
            either of them is believed: a person's own sale price is no reason to doubt the list price.
            None known: a new title, of which the floor and the ceiling alone can be asked.
    """
    then = float(price)
    if then < thresholds.price_floor:
        return HeldPrice("are below the floor", f"${then:,.2f} is below ${thresholds.price_floor:,.2f}")
    if then > thresholds.price_ceiling:
        return HeldPrice("are above the ceiling", f"${then:,.2f} is above ${thresholds.price_ceiling:,.2f}")
    worst: HeldPrice | None = None
    for was in [float(one) for one in known if one and one > 0]:
        move = (then - was) / was
        if -thresholds.max_price_fall <= round(move, 9) <= thresholds.max_price_rise:
            return None
        limit = thresholds.max_price_fall if move < 0 else thresholds.max_price_rise
        worst = worst or HeldPrice(
            "fall" if move < 0 else "rise",
            f"from ${was:,.2f} to ${then:,.2f} it would {'fall' if move < 0 else 'rise'} by "
            f"{_percent(abs(move))}, and more than {_percent(limit)} is held back",
        )
    return worst


def mass_price(held: Collection[HeldPrice], titles: int, thresholds: Thresholds) -> TrippedGuardrail | None:
    """Too many prices held back at once: it is not these titles that are odd, but the page.

    Args:
        held: of titles that the store has, those of new ones left out.
        titles: how many the store has.
    """
    limits = {
        "fall": f"by more than {_percent(thresholds.max_price_fall)}",
        "rise": f"by more than {_percent(thresholds.max_price_rise)}",
        "are below the floor": f"of ${thresholds.price_floor:,.2f}",
        "are above the ceiling": f"of ${thresholds.price_ceiling:,.2f}",
    }
    kinds = Counter(one.what for one in held)
    figures = ", ".join(f"{count} {kind} {limits[kind]}" for kind, count in kinds.items())
    words = f"The prices of {len(held)} of {titles} titles in the store are not believed: {figures}"
    limit, at_least = thresholds.max_prices, thresholds.min_titles
    return _trips("mass_price", words, len(held), titles, limit, at_least=at_least)


def search_shrunk(known: int, found: int, thresholds: Thresholds) -> TrippedGuardrail | None:
    """A saved search that lost more titles than a week does. `known` is its size last time, 0 at first."""
    if known == 0 or (share := (known - found) / known) <= thresholds.max_search_shrinkage:
        return None
    return TrippedGuardrail(
        "search_shrunk",
        f"The saved search lists {found} titles, last time it listed {known} "
        f"({_percent(share)} fewer; more than {_percent(thresholds.max_search_shrinkage)} is stopped).",
    )


class Attempt(NamedTuple):
    """How the last attempt to read a tracked title ended.

    Attributes:
        outcome: of one that gave nothing (`blocked`, `not_found`, …); `None` for one that was read.
        unread_since: the first of the attempts in a row that gave nothing.
        known: whether its stock was ever read.
    """

    isbn: str
    outcome: str | None = None
    unread_since: datetime | None = None
    known: bool = True


def readable(attempts: Iterable[Attempt], now: datetime) -> list[Attempt]:
    """The attempts that tell whether the site can be read; the others are in no share.

    A title that shows no stock table was read, and said nothing: forthcoming titles do so for months. One
    that iPage never had is not found, and that is no news, and neither is one that is `GONE`. What has been
    unreadable for `LONG` is broken by itself, and says nothing of the rest. But many that were there and are
    not found all of a sudden are a sign that the site does not tell the truth.
    """
    return [one for one in attempts if _tells(one, now)]


def _tells(one: Attempt, now: datetime) -> bool:
    if one.outcome is None:
        return True
    if one.outcome == "no_stock_table" or (one.outcome == "not_found" and not one.known):
        return False
    patience = GONE if one.outcome == "not_found" else LONG
    return one.unread_since is None or now - one.unread_since < patience


TOO_MANY_UNREAD = "too_many_unread"


def too_many_unread(tried: int, unread: int, thresholds: Thresholds) -> TrippedGuardrail | None:
    """Too many pages of a sweep that gave no reading: the site changed, blocks or is down."""
    words = f"{unread} of {tried} pages could not be read"
    return _trips(TOO_MANY_UNREAD, words, unread, tried, thresholds.max_unread)


def is_odd(before: int | None, after: int | None, thresholds: Thresholds) -> bool:
    """Whether a title's copies turn to zero, or rise absurdly, from one reading to the next."""
    if before is None or after is None:
        return False
    absurd = thresholds.rise_factor * before if before else MANY_COPIES
    return (before > 0 and after == 0) or after >= absurd


@dataclass(frozen=True, slots=True)
class OddCounts:
    """Pages whose counts are odd beside the last ones: many at once are not believed.

    Pages read between two sweeps are of a few titles each: of them a push alone would not notice that they
    are about to be all of the shop; nor that the rest of what it stopped is false, where some titles were
    put right.

    Attributes:
        odd: pages that say that no copy is left, or absurdly many are (`is_odd`).
        pages: pages of titles that had copies, or have.
        back: pages that say that there are copies again.
        empty: pages of titles that had none.
    """

    odd: int = 0
    pages: int = 0
    back: int = 0
    empty: int = 0

    def __add__(self, other: "OddCounts") -> "OddCounts":
        return OddCounts(
            self.odd + other.odd,
            self.pages + other.pages,
            self.back + other.back,
            self.empty + other.empty,
        )

    @classmethod
    def of(cls, counts: Iterable[tuple[int | None, int | None]], thresholds: Thresholds) -> "OddCounts":
        """What pages say, each as copies before and after."""
        known = [(before, after) for before, after in counts if before is not None and after is not None]
        telling = [each for each in known if any(each)]
        empty = [after for before, after in known if before == 0]
        odd = sum(is_odd(before, after, thresholds) for before, after in telling)
        return cls(odd, len(telling), len(empty) - empty.count(0), len(empty))

    def doubt(self, thresholds: Thresholds) -> str | None:
        """Why they are not believed; None: they are."""
        factor = f"{thresholds.rise_factor:g} times as many as before"
        words = f"{self.odd} of the last {self.pages} pages say that no copy is left, or {factor}"
        again = f"{self.back} of the last {self.empty} pages of titles without a copy say that there are some"
        limit, at_least = thresholds.max_turning_to_zero, thresholds.min_titles_turning_to_zero
        tripped = all_tripped(
            (
                _trips("odd_counts", words, self.odd, self.pages, limit, at_least=at_least),
                _trips("copies_again", again, self.back, self.empty, limit, at_least=at_least),
            )
        )
        return tripped.reason if tripped else None


MIN_TITLES_VANISHED = 5
"""So few may be gone at once, whatever their share of a small shop."""


def vanished(there: int, gone: int, thresholds: Thresholds) -> TrippedGuardrail | None:
    """Too many titles not found at once that were there before, as behind a wall or while a site is repaired.

    Args:
        there: titles asked for that the last sweeps had read.
        gone: those of them that the site does not list any more, or of which it shows no stock any more.
    """
    words = f"{gone} of {there} titles that were there before are gone at once"
    return _trips("vanished", words, gone, there, thresholds.max_unread, at_least=MIN_TITLES_VANISHED)


def _percent(share: float) -> str:
    """With a decimal where it has one: 30.1% is more than 30%, which rounding would hide."""
    return f"{share * 100:.1f}".removesuffix(".0") + "%"
