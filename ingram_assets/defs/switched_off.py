"""Which sensors and schedules a person switched off in Dagster."""

import dagster as dg

from ingram_assets.runtime.dagster_internals import InstigatorStatus


def switched_off(instance: dg.DagsterInstance) -> set[str]:
    """Their names; none in an instance that can have no daemon."""
    if instance.schedule_storage is None:
        return set()
    return {
        state.name for state in instance.all_instigator_state(instigator_statuses={InstigatorStatus.STOPPED})
    }
