"""A page as a browser saved it: what is in the file, with the charset that it came with."""

import plistlib

from ingram_assets.sources.ipage.pages import archives
from ingram_assets.sources.ipage.pages.charsets import Body
from ingram_assets.sources.ipage.pages.page_failures import PageChanged
from ingram_assets.sources.ipage.pages.recognize import looks_like_html, recognize
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile

MAX_BYTES = 20_000_000
"""Of a file with all its pictures."""

SUFFIXES = (".html", ".htm", ".xhtml", ".mht", ".mhtml", ".webarchive", ".html.gz", ".htm.gz")
"""How files are called that a page is saved in; `.html.gz` are those that the scraper keeps."""

_SAFARI = b"bplist00"


class NoSavedPage(ValueError):
    """There is no page in the file; the message is a sentence that says why."""


def page_in(data: bytes, profile: SiteProfile | None = None) -> Body:
    """The page in a saved file: HTML, MHTML, Safari's web archive, or one of these packed.

    Where there are several pages in it (the frames of one), it is the one with a book, or else the first.

    Raises:
        NoSavedPage: it is empty, too large, or packed and holds no page.
    """
    if len(data) > MAX_BYTES:
        raise NoSavedPage(f"It has more than {MAX_BYTES:,} bytes, which no page has.")
    if not data.strip():
        raise NoSavedPage("It is empty.")
    pages = _of_safari(data) if data.startswith(_SAFARI) else [data]
    if (packed := archives.kind_of(data)) is not None:
        try:
            pages = [content for _, content in archives.files_of(data, MAX_BYTES)]
        except PageChanged:
            raise NoSavedPage(
                f"It is {packed} that can't be unpacked, or has no page in it: save the page again, as “Web "
                "Page, Complete”."
            ) from None
    found = [page for page in pages if looks_like_html(page)] or pages
    page = next(
        (page for page in found if len(found) > 1 and recognize(page, profile=profile).is_product), found[0]
    )
    return page if isinstance(page, Body) else Body(page)


def _of_safari(data: bytes) -> list[bytes]:
    try:
        main = plistlib.loads(data)["WebMainResource"]
        page = Body(main["WebResourceData"])
        page.charset = str(main.get("WebResourceTextEncodingName") or "")[:30] or None
    except Exception:  # a stranger's bytes: InvalidFileException, KeyError, OverflowError, …
        raise NoSavedPage(
            "It is a web archive of Safari's that can't be read: save the page again, as “Page Source”."
        ) from None
    return [page]
