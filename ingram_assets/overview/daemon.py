"""Whether Dagster's daemon, which begins runs, is at work: by its own heartbeats."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance

SILENT_AFTER = timedelta(minutes=3)
"""A daemon at work is heard of every half minute."""


def daemon_silent_since(instance: "DagsterInstance", now: datetime) -> datetime | None:
    """Since when nothing was heard of the daemon; `None`: it is at work, or it never was."""
    heard = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    last = datetime.fromtimestamp(max(heard), UTC) if heard else None
    return last if last is not None and now - last > SILENT_AFTER else None
