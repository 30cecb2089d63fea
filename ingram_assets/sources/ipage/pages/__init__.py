"""The one way from what the site sends to values: its product pages and its export."""

from ingram_assets.domain.title import Contributor
from ingram_assets.sources.ipage.pages.page_failures import Blocked, NotFound, PageChanged, SessionExpired
from ingram_assets.sources.ipage.pages.product_page import ProductPage, parse_product_page
from ingram_assets.sources.ipage.pages.saved_search import parse_saved_search_csv

__all__ = [
    "Blocked",
    "Contributor",
    "NotFound",
    "PageChanged",
    "ProductPage",
    "SessionExpired",
    "parse_product_page",
    "parse_saved_search_csv",
]
