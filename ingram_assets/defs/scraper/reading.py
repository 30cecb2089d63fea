"""Reads titles' pages and records them: the one path of the sweep, of `enrich` and of a person's click.

Readings are recorded in batches as they come in, so that a run that is stopped loses at most a moment's.
"""

import json
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

import dagster as dg

from ingram_assets.defs.events import Context, Progress, Report, log_materializations, log_observations
from ingram_assets.defs.keys import QUEUE_ROWS, STOCK, TITLE_DETAILS
from ingram_assets.defs.readings import latest_readings, reading_events
from ingram_assets.defs.scraper.decisions import in_part_since
from ingram_assets.defs.scraper.earlier_sweeps import Earlier
from ingram_assets.defs.scraper.stock_plot import extended, plot
from ingram_assets.domain import bindings, guardrails
from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.availability import availability
from ingram_assets.domain.completeness import (
    FIRST_GUESS,
    SECONDS_TO_UNLEARN,
    SWEEPS_TO_UNLEARN,
    Habit,
    Shape,
    learnt,
)
from ingram_assets.domain.guardrails import Thresholds, Tripped
from ingram_assets.domain.readings import KnownStock
from ingram_assets.domain.stock import Stock
from ingram_assets.sources.ipage.pages import ProductPage
from ingram_assets.sources.ipage.pages.product_page import StockInPart
from ingram_assets.sources.ipage.site import FetchOutcome, Reading, Site
from ingram_assets.staging.writer import LONGEST, QueueWriter, StockRow, TitleRow, UnreadRow

_BATCH = 50
_NOTES = 50
_HISTORY = "on_hand_changes"
_ENTRIES = 60
"""Contributors and subjects that are recorded of a title; the queue takes 20,000 characters of each list."""
_SHOWN = 200
"""Characters of a title that an event shows: each reading's event is kept for months."""
_IN_PART_SINCE = "in_part_since"
"""The metadata key of a reading that shows zeros of a part of the stock alone: since when."""
NO_STOCK_TABLE = "the page shows no stock"
VANISHED = "vanished"
"""The queue's word for a page that is gone together with too many others: what the site says is in doubt."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What a reading is shown with: where pages and covers lie, and the day in the store's time zone."""

    base_url: str
    covers_url: str
    today: date

    def links(self, isbn: str) -> dict[str, dg.MetadataValue]:
        """A title's page on iPage and its cover in the bucket, for a person to click."""
        return {
            "page": dg.MetadataValue.url(f"{self.base_url}/ipage/productdetail?ean_id={isbn}"),
            "cover": dg.MetadataValue.url(f"{self.covers_url}/covers/raw/{isbn}.jpg"),
        }

    def status(self, page: ProductPage, stock: Stock | None) -> str:
        """The title's availability by what the page says and this stock; the store's rules are not in it."""
        return availability(
            stock,
            today=self.today,
            publication_date=page.publication_date,
            binding=page.binding,
            publisher_status=page.publisher_status,
        ).status


@dataclass
class SweepResult:
    """What a pass over titles found.

    Attributes:
        earlier: what was known of the titles before.
        habit: what a whole page shows, after this pass.
        seconds: one entry per page.
        statuses: titles by availability.
        there: titles that have a page, and are in the queue if their details were wanted.
        site: the site's own figures of the pass: fetches by outcome, latencies, pauses, sign-ins.
        not_asked: titles that the run did not ask for, since it had given up by then.
        shapes: pages by the parts of the stock that they show.
        judged: outcomes of the titles that count in a share.
        there_asked: titles that were there lately and were asked for.
        gone: readings of such titles that the site does not list any more, or of which it shows no stock any
            more. They wait for `record_gone`: of many at once it is not believed.
        newly_in_part: titles that count in a share, and whose page shows zeros of a part alone only lately.
        bindings: those that no list has and nobody was told of before, with the first title that has it.
    """

    report: Report
    earlier: Earlier = field(default_factory=Earlier)
    habit: Habit | None = None
    on_hand: int = 0
    on_order: int = 0
    seconds: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    site: dict[str, Any] = field(default_factory=dict)
    not_asked: int = 0
    shapes: Counter[Shape] = field(default_factory=Counter)
    judged: Counter[FetchOutcome] = field(default_factory=Counter)
    there_asked: int = 0
    gone: list[Reading] = field(default_factory=list)
    newly_in_part: int = 0
    bindings: dict[str, str] = field(default_factory=dict)

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
        listed = sum(
            counted[outcome]
            for outcome in FetchOutcome
            if outcome not in (FetchOutcome.ok, FetchOutcome.not_found)
        )
        missing = counted[FetchOutcome.not_found] + sum(one.outcome is FetchOutcome.ok for one in self.gone)
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

    def vanished(self, thresholds: Thresholds) -> Tripped | None:
        """Whether so many titles are gone at once that it is not believed."""
        return guardrails.vanished(self.there_asked, len(self.gone), thresholds)

    def tripped(self, thresholds: Thresholds) -> Tripped | None:
        """The guardrail that stops the sweep, if one does."""
        return self.vanished(thresholds) or guardrails.too_many_unread(self.tried, self.unread, thresholds)


def read_titles(
    context: Context,
    site: Site,
    queue: QueueWriter,
    isbns: Collection[str],
    *,
    with_details: Collection[str],
    shop: Shop,
    earlier: Earlier,
) -> SweepResult:
    """Read the pages of `isbns` and record stock, and the details of those in `with_details`.

    Every ISBN asked for is counted under its outcome; each that gave no reading is named with its reason,
    here and in the queue, and keeps the stock it had. Titles that are gone wait in `Sweep.gone`.
    """
    sweep = SweepResult(Report(context.job_name), earlier, earlier.habit)
    usual, known, there = earlier.habit or FIRST_GUESS, earlier.known, earlier.there
    learns_first = earlier.of_all and earlier.habit is None
    batch: list[Reading] = []
    undecided: list[Reading] = []

    def flush(readings: list[Reading]) -> None:
        for start in range(0, len(readings), _BATCH):
            some = readings[start : start + _BATCH]
            _record(context, queue, some, with_details, shop, sweep, sweep.habit or FIRST_GUESS)
        readings.clear()

    with Progress(context, "Pages read", len(isbns)) as progress:
        for done, reading in enumerate(site.read_products(isbns, known=known, habit=usual), start=1):
            _count(sweep, reading, there)
            if _is_gone(reading, earlier, there):
                sweep.gone.append(reading)
            elif learns_first and reading.page and reading.page.hides_copies(usual):
                # Whether zeros are all that this account's pages show, the other pages will have told.
                undecided.append(reading)
            else:
                batch.append(reading)
            if len(batch) >= _BATCH:
                flush(batch)
            progress.say(done, f"{sweep.unread} unread" if sweep.unread else "")
        flush(batch)
        if earlier.of_all:
            sweep.habit = learnt(earlier.habit, sweep.shapes, time.time())
            _note_habit(sweep)
        flush(undecided)
    _note_bindings(context, sweep)
    return sweep


def record_gone(
    context: Context,
    queue: QueueWriter,
    sweep: SweepResult,
    *,
    with_details: Collection[str],
    shop: Shop,
    believed: bool,
) -> None:
    """Record the titles that are gone, if it is believed; else name them as what they are: in doubt.

    A title that a wall or a moved path hides must not look as if it had been gone since then.
    """
    if believed:
        _record(context, queue, sweep.gone, with_details, shop, sweep, sweep.habit or FIRST_GUESS)
        return
    doubted = []
    for reading in sweep.gone:
        what = reading.reason or f"It was read, but {NO_STOCK_TABLE}."
        reason = f"{what} {len(sweep.gone)} titles are gone at once, which is not believed."
        sweep.report.fail(reading.isbn, reason)
        doubted.append(_unread(reading, VANISHED, reason))
    if doubted:
        queue.record_unread(doubted)


def _count(sweep: SweepResult, reading: Reading, there: Collection[str]) -> None:
    """Count a reading in the shares that a sweep is judged by."""
    sweep.seconds.append(reading.seconds)
    sweep.report.add(reading.outcome.value)
    sweep.not_asked += not reading.attempts
    if reading.isbn not in sweep.earlier.old_news:
        sweep.judged[reading.outcome] += 1
    if reading.isbn in there and reading.attempts:
        sweep.there_asked += 1
    page = reading.page
    if page is not None and page.binding and bindings.kind(page.binding) is bindings.Kind.UNKNOWN:
        sweep.bindings.setdefault(page.binding[: LONGEST["binding"]], reading.isbn)
    if page is not None and page.stock_shape is not None and shows_a_count(page):
        sweep.shapes[page.stock_shape] += 1


def _is_gone(reading: Reading, earlier: Earlier, there: Collection[str]) -> bool:
    if reading.isbn not in there:
        return False
    if reading.page is None:
        return reading.outcome is FetchOutcome.not_found
    return reading.isbn in earlier.with_stock and not shows_a_count(reading.page)


def _note_bindings(context: Context, sweep: SweepResult) -> None:
    for told in sweep.earlier.bindings:
        sweep.bindings.pop(told, None)
    if sweep.bindings:
        named = ", ".join(f"“{binding}” ({isbn})" for binding, isbn in [*sweep.bindings.items()][:20])
        note = f"Bindings never seen before, whose copies are counted as those of things on a shelf: {named}."
        context.log.warning(note)
        sweep.report.notes.append(note)


def _note_habit(sweep: SweepResult) -> None:
    before, after = sweep.earlier.habit, sweep.habit
    if after is None or before == after:
        return
    if before is None or before.shape != after.shape:
        was = f"; before: {before.shape}" if before else ""
        sweep.report.notes.append(f"A whole page of this account shows {after.shape}{was}.")
    elif after.sweeps:
        sweep.report.notes.append(
            f"The pages of {after.sweeps} sweeps in a row show less than {after.shape}, which this account's "
            f"pages showed before: they are taken to be in part. After {SWEEPS_TO_UNLEARN} such sweeps over "
            f"{SECONDS_TO_UNLEARN / 3600:.0f} hours they are believed."
        )


def _record(
    context: Context,
    queue: QueueWriter,
    batch: list[Reading],
    with_details: Collection[str],
    shop: Shop,
    sweep: SweepResult,
    habit: Habit,
) -> None:
    report = sweep.report
    pages: dict[str, tuple[Reading, ProductPage]] = {}
    stocks: list[StockRow] = []
    unread: list[UnreadRow] = []
    looked: list[dg.AssetObservation] = []
    for reading in batch:
        page = reading.page
        if page is None:
            unread.append(_unread(reading, reading.outcome.value, reading.reason or "no reason given"))
            report.fail(reading.isbn, reading.reason or reading.outcome.value)
            continue
        pages[reading.isbn] = reading, page
        sweep.there.add(reading.isbn)
        in_part = page.hides_copies(habit)
        status = shop.status(page, None if in_part else page.stock)
        sweep.statuses[status] = sweep.statuses.get(status, 0) + 1
        if page.warnings:
            report.add("pages_with_warnings")
            _note(report, f"{page.isbn}: {' '.join(page.warnings)}")
        if page.stock is None or not shows_a_count(page):
            report.add("stock_unknown")
            unread.append(_unread(reading, "no_stock_table", NO_STOCK_TABLE))
            looked.append(_without_table(reading, status, shop))
            continue
        complete = page.shows_all_stock(habit)
        if not in_part:
            missing = unread_counts(page)
            if not complete:
                report.add("stock_read_in_part")
            if missing:
                _note(report, f"{page.isbn}: not read, and left as they were: {', '.join(missing)}.")
            report.add("stock_read")
        stocks.append(
            {
                "isbn": reading.isbn,
                "observed_at": reading.observed_at,
                "stock": page.stock,
                "complete": complete,
            }
        )

    materializations: list[dg.AssetMaterialization] = []
    details = [details_of(page) for isbn, (_, page) in pages.items() if isbn in with_details]
    for outcome in queue.add_titles(details, routine=sweep.earlier.of_all) if details else []:
        if outcome.outcome == "refused":
            report.fail(outcome.isbn, outcome.reason or "refused by the queue")
            sweep.there.discard(outcome.isbn)
            continue
        _, page = pages[outcome.isbn]
        materializations.append(
            dg.AssetMaterialization(
                TITLE_DETAILS, partition=outcome.isbn, metadata=details_metadata(page, shop)
            )
        )
        if outcome.outcome != "unchanged":
            materializations.append(_row(outcome.isbn, outcome.outcome, shop))
    before = _last_read(context, [entry["isbn"] for entry in stocks])
    in_part_readings = {
        isbn: _in_part(sweep, reading, page, before.get(isbn))
        for isbn, (reading, page) in pages.items()
        if page.hides_copies(habit)
    }
    complete_ones = {entry["isbn"] for entry in stocks if entry["complete"]}
    for outcome in queue.record_stock(stocks) if stocks else []:
        if outcome.outcome in ("refused", "untracked"):
            report.fail(outcome.isbn, outcome.reason or f"the queue answered {outcome.outcome}")
            continue
        report.add(f"stock_{outcome.outcome}")
        if outcome.outcome == "stale":
            # Another run has read it since, and logged that. This reading is none any more.
            continue
        reading, page = pages[outcome.isbn]
        known = outcome.merged or KnownStock()
        sweep.on_hand += stock_rules.on_hand(known.stock) or 0
        sweep.on_order += stock_rules.on_order(known.stock) or 0
        materializations.append(
            dg.AssetMaterialization(
                STOCK,
                partition=outcome.isbn,
                metadata={
                    **stock_metadata(reading, page, known, outcome.outcome, before.get(outcome.isbn), shop),
                    **in_part_readings.get(outcome.isbn, {}),
                    "complete": outcome.isbn in complete_ones,
                },
            )
        )
        if outcome.outcome in ("first", "changed"):
            materializations.append(_row(outcome.isbn, f"stock {outcome.outcome}", shop))
    if unread:
        queue.record_unread(unread)
    log_materializations(context, materializations)
    log_observations(context, looked)


def _in_part(
    sweep: SweepResult, reading: Reading, page: ProductPage, before: dg.EventLogRecord | None
) -> dict[str, Any]:
    """Report a page that shows zeros of a part of the stock alone; what its event says of that.

    One that was whole lately, or is met for the first time, did not come through: it is named, and counts as
    unread. One that stays like that is noted.
    """
    report, reason = sweep.report, str(StockInPart(page))
    report.add("stock_stays_partial")
    report.details.setdefault("stays_partial", []).append(reading.isbn)
    since = in_part_since(before is not None, _said_in_part_since(before), reading.observed_at.timestamp())
    if before is None or since > sweep.earlier.old_news_before:
        report.fail(reading.isbn, reason)
        sweep.newly_in_part += reading.isbn not in sweep.earlier.old_news
    else:
        _note(report, f"{reading.isbn} stays partial: {reason}")
    return {_IN_PART_SINCE: since, "not_shown": reason}


def _said_in_part_since(before: dg.EventLogRecord | None) -> float | None:
    made = before.asset_materialization if before else None
    said = made.metadata.get(_IN_PART_SINCE) if made else None
    return float(said.value) if isinstance(said, dg.FloatMetadataValue) and said.value is not None else None


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


def _note(report: Report, note: str) -> None:
    """Note something of a title, up to `_NOTES` of them: the counts say how many there were."""
    if len(report.notes) < _NOTES:
        report.notes.append(note)


def _unread(reading: Reading, outcome: str, reason: str) -> UnreadRow:
    return {"isbn": reading.isbn, "observed_at": reading.observed_at, "outcome": outcome, "reason": reason}


def _without_table(reading: Reading, status: str, shop: Shop) -> dg.AssetObservation:
    """The page was read, and said nothing of stock: no reading of stock, but the promise to look was kept."""
    return dg.AssetObservation(
        STOCK,
        partition=reading.isbn,
        description=f"Read, but {NO_STOCK_TABLE}: the last known stock stands.",
        metadata={
            "status": status,
            "observed_at": dg.MetadataValue.timestamp(reading.observed_at),
            "page_seconds": round(reading.seconds, 3),
            **shop.links(reading.isbn),
        },
    )


def _row(isbn: str, what: str, shop: Shop) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(QUEUE_ROWS, partition=isbn, metadata={"what": what, **shop.links(isbn)})


def _last_read(context: Context, isbns: Collection[str]) -> dict[str, dg.EventLogRecord]:
    if not isbns:
        return {}
    return reading_events(context.instance, latest_readings(context.instance, isbns))


def cut(text: str, longest: int) -> str:
    """The text, its end left out where there is no room for it: half a blurb is better than no book."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def details_of(page: ProductPage) -> TitleRow:
    """A page's details under the queue's column names; what the page does not say is left out."""
    known: Mapping[str, Any] = {
        "isbn": page.isbn,
        "title": page.title,
        "author": "; ".join(contributor.name for contributor in page.contributors) or None,
        "contributors": [
            {"name": cut(one.name, 200), "role": one.role and cut(one.role, 50)}
            for one in page.contributors[:_ENTRIES]
        ]
        or None,
        "publisher": page.publisher,
        "publication_date": page.publication_date.isoformat() if page.publication_date else None,
        "binding": page.binding,
        "page_count": page.page_count,
        "srp_price": page.srp_price,
        "weight": page.weight,
        "category_hint": " | ".join(page.bisac) or None,
        "bisac": [cut(path, 200) for path in page.bisac[:_ENTRIES]] or None,
        "description": page.description,
        "series": page.series,
        "publisher_status": page.publisher_status,
    }
    fitted = {
        name: cut(value, LONGEST[name]) if name in LONGEST else value
        for name, value in known.items()
        if value is not None
    }
    return cast(TitleRow, fitted)


def details_metadata(page: ProductPage, shop: Shop) -> dict[str, Any]:
    """What a person sees of a title's details in Dagster."""
    return {
        "title": cut(page.title, _SHOWN),
        "by": cut("; ".join(contributor.name for contributor in page.contributors), _SHOWN),
        "publisher": page.publisher or "unknown",
        "publication_date": str(page.publication_date or "unknown"),
        "binding": page.binding or "unknown",
        "price": str(page.srp_price) if page.srp_price is not None else "unknown",
        **shop.links(page.isbn),
    }


def stock_metadata(
    reading: Reading,
    page: ProductPage,
    known: KnownStock,
    outcome: str,
    before: dg.EventLogRecord | None,
    shop: Shop,
) -> dict[str, Any]:
    """What a person sees of a reading in Dagster: the sums that the store gets, plotted, and each DC.

    Args:
        known: what is known after this reading; the page itself may have shown less.
        outcome: the queue's answer: first, changed or unchanged.
        before: the event of the title's last reading.
    """
    on_hand, on_order = stock_rules.on_hand(known.stock), stock_rules.on_order(known.stock)
    on_page = stock_rules.on_hand(page.stock)
    at = reading.observed_at.timestamp()
    history = extended(_history(before), at, on_hand)
    metadata: dict[str, Any] = {
        "title": cut(page.title, _SHOWN),
        "status": shop.status(page, known.stock),
        "on_hand": on_hand,
        "on_order": on_order,
        "on_the_page": "not known" if on_page is None else f"{on_page} on hand",
        "by_dc": dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "dc": dc,
                        "role": center.counts.role,
                        "on_hand": _counted(center.counts.on_hand),
                        "on_order": _counted(center.counts.on_order),
                        "read": f"{center.on_hand_at:%Y-%m-%d %H:%M} UTC" if center.on_hand_at else "never",
                        "counts": "no: the last complete pages do not show it" if dc in known.gone else "yes",
                    }
                )
                for dc, center in known.centers.items()
            ]
        ),
        "plot": dg.MetadataValue.md(plot(history, at, cut(page.title, _SHOWN))) if len(history) > 1 else None,
        **shop.links(page.isbn),
        "not_read": ", ".join(unread_counts(page)) or None,
        "warnings": " ".join(page.warnings) or None,
        "changed": outcome in ("first", "changed"),
        "outcome": outcome,
        "observed_at": dg.MetadataValue.timestamp(reading.observed_at),
        # How old the stock had become that this reading replaces.
        "age_before_minutes": round((at - before.timestamp) / 60, 1) if before else None,
        "page_seconds": round(reading.seconds, 3),
        _HISTORY: json.dumps(history),
    }
    return {name: value for name, value in metadata.items() if value is not None}


def _counted(count: int | None) -> str:
    return "not read" if count is None else str(count)


def _history(before: dg.EventLogRecord | None) -> list[list[int]]:
    made = before.asset_materialization if before else None
    said = made.metadata.get(_HISTORY) if made else None
    return json.loads(said.text) if isinstance(said, dg.TextMetadataValue) and said.text else []
