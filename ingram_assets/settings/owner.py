"""The settings of the queue's owner, for `ingram queue` and `ingram up`, and of who backs a shop up."""

from pydantic import Field

from ingram_assets.settings.base import Settings
from ingram_assets.settings.kinds import DatabaseUrl, HttpUrl, Text


class MigrateSettings(Settings):
    """A role that may create roles and tables, and the names of those that it makes."""

    QUEUE_OWNER_DB_URL: DatabaseUrl
    QUEUE_WRITER_ROLE: Text = "ingram_queue_writer"
    QUEUE_READER_ROLE: Text = "ingram_queue_reader"
    R2_PUBLIC_URL: HttpUrl | None = Field(
        None, description="The scraper's: the queue takes covers below it alone. Default: the last one told"
    )


class BackupSettings(MigrateSettings):
    """Where all is that a backup holds: the queue as its owner, the journal, and Dagster's database."""

    STOREFRONT_DB_URL: DatabaseUrl
    DAGSTER_PG_URL: DatabaseUrl
