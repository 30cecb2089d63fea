"""Inventory operations on a real Medusa: done once, told in the ledger, and whole after every break."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

import psycopg
import pytest

from ingram_assets.domain.failures import Transient
from ingram_assets.store.inventory.ledger import EntryBusy, StockLedger
from ingram_assets.store.inventory.model import (
    Actor,
    Adjust,
    Delete,
    Fulfill,
    Operation,
    OperationRefused,
    Reason,
    Release,
    Reserve,
    SetQuantity,
    Transfer,
    Unfulfill,
)
from ingram_assets.store.inventory.service import OperationNote
from ingram_assets_tests.testing.fickle import Fate, Killed
from ingram_assets_tests.testing.shop import make_isbn, make_title
from ingram_assets_tests.testing.stockroom import ADA, Stockroom

pytestmark = pytest.mark.xdist_group("medusa")

World = tuple[tuple[int, int] | None, tuple[int, int] | None, list[int]]
"""Stocked and reserved in the cellar and in the attic, and the quantities of all reservations."""

NOW = datetime(2027, 2, 1, 12, tzinfo=UTC)


def refused(
    room: Stockroom, operation: Operation, isbn: str, location: str = "CELLAR", **more: object
) -> str:
    writes = room.way.writes
    with pytest.raises(OperationRefused) as error:
        room.apply(operation, isbn, location, **more)
    assert room.way.writes == writes, "nothing was sent"
    return error.value.refusal.kind.value


def test_each_operation_is_in_medusa_and_in_the_ledger(room: Stockroom) -> None:
    isbn = room.title(10)
    done = room.apply(
        Adjust(5, Reason.RECEIVED), isbn, about=OperationNote(note="a box", reference="https://po.example/7")
    )
    assert (done.before.quantity, done.after.quantity, room.level(isbn)) == (10, 15, (15, 0))
    held = room.apply(Reserve(4, "ada"), isbn)
    assert (held.after.available, room.level(isbn)) == (11, (15, 4))
    room.apply(Release(1), isbn)
    assert room.level(isbn) == (15, 3)
    room.apply(Fulfill(2, held.reservation_id), isbn)
    assert room.level(isbn) == (13, 1)
    moved = room.apply(Transfer(12), isbn, target="attic")
    assert (room.level(isbn), room.level(isbn, room.attic)) == ((1, 1), (12, 0))
    assert moved.target_before
    assert moved.target_after
    assert (moved.target_before.level_id, moved.target_after.quantity) == (None, 12)
    room.apply(Fulfill(reservation_id=held.reservation_id), isbn)
    assert room.level(isbn) == (0, 0)
    room.apply(SetQuantity(3, Reason.CYCLE_COUNT), isbn)
    room.apply(Delete(), isbn)
    assert room.level(isbn) is None
    lines = [line for line in room.lines(isbn) if line.operation != "opening"]
    told = [(line.operation, line.delta, line.reason) for line in lines]
    assert told == [
        ("set", 10, "correction"),
        ("adjust", 5, "received"),
        ("reserve", 0, None),
        ("release", 0, None),
        ("fulfill", -2, None),
        ("transfer", -12, None),
        ("transfer", 12, None),
        ("fulfill", -1, None),
        ("set", 3, "cycle_count"),
        ("delete", -3, None),
    ]
    adjusted = lines[1]
    assert (adjusted.note, adjusted.reference) == ("a box", "https://po.example/7")
    assert (adjusted.actor, adjusted.quantity_before, adjusted.quantity_after) == (ADA, 10, 15)
    room.agrees(isbn)


def test_a_title_and_a_location_go_by_any_of_their_names(room: Stockroom) -> None:
    isbn = room.title(10)
    product = room.bench.shop.product(isbn)["id"]
    hyphens = f"{isbn[:3]}-{isbn[3:4]}-{isbn[4:12]}-{isbn[12]}"
    room.apply(Adjust(1), hyphens, "cellar")
    room.apply(Adjust(1), product, room.cellar)
    assert room.level(isbn) == (12, 0)
    assert refused(room, Adjust(1), make_isbn(99_999_999)) == "unknown_title"
    assert refused(room, Adjust(1), "prod_none") == "unknown_title"
    assert refused(room, Adjust(1), "no book") == "unknown_title"
    assert refused(room, Adjust(1), isbn, "CELAR") == "unknown_location"


def test_the_same_key_gives_the_first_answer_again(room: Stockroom) -> None:
    isbn = room.title(10)
    first = room.apply(Adjust(-3), isbn, key="sale 7")
    writes = room.way.writes
    again = room.apply(Adjust(-3), isbn, key="sale 7")
    assert (again.replayed, first.replayed, room.way.writes) == (True, False, writes)
    assert (again.before, again.after, again.ledger_ids) == (first.before, first.after, first.ledger_ids)
    assert refused(room, Adjust(-4), isbn, key="sale 7") == "key_reused"
    assert refused(room, Adjust(-3), isbn, key="sale 7", expected_quantity=7) == "key_reused"
    assert not room.apply(Adjust(-3), isbn, key="sale 7", actor=Actor("token", "till")).replayed
    assert room.level(isbn) == (4, 0)


def test_a_refusal_is_judged_anew(room: Stockroom) -> None:
    isbn = room.title(2)
    assert refused(room, Reserve(3), isbn, key="hold 1") == "not_enough"
    room.apply(Adjust(1), isbn)
    assert room.apply(Reserve(3), isbn, key="hold 1").after.available == 0


def test_who_saw_another_quantity_is_told(room: Stockroom) -> None:
    isbn = room.title(10)
    assert refused(room, SetQuantity(5), isbn, expected_quantity=9) == "stale"
    assert room.apply(SetQuantity(5), isbn, expected_quantity=10).after.quantity == 5


def test_ingram_s_quantity_is_the_sync_s_and_its_copies_can_be_held(room: Stockroom) -> None:
    isbn = room.title(None, ingram=10)
    for change in (SetQuantity(1), Adjust(1), Delete()):
        assert refused(room, change, isbn, "INGRAM_DROP_SHIP") == "owned_by_sync"
    assert refused(room, Transfer(1), isbn, "INGRAM_DROP_SHIP", target="CELLAR") == "owned_by_sync"
    held = room.apply(Reserve(4), isbn, "ingram_drop_ship")
    room.apply(Fulfill(3, held.reservation_id), isbn, "Ingram (Drop-Ship)")
    assert room.level(isbn, room.bench.location.id) == (7, 1)


def test_a_digital_title_needs_no_entry_and_has_no_end(room: Stockroom) -> None:
    title = make_title(binding="eBook")
    room.bench.import_(title)
    room.bench.sync(title)
    held = room.apply(Reserve(5_000), title.isbn)
    assert held.after.available == 999_999
    room.apply(Fulfill(5_000), title.isbn)
    assert refused(room, SetQuantity(5), title.isbn) == "unlimited"
    assert [line.operation for line in room.lines(title.isbn)] == ["reserve", "fulfill"]


def test_a_title_on_back_order_is_held_and_fulfilled_below_nothing(room: Stockroom) -> None:
    isbn = room.title(2)
    room.bench.shop.edit_variant(isbn, allow_backorder=True)
    held = room.apply(Reserve(5), isbn)
    assert (held.after.available, room.level(isbn)) == (-3, (2, 5))
    room.apply(Release(1), isbn)
    room.apply(Fulfill(3), isbn)
    assert room.level(isbn) == (-1, 1)
    room.agrees(isbn)


def test_reservations_are_objects_with_an_owner_and_an_end(room: Stockroom) -> None:
    isbn = room.title(10)
    first = room.apply(Reserve(2, "ada", NOW), isbn, about=OperationNote(reference="cart 1"))
    room.apply(Reserve(3, "bob", NOW + timedelta(hours=1)), isbn)
    (one, other) = first.after.reservations[0], room.apply(Adjust(1), isbn).after.reservations[1]
    assert (one.id, one.owner, one.reference, one.expires_at) == (first.reservation_id, "ada", "cart 1", NOW)
    assert room.service.expire_reservations(NOW - timedelta(seconds=1)) == []
    (freed,) = room.service.expire_reservations(NOW + timedelta(seconds=1))
    assert (freed.reservation_id, freed.owner) == (first.reservation_id, "ada")
    assert room.level(isbn) == (11, 3)
    room.bench.shop.delete(f"reservations/{other.id}")
    assert room.service.expire_reservations(NOW + timedelta(days=1)) == [], "it was ended by hand"
    assert room.service.expire_reservations(NOW + timedelta(days=1)) == []


def test_what_was_held_at_a_location_that_was_deleted_is_freed(room: Stockroom) -> None:
    shop, isbn = room.bench.shop, room.title(5)
    body = {"name": "Doomed", "address": {"address_1": "1 Main St", "country_code": "us"}}
    place = shop.post("stock-locations", body)["stock_location"]["id"]
    room.apply(SetQuantity(3), isbn, place)
    held = room.apply(Reserve(2, expires_at=NOW), isbn, place)
    shop.delete(f"stock-locations/{place}")
    room.service.expire_reservations(NOW + timedelta(seconds=1))
    left = shop.get("reservations", location_id=place)["reservations"]
    assert held.reservation_id not in {each["id"] for each in left}


def test_what_an_order_holds_and_fulfills_is_the_order_s(room: Stockroom) -> None:
    isbn = room.title(None, ingram=5)
    place = room.bench.location.id
    room.apply(Reserve(1), isbn, "INGRAM_DROP_SHIP")
    order = room.bench.shop.order(isbn, 2)
    assert refused(room, Release(2), isbn, "INGRAM_DROP_SHIP") == "not_enough"
    room.bench.shop.fulfil(order, place)
    room.apply(Reserve(1), isbn, "INGRAM_DROP_SHIP")
    (line,) = [line for line in room.lines(isbn) if line.operation == "order_fulfillment"]
    assert (line.delta, line.actor_kind, line.reference) == (-2, "order", order["id"])
    assert line.why == "", "the order is who, and not the reason as well"
    assert room.book(isbn, place) == 3


def test_a_hand_edit_in_medusa_stands_and_is_told(room: Stockroom) -> None:
    isbn = room.title(10)
    room.bench.shop.set_level(isbn, room.cellar, 50)
    room.apply(Adjust(1), isbn)
    assert room.level(isbn) == (51, 0)
    (line,) = [line for line in room.lines(isbn) if line.operation == "found"]
    assert (line.delta, line.actor_kind) == (40, "unknown")
    room.agrees(isbn)


def test_a_closed_line_can_t_be_changed(room: Stockroom) -> None:
    room.title(10)
    for statement in ("UPDATE inventory_ledger SET delta = 0", "DELETE FROM inventory_ledger"):
        with pytest.raises(psycopg.errors.RaiseException):
            room.sql(statement)


def test_who_waits_too_long_is_told(room: Stockroom) -> None:
    isbn = room.title(10)
    name = f"entry {room.bench.shop.item(isbn)['id']} {room.cellar}"
    with (
        room.ledger.locks() as locks,
        locks.hold([name]),
        StockLedger(room.journal_url, wait_seconds=0.2) as hasty,
        hasty.locks() as others,
        pytest.raises(EntryBusy),
        others.hold([name]),
    ):
        pass
    with room.ledger.locks() as locks, locks.hold([name]):
        pass


@dataclass(frozen=True)
class Breakable:
    """An operation on 10 copies in the cellar beside 5 in the attic, and the worlds before and after it."""

    operation: Operation
    writes: int
    before: World = ((10, 0), (5, 0), [])
    after: World = ((10, 0), (5, 0), [])
    target: str | None = None


HELD: World = ((10, 6), (5, 0), [3, 3])
OPERATIONS = {
    "set": Breakable(SetQuantity(4), 1, after=((4, 0), (5, 0), [])),
    "adjust": Breakable(Adjust(-2), 1, after=((8, 0), (5, 0), [])),
    "reserve": Breakable(Reserve(2), 1, after=((10, 2), (5, 0), [2])),
    "release": Breakable(Release(4), 2, HELD, ((10, 2), (5, 0), [2])),
    "fulfill": Breakable(Fulfill(4), 3, HELD, ((6, 2), (5, 0), [2])),
    "unfulfill": Breakable(Unfulfill(4), 2, HELD, ((14, 10), (5, 0), [3, 3, 4])),
    "transfer": Breakable(Transfer(3), 2, after=((7, 0), (8, 0), []), target="ATTIC"),
    "transfer to nothing": Breakable(
        Transfer(3), 2, ((10, 0), None, []), ((7, 0), (3, 0), []), target="ATTIC"
    ),
    "delete": Breakable(Delete(), 1, after=(None, (5, 0), [])),
}


def world(room: Stockroom, isbn: str) -> World:
    """All that a shopper or a shopkeeper could see of it."""
    holds = room.bench.shop.get("reservations", inventory_item_id=room.bench.shop.item(isbn)["id"])
    quantities = sorted(each["quantity"] for each in holds["reservations"])
    return room.level(isbn), room.level(isbn, room.attic), quantities


def prepared(room: Stockroom, case: Breakable) -> str:
    isbn = room.title(10, 5 if case.before[1] else None)
    for quantity in case.before[2]:
        room.apply(Reserve(quantity), isbn)
    return isbn


FATES: tuple[Fate, ...] = ("killed before", "killed after")
NEXT = ("the same key", "the sweep", "another operation")
ALWAYS = {
    ("fulfill", "killed after", "the same key"),
    ("transfer to nothing", "killed after", "the sweep"),
    ("reserve", "killed before", "another operation"),
}
KILLS = [
    pytest.param(*kill, marks=[] if kill in ALWAYS else pytest.mark.long)
    for kill in product(OPERATIONS, FATES, NEXT)
]


@pytest.mark.parametrize(("name", "fate", "then"), KILLS)
def test_a_kill_at_any_write_is_finished_or_taken_back(
    room: Stockroom, name: str, fate: Fate, then: str
) -> None:
    case = OPERATIONS[name]
    room.service.sleep = lambda seconds: None
    for number in range(1, case.writes + 1):
        isbn = prepared(room, case)
        killed_at = room.way.writes + number
        room.way.fate = partial(only_at, killed_at, fate)
        with pytest.raises(Killed):
            room.apply(case.operation, isbn, target=case.target, key=f"killed {isbn}")
        assert room.way.writes == killed_at
        nothing_came = fate == "killed before" and number == 1
        if then == "the sweep":
            ended = room.service.recover()
            assert (ended.finished, ended.taken_back) == ((0, 1) if nothing_came else (1, 0))
        elif then == "another operation":
            room.apply(Adjust(0), isbn, case.target or "CELLAR")
        if then != "the same key":
            assert world(room, isbn) == (case.before if nothing_came else case.after)
            room.agrees(isbn)
        answer = room.apply(case.operation, isbn, target=case.target, key=f"killed {isbn}")
        assert answer.replayed is not nothing_came
        assert world(room, isbn) == case.after
        room.look_again()
        assert world(room, isbn) == case.after, "the second look finds nothing amiss"
        room.agrees(isbn)


def only_at(which: int, fate: Fate, request: object, number: int) -> Fate:
    return fate if number == which else "arrives"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("reserve", "fulfill", "transfer") else pytest.mark.long)
        for name in OPERATIONS
    ],
)
def test_an_answer_that_is_lost_changes_nothing(room: Stockroom, name: str) -> None:
    case = OPERATIONS[name]
    isbn = prepared(room, case)
    lost: list[int] = []

    def each_answer_once(request: object, number: int) -> Fate:
        lost.append(number)
        return "answer lost" if len(lost) % 2 else "arrives"

    room.way.fate = each_answer_once
    room.apply(case.operation, isbn, target=case.target)
    assert len(lost) >= 2 * case.writes
    assert world(room, isbn) == case.after
    room.agrees(isbn)


def test_a_medusa_that_is_away_leaves_it_to_the_next_call(room: Stockroom) -> None:
    isbn = room.title(10)
    room.service.sleep = lambda seconds: None
    room.way.fate = lambda request, number: "never sent"
    with pytest.raises(Transient):
        room.apply(Adjust(-2), isbn, key="away")
    room.way.fate = lambda request, number: "arrives"
    assert room.apply(Adjust(-2), isbn, key="away").after.quantity == 8
    assert [line.state for line in room.lines(isbn) if line.operation == "adjust"] == ["taken_back", "done"]
    room.agrees(isbn)
