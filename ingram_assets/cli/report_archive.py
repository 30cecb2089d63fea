"""`ingram report`: one archive for whoever mends the program, without secrets and without who the shop is."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from ingram_assets.cli.common import print_json
from ingram_assets.cli.read_report import LookedAt, as_json
from ingram_assets.cli.terminal import one_line, say
from ingram_assets.coordination.keeping import KeptPage
from ingram_assets.defs.scraper.from_settings import profile_of_the_shop, session_and_pages_kept
from ingram_assets.domain.completeness import Habit, usual_shape
from ingram_assets.domain.failures import IngramError, NeedsPerson
from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.domain.private_text import KnownValues, without_private, without_private_json
from ingram_assets.domain.tables import decoded
from ingram_assets.overview.report_facts import (
    facts,
    files_named,
    private_values,
    settings_given,
    state_folder,
    tells_the_account,
)
from ingram_assets.overview.report_places import FolderNames
from ingram_assets.runtime.time_limit import answer_within
from ingram_assets.settings.base import SettingsError
from ingram_assets.settings.environment import all_made_out, environment_of
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import SiteSettings
from ingram_assets.sources.ipage.access.page_cleaning import PageCleaner
from ingram_assets.sources.ipage.pages.understood import understand
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in
from ingram_assets.whole_files import write_whole

MAX_PAGES = 50
MAX_BYTES = 20_000_000
"""Of all that is in the archive, before it is packed; the oldest pages that do not fit are left out."""

_PATIENCE = 10.0
"""Seconds that the database may take to bring the pages."""
_SHORTEST_COOKIE = 6
_READ_FIRST = "READ-ME-FIRST.txt"
_WHAT = {
    _READ_FIRST: "this list",
    "versions.json": "of the program, Python, its packages, the browser, PostgreSQL, Medusa and the system",
    "settings.json": "their names; values of those alone that are numbers, choices or addresses",
    "migrations.json": "at which version the databases' tables are",
    "failures.json": "what is broken now, by kind",
    "incidents.json": "what people were told of and is not over",
    "runs.json": "the last runs and what came of them",
    "understood.json": "what is understood of each page in pages/",
    "site.toml": "your own, with what your site says otherwise",
    "pages/": "pages of iPage that were kept because they were not understood, cleaned",
}
_REMOVED = (
    "Removed from all of it: scripts, cookies, tokens and form values; the values of secret settings and the "
    "account's names, however they are spelled; e-mail and postal addresses, telephone numbers, numbers of "
    "accounts and orders, long numbers other than ISBNs, and names that stand behind a greeting or a label."
)
_OUR_WORDS = frozenset(
    (
        *("dagster", "postgres", "postgresql", "medusa", "ingram", "ipage", "queue", "journal", "bucket"),
        *("storefront", "scraper", "operations"),
    )
)
"""Of our own sentences: a role or a database that is called so says nothing of whose it is."""
_LOOK = "No program finds every name: look through it before you send it to somebody."


@dataclass(slots=True)
class _Archive:
    """What goes into it, file by file, up to `MAX_BYTES`."""

    files: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    room: int = MAX_BYTES

    def add(self, name: str, text: str) -> bool:
        """Add a file; `False`: there is no room for it."""
        if (size := len(text.encode())) > self.room:
            return False
        self.files[name], self.room = text, self.room - size
        return True

    def packed(self, folder: str) -> bytes:
        """The archive's bytes."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.files.items():
                archive.writestr(f"{folder}/{name}", text)
        return packed.getvalue()


@dataclass(frozen=True, slots=True)
class _KeptPage:
    """A page that was kept: its name in the archive, why it was kept, the page, and when it came."""

    name: str
    why: str
    text: str
    came_on: date


def write_report(out: Path | None, *, is_json: bool) -> None:
    """Write the archive, and say what is in it.

    Raises:
        NeedsPerson: it is there already, or can't be written there.
    """
    path = _where(out, datetime.now().astimezone().date())
    archive = _gathered()
    data = archive.packed(path.stem)
    _write(path, data)
    if is_json:
        print_json(
            path=str(path),
            bytes=len(data),
            contents=[{"name": name, "bytes": len(text.encode())} for name, text in archive.files.items()],
            notes=archive.notes,
        )
        return
    say(one_line(f"{path} ({_size(len(data))}; {_size(MAX_BYTES - archive.room)} unpacked):"))
    pages = [name for name in archive.files if name.startswith("pages/")]
    for name, what in _WHAT.items():
        if name in archive.files:
            say(f"  {name:18} {what}")
    if pages:
        say(f"  {'pages/':18} {len(pages)} {_WHAT['pages/']}")
    for note in archive.notes:
        say(one_line(note), fg="yellow")
    say(_REMOVED)
    say(_LOOK, bold=True)


def _where(out: Path | None, today: date) -> Path:
    name = f"ingram-report-{today.isoformat()}.zip"
    path = Path(name) if out is None else out / name if out.is_dir() else out
    path = path.absolute()
    if not path.parent.is_dir():
        raise NeedsPerson(f"There is no folder {path.parent} to write to.")
    if path.exists() or path.is_symlink():
        raise NeedsPerson(
            f"{path} is there already, and is not overwritten: move it, or name another with --out."
        )
    return path


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise NeedsPerson(f"{path} can't be written: {error.strerror}.") from None


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{max(1, round(count / 1000))} kB"


def _gathered() -> _Archive:
    """All of it, cleaned. A part that can't be had says why in its place."""
    given = settings_given()
    archive = _Archive()
    read = [pair for environment in given.values() for pair in environment.items()]
    made_out, unreadable = all_made_out()
    places = FolderNames(state_folder([*read, *made_out]), files_named([*read, *made_out]))
    profile = _profile(archive)
    session, kept = _kept(archive)
    private = [
        value
        for value in (*private_values([*read, *made_out]), *_cookies(session))
        if value.strip().casefold() not in _OUR_WORDS
    ]
    cleaner = PageCleaner(KnownValues(private), profile.labels)
    pages, left_out = _newest(kept)
    found = len(pages)
    if found and (why := _not_cleaned(made_out, unreadable)):
        archive.notes.append(why)
        pages, left_out = [], 0
    for page in pages:
        cleaner.learn(page.text)
    known = cleaner.all_known()

    def cleaned(text: str, *, is_ours: bool = True) -> str:
        return known.removed_from(without_private(known.removed_from(places.told(text)), is_ours=is_ours))

    archive.notes = list(map(cleaned, archive.notes))
    told = facts(given)
    for name, part in told.items():
        text = json.dumps(without_private_json(_plain(part), cleaned), indent=1, ensure_ascii=False)
        if not archive.add(f"{name}.json", text):
            archive.notes.append(f"{name}.json is left out: it is too large.")
        # The names of systems and parts are ours, though a database or a user may be called so.
        archive.notes += [f"{name}: {path}{cleaned(why)}" for path, why in _away(part)]
    if own := _site_file():  # Its paths are the site's.
        archive.add(
            "site.toml",
            known.removed_from(without_private(known.removed_from(places.named(own)), is_ours=True)),
        )
    left_out += _add_pages(archive, pages, cleaner, profile, partial(cleaned, is_ours=False))
    if left_out:
        archive.notes.append(
            f"{left_out} older pages are left out: the archive holds at most {MAX_PAGES}, and "
            f"{_size(MAX_BYTES)}."
        )
    if not found:
        archive.notes.append("No page was kept: there is none yet that was not understood.")
    archive.files = {_READ_FIRST: _read_first(archive)} | archive.files
    return archive


def _not_cleaned(made_out: Sequence[tuple[str, str]], unreadable: Sequence[str]) -> str | None:
    """Why pages can't be cleaned of the account's names and secrets; `None`: they can."""
    if unreadable:
        return (
            "The pages are left out: what is secret could not be taken out of them, since nothing of "
            f"{' and '.join(unreadable)} can be read."
        )
    if not tells_the_account(made_out):
        return "The pages are left out: no setting says whose account it is, so nothing could be taken out."
    return None


def _site_file() -> str | None:
    """The shop's own, as it stands; `None`: it has none, or it can't be read."""
    try:
        file = load(SiteSettings, environment_of("scraper")).SITE_FILE
        return decoded(file.read_bytes()) if file else None
    except (SettingsError, OSError, ValueError):
        return None


def _profile(archive: _Archive) -> SiteProfile:
    """What the shop believes of the site; what comes with the program, if its own file can't be used."""
    try:
        return profile_of_the_shop()
    except SettingsError as error:
        archive.notes.append(f"Read as an iPage without a site.toml: {error}")
        return built_in()


def _add_pages(
    archive: _Archive,
    pages: list[_KeptPage],
    cleaner: PageCleaner,
    profile: SiteProfile,
    cleaned: Callable[[str], str],
) -> int:
    """Add the pages, and what is understood of each as it is in the archive. How many had no room."""
    looked: list[tuple[_KeptPage, LookedAt]] = []
    known, left_out = cleaner.all_known(), 0
    reserved, archive.room = archive.room // 4, archive.room - archive.room // 4
    for page in pages:
        text = cleaner.clean(page.text, known)
        if left_out or not archive.add(f"pages/{page.name}", text):
            left_out += 1
            continue
        looked.append((page, _looked_at(page.name, text.encode(), profile, page.came_on)))
    shapes = Counter(one.page.stock_shape for _, one in looked if one.page and one.page.stock_shape)
    usual = usual_shape(shapes)
    told = []
    for page, one in looked:
        judged = replace(one, habit=Habit(usual), habit_is_seen=True) if usual else one
        understood = without_private_json(_plain(as_json(judged)), known.removed_from)
        told.append({"why_kept": cleaned(page.why), **understood})
    archive.room += reserved
    if told:
        archive.add("understood.json", json.dumps(told, indent=1, ensure_ascii=False))
    return left_out


def _looked_at(name: str, body: bytes, profile: SiteProfile, came_on: date) -> LookedAt:
    try:
        return LookedAt(name, understand(body, profile, came_on))
    except Exception as error:  # It is what is to be mended, perhaps.
        return LookedAt(name, problem=f"Reading it failed ({type(error).__name__}).")


def _kept(archive: _Archive) -> tuple[bytes | None, list[KeptPage]]:
    """The kept session and pages, if the database answers; else it is noted why it does not."""

    def look() -> tuple[bytes | None, list[KeptPage]] | str:
        try:
            return session_and_pages_kept()
        except (SettingsError, IngramError) as error:
            return str(error)

    found = answer_within(_PATIENCE, look, "kept pages")
    if found is not None and not isinstance(found[0], str):
        return found[0]
    archive.notes.append(
        f"The kept pages can't be read: {found[0] if found else 'the database does not answer.'}"
    )
    return None, []


def _newest(kept: Sequence[KeptPage]) -> tuple[list[_KeptPage], int]:
    """The newest pages, the newest first, and how many older ones there are."""
    pages = []
    for number, one in enumerate(kept[:MAX_PAGES], 1):
        name = f"{number:02}-{one.isbn}" if isbn_spelled(one.isbn) else f"{number:02}"
        rest = one.page.partition("\n")[2] if one.page.startswith("<!--") else one.page
        pages.append(_KeptPage(f"{name}.html", one.why, rest, one.kept_at.date()))
    return pages, max(0, len(kept) - MAX_PAGES)


def _cookies(kept: bytes | None) -> list[str]:
    """The values of the kept session's cookies."""
    try:
        cookies = json.loads(kept or b"")["session"]["cookies"]
        return [str(cookie["value"]) for cookie in cookies if len(str(cookie["value"])) >= _SHORTEST_COOKIE]
    except (ValueError, KeyError, TypeError):
        return []


def _away(part: Any, path: str = "") -> list[tuple[str, str]]:
    """Why parts of a part could not be had, each with the names of the parts that it is in."""
    if not isinstance(part, dict):
        return []
    own = [(path, part["away"])] if isinstance(part.get("away"), str) else []
    return own + [why for name, inner in part.items() for why in _away(inner, f"{path}{name}: ")]


def _plain(data: Any) -> Any:
    """The same as JSON has it."""
    return json.loads(json.dumps(data, default=str))


def _read_first(archive: _Archive) -> str:
    pages = [name for name in archive.files if name.startswith("pages/")]
    lines = [
        f"{name:18} {what}" for name, what in _WHAT.items() if name in archive.files or name == _READ_FIRST
    ]
    lines += [f"{'pages/':18} {len(pages)} {_WHAT['pages/']}"] if pages else []
    return "\n".join(
        ["A report for whoever mends ingram-assets.", "", *lines, "", *archive.notes, "", _REMOVED, _LOOK, ""]
    )
