"""What is known of a shop's last backup, and how old it may be."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

BACKUP_WITHIN = timedelta(days=2)
"""So soon one follows another: a night may fail, two are told of."""
NO_BACKUP = "never; take one with ingram backup FOLDER"
"""Said where none is noted: what to type."""


@dataclass(frozen=True, slots=True)
class NotedBackup:
    """A whole backup.

    Attributes:
        at: by the database's clock: as of when it is, or when it was put back.
        how: which of both. What is put back is all that there is, so it counts from then on.
        bytes: of its archive.
        program: the version that took it.
    """

    at: datetime
    how: Literal["taken", "restored"]
    bytes: int
    program: str
