"""What whoever mends the program has to know of a shop: versions, settings without secrets, runs, failures.

Each part is asked for by itself: a system that is away costs its own part, and says so there.
"""

import importlib.metadata
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg

from ingram_assets.alerts.incidents import open_incidents
from ingram_assets.defs.operations.sensors import tables_of
from ingram_assets.defs.storefront.from_settings import medusa_client
from ingram_assets.domain.failures import IngramError
from ingram_assets.domain.restrictions import Restriction
from ingram_assets.overview.dagster_runs import UnknownShopRun, result_of, shop_runs
from ingram_assets.overview.status import Status, gather
from ingram_assets.runtime.instance import dagster_instance, told_if_away
from ingram_assets.runtime.time_limit import answer_within
from ingram_assets.settings.base import Settings
from ingram_assets.settings.environment import environment_of, environment_of_owner
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets.settings.files import env_dir
from ingram_assets.settings.loading import check, faults, load
from ingram_assets.settings.owner import MigrateSettings
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings

_PACKAGES = ("dagster", "dagster-postgres", "playwright", "selectolax", "psycopg", "httpx", "pydantic")
_RUNS, _EXAMPLES = 30, 5
_SECONDS = 5
_EACH_AT_MOST, _ALL_AT_MOST = 20.0, 60.0
"""Seconds that a system may take for its answer, and all of them together."""
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{0,20}://", re.IGNORECASE)
_LONG_HOST = re.compile(r"[0-9a-f]{20,}(?=\.)")
"""What stands before a host of R2's: an account's number."""
_OPENS = re.compile(r"(?i)tok|key|sig|pass|pw|secret|auth|code|user|account|sess")
_MAY_BE_TOLD = frozenset({"STORE_TIME_ZONE"})
"""Settings whose text says nothing of who the shop is."""
_OF_SOMEBODY = frozenset({"IPAGE_USERNAME", "IPAGE_ACCOUNT", "MEDUSA_EMAIL", "MEDUSA_PUBLISHABLE_KEY"})
"""Settings that are no secrets, and say who the shop is."""
_OF_THE_ACCOUNT = frozenset({"IPAGE_USERNAME", "IPAGE_PASSWORD", "IPAGE_ACCOUNT", "IPAGE_SESSION_COOKIE"})
_PREFIXES = (
    "IPAGE_",
    "MEDUSA_",
    "R2_",
    "QUEUE_",
    "STOREFRONT_",
    "DAGSTER_",
    "ALERT",
    "HEARTBEAT",
    "BROWSER_",
)
"""What a name begins with that is a setting's with a slip of the pen."""
_SHORTEST_OF_A_SLIP = 6
_ANYBODYS_MAIL = frozenset(
    {"gmail", "googlemail", "outlook", "hotmail", "yahoo", "icloud", "proton", "example"}
)
_SET, _NOT_SET = "set", "not set"

Part = Mapping[str, Any]
Ask = Callable[[Callable[[], Any]], Any]
"""Asks for something, or tells why it can't be had."""


class _Looks:
    """Looks at systems, each within its time and all within theirs: a frozen one never answers."""

    def __init__(self) -> None:
        self._until = time.monotonic() + _ALL_AT_MOST

    def asked(self, ask: Callable[[], Any]) -> Any:
        """What is asked for, or why it can't be had."""
        seconds = min(_EACH_AT_MOST, self._until - time.monotonic())
        if seconds <= 0:
            return {"away": f"It was not asked: the systems before it took {_ALL_AT_MOST:g} s."}
        answer = answer_within(seconds, partial(asked, ask), "report")
        return answer[0] if answer else {"away": f"It did not answer within {seconds:.0f} s."}


def facts(given: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """All parts by their names. A part that can't be had says why under `away`."""
    looks = _Looks()
    return {
        "versions": asked(lambda: versions(given, looks.asked)),
        "settings": asked(lambda: shown_settings(given)),
        "migrations": asked(lambda: _migrations(given, looks.asked)),
        "failures": looks.asked(lambda: failures(gather())),
        "incidents": looks.asked(_incidents),
        "runs": looks.asked(_last_runs),
    }


def asked(ask: Callable[[], Any]) -> Any:
    """What is asked for, or why it can't be had."""
    try:
        return ask()
    except (IngramError, OSError) as error:
        return {"away": str(error)}
    except psycopg.Error as error:
        return {"away": f"The database does not answer ({type(error).__name__})."}
    except Exception as error:
        # Whoever mends it wants the rest, and this as well.
        return {"away": f"It can't be told ({type(error).__name__}: {error})."}


def settings_given() -> dict[str, dict[str, str]]:
    """By code location what is set, as it is written; "owner" for what is nobody's but the owner's.

    What can't be read is left out: `shown_settings` says so.
    """
    given: dict[str, dict[str, str]] = {}
    for location in LOCATIONS:
        with suppress(IngramError):
            given[location] = environment_of(location)
    with suppress(IngramError):
        given["owner"] = environment_of_owner()
    return given


def private_values(given: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The values that nobody else may read, with the parts of those that are addresses, lists or cookies.

    Args:
        given: names and values, also of names that are no setting's, such as a misspelled one.
    """
    for name, value in given:
        if _is_private(name, value):
            yield value
            yield from _of_mail_address(value)
            yield from _pieces(value, with_path=not value.lower().startswith("postgres"))
        elif _ADDRESS.match(value):
            yield from _pieces(value, with_path=False)


def tells_the_account(given: Iterable[tuple[str, str]]) -> bool:
    """Whether something of iPage's account is known, so that it can be taken out of pages."""
    return any(name in _OF_THE_ACCOUNT and value for name, value in given)


def files_named(given: Iterable[tuple[str, str]]) -> list[Path]:
    """The files that settings name."""
    return [Path(value) for name, value in given if name.endswith(("_FILE", "_EXECUTABLE"))]


def _is_private(name: str, value: str) -> bool:
    if name in _OF_SOMEBODY:
        return True
    if asking := [of for _, of in _classes() if name in of.model_fields]:
        return any(_kind(of, name) == "secret" for of in asking)
    return name.upper().startswith(_PREFIXES) and len(value) >= _SHORTEST_OF_A_SLIP


def _of_mail_address(value: str) -> Iterator[str]:
    """Who writes from it, and what the shop calls itself."""
    who, at, host = value.rpartition("@")
    if at and _name_of(host) not in _ANYBODYS_MAIL:
        yield from (one for one in (who, _name_of(host)) if len(one) >= _SHORTEST_OF_A_SLIP)


def _name_of(host: str) -> str:
    return host.partition(".")[0].casefold()


def _pieces(value: str, *, with_path: bool) -> Iterator[str]:
    """What within a secret, or in an address, opens something by itself."""
    for address in re.split(r"[\s,]+", value) if _ADDRESS.search(value) else ():
        with suppress(ValueError):
            parts = urlsplit(address)
            user, _, word = parts.netloc.rpartition("@")[0].partition(":")
            told = [word, user if "@" in unquote(user) else ""]
            told += [one for name, one in parse_qsl(parts.query) if _OPENS.search(name) or len(one) >= 16]
            told += [one for one in parts.path.split("/") if with_path and len(one) >= 8]
            host = parts.hostname or ""
            told += [host.partition(".")[0]] if _LONG_HOST.match(host) else []
            yield from {form for one in told for form in (one, unquote(one)) if form}
    if "=" in value and not _ADDRESS.search(value):  # cookies
        yield from (pair.partition("=")[2].strip() for pair in value.split(";") if len(pair) > 8)


def _classes() -> list[tuple[str, type[Settings]]]:
    shared: list[tuple[str, type[Settings]]] = [("scraper", CommonSettings), ("scraper", PaceSettings)]
    return [*shared, *LOCATIONS.items(), ("owner", MigrateSettings)]


def _kind(of: type[Settings], name: str) -> Literal["plain", "address", "secret", "text"]:
    """Whether a setting's value may be shown as it is, as an address without secrets, or not at all."""
    leaves = set(_leaves(of.model_fields[name].annotation))
    if any(getattr(leaf, "__name__", "") == "SecretStr" for leaf in leaves):
        return "secret"
    harmless = {int, float, bool, type(None), Restriction}
    if name in _MAY_BE_TOLD or all(leaf in harmless or get_origin(leaf) is Literal for leaf in leaves):
        return "plain"
    return "address" if name.endswith("_URL") or name == "R2_ENDPOINT" else "text"


def _leaves(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal or not get_args(annotation):
        yield annotation
        return
    inners = get_args(annotation)
    for inner in inners[:1] if get_origin(annotation) is Annotated else inners:
        if inner is not Ellipsis:
            yield from _leaves(inner)


def shown_settings(given: Mapping[str, Mapping[str, str]]) -> Part:
    """Each setting by its process: its value where that says nothing of who the shop is, else whether set."""
    shown: dict[str, Any] = {}
    for location, of in _classes():
        environment = given.get(location)
        own = shown.setdefault("shared" if of in (CommonSettings, PaceSettings) else location, {})
        if environment is None:
            own["away"] = "Its files can't be read."
            continue
        malformed = _malformed(environment, of)
        own |= {
            name: "malformed" if name in malformed else _shown(of, name, environment.get(name, ""))
            for name in of.model_fields
        }
        if problem := asked(partial(check, environment, of)):
            own["problem"] = problem["away"]
    return shown


def _malformed(environment: Mapping[str, str], of: type[Settings]) -> set[str]:
    """The settings whose values are no such: whoever wrote it may have written a password there."""
    told = (fault for each in faults(environment, of).values() for fault in each)
    return {fault.partition(" ")[0].partition(".")[0] for fault in told if " is missing" not in fault}


def _shown(of: type[Settings], name: str, value: str) -> str:
    if not value:
        return _NOT_SET
    kind = _kind(of, name)
    if kind == "plain":
        return value[:100]
    if kind == "text" or name in ("ALERT_URLS", "HEARTBEAT_URL") or not _ADDRESS.match(value):
        return _SET
    return _bare_address(value)


def _bare_address(value: str) -> str:
    """An address's scheme, host and port, without an account's number in the host."""
    try:
        parts = urlsplit(value)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return _SET
    host = _LONG_HOST.sub("…", parts.hostname or "")
    return f"{parts.scheme}://{host}{port}"


def versions(given: Mapping[str, Mapping[str, str]], look: Ask) -> Part:
    """Of the program and of all it works with."""
    return {
        "program": asked(lambda: importlib.metadata.version("ingram-assets")),
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "distribution": asked(lambda: platform.freedesktop_os_release().get("PRETTY_NAME", "")),
        "packages": {name: asked(partial(importlib.metadata.version, name)) for name in _PACKAGES},
        "browser": look(lambda: _browser(given.get("scraper", {}))),
        "postgresql": {name: look(partial(_of_server, url)) for name, url in _databases(given).items()},
        "medusa": look(lambda: _medusa(given.get("storefront", {}))),
    }


def _browser(environment: Mapping[str, str]) -> str:
    """The version that a browser of this machine says it has."""
    import shutil

    if environment.get("BROWSER_CDP_URL"):
        return "one elsewhere (BROWSER_CDP_URL)"
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    places = [environment.get("BROWSER_EXECUTABLE"), *map(shutil.which, names)]
    for place in filter(None, places):
        done = subprocess.run(
            [place, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        if done.returncode == 0:
            return done.stdout.strip()[:200]
    return "none was found on the PATH; Playwright's own may be used"


def _databases(given: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The addresses of the databases, by what they are called in the report."""
    wanted = {
        "dagster": given.get("scraper", {}).get("DAGSTER_PG_URL"),
        "queue": given.get("storefront", {}).get("QUEUE_DB_URL")
        or given.get("scraper", {}).get("QUEUE_DB_URL"),
        "journal": given.get("storefront", {}).get("STOREFRONT_DB_URL"),
    }
    return {name: url for name, url in wanted.items() if url}


def _of_server(url: str) -> str:
    with psycopg.connect(url, connect_timeout=_SECONDS) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return str(row[0]) if row else "not told"


def _medusa(environment: Mapping[str, str]) -> str:
    """Medusa tells nobody its version; that it answers, and lets us in, is known."""
    settings = load(StorefrontSettings, environment)
    with medusa_client(settings, is_look=True) as client:
        client.get("/admin/stores", {"fields": "id"})
    return "It answers, and lets us in. It tells no version."


def _migrations(given: Mapping[str, Mapping[str, str]], look: Ask) -> Part:
    return {
        "queue": look(lambda: _version_in(_databases(given).get("queue"), "ingram_queue_version")),
        "journal": look(lambda: _version_in(_databases(given).get("journal"), "store_journal_version")),
        "dagster": look(lambda: _version_in(_databases(given).get("dagster"), "alembic_version")),
    }


def _version_in(url: str | None, table: str) -> str:
    if url is None:
        return _NOT_SET
    try:
        with psycopg.connect(url, connect_timeout=_SECONDS) as connection:
            row = connection.execute(f"SELECT version_num FROM {table}").fetchone()
    except psycopg.errors.UndefinedTable:
        return "never migrated"
    except psycopg.errors.InsufficientPrivilege:
        return "its role may not look"
    return str(row[0]) if row else "never migrated"


def failures(status: Status) -> Part:
    """What is broken, as `ingram status` knows it: by kind how many, and some of them with their reasons."""
    facts = status.facts
    kinds: dict[str, list[Any]] = {}
    for one in (*status.broken, *status.no_stock_table):
        kinds.setdefault(one.outcome, []).append(one)
    return {
        "verdict": status.verdict.sentence(status.zone),
        "titles": facts.titles if status.queue or status.tracked_known else None,
        "late": facts.late if status.queue else None,
        "not_asked": facts.not_asked,
        "titles_by_kind": {
            kind: {
                "titles": len(titles),
                "examples": [
                    {"isbn": one.isbn, "reason": one.reason, "since": one.since} for one in titles[:_EXAMPLES]
                ],
            }
            for kind, titles in kinds.items()
        },
        "failed_runs": [asdict(run) for run in facts.failed_runs],
        "unfinished_pushes": [
            {**asdict(push), "titles": len(push.titles)} for push in facts.unfinished_pushes
        ],
        "notes": status.notes,
    }


def _incidents() -> Sequence[Part]:
    """What people were told of, and is not over."""
    with dagster_instance(load(CommonSettings, environment_of("operations"))) as instance, told_if_away():
        return [
            {"subject": one.subject, "reason": one.reason, "since": one.since, "times": one.times}
            for one in open_incidents(tables_of(instance).log())
        ]


def _last_runs() -> Sequence[Part]:
    """The last runs, each with what came of it. Who asked is told only where it was no person."""
    with dagster_instance(load(CommonSettings, environment_of("storefront"))) as instance, told_if_away():
        told = []
        for run in shop_runs(instance, _RUNS):
            result = None
            with suppress(UnknownShopRun):
                result = result_of(instance, run.run_id)
            told.append(
                {
                    "run": run.run_id,
                    "what": run.words,
                    "job": run.job,
                    "began": run.started_at or run.asked_at,
                    "ended": run.ended_at,
                    "asked_by": run.asked_by if run.asked_by.startswith("by ") else "a person",
                    "titles": len(run.isbns) or "all",
                    "outcome": run.outcome(result),
                    "error": result.error if result and not result.succeeded else None,
                    "counts": [report["counts"] for report in result.reports] if result else [],
                    "notes": [note for report in result.reports for note in report["notes"]]
                    if result
                    else [],
                }
            )
        return told


def state_folder(given: Iterable[tuple[str, str]]) -> Path:
    """Where the scraper keeps its own, whether its settings are right or not."""
    told = [value for name, value in given if name == "INGRAM_STATE_DIR"]
    return env_dir() / (Path(told[0]).expanduser() if told else ".ingram")
