"""The settings of operations: whom to tell, and when not."""

from typing import ClassVar

from pydantic import Field

from ingram_assets.settings.base import Settings
from ingram_assets.settings.kinds import AlertUrls, HeartbeatUrl, QuietTimes


class OperationsSettings(Settings):
    """The targets of alerts, and the watcher that is told of sweeps. Nobody else is given them."""

    file: ClassVar[str] = ".env.operations"

    ALERT_URLS: AlertUrls = ()
    HEARTBEAT_URL: HeartbeatUrl | None = Field(
        None, description="Asked for after each good sweep, so that somebody elsewhere sees when none comes"
    )
    QUIET_HOURS: QuietTimes | None = Field(
        None, description="When alerts wait that can, as 22:00-07:00, by STORE_TIME_ZONE"
    )
