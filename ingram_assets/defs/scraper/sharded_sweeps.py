"""A sweep in several runs: what each of them leaves, and how they are counted together.

Each run reads a list of titles of its own, a shard. Once all have ended, `ipage/stock_sweep` is made of what
they left, as if one run had read all of it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ingram_assets.defs import failure_text
from ingram_assets.defs.events import KIND, STOPPED, Report, failure_of
from ingram_assets.defs.keys import SHARD_JOB, SHARD_TAG, SHARDS_SENSOR, SWEEP_TAG, WHOLE_JOB
from ingram_assets.defs.reading_events import last_reading_before
from ingram_assets.defs.runs_at_work import NOT_FINISHED, asked_of
from ingram_assets.defs.scraper.decisions import ShardedSweep
from ingram_assets.defs.scraper.earlier_sweeps import KnownBefore
from ingram_assets.defs.scraper.sweep_result import SweepResult
from ingram_assets.domain.completeness import Shape
from ingram_assets.domain.failures import Transient
from ingram_assets.domain.field_shares import counts_from_json, counts_to_json
from ingram_assets.domain.guardrails import OddCounts
from ingram_assets.sources.ipage.site import FetchOutcome

FOUND = "found"
"""The metadata key under which a shard's run leaves what it found, for the whole."""
NOT_READ = "The run that was to read it ended before its time: the next sweep reads it."
AGAIN = "What the others read stands; the next sweep reads the missing titles first."
_COUNTS = 3
"""So many runs are asked for that count a sweep's shards, where each dies before it has done so."""
_OF_ONE_RUN = ("latency_ms_", "seconds_open")
"""Beginnings of the site's figures that mean nothing when they are added up."""


def sweep_name(now: float) -> str:
    """What the runs of a sweep that begins now, seconds since 1970, have in common, and no others."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def begun_at(sweep: str) -> float:
    """When the sweep of that name began, in seconds since 1970.

    Raises:
        ValueError: no sweep has such a name.
    """
    return datetime.fromisoformat(sweep).timestamp()


def last_sharded_sweep(instance: dg.DagsterInstance) -> ShardedSweep | None:
    """The sweep whose shards were asked for last; `None`: none ever was."""
    # Whoever starts such a run by hand, on Dagster's page, begins no sweep.
    by_sensor = dg.RunsFilter(job_name=SHARD_JOB, tags={"dagster/sensor_name": SHARDS_SENSOR})
    newest = instance.get_runs(by_sensor, limit=1)
    if not newest:
        return None
    name = newest[0].tags[SWEEP_TAG]

    def count(**which: Any) -> int:
        # Each shard's own record has its list of titles: they are not read to be counted.
        return instance.get_runs_count(dg.RunsFilter(tags={SWEEP_TAG: name}, **which))

    counting = instance.get_runs(dg.RunsFilter(job_name=WHOLE_JOB, tags={SWEEP_TAG: name}))
    return ShardedSweep(
        name,
        of=_of(newest),
        begun=count(job_name=SHARD_JOB),
        at_work=count(job_name=SHARD_JOB, statuses=NOT_FINISHED),
        counts=len(counting),
        counted=len(counting) >= _COUNTS or any(_has_a_result(instance, run) for run in counting),
    )


def _has_a_result(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run came to a result, or may come to one; not if it was killed or interrupted before."""
    if run.status in NOT_FINISHED or run.is_success:
        return True
    failed = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return any(entry.get_dagster_event().step_failure_data.user_failure_data for entry in failed)


def count_together(
    instance: dg.DagsterInstance, name: str, earlier: KnownBefore, report: Report, now: float
) -> SweepResult:
    """What all shards of a sweep found, as one run would have found it.

    Args:
        now: seconds since 1970.

    Raises:
        Failure: the site stopped one of them, or a person is needed, with its own words; or one did not come
            to its end: then it is no sweep, and the next one reads what is missing first.
        Transient: they were not all begun.
    """
    newest_first = instance.get_runs(dg.RunsFilter(job_name=SHARD_JOB, tags={SWEEP_TAG: name}))
    # Of one that a person started again, its last run.
    runs = {run.tags[SHARD_TAG]: run for run in reversed(newest_first)}
    if not runs or len(runs) < _of(newest_first):
        raise Transient(f"Of the sweep of {name} only {len(runs)} of {_of(newest_first)} shards were begun.")
    whole = SweepResult(report, earlier, earlier.habit)
    before = last_reading_before(instance, begun_at(name))
    died: list[str] = []
    for shard, run in sorted(runs.items()):
        end = _end_of(instance, run)
        if not isinstance(end, Ended):
            add(whole, end)
            continue
        if end.stopped:
            raise dg.Failure(end.why, metadata=end.metadata, allow_retries=False)
        died.append(f"Shard {shard} did not come to its end. {end.why}")
        for isbn in asked_of(run).get("isbns", ()):
            if earlier.read.get(isbn, -1) <= before:
                report.fail(isbn, NOT_READ)
    if died:
        raise failure_of(Transient(f"{died[0]} {AGAIN}"), report)
    whole.learn(now)
    whole.note_new_bindings()
    return whole


@dataclass(frozen=True, slots=True)
class Ended:
    """How a shard's run ended that left nothing to count.

    `stopped`: the site or the queue stopped it, or a person is needed: so the whole sweep ends.
    """

    why: str
    metadata: Mapping[str, dg.MetadataValue]
    stopped: bool


def _of(shards: Sequence[dg.DagsterRun]) -> int:
    """How many shards the sweep has."""
    return max((int(run.tags[SHARD_TAG].rpartition(" ")[2]) for run in shards), default=0)


def _end_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Ended | Mapping[str, Any]:
    """What a shard found, or how else it ended."""
    of = dg.DagsterEventType
    why, metadata = failure_text.PROCESS_GONE, dict[str, dg.MetadataValue]()
    for entry in instance.all_logs(
        run.run_id, of_type={of.STEP_OUTPUT, of.STEP_FAILURE, of.RUN_FAILURE, of.RUN_CANCELED}
    ):
        event = entry.get_dagster_event()
        if event.event_type == of.STEP_OUTPUT:
            found = event.step_output_data.metadata[FOUND].value
            assert isinstance(found, dict)
            return found
        if event.event_type == of.STEP_FAILURE:
            failure = event.step_failure_data
            why = failure_text.of_step(failure)
            metadata = dict(failure.user_failure_data.metadata) if failure.user_failure_data else {}
        elif not metadata:
            why = failure_text.of_run(event)
    kind = metadata.get(KIND)
    return Ended(why, metadata, STOPPED in metadata or (kind is not None and kind.value == "needs_person"))


def to_json(sweep: SweepResult) -> dict[str, Any]:
    """What a shard found, as its run leaves it: counts, and the titles that have a name in the report."""
    report = sweep.report
    return {
        "counts": report.counts,
        "failed": report.failed,
        "notes": [note for note in report.notes if note not in sweep.news],
        "details": report.details,
        "on_hand": sweep.on_hand,
        "on_order": sweep.on_order,
        "seconds": _counted(round(seconds, 2) for seconds in sweep.seconds),
        "statuses": dict(sweep.statuses),
        "site": sweep.site,
        "not_asked": sweep.not_asked,
        "shapes": [[*shape, pages] for shape, pages in sweep.shapes.items()],
        "judged": dict(sweep.judged),
        "there_asked": sweep.there_asked,
        "gone_by": dict(sweep.gone_by),
        "newly_in_part": sweep.newly_in_part,
        "bindings": sweep.bindings,
        "odd_counts": asdict(sweep.counts),
        "not_understood": sweep.not_understood,
        "known_pages": counts_to_json(sweep.known_pages),
        "new_pages": counts_to_json(sweep.new_pages),
    }


def add(whole: SweepResult, found: Mapping[str, Any]) -> None:
    """Add what a shard found, as `to_json` wrote it, to what the whole sweep found.

    Raises:
        KeyError, TypeError, ValueError: another version of this wrote it.
    """
    report = whole.report
    for outcome, titles in found["counts"].items():
        report.add(outcome, titles)
    for isbn, reason in found["failed"].items():
        report.fail(isbn, reason)
    report.notes += [note for note in found["notes"] if note not in report.notes]
    for name, titles in found["details"].items():
        report.details.setdefault(name, []).extend(titles)
    whole.on_hand += found["on_hand"]
    whole.on_order += found["on_order"]
    for seconds, pages in found["seconds"]:
        whole.seconds += [seconds] * pages
    whole.statuses.update(found["statuses"])
    for name, figure in found["site"].items():
        if not name.startswith(_OF_ONE_RUN):
            whole.site[name] = whole.site.get(name, 0) + figure
    whole.not_asked += found["not_asked"]
    for own, others, pages in found["shapes"]:
        whole.shapes[Shape(own, others)] += pages
    whole.judged.update({FetchOutcome(name): pages for name, pages in found["judged"].items()})
    whole.there_asked += found["there_asked"]
    whole.gone_by.update({FetchOutcome(name): titles for name, titles in found["gone_by"].items()})
    whole.newly_in_part += found["newly_in_part"]
    whole.bindings |= found["bindings"]
    whole.counts += OddCounts(**found["odd_counts"])
    for label, isbns in found["not_understood"].items():
        whole.not_understood.setdefault(label, []).extend(isbns)
    whole.known_pages += counts_from_json(found["known_pages"])
    whole.new_pages += counts_from_json(found["new_pages"])


def _counted(values: Iterable[float]) -> list[list[float]]:
    return [[value, times] for value, times in Counter(values).items()]
