"""Where the site may have a title's cover, and what is no cover there."""

import logging
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote, urlsplit

from ingram_assets.sources.ipage.access.answers import NO_PICTURE, Expected
from ingram_assets.sources.ipage.access.fetching import PageRequest
from ingram_assets.sources.ipage.pages.page_failures import NotFound, PageChanged
from ingram_assets.sources.ipage.pages.pictures import NotAPicture, UnfitPicture, check_picture

log = logging.getLogger(__name__)


class CoverRoutes:
    """The ways to one title's cover, tried in turn; a way that had none is not tried again."""

    def __init__(self, isbn: str) -> None:
        self._isbn = isbn
        query = f"ean={quote(isbn)}&size=640&howerType=Y"
        self._routes = [
            f"/ipage/hoverImage.jsp?{query}",
            f"/ipage/servlet/ibg.common.titledetail.imageloader?{query}",
        ]
        self._unfit: bytes | None = None

    def try_all(self, fetch: Callable[[PageRequest[bytes]], tuple[bytes, datetime]]) -> bytes | None:
        """The first picture, or the last bytes that are meant as one and can't be shown, or `None`."""
        for route in [*self._routes]:
            try:
                return fetch(PageRequest(route, Expected.PICTURE, self._read, max_bytes=25_000_000))[0]
            except (NotFound, NotAPicture) as error:
                log.debug("No cover of %s at %s: %s", self._isbn, urlsplit(route).path, error)
                self._routes.remove(route)
        return self._unfit

    def _read(self, body: bytes) -> bytes:
        try:
            check_picture(body)
        except UnfitPicture:
            self._unfit = body
            raise
        except PageChanged as error:
            # The site's own error page, with status 200. That there is no picture is no failure.
            if NO_PICTURE.search(str(error)):
                raise NotFound(str(error)) from error
            raise
        return body
