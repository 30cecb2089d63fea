"""Why a step or a run failed, in a sentence for a person, from what Dagster keeps of it."""

import re

import dagster as dg

from ingram_assets.runtime.dagster_internals import (
    JobCanceledData,
    JobFailureData,
    RunFailureReason,
    SerializableErrorInfo,
    StepFailureData,
)

PROCESS_GONE = (
    "The run's own process ended before its time (killed, or out of memory?). What it had recorded stands; "
    "start it again."
)
NEVER_BEGAN = (
    "The run did not begin in time: what was to start it had died, or no worker of its location is up. Start "
    "it again."
)
BY_PERSON = (
    "It was stopped by a person, on Dagster's page, at the desk or with Ctrl-C. What it had recorded stands. "
    "Start it again if it is wanted."
)
INTERRUPTED = (
    "It was interrupted: its process was told to end (was the shop, its worker or the machine stopped?). "
    "What it had recorded stands; start it again if it was asked for by hand."
)
STOPPED_AT_WORK = "It was stopped at its work. What it had recorded stands."
"""What Dagster's own page shows of a step, which does not know who stopped it."""
_INTERRUPTS = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
_SAID_OF_IT = re.compile("outside the execution context|Detected run worker status")
"""Dagster's words: those of a code server, and those of run monitoring."""
_OF_DAGSTERS_DATABASE = re.compile(r"psycopg2\.(OperationalError|InterfaceError)")
"""Dagster's driver. Our own databases are reached with psycopg 3, whose errors are sentences already."""


def of_error(error: SerializableErrorInfo | None) -> str:
    """The name and message of what was raised first; the errors around it say only where."""
    if error is None:
        return "No reason given."
    while error.cause is not None and error.cls_name not in _INTERRUPTS:
        error = error.cause
    if error.cls_name in _INTERRUPTS:
        return INTERRUPTED
    # "package.module.Name: message": the package says nothing to the reader.
    told = error.message.strip().removeprefix(error.message.partition(error.cls_name or ":")[0])
    if _OF_DAGSTERS_DATABASE.match(error.message):
        return (
            f"Dagster's database went away while the run was at work ({told.splitlines()[0]}). What the run "
            "had recorded stands; start it again."
        )
    return told


def of_step(failure: StepFailureData) -> str:
    """The sentence that a room gave its failure, else its error's."""
    said = failure.user_failure_data.description if failure.user_failure_data else None
    return said or of_error(failure.error)


def of_run(event: dg.DagsterEvent) -> str:
    """Of a run's end that no step's failure explains: its process died, it never began, it was stopped."""
    if event.message and _SAID_OF_IT.search(event.message):
        return PROCESS_GONE
    ended = event.event_specific_data
    if isinstance(ended, JobCanceledData) and ended.error and of_error(ended.error) == INTERRUPTED:
        return BY_PERSON  # Dagster found that somebody had asked for it; else it fails.
    if isinstance(ended, JobFailureData) and ended.failure_reason == RunFailureReason.START_TIMEOUT:
        return NEVER_BEGAN
    if isinstance(ended, (JobFailureData, JobCanceledData)) and ended.error:
        return of_error(ended.error)
    return event.message or "The run failed without a reason."
