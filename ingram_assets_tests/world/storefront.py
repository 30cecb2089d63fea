"""The storefront in the world: its sensors' decisions, and pushes, which are `push_rows` itself."""

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.defs.events import KIND, STOPPED, classified
from ingram_assets.defs.keys import ISBNS_NAME, RETIRED_NAME
from ingram_assets.defs.storefront import push as pushing
from ingram_assets.defs.storefront.decisions import (
    AT_ONCE,
    ORDERS_SETTLE,
    Asked,
    ChangeBatch,
    ChangeRange,
    PushDecision,
    RunState,
    SensorCursor,
    after_asking,
    after_run,
    ask,
    became_untrue,
    is_complete,
    orders_since,
    push_changes,
    second_look,
    to_look_at,
    to_push_by_time,
    told_too_long,
)
from ingram_assets.defs.storefront.lag import Lag, look, not_told
from ingram_assets.domain.failures import Transient
from ingram_assets.settings.shared import store_time_zone
from ingram_assets.store import levels, one_run
from ingram_assets.store import undo as undoing
from ingram_assets.store.location import find_location
from ingram_assets.store.read import read_touched
from ingram_assets.store.rules import StoreRules
from ingram_assets.store.session import StoreSession
from ingram_assets_tests.world.clock import Clock, replaced
from ingram_assets_tests.world.events import SENSORS
from ingram_assets_tests.world.medusa import CHANNEL, NAME, SimulatedClient
from ingram_assets_tests.world.queue import SimulatedQueue
from ingram_assets_tests.world.scraper import Scraper
from ingram_assets_tests.world.store import Holder, Killed, SimulatedJournal, SimulatedStore
from ingram_assets_tests.world.watch import PUSH, Watch

WAITS = (15.0, 60.0, 300.0)
LOOKS_IN_A_TICK = 3
"""A sensor looks oftener, but so the stretches that it holds keep up with what is new."""
REQUEST_SECONDS = 0.01
LAG = timedelta(minutes=10)
SECOND_LOOK = timedelta(hours=2)
"""STOCK_FAIL_AFTER: by then each title that can be read was."""


class _Silent:
    """A progress that nobody looks at."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> "_Silent":
        return self

    def __exit__(self, *_: object) -> None: ...

    def say(self, *_: object) -> None: ...


@dataclass(slots=True)
class Ran:
    """A push that ended: when, how, what it was for (`None`: all titles), and why if it failed.

    `came_through` are the titles of which it told the store something that was read since it was told before.
    """

    at: float
    state: RunState
    isbns: tuple[str, ...] | None
    by: str
    reason: str = ""
    came_through: tuple[str, ...] = ()
    run_id: str = ""


@dataclass(slots=True)
class Storefront:
    """What Dagster has of the storefront: its sensors' cursors, and its runs by their keys."""

    clock: Clock
    queue: SimulatedQueue
    store: SimulatedStore
    client: SimulatedClient
    journal: SimulatedJournal
    scraper: Scraper
    watch: Watch
    rules: StoreRules
    off: dict[str, float] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=dict)
    runs: dict[str, RunState] = field(default_factory=dict)
    ended: list[Ran] = field(default_factory=list)
    loses_a_run: bool = False
    _numbers: Any = field(default_factory=itertools.count)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(store_time_zone())

    @property
    def context(self) -> Any:
        """As much of a run's context as a push looks at."""
        partitions = {ISBNS_NAME: self.scraper.tracked, RETIRED_NAME: self.scraper.retired}
        instance = SimpleNamespace(get_dynamic_partitions=lambda name: sorted(partitions[name]))
        run_id = f"push {next(self._numbers)}"
        return SimpleNamespace(
            instance=instance,
            job_name="push",
            run=SimpleNamespace(run_id=run_id),
            log=logging.getLogger("world"),
            log_event=lambda event: self.watch.logged(event, run_id),
        )

    def push(self, isbns: Sequence[str] | None, by: str, *, let_through: bool = False) -> RunState:
        """A run of the job `push`."""
        context = self.context
        run_id = context.run.run_id
        settings: Any = SimpleNamespace(
            MEDUSA_BACKEND_URL="https://store.example",
            MEDUSA_STOCK_LOCATION=NAME,
            MEDUSA_SALES_CHANNEL=CHANNEL,
            RETURNS_TO=None,
        )
        reader: Any = self.queue
        state, reason, before = "succeeded", "", self._read_in_store()
        try:
            with classified(), self.journal.alone("another", lambda _: None):
                now = self.clock.moment()
                session = self._session(run_id, now.astimezone(self.zone).date())
                retired = frozenset(self.scraper.retired)
                run = pushing.StoreRun(context, reader, session, settings, retired, now)
                pushing.push_rows(run, isbns, let_through=let_through)
            self.watch.came_through(PUSH, run_id)
        except dg.Failure as failure:
            state, reason = "failed", f"{_why(failure)}{failure.description}"
            self.watch.failed(PUSH, failure, run_id, retried=by in SENSORS)
        except Killed:
            state, reason = "failed", "killed"
            self.watch.died(PUSH, run_id)
        named = None if isbns is None else tuple(isbns)
        after = self._read_in_store()
        told = tuple(isbn for isbn in before if after.get(isbn, before[isbn]) != before[isbn])
        self.ended.append(Ran(self.clock.now, state, named, by, reason, told, run_id))  # type: ignore[arg-type]
        return state  # type: ignore[return-value]

    def push_at_once(self, isbns: Sequence[str], runs: int) -> None:
        """Several runs of the job `push` for the same titles, none of which waits for another's end."""
        self.store.pauses = lambda: self.clock.sleep(REQUEST_SECONDS)
        self.clock.together([lambda: self.push(isbns, "person")] * runs)
        self.store.pauses = lambda: None

    def undo(self, run_id: str) -> None:
        """What `ingram undo` does."""
        today = self.clock.moment().astimezone(self.zone).date()
        with self.journal.alone("another", lambda _: None):
            undoing.undo(self._session(f"undo {next(self._numbers)}", today), run_id)

    def _session(self, run_id: str, today: date) -> StoreSession:
        """What `open_store` opens."""
        journal: Any = self.journal
        client: Any = self.client
        location = find_location(client, journal=journal, name=NAME, sales_channel=CHANNEL)
        return StoreSession(client, journal, location, self.rules, today, run_id=run_id)

    def _read_in_store(self) -> dict[str, tuple[object, ...]]:
        """ISBN to what the store shows that no time and no order changes: counts, a file, a far day."""
        return {
            isbn: (
                product.managed,
                product.metadata.get("ingram_stock"),
                "2099" in str(product.metadata.get("availability_label")),
            )
            for isbn, product in self.store.products.items()
        }

    def tick(self) -> None:
        """All sensors that are on, in their turn, each a few times as long as it asks for something."""
        for sensor in (self._stock_changes, self._rows_to_import, self._clock_changes, self._order_changes):
            name = sensor.__name__.removeprefix("_")
            if self.off.get(name, 0.0) > self.clock.now:
                continue
            for _ in range(LOOKS_IN_A_TICK):
                pushes = len(self.ended)
                try:
                    sensor(name)
                except Transient:
                    break  # a look that failed: the cursor stays
                if len(self.ended) == pushes:
                    break

    def lag(self) -> Lag:
        """What the standing check `store_follows_queue` finds."""
        rows, told = self.queue.row_states(), self.journal.in_step()
        return look(
            rows,
            told,
            self.queue.first_changes(not_told(rows, told)),
            tracked=self.scraper.tracked | self.scraper.retired,
            retired=self.scraper.retired,
            now=self.clock.moment(),
            at_most=LAG,
        )

    def _stock_changes(self, name: str) -> None:
        if (place := self._settled(name)) is None:
            return
        retired = frozenset(self.scraper.retired)

        def read(stretch: ChangeRange) -> ChangeBatch:
            return ChangeBatch.of_stock(
                self.queue.changes_since(stretch.after, AT_ONCE, stretch.until), retired
            )

        decision = push_changes(
            place,
            read,
            self.clock.now,
            retired=retired,
            is_sweeping=lambda: self.scraper.run is not None,
        )
        self._answer(name, decision)

    def _rows_to_import(self, name: str) -> None:
        now, retired = self.clock.moment(), self.scraper.retired
        waiting = [
            row
            for row in self.queue.rows_to_import(AT_ONCE)
            if row.isbn not in retired and is_complete(row, now)
        ]
        self._ask(name, {str(row.id): row.isbn for row in waiting}, "rows to import")

    def _clock_changes(self, name: str) -> None:
        now, retired, max_age = self.clock.moment(), self.scraper.retired, self.rules.sold_for
        rows, told = self.queue.row_states(), self.journal.in_step()
        self.journal.hold_to_nothing([isbn for isbn in retired if isbn in told and told[isbn].pushed_at])
        titles = self.queue.titles(to_look_at(rows, told, retired, now, max_age))
        changed, still_valid = became_untrue(titles, told, now, max_age, self.zone)
        self.journal.still_valid(still_valid)
        too_old = told_too_long(self.queue.first_changes(not_told(rows, told)), now, max_age)
        wanted = to_push_by_time(rows, told, retired, changed, too_old)
        self._ask(name, {isbn: isbn for isbn in wanted}, "titles changed by time")

    def _order_changes(self, name: str) -> None:
        if (place := self._settled(name)) is None:
            return
        settled = (self.clock.moment() - ORDERS_SETTLE).isoformat()
        placed = self.rules.inventory_mode == "on_hand_plus_reserved"

        def read(stretch: ChangeRange) -> ChangeBatch:
            until = datetime.fromisoformat(end := stretch.until or settled)
            since = orders_since(stretch.after, until)
            client: Any = self.client
            wanted = [isbn for isbn, moved in read_touched(client, since, until).items() if moved]
            if again := second_look(since, until, SECOND_LOOK):
                wanted += [isbn for isbn, moved in read_touched(client, *again).items() if moved or placed]
            return ChangeBatch([title.isbn for title in self.queue.titles(wanted)] if wanted else [], end)

        self._answer(name, push_changes(place, read, self.clock.now, retired=self.scraper.retired))

    def _settled(self, name: str) -> SensorCursor | None:
        place = SensorCursor.parse(self.cursors.get(name))
        if place.pending is not None:
            place = after_run(place, self.runs.get(place.run_key, "gone"), self.clock.now, WAITS)
        return None if place.pending is not None else place

    def _ask(self, name: str, wanted: Mapping[str, str], what: str) -> None:
        asked = Asked.parse(self.cursors.get(name))
        state = self.runs.get(asked.run_key, "gone") if asked.keys else "gone"
        asked = after_asking(asked, state, wanted.keys(), self.clock.now, WAITS)
        self._answer(name, ask(asked, wanted, self.clock.now, what=what, pushing=False))

    def _answer(self, name: str, decision: PushDecision) -> None:
        self.cursors[name] = decision.place.dump()
        if not decision.isbns:
            return
        key = decision.place.run_key
        if key in self.runs:
            return  # Dagster starts no run for a key that one had
        if self.loses_a_run:
            self.loses_a_run = False
            return
        self.runs[key] = self.push(decision.isbns, name)


def _why(failure: dg.Failure) -> str:
    """What a push's failure wants, as a word before its reason."""
    if STOPPED in failure.metadata:
        return "stopped: "
    return "a person has to act: " if failure.metadata[KIND].value == "needs_person" else ""


@contextmanager
def driven(clock: Clock, store: SimulatedStore) -> Iterator[None]:
    """The product's modules with the world's clock and store in place of the real ones."""

    def silent(*_: object, **__: object) -> None: ...

    at_work: dict[str, Callable[..., Any]] = {"read_store": store.read_store, "apply": store.apply}
    of_push = {
        "read_store": store.read_store,
        "import_titles": store.import_titles,
        "preview_import": store.preview_import,
        "datetime": clock.datetime_class,
        "Progress": _Silent,
        "log_materializations": silent,
    }
    with replaced(
        (pushing, of_push),
        (levels, at_work),
        (
            one_run,
            {
                "_takes_lock": Holder.takes_lock,
                "_holder_that_lives": Holder.who_has_lock,
                "time": SimpleNamespace(sleep=clock.sleep),
            },
        ),
        (
            undoing,
            {**at_work, "read_products": lambda *_: {}, "CatalogIds": silent, "send_updates": lambda *_: {}},
        ),
    ):
        yield
