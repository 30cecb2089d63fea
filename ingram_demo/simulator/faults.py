"""Fault rules: which requests go wrong, and how."""

import dataclasses
from collections.abc import Mapping
from typing import Any, get_type_hints

from ingram_demo.simulator.book import Book

FAULTS: dict[str, str] = {
    "block": "Imperva's block page with status 200",
    "interruption": "the page 'Pardon Our Interruption' with status 200",
    "status": "an HTTP error: status (403, 429, 500, …), retry_after",
    "slow": "the answer comes `seconds` late",
    "hang": "no answer, until the client goes away",
    "cut": "the connection closes in the middle of the body",
    "garbage": "4 kB of random bytes with status 200",
    "html": "an HTML page of the site that is none of what was asked for, with status 200",
    "page": "the page `html`, with `status`",
    "login_form": "the login form in its place, though the session lives",
    "redirect_loop": "a redirect to the same address, for ever",
    "expire": "the session ends just before this request (of those that come with a live one)",
    "wrong_title": "the page or cover of another title",
    "layout": "the product page in another `layout`",
    "zeros": "every count on the product page is 0",
    "price": "the product page shows `price` (0.00, 99999)",
    "no_label": "the product page without `label` and what stands under it",
    "no_stock_table": "the product page without its stock tables",
    "empty": "an empty body with status 200",
    "half": "the first half of the body, complete as far as HTTP can tell",
    "header_only": "the export's header and no title",
    "other_search": "the export of another search",
    "doubled": "the export lists every title twice",
}
"""What a rule can do. Each request suffers the first rule that matches."""

KINDS = (
    *("login_page", "login_post", "factor_page", "code_page", "terms", "home", "search", "export", "product"),
    *("cover", "error_page", "okta", "open_library", "open_library_picture", "other"),
)
"""Kinds of requests, by which rules match and counters count."""


@dataclasses.dataclass(slots=True)
class Rule:
    """One fault, and which requests it meets.

    Of the requests of `kinds` (and `isbns`, if any), number `at` and the `count` - 1 after (0: all after),
    or every `every`-th; and of those the ones whose title falls in the `share` percent.
    """

    fault: str
    kinds: tuple[str, ...] = ("product",)
    isbns: tuple[str, ...] = ()
    at: int = 1
    count: int = 0
    every: int = 0
    share: float = 100.0
    status: int = 503
    retry_after: str | None = None
    seconds: float = 10.0
    html: str = ""
    layout: str = "renamed_tables"
    price: str = "0.00"
    label: str = "US SRP"
    seen: int = dataclasses.field(default=0)
    suffered: int = dataclasses.field(default=0)

    @classmethod
    def from_json(cls, data: Mapping[str, Any], layouts: Mapping[str, Any]) -> "Rule":
        """The rule that a control request describes.

        Raises:
            ValueError: a fault, kind, layout or field that doesn't exist, or a value of another type.
        """
        hints = get_type_hints(cls)
        for name, value in data.items():
            if name not in hints or name in ("seen", "suffered"):
                raise ValueError(f"A fault has no {name!r}.")
            if name in ("kinds", "isbns"):
                good = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
            elif hints[name] is float:
                good = isinstance(value, int | float) and not isinstance(value, bool)
            else:
                good = isinstance(value, hints[name]) and not isinstance(value, bool)
            if not good:
                raise ValueError(f"A fault's {name!r} can't be {value!r}.")
        rule = cls(**{**data, **{name: tuple(data[name]) for name in ("kinds", "isbns") if name in data}})
        if rule.fault not in FAULTS:
            raise ValueError(f"There is no fault {rule.fault!r}; there are {', '.join(FAULTS)}.")
        if unknown := sorted(set(rule.kinds) - set(KINDS) - {"all"}):
            raise ValueError(
                f"There are no requests of kind {unknown}; there are {', '.join(KINDS)} and all."
            )
        if rule.layout not in layouts:
            raise ValueError(f"There is no layout {rule.layout!r}; there are {', '.join(layouts)}.")
        return rule

    def matches(self, kind: str, isbn: str | None, book: Book) -> bool:
        """Whether this request suffers; counts it if it is one of the rule's kind."""
        if kind not in self.kinds and "all" not in self.kinds:
            return False
        if self.isbns and isbn not in self.isbns:
            return False
        self.seen += 1
        if self.every:
            due = self.seen % self.every == 0
        else:
            due = self.seen >= self.at and (self.count == 0 or self.seen < self.at + self.count)
        if due and book.in_share(isbn, self.share, self.fault):
            self.suffered += 1
            return True
        return False
