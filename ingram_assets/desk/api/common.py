"""What all routes share: who asks, what they may see, and how an operation is asked for and answered."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from ingram_assets.desk.api import answers, bodies
from ingram_assets.desk.problems import DeskProblem
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.store.inventory.channels import VisibleLocations, read_visible_locations
from ingram_assets.store.inventory.ledger import LedgerLine
from ingram_assets.store.inventory.listing import ListedEntry, Position, WantedEntries
from ingram_assets.store.inventory.medusa import FoundTitle
from ingram_assets.store.inventory.model import (
    UNLIMITED,
    Actor,
    Delete,
    Hold,
    Operation,
    OperationRefused,
    RefusalKind,
    Reserve,
    SetQuantity,
)
from ingram_assets.store.inventory.service import InventoryService, OperationNote
from ingram_assets.store.inventory.stock_locations import find_place
from ingram_assets.store.tokens import DeskToken

LONGEST_HOLD = timedelta(days=366)

Id = Annotated[str, Path(max_length=100, pattern=bodies.PLAIN)]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Yours, one for each write. Asked for again with the same key, the first answer comes "
        "again and nothing is done twice.",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they see: a store's token its own locations alone.

    Attributes:
        actor: as the ledger names them.
        own_channel: id of the sales channel that their token is for; `None`: they see all.
    """

    store_access: StoreAccess
    actor: Actor
    visible: VisibleLocations
    own_channel: str | None = None

    def sees(self, location_id: str) -> bool:
        """Whether the location is there for them."""
        return location_id in self.visible.place_ids

    def of_store(self, called: str | None) -> "Caller":
        """The same, of one store alone. Raises UnknownChannel."""
        if called is None:
            return self
        return replace(self, visible=self.visible.of_channel(self.visible.channel(called).id))

    def entries(self) -> list[ListedEntry]:
        """All entries that they see."""
        return list(self.store_access.entries.all(WantedEntries(self.visible.place_ids)))


def sight(request: Request) -> Caller:
    """Who asks, with the locations as they are now."""
    store_access: StoreAccess = request.app.state.store_access
    token: DeskToken = request.state.token
    visible, own = read_visible_locations(store_access.client), None
    if token.scope == "store":
        own = token.channel_id or ""
        visible = visible.of_channel(own)
    return Caller(store_access, Actor("token", token.name), visible, own)


def refuse_unknown_parameters(request: Request) -> None:
    """A filter that is mistyped must not pass for one that found everything.

    Raises:
        RequestValidationError: the address has a query parameter that its route does not know.
    """
    route = request.scope["route"].path_format
    described = request.app.openapi()["paths"][route][request.method.lower()]
    known = {each["name"] for each in described.get("parameters", ()) if each["in"] == "query"}
    if unknown := [name for name in request.query_params if name not in known]:
        told = [{"type": "extra_forbidden", "loc": ("query", name), "msg": ""} for name in unknown]
        raise RequestValidationError(told)


Seeing = Annotated[Caller, Depends(sight)]


@dataclass(frozen=True, slots=True)
class Write:
    """A write: who asks, under which key, and the answer that is told whether it was done before."""

    seen: Seeing
    key: Key
    response: Response

    def of_store(self, called: str | None) -> "Write":
        """The same, of one store alone. Raises UnknownChannel."""
        return replace(self, seen=self.seen.of_store(called))


Writing = Annotated[Write, Depends()]


def page(
    seen: Caller, wanted: WantedEntries, query: bodies.PageQuery
) -> tuple[list[ListedEntry], str | None]:
    """A page of the entries that are wanted, and the cursor of the next one."""
    after = Position.parse(query.cursor) if query.cursor else None
    entries, onward = seen.store_access.entries.page(wanted, query.limit, after)
    return entries, str(onward) if onward else None


def page_of(seen: Caller, query: bodies.EntriesQuery, store: str | None = None) -> answers.EntriesPage:
    """A page of entries, of one store or all."""
    visible, called = seen.of_store(store).visible, query.location
    places = visible.place_ids if called is None else {find_place(visible.places, called).id}
    entries, cursor = page(seen, WantedEntries(places, query.low_stock, (query.search or "").strip()), query)
    return answers.EntriesPage(
        items=[answers.EntryRow.of(each, seen.visible) for each in entries], next_cursor=cursor
    )


def product_summary(seen: Caller, product: str) -> answers.ProductSummary:
    """A title over the locations that they see. Raises OperationRefused, DeskProblem."""
    with seen.store_access.working() as service, _nearest_told(seen, product):
        title = service.shelves.find_title(product)
    entries = [] if title.is_unlimited else seen.store_access.entries.of_items([title.item_id])
    entries = [each for each in entries if seen.sees(each.location_id)]
    sold = seen.store_access.entries.product(product.strip(), title.isbn)
    channel = seen.own_channel
    if channel is not None and channel not in sold.channels and not entries:
        told = f"{title.isbn} is neither sold in this store nor kept at one of its locations."
        raise DeskProblem(RefusalKind.UNKNOWN_TITLE, told)
    return answers.ProductSummary(
        product_id=sold.id,
        isbn=title.isbn,
        product_title=sold.title,
        is_unlimited=title.is_unlimited,
        total_quantity=sum(each.quantity for each in entries),
        total_reserved=sum(each.reserved for each in entries),
        total_available=UNLIMITED if title.is_unlimited else sum(each.available for each in entries),
        entries=[answers.EntryRow.of(each, seen.visible) for each in entries],
    )


def perform(
    write: Write, operation: Operation, body: bodies.AtPlace, target: str | None = None
) -> answers.OperationAnswer:
    """Do an operation at a location that they see; `target`: where a transfer goes.

    Raises:
        OperationRefused, DeskProblem, Transient: as the service has it.
    """
    seen = write.seen
    with seen.store_access.working() as service, _nearest_told(seen, body.product_id):
        _check_end(write, service, operation)
        places = [body.location] if target is None else [body.location, target]
        location_id, *targets = _location_ids(write, service, places)
        done = service.apply(
            operation,
            isbn=isbn_spelled(body.product_id) or body.product_id.strip(),
            location=location_id,
            target=targets[0] if targets else None,
            actor=seen.actor,
            key=write.key,
            expected_quantity=body.expected_quantity,
            about=OperationNote(body.reason, body.note, body.reference),
        )
    if done.replayed:
        write.response.headers["Idempotent-Replayed"] = "true"
    return answers.OperationAnswer.of(done, seen.visible)


def _location_ids(write: Write, service: InventoryService, called: Sequence[str]) -> list[str]:
    """Ids of the locations that are meant. One that is gone by now: by what the key was used for."""
    try:
        return [find_place(write.seen.visible.places, each).id for each in called]
    except OperationRefused:
        ids = [line.location_id for line in _done_under(write, service)]
        if len(ids) != len(called):
            raise
        return ids


def _done_under(write: Write, service: InventoryService) -> list[LedgerLine]:
    """The lines of the operation that was asked for with this key before."""
    use = service.ledger.key_use(write.seen.actor, write.key)
    return service.ledger.of_operation(use.operation_id) if use else []


def perform_on_entry(
    write: Write, operation: Operation, why: bodies.WhyBody, level_id: str, target: str | None = None
) -> answers.OperationAnswer:
    """Do an operation on the entry with an id that they see. Raises as `perform`."""
    with write.seen.store_access.working() as service:
        isbn, location_id = _meant(write, service, level_id)
    told = {name: getattr(why, name) for name in bodies.WhyBody.model_fields}
    return perform(write, operation, bodies.AtPlace(product_id=isbn, location=location_id, **told), target)


def _meant(write: Write, service: InventoryService, level_id: str) -> tuple[str, str]:
    """ISBN and location of an entry; of one that was there when the key was used first, too."""
    try:
        entry = find_entry(write.seen, level_id)
    except DeskProblem:
        for line in _done_under(write, service):
            return line.isbn, line.location_id
        raise
    # The item may be another one than the title's own: a leftover, or copies with a number of their own.
    if entry.isbn is None or service.shelves.find_title(entry.isbn).item_id != entry.item_id:
        raise DeskProblem(
            RefusalKind.UNKNOWN_TITLE,
            f"The entry is of the inventory item {entry.sku or entry.item_id!r}, which is no title's own: "
            "change it in Medusa's admin.",
        )
    return entry.isbn, entry.location_id


def find_entry(seen: Caller, level_id: str) -> ListedEntry:
    """The entry with this id, if they see it. Raises DeskProblem."""
    entry = seen.store_access.entries.find(level_id)
    if entry is None or not seen.sees(entry.location_id):
        raise DeskProblem("unknown_entry", f"There is no entry {level_id[:60]!r}.")
    return entry


def reservations_of(store_access: StoreAccess, entry: ListedEntry) -> tuple[Hold, ...]:
    """All that is held of an entry, oldest first."""
    title = FoundTitle(entry.isbn or "", entry.item_id, entry.allow_backorder, is_unlimited=False)
    with store_access.working() as service:
        return service.shelves.read(title, entry.location_id).entry.reservations


def _check_end(write: Write, service: InventoryService, operation: Operation) -> None:
    if not isinstance(operation, Reserve) or operation.expires_at is None:
        return
    now = datetime.now(UTC)
    # By the time that an answer is asked for again, the end may be past.
    if not now < operation.expires_at <= now + LONGEST_HOLD and not _done_under(write, service):
        raise DeskProblem(RefusalKind.INVALID, "expires_at has to be to come, and within a year.")


def add_entry_routes(router: APIRouter, entry: str) -> None:
    """The routes of one entry, by its id. They are behind all others. `entry`: what operations call it."""

    @router.get("/{id}", name=f"show_{entry}")
    def show(seen: Seeing, id: Id) -> answers.EntryAnswer:
        """An entry, with all that is held of it."""
        found = find_entry(seen, id)
        held = reservations_of(seen.store_access, found)
        row = answers.EntryRow.of(found, seen.visible)
        return answers.EntryAnswer(
            **row.model_dump(), reservations=[answers.HeldCopies.of(each) for each in held]
        )

    @router.put("/{id}", name=f"put_{entry}")
    def put(id: Id, body: bodies.EntryBody, write: Writing) -> answers.OperationAnswer:
        """Set an entry's physical quantity."""
        return perform_on_entry(write, SetQuantity(body.quantity), body, id)

    @router.delete("/{id}", name=f"delete_{entry}")
    def delete(
        id: Id, query: Annotated[bodies.DeleteQuery, Query()], write: Writing
    ) -> answers.OperationAnswer:
        """Stop keeping a title at a location. Refused while copies are held there."""
        return perform_on_entry(write, Delete(), query, id)


@contextmanager
def _nearest_told(seen: Caller, product: str) -> Iterator[None]:
    """With an unknown title the nearest ones are told."""
    try:
        yield
    except OperationRefused as error:
        if error.refusal.kind is not RefusalKind.UNKNOWN_TITLE:
            raise
        near = seen.store_access.entries.nearest(product, seen.own_channel)
        told = f" The nearest: {'; '.join(near)}." if near else ""
        raise DeskProblem(RefusalKind.UNKNOWN_TITLE, f"{error}{told}", nearest=near) from None
