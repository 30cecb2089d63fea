"""What the sync reads and writes in Medusa, tried one by one without writing anything."""

from collections.abc import Iterator

from ingram_assets.store.client import MedusaClient, MedusaRefused, SignInRefused

_READ = {
    **{"products": "products", "product-variants": "variants", "product-categories": "product_categories"},
    **{"product-tags": "product_tags", "inventory-items": "inventory_items", "reservations": "reservations"},
    **{"stock-locations": "stock_locations", "sales-channels": "sales_channels", "orders": "orders"},
    **{"shipping-profiles": "shipping_profiles", "regions": "regions", "api-keys": "api_keys"},
}
"""A list's path below `/admin/` to its key in the answer."""

_WRITTEN = (
    "products/batch",
    "inventory-items",
    "inventory-items/location-levels/batch",
    "reservations",
    "stock-locations",
    "product-categories",
    "product-tags",
)
_NOBODY_WOULD_MEAN = {"create": "nothing", "name": "", "address": 0, "metadata": 0}
"""A body that each of these routes refuses when it checks what it was sent, before it does anything."""


def unreadable(client: MedusaClient) -> Iterator[str]:
    """What of all that the sync reads Medusa does not give us, and why.

    Raises:
        MedusaError: it gives us nothing at all.
    """
    for path, key in _READ.items():
        try:
            answer = client.get(f"/admin/{path}", {"limit": 1, "fields": "id"})
        except (SignInRefused, MedusaRefused) as error:
            yield f"/admin/{path} answered {error.status} ({error.detail})"
        else:
            if not isinstance(answer.get(key), list):
                yield f"/admin/{path} is no list of {key}"


def unwritable(client: MedusaClient) -> Iterator[str]:
    """What of all that the sync writes Medusa does not let us write, or does not know. Nothing is written.

    Each route is sent what it is bound to refuse as malformed (400). Whoever may not write is refused before
    (401, 403), and an older version does not have the route (404).

    Raises:
        MedusaError: it does not answer.
    """
    for path in _WRITTEN:
        try:
            client.post(f"/admin/{path}", _NOBODY_WOULD_MEAN)
        except (SignInRefused, MedusaRefused) as error:
            if error.status not in (400, 422):
                yield f"/admin/{path} answered {error.status} ({error.detail})"
