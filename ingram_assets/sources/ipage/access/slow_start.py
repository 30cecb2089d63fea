"""The first pages in a new session: one at a time, and more at once as they are read well.

A wall looks closest at who has just signed in, and what the pages of that session look like is not known yet.
"""

import json
import logging
from pathlib import Path

from ingram_assets.sources.ipage.access.slots import locked
from ingram_assets.whole_files import write_whole

log = logging.getLogger(__name__)

STEPS = ((5, 1), (20, 2), (60, 4))
"""Below so many product pages read well, so many requests are in flight at most."""


def at_most_after(pages: int) -> int | None:
    """Requests in flight at most, after so many product pages were read well; `None`: no less than usual."""
    return next((in_flight for below, in_flight in STEPS if pages < below), None)


class SlowStart:
    """How many pages of the present session were read well, for all processes of the machine. Thread-safe.

    Args:
        folder: that they share.
        site_profile: the fingerprint of what the site is taken to be: with another one all begins anew.
    """

    def __init__(self, folder: Path, site_profile: str = "") -> None:
        self._path, self._lock = folder / "slow-start.json", folder / "slow-start.lock"
        self._site_profile = site_profile
        self._over: str | None = None

    def at_most(self, session_id: str) -> int | None:
        """Requests in flight at most in this session; `None`: no less than usual."""
        if self._over == session_id:
            return None
        at_most = at_most_after(self._pages(session_id))
        if at_most is None:
            self._over = session_id
        return at_most

    def read_one(self, session_id: str) -> None:
        """A product page was read well in this session."""
        if self._over == session_id:
            return
        with locked(self._lock):
            pages = self._pages(session_id)
            if pages == 0:
                log.info("The session is new: its first %d pages are read slowly.", STEPS[-1][0])
            write_whole(self._path, json.dumps({"of": self._of(session_id), "pages": pages + 1}))

    def _of(self, session_id: str) -> str:
        return f"{session_id} {self._site_profile}"

    def _pages(self, session_id: str) -> int:
        try:
            kept = json.loads(self._path.read_text())
            return int(kept["pages"]) if kept["of"] == self._of(session_id) else 0
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return 0  # None, or not ours: begun anew, which costs seconds.
