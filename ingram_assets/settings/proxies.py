"""Proxies: those of the environment, in either spelling, and never for this machine."""

from collections.abc import Mapping

from ingram_assets.domain.addresses import MalformedAddress, read_address

NAMES = ("http_proxy", "https_proxy", "all_proxy")
SPARED = ("no_proxy", "NO_PROXY")
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def sparing_this_machine(environment: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY in both spellings with this machine in it; nothing where the environment names no proxy.

    Whatever is given one asks it for all there is: gRPC, with which Dagster's processes talk to each other on
    127.0.0.1, knows the small spelling alone, other programs know the other.
    """
    if not any(environment.get(spelt) for name in NAMES for spelt in (name, name.upper())):
        return {}
    given = [entry.strip() for name in SPARED for entry in environment.get(name, "").split(",")]
    # A single * stands for every host, and to some programs only by itself.
    entries = ["*"] if "*" in given else dict.fromkeys([*filter(None, given), *THIS_MACHINE])
    return dict.fromkeys(SPARED, ",".join(entries))


def faults(environment: Mapping[str, str]) -> list[str]:
    """What is wrong with the proxies of an environment. An address may hold a password: none is shown."""
    found = []
    for spelt in (spelling for name in NAMES for spelling in (name, name.upper())):
        if not (value := environment.get(spelt, "").strip()):
            continue
        try:
            address = read_address(value if "://" in value else f"http://{value}", ("http", "https"))
            if not address.host:
                raise MalformedAddress("it has no host")
        except MalformedAddress as error:
            found.append(f"{spelt} is malformed: {error}; a proxy is http://host:port")
    return found
