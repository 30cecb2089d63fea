"""Runs started from the command line: the same jobs, on the same Dagster instance, as Dagster's own.

With `ingram up` at work a run goes through its queue and code servers. Without it, the one code server that
the run needs is started for as long as the run lasts, with that location's environment and no other.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

from ingram_assets.domain.failures import IngramError, Transient
from ingram_assets.runtime.instance import (
    EVENT_BATCH_SIZE,
    code_server_argv,
    running_ports,
    without_tries,
)
from ingram_assets.runtime.processes import (
    AlreadyRunning,
    ChildFailed,
    Supervisor,
    free_port,
    port_open,
)
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.shared import CommonSettings

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

    from ingram_assets.runtime.dagster_internals import WorkspaceRequestContext

POLL_SECONDS = 0.3
AWAY_SECONDS = 60.0
"""How long Dagster's database or a code server may be away before a command gives up; they come back."""
LOOK_SECONDS = 5.0
"""How often a run at work is looked at, whether its process is still there."""
STOP_SECONDS = 30.0
"""How long a run that is asked to stop has time for it: a page or a batch under way comes to its end."""
T = TypeVar("T")


class RunFailed(IngramError):
    """A run ended without success. The message is the failed step's own sentence."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a finished run left behind. `reports` has the report of each step, in order."""

    run_id: str
    succeeded: bool
    reports: list[dict[str, Any]]
    stopped: dict[str, str] | None
    error: str | None
    kind: str | None
    seconds: float


def _patiently(look: Callable[..., T], *arguments: Any) -> T:
    """What a look at Dagster's database gives, once that answers; its own error after AWAY_SECONDS."""
    import sqlalchemy.exc

    from ingram_assets.runtime.dagster_internals import DagsterPostgresException

    until = time.monotonic() + AWAY_SECONDS
    with without_tries():
        while True:
            try:
                return look(*arguments)
            except (sqlalchemy.exc.SQLAlchemyError, DagsterPostgresException):
                if time.monotonic() > until:
                    raise
            time.sleep(1)


@contextlib.contextmanager
def code_location(
    instance: "DagsterInstance", common: CommonSettings, name: str
) -> Iterator[tuple["WorkspaceRequestContext", bool]]:
    """A workspace with one code location, and whether `ingram up` is at work (runs are then queued)."""
    from dagster import __version__

    from ingram_assets.runtime.dagster_internals import GrpcServerTarget, WorkspaceProcessContext

    port = running_ports(common).get(name)
    with contextlib.ExitStack() as stack:
        queued = port is not None
        if port is None:
            supervisor = stack.enter_context(Supervisor(stack.enter_context(_folder_of_command(common))))
            port = free_port()
            environment = environment_of(name) | {
                "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
                "DAGSTER_HOME": os.environ["DAGSTER_HOME"],
                "DAGSTER_PG_URL": os.environ["DAGSTER_PG_URL"],
            }
            supervisor.start(
                f"code-{name}",
                code_server_argv(name, port),
                env=environment,
                cwd=common.state_dir,
                ready=port_open(port),
                ready_seconds=120,
            )
        target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name=name)
        process = stack.enter_context(
            WorkspaceProcessContext(instance, target, version=__version__, read_only=False)
        )
        until = time.monotonic() + (AWAY_SECONDS if queued else 0)
        while not (workspace := process.create_request_context()).code_locations:
            if time.monotonic() > until:
                raise Transient(f"The code server {name} does not load: its log says why.")
            time.sleep(1)
            process.refresh_code_location(name)
        yield workspace, queued


@contextlib.contextmanager
def _folder_of_command(common: CommonSettings) -> Iterator[Path]:
    """A folder for this command's code server. It stays only if that did not come up: the log says why."""
    commands = common.state_dir / "commands"
    commands.mkdir(mode=0o700, exist_ok=True)
    for left in commands.glob("[0-9]*"):
        if psutil.pid_exists(int(left.name)):
            continue
        # Of a command that was killed: what it had started is still running.
        with contextlib.suppress(AlreadyRunning, OSError):
            with Supervisor(left):
                pass  # Entering clears it.
            shutil.rmtree(left, ignore_errors=True)
    folder = commands / str(os.getpid())
    try:
        yield folder
    except ChildFailed:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def launch(
    instance: "DagsterInstance",
    workspace: "WorkspaceRequestContext",
    job: str,
    run_config: Mapping[str, Any],
    *,
    queued: bool,
    tags: Mapping[str, str] | None = None,
) -> "DagsterRun":
    """Create a run of a job and start it: through the queue, or at once where no queue is at work."""
    from ingram_assets.runtime.dagster_internals import JobSubsetSelector

    (location,) = workspace.code_locations
    (repository,) = location.get_repositories().values()
    selector = JobSubsetSelector(
        location_name=location.name, repository_name=repository.name, job_name=job, op_selection=None
    )
    remote_job = location.get_job(selector)
    plan = location.get_execution_plan(
        remote_job, run_config, step_keys_to_execute=None, known_state=None, instance=instance
    ).execution_plan_snapshot
    run = instance.create_run(
        job_name=job,
        run_id=None,
        run_config=run_config,
        resolved_op_selection=remote_job.resolved_op_selection,
        step_keys_to_execute=plan.step_keys_to_execute,
        op_selection=None,
        status=None,
        root_run_id=None,
        parent_run_id=None,
        tags={**remote_job.tags, **(tags or {})},
        job_snapshot=remote_job.job_snapshot,
        execution_plan_snapshot=plan,
        parent_job_snapshot=remote_job.parent_job_snapshot,
        remote_job_origin=remote_job.get_remote_origin(),
        job_code_origin=remote_job.get_python_origin(),
        asset_selection=None,
        asset_check_selection=None,
        asset_graph=repository.asset_graph,
    )
    if queued:
        return instance.submit_run(run.run_id, workspace)
    return instance.launch_run(run.run_id, workspace)


def follow(
    instance: "DagsterInstance",
    run_id: str,
    on_progress: Callable[[str], None] | None = None,
    *,
    goes_on: bool = True,
) -> RunResult:
    """Wait for a run's end, telling how far it is, and collect what its steps report.

    An interrupt (Ctrl-C) asks the run to stop, waits for that, and passes on; a second one does not wait.

    Args:
        goes_on: without this command; else a run that does not stop in time ends with it.
    """
    from ingram_assets.defs.keys import PROGRESS_TAG

    started, told = time.monotonic(), ""
    look_at = started + LOOK_SECONDS
    try:
        while True:
            run = _patiently(instance.get_run_by_id, run_id)
            if run is None:
                raise RunFailed(f"Run {run_id} was deleted while it was at work.")
            words = run.tags.get(PROGRESS_TAG) or run.status.value.replace("_", " ").lower()
            if on_progress and words != told:
                told = words
                on_progress(words)
            if run.is_finished:
                return _patiently(_result, instance, run, time.monotonic() - started)
            if time.monotonic() >= look_at:
                _patiently(_fail_if_gone, instance, run_id)
                look_at = time.monotonic() + LOOK_SECONDS
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        with contextlib.suppress(Exception):
            instance.run_coordinator.cancel_run(run_id)
        if on_progress:
            on_progress("stopping")
        try:
            _await_end(instance, run_id)
        finally:
            run = instance.get_run_by_id(run_id)
            if run and not run.is_finished and not goes_on:
                instance.report_run_canceled(run, message="The command that the run belonged to was stopped.")
        raise


def _fail_if_gone(instance: "DagsterInstance", run_id: str) -> None:
    """Mark a run failed whose process was killed: without `ingram up` nobody else would notice."""
    from dagster import DagsterRunStatus

    from ingram_assets.runtime.dagster_internals import WorkerStatus

    run = instance.get_run_by_id(run_id)
    if run is None or run.status != DagsterRunStatus.STARTED:
        return
    health = instance.run_launcher.check_run_worker_health(run)
    # It may have come to its end between the two questions.
    run = instance.get_run_by_id(run_id)
    if health.status == WorkerStatus.FAILED and run is not None and not run.is_finished:
        instance.report_run_failed(run, f"The run was killed. {health.msg}")


def _await_end(instance: "DagsterInstance", run_id: str) -> None:
    until = time.monotonic() + STOP_SECONDS
    while time.monotonic() < until:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        time.sleep(POLL_SECONDS)


def _result(instance: "DagsterInstance", run: "DagsterRun", seconds: float) -> RunResult:
    from dagster import DagsterEventType

    from ingram_assets.defs import failure_text
    from ingram_assets.defs.events import KIND, REPORT, STOPPED

    reports: list[dict[str, Any]] = []
    stopped: dict[str, str] | None = None
    error = kind = None
    wanted = {
        DagsterEventType.STEP_OUTPUT,
        DagsterEventType.STEP_FAILURE,
        DagsterEventType.RUN_FAILURE,
        DagsterEventType.RUN_CANCELED,
    }
    for entry in instance.all_logs(run.run_id, of_type=wanted):
        event = entry.get_dagster_event()
        if event.event_type == DagsterEventType.STEP_OUTPUT:
            metadata: Mapping[str, Any] = event.step_output_data.metadata or {}
        elif event.event_type == DagsterEventType.STEP_FAILURE:
            failure = event.step_failure_data
            metadata = failure.user_failure_data.metadata if failure.user_failure_data else {}
            error = failure_text.of_step(failure)
        else:
            metadata = {}
            error = error or failure_text.of_run(event)
        if REPORT in metadata:
            reports.append(metadata[REPORT].value)
        if STOPPED in metadata:
            stopped = metadata[STOPPED].value
        if KIND in metadata:
            kind = metadata[KIND].value
    return RunResult(run.run_id, run.is_success, reports, stopped, error, kind, seconds)
