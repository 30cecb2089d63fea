"""What a run changed of a title in the store, said once: "410 → 230, in stock". Pure.

The journal has a line for each thing that is written: the level, the variant's flags, the product. To who
sells books they are one change.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingram_assets.store.journal import Entry

_TOLD_BY_READINGS = ("metadata.stock_observed_at", "metadata.ingram_stock")
_SAID_ALREADY = re.compile(
    r"(?:Level \S+ becomes \S+|On order \S+ becomes \S+|allow_backorder becomes \w+ \([\w ]+\)"
    r"|Metadata: [\w, ]*|New in the store|The inventory item bore its variant's title)\.\s*"
)
"""Sentences of a reason that say what the figures say."""
_OF_COPIES = ("stocked_quantity", "incoming_quantity")
_OF_FLAGS = (
    *("manage_inventory", "allow_backorder"),
    *("metadata.availability", "metadata.availability_label", "metadata.in_stock"),
)


@dataclass(frozen=True, slots=True)
class TitleChanged:
    """What one run did to one title. `words` is empty where it only noted a reading's time."""

    at: datetime
    run_id: str
    isbn: str | None
    words: str
    outcome: str
    detail: str | None
    reason: str

    @property
    def sentence(self) -> str:
        """The change, whether it arrived, and why it was made."""
        why = f". {self.reason}" if self.reason else ""
        if self.outcome == "failed":
            return f"FAILED, {self.detail} Wanted: {self.words or 'a new time of its reading'}{why}"
        if self.outcome == "pending":
            return f"not known to have arrived, the run broke off: {self.words}{why}"
        return f"{self.words}{why}"


def told_once(entries: Iterable[Entry], status_now: Mapping[str, str] | None = None) -> list[TitleChanged]:
    """The journal's lines as changes, one for each run, title and outcome, in the order of their first lines.

    What was only a new time of a reading is left out, unless it failed.

    Args:
        entries: of one title or of one run, oldest first.
        status_now: ISBN to the status of today: a status is written when it changes, and no change tells of
            one that was always the same.
    """
    groups: dict[tuple[str, str | None, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.run_id, entry.isbn, entry.outcome), []).append(entry)
    statuses = _statuses(list(groups.values()), status_now or {})
    told = [_changed(group, status) for group, status in zip(groups.values(), statuses, strict=True)]
    return [one for one in told if one.words or one.outcome != "written"]


def _statuses(groups: list[list[Entry]], now: Mapping[str, str]) -> list[str]:
    """The status that each change left: its own, that of the change before, or what the next one replaced."""
    found: list[str] = []
    last: dict[str, str] = {}
    for group in groups:
        own = _fields(group, "after").get("metadata.availability") or last.get(group[0].isbn or "")
        found.append(str(own or ""))
        if own and group[0].outcome == "written":
            last[group[0].isbn or ""] = str(own)
    following = dict(now)
    for place, group in reversed(list(enumerate(groups))):
        found[place] = found[place] or following.get(group[0].isbn or "", "")
        if before := _fields(group, "before").get("metadata.availability"):
            following[group[0].isbn or ""] = str(before)
    return found


def _changed(group: list[Entry], status: str) -> TitleChanged:
    first = group[0]
    was, now = _fields(group, "before"), _fields(group, "after")
    reasons = dict.fromkeys(_SAID_ALREADY.sub("", one.reason).strip() for one in group)
    words = ", ".join(_words(group, was, now, status))
    reason = " ".join(one for one in reasons if one)
    return TitleChanged(first.at, first.run_id, first.isbn, words, first.outcome, first.detail, reason)


def _fields(group: list[Entry], side: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in group:
        found |= getattr(entry, side) or {}
    return found


def _words(group: list[Entry], was: Mapping[str, Any], now: Mapping[str, Any], status: str) -> Iterator[str]:
    made = [one.kind for one in group if one.before is None]
    removed = [one.kind for one in group if one.after is None]
    if "product" in removed:
        yield "taken out of the store"
    elif "product" in made:
        yield "new in the store"
    copies = list(_copies(was, now))
    yield from copies
    if status and (copies or was.get("metadata.availability") != now.get("metadata.availability")):
        yield status.replace("_", " ")
    elif now.get("allow_backorder") != was.get("allow_backorder"):
        yield "may be back-ordered" if now["allow_backorder"] else "no back-orders any more"
    elif _differs("metadata.availability_label", was, now):
        yield f"label {now['metadata.availability_label'] or 'none'}"
    if "level" in removed:
        yield "its level was taken away"
    if "link" in made or any(one.kind == "link" for one in group):
        yield "linked to its inventory item"
    if not made and (rest := _rest(was, now)):
        yield f"{', '.join(rest)} brought up to date"


def _copies(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if _differs("stocked_quantity", was, now):
        before = was.get("stocked_quantity")
        after = f"{now['stocked_quantity']:,g}"
        yield f"{after} copies" if before is None else f"{before:,g} → {after}"
    if _differs("incoming_quantity", was, now) and (was.get("incoming_quantity") or now["incoming_quantity"]):
        before, after = was.get("incoming_quantity"), now["incoming_quantity"]
        yield f"on order {after:,g}" if before is None else f"on order {before:,g} → {after:,g}"


def _differs(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return name in now and now[name] is not None and was.get(name) != now[name]


def _rest(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Other fields that were written, by their names."""
    told = {*_TOLD_BY_READINGS, *_OF_COPIES, *_OF_FLAGS, "inventory_item_id"}
    names = [name for name, value in now.items() if name not in told and was.get(name) != value]
    return [name.removeprefix("metadata.").replace("_", " ") for name in names]
