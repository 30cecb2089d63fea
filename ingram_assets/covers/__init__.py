"""The covers in the R2 bucket: every tracked title has the best picture there is, stored once.

The way in is `keep_covers`.
"""

from ingram_assets.covers.bucket import Bucket, client_config
from ingram_assets.covers.contact_sheet import ContactSheet
from ingram_assets.covers.memory import Ledger, LedgerLost
from ingram_assets.covers.pictures import Picture, examine
from ingram_assets.covers.placeholders import load_seeds
from ingram_assets.covers.sync import CoverOutcome, CoverRequest, Source, keep_covers

__all__ = [
    "Bucket",
    "ContactSheet",
    "CoverOutcome",
    "CoverRequest",
    "Ledger",
    "LedgerLost",
    "Picture",
    "Source",
    "client_config",
    "examine",
    "keep_covers",
    "load_seeds",
]
