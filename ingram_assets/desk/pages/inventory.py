"""`/inventory`: what lies where, with filters and figures; and a title that is kept at one more location."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from ingram_assets.desk.api import bodies, common
from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages import entry_work
from ingram_assets.desk.pages.last_known import Answered
from ingram_assets.desk.pages.rendering import render
from ingram_assets.desk.pages.typed import Form, new_key
from ingram_assets.store.inventory.channels import Floor
from ingram_assets.store.inventory.figures import StockFigures
from ingram_assets.store.inventory.listing import POSITION, ListedEntry, Position, WantedEntries
from ingram_assets.store.inventory.model import SetQuantity

router = APIRouter(include_in_schema=False)

PAGE = 50
"""Entries of a page."""
_FIGURES_FRESH = timedelta(minutes=2)

Filter = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class EntryFilters:
    """What a person chose to see; empty: all. `store`, `location`: Medusa's ids."""

    search: str = ""
    store: str = ""
    location: str = ""
    low: str = ""

    @property
    def is_any(self) -> bool:
        """Whether something is filtered out."""
        return bool(self.search or self.store or self.location or self.low)

    def onward(self, cursor: str) -> str:
        """The next page with the same filters."""
        values = {"search": self.search, "store": self.store, "location": self.location, "low": self.low}
        chosen = {name: value for name, value in values.items() if value}
        return f"/inventory?{urlencode({**chosen, 'after': cursor})}"

    def wanted(self, floor: Floor, low: int) -> WantedEntries:
        """The entries that are meant; `low`: with at most so many available one is low."""
        own = floor.of_channel(self.store) if self.store else floor
        places = own.place_ids & {self.location} if self.location else own.place_ids
        return WantedEntries(places, low if self.low else None, self.search or None)


Page = tuple[list[ListedEntry], Position | None]


@router.get("/inventory")
def show_inventory(
    request: Request,
    search: Filter = "",
    store: Filter = "",
    location: Filter = "",
    low: Filter = "",
    after: Filter = "",
) -> HTMLResponse:
    """A page of entries, with what all of them add up to."""
    lookups: Lookups = request.app.state.lookups
    threshold: int = request.app.state.room.low
    filters = EntryFilters(search.strip(), store, location, low)
    floor = lookups.floor()
    listed: Answered[Page] = Answered(None, None, "Medusa has not answered yet.")
    figures: Answered[StockFigures] = listed  # type: ignore[assignment]
    if floor is not None:
        listed = _listed(lookups, filters.wanted(floor, threshold), after)
        figures = _figures(lookups, floor, threshold)
    entries, onward = listed.value or (None, None)
    return render(
        request,
        "inventory.html",
        filters=filters,
        floor=floor,
        names={place.id: place.name for place in floor.places} if floor else {},
        figures=figures,
        listed=listed,
        entries=entries,
        onward=filters.onward(str(onward)) if onward else None,
        is_first=not after,
        low_threshold=threshold,
        synced=entry_work.synced_location(request),
        line=entry_work.done_line(request),
        operations=entry_work.OPERATIONS,
    )


def _listed(lookups: Lookups, wanted: WantedEntries, after: str) -> Answered[Page]:
    position = Position.parse(after) if re.fullmatch(POSITION, after) else None

    def look() -> Page:
        return lookups.entries.page(wanted, PAGE, position)

    return lookups.store.ask(("entries", str(wanted), position), look)


def _figures(lookups: Lookups, floor: Floor, low: int) -> Answered[StockFigures]:
    """What all entries add up to. All have to be read for it, so it is done now and then."""

    def look() -> StockFigures:
        return StockFigures.of(lookups.entries.all(WantedEntries(floor.place_ids)), floor, low)

    return lookups.store_counted.ask("figures", look, fresh_for=_FIGURES_FRESH)


@router.get("/inventory/new")
def ask_for_new_entry(request: Request, isbn: Filter = "") -> HTMLResponse:
    """The form that keeps a title at one more location."""
    return _new_entry(request, {"isbn": isbn})


@router.post("/inventory/new")
def make_new_entry(request: Request, form: Form) -> Response:
    """Keeps a title at a location: so many copies lie there."""

    def do(write: common.Write, why: bodies.WhyBody) -> Response:
        isbn = form.needed("isbn", "The title's ISBN is needed.")
        place = form.needed("location", "Choose a location.")
        form.needed("reason", "Choose why.")
        told = {name: getattr(why, name) for name in bodies.WhyBody.model_fields}
        body = bodies.AtPlace(product_id=isbn, location=place, **told)
        operation = SetQuantity(form.whole("quantity", least=0))
        return entry_work.to_done(common.perform(write, operation, body))

    try:
        return entry_work.perform(request, form, do)
    except entry_work.NotDone as error:
        return _new_entry(request, form.values, error)


def _new_entry(
    request: Request, typed: Mapping[str, str], error: entry_work.NotDone | None = None
) -> HTMLResponse:
    floor = request.app.state.lookups.floor()
    synced = entry_work.synced_location(request)
    return render(
        request,
        "inventory_new.html",
        status=error.status if error else 200,
        typed=typed,
        places=[place for place in floor.places if place.id != synced] if floor else [],
        reasons=entry_work.REASONS,
        error=error,
        key=error.key if error else new_key(),
    )
