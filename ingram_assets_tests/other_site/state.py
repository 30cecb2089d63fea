"""All that the site remembers, with what a test may turn."""

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from email.message import EmailMessage

from ingram_assets_tests.other_site.books import Book, beside, make_books

COOKIE = "LHSITZUNG"
DEVICE = "LHGERAET"


@dataclass(frozen=True)
class Customer:
    """Who may sign in; codes go to `email`."""

    name: str = "buchladen"
    password: str = field(default="laterne-und-feder", repr=False)
    number: str = "204471"
    email: str = "shop@bookstore.example"


@dataclass
class Visit:
    """One cookie: how far its sign-in came."""

    step: str = "name"
    name: str = ""
    code: str = ""
    wrong: int = 0


@dataclass
class OtherSite:
    """The wholesaler's books, who is signed in, and what the site was asked."""

    url: str
    customer: Customer
    today: date
    mailer: Callable[[EmailMessage], None] | None = None
    turned: bool = False
    """The table of stock lies on its side: a column for each center."""
    closed: bool = False
    """Programs are kept out: every page is the wall's."""
    at_ipage_s_addresses: bool = False
    """Articles, pictures and the list are found at iPage's addresses, too."""
    with_ipage_s_marks: bool = False
    """An article's page has the element that iPage has its title in, and its tables iPage's classes."""
    visits: dict[str, Visit] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    """Paths, with how often each was asked for."""
    codes_sent: int = 0
    wrong_passwords: int = 0

    def __post_init__(self) -> None:
        self.books: dict[str, Book] = {book.ean: book for book in make_books(self.today)}
        self.beside: list[Book] = beside(self.today)

    def new_visit(self, visit: Visit) -> str:
        """Its cookie's value."""
        key = secrets.token_hex(12)
        self.visits[key] = visit
        return key

    def end_visits(self) -> None:
        """Every session is over; the device stays known."""
        self.visits.clear()

    def signed_in_cookie(self) -> str:
        """A session captured by hand, as a `Cookie` header has it."""
        return f"{COOKIE}={self.new_visit(Visit('in'))}"
