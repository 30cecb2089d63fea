"""The covers in the R2 bucket: every tracked title has the best picture there is, stored once.

The way in is `keep_covers`. What each file is for:

    sync.py            one run over titles: asks the bucket and the sources, and does what is decided
    decide.py          what is due, what is better, what a look came to: values alone
    bucket.py          the one client of R2 (any S3): every failure of it is classified there
    pictures.py        bytes of a stranger to a checked picture, its JPEG and its web sizes
    placeholders.py    what makes a picture "image coming soon" art and not a cover
    ledger.py          what is remembered between runs, in a file that may be lost
    contact_sheet.py   a run's new covers as one small image
"""

from ingram_assets.covers.bucket import Bucket, client_config
from ingram_assets.covers.contact_sheet import ContactSheet
from ingram_assets.covers.ledger import Ledger
from ingram_assets.covers.pictures import Picture, examine
from ingram_assets.covers.placeholders import load_seeds
from ingram_assets.covers.sync import CoverOutcome, Source, Wanted, keep_covers

__all__ = [
    "Bucket",
    "ContactSheet",
    "CoverOutcome",
    "Ledger",
    "Picture",
    "Source",
    "Wanted",
    "client_config",
    "examine",
    "keep_covers",
    "load_seeds",
]
