"""The board's state in memory, refreshed by one thread while somebody looks, so that no page waits.

Each source (the queue, the journal, Dagster, Medusa) is asked for itself. One that is away leaves what
it last said, with the time of it and why there is no newer.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ingram_assets.alerts.model import Incident
from ingram_assets.defs.storefront import lag
from ingram_assets.defs.storefront.from_settings import store_rules, store_today
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.domain.failures import IngramError, Transient
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.domain.title import Title
from ingram_assets.overview.board import (
    BoardCounts,
    BoardInputs,
    BoardTitle,
    Following,
    TitleFilter,
    count_board,
    make_board,
    oldest_reading,
)
from ingram_assets.overview.daemon import daemon_silent_since
from ingram_assets.overview.dagster_runs import ShopRun, shop_runs
from ingram_assets.overview.dagster_view import DagsterAway, DagsterView
from ingram_assets.overview.failed_runs import FailedRun, UnfinishedPush, last_failed, unfinished_pushes
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.overview.status import block_of, processes, undone_among
from ingram_assets.overview.verdict import ShopFacts, Verdict, judge
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader, TitleTrouble, row_state_of
from ingram_assets.store.journal import HeldTitle, InStep
from ingram_assets.store.journal_views import JournalViews
from ingram_assets.store.observe_mode import Outlook

if TYPE_CHECKING:
    from dagster import DagsterInstance

log = logging.getLogger(__name__)
T = TypeVar("T")

LOOKED_AT_FOR = 60.0
"""Seconds after which nobody is taken to look any more."""
TICK_SECONDS = 4.0
TITLES_EVERY = 10.0
SHARE = 20
"""Reading all titles takes at most one part in so many of the time."""
FIRST_WAIT = 5.0
"""So long a page waits where nothing is known yet; `RENEWAL_WAIT`: where what is known is from long ago."""
RENEWAL_WAIT = 2.0
_LOOK_SECONDS = 25.0
"""So long a look of a database may take, with its own limits within; `_AGAIN_SECONDS`: one that did."""
_AGAIN_SECONDS = 0.5
AT_WORK_SHOWN = 6
"""So many runs at work are told of."""


@dataclass(frozen=True, slots=True)
class QueueSaid:
    """All titles of the queue, and those that were not read at the last attempt."""

    titles: Sequence[Title]
    unread: Mapping[str, TitleTrouble]


@dataclass(frozen=True, slots=True)
class JournalSaid:
    """What the store was last told of each title.

    Attributes:
        outlook: what a push would do, where nothing is written; `None`: the store is live.
        live_since: as `StoreMode` has it.
        held: the titles that wait behind guardrails.
    """

    in_step: Mapping[str, InStep]
    outlook: Outlook | None = None
    live_since: datetime | None = None
    held: Sequence[HeldTitle] = ()


@dataclass(frozen=True, slots=True)
class DagsterSaid:
    """What Dagster knows of the shop as a whole. Times are UTC.

    Attributes:
        tracked, retired: ISBNs.
        sweeping_since: since when runs of the scraper are at work; `None`: none is.
        swept_at, sweep_due: the end of the last complete sweep, and when the next one is to begin.
        sweeps_in_time_since: since when they have been in time; `None`: they are not, or nobody knows.
        pause: until when iPage is left alone.
        silent_since: since when the daemon was not heard of.
        at_work: runs that wait or are at work, the latest first.
        backup: the last one that was noted; `None`: none was.
    """

    tracked: frozenset[str]
    retired: frozenset[str]
    switched_off: frozenset[str]
    sweeping_since: datetime | None
    swept_at: datetime | None
    sweep_due: datetime | None
    sweeps_in_time_since: datetime | None
    pause: SitePause | None
    silent_since: datetime | None
    incidents: tuple[Incident, ...]
    at_work: tuple[ShopRun, ...]
    backup: NotedBackup | None = None


@dataclass(frozen=True, slots=True)
class FailuresSaid:
    """Which runs failed, by Dagster; as `ShopFacts` has them."""

    failed_runs: tuple[FailedRun, ...] = ()
    unfinished_pushes: tuple[UnfinishedPush, ...] = ()


@dataclass(frozen=True, slots=True)
class BoardState:
    """All that the board shows.

    Attributes:
        verdict: whether the store tells the truth, as `ingram status` says it.
        oldest: the title that was read longest ago.
        medusa: whether the store answers: what the board tells of it is what it was told last.
    """

    titles: tuple[BoardTitle, ...]
    counts: BoardCounts
    verdict: Verdict
    oldest: BoardTitle | None
    queue: LastAnswer[QueueSaid]
    journal: LastAnswer[JournalSaid]
    dagster: LastAnswer[DagsterSaid]
    medusa: LastAnswer[Any]

    @property
    def away(self) -> list[tuple[str, LastAnswer[Any]]]:
        """The sources of what is shown that can't be asked now, by name."""
        return _away(self)


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """The settings by which the shop is looked at."""

    store: StorefrontSettings
    common: CommonSettings
    pace: PaceSettings


@dataclass(slots=True)
class _Latest:
    queue: LastAnswer[QueueSaid] = field(default_factory=LastAnswer)
    journal: LastAnswer[JournalSaid] = field(default_factory=LastAnswer)
    dagster: LastAnswer[DagsterSaid] = field(default_factory=LastAnswer)
    medusa: LastAnswer[Any] = field(default_factory=LastAnswer)
    failures: FailuresSaid = field(default_factory=FailuresSaid)
    first_changes: Mapping[str, datetime] = field(default_factory=dict)
    following: Following | None = None
    titles: tuple[BoardTitle, ...] = ()
    counts: BoardCounts = field(default_factory=lambda: count_board(()))


class BoardWatch:
    """The board's state, kept current while somebody looks. It may be shared by threads.

    Args:
        journal: what the store was last told, and what a push would do where nothing is written.
        store: asks Medusa for anything, and gives up within seconds.
    """

    def __init__(
        self,
        settings: ShopSettings,
        queue: QueueReader,
        journal: Callable[[], JournalViews],
        view: DagsterView,
        store: Callable[[], LastAnswer[Any]],
    ) -> None:
        self.settings = settings
        self._queue, self._journal, self._view, self._store = queue, journal, view, store
        self._latest = _Latest()
        self._state: BoardState | None = None
        self._made_at = self._looked_at = float("-inf")
        self._titles_due, self._titles_took, self._hurried = 0.0, 0.0, False
        self._pool = ThreadPoolExecutor(4, "board-looks")
        self._at_work: dict[str, Future[Any]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def state(self) -> BoardState:
        """The state as it was last seen. It waits for a moment where nobody has looked for long."""
        with self._changed:
            began = self._looked_at = time.monotonic()
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._keep, name="board-watch", daemon=True)
                self._thread.start()
            old = began - LOOKED_AT_FOR
            wait = FIRST_WAIT if self._state is None else RENEWAL_WAIT
            self._changed.wait_for(lambda: self._made_at > old or self._closed, wait)
            return self._state or self._made_of(self._before_the_first())

    def _before_the_first(self) -> _Latest:
        """What is known before the first board is made: no title of it was judged yet, so none is known."""
        return self._latest if self._latest.following else replace(self._latest, queue=LastAnswer())

    def close(self) -> None:
        """Ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(TICK_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def refresh(self, *, titles: bool = True) -> BoardState:
        """Asks the sources at once. For the thread, and for whoever has none."""
        latest, began = self._latest, time.monotonic()
        store = self._pool.submit(self._ask_store)
        if titles:
            read, told = self._ask_queue, self._ask_journal
            latest.queue = _again("The queue", latest.queue, lambda: self._promptly("titles", read))
            # After the rows: a push may be at work.
            latest.journal = _again("The journal", latest.journal, lambda: self._promptly("told", told))
            if not (latest.queue.why_not or latest.journal.why_not):
                self._ask_first_changes()
            # Who waits for a database that is away costs it nothing.
            is_away = latest.queue.why_not or latest.journal.why_not
            self._titles_took = 0.0 if is_away else time.monotonic() - began
        latest.dagster = _again("Dagster", latest.dagster, lambda: self._view.ask(self._ask_dagster))
        if titles:
            # All of them are judged anew, which for very many takes a second.
            latest.following = self._followed(latest)
            latest.titles = self._judged(latest)
            latest.counts = count_board(latest.titles)
            self._ask_failures()
        # Last: whoever waits for the first board gets all but this from `latest` meanwhile.
        latest.medusa = store.result()
        return self._made_of(latest)

    def hurry(self) -> None:
        """Something was done here that the board is to show: it is made anew at once."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

    def _keep(self) -> None:
        while True:
            began = time.monotonic()
            with self._changed:
                with_titles, self._hurried = self._hurried or began >= self._titles_due, False
            try:
                state: BoardState | None = self.refresh(titles=with_titles)
            except Exception:  # Nobody would see a thread end, and the board would be old for ever.
                log.exception("The board could not be made anew.")
                state = None
            with self._changed:
                if with_titles:
                    self._titles_due = began + max(TITLES_EVERY, SHARE * self._titles_took)
                if state is not None:
                    self._state, self._made_at = state, time.monotonic()
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closed or self._hurried, TICK_SECONDS)
                if self._closed or time.monotonic() - self._looked_at > LOOKED_AT_FOR:
                    self._thread = None
                    return

    def _promptly(self, what: str, look: Callable[[], T]) -> T:
        """What a look gives, within its time: a server that is frozen sends neither an answer nor an end.

        Raises:
            Transient: it takes longer. The look goes on, and is not put again before it is over. What it
                gives then was so at another time: nobody gets it.
            IngramError: as the look has it.
        """
        hung = self._at_work.get(what)
        if hung is not None and hung.done():
            hung = None
        future = self._at_work[what] = hung or self._pool.submit(look)
        try:
            return cast(T, future.result(_AGAIN_SECONDS if hung else _LOOK_SECONDS))
        except TimeoutError:
            raise Transient("It has not answered in time. See that its database is up.") from None
        finally:
            if future.done():
                del self._at_work[what]

    def _ask_store(self) -> LastAnswer[Any]:
        try:
            return self._store()
        except IngramError as error:
            return replace(self._latest.medusa, why_not=str(error))

    def _ask_queue(self) -> QueueSaid:
        return QueueSaid(self._queue.titles(), {one.isbn: one for one in self._queue.last_troubles()})

    def _ask_journal(self) -> JournalSaid:
        journal = self._journal()
        mode = journal.mode(self.settings.store.MODE)
        return JournalSaid(journal.in_step(), journal.outlook(mode), mode.live_since, journal.held())

    def _ask_first_changes(self) -> None:
        queue, journal = self._latest.queue.value, self._latest.journal.value
        rows = [row_state_of(title) for title in queue.titles] if queue else []
        try:
            missing = lag.not_told(rows, journal.in_step if journal else {})
            self._latest.first_changes = self._promptly(
                "first changes", lambda: self._queue.first_changes(missing)
            )
        except IngramError as error:
            self._latest.queue = replace(self._latest.queue, why_not=str(error))

    def _ask_dagster(self, instance: "DagsterInstance") -> DagsterSaid:
        from ingram_assets.alerts.incidents import open_incidents
        from ingram_assets.defs.backups import last_backup
        from ingram_assets.defs.keys import ISBNS_NAME, RETIRED_NAME, STOCK_SWEEP
        from ingram_assets.defs.next_reading import sweep_due
        from ingram_assets.defs.operations.sensors import tables_of
        from ingram_assets.defs.runs_at_work import at_work_since, switched_off
        from ingram_assets.defs.site_pauses import site_pause

        swept, due = sweep_due(instance, self.settings.pace.STOCK_WARN_AFTER)
        fresh = instance.get_freshness_state_records([STOCK_SWEEP]).get(STOCK_SWEEP)
        in_time = fresh is not None and fresh.freshness_state.value == "PASS"
        return DagsterSaid(
            tracked=frozenset(instance.get_dynamic_partitions(ISBNS_NAME)),
            retired=frozenset(instance.get_dynamic_partitions(RETIRED_NAME)),
            switched_off=frozenset(switched_off(instance)),
            sweeping_since=at_work_since(instance, "scraper"),
            swept_at=swept,
            sweep_due=due,
            sweeps_in_time_since=fresh.updated_at.astimezone(UTC) if fresh and in_time else None,
            pause=site_pause(instance, datetime.now(UTC).timestamp()),
            silent_since=daemon_silent_since(instance, datetime.now(UTC)),
            incidents=tuple(open_incidents(tables_of(instance).log())),
            at_work=tuple(shop_runs(instance, AT_WORK_SHOWN, unfinished=True)),
            backup=last_backup(instance),
        )

    def _ask_failures(self) -> None:
        latest = self._latest
        all_waiting = latest.following.waiting if latest.following else {}
        waiting = {isbn: since for isbn, since in all_waiting.items() if isbn not in self._retired}
        with suppress(DagsterAway):  # It is told of already.
            latest.failures = self._view.ask(
                lambda instance: FailuresSaid(last_failed(instance), unfinished_pushes(instance, waiting))
            )

    @property
    def _retired(self) -> frozenset[str]:
        dagster = self._latest.dagster.value
        return dagster.retired if dagster else frozenset()

    @property
    def _switched_off(self) -> frozenset[str]:
        dagster = self._latest.dagster.value
        return dagster.switched_off if dagster else frozenset()

    def _followed(self, latest: _Latest) -> Following | None:
        queue, journal, dagster = latest.queue.value, latest.journal.value, latest.dagster.value
        if queue is None or journal is None:
            return None
        if journal.outlook:
            return Following({}, lag.Lag((), len(queue.titles), 0), is_watching=True)
        rows = [row_state_of(title) for title in queue.titles]
        is_late_anyway = lag.PUSHES_STOCK in self._switched_off
        found = lag.look(
            rows,
            journal.in_step,
            latest.first_changes,
            tracked=dagster.tracked if dagster else None,
            retired=self._retired,
            now=datetime.now(UTC),
            at_most=self._lag_at_most,
            sweeping_since=dagster.sweeping_since if dagster and not is_late_anyway else None,
            live_since=journal.live_since,
        )
        return Following(lag.waiting_since(rows, journal.in_step, latest.first_changes), found)

    @property
    def _lag_at_most(self) -> timedelta:
        return timedelta(seconds=self.settings.pace.STORE_LAG_MAX)

    def _judged(self, latest: _Latest) -> tuple[BoardTitle, ...]:
        settings, queue = self.settings, latest.queue.value
        if queue is None:
            return ()
        told = latest.journal.value or JournalSaid({})
        return make_board(
            BoardInputs(queue.titles, queue.unread, told.in_step, latest.following, self._retired, told.held),
            now=datetime.now(UTC),
            today=store_today(settings.common),
            rules=store_rules(settings.store),
            promise=settings.pace.stock_sla,
        )

    def _made_of(self, latest: _Latest) -> BoardState:
        now, oldest = datetime.now(UTC), oldest_reading(latest.titles)
        return BoardState(
            latest.titles,
            latest.counts,
            judge(self._facts(latest, oldest), now),
            oldest,
            latest.queue,
            latest.journal,
            latest.dagster,
            latest.medusa,
        )

    def _facts(self, latest: _Latest, oldest: BoardTitle | None) -> ShopFacts:
        said, told, followed = latest.dagster.value, latest.journal.value, latest.following
        behind = followed.lag.behind if followed else ()
        kept = [one for one in latest.titles if not one.is_retired]
        return ShopFacts(
            titles=len(said.tracked) if said else len(kept),
            within=self.settings.pace.stock_sla,
            **processes(self.settings.common),
            oldest=oldest.as_of if oldest else None,
            late=sum(one.is_late for one in kept),
            never_read=sum(one.as_of is None for one in kept),
            on_the_way=len(followed.waiting.keys() - self._retired) if followed else 0,
            behind=len(behind) if followed else None,
            behind_since=behind[0].since if behind else None,
            behind_text=lag.sentence(followed.lag, self._lag_at_most, self._switched_off)
            if followed and behind
            else None,
            failed=latest.counts.by_trait[TitleFilter.FAILED],
            block=block_of(self._unread(latest)),
            **undone_among(told.in_step if told else {}, self._retired),
            pause=said.pause if said else None,
            silent_since=said.silent_since if said else None,
            failed_runs=latest.failures.failed_runs,
            unfinished_pushes=latest.failures.unfinished_pushes,
            held=[one for one in told.held if one.isbn not in self._retired] if told else (),
            switched_off=sorted(self._switched_off),
            not_asked=tuple(
                f"{name} can't be asked: {answer.why_not}"
                for name, answer in (*_away(latest), ("The store", latest.medusa))
                if answer.why_not
            )
            or (() if latest.queue.at else ("The titles are being read: look again in a moment.",)),
            watching=told.outlook if told else None,
        )

    def _unread(self, latest: _Latest) -> list[TitleTrouble]:
        queue = latest.queue.value
        return [one for one in queue.unread.values() if one.isbn not in self._retired] if queue else []


def _away(latest: _Latest | BoardState) -> list[tuple[str, LastAnswer[Any]]]:
    named: list[tuple[str, LastAnswer[Any]]] = [
        ("The queue", latest.queue),
        ("The journal", latest.journal),
        ("Dagster", latest.dagster),
    ]
    return [(name, answer) for name, answer in named if answer.why_not]


def _again(called: str, last: LastAnswer[T], look: Callable[[], T]) -> LastAnswer[T]:
    """Asks a source once more."""
    at = datetime.now(UTC)
    try:
        return LastAnswer(look(), at)
    except IngramError as error:
        log.warning("%s: %s", called, error)
        return replace(last, why_not=str(error))
