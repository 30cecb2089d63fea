"""The storefront's guardrails on a real store: what stops a push, what costs one price, what is honest."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dagster import DagsterEventType

from ingram_assets.defs.keys import HELD_BY, INVENTORY_LEVELS, ISBNS_NAME, PRODUCTS, RETIRED_NAME
from ingram_assets.defs.storefront.definitions import defs
from ingram_assets.domain.stock import DcStock
from ingram_assets.overview.run_results import RunResult
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.shop import make_isbn
from ingram_assets_tests.testing.storefront import NAME, Storefront, count

pytestmark = pytest.mark.xdist_group("medusa")

USUAL = {"title": "A Book", "srp_price": "18.99", "binding": "Paperback"}


@pytest.fixture
def front(storefront: Storefront) -> Iterator[Storefront]:
    """The store with an empty queue before it: of what other tests left there no title is tracked."""
    storefront.queue.sql("TRUNCATE ingram_queue, ingram_stock_history, ingram_unread RESTART IDENTITY")
    yield storefront
    for name in (ISBNS_NAME, RETIRED_NAME):
        for isbn in storefront.instance.get_dynamic_partitions(name):
            storefront.instance.delete_dynamic_partition(name, isbn)


def describe(front: Storefront, isbns: list[str], **details: Any) -> None:
    """What iPage says of these titles from now on."""
    with QueueWriter(front.queue.writer) as writer:
        writer.add_titles([{"isbn": isbn, **USUAL, **details} for isbn in isbns])


def unread(front: Storefront, isbns: list[str], outcome: str, ago: timedelta = timedelta()) -> None:
    at, why = datetime.now(UTC) - ago, "As the test has it."
    with QueueWriter(front.queue.writer) as writer:
        writer.record_unread(
            [{"isbn": isbn, "observed_at": at, "outcome": outcome, "reason": why} for isbn in isbns]
        )


def price(front: Storefront, isbn: str) -> float:
    variant = front.shop.variant(isbn)
    assert variant
    (one,) = variant["prices"]
    return one["amount"]


def shown(front: Storefront, isbn: str) -> tuple[Any, ...]:
    """What a shopper is told of a title, as far as a guardrail looks at it."""
    variant = front.shop.variant(isbn)
    assert variant
    copies = front.level(isbn) if variant["inventory_items"] else None
    managed, backorder = variant["manage_inventory"], variant["allow_backorder"]
    return managed, backorder, variant["metadata"].get("availability"), copies, price(front, isbn)


def notes(result: RunResult) -> str:
    return " ".join(result.reports[0]["notes"])


CHANGES: dict[str, tuple[dict[str, Any], int | None, str]] = {
    "cheap": ({"srp_price": "0.01"}, None, "10 of 10 titles in the store are not believed: 10 are below"),
    "dear": (
        {"srp_price": "1899.00"},
        None,
        "10 of 10 titles in the store are not believed: 10 are above",
    ),
    "a tenth": ({"srp_price": "1.90"}, None, "not believed: 10 fall by more than 50% (100%"),
    "tenfold": ({"srp_price": "189.90"}, None, "not believed: 10 rise by more than 100% (100%"),
    "files": ({"binding": "E-Book"}, None, "10 of 10 titles in the store would turn into files"),
    "unmanaged": (
        {"binding": "E-Book"},
        None,
        "10 of 10 titles in the store would turn to selling",
    ),
    "preorders": (
        {"publication_date": "2099-01-01"},
        None,
        "10 of 10 titles in the store would turn to preorder",
    ),
    "tens": ({}, 100, "10 of 10 titles in the store would rise to 10 times their copies or more at once"),
    "thousands": ({}, 10_000, "10 of 10 titles in the store would rise to 10 times their copies or more"),
}


def test_false_zeros_that_come_in_slices_are_seen_as_one_change(front: Storefront) -> None:
    isbns = front.titles(20)
    assert front.push().succeeded
    slices = isbns[:4], isbns[4:7], isbns[7:11], isbns[11:15]
    front.read(slices[0], 0)
    assert front.push(*slices[0]).succeeded
    front.read(slices[1], 0)
    for some in (slices[1], ()):
        done = front.push(*some)
        assert done.stopped is not None
        assert "7 of 20 tracked titles would turn to zero at once (35%" in str(done.error)
    # A person who lets another title through has not seen these.
    front.read(isbns[15:16], 5)
    assert front.push(isbns[15], let_through=True).succeeded
    assert "7 of 20 tracked titles" in str(front.push(*slices[1]).error)
    # The first ones were false, and are put right: what is left is few.
    front.read(slices[0], 9)
    assert front.push().succeeded
    assert {front.level(isbn) for isbn in slices[1]} == {0}
    # What a person has seen counts no more: it is true.
    front.read(slices[2], 0)
    assert "7 of 20" in str(front.push().error)
    assert front.push(let_through=True).succeeded
    front.read(slices[3], 0)
    assert front.push(*slices[3]).succeeded


def test_what_was_put_right_and_turns_again_is_seen_to_turn(front: Storefront) -> None:
    isbns = front.titles(20)
    front.read(isbns[:8], 0)
    assert front.push().succeeded
    front.read(isbns[:8], 9)
    assert front.push().succeeded
    front.read(isbns[:4], 0)
    assert front.push(*isbns[:4]).succeeded
    front.read(isbns[4:8], 0)
    error = str(front.push(*isbns[4:8]).error)
    assert "8 of 20 tracked titles would turn to zero at once (40%" in error
    assert "What turned within the last 4 hours counts, too." in error


def test_other_turns_in_slices_are_seen_as_one_change(front: Storefront) -> None:
    isbns = front.titles(20)
    assert front.push().succeeded
    for some in (isbns[:4], isbns[4:7]):
        describe(front, some, binding="E-Book")
        done = front.push(*some)
    assert done.stopped is not None
    assert "7 of 20 titles in the store would turn into files (digital) at once" in str(done.error)


def test_what_a_push_put_right_after_a_person_is_no_turn(front: Storefront) -> None:
    isbns = front.titles(20)
    front.read(isbns[:10], 0)
    assert front.push().succeeded
    for some in (isbns[:4], isbns[4:8]):
        for isbn in some:
            front.edit_level(isbn, 99)
        assert front.push().succeeded


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_all_titles_is_stopped_whole_and_in_slices(front: Storefront, name: str) -> None:
    details, copies, figures = CHANGES[name]
    isbns = front.titles(10)
    assert front.push().succeeded
    was, before = shown(front, isbns[0]), front.written()
    if details:
        describe(front, isbns, **details)
    if copies:
        front.read(isbns, copies)
    looked = front.push(dry_run=True)
    assert "A push would be stopped: " in notes(looked)
    assert figures in notes(looked)
    for some in ((), isbns[:1], isbns[4:7]):
        done = front.push(*some)
        assert done.stopped is not None
        assert done.stopped["by"] == "guardrail"
        assert figures in str(done.error)
        assert "Nothing was written" in str(done.error)
        assert "ingram push --let-through" in str(done.error)
    assert front.written() == before
    assert shown(front, isbns[0]) == was
    assert {front.row(isbn) for isbn in isbns} == {(not details, None)}

    assert front.push(let_through=True).succeeded
    assert shown(front, isbns[0]) != was
    assert {front.row(isbn) for isbn in isbns} == {(True, None)}
    assert count(front.push(), "unchanged") == 10


def test_titles_that_turn_to_back_order_are_stopped(front: Storefront) -> None:
    """From none on order to some: no level falls, and the store would promise what nobody has."""
    isbns = front.titles(10, copies=0)
    assert front.push().succeeded
    now, stock = datetime.now(UTC), {"TN": DcStock(0, 40, "primary")}
    with QueueWriter(front.queue.writer) as writer:
        writer.record_stock([{"isbn": isbn, "observed_at": now, "stock": stock} for isbn in isbns])
    done = front.push()
    assert "10 of 10 titles in the store would turn to back-order at once (100%" in str(done.error)
    assert shown(front, isbns[0])[:3] == (True, False, "out_of_stock")
    assert front.push(let_through=True).succeeded
    assert shown(front, isbns[0])[:3] == (True, True, "backorder")


def test_all_that_trip_are_named(front: Storefront) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    describe(front, isbns, srp_price="0.01", binding="E-Book")
    unread(front, isbns[:5], "blocked")
    for said in (str(front.push().error), notes(front.push(dry_run=True))):
        for one in ("pages could not be read", "turn into files", "without end", "are not believed"):
            assert one in said


def test_one_odd_price_costs_its_title_that_price_alone(front: Storefront) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    odd, fair = isbns[0], isbns[1]
    describe(front, [odd], srp_price="4.99", title="A Better Title")
    describe(front, [fair], srp_price="21.50")
    front.read([odd], 7)
    looked = front.push(dry_run=True)
    assert [entry["isbn"] for entry in looked.reports[0]["failed"]] == [odd]
    assert "Would keep its price: " in looked.reports[0]["failed"][0]["reason"]
    assert "A push would be stopped" not in notes(looked)
    done = front.push()
    assert done.succeeded
    (failed,) = done.reports[0]["failed"]
    assert failed["isbn"] == odd
    assert "from $18.99 to $4.99 it would fall by 73.7%" in failed["reason"]
    assert f"ingram push --let-through {odd}" in failed["reason"]
    assert front.row(odd) == (False, failed["reason"])
    assert (price(front, odd), price(front, fair)) == (18.99, 21.5)
    assert (front.level(odd), front.shop.product(odd)["title"]) == (7, "A Better Title")
    # Every later push names it again, and writes nothing of it.
    again = front.push()
    assert [entry["isbn"] for entry in again.reports[0]["failed"]] == [odd]
    assert count(again, "medusa_writes") == 0
    assert front.push(odd, let_through=True).succeeded
    assert (price(front, odd), front.row(odd)) == (4.99, (True, None))


def test_a_new_title_for_a_price_that_nobody_asks_is_not_made(front: Storefront) -> None:
    cheap, dear, fair = (front.titles(1, srp_price=each)[0] for each in ("0.01", "1250.00", "18.99"))
    looked, done = front.push(dry_run=True), front.push()
    failed = {entry["isbn"]: entry["reason"] for entry in done.reports[0]["failed"]}
    assert failed.keys() == {cheap, dear}
    assert {entry["isbn"] for entry in looked.reports[0]["failed"]} == {cheap, dear}
    assert "$1,250.00 is above $1,000.00" in failed[dear]
    assert front.row(dear) == (False, failed[dear])
    assert (front.shop.variant(cheap), front.shop.variant(dear)) == (None, None)
    assert front.row(fair) == (True, None)
    assert count(front.push(dear, let_through=True), "created") == 1
    assert price(front, dear) == 1250


def test_a_shop_that_keeps_its_prices_is_not_stopped_for_the_list_prices(
    front: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    describe(front, isbns, srp_price="189.90")
    monkeypatch.setenv("PRICE_POLICY", "keep")
    done = front.push()
    assert done.succeeded
    assert done.reports[0]["failed"] == []
    assert price(front, isbns[0]) == 18.99


def test_prices_that_have_long_been_held_back_stop_nothing(front: Storefront) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    describe(front, isbns[:6], srp_price="189.90")
    assert not front.push().succeeded
    front.queue.sql(
        "UPDATE ingram_queue SET created_at = created_at - interval '4 days' WHERE imported_at IS NULL"
    )
    front.read(isbns, 7)
    done = front.push()
    assert done.succeeded
    assert {entry["isbn"] for entry in done.reports[0]["failed"]} == set(isbns[:6])
    assert {front.level(isbn) for isbn in isbns} == {7}
    assert {price(front, isbn) for isbn in isbns} == {18.99}


def test_a_person_who_imports_partitions_by_hand_is_stopped_as_well(front: Storefront) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    describe(front, isbns, srp_price="189.90")
    front.instance.add_dynamic_partitions(ISBNS_NAME, isbns)
    done = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[PRODUCTS], partition_key=isbns[0], instance=front.instance, raise_on_error=False
    )
    assert not done.success
    assert price(front, isbns[0]) == 18.99
    assert front.row(isbns[0]) == (False, None)


def test_the_settings_are_the_shop_s(front: Storefront, monkeypatch: pytest.MonkeyPatch) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    describe(front, isbns[:2], publication_date="2099-01-01")
    monkeypatch.setenv("GUARDRAIL_MIN_TITLES", "2")
    assert "2 of 10 titles in the store would turn to preorder" in str(front.push().error)
    monkeypatch.setenv("GUARDRAIL_MAX_TURNING_TO_PREORDER", "0.2")
    assert front.push().succeeded
    monkeypatch.setenv("GUARDRAIL_PRICE_FLOOR", "30")
    monkeypatch.setenv("GUARDRAIL_PRICE_CEILING", "20")
    assert "GUARDRAIL_PRICE_FLOOR has to be less than GUARDRAIL_PRICE_CEILING" in str(front.push().error)


def test_honest_days_are_not_stopped(front: Storefront) -> None:
    """A release, a restock, the end of an outage: all titles at once, and none a mistake."""
    isbns = front.titles(10, copies=0, publication_date="2099-01-01")
    assert front.push().succeeded
    assert shown(front, isbns[0])[:4] == (True, True, "preorder", 0)
    describe(front, isbns, publication_date="2020-01-01")  # out, and not delivered
    assert front.push().succeeded
    front.read(isbns, 410)
    assert front.push().succeeded
    assert shown(front, isbns[0])[:4] == (True, False, "in_stock", 410)


def test_the_first_switch_over_of_an_old_store_is_no_turning(front: Storefront) -> None:
    """Products that a person made long ago, for another price, which sold without end."""
    legacy = [make_isbn(80_000 + number) for number in range(10)]
    (location,) = front.shop.get("stock-locations", name=NAME, fields="id,*sales_channels")["stock_locations"]
    for isbn in legacy:
        front.shop.make_unmanaged(isbn, location["sales_channels"][0]["id"], amount=1)
    describe(front, legacy, publication_date="2099-01-01")
    front.read(legacy, 3)
    done = front.push()
    assert done.succeeded, done.error
    assert done.reports[0]["failed"] == []
    assert shown(front, legacy[0]) == (True, True, "preorder", 3, 18.99)


def test_what_is_gone_for_good_stops_no_push(front: Storefront) -> None:
    """Each kind is more than a fifth of the shop: retired, long unreadable, not found, without a table."""
    retired, broken, gone, bare, there = (front.titles(4, copies=None) for _ in range(5))
    ten_days = timedelta(days=10)
    stock, old = {"TN": DcStock(10, 0, "primary")}, datetime.now(UTC) - ten_days
    everything = [*retired, *broken, *gone, *there]
    with QueueWriter(front.queue.writer) as writer:
        writer.record_stock([{"isbn": isbn, "observed_at": old, "stock": stock} for isbn in everything])
    assert front.push().succeeded
    unread(front, [*retired, *gone], "not_found", timedelta(days=2))
    unread(front, retired, "blocked")
    unread(front, broken, "changed", timedelta(days=4))
    unread(front, broken, "changed")
    unread(front, bare, "no_stock_table")
    front.instance.add_dynamic_partitions(RETIRED_NAME, retired)
    front.read(there, 7)
    done = front.push()
    assert done.succeeded, done.error
    assert {front.level(isbn) for isbn in there} == {7}


@pytest.mark.parametrize("outcome", ["not_found", "changed", "blocked"])
def test_a_sudden_share_of_unread_stops_still(front: Storefront, outcome: str) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    front.read(isbns[3:], 7)
    unread(front, isbns[:3], outcome)
    done = front.push()
    assert done.stopped is not None
    assert "3 of 10 pages could not be read (30%; more than 20% is stopped)" in str(done.error)
    assert {front.level(isbn) for isbn in isbns} == {10}
    assert "3 of 10 pages could not be read" in notes(front.push(dry_run=True))


def test_a_title_that_is_not_tracked_is_in_no_share(front: Storefront) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    unread(front, isbns[:3], "changed")
    front.instance.add_dynamic_partitions(ISBNS_NAME, isbns[3:])
    front.read(isbns[3:], 7)
    assert front.push().succeeded
    front.instance.add_dynamic_partitions(ISBNS_NAME, isbns[:3])
    front.read(isbns[3:], 6)
    assert "3 of 10 pages could not be read" in str(front.push().error)


def test_letting_through_ends_no_incident_whose_cause_lasts(front: Storefront) -> None:
    """Pages that can't be read are read no better by it: the check that stopped the push goes on failing."""
    isbns = front.titles(10)
    assert front.push().succeeded
    front.read(isbns[3:], 7)
    unread(front, isbns[:3], "blocked")
    assert front.push().stopped is not None
    let = front.push(let_through=True)
    assert let.succeeded, let.error
    assert front.level(isbns[5]) == 7
    assert evaluated(front, let.run_id) == []
    with QueueWriter(front.queue.writer) as writer:
        stock, now = {"TN": DcStock(9, 0, "primary")}, datetime.now(UTC)
        writer.record_stock([{"isbn": isbn, "observed_at": now, "stock": stock} for isbn in isbns[:3]])
    assert evaluated(front, front.push().run_id) == [True]


def evaluated(front: Storefront, run_id: str) -> list[bool]:
    """What the guardrails' check said in a run."""
    logs = front.instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    return [entry.get_dagster_event().asset_check_evaluation_data.passed for entry in logs]


def held_by(front: Storefront, run_id: str) -> list[str]:
    """The guardrails behind which titles wait, as the check said last in a run."""
    logs = front.instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    *_, last = (entry.get_dagster_event().asset_check_evaluation_data for entry in logs)
    return sorted(last.metadata[HELD_BY].value) if HELD_BY in last.metadata else []


def test_an_incident_lasts_as_long_as_a_title_waits_behind_its_guardrail(front: Storefront) -> None:
    isbns = front.titles(20)
    assert front.push().succeeded
    front.read(isbns[:10], 0)
    assert held_by(front, front.push(*isbns[:10]).run_id) == ["mass_zero"]
    # One let through is not all: the others wait still.
    one = front.push(isbns[0], let_through=True)
    assert one.succeeded
    assert evaluated(front, one.run_id) == []
    # Another title's push is no business of theirs.
    front.read(isbns[15:16], 5)
    assert evaluated(front, front.push(isbns[15]).run_id) == []
    # The readings are right again, and pushes of these titles alone bring them.
    front.read(isbns[1:10], 9)
    assert evaluated(front, front.push(*isbns[1:6]).run_id) == []
    last = front.push(*isbns[6:10])
    assert last.succeeded, last.error
    assert evaluated(front, last.run_id) == [True]
    assert held_by(front, last.run_id) == []


def test_a_stop_names_its_guardrails_and_the_end_of_each_is_seen(front: Storefront) -> None:
    isbns = front.titles(20)
    assert front.push().succeeded
    describe(front, isbns[:8], srp_price="0.60")
    assert held_by(front, front.push(*isbns[:8]).run_id) == ["mass_price"]
    front.read(isbns[10:18], 0)
    assert held_by(front, front.push(*isbns[10:18]).run_id) == ["mass_price", "mass_zero"]
    describe(front, isbns[:8], srp_price="18.99")
    righted = front.push(*isbns[:8])
    assert righted.succeeded, righted.error
    assert evaluated(front, righted.run_id) == [False]
    assert held_by(front, righted.run_id) == ["mass_zero"]
    through = front.push(*isbns[10:18], let_through=True)
    assert through.succeeded, through.error
    assert evaluated(front, through.run_id) == [True]


def test_titles_that_are_retired_wait_behind_no_guardrail(front: Storefront) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    front.read(isbns[:6], 0)
    assert held_by(front, front.push().run_id) == ["mass_zero"]
    front.instance.add_dynamic_partitions(RETIRED_NAME, isbns[:6])
    front.read(isbns[9:], 7)
    assert evaluated(front, front.push(isbns[9]).run_id) == [True]


def test_partitions_pushed_by_hand_end_nothing_for_others(front: Storefront) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    front.read(isbns[:6], 0)
    assert front.push().stopped is not None
    front.instance.add_dynamic_partitions(ISBNS_NAME, isbns)
    front.read(isbns[9:], 7)
    done = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[INVENTORY_LEVELS], partition_key=isbns[9], instance=front.instance
    )
    assert done.success
    assert held_by(front, done.run_id) == ["mass_zero"]


def test_a_title_is_left_out_of_one_push(front: Storefront) -> None:
    left, *others = front.titles(6)
    assert front.push().succeeded
    front.read([left, *others], 7)
    assert front.push(leave_out=[left]).succeeded
    assert (front.level(left), {front.level(isbn) for isbn in others}) == (10, {7})
    assert front.push().succeeded
    assert front.level(left) == 7


def test_what_a_plan_did_not_show_is_not_let_through_with_it(front: Storefront) -> None:
    """Zeros were planned; by the time that a person lets them through there are copies again, for cents."""
    isbns = front.titles(20)
    assert front.push().succeeded
    front.read(isbns[:12], 0)
    plan = front.push(dry_run=True)
    assert "12 of 20 tracked titles would turn to zero" in notes(plan)
    front.read(isbns[:9], 9)
    describe(front, isbns[:9], srp_price="0.60")
    written = front.push(*isbns[:12], let_through=True, plan=plan.run_id)
    assert written.stopped is not None
    error = str(written.error)
    assert "Changed since the plan, and not let through with it, 9 titles: " in error
    assert "its price would be $0.60, planned was none" in error
    assert "and 4 more. Plan again." in error
    assert "The prices of 9 of 20 titles in the store are not believed" in error
    assert {price(front, isbn) for isbn in isbns} == {18.99}
    assert {front.level(isbn) for isbn in isbns[:9]} == {10}
    # What is as it was planned is written.
    assert {front.level(isbn) for isbn in isbns[9:12]} == {0}
    assert written.reports[0]["details"]["changes"].keys() == set(isbns[9:12])
    # Who looks at it as it is now lets that through.
    again = front.push(dry_run=True)
    assert front.push(*isbns[:9], let_through=True, plan=again.run_id).succeeded
    assert {price(front, isbn) for isbn in isbns[:9]} == {0.6}


def test_another_kind_or_value_than_planned_is_not_let_through(front: Storefront) -> None:
    isbns = front.titles(20)
    assert front.push().succeeded
    cheap, dear = isbns[:10], isbns[10:]
    describe(front, isbns, srp_price="4.99")
    plan = front.push(dry_run=True)
    assert plan.reports[0]["details"]["looked"].keys() == set(isbns)
    describe(front, cheap, srp_price="3.99")
    front.read(dear[:8], 0)
    done = front.push(*isbns, let_through=True, plan=plan.run_id)
    assert done.stopped is not None
    assert "18 titles: " in str(done.error)
    assert {price(front, isbn) for isbn in (*cheap, *dear[:8])} == {18.99}
    assert {front.level(isbn) for isbn in isbns} == {10}
    assert {price(front, isbn) for isbn in dear[8:]} == {4.99}


def test_little_that_changed_since_the_plan_goes_through_as_in_any_push(front: Storefront) -> None:
    isbns = front.titles(20)
    assert front.push().succeeded
    front.read(isbns[:12], 0)
    plan = front.push(dry_run=True)
    describe(front, isbns[:1], srp_price="17.99")
    describe(front, isbns[1:2], srp_price="0.60")
    done = front.push(*isbns[:12], let_through=True, plan=plan.run_id)
    assert done.succeeded, done.error
    assert "Changed since the plan, and not let through with it, 2 titles: " in notes(done)
    assert [one["isbn"] for one in done.reports[0]["failed"]] == [isbns[1]]
    assert (price(front, isbns[0]), price(front, isbns[1])) == (17.99, 18.99)
    assert {front.level(isbn) for isbn in isbns[:12]} == {0}


def test_a_plan_that_is_not_known_lets_nothing_through(front: Storefront) -> None:
    isbns = front.titles(10)
    assert front.push().succeeded
    front.read(isbns, 0)
    done = front.push(*isbns, let_through=True, plan="00000000-0000-4000-8000-000000000000")
    assert "is not known, or was made before an update: nothing was written. Plan again." in str(done.error)
    assert {front.level(isbn) for isbn in isbns} == {10}


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_title_that_nobody_has_is_not_left_out_in_silence(front: Storefront, dry_run: bool) -> None:
    left, *others = front.titles(3)
    assert front.push().succeeded
    front.read([left, *others], 7)
    written, mistyped = front.written(), make_isbn(89_999)
    stopped = front.push(leave_out=[left, mistyped], dry_run=dry_run)
    assert (stopped.succeeded, stopped.kind) == (False, "needs_person"), "exit 2"
    assert stopped.error
    assert f"{mistyped}, of which the queue has no title" in stopped.error
    assert left not in stopped.error
    assert (front.written(), front.level(others[0])) == (written, 10)
