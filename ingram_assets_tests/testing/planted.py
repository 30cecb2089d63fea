"""What says who a shop is, in many spellings, planted in pages; and what of it can still be found."""

import base64
import codecs
import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

from ingram_assets_tests.testing.page_factory import product_page

KNOWN = {
    "password": "hunter2-S3cret!",
    "user": "ada.at.the.shop",
    "account": "20N4417",
    "totp": "JBSWY3DPEHPK3PXP",
    "short": "q7Zx",
    "blank": "correct horse/battery&staple",
    "umlaut": "Grüße+Küsse=1",
}
"""Values that settings have."""

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": html.escape,
    "raw": lambda value: value.replace("<", "&lt;"),
    "capitals": lambda value: html.escape(value.upper()),
    "in a URL": lambda value: quote(value, safe=""),
    "in a URL, in small letters": lambda value: (
        quote(value, safe="").replace("%2F", "%2f").replace("%C3", "%c3")
    ),
    "all of it in a URL": lambda value: "".join(f"%{byte:02X}" for byte in value.encode()),
    "twice in a URL": lambda value: quote(quote(value, safe=""), safe=""),
    "a form's": lambda value: quote(value, safe="").replace("%20", "+"),
    "entities": lambda value: "".join(f"&#{ord(sign)};" for sign in value),
    "entities with zeros and without an end": lambda value: "".join(f"&#{ord(sign):05}" for sign in value),
    "entities in hexadecimal": lambda value: "".join(f"&#x{ord(sign):X};" for sign in value),
    "mixed": lambda value: "".join(
        f"&#{ord(sign)};" if at % 2 else html.escape(sign) for at, sign in enumerate(value)
    ),
    "JSON": lambda value: "".join(f"\\u{ord(sign):04x}" for sign in value),
    "a mail's": lambda value: "".join(f"={byte:02X}" for byte in value.encode()),
    "parted by tags": lambda value: "".join(f"<b>{html.escape(sign)}</b>" for sign in value),
    "with signs that nobody sees": lambda value: "\u200b".join(map(html.escape, value)),
    "soft hyphens": lambda value: "&shy;".join(map(html.escape, value)),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 behind a name": lambda value: base64.b64encode(f"x:{value}".encode()).decode(),
    "base64 behind another": lambda value: base64.b64encode(f"xy:{value}".encode()).decode(),
    "hexadecimal": lambda value: value.encode().hex(),
}
NOT_OF_SHORT_ONES = {"base64", "base64 behind a name", "base64 behind another", "hexadecimal"}

DISGUISES: dict[str, Callable[[str], str]] = {
    "backwards": lambda value: value[::-1],
    "backwards in base64": lambda value: base64.b64encode(value[::-1].encode()).decode(),
    "on two lines": lambda value: f"{value[:6]}\n{value[6:]}",
    "with blanks": " ".join,
    "encoded twice": lambda value: "".join(f"&amp;#{ord(sign)};" for sign in value),
    "encoded three times": lambda value: "".join(f"&amp;amp;#x{ord(sign):x};" for sign in value),
    "in a URL three times": lambda value: "".join(f"%2525{ord(sign):02x}" for sign in value),
    "pairs of hexadecimal digits": lambda value: value.encode().hex(" "),
    "a list of hexadecimal numbers": lambda value: ", ".join(f"0x{ord(sign):02X}" for sign in value),
    "octal": lambda value: "".join(f"\\{ord(sign):03o}" for sign in value),
    "codes": lambda value: " ".join(str(ord(sign)) for sign in value),
    "a list of codes": lambda value: f"[{', '.join(str(ord(sign)) for sign in value)}]",
    "the alphabet turned": lambda value: codecs.encode(value, "rot13"),
    "base64 twice": lambda value: base64.b64encode(base64.b64encode(value.encode())).decode(),
    "base64 on two lines": lambda value: "\n".join(re.findall(".{1,9}", SPELLINGS["base64"](value))),
    "base64 in hexadecimal digits": lambda value: base64.b64encode(value.encode()).hex(),
    "a mail's in a URL": lambda value: "".join(f"%3D{ord(sign):02X}" for sign in value),
    "JSON in JSON": lambda value: "".join(f"\\\\u{ord(sign):04x}" for sign in value),
}
"""What no form is looked for of, since there is no end of them."""

PERSONAL = {
    "e-mail": "ada.byron@bookshop.example",
    "e-mail with a plus": "orders+ipage@the-shop.co.uk",
    "telephone": "(615) 555-0142",
    "telephone with dashes": "615-555-0143",
    "telephone with points": "615.555.0144",
    "telephone with a country": "+1 615 555 0145",
    "telephone elsewhere": "+49 30 9018 2046",
    "free telephone": "1-800-555-0146",
    "SAN": "169-4417",
    "long number": "88217744",
    "card": "4111 1111 1111 1234",
    "street": "1717 Lovelace Avenue, Suite 12",
    "city": "Nashville, TN 37209-4417",
    "box": "P.O. Box 8817",
    "German street": "Elderberrystraße 12, 10115 Berlin",
    "German box": "Postfach 4421",
    "French street": "12 rue des Lilas",
    "British telephone": "020 7946 0958",
    "telephone in letters": "1-800-LANTERN",
    "British postcode": "MK3 6EB",
    "paper": "INV/2026/3312",
    "number of a person": "123-45-6789",
    "end of a card": "ending in 4242",
    "IP address": "203.0.113.77",
    "IP address of six": "2001:db8::77",
    "number of its own": "deadbeef-dead-4eef-9ead-beefdeadbeef",
    "street in words": "One Ingram Blvd",
    "rural route": "Rural Route 3",
}
"""What is told by its own looks, wherever it stands."""

PLACES: dict[str, Callable[[str], str]] = {
    "a paragraph": lambda value: f"<p>Before {value} after</p>",
    "a cell": lambda value: f"<table><tr><td>x</td><td>{value}</td></tr></table>",
    "a title": lambda value: f'<a title="{value}" alt="{value}">x</a>',
    "an unquoted attribute": lambda value: f"<a title={value.replace(' ', '&#32;')}>x</a>",
    "data": lambda value: f"<div data-what='{value}' data-user-name=\"{value}\">x</div>",
    "a link": lambda value: f'<a href="/x?who={value}&amp;y=1">x</a>',
    "a field": lambda value: f'<input name="q" value="{value}"><textarea>{value}</textarea>',
    "an option": lambda value: f"<select><option value='{value}'>{value}</option></select>",
    "a script": lambda value: f"<script>var who = '{value}'</script>",
    "a comment": lambda value: f"<!-- {value} -->",
    "an event": lambda value: f'<a onclick="go(&quot;{value}&quot;)">x</a>',
}

LABELED = (
    ("<p>Welcome, {}!</p>", "Ada Byron King"),
    ("<div>Welcome back, <b>{}</b> <a href='/out'>Log out</a></div>", "Grace Hopper Books"),
    ("<p>WELCOME {}</p>", "ALAN TURING"),
    ("<ul><li>Welcome,</li><li>{}</li></ul>", "Katherine Johnson"),
    ("<p>Hello {}, you have 3 messages</p>", "Hedy Lamarr"),
    ("<span>Signed in as {}</span>", "mary.somerville"),
    ("<td>User Name:</td><td>{}</td>", "jbartik"),
    ("<p>User: {}</p>", "jlovelace"),
    ("<p>Username {}</p>", "klovelace"),
    ("<p>Terms account {}</p>", "12-345-6"),
    ("<p>Credit limit: {}</p>", "$5,000.00"),
    ("<td>Available credit</td><td>{}</td>", "$4,310.55"),
    ("<p>Balance due {}</p>", "$1,234.56"),
    ("<td>Account Number:</td><td>{}</td>", "20B77XK"),
    ("<p>Account #{}</p>", "31Q7781"),
    ("<p>Your account number is {}.</p>", "45T9902"),
    ("<p>Account: {} (change)</p>", "Lighthouse Books 77"),
    ("<p>Order No. {} was shipped</p>", "A-77-1203"),
    ("<th>Order Number</th><td>{}</td>", "ZX-99123"),
    ("<p>PO# {}</p>", "PO77-12"),
    ("<p>Invoice: {}</p>", "INV-20417"),
    ("<p>Ship to: {}</p>", "Bletchley Book Nook"),
    ("<th>Ship To</th><td>{}</td>", "Park House Reading Room"),
    ("<div>Bill To:</div><div>{}</div><div>Attn: Receiving</div>", "Colossus Trading Ltd"),
    ("<p>Contact: {}</p>", "Joan Clarke"),
    ("<p>City: {}</p>", "Nashville"),
    ("<p>Order ref {}</p>", "5512"),
    ("<p>Kundennummer: {}</p>", "K-5513"),
    ("<p>Prepared for {}</p>", "Zebediah Quuxley"),
    ("<p>Thank you, {}!</p>", "Beatrix Quuxley"),
    ("<p>Bonjour {}</p>", "Amandine Quuxley"),
    ("<p>Hallo {}!</p>", "Lieselotte Quuxley"),
    ("<p>Hola <b>{}</b></p>", "Ramona Quuxley"),
    ("<p>Phone: {}</p>", "555 01 99"),
    ("<p>Fax:&nbsp;{}</p>", "x55-0188-7"),
    ("<p>Sales Rep: {}</p>", "Tommy Flowers"),
    ("<p>mail ada {}</p>", "byron (at) bookshop (dot) example"),
    ("<p>{}</p>", "dorothy at bookshop dot example"),
)
"""What is told by what stands before it."""

GREETED = "Margaret Hamilton"
"""Somebody whom one page greets, and another one names without a word before it."""


def known_plants() -> Iterator[tuple[str, str, str]]:
    """Each known value in each spelling and place: what it is, its page, and what must not be found."""
    for name, value in KNOWN.items():
        for spelling, spell in SPELLINGS.items():
            if name == "short" and spelling in NOT_OF_SHORT_ONES:
                continue
            for place, put in PLACES.items():
                yield f"{name}, {spelling}, in {place}", put(spell(value)), value


def page_with(*plants: str) -> str:
    return product_page(extra="".join(plants))
