"""Which sales channel sells from which stock location, and what a person or program calls a channel."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ingram_assets.domain.failures import Permanent
from ingram_assets.domain.ownership import folded_name
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.stock_locations import StockLocation


class UnknownChannel(Permanent):
    """No sales channel, or more than one, is called so. The message has the nearest."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A sales channel of Medusa: a store."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class VisibleLocations:
    """The locations that somebody may see; `sellers`: location's id to the channels that sell from it."""

    channels: tuple[Channel, ...]
    places: tuple[StockLocation, ...]
    sellers: Mapping[str, tuple[Channel, ...]]

    @property
    def place_ids(self) -> frozenset[str]:
        """Ids of the locations. Medusa keeps levels of a location that was deleted: those count nowhere."""
        return frozenset(place.id for place in self.places)

    def of_channel(self, channel_id: str) -> "VisibleLocations":
        """What one channel sees: itself, and its own locations. Nothing where it is gone."""
        channels = tuple(each for each in self.channels if each.id == channel_id)
        places = tuple(each for each in self.places if set(self.sellers.get(each.id, ())) & set(channels))
        return replace(self, channels=channels, places=places, sellers={one.id: channels for one in places})

    def channel(self, called: str) -> Channel:
        """The channel of this id, or of this name in any case. Raises UnknownChannel: none, or several."""
        if exact := [each for each in self.channels if each.id == called.strip()]:
            return exact[0]
        found = [each for each in self.channels if folded_name(each.name) == folded_name(called)]
        if len(found) == 1:
            return found[0]
        shown = called if len(called) <= 60 else called[:59] + "…"
        if found:
            ids = ", ".join(each.id for each in found)
            raise UnknownChannel(f"{len(found)} sales channels are called {shown!r}: {ids}. Give the id.")
        names = {folded_name(each.name): each.name for each in self.channels}
        near = [names[name] for name in get_close_matches(folded_name(called), names, n=3, cutoff=0.5)]
        told = (
            f"The nearest: {', '.join(near)}" if near else f"There are: {', '.join(names.values()) or 'none'}"
        )
        raise UnknownChannel(f"There is no sales channel {shown!r}. {told}.")


def read_visible_locations(client: MedusaClient) -> VisibleLocations:
    """All locations and sales channels of the store, as they are now. Raises MedusaError."""
    fields = {"fields": "id,name,sales_channels.id,sales_channels.name"}
    rows = client.list_all("/admin/stock-locations", "stock_locations", fields)
    channels = client.list_all("/admin/sales-channels", "sales_channels", {"fields": "id,name"})
    return VisibleLocations(
        tuple(Channel(row["id"], row["name"]) for row in channels),
        tuple(StockLocation(row["id"], row["name"]) for row in rows),
        {
            row["id"]: tuple(Channel(one["id"], one["name"]) for one in row["sales_channels"] or [] if one)
            for row in rows
        },
    )
