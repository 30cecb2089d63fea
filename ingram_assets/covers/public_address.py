"""The bucket's public address, as a shopper's browser reads it: without keys."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from ingram_assets.domain.addresses import is_this_machine
from ingram_assets.domain.failures import NeedsPerson

_SECONDS = 10.0
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class PublicAnswer:
    """What everybody is sent for an address."""

    status: int
    content_type: str
    body: bytes


def read_publicly(url: str) -> PublicAnswer:
    """What everybody is sent for an object's public address, at most a megabyte of it.

    Raises:
        NeedsPerson: nobody answers there.
    """
    try:
        with (
            # The environment's proxy, which never leads to this machine, whatever NO_PROXY says.
            httpx.Client(
                timeout=_SECONDS,
                trust_env=not is_this_machine(urlsplit(url).hostname or ""),
                follow_redirects=True,
            ) as client,
            client.stream("GET", url) as answer,
        ):
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > _MOST:
                    break
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            return PublicAnswer(answer.status_code, kind, body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NeedsPerson(
            f"Nobody answers at the bucket's public address ({type(error).__name__}): correct R2_PUBLIC_URL."
        ) from None
