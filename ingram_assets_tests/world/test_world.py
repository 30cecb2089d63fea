"""A few worlds in every test run; `./just world --seeds N` lives through more."""

import logging
from dataclasses import replace

import pytest

from ingram_assets.defs.storefront import decisions
from ingram_assets.domain import position
from ingram_assets.sources.ipage.login.refused_password import RefusedPassword
from ingram_assets_tests.world import storefront
from ingram_assets_tests.world.events import CENTERS, LOST_AS, Event, Setting, draw
from ingram_assets_tests.world.faults import FAULTS, ROOT, prove
from ingram_assets_tests.world.shared import SimulatedSharedSite
from ingram_assets_tests.world.shrink import shrink
from ingram_assets_tests.world.site import SimulatedSite
from ingram_assets_tests.world.world import isbn_of, run

SEEDS = (0, 1, 2, 3)
HOURS = 90
CALM = Setting(
    seed=0, titles=20, hours=40, mode="on_hand", stale="backorder", safety=0, own_table_only=False, batch=50
)


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_holds(seed):
    assert run(Setting.draw(seed, HOURS)) is None


def test_each_known_fault_can_still_be_put_back():
    for fault in FAULTS:
        for change in fault.changes:
            assert (ROOT / "ingram_assets" / change.file).read_text().count(change.old) == 1, fault.what


def test_a_fault_that_is_put_back_is_found():
    """In a copy of the product, with all that a world is made of."""
    ((_, needed, seen),) = prove(seeds=1, hours=HOURS, only="pages read between sweeps")
    assert needed == 1
    assert "no more pages than an hour has" in seen


def test_a_seed_is_the_same_world_each_time():
    setting = Setting.draw(11, 60)
    assert draw(setting) == draw(setting)
    assert len(draw(setting)) > 50
    assert draw(setting) != draw(Setting.draw(12, 60))


def test_titles_have_isbns_that_are_some():
    assert isbn_of(0) == "9780000000002"
    assert len({isbn_of(number) for number in range(50)}) == 50


SOLD_TWICE = [
    Event(180, "stock", 3, 0, "PA"),
    Event(185, "new_price", 4, 90),
    Event(300, "order_all", 3),
    Event(305, "breaks", 3, 600, "not_found"),
    Event(330, "fulfill", 3),
    Event(360, "hand_edit", 5, 99),
    Event(500, "order_all", 3),
]


def test_without_a_fault_of_ours_no_copy_is_sold_twice():
    assert run(CALM, SOLD_TWICE) is None


CENTER_LEFT = [
    Event(60, "stock", 8, 1, "CA"),
    Event(300, "center_leaves", 8),
    Event(390, "order", 8, 5),
    Event(660, "order_all", 8),
]


def test_a_count_of_a_center_that_left_holds_no_order_of_after_it_against_the_others():
    assert run(replace(CALM, mode="on_hand_plus_reserved"), CENTER_LEFT) is None


RESTORED = [
    Event(60, "stock", 3, 5, "TN"),
    Event(610, "backup", word="queue"),
    Event(615, "stock", 3, 20, "TN"),
    Event(770, "stock", 3, 5, "TN"),
    Event(775, "restore_queue"),
]


def test_a_count_that_a_restored_queue_has_already_reaches_the_store(monkeypatch):
    assert run(replace(CALM, hours=20), RESTORED) is None
    monkeypatch.setattr(decisions, "_is_read_again", lambda *_: False)
    failure = run(replace(CALM, hours=20), RESTORED)
    assert failure is not None
    assert failure.promise == "the store follows the queue"


DELETED_AND_REFUSED = [
    Event(200, "delete_product", 3),
    Event(210, "stock", 3, 7, "TN"),
    Event(400, "new_price", 3, 1),
]


def test_a_deleted_product_whose_import_is_refused_is_not_pushed_without_end():
    assert run(CALM, DELETED_AND_REFUSED) is None


@pytest.mark.parametrize("shown_as", LOST_AS)
def test_a_session_that_ends_costs_one_sign_in(shown_as, monkeypatch):
    """However the site shows it."""
    made: list[float] = []
    sign_in = SimulatedSite.sign_in
    monkeypatch.setattr(
        SimulatedSite, "sign_in", lambda site, now, password: made.append(now) or sign_in(site, now, password)
    )
    assert run(replace(CALM, hours=12), [Event(365, "session_ends", word=shown_as)]) is None
    assert len(made) == 2


def test_a_refused_password_is_tried_once(monkeypatch):
    wrong = [Event(300, "password_changes", n=600)]
    assert run(replace(CALM, hours=20), wrong) is None
    monkeypatch.setattr(RefusedPassword, "reason", lambda _: None)
    failure = run(replace(CALM, hours=20), wrong)
    assert failure is not None
    assert failure.promise == "a refused password is not tried again"


@pytest.mark.parametrize("how", ["quick", "slow", "fails"])
def test_runs_at_once_ask_no_more_than_one(how, monkeypatch):
    at_once = [Event(250, "covers_at_once", n=3, word=how)]
    assert run(replace(CALM, hours=6), at_once) is None
    monkeypatch.setattr(SimulatedSharedSite, "slots", property(lambda _: set(), lambda *_: None))
    failure = run(replace(CALM, hours=6), at_once)
    assert failure is not None
    assert failure.promise == "no more requests than allowed"


def test_of_two_pushes_at_once_one_waits():
    events = [Event(200, "hand_edit", 6, 99), Event(200, "pushes_at_once", 5, 2, "made_anew")]
    assert run(replace(CALM, hours=6), events) is None


@pytest.mark.parametrize("mode", ["on_hand", "on_hand_plus_reserved"])
def test_what_an_order_took_and_the_site_has_again_is_for_sale_before_the_day_ends(mode, monkeypatch):
    """The counts are the same as before the order, so no change asks for a push."""
    centers = {center: (3 * 7 + place * 3) % 11 for place, center in enumerate(CENTERS)}
    events = [Event(150, "order", 3, 1), Event(155, "fulfill", 3)]
    events += [Event(160, "stock", 3, copies, center) for center, copies in centers.items()]
    setting = replace(CALM, mode=mode, hours=20)
    assert run(setting, events) is None
    monkeypatch.setattr(storefront, "second_look", lambda *_: None)
    failure = run(setting, events)
    assert failure is not None
    assert failure.promise == "the store follows the queue"


def test_a_fault_is_found_and_shrunk_to_the_events_that_it_takes(monkeypatch):
    monkeypatch.setattr(position.Orders, "fulfilled_since", lambda *_, **__: 0)
    failure = run(CALM, SOLD_TWICE)
    assert failure is not None
    _, events, same = shrink(CALM, SOLD_TWICE, failure)
    assert same.promise == failure.promise
    assert len(events) <= 4
    assert {event.kind for event in events} >= {"order_all", "fulfill"}
