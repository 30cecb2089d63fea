"""Who is told: a test alert."""

import json
import sys

import click

from ingram_assets.cli.common import DONE, SOME_FAILED, as_json, handle_errors, with_examples
from ingram_assets.cli.terminal import say


@click.group()
@with_examples
def alert() -> None:
    r"""Who is told when the promise breaks.

    \b
    ingram alert test               sends one test alert to each target of ALERT_URLS
    """


@alert.command("test")
@as_json
@handle_errors
def alert_test(as_json: bool) -> None:
    r"""Send a test alert to every target of ALERT_URLS, and say which took it.

    \b
    ingram alert test
    """
    from ingram_assets.alerts.delivery import send_test
    from ingram_assets.settings.base import SettingsError
    from ingram_assets.settings.environment import environment_of
    from ingram_assets.settings.files import example_of, own_file
    from ingram_assets.settings.loading import load
    from ingram_assets.settings.operations import OperationsSettings

    urls = load(OperationsSettings, environment_of("operations")).ALERT_URLS
    if not urls:
        file = OperationsSettings.file
        raise SettingsError(f"ALERT_URLS is missing: set it in {own_file(file)} (see {example_of(file)}).")
    sent = send_test([url.get_secret_value() for url in urls])
    for one in sent:
        say(f"{one.target}: {'took it' if one.ok else one.reason}", err=as_json)
    ok = all(one.ok for one in sent)
    if as_json:
        targets = [{"target": one.target, "ok": one.ok, "reason": one.reason} for one in sent]
        click.echo(json.dumps({"ok": ok, "targets": targets}))
    sys.exit(DONE if ok else SOME_FAILED)
