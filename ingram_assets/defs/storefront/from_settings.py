"""The storefront's settings, and its client and rules as they have them.

Without Dagster, so that commands that only look start fast.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from ingram_assets.domain import categories, labels
from ingram_assets.domain.guardrails import Thresholds
from ingram_assets.domain.tables import decoded
from ingram_assets.named_files import read_named
from ingram_assets.settings.base import SettingsError, secret
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Journal
from ingram_assets.store.observe_mode import StoreMode
from ingram_assets.store.rules import StoreRules

_Table = TypeVar("_Table")
_LARGEST_TABLE = 20_000_000
"""Bytes of a table of a shop's own."""


def storefront_settings() -> StorefrontSettings:
    """The storefront's settings, for a command. Raises SettingsError."""
    return load(StorefrontSettings, environment_of("storefront"))


def medusa_client(settings: StorefrontSettings, *, is_look: bool = False) -> MedusaClient:
    """A client of the store that the settings name. Use as a context manager.

    Args:
        is_look: for who waits at a terminal and only looks: a store that does not answer is told of soon.
    """
    return MedusaClient(
        settings.MEDUSA_BACKEND_URL,
        api_key=secret(settings.MEDUSA_API_KEY),
        email=settings.MEDUSA_EMAIL,
        password=secret(settings.MEDUSA_PASSWORD),
        attempts=1 if is_look else 5,
        patience=20.0 if is_look else 60.0,
    )


def location_names(settings: StorefrontSettings) -> dict[str, Any]:
    """What Ingram's location, its channel and the location for returns are called, for `find_location`."""
    return {
        "name": settings.MEDUSA_STOCK_LOCATION,
        "sales_channel": settings.MEDUSA_SALES_CHANNEL,
        "returns_to": settings.RETURNS_TO,
    }


def own_tables(settings: StorefrontSettings) -> tuple[Path | None, ...]:
    """The tables that a shop edits, where it has its own."""
    return settings.CATEGORIES_FILE, settings.LABELS_FILE


def store_mode(settings: StorefrontSettings) -> StoreMode:
    """Whether what is planned is written to the store. The journal is asked where that is not set to be so.

    Raises:
        NeedsPerson, Transient: the journal can't be asked.
    """
    if settings.MODE == "live":
        return StoreMode("live")
    with Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal:
        return journal.mode(settings.MODE)


def store_today(common: CommonSettings) -> date:
    """Today where the store is: the date whose midnight releases a preorder."""
    return datetime.now(ZoneInfo(common.STORE_TIME_ZONE)).date()


def store_rules(settings: StorefrontSettings) -> StoreRules:
    """The shop's choices.

    Raises:
        SettingsError: the table of labels can't be read, or can't be meant.
    """
    return StoreRules(
        safety_stock=settings.SAFETY_STOCK,
        inventory_mode=settings.INVENTORY_MODE,
        stock_max_age=timedelta(seconds=settings.STOCK_MAX_AGE),
        stale_stock=settings.STALE_STOCK,
        low_stock_threshold=settings.LOW_STOCK_THRESHOLD,
        min_stock_delta=settings.MIN_STOCK_DELTA,
        price_policy=settings.PRICE_POLICY,
        orders_unread=settings.UNREAD_STOCK == "backorder",
        sells_restricted=settings.SELL_RESTRICTED,
        availability_tags=settings.AVAILABILITY_TAGS,
        import_batch=settings.IMPORT_BATCH,
        labels=_labels(settings),
        thresholds=Thresholds(
            **{
                name.removeprefix("GUARDRAIL_").lower(): value
                for name, value in settings
                if name.startswith("GUARDRAIL_")
            }
        ),
    )


def _labels(settings: StorefrontSettings) -> labels.LabelTable:
    """What shoppers read: the bookseller's own table if one is set."""
    return _parsed("LABELS_FILE", settings.LABELS_FILE or labels.TABLE_FILE, labels.parse_labels)


def category_table(settings: StorefrontSettings) -> categories.CategoryTable:
    """The table that maps BISAC headings and codes to the shop's categories, the bookseller's own if set.

    Raises:
        SettingsError: it can't be read, or can't be meant.
    """
    file = settings.CATEGORIES_FILE or categories.TABLE_FILE
    return _parsed("CATEGORIES_FILE", file, categories.parse_table)


def _parsed(setting: str, file: Path | Traversable, parse: Callable[[str], _Table]) -> _Table:
    try:
        data = read_named(file, _LARGEST_TABLE) if isinstance(file, Path) else file.read_bytes()
        if len(data) > _LARGEST_TABLE:
            raise ValueError(f"it has more than {_LARGEST_TABLE:,} bytes.")
        return parse(decoded(data))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{setting} can't be read: {error}") from None
