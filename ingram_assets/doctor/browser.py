"""The browser that signs in."""

from collections.abc import Iterator

from ingram_assets.doctor.given import OF_LOCATION, Given
from ingram_assets.doctor.model import Check, Observed
from ingram_assets.runtime.node import drive_playwright
from ingram_assets.settings.base import secret
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.sources.ipage.login.browser import browser_version

BROWSER = "Browser"


def checks(given: Given) -> Iterator[Check]:
    """One, if the scraper's settings are here."""
    if "scraper" in given.here:
        needs = (OF_LOCATION["scraper"],)
        yield Check("browser", BROWSER, lambda: _look(given), ScraperSettings.file, needs=needs, seconds=60.0)


def _look(given: Given) -> Observed:
    settings = given.scraper
    if settings.IPAGE_SESSION_COOKIE is not None and settings.IPAGE_USERNAME is None:
        return Observed("None is needed, with the session of IPAGE_SESSION_COOKIE.")
    drive_playwright()
    executable = str(settings.BROWSER_EXECUTABLE) if settings.BROWSER_EXECUTABLE else None
    version = browser_version(executable=executable, cdp_url=secret(settings.BROWSER_CDP_URL))
    return Observed(f"{version} {'is reached' if settings.BROWSER_CDP_URL else 'starts'}.")
