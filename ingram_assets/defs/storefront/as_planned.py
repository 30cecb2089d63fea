"""Lets through what a person saw in a plan, and nothing else: what changed since is judged as in any push."""

from collections.abc import Mapping, Sequence
from itertools import islice

import dagster as dg

from ingram_assets.defs.events import REPORT, STOPPED, Report, RunReport, stopped
from ingram_assets.defs.storefront.push import (
    LOOKED,
    StoreRun,
    in_store,
    looked_in,
    push_rows,
    sound_titles,
    waiting_rows,
    write_push,
)
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.domain.let_through import GuardedChange, changed_since
from ingram_assets.store.import_plan import preview_import
from ingram_assets.store.levels import look_at

_NAMED = 5


def looked_in_plan(instance: dg.DagsterInstance, run_id: str) -> dict[str, GuardedChange]:
    """ISBN to what guardrails look at, as a plan showed it.

    Raises:
        NeedsPerson: there is no such plan, or it is of an older version.
    """
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_OUTPUT):
        metadata = entry.get_dagster_event().step_output_data.metadata or {}
        if REPORT in metadata:
            report: RunReport = metadata[REPORT].value  # type: ignore[assignment]
            if LOOKED in report["details"]:
                return {isbn: GuardedChange.parse(said) for isbn, said in report["details"][LOOKED].items()}
    raise NeedsPerson(
        f"The plan {run_id} is not known, or was made before an update: nothing was written. Plan again."
    )


def push_as_planned(run: StoreRun, isbns: Sequence[str], plan: Mapping[str, GuardedChange]) -> Report:
    """Push titles whose plan a person has let through.

    A title that would change in another way than was planned is pushed as if nothing had been let through,
    after the others.

    Raises:
        dagster.Failure: a guardrail stopped what changed since the plan; the others are written.
    """
    rows = {row.isbn: row for row in waiting_rows(run, isbns)}
    titles = {title.isbn: title for title in sound_titles(run, isbns)}
    imports = preview_import(run.session, list(rows.values()))
    levels = look_at(run.session, in_store(list(titles.values()), imports)).plan.looked(run.session.rules)
    now, nothing = looked_in(levels, imports), GuardedChange()
    changed = {
        isbn: why
        for isbn, one in now.items()
        if (why := changed_since(plan.get(isbn, nothing), one)) is not None
    }
    seen = [isbn for isbn in isbns if isbn not in changed]
    report = Report(run.context.job_name)
    if seen:
        run.session.journal.let_through(run.session.run_id, seen)
        waiting = [rows[isbn] for isbn in seen if isbn in rows]
        report = write_push(run, seen, waiting, let_through=True, seen=titles)
    if changed:
        _push_changed(run, changed, report)
    return report


def _push_changed(run: StoreRun, changed: Mapping[str, str], report: Report) -> None:
    """Push what changed since the plan as any push does, and add it to the report."""
    words = _in_words(changed)
    try:
        rest = push_rows(run, list(changed), let_through=False)
    except dg.Failure as failure:
        if STOPPED not in failure.metadata:
            raise
        raise stopped("guardrail", f"{words} {failure.description}", report) from failure
    for name, count in rest.counts.items():
        report.add(name, count)
    report.failed |= rest.failed
    report.details |= {"changes": report.details.get("changes", {}) | rest.details.get("changes", {})}
    report.notes += [words, *(note for note in rest.notes if note not in report.notes)]


def _in_words(changed: Mapping[str, str]) -> str:
    """What is said of the titles that changed since the plan."""
    named = "; ".join(f"{isbn}, {why}" for isbn, why in islice(changed.items(), _NAMED))
    more = f"; and {len(changed) - _NAMED:,} more" if len(changed) > _NAMED else ""
    titles = "1 title" if len(changed) == 1 else f"{len(changed):,} titles"
    return f"Changed since the plan, and not let through with it, {titles}: {named}{more}. Plan again."
