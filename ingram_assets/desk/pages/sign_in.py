"""The pages to sign in and out."""

import asyncio
import time
from urllib.parse import unquote, urlsplit

import anyio
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match

from ingram_assets.desk.pages.rendering import render
from ingram_assets.desk.people.medusa_sign_in import MedusaSignIn, NotLetIn, TooManyTries
from ingram_assets.desk.people.person_middleware import SIGN_IN, SessionCookie, own_path
from ingram_assets.desk.people.sessions import SignedIn
from ingram_assets.domain.failures import IngramError, Transient
from ingram_assets.settings.shared import DAGSTER_PATH
from ingram_assets.store.journal_connections import JournalLost

EVEN_SECONDS = 1.0
"""Refusals take a multiple of this, so that their time does not tell whether an account is there.

Medusa works on a password for a tenth of a second, and on an unknown e-mail not at all.
"""

router = APIRouter(include_in_schema=False)


@router.get(SIGN_IN)
async def show_sign_in(request: Request) -> Response:
    """The form; who is signed in goes on."""
    wanted = _page(request, request.query_params.get("next", "/"))
    if request.state.person:
        return RedirectResponse(wanted, 303)
    return _form(request, wanted, is_signed_out="signed_out" in request.query_params)


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """A new session for an admin of Medusa, and on to the page that was wanted."""
    began = time.monotonic()
    form = await request.form(max_files=0, max_fields=20)
    email, password, wanted = (str(form.get(name, "")) for name in ("email", "password", "next"))
    wanted = _page(request, wanted)
    medusa_sign_in: MedusaSignIn = request.app.state.medusa_sign_in
    signed_in: SignedIn = request.app.state.signed_in
    cookie: SessionCookie = request.app.state.cookie
    address = request.client.host if request.client else "unknown"
    try:
        person = await anyio.to_thread.run_sync(
            medusa_sign_in.sign_in, email, password, address, limiter=medusa_sign_in.at_once
        )
        text = await signed_in.promptly(signed_in.make, person, cookie.of(request.scope))
    except IngramError as error:
        status, words = _told(error)
        await asyncio.sleep(EVEN_SECONDS - (time.monotonic() - began) % EVEN_SECONDS)
        refusal = _form(request, wanted, status=status, email=email, words=words)
        if isinstance(error, TooManyTries):
            refusal.headers["Retry-After"] = str(error.wait)
        return refusal
    answer = RedirectResponse(wanted, 303)
    answer.set_cookie(
        cookie.name(request.scope), text, path="/", httponly=True, samesite="lax", secure=cookie.secure
    )
    return answer


@router.get("/account")
async def show_account(request: Request) -> Response:
    """Who is signed in, and how to end that."""
    return render(request, "account.html")


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Ends this browser's session."""
    return await _out(request, everywhere=False)


@router.post("/sign-out-everywhere")
async def sign_out_everywhere(request: Request) -> Response:
    """Ends all sessions of this person."""
    return await _out(request, everywhere=True)


async def _out(request: Request, *, everywhere: bool) -> Response:
    signed_in: SignedIn = request.app.state.signed_in
    cookie: SessionCookie = request.app.state.cookie
    try:
        if everywhere:
            await signed_in.promptly(signed_in.end_all_of, request.state.person.id)
        else:
            await signed_in.promptly(signed_in.end, cookie.of(request.scope))
    except IngramError:
        words = "The journal's database is away, so you are still signed in. Try again once it is back."
        return render(request, "refused.html", status=503, title="Not now", words=words)
    answer = RedirectResponse(f"{SIGN_IN}?signed_out=yes", 303)
    answer.delete_cookie(
        cookie.name(request.scope), path="/", httponly=True, samesite="lax", secure=cookie.secure
    )
    return answer


def _page(request: Request, text: str) -> str:
    """A page of the desk's own to look at; the board for whatever else is asked for."""
    path = urlsplit(own_path(text)).path
    asked = {"type": "http", "method": "GET", "path": unquote(path), "headers": []}
    is_page = any(route.matches(asked)[0] is Match.FULL for route in request.app.state.pages)
    return own_path(text) if is_page or path.startswith(f"{DAGSTER_PATH}/") else "/"


def _form(
    request: Request,
    wanted: str,
    *,
    status: int = 200,
    email: str = "",
    words: str = "",
    is_signed_out: bool = False,
) -> Response:
    return render(
        request,
        "sign_in.html",
        status=status,
        wanted=wanted,
        email=email,
        words=words,
        is_signed_out=is_signed_out,
    )


def _told(error: IngramError) -> tuple[int, str]:
    """Status, and what is told of a sign-in that did not come about."""
    match error:
        case NotLetIn():
            return 401, "No admin of Medusa has this e-mail and password. Try again."
        case TooManyTries(wait=wait):
            return 429, f"That was tried too often. Try again in {-(-wait // 60)} min."
        case JournalLost():
            return (
                503,
                "The journal's database is away, so nobody can sign in now. Try again once it is back.",
            )
        case Transient():
            return 503, "Medusa does not answer, so nobody can sign in now. Try again once it is back."
    return 503, "Nobody can sign in now: the desk's log says why."
