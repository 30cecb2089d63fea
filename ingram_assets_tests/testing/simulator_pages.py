"""Reads the simulator's pages with nothing but what is publicly known of the site's markup.

Independent of the project's own parsers: so that a page which only our reader can read is noticed.
"""

from typing import Any
from urllib.parse import urlencode

import httpx
from selectolax.lexbor import LexborHTMLParser

PRODUCT = "/ipage/productdetail"
LOGIN = "/ipage/li001.jsp"


def page(client: httpx.Client, isbn: str) -> LexborHTMLParser:
    response = client.get(PRODUCT, params={"ean_id": isbn})
    assert response.status_code == 200
    return LexborHTMLParser(response.text)


def elements(tree: LexborHTMLParser, css: str = "div.productDetailElements") -> dict[str, str]:
    """Label to what follows it."""
    found = {}
    for node in tree.css(css):
        label = node.css_first("strong").text()
        assert node.text().lstrip().startswith(label)
        found[label.strip().rstrip(":")] = node.text().strip()[len(label) :].strip()
    return found


def rows(tree: LexborHTMLParser, table: str) -> list[list[str]]:
    """The texts of a table's `td.scTabledata` cells by row, header row left out."""
    found = [[cell.text() for cell in row.css("td.scTabledata")] for row in tree.css(f"table.{table} tr")]
    return [row for row in found if row]


def stock(tree: LexborHTMLParser) -> dict[str, dict[str, Any]] | None:
    """Both tables in the book's form."""
    main, others = rows(tree, "newStockCheckTable"), rows(tree, "newAltStockCheckTable")
    if not main:
        return None
    roles = ["primary", "secondary", *["other"] * len(others)]
    return {
        dc: {"type": role, "onHand": _count(held), "onOrder": _count(coming)}
        for (dc, held, coming), role in zip(main + others, roles, strict=True)
    }


def _count(text: str) -> int | None:
    plain = text.replace(",", "")
    return int(plain) if plain.isdecimal() else None


def error_message(response: httpx.Response) -> str | None:
    node = LexborHTMLParser(response.text).css_first(".errorMessage")
    return node.text() if node is not None else None


def is_login_form(response: httpx.Response) -> bool:
    return LexborHTMLParser(response.text).css_first("form[name=login]") is not None


def export_address(search_id: str, total: int = 100) -> str:
    query = {
        "method": "downloadExcelPopup",
        "listTypeId": "SR",
        "listId": search_id,
        "totalRecords": total,
        "No": 0,
    }
    return f"/ipage/browseRow/downloadExcel.action?{urlencode(query)}"


def submit(client, page, form="form", **fields):
    """Posts the page's form with its hidden fields and these."""
    node = LexborHTMLParser(page.text).css_first(form)
    hidden = {
        field.attributes["name"]: field.attributes["value"] or "" for field in node.css("input[type=hidden]")
    }
    return client.post(node.attributes["action"], data={**hidden, **fields})


def give_password(sim, client, password=None):
    page = client.get(LOGIN)
    fields = {"username": sim.account.username, "passwd": password or sim.account.password}
    return submit(client, page, "form[name=login]", **fields)
