"""Operations beside orders, fulfillments and each other: nothing is counted twice, and nothing is lost."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import pytest

from ingram_assets.domain.failures import Transient
from ingram_assets.store.inventory.model import (
    Adjust,
    Fulfill,
    Operation,
    OperationDone,
    OperationRefused,
    Release,
    Reserve,
    SetQuantity,
    Transfer,
)
from ingram_assets_tests.testing.fickle import Fate, now_and_then
from ingram_assets_tests.testing.shop import Refusal
from ingram_assets_tests.testing.stockroom import ADA, Stockroom

pytestmark = pytest.mark.xdist_group("medusa")


def fulfilled_before_our_write(room: Stockroom, isbn: str, copies: int) -> None:
    """An order is fulfilled between our next reading and our writing."""
    order = room.bench.shop.order(isbn, copies)
    (held,) = room.bench.shop.get("reservations", line_item_id=order["items"][0]["id"])["reservations"]
    assert held["location_id"] == room.cellar
    first = threading.Event()

    def fate(request: object, number: int) -> Fate:
        if not first.is_set():
            first.set()
            room.bench.shop.fulfil(order, room.cellar)
        return "arrives"

    room.way.fate = fate


LONGER = [(Adjust(-2), 6), (Adjust(5), 13), (SetQuantity(4), 2), (Transfer(3), 5)]


@pytest.mark.parametrize(
    ("operation", "right"),
    [
        (Fulfill(1), 7),
        *(pytest.param(*each, marks=pytest.mark.long) for each in LONGER),
    ],
)
def test_a_fulfillment_that_we_overwrite_is_put_right(
    room: Stockroom, operation: Operation, right: int
) -> None:
    isbn = room.title(10)
    if isinstance(operation, Fulfill):
        room.apply(Reserve(1), isbn)
    fulfilled_before_our_write(room, isbn, 2)
    target = "ATTIC" if isinstance(operation, Transfer) else None
    room.apply(operation, isbn, target=target)
    assert room.level(isbn) == (right, 0)
    (line,) = [line for line in room.lines(isbn) if line.operation == "order_fulfillment"]
    assert line.delta == -2
    room.agrees(isbn)


def test_a_fulfillment_that_shows_late_is_put_right_by_the_second_look(
    room: Stockroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    isbn = room.title(10)
    fulfilled_before_our_write(room, isbn, 2)
    with monkeypatch.context() as hidden:
        hidden.setattr(room.service.shelves, "effects", lambda shelf, since: [])
        room.apply(Adjust(5), isbn)
        assert room.level(isbn) == (15, 0)
    room.look_again()
    assert room.level(isbn) == (13, 0)
    room.agrees(isbn)
    room.look_again()
    assert room.level(isbn) == (13, 0)


def test_a_fulfillment_and_its_cancellation_are_told(room: Stockroom) -> None:
    isbn = room.title(10)
    order = room.bench.shop.order(isbn, 2)
    done = room.bench.shop.fulfil(order, room.cellar)
    fulfillment = room.bench.shop.get(f"orders/{done['id']}", fields="fulfillments.id")["order"][
        "fulfillments"
    ][0]
    room.apply(Adjust(1), isbn)
    room.bench.shop.post(f"orders/{done['id']}/fulfillments/{fulfillment['id']}/cancel", {})
    room.apply(Adjust(1), isbn)
    told = [(line.operation, line.delta) for line in room.lines(isbn)]
    assert told[-4:] == [("order_fulfillment", -2), ("adjust", 1), ("order_cancellation", 2), ("adjust", 1)]
    assert room.level(isbn) == (12, 2)
    room.agrees(isbn)


def test_a_return_is_told_and_what_came_before_the_book_is_not(room: Stockroom) -> None:
    isbn = room.title(None)
    room.bench.shop.set_level(isbn, room.cellar, 10)
    order = room.bench.shop.order(isbn, 3)
    room.bench.shop.fulfil(order, room.cellar)
    room.apply(Adjust(0), isbn)
    (made,) = room.bench.shop.get(f"orders/{order['id']}", fields="fulfillments.created_at")["order"][
        "fulfillments"
    ]
    # As if the order had been fulfilled more than two minutes before the book was opened.
    room.sql(
        "ALTER TABLE inventory_ledger DISABLE TRIGGER USER;"
        f" DELETE FROM inventory_ledger WHERE isbn = '{isbn}' AND operation <> 'opening';"
        f" UPDATE inventory_ledger SET quantity_after = 7, delta = 7 WHERE isbn = '{isbn}';"
        " ALTER TABLE inventory_ledger ENABLE TRIGGER USER;"
        f" UPDATE inventory_entry SET opened_at = '{made['created_at']}'::timestamptz"
        f" + interval '2 minutes 1 millisecond' WHERE isbn = '{isbn}'"
    )
    returned = room.bench.shop.ask_back(order, room.cellar, 3)
    time.sleep(1)  # A return counts as made up to a second before Medusa says so: not before the book.
    room.bench.shop.receive(returned, order, 1)
    room.bench.shop.receive(returned, order, 1, damaged=True)
    room.bench.shop.receive(returned, order, 1)
    assert room.level(isbn) == (9, 0)
    room.apply(Adjust(1), isbn)
    told = [(line.operation, line.delta, str(line.actor)) for line in room.lines(isbn)]
    back = ("order_return", 1, f"order:{order['id']}")
    assert told[1:] == [back, back, ("adjust", 1, str(ADA))]
    room.agrees(isbn)


def drawn(chance: random.Random) -> tuple[Operation, str, str | None]:
    """An operation, where it is, and where it goes."""
    here, there = chance.sample(["CELLAR", "ATTIC"], 2)
    copies = chance.randint(1, 3)
    operation = chance.choice(
        [Adjust(copies), Adjust(-copies), Reserve(copies), Release(1), Fulfill(1), Transfer(1)]
    )
    return operation, here, there if isinstance(operation, Transfer) else None


@dataclass
class Crowd:
    """Callers of operations and a shopper, all at once.

    Attributes:
        calls: of each caller, `orders` of the shopper.
        moved: copies that came or went, by ISBN.
    """

    room: Stockroom
    isbns: list[str]
    seed: int
    callers: int
    calls: int
    orders: int
    moved: Counter[str] = field(default_factory=Counter)
    counting: threading.Lock = field(default_factory=threading.Lock)

    def count(self, isbn: str, copies: int) -> None:
        with self.counting:
            self.moved[isbn] += copies

    def call(self, caller: int) -> None:
        """One caller's operations, each asked for until it has an answer."""
        chance = random.Random(f"{self.seed} {caller}")
        for number in range(self.calls):
            isbn, (operation, place, target) = chance.choice(self.isbns), drawn(chance)
            asked = partial(
                self.room.apply, operation, isbn, place, target=target, key=f"{self.seed} {caller} {number}"
            )
            if self.is_done(asked):
                if chance.random() < 0.3:
                    assert asked().replayed
                match operation:
                    case Adjust(delta=delta):
                        self.count(isbn, delta)
                    case Fulfill():
                        self.count(isbn, -1)

    def run(self) -> None:
        """All of them, to the end."""
        with ThreadPoolExecutor(self.callers + 1) as pool:
            for one in [pool.submit(self.buy), *(pool.submit(self.call, n) for n in range(self.callers))]:
                one.result()

    def is_done(self, asked: Callable[[], OperationDone]) -> bool:
        """Whether it is done in the end, or refused."""
        for _ in range(30):
            try:
                asked()
                return True
            except Transient:
                continue
            except OperationRefused:
                return False
        pytest.fail(f"{asked} had no answer")

    def buy(self) -> None:
        """A shopper orders, and the orders are fulfilled."""
        chance, shop = random.Random(f"{self.seed} shop"), self.room.bench.shop
        for _ in range(self.orders):
            isbn = chance.choice(self.isbns)
            with suppress(Refusal):
                order = shop.order(isbn, 1)
                (held,) = shop.get("reservations", line_item_id=order["items"][0]["id"])["reservations"]
                shop.fulfil(order, held["location_id"])
                if held["location_id"] in (self.room.cellar, self.room.attic):
                    self.count(isbn, -1)


@pytest.mark.parametrize(
    ("seed", "titles", "callers", "calls", "orders"),
    [
        (1, 2, 4, 7, 3),
        pytest.param(2, 2, 4, 40, 12, marks=pytest.mark.long),
        # Ten thousand operations of eight callers: half an hour.
        pytest.param(3, 16, 8, 1_250, 250, marks=[pytest.mark.long, pytest.mark.timeout(7_200)]),
    ],
)
def test_many_at_once_with_answers_lost_count_each_operation_once(
    room: Stockroom, seed: int, titles: int, callers: int, calls: int, orders: int
) -> None:
    isbns = [room.title(30, 20) for _ in range(titles)]
    crowd = Crowd(room, isbns, seed, callers, calls, orders)
    room.way.fate = now_and_then(seed, 0.15)
    crowd.run()
    room.way.fate = lambda request, number: "arrives"
    room.look_again()
    for isbn in crowd.isbns:
        levels = [room.level(isbn, place) or (0, 0) for place in (room.cellar, room.attic)]
        assert sum(stocked for stocked, _ in levels) == 50 + crowd.moved[isbn]
        item_id = room.bench.shop.item(isbn)["id"]
        held = room.bench.shop.get("reservations", inventory_item_id=item_id, limit=500)["reservations"]
        assert sum(each["quantity"] for each in held) == sum(reserved for _, reserved in levels)
        assert not [line for line in room.lines(isbn) if line.operation == "found"], "all is explained"
        room.agrees(isbn)
