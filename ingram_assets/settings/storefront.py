"""The storefront's settings: Medusa, the queue's reader role, the journal, and the rules of selling."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from ingram_assets.domain.restrictions import Restriction
from ingram_assets.settings.base import Settings
from ingram_assets.settings.kinds import (
    ANY_CASE,
    DatabaseUrl,
    ExistingFile,
    Networks,
    Number,
    RestrictionList,
    SecretKey,
    Share,
    SiteUrl,
    StoreUrl,
    Text,
    Whole,
    YesNo,
)


class StorefrontSettings(Settings):
    """What a run of the storefront reads. Nobody else is given it."""

    file: ClassVar[str] = ".env.storefront"

    MEDUSA_BACKEND_URL: StoreUrl
    MEDUSA_API_KEY: SecretKey | None = None
    MEDUSA_EMAIL: Text | None = None
    MEDUSA_PASSWORD: SecretStr | None = None
    MEDUSA_PUBLISHABLE_KEY: Text | None = Field(
        None, description="With which ingram check-store looks as a shopper does; else one of the channel's"
    )
    MEDUSA_SALES_CHANNEL: Text = "Online Store"
    MEDUSA_STOCK_LOCATION: Text = "Ingram (Drop-Ship)"
    RETURNS_TO: Text | None = Field(
        None, description="The shop's own location to which copies go that come back to Ingram's"
    )
    QUEUE_DB_URL: DatabaseUrl
    STOREFRONT_DB_URL: DatabaseUrl
    MODE: Annotated[Literal["live", "observe"], ANY_CASE] | None = Field(
        None, description="Whether what is planned is written to the store; without it the journal says"
    )
    INVENTORY_MODE: Annotated[Literal["on_hand", "on_hand_plus_reserved"], ANY_CASE] = "on_hand"
    SAFETY_STOCK: Whole = Field(0, ge=0)
    STOCK_MAX_AGE: Whole = Field(86400, ge=60, description="Seconds after which a count is not sold from")
    STALE_STOCK: Annotated[Literal["backorder", "out_of_stock", "keep"], ANY_CASE] = "backorder"
    LOW_STOCK_THRESHOLD: Whole = Field(5, ge=0)
    MIN_STOCK_DELTA: Whole = Field(1, ge=1)
    PRICE_POLICY: Annotated[Literal["srp", "keep"], ANY_CASE] = "srp"
    UNREAD_STOCK: Annotated[Literal["untouched", "backorder"], ANY_CASE] = "untouched"
    SELL_RESTRICTED: RestrictionList = Field(
        frozenset(Restriction),
        description="What a page may say of a title that is sold all the same",
    )
    AVAILABILITY_TAGS: YesNo = Field(False, description="A product's tag says its state")
    IMPORT_BATCH: Whole = Field(50, ge=1, le=500, description="Products in one request to Medusa at most")
    CATEGORIES_FILE: ExistingFile | None = None
    LABELS_FILE: ExistingFile | None = None
    DESK_URL: SiteUrl | None = Field(None, description="Where people reach the desk from elsewhere")
    DESK_PROXIES: Networks = Field((), description="Proxies before the desk whose X-Forwarded-… is believed")
    DESK_REQUESTS_PER_MINUTE: Whole = Field(600, ge=1, description="Of one token")
    GUARDRAIL_MAX_TURNING_TO_ZERO: Share = 0.30
    GUARDRAIL_MIN_TITLES_TURNING_TO_ZERO: Whole = Field(5, ge=0)
    GUARDRAIL_MAX_UNREAD: Share = 0.20
    GUARDRAIL_MIN_TITLES: Whole = Field(5, ge=0)
    GUARDRAIL_MAX_TURNING_DIGITAL: Share = 0.02
    GUARDRAIL_MAX_TURNING_UNMANAGED: Share = 0.02
    GUARDRAIL_MAX_TURNING_TO_PREORDER: Share = 0.05
    GUARDRAIL_MAX_TURNING_TO_BACKORDER: Share = 0.30
    GUARDRAIL_MAX_RISING: Share = 0.20
    GUARDRAIL_RISE_FACTOR: Number = Field(10, gt=1)
    GUARDRAIL_MAX_PRICES: Share = 0.05
    GUARDRAIL_MAX_PRICE_FALL: Share = 0.50
    GUARDRAIL_MAX_PRICE_RISE: Number = Field(1.00, ge=0)
    GUARDRAIL_PRICE_FLOOR: Number = Field(0.50, ge=0)
    GUARDRAIL_PRICE_CEILING: Number = Field(1_000, gt=0)

    @model_validator(mode="after")
    def _floor_below_ceiling(self) -> "StorefrontSettings":
        if self.GUARDRAIL_PRICE_FLOOR >= self.GUARDRAIL_PRICE_CEILING:
            raise ValueError("GUARDRAIL_PRICE_FLOOR has to be less than GUARDRAIL_PRICE_CEILING")
        return self

    @classmethod
    def missing(cls, given: Mapping[str, str]) -> list[str]:
        """A key, or an admin's e-mail and password."""
        if "MEDUSA_API_KEY" in given or {"MEDUSA_EMAIL", "MEDUSA_PASSWORD"} <= given.keys():
            return []
        return ["MEDUSA_API_KEY is missing (or MEDUSA_EMAIL and MEDUSA_PASSWORD)"]
