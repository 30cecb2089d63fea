"""`python -m ingram_demo.simulator`: the simulator in a process of its own."""

import dataclasses
import json
import sys
from pathlib import Path

import click

from ingram_demo.simulator.accounts import Account
from ingram_demo.simulator.dials import Dials
from ingram_demo.simulator.mail import MaildirMailer
from ingram_demo.simulator.open_library import PREFIX
from ingram_demo.simulator.server import listen, make_server
from ingram_demo.simulator.site import SEARCH_ID, Site


@click.command(
    epilog="Example: python -m ingram_demo.simulator --port 0 --titles 100 --state book.sqlite "
    "--maildir mail/shop --move-every 5 --dial latency_ms=40"
)
@click.option("--port", default=0, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option(
    "--titles", default=100, show_default=True, type=click.IntRange(1, 90_000), help="Titles in the search."
)
@click.option(
    "--state", type=click.Path(path_type=Path), help="File that keeps the stock book over restarts."
)
@click.option(
    "--maildir", type=click.Path(path_type=Path), help="Maildir folder that gets the mails with codes."
)
@click.option(
    "--account-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON with username, password, totp_secret, account, email; what is missing has the demo's value.",
)
@click.option(
    "--move-every", default=0.0, show_default=True, help="Seconds between the mover's moves; 0: never."
)
@click.option("--seed", default=1, show_default=True, help="Of the mover: the same seed, the same moves.")
@click.option(
    "--dial", "dials", multiple=True, metavar="NAME=JSON", help="A dial's value at the start. Repeatable."
)
def main(
    port: int,
    titles: int,
    state: Path | None,
    maildir: Path | None,
    account_file: Path | None,
    move_every: float,
    seed: int,
    dials: tuple[str, ...],
) -> None:
    """A stand-in for Ingram iPage, for the demo, tests and benchmarks.

    Prints one line of JSON with its addresses once it listens, then serves until it is terminated.
    """
    try:
        account = Account(**json.loads(account_file.read_text())) if account_file else Account()
        turned = Dials().changed(dict(_dial(text) for text in dials))
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from error
    try:
        sock = listen(port)
    except OSError as error:
        raise click.UsageError(
            f"Port {port} can't be used: {error.strerror}. Choose another with --port."
        ) from error
    mailer = MaildirMailer(maildir) if maildir else None
    site = Site(titles=titles, account=account, mailer=mailer, state=state, seed=seed, dials=turned)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    ready = {"url": url, "open_library_url": url + PREFIX, "search_id": SEARCH_ID, **_public(account)}
    click.echo(json.dumps(ready))
    sys.stdout.flush()
    make_server(site, move_every).run(sockets=[sock])


def _public(account: Account) -> dict[str, str]:
    return {
        name: value for name, value in dataclasses.asdict(account).items() if name in ("username", "account")
    }


def _dial(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


if __name__ == "__main__":
    main()
