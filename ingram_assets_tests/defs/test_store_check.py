"""What shoppers see over the Store API against what is right, on a real store."""

from pathlib import Path
from typing import Any

import pytest

from ingram_assets.domain.labels import TABLE_FILE
from ingram_assets.overview.store_check import StoreCheck, check_store
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets_tests.testing.storefront import NAME, Storefront

pytestmark = pytest.mark.xdist_group("medusa")


def look(
    *isbns: str,
    retired: frozenset[str] = frozenset(),
    stopped: frozenset[str] = frozenset(),
    **settings: str,
) -> StoreCheck:
    environment = environment_of("storefront") | settings
    return check_store(
        load(StorefrontSettings, environment),
        load(CommonSettings, environment),
        load(PaceSettings, environment),
        retired=retired,
        stopped_of=lambda waiting: stopped & waiting.keys(),
        isbns=isbns,
    )


@pytest.fixture
def title(storefront: Storefront) -> str:
    """One that was brought to the store."""
    (isbn,) = storefront.titles(1)
    assert storefront.push(isbn).succeeded
    return isbn


def what(found: StoreCheck) -> list[tuple[str, str, str]]:
    return [each for one in found.differences for each in one.what]


def edit(storefront: Storefront, isbn: str, **fields: Any) -> None:
    """A person's edit of the variant in Medusa's admin."""
    variant = storefront.shop.variant(isbn)
    assert variant
    storefront.shop.post(f"products/{variant['product_id']}/variants/{variant['id']}", fields)


def test_all_is_as_it_should_be_and_nothing_is_written(storefront: Storefront, title: str) -> None:
    (ebook,) = storefront.titles(1, binding="E-Book")
    (sold_out,) = storefront.titles(1, copies=0)
    (unread,) = storefront.titles(1, copies=None)
    assert storefront.push(ebook, sold_out, unread).succeeded
    written = storefront.written()
    found = look(title, ebook, sold_out, unread)
    assert what(found) == []
    assert (found.checked, found.on_its_way, found.prices_checked) == (4, (), True)
    assert storefront.written() == written


def test_each_difference_is_named_with_what_is_seen_and_what_is_right(
    storefront: Storefront, title: str
) -> None:
    storefront.edit_level(title, 3)
    label = {"availability_label": "Sold out", "in_stock": False}
    edit(storefront, title, allow_backorder=True, metadata=label)
    found = look(title)
    (one,) = found.differences
    assert (one.isbn, one.title) == (title, "A Book")
    assert set(one.what) == {
        ("label", "'Sold out'", "'In stock'"),
        ("marked in stock", "no", "yes"),
        ("back-order", "yes", "no"),
        ("copies to sell", "3", "10"),
    }
    assert f"{title}  A Book: " in one.sentence
    assert "label: a shopper sees 'Sold out', right is 'In stock'" in one.sentence
    assert storefront.push(title).succeeded
    assert what(look(title)) == []


def test_a_title_that_no_shopper_sees_is_named(storefront: Storefront, title: str) -> None:
    variant = storefront.shop.variant(title)
    assert variant
    storefront.shop.post(f"products/{variant['product_id']}", {"status": "draft"})
    assert what(look(title)) == [("the title", "none", "one that is published in the sales channel")]
    assert what(look(title, retired=frozenset({title}))) == []
    storefront.shop.delete(f"products/{variant['product_id']}")
    (one,) = look(title).differences
    ((field, seen, right),) = one.what
    assert (field, seen) == ("the title", "none")
    assert "it was deleted, or never imported" in right
    assert one.sentence.startswith(f"{title}  A Book: The store has no product of this title (nothing there")
    assert f"To have it back: ingram enrich {title}, then ingram push." in one.sentence


def test_prices_are_compared_by_the_shop_s_policy(storefront: Storefront, title: str) -> None:
    edit(storefront, title, prices=[{"currency_code": "usd", "amount": 15}])
    assert what(look(title)) == [("price", "$15.00", "$18.99")]
    assert what(look(title, PRICE_POLICY="keep")) == [], "a person's price is right, then"
    edit(storefront, title, prices=[])
    assert what(look(title, PRICE_POLICY="keep")) == [("price", "none", "$18.99")], (
        "without any, the list price is"
    )


def test_a_tag_of_a_state_that_is_not_right_any_more_is_named(
    storefront: Storefront, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVAILABILITY_TAGS", "yes")
    assert what(look(title)) == [("tag", "none", "'availability: in stock'")]
    assert storefront.push(title).succeeded
    assert what(look(title)) == []
    monkeypatch.delenv("AVAILABILITY_TAGS")
    assert what(look(title)) == [("tag", "'availability: in stock'", "none")]
    assert storefront.push(title).succeeded
    assert what(look(title)) == []


def test_copies_at_the_shop_s_own_location_count(storefront: Storefront, title: str) -> None:
    shelf = storefront.shop.post("stock-locations", {"name": "Shop floor"})["stock_location"]["id"]
    channel = storefront.shop.medusa.store.sales_channel_id
    storefront.shop.post(f"stock-locations/{shelf}/sales-channels", {"add": [channel]})
    variant = storefront.shop.variant(title)
    assert variant
    item = variant["inventory_items"][0]["inventory_item_id"]
    level = {"location_id": shelf, "stocked_quantity": 7}
    storefront.shop.post(f"inventory-items/{item}/location-levels", level)
    try:
        # What is told of the shop's own copies is right from the next push on.
        assert ("label", "'In stock'", "'In stock, ships in 2 days'") in what(look(title))
        assert storefront.push(title).succeeded
        assert what(look(title)) == []
    finally:
        storefront.shop.delete(f"stock-locations/{shelf}")


def test_a_label_for_a_location_that_is_none_of_the_shop_s_is_named_here_and_by_a_push(
    storefront: Storefront, title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "".join(f"on_shelf,{name},1,Here\n" for name in ("Store Front", "Atlantis", NAME))
    table = tmp_path / "labels.csv"
    table.write_text(TABLE_FILE.read_text("utf-8") + own, "utf-8")
    monkeypatch.setenv("LABELS_FILE", str(table))
    for notes in (
        look(title).notes,
        storefront.push(title).reports[0]["notes"],
        storefront.push(title, dry_run=True).reports[0]["notes"],
    ):
        atlantis, ingram = (note for note in notes if "table of labels" in note)
        assert "Line 13 of the table of labels is for 'Atlantis'" in atlantis
        assert f"Line 14 of the table of labels is for '{NAME}'" in ingram
        assert "Those there are: STORE_FRONT." in ingram


def test_a_change_that_is_on_its_way_is_no_difference_yet(storefront: Storefront, title: str) -> None:
    storefront.read([title], 4)
    found = look(title)
    assert (what(found), found.on_its_way) == ([], (title,))
    found = look(title, stopped=frozenset({title, "another"}))
    assert (found.checked, found.on_its_way, found.stopped) == (0, (), (title,)), "a guardrail stopped it"
    storefront.queue.sql(
        "UPDATE ingram_queue SET stock_changed_at = now() - interval '1 hour' WHERE isbn = %s", title
    )
    storefront.queue.sql(
        "UPDATE ingram_stock_history SET stock_changed_at = now() - interval '1 hour' WHERE isbn = %s", title
    )
    with_lag = look(title, STORE_LAG_MAX="60")
    assert with_lag.on_its_way == ()
    assert ("copies to sell", "10", "4") in what(with_lag)


def test_a_wrong_key_is_a_sentence(title: str) -> None:
    from ingram_assets.domain.failures import NeedsPerson

    with pytest.raises(NeedsPerson, match="Medusa does not take the publishable key"):
        look(title, MEDUSA_PUBLISHABLE_KEY="pk_nobody_s")
