"""One title: its line of time, why the store shows what it shows of it, and when it is read next."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingram_assets.defs.storefront.from_settings import store_rules, store_today
from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.domain.formatting import count
from ingram_assets.domain.freshness import NextReading
from ingram_assets.domain.lifetime import age
from ingram_assets.domain.stock import Stock
from ingram_assets.domain.title import Title
from ingram_assets.overview.request_log import PageAttempt
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import StockChange, TitleTrouble
from ingram_assets.store.client import MedusaClient, MedusaError
from ingram_assets.store.explain import Explanation, explain
from ingram_assets.store.inventory.ledger import LedgerLine, StockLedger
from ingram_assets.store.inventory.medusa import read_places
from ingram_assets.store.journal import Entry, Journal
from ingram_assets.store.levels import look_at
from ingram_assets.store.location import find_location
from ingram_assets.store.plan import Shown, plan_levels
from ingram_assets.store.session import StoreSession

if TYPE_CHECKING:
    from dagster import DagsterInstance


class UnknownTitle(NeedsPerson):
    """The queue has no row of this ISBN, and the store was never written to for it."""

    def __init__(self, isbn: str) -> None:
        super().__init__(
            f"{isbn} is not tracked: the queue has no such title. Track it: ingram enrich {isbn}"
        )


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry of a title's line of time.

    `what`: "reading", "not read", "operation", or the thing that was written.
    """

    at: datetime
    what: str
    words: str
    details: Mapping[str, Any]


def line_of_time(
    readings: Iterable[StockChange],
    changes: Iterable[Entry],
    lines: Iterable[LedgerLine] = (),
    places: Mapping[str, str] | None = None,
    failures: Iterable[PageAttempt] = (),
) -> list[TimelineEntry]:
    """Readings of the stock, writes to the store and inventory operations, oldest first. Pure.

    Args:
        lines: of the ledger; those of the sync are left out, as its writes are among the `changes`.
        places: location's id to its name.
        failures: attempts to read it that gave nothing.
    """
    happened = [
        TimelineEntry(one.stock_observed_at, "reading", _reading(one), _sums(one)) for one in readings
    ]
    for one in changes:
        details = {name: getattr(one, name) for name in _OF_A_CHANGE}
        moved = "; ".join(_moves(one.before or {}, one.after or {}))
        words = f"{write_words(one.kind, details, moved)} (run {one.run_id})"
        happened.append(TimelineEntry(one.at.astimezone(UTC), one.kind, words, details))
    for line in lines:
        if line.actor_kind != "sync":
            place = (places or {}).get(line.location_id, line.location_id)
            details = {name: getattr(line, name) for name in _OF_A_LINE} | {"location": place}
            words = _operated(line, place)
            happened.append(TimelineEntry(line.at.astimezone(UTC), "operation", words, details))
    for attempt in failures:
        details = {"run_id": attempt.run_id, "outcome": attempt.outcome}
        happened.append(
            TimelineEntry(attempt.at, "not read", f"{attempt.outcome}: {attempt.reason}", details)
        )
    return sorted(happened, key=lambda one: one.at)


_OF_A_LINE = (
    *("id", "operation_id", "operation", "actor_kind", "actor_name", "quantity_before", "quantity_after"),
    *("reserved_before", "reserved_after", "reason", "note", "reference", "state", "detail", "undoes"),
)
"""What `--json` says of an operation, as the ledger has it."""


def _operated(line: LedgerLine, place: str) -> str:
    words = f"{line.operation.replace('_', ' ')} at {place}: {line.moves or 'nothing moved'}"
    state = {"pending": " NOT FINISHED.", "taken_back": " TAKEN BACK."}.get(line.state, "")
    by = f"{line.actor_kind} {line.actor_name}"
    return f"{words}{f' ({line.why})' if line.why else ''}.{state} By {by} (line {line.id})"


_OF_A_CHANGE = ("before", "after", "reason", "outcome", "detail", "run_id")
"""What `--json` says of a write, as the journal has it."""


def _sums(change: StockChange) -> dict[str, Any]:
    return {
        "stock": None if change.stock is None else stock_rules.to_json(change.stock),
        "on_hand": stock_rules.on_hand(change.stock),
        "on_order": stock_rules.on_order(change.stock),
    }


def _reading(change: StockChange) -> str:
    now, before = change.stock or {}, change.before
    if before is None:
        return f"{_in_sum(now)}: the first reading ({_centers(now, now)})."
    moved = [dc for dc in {**before, **now} if before.get(dc) != now.get(dc)]
    return f"{_in_sum(now)}; before: {_in_sum(before)} ({_centers(now, moved)})."


def _in_sum(stock: Stock) -> str:
    return f"{count(stock_rules.on_hand(stock))} on hand, {count(stock_rules.on_order(stock))} on order"


def _centers(stock: Stock, which: Iterable[str]) -> str:
    of = {dc: f"{dc} {count(seen.on_hand)}+{count(seen.on_order)}" for dc, seen in stock.items()}
    return ", ".join(of.get(dc, f"{dc} gone") for dc in which) or "no distribution center"


def write_words(kind: str, details: Mapping[str, Any], moved: str) -> str:
    """What became of a write to the store, and why it was made. Pure.

    Args:
        kind: what was written; `details`: of that moment, as a line of time has them.
        moved: the values that it changed, in words; empty: none that is told.
    """
    words = moved or "the reading and its time"
    if details["after"] is None:
        words = "removed"
    elif kind == "product" and details["before"] is None:
        words = "made"
    if details["outcome"] == "failed":
        words = f"FAILED, {details['detail']} Wanted: {words}"
    elif details["outcome"] == "pending":
        words = f"not known to have arrived, the run broke off: {words}"
    return f"{words}. {details['reason']}"


def _moves(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Each value that was written, with the one that it replaced."""
    for name, value in after.items():
        if name in ("metadata.stock_observed_at", "metadata.ingram_stock"):
            continue
        said = f"{name.removeprefix('metadata.')} "
        if name not in before:
            yield said + _short(value)
        elif before[name] != value:
            yield f"{said}{_short(before[name])} → {_short(value)}"


def _short(value: Any) -> str:
    text = "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


@dataclass(frozen=True, slots=True)
class ExplainedTitle:
    """Why the store shows what it shows of a title.

    Attributes:
        notes: what else a person should know.
        product_id: of the product in Medusa; `None`: there is none.
        after_push: what the store has after a push that would change something; `None`: none would.
    """

    explanation: Explanation
    notes: tuple[str, ...]
    product_id: str | None
    after_push: Shown | None = None


def explain_title(
    title: Title,
    unread: TitleTrouble | None,
    client: MedusaClient,
    journal: Journal,
    ledger: StockLedger,
    *,
    settings: StorefrontSettings,
    common: CommonSettings,
) -> ExplainedTitle:
    """Explains a title by what the store has of it now. Nothing is changed.

    Args:
        title: as it was read last; `unread`: why the attempt after that gave nothing.

    Raises:
        MedusaError, JournalLost, NeedsPerson: the store or the journal can't be asked.
    """
    rules, today = store_rules(settings), store_today(common)
    title = age(title, datetime.now(UTC), rules.stock_max_age, rules.stale_stock)
    location = find_location(
        client,
        journal=journal,
        name=settings.MEDUSA_STOCK_LOCATION,
        sales_channel=settings.MEDUSA_SALES_CHANNEL,
    )
    seen = look_at(StoreSession(client, journal, location, rules, today, ledger=ledger), [title])
    notes = (location.missing, *location.notes, *title_notes(title, unread))
    variants = seen.actual[title.isbn].variants if title.isbn in seen.actual else ()
    plan = seen.plan.titles[0]
    return ExplainedTitle(
        explain(title, plan, seen.orders, rules=rules, today=today, shelves=location.shelves),
        tuple(note for note in notes if note),
        variants[0].product_id if variants else None,
        plan.after if plan.verdict == "write" else None,
    )


def explain_without_store(
    title: Title, unread: TitleTrouble | None, *, settings: StorefrontSettings, common: CommonSettings
) -> ExplainedTitle:
    """The same by the rules alone, while the store can't be asked: what it has and sold is not known."""
    rules, today = store_rules(settings), store_today(common)
    title = age(title, datetime.now(UTC), rules.stock_max_age, rules.stale_stock)
    (plan,) = plan_levels([title], {}, today=today, rules=rules).titles
    found = explain(title, plan, {}, rules=rules, today=today)
    return ExplainedTitle(replace(found, store="", differences=()), title_notes(title, unread), None)


def title_notes(title: Title, unread: TitleTrouble | None) -> tuple[str, ...]:
    """What a person should know of a title beside its stock."""
    notes = (
        f"The last attempt to read it gave nothing: {unread.reason}" if unread else None,
        f"Its import failed: {title.failed_reason}" if title.failed_reason else None,
        "It waits for import." if title.imported_at is None and not title.failed_reason else None,
    )
    return tuple(note for note in notes if note)


def readings_due(
    instance: "DagsterInstance", isbns: Collection[str], common: CommonSettings, pace: PaceSettings
) -> dict[str, NextReading]:
    """ISBN to when its title is read next, by Dagster's events."""
    from ingram_assets.defs.next_reading import next_readings

    return next_readings(
        instance,
        isbns,
        datetime.now(UTC).timestamp(),
        sweep_every=pace.STOCK_WARN_AFTER,
        today=store_today(common),
    )


def places_called(client: MedusaClient) -> dict[str, str]:
    """Location's id to what programs call it; none where the store is away: then ids have to do."""
    try:
        return {place.id: place.code for place in read_places(client)}
    except MedusaError:
        return {}
