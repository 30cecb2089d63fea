"""What Dagster keeps to itself and only tests need: here alone; the rest is in the product's own file.

Events as Dagster itself records them, what it remembers of sensors, and its daemon's looks at runs.
"""

from dagster._core.definitions.freshness import FreshnessState as FreshnessState
from dagster._core.definitions.freshness import FreshnessStateChange as FreshnessStateChange
from dagster._core.definitions.freshness_evaluator import (
    TimeWindowFreshnessPolicyEvaluator as TimeWindowFreshnessPolicyEvaluator,
)
from dagster._core.definitions.run_request import InstigatorType as InstigatorType
from dagster._core.events import AssetMaterializationPlannedData as AssetMaterializationPlannedData
from dagster._core.loader import LoadingContextForTest as LoadingContextForTest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin as RegisteredCodeLocationOrigin
from dagster._core.remote_origin import RemoteInstigatorOrigin as RemoteInstigatorOrigin
from dagster._core.remote_origin import RemoteRepositoryOrigin as RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState as InstigatorState
from dagster._core.scheduler.instigation import SensorInstigatorData as SensorInstigatorData
from dagster._core.storage.partition_status_cache import (
    get_and_update_asset_status_cache_value as get_and_update_asset_status_cache_value,
)
from dagster._core.workspace.context import WorkspaceProcessContext as WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget as GrpcServerTarget
from dagster._daemon.monitoring.run_monitoring import (
    execute_run_monitoring_iteration as execute_run_monitoring_iteration,
)
from dagster._daemon.monitoring.run_monitoring import monitor_starting_run as monitor_starting_run
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon as QueuedRunCoordinatorDaemon
from dagster._daemon.types import DaemonHeartbeat as DaemonHeartbeat
from dagster._utils.schedules import schedule_execution_time_iterator as schedule_execution_time_iterator
