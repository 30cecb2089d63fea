"""The site by itself, as a browser without scripts walks through it."""

import re
from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest

from ingram_assets.sources.ipage.pages.spreadsheets import read_workbook
from ingram_assets_tests.other_site.books import LIST
from ingram_assets_tests.other_site.server import running_other_site
from ingram_assets_tests.other_site.state import OtherSite


@pytest.fixture
def mails() -> list[EmailMessage]:
    return []


@pytest.fixture
def walk(mails: list[EmailMessage]) -> Iterator[tuple[httpx.Client, OtherSite]]:
    with (
        running_other_site(mailer=mails.append) as site,
        httpx.Client(base_url=site.url, follow_redirects=True, trust_env=False) as client,
    ):
        yield client, site


def signed_in(client: httpx.Client, site: OtherSite, mails: list[EmailMessage]) -> httpx.Response:
    client.post("/anmeldung/benutzer.do", data={"kennung": site.customer.name})
    client.post("/anmeldung/kennwort.do", data={"geheim": site.customer.password})
    client.post("/anmeldung/sicherheit.do", data={"weg": "E"})
    code = re.findall(r"lautet: (\d{6})", mails[-1].get_content())[0]
    answer = client.post("/anmeldung/code.do", data={"scode": code, "merken": "1"})
    assert "Nutzungshinweise" in answer.text
    return client.post("/anmeldung/hinweise.do", data={"ok": "Weiter"})


def test_a_person_signs_in_by_five_pages_and_next_time_by_three(walk, mails):
    client, site = walk
    assert "Benutzerkennung" in client.get("/").text
    assert "Willkommen" in signed_in(client, site, mails).text
    site.end_visits()
    assert "Ihre Sitzung ist abgelaufen" in client.get("/start.do").text
    client.post("/anmeldung/benutzer.do", data={"kennung": site.customer.name})
    answer = client.post("/anmeldung/kennwort.do", data={"geheim": site.customer.password})
    assert "Nutzungshinweise" in answer.text
    assert site.codes_sent == 1


def test_a_wrong_password_and_a_wrong_code_lead_nowhere(walk):
    client, site = walk
    client.post("/anmeldung/benutzer.do", data={"kennung": site.customer.name})
    assert "ist falsch" in client.post("/anmeldung/kennwort.do", data={"geheim": "?"}).text
    client.post("/anmeldung/kennwort.do", data={"geheim": site.customer.password})
    client.post("/anmeldung/sicherheit.do", data={"weg": "E"})
    assert "nicht richtig" in client.post("/anmeldung/code.do", data={"scode": "1"}).text
    assert "abgelaufen" in client.get("/start.do").text


def test_pages_are_in_the_words_and_numbers_of_the_country(walk):
    client, site = walk
    client.headers["cookie"] = site.signed_in_cookie()
    dear = next(book for book in site.books.values() if book.kind == "dear")
    page = client.get("/shop/artikel.do", params={"ean": dear.ean})
    assert page.charset_encoding == "iso-8859-1"
    assert "<td>1.249,00 $</td>" in page.text
    assert "<td>Zentrallager Ost</td>" in page.text
    kinds = {book.kind: book.ean for book in site.books.values()}
    assert "nichts gefunden" in client.get("/shop/artikel.do", params={"ean": kinds["not listed"]}).text
    assert "k. A." in client.get("/shop/artikel.do", params={"ean": kinds["incomplete"]}).text
    assert "kein Lager" in client.get("/shop/artikel.do", params={"ean": kinds["to come"]}).text
    assert "nur an Bibliotheken" in client.get("/shop/artikel.do", params={"ean": kinds["restricted"]}).text


def test_the_list_has_all_books_on_its_pages_and_in_its_workbook(walk):
    client, site = walk
    client.headers["cookie"] = site.signed_in_cookie()
    on_pages = []
    for number in range(1, 5):
        page = client.get("/recherche/merkliste.do", params={"liste": LIST, "seite": number}).text
        on_pages += re.findall(r"EAN (\d{13})", page)
    assert on_pages == list(site.books)
    workbook = client.get("/recherche/mappe.do", params={"liste": LIST}).content
    listed = [cell for _, cells in read_workbook(workbook)[0] for cell in cells]
    assert set(site.books) <= set(listed)


def test_the_wall_stands_before_every_page(walk):
    client, site = walk
    client.headers["cookie"] = site.signed_in_cookie()
    site.closed = True
    answer = client.get("/start.do")
    assert answer.status_code == 200
    assert "ungewöhnlich viele Anfragen" in answer.text
