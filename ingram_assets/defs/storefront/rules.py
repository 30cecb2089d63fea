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
            max_turning_to_zero=settings.GUARDRAIL_MAX_TURNING_TO_ZERO,
            min_titles_turning_to_zero=settings.GUARDRAIL_MIN_TITLES_TURNING_TO_ZERO,
            max_unread=settings.GUARDRAIL_MAX_UNREAD,
            min_titles=settings.GUARDRAIL_MIN_TITLES,
            max_turning_digital=settings.GUARDRAIL_MAX_TURNING_DIGITAL,
            max_turning_unmanaged=settings.GUARDRAIL_MAX_TURNING_UNMANAGED,
            max_turning_to_preorder=settings.GUARDRAIL_MAX_TURNING_TO_PREORDER,
            max_turning_to_backorder=settings.GUARDRAIL_MAX_TURNING_TO_BACKORDER,
            max_rising=settings.GUARDRAIL_MAX_RISING,
            rise_factor=settings.GUARDRAIL_RISE_FACTOR,
            max_prices=settings.GUARDRAIL_MAX_PRICES,
            max_price_fall=settings.GUARDRAIL_MAX_PRICE_FALL,
            max_price_rise=settings.GUARDRAIL_MAX_PRICE_RISE,
            price_floor=settings.GUARDRAIL_PRICE_FLOOR,
            price_ceiling=settings.GUARDRAIL_PRICE_CEILING,
        ),
    )
