"""Commands that only look: history, explain, status."""

import click

from ingram_assets.cli.common import isbn_argument, with_json


@click.command()
@isbn_argument
@with_json
def history(isbn: str, as_json: bool) -> None:
    r"""A title's stock readings, store changes and inventory operations, in one line of time.

    \b
    ingram history 9781639739134
    ingram history 978-1-63973-913-4 --json
    """
    from ingram_assets.cli.title import show_history

    show_history(isbn, as_json)


@click.command()
@isbn_argument
@with_json
def explain(isbn: str, as_json: bool) -> None:
    r"""Why the store shows what it shows of a title: the reading, the rule, the level, the label.

    \b
    ingram explain 9781639739134
    ingram explain 978-1-63973-913-4 --json
    """
    from ingram_assets.cli.title import show_explanation

    show_explanation(isbn, as_json)


@click.command()
@with_json
def status(as_json: bool) -> None:
    r"""Whether the store tells the truth; if not, since when, why, and what to do. Then counts.

    \b
    ingram status
    ingram status --json
    """
    from ingram_assets.cli.status import show_status

    show_status(as_json)
