"""What a shop's `site.toml` says of the site, checked entry by entry: its own entries are laid over ours.

The file is a table of plain words and addresses, and nothing in it is code. What its sections do is told in
docs/site.md; the entries that come with the program are such a file as well.
"""

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ingram_assets.domain import bindings, contributor_roles
from ingram_assets.domain.tables import decoded

ADDRESSES = ("home", "login", "product", "covers", "search_export", "search_results")
LABELS = (
    *("ean", "isbn", "title", "contributors", "publisher", "price", "binding", "pub_date", "sale_date"),
    *("physical", "weight", "pages", "series", "bisac", "description", "status", "returnable", "ignored"),
)
ELEMENTS = ("title", "description")
HEADINGS = ("center", "on_hand", "on_order", "total", "primary", "secondary", "other", "ignored")
COLUMNS = ("isbn", "code", "title", "price")
WORDS = (
    *("blocked", "expired", "closed", "not_found", "no_picture", "sign_out"),
    *("results", "next_page", "download", "beside", "trouble", "as_of", "our_stock"),
    *("no", "restricted", "some_customers", "some_countries"),
)
UNITS = ("dollars", "copies", "pages", "pounds", "ounces", "kilograms", "grams")
SIGN_IN = (
    *("user", "password", "account", "submit", "send_code", "resend", "code", "verify"),
    *("email_factor", "totp_factor", "sms_factor", "voice_factor"),
    *("terms", "accept_terms", "trust", "notice", "locked", "wrong"),
)

STATUSES = (
    *("In Print", "Not Yet Published", "Out of Print", "Out of Stock Indefinitely", "Canceled", "Withdrawn"),
    "Postponed Indefinitely",
)
"""Of a publisher, as they are understood (domain/availability.py)."""

SOME_BINDINGS = ("Paperback", "Hardcover", "E-Book", "Audio CD", "Audio Download")
SOME_ROLES = ("Author", "Translator", "Illustrator", "Editor", "Narrator")

_TEMPLATES = {
    "home": ((), ()),
    "login": ((), ()),
    "product": (("isbn",), ("isbn10",)),
    "covers": (("isbn", "isbn10"), ()),
    "search_export": (("search",), ("page", "total")),
    "search_results": (("search",), ("page", "total")),
}
"""Of each address, the parameters of which one has to stand in it, and those that may stand there besides."""

_ELEMENT = re.compile(r"(?:[A-Za-z][A-Za-z0-9]*)?(?:[.#]-?[^\W\d][\w-]*)*")
"""What an element is told by: its name, classes and id."""

_WHOLE_PAGE = ("blocked", "expired", "closed", "not_found")
"""Words that are looked for on whole pages, whatever they say: a short one would be found on any."""
_SHORTEST_PHRASE = 6
_LONGEST_WORD, _LONGEST_ADDRESS, _MOST_WORDS = 200, 2_000, 500
LARGEST = 200_000
"""Bytes of a file."""

Words = Mapping[str, tuple[str, ...]]


class SiteFileError(ValueError):
    """An entry that can't be meant. The message names its section and key, and says what to do."""


@dataclass(frozen=True, slots=True)
class SiteEntries:
    """What such a file says, by section; a key that it lacks is not there.

    Attributes:
        addresses: from the host on, with their parameters in braces; one each, but of covers.
        elements: fields that have no label to what holds them: "h1", ".name", "#id", or several of these.
        centers: names to the two letters that each center is counted under.
        months: names to numbers.
        statuses: what a page says of a publisher's status, to one of `STATUSES`.
        bindings, roles: what a page calls bindings, and the roles of contributors, to words that are known.
        decimal: the sign before the cents; dates: "mdy" or "dmy", or "" for the US's way; `None`: not said.
    """

    addresses: Words = field(default_factory=dict)
    labels: Words = field(default_factory=dict)
    elements: Words = field(default_factory=dict)
    headings: Words = field(default_factory=dict)
    centers: Mapping[str, str] = field(default_factory=dict)
    columns: Words = field(default_factory=dict)
    words: Words = field(default_factory=dict)
    months: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    bindings: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    decimal: str | None = None
    dates: str | None = None
    units: Words = field(default_factory=dict)
    sign_in: Words = field(default_factory=dict)

    def under(self, own: "SiteEntries") -> "SiteEntries":
        """These with a shop's own over them: its words come first, its other values in the place of ours."""
        return SiteEntries(
            addresses={**self.addresses, **own.addresses},
            labels=_together(own.labels, self.labels, as_label),
            elements=_together(own.elements, self.elements, str),
            headings=_together(own.headings, self.headings, as_label),
            centers=_under(self.centers, own.centers),
            columns=_together(own.columns, self.columns, as_label),
            words=_together(own.words, self.words, as_phrase),
            months=_under(self.months, own.months),
            statuses=_under(self.statuses, own.statuses),
            bindings=_under(self.bindings, own.bindings),
            roles=_under(self.roles, own.roles),
            decimal=self.decimal if own.decimal is None else own.decimal,
            dates=self.dates if own.dates is None else own.dates,
            units=_together(own.units, self.units, as_phrase),
            sign_in=_together(own.sign_in, self.sign_in, as_phrase),
        )

    @property
    def fingerprint(self) -> str:
        """The same for entries that say the same, and for no others."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        told = json.dumps(
            {name: sorted(v.items()) if isinstance(v, Mapping) else v for name, v in values.items()}
        )
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def parse_site_file(data: bytes, site: str | None) -> SiteEntries:
    """The entries of a file.

    Args:
        site: the site's own address, `https://ipage.ingramcontent.com`; `None`: hosts are not looked at.

    Raises:
        SiteFileError: it is no TOML, or an entry can't be meant.
    """
    if len(data) > LARGEST:
        raise SiteFileError(f"it has more than {LARGEST:,} bytes: leave out what is not of the site")
    try:
        tables = tomllib.loads(decoded(data, "").replace("\r\n", "\n"))
    except RecursionError:
        raise SiteFileError(
            "lists or tables stand in each other hundreds deep: write each entry as in docs/site.md"
        ) from None
    except tomllib.TOMLDecodeError as error:
        if re.match("Cannot (?:overwrite|declare|mutate)", str(error)):
            where = str(error).rpartition(" (")[2].rstrip(")")
            raise SiteFileError(f"a section or key stands there twice ({where}): put them together") from None
        raise SiteFileError(
            f"it is no TOML ({error}): write each entry as in docs/site.md, texts in straight quotes"
        ) from None
    except ValueError as error:
        where = str(error).strip().rstrip(".").replace("Line", "line", 1)
        raise SiteFileError(f"{where}: have the editor save the file as UTF-8") from None
    for name, table in tables.items():
        if name not in _READERS:
            raise SiteFileError(f"[{name}] is no section of it{_meant(name, _READERS)}")
        if not isinstance(table, dict):
            raise SiteFileError(f"{name} is a section: write [{name}], and its entries below")
    found: dict[str, Any] = {}
    for name, table in tables.items():
        found |= _READERS[name](table, site)
    return SiteEntries(**found)


def as_label(word: str) -> str:
    """A label, or the heading of a column, in the one spelling that all its spellings share."""
    plain = " ".join(word.replace("-", " ").replace("\u00a0", " ").lower().split())
    return plain.strip(" .:").strip()


def as_phrase(word: str) -> str:
    """A phrase in the one spelling that all its spellings share."""
    return re.sub(r"[\s\u00a0-]+", " ", word.replace("’", "'")).strip().casefold()


def _together(own: Words, ours: Words, spelled: Callable[[str], str]) -> Mapping[str, tuple[str, ...]]:
    """A shop's own words before ours. What it gives to one key is taken from all others."""
    given = {spelled(word) for words in own.values() for word in words}
    return {
        key: (*own.get(key, ()), *(word for word in ours.get(key, ()) if spelled(word) not in given))
        for key in dict.fromkeys([*ours, *own])
    }


def _under(ours: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    given = {as_phrase(name) for name in own}
    return {**own, **{name: value for name, value in ours.items() if as_phrase(name) not in given}}


# -- sections --------------------------------------------------------------------------------------------


def _addresses(table: dict[str, Any], site: str | None) -> dict[str, Any]:
    _know("addresses", table, ADDRESSES)
    found = {}
    for key, value in table.items():
        where = f"[addresses] {key}"
        several = key == "covers"
        if several and (not isinstance(value, list) or not value):
            raise SiteFileError(f'{where} has to be a list of addresses, as ["/cover?ean={{isbn}}"]')
        written = value if several else [value]
        if len(written) > _MOST_WORDS:
            raise SiteFileError(f"{where} has more than {_MOST_WORDS} addresses")
        found[key] = tuple(_address(where, key, each, site) for each in written)
    return {"addresses": found}


def _address(where: str, key: str, value: object, site: str | None) -> str:
    if not isinstance(value, str):
        raise SiteFileError(f'{where} has to be an address in quotes, as "/page", and is {_called(value)}')
    path = _path(where, value.strip(), site)
    needed, allowed = _TEMPLATES[key]
    named = re.findall(r"\{([^{}]*)\}", path)
    if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", path)):
        raise SiteFileError(f"{where} has a brace without its partner")
    for name in named:
        if name not in (*needed, *allowed):
            of = ", ".join(f"{{{each}}}" for each in (*needed, *allowed)) or "none"
            raise SiteFileError(f"{where} has {{{name}}} in it, which is filled in by nothing: there is {of}")
    if needed and not set(needed) & set(named):
        wanted = " or ".join(f"{{{each}}}" for each in needed)
        raise SiteFileError(f"{where} lacks {wanted}: write it where the page's own stands in the address")
    return path


def _path(where: str, value: str, site: str | None) -> str:
    if len(value) > _LONGEST_ADDRESS or re.search(r"[\s\\\x00-\x1f\x7f<>\"]", value) or "#" in value:
        raise SiteFileError(
            f"{where} has a blank, a # or another sign in it that no address has: copy it anew"
        )
    if value.startswith("/") and not value.startswith("//"):
        return value
    whole = re.match(r"(https?://[^/?{]+)([/?].*)?$", value, re.IGNORECASE)
    if whole is None:
        raise SiteFileError(f"{where} has to begin with / (what follows the host) or with https://")
    if site is not None and _host(whole[1]) != _host(site):
        raise SiteFileError(
            f"{where} is of another host than the site's, {_host(site)}: the session's cookies go nowhere "
            "else. IPAGE_BASE_URL has the site's address"
        )
    rest = whole[2] or "/"
    return rest if rest.startswith("/") else f"/{rest}"


def _host(address: str) -> str:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    usual = {"http": 80, "https": 443}.get(parts.scheme.lower())
    return host if port in (None, usual) else f"{host}:{port}"


def _lists(name: str, keys: tuple[str, ...], spelled: Callable[[str], str]) -> Callable[..., dict[str, Any]]:
    def read(table: dict[str, Any], _: str | None) -> dict[str, Any]:
        _know(name, table, keys)
        found = {key: _words(name, key, value) for key, value in table.items()}
        _once_each(name, found, spelled)
        return {name: found}

    return read


def _elements(table: dict[str, Any], _: str | None) -> dict[str, Any]:
    _know("elements", table, ELEMENTS)
    found = {key: _words("elements", key, value) for key, value in table.items()}
    for key, words in found.items():
        for word in words:
            if not _ELEMENT.fullmatch(word):
                raise SiteFileError(
                    f"[elements] {key} has {json.dumps(word, ensure_ascii=False)} in it: write the element's "
                    'name, its class behind a point, its id behind a #, as "h1", ".blurb", "#text", "p.blurb"'
                )
    _once_each("elements", found, str)
    return {"elements": found}


def _centers(table: dict[str, Any], _: str | None) -> dict[str, Any]:
    found: dict[str, str] = {}
    for name, code in table.items():
        where = f"[centers] {json.dumps(name, ensure_ascii=False)}"
        _check_word(where, name)
        if not isinstance(code, str) or not re.fullmatch("[A-Za-z]{2}", code.strip()):
            raise SiteFileError(f'{where} has to be two letters, those of its state, as "TN"')
        if (other := found.get(_same(found, name), code.strip().upper())) != code.strip().upper():
            raise SiteFileError(f"{where} stands there twice, as {other} and as {code.strip().upper()}")
        found[name.strip()] = code.strip().upper()
    return {"centers": found}


def _meanings(
    section: str, meant: Callable[[str], str | None], choices: str
) -> Callable[[dict[str, Any], str | None], dict[str, Any]]:
    """Reads what a page says, and what that means: `meant` gives it in our spelling, or `None`."""

    def read(table: dict[str, Any], _: str | None) -> dict[str, Any]:
        found: dict[str, str] = {}
        for words, value in table.items():
            where = f"[{section}] {json.dumps(words, ensure_ascii=False)}"
            _check_word(where, words)
            known = meant(value.strip()) if isinstance(value, str) else None
            if known is None:
                raise SiteFileError(f"{where} has to be {choices}")
            if found.setdefault(as_phrase(words), known) != known:
                raise SiteFileError(
                    f"{where} stands there twice, as {found[as_phrase(words)]} and as {known}"
                )
        return {section: found}

    return read


def _status(value: str) -> str | None:
    return next((status for status in STATUSES if as_phrase(status) == as_phrase(value)), None)


def _binding(value: str) -> str | None:
    is_known = len(value) <= _LONGEST_WORD and bindings.kind(value) is not bindings.BindingKind.UNKNOWN
    return value if is_known else None


def _role(value: str) -> str | None:
    return value if len(value) <= _LONGEST_WORD and contributor_roles.is_role(value) else None


def _same(found: Mapping[str, Any], name: str) -> str:
    return next((each for each in found if as_phrase(each) == as_phrase(name)), "")


def _page_words(table: dict[str, Any], site: str | None) -> dict[str, Any]:
    _know("words", table, (*WORDS, "months"))
    months = table.get("months", {})
    if not isinstance(months, dict):
        raise SiteFileError('[words] months has to be a table, as { "januar" = 1 }')
    for name, number in months.items():
        where = f"[words] months {json.dumps(name, ensure_ascii=False)}"
        _check_word(where, name)
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 12:
            raise SiteFileError(f"{where} has to be the number of a month, 1 to 12")
    lists = {key: value for key, value in table.items() if key != "months"}
    found = _lists("words", WORDS, as_phrase)(lists, site)
    for key in _WHOLE_PAGE:
        for word in found["words"].get(key, ()):
            if len(re.findall(r"\w", word)) < _SHORTEST_PHRASE:
                raise SiteFileError(
                    f"[words] {key} has {json.dumps(word, ensure_ascii=False)} in it, which may stand on any "
                    f"page: write more of what the page says, {_SHORTEST_PHRASE} letters at least"
                )
    return found | {"months": {as_phrase(name): number for name, number in months.items()}}


def _numbers(table: dict[str, Any], site: str | None) -> dict[str, Any]:
    _know("numbers", table, ("decimal", "dates", *UNITS))
    for key, choices in (("decimal", (".", ",")), ("dates", ("mdy", "dmy", ""))):
        if key in table and table[key] not in choices:
            of = " or ".join(f'"{each}"' for each in choices)
            raise SiteFileError(f"[numbers] {key} has to be {of}")
    lists = {key: value for key, value in table.items() if key in UNITS}
    units = {key: _words("numbers", key, value) for key, value in lists.items()}
    _once_each("numbers", units, as_phrase)
    return {"units": units, "decimal": table.get("decimal"), "dates": table.get("dates")}


_READERS: dict[str, Callable[[dict[str, Any], str | None], dict[str, Any]]] = {
    "addresses": _addresses,
    "labels": _lists("labels", LABELS, as_label),
    "elements": _elements,
    "headings": _lists("headings", HEADINGS, as_label),
    "centers": _centers,
    "statuses": _meanings("statuses", _status, f"one of {', '.join(STATUSES)}"),
    "bindings": _meanings("bindings", _binding, f"a binding that is known, as {', '.join(SOME_BINDINGS)}"),
    "roles": _meanings("roles", _role, f"a role that is known, as {', '.join(SOME_ROLES)}"),
    "columns": _lists("columns", COLUMNS, as_label),
    "words": _page_words,
    "numbers": _numbers,
    "sign_in": _lists("sign_in", SIGN_IN, as_phrase),
}


# -- checks ----------------------------------------------------------------------------------------------


def _know(section: str, table: Iterable[str], keys: tuple[str, ...]) -> None:
    for key in table:
        if key not in keys:
            raise SiteFileError(f"[{section}] has no key {key}{_meant(key, keys)}")


def _meant(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(name.lower().replace("-", "_"), known, 1, 0.6)
    return f": is {close[0]} meant?" if close else f": there are {', '.join(known)}"


def _words(section: str, key: str, value: object) -> tuple[str, ...]:
    where = f"[{section}] {key}"
    if not isinstance(value, list):
        raise SiteFileError(
            f'{where} has to be a list of texts, as ["one", "another"], and is {_called(value)}'
        )
    if len(value) > _MOST_WORDS:
        raise SiteFileError(f"{where} has more than {_MOST_WORDS} texts")
    for word in value:
        _check_word(where, word)
    return tuple(word.strip() for word in value)


def _check_word(where: str, word: object) -> None:
    if not isinstance(word, str):
        raise SiteFileError(f"{where} has {_called(word)} in it: each has to be a text in quotes")
    shown = json.dumps(word[:60], ensure_ascii=False)
    if not re.search(r"\w", word):
        raise SiteFileError(f"{where} has {shown} in it, which has no letter or digit: take it out")
    if len(word) > _LONGEST_WORD:
        raise SiteFileError(f"{where} has a text of more than {_LONGEST_WORD} characters: {shown}…")
    if re.search(r"[\x00-\x1f\x7f]", word):
        raise SiteFileError(f"{where} has a control character or a line break in {shown}: retype it")


def _once_each(section: str, found: Words, spelled: Callable[[str], str]) -> None:
    of: dict[str, str] = {}
    for key, words in found.items():
        for word in words:
            if (other := of.setdefault(spelled(word), key)) != key:
                raise SiteFileError(
                    f"[{section}] has {json.dumps(word, ensure_ascii=False)} under {other} and under {key}: "
                    "leave it under one of them"
                )


def _called(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "one text"
        case dict():
            return "a table"
        case list():
            return "a list"
    return "a date or time"
