"""What stands in a page's place when the session is over: whatever leads to a sign-in, and words that say so.

A site behind an identity provider answers with a form that posts itself there, with a refresh, with a script
or with a sign-in that a script draws; and each release of it says so in other words.
"""

import base64
import binascii
import contextlib
import re
from collections.abc import Iterator
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.sources.ipage.pages.walls import any_of
from ingram_assets.sources.ipage.profile.page_words import PageWords

_ADDRESS = any_of(
    r"li001",  # the site's old login page
    *(r"(?<!cata)(?<!ana)(?<!b)log[-_]?(?:in(?!g)|on|out|off)", r"okta", r"\bauth0\b", r"wsignin"),
    r"(?:(?<![a-z])s|(?-i:(?<=[a-z])S))ign[-_]?(?:in(?!g)|on|out|off)",
    r"(?<![a-z])(?:sso|saml2?|oauth2?|oidc|openid|adfs|idp|authn?|authenticate|authentication)(?![a-z])",
    *(r"(?<![a-z])(?:authorize|identity|reauth)(?![a-z])", r"microsoftonline", r"msauth", r"pingidentity"),
    *(r"pingone", r"onelogin", r"forgerock", r"keycloak", r"cognito", r"frontdoor\.jsp", r"accounts\.google"),
    *(r"time-?d?-?_?out", r"session[-_]?\w{0,12}(?:expir|end|invalid|lost|time|over)", r"expired"),
)
_START = re.compile(
    r"(?:https?://[^/?#]*)?(?:/(?:ipage/?)?|(?=\w))(?:(?:index|default|welcome|start|main)\.\w+)?(?:[?#].*)?",
    re.IGNORECASE,
)
"""The site's front door, which is the sign-in for whoever stands outside."""

_HANDED_OVER = any_of(
    r"^(?:SAMLRequest|SAMLResponse|SAMLart|RelayState|wresult|wctx|wtrealm|id_token(?:_hint)?|id_?token)$",
    r"^(?:session_state|access_token|code_challenge(?:_method)?|response_(?:mode|type)|redirect_uri|nonce)$",
    r"^(?:openid\.\w+|client_id|login_hint|code_verifier|okta\w*|oauth_\w+)$",
)
"""Names of fields with which one site hands a visitor over to another to be signed in, or back."""

_MOVES = any_of(
    *(r"\blocation\b", r"\.href\b", r"\bopen\s*\(", r"\bnavigate\s*\(", r"\.assign\s*\(", r"history\b"),
)
_SENT_TO = re.compile(
    r"\blocation[\"']?\s*\]?\s*(?:\.\s*href\s*)?(?:=|\.\s*(?:replace|assign)\s*\()\s*[\"']([^\"'\n]{1,2000})[\"']",
    re.IGNORECASE,
)
_SUBMITS = any_of(r"\b(?:request)?submit\b", r"\.click\s*\(", r"['\"]submit['\"]")
_WIDGET = any_of(
    *(r"OktaSignIn", r"OktaAuth", r"okta-?sign-?in", r"okta-(?:login|signin|auth)", r"Auth0Lock"),
    *(r"\bauth0\.", r"\bmsal\.", r"PublicClientApplication", r"\bKeycloak\s*\(", r"UserManager\s*\("),
    *(r"signInWithRedirect", r"log[iI]n(?:With)?Redirect", r"\$Config\s*=.{0,2000}urlLogin"),
)
_PLACE = any_of(
    r"okta", r"auth0", r"sign-?in(?![a-z])", r"log-?in(?![a-z])", r"kc-(?:login|form)", r"authenticator"
)
_LITERAL = re.compile(r"\"([^\"\n]{1,2000})\"|'([^'\n]{1,2000})'|`([^`]{1,2000})`")
_GLUE = re.compile(r"[\"']\s*\+\s*[\"']")
_REFRESH = re.compile(r"\s*(\d*)(?:\.\d*)?\s*[;,\s]\s*(?:url\s*=\s*)?[\"']?\s*([^\"']*)", re.IGNORECASE)

_META_REFRESH = "meta[http-equiv=refresh i]"
_SOON = 15
"""Seconds. A page that goes to the time-out page after half an hour is a page."""

_FEW_WORDS = 1_500
"""Characters. A page with more to say is there for itself, though a script of it knows the login page."""

_LATER = re.compile(r"\bset(?:Timeout|Interval)\b.{0,2000}?(?:\b[1-9]\d{4,}\b|\d\s*\*\s*\d)", re.DOTALL)
"""A script of healthy pages, that ends a session which nobody uses."""

_GAP = r"(?:[^\w.!?]+(?!(?:will|may|can|might|if)\b)[\w'’]+){0,6}?[^\w.!?]+"
_OVER = (
    r"(?:expired|timed?[- ]?out|ended|terminated|closed|invalid(?:ated)?|no longer (?:valid|active|available)"
    r"|not (?:valid|active|found)|lost|inactive|over|cancell?ed|disconnected|aborted|do(?:es)? not exist)\b"
)
_LOG_OFF = r"(?:logged|signed)[- ]?(?:off|out)\b"
_LOGGED_ON = r"(?:logged|signed)[- ]?(?:in|on)\b"
_LOG_ON = r"(?:re-?)?(?:log|sign)[- ]?(?:in|on|back)\b"
_IS_OVER = any_of(
    rf"\bsession\b{_GAP}{_OVER}",
    r"\bsession\b[^.!?]{0,40}\b(?:idle|inactive|open|unused)\b[^.!?]{0,20}\btoo long\b",
    r"\b(?:not|n.t)\s+(?:\w+\s+)?(?:find|verify|validate|restore|load|recogni[sz]e)\s+(?:your|the|a)\s+"
    r"(?:\w+\s+)?session\b",
    r"\bsession[- ]?(?:time-?d?[- ]?out|expir(?:ed|ation|y))\b",
    r"\b(?:expired|invalid|terminated|inactive|lost|no (?:active|valid|current)|end of (?:your|the))\s+"
    r"(?:\w+\s+)?session\b",
    r"\b(?:log[- ]?[io]n|sign[- ]?[io]n|authentication|credentials)\s+(?:has\s+|have\s+|was\s+|is\s+)?"
    r"(?:expired|ended|timed\s+out|no longer valid)\b",
    r"\b(?:logged|signed)\s+you\s+(?:off|out)\b",
    r"\b(?:you(?:'ve|’ve| have| were| are)?\s+(?:\w+\s+)?(?:been\s+)?)(?:disconnected|idle|inactive)\b",
    r"\b(?:someone|somebody|another|other|different)\b[^.!?]{0,40}\b(?:has|is|was)\b[^.!?]{0,20}"
    r"\b(?:logged|signed)\s+(?:in|on)\b",
    rf"\b(?:been|were|was|are|you.re|automatically|got)\s+(?:\w+ly\s+)?{_LOG_OFF}",
    rf"\b{_LOG_OFF}\s+(?:due|because|for|after|automatically|by|since|as)\b",
    r"\b(?:no longer|not)\s+(?:\w+\s+)?(?:logged|signed)[- ]?(?:in|on)\b",
    r"\byou\b[^.!?]{0,40}\btimed\s+out\b",
    r"\b(?:due to|because of|period of)\s+(?:\w+\s+)?inactivity\b",
    r"\b(?:in use|active|logged (?:in|on)|signed (?:in|on)|opened)\b[^.!?]{0,40}\b(?:another|a different)\s+"
    r"(?:workstation|computer|device|browser|location|machine|window|user)\b",
)
"""Words of a session that ended."""
ASKS_TO_SIGN_IN = any_of(
    rf"\b(?:please|must|need to|have to|required to|kindly)\s+(?:\w+\s+){{0,2}}?{_LOG_ON}",
    rf"\b(?:must|need to|have to|required to|should)\s+(?:first\s+)?be\s+(?:\w+\s+)?{_LOGGED_ON}",
    rf"\b{_LOG_ON}\s+(?:again|once more|back in|anew|to (?:continue|access|proceed|view|see|use))\b",
    r"\b(?:log[- ]?[io]n|sign[- ]?in|authentication|authorization)\s+(?:is\s+)?(?:required|needed)\b",
    r"\b(?:re-?)?enter\s+your\s+(?:user\s?(?:name|id)|password|credentials)\b",
    r"\bre-?authenticat",
)
"""Words that send to a sign-in, without one on the session."""
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|today|tonight|soon|\d"
_LATER_ON = rf"(?:later|(?:after|when|once|from|as of|at|in|on|until)\s+(?:\w+\s+)?(?:{_DAY}|maintenance))\b"
_IS_CLOSED = any_of(
    r"\b(?:down|closed|offline|unavailable|interrupted|out of service)\b[^.!?]{0,40}\bmaintenance\b",
    r"\b(?:scheduled|planned|routine|emergency|under(?:going)?|system|site|weekly|nightly|performing|during)\s+"
    r"(?:\w+\s+){0,2}?maintenance\b",
    r"\bmaintenance\s+(?:is\s+)?(?:in progress|under ?way|mode|window)\b",
    r"\b(?:temporarily|currently|presently|briefly)\s+(?:unavailable|offline|down|closed|not available)\b",
    r"\b(?:is|are|be|was)\s+(?:unavailable|offline|down for)\b",
    r"\b(?:will|shall|.ll|should|to)\s+be\s+(?:\w+\s+)?(?:back|available again|up again|restored|reopened)\b",
    rf"\bwill\s+be\s+able\s+to\s+{_LOG_ON}[^.!?]{{0,40}}{_LATER_ON}",
    rf"\b{_LOG_ON}(?:\s+(?:again|back))?\s+{_LATER_ON}",
)
_LEAVES = any_of(r"log[-_ ]?(?:out|off)\b", r"sign[-_ ]?(?:out|off)\b")


def is_sign_in_address(url: str, of_site: PageWords) -> bool:
    """Whether the address, or a piece of script that has one in it, is of a sign-in or an ended session."""
    return _ADDRESS.search(unquote(url[:4_000])) is not None or of_site.is_login(url[:4_000])


def is_over(text: str, of_site: PageWords) -> bool:
    """Whether the words are of a session that ended."""
    return _IS_OVER.search(text) is not None or of_site.expired.search(text) is not None


def says_the_site_is_closed(text: str, of_site: PageWords) -> bool:
    """Whether the words are of maintenance: they may ask to sign in later, which is no lost session."""
    is_closed = _IS_CLOSED.search(text) is not None or of_site.closed.search(text) is not None
    return is_closed and not is_over(text, of_site)


def refreshes_to_sign_in(value: str, of_site: PageWords) -> bool:
    """Whether a refresh (the header's value, or the content of its `meta`) goes to a sign-in, and soon."""
    found = _REFRESH.match(value[:4_000])
    return found is not None and int(found[1][:9] or 0) <= _SOON and _goes_in(found[2], of_site)


def way_to_sign_in(
    page: LexborHTMLParser, text: str, of_site: PageWords, *, has_a_message: bool = False
) -> str | None:
    """What on the page leads to a sign-in; `None`: nothing.

    Args:
        page: with its scripts. Not a product's: those know the login page too.
        text: the words on it.
        has_a_message: it says by itself what is wrong; then its scripts are those of every page.
    """
    if any(_HANDED_OVER.search(field.attributes.get("name") or "") for field in page.css("form input")):
        return "a form that hands over to a sign-in"
    sources = [script.text(deep=True)[:100_000] for script in page.css("script")]
    sources += [node.attributes.get("onload") or "" for node in page.css("[onload]")]
    scripts = [_plain(script) for script in sources if not _LATER.search(script)]
    is_short = len(text) < _FEW_WORDS
    if is_short and any(_SUBMITS.search(script) for script in scripts):
        forms = page.css("form")
        if any(is_sign_in_address(form.attributes.get("action") or "", of_site) for form in forms):
            return "a form that posts itself to a sign-in"
        if forms and all(_is_hidden(form) for form in forms):
            return "a form that posts itself elsewhere"
    refreshes = [meta.attributes.get("content") or "" for meta in page.css(_META_REFRESH)]
    if any(refreshes_to_sign_in(refresh, of_site) for refresh in refreshes):
        return "a refresh to a sign-in"
    if has_a_message or not is_short or has_a_way_out(page, of_site):
        return None
    return _way_by_script(page, scripts, of_site)


def _way_by_script(page: LexborHTMLParser, scripts: list[str], of_site: PageWords) -> str | None:
    for script in scripts:
        if _MOVES.search(script) and any(
            is_sign_in_address(literal, of_site) for literal in _literals(script)
        ):
            return "a script that goes to a sign-in"
        if any(_goes_in(address, of_site) for address in _SENT_TO.findall(script)):
            return "a script that goes to the site's front door"
        if _WIDGET.search(script):
            return "a sign-in that a script draws"
    sources = [node.attributes.get("src") or "" for node in page.css("script[src], iframe[src], frame[src]")]
    if any(is_sign_in_address(source, of_site) for source in sources):
        return "a sign-in that a script or frame brings"
    if any(_PLACE.search(_name(node)) for node in page.css("body *")):
        return "the place of a sign-in"
    return None


def only_way_is_sign_in(page: LexborHTMLParser, of_site: PageWords) -> bool:
    """Whether all links of the page lead to a sign-in, as of the one that says that the page has moved."""
    links = [link.attributes.get("href") or "" for link in page.css("a[href]")]
    return bool(links) and all(is_sign_in_address(link, of_site) for link in links)


def has_a_way_out(page: LexborHTMLParser, of_site: PageWords) -> bool:
    """Whether the page offers to sign out, which it does to nobody who is not signed in."""
    for link in page.css("a, button, input[type=submit i]"):
        shown = f"{link.text(deep=True)[:200]} {link.attributes.get('value') or ''}"
        if _LEAVES.search(f"{link.attributes.get('href') or ''} {shown}") or of_site.sign_out.search(shown):
            return True
    return False


def _plain(script: str) -> str:
    """The script with its escapes undone and its glued pieces joined."""
    plain = re.sub(
        r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,5})\}|/)",
        lambda found: chr(int(found[1] or found[2] or found[3], 16)) if found.lastindex else "/",
        script,
    )
    plain = re.sub(
        r"String\.fromCharCode\(([\d,\s]{1,2000})\)",
        lambda found: (
            f"'{''.join(chr(int(code) % 0x110000) for code in re.findall(r'[0-9]{1,7}', found[1]))}'"
        ),
        plain,
    )
    return _GLUE.sub("", plain)


def _literals(script: str) -> Iterator[str]:
    for found in _LITERAL.finditer(script):
        literal = found[found.lastindex or 0]
        yield literal
        if "atob" in script:
            with contextlib.suppress(binascii.Error, ValueError):
                yield base64.b64decode(literal, validate=True).decode("utf-8")


def _goes_in(address: str, of_site: PageWords) -> bool:
    return address != "" and (is_sign_in_address(address, of_site) or _START.fullmatch(address) is not None)


def _name(node: LexborNode) -> str:
    """What the element is called: an id, a class, or a tag of the site's own making."""
    attributes = node.attributes
    tag = node.tag if "-" in (node.tag or "") else ""
    return f"{attributes.get('id') or ''} {attributes.get('class') or ''} {tag}"


def _is_hidden(form: LexborNode) -> bool:
    fields = form.css("input, textarea, select, button")
    return all(
        field.tag in ("input", "button")
        and (field.attributes.get("type") or "submit").lower() in ("hidden", "submit", "image", "button")
        for field in fields
    )
