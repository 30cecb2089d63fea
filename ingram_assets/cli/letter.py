"""`ingram letter`: the weekly letter of any week, before or after it is sent."""

from datetime import date

import click

from ingram_assets.cli.common import print_json
from ingram_assets.cli.terminal import say
from ingram_assets.overview.letter import gather_letter


def show_letter(day: date | None, as_json: bool) -> None:
    """Print the letter of the week that a day is in, or of the last whole one."""
    letter = gather_letter(day)
    if letter.problem:
        say(letter.problem, err=True, fg="yellow")
    if as_json:
        return print_json(
            week=letter.week.name,
            subject=letter.alert.subject,
            body=letter.alert.body,
            problem=letter.problem,
        )
    say(letter.alert.subject, bold=True)
    click.echo(letter.alert.body)
