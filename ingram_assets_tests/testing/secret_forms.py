"""How a secret may be spelled in a log."""

import base64
import json
from urllib.parse import quote


def forms(secret: str) -> set[bytes]:
    """How a secret may be spelled in a log: as it is, in a URL, in JSON, in base64 at any place."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        # What does not depend on the bytes around it.
        found.add(coded[4 if shift else 0 : -4])
    return {form for form in found if len(form) >= 8}
