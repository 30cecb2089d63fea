"""What a push would make of a page, by the rules of the store: for `ingram read`."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ingram_assets.defs.storefront.from_settings import store_rules
from ingram_assets.domain.availability import Availability
from ingram_assets.domain.completeness import Habit
from ingram_assets.domain.readings import Center, KnownStock
from ingram_assets.domain.title import Title
from ingram_assets.settings.base import SettingsError
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import store_time_zone
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.sources.ipage.pages import ProductPage
from ingram_assets.store.plan import wanted_of_new
from ingram_assets.store.product_fields import held_new, unsellable
from ingram_assets.store.rules import StoreRules


@dataclass(frozen=True, slots=True)
class ShopRules:
    """The rules that pages are judged by, the day in the store's time zone, and whose rules they are."""

    rules: StoreRules
    today: date
    words: str


@dataclass(frozen=True, slots=True)
class NewTitleInStore:
    """What a title that is new in the store would be there.

    Attributes:
        price: in dollars; `None`: the page gives none.
        why_not: a sentence that says why no product would be made of it.
    """

    wanted: Availability
    price: Decimal | None
    why_not: str | None


def rules_of_the_shop() -> ShopRules:
    """The shop's own rules where the storefront's settings are here and right, else the defaults.

    Raises:
        SettingsError: a file of settings can't be read.
    """
    rules, environment = StoreRules(), environment_of("storefront")
    try:
        rules = store_rules(load(StorefrontSettings, environment))
        words = "by your shop's settings"
    except SettingsError as error:
        words = "by the defaults, since the storefront's settings are not here"
        if any(environment.get(name) for name in StorefrontSettings.model_fields):
            words = f"by the defaults, since the storefront's settings can't be used ({error})"
    today = datetime.now(ZoneInfo(store_time_zone(environment))).date()
    return ShopRules(rules, today, words)


def would_become(page: ProductPage, habit: Habit, shop: ShopRules) -> NewTitleInStore:
    """What a push would make of this page alone, read just now, of a title that is new in the store."""
    now = datetime.now(UTC)
    counts = {dc: Center(of, now, now, now) for dc, of in (page.stock or {}).items()}
    shows_a_count = any(count is not None for dc in counts.values() for count in dc.counts[:2])
    known = KnownStock(counts, (now,) if page.shows_all_stock(habit) else ())
    title = Title(
        id=0,
        isbn=page.isbn,
        title=page.title,
        publication_date=page.publication_date,
        binding=page.binding,
        srp_price=page.srp_price,
        publisher_status=page.publisher_status,
        stock=known.stock if shows_a_count else None,
        stock_observed_at=now if shows_a_count else None,
        restrictions=page.restrictions,
    )
    wanted = wanted_of_new(title, None, today=shop.today, rules=shop.rules, shelves={})
    return NewTitleInStore(wanted, page.srp_price, unsellable(title) or held_new(title, shop.rules))
