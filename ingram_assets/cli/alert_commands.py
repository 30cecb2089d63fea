"""Who is told: a test alert."""

import sys
from dataclasses import asdict

import click

from ingram_assets.cli.common import DONE, SOME_FAILED, print_json, with_examples, with_json
from ingram_assets.cli.terminal import say


@click.group()
@with_examples
def alert() -> None:
    r"""Who is told when the promise breaks.

    \b
    ingram alert test               sends one test alert to each target of ALERT_URLS
    """


@alert.command("test")
@with_json
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
        print_json(ok=ok, targets=[asdict(one) for one in sent])
    sys.exit(DONE if ok else SOME_FAILED)
