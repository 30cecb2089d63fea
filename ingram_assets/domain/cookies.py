"""Cookies as people paste them: what browsers and their extensions export, understood or refused.

Understood are the Cookie header's value, a request's or an answer's header lines, commands that a browser
copies (cURL for either system, wget, PowerShell, fetch), `document.cookie="…"`, Netscape's cookies.txt, JSON
(of extensions, of Playwright, HAR), rows of a browser's table of cookies and what Firefox shows of one. Rows
may have become one line, since a setting is one. What is none of these is refused: half of a command sent as
a cookie would tell the site what no browser says.
"""

import ast
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any
from urllib.parse import urlsplit

_WHAT_TO_COPY = (
    "copy the value of the Cookie header of a signed-in browser, in the form name=value; name=value, "
    "or the request as cURL"
)
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\x20-\x3a\x3c-\x7e]*")
_ATTRIBUTES = frozenset(
    {"path", "domain", "expires", "max-age", "samesite", "secure", "httponly", "priority", "partitioned"}
)
"""What an answer says of a cookie, and no cookies."""
_ASSIGNED = re.compile(r"\b(?:window\.)?document\.cookie\s*=(?!=)\s*")
_LINE = re.compile(r"\s*(?P<name>(?:set-)?cookie|user-agent)\s*:(?P<value>.*)", re.IGNORECASE)
_COMMAND = re.compile(
    r"\s*(?:[$>#]\s+)?(?:curl|wget|https?|xh)(?:\.exe)?\s|.*\bfetch\(|.*Invoke-(?:WebRequest|RestMethod)|\s*\$session",
    re.IGNORECASE | re.DOTALL,
)
_STRING = r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
_KEY = re.compile(rf"[\"'](cookie|user-agent)[\"']\s*[:=]\s*({_STRING})", re.IGNORECASE)
_POWERSHELL = re.compile(
    r"Net\.Cookie\(\s*\"([^\"]*)\",\s*\"([^\"]*)\"(?:,\s*\"([^\"]*)\")?(?:,\s*\"([^\"]*)\")?"
)
_POWERSHELL_AGENT = re.compile(r"UserAgent\s*=\s*\"([^\"]*)\"")
_ANSI_STRING = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_PIECE = re.compile(
    r"(?P<space>\s+)|(?P<plain>[^\s'\"\\]+)|'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]+|\\.)*+)\""
    r"|\\(?P<escaped>.)|(?P<unclosed>.)",
    re.DOTALL,
)
"""A piece of a command's word, for a shell of Unix."""
_OF_CURL = {"-b": "cookie", "--cookie": "cookie", "-A": "user-agent", "--user-agent": "user-agent"}
_TWO_IN_ONE = re.compile(r"[\s,][A-Za-z_][\w.-]*=|['\"]\s+-{1,2}[A-Za-z]")
"""Inside of a value: another cookie, or another argument of a command."""
_JOINED = re.compile(r"[^=&|?]*={0,2}(?:[&|][A-Za-z_.][\w.~-]*=[^&|]*)+")
"""A value that goes on with names and values: joined cookies, or one of a site that keeps several in it."""
_HIDES = r"(?:redacted|removed|hidden|masked|filtered|omitted|truncated|snip(?:ped)?)"
_CUT = re.compile(
    r"(?:\.{3}|\*{3}).*|.*(?:\.{3}|\*{3})\W?|[\w+/=-]+(?:\.{3,}|\*{3,})[\w+/=-]+"
    rf"|.*[\[<({{]{_HIDES}[\])>}}].*|{_HIDES}",
    re.IGNORECASE,
)
"""A value as somebody shows it who keeps the rest to himself."""
_BETWEEN = r"(?: *\t *| +)"
_NETSCAPE = re.compile(
    rf"(?<!\S)(?:#HttpOnly_)?(?P<domain>\S+){_BETWEEN}(?P<below>TRUE|FALSE){_BETWEEN}(?P<path>/\S*)"
    rf"{_BETWEEN}(?:TRUE|FALSE){_BETWEEN}-?[\d.]+{_BETWEEN}(?P<name>\S*)"
)
"""A row of cookies.txt as far as its value, which ends where the next row or the line's end is."""
_DETAIL = re.compile(
    rf"(?P<name>Expires / Max-Age|Last Accessed|{_NAME.pattern}?)\s*:\s*"
    rf"(?P<value>{_STRING}|(?:true|false|\d+)\b)[\s,]*"
)
"""A line of what Firefox shows of a cookie: its name and value, then what else is known of it."""
_DETAILS = _ATTRIBUTES | {
    *("created", "updated", "expires / max-age", "last accessed", "host", "hostonly", "size", "partitionkey"),
}


class NotCookies(ValueError):
    """What was pasted can't be sent as cookies. The message says what to copy, and nothing of what it was."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}: {_WHAT_TO_COPY}")


@dataclass(frozen=True, slots=True)
class PastedCookie:
    """`domain`: where it belongs, if that was pasted along; with a leading dot, what is below it, too."""

    name: str
    value: str = field(repr=False)
    domain: str | None = None
    path: str = "/"


@dataclass(frozen=True, slots=True)
class Pasted:
    """Cookies, and the browser's `User-Agent` if it came along."""

    cookies: tuple[PastedCookie, ...]
    user_agent: str | None = None

    def of_host(self, host: str) -> tuple[PastedCookie, ...]:
        """Those that a browser sends to this host. Raises NotCookies: all are another site's."""
        sent = tuple(cookie for cookie in self.cookies if _goes_to(host, cookie.domain))
        if not sent:
            others = ", ".join(sorted({cookie.domain or "" for cookie in self.cookies})[:3])
            raise NotCookies(f"it holds cookies of {others[:200]} and none of {host}")
        return sent


def read_pasted(text: str) -> Pasted:
    """The cookies in a text, each name of a place once: the first, which a browser sends first.

    Raises:
        NotCookies: there is none in it, or something that can't be sent.
    """
    text = re.sub(r"^(?:export\s+)?IPAGE_SESSION_COOKIE\s*=\s*", "", text.strip("\ufeff \t\r\n"))
    text = _without_quotes(text, "\"'`").strip()
    if _ASSIGNED.match(text):
        statements = [statement.strip("; \t\r\n") for statement in _ASSIGNED.split(text)]
        text = "; ".join(_without_quotes(statement, "\"'`") for statement in statements if statement)
    found = _read(text)
    if not found.cookies:
        raise NotCookies("it holds no cookie")
    for cookie in found.cookies:
        if not f"{cookie.name}{cookie.value}".isascii():
            why = "it has a character that no cookie has, as where a browser shortens what it shows"
            raise NotCookies(why)
        if not _NAME.fullmatch(cookie.name) or not _VALUE.fullmatch(cookie.value):
            raise NotCookies("what is in it is not all cookies")
        if _CUT.fullmatch(cookie.value):
            raise NotCookies("a value in it is shortened or masked, as where it is only shown")
    once = {(cookie.name, cookie.domain, cookie.path): cookie for cookie in reversed(found.cookies)}
    agent = found.user_agent if re.fullmatch(r"[\x20-\x7e]+", found.user_agent or "") else None
    return Pasted(tuple(reversed(once.values())), agent)


def _read(text: str) -> Pasted:
    if text[:1] in ("{", "["):
        return _of_data(_data(text))
    if _COMMAND.match(text):
        return _of_command(text)
    lines = text.splitlines()
    # A browser's list of headers has a name and, below it, its value.
    for place, line in enumerate(lines[:-1]):
        if line.strip().rstrip(":").rstrip().lower() in ("cookie", "user-agent"):
            lines[place : place + 2] = ["", f"{line.strip().rstrip(':')}: {lines[place + 1].strip()}"]
    headers = [match for line in lines if (match := _LINE.match(line))]
    if headers:
        return _of_headers((match["name"], match["value"]) for match in headers)
    for read in (_netscape, _details, _table):
        if rows := tuple(read(lines)):
            return Pasted(rows)
    pairs = tuple(_pairs(lines))
    if len(pairs) == 1 and _JOINED.fullmatch(pairs[0].value):
        raise NotCookies("it may be several cookies, joined by a sign that is no semicolon")
    return Pasted(pairs)


def _pairs(lines: Iterable[str], domain: str | None = None) -> Iterator[PastedCookie]:
    """From `name=value; name=value`."""
    for line in lines:
        for piece in filter(None, map(str.strip, line.split(";"))):
            name, sign, value = (part.strip() for part in piece.partition("="))
            if name.lower() in _ATTRIBUTES:
                continue
            if not sign or not name:
                raise NotCookies("a piece of it is no name=value")
            if '"' not in value[1:-1] and _TWO_IN_ONE.search(value):
                raise NotCookies("it has two cookies without a semicolon between them")
            yield PastedCookie(name, value, domain)


def _of_headers(lines: Iterable[tuple[str, str]], domain: str | None = None) -> Pasted:
    cookies: list[PastedCookie] = []
    agent = None
    for name, value in lines:
        match name.lower():
            case "cookie":
                cookies += _pairs([value], domain)
            case "set-cookie":
                cookies += _pairs([value.partition(";")[0]], domain)
            case "user-agent":
                agent = value.strip()
    return Pasted(tuple(cookies), agent)


# -- commands ----------------------------------------------------------------------------------------------


def _of_command(text: str) -> Pasted:
    if made := _POWERSHELL.findall(text):
        agent = _POWERSHELL_AGENT.search(text)
        cookies = (
            PastedCookie(name, value, domain or None, path or "/") for name, value, path, domain in made
        )
        return Pasted(tuple(cookies), agent[1] if agent else None)
    words = [] if re.search(r"\bfetch\(|Invoke-", text) else _words(text)
    urls = [word for word in words if re.match(r"https?://", word)] or re.findall(r"https?://[^\s'\"]+", text)
    domain = urlsplit(urls[0]).hostname if urls else None
    if not words:
        return _of_headers(((name, _unquoted(value)) for name, value in _KEY.findall(text)), domain)
    headers: list[tuple[str, str]] = []
    for place, word in enumerate(words):
        option, sign, value = word.partition("=")
        after = words[place + 1] if place + 1 < len(words) else ""
        if word in _OF_CURL:
            headers.append((_OF_CURL[word], after))
        elif option in _OF_CURL and sign:
            headers.append((_OF_CURL[option], value))
        elif word[:2] in ("-b", "-A") and len(word) > 2:
            headers.append((_OF_CURL[word[:2]], word[2:]))
        elif match := _LINE.fullmatch(re.sub(r"^(?:--header=|-H)", "", word)):
            headers.append((match["name"], match["value"]))
    told = ((name, re.sub(r"^\s*cookie:", "", value, flags=re.I)) for name, value in headers)
    return _of_headers(told, domain)


def _words(text: str) -> list[str]:
    """The words of a command, for a shell of Unix or of Windows."""
    if re.search(r"\^\s*\n|\^[\"']", text):
        text = re.sub(r"\^(.)", r"\1", re.sub(r"\^[ \t]*\r?\n", " ", text))
    text = re.sub(r"[\\`][ \t]*\r?\n", " ", text)
    text = _ANSI_STRING.sub(lambda string: shlex.quote(_unquoted(f"'{string[1]}'")), text)
    words: list[str] = []
    word: list[str] | None = None
    # `shlex.split` does it a character at a time, and takes forever over what a form has posted.
    for piece in _PIECE.finditer(text):
        kind, said = piece.lastgroup, piece[piece.lastgroup or 0]
        if kind == "unclosed":
            raise NotCookies("it is a part of a command")
        if kind == "space":
            words += [] if word is None else ["".join(word)]
            word = None
            continue
        if kind == "double":
            said = re.sub(r"\\([\"\\$`])", r"\1", said)
        word = [] if word is None else word
        word.append(said)
    return words if word is None else [*words, "".join(word)]


def _unquoted(string: str) -> str:
    """What a quoted string says, with its escapes."""
    escapes = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
    return escapes.sub(
        lambda found: chr(int(found[1] or found[2], 16)) if not found[3] else found[3], string[1:-1]
    )


# -- files and tables --------------------------------------------------------------------------------------


def _netscape(lines: list[str]) -> Iterator[PastedCookie]:
    """From cookies.txt, also where its lines have become one, joined by a blank or by a written line end."""
    if len(lines) == 1:
        plain = lines[0].replace("\\r", "").replace("\\n", "\n").replace("\\t", "\t").splitlines()
        lines = plain if _NETSCAPE.search("\n".join(plain)) else lines
    for line in lines:
        if len(lines) > 1 and re.match(r"\s*#(?!HttpOnly_)", line):
            continue
        rows = [*_NETSCAPE.finditer(line)]
        if rows and not re.match(r"\s*(?:#|$)", line[: rows[0].start()]):
            raise NotCookies("what is in it is not all cookies")
        for row, after in zip_longest(rows, rows[1:]):
            end = after.start() if after else len(line)
            dot = "." if row["below"] == "TRUE" and not row["domain"].startswith(".") else ""
            yield PastedCookie(row["name"], line[row.end() : end].strip(), dot + row["domain"], row["path"])


def _details(lines: list[str]) -> Iterator[PastedCookie]:
    """From `name: "value"` as Firefox copies it, with what belongs to the cookie after it."""
    cookie: PastedCookie | None = None
    for line in lines:
        line, place, found = line.strip(), 0, []
        while each := _DETAIL.match(line, place):
            found.append(each)
            place = each.end()
        if place < len(line):
            continue
        for each in found:
            name, value = each["name"].lower(), each["value"]
            value = _unquoted(value) if value[0] in "\"'" else value
            if name not in _DETAILS:
                if cookie is not None:
                    yield cookie
                cookie = PastedCookie(each["name"], value)
            elif cookie is not None and name == "domain":
                cookie = replace(cookie, domain=_domain(value))
            elif cookie is not None and name == "path":
                cookie = replace(cookie, path=_path(value))
    if cookie is not None:
        yield cookie


def _table(lines: list[str]) -> Iterator[PastedCookie]:
    """From a browser's table of cookies, whose cells are parted by tabs."""
    columns = {"name": 0, "value": 1, "domain": 2, "path": 3}
    for line in lines:
        cells = [cell.strip() for cell in line.strip("\r\n ").split("\t")]
        if len(cells) < 2 or line.startswith("#"):
            continue
        if cells[0].lower() == "name":
            columns = {cell.lower(): place for place, cell in enumerate(cells)}
            columns.setdefault("domain", columns.get("host", -1))
            continue
        told = {name: cells[place] for name, place in columns.items() if 0 <= place < len(cells)}
        value, domain = _without_quotes(told.get("value", "")), _domain(told.get("domain", ""))
        yield PastedCookie(told.get("name", ""), value, domain, _path(told.get("path")))


def _domain(text: str) -> str | None:
    return text if re.fullmatch(r"\.?[\w-]+(?:\.[\w-]+)+", text) else None


def _path(text: Any) -> str:
    return text if isinstance(text, str) and text.startswith("/") else "/"


def _without_quotes(text: str, quotes: str = '"') -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in quotes else text


def _data(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise NotCookies("it begins like JSON and is none, or only a part of it") from None


def _of_data(data: Any) -> Pasted:
    """From what extensions and Playwright export, from HAR, and from a mapping of names to values."""
    if isinstance(data, Mapping) and isinstance(entries := _inside(data, "log", "entries"), list):
        return _of_requests([_inside(entry, "request") for entry in entries])
    while isinstance(data, Mapping) and len(data) > 0:
        keys = {str(key).lower(): key for key in data}
        if isinstance(data.get(keys.get("cookie")), str):
            return _of_headers([(str(key), str(value)) for key, value in data.items()])
        known = ("cookies", "request cookies", "headers")
        inner = next((data[keys[key]] for key in known if key in keys), None)
        if not isinstance(inner, Mapping | list):
            break
        data = inner
    if isinstance(data, Mapping):
        if not all(isinstance(value, str) for value in data.values()):
            raise NotCookies("it is JSON without cookies")
        return Pasted(tuple(PastedCookie(str(name), value) for name, value in data.items()))
    return Pasted(tuple(_cookie_of(each) for each in data)) if isinstance(data, list) else Pasted(())


def _cookie_of(data: Any) -> PastedCookie:
    items = data.items() if isinstance(data, Mapping) else ()
    keys = {str(key).lower().removesuffix(" raw"): value for key, value in items}
    name, value = keys.get("name"), keys.get("value", keys.get("content"))
    if not isinstance(name, str) or not isinstance(value, str):
        raise NotCookies("it is JSON without cookies")
    domain = keys.get("domain", keys.get("host"))
    if isinstance(domain, str):
        domain = urlsplit(domain).hostname if "://" in domain else domain
    domain = domain if isinstance(domain, str) and domain else None
    return PastedCookie(name, value, domain, _path(keys.get("path")))


def _of_requests(requests: list[Any]) -> Pasted:
    """The cookies of each host's last request that had any."""
    of_hosts: dict[str | None, Pasted] = {}
    for request in requests:
        url, headers = _inside(request, "url"), _inside(request, "headers")
        host = urlsplit(url).hostname if isinstance(url, str) else None
        lines = [(str(_inside(each, "name")), str(_inside(each, "value"))) for each in headers or ()]
        found = _of_headers([line for line in lines if line[0].lower() != "set-cookie"], host)
        if not found.cookies and isinstance(listed := _inside(request, "cookies"), list):
            named = [PastedCookie(each.name, each.value, host) for each in map(_cookie_of, listed)]
            found = Pasted(tuple(named), found.user_agent)
        if found.cookies:
            of_hosts[host] = found
    agents = (found.user_agent for found in of_hosts.values() if found.user_agent)
    cookies = (cookie for found in of_hosts.values() for cookie in found.cookies)
    return Pasted(tuple(cookies), next(agents, None))


def _inside(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def _goes_to(host: str, domain: str | None) -> bool:
    if domain is None:
        return True
    domain = domain.lower().lstrip(".")
    return host == domain or host.endswith(f".{domain}")
