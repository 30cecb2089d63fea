"""What the classes of settings have in common: how a value is read, and the error for those that can't be."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.settings.kinds import YesNo, hidden_character

_PLACEHOLDER = re.compile(
    r"(?i)(?<![a-z0-9])example-(?:user|password|account|key|secret|search|bucket)\b|//(?:store|covers)\.bookstore\.example"
)
"""What the `.env*.example` files have in the places that a shop has to fill in."""


class SettingsError(NeedsPerson):
    """Settings are missing or malformed. Names them; never shows a value. Exit code 2."""


class Settings(BaseModel):
    """Reads what it is given and nothing else: neither the process's environment nor a file."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    file: ClassVar[str] = ".env"
    """Where a person writes these settings."""

    ALLOW_PLAIN_HTTP: YesNo = Field(
        False, description="Whether http:// may lead to another machine: on a network of one's own"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_meant(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, str) or info.field_name is None:
            return value
        if character := hidden_character(value, info.field_name):
            raise ValueError(
                f"it has a character in it that is invisible or not text ({character}): retype it"
            )
        if _PLACEHOLDER.search(value):
            raise ValueError("it is still the example's value: write your own")
        return value

    @classmethod
    def missing(cls, given: Mapping[str, str]) -> list[str]:
        """What is missing beyond the required settings: of alternatives, none is there."""
        return []


def secret(value: SecretStr | None) -> str | None:
    """A secret's text, for the client that needs it."""
    return None if value is None else value.get_secret_value()
