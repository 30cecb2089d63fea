"""Why a step or a run failed, in a sentence for a person, from what Dagster keeps of it."""

import re

import dagster as dg
from dagster._core.events import JobCanceledData, JobFailureData
from dagster._core.execution.plan.objects import StepFailureData
from dagster_shared.error import SerializableErrorInfo

PROCESS_GONE = (
    "The run's own process ended before its time (killed, or out of memory?). What it had recorded stands; "
    "start it again."
)
_SAID_OF_IT = re.compile("outside the execution context|Detected run worker status")
"""Dagster's words: those of a code server, and those of run monitoring."""


def of_error(error: SerializableErrorInfo | None) -> str:
    """The name and message of what was raised first; the errors around it say only where."""
    if error is None:
        return "No reason given."
    while error.cause is not None:
        error = error.cause
    # "package.module.Name: message": the package says nothing to the reader.
    return error.message.strip().removeprefix(error.message.partition(error.cls_name or ":")[0])


def of_step(failure: StepFailureData) -> str:
    """The sentence that a room gave its failure, else its error's."""
    said = failure.user_failure_data.description if failure.user_failure_data else None
    return said or of_error(failure.error)


def of_run(event: dg.DagsterEvent) -> str:
    """Of a run's end that no step's failure explains: its process died, it never began, it was stopped."""
    if event.message and _SAID_OF_IT.search(event.message):
        return PROCESS_GONE
    ended = event.event_specific_data
    if isinstance(ended, (JobFailureData, JobCanceledData)) and ended.error:
        return of_error(ended.error)
    return event.message or "The run failed without a reason."
