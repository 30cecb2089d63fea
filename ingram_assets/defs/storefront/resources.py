"""The storefront's outside systems, opened from its settings when a run needs them."""

from typing import Any

import dagster as dg

from ingram_assets.defs.storefront.from_settings import medusa_client
from ingram_assets.settings.loading import load
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import Journal


class Medusa(dg.ConfigurableResource):
    """The store's Admin API."""

    def open(self) -> MedusaClient:
        """A client. Use as a context manager."""
        return medusa_client(load(StorefrontSettings))


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

    def open_ledger(self) -> StockLedger:
        """The ledger of inventory operations, in the same database. Use as a context manager."""
        return StockLedger(load(StorefrontSettings).STOREFRONT_DB_URL.get_secret_value(), connections=2)


RESOURCES: dict[str, Any] = {"medusa": Medusa(), "queue": QueueReaderResource(), "journal": StoreJournal()}
