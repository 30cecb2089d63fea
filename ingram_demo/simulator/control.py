"""`/_control`: the simulator's own side, for the demo, tests and benchmarks. It needs no session."""

import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingram_demo.simulator.book import Move, UnknownTitle
from ingram_demo.simulator.dials import Dials
from ingram_demo.simulator.faults import FAULTS, Rule
from ingram_demo.simulator.layouts import LAYOUTS
from ingram_demo.simulator.mover import Mover
from ingram_demo.simulator.shown import book_entry
from ingram_demo.simulator.site import SEARCH_ID, Counters, Site

Answer = Callable[[Site, Any], Any]


async def _body(request: Request) -> Any:
    data = await request.body()
    return json.loads(data) if data else {}


def _endpoint(answer: Callable[[Request, Site, Any], Any]) -> Callable[[Request], Awaitable[Response]]:
    """Answers JSON; 404 for an unknown ISBN and 400 for anything else that can't be, with the reason."""

    async def handle(request: Request) -> Response:
        site: Site = request.app.state.site
        try:
            return JSONResponse(answer(request, site, await _body(request)))
        except UnknownTitle as error:
            return JSONResponse({"error": str(error)}, 404)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    return handle


def _info(request: Request, site: Site, body: Any) -> Any:
    account = site.accounts.account
    return {
        "titles": len(site.book.titles),
        "search_id": SEARCH_ID,
        "account": account.account,
        "username": account.username,
        "dials": dataclasses.asdict(site.dials),
        "faults": FAULTS,
        "layouts": {
            name: {"readable": layout.readable, "note": layout.note} for name, layout in LAYOUTS.items()
        },
    }


def _book(request: Request, site: Site, body: Any) -> Any:
    isbn = request.query_params.get("isbn")
    if isbn is not None and isbn not in site.book.titles:
        raise UnknownTitle(f"No title has the ISBN {isbn}.")
    return {number: book_entry(site, number) for number in ([isbn] if isbn else site.book.titles)}


def _dials(request: Request, site: Site, body: Any) -> Any:
    if request.method == "POST":
        site.dials = site.dials.changed(body)
        if "terms" in body:
            site.accounts.terms_accepted = False
        if "account_locked" in body:
            site.accounts.unlock()
    return dataclasses.asdict(site.dials)


def _faults(request: Request, site: Site, body: Any) -> Any:
    if request.method == "POST":
        wanted = body if isinstance(body, list) else [body]
        site.rules.extend([Rule.from_json(rule, LAYOUTS) for rule in wanted])
    elif request.method == "DELETE":
        site.rules.clear()
    return [dataclasses.asdict(rule) for rule in site.rules]


def _reset(request: Request, site: Site, body: Any) -> Any:
    """Good weather again: no faults, every dial as it is on a good day, the account unlocked."""
    site.rules.clear()
    site.dials = Dials()
    site.clock_offset = 0.0
    site.accounts.unlock()
    site.open_library_lookups.clear()
    return {}


def _move(request: Request, site: Site, body: Any) -> Any:
    return [_told(move) for move in site.book.move(body if isinstance(body, list) else [body])]


def _step(request: Request, site: Site, body: Any) -> Any:
    return [_told(move) for move in site.book.advance(int(body.get("steps", 1)))]


def _moves(request: Request, site: Site, body: Any) -> Any:
    return [_told(move) for move in site.book.moves]


def _told(move: Move) -> dict[str, Any]:
    return dataclasses.asdict(move)


def _title(request: Request, site: Site, body: Any) -> Any:
    site.book.edit(str(body["isbn"]), {name: value for name, value in body.items() if name != "isbn"})
    return book_entry(site, str(body["isbn"]))


def _requests(request: Request, site: Site, body: Any) -> Any:
    if request.method == "DELETE":
        # What is in flight goes on being counted: it ends by the counters with which it began.
        site.counters = Counters(running_by_kind=site.counters.running_by_kind)
    counters = site.counters
    return {
        "by_kind": counters.by_kind,
        "by_status": counters.by_status,
        "by_fault": counters.by_fault,
        "products": counters.products,
        "running": counters.running_by_kind.total(),
        "max_running": counters.max_running,
        "max_running_by_kind": counters.max_running_by_kind,
        **site.accounts.figures(),
        "log": list(counters.log) if request.query_params.get("log") != "no" else [],
    }


def _session(request: Request, site: Site, body: Any) -> Any:
    """A signed-in session without signing in, as captured by hand from a browser; DELETE ends all."""
    if request.method == "DELETE":
        site.accounts.end_all()
        return {}
    user_agent = str(body.get("user_agent", ""))
    before = site.accounts.sign_ins
    session = site.accounts.complete(site.accounts.new_session(user_agent), user_agent, site.dials)
    site.accounts.sign_ins = before
    visitor = "visid_incap_2764183=handmade; incap_ses_1842_2764183=handmade"
    return {"cookie": f"JSESSIONID={session.id}; {visitor}"}


def _devices(request: Request, site: Site, body: Any) -> Any:
    site.accounts.forget_devices()
    return {}


def _clock(request: Request, site: Site, body: Any) -> Any:
    site.clock_offset += float(body["advance_s"])
    return {"now": site.clock()}


def _mails(request: Request, site: Site, body: Any) -> Any:
    if request.method == "POST":
        if body.get("kind") not in ("stale", "wrong_sender"):
            raise ValueError("A mail is of kind stale or wrong_sender.")
        site.in_background(site.deliver(body["kind"], float(body.get("age_s", 0))))
    return list(site.mails)


def _mover(request: Request, site: Site, body: Any) -> Any:
    mover: Mover = request.app.state.mover
    if request.method == "POST":
        mover.every(float(body["every_s"]))
    return {"every_s": mover.every_s}


ROUTES = [
    Route("/_control", _endpoint(_info)),
    Route("/_control/book", _endpoint(_book)),
    Route("/_control/dials", _endpoint(_dials), methods=["GET", "POST"]),
    Route("/_control/faults", _endpoint(_faults), methods=["GET", "POST", "DELETE"]),
    Route("/_control/reset", _endpoint(_reset), methods=["POST"]),
    Route("/_control/move", _endpoint(_move), methods=["POST"]),
    Route("/_control/step", _endpoint(_step), methods=["POST"]),
    Route("/_control/moves", _endpoint(_moves)),
    Route("/_control/mover", _endpoint(_mover), methods=["GET", "POST"]),
    Route("/_control/title", _endpoint(_title), methods=["POST"]),
    Route("/_control/requests", _endpoint(_requests), methods=["GET", "DELETE"]),
    Route("/_control/session", _endpoint(_session), methods=["POST", "DELETE"]),
    Route("/_control/devices", _endpoint(_devices), methods=["DELETE"]),
    Route("/_control/clock", _endpoint(_clock), methods=["POST"]),
    Route("/_control/mails", _endpoint(_mails), methods=["GET", "POST"]),
]
