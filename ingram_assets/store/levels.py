"""Levels and flags: what the plan says is written, in batches, each write journaled before it is sent."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

from ingram_assets.domain.failures import Stopped
from ingram_assets.domain.guardrails import Tripped
from ingram_assets.domain.lifetime import sold_since
from ingram_assets.domain.position import Orders
from ingram_assets.domain.title import Title
from ingram_assets.store.client import MedusaClient, MedusaRefused, batches, send_splitting
from ingram_assets.store.journal import Change, Journal, LastLevel
from ingram_assets.store.location import Location
from ingram_assets.store.plan import NO_ORDERS, Plan, Shown, TitlePlan, desired, plan_levels
from ingram_assets.store.read import Actual, read_orders, read_store
from ingram_assets.store.rules import StoreRules

log = logging.getLogger(__name__)

ITEMS_AT_ONCE = 4
"""Requests at the same time where there is no batch: four take a third of the time of one by one."""

LONGEST_NAME = 250
"""Characters. The route that makes an item refuses a body of 100 KB."""

LEVELS_PER_BATCH = 1_000
"""1,000 levels in one batch take 0.6 s, in ten batches 1.5 s, one at a time 24 s."""

Outcome = Literal["written", "planned", "unchanged", "skipped", "failed"]


class PushStopped(Stopped):
    """A guardrail stopped the push. The message names the figures; `report` is of what was written anyway."""

    def __init__(self, message: str, report: "SyncReport") -> None:
        super().__init__(message)
        self.report = report


@dataclass(frozen=True, slots=True)
class TitleOutcome:
    """What became of one title. "planned": a dry run, it would be written."""

    isbn: str
    title_id: int
    outcome: Outcome
    status: str
    label: str | None
    reasons: tuple[str, ...]
    before: Shown | None
    after: Shown | None
    repaired: bool = False
    zero_for_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Oversold:
    """A title with more copies promised to orders than its level. `orders` counts the order lines."""

    isbn: str
    status: str
    stocked: float
    reserved: float
    orders: int


@dataclass(slots=True)
class SyncReport:
    """What a push did, or with a dry run would do.

    Attributes:
        titles: ISBN to its outcome, in the order given.
        oversold: after the push, every time as long as it is so; of titles that may be back-ordered only
            when this push took the copies away.
        looked_at_all: the guardrails looked at all titles, not just at those given, and none stopped them.
        low: ISBNs whose level fell to the threshold or below it in this push.
    """

    titles: dict[str, TitleOutcome] = field(default_factory=dict)
    oversold: list[Oversold] = field(default_factory=list)
    low: list[str] = field(default_factory=list)
    dry_run: bool = False
    looked_at_all: bool = True

    def of(self, outcome: Outcome) -> list[str]:
        """The ISBNs with this outcome."""
        return [each.isbn for each in self.titles.values() if each.outcome == outcome]

    @property
    def repaired(self) -> list[str]:
        """The ISBNs whose level somebody else had changed, and that was put right."""
        return [each.isbn for each in self.titles.values() if each.repaired and each.outcome != "failed"]

    @property
    def failed(self) -> dict[str, str]:
        """ISBN to why it could not be brought in step."""
        return {
            each.isbn: " ".join(each.reasons) for each in self.titles.values() if each.outcome == "failed"
        }


def sync_levels(
    client: MedusaClient,
    titles: Iterable[Title],
    *,
    location: Location,
    today: date,
    rules: StoreRules,
    journal: Journal,
    run_id: str,
    dry_run: bool = False,
    let_through: bool = False,
    everything: Callable[[], Sequence[Title]] | None = None,
    halted: str | None = None,
    expired: Callable[[], Collection[str]] = tuple,
) -> SyncReport:
    """Brings levels, flags and metadata of these titles in step with the rules; writes the difference only.

    What changes because time passed is written in any case: a guardrail doubts what was read, and this rests
    on nothing that was.

    Args:
        dry_run: nothing is written; the outcomes say what would be.
        let_through: a person has looked at what a guardrail stopped, and wants it written.
        everything: gives all tracked titles, where `titles` are some of them: the guardrail looks at the
            whole change, so that a large one does not pass in slices.
        halted: why the readings are not to be trusted, as a guardrail of the caller's says.
        expired: gives the titles whose last reading that the store was told is too old by now, where a
            guardrail stops the push.

    Raises:
        PushStopped: a guardrail tripped; nothing was written but what changes with time.
    """
    titles = list({title.isbn: title for title in titles}.values())
    with client.reporting(lambda failure: journal.failed_request(run_id, failure)):
        plan = make_plan(client, titles, location=location, today=today, rules=rules, journal=journal)
        tripped = tripped_by(
            client, plan, everything, location=location, today=today, rules=rules, journal=journal
        )
        reason = halted or ""
        if tripped and tripped.reason not in reason:  # the caller may have looked at the same
            reason = f"{reason} {tripped.reason}".strip()
        if reason and not let_through and not dry_run:
            anyway = plan.in_spite_of_guardrails(expired())
            done = apply(client, anyway, location=location, journal=journal, run_id=run_id)
            stopped = len(anyway.writes) < len(plan.writes)
            report = _report(anyway if stopped else plan, done.failed, rules, dry_run)
            report.looked_at_all = False
            if stopped:
                raise PushStopped(f"{reason} {nothing_written(len(anyway.writes))}", report)
            return report
        done = Applied()
        if not dry_run:
            done = apply(client, plan, location=location, journal=journal, run_id=run_id)
        if done.reserved_since:
            # Orders came or were fulfilled since we looked, and a level is written whole: a second look.
            again = [title for title in titles if title.isbn in done.reserved_since]
            more = make_plan(client, again, location=location, today=today, rules=rules, journal=journal)
            done.failed |= apply(client, more, location=location, journal=journal, run_id=run_id).failed
        report = _report(plan, done.failed, rules, dry_run)
        report.looked_at_all = everything is None or plan.is_suspicious(rules)
        _count_orders(client, report, plan, location)
    return report


def nothing_written(by_time: int = 0) -> str:
    """What a stopped push says of its writes, and what to do."""
    but = f" but {by_time} titles that time changed" if by_time else ""
    return f"Nothing was written{but}. Look at a dry run, and let it through if it is true."


def tripped_by(
    client: MedusaClient,
    plan: Plan,
    everything: Callable[[], Sequence[Title]] | None,
    *,
    location: Location,
    today: date,
    rules: StoreRules,
    journal: Journal,
) -> Tripped | None:
    """The guardrails that stop a plan, as one. `everything` as for `sync_levels`; asked for if it matters.

    A plan for some of the titles that turns one of them to zero, or into what a guardrail looks at, is judged
    by what all titles would turn to: what is wrong with a whole sweep shows in the whole, not in the dozen
    that a push happens to carry.
    """
    if everything is None:
        return plan.tripped(rules)
    if not plan.is_suspicious(rules):
        return None
    whole = make_plan(client, everything(), location=location, today=today, rules=rules, journal=journal)
    return whole.tripped(rules)


@dataclass(slots=True)
class Applied:
    """`failed`: ISBN to reason, in Medusa's words. `reserved_since`: orders came between read and write."""

    failed: dict[str, str] = field(default_factory=dict)
    reserved_since: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """What a plan was made of: the store, its orders by inventory item, and the levels that we wrote last."""

    plan: Plan
    actual: Mapping[str, Actual]
    orders: Mapping[str, Orders]
    last_levels: Mapping[str, LastLevel]


def make_plan(
    client: MedusaClient,
    titles: Sequence[Title],
    *,
    location: Location,
    today: date,
    rules: StoreRules,
    journal: Journal,
) -> Plan:
    """Reads the store and plans."""
    return look_at(client, titles, location=location, today=today, rules=rules, journal=journal).plan


def look_at(
    client: MedusaClient,
    titles: Sequence[Title],
    *,
    location: Location,
    today: date,
    rules: StoreRules,
    journal: Journal,
) -> PlanInputs:
    """Reads the store and its orders, and plans; the journal is asked about the levels that differ, alone."""
    unmanaged = {
        title.isbn
        for title in titles
        if desired(title, today=today, rules=rules).manage_inventory is not True
    }
    actual = read_store(client, [title.isbn for title in titles], location.id, unmanaged, journal)
    since, reserved = _ask_of_orders(titles, actual, rules)
    orders = read_orders(client, since, location.id, reserved)
    plan = plan_levels(titles, actual, today=today, rules=rules, orders=orders)
    differing = [each.isbn for each in plan.titles if each.level == "update"]
    if not differing:
        return PlanInputs(plan, actual, orders, {})
    last = journal.last_levels(differing)
    remembered = plan.with_history(last, orders)
    suspects = {each.item.id: last[each.isbn].at for each in remembered.titles if each.repaired and each.item}
    # An order takes copies out of a level as well as a hand does: one of before the reading, too.
    longer = {item_id: at for item_id, at in suspects.items() if at < since.get(item_id, _NEVER)}
    for item_id, found in read_orders(client, longer, location.id).items():
        reservations = orders.get(item_id, NO_ORDERS).reservations
        orders[item_id] = Orders(reservations, found.fulfillments)
    return PlanInputs(plan.with_history(last, orders), actual, orders, last)


_NEVER = datetime.max.replace(tzinfo=UTC)


def _ask_of_orders(
    titles: Sequence[Title], actual: Mapping[str, Actual], rules: StoreRules
) -> tuple[dict[str, datetime], list[str]]:
    """From when the orders of which items matter, and of which items reservations matter."""
    since: dict[str, datetime] = {}
    reserved: list[str] = []
    adds_back = rules.inventory_mode == "on_hand_plus_reserved"
    for title in titles:
        at = sold_since(title) or (title.stock_observed_at if adds_back else None)
        for item in (item for variant in actual[title.isbn].variants for item in variant.items):
            if at is not None and item.level:
                since[item.id] = at
                if adds_back and item.level.reserved > 0:
                    reserved.append(item.id)
    return since, reserved


def apply(client: MedusaClient, plan: Plan, *, location: Location, journal: Journal, run_id: str) -> Applied:
    """Writes what the plan says.

    The order keeps one promise at every moment, wherever a run is killed: no variant is managed without
    a level. First the items that are missing, each made with its level; then all other levels; then the
    links; the flags last.
    """
    done = Applied()
    for batch in batches(plan.writes, LEVELS_PER_BATCH, lambda each: [each.flags, "x" * 200]):
        work = Work(client, journal, run_id, location, list(batch))
        work.make_items()
        work.rename_items()
        work.write_levels()
        work.link_items()
        work.write_flags()
        done.failed |= work.failed
        done.reserved_since |= work.reserved_since
    return done


class Work:
    """One batch of titles on its way into the store. A title that fails takes no further step."""

    def __init__(
        self, client: MedusaClient, journal: Journal, run_id: str, location: Location, titles: list[TitlePlan]
    ) -> None:
        self.client, self.journal, self.run_id, self.location = client, journal, run_id, location
        self.titles = titles
        self.failed: dict[str, str] = {}
        self.reserved_since: set[str] = set()
        self.item_ids: dict[str, str] = {each.isbn: each.item.id for each in titles if each.item}

    def make_items(self) -> None:
        """Items that are missing, each with its level in the same request.

        Medusa has no batch for these, so a few go at once.
        """
        titles = self._still(lambda title: title.create_item)
        if not titles:
            return
        changes = []
        for title in titles:
            new = {"sku": title.isbn}
            changes += [
                Change("item", title.isbn, None, None, new, "The title had no inventory item."),
                Change("level", title.isbn, None, None, _quantities(title), _because(title)),
            ]

        def make(title: TitlePlan) -> str | MedusaRefused:
            level = {"location_id": self.location.id, **_quantities(title)}
            name = (title.name or title.isbn).replace("\x00", "")[:LONGEST_NAME]
            body = {"sku": title.isbn, "title": name, "location_levels": [level]}
            try:
                answer = self.client.post("/admin/inventory-items", body, {"fields": "id"})
                return str(answer["inventory_item"]["id"])
            except MedusaRefused as error:
                return error

        with (
            self.journal.writing(self.run_id, changes) as entry,
            ThreadPoolExecutor(ITEMS_AT_ONCE, "medusa-items") as pool,
        ):
            for number, (title, made) in enumerate(zip(titles, pool.map(make, titles), strict=True)):
                for position in (2 * number, 2 * number + 1):
                    if isinstance(made, MedusaRefused):
                        entry.failed(position, made.detail)
                    else:
                        entry.made(position, made)
                if isinstance(made, MedusaRefused):
                    self.failed[title.isbn] = str(made)
                else:
                    self.item_ids[title.isbn] = made

    def rename_items(self) -> None:
        """Items whose SKU was left behind by their variant's. Only a name: a refusal holds nothing back."""
        for title in self._still(lambda title: title.rename_item):
            item_id, old = self.item_ids[title.isbn], title.item.sku if title.item else None
            reason = "The variant's SKU was changed without its item's."
            change = Change("item", title.isbn, item_id, {"sku": old}, {"sku": title.isbn}, reason)
            try:
                with self.journal.writing(self.run_id, [change]):
                    self.client.post(
                        f"/admin/inventory-items/{item_id}", {"sku": title.isbn}, {"fields": "id"}
                    )
            except MedusaRefused as error:
                log.warning("%s: its inventory item %s keeps the SKU %r: %s", title.isbn, item_id, old, error)

    def write_levels(self) -> None:
        """Levels at our location: those missing are made, those that differ updated, in one request."""

        def row(title: TitlePlan) -> dict[str, Any]:
            before, now = _level_before(title) or {}, _quantities(title)
            changed = {name: value for name, value in now.items() if before.get(name) != value}
            item_id = self.item_ids[title.isbn]
            return {"inventory_item_id": item_id, "location_id": self.location.id, **changed}

        def changes(title: TitlePlan) -> list[Change]:
            before = _level_before(title)
            item_id = self.item_ids[title.isbn]
            return [Change("level", title.isbn, item_id, before, _quantities(title), _because(title))]

        def send(titles: Sequence[TitlePlan]) -> None:
            body = {
                "create": [row(each) for each in titles if each.level == "create"],
                "update": [row(each) for each in titles if each.level == "update"],
            }
            try:
                answer = self.client.post("/admin/inventory-items/location-levels/batch", body)
            except MedusaRefused as error:
                if len(titles) > 1 or not body["create"] or "already exists" not in error.detail:
                    raise
                # Made since we looked, or by our own request whose answer got lost.
                body = {"update": body["create"]}
                answer = self.client.post("/admin/inventory-items/location-levels/batch", body)
            self._note_reserved(titles, answer)

        self._send(self._still(lambda title: title.level and not title.create_item), changes, send)

    def link_items(self) -> None:
        """Variants to their items, before they are managed: flipping the flag would make a second item."""

        def changes(title: TitlePlan) -> list[Change]:
            assert title.variant is not None
            link = {"inventory_item_id": self.item_ids[title.isbn]}
            none = {"inventory_item_id": None}
            reason = "The variant was not linked to its inventory item."
            return [Change("link", title.isbn, title.variant.id, none, link, reason)]

        def send(titles: Sequence[TitlePlan]) -> None:
            variants = [(each.variant, self.item_ids[each.isbn]) for each in titles]
            rows = [
                {"variant_id": variant.id, "inventory_item_id": item_id, "required_quantity": 1}
                for variant, item_id in variants
                if variant
            ]
            self.client.post(_of_any_product(titles, "inventory-items/batch"), {"create": rows})

        self._send(self._still(lambda title: title.link_item), changes, send)

    def write_flags(self) -> None:
        """Flags and metadata of variants of any product, in one request; metadata merges key by key."""

        def changes(title: TitlePlan) -> list[Change]:
            assert title.variant is not None
            before, after = _flags_before(title), flat(title.flags)
            return [Change("variant", title.isbn, title.variant.id, before, after, _because(title))]

        def send(titles: Sequence[TitlePlan]) -> None:
            rows = [{"id": each.variant.id, **_as_sent(each.flags)} for each in titles if each.variant]
            # fields=id: without it the answer holds each variant whole, and takes twice as long.
            self.client.post(_of_any_product(titles, "batch"), {"update": rows}, {"fields": "id"})

        self._send(self._still(lambda title: title.flags), changes, send)

    def _still(self, wanted: Callable[[TitlePlan], Any]) -> list[TitlePlan]:
        return [each for each in self.titles if each.isbn not in self.failed and wanted(each)]

    def _send(
        self,
        titles: Sequence[TitlePlan],
        changes: Callable[[TitlePlan], list[Change]],
        send: Callable[[Sequence[TitlePlan]], None],
    ) -> None:
        """Journals, sends, splits a batch that is refused, and settles each title's entries."""
        if not titles:
            return
        per_title = [changes(each) for each in titles]
        with self.journal.writing(self.run_id, [change for some in per_title for change in some]) as entry:
            failed = send_splitting(titles, send)
            position = 0
            for number, (title, some) in enumerate(zip(titles, per_title, strict=True)):
                for change in some:
                    if number in failed:
                        entry.failed(position, failed[number].detail)
                    elif change.entity is None:
                        entry.made(position, self.item_ids[title.isbn])
                    position += 1
                if number in failed:
                    self.failed[title.isbn] = str(failed[number])

    def _note_reserved(self, titles: Sequence[TitlePlan], answer: dict[str, Any]) -> None:
        """Notes the titles of which copies were reserved or freed since we read the store."""
        now = {each["inventory_item_id"]: each["reserved_quantity"] for each in answer.get("updated") or []}
        for title in titles:
            reserved = now.get(self.item_ids[title.isbn])
            if reserved is not None and title.before and reserved != title.before.reserved:
                self.reserved_since.add(title.isbn)


def _of_any_product(titles: Sequence[TitlePlan], route: str) -> str:
    """The routes want a product in their path, and take variants of any."""
    (product_id,) = {each.variant.product_id for each in titles[:1] if each.variant}
    return f"/admin/products/{product_id}/variants/{route}"


def _quantities(title: TitlePlan) -> dict[str, Any]:
    assert title.after is not None
    return {"stocked_quantity": title.after.stocked, "incoming_quantity": title.after.incoming}


def _level_before(title: TitlePlan) -> dict[str, Any] | None:
    level = title.item.level if title.item else None
    return {"stocked_quantity": level.stocked, "incoming_quantity": level.incoming} if level else None


def _as_sent(flags: dict[str, Any]) -> dict[str, Any]:
    """Medusa deletes a metadata key that is given as an empty text; a null it would store."""
    if "metadata" not in flags:
        return flags
    keys = {name: "" if value is None else value for name, value in flags["metadata"].items()}
    return flags | {"metadata": keys}


def flat(flags: dict[str, Any]) -> dict[str, Any]:
    """The journal's form of a variant's update: a metadata key is a field of its own."""
    flat = {name: value for name, value in flags.items() if name != "metadata"}
    return flat | {f"metadata.{key}": value for key, value in flags.get("metadata", {}).items()}


def _flags_before(title: TitlePlan) -> dict[str, Any]:
    assert title.variant is not None
    variant = title.variant
    now = {"manage_inventory": variant.manage_inventory, "allow_backorder": variant.allow_backorder}
    flat = {name: now[name] for name in title.flags if name in now}
    return flat | {f"metadata.{key}": variant.metadata.get(key) for key in title.flags.get("metadata", {})}


def _because(title: TitlePlan) -> str:
    return " ".join(title.reasons)


def _report(plan: Plan, failed: dict[str, str], rules: StoreRules, dry_run: bool) -> SyncReport:
    report = SyncReport(dry_run=dry_run)
    for each in plan.titles:
        writes: Outcome = "planned" if dry_run else "written"
        outcome: Outcome = writes if each.verdict == "write" else each.verdict
        reasons, after = each.reasons, each.after
        if each.isbn in failed:
            outcome, reasons, after = "failed", (failed[each.isbn],), each.before
        report.titles[each.isbn] = TitleOutcome(
            each.isbn,
            each.title_id,
            outcome,
            each.status,
            each.label,
            reasons,
            each.before,
            after,
            repaired=each.repaired,
            zero_for_unknown=each.zero_for_unknown,
        )
        if outcome in ("written", "planned") and each.fell_to(rules.low_stock_threshold):
            report.low.append(each.isbn)
    return report


def _count_orders(client: MedusaClient, report: SyncReport, plan: Plan, location: Location) -> None:
    """Adds what is oversold, with the orders that wait for it. A read only where there is such a title."""
    oversold = [each for each in plan.titles if each.oversold and each.item]
    if not oversold:
        return
    reservations = client.list_matching(
        "/admin/reservations",
        "reservations",
        "inventory_item_id",
        [each.item.id for each in oversold if each.item],
        {"location_id": [location.id], "fields": "inventory_item_id,line_item_id"},
    )
    lines: dict[str, set[str]] = {}
    for each in reservations:
        if each["line_item_id"]:  # else a hold that a person made
            lines.setdefault(each["inventory_item_id"], set()).add(each["line_item_id"])
    for title in oversold:
        shown = title.after
        if shown and title.item:
            orders = len(lines.get(title.item.id, ()))
            report.oversold.append(
                Oversold(title.isbn, title.status, shown.stocked or 0, shown.reserved, orders)
            )
