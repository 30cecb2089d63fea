"""The scraper's outside systems, opened from its settings when a run needs them."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingram_assets.coordination.site import SharedSite
from ingram_assets.covers.bucket import Bucket, client_config
from ingram_assets.defs.scraper.from_settings import open_site
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.sources.ipage.site import Site
from ingram_assets.staging.writer import QueueWriter

if TYPE_CHECKING:
    from boto3.session import Session


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


@cache
def s3_session() -> "Session":
    """One a process: its first client reads a megabyte of what boto3 knows, which it keeps for the others."""
    from boto3.session import Session  # 12 MB, which a code server that only looks at sensors does without.

    return Session()


class R2(dg.ConfigurableResource):
    """The covers' bucket: Cloudflare R2 through its S3 interface."""

    endpoint_url: str
    aws_access_key_id: str
    aws_secret_access_key: str

    def get_client(self) -> Any:
        """A boto3 client with the time limits and checksum rules that R2 wants."""
        return s3_session().client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name="auto",
            aws_access_key_id=self.aws_access_key_id,
            aws_secret_access_key=self.aws_secret_access_key,
            config=client_config(),
        )

    def bucket(self) -> Bucket:
        """The bucket of the settings, with the public address that its covers are read at."""
        settings = load(ScraperSettings)
        return Bucket(self.get_client(), settings.R2_BUCKET_NAME, settings.R2_PUBLIC_URL)


def state_dir() -> Path:
    """Where the scraper keeps what is of this machine alone."""
    return load(CommonSettings).state_dir


RESOURCES: dict[str, Any] = {
    "ipage": IPage(),
    "queue": QueueWriterResource(),
    "r2": R2(
        endpoint_url=dg.EnvVar("R2_ENDPOINT"),
        aws_access_key_id=dg.EnvVar("R2_ACCESS_KEY_ID"),
        aws_secret_access_key=dg.EnvVar("R2_SECRET_ACCESS_KEY"),
    ),
}
