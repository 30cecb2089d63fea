"""Runs that failed, as `ingram status` tells of them: the last of a job, and pushes that titles wait for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingram_assets.overview.run_results import collect

if TYPE_CHECKING:
    from dagster import DagsterInstance, RunRecord

RUNS_LOOKED_AT = 200
"""So many of the last runs say how each job's last one ended, and which pushes failed."""

GUARDRAIL, BLOCK = "guardrail", "block"


@dataclass(frozen=True, slots=True)
class FailedRun:
    """The last run of a job, or of assets that Dagster materializes by itself, which failed; and why.

    `stopped_by`: "guardrail" or "block", where it was halted on purpose.
    """

    job: str
    run_id: str
    ended_at: datetime | None
    reason: str
    stopped_by: str | None = None


@dataclass(frozen=True, slots=True)
class UnfinishedPush:
    """A push that failed, and whose changes are not in the store yet. It is tried again by itself.

    Attributes:
        by_guardrail: a guardrail stopped it; so will it the next one, until a person lets it through.
        reason: the run's own sentence: the figures, and what to do.
        titles: ISBNs that wait for it.
        since: the end of the first push that failed for one of them; those after it tried again.
    """

    run_id: str
    ended_at: datetime | None
    by_guardrail: bool
    reason: str
    titles: tuple[str, ...]
    since: datetime | None = None


def last_failed(instance: "DagsterInstance") -> tuple[FailedRun, ...]:
    """The jobs whose last run failed, the latest first; but where all it was to make was made since.

    Plans do not count: who asked for one saw what came of it. Nor do shards: their sweep tells.
    """
    from dagster import DagsterRunStatus, RunsFilter

    from ingram_assets.defs.runs_at_work import is_plan, is_shard

    ended = RunsFilter(statuses=[DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE])
    last: dict[str, RunRecord] = {}
    for record in instance.get_run_records(ended, limit=RUNS_LOOKED_AT):
        run = record.dagster_run
        if is_plan(run) or is_shard(run):
            continue
        # Runs that Dagster starts for assets by itself all have the same job.
        assets = ", ".join(sorted(key.to_user_string() for key in run.asset_selection or ()))
        last.setdefault(assets or run.job_name, record)
    return tuple(
        FailedRun(name, record.dagster_run.run_id, _ended_at(record), *_why(instance, record))
        for name, record in last.items()
        if record.dagster_run.status == DagsterRunStatus.FAILURE and not _is_settled(instance, record)
    )


def _is_settled(instance: "DagsterInstance", record: "RunRecord") -> bool:
    """Whether each asset that a failed run did not make was made since, by whichever job."""
    from dagster import DagsterEventType

    run = record.dagster_run
    planned = instance.all_logs(run.run_id, of_type={DagsterEventType.ASSET_MATERIALIZATION_PLANNED})
    # Those are told as soon as a run is asked for, so also of one that never began a step.
    assets = {key for entry in planned if (key := entry.get_dagster_event().asset_key)}
    made = [one.asset_entry.last_materialization_record for one in instance.get_asset_records([*assets])]
    since = [last for last in made if last and last.run_id != run.run_id]
    ended = record.end_time or _began_at(record).timestamp()
    are_all_made = len(made) == len(assets) and all(made)
    return are_all_made and bool(since) and all(last.timestamp > ended for last in since)


def unfinished_pushes(
    instance: "DagsterInstance", waiting: Mapping[str, datetime]
) -> tuple[UnfinishedPush, ...]:
    """The pushes that titles wait for, the latest first. Others may have succeeded since, for other titles.

    Args:
        waiting: ISBN to the first change that the store was not told of, as `lag.waiting_since` gives them.
    """
    from dagster import DagsterRunStatus, RunsFilter

    from ingram_assets.defs.runs_at_work import asked_of, is_plan

    if not waiting:
        return ()
    failed = RunsFilter(job_name="push", statuses=[DagsterRunStatus.FAILURE])
    left = dict(waiting)
    found: list[UnfinishedPush] = []
    first: dict[str, datetime] = {}
    for record in instance.get_run_records(failed, limit=RUNS_LOOKED_AT):
        asked, began = asked_of(record.dagster_run), _began_at(record)
        named = asked.get("isbns")
        isbns = waiting.keys() & map(str, named) if isinstance(named, list) and named else set(waiting)
        if isinstance(left_out := asked.get("leave_out"), list):
            isbns -= set(map(str, left_out))
        # Each title waits for the last push that began after its change.
        isbns = {isbn for isbn in isbns if waiting[isbn] <= began and not is_plan(record.dagster_run)}
        first |= dict.fromkeys(isbns, _ended_at(record) or began)
        titles = tuple(sorted(isbns & left.keys()))
        if not titles:
            continue
        for isbn in titles:
            del left[isbn]
        run_id, (reason, stopped_by) = record.dagster_run.run_id, _why(instance, record)
        found.append(UnfinishedPush(run_id, _ended_at(record), stopped_by == GUARDRAIL, reason, titles))
    return tuple(replace(push, since=min(first[isbn] for isbn in push.titles)) for push in found)


def held_back(instance: "DagsterInstance", isbn: str, since: datetime | None) -> str | None:
    """Why a title's change waits, and what to do, where a guardrail stopped the push that was for it.

    Args:
        since: the first change that the store was not told of; `None`: there is none.
    """
    if since is None:
        return None
    stopped = next((push for push in unfinished_pushes(instance, {isbn: since}) if push.by_guardrail), None)
    if stopped is None:
        return None
    reason = stopped.reason.partition(" The commands:")[0]
    what = f"Look whether it is right. If it is: ingram push --let-through {isbn}"
    return f"A guardrail stopped the push that it waits for: {reason} {what}"


def _began_at(record: "RunRecord") -> datetime:
    """When a run began; one that never did was asked for then, and failed all the same."""
    if record.start_time is not None:
        return datetime.fromtimestamp(record.start_time, UTC)
    return record.create_timestamp.replace(tzinfo=record.create_timestamp.tzinfo or UTC)


def _why(instance: "DagsterInstance", record: "RunRecord") -> tuple[str, str | None]:
    """Why a run failed, in its own sentence, and what stopped it if anything did.

    What halts a run on purpose, and is no guardrail, is a block: it goes by the name of the block's error.
    """
    result = collect(instance, record.dagster_run, 0)
    by = (result.stopped or {}).get("by")
    return result.error or "No reason given.", by if by in (None, GUARDRAIL) else BLOCK


def _ended_at(record: "RunRecord") -> datetime | None:
    return None if record.end_time is None else datetime.fromtimestamp(record.end_time, UTC)
