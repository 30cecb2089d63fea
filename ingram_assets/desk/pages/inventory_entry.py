"""`/inventory/entries/{id}`: a title at one location, with a form for each thing that can be done there."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from ingram_assets.desk.api import bodies, common
from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages import entry_work
from ingram_assets.desk.pages.rendering import render
from ingram_assets.desk.pages.sent_forms import Form, FormFault, SentForm, begin_of, new_key
from ingram_assets.desk.problems import DeskProblem
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.store.inventory.listing import ListedEntry
from ingram_assets.store.inventory.model import (
    MAX_QUANTITY,
    Adjust,
    Delete,
    Fulfill,
    Hold,
    Operation,
    Release,
    Reserve,
    SetQuantity,
    Transfer,
)

router = APIRouter(prefix="/inventory/entries/{id}", include_in_schema=False)

Id = Annotated[str, Path(max_length=100, pattern=r"^[0-9A-Za-z_]+$")]
What = Literal["adjust", "set", "transfer", "reserve", "release", "fulfill", "delete"]
Seen = tuple[ListedEntry, tuple[Hold, ...]]


@router.get("")
def show_entry(request: Request, id: Id) -> HTMLResponse:
    """A title at one location."""
    return _entry(request, id)


@router.get("/delete")
def ask_before_delete(request: Request, id: Id) -> HTMLResponse:
    """What a deletion would end, before it is done."""
    return _entry(request, id, template="inventory_delete.html")


@router.post("/{what}")
def work_on_entry(request: Request, id: Id, what: What, form: Form) -> Response:
    """Does what one of the forms asks for."""
    zone = request.app.state.zone

    def do(write: common.Write, why: bodies.WhyBody) -> Response:
        target = form.needed("target", "Choose where the copies go.") if what == "transfer" else None
        operation = _operation(what, form, zone)
        return entry_work.to_done(common.perform_on_entry(write, operation, why, id, target))

    try:
        return entry_work.perform(request, form, do)
    except entry_work.NotDone as error:
        template = "inventory_delete.html" if what == "delete" else "inventory_entry.html"
        return _entry(request, id, what=what, typed=form.values, error=error, template=template)


def _operation(what: What, form: SentForm, zone: ZoneInfo) -> Operation:
    """What is asked for. Raises FormFault."""
    if what in ("adjust", "set"):
        form.needed("reason", "Choose why.")
    match what:
        case "adjust":
            delta = form.whole("quantity", least=-MAX_QUANTITY)
            if not delta:
                raise FormFault("quantity", "0 changes nothing: give how many more, or fewer.")
            return Adjust(delta)
        case "set":
            return SetQuantity(form.whole("quantity", least=0))
        case "transfer":
            return Transfer(form.whole("quantity", least=1))
        case "reserve":
            today, one_day = datetime.now(zone).date(), timedelta(days=1)
            last = form.day("until", today, today + common.LONGEST_HOLD - one_day)
            until = begin_of(last + one_day, zone) if last else None
            return Reserve(form.whole("quantity", least=1), form.text("owner"), until)
        case "release" | "fulfill":
            of = Release if what == "release" else Fulfill
            if one := form.text("reservation"):
                return of(reservation_id=one)
            return of(form.whole("quantity", least=1))
    return Delete()


def _entry(
    request: Request,
    level_id: str,
    *,
    what: str = "",
    typed: Mapping[str, str] | None = None,
    error: entry_work.NotDone | None = None,
    template: str = "inventory_entry.html",
) -> HTMLResponse:
    lookups: Lookups = request.app.state.lookups
    names, synced = lookups.place_names(), entry_work.synced_location(request)
    try:
        known = _look(request, level_id)
    except DeskProblem:
        return render(request, "inventory_gone.html", status=error.status if error else 404, error=error)
    entry, held = known.value or (None, ())
    places = names.known.value.places if names.known.value and entry else ()
    return render(
        request,
        template,
        status=error.status if error else 200,
        id=level_id,
        known=known,
        entry=entry,
        held=held,
        names=names,
        others=[place for place in places if entry and place.id not in (entry.location_id, synced)],
        is_synced=entry is not None and entry.location_id == synced,
        reasons=entry_work.REASONS,
        what=what,
        typed=typed or {},
        error=error,
        # Of the form that was sent: the same key where it is not known what became of it.
        key=error.key if error else "",
        new_key=new_key,
        line=entry_work.done_line(request),
        operations=entry_work.OPERATIONS,
        is_unchanged=request.query_params.get("line") == "none",
    )


def _look(request: Request, level_id: str) -> LastAnswer[Seen]:
    """The entry as it is, or as it was last seen. Raises DeskProblem: there is none."""
    lookups: Lookups = request.app.state.lookups
    store_access: StoreAccess = request.app.state.store_access

    def look() -> Seen:
        entry = lookups.entries.find(level_id)
        visible = lookups.visible()
        if entry is None or (visible and entry.location_id not in visible.place_ids):
            raise DeskProblem("unknown_entry", f"There is no entry {level_id}.")
        return entry, common.reservations_of(store_access, entry)

    return lookups.store.ask(("entry", level_id), look)
