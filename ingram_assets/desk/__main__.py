"""`python -m ingram_assets.desk PORT [HOST]`: as `ingram up` starts it, with its own environment alone."""

import logging
import sys

from ingram_assets.desk.server import serve
from ingram_assets.domain.failures import IngramError
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings

if __name__ == "__main__":
    try:
        settings, common, pace = load(StorefrontSettings), load(CommonSettings), load(PaceSettings)
        host = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
        serve(settings, common, pace, host=host, port=int(sys.argv[1]))
    except IngramError as error:
        logging.error("%s", error)
        sys.exit(2)
