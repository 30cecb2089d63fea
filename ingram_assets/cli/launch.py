"""Runs started from the command line: the same jobs, on the same Dagster instance, as Dagster's own.

With `ingram up` at work a run goes through its queue and code servers. Without it, the one code server that
the run needs is started for as long as the run lasts, with that location's environment and no other.
"""

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import click
import psutil

from ingram_assets.domain.failures import IngramError, Transient
from ingram_assets.overview.run_results import RunResult, collect
from ingram_assets.runtime.instance import EVENT_BATCH_SIZE, code_server_argv, running_ports, without_tries
from ingram_assets.runtime.ports import free_port, port_open
from ingram_assets.runtime.processes import AlreadyRunning, ChildFailed, Supervisor
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.shared import CommonSettings

if TYPE_CHECKING:
    from dagster import DagsterInstance

POLL_SECONDS = 0.3
AWAY_SECONDS = 60.0
"""How long Dagster's database or a code server may be away before a command gives up; they come back."""
LOOK_SECONDS = 5.0
"""How often a run at work is looked at, whether its process is still there."""
STOP_SECONDS = 30.0
"""How long a run that is asked to stop has time for it: a page or a batch under way comes to its end."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CodeServer:
    """Where runs of a location start; and whether `ingram up` is at work, so that they are queued."""

    location: str
    port: int
    is_queued: bool


class RunFailed(IngramError):
    """A run ended without success. The message is the failed step's own sentence."""


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
def code_server(common: CommonSettings, location: str) -> Iterator[CodeServer]:
    """The code server of a location: that of `ingram up`, or one of this command."""
    if (port := running_ports(common).get(location)) is not None:
        yield CodeServer(location, port, is_queued=True)
        return
    port = free_port()
    environment = environment_of(location) | {
        "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
        "DAGSTER_HOME": os.environ["DAGSTER_HOME"],
        "DAGSTER_PG_URL": os.environ["DAGSTER_PG_URL"],
    }
    with command_folder(common) as folder, Supervisor(folder) as supervisor:
        supervisor.start(
            f"code-{location}",
            code_server_argv(location, port),
            env=environment,
            cwd=common.state_dir,
            ready=port_open(port),
            ready_seconds=120,
        )
        yield CodeServer(location, port, is_queued=False)


@contextlib.contextmanager
def command_folder(common: CommonSettings) -> Iterator[Path]:
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
    server: CodeServer, job: str, run_config: Mapping[str, Any], *, asked_by: str | None = None
) -> str:
    """Start a job's run by `dagster job launch`: through the queue, or at once where none is at work.

    Args:
        asked_by: the person, for the run's page and the journal.

    Returns:
        The run's id.

    Raises:
        Transient: the code server does not load its location.
    """
    from ingram_assets.defs.keys import ASKED_BY_TAG
    from ingram_assets.runtime.dagster_internals import cli as dagster_command
    from ingram_assets.runtime.run_coordinator import runs_at_once

    run_id = str(uuid4())
    words = ["job", "launch", "--job", job, "--config-json", json.dumps(run_config), "--run-id", run_id]
    words += ["--tags", json.dumps({ASKED_BY_TAG: asked_by})] if asked_by else []
    place = {"host": "127.0.0.1", "port": server.port, "location_name": server.location}
    until = time.monotonic() + (AWAY_SECONDS if server.is_queued else 0)
    # The command reads `workspace.yaml`, and a `.env` that could be another's, of the folder where it is.
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.nullcontext() if server.is_queued else runs_at_once(),
    ):
        Path("workspace.yaml").write_text(json.dumps({"load_from": [{"grpc_server": place}]}))
        while True:
            try:
                dagster_command.main(words, standalone_mode=False)
            except click.Abort:
                raise KeyboardInterrupt from None  # What click makes of it.
            except click.UsageError:
                if time.monotonic() > until:
                    raise Transient(
                        f"The code server {server.location} does not load: its log says why."
                    ) from None
                time.sleep(1)
            else:
                return run_id


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
                return _patiently(collect, instance, run, time.monotonic() - started)
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
