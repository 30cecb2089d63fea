"""The mailbox that gets the sign-in's codes."""

from collections.abc import Iterator

from ingram_assets.doctor.given import OF_LOCATION, Given
from ingram_assets.doctor.model import Check, Observed
from ingram_assets.domain.formatting import moment
from ingram_assets.settings.base import secret
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.sources.ipage.login.mailbox import Mailbox

MAILBOX = "Mailbox"


def checks(given: Given) -> Iterator[Check]:
    """One, if the scraper's settings are here."""
    if "scraper" in given.here:
        setting = ("IPAGE_MFA_IMAP_URL",)
        needs = (OF_LOCATION["scraper"],)
        yield Check("mailbox", MAILBOX, lambda: _look(given), ScraperSettings.file, setting, needs, 40.0)


def _look(given: Given) -> Observed:
    settings = given.scraper
    url = secret(settings.IPAGE_MFA_IMAP_URL)
    if settings.IPAGE_MFA != "email" or url is None or settings.IPAGE_SESSION_COOKIE is not None:
        return Observed("No code of the sign-in is expected by e-mail, so none is looked at.")
    number, newest = Mailbox(url).newest()
    if newest is None:
        return Observed("It lets us in, and is empty.")
    return Observed(f"It lets us in: {number:,} mails, the newest of {moment(newest)}.")
