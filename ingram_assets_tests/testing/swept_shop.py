"""A shop on the simulated site whose sweeps are run for real, one after the other."""

from typing import Any

import dagster as dg

from ingram_assets.defs.events import REPORT, STOPPED
from ingram_assets.defs.keys import ISBNS_NAME, STOCK_SWEEP
from ingram_assets.defs.reading_events import latest_readings
from ingram_assets.defs.scraper.assets import saved_search, stock_sweep
from ingram_assets.defs.scraper.resources import RESOURCES
from ingram_assets.domain.stock import on_hand
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.queue import Queue
from ingram_demo.simulator import Simulator


class Swept:
    """What became of one sweep."""

    def __init__(self, instance: dg.DagsterInstance, site: Simulator, let_through: bool) -> None:
        site.reset_requests()
        before = latest_readings(instance)
        done = dg.materialize(
            [saved_search, stock_sweep],
            instance=instance,
            selection=[STOCK_SWEEP],
            resources=RESOURCES,
            run_config={"ops": {"ipage__stock_sweep": {"config": {"let_through": let_through}}}},
            raise_on_error=False,
        )
        self.success = done.success
        # From the log: what a stopped run says is not in its result.
        logged = instance.all_logs(done.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        events = [entry.get_dagster_event().asset_check_evaluation_data for entry in logged]
        self.evaluations = events
        self.checks = {one.check_name: one.passed for one in events}
        self.read = {isbn for isbn, at in latest_readings(instance).items() if at > before.get(isbn, -1)}
        self.asked = [entry["isbn"] for entry in site.requests()["log"] if entry["kind"] == "product"]
        if self.success:
            (made,) = done.asset_materializations_for_node("ipage__stock_sweep")
            self.metadata = dict(made.metadata)
        else:
            (failure,) = [event for event in done.all_events if event.is_step_failure]
            self.metadata = dict(failure.step_failure_data.user_failure_data.metadata)

    @property
    def report(self) -> Any:
        return self.metadata[REPORT].value

    @property
    def failed(self) -> dict[str, str]:
        return {entry["isbn"]: entry["reason"] for entry in self.report["failed"]}

    @property
    def stopped_by(self) -> str | None:
        if self.success:
            return None
        assert self.checks["pages_were_readable"] is False
        assert self.metadata[STOPPED].value["by"] == "guardrail"  # exit 3
        return str(self.metadata[STOPPED].value["reason"])


class SweptShop:
    """A shop of its own on the simulated site."""

    def __init__(self, instance: dg.DagsterInstance, site: Simulator, queue: Queue) -> None:
        self.instance, self.site, self.queue = instance, site, queue
        self.isbns = site.isbns()
        self.book = site.book()
        self.with_stock = [isbn for isbn in self.isbns if self.book[isbn]["stock"]]

    def sweep(self, *, let_through: bool = False) -> Swept:
        return Swept(self.instance, self.site, let_through)

    def track(self, isbns: list[str]) -> None:
        with QueueWriter(self.queue.writer) as writer:
            writer.add_titles([{"isbn": isbn, "title": isbn} for isbn in isbns])
        self.instance.add_dynamic_partitions(ISBNS_NAME, isbns)

    def unread(self) -> dict[str, int]:
        return dict(self.queue.sql("SELECT outcome, count(*) FROM ingram_unread GROUP BY outcome"))

    def on_hand(self) -> dict[str, int | None]:
        with QueueReader(self.queue.reader) as reader:
            return {title.isbn: on_hand(title.stock) for title in reader.titles()}

    def own_zeros(self) -> list[str]:
        """Titles whose two own centers hold none."""
        return [
            isbn
            for isbn in self.with_stock
            if not any(dc["onHand"] for dc in self.book[isbn]["stock"].values() if dc["type"] != "other")
        ]
