"""Who does the runs, as `dagster.yaml` names it: the code servers, or workers where a broker is set."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dagster import DefaultRunLauncher

from ingram_assets.domain.addresses import MalformedAddress, broker_address
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.broker import check_celery_is_installed
from ingram_assets.runtime.run_launcher import WatchedRunLauncher

if TYPE_CHECKING:
    from ingram_assets.runtime.celery_launcher import CeleryLauncher
    from ingram_assets.runtime.dagster_internals import ConfigurableClassData


class LauncherOfSettings(DefaultRunLauncher):
    """Is one of the two: one `dagster.yaml` for a shop on one machine and on several."""

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: "ConfigurableClassData | None", config_value: Mapping[str, Any]
    ) -> "WatchedRunLauncher | CeleryLauncher":
        """The launcher of the environment.

        Raises:
            NeedsPerson: `CELERY_BROKER_URL` is malformed, or Celery is not installed.
        """
        broker = os.environ.get("CELERY_BROKER_URL", "").strip()
        if not broker:
            return WatchedRunLauncher(inst_data)
        try:
            broker = broker_address(broker)
        except MalformedAddress as error:
            raise NeedsPerson(f"CELERY_BROKER_URL is malformed: {error}.") from None
        check_celery_is_installed()
        from ingram_assets.runtime.celery_launcher import CeleryLauncher

        return CeleryLauncher(broker, inst_data)
