"""`ingram token`: what programs ask the desk with."""

import click

from ingram_assets.cli.common import with_examples, with_json


@click.group()
@with_examples
def token() -> None:
    r"""Tokens, with which programs ask the desk: made, listed, revoked.

    \b
    ingram token create --name till --scope "store:Online Store"
    curl -H "Authorization: Bearer TOKEN" http://127.0.0.1:3001/api/v1/store/inventory
    """


@token.command()
@click.option("--name", required=True, help="Whose it is; stands in the ledger with all that it does.")
@click.option(
    "--scope",
    required=True,
    metavar="read|store:CHANNEL|admin",
    help="read looks at everything; store:CHANNEL looks at and changes the locations of one sales channel, "
    "by name or id; admin may do everything.",
)
@with_json
def create(name: str, scope: str, as_json: bool) -> None:
    r"""Make a token and print it, this once: only a hash of it is kept.

    \b
    ingram token create --name dashboard --scope read
    ingram token create --name till --scope "store:Online Store"
    ingram token create --name back-office --scope admin --json
    """
    from ingram_assets.cli.token import create_token

    create_token(name, scope, as_json)


@token.command("list")
@with_json
def list_tokens(as_json: bool) -> None:
    r"""Every token, with what it may do, when it was last used, and whether it is revoked.

    \b
    ingram token list
    """
    from ingram_assets.cli.token import show_tokens

    show_tokens(as_json)


@token.command()
@click.argument("name")
@with_json
def revoke(name: str, as_json: bool) -> None:
    r"""End a token, by its name or id, from its next request on.

    \b
    ingram token revoke till
    """
    from ingram_assets.cli.token import revoke_token

    revoke_token(name, as_json)
