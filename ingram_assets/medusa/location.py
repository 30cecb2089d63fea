"""The one place in the store that Ingram's stock is booked to: found by name, made if missing, linked."""

import logging
from dataclasses import dataclass
from typing import Any

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.medusa.client import MedusaClient
from ingram_assets.medusa.journal import Change, Journal

log = logging.getLogger(__name__)

ADDRESS = {
    "address_1": "One Ingram Blvd",
    "city": "La Vergne",
    "province": "TN",
    "postal_code": "37086",
    "country_code": "US",
}


@dataclass(frozen=True, slots=True)
class Location:
    """Ingram's stock location and the sales channel that sells from it. Ids are Medusa's.

    Attributes:
        created, linked: what `ensure_location` had to do.
        missing: what `find_location` saw that it would have to do; the id is "" where there is no location.
    """

    id: str
    name: str
    channel_id: str
    channel_name: str
    created: bool = False
    linked: bool = False
    missing: str | None = None


def ensure_location(
    client: MedusaClient,
    *,
    journal: Journal,
    run_id: str,
    name: str = "Ingram (Drop-Ship)",
    sales_channel: str = "Online Store",
) -> Location:
    """The stock location of this name, linked to the sales channel: one read when all is as it should be.

    One that is there keeps its address (Medusa has no way to give one to a location without).

    Raises:
        NeedsPerson: no sales channel has this name (the message lists those there are), or several have,
            or several locations bear the name and it can't be told which one is meant.
    """
    with client.reporting(lambda failure: journal.failed_request(run_id, failure)):
        location = _find(client, name, sales_channel)
        linked_to = {each["name"]: each["id"] for each in _channels_of(location)}
        if location and sales_channel in linked_to:
            return Location(location["id"], name, linked_to[sales_channel], sales_channel)
        channel_id = _channel(client, sales_channel)
        created = location is None
        if location is None:
            location = _create(client, journal, run_id, name)
        _link(client, journal, run_id, location["id"], channel_id, sales_channel)
        log.info("Stock location %s (%s) sells through %s.", name, location["id"], sales_channel)
        return Location(location["id"], name, channel_id, sales_channel, created=created, linked=True)


def find_location(
    client: MedusaClient, *, name: str = "Ingram (Drop-Ship)", sales_channel: str = "Online Store"
) -> Location:
    """The location as it is, for who only looks: nothing is made, and `missing` says what would be.

    Raises:
        NeedsPerson: as `ensure_location`.
    """
    location = _find(client, name, sales_channel)
    linked_to = {each["name"]: each["id"] for each in _channels_of(location)}
    if location and sales_channel in linked_to:
        return Location(location["id"], name, linked_to[sales_channel], sales_channel)
    channel_id = _channel(client, sales_channel)
    if location is None:
        missing = (
            f"The store has no stock location {name!r} yet: it is made, and linked to {sales_channel!r}."
        )
        return Location("", name, channel_id, sales_channel, missing=missing)
    missing = f"The stock location {name!r} is not linked to {sales_channel!r} yet: it will be."
    return Location(location["id"], name, channel_id, sales_channel, missing=missing)


def _find(client: MedusaClient, name: str, sales_channel: str) -> dict[str, Any] | None:
    """The location of this name. Names are not unique: of several, the one already linked is meant."""
    found = client.list_all(
        "/admin/stock-locations",
        "stock_locations",
        {"name": name, "fields": "id,name,sales_channels.id,sales_channels.name"},
    )
    if len(found) <= 1:
        return found[0] if found else None
    linked = [
        each for each in found if any(channel["name"] == sales_channel for channel in _channels_of(each))
    ]
    if len(linked) == 1:
        return linked[0]
    ids = ", ".join(each["id"] for each in (linked or found))
    raise NeedsPerson(
        f"{len(linked or found)} stock locations are called {name!r} ({ids}), and it can't be told which one "
        "holds Ingram's stock. Rename or delete all but one in Medusa's admin, under Settings, Locations."
    )


def _channels_of(location: dict[str, Any] | None) -> list[dict[str, Any]]:
    # Linking an unknown channel id leaves a null in this list.
    return [each for each in (location or {}).get("sales_channels") or [] if each]


def _channel(client: MedusaClient, name: str) -> str:
    channels = client.list_all("/admin/sales-channels", "sales_channels", {"fields": "id,name"})
    ids = [each["id"] for each in channels if each["name"] == name]
    if len(ids) == 1:
        return ids[0]
    if ids:
        raise NeedsPerson(
            f"{len(ids)} sales channels are called {name!r} ({', '.join(ids)}). Rename all but one in "
            "Medusa's admin, under Settings, Sales Channels."
        )
    there = ", ".join(repr(each["name"]) for each in channels) or "none"
    raise NeedsPerson(
        f"Medusa has no sales channel {name!r}. The channels there are: {there}. "
        "Set MEDUSA_SALES_CHANNEL to one of them, or create it in Medusa's admin."
    )


def _create(client: MedusaClient, journal: Journal, run_id: str, name: str) -> dict[str, Any]:
    body = {"name": name, "address": ADDRESS}
    change = Change("location", None, None, None, body, f"No stock location was called {name!r}.")
    with journal.writing(run_id, [change]) as entry:
        location = client.post("/admin/stock-locations", body)["stock_location"]
        entry.made(0, location["id"])
    return location


def _link(
    client: MedusaClient, journal: Journal, run_id: str, location_id: str, channel_id: str, channel: str
) -> None:
    after = {"sales_channel_id": channel_id, "sales_channel": channel}
    reason = f"The location was not linked to {channel!r}, so its stock did not count there."
    change = Change("location", None, location_id, {"sales_channel_id": None}, after, reason)
    with journal.writing(run_id, [change]):
        client.post(f"/admin/stock-locations/{location_id}/sales-channels", {"add": [channel_id]})
