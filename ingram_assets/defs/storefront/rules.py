"""The storefront's settings as its rules take them; without Dagster, so that a quick look is quick."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ingram_assets.domain.guardrails import Thresholds
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.rules import StoreRules


def store_today(common: CommonSettings) -> date:
    """Today where the store is: the date whose midnight releases a preorder."""
    return datetime.now(ZoneInfo(common.STORE_TIME_ZONE)).date()


def store_rules(settings: StorefrontSettings) -> StoreRules:
    """The shop's choices."""
    return StoreRules(
        safety_stock=settings.SAFETY_STOCK,
        inventory_mode=settings.INVENTORY_MODE,
        stock_max_age=timedelta(seconds=settings.STOCK_MAX_AGE),
        stale_stock=settings.STALE_STOCK,
        low_stock_threshold=settings.LOW_STOCK_THRESHOLD,
        min_stock_delta=settings.MIN_STOCK_DELTA,
        price_policy=settings.PRICE_POLICY,
        thresholds=Thresholds(
            **{
                name.removeprefix("GUARDRAIL_").lower(): value
                for name, value in settings
                if name.startswith("GUARDRAIL_")
            }
        ),
    )
