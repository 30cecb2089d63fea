"""What a page calls the roles of a book's contributors, and which of these it means."""

import re
from collections.abc import Mapping

from ingram_assets.domain.contributor_roles import is_one_role, is_role
from ingram_assets.domain.site_file import as_phrase
from ingram_assets.sources.ipage.profile.phrases import beginning_as

_BY = re.compile(r"((?:\w+ )?\w+ by) (?=\w)", re.IGNORECASE)
"""Before a name: "Translated by"."""


class RoleWords:
    """The shop's own words for roles, and the English ones."""

    def __init__(self, roles: Mapping[str, str]) -> None:
        self._meant = {as_phrase(words): role for words, role in roles.items()}
        self._own = re.compile(rf"({beginning_as(self._meant)})\s+(?=\w)", re.IGNORECASE)

    def meant(self, words: str) -> str:
        """The role in the words that are known; or as it stands."""
        return self._meant.get(as_phrase(words), words)

    def is_alone(self, words: str) -> bool:
        """Whether these words are a role, and no part of anybody's name."""
        return as_phrase(words) in self._meant or is_one_role(words)

    def before_a_name(self, text: str) -> str:
        """The words of a role that a text begins with, as "Translated by"; "" for none."""
        found = self._own.match(text) or _BY.match(text)
        return found[1] if found and (as_phrase(found[1]) in self._meant or is_role(found[1])) else ""
