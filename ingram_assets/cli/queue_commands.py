"""The queue database: migrate, and letting new titles in."""

import re

import click

from ingram_assets.cli.common import print_json, with_examples, with_json

_MOST = 1_000_000


def _number(value: str) -> int:
    # Of digits beyond all limits Python reads no number.
    if re.fullmatch(r"[0-9]{1,12}", value.strip()) and 1 <= int(value) <= _MOST:
        return int(value)
    raise click.BadParameter(f"{value!r} is no whole number from 1 to {_MOST:,}.")


@click.group()
@with_examples
def queue() -> None:
    r"""The queue database.

    \b
    ingram queue migrate            makes it, or brings it to this version
    ingram queue let-in 3000        lets more new titles in than it takes in a day
    """


@queue.command()
@with_json
def migrate(as_json: bool) -> None:
    r"""Create or upgrade the queue's tables, functions and roles. Safe to repeat.

    Needs QUEUE_OWNER_DB_URL: a role that may create roles and tables. The roles are made without a
    password; give them one: ALTER ROLE ingram_queue_writer PASSWORD '…'.

    \b
    ingram queue migrate
    """
    from ingram_assets.cli.migrate import migrate_queue

    result = migrate_queue()
    if as_json:
        found = {"created_roles": result.created_roles, "notes": result.notes}
        print_json(version=result.after, **{name: values for name, values in found.items() if values})
        return
    click.echo(f"The queue is at version {result.after}.")
    for role in result.created_roles:
        click.echo(
            f"The role {role} was made and has no password yet. Give it one, in psql as the owner: "
            f"\\password {role}"
        )
    for note in result.notes:
        click.echo(note, err=True)


@queue.command("let-in")
@click.argument("titles", metavar="NUMBER", type=_number)
@with_json
def let_in(titles: int, as_json: bool) -> None:
    r"""Let NUMBER new titles in beyond what the queue takes in a day, until they are used up.

    NUMBER is 1 to 1,000,000. The queue takes 500 new titles a day, or a tenth of what it has, so that a
    stolen password of its writer fills no shop. A queue without any stock takes 20,000. Needs
    QUEUE_OWNER_DB_URL.

    \b
    ingram queue let-in 3000        then repeat what said that titles wait
    """
    from ingram_assets.cli.migrate import let_in

    let_in(titles)
    if as_json:
        print_json(let_in=titles)
    else:
        click.echo(f"{titles:,} new titles are let in beyond the day's number. Now repeat what was refused.")
