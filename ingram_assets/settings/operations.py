"""The settings of operations: whom to tell."""

from typing import ClassVar

from ingram_assets.settings.base import Settings
from ingram_assets.settings.kinds import AlertUrls


class OperationsSettings(Settings):
    """The targets of alerts. Nobody else is given them."""

    file: ClassVar[str] = ".env.operations"

    ALERT_URLS: AlertUrls = ()
