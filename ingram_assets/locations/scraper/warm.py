"""What runs of the scraper import late, for the process that they are forked from: see `code_server`.

Nobody else imports this. The code server itself needs none of it, and together it takes two seconds to load.
"""

import imagehash  # noqa: F401
import pandas  # noqa: F401
import scipy.fftpack  # noqa: F401
