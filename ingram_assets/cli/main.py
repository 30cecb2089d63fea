"""The `ingram` command: what people type. Every command that changes something starts a Dagster run."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from ingram_assets.cli.alert_commands import alert
from ingram_assets.cli.backup_commands import backup, restore
from ingram_assets.cli.common import DONE, with_examples
from ingram_assets.cli.go_live import go_live
from ingram_assets.cli.look_commands import (
    check_store,
    doctor,
    explain,
    history,
    letter,
    read,
    report,
    runs,
    status,
)
from ingram_assets.cli.queue_commands import queue
from ingram_assets.cli.run_commands import discover, enrich, push, retire, sync_stock, undo
from ingram_assets.cli.site_commands import forget, kept_pages, session_key
from ingram_assets.cli.start_commands import demo, desk, migrate, serve, up, worker
from ingram_assets.cli.stock_commands import stock
from ingram_assets.cli.token_commands import token


class _Commands(click.Group):
    """The commands; with --json, wrong usage too ends in an object on the last line."""

    def main(self, *args: Any, **more: Any) -> Any:
        words = list(args[0] if args and args[0] is not None else more.get("args") or sys.argv[1:])
        if "--json" not in words or not more.get("standalone_mode", True):
            return super().main(*args, **more)
        try:
            code = super().main(*args, **more | {"standalone_mode": False})
        except click.ClickException as error:
            error.show()
            click.echo(json.dumps({"ok": False, "error": error.format_message()}))
            code = error.exit_code
        sys.exit(code if isinstance(code, int) else DONE)


def _show_versions(context: click.Context, _parameter: click.Parameter, is_wanted: bool) -> None:
    if is_wanted and not context.resilient_parsing:
        from ingram_assets.checked_with import versions_in_words

        click.echo(f"ingram {versions_in_words()}")
        context.exit()


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--env-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of your .env files. Default: INGRAM_ENV_DIR, the checkout, or else where you are. Where "
    "there are none, a demo at work is meant.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_versions,
    help="Show the version, what it was checked with, and exit.",
)
@with_examples
def main(env_dir: Path | None) -> None:
    r"""Keeps a Medusa bookstore's stock honest with Ingram iPage.

    \b
    See it work:            ingram demo
    See what is missing:    ingram doctor
    Run it for real:        ingram queue migrate && ingram up
    Find the titles:        ingram discover
    Read the stock now:     ingram sync-stock
    Bring it to the store:  ingram push
    Ask about one title:    ingram explain 9781639739134
    Count your own shelf:   ingram stock set 9781639739134 CELLAR 12
    See as shoppers do:     ingram check-store
    See what was pushed:    ingram runs
    Take a run back:        ingram undo RUN_ID
    End a new shop's watch: ingram go-live
    For who mends a fault:  ingram report
    Back the shop up:       ingram backup FOLDER

    Exit codes: 0 done, 1 some titles failed (each named), 2 wrong usage or settings, 3 stopped by a
    guardrail or a block.
    """
    from ingram_assets.settings.files import ENV_DIR
    from ingram_assets.settings.proxies import sparing_this_machine

    if env_dir:
        os.environ[ENV_DIR] = str(env_dir.resolve())  # What is started later has to find the same folder.
    # Before anything here asks for a proxy: gRPC does, which talks to our own code servers.
    os.environ.update(sparing_this_machine(os.environ))


for _command in (
    *(sync_stock, discover, enrich, retire, push, go_live, undo, runs, history, explain, status),
    *(check_store, read, doctor, report, letter),
    *(forget, kept_pages, session_key),
    *(backup, restore),
    *(stock, token, up, migrate, serve, worker, desk, demo, queue, alert),
):
    main.add_command(_command)
