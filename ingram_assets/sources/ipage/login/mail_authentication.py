"""Whom a mail is from, and whether the mailbox's own server found that to be true.

A sender writes what it likes into From. The server that took the mail for the mailbox checks it (SPF, DKIM,
DMARC) and puts what it found on top, as Authentication-Results (RFC 8601) or Received-SPF (RFC 7208). Where
the mailbox's server states nothing, or only that there was nothing to check, From alone is believed.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from email.message import Message
from typing import NamedTuple

_ADDRESS = re.compile(r"([^\s@<>()\[\]:;,\"\\]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+)\.?", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*\)")
_RESULT = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)(.*)", re.IGNORECASE | re.DOTALL)
_PROPERTY = re.compile(r"\b([a-z]+\.[a-z-]+)\s*=\s*(\S+)", re.IGNORECASE)
_FAILED = frozenset({"fail", "hardfail", "softfail", "policy", "reject"})
_AMONG_RESULTS = ("received-spf", "arc-", "x-", "return-path", "delivered-to", "dkim-filter")
"""Headers that stand among a server's several Authentication-Results. Any other is what it was given."""

_RECEIVED_BY = re.compile(r"\bby\s+([^\s;]+)", re.IGNORECASE)
_INSIDE = re.compile(r"^\[?[\d.:]+\]?$|\.(?:local|localdomain|internal|lan|home|corp)$|^localhost\b")
_SPF_PAIR = re.compile(r"(?:^|[\s;])([a-z][a-z-]*)\s*=\s?([^\s;]*)", re.IGNORECASE)
_SPF_REMARK = re.compile(
    r"\s*[a-z]+\s*\((?:(?P<server>[^\s:()]+):\s)?(?:.*\bdomain\s+of\s+(?:transitioning\s+)?"
    r"(?P<domain>\S+)\s+(?:designates|does|is|as)\b)?",
    re.IGNORECASE,
)

_LONGEST = 8_000
"""Characters that are read of one header."""


class _Result(NamedTuple):
    method: str
    result: str
    properties: dict[str, str]


def sender_of(mail: Message) -> str | None:
    """The one address in From, in small letters; `None` where it can't be told for certain.

    A display name says nothing, and two From or two addresses are two answers.
    """
    headers = mail.get_all("From", [])
    if len(headers) != 1:
        return None
    plain = _COMMENT.sub(" ", _QUOTED.sub(" ", " ".join(str(headers[0]).split())))
    # A mark without its other half is in no address.
    framed = re.fullmatch(r"[^<>]*<([^<>]*)>\s*", plain)
    address = _ADDRESS.fullmatch((framed[1] if framed else plain).strip())
    return address[1].lower() if address else None


def is_wanted(sender: str, wanted: Iterable[str]) -> bool:
    """Whether an address is one of the wanted, or of a wanted domain or one beneath it."""
    return any(sender == one or _is_within(sender.rpartition("@")[2], one) for one in wanted)


def _is_within(domain: str, other: str) -> bool:
    return domain == other or domain.endswith(f".{other}")


def failed_authentication(mail: Message, sender: str, wanted: Iterable[str] = ()) -> str | None:
    """What the mailbox's server found wrong with the mail ("dmarc=fail"), or `None`.

    DMARC decides where it was checked. Else a pass for the sender's own domain does, by DKIM or by SPF, and
    without one any failure counts, and so does a pass for another domain: anybody has one for his own. The
    first of the server's headers that decides is taken: what a sender wrote below them makes nothing good.

    Args:
        sender: as `sender_of` says.
        wanted: the senders setting. Domains beneath the same wanted one belong together.
    """
    domain = sender.rpartition("@")[2]
    parents = [one for one in wanted if "@" not in one and _is_within(domain, one)]

    def is_own(other: str) -> bool:
        return _related(other, domain) or any(_is_within(_host(other), one) for one in parents)

    spf = list(_own_received_spf(mail))
    if spf and spf[0][0].result in _FAILED and _has_results_of_others_alone(mail):
        return f"spf={spf[0][0].result}"
    vouched, others = False, None
    told: set[str] = set()
    for results in (*_own_results(mail), *spf):
        if (decided := _by_dmarc(results, domain, is_own)) is not None:
            return decided or None
        passes = [one for one in _of(results, "dkim", "spf") if one.result == "pass"]
        passed = [(one.method, _checked(one)) for one in passes if _checked(one) and _check(one) not in told]
        if any(method == "dkim" and is_own(about) for method, about in passed):
            return None
        if failed := [one for one in _of(results, "dkim", "spf", "compauth") if one.result in _FAILED]:
            return f"{failed[0].method}={failed[0].result}"
        vouched = vouched or any(is_own(about) for _, about in passed)
        if passed and not vouched and others is None:
            method, about = passed[0]
            others = f"{method}=pass for {_plain(_host(about))} alone"
            # A header that tells of both checks has told all. Else the next one may tell of the other.
            if _of(results, "dkim") and _of(results, "spf"):
                return others
        # Each check is told of once: of what passed for others, nothing below says better.
        told |= {_check(one) for one in passes}
    return None if vouched else others


def _by_dmarc(results: list[_Result], domain: str, is_own: Callable[[str], bool]) -> str | None:
    """What is wrong with the mail, once and for all; "" for nothing; `None` where DMARC was not checked."""
    for one in _of(results, "dmarc"):
        if one.result in _FAILED:
            return f"dmarc={one.result}"
        if one.result in ("pass", "bestguesspass"):
            about = one.properties.get("header.from", domain)
            return "" if is_own(about) else f"dmarc=pass for {_plain(_host(about))} alone"
    return None


def _of(results: list[_Result], *methods: str) -> list[_Result]:
    """The results of these methods, in the methods' order."""
    return [one for method in methods for one in results if one.method == method]


def _own_results(mail: Message) -> Iterator[list[_Result]]:
    """The results of each header that the server of the mailbox put on top, the topmost first.

    A mail grows at its top, so the first header of the kind is the last server's. More of it follow at once,
    under the same name; what stands below other headers, or under another name, came with the mail.
    """
    server: str | None = None
    for name, value in mail.items():
        if name.lower() == "authentication-results":
            said, results = _parsed(str(value))
            if server is not None and said != server:
                return
            server = said
            yield results
        elif server is not None and not name.lower().startswith(_AMONG_RESULTS):
            return


def _own_received_spf(mail: Message) -> Iterator[list[_Result]]:
    """What each Received-SPF of the mailbox's own server says, the topmost first.

    A server puts it above its own Received, and some put it right beneath. So it is one of the own server's
    above all Received, and as long as they are of servers of the same organization, unless it names another.
    """
    own: str | None = None
    for name, value in mail.items():
        header = " ".join(str(value)[:_LONGEST].split())
        if name.lower() == "received":
            by = _RECEIVED_BY.search(_COMMENT.sub(" ", header))
            host = by[1].lower().strip(".") if by else ""
            # Within the house: handed on to the store of the mailboxes.
            if _INSIDE.search(host) or "." not in host or " with LMTP" in header:
                continue
            if own is not None and _organization(host) != own:
                return
            own = _organization(host)
        elif name.lower() == "received-spf":
            receiver, result = _parsed_spf(header)
            if result and (own is None or not receiver or _organization(receiver) == own):
                yield [result]


def _has_results_of_others_alone(mail: Message) -> bool:
    """Whether a Received parts the first Received-SPF from the results below it: they came with the mail."""
    names = [name.lower() for name in mail]
    below = names[names.index("received-spf") :]
    return (
        "authentication-results" in below
        and "authentication-results" not in names[: -len(below)]
        and "received" in below[: below.index("authentication-results")]
    )


def _parsed_spf(header: str) -> tuple[str, _Result | None]:
    """The server that a Received-SPF says to be of, if any, and its result."""
    if (said := re.match(r"\s*([a-z]+)", header, re.IGNORECASE)) is None:
        return "", None
    # Some give the sender in a remark alone: "Pass (mx.example.com: domain of a@b.example designates …)".
    remark = _SPF_REMARK.match(header)
    plain = _COMMENT.sub(" ", _QUOTED.sub(_unquoted, header))
    given = {name.lower(): value.lower() for name, value in _SPF_PAIR.findall(plain)}
    mail_from = given.get("envelope-from") or (remark["domain"] if remark and remark["domain"] else "")
    properties = {
        "smtp.mailfrom": "" if given.get("identity") == "helo" else mail_from.lower(),
        "smtp.helo": given.get("helo", ""),
    }
    receiver = given.get("receiver") or (remark["server"] if remark else None) or ""
    receiver = receiver.lower() if "." in receiver else ""
    return receiver, _Result("spf", said[1].lower(), properties)


def _organization(host: str) -> str:
    """The domain that a server's name belongs to, as far as names tell: "mx.shop.co.uk" to "shop.co.uk"."""
    labels = host.strip(".").lower().split(".")
    second_level = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if second_level else labels[-2:])


def _parsed(value: str) -> tuple[str, list[_Result]]:
    """The name that the server gives itself, and its results. Some servers give no name."""
    before, value = None, value[:_LONGEST]
    while before != value:
        before, value = value, _COMMENT.sub(" ", _QUOTED.sub(_unquoted, value))
    first, *rest = value.split(";")
    if _RESULT.fullmatch(first):
        first, rest = "", [first, *rest]
    found = [
        _Result(
            match[1].lower(),
            match[2].lower(),
            {name.lower(): said.lower() for name, said in _PROPERTY.findall(match[3])},
        )
        for match in map(_RESULT.fullmatch, rest)
        if match
    ]
    return (first.split() or [""])[0].lower(), found


def _unquoted(quoted: re.Match[str]) -> str:
    return re.sub(r'[";()=]', " ", quoted[0])


def _checked(result: _Result) -> str:
    """The domain that a result is about; empty where it does not say."""
    given = result.properties.get
    if result.method == "dkim":
        return given("header.d") or given("header.i", "").rpartition("@")[2]
    # The name in HELO was checked only where there is no sender of the envelope.
    return _host(given("smtp.mailfrom", "")) or _host(given("smtp.helo", ""))


def _check(result: _Result) -> str:
    """What was checked: SPF checks the sender of the envelope and the name in HELO each for itself."""
    is_helo = result.method == "spf" and not _host(result.properties.get("smtp.mailfrom", ""))
    return "helo" if is_helo and result.properties.get("smtp.helo") else result.method


def _host(address: str) -> str:
    return address.rpartition("@")[2].strip(".<>")


def _related(one: str, other: str) -> bool:
    """The same domain, or one beneath the other, as DMARC's relaxed alignment has it."""
    one, other = _host(one), other.strip(".")
    return "." in one and (_is_within(one, other) or _is_within(other, one))


def _plain(domain: str) -> str:
    """A stranger's word as it may stand in a message."""
    return re.sub(r"[^a-z0-9.-]", "", domain)[:80]
