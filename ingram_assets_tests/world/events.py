"""What happens in a world, drawn from a seed as a list, so that it can be printed and shrunk."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ingram_assets.domain.position import InventoryMode

TICK = 5
"""Minutes between two looks of the sensors, which take seconds in a real shop."""

CENTERS = ("TN", "PA", "CA", "OR")
QUIET_HOURS = 30
"""At the end of a world nothing happens any more: then everything has to come to rest."""


class Event(NamedTuple):
    """One thing that happens. `at` in minutes since the beginning; `n` and `word` mean what the kind says."""

    at: int
    kind: str
    title: int = -1
    n: int = 0
    word: str = ""

    def __str__(self) -> str:
        words = [f"{self.at // 60:4d}:{self.at % 60:02d}  {self.kind}"]
        words += [f"title {self.title}"] if self.title >= 0 else []
        words += [str(self.n)] if self.n else []
        return " ".join([*words, self.word]).rstrip()


@dataclass(frozen=True, slots=True)
class Setting:
    """What a world is like before anything happens. Drawn from the seed, and not shrunk."""

    seed: int
    titles: int
    hours: int
    mode: InventoryMode
    stale: str
    safety: int
    own_table_only: bool
    batch: int
    """Readings that are recorded together."""

    @classmethod
    def draw(cls, seed: int, hours: int) -> "Setting":
        drawn = random.Random(f"setting {seed}")
        return cls(
            seed,
            titles=drawn.randint(20, 32),
            hours=hours,
            mode=drawn.choice(("on_hand", "on_hand_plus_reserved")),
            stale=drawn.choice(("backorder", "backorder", "out_of_stock")),
            safety=drawn.choice((0, 0, 2)),
            own_table_only=drawn.random() < 0.2,
            batch=50,
        )


WRONG_PAGES = ("digital", "preorder", "times_1000", "zeros", "one_cent", "all_404")
BROKEN_TITLES = ("changed", "not_found", "in_part", "half", "no_table")
LOST_AS = ("status", "login_form", "notice", "redirect", "federated", "empty", "not_found")
"""How it shows that a session is over. The last two look like a fault of the site, or of a title."""
STANDING = ("store_promise", "stock_promise")
SENSORS = ("stock_changes", "rows_to_import", "clock_changes", "order_changes")


def draw(setting: Setting) -> list[Event]:
    """The events of a seed, in their order."""
    drawn = random.Random(f"events {setting.seed}")
    events: list[Event] = []
    last = (setting.hours - QUIET_HOURS) * 60
    for part in _PARTS:
        # Not everything in every world: what is always there hides what its absence would show.
        if part in _ALWAYS or drawn.random() < 0.7:
            events += part(drawn, setting, last)
    return sorted(event for event in events if event.at <= last)


def _times(drawn: random.Random, last: int, each_hours: float, begin: int = 180) -> list[int]:
    """Moments on the grid of ticks, one in so many hours on average."""
    found, at = [], float(begin)
    while (at := at + drawn.expovariate(1 / (each_hours * 60))) < last:
        found.append(int(at) // TICK * TICK)
    return found


def _born(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """What is odd of titles from the first moment on: preorders, no stock table, a minority unreadable."""
    events = []
    for title in range(setting.titles):
        what = drawn.random()
        if what < 0.12:
            events.append(Event(0, "publishes", title, drawn.randint(1, 5)))
            if drawn.random() < 0.6:
                events.append(Event(0, "breaks", title, 100_000, "no_table"))
        elif what < 0.18:
            events.append(Event(0, "breaks", title, 100_000, drawn.choice(("in_part", "not_found"))))
    if drawn.random() < 0.3:  # an unreadable minority
        some = drawn.sample(range(setting.titles), setting.titles * 3 // 10)
        kind = ("in_part", "not_found")[setting.seed % 2]
        events += [Event(0, "breaks", title, 100_000, kind) for title in some]
    return events


def _moves(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    def count() -> int:
        return 0 if drawn.random() < 0.3 else drawn.choice((1, 2, 5, 20, 80, 300))

    moves = [
        Event(at, "stock", drawn.randrange(setting.titles), count(), drawn.choice(CENTERS))
        for at in _times(drawn, last, 0.6)
    ]
    moves += [
        Event(at, "on_order", drawn.randrange(setting.titles), drawn.choice((0, 0, 50)), "TN")
        for at in _times(drawn, last, 4)
    ]
    moves += [Event(at, "sold_out", drawn.randrange(setting.titles)) for at in _times(drawn, last, 3)]
    moves += [
        Event(
            at,
            drawn.choice(("center_leaves", "center_leaves", "center_comes")),
            drawn.randrange(setting.titles),
        )
        for at in _times(drawn, last, 12)
    ]
    return moves


def _orders(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    events = []
    for at in _times(drawn, last, 0.5):
        title = drawn.randrange(setting.titles)
        events.append(Event(at, "order", title, drawn.choice((1, 1, 2, 5))))
        later = at + TICK * drawn.randint(1, 200)
        what = drawn.random()
        if what < 0.7:
            events.append(Event(later, "fulfill", title))
        if what < 0.1:
            events.append(Event(later + TICK * drawn.randint(1, 50), "cancel_fulfillment", title))
        if what < 0.05 or what > 0.9:
            events.append(Event(later + TICK * drawn.randint(51, 99), "cancel_order", title))
    # Somebody who wants all there are, again and again: what is sold twice, he gets.
    for at in _times(drawn, last, 6):
        title = drawn.randrange(setting.titles)
        for n in range(3):
            events.append(Event(at + n * 90, "order_all", title))
            events.append(Event(at + n * 90 + 30, "fulfill", title))
    return events


def _titles_break(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """Single titles break, never so many in a day that a guardrail ought to notice."""
    events = []
    for at in _times(drawn, last, 24 / max(1, setting.titles * 0.05)):
        kind = drawn.choice(BROKEN_TITLES)
        minutes = drawn.choice((60, 600, 100_000)) if kind != "changed" else drawn.choice((60, 600))
        events.append(Event(at, "breaks", drawn.randrange(setting.titles), minutes, kind))
    if drawn.random() < 0.5:  # a few are gone for good, day after day
        for day in range(1, last // 1440):
            some = drawn.sample(range(setting.titles), (setting.titles + 6) // 12)
            events += [Event(day * 1440 + 600, "breaks", title, 100_000, "not_found") for title in some]
    return events


def _site_breaks(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    events = [Event(at, "outage", n=drawn.choice((20, 90, 400))) for at in _times(drawn, last, 30)]
    events += [Event(at, "block", n=drawn.choice((5, 40, 120))) for at in _times(drawn, last, 40)]
    events += [
        Event(at, "wrong_pages", n=drawn.choice((60, 180, 400)), word=drawn.choice(WRONG_PAGES))
        for at in _times(drawn, last, 40)
    ]
    events += [Event(at, "sweep_dies") for at in _times(drawn, last, 40)]
    return events


def _one_of_each(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """The large faults of the site, one in each world in turn, however the dice fall."""
    kinds = (*WRONG_PAGES, "long outage")
    word = kinds[setting.seed % len(kinds)]
    if word == "long outage":
        return [Event(drawn.randrange(180, max(181, last - 30 * 60)), "outage", n=30 * 60)]
    return [Event(drawn.randrange(600, last) // TICK * TICK, "wrong_pages", n=180, word=word)]


def _store_breaks(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    events = [Event(at, "store_down", n=drawn.choice((10, 60, 200))) for at in _times(drawn, last, 40)]
    events += [Event(at, drawn.choice(("push_dies", "run_is_lost"))) for at in _times(drawn, last, 20)]
    events += [
        Event(at, "sensor_off", n=drawn.choice((30, 300)), word=drawn.choice(SENSORS))
        for at in _times(drawn, last, 40)
    ]
    events += [
        Event(at, "negative_reservation", drawn.randrange(setting.titles), drawn.choice((1, 3)))
        for at in _times(drawn, last, 50)
    ]
    return events


def _people(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    def title() -> int:
        return drawn.randrange(setting.titles)

    events = [Event(at, "hand_edit", title(), drawn.choice((0, 99))) for at in _times(drawn, last, 30)]
    events += [Event(at, "own_level", title(), drawn.randint(1, 9)) for at in _times(drawn, last, 30)]
    events += [Event(at, "new_price", title(), drawn.choice((50, 90, 120))) for at in _times(drawn, last, 20)]
    for at in _times(drawn, last, 60):  # levels edited by hand, and the cursor reset to have them put right
        events += [Event(at, "hand_edit", title(), 99) for _ in range(3)]
        events.append(Event(at + TICK, "cursor_reset", word="stock_changes"))
        # Before anything else has changed, the same again.
        events += [Event(at + 2 * TICK, "hand_edit", title(), 99) for _ in range(3)]
        events.append(Event(at + 3 * TICK, "cursor_reset", word="stock_changes"))
    for at in _times(drawn, last, 50):
        who, later = title(), at + TICK * drawn.randint(20, 400)
        events.append(Event(at, "retire", who))
        events.append(Event(at + TICK, "hand_edit", who, 0))
        if drawn.random() < 0.5:
            events.append(Event(later, "enrich", who))
    for at in _times(drawn, last, 60):
        who = title()
        events += [Event(at, "delete_product", who), Event(at + TICK * drawn.randint(1, 99), "enrich", who)]
    events += [Event(at, "foreign_item", title()) for at in _times(drawn, last, 90)]
    return events


def _watch(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """The watch over the promise is away, and what it looks at is switched off."""
    events = [Event(at, "watch_away", n=drawn.choice((10, 60, 300))) for at in _times(drawn, last, 40)]
    events += [
        Event(at, "check_off", n=drawn.choice((10, 60, 300)), word=drawn.choice(STANDING))
        for at in _times(drawn, last, 40)
    ]
    return events


def _labels_vanish(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """The site renames the label of the price, and takes that back later."""
    return [Event(at, "label_vanishes", n=drawn.choice((60, 600, 1500))) for at in _times(drawn, last, 40)]


def _restarts(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """Everything of ours is stopped and started again: an update, a night without power."""
    return [Event(at, "stands_still", n=drawn.choice((5, 30, 480))) for at in _times(drawn, last, 60)]


def _returns(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """Copies that were ordered and shipped come back, and Medusa puts them on sale by itself."""
    events = []
    for at in _times(drawn, last, 6):
        title, shipped = drawn.randrange(setting.titles), at + TICK * drawn.randint(1, 12)
        events.append(Event(at, "order", title, drawn.choice((1, 2, 5))))
        events.append(Event(shipped, "fulfill", title))
        events.append(Event(shipped + TICK * drawn.randint(1, 60), "return", title))
    return events


def _deletions(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """A level, an item or the location is deleted; the location, or another one, is given another name."""
    events = [
        Event(at, drawn.choice(("delete_level", "delete_level", "delete_item")), title)
        for at in _times(drawn, last, 20)
        for title in drawn.sample(range(setting.titles), 2)
    ]
    events += [Event(at, "rename_location", n=drawn.randint(1, 9)) for at in _times(drawn, last, 60)]
    for at in _times(drawn, last, 120):
        what = drawn.choice(("second_location", "location_gone"))
        ends = {"second_location": "second_location_ends", "location_gone": "location_back"}[what]
        minutes = drawn.choice((30, 200))
        events += [Event(at, what, n=minutes), Event(min(last, at + minutes), ends)]
    return events


def _backups(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """The database of the store, or of the queue, is lost, and what it was hours ago is put in its place."""
    events = []
    for at in _times(drawn, last, 70):
        word = drawn.choice(("store", "queue"))
        before = max(120, at - 60 * drawn.choice((1, 6, 20)))
        events += [Event(before, "backup", word=word), Event(at, f"restore_{word}")]
    return events


def _undos(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """A person takes a push back, now and then after somebody has edited a level."""
    events = []
    for at in _times(drawn, last, 30):
        events += [Event(at - TICK, "hand_edit", drawn.randrange(setting.titles), 99) for _ in range(3)]
        events.append(Event(at, "undo", n=drawn.choice((0, 0, 1, 2, 5))))
    return events


def _sessions(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """Sessions end, once or again and again; sign-ins fail for a while, or the password is another one."""
    events = [Event(at, "session_ends", word=drawn.choice(LOST_AS)) for at in _times(drawn, last, 8)]
    events += [
        Event(at, "sessions_end", n=drawn.choice((0, 2, 10, 30)), word=drawn.choice(LOST_AS))
        for at in _times(drawn, last, 50)
    ]
    events += [Event(at, "sign_ins_fail", n=drawn.choice((10, 60, 300))) for at in _times(drawn, last, 60)]
    events += [
        Event(at, "password_changes", n=min(last - at, drawn.choice((30, 300, 1800))))
        for at in _times(drawn, last, 90)
    ]
    return events


def _covers(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """Several runs ask for covers at once, beside whatever else is at work."""
    return [
        Event(at, "covers_at_once", n=drawn.choice((1, 2, 3)), word=drawn.choice(("quick", "slow", "fails")))
        for at in _times(drawn, last, 12)
    ]


def _two_pushes(drawn: random.Random, setting: Setting, last: int) -> list[Event]:
    """Pushes that are asked for at once, for the same titles: some were edited, one is to be made anew."""
    events = []
    for at in _times(drawn, last, 20):
        title = drawn.randrange(setting.titles)
        events += [Event(at, "hand_edit", (title + n) % setting.titles, 99) for n in range(1, 4)]
        first = drawn.choice(("", "made_anew"))
        events.append(Event(at, "pushes_at_once", title, drawn.choice((2, 3)), first))
    return events


Part = Callable[[random.Random, Setting, int], list[Event]]
_PARTS: tuple[Part, ...] = (
    _born,
    _moves,
    _orders,
    _titles_break,
    _site_breaks,
    _store_breaks,
    _people,
    _one_of_each,
    _watch,
    _restarts,
    _returns,
    _deletions,
    _backups,
    _undos,
    _sessions,
    _covers,
    _two_pushes,
    _labels_vanish,
)
"""New ones are put at the end: so a seed goes on drawing what it drew before."""
_ALWAYS = (_moves, _orders, _one_of_each)
