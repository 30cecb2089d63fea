"""What all commands share: exit codes, options, answers to programs, and errors as one sentence."""

import getpass
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import click

from ingram_assets.cli.terminal import say
from ingram_assets.domain.failures import IngramError, NeedsPerson, Stopped, of_the_disk
from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn

DONE, SOME_FAILED, WRONG_USE, STOPPED = 0, 1, 2, 3


def isbn_type(value: str) -> str:
    """An ISBN in any spelling, as 13 digits; wrong usage if it is none."""
    try:
        return parse_isbn(value)
    except InvalidIsbn as error:
        raise click.BadParameter(str(error)) from None


isbn_arguments = click.argument("isbns", metavar="ISBN...", nargs=-1, required=True, type=isbn_type)
isbn_argument = click.argument("isbn", type=isbn_type)
let_through = click.option(
    "--let-through", is_flag=True, help="You looked at what a guardrail stopped, and it is right."
)


def print_json(**told: Any) -> None:
    """What a command that went well tells a program."""
    click.echo(json.dumps({"ok": True, **told}, default=str))


def person() -> str:
    """Who gives the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container's user may have no name.
        return "cli"


def is_to_ask(does: str, command: str, *, yes: bool, as_json: bool) -> bool:
    """Whether a person is to be asked before something is done that is asked for: not if `yes` was said.

    The rule of all commands that ask. Where nobody can be asked, in a pipe, a crontab or for a program, not
    asking is no yes.

    Args:
        does: what the command does before it asks: "names what it would put back".
        command: as a script types it, without `--yes`.

    Raises:
        NeedsPerson: nobody said yes, and nobody can be asked.
    """
    if yes:
        return False
    if as_json or not _is_somebody_there():
        name = " ".join(command.split()[:2])
        raise NeedsPerson(
            f"{name} {does}, and asks: type it at a terminal, without --json. A script that has looked says "
            f"{command} --yes."
        )
    return True


def _is_somebody_there() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def fail(sentence: str, code: int, as_json: bool, **more: str) -> NoReturn:
    """Say what went wrong, in words and, with `more` beside them, for a program; leave with the code."""
    say(sentence, err=True, fg="red")
    if as_json:
        click.echo(json.dumps({"ok": False, "error": sentence, **more}))
    sys.exit(code)


def with_examples(command: Callable[..., Any]) -> Callable[..., Any]:
    r"""Let `\b` in a raw docstring be click's mark: the lines below it are not wrapped anew."""
    command.__doc__ = (command.__doc__ or "").replace(r"\b", "\b")
    return command


def handle_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn our own errors into one sentence and an exit code, and an interrupt into a clean stop."""

    @wraps(with_examples(command))
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        # A stop asked for in another way (a service manager, a closed terminal, a script's background job,
        # which starts with SIGINT ignored) is the same clean stop as Ctrl-C.
        for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(asked, signal.default_int_handler)
        as_json = kwargs.get("as_json", False)
        _speak_to_the_demo()
        try:
            return command(*args, **kwargs)
        except (IngramError, OSError) as error:
            if (told := error if isinstance(error, IngramError) else of_the_disk(error)) is None:
                raise
            fail(str(told), _exit_code(told), as_json)
        except KeyboardInterrupt:
            fail("Stopped.", 130, as_json)

    return wrapper


def _speak_to_the_demo() -> None:
    """Take the settings of a demo at work where there are none of a shop, and say so."""
    from ingram_assets.settings.demo import demo_to_speak_to
    from ingram_assets.settings.files import ENV_DIR

    if click.get_current_context().find_root().invoked_subcommand in ("demo", "up", "serve", "migrate"):
        return
    if folder := demo_to_speak_to():
        os.environ[ENV_DIR] = str(folder)
        say(f"This speaks to the demo at work, since no shop's settings are here ({folder}).", err=True)


def with_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --json, whose last line tells errors, too; and errors handled."""
    option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
    return option(handle_errors(command))


def exit_code_unseen(error: IngramError) -> int:
    """Of a command whose 1 tells what it saw: it could not look, so it saw nothing."""
    return STOPPED if isinstance(error, Stopped) else WRONG_USE


def _exit_code(error: IngramError) -> int:
    if isinstance(error, Stopped):
        return STOPPED
    return WRONG_USE if isinstance(error, NeedsPerson) else SOME_FAILED
