"""Faults of certificates that come from the shop's own choice of whom to trust, `SSL_CERT_FILE`. Pure."""

import ssl
from collections.abc import Mapping

from ingram_assets.doctor.causes import behind

NAME = "SSL_CERT_FILE"

_ANOTHER_HOST = (62, 64)
"""OpenSSL's codes of a certificate that is trusted, and of another host or address."""
_GOES_BY_ITS_OWN = "botocore"
"""Does not look at it."""


def fault_of_own(
    error: BaseException, environment: Mapping[str, str], in_files: Mapping[str, str]
) -> str | None:
    """What is to be done about `SSL_CERT_FILE`, if it is set, and a certificate was not trusted.

    Args:
        in_files: what the `.env` files say of it, by their names: the environment's own value outranks them.
    """
    file = environment.get(NAME, "").strip()
    errors = [*behind(error)]
    if not file or any(type(one).__module__.startswith(_GOES_BY_ITS_OWN) for one in errors):
        return None
    refused = next((one for one in errors if isinstance(one, ssl.SSLCertVerificationError)), None)
    if refused is None or refused.verify_code in _ANOTHER_HOST:
        return None
    whose, where = _origin(file, in_files)
    return (
        f"The certificate there is not trusted ({refused.verify_message}). {NAME} ({file}{whose}) says "
        "whose certificates are, in place of this machine's own list: let it name one that has the issuer, "
        f"or take it out of {where}."
    )


def _origin(value: str, in_files: Mapping[str, str]) -> tuple[str, str]:
    """Whose value it is, as an addition in brackets, and where it is taken out."""
    files = " and ".join(file for file, said in in_files.items() if said == value)
    if files:
        return f", of {files}", files
    over = f", over that of {' and '.join(in_files)}" if in_files else ""
    return f", from the environment{over}", "the environment of whoever starts this"
