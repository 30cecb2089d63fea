"""The dials: how the site behaves as a whole. What goes wrong with single requests is in `faults.py`."""

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

OKTA_LOOPS = ("off", "login_page", "after_password", "script")
EXPIRED_AS = ("redirect", "message", "login_form")
TERMS = ("off", "before_code", "after_code")
FACTOR_MARKUP = ("radio", "buttons", "select")
NO_COVER_AS = ("404", "empty", "gif", "html")
UNITS = ("metric", "imperial")
RESULTS_MARKUP = ("table", "cards")
EXPORT_AS = ("file", "404", "popup", "unlinked")
CSV_LAYOUTS = (
    *("classic", "isbn13", "product_code", "both_codes", "preamble", "tabs", "all_isbn10", "unknown_columns"),
)
ALL_DCS = ("TN", "PA", "IN", "OR", "CA", "OH")


@dataclasses.dataclass(slots=True)
class Dials:
    """Every dial, with its value on a good day. Shares are percent of titles, the same ones each time."""

    # How fast
    latency_ms: float = 0.0
    jitter_ms: float = 0.0

    # Sign-in
    okta_loop: str = "off"
    """`login_page`: the old login page redirects into Okta and back for ever; `after_password`: the
    login post does; `script`: the login page does so from a script, one page load at a time."""
    account_locked: bool = False
    second_factor: bool = True
    factors: tuple[str, ...] = ("SMS", "Email", "Voice", "Authenticator")
    factor_markup: str = "radio"
    terms: str = "off"
    """When the terms page comes; once accepted, it stays away until the dial is set again."""
    code_lifetime_s: float = 300.0
    device_trust_days: float = 30.0
    session_idle_s: float = 7200.0
    single_session: bool = False
    """A new sign-in ends the account's other sessions."""
    expired_as: str = "redirect"
    """How a product or search page says that the session ended: a redirect to `/ipage/error.jsp?timeout=y`,
    the message in place, or the login form in place. Covers and exports always show the login form."""
    expired_html: str = ""
    """What stands in the place of everything when the session ended, where it is none of those."""
    require_imperva_cookies: bool = False
    require_same_user_agent: bool = False

    # Mail
    mail_from: str = "Ingram Content Group <no-reply@ingramcontent.com>"
    mail_delay_s: float = 0.0
    no_mail: bool = False
    stale_mails: int = 0
    """Mails with older codes of the same sender that lie in the box when the true one comes."""
    stale_mails_after: int = 0
    """The same, delivered after the true one, as a slow relay does. Their `Date:` is old."""
    wrong_sender_mails: int = 0
    """Mails with another code from another sender, delivered after the true one."""

    # The product page
    units: str = "metric"
    date_format: str = "%m/%d/%Y"
    dcs: tuple[str, ...] = ("TN", "PA", "IN", "OR")
    """Row order of the stock tables: the primary DC, the secondary, the others."""
    unknown_cells: str = "N/A"
    unknown_cells_share: float = 0.0
    """Share of stock cells that show `unknown_cells` in place of their count. The book says null there."""
    hostile_share: float = 0.0
    """Share of titles whose title, author and annotation carry hostile text."""

    # The saved search: its page of results, and its export
    results_markup: str = "table"
    """`table`: numbers in a column, a link to the next page. `cards`: boxes whose links have the numbers,
    numbered pages, other books beside and below them."""
    export_as: str = "file"
    """`file`; `404`; `popup`: a page that asks for a click; `unlinked`: the file, to which no link leads."""
    search_shows: int = 0
    """So many titles of the search, the first ones; 0: all. The export is not concerned."""
    csv_layout: str = "classic"

    # Covers
    no_cover_as: str = "404"
    open_library_limit: int = 100
    """ISBN look-ups in 5 minutes; 0 is no limit."""

    def changed(self, values: Mapping[str, Any]) -> "Dials":
        """These dials with other values.

        Raises:
            ValueError: a dial that doesn't exist or a value that it can't take.
        """
        hints = get_type_hints(Dials)
        typed = {}
        for name, value in values.items():
            if name not in hints:
                raise ValueError(f"There is no dial {name!r}; there are {', '.join(sorted(hints))}.")
            typed[name] = _typed(name, value, hints[name])
        return dataclasses.replace(self, **typed)


_CHOICES = {
    "okta_loop": OKTA_LOOPS,
    "expired_as": EXPIRED_AS,
    "terms": TERMS,
    "factor_markup": FACTOR_MARKUP,
    "no_cover_as": NO_COVER_AS,
    "units": UNITS,
    "csv_layout": CSV_LAYOUTS,
    "results_markup": RESULTS_MARKUP,
    "export_as": EXPORT_AS,
}


def _typed(name: str, value: Any, wanted: Any) -> Any:
    if get_origin(wanted) is tuple:
        if not isinstance(value, list | tuple) or not all(
            isinstance(item, get_args(wanted)[0]) for item in value
        ):
            raise ValueError(f"The dial {name!r} takes a list of texts, not {value!r}.")
        return tuple(value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ValueError(f"The dial {name!r} takes {wanted.__name__}, not {value!r}.")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(f"The dial {name!r} takes {', '.join(_CHOICES[name])}, not {value!r}.")
    return value
