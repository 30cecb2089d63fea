"""Who does the runs, as `dagster.yaml` names it: the code servers, or workers where a broker is set."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dagster import DefaultRunLauncher

from ingram_assets.domain.addresses import MalformedAddress, broker_address, result_backend_address
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
            NeedsPerson: an address of Celery's is malformed, or Celery is not installed.
        """
        if (broker := _address("CELERY_BROKER_URL", broker_address)) is None:
            return WatchedRunLauncher(inst_data)
        results = _address("CELERY_RESULT_BACKEND_URL", result_backend_address)
        check_celery_is_installed()
        from ingram_assets.runtime.celery_launcher import CeleryLauncher

        return CeleryLauncher(broker, results, inst_data)


def _address(setting: str, read: Callable[[str], str]) -> str | None:
    value = os.environ.get(setting, "").strip()
    try:
        return read(value) if value else None
    except MalformedAddress as error:
        raise NeedsPerson(f"{setting} is malformed: {error}.") from None
