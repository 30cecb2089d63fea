"""Makes the checks, one after the other: each within its time, none stopped by another that failed."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

from ingram_assets.doctor.causes import ran_out_of_time
from ingram_assets.doctor.model import Check, Finding, Observed, Outcome
from ingram_assets.doctor.naming import named_in, with_its_file
from ingram_assets.doctor.own_certificates import NAME as CERTIFICATES
from ingram_assets.doctor.own_certificates import fault_of_own
from ingram_assets.domain.failures import IngramError, of_the_disk
from ingram_assets.runtime.time_limit import answer_within
from ingram_assets.settings.environment import said_in_files

log = logging.getLogger(__name__)

_OURS = logging.getLogger("ingram_assets")
_OF_RETRIES = "ingram_assets.retries"
"""Says that something is tried again; what comes of it is the check's to say."""


def findings(
    checks: Iterable[Check], starting: Callable[[Check], None] = lambda check: None
) -> Iterator[Finding]:
    """What became of each check, as soon as it is known.

    Args:
        starting: is told of a check that begins.
    """
    ended: dict[str, Finding] = {}
    frozen: dict[str, Check] = {}
    """Servers that did not answer in time, and the check that waited."""
    blamed: dict[tuple[str, str], str] = {}
    """Those of each system, and the check that says so: what is to be mended is a system's."""
    for check in checks:
        without = next((name for name in check.needs if name in ended and not ended[name].is_there), None)
        server = _server_of(check) if without is None else ""
        of_system = server, check.system
        if without is not None:
            found = _not_tried(check, f"{without} first.")
        elif of_system in blamed:
            found = _not_tried(check, f"{server} did not answer in time ({blamed[of_system]}).")
        elif server in frozen and not check.is_aside:
            found = _finding(check, _frozen_before(server, frozen[server]))
            blamed[of_system] = check.name
        else:
            starting(check)
            seen = _made(check)
            found = _finding(check, seen)
            if server and not seen.in_time:
                frozen[server] = check
                if check.is_aside:
                    found = _not_tried(check, f"{server} did not answer in time.")
                else:
                    blamed[of_system] = check.name
        ended[check.name] = found
        yield found


def _server_of(check: Check) -> str:
    with suppress(IngramError):  # Told by the check itself.
        return check.server()
    return ""


def _not_tried(check: Check, why: str) -> Finding:
    return Finding(check.system, check.name, Outcome.NOT_TRIED, f"not tried: {why}")


def _made(check: Check) -> Observed:
    """What a check sees, within its time."""
    answer: tuple[Observed] | None = None
    with _warnings_kept() as warnings:
        try:
            answer = answer_within(check.seconds, partial(_seen, check), f"doctor: {check.name}")
        finally:
            if answer is None:
                check.canceled()
        seen = answer[0] if answer else _too_slow(check)
    seen = replace(seen, more=(*check.so_far(), *seen.more))
    if seen.outcome in (Outcome.FINE, Outcome.NOTE):
        outcome = Outcome.NOTE if warnings else seen.outcome
        seen = replace(seen, outcome=outcome, more=(*seen.more, *dict.fromkeys(warnings)))
    return seen


def _too_slow(check: Check) -> Observed:
    words = f"It did not answer within {check.seconds:g} s: see whether it is up."
    return Observed(words, Outcome.MISSING, in_time=False)


def _frozen_before(server: str, waited: Check) -> Observed:
    words = f"{server} did not answer in time ({waited.name}): see whether it is up."
    return Observed(words, Outcome.MISSING, in_time=False)


def _seen(check: Check) -> Observed:
    try:
        return check.look()
    except IngramError as error:
        words = fault_of_own(error, os.environ, said_in_files(CERTIFICATES)) or str(error)
        return Observed(words, Outcome.MISSING, in_time=not ran_out_of_time(error))
    except Exception as error:
        if isinstance(error, OSError) and (told := of_the_disk(error)):
            return Observed(str(told), Outcome.MISSING)
        # Its text is not shown: nobody looked whether a secret is in it.
        log.debug("The check of %s failed.", check.name, exc_info=True)
        # Nor is a setting blamed: what went wrong is the program's own.
        words = (
            f"It could not be looked at ({type(error).__name__}): a fault of the program, see ingram report."
        )
        return Observed(words, Outcome.MISSING, settings=())


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
            if record.name != _OF_RETRIES:
                kept.append(record.getMessage())

    keeper, before = Keeper(logging.WARNING), _OURS.propagate
    _OURS.addHandler(keeper)
    _OURS.propagate = False
    try:
        yield kept
    finally:
        _OURS.removeHandler(keeper)
        _OURS.propagate = before
