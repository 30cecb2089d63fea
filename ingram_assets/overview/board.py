"""The board: every title as the store's shoppers see it, and whether the store follows. Pure.

The rules are the product's own: `store.plan.desired` says what a title is, `domain.lifetime` what is too old
to be sold, `defs.storefront.lag` whether the store follows the queue.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast
from urllib.parse import urlencode

from ingram_assets.defs.storefront.lag import Lag
from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.availability import Status
from ingram_assets.domain.cover_addresses import BOARD, in_width
from ingram_assets.domain.isbn import isbn10_of, isbn_spelled
from ingram_assets.domain.lifetime import age
from ingram_assets.domain.stock import UNSEEN
from ingram_assets.domain.title import Title
from ingram_assets.overview.status import NO_STOCK_TABLE, is_low
from ingram_assets.staging.reader import TitleTrouble
from ingram_assets.store.journal import HeldTitle, InStep
from ingram_assets.store.plan import desired
from ingram_assets.store.rules import StoreRules

PAGE_SIZE = 50
_LONGEST_SEARCH = 200


class StoreStep(StrEnum):
    """Whether the store follows the queue."""

    IN_STEP = "in step"
    ON_ITS_WAY = "on its way"
    HELD = "held back"
    BEHIND = "behind"
    FAILED = "failed"
    RETIRED = "retired"
    NOT_KNOWN = "not known"
    WATCHED = "only watched"


@dataclass(frozen=True, slots=True)
class CenterCopies:
    """What one distribution center holds, in copies; `None` where it was not read."""

    name: str
    on_hand: int | None
    on_order: int | None


@dataclass(frozen=True, slots=True)
class BoardTitle:
    """One title of the board. Times are UTC.

    Attributes:
        price: the list price in dollars.
        status, label: what the rules make of it, and what a shopper reads; no label: the store is left alone.
        level: copies that the rules give the store; `None`: none are counted.
        as_of: when its stock was read; `None`: never.
        is_late: it was read longer ago than is promised; `is_aged`: its copies, too long ago to be sold.
        is_low: it is in stock, with few copies left to sell.
        step_since: since when the store does not follow; `why`: what is the matter, for a person.
        unread: why the last attempt to read it gave nothing.
        has_no_table: because its page shows no stock table, as those of forthcoming titles do for months.
    """

    isbn: str
    title: str
    author: str | None
    cover_url: str | None
    price: Decimal | None
    status: Status
    label: str | None
    centers: tuple[CenterCopies, ...]
    on_hand: int | None
    on_order: int | None
    level: int | None
    as_of: datetime | None
    is_late: bool
    is_aged: bool
    is_low: bool
    step: StoreStep
    step_since: datetime | None
    why: str | None
    unread: str | None
    has_no_table: bool
    is_retired: bool
    words: str
    """Title and author, folded for a search; `numbers`: its ISBNs."""
    numbers: str


@dataclass(frozen=True, slots=True)
class Following:
    """How the store follows the queue, as `lag` finds it.

    Attributes:
        waiting: ISBN to the first change that the store was not told of.
        lag: what the store has not followed for longer than is promised.
        is_watching: nothing is written to the store, so that it follows nothing.
    """

    waiting: Mapping[str, datetime]
    lag: Lag
    is_watching: bool = False


@dataclass(frozen=True, slots=True)
class BoardInputs:
    """What a board is made of.

    Attributes:
        titles: the queue's current rows.
        unread: by ISBN.
        in_step: what the store was last told, by ISBN.
        following: `None`: the journal can't be asked.
        held: the titles that wait behind guardrails.
    """

    titles: Sequence[Title]
    unread: Mapping[str, TitleTrouble] = field(default_factory=dict)
    in_step: Mapping[str, InStep] = field(default_factory=dict)
    following: Following | None = None
    retired: frozenset[str] = frozenset()
    held: Sequence[HeldTitle] = ()


def make_board(
    inputs: BoardInputs, *, now: datetime, today: date, rules: StoreRules, promise: timedelta
) -> tuple[BoardTitle, ...]:
    """All titles, retired ones too, by title.

    Args:
        today: the date in the store's time zone.
        promise: how old a reading may be.
    """
    steps, by = _steps(inputs), _JudgedBy(now, today, rules, promise)
    made = [
        _board_title(
            age(title, now, rules.stock_max_age, rules.stale_stock),
            inputs.unread.get(title.isbn),
            steps[title.isbn],
            title.isbn in inputs.retired,
            inputs.in_step.get(title.isbn),
            by,
        )
        for title in inputs.titles
    ]
    return tuple(sorted(made, key=lambda one: (one.words, one.isbn)))


@dataclass(frozen=True, slots=True)
class _JudgedBy:
    """By what a title is judged; as for `make_board`."""

    now: datetime
    today: date
    rules: StoreRules
    promise: timedelta


_Step = tuple[StoreStep, datetime | None, str | None]


def _steps(inputs: BoardInputs) -> dict[str, _Step]:
    """ISBN to whether the store follows, since when it does not, and what is the matter."""
    steps: dict[str, _Step] = {one.isbn: (StoreStep.NOT_KNOWN, None, None) for one in inputs.titles}
    if inputs.following is not None:
        usual = StoreStep.WATCHED if inputs.following.is_watching else StoreStep.IN_STEP
        steps = dict.fromkeys(steps, (usual, None, None))
        waiting, behind = inputs.following.waiting, inputs.following.lag.behind
        steps |= {isbn: (StoreStep.ON_ITS_WAY, since, None) for isbn, since in waiting.items()}
        steps |= {one.isbn: (StoreStep.BEHIND, one.since, one.words) for one in behind}
        steps |= {
            isbn: (StoreStep.HELD, steps[isbn][1] or held[0].at, held_words(held))
            for isbn, held in held_titles(inputs.held).items()
            if isbn in steps and not inputs.following.is_watching
        }
        steps |= {
            isbn: (StoreStep.BEHIND, told.undone_at, "is as an undo left it")
            for isbn, told in inputs.in_step.items()
            if told.undone_at and isbn in steps
        }
    steps |= {
        one.isbn: (StoreStep.FAILED, None, one.failed_reason)
        for one in inputs.titles
        if one.failed_reason is not None
    }
    return steps | dict.fromkeys(inputs.retired, (StoreStep.RETIRED, None, None))


def held_titles(held: Iterable[HeldTitle]) -> dict[str, list[HeldTitle]]:
    """ISBN to the guardrails behind which it waits, the first one first."""
    found: dict[str, list[HeldTitle]] = {}
    for one in held:
        found.setdefault(one.isbn, []).append(one)
    return found


def held_words(held: Iterable[HeldTitle]) -> str:
    """That a guardrail holds a title back, what to do, and why."""
    reasons = " ".join(one.reason for one in held)
    return f"A guardrail holds it back: plan a push under Runs, and let it through if it is right. {reasons}"


def _board_title(
    title: Title,
    unread: TitleTrouble | None,
    step: _Step,
    is_retired: bool,
    told: InStep | None,
    by: _JudgedBy,
) -> BoardTitle:
    wanted = desired(title, today=by.today, rules=by.rules)
    # What shoppers see rests on the shop's own copies, too, which the store alone knows.
    shown = told if told and told.status in STATUSES else wanted
    as_of = title.stock_observed_at
    return BoardTitle(
        isbn=title.isbn,
        title=title.title,
        author=title.author,
        cover_url=in_width(title.cover_url, BOARD) if title.cover_url else None,
        price=title.srp_price,
        status=cast(Status, shown.status),
        label=shown.label,
        centers=tuple(
            CenterCopies(dc, counts[0], counts[1])
            for dc, counts in (title.stock or {}).items()
            if dc != UNSEEN
        ),
        on_hand=stock_rules.on_hand(title.stock),
        on_order=stock_rules.on_order(title.stock),
        level=wanted.stocked_quantity,
        as_of=as_of,
        is_late=as_of is not None and by.now - as_of > by.promise,
        is_aged=title.aged is not None,
        is_low=is_low(wanted, by.rules),
        step=step[0],
        step_since=step[1],
        why=step[2],
        unread=unread.reason if unread else None,
        has_no_table=unread is not None and unread.outcome == NO_STOCK_TABLE,
        is_retired=is_retired,
        words=folded(f"{title.title} {title.author or ''}"),
        numbers=f"{title.isbn} {isbn10_of(title.isbn) or ''}",
    )


def folded(text: str) -> str:
    """Text for a search: no accents, no capitals, single spaces."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


class TitleFilter(StrEnum):
    """What else a title may be filtered by."""

    LATE = "late"
    LOW = "low"
    OUT_OF_STEP = "out_of_step"
    BEHIND = "behind"
    FAILED = "failed"
    NOT_READ = "not_read"
    NO_TABLE = "no_table"
    RETIRED = "retired"


_HAS: Mapping[TitleFilter, Callable[[BoardTitle], bool]] = {
    TitleFilter.LATE: lambda one: one.is_late or one.is_aged,
    TitleFilter.LOW: lambda one: one.is_low,
    TitleFilter.OUT_OF_STEP: lambda one: one.step in (StoreStep.BEHIND, StoreStep.ON_ITS_WAY, StoreStep.HELD),
    # What a guardrail holds back does not come by itself either.
    TitleFilter.BEHIND: lambda one: one.step in (StoreStep.BEHIND, StoreStep.HELD),
    TitleFilter.FAILED: lambda one: one.step is StoreStep.FAILED,
    TitleFilter.NOT_READ: lambda one: not one.has_no_table and (one.unread is not None or one.as_of is None),
    TitleFilter.NO_TABLE: lambda one: one.has_no_table,
    TitleFilter.RETIRED: lambda one: one.is_retired,
}

STATUSES: tuple[Status, ...] = ("in_stock", "backorder", "preorder", "out_of_stock", "digital", "unknown")

_STEPS = list(StoreStep)
_KEYS: Mapping[str, Callable[[BoardTitle], Any]] = {
    "title": lambda one: one.words,
    "author": lambda one: folded(one.author) if one.author else None,
    "status": lambda one: STATUSES.index(one.status),
    "copies": lambda one: one.on_hand,
    "as_of": lambda one: one.as_of,
    "price": lambda one: one.price,
    "store": lambda one: _STEPS.index(one.step),
}
SORTS = tuple(_KEYS)


@dataclass(frozen=True, slots=True)
class BoardQuery:
    """What a person chose to see of the board; `status` and `trait` empty: all.

    Attributes:
        search: words of title and author, or an ISBN in any spelling, or a part of it.
        sort: one of `SORTS`; `down`: the largest first.
        page: from 1.
    """

    search: str = ""
    status: str = ""
    trait: str = ""
    sort: str = "title"
    down: bool = False
    page: int = 1

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "BoardQuery":
        """What an address asks for. What is none is left out: an old bookmark leads to the board, too."""
        status, trait, sort = (values.get(name, "") for name in ("status", "show", "sort"))
        page = values.get("page", "")
        return cls(
            search=" ".join(values.get("q", "").replace("\0", "").split())[:_LONGEST_SEARCH],
            status=status if status in STATUSES else "",
            trait=trait if trait in list(TitleFilter) else "",
            sort=sort if sort in SORTS else "title",
            down=values.get("down") == "1",
            page=max(1, int(page)) if re.fullmatch(r"[0-9]{1,7}", page) else 1,
        )

    @property
    def is_any(self) -> bool:
        """Whether something is left out by choice."""
        return bool(self.search or self.status or self.trait)

    @property
    def address(self) -> str:
        """The board's address with this choice; what is as usual is left out."""
        values = {
            "q": self.search,
            "status": self.status,
            "show": self.trait,
            "sort": "" if self.sort == "title" else self.sort,
            "down": "1" if self.down else "",
            "page": "" if self.page == 1 else str(self.page),
        }
        chosen = urlencode({name: value for name, value in values.items() if value})
        return f"/?{chosen}" if chosen else "/"

    def but(self, **changes: Any) -> "BoardQuery":
        """The same with some of it changed, from its first page on."""
        return replace(self, **({"page": 1} | changes))

    def sorted_by(self, sort: str) -> "BoardQuery":
        """By this column; once more turns it around."""
        return self.but(sort=sort, down=not self.down if sort == self.sort else False)


@dataclass(frozen=True, slots=True)
class BoardPage:
    """A page of what was found. `page` is the last one where a later one was asked for."""

    titles: tuple[BoardTitle, ...]
    found: int
    page: int
    pages: int


def find(titles: Sequence[BoardTitle], query: BoardQuery) -> BoardPage:
    """The page that a query asks for."""
    found = [one for one in titles if _is_meant(one, query)]
    if query.search:
        meant = matcher(query.search)
        found = [one for one in found if meant(one)]
    found = _sorted(found, query)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(query.page, pages)
    shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return BoardPage(tuple(shown), len(found), page, pages)


def _is_meant(one: BoardTitle, query: BoardQuery) -> bool:
    if one.is_retired and query.trait != TitleFilter.RETIRED:
        return False
    if query.status and one.status != query.status:
        return False
    return not query.trait or _HAS[TitleFilter(query.trait)](one)


def _sorted(titles: list[BoardTitle], query: BoardQuery) -> list[BoardTitle]:
    key = _KEYS[query.sort]
    known = [one for one in titles if key(one) is not None]
    # Who has none comes last, in whichever direction.
    known.sort(key=key, reverse=query.down)
    return known + [one for one in titles if key(one) is None]


def matcher(search: str) -> Callable[[BoardTitle], bool]:
    """Whether a title is meant by what was typed: each of its words, or an ISBN or a part of one."""
    words = folded(search).split()
    whole = isbn_spelled(search)
    digits = re.sub(r"[\s\-\u2010-\u2015\u2212]+", "", unicodedata.normalize("NFKC", search)).upper()
    part = digits if re.fullmatch(r"[0-9]{3,13}|[0-9]{0,9}X", digits) and len(digits) > 2 else None

    def is_meant(one: BoardTitle) -> bool:
        if whole is not None:
            return one.isbn == whole
        if part is not None and part in one.numbers:
            return True
        return all(word in one.words or (len(word) > 3 and word in one.numbers) for word in words)

    return is_meant


@dataclass(frozen=True, slots=True)
class BoardCounts:
    """How many titles there are, retired ones left out, by status and by what else they may be."""

    titles: int
    by_status: Mapping[str, int]
    by_trait: Mapping[str, int]


def count_board(titles: Iterable[BoardTitle]) -> BoardCounts:
    """The summary above the board."""
    all_titles = list(titles)
    kept = [one for one in all_titles if not one.is_retired]
    status = Counter(one.status for one in kept)
    traits = {str(trait): sum(map(has, kept)) for trait, has in _HAS.items()}
    traits[str(TitleFilter.RETIRED)] = len(all_titles) - len(kept)
    return BoardCounts(len(kept), {name: status[name] for name in STATUSES}, traits)


def oldest_reading(titles: Iterable[BoardTitle]) -> BoardTitle | None:
    """The title, of those that are not retired, that was read longest ago; `None`: none was ever read."""
    read = (one for one in titles if not one.is_retired and one.as_of is not None)
    return min(read, key=lambda one: (one.as_of or datetime.max.replace(tzinfo=UTC), one.isbn), default=None)
