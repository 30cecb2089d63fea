"""What a location needs before an order can be shipped from it, and what of that is missing."""

from collections.abc import Iterator, Mapping
from typing import Any

from ingram_assets.store.client import MedusaClient

_OPTIONS = "fulfillment_sets.service_zones.shipping_options"
_FIELDS = (
    "id,fulfillment_providers.id,fulfillment_sets.service_zones.geo_zones.id,"
    f"{_OPTIONS}.id,{_OPTIONS}.rules.attribute,{_OPTIONS}.rules.value"
)


def missing_for_shipping(client: MedusaClient, location_id: str) -> list[str]:
    """What the location lacks, in the order in which a person adds it; none: orders can be shipped."""
    path = f"/admin/stock-locations/{location_id}"
    location = client.get(path, {"fields": _FIELDS})["stock_location"]
    zones = list(_service_zones(location))
    # Medusa wants the provider when it makes an option, and never again.
    if any(_sends(option) for zone in zones for option in zone["shipping_options"] or []):
        return []
    there = {
        "a fulfillment provider": location["fulfillment_providers"],
        "a service zone with a country": zones,
        "a shipping option": None,
    }
    return [what for what, found in there.items() if not found]


def _service_zones(location: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The zones of a location to which anything can be sent."""
    for one in location["fulfillment_sets"] or []:
        yield from (zone for zone in one["service_zones"] or [] if zone["geo_zones"])


def _sends(option: Mapping[str, Any]) -> bool:
    """Whether shoppers may choose an option: it is neither for returns nor for the shop's staff alone."""
    rules = {each["attribute"]: each["value"] for each in option["rules"] or []}
    return rules.get("is_return") != "true" and rules.get("enabled_in_store") != "false"
