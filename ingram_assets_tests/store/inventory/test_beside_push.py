"""Operations beside a push and its undo: the same locks, and copies fulfilled without an order stay sold."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingram_assets.domain.title import Title
from ingram_assets.store import beside_operations
from ingram_assets.store.inventory.model import Fulfill, Reserve, SetQuantity
from ingram_assets_tests.testing.fickle import Killed
from ingram_assets_tests.testing.shop import make_title
from ingram_assets_tests.testing.stockroom import Stockroom

pytestmark = pytest.mark.xdist_group("medusa")

INGRAM = "INGRAM_DROP_SHIP"


def on_sale(room: Stockroom, copies: int = 10) -> Title:
    """A title that was read a minute ago, with so many copies at Ingram's location."""
    title = make_title(copies, stock_observed_at=datetime.now(UTC) - timedelta(minutes=1))
    room.bench.import_(title)
    room.bench.sync(title)
    return title


def fulfilled(room: Stockroom, title: Title, copies: int) -> None:
    held = room.apply(Reserve(copies), title.isbn, INGRAM)
    room.apply(Fulfill(reservation_id=held.reservation_id), title.isbn, INGRAM)


def here(room: Stockroom, title: Title) -> tuple[int, int] | None:
    return room.level(title.isbn, room.bench.location.id)


def test_copies_fulfilled_without_an_order_are_taken_off_the_count(room: Stockroom) -> None:
    title = on_sale(room)
    fulfilled(room, title, 3)
    assert room.bench.sync(title).titles[title.isbn].outcome == "unchanged"
    assert here(room, title) == (7, 0)
    room.bench.shop.set_level(title.isbn, room.bench.location.id, 12)
    report = room.bench.sync(title)
    assert (here(room, title), report.repaired) == ((7, 0), [title.isbn])
    assert "3 copies were fulfilled since it was read" in " ".join(report.titles[title.isbn].reasons)
    counted = replace(title, stock_observed_at=datetime.now(UTC) + timedelta(minutes=1))
    room.bench.sync(counted)
    assert here(room, title) == (10, 0), "a reading after it has counted without them"


def test_a_level_that_a_fulfillment_lowered_was_not_changed_by_somebody_else(room: Stockroom) -> None:
    title = on_sale(room)
    fulfilled(room, title, 3)
    more = make_title(20, isbn=title.isbn, id=title.id, stock_observed_at=title.stock_observed_at)
    assert room.bench.sync(more).repaired == []
    assert here(room, title) == (17, 0)


def test_the_ledger_has_what_a_push_writes_of_an_entry_that_it_knows(room: Stockroom) -> None:
    title, unknown = on_sale(room), on_sale(room)
    fulfilled(room, title, 1)
    for each in (title, unknown):
        room.bench.sync(make_title(4, isbn=each.isbn, id=each.id))
    line = room.lines(title.isbn)[-1]
    assert (line.operation, str(line.actor)) == ("sync", "sync:ingram")
    assert (line.quantity_before, line.delta) == (9, -6)
    assert room.book(title.isbn, room.bench.location.id) == 3
    assert room.lines(unknown.isbn) == []
    assert (here(room, title), here(room, unknown)) == ((3, 0), (4, 0))


@contextmanager
def between_look_and_write(room: Stockroom, act: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Does something once, after a push has looked at the store and before it asks for its locks."""
    asked = room.ledger.locks
    done: list[None] = []

    def locks() -> Any:
        if not done:
            done.append(None)
            act()
        return asked()

    with monkeypatch.context() as patch:
        patch.setattr(room.ledger, "locks", locks)
        yield
    assert done


def test_an_operation_between_a_push_s_look_and_its_write_is_seen(
    room: Stockroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = on_sale(room)
    more = make_title(20, isbn=title.isbn, id=title.id, stock_observed_at=title.stock_observed_at)
    with between_look_and_write(room, lambda: fulfilled(room, title, 3), monkeypatch):
        report = room.bench.sync(more)
    assert report.titles[title.isbn].outcome == "written"
    assert here(room, title) == (17, 0)
    assert room.book(title.isbn, room.bench.location.id) == 17


def test_a_push_leaves_an_entry_that_is_not_let_go_and_writes_the_others(
    room: Stockroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside_operations, "PATIENCE", 0.2)
    busy, free = on_sale(room), on_sale(room)
    service = room.service
    name = f"entry {room.bench.shop.item(busy.isbn)['id']} {room.bench.location.id}"
    pushed = [make_title(4, isbn=each.isbn, id=each.id) for each in (busy, free)]
    with room.ledger.locks() as locks, locks.hold([name]):
        report = room.bench.sync(*pushed)
    assert "operations were at work" in report.failed[busy.isbn]
    assert (here(room, busy), here(room, free)) == ((10, 0), (4, 0))
    assert service.recover().finished == 0
    assert room.bench.sync(*pushed).failed == {}
    assert here(room, busy) == (4, 0)


def test_a_push_ends_what_broke_off_before_it_writes(room: Stockroom) -> None:
    title = on_sale(room)
    held = room.apply(Reserve(3), title.isbn, INGRAM)
    killed_at = room.way.writes + 1
    room.way.fate = lambda request, number: "killed after" if number == killed_at else "arrives"
    with pytest.raises(Killed):
        room.apply(Fulfill(reservation_id=held.reservation_id), title.isbn, INGRAM)
    assert here(room, title) == (7, 3)
    more = make_title(20, isbn=title.isbn, id=title.id, stock_observed_at=title.stock_observed_at)
    assert room.bench.sync(more).failed == {}
    assert here(room, title) == (17, 0)


def test_an_undo_leaves_a_level_that_an_operation_changed(
    room: Stockroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = on_sale(room)
    room.apply(SetQuantity(1), title.isbn)
    run = room.bench.run_id()
    room.bench.sync(make_title(4, isbn=title.isbn, id=title.id), run_id=run)
    with between_look_and_write(room, lambda: fulfilled(room, title, 1), monkeypatch):
        report = room.bench.undo(run)
    assert "operations were at work" in report.failed[title.isbn]
    assert here(room, title) == (3, 0)
