"""What a pass over titles found, and what a page's counts mean for it: no run, no queue, no network."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ingram_assets.defs.events import Report
from ingram_assets.defs.scraper.earlier_sweeps import KnownBefore
from ingram_assets.domain import bindings, field_shares, guardrails
from ingram_assets.domain.completeness import (
    FIRST_GUESS,
    SECONDS_TO_UNLEARN,
    SWEEPS_TO_UNLEARN,
    Habit,
    Shape,
    learnt,
)
from ingram_assets.domain.field_shares import FieldWatch, PageCounts, SweptPages
from ingram_assets.domain.guardrails import Thresholds, TrippedGuardrail
from ingram_assets.sources.ipage.pages import ProductPage
from ingram_assets.sources.ipage.pages.understood import fields_shown
from ingram_assets.sources.ipage.site import FetchOutcome, Reading
from ingram_assets.staging.writer import LONGEST

_BINDINGS_NAMED = 20


@dataclass(frozen=True, slots=True)
class PageReading:
    """A page that was read, as this account's other pages tell to take it.

    Attributes:
        shows_stock: it has at least one count.
        complete: nothing of the stock is missing.
        in_part: it shows zeros of a part of the stock alone: there may be copies all the same.
    """

    reading: Reading
    page: ProductPage
    shows_stock: bool
    complete: bool
    in_part: bool

    @classmethod
    def of(cls, reading: Reading, page: ProductPage, habit: Habit) -> "PageReading":
        """The page, by what a whole one shows."""
        complete, in_part = page.shows_all_stock(habit), page.hides_copies(habit)
        return cls(reading, page, shows_a_count(page), complete, in_part)


def shows_a_count(page: ProductPage) -> bool:
    """Whether the page shows at least one count of stock: else it says nothing of it."""
    return any(count is not None for dc in (page.stock or {}).values() for count in dc[:2])


def unread_counts(page: ProductPage) -> list[str]:
    """The counts of a page's stock table that could not be read, by DC. Their last known numbers stand."""
    return [
        f"{dc} {name}"
        for dc, counts in (page.stock or {}).items()
        for name, count in (("on hand", counts.on_hand), ("on order", counts.on_order))
        if count is None
    ]


def is_gone(reading: Reading, earlier: KnownBefore) -> bool:
    """Whether a title that was there lately is not listed any more, or shows no stock any more."""
    if not earlier.was_there(reading.isbn):
        return False
    if reading.page is None:
        return reading.outcome is FetchOutcome.not_found
    return reading.isbn in earlier.with_stock and not shows_a_count(reading.page)


@dataclass
class SweepResult:
    """What a pass over titles found.

    Attributes:
        earlier: what was known of the titles before.
        habit: what a whole page shows, after this pass; None: not known yet.
        seconds: one entry per page.
        statuses: titles by availability.
        there: titles that have a page, and are in the queue if their details were wanted.
        site: the site's own figures of the pass: fetches by outcome, latencies, pauses, sign-ins.
        not_asked: titles that the run did not ask for, since it had given up by then.
        shapes: pages by the parts of the stock that they show.
        judged: outcomes of the titles that count in a share.
        there_asked: titles that were there lately and were asked for.
        gone: readings of such titles that are gone. They wait until it is clear whether that is believed.
        gone_by: how many they are, by outcome.
        newly_in_part: titles that count in a share, and whose page shows zeros of a part alone only lately.
        bindings: those that no list has and nobody was told of before, with the first title that has it.
        held_back: why nothing of this pass was recorded.
        counts: how many of those recorded are odd beside the last ones.
        news: what this pass as a whole tells of the account's pages; in the report's notes, too.
        not_understood: titles by the label that was not found or not understood on their pages, so that
            these are no reading.
        known_pages, new_pages: what is on the pages of titles that were read before, and of new ones.
    """

    report: Report
    earlier: KnownBefore
    habit: Habit | None = None
    on_hand: int = 0
    on_order: int = 0
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    there: set[str] = field(default_factory=set)
    site: dict[str, Any] = field(default_factory=dict)
    not_asked: int = 0
    shapes: Counter[Shape] = field(default_factory=Counter)
    judged: Counter[FetchOutcome] = field(default_factory=Counter)
    there_asked: int = 0
    gone: list[Reading] = field(default_factory=list)
    gone_by: Counter[FetchOutcome] = field(default_factory=Counter)
    newly_in_part: int = 0
    bindings: dict[str, str] = field(default_factory=dict)
    held_back: str | None = None
    counts: guardrails.OddCounts = field(default_factory=guardrails.OddCounts)
    news: list[str] = field(default_factory=list)
    not_understood: dict[str, list[str]] = field(default_factory=dict)
    known_pages: PageCounts = field(default_factory=PageCounts)
    new_pages: PageCounts = field(default_factory=PageCounts)

    @property
    def usual(self) -> Habit:
        """What a whole page is taken to show now."""
        return self.habit or FIRST_GUESS

    @property
    def tried(self) -> int:
        """Pages asked for that count in a share: those of which it is old news that they can't be read don't.

        Where no page at all was read, all of them do: then something else is wrong.
        """
        return sum(self._counted.values())

    @property
    def unread(self) -> int:
        """Of these, pages that gave no reading. A few titles that the site does not list are no alarm."""
        counted = self._counted
        listed = counted.total() - counted[FetchOutcome.ok] - counted[FetchOutcome.not_found]
        missing = counted[FetchOutcome.not_found] + self.gone_by[FetchOutcome.ok]
        few = missing < guardrails.MIN_TITLES_VANISHED
        return listed + self.newly_in_part + (0 if few else missing)

    @property
    def unanswered(self) -> int:
        """Of these, pages unread because the site did not answer, or said that it could not."""
        return self._counted[FetchOutcome.transient]

    @property
    def _counted(self) -> Counter[FetchOutcome]:
        every = Counter({outcome: self.report.counts.get(outcome.value, 0) for outcome in FetchOutcome})
        return self.judged if every[FetchOutcome.ok] else every

    def vanished(self, thresholds: Thresholds) -> TrippedGuardrail | None:
        """Whether so many titles are gone at once that it is not believed."""
        return guardrails.vanished(self.there_asked, self.gone_by.total(), thresholds)

    def tripped(self, thresholds: Thresholds) -> TrippedGuardrail | None:
        """The guardrail that stops the sweep, if one does."""
        return self.vanished(thresholds) or guardrails.too_many_unread(self.tried, self.unread, thresholds)

    def count(self, reading: Reading) -> None:
        """Count a reading in the shares that a sweep is judged by."""
        page = reading.page
        self.seconds.append(reading.seconds)
        self.report.add(reading.outcome.value)
        self.not_asked += not reading.attempts
        if reading.isbn not in self.earlier.old_news:
            self.judged[reading.outcome] += 1
        if self.earlier.was_there(reading.isbn) and reading.attempts:
            self.there_asked += 1
        if page is not None and page.binding and bindings.kind(page.binding) is bindings.BindingKind.UNKNOWN:
            self.bindings.setdefault(page.binding[: LONGEST["binding"]], reading.isbn)
        if page is not None and page.stock_shape is not None and shows_a_count(page):
            self.shapes[page.stock_shape] += 1
        if reading.outcome is FetchOutcome.changed and reading.reason:
            label = reading.reason.partition(":")[0]
            self.not_understood.setdefault(label, []).append(reading.isbn)
        if page is not None:
            pages = self.known_pages if reading.isbn in self.earlier.read else self.new_pages
            pages.count(fields_shown(page), self.earlier.fields.usual, f"{page.isbn} {page.title}")

    def keep_as_gone(self, reading: Reading) -> None:
        """Keep the reading of a title that is gone, until it is clear whether that is believed."""
        self.gone.append(reading)
        self.gone_by[reading.outcome] += 1

    def fields(self, now: float, *, is_right: bool) -> FieldWatch:
        """On how many pages each field stands, after this sweep, as `field_shares.after_sweep` has it."""
        swept = SweptPages(now, self.known_pages, self.new_pages)
        return field_shares.after_sweep(self.earlier.fields, swept, is_right=is_right)

    def learn(self, now: float) -> None:
        """Learn from all pages of a sweep what a whole one shows, and note a change.

        `now` in seconds since 1970.
        """
        before, after = self.earlier.habit, learnt(self.earlier.habit, self.shapes, now)
        self.habit = after
        if after is None or before == after:
            return
        if before is None or before.shape != after.shape:
            was = f"; before: {before.shape}" if before else ""
            self._tell(f"A whole page of this account shows {after.shape}{was}.")
        elif after.sweeps:
            self._tell(
                f"The pages of {after.sweeps} sweeps in a row show less than {after.shape}, which this "
                "account's pages showed before: they are taken to be in part. After "
                f"{SWEEPS_TO_UNLEARN} such sweeps over {SECONDS_TO_UNLEARN / 3600:.0f} hours they are "
                "believed."
            )

    def note_new_bindings(self) -> str | None:
        """Note the bindings that no list has and nobody was told of. Returns the note."""
        for told in self.earlier.bindings:
            self.bindings.pop(told, None)
        if not self.bindings:
            return None
        some = list(self.bindings.items())[:_BINDINGS_NAMED]
        named = ", ".join(f"“{binding}” ({isbn})" for binding, isbn in some)
        note = (
            f"Bindings never seen before, whose copies are counted as those of things on a shelf: {named}. "
            "If one of them is a file, [bindings] of site.toml can say so."
        )
        self._tell(note)
        return note

    def _tell(self, news: str) -> None:
        self.news.append(news)
        self.report.notes.append(news)
