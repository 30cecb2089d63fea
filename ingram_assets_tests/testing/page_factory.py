"""Pages as the site sends them, written from what is known of them; every part can be changed."""

from collections.abc import Iterable, Sequence
from html import escape

HEALTHY_SCRIPT = '<script src="/_Incapsula_Resource?SWJIYLWA=719d34d31c8e3a6e6fffd425f7e032f3&ns=1"></script>'
BLOCK = (
    '<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW"></head><body>'
    '<iframe id="main-iframe" src="/_Incapsula_Resource?CWUDNSAI=23&xinfo=9-1-0&incident_id=1-2&edet=12" '
    'frameborder=0 width="100%">Request unsuccessful. Incapsula incident ID: 1234-5678</iframe></body></html>'
)
INTERRUPTION = (
    "<!DOCTYPE html><html><head><title>Pardon Our Interruption</title></head><body>"
    "<h1>Pardon Our Interruption</h1>"
    "<p>As you were browsing something about your browser made us think you were a bot.</p></body></html>"
)
LOGIN = (
    "<!DOCTYPE html><html><head><title>iPage Log In</title></head><body>"
    '<form name="login" id="loginIdForm" method="post" action="/ipage/administration/login.action">'
    '<input type="hidden" name="token" value="t0k3n"><input type="hidden" name="allow" value="Y">'
    '<input id="userIDText" name="username"><input type="password" id="passwordText" name="passwd">'
    '<button class="btn btn-primary btn-block">Log In</button></form></body></html>'
)


def message_page(text: str) -> str:
    return (
        f"<!DOCTYPE html><html><head><title>iPage</title>{HEALTHY_SCRIPT}</head><body>"
        f'<div class="errorMessage">{text}</div></body></html>'
    )


EXPIRED = message_page("We're sorry, but your session has expired. Please log in again.")
NO_MATCH = message_page("No information matches your query")

UPPER: tuple[tuple[str, str], ...] = (
    ("ISBN", "0593135202"),
    ("EAN", "9780593135204"),
    ("US SRP", "$28.99 (Discount: REG)"),
    ("Binding", "Hardcover"),
    ("Pub Date", "May 04, 2021"),
    ("Copyright Date", "2021"),
    ("Annotation", "A lone astronaut must save the earth."),
)
LOWER: tuple[tuple[str, str], ...] = (
    ("Physical Info", "2.3 cms H x 21.0 cms L x 14.0 cms W (0.35 kgs) 476 pages"),
    ("Target Age Group", "18 and up"),
    ("Series", "Hail Mary"),
    (
        "BISAC Categories",
        "FICTION / Science Fiction / Hard Science Fiction | FICTION / Thrillers / Technological"
        '<div class="panel"><div class="panel-heading">INGRAM Categories</div>'
        '<div class="panel-body">Science Fiction<br>Space</div></div>',
    ),
    ("Carton Quantity", "12"),
    ("LC Subjects", "Astronauts | Interstellar travel | 1,234 tales"),
)
OWN_ROWS: tuple[Sequence[str], ...] = (("TN", "1,410", "0"), ("PA", "37", "250"))
OTHER_ROWS: tuple[Sequence[str], ...] = (("IN", "0", "12"), ("OR", "3", "199,999"))
HEADER = ("DC", "On Hand", "On Order")


def table(css_class: str, rows: Iterable[Sequence[str]], header: Sequence[str] | None = None) -> str:
    html = f'<table class="{css_class}" cellspacing="0">'
    if header is not None:
        html += "<tr>" + "".join(f'<th class="scTableHeader">{name}</th>' for name in header) + "</tr>\n"
    for row in rows:
        html += "<tr>" + "".join(f'<td class="scTabledata">{cell}</td>' for cell in row) + "</tr>\n"
    return html + "</table>\n"


def stock_tables(
    own: Iterable[Sequence[str]] = OWN_ROWS,
    other: Iterable[Sequence[str]] = OTHER_ROWS,
    header: Sequence[str] | None = HEADER,
    other_header: Sequence[str] | None = None,
) -> str:
    return table("newStockCheckTable", own, header) + table("newAltStockCheckTable", other, other_header)


def contributors(people: Iterable[tuple[str, str]]) -> str:
    return ", ".join(
        f'<a class="doContributorSearch" href="#"><span>{escape(name)}</span></a> ({role})'
        for name, role in people
    )


def product_page(
    *,
    title: str = "Project Hail Mary",
    availability: str = "<strong>- In Stock</strong>",
    people: Iterable[tuple[str, str]] = (("Andy Weir", "Author"), ("Ray Porter", "Narrator")),
    publisher: str = "Ballantine Books",
    upper: Iterable[tuple[str, str]] = UPPER,
    lower: Iterable[tuple[str, str]] = LOWER,
    stock: str | None = None,
    messages: Iterable[str] = (),
    extra: str = "",
    head: str = "",
) -> str:
    """A whole page. `stock=""` shows no stock table. Values are markup."""
    parts = [
        f'<div><span id="pd-title" class="productDetailTitle">{title}</span> {availability}</div>',
        f"<div>{contributors(people)}</div>",
        f'<div><a class="doSid" href="#">{publisher}</a></div>',
        *(
            f'<div class="productDetailElements"><strong>{name}:</strong> {value}</div>'
            for name, value in upper
        ),
        *(f"<p>{message}</p>" for message in messages),
        stock_tables() if stock is None else stock,
        "<table>",
        *(
            f'<tr><td class="productDetailSmallElements"><strong>{name}:</strong> {value}</td></tr>'
            for name, value in lower
        ),
        "</table>",
        extra,
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>iPage</title>{head}'
        "<script>var t = 7777 + \"<table class='newStockCheckTable'><td>TX</td>\";</script>"
        f"</head><body>\n{chr(10).join(parts)}\n{HEALTHY_SCRIPT}</body></html>\n"
    )


def replaced(pairs: Iterable[tuple[str, str]], **changes: str | None) -> list[tuple[str, str]]:
    """The pairs with some values changed (`US_SRP="…"`), added, or taken out (`None`)."""
    by_name = {name.replace("_", " "): value for name, value in changes.items()}
    kept = [(name, by_name.pop(name, value)) for name, value in pairs]
    return [(name, value) for name, value in [*kept, *by_name.items()] if value is not None]
