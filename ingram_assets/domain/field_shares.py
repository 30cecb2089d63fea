"""On how many pages each field stands, and when that is so much less than usual that the site has changed.

Which fields a page has depends on the title: few have a series, a file has no stock table. So no fixed share
tells a change from a title's nature: the shop's own pages do, learnt from sweep to sweep. Titles that are met
for the first time are not judged, since they may be of another kind than the shop's; they become part of
what is usual.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from math import sqrt
from typing import Any, NamedTuple

FEWEST_PAGES = 20
"""Pages of titles that were read before, after which a share is judged."""

GATHERED_WITHIN = 6 * 3600.0
"""Sweeps of fewer pages are added together for so long (seconds)."""

RAREST = 0.2
"""A field that stands on a smaller share of the pages says too little of the site."""

DROPS_TO, BACK_AT = 0.5, 0.75
"""Shares of what is usual: at most so much is a drop, and from so much on it is over."""

_BEYOND_CHANCE = 5.0
"""Standard deviations: pages are no random sample, but those of a small sweep may be the odd ones."""

HALF_LEARNT_AFTER = 24 * 3600.0
"""Seconds in which the usual share moves half the way to what pages show: slowly enough that a change is seen
which a site brings to one page after another, over days; fast enough to follow a shop's titles."""

NEW_NORMAL_AFTER = 7 * 24 * 3600.0
"""Seconds after which a drop is usual: whoever was to act has been told for a week."""

STOCK_TABLE = "stock table"
_CENTER = "center "
_LONGEST_EXAMPLE = 120


def center(code: str) -> str:
    """The field of a distribution center. Its share is one of the pages that have a stock table."""
    return f"{_CENTER}{code}"


@dataclass(slots=True)
class PageCounts:
    """Pages, and by field how many of them had it.

    Attributes:
        lacking: by field a page that lacks it: ISBN and title.
    """

    pages: int = 0
    had: Counter[str] = field(default_factory=Counter)
    lacking: dict[str, str] = field(default_factory=dict)

    def count(self, shown: Collection[str], expected: Iterable[str], page: str) -> None:
        """Count a page, named as `page`, that has the fields `shown`, of those that may be expected."""
        self.pages += 1
        self.had.update(shown)
        for name in expected:
            if name not in shown and (STOCK_TABLE in shown or not name.startswith(_CENTER)):
                self.lacking.setdefault(name, page[:_LONGEST_EXAMPLE])

    def of(self, name: str) -> int:
        """How many of the pages might have the field."""
        return self.had[STOCK_TABLE] if name.startswith(_CENTER) else self.pages

    def __add__(self, other: "PageCounts") -> "PageCounts":
        return PageCounts(self.pages + other.pages, self.had + other.had, {**self.lacking, **other.lacking})


class UsualShare(NamedTuple):
    """A field's usual share, and of how many pages it was in the last sweep."""

    share: float
    pages: int


@dataclass(frozen=True, slots=True)
class SweptPages:
    """The pages of one sweep. `new`: of titles that were met for the first time. `at`: seconds since 1970."""

    at: float
    known: PageCounts
    new: PageCounts


@dataclass(frozen=True, slots=True)
class ShareDrop:
    """A field that is read on far fewer pages than usual.

    Attributes:
        since: seconds since 1970.
        before: the usual share until then.
        had, pages: how many of how many pages have it now.
        example: a page without it: ISBN and title.
    """

    field: str
    since: float
    before: float
    had: int
    pages: int
    example: str

    @property
    def sentence(self) -> str:
        """The field, its share before and now, and an example."""
        example = f", {self.example} for one" if self.example else ""
        return (
            f"{self.field}: read on {self.before:.0%} of the pages before, and on {self.had:,} of "
            f"{self.pages:,} now ({self.had / self.pages:.0%}){example}."
        )


@dataclass(frozen=True, slots=True)
class FieldWatch:
    """What is known of the fields of this shop's pages.

    Attributes:
        usual: field to its usual share.
        learnt_at: when shares were judged last, in seconds since 1970.
        gathered: sweeps that are too small to be judged alone.
        drops: what is wrong now, by field.
        settled: sentences on drops that are usual since the last sweep.
    """

    usual: Mapping[str, UsualShare] = field(default_factory=dict)
    learnt_at: float = 0.0
    gathered: tuple[SweptPages, ...] = ()
    drops: Mapping[str, ShareDrop] = field(default_factory=dict)
    settled: tuple[str, ...] = ()


def after_sweep(watch: FieldWatch, swept: SweptPages, *, is_right: bool = False) -> FieldWatch:
    """What is known after a sweep.

    Args:
        is_right: a person looked at the pages: the drops that were told of before this sweep are usual now.
    """
    lately = (*(one for one in watch.gathered if swept.at - one.at <= GATHERED_WITHIN), swept)
    known, new = PageCounts(), PageCounts()
    for one in lately:
        known, new = known + one.known, new + one.new
    if known.pages + new.pages < FEWEST_PAGES:
        return replace(watch, gathered=lately, settled=())
    names = {*watch.usual, *known.had, *new.had}
    usual, drops, settled = dict(watch.usual), dict[str, ShareDrop](), list[str]()
    passed = max(0.0, swept.at - watch.learnt_at)
    for name in sorted(names):
        drop = _judged(name, watch, known, swept.at)
        if drop is None:
            if learnt := _learnt(watch.usual.get(name), name, known, new, passed):
                usual[name] = learnt
        elif name in watch.drops and (is_right or swept.at - drop.since >= NEW_NORMAL_AFTER):
            usual[name] = UsualShare(drop.had / drop.pages, drop.pages)
            settled.append(f"{drop.sentence} That is taken as usual from now on.")
        else:
            drops[name] = drop
    return FieldWatch(usual, swept.at, (), drops, tuple(settled))


def _judged(name: str, watch: FieldWatch, known: PageCounts, now: float) -> ShareDrop | None:
    """The drop of a field by the pages of titles that were read before; `None`: there is none."""
    usual, before, pages = watch.usual.get(name), watch.drops.get(name), known.of(name)
    if usual is None or (pages < FEWEST_PAGES and before is None):
        return None
    if pages < FEWEST_PAGES:
        return before
    had = known.had[name]
    is_still = before is not None and had < usual.share * BACK_AT * pages
    if not is_still and not is_drop(usual.share, had, pages):
        return None
    since = before.since if before else now
    return ShareDrop(name, since, usual.share, had, pages, known.lacking.get(name, ""))


def is_drop(usual: float, had: int, pages: int) -> bool:
    """Whether a field that usually has this share of the pages is on so few of these that it is gone."""
    expected = usual * pages
    chance = _BEYOND_CHANCE * sqrt(expected * (1 - usual))
    return usual >= RAREST and had <= expected * DROPS_TO and expected - had >= chance


def _learnt(
    usual: UsualShare | None, name: str, known: PageCounts, new: PageCounts, passed: float
) -> UsualShare | None:
    """The usual share after `passed` seconds. New titles count as if they had been there all the time."""
    pages, added = known.of(name), new.of(name)
    if usual is None:
        had = known.had[name] + new.had[name]
        return UsualShare(had / (pages + added), pages + added) if pages + added >= FEWEST_PAGES else None
    share = usual.share
    if pages:
        share += (1 - 0.5 ** (passed / HALF_LEARNT_AFTER)) * (known.had[name] / pages - share)
    weight = max(pages, usual.pages)
    share = (share * weight + new.had[name]) / (weight + added) if added else share
    return UsualShare(min(1.0, share), pages + added)


def to_json(watch: FieldWatch) -> dict[str, Any]:
    """As it is carried from one sweep to the next."""
    return {
        "usual": {name: list(usual) for name, usual in watch.usual.items()},
        "learnt_at": watch.learnt_at,
        "gathered": [
            {"at": one.at, "known": counts_to_json(one.known), "new": counts_to_json(one.new)}
            for one in watch.gathered
        ],
        "drops": {name: asdict(drop) for name, drop in watch.drops.items()},
    }


def counts_to_json(counts: PageCounts) -> dict[str, Any]:
    """As it is carried from one run to another."""
    return {"pages": counts.pages, "had": dict(counts.had), "lacking": counts.lacking}


def from_json(data: Any) -> FieldWatch:
    """What `to_json` wrote; an empty watch for anything else: then the next sweeps learn it anew."""
    try:
        return FieldWatch(
            {
                str(name): UsualShare(float(share), int(pages))
                for name, (share, pages) in data["usual"].items()
            },
            float(data["learnt_at"]),
            tuple(
                SweptPages(float(one["at"]), counts_from_json(one["known"]), counts_from_json(one["new"]))
                for one in data["gathered"]
            ),
            {str(name): ShareDrop(**drop) for name, drop in data["drops"].items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return FieldWatch()


def counts_from_json(data: Mapping[str, Any]) -> PageCounts:
    """What `counts_to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: anything else.
    """
    return PageCounts(int(data["pages"]), Counter(data["had"]), dict(data["lacking"]))
