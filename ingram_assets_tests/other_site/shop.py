"""An article's page, its picture, and the wall before them."""

import asyncio
import functools
import io
import random

from markupsafe import Markup
from PIL import Image, ImageDraw, ImageFont
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingram_assets_tests.other_site.books import CENTERS
from ingram_assets_tests.other_site.rendering import page
from ingram_assets_tests.other_site.sign_in import is_in, signed_out
from ingram_assets_tests.other_site.state import OtherSite

ARTICLE = "/shop/artikel.do"
PICTURE = "/medien/bild/{ean}_gross.png"
_OWN = {"title": "", "table": "bestand", "cell": ""}
_IPAGE_S = {
    "title": Markup(' id="pd-title" class="productDetailTitle"'),
    "table": "newStockCheckTable",
    "cell": Markup(' class="scTabledata"'),
}


async def article(request: Request) -> Response:
    site: OtherSite = request.app.state.site
    if not is_in(request):
        return signed_out(request)
    ean = request.query_params.get("ean", "")
    book = site.books.get(ean)
    if book is None or book.kind == "not listed":
        return page(request, "kein_treffer.html", ean=ean)
    marks = _IPAGE_S if site.with_ipage_s_marks else _OWN
    return page(request, "artikel.html", book=book, centers=CENTERS, ipage=marks)


async def picture(request: Request) -> Response:
    site: OtherSite = request.app.state.site
    if not is_in(request):
        return signed_out(request)
    book = site.books.get(request.path_params["ean"])
    if book is None or book.picture == "none" or book.kind == "not listed":
        return page(request, "kein_bild.html")
    if book.picture == "placeholder":
        return Response(_placeholder(), media_type="image/png")
    data = await asyncio.to_thread(drawn, book.ean, book.title)
    return Response(data, media_type="image/png")


@functools.lru_cache(maxsize=256)
def drawn(ean: str, title: str) -> bytes:
    """A cover of its own for each book."""
    rng = random.Random(ean)
    image = Image.new("RGB", (420, 640), tuple(rng.randrange(30, 200) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y, r = rng.randrange(420), rng.randrange(160, 640), rng.randrange(15, 120)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(rng.randrange(255) for _ in range(3)))
    draw.text((20, 40), title, "white", ImageFont.load_default(24))
    return _png(image)


@functools.lru_cache(maxsize=1)
def _placeholder() -> bytes:
    image = Image.new("RGB", (420, 640), "white")
    ImageDraw.Draw(image).text((120, 280), "Kein Bild", "gray", ImageFont.load_default(40))
    return _png(image)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


ROUTES = [Route(ARTICLE, article), Route(PICTURE, picture)]
