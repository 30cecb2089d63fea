"""What `ingram token` does and prints."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

import click

from ingram_assets.cli.common import SOME_FAILED, WRONG_USE, fail, person, print_json
from ingram_assets.cli.terminal import markup, print_table, say
from ingram_assets.defs.storefront.from_settings import medusa_client, storefront_settings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.inventory.channels import Channel, UnknownChannel, read_floor
from ingram_assets.store.tokens import DeskToken, TokenRefused, TokenStore


@contextmanager
def _tokens() -> Iterator[tuple[StorefrontSettings, TokenStore]]:
    settings = storefront_settings()
    with TokenStore(settings.STOREFRONT_DB_URL.get_secret_value()) as tokens:
        yield settings, tokens


def create_token(name: str, scope: str, as_json: bool) -> None:
    """Make a token and print it. Leaves with 2 where the scope is none, or the name is taken."""
    kind, _, called = scope.partition(":")
    if kind not in ("read", "store", "admin") or (kind == "store") != bool(called.strip()):
        fail(
            "--scope is read, admin, or store:CHANNEL with a sales channel's name or id.", WRONG_USE, as_json
        )
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
    say(
        f"This is the token of {made.name} ({_scope(made)}). It is shown this once: keep it where secrets "
        "are kept.",
        err=True,
    )


def show_tokens(as_json: bool) -> None:
    """Print all tokens, oldest first."""
    with _tokens() as (_, tokens):
        found = tokens.all()
    if as_json:
        return print_json(tokens=[asdict(each) for each in found])
    rows = (
        (
            *(markup(each.name), each.id, markup(_scope(each))),
            *(_time(at) for at in (each.created_at, each.last_used_at, each.revoked_at)),
        )
        for each in found
    )
    print_table(rows, "name", "id", "may", "made", "last used", "revoked")
    click.echo(click.style("Times are UTC.", dim=True) if found else "There is none: ingram token create.")


def revoke_token(called: str, as_json: bool) -> None:
    """Revoke a token and say so. Leaves with 1 where there is none."""
    with _tokens() as (_, tokens):
        try:
            gone = tokens.revoke(called)
        except TokenRefused as error:
            fail(str(error), SOME_FAILED, as_json)
    if as_json:
        return print_json(**asdict(gone))
    say(f"The token of {gone.name} is revoked: its next request is refused.")


def _channel(settings: StorefrontSettings, called: str) -> Channel:
    with medusa_client(settings) as client:
        return read_floor(client).channel(called)


def _scope(token: DeskToken) -> str:
    return f"store:{token.channel_name}" if token.scope == "store" else token.scope


def _time(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else ""
