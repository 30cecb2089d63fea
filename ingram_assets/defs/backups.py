"""The shop's backups among Dagster's events, where whoever tells people sees how old the last one is.

Each is a materialization of `shop/backup`, which no run makes. Its freshness is watched as any other's.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ingram_assets.defs.keys import BACKUP
from ingram_assets.defs.reading_events import said
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.runtime.dagster_internals import RUNLESS_JOB_NAME, RUNLESS_RUN_ID, StepMaterializationData


def note_backup(instance: dg.DagsterInstance, backup: NotedBackup) -> None:
    """Note a backup that is whole."""
    metadata = {"bytes": backup.bytes, "how": backup.how, "program": backup.program}
    # The instance's own way of reporting one takes this machine's clock for its time.
    event = dg.DagsterEvent(
        dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name=RUNLESS_JOB_NAME,
        event_specific_data=StepMaterializationData(dg.AssetMaterialization(BACKUP, metadata=metadata)),
    )
    instance.report_dagster_event(event, RUNLESS_RUN_ID, timestamp=backup.at.timestamp())


def last_backup(instance: dg.DagsterInstance, before: float | None = None) -> NotedBackup | None:
    """The last one that was noted, before a moment (seconds since 1970) if one is given; `None`: none was."""
    wanted = dg.AssetRecordsFilter(BACKUP, before_timestamp=before)
    for record in instance.fetch_materializations(wanted, limit=1).records:
        at = datetime.fromtimestamp(record.timestamp, UTC)
        how: Any = said(record, "how") or "taken"  # A person may report one on Dagster's page.
        return NotedBackup(at, how, int(said(record, "bytes") or 0), str(said(record, "program") or ""))
    return None
