"""The state of the shop at one look: the verdict, counts, what runs low, and what is broken."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from ingram_assets.alerts.model import Incident
from ingram_assets.defs.storefront import lag
from ingram_assets.defs.storefront.from_settings import own_tables, store_rules, store_today
from ingram_assets.domain import bindings
from ingram_assets.domain.availability import Availability
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.domain.failures import IngramError, NeedsPerson, Transient, of_the_disk
from ingram_assets.domain.lifetime import age
from ingram_assets.domain.low_stock import has_few_left
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.domain.title import Title
from ingram_assets.overview.daemon import daemon_silent_since
from ingram_assets.overview.failed_runs import FailedRun, UnfinishedPush, last_failed, unfinished_pushes
from ingram_assets.overview.store_look import StoreLook
from ingram_assets.overview.verdict import BLOCKED, Block, ShopFacts, Verdict, judge
from ingram_assets.postgres import takes_no_writes
from ingram_assets.runtime.desk_process import desk_at
from ingram_assets.runtime.instance import older_settings, running_ports, takes_writes
from ingram_assets.runtime.started_by import started_by
from ingram_assets.runtime.started_with import in_effect
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader, RowState, Summary, TitleTrouble
from ingram_assets.store.journal import HeldTitle, InStep, Journal
from ingram_assets.store.observe_mode import Outlook, StoreMode
from ingram_assets.store.plan import desired
from ingram_assets.store.rules import StoreRules

NO_STOCK_TABLE = "no_stock_table"
"""A page without stock is a look without a finding: forthcoming titles have it for months, unbroken."""
_BINDINGS_NAMED = 5
_CONNECT_SECONDS = 5
"""A look is to say at once that a database does not answer."""


@dataclass(frozen=True, slots=True)
class LowTitle:
    """A title in stock of which few copies are left to sell."""

    isbn: str
    title: str
    copies: int


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the shop.

    Attributes:
        facts: what the verdict is made of; `queue`: the queue's figures, retired titles left out. `None`: it
            does not answer, and all that is known of titles' rows is empty.
        tracked_known: whether Dagster could be asked which titles are tracked; else the queue's rows count.
        backup: the last one that was noted; `None`: none was, or Dagster could not be asked.
        retired: those of the queue's titles. A person may have retired others before they were ever there.
        broken: titles that failed, or that were not read at the last attempt.
        desk: where the desk answers; `None`: it does not.
        notes: what else a person should know of the store; `zone`: the shop's.
    """

    verdict: Verdict
    facts: ShopFacts
    queue: Summary | None
    oldest_title: str | None
    tracked_known: bool
    backup: NotedBackup | None
    retired: int
    low_stock: tuple[LowTitle, ...]
    low_stock_threshold: int
    behind_titles: tuple[lag.Behind, ...]
    broken: tuple[TitleTrouble, ...]
    no_stock_table: tuple[TitleTrouble, ...]
    desk: str | None
    notes: tuple[str, ...]
    zone: ZoneInfo
    incidents: tuple[Incident, ...]
    """What people were told of, and is not over."""


def gather() -> Status:
    """The state of the shop. Of Medusa only whether it answers, and notes. Without Dagster, rows are counted.

    It is told by the settings that the shop's processes go by, where they are at work.

    Raises:
        SettingsError: the storefront's settings, or its table of labels.
    """
    typed = environment_of("storefront")
    check(typed, StorefrontSettings, CommonSettings, PaceSettings)
    runs = in_effect(typed)
    settings = load(StorefrontSettings, runs.environment)
    common, pace = load(CommonSettings, runs.environment), load(PaceSettings, runs.environment)
    rules, store = store_rules(settings), StoreLook(settings)
    try:
        return _with_queue(settings, rules, common, pace, store, runs.sentence)
    except (Transient, NeedsPerson) as error:  # The queue's: what else is away is a sentence among the facts.
        return _without_queue(settings, common, pace, store, str(error), runs.sentence)


def _without_queue(
    settings: StorefrontSettings,
    common: CommonSettings,
    pace: PaceSettings,
    store: StoreLook,
    why: str,
    not_in_effect: str | None,
) -> Status:
    """What is known while the queue does not answer: not whether the store tells the truth."""
    dagster, journal, now = _ask_dagster(common, {}), _ask_journal(settings), datetime.now(UTC)
    facts = ShopFacts(
        titles=len(dagster.tracked or ()),
        within=pace.stock_sla,
        **processes(common),
        behind=None,
        failed_runs=dagster.failed_runs,
        pause=dagster.pause,
        silent_since=dagster.silent_since,
        switched_off=tuple(sorted(dagster.switched_off)),
        not_asked=tuple(told for told in (why, dagster.problem, journal.problem, store.problem()) if told),
        not_in_effect=not_in_effect,
    )
    return Status(
        verdict=judge(facts, now),
        facts=facts,
        queue=None,
        oldest_title=None,
        tracked_known=dagster.tracked is not None,
        backup=dagster.backup,
        retired=0,
        low_stock=(),
        low_stock_threshold=settings.LOW_STOCK_THRESHOLD,
        behind_titles=(),
        broken=(),
        no_stock_table=(),
        desk=desk_at(common.state_dir),
        notes=tuple(filter(None, [older_settings(common, own_tables(settings))])),
        zone=ZoneInfo(common.STORE_TIME_ZONE),
        incidents=dagster.incidents,
    )


def _with_queue(
    settings: StorefrontSettings,
    rules: StoreRules,
    common: CommonSettings,
    pace: PaceSettings,
    store: StoreLook,
    not_in_effect: str | None,
) -> Status:
    """What is known where the queue answers. Raises NeedsPerson, Transient: it does not."""
    now = datetime.now(UTC)
    with QueueReader(settings.QUEUE_DB_URL.get_secret_value(), connect_seconds=_CONNECT_SECONDS) as reader:
        rows = reader.row_states()  # before what the store was told of them: a push may be at work
        journal = _ask_journal(settings)
        first_changes = reader.first_changes(lag.not_told(rows, journal.in_step or {}))
        waiting = lag.waiting_since(rows, journal.in_step or {}, first_changes) if journal.follows else {}
        dagster = _ask_dagster(common, waiting)
        behind, behind_text = _behind(rows, journal, first_changes, dagster, pace)
        summary = reader.summary(leave_out=dagster.retired)
        notes = list(_no_writes(reader, journal, dagster))
        titles = [title for title in reader.titles() if title.isbn not in dagster.retired]
    notes += _notes(settings, common, titles, store)  # Asks the store for more than whether it answers.
    aged = (age(title, now, rules.stock_max_age, rules.stale_stock) for title in titles)
    broken, no_stock_table = _troubles(summary)
    facts = replace(
        _facts(summary, dagster, journal, waiting, behind, behind_text),
        within=pace.stock_sla,
        **processes(common),
        late=sum(_is_late(title, now, pace.stock_sla) for title in titles),
        block=block_of(broken),
        not_asked=tuple(filter(None, (dagster.rows_alone, journal.problem, store.problem()))),
        not_in_effect=not_in_effect,
    )
    return Status(
        verdict=judge(facts, now),
        facts=facts,
        queue=summary,
        oldest_title=next((one.title for one in titles if one.isbn == summary.oldest_reading_isbn), None),
        tracked_known=dagster.tracked is not None,
        backup=dagster.backup,
        retired=sum(row.isbn in dagster.retired for row in rows),
        low_stock=low_stock(aged, rules=rules, today=store_today(common)),
        low_stock_threshold=settings.LOW_STOCK_THRESHOLD,
        behind_titles=behind or (),
        broken=broken,
        no_stock_table=no_stock_table,
        desk=desk_at(common.state_dir),
        notes=tuple(notes),
        zone=ZoneInfo(common.STORE_TIME_ZONE),
        incidents=dagster.incidents,
    )


def _troubles(summary: Summary) -> tuple[tuple[TitleTrouble, ...], tuple[TitleTrouble, ...]]:
    """What is broken, and the titles whose page showed no stock table."""
    all = (*summary.failed_titles, *summary.unread_titles)
    broken = tuple(one for one in all if one.outcome != NO_STOCK_TABLE)
    return broken, tuple(one for one in all if one.outcome == NO_STOCK_TABLE)


def _is_late(title: Title, now: datetime, within: timedelta) -> bool:
    return title.stock_observed_at is not None and now - title.stock_observed_at > within


def block_of(troubles: Iterable[TitleTrouble]) -> Block | None:
    """What the site's bot wall keeps, of the titles not read at the last attempt; `None`: nothing."""
    kept = [one for one in troubles if one.outcome == BLOCKED]
    if not kept:
        return None
    since = min((one.since for one in kept if one.since is not None), default=None)
    return Block(len(kept), since, kept[0].reason)


def processes(common: CommonSettings) -> dict[str, Any]:
    """Whether a process of the shop is at work here, and how they are started, as `ShopFacts` has it."""
    return {"is_running": bool(running_ports(common)), "started_by": started_by(common.state_dir)}


def undone_among(in_step: Mapping[str, InStep], retired: Collection[str]) -> dict[str, Any]:
    """How many titles are as an undo left them, and since when, as `ShopFacts` has it. Pure."""
    since = [told.undone_at for isbn, told in in_step.items() if told.undone_at and isbn not in retired]
    return {"undone": len(since), "undone_since": min(since, default=None)}


@dataclass(frozen=True, slots=True)
class _Dagster:
    """What Dagster knows: the titles it tracks (`None`: it can't be asked, `problem` says why), and more."""

    tracked: frozenset[str] | None = None
    retired: frozenset[str] = frozenset()
    switched_off: frozenset[str] = frozenset()
    sweeping_since: datetime | None = None
    failed_runs: tuple[FailedRun, ...] = ()
    unfinished_pushes: tuple[UnfinishedPush, ...] = ()
    pause: SitePause | None = None
    silent_since: datetime | None = None
    incidents: tuple[Incident, ...] = ()
    backup: NotedBackup | None = None
    takes_writes: bool = True
    problem: str | None = None

    @property
    def rows_alone(self) -> str | None:
        """The problem, and what it means for what is counted, where the queue answers."""
        return f"{self.problem} So rows are counted here, retired ones too." if self.problem else None


@dataclass(frozen=True, slots=True)
class _Journal:
    """What the journal knows: what the store was last told (`None`: it can't be asked), and more.

    `outlook`: what a push would do, where nothing is written; `live_since`: as `StoreMode` has it.
    """

    in_step: Mapping[str, InStep] | None = None
    outlook: Outlook | None = None
    live_since: datetime | None = None
    problem: str | None = None
    held: Sequence[HeldTitle] = ()
    takes_writes: bool = True

    @property
    def follows(self) -> bool:
        """Whether the store is meant to follow the queue, by all that is known."""
        return self.in_step is not None and self.outlook is None


def _facts(
    summary: Summary,
    dagster: _Dagster,
    journal: _Journal,
    waiting: Mapping[str, datetime],
    behind: Sequence[lag.Behind] | None,
    behind_text: str | None,
) -> ShopFacts:
    return ShopFacts(
        titles=summary.titles if dagster.tracked is None else len(dagster.tracked),
        oldest=summary.oldest_reading,
        never_read=summary.never_read,
        failed=summary.failed,
        on_the_way=len(waiting.keys() - dagster.retired),
        behind=None if behind is None else len(behind),
        behind_since=behind[0].since if behind else None,
        behind_text=behind_text,
        **undone_among(journal.in_step or {}, dagster.retired),
        watching=journal.outlook,
        failed_runs=dagster.failed_runs,
        unfinished_pushes=dagster.unfinished_pushes,
        held=[one for one in journal.held if one.isbn not in dagster.retired],
        pause=dagster.pause,
        silent_since=dagster.silent_since,
        switched_off=tuple(sorted(dagster.switched_off)),
    )


def _ask_dagster(common: CommonSettings, waiting: Mapping[str, datetime]) -> _Dagster:
    """Ask Dagster's own database. `waiting`: ISBN to the first change that the store was not told of."""
    from ingram_assets.runtime.instance import dagster_instance, told_if_away

    try:
        # Dagster itself tries for ten seconds.
        with suppress(psycopg.ProgrammingError):
            url = common.DAGSTER_PG_URL.get_secret_value()
            psycopg.connect(url, connect_timeout=_CONNECT_SECONDS).close()
        with dagster_instance(common) as instance, told_if_away():
            from ingram_assets.alerts.incidents import open_incidents
            from ingram_assets.defs.backups import last_backup
            from ingram_assets.defs.keys import ISBNS_NAME, RETIRED_NAME
            from ingram_assets.defs.operations.sensors import tables_of
            from ingram_assets.defs.runs_at_work import at_work_since, switched_off
            from ingram_assets.defs.site_pauses import site_pause

            retired = frozenset(instance.get_dynamic_partitions(RETIRED_NAME))
            missed = {isbn: since for isbn, since in waiting.items() if isbn not in retired}
            return _Dagster(
                frozenset(instance.get_dynamic_partitions(ISBNS_NAME)),
                retired,
                frozenset(switched_off(instance)),
                at_work_since(instance, "scraper"),
                last_failed(instance),
                unfinished_pushes(instance, missed),
                site_pause(instance, datetime.now(UTC).timestamp()),
                daemon_silent_since(instance, datetime.now(UTC)),
                tuple(open_incidents(tables_of(instance).log())),
                last_backup(instance),
                takes_writes(instance),
            )
    except psycopg.OperationalError:
        problem = "Dagster's database can't be reached: is PostgreSQL up, and is DAGSTER_PG_URL right?"
    except (IngramError, OSError) as error:
        if (told := error if isinstance(error, IngramError) else of_the_disk(error)) is None:
            raise
        problem = str(told)
    return _Dagster(problem=problem)


def _behind(
    rows: Sequence[RowState],
    journal: _Journal,
    first_changes: Mapping[str, datetime],
    dagster: _Dagster,
    pace: PaceSettings,
) -> tuple[tuple[lag.Behind, ...] | None, str | None]:
    """The titles that the store does not follow, and that in words; `None` if the journal can't say.

    While the shop only watches, none is meant to be followed.
    """
    if journal.outlook:
        return (), None
    if journal.in_step is None:
        return None, None
    at_most = timedelta(seconds=pace.STORE_LAG_MAX)
    found = lag.look(
        rows,
        journal.in_step,
        first_changes,
        tracked=dagster.tracked,
        retired=dagster.retired,
        now=datetime.now(UTC),
        at_most=at_most,
        sweeping_since=None if lag.PUSHES_STOCK in dagster.switched_off else dagster.sweeping_since,
        live_since=journal.live_since,
    )
    return found.behind, lag.sentence(found, at_most, dagster.switched_off) if found.behind else None


def _ask_journal(settings: StorefrontSettings) -> _Journal:
    try:
        url = settings.STOREFRONT_DB_URL.get_secret_value()
        with Journal(url, connect_seconds=_CONNECT_SECONDS) as journal:
            mode = journal.mode(settings.MODE)
            return _Journal(
                journal.in_step(),
                journal.outlook(mode),
                mode.live_since,
                held=journal.held(),
                takes_writes=journal.takes_writes(),
            )
    except IngramError as error:
        watched = Outlook(StoreMode("observe")) if settings.MODE == "observe" else None
        problem = f"{error} So it is not known here whether the store follows the queue."
        return _Journal(outlook=watched, problem=problem)


def _no_writes(reader: QueueReader, journal: _Journal, dagster: _Dagster) -> Iterator[str]:
    """Which databases answer and take no writes, as a standby after a failover: then nothing new is known."""
    for name, setting, does in (
        ("The queue's", "QUEUE_DB_URL", reader.takes_writes()),
        ("The journal's", "STOREFRONT_DB_URL", journal.takes_writes),
        ("Dagster's", "DAGSTER_PG_URL", dagster.takes_writes),
    ):
        if not does:
            yield f"{name} database {takes_no_writes(setting)}"


def _notes(
    settings: StorefrontSettings, common: CommonSettings, titles: Iterable[Title], store: StoreLook
) -> Iterator[str]:
    yield from filter(None, (older_settings(common, own_tables(settings)), unknown_bindings(titles)))
    yield from store.notes()


def unknown_bindings(titles: Iterable[Title]) -> str | None:
    """The bindings that no list has, in a sentence, the most frequent first; `None`: there is none. Pure."""
    found: dict[str, list[str]] = {}
    for title in titles:
        if title.binding and bindings.kind(title.binding) is bindings.BindingKind.UNKNOWN:
            found.setdefault(title.binding, []).append(title.isbn)
    if not found:
        return None
    first = sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))[:_BINDINGS_NAMED]
    named = ", ".join(f"“{binding}” ({len(isbns):,}, such as {min(isbns)})" for binding, isbns in first)
    more = f" and {len(found) - len(first):,} more" if len(found) > len(first) else ""
    return (
        f"Of some bindings it is not known what they are, so copies are counted: {named}{more}. If one is a "
        "file, say so in [bindings] of site.toml."
    )


def is_low(wanted: Availability, rules: StoreRules) -> bool:
    """Whether a title is in stock, with few copies left to sell: so many that the rules give the store."""
    copies = wanted.stocked_quantity or 0
    return wanted.status == "in_stock" and has_few_left(copies, rules.low_stock_threshold)


def low_stock(titles: Iterable[Title], *, rules: StoreRules, today: date) -> tuple[LowTitle, ...]:
    """The titles in stock of which few copies are left to sell, the fewest first. Pure.

    `copies` is the level that the rules give the store: safety stock is no copy to sell. What is sold out is
    not low but gone. A push counts something else, `fell_to_low_stock`: whose level it lowered to the
    threshold, or to none; it says so once.
    """
    low = []
    for title in titles:
        wanted = desired(title, today=today, rules=rules)
        if is_low(wanted, rules):
            low.append(LowTitle(title.isbn, title.title, wanted.stocked_quantity or 0))
    return tuple(sorted(low, key=lambda one: (one.copies, one.isbn)))
