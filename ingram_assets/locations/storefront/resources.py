"""The storefront's outside systems, opened from its settings when a run needs them."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.domain.guardrails import Thresholds
from ingram_assets.medusa.client import MedusaClient
from ingram_assets.medusa.journal import Journal
from ingram_assets.medusa.rules import StoreRules
from ingram_assets.queue.reader import QueueReader
from ingram_assets.settings import CommonSettings, StorefrontSettings, load, secret


class Medusa(dg.ConfigurableResource):
    """The store's Admin API."""

    def open(self) -> MedusaClient:
        """A client. Use as a context manager."""
        settings = load(StorefrontSettings)
        return MedusaClient(
            settings.MEDUSA_BACKEND_URL,
            api_key=secret(settings.MEDUSA_API_KEY),
            email=settings.MEDUSA_EMAIL,
            password=secret(settings.MEDUSA_PASSWORD),
        )


class Queue(dg.ConfigurableResource):
    """The queue database, as its reader: it may read, and mark rows imported or failed."""

    def open(self) -> QueueReader:
        """The reader. Use as a context manager."""
        return QueueReader(load(StorefrontSettings).QUEUE_DB_URL.get_secret_value())


class StoreJournal(dg.ConfigurableResource):
    """The storefront's own book of what it wrote to the store."""

    def open(self) -> Journal:
        """The journal. Use as a context manager."""
        return Journal(load(StorefrontSettings).STOREFRONT_DB_URL.get_secret_value())


def store_today() -> date:
    """Today where the store is: the date whose midnight releases a preorder."""
    return datetime.now(ZoneInfo(load(CommonSettings).STORE_TIME_ZONE)).date()


def store_rules(settings: StorefrontSettings) -> StoreRules:
    """The shop's choices, as the rules take them."""
    return StoreRules(
        safety_stock=settings.SAFETY_STOCK,
        inventory_mode=settings.INVENTORY_MODE,
        low_stock_threshold=settings.LOW_STOCK_THRESHOLD,
        min_stock_delta=settings.MIN_STOCK_DELTA,
        price_policy=settings.PRICE_POLICY,
        thresholds=Thresholds(
            max_turning_to_zero=settings.GUARDRAIL_MAX_TURNING_TO_ZERO,
            min_titles_turning_to_zero=settings.GUARDRAIL_MIN_TITLES_TURNING_TO_ZERO,
            max_unread=settings.GUARDRAIL_MAX_UNREAD,
        ),
    )


RESOURCES: dict[str, Any] = {"medusa": Medusa(), "queue": Queue(), "journal": StoreJournal()}
