"""The saved search: its pages of results and its export, a CSV file in one of several shapes.

What iPage's own look like is not publicly known: the pages are in two plausible markups.
"""

import csv
import dataclasses
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ingram_demo.simulator.catalog import CatalogTitle, isbn_10, make_title
from ingram_demo.simulator.faults import Rule
from ingram_demo.simulator.product import NO_MATCH, signed_out
from ingram_demo.simulator.shown import shown_title
from ingram_demo.simulator.sign_in import session_of, signed_out_of
from ingram_demo.simulator.site import SEARCH_ID, Site

SEARCH = "/ipage/search/savedSearch.action"
EXPORT = "/ipage/browseRow/downloadExcel.action"
PAGE_SIZE = 25
OTHERS = 3
"""Books beside the results that are none of them: the last of the catalog, which a search cut short lacks."""
OTHER_SEARCH_TITLES = 40


async def saved_search(request: Request) -> Response:
    """The saved search's pages: how many titles, some of them, and links to the next and the export."""
    site: Site = request.app.state.site
    if session_of(request, site) is None:
        return signed_out(request, site)
    query = request.query_params
    if query.get("searchId") != SEARCH_ID:
        return HTMLResponse(site.render("error.html", message=NO_MATCH))
    rule: Rule | None = request.scope.get("fault")
    isbns = list(site.book.titles)[: site.dials.search_shows or None]
    if rule is not None and rule.fault == "header_only":
        isbns = []
    is_table = site.dials.results_markup == "table"
    first = _number(query.get("No")) if is_table else PAGE_SIZE * (max(1, _number(query.get("page"))) - 1)
    page = site.render(
        "search.html" if is_table else "search_cards.html",
        total=len(isbns),
        first=first,
        size=PAGE_SIZE,
        titles=[shown_title(site, isbn) for isbn in isbns[first : first + PAGE_SIZE]],
        others=[shown_title(site, isbn) for isbn in list(site.book.titles)[-OTHERS:]],
        isbn_10=isbn_10,
        here=f"{SEARCH}?{urlencode({'searchId': SEARCH_ID})}",
        export=_export_link(len(isbns)) if site.dials.export_as != "unlinked" else None,
    )
    return HTMLResponse(page)


def _export_link(total: int) -> str:
    query = {
        "method": "downloadExcelPopup",
        "listTypeId": "SR",
        "listId": SEARCH_ID,
        "totalRecords": total,
        "No": 0,
    }
    return f"{EXPORT}?{urlencode(query)}"


async def download(request: Request) -> Response:
    """The export, by `listId` or `searchId`; `totalRecords` and `No` cut it."""
    site: Site = request.app.state.site
    rule: Rule | None = request.scope.get("fault")
    fault = rule.fault if rule is not None else None
    if session_of(request, site) is None:
        return signed_out_of(site)
    query = request.query_params
    if query.get("listId", query.get("searchId")) != SEARCH_ID:
        return HTMLResponse(site.render("error.html", message=NO_MATCH))
    if site.dials.export_as == "404":
        return HTMLResponse("<html><body><h1>Not Found</h1></body></html>", 404)
    if site.dials.export_as == "popup":
        return HTMLResponse(site.render("export_popup.html"))
    titles: list[CatalogTitle] = [shown_title(site, isbn) for isbn in site.book.titles]
    first, wanted = _number(query.get("No")), _number(query.get("totalRecords"))
    titles = titles[first:][: wanted or None]
    if fault == "other_search":
        titles = _other_search()
    elif fault == "header_only":
        titles = []
    elif fault == "doubled":
        titles = titles + titles
    return Response(
        export_csv(titles, site.dials.csv_layout),
        media_type="application/vnd.ms-excel",
        headers={"Content-Disposition": 'attachment; filename="SearchResults.csv"'},
    )


def export_csv(titles: Iterable[CatalogTitle], layout: str) -> bytes:
    """The file in a layout of `dials.CSV_LAYOUTS`. What iPage's own columns are is not publicly known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n" if layout == "isbn13" else "\r\n")
    if layout == "tabs":
        writer = csv.writer(text, delimiter="\t", lineterminator="\r\n")
    if layout == "preamble":
        text.write(
            "Saved Search: Science fiction and fantasy by demand\r\nExported: 11/20/2026 8:15 AM\r\n\r\n"
        )
    for row in _rows(titles, layout):
        writer.writerow(row)
        if layout == "product_code":
            text.write("\r\n")
    data = text.getvalue()
    if layout == "tabs":
        return data.encode("utf-16")
    return data.encode("utf-8" if layout == "isbn13" else "utf-8-sig")


def _rows(titles: Iterable[CatalogTitle], layout: str) -> Iterator[list[str]]:
    match layout:
        case "isbn13":
            yield ["Title", "ISBN-13", "List Price"]
            for title in titles:
                yield [title.title, title.isbn, str(title.srp_price)]
        case "product_code":
            yield ["Product Code", "Product Name", "Contributor", "Price"]
            for title in titles:
                yield [_hyphens(title.isbn), title.title, title.author, f"USD {title.srp_price}"]
        case "both_codes":
            yield ["ISBN", "EAN", "Title", "Pub Date", "US SRP", "US List Discount"]
            for title in titles:
                published = f"{title.publication_date:%m/%d/%Y}"
                price = f"${title.srp_price}"
                yield [isbn_10(title.isbn) or "", title.isbn, title.title, published, price, title.discount]
        case "tabs" | "preamble":
            yield ["ISBN-13", "Title", "Author", "US SRP"]
            for title in titles:
                yield [title.isbn, title.title, title.author, f"${title.srp_price}"]
        case "all_isbn10":
            yield ["ISBN", "Title", "US SRP"]
            for title in titles:
                yield [isbn_10(title.isbn) or title.isbn, title.title, f"${title.srp_price}"]
        case "unknown_columns":
            yield ["Item", "Name", "Cost"]
            for title in titles:
                yield [title.isbn, title.title, f"${title.srp_price}"]
        case _:
            yield ["ISBN", "Title", "Author", "Publisher", "Binding", "Pub Date", "US SRP"]
            for title in titles:
                number = isbn_10(title.isbn) if title.isbn_10_in_export else None
                yield [
                    # Excel would show 13 digits as 9.78E+12: hence the formula around them.
                    number or f'="{title.isbn}"',
                    title.title,
                    "; ".join(name for name, _ in title.contributors),
                    title.publisher,
                    title.binding,
                    f"{title.publication_date:%m/%d/%Y}",
                    f"${title.srp_price}",
                ]


def _hyphens(isbn: str) -> str:
    return f"{isbn[:3]}-{isbn[3]}-{isbn[4:7]}-{isbn[7:12]}-{isbn[12]}"


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 8 else 0


def _other_search() -> list[CatalogTitle]:
    """Titles of somebody else's search: valid, and none of them in this one."""
    today = datetime.now().astimezone().date()
    far = [make_title(90_000 + number, today) for number in range(OTHER_SEARCH_TITLES)]
    return [dataclasses.replace(title, title=f"{title.title} (Large Print)") for title in far]


ROUTES = [Route(SEARCH, saved_search), Route(EXPORT, download)]
