"""Dagster's runs for a person: which there are, starting a job, asking a run to stop.

Runs are read from Dagster's database, and started and stopped by its web server, as Dagster's own page does.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingram_assets.domain.failures import Permanent, Transient
from ingram_assets.overview.dagster_view import DagsterView
from ingram_assets.overview.job_requests import JobRequest
from ingram_assets.overview.run_results import RunResult, collect

if TYPE_CHECKING:
    from dagster import DagsterInstance, RunRecord
    from dagster_graphql import DagsterGraphQLClient

_KEY_TAG = "ingram/request_key"
"""Which press of a button a run is of: a second one of the same page starts no second run."""
_LAUNCH_SECONDS = 20
_UNFINISHED_AT_MOST = 100
_OUTCOMES_KEPT = 2_000


class RunState(StrEnum):
    """How far a run is, in a person's words."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self in (RunState.DONE, RunState.FAILED, RunState.STOPPED)


_STATES = {
    "QUEUED": RunState.WAITING,
    "NOT_STARTED": RunState.WAITING,
    "MANAGED": RunState.WAITING,
    "STARTING": RunState.WAITING,
    "STARTED": RunState.RUNNING,
    "CANCELING": RunState.STOPPING,
    "SUCCESS": RunState.DONE,
    "FAILURE": RunState.FAILED,
    "CANCELED": RunState.STOPPED,
}
_JOBS = {
    "push": "Push to the store",
    "undo": "Undo of a run",
    "enrich": "Reading of named titles",
    "retire": "Retiring of titles",
    "sync_stock": "Discovery, and stock of all titles",
    "discover": "Discovery of new titles",
    "discover_plan": "Look at what a discovery would bring",
    "discover_in_file": "Tracking of a file's titles",
    "refresh_details": "Details of all titles",
    "sweep_shard": "Sweep: a part of the titles",
    "retention": "Forgetting of what is old",
    "inventory_sweep": "Inventory sweep",
    "week_of_titles": "Look back at a week",
    "count_inventory": "Hourly count of the inventory",
    "ipage/saved_search": "Discovery of new titles",
    "ipage/stock_sweep": "Sweep: stock of all titles",
    "ipage/likely_sell_outs": "Reading of likely sell-outs",
    "r2/cover_sweep": "Covers",
}
"""Jobs and, where Dagster materializes them by themselves, assets."""


@dataclass(frozen=True, slots=True)
class ShopRun:
    """A run as a person sees it. Times are UTC.

    Attributes:
        job: Dagster's name of the job; `words`: what it does.
        progress: how far it is, while it is at work.
        asked_by: a person, or what of Dagster's asked for it.
        isbns: the titles that it is about; empty: all.
        of_run: the run that it undoes.
        why_only_plan: why it only planned, whatever it was asked for: the shop watches.
    """

    run_id: str
    job: str
    words: str
    state: RunState
    asked_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: str | None = None
    asked_by: str = ""
    isbns: tuple[str, ...] = ()
    dry_run: bool = False
    let_through: bool = False
    of_run: str | None = None
    why_only_plan: str | None = None

    @property
    def writes_to_store(self) -> bool:
        """Whether it is one whose changes the journal has."""
        return self.job in ("push", "undo") and not self.dry_run

    @property
    def by_whom(self) -> str:
        """Who asked for it, behind a verb: "by itself (sweep due)", "by ada@bookstore.example"."""
        return self.asked_by if self.asked_by.startswith("by ") else f"by {self.asked_by}"

    def outcome(self, result: RunResult | None) -> str:
        """How it ended, or how far it is. `result`: what it left behind, where it has ended."""
        if result is None:
            return f"{self.state.value}{f': {self.progress}' if self.progress else ''}"
        if result.stopped:
            return f"stopped by a {result.stopped['by']}"
        failed = sum(len(report["failed"]) for report in result.reports)
        if self.state is RunState.DONE and failed:
            return f"done, {failed:,} title{'' if failed == 1 else 's'} failed"
        return self.state.value


class UnknownShopRun(Permanent):
    """There is no such run."""


class DagsterPageAway(Transient):
    """Dagster's web server does not answer, or could not do what it was asked for."""


class DagsterRuns:
    """The runs of the shop. It may be shared by threads.

    Args:
        ui_url: where Dagster's web server answers on this machine.
    """

    def __init__(self, view: DagsterView, ui_url: str) -> None:
        self._view, self._ui = view, urlsplit(ui_url)
        self._starting = threading.RLock()
        self._outcomes: dict[str, str] = {}

    def last(
        self, limit: int, *, job: str | None = None, before: str | None = None, unfinished: bool = False
    ) -> list[ShopRun]:
        """The last runs, newest first.

        Args:
            job: of this job alone.
            before: those older than the run with this id.
            unfinished: those that wait or are at work alone.

        Raises:
            DagsterAway: its database does not answer.
        """
        return self._view.ask(
            lambda instance: shop_runs(instance, limit, job=job, before=before, unfinished=unfinished)
        )

    def of_id(self, run_id: str) -> ShopRun:
        """One run. Raises UnknownShopRun, DagsterAway."""
        found = self._view.ask(lambda instance: shop_runs(instance, 1, run_id=run_id))
        if not found:
            raise UnknownShopRun("Dagster has no such run: it was deleted, or its number is another one.")
        return found[0]

    def result(self, run_id: str) -> RunResult | None:
        """What a run left behind; `None` while it is at work. Raises UnknownShopRun, DagsterAway."""
        return self._view.ask(lambda instance: result_of(instance, run_id))

    def outcomes(self, runs: Sequence[ShopRun]) -> Mapping[str, str]:
        """A run's id to how it ended, for those that have. Raises DagsterAway."""
        over = [run for run in runs if run.state.is_over]
        new = [run for run in over if run.run_id not in self._outcomes]

        def look(instance: "DagsterInstance") -> dict[str, str]:
            found = {}
            for run in new:
                with suppress(UnknownShopRun):  # It was deleted just now.
                    found[run.run_id] = run.outcome(result_of(instance, run.run_id))
            return found

        # What has ended stays as it is: each is looked up once.
        kept = self._outcomes if len(self._outcomes) < _OUTCOMES_KEPT else {}
        self._outcomes = kept | (self._view.ask(look) if new else {})
        return {run.run_id: self._outcomes[run.run_id] for run in over if run.run_id in self._outcomes}

    def of_key(self, key: str) -> ShopRun | None:
        """The run that was started with a key; `None`: there is none. Raises DagsterAway."""
        found = self._view.ask(lambda instance: shop_runs(instance, 1, tags={_KEY_TAG: key}))
        return found[0] if found else None

    def start(self, request: JobRequest, *, by: str, key: str) -> str:
        """Starts a job's run, or gives it to the queue, once for a key. Its id.

        Args:
            by: the person who asks, for the run's page.
            key: of the press of the button. Asked for again with it, the run that there is is named.

        Raises:
            DagsterAway, DagsterPageAway: nothing was started; or if it was, the same key finds it.
        """
        from dagster_graphql import DagsterGraphQLClientError

        from ingram_assets.defs.keys import ASKED_BY_TAG

        with self._starting:
            if there := self.of_key(key):
                return there.run_id
            try:
                return self._client().submit_job_execution(
                    request.job,
                    repository_location_name=request.location,
                    run_config=request.run_config,
                    tags={ASKED_BY_TAG: by, _KEY_TAG: key},
                )
            except DagsterGraphQLClientError as error:
                raise _page_away("could not be started", error) from error

    def start_alone(self, request: JobRequest, *, by: str, key: str) -> tuple[str, bool]:
        """As `start`, but with a run of the same job for all titles at work, that one's id.

        Returns:
            The run's id, and whether it was there already.
        """
        with self._starting:
            if at_work := self.at_work_on_all(request.job):
                return at_work.run_id, True
            return self.start(request, by=by, key=key), False

    def at_work_on_all(self, job: str) -> ShopRun | None:
        """The run of a job for all titles that waits or is at work, if there is one. Raises DagsterAway."""
        found = [
            run
            for run in self.last(_UNFINISHED_AT_MOST, job=job, unfinished=True)
            if not (run.isbns or run.dry_run or run.state is RunState.STOPPING)
        ]
        return found[-1] if found else None

    def stop(self, run_id: str) -> None:
        """Asks a run to stop: what it has at work comes to its end first. One that is over has stopped.

        Raises:
            DagsterPageAway: it could not be asked.
            UnknownShopRun, DagsterAway: as `of_id`.
        """
        from dagster_graphql import DagsterGraphQLClientError

        if self.of_id(run_id).state.is_over:
            return
        try:
            self._client().terminate_run(run_id)
        except DagsterGraphQLClientError as error:
            raise _page_away("could not be asked to stop", error) from error

    def _client(self) -> "DagsterGraphQLClient":
        from dagster_graphql import DagsterGraphQLClient

        return DagsterGraphQLClient(
            self._ui.hostname or "127.0.0.1",
            port_number=self._ui.port,
            use_https=self._ui.scheme == "https",
            timeout=_LAUNCH_SECONDS,
            path_prefix=self._ui.path.rstrip("/"),
        )


def result_of(instance: "DagsterInstance", run_id: str) -> RunResult | None:
    """What a run left behind; `None` while it is at work. Raises UnknownShopRun."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        raise UnknownShopRun("Dagster has no such run: it was deleted, or its number is another one.")
    seconds = (record.end_time or 0) - (record.start_time or record.end_time or 0)
    return collect(instance, record.dagster_run, seconds) if record.dagster_run.is_finished else None


def _page_away(what: str, error: Exception) -> DagsterPageAway:
    """The failure of a request to the web server, with Dagster's own reason where it gave one."""
    words = str(error.args[-1]).partition("\n")[0][:300] if error.args else type(error).__name__
    asked = "Exception occured" in words or "Error when connecting" in words or "Server error" in words
    why = "its web server does not answer" if asked else words
    return DagsterPageAway(
        f"The run {what}: {why}. See on Dagster's page whether it is up, then try again: nothing is done "
        "twice."
    )


def shop_runs(
    instance: "DagsterInstance",
    limit: int,
    *,
    job: str | None = None,
    before: str | None = None,
    unfinished: bool = False,
    run_id: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[ShopRun]:
    """The last runs of an instance, newest first; as `DagsterRuns.last`, and of these tags alone."""
    from dagster import RunsFilter

    from ingram_assets.defs.runs_at_work import NOT_FINISHED

    wanted = RunsFilter(
        run_ids=[run_id] if run_id else None,
        job_name=job,
        statuses=NOT_FINISHED if unfinished else None,
        tags=tags,
    )
    return [_shown(record) for record in instance.get_run_records(wanted, limit=limit, cursor=before)]


def _shown(record: "RunRecord") -> ShopRun:
    """A record of Dagster's as a person sees it. What only planned, since the shop watches, is a plan."""
    from ingram_assets.defs.keys import PLAN_TAG, PROGRESS_TAG
    from ingram_assets.defs.runs_at_work import asked_of, is_plan

    run = record.dagster_run
    asked, only_plans = asked_of(run), is_plan(run)
    assets = sorted(key.to_user_string() for key in run.asset_selection or ())
    state = _STATES.get(run.status.value, RunState.WAITING)
    return ShopRun(
        run.run_id,
        run.job_name,
        _words(run.job_name, assets, asked, only_plans=only_plans),
        state,
        record.create_timestamp.astimezone(UTC),
        _utc(record.start_time),
        _utc(record.end_time),
        None if state.is_over else run.tags.get(PROGRESS_TAG),
        _asked_by(run.tags),
        tuple(map(str, asked["isbns"])) if isinstance(asked.get("isbns"), list) else (),
        only_plans,
        asked.get("let_through") is True,
        str(asked["run_id"]) if "run_id" in asked else None,
        run.tags.get(PLAN_TAG),
    )


def _words(job: str, assets: Sequence[str], asked: Mapping[str, object], *, only_plans: bool) -> str:
    if job == "push" and only_plans:
        return "Plan of a push"
    if job == "push" and not asked.get("isbns"):
        return "Sync of the whole inventory"
    if job == "undo" and only_plans:
        return "Plan of an undo"
    named = _JOBS.get(job) or ", ".join(_JOBS.get(asset, asset) for asset in assets)
    return named or job


def _asked_by(tags: Mapping[str, str]) -> str:
    from ingram_assets.defs.keys import ASKED_BY_TAG
    from ingram_assets.runtime.dagster_internals import AUTOMATION_CONDITION_TAG, SENSOR_NAME_TAG

    if person := tags.get(ASKED_BY_TAG):
        return person
    if sensor := tags.get(SENSOR_NAME_TAG):
        return f"by itself ({sensor.replace('_', ' ')})"
    if schedule := tags.get("dagster/schedule_name"):
        return f"by the clock ({schedule.replace('_', ' ')})"
    return "by itself" if AUTOMATION_CONDITION_TAG in tags else "Dagster's page"


def _utc(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
