"""Texts that hurt a program which trusts them. All of them must come out as plain text."""

from markupsafe import Markup

TITLES: tuple[str, ...] = (
    "<script>alert('title')</script>",
    "<img src=x onerror=alert(1)> & \"quoted\" 'single'",
    "'; DROP TABLE ingram_queue; --",
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u202egnirts desrever\u202c and \u2066isolated\u2069 text",
    "bell\x07 escape\x1b[31mred\x1b[0m backspace\x08\x08 nul\x00 end",
    "line one\r\nline two\u2028line three\tand a tab",
    "{{ 7 * 7 }} ${7*7} #{7*7} %s %n {0} \\x41 \\N{DIGIT ONE}",
    "[bold red]not markup[/bold red] [link=file:///etc/hostname]x[/link]",
    "Z̷͎͝a̶̰͠l̸̙̈g̵̲̚o̶͍͆ combining " + "e\u0301" * 20,
    "\ufeffzero\u200bwidth\u200djoiners\u00ad and lone \ufffd",
    "👩‍🚀🏴‍☠️ astronaut pirates 🧙🏽‍♂️",
    "../../../../etc/passwd%00.jpg",
    "long " + "word " * 13_000,
    "</td></tr></table><table class='newStockCheckTable'><tr><td>TN</td><td>999</td><td>0</td></tr></table>",
)
"""The last but one is 64 kB; the last tries to bring its own stock table. The site escapes them all."""

ANNOTATION = Markup(
    "<p>A tale of <i>fire</i> &amp; ice.</p><script>document.title = 'owned'</script>"
    "<style>#pd-title { display: none }</style><iframe src='javascript:alert(1)'></iframe>"
    "<a href='javascript:alert(2)' onclick='alert(3)'>Read more</a>"
    "<!-- <strong>EAN:</strong> 9780000000002 -->"
)
"""Sent as markup, as a publisher's own HTML is."""
