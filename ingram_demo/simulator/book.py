"""The stock book: what Ingram truly has of each title now, and how it moves."""

import dataclasses
import random
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from ingram_demo.simulator.catalog import CatalogTitle
from ingram_demo.simulator.state import State

Stock = dict[str, tuple[int, int]]

EDITABLE = frozenset(field.name for field in dataclasses.fields(CatalogTitle)) - {
    "isbn",
    "record_id",
    "stock",
}


class UnknownTitle(ValueError):
    """No title of the catalog has this ISBN."""


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """One change of one DC's counts; `None` before: the page had no stock table."""

    step: int
    isbn: str
    title: str
    dc: str
    before: tuple[int, int] | None
    after: tuple[int, int]


class Book:
    """Titles and their stock. Changes are kept in `state`, the rest comes from the catalog."""

    def __init__(self, titles: Iterable[CatalogTitle], state: State, seed: int = 1) -> None:
        self._state = state
        self._seed = seed
        self.titles: dict[str, CatalogTitle] = {title.isbn: title for title in titles}
        self.isbns: list[str] = list(self.titles)
        self._place = {isbn: place for place, isbn in enumerate(self.isbns)}
        self._ranked: dict[str, dict[str, int]] = {}
        self.by_record: dict[int, str] = {title.record_id: title.isbn for title in self.titles.values()}
        self.stock: dict[str, Stock | None] = {
            isbn: dict(title.stock) if title.stock is not None else None
            for isbn, title in self.titles.items()
        }
        self.moves: deque[Move] = deque(maxlen=2000)
        for isbn, stock in state.all("stock").items():
            if isbn in self.titles:
                self.stock[isbn] = None if stock is None else {dc: (c[0], c[1]) for dc, c in stock.items()}
        for isbn, fields in state.all("title").items():
            if isbn in self.titles:
                self.titles[isbn] = dataclasses.replace(self.titles[isbn], **_from_json(fields))
        self._step = state.all("mover").get("step", 0)

    def another(self, isbn: str) -> str:
        """Some other title, the same one each time."""
        return self.isbns[(self._place[isbn] + 1) % len(self.isbns)]

    def in_share(self, isbn: str | None, percent: float, salt: str) -> bool:
        """Whether a title is among that percent of all titles: the same ones each time, at least one.

        More percent take in more titles and lose none. Without a title only 100 percent is everything.
        """
        if percent >= 100 or isbn not in self._place:
            return percent >= 100
        if salt not in self._ranked:
            ranked = sorted(self.isbns, key=lambda number: zlib.crc32(f"{salt} {number}".encode()))
            self._ranked[salt] = {number: place for place, number in enumerate(ranked)}
        return percent > 0 and self._ranked[salt][isbn] < max(1, round(len(self.isbns) * percent / 100))

    def move(self, changes: Iterable[Mapping[str, Any]]) -> list[Move]:
        """Sets counts: each change has `isbn`, `dc`, `on_hand` and/or `on_order`, or `isbn` and `stock`.

        `stock` is DC to [on hand, on order], or null for a page without its stock table. All or nothing.

        Raises:
            UnknownTitle: an ISBN that isn't in the catalog.
            ValueError: a count that is no whole number from 0.
        """
        planned: dict[str, Stock | None] = {}
        moves: list[Move] = []
        for change in changes:
            isbn = str(change.get("isbn"))
            if isbn not in self.titles:
                raise UnknownTitle(f"No title has the ISBN {isbn}.")
            now = planned.get(isbn, self.stock[isbn])
            if "stock" in change:
                whole = change["stock"]
                planned[isbn] = (
                    None
                    if whole is None
                    else {dc: (_count(counts[0]), _count(counts[1])) for dc, counts in whole.items()}
                )
                continue
            dc = str(change["dc"])
            before = now.get(dc, (0, 0)) if now is not None else None
            held, coming = before or (0, 0)
            after = (_count(change.get("on_hand", held)), _count(change.get("on_order", coming)))
            planned[isbn] = {**(now or {}), dc: after}
            moves.append(Move(self._step, isbn, self.titles[isbn].title, dc, before, after))
        self.stock.update(planned)
        self._state.put("stock", planned.items())
        self.moves.extend(moves)
        return moves

    def edit(self, isbn: str, fields: Mapping[str, Any]) -> CatalogTitle:
        """Changes anything else of a title: its text, price, date, binding, cover, availability.

        Raises:
            UnknownTitle: an ISBN that isn't in the catalog.
            ValueError: a field that a title doesn't have.
        """
        if isbn not in self.titles:
            raise UnknownTitle(f"No title has the ISBN {isbn}.")
        if wrong := sorted(set(fields) - EDITABLE):
            raise ValueError(f"A title has no {', '.join(wrong)}; it has {', '.join(sorted(EDITABLE))}.")
        self.titles[isbn] = dataclasses.replace(self.titles[isbn], **_from_json(fields))
        kept = {**self._state.all("title").get(isbn, {}), **fields}
        self._state.put("title", [(isbn, kept)])
        return self.titles[isbn]

    def advance(self, steps: int) -> list[Move]:
        """The next moves of Ingram's day: mostly a sale, sometimes a delivery. Step k is always the same one.

        A title that is sold out sells no more; what was on order arrives; print on demand never moves.
        """
        moves: list[Move] = []
        for _ in range(steps):
            self._step += 1
            rng = random.Random(f"{self._seed} {self._step}")
            change = self._sale_or_delivery(rng)
            if change is not None:
                moves.extend(self.move([change]))
        if steps:
            self._state.put("mover", [("step", self._step)])
        return moves

    def _sale_or_delivery(self, rng: random.Random) -> dict[str, Any] | None:
        for _ in range(50):
            isbn = rng.choice(self.isbns)
            stock = self.stock[isbn]
            if stock is None or self.titles[isbn].kind == "print_on_demand":
                continue
            dc = rng.choice(sorted(stock))
            held, coming = stock[dc]
            if held and rng.random() < 0.75:
                sold = rng.randint(1, min(held, 40))
                return {"isbn": isbn, "dc": dc, "on_hand": held - sold}
            if coming and self.titles[isbn].publisher_status != "NY":
                arrived = min(coming, rng.randint(5, 60))
                return {"isbn": isbn, "dc": dc, "on_hand": held + arrived, "on_order": coming - arrived}
            if self.titles[isbn].publisher_status == "IP" and rng.random() < 0.3:
                return {"isbn": isbn, "dc": dc, "on_order": coming + rng.choice((12, 24, 48))}
        return None


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no count of copies: a whole number from 0.")
    return value


def _from_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """JSON's values in a title's own types."""
    typed: dict[str, Any] = dict(fields)
    for name in ("srp_price", "weight"):
        if name in typed:
            typed[name] = Decimal(str(typed[name]))
    if "publication_date" in typed:
        typed["publication_date"] = date.fromisoformat(typed["publication_date"])
    if "contributors" in typed:
        typed["contributors"] = tuple((name, role) for name, role in typed["contributors"])
    if "size" in typed:
        typed["size"] = tuple(Decimal(str(length)) for length in typed["size"])
    for name in ("bisac", "ingram_categories", "lc_subjects", "messages"):
        if name in typed:
            typed[name] = tuple(typed[name])
    return typed
