"""A world: its site, queue, store and people, the product's decisions between them, and hours that go by."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.world import asking, promises, telling
from ingram_assets_tests.world.clock import DAY, HOUR, MINUTE, START, Clock
from ingram_assets_tests.world.events import CENTERS, QUIET_HOURS, TICK, Event, Setting, draw
from ingram_assets_tests.world.happenings import Happenings
from ingram_assets_tests.world.medusa import SimulatedClient
from ingram_assets_tests.world.promises import STORE_LAG, Broken, Excuses
from ingram_assets_tests.world.queue import SimulatedQueue
from ingram_assets_tests.world.scraper import Scraper
from ingram_assets_tests.world.shared import SimulatedSharedSite
from ingram_assets_tests.world.site import SimulatedSite, SiteTitle, copies_on, reached
from ingram_assets_tests.world.sold import LEFT_AFTER
from ingram_assets_tests.world.store import (
    SimulatedJournal,
    SimulatedStore,
)
from ingram_assets_tests.world.storefront import Storefront, driven
from ingram_assets_tests.world.watch import Watch


@dataclass(frozen=True, slots=True)
class Failure:
    """A broken promise, and the hour in which it was seen."""

    promise: str
    what: str
    hour: float


def isbn_of(number: int) -> str:
    """A valid ISBN for a title's number."""
    digits = f"978{number:09d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def run(setting: Setting, events: Sequence[Event] | None = None) -> Failure | None:
    """Live through a seed's events, or through those given; what was broken first."""
    events = draw(setting) if events is None else events
    random.seed(setting.seed)  # the product's own dice: pauses before a further try, gaps between requests
    world = World(setting)
    with driven(world.clock, world.store), reached(world.site, world.clock):
        try:
            world.live(events)
        except Broken as broken:
            return Failure(broken.promise, str(broken), world.clock.hours())
    return None


class World(Happenings):
    """Everything of a world, and its hours."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.clock, self.began = setting, Clock(), START
        self.centers = CENTERS
        now = self.clock.moment
        self.rules = StoreRules(
            safety_stock=setting.safety,
            inventory_mode=setting.mode,
            stale_stock=setting.stale,  # type: ignore[arg-type]
            stock_max_age=timedelta(hours=24),
        )
        self.site = SimulatedSite(setting.own_table_only, sound_since=START)
        self.queue, self.store, self.journal = SimulatedQueue(now), SimulatedStore(now), SimulatedJournal(now)
        self.client, self.watch = SimulatedClient(self.store), Watch(self.clock)
        self.scraper = Scraper(
            self.clock, self.site, self.queue, self.watch, SimulatedSharedSite(self.clock), setting.batch
        )
        self.storefront = Storefront(
            self.clock,
            self.queue,
            self.store,
            self.client,
            self.journal,
            self.scraper,
            self.watch,
            self.rules,
        )
        super().__init__()
        self.excuses, self.telling = Excuses(), telling.Telling()
        self.isbns = [isbn_of(number) for number in range(setting.titles)]
        self.tracked_since = dict.fromkeys(self.isbns, START)
        self._pushes_looked_at = 0
        self._stopped_since: float | None = None
        self._let_through_at = -DAY
        self._last_hour = -1
        self._reconciled = self.clock.moment().astimezone(self.storefront.zone).date()
        for number, isbn in enumerate(self.isbns):
            self._bear(number, isbn)

    def _bear(self, number: int, isbn: str) -> None:
        hand = {center: (number * 7 + place * 3) % 11 for place, center in enumerate(CENTERS)}
        self.site.titles[isbn] = SiteTitle(isbn, hand, dict.fromkeys(CENTERS, 0), set(CENTERS))
        self.queue.add_title(isbn, {"srp_price": Decimal("20.00")}, routine=True)
        self.scraper.tracked.add(isbn)
        self.scraper.added_at[isbn] = self.clock.now

    # For the promises.

    def when(self, at: float) -> str:
        minutes = round((at - START) / 60)
        return f"{minutes // 60}:{minutes % 60:02d}"

    def name(self, isbn: str) -> str:
        return f"title {self.isbns.index(isbn)}"

    def zeros_of_wrong_pages(self) -> int:
        """Titles that were last read on a page of false zeros, and that the store shows sold out by that."""
        found = 0
        for isbn, product in self.store.products.items():
            pages = self.site.served.get(isbn, [])
            before = next((page for page in reversed(pages) if page.is_true), None)
            if before is None or pages[-1].is_true or copies_on(pages[-1]):
                continue
            lately = {center for page in pages[-LEFT_AFTER[-1] :] for center in page.stock or {}}
            if lately - (before.stock or {}).keys():
                continue  # a center that left held copies for longer: it turned after the others, by itself
            since = before.at - HOUR
            # What was sold since may have been the last of them.
            orders = self.orders_of(isbn)
            sold = sum(order.quantity for order in orders if order.changed_at.timestamp() > since)
            if product.metadata.get("availability") == "out_of_stock":
                found += copies_on(before) - sold > self.rules.safety_stock
        return found

    # Hours.

    def live(self, events: Sequence[Event]) -> None:
        """All hours, with these events.

        Raises:
            Broken: a promise was.
        """
        waiting = sorted(events)[::-1]
        for tick in range(self.setting.hours * 60 // TICK):
            now = START + tick * TICK * MINUTE
            self.scraper.go_on(now)
            was_wrong = self.site.wrong is not None
            self.site.look_at_clock(now)
            if was_wrong and self.site.wrong is None:
                self.scraper.wants_all_details = True  # a person has what was misread read anew
            self.store.is_down = now < self._down_until
            while waiting and waiting[-1].at <= tick * TICK:
                self._happen(waiting.pop())
            if self._stands_still_until <= now:
                self._work()
            self._note_rows()
            if tick % (60 // TICK) == 0 and tick:
                promises.check(self)
                asking.check(self)
        if events and self.setting.hours - max(events).at / 60 >= QUIET_HOURS:
            promises.store_follows_queue(self, at_rest=True)
            telling.nothing_is_left_to_be_told(self)

    def _work(self) -> None:
        """What `ingram up` does in a tick."""
        self._reconcile()
        self.scraper.tick()
        self.storefront.tick()
        self._look_at_pushes()
        self.watch.tick(self.scraper.swept_at, self.scraper.stale, lambda: len(self.storefront.lag().behind))
        self.telling.listen(self)
        telling.what_is_wrong_is_told(self)

    def _reconcile(self) -> None:
        """The daily push of all titles, made up for if it was missed."""
        local = self.clock.moment().astimezone(self.storefront.zone)
        if (local.hour, local.minute) >= (0, 10) and self._reconciled != local.date():
            self._reconciled = local.date()
            self.scraper.wants_all_details = True
            self.storefront.push(None, "reconcile")

    def _note_rows(self) -> None:
        for isbn, row in self.queue.rows.items():
            if self.excuses.row_since.get(isbn, (0, 0.0))[0] != row.id:
                self.excuses.row_since[isbn] = row.id, self.clock.now

    def _look_at_pushes(self) -> None:
        """What the pushes since the last tick mean for what is excused, and what a person does about them."""
        now, excuses = self.clock.now, self.excuses
        ended = self.storefront.ended[self._pushes_looked_at :]
        self._pushes_looked_at = len(self.storefront.ended)
        for ran in ended:
            if ran.state == "succeeded":
                named = list(excuses.edited) if ran.isbns is None else ran.isbns
                excuses.pushed_at |= dict.fromkeys(self.isbns if ran.isbns is None else ran.isbns, ran.at)
                for isbn in named:
                    # A product that a person wants back is not put right before it is there.
                    if isbn in self.store.products or not self.queue.rows[isbn].is_wanted_again:
                        excuses.edited.pop(isbn, None)
                if ran.isbns is None:
                    self._stopped_since = None
                continue
            if ran.by == "reconcile":
                excuses.edited = {isbn: until + DAY for isbn, until in excuses.edited.items()}
            if not ran.reason.startswith("stopped"):
                excuses.store.note(now, now + STORE_LAG)
                excuses.clock.note(now, now + STORE_LAG)
            elif not excuses.site.is_on(now):
                self._stopped(ran.reason)
        if self._stopped_since is not None and now - self._stopped_since > HOUR:
            self._stopped_since, self._let_through_at = None, now
            self.storefront.push(None, "person", let_through=True)

    def _stopped(self, reason: str) -> None:
        """A guardrail stopped a push though the site is well.

        It may be honest: many changes that a fault held back come at once. Then a person lets them through,
        after an hour and once.
        """
        now, excuses = self.clock.now, self.excuses
        edited = len(excuses.edited.keys() & self.scraper.tracked)
        if self._many_broke_lately() or edited > 0.15 * len(self.scraper.tracked):
            excuses.store.note(now, now + HOUR)
            return
        lately = now - max(excuses.site.until, excuses.store.until) < 3 * HOUR
        lately |= now - self._restored_at < DAY + 3 * HOUR
        if self._stopped_since is None and not lately:
            raise Broken("no push is stopped without cause", reason)
        if self._stopped_since is None:
            if now - self._let_through_at < 12 * HOUR:
                raise Broken("no push is stopped without cause", reason)
            self._stopped_since = now
        excuses.store.note(now, now + STORE_LAG)

    def _many_broke_lately(self) -> bool:
        """Whether so many pages broke, too lately to be old news, that a guardrail may stop."""
        news = {"not_found": DAY, "changed": 3 * DAY, "vanished": 3 * DAY}
        unread = {isbn: one for isbn, one in self.queue.unread.items() if isbn in self.scraper.tracked}
        lately = [
            one
            for one in unread.values()
            if self.clock.now - one.since.timestamp() < news.get(one.outcome, 0.0) + 2 * HOUR
        ]
        return len(lately) > 0.15 * (len(self.scraper.tracked) - len(unread) + len(lately))
