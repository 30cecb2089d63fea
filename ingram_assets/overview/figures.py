"""The shop in figures, for who watches it from outside: counts and ages, of no title and no customer."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingram_assets.overview.board import STATUSES, StoreStep, TitleFilter
from ingram_assets.overview.board_watch import BoardState
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.overview.request_log import count_attempts

if TYPE_CHECKING:
    from dagster import DagsterInstance

LATELY = timedelta(hours=1)
"""So far back pages and pushes are counted."""
PUSHES_AT_MOST = 1_000
INCIDENT_KINDS = ("sla", "check", "silent", "run", "guardrail", "block", "sign_in", "fields")
_ON_THEIR_WAY = (StoreStep.ON_ITS_WAY, StoreStep.BEHIND, StoreStep.HELD)


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What Dagster counts.

    Attributes:
        pages: attempts to read a page, `pushes`: runs of the push, by what became of them, in the last hour.
    """

    pages: Mapping[str, int]
    pushes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ShopFigures:
    """What the board knows, in figures. Ages are in seconds; `None`, and what is missing: it is not known.

    Attributes:
        sources: whether each of the outside systems answers; `answered`: how long ago it did.
        tells_truth: whether the store does, as the verdict's sentence says.
        titles: by status, `steps`: by whether the store follows. Retired titles are in none.
        stale: read longer ago than promised; `unread`: not read at the last attempt, or never.
        lag: how long the store has not been told of a change, of the title that waits longest; 0: of none.
        backup: how old the last one is, `None`: or there never was one.
        incidents: those that are open, by kind.
        is_left_alone: iPage is, after a block; `is_daemon_up`: Dagster's daemon begins runs.
    """

    sources: Mapping[str, bool]
    answered: Mapping[str, float]
    tells_truth: bool | None
    titles: Mapping[str, int] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    stale: int | None = None
    unread: int | None = None
    oldest_reading: float | None = None
    lag: float | None = None
    last_sweep: float | None = None
    backup: float | None = None
    incidents: Mapping[str, int] = field(default_factory=dict)
    is_left_alone: bool | None = None
    is_daemon_up: bool | None = None


def shop_figures(state: BoardState, now: datetime, systems: Mapping[str, bool]) -> ShopFigures:
    """The board in figures. Pure.

    Args:
        systems: those that were just asked, and whether they answered: later than the board's look.
    """
    answers: dict[str, LastAnswer[Any]] = {
        "queue": state.queue,
        "journal": state.journal,
        "dagster": state.dagster,
        "medusa": state.medusa,
    }
    has_titles, said = state.queue.value is not None, state.dagster.value
    kept = [one for one in state.titles if not one.is_retired]
    steps = Counter(one.step for one in kept)
    is_followed = has_titles and not (steps[StoreStep.NOT_KNOWN] or steps[StoreStep.WATCHED])
    waiting = [one.step_since for one in kept if one.step in _ON_THEIR_WAY and one.step_since]
    oldest, traits = state.oldest, state.counts.by_trait
    known_steps = [step for step in StoreStep if step is not StoreStep.RETIRED]
    return ShopFigures(
        sources={
            name: answer.at is not None and answer.why_not is None and systems.get(name, True)
            for name, answer in answers.items()
        },
        answered={name: _ago(answer.at, now) for name, answer in answers.items() if answer.at},
        tells_truth=state.verdict.kept,
        titles={name: state.counts.by_status[name] for name in STATUSES} if has_titles else {},
        steps={step.value.replace(" ", "_"): steps[step] for step in known_steps} if has_titles else {},
        stale=sum(one.is_late for one in kept) if has_titles else None,
        unread=traits[TitleFilter.NOT_READ] if has_titles else None,
        oldest_reading=_ago(oldest.as_of, now) if oldest and oldest.as_of else None,
        lag=_ago(min(waiting, default=now), now) if is_followed else None,
        last_sweep=_ago(said.swept_at, now) if said and said.swept_at else None,
        backup=_ago(said.backup.at, now) if said and said.backup else None,
        incidents=_by_kind(one.key for one in said.incidents) if said else {},
        is_left_alone=said.pause is not None if said else None,
        is_daemon_up=said.silent_since is None if said else None,
    )


def _ago(at: datetime, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds())


def _by_kind(keys: Iterable[str]) -> dict[str, int]:
    """Incidents by the beginning of their keys, which alone names no title."""
    # Those of a push's guardrails have a plural of their own.
    kinds = Counter(key.partition(":")[0].replace("guardrails", "guardrail") for key in keys)
    return {kind: kinds[kind] for kind in INCIDENT_KINDS}


def run_figures(instance: "DagsterInstance", now: datetime) -> RunFigures:
    """What Dagster counts of the last hour."""
    from dagster import RunsFilter

    from ingram_assets.defs.runs_at_work import is_plan

    since = now - LATELY
    runs = instance.get_runs(RunsFilter(job_name="push", created_after=since), limit=PUSHES_AT_MOST)
    ended = {"SUCCESS": "done", "FAILURE": "failed", "CANCELED": "stopped"}
    pushes = Counter("planned" if is_plan(run) else ended.get(run.status.value, "at_work") for run in runs)
    outcomes = (*ended.values(), "planned", "at_work")
    return RunFigures(count_attempts(instance, since), {name: pushes[name] for name in outcomes})
