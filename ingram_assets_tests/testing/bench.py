"""A store with Ingram's location, and short ways to import titles and sync their levels."""

import itertools
from collections.abc import Iterable
from typing import Any

from ingram_assets.domain.categories import CategoryTable
from ingram_assets.domain.title import Title
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Journal
from ingram_assets.store.levels import SyncReport, sync_levels
from ingram_assets.store.location import Location, ensure_location
from ingram_assets.store.products import ImportReport, import_titles
from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.testing.shop import TODAY, Shop


class Bench:
    """A store with Ingram's location, and short ways to import and sync. Titles are each test's own."""

    def __init__(self, shop: Shop, client: MedusaClient, journal: Journal, table: CategoryTable) -> None:
        self.shop, self.client, self.journal, self.table = shop, client, journal, table
        self.location: Location = ensure_location(client, journal=journal, run_id="setup")
        self.rules = StoreRules()
        self._runs = itertools.count(1)

    def run_id(self) -> str:
        return f"run-{next(self._runs)}"

    def import_(self, *titles: Title, run_id: str | None = None, **values: Any) -> ImportReport:
        usual = {
            "location": self.location,
            "today": TODAY,
            "rules": self.rules,
            "categories": self.table,
            "journal": self.journal,
            "run_id": run_id or self.run_id(),
        }
        client = values.pop("client", self.client)
        return import_titles(client, titles, **(usual | values))

    def sync(self, *titles: Title, run_id: str | None = None, **values: Any) -> SyncReport:
        usual = {
            "location": self.location,
            "today": TODAY,
            "rules": self.rules,
            "journal": self.journal,
            "run_id": run_id or self.run_id(),
        }
        client = values.pop("client", self.client)
        return sync_levels(client, titles, **(usual | values))

    def level(self, isbn: str) -> tuple[float, float, float] | None:
        """Stocked, reserved and incoming at Ingram's location."""
        level = self.shop.level(isbn, self.location.id)
        if level is None:
            return None
        return level["stocked_quantity"], level["reserved_quantity"], level["incoming_quantity"]

    def import_unmanaged(self, titles: Iterable[Title]) -> None:
        """Products as the shop made them long ago: not managed, no item, no level, no journal."""
        for title in titles:
            self.shop.make_unmanaged(title.isbn, self.location.channel_id)

    def by_hand(self, *variants: dict[str, Any], **product: Any) -> dict[str, Any]:
        """A product as a person makes one, with variants of such numbers, managed. Its ids are in it."""
        names = [f"Binding {number}" for number, _ in enumerate(variants)]
        usual = {
            "title": f"By hand {next(self._runs)}",
            "status": "published",
            "options": [{"title": "Format", "values": names}],
            "sales_channels": [{"id": self.location.channel_id}],
            "shipping_profile_id": self.shop.medusa.store.shipping_profile_id,
            "variants": [
                {
                    "title": name,
                    "manage_inventory": True,
                    "options": {"Format": name},
                    "prices": [{"currency_code": "usd", "amount": 10}],
                    **variant,
                }
                for name, variant in zip(names, variants, strict=True)
            ],
        }
        made: dict[str, Any] = self.shop.post("products", usual | product)["product"]
        return made

    def relink(self, isbn: str, item_id: str) -> None:
        """A person links the title's variant to another inventory item."""
        variant = self.shop.variant(isbn)
        assert variant
        links = f"products/{variant['product_id']}/variants/{variant['id']}/inventory-items"
        for link in variant["inventory_items"]:
            self.shop.delete(f"{links}/{link['inventory_item_id']}")
        self.shop.post(links, {"inventory_item_id": item_id, "required_quantity": 1})
