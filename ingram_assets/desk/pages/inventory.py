"""`/inventory`: what lies where, with filters and figures; and a title that is kept at one more location."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from ingram_assets.desk.api import bodies, common
from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages import entry_work
from ingram_assets.desk.pages.rendering import render
from ingram_assets.desk.pages.sent_forms import Form, new_key
from ingram_assets.domain.low_stock import LEAST, has_few_left
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.store.inventory.channels import VisibleLocations
from ingram_assets.store.inventory.figures import StockFigures
from ingram_assets.store.inventory.listing import POSITION, ListedEntry, Position, WantedEntries
from ingram_assets.store.inventory.model import SetQuantity

router = APIRouter(include_in_schema=False)

PAGE = 50
"""Entries of a page."""
_FIGURES_FRESH = timedelta(minutes=2)

Filter = Annotated[str, Query(max_length=200)]


SORTS: Mapping[str, Callable[[ListedEntry], Any]] = {
    "title": lambda entry: entry.title.casefold(),
    "sku": lambda entry: entry.sku,
    "available": lambda entry: entry.available,
}


@dataclass(frozen=True, slots=True)
class EntryFilters:
    """What a person chose to see; empty: all. `store`, `location`: Medusa's ids.

    Attributes:
        left: "few" or "none".
        sort: one of `SORTS`; empty: in Medusa's order. `down`: "1", the largest first.
    """

    search: str = ""
    store: str = ""
    location: str = ""
    left: str = ""
    sort: str = ""
    down: str = ""

    @property
    def is_any(self) -> bool:
        """Whether something is filtered out."""
        return bool(self.search or self.store or self.location or self.left)

    def address(self, **more: str) -> str:
        """The list with the same filters; `more`: what is another one then."""
        chosen = {name: value for name, value in (asdict(self) | more).items() if value}
        return f"/inventory{'?' if chosen else ''}{urlencode(chosen)}"

    def sorted_by(self, sort: str) -> str:
        """By this column; once more turns it around."""
        return self.address(sort=sort, down="1" if sort == self.sort and not self.down else "")

    def wanted(self, visible: VisibleLocations, threshold: int) -> WantedEntries:
        """The entries that are meant. `threshold`: LOW_STOCK_THRESHOLD."""
        own = visible.of_channel(self.store) if self.store else visible
        places = own.place_ids & {self.location} if self.location else own.place_ids
        most = {"few": threshold, "none": LEAST - 1}.get(self.left)
        return WantedEntries(places, most, self.search or None, LEAST if self.left == "few" else None)


@dataclass(frozen=True, slots=True)
class EntryPage:
    """A page of entries. `onward`: what the next page's address has for `after`; empty: that is all."""

    entries: Sequence[ListedEntry]
    onward: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """All entries as they were read for the figures, and what they add up to."""

    figures: StockFigures
    entries: Sequence[ListedEntry]


@router.get("/inventory")
def show_inventory(
    request: Request,
    search: Filter = "",
    store: Filter = "",
    location: Filter = "",
    left: Filter = "",
    sort: Filter = "",
    down: Filter = "",
    after: Filter = "",
) -> HTMLResponse:
    """A page of entries, with what all of them add up to."""
    lookups: Lookups = request.app.state.lookups
    threshold: int = request.app.state.store_access.low
    sort, down = (sort, "1" if down == "1" else "") if sort in SORTS else ("", "")
    filters = EntryFilters(
        search.strip(), store, location, left if left in ("few", "none") else "", sort, down
    )
    places = lookups.place_names()
    visible = places.known.value
    listed: LastAnswer[EntryPage] = LastAnswer(why_not="Medusa has not answered yet.")
    counted: LastAnswer[Counted] = LastAnswer()
    if visible is not None:
        counted = _counted(lookups, visible, threshold)
        wanted = filters.wanted(visible, threshold)
        if sort and counted.value:
            listed = _sorted(lookups, counted.value, wanted, filters, after)
        else:
            listed = _listed(lookups, wanted, after)
    page = listed.value
    return render(
        request,
        "inventory.html",
        filters=filters,
        visible=visible,
        names=places,
        counted=counted,
        listed=listed,
        entries=page.entries if page else None,
        onward=filters.address(after=page.onward) if page and page.onward else None,
        is_first=not after,
        low_threshold=threshold,
        is_low=has_few_left,
        synced=entry_work.synced_location(request),
        line=entry_work.done_line(request),
        operations=entry_work.OPERATIONS,
    )


def _listed(lookups: Lookups, wanted: WantedEntries, after: str) -> LastAnswer[EntryPage]:
    """A page in Medusa's order, as it is now."""
    position = Position.parse(after) if re.fullmatch(POSITION, after) else None

    def look() -> EntryPage:
        entries, onward = lookups.entries.page(wanted, PAGE, position)
        return EntryPage(entries, str(onward or ""))

    return lookups.store.ask(("entries", str(wanted), position), look)


def _sorted(
    lookups: Lookups, counted: Counted, wanted: WantedEntries, filters: EntryFilters, after: str
) -> LastAnswer[EntryPage]:
    """A page in an order that Medusa does not know: that of the last count, with the numbers of now."""
    begin = int(after) if after.isdecimal() and len(after) < 9 else 0
    meant = sorted(filter(wanted.has, counted.entries), key=lambda entry: (entry.sku, entry.level_id))
    meant.sort(key=SORTS[filters.sort], reverse=bool(filters.down))
    shown = meant[begin : begin + PAGE]
    onward = str(begin + PAGE) if len(meant) > begin + PAGE else ""

    def look() -> EntryPage:
        now = {each.level_id: each for each in lookups.entries.of_items({each.item_id for each in shown})}
        return EntryPage([now[each.level_id] for each in shown if each.level_id in now], onward)

    return lookups.store.ask(("sorted", tuple(each.level_id for each in shown), onward), look)


def _counted(lookups: Lookups, visible: VisibleLocations, low: int) -> LastAnswer[Counted]:
    """All entries, and what they add up to. All have to be read for it, so it is done now and then."""

    def look() -> Counted:
        entries = tuple(lookups.entries.all(WantedEntries(visible.place_ids)))
        return Counted(StockFigures.of(entries, visible, low), entries)

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
    known = request.app.state.lookups.floor_answer()
    synced = entry_work.synced_location(request)
    return render(
        request,
        "inventory_new.html",
        status=error.status if error else 200,
        typed=typed,
        known=known,
        places=[place for place in known.value.places if place.id != synced] if known.value else [],
        reasons=entry_work.REASONS,
        error=error,
        key=error.key if error else new_key(),
    )
