"""The product page, in the layout that the rules ask for."""

import random
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ingram_demo.simulator.catalog import CatalogTitle, isbn_10
from ingram_demo.simulator.dials import Dials
from ingram_demo.simulator.faults import Rule
from ingram_demo.simulator.layouts import LAYOUTS, Layout
from ingram_demo.simulator.shown import Row, shown_stock, shown_title
from ingram_demo.simulator.sign_in import EXPIRED, session_of, signed_out_of
from ingram_demo.simulator.site import Site

PRODUCT = "/ipage/productdetail"
LEGACY_PRODUCT = "/ipage/servlet/ibg.common.titledetail.pd1000"
NO_MATCH = "No information matches your query. Please try again."

_CITIES = {
    "TN": "La Vergne",
    "PA": "Chambersburg",
    "IN": "Fort Wayne",
    "OR": "Roseburg",
    "CA": "Fresno",
    "OH": "Fairfield",
}
_CM, _KG = Decimal("2.54"), Decimal("0.45359237")


async def product(request: Request) -> Response:
    site: Site = request.app.state.site
    rule: Rule | None = request.scope.get("fault")
    if session_of(request, site) is None:
        return signed_out(request, site)
    isbn = asked_isbn(site, request.query_params)
    if isbn is not None and rule is not None and rule.fault == "wrong_title":
        isbn = site.book.another(isbn)
    if isbn is None:
        return HTMLResponse(site.render("error.html", message=NO_MATCH))
    return HTMLResponse(render_product(site, isbn, rule))


def signed_out(request: Request, site: Site) -> Response:
    """What a page says without a session: the login form to a newcomer, "expired" to an old cookie."""
    if (
        site.dials.expired_html
        or site.dials.expired_as == "login_form"
        or "JSESSIONID" not in request.cookies
    ):
        return signed_out_of(site)
    if site.dials.expired_as == "message":
        return HTMLResponse(site.render("error.html", message=EXPIRED))
    return RedirectResponse("/ipage/error.jsp?timeout=y", 302)


def asked_isbn(site: Site, query: Any) -> str | None:
    """The title that a product page's address asks for: by `ean_id`, or by record number `R`."""
    if "ean_id" in query:
        isbn = str(query["ean_id"])
    else:
        record = str(query.get("R", ""))
        isbn = site.book.by_record.get(int(record), "") if record.isdecimal() and len(record) < 12 else ""
    return isbn if isbn in site.book.titles else None


def render_product(site: Site, isbn: str, rule: Rule | None = None) -> str:
    title, rows = shown_title(site, isbn), shown_stock(site, isbn)
    layout = LAYOUTS["classic"]
    price = title.srp_price
    if rule is not None:
        if rule.fault == "layout":
            layout = LAYOUTS[rule.layout]
        elif rule.fault == "zeros" and rows is not None:
            rows = [row._replace(on_hand=0, on_order=0) for row in rows]
        elif rule.fault == "no_stock_table":
            rows = None
        elif rule.fault == "price":
            price = Decimal(rule.price)
    if layout.label_style == "redesign":
        return site.render("redesign.html", title=title)
    upper, lower = _elements(title, price, site.dials), _small_elements(title, site.dials)
    if rule is not None and rule.fault == "no_label":
        upper, lower = ([pair for pair in pairs if pair[0] != rule.label] for pairs in (upper, lower))
    if layout.shuffled_labels:
        random.Random(isbn).shuffle(upper)
        random.Random(isbn).shuffle(lower)
    if layout.label_style == "missing_ean":
        upper = [pair for pair in upper if pair[0] not in ("ISBN", "EAN")]
    return site.render(
        "product.html",
        title=title,
        upper=upper,
        lower=lower,
        tables=_tables(rows, layout, site.dials) if rows is not None else [],
        stock_first=layout.stock_first,
        label_style=layout.label_style,
        related=_related(site, isbn),
    )


def _elements(title: CatalogTitle, price: Decimal, dials: Dials) -> list[tuple[str, str]]:
    """Label and value of the `div.productDetailElements`."""
    published = title.publication_date.strftime(dials.date_format)
    elements = [
        ("ISBN", isbn_10(title.isbn) or title.isbn),
        ("EAN", title.isbn),
        ("US SRP", f"${price:,.2f} (Discount: {title.discount})"),
        ("Binding", title.binding),
        ("Pub Date", published),
        ("Copyright Date", str(title.publication_date.year)),
        ("Annotation", title.annotation),
    ]
    if title.publisher_status == "NY":
        elements.insert(5, ("Release Date", published))
    return elements


def _small_elements(title: CatalogTitle, dials: Dials) -> list[tuple[str, str]]:
    """Label and value of the `td.productDetailSmallElements`."""
    elements = [("Physical Info", physical_info(title, dials.units))]
    if title.target_age:
        elements.append(("Target Age Group", title.target_age))
    if title.series:
        elements.append(("Series", title.series))
    panel = Markup(
        '<div class="panel panel-default ingramCategories"><div class="panel-heading">INGRAM Categories</div>'
        '<div class="panel-body">{}</div></div>'
    ).format(Markup("<br>").join(title.ingram_categories))
    elements.append(("BISAC Categories", escape(" | ".join(title.bisac)) + panel))
    if title.carton_quantity:
        elements.append(("Carton Quantity", str(title.carton_quantity)))
    elements.append(("LC Subjects", " | ".join(title.lc_subjects)))
    return elements


def physical_info(title: CatalogTitle, units: str) -> str:
    """`2.3 cms H x 21.0 cms L x 14.0 cms W (0.35 kgs) 320 pages`, or in inches and pounds."""
    pages = f" {title.page_count} pages" if title.page_count else ""
    if title.binding == "E-Book":
        return pages.strip()
    height, length, width = title.size
    if units == "imperial":
        return f'{height:.1f}" H x {length:.1f}" L x {width:.1f}" W ({title.weight:.2f} lbs){pages}'
    return (
        f"{height * _CM:.1f} cms H x {length * _CM:.1f} cms L x {width * _CM:.1f} cms W "
        f"({title.weight * _KG:.2f} kgs){pages}"
    )


def _tables(rows: list[Row], layout: Layout, dials: Dials) -> list[dict[str, Any]]:
    names = dict(layout.headers)
    header = [names[column] for column in layout.columns]
    split = layout.rows_in_main
    if layout.last_dc and rows:
        rows = [*rows[:-1], rows[-1]._replace(dc=layout.last_dc)]
    main, alt = rows[:split], rows[split:] if layout.alt_shown else []
    tables = [_table(main, layout, dials, layout.main_class, header if layout.main_header else None)]
    if alt:
        tables.append(_table(alt, layout, dials, layout.alt_class, header if layout.alt_header else None))
        if layout.total_row:
            total = [sum(row.on_hand or 0 for row in rows), sum(row.on_order or 0 for row in rows)]
            tables[-1]["rows"].append(["Total", f"{total[0]:,}", f"{total[1]:,}"])
    return tables


def _table(
    rows: list[Row], layout: Layout, dials: Dials, css_class: str, header: list[str] | None
) -> dict[str, Any]:
    cells = [[_cell(row, column, layout, dials) for column in layout.columns] for row in rows]
    return {
        "class": css_class,
        "header": header,
        "rows": cells,
        "thead": layout.thead,
        "cell": layout.cell_class,
    }


def _cell(row: Row, column: str, layout: Layout, dials: Dials) -> str:
    if column == "dc":
        return Markup('<a href="#" class="dcInfo">{}</a>').format(row.dc) if layout.thead else row.dc
    if column == "city":
        return _CITIES.get(row.dc, "")
    if column == "reserved":
        return "7"
    if column == "next_due":
        return "12/01" if row.on_order else ""
    count = row.on_hand if column == "on_hand" else row.on_order
    if count is None:
        return dials.unknown_cells
    if layout.counts_in_words:
        return "100+" if count > 100 else "Low" if count else "None"
    return f"{count:,}"


def _related(site: Site, isbn: str) -> list[CatalogTitle]:
    """Other titles in the margin, with prices and numbers that are not this one's."""
    other = site.book.another(isbn)
    return [site.book.titles[number] for number in (other, site.book.another(other)) if number != isbn]


ROUTES = [Route(PRODUCT, product), Route(LEGACY_PRODUCT, product)]
