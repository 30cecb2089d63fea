"""The saved list: its pages of results, and its export."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingram_assets_tests.other_site.books import LIST, Book
from ingram_assets_tests.other_site.rendering import day, money, page
from ingram_assets_tests.other_site.sign_in import is_in, signed_out
from ingram_assets_tests.other_site.state import OtherSite
from ingram_assets_tests.testing.workbooks import xlsx

RESULTS = "/recherche/merkliste.do"
EXPORT = "/recherche/mappe.do"
PAGE = 15
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def results(request: Request) -> Response:
    """The list, fifteen a page; beside it, books that are not in it."""
    site: OtherSite = request.app.state.site
    if not is_in(request):
        return signed_out(request)
    if request.query_params.get("liste") != LIST:
        return page(request, "kein_treffer.html", ean=request.query_params.get("liste", ""))
    number = max(1, int(request.query_params.get("seite", "1")))
    books = list(site.books.values())
    last = -(-len(books) // PAGE)
    shown = books[(number - 1) * PAGE : number * PAGE]
    here = f"{RESULTS}?liste={LIST}&seite="
    return page(
        request, "treffer.html", books=shown, all=len(books), number=number, last=last, here=here, list=LIST
    )


async def export(request: Request) -> Response:
    """A workbook: a banner, an empty row, the header, a row a book. EANs are numbers, as Excel likes it."""
    site: OtherSite = request.app.state.site
    if not is_in(request):
        return signed_out(request)
    if request.query_params.get("liste") != LIST:
        return page(request, "kein_treffer.html", ean=request.query_params.get("liste", ""))
    rows: list[tuple[object, ...]] = [
        (f"Lindenhof Barsortiment – Merkliste {LIST}", None, f"Stand: {day(site.today)}"),
        (),
        ("Lfd.", "Art.-Nr.", "Kurztitel", "Verf.", "Verl.", "Ladenpr.", "Ersch.-Dat.", "Einb.", "EK netto"),
    ]
    rows += [_row(number, book) for number, book in enumerate(site.books.values(), start=1)]
    name = f'attachment; filename="merkliste_{LIST}.xlsx"'
    data = xlsx({"Merkliste": rows, "Legende": [("Einb.", "Einband"), ("Verf.", "Verfasser/in")]})
    return Response(data, media_type=XLSX, headers={"content-disposition": name})


def _row(number: int, book: Book) -> tuple[object, ...]:
    return (
        *(number, int(book.ean), book.title, book.author, book.publisher),
        *(money(book.price), day(book.published), book.binding, money(book.price * 6 / 10)),
    )


ROUTES = [Route(RESULTS, results), Route(EXPORT, export)]
