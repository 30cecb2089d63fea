"""What a page of the site can be instead of the page that was asked for."""

from ingram_assets.domain.failures import Permanent, Stopped, Transient


class SessionExpired(Transient):
    """The site asks to sign in: the page is the login form or the expired-session notice.

    After a new sign-in the same page can be read.
    """


class Blocked(Stopped):
    """The bot wall answered, not the site. No more pages until it lets go."""


class PerhapsBlocked(Blocked):
    """Nothing but a script that nobody knows: most likely a wall's, or the way to a sign-in."""


class SiteClosed(Transient):
    """The site says that it is closed for a while, as for maintenance: no sign-in opens it."""


class NotFound(Permanent):
    """The site answered that nothing matches: it doesn't list this title.

    `in_words`: a page of the site says so. A bare status may come from a wall, or of a path that has moved.
    """

    def __init__(self, message: str, *, in_words: bool = False) -> None:
        super().__init__(message)
        self.in_words = in_words


class PageChanged(Permanent):
    """The page is not shaped as known. Nothing of it is used; a person has to look at what is sent now.

    `label` names what was missing or not understood, as it stands on the page ("EAN", "stock table").
    """

    def __init__(self, label: str, what: str) -> None:
        super().__init__(f"{label}: {what}")
        self.label = label


NO_PAGE_OF_THE_SITE = frozenset({"page", "redirect", "</html>", "</table>"})
"""Labels of a `PageChanged` that say that no page came at all: garbage, an error page, half a page, another
host. Any other label is of a page that came whole and is shaped in another way."""
