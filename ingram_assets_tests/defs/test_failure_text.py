"""The sentence for a person that a failed run ends in, of real runs."""

import logging
from datetime import timedelta
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
from dagster import DagsterEventType
from dagster_shared.record import replace

from ingram_assets.defs import failure_text
from ingram_assets.defs.events import classified
from ingram_assets.domain.failures import Transient
from ingram_assets_tests.testing.dagster_internals import monitor_starting_run


@dg.op
def says_why():
    with classified():
        raise Transient("The site is down.")


@dg.op
def breaks():
    try:
        raise KeyError("stock")
    except KeyError as error:
        raise RuntimeError("around it") from error


@dg.op
def loses_the_database():
    try:
        raise psycopg2.OperationalError("server closed the connection unexpectedly\n\tThis probably means")
    except psycopg2.OperationalError as error:
        raise RuntimeError("around it") from error


@dg.op(required_resource_keys={"database"})
def begins_in_vain():
    pass


@dg.resource
def database():
    raise ConnectionError("The database is gone.")


def last_event(op: dg.OpDefinition, of_type: DagsterEventType) -> dg.DagsterEvent:
    """Of its kind, in a run of the op."""

    @dg.job(executor_def=dg.in_process_executor, resource_defs={"database": database})
    def run():
        op()

    with dg.DagsterInstance.ephemeral() as instance:
        run_id = run.execute_in_process(instance=instance, raise_on_error=False).run_id
        return instance.all_logs(run_id, of_type=of_type)[-1].get_dagster_event()


@pytest.mark.parametrize(
    ("op", "sentence"),
    [
        (says_why, "The site is down."),
        (breaks, "KeyError: 'stock'"),
        (
            loses_the_database,
            "Dagster's database went away while the run was at work (OperationalError: server closed the "
            "connection unexpectedly). What the run had recorded stands; start it again.",
        ),
    ],
    ids=["of the room", "of what was raised first", "of Dagster's database"],
)
def test_of_a_step(op: dg.OpDefinition, sentence: str):
    event = last_event(op, DagsterEventType.STEP_FAILURE)
    assert failure_text.of_step(event.step_failure_data) == sentence


def test_of_a_run_that_no_step_explains():
    """Dagster's own message says only that an exception was thrown."""
    event = last_event(begins_in_vain, DagsterEventType.RUN_FAILURE)
    assert failure_text.of_run(event) == "ConnectionError: The database is gone."


def test_of_a_run_that_never_began(tmp_path: Path):
    """As Dagster's run monitoring ends it."""
    overrides = {"run_monitoring": {"enabled": True, "start_timeout_seconds": 1}}

    @dg.job
    def run():
        says_why()

    with dg.instance_for_test(overrides=overrides, temp_dir=str(tmp_path)) as instance:
        run_id = instance.create_run_for_job(run, status=dg.DagsterRunStatus.NOT_STARTED).run_id
        record = instance.get_run_record_by_id(run_id)
        assert record
        earlier = replace(record, create_timestamp=record.create_timestamp - timedelta(seconds=2))
        monitor_starting_run(instance, earlier, logging.getLogger())
        (entry,) = instance.all_logs(run_id, of_type=DagsterEventType.RUN_FAILURE)
    assert failure_text.of_run(entry.get_dagster_event()) == failure_text.NEVER_BEGAN
