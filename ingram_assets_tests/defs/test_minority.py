"""Sweeps over a shop of which a part can't be read: the rest is read, and what is sudden stops the sweep."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingram_assets.defs.keys import ISBNS_NAME
from ingram_assets.defs.reading_events import latest_readings
from ingram_assets.defs.scraper.earlier_sweeps import HABIT
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper
from ingram_assets_tests.testing.queue import Queue
from ingram_assets_tests.testing.swept_shop import SweptShop
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator

pytestmark = pytest.mark.xdist_group("operations")

TITLES = 40
ODD = 12
"""Titles that something is wrong with: more than the guardrail lets pass."""
numbers = itertools.count()


@pytest.fixture
def shop(postgres: Postgres, site: Simulator, queue: Queue, tmp_path: Path) -> Iterator[SweptShop]:
    site.reset()
    queue.sql("TRUNCATE ingram_queue, ingram_unread, ingram_stock_history")
    with dagster_of_scraper(postgres, f"minority_{next(numbers)}", tmp_path, site, queue) as instance:
        shop = SweptShop(instance, site, queue)
        shop.track(shop.isbns)
        yield shop
    site.reset()


# Titles that vanish.


@pytest.mark.parametrize("status", [404, 410])
def test_when_every_page_is_gone_the_sweep_stops_and_soon(shop: SweptShop, status: int) -> None:
    assert shop.sweep().success
    known = shop.on_hand()
    shop.site.fault("status", status=status)
    for _ in range(2):
        done = shop.sweep()
        assert "titles that were there before are gone at once" in (done.stopped_by or "")
        assert len(done.asked) < TITLES, "it is not asked on and on"
        assert done.failed.keys() == set(shop.isbns)
        assert "not_found" not in shop.unread(), "what is not believed is not recorded as gone"
    assert shop.on_hand() == known
    shop.site.reset()
    done = shop.sweep()
    assert (done.success, done.read, shop.unread().get("vanished")) == (True, set(shop.isbns), None)


def test_a_few_that_are_gone_are_no_alarm(shop: SweptShop) -> None:
    assert shop.sweep().success
    gone = shop.isbns[3:7]
    shop.site.fault("status", status=404, isbns=gone)
    done = shop.sweep()
    assert done.success
    assert done.failed.keys() == set(gone)
    assert shop.unread()["not_found"] == len(gone)
    assert done.read == set(shop.isbns) - set(gone)
    # But some every hour are many in the end.
    assert shop.sweep().success
    shop.site.fault("status", status=404, isbns=shop.isbns[7:12])
    assert f"9 of {TITLES} titles" in (shop.sweep().stopped_by or "")


def test_many_that_vanish_stop_the_sweep_until_a_person_lets_it_through(shop: SweptShop) -> None:
    assert shop.sweep().success
    gone, there = set(shop.isbns[:ODD]), set(shop.isbns[ODD:])
    shop.site.fault("status", status=404, isbns=list(gone))
    for _ in range(2):
        done = shop.sweep()
        assert f"{ODD} of {TITLES} titles" in (done.stopped_by or "")
        assert done.read == there, "the others are read all the same"
        assert shop.unread()["vanished"] == ODD
    let = shop.sweep(let_through=True)
    assert (let.success, let.read, shop.unread()["not_found"]) == (True, there, ODD)
    later = shop.sweep()
    assert (later.success, later.read, later.failed.keys()) == (True, there, gone)
    shop.site.reset()
    assert shop.sweep().read == set(shop.isbns), "what is there again is read again"


def test_stock_that_vanishes_from_many_pages_stops_the_sweep(shop: SweptShop) -> None:
    assert shop.sweep().success
    known = shop.on_hand()
    shop.site.fault("no_stock_table", isbns=shop.with_stock[:ODD])
    for _ in range(2):
        assert f"{ODD} of {TITLES} titles" in (shop.sweep().stopped_by or "")
    assert shop.sweep(let_through=True).success
    assert shop.sweep().success
    assert shop.on_hand() == known


def test_a_sweep_that_reads_nothing_never_passes_by_itself(shop: SweptShop) -> None:
    """Not even after a person let it through: that every title is a suspect is no state to go on in."""
    assert shop.sweep().success
    shop.site.fault("status", status=404)
    assert shop.sweep(let_through=True).success
    done = shop.sweep()
    assert f"{TITLES} of {TITLES} pages" in (done.stopped_by or "")
    shop.site.reset()
    assert shop.sweep().read == set(shop.isbns)


# Titles that can't be read.


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "layout", "layout": "redesign"},
        {"fault": "wrong_title"},
        {"fault": "status", "status": 404},
        {"fault": "status", "status": 500},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_titles_that_never_can_be_read_fail_no_later_sweep(shop: SweptShop, fault: dict[str, Any]) -> None:
    odd, fine = set(shop.isbns[:ODD]), set(shop.isbns[ODD:])
    shop.site.fault(**fault, isbns=list(odd))
    first = shop.sweep()
    assert f"{ODD} of {TITLES} pages could not be read" in (first.stopped_by or ""), "a person is told"
    assert first.read == fine
    later = shop.sweep()
    assert (later.success, later.read, later.failed.keys()) == (True, fine, odd)
    shop.site.fault("layout", layout="redesign", isbns=shop.isbns[ODD : ODD + 8])
    assert "8 of 28 pages could not be read" in (shop.sweep().stopped_by or ""), "of what was readable"


def test_new_titles_are_asked_for_first_and_the_others_by_age(shop: SweptShop) -> None:
    new, stale = shop.isbns[-3:], shop.isbns[10:13]
    for isbn in new:
        shop.instance.delete_dynamic_partition(ISBNS_NAME, isbn)
    shop.site.fault("layout", layout="redesign", isbns=stale)
    assert shop.sweep().success
    shop.site.clear_faults()
    shop.track(new)
    done = shop.sweep()
    order = list(dict.fromkeys(done.asked))
    # Several are asked for at once, and overtake each other on the way: not one by one, but by and large.
    assert sum(order.index(isbn) for isbn in new) / len(new) < 10
    assert done.read == set(shop.isbns)
    # The last reading of a cut-short sweep's titles tells which of them are the stalest.
    latest = latest_readings(shop.instance)
    fresh = shop.isbns[:15]
    read_by_hand(shop, fresh)
    order = list(dict.fromkeys(shop.sweep().asked))
    old = [isbn for isbn in order if isbn not in fresh]
    ages = [latest[isbn] for isbn in old]
    first, last = ages[: len(ages) // 2], ages[len(ages) // 2 :]
    assert sum(first) / len(first) < sum(last) / len(last)
    assert sum(isbn in fresh for isbn in order[:20]) <= 6, "the freshly read wait, but for the witnesses"


def read_by_hand(shop: SweptShop, isbns: list[str]) -> None:
    """Log readings of these titles, as a run by hand would."""
    for isbn in isbns:
        shop.instance.report_runless_asset_event(
            dg.AssetMaterialization(dg.AssetKey(["ipage", "stock"]), partition=isbn)
        )


# Pages in part, and the account's habit.


def test_an_account_with_one_table_has_whole_pages_with_one(shop: SweptShop) -> None:
    shop.site.fault("layout", layout="alt_missing")
    done = shop.sweep()
    assert done.success
    assert "stock_stays_partial" not in done.report["counts"]
    assert any("shows the account's own table" in note for note in done.report["notes"])
    assert done.metadata[HABIT].value["others"] == 0
    zeros = shop.own_zeros()
    assert zeros
    found = shop.on_hand()
    assert {found[isbn] for isbn in zeros} == {0}
    again = shop.sweep()
    assert sorted(again.asked) == sorted(shop.isbns), "none is taken for half a page"
    assert "stock_read_in_part" not in again.report["counts"]


def test_titles_that_stay_partial_are_named_and_stop_nobody(shop: SweptShop) -> None:
    zeros = shop.own_zeros()[:9]
    assert len(zeros) == 9
    shop.site.fault("layout", layout="alt_missing", isbns=zeros)
    first = shop.sweep()
    assert f"9 of {TITLES} pages could not be read" in (first.stopped_by or "")
    assert first.failed.keys() == set(zeros)
    later = shop.sweep()
    assert later.success
    assert later.read == set(shop.isbns)
    assert later.failed == {}
    assert later.report["counts"]["stock_stays_partial"] == len(zeros)
    assert sorted(later.report["details"]["stays_partial"]) == sorted(zeros)
    assert sum("stays partial" in note for note in later.report["notes"]) == len(zeros)
    found = shop.on_hand()
    assert {found[isbn] for isbn in zeros} == {None}, "0 of a part is not 0"


def test_one_bad_sweep_makes_no_zero_true(shop: SweptShop) -> None:
    """The second table is gone from every page, for some hours, and a person lets it through."""
    assert shop.sweep().success
    known = shop.on_hand()
    shop.site.fault("layout", layout="alt_missing")
    assert "pages could not be read" in (shop.sweep().stopped_by or "")
    let = shop.sweep(let_through=True)
    later = shop.sweep()
    assert (let.success, later.success) == (True, True)
    assert [one.metadata[HABIT].value["others"] for one in (let, later)] == [1, 1]
    assert [one.metadata[HABIT].value["sweeps"] for one in (let, later)] == [1, 2]
    assert any("2 sweeps in a row show less" in note for note in later.report["notes"])
    assert shop.on_hand() == known
    shop.site.reset()
    assert shop.sweep().metadata[HABIT].value["sweeps"] == 0


def test_an_unreadable_count_makes_no_complete_reading(shop: SweptShop) -> None:
    shop.site.set(unknown_cells="soon", unknown_cells_share=30)
    assert shop.sweep().success
    made = shop.instance.fetch_materializations(dg.AssetKey(["ipage", "stock"]), limit=100).records
    events = [record.asset_materialization.metadata for record in made if record.asset_materialization]
    assert {said["complete"].value for said in events if "not_read" in said} == {False}
    assert {said["complete"].value for said in events if "not_read" not in said} == {True}
