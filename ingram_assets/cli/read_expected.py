"""What was understood of pages before, kept in a file, against what is understood of them now."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from ingram_assets.named_files import read_named

_MAX_BYTES = 100_000_000
_COMPARED = ("page", "kind", "reading", "fields", "stock")
"""What a file of expectations has of each page. Where a value stands, warnings, and what a push would make
of it may change."""


class PageDifference(NamedTuple):
    """A value that is not as it was expected to be."""

    page: str
    what: str
    expected: Any
    now: Any


def expectations(told: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is compared later, of pages as `--json` tells them."""
    return [{name: page[name] for name in _COMPARED} for page in told]


def load_expected(path: Path) -> list[dict[str, Any]]:
    """The pages of a file that `--json` or `--write-expected` wrote; wrong usage if it is none."""
    wrong = f"{path} is no file that ingram read wrote with --json or --write-expected"
    try:
        if len(written := read_named(path, _MAX_BYTES)) > _MAX_BYTES:
            words = f"{wrong}: it has more than {_MAX_BYTES:,} bytes."
            raise click.BadParameter(words, param_hint="--expect")
        data = json.loads(written.decode("utf-8-sig"))
    except OSError as error:
        raise click.BadParameter(f"{path} can't be read: {error.strerror}.", param_hint="--expect") from None
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{wrong}: {error}.", param_hint="--expect") from None
    pages = data.get("pages") if isinstance(data, dict) else None
    if not isinstance(pages, list) or not all(map(_is_page, pages)):
        raise click.BadParameter(f"{wrong}: it has no list of pages.", param_hint="--expect")
    return pages


def _is_page(page: Any) -> bool:
    return (
        isinstance(page, dict)
        and isinstance(page.get("page"), str)
        and isinstance(page.get("fields") or {}, dict)
        and isinstance(page.get("stock") or {}, dict)
    )


def differences(
    expected: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]
) -> list[PageDifference]:
    """Each value of an expected page that is another one now; a page that was not read is a difference, too.

    What a page of the file does not name is not compared; nor is a page that is not in the file.
    """
    now = {page["page"]: page for page in json.loads(json.dumps(list(told), default=str))}
    found: list[PageDifference] = []
    for page in expected:
        name = page["page"]
        if name in now:
            found += _of_page(name, page, now[name])
        else:
            found.append(PageDifference(name, "page", "to be read", "not among the pages named"))
    return found


def _of_page(name: str, expected: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[PageDifference]:
    for what in ("kind", "reading"):
        if what in expected and expected[what] != now[what]:
            yield PageDifference(name, what, expected[what], now[what])
    read = now["fields"] or {}
    for field, value in (expected.get("fields") or {}).items():
        if value != read.get(field):
            yield PageDifference(name, field, value, read.get(field))
    if "stock" in expected:
        before, after = expected["stock"] or {}, now["stock"] or {}
        for dc in dict.fromkeys([*before, *after]):
            if before.get(dc) != after.get(dc):
                yield PageDifference(name, f"stock {dc}", before.get(dc), after.get(dc))
