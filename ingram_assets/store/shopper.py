"""The store as its shoppers see it, over the Store API, against what the rules say it should be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.store.client import MedusaClient, MedusaRefused
from ingram_assets.store.model import STATE_TAG, TitleInStore, Variant
from ingram_assets.store.plan import TitlePlan

_PAGE = 200
_FIELDS = (
    "id,title,status,*variants,+variants.metadata,+variants.manage_inventory,+variants.allow_backorder,"
    "+variants.inventory_quantity"
)
_SHOWN_KEYS = {
    "availability": "availability",
    "availability_label": "label",
    "in_stock": "marked in stock",
}


class StoreApi(MedusaClient):
    """Medusa's Store API, with a publishable key: what anybody on the shop's site may ask."""

    def __init__(self, base_url: str, publishable_key: str) -> None:
        super().__init__(base_url, api_key=publishable_key)
        self._publishable_key = publishable_key

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        return self._exchange(method, path, body, {"x-publishable-api-key": self._publishable_key})


@dataclass(frozen=True, slots=True)
class ShownTitle:
    """A variant as a shopper sees it.

    Attributes:
        inventory_quantity: copies over all locations of the sales channel; `None`: none are counted.
        price: in dollars, before any sale; `None`: it has none, or the store has no region in dollars.
    """

    metadata: Mapping[str, Any]
    manage_inventory: bool
    allow_backorder: bool
    inventory_quantity: int | None
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class ShopperView:
    """All titles that shoppers see, by SKU. `has_prices`: whether the store has a region in dollars."""

    titles: Mapping[str, ShownTitle]
    has_prices: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """What a shopper sees of a title and what is right, field by field, in words.

    `amiss`: why that can't be told by fields; `None`: it can.
    """

    isbn: str
    title: str
    what: tuple[tuple[str, str, str], ...]
    amiss: str | None = None

    @property
    def sentence(self) -> str:
        """For a person."""
        if self.amiss:
            return f"{self.isbn}  {self.title}: {self.amiss}"
        each = (f"{name}: a shopper sees {seen}, right is {right}" for name, seen, right in self.what)
        return f"{self.isbn}  {self.title}: {'; '.join(each)}"


@dataclass(frozen=True, slots=True)
class RightOfTitle:
    """What is right of a title.

    Attributes:
        plan: what a push would do with it now; `actual`: what Medusa's admin has of it.
        elsewhere: copies to sell at other locations of the sales channel.
        price: what it should cost, where that is not what the store asks.
    """

    plan: TitlePlan
    actual: TitleInStore
    title: str
    elsewhere: float = 0
    price: Decimal | None = None


def publishable_key(client: MedusaClient, channel_id: str, channel_name: str) -> str:
    """A publishable key of the sales channel, out of Medusa's admin. Raises NeedsPerson: there is none."""
    query = {"type": "publishable", "fields": "id,token,revoked_at,sales_channels.id"}
    for key in client.list_all("/admin/api-keys", "api_keys", query):
        sells = [each["id"] for each in key.get("sales_channels") or [] if each]
        if not key["revoked_at"] and channel_id in sells:
            return str(key["token"])
    raise NeedsPerson(
        f"The store has no publishable key of the sales channel {channel_name!r}, without which nobody can "
        "shop: make one in Medusa's admin (Settings, Publishable API keys), or set MEDUSA_PUBLISHABLE_KEY."
    )


def read_shelf(api: StoreApi) -> ShopperView:
    """All products that shoppers see.

    Raises:
        NeedsPerson: Medusa takes the key for none of its own.
        MedusaError: the store can't be asked.
    """
    try:
        regions = api.list_all("/store/regions", "regions", {"fields": "id,currency_code"}, page=_PAGE)
    except MedusaRefused as error:
        raise NeedsPerson(
            f"Medusa does not take the publishable key: {error.detail} Is MEDUSA_PUBLISHABLE_KEY right?"
        ) from error
    in_dollars = [region["id"] for region in regions if region["currency_code"] == "usd"]
    query: dict[str, Any] = {"fields": _FIELDS}
    if in_dollars:
        query = {"fields": f"{_FIELDS},*variants.calculated_price", "region_id": in_dollars[0]}
    found = {}
    for product in api.list_all("/store/products", "products", query, page=_PAGE):
        for variant in product["variants"] or []:
            for number in {variant.get("sku"), variant.get("ean")} - {None, ""}:
                found[str(number)] = _shown(variant)
    return ShopperView(found, bool(in_dollars))


def _shown(variant: Mapping[str, Any]) -> ShownTitle:
    price = (variant.get("calculated_price") or {}).get("original_amount")
    copies = variant.get("inventory_quantity")
    return ShownTitle(
        variant.get("metadata") or {},
        bool(variant.get("manage_inventory")),
        bool(variant.get("allow_backorder")),
        None if copies is None else int(copies),
        None if price is None else Decimal(str(price)),
    )


def compare(wanted: Iterable[RightOfTitle], shelf: ShopperView) -> list[Difference]:
    """The titles of which shoppers see something that is not right. Pure."""
    found = []
    for one in wanted:
        if what := tuple(_differences(one, shelf)):
            amiss = " ".join(one.plan.reasons) if len(one.actual.variants) != 1 else None
            found.append(Difference(one.plan.isbn, one.title, what, amiss))
    return found


def _differences(wanted: RightOfTitle, shelf: ShopperView) -> Iterator[tuple[str, str, str]]:
    plan, shown = wanted.plan, shelf.titles.get(wanted.plan.isbn)
    if len(wanted.actual.variants) != 1:
        yield "the title", "it" if shown else "none", " ".join(plan.reasons) or "one product"
        return
    (variant,) = wanted.actual.variants
    shown = shown or shelf.titles.get(variant.sku or "")
    if shown is None:
        yield "the title", "none", "one that is published in the sales channel"
        return
    metadata = variant.metadata | plan.flags.get("metadata", {})
    for key, words in _SHOWN_KEYS.items():
        if shown.metadata.get(key) != metadata.get(key):
            yield words, _words(shown.metadata.get(key)), _words(metadata.get(key))
    yield from _tag_difference(plan, variant)
    managed = plan.flags.get("manage_inventory", variant.manage_inventory)
    backorder = plan.flags.get("allow_backorder", variant.allow_backorder)
    if shown.manage_inventory != managed:
        yield "copies counted", _words(shown.manage_inventory), _words(managed)
    if shown.allow_backorder != backorder and managed:
        yield "back-order", _words(shown.allow_backorder), _words(backorder)
    copies = _copies(wanted)
    if managed and copies is not None and max(0, shown.inventory_quantity or 0) != copies:
        yield "copies to sell", _words(shown.inventory_quantity), _words(copies)
    if shelf.has_prices and (wanted.price is not None or shown.price is None):
        right = "a price" if wanted.price is None else f"${wanted.price}"
        if shown.price != wanted.price or shown.price is None:
            yield "price", "none" if shown.price is None else f"${shown.price:.2f}", right


def _tag_difference(plan: TitlePlan, variant: Variant) -> Iterator[tuple[str, str, str]]:
    if plan.tag or plan.old_tags:
        tags = [each["value"] for each in variant.tags or () if each["value"].startswith(STATE_TAG)]
        yield "tag", _words(", ".join(tags) or None), _words(plan.tag)


def _copies(wanted: RightOfTitle) -> int | None:
    """Copies that a shopper may order at once: Ingram's after the next push, and those elsewhere."""
    (variant,) = wanted.actual.variants
    ours = [item for item in variant.items if item.level is not None]
    level = ours[0].level if len(ours) == 1 else None
    if wanted.plan.quantities is not None:
        stocked = wanted.plan.quantities["stocked_quantity"]
    elif level is not None:
        stocked = level.stocked
    else:
        return None
    reserved = level.reserved if level is not None else 0
    return max(0, int(stocked - reserved + wanted.elsewhere))


def _words(value: Any) -> str:
    if value is None:
        return "none"
    return ("yes" if value else "no") if isinstance(value, bool) else repr(value)


def copies_elsewhere(
    client: MedusaClient, actual: Mapping[str, TitleInStore], place_ids: Sequence[str]
) -> dict[str, float]:
    """ISBN to the copies to sell at these locations, for titles that somebody keeps elsewhere, too."""
    items = {
        item.id: isbn
        for isbn, one in actual.items()
        for variant in one.variants
        for item in variant.items
        if item.elsewhere
    }
    if not items or not place_ids:
        return {}
    fields = {
        "fields": "id,location_levels.location_id,location_levels.stocked_quantity,location_levels."
        "reserved_quantity"
    }
    rows = client.list_matching("/admin/inventory-items", "inventory_items", "id", list(items), fields)
    found: dict[str, float] = {}
    for row in rows:
        for level in row.get("location_levels") or []:
            if level["location_id"] in place_ids:
                isbn = items[row["id"]]
                found[isbn] = found.get(isbn, 0) + level["stocked_quantity"] - level["reserved_quantity"]
    return found
