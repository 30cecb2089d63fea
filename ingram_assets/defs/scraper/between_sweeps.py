"""What is read between two sweeps, gathered from Dagster's own events: the likeliest sell-outs.

The scraper can't read the queue. What it needs to choose stands in the events of each title's last reading,
which also carry the changes of its stock; which titles shoppers ordered, the storefront tells as events of
`medusa/orders`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from math import isfinite
from typing import Any

import dagster as dg

from ingram_assets.defs.events import REPORT
from ingram_assets.defs.keys import LIKELY_SELL_OUTS, ORDERS, STOCK_SWEEP
from ingram_assets.defs.next_reading import CHOICE, WANTED_FOR
from ingram_assets.defs.reading_events import last_made, last_reading, made_since, reading_events, said
from ingram_assets.defs.scraper.earlier_sweeps import KnownBefore
from ingram_assets.defs.scraper.sweep_result import SweepResult, shows_a_count
from ingram_assets.domain.freshness import LastReading, NextTitle, pages_left, usual_demand
from ingram_assets.domain.guardrails import OddCounts, Thresholds
from ingram_assets.domain.stock import on_hand
from ingram_assets.sources.ipage.site import Reading

_ASKED, _COUNTS, _HELD_BACK = "asked", "counts", "held_back"
_LEFT_ALONE_FOR = 1800.0
"""Seconds in which a title that could not be read is not asked for again: the sweep tries it, too."""

_LOOKED_AT = 15
"""The last so many pages that tell something of it tell whether counts are believed."""

SWEPT_ODDLY = "odd_counts"
"""The metadata key of a sweep that says why its counts are doubted."""

_DOUBTED_FOR = 300.0
"""Seconds after a sweep of odd counts until all titles are read again. What some of them say meanwhile would
only lower the share that a guardrail goes by."""

_RUNS = 500
_SHOWN = 200


NOTHING_ODD = OddCounts()


@dataclass(frozen=True, slots=True)
class RunBetween:
    """A run between sweeps that is over. `at`: seconds since 1970; `failed`: titles that were not read."""

    at: float
    asked: int
    counts: OddCounts = NOTHING_ODD
    failed: frozenset[str] = frozenset()
    held_back: str | None = None


@dataclass(frozen=True, slots=True)
class BetweenSweeps:
    """What was read since the last sweep. Times are seconds since 1970.

    Attributes:
        swept_at: when that sweep was complete.
        pages: that were asked for since.
        failed: titles that could not be read a short while ago.
        counts: of the last pages, `_LOOKED_AT` or a few more of titles with copies, and of those without.
        held_back: why the pages of the last run were not believed; None: they were.
        swept_oddly: why those of the sweep are doubted: they are recorded, and soon all are read again.
    """

    swept_at: float
    pages: int = 0
    failed: frozenset[str] = frozenset()
    counts: OddCounts = NOTHING_ODD
    held_back: str | None = None
    swept_oddly: str | None = None

    @classmethod
    def of(
        cls, swept_at: float, runs: Sequence[RunBetween], now: float, swept_oddly: str | None = None
    ) -> "BetweenSweeps":
        """What these runs since the sweep did, the newest first."""
        counts = NOTHING_ODD
        for run in runs:
            full, none = counts.pages < _LOOKED_AT, counts.empty < _LOOKED_AT
            counts += OddCounts(
                odd=full * run.counts.odd,
                pages=full * run.counts.pages,
                back=none * run.counts.back,
                empty=none * run.counts.empty,
            )
        return cls(
            swept_at,
            pages=sum(run.asked for run in runs),
            failed=frozenset().union(*(run.failed for run in runs if run.at > now - _LEFT_ALONE_FOR)),
            counts=counts,
            held_back=runs[0].held_back if runs else None,
            swept_oddly=swept_oddly,
        )

    def all_again(self, now: float) -> str | None:
        """Why all titles are to be read again now, before it is their time; None: they are not."""
        if self.held_back:
            return f"{self.held_back} So all are read."
        if self.swept_oddly and now - self.swept_at >= _DOUBTED_FOR:
            return f"{self.swept_oddly} So all are read once more."
        return None

    def pages_now(self, titles: int, pages_per_hour: float | None, sweep_every: float, now: float) -> int:
        """How many pages may be read now, as `pages_left` says."""
        since = min(max(0.0, now - self.swept_at), sweep_every)
        return pages_left(titles, pages_per_hour, sweep_every, since_sweep=since, read=self.pages)

    def nothing_to_do(self, pages: int, *, sweep_failed: bool, sweep_every: float, now: float) -> str | None:
        """Why nothing is read now, before the next sweep; None: so many pages are.

        Args:
            sweep_failed: the last sweep since then came to nothing.
        """
        if self.held_back or self.swept_oddly:
            return "The last pages were doubted: a sweep of all titles comes next."
        if sweep_failed or now - self.swept_at >= sweep_every:
            return "A sweep of all titles comes next."
        if pages < 1:
            return "The sweeps use up PAGES_PER_HOUR, or what they leave of it was read by now."
        return None


def between_sweeps(instance: dg.DagsterInstance, now: float, runs: int = _RUNS) -> BetweenSweeps | None:
    """What was read since the last sweep; None if there was none yet.

    Args:
        runs: how many of the last runs are looked at. One tells whether its pages were believed.
    """
    swept = last_made(instance, STOCK_SWEEP)
    if swept is None:
        return None
    since = dg.AssetRecordsFilter(LIKELY_SELL_OUTS, after_storage_id=swept.storage_id)
    found = [_run(record) for record in instance.fetch_materializations(since, limit=runs).records]
    return BetweenSweeps.of(swept.timestamp, found, now, said(swept, SWEPT_ODDLY))


def _run(record: dg.EventLogRecord) -> RunBetween:
    report = said(record, REPORT) or {}
    return RunBetween(
        record.timestamp,
        said(record, _ASKED) or 0,
        OddCounts(**(said(record, _COUNTS) or {})),
        frozenset(entry["isbn"] for entry in report.get("failed", ())),
        said(record, _HELD_BACK),
    )


def last_readings(
    instance: dg.DagsterInstance, tracked: Collection[str], earlier: KnownBefore, now: float, today: date
) -> dict[str, LastReading]:
    """The last readings of the tracked titles, by ISBN."""
    ordered = made_since(instance, ORDERS, now - WANTED_FOR)
    events = reading_events(instance, {isbn: earlier.read[isbn] for isbn in tracked if isbn in earlier.read})
    return {isbn: last_reading(event, isbn in ordered, today) for isbn, event in events.items()}


def worth_a_try(
    titles: Mapping[str, LastReading],
    earlier: KnownBefore,
    failed: Collection[str],
    now: float,
    promise: float,
) -> dict[str, LastReading]:
    """The titles that are expected to be readable now, or whose promise can still be kept.

    A title that the last sweep could not read is tried until its promise is broken. Then it is the sweeps'.

    Args:
        failed: titles that could not be read a short while ago.
        promise: how old a reading may be, in seconds.
    """
    known = earlier.known
    return {
        isbn: one
        for isbn, one in titles.items()
        if isbn not in failed and (isbn in known or one.at > now - promise)
    }


def odd_counts(
    readings: Iterable[Reading], titles: Mapping[str, LastReading], thresholds: Thresholds
) -> OddCounts:
    """What these pages say of titles, beside what was known of them."""
    shown = [one for one in readings if one.page is not None and shows_a_count(one.page)]
    counts = [(titles[one.isbn].copies, on_hand(one.page.stock if one.page else None)) for one in shown]
    return OddCounts.of(counts, thresholds)


def left_for_the_next_run(
    sweep: SweepResult,
    chosen: Sequence[NextTitle],
    titles: Mapping[str, LastReading],
    counts: OddCounts,
    names: Mapping[str, str],
) -> dict[str, Any]:
    """The metadata of a run between sweeps: what it asked for and why, and what the next one goes by.

    Args:
        names: ISBN to title, as far as it is known.
    """
    usual = usual_demand(titles.values())
    least = min((one.worth for one in chosen if isfinite(one.worth)), default=None)
    left: dict[str, Any] = {
        _ASKED: len(sweep.seconds) - sweep.not_asked,
        _COUNTS: dg.MetadataValue.json(asdict(counts)),
        # For `ingram explain`: from which worth on a title is read, and what worth is reckoned with.
        CHOICE: dg.MetadataValue.json({"least_worth": least, "usual_demand": usual}),
        "chosen": dg.MetadataValue.table(
            [
                dg.TableRecord({"isbn": one.isbn, "title": names.get(one.isbn, ""), "why": one.reason})
                for one in chosen[:_SHOWN]
            ]
        ),
    }
    return left | ({_HELD_BACK: sweep.held_back} if sweep.held_back else {})
