"""Whether what is planned is written to the store, and what a push would do while it is not.

A new shop only watches: everything is read and planned, and the store stays as it is, until a person has seen
the plan and says `ingram go-live`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Literal, Self

import psycopg

ModeSetting = Literal["live", "observe"] | None
"""MODE; `None`: it is not set, and the journal says."""

WATCHING_ONLY = "Watching only: nothing is written to the store."
FIGURE_NAMES = {
    "would_create": "new",
    "would_switch_over": "switched over",
    "would_turn_to_zero": "set to zero",
    "would_reprice": "other price",
    "would_change": "all changes",
}
"""The figures of a plan, in a word or two, as a heading has them."""
PLANS_SHOWN = 14
"""So many of the last days are shown."""


@dataclass(frozen=True, slots=True)
class WentLive:
    """When a shop stopped watching, and by whose word. `run_id`: of its first push."""

    at: datetime
    by: str
    run_id: str


@dataclass(frozen=True, slots=True)
class StoreMode:
    """Whether what is planned is written. The setting says, if it is set, else the journal.

    Attributes:
        went_live: the last time that a person said so.
        has_written: the journal has a write to the store: so it was live before it was ever asked.
        planned_at: when it was last planned what a push would do, which only a shop that watches does.
    """

    setting: ModeSetting
    went_live: WentLive | None = None
    has_written: bool = False
    planned_at: datetime | None = None

    @property
    def live_since(self) -> datetime | None:
        """Since when the store is told anything, or a little before; `None`: it always was."""
        known = [self.went_live.at if self.went_live else None, self.planned_at]
        return max((at for at in known if at is not None), default=None)

    @property
    def is_live_by_journal(self) -> bool:
        """Whether it is live where MODE is not set."""
        return self.went_live is not None or self.has_written

    @property
    def is_live(self) -> bool:
        """Whether what is planned is written."""
        return self.setting == "live" or (self.setting is None and self.is_live_by_journal)

    @property
    def why_watching(self) -> str | None:
        """Why nothing is written, and what to do; `None`: it is."""
        return None if self.is_live else f"{WATCHING_ONLY} {self.way_to_live}"

    @property
    def way_to_live(self) -> str:
        """What a person does so that it is written."""
        if self.setting != "observe":
            return "To bring it there: ingram go-live"
        then = "" if self.is_live_by_journal else " Then: ingram go-live"
        return f"MODE=observe says so: take it out of .env.storefront, and start the shop anew.{then}"


@dataclass(frozen=True, slots=True)
class PlanFigures:
    """What a push of all titles would do, in titles.

    Attributes:
        would_create: new in the store.
        would_switch_over: sold without a count today, and counted then.
        would_turn_to_zero: for sale today, with no copies then.
        would_reprice: whose price changes.
        would_change: all of which anything changes.
    """

    would_create: int = 0
    would_switch_over: int = 0
    would_turn_to_zero: int = 0
    would_reprice: int = 0
    would_change: int = 0

    @classmethod
    def among(cls, counts: Mapping[str, int]) -> Self:
        """Those among a report's counts."""
        return cls(**{each.name: counts.get(each.name, 0) for each in fields(cls)})

    @property
    def words(self) -> str:
        """A sentence for a person."""
        if not self.would_change:
            return "A push now would change nothing."
        said = (
            (self.would_create, "{} would be new in the store"),
            (self.would_switch_over, "{} sold without a count would be counted"),
            (self.would_turn_to_zero, "{} would be set to zero"),
            (self.would_reprice, "{} would have another price"),
        )
        parts = [words.format(f"{count:,}") for count, words in said if count]
        titles = f"{self.would_change:,} title{'' if self.would_change == 1 else 's'}"
        return f"A push now would change {titles}{': ' if parts else ''}{', '.join(parts)}."


@dataclass(frozen=True, slots=True)
class LegacyTitle:
    """A product that is sold without a count today, as nobody's sync had it; and what becomes of it.

    `number`: its ISBN, or whatever stands in its place.
    """

    number: str
    title: str
    becomes: str


@dataclass(frozen=True, slots=True)
class DayPlan:
    """The last plan of a day. `legacy` is of the newest plan alone; `guardrail`: what would stop the push."""

    day: date
    at: datetime
    run_id: str
    figures: PlanFigures
    guardrail: str | None = None
    legacy: tuple[LegacyTitle, ...] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a shop that only watches would do. `plans`: day by day, the newest first."""

    mode: StoreMode
    plans: tuple[DayPlan, ...] = ()

    @property
    def legacy(self) -> tuple[LegacyTitle, ...]:
        """Products that are sold without a count today, and what becomes of them."""
        return self.plans[0].legacy if self.plans else ()

    @property
    def words(self) -> str:
        """What a push now would do, as it was planned last."""
        if not self.plans:
            return f"{WATCHING_ONLY} What a push would do is not planned yet."
        newest = self.plans[0]
        stopped = f" A guardrail would stop it: {newest.guardrail}" if newest.guardrail else ""
        return f"{WATCHING_ONLY} {newest.figures.words}{stopped}"


def read_mode(connection: psycopg.Connection, setting: ModeSetting) -> StoreMode:
    """As `Journal.mode`, on whatever connection. Raises psycopg.Error."""
    went = connection.execute(
        "SELECT at, asked_by, run_id FROM store_went_live ORDER BY at DESC LIMIT 1"
    ).fetchone()
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM store_change WHERE outcome = 'written'), (SELECT max(at) FROM store_plan)"
    ).fetchone()
    return StoreMode(setting, WentLive(*went) if went else None, *(row or ()))


def read_outlook(connection: psycopg.Connection, mode: StoreMode) -> Outlook | None:
    """As `Journal.outlook`, on whatever connection. Raises psycopg.Error."""
    if mode.is_live:
        return None
    query = "SELECT day, at, run_id, figures, guardrail, legacy FROM store_plan ORDER BY day DESC LIMIT %s"
    plans = [
        DayPlan(
            day,
            at,
            run_id,
            PlanFigures.among(figures),
            guardrail,
            tuple(LegacyTitle(**one) for one in legacy or ()),
        )
        for day, at, run_id, figures, guardrail, legacy in connection.execute(query, [PLANS_SHOWN])
    ]
    return Outlook(mode, tuple(plans))
