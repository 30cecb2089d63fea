"""What comes back from orders, on the real store: told as what it was, and kept where the shop has it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.overview.title_story import line_of_time
from ingram_assets.store.explain import explain
from ingram_assets.store.inventory.ledger import LedgerLine, StockLedger
from ingram_assets.store.inventory.model import Actor
from ingram_assets.store.inventory.service import InventoryService
from ingram_assets.store.levels import PushStopped, SyncReport, look_at
from ingram_assets.store.location import Location, ensure_location, find_location
from ingram_assets.store.moved_returns import RETURNS
from ingram_assets_tests.testing.bench import Bench
from ingram_assets_tests.testing.interrupted import Killed, Network, client_on
from ingram_assets_tests.testing.shop import TODAY, make_title

pytestmark = pytest.mark.xdist_group("medusa")


def counted(title: Title, on_hand: int) -> Title:
    """The title with its page read now."""
    return replace(title, stock={"TN": DcStock(on_hand, 0, "primary")}, stock_observed_at=datetime.now(UTC))


def on_sale(bench: Bench, copies: int = 10) -> Title:
    title = counted(make_title(), copies)
    bench.import_(title)
    bench.sync(title)
    return title


def sold(bench: Bench, title: Title, copies: int) -> dict[str, Any]:
    order = bench.shop.order(title.isbn, copies)
    bench.shop.fulfil(order, bench.location.id)
    return order


def comes_back(bench: Bench, order: dict[str, Any], copies: int, location_id: str | None = None) -> None:
    returned = bench.shop.ask_back(order, location_id or bench.location.id, copies)
    bench.shop.receive(returned, order, copies)


def test_a_return_is_no_other_hand_s_change(bench: Bench) -> None:
    title = on_sale(bench)
    order = sold(bench, title, 3)
    assert bench.sync(title).of("unchanged") == [title.isbn]
    comes_back(bench, order, 1)
    assert bench.level(title.isbn) == (8, 0, 0), "Medusa puts it on sale by itself"
    words = f"return of 1 copy, order #{order['display_id']}"
    assert f"A {words}, had raised the level." in explained(bench, title).differences
    report = bench.sync(title)
    assert bench.level(title.isbn) == (7, 0, 0)
    assert report.repaired == []
    assert f"A {words}, had raised the level." in report.titles[title.isbn].reasons
    entry = [one for one in bench.journal.history(title.isbn) if one.kind == "level"][-1]
    assert words in entry.reason
    assert "Somebody else" not in entry.reason
    assert (
        explained(bench, title).level
        == f"7 (10 on hand, less 3 that orders took since, without a {words}; incoming 0)"
    )


def explained(bench: Bench, title: Title) -> Any:
    seen = look_at(bench.session(), [title])
    return explain(title, seen.plan.titles[0], seen.orders, rules=bench.rules, today=TODAY)


def test_a_return_and_a_hand_edit_are_told_apart(bench: Bench) -> None:
    title = on_sale(bench)
    order = sold(bench, title, 3)
    comes_back(bench, order, 2)
    bench.shop.set_level(title.isbn, bench.location.id, 30)
    report = bench.sync(title)
    assert report.repaired == [title.isbn]
    reasons = report.titles[title.isbn].reasons
    assert f"A return of 2 copies, order #{order['display_id']}, had raised the level." in reasons
    assert "Somebody else changed it since we wrote 10 (on order 0)." in reasons


@dataclass
class ReturnShelf:
    """A store whose returns go to a location of the shop's own."""

    bench: Bench
    location: Location
    ledger: StockLedger
    journal_url: str

    def push(self, *titles: Title, **options: Any) -> SyncReport:
        return self.bench.sync(*titles, **{"location": self.location, **options})

    def pushed(self, copies: int = 3) -> tuple[Title, dict[str, Any]]:
        """A title in step of which so many copies were sold, and the order."""
        title = on_sale(self.bench)
        self.push(title)
        return title, sold(self.bench, title, copies)

    def levels(self, title: Title) -> tuple[float, float]:
        """At Ingram's location, and at the shop's own."""
        assert self.location.returns_to
        ours, own = (
            self.bench.shop.level(title.isbn, place)
            for place in (self.bench.location.id, self.location.returns_to.id)
        )
        return ours["stocked_quantity"] if ours else 0, own["stocked_quantity"] if own else 0

    def moved(self, title: Title) -> list[LedgerLine]:
        return [
            line for line in self.ledger.lines(title.isbn) if line.actor == RETURNS and line.state == "done"
        ]

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.journal_url, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="module")
def cellar(bench: Bench) -> str:
    body = {"name": "Cellar", "address": {"address_1": "1 Main St", "country_code": "us"}}
    made: str = bench.shop.post("stock-locations", body)["stock_location"]["id"]
    bench.shop.post(f"stock-locations/{made}/sales-channels", {"add": [bench.location.channel_id]})
    return made


@pytest.fixture
def shelf(bench: Bench, cellar: str, ledger: StockLedger, journal_url: str) -> Iterator[ReturnShelf]:
    location = find_location(bench.client, journal=bench.journal, returns_to="CELLAR")
    assert location.returns_to
    assert location.returns_to.id == cellar
    yield ReturnShelf(bench, location, ledger, journal_url)
    ledger.leave_returns()


def test_what_comes_back_is_moved_to_the_shop_s_own_shelf_once(shelf: ReturnShelf) -> None:
    title, order = shelf.pushed()
    comes_back(shelf.bench, order, 2)
    assert shelf.levels(title) == (9, 0)
    run = shelf.bench.run_id()
    report = shelf.push(title, run_id=run)
    assert shelf.levels(title) == (7, 2)
    words = f"return of 2 copies, order #{order['display_id']}"
    assert [one.sentence for one in report.returned] == [f"A {words}, of {title.isbn} went to Cellar."]
    (line,) = shelf.moved(title)
    assert (line.operation, line.reason, line.note) == ("adjust", "returned", f"A {words}.")
    assert (line.quantity_before, line.quantity_after, line.reference) == (0, 2, order["id"])
    told = [one.words for one in line_of_time((), (), [line], {line.location_id: "CELLAR"})]
    assert told == [
        f"adjust at CELLAR: 0 → 2 (returned; A {words}.; {order['id']}). By system returns (line {line.id})"
    ]
    for titles in ([title], [counted(title, 7)], [counted(title, 9)]):
        assert shelf.push(*titles).returned == []
    assert shelf.levels(title) == (9, 2), "Ingram has counted them again, and the shop has its own"


def test_neither_an_undo_nor_a_forgotten_key_moves_it_again(shelf: ReturnShelf) -> None:
    title, order = shelf.pushed()
    comes_back(shelf.bench, order, 1)
    run = shelf.bench.run_id()
    shelf.push(title, run_id=run)
    shelf.bench.undo(run)
    assert shelf.levels(title) == (8, 1)
    shelf.sql("DELETE FROM inventory_key")
    shelf.sql("UPDATE store_returns_followed SET seen_until = since")
    report = shelf.push(title)
    assert (shelf.levels(title), report.returned, report.repaired) == ((7, 1), [], [])
    (line,) = shelf.moved(title)
    service = InventoryService(shelf.bench.client, shelf.bench.journal, shelf.ledger)
    service.undo(line.operation_id, actor=Actor("person", "ada"))
    shelf.push(title)
    assert shelf.levels(title) == (7, 0), "a person took it from there"


def test_each_part_of_a_return_is_moved_and_nothing_damaged(shelf: ReturnShelf) -> None:
    title, order = shelf.pushed()
    place = shelf.bench.location.id
    returned = shelf.bench.shop.ask_back(order, place, 3)
    shelf.bench.shop.receive(returned, order, 1)
    shelf.push(title)
    assert shelf.levels(title) == (7, 1)
    shelf.bench.shop.receive(returned, order, 1, damaged=True)
    shelf.push(title)
    assert shelf.levels(title) == (7, 1)
    shelf.bench.shop.receive(returned, order, 1)
    shelf.push(title)
    assert (shelf.levels(title), len(shelf.moved(title))) == ((7, 2), 2)


def killed_at(which: int, *, after: bool) -> Network:
    """A network on which the run dies just before or after it writes a level. Ingram's is the first."""
    levels: list[int] = []

    def die(number: int, request: httpx.Request) -> None:
        levels.extend([number] if request.url.path.endswith("/location-levels/batch") else [])
        if len(levels) == which and levels[-1] == number:
            raise Killed

    return Network(after=die) if after else Network(before=die)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("which", "left"), [(1, (8, 7)), (2, (7, 8))], ids=["the level", "the shelf"])
def test_a_push_that_is_killed_loses_no_copy_and_makes_none(
    shelf: ReturnShelf, which: int, left: tuple[int, int], after: bool
) -> None:
    title, order = shelf.pushed()
    comes_back(shelf.bench, order, 1)
    with client_on(shelf.bench.shop.medusa, killed_at(which, after=after)) as client, pytest.raises(Killed):
        shelf.push(title, client=client)
    assert sum(shelf.levels(title)) == left[after]
    # Its page was read again meanwhile: what orders did before is in the count, and asked about no more.
    again = counted(title, 7)
    shelf.push(again)
    assert shelf.levels(title) == (7, 1)
    shelf.push(again)
    assert (shelf.levels(title), len(shelf.moved(title))) == ((7, 1), 1)


def test_a_title_that_a_guardrail_holds_back_is_moved_all_the_same(shelf: ReturnShelf) -> None:
    title, order = shelf.pushed()
    comes_back(shelf.bench, order, 1)
    with pytest.raises(PushStopped) as stopped:
        shelf.push(counted(title, 900), halted="Too many pages could not be read.")
    assert shelf.levels(title) == (7, 1)
    assert [one.problem for one in stopped.value.report.returned] == [None]


def test_what_came_back_before_is_not_moved(shelf: ReturnShelf) -> None:
    shelf.ledger.leave_returns()
    title = on_sale(shelf.bench)
    order = sold(shelf.bench, title, 3)
    comes_back(shelf.bench, order, 1)
    shelf.push(title)
    assert shelf.levels(title) == (7, 0), "since RETURNS_TO is set nothing came back"
    comes_back(shelf.bench, order, 1)
    shelf.bench.sync(title)  # without the setting
    shelf.push(title)
    assert shelf.levels(title) == (7, 0)
    comes_back(shelf.bench, order, 1)
    shelf.push(title)
    assert shelf.levels(title) == (7, 1)


def test_what_is_received_at_the_shop_s_own_location_is_left_there(shelf: ReturnShelf, cellar: str) -> None:
    title, order = shelf.pushed()
    shelf.bench.shop.set_level(title.isbn, cellar, 5)
    comes_back(shelf.bench, order, 2, cellar)
    report = shelf.push(title)
    assert (shelf.levels(title), report.returned) == ((7, 7), [])
    assert not [one for one in report.titles[title.isbn].reasons if "return" in one]


def test_what_can_t_be_put_there_waits_and_is_named(shelf: ReturnShelf) -> None:
    title, order = shelf.pushed()
    comes_back(shelf.bench, order, 1)
    (refused,) = shelf.push(replace(title, binding="eBook")).returned
    words = f"A return of 1 copy, order #{order['display_id']}, of {title.isbn}"
    assert refused.sentence.startswith(f"{words} is not at Cellar yet: The title is digital")
    (waiting,) = shelf.ledger.waiting_returns()
    assert (waiting.isbn, waiting.received.quantity) == (title.isbn, 1)
    shelf.push(title)
    assert (shelf.levels(title)[1], shelf.ledger.waiting_returns()) == (1, [])


def test_what_came_back_of_a_title_that_is_not_in_step_waits_and_is_named(shelf: ReturnShelf) -> None:
    title, order = shelf.pushed()
    comes_back(shelf.bench, order, 1)
    unread = replace(title, stock=None, stock_observed_at=None)
    (waits,) = shelf.push(unread).returned
    assert waits.problem == "Its level at Ingram's location is not in step."
    shelf.push(title)
    assert shelf.levels(title) == (7, 1)


@pytest.mark.parametrize("called", ["Celar", "INGRAM_DROP_SHIP", "sloc_none"])
def test_a_location_that_can_t_be_meant_is_refused(bench: Bench, cellar: str, called: str) -> None:
    with pytest.raises(NeedsPerson, match="RETURNS_TO") as refused:
        find_location(bench.client, journal=bench.journal, returns_to=called)
    if called == "Celar":
        assert "The nearest: CELLAR." in str(refused.value)


def test_a_location_that_was_renamed_is_followed(bench: Bench, cellar: str) -> None:
    def look() -> Location:
        return ensure_location(bench.client, journal=bench.journal, run_id="setup", returns_to="cellar")

    assert look().notes == ()
    bench.shop.post(f"stock-locations/{cellar}", {"name": "Basement"})
    try:
        found = look()
        assert found.returns_to
        assert (found.returns_to.id, found.returns_to.name) == (cellar, "Basement")
        (note,) = found.notes
        assert "'Cellar' is called 'Basement' now" in note
        assert look().notes == (), "said once"
    finally:
        bench.shop.post(f"stock-locations/{cellar}", {"name": "Cellar"})
