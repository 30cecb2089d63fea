"""What a run says of itself: a materialization per title, written in batches; its progress; its report.

A run over N titles that logs its own materializations has no planned event per title, and Dagster writes
a batch of them in one round trip (`DAGSTER_EVENT_BATCH_SIZE`): about 1 ms a title instead of 13 to 30.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any, TypedDict, cast
from uuid import uuid4

import dagster as dg

from ingram_assets.defs.failure_text import STOPPED_AT_WORK
from ingram_assets.defs.keys import PROGRESS_TAG
from ingram_assets.defs.site_pauses import PAUSE_TAG, tag_of
from ingram_assets.domain.failures import IngramError, of_the_disk
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.runtime.dagster_internals import DagsterEvent, DagsterEventBatchMetadata

Context = dg.OpExecutionContext | dg.AssetExecutionContext

REPORT = "report"
"""The metadata key under which a run leaves its `Report` for the command that started it."""
EVENTS_KEPT = timedelta(days=30)
"""How long an event of a title's partition is kept, and what a run logged; the newest is kept for good."""
STOPPED = "stopped"
KIND = "kind"
"""The metadata key of a failure's `FailureKind`."""
_FAILURES_SHOWN = 100
_NOTES_SHOWN = 20
LOOKED_AT = "looked_at"
"""When a check's look began: its event is written after the look, and what came between it has not seen."""


class FailedTitle(TypedDict):
    """A title that did not come through, as a report names it."""

    isbn: str
    reason: str


class RunReport(TypedDict):
    """A `Report` as the metadata of an event keeps it."""

    job: str
    counts: dict[str, int]
    failed: list[FailedTitle]
    notes: list[str]
    details: dict[str, Any]


@dataclass(slots=True)
class Report:
    """What a run did, for a person and for `--json`. Counts in titles; `failed` has each one's reason."""

    job: str
    counts: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def add(self, outcome: str, titles: int = 1) -> None:
        """Count titles under an outcome's name."""
        self.counts[outcome] = self.counts.get(outcome, 0) + titles

    def fail(self, isbn: str, reason: str) -> None:
        """Name a title that did not come through, and why. The first reason stands."""
        self.failed.setdefault(isbn, reason)

    @property
    def failed_titles(self) -> list[FailedTitle]:
        """The failed titles as JSON has them."""
        return [FailedTitle(isbn=isbn, reason=reason) for isbn, reason in self.failed.items()]

    def failure(self, what: str) -> dg.Failure:
        """The failure of a run that these titles failed: how many they are, `what`, and the first of them."""
        isbn, reason = next(iter(self.failed.items()))
        words = f"{len(self.failed)} {what}, {isbn} first: {reason}"
        return dg.Failure(words, metadata=self.metadata(), allow_retries=False)

    def metadata(self) -> dict[str, dg.MetadataValue]:
        """The report as metadata of an event: the counts as numbers that Dagster plots, the whole as JSON."""
        failed = self.failed_titles
        said = RunReport(
            job=self.job, counts=self.counts, failed=failed, notes=self.notes, details=self.details
        )
        metadata: dict[str, dg.MetadataValue] = {
            name: dg.MetadataValue.int(count) for name, count in self.counts.items()
        }
        if failed:
            shown = islice(self.failed.items(), _FAILURES_SHOWN)
            rows = [dg.TableRecord({"isbn": isbn, "reason": reason}) for isbn, reason in shown]
            metadata["failed_titles"] = dg.MetadataValue.table(rows)
        if self.notes:
            metadata["notes"] = dg.MetadataValue.text("\n".join(self.notes[:_NOTES_SHOWN]))
        return metadata | {REPORT: dg.MetadataValue.json(said)}


def json_last(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata as a person reads it on Dagster's page: what is for programs comes last."""
    return dict(sorted(metadata.items(), key=lambda one: isinstance(one[1], dg.JsonMetadataValue)))


def log_materializations(context: Context, materializations: Sequence[dg.AssetMaterialization]) -> None:
    """Log materializations of partitions, a batch per asset key.

    Dagster's batch insert updates the asset's own record from the batch's last event alone, so a batch
    must not mix assets.
    """
    by_asset: dict[dg.AssetKey, list[dg.AssetMaterialization]] = {}
    for materialization in materializations:
        by_asset.setdefault(materialization.asset_key, []).append(materialization)
    for batch in by_asset.values():
        _log_batch(context, DagsterEvent.asset_materialization, batch)


def log_observations(context: Context, observations: Sequence[dg.AssetObservation]) -> None:
    """Log observations of one asset's partitions, in one batch."""
    _log_batch(context, DagsterEvent.asset_observation, observations)


def _log_batch(
    context: Context,
    log: Callable[[Any, Any, DagsterEventBatchMetadata], object],
    batch: Sequence[dg.AssetMaterialization | dg.AssetObservation],
) -> None:
    step, batch_id = context.get_step_execution_context(), str(uuid4())
    for place, event in enumerate(batch, start=1):
        log(step, event, DagsterEventBatchMetadata(batch_id, is_end=place == len(batch)))


def log_check(
    context: Context,
    asset: dg.AssetKey,
    name: str,
    *,
    passed: bool,
    description: str,
    more: Mapping[str, dg.MetadataValue] = MappingProxyType({}),
) -> None:
    """Log a blocking check's evaluation, for a run that stops before it could return a result."""
    evaluation = dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=name,
        passed=passed,
        # A run's page shows no description of a check.
        metadata={**({} if passed else {"why": description}), **more},
        description=description,
        blocking=True,
    )
    # `log_event` takes it, though its annotation does not say so.
    context.log_event(cast(dg.AssetObservation, evaluation))


def say(context: Context, words: str, pause: SitePause | None = None) -> None:
    """Tell how far a run is, and of a pause: a log line, and the run's tags, which commands show."""
    context.log.info(words)
    tags = {PROGRESS_TAG: words} | ({PAUSE_TAG: tag_of(pause)} if pause else {})
    context.instance.add_run_tags(context.run.run_id, tags)


class Progress:
    """Says how far a run is: a log line and the run's progress tag, at most every `every` seconds.

    As a context manager it also says so when nothing gets done for a while (a sign-in, a slow site), so
    that a person sees that the run is alive.

    Args:
        pause: the site's pause, in which nothing gets done; it is told within a second, and at the end.
    """

    def __init__(
        self,
        context: Context,
        what: str,
        total: int,
        every: float = 3.0,
        pause: Callable[[], SitePause | None] = lambda: None,
    ) -> None:
        self._context, self._what, self._total, self._every = context, what, total, every
        self._pause = pause
        self._last = self._moved = time.monotonic()
        self._words = ""
        self._paused: SitePause | None = None
        self._mutex = threading.Lock()
        self._over = threading.Event()
        self._pulse = threading.Thread(target=self._keep_saying, name="progress", daemon=True)
        self.say(0)

    def __enter__(self) -> "Progress":
        self._pulse.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._pulse.join(timeout=5)
        with self._mutex:
            self._tell_pause()  # A run that gives up at once has told nothing yet.

    def say(self, done: int, more: str = "") -> None:
        """Tell, unless it was told a moment ago. The first and the last always are."""
        with self._mutex:
            now = self._moved = time.monotonic()
            self._words = f"{self._what}: {done:,} of {self._total:,}{', ' + more if more else ''}"
            if done not in (0, self._total) and now - self._last < self._every:
                return
            self._tell(self._words)

    def _tell(self, words: str) -> None:
        self._last = time.monotonic()
        say(self._context, words)

    def _tell_pause(self) -> bool:
        """Tell of the pause, if it is news. Whether there is one."""
        # Telling is a comfort: that it failed must not stop the work.
        with suppress(Exception):
            before, self._paused = self._paused, self._pause()
            if self._paused and self._paused != before:
                say(self._context, f"{self._words}. {self._paused}", self._paused)
        return self._paused is not None

    def _keep_saying(self) -> None:
        while not self._over.wait(1.0):
            with self._mutex:
                now = time.monotonic()
                if self._tell_pause():
                    continue
                if now - self._last < self._every:
                    continue
                idle = now - self._moved
                with suppress(Exception):
                    self._tell(f"{self._words} (waiting for {idle:.0f} s)" if idle > 1 else self._words)


def stopped(by: str, reason: str, report: Report | None = None) -> dg.Failure:
    """The failure of a run halted on purpose (a guardrail, a block): told once, not tried again."""
    return dg.Failure(
        description=reason,
        metadata={
            **(report.metadata() if report else {}),
            STOPPED: dg.MetadataValue.json({"by": by, "reason": reason}),
        },
        allow_retries=False,
    )


@contextmanager
def classified() -> Iterator[None]:
    """Turn a room's error into a Dagster failure with the room's own sentence and no stack of ours.

    What may pass with time keeps its retries; what needs a person or was stopped is told once.
    """
    try:
        yield
    except dg.DagsterExecutionInterruptedError:
        raise dg.DagsterExecutionInterruptedError(STOPPED_AT_WORK) from None
    except IngramError as error:
        raise failure_of(error) from error
    except OSError as error:
        if (told := of_the_disk(error)) is None:
            raise
        raise failure_of(told) from error


def failure_of(error: IngramError, report: Report | None = None) -> dg.Failure:
    """The failure of a run that a room's error ended, with what the run did until then."""
    if error.kind == "stopped":
        return stopped(type(error).__name__, str(error), report)
    return dg.Failure(
        str(error),
        metadata={KIND: error.kind, **(report.metadata() if report else {})},
        allow_retries=error.kind == "transient",
    )
