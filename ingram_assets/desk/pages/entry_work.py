"""What the inventory's forms do: an operation under the person's name, once, and why it was not done."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from ingram_assets.desk.api import answers, bodies, common
from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages.sent_forms import FormFault, SentForm, new_key
from ingram_assets.desk.problems import DeskProblem
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.domain.failures import IngramError, Permanent
from ingram_assets.store.inventory.bookkeeper import StillMoving
from ingram_assets.store.inventory.ledger import EntryBusy, LedgerLine
from ingram_assets.store.inventory.model import Actor, OperationRefused, Reason

T = TypeVar("T")

REASONS: Mapping[str, str] = {
    Reason.CORRECTION: "Correction of a mistake",
    Reason.CYCLE_COUNT: "Counted on the shelf",
    Reason.RECEIVED: "Received",
    Reason.RESTOCK: "Restocked",
    Reason.RETURNED: "Returned",
    Reason.DAMAGED: "Damaged",
    Reason.SHRINKAGE: "Lost or stolen",
    Reason.PROMOTION: "Given away",
    Reason.OTHER: "Other",
}
"""The reasons that a person may choose, in words. A transfer has its own."""

OPERATIONS: Mapping[str, str] = {
    "set": "Set to a count",
    "adjust": "Adjusted",
    "transfer": "Moved",
    "reserve": "Held",
    "release": "Released",
    "fulfill": "Handed out",
    "unfulfill": "Handed back",
    "delete": "Kept no longer",
    "order_fulfillment": "Shipped for an order",
    "order_cancellation": "Order's shipment canceled",
    "order_return": "Returned from an order",
    "opening": "First seen",
    "found": "Found changed in Medusa",
}
"""What the ledger calls an operation, in words."""

_SECONDS = 20.0
_SYNCED_FRESH = timedelta(minutes=1)
_writes = ThreadPoolExecutor(8, "entry-work")


class NotDone(Exception):
    """A form's operation was refused, or it is not known what became of it.

    Attributes:
        key: for the form that is shown again: another one, or the same where it may have been done.
        status: of the page.
        field: that the reason is about; "": about the whole.
    """

    def __init__(self, message: str, *, key: str | None = None, status: int = 409, field: str = "") -> None:
        super().__init__(message)
        self.message, self.key, self.status, self.field = message, key or new_key(), status, field

    @classmethod
    def of_form(cls, fault: FormFault) -> "NotDone":
        """A field that can't be meant."""
        return cls(str(fault), status=422, field=fault.field)


def perform(request: Request, form: SentForm, do: Callable[[common.Write, bodies.WhyBody], T]) -> T:
    """Does what a form asks for, under the name of who is signed in.

    Args:
        do: given who asks, and what the form tells of it beside.

    Raises:
        NotDone: refused, or not known.
    """
    lookups: Lookups = request.app.state.lookups
    store_access: StoreAccess = request.app.state.store_access
    try:
        why = bodies.WhyBody(
            expected_quantity=form.seen(), reason=form.reason(), note=form.text("note", 1_000), reference=None
        )
    except FormFault as fault:
        raise NotDone.of_form(fault) from None
    visible = lookups.visible()
    if visible is None:
        raise NotDone("Medusa does not answer: nothing was done. Try again in a while.", status=503)
    actor = Actor("person", request.state.person.email)
    write = common.Write(common.Caller(store_access, actor, visible), form.key, Response())
    future = _writes.submit(do, write, why)
    again = "Whether it was done is not known. Press the button again: it is done once."
    try:
        return future.result(_SECONDS)
    except FormFault as fault:
        raise NotDone.of_form(fault) from None
    except (OperationRefused, DeskProblem, Permanent) as error:
        raise NotDone(_for_people(str(error))) from None
    except (EntryBusy, StillMoving) as error:
        raise NotDone(f"{_for_people(str(error))} {again}", key=form.key, status=503) from None
    except (IngramError, TimeoutError):
        raise NotDone(
            f"The store or its database does not answer. {again}", key=form.key, status=503
        ) from None
    finally:
        lookups.store.forget()


def _for_people(message: str) -> str:
    """A refusal's sentence without what only programs do."""
    return (
        message.replace("Ask again with the same key.", "")
        .replace("read it again, and ask again", "look at it, and decide anew")
        .strip()
    )


def to_done(answer: answers.OperationAnswer) -> RedirectResponse:
    """To the page of the entry, which tells what was done. To the list, where there is no entry any more."""
    place = f"/inventory/entries/{answer.after.id}" if answer.after.id else "/inventory"
    told = {"line": str(answer.ledger_ids[0])} if answer.ledger_ids else {"line": "none"}
    return RedirectResponse(f"{place}?{urlencode(told)}", 303)


def done_line(request: Request) -> LedgerLine | None:
    """The line that the page's address names as just done."""
    number, lookups = request.query_params.get("line", ""), request.app.state.lookups
    if not number.isdecimal() or len(number) > 18:
        return None
    line: LedgerLine | None = lookups.journal_known.ask(
        ("line", number), lambda: lookups.journal().line(int(number))
    ).value
    return line


def synced_location(request: Request) -> str | None:
    """The id of Ingram's location, as far as it is known."""
    lookups: Lookups = request.app.state.lookups
    store_access: StoreAccess = request.app.state.store_access

    def look() -> str | None:
        with store_access.working() as service:
            return service.shelves.synced_location()

    return lookups.journal_known.ask("synced", look, fresh_for=_SYNCED_FRESH).value
