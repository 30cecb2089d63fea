"""The queue database: migrate, and letting new titles in."""

import json

import click

from ingram_assets.cli.common import CountType, as_json, handle_errors, with_examples


@click.group()
@with_examples
def queue() -> None:
    r"""The queue database.

    \b
    ingram queue migrate            makes it, or brings it to this version
    ingram queue let-in 3000        lets more new titles in than it takes in a day
    """


@queue.command()
@as_json
@handle_errors
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
        more = {name: values for name, values in found.items() if values}
        click.echo(json.dumps({"ok": True, "version": result.after, **more}))
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
@click.argument("titles", metavar="NUMBER", type=CountType(1, 1_000_000))
@as_json
@handle_errors
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
        click.echo(json.dumps({"ok": True, "let_in": titles}))
    else:
        click.echo(f"{titles:,} new titles are let in beyond the day's number. Now repeat what was refused.")
