"""The scraper in the world: the sweep, and the tries of each page, by the product's own decisions.

What stands here in place of the product's own is the gathering of what the decisions are given, which in the
product are Dagster's events, and the loop over the pages, which there are threads: what becomes of one page,
with its sessions, sign-ins, tries and pauses, is `Site.try_product`.
"""

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg

from ingram_assets.defs.events import KIND, STOPPED, Report, failure_of, stopped
from ingram_assets.defs.keys import STOCK_SWEEP
from ingram_assets.defs.scraper.between_sweeps import BetweenSweeps, RunBetween, odd_counts, worth_a_try
from ingram_assets.defs.scraper.decisions import (
    OLD_NEWS_AFTER,
    Due,
    PastTries,
    RetrySchedule,
    due,
    in_part_since,
    old_news,
    reading_order,
    suspects,
    titles_to_read,
)
from ingram_assets.defs.scraper.earlier_sweeps import KnownBefore
from ingram_assets.defs.scraper.field_watch import fields_evaluation
from ingram_assets.defs.scraper.sweep_result import PageReading, SweepResult, is_gone
from ingram_assets.domain import guardrails
from ingram_assets.domain.completeness import Habit
from ingram_assets.domain.failures import NeedsPerson, Stopped, Transient
from ingram_assets.domain.field_shares import FieldWatch
from ingram_assets.domain.freshness import LastReading, SeenDemand, read_next
from ingram_assets.domain.lifetime import StaleReadings
from ingram_assets.domain.site_limits import Limits
from ingram_assets.domain.stock import on_hand, on_order
from ingram_assets.sources.ipage.pages.product_page import ProductPage
from ingram_assets.sources.ipage.retries import PageJob
from ingram_assets.sources.ipage.site import Credentials, Reading, Site
from ingram_assets.sources.ipage.worker_pool import TryAgain
from ingram_assets_tests.testing.readings import StockReading
from ingram_assets_tests.world.clock import HOUR, Clock
from ingram_assets_tests.world.queue import SimulatedQueue
from ingram_assets_tests.world.shared import SimulatedSharedSite
from ingram_assets_tests.world.site import ADDRESS, SimulatedSite
from ingram_assets_tests.world.watch import BETWEEN_SWEEPS, SLA, SWEEP, Watch

SWEEP_EVERY = 1.5 * HOUR
SCHEDULE = RetrySchedule(SWEEP_EVERY, (300.0, 900.0), rest=HOUR)
BETWEEN = RetrySchedule(300.0, (300.0, 900.0), rest=HOUR)
PAGE_SECONDS, SIGN_IN_SECONDS = 7.0, 30.0
THRESHOLDS = guardrails.Thresholds()
LIMITS = Limits(max_failures_in_a_row=6)
"""For a shop of some dozens of titles: the product, made for thousands, ends a run after 24 failures."""


@dataclass(slots=True)
class EndedSweep:
    """A sweep that asked for all titles. `number`: its place in the order of all events."""

    number: int
    began: float
    at: float
    failed: frozenset[str]
    odd: str | None = None


@dataclass(slots=True)
class Scraper:
    """What Dagster has of the scraper, and its run at work, a generator of the times at which it goes on."""

    clock: Clock
    site: SimulatedSite
    queue: SimulatedQueue
    watch: Watch
    shared: SimulatedSharedSite
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
    fields: FieldWatch = field(default_factory=FieldWatch)
    failures: list[float] = field(default_factory=list)
    in_part: dict[str, float] = field(default_factory=dict)
    added_at: dict[str, float] = field(default_factory=dict)
    last_read: dict[str, float] = field(default_factory=dict)
    stopped_by: set[str] = field(default_factory=set)
    """How sweeps were stopped since the last complete one: by a block, a guardrail, or a refused sign-in."""
    asked_for: frozenset[str] = frozenset()
    run: Iterator[float] | None = None
    is_between: bool = False
    """Whether the run at work is one between sweeps."""
    runs_between: list[RunBetween] = field(default_factory=list)
    failures_between: list[float] = field(default_factory=list)
    asking: list["_Reads"] = field(default_factory=list)
    """The runs that asked for pages, the last ones at least."""
    changes: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    readings: dict[str, LastReading] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def open_until(self) -> float:
        """Until when the breaker is open; 0: it is closed."""
        return self.shared.open_until

    def look(self) -> Due:
        """What `sweep_due` decides."""
        past = PastTries(
            self.completed[-1].at if self.completed else None,
            tuple(self.failures[-len(SCHEDULE.waits) - 1 :]),
            self.run is not None,
        )
        doubted = self.between.all_again(self.clock.now) if self.between else None
        return due(past, SCHEDULE, self.clock.now, left_alone_until=self.open_until or None, early=doubted)

    @property
    def between(self) -> BetweenSweeps | None:
        """What was read since the last complete sweep."""
        if self.swept_at is None:
            return None
        odd = self.completed[-1].odd
        return BetweenSweeps.of(self.swept_at, self.runs_between[::-1], self.clock.now, odd)

    def look_between(self) -> Due:
        """What `between_sweeps_due` decides."""
        between, now = self.between, self.clock.now
        if between is None:
            return Due(False, "The first sweep comes first.")
        pages = between.pages_now(len(self.tracked), None, SWEEP_EVERY, now)
        nothing = between.nothing_to_do(
            pages, sweep_failed=bool(self.failures), sweep_every=SWEEP_EVERY, now=now
        )
        past = PastTries(
            self.runs_between[-1].at if self.runs_between else None,
            tuple(self.failures_between[-len(BETWEEN.waits) - 1 :]),
            self.run is not None,
        )
        until = self.open_until or None
        return due(past, BETWEEN, now, left_alone_until=until, nothing_to_do=nothing)

    @property
    def swept_at(self) -> float | None:
        """When the last complete sweep ended."""
        return self.completed[-1].at if self.completed else None

    def stale(self) -> StaleReadings:
        """The tracked titles that were not read within the promise, but for those added since."""
        since = self.clock.now - SLA
        late = [
            isbn for isbn in self.tracked if self.last_read.get(isbn, self.added_at.get(isbn, 0.0)) < since
        ]
        return StaleReadings(len(late), len(self.tracked))

    def tick(self) -> None:
        """The sensors `sweep_due`, `between_sweeps_due` and `new_titles`."""
        if not self.is_on:
            return
        if self.look().now:
            self.run = self._sweep()
            return
        if self.look_between().now:
            self.run = self._read_between()
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
            (self.failures_between if self.is_between else self.failures).append(self.clock.now)
            self.watch.died(BETWEEN_SWEEPS if self.is_between else SWEEP)

    def enrich(self, isbns: Collection[str], *, routine: bool = False) -> None:
        """What `ingram enrich` does, in a moment: the breaker's waits are not sat out."""
        if self.open_until:
            return
        now, sweep = self.clock.now, SweepResult(Report("enrich"), KnownBefore(habit=self.habit), self.habit)
        reads = _Reads(self, isbns, frozenset(), sweep.usual)
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
            self._record(read, sweep)

    def retire(self, isbn: str) -> None:
        self.retired.add(isbn)
        self.tracked.discard(isbn)

    def _sweep(self) -> Iterator[float]:
        """`stock_sweep`: read all titles in their order, record them, and judge the whole."""
        self.is_between = False
        tracked, earlier = sorted(self.tracked), self._earlier()
        order = reading_order(tracked, earlier.read, earlier.suspects, f"run {next(self._numbers)}")
        details = set(order) if self.wants_all_details else set(order) - self.detailed
        sweep = SweepResult(Report("stock_sweep"), earlier, self.habit)
        usual = sweep.usual
        began = self.clock.now
        reads = _Reads(self, order, earlier.known, usual)
        waiting: list[Reading] = []
        undecided: list[Reading] = []
        # A run that has given up asks for no more pages, and takes no time for the rest of its titles.
        for wakes in itertools.chain(reads.pages(), (self.clock.now,)):
            yield wakes
            for one in reads.take():
                sweep.count(one)
                if is_gone(one, earlier):
                    sweep.keep_as_gone(one)
                    continue
                hides = self.habit is None and one.page is not None and one.page.hides_copies(usual)
                (undecided if hides else waiting).append(one)
            if len(waiting) >= self.batch:
                self._record_all(waiting, details, sweep)
        self._record_all(waiting, details, sweep)
        sweep.learn(self.clock.now)
        self.habit = sweep.habit
        self._record_all(undecided, details, sweep)
        self._end(began, reads, sweep, details)

    def _read_between(self) -> Iterator[float]:
        """`likely_sell_outs`: read the titles chosen, and record them if they are believed."""
        self.is_between = True
        between, now = self.between, self.clock.now
        assert between is not None
        earlier = replace(self._earlier(), of_all=False)
        tracked = {isbn: one for isbn, one in self.readings.items() if isbn in self.tracked}
        titles = worth_a_try(tracked, earlier, between.failed, now, SLA)
        chosen = read_next(
            titles.values(),
            now,
            between.pages_now(len(self.tracked), None, SWEEP_EVERY, now),
            late_unless_read=between.swept_at + SWEEP_EVERY - SLA,
        )
        sweep = SweepResult(Report("likely_sell_outs"), earlier, self.habit)
        reads = _Reads(self, [one.isbn for one in chosen], earlier.known, sweep.usual)
        waiting: list[Reading] = []
        for wakes in itertools.chain(reads.pages(), (self.clock.now,)):
            yield wakes
            for one in reads.take():
                sweep.count(one)
                (sweep.keep_as_gone if is_gone(one, earlier) else waiting.append)(one)
        counts = odd_counts(waiting, titles, THRESHOLDS)
        asked = len(sweep.seconds) - sweep.not_asked
        sweep.held_back = (between.counts + counts).doubt(THRESHOLDS)
        if not sweep.held_back:
            self._record_all(waiting, set(), sweep)
            self._record_gone(sweep, set())
        if isinstance(reads.site.stopped_by, Stopped | NeedsPerson) or (
            chosen and not (sweep.held_back or sweep.report.counts.get("ok"))
        ):
            self.failures_between.append(self.clock.now)
            self.watch.failed(BETWEEN_SWEEPS, failure_of(Transient("It could not be read.")))
            return
        failed = frozenset(sweep.report.failed)
        self.runs_between.append(RunBetween(self.clock.now, asked, counts, failed, sweep.held_back))
        self.failures_between.clear()
        self.watch.came_through(BETWEEN_SWEEPS)

    def _earlier(self) -> KnownBefore:
        """What is known before a run, as `before_a_sweep` gathers it."""
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
        return KnownBefore(
            read=read,
            with_stock=frozenset(isbn for isbn, number in self.made.items() if number == read[isbn]),
            suspects=doubted,
            old_news=old_news(doubted, read, old=old, let_through=()),
            habit=self.habit,
            old_news_before=cutoff,
            of_all=True,
            fields=self.fields,
        )

    def _end(self, began: float, reads: "_Reads", sweep: SweepResult, details: Collection[str]) -> None:
        """What `stock_sweep` does once its pages were read."""
        self._record_gone(sweep, details)
        ended = EndedSweep(
            next(self._numbers),
            began,
            self.clock.now,
            frozenset(sweep.report.failed),
            sweep.counts.doubt(THRESHOLDS),
        )
        stopped_by, tripped = reads.site.stopped_by, sweep.tripped(THRESHOLDS)
        if isinstance(stopped_by, Stopped | NeedsPerson):
            return self._failed(failure_of(stopped_by))
        if tripped and sweep.unread == sweep.unanswered:
            return self._failed(failure_of(Transient(f"iPage did not answer. {tripped.reason}")))
        self._checked(tripped)
        if not (tripped and sweep.not_asked):
            self.fields = sweep.fields(self.clock.now, is_right=False)
            self.watch.logged(fields_evaluation(self.fields, stopped=tripped is not None))
        if tripped:
            if not sweep.not_asked:
                self.passed = ended
            return self._failed(stopped("guardrail", tripped.reason))
        self.completed.append(ended)
        self.runs_between.clear()
        self.failures.clear()
        self.stopped_by.clear()
        self.watch.came_through(SWEEP)
        if self.wants_all_details and len(details) >= len(self.tracked):
            self.wants_all_details = False
        return None

    def _record_gone(self, sweep: SweepResult, details: Collection[str]) -> None:
        if sweep.vanished(THRESHOLDS):
            for one in sweep.gone:
                sweep.report.fail(one.isbn, "vanished")
                self.queue.record_unread(one.isbn, "vanished", one.observed_at)
                if one.page is not None and one.isbn in details:
                    self._add_details(one.page, routine=True)
        else:
            self._record_all(sweep.gone, details, sweep)

    def _checked(self, tripped: guardrails.TrippedGuardrail | None) -> None:
        found = dg.AssetCheckEvaluation(
            asset_key=STOCK_SWEEP,
            check_name="pages_were_readable",
            passed=tripped is None,
            metadata={},
            description=tripped.reason if tripped else "",
            blocking=True,
        )
        self.watch.logged(found)

    def _failed(self, failure: dg.Failure) -> None:
        self.failures.append(self.clock.now)
        self.watch.failed(SWEEP, failure)
        said: Any = failure.metadata[STOPPED].value if STOPPED in failure.metadata else {}
        if said:
            self.stopped_by.add("guardrail" if said["by"] == "guardrail" else "block")
        elif failure.metadata[KIND].value == "sign_in":
            self.stopped_by.add("sign_in")

    def _record_all(self, reads: list[Reading], details: Collection[str], sweep: SweepResult) -> None:
        for one in reads:
            if one.isbn not in self.queue.rows:
                continue
            if one.page is not None and one.isbn in details:
                self._add_details(one.page, routine=True)
            if not self._record(one, sweep):
                sweep.report.fail(one.isbn, one.outcome.value)
        reads.clear()

    def _add_details(self, page: ProductPage, *, routine: bool) -> None:
        details = {
            "publication_date": page.publication_date,
            "binding": page.binding,
            "srp_price": page.srp_price,
            "cover_url": f"https://covers.example/{page.isbn}.jpg",
        }
        said = {name: value for name, value in details.items() if value is not None}
        self.queue.add_title(page.isbn, said, routine=routine)
        self.detailed.add(page.isbn)

    def _record(self, read: Reading, sweep: SweepResult) -> bool:
        """One title's reading; False if it has to be named as not come through."""
        at, page, number = read.observed_at, read.page, next(self._numbers)
        if read.isbn not in self.queue.rows:
            return False
        if page is None:
            self.queue.record_unread(read.isbn, read.outcome.value, at)
            return False
        now = at.timestamp()
        self.read_at.append((now, number))
        self.last_read[read.isbn] = now
        one = PageReading.of(read, page, sweep.usual)
        is_news = one.shows_stock and one.in_part and self._is_newly_in_part(read.isbn, now, sweep)
        if not (one.shows_stock and one.in_part):
            self.in_part.pop(read.isbn, None)
        if not one.shows_stock:
            self.queue.record_unread(read.isbn, "no_stock_table", at)
            self.seen[read.isbn] = number
            self.readings[read.isbn] = LastReading(read.isbn, now, None)
            return True
        before = self.readings.get(read.isbn)
        counts = (before.copies if before else None, on_hand(page.stock))
        sweep.counts += guardrails.OddCounts.of([counts], THRESHOLDS)
        self.queue.record_stock(StockReading(read.isbn, "ipage", at, one.complete, page.stock or {}))
        self.made[read.isbn] = number
        self._note_copies(read.isbn, now)
        return not is_news

    def _note_copies(self, isbn: str, now: float) -> None:
        """What the event of a reading carries along for the choice of what is read next."""
        stock, changes = self.queue.rows[isbn].stock, self.changes.setdefault(isbn, [])
        copies = on_hand(stock)
        if copies is not None and (not changes or changes[-1][1] != copies):
            changes.append((now, copies))
        seen = SeenDemand.of(changes[-60:], now)
        self.readings[isbn] = LastReading(isbn, now, copies, on_order(stock) or 0, seen)

    def _is_newly_in_part(self, isbn: str, at: float, sweep: SweepResult) -> bool:
        """Whether a page that shows zeros of a part alone counts as unread (`_report_in_part`)."""
        was_read = isbn in self.made
        since = in_part_since(was_read, self.in_part.get(isbn), at)
        self.in_part[isbn] = since
        is_news = not was_read or since > sweep.earlier.old_news_before
        sweep.newly_in_part += is_news and isbn not in sweep.earlier.old_news
        return is_news


@dataclass(slots=True)
class _Reads:
    """The pages of a run (`Site.read_products`), one after the other."""

    scraper: Scraper
    isbns: Collection[str]
    known: Collection[str]
    habit: Habit
    found: list[Reading] = field(default_factory=list)
    site: Site = field(init=False)
    sign_ins: int = 0
    _taken: int = 0

    def __post_init__(self) -> None:
        account = Credentials("shop", self.scraper.site.password_in_settings, mfa="prompt")
        self.site = Site(ADDRESS, self.scraper.shared, account, limits=LIMITS, retry_waits=(1.0, 4.0))
        self.scraper.asking.append(self)

    def take(self) -> list[Reading]:
        """What was read since the last time."""
        some, self._taken = self.found[self._taken :], len(self.found)
        return some

    def pages(self) -> Iterator[float]:
        """Reads; the times are those at which it goes on."""
        for isbn in self.isbns:
            yield from self._page(PageJob(f"the page of {isbn}", isbn))

    def _page(self, job: PageJob) -> Iterator[float]:
        clock, model = self.scraper.clock, self.scraper.site
        while True:
            # What `Politeness.turn` waits for, so that meanwhile the rest of the world goes on.
            if self.site.stopped_by is None and (until := self.scraper.open_until):
                yield until
                continue
            asked, tried = model.requests, len(model.sign_ins)
            read = self.site.try_product(job, job.isbn in self.known, self.habit, named=False)
            signed_in = len(model.sign_ins) - tried
            self.sign_ins += signed_in
            took = PAGE_SECONDS * (model.requests > asked) + SIGN_IN_SECONDS * signed_in
            if isinstance(read, TryAgain):
                yield clock.now + read.wait + took
                continue
            self.found.append(read)
            if took:
                yield clock.now + took
            return
