"""Operations taken back, on a real Medusa: by one of their own, once, whatever came meanwhile."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ingram_assets.store.inventory.model import (
    Adjust,
    Delete,
    Fulfill,
    Operation,
    OperationDone,
    OperationRefused,
    Release,
    Reserve,
    SetQuantity,
    Transfer,
)
from ingram_assets_tests.testing.fickle import Killed
from ingram_assets_tests.testing.stockroom import ADA, Stockroom

pytestmark = pytest.mark.xdist_group("medusa")

INGRAM = "INGRAM_DROP_SHIP"


def of(room: Stockroom, done: OperationDone) -> UUID:
    found = room.ledger.operation_called(str(done.ledger_ids[0]))
    assert found
    assert room.ledger.operation_called(str(found)) == found
    return found


def undone(room: Stockroom, done: OperationDone) -> OperationDone:
    return room.service.undo(of(room, done), actor=ADA)


@pytest.mark.parametrize(
    ("operation", "target"),
    [(SetQuantity(4), None), (Adjust(-2), None), (Delete(), None), (Transfer(3), "ATTIC")],
)
def test_copies_are_as_they_were(room: Stockroom, operation: Operation, target: str | None) -> None:
    isbn = room.title(10, 5)
    done = room.apply(operation, isbn, target=target)
    undo = undone(room, done)
    assert (room.level(isbn), room.level(isbn, room.attic)) == ((10, 0), (5, 0))
    room.agrees(isbn)
    last = room.lines(isbn)[-1]
    assert (last.undoes, last.reason) == (of(room, done), "correction")
    undone(room, undo)
    again = room.apply(Adjust(0), isbn, target or "CELLAR")
    assert again.after.quantity == (done.target_after or done.after).quantity
    room.agrees(isbn)


def test_what_was_held_is_held_again_and_the_other_way_round(room: Stockroom) -> None:
    isbn = room.title(10)
    until = datetime.now(UTC) + timedelta(hours=1)
    held = room.apply(Reserve(4, "Ada", until), isbn)
    let_go = room.apply(Release(1), isbn)
    (kept, back) = undone(room, let_go).after.reservations
    assert (kept.quantity, back.quantity, back.owner, back.expires_at) == (3, 1, "Ada", until)
    fulfilled = room.apply(Fulfill(3, held.reservation_id), isbn)
    assert room.level(isbn) == (7, 1)
    back_again = undone(room, fulfilled)
    assert room.level(isbn) == (10, 4)
    assert {one.owner for one in back_again.after.reservations} == {"Ada"}
    undone(room, back_again)
    assert room.level(isbn) == (7, 1)
    room.agrees(isbn)
    other = room.apply(Reserve(2), isbn)
    undone(room, other)
    assert room.level(isbn) == (7, 1)


def test_a_later_sale_stays_sold(room: Stockroom) -> None:
    isbn = room.title(10)
    counted = room.apply(SetQuantity(20), isbn)
    room.bench.shop.fulfil(room.bench.shop.order(isbn, 2), room.cellar)
    undone(room, counted)
    assert room.level(isbn) == (8, 0)
    room.agrees(isbn)


def test_it_is_taken_back_once(room: Stockroom) -> None:
    isbn = room.title(10)
    done = room.apply(Adjust(5), isbn)
    undone(room, done)
    assert undone(room, done).replayed, "asked for again by the same person"
    with pytest.raises(OperationRefused, match="undone already"):
        room.service.undo(of(room, done), actor=type(ADA)("person", "bob"))
    assert room.level(isbn) == (10, 0)


def test_what_was_done_again_is_taken_back_by_the_undo_that_did_it(room: Stockroom) -> None:
    isbn = room.title(10)
    done = room.apply(Adjust(5), isbn)
    again = undone(room, undone(room, done))
    assert room.level(isbn) == (15, 0)
    with pytest.raises(OperationRefused, match=f"done again by line {again.ledger_ids[0]}: ingram undo"):
        undone(room, done)
    undone(room, again)
    assert room.level(isbn) == (10, 0)
    assert undone(room, done).replayed
    room.agrees(isbn)


def test_an_undo_that_broke_off_is_finished(room: Stockroom) -> None:
    isbn = room.title(10)
    room.service.sleep = lambda seconds: None
    held = room.apply(Reserve(3), isbn)
    fulfilled = room.apply(Fulfill(reservation_id=held.reservation_id), isbn)
    killed_at = room.way.writes + 1
    room.way.fate = lambda request, number: "killed after" if number == killed_at else "arrives"
    with pytest.raises(Killed):
        undone(room, fulfilled)
    assert room.level(isbn) == (7, 3), "the copies are held before they are for sale again"
    assert room.service.recover().finished == 1
    assert room.level(isbn) == (10, 3)
    assert undone(room, fulfilled).replayed
    room.agrees(isbn)


def test_what_was_no_operation_is_left_alone(room: Stockroom) -> None:
    isbn = room.title(10)
    room.bench.shop.set_level(isbn, room.cellar, 50)
    nothing = room.apply(Adjust(0), isbn)
    found = next(line for line in room.lines(isbn) if line.operation == "found")
    with pytest.raises(OperationRefused, match="unknown hand did it"):
        room.service.undo(found.operation_id, actor=ADA)
    with pytest.raises(OperationRefused, match="changed nothing"):
        room.service.undo(room.lines(isbn)[-1].operation_id, actor=ADA)
    assert nothing.after.quantity == 50
    assert room.ledger.operation_called("0") is None
    assert room.ledger.operation_called("no number") is None


def test_copies_fulfilled_at_ingram_s_and_taken_back_count_again(room: Stockroom) -> None:
    isbn = room.title(None, ingram=10)
    held = room.apply(Reserve(4), isbn, INGRAM)
    fulfilled = room.apply(Fulfill(reservation_id=held.reservation_id), isbn, INGRAM)
    assert room.level(isbn, room.bench.location.id) == (6, 0)
    undone(room, fulfilled)
    assert room.level(isbn, room.bench.location.id) == (10, 4)
