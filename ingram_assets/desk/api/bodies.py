"""What a request has to have: each body and query, with the limits that hold before anything is looked at."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ingram_assets.store.inventory.listing import POSITION
from ingram_assets.store.inventory.model import MAX_QUANTITY, Reason

PLAIN = r"^[^\x00-\x1f\x7f]*$"
"""No control characters: the ledger's database takes no NUL, and a person sees none of them."""

PAGE = 1_000
"""Entries of the largest page."""

Words = Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN)]
Note = Annotated[str, Field(max_length=1_000, pattern=PLAIN)]


def _whole(value: Any) -> Any:
    """3.0 is a whole number in JSON. Nothing else but whole numbers is taken for one: no text, no truth."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)
# Behind the limits: before them, it would take them out of the description.
Level = Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY), Whole]
Copies = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY), Whole]
Change = Annotated[int, Field(strict=True, ge=-MAX_QUANTITY, le=MAX_QUANTITY), Whole]

_PRODUCT = Field(
    description="An ISBN in any spelling, or the id of a product in Medusa.",
    examples=["978-1-63973-913-4"],
)
_PLACE = Field(
    description="A location's name in any case, with underscores for blanks, or its id.",
    examples=["CELLAR"],
)
_STORE = Annotated[
    Words | None, Field(description="A sales channel's id or name.", examples=["Online Store"])
]


class WhyBody(BaseModel):
    """What is told of a write beside what it does."""

    model_config = ConfigDict(extra="forbid")

    expected_quantity: Change | None = Field(
        None, description="The quantity that you saw. If it is another one by now, nothing is done (409)."
    )
    reason: Reason | None = Field(None, description="Why, for the ledger.", examples=["cycle_count"])
    note: Note | None = Field(None, description="A word about it, for the ledger.", examples=["wet"])
    reference: Words | None = Field(None, description="What it belongs to.", examples=["PO-1187"])


class AtPlace(WhyBody):
    """What every write names that is not to an entry by its id."""

    product_id: Annotated[Words, _PRODUCT]
    location: Annotated[Words, _PLACE]


class SetBody(AtPlace):
    """The physical quantity is this; the entry is made where there is none."""

    quantity: Level = Field(examples=[12])


class AdjustBody(AtPlace):
    """The physical quantity changes by so much, up or down."""

    quantity: Change = Field(examples=[-2])


class ReserveBody(AtPlace):
    """Copies are held for somebody."""

    quantity: Copies = Field(examples=[1])
    owner: Words | None = Field(None, description="For whom.", examples=["Ada"])
    expires_at: AwareDatetime | None = Field(
        None, description="Until when, within a year. Default: until released."
    )


class HeldBody(AtPlace):
    """Held copies: so many, the oldest reservations first, or those of one reservation."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["quantity"]}, {"required": ["reservation_id"]}]}
    )
    quantity: Copies = Field(None, examples=[1])  # type: ignore[assignment]
    reservation_id: Words = Field(None, description="Of this one alone.", examples=["resitem_01JCD3P4Z8"])  # type: ignore[assignment]

    @model_validator(mode="before")
    @classmethod
    def _one_of_both(cls, given: Any) -> Any:
        if isinstance(given, dict) and not {"quantity", "reservation_id"} & given.keys():
            raise ValueError("quantity or reservation_id is needed")
        return given


class TransferBody(AtPlace):
    """Copies that nobody holds go from one location to another."""

    target_location: Annotated[Words, _PLACE]
    quantity: Copies = Field(examples=[3])


class AdminSetBody(SetBody):
    """As for a store; with `store_id` the location has to be one of that store's."""

    store_id: _STORE = None


class AdminAdjustBody(AdjustBody):
    """As for a store; with `store_id` the location has to be one of that store's."""

    store_id: _STORE = None


class EntryBody(WhyBody):
    """The physical quantity of an entry is this."""

    quantity: Level = Field(examples=[12])


class DeleteQuery(WhyBody):
    """What is told of the end of an entry."""

    # A query has text alone, so that these can't be strict.
    expected_quantity: Annotated[int, Field(ge=-MAX_QUANTITY, le=MAX_QUANTITY)] | None = None


class PageQuery(BaseModel):
    """A page of a list."""

    limit: int = Field(50, ge=1, le=PAGE, description="Entries of the page.")
    cursor: str | None = Field(None, pattern=f"^{POSITION}$", description="`next_cursor` of the page before.")


class EntriesQuery(PageQuery):
    """Which entries are listed."""

    location: Words | None = Field(None, description="At this location alone.")
    low_stock: int | None = Field(
        None, ge=0, le=MAX_QUANTITY, description="With at most so many available, or none."
    )
    search: Words | None = Field(None, description="A part of the title or the SKU, or an ISBN.")


class AdminEntriesQuery(EntriesQuery):
    """Which entries of all stores are listed."""

    store_id: Words | None = Field(None, description="A sales channel's id or name.")


class LowQuery(PageQuery):
    """What counts as low."""

    threshold: int | None = Field(
        None,
        ge=0,
        le=MAX_QUANTITY,
        description="At most so many available, or none. Default: LOW_STOCK_THRESHOLD.",
    )
