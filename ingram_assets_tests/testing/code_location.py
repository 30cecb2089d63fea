"""A code server as `ingram up` starts it, with a location of a test's own: a real server, real runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from ingram_assets.cli import launch
from ingram_assets.runtime.instance import code_server_argv
from ingram_assets.runtime.ports import free_port, port_open
from ingram_assets.runtime.processes import Child, Supervisor
from ingram_assets_tests.testing.dagster_internals import GrpcServerTarget, WorkspaceProcessContext

NAME = "a_location"
ROOT = Path(__file__).parents[2]
INSTANCE = """
telemetry: {enabled: false}
nux: {enabled: false}
run_coordinator:
  module: ingram_assets.runtime.run_coordinator
  class: RunCoordinator
"""


@dataclass
class CodeServer:
    """A code server at work, brought back when it dies."""

    child: Child
    port: int
    instance: DagsterInstance
    workspace: WorkspaceProcessContext

    def launch(
        self, job: str, run_config: Mapping[str, Any] | None = None, *, is_queued: bool = False
    ) -> str:
        """A run of the job, started or given to the queue: its id."""
        return launch.launch(launch.CodeServer(NAME, self.port, is_queued=is_queued), job, run_config or {})

    def run(self, run_id: str) -> DagsterRun:
        """The run as it is now."""
        run = self.instance.get_run_by_id(run_id)
        assert run
        return run

    def status(self, run_id: str) -> DagsterRunStatus:
        """How far the run is."""
        return self.run(run_id).status


@contextmanager
def running_code_server(
    folder: Path, definitions: str, instance_config: str = "", **settings: str
) -> Iterator[CodeServer]:
    """A server of these definitions (Python), with an instance in `folder`; its runs get the settings."""
    (folder / "dagster.yaml").write_text(INSTANCE + instance_config)
    (folder / f"{NAME}.py").write_text(definitions)
    port = free_port()
    argv = code_server_argv(NAME, port)
    argv[argv.index("--module-name") + 1] = NAME
    path = f"{folder}:{ROOT}"
    with (
        Supervisor(folder / "up") as supervisor,
        DagsterInstance.from_config(str(folder)) as instance,
        pytest.MonkeyPatch.context() as environment_of_commands,
    ):
        environment_of_commands.setenv("DAGSTER_HOME", str(folder))
        child = supervisor.start(
            "code",
            argv,
            env={"PATH": "/usr/bin:/bin", "DAGSTER_HOME": str(folder), "PYTHONPATH": path, **settings},
            ready=port_open(port),
            ready_seconds=120,
            restart=True,
        )
        target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name=NAME)
        with WorkspaceProcessContext(instance, target) as workspace:
            yield CodeServer(child, port, instance, workspace)
