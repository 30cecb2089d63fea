"""Brings titles in step with the rules: reads the store, plans, asks the guardrails, writes, reports."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from ingram_assets.domain.failures import Stopped
from ingram_assets.domain.guardrails import SLICES_WITHIN, TrippedGuardrail
from ingram_assets.domain.let_through import GuardedChange
from ingram_assets.domain.lifetime import orders_count_since, sold_since
from ingram_assets.domain.position import Orders
from ingram_assets.domain.title import Title
from ingram_assets.store.apply import apply
from ingram_assets.store.beside_operations import read_began, taken_by_all
from ingram_assets.store.last_told import as_told
from ingram_assets.store.model import TitleInStore
from ingram_assets.store.moved_returns import MovedReturn, find_returns, move_returns
from ingram_assets.store.plan import NO_ORDERS, Plan, Shown, desired, plan_levels, which
from ingram_assets.store.read import read_reservations, read_store
from ingram_assets.store.session import StoreSession

_LOOKS_AGAIN = 2
"""So often a level is looked at again that changed under a push. Then it is left to the next one."""

Outcome = Literal["written", "planned", "unchanged", "skipped", "failed"]


class PushStopped(Stopped):
    """A guardrail stopped the push. The message names the figures.

    Attributes:
        report: of what was written anyway.
        tripped: the guardrails that looked at the levels, if they stopped it.
        titles: ISBNs of which not all was written.
    """

    def __init__(
        self,
        message: str,
        report: "SyncReport",
        tripped: TrippedGuardrail | None = None,
        titles: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(message)
        self.report, self.tripped, self.titles = report, tripped, titles


@dataclass(frozen=True, slots=True)
class TitleOutcome:
    """What became of one title. "planned": a dry run, it would be written."""

    isbn: str
    outcome: Outcome
    status: str
    label: str | None
    reasons: tuple[str, ...]
    before: Shown | None
    after: Shown | None
    repaired: bool = False


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
        held_back: ISBNs of which only what time changed was written: the store knows no newer reading.
        owed: ISBNs of which only what orders owe was written: nothing of what was read since.
        returned: what became of copies that came back to our location.
        looked: ISBN to what guardrails look at in its change, where there is something.
    """

    titles: dict[str, TitleOutcome] = field(default_factory=dict)
    oversold: list[Oversold] = field(default_factory=list)
    low: list[str] = field(default_factory=list)
    looked_at_all: bool = True
    held_back: frozenset[str] = frozenset()
    owed: frozenset[str] = frozenset()
    returned: list[MovedReturn] = field(default_factory=list)
    looked: Mapping[str, GuardedChange] = field(default_factory=dict)

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
        return {isbn: " ".join(self.titles[isbn].reasons) for isbn in self.of("failed")}


def sync_levels(
    session: StoreSession,
    titles: Iterable[Title],
    *,
    dry_run: bool = False,
    let_through: bool = False,
    everything: Callable[[], Sequence[Title]] | None = None,
    halted: str | None = None,
    expired: Callable[[], Collection[str]] = tuple,
) -> SyncReport:
    """Brings levels, flags and metadata of these titles in step with the rules; writes the difference only.

    What changes because time passed, or because of orders, is written in any case with the counts that the
    store was told before: a guardrail doubts what was read since, and what a changed setting makes of it.

    Args:
        dry_run: nothing is written; the outcomes say what would be.
        let_through: a person has looked at what a guardrail stopped, and wants it written.
        everything: gives all tracked titles, where `titles` are some of them: the guardrail looks at the
            whole change, so that a large one does not pass in slices.
        halted: why the readings are not to be trusted, as a guardrail of the caller's says.
        expired: gives the titles whose last reading that the store was told is too old by now, where a
            guardrail stops the push.

    Raises:
        PushStopped: a guardrail tripped; nothing was written but what changes with time and what orders owe.
    """
    titles = list({title.isbn: title for title in titles}.values())
    if not dry_run:
        find_returns(session)  # before the levels are read, which have what came back
    inputs = look_at(session, titles)
    plan = inputs.plan
    tripped = tripped_by(session, titles, plan, everything)
    reason = halted or ""
    if tripped and tripped.reason not in reason:  # the caller may have looked at the same
        reason = f"{reason} {tripped.reason}".strip()
    if reason and not let_through and not dry_run:
        try:
            return _write_in_spite_of(reason, session, titles, inputs, expired(), everything)
        except PushStopped as error:
            error.tripped = tripped
            raise
    failed = {} if dry_run else _write(session, titles, inputs)
    report = _report(session, plan, failed, "planned" if dry_run else "written")
    if not dry_run:
        report.returned = _move_returns(session, plan, failed)
    report.looked_at_all = everything is None or plan.is_suspicious(session.rules)
    report.oversold = _oversold(session, plan)
    report.looked = plan.looked(session.rules)
    return report


def _write_in_spite_of(
    reason: str,
    session: StoreSession,
    titles: Sequence[Title],
    inputs: "PlanInputs",
    expired: Collection[str],
    everything: Callable[[], Sequence[Title]] | None,
) -> SyncReport:
    """Writes what no guardrail stops; raises PushStopped where that is not all."""
    plan = inputs.plan
    told = _look_as_told(session, titles, inputs, expired)
    ended = {each.isbn: each for each in told.by_time.titles}
    owed = {each.isbn: each for each in told.owed.titles}
    if _follows_from_a_setting(session, titles, told, expired, everything):
        owed = {}
    # That was looked at, too: the store says nothing of them that is too old.
    looked_at = {
        each.isbn: each.undone()
        for each in plan.titles
        if each.isbn in expired and each.variant and each.verdict != "failed"
    }
    anyway = looked_at | owed | ended
    done = Plan(tuple(anyway.values()))
    failed = apply(session, done.writes, inputs.read_at).all_failed()
    stopped = frozenset(
        each.isbn
        for each in plan.writes
        if each.isbn not in anyway or not anyway[each.isbn].writes_all_of(each)
    )
    report = _report(session, done if stopped else plan, failed)
    report.looked_at_all = False
    report.returned = _move_returns(session, done, failed)
    if stopped:
        is_last = {title.isbn for title in titles if told.titles.get(title.isbn) is title}
        report.owed = frozenset(owed)
        report.held_back = frozenset({*looked_at, *(ended.keys() - is_last)} - owed.keys())
        words = f"{reason} {nothing_written(len(told.by_time.writes), len(owed))}"
        raise PushStopped(words, report, titles=stopped)
    return report


@dataclass(frozen=True, slots=True)
class _AsTold:
    """Titles as the store was told of them last, and what is to be written of them so.

    Attributes:
        titles: by ISBN.
        plan: all that the rules make of them now; `by_time` and `owed`: what of it time and orders changed.
    """

    titles: Mapping[str, Title]
    plan: Plan
    by_time: Plan
    owed: Plan


def _look_as_told(
    session: StoreSession, titles: Sequence[Title], inputs: "PlanInputs", expired: Collection[str]
) -> _AsTold:
    told = _as_told(session, titles, inputs.actual, expired)
    plan = _planned(session, list(told.values()), inputs.actual, inputs.read_at).plan
    by_time = plan.ended_by_time([isbn for isbn, title in told.items() if title.aged])
    ended = {each.isbn for each in by_time.titles}
    owed = tuple(each for each in plan.owed_to_orders().titles if each.isbn not in ended)
    return _AsTold(told, plan, by_time, Plan(owed))


def _follows_from_a_setting(
    session: StoreSession,
    titles: Sequence[Title],
    told: _AsTold,
    expired: Collection[str],
    everything: Callable[[], Sequence[Title]] | None,
) -> bool:
    """Whether what looks owed to orders is more than orders do at once, by the guardrails: a setting does it.

    The rules make something else of the same counts where a setting was changed, as SAFETY_STOCK.
    """
    if not told.owed.is_suspicious(session.rules):
        return False
    if everything is not None:
        titles = everything()
        told = _look_as_told(session, titles, look_at(session, titles), expired)
    return told.plan.writing_only(told.owed.titles).tripped(session.rules) is not None


def _move_returns(session: StoreSession, plan: Plan, failed: Collection[str]) -> list[MovedReturn]:
    """Moves what came back of the titles whose level is right, now that a plan is written."""
    right = {one.isbn for one in plan.titles if one.verdict in ("write", "unchanged")} - set(failed)
    return move_returns(session, {one.item.id: one.isbn for one in plan.titles if one.item}, right)


def _as_told(
    session: StoreSession,
    titles: Sequence[Title],
    actual: Mapping[str, TitleInStore],
    expired: Collection[str],
) -> dict[str, Title]:
    """The titles as the store was told of them last, by ISBN; without those of which it shows nothing."""
    in_step, told = session.journal.in_step(), {}
    for title in titles:
        isbn = title.isbn
        variant, _, problem = which(actual[isbn])
        if variant is None or problem:
            continue
        aged = in_step[isbn].aged if isbn in in_step else ()
        policy, is_expired = session.rules.stale_stock, isbn in expired
        found = as_told(title, variant, aged, today=session.today, policy=policy, expired=is_expired)
        if found:
            told[isbn] = found
    return told


def _write(session: StoreSession, titles: Sequence[Title], seen: "PlanInputs") -> dict[str, str]:
    """Writes the plan. Returns ISBN to reason of those that failed."""
    done = apply(session, seen.plan.writes, seen.read_at)
    failed = done.failed
    for _ in range(_LOOKS_AGAIN):
        # Orders or operations came since we looked, and a level is written whole: another look.
        moved = done.reserved_since | done.held_back
        if not moved:
            break
        seen = look_at(session, [title for title in titles if title.isbn in moved])
        done = apply(session, seen.plan.writes, seen.read_at)
        failed |= done.failed
    return failed | done.all_failed()


def nothing_written(by_time: int = 0, by_orders: int = 0) -> str:
    """What a stopped push says of its writes, and what to do."""
    kinds = ((by_time, "that time changed"), (by_orders, "with what their orders took"))
    titles = " and ".join(f"{count} titles {what}" for count, what in kinds if count)
    but = f" but {titles}" if titles else ""
    return f"Nothing was written{but}. Look at a dry run, and let it through if it is true."


def tripped_by(
    session: StoreSession,
    titles: Sequence[Title],
    plan: Plan,
    everything: Callable[[], Sequence[Title]] | None,
) -> TrippedGuardrail | None:
    """The guardrails that stop a plan, as one. `everything` as for `sync_levels`; asked for if it matters.

    A plan for some of the titles that turns one of them to zero, or into what a guardrail looks at, is judged
    by what all titles would turn to, and have turned to lately: what is wrong with a whole sweep shows in the
    whole, not in the dozen that a push happens to carry.

    Args:
        titles: those of the plan.
    """
    if not plan.is_suspicious(session.rules):
        return None
    if everything is not None:
        titles = everything()
        plan = look_at(session, titles).plan
    aged = {title.isbn for title in titles if title.aged}
    before = session.journal.shown_before(SLICES_WITHIN)
    return plan.since({isbn: then for isbn, then in before.items() if isbn not in aged}).tripped(
        session.rules
    )


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """What a plan was made of: the store, and its orders by inventory item. `read_at`: from `read_began`."""

    plan: Plan
    actual: Mapping[str, TitleInStore]
    orders: Mapping[str, Orders]
    read_at: datetime | None


def look_at(session: StoreSession, titles: Sequence[Title]) -> PlanInputs:
    """Reads the store and its orders, and plans; the journal is asked about the levels that differ, alone."""
    read_at = read_began(session)
    wanted = {each.isbn: desired(each, today=session.today, rules=session.rules) for each in titles}
    unmanaged = {isbn for isbn, state in wanted.items() if state.manage_inventory is not True}
    place, journal = session.location.id, session.journal
    left = {} if session.rules.availability_tags else journal.state_tags(list(wanted))
    tags = session.rules.availability_tags or bool(left)
    actual = read_store(session.client, wanted, place, unmanaged, journal, session.spellings, tags=tags)
    actual |= {isbn: _with_tags(actual[isbn], ours) for isbn, ours in left.items()}
    return _planned(session, titles, actual, read_at)


def _with_tags(actual: TitleInStore, ours: frozenset[str]) -> TitleInStore:
    """The same, with what the journal says of tags that are left of when the shop wanted them."""
    return replace(actual, variants=tuple(replace(each, our_tags=ours) for each in actual.variants))


def _planned(
    session: StoreSession,
    titles: Sequence[Title],
    actual: Mapping[str, TitleInStore],
    read_at: datetime | None,
) -> PlanInputs:
    """The plan for titles whose store was read already, at `read_at`."""
    adds_back = session.rules.inventory_mode == "on_hand_plus_reserved"
    since, reserved = _ask_of_orders(titles, actual, adds_back=adds_back)
    orders = taken_by_all(session, since, reserved)
    shelves = session.location.shelves
    plan = plan_levels(
        titles, actual, today=session.today, rules=session.rules, orders=orders, shelves=shelves
    )
    differing = [each.isbn for each in plan.titles if each.level == "update"]
    if not differing:
        return PlanInputs(plan, actual, orders, read_at)
    last = session.journal.last_levels(differing)
    remembered = plan.with_history(last, orders)
    suspects = {each.item.id: last[each.isbn].at for each in remembered.titles if each.repaired and each.item}
    # An order takes copies out of a level as well as a hand does: one of before the reading, too.
    longer = {item_id: at for item_id, at in suspects.items() if at < since.get(item_id, _NEVER)}
    for item_id, found in taken_by_all(session, longer).items():
        reservations = orders.get(item_id, NO_ORDERS).reservations
        orders[item_id] = replace(found, reservations=reservations)
    return PlanInputs(plan.with_history(last, orders), actual, orders, read_at)


_NEVER = datetime.max.replace(tzinfo=UTC)


def _ask_of_orders(
    titles: Sequence[Title], actual: Mapping[str, TitleInStore], *, adds_back: bool
) -> tuple[dict[str, datetime], list[str]]:
    """From when the orders of which items matter, and of which items reservations matter."""
    since: dict[str, datetime] = {}
    reserved: list[str] = []
    for title in titles:
        # Of no copies orders took none. Of copies that are too old they may have taken the last.
        matter = adds_back or title.aged is not None or sold_since(title) is not None
        at = orders_count_since(title) if matter else None
        for item in (item for variant in actual[title.isbn].variants for item in variant.items):
            if at is not None and item.level:
                since[item.id] = at
                if adds_back and item.level.reserved > 0:
                    reserved.append(item.id)
    return since, reserved


def _report(
    session: StoreSession, plan: Plan, failed: Mapping[str, str], writes: Outcome = "written"
) -> SyncReport:
    """What became of a plan's titles. `writes`: what becomes of those that there is something to write of."""
    report = SyncReport()
    for each in plan.titles:
        outcome: Outcome = writes if each.verdict == "write" else each.verdict
        reasons, after = each.reasons, each.after
        if each.isbn in failed:
            outcome, reasons, after = "failed", (failed[each.isbn],), each.before
        report.titles[each.isbn] = TitleOutcome(
            each.isbn, outcome, each.status, each.label, reasons, each.before, after, each.repaired
        )
        if outcome == writes and each.fell_to(session.rules.low_stock_threshold):
            report.low.append(each.isbn)
    return report


def _oversold(session: StoreSession, plan: Plan) -> list[Oversold]:
    """What is oversold, with the orders that wait for it. A read only where there is such a title."""
    oversold = {each.item.id: each for each in plan.titles if each.oversold and each.item}
    lines: dict[str, set[str]] = {}
    for row in read_reservations(session.client, oversold, session.location.id):
        lines.setdefault(row["inventory_item_id"], set()).add(row["line_item_id"])
    return [
        Oversold(each.isbn, each.status, after.stocked or 0, after.reserved, len(lines.get(item_id, ())))
        for item_id, each in oversold.items()
        if (after := each.after)
    ]
