"""Makes the checks, one after the other: each within its time, none stopped by another that failed."""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ingram_assets.doctor.model import Check, Finding, Observed, Outcome
from ingram_assets.doctor.naming import named_in, with_its_file
from ingram_assets.doctor.own_certificates import fault_of_own
from ingram_assets.domain.failures import IngramError, of_the_disk

log = logging.getLogger(__name__)

_OURS = logging.getLogger("ingram_assets")
_SAID_ANYWAY = "ingram_assets.store.client"
"""Warns of each request that failed, also of those that are meant to."""
_OF_RETRIES = logging.getLogger("stamina")
"""Says that something is tried again; what comes of it is the check's to say."""


def findings(
    checks: Iterable[Check], starting: Callable[[Check], None] = lambda check: None
) -> Iterator[Finding]:
    """What became of each check, as soon as it is known.

    Args:
        starting: is told of a check that begins.
    """
    ended: dict[str, Finding] = {}
    for check in checks:
        without = next((name for name in check.needs if name in ended and not ended[name].is_there), None)
        if without is None:
            starting(check)
            found = _made(check)
        else:
            found = Finding(check.system, check.name, Outcome.NOT_TRIED, f"not tried: {without} first.")
        ended[check.name] = found
        yield found


def _made(check: Check) -> Finding:
    """The finding of a check, within its time."""
    answers: list[Observed] = []
    # A daemon: what a frozen system never answers holds up neither the next check nor the end of the process.
    thread = threading.Thread(
        target=lambda: answers.append(_seen(check)), name=f"doctor: {check.name}", daemon=True
    )
    with _warnings_kept() as warnings:
        thread.start()
        try:
            thread.join(check.seconds)
        finally:
            if not answers:
                check.canceled()
        seen = answers[0] if answers else _too_slow(check)
    seen = replace(seen, more=(*check.so_far(), *seen.more))
    if seen.outcome in (Outcome.FINE, Outcome.NOTE):
        outcome = Outcome.NOTE if warnings else seen.outcome
        seen = replace(seen, outcome=outcome, more=(*seen.more, *dict.fromkeys(warnings)))
    return _finding(check, seen)


def _too_slow(check: Check) -> Observed:
    return Observed(f"It did not answer within {check.seconds:g} s: see whether it is up.", Outcome.MISSING)


def _seen(check: Check) -> Observed:
    try:
        return check.look()
    except IngramError as error:
        return Observed(fault_of_own(error, os.environ) or str(error), Outcome.MISSING)
    except Exception as error:
        if isinstance(error, OSError) and (told := of_the_disk(error)):
            return Observed(str(told), Outcome.MISSING)
        # Its text is not shown: nobody looked whether a secret is in it.
        log.debug("The check of %s failed.", check.name, exc_info=True)
        return Observed(f"It could not be looked at ({type(error).__name__}).", Outcome.MISSING)


def _finding(check: Check, seen: Observed) -> Finding:
    words, settings = seen.words, seen.settings or ()
    if seen.outcome is Outcome.MISSING and seen.settings is None:
        if check.settings and not named_in(words, check.file):
            verb = "Is" if len(check.settings) == 1 else "Are"
            words += f" {verb} {' and '.join(check.settings)} right?"
        settings = named_in(words, check.file)
        words = with_its_file(words, check.file)
    return Finding(check.system, check.name, seen.outcome, words, seen.more, settings)


@contextmanager
def _warnings_kept() -> Iterator[list[str]]:
    """What rooms warn of meanwhile, in place of its way to the terminal."""
    kept: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name != _SAID_ANYWAY:
                kept.append(record.getMessage())

    keeper, before = Keeper(logging.WARNING), _OURS.propagate
    was_quiet = _OF_RETRIES.disabled
    _OURS.addHandler(keeper)
    _OURS.propagate, _OF_RETRIES.disabled = False, True
    try:
        yield kept
    finally:
        _OURS.removeHandler(keeper)
        _OURS.propagate, _OF_RETRIES.disabled = before, was_quiet
