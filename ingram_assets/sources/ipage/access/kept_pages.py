"""Pages that changed shape, kept so that a person can see what the site sends now.

Small, and with nothing in them that opens the account: no cookies, no form values, no scripts.
"""

import gzip
import re
from collections.abc import Callable, Iterable

from ingram_assets.sources.ipage.access.session import Cookie
from ingram_assets.sources.ipage.pages import charsets

MAX_PAGE_BYTES = 512_000
"""Of the page before it is packed; what follows is cut."""

KeepPage = Callable[[str | bytes, str, str, Iterable[Cookie]], None]
"""Keeps a page; what it was to be (an ISBN), why it is none, and the cookies that must not stand in it."""

_REMOVED = "[removed]"
# Every repetition is bounded: a hostile page must not keep the patterns busy for ever.
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SCRIPT = re.compile("<script", re.IGNORECASE)
_SCRIPT_END = re.compile("</script", re.IGNORECASE)
_FORM_TAG = re.compile(r"<(?:input|button|option|textarea|meta)\b[^<>]{0,4000}", re.IGNORECASE)
_VALUE = re.compile(r"""(\b(?:value|content)\s{0,9}=\s{0,9})("[^"]*"|'[^']*'|[^\s>]+)""", re.IGNORECASE)
_QUERY = re.compile(
    r"(?i)([?&;](?:amp;)?[\w.-]{0,40}(?:token|session|sid|auth|key|code|state|ticket|passw|user|account|swjiylwa|"
    r"cwudnsai)[\w.-]{0,40}=)[^&\"'\s<>;]*"
)
_COOKIE = re.compile(
    r"(?i)\b((?:jsessionid|visid_incap_\w{1,40}|incap_ses_\w{1,40}|nlbi_\w{1,40}|reese84|"
    r"\w{0,40}sess(?:ion)?_?id\w{0,40}|\w{0,40}token\w{0,40}|set-cookie|cookie|authorization)\b[\"']?"
    # No further than to a quotation mark: it may end an attribute, and what follows would be no tag any more.
    r"\s{0,9}[:=]\s{0,9}[\"']?)(?:bearer\s+)?[^\s<>\"']+"
)
_LONG_SECRET = re.compile(
    r"(?<![\w/.-])(?=[A-Za-z+_-]{0,500}[0-9])(?=[0-9+_-]{0,500}[A-Za-z])[A-Za-z0-9+_-]{24,}={0,2}"
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


def packed_page(
    page: str | bytes, *, run_id: str, isbn: str, reason: str, secrets: Iterable[str] = ()
) -> bytes:
    """The page, cleaned, with the reason as its first line, packed by gzip.

    Args:
        secrets: values that must not be in it whatever they stand in: the session's cookies, the account's
            name and password.
    """
    why = without_secrets(reason, secrets)[:500].replace("--", "–")
    text = f"<!-- run {name_of(run_id)}, ISBN {name_of(isbn)}: {why} -->\n{without_secrets(page, secrets)}"
    return gzip.compress(text.encode("utf-8", "replace"), mtime=0)


def name_of(text: str) -> str:
    """A run's id or an ISBN as it may stand in a file's name."""
    return re.sub(r"[^A-Za-z0-9-]+", "_", text)[:64].strip("_") or "unknown"


def without_secrets(page: str | bytes, secrets: Iterable[str] = ()) -> str:
    """The page's text, cut to `MAX_PAGE_BYTES`, with all that could open the account taken out."""
    text = charsets.decode(page[: 2 * MAX_PAGE_BYTES]) if isinstance(page, bytes) else page
    for secret in sorted((s for s in secrets if len(s) > 3), key=len, reverse=True):
        text = text.replace(secret, _REMOVED)
    text = text[: 2 * MAX_PAGE_BYTES]
    text = _without_scripts(_COMMENT.sub("", text))
    text = _FORM_TAG.sub(lambda found: _VALUE.sub(rf'\1"{_REMOVED}"', found[0]), text)
    text = _COOKIE.sub(rf"\1{_REMOVED}", _QUERY.sub(rf"\1{_REMOVED}", text))
    text = _LONG_SECRET.sub(_REMOVED, _EMAIL.sub(_REMOVED, text))
    return text.encode("utf-8", "replace")[:MAX_PAGE_BYTES].decode("utf-8", "ignore")


def _without_scripts(text: str) -> str:
    """The page with its scripts' tags but not what they say."""
    kept, at = [], 0
    while (start := _SCRIPT.search(text, at)) is not None:
        end = _SCRIPT_END.search(text, start.end())
        until = end.start() if end else len(text)
        opened = text.find(">", start.end(), until)
        kept += [text[at : opened + 1 if opened >= 0 else start.start()], _REMOVED]
        at = until
        if end is None:
            break
    return "".join(kept) + text[at:]
