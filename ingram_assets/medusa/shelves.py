"""What products stand on in the store: tag, categories, shipping profile; found by name, made if missing."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from ingram_assets.medusa.client import MedusaClient, Refused
from ingram_assets.medusa.journal import Change, Journal
from ingram_assets.medusa.product_fields import TAG, category_key


class Shelves:
    """Ids that are looked up when first needed, once."""

    def __init__(self, client: MedusaClient, journal: Journal, run_id: str) -> None:
        self._client, self._journal, self._run_id = client, journal, run_id

    def category_ids(self, names: Iterable[str]) -> list[str]:
        """Ids of categories, made where the store lacks them."""
        ids = [self._categories.get(category_key(name)) or self._make_category(name) for name in names]
        return list(dict.fromkeys(ids))

    @cached_property
    def tag_id(self) -> str:
        """The id of the tag of all that is ordered at the wholesaler."""

        def find() -> str | None:
            found = self._client.get("/admin/product-tags", {"value": TAG, "fields": "id"})["product_tags"]
            return found[0]["id"] if found else None

        return find() or self._make("/admin/product-tags", "product_tag", {"value": TAG}, find)

    @cached_property
    def shipping_profile_id(self) -> str | None:
        """The default profile, without which no cart with the product can be completed."""
        profiles = self._client.list_all(
            "/admin/shipping-profiles", "shipping_profiles", {"fields": "id,type"}
        )
        profiles.sort(key=lambda each: each["type"] != "default")
        return profiles[0]["id"] if profiles else None

    @cached_property
    def _categories(self) -> dict[str, str]:
        return self._read_categories()

    def _read_categories(self) -> dict[str, str]:
        """Category's key to id: by its name, else by its handle; of several with the same, the oldest."""
        rows = self._client.list_all(
            "/admin/product-categories",
            "product_categories",
            {"fields": "id,name,handle,created_at", "order": "created_at"},
        )
        by_handle = {category_key(each["handle"] or ""): each["id"] for each in reversed(rows)}
        return by_handle | {category_key(each["name"]): each["id"] for each in reversed(rows)}

    def _make_category(self, name: str) -> str:
        made = self._make(
            "/admin/product-categories",
            "product_category",
            {"name": name, "is_active": True},
            lambda: self._read_categories().get(category_key(name)),
        )
        self._categories[category_key(name)] = made
        return made

    def _make(self, path: str, key: str, body: dict[str, Any], find: Callable[[], str | None]) -> str:
        """Makes a thing whose name is unique; finds it where somebody was faster."""
        change = Change("category", None, None, None, body, "The store did not have it.")
        try:
            with self._journal.writing(self._run_id, [change]) as entry:
                made: str = self._client.post(path, body, {"fields": "id"})[key]["id"]
                entry.made(0, made)
                return made
        except Refused:
            if there := find():
                return there
            raise
