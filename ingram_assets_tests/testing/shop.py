"""A shopper and a shopkeeper: carts and orders over the Store API, hand edits over the Admin API."""

import itertools
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx

from ingram_assets.domain.isbn import check_digit_13
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_demo.embedded.medusa import Medusa

TODAY = date(2026, 11, 20)
READ_AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)

_ids = itertools.count(1)


def make_isbn(number: int) -> str:
    first = f"9781{number:08d}"
    return first + check_digit_13(first)


def make_title(on_hand: int | None = 10, on_order: int = 0, **values: Any) -> Title:
    """A title nobody else has, with so many copies in Tennessee; `on_hand=None`: never read."""
    number = values.pop("id", None) or next(_ids)
    isbn = values.pop("isbn", None) or make_isbn(number)
    stock = None
    if on_hand is not None:
        stock = {"TN": DcStock(on_hand, on_order, "primary"), "PA": DcStock(0, 0, "secondary")}
    usual: dict[str, Any] = {
        "title": f"Book {number}",
        "author": "A. U. Thor",
        "publisher": "Tor",
        "publication_date": date(2020, 5, 1),
        "binding": "Paperback",
        "page_count": 320,
        "srp_price": Decimal("18.99"),
        "weight": Decimal("0.75"),
        "cover_url": f"https://covers.example/covers/raw/{isbn}.jpg?v=1",
        "category_hint": "FICTION / Fantasy / Epic",
        "description": "A book.",
        "stock": stock,
        "stock_observed_at": READ_AT if stock else None,
    }
    return Title(id=number, isbn=isbn, **(usual | values))


class Refusal(Exception):
    """Medusa said no."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
        self.status, self.body = answer.status_code, answer.json()


class Shop:
    """One store: its admin (`get`, `post`, `delete`) and its shoppers."""

    def __init__(self, medusa: Medusa) -> None:
        self.medusa = medusa
        self.admin = httpx.Client(base_url=medusa.url, timeout=60, trust_env=False)
        signed_in = self.admin.post(
            "/auth/user/emailpass", json={"email": medusa.email, "password": medusa.password}
        )
        self.admin.headers["authorization"] = f"Bearer {signed_in.json()['token']}"
        self.store = httpx.Client(
            base_url=medusa.url,
            timeout=60,
            trust_env=False,
            headers={"x-publishable-api-key": medusa.store.publishable_key},
            limits=httpx.Limits(max_connections=20, keepalive_expiry=3),
        )
        self.shipping_option_id = ""

    def close(self) -> None:
        self.admin.close()
        self.store.close()

    # The shopkeeper.

    def get(self, path: str, **params: Any) -> Any:
        return _body(self.admin.get(f"/admin/{path}", params=params))

    def post(self, path: str, body: dict[str, Any], **params: Any) -> Any:
        return _body(self.admin.post(f"/admin/{path}", json=body, params=params))

    def delete(self, path: str) -> Any:
        return _body(self.admin.delete(f"/admin/{path}"))

    def open_checkout(self, location_id: str) -> None:
        """A flat-rate shipping option from this location, without which no cart can be completed."""
        self.post(f"stock-locations/{location_id}/fulfillment-providers", {"add": ["manual_manual"]})
        self.post(f"stock-locations/{location_id}/fulfillment-sets", {"name": "Shipping", "type": "shipping"})
        found = self.get(f"stock-locations/{location_id}", fields="*fulfillment_sets")["stock_location"]
        zone = self.post(
            f"fulfillment-sets/{found['fulfillment_sets'][0]['id']}/service-zones",
            {"name": "US", "geo_zones": [{"type": "country", "country_code": "us"}]},
        )["fulfillment_set"]["service_zones"][0]["id"]
        option = self.post(
            "shipping-options",
            {
                "name": "Media Mail",
                "service_zone_id": zone,
                "shipping_profile_id": self.medusa.store.shipping_profile_id,
                "provider_id": "manual_manual",
                "price_type": "flat",
                "type": {"label": "Media Mail", "description": "By post", "code": "media-mail"},
                "prices": [{"currency_code": "usd", "amount": 4}],
                "rules": [],
            },
        )
        self.shipping_option_id = option["shipping_option"]["id"]

    def variant(self, isbn: str) -> dict[str, Any] | None:
        fields = "id,sku,ean,title,product_id,manage_inventory,allow_backorder,metadata,prices.*"
        fields += ",inventory_items.*,inventory_items.inventory.*,inventory_items.inventory.location_levels.*"
        found = self.get("product-variants", sku=isbn, fields=fields)["variants"]
        return found[0] if found else None

    def product(self, isbn: str) -> dict[str, Any]:
        variant = self.variant(isbn)
        assert variant, f"{isbn} is not in the store"
        fields = "id,title,subtitle,description,status,weight,thumbnail,metadata,images.*,categories.*,tags.*"
        return self.get(f"products/{variant['product_id']}", fields=f"{fields},variants.id")["product"]

    def make_unmanaged(self, isbn: str, channel_id: str, amount: float = 10) -> None:
        """A product as a person made it long ago: not managed, no item, no level."""
        variant = {
            "title": "Paperback",
            "sku": isbn,
            "manage_inventory": False,
            "options": {"Format": "Paperback"},
            "prices": [{"currency_code": "usd", "amount": amount}],
            "metadata": {"shelf": "B4"},
        }
        product = {
            "title": f"By hand {isbn}",
            "status": "published",
            "options": [{"title": "Format", "values": ["Paperback"]}],
            "sales_channels": [{"id": channel_id}],
            "shipping_profile_id": self.medusa.store.shipping_profile_id,
            "variants": [variant],
        }
        self.post("products", product, fields="id")

    def item(self, isbn: str) -> dict[str, Any]:
        (link,) = (self.variant(isbn) or {})["inventory_items"]
        return link["inventory"]

    def level(self, isbn: str, location_id: str) -> dict[str, Any] | None:
        levels = self.item(isbn)["location_levels"]
        return next((each for each in levels if each["location_id"] == location_id), None)

    def set_level(self, isbn: str, location_id: str, stocked: float) -> None:
        """A hand edit, or stock of the shop's own."""
        item_id = self.item(isbn)["id"]
        if self.level(isbn, location_id):
            path = f"inventory-items/{item_id}/location-levels/{location_id}"
            self.post(path, {"stocked_quantity": stocked})
        else:
            body = {"location_id": location_id, "stocked_quantity": stocked}
            self.post(f"inventory-items/{item_id}/location-levels", body)

    def unlink(self, isbn: str) -> str:
        """A person unlinks the title's variant from its inventory items. The route of its links."""
        variant = self.variant(isbn)
        assert variant
        links = f"products/{variant['product_id']}/variants/{variant['id']}/inventory-items"
        for link in variant["inventory_items"]:
            self.delete(f"{links}/{link['inventory_item_id']}")
        return links

    def remove_level(self, isbn: str, location_id: str) -> None:
        level = self.level(isbn, location_id)
        assert level
        # Medusa refuses one with copies, unless forced.
        self.post("inventory-items/location-levels/batch", {"delete": [level["id"]], "force": True})

    def edit_variant(self, isbn: str, **values: Any) -> None:
        variant = self.variant(isbn)
        assert variant
        self.post(f"products/{variant['product_id']}/variants/{variant['id']}", values)

    def edit_product(self, isbn: str, **values: Any) -> None:
        self.post(f"products/{self.product(isbn)['id']}", values)

    def managed_without_level(self, location_id: str) -> dict[str, bool]:
        """SKU to `allow_backorder` of managed variants that have no level at the location.

        A cart refuses such a book; one that takes back-orders goes into the cart and breaks its checkout.
        """
        fields = "sku,manage_inventory,allow_backorder"
        fields += ",inventory_items.inventory.location_levels.location_id"
        return {
            each["sku"]: each["allow_backorder"]
            for each in self.get("product-variants", limit=5000, fields=fields)["variants"]
            if each["manage_inventory"]
            and not any(
                level["location_id"] == location_id
                for link in each["inventory_items"]
                for level in (link["inventory"] or {}).get("location_levels") or []
            )
        }

    def fulfil(self, order: dict[str, Any], location_id: str) -> dict[str, Any]:
        items = [{"id": each["id"], "quantity": each["quantity"]} for each in order["items"]]
        return self.post(f"orders/{order['id']}/fulfillments", {"items": items, "location_id": location_id})[
            "order"
        ]

    def ask_back(self, order: dict[str, Any], location_id: str, quantity: int) -> str:
        """The id of a return of so many copies of an order's first line, to this location."""
        body = {"order_id": order["id"], "location_id": location_id}
        returned: str = self.post("returns", body)["return"]["id"]
        items = [{"id": order["items"][0]["id"], "quantity": quantity}]
        self.post(f"returns/{returned}/request-items", {"items": items})
        self.post(f"returns/{returned}/request", {})
        return returned

    def receive(self, returned: str, order: dict[str, Any], quantity: int, *, damaged: bool = False) -> None:
        """Copies of a return are here."""
        items = [{"id": order["items"][0]["id"], "quantity": quantity}]
        self.post(f"returns/{returned}/receive", {})
        route = "dismiss-items" if damaged else "receive-items"
        self.post(f"returns/{returned}/{route}", {"items": items})
        self.post(f"returns/{returned}/receive/confirm", {})

    # The shopper.

    def shown(self, isbn: str) -> dict[str, Any]:
        """The variant as the Store API shows it, with its available quantity."""
        product_id = self.product(isbn)["id"]
        params = {
            "fields": "+variants.inventory_quantity,+variants.metadata",
            "region_id": self.medusa.store.region_id,
        }
        product = _body(self.store.get(f"/store/products/{product_id}", params=params))["product"]
        return product["variants"][0]

    def add_to_cart(self, isbn: str, quantity: int = 1) -> dict[str, Any]:
        """A cart with the book in it. Raises Refusal."""
        address = {
            "first_name": "Ada",
            "last_name": "L",
            "address_1": "1 Main St",
            "city": "Nashville",
            "province": "TN",
            "postal_code": "37201",
            "country_code": "us",
        }
        email = f"ada-{next(_ids)}@example.com"  # two first carts of one person at once clash
        return self._cart(isbn, quantity, email=email, shipping_address=address, billing_address=address)

    def order_for_nobody(self, isbn: str) -> str:
        """The id of an order with neither a person nor an address, for a free book without shipping.

        Two requests, where a real one takes five.
        """
        return self.complete(self._cart(isbn, 1)["id"])["id"]

    def _cart(self, isbn: str, quantity: int, **whose: Any) -> dict[str, Any]:
        variant = self.variant(isbn)
        assert variant
        items = [{"variant_id": variant["id"], "quantity": quantity}]
        body = {"region_id": self.medusa.store.region_id, "items": items, **whose}
        return self._buy("/store/carts?fields=id", body)["cart"]

    def ready_to_order(self, isbn: str, quantity: int = 1) -> str:
        """The id of a cart that only has to be completed."""
        cart_id = self.add_to_cart(isbn, quantity)["id"]
        self._buy(f"/store/carts/{cart_id}/shipping-methods", {"option_id": self.shipping_option_id})
        payment = self._buy("/store/payment-collections", {"cart_id": cart_id})["payment_collection"]["id"]
        provider = {"provider_id": "pp_system_default"}
        self._buy(f"/store/payment-collections/{payment}/payment-sessions", provider)
        return cart_id

    def complete(self, cart_id: str) -> dict[str, Any]:
        answer = self._buy(f"/store/carts/{cart_id}/complete", {})
        assert answer["type"] == "order", answer
        return answer["order"]

    def order(self, isbn: str, quantity: int = 1) -> dict[str, Any]:
        """An order for the book. Raises Refusal."""
        return self.complete(self.ready_to_order(isbn, quantity))

    def _buy(self, path: str, body: dict[str, Any]) -> Any:
        return _body(self.store.post(path, json=body))


def _body(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise Refusal(answer)
    return answer.json()
