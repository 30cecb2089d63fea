"""The sentence for a person that a failed run ends in, of real runs."""

import dagster as dg
import pytest
from dagster._core.events import DagsterEventType

from ingram_assets.domain.failures import Transient
from ingram_assets.locations import reasons
from ingram_assets.locations.events import classified


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
    [(says_why, "The site is down."), (breaks, "KeyError: 'stock'")],
    ids=["of the room", "of what was raised first"],
)
def test_of_a_step(op: dg.OpDefinition, sentence: str):
    event = last_event(op, DagsterEventType.STEP_FAILURE)
    assert reasons.of_step(event.step_failure_data) == sentence


def test_of_a_run_that_no_step_explains():
    """Dagster's own message says only that an exception was thrown."""
    event = last_event(begins_in_vain, DagsterEventType.RUN_FAILURE)
    assert reasons.of_run(event) == "ConnectionError: The database is gone."
