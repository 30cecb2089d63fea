"""What is remembered of a title's cover, and of the pictures that were offered for titles."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

State = Literal["real", "placeholder", "none", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class CoverCheck:
    """The last look at a title's cover.

    Attributes:
        checked_at: when the first source was asked.
        pending: something is left to do, so it is due at once.
        resume: the first source that has not answered since.
        uploading: an upload began and its end was not seen.
        refusals: looks in a row that ended in what another look will hardly change: the pause grows with
            them.
        sizes: as `StoredCover.sizes`.
    """

    state: State
    checked_at: datetime
    sha256: str | None = None
    source: str | None = None
    reason: str | None = None
    pending: bool = False
    resume: str | None = None
    uploading: bool = False
    refusals: int = 0
    sizes: str = ""


class SeenPicture(NamedTuple):
    """A picture that was offered for a title.

    Attributes:
        work: what counts as one title.
        tiles: as `Picture.tiles`.
    """

    isbn: str
    work: str
    tiles: bytes
