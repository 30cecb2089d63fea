"""What the watch knows by name: assets and checks by their keys, ops and sensors by their names.

The ops, checks and sensors are the other code locations': this one can't reach their code.
"""

import dagster as dg

from ingram_assets.alerts.model import WorkNames
from ingram_assets.defs import keys

TITLES_CHECK = dg.AssetCheckKey(keys.STOCK, "within_the_promise")
_STORE_CHECK = dg.AssetCheckKey(keys.INVENTORY_LEVELS, "store_follows_queue")

WATCHDOGS = {TITLES_CHECK: "stock_promise", _STORE_CHECK: "store_promise"}
"""Each standing check, and the sensor that evaluates it."""


def check_name(check: dg.AssetCheckKey) -> str:
    """A check as `Checked.check` has it."""
    return f"{check.asset_key.to_user_string()}: {check.name}"


NAMES = WorkNames(
    sweep=keys.STOCK_SWEEP.to_user_string(),
    search=keys.SAVED_SEARCH.to_user_string(),
    stock=keys.STOCK.to_user_string(),
    levels=keys.INVENTORY_LEVELS.to_user_string(),
    of_site=frozenset(
        key.to_user_string() for key in (keys.STOCK_SWEEP, keys.SAVED_SEARCH, keys.COVER_SWEEP)
    ),
    push=frozenset(("push_titles", keys.INVENTORY_LEVELS.to_user_string())),
    titles_check=check_name(TITLES_CHECK),
    store_check=check_name(_STORE_CHECK),
    called={
        keys.STOCK_SWEEP.to_user_string(): "the stock sweep",
        keys.LIKELY_SELL_OUTS.to_user_string(): "the reading of likely sell-outs",
        keys.SAVED_SEARCH.to_user_string(): "the discovery of the saved search",
        keys.TITLE_DETAILS.to_user_string(): "title pages",
        "title_page": "title pages",
        keys.COVER_SWEEP.to_user_string(): "the look at covers",
        keys.COVERS.to_user_string(): "covers",
        "enrich_titles": "enriching titles",
        "plan_discovery": "the look at the saved search",
        "track_titles": "tracking a file's titles",
        "push_titles": "the push to the store",
        keys.INVENTORY_LEVELS.to_user_string(): "the push to the store",
        keys.PRODUCTS.to_user_string(): "the import of products",
        keys.STORE_INVENTORY.to_user_string(): "the hourly count of the inventory",
        "look_back": "the look back at the week",
        "sweep_inventory": "the sweep of inventory operations",
        keys.STOCK_LOCATION.to_user_string(): "the store's stock location",
        keys.BACKUP.to_user_string(): "the backup",
    },
)
