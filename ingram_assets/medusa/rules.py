"""What the shop has decided about its store: the settings of the storefront, as values."""

from dataclasses import dataclass, field
from typing import Literal

from ingram_assets.domain.guardrails import Thresholds
from ingram_assets.domain.position import InventoryMode

PricePolicy = Literal["srp", "keep"]


@dataclass(frozen=True, slots=True)
class StoreRules:
    """The shop's choices.

    Attributes:
        safety_stock: copies kept back from sale.
        inventory_mode: `on_hand_plus_reserved` adds back what Medusa has reserved.
        low_stock_threshold: a level that falls to this or below is reported, once.
        min_stock_delta: a move of on hand by less, that changes no status, is not carried to the store.
        price_policy: `srp`, the price follows Ingram's list price; `keep`, a price in the store stands.
        thresholds: of the guardrails.
    """

    safety_stock: int = 0
    inventory_mode: InventoryMode = "on_hand"
    low_stock_threshold: int = 3
    min_stock_delta: int = 1
    price_policy: PricePolicy = "srp"
    thresholds: Thresholds = field(default_factory=Thresholds)
