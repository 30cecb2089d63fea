"""What came back of orders, and was put on a location's levels."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from ingram_assets.domain.position import Returned
from ingram_assets.store.client import MedusaClient

RETURN_FIELDS = (
    "display_id,fulfillments.items.line_item_id,fulfillments.items.inventory_item_id,"
    "returns.id,returns.location_id"
)
"""What has to be asked of an order for `read_returned`."""

_CHANGES = "id,status,return_id,confirmed_at,*actions"


def read_returned(
    client: MedusaClient, order: Mapping[str, Any], location_id: str, items: Collection[str] | None = None
) -> dict[str, list[Returned]]:
    """Inventory item's id to what came back of it to a location. What came back damaged is on no shelf.

    The return itself has only what was received last, so the order's changes are asked: one read for an
    order with a return to the location.

    Args:
        order: with `RETURN_FIELDS`.
        items: those that matter; `None`: all.
    """
    returns = {one["id"] for one in order["returns"] or [] if one and one["location_id"] == location_id}
    lines = _items_of_lines(order, items) if returns else {}
    if not lines:
        return {}
    found: dict[str, list[Returned]] = {}
    path = f"/admin/orders/{order['id']}/changes"
    for change in client.get(path, {"fields": _CHANGES})["order_changes"]:
        if change["status"] != "confirmed" or change["return_id"] not in returns:
            continue
        at = datetime.fromisoformat(change["confirmed_at"])
        for action in change["actions"] or []:
            told = action["details"] or {}
            if action["action"] == "RECEIVE_RETURN_ITEM":
                line = told.get("reference_id") or ""
                for item_id in lines.get(line, ()):
                    one = Returned(action["id"], line, told["quantity"], at, order["display_id"])
                    found.setdefault(item_id, []).append(one)
    return found


def _items_of_lines(order: Mapping[str, Any], items: Collection[str] | None) -> dict[str, set[str]]:
    """Lines of an order of which copies were fulfilled, which alone can come back, to their items."""
    lines: dict[str, set[str]] = {}
    for one in order["fulfillments"] or []:
        for line in (one and one["items"]) or []:
            item_id = line and line["inventory_item_id"]
            if item_id and (items is None or item_id in items):
                lines.setdefault(line["line_item_id"], set()).add(item_id)
    return lines
