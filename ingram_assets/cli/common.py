"""What all commands share: exit codes, options, and errors as one sentence."""

import json
import re
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


class IsbnType(click.ParamType):
    """An ISBN in any spelling, as 13 digits."""

    name = "ISBN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The 13 digits; wrong usage if it is none."""
        try:
            return parse_isbn(value)
        except InvalidIsbn as error:
            self.fail(str(error), param, ctx)


class SearchIdType(click.ParamType):
    """A saved search's number on iPage, or its Download link's path: as the setting's."""

    name = "SEARCH_ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As it is, without blanks at its ends; wrong usage if it can't be one."""
        from pydantic import TypeAdapter, ValidationError

        from ingram_assets.settings.kinds import SavedSearch

        try:
            return str(TypeAdapter(SavedSearch).validate_python(str(value).strip()))
        except ValidationError as error:
            self.fail(f"{value!r} is none: {error.errors()[0]['ctx']['error']}.", param, ctx)


class RunIdType(click.ParamType):
    """What can be undone: a run's whole id, as Dagster gives it, or an inventory operation's id or line."""

    name = "RUN_ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """In small letters; wrong usage if it is neither such an id nor a number."""
        run_id = str(value).strip().lower()
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{1,18}", run_id):
            self.fail(
                f"{value!r} is no run's whole id: it looks like 0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa. "
                "ingram push prints it at its end, and Dagster's page shows it. Nor is it the number of a "
                "line of ingram stock ledger.",
                param,
                ctx,
            )
        return run_id


class CountType(click.ParamType):
    """A whole number of something, within what anybody means."""

    name = "NUMBER"

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; wrong usage if it is none, or beyond the limits."""
        digits = str(value).strip()
        # Of digits beyond all limits Python reads no number.
        if re.fullmatch(r"[0-9]{1,12}", digits) and self._least <= int(digits) <= self._most:
            return int(digits)
        self.fail(f"{value!r} is no whole number from {self._least:,} to {self._most:,}.", param, ctx)


ISBN = IsbnType()
SEARCH_ID = SearchIdType()
RUN_ID = RunIdType()
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
let_through = click.option(
    "--let-through", is_flag=True, help="You looked at what a guardrail stopped, and it is right."
)


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
        try:
            return command(*args, **kwargs)
        except (IngramError, OSError) as error:
            if (told := error if isinstance(error, IngramError) else of_the_disk(error)) is None:
                raise
            fail(str(told), _exit_code(told), as_json)
        except KeyboardInterrupt:
            fail("Stopped.", 130, as_json)

    return wrapper


def _exit_code(error: IngramError) -> int:
    if isinstance(error, Stopped):
        return STOPPED
    return WRONG_USE if isinstance(error, NeedsPerson) else SOME_FAILED
