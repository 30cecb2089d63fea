"""`ingram token`: what programs ask the desk with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from ingram_assets.cli.common import (
    SOME_FAILED,
    WRONG_USE,
    fail,
    person,
    print_json,
    with_examples,
    with_json,
)
from ingram_assets.cli.terminal import print_table, say, shop_zone, whose_times

if TYPE_CHECKING:
    from ingram_assets.settings.storefront import StorefrontSettings
    from ingram_assets.store.inventory.channels import Channel
    from ingram_assets.store.tokens import DeskToken, TokenStore


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
    from ingram_assets.store.inventory.channels import UnknownChannel
    from ingram_assets.store.tokens import TokenRefused

    kind, _, called = scope.partition(":")
    if kind not in ("read", "store", "admin") or (kind == "store") != bool(called.strip()):
        words = "--scope is read, admin, or store:CHANNEL with a sales channel's name or id."
        fail(words, WRONG_USE, as_json)
    with _tokens() as (settings, tokens):
        try:
            channel = _channel(settings, called) if kind == "store" else None
            made, text = tokens.create(
                name,
                kind,  # type: ignore[arg-type]
                by=person(),
                channel_id=channel.id if channel else None,
                channel_name=channel.name if channel else None,
            )
        except (TokenRefused, UnknownChannel) as error:
            fail(str(error), WRONG_USE, as_json)
    if as_json:
        return print_json(token=text, **asdict(made))
    click.echo(text)
    whose = f"This is the token of {made.name} ({_scope(made)})."
    say(f"{whose} It is shown this once: keep it where secrets are kept.", err=True)


@token.command("list")
@with_json
def list_tokens(as_json: bool) -> None:
    r"""Every token, with what it may do, when it was last used, and whether it is revoked.

    \b
    ingram token list
    """
    with _tokens() as (_, tokens):
        found = tokens.all()
    if as_json:
        return print_json(tokens=[asdict(each) for each in found])
    zone = shop_zone()
    rows = (
        (
            *(each.name, each.id, _scope(each)),
            *(_time(at, zone) for at in (each.created_at, each.last_used_at, each.revoked_at)),
        )
        for each in found
    )
    print_table(rows, "name", "id", "may", "made", "last used", "revoked")
    click.echo(click.style(whose_times(zone), dim=True) if found else "There is none: ingram token create.")


@token.command()
@click.argument("name")
@with_json
def revoke(name: str, as_json: bool) -> None:
    r"""End a token, by its name or id, from its next request on.

    \b
    ingram token revoke till
    """
    from ingram_assets.store.tokens import TokenRefused

    with _tokens() as (_, tokens):
        try:
            gone = tokens.revoke(name)
        except TokenRefused as error:
            fail(str(error), SOME_FAILED, as_json)
    if as_json:
        return print_json(**asdict(gone))
    say(f"The token of {gone.name} is revoked: its next request is refused.")


@contextmanager
def _tokens() -> Iterator[tuple["StorefrontSettings", "TokenStore"]]:
    from ingram_assets.defs.storefront.from_settings import storefront_settings
    from ingram_assets.store.tokens import TokenStore

    settings = storefront_settings()
    with TokenStore(settings.STOREFRONT_DB_URL.get_secret_value()) as tokens:
        yield settings, tokens


def _channel(settings: "StorefrontSettings", called: str) -> "Channel":
    from ingram_assets.defs.storefront.from_settings import medusa_client
    from ingram_assets.store.inventory.channels import read_visible_locations

    with medusa_client(settings) as client:
        return read_visible_locations(client).channel(called)


def _scope(token: "DeskToken") -> str:
    return f"store:{token.channel_name}" if token.scope == "store" else token.scope


def _time(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else ""
