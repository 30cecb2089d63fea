"""Where the desk's pages look: the store, the journal, the queue, Dagster; each for itself, none for long."""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ingram_assets.desk.pages.last_known import LastKnown
from ingram_assets.domain.freshness import NextReading
from ingram_assets.overview.dagster_runs import DagsterRuns
from ingram_assets.overview.dagster_view import DagsterView
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.overview.title_story import readings_due
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.channels import VisibleLocations, read_visible_locations
from ingram_assets.store.inventory.listing import EntryList
from ingram_assets.store.journal_views import JournalViews

_QUEUE_SECONDS = 4.0
_VISIBLE_FRESH = timedelta(seconds=2)
_ADMIN_FRESH = timedelta(minutes=10)
_TITLES_FRESH = timedelta(minutes=5)
_DUE_FRESH = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class PlaceNames:
    """The names of the store's locations, as far as they are known."""

    known: LastAnswer[VisibleLocations]

    def of(self, location_id: str) -> str:
        """A location's name, or in words why there is none."""
        for place in self.known.value.places if self.known.value else ():
            if place.id == location_id:
                return place.name
        return "a location that is not known now" if self.known.why_not else "a location that is gone"


class Lookups:
    """The looks of all pages. It may be shared by threads; nothing is opened before it is needed.

    Args:
        client: of the store, for looks alone: it gives up soon. It is closed with this.
    """

    def __init__(
        self, client: MedusaClient, journal_url: str, queue_url: str, common: CommonSettings
    ) -> None:
        self.client, self.entries, self.common = client, EntryList(client), common
        self.view = DagsterView(common)
        self.runs = DagsterRuns(self.view, common.INGRAM_UI_URL)
        self.queue = QueueReader(queue_url, statement_timeout=_QUEUE_SECONDS)
        self.store, self.store_counted = LastKnown("Medusa"), LastKnown("Medusa")
        self.journal_known = LastKnown("The journal database")
        self.dagster_known, self.queue_known = LastKnown("Dagster"), LastKnown("The queue database")
        self._journal_url, self._lock = journal_url, threading.Lock()
        self._journal: JournalViews | None = None

    def journal(self) -> JournalViews:
        """The journal, for who looks. Raises NeedsPerson, JournalLost: its database can't be used."""
        with self._lock:
            if self._journal is None:
                self._journal = JournalViews(self._journal_url)
            return self._journal

    def visible(self) -> VisibleLocations | None:
        """The locations and sales channels, as they were last seen; `None`: they never were."""
        return self.floor_answer().value

    def floor_answer(self) -> LastAnswer[VisibleLocations]:
        """The same, and whether Medusa answers now."""
        return self.store.ask(
            "visible locations", lambda: read_visible_locations(self.client), fresh_for=_VISIBLE_FRESH
        )

    def place_names(self) -> PlaceNames:
        """Names of the locations, as they were last seen."""
        return PlaceNames(self.floor_answer())

    def readings_due(self, isbns: Sequence[str], pace: PaceSettings) -> Mapping[str, NextReading]:
        """ISBN to when its title is read next, as far as Dagster answers."""

        def look() -> Mapping[str, NextReading]:
            return self.view.ask(lambda instance: readings_due(instance, isbns, self.common, pace))

        due = self.dagster_known.ask(("readings due", *isbns), look, fresh_for=_DUE_FRESH)
        return due.value or {}

    def admin_page(self) -> str | None:
        """The address of Medusa's admin, if it is served, as it was last seen."""
        return self.store.ask("admin page", self.client.admin_page, fresh_for=_ADMIN_FRESH).value

    def titles(self, isbns: Collection[str]) -> dict[str, str]:
        """ISBN to title, as far as the queue knows it and answers."""
        wanted = tuple(sorted(set(isbns)))
        if not wanted:
            return {}

        def look() -> dict[str, str]:
            return {title.isbn: title.title for title in self.queue.titles(wanted)}

        return self.queue_known.ask(wanted, look, fresh_for=_TITLES_FRESH).value or {}

    def close(self) -> None:
        """Closes all connections."""
        for known in (
            self.store,
            self.store_counted,
            self.journal_known,
            self.dagster_known,
            self.queue_known,
        ):
            known.close()
        self.view.close()
        self.queue.close()
        self.client.close()
        if self._journal is not None:
            self._journal.close()
