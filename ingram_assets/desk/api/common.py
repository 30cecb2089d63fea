"""What all routes share: who asks, what they may see, and how an operation is asked for and answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Header, Path, Request, Response
from fastapi.exceptions import RequestValidationError

from ingram_assets.desk.api.answers import (
    EntriesPage,
    EntryAnswer,
    EntryRow,
    HeldCopies,
    OperationAnswer,
    ProductSummary,
)
from ingram_assets.desk.api.bodies import PLAIN, EntriesQuery, WhyBody
from ingram_assets.desk.backroom import Backroom
from ingram_assets.desk.problems import DeskProblem
from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.store.inventory.channels import Floor
from ingram_assets.store.inventory.ledger import LedgerLine
from ingram_assets.store.inventory.listing import ListedEntry, Position, WantedEntries
from ingram_assets.store.inventory.medusa import FoundTitle
from ingram_assets.store.inventory.model import (
    Actor,
    Delete,
    Operation,
    OperationRefused,
    RefusalKind,
    Reserve,
    SetQuantity,
)
from ingram_assets.store.inventory.places import find_place
from ingram_assets.store.inventory.service import About, InventoryService
from ingram_assets.store.tokens import DeskToken

LONGEST_HOLD = timedelta(days=366)

Id = Annotated[str, Path(max_length=100, pattern=PLAIN)]
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
class Sight:
    """Who asks, and what they see: a store's token its own locations alone."""

    room: Backroom
    token: DeskToken
    floor: Floor

    @property
    def actor(self) -> Actor:
        """As the ledger names it."""
        return Actor("token", self.token.name)

    @property
    def own_channel(self) -> str | None:
        """Id of the sales channel that their token is for; `None`: it is for all."""
        return self.token.channel_id if self.token.scope == "store" else None

    def sees(self, location_id: str) -> bool:
        """Whether the location is there for them."""
        return location_id in self.floor.place_ids

    def of_store(self, called: str | None) -> "Sight":
        """The same, of one store alone. Raises UnknownChannel."""
        if called is None:
            return self
        return Sight(self.room, self.token, self.floor.of_channel(self.floor.channel(called).id))

    def places(self, location: str | None = None, store: str | None = None) -> frozenset[str]:
        """Ids of the locations that are asked about. Raises OperationRefused, UnknownChannel."""
        floor = self.of_store(store).floor
        return floor.place_ids if location is None else frozenset({find_place(floor.places, location).id})


def sight(request: Request) -> Sight:
    """Who asks, with the locations as they are now."""
    room: Backroom = request.app.state.room
    token: DeskToken = request.state.token
    floor = room.floor()
    if token.scope == "store":
        floor = floor.of_channel(token.channel_id or "")
    return Sight(room, token, floor)


def refuse_unknown_parameters(request: Request) -> None:
    """A filter that is mistyped must not pass for one that found everything.

    Raises:
        RequestValidationError: the address has a query parameter that its route does not know.
    """
    route = request.scope["route"].path_format
    described = request.app.openapi()["paths"][route][request.method.lower()]
    known = {each["name"] for each in described.get("parameters", ()) if each["in"] == "query"}
    if unknown := [name for name in request.query_params if name not in known]:
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("query", name), "msg": ""} for name in unknown]
        )


Seeing = Annotated[Sight, Depends(sight)]


def after_cursor(cursor: str | None) -> Position | None:
    """Where a page begins."""
    return Position.parse(cursor) if cursor else None


def page_of(seen: Sight, query: EntriesQuery, store: str | None = None) -> EntriesPage:
    """A page of entries."""
    wanted = WantedEntries(
        seen.places(query.location, store), query.low_stock, (query.search or "").strip() or None
    )
    entries, onward = seen.room.entries.page(wanted, query.limit, after_cursor(query.cursor))
    rows = [EntryRow.of(each, seen.floor) for each in entries]
    return EntriesPage(items=rows, next_cursor=str(onward) if onward else None)


def entry_answer(seen: Sight, level_id: str) -> EntryAnswer:
    """An entry with its reservations. Raises DeskProblem."""
    entry = find_entry(seen, level_id)
    with seen.room.working() as service:
        title = FoundTitle(entry.isbn or "", entry.item_id, entry.allow_backorder, is_unlimited=False)
        held = service.shelves.read(title, entry.location_id).entry.reservations
    row = EntryRow.of(entry, seen.floor)
    return EntryAnswer(**row.model_dump(), reservations=[HeldCopies.of(each) for each in held])


def product_summary(seen: Sight, product: str) -> ProductSummary:
    """A title over the locations that they see. Raises OperationRefused, DeskProblem."""
    with seen.room.working() as service, _nearest_told(seen, product):
        title = service.shelves.find_title(product)
    entries = [] if title.is_unlimited else seen.room.entries.of_item(title.item_id)
    entries = [each for each in entries if seen.sees(each.location_id)]
    of_product = seen.room.entries.product(product.strip(), title.isbn)
    channel = seen.own_channel
    if channel is not None and channel not in of_product.channels and not entries:
        told = f"{title.isbn} is neither sold in this store nor kept at one of its locations."
        raise DeskProblem(RefusalKind.UNKNOWN_TITLE, told)
    return ProductSummary.of(title.isbn, of_product, entries, seen.floor, is_unlimited=title.is_unlimited)


def find_entry(seen: Sight, level_id: str) -> ListedEntry:
    """The entry with this id, if they see it. Raises DeskProblem."""
    entry = seen.room.entries.find(level_id)
    if entry is None or not seen.sees(entry.location_id):
        raise _no_entry(level_id)
    return entry


def perform(
    seen: Sight,
    operation: Operation,
    body: WhyBody,
    key: str,
    response: Response,
    *,
    product: str,
    location: str,
    target: str | None = None,
) -> OperationAnswer:
    """Do an operation at a location that they see.

    Raises:
        OperationRefused, DeskProblem, Transient: as the service has it.
    """
    with seen.room.working() as service, _nearest_told(seen, product):
        _check_end(seen, service, operation, key)
        location_id, target_id = _location_ids(seen, service, location, target, key)
        done = service.apply(
            operation,
            isbn=isbn_spelled(product) or product.strip(),
            location=location_id,
            target=target_id,
            actor=seen.actor,
            key=key,
            expected_quantity=body.expected_quantity,
            about=About(body.reason, body.note, body.reference),
        )
    if done.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return OperationAnswer.of(done, seen.floor)


def _location_ids(
    seen: Sight, service: InventoryService, location: str, target: str | None, key: str
) -> tuple[str, str | None]:
    """Ids of the locations that are meant. One that is gone by now: by what the key was used for."""
    try:
        places = seen.floor.places
        return find_place(places, location).id, None if target is None else find_place(places, target).id
    except OperationRefused:
        ids = [line.location_id for line in _done_under(seen, service, key)]
        if len(ids) != (1 if target is None else 2):
            raise
        return ids[0], None if target is None else ids[1]


def _done_under(seen: Sight, service: InventoryService, key: str) -> list[LedgerLine]:
    """The lines of the operation that was asked for with this key before."""
    use = service.ledger.key_use(seen.actor, key)
    return service.ledger.of_operation(use.operation_id) if use else []


def perform_on_entry(
    seen: Sight,
    operation: SetQuantity | Delete,
    body: WhyBody,
    key: str,
    response: Response,
    level_id: str,
) -> OperationAnswer:
    """Do an operation on the entry with an id that they see. Raises as `perform`."""
    with seen.room.working() as service:
        isbn, location_id = _meant(seen, service, level_id, key)
    return perform(seen, operation, body, key, response, product=isbn, location=location_id)


def _meant(seen: Sight, service: InventoryService, level_id: str, key: str) -> tuple[str, str]:
    """ISBN and location of an entry; of one that was there when the key was used first, too."""
    entry = seen.room.entries.find(level_id)
    if entry is None or not seen.sees(entry.location_id):
        for line in _done_under(seen, service, key):
            return line.isbn, line.location_id
        raise _no_entry(level_id)
    # The item may be another one than the title's own: a leftover, or copies with a number of their own.
    if entry.isbn is None or service.shelves.find_title(entry.isbn).item_id != entry.item_id:
        raise DeskProblem(
            RefusalKind.UNKNOWN_TITLE,
            f"The entry is of the inventory item {entry.sku or entry.item_id!r}, which is no title's own: "
            "change it in Medusa's admin.",
        )
    return entry.isbn, entry.location_id


def _check_end(seen: Sight, service: InventoryService, operation: Operation, key: str) -> None:
    if not isinstance(operation, Reserve) or operation.expires_at is None:
        return
    now = datetime.now(UTC)
    # By the time that an answer is asked for again, the end may be past.
    if not now < operation.expires_at <= now + LONGEST_HOLD and not service.ledger.key_use(seen.actor, key):
        raise DeskProblem(RefusalKind.INVALID, "expires_at has to be to come, and within a year.")


@contextmanager
def _nearest_told(seen: Sight, product: str) -> Iterator[None]:
    """With an unknown title the nearest ones are told."""
    try:
        yield
    except OperationRefused as error:
        if error.refusal.kind is not RefusalKind.UNKNOWN_TITLE:
            raise
        near = seen.room.entries.nearest(product, seen.own_channel)
        told = f" The nearest: {'; '.join(near)}." if near else ""
        raise DeskProblem(RefusalKind.UNKNOWN_TITLE, f"{error}{told}", nearest=near) from None


def _no_entry(level_id: str) -> DeskProblem:
    return DeskProblem("unknown_entry", f"There is no entry {level_id[:60]!r}.")
