"""The world proves itself: faults that were seen, put back one at a time in a copy of the product.

Each is a change of the product's text. A fault whose text is no longer there has to be written anew.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

ROOT = Path(__file__).resolve().parents[2]
FAILED = "Seed "


class Change(NamedTuple):
    """One text of a file of the product, and what stands in its place."""

    file: str
    old: str
    new: str


class Fault(NamedTuple):
    """A fault, as a sentence, with the changes that put it back."""

    what: str
    changes: tuple[Change, ...]


def _one(what: str, file: str, old: str, new: str) -> Fault:
    return Fault(what, (Change(file, old, new),))


_DECISIONS = "defs/storefront/decisions.py"
_PUSH = "defs/storefront/push.py"
_GUARDRAILS = "domain/guardrails.py"
_LOCATION = "store/location.py"
_INCIDENTS = "alerts/incidents.py"
_RENEWAL = "sources/ipage/renewal.py"
FAULTS = (
    _one(
        "pages read between sweeps count in no hour",
        "defs/scraper/between_sweeps.py",
        "since_sweep=since, read=self.pages)",
        "since_sweep=since, read=0)",
    ),
    _one(
        "after a reset of its cursor the sensor pushes nothing",
        _DECISIONS,
        "#{asked.failures + 1}@{self.asked_at:.6f}",
        "#{asked.failures + 1}",
    ),
    _one(
        "a reservation below zero is added to the level",
        "store/plan.py",
        "        found = after_silence(",
        '        if item and item.level and rules.inventory_mode != "on_hand" and found.stocked_quantity:\n'
        "            odd = int(min(0, item.level.reserved))\n"
        "            found = replace(found, stocked_quantity=max(0, found.stocked_quantity + odd))\n"
        "        found = after_silence(",
    ),
    _one(
        "a center that leaves the page keeps its count",
        "domain/readings.py",
        "        return len(self.completed) == COMPLETE_READINGS_KEPT and",
        "        return False and",
    ),
    _one(
        "copies that were fulfilled are sold again from the same reading",
        "domain/position.py",
        "return Taken(sold=orders.fulfilled_since(read_at))",
        "return Taken()",
    ),
    _one(
        "the same, where Ingram's count falls with the order",
        "domain/position.py",
        "sold=orders.fulfilled_since(read_at, of_orders_since=True)",
        "sold=0",
    ),
    _one(
        "what orders did is not asked once all counts are too old",
        "store/levels.py",
        "adds_back or title.aged is not None or",
        "adds_back or",
    ),
    _one(
        "titles that are gone stop every push",
        _GUARDRAILS,
        "    return one.unread_since is None or now - one.unread_since < patience",
        "    return True",
    ),
    _one(
        "no guardrail looks at anything but zeros",
        _GUARDRAILS,
        '    rise = f"rise to',
        '    turning = []\n    rise = f"rise to',
    ),
    _one(
        "no guardrail looks at prices",
        _GUARDRAILS,
        "    then = float(price)\n",
        "    then = float(price)\n    return None\n",
    ),
    _one(
        "no guardrail looks at zeros",
        _GUARDRAILS,
        "    turning = sum(1 for isbn, level in before.items() if level > 0 and after.get(isbn, level) <= 0)",
        "    turning = 0",
    ),
    _one(
        "copies that are reserved count as for sale where a guardrail looks at zeros",
        "store/plan.py",
        "            if before <= 0:\n",
        "            if True:\n",
    ),
    Fault(
        "a sweep in which every page answers 404 passes",
        (
            Change(_GUARDRAILS, '    words = f"{gone} of', '    gone = 0\n    words = f"{gone} of'),
            Change(_GUARDRAILS, '    words = f"{unread} of', '    unread = 0\n    words = f"{unread} of'),
        ),
    ),
    _one(
        "nobody is told that the store is behind",
        "defs/storefront/lag.py",
        "    return Lag(tuple(found),",
        "    return Lag((),",
    ),
    _one(
        "retired titles are pushed again",
        _PUSH,
        "title.isbn not in run.retired if named is None",
        "True if named is None",
    ),
    _one(
        "a product that was deleted never comes back",
        _PUSH,
        "    return [*rows, *(row for row in again if row.isbn in waiting), *anew]",
        "    return [*rows, *anew]",
    ),
    _one(
        "a preorder stays one after its day, if it was never read",
        "domain/availability.py",
        '    if shown == "preorder":\n        return replace(found, allow_backorder=False)',
        '    if shown == "preorder":\n        return found',
    ),
    _one(
        "other people's inventory items are written",
        "domain/ownership.py",
        "    return item.made or isbn_spelled(item.sku) == isbn",
        "    return True",
    ),
    Fault(
        "titles that can't be read stop every sweep",
        (
            Change("defs/scraper/decisions.py", "    return _spread(odd, line)", "    return [*odd, *line]"),
            Change(
                "sources/ipage/access/answers.py",
                "    if isinstance(error, StockInPart):\n        return SiteSign.NEITHER",
                "    if isinstance(error, StockInPart):\n        return SiteSign.FAILING",
            ),
            Change(
                "sources/ipage/access/answers.py",
                "        return SiteSign.FAILING if is_known and is_first else SiteSign.NEITHER",
                "        return SiteSign.FAILING",
            ),
        ),
    ),
    _one(
        "an old reading is sold from for ever",
        "domain/lifetime.py",
        '    if policy == "keep" or title.stock is None:',
        "    if True:",
    ),
    _one(
        "a guardrail also holds back what time alone changes",
        "store/levels.py",
        "        if found:\n            told[isbn] = found",
        "        if found and not found.aged:\n            told[isbn] = found",
    ),
    _one(
        "what time changes carries a doubted reading past a guardrail",
        "store/levels.py",
        "    ended = {each.isbn: each for each in told.by_time.titles}",
        "    read = {each.isbn: each for each in plan.titles}\n"
        "    ended = {each.isbn: read[each.isbn] for each in told.by_time.titles}",
    ),
    _one(
        "a guardrail also holds back what orders owe",
        "store/plan.py",
        "self.writes if each.sells_no_more",
        "() if each.sells_no_more",
    ),
    _one(
        "the sensor's cursor moves past changes of a push that failed",
        _DECISIONS,
        '    if state == "succeeded":\n        return idle.past',
        '    if state in ("succeeded", "failed"):\n        return idle.past',
    ),
    _one(
        "the breaker is not asked before a page",
        "domain/site_limits.py",
        "return self.open_until if self.open_until > now else None",
        "return None",
    ),
    _one(
        "orders that were canceled put too much on sale until the next day",
        _DECISIONS,
        "        return since if since.tzinfo else until - ORDERS_LOOKED_BACK",
        "        return until",
    ),
    _one(
        "copies that were counted again after an order are not for sale before the next day",
        _DECISIONS,
        "    return (begin, end) if begin < end else None",
        "    return None",
    ),
    _one(
        "a label that is gone from all pages is told to nobody",
        "domain/field_shares.py",
        "return usual >= RAREST and had",
        "return False and had",
    ),
    _one(
        "what is wrong is told again at each failure",
        _INCIDENTS,
        "        if not incident.told:\n            self.incidents[key] = replace",
        "        if True:\n            self.incidents[key] = replace",
    ),
    _one(
        "that what failed comes through again is told to nobody",
        _INCIDENTS,
        "            if is_proof and succeeded.at >= incident.last:",
        "            if False:",
    ),
    _one(
        "that a check passes again is told to nobody",
        _INCIDENTS,
        '            self._over(f"check:{checked.check}")',
        '            self.incidents.pop(f"check:{checked.check}", None)',
    ),
    Fault(
        "runs that fail on and on are told to nobody",
        (
            Change(_INCIDENTS, "and incident.times <= len(self._rules.retry_after)\n", "\n"),
            Change(
                _INCIDENTS,
                "            if incident.tell_by is not None and self._now >= incident.tell_by:",
                "            if False:",
            ),
        ),
    ),
    _one(
        "nobody is told that nobody looks",
        _INCIDENTS,
        "        if self._now - since > 3 * max",
        "        if False and self._now - since > 3 * max",
    ),
    _one(
        "a night with nothing at work is told as silence",
        _INCIDENTS,
        "        self.looking_since = log.looking_since if goes_on else now",
        "        self.looking_since = 0.0",
    ),
    _one(
        "titles that every sweep leaves behind are told to nobody",
        _INCIDENTS,
        "        if self.behind is None or sweep is None or key in self.incidents:",
        "        if True:",
    ),
    _one(
        "that stock is fresh again is told to nobody",
        _INCIDENTS,
        "            del self.incidents[key]\n            self.alerts.append(messages.sla_met",
        "            del self.incidents[key]\n            str(messages.sla_met",
    ),
    _one(
        "copies that came back count as never sold",
        "store/read.py",
        '        for each in row["fulfillments"] or []:\n            if each["location_id"] != location_id:',
        '        for each in row["fulfillments"] or []:\n'
        '            if each["location_id"] != location_id or row.get("returns"):',
    ),
    _one(
        "a level that a person deleted is not made again",
        "store/plan.py",
        "    writes = quantities is not None and (level is None or quantities != level.quantities)",
        "    writes = quantities is not None and level is not None and quantities != level.quantities",
    ),
    _one(
        "a location that was renamed is not the same one",
        _LOCATION,
        "    if stored:\n        return _remembered(by_id, stored, named, name)\n",
        "",
    ),
    _one(
        "a location that was deleted is made anew in silence",
        _LOCATION,
        "    if location is None:\n        called = ",
        "    if location is None:\n        return None, ()\n        called = ",
    ),
    _one(
        "a second location of the same name is not minded",
        _LOCATION,
        "    if others:\n        raise NeedsPerson(",
        "    if others and not known:\n        raise NeedsPerson(",
    ),
    _one(
        "a queue that was restored is carried to the store with the next day alone",
        _DECISIONS,
        "    return stock_changed_at < told.stock_changed_at\n",
        "    return False\n",
    ),
    _one(
        "an undo puts back what somebody changed since",
        "store/undo.py",
        "        elif _differs(fold.after, level):",
        "        elif False:",
    ),
    _one(
        "a push that was stopped is started again without a pause",
        _DECISIONS,
        "    return waits[min(failures, len(waits)) - 1]",
        "    return 0.0",
    ),
    _one(
        "a password that was refused is tried again by the next run",
        "sources/ipage/login/refused_password.py",
        "            if secrets.compare_digest(digest, self._digest(salt)):",
        "            if False:",
    ),
    _one(
        "two pushes are at work at once",
        "store/one_run.py",
        "        while not _takes_lock(connection, run_id):",
        "        while False:",
    ),
    _one(
        "each run signs in anew",
        "sources/ipage/access/session.py",
        "            if kept.session is not None and newer:",
        "            if False and newer:",
    ),
    _one(
        "that a title is not there is believed of a session that is over",
        _RENEWAL,
        "        if not self._suspects(gone.session, job, gone.error, gone.at):",
        "        if True:",
    ),
    _one(
        "pages without a mark are no sign of a session that is over",
        "sources/ipage/access/fetching.py",
        "            if suspect is not None and is_unmarked and suspect(error, exchange.sent_at):",
        "            if False and suspect is not None and suspect(error, exchange.sent_at):",
    ),
    Fault(
        "sign-ins that bring no pages come to no end",
        (
            Change(
                _RENEWAL,
                "        is_second_in_vain = in_vain and self._sessions.sign_ins > 1",
                "        is_second_in_vain = False",
            ),
            Change(
                _RENEWAL,
                "(made := self._sessions.sign_ins) >= enough",
                "(made := self._sessions.sign_ins) >= 999 + enough",
            ),
        ),
    ),
)


def prove(seeds: int, hours: int, only: str) -> Iterator[tuple[Fault, int | None, str]]:
    """Each fault with the number of seeds that it took, `None` if so many did not find it, and what was seen.

    Raises:
        click.ClickException: a fault's text is not in the product any more.
    """
    for fault in FAULTS:
        if only not in fault.what:
            continue
        with tempfile.TemporaryDirectory(prefix="world-fault-") as folder:
            copy = Path(folder)
            for package in ("ingram_assets", "ingram_assets_tests/testing", "ingram_assets_tests/world"):
                shutil.copytree(ROOT / package, copy / package)
            (copy / "ingram_assets_tests" / "__init__.py").touch()
            for change in fault.changes:
                _put_back(copy / "ingram_assets" / change.file, change)
            yield fault, *_seeds_needed(copy, seeds, hours)


def _put_back(file: Path, change: Change) -> None:
    text = file.read_text()
    if text.count(change.old) != 1:
        raise click.ClickException(f"{change.file} does not say once: {change.old}")
    file.write_text(text.replace(change.old, change.new))


def _seeds_needed(copy: Path, seeds: int, hours: int) -> tuple[int | None, str]:
    words = ["--seeds", str(seeds), "--hours", str(hours), "--no-shrink"]
    command = [sys.executable, "-m", "ingram_assets_tests.world", *words]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, timeout=3600, check=False
    )
    for line in done.stdout.splitlines():
        if line.startswith(FAILED):
            seed, _, seen = line.removeprefix(FAILED).partition(",")
            return int(seed) + 1, seen.strip()
    if done.returncode:
        return None, done.stderr.strip().splitlines()[-1]
    return None, ""
