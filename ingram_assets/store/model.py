"""What Medusa's Admin API answers, as far as we ask for it, and what of it a title's plan rests on."""

from dataclasses import dataclass
from typing import Any, TypedDict

from ingram_assets.domain.ownership import InventoryItem


class NamedRow(TypedDict):
    """A sales channel or a category."""

    id: str
    name: str


class CategoryRow(NamedRow):
    """A category with its handle, of which there are no two the same."""

    handle: str | None


class LocationRow(NamedRow):
    """A stock location. Linking an unknown channel leaves a null among its channels."""

    sales_channels: list[NamedRow | None] | None


class TagRow(TypedDict):
    """A product's tag."""

    id: str
    value: str


class PictureRow(TypedDict):
    """A product's picture."""

    id: str
    url: str


class PriceRow(TypedDict, total=False):
    """One price of a variant: plain, or for a quantity, or for whom a rule names."""

    id: str
    currency_code: str
    amount: float
    min_quantity: float | None
    max_quantity: float | None
    rules: dict[str, Any]


class PricedVariantRow(TypedDict):
    """A product's variant, as the product shows it."""

    id: str
    sku: str | None
    prices: list[PriceRow | None] | None


class ProductRow(TypedDict):
    """A product with all that an import may change of it."""

    id: str
    title: str
    subtitle: str | None
    description: str | None
    weight: float | None
    thumbnail: str | None
    metadata: dict[str, Any] | None
    images: list[PictureRow] | None
    tags: list[TagRow] | None
    categories: list[NamedRow] | None
    variants: list[PricedVariantRow] | None


class Quantities(TypedDict):
    """The copies of a level that we write, under Medusa's names, which the journal keeps too."""

    stocked_quantity: float
    incoming_quantity: float


class VariantUpdate(TypedDict, total=False):
    """The body of a variant's update. A metadata key that is `None` is taken away."""

    manage_inventory: bool
    allow_backorder: bool
    metadata: dict[str, Any]


STATE_TAG = "availability: "
"""What the tags of a product that say its state begin with. All other tags are the shop's own."""

FIXED_BACKORDER = "allow_backorder"
"""The key of a product's metadata by which a person fixes whether back-orders are taken: true or false."""


@dataclass(frozen=True, slots=True)
class Level:
    """A level at our location, in copies. A hand edit may have left fractions."""

    id: str
    stocked: float
    reserved: float
    incoming: float

    @property
    def quantities(self) -> Quantities:
        """The part of it that is ours to write."""
        return {"stocked_quantity": self.stocked, "incoming_quantity": self.incoming}


@dataclass(frozen=True, slots=True)
class OtherLevel:
    """A level at a location that is not ours. `available`: copies that no order has; it may be negative."""

    location_id: str
    available: float


@dataclass(frozen=True, slots=True)
class Item(InventoryItem):
    """An inventory item with its level at our location, and those of others."""

    level: Level | None
    elsewhere: tuple[OtherLevel, ...] = ()
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant as it stands in the store, with the items that are linked to it.

    Attributes:
        fixed_backorder: what a person wrote into the product's metadata, under `FIXED_BACKORDER`.
        tags: of the product; `None`: nobody asked for them.
        our_backorder: it takes back-orders since this project switched them on. Asked of the journal only
            where nothing that was read says so.
        our_tags: what this project has put to the product to say its state.
    """

    id: str
    product_id: str
    sku: str | None
    ean: str | None
    manage_inventory: bool
    allow_backorder: bool
    metadata: dict[str, Any]
    items: tuple[Item, ...]
    fixed_backorder: bool | None = None
    tags: tuple[TagRow, ...] | None = None
    title: str | None = None
    our_backorder: bool = False
    our_tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TitleInStore:
    """What the store has of one ISBN. No variants: the title is not in the store (any more).

    Attributes:
        variants: more than one only where something is wrong: two products with the number.
        leftover: an inventory item with this SKU that no variant of ours is linked to.
    """

    isbn: str
    variants: tuple[Variant, ...] = ()
    leftover: Item | None = None
