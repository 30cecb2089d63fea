"""The one place of Ingram's stock in the store: known by its id, else found by name, or made."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.domain.ownership import folded_name
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.model import OperationRefused
from ingram_assets.store.inventory.stock_locations import StockLocation, find_place
from ingram_assets.store.journal import BlankJournal, Change, Journal, Known
from ingram_assets.store.model import LocationRow, NamedRow

log = logging.getLogger(__name__)

ADDRESS = {
    "address_1": "One Ingram Blvd",
    "city": "La Vergne",
    "province": "TN",
    "postal_code": "37086",
    "country_code": "US",
}

OURS = "Ingram"
"""What the location is called in the journal: there is one, whatever the setting or the store call it."""

_IN_ADMIN = "In Medusa's admin, under Settings, Locations,"


@dataclass(frozen=True, slots=True)
class Location:
    """Ingram's stock location and the sales channel that sells from it. Ids are Medusa's.

    Attributes:
        id: "" where the store has none yet.
        created, linked: what `ensure_location` had to do.
        missing: what `find_location` saw that it would have to do.
        known: the journal has location and channel by these ids and names.
        notes: what a person should hear, once: that one was renamed, or that another is meant from now on.
        shelves: other locations that the channel sells from, the shop's own: id to name.
        returns_to: the shop's own location to which copies go that come back here; `None`: they go nowhere.
    """

    id: str
    name: str
    channel_id: str
    channel_name: str
    created: bool = False
    linked: bool = False
    missing: str | None = None
    known: bool = True
    notes: tuple[str, ...] = ()
    shelves: Mapping[str, str] = field(default_factory=dict)
    returns_to: StockLocation | None = None


def ensure_location(
    client: MedusaClient,
    *,
    journal: Journal,
    run_id: str,
    name: str = "Ingram (Drop-Ship)",
    sales_channel: str = "Online Store",
    returns_to: str | None = None,
) -> Location:
    """Ingram's stock location, linked to the sales channel: one read when all is as it should be.

    It is the one that the journal knows by its id, whatever it is called by now. Where the journal knows
    none yet, it is the one of this name, and is made if there is none. One that is there keeps its address
    (Medusa has no way to give one to a location without).

    Args:
        name: what a new location is called; or an id, "sloc_…", which outranks what the journal knows.
        sales_channel: its name, or its id, "sc_…".
        returns_to: of the shop's own location for what comes back: its name in any spelling, or its id.

    Raises:
        NeedsPerson: the location or the channel that is known was deleted, or another one bears its name;
            none is known yet, and it can't be told which one is meant; no sales channel has this name, or no
            location that of `returns_to`. The message says what there is and what to do.
    """
    found = find_location(
        client, journal=journal, name=name, sales_channel=sales_channel, returns_to=returns_to
    )
    links = found.missing is not None
    location = replace(found, created=not found.id, linked=links, missing=None, known=True)
    if location.created:
        location = replace(location, id=_create(client, journal, run_id, location.name))
    if not found.known:
        journal.know("location", [Known(OURS, location.id, location.name)])
        channel = Known(folded_name(sales_channel), location.channel_id, location.channel_name)
        journal.know("sales_channel", [channel])
        if returns_to and (own := location.returns_to):
            journal.know("returns_to", [Known(folded_name(returns_to), own.id, own.name)])
    if location.linked:
        _link(client, journal, run_id, location)
    for note in location.notes:
        log.warning(note)
    if location.linked:
        named = f"{location.name} ({location.id})"
        log.info("Stock location %s sells through %s.", named, location.channel_name)
    return location


def find_location(
    client: MedusaClient,
    *,
    journal: Journal | BlankJournal,
    name: str = "Ingram (Drop-Ship)",
    sales_channel: str = "Online Store",
    returns_to: str | None = None,
) -> Location:
    """The location as it is, for who only looks: nothing is made or remembered; `missing` says what would be.

    Names are not unique, so all locations are looked at. A name in another spelling is the same name: a
    second location doubles the stock of every title.

    Raises:
        NeedsPerson: as `ensure_location`.
    """
    fields = {"fields": "id,name,sales_channels.id,sales_channels.name"}
    places: list[LocationRow] = client.list_all("/admin/stock-locations", "stock_locations", fields)
    stored = next(iter(journal.known("location", [OURS])), None)
    stored_channel = next(iter(journal.known("sales_channel", [folded_name(sales_channel)])), None)
    known_channel = stored_channel or _channel_of_earlier_versions(journal, sales_channel)
    location, notes = _location(places, stored, journal, name, (sales_channel, known_channel))
    linked = {each["id"]: each for each in _channels_of(location)}
    channel = linked.get(known_channel.id if known_channel else sales_channel.strip())
    if channel is None or folded_name(sales_channel) not in (
        folded_name(channel["name"]),
        folded_name(channel["id"]),
    ):
        # It is there under another name, or can't be seen from here.
        channel = _channel(client, sales_channel, known_channel)
    own, own_is_known, own_notes = _for_returns(places, location, journal, returns_to)
    return Location(
        location["id"] if location else "",
        location["name"] if location else name.strip(),
        channel["id"],
        channel["name"],
        missing=None if channel["id"] in linked else _missing(location, name, channel["name"]),
        known=location is not None
        and stored == Known(OURS, location["id"], location["name"])
        and stored_channel == Known(folded_name(sales_channel), channel["id"], channel["name"])
        and own_is_known,
        notes=(*notes, *_renamed("sales channel", known_channel, channel), *own_notes),
        shelves={
            each["id"]: each["name"]
            for each in places
            if each is not location and channel["id"] in {one["id"] for one in _channels_of(each)}
        },
        returns_to=own,
    )


def _for_returns(
    places: Sequence[LocationRow],
    ours: LocationRow | None,
    journal: Journal | BlankJournal,
    called: str | None,
) -> tuple[StockLocation | None, bool, tuple[str, ...]]:
    """The location for what comes back, whether the journal has it by this name, and what to tell a person.

    One that was renamed since is known by its id.
    """
    if called is None:
        return None, True, ()
    stored = next(iter(journal.known("returns_to", [folded_name(called)])), None)
    notes: tuple[str, ...] = ()
    try:
        found = find_place([StockLocation(each["id"], each["name"]) for each in places], called)
    except OperationRefused as error:
        same = next((each for each in places if stored and each["id"] == stored.id), None)
        if same is None:
            raise NeedsPerson(
                f"RETURNS_TO can't be meant: {error} It names a location of the shop's own, by name or id."
            ) from None
        found, notes = (
            StockLocation(same["id"], same["name"]),
            _renamed("location of RETURNS_TO", stored, same),
        )
    if ours is not None and found.id == ours["id"]:
        raise NeedsPerson(
            f"RETURNS_TO names Ingram's location, {found.name!r}: what comes back is not there. Set it to a "
            "location of the shop's own, by its name or id."
        )
    return found, stored == Known(folded_name(called), found.id, found.name), notes


def _missing(location: LocationRow | None, name: str, channel: str) -> str:
    if location is None:
        return f"The store has no stock location {name!r} yet: it is made, and linked to {channel!r}."
    return f"The stock location {location['name']!r} is not linked to {channel!r} yet: it will be."


def _location(
    places: Sequence[LocationRow],
    stored: Known | None,
    journal: Journal | BlankJournal,
    name: str,
    sells_through: tuple[str, Known | None],
) -> tuple[LocationRow | None, tuple[str, ...]]:
    """The location that is meant, `None` where one has to be made, and what to tell a person."""
    by_id = {each["id"]: each for each in places}
    if name.strip().startswith("sloc_"):
        return _by_setting(by_id, stored, name.strip())
    named = [each for each in places if folded_name(each["name"]) == folded_name(name)]
    if stored:
        return _remembered(by_id, stored, named, name)
    if used := _of_earlier_versions(journal):
        there = [each for each in used if each.id in by_id]
        if len(there) <= 1:
            return _remembered(by_id, (there or used)[-1], named, name)
        named = [by_id[each.id] for each in there]
    if len(named) <= 1:
        return (named[0] if named else None), ()
    channel, known_channel = sells_through
    ids = {known_channel.id} if known_channel else set()
    linked = [
        each
        for each in named
        if any(
            one["id"] in ids or folded_name(one["name"]) == folded_name(channel) for one in _channels_of(each)
        )
    ]
    if len(linked) == 1:
        return linked[0], ()
    raise NeedsPerson(
        f"{len(linked or named)} stock locations may hold Ingram's stock ({_listed(linked or named)}), and "
        f"it can't be told which one does. {_IN_ADMIN} rename or delete all but one, or set "
        "MEDUSA_STOCK_LOCATION to the id of the one that is meant."
    )


def _by_setting(
    by_id: Mapping[str, LocationRow], known: Known | None, location_id: str
) -> tuple[LocationRow, tuple[str, ...]]:
    location = by_id.get(location_id)
    if location is None:
        raise NeedsPerson(
            f"MEDUSA_STOCK_LOCATION names the stock location {location_id}, which the store does not have. "
            f"Those there are: {_listed(by_id.values()) or 'none'}. Set it to one of them."
        )
    if known is None or known.id == location_id:
        return location, _renamed("stock location", known, location)
    left = by_id.get(known.id)
    if left is None:
        return location, ()
    return location, (
        f"Ingram's stock goes to the location {location['name']!r} ({location_id}) from now on, as "
        f"MEDUSA_STOCK_LOCATION says. The levels at {left['name']!r} ({known.id}), where it went before, "
        "stand and are sold as well, until that location is deleted or unlinked from its sales channels.",
    )


def _remembered(
    by_id: Mapping[str, LocationRow], known: Known, named: Sequence[LocationRow], name: str
) -> tuple[LocationRow, tuple[str, ...]]:
    location = by_id.get(known.id)
    if location is None:
        called = f"{known.name!r} ({known.id})" if known.name else known.id
        raise NeedsPerson(
            f"Ingram's stock location {called} is not in the store any more. It was deleted, or this is "
            "another store, or a backup of it or of the journal was restored. None is made in its place, "
            f"since two would sell every copy twice. Those there are: {_listed(by_id.values()) or 'none'}. "
            "Set MEDUSA_STOCK_LOCATION to the id of the one that is meant. "
            f"{_IN_ADMIN} a new one can be made for it."
        )
    others = [each for each in named if each["id"] != known.id]
    if others:
        raise NeedsPerson(
            f"Ingram's stock is kept at the location {location['name']!r} ({known.id}), and "
            f"{_listed(others)} bears the name of MEDUSA_STOCK_LOCATION, {name!r}. It can't be told which is "
            f"meant, and two would sell every copy twice. {_IN_ADMIN} rename or delete the other one, or set "
            "MEDUSA_STOCK_LOCATION to the id of the one that is meant."
        )
    return location, _renamed("stock location", known, location)


def _renamed(what: str, known: Known | None, now: NamedRow) -> tuple[str, ...]:
    # What an earlier version found and linked is in the journal without a name.
    if known is None or known.name in ("", now["name"]):
        return ()
    called = f"The {what} {known.name!r} is called {now['name']!r} now"
    return (f"{called}: it is the same one, {now['id']}, and goes on being used.",)


def _of_earlier_versions(journal: Journal | BlankJournal) -> list[Known]:
    """The locations that the journal's entries name, oldest first: made or linked before ids were kept."""
    found: dict[str, Known] = {}
    for entry in journal.written("location"):
        if entry.entity:
            before = found.get(entry.entity)
            name = (entry.after or {}).get("name") or (before.name if before else "")
            found[entry.entity] = Known(OURS, entry.entity, name)
    return list(found.values())


def _channel_of_earlier_versions(journal: Journal | BlankJournal, sales_channel: str) -> Known | None:
    """The channel of this name that a location was linked to last."""
    for entry in reversed(journal.written("location")):
        after = entry.after or {}
        if "sales_channel_id" in after and folded_name(after.get("sales_channel") or "") == folded_name(
            sales_channel
        ):
            return Known(sales_channel, after["sales_channel_id"], after["sales_channel"])
    return None


def _channels_of(location: LocationRow | None) -> list[NamedRow]:
    # Linking an unknown channel id leaves a null in this list.
    channels = location.get("sales_channels") if location else None
    return [each for each in channels or [] if each]


def _channel(client: MedusaClient, name: str, known: Known | None) -> NamedRow:
    """The sales channel that is meant: by the id in the setting, the one that is known, or by its name."""
    fields = {"fields": "id,name"}
    channels: list[NamedRow] = client.list_all("/admin/sales-channels", "sales_channels", fields)
    by_id = {each["id"]: each for each in channels}
    if name.strip() in by_id:
        return by_id[name.strip()]
    named = [each for each in channels if folded_name(each["name"]) == folded_name(name)]
    if known and known.id not in by_id:
        raise NeedsPerson(
            f"The sales channel {known.name!r} ({known.id}) is not in the store any more: it was deleted, or "
            f"this is another store. The channels there are: {_listed(channels) or 'none'}. Set "
            "MEDUSA_SALES_CHANNEL to the id of the one that is meant."
        )
    if known and (others := [each for each in named if each["id"] != known.id]):
        raise NeedsPerson(
            f"The sales channel {by_id[known.id]['name']!r} ({known.id}) is the one that was used until now, "
            f"and {_listed(others)} bears the name {name!r}. Rename the other one in Medusa's admin, under "
            "Settings, Sales Channels, or set MEDUSA_SALES_CHANNEL to the id of the one that is meant."
        )
    if known:
        return by_id[known.id]
    exact = [each for each in named if each["name"] == name]
    if len(exact or named) == 1:
        return (exact or named)[0]
    if named:
        raise NeedsPerson(
            f"{len(named)} sales channels are called {name!r} ({_listed(named)}). Rename all but one in "
            "Medusa's admin, under Settings, Sales Channels, or set MEDUSA_SALES_CHANNEL to the id of the "
            "one that is meant."
        )
    there = ", ".join(repr(each["name"]) for each in channels) or "none"
    raise NeedsPerson(
        f"Medusa has no sales channel {name!r}. The channels there are: {there}. "
        "Set MEDUSA_SALES_CHANNEL to one of them, or create it in Medusa's admin."
    )


def _listed(things: Iterable[NamedRow]) -> str:
    return ", ".join(f"{each['name']!r} ({each['id']})" for each in things)


def _create(client: MedusaClient, journal: Journal, run_id: str, name: str) -> str:
    """The id of the location that is made."""
    body = {"name": name.strip(), "address": ADDRESS}
    change = Change("location", None, None, None, body, f"No stock location was called {name!r}.")
    with journal.writing(run_id, [change]) as entry:
        made: str = client.post("/admin/stock-locations", body)["stock_location"]["id"]
        entry.made(0, made)
    return made


def _link(client: MedusaClient, journal: Journal, run_id: str, location: Location) -> None:
    after = {"sales_channel_id": location.channel_id, "sales_channel": location.channel_name}
    reason = f"The location was not linked to {location.channel_name!r}, so its stock did not count there."
    change = Change("location", None, location.id, {"sales_channel_id": None}, after, reason)
    with journal.writing(run_id, [change]):
        path = f"/admin/stock-locations/{location.id}/sales-channels"
        client.post(path, {"add": [location.channel_id]})
