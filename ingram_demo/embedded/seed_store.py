"""What a bookshop's Medusa has before we come: channel, currency, region, its own shelves, a store key."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from ingram_assets.domain.failures import NeedsPerson

SALES_CHANNEL = "Online Store"
STORE_FRONT = "STORE_FRONT"
"""A second stock location, the shop's own shelves: whatever syncs Ingram's stock must leave it alone."""


@dataclass(frozen=True)
class SeededStore:
    """Ids of what was made or found."""

    sales_channel_id: str
    region_id: str
    shipping_profile_id: str
    store_front_id: str
    publishable_key: str = field(repr=False)
    """For the Store API, header `x-publishable-api-key`; linked to the sales channel."""


def seed_store(url: str, email: str, password: str) -> SeededStore:
    """Makes what is missing in the Medusa at `url`, by name, over its Admin API. A second call finds it all.

    The channel that Medusa makes for itself is renamed, as a shop does that has only one. Raises NeedsPerson
    when the sign-in is refused.
    """
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        answer = client.post("/auth/user/emailpass", json={"email": email, "password": password})
        if answer.status_code == 401:
            raise NeedsPerson(f"Medusa at {url} does not know the admin {email} with this password.")
        client.headers["Authorization"] = f"Bearer {_body(answer)['token']}"
        store = _get(client, "stores")[0]
        channel = _sales_channel(client, store["default_sales_channel_id"])
        region = _region(client)
        _post(
            client,
            f"stores/{store['id']}",
            {
                "supported_currencies": [{"currency_code": "usd", "is_default": True}],
                "default_sales_channel_id": channel["id"],
                "default_region_id": region["id"],
            },
        )
        return SeededStore(
            sales_channel_id=channel["id"],
            region_id=region["id"],
            shipping_profile_id=_shipping_profile(client)["id"],
            store_front_id=_store_front(client, channel["id"])["id"],
            publishable_key=_publishable_key(client, channel["id"]),
        )


def _sales_channel(client: httpx.Client, default_id: str) -> dict:
    channels = _get(client, "sales-channels")
    if found := _named(channels, SALES_CHANNEL):
        return found
    if any(channel["id"] == default_id for channel in channels):
        return _post(client, f"sales-channels/{default_id}", {"name": SALES_CHANNEL})["sales_channel"]
    return _post(client, "sales-channels", {"name": SALES_CHANNEL})["sales_channel"]


def _region(client: httpx.Client) -> dict:
    if found := _named(_get(client, "regions"), "United States"):
        return found
    return _post(
        client,
        "regions",
        {
            "name": "United States",
            "currency_code": "usd",
            "countries": ["us"],
            "payment_providers": ["pp_system_default"],
        },
    )["region"]


def _shipping_profile(client: httpx.Client) -> dict:
    profiles = _get(client, "shipping-profiles")
    for profile in profiles:
        if profile["type"] == "default":
            return profile
    return _post(client, "shipping-profiles", {"name": "Default", "type": "default"})["shipping_profile"]


def _store_front(client: httpx.Client, channel_id: str) -> dict:
    if found := _named(_get(client, "stock-locations"), STORE_FRONT):
        return found
    address = {"address_1": "1 Main Street", "city": "Nashville", "province": "TN", "country_code": "us"}
    location = _post(client, "stock-locations", {"name": STORE_FRONT, "address": address})["stock_location"]
    _post(client, f"stock-locations/{location['id']}/sales-channels", {"add": [channel_id]})
    return location


def _publishable_key(client: httpx.Client, channel_id: str) -> str:
    keys = [key for key in _get(client, "api-keys", type="publishable") if not key["revoked_at"]]
    key = _named(keys, "Storefront", "title")
    if key is None:
        key = _post(client, "api-keys", {"title": "Storefront", "type": "publishable"})["api_key"]
    _post(client, f"api-keys/{key['id']}/sales-channels", {"add": [channel_id]})
    return key["token"]


def _named(things: list[dict], name: str, by: str = "name") -> dict | None:
    return next((thing for thing in things if thing[by] == name), None)


def _get(client: httpx.Client, what: str, **query: str) -> list[dict]:
    return _body(client.get(f"/admin/{what}", params={"limit": "1000", **query}))[what.replace("-", "_")]


def _post(client: httpx.Client, path: str, values: dict) -> dict:
    return _body(client.post(f"/admin/{path}", json=values))


def _body(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise NeedsPerson(
            f"Medusa refused {answer.request.method} {answer.request.url.path} while the store was set up "
            f"({answer.status_code}): {answer.text[:300]}"
        )
    return answer.json()
