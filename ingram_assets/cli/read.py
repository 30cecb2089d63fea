"""`ingram read`: what is understood of pages that a person saved, or names by ISBN. Changes nothing."""

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from ingram_assets.cli.common import DONE, SOME_FAILED, exit_code_unseen
from ingram_assets.cli.read_expected import PageDifference, differences, expectations, load_expected
from ingram_assets.cli.read_report import (
    LookedAt,
    as_json,
    entries_that_help,
    not_understood,
    print_one,
    print_several,
    shares,
)
from ingram_assets.cli.read_shop import ShopRules, rules_of_the_shop, would_become
from ingram_assets.cli.terminal import one_line, say
from ingram_assets.defs.scraper.from_settings import profile_of_the_shop
from ingram_assets.domain.completeness import Habit, usual_shape
from ingram_assets.domain.failures import IngramError, NeedsPerson, Stopped
from ingram_assets.domain.isbn import isbn_spelled, parse_isbn
from ingram_assets.named_files import read_named
from ingram_assets.sources.ipage.pages.saved_pages import MAX_BYTES, SUFFIXES, NoSavedPage, page_in
from ingram_assets.sources.ipage.pages.understood import understand
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile
from ingram_assets.whole_files import write_whole

log = logging.getLogger(__name__)


def what_to_read(value: str) -> str:
    """A file, a folder or an ISBN, as it was typed; wrong usage if it is none of them."""
    is_here = value != "" and (Path(value).is_file() or Path(value).is_dir())
    if not is_here and isbn_spelled(value) is None:
        raise click.BadParameter(
            f"{value!r} is no file and no folder here, and no ISBN. Name a page that your browser saved, a "
            "folder of them, or the ISBN of a title whose page is to be fetched."
        )
    return value


def show_pages(
    named: Sequence[str], expect: Path | None, write_expected: Path | None, *, is_json: bool
) -> None:
    """Print what is understood of the pages; leaves with 1 if one is no reading, or not as expected."""
    if write_expected and not write_expected.absolute().parent.is_dir():
        why = f"there is no folder {write_expected.parent} to write to."
        raise click.BadParameter(why, param_hint="--write-expected")
    expected = load_expected(expect) if expect else None
    shop, profile = rules_of_the_shop(), profile_of_the_shop()
    fetched, halt = _fetched([parse_isbn(name) for name in named if not Path(name).exists()], profile)
    saved = _saved([Path(name) for name in named if Path(name).exists()], profile)
    pages = _judged([*saved, *fetched], shop)
    told = [as_json(page) for page in pages]
    if write_expected:
        write_whole(write_expected, json.dumps({"pages": expectations(told)}, indent=1) + "\n")
    differ = None if expected is None else differences(expected, told)
    code = _exit_code(pages, differ, halt)
    if is_json:
        click.echo(json.dumps({"ok": code == DONE, **_summary(pages, told, shop, differ, halt)}, default=str))
        sys.exit(code)
    if len(pages) == 1:
        print_one(pages[0], shop)
    elif pages:
        print_several(pages, shop)
    if write_expected:
        say(one_line(f"Written to {write_expected}. To compare with it: --expect {write_expected}"))
    if differ is not None:
        _print_differences(differ)
    if halt is not None:
        say(str(halt), err=True, fg="red")
    sys.exit(code)


def _saved(paths: Iterable[Path], profile: SiteProfile) -> Iterator[LookedAt]:
    """Each file, and each saved page of a folder; by its name, or its path where two share the name."""
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        try:
            inside = sorted(each for each in path.iterdir() if each.name.lower().endswith(SUFFIXES))
        except OSError as error:
            yield LookedAt(str(path), problem=f"The folder can't be read: {error.strerror}.")
            continue
        files += inside
        if not inside:
            ends = ", ".join(SUFFIXES)
            yield LookedAt(str(path), problem=f"There is no saved page in the folder: none ends in {ends}.")
    often = Counter(file.name for file in files)
    for file in files:
        yield _looked_at_file(file.name if often[file.name] == 1 else str(file), file, profile)


def _looked_at_file(name: str, file: Path, profile: SiteProfile) -> LookedAt:
    try:
        body = read_named(file, MAX_BYTES)
        saved_on = datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
        return _looked_at(name, page_in(body, profile), profile, saved_on)
    except OSError as error:
        return LookedAt(name, problem=f"It can't be read: {error.strerror}.")
    except NoSavedPage as error:
        return LookedAt(name, problem=str(error))


def _looked_at(name: str, body: bytes, profile: SiteProfile, read_on: date) -> LookedAt:
    try:
        return LookedAt(name, understand(body, profile, read_on))
    except Exception as error:
        # One page that nobody thought of costs the others nothing.
        log.debug("%s could not be read.", name, exc_info=True)
        return LookedAt(name, problem=f"Reading it failed ({type(error).__name__}: {error}).")


def _fetched(isbns: Sequence[str], profile: SiteProfile) -> tuple[list[LookedAt], IngramError | None]:
    """The pages of these titles, one after the other; and what ended that before its time.

    Raises:
        SettingsError: of the scraper.
    """
    if not isbns:
        return [], None
    from ingram_assets.defs.scraper.from_settings import open_site
    from ingram_assets.settings.environment import environment_of
    from ingram_assets.settings.loading import check, load
    from ingram_assets.settings.scraper import ScraperSettings
    from ingram_assets.settings.shared import CommonSettings

    environment = environment_of("scraper")
    check(environment, ScraperSettings, CommonSettings)
    settings, common = load(ScraperSettings, environment), load(CommonSettings, environment)
    pages: list[LookedAt] = []
    with open_site(settings, common, f"{datetime.now(UTC):read-%Y%m%dT%H%M%S}") as site:
        for place, isbn in enumerate(isbns):
            say(f"Fetching the page of {isbn}…", err=True)
            try:
                looked = _looked_at(isbn, site.product_body(isbn), profile, datetime.now(UTC).date())
                pages.append(_of_title(isbn, looked))
            except (Stopped, NeedsPerson) as error:
                pages += [LookedAt(each, problem="It was not fetched.") for each in isbns[place:]]
                return pages, error
            except IngramError as error:
                pages.append(LookedAt(isbn, problem=str(error)))
    return pages, None


def _of_title(isbn: str, looked: LookedAt) -> LookedAt:
    """The same; with the problem that it is the page of another title, which no sweep takes."""
    if looked.page is None or looked.page.isbn in ("", isbn):
        return looked
    problem = f"The page is of {looked.page.isbn}, not of {isbn}, which was asked for."
    return replace(looked, problem=problem)


def _judged(pages: Sequence[LookedAt], shop: ShopRules) -> list[LookedAt]:
    """The pages with what a push would make of each, as these pages together tell what a whole one shows."""
    shapes = Counter(page.page.stock_shape for page in pages if page.page and page.page.stock_shape)
    usual = usual_shape(shapes)
    judged = []
    for page in pages:
        if usual is not None:
            page = replace(page, habit=Habit(usual), habit_is_seen=True)
        if page.page is not None and page.is_reading:
            page = replace(page, becomes=would_become(page.page, page.habit, shop))
        judged.append(page)
    return judged


def _exit_code(
    pages: Sequence[LookedAt], differ: Sequence[PageDifference] | None, halt: IngramError | None
) -> int:
    if halt is not None:
        return exit_code_unseen(halt)
    if differ is not None:
        return SOME_FAILED if differ else DONE
    return DONE if all(page.is_reading for page in pages) else SOME_FAILED


def _summary(
    pages: Sequence[LookedAt],
    told: Sequence[Mapping[str, Any]],
    shop: ShopRules,
    differ: Sequence[PageDifference] | None,
    halt: IngramError | None,
) -> dict[str, Any]:
    said, total = shares(pages)
    strange = not_understood(pages)
    return {
        "pages": told,
        "rules": shop.words,
        "read": {"product_pages": total, "fields": said},
        "not_understood": [
            {**one._asdict(), "pages": times, "example": name} for one, times, name in strange
        ],
        "site_toml": entries_that_help(pages, [one for one, _, _ in strange]),
        **({} if differ is None else {"differences": [one._asdict() for one in differ]}),
        "error": str(halt) if halt else None,
    }


def _print_differences(differ: Sequence[PageDifference]) -> None:
    for one in differ:
        words = f"{one.page}: {one.what} was {_shown(one.expected)}, and is {_shown(one.now)} now."
        say(one_line(words), fg="red")
    if differ:
        say(f"{len(differ):,} differences from what was expected.", fg="red")
    else:
        say("All as expected.", fg="green")


def _shown(value: Any) -> str:
    text = "not read" if value in (None, "", []) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:199] + "…"
