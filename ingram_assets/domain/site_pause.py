"""A pause after a block: until when nothing is asked of iPage, and why."""

from dataclasses import dataclass
from datetime import datetime

from ingram_assets.domain.formatting import moment


@dataclass(frozen=True, slots=True)
class SitePause:
    """iPage is left alone after it blocked a request. Times are UTC.

    Attributes:
        since: when the block was met.
        until: nothing is asked before that.
        reason: what the site did: "The site blocks this machine (status 429)".
        then: what the run that tells of it does when the pause ends.
    """

    since: datetime
    until: datetime
    reason: str
    then: str = ""

    def __str__(self) -> str:
        """For the run's own progress."""
        length = f"{(self.until - self.since).total_seconds():.0f} s from the block"
        return f"{self.reason}: nothing is asked until {moment(self.until)} ({length}), {self.then}"
