"""The sign-in: name, password, the way of the code, the code, the terms; a page each."""

import asyncio
import secrets
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ingram_assets_tests.other_site.mail import code_mail
from ingram_assets_tests.other_site.rendering import page
from ingram_assets_tests.other_site.state import COOKIE, DEVICE, OtherSite, Visit

START = "/start.do"
NAME = "/anmeldung/benutzer.do"
PASSWORD = "/anmeldung/kennwort.do"
WAY = "/anmeldung/sicherheit.do"
CODE = "/anmeldung/code.do"
TERMS = "/anmeldung/hinweise.do"

_PAGE_OF = {"password": PASSWORD, "way": WAY, "code": CODE, "terms": TERMS, "in": START}


def visit_of(request: Request) -> Visit | None:
    site: OtherSite = request.app.state.site
    return site.visits.get(request.cookies.get(COOKIE, ""))


def is_in(request: Request) -> bool:
    visit = visit_of(request)
    return visit is not None and visit.step == "in"


def signed_out(request: Request) -> Response:
    """What every page is without a session: words and a link, with status 200."""
    return page(request, "abgelaufen.html", login=NAME)


async def name(request: Request) -> Response:
    site: OtherSite = request.app.state.site
    if request.method == "GET":
        return page(request, "benutzer.html")
    form = await request.form()
    answer = RedirectResponse(PASSWORD, 302)
    visit = Visit("password", str(form.get("kennung", "")).strip())
    answer.set_cookie(COOKIE, site.new_visit(visit), path="/", httponly=True)
    return answer


async def password(request: Request) -> Response:
    site: OtherSite = request.app.state.site
    visit = visit_of(request)
    if visit is None or visit.step != "password":
        return _elsewhere(visit)
    if request.method == "GET":
        return page(request, "kennwort.html", name=visit.name)
    if site.wrong_passwords >= 5:
        return page(request, "kennwort.html", name=visit.name, error="Ihr Zugang ist gesperrt.")
    form = await request.form()
    if (visit.name, form.get("geheim")) != (site.customer.name, site.customer.password):
        site.wrong_passwords += 1
        return page(
            request, "kennwort.html", name=visit.name, error="Benutzerkennung oder Kennwort ist falsch."
        )
    is_known = request.cookies.get(DEVICE) in site.devices
    visit.step = "terms" if is_known else "way"
    return _elsewhere(visit)


async def way(request: Request) -> Response:
    site: OtherSite = request.app.state.site
    visit = visit_of(request)
    if visit is None or visit.step not in ("way", "code"):
        return _elsewhere(visit)
    if request.method == "GET":
        return page(request, "sicherheit.html")
    form = await request.form()
    if form.get("weg") not in ("E", "S"):
        return page(request, "sicherheit.html", error="Bitte wählen Sie einen Weg.")
    visit.step, visit.code = "code", f"{secrets.randbelow(900_000) + 100_000}"
    if form.get("weg") == "E" and site.mailer is not None:
        site.codes_sent += 1
        message = code_mail(visit.code, site.customer.email, datetime.now(UTC))
        await asyncio.to_thread(site.mailer, message)
    return _elsewhere(visit)


async def code(request: Request) -> Response:
    site: OtherSite = request.app.state.site
    visit = visit_of(request)
    if visit is None or visit.step != "code":
        return _elsewhere(visit)
    if request.method == "GET":
        return page(request, "code.html")
    form = await request.form()
    if str(form.get("scode", "")).strip() != visit.code:
        visit.wrong += 1
        return page(request, "code.html", error="Der Sicherheitscode ist nicht richtig.")
    visit.step = "terms"
    answer = _elsewhere(visit)
    if form.get("merken"):
        device = secrets.token_hex(12)
        site.devices.add(device)
        answer.set_cookie(DEVICE, device, max_age=30 * 86_400, path="/", httponly=True)
    return answer


async def terms(request: Request) -> Response:
    site: OtherSite = request.app.state.site
    visit = visit_of(request)
    if visit is None or visit.step != "terms":
        return _elsewhere(visit)
    if request.method == "GET":
        return page(request, "hinweise.html")
    del site.visits[request.cookies[COOKIE]]
    answer = RedirectResponse(START, 302)
    answer.set_cookie(COOKIE, site.new_visit(Visit("in", visit.name)), path="/", httponly=True)
    return answer


async def start(request: Request) -> Response:
    return page(request, "start.html") if is_in(request) else signed_out(request)


async def front(request: Request) -> Response:
    return RedirectResponse(START if is_in(request) else NAME, 302)


def _elsewhere(visit: Visit | None) -> RedirectResponse:
    return RedirectResponse(NAME if visit is None else _PAGE_OF[visit.step], 302)


_BOTH = ["GET", "POST"]
ROUTES = [
    Route("/", front),
    Route(START, start),
    Route(NAME, name, methods=_BOTH),
    Route(PASSWORD, password, methods=_BOTH),
    Route(WAY, way, methods=_BOTH),
    Route(CODE, code, methods=_BOTH),
    Route(TERMS, terms, methods=_BOTH),
]
