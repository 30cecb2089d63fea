"""What the desk tells those who watch it from outside: that it is alive, whether it can work, its figures."""

import asyncio
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from ingram_assets.desk.access import METRICS
from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.metrics import CONTENT_TYPE, metrics_text
from ingram_assets.desk.readiness import SystemState
from ingram_assets.desk.site_guard import HEALTH, READY
from ingram_assets.overview.figures import RunFigures, run_figures, shop_figures

router = APIRouter(include_in_schema=False)

_FRESH = timedelta(seconds=10)


@router.get(HEALTH)
async def alive() -> dict[str, str]:
    """The process answers. No outside system is asked, and no thread is waited for."""
    return {"status": "ok"}


@router.get(READY)
async def ready(request: Request) -> JSONResponse:
    """Whether the desk can work; 503 where a system is away, or takes no writes, and nothing else of it."""
    systems = await request.app.state.readiness.look()
    is_ready = all(state is SystemState.OK for state in systems.values())
    status = "ready" if is_ready else "not ready"
    headers = {} if is_ready else {"Retry-After": "5"}
    return JSONResponse({"status": status, **systems}, 200 if is_ready else 503, headers)


@router.get(METRICS)
async def metrics(request: Request) -> Response:
    """The figures, of whatever answers within seconds."""
    state = request.app.state
    # The board's last look may be over while a system hangs since.
    states, board, runs, in_flight = await asyncio.gather(
        state.readiness.look(),
        run_in_threadpool(state.board.state),
        run_in_threadpool(_runs, state.lookups),
        run_in_threadpool(_in_flight, state.lookups),
    )
    systems = {name: state is not SystemState.AWAY for name, state in states.items()}
    # What they said a moment before is not told any more, either.
    runs, in_flight = runs if systems["dagster"] else None, in_flight if systems["queue"] else None
    text = metrics_text(shop_figures(board, datetime.now(UTC), systems), runs, in_flight)
    return Response(text, headers={"Content-Type": CONTENT_TYPE})


def _runs(lookups: Lookups) -> RunFigures | None:
    """What Dagster counts; `None`: it does not answer now, and what it said last is of another hour."""

    def look() -> RunFigures:
        return lookups.view.ask(lambda instance: run_figures(instance, datetime.now(UTC)))

    answer = lookups.dagster_known.ask(("figures",), look, fresh_for=_FRESH)
    return answer.value if answer.why_not is None else None


def _in_flight(lookups: Lookups) -> int | None:
    answer = lookups.queue_known.ask(("in flight",), lookups.queue.requests_in_flight)
    return answer.value if answer.why_not is None else None
