"""The shopper's view of every title against the rules. It writes nothing."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ingram_assets.defs.storefront import lag
from ingram_assets.defs.storefront.from_settings import medusa_client, store_rules, store_today
from ingram_assets.domain.isbn import is_isbn13
from ingram_assets.domain.lifetime import age
from ingram_assets.domain.title import Title
from ingram_assets.overview.failed_runs import unfinished_pushes
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.import_plan import preview_import
from ingram_assets.store.inventory.channels import read_visible_locations
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import Journal
from ingram_assets.store.levels import look_at
from ingram_assets.store.location import find_location
from ingram_assets.store.session import StoreSession
from ingram_assets.store.shopper import (
    Difference,
    RightOfTitle,
    StoreApi,
    compare,
    copies_elsewhere,
    publishable_key,
    read_shelf,
)


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What came of a look.

    Attributes:
        checked: how many titles were compared.
        on_its_way: ISBNs of titles that changed so lately that a push may still be bringing them.
        stopped: ISBNs of titles that wait for a push that a guardrail stopped: nobody knows what is right.
        prices_checked: whether shoppers are asked dollars.
        notes: what a person should hear of locations.
    """

    checked: int
    on_its_way: tuple[str, ...]
    stopped: tuple[str, ...]
    differences: tuple[Difference, ...]
    prices_checked: bool
    notes: tuple[str, ...] = ()


def check_store(
    settings: StorefrontSettings,
    common: CommonSettings,
    pace: PaceSettings,
    *,
    retired: frozenset[str],
    stopped_of: Callable[[Mapping[str, datetime]], frozenset[str]],
    isbns: Sequence[str] = (),
) -> StoreCheck:
    """Compares what shoppers see of these titles, or of all that are not retired, with what is right.

    Args:
        stopped_of: gives those of waiting titles whose push a guardrail stopped (`stopped_titles`).

    Raises:
        NeedsPerson, Transient, Permanent: the queue, the journal or the store can't be asked.
    """
    url = settings.STOREFRONT_DB_URL.get_secret_value()
    with (
        QueueReader(settings.QUEUE_DB_URL.get_secret_value()) as reader,
        Journal(url) as journal,
        StockLedger(url, connections=1) as ledger,
        medusa_client(settings, is_look=True) as client,
    ):
        location = find_location(
            client,
            journal=journal,
            name=settings.MEDUSA_STOCK_LOCATION,
            sales_channel=settings.MEDUSA_SALES_CHANNEL,
        )
        key = settings.MEDUSA_PUBLISHABLE_KEY
        key = key or publishable_key(client, location.channel_id, location.channel_name)
        waiting = _waiting(reader, journal, set(isbns))
        stopped = stopped_of({isbn: at for isbn, at in waiting.items() if isbn not in retired})
        lately = datetime.now(UTC) - timedelta(seconds=pace.STORE_LAG_MAX)
        moving = {isbn for isbn, since in waiting.items() if since >= lately} - stopped - retired
        titles = _titles(reader, settings, isbns, stopped | moving | retired)
        session = StoreSession(
            client, journal, location, store_rules(settings), store_today(common), ledger=ledger
        )
        with StoreApi(settings.MEDUSA_BACKEND_URL, key) as api:
            shelf = read_shelf(api)
            found = compare(_wanted(session, titles), shelf)
            if found:
                # What an order or a push took between the two looks is no difference.
                doubtful = {one.isbn for one in found}
                wanted = _wanted(session, [title for title in titles if title.isbn in doubtful])
                found = compare(wanted, read_shelf(api))
    waits = tuple(sorted(moving)), tuple(sorted(stopped))
    return StoreCheck(len(titles), *waits, tuple(found), shelf.has_prices, session.notes)


def _wanted(session: StoreSession, titles: Sequence[Title]) -> list[RightOfTitle]:
    """What is right of each title: what a push would leave in the store."""
    seen = look_at(session, titles)
    places = read_visible_locations(session.client).of_channel(session.location.channel_id).place_ids
    others = sorted(places - {session.location.id})
    elsewhere, prices = copies_elsewhere(session.client, seen.actual, others), _prices(session, titles)
    names = {title.isbn: title.title for title in titles}
    return [
        RightOfTitle(
            plan,
            seen.actual[plan.isbn],
            names[plan.isbn],
            elsewhere.get(plan.isbn, 0),
            prices.get(plan.isbn),
        )
        for plan in seen.plan.titles
    ]


def _prices(session: StoreSession, titles: Sequence[Title]) -> Mapping[str, Decimal]:
    """ISBN to the price that an import would write, where that is not the store's. A person's stays."""
    plans = preview_import(session, titles)
    wanted = {isbn: row.update.after.get("price") for isbn, row in plans.items() if row.update}
    return {isbn: Decimal(str(price)) for isbn, price in wanted.items() if price is not None}


def _titles(
    reader: QueueReader, settings: StorefrontSettings, isbns: Sequence[str], leave_out: frozenset[str]
) -> list[Title]:
    now, rules = datetime.now(UTC), store_rules(settings)
    return [
        age(title, now, rules.stock_max_age, rules.stale_stock)
        for title in reader.titles(list(isbns) or None)
        if is_isbn13(title.isbn) and title.isbn not in leave_out
    ]


def _waiting(reader: QueueReader, journal: Journal, isbns: Set[str]) -> dict[str, datetime]:
    """Of these titles, or of all, those whose change the store was not told of, and since when it waits."""
    rows, in_step = reader.row_states(), journal.in_step()
    waiting = lag.waiting_since(rows, in_step, reader.first_changes(lag.not_told(rows, in_step)))
    return {isbn: since for isbn, since in waiting.items() if not isbns or isbn in isbns}


def stopped_titles(common: CommonSettings, waiting: Mapping[str, datetime]) -> frozenset[str]:
    """The titles that wait for a push that a guardrail stopped. Raises NeedsPerson, Transient."""
    from ingram_assets.runtime.instance import dagster_instance, told_if_away

    if not waiting:
        return frozenset()
    with dagster_instance(common) as instance, told_if_away():
        pushes = unfinished_pushes(instance, waiting)
    return frozenset(isbn for push in pushes if push.by_guardrail for isbn in push.titles)


def retired_titles(common: CommonSettings) -> frozenset[str]:
    """ISBNs of the titles that a person retired, as Dagster has them. Raises NeedsPerson, Transient."""
    from ingram_assets.defs.keys import RETIRED_NAME
    from ingram_assets.runtime.instance import dagster_instance, told_if_away

    with dagster_instance(common) as instance, told_if_away():
        return frozenset(instance.get_dynamic_partitions(RETIRED_NAME))
