"""What bot walls leave on an answer in the place of the site's own: headers, cookies, scripts, frames, words.

Imperva's wall stands before the site today. The marks of others that are widely known are here too: a site
changes its wall without a word. A healthy page carries some of these marks as well, so each list says when
they count.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from ingram_assets.sources.ipage.profile.page_words import PageWords

Headers = Iterable[tuple[str, str]]


def any_of(*patterns: str) -> re.Pattern[str]:
    """One pattern that finds any of these, in any case of letters."""
    return re.compile("|".join(patterns), re.IGNORECASE)


OWN_MARKUP = any_of(
    r"_Incapsula_Resource\?[^\"'<>\s]{0,2000}(?:CWUDNSAI|SWUDNSAI|SWHANEDL|SWCNGEEC|incident_id=)",  # Imperva
    *(r"content\.incapsula\.com/jstest", r"refresh[\"'][^<>]{0,300}/_Incapsula_Resource"),
    *(r"_cf_chl_opt", r"cf-browser-verification", r"cf-error-details", r"cf-chl-", r"/cdn-cgi/l/chk_"),
    *(r"/cdn-cgi/challenge-platform/[^\"'<>\s]{0,200}orchestrate", r"id=[\"']?challenge-form"),  # Cloudflare
    *(r"errors\.edgesuite\.net", r"bm-verify=", r"sec-(?:if-)?cpt-", r"/_sec/cp_challenge"),  # Akamai
    *(r"captcha-delivery\.com", r"\bdd\s*=\s*\{\s*['\"]rt['\"]"),  # DataDome
    *(r"px-captcha", r"captcha\.px-c[a-z]+\.net", r"_pxBlock", r"/captcha/captcha\.js\?a=c"),  # PerimeterX
    *(r"\bgokuProps\b", r"awsWafCookieDomainList", r"AwsWafIntegration\."),  # AWS WAF
    *(r"\bKPSDK\b", r"\bKP_UIDz?="),  # Kasada
    *(r"sucuri_cloudproxy_js", r"\brbzns\b", r"perfdrive\.com", r"/TSPD/", r"\bbobcmn\b"),  # Sucuri, Reblaze…
    *(r"distil_r_(?:captcha|blocked)", r"distilIdentificationBlock", r"dCF_ticket"),  # Distil, now Imperva's
    *(r"anubis_challenge", r"/\.well-known/vercel/security", r"/sbbi/\?sbbpg"),
)
"""In the markup, scripts and all: stands on a wall's page alone, and on no page of a site behind it."""

EMBEDDED_MARKUP = any_of(
    *(r"_Incapsula_Resource", r"\breese84\b", r"/cdn-cgi/challenge-platform/", r"/akam/1[0-9]/", r"\bbmak\."),
    *(r"datadome\.co\b", r"\bddjskey\b", r"_pxAppId", r"perimeterx\.net", r"\bpxInit\b", r"awswaf\.com"),
    *(r"/149e9513-01fa-4fb0-aad4-566afd725d1b/", r"shapesecurity", r"\bsensor_data\b", r"kasada"),
)
"""Healthy pages carry it too: it is the wall's page only where there is nothing else."""

CAPTCHA = any_of(
    *(r"hcaptcha\.com", r"h-captcha", r"recaptcha", r"cf-turnstile", r"challenges\.cloudflare\.com"),
    *(r"arkoselabs\.com", r"funcaptcha", r"geetest", r"friendly-?captcha", r"mtcaptcha"),
)
"""Proof of being human. A sign-in form may ask for it as well: it counts on a page without a password."""

_TITLE = any_of(
    *(r"pardon our interruption", r"^\W*just a moment\b", r"attention required", r"human verification"),
    *(r"^\W*(?:one moment|please wait)[^a-z]*$", r"ddos.guard", r"^\W*(?:are you )?(?:a )?(?:ro)?bot\W*$"),
    *(r"security check(?:point)?", r"access to this page has been denied", r"shieldsquare", r"robot check"),
    *(r"you have been blocked", r"challenge validation", r"bot verification", r"web page blocked"),
)
_ARE_YOU = r"\byou(?:'re|’re| are)(?: not)? (?:a |an )?(?:human|robot|bot)\b"
_WORDS = any_of(
    r"request unsuccessful\.?\s*incapsula incident",
    r"(?:powered|protected|secur\w+) by\s+(?:imperva|incapsula|cloudflare|datadome|perimeterx|human\b)",
    *(r"blocked by (?:the|our) security (?:rules|service)",),
    r"access denied.{0,400}\b(?:incident|reference|support|request|event|ray)\s*(?:id|#|number|no)",
    r"access denied.{0,200}\berror\s+(?:code\s*:?\s*)?1\d{1,3}\b",
    r"don.t have permission to access\b.{0,400}\breference\s*#",
    r"\berror\s+(?:code\s*:?\s*)?1\d{3}\b.{0,200}(?:access denied|banned|\bray id\b|\bcloudflare\b)",
    r"\bowner of this website\b.{0,80}\b(?:banned|blocked|denied|restrict\w*)\b",
    r"\berror code: 1[0-9]{3}\b",
    r"enable (?:java ?script|js)(?: and| &) cookies to continue",
    rf"\b(?:verify|verifying|confirm|prove|checking|make sure|ensure)\b.{{0,30}}{_ARE_YOU}",
    *(r"are you (?:a |an )?(?:human|robot|bot)\b", r"\bpress (?:&|and) hold\b"),
    r"\b(?:unusual|suspicious|abnormal|automated|bot-like)\s+(?:\w+\s+)?(?:traffic|activity|queries|requests)\b",
    r"made us think (?:that )?you (?:were|are|might be) a (?:ro)?bot",
    r"\byou(?:r ip(?: address)?)? (?:has|have) been (?:temporarily )?blocked\b",
    *(r"complete the (?:security check|captcha)", r"request blocked\..{0,400}cloudfront"),
    r"blocked by (?:network |bot )?(?:security|protection)",
)
"""In these words speak walls, and books: they count where no product stands."""

_SAYS_SO = {
    "cf-mitigated": any_of("challenge", "block"),
    "x-vercel-mitigated": any_of("challenge", "deny"),
    "x-amzn-waf-action": any_of("challenge", "captcha", "block"),
    **dict.fromkeys(("x-dd-b", "x-sucuri-block", "x-kasada-challenge", "x-px-block"), any_of(".")),
    "x-iinfo": any_of(r"\bB\d{1,3}\("),
}
"""Headers of a refusal, whatever comes with them."""

_ON_EVERY_ANSWER = {
    "x-cdn": any_of("imperva", "incapsula"),
    **dict.fromkeys(
        ("x-iinfo", "x-datadome", "x-kpsdk-ct", "x-px-authorization", "x-distil-cs"), any_of(".")
    ),
}
"""Headers of every answer through a wall: the empty ones among them are its own."""

_COOKIE = any_of(
    *(r"(?:visid_incap_|incap_ses_|incap_sh_|nlbi_|reese84|___utmvc)",),
    *(r"(?:__cf_bm|cf_clearance|cf_chl_|_abck|bm_sz|bm_sv|ak_bmsc|datadome|_px[0-9a-z]*)\s*=",),
    *(r"(?:aws-waf-token|rbzid|sucuri_cloudproxy|KP_UIDz?|TS[0-9a-f]{8})",),
)

_HOSTS = (
    *("captcha-delivery.com", "perfdrive.com", "challenges.cloudflare.com", "px-cdn.net", "px-cloud.net"),
    *("perimeterx.net", "incapsula.com", "errors.edgesuite.net"),
)
_PATHS = ("/_Incapsula_Resource", "/cdn-cgi/challenge", "/cdn-cgi/l/chk", "/_sec/cp_challenge")


def in_headers(headers: Headers) -> str | None:
    """What the headers say of a refusal, whatever the body is; `None`: nothing."""
    for name, value in headers:
        says_so = _SAYS_SO.get(name.lower())
        if says_so is not None and says_so.search(value):
            return f"its header {name.lower()}"
    return None


def on_an_empty_answer(headers: Headers, *, may_be_empty: bool) -> str | None:
    """Whose empty answer this is: `None` if not a wall's.

    Args:
        may_be_empty: the site itself sends nothing here at times, behind its wall: then it takes a cookie.
    """
    for name, value in headers:
        if name.lower() == "set-cookie" and _COOKIE.match(value.lstrip()):
            return "an empty answer with the wall's cookies"
        mark = _ON_EVERY_ANSWER.get(name.lower())
        if mark is not None and not may_be_empty and mark.search(value):
            return "an empty answer with the wall's headers"
    return None


def is_address(url: str) -> bool:
    """Whether the address is a wall's own."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return any(host == own or host.endswith("." + own) for own in _HOSTS) or parts.path.startswith(_PATHS)


def in_words(title: str, text: str, of_site: PageWords) -> bool:
    """Whether the words are a wall's."""
    patterns = ((_TITLE, title), (_WORDS, text), (of_site.blocked, title), (of_site.blocked, text))
    return any(pattern.search(words) for pattern, words in patterns)
