"""The covers in the R2 bucket: every tracked title has the best picture there is, stored once.

The way in is `keep_covers` (`keep.py`). What each file is for:

    keep.py            one run over titles: which are due, which source is asked, what is stored
    bucket.py          the one client of R2 (any S3): every failure of it is classified there
    open_library.py    the fallback source, and its limit of 100 look-ups in 5 minutes
    pictures.py        bytes of a stranger to a checked picture, its JPEG and its web sizes
    placeholders.py    what makes a picture "image coming soon" art and not a cover
    ledger.py          what is remembered between runs, in a file that may be lost
    contact_sheet.py   a run's new covers as one small image
"""

from ingram_assets.covers.bucket import Bucket, StoredCover, client_config
from ingram_assets.covers.contact_sheet import ContactSheet
from ingram_assets.covers.ledger import Ledger
from ingram_assets.covers.open_library import LimitUsedUp, OpenLibrary
from ingram_assets.covers.pictures import Picture, PictureRefused, examine
from ingram_assets.covers.placeholders import load_seeds
from ingram_assets.covers.sync import CoverOutcome, Recheck, Source, Wanted, keep_covers

__all__ = [
    "Bucket",
    "ContactSheet",
    "CoverOutcome",
    "Ledger",
    "LimitUsedUp",
    "OpenLibrary",
    "Picture",
    "PictureRefused",
    "Recheck",
    "Source",
    "StoredCover",
    "Wanted",
    "client_config",
    "examine",
    "keep_covers",
    "load_seeds",
]
