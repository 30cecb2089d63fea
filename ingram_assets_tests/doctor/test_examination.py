"""The doctor in a shop of real servers: all in order, and what is said where it is not."""

import pytest

from ingram_assets.doctor.model import Outcome
from ingram_assets_tests.testing.examined_shop import ExaminedShop

pytestmark = pytest.mark.xdist_group("medusa")


def test_all_is_there(shop: ExaminedShop) -> None:
    found = shop.examine("clock", "postgresql", "bucket", "open library", "medusa").found
    assert {one.outcome for one in found} <= {Outcome.FINE, Outcome.NOTE, Outcome.NOT_TRIED}
