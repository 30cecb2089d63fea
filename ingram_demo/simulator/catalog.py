"""The catalog behind the site: every kind of title the rules know, the same on each start.

Dates are told from today, so that a preorder stays a preorder. ISBNs are valid ISBN-13s.
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from ingram_assets.domain.isbn import check_digit_13
from ingram_demo.simulator.titles import WRITTEN, Written, generated

DCS = ("TN", "PA", "IN", "OR")
"""The DCs of the account: its primary, its secondary, the others."""

ENORMOUS = 199_999
"""What the site shows on order for a title that is announced and not out."""


@dataclass(frozen=True, slots=True)
class CatalogTitle:
    """A title as Ingram knows it. Lengths in inches, weight in pounds, price in US dollars.

    `stock` is DC to (on hand, on order) on the day the catalog was made; `None` means that the product
    page shows no stock table. `availability` are the words after the title, `publisher_status` its code.
    `cover` is "art", "placeholder" (coming soon) or "none".
    """

    isbn: str
    record_id: int
    kind: str
    title: str
    contributors: tuple[tuple[str, str], ...]
    publisher: str
    publication_date: date
    binding: str
    page_count: int | None
    srp_price: Decimal
    weight: Decimal
    size: tuple[Decimal, Decimal, Decimal]
    annotation: str
    bisac: tuple[str, ...]
    ingram_categories: tuple[str, ...]
    series: str | None
    target_age: str | None
    carton_quantity: int | None
    lc_subjects: tuple[str, ...]
    messages: tuple[str, ...]
    availability: str
    publisher_status: str
    discount: str
    stock: dict[str, tuple[int, int]] | None
    cover: str
    open_library: bool
    isbn_10_in_export: bool

    @property
    def author(self) -> str:
        """The first contributor's name."""
        return self.contributors[0][0]


@dataclass(frozen=True, slots=True)
class Kind:
    """How titles of a kind differ from one that is simply in stock.

    `stock` names one of the cases in `_stock`; `days` is the range of the publication date from today.
    """

    stock: str = "plenty"
    days: tuple[int, int] = (-2500, -20)
    availability: str = "Available"
    publisher_status: str = "IP"
    binding: str | None = None
    messages: tuple[str, ...] = ()
    cover: str = "art"
    discount: str = "REG"


NOT_RETURNABLE = "This item is Not Returnable"
NOT_IN_US = "Available in some countries but not the United States."
RESTRICTED = "Restricted:  Not available to all customers."

KINDS: dict[str, Kind] = {
    "in_stock": Kind(),
    "between_two_fires": Kind(stock="410"),
    "low_stock": Kind(stock="few"),
    "elsewhere": Kind(stock="not at the primary"),
    "isbn_10": Kind(),
    "unicode": Kind(),
    "markup": Kind(),
    "formula": Kind(),
    "placeholder": Kind(cover="placeholder"),
    "no_cover": Kind(cover="none"),
    "audio": Kind(binding="Compact Disc"),
    "preorder_199999": Kind("enormous", (25, 200), "Not Yet Published", "NY"),
    "preorder_no_table": Kind("no table", (40, 400), "Not Yet Published", "NY", cover="placeholder"),
    "preorder_on_hand": Kind("plenty", (6, 20), "Not Yet Published", "NY"),
    "forthcoming_zero": Kind("zero", (60, 300), "Not Yet Published", "NY", cover="placeholder"),
    "no_table": Kind("no table"),
    "zero_on_order": Kind("on order"),
    "zero_zero": Kind("zero"),
    "temporarily_out": Kind("zero", availability="Temporarily Out of Stock", publisher_status="TP"),
    "out_of_print": Kind("zero", (-6000, -3000), "Out of Print", "OP"),
    "out_of_print_left": Kind("few", (-6000, -3000), "Out of Print", "OP"),
    "out_of_print_no_table": Kind("no table", (-6000, -3000), "Out of Print", "OP", cover="none"),
    "print_on_demand": Kind("virtual", availability="Print on Demand", messages=(NOT_RETURNABLE,)),
    "digital": Kind("no table", binding="E-Book", messages=(NOT_RETURNABLE,)),
    "restricted": Kind(messages=(RESTRICTED,)),
    "not_returnable": Kind(messages=(NOT_RETURNABLE,), discount="NET"),
    "not_in_us": Kind("zero", messages=(NOT_IN_US,)),
}

_COMMON_KINDS = (
    *("in_stock",) * 72,
    *("zero_on_order",) * 8,
    *("preorder_no_table",) * 4,
    *("preorder_199999",) * 4,
    *("zero_zero",) * 4,
    *("low_stock",) * 3,
    *("out_of_print",) * 2,
    *("print_on_demand", "digital", "no_table"),
)
_PUBLISHERS = (
    *(
        "Tor Nightfire",
        "Orbit",
        "Harbinger House",
        "Blue Comet Press",
        "Gollancz",
        "Ace Books",
        "Del Rey Books",
    ),
    *("Tachyon Publications", "Small Moon Editions", "Saga Press", "Angry Robot", "Erewhon Books"),
)
_BINDINGS = ("Paperback", "Hardcover", "Paperback", "Trade Cloth", "Mass Market Paperbound", "Paperback")
_PRICES = ("8.99", "9.99", "16.99", "17.95", "18.99", "19.99", "21.00", "26.99", "28.99", "30.00", "35.00")
_GENRES: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("FICTION / Fantasy / Epic", "FICTION / Fantasy / Action & Adventure"),
        ("Fiction & Literature | Fantasy",),
        ("Fantasy fiction", "Magic -- Fiction"),
    ),
    (
        ("FICTION / Science Fiction / Space Opera", "FICTION / Science Fiction / Military"),
        ("Fiction & Literature | Science Fiction",),
        ("Space colonies -- Fiction", "Science fiction"),
    ),
    (
        ("FICTION / Fantasy / Dark Fantasy", "FICTION / Horror"),
        ("Fiction & Literature | Horror", "Fiction & Literature | Fantasy"),
        ("Monsters -- Fiction",),
    ),
    (
        ("FICTION / Romance / Fantasy", "FICTION / Fantasy / Romance"),
        ("Fiction & Literature | Romance",),
        ("Fairies -- Fiction",),
    ),
    (
        ("FICTION / Dystopian", "FICTION / Science Fiction / Apocalyptic & Post-Apocalyptic"),
        ("Fiction & Literature | Science Fiction",),
        ("Dystopias -- Fiction",),
    ),
    (
        ("YOUNG ADULT FICTION / Fantasy / General",),
        ("Young Adult | Fantasy",),
        ("Young adult fiction",),
    ),
    (
        ("FICTION / Alternative History", "FICTION / Magical Realism", "FICTION / Fantasy / Historical"),
        ("Fiction & Literature | Fantasy",),
        ("Imaginary histories",),
    ),
    (
        ("JUVENILE FICTION / Fantasy & Magic", "JUVENILE FICTION / Science Fiction / General"),
        ("Children's | Fantasy",),
        ("Magic -- Juvenile fiction",),
    ),
)
_SENTENCES = (
    "In a city that forgets its own name each winter, one clerk keeps the only true map.",
    "A salvage crew answers a signal that was sent before there were stars to send it.",
    "When the old king's ghost refuses to leave the throne, his daughter must learn to rule around him.",
    "The treaty was signed in blood & ink; only one of them has dried.",
    "“A marvel: tender, funny and frightening by turns.” — The Reader's Gazette",
    "Includes an exclusive map, a glossary and an interview with the author.",
    "She has nine days, three coins and a sword that talks too much.",
    "Winner of the Lantern Award, and a bookseller's choice of the year.",
    "They said that nothing lives below the ice. They were paid to say so.",
    "For readers of long winters and longer grudges.",
)


def make_catalog(count: int, today: date) -> list[CatalogTitle]:
    """The first `count` titles: a hundred written by hand, then as many generated ones as it takes."""
    return [make_title(number, today) for number in range(count)]


def make_title(number: int, today: date) -> CatalogTitle:
    """Title `number` of the endless catalog: written by hand up to 99, invented from there."""
    return _make(number, WRITTEN[number] if number < len(WRITTEN) else _invent(number), today)


def isbn_10(isbn: str) -> str | None:
    """The ISBN-10 of a 978 ISBN-13; `None` for 979, which has none."""
    if not isbn.startswith("978"):
        return None
    nine = isbn[3:12]
    check = -sum(int(digit) * (10 - place) for place, digit in enumerate(nine)) % 11
    return nine + "0123456789X"[check]


def _invent(number: int) -> Written:
    title, author = generated(number)
    return Written(
        _COMMON_KINDS[random.Random(f"kind {number}").randrange(len(_COMMON_KINDS))], title, author
    )


def _isbn(number: int, kind: str) -> str:
    if kind == "between_two_fires":
        twelve = "978163973913"
    else:
        # 7,919 shares no factor with ten million, so each number gives another ISBN.
        prefix = "97987" if number % 10 == 7 and kind != "isbn_10" else "97819"
        twelve = prefix + f"{number * 7919 % 10_000_000:07d}"
    return twelve + check_digit_13(twelve)


def _make(number: int, line: Written, today: date) -> CatalogTitle:
    rng = random.Random(f"title {number}")
    kind = KINDS[line.kind]
    genre = rng.randrange(len(_GENRES))
    bisac, categories, subjects = _GENRES[2 if line.kind == "between_two_fires" else genre]
    binding = kind.binding or rng.choice(_BINDINGS)
    audio_or_digital = binding in ("E-Book", "Compact Disc")
    pages = rng.randrange(180, 760)
    cents = Decimal("0.01")
    height, width = (("8.30", "5.50"), ("9.25", "6.25"), ("6.75", "4.20"))[rng.randrange(3)]
    thickness = (Decimal(pages) / 350).quantize(cents)
    weight = (Decimal(pages) * Decimal(height) * Decimal(width) / 19_000).quantize(cents)
    age = None
    if bisac[0].startswith("YOUNG ADULT"):
        age = "14 - 17 years, Grades 9 - 12"
    elif bisac[0].startswith("JUVENILE"):
        age = "8 - 12 years, Grades 3 - 7"
    return CatalogTitle(
        isbn=_isbn(number, line.kind),
        record_id=41_000_000 + number,
        kind=line.kind,
        title=line.title,
        contributors=tuple(_contributor(text) for text in line.contributors.split(";")),
        publisher="Tor Nightfire" if line.kind == "between_two_fires" else rng.choice(_PUBLISHERS),
        publication_date=today + timedelta(days=rng.randint(*kind.days)),
        binding=binding,
        page_count=None if binding == "Compact Disc" else pages,
        srp_price=Decimal(rng.choice(_PRICES)),
        weight=weight,
        size=(thickness, Decimal(height), Decimal(width)),
        annotation=" ".join(rng.sample(_SENTENCES, 3)),
        bisac=bisac[: rng.randrange(len(bisac)) + 1 if number else None],
        ingram_categories=categories,
        series=line.series,
        target_age=age,
        carton_quantity=None if audio_or_digital else rng.choice((12, 20, 24, 28, 32)),
        lc_subjects=subjects,
        messages=kind.messages,
        availability=kind.availability,
        publisher_status=kind.publisher_status,
        discount=kind.discount,
        stock=_stock(kind.stock, rng),
        cover=kind.cover if rng.random() < 0.97 or number < 100 else "placeholder",
        open_library=kind.cover == "art" or number % 2 == 1,
        isbn_10_in_export=line.kind == "isbn_10",
    )


def _contributor(text: str) -> tuple[str, str]:
    name, _, role = text.strip().partition(" (")
    return name, role.rstrip(")") or "Author"


def _stock(case: str, rng: random.Random) -> dict[str, tuple[int, int]] | None:
    """DC to (on hand, on order)."""
    if case == "no table":
        return None
    if case == "410":
        return {"TN": (187, 0), "PA": (96, 0), "IN": (84, 0), "OR": (43, 0)}
    if case == "few":
        return {"TN": (rng.randrange(1, 3), 0), "PA": (0, 0), "IN": (rng.randrange(2), 0), "OR": (0, 0)}
    if case == "not at the primary":
        return {
            "TN": (0, rng.randrange(20, 90)),
            "PA": (0, 0),
            "IN": (rng.randrange(5, 60), 0),
            "OR": (12, 0),
        }
    if case == "enormous":
        return {"TN": (0, ENORMOUS), "PA": (0, 0), "IN": (0, 0), "OR": (0, 0)}
    if case == "on order":
        return {
            "TN": (0, rng.randrange(40, 1500)),
            "PA": (0, rng.randrange(300)),
            "IN": (0, 0),
            "OR": (0, 25),
        }
    if case == "virtual":
        return {"TN": (100, 0), "PA": (0, 0), "IN": (0, 0), "OR": (0, 0)}
    if case == "zero":
        return dict.fromkeys(DCS, (0, 0))
    most = rng.choice((40, 120, 400, 2600))
    return {dc: (rng.randrange(2, most), rng.choice((0, 0, 0, 24, 96, 250))) for dc in DCS}
