"""What products stand on in the store: tag, categories, shipping profile; known by id, by name, or made."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from ingram_assets.store.client import MedusaRefused
from ingram_assets.store.journal import Change, Journal, Known
from ingram_assets.store.model import CategoryRow, ProductRow
from ingram_assets.store.product_fields import TAG, category_key
from ingram_assets.store.session import StoreSession


@dataclass(frozen=True, slots=True)
class KnownIds:
    """Ids that were made or used once, whatever a person renamed them to: each with its name with us."""

    categories: dict[str, str]
    tags: dict[str, str]

    def rename(self, product: ProductRow) -> None:
        """Gives categories and tags of a product as it was read the names that they have with us."""
        for category in product["categories"] or []:
            category["name"] = self.categories.get(category["id"], category["name"])
        for tag in product["tags"] or []:
            tag["value"] = self.tags.get(tag["id"], tag["value"])


def known_ids(journal: Journal) -> KnownIds:
    """What the journal knows: kept ids, and before them what entries of earlier versions say was made."""
    written = journal.written("category")
    after = {each.entity: each.after for each in written if each.entity and each.after}
    categories = {entity: made["name"] for entity, made in after.items() if "name" in made}
    tags = {entity: TAG for entity, made in after.items() if made.get("value") == TAG}
    return KnownIds(
        categories | {each.id: each.called for each in journal.known("category")},
        tags | {each.id: each.called for each in journal.known("tag")},
    )


class CatalogIds:
    """Ids that are looked up when first needed, once."""

    def __init__(self, session: StoreSession) -> None:
        self._client, self._journal, self._run_id = session.client, session.journal, session.run_id
        self._ids: dict[str, str] = {}

    def category_ids(self, names: Iterable[str]) -> list[str]:
        """Ids of categories, made where the store lacks them. One that a person renamed is the same one."""
        return list(dict.fromkeys(self._category_id(name) for name in names))

    @cached_property
    def known(self) -> KnownIds:
        """What the journal knew when it was first asked."""
        return known_ids(self._journal)

    def _category_id(self, name: str) -> str:
        key = category_key(name)
        if key not in self._ids:
            in_store, ours = {each["id"] for each in self._categories}, self.known.categories
            named = [each for each, called in ours.items() if category_key(called) == key]
            known = [each for each in named if each in in_store]
            there = known[-1] if known else _by_key(self._categories).get(key)
            there = there or self._make(
                "/admin/product-categories",
                "product_category",
                {"name": name, "is_active": True},
                lambda: _by_key(self._read_categories()).get(key),
            )
            self._journal.know("category", [Known(name, there, name)])
            self._ids[key] = there
        return self._ids[key]

    @cached_property
    def tag_id(self) -> str:
        """The id of the tag of all that is ordered at the wholesaler."""

        def find(by: str, wanted: str) -> str | None:
            found = self._client.get("/admin/product-tags", {by: [wanted], "fields": "id"})["product_tags"]
            return found[0]["id"] if found else None

        there = (
            next((each for each in reversed(self.known.tags) if find("id", each)), None)
            or find("value", TAG)
            or self._make("/admin/product-tags", "product_tag", {"value": TAG}, lambda: find("value", TAG))
        )
        self._journal.know("tag", [Known(TAG, there, TAG)])
        return there

    def tag_ids(self, values: Iterable[str]) -> tuple[dict[str, str], dict[str, MedusaRefused]]:
        """Tag to its id, made where the store lacks it; and tags that Medusa refuses to make, with why."""
        path, wanted = "/admin/product-tags", sorted(set(values))

        def find(some: Sequence[str]) -> dict[str, str]:
            fields = {"fields": "id,value"}
            rows = self._client.list_matching(path, "product_tags", "value", some, fields)
            return {row["value"]: row["id"] for row in rows}

        ids, refused = find(wanted), {}
        for value in wanted:
            if value not in ids:
                again = partial(lambda value: find([value]).get(value), value)
                try:
                    ids[value] = self._make(path, "product_tag", {"value": value}, again)
                except MedusaRefused as error:
                    refused[value] = error
        return ids, refused

    @cached_property
    def shipping_profile_id(self) -> str | None:
        """The default profile, without which no cart with the product can be completed."""
        path, fields = "/admin/shipping-profiles", {"fields": "id,type"}
        profiles = self._client.list_all(path, "shipping_profiles", fields)
        profiles.sort(key=lambda each: each["type"] != "default")
        return profiles[0]["id"] if profiles else None

    @cached_property
    def _categories(self) -> list[CategoryRow]:
        return self._read_categories()

    def _read_categories(self) -> list[CategoryRow]:
        fields = {"fields": "id,name,handle,created_at", "order": "created_at"}
        return self._client.list_all("/admin/product-categories", "product_categories", fields)

    def _make(self, path: str, key: str, body: dict[str, Any], find: Callable[[], str | None]) -> str:
        """Makes a thing whose name is unique; finds it where somebody was faster."""
        change = Change("category", None, None, None, body, "The store did not have it.")
        try:
            with self._journal.writing(self._run_id, [change]) as entry:
                made: str = self._client.post(path, body, {"fields": "id"})[key]["id"]
                entry.made(0, made)
                return made
        except MedusaRefused:
            if there := find():
                return there
            raise


def _by_key(categories: Sequence[CategoryRow]) -> dict[str, str]:
    """Category's key to id: by its name, else by its handle; of several with the same, the oldest."""
    by_handle = {category_key(each["handle"] or ""): each["id"] for each in reversed(categories)}
    return by_handle | {category_key(each["name"]): each["id"] for each in reversed(categories)}
