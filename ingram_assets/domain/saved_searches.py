"""A saved search as a person names it: by its number, or by an address copied from the browser.

How the site's addresses look is not known, so none is taken apart beyond what every site has: the session in
it, what leads to a later page of the results, and the marks of campaigns are dropped. All else goes there as
it was copied.
"""

import re
from urllib.parse import quote, unquote, urlsplit

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ADDRESS = re.compile(r"(?P<scheme>(?:https?:)?//)?(?P<host>[^/?#\s]+)(?P<rest>[/?#].*)?", re.IGNORECASE)
_SESSION = re.compile(
    r"_|.*(?:j|php|asp)?session_?(?:id|token|key)?|aspsessionid.*|sess|sid_?token|(?:x[-_]?)?(?:csrf|xsrf).*|_csrf"
    r"|.*(?<![a-z])token|ticket|nonce|samlresponse|relaystate|utm_.*|[gf]bclid|gclid|_gl|_ga|incap_.*"
    r"|nocache|cachebuster|cb|rnd|rand(?:om)?|time_?stamp|ts",
    re.IGNORECASE,
)
"""Names of parameters that say nothing of the search: sessions, marks against forgery, campaigns, clocks."""
_LATER = re.compile(
    r"(?:d?no|offset|start|first)|(?:start|first|begin)[-_]?(?:row|index|record|result|at|pos\w*)"
    r"|(?:cur(?:rent)?[-_]?)?(?:page|pg)(?:[-_]?(?:no|num|number|index))?",
    re.IGNORECASE,
)
"""Names of parameters that say from which row or page on the results are shown."""
_TOTAL = re.compile(
    r"(?:total|num|max|row|record|result|item)s?[-_]?(?:of)?[-_]?(?:record|result|row|item|title|count)s?",
    re.IGNORECASE,
)
"""Names of the parameter with which a Download link says how many rows there are."""
_SIGN_IN = re.compile(r"/(?:li001|error)\.jsp|/login\b", re.IGNORECASE)
_HOME = re.compile(r"/?(?:ipage/?)?(?:(?:index|default)\.\w+)?|.*/hm001\w*\.action", re.IGNORECASE)
_PRODUCT = re.compile(r"/productdetail\b|\.pd1000\b", re.IGNORECASE)
_LONGEST = 4_000
_WHAT = (
    "it has to be the saved search's number, as 1234567, or the whole address of its page of results or of "
    "its Download link, as the browser shows it"
)


class NoSearch(ValueError):
    """What was written names no saved search. The message says what does; it quotes nothing."""


def named_search(written: str, site: str | None) -> str:
    """The search's number, or the path of an address of the site, with its query: both as they are asked for.

    Args:
        site: the site's own address, `https://ipage.ingramcontent.com`; `None`: the host is not looked at.

    Raises:
        NoSearch: neither; or an address of another host, of the sign-in, of the home page, or of a title.
    """
    written = written.strip().strip("<>\"'“”").strip()
    if _NUMBER.fullmatch(written):
        return written
    if re.search(r"[\s\\]", written):
        raise NoSearch(_WHAT)
    if len(written) > _LONGEST or re.search(r"[\x00-\x1f\x7f]", unquote(written)):
        raise NoSearch("it is too long for an address, or has a sign in it that none has: copy it anew")
    return _path(written if re.match("/(?!/)", written) else _on_the_site(written, site))


def is_address(search: str) -> bool:
    """Whether a search, as `named_search` gives it, is an address on the site and no number."""
    return search.startswith("/")


def with_total(path: str, total: int) -> str:
    """A Download link's path, asking for so many rows where it says how many: it was copied another day."""
    head, mark, query = path.partition("?")
    return (
        head
        + mark
        + "&".join(
            f"{name}={total}"
            if equals and _TOTAL.fullmatch(name) and re.fullmatch("[0-9]{1,7}", value)
            else pair
            for pair in query.split("&")
            for name, equals, value in [pair.partition("=")]
        )
    )


def _on_the_site(address: str, site: str | None) -> str:
    """What follows the host, if that is the site's own."""
    found = _ADDRESS.fullmatch(address)
    host = re.sub(r":[0-9]*$", "", found["host"].rpartition("@")[2]).rstrip(".").lower() if found else ""
    own = host if site is None else urlsplit(site).hostname or ""
    is_one = found is not None and (found["scheme"] or (found["rest"] and ("." in host or host == own)))
    if found is None or not is_one:
        raise NoSearch(_WHAT)
    if host != own:
        raise NoSearch(
            f"the address is of another host than the site's, {own}: copy that of iPage's own page"
        )
    rest: str = found["rest"] or "/"
    return rest if rest.startswith("/") else f"/{rest}"


def _path(written: str) -> str:
    """The path and query without what says nothing of the search."""
    path, _, query = written.partition("#")[0].partition("?")
    path = re.sub(r";[^/?]*", "", path)
    pairs = [pair for pair in re.split("[&;]", query) if pair and not _is_dropped(pair)]
    for of, what in (
        (_SIGN_IN, "that of the sign-in: sign in, open the saved search, and copy the address then"),
        (_PRODUCT, "that of one title: to track it, ingram enrich takes its ISBN"),
    ):
        if of.search(path):
            raise NoSearch(f"the address is {what}")
    if not pairs and _HOME.fullmatch(path):
        raise NoSearch(
            "the address is that of the site, and of no search: open the saved search, and copy its address"
        )
    return quote(path + (f"?{'&'.join(pairs)}" if pairs else ""), safe="%/?&=-._~!$'()*+,:@[]|")


def _is_dropped(pair: str) -> bool:
    name, _, value = pair.partition("=")
    if _SESSION.fullmatch(unquote(name)):
        return True
    return _LATER.fullmatch(unquote(name)) is not None and re.fullmatch("[1-9][0-9]{0,6}", value) is not None
