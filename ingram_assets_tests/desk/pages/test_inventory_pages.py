"""`/inventory` on a real store: what it shows, each form, and what each is refused for."""

import pytest

from ingram_assets.desk.pages import inventory
from ingram_assets_tests.testing.desk import DeskShop
from ingram_assets_tests.testing.desk_work import Shown, Visit, entry_id

pytestmark = pytest.mark.xdist_group("medusa")


def entry(ada: Visit, isbn: str, place: str) -> tuple[str, Shown]:
    """The entry's address, and its page."""
    found = entry_id(ada.get("/inventory", search=isbn), place)
    address = f"/inventory/entries/{found}"
    return address, ada.get(address)


def test_all_entries_are_listed_with_filters_and_figures(desk: DeskShop, ada: Visit):
    isbn = desk.title("The Listed Book", ingram=40, cellar=3, booth=9)
    page = ada.get("/inventory", search="the listed")
    assert page.status == 200
    assert [row for row in page.rows("Entries") if "Cellar" in row] == [
        f"The Listed Book {isbn} Cellar 3 0 3 low"
    ]
    assert len(page.rows("Entries")) == 3
    assert any("Ingram’s, kept by the sync" in row for row in page.rows("Entries"))
    assert "Entries An entry is" not in page.text
    assert "Low: 1 to 5 left" in page.text
    in_any_spelling = ada.get(
        "/inventory", search=f"{isbn[:3]}-{isbn[3]}-{isbn[4:9]}-{isbn[9:12]}-{isbn[12]}"
    )
    assert len(in_any_spelling.rows("Entries")) == 3
    low = ada.get("/inventory", search=isbn, left="few")
    assert [row.split(" 3 ")[0] for row in low.rows("Entries")] == [f"The Listed Book {isbn} Cellar"]
    at_fair = ada.get("/inventory", search=isbn, store=desk.channels["Fair"])
    assert len(at_fair.rows("Entries")) == 1
    assert "Booth" in at_fair.rows("Entries")[0]
    at_cellar = ada.get("/inventory", search=isbn, location=desk.places["cellar"])
    assert len(at_cellar.rows("Entries")) == 1
    nothing = ada.get("/inventory", search="no such book at all")
    assert "No entry is like that" in nothing.text


def figure(page: Shown, words: str) -> int:
    (found,) = [one for one in page.tree.css("li.figure") if one.css_first(".figure-words").text() == words]
    return int(found.css_first(".figure-number").text().replace(",", ""))


def test_low_is_not_what_is_gone(desk: DeskShop, ada: Visit):
    isbn = desk.title("The Gone Book", ingram=40, cellar=0, booth=1)
    ada.http.app.state.lookups.store_counted.forget()
    rows = ada.get("/inventory", search=isbn).rows("Entries")
    assert [row.rpartition(" 0 ")[2] for row in rows if "Booth" in row] == ["1 low"]
    assert any(row.endswith("Cellar 0 0 0 none left") for row in rows)
    for left, place in (("few", "Booth"), ("none", "Cellar")):
        (row,) = ada.get("/inventory", search=isbn, left=left).rows("Entries")
        assert place in row
    page = ada.get("/inventory")
    few, none = (len(ada.get("/inventory", left=left).rows("Entries")) for left in ("few", "none"))
    assert 0 < figure(page, "Low: 1 to 5 left") == few
    assert 0 < figure(page, "None left") == none


def test_each_column_sorts_with_the_numbers_of_now(desk: DeskShop, ada: Visit, monkeypatch):
    monkeypatch.setattr(inventory, "PAGE", 2)
    for name, copies in (("Sorted C", 9), ("sorted a", 3), ("Sorted B", 5)):
        desk.title(name, ingram=30, cellar=copies)
    ada.http.app.state.lookups.store_counted.forget()
    chosen = {"search": "sorted", "location": desk.places["cellar"]}

    def names(page: Shown) -> list[str]:
        return [" ".join(row.split()[:2]) for row in page.rows("Entries")]

    page = ada.get("/inventory", **chosen, sort="title")
    assert names(page) == ["sorted a", "Sorted B"]
    heading = page.tree.css_first("th[aria-sort]")
    assert (heading.attributes["aria-sort"], heading.text().split()[0]) == ("ascending", "Title")
    assert names(ada.get(page.tree.css_first("a[rel=next]").attributes["href"])) == ["Sorted C"]
    around = ada.get(heading.css_first("a").attributes["href"])
    assert names(around) == ["Sorted C", "Sorted B"]
    assert around.tree.css_first("th[aria-sort]").attributes["aria-sort"] == "descending"
    assert names(ada.get("/inventory", **chosen, sort="available")) == ["sorted a", "Sorted B"]
    skus = [row.split()[2] for row in ada.get("/inventory", **chosen, sort="sku").rows("Entries")]
    assert skus == sorted(skus)
    desk.bench.shop.set_level(skus[0], desk.places["cellar"], 77)
    again = ada.get("/inventory", **chosen, sort="sku")
    assert " 77 " in again.rows("Entries")[0], "counted before, and shown as it is"


def test_adjust_changes_by_so_much_under_the_persons_name_once(desk: DeskShop, ada: Visit):
    isbn = desk.title(cellar=10)
    address, page = entry(ada, isbn, "Cellar")
    form = page.form(f"{address}/adjust") | {"quantity": "-2", "reason": "damaged", "note": "wet"}
    answers = [ada.post(f"{address}/adjust", form) for _ in range(2)]
    assert [each.status for each in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert desk.level(isbn, "cellar") == (8, 0), "the second click is the same"
    after = ada.get(answers[0].headers["location"])
    assert "Done" in after.text
    assert "10 → 8" in after.text
    (line,) = [
        row
        for row in ada.get("/inventory/ledger", isbn=isbn).rows("Lines of the ledger")
        if "Adjusted" in row
    ]
    assert "ada@example.com: Damaged; wet" in line


def test_what_somebody_changed_meanwhile_is_told_and_what_was_typed_is_kept(desk: DeskShop, ada: Visit):
    isbn = desk.title(cellar=10)
    address, page = entry(ada, isbn, "Cellar")
    desk.bench.shop.set_level(isbn, desk.places["cellar"], 7)
    refused = ada.send(page, f"{address}/set", quantity="12", note="third shelf")
    assert refused.status == 409
    assert "The quantity is 7 now, not 10" in refused.text
    assert desk.level(isbn, "cellar") == (7, 0)
    again = refused.form(f"{address}/set")
    assert (again["quantity"], again["note"]) == ("12", "third shelf")
    assert again["expected_quantity"] == "7"
    assert "Done" in ada.send(refused, f"{address}/set").text
    assert desk.level(isbn, "cellar") == (12, 0)


def test_copies_are_moved_held_released_and_handed_out(desk: DeskShop, ada: Visit):
    isbn = desk.title(cellar=10)
    address, page = entry(ada, isbn, "Cellar")
    page = ada.send(page, f"{address}/transfer", quantity="4", target=desk.places["attic"])
    assert (desk.level(isbn, "cellar"), desk.level(isbn, "attic")) == ((6, 0), (4, 0))
    page = ada.send(page, f"{address}/reserve", quantity="2", owner="Mrs. Finch", until="2099-01-01")
    assert page.status == 422, "longer than a year"
    page = ada.send(page, f"{address}/reserve", until="")
    assert "Mrs. Finch" in page.rows("Held copies")[0]
    page = ada.send(page, f"{address}/reserve", quantity="1", owner="Mr. Wren")
    assert desk.level(isbn, "cellar") == (6, 3)
    page = ada.send(page, f"{address}/release")
    assert desk.level(isbn, "cellar") == (6, 1), "of the first of them, the oldest"
    page = ada.send(page, f"{address}/fulfill")
    assert desk.level(isbn, "cellar") == (5, 0)
    assert page.rows("Held copies") == []


@pytest.mark.parametrize(
    ("what", "typed", "said"),
    [
        ("adjust", {"quantity": "-11"}, "There are 10 copies here: 11 can't be taken away"),
        ("adjust", {"quantity": "many"}, "A whole number is needed"),
        ("adjust", {"quantity": "0"}, "0 changes nothing"),
        ("adjust", {"quantity": "1", "reason": "nonsense"}, "Choose one of the reasons"),
        ("set", {"quantity": "-1"}, "between 0 and 1,000,000"),
        ("set", {"quantity": ""}, "A number is needed"),
        ("transfer", {"quantity": "1"}, "Choose where the copies go"),
        ("transfer", {"quantity": "11", "target": "attic"}, "10"),
        ("reserve", {"quantity": "11"}, "10"),
        ("reserve", {"quantity": "1", "until": "2020-01-01"}, "Give a day from 20"),
        ("reserve", {"quantity": "1", "until": "9999-12-31"}, "Give a day from 20"),
        ("reserve", {"quantity": "1", "until": "soon"}, "written as here: year-month-day"),
        ("release", {"quantity": "1"}, "held"),
        ("fulfill", {"quantity": "1"}, "held"),
    ],
)
def test_what_can_not_be_done_is_refused_in_words(
    desk: DeskShop, ada: Visit, what: str, typed: dict[str, str], said: str
):
    isbn = desk.title(cellar=10)
    address, page = entry(ada, isbn, "Cellar")
    if "target" in typed:
        typed = typed | {"target": desk.places[typed["target"]]}
    form = page.form(f"{address}/reserve") | typed
    refused = ada.post(f"{address}/{what}", form)
    assert refused.status in (409, 422)
    assert "Not done" in refused.text
    assert said in refused.text
    assert desk.level(isbn, "cellar") == (10, 0)


def test_ingrams_copies_can_be_held_and_not_counted(desk: DeskShop, ada: Visit):
    isbn = desk.title(ingram=7)
    address, page = entry(ada, isbn, "Ingram")
    assert "These copies are Ingram’s" in page.text
    for what in ("adjust", "set", "transfer"):
        assert f'action="{address}/{what}"' not in page.html
    held = ada.send(page, f"{address}/reserve", quantity="2", owner="Ada")
    assert desk.level(isbn, "ingram") == (7, 2)
    forced = ada.post(f"{address}/set", held.form(f"{address}/reserve") | {"quantity": "99"})
    assert forced.status == 409
    assert "belongs to the sync" in forced.text
    assert desk.level(isbn, "ingram") == (7, 2)


def test_a_deletion_is_asked_about_first(desk: DeskShop, ada: Visit):
    isbn = desk.title(cellar=3)
    address, _ = entry(ada, isbn, "Cellar")
    asked = ada.get(f"{address}/delete")
    assert "would not be kept at Cellar any more" in asked.text
    assert "3 copies would count no longer" in asked.text
    assert desk.level(isbn, "cellar") == (3, 0)
    after = ada.send(asked, f"{address}/delete")
    assert "Done" in after.text
    assert desk.level(isbn, "cellar") is None
    assert ada.get(address).status == 404


def test_a_title_is_kept_at_one_more_location(desk: DeskShop, ada: Visit):
    isbn = desk.title("A New Shelf")
    page = ada.get("/inventory/new", isbn=isbn)
    assert "Ingram" not in page.form("/inventory/new")["location"]
    after = ada.send(page, "/inventory/new", location=desk.places["attic"], quantity="6")
    assert "Done" in after.text
    assert desk.level(isbn, "attic") == (6, 0)
    unknown = ada.send(
        page, "/inventory/new", isbn="9780306406157", location=desk.places["attic"], quantity="6", key=""
    )
    assert unknown.status == 409
    assert "9780306406157" in unknown.text
    assert unknown.form("/inventory/new")["quantity"] == "6"
    assert ada.send(page, "/inventory/new", quantity="6").status == 422


def test_the_ledger_is_filtered_and_a_line_taken_back(desk: DeskShop, ada: Visit):
    isbn = desk.title("Taken Back", cellar=10)
    address, page = entry(ada, isbn, "Cellar")
    done = ada.send(page, f"{address}/adjust", quantity="5", reason="received")
    number = done.tree.css_first('a[href$="/undo"]').attributes["href"].split("/")[3]
    lines = ada.get("/inventory/ledger", isbn=isbn, operation="adjust", reason="received", who="ada").rows(
        "Lines of the ledger"
    )
    assert len(lines) == 1
    assert lines[0].startswith(number)
    assert ada.get("/inventory/ledger", isbn=isbn, operation="transfer").rows("Lines of the ledger") == []
    assert ada.get("/inventory/ledger", isbn=isbn, who="nobody").rows("Lines of the ledger") == []
    assert ada.get("/inventory/ledger", isbn=isbn, first="2099-01-01").rows("Lines of the ledger") == []
    asked = ada.get(f"/inventory/ledger/{number}/undo")
    assert "adjust by -5" in asked.text
    assert desk.level(isbn, "cellar") == (15, 0)
    ada.send(asked, f"/inventory/ledger/{number}/undo")
    assert desk.level(isbn, "cellar") == (10, 0)
    again = ada.send(asked, f"/inventory/ledger/{number}/undo")
    assert desk.level(isbn, "cellar") == (10, 0), "once, however often it is pressed"
    assert again.status in (200, 409)
    ledger = ada.get("/inventory/ledger")
    assert not ledger.tree.css(f'a[href="/inventory/ledger/{number}/undo"]'), "it is taken back already"
    assert any("Taken back" in row for row in ledger.rows("Lines of the ledger"))
    assert "has no line 999999" in ada.get("/inventory/ledger/999999/undo").text


@pytest.mark.parametrize("field", ["first", "last"])
@pytest.mark.parametrize("typed", ["9999-12-31", "0001-01-01", "yesterday", "2026-02-30"])
def test_a_day_that_is_none_is_said_beside_it_and_the_lines_are_shown(
    desk: DeskShop, ada: Visit, field: str, typed: str
):
    isbn = desk.title(cellar=1)
    _, page = entry(ada, isbn, "Cellar")
    ada.send(page, f"{entry(ada, isbn, 'Cellar')[0]}/adjust", quantity="1", reason="received")
    page = ada.get("/inventory/ledger", isbn=isbn, **{field: typed})
    assert len(page.rows("Lines of the ledger")) > 0
    said = page.tree.css_first(f"#{field}-said")
    assert said is not None
    assert said.text() == (
        "Give a day from 1900-01-01 to 2199-12-31, written as here: year-month-day. It was left out."
    )
    assert page.tree.css_first(f"#{field}").attributes["value"] == typed
