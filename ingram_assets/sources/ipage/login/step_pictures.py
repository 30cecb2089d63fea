"""Pictures of the pages on the way in, on which nothing that opens the account can be read."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_TYPED_INTO = "input:not([type=submit]):not([type=button]), textarea, select, [contenteditable]"
_PATIENCE = 5_000.0
"""Milliseconds for one picture."""


@dataclass(frozen=True, slots=True)
class SignInStep:
    """A page of the sign-in.

    Attributes:
        asks: what it asks for, as `forms.Step` has it; "nothing" if none came.
        path: of its address.
        picture: a PNG; `None`: there is none of it.
        clock_skew: the site's clock less this machine's, as far as is known by now.
    """

    asks: str
    path: str
    picture: bytes | None
    clock_skew: timedelta


Watch = Callable[[SignInStep], None]


def picture_of(page: "Page", secrets: Iterable[str]) -> bytes | None:
    """What the page looks like, with every field and every text that has one of the secrets in it covered."""
    from playwright.sync_api import Error as PlaywrightError

    with contextlib.suppress(PlaywrightError):
        covered = [
            found
            for frame in page.frames
            for found in (
                frame.locator(_TYPED_INTO),
                *(frame.get_by_text(secret) for secret in secrets if len(secret) > 3),
            )
        ]
        return page.screenshot(mask=covered, timeout=_PATIENCE, full_page=True, animations="disabled")
    return None
