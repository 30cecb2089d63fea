"""What the labels of a product page may be called, and the field that each stands for."""

from collections.abc import Mapping
from functools import lru_cache

from ingram_assets.domain.site_file import Words, as_label
from ingram_assets.sources.ipage.profile.phrases import is_alike

IGNORED = ""
"""The field of labels that are known and stand for none: they end the value before them."""


_REMEMBERED = 2_000
"""Labels, and what stands where one might."""


class LabelNames:
    """The names of labels. `of_fields`: all that stand for a field, for who looks for one written alike."""

    def __init__(self, words: Words) -> None:
        self._field_of: Mapping[str, tuple[str, int]] = {
            as_label(name): (IGNORED if field == "ignored" else field, place)
            for field, names in words.items()
            for place, name in enumerate(names)
        }
        self.field_named = lru_cache(_REMEMBERED)(self._named)
        """The field that a label of these words stands for, and its name's place; `(None, 0)` for none."""
        self.of_fields = tuple(name for name, (field, _) in self._field_of.items() if field != IGNORED)

    def _named(self, label: str) -> tuple[str | None, int]:
        return self._field_of.get(as_label(label), (None, 0))

    def fields_alike(self, label: str) -> frozenset[str]:
        """The fields of which a label is written as this one is, but for a typing error or an ending."""
        alike = (field for name, (field, _) in self._field_of.items() if is_alike(name, label))
        return frozenset(alike)
