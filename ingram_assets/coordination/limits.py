"""Slots, pace, breaker and slow start of one site, for all runs on all machines."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.domain.site_limits import BreakerState, Limits, SiteLook, SlotTaken, after_block

_ASK = "ask for a turn at the site"
_BREAKER = "open_until, tripped_at, trips, level, proven, reason"


class SiteLimits:
    """What `SharedLimits` of the site's room wants. Thread-safe.

    Args:
        site: the host, and port, that is asked.
    """

    def __init__(self, coordinator: Coordinator, site: str, limits: Limits) -> None:
        self._coordinator, self._site, self._limits = coordinator, site, limits

    def look(self) -> SiteLook:
        """What is known now."""
        query = (
            f"SELECT clock_timestamp(), {_BREAKER} FROM (SELECT) one LEFT JOIN scraper.breakers ON site = %s"
        )
        ((at, *breaker),) = self._coordinator.rows("look at the site's breaker", query, [self._site])
        return SiteLook(at.timestamp(), _breaker(breaker))

    def take(self, at_most: int, *, is_waiting: bool) -> tuple[SlotTaken | None, SiteLook]:
        """One of the first `at_most` slots, if one is free and nobody has waited longer; and a look."""
        limits = self._limits
        query = f"SELECT slot, wait, at, {', '.join(f'(breaker).{each}' for each in _BREAKER.split(', '))} "
        query += "FROM scraper.take_turn(%s, %s, %s, %s, %s, %s, %s)"
        with self._coordinator.alone():
            mine = [int(name.rpartition("/")[2]) for name in self._coordinator.held(self._slot_name(""))]
            values = [self._site, at_most, limits.concurrency, mine, is_waiting]
            values += [limits.min_gap, limits.max_gap]
            ((slot, wait, at, *breaker),) = self._coordinator.rows(_ASK, query, values)
            look = SiteLook(at.timestamp(), _breaker(breaker))
            if slot is None:
                return None, look
            self._coordinator.note_held(self._slot_name(slot))
            return SlotTaken(slot, wait), look

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within it other runs queue up behind this one."""
        self._coordinator.rows(_ASK, "SELECT scraper.begin_waiting(%s)", [self._site])
        try:
            yield
        finally:
            self._coordinator.rows(_ASK, "SELECT scraper.end_waiting(%s)", [self._site])

    def give_back(self, slot: int) -> None:
        """The request is over. It raises nothing."""
        self._coordinator.give_back(self._slot_name(slot))

    def settle(self, latency: float, *, is_answered: bool, sent_at: float) -> None:
        """An answer came, after so many seconds: sets the pace, and ends what a block began."""
        limits = self._limits
        figures = limits.concurrency, limits.min_gap, limits.max_gap
        self._coordinator.rows(
            "set the pace of the site",
            "SELECT scraper.settle(%s, %s, %s, %s, %s, %s, %s)",
            [self._site, latency, is_answered, _moment(sent_at), *figures],
        )

    def trip(self, reason: str, retry_after: float | None, sent_at: float) -> tuple[SiteLook, bool]:
        """The site blocked a request that was sent then; and whether that is news. See `after_block`."""

        def work(connection: psycopg.Connection) -> tuple[SiteLook, bool]:
            with connection.transaction():
                connection.execute(
                    f"INSERT INTO scraper.breakers (site, {_BREAKER}) "
                    "VALUES (%s, 'epoch', 'epoch', 0, 0, TRUE, '') ON CONFLICT DO NOTHING",
                    [self._site],
                )
                query = f"SELECT clock_timestamp(), {_BREAKER} FROM scraper.breakers "
                query += "WHERE site = %s FOR UPDATE"
                row = connection.execute(query.encode(), [self._site]).fetchone()
                assert row is not None
                now, old = row[0].timestamp(), _breaker(row[1:])
                new, is_new = after_block(old, reason[:2000], retry_after, sent_at, now, self._limits)
                connection.execute(
                    f"UPDATE scraper.breakers SET ({_BREAKER}) = (%s, %s, %s, %s, %s, %s) WHERE site = %s",
                    [
                        *(_moment(new.open_until), _moment(new.tripped_at), new.trips, new.level),
                        *(new.proven, new.reason, self._site),
                    ],
                )
            return SiteLook(now, new), is_new

        return self._coordinator.run("leave the site alone after a block", work)

    def pages_read(self, session: str) -> int:
        """Product pages that were read well in this session."""
        query = "SELECT pages FROM scraper.slow_starts WHERE site = %s AND session = %s"
        rows = self._coordinator.rows("count the session's pages", query, [self._site, session])
        return rows[0][0] if rows else 0

    def count_page(self, session: str) -> int:
        """One more; how many that makes."""
        values = [self._site, session]
        query = "SELECT scraper.count_page(%s, %s)"
        ((pages,),) = self._coordinator.rows("count the session's pages", query, values)
        return int(pages)

    def _slot_name(self, slot: int | str) -> str:
        return f"{self._site}/slot/{slot}"


def _breaker(row: Any) -> BreakerState:
    """Of the columns `_BREAKER`; all NULL where the site never blocked anybody."""
    open_until, tripped_at, *others = row
    if open_until is None:
        return BreakerState()
    return BreakerState(open_until.timestamp(), tripped_at.timestamp(), *others)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
