"""All checks in their order: what others build on comes first, and iPage, which is asked least, last."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingram_assets.doctor import (
    broker,
    browser,
    bucket,
    clock,
    given,
    ipage,
    mailbox,
    medusa,
    postgres,
    targets,
)
from ingram_assets.doctor.bucket import BucketVisit
from ingram_assets.doctor.ipage import SiteVisit
from ingram_assets.doctor.medusa import StoreVisit
from ingram_assets.doctor.model import Check
from ingram_assets.doctor.postgres import Databases


@contextmanager
def examination(
    *, sends_alerts: bool = False, tell: Callable[[str], None] = lambda what: None
) -> Iterator[list[Check]]:
    """The checks; what they have left behind is gone at the end of the block.

    Args:
        sends_alerts: whether a test goes to the targets of alerts.
        tell: is told what a long check is at.
    """
    here = given.settings_here()
    databases, bucket_visit, site_visit = Databases(here), BucketVisit(here), SiteVisit(here, tell)
    try:
        yield [
            *given.checks(here),
            *clock.checks(here, bucket_visit),
            *postgres.checks(here, databases),
            *broker.checks(here),
            *bucket.checks(here, bucket_visit),
            *medusa.checks(here, StoreVisit(here, databases)),
            *mailbox.checks(here),
            *browser.checks(here),
            *targets.checks(here, sends=sends_alerts),
            *ipage.checks(here, site_visit),
        ]
    finally:
        bucket_visit.leave()
        site_visit.leave()
