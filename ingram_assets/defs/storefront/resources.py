"""The storefront's outside systems, opened from its settings when a run needs them."""

from typing import Any

import dagster as dg

from ingram_assets.defs.storefront.from_settings import medusa_client, store_mode
from ingram_assets.settings.loading import load
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import Journal
from ingram_assets.store.observe_mode import StoreMode


class Medusa(dg.ConfigurableResource):
    """The store's Admin API."""

    def open(self) -> MedusaClient:
        """A client, which sends no write while the shop only watches. Use as a context manager."""
        settings = load(StorefrontSettings)
        why_watching = store_mode(settings).why_watching
        client = medusa_client(settings)
        client.read_only = why_watching
        return client


class QueueReaderResource(dg.ConfigurableResource):
    """The queue database, as its reader: it may read, and mark rows imported or failed."""

    def open(self) -> QueueReader:
        """The reader. Use as a context manager."""
        return QueueReader(load(StorefrontSettings).QUEUE_DB_URL.get_secret_value())


class StoreJournal(dg.ConfigurableResource):
    """The storefront's own book of what it wrote to the store."""

    def open(self) -> Journal:
        """The journal. Use as a context manager."""
        return Journal(load(StorefrontSettings).STOREFRONT_DB_URL.get_secret_value())

    def mode(self) -> StoreMode:
        """Whether what is planned is written to the store."""
        return store_mode(load(StorefrontSettings))

    def open_ledger(self, run_id: str | None = None) -> StockLedger:
        """The ledger of inventory operations, in the same database. Use as a context manager.

        Args:
            run_id: as `StockLedger` has it.
        """
        url = load(StorefrontSettings).STOREFRONT_DB_URL.get_secret_value()
        return StockLedger(url, connections=2, run_id=run_id)


RESOURCES: dict[str, Any] = {"medusa": Medusa(), "queue": QueueReaderResource(), "journal": StoreJournal()}
