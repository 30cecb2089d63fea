"""All checks in their order: what others build on comes first, and iPage, which is asked least, last."""

from collections.abc import Iterator
from contextlib import contextmanager

from ingram_assets.doctor import bucket, clock, given, medusa, postgres
from ingram_assets.doctor.bucket import BucketVisit
from ingram_assets.doctor.medusa import StoreVisit
from ingram_assets.doctor.model import Check
from ingram_assets.doctor.postgres import Databases


@contextmanager
def examination() -> Iterator[list[Check]]:
    """The checks; what they have left behind is gone at the end of the block."""
    here = given.settings_here()
    databases, visit = Databases(here), BucketVisit(here)
    try:
        yield [
            *given.checks(here),
            *clock.checks(here, visit),
            *postgres.checks(here, databases),
            *bucket.checks(here, visit),
            *medusa.checks(here, StoreVisit(here, databases)),
        ]
    finally:
        visit.leave()
