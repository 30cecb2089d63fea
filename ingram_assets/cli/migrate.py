"""The queue database, with the owner's settings: brought up to date, and new titles let in."""

from typing import Any

from ingram_assets.settings.environment import environment_of, environment_of_owner
from ingram_assets.settings.loading import load
from ingram_assets.settings.owner import MigrateSettings


def _migrate_settings() -> MigrateSettings:
    """The owner's settings, and of the scraper's where its covers are read."""
    scraper = environment_of("scraper")
    of_covers = {name: scraper[name] for name in ("R2_PUBLIC_URL", "ALLOW_PLAIN_HTTP") if name in scraper}
    return load(MigrateSettings, environment_of_owner() | of_covers)


def let_in(titles: int) -> None:
    """Let so many new titles into the queue beyond what it takes in a day."""
    from ingram_assets.staging import schema

    schema.let_in(_migrate_settings().QUEUE_OWNER_DB_URL.get_secret_value(), titles)


def migrate_queue() -> dict[str, Any]:
    """Bring the queue database to this version, with the roles that the settings name.

    Its `notes`, if there are any, say what the owner may not do and a superuser should; `created_roles` are
    those that were made, and have no password yet.
    """
    from ingram_assets.staging.schema import migrate

    settings = _migrate_settings()
    result = migrate(
        settings.QUEUE_OWNER_DB_URL.get_secret_value(),
        writer_role=settings.QUEUE_WRITER_ROLE,
        reader_role=settings.QUEUE_READER_ROLE,
        cover_prefix=settings.R2_PUBLIC_URL,
    )
    done: dict[str, Any] = {"version": result.after}
    if result.created_roles:
        done["created_roles"] = list(result.created_roles)
    if result.notes:
        done["notes"] = list(result.notes)
    return done
