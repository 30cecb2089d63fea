"""What the shop has decided about its store: the settings of the storefront, as values."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from ingram_assets.domain import labels as label_rules
from ingram_assets.domain.guardrails import Thresholds
from ingram_assets.domain.labels import LabelTable
from ingram_assets.domain.lifetime import StalePolicy
from ingram_assets.domain.position import InventoryMode
from ingram_assets.domain.restrictions import Restriction, Restrictions

PricePolicy = Literal["srp", "keep"]


@dataclass(frozen=True, slots=True)
class StoreRules:
    """The shop's choices.

    Attributes:
        safety_stock: copies kept back from sale.
        inventory_mode: when Ingram's count falls, as a copy ships or as it is ordered (`domain/position.py`).
        stock_max_age: copies that were counted longer ago are not sold as in stock.
        stale_stock: what becomes of a title that has no others.
        low_stock_threshold: a level that falls to this or below is reported, once.
        min_stock_delta: a move of on hand by less, that changes no status, is not carried to the store.
        price_policy: `srp`, the price follows Ingram's list price; `keep`, a price in the store stands.
        orders_unread: titles that were never read may be ordered.
        sells_restricted: what a page may say of a title that is sold all the same.
        availability_tags: a tag of the product says its state, for a storefront to filter by.
        import_batch: products in one request at most.
        labels: what shoppers read.
        thresholds: of the guardrails.
    """

    safety_stock: int = 0
    inventory_mode: InventoryMode = "on_hand"
    stock_max_age: timedelta = timedelta(hours=24)
    stale_stock: StalePolicy = "backorder"
    low_stock_threshold: int = 5
    min_stock_delta: int = 1
    price_policy: PricePolicy = "srp"
    orders_unread: bool = False
    sells_restricted: frozenset[Restriction] = frozenset(Restriction)
    availability_tags: bool = False
    import_batch: int = 50
    labels: LabelTable = field(default_factory=label_rules.built_in)
    thresholds: Thresholds = field(default_factory=Thresholds)

    def barring(self, said: Restrictions) -> list[Restriction]:
        """What of a page's restrictions keeps its title from sale. Words that are not known keep none."""
        return [one for one in said if isinstance(one, Restriction) and one not in self.sells_restricted]

    @property
    def sold_for(self) -> timedelta | None:
        """How long copies are sold from after they were counted; `None`: for ever."""
        return None if self.stale_stock == "keep" else self.stock_max_age
