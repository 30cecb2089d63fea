"""Whether a request to a server of ours came from its own pages, as a browser tells it. Pure.

A browser sends requests for whatever page is open in it, also to servers that only this machine can reach. It
says which page that was (Origin, Sec-Fetch-Site), and under which name it found the server (Host): a foreign
page can forge neither.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Self

from ingram_assets.domain.addresses import read_address

_THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")
_USUAL_PORT = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class FetchMetadata:
    """What a browser says of a request. Programs say nothing but the host.

    Attributes:
        host: the header Host: the name, and the port where it is not the usual one.
        origin: of the page that asks; `None`: not said, as for following a link.
        fetch_site: Sec-Fetch-Site: same-origin, same-site, cross-site, or none where a person asked.
        navigates: whether a whole page is asked for, and nothing is changed by that.
    """

    host: str
    origin: str | None
    fetch_site: str | None
    navigates: bool

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]], *, reads: bool) -> Self:
        """What the headers say; `reads`: the request changes nothing by itself.

        Two headers of a name that has to stand once count as a foreign one.
        """
        found: dict[str, str] = {}
        for name, value in headers:
            key = name.decode("latin-1").lower()
            found[key] = "several" if key in found else value.decode("latin-1").strip()
        return cls(
            found.get("host", "").lower(),
            found.get("origin"),
            found.get("sec-fetch-site"),
            reads and found.get("sec-fetch-mode") == "navigate",
        )


@dataclass(frozen=True, slots=True)
class OwnSite:
    """The addresses under which people and programs reach one server.

    Attributes:
        origins: such as http://127.0.0.1:3001, without the usual port.
        hosts: the same as Host has them, with the usual port and without.
    """

    origins: frozenset[str]
    hosts: frozenset[str]

    def has_name(self, told: FetchMetadata) -> bool:
        """Whether it was asked under a name of its own.

        Else somebody may have let a foreign name lead here (DNS rebinding), whose pages the browser takes for
        this server's own.
        """
        return told.host in self.hosts

    def is_foreign(self, told: FetchMetadata) -> bool:
        """Whether another site's page asked; following a link from there is no harm."""
        if told.origin is not None:
            return told.origin.lower() not in self.origins
        return told.fetch_site not in (None, "same-origin", "none") and not told.navigates

    def vouches_for(self, told: FetchMetadata) -> bool:
        """Whether the browser says that one of its own pages asked."""
        return told.origin is not None and not self.is_foreign(told)


@cache
def own_site(port: int, address: str | None = None) -> OwnSite:
    """The names of a server on a port of this machine.

    Args:
        address: where others reach it, through a proxy; `None`: nobody else does.

    Raises:
        MalformedAddress: that is no http or https address.
    """
    places = [("http", host, port) for host in _THIS_MACHINE]
    if address is not None:
        read = read_address(address, ("http", "https"))
        places.append((read.scheme, read.host.lower(), read.port or _USUAL_PORT[read.scheme]))
    origins, hosts = set(), set()
    for scheme, host, at in places:
        hosts.add(f"{host}:{at}")
        usual = at == _USUAL_PORT[scheme]
        if usual:
            hosts.add(host)
        origins.add(f"{scheme}://{host}" if usual else f"{scheme}://{host}:{at}")
    return OwnSite(frozenset(origins), frozenset(hosts))
