"""The gate before every page: counts the request, delays it, and lets a fault rule spoil it."""

import asyncio
import random
import secrets
import time
from email.utils import formatdate
from urllib.parse import parse_qs

from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingram_demo.simulator import covers, export, open_library, product, sign_in
from ingram_demo.simulator.faults import Rule
from ingram_demo.simulator.site import Site

_KINDS = {
    sign_in.LOGIN: "login_page",
    sign_in.LOGIN_POST: "login_post",
    sign_in.FACTOR: "factor_page",
    sign_in.CODE: "code_page",
    sign_in.TERMS: "terms",
    sign_in.HOME: "home",
    sign_in.OKTA: "okta",
    sign_in.OKTA_BACK: "okta",
    "/ipage/error.jsp": "error_page",
    export.SEARCH: "search",
    export.EXPORT: "export",
    product.PRODUCT: "product",
    product.LEGACY_PRODUCT: "product",
    covers.HOVER: "cover",
    covers.IMAGE_LOADER: "cover",
}
_VISITOR_COOKIE, _VISIT_COOKIE = "visid_incap_2764183", "incap_ses_1842_2764183"
_SIGNED_IN_KINDS = ("home", "search", "export", "product", "cover")


class Gate:
    """ASGI application around the pages. Control requests pass untouched and uncounted."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_control"):
            await self._app(scope, receive, send)
            return
        site, counters = self._site, self._site.counters
        kind = _kind(scope["path"])
        isbn = _isbn(scope)
        rule = next(
            (r for r in site.rules if self._concerns(r, scope) and r.matches(kind, isbn, site.book)), None
        )
        if rule is not None and rule.fault == "expire":
            site.accounts.end(_cookies(scope)[sign_in.SESSION_COOKIE])
        counters.running_by_kind[kind] += 1
        counters.max_running = max(counters.max_running, counters.running_by_kind.total())
        counters.max_running_by_kind[kind] = max(
            counters.max_running_by_kind[kind], counters.running_by_kind[kind]
        )
        started, status = time.monotonic(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # By the site's own clock, which control requests can put forward.
                date = (b"date", formatdate(site.clock(), usegmt=True).encode())
                message = {**message, "headers": [*message.get("headers", []), date]}
            await send(message)

        try:
            await self._serve(scope, receive, watched, kind, rule)
        finally:
            counters.running_by_kind[kind] -= 1
            counters.by_kind[kind] += 1
            counters.by_status[str(status)] += 1
            if kind == "product" and isbn:
                counters.products[isbn] += 1
            if rule is not None:
                counters.by_fault[rule.fault] += 1
            counters.log.append(
                {
                    "kind": kind,
                    "method": scope["method"],
                    "path": scope["path"],
                    "isbn": isbn,
                    "status": status,
                    "fault": rule.fault if rule is not None else None,
                    "started": started,
                    "ended": time.monotonic(),
                }
            )

    def _concerns(self, rule: Rule, scope: Scope) -> bool:
        """Whether the rule counts this request: a session can only end while it lives."""
        if rule.fault != "expire":
            return True
        cookie = _cookies(scope).get(sign_in.SESSION_COOKIE)
        return self._site.accounts.signed_in(cookie, self._site.dials) is not None

    async def _serve(self, scope: Scope, receive: Receive, send: Send, kind: str, rule: Rule | None) -> None:
        site = self._site
        delay = (site.dials.latency_ms + random.uniform(0, site.dials.jitter_ms)) / 1000
        if rule is not None and rule.fault == "slow":
            delay += rule.seconds
        if delay > 0:
            await asyncio.sleep(delay)
        cookies = _cookies(scope)
        if not kind.startswith("open_library"):
            send = _with_imperva_cookies(send, cookies)
        if site.dials.require_imperva_cookies and kind in _SIGNED_IN_KINDS and _VISITOR_COOKIE not in cookies:
            await self._block_page("block.html")(scope, receive, send)
            return
        if rule is None:
            await self._app(scope, receive, send)
            return
        scope["fault"] = rule
        response: Response | None = None
        match rule.fault:
            case "block":
                response = self._block_page("block.html")
            case "interruption":
                response = self._block_page("interruption.html")
            case "status":
                headers = {"Retry-After": rule.retry_after} if rule.retry_after is not None else None
                response = PlainTextResponse("Service error", rule.status, headers)
            case "hang":
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
            case "garbage":
                response = Response(secrets.token_bytes(4096), media_type="text/html")
            case "html":
                response = HTMLResponse(site.render("error.html", message="An error has occurred."))
            case "page":
                response = HTMLResponse(rule.html, rule.status)
            case "login_form":
                response = sign_in.login_page(site)
            case "redirect_loop":
                query = scope["query_string"].decode("latin-1")
                response = RedirectResponse(scope["path"] + ("?" + query if query else ""), 302)
            case "empty":
                response = HTMLResponse("")
            case "cut":
                send = _cut(send)
            case "half":
                send = _half(send)
        await (response or self._app)(scope, receive, send)

    def _block_page(self, template: str) -> Response:
        incident = "".join(secrets.choice("0123456789") for _ in range(18))
        return HTMLResponse(self._site.render(template, incident=incident))


def _kind(path: str) -> str:
    if path.startswith(open_library.LOOKUP):
        return "open_library"
    if path.startswith(open_library.ARCHIVE):
        return "open_library_picture"
    return _KINDS.get(path, "other")


def _isbn(scope: Scope) -> str | None:
    query = parse_qs(scope["query_string"].decode("latin-1"))
    for name in ("ean_id", "ean"):
        if name in query:
            return query[name][0]
    if scope["path"].startswith((open_library.LOOKUP, open_library.ARCHIVE)):
        return str(scope["path"].rsplit("/", 1)[-1].partition("-")[0])
    return None


def _cookies(scope: Scope) -> dict[str, str]:
    for name, value in scope["headers"]:
        if name == b"cookie":
            return cookie_parser(value.decode("latin-1"))
    return {}


def _with_imperva_cookies(send: Send, cookies: dict[str, str]) -> Send:
    if _VISITOR_COOKIE in cookies and _VISIT_COOKIE in cookies:
        return send

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            visitor = f"{_VISITOR_COOKIE}={secrets.token_urlsafe(24)}; Path=/; Max-Age=31536000; HttpOnly"
            visit = f"{_VISIT_COOKIE}={secrets.token_urlsafe(24)}; Path=/"
            extra = [(b"set-cookie", visitor.encode()), (b"set-cookie", visit.encode())]
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return sending


def _cut(send: Send) -> Send:
    """Half of the body, then nothing: the server closes the connection for want of the rest."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            message = {**message, "body": body[: len(body) // 2], "more_body": True}
        await send(message)

    return sending


def _half(send: Send) -> Send:
    """Half of the body, with the length of the half."""
    start: Message = {}

    async def sending(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        body = message.get("body", b"")
        body = body[: len(body) // 2]
        kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await send({**start, "headers": [*kept, length]})
        await send({**message, "body": body})

    return sending
