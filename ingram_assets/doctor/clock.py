"""This machine's clock beside those of the systems that are asked."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from ingram_assets.defs.storefront.from_settings import medusa_client
from ingram_assets.doctor.bucket import BucketVisit
from ingram_assets.doctor.given import OF_LOCATION, Given, server_of
from ingram_assets.doctor.model import Check, Observed, Outcome
from ingram_assets.domain.failures import IngramError
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.storefront import StorefrontSettings

MOST = timedelta(seconds=60)
"""So far off a clock may be: codes of an authenticator change every 30 s, and requests to a bucket are signed
for a quarter of an hour."""


def off_by(theirs: datetime, ours: datetime, whose: str) -> Observed:
    """What is said of two clocks. Pure."""
    off = ours - theirs
    if abs(off) <= MOST:
        return Observed(f"It is right, by {whose}.")
    direction = "ahead of" if off > timedelta() else "behind"
    words = (
        f"This machine's clock is {abs(off).total_seconds():,.0f} s {direction} that of {whose}: "
        "set it (NTP). If it is right, the other one is not."
    )
    return Observed(words, Outcome.MISSING, settings=())


def checks(given: Given, bucket: BucketVisit) -> Iterator[Check]:
    """One for each system that tells the time and whose settings are here."""

    def seen(tell: Callable[[], datetime | None], whose: str) -> Observed:
        theirs, ours = None, datetime.now(UTC)
        with suppress(IngramError):  # Told by the check of the system itself.
            theirs, ours = tell(), datetime.now(UTC)
        if theirs is None:
            return Observed(f"not tried: {whose} does not tell the time.", Outcome.NOT_TRIED)
        return off_by(theirs, ours, whose)

    def of_medusa() -> datetime | None:
        with medusa_client(given.storefront, is_look=True) as client:
            return client.clock()

    if "storefront" in given.here:
        needs = (OF_LOCATION["storefront"],)
        yield Check(
            "clock",
            "Clock",
            lambda: seen(of_medusa, "Medusa"),
            StorefrontSettings.file,
            needs=needs,
            server=lambda: server_of(given.storefront.MEDUSA_BACKEND_URL),
            is_aside=True,
        )
    if "scraper" in given.here:
        needs = (OF_LOCATION["scraper"],)
        name = "Clock, again" if "storefront" in given.here else "Clock"
        look = lambda: seen(bucket.bucket.clock, "the bucket")  # noqa: E731
        server = lambda: server_of(given.scraper.R2_ENDPOINT)  # noqa: E731
        yield Check("clock", name, look, ScraperSettings.file, needs=needs, server=server, is_aside=True)
