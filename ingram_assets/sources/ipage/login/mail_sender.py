"""Whom a mail is from, and whether the mailbox's own server found that to be true.

A sender writes what it likes into From. The server that took the mail for the mailbox checks it (SPF, DKIM,
DMARC) and puts what it found on top, as Authentication-Results (RFC 8601) or Received-SPF (RFC 7208). A
mailbox whose server states nothing is believed by From alone.
"""

import re
from collections.abc import Iterable, Iterator
from email.message import Message
from typing import NamedTuple

_ADDRESS = re.compile(r"([^\s@<>()\[\]:;,\"\\]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+)\.?", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*\)")
_RESULT = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)(.*)", re.IGNORECASE | re.DOTALL)
_PROPERTY = re.compile(r"\b([a-z]+\.[a-z-]+)\s*=\s*(\S+)", re.IGNORECASE)
_SPF = re.compile(r"\s*([a-z]+)", re.IGNORECASE)
_FAILED = frozenset({"fail", "hardfail", "softfail", "policy", "reject"})
_AMONG_RESULTS = ("received-spf", "arc-", "x-", "return-path", "delivered-to", "dkim-filter")
"""Headers that stand among a server's several Authentication-Results. Any other is what it was given."""

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
    plain = " ".join(str(headers[0]).split())
    for aside in (_QUOTED, _COMMENT):
        plain = aside.sub(" ", plain)
    if "<" in plain or ">" in plain:
        framed = re.fullmatch(r"[^<>]*<([^<>]*)>\s*", plain)
        if framed is None:
            return None
        plain = framed[1]
    address = _ADDRESS.fullmatch(plain.strip())
    return address[1].lower() if address else None


def is_wanted(sender: str, wanted: Iterable[str]) -> bool:
    """Whether an address is one of the wanted, or of a wanted domain or one beneath it."""
    return any(sender == one or _is_within(sender.rpartition("@")[2], one) for one in wanted)


def _is_within(domain: str, other: str) -> bool:
    return domain == other or domain.endswith(f".{other}")


def disbelieved(mail: Message, sender: str) -> str | None:
    """What the mailbox's server found wrong with the mail ("dmarc=fail"), or `None`.

    DMARC decides where it was checked. Else a DKIM signature of the sender's own domain does, and without one
    any failure counts. The first of the server's headers that decides is taken: what a sender wrote below
    them can't make good what failed. What passed for other domains alone proves nothing of this one, unless
    the server says that the domain has no DMARC policy by which its mails could be told.

    Args:
        sender: as `sender_of` says.
    """
    domain = sender.rpartition("@")[2]
    passed: list[str] = []
    has_no_policy = False
    for results in _own_results(mail):
        found = {
            method: [one for one in results if one.method == method]
            for method in ("dmarc", "dkim", "spf", "compauth")
        }
        for one in found["dmarc"]:
            if one.result in _FAILED:
                return f"dmarc={one.result}"
            if one.result in ("pass", "bestguesspass"):
                about = one.properties.get("header.from", domain)
                return None if _related(about, domain) else f"dmarc=pass for {_plain(about)} alone"
        if any(one.result == "pass" and _related(_signer(one), domain) for one in found["dkim"]):
            return None
        for one in (*found["dkim"], *found["spf"], *found["compauth"]):
            if one.result in _FAILED:
                return f"{one.method}={one.result}"
        has_no_policy |= any(one.result == "none" for one in found["dmarc"])
        passed += [_passed_for(one) for one in (*found["dkim"], *found["spf"]) if one.result == "pass"]
    # The topmost is the last server's. A pass that a sender wrote is not looked at.
    spf = _SPF.match(str(mail.get("Received-SPF", "")))
    if spf and spf[1].lower() in _FAILED:
        return f"spf={spf[1].lower()}"
    others = [each for each in passed if each]
    if others and not has_no_policy and not any(_related(each, domain) for each in others):
        return f"pass for {_plain(others[0])} alone"
    return None


def _passed_for(result: _Result) -> str:
    """The domain that a passed check speaks for; nothing where it does not say."""
    if result.method == "dkim":
        return _signer(result)
    said = result.properties
    return (said.get("smtp.mailfrom") or said.get("smtp.helo", "")).rpartition("@")[2]


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


def _signer(result: _Result) -> str:
    return result.properties.get("header.d") or result.properties.get("header.i", "").rpartition("@")[2]


def _related(one: str, other: str) -> bool:
    """The same domain, or one beneath the other, as DMARC's relaxed alignment has it."""
    one, other = one.rpartition("@")[2].strip(".<>"), other.strip(".")
    return "." in one and (_is_within(one, other) or _is_within(other, one))


def _plain(domain: str) -> str:
    """A stranger's word as it may stand in a message."""
    return re.sub(r"[^a-z0-9.-]", "", domain)[:80]
