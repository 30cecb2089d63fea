"""The wholesaler's books: what is true of each, which a test compares with what reached the store."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from ingram_assets.domain.isbn import check_digit_13

CENTERS = ("Nord", "Süd", "Zentrallager Ost", "West")
"""As the site calls them."""

LIST = "SFF-4711"
"""The saved list's name."""

NOT_SAID = "k. A."
"""What stands where the site does not tell a count."""


@dataclass(frozen=True)
class Copies:
    """At one center; `None` is not told."""

    on_hand: int | None
    on_order: int | None = 0


@dataclass(frozen=True)
class Book:
    """One article, in the words of the site."""

    ean: str
    kind: str
    title: str
    author: str
    publisher: str
    price: Decimal
    published: date
    binding: str = "kart."
    translator: str = ""
    pages: int = 320
    grams: int = 400
    series: str = ""
    group: str = "Belletristik / Fantasy"
    text: str = ""
    returnable: bool = True
    status: str = "lieferbar"
    notice: str = ""
    picture: str = "art"
    """"art", "placeholder" (a drawn one), "none" (the site says so in words)."""
    stock: Mapping[str, Copies] | None = field(default_factory=dict)
    """By center; `None`: the page has no such table."""

    @property
    def isbn(self) -> str:
        """With hyphens, as it is printed."""
        return f"{self.ean[:3]}-{self.ean[3]}-{self.ean[4:8]}-{self.ean[8:12]}-{self.ean[12]}"

    def total(self) -> int | None:
        """Copies on hand, of all centers; `None` without a table or with a center that is not told."""
        if self.stock is None or any(copies.on_hand is None for copies in self.stock.values()):
            return None
        return sum(copies.on_hand or 0 for copies in self.stock.values())


_FIRST = (
    "Der Turm",
    "Die Stadt",
    "Das Archiv",
    "Der letzte Garten",
    "Die Brücke",
    "Das Schiff",
    "Die Königin",
)
_OF = ("aus Glas", "der Füchse", "unter dem Eis", "ohne Wände", "am Ende der Straße", "der stillen Jahre")
_WRITERS = (
    *("Weber, Anna", "Köhler, Jörg", "Strauß, Mirjam", "Öztürk, Deniz", "Lindqvist, Åsa"),
    *("van der Meer, Pieter", "O'Neill, Fionn", "Grünwald, Käthe", "Nováková, Jana"),
)
_HOUSES = ("Verlag Blaue Ente", "Fährmann & Söhne", "Edition Nachtzug", "Weißdorn")
_BINDINGS = ("kart.", "geb.", "Tb.", "Ln.")


def make_books(today: date) -> list[Book]:
    """Sixty books, the same on each day but for the dates of those to come."""
    rng = random.Random(4711)
    plain = [_book(number, rng) for number in range(60)]
    kinds = [
        *["in stock"] * 34,
        *["out of stock"] * 6,
        *["back-order"] * 5,
        *["to come"] * 4,
        *["to come, listed"] * 2,
        *["file"] * 2,
        *["not listed"] * 2,
        *["restricted"] * 2,
        *["incomplete"] * 2,
        "dear",
    ]
    return [_of_kind(book, kind, today, rng) for book, kind in zip(plain, kinds, strict=True)]


def beside(today: date) -> list[Book]:
    """Books that the pages advertise beside their own; they are in no list."""
    rng = random.Random(815)
    return [replace(_book(number, rng), kind="beside") for number in range(900, 903)]


def _book(number: int, rng: random.Random) -> Book:
    twelve = f"978300{number * 7 + 1042:06d}"
    first, of = _FIRST[number % len(_FIRST)], _OF[number % len(_OF)]
    return Book(
        ean=twelve + check_digit_13(twelve),
        kind="",
        title=f"{first} {of}" if number % 5 else f"{first} {of}: Roman",
        author=_WRITERS[number % len(_WRITERS)],
        translator="Abendroth, Lüder" if number % 4 == 1 else "",
        publisher=_HOUSES[number % len(_HOUSES)],
        price=Decimal(rng.randrange(8, 39)) + Decimal(rng.choice(("0.99", "0.95", "0.00", "0.50"))),
        published=date(2014 + number % 11, 1 + number % 12, 1 + number * 5 % 28),
        binding=_BINDINGS[number % len(_BINDINGS)],
        pages=180 + number * 9,
        grams=210 + number * 13,
        series=f"Die Chroniken von Süderau, Bd. {1 + number % 6}" if number % 3 == 0 else "",
        group=("Belletristik / Science-Fiction" if number % 2 else "Belletristik / Fantasy"),
        text=f"Ein Roman über {of.removeprefix('der ')} – und über das, was bleibt. Für Leser ab 14 Jahren.",
        returnable=number % 7 != 3,
        stock=_counts(number, rng),
    )


def _counts(number: int, rng: random.Random) -> dict[str, Copies]:
    """Copies at each center, of some thousands now and then: a point stands in them."""
    high = 4000 if number % 5 == 0 else 90
    return {center: Copies(rng.randrange(1, high), rng.choice((0, 0, 12, 1204))) for center in CENTERS}


def _of_kind(book: Book, kind: str, today: date, rng: random.Random) -> Book:
    book = replace(book, kind=kind)
    none, ordered = {c: Copies(0, 0) for c in CENTERS}, {c: Copies(0, 60) for c in CENTERS}
    soon = today + timedelta(days=20 + rng.randrange(200))
    match kind:
        case "in stock":
            return replace(
                book, picture={7: "none", 8: "placeholder", 9: "placeholder"}.get(_index(book), "art")
            )
        case "out of stock":
            return replace(book, stock=none, status="z. Zt. nicht lieferbar")
        case "back-order":
            return replace(book, stock=ordered, status="in Nachauflage")
        case "to come":
            return replace(book, stock=None, published=soon, status="Vormerkung", picture="placeholder")
        case "to come, listed":
            ahead = none | {"Zentrallager Ost": Copies(0, 1500)}
            return replace(book, stock=ahead, published=soon, status="Vormerkung")
        case "file":
            return replace(book, stock=None, binding="E-Book (EPUB)", pages=0, grams=0, returnable=False)
        case "restricted":
            return replace(book, notice="Verkauf nur an Bibliotheken. Nicht an alle Kunden lieferbar.")
        case "incomplete":
            untold = {"West": Copies(None, None)} if rng.random() < 0.5 else {"Nord": Copies(None, 12)}
            return replace(book, stock=dict(book.stock or {}) | untold)
        case "dear":
            return replace(
                book,
                price=Decimal("1249.00"),
                binding="CD",
                title="Alle Hörspiele in einer Kiste",
                grams=2350,
            )
    return book


def _index(book: Book) -> int:
    return (int(book.ean[6:12]) - 1042) // 7
