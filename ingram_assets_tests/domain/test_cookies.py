"""Cookies in whatever form they are pasted: understood, all of them, or refused by a sentence."""

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.cookies import NotCookies, read_pasted

HOST = "ipage.ingramcontent.com"
URL = f"https://{HOST}/ipage/home"
BOTH = [("JSESSIONID", "hush:1.node3"), ("b", "2==")]
LINE = "JSESSIONID=hush:1.node3; b=2=="
AGENT = "Mozilla/5.0 (UA) Gecko"


def exported(**more: object) -> list[dict[str, object]]:
    return [{"name": name, "value": value, "domain": HOST, "path": "/", **more} for name, value in BOTH]


def netscape(separator: str = "\t", mark: str = "", below: str = "FALSE", domain: str = HOST) -> str:
    rows = [separator.join((mark + domain, below, "/", "TRUE", "0", name, value)) for name, value in BOTH]
    return "\n".join(["# Netscape HTTP Cookie File", "# https://curl.se/docs", "", *rows])


def har(*hosts: str, cookies_only: bool = False) -> str:
    headers = [{"name": "User-Agent", "value": AGENT}]
    if not cookies_only:
        headers.append({"name": "cookie", "value": LINE})
    listed = [{"name": name, "value": value} for name, value in BOTH]
    entries = [
        {
            "request": {
                "url": f"https://{host}/x",
                "headers": headers if host == HOST else [{"name": "Cookie", "value": "other=1"}],
                "cookies": listed if host == HOST else [],
            }
        }
        for host in hosts
    ]
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


def firefox_details(separator: str) -> str:
    return separator.join(
        f'{name}:"{value}"{separator}Created:"Wed, 25 Nov 2026 09:00:00 GMT"{separator}Domain:"{HOST}"'
        f'{separator}Expires / Max-Age:"Session"{separator}HostOnly:true{separator}HttpOnly:true{separator}'
        f'Last Accessed:"Wed, 25 Nov 2026 09:10:00 GMT"{separator}Path:"/"{separator}SameSite:"None"'
        f"{separator}Secure:true{separator}Size:43"
        for name, value in BOTH
    )


PASTED = {
    "the header's value": LINE,
    "with blanks, a semicolon and a line's end": f"  {LINE} ; \r\n",
    "in double quotes": f'"{LINE}"',
    "in single quotes": f"'{LINE}'",
    "in backticks": f"`{LINE}`",
    "with a mark": f"\ufeff{LINE}",
    "the setting's line": f"export IPAGE_SESSION_COOKIE='{LINE}'",
    "the setting's line without quotes": f"IPAGE_SESSION_COOKIE={LINE}",
    "a pair a line": LINE.replace("; ", "\r\n"),
    "a wrapped line": LINE.replace("; ", ";\n  "),
    "the header's line": f"Cookie: {LINE}",
    "the header's line in small letters": f"cookie:{LINE}",
    "the headers": f"GET / HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {AGENT}\r\n"
    f"Cookie: {LINE}\r\nAccept: a=b;q=1\r\n",
    "the headers of HTTP/2": f":authority: {HOST}\n"
    f"cookie: JSESSIONID=hush:1.node3\ncookie: b=2==\nuser-agent: {AGENT}",
    "name and value in two lines": f":method:\nGET\ncookie:\n{LINE}\nuser-agent\n{AGENT}",
    "an answer's headers": "Set-Cookie: JSESSIONID=hush:1.node3; Path=/; HttpOnly\n"
    "set-cookie: b=2==; Max-Age=9",
    "with attributes": "JSESSIONID=hush:1.node3; Path=/; HttpOnly; Secure; SameSite=Lax; b=2==",
    "cURL": f"curl '{URL}' -H 'accept: */*' -H 'cookie: {LINE}' -H 'user-agent: {AGENT}' --compressed",
    "cURL over lines": f"curl '{URL}' \\\n  -H 'accept: a=b' \\\n"
    f"  -H 'Cookie: {LINE}' \\\n  -H 'User-Agent: {AGENT}'",
    "cURL with -b": f"curl '{URL}' -b '{LINE}' -A '{AGENT}'",
    "cURL with -b and no blank": f'curl {URL} -b"{LINE}"',
    "cURL with --cookie": f'$ curl --cookie "{LINE}" {URL}',
    "cURL with --cookie=": f'curl "--cookie={LINE}" {URL}',
    "cURL with -H and no blank": f"curl -H'Cookie: {LINE}' {URL}",
    "cURL in Bash's own quotes": f"curl '{URL}' -H $'cookie: JSESSIONID=hush\\u003a1.node3; b=2==' "
    "--data $'a\\'b'",
    "cURL of Windows": f'curl "{URL}" ^\r\n  -H "accept: */*" ^\r\n  -H "cookie: {LINE}" ^\r\n  --compressed',
    "cURL of Windows, newer": f'curl ^"{URL}^" ^\n  -b ^"{LINE}^" ^\n  -H ^"user-agent: {AGENT}^"',
    "wget": f"wget --header='Cookie: {LINE}' --header='User-Agent: {AGENT}' {URL}",
    "httpie": f"http GET {URL} 'Cookie:{LINE}'",
    "fetch of Node": f'fetch("{URL}", {{\n  "headers": {{"accept": "*/*", "cookie": "{LINE}"}}\n}});',
    "PowerShell": "$session = New-Object Microsoft.PowerShell.Commands.WebRequestSession\n"
    f'$session.UserAgent = "{AGENT}"\n'
    + "".join(
        f'$session.Cookies.Add((New-Object System.Net.Cookie("{name}", "{value}", "/", "{HOST}")))\n'
        for name, value in BOTH
    )
    + f'Invoke-WebRequest -UseBasicParsing -Uri "{URL}" -WebSession $session',
    "cookies.txt": netscape(),
    "cookies.txt of the browser's alone": netscape(mark="#HttpOnly_"),
    "cookies.txt with CR": netscape().replace("\n", "\r\n"),
    "cookies.txt, its tabs lost": netscape("    "),
    "cookies.txt on one line": netscape().replace("\n", " "),
    "cookies.txt on one line, its tabs lost": netscape(" ", "#HttpOnly_").replace("\n", " "),
    "rows of cookies.txt on one line": " ".join(netscape().splitlines()[3:]),
    "cookies.txt with written line ends": netscape().replace("\n", "\\n"),
    "cookies.txt with written line ends and tabs": netscape().replace("\n", "\\r\\n").replace("\t", "\\t"),
    "cookies.txt of the domain": netscape(below="TRUE", domain=".ingramcontent.com"),
    "EditThisCookie": json.dumps(exported(hostOnly=True, session=True, storeId="0", id=1), indent=4),
    "Cookie-Editor": json.dumps(exported(sameSite="no_restriction", expirationDate=1893456000.5)),
    "of the domain and of another": json.dumps(
        [*exported(), {"name": "NID", "value": "9", "domain": ".example.com", "path": "/"}]
    ),
    "Playwright": json.dumps({"cookies": exported(expires=-1, httpOnly=True, secure=True), "origins": []}),
    "Cookie Quick Manager": json.dumps(
        [{"Host raw": f"https://{HOST}/", "Name raw": name, "Content raw": value} for name, value in BOTH]
    ),
    "names and values": json.dumps(dict(BOTH)),
    "Firefox's request": json.dumps({"Request Cookies": dict(BOTH)}),
    "headers as JSON": json.dumps({"headers": {"Cookie": LINE, "User-Agent": AGENT}}),
    "Python's": str(dict(BOTH)),
    "HAR": har(HOST),
    "HAR of several": har("www.example.com", HOST, HOST, "cdn.example.com"),
    "HAR with cookies apart": har(HOST, cookies_only=True),
    "Chrome's table": "".join(
        f"{name}\t{value}\t{HOST}\t/\tSession\t42\t✓\t✓\t\t\tMedium\r\n" for name, value in BOTH
    ),
    "Chrome's table with headings": "Name\tValue\tDomain\tPath\n"
    + "".join(f"{name}\t{value}\t.ingramcontent.com\t/\n" for name, value in BOTH),
    "another order of columns": f"Name\tDomain\tValue\nJSESSIONID\t{HOST}\thush:1.node3\nb\t{HOST}\t2==",
    "names and values in a table": 'JSESSIONID\t"hush:1.node3"\r\nb\t2==\r\n',
    "Firefox's storage": 'JSESSIONID:"hush:1.node3"\nb: "2=="',
    "Firefox's details of each": firefox_details("\n"),
    "Firefox's details of each on one line": firefox_details(" "),
    "what a page's script is told": f'document.cookie="{LINE}"',
    "what a page's script is told, as a statement": f"document.cookie = '{LINE}';",
    "what a page's script is told, one by one": 'document.cookie="JSESSIONID=hush:1.node3; path=/"; '
    "window.document.cookie=`b=2==`",
    "such a setting's line": f"export IPAGE_SESSION_COOKIE='document.cookie=\"{LINE}\"'",
}


@pytest.mark.parametrize("form", PASTED)
def test_all_cookies_are_read_whatever_their_form(form: str) -> None:
    pasted = read_pasted(PASTED[form])
    assert [(cookie.name, cookie.value) for cookie in pasted.of_host(HOST)] == BOTH
    assert pasted.user_agent == (AGENT if AGENT in PASTED[form] else None)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ('prefs={"a":1,"b=":2}', "prefs", '{"a":1,"b=":2}'),
        ('a="x y"', "a", '"x y"'),
        ("a=", "a", ""),
        ("a=b%3D%20c|d,e/f?g&h=i", "a", "b%3D%20c|d,e/f?g&h=i"),
        *((f"a={value}", "a", value) for value in ("a.b|c&d", "x/y+z==", "[CS]v1|2F-3[CE]", "e..y", "a**b")),
        ("a=user=1&lang=2", "a", "user=1&lang=2"),
        ("a=/path?x&y=2", "a", "/path?x&y=2"),
        ("Cookie: a=v&b=w", "a", "v&b=w"),  # a browser's own header has its semicolons
        ("x.example TRUE / FALSE 0 a b c", "a", "b c"),
        ("a=1; a=2", "a", "1"),  # a browser sends the nearest path's first
        ("a=Wed, 21 Oct 2026 07:28:00 GMT", "a", "Wed, 21 Oct 2026 07:28:00 GMT"),
    ],
)
def test_a_value_stays_as_it_is(text: str, name: str, value: str) -> None:
    (cookie,) = read_pasted(text).cookies
    assert (cookie.name, cookie.value) == (name, value)


REFUSED = [
    *("", "hush", "=hush", "hush; a=b", "JSESSIONID", "JSESSIONID: hush", "Authorization: Bearer hush"),
    *("JSESSIONID=hush…", "JSESSIONID=hush; n=é’", "“JSESSIONID=hush”", "JSESSIONID=hu\x00sh", "a b=hush"),
    *("JSESSIONID=hush b=2", "JSESSIONID=hush, b=2", "JSESSIONID=hush' -H 'user-agent: UA", "a=hu\nsh; b=2"),
    *("curl 'https://x.example/' -H 'cookie: a=hush", "curl https://x.example/ -b hush.txt", f"curl '{URL}'"),
    *('fetch("https://x.example", {"headers": {}})', "User-Agent: Mozilla/9", "Cookie:", "Cookie: hush"),
    *('[{"name": "a"}]', '{"a": 1}', "[1, 2]", '[{"name": "a", "value": "hush"', "{}", "[]"),
    '{"log": {"entries": []}}',
    *("<html><body>hush</body></html>", "http://user:hush@x.example/?a=b", "# Netscape HTTP Cookie File"),
    *("Name\tValue\n", "\thush\n", '[{"name": "a", "value": "x; y=hush"}]', '{"a\\r\\nX": "hush"}'),
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_cookie_is_refused_in_a_sentence_that_shows_nothing_of_it(text: str) -> None:
    with pytest.raises(NotCookies, match="copy the value of the Cookie header") as caught:
        read_pasted(text)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((text, "several cookies, joined by") for text in ("a=hush&b=w", "a=hush|b=w", "a=hush==&b=w|c=d")),
        *((f"a=hush{cut}", "shortened or masked") for cut in ("...", ".....; b=2", "***", "...hush", "***d")),
        *((f"b=2; a={cut}", "shortened or masked") for cut in ("[redacted]", "***", "...", "<REDACTED>")),
        ('{"a": "hush..."}', "shortened or masked"),
        ('a="hush..."', "shortened or masked"),
        ("a=b; c=d x.example TRUE / FALSE 0 a hush", "not all cookies"),
        ("x.example TRUE / FALSE 0", "no name=value"),
    ],
)
def test_what_cannot_be_told_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(NotCookies, match=why) as caught:
        read_pasted(text)
    assert "hush" not in str(caught.value)


def test_firefoxs_details_say_where_a_cookie_belongs() -> None:
    (cookie,) = read_pasted('a:"b" Domain:".example.com" Path:"/c"').cookies
    assert (cookie.domain, cookie.path) == (".example.com", "/c")


@pytest.mark.parametrize(
    "form", ["cURL", "cookies.txt", "EditThisCookie", "HAR", "PowerShell", "Chrome's table with headings"]
)
def test_cookies_of_another_site_stay_there(form: str) -> None:
    pasted = read_pasted(PASTED[form])
    for host in ("example.com", "badipage.ingramcontent.com.example.com", "notingramcontent.com"):
        with pytest.raises(NotCookies, match=f"none of {host}"):
            pasted.of_host(host)


@given(st.one_of(st.text(max_size=200), st.sampled_from(sorted(PASTED.values()))), st.integers(0, 400))
def test_any_text_is_read_or_refused(text: str, cut: int) -> None:
    for pasted in (text, text[:cut], text[cut:], f"{{{text}", f"curl {text}", f"a\t{text}\tb"):
        try:
            cookies = read_pasted(pasted).cookies
        except NotCookies:
            continue
        line = "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)
        assert line.isascii()
        assert line.isprintable()


LONG_PASTES = {
    "a command with a long address": lambda n: f"curl '{'x' * n}' -H 'cookie: {LINE}'",
    "a command with a long form": lambda n: f"curl '{URL}' -b '{LINE}' --data-raw \"{'x=1&' * (n // 4)}\"",
    "a command of backslashes": lambda n: "curl " + "\\" * n,
    "an open quote": lambda n: "curl '" + "\\'" * (n // 2),
    "blanks in a value": lambda n: "a=1" + " " * n + "2",
    "blanks after a header's name": lambda n: "cookie" + " " * n + "x\na=b",
    "commas": lambda n: "a=1" + ",x" * (n // 2),
    "a long word": lambda n: "x" * n,
    "rows on one line": lambda n: "x.example TRUE / FALSE 0 a b " * (n // 29),
    "details on one line": lambda n: 'a:"b" Size:1 ' * (n // 13),
    "joined pairs": lambda n: "a=1" + "&b=2" * (n // 4) + "&",
    "points": lambda n: "a=" + ".b" * (n // 2),
}


@pytest.mark.parametrize("kind", LONG_PASTES)
def test_twice_the_text_takes_about_twice_the_time(kind: str) -> None:
    def takes(size: int) -> float:
        text, times = LONG_PASTES[kind](size), []
        for _ in range(2):
            start = time.process_time()
            with contextlib.suppress(NotCookies):
                read_pasted(text)
            times.append(time.process_time() - start)
        return min(times)

    assert takes(160_000) <= 3 * takes(80_000) + 0.2


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("curl -b 'a='\"b c\"'d' x", "b cd"),
        ('curl -b "a=\\"b\\" \\$c \\d" x', '"b" $c \\d'),
        ("curl -b a=b\\ c x", "b c"),
        ("curl '' -b 'a=b'", "b"),
        ("curl x -b \"a='b'\"", "'b'"),
    ],
)
def test_the_words_of_a_command(command: str, value: str) -> None:
    (cookie,) = read_pasted(command).cookies
    assert (cookie.name, cookie.value) == ("a", value)


@pytest.mark.parametrize(
    "command", ["curl x -b 'a=b", 'curl x -b "a=b', "curl x -b a=b\\", 'curl "x\\"', "curl 'x' '"]
)
def test_a_part_of_a_command_is_refused(command: str) -> None:
    with pytest.raises(NotCookies, match="part of a command"):
        read_pasted(command)
