"""A store with locations of the shop's own, and short ways to operate on its entries and to look at them."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import psycopg

from ingram_assets.domain.title import Title
from ingram_assets.store.inventory.ledger import LedgerLine, StockLedger
from ingram_assets.store.inventory.model import Actor, Operation, OperationDone, SetQuantity
from ingram_assets.store.inventory.service import InventoryService
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.fickle import FickleTransport
from ingram_assets_tests.testing.shop import make_title

_keys = itertools.count(1)

ADA = Actor("person", "ada@example.com")


@dataclass
class Stockroom:
    """The service, and what a test looks at and asks for."""

    bench: Bench
    service: InventoryService
    ledger: StockLedger
    way: FickleTransport
    cellar: str
    attic: str
    journal_url: str
    waiting: dict[int, list[Title]] = field(default_factory=dict)

    def title(self, cellar: int | None = 10, attic: int | None = None, ingram: int = 0) -> str:
        """A title's ISBN, with so many copies at the shop's own locations and at Ingram's."""
        title = self._imported(ingram)
        for place, copies in (("CELLAR", cellar), ("ATTIC", attic)):
            if copies is not None:
                self.apply(SetQuantity(copies), title.isbn, place)
        return title.isbn

    def _imported(self, ingram: int) -> Title:
        """A title that nobody else has. Sixteen at once take Medusa no longer than one."""
        waiting = self.waiting.setdefault(ingram, [])
        if not waiting:
            waiting += [make_title(ingram) for _ in range(16)]
            self.bench.import_(*waiting)
            self.bench.sync(*waiting)
        return waiting.pop()

    def apply(self, operation: Operation, isbn: str, location: str = "CELLAR", **more: Any) -> OperationDone:
        usual: dict[str, Any] = {"actor": ADA, "key": f"key {next(_keys)}"}
        return self.service.apply(operation, isbn=isbn, location=location, **(usual | more))

    def level(self, isbn: str, place: str | None = None) -> tuple[int, int] | None:
        """Stocked and reserved in Medusa."""
        found = self.bench.shop.level(isbn, place or self.cellar)
        return (found["stocked_quantity"], found["reserved_quantity"]) if found else None

    def book(self, isbn: str, place: str | None = None) -> int:
        item_id = self.bench.shop.item(isbn)["id"]
        book = self.ledger.book((item_id, place or self.cellar))
        return book.quantity if book else 0

    def lines(self, isbn: str) -> list[LedgerLine]:
        return self.ledger.lines(isbn)

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.journal_url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def look_again(self) -> None:
        """The sweep, as it is once all that was written lately is old enough."""
        self.sql("UPDATE inventory_entry SET unseen_since = unseen_since - interval '1 hour'")
        self.service.recover()

    def agrees(self, isbn: str) -> None:
        """Nothing is pending, and ledger and level say the same, at each location."""
        assert not [line for line in self.lines(isbn) if line.state == "pending"]
        for place in (self.cellar, self.attic):
            level = self.level(isbn, place)
            assert self.book(isbn, place) == (level[0] if level else 0)
