"""One run's session with the store: what every read, rule and write of it needs."""

from dataclasses import dataclass, field, replace
from datetime import date

from ingram_assets.domain.categories import CategoryTable
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import Journal
from ingram_assets.store.location import Location
from ingram_assets.store.read import Spellings
from ingram_assets.store.rules import StoreRules


@dataclass(frozen=True, slots=True)
class StoreSession:
    """Who is talked to, what is known, and by which rules.

    Attributes:
        location: Ingram's, the one whose levels are written.
        today: the date in the store's time zone.
        categories: the table that gives a title its categories; who imports nothing needs none.
        run_id: under which the journal enters what is written; who only looks needs none.
        ledger: of inventory operations on this store, which are then known and kept apart from what is
            written; `None`: nobody does any.
        spellings: all variants of the store, for who looks at all titles: shows those that are there twice.
    """

    client: MedusaClient
    journal: Journal
    location: Location
    rules: StoreRules
    today: date
    categories: CategoryTable = field(default_factory=lambda: CategoryTable({}, {}, ""))
    run_id: str = ""
    ledger: StockLedger | None = None
    spellings: Spellings | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should hear of the location, and of settings that name another one."""
        return *self.location.notes, *self.rules.labels.idle_rows([*self.location.shelves.values()])

    def with_any_price(self) -> "StoreSession":
        """The same for a person who has looked: no price is held back."""
        return replace(self, rules=replace(self.rules, thresholds=self.rules.thresholds.with_any_price()))
