"""The stock book: moves, edits, and what is left of them after a restart."""

import time

import httpx
import pytest

from ingram_assets_tests.testing import simulator_pages as reading
from ingram_demo.simulator import ControlRefused, running_simulator


def test_a_move_is_on_the_next_page(sim, shop):
    isbn = sim.isbns()[0]
    sim.move(isbn, "TN", on_hand=148)
    entry = sim.entry(isbn)
    assert entry["on_hand"] == 371
    assert reading.stock(reading.page(shop, isbn)) == entry["stock"]
    (move,) = sim.moves()
    assert (move["isbn"], move["dc"], move["before"], move["after"]) == (isbn, "TN", [187, 0], [148, 0])


def test_a_stock_table_comes_and_goes(sim, shop):
    isbn = sim.isbns("preorder_no_table")[0]
    sim.move(isbn, "PA", on_order=500)
    assert sim.entry(isbn)["on_order"] == 500
    assert reading.stock(reading.page(shop, isbn)) == sim.entry(isbn)["stock"]
    sim.set_stock(isbn, None)
    assert sim.entry(isbn)["stock"] is None
    sim.set_stock(isbn, {"TN": (1, 2), "OR": (3, 4)})
    assert (sim.entry(isbn)["on_hand"], sim.entry(isbn)["on_order"]) == (4, 6)


def test_many_moves_are_all_made_or_none(sim):
    first, second = sim.isbns()[:2]
    with pytest.raises(ControlRefused, match="9780306406157"):
        sim.move_all(
            [{"isbn": first, "dc": "TN", "on_hand": 1}, {"isbn": "9780306406157", "dc": "TN", "on_hand": 1}]
        )
    assert sim.entry(first)["on_hand"] == 410
    sim.move_all([{"isbn": isbn, "dc": "TN", "on_hand": 1} for isbn in (first, second)])
    assert sim.entry(second)["stock"]["TN"]["onHand"] == 1


@pytest.mark.parametrize("count", [-1, 1.5, "7", True, None])
def test_a_count_is_a_whole_number(sim, count):
    with pytest.raises(ControlRefused):
        sim.move(sim.isbns()[0], "TN", on_hand=count)


def test_ingrams_moves_are_the_same_for_the_same_seed():
    def moves(seed):
        with running_simulator(titles=40, seed=seed) as sim:
            return sim.step(40), sim.book()

    first, book = moves(7)
    assert (first, book) == moves(7)
    assert first != moves(8)[0]
    assert len(first) > 30


def test_a_day_of_moves_never_goes_below_zero_and_does_not_touch_what_does_not_move(sim):
    virtual, forthcoming = sim.isbns("print_on_demand")[0], sim.isbns("preorder_199999")[0]
    before = sim.entry(virtual), sim.entry(forthcoming)
    moves = sim.step(600)
    assert all(count >= 0 for move in moves for count in move["after"])
    assert any(move["after"][0] > move["before"][0] for move in moves), "nothing was ever delivered"
    assert any(move["after"][0] < move["before"][0] for move in moves), "nothing was ever sold"
    assert (sim.entry(virtual), sim.entry(forthcoming)) == before


def test_the_mover_moves_by_itself_and_stops(sim):
    sim.move_every(0.01)
    while len(sim.moves()) < 3:
        time.sleep(0.02)
    sim.move_every(0)
    standing = sim.moves()
    assert sim.moves() == standing
    with pytest.raises(ControlRefused):
        sim.move_every(-1)


def test_any_other_field_can_be_edited(sim, shop):
    isbn = sim.isbns()[0]
    sim.edit(
        isbn,
        title="Another <Title>",
        srp_price="21.50",
        publication_date="2027-02-03",
        contributors=[["A. Uthor", "Author"], ["E. Ditor", "Editor"]],
        availability="Not Yet Published",
        publisher_status="NY",
        messages=["This item is Not Returnable"],
        bisac=["FICTION / Horror"],
    )
    tree = reading.page(shop, isbn)
    assert tree.css_first("#pd-title").text() == "Another <Title>"
    top = reading.elements(tree)
    assert (top["Pub Date"], top["Release Date"]) == ("02/03/2027", "02/03/2027")
    assert top["US SRP"].startswith("$21.50 ")
    for wrong in ({"no_such": 1}, {"isbn_13": "x"}, {"stock": None}, {"publication_date": "soon"}):
        with pytest.raises(ControlRefused):
            sim.edit(isbn, **wrong)


def test_the_book_does_not_jump_back_at_a_restart(tmp_path):
    state = tmp_path / "book.sqlite"
    with running_simulator(titles=30, state=state) as sim:
        sim.step(50)
        sim.set_stock(sim.isbns()[3], {"TN": (7, 0)})
        sim.set_stock(sim.isbns()[4], None)
        sim.edit(sim.isbns()[0], cover="placeholder")
        sim.edit(sim.isbns()[0], srp_price="3.50")
        before = sim.book()
        cookie = sim.signed_in_cookie()
        following = None
    with running_simulator(titles=30, state=state) as sim:
        assert sim.book() == before
        assert sim.entry(sim.isbns()[0])["cover"] == "placeholder"
        with httpx.Client(
            base_url=sim.url, headers={"Cookie": cookie}, trust_env=False, verify=False, timeout=60
        ) as shop:
            assert reading.stock(reading.page(shop, sim.isbns()[3])) == before[sim.isbns()[3]]["stock"]
        following = sim.step(5)
    assert following[0]["step"] > 50
