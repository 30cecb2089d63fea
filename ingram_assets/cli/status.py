"""`ingram status`: whether the store tells the truth, why not and what to do; then counts and titles."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

import click

from ingram_assets.alerts.messages import duration
from ingram_assets.cli.terminal import one_line, say
from ingram_assets.domain.backups import BACKUP_WITHIN, NO_BACKUP
from ingram_assets.domain.formatting import local_moment, minutes, size
from ingram_assets.overview.status import Status, gather
from ingram_assets.overview.verdict import BLOCKED, VerdictKind, left_alone
from ingram_assets.staging.reader import Summary, TitleTrouble
from ingram_assets.store.observe_mode import FIGURE_NAMES, Outlook

SHOWN = 20
"""At most so many titles of a list are printed; `--json` has all of them."""


def show_status(as_json: bool) -> None:
    """Print the state of the shop: what the queue has, what Dagster tracks, and whether the store follows."""
    status = gather()
    if as_json:
        click.echo(json.dumps(_as_json(status), default=datetime.isoformat))
    else:
        render(status, datetime.now(UTC))


def _as_json(status: Status) -> dict[str, Any]:
    facts, queue = status.facts, status.queue
    of_queue = {each.name: getattr(queue, each.name, None) for each in fields(Summary)}
    return {
        "verdict": asdict(status.verdict) | {"sentence": status.verdict.sentence(status.zone)},
        "up": facts.is_running,
        "titles": facts.titles if queue or status.tracked_known else None,
        "tracked_known": status.tracked_known,
        "rows": of_queue["titles"],
        "retired": status.retired if queue else None,
        "untracked": [one.isbn for one in status.behind_titles if one.what == "untracked"],
        "to_import": of_queue["to_import"],
        "failed": of_queue["failed"],
        "unread": of_queue["unread"],
        "never_read": of_queue["never_read"],
        "low_stock": [asdict(one) for one in status.low_stock],
        "low_stock_threshold": status.low_stock_threshold,
        "promise_seconds": int(facts.within.total_seconds()),
        "promise_broken": facts.late > 0 if queue else None,
        "late": facts.late if queue else None,
        "oldest_reading": of_queue["oldest_reading"],
        "oldest_reading_isbn": of_queue["oldest_reading_isbn"],
        "on_the_way": facts.on_the_way if queue else None,
        "behind": facts.behind,
        "behind_since": facts.behind_since,
        "behind_titles": [asdict(one) for one in status.behind_titles],
        "behind_text": facts.behind_text,
        "not_asked": list(facts.not_asked),
        "broken": [asdict(one) for one in status.broken],
        "no_stock_table": [asdict(one) for one in status.no_stock_table],
        "failed_runs": [asdict(one) for one in facts.failed_runs],
        "unfinished_pushes": [asdict(one) for one in facts.unfinished_pushes],
        "ipage_left_alone_since": facts.pause.since if facts.pause else None,
        "ipage_left_alone_until": facts.pause.until if facts.pause else None,
        "switched_off": list(facts.switched_off),
        "last_backup": asdict(status.backup) if status.backup else None,
        "desk": status.desk,
        "incidents": [
            {"subject": one.subject, "since": datetime.fromtimestamp(one.since, UTC), "reason": one.reason}
            for one in status.incidents
        ],
        "notes": list(status.notes),
        "watching": outlook_as_json(facts.watching) if facts.watching else None,
    }


def outlook_as_json(outlook: Outlook) -> dict[str, Any]:
    """What a push would do, day by day, and what becomes of products that nobody counts."""
    days = [
        {"day": one.day.isoformat(), "at": one.at, "run_id": one.run_id, "guardrail": one.guardrail}
        | asdict(one.figures)
        for one in outlook.plans
    ]
    return {"days": days, "legacy": [asdict(one) for one in outlook.legacy]}


def render(status: Status, now: datetime) -> None:
    """Print it for a person: whether the store tells the truth, what to do, and what else is to be seen."""
    verdict = status.verdict
    fine = verdict.kind in (VerdictKind.KEPT, VerdictKind.FAILED_TITLES)
    color = "green" if fine else "red" if verdict.kept is False else "yellow"
    say(one_line(verdict.sentence(status.zone)), fg=color, bold=True)
    if verdict.what_to_do:
        say(one_line(f"What to do: {verdict.what_to_do}"))
    if (pause := status.facts.pause) and left_alone(pause) not in verdict.why:
        say(one_line(left_alone(pause)), fg="red")
    _render_rest(status)
    _list(
        "People were told of it, and it is not over:",
        [
            f"{one.subject}, since {local_moment(datetime.fromtimestamp(one.since, UTC), status.zone)}"
            for one in status.incidents
        ],
    )
    if status.facts.watching:
        _render_outlook(status.facts.watching)
    _render_counts(status, now)
    _render_backup(status, now)
    _render_titles(status)
    for note in status.notes:
        say(one_line(f"Note: {note}"))


def _render_outlook(outlook: Outlook) -> None:
    """What a push would do, day by day; and what becomes of products that nobody counts."""
    if not outlook.plans:
        return
    click.echo("What a push would do, in titles, by the last plan of each day:")
    click.echo(f"  {'':10}" + "".join(f"{name:>14}" for name in FIGURE_NAMES.values()))
    for one in outlook.plans:
        figures = asdict(one.figures)
        stopped = "  a guardrail would stop it" if one.guardrail else ""
        click.echo(f"  {one.day}" + "".join(f"{figures[name]:14,}" for name in FIGURE_NAMES) + stopped)
    _list(
        "Sold without a count today, and what becomes of them:",
        [f"{one.number}  {one.title[:50]}: {one.becomes}" for one in outlook.legacy],
    )


def _render_counts(status: Status, now: datetime) -> None:
    facts = status.facts
    by = facts.started_by
    click.echo(f"{by.they_are} {'running' if facts.is_running else 'not running'}.{by.others}")
    if status.desk:
        click.echo(f"The desk answers at {status.desk}")
    if (queue := status.queue) is None:
        if status.tracked_known:
            click.echo(f"{status.facts.titles:7,}  titles tracked")
        return
    for number, words in (
        (status.facts.titles, "titles tracked" if status.tracked_known else "titles in the queue"),
        (queue.to_import, "not in the store yet"),
        (queue.failed, "could not be brought to the store"),
        (queue.unread, "not read at the last attempt"),
        (queue.never_read, "with stock that was never read"),
        (len(status.low_stock), f"low: 1 to {status.low_stock_threshold} copies to sell"),
    ):
        if number:
            click.echo(f"{number:7,}  {words}")
    if queue.oldest_reading:
        ago = minutes(now - queue.oldest_reading)
        title = f"{queue.oldest_reading_isbn} {status.oldest_title or ''}".strip()
        say(one_line(f"The oldest reading is {ago} old: {title}"))


def _render_backup(status: Status, now: datetime) -> None:
    if (last := status.backup) is None:
        if status.tracked_known:
            say(f"The last backup: {NO_BACKUP}", fg="yellow")
        return
    age, at = now - last.at, local_moment(last.at, status.zone)
    words = f"The last backup: {last.how} {duration(age.total_seconds())} ago, {at} ({size(last.bytes)})"
    say(one_line(words), fg="red" if age > BACKUP_WITHIN else None)


def _render_rest(status: Status) -> None:
    """What is wrong beside that which the verdict names."""
    facts, told = status.facts, status.verdict.sentence(status.zone)
    of_block = status.verdict.kind is VerdictKind.BLOCK
    for run in facts.failed_runs:
        if of_block and run.stopped_by == "block":
            continue  # A block is said once, whatever it stopped.
        if run.reason.partition(" The commands:")[0] not in told:
            at = local_moment(run.ended_at, status.zone)
            say(
                one_line(f"The last run of {run.job} failed, {at} ({run.run_id[:8]}): {run.reason}"), fg="red"
            )
    for push in facts.unfinished_pushes:
        if push.reason.partition(" The commands:")[0] not in told:
            titles = (
                f"{len(push.titles):,} titles wait" if len(push.titles) > 1 else f"{push.titles[0]} waits"
            )
            what = "that a guardrail stopped" if push.by_guardrail else "that failed and is tried again"
            at = local_moment(push.ended_at, status.zone)
            say(one_line(f"{titles} for a push {what}, {at} ({push.run_id[:8]}): {push.reason}"), fg="red")
    for name in facts.switched_off:
        if name not in told:
            say(f"Switched off in Dagster: {name}. Switch on again under Automation.", fg="yellow")
    for why in facts.not_asked:
        if why not in told:
            say(why, fg="yellow")


def _render_titles(status: Status) -> None:
    behind = [
        f"{one.isbn}  {one.title[:60]}: {one.words}, since {local_moment(one.since, status.zone)}"
        for one in status.behind_titles
    ]
    _list("Not in the store as it was read:", behind)
    told = BLOCKED if status.verdict.kind is VerdictKind.BLOCK else None
    for line in _by_reason([one for one in status.broken if one.outcome != told]):
        say(one_line(line), fg="red")
    _list("Low stock:", [f"{one.isbn}  {one.copies:3}  {one.title[:60]}" for one in status.low_stock])
    _list(
        "The page shows no stock table, so what was known of them stands:",
        [f"{one.isbn}  {one.title[:60]}" for one in status.no_stock_table],
    )


def _by_reason(troubles: Sequence[TitleTrouble]) -> Iterator[str]:
    """A line for each thing that is the matter, however many titles it befell: a block is one."""
    found: dict[tuple[str, str], list[TitleTrouble]] = {}
    for one in troubles:
        # A pause's end is in a block's reason, and so is each title's own address in others.
        found.setdefault((one.outcome, "" if one.outcome == BLOCKED else one.reason), []).append(one)
    for (outcome, _), titles in found.items():
        first = titles[0]
        what = "could not be brought to the store" if outcome == "failed" else "not read at the last attempt"
        if len(titles) == 1:
            yield f"{first.isbn}  {first.title[:50]}: {what}: {first.reason}"
        else:
            named = f"{first.isbn} {first.title[:50]}"
            yield f"{len(titles):,} titles, {named} among them: {what}: {first.reason}"


def _list(heading: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    click.echo(heading)
    for line in lines[:SHOWN]:
        say(one_line(f"  {line}"))
    if len(lines) > SHOWN:
        click.echo(f"  … and {len(lines) - SHOWN:,} more (ingram status --json)")
