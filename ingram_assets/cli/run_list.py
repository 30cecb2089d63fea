"""`ingram runs`: what was pushed and read lately, by whom, with what outcome; and one run, title by title."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from ingram_assets.cli.common import print_json
from ingram_assets.cli.terminal import one_line, print_table, say, shop_zone, whose_times
from ingram_assets.domain.formatting import local_moment
from ingram_assets.overview.dagster_runs import ShopRun, result_of, shop_runs
from ingram_assets.overview.run_ids import SHORT, the_one_run
from ingram_assets.overview.run_results import RunResult
from ingram_assets.overview.store_changes import TitleChanged, told_once
from ingram_assets.runtime.instance import dagster_instance, told_if_away
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.journal import Entry, Journal
from ingram_assets.store.journal_views import JournalViews, RunChanges


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run, and what it left behind. `changed`: titles of which it wrote something to the store."""

    run: ShopRun
    result: RunResult | None
    changed: int

    @property
    def outcome(self) -> str:
        """How it ended, or how far it is."""
        return self.run.outcome(self.result)

    def as_json(self) -> dict[str, Any]:
        """As `--json` has it."""
        run = asdict(self.run) | {"state": self.run.state.value, "isbns": list(self.run.isbns)}
        error = self.result.error if self.result and not self.result.succeeded else None
        return run | {"changed": self.changed, "outcome": self.outcome, "error": error}


def list_runs(last: int, as_json: bool) -> None:
    """Print the last runs, the latest first."""
    settings, common = _settings()
    with dagster_instance(common) as instance, told_if_away():
        runs = shop_runs(instance, last)
        results = {run.run_id: result_of(instance, run.run_id) for run in runs}
    with JournalViews(settings.STOREFRONT_DB_URL.get_secret_value()) as views:
        changes = views.of_runs([run.run_id for run in runs])
    listed = [ListedRun(run, results[run.run_id], _changed(changes, run)) for run in runs]
    if as_json:
        return print_json(runs=[one.as_json() for one in listed])
    names = _names(settings, [run.isbns[0] for run in runs if len(run.isbns) == 1])
    zone = shop_zone()
    columns = ("time", "what", "by", "titles", "changed", "outcome", "run")
    print_table((_row(one, names, zone) for one in listed), *columns)
    words = f"{whose_times(zone)} What one changed, title by title: ingram runs RUN"
    click.secho(words if listed else "There was none yet: ingram sync-stock, then ingram push.", dim=True)


def _row(one: ListedRun, names: Mapping[str, str], zone: ZoneInfo) -> tuple[object, ...]:
    isbns, titles = one.run.isbns, ""
    if isbns:
        only = f"{isbns[0]} {names.get(isbns[0], '')[:30]}".strip()
        titles = f"{len(isbns):,} titles" if isbns[1:] else only
    at = f"{one.run.asked_at.astimezone(zone):%Y-%m-%d %H:%M}"
    return (
        *(at, one.run.words, one.run.asked_by, titles),
        *(one.changed or "", one.outcome, one.run.run_id[:SHORT]),
    )


def _names(settings: StorefrontSettings, isbns: Sequence[str]) -> dict[str, str]:
    """ISBN to title, of those that the queue has."""
    if not isbns:
        return {}
    with QueueReader(settings.QUEUE_DB_URL.get_secret_value()) as reader:
        return {title.isbn: title.title for title in reader.titles(list(dict.fromkeys(isbns)))}


def show_run(typed: str, as_json: bool) -> None:
    """Print one run: what it was to do, how it ended, and what it changed, title by title.

    Raises:
        NoSuchRun: none begins like that, or several do.
    """
    settings, common = _settings()
    url = settings.STOREFRONT_DB_URL.get_secret_value()
    with Journal(url) as journal, dagster_instance(common) as instance, told_if_away():
        ids = {one for one in instance.get_run_ids() if one.startswith(typed)}
        run_id = the_one_run(typed, ids | {*journal.runs_called(typed)}, otherwise="ingram runs lists them.")
        found = shop_runs(instance, 1, run_id=run_id)
        result = result_of(instance, run_id) if found else None
        entries = journal.changes(run_id)
    changed = told_once(entries)
    isbns = list(dict.fromkeys(one.isbn for one in changed if one.isbn))
    names = _names(settings, isbns)
    listed = ListedRun(found[0], result, len(isbns)) if found else None
    if as_json:
        told = listed.as_json() if listed else {"run_id": run_id, "changed": len(isbns)}
        return print_json(**told, changes=[_as_json(one) for one in entries])
    _print_run(run_id, listed, changed, names)


def _print_run(
    run_id: str, listed: ListedRun | None, changed: Sequence[TitleChanged], names: Mapping[str, str]
) -> None:
    if listed:
        say(one_line(f"{_asked(listed.run)}: {listed.outcome}"), bold=True)
        if listed.result and not listed.result.succeeded and listed.result.error:
            say(one_line(listed.result.error), fg="red")
        for isbn, reason in _failed(listed.result):
            say(one_line(f"{isbn}: {reason}"), fg="red")
    for one in changed:
        say(one_line(f"{one.isbn or 'the store'}  {names.get(one.isbn or '', '')}: {one.sentence}"))
    if not changed:
        click.echo("It wrote nothing to the store.")
    click.secho(f"Run {run_id}.", dim=True)


def sentence_of(run_id: str) -> str:
    """What a run was, who asked for it and when, and how many titles it changed."""
    settings, common = _settings()
    with dagster_instance(common) as instance, told_if_away():
        found = shop_runs(instance, 1, run_id=run_id)
    with JournalViews(settings.STOREFRONT_DB_URL.get_secret_value()) as views:
        changes = views.of_runs([run_id]).get(run_id)
    titles = changes.titles if changes else 0
    asked = _asked(found[0]) if found else "a run that Dagster keeps no more"
    return f"{asked}: {titles:,} title{'' if titles == 1 else 's'} changed (run {run_id[:SHORT]})."


def _asked(run: ShopRun) -> str:
    return f"{run.words}, {local_moment(run.asked_at, shop_zone())}, {run.asked_by}"


def _failed(result: RunResult | None) -> Iterator[tuple[str, str]]:
    for report in result.reports if result else ():
        for one in report["failed"]:
            yield one["isbn"], one["reason"]


def _as_json(entry: Entry) -> dict[str, Any]:
    told = asdict(entry)
    at: datetime = told.pop("at")
    return told | {"at": at.isoformat()}


def _changed(changes: Mapping[str, RunChanges], run: ShopRun) -> int:
    found = changes.get(run.run_id)
    return found.titles if found else 0


def _settings() -> tuple[StorefrontSettings, CommonSettings]:
    environment = environment_of("storefront")
    return load(StorefrontSettings, environment), load(CommonSettings, environment)
