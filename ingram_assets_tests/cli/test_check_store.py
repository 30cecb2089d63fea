"""`ingram check-store`: its exit code says whether titles differ, or whether it could look at all."""

import json

import pytest
from click.testing import CliRunner

from ingram_assets.cli.main import main
from ingram_assets_tests.testing.looked_at_shop import LookedAtShop

pytestmark = pytest.mark.xdist_group("operations")


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        ("MEDUSA_BACKEND_URL", "http://127.0.0.1:9"),
        ("QUEUE_DB_URL", "postgresql://reader@127.0.0.1:9/queue"),
        ("STOREFRONT_DB_URL", "postgresql://storefront@127.0.0.1:9/journal"),
    ],
)
def test_what_cannot_be_asked_is_no_title_that_differs(
    shop: LookedAtShop, setting: str, address: str
) -> None:
    shop.patch.setenv(setting, address)
    done = CliRunner().invoke(main, ["check-store", "--json"])
    assert done.exit_code == 2
    told = json.loads(done.stdout.splitlines()[-1])
    assert not told["ok"]
    assert told["error"].startswith("Nothing was compared: ")
