"""`ingram check-store`: what shoppers see, title by title, against what is right; for people and for cron."""

import sys
from collections.abc import Sequence
from functools import partial

import click

from ingram_assets.cli.common import DONE, SOME_FAILED, exit_code_unseen, fail
from ingram_assets.cli.terminal import one_line, say
from ingram_assets.defs.storefront.from_settings import own_tables, store_mode
from ingram_assets.domain.failures import IngramError
from ingram_assets.overview.store_check import StoreCheck, check_store, retired_titles, stopped_titles
from ingram_assets.runtime.instance import older_settings
from ingram_assets.runtime.started_with import in_effect
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings


def show_store_check(isbns: Sequence[str], as_json: bool) -> None:
    """Print each title of which shoppers see something else than is right; leaves with 1 if there is one.

    Where the store, or who knows what is right, can't be asked, it leaves with 2: nothing was seen.
    While the shop only watches there is bound to be one: it leaves with 0 then.
    """
    runs = in_effect(environment_of("storefront"))
    environment = runs.environment
    check(environment, StorefrontSettings, CommonSettings, PaceSettings)
    common = load(CommonSettings, environment)
    settings = load(StorefrontSettings, environment)
    why_watching = store_mode(settings).why_watching
    try:
        found = check_store(
            settings,
            common,
            load(PaceSettings, environment),
            retired=retired_titles(common),
            stopped_of=partial(stopped_titles, common),
            isbns=isbns,
        )
    except IngramError as error:
        fail(f"Nothing was compared: {error}", exit_code_unseen(error), as_json)
    told = filter(None, (runs.sentence, older_settings(common, own_tables(settings))))
    older = " ".join(told) or None
    code = SOME_FAILED if (found.differences or found.stopped) and not why_watching else DONE
    if as_json:
        _print_json(found, why_watching, older)
    else:
        for note in filter(None, (why_watching, older)):
            say(note, fg="yellow")
        _print(found)
    sys.exit(code)


def _print(found: StoreCheck) -> None:
    for one in found.differences:
        say(one_line(one.sentence), fg="red")
    for note in found.notes:
        say(one_line(note), fg="yellow")
    moving = f" {len(found.on_its_way):,} more are on their way." if found.on_its_way else ""
    prices = "" if found.prices_checked else " Prices were not compared: the store has no region in dollars."
    if found.stopped:
        waits = f"{len(found.stopped):,} wait for a push that a guardrail stopped"
        say(f"{waits}: whether shoppers see what is right of them, a person has to say.", fg="red")
        click.echo("What would change: ingram push --dry-run. If it is right: ingram push --let-through")
    if found.differences:
        words = f"Of {found.checked:,} titles shoppers see {len(found.differences):,} wrong."
    else:
        of = "the title" if found.checked == 1 else f"all {found.checked:,} titles"
        words = f"Shoppers see what is right of {of}." if found.checked else "No title was compared."
    say(f"{words}{moving}{prices}", fg="red" if found.differences else "green")
    if found.differences:
        click.echo("What a push would change: ingram push --dry-run. Of one title, why: ingram explain ISBN")


def _print_json(found: StoreCheck, why_watching: str | None, older: str | None) -> None:
    import json

    told = {
        "ok": not found.differences and not found.stopped,
        "watching": why_watching,
        "checked": found.checked,
        "on_its_way": list(found.on_its_way),
        "stopped": list(found.stopped),
        "prices_checked": found.prices_checked,
        "notes": [*([older] if older else []), *found.notes],
        "differ": [
            {
                "isbn": one.isbn,
                "title": one.title,
                "what": [{"field": name, "seen": seen, "right": right} for name, seen, right in one.what],
            }
            for one in found.differences
        ],
    }
    click.echo(json.dumps(told))
