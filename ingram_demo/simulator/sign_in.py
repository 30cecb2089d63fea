"""Signing in over HTTP: the old login form, the terms, the second factor, Okta's loop, signing out."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ingram_demo.simulator.accounts import Session
from ingram_demo.simulator.site import Site

LOGIN = "/ipage/li001.jsp"
LOGIN_POST = "/ipage/administration/login.action"
TERMS = "/ipage/administration/terms.action"
FACTOR = "/ipage/administration/secondFactor.action"
CODE = "/ipage/administration/verifyCode.action"
HOME = "/ipage/common/contentdelivery/hm001View.action"
OKTA = "/oauth2/default/v1/authorize"
OKTA_BACK = "/ipage/login/callback"

SESSION_COOKIE = "JSESSIONID"
DEVICE_COOKIE = "DT"
EXPIRED = "We're sorry, but your session has expired. Please log in again to continue."

_ERRORS = {
    "wrong": "The User ID or Password you entered is incorrect. Please try again.",
    "locked": "Your account has been locked. Please contact Customer Care at (800) 937-8000.",
    "token": "Your log in page is out of date. Please try again.",
}
_CODE_ERRORS = {
    "wrong": "The code you entered is incorrect. Please try again.",
    "expired": "The code you entered has expired. Request a new code.",
}


def login_page(site: Site, error: str | None = None, goto: str = "") -> HTMLResponse:
    """The old login form, as a page of its own or in place of one that needs a session."""
    page = site.render(
        "login.html", token=site.accounts.fresh_token(), error=error, goto=goto, action=LOGIN_POST
    )
    return HTMLResponse(page)


def session_of(request: Request, site: Site) -> Session | None:
    """The signed-in session of this request."""
    session = site.accounts.signed_in(request.cookies.get(SESSION_COOKIE), site.dials)
    if session is None:
        return None
    if site.dials.require_same_user_agent and request.headers.get("user-agent", "") != session.user_agent:
        return None
    return session


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _visit(request: Request, site: Site) -> Session:
    """The session of someone who is on the way in; a new one for a newcomer."""
    known = site.accounts.sessions.get(request.cookies.get(SESSION_COOKIE, ""))
    return known or site.accounts.new_session(request.headers.get("user-agent", ""))


def _with_session(response: Response, session: Session) -> Response:
    response.set_cookie(SESSION_COOKIE, session.id, path="/", httponly=True, samesite="lax")
    return response


async def show_login(request: Request) -> Response:
    site = _site(request)
    if site.dials.okta_loop == "login_page":
        return RedirectResponse(f"{OKTA}?client_id=ipage&state={site.accounts.fresh_token()}", 302)
    if site.dials.okta_loop == "script":
        target = f"{OKTA}?client_id=ipage&state={site.accounts.fresh_token()}"
        return HTMLResponse(site.render("okta_hop.html", target=target))
    if request.url.query:
        return RedirectResponse(LOGIN, 302)
    return _with_session(login_page(site), _visit(request, site))


async def log_in(request: Request) -> Response:
    site, form = _site(request), await _form(request)
    if not site.accounts.use_token(form.get("token", "")) or form.get("allow") != "Y":
        return login_page(site, _ERRORS["token"])
    error = site.accounts.check_password(form.get("username", ""), form.get("passwd", ""), site.dials)
    if error is not None:
        return login_page(site, _ERRORS[error])
    if site.dials.okta_loop == "after_password":
        return RedirectResponse(f"{OKTA}?client_id=ipage&state={site.accounts.fresh_token()}", 302)
    session = _visit(request, site)
    session.goto = form.get("gotoPage", "")
    if site.dials.terms == "before_code" and not site.accounts.terms_accepted:
        session.stage = "terms_before"
        return _with_session(RedirectResponse(TERMS, 302), session)
    return _after_password(request, site, session)


def _after_password(request: Request, site: Site, session: Session) -> Response:
    trusted = site.accounts.is_trusted(request.cookies.get(DEVICE_COOKIE), site.dials)
    if site.dials.second_factor and not trusted:
        session.stage = "factor"
        return _with_session(RedirectResponse(FACTOR, 302), session)
    return _after_code(request, site, session)


def _after_code(request: Request, site: Site, session: Session) -> Response:
    if site.dials.terms == "after_code" and not site.accounts.terms_accepted:
        session.stage = "terms"
        return _with_session(RedirectResponse(TERMS, 302), session)
    goto = session.goto if session.goto.startswith("/ipage/") else HOME
    remember = session.remember
    signed_in = site.accounts.complete(session, request.headers.get("user-agent", ""), site.dials)
    response = _with_session(RedirectResponse(goto, 302), signed_in)
    if remember:
        days = int(site.dials.device_trust_days * 86_400)
        response.set_cookie(
            DEVICE_COOKIE, site.accounts.trust_device(), max_age=days, path="/", httponly=True
        )
    return response


async def terms(request: Request) -> Response:
    site, session = _site(request), _visit(request, _site(request))
    if session.stage not in ("terms", "terms_before"):
        return login_page(site)
    form = await _form(request) if request.method == "POST" else {}
    if not site.accounts.use_token(form.get("token", "")) or form.get("accept") != "Y":
        return HTMLResponse(site.render("terms.html", token=site.accounts.fresh_token(), action=TERMS))
    site.accounts.terms_accepted = True
    if session.stage == "terms_before":
        return _after_password(request, site, session)
    return _after_code(request, site, session)


async def second_factor(request: Request) -> Response:
    """The choice among factors; choosing one sends its code."""
    site, session = _site(request), _visit(request, _site(request))
    if session.stage not in ("factor", "code"):
        return login_page(site)
    form = await _form(request) if request.method == "POST" else {}
    chosen = form.get("factor", "")
    if not site.accounts.use_token(form.get("token", "")) or chosen not in site.dials.factors:
        page = site.render(
            "factor.html",
            token=site.accounts.fresh_token(),
            factors=site.dials.factors,
            markup=site.dials.factor_markup,
            action=FACTOR,
            email=_masked(site.accounts.account.email),
        )
        return HTMLResponse(page)
    session.stage, session.factor, session.wrong_codes = "code", chosen, 0
    if chosen != "Authenticator":
        code = site.accounts.new_code(session)
        _send(site, chosen, code)
    return RedirectResponse(CODE, 302)


async def verify_code(request: Request) -> Response:
    site, session = _site(request), _visit(request, _site(request))
    if session.stage != "code":
        return login_page(site)
    if request.method == "GET":
        return _code_page(site, session)
    form = await _form(request)
    if not site.accounts.use_token(form.get("token", "")):
        return _code_page(site, session)
    if "resend" in form:
        if session.factor != "Authenticator":
            code = site.accounts.new_code(session)
            _send(site, session.factor, code)
        return _code_page(site, session)
    error = site.accounts.check_code(session, form.get("code", "").strip(), site.dials)
    if error == "too many":
        site.accounts.end(session.id)
        return login_page(site, "Too many incorrect codes. Please log in again.")
    if error is not None:
        return _code_page(site, session, _CODE_ERRORS[error])
    session.remember = form.get("rememberDevice") == "Y"
    return _after_code(request, site, session)


def _send(site: Site, factor: str, code: str) -> None:
    if factor == "Email":
        site.in_background(site.send_code(code))
    else:
        site.phone(factor, code)


def _code_page(site: Site, session: Session, error: str | None = None) -> HTMLResponse:
    page = site.render(
        "code.html",
        token=site.accounts.fresh_token(),
        factor=session.factor,
        error=error,
        action=CODE,
        back=FACTOR,
        email=_masked(site.accounts.account.email),
    )
    return HTMLResponse(page)


def _masked(email: str) -> str:
    name, _, host = email.partition("@")
    return f"{name[:1]}***{name[-1:]}@{host}"


async def okta(request: Request) -> Response:
    """The new login: it comes back to the site, and loops if the dial says so."""
    return RedirectResponse(f"{OKTA_BACK}?code={_site(request).accounts.fresh_token()}", 302)


async def okta_back(request: Request) -> Response:
    site = _site(request)
    if site.dials.okta_loop == "script":
        return HTMLResponse(site.render("okta_hop.html", target=LOGIN))
    if site.dials.okta_loop == "after_password":
        return RedirectResponse(f"{OKTA}?client_id=ipage&state={site.accounts.fresh_token()}", 302)
    return RedirectResponse(LOGIN, 302)


async def front_door(request: Request) -> Response:
    """The host's own address leads to the new login."""
    return RedirectResponse(f"{OKTA}?client_id=ipage&state={_site(request).accounts.fresh_token()}", 302)


async def log_out(request: Request) -> Response:
    site = _site(request)
    site.accounts.end(request.cookies.get(SESSION_COOKIE, ""))
    response = RedirectResponse(LOGIN, 302)
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


def signed_out_of(site: Site) -> HTMLResponse:
    """What home, exports and covers are without a session."""
    return HTMLResponse(site.dials.expired_html) if site.dials.expired_html else login_page(site)


async def home(request: Request) -> Response:
    site = _site(request)
    if session_of(request, site) is None:
        return signed_out_of(site)
    return HTMLResponse(site.render("home.html", account=site.accounts.account))


async def error_page(request: Request) -> Response:
    site = _site(request)
    message = EXPIRED if request.query_params.get("timeout") == "y" else "An error has occurred."
    return HTMLResponse(site.render("error.html", message=message))


ROUTES = [
    Route("/", front_door),
    Route("/ipage/", front_door),
    Route(LOGIN, show_login),
    Route(LOGIN_POST, log_in, methods=["POST"]),
    Route(TERMS, terms, methods=["GET", "POST"]),
    Route(FACTOR, second_factor, methods=["GET", "POST"]),
    Route(CODE, verify_code, methods=["GET", "POST"]),
    Route(OKTA, okta),
    Route(OKTA_BACK, okta_back),
    Route("/ipage/administration/logout.action", log_out),
    Route(HOME, home),
    Route("/ipage/error.jsp", error_page),
]
