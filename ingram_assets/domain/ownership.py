"""Who may write what in the store: the sync our location's levels of our items, people the rest. Pure."""

import re
import unicodedata
from dataclasses import dataclass, field

from ingram_assets.domain.isbn import isbn_spelled


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """What has to be known of an inventory item before its level is written.

    Attributes:
        sku: as a person or this project wrote it.
        variants: ids of all variants that are linked to it, ours or not, in whatever product.
        made: this project made it. Asked of the journal only where its SKU does not say whose it is.
    """

    id: str
    sku: str | None
    variants: tuple[str, ...] = field(default=(), kw_only=True)
    made: bool = field(default=False, kw_only=True)


def may_write_level(location: str, ours: str) -> bool:
    """Whether the sync may write levels at a location: at Ingram's alone, known by its id."""
    return bool(ours) and location == ours


def folded_name(name: str) -> str:
    """A location's or channel's name in the one spelling that all its spellings share: no case, one blank."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def code_of(name: str) -> str:
    """A name in upper case, with an underscore for all that is neither letter nor digit."""
    upper = unicodedata.normalize("NFKC", name).upper()
    return re.sub(r"[\W_]+", "_", upper).strip("_")


def is_our_item(isbn: str, item: InventoryItem) -> bool:
    """Whether an inventory item is the title's own: this project made it, or its SKU spells the ISBN.

    Any other was linked by a person, who counts something else in it: used copies, a bundle.
    """
    return item.made or isbn_spelled(item.sku) == isbn


def why_left_alone(isbn: str, item: InventoryItem, variant: str | None) -> str | None:
    """Why nothing of an inventory item may be written for a title, with what to do; `None` if it may be.

    Args:
        variant: the title's own variant; `None` where it has none yet.
    """
    named = f"the inventory item {item.id} (SKU {item.sku or 'none'})"
    if not is_our_item(isbn, item):
        return (
            f"The variant is linked to {named}, which is not Ingram's: a person linked it, and its levels "
            "are left alone. In Medusa's admin, unlink it, and the next push gives the title an item of its "
            f"own; or, if it holds this book's copies, set its SKU to {isbn}."
        )
    others = sorted(each for each in item.variants if each != variant)
    if others:
        return (
            f"Other variants are linked to {named} of this title ({', '.join(others)}), so it can't be told "
            "whose copies it counts, and its levels are left alone. In Medusa's admin, unlink it from all "
            f"but the variant of {isbn}; the next push goes on from there."
        )
    return None
