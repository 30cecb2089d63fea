"""What Dagster keeps to itself and this project needs all the same: here alone, each with its reason.

Checked with Dagster 1.13, which `pyproject.toml` holds it to. `ingram_assets_tests/runtime/test_internals.py`
fails where a new Dagster has one of these no longer. A part is imported when it is first asked for: commands
that need no Dagster start without it.

- events and failures (`StepFailureData`, `JobFailureData`, …): the public event has their data
  under `event_specific_data` and no public type for it.
- `DagsterUserCodeUnreachableError`, `DagsterAssetCheckFailedError`, `DagsterPostgresException`: what Dagster
  raises, to be told in a sentence.
- tags: how Dagster marks what started a run. Their texts are documented, their constants are not public.
- `InstigatorStatus`: which sensors a person switched off.
- the workspace and its code locations: a run is created from the job that its code server shows.
- `DispatchingLogHandler`: keeps what a tick prints for Dagster's page out of the code server's log.
- the launcher's and the storage's base classes: see `run_launcher.py` and `storage.py`.
- the event log's tables: Dagster has no way to forget events of a run that it keeps (`retention.py`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

_PARTS: dict[str, tuple[str, ...]] = {
    "dagster._cli.api": ("grpc_command",),
    "dagster._core.definitions.instigation_logger": ("DispatchingLogHandler",),
    "dagster._core.definitions.selector": ("JobSubsetSelector",),
    "dagster._core.errors": (
        "DagsterAssetCheckFailedError",
        "DagsterUserCodeUnreachableError",
    ),
    "dagster._core.events": (
        "DagsterEvent",
        "DagsterEventBatchMetadata",
        "JobCanceledData",
        "JobFailureData",
        "RunFailureReason",
    ),
    "dagster._core.execution.plan.objects": ("StepFailureData",),
    "dagster._core.launcher": (
        "CheckRunHealthResult",
        "WorkerStatus",
    ),
    "dagster._core.scheduler.instigation": ("InstigatorStatus",),
    "dagster._core.storage.base_storage": ("DagsterStorage",),
    "dagster._core.storage.event_log.schema": (
        "AssetEventTagsTable",
        "SqlEventLogStorageTable",
    ),
    "dagster._core.storage.event_log.sql_event_log": ("SqlEventLogStorage",),
    "dagster._core.storage.sqlite_storage": ("DagsterSqliteStorage",),
    "dagster._core.storage.tags": (
        "AUTOMATION_CONDITION_TAG",
        "GRPC_INFO_TAG",
        "SENSOR_NAME_TAG",
        "WILL_RETRY_TAG",
    ),
    "dagster._core.workspace.context": (
        "WorkspaceProcessContext",
        "WorkspaceRequestContext",
    ),
    "dagster._core.workspace.load_target": ("GrpcServerTarget",),
    "dagster._grpc": ("server",),
    "dagster._grpc.client": ("DagsterGrpcClient",),
    "dagster._grpc.types": (
        "CanCancelExecutionRequest",
        "CanCancelExecutionResult",
    ),
    "dagster._serdes": (
        "ConfigurableClassData",
        "deserialize_value",
    ),
    "dagster_postgres.utils": ("DagsterPostgresException",),
    "dagster_shared.error": ("SerializableErrorInfo",),
    "dagster_shared.record": ("copy",),
}
_MODULE_OF = {name: module for module, names in _PARTS.items() for name in names}
NAMES = tuple(_MODULE_OF)


def __getattr__(name: str) -> Any:
    """A part, from Dagster's module that has it."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_MODULE_OF[name])
    if name == "server":  # a module itself, whose class `code_server.py` replaces
        return import_module(f"{module.__name__}.{name}")
    return getattr(module, name)


if TYPE_CHECKING:
    from dagster._cli.api import grpc_command as grpc_command
    from dagster._core.definitions.instigation_logger import DispatchingLogHandler as DispatchingLogHandler
    from dagster._core.definitions.selector import JobSubsetSelector as JobSubsetSelector
    from dagster._core.errors import DagsterAssetCheckFailedError as DagsterAssetCheckFailedError
    from dagster._core.errors import DagsterUserCodeUnreachableError as DagsterUserCodeUnreachableError
    from dagster._core.events import DagsterEvent as DagsterEvent
    from dagster._core.events import DagsterEventBatchMetadata as DagsterEventBatchMetadata
    from dagster._core.events import JobCanceledData as JobCanceledData
    from dagster._core.events import JobFailureData as JobFailureData
    from dagster._core.events import RunFailureReason as RunFailureReason
    from dagster._core.execution.plan.objects import StepFailureData as StepFailureData
    from dagster._core.launcher import CheckRunHealthResult as CheckRunHealthResult
    from dagster._core.launcher import WorkerStatus as WorkerStatus
    from dagster._core.scheduler.instigation import InstigatorStatus as InstigatorStatus
    from dagster._core.storage.base_storage import DagsterStorage as DagsterStorage
    from dagster._core.storage.event_log.schema import AssetEventTagsTable as AssetEventTagsTable
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as SqlEventLogStorageTable
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage as SqlEventLogStorage
    from dagster._core.storage.sqlite_storage import DagsterSqliteStorage as DagsterSqliteStorage
    from dagster._core.storage.tags import AUTOMATION_CONDITION_TAG as AUTOMATION_CONDITION_TAG
    from dagster._core.storage.tags import GRPC_INFO_TAG as GRPC_INFO_TAG
    from dagster._core.storage.tags import SENSOR_NAME_TAG as SENSOR_NAME_TAG
    from dagster._core.storage.tags import WILL_RETRY_TAG as WILL_RETRY_TAG
    from dagster._core.workspace.context import WorkspaceProcessContext as WorkspaceProcessContext
    from dagster._core.workspace.context import WorkspaceRequestContext as WorkspaceRequestContext
    from dagster._core.workspace.load_target import GrpcServerTarget as GrpcServerTarget
    from dagster._grpc import server as server
    from dagster._grpc.client import DagsterGrpcClient as DagsterGrpcClient
    from dagster._grpc.types import CanCancelExecutionRequest as CanCancelExecutionRequest
    from dagster._grpc.types import CanCancelExecutionResult as CanCancelExecutionResult
    from dagster._serdes import ConfigurableClassData as ConfigurableClassData
    from dagster._serdes import deserialize_value as deserialize_value
    from dagster_postgres.utils import DagsterPostgresException as DagsterPostgresException
    from dagster_shared.error import SerializableErrorInfo as SerializableErrorInfo
    from dagster_shared.record import copy as copy
