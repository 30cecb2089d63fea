"""Notes that a backup is whole, where the watch sees how old the last one is: never at its expense."""

from ingram_assets.backup.take import TakenBackup
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings


def note_taken(taken: TakenBackup) -> str | None:
    """Note it in Dagster's database; why that could not be done, in a sentence. Raises nothing."""
    try:
        from ingram_assets.defs.backups import note_backup
        from ingram_assets.runtime.instance import dagster_instance

        manifest = taken.manifest
        with dagster_instance(load(CommonSettings, environment_of("storefront"))) as instance:
            note_backup(instance, NotedBackup(manifest.made_at, "taken", taken.bytes, manifest.program))
    except Exception as error:  # Whatever it is, the archive is whole.
        why = (str(error) or type(error).__name__).splitlines()[0]
        return (
            "The backup is whole, though `ingram status` and the alert on an old one do not count it, since "
            f"it could not be noted in Dagster's database: {why}"
        )
    return None
