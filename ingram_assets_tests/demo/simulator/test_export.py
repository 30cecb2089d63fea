"""The saved search and its export."""

import csv
import io

import pytest
from selectolax.lexbor import LexborHTMLParser

from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets_tests.testing import simulator_pages as reading
from ingram_demo.simulator.dials import CSV_LAYOUTS


def numbers(data: bytes) -> list[str]:
    """Every ISBN in a file, however it is laid out: by trying each cell."""
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    found = []
    for row in csv.reader(io.StringIO(text), delimiter="\t" if "\t" in text else ","):
        for cell in row:
            try:
                found.append(parse_isbn(cell.strip('="')))
            except InvalidIsbn:
                continue
    return found


def test_the_search_page_leads_to_the_export(sim, shop):
    page = shop.get("/ipage/search/savedSearch.action", params={"searchId": sim.search_id})
    tree = LexborHTMLParser(page.text)
    assert tree.css_first(".resultCount strong").text() == "30"
    export = shop.get(tree.css_first("#downloadExcel").attributes["href"])
    assert export.headers["content-type"].startswith("application/vnd.ms-excel")
    assert numbers(export.content) == sim.isbns()


@pytest.mark.parametrize("markup", ["table", "cards"])
def test_the_pages_of_results_lead_from_one_to_the_next(sim, shop, markup):
    sim.set(results_markup=markup)
    first = shop.get("/ipage/search/savedSearch.action", params={"searchId": sim.search_id})
    links = LexborHTMLParser(first.text).css(".paging a, .pagination a")
    last = shop.get(str(first.url.join(links[-1].attributes["href"])))
    for page, isbns in ((first, sim.isbns()[:25]), (last, sim.isbns()[25:])):
        titles = LexborHTMLParser(page.text).css("table.searchResults td, div.hit")
        shown = " ".join(title.text() for title in titles)
        assert [isbn for isbn in sim.isbns() if isbn in shown] == isbns
    assert not LexborHTMLParser(last.text).css(".paging a")


def test_the_export_can_be_turned_off(sim, shop):
    search = {"params": {"searchId": sim.search_id}}
    sim.set(export_as="404")
    assert shop.get(reading.export_address(sim.search_id)).status_code == 404
    sim.set(export_as="popup")
    assert "Choose a format" in shop.get(reading.export_address(sim.search_id)).text
    sim.set(export_as="unlinked", search_shows=3)
    page = shop.get("/ipage/search/savedSearch.action", **search).text
    assert "downloadExcel" not in page
    assert "<strong>3</strong> results" in page
    sim.reset()


def test_the_files_form_is_excels(sim, shop):
    data = shop.get(reading.export_address(sim.search_id)).content
    assert data.startswith(b"\xef\xbb\xbfISBN,Title,")
    assert data.count(b"\r\n") == 31
    first = next(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    isbn, entry = next(iter(sim.book().items()))
    assert first["ISBN"] == f'="{isbn}"'
    assert first["Title"] == entry["title"]
    assert first["US SRP"] == f"${entry['srp_price']}"


def test_some_numbers_are_isbn_10(sim, shop):
    data = shop.get(reading.export_address(sim.search_id)).content.decode("utf-8-sig")
    short = [row["ISBN"] for row in csv.DictReader(io.StringIO(data)) if len(row["ISBN"]) == 10]
    assert [parse_isbn(isbn) for isbn in short] == sim.isbns("isbn_10")


@pytest.mark.parametrize("layout", CSV_LAYOUTS)
def test_every_layout_lists_the_whole_search(sim, shop, layout):
    sim.set(csv_layout=layout)
    found = numbers(shop.get(reading.export_address(sim.search_id)).content)
    assert list(dict.fromkeys(found)) == sim.isbns()


def test_by_search_id_and_as_many_as_were_asked_for(sim, shop):
    address = "/ipage/browseRow/downloadExcel.action"
    assert numbers(shop.get(address, params={"searchId": sim.search_id}).content) == sim.isbns()
    assert numbers(shop.get(reading.export_address(sim.search_id, total=12)).content) == sim.isbns()[:12]


def test_another_search_has_no_match(shop):
    for address in (reading.export_address("999"), "/ipage/search/savedSearch.action?searchId=999"):
        response = shop.get(address)
        assert response.status_code == 200
        assert reading.error_message(response).startswith("No information matches your query")


def test_faults_of_the_file(sim, shop):
    address = reading.export_address(sim.search_id)
    whole = shop.get(address).content

    def spoilt(fault):
        sim.clear_faults()
        sim.fault(fault, kinds=["export"])
        response = shop.get(address)
        assert response.status_code == 200
        return response

    assert spoilt("empty").content == b""
    assert numbers(spoilt("header_only").content) == []
    assert spoilt("half").content == whole[: len(whole) // 2]
    assert numbers(spoilt("doubled").content) == sim.isbns() * 2
    other = numbers(spoilt("other_search").content)
    assert len(other) == 40
    assert not set(other) & set(sim.isbns())
    assert reading.error_message(spoilt("html")) == "An error has occurred."
    assert reading.is_login_form(spoilt("login_form"))
