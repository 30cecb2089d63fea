"""What Dagster keeps to itself and this project needs all the same: here alone, each with its reason.

Checked with Dagster 1.13, which `pyproject.toml` holds it to: a new Dagster that has one of these no longer
fails here, by its name.
"""

# The command `dagster`, whose words are documented, called in this process: runs of the command line start by
# `dagster job launch`. A process of its own would import Dagster once more, for two seconds of each command.
from dagster._cli import cli as cli

# What a tick prints, kept for Dagster's page: it is not to stand in the code server's log, too.
from dagster._core.definitions.instigation_logger import DispatchingLogHandler as DispatchingLogHandler

# What Dagster raises, to be told in a sentence.
from dagster._core.errors import DagsterAssetCheckFailedError as DagsterAssetCheckFailedError
from dagster._core.errors import DagsterUserCodeUnreachableError as DagsterUserCodeUnreachableError

# Events and failures: the public event has their data under `event_specific_data`, and no public type for it.
from dagster._core.events import DagsterEvent as DagsterEvent
from dagster._core.events import DagsterEventBatchMetadata as DagsterEventBatchMetadata
from dagster._core.events import JobCanceledData as JobCanceledData
from dagster._core.events import JobFailureData as JobFailureData
from dagster._core.events import RunFailureReason as RunFailureReason
from dagster._core.events import StepMaterializationData as StepMaterializationData

# The event log as the storage writes it: see `storage.py`.
from dagster._core.events.log import EventLogEntry as EventLogEntry
from dagster._core.execution.plan.objects import StepFailureData as StepFailureData
from dagster._core.execution.plan.objects import UserFailureData as UserFailureData

# What is reported without a run: see `defs/backups.py`.
from dagster._core.instance.utils import RUNLESS_JOB_NAME as RUNLESS_JOB_NAME
from dagster._core.instance.utils import RUNLESS_RUN_ID as RUNLESS_RUN_ID

# The run launchers' questions and answers: see `run_launcher.py` and `celery_launcher.py`.
from dagster._core.launcher import CheckRunHealthResult as CheckRunHealthResult
from dagster._core.launcher import LaunchRunContext as LaunchRunContext
from dagster._core.launcher import WorkerStatus as WorkerStatus

# What a run coordinator is given, and the limits that it tells: see `run_coordinator.py`.
from dagster._core.run_coordinator import SubmitRunContext as SubmitRunContext
from dagster._core.run_coordinator.queued_run_coordinator import RunQueueConfig as RunQueueConfig

# Which sensors a person switched off.
from dagster._core.scheduler.instigation import InstigatorStatus as InstigatorStatus

# The storage's base classes: see `storage.py`.
from dagster._core.storage.base_storage import DagsterStorage as DagsterStorage

# The event log's tables: Dagster has no way to forget events of a run that it keeps (`event_pruning.py`).
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as AssetCheckExecutionsTable
from dagster._core.storage.event_log.schema import AssetEventTagsTable as AssetEventTagsTable
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage as SqlEventLogStorage
from dagster._core.storage.runs.schema import RunsTable as RunsTable
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage as DagsterSqliteStorage

# How Dagster marks what started a run. The texts are documented, their constants are not public.
from dagster._core.storage.tags import AUTOMATION_CONDITION_TAG as AUTOMATION_CONDITION_TAG
from dagster._core.storage.tags import GRPC_INFO_TAG as GRPC_INFO_TAG
from dagster._core.storage.tags import SENSOR_NAME_TAG as SENSOR_NAME_TAG
from dagster._core.storage.tags import WILL_RETRY_TAG as WILL_RETRY_TAG

# What the web page is made of: Dagster's command that starts it takes no middleware (`dagster_page.py`).
from dagster._core.workspace.context import WorkspaceProcessContext as WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget as WorkspaceFileTarget

# How a code server is asked whether it still has a run.
from dagster._grpc.client import DagsterGrpcClient as DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest as CanCancelExecutionRequest
from dagster._grpc.types import CanCancelExecutionResult as CanCancelExecutionResult

# What a worker is sent, and how its process is interrupted, as Dagster's own are: see `celery_worker.py`.
from dagster._grpc.types import ExecuteRunArgs as ExecuteRunArgs
from dagster._serdes import ConfigurableClassData as ConfigurableClassData
from dagster._serdes import deserialize_value as deserialize_value
from dagster._serdes import unpack_value as unpack_value
from dagster._utils.interrupts import capture_interrupts as capture_interrupts
from dagster_postgres.utils import DagsterPostgresException as DagsterPostgresException
from dagster_shared.error import SerializableErrorInfo as SerializableErrorInfo
from dagster_shared.record import copy as copy
