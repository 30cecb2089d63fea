"""Medusa's Admin API in memory, as far as orders and locations are read: rows, as its routes give them."""

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingram_assets.domain.failures import Transient
from ingram_assets.store.apply import LEVELS
from ingram_assets_tests.world.store import OURS, Order, SimulatedStore

NAME, CHANNEL = "Ingram (Drop-Ship)", "Online Store"


@dataclass(slots=True)
class Place:
    """A stock location. `sells`: it is linked to the sales channel."""

    id: str
    name: str
    sells: bool = True


@dataclass(slots=True)
class SimulatedClient:
    """What a push asks of Medusa beside the titles themselves (`store.client.MedusaClient`).

    Attributes:
        places: the locations, by their ids.
        made: ids of those that a push made.
    """

    store: SimulatedStore
    places: dict[str, Place] = field(default_factory=lambda: {OURS: Place(OURS, NAME)})
    made: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    def list_all(self, path: str, key: str, params: Mapping[str, Any]) -> list[Any]:
        """All rows of a route."""
        self._ask()
        if key == "orders":
            changed = _between(params)
            return [_order_row(one, n) for n, one in enumerate(self.store.orders) if changed(one.changed_at)]
        if key == "stock_locations":
            channel = {"id": "sc_1", "name": CHANNEL}
            return [
                {"id": one.id, "name": one.name, "sales_channels": [channel] if one.sells else []}
                for one in self.places.values()
            ]
        assert key == "sales_channels", path
        return [{"id": "sc_1", "name": CHANNEL}]

    def list_matching(
        self, path: str, key: str, by: str, values: Collection[str], params: Mapping[str, Any]
    ) -> list[Any]:
        """The rows of a route of which a field has one of these values."""
        self._ask()
        if key != "reservations":
            assert not values, path
            return []
        return [
            {
                "inventory_item_id": one.item.id,
                "line_item_id": f"line_{number}",
                "quantity": one.quantity,
                "created_at": one.placed_at.isoformat(),
            }
            for number, one in enumerate(self.store.orders)
            if one.item.id in values and one.is_open
        ]

    def get(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """What changed of an order that came back."""
        self._ask()
        number = int(path.split("/")[3].removeprefix("order_"))
        order = self.store.orders[number]
        details = {"quantity": order.quantity, "reference_id": f"line_{number}"}
        action = {"id": f"act_{number}", "action": "RECEIVE_RETURN_ITEM", "details": details}
        change = {"status": "confirmed", "return_id": f"return_{number}", "actions": [action]}
        return {"order_changes": [change | {"confirmed_at": order.changed_at.isoformat()}]}

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """A location made, or linked to the channel; levels removed."""
        self._ask()
        if path == LEVELS:
            for product in self.store.products.values():
                if product.item and f"{product.item.id}_level" in body["delete"]:
                    del product.item.levels[OURS]
            return {}
        if path == "/admin/stock-locations":
            place = Place(f"sloc_made_{next(self._numbers)}", str(body["name"]), sells=False)
            self.places[place.id] = place
            self.made.append(place.id)
            return {"stock_location": {"id": place.id}}
        self.places[path.split("/")[3]].sells = True
        return {}

    def _ask(self) -> None:
        if self.store.is_down:
            raise Transient("Medusa does not answer.")


def _between(params: Mapping[str, Any]) -> Callable[[datetime], bool]:
    """Whether an order was changed in the time that is asked for."""

    def at(name: str) -> datetime | None:
        return datetime.fromisoformat(params[name]) if name in params else None

    since, after, until = (at(f"updated_at[${name}]") for name in ("gte", "gt", "lte"))

    def changed(moment: datetime) -> bool:
        return (
            (since is None or moment >= since)
            and (after is None or moment > after)
            and (until is None or moment <= until)
        )

    return changed


def _order_row(order: Order, number: int) -> dict[str, Any]:
    canceled = order.changed_at.isoformat() if order.canceled else None
    return {
        "id": f"order_{number}",
        "display_id": number,
        "created_at": order.placed_at.isoformat(),
        "updated_at": order.changed_at.isoformat(),
        "status": "canceled" if order.canceled else "pending",
        "canceled_at": canceled,
        "items": [{"id": f"line_{number}", "variant_sku": order.isbn, "variant_barcode": None}],
        "fulfillments": [
            {
                "id": f"ful_{number}_{place}",
                "location_id": OURS,
                "created_at": made.isoformat(),
                "canceled_at": ended.isoformat() if ended else None,
                "items": [
                    {
                        "inventory_item_id": order.item.id,
                        "line_item_id": f"line_{number}",
                        "quantity": order.quantity,
                    }
                ],
            }
            for place, (made, ended) in enumerate(order.fulfillments)
        ],
        "returns": [{"id": f"return_{number}", "location_id": OURS}] if order.returned else [],
    }
