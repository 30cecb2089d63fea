"""The scraper's outside systems, opened from its settings when a run needs them."""

from pathlib import Path
from typing import Any

import dagster as dg

from ingram_assets.coordination.site import SharedSite
from ingram_assets.covers.bucket import Bucket
from ingram_assets.defs.scraper.from_settings import open_site
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.sources.ipage.site import Site
from ingram_assets.staging.writer import QueueWriter


class IPage(dg.ConfigurableResource):
    """Ingram iPage: the account, its kept session, and the politeness shared by all runs of this machine."""

    def open(self, run_id: str, shared: SharedSite | None = None) -> Site:
        """The site, signed in when the first page asks for it. Use as a context manager.

        Args:
            shared: of `shared_site`, for who shares its connection; it is closed with the site.
        """
        return open_site(load(ScraperSettings), load(CommonSettings), run_id, shared=shared)


class QueueWriterResource(dg.ConfigurableResource):
    """The queue database, as its writer: it may call the write functions and read nothing."""

    def open(self) -> QueueWriter:
        """The writer. Use as a context manager."""
        return QueueWriter(load(ScraperSettings).QUEUE_DB_URL.get_secret_value())


class R2(dg.ConfigurableResource):
    """The covers' bucket: Cloudflare R2 through its S3 interface."""

    def bucket(self) -> Bucket:
        """The bucket of the settings, with the public address that its covers are read at."""
        # dagster-aws brings 10 MB, which a code server that waits for work need not hold.
        from ingram_assets.defs.scraper.r2_client import R2Client

        settings = load(ScraperSettings)
        client = R2Client(
            endpoint_url=settings.R2_ENDPOINT,
            region_name="auto",
            aws_access_key_id=settings.R2_ACCESS_KEY_ID.get_secret_value(),
            aws_secret_access_key=settings.R2_SECRET_ACCESS_KEY.get_secret_value(),
        )
        return Bucket(client.get_client(), settings.R2_BUCKET_NAME, settings.R2_PUBLIC_URL)


def state_dir() -> Path:
    """Where the scraper keeps what is of this machine alone."""
    return load(CommonSettings).state_dir


RESOURCES: dict[str, Any] = {
    "ipage": IPage(),
    "queue": QueueWriterResource(),
    "r2": R2(),
}
