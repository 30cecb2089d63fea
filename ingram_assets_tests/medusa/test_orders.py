"""What a shopper meets: carts and orders on the real store, before and after a sync."""

import pytest

from ingram_assets_tests.medusa.conftest import Bench
from ingram_assets_tests.medusa.shop import Refusal, make_title

pytestmark = pytest.mark.xdist_group("medusa")


def test_a_title_at_zero_refuses_the_cart(bench: Bench) -> None:
    title = make_title(on_hand=0)
    bench.import_(title)
    assert bench.shop.shown(title.isbn)["inventory_quantity"] == 0
    with pytest.raises(Refusal) as refusal:
        bench.shop.add_to_cart(title.isbn)
    assert refusal.value.body["code"] == "insufficient_inventory"


def test_an_order(bench: Bench) -> None:
    title = make_title(on_hand=10)
    bench.import_(title)
    order = bench.shop.order(title.isbn, 2)
    assert bench.level(title.isbn) == (10, 2, 0)
    bench.shop.fulfil(order, bench.location.id)
    assert bench.level(title.isbn) == (8, 0, 0)
