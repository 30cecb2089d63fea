"""What runs of the scraper load late, for the process that they are forked from: see `code_server`.

Nobody else imports this. The code server itself needs none of it, and together it takes two seconds to load.
"""

import imagehash  # noqa: F401
import scipy.fftpack  # noqa: F401

from ingram_assets.defs.scraper.resources import s3_session

# The session now knows what S3 is: a client of a run's own is made of it in no time. This one asks nobody.
s3_session().client(
    "s3", region_name="auto", aws_access_key_id="nobody", aws_secret_access_key="nothing"
).close()
