"""What a finished run left behind: its reports, why it failed, what stopped it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

    from ingram_assets.defs.events import RunReport


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a finished run left behind. `reports` has the report of each step, in order."""

    run_id: str
    succeeded: bool
    reports: "list[RunReport]"
    stopped: dict[str, str] | None
    error: str | None
    kind: str | None
    seconds: float


def collect(instance: "DagsterInstance", run: "DagsterRun", seconds: float) -> RunResult:
    """What a finished run left behind, from its events."""
    from dagster import DagsterEventType

    from ingram_assets.defs import failure_text
    from ingram_assets.defs.events import KIND, REPORT, STOPPED

    reports: list[RunReport] = []
    stopped: dict[str, str] | None = None
    error = kind = None
    of = DagsterEventType
    wanted = {of.STEP_OUTPUT, of.STEP_FAILURE, of.RUN_FAILURE, of.RUN_CANCELED}
    for entry in instance.all_logs(run.run_id, of_type=wanted):
        event = entry.get_dagster_event()
        metadata: Mapping[str, Any] = {}
        if event.event_type == of.STEP_OUTPUT:
            metadata = event.step_output_data.metadata or {}
        elif event.event_type == of.STEP_FAILURE:
            failure = event.step_failure_data
            metadata = failure.user_failure_data.metadata if failure.user_failure_data else {}
            error = failure_text.of_step(failure)
        else:
            # An interrupted step does not know by whom.
            error = failure_text.of_run(event) if error in (None, failure_text.INTERRUPTED) else error
        said = {name: metadata[name].value for name in (REPORT, STOPPED, KIND) if name in metadata}
        reports += [said[REPORT]] if REPORT in said else []
        stopped, kind = said.get(STOPPED, stopped), said.get(KIND, kind)
    return RunResult(run.run_id, run.is_success, reports, stopped, error, kind, seconds)
