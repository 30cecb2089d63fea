"""What has to hold in every hour of a world, written down a second time and without the product's rules.

Each check compares what shoppers and staff see with what the site showed, and excuses what a fault of the
outside world excuses: for as long as it lasts, and not a moment longer.
"""

import itertools
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from ingram_assets.defs.storefront.decisions import ChangeRange, SensorCursor
from ingram_assets.domain.position import InventoryMode
from ingram_assets.domain.title import Title
from ingram_assets.staging.reader import StockChange
from ingram_assets_tests.world.clock import DAY, HOUR, MINUTE
from ingram_assets_tests.world.scraper import SWEEP_EVERY
from ingram_assets_tests.world.site import Served, copies_on
from ingram_assets_tests.world.store import OURS, SHELF, Order, Product

if TYPE_CHECKING:
    from ingram_assets_tests.world.world import World

STORE_LAG = 20 * MINUTE
"""Within which the store follows: ten minutes are promised, and a tick is five."""

SECOND_LOOK_WITHIN = 2 * HOUR + 15 * MINUTE
"""Within which a title is looked at once more after an order: STOCK_FAIL_AFTER, and a quarter of an hour."""

READ_WITHIN = 2 * HOUR + 10 * MINUTE
"""Within which a readable title is read: STOCK_FAIL_AFTER, and the length of a sweep."""

TRIED_FOR = HOUR
"""The most that lies between the first try of a page and the last: two pauses after blocks."""

RECOVERS_WITHIN = 2.5 * HOUR
"""From the end of a fault of the site to pages and pushes as before."""


class Broken(Exception):
    """A promise is broken. `promise` names which, and stays the same while a seed is shrunk."""

    def __init__(self, promise: str, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise


class Expected(NamedTuple):
    """What the store has to show of a title; `None`: whatever it shows."""

    status: str | None
    level: float | None
    allow_backorder: bool | None


@dataclass(slots=True)
class Trouble:
    """A time in which a fault outside excuses something."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    @property
    def since(self) -> float:
        """When it began, now or the last time."""
        return self.spans[-1][0] if self.spans else 0.0

    @property
    def until(self) -> float:
        """When its consequences are over."""
        return self.spans[-1][1] if self.spans else 0.0

    def note(self, now: float, until: float) -> None:
        """There is a fault now, whose consequences last until then."""
        if now > self.until:
            self.spans.append((now, until))
        else:
            self.spans[-1] = self.since, max(self.until, until)

    def is_on(self, now: float) -> bool:
        return now <= self.until

    def was_on(self, at: float) -> bool:
        return any(since <= at <= until for since, until in self.spans)


@dataclass(slots=True)
class Excuses:
    """What is excused, and until when.

    Attributes:
        site: no true pages come.
        store: changes do not reach the store.
        clock: not even what time alone changes, or what orders owe, reaches it.
        edited: ISBN to when at the latest a level that a person edited is put right.
        foreign: ISBN to the copies of somebody else's item that is linked in the place of ours.
        shelf: ISBN to the copies at another location.
        retired: ISBN to the level that a person gave a retired title.
        odd: titles of which Medusa has a reservation that can't be.
        pushed_at: ISBN to when a push of the title came through last.
        settling: ISBN to until when Medusa's own moves of its level are put right.
        row_since: ISBN to its row's id and when that was first seen.
    """

    site: Trouble = field(default_factory=Trouble)
    store: Trouble = field(default_factory=Trouble)
    clock: Trouble = field(default_factory=Trouble)
    edited: dict[str, float] = field(default_factory=dict)
    foreign: dict[str, float] = field(default_factory=dict)
    shelf: dict[str, float] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)
    retired: dict[str, float] = field(default_factory=dict)
    settling: dict[str, float] = field(default_factory=dict)
    row_since: dict[str, tuple[int, float]] = field(default_factory=dict)
    pushed_at: dict[str, float] = field(default_factory=dict)

    def holds_back(self, now: float) -> bool:
        """Whether changes of stock need not reach the store now."""
        return self.site.is_on(now) or self.store.is_on(now)

    def last_followed(self, now: float) -> float:
        """When the store followed for the last time. One trouble may begin before another is made up for."""
        followed = now - STORE_LAG
        for since, until in sorted([*self.site.spans, *self.store.spans], key=lambda span: -span[1]):
            if until >= followed:
                followed = min(followed, since - STORE_LAG)
        return followed


def check(world: "World") -> None:
    """All that has to hold now.

    Raises:
        Broken: something does not.
    """
    no_request_in_a_pause(world)
    no_more_pages_than_an_hour_has(world)
    every_readable_title_was_read(world)
    no_number_that_nobody_read(world)
    nothing_sold_on_old_readings(world)
    store_follows_queue(world)
    nobody_elses_copies_changed(world)
    no_wrong_page_came_through(world)
    no_stopped_push_told_what_was_read(world)
    edits_are_put_right(world)
    retired_titles_stay_as_they_are(world)
    no_sweep_without_pages_is_a_success(world)
    no_push_is_asked_for_without_end(world)
    no_change_is_passed_over(world)
    there_is_one_location(world)
    one_run_writes_at_a_time(world)


def no_request_in_a_pause(world: "World") -> None:
    """After a block nothing is asked for 30 seconds at least, the first of the pauses."""
    blocked, asked = world.site.blocked_at, world.site.asked
    for at in blocked:
        too_soon = [one for one in asked if at < one < at + 29]
        if too_soon:
            raise Broken(
                "no request in a pause", f"blocked at {world.when(at)}, asked at {world.when(too_soon[0])}"
            )
    asked.clear()
    blocked.clear()


def no_more_pages_than_an_hour_has(world: "World") -> None:
    """Between two sweeps no more pages are asked for than these leave of a page a title and hour."""
    scraper = world.scraper
    if scraper.swept_at is None or not scraper.runs_between:
        return
    titles = len(scraper.tracked | scraper.retired)
    hours = min(world.clock.now - scraper.swept_at, SWEEP_EVERY) / HOUR
    left, asked = titles * (1 - HOUR / SWEEP_EVERY) * hours, sum(one.asked for one in scraper.runs_between)
    if asked > left + 1:
        raise Broken(
            "no more pages than an hour has", f"{asked} pages between sweeps, where {left:.0f} are left"
        )


def every_readable_title_was_read(world: "World") -> None:
    """Whatever the other titles' pages do."""
    now, site = world.clock.now, world.site
    sound = max(site.sound_since, world.scraper_sound_since)
    if now - sound < READ_WITHIN:
        return
    for isbn in world.scraper.tracked:
        title = site.titles[isbn]
        row = world.queue.rows[isbn]
        if title.broken or now - max(title.sound_since, world.tracked_since[isbn]) < READ_WITHIN:
            continue
        read = row.stock_observed_at.timestamp() if row.stock_observed_at else 0.0
        if now - read > READ_WITHIN:
            since = world.when(read) if read else "ever"
            raise Broken("every readable title is read", f"{world.name(isbn)} was not, since {since}")


def no_number_that_nobody_read(world: "World") -> None:
    """Each count in the queue stood on a page, and a center that whole pages do not show counts no more."""
    for isbn, row in world.queue.rows.items():
        if row.known is None:
            continue
        pages = world.site.served.get(isbn, [])
        by_time = {page.at: page.stock or {} for page in pages}
        for center, of in row.known.centers.items():
            if of.on_hand_at is None:
                continue
            at = of.on_hand_at.timestamp()
            stood = by_time.get(at, {}).get(center)
            if stood is not None and stood.on_hand == of.counts.on_hand:
                continue
            # Of several tries the last one's page is taken, and its time is that of the first.
            tries = [page.stock or {} for page in pages if at <= page.at <= at + TRIED_FOR]
            if not any(center in stock and stock[center].on_hand == of.counts.on_hand for stock in tries):
                raise Broken("no number that nobody read", f"{world.name(isbn)} {center} {of.counts.on_hand}")
        _no_center_that_left(world, row, pages)


def _no_center_that_left(world: "World", row: Title, pages: list[Served]) -> None:
    seen = row.stock_observed_at.timestamp() if row.stock_observed_at else 0.0
    whole = [page for page in pages if page.is_whole and page.stock and page.at <= seen][-8:]
    # Of the first sweeps it is not known yet what a whole page is.
    if len(whole) < 8 or whole[0].at < world.began + 3 * HOUR:
        return
    shown = {center for page in whole for center in page.stock or {}}
    for center in row.stock or {}:
        if center not in shown and center in world.centers:
            raise Broken(
                "a center that left counts no more",
                f"{world.name(row.isbn)} still has {center}, which {len(whole)} whole pages do not show",
            )


def nothing_sold_on_old_readings(world: "World") -> None:
    """In stock only with a count that is younger than STOCK_MAX_AGE, whatever a guardrail says."""
    now, excuses = world.clock.now, world.excuses
    if excuses.clock.is_on(now):
        return
    since = now - world.rules.stock_max_age.total_seconds() - STORE_LAG
    for isbn, product in world.store.products.items():
        if product.metadata.get("availability") != "in_stock" or not _is_ours_to_keep(world, isbn):
            continue
        if isbn in excuses.edited or excuses.settling.get(isbn, 0.0) > now:
            continue
        pages = [*world.site.served.get(isbn, []), *world.site.lost.get(isbn, [])]
        if not any(page.at >= since and copies_on(page) for page in reversed(pages)):
            raise Broken("nothing in stock on old readings", f"{world.name(isbn)} is")


def store_follows_queue(world: "World", *, at_rest: bool = False) -> None:
    """The store shows what the rule makes of the queue's row, within the lag that is promised.

    Args:
        at_rest: nothing has happened for a day: no fault excuses anything, and levels are exact.
    """
    now, excuses = world.clock.now, world.excuses
    held_back = not at_rest and excuses.holds_back(now)
    behind = None
    for isbn, row in world.queue.rows.items():
        if not _is_ours_to_keep(world, isbn) or isbn in excuses.edited:
            continue
        if not at_rest and (_is_moving(world, row) or _store_knows_more(world, row)):
            continue
        product = world.store.products.get(isbn)
        if product is None:
            if row.imported_at is None and row.failed_reason is None:
                wrong = "it is not in the store"
            else:
                continue
        else:
            wrong = _difference(world, row, product, exact=not _orders_lately(world, isbn))
        if wrong is None:
            continue
        if not held_back:
            raise Broken("the store follows the queue", f"{world.name(isbn)}: {wrong}")
        if _is_moving(world, row, for_long=3 * STORE_LAG) or excuses.site.is_on(now):
            continue
        behind = {one.isbn for one in world.storefront.lag().behind} if behind is None else behind
        since = now - 2.2 * DAY
        orders = world.orders_of(isbn)
        has_orders = any(one.is_open or one.changed_at.timestamp() > since for one in orders)
        # Of what an order took, and was counted again since, nobody is told: the next push sees it.
        if isbn not in behind and row.failed_reason is None and not has_orders:
            raise Broken("that the store is behind is told", f"{world.name(isbn)}: {wrong}")


def _is_ours_to_keep(world: "World", isbn: str) -> bool:
    return isbn in world.scraper.tracked and isbn not in world.excuses.foreign


def _store_knows_more(world: "World", row: Title) -> bool:
    """Whether the store goes by a page that the queue lost with its restore, and that is not too old."""
    known = row.stock_observed_at.timestamp() if row.stock_observed_at else 0.0
    since = max(known, world.clock.now - world.rules.stock_max_age.total_seconds() - STORE_LAG)
    return any(page.at > since for page in world.site.lost.get(row.isbn, []))


def _is_moving(world: "World", row: Title, for_long: float = STORE_LAG) -> bool:
    """Whether something of the title changed just now, so that the store may still be on its way."""
    now, since = world.clock.now, world.clock.now - for_long
    number, first_seen = world.excuses.row_since.get(row.isbn, (row.id, 0.0))
    if number != row.id or first_seen > since:
        return True
    if row.stock_changed_at and row.stock_changed_at.timestamp() > since:
        return True
    if world.tracked_since[row.isbn] > since or world.excuses.settling.get(row.isbn, 0.0) > now:
        return True
    max_age = world.rules.stock_max_age.total_seconds()
    if any(0 <= now - at - max_age <= for_long for at, _ in _counted(row)):
        return True
    if row.publication_date is not None:
        day = world.clock.moment().astimezone(world.storefront.zone)
        came = (day - timedelta(seconds=for_long)).date() < row.publication_date <= day.date()
        if came:
            return True
    return any(order.changed_at.timestamp() > since for order in world.orders_of(row.isbn))


def _orders_lately(world: "World", isbn: str) -> bool:
    """Whether fewer copies may be for sale than the rule says.

    A new reading with the same counts is no change and asks for no push, though orders of before it are in it
    by now. Until their second look they are taken off twice; until the daily reconcile, if the title was not
    read whole before that look.
    """
    now = world.clock.now
    whole = [page.at for page in world.site.served.get(isbn, []) if page.is_whole]
    for changed in (order.changed_at.timestamp() for order in world.orders_of(isbn)):
        if now - changed < SECOND_LOOK_WITHIN + STORE_LAG:
            return True
        was_read = any(changed < at < changed + 2 * HOUR for at in whole)
        if now - changed < 2.2 * DAY and not was_read:
            return True
    return False


def _difference(world: "World", row: Title, product: Product, *, exact: bool) -> str | None:
    """What of the product is not as it has to be."""
    rule = expected(world, row, product)
    level = product.item.levels.get(OURS) if product.item else None
    shown = product.metadata.get("availability")
    if rule.status == "digital":
        return "it is managed" if product.managed else None
    if rule.level is None and not product.managed:
        return None  # never read: what a person sells without an inventory is left alone
    if level is None or not product.managed:
        return "it has no level"
    if not exact and rule.status == "in_stock" and rule.level is not None and level.stocked < rule.level:
        return None
    is_less = shown == "out_of_stock" and not product.allow_backorder and level.stocked <= (rule.level or 0)
    if not exact and is_less and rule.status == "backorder":
        return None  # of copies that are too old, orders may have taken the last
    if rule.status is not None and shown != rule.status:
        return f"it is {shown}, not {rule.status}"
    if rule.allow_backorder is not None and product.allow_backorder != rule.allow_backorder:
        return f"allow_backorder is {product.allow_backorder}"
    if rule.level is not None and level.stocked != rule.level and (exact or level.stocked > rule.level):
        return f"its level is {level.stocked:g}, not {rule.level:g}"
    return None


def _counted(row: Title) -> list[tuple[float, int]]:
    """The copies on hand of each center that has some, with the time of the count."""
    if row.known is None or row.stock is None:
        return []
    return [
        (of.on_hand_at.timestamp(), of.counts.on_hand)
        for center, of in row.known.centers.items()
        if center in row.stock and of.counts.on_hand and of.on_hand_at
    ]


def expected(world: "World", row: Title, product: Product) -> Expected:
    """The rule of the README's table, from the queue's row and the store's orders."""
    now, rules = world.clock.now, world.rules
    max_age = rules.stock_max_age.total_seconds()
    counted = _counted(row)
    fresh = [(at, copies) for at, copies in counted if now - at <= max_age]
    has_old = len(fresh) < len(counted)
    times = [at for at, _ in (fresh if has_old else counted)]
    read_at = min(times) if times else row.stock_observed_at.timestamp() if row.stock_observed_at else None
    sold, reserved = taken(world.orders_of(row.isbn), read_at, rules.inventory_mode)
    total, on_order = sum(copies for _, copies in counted), _on_order(row)
    is_known = bool(total) or (
        row.stock is not None and all(one.on_hand is not None for one in row.stock.values())
    )
    copies = max(0, sum(copies for _, copies in fresh) - rules.safety_stock)
    level = max(0, copies - sold + reserved)
    today = world.clock.moment().astimezone(world.storefront.zone).date()
    if row.binding == "E-Book":
        return Expected("digital", None, None)
    if row.publication_date is not None and row.publication_date > today:
        on_hand = sum(copies for _, copies in fresh)
        held = max(0, on_hand - sold + reserved) if is_known else None
        return Expected("preorder", held, True)
    if copies > sold:
        return Expected("in_stock", level, False)
    if has_old and total - rules.safety_stock > sold:
        policy = str(rules.stale_stock)
        return Expected(policy, level, policy == "backorder")
    if is_known:
        return Expected("backorder", level, True) if on_order else Expected("out_of_stock", level, False)
    if row.publication_date is not None and product.metadata.get("availability") in ("preorder", "unknown"):
        return Expected("unknown", None, False)
    return Expected(None, None, None)


def _on_order(row: Title) -> int:
    return sum(one.on_order or 0 for one in (row.stock or {}).values())


def taken(orders: list[Order], read_at: float | None, mode: InventoryMode) -> tuple[int, int]:
    """What orders took of the copies that were counted then, and what is still reserved of before."""
    if read_at is None:
        return 0, 0
    sold = reserved = 0
    for order in orders:
        is_of_before = order.placed_at.timestamp() < read_at
        for made, canceled in order.fulfillments:
            if canceled is None and made.timestamp() >= read_at and not (mode != "on_hand" and is_of_before):
                sold += order.quantity
        if mode != "on_hand" and is_of_before and order.is_open:
            reserved += order.quantity
    return sold, reserved


def nobody_elses_copies_changed(world: "World") -> None:
    """Levels at other locations, and items that are linked in the place of ours, are other people's."""
    for isbn, copies in world.excuses.shelf.items():
        product = world.store.products.get(isbn)
        level = product.item.levels.get(SHELF) if product and product.item else None
        if level and level.stocked != copies:
            raise Broken(
                "nobody's own copies are changed", f"{world.name(isbn)} has {level.stocked:g} on the shelf"
            )
    for isbn, copies in world.excuses.foreign.items():
        product = world.store.products.get(isbn)
        if product and product.item and product.item.sku != isbn:
            level = product.item.levels[OURS]
            if level.stocked != copies:
                raise Broken(
                    "nobody's own copies are changed", f"an item linked to {world.name(isbn)} was written"
                )


def no_wrong_page_came_through(world: "World") -> None:
    """A page that is wrong for all titles at once costs a handful of them at most."""
    products = world.store.products
    few = max(5, len(products) * 3 // 10)
    most = max((sum(title.hand.values()) for title in world.site.titles.values()), default=0)
    wrong: dict[str, list[str]] = {"digital": [], "preorder": [], "times_1000": [], "one_cent": []}
    for isbn, product in products.items():
        if not product.managed:
            wrong["digital"].append(isbn)
        if "2099" in str(product.metadata.get("availability_label")):
            wrong["preorder"].append(isbn)
        if product.price < 1:
            wrong["one_cent"].append(isbn)
        level = product.item.levels.get(OURS) if product.item else None
        if level and level.stocked > max(2_000, 20 * most):
            wrong["times_1000"].append(isbn)
    for kind, isbns in wrong.items():
        if len(isbns) > few:
            raise Broken(
                "a wrong page is stopped", f"{len(isbns)} of {len(products)} titles are sold as {kind}"
            )
    if world.zeros_of_wrong_pages() > few:
        raise Broken("a wrong page is stopped", f"of {len(products)} titles too many are sold out by zeros")


def no_stopped_push_told_what_was_read(world: "World") -> None:
    """A push that a guardrail stops writes what time makes of what the store shows, and nothing doubted."""
    for ran in world.storefront.ended[-100:]:
        if ran.reason.startswith("stopped") and ran.came_through:
            named = ", ".join(world.name(isbn) for isbn in ran.came_through[:3])
            raise Broken("a stopped push tells nothing new", f"{ran.by} at {world.when(ran.at)}: {named}")


def edits_are_put_right(world: "World") -> None:
    """The daily reconcile puts right what a person edited; so does a reset of the sensor's cursor."""
    now, excuses = world.clock.now, world.excuses
    for isbn, until in excuses.edited.items():
        if now > until and _is_ours_to_keep(world, isbn) and isbn in world.queue.rows:
            row = world.queue.rows[isbn]
            if isbn in world.store.products or row.is_wanted_again or row.imported_at is None:
                raise Broken("what a person edited is put right", f"{world.name(isbn)} was not")


def retired_titles_stay_as_they_are(world: "World") -> None:
    """What a person makes of a retired title in the store, no push of other titles touches."""
    for isbn, copies in world.excuses.retired.items():
        product = world.store.products.get(isbn)
        if isbn not in world.scraper.retired or world.orders_of(isbn) or not product or not product.item:
            continue
        level = product.item.levels.get(OURS)
        if product.item.sku == isbn and level and level.stocked != copies:
            raise Broken("retired titles stay as they are", f"{world.name(isbn)} was written")


def no_sweep_without_pages_is_a_success(world: "World") -> None:
    """A sweep for which the site listed not one title fails, so that somebody hears of it."""
    site, completed = world.site, world.scraper.completed
    if site.wrong == "all_404" and completed and completed[-1].began >= site.wrong_since:
        raise Broken("a sweep without pages is no success", f"one ended at {world.when(completed[-1].at)}")


@dataclass(slots=True)
class Undone:
    """What an undo has to leave of the level of each title: its copies before, and what may be put back."""

    levels: dict[str, float]
    put_back: dict[str, float]

    @classmethod
    def of(cls, world: "World", run_id: str) -> "Undone":
        """What the run left is put back, where it still stands there, on the item that the run wrote to."""
        levels, put_back = _levels(world), dict[str, float]()
        left: dict[str, tuple[str | None, float]] = {}
        for entry in world.journal.changes(run_id):
            if entry.kind != "level" or entry.isbn is None:
                continue
            if entry.before is not None:
                put_back.setdefault(entry.isbn, entry.before["stocked_quantity"])
            left[entry.isbn] = entry.entity, (entry.after or {})["stocked_quantity"]
        for isbn, (item, copies) in left.items():
            product = world.store.products.get(isbn)
            is_there = product and product.item and product.item.id == item
            if not is_there or levels.get(isbn) != copies:
                put_back.pop(isbn, None)
        return cls(levels, put_back)

    def check(self, world: "World") -> None:
        """Raises Broken if a level has become anything else."""
        for isbn, copies in _levels(world).items():
            before = self.levels.get(isbn)
            if copies != before and copies != self.put_back.get(isbn):
                raise Broken(
                    "an undo takes back what the run did", f"{world.name(isbn)}: {before} to {copies}"
                )


def _levels(world: "World") -> dict[str, float]:
    return {
        isbn: product.item.levels[OURS].stocked
        for isbn, product in world.store.products.items()
        if product.item and OURS in product.item.levels
    }


def there_is_one_location(world: "World") -> None:
    """Ingram's location is one, whatever it is called; where it may be one of two, a person says which."""
    if world.client.made:
        raise Broken("Ingram has one location", f"a push made {world.client.made[0]}")
    last = world.storefront.ended[-1] if world.storefront.ended else None
    is_doubtful = "sloc_second" in world.client.places and OURS in world.client.places
    if is_doubtful and last and last.at > world.second_location_since and last.state == "succeeded":
        raise Broken("Ingram has one location", f"at {world.when(last.at)} there were two of its name")


def one_run_writes_at_a_time(world: "World") -> None:
    """Who asks for a push while another is at work waits for its end, and makes nothing a second time."""
    store = world.store
    if store.doubled:
        raise Broken("one run writes at a time", f"{world.name(store.doubled[0])} was made twice")
    turns = Counter(run_id for run_id, _ in itertools.groupby(store.wrote))
    for run_id, times in turns.items():
        if times > 1:
            raise Broken("one run writes at a time", f"another wrote between the writes of {run_id}")
    store.wrote.clear()


MANY_PUSHES = 12
"""In two hours, for the same titles."""
MANY_TRIES = 18
"""In an hour, for the same titles, that fail: the longest pause between two is five minutes."""


def no_push_is_asked_for_without_end(world: "World") -> None:
    """A sensor asks for the same titles again and again only where that may help."""
    now = world.clock.now
    often = Counter(
        (ran.by, ran.isbns)
        for ran in world.storefront.ended[-100:]
        if ran.at > now - 2 * HOUR and ran.state == "succeeded" and ran.isbns
    )
    for (by, isbns), times in often.items():
        if times > MANY_PUSHES:
            named = ", ".join(world.name(isbn) for isbn in (isbns or ())[:3])
            raise Broken("no push is asked for without end", f"{by} asked {times} times for {named}")
    tries = Counter(
        (ran.by, ran.isbns)
        for ran in world.storefront.ended[-400:]
        # A few titles may be what several stretches of changes are for.
        if ran.at > now - HOUR and ran.state == "failed" and len(ran.isbns or ()) > 3
    )
    for (by, isbns), times in tries.items():
        if times > MANY_TRIES:
            raise Broken(
                "what fails is tried again after pauses", f"{by}: {len(isbns or ())} titles {times}×"
            )


def no_change_is_passed_over(world: "World") -> None:
    """Each change of stock is ahead of the sensor, or held for a further try, or a push brought it since."""
    place, log = SensorCursor.parse(world.storefront.cursors.get("stock_changes")), world.queue.log
    left = [ChangeRange(place.cursor), *place.held]
    ahead = {change.id for stretch in left for change in log if _is_in(change, stretch)}
    for change in log:
        if change.id in ahead or change.isbn in world.scraper.retired:
            continue
        if world.excuses.pushed_at.get(change.isbn, 0.0) < change.stock_changed_at.timestamp():
            raise Broken("no change is passed over", f"{world.name(change.isbn)}, change {change.id}")


def _is_in(change: StockChange, stretch: ChangeRange) -> bool:
    at = f"{change.stock_changed_at.isoformat()}/{change.id}"
    return _place(stretch.after) < _place(at) and (
        stretch.until is None or _place(at) <= _place(stretch.until)
    )


def _place(cursor: str | None) -> tuple[str, int]:
    at, _, number = (cursor or "").rpartition("/")
    return at, int(number or 0)
