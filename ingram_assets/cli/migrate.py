"""Databases, with their owners' settings: brought up to date; and new titles let into the queue."""

from psycopg.rows import tuple_row

from ingram_assets.alerts.tables import AlertTables
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.postgres import Client
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.settings.environment import environment_of, environment_of_owner
from ingram_assets.settings.loading import load
from ingram_assets.settings.owner import MigrateSettings
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.staging import schema
from ingram_assets.staging.schema import MigrationResult


def _owner() -> MigrateSettings:
    """The owner's settings, and of the scraper's where its covers are read."""
    scraper = environment_of("scraper")
    of_covers = {name: scraper[name] for name in ("R2_PUBLIC_URL", "ALLOW_PLAIN_HTTP") if name in scraper}
    return load(MigrateSettings, environment_of_owner() | of_covers)


def let_in(titles: int) -> None:
    """Let so many new titles into the queue beyond what it takes in a day."""
    schema.let_in(_owner().QUEUE_OWNER_DB_URL.get_secret_value(), titles)


def migrate_all(common: CommonSettings) -> MigrationResult:
    """Bring the queue database to this version, and make Dagster's tables, and the alerts' beside them.

    Once, before processes that start at the same time would all make them, or may not make any.

    Raises:
        NeedsPerson, Transient: a database refuses us, or can't be reached.
    """
    result = migrate_queue(gently=True)
    _see_that_tables_may_be_made(common.DAGSTER_PG_URL.get_secret_value())
    with dagster_instance(common) as instance:
        _ = instance.run_launcher  # Celery may be set, and not be installed.
    AlertTables(common.DAGSTER_PG_URL.get_secret_value())
    return result


def _see_that_tables_may_be_made(url: str) -> None:
    with Client(url, setting="DAGSTER_PG_URL") as database:
        query = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
        ((may,),) = database.rows("look at Dagster's database", query, [], tuple_row)
    if not may:
        raise NeedsPerson(
            "The role of DAGSTER_PG_URL may make no tables in Dagster's database. Name that database's owner "
            "here, and the role that may write rows alone in the services' settings (docs/deploying.md)."
        )


def migrate_queue(*, gently: bool = False) -> MigrationResult:
    """Bring the queue database to this version, with the roles that the settings name (`schema.migrate`)."""
    settings = _owner()
    return schema.migrate(
        settings.QUEUE_OWNER_DB_URL.get_secret_value(),
        writer_role=settings.QUEUE_WRITER_ROLE,
        reader_role=settings.QUEUE_READER_ROLE,
        cover_prefix=settings.R2_PUBLIC_URL,
        gently=gently,
    )
