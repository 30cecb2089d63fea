"""A store with Ingram's location, and short ways to import titles and sync their levels."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from ingram_assets.domain.categories import CategoryTable
from ingram_assets.domain.title import Title
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import Journal
from ingram_assets.store.levels import SyncReport, sync_levels
from ingram_assets.store.location import Location, ensure_location
from ingram_assets.store.products import ImportReport, import_titles
from ingram_assets.store.read import Spellings
from ingram_assets.store.rules import StoreRules
from ingram_assets.store.session import StoreSession
from ingram_assets.store.undo import UndoReport, undo
from ingram_assets_tests.testing.shop import TODAY, Shop


class Bench:
    """A store with Ingram's location, and short ways to import and sync. Titles are each test's own."""

    def __init__(
        self,
        shop: Shop,
        client: MedusaClient,
        journal: Journal,
        table: CategoryTable,
        ledger: StockLedger | None = None,
    ) -> None:
        self.shop, self.client, self.journal, self.table, self.ledger = shop, client, journal, table, ledger
        self.location: Location = ensure_location(client, journal=journal, run_id="setup")
        self.rules = StoreRules()
        self._runs = itertools.count(1)

    def run_id(self) -> str:
        return f"run-{next(self._runs)}"

    def session(self, **values: Any) -> StoreSession:
        """A run's session; `values` in place of the usual ones."""
        usual = {
            "client": self.client,
            "journal": self.journal,
            "location": self.location,
            "rules": self.rules,
            "today": TODAY,
            "categories": self.table,
            "run_id": values.get("run_id") or self.run_id(),
            "ledger": self.ledger,
        }
        return StoreSession(**(usual | values))

    def spellings(self) -> Spellings:
        """All variants of the store, as a push of all titles looks at them."""
        return Spellings(self.client, self.location.id, self.journal)

    @contextmanager
    def run(self, options: dict[str, Any]) -> Iterator[StoreSession]:
        """A run's session, its failed requests in the journal. What it takes of the options is gone."""
        of_session = {each.name for each in fields(StoreSession)} & options.keys()
        session = self.session(**{name: options.pop(name) for name in of_session})
        with session.client.reporting(lambda one: session.journal.failed_request(session.run_id, one)):
            yield session

    def import_(self, *titles: Title, let_through: bool = False, **options: Any) -> ImportReport:
        with self.run(options) as session:
            return import_titles(session.with_any_price() if let_through else session, titles, **options)

    def sync(self, *titles: Title, **options: Any) -> SyncReport:
        with self.run(options) as session:
            return sync_levels(session, titles, **options)

    def undo(self, run_id: str, **options: Any) -> UndoReport:
        with self.run({"run_id": f"undo-of-{run_id}"}) as session:
            return undo(session, run_id, **options)

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
        links = self.shop.unlink(isbn)
        self.shop.post(links, {"inventory_item_id": item_id, "required_quantity": 1})
