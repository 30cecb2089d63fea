"""What happens in a world: to its site, its store and its queue, and what people do. An event, a method."""

import copy
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.world import covers, promises, sold
from ingram_assets_tests.world.asking import no_more_requests_than_allowed
from ingram_assets_tests.world.clock import DAY, HOUR, MINUTE, Clock
from ingram_assets_tests.world.events import CENTERS, Event, Setting
from ingram_assets_tests.world.medusa import NAME, Place, SimulatedClient
from ingram_assets_tests.world.promises import RECOVERS_WITHIN, STORE_LAG, Excuses
from ingram_assets_tests.world.queue import SimulatedQueue
from ingram_assets_tests.world.scraper import Scraper
from ingram_assets_tests.world.site import SimulatedSite
from ingram_assets_tests.world.store import (
    OURS,
    SHELF,
    Killed,
    Order,
    SimulatedJournal,
    SimulatedStore,
    StoreItem,
    StoreLevel,
)
from ingram_assets_tests.world.storefront import Storefront
from ingram_assets_tests.world.watch import Watch

SESSIONS_END_FOR = 3 * HOUR


class Happenings:
    """The events of a world, by their kinds, and what each of them excuses."""

    setting: Setting
    clock: Clock
    rules: StoreRules
    site: SimulatedSite
    queue: SimulatedQueue
    store: SimulatedStore
    client: SimulatedClient
    journal: SimulatedJournal
    scraper: Scraper
    storefront: Storefront
    watch: Watch
    excuses: Excuses
    isbns: list[str]
    tracked_since: dict[str, float]

    def __init__(self) -> None:
        self.scraper_sound_since = self.clock.now
        self.second_location_since = 0.0
        self._down_until = 0.0
        self._stands_still_until = 0.0
        self._restored_at = -DAY
        self._backed_up_at: dict[str, float] = {}
        self._backups: dict[str, Any] = {}
        self._excuses_then: Any = None
        self._orders: dict[str, list[Order]] = {}

    def orders_of(self, isbn: str) -> list[Order]:
        """The title's orders, of the item that it has now."""
        product = self.store.products.get(isbn)
        return [
            order for order in self._orders.get(isbn, []) if product is None or order.item is product.item
        ]

    def _happen(self, event: Event) -> None:
        isbn = self.isbns[event.title] if event.title >= 0 else ""
        getattr(self, f"_on_{event.kind}")(event, isbn)

    def _on_stock(self, event: Event, isbn: str) -> None:
        if event.word in self.site.titles[isbn].shown:
            self.site.titles[isbn].hand[event.word] = event.n

    def _on_on_order(self, event: Event, isbn: str) -> None:
        self.site.titles[isbn].order[event.word] = event.n

    def _on_sold_out(self, event: Event, isbn: str) -> None:
        self.site.titles[isbn].hand = dict.fromkeys(CENTERS, 0)

    def _on_center_leaves(self, event: Event, isbn: str) -> None:
        title = self.site.titles[isbn]
        title.shown.discard("CA")
        title.hand["CA"] = title.order["CA"] = 0

    def _on_center_comes(self, event: Event, isbn: str) -> None:
        self.site.titles[isbn].shown.add("CA")

    def _on_publishes(self, event: Event, isbn: str) -> None:
        self.site.titles[isbn].published = self.clock.moment().date() + timedelta(days=event.n)
        self.site.titles[isbn].hand = dict.fromkeys(CENTERS, 0)

    def _on_new_price(self, event: Event, isbn: str) -> None:
        self.site.titles[isbn].price = Decimal(20) * event.n / 100

    def _on_breaks(self, event: Event, isbn: str) -> None:
        title = self.site.titles[isbn]
        if title.broken is None:
            title.broken, title.broken_until = event.word, self.clock.now + event.n * MINUTE

    def _on_outage(self, event: Event, isbn: str) -> None:
        self.site.down_until = max(self.site.down_until, self.clock.now + event.n * MINUTE)
        self._site_fails_until(self.site.down_until)

    def _on_block(self, event: Event, isbn: str) -> None:
        self.site.blocking_until = max(self.site.blocking_until, self.clock.now + event.n * MINUTE)
        # The longest of the breaker's pauses may begin in the block's last moment.
        self._site_fails_until(self.site.blocking_until + HOUR)

    def _on_session_ends(self, event: Event, isbn: str) -> None:
        """The session is over, as all are some day; the next sign-in brings another one."""
        self.site.session, self.site.lost_as = 0, event.word

    def _on_sessions_end(self, event: Event, isbn: str) -> None:
        """Somebody else uses the account: for hours each session ends after a few pages."""
        until = self.site.end_sessions_after(event.n, self.clock.now + SESSIONS_END_FOR)
        self.site.lost_as = event.word
        if event.n < 10:  # from there on every title is read, if with many sign-ins
            self._site_fails_until(until)

    def _on_covers_at_once(self, event: Event, isbn: str) -> None:
        """Without `ingram up`: nothing keeps these runs apart but what they share."""
        if not self.scraper.open_until:
            covers.ask(self.clock, self.site, self.scraper.shared, self.isbns, event.n, event.word)
            # By itself: another such event may come at the same moment, and not be beside it.
            no_more_requests_than_allowed(self)

    def _on_sign_ins_fail(self, event: Event, isbn: str) -> None:
        self.site.session = 0
        until = self.clock.now + event.n * MINUTE
        self.site.sign_ins_fail_until = max(self.site.sign_ins_fail_until, until)
        self._site_fails_until(self.site.sign_ins_fail_until)

    def _on_password_changes(self, event: Event, isbn: str) -> None:
        """The account has another password; the operator corrects the setting some time later."""
        self.site.change_password(corrected_at=self.clock.now + event.n * MINUTE)
        # What waits for a person is tried by itself once an hour.
        self._site_fails_until(self.site.corrected_at + HOUR)

    def _on_wrong_pages(self, event: Event, isbn: str) -> None:
        if self.site.wrong is None:
            self.site.wrong_since = self.clock.now
            self.site.wrong, self.site.wrong_until = event.word, self.clock.now + event.n * MINUTE
            self.scraper.wants_all_details = True
            self._site_fails_until(self.site.wrong_until)

    def _on_label_vanishes(self, event: Event, isbn: str) -> None:
        self.site.hide_prices(self.clock.now, self.clock.now + event.n * MINUTE)

    def _site_fails_until(self, until: float) -> None:
        self.site.break_until(self.clock.now, until)
        self.excuses.site.note(self.clock.now, until + RECOVERS_WITHIN)

    def _on_sweep_dies(self, event: Event, isbn: str) -> None:
        self.scraper.die()
        self.scraper_sound_since = max(self.scraper_sound_since, self.clock.now)

    def _on_store_down(self, event: Event, isbn: str) -> None:
        self._down_until = max(self._down_until, self.clock.now + event.n * MINUTE)
        self.store.is_down = True
        self._store_is_behind_until(self._down_until + STORE_LAG)

    def _on_push_dies(self, event: Event, isbn: str) -> None:
        self.store.dies_after = 1

    def _on_run_is_lost(self, event: Event, isbn: str) -> None:
        self.storefront.loses_a_run = True

    def _on_sensor_off(self, event: Event, isbn: str) -> None:
        until = self.clock.now + event.n * MINUTE
        self.storefront.off[event.word] = until
        self.excuses.store.note(self.clock.now, until + STORE_LAG)
        self.excuses.clock.note(self.clock.now, until + STORE_LAG)
        if event.word == "order_changes":
            for one in self.isbns:
                self._settles(one, until + STORE_LAG)

    def _on_stands_still(self, event: Event, isbn: str) -> None:
        """All of `ingram up` is stopped, a run at work is killed, and all is started again later."""
        now, until = self.clock.now, self.clock.now + event.n * MINUTE
        self.scraper.die()
        self._stands_still_until = max(self._stands_still_until, until)
        self.watch.away_until = max(self.watch.away_until, until)
        self.scraper_sound_since = max(self.scraper_sound_since, until)
        self.excuses.site.note(now, until + RECOVERS_WITHIN)
        self._store_is_behind_until(until + STORE_LAG)
        for one in self.isbns:
            self._settles(one, until + STORE_LAG)

    def _store_is_behind_until(self, until: float) -> None:
        """No push comes through until shortly before then."""
        for trouble in (self.excuses.store, self.excuses.clock):
            trouble.note(self.clock.now, until)
        soonest = until + STORE_LAG
        self.excuses.edited = {isbn: max(at, soonest) for isbn, at in self.excuses.edited.items()}

    def _on_check_off(self, event: Event, isbn: str) -> None:
        self.watch.checks_off[event.word] = self.clock.now + event.n * MINUTE

    def _on_watch_away(self, event: Event, isbn: str) -> None:
        self.watch.away_until = max(self.watch.away_until, self.clock.now + event.n * MINUTE)

    def _on_cursor_reset(self, event: Event, isbn: str) -> None:
        self.storefront.cursors.pop(event.word, None)
        now = self.clock.now
        if not self.excuses.holds_back(now):
            changed = {change.isbn for change in self.queue.log}
            for one in self.excuses.edited.keys() & changed:
                self.excuses.edited[one] = min(self.excuses.edited[one], now + 2 * STORE_LAG)

    def _on_negative_reservation(self, event: Event, isbn: str) -> None:
        product = self.store.products.get(isbn)
        if product and product.item and OURS in product.item.levels and not self.orders_of(isbn):
            product.item.levels[OURS].reserved -= event.n
            self.excuses.odd.add(isbn)

    def _on_hand_edit(self, event: Event, isbn: str) -> None:
        product = self.store.products.get(isbn)
        if product and product.item and OURS in product.item.levels and isbn not in self.excuses.foreign:
            product.item.levels[OURS].stocked = event.n
            self._is_edited(isbn)
            if isbn in self.scraper.retired:
                self.excuses.retired[isbn] = event.n

    def _is_edited(self, isbn: str) -> None:
        local = self.clock.moment().astimezone(self.storefront.zone)
        midnight = (local + timedelta(days=1)).replace(hour=0, minute=10)
        self.excuses.edited[isbn] = max(midnight.timestamp(), self._stands_still_until) + 2 * STORE_LAG

    def _on_own_level(self, event: Event, isbn: str) -> None:
        product = self.store.products.get(isbn)
        if product and product.item and isbn not in self.excuses.foreign:
            product.item.levels[SHELF] = StoreLevel(stocked=event.n)
            self.excuses.shelf[isbn] = event.n

    def _on_foreign_item(self, event: Event, isbn: str) -> None:
        product = self.store.products.get(isbn)
        if product and product.item and isbn not in self.excuses.foreign:
            self.store.leftovers[isbn] = product.item
            product.item = StoreItem(f"iitem_used_{event.title}", "USED-SHELF", {OURS: StoreLevel(777)})
            self.excuses.foreign[isbn] = 777
            self.excuses.shelf.pop(isbn, None)

    def _on_backup(self, event: Event, isbn: str) -> None:
        self._backups[event.word] = self.store.saved() if event.word == "store" else self.queue.saved()
        self._backed_up_at[event.word] = self.clock.now
        self._excuses_then = copy.deepcopy((self.excuses.foreign, self.excuses.shelf, self.excuses.odd))

    def _on_restore_store(self, event: Event, isbn: str) -> None:
        """Medusa's database is what it was at the last backup; our journal has gone on since."""
        if "store" not in self._backups:
            return
        self.store.restore(self._backups["store"])
        self._orders = {}
        for order in self.store.orders:
            self._orders.setdefault(order.isbn, []).append(order)
        excuses = self.excuses
        excuses.foreign, excuses.shelf, excuses.odd = copy.deepcopy(self._excuses_then)
        excuses.retired.clear()
        self._restored_at = self.clock.now
        for one in self.store.products:
            self._is_edited(one)

    def _on_restore_queue(self, event: Event, isbn: str) -> None:
        """The queue is what it was at the last backup.

        The counts that it has lost are read again by the next sweep; a person has that read all details, too.
        """
        if "queue" not in self._backups:
            return
        self.queue.restore(self._backups["queue"])
        for one, pages in self.site.served.items():  # what was read since is as if it had not been
            known = [page for page in pages if page.at <= self._backed_up_at["queue"]]
            self.site.lost.setdefault(one, []).extend(pages[len(known) :])
            self.site.served[one] = known
        self.scraper.wants_all_details = True
        now = self._restored_at = self.clock.now
        self.scraper_sound_since = max(self.scraper_sound_since, now)
        self.excuses.site.note(now, max(now, self.excuses.site.until) + RECOVERS_WITHIN)
        read_again = max(now, self.excuses.site.until) + promises.READ_WITHIN
        self.excuses.store.note(now, read_again + STORE_LAG)
        for one in self.isbns:
            self._settles(one, read_again + STORE_LAG)

    def _on_pushes_at_once(self, event: Event, isbn: str) -> None:
        """Several runs push the same titles, as a command does beside a sensor's run."""
        if event.word == "made_anew" and not self.excuses.site.is_on(self.clock.now):
            self._on_delete_product(event, isbn)
            self._on_enrich(event, isbn)
        place = self.isbns.index(isbn)
        named = [one for one in (self.isbns * 2)[place : place + 4] if one not in self.scraper.retired]
        self.storefront.push_at_once(named, event.n)

    def _on_undo(self, event: Event, isbn: str) -> None:
        """A person takes one of the last pushes back."""
        written = [ran.run_id for ran in self.storefront.ended[-40:] if ran.run_id in self.journal.runs]
        if self.store.is_down or len(written) <= event.n:
            return
        promised = promises.Undone.of(self, written[-1 - event.n])
        before = {isbn: copy.deepcopy(product) for isbn, product in self.store.products.items()}
        try:
            self.storefront.undo(written[-1 - event.n])
        except NeedsPerson:
            return  # it can't be told which location is meant
        except Killed:
            pass  # in the middle of it: what was put back, was
        promised.check(self)
        for one, product in self.store.products.items():
            if product != before[one]:
                self._is_edited(one)

    def _on_delete_level(self, event: Event, isbn: str) -> None:
        """A person deletes Ingram's level of a title; Medusa refuses it where orders wait for copies."""
        level = self._level_to_delete(isbn)
        if level is not None and not level.reserved:
            del self.store.products[isbn].item.levels[OURS]  # type: ignore[union-attr]
            self._is_edited(isbn)

    def _on_delete_item(self, event: Event, isbn: str) -> None:
        """A person deletes a title's inventory item, and its levels with it."""
        level = self._level_to_delete(isbn)
        if level is not None and not level.reserved:
            self.store.products[isbn].item = None
            self.excuses.shelf.pop(isbn, None)
            self._is_edited(isbn)

    def _level_to_delete(self, isbn: str) -> StoreLevel | None:
        product = self.store.products.get(isbn)
        if product is None or product.item is None or product.item.sku != isbn:
            return None
        return product.item.levels.get(OURS) if isbn in self.scraper.tracked else None

    def _on_rename_location(self, event: Event, isbn: str) -> None:
        if OURS in self.client.places:
            self.client.places[OURS].name = f"Warehouse {event.n}"

    def _on_second_location(self, event: Event, isbn: str) -> None:
        """Somebody makes a location with the name in the setting, and renames it later."""
        self.client.places["sloc_second"] = Place("sloc_second", NAME.upper(), sells=False)
        self.second_location_since = self.clock.now
        self._waits_for_a_person(event.n)

    def _on_second_location_ends(self, event: Event, isbn: str) -> None:
        self.client.places.pop("sloc_second", None)

    def _on_location_gone(self, event: Event, isbn: str) -> None:
        """Ingram's location is deleted, and comes back with a backup."""
        self.client.places.pop(OURS, None)
        self._waits_for_a_person(event.n)

    def _on_location_back(self, event: Event, isbn: str) -> None:
        self.client.places.setdefault(OURS, Place(OURS, NAME))

    def _waits_for_a_person(self, minutes: int) -> None:
        until = self.clock.now + minutes * MINUTE
        self._store_is_behind_until(until + STORE_LAG)
        for one in self.isbns:
            self._settles(one, until + STORE_LAG)

    def _on_delete_product(self, event: Event, isbn: str) -> None:
        if isbn in self.store.products and isbn not in self.excuses.foreign:
            self.store.delete(isbn)
            self.excuses.edited.pop(isbn, None)

    def _on_retire(self, event: Event, isbn: str) -> None:
        if isbn in self.scraper.tracked:
            self.scraper.retire(isbn)
            self.excuses.retired.pop(isbn, None)

    def _on_enrich(self, event: Event, isbn: str) -> None:
        was_tracked = isbn in self.scraper.tracked
        self.scraper.enrich([isbn])
        if isbn in self.scraper.tracked:
            if not was_tracked:
                self.tracked_since[isbn] = self.clock.now
            if isbn not in self.store.products:
                self._is_edited(isbn)

    # Shoppers, and who ships.

    def _on_order(self, event: Event, isbn: str) -> None:
        self._sell(isbn, event.n)

    def _on_order_all(self, event: Event, isbn: str) -> None:
        product = self.store.products.get(isbn)
        if product and product.managed:
            copies, _ = self.store.available(isbn)
            self._sell(isbn, min(int(copies), 500))

    def _sell(self, isbn: str, quantity: int) -> None:
        if self.store.is_down or isbn in self.excuses.foreign or isbn in self.excuses.odd:
            return
        before = list(self.orders_of(isbn))
        _, more = self.store.available(isbn) if isbn in self.store.products else (0, False)
        order = self.store.place(isbn, quantity)
        if order is None:
            return
        self._orders.setdefault(isbn, []).append(order)
        if self.setting.mode == "on_hand_plus_reserved":
            self._ship(isbn, quantity)
        if not more:
            sold.sale_is_covered(self, isbn, quantity, before)

    def _ship(self, isbn: str, quantity: int) -> None:
        """Ingram's own count falls."""
        hand = self.site.titles[isbn].hand
        for center in CENTERS:
            taken = min(hand[center], max(0, quantity))
            hand[center] -= taken
            quantity -= taken

    def _on_fulfill(self, event: Event, isbn: str) -> None:
        order = next((one for one in self.orders_of(isbn) if one.is_open), None)
        if order and not self.store.is_down:
            self.store.fulfill(order)
            if self.setting.mode == "on_hand":
                self._ship(isbn, order.quantity)

    def _on_cancel_fulfillment(self, event: Event, isbn: str) -> None:
        order = self._shipped(isbn)
        if order and not self.store.is_down:
            self.store.cancel_fulfillment(order)
            self._settles(isbn, self.clock.now + STORE_LAG)

    def _on_cancel_order(self, event: Event, isbn: str) -> None:
        order = next((one for one in self.orders_of(isbn) if one.is_open), None)
        if order and not self.store.is_down:
            self.store.cancel(order)
            self._settles(isbn, self.clock.now + STORE_LAG)

    def _on_return(self, event: Event, isbn: str) -> None:
        order = self._shipped(isbn)
        if order and not self.store.is_down:
            self.store.take_back(order)
            self._settles(isbn, self.clock.now + STORE_LAG)

    def _shipped(self, isbn: str) -> Order | None:
        """An order of the title that is with the customer, and whose level is there."""
        return next(
            (
                one
                for one in self.orders_of(isbn)
                if one.is_fulfilled and not one.returned and OURS in one.item.levels
            ),
            None,
        )

    def _settles(self, isbn: str, until: float) -> None:
        settling = self.excuses.settling
        settling[isbn] = max(settling.get(isbn, 0.0), until, self.excuses.clock.until)
