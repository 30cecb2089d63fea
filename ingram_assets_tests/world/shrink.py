"""A failing list of events, shrunk to a short one that still breaks the same promise."""

from collections.abc import Sequence
from dataclasses import replace

from ingram_assets_tests.world.events import Event, Setting
from ingram_assets_tests.world.world import Failure, run

MOST_TRIES = 300


def shrink(
    setting: Setting, events: Sequence[Event], failure: Failure, most_tries: int = MOST_TRIES
) -> tuple[Setting, list[Event], Failure]:
    """A shorter world and fewer events that break the same promise.

    First the time after the failure goes, then events, in parts that get smaller and smaller.
    """
    left = sorted(event for event in events if event.at <= failure.hour * 60)
    shorter = replace(setting, hours=min(setting.hours, int(failure.hour) + 2))
    if (same := _breaks(shorter, left, failure)) is None:
        shorter, left = setting, sorted(events)
    else:
        failure = same
    size, tries = max(1, len(left) // 2), 0
    while size and tries < most_tries:
        start = 0
        while start < len(left) and tries < most_tries:
            tries += 1
            fewer = left[:start] + left[start + size :]
            if (same := _breaks(shorter, fewer, failure)) is not None:
                left, failure = fewer, same
                hours = min(shorter.hours, int(failure.hour) + 2)
                shorter = replace(shorter, hours=hours)
            else:
                start += size
        size //= 2
    return shorter, left, failure


def _breaks(setting: Setting, events: Sequence[Event], failure: Failure) -> Failure | None:
    again = run(setting, events)
    return again if again is not None and again.promise == failure.promise else None
