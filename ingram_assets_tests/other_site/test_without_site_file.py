"""The other site, read as if it were an iPage: nothing is understood or written, and all is named."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ingram_assets.defs.keys import ISBNS_NAME
from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.other_site.books import LIST
from ingram_assets_tests.other_site.server import running_other_site
from ingram_assets_tests.other_site.whole_shop import OtherShop, whole_shop
from ingram_assets_tests.testing.storefront import shown_by
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.s3 import S3

pytestmark = pytest.mark.xdist_group("medusa")

TITLES = 36
"""The last of the site, among which are all kinds."""
KNOWN = 18
"""Titles whose stock was read in better days; the others' never was."""


@pytest.fixture(scope="module")
def shop(
    postgres: Postgres, s3: S3, medusa: Medusa, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OtherShop]:
    """A shop that sells the site's books, by what was known of them before."""
    with running_other_site() as site:
        home, search = tmp_path_factory.mktemp("dagster"), {"IPAGE_SAVED_SEARCH_ID": LIST}
        with whole_shop(site, "without_site_file", home, postgres, s3, medusa, search) as shop:
            _track(shop)
            assert shop.push().succeeded
            yield shop


def _track(shop: OtherShop) -> None:
    at = datetime.now(UTC) - timedelta(minutes=30)
    books = list(shop.site.books.values())[-TITLES:]
    stock = {"TN": DcStock(37, 2, "primary"), "PA": DcStock(5, 0, "secondary")}
    with QueueWriter(shop.queue.writer) as writer:
        writer.add_titles([{"isbn": book.ean, "title": book.title, "srp_price": "19.99"} for book in books])
        writer.record_stock([{"isbn": book.ean, "observed_at": at, "stock": stock} for book in books[:KNOWN]])
    shop.instance.add_dynamic_partitions(ISBNS_NAME, [book.ean for book in books])


@pytest.mark.parametrize(
    "likeness",
    [
        {},
        {"at_ipage_s_addresses": True},
        {"at_ipage_s_addresses": True, "with_ipage_s_marks": True},
        {"at_ipage_s_addresses": True, "with_ipage_s_marks": True, "turned": True},
    ],
    ids=["none", "its addresses", "its marks", "its marks, turned"],
)
def test_nothing_false_is_written_and_every_title_is_named(
    shop: OtherShop, likeness: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much the site is like an iPage."""
    for name, value in likeness.items():
        monkeypatch.setattr(shop.site, name, value)
    titles, store, tracked = shop.titles(), shown_by(shop.storefront.shop), shop.tracked

    found = shop.discover()
    assert not found.succeeded
    assert found.error
    assert shop.tracked == tracked

    shop.sweep(let_through=True, all_details=True)
    unread = shop.unread()
    assert set(unread) == tracked
    assert all(unread.values())
    assert shop.titles() == titles

    shop.look_at_covers()
    assert shop.titles() == titles
    # Though a person lets through what a guardrail stops.
    assert shop.push(let_through=True).succeeded
    assert shown_by(shop.storefront.shop) == store
