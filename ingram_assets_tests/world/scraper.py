"""The scraper in the world: the sweep, and the tries of each page, by the product's own decisions.

What stands here in place of the product's own is the gathering of what the decisions are given, which in the
product are Dagster's events, and the loop over the pages, which there are threads.
"""

import itertools
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingram_assets.defs.scraper.decisions import (
    OLD_NEWS_AFTER,
    Due,
    Past,
    RetrySchedule,
    due,
    old_news,
    reading_order,
    suspects,
    titles_to_read,
)
from ingram_assets.domain import guardrails
from ingram_assets.domain.completeness import FIRST_GUESS, Habit, Shape, learnt
from ingram_assets.domain.failures import IngramError, NeedsPerson, Stopped
from ingram_assets.sources.ipage.access.answers import (
    OF_ONE_PAGE,
    FetchOutcome,
    Sign,
    outcome_of,
    sign_of_title,
)
from ingram_assets.sources.ipage.access.cancellation import Cancellation
from ingram_assets.sources.ipage.access.limits import Limits
from ingram_assets.sources.ipage.access.politeness import Politeness, breaker_open_until
from ingram_assets.sources.ipage.pages.page_failures import Blocked
from ingram_assets.sources.ipage.pages.product_page import ProductPage, StockInPart
from ingram_assets.sources.ipage.retries import PageJob, RetryPolicy
from ingram_assets_tests.testing.readings import StockReading
from ingram_assets_tests.world.clock import HOUR, Clock
from ingram_assets_tests.world.queue import SimulatedQueue
from ingram_assets_tests.world.site import SimulatedSite

SCHEDULE = RetrySchedule(HOUR, (300.0, 900.0), rest=HOUR)
PAGE_SECONDS = 7.0
THRESHOLDS = guardrails.Thresholds()
LIMITS = Limits(max_failures_in_a_row=6)
"""For a shop of some dozens of titles: the product, made for thousands, ends a run after 24 failures."""


@dataclass(slots=True)
class PageRead:
    """What became of a title's page (`sources.ipage.site.Reading`)."""

    isbn: str
    outcome: FetchOutcome
    page: ProductPage | None
    at: float
    asked: bool


@dataclass(slots=True)
class EndedSweep:
    """A sweep that asked for all titles. `number`: its place in the order of all events."""

    number: int
    began: float
    at: float
    failed: frozenset[str]


@dataclass(slots=True)
class Scraper:
    """What Dagster has of the scraper, and its run at work, a generator of the times at which it goes on."""

    clock: Clock
    site: SimulatedSite
    queue: SimulatedQueue
    state: Path
    batch: int
    tracked: set[str] = field(default_factory=set)
    retired: set[str] = field(default_factory=set)
    is_on: bool = True
    detailed: set[str] = field(default_factory=set)
    wants_all_details: bool = False
    made: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    read_at: list[tuple[float, int]] = field(default_factory=list)
    completed: list[EndedSweep] = field(default_factory=list)
    passed: EndedSweep | None = None
    habit: Habit | None = None
    failures: list[float] = field(default_factory=list)
    in_part_since: dict[str, float] = field(default_factory=dict)
    asked_for: frozenset[str] = frozenset()
    run: Iterator[float] | None = None
    tripped: str | None = None
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def open_until(self) -> float:
        """Until when the breaker is open; 0: it is closed."""
        until = breaker_open_until(self.state)
        return until.timestamp() if until else 0.0

    def look(self) -> Due:
        """What `sweep_due` decides."""
        past = Past(
            self.completed[-1].at if self.completed else None,
            tuple(self.failures[-len(SCHEDULE.waits) - 1 :]),
            self.run is not None,
        )
        return due(past, SCHEDULE, self.clock.now, left_alone_until=self.open_until or None)

    def tick(self) -> None:
        """The sensors `sweep_due` and `new_titles`."""
        if not self.is_on:
            return
        if self.look().now:
            self.run = self._sweep()
            return
        decision = titles_to_read(
            self.tracked, self.detailed, self.asked_for, self.run is not None, bool(self.completed)
        )
        self.asked_for = decision.asked
        if decision.isbns:
            self.enrich(decision.isbns, routine=True)

    def go_on(self, until: float) -> None:
        """The run at work goes on until then."""
        now = self.clock.now
        while self.run is not None and self.clock.now <= until:
            wakes = next(self.run, None)
            if wakes is None:
                self.run = None
            else:
                self.clock.now = max(self.clock.now, wakes)
        # A page that is waited for longer than that is asked for in the next tick.
        self.clock.now = max(now, until)

    def die(self) -> None:
        """The run's process is killed."""
        if self.run is not None:
            self.run = None
            self.failures.append(self.clock.now)

    def enrich(self, isbns: Collection[str], *, routine: bool = False) -> None:
        """What `ingram enrich` does, in a moment: the breaker's waits are not sat out."""
        if self.open_until:
            return
        now, reads = self.clock.now, _Reads(self, isbns, frozenset(), FIRST_GUESS)
        for wakes in reads.pages():
            if wakes > now + HOUR / 4:
                break  # a block: who finds the breaker open comes again
            self.clock.now = max(self.clock.now, wakes)
        self.clock.now = now
        for read in reads.found:
            if read.page is not None:
                self.tracked.add(read.isbn)
                self.retired.discard(read.isbn)
                self._add_details(read.page, routine=routine)
            self._record(read, self.habit or FIRST_GUESS)

    def retire(self, isbn: str) -> None:
        self.retired.add(isbn)
        self.tracked.discard(isbn)

    def _sweep(self) -> Iterator[float]:
        """`stock_sweep`: read all titles in their order, record them, and judge the whole."""
        tracked = sorted(self.tracked)
        read = {
            isbn: max(self.made.get(isbn, -1), self.seen.get(isbn, -1)) for isbn in {*self.made, *self.seen}
        }
        last = max(
            filter(None, (self.passed, *self.completed[-1:])), key=lambda one: one.number, default=None
        )
        doubted = suspects(
            tracked,
            read,
            last_but_one=self.completed[-2].number if len(self.completed) > 1 else None,
            failed=last.failed if last else frozenset(),
        )
        cutoff = self.clock.now - OLD_NEWS_AFTER
        old = max((number for at, number in self.read_at if at < cutoff), default=0)
        known_bad = old_news(doubted, read, old=old, let_through=())
        order = reading_order(tracked, read, doubted, f"run {next(self._numbers)}")
        details = set(order) if self.wants_all_details else set(order) - self.detailed
        usual = self.habit or FIRST_GUESS
        began = self.clock.now
        reads = _Reads(self, order, frozenset(read.keys() - doubted), usual)
        verdict = _Verdict(known_bad, frozenset(read.keys() - known_bad), frozenset(self.made))
        waiting: list[PageRead] = []
        undecided: list[PageRead] = []
        # A run that has given up asks for no more pages, and takes no time for the rest of its titles.
        for wakes in itertools.chain(reads.pages(), (self.clock.now,)):
            yield wakes
            for one in reads.take():
                verdict.count(one)
                if verdict.is_gone(one):
                    continue
                hides = self.habit is None and one.page is not None and one.page.hides_copies(usual)
                (undecided if hides else waiting).append(one)
            if len(waiting) >= self.batch:
                self._record_all(waiting, details, verdict, usual)
        self._record_all(waiting, details, verdict, usual)
        self.habit = learnt(self.habit, verdict.shapes, self.clock.now)
        self._record_all(undecided, details, verdict, self.habit or FIRST_GUESS)
        self._end(began, reads, verdict, details)

    def _end(self, began: float, reads: "_Reads", verdict: "_Verdict", details: Collection[str]) -> None:
        vanished = verdict.vanished()
        for one in verdict.gone:
            if vanished:
                verdict.failed.add(one.isbn)
                self.queue.record_unread(one.isbn, "vanished", self.clock.moment(one.at))
            else:
                self._record_all([one], details, verdict, self.habit or FIRST_GUESS)
        ended = EndedSweep(next(self._numbers), began, self.clock.now, frozenset(verdict.failed))
        stopped = reads.retries.stopped_by
        tripped = verdict.tripped()
        self.tripped = tripped.reason if tripped else None
        if isinstance(stopped, Stopped | NeedsPerson) or tripped:
            if not verdict.not_asked and not isinstance(stopped, Stopped | NeedsPerson):
                self.passed = ended
            self.failures.append(self.clock.now)
            return
        self.completed.append(ended)
        self.failures.clear()
        if self.wants_all_details and len(details) >= len(self.tracked):
            self.wants_all_details = False

    def _record_all(
        self, reads: list[PageRead], details: Collection[str], verdict: "_Verdict", habit: Habit
    ) -> None:
        for one in reads:
            if one.isbn not in self.queue.rows:
                continue
            if one.page is not None and one.isbn in details:
                self._add_details(one.page, routine=True)
            if not self._record(one, habit):
                verdict.failed.add(one.isbn)
            if one.page is not None and _shows_a_count(one.page) and one.page.hides_copies(habit):
                verdict.note_in_part(one.isbn, self.in_part_since, self.clock.now)
        reads.clear()

    def _add_details(self, page: ProductPage, *, routine: bool) -> None:
        details = {
            "publication_date": page.publication_date,
            "binding": page.binding,
            "srp_price": page.srp_price,
            "cover_url": f"https://covers.example/{page.isbn}.jpg",
        }
        self.queue.add_title(page.isbn, details, routine=routine)
        self.detailed.add(page.isbn)

    def _record(self, read: PageRead, habit: Habit) -> bool:
        """One title's reading; False if it has to be named as not come through."""
        at, page, number = self.clock.moment(read.at), read.page, next(self._numbers)
        if read.isbn not in self.queue.rows:
            return False
        if page is None:
            self.queue.record_unread(read.isbn, read.outcome.value, at)
            return False
        self.read_at.append((read.at, number))
        if page.stock is None or not _shows_a_count(page):
            self.queue.record_unread(read.isbn, "no_stock_table", at)
            self.seen[read.isbn] = number
            return True
        reading = StockReading(read.isbn, "ipage", at, page.shows_all_stock(habit), page.stock)
        self.queue.record_stock(reading)
        if page.hides_copies(habit):
            fresh = read.isbn not in self.made
            self.in_part_since.setdefault(read.isbn, 0.0 if fresh else read.at)
        else:
            self.in_part_since.pop(read.isbn, None)
        self.made[read.isbn] = number
        return True


@dataclass(slots=True)
class _Reads:
    """The pages of a run (`Site.read_products`), one after the other."""

    scraper: Scraper
    isbns: Collection[str]
    known: Collection[str]
    habit: Habit
    found: list[PageRead] = field(default_factory=list)
    politeness: Politeness = field(init=False)
    retries: RetryPolicy = field(init=False)
    _taken: int = 0

    def __post_init__(self) -> None:
        canceled = Cancellation()
        self.politeness = Politeness(self.scraper.state, LIMITS, canceled)
        self.retries = RetryPolicy(self.politeness, canceled, (1.0, 4.0))

    def take(self) -> list[PageRead]:
        """What was read since the last time."""
        some, self._taken = self.found[self._taken :], len(self.found)
        return some

    def pages(self) -> Iterator[float]:
        """Reads; the times are those at which it goes on."""
        for isbn in self.isbns:
            yield from self._page(PageJob(f"the page of {isbn}", isbn))

    def _page(self, job: PageJob) -> Iterator[float]:
        clock, isbn = self.scraper.clock, job.isbn or ""
        while True:
            # What `Politeness.turn` does: wait while the breaker is open, if that is not too long.
            if (ended := self.retries.stopped_by) is not None:
                return self._found(job, ended, None, clock.now, asked=job.tries > 0)
            if (until := self.politeness.open_until()) is not None:
                yield until
                continue
            sent_at, error, page = clock.now, None, None
            job.tries += 1
            try:
                page = self._ask(isbn, sent_at)
            except IngramError as failure:
                error = failure
            self._count(job, error, sent_at)
            if error is not None and (wait := self.retries.wait_before_next(job, error)) is not None:
                yield clock.now + wait + PAGE_SECONDS
                continue
            self._found(job, error, page, sent_at, asked=True)
            yield clock.now + PAGE_SECONDS
            return None

    def _ask(self, isbn: str, at: float) -> ProductPage:
        page = self.scraper.site.page(isbn, at)
        if page.hides_copies(self.habit):
            raise StockInPart(page)
        return page

    def _count(self, job: PageJob, error: IngramError | None, sent_at: float) -> None:
        """What `Fetching` makes of an answer, for the pace, the breaker and the end of the run."""
        if isinstance(error, Blocked):
            self.politeness.blocked(str(error), getattr(error, "retry_after", None), sent_at)
            return
        sign = Sign.HEALTHY
        if error is not None:
            sign = sign_of_title(error, job.isbn in self.known, job.tries == 1)
        if sign is Sign.FAILING:
            self.politeness.failed(0.1, str(error))
        elif sign is Sign.NEITHER:
            self.politeness.set_aside(0.1, sent_at)
        else:
            self.politeness.answered(0.1, sent_at)

    def _found(
        self, job: PageJob, error: IngramError | None, page: ProductPage | None, at: float, *, asked: bool
    ) -> None:
        isbn = job.isbn or ""
        if error is None:
            self.retries.read_one()
        elif isbn not in self.known and outcome_of(error) in OF_ONE_PAGE and asked:
            self.retries.count_unreadable(error)
        outcome = FetchOutcome.ok if error is None else outcome_of(error)
        if isinstance(error, StockInPart):
            page = error.page
        self.found.append(PageRead(isbn, outcome, page, at, asked))


@dataclass(slots=True)
class _Verdict:
    """What a sweep is judged by (`defs.scraper.reading.SweepResult`)."""

    old_news: frozenset[str]
    there: frozenset[str]
    with_stock: frozenset[str]
    judged: Counter[FetchOutcome] = field(default_factory=Counter)
    every: Counter[FetchOutcome] = field(default_factory=Counter)
    shapes: Counter[Shape] = field(default_factory=Counter)
    gone: list[PageRead] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    there_asked: int = 0
    not_asked: int = 0
    newly_in_part: int = 0

    def count(self, read: PageRead) -> None:
        self.every[read.outcome] += 1
        self.not_asked += not read.asked
        self.judged[read.outcome] += read.isbn not in self.old_news
        self.there_asked += read.isbn in self.there and read.asked
        page = read.page
        if page is not None and page.stock_shape is not None and _shows_a_count(page):
            self.shapes[page.stock_shape] += 1

    def is_gone(self, read: PageRead) -> bool:
        if read.isbn not in self.there:
            return False
        is_gone = read.outcome is FetchOutcome.not_found
        if read.page is not None:
            is_gone = read.isbn in self.with_stock and not _shows_a_count(read.page)
        if is_gone:
            self.gone.append(read)
        return is_gone

    def note_in_part(self, isbn: str, since: dict[str, float], now: float) -> None:
        """A page that shows zeros of a part alone counts as unread, unless it has been so for long."""
        if since.get(isbn, 0.0) > now - OLD_NEWS_AFTER:
            self.failed.add(isbn)
            self.newly_in_part += isbn not in self.old_news

    def vanished(self) -> guardrails.Tripped | None:
        return guardrails.vanished(self.there_asked, len(self.gone), THRESHOLDS)

    def tripped(self) -> guardrails.Tripped | None:
        counted = self.judged if self.every[FetchOutcome.ok] else self.every
        well = (FetchOutcome.ok, FetchOutcome.not_found)
        unread = sum(counted[outcome] for outcome in FetchOutcome if outcome not in well)
        missing = counted[FetchOutcome.not_found] + sum(one.page is not None for one in self.gone)
        unread += self.newly_in_part + (0 if missing < guardrails.MIN_TITLES_VANISHED else missing)
        return self.vanished() or guardrails.too_many_unread(sum(counted.values()), unread, THRESHOLDS)


def _shows_a_count(page: ProductPage) -> bool:
    return any(count is not None for center in (page.stock or {}).values() for count in center[:2])
