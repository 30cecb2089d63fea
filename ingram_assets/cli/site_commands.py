"""Commands about what runs share of iPage: what is forgotten of it, pages that were kept, a key."""

from pathlib import Path

import click

from ingram_assets.cli.common import print_json, with_examples, with_json

_FORGOTTEN = {
    "session": ("The kept session is forgotten: the next run signs in.", "No session was kept."),
    "password": ("The refusal is forgotten: the next run tries the password.", "No password was refused."),
    "block": ("The block is forgotten: the next run asks iPage.", "iPage is not left alone."),
}


@click.command()
@click.argument("what", type=click.Choice(list(_FORGOTTEN)))
@with_json
def forget(what: str, as_json: bool) -> None:
    r"""Forget what runs remember of iPage: the signed-in SESSION, a refused PASSWORD, or a BLOCK's pause.

    A refused password is not typed again for a day, and after a block iPage is left alone for a while: both
    protect the account. Forget them when you know better, for all machines.

    \b
    ingram forget session     what signed in is to sign in anew
    ingram forget password    the account was unlocked: the same password is right
    ingram forget block       you looked with a browser, and iPage answers
    """
    from ingram_assets.cli.terminal import say
    from ingram_assets.defs.scraper.from_settings import forget_of_the_site

    was_there = forget_of_the_site(what)
    told, none = _FORGOTTEN[what]
    if as_json:
        print_json(forgotten=was_there)
    else:
        say(told if was_there else none)


@click.command("kept-pages")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write them into this folder, for `ingram read` and a browser.",
)
@with_json
def kept_pages(out: Path | None, as_json: bool) -> None:
    r"""The newest pages of iPage that were not understood. What opens the account is removed from them.

    \b
    ingram kept-pages
    ingram kept-pages --out pages && ingram read pages
    """
    from ingram_assets.cli.terminal import in_shop_zone, one_line, say
    from ingram_assets.defs.scraper.from_settings import pages_kept
    from ingram_assets.domain.formatting import moment
    from ingram_assets.whole_files import write_whole

    pages = pages_kept()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for page in pages:
            write_whole(out / f"{page.run_id}-{page.isbn}.html", page.page)
    if as_json:
        told = [
            {"run": each.run_id, "isbn": each.isbn, "at": each.kept_at, "why": each.why} for each in pages
        ]
        print_json(pages=told)
        return
    for page in pages:
        say(one_line(f"{in_shop_zone(moment(page.kept_at))}  {page.isbn}  {page.why}"))
    written = f" They are in {out}: `ingram read {out}` tells what is understood of them." if out else ""
    say(f"{len(pages)} kept.{written}" if pages else "No page was kept: none was not understood lately.")


@click.command("session-key")
@with_examples
def session_key() -> None:
    r"""Make a key for SESSION_KEY, with which the kept session is encrypted in the database.

    On one machine none is needed: it makes its own. Several machines need the same one.

    \b
    ingram session-key
    echo "SESSION_KEY=$(ingram session-key)" >> .env.scraper
    """
    from cryptography.fernet import Fernet

    click.echo(Fernet.generate_key().decode())
