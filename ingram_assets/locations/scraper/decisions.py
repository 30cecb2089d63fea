"""What the scraper's sensors decide, as values: no Dagster, no clock, no network."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NewTitles:
    """Read these titles, and remember `asked`; or, with none, do nothing for the reason given."""

    asked: frozenset[str]
    isbns: tuple[str, ...] = ()
    reason: str = ""


def titles_to_read(
    tracked: Collection[str], read: Collection[str], asked: Collection[str], reading: bool
) -> NewTitles:
    """Which tracked titles want a run that reads their details now.

    Each is asked for once: if that run could not read it, the hourly sweep goes on trying, and a title
    that the site does not have costs no run every few seconds.

    Args:
        read: titles whose details were read once.
        asked: titles that a run was asked for before.
        reading: whether a run that reads pages is queued or at work.
    """
    unread = set(tracked) - set(read)
    still_asked = frozenset(unread & set(asked))
    fresh = tuple(sorted(unread - still_asked))
    if not unread:
        return NewTitles(still_asked, reason="Every tracked title's details have been read.")
    if not fresh:
        return NewTitles(still_asked, reason=f"{len(unread)} titles could not be read; the sweep tries them.")
    if reading:
        return NewTitles(still_asked, reason=f"{len(fresh)} new titles; a run is reading pages already.")
    return NewTitles(still_asked | set(fresh), fresh)
