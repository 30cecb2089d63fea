"""Reads titles' pages and records them: the one path of the sweep, of `enrich` and of a person's click.

Readings are recorded in batches as they come in, so that a run that is stopped loses at most a moment's.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.defs.events import (
    Context,
    Progress,
    Report,
    classified,
    failure_of,
    log_materializations,
    log_observations,
)
from ingram_assets.defs.keys import TITLE_DETAILS
from ingram_assets.defs.reading_events import cut, latest_readings, reading_events, said, titles_of
from ingram_assets.defs.scraper import title_events
from ingram_assets.defs.scraper.decisions import in_part_since
from ingram_assets.defs.scraper.earlier_sweeps import KnownBefore
from ingram_assets.defs.scraper.resources import IPage, QueueWriterResource
from ingram_assets.defs.scraper.sweep_result import (
    PageReading,
    SweepResult,
    is_gone,
    unread_counts,
)
from ingram_assets.defs.scraper.title_events import NO_STOCK_TABLE, Shop
from ingram_assets.domain import guardrails
from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.categories import hint_of
from ingram_assets.domain.failures import NeedsPerson, Stopped
from ingram_assets.domain.readings import KnownStock
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.sources.ipage.pages import ProductPage
from ingram_assets.sources.ipage.pages.product_page import StockInPart
from ingram_assets.sources.ipage.site import Reading, Site
from ingram_assets.staging.writer import LONGEST, QueueWriter, StockRow, TitleRow, UnreadRow

_BATCH = 50
_NOTES = 50
_ENTRIES = 60
"""Contributors and subjects that are recorded of a title; the queue takes 20,000 characters of each list."""
_NEWS = frozenset({"publication_date", "srp_price", "publisher_status", "restrictions"})
Doubt = Callable[[Sequence[Reading]], str | None]
"""Why pages that were read together are not believed; None: they are."""
VANISHED = "vanished"
"""The queue's word for a page that is gone together with too many others: what the site says is in doubt."""


def read_pages(
    context: Context,
    ipage: IPage,
    queue: QueueWriterResource,
    isbns: Sequence[str],
    with_details: Sequence[str] | None,
    earlier: KnownBefore,
    believed: Callable[[SweepResult], bool] = lambda sweep: True,
    doubt: Doubt | None = None,
) -> SweepResult:
    """Read the pages of `isbns` and record stock, and the details of those in `with_details`.

    Every ISBN asked for is counted under its outcome; each that gave no reading is named with its reason,
    here and in the queue, and keeps the stock it had.

    Args:
        with_details: titles whose details are recorded; None: those that have none yet.
        believed: whether the titles that are gone by then really are.
        doubt: why all pages together are not believed, asked before the first of them is recorded. None:
            they are recorded as they come in.
    """
    if with_details is None:
        have = context.instance.get_materialized_partitions(TITLE_DETAILS)
        with_details = [isbn for isbn in isbns if isbn not in have]
    settings, zone = load(ScraperSettings), ZoneInfo(load(CommonSettings).STORE_TIME_ZONE)
    shop = Shop(settings.IPAGE_BASE_URL, settings.R2_PUBLIC_URL, datetime.now(zone).date())
    sweep = SweepResult(Report(context.job_name), earlier, earlier.habit)
    with classified(), ipage.open(context.run.run_id) as site, queue.open() as writer:
        writer.check_clock(datetime.now(UTC))
        titles = _TitlePass(context, writer, shop, frozenset(with_details), sweep, doubt)
        titles.read(site, isbns)
        sweep.site = site.metadata()
        if not sweep.held_back:
            titles.record_gone(believed(sweep))
        error = site.stopped_by
        if isinstance(error, Stopped | NeedsPerson):
            raise failure_of(error, sweep.report) from error
        # Any other end, such as too many useless answers in a row, is in each title's reason and the counts.
    return sweep


@dataclass
class _TitlePass:
    """One pass over titles, with what it records in and where it counts."""

    context: Context
    queue: QueueWriter
    shop: Shop
    with_details: Collection[str]
    sweep: SweepResult
    doubt: Doubt | None

    def read(self, site: Site, isbns: Sequence[str]) -> None:
        """Read the pages and record them. Titles that are gone wait in the result's `gone`."""
        sweep, earlier, usual = self.sweep, self.sweep.earlier, self.sweep.usual
        learns_first = earlier.of_all and earlier.habit is None
        batch: list[Reading] = []
        undecided: list[Reading] = []
        with Progress(self.context, "Pages read", len(isbns), pause=site.pause) as progress:
            readings = site.read_products(isbns, known=earlier.known, habit=usual, named=not earlier.of_all)
            for done, reading in enumerate(readings, start=1):
                sweep.count(reading)
                if is_gone(reading, earlier):
                    sweep.keep_as_gone(reading)
                elif self.doubt or (learns_first and reading.page and reading.page.hides_copies(usual)):
                    # Whether zeros are all that this account's pages show, the other pages will have told.
                    undecided.append(reading)
                else:
                    batch.append(reading)
                if len(batch) >= _BATCH:
                    self._record(batch)
                    batch = []
                progress.say(done, f"{sweep.unread} unread" if sweep.unread else "")
            self._record(batch)
            if earlier.of_all:
                sweep.learn(time.time())
            sweep.held_back = self.doubt(undecided) if self.doubt else None
            if not sweep.held_back:
                self._record(undecided)
        if note := sweep.note_new_bindings():
            self.context.log.warning(note)

    def record_gone(self, believed: bool) -> None:
        """Record the titles that are gone, if it is believed; else name them as what they are: in doubt.

        A title that a wall or a moved path hides must not look as if it had been gone since then.
        """
        gone = self.sweep.gone
        if believed:
            self._record(gone)
            return
        doubted = []
        for reading in gone:
            what = reading.reason or f"It was read, but {NO_STOCK_TABLE}."
            reason = f"{what} {len(gone)} titles are gone at once, which is not believed."
            doubted.append(_unread(reading.isbn, reading.observed_at, VANISHED, reason))
            self.sweep.report.fail(reading.isbn, reason)
        self.queue.record_unread(doubted)
        self._log_unread(gone, {row["isbn"]: row for row in doubted})
        # Where the page itself is there, only its stock is in doubt: what else it says is used.
        pages = [reading.page for reading in gone if reading.page is not None]
        for start in range(0, len(pages), _BATCH):
            self._record_all_but_stock(pages[start : start + _BATCH])

    def _record_all_but_stock(self, pages: Sequence[ProductPage]) -> None:
        details = {page.isbn: page for page in pages if page.isbn in self.with_details}
        news = {page.isbn: page for page in pages if page.isbn not in self.with_details}
        log_materializations(self.context, [*self._record_details(details), *self._record_news(news)])

    def _record(self, readings: Sequence[Reading]) -> None:
        for start in range(0, len(readings), _BATCH):
            self._record_batch(readings[start : start + _BATCH])

    def _record_batch(self, readings: Sequence[Reading]) -> None:
        """Record some readings in the queue, then log in Dagster what came of it."""
        unread: list[UnreadRow] = []
        pages: dict[str, PageReading] = {}
        for reading in readings:
            if reading.page is not None:
                pages[reading.isbn] = PageReading.of(reading, reading.page, self.sweep.usual)
                self._count(pages[reading.isbn])
                continue
            reason = reading.reason or "no reason given"
            unread.append(_unread(reading.isbn, reading.observed_at, reading.outcome.value, reason))
            self.sweep.report.fail(reading.isbn, reading.reason or reading.outcome.value)
        silent = [one.reading for one in pages.values() if not one.shows_stock]
        unread += [_unread(one.isbn, one.observed_at, "no_stock_table", NO_STOCK_TABLE) for one in silent]
        materializations = [
            *self._record_details(
                {isbn: one.page for isbn, one in pages.items() if isbn in self.with_details}
            ),
            *self._record_news(
                {one.isbn: pages[one.isbn].page for one in silent if one.isbn not in self.with_details}
            ),
            *self._record_stock({isbn: one for isbn, one in pages.items() if one.shows_stock}),
        ]
        self.queue.record_unread(unread)
        log_materializations(self.context, materializations)
        log_observations(
            self.context, [title_events.no_stock_shown(pages[one.isbn], self.shop) for one in silent]
        )
        unreadable = [reading for reading in readings if reading.page is None]
        self._log_unread(unreadable, {row["isbn"]: row for row in unread})

    def _log_unread(self, readings: Sequence[Reading], rows: Mapping[str, UnreadRow]) -> None:
        """Log each attempt that gave no reading, for who looks for it; what was not asked for is none."""
        told = [(one, rows[one.isbn]) for one in readings if one.attempts]
        titles = titles_of(self.context.instance, [one.isbn for one, _ in told])
        log_observations(
            self.context,
            [
                title_events.page_not_read(
                    one, titles.get(one.isbn), row["outcome"], row["reason"], self.shop
                )
                for one, row in told
            ],
        )

    def _count(self, one: PageReading) -> None:
        report, page = self.sweep.report, one.page
        self.sweep.there.add(one.reading.isbn)
        self.sweep.statuses[self.shop.status(page, None if one.in_part else page.stock)] += 1
        if page.warnings:
            report.add("pages_with_warnings")
            self._note(f"{page.isbn}: {' '.join(page.warnings)}")
        if not one.shows_stock:
            report.add("stock_unknown")
        elif not one.in_part:
            if not one.complete:
                report.add("stock_read_in_part")
            report.add("stock_read")
            if missing := unread_counts(page):
                self._note(f"{page.isbn}: not read, and left as they were: {', '.join(missing)}.")

    def _record_details(self, pages: Mapping[str, ProductPage]) -> list[dg.AssetMaterialization]:
        events: list[dg.AssetMaterialization] = []
        rows = [details_of(page) for page in pages.values()]
        for outcome in self.queue.add_titles(rows, routine=self.sweep.earlier.of_all):
            if outcome.outcome == "refused":
                self._refused(outcome.isbn, outcome.reason)
                continue
            events.append(title_events.details_read(pages[outcome.isbn], self.shop))
            if outcome.outcome != "unchanged":
                events.append(title_events.row_changed(pages[outcome.isbn], outcome.outcome, self.shop))
        return events

    def _record_news(self, pages: Mapping[str, ProductPage]) -> list[dg.AssetMaterialization]:
        """Record what can change in an hour, of pages without stock: else it goes with the stock."""
        rows = [cast(TitleRow, {"isbn": isbn, **news_of(page)}) for isbn, page in pages.items()]
        events: list[dg.AssetMaterialization] = []
        for outcome in self.queue.add_titles(rows, routine=True) if rows else ():
            if outcome.outcome == "refused":
                self._refused(outcome.isbn, outcome.reason)
            elif outcome.outcome != "unchanged":
                events.append(title_events.row_changed(pages[outcome.isbn], outcome.outcome, self.shop))
        return events

    def _refused(self, isbn: str, reason: str | None) -> None:
        self.sweep.report.fail(isbn, reason or "refused by the queue")
        self.sweep.there.discard(isbn)

    def _record_stock(self, pages: Mapping[str, PageReading]) -> list[dg.AssetMaterialization]:
        if not pages:
            return []
        report, instance = self.sweep.report, self.context.instance
        before = reading_events(instance, latest_readings(instance, pages.keys()))
        self.sweep.counts += guardrails.OddCounts.of(
            [
                (said(before.get(isbn), "on_hand"), stock_rules.on_hand(one.page.stock))
                for isbn, one in pages.items()
            ],
            guardrails.Thresholds(),
        )
        in_part = {
            isbn: self._report_in_part(one, before.get(isbn)) for isbn, one in pages.items() if one.in_part
        }
        outcomes = self.queue.record_stock([self._stock_row(one) for one in pages.values()])
        events: list[dg.AssetMaterialization] = []
        for outcome in outcomes:
            isbn, became = outcome.isbn, outcome.outcome
            if became in ("refused", "untracked"):
                report.fail(isbn, outcome.reason or f"the queue answered {became}")
                continue
            report.add(f"stock_{became}")
            if became == "stale":
                # Another run has read it since, and logged that. This reading is none any more.
                continue
            known = outcome.merged or KnownStock()
            self.sweep.on_hand += stock_rules.on_hand(known.stock) or 0
            self.sweep.on_order += stock_rules.on_order(known.stock) or 0
            events.append(
                title_events.stock_read(
                    pages[isbn], known, became, before.get(isbn), self.shop, in_part.get(isbn, {})
                )
            )
            if outcome.details == "refused":
                self._refused(isbn, outcome.details_reason)
            if outcome.details == "refreshed":
                events.append(title_events.row_changed(pages[isbn].page, outcome.details, self.shop))
            if became in ("first", "changed"):
                events.append(title_events.row_changed(pages[isbn].page, f"stock {became}", self.shop))
        return events

    def _stock_row(self, one: PageReading) -> StockRow:
        return {
            "isbn": one.reading.isbn,
            "observed_at": one.reading.observed_at,
            "stock": one.page.stock or {},
            "complete": one.complete,
            "details": {} if one.reading.isbn in self.with_details else news_of(one.page),
        }

    def _report_in_part(self, one: PageReading, before: dg.EventLogRecord | None) -> dict[str, Any]:
        """Report a page that shows zeros of a part of the stock alone; what its event says of that.

        One that was whole lately, or is met for the first time, did not come through: it is named, and counts
        as unread. One that stays like that is noted.
        """
        report, isbn, reason = self.sweep.report, one.reading.isbn, str(StockInPart(one.page))
        report.add("stock_stays_partial")
        report.details.setdefault("stays_partial", []).append(isbn)
        since = in_part_since(
            before is not None, title_events.in_part_before(before), one.reading.observed_at.timestamp()
        )
        if before is None or since > self.sweep.earlier.old_news_before:
            report.fail(isbn, reason)
            self.sweep.newly_in_part += isbn not in self.sweep.earlier.old_news
        else:
            self._note(f"{isbn} stays partial: {reason}")
        return title_events.shown_in_part(since, reason)

    def _note(self, note: str) -> None:
        """Note something of a title, up to `_NOTES` of them: the counts say how many there were."""
        if len(self.sweep.report.notes) < _NOTES:
            self.sweep.report.notes.append(note)


def _unread(isbn: str, observed_at: datetime, outcome: str, reason: str) -> UnreadRow:
    return {"isbn": isbn, "observed_at": observed_at, "outcome": outcome, "reason": reason}


def news_of(page: ProductPage) -> Mapping[str, Any]:
    """Those of a page's details that can change from one hour to the next, as `details_of` has them."""
    return {name: value for name, value in details_of(page).items() if name in _NEWS}


def details_of(page: ProductPage) -> TitleRow:
    """A page's details under the queue's column names; what the page does not say is left out."""
    contributors = [
        {"name": cut(one.name, 200), "role": one.role and cut(one.role, 50)}
        for one in page.contributors[:_ENTRIES]
    ]
    known: Mapping[str, Any] = {
        "isbn": page.isbn,
        "title": page.title,
        "author": "; ".join(contributor.name for contributor in page.contributors) or None,
        "contributors": contributors or None,
        "publisher": page.publisher,
        "publication_date": page.publication_date.isoformat() if page.publication_date else None,
        "binding": page.binding,
        "page_count": page.page_count,
        "srp_price": page.srp_price,
        "weight": page.weight,
        "category_hint": hint_of(page.bisac),
        "bisac": [cut(path, 200) for path in page.bisac[:_ENTRIES]] or None,
        "description": page.description,
        "series": page.series,
        "publisher_status": page.publisher_status,
        "restrictions": page.restrictions,
    }
    fitted = {
        name: cut(value, LONGEST[name]) if name in LONGEST else value
        for name, value in known.items()
        if value is not None
    }
    return cast(TitleRow, fitted)
